"""File operations for the JSON-lines store: locks, private files, complete writes, and errors that name the file."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from _thread import get_ident  # where `threading` has it from, which takes time to load
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache, partial

from ...errors import LogBusy, MissingLog, OutcomeUnknown, StoreUnavailable
from ...store import in_use_together
from ..signals import process_ends

SUFFIX = ".jsonl"
OPEN_SAFELY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Flags for opening a file that exists.

A child process does not inherit it, a symbolic link is not followed, and a pipe is not waited for.
"""
LOCK_SECONDS = 10.0
"""How many seconds a writer waits for a locked log that does not grow."""


@contextmanager
def os_errors_as_store_errors(path: str, outcome: str = "") -> Iterator[None]:
    """Turn an `OSError` raised in the block into `StoreUnavailable`.

    Args:
        path: The path to name if the error names none.
        outcome: What to add to the message, for example "; nothing was recorded".
    """
    try:
        yield
    except OSError as error:
        raise unavailable(path, error, outcome) from error


def unavailable(path: str, error: OSError, outcome: str = "") -> StoreUnavailable:
    """Return the error that names the file and repeats the reason that the operating system gave."""
    return StoreUnavailable(f"{error.filename or path}: {error.strerror or error}{outcome}")


def close(fd: int) -> None:
    """Close a file and ignore errors: whatever matters in it was synced before."""
    try:
        os.close(fd)
    except OSError:
        return  # not `suppress`: it takes longer than the call itself


def open_or_make(path: str, flags: int) -> int:
    """Open a file beside a log, or create it with mode 0600."""
    try:
        return os.open(path, flags | OPEN_SAFELY)
    except FileNotFoundError:
        fd = os.open(path, flags | OPEN_SAFELY | os.O_CREAT, 0o600)
    try:
        os.fchmod(fd, 0o600)  # the umask may have removed more
    except OSError:
        close(fd)
        raise
    return fd


@contextmanager
def file_lock(path: str, log: str) -> Iterator[int]:
    """Hold the exclusive lock on a log during the block.

    The lock file is created if it is missing, and never removed or renamed. If it were, two writers could hold locks on
    two files with the same name.

    Args:
        path: The log's lock file.
        log: The log itself; as long as it grows, the wait for the lock goes on.

    Yields:
        The file descriptor of the lock file.

    Raises:
        LogBusy: Another process holds the lock; the message names it.
        ValueError: This thread holds the lock already, so it would wait for itself.
        StoreUnavailable: The lock file cannot be opened or locked.
    """
    thread = get_ident()
    if _holders.get(path) == thread:
        raise in_use_together(log)
    fd = _locked(path, log)
    _holders[path] = thread
    try:
        yield fd
    finally:
        if _holders.get(path) == thread:  # it was not released before, and maybe taken by another thread
            del _holders[path]
        close(fd)


def release(path: str, fd: int) -> None:
    """Release the lock that `file_lock` holds on a log before its block ends. The lock file stays open.

    Args:
        path: The log's lock file.
        fd: Its file descriptor.

    Raises:
        OSError: The lock cannot be released.
    """
    del _holders[path]
    fcntl.flock(fd, fcntl.LOCK_UN)


_holders: dict[str, int] = {}
"""The threads of this process that hold locks, by the paths of the lock files."""


@contextmanager
def shared_lock(path: str) -> Iterator[None]:
    """Let nobody hold the exclusive lock on a lock file during the block. Several can do this at the same time.

    If there is no lock file, the block goes on at once.

    Args:
        path: The lock file.

    Raises:
        LogBusy: Another process holds the lock for too long; the message names it.
        StoreUnavailable: The lock file cannot be opened or locked.
    """
    with os_errors_as_store_errors(path):
        try:
            fd = os.open(path, os.O_RDONLY | OPEN_SAFELY)
        except FileNotFoundError:
            fd = -1
    if fd < 0:
        yield
        return
    try:
        with os_errors_as_store_errors(path):
            lock_in_time(fd, path, fcntl.LOCK_SH)
        yield
    finally:
        close(fd)


def _locked(path: str, log: str) -> int:
    """Open a lock file and lock it; see `file_lock`. If it was removed meanwhile, lock the one that took its place."""
    try:
        while True:
            fd = open_or_make(path, os.O_RDWR)
            try:
                lock_in_time(fd, path, log=log)
                if is_open_as(path, fd):
                    return fd
            except BaseException:
                close(fd)
                raise
            close(fd)
    except OSError as error:
        raise unavailable(path, error, "; nothing was recorded") from error


def try_lock(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file, for this process alone unless `kind` is `LOCK_SH`, if nobody else's lock prevents that.

    Returns:
        Whether it is locked now.
    """
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_in_time(fd: int, path: str, kind: int = fcntl.LOCK_EX, *, log: str = "") -> None:
    """Lock an open file.

    Args:
        fd: The file descriptor.
        path: The path of the file.
        kind: As for `try_lock`.
        log: The log that the lock is about, if that is another file. As long as it grows, its writers take turns, and the
            wait goes on.

    Raises:
        LogBusy: Another process holds the lock for too long; the message names it.
    """
    for _ in tries(partial(_size, log or path)):
        if try_lock(fd, kind):
            return
        if process_ends():
            raise LogBusy(f"{holder(fd)} holds {path}, and this process ends now; nothing was recorded")
    raise LogBusy(f"{holder(fd)} has held {path} for over {LOCK_SECONDS:.0f} s; nothing was recorded")


def tries(progress: Callable[[], object]) -> Iterator[None]:
    """Yield before each try to get something that others hold, with pauses, until they have made no progress for too long.

    Args:
        progress: Returns something that changes as long as the others make progress.
    """
    yield
    seen, deadline, pause = progress(), time.monotonic() + LOCK_SECONDS, 0.001
    while time.monotonic() <= deadline:
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 512))  # so that those who wait do not all try at the same time
        pause = min(pause * 1.5, 0.01)
        yield
        now = progress()
        if now != seen:
            seen, deadline = now, time.monotonic() + LOCK_SECONDS


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def holder(fd: int) -> str:
    """Return the name of the process that holds the lock, if the system tells (Linux does).

    Writing the name into the lock file would slow every append down, because the sync would write it to disk too.
    """
    status = os.fstat(fd)
    file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError), open("/proc/locks") as locks:
        for line in locks:
            _, kind, _, _, process, locked_file, *_ = line.split()
            if (kind, locked_file) == ("FLOCK", file):
                return f"process {process}"
    return "another process"


def open_private(path: str, flags: int) -> tuple[int, os.stat_result]:
    """Open a file of a log. It must be a regular file that belongs to this user and has no second hard link.

    Returns:
        The file descriptor, and the file's status.

    Raises:
        FileNotFoundError: There is no such file.
        StoreUnavailable: Something else has that name, or the file cannot be opened.
    """
    try:
        fd = os.open(path, flags | OPEN_SAFELY)
    except FileNotFoundError:
        raise
    except OSError as error:
        import errno  # only for this error

        reason = "refused, because it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise StoreUnavailable(f"{path}: {reason}") from error
    try:
        status = os.fstat(fd)
    except OSError as error:
        close(fd)
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        reason = "is not a regular file"
    elif status.st_uid != os.geteuid():
        reason = "belongs to another user"
    elif status.st_nlink > 1:
        reason = "has a second name (a hard link)"
    else:
        return fd, status
    close(fd)
    raise StoreUnavailable(f"{path}: refused, because it {reason}")


def is_open_as(path: str, fd: int) -> bool:
    """Return whether an open file is the one that has a path now.

    Raises:
        OSError: It cannot be known.
    """
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False


def there(path: str) -> bool:
    """Return whether a file or anything else has this name.

    Raises:
        OSError: It cannot be known. That must not be mistaken for a no.
    """
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def make_directory(path: str, *, durable: bool = True) -> None:
    """Make a directory and its missing parents, each with mode 0700.

    `os.makedirs` gives its mode only to the last one, and the parents get what the umask leaves.

    Args:
        path: The directory.
        durable: Whether to sync each parent, so that the directory survives a power cut. A cache need not survive it.
    """
    if there(path or "."):
        return
    parent = os.path.dirname(path)
    make_directory(parent, durable=durable)
    with suppress(FileExistsError):  # another process has just made it
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
    if durable:
        sync_directory(parent)


def sync_directory(path: str) -> None:
    """Sync a directory, so that the names in it survive a power cut."""
    fd = os.open(path or ".", os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        close(fd)


def sync_file(path: str) -> None:
    """Sync a file.

    Raises:
        OSError: It cannot be synced.
    """
    fd = os.open(path, os.O_RDONLY | OPEN_SAFELY)
    try:
        os.fsync(fd)
    finally:
        close(fd)


def read_range(fd: int, start: int, end: int) -> bytes:
    """Read the bytes from offset `start` to `end`; a loop is needed because one read returns at most 2 GiB."""
    parts = []
    while start < end and (part := os.pread(fd, end - start, start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def write_all(fd: int, data: bytes) -> None:
    """Write all the bytes, without a buffer.

    A buffer could keep bytes after the write was reported as failed, and the close would write them after all.
    """
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


@lru_cache(64)
def beside(path: str, what: str) -> str:
    """Return the path of a file that belongs to a log: `inbox.jsonl` and "lock" give `inbox.lock`."""
    return f"{os.path.splitext(path)[0]}.{what}"


def dated(path: str, what: str) -> str:
    """Return a new path beside a log, with the time in its name, for bytes that are set aside."""
    return beside(path, f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


def remove(path: str) -> None:
    """Remove a file if it exists."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def sqlite_files(path: str) -> tuple[str, str, str]:
    """Return the paths of an SQLite file, and of what SQLite keeps beside it."""
    return path, f"{path}-wal", f"{path}-shm"


def replace_durably(path: str, data: bytes) -> None:
    """Replace a file by one with this content and mode 0600, completely or not at all; it is durable on return.

    Raises:
        OSError: The file was not replaced.
        OutcomeUnknown: It was replaced, but may not be so on the disk.
    """
    fresh = beside(path, "renewed")
    remove(fresh)
    create_durable(fresh, data)
    os.replace(fresh, path)
    try:
        sync_directory(os.path.dirname(path))
    except OSError as error:
        raise OutcomeUnknown(f"{path} was replaced, but may not be so on the disk: {error.strerror}") from error


def create_durable(path: str, data: bytes) -> None:
    """Create a file with this content and mode 0600, completely or not at all; it is durable on return.

    The caller must hold the lock that everyone who creates this file takes. Therefore a rename is safe. A hard link would
    not overwrite an existing file either, but if the program were killed before it unlinks the temporary name, the log
    would have two names, and `open_private` refuses such a file.

    Raises:
        FileExistsError: The file exists already.
    """
    if there(path):
        raise FileExistsError(path)
    temporary = f"{path}.new"
    remove(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(fd, 0o600)
        write_all(fd, data)
        os.fsync(fd)
        os.rename(temporary, path)
    except OSError:
        remove(temporary)
        raise
    finally:
        close(fd)
    sync_directory(os.path.dirname(path))


def check_reachable(folder: str) -> None:
    """Raise `MissingLog` if a folder cannot be reached because a link on the way to it leads nowhere."""
    path = os.path.abspath(folder)
    with os_errors_as_store_errors(path):
        while not there(path):
            path = os.path.dirname(path)
        if os.path.islink(path):
            try:
                os.stat(path)
            except FileNotFoundError:
                link = f"{path} is a link to {os.readlink(path)}, which is not there"
                raise MissingLog(f"{link}: the logs that may have been recorded there cannot be reached", None) from None
