"""The file that `export -o` names: what may be overwritten, and how it is replaced durably."""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from ..cqrs.errors import CqrsError
from .errors import UsageError
from .output import OutputFailed

_MOST_LINKS = 40  # as many as Linux follows
_FOLDERS = (b"lists", b"archive", b"reactions")


class ExportFailed(CqrsError):
    """An export could not be written."""


def write_file(name: bytes, content: Iterable[bytes], stores: Iterable[bytes]) -> None:
    """Write an export into the file that a name leads to.

    A regular file is replaced once the new one is complete and on the disk; if anything fails, the old one stays. A symbolic
    link stays a link, and the file that it names is replaced. Anything else, such as a pipe or a device, is written to.

    Args:
        name: The name of the file.
        content: What to write, in parts.
        stores: The folders of this program and of stores, whose files are refused.

    Raises:
        UsageError: An export cannot be written to a file of this name.
        ExportFailed: Writing failed.
        OutputFailed: Nobody reads the pipe any more.
    """
    shown = name.decode("utf-8", "backslashreplace")
    try:
        target = _target(name)
        status = _status(target)
        if name.endswith(b"/") or (status is not None and stat.S_ISDIR(status.st_mode)):
            raise UsageError(f"{shown} is a folder", "give the name of a file in it")
        if _belongs_to(target, status, stores):
            raise UsageError(f"{shown} belongs to this program, and an export must not change it", "give another file")
        replaced = status is None or (stat.S_ISREG(status.st_mode) and not target.startswith(b"/proc/"))
        if replaced and status is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        fresh = _name_beside(target) if replaced else None
    except OSError as error:
        raise _unwritable(shown, error) from error
    try:  # from here on a signal leaves no temporary file behind
        try:
            fd = _open(target) if fresh is None else _create(fresh)
        except OSError as error:
            raise _unwritable(shown, error) from error
        try:
            if fresh is not None:
                os.fchmod(fd, 0o600)  # whatever the umask
            _write(fd, content)
        finally:
            os.close(fd)
        if fresh is not None:
            os.rename(fresh, target)
            fresh = None
            _sync_folder(target)
    except BrokenPipeError as error:
        raise OutputFailed(error) from error
    except OSError as error:
        outcome = "what was there before is unchanged" if fresh is not None else "a part may have been written"
        raise ExportFailed(f"{shown} cannot be written: {error.strerror}; {outcome}") from error
    finally:
        if fresh is not None:
            with suppress(FileNotFoundError):
                os.unlink(fresh)


def _unwritable(shown: str, error: OSError) -> UsageError:
    return UsageError(f"{shown} cannot be written: {error.strerror}", "give a file that can be written")


def _target(path: bytes) -> bytes:
    """Follow symbolic links to the name that they lead to, which may be that of no file yet.

    Links in /proc are not followed: they are open files, and their text only describes these.
    """
    if not path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(os.path.dirname(path) or b".")
        path = os.path.join(folder, os.path.basename(path))
        if folder.startswith(b"/proc/") or not os.path.islink(path):
            return path
        path = os.path.join(folder, os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _status(path: bytes) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _belongs_to(target: bytes, status: os.stat_result | None, stores: Iterable[bytes]) -> bool:
    """Whether a file is one of a store's, by whatever name, or would be a new one among them.

    Folders and files are compared by their inodes: a name can be spelt in many ways.
    """
    roots = [found for store in stores if (found := _folder(store))]
    ours = [found for store in stores for name in _FOLDERS if (found := _folder(os.path.join(store, name)))]
    above = os.path.dirname(target)
    if _folder(above) in [*roots, *ours]:
        return True
    while above != os.path.dirname(above):
        above = os.path.dirname(above)
        if _folder(above) in ours:
            return True
    if status is None or not (status.st_nlink > 1 or target.startswith(b"/proc/")):
        return False
    # the file may have another name, in another folder
    return any(
        os.path.samestat(status, entry.stat(follow_symlinks=False))
        for store in stores
        for folder in (store, *(os.path.join(store, name) for name in _FOLDERS))
        if _folder(folder)
        for entry in os.scandir(folder)
    )


def _folder(path: bytes) -> tuple[int, int] | None:
    """Return what identifies a folder, however its name is spelt; None if there is none that can be reached."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _name_beside(target: bytes) -> bytes:
    """Return the name of a new temporary file in the folder of a file."""
    return os.path.join(os.path.dirname(target), b".todo-export-%s.new" % os.urandom(8).hex().encode())


def _create(path: bytes) -> int:
    """Create a file that only this user can read."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _open(target: bytes) -> int:
    """Open something that is not replaced. An open file of this process, such as /dev/stdout, keeps its position."""
    folder, number = os.path.split(target)
    if folder == b"/proc/%d/fd" % os.getpid() and number.isdigit():
        return os.dup(int(number))
    return os.open(target, os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_CLOEXEC)


def _write(fd: int, content: Iterable[bytes]) -> None:
    for part in content:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(fd, rest) :]
    try:
        os.fsync(fd)
    except OSError as error:
        if stat.S_ISREG(os.fstat(fd).st_mode) or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise  # pipes and devices have nothing to sync


def _sync_folder(path: bytes) -> None:
    fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
