"""Folding the events of lists with a projection, from the nearest checkpoint on."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from heapq import merge
from itertools import chain
from typing import Any, Protocol

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import StaleCursor
from ...cqrs.events import Commit
from ...cqrs.store import Log
from ...cqrs.struct import Struct
from ..values import ToLocal
from ..views import id_of
from . import Event, Periodic, Projection
from .calls import call, close, evolve, failed, period_of


class Source(Struct, frozen=True):
    """A list whose events are folded.

    Args:
        log: Its log.
        end: The position of the last event that counts; None for the end of the log.
        check: Called for each commit that is read. It raises an error if the fold may not go on.
    """

    log: Log
    end: int | None = None
    check: Callable[[], None] | None = None


class Reached(Struct, frozen=True):
    """How far a fold had come in one log.

    Args:
        name: The name of the list.
        position: The position of the last event that was folded.
        latest: The latest time of the commits that were folded; None for none.
        cursor: A cursor at or after that event. A log has cursors only where it stops reading.
    """

    name: str
    position: int
    latest: datetime | None
    cursor: Cursor


class Checkpoint(Struct, frozen=True):
    """A state that was kept, so that the next fold need not read what lies before it.

    Args:
        period: The period that was closed; '' for a projection without periods.
        reached: How far the fold had come in each log, by the id of the log.
        state: The state, in the form in which it is kept.
    """

    period: str
    reached: Mapping[str, Reached]
    state: Any


class Checkpoints(Protocol):
    """Where the checkpoints of one projection are kept. They are a cache: losing them costs time, and nothing else."""

    def load(self) -> Sequence[Checkpoint]:
        """Return the checkpoints, oldest first."""

    def state_of(self, checkpoint: Checkpoint) -> Any:
        """Return the state of a checkpoint, which the caller may change; None if it cannot be used."""

    def save(self, period: str, reached: Mapping[str, Reached], state: Any) -> None:
        """Keep a state as it is now. The caller may change it afterwards."""


class Folded(Struct, frozen=True):
    """The result of a fold.

    Args:
        state: The state.
        period: The period; '' for a projection without periods.
        since: The position that the fold continued from, by the name of the list; 0 for the beginning of the log.
        events: How many events were read.
    """

    state: Any
    period: str
    since: Mapping[str, int]
    events: int


class _Unusable(Exception):
    """A checkpoint cannot be continued: what was recorded since belongs before it."""


def fold(
    projection: Projection[Any],
    sources: Sequence[Source],
    checkpoints: Checkpoints,
    to_local: ToLocal,
    now: datetime,
    period: str = "",
) -> Folded:
    """Fold the events of some lists.

    The events of several lists are folded in the order of their times. Within a list they keep their order, even if the
    clock went back.

    Args:
        projection: The projection.
        sources: The lists.
        checkpoints: The checkpoints of this projection over these lists.
        to_local: Converts times to the time zone of whoever looks.
        now: The time, aware. A period that is over at this time gets a checkpoint.
        period: For a `Periodic` projection, the period whose state is wanted: as it is at its end, or as it is now.

    Returns:
        The state, and how much was read for it.

    Raises:
        ViewFailed: The projection raised an error.
        CqrsError: What reading the logs raises.
    """
    attempt = partial(
        _Fold,
        projection=projection,
        sources=sources,
        checkpoints=checkpoints,
        to_local=to_local,
        now=now,
        period=period,
    )
    for checkpoint in reversed(checkpoints.load()):
        state = checkpoints.state_of(checkpoint) if _is_usable(checkpoint, sources, period) else None
        if state is None:
            continue
        try:
            return attempt(start=checkpoint, state=state).run()
        except (_Unusable, StaleCursor):  # try an older one, and at last the beginning of the logs
            continue
    state = call(projection, "initial, which cannot be copied", copy.deepcopy, projection.initial)
    return attempt(start=None, state=state).run()


def _is_usable(checkpoint: Checkpoint, sources: Sequence[Source], period: str) -> bool:
    if set(checkpoint.reached) != {source.log.id for source in sources} or (period and checkpoint.period >= period):
        return False
    reached = [(source, checkpoint.reached[source.log.id]) for source in sources]
    return all(
        each.name == source.log.name and (source.end is None or each.position <= source.end) for source, each in reached
    )


class _Reader:
    """Reads the commits of one list after a checkpoint, and knows how far it has come."""

    def __init__(self, source: Source, reached: Reached | None) -> None:
        self.log = source.log
        self._end = source.end
        self._check = source.check
        self._start = reached
        self.position = 0 if reached is None else reached.position
        self.latest = None if reached is None else reached.latest
        self.events = 0

    def commits(self) -> Iterator[tuple[datetime, Commit]]:
        """Read the commits, each with the latest time up to it."""
        latest = self.latest
        for commit in self._commits():
            if self._end is not None and commit.position > self._end:
                return
            if self._check is not None:
                self._check()
            self.events += len(commit.events)
            latest = commit.metadata.at if latest is None else max(latest, commit.metadata.at)
            yield latest, commit

    def _commits(self) -> Iterator[Commit]:
        start = self._start
        if start is None:
            return self.log.commits(START)
        between: list[Commit] = []
        if start.cursor.position > start.position:
            for commit in self.log.commits_backward(start.cursor):
                between.append(commit)
                if commit.position <= start.position + 1:
                    break
        return chain(reversed(between), self.log.commits(start.cursor))

    def reached(self) -> Reached:
        """Return how far the fold has come in this list."""
        cursor, start = self.log.cursor(), self._start
        if start is not None and cursor.position < start.cursor.position:  # nothing was read
            cursor = start.cursor
        return Reached(self.log.name, self.position, self.latest, cursor)


class _Fold:
    """One attempt to fold from a checkpoint, or from the beginning of the logs."""

    def __init__(
        self,
        *,
        projection: Projection[Any],
        sources: Sequence[Source],
        checkpoints: Checkpoints,
        to_local: ToLocal,
        now: datetime,
        period: str,
        start: Checkpoint | None,
        state: Any,
    ) -> None:
        self._projection = projection
        self._periodic = projection if isinstance(projection, Periodic) else None
        self._checkpoints = checkpoints
        self._to_local = to_local
        self._now = now
        self._wanted = period
        self._start = start
        self._current = "" if start is None else start.period
        self._open = False
        self._state = state
        self._readers = [_Reader(source, None if start is None else start.reached[source.log.id]) for source in sources]

    def run(self) -> Folded:
        """Fold, and keep checkpoints."""
        since = {reader.log.name: reader.position for reader in self._readers}
        seen = [reader.latest for reader in self._readers if reader.latest is not None]
        latest = max(seen, default=None)
        for at, place, commit in self._merged():
            if latest is not None and len(self._readers) > 1 and at <= latest:
                raise _Unusable
            if not self._enter_period(commit):
                break
            self._evolve(commit, self._readers[place])
            self._readers[place].latest = at
        self._end()
        events = sum(reader.events for reader in self._readers)
        return Folded(self._state, self._wanted, since, events)

    def _merged(self) -> Iterable[tuple[datetime, int, Commit]]:
        def placed(place: int) -> Iterator[tuple[datetime, int, Commit]]:
            return ((at, place, commit) for at, commit in self._readers[place].commits())

        if len(self._readers) == 1:
            return placed(0)
        return merge(*map(placed, range(len(self._readers))), key=lambda each: each[:2])

    def _enter_period(self, commit: Commit) -> bool:
        """Begin a new period if a commit is in one. Returns False for a commit after the wanted period."""
        if self._periodic is None:
            return True
        period = period_of(self._projection, self._periodic, self._local(commit.metadata.at))
        if self._start is not None and not self._open and period <= self._start.period:
            raise _Unusable
        period = max(period, self._current)
        if period > self._wanted:
            return False
        if self._open and period > self._current:
            self._state = self._closed(self._periodic, self._state)
        self._current, self._open = period, True
        return True

    def _closed(self, periodic: Periodic, state: Any) -> Any:
        """Return the state with which the next period begins, and keep it."""
        state = close(self._projection, periodic, state)
        self._checkpoints.save(self._current, self._reached(), state)
        return state

    def _evolve(self, commit: Commit, reader: _Reader) -> None:
        meta, name, first = commit.metadata, reader.log.name, commit.position
        at = self._local(meta.at)
        events = [
            Event(
                list=name,
                position=each.position,
                commit=first,
                stream=each.stream,
                id=id_of(each.stream),
                version=each.version,
                type=each.type,
                data=each.data,
                at=at,
                by=meta.by,
                meta=meta.meta,
            )
            for each in commit.events
        ]
        self._state = evolve(self._projection, self._state, events)
        reader.position = commit.last

    def _end(self) -> None:
        if self._periodic is None:
            if any(reader.events for reader in self._readers):
                self._checkpoints.save("", self._reached(), self._state)
        elif self._open and self._current < self._wanted:
            self._state = self._closed(self._periodic, self._state)
        elif self._open and self._current < period_of(self._projection, self._periodic, self._local(self._now)):
            self._closed(self._periodic, self._state)

    def _reached(self) -> dict[str, Reached]:
        return {reader.log.id: reader.reached() for reader in self._readers}

    def _local(self, at: datetime) -> datetime:
        """Return a time in the time zone of whoever looks, with nothing of the zone but its offset.

        A state that is read from a checkpoint has such times, because JSON has no names of time zones.
        """
        local = self._to_local(at)
        return local.replace(tzinfo=timezone(local.utcoffset() or timedelta()), fold=0)


def table(projection: Projection[Any], state: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the table of a state.

    Returns:
        The names of the columns, in the order in which the rows name them, and the rows.

    Raises:
        ViewFailed: The projection raised an error, or returned rows that are not mappings from names to values.
    """
    rows = call(projection, "rows", lambda: [dict(row) for row in projection.rows(state)])
    columns = list(dict.fromkeys(name for row in rows for name in row))
    wrong = next((name for name in columns if not isinstance(name, str)), None)
    if wrong is not None:
        shown = call(projection, "rows", repr, wrong)
        raise failed(projection, "rows", f"the name of a column is {shown}, which is not a text")
    return columns, rows


def in_utc(value: Any) -> Any:
    """Return a value of a row for programs: an instant in UTC. A time without a time zone stays as it is."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else value
