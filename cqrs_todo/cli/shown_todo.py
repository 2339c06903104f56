"""What `todo show` says of a todo besides its text and its note, row by row, in pipes and on a terminal."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ..cqrs.events import Commit
from ..cqrs.struct import Struct
from ..todo.fields import ATTRIBUTES, DEPENDS, EVERY, FIELDS, NOTE, PARENT, TEXT, Kind
from ..todo.values import parse_day_or_instant, time_in
from ..todo.views import (
    Item,
    attribute_name,
    display_attribute,
    display_day_or_instant,
    local_day,
    move_of,
    number_ranges,
    short_instant,
)
from .clock import to_local
from .session import Session
from .terminal import shown_value
from .text import visible

_NEXT_DATES = 5
"""How many of the next dates of a todo that recurs are shown."""


class Row(Struct, frozen=True):
    """A line about a todo.

    Args:
        name: What it is about.
        value: What it says; '' to leave it out.
        when: The time in it.
        todos: The todos that it names, each with its text. A terminal shows the texts.
    """

    name: str
    value: str
    when: date | datetime | None = None
    todos: Sequence[tuple[str, str]] = ()


def name_width(rows: Sequence[Row]) -> int:
    """Return how many columns the names of rows take, with the space after them."""
    return max(9, *(len(row.name) + 1 for row in rows))


def rows_of(session: Session, item: Item, everything: Sequence[Item], commits: Sequence[Commit]) -> list[Row]:
    """Return the rows about a todo.

    Args:
        session: This run of the program.
        item: The todo.
        everything: The todos of its list, removed ones included.
        commits: The commits that changed it, oldest first.
    """
    todo = item.todo
    if todo.removed:
        state = Row("state", _where_it_went(item, commits))
    elif todo.completed is None:
        state = Row("state", "open")
    else:
        state = Row(
            "state", f"done {display_day_or_instant(todo.completed, to_local)}", parse_day_or_instant(todo.completed)
        )
    fields = [field for field in FIELDS if field not in (TEXT, NOTE, DEPENDS, PARENT, ATTRIBUTES)]
    rows = [
        state,
        *(
            Row(field.name, _field(session, item, field.name), _time(field.kind, getattr(todo, field.name)))
            for field in fields
        ),
        *(
            Row(attribute_name(key), visible(display_attribute(value, to_local)), time_in(value))
            for key, value in todo.attributes
        ),
        *_links(item, everything),
        Row("created", short_instant(todo.created, to_local), todo.created),
        Row("id", f"{visible(item.id)} (version {item.version})"),
    ]
    return [row for row in rows if row.value]


def _time(kind: Kind, value: Any) -> date | datetime | None:
    """Return the time that the value of a field is; None if it has none, or is of another kind."""
    if value is None or kind not in ("day or instant", "instant"):
        return None
    return parse_day_or_instant(value) if isinstance(value, str) else value


def _field(session: Session, item: Item, name: str) -> str:
    """Return the value of a field as people read it; of a recurrence also the next dates."""
    shown = shown_value(name, getattr(item.todo, name), session.list.label)
    every, due = item.todo.every, item.todo.due
    if name != EVERY.name or every is None or due is None or item.todo.done:
        return shown
    from ..todo.recurrence import days_from

    day = local_day(due, to_local)
    days = [each for each in days_from(every, day, _NEXT_DATES + 1) if each > day][:_NEXT_DATES]
    return f"{shown} (then {', '.join(day.isoformat() for day in days)})" if days else shown


def _links(item: Item, everything: Sequence[Item]) -> list[Row]:
    """Return what a todo of a list is linked with: what it is under, what it depends on, and the reverse of both."""
    known = {other.id: other for other in everything}
    present = [other for other in everything if not other.todo.removed]

    def named(id: str) -> tuple[str, str]:
        other = known.get(id)
        if other is None:
            return f"{visible(id)} (not in this list)", ""
        state = "removed" if other.todo.removed else "done" if other.todo.done else ""
        return f"{other.number} ({state})" if state else f"{other.number}", visible(other.todo.text)

    children = [other for other in present if other.todo.parent == item.id]
    waiting = [other for other in present if item.id in other.todo.depends and not other.todo.done]
    depends = sorted(map(named, item.todo.depends), key=lambda pair: (len(pair[0].split()[0]), pair[0]))
    parent = [] if item.todo.parent is None else [named(item.todo.parent)]
    return [
        Row("depends", ", ".join(label for label, _ in depends), todos=depends),
        Row("parent", ", ".join(label for label, _ in parent), todos=parent),
        *(
            Row(name, number_ranges([other.number for other in others]), todos=[named(other.id) for other in others])
            for name, others in (("children", children), ("blocks", waiting))
        ),
    ]


def _where_it_went(item: Item, commits: Sequence[Commit]) -> str:
    """Return whether a removed todo was removed, or moved to another list, and to which one."""
    last = next(commit for commit in reversed(commits) if any(event.stream == item.stream for event in commit.events))
    move = move_of(last)
    return "removed" if move is None else f"moved to {visible(move.target_name)}"
