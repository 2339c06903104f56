"""Numbers from history: counts over time, conditions on them, throughput, cycle time. Pure: folded from commits."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from ..cqrs.errors import Rejected
from ..cqrs.events import Commit, UnknownEvent
from ..cqrs.struct import Struct
from .compare import transitions
from .events import TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from .fields import State, Todo
from .model import DECIDER
from .values import nfc, parse_day_or_instant
from .views import ToLocal, local_day, overdue
from .zones import start_of_day

# conditions


class Comparison(Struct, frozen=True):
    """One comparison of a count with a number, as `open>20`."""

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
_COMPARISON = re.compile(r"(\w+|tag:[^\s<>=!]+)\s*(<=|>=|!=|==|<|>|=)\s*([0-9]{1,9})")


def parse_condition(text: str) -> tuple[Comparison, ...]:
    """The comparisons, all of which must hold, in a text such as `open>20 and tag:home=0`.

    Raises `Rejected`, saying what can be written.
    """
    found = []
    for part in re.split(r"\s+and\s+", text.strip()):
        match = _COMPARISON.fullmatch(part)
        if match is None or not (match[1] in COUNTS or match[1].startswith("tag:")):
            counts = ", ".join((*COUNTS, "tag:NAME"))
            raise Rejected(f"{part!r} is no condition: write a count ({counts}), one of < <= = != >= >, and a number")
        found.append(Comparison(nfc(match[1]), match[2].replace("==", "="), int(match[3])))
    return tuple(found)


class _Counts:
    """The counts of a list, kept up by the states before and after each event."""

    def __init__(self, to_local: ToLocal) -> None:
        self._to_local = to_local
        self._counts: Counter[str] = Counter()
        self._due: dict[str, Todo] = {}

    def change(self, stream: str, before: State, after: State) -> None:
        """Take in that a todo went from one state to another."""
        self._counts.subtract(_names(before))
        self._counts.update(_names(after))
        if after is not None and after.due is not None and _is_open(after):
            self._due[stream] = after
        else:
            self._due.pop(stream, None)

    def get(self, name: str, now: datetime) -> int:
        """A count, as of a time, which matters to `overdue` alone."""
        if name == "overdue":
            return sum(overdue(todo, now, self._to_local) for todo in self._due.values())
        return self._counts[name]

    def passing(self, since: datetime, until: datetime) -> list[datetime]:
        """The moments after `since` up to `until` at which a due date passes, in order."""
        passed = {_passes(todo, self._to_local) for todo in self._due.values()}
        return sorted(at for at in passed if since < at <= until)


def _names(state: State) -> Iterator[str]:
    """The counts in which a todo is counted."""
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


class Held(Struct, frozen=True):
    """A moment at which a condition held: the position of the last commit then, and the time."""

    position: int
    at: datetime


def held(condition: Sequence[Comparison], commits: Iterable[Commit], now: datetime, to_local: ToLocal) -> Iterator[Held]:
    """The moments at which a condition began to hold, in order; from all commits of a list.

    A moment is after a commit, or, where the condition speaks of `overdue`, when a due date passed between two commits.
    A tag's count is that of the open todos that bear it.
    """
    waits = any(comparison.count == "overdue" for comparison in condition)
    counts = _Counts(to_local)
    states: dict[str, State] = {}
    holding = False
    position = 0
    last: datetime | None = None

    def began(at: datetime) -> bool:
        """Whether the condition holds and did not before."""
        nonlocal holding
        before = holding
        holding = all(_OPERATORS[part.operator](counts.get(part.count, at), part.number) for part in condition)
        return holding and not before

    def began_waiting(until: datetime) -> Iterator[Held]:
        if waits and last is not None:
            yield from (Held(position, at) for at in counts.passing(last, until) if began(at))

    for commit in commits:
        yield from began_waiting(commit.metadata.at)
        for event in commit.events:
            if not isinstance(event.data, UnknownEvent):
                before = states.get(event.stream)
                after = states[event.stream] = DECIDER.evolve(before, event.data)
                counts.change(event.stream, before, after)
        position, last = commit.position, commit.metadata.at
        if began(last):
            yield Held(position, last)
    yield from began_waiting(now)


def _passes(todo: Todo, to_local: ToLocal) -> datetime:
    """The first moment at which a todo with a due date is overdue."""
    due = parse_day_or_instant(todo.due or "")
    if isinstance(due, datetime):
        return due + timedelta(microseconds=1)
    return start_of_day(due + timedelta(days=1), to_local)


# statistics


class Statistics(Struct, frozen=True):
    """What a history comes to over whole local days, by when things happened, not when they were recorded.

    `days` are the days covered; `open`, `added`, `completed` and `activity` (events) are counts for each of them, in order.
    `cycle_days` are the days that each completed todo had taken, sorted. `reopened` counts completions taken back.
    `hours` are events by local hour of the day, `authors` by author, most active first.
    """

    days: tuple[date, ...]
    open: tuple[int, ...]
    added: tuple[int, ...]
    completed: tuple[int, ...]
    activity: tuple[int, ...]
    cycle_days: tuple[float, ...]
    reopened: int
    hours: tuple[int, ...]
    authors: tuple[tuple[str, int], ...]

    @property
    def reopen_rate(self) -> float | None:
        """How many of the completions were taken back, 0 to 1; None without completions."""
        count = sum(self.completed)
        return self.reopened / count if count else None

    def cycle_quantile(self, share: float) -> float | None:
        """The days within which this share of the completed todos was done (nearest rank); None without any."""
        if not self.cycle_days:
            return None
        rank = max(1, -(-int(share * 1000) * len(self.cycle_days) // 1000))
        return self.cycle_days[rank - 1]


class _Tally:
    def __init__(self, to_local: ToLocal, since: date | None, until: date | None) -> None:
        self.to_local = to_local
        self.since = since or date.min
        self.until = until or date.max
        self.moved: Counter[date] = Counter()
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
        day = recorded.date()
        self.activity[day] += 1
        if self.covers(day):
            self.hours[recorded.hour] += 1
            self.authors[by] += 1
        match event:
            case TodoCreated(created=created):
                day = self.to_local(created).date()
                self.added[day] += 1
            case TodoCompleted(completed):
                day = local_day(completed, self.to_local)
                self.completed[day] += 1
                if after is not None and self.covers(day):
                    self.cycle_days.append(_cycle_days(after, self.to_local))
            case TodoReopened():
                self.reopened += self.covers(day)
            case TodoRemoved() | TodoRestored():
                pass
            case _:
                return
        self.moved[day] += _is_open(after) - _is_open(before)


def _is_open(state: State) -> bool:
    return state is not None and not state.done and not state.removed


def _cycle_days(todo: Todo, to_local: ToLocal) -> float:
    completed = parse_day_or_instant(todo.completed or "")
    if isinstance(completed, datetime):
        return max(0.0, (completed - todo.created) / timedelta(days=1))
    return max(0.0, float((completed - to_local(todo.created).date()).days))


def statistics(
    commits: Iterable[Commit], now: datetime, to_local: ToLocal, *, since: date | None = None, until: date | None = None
) -> Statistics:
    """The statistics of a history, from all commits of a list in order, of the local days from `since` to `until`.

    Without these: from the first day on which anything happened to the day of `now`.
    """
    tally = _Tally(to_local, since, until)
    for commit, event, before, after in transitions(commits):
        tally.count(before, after, event.data, commit.metadata.at, commit.metadata.by)
    happened = (*tally.moved, *tally.activity)
    last = until or to_local(now).date()
    first = since or min((*happened, last))
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    level = sum(moved for day, moved in tally.moved.items() if day < first)
    levels = []
    for day in days:
        level += tally.moved[day]
        levels.append(level)
    return Statistics(
        days,
        tuple(levels),
        _series(tally.added, days),
        _series(tally.completed, days),
        _series(tally.activity, days),
        tuple(sorted(tally.cycle_days)),
        tally.reopened,
        tuple(tally.hours[hour] for hour in range(24)),
        tuple(tally.authors.most_common()),
    )


def _series(counts: Mapping[date, int], days: Iterable[date]) -> tuple[int, ...]:
    return tuple(counts.get(day, 0) for day in days)
