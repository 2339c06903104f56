"""Arranging todos: sorting them, grouping them, and the board, which groups them by how urgent they are. It does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, time
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, get_args

from ..cqrs.struct import Struct
from .fields import FIELDS, TEXT, WAIT, Kind, Todo
from .values import PRIORITIES, DayOrInstant, ToLocal, number_in, parse_day_or_instant, time_in
from .views import Item, is_past, is_waiting, local_day

_PRIORITY_ORDER = {priority: place for place, priority in enumerate((*PRIORITIES, None))}

_ORDERED_KINDS: tuple[Kind, ...] = ("text", "word", "day or instant", "instant", "choice")
SORTED_STATE: Mapping[str, tuple[str, Kind]] = {
    **{
        field.name: (field.name, field.kind)
        for field in FIELDS
        if field.kind in _ORDERED_KINDS
        if field.options or field is TEXT
    },
    "created": ("created", "instant"),
    "done": ("completed", "day or instant"),
}
"""The attributes of `Todo` that todos can be sorted by, with the kinds of their values, by the keys that people write."""
SORT_KEYS = ("number", *SORTED_STATE)
_CHOICES = {field.name: [choice[0] for choice in field.choices] for field in FIELDS if field.choices}
GroupKey: TypeAlias = Literal["project", "list", "due", "tag"]
GROUP_KEYS: tuple[GroupKey, ...] = get_args(GroupKey)


class Numbered(Protocol):
    """What can be sorted and grouped: an `Item`, or a todo of one of several lists."""

    @property
    def number(self) -> int:
        """Its number in its list."""

    @property
    def todo(self) -> Todo:
        """Its state."""


N = TypeVar("N", bound=Numbered)


def sort_items(rows: Iterable[N], keys: Sequence[tuple[str, bool]], to_local: ToLocal) -> list[N]:
    """Sort todos.

    Args:
        rows: The todos.
        keys: What to sort by, the most important key first, and for each key whether the greatest value comes first. A key
            is one of `SORT_KEYS`, or the name of an attribute. Todos that are equal in all of them are sorted by number.
            Those that do not have a key come last in either direction.
        to_local: The reader's time zone.
    """
    found = sorted(rows, key=attrgetter("number"))
    for key, descends in reversed(keys):
        pairs = list(zip(_sort_values(found, key, to_local), found, strict=True))
        present = sorted((pair for pair in pairs if pair[0] is not None), key=itemgetter(0), reverse=descends)
        found = [row for _, row in present] + [row for value, row in pairs if value is None]
    return found


def _sort_values(rows: Sequence[Numbered], key: str, to_local: ToLocal) -> list[Any]:
    """Return what todos are compared by, for a key as of `sort_items`; None for a todo that does not have it."""
    if key == "number":
        return [row.number for row in rows]
    if key not in SORTED_STATE:
        texts = [dict(row.todo.attributes).get(key) for row in rows]
        return [None if text is None else _attribute_order(text, to_local) for text in texts]
    attribute, kind = SORTED_STATE[key]
    values = [getattr(row.todo, attribute) for row in rows]
    order: Callable[[Any], Any]
    match kind:
        case "day or instant":
            # what waits for a day is shown from its beginning on
            order = partial(_due_order, to_local=to_local, of_day=time.min if attribute == WAIT.name else time.max)
        case "choice":
            order = _CHOICES[attribute].index
        case "instant":
            return values
        case _:
            order = str.casefold
    return [None if value is None else order(value) for value in values]


def _attribute_order(text: str, to_local: ToLocal) -> tuple[int, Any]:
    """Return what the values of an attribute are compared by: numbers by their size, then times, then the other texts."""
    number = number_in(text)
    if number is not None:
        return 0, number
    return (2, text.casefold()) if time_in(text) is None else (1, _due_order(text, to_local))


def group_items(
    rows: Iterable[N], key: GroupKey, list_of: Callable[[N], str], to_local: ToLocal
) -> list[tuple[str | None, list[N]]]:
    """Group todos, and sort the groups by their names. The todos that lack what they are grouped by come last.

    Args:
        rows: The todos. Each group has them in the same order. A todo with several tags is in the group of each.
        key: What to group them by.
        list_of: Returns the name of the list of a todo.
        to_local: The reader's time zone.

    Returns:
        The groups, each with its name, which is None for the todos that lack it. A group by due date is named by the day.
    """

    def names(row: N) -> Sequence[str | None]:
        todo = row.todo
        match key:
            case "project":
                return (todo.project,)
            case "list":
                return (list_of(row),)
            case "due":
                return (None if todo.due is None else local_day(todo.due, to_local).isoformat(),)
            case "tag":
                return todo.tags or (None,)

    groups: dict[str | None, list[N]] = {}
    for row in rows:
        for name in names(row):
            groups.setdefault(name, []).append(row)
    return sorted(groups.items(), key=lambda group: (group[0] is None, (group[0] or "").casefold(), group[0] or ""))


class Board(Struct, frozen=True):
    """The open todos in groups. Each group except the last is sorted by due date, then priority, then number.

    Args:
        overdue: Those that are overdue.
        today: Those that are due today.
        next: All others that are shown.
        waiting: Those that are hidden now.
    """

    overdue: tuple[Item, ...]
    today: tuple[Item, ...]
    next: tuple[Item, ...]
    waiting: tuple[Item, ...]


def board(rows: Iterable[Item], now: datetime, to_local: ToLocal) -> Board:
    """Group the open todos by how urgent they are.

    Args:
        rows: All todos.
        now: The present, with a time zone.
        to_local: The reader's time zone.
    """
    # There are far fewer due dates than todos, and comparing due dates is slow, so each one is compared only once.
    by_due: dict[DayOrInstant | None, list[Item]] = {}
    waiting: list[Item] = []
    for row in rows:
        todo = row.todo
        if todo.completed is None and not todo.removed:
            if todo.wait is not None and is_waiting(todo, now, to_local):
                waiting.append(row)
            else:
                by_due.setdefault(todo.due, []).append(row)
    day = to_local(now).date()
    late: list[Item] = []
    today: list[Item] = []
    rest: list[Item] = []
    for due in sorted(by_due, key=lambda due: datetime.max if due is None else _due_order(due, to_local)):
        if due is not None and is_past(due, now, to_local):
            part = late
        elif due is not None and local_day(due, to_local) == day:
            part = today
        else:
            part = rest
        part += sorted(by_due[due], key=lambda row: (_PRIORITY_ORDER[row.todo.priority], row.number))
    return Board(tuple(late), tuple(today), tuple(rest), tuple(waiting))


def _due_order(due: DayOrInstant, to_local: ToLocal, of_day: time = time.max) -> datetime:
    """Return what a day or an instant is compared by: the local time. For a day it is the given time of that day."""
    parsed = parse_day_or_instant(due)
    if isinstance(parsed, datetime):
        return to_local(parsed).replace(tzinfo=None)
    return datetime.combine(parsed, of_day)
