"""A walk along the chain of a log's lines, forward or backward, each verified by the sums; and its streams' versions."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import takewhile

import msgspec

from ..events import Commit, EventTypes, Outline
from ..store import Log, Place
from .format import BROKEN, Codec, CommitLine, EventLine, Header, InvalidLine, decode_line, knows_data, sum_of
from .seals import NO_SUM, are_right, has_sum, last_sum, sum_in


class Spot(msgspec.Struct, frozen=True, gc=False):
    """Where a line ends: its number, the byte offset behind it, its sum, the last position by then."""

    line: int
    offset: int
    sum: bytes
    position: int


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Lines that follow one another, each with its LF, and what they hold."""

    lines: Sequence[bytes]
    commits: Sequence[CommitLine]

    @property
    def sums(self) -> list[bytes]:
        """The sums of the lines, which are right."""
        return list(map(last_sum, self.lines))

    def whole(self, codec: Codec) -> list[Commit]:
        """The commits, with all that is known of them."""
        return codec.commits(self.commits, self.sums)

    def outlines(self, codec: Codec) -> Sequence[Outline]:
        """Their outlines, which the lines themselves are where the events' data were decoded with them."""
        return self.commits if knows_data(self.commits[0]) else self.whole(codec)

    def after(self, position: int) -> "Batch":
        """Those that hold an event after a position."""
        if self.commits[0].position > position:
            return self
        first = next((place for place, commit in enumerate(self.commits) if commit.last > position), len(self.commits))
        return Batch(self.lines[first:], self.commits[first:])


def nothing_before(_stream: str) -> int:
    """The version of any stream at the beginning of a log."""
    return 0


class Versions:
    """The versions that the streams of a log have come to at a position.

    `before` gives those of the streams that were not met since it began; `last` has those of the streams that were.
    """

    def __init__(self, position: int = 0, before: Callable[[str], int] = nothing_before) -> None:
        self.position = position
        self.last: dict[str, int] = {}
        self._before = before

    def of(self, stream: str) -> int:
        """The version of a stream; 0 where it has no events."""
        return self.last.get(stream) or self._before(stream)

    def pass_over(self, position: int, commits: Sequence[CommitLine]) -> int:
        """Go on past the commits after a position, but for those that it is past already; the last one's position.

        Raises `InvalidLine` before one that does not follow. In a walk that began in the midst of a log, the first event met
        of a stream is taken at its word: what stands before was verified when it was read, and it takes time to look it up.
        """
        met, past = self.last, self.position
        unmet = 0 if self._before is nothing_before else None
        try:
            for commit in commits:
                if commit.position != position + 1:
                    raise InvalidLine(f"position {commit.position} follows {position}")
                last = position + len(commit.events)
                if last > past:
                    for event in commit.events:
                        stream, version = event.stream, event.version
                        known = met.get(stream, unmet)
                        if known is not None and version != known + 1:
                            self._go_back(commit, event)
                            raise InvalidLine(f"version {version} of {stream} follows {known}")
                        met[stream] = version
                position = last
        finally:
            self.position = max(past, position)
        return position

    def go_on(self, position: int, last: Mapping[str, int]) -> None:
        """Go on to a position at which some streams, and no others, have come to new versions."""
        self.last.update(last)
        self.position = position

    def _go_back(self, commit: CommitLine, end: EventLine) -> None:
        """Forget the events of a commit that come before the one that does not follow."""
        passed = list(takewhile(lambda event: event is not end, commit.events))
        self.last.update((event.stream, event.version - 1) for event in reversed(passed))


class Walk:
    """A walk along the lines of a log, which stands at `spot`: behind the last line that it gave.

    `follow` is told the commits that come after a position, before they are given, and says the last one's position, as
    `Versions.pass_over` does; it raises `InvalidLine` for what can't come there.
    `decode` gives what stands in the lines of a chunk, as `decode_lines` does.
    """

    def __init__(
        self,
        spot: Spot,
        follow: Callable[[int, Sequence[CommitLine]], int],
        decode: Callable[[bytes], list[CommitLine]],
    ) -> None:
        self.spot = spot
        self._follow = follow
        self._decode = decode

    def over(self, chunks: Iterable[bytes]) -> Iterator[Batch]:
        """The lines of chunks, each with its LF, those of each chunk verified together: it takes a third less.

        Raises `InvalidLine` before the first bad one.
        """
        for chunk in chunks:
            try:
                batch = self._verified(chunk)
            except InvalidLine:
                for line in BytesIO(chunk):
                    yield self._verified(line)
            else:
                yield batch

    def _verified(self, chunk: bytes) -> Batch:
        spot = self.spot
        lines = list(BytesIO(chunk))
        if not are_right(spot.sum, lines):
            raise InvalidLine(BROKEN)
        commits = self._decode(chunk)
        position = self._follow(spot.position, commits)
        self.spot = Spot(spot.line + len(lines), spot.offset + len(chunk), last_sum(chunk), position)
        return Batch(lines, commits)


class ChainedLog(Log):
    """A log that is kept as a chain of lines. What lies before its front was verified, and is not read again to write."""

    _beginning: Spot

    def __init__(self, header: Header, name: str, types: EventTypes) -> None:
        super().__init__(header.id, name, header.created)
        self._types = types
        self._codec = Codec(types)

    def commits(self, since: Place = 0) -> Iterator[Commit]:
        for batch in self._after(since):
            yield from batch.whole(self._codec)

    def outlines(self, since: Place = 0) -> Iterator[Sequence[Outline]]:
        return (batch.outlines(self._codec) for batch in self._after(since))

    @abstractmethod
    def _after(self, since: Place) -> Iterator[Batch]:
        """The lines with an event after a place, verified; raises `StaleMark`."""

    def _begin_at(self, front: Spot, versions: Versions) -> None:
        """Hold for verified what lies before a spot; `versions` are those that the streams have there."""
        self._front = front
        self._versions = versions

    def _begin_anew(self) -> None:
        """Hold nothing for verified, and nothing that was read for known."""
        self._begin_at(self._beginning, Versions())

    def _walk(self, spot: Spot, versions: Versions) -> Walk:
        """A walk from a spot with which these versions go on."""
        return Walk(spot, partial(self._follow, versions), self._codec.decode_lines)

    def _go_on(self, walk: Walk, versions: Versions) -> bool:
        """Move the front to where a walk with these versions stands; whether it was not there before.

        A walk that somebody left half done may go on when reading has begun anew: it then says nothing of what is there.
        """
        if versions is not self._versions or walk.spot.position <= self._front.position:
            return False
        self._front = walk.spot
        return True

    def _follow(self, versions: Versions, position: int, commits: Sequence[CommitLine]) -> int:
        """Let versions go on past the commits that are read, as `Versions.pass_over` says."""
        try:
            return versions.pass_over(position, commits)
        except InvalidLine:
            raise
        except BaseException:  # whoever is interrupted here and goes on must not take half of a commit for damage
            self._begin_anew()
            raise


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
