"""The open file of a log: its lines, read forwards and backwards in blocks of bounded size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from typing import Self

from ...errors import LogNotFound
from .files import close, open_private, os_errors_as_store_errors, read_range

_BLOCK = 1 << 15


def lines_in(chunk: bytes, start: int = 0) -> list[bytes]:
    """Return the complete lines in some bytes, without their LF.

    Args:
        chunk: The bytes. They end with an LF.
        start: The offset in bytes at which the first line begins.
    """
    file = BytesIO(chunk)
    file.seek(start)
    return [line[:-1] for line in file]  # faster than `split`


class Lines:
    """The lines of an open file.

    Attributes:
        path: The file.
        fd: Its file descriptor.
        size: The offset in bytes up to which it is read.
    """

    def __init__(self, path: str, fd: int, size: int) -> None:
        """Read the lines of an open file; the arguments are described above."""
        self.path = path
        self.fd = fd
        self.size = size

    def chunks(self, offset: int) -> Iterator[bytes]:
        """Yield the bytes from an offset on, some complete lines at a time. What follows the last LF is left out."""
        rest: list[bytes] = []
        while offset < self.size:
            with os_errors_as_store_errors(self.path):
                block = os.pread(self.fd, min(_BLOCK, self.size - offset), offset)
            if not block:
                break
            offset += len(block)
            end = block.rfind(b"\n") + 1
            if end:
                yield b"".join((*rest, block[:end]))
                rest = []
            rest.append(block[end:])

    def rest(self, offset: int) -> bytes:
        """Return all bytes from an offset on, such as those after the last line."""
        with os_errors_as_store_errors(self.path):
            return read_range(self.fd, offset, self.size)

    def forward(self, offset: int) -> Iterator[bytes]:
        """Yield the complete lines from an offset on, without their LF."""
        for chunk in self.chunks(offset):
            yield from lines_in(chunk)

    def backward(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the lines between two offsets at which lines begin, without their LF, last one first."""
        rest: list[bytes] = []
        end -= 1
        while end > start:
            size = min(_BLOCK, end - start)
            end -= size
            with os_errors_as_store_errors(self.path):
                block = os.pread(self.fd, size, end)
            if b"\n" not in block:
                rest.append(block)
                continue
            *lines, last = block.split(b"\n")
            rest.append(last)
            for line in reversed(lines):
                yield b"".join(reversed(rest))
                rest = [line]
        if rest:
            yield b"".join(reversed(rest))


class LogFile(Lines):
    """The open file of a log, as far as it reached when it was opened.

    Attributes:
        known: Whether everything in the file was verified before.
    """

    def __init__(self, path: str, flags: int, name: str) -> None:
        """Open the file of a log.

        Args:
            path: The file.
            flags: Flags for `os.open`.
            name: The name of the log.

        Raises:
            LogNotFound: There is no such file.
            StoreUnavailable: It cannot be opened, or is not a private file.
        """
        try:
            fd, status = open_private(path, flags)
        except FileNotFoundError:
            raise LogNotFound(name) from None
        super().__init__(path, fd, status.st_size)
        self.known = False

    def __enter__(self) -> Self:
        """Return the file, which is closed after the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        close(self.fd)

    def close(self) -> None:
        """Close the file."""
        close(self.fd)
