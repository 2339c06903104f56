"""Numbers from the history of a list: counts over time, conditions on them, throughput, cycle time. This module is pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeAlias

from ..cqrs.events import Commit, UnknownEvent
from ..cqrs.struct import Struct
from .compare import transitions
from .errors import InvalidCondition
from .events import TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from .fields import State, Todo
from .model import DECIDER
from .values import ToLocal, nfc, parse_day_or_instant, time_in
from .views import Item, is_overdue, move_of
from .zones import start_of_day

# conditions


class Comparison(Struct, frozen=True):
    """A comparison of a count with a number, such as `open>20` or `(is:open +work)>=3`.

    Args:
        count: One of `COUNTS`, `tag:` and the name of a tag, or a query in parentheses, which counts what it wants.
        operator: One of < <= = != >= >.
        number: The number.
    """

    count: str
    operator: str
    number: int


_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
COUNTS = ("open", "done", "overdue", "removed", "total")
_COUNTS = ", ".join((*COUNTS, "tag:NAME", "or a query in parentheses"))
_COMPARISON = re.compile(r"\s*(<=|>=|!=|==|<|>|=)\s*([0-9]{1,9})(?:\s+and\s+(?=\S)|\s*$)")
_COUNT = re.compile(r"tag:[^\s<>=!]+|\w+")


def parse_condition(text: str) -> tuple[Comparison, ...]:
    """Parse a condition such as `open>20 and tag:home=0`, or `(is:open +work)>=3`.

    Args:
        text: The condition as typed. Queries in parentheses are not parsed yet.

    Returns:
        Its comparisons, all of which must hold.

    Raises:
        InvalidCondition: It cannot be parsed. The text says what can be written.
    """
    found: list[Comparison] = []
    rest = text.strip()
    while rest or not found:
        end = _end_of_count(rest)
        compared = _COMPARISON.match(rest, end) if end else None
        if compared is None:
            part = re.split(r"\s+and\s+", rest)[0]
            raise InvalidCondition(
                f"{part!r} is not a condition: write a count ({_COUNTS}), one of < <= = != >= >, and a number"
            )
        found.append(Comparison(_known(rest[:end]), compared[1].replace("==", "="), int(compared[2])))
        rest = rest[compared.end() :]
    return tuple(found)


def _end_of_count(text: str) -> int:
    """Return where the count ends with which a text begins; 0 if it begins with none.

    A count may be a query in parentheses, in which those between quotation marks do not count.
    """
    if not text.startswith("("):
        match = _COUNT.match(text)
        return 0 if match is None else match.end()
    depth, quoted = 0, False
    for place, char in enumerate(text):
        quoted ^= char == '"'
        if not quoted and char in "()":
            depth += 1 if char == "(" else -1
            if not depth:
                return place + 1
    return 0


def _known(count: str) -> str:
    """Return a count in the form in which it is compared; raise `InvalidCondition` if there is no such count."""
    if not (count in COUNTS or count.startswith(("tag:", "("))):
        from difflib import get_close_matches  # only for this error

        near = get_close_matches(count.lower(), COUNTS, n=1)
        meant = f"did you mean {near[0]}? The" if near else "the"
        raise InvalidCondition(f"there is no count {count!r}: {meant} counts are {_COUNTS}")
    return nfc(count)


Wanting: TypeAlias = Callable[[str, Sequence[Item], datetime], int]
"""Returns how many of the todos of a list a query wants at a time."""


class _Counts:
    """The counts of a list, updated with each event."""

    def __init__(self, to_local: ToLocal, wanting: Wanting) -> None:
        self._to_local = to_local
        self._wanting = wanting
        self._counts: Counter[str] = Counter()
        self._dated: dict[str, tuple[Todo, tuple[datetime, ...]]] = {}
        self._items: dict[str, Item] = {}

    def change(self, stream: str, version: int, before: State, after: State) -> None:
        """Update the counts with the states of a todo before and after an event."""
        if after is not None:
            known = self._items.get(stream)
            number = len(self._items) + 1 if known is None else known.number
            self._items[stream] = Item(number, stream, version, after)
        self._counts.subtract(_counted_in(before))
        self._counts.update(_counted_in(after))
        points = tuple(_turning_points(after, self._to_local)) if after is not None and _is_open(after) else ()
        if after is not None and points:
            self._dated[stream] = after, points
        else:
            self._dated.pop(stream, None)

    def get(self, name: str, now: datetime) -> int:
        """Return a count at a time. Only `overdue` and queries depend on the time."""
        if name.startswith("("):
            return self._wanting(name[1:-1], list(self._items.values()), now)
        if name == "overdue":
            return sum(is_overdue(todo, now, self._to_local) for todo, _ in self._dated.values())
        return self._counts[name]

    def dates_passed(self, since: datetime, until: datetime) -> list[datetime]:
        """Return the moments at which a date of an open todo comes or has passed, in order.

        Args:
            since: The moments are after this time.
            until: They are not after this time.
        """
        passed = {at for _, moments in self._dated.values() for at in moments if since < at <= until}
        return sorted(passed)


def _counted_in(state: State) -> Iterator[str]:
    """Yield the names of the counts in which a todo is counted."""
    if state is None:
        return
    if state.removed:
        yield "removed"
        return
    yield "total"
    if state.done:
        yield "done"
        return
    yield "open"
    yield from {f"tag:{nfc(tag)}" for tag in state.tags}


class MatchingMoment(Struct, frozen=True):
    """A moment at which a condition began to hold.

    Args:
        position: The position of the last commit at that moment.
        at: The time, in UTC.
    """

    position: int
    at: datetime


def moments_when(
    condition: Sequence[Comparison],
    commits: Iterable[Commit],
    now: datetime,
    to_local: ToLocal,
    wanting: Wanting = lambda *_: 0,
) -> Iterator[MatchingMoment]:
    """Find the moments at which a condition began to hold.

    Each moment is the time of a commit. For a condition on `overdue` or a query it can also be a time between two commits at
    which a date of a todo came or passed, or the present. (A query about `created:..5-days-ago`, for example, can become
    true on any day. It is only tried at these moments.) The count of a tag is the number of open todos with this tag.

    Args:
        condition: The comparisons, all of which must hold.
        commits: All commits of a list, oldest first.
        now: The present, with a time zone.
        to_local: The reader's time zone.
        wanting: Counts what a query wants. It is needed for a condition with queries.

    Yields:
        The moments, oldest first.
    """
    depends_on_time = any(comparison.count == "overdue" or comparison.count[0] == "(" for comparison in condition)
    counts = _Counts(to_local, wanting)
    states: dict[str, State] = {}
    holding = False
    position = 0
    last: datetime | None = None

    def begins_to_hold(at: datetime) -> bool:
        """Return whether the condition holds now and did not hold before."""
        nonlocal holding
        before = holding
        holding = all(_OPERATORS[part.operator](counts.get(part.count, at), part.number) for part in condition)
        return holding and not before

    def between_commits(until: datetime) -> Iterator[MatchingMoment]:
        if depends_on_time and last is not None:
            yield from (MatchingMoment(position, at) for at in counts.dates_passed(last, until) if begins_to_hold(at))

    for commit in commits:
        yield from between_commits(commit.metadata.at)
        for event in commit.events:
            if not isinstance(event.data, UnknownEvent):
                before = states.get(event.stream)
                after = states[event.stream] = DECIDER.evolve(before, event.data)
                counts.change(event.stream, event.version, before, after)
        position, last = commit.position, commit.metadata.at
        if begins_to_hold(last):
            yield MatchingMoment(position, last)
    yield from between_commits(now)
    if depends_on_time and last is not None and begins_to_hold(now):
        yield MatchingMoment(position, now)


def _turning_points(todo: Todo, to_local: ToLocal) -> Iterator[datetime]:
    """Yield the moments at which a date of a todo comes, and those at which it has passed."""
    for value in (todo.due, todo.wait, todo.reminder, *(text for _, text in todo.attributes)):
        if value is None:
            continue
        parsed = value if isinstance(value, datetime) else time_in(value)
        if parsed is None:  # an attribute that is no date
            continue
        try:
            if isinstance(parsed, datetime):
                moments = parsed, parsed + timedelta(microseconds=1)
            else:
                moments = start_of_day(parsed, to_local), start_of_day(parsed + timedelta(days=1), to_local)
        except OverflowError:  # the end of the calendar
            continue
        yield from moments


# statistics


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
    opened = _is_open(after) - _is_open(before)
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


def _is_open(state: State) -> bool:
    return state is not None and not state.done and not state.removed


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
    commits = (commit for history in histories.values() for commit in history)
    moves = ((commit, move_of(commit)) for commit in commits)
    kept = [commit for commit, move in moves if move is None or not {move.source, move.target} <= histories.keys()]
    return sorted(kept, key=lambda commit: commit.metadata.at)


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
