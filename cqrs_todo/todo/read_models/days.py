"""Statistics of a list from counts by quarter of an hour, so that `todo stats` need not read a long history.

Quarters are counted in UTC, from the year 1. The reader's time zone decides to which local day and hour a quarter belongs.
That is right in every zone whose offset from UTC was a number of quarters all the time, and changed at the beginning of a
quarter. In other zones, for instance those that kept solar time, `statistics_from` gives no answer, and the log is read.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, overload

from msgspec import convert

from ...cqrs.events import Recorded
from ...cqrs.projections import Projection, ReadModel
from ...cqrs.query import Query
from ..fields import State, Todo
from ..model import EVENTS, evolve
from ..statistics import COUNTED, Statistics, days_between, effect_of, made_of
from ..values import ToLocal
from . import schema_for

_DAY = 96
"""How many quarters a day has."""
_QUARTER = timedelta(minutes=15)
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MOST_YEARS = 300
"""The longest time in years in which the changes of the clocks are looked for. A longer one has a wrong time in it."""

_SCHEMA, _TYPES = schema_for(
    """
    CREATE TABLE todo (
        log TEXT, stream TEXT, created TEXT NOT NULL, completed TEXT, removed INTEGER NOT NULL, PRIMARY KEY (log, stream)
    ) WITHOUT ROWID;
    CREATE TABLE recorded (
        log TEXT, quarter INTEGER, by TEXT, events INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (log, quarter, by)
    ) WITHOUT ROWID;
    CREATE TABLE happened (
        log TEXT, is_day INTEGER, at INTEGER, opened INTEGER NOT NULL, added INTEGER NOT NULL, completed INTEGER NOT NULL,
        reopened INTEGER NOT NULL, PRIMARY KEY (log, is_day, at)
    ) WITHOUT ROWID;
    CREATE TABLE finished (log TEXT NOT NULL, at INTEGER NOT NULL, hours INTEGER, days REAL, created INTEGER);
    CREATE INDEX finished_days ON finished (log, hours, days);
    CREATE TABLE took (log TEXT, hours INTEGER, todos INTEGER NOT NULL, PRIMARY KEY (log, hours)) WITHOUT ROWID;
    """,
    EVENTS.values(),
)


def apply(connection: Any, event: Recorded[Any], log_id: str) -> None:
    """Count an event; see `Projection.apply`."""
    at = event.metadata.at
    connection.execute(
        "INSERT INTO recorded VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET events = events + 1",
        (log_id, _quarter(at), event.metadata.by, event.position),
    )
    if not isinstance(event.data, COUNTED):
        return
    before = _state(connection, log_id, event.stream)
    after = evolve(before, event.data)
    effect = effect_of(before, after, event.data, at)
    if effect is None:
        return
    is_day = not isinstance(effect.when, datetime)
    place = _place(effect.when)
    connection.execute(
        "INSERT INTO happened VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET opened = opened + excluded.opened,"
        " added = added + excluded.added, completed = completed + excluded.completed,"
        " reopened = reopened + excluded.reopened",
        (log_id, is_day, place, effect.opened, effect.added, effect.completed, effect.reopened),
    )
    if effect.finished is not None:
        created = effect.finished.created
        days = days_between(created, effect.when) if isinstance(effect.when, datetime) else None
        hours, quarter = (None, _quarter(created)) if days is None else (int(days * 24), None)
        connection.execute("INSERT INTO finished VALUES (?, ?, ?, ?, ?)", (log_id, place, hours, days, quarter))
        if hours is not None:
            connection.execute(
                "INSERT INTO took VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET todos = todos + 1", (log_id, hours)
            )
    if after is not None:
        state = (log_id, event.stream, after.created.isoformat(), after.completed, after.removed)
        connection.execute("INSERT OR REPLACE INTO todo VALUES (?, ?, ?, ?, ?)", state)


def _state(connection: Any, log_id: str, stream: str) -> State:
    """Return what the statistics need of the state of a todo."""
    sql = "SELECT created, completed, removed FROM todo WHERE log = ? AND stream = ?"
    row = connection.execute(sql, (log_id, stream)).fetchone()
    return None if row is None else Todo("", datetime.fromisoformat(row[0]), completed=row[1], removed=bool(row[2]))


def _quarter(instant: datetime) -> int:
    return (instant - _BEGINNING) // _QUARTER


def _place(when: date | datetime) -> int:
    """Return the quarter of an instant, or the number of a day."""
    return _quarter(when) if isinstance(when, datetime) else when.toordinal()


PROJECTION: Projection[Any] = Projection("days", 1, _SCHEMA, apply, Query.of(types=_TYPES))


# local days


class _Clock:
    """A time zone, as spans of quarters with the same offset from UTC."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        """Keep spans, in order: the first quarter of each, and its offset in quarters."""
        self.spans = spans
        self._starts = [start for start, _ in spans]

    def local(self, quarter: int) -> int:
        """Return the local time at the beginning of a quarter, as quarters since the year 1."""
        return quarter + self.spans[bisect_right(self._starts, quarter) - 1][1]


class _OddZone(Exception):
    """An offset from UTC is not a number of quarters, or changed within a quarter."""


def _clock(first: int, last: int, to_local: ToLocal) -> _Clock:
    """Find the offsets from the first quarter to the last one.

    Raises:
        _OddZone: They cannot be told from quarters.
    """
    if last - first > _MOST_YEARS * 366 * _DAY:
        raise _OddZone
    spans = [(first, _offset(first, to_local))]
    for day in range(first, last + _DAY, _DAY):
        end = min(day + _DAY, last + 1)
        if _offset(end, to_local) != spans[-1][1]:
            spans.append(_change(day, end, to_local))
    return _Clock(spans)


def _change(low: int, high: int, to_local: ToLocal) -> tuple[int, int]:
    """Return the quarter with which another offset begins, and this offset; one that differs begins after `low`."""
    before, after = _offset(low, to_local), _offset(high, to_local)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, to_local) == before:
            low = middle
        else:
            high = middle
    just_before = to_local(_BEGINNING + high * _QUARTER - timedelta(microseconds=1)).utcoffset()
    if _offset(high, to_local) != after or just_before != before * _QUARTER:
        raise _OddZone
    return high, after


def _offset(quarter: int, to_local: ToLocal) -> int:
    offset = to_local(_BEGINNING + quarter * _QUARTER).utcoffset() or timedelta()
    quarters, rest = divmod(offset, _QUARTER)
    if rest:
        raise _OddZone
    return quarters


# statistics


class _Sorted(Sequence[float]):
    """The days in which the todos were completed, sorted. Each is looked up when it is asked for.

    How many todos took how many whole hours says in which hour to look, so that not all of them need to be counted.
    """

    def __init__(self, model: ReadModel, log_id: str) -> None:
        self._model = model
        self._log = log_id
        self._took = model.rows("SELECT hours, todos FROM took WHERE log = ? ORDER BY hours", (log_id,))

    def __len__(self) -> int:
        return sum(todos for _, todos in self._took)

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...
    def __getitem__(self, place: int | slice) -> float | Sequence[float]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        left = range(len(self))[place]
        for hours, todos in self._took:
            if left < todos:
                sql = "SELECT days FROM finished WHERE log = ? AND hours = ? ORDER BY days LIMIT 1 OFFSET ?"
                ((days,),) = self._model.rows(sql, (self._log, hours, left))
                return float(days)
            left -= todos
        raise IndexError(place)


def statistics_from(
    model: ReadModel, log_id: str, now: datetime, to_local: ToLocal, *, since: date | None = None, until: date | None = None
) -> Statistics | None:
    """Compute what `statistics.statistics` does from rows.

    Args:
        model: The rows, which must have been brought up to date.
        log_id: The id of the log of the list.
        now: See there.
        to_local: See there.
        since: See there.
        until: See there.

    Returns:
        The statistics. The rows are also read when `cycle_days` is. None if the reader's time zone allows no answer.

    Raises:
        CqrsError: What `ReadModel.rows` raises.
        ValueError: The rows are damaged.
    """
    quarters = model.rows(
        "SELECT min(quarter), max(quarter) FROM recorded WHERE log = ? UNION ALL"
        " SELECT min(at), max(at) FROM happened WHERE log = ? AND is_day = 0 UNION ALL"
        " SELECT min(created), max(created) FROM finished WHERE log = ? AND hours IS NULL",
        (log_id,) * 3,
    )
    known = [quarter for ends in quarters for quarter in ends if quarter is not None] or [_quarter(now)]
    try:
        clock = _clock(min(known), max(known), to_local)
    except _OddZone:
        return None
    return _counted(model, log_id, clock, since, until, to_local(now).date())


def _counted(
    model: ReadModel, log_id: str, clock: _Clock, since: date | None, until: date | None, today: date
) -> Statistics:
    first, last = (since or date.min).toordinal(), (until or date.max).toordinal()
    activity: Counter[date] = Counter()
    hours: Counter[int] = Counter()
    authors: dict[str, list[int]] = {}
    opened: Counter[date] = Counter()
    added: Counter[date] = Counter()
    completed: Counter[date] = Counter()
    reopened = 0
    for quarter, by, events, position in _by_hour(model, log_id, clock):
        day, hour = divmod(quarter, _DAY)
        activity[_date(day)] += events
        if first <= day + 1 <= last:
            hours[hour // 4] += events
            author = authors.setdefault(by, [0, position])
            author[0] += events
            author[1] = min(author[1], position)
    for day, *counts in _by_day(model, log_id, clock):
        local = _date(day)
        for counter, count in zip((opened, added, completed), counts, strict=False):
            counter[local] += count
        if first <= day + 1 <= last:
            reopened += counts[3]
    end = until or today
    return made_of(
        since or min((*opened, *activity, end)),
        end,
        opened=opened,
        added=added,
        completed=completed,
        activity=activity,
        cycle_days=_cycle_days(model, log_id, clock, first, last),
        reopened=reopened,
        hours=hours,
        authors=[(by, events) for by, (events, _) in sorted(authors.items(), key=lambda each: (-each[1][0], each[1][1]))],
    )


def _date(day: int) -> date:
    """Return the date of a day that is counted from 0."""
    return date.fromordinal(day + 1)


def _shift(clock: _Clock) -> str:
    """Return the SQL of the table `span`: the offset of the clock for each range of quarter hours."""
    starts = [start for start, _ in clock.spans]
    ends = [*(start - 1 for start in starts[1:]), 1 << 60]
    rows = ", ".join(f"({start}, {end}, {offset})" for (start, offset), end in zip(clock.spans, ends, strict=True))
    return f"WITH span (first, last, shift) AS (VALUES {rows})"


def _by_hour(model: ReadModel, log_id: str, clock: _Clock) -> list[tuple[int, str, int, int]]:
    """Return for each local hour, as its first quarter, and each author: how many events, and the first position."""
    rows = model.rows(
        f"{_shift(clock)} SELECT (quarter + shift) / 4 * 4, by, sum(events), min(position)"
        " FROM span JOIN recorded ON log = ? AND quarter BETWEEN first AND last GROUP BY 1, 2",
        (log_id,),
    )
    return convert(rows, list[tuple[int, str, int, int]])


def _by_day(model: ReadModel, log_id: str, clock: _Clock) -> list[tuple[Any, ...]]:
    """Return for each local day: the sums of opened, added, completed and reopened."""
    sums = "sum(opened), sum(added), sum(completed), sum(reopened)"
    return model.rows(
        f"{_shift(clock)} SELECT (at + shift) / {_DAY}, {sums}"
        f" FROM span JOIN happened ON log = ? AND is_day = 0 AND at BETWEEN first AND last GROUP BY 1"
        f" UNION ALL SELECT at - 1, {sums} FROM happened WHERE log = ? AND is_day = 1 GROUP BY 1",
        (log_id, log_id),
    )


def _cycle_days(model: ReadModel, log_id: str, clock: _Clock, first: int, last: int) -> Sequence[float]:
    """Return in how many days todos were completed, sorted, for those that were completed from one day to another."""
    all_days = first == date.min.toordinal() and last == date.max.toordinal()
    if all_days and not model.rows("SELECT 1 FROM finished WHERE log = ? AND hours IS NULL LIMIT 1", (log_id,)):
        return _Sorted(model, log_id)
    found = []
    for at, days, created in model.rows("SELECT at, days, created FROM finished WHERE log = ?", (log_id,)):
        day = at if days is None else clock.local(at) // _DAY + 1
        if first <= day <= last:
            found.append(max(0.0, float(at - clock.local(created) // _DAY - 1)) if days is None else days)
    return sorted(found)
