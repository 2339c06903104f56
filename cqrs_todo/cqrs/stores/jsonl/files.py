"""What the append protocol asks of the file system: locks, private files, whole writes, all errors in words."""

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache

from ...core import LogBusy, StoreUnavailable

OPEN_SAFELY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""With what files are opened that are there: no other program gets them, no link is followed, no pipe is waited for."""
LOCK_SECONDS = 10.0
"""How long a writer waits for a log in which nothing happens."""


class explained:  # noqa: N801  # is used as a function; as a generator it would take a tenth of an append
    """Turn an `OSError` in the block into `StoreUnavailable`, naming the path and, where it is known, the outcome."""

    def __init__(self, path: str, outcome: str = "") -> None:
        self._path = path
        self._outcome = outcome

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            raise unavailable(self._path, error, self._outcome) from error


def unavailable(path: str, error: OSError, outcome: str = "") -> StoreUnavailable:
    """The error that says what the system says."""
    return StoreUnavailable(f"{error.filename or path}: {error.strerror or error}{outcome}")


def close(fd: int) -> None:
    """Close a file of which everything that matters was synced: what close itself has to say changes nothing."""
    try:
        os.close(fd)
    except OSError:
        return  # `suppress` would cost more than the call


def open_or_make(path: str, flags: int) -> int:
    """Open a file beside a log, which is made private if it is not there."""
    try:
        return os.open(path, flags | OPEN_SAFELY)
    except FileNotFoundError:
        fd = os.open(path, flags | OPEN_SAFELY | os.O_CREAT, 0o600)
    try:
        os.fchmod(fd, 0o600)  # whatever the umask
    except OSError:
        close(fd)
        raise
    return fd


class locked:  # noqa: N801  # as `explained`
    """Hold the exclusive lock on a log's permanent lock file, made if need be; gives the open file.

    Raises `LogBusy`, naming the holder.

    The file is never removed or renamed: two writers would then hold locks on two files of one name.
    """

    def __init__(self, path: str, log: str) -> None:
        self._path = path
        self._log = log

    def __enter__(self) -> int:
        try:
            self._fd = open_or_make(self._path, os.O_RDWR)
            try:
                if not _lock(self._fd):
                    _wait_for_lock(self._fd, self._path, self._log)
            except BaseException:
                close(self._fd)
                raise
        except OSError as error:
            raise unavailable(self._path, error, "; nothing was recorded") from error
        return self._fd

    def __exit__(self, *_: object) -> None:
        close(self._fd)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for_lock(fd: int, path: str, log: str) -> None:
    size, deadline, pause = -1, 0.0, 0.001
    while not _lock(fd):
        # while writers take turns, waiting is no standstill
        if (seen := _size(log)) != size or not deadline:
            size, deadline = seen, time.monotonic() + LOCK_SECONDS
        if time.monotonic() > deadline:
            raise LogBusy(f"{_holder(fd)} has held {path} for over {LOCK_SECONDS:.0f} s; nothing was recorded")
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 512))  # not all at once
        pause = min(pause * 1.5, 0.01)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _holder(fd: int) -> str:
    """Who holds the lock on a file, where the system tells.

    A name written into the file would make every append dearer: the sync would bring it to the disk.
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
    """Open a file of a log: a regular file of this user with one name; gives what the system says of it, too.

    Raises `FileNotFoundError`, and `StoreUnavailable` for anything else in its place.
    """
    try:
        fd = os.open(path, flags | OPEN_SAFELY)
    except FileNotFoundError:
        raise
    except OSError as error:
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


def there(path: str) -> bool:
    """Whether something bears this name; raises `OSError` where that can't be known, which must not pass for a no."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def make_directory(path: str) -> None:
    """Make a directory and its missing parents, private and durable."""
    if there(path or "."):
        return
    parent = os.path.dirname(path)
    make_directory(parent)
    with suppress(FileExistsError):  # another process made it meanwhile: just as well
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
    sync_directory(parent)


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path or ".", os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        close(fd)


def read_range(fd: int, start: int, end: int) -> bytes:
    """All the bytes between two offsets; the system gives at most 2 GiB at once."""
    parts = []
    while start < end and (part := os.pread(fd, end - start, start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def write_all(fd: int, data: bytes) -> None:
    """Write all the bytes, unbuffered: a close would write what is left in a buffer after the write was told as failed."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])


@lru_cache(64)
def beside(path: str, what: str) -> str:
    """The name of a file that belongs to a log."""
    return f"{os.path.splitext(path)[0]}.{what}"


def dated(path: str, what: str) -> str:
    """A new name beside a log for bytes that are kept."""
    return beside(path, f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def replace_durably(path: str, data: bytes) -> None:
    """Put a new private file with this content in the place of one, all or nothing, durable on return."""
    fresh = beside(path, "renewed")
    remove(fresh)
    create_durable(fresh, data)
    os.replace(fresh, path)
    sync_directory(os.path.dirname(path))


def create_durable(path: str, data: bytes) -> None:
    """Make a private file with this content, all or nothing, durable on return; raises `FileExistsError`.

    The caller holds the lock that everyone who makes this file holds. That is why a rename is enough: a link would never
    overwrite either, but killed before its unlink it leaves a log with two names, which is refused ever after.
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
