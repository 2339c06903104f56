"""A log's file, open for reading its lines forward and backward, in blocks of bounded size."""

import os
from collections.abc import Iterator
from io import BytesIO
from typing import Self

from ...core import LogNotFound
from ..chain import Chunk
from .files import close, explained, open_private

WORTH_PROVING = 1 << 23
"""How many bytes to read are worth a second process."""

_BLOCK = 1 << 15


def lines_in(chunk: bytes, start: int = 0) -> list[bytes]:
    """The whole lines from an offset on, each without its LF."""
    file = BytesIO(chunk)
    file.seek(start)
    return [line[:-1] for line in file]  # `split` looks at each byte by itself and takes twice as long


class LogFile:
    """A log's file, open; `size` is its length in bytes when it was opened. Raises `LogNotFound`, `StoreUnavailable`.

    `known` is whether its reader knows all of it already.
    """

    def __init__(self, path: str, flags: int, name: str) -> None:
        self.path = path
        self.tail = b""
        self.known = False
        try:
            self.fd, status = open_private(path, flags)
        except FileNotFoundError:
            raise LogNotFound(name) from None
        self.size = status.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self.fd)

    def close(self) -> None:
        close(self.fd)

    def chunks(self, offset: int) -> Iterator[bytes]:
        """The bytes from an offset to where the file ended when it was opened, some whole lines at a time.

        What comes after the last LF is `tail` when they are over.
        """
        self.tail = b""
        rest: list[bytes] = []
        while offset < self.size:
            with explained(self.path):
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

    def proven(self, offset: int) -> Iterator[Chunk]:
        """The same chunks, most of them proven where there are so many that it is worth another process."""
        if self.size - offset < WORTH_PROVING:
            return map(Chunk, self.chunks(offset))

        from .prover import proven

        return proven(self.chunks(offset))

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
            with explained(self.path):
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
