"""What the append protocol asks of the file system: locks, private files, whole writes, all errors in words."""

import fcntl
import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...core import LogBusy, StoreUnavailable

LOCK_SECONDS = 10.0
"""How long a writer waits for another one to let go of a log."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an `OSError` in the block into `StoreUnavailable`, naming the path."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"{error.filename or path}: {error.strerror}") from error


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back from this thread until the block is over, so that an append is whole or not at all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock on a permanent lock file, made if need be; raises `LogBusy`, naming the holder.

    The file is never removed or renamed: two writers would then hold locks on two files of one name.
    """
    with explained(path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _wait_for_lock(fd, path)
        with suppress(OSError):  # who holds the lock is a help to others, not part of the promise
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(fd)


def _wait_for_lock(fd: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    pause = 0.001
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(fd, 100, 0).decode(errors="replace") or "another process"
                raise LogBusy(f"{holder} has held {path} for over {LOCK_SECONDS:.0f} s; nothing was recorded") from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
        else:
            return


def open_private(path: Path, flags: int) -> int:
    """Open a file of a log: a regular file of this user with one name; raises `StoreUnavailable`, `FileNotFoundError`."""
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = "is a symbolic link" if path.is_symlink() else error.strerror
        raise StoreUnavailable(f"{path}: {reason}") from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        reason = "is not a regular file"
    elif status.st_uid != os.geteuid():
        reason = "belongs to another user"
    elif status.st_nlink > 1:
        reason = "has a second name (a hard link)"
    else:
        return fd
    os.close(fd)
    raise StoreUnavailable(f"{path}: refused, because it {reason}")


def make_directory(path: Path) -> None:
    """Make a directory and its missing parents, private and durable."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with suppress(FileExistsError):  # another process made it meanwhile: just as well
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write all the bytes, unbuffered: a buffer would be written later by a close, after the write was called failed."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def create_durable(path: Path, data: bytes) -> None:
    """Make a private file with this content, all or nothing, durable on return; raises `FileExistsError`.

    The caller holds the lock that everyone who makes this file holds. That is why a rename is enough: a link would never
    overwrite either, but killed before its unlink it leaves a log with two names, which is refused ever after.
    """
    if path.exists():
        raise FileExistsError(path)
    temporary = path.with_name(f"{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(fd, 0o600)
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    sync_directory(path.parent)
