"""Snapshots: folds of a whole log, kept so that reading need not begin at its start. They are a cache, never the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic

from .cursor import Cursor
from .decider import S
from .fold import Fold
from .store import NEVER
from .struct import Struct

if TYPE_CHECKING:
    from .fold import Base

SPACING = 1.2
"""How many times farther than the last permanent snapshot the next permanent one is, at least, in a short log."""
FARTHEST = 64_000
"""How many events there are between two permanent snapshots before the next one is permanent, however long the log is."""


class SnapshotInfo(Struct, frozen=True):
    """What is known of a snapshot without loading it.

    Attributes:
        position: The position of the last event in it.
        at: The time of the last commit in it.
        earliest: The earliest time of the commits since the snapshot before it.
    """

    position: int
    at: datetime
    earliest: datetime


class Snapshot(Struct, Generic[S], frozen=True):
    """A snapshot.

    Attributes:
        cursor: Where in the log it was taken.
        base: The entities.
    """

    cursor: Cursor
    base: Base[S]


class Snapshots(ABC):
    """Where snapshots are kept, by the id of the log and the kind of aggregate. Losing them costs time and nothing else.

    So the repositories of several kinds can share one place.
    """

    @abstractmethod
    def infos(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        """Return which snapshots of a kind of aggregate in a log there are, by position.

        Args:
            log_id: The id of the log.
            kind: The kind of aggregate.
        """

    @abstractmethod
    def load(self, log_id: str, kind: str, position: int) -> Snapshot[Any] | None:
        """Return the snapshot that was taken at a position; None if it cannot be loaded.

        Args:
            log_id: The id of the log.
            kind: The kind of aggregate.
            position: The position of the last event in the snapshot.
        """

    @abstractmethod
    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[Any], before: Sequence[SnapshotInfo]
    ) -> None:
        """Keep a snapshot, and remove those that `prune` does not keep.

        Args:
            log_id: The id of the log.
            kind: The kind of aggregate.
            cursor: Where in the log the fold ends.
            info: What to remember of the snapshot.
            fold: The entities.
            before: The snapshots that there are so far, as `infos` has just returned them.
        """

    @abstractmethod
    def clear(self, log_id: str) -> bool:
        """Remove all snapshots of a log, of every kind, because they hold data that were forgotten.

        Args:
            log_id: The id of the log.

        Returns:
            Whether none is left.
        """


def prune(infos: Sequence[SnapshotInfo], new: SnapshotInfo) -> list[SnapshotInfo]:
    """Choose the snapshots to keep when a new one is taken.

    Snapshots are kept at geometrically growing distances up to `FARTHEST`, so that any moment of the past is near one. The
    newest one is replaced by the new one unless it is at least as far from the one before it as `next_permanent` says.

    Args:
        infos: The snapshots there are, by position.
        new: The new snapshot.

    Returns:
        The snapshots to keep, by position, the new one last.
    """
    stay = [each for each in infos if each.position < new.position]
    while stay and stay[-1].position < next_permanent(stay[:-1]):
        new = SnapshotInfo(new.position, new.at, min(new.earliest, stay.pop().earliest))
    return [*stay, new]


def next_permanent(infos: Sequence[SnapshotInfo]) -> int:
    """Return the first position at which a new snapshot would be permanent: `prune` would never remove it."""
    if not infos:
        return 0
    last = infos[-1].position
    return int(min(last * SPACING, last + FARTHEST)) + 1


class SnapshotStrategy(ABC):
    """When a snapshot is worth taking."""

    @abstractmethod
    def due(self, position: int, last: int, entities: int) -> bool:
        """Decide whether to take a snapshot.

        Args:
            position: The position of the last event in the fold.
            last: The position of the newest snapshot; 0 if there is none.
            entities: How many entities the fold has.
        """


class NeverSnapshot(SnapshotStrategy):
    """Takes no snapshots."""

    def due(self, position: int, last: int, entities: int) -> bool:
        """Return False; see `SnapshotStrategy.due`."""
        return False


class AlwaysSnapshot(SnapshotStrategy):
    """Takes a snapshot whenever there is something new."""

    def due(self, position: int, last: int, entities: int) -> bool:
        """Return whether there are events after the newest snapshot; see `SnapshotStrategy.due`."""
        return position > last


class SnapshotEvery(SnapshotStrategy):
    """Takes a snapshot when there are enough new events.

    The time that a snapshot takes grows with the number of entities. With `per`, the events that share one snapshot grow in
    number too, so that the time for each event stays the same.
    """

    def __init__(self, events: int, *, per: int | None = None) -> None:
        """Choose the distance between two snapshots.

        Args:
            events: How many events there are between two snapshots, at least.
            per: There is also at least one event between two snapshots for so many entities. None: their number does not
                matter.

        Raises:
            ValueError: `events` is not positive.
        """
        if events < 1:
            raise ValueError(f"a snapshot every {events} events: must be at least 1")
        self.events = events
        self.per = per

    def due(self, position: int, last: int, entities: int) -> bool:
        """Return whether there are enough events after the newest snapshot; see `SnapshotStrategy.due`."""
        return position - last >= max(self.events, entities // self.per if self.per else 0)


class NullSnapshots(Snapshots):
    """Keeps no snapshots."""

    def infos(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        """Return an empty sequence; see `Snapshots.infos`."""
        return ()

    def load(self, log_id: str, kind: str, position: int) -> Snapshot[Any] | None:
        """Return None; see `Snapshots.load`."""
        return None

    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[Any], before: Sequence[SnapshotInfo]
    ) -> None:
        """Do nothing; see `Snapshots.save`."""
        return

    def clear(self, log_id: str) -> bool:
        """Return True; see `Snapshots.clear`."""
        return True


def nearest(infos: Sequence[SnapshotInfo], position: int) -> tuple[int, int]:
    """Find the snapshots next to a position.

    Args:
        infos: The snapshots, by position.
        position: A position in the log.

    Returns:
        The position of the nearest snapshot at or before the position (0 if there is none), and that of the nearest one at
        or after it (`NEVER` if there is none).
    """
    positions = [info.position for info in infos]
    before = max((each for each in positions if each <= position), default=0)
    after = min((each for each in positions if each >= position), default=NEVER)
    return before, after
