"""The sums of a long log are proven by another process, the prover, while whoever reads it does the rest.

Half of the work of verifying a log is its sums, each of which follows the one before; threads would only take turns. The
prover is given the very bytes that its reader holds, so that it speaks of nothing else.
"""

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from .. import seals
from ..chain import Chunk
from .files import write_all

_ALONE = 32  # chunks that are read while the process starts
_AHEAD = 2  # chunks that are with it while its reader is at the one before them
_ROOM = 1 << 20  # bytes on the way to it


def proven(chunks: Iterator[bytes]) -> Iterator[Chunk]:
    """Chunks of lines, most of them proven.

    Where there is no prover, or it finds what is wrong, they are as they came: whoever reads them finds that, too.
    """
    prover = _prover() if _cores() > 1 else None
    if prover is None:
        yield from map(Chunk, chunks)
        return
    given: deque[bytes] = deque()
    try:
        before = b""
        for before in islice(chunks, _ALONE):
            yield Chunk(before)
        prover.give(seals.last_sum(before))
        for chunk in chunks:
            prover.give(len(chunk).to_bytes(seals.LENGTH, "little") + chunk)
            given.append(chunk)
            if len(given) > _AHEAD:
                yield Chunk(given.popleft(), prover.right())
        for chunk in given:
            yield Chunk(chunk, prover.right())
    finally:
        prover.end()


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _prover() -> "_Prover | None":
    """A new one; None where the system has no process to spare."""
    try:
        return _Prover()
    except OSError:
        return None


class _Prover:
    """The other process. One that has died proves nothing."""

    def __init__(self) -> None:
        import fcntl  # whoever reads a short log needs neither
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", seals.__file__],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,  # what interrupts its reader from the keyboard ends that one, and thereby its input
        )
        self._to, self._from = (file.fileno() for file in (self._process.stdin, self._process.stdout) if file is not None)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # a user has only so much of them
                fcntl.fcntl(self._to, fcntl.F_SETPIPE_SZ, _ROOM)

    def give(self, data: bytes) -> None:
        with suppress(BrokenPipeError):
            write_all(self._to, data)

    def right(self) -> bool:
        """Whether it has proven the next of the chunks that it was given."""
        return os.read(self._from, 1) == seals.RIGHT

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
