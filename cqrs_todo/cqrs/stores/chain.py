"""A walk along the chain of a log's lines, forward or backward, each verified by the sums; and its streams' versions."""

from collections.abc import Callable, Iterable, Iterator

from .format import NO_SUM, CommitLine, EventLine, InvalidLine, decode_line, has_sum, sum_in, sum_of


def nothing_before(_stream: str) -> int:
    """The version of any stream at the beginning of a log."""
    return 0


class Versions:
    """The versions that the streams of a log have come to, where a walk along it stands.

    `before` gives those of the streams that were not met since it began.
    """

    def __init__(self, before: Callable[[str], int] = nothing_before) -> None:
        self._met: dict[str, int] = {}
        self._before = before

    def of(self, stream: str) -> int:
        """The version of a stream; 0 where it has no events."""
        return self._met.get(stream) or self._before(stream)

    def pass_over(self, events: Iterable[EventLine]) -> None:
        """Go on past the events of a line; raises `InvalidLine` where a version is not the next one.

        In a walk that began in the midst of a log, the first event met of a stream is taken at its word: what stands before
        was verified when it was read, and it takes time to look it up.
        """
        met = self._met
        for event in events:
            known = met.get(event.stream)
            if known is None and self._before is nothing_before:
                known = 0
            if known is not None and event.version != known + 1:
                raise InvalidLine(f"version {event.version} of {event.stream} follows {known}")
            met[event.stream] = event.version


def verified(lines: Iterable[bytes], position: int, sum: bytes) -> Iterator[tuple[bytes, CommitLine, bytes]]:
    """Lines that follow a position and the line with that sum, decoded, with their sums; raises `InvalidLine`."""
    for line in lines:
        sum = sum_of(sum, line)
        commit = decode_line(line)
        if commit.position != position + 1:
            raise InvalidLine(f"position {commit.position} follows {position}")
        position = commit.last
        yield line, commit, sum


def verified_backward(lines: Iterator[bytes], sum: bytes, beginning: bytes) -> Iterator[tuple[CommitLine, bytes]]:
    """What stands in lines, given last first, with their sums.

    `sum` is that of the first that is given, `beginning` that of the header. Raises `InvalidLine`.
    """
    line = next(lines, None)
    if line is not None and not has_sum(line, sum):
        raise InvalidLine("its sum is not the one that is known")
    while line is not None:
        earlier = next(lines, None)
        previous = beginning if earlier is None else sum_in(earlier) or NO_SUM
        sum_of(previous, line)
        yield decode_line(line), sum
        line, sum = earlier, previous
