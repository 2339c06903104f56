"""Where things are, and `config.toml`."""

import os
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

from ..cqrs.struct import Struct
from .errors import UsageError
from .text import printable

APP = "cqrs-todo"
Color: TypeAlias = Literal["auto", "always", "never"]
COLORS: tuple[Color, ...] = get_args(Color)
DateOrder: TypeAlias = Literal["DMY", "MDY", "YMD"]
DATE_ORDERS: tuple[DateOrder, ...] = get_args(DateOrder)


class Config(Struct, frozen=True):
    """What `config.toml` may say; each key is explained in docs/configuration.md."""

    list: str | None = None
    store: str | None = None
    author: str | None = None
    color: Color = "auto"
    date_order: DateOrder | None = None


_KEYS = Config.__struct_fields__
_CHOICES: dict[str, tuple[str, ...]] = {"color": COLORS, "date_order": DATE_ORDERS}


Kind: TypeAlias = Literal["config", "data", "cache", "state"]
_USUAL: dict[Kind, str] = {"config": ".config", "data": ".local/share", "cache": ".cache", "state": ".local/state"}
"""The folders in the home where Linux keeps what is of a kind, as the XDG Base Directory Specification has it."""


def user_dir(kind: Kind) -> str:
    """This program's folder for what is of a kind, where the platform wants it."""
    if sys.platform == "linux":  # the plain cases, without platformdirs, which takes half as long as Python itself to import
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
    """The path of the configuration file, which need not exist."""
    return os.path.join(user_dir("config"), "config.toml")


def default_store() -> str:
    """The store's URL when none is named."""
    return f"jsonl:{user_dir('data')}"


def cache_dir() -> str:
    """Where what can be rebuilt is kept."""
    return user_dir("cache")


def state_dir() -> str:
    """Where reports of internal errors are kept."""
    return user_dir("state")


def default_author() -> str:
    """user@host."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid{os.getuid()}"
    return printable(f"{user}@{os.uname().nodename}")


def load_config() -> Config:
    """The configuration; raises `UsageError` naming the file, the key and what it may be."""
    path = config_file()
    if not os.path.exists(path):
        return Config()
    import tomllib

    try:
        if not os.path.isfile(path):
            raise UsageError(f"{path} is no regular file", "mend or remove it")
        with open(path, "rb") as file:
            values = tomllib.loads(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "mend or remove the file") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", "mend or remove the file") from error
    for key, value in values.items():
        _check(path, key, value)
    return Config(**values)


def _check(path: str, key: str, value: Any) -> None:
    if key not in _KEYS:
        raise UsageError(f"{path}: unknown key {key!r}", f"the keys are {', '.join(_KEYS)}")
    choices = _CHOICES.get(key)
    if not isinstance(value, str) or (choices is not None and value not in choices):
        wanted = " or ".join(f'"{choice}"' for choice in choices) if choices else 'text in "quotes"'
        raise UsageError(f"{path}: {key} must be {wanted}", "mend the file")
