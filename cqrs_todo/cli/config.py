"""Where things are, and `config.toml`."""

import os
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import platformdirs

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


def config_file() -> Path:
    """The path of the configuration file, which need not exist."""
    return Path(platformdirs.user_config_dir(APP)) / "config.toml"


def default_store() -> str:
    """The store's URL when none is named."""
    return f"jsonl:{platformdirs.user_data_dir(APP)}"


def cache_dir() -> Path:
    """Where what can be rebuilt is kept."""
    return Path(platformdirs.user_cache_dir(APP))


def state_dir() -> Path:
    """Where reports of internal errors are kept."""
    return Path(platformdirs.user_state_dir(APP))


def default_author() -> str:
    """user@host."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid{os.getuid()}"
    return printable(f"{user}@{os.uname().nodename}")


def load_config() -> Config:
    """The configuration; raises `UsageError` naming the file, the key and what it may be."""
    path = config_file()
    if not path.exists():
        return Config()
    import tomllib

    try:
        if not path.is_file():
            raise UsageError(f"{path} is no regular file", "mend or remove it")
        values = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "mend or remove the file") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", "mend or remove the file") from error
    for key, value in values.items():
        _check(path, key, value)
    return Config(**values)


def _check(path: Path, key: str, value: Any) -> None:
    if key not in _KEYS:
        raise UsageError(f"{path}: unknown key {key!r}", f"the keys are {', '.join(_KEYS)}")
    choices = _CHOICES.get(key)
    if not isinstance(value, str) or (choices is not None and value not in choices):
        wanted = " or ".join(f'"{choice}"' for choice in choices) if choices else 'text in "quotes"'
        raise UsageError(f"{path}: {key} must be {wanted}", "mend the file")
