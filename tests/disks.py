"""What tests put in the place of a disk."""

import errno
import os
from collections.abc import Callable


def only_to_read(opens: Callable[..., int]) -> Callable[..., int]:
    """Make the `os.open` of a file system that is read-only, from the real one."""

    def open_file(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return opens(path, flags, mode)

    return open_file
