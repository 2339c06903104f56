"""The streams and versions of the events that take the place of lost ones, so that every commit that stays fits."""

import heapq
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ...events import LOST
from ..format import CommitLine

Claims = Mapping[int, tuple[str, int]]
"""The stream and version, by position, that lines claim which cannot be proven and do not stay in the log."""


class Gap(msgspec.Struct, frozen=True):
    """Positions that are lost.

    Attributes:
        before: The index of the commit that comes after them.
        first: The first position.
        last: The last position.
    """

    before: int
    first: int
    last: int


class Conflict(Exception):
    """A commit does not fit at its position.

    Attributes:
        index: Its index.
    """

    def __init__(self, index: int) -> None:
        """Make the error for the commit with an index."""
        super().__init__(index)
        self.index = index


def gaps_in(commits: Sequence[CommitLine], end: int) -> list[Gap]:
    """Return the positions up to `end` that no commit holds.

    Raises:
        Conflict: The positions of a commit overlap those of another.
    """
    gaps, position = [], 0
    for index, commit in enumerate(commits):
        if commit.position <= position:
            raise Conflict(index)
        if commit.position > position + 1:
            gaps.append(Gap(index, position + 1, commit.position - 1))
        position = commit.last
    if end > position:
        gaps.append(Gap(len(commits), position + 1, end))
    return gaps


class _Missing(msgspec.Struct, frozen=True, order=True):
    """A version of a stream that no commit holds, although a commit holds a later one.

    Attributes:
        due: The index of the commit before which it must come.
        stream: The name of the stream.
        version: The version.
        since: The index of the commit after which it must come.
    """

    due: int
    stream: str
    version: int
    since: int


def fill(commits: Sequence[CommitLine], gaps: Sequence[Gap], claims: Claims) -> list[list[tuple[str, int]]]:
    """Give each lost event a stream and a version.

    Every commit's streams need certain versions before it. A lost event gets the stream and version that are claimed for its
    position, if they are needed or begin a stream that is not in the log. So whatever counts the streams in the order of
    their first events counts as before. The other lost events get the versions that are still needed, or else a stream of
    their own.

    Args:
        commits: The commits that stay, by position.
        gaps: The lost positions between them.
        claims: What lines that do not stay say about these positions. It is used only as far as it fits.

    Returns:
        For each gap, the stream and version of each of its events.

    Raises:
        Conflict: There is no such arrangement.
    """
    filled = _fill(commits, gaps, claims) if claims else None
    return filled or _fill_by_need(commits, gaps, {})


def _fill(commits: Sequence[CommitLine], gaps: Sequence[Gap], claims: Claims) -> list[list[tuple[str, int]]] | None:
    """Do what `fill` describes if the claims fit; return None if they do not."""
    names = {event.stream for commit in commits for event in commit.events}
    lost = sum(gap.last - gap.first + 1 for gap in gaps)
    needed = {(each.stream, each.version): each for each in _missing(commits, lost)}
    placed: dict[int, tuple[str, int]] = {}
    for gap in gaps:
        for position in range(gap.first, gap.last + 1):
            claim = claims.get(position)
            if claim is None or claim in placed.values():
                continue
            missing = needed.get(claim)
            begins = missing is None and claim[1] == 1 and claim[0] not in names
            if begins or (missing is not None and missing.since < gap.before <= missing.due):
                placed[position] = claim
    try:
        filled = _fill_by_need(commits, gaps, placed)
    except Conflict:
        return None
    return filled if _in_order(filled) else None


def _in_order(filled: Sequence[Sequence[tuple[str, int]]]) -> bool:
    """Return whether the versions of each stream rise."""
    versions: dict[str, int] = {}
    for events in filled:
        for stream, version in events:
            if version <= versions.get(stream, 0):
                return False
            versions[stream] = version
    return True


def _fill_by_need(commits: Sequence[CommitLine], gaps: Sequence[Gap], placed: Claims) -> list[list[tuple[str, int]]]:
    """Fill the positions that are not `placed` yet.

    The version that is needed soonest comes first. That finds an arrangement if there is one.
    """
    done = set(placed.values())
    lost = sum(gap.last - gap.first + 1 for gap in gaps)
    missing = (each for each in _missing(commits, lost) if (each.stream, each.version) not in done)
    waiting = sorted(missing, key=lambda each: each.since)
    names = {event.stream for commit in commits for event in commit.events}
    ready: list[_Missing] = []
    filled = []
    taken = 0
    for gap in gaps:
        while taken < len(waiting) and waiting[taken].since < gap.before:
            heapq.heappush(ready, waiting[taken])
            taken += 1
        rest = iter(_own_stream(gap.first, names))
        events = []
        for position in range(gap.first, gap.last + 1):
            if position in placed:
                events.append(placed[position])
                continue
            if ready and ready[0].due < gap.before:
                raise Conflict(ready[0].due)
            if ready:
                urgent = heapq.heappop(ready)
                events.append((urgent.stream, urgent.version))
            else:
                events.append(next(rest))
        filled.append(events)
    if ready or taken < len(waiting):
        raise Conflict(min(each.due for each in (*ready, *waiting[taken:])))
    return filled


def _missing(commits: Sequence[CommitLine], room: int) -> Iterator[_Missing]:
    known: dict[str, tuple[int, int]] = {}
    for index, commit in enumerate(commits):
        for event in commit.events:
            version, since = known.get(event.stream, (0, -1))
            if event.version <= version or event.version - version - 1 > room:
                raise Conflict(index)
            for missing in range(version + 1, event.version):
                if since == index:
                    raise Conflict(index)
                yield _Missing(index, event.stream, missing, since)
            known[event.stream] = event.version, index


def _own_stream(position: int, names: set[str]) -> Iterator[tuple[str, int]]:
    """Yield the versions of a stream that no commit uses."""
    stream = f"{LOST}/{position}"
    while stream in names:
        stream += "x"
    version = 0
    while True:
        version += 1
        yield stream, version
