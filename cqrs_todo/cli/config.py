"""Where the program keeps its files, and the settings in `config.toml`."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, TypeAlias, get_args

from ..cqrs.errors import CqrsError, InvalidLogName
from ..cqrs.names import check_log_name, name_key
from ..cqrs.struct import Struct
from ..todo.values import ATTRIBUTE_KINDS, AttributeKind
from .errors import UsageError
from .text import printable

APP = "cqrs-todo"
Color: TypeAlias = Literal["auto", "always", "never"]
COLORS: tuple[Color, ...] = get_args(Color)
DateOrder: TypeAlias = Literal["DMY", "MDY", "YMD"]
DATE_ORDERS: tuple[DateOrder, ...] = get_args(DateOrder)


class Filter(Struct, frozen=True):
    """A query that is saved under a name.

    Args:
        where: The query.
        sort: The keys by which `ls` sorts what it wants; None for the usual order.
        lists: The names of the lists that `ls` searches; none for the list in use.
    """

    where: str
    sort: str | None = None
    lists: tuple[str, ...] = ()


class Config(Struct, frozen=True):
    """The keys of `config.toml`, with their defaults; docs/configuration.md explains each."""

    list: str | None = None
    store: str | None = None
    author: str | None = None
    color: Color = "auto"
    date_order: DateOrder | None = None
    filters: Mapping[str, Filter] = {}
    attributes: Mapping[str, AttributeKind] = {}
    reaction: Sequence[Mapping[str, Any]] = ()
    remind: Mapping[str, Any] = {}
    sync: Mapping[str, str] = {}


_KEYS = Config.__struct_fields__
_LATER: dict[str, type] = {"reaction": list, "remind": dict}
"""The keys whose tables are parsed by those who use them, in `reaction_tables`, and the types of their values."""
_CHOICES: dict[str, tuple[str, ...]] = {"color": COLORS, "date_order": DATE_ORDERS}


Kind: TypeAlias = Literal["config", "data", "cache", "state"]
_USUAL: dict[Kind, str] = {"config": ".config", "data": ".local/share", "cache": ".cache", "state": ".local/state"}
"""For each kind, its folder below the home folder, from the XDG Base Directory Specification."""

_LONGEST_NAME = 200
_LARGEST = 1 << 20  # bytes; a configuration has a few hundred


def user_dir(kind: Kind) -> str:
    """Return this program's folder for one kind of file, in the place that the platform prescribes."""
    if sys.platform == "linux":  # the usual cases, without importing platformdirs, which makes every start slower
        named, home = os.environ.get(f"XDG_{kind.upper()}_HOME", ""), os.environ.get("HOME", "")
        if os.path.isabs(named):
            return os.path.join(named, APP)
        if os.path.isabs(home):
            return f"{home.rstrip('/')}/{_USUAL[kind]}/{APP}"
    import platformdirs

    ask: dict[Kind, Callable[[str], str]] = {
        "config": platformdirs.user_config_dir,
        "data": platformdirs.user_data_dir,
        "cache": platformdirs.user_cache_dir,
        "state": platformdirs.user_state_dir,
    }
    return ask[kind](APP)


def config_file() -> str:
    """Return the path of the configuration file. The file need not exist."""
    return os.path.join(user_dir("config"), "config.toml")


def default_store() -> str:
    """Return the URL of the store that is used when nobody names one."""
    return f"jsonl:{user_dir('data')}"


def cache_dir() -> str:
    """Return the folder for files that can be built again, such as snapshots."""
    return user_dir("cache")


def state_dir() -> str:
    """Return the folder for what this machine remembers of its syncs, and for reports of internal errors."""
    return user_dir("state")


def sync_dir(store: str) -> str:
    """Return the folder for what this machine remembers of the syncs of a store.

    To the remotes, another store than the usual one is another machine: in a shared folder, its files are its own.
    """
    place, usual = (
        f"jsonl:{os.path.realpath(url.removeprefix('jsonl:'))}" if url.startswith("jsonl:") else url
        for url in (store, default_store())
    )
    if place == usual:
        return state_dir()
    from hashlib import sha256  # only syncs need this

    return os.path.join(state_dir(), "stores", sha256(place.encode()).hexdigest()[:16])


def renumbered_file(log_id: str) -> str:
    """Return the path of the file that says what merges have renumbered and moved since a list was last shown."""
    # another program may have given a log any id
    name = log_id if log_id.isalnum() and log_id.isascii() else log_id.encode().hex()
    return os.path.join(state_dir(), "renumbered", f"{name[:_LONGEST_NAME]}.json")


def default_author() -> str:
    """Return the author who is recorded when the configuration names none: user@host."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or _user_of_database()
    return printable(f"{user}@{os.uname().nodename}")


def _user_of_database() -> str:
    """Return the user's name from the password database; the number of the user if the database has no such user."""
    import pwd  # most environments name the user

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"


@contextmanager
def naming(what: str, kind: type[CqrsError] = CqrsError) -> Iterator[None]:
    """Add to an error that its cause is a value in the configuration file, which nobody has typed now.

    Args:
        what: The key of the value.
        kind: The class of the errors to which it is added.
    """
    try:
        yield
    except kind as error:
        error.add_note(f"this is {what} in {config_file()}")
        raise


def naming_filter() -> AbstractContextManager[None]:
    """Add to an error for a list that is not there that a saved filter in the configuration file names the list."""
    from ..todo.errors import NotFound  # few runs use a saved filter

    return naming("`list` of the saved filter", NotFound)


def config_content() -> bytes | None:
    """Return the content of the configuration file; None if there is none.

    Raises:
        UsageError: It cannot be read.
    """
    return _read(config_file())


def load_config() -> Config:
    """Read the configuration.

    Only a file that does not exist counts as absent. Anything else that cannot be read is an error: the program must not go
    on with its defaults, because changes would then go to another store than the one that the file names.

    Raises:
        UsageError: The file is wrong; the message says what and where.
    """
    path = config_file()
    content = _read(path)
    return Config() if content is None else parse_config(content, path)


def parse_config(content: bytes, path: str) -> Config:
    """Return the configuration that the content of a file holds.

    Args:
        content: The content.
        path: What messages call the file.

    Raises:
        UsageError: It is wrong; the message says what and where.
    """
    import tomllib

    try:
        values = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", "correct the file, or remove it") from error
    for key, value in values.items():
        if key == "filters":
            values[key] = _filters(path, value)
        elif key == "attributes":
            values[key] = _attributes(path, value)
        elif key == "sync":
            values[key] = _remotes(path, value)
        elif key in _LATER:
            _check_tables(path, key, value)
        else:
            _check(path, key, value)
    return Config(**values)


def _check_tables(path: str, key: str, value: Any) -> None:
    """Check that a key has a table, or several tables; their keys are checked where they are used."""
    if not isinstance(value, _LATER[key]) or (isinstance(value, list) and not all(isinstance(each, dict) for each in value)):
        head = "[[reaction]]" if key == "reaction" else "[remind]"
        raise UsageError(f"{path}: {key} must be a table below the line {head}", f"write {head} and the keys below it")


def _filters(path: str, tables: Any) -> dict[str, Filter]:
    """Return the saved filters, by name."""
    if not isinstance(tables, dict):
        raise UsageError(f"{path}: filters must be tables", 'write [filters.work] and below it where = "+work"')
    found: dict[str, Filter] = {}
    for name, table in tables.items():
        what = f"{path}: the filter {name!r}"
        if not isinstance(table, dict):
            raise UsageError(f"{what} must be a table", f'write [filters.{name}] and below it where = "+work"')
        unknown = sorted(set(table) - {"where", "sort", "list"})
        if unknown:
            raise UsageError(f"{what} has no key {unknown[0]!r}", "the keys are where, sort and list")
        if not isinstance(table.get("where"), str):
            raise UsageError(f"{what} needs `where`, a query in quotes", 'write, for instance: where = "+work"')
        if not isinstance(table.get("sort", "due"), str) or not table.get("sort", "due").strip():
            raise UsageError(f"{what}: `sort` must be a text", 'write, for instance: sort = "due,-priority"')
        lists = table.get("list", [])
        if not isinstance(lists, list) or not all(isinstance(each, str) for each in lists):
            raise UsageError(f"{what}: `list` must be a list of names", 'write, for instance: list = ["work"]')
        once: dict[str, str] = {}  # two names may mean one list
        for each in lists:
            _check_list(f"{what}: `list`: a list's name", each)
            once.setdefault(name_key(each), each)
        found[name] = Filter(table["where"], table.get("sort"), tuple(once.values()))
    return found


def _remotes(path: str, tables: Any) -> dict[str, str]:
    """Return the URLs of the remotes, by name."""
    example = 'and below it, for instance, url = "folder:~/Sync/todo"'
    if not isinstance(tables, dict):
        raise UsageError(f"{path}: sync must be tables", f"write [sync.home] {example}")
    found: dict[str, str] = {}
    for name, table in tables.items():
        what = f"{path}: sync.{name}"
        if not isinstance(table, dict):
            raise UsageError(f"{what} must be a table", f"write [sync.{name}] {example}")
        unknown = sorted(set(table) - {"url"})
        if unknown:
            raise UsageError(f"{what} has no key {unknown[0]!r}", "the only key is url")
        url = table.get("url")
        if not isinstance(url, str) or not url.startswith(("postgresql:", "postgres:", "jsonl:", "folder:")) or "\0" in url:
            raise UsageError(
                f"{what}.url must be the URL of a remote, in quotes",
                "write postgresql://HOST/DATABASE, jsonl:DIR or folder:DIR",
            )
        _check_whole_path(f"{what}.url", url)
        if ":" in name:
            raise UsageError(f"{what}: the name of a remote must not contain a colon", "give it another name")
        found[name] = url
    return found


def _attributes(path: str, kinds: Any) -> dict[str, AttributeKind]:
    """Return the kinds of the declared attributes, by name."""
    from ..cqrs.errors import Rejected  # few configurations declare attributes
    from ..todo.query import KEYS
    from ..todo.values import check_attribute, nfc
    from ..todo.views import OTHER_COLUMNS

    example = 'write [attributes] and below it, for instance, estimate = "text"'
    if not isinstance(kinds, dict):
        raise UsageError(f"{path}: attributes must be a table", example)
    for name, kind in kinds.items():
        if kind not in ATTRIBUTE_KINDS:
            wanted = " or ".join(f'"{each}"' for each in ATTRIBUTE_KINDS)
            raise UsageError(f"{path}: the attribute {name!r} must be {wanted}", example)
        try:
            check_attribute(name, kind)
        except Rejected as error:
            raise UsageError(f"{path}: {error}", "give it another name") from error
        if name.lower() in KEYS or name.lower() in OTHER_COLUMNS:
            raise UsageError(f"{path}: an attribute cannot be named {name!r}, which has a meaning", "give it another name")
    if len({nfc(name).lower() for name in kinds}) < len(kinds):
        raise UsageError(f"{path}: two attributes differ only in their case", "give one of them another name")
    return {nfc(name): kind for name, kind in kinds.items()}


def _read(path: str) -> bytes | None:
    """Return the bytes of the configuration file; None if it does not exist."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is not a regular file", "put a file in its place, or remove it")
        if status.st_size > _LARGEST:
            raise UsageError(
                f"{path} has {status.st_size:,} bytes, more than {_LARGEST:,}", "correct the file, or remove it"
            )
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        _check_absent(path)
        return None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", "correct its path or permissions, or remove it"
        ) from error


def _check_absent(path: str) -> None:
    """Raise `UsageError` if a file was not found because its own name, or a folder above it, is a dangling link."""
    while True:
        try:
            os.lstat(path)
            break
        except FileNotFoundError:
            above = os.path.dirname(path)
            if above == path:
                return
            path = above
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", "correct its path or permissions") from error
    if not os.path.exists(path):
        raise UsageError(
            f"{config_file()} cannot be read: {path} is a link to a file that does not exist",
            "correct the link, or remove it",
        )


def _check(path: str, key: str, value: Any) -> None:
    if key not in _KEYS:
        raise UsageError(f"{path}: unknown key {key!r}", f"the keys are {', '.join(_KEYS)}")
    choices = _CHOICES.get(key)
    if not isinstance(value, str) or (choices is not None and value not in choices):
        wanted = " or ".join(f'"{choice}"' for choice in choices) if choices else 'text in "quotes"'
        raise UsageError(f"{path}: {key} must be {wanted}", "correct the file")
    if not value.strip():
        raise UsageError(f"{path}: {key} is empty", "give it a value, or leave it out")
    if key == "list":
        _check_list(f"{path}: {key}: a list's name", value)
    if "\0" in value:  # no path or server name can hold one
        raise UsageError(f"{path}: {key} must not contain the character NUL", "correct the file")
    if key == "store" and not value.startswith("folder:"):  # no store has such a URL, which is reported later
        _check_whole_path(f"{path}: {key}", value)


def _check_whole_path(what: str, url: str) -> None:
    """Check that a URL that names a folder does so by a whole path; `what` begins the message.

    With another one, the todos would depend on the folder in which somebody works.
    """
    scheme, _, folder = url.partition(":")
    if scheme in ("jsonl", "folder") and folder and not folder.startswith(("/", "~")):
        raise UsageError(
            f"{what} must name a folder by its whole path, not {folder!r}", f"write {scheme}:/… or {scheme}:~/…"
        )


def _check_list(what: str, name: str) -> None:
    """Check that a list can have a name; `what` begins the message."""
    try:
        check_log_name(name)
    except InvalidLogName as error:
        raise UsageError(f"{what} {error.reason}", "correct the file") from error
