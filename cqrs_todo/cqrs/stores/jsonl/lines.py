"""A log's file, open for reading its lines forward and backward, in blocks of bounded size."""

import os
from collections.abc import Iterator
from io import BytesIO
from typing import Self

from ...errors import LogNotFound
from .files import close, open_private, os_errors_as_store_errors

_BLOCK = 1 << 15


def lines_in(chunk: bytes, start: int = 0) -> list[bytes]:
    """The whole lines from an offset on, each without its LF."""
    file = BytesIO(chunk)
    file.seek(start)
    return [line[:-1] for line in file]  # `split` looks at each byte by itself and takes twice as long


class Lines:
    """The lines of an open file up to an offset, `size`."""

    def __init__(self, path: str, fd: int, size: int) -> None:
        self.path = path
        self.fd = fd
        self.size = size
        self.tail = b""

    def chunks(self, offset: int) -> Iterator[bytes]:
        """The bytes from an offset on, some whole lines at a time.

        What comes after the last LF is `tail` when they are over.
        """
        self.tail = b""
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
        self.tail = b"".join(rest)

    def forward(self, offset: int) -> Iterator[bytes]:
        """The whole lines in these chunks, without their LF."""
        for chunk in self.chunks(offset):
            yield from lines_in(chunk)

    def backward(self, start: int, end: int) -> Iterator[bytes]:
        """The lines between two offsets at which lines begin, without their LF, last first."""
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
    """A log's file, open; `size` is its length in bytes when it was opened. Raises `LogNotFound`, `StoreUnavailable`.

    `known` is whether its reader knows all of it already.
    """

    def __init__(self, path: str, flags: int, name: str) -> None:
        try:
            fd, status = open_private(path, flags)
        except FileNotFoundError:
            raise LogNotFound(name) from None
        super().__init__(path, fd, status.st_size)
        self.known = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self.fd)

    def close(self) -> None:
        close(self.fd)
