"""The decider of a todo: its commands, and the three pure functions `decide`, `evolve` and `invert`.

The rules are those of the todo in the Rust program that came before this one. `decide` rejects an empty text, a reminder in
the past, a command on a todo that was never created, and a second creation. A change to the present value results in no
event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

from ..cqrs.decider import Decider
from ..cqrs.errors import Rejected
from ..cqrs.struct import Struct, replace
from .events import TodoCompleted, TodoCreated, TodoEvent, TodoRemoved, TodoReopened, TodoRestored
from .fields import ACKNOWLEDGED, FIELDS, REMINDER, TEXT, Field, KeyedField, SetField, State, T, Todo, TodoFields, Typed
from .values import (
    DayOrInstant,
    check_canonical,
    check_instant,
    day_or_instant,
    matching_words,
    nfc,
    parse_day_or_instant,
)

EVENTS: Mapping[str, type] = {
    "todo_created": TodoCreated,
    **{type: event for field in FIELDS for type, event in field.event_types.items()},
    "todo_completed": TodoCompleted,
    "todo_reopened": TodoReopened,
    "todo_removed": TodoRemoved,
    "todo_restored": TodoRestored,
}
"""The event classes by their stable type strings."""

_BEGINNING_OF_TIME = datetime.min.replace(tzinfo=UTC)
_FIRST_ZONE = timezone(timedelta(hours=14))
"""The zone in which each day begins first."""


# Commands are intentions. They contain the time that they need, because `decide` never reads a clock.


class Create(TodoFields, frozen=True, kw_only=True):
    """Create a todo. The arguments are those of `TodoFields`."""


class Change(Struct, Typed[T], frozen=True):
    """Set or clear a field.

    Args:
        field: The field.
        value: Its new value. None clears the field.
        now: The time of the command, with a time zone. Only reminders need it.
    """

    field: Field[T]
    value: T
    now: datetime | None = None


class Add(Struct, frozen=True):
    """Add a word to a field that is a set of words."""

    field: SetField
    word: str


class Drop(Struct, frozen=True):
    """Remove a word from a field that is a set of words."""

    field: SetField
    word: str


class Put(Struct, frozen=True):
    """Set the value of a key of a field, or clear it.

    Args:
        field: The field.
        key: The key.
        value: Its new value. None clears it.
    """

    field: KeyedField
    key: str
    value: str | None


class Complete(Struct, frozen=True):
    """Complete a todo.

    Args:
        on: When it was done: a day or an instant that is not in the future.
        now: The time of the command, with a time zone.
    """

    on: DayOrInstant
    now: datetime


class Reopen(Struct, frozen=True):
    """Open a completed todo again."""


class Toggle(Struct, frozen=True):
    """Complete a todo that is open, and reopen one that is completed.

    Args:
        now: The time of the command, with a time zone.
    """

    now: datetime


class Remove(Struct, frozen=True):
    """Remove a todo."""


class Restore(Struct, frozen=True):
    """Restore a removed todo."""


REMOVED = "it was removed"
"""Why a removed todo cannot be changed."""

TodoCommand: TypeAlias = Create | Change[Any] | Add | Drop | Put | Complete | Reopen | Toggle | Remove | Restore


def decide(command: TodoCommand, state: State) -> tuple[TodoEvent, ...]:
    """Decide which events a command results in.

    Args:
        command: The command.
        state: The todo, or None before it was created.

    Returns:
        The events. They are empty if nothing changes.

    Raises:
        Rejected: The command breaks a rule. The text says which.
    """
    if isinstance(command, Create):
        return _create(command, state)
    if state is None:
        raise Rejected("there is no such todo: it was never created")
    if isinstance(command, Restore):
        return (TodoRestored(),) if state.removed else ()
    if isinstance(command, Remove):
        return () if state.removed else (TodoRemoved(),)
    if state.removed:
        raise Rejected(REMOVED)
    return _change(command, state)


_IN_CREATED = frozenset(TodoCreated.__struct_fields__)
_values = attrgetter(*(field.name for field in FIELDS))
"""The values of all fields of a todo or of its creation, in the order of `FIELDS`."""


def _checked_values(given: Create | Todo, now: datetime) -> dict[str, Any]:
    """Check the values of fields, and return those that are set. A text must be set, and other fields may be empty."""
    values = _values(given)
    if values[1:] == EMPTY[1:]:  # most todos have only a text, and an import of 100,000 of them takes 5 % less time
        return {TEXT.name: TEXT.check(given.text, now)}
    return {
        field.name: field.check(value, now)
        for field, value, empty in zip(FIELDS, values, EMPTY, strict=True)
        if value != empty or field is TEXT
    }


def _create(command: Create, state: State) -> tuple[TodoEvent, ...]:
    if state is not None:
        raise Rejected("it was created already")
    created = check_instant(command.created)
    values = _checked_values(command, created)
    later = [field for field in _NOT_IN_CREATED if field.name in values]
    if not later:
        return (TodoCreated(created=created, **values),)
    in_created = {name: value for name, value in values.items() if name in _IN_CREATED}
    new = TodoCreated(created=created, **in_created)
    todo = new_todo(new)
    set_later = (field.events_between(getattr(todo, field.name), values[field.name]) for field in later)
    return (new, *chain.from_iterable(set_later))


def _change(command: TodoCommand, todo: Todo) -> tuple[TodoEvent, ...]:
    match command:
        case Change(field, value, now):
            old = getattr(todo, field.name)
            events: tuple[TodoEvent, ...] = () if value == old else field.events_between(old, field.check(value, now))
            if field is REMINDER and events:  # otherwise a reminder that is set back to this time would never come
                events += ACKNOWLEDGED.events_between(todo.acknowledged, None)
            return events
        case Add(field, word):
            checked = field.check_item(word)
            return () if matching_words(getattr(todo, field.name), checked) else (field.add(checked),)
        case Drop(field, word):
            return tuple(field.drop(each) for each in matching_words(getattr(todo, field.name), word))
        case Put(field, key, value):
            pairs = getattr(todo, field.name)
            others = tuple(pair for pair in pairs if pair[0] != nfc(key))
            return field.events_between(pairs, others if value is None else (*others, field.check_item(key, value)))
        case Complete(on, now):
            return (TodoCompleted(_completed(on, now)),) if todo.completed is None else ()
        case Reopen():
            return (TodoReopened(todo.completed),) if todo.completed is not None else ()
        case Toggle(now):
            completed = todo.completed
            return (TodoCompleted(day_or_instant(check_instant(now))) if completed is None else TodoReopened(completed),)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command on a todo")


def _completed(on: DayOrInstant, now: datetime) -> DayOrInstant:
    value = parse_day_or_instant(check_canonical(on, "completion"))
    # `decide` does not know the local zone, so it only rejects a day that has not begun anywhere yet
    latest = check_instant(now) if isinstance(value, datetime) else check_instant(now).astimezone(_FIRST_ZONE).date()
    if value > latest:
        raise Rejected("the completion is in the future")
    return on


def new_todo(event: TodoCreated) -> Todo:
    """Return the todo that an event creates."""
    return Todo(
        text=event.text,
        created=event.created,
        note=event.note,
        due=event.due,
        reminder=event.reminder,
        priority=event.priority,
        tags=event.tags,
    )


EMPTY = _values(new_todo(TodoCreated("", _BEGINNING_OF_TIME)))
"""The values of all fields of a todo that has none, in the order of `FIELDS`. The first one is the text."""
_NOT_IN_CREATED = tuple(field for field in FIELDS if field.name not in _IN_CREATED)
"""The fields that are newer than `TodoCreated`, which never changes. Their own events set them, in the same commit."""


_EVOLVE: dict[type, Callable[[Todo, Any], Todo]] = {
    TodoCreated: lambda todo, _: todo,
    **{event: put for field in FIELDS for event, put in field.evolvers.items()},
    TodoCompleted: lambda todo, event: replace(todo, completed=event.completed),
    TodoReopened: lambda todo, _: replace(todo, completed=None),
    TodoRemoved: lambda todo, _: replace(todo, removed=True),
    TodoRestored: lambda todo, _: replace(todo, removed=False),
}


def evolve(state: State, event: TodoEvent) -> State:
    """Return the state after an event.

    This function is total: an event that cannot have been decided in this state changes nothing.

    Args:
        state: The state before the event.
        event: The event.

    Returns:
        The state after it.
    """
    if state is None:
        return new_todo(event) if isinstance(event, TodoCreated) else None
    return _EVOLVE[type(event)](state, event)


_INVERT: dict[type, Callable[[Any], TodoEvent]] = {
    TodoCreated: lambda _: TodoRemoved(),
    **{event: inverse for field in FIELDS for event, inverse in field.inverters.items()},
    TodoCompleted: lambda event: TodoReopened(event.completed),
    TodoReopened: lambda event: TodoCompleted(event.completed),
    TodoRestored: lambda _: TodoRemoved(),
    TodoRemoved: lambda _: TodoRestored(),
}


def invert(event: TodoEvent) -> TodoEvent:
    """Return the event that undoes another one.

    Args:
        event: The event to be undone.

    Returns:
        Its inverse. The inverse of a creation is a removal, so that the todo keeps its number.
    """
    return _INVERT[type(event)](event)


def events_between(old: State, new: Todo) -> tuple[TodoEvent, ...]:
    """Return the events that change one state to another.

    No event changes `created`, so the result keeps that of `old`. The rules are not checked.

    Args:
        old: A state that commands led to, or None for a todo that was never created.
        new: The state that the events lead to.

    Returns:
        The events, empty if the states are equal.
    """
    events: list[TodoEvent] = []
    if old is None:
        first = TodoCreated(
            new.text,
            new.created,
            note=new.note,
            due=new.due,
            reminder=new.reminder,
            priority=new.priority,
            tags=new.tags,
        )
        old = new_todo(first)
        if old == new:
            return (first,)
        events.append(first)
    if old.removed and not new.removed:
        events.append(TodoRestored())
    before, after = _values(old), _values(new)
    if before != after:
        for field, was, now in zip(FIELDS, before, after, strict=True):
            events += field.events_between(was, now)
    if old.completed != new.completed:
        if old.completed is not None:
            events.append(TodoReopened(old.completed))
        if new.completed is not None:
            events.append(TodoCompleted(new.completed))
    if new.removed and not old.removed:
        events.append(TodoRemoved())
    return tuple(events)


def check_todo(todo: Todo) -> Todo:
    """Check a todo that was not made by commands, for example one that is imported.

    Returns:
        The todo with its values as they are recorded: times in UTC, tags sorted.

    Raises:
        Rejected: No commands could lead to this todo. The text says which value is wrong.
    """
    if todo.completed is not None:
        check_canonical(todo.completed, "completion")
    # the reminder may be in the past by now, so any time is accepted
    return replace(todo, created=check_instant(todo.created), **_checked_values(todo, _BEGINNING_OF_TIME))


_FIELD_OF: dict[type, Callable[[Any], str]] = {
    TodoCreated: lambda _: "*",
    **{event: field.field_of for field in FIELDS for event in field.event_types.values()},
    TodoCompleted: lambda _: "completed",
    TodoReopened: lambda _: "completed",
    TodoRemoved: lambda _: "removed",
    TodoRestored: lambda _: "removed",
}


def field_of(event: TodoEvent) -> str:
    """Return which field an event changes. Two events that change the same field of a todo conflict.

    Args:
        event: The event.

    Returns:
        The name of the field, `tag:NAME` for a tag, or `*` for a creation, which sets all fields.
    """
    return _FIELD_OF[type(event)](event)


DECIDER: Decider[State, TodoCommand, TodoEvent] = Decider("todo", None, EVENTS, decide, evolve, invert)
