"""The head record of a log: how far the log had come when it was last synced. It is kept in the log's lock file.

With it a log is known to be incomplete even if it was cut at the end of a line. After the head record the lock file may hold
a flag which says that a sync of the log failed, and after that the record of the end of what was written, synced or not.
Whoever replaces or renames the file of the log removes that last record.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from ...cursor import Cursor
from ...errors import OutcomeUnknown
from ..hash_chain import CHECKSUM_LENGTH, end_of_line, is_whole, last_digest, with_checksum
from .files import OPEN_SAFELY, beside, close, open_or_make

_LENGTH = 256
_SYNC_FAILED = b"suspect\n"
_END = _LENGTH + len(_SYNC_FAILED)
"""Where the record of the end of what was written begins."""


class _Head(msgspec.Struct, frozen=True):
    """The head of a log, as it is recorded: a cursor without the number of the line, and the id of the log."""

    log: str
    offset: int
    position: int
    sum: str


_decode = msgspec.json.Decoder(_Head).decode


def holds(fd: int, cursor: Cursor) -> bool:
    """Return whether a file has a line that ends at a cursor, with the cursor's digest.

    Raises:
        OSError: The file cannot be read.
    """
    ending = end_of_line(cursor.digest)
    return os.pread(fd, len(ending), max(0, cursor.offset - len(ending))) == ending


def lacks_only_lf(cursor: Cursor, offset: int, tail: bytes) -> bool:
    """Return whether the unterminated tail of a file, which begins at an offset, is the line that ended at a cursor."""
    return (cursor.offset, cursor.digest) == (offset + len(tail) + 1, last_digest(tail + b"\n"))


def lock_path(path: str) -> str:
    """Return the path of the lock file of a log's file."""
    return beside(path, "lock")


def read_lock_file(lock: int) -> tuple[bytes, bool]:
    """Read an open lock file.

    Returns:
        The head record, and whether a sync of the log had failed.

    Raises:
        OSError: It cannot be read. This must not be mistaken for a lock file without a head record.
    """
    content = os.pread(lock, _END, 0)
    return content[:_LENGTH], content[_LENGTH:] == _SYNC_FAILED


def read_written(lock: int) -> bytes:
    """Return the record of the end of what was written, from an open lock file. It is empty if there is none.

    Raises:
        OSError: It cannot be read.
    """
    return os.pread(lock, _LENGTH, _END)


def read_record(path: str) -> bytes:
    """Return the head record of a log's file. It is empty if there is none or it cannot be read."""
    try:
        return require_record(path)
    except OSError:
        return b""


def require_record(path: str) -> bytes:
    """Return the head record of a log's file. It is empty if there is none.

    Use this instead of `read_record` if the log is not there: only the head record says whether it ever was.

    Raises:
        OSError: It cannot be known.
    """
    record, _ = _read(path)
    return record if record.strip(b"\0") else b""


def has_sync_failed(path: str) -> bool:
    """Return whether a sync of a log's file had failed, and nobody has written the file anew.

    Raises:
        OSError: It cannot be known.
    """
    return _read(path)[1]


def _read(path: str) -> tuple[bytes, bool]:
    """Do what `read_lock_file` does, for the lock file of a log's file, which may be missing."""
    try:
        fd = os.open(lock_path(path), os.O_RDONLY | OPEN_SAFELY)
    except FileNotFoundError:
        return b"", False
    try:
        return read_lock_file(fd)
    finally:
        close(fd)


def log_and_head(record: bytes) -> tuple[str, Cursor] | None:
    """Decode a head record.

    Returns:
        The id of the log, and its head, of which the number of the line is not known (0). None if the record is incomplete.
    """
    try:
        head = _decode(record[CHECKSUM_LENGTH:]) if is_whole(record) else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return None if head is None else (head.log, Cursor(head.position, 0, head.offset, head.sum.encode()))


def head_in(record: bytes, log: str) -> Cursor | None:
    """Return the head in a head record; None if it is incomplete, or that of a log with another id."""
    found = log_and_head(record)
    return found[1] if found is not None and found[0] == log else None


def encode_record(log: str, head: Cursor) -> bytes:
    """Encode the head record of a log.

    Args:
        log: The id of the log.
        head: The cursor at its end.
    """
    document = msgspec.json.encode(_Head(log, head.offset, head.position, head.digest.decode()))
    return with_checksum(document.ljust(_LENGTH - CHECKSUM_LENGTH - 1) + b"\n")


def write_record(lock: int, record: bytes, *, synced: bool = True) -> None:
    """Write the head record of a log into its lock file.

    The record is not synced. After a crash it may be an older one, which is right too but notices less. No recorded commit
    depends on it. Therefore it is left out if it cannot be written, and if it is too long because another program gave the
    log a long id.

    Args:
        lock: The file descriptor of the lock file. The caller holds it, or is the only one who syncs the log.
        record: What `encode_record` returned.
        synced: Whether the log is synced up to there. Otherwise this is only the end of what was written.
    """
    if len(record) > _LENGTH:
        return
    try:
        os.pwrite(lock, record, 0 if synced else _END)
    except OSError:
        return  # not `suppress`: it takes as long as the call itself


def record_head(path: str, log: str, head: Cursor) -> None:
    """Write the head record of a log's file, which is new."""
    with suppress(OSError), _opened(path) as lock:
        write_record(lock, encode_record(log, head))
        os.ftruncate(lock, _END)


def set_sync_failed(path: str) -> None:
    """Note that a sync of a log's file failed. Readers may do this, without holding the lock.

    The flag is not part of the head record, so that no one overwrites it. It need not be synced, because it matters only as
    long as the pages in the kernel's memory do.

    Raises:
        OSError: The flag cannot be written.
    """
    with _opened(path) as lock:
        os.pwrite(lock, _SYNC_FAILED, _LENGTH)


def clear_sync_failed(lock: int) -> None:
    """Remove the flag, and the record of what was written, after the log was written to a new file."""
    os.ftruncate(lock, _LENGTH)


def clear_record(path: str) -> None:
    """Remove the head record of a log's file, durably.

    Raises:
        OSError: It cannot be removed.
    """
    with _opened(path) as lock:
        os.ftruncate(lock, 0)
        os.fsync(lock)


@contextmanager
def moving_record(source: str, target: str) -> Iterator[None]:
    """Move the head record of one log's file to another, while the block renames the one to the other.

    The new name has the record, durably, before the block begins, and the old name loses it after the block ends. A crash
    leaves at most one record too many, of a log that is found under the other name, so no log is taken for missing. The lock
    files, which the caller holds, stay where they are.

    Raises:
        OSError: The record cannot be read or written.
    """
    with _opened(source) as old, _opened(target) as new:
        record, sync_failed = read_lock_file(old)
        os.pwrite(new, record.ljust(_LENGTH, b"\0"), 0)
        if sync_failed:
            os.pwrite(new, _SYNC_FAILED, _LENGTH)
        os.fsync(new)
        yield
        with suppress(OSError):  # one record too many, as after a crash
            os.ftruncate(old, 0)


@contextmanager
def replacing_record(path: str, log: str, head: Cursor) -> Iterator[None]:
    """Record the new head of a log, while the block replaces the log's file by another history of the log.

    During the block no head is recorded, so that a crash leaves no head record that contradicts the file. The flag of a
    failed sync stays until the file was replaced.

    Args:
        path: The log's file.
        log: The id of the log.
        head: The cursor at the end of the new file.

    Raises:
        OSError: The old head record cannot be removed, or the block raised it. Then the old file is still there.
        OutcomeUnknown: The block raised it. Then the file was replaced.
    """
    with _opened(path) as lock:
        record, _ = read_lock_file(lock)
        try:
            os.pwrite(lock, bytes(_LENGTH), 0)
            os.ftruncate(lock, _END)
            os.fsync(lock)
            yield
        except OSError:
            write_record(lock, record)
            raise
        except OutcomeUnknown:
            write_record(lock, encode_record(log, head))
            raise
        write_record(lock, encode_record(log, head))
        with suppress(OSError):  # the next writer then continues in a new file, which is harmless
            clear_sync_failed(lock)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    lock = open_or_make(lock_path(path), os.O_RDWR)
    try:
        yield lock
    finally:
        close(lock)
