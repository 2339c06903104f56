"""A long log is verified in segments, side by side: a line's sum and position are all that it takes to verify what follows.

So the sum that stands at the end of one segment is where the verifying of the next begins, in another process; that it was
the right one is known once the first segment is done. Threads would only take turns.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from ..chain import Spot, Versions, Walk
from ..format import InvalidLine, decode_line, decode_lines
from ..seals import SEAL_LENGTH, sum_in
from .files import read_range
from .lines import Lines

SEGMENT = 8 << 20
"""How many bytes are worth another process."""
_OTHERS = 7
_AHEAD = 12 << 20  # bytes that the first process does while the others start


class Verified(msgspec.Struct, frozen=True):
    """What is known of a segment whose lines follow one another.

    `first` and `last` are the versions of its streams' first and last events: what came before it was not looked at.
    """

    spot: Spot
    commits: int
    first: dict[str, int]
    last: dict[str, int]


_encode = msgspec.json.Encoder().encode
_decode_spot = msgspec.json.Decoder(Spot).decode
_decode_verified = msgspec.json.Decoder(Verified).decode


class Segment:
    """A part of a log, from a spot (whose line's number is not known: 0) up to an offset, that another process verifies."""

    def __init__(self, lines: Lines, start: Spot, end: int) -> None:
        import subprocess  # few logs are so long

        self.start = start
        program = f"import sys; sys.path[:] = sys.argv[4:]; from {__name__} import verify; verify(*sys.argv[1:4])"
        paths = [path for path in sys.path if isinstance(path, str)]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", program, str(lines.fd), _encode(start), str(end), *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what is wrong is found again, and told, by whoever asked
            pass_fds=[lines.fd],
            process_group=0,  # what interrupts from the keyboard ends the process that asked, and that ends this one
        )

    def verified(self) -> Verified | None:
        """What came of it, once it is done; None where not all is right, or that can't be known."""
        said, _ = self._process.communicate()
        try:
            return _decode_verified(said)
        except msgspec.MsgspecError:  # it says nothing else than this; and who ignores SIGCHLD learns of no exit code
            return None

    def end(self) -> None:
        """End the process, if it has not ended."""
        with self._process:
            self._process.kill()


@contextmanager
def segments(lines: Lines, offset: int) -> Iterator[Sequence[Segment]]:
    """The later segments of the lines after an offset, in order, being verified; none where it is not worth it."""
    begun: list[Segment] = []
    try:
        starts = [spot for about in _starts(offset, lines.size) if (spot := _spot_after(lines, about)) is not None]
        ends = [*(spot.offset for spot in starts[1:]), lines.size]
        for start, end in zip(starts, ends, strict=False):  # where nothing starts, nothing ends
            try:
                begun.append(Segment(lines, start, end))
            except (OSError, ValueError):  # the system has no process to spare, or nothing to start one by
                break
        yield begun
    finally:
        for segment in begun:
            segment.end()


def _starts(offset: int, size: int) -> Sequence[int]:
    """About where the later segments are to begin."""
    shared = size - offset - _AHEAD
    others = max(0, min(_cores() - 1, _OTHERS, shared // SEGMENT))
    share = shared // (others + 1)
    return [size - share * left for left in range(others, 0, -1)]


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _spot_after(lines: Lines, offset: int) -> Spot | None:
    """Where the first line ends that ends after an offset, if a commit follows; as what stands there says."""
    chunk = next(lines.chunks(offset), None)
    if chunk is None:
        return None
    start = offset + chunk.index(b"\n") + 1
    sum = sum_in(read_range(lines.fd, start - SEAL_LENGTH - 1, start - 1))
    line = next(lines.forward(start), b"")
    try:
        return None if sum is None else Spot(0, start, sum, decode_line(line).position - 1)
    except InvalidLine:
        return None


def verify(fd: str, start: str, end: str) -> None:
    """What a segment's process does: write to stdout what came of it. Raises `InvalidLine` where not all is right."""
    spot = _decode_spot(start)
    versions = Versions(spot.position, _not_looked_at)
    walk = Walk(spot, versions.pass_over, decode_lines)
    commits = sum(len(batch.commits) for batch in walk.over(Lines("", int(fd), int(end)).chunks(spot.offset)))
    sys.stdout.buffer.write(_encode(Verified(walk.spot, commits, versions.first, versions.last)))


def _not_looked_at(stream: str) -> int:
    raise AssertionError(f"nobody asks a segment for the version of {stream}")
