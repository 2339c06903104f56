"""What exports, imports and backups share: formats, file names, and signals that must not leave temporary files."""

import os
import signal
from contextlib import AbstractContextManager

from ..todo.formats import FORMATS
from .config import Kind, default_store, user_dir
from .errors import UsageError
from .session import Session
from .signals import raised


def check_format(format: str | None, *, writing: bool = False) -> None:
    """Raise `UsageError` if there is no such format, or if it cannot be written."""
    known = [each.name for each in FORMATS.values() if each.writes or not writing]
    if format is not None and format not in known:
        raise UsageError(f"there is no format {format!r}", f"the formats are {', '.join(known)}")


def cleaning_up() -> AbstractContextManager[None]:
    """Let SIGTERM and SIGHUP end the process only after the block has removed its temporary files."""
    return raised(signal.SIGTERM, signal.SIGHUP)


def file_name(name: str) -> bytes:
    """Return the bytes of a file name from the command line, whatever the locale."""
    return name.encode("utf-8", "surrogateescape")


def own_folders(session: Session) -> list[bytes]:
    """Return the folders of this program, and of the stores that this run names: no export may overwrite their files."""
    urls = (session.store.url, session.config.store or "", default_store())
    folders = [url.removeprefix("jsonl:") for url in urls if url.startswith("jsonl:")]
    kinds: tuple[Kind, ...] = ("config", "state", "cache")
    folders += map(user_dir, kinds)
    return sorted({os.fsencode(os.path.expanduser(folder)) for folder in folders})
