"""Numbers from the history of a list: counts over time, throughput, cycle time. This module is pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from ..cqrs.events import Commit
from ..cqrs.steps import in_order_of_time
from ..cqrs.struct import Struct
from .compare import transitions
from .events import TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from .fields import State, Todo
from .values import ToLocal, parse_day_or_instant
from .views import is_open, move_of


class Statistics(Struct, frozen=True, kw_only=True):
    """The statistics of a history over whole local days. They count by when things happened, not by when they were recorded.

    Args:
        days: The days covered, in order.
        open: For each of these days, how many todos were open at its end.
        added: For each day, how many todos were created.
        completed: For each day, how many todos were completed.
        activity: For each day, how many events were recorded.
        cycle_days: For each completed todo, the days from its creation to its completion, sorted.
        reopened: How often a completed todo was reopened.
        hours: For each of the 24 local hours of the day, how many events were recorded.
        authors: Each author with the number of events, most active first.
    """

    days: tuple[date, ...]
    open: tuple[int, ...]
    added: tuple[int, ...]
    completed: tuple[int, ...]
    activity: tuple[int, ...]
    cycle_days: Sequence[float]
    reopened: int
    hours: tuple[int, ...]
    authors: tuple[tuple[str, int], ...]

    @property
    def reopen_rate(self) -> float | None:
        """The share of the completions that were reopened, from 0 to 1. None without completions."""
        count = sum(self.completed)
        return self.reopened / count if count else None

    def cycle_quantile(self, share: float) -> float | None:
        """Return the number of days within which a share of the completed todos was completed (the nearest-rank method).

        Args:
            share: The share, from 0 to 1.

        Returns:
            The days. None if no todo was completed.
        """
        if not self.cycle_days:
            return None
        rank = max(1, -(-int(share * 1000) * len(self.cycle_days) // 1000))
        return self.cycle_days[rank - 1]


class Effect(Struct, frozen=True):
    """What an event means for the statistics, besides that something was recorded.

    Args:
        when: When it happened: a day, or an instant in UTC.
        opened: By how many it changed the number of open todos.
        added: How many todos it created.
        completed: How many todos it completed.
        reopened: How many todos it reopened.
        finished: The todo that it completed.
    """

    when: date | datetime
    opened: int
    added: int = 0
    completed: int = 0
    reopened: int = 0
    finished: State = None


COUNTED = (TodoCreated, TodoCompleted, TodoReopened, TodoRemoved, TodoRestored)
"""The events that have an effect."""


def effect_of(before: State, after: State, event: object, at: datetime) -> Effect | None:
    """Return what an event means for the statistics; None if only that something was recorded.

    Args:
        before: The state of its todo before it.
        after: The state after it.
        event: The event.
        at: When it was recorded, in UTC.
    """
    opened = is_open(after) - is_open(before)
    match event:
        case TodoCreated(created=created):
            return Effect(created, opened, added=1)
        case TodoCompleted(completed):
            return Effect(parse_day_or_instant(completed), opened, completed=1, finished=after)
        case TodoReopened():
            return Effect(at, opened, reopened=1)
        case TodoRemoved() | TodoRestored():
            return Effect(at, opened)
        case _:
            return None


class _Tally:
    """The counts from which `statistics` makes its result: one for each of its series, and the days that it covers."""

    def __init__(self, to_local: ToLocal, since: date | None, until: date | None) -> None:
        self.to_local = to_local
        self.since = since or date.min
        self.until = until or date.max
        self.opened: Counter[date] = Counter()
        self.added: Counter[date] = Counter()
        self.completed: Counter[date] = Counter()
        self.activity: Counter[date] = Counter()
        self.hours: Counter[int] = Counter()
        self.authors: Counter[str] = Counter()
        self.reopened = 0
        self.cycle_days: list[float] = []

    def covers(self, day: date) -> bool:
        return self.since <= day <= self.until

    def count(self, before: State, after: State, event: object, at: datetime, by: str) -> None:
        recorded = self.to_local(at)
        self.activity[recorded.date()] += 1
        if self.covers(recorded.date()):
            self.hours[recorded.hour] += 1
            self.authors[by] += 1
        effect = effect_of(before, after, event, at)
        if effect is None:
            return
        day = self.to_local(effect.when).date() if isinstance(effect.when, datetime) else effect.when
        self.opened[day] += effect.opened
        self.added[day] += effect.added
        self.completed[day] += effect.completed
        if self.covers(day):
            self.reopened += effect.reopened
            if effect.finished is not None:
                self.cycle_days.append(_cycle_days(effect.finished, self.to_local))


def _cycle_days(todo: Todo, to_local: ToLocal) -> float:
    completed = parse_day_or_instant(todo.completed or "")
    if isinstance(completed, datetime):
        return days_between(todo.created, completed)
    return max(0.0, float((completed - to_local(todo.created).date()).days))


def days_between(created: datetime, completed: datetime) -> float:
    """Return the days from the creation of a todo to its completion; 0 if it was completed first."""
    return max(0.0, (completed - created) / timedelta(days=1))


def as_one_history(histories: Mapping[str, Iterable[Commit]]) -> list[Commit]:
    """Return the commits of several lists as those of one list, by their times.

    Moves between these lists are left out: a todo goes on in the other list as if nothing had happened.

    Args:
        histories: The commits of each list, by the id of its log.
    """
    moves = ((commit, move_of(commit)) for _, commit in in_order_of_time(histories))
    return [commit for commit, move in moves if move is None or not {move.source, move.target} <= histories.keys()]


def statistics(
    commits: Iterable[Commit], now: datetime, to_local: ToLocal, *, since: date | None = None, until: date | None = None
) -> Statistics:
    """Compute the statistics of a list.

    Args:
        commits: All commits of the list, oldest first.
        now: The present, with a time zone.
        to_local: The reader's time zone.
        since: The first local day. By default the first day on which anything happened.
        until: The last local day. By default the day of `now`.
    """
    tally = _Tally(to_local, since, until)
    for commit, event, before, after in transitions(commits):
        tally.count(before, after, event.data, commit.metadata.at, commit.metadata.by)
    happened = (*tally.opened, *tally.activity)
    last = until or to_local(now).date()
    return made_of(
        since or min((*happened, last)),
        last,
        opened=tally.opened,
        added=tally.added,
        completed=tally.completed,
        activity=tally.activity,
        cycle_days=tuple(sorted(tally.cycle_days)),
        reopened=tally.reopened,
        hours=tally.hours,
        authors=tally.authors.most_common(),
    )


def made_of(
    first: date,
    last: date,
    *,
    opened: Mapping[date, int],
    added: Mapping[date, int],
    completed: Mapping[date, int],
    activity: Mapping[date, int],
    cycle_days: Sequence[float],
    reopened: int,
    hours: Mapping[int, int],
    authors: Sequence[tuple[str, int]],
) -> Statistics:
    """Make statistics of counts by local day; the counts that are not by day are of the days that are covered.

    Args:
        first: The first day that is covered.
        last: The last day that is covered.
        opened: By how many the number of open todos changed on each day, also before the first one.
        added: How many todos were created on each day.
        completed: How many todos were completed on each day.
        activity: How many events were recorded on each day.
        cycle_days: See `Statistics`.
        reopened: See `Statistics`.
        hours: How many events were recorded in each hour of the day.
        authors: See `Statistics`.
    """
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    level = sum(change for day, change in opened.items() if day < first)
    levels = []
    for day in days:
        level += opened.get(day, 0)
        levels.append(level)
    return Statistics(
        days=days,
        open=tuple(levels),
        added=_series(added, days),
        completed=_series(completed, days),
        activity=_series(activity, days),
        cycle_days=cycle_days,
        reopened=reopened,
        hours=tuple(hours.get(hour, 0) for hour in range(24)),
        authors=tuple(authors),
    )


def _series(counts: Mapping[date, int], days: Iterable[date]) -> tuple[int, ...]:
    return tuple(counts.get(day, 0) for day in days)
