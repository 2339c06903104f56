"""Snapshots: folds of a whole log, kept so that reading need not begin at the beginning. A cache, never the truth."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic, Protocol

from .decider import S
from .fold import Base, Entities, Fold, version_in
from .store import Mark
from .struct import Struct

SPACING = 1.2
"""How much farther than the last one that is kept for good the next one lies."""
NEVER = 2**63
"""A position that no log reaches."""


class Taken(Struct, frozen=True):
    """That a snapshot was taken: position and time of the last commit in it, and the earliest time since the one before."""

    position: int
    at: datetime
    earliest: datetime


class Snapshot(Struct, Generic[S], frozen=True):
    """A snapshot: the place in the log that it was taken at, and the entities."""

    mark: Mark
    base: Base[S]


class Snapshots(Protocol):
    """Where snapshots are kept, by log id. Losing them costs time, nothing else."""

    def taken(self, log_id: str) -> Sequence[Taken]:
        """Which there are, by position."""

    def load(self, log_id: str, position: int) -> Snapshot[Any] | None:
        """The one taken at a position; None where it can't be had."""

    def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[Any]) -> None:
        """Keep a fold, taken at a mark, as the newest; the one before it goes, unless it is far from the one before that."""


def thinned(taken: Sequence[Taken], new: Taken) -> list[Taken]:
    """Which snapshots stay when a new one comes: spaced geometrically, so that any moment of the past is near one.

    The newest makes room for the new one unless it lies `SPACING` times farther than the one before it.
    """
    stay = [each for each in taken if each.position < new.position]
    while stay and stay[-1].position < next_kept(stay[:-1]):
        new = Taken(new.position, new.at, min(new.earliest, stay.pop().earliest))
    return [*stay, new]


def next_kept(taken: Sequence[Taken]) -> int:
    """The position from which a snapshot stays for good."""
    return int(taken[-1].position * SPACING) + 1 if taken else 0


class SnapshotStrategy(Protocol):
    """When a snapshot is worth taking."""

    def due(self, position: int, last: int, entities: int) -> bool:
        """Whether to take one at `position` of so many entities, the newest being at `last` (0: none)."""


class NeverSnapshot:
    """No snapshots."""

    def due(self, position: int, last: int, entities: int) -> bool:
        return False


class AlwaysSnapshot:
    """A snapshot whenever there is something new."""

    def due(self, position: int, last: int, entities: int) -> bool:
        return position > last


class SnapshotEvery:
    """A snapshot once `events` events have come since the last one, or one for every `per` entities if that is more.

    A snapshot costs as much as there are entities, so that with `per` its cost, shared by the events, stays the same however
    long the log. Raises `ValueError` unless `events` is positive.
    """

    def __init__(self, events: int, *, per: int | None = None) -> None:
        if events < 1:
            raise ValueError(f"a snapshot every {events} events: must be at least 1")
        self.events = events
        self.per = per

    def due(self, position: int, last: int, entities: int) -> bool:
        return position - last >= max(self.events, entities // self.per if self.per else 0)


class NullSnapshots:
    """Keeps nothing."""

    def taken(self, log_id: str) -> Sequence[Taken]:
        return ()

    def load(self, log_id: str, position: int) -> Snapshot[Any] | None:
        return None

    def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[Any]) -> None:
        return None


class MemorySnapshots:
    """Keeps snapshots in this process."""

    def __init__(self) -> None:
        self._taken: dict[str, list[Taken]] = {}
        self._kept: dict[tuple[str, int], Snapshot[Any]] = {}

    def taken(self, log_id: str) -> Sequence[Taken]:
        return self._taken.get(log_id, [])

    def load(self, log_id: str, position: int) -> Snapshot[Any] | None:
        return self._kept.get((log_id, position))

    def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[Any]) -> None:
        before = self.taken(log_id)
        self._taken[log_id] = thinned(before, taken)
        for gone in {each.position for each in before} - {each.position for each in self._taken[log_id]}:
            del self._kept[log_id, gone]
        base = Entities(fold, fold.others)
        self._kept[log_id, mark.position] = Snapshot(Mark(mark.position, mark.token, partial(version_in, base)), base)


def nearest(taken: Sequence[Taken], position: int) -> tuple[int, int]:
    """The positions of the snapshots next to a position, at or before it (0: none) and at or after it (`NEVER`: none)."""
    place = bisect_left(taken, position, key=lambda each: each.position)
    after = taken[place].position if place < len(taken) else NEVER
    before = position if after == position else taken[place - 1].position if place else 0
    return before, after
