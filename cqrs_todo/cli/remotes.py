"""Which remote `todo sync` uses: a name from `config.toml`, a URL, or the one that was used last."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..cqrs.errors import CqrsError, StoreUnavailable
from ..cqrs.operation_errors import OutdatedStore
from ..cqrs.stores import open_store
from ..cqrs.stores.passwords import without_password
from .config import config_content, config_file, sync_dir
from .errors import UsageError
from .session import Session, check_text

if TYPE_CHECKING:
    from ..todo.sync.memory import Memory

_FOLDERS = ("jsonl", "folder")
_FORMS = "postgresql://HOST/DATABASE, jsonl:DIR or folder:DIR"


def about_remote(error: CqrsError, url: str) -> CqrsError:
    """Return an error of a sync, with a hint about the remote if it is not about the store in use.

    Args:
        error: The error.
        url: The URL of the remote, as `find_remote` returns it.
    """
    from ..todo.errors import OutdatedRemote, RemoteUnavailable

    scheme, _, folder = url.partition(":")
    kind: type[RemoteUnavailable | OutdatedRemote] = RemoteUnavailable
    if isinstance(error, OutdatedStore):
        kind = OutdatedRemote
        hint = f"bring it up to date: todo --store {shlex.quote(remembered(url))} store migrate"
    elif _code_of_server(error) == "22P05":  # a character that the encoding of the database lacks
        hint = "make a database that holds all characters, and sync with that: createdb -E UTF8 -T template0 NAME"
    elif _code_of_server(error) == "25006":  # the session is read-only
        hint = "the server takes no changes now: try again later, or give another URL: todo sync URL"
    elif isinstance(error, RemoteUnavailable) and "no password supplied" in str(error):
        hint = "a password in a URL that is typed is not remembered: write it into ~/.pgpass, or the URL into config.toml"
    elif isinstance(error, RemoteUnavailable) and "FATAL:" in str(error):
        # the word for what a server says before it hangs up
        hint = "the server is running, but refuses: correct the URL, or try again later: todo sync URL"
        if (missing := re.search(r'database "(.+)" does not exist', str(error))) is not None:
            hint = f"make the database on the server: createdb {shlex.quote(missing[1])}; or correct the URL: todo sync URL"
    elif type(error) is StoreUnavailable and scheme in ("jsonl", "folder") and folder in str(error):
        hint = f"look at the folder of the remote, and try again: ls -la {shlex.quote(folder)}"
    else:
        return error
    better = kind(str(error), hint)
    for note in getattr(error, "__notes__", ()):
        better.add_note(note)
    return better


def _code_of_server(error: BaseException | None) -> str | None:
    """Return PostgreSQL's code of the error that led to an error; None if none did. Its texts depend on its language."""
    while error is not None and not hasattr(error, "sqlstate"):
        error = error.__cause__
    return getattr(error, "sqlstate", None)


def find_remote(session: Session, word: str | None, memory: "Memory") -> tuple[str, str]:
    """Return the URL of a remote, and what to remember it by.

    Args:
        session: This run of the program.
        word: What was typed: a name or a URL; None for nothing.
        memory: What this machine remembers of its syncs.

    Raises:
        UsageError: It is neither, or nothing was typed and it is not known which remote to use.
    """
    named = session.config.sync
    word = word or memory.last or (next(iter(named)) if len(named) == 1 else "")
    if not word:
        others = {remembered(url) for url in named.values()}
        words = [*named, *(url for url in memory.remotes if url not in others)]
        ways = " or ".join(f"todo sync {shlex.quote(each)}" for each in words)
        raise UsageError("it is not known what to sync with", f"name it: {ways}" if words else f"give its URL: {_FORMS}")
    if word in named:
        return _absolute(session, named[word]), word
    if ":" not in word:
        known = f"the names in config.toml are {', '.join(named)}" if named else "config.toml names no remote"
        if "/" in word or word in ("~", ".", ".."):
            known = f"for a folder: todo sync {shlex.quote(f'folder:{word}')}; {known}"
        raise UsageError(f"there is no remote {word!r}", f"{known}; or give a URL: {_FORMS}")
    url = _absolute(session, check_text("URL", word))
    return url, without_password(url)


def find_known(session: Session, word: str | None, known: Sequence[str]) -> str:
    """Return the URL of a remote that this machine knows, as it is remembered, or of one that `config.toml` names.

    Args:
        session: This run of the program.
        word: What was typed: a name or a URL; None for nothing.
        known: The URLs that are remembered.

    Raises:
        UsageError: It is neither, or nothing was typed.
    """
    named = session.config.sync
    words = list(dict.fromkeys([*named, *known]))
    if word is None:
        raise UsageError("no remote to remove is named", f"name one of {', '.join(words) or 'those you use'}")
    if word in known:
        return word
    url = remembered(named.get(word, word))
    if word not in named and url not in known:
        raise UsageError(
            f"there is no remote {without_password(word)!r}",
            f"those that this machine knows are {', '.join(words)}" if words else "this machine knows none",
        )
    return url


def remembered(url: str) -> str:
    """Return a URL as it is remembered, whatever way it was typed in."""
    scheme, _, path = url.partition(":")
    if scheme in _FOLDERS:
        return f"{scheme}:{os.path.abspath(os.path.expanduser(path))}"
    from ..cqrs.stores.postgres.heads import quick_address
    from ..todo.recorder import TYPES

    found = quick_address(url) if scheme in ("postgresql", "postgres") else None
    if found is not None:
        return found
    try:
        return open_store(url, TYPES).url
    except CqrsError:  # it names no store, or one for which a package is not installed
        return without_password(url)


def proposed(session: Session) -> Iterator[tuple[str, str]]:
    """Yield the words that may be typed for remotes that are known, and what they mean."""
    from ..todo.sync.memory import MemoryFile

    named = {name: remembered(url) for name, url in session.config.sync.items()}
    yield from named.items()
    for url in MemoryFile(sync_dir(session.store_url)).load().remotes:
        if url not in named.values():
            yield url, "synced before"


def lines_in_config(names: Sequence[str]) -> list[tuple[str, int, str]]:
    """Return where the tables of remotes are in the configuration file.

    Args:
        names: The names of the remotes.

    Returns:
        For each, the path of the file, the number of the line, which is 0 if it is written in another way, and the name.
    """
    lines = (config_content() or b"").decode("utf-8-sig").splitlines()
    found = []
    for name in names:
        table = re.compile(rf"""\s*\[\s*sync\s*\.\s*(["']?){re.escape(name)}\1\s*\]""")
        line = next((number for number, line in enumerate(lines, 1) if table.match(line)), 0)
        found.append((config_file(), line, name))
    return found


def _absolute(session: Session, url: str) -> str:
    """Return a URL with an absolute path, because it is remembered, and the next sync may run in another folder.

    Raises:
        UsageError: The folder is that of the store in use, is in it, or contains it. Or the URL begins with the home folder
            of an unknown user.
    """
    scheme, _, path = url.partition(":")
    if scheme not in _FOLDERS or not path:
        return url
    full = os.path.expanduser(path)
    if full.startswith("~"):
        raise UsageError(f"{url}: there is no such user with a home folder", "write the complete path of the folder")
    full = os.path.abspath(full)
    own_scheme, _, own = session.store_url.partition(":")
    if own_scheme == "jsonl":
        _check_apart(url, os.path.realpath(full), os.path.realpath(own))
    return f"{scheme}:{full}"


def _check_apart(url: str, folder: str, store: str) -> None:
    """Check that the files of a remote and those of the store in use are not in one folder.

    Raises:
        UsageError: One of the two folders is in the other one, or is the same.
    """
    where = {folder: "contains", store: "is in"}.get(os.path.commonpath([folder, store]))
    if where is not None:
        relation = "is" if folder == store else where
        raise UsageError(f"{url} {relation} the store of the lists themselves, {store}", "give a folder apart from it")
