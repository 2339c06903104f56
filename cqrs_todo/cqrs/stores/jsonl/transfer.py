"""Taking in the lines of a log that was exported elsewhere, byte for byte."""

import os
from collections.abc import Iterable

from ...core import Progress, Rejected
from ..chain import Spot
from ..format import decode_header
from .check import examine
from .files import close, explained, remove, sync_directory, there, write_all
from .notes import head_in, keep_head, read_note, stands_in

_BLOCK = 1 << 20


def take_in(path: str, name: str, lines: Iterable[bytes], progress: Progress) -> int:
    """Make the log in a file these lines, if it is their beginning or is not there yet; the number of new commits.

    The caller holds the log's lock. The lines are written beside it and walked before they count. Raises `Rejected` and
    `StoreUnavailable`.
    """
    incoming = os.path.join(os.path.dirname(path), f".{name}.incoming")
    with explained(path, "; nothing was imported"):
        remove(incoming)
        try:
            first, size = _write(incoming, lines)
            verdict = examine(incoming, name, progress)
            if verdict.damage is not None:
                damage = verdict.damage
                raise Rejected(f"line {damage.line}, byte {damage.byte}: {damage.detail}; nothing was imported")
            header, _ = decode_header(first)
            known = 0
            if there(path):
                known = examine(path, name, progress).commits
                if _begins_with(path, incoming):
                    return 0
                if not _begins_with(incoming, path):
                    raise Rejected(f"{name} has another history than these lines; nothing was imported")
            _check_head(path, incoming, header.id)
            os.rename(incoming, path)
            sync_directory(os.path.dirname(path))
        finally:
            remove(incoming)
    keep_head(path, header.id, Spot(1 + verdict.commits, size, verdict.head.encode(), verdict.events))
    return verdict.commits - known


def _check_head(path: str, incoming: str, log: str) -> None:
    """Raise `Rejected` where lines that are to take a log's place end before what it had come to: it has lost its end."""
    head = head_in(read_note(path), log)
    with open(incoming, "rb") as file:
        if head is not None and not stands_in(file.fileno(), head):
            told = f"@{head.position} had been recorded, and these lines end before it; nothing was imported"
            raise Rejected(f"{told}: import a later export, or put the log's file in its place and repair the list")


def _write(path: str, lines: Iterable[bytes]) -> tuple[bytes, int]:
    """Write the lines, each with its LF, to a new private file, durably; the first without its LF, and their size."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    first, size = None, 0
    try:
        os.fchmod(fd, 0o600)
        for line in lines:
            first = line[:-1] if first is None else first
            write_all(fd, line)
            size += len(line)
        os.fsync(fd)
    finally:
        close(fd)
    return first or b"", size


def _begins_with(longer: str, shorter: str) -> bool:
    """Whether a file's bytes begin with all of another's."""
    with open(longer, "rb") as whole, open(shorter, "rb") as beginning:
        while block := beginning.read(_BLOCK):
            if whole.read(len(block)) != block:
                return False
    return True
