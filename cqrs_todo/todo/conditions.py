"""Conditions on the counts of lists, and the moments at which they began to hold. This module is pure."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import TypeAlias

from ..cqrs.events import Commit, Recorded, UnknownEvent
from ..cqrs.struct import Struct
from ..cqrs.timeline import in_order_of_time
from .errors import InvalidCondition
from .fields import State
from .model import DECIDER
from .query import Query
from .values import ToLocal, nfc, time_in
from .views import Item, is_open, is_overdue
from .zones import start_of_day


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


Ask: TypeAlias = Callable[[str, str, Sequence[Item], datetime], Query]
"""Takes the text of a query, the name of a list, its todos and a time. Returns the query about this list at this time."""


class _Counts:
    """The counts of a list, updated with each commit, and the todos that each query of a condition wants."""

    def __init__(self, name: str, counts: Iterable[str], to_local: ToLocal, ask: Ask | None) -> None:
        self._name = name
        self._to_local = to_local
        self._ask = ask
        self._counts: Counter[str] = Counter()
        self._wanted: dict[str, set[str]] = {count: set() for count in counts if count == "overdue" or count[0] == "("}
        self._queries: dict[str, Query] = {}
        self._items: dict[str, Item] = {}
        self._ahead: list[tuple[datetime, str]] = []
        """A heap of the moments at which a date of a todo comes or has passed, with the streams of the todos."""

    def apply(self, commit: Commit, at: datetime) -> None:
        """Update the counts with a commit.

        Args:
            commit: The commit.
            at: Its time, or that of the commit before it, if a clock was set back.
        """
        changed: set[str] = set()
        for event in commit.events:
            if not isinstance(event.data, UnknownEvent):
                known = self._items.get(event.stream)
                before = None if known is None else known.todo
                self._change(event, before, DECIDER.evolve(before, event.data))
                changed.add(event.stream)
        if self._wanted:
            points = [(when, each.stream) for each in self._there(changed) for when in _turning_points(each, self._to_local)]
            for point in points:
                if point[0] > at:
                    heappush(self._ahead, point)
            self.consider(changed, at, anew=bool(points))

    def _change(self, event: Recorded, before: State, after: State) -> None:
        """Update the counts with the states of a todo before and after an event."""
        if after is not None:
            known = self._items.get(event.stream)
            number = len(self._items) + 1 if known is None else known.number
            self._items[event.stream] = Item(number, event.stream, event.version, after)
        self._counts.subtract(_counted_in(before))
        self._counts.update(_counted_in(after))

    def _there(self, streams: Iterable[str]) -> list[Item]:
        """Return the todos with some streams. A stream with events of unknown types alone has none."""
        return [self._items[stream] for stream in streams if stream in self._items]

    def get(self, name: str) -> int:
        """Return a count."""
        return len(self._wanted[name]) if name in self._wanted else self._counts[name]

    @property
    def depends_on_day(self) -> bool:
        """Whether a query may want other todos on another day although nothing has changed."""
        return any("day" in query.depends_on for query in self._queries.values())

    def points_until(self, until: datetime) -> dict[datetime, list[str]]:
        """Return the moments up to a time at which dates of todos come or have passed, with the todos' streams.

        Each of them is returned once.
        """
        found: dict[datetime, list[str]] = {}
        while self._ahead and self._ahead[0][0] <= until:
            at, stream = heappop(self._ahead)
            found.setdefault(at, []).append(stream)
        return found

    def consider(self, streams: Iterable[str] | None, at: datetime, *, anew: bool = True) -> None:
        """Decide which of some todos are wanted at a time.

        Args:
            streams: The streams of the todos. None for all todos.
            at: The time.
            anew: Whether the answer may depend on the time. If not, queries are not parsed again, because that is slow.
        """
        items = self._items.values() if streams is None else self._there(streams)
        for count, wanted in self._wanted.items():
            considered: Collection[Item] = items
            if count == "overdue":
                found = [item for item in items if is_open(item.todo) and is_overdue(item.todo, at, self._to_local)]
            else:
                query = self._queries.get(count)
                if self._ask is None:
                    raise ValueError("a condition with a query needs `ask`")
                if query is None or anew or query.depends_on:
                    query = self._queries[count] = self._ask(count[1:-1], self._name, list(self._items.values()), at)
                if "links" in query.depends_on:
                    considered = self._items.values()
                found = query.divide(considered)[0]
            wanted.difference_update(item.stream for item in considered)
            wanted.update(item.stream for item in found)


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
        list: The name of the list that changed last.
        position: The position of the last commit in it at that moment.
        at: The time, in UTC.
    """

    list: str
    position: int
    at: datetime


def moments_when(
    condition: Sequence[Comparison],
    histories: Mapping[str, Iterable[Commit]],
    now: datetime,
    to_local: ToLocal,
    ask: Ask | None = None,
) -> Iterator[MatchingMoment]:
    """Find the moments at which a condition began to hold.

    Each moment is the time of a commit. For a condition on `overdue` or a query it can also be a time between two commits at
    which a date of a todo came or passed, or the present. For a query that names a day it can be the beginning of any local
    day, too. The count of a tag is the number of open todos with this tag. A count over several lists is the sum of theirs.
    What one command recorded in several lists is one change: a todo that moves is never counted twice.

    Args:
        condition: The comparisons, all of which must hold.
        histories: All commits of each list, oldest first, by the list's name.
        now: The present, with a time zone.
        to_local: The reader's time zone.
        ask: Parses a query. It is needed for a condition with queries.

    Yields:
        The moments, oldest first.
    """
    lists = {name: _Counts(name, [part.count for part in condition], to_local, ask) for name in histories}
    commits = in_order_of_time(histories)
    pending = Counter(commit.metadata.command for _, commit in commits)
    unfinished: set[str] = set()
    holding = False
    position, changed = 0, ""
    last: datetime | None = None

    def begins_to_hold() -> bool:
        """Return whether the condition holds now and did not hold before."""
        nonlocal holding
        before = holding
        holding = not unfinished and all(
            _OPERATORS[part.operator](sum(counts.get(part.count) for counts in lists.values()), part.number)
            for part in condition
        )
        return holding and not before

    def between_commits(since: datetime, until: datetime) -> Iterator[MatchingMoment]:
        points: dict[datetime, list[tuple[_Counts, list[str] | None]]] = {}
        for counts in lists.values():
            for at, streams in counts.points_until(until).items():
                points.setdefault(at, []).append((counts, streams))
            for at in _midnights(since, until, to_local) if counts.depends_on_day else ():
                points.setdefault(at, []).append((counts, None))
        for at in sorted(points):
            for counts, some in points[at]:
                counts.consider(some, at)
            if begins_to_hold():
                yield MatchingMoment(changed, position, at)

    for name, commit in commits:
        at = commit.metadata.at if last is None else max(last, commit.metadata.at)
        if last is not None:
            yield from between_commits(last, at)
        lists[name].apply(commit, at)
        position, changed, last = commit.position, name, at
        command = commit.metadata.command
        pending[command] -= 1
        (unfinished.add if pending[command] else unfinished.discard)(command)
        if begins_to_hold():
            yield MatchingMoment(name, position, commit.metadata.at)
    if last is None:
        return
    yield from between_commits(last, now)
    for counts in lists.values():
        counts.consider(None, now)
    if begins_to_hold():
        yield MatchingMoment(changed, position, now)


def _midnights(since: datetime, until: datetime, to_local: ToLocal) -> Iterator[datetime]:
    """Yield the beginnings of the local days after one time, up to another one."""
    day, last = to_local(since).date(), to_local(until).date()
    while day < last:
        day += timedelta(days=1)
        yield start_of_day(day, to_local)


def _turning_points(item: Item, to_local: ToLocal) -> Iterator[datetime]:
    """Yield the moments at which a date of an open todo comes, and those at which it has passed."""
    if not is_open(item.todo):
        return
    todo = item.todo
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
