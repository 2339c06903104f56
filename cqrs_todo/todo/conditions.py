"""Conditions on the counts of lists, and the moments at which they began to hold. This module is pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import TypeAlias

from ..cqrs.events import Commit, UnknownEvent
from ..cqrs.steps import batch_of, in_order_of_time
from ..cqrs.struct import Struct
from .errors import InvalidCondition
from .fields import State
from .model import DECIDER
from .query import Query
from .values import ToLocal, nfc, time_in
from .views import Item, id_of, is_open, is_overdue
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
    """The counts of a list, updated with each commit, and the todos that each query of a condition wants.

    A list has many commits, and to try a query on all its todos after each of them would take minutes. So only those todos
    are tried again whose answer can have changed.
    """

    def __init__(self, name: str, counts: Iterable[str], to_local: ToLocal, ask: Ask | None) -> None:
        self._name = name
        self._to_local = to_local
        self._ask = ask
        self._counts: Counter[str] = Counter()
        self._wanted: dict[str, set[str]] = {count: set() for count in counts if count == "overdue" or count[0] == "("}
        self._queries: dict[str, Query] = {}
        self._items: dict[str, Item] = {}
        self._linked_to: set[str] = set()
        """The ids of the todos that others were ever linked to."""
        self._ahead: list[tuple[datetime, str]] = []
        """A heap of the moments at which a date of a todo comes or has passed, with the streams of the todos."""

    def apply(self, commit: Commit, at: datetime) -> None:
        """Update the counts with a commit.

        Args:
            commit: The commit.
            at: Its time, or that of the commit before it, if a clock was set back.
        """
        changed: dict[str, Item] = {}
        linked = False
        for event in commit.events:
            if isinstance(event.data, UnknownEvent):
                continue
            known = self._items.get(event.stream)
            before = None if known is None else known.todo
            after = DECIDER.evolve(before, event.data)
            self._counts.subtract(_counted_in(before))
            self._counts.update(_counted_in(after))
            if after is not None:
                number = len(self._items) + 1 if known is None else known.number
                changed[event.stream] = self._items[event.stream] = Item(number, event.stream, event.version, after)
            targets = {*_linked_with(before), *_linked_with(after)}
            self._linked_to |= targets
            linked = linked or bool(targets) or id_of(event.stream) in self._linked_to
        if not self._wanted:
            return
        points = [(when, item.stream) for item in changed.values() for when in _turning_points(item, self._to_local)]
        for point in points:
            if point[0] > at:
                heappush(self._ahead, point)
        self._consider(list(changed.values()), at, linked=linked, dated=bool(points))

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

    def look(self, streams: Iterable[str] | None, at: datetime) -> None:
        """Find out which of some todos are wanted at a time, because a date or a day has come.

        Args:
            streams: The streams of the todos. None for all todos.
            at: The time.
        """
        items = list(self._items.values()) if streams is None else [self._items[stream] for stream in streams]
        self._consider(items, at, linked=streams is None, dated=True)

    def _consider(self, items: Sequence[Item], at: datetime, *, linked: bool, dated: bool) -> None:
        """Find out which of some todos are wanted at a time.

        Args:
            items: The todos.
            at: The time.
            linked: Whether one of them is linked with others, for which the answer may be another one then.
            dated: Whether one of them has dates, so that the answer depends on the time.
        """
        for count, wanted in self._wanted.items():
            considered = items
            if count == "overdue":
                found = [item for item in items if is_open(item.todo) and is_overdue(item.todo, at, self._to_local)]
            else:
                query = self._queries.get(count)
                old = frozenset() if query is None else query.depends_on
                if query is None or self._is_outdated(query, at, linked=linked, dated=dated):
                    query = self._queries[count] = self._asked(count[1:-1], at)
                if "names" in old or (linked and "links" in query.depends_on):
                    considered = list(self._items.values())
                found = query.divide(considered, at)[0]
            wanted.difference_update(item.stream for item in considered)
            wanted.update(item.stream for item in found)

    def _is_outdated(self, query: Query, at: datetime, *, linked: bool, dated: bool) -> bool:
        """Return whether a query must be parsed again, because its answers may be other ones; see `_consider`."""
        outdated = {"names"} | ({"links"} if linked else set()) | ({"time"} if dated else set())
        if self._to_local(query.context.now).date() != self._to_local(at).date():
            outdated.add("day")
        return not outdated.isdisjoint(query.depends_on)

    def _asked(self, text: str, at: datetime) -> Query:
        if self._ask is None:
            raise ValueError("a condition with a query needs `ask`")
        return self._ask(text, self._name, list(self._items.values()), at)


def _linked_with(state: State) -> Iterator[str]:
    """Yield the ids of the todos to which the links of a todo lead."""
    if state is None:
        return
    yield from state.depends
    if state.parent is not None:
        yield state.parent


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
    What one command recorded is one change, in several lists, too: a todo that moves is never counted twice.

    Args:
        condition: The comparisons, all of which must hold.
        histories: All commits of each list, oldest first, by the list's name.
        now: The present, with a time zone.
        to_local: The reader's time zone.
        ask: Parses a query. It is needed for a condition with queries.

    Yields:
        The moments, oldest first.
    """
    watched = _Watched(
        condition, {name: _Counts(name, [part.count for part in condition], to_local, ask) for name in histories}, to_local
    )
    commits = in_order_of_time(histories)
    pending = Counter(_command_of(commit) for _, commit in commits)
    last: datetime | None = None
    for name, commit in commits:
        at = commit.metadata.at if last is None else max(last, commit.metadata.at)
        if last is not None:
            yield from watched.between(last, at)
        command = _command_of(commit)
        pending[command] -= 1
        last = at
        if watched.begins_to_hold_after(name, commit, at, unfinished=bool(pending[command])):
            yield MatchingMoment(name, commit.position, commit.metadata.at)
    if last is not None:
        yield from watched.between(last, now)
        yield from watched.at(now)


class _Watched:
    """The lists of a condition while their commits are applied one by one, and whether the condition holds."""

    def __init__(self, condition: Sequence[Comparison], lists: Mapping[str, _Counts], to_local: ToLocal) -> None:
        self._condition = condition
        self._lists = lists
        self._to_local = to_local
        self._holds = False
        self._unfinished: set[str] = set()
        self._changed, self._position = "", 0

    def begins_to_hold_after(self, name: str, commit: Commit, at: datetime, *, unfinished: bool) -> bool:
        """Apply a commit, and return whether the condition begins to hold.

        Args:
            name: The name of the list.
            commit: The commit.
            at: The time that counts for it.
            unfinished: Whether more commits of the same command follow. In the middle of a command nothing begins to hold.
        """
        self._lists[name].apply(commit, at)
        self._changed, self._position = name, commit.position
        (self._unfinished.add if unfinished else self._unfinished.discard)(_command_of(commit))
        return self._begins_to_hold()

    def between(self, since: datetime, until: datetime) -> Iterator[MatchingMoment]:
        """Yield the moments between two commits at which the condition begins to hold."""
        points: dict[datetime, list[tuple[_Counts, list[str] | None]]] = {}
        for counts in self._lists.values():
            for at, streams in counts.points_until(until).items():
                points.setdefault(at, []).append((counts, streams))
            for at in _midnights(since, until, self._to_local) if counts.depends_on_day else ():
                points.setdefault(at, []).append((counts, None))
        for at in sorted(points):
            for counts, some in points[at]:
                counts.look(some, at)
            if self._begins_to_hold():
                yield MatchingMoment(self._changed, self._position, at)

    def at(self, now: datetime) -> Iterator[MatchingMoment]:
        """Yield a moment without a commit if the condition begins to hold there."""
        for counts in self._lists.values():
            counts.look(None, now)
        if self._begins_to_hold():
            yield MatchingMoment(self._changed, self._position, now)

    def _begins_to_hold(self) -> bool:
        if self._unfinished:
            return False
        before = self._holds
        self._holds = all(
            _OPERATORS[part.operator](sum(counts.get(part.count) for counts in self._lists.values()), part.number)
            for part in self._condition
        )
        return self._holds and not before


def _command_of(commit: Commit) -> str:
    """Return the id of the command that recorded a commit, alone or in a batch."""
    batch = batch_of(commit.metadata)
    return commit.metadata.command if batch is None else batch[0]


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
        if parsed is None:  # an attribute that is not a date
            continue
        try:
            if isinstance(parsed, datetime):
                moments = parsed, parsed + timedelta(microseconds=1)
            else:
                moments = start_of_day(parsed, to_local), start_of_day(parsed + timedelta(days=1), to_local)
        except OverflowError:  # the end of the calendar
            continue
        yield from moments
