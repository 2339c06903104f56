"""What is noted in a log's lock file: how far the log had come when it was last written, and whether syncing it failed.

The first is the head: with it a log that was cut at a line's end is noticed. The second is a mark behind it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from ..chain import Spot
from ..checksum import CHECKSUM_LENGTH, checked, is_whole
from ..seals import end_of_line, last_sum
from .files import OPEN_SAFELY, beside, close, open_or_make

_HEAD_LENGTH = 256
_SUSPECT = b"suspect\n"


class _Head(msgspec.Struct, frozen=True):
    """A spot, but for the number of its line, and the id of its log."""

    log: str
    offset: int
    position: int
    sum: str


_decode = msgspec.json.Decoder(_Head).decode


def stands_in(fd: int, spot: Spot) -> bool:
    """Whether a file has a line which ends at a spot, with its sum."""
    ending = end_of_line(spot.sum)
    return os.pread(fd, len(ending), max(0, spot.offset - len(ending))) == ending


def stands_but_for_lf(spot: Spot, offset: int, tail: bytes) -> bool:
    """Whether a line that lacks its LF, and stands at an offset, is the one that ends at a spot."""
    return (spot.offset, spot.sum) == (offset + len(tail) + 1, last_sum(tail + b"\n"))


def lock_of(path: str) -> str:
    """The lock file of a log's file."""
    return beside(path, "lock")


def read_notes(lock: int) -> tuple[bytes, bool]:
    """The note of the head, and whether a sync of the log had failed; raises `OSError`, which must not pass for a no."""
    content = os.pread(lock, _HEAD_LENGTH + len(_SUSPECT), 0)
    return content[:_HEAD_LENGTH], content[_HEAD_LENGTH:] == _SUSPECT


def read_note(path: str) -> bytes:
    """The note of the head of a log's file; empty where it can't be had: the head is then unknown, which is no error."""
    try:
        fd = os.open(lock_of(path), os.O_RDONLY | OPEN_SAFELY)
    except OSError:
        return b""
    try:
        note, _ = read_notes(fd)
    except OSError:
        return b""
    finally:
        close(fd)
    return note


def noted(path: str) -> bytes:
    """The note of the head of a log's file; empty if there is none. Raises `OSError` if that can't be known.

    Use this, and not `read_note`, where a log is not there: only the note says whether it ever was.
    """
    try:
        fd = os.open(lock_of(path), os.O_RDONLY | OPEN_SAFELY)
    except FileNotFoundError:
        return b""
    try:
        note, _ = read_notes(fd)
    finally:
        close(fd)
    return note if note.strip(b"\0") else b""


def record_in(note: bytes) -> tuple[str, Spot] | None:
    """The id of the log that a note is about, and its head, of which the line's number is not known (0).

    None for no note.
    """
    try:
        head = _decode(note[CHECKSUM_LENGTH:]) if is_whole(note) else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return None if head is None else (head.log, Spot(0, head.offset, head.sum.encode(), head.position))


def head_in(note: bytes, log: str) -> Spot | None:
    """The head of a log that a note gives; None if it gives none, or that of another log."""
    record = record_in(note)
    return record[1] if record is not None and record[0] == log else None


def any_head(note: bytes) -> tuple[str, Spot] | None:
    """The id of the log that a note is about, and the head that it gives; None if the note is not whole."""
    try:
        head = _decode(note[CHECKSUM_LENGTH:]) if is_whole(note) else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return (head.log, Spot(0, head.offset, head.sum.encode(), head.position)) if head is not None else None


def head_note(log: str, head: Spot) -> bytes:
    """The note of a log's head."""
    note = _Head(log, head.offset, head.position, head.sum.decode())
    return checked(msgspec.json.encode(note).ljust(_HEAD_LENGTH - CHECKSUM_LENGTH - 1) + b"\n")


def write_note(lock: int, note: bytes) -> None:
    """Keep the note of a log's head, up to which it was synced, in its lock file, which the caller holds.

    It is not synced. After a crash an older head may be noted, which is right too, but notices less. A commit that is
    recorded does not depend on the note, so the note is left out if it cannot be written, or is too long because another
    program gave the log a long id.
    """
    if len(note) > _HEAD_LENGTH:
        return
    try:
        os.pwrite(lock, note, 0)
    except OSError:
        return  # `suppress` would cost as much as the call


def keep_head(path: str, log: str, head: Spot) -> None:
    """Note a log's head, by the name of its file."""
    with suppress(OSError), _opened(path) as lock:
        write_note(lock, head_note(log, head))


def mark_suspect(path: str) -> None:
    """Note that a sync of a log's file failed; raises `OSError`.

    Readers may, without the lock: the mark is no part of the head, so that nobody overwrites it. It needs no sync: it
    matters only as long as the kernel's pages live.
    """
    with _opened(path) as lock:
        os.pwrite(lock, _SUSPECT, _HEAD_LENGTH)


def clear_suspect(lock: int) -> None:
    """Take the mark away, the log having been written anew."""
    os.ftruncate(lock, _HEAD_LENGTH)


def clear_notes(path: str) -> None:
    """Forget, durably, what is noted of a log's file; raises `OSError`."""
    with _opened(path) as lock:
        os.ftruncate(lock, 0)
        os.fsync(lock)


@contextmanager
def moving_notes(source: str, target: str) -> Iterator[None]:
    """Move what is noted of one log's file to another, while the block renames the one to the other.

    The new name has the notes, durably, before the block begins, and the old name loses them after it ends. So a crash
    leaves at most a note too many, of a log that is found under the other name; that is no sign of a missing log. The lock
    files, which the caller holds, stay where they are. Raises `OSError`.
    """
    with _opened(source) as old, _opened(target) as new:
        note, suspect = read_notes(old)
        os.pwrite(new, note.ljust(_HEAD_LENGTH, b"\0"), 0)
        if suspect:
            os.pwrite(new, _SUSPECT, _HEAD_LENGTH)
        os.fsync(new)
        yield
        with suppress(OSError):  # a note too many, as after a crash
            os.ftruncate(old, 0)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    lock = open_or_make(lock_of(path), os.O_RDWR)
    try:
        yield lock
    finally:
        close(lock)
