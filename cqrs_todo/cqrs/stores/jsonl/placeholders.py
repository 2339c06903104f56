"""Which streams and versions the events have that stand in for lost ones, so that every commit that is left fits."""

import heapq
from collections.abc import Iterator, Sequence

import msgspec

from ...events import LOST
from ..format import CommitLine


class Gap(msgspec.Struct, frozen=True):
    """Positions that are lost: `before` is the index of the commit that follows them."""

    before: int
    first: int
    last: int


class Conflict(Exception):
    """A commit cannot stand where it does; `index` says which."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def gaps_in(commits: Sequence[CommitLine], end: int) -> list[Gap]:
    """The positions up to `end` that no commit holds; raises `Conflict` for a commit whose positions overlap others."""
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
    """A version of a stream that no commit holds, though a later one is there.

    It must come before the commit with the index `due`, and after the one with the index `since`.
    """

    due: int
    stream: str
    version: int
    since: int


def fill(commits: Sequence[CommitLine], gaps: Sequence[Gap]) -> list[list[tuple[str, int]]]:
    """The stream and version of each lost event, gap by gap.

    The commits' streams need certain versions in certain gaps. The most urgent is placed first, which finds an arrangement
    if there is one. What is not needed goes to a stream of its own. Raises `Conflict` if there is no arrangement.
    """
    waiting = sorted(_missing(commits, sum(gap.last - gap.first + 1 for gap in gaps)), key=lambda each: each.since)
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
        for _ in range(gap.last - gap.first + 1):
            if ready and ready[0].due < gap.before:
                raise Conflict(ready[0].due)
            if ready:
                missing = heapq.heappop(ready)
                events.append((missing.stream, missing.version))
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
    """A stream that no commit uses, version by version."""
    stream = f"{LOST}/{position}"
    while stream in names:
        stream += "x"
    version = 0
    while True:
        version += 1
        yield stream, version
