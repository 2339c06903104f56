"""The decider of a todo: its commands, and the three pure functions `decide`, `evolve` and `invert`.

The rules are those of the Rust ancestor's todo: empty text, a reminder in the past, a command on what was never created
and creating twice are refused; a change to the value that is there already gives no event.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeAlias

from ..cqrs.decider import Decider
from ..cqrs.errors import Rejected
from ..cqrs.struct import Struct, replace
from .events import TodoCompleted, TodoCreated, TodoEvent, TodoRemoved, TodoReopened, TodoRestored
from .fields import FIELDS, Field, Of, SetField, State, T, Todo
from .values import (
    DayOrInstant,
    Priority,
    check_canonical,
    check_instant,
    day_or_instant,
    parse_day_or_instant,
    same_words,
)

EVENTS: Mapping[str, type] = {
    "todo_created": TodoCreated,
    **{type: event for field in FIELDS for type, event in field.types.items()},
    "todo_completed": TodoCompleted,
    "todo_reopened": TodoReopened,
    "todo_removed": TodoRemoved,
    "todo_restored": TodoRestored,
}
"""The event classes by their stable type strings."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_FIRST_ZONE = timezone(timedelta(hours=14))
"""Where on earth a day begins first."""


# Commands: intentions. They carry the time that they need; `decide` never looks at a clock.


class _New(Struct, frozen=True):
    text: str
    created: datetime


class Create(_New, frozen=True, kw_only=True):
    """Create a todo. `created` is the time of creation, in UTC; a reminder must come after it.

    The first two are given by position, the others by name.
    """

    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    project: str | None = None


class Change(Struct, Of[T], frozen=True):
    """Set a field to a value, or with None to no value. `now` is the time of the command, where the field needs it."""

    field: Field[T]
    value: T
    now: datetime | None = None


class Add(Struct, frozen=True):
    """Add a word to a field."""

    field: SetField
    word: str


class Drop(Struct, frozen=True):
    """Remove a word from a field."""

    field: SetField
    word: str


class Complete(Struct, frozen=True):
    """Complete a todo. `on` is when it was done: `now`, or an earlier instant or day."""

    on: DayOrInstant
    now: datetime


class Reopen(Struct, frozen=True):
    """Open a completed todo again."""


class Toggle(Struct, frozen=True):
    """Complete at `now` what is open, and reopen what is done."""

    now: datetime


class Remove(Struct, frozen=True):
    """Remove a todo."""


class Restore(Struct, frozen=True):
    """Bring back a removed todo."""


REMOVED = "it was removed"
"""Why a removed todo cannot be changed."""

TodoCommand: TypeAlias = Create | Change[Any] | Add | Drop | Complete | Reopen | Toggle | Remove | Restore


def decide(command: TodoCommand, state: State) -> tuple[TodoEvent, ...]:
    """The events that a command gives in a state, none when nothing would change; raises `Rejected`."""
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


_CREATED = frozenset(TodoCreated.__struct_fields__)
_LATER = tuple(field for field in FIELDS if field.name not in _CREATED)
"""The fields that came after `TodoCreated` was frozen: they are set by their own events, in the same commit."""


def _create(command: Create, state: State) -> tuple[TodoEvent, ...]:
    if state is not None:
        raise Rejected("it was created already")
    created = check_instant(command.created)
    values: dict[str, Any] = {field.name: field.check(getattr(command, field.name), created) for field in FIELDS}
    first = TodoCreated(created=created, **{name: value for name, value in values.items() if name in _CREATED})
    if not _LATER:
        return (first,)
    new = created_by(first)
    return (first, *(event for field in _LATER for event in field.between(getattr(new, field.name), values[field.name])))


def _change(command: TodoCommand, todo: Todo) -> tuple[TodoEvent, ...]:
    match command:
        case Change(field, value, now):
            old = getattr(todo, field.name)
            return () if value == old else field.between(old, field.check(value, now))
        case Add(field, word):
            checked = field.check_item(word)
            return () if same_words(getattr(todo, field.name), checked) else (field.add(checked),)
        case Drop(field, word):
            return tuple(field.drop(each) for each in same_words(getattr(todo, field.name), word))
        case Complete(on, now):
            return (TodoCompleted(_completed(on, now)),) if todo.completed is None else ()
        case Reopen():
            return (TodoReopened(todo.completed),) if todo.completed is not None else ()
        case Toggle(now):
            completed = todo.completed
            return (TodoCompleted(day_or_instant(check_instant(now))) if completed is None else TodoReopened(completed),)
        case _:
            raise TypeError(f"{type(command).__name__} is no command on a todo")


def _completed(on: DayOrInstant, now: datetime) -> DayOrInstant:
    value = parse_day_or_instant(check_canonical(on, "completion"))
    # a whole day is local: one that has begun nowhere on earth has not begun here
    latest = check_instant(now) if isinstance(value, datetime) else check_instant(now).astimezone(_FIRST_ZONE).date()
    if value > latest:
        raise Rejected("the completion is in the future")
    return on


def created_by(event: TodoCreated) -> Todo:
    """The todo that a creation makes."""
    return Todo(
        text=event.text,
        created=event.created,
        note=event.note,
        due=event.due,
        reminder=event.reminder,
        priority=event.priority,
        tags=event.tags,
    )


_EVOLVE: dict[type, Callable[[Todo, Any], Todo]] = {
    TodoCreated: lambda todo, _: todo,
    **{event: put for field in FIELDS for event, put in field.evolves.items()},
    TodoCompleted: lambda todo, event: replace(todo, completed=event.completed),
    TodoReopened: lambda todo, _: replace(todo, completed=None),
    TodoRemoved: lambda todo, _: replace(todo, removed=True),
    TodoRestored: lambda todo, _: replace(todo, removed=False),
}


def evolve(state: State, event: TodoEvent) -> State:
    """The state after an event. Total: an event that cannot have been decided in this state changes nothing."""
    if state is None:
        return created_by(event) if isinstance(event, TodoCreated) else None
    return _EVOLVE[type(event)](state, event)


_INVERT: dict[type, Callable[[Any], TodoEvent]] = {
    TodoCreated: lambda _: TodoRemoved(),
    **{event: inverse for field in FIELDS for event, inverse in field.inverts.items()},
    TodoCompleted: lambda event: TodoReopened(event.completed),
    TodoReopened: lambda event: TodoCompleted(event.completed),
    TodoRestored: lambda _: TodoRemoved(),
    TodoRemoved: lambda _: TodoRestored(),
}


def invert(event: TodoEvent) -> TodoEvent:
    """The event that takes another one back; a creation's is a removal, which keeps the todo's number."""
    return _INVERT[type(event)](event)


def events_between(old: State, new: Todo) -> tuple[TodoEvent, ...]:
    """The events that make one state of another, except for `created`, which no event changes.

    Args:
        old: A state that was decided once, or None for a todo that was never created.
        new: Another one. No rule is checked again.
    """
    events: list[TodoEvent] = []
    if old is None:
        first = TodoCreated(created=new.created, **{name: getattr(new, name) for name in _CREATED - {"created"}})
        events.append(first)
        old = created_by(first)
    if old.removed and not new.removed:
        events.append(TodoRestored())
    for field in FIELDS:
        events += field.between(getattr(old, field.name), getattr(new, field.name))
    if old.completed != new.completed:
        if old.completed is not None:
            events.append(TodoReopened(old.completed))
        if new.completed is not None:
            events.append(TodoCompleted(new.completed))
    if new.removed and not old.removed:
        events.append(TodoRemoved())
    return tuple(events)


def check(todo: Todo) -> Todo:
    """The todo itself, if commands could have made it what it is; raises `Rejected`."""
    if todo.completed is not None:
        check_canonical(todo.completed, "completion")
    # a reminder may have come since, so it is only compared with the beginning of time
    values = {field.name: field.check(getattr(todo, field.name), _BEGINNING) for field in FIELDS}
    return replace(todo, created=check_instant(todo.created), **values)


_REGISTERS: dict[type, Callable[[Any], str]] = {
    TodoCreated: lambda _: "*",
    **{event: field.register for field in FIELDS for event in field.types.values()},
    TodoCompleted: lambda _: "completed",
    TodoReopened: lambda _: "completed",
    TodoRemoved: lambda _: "removed",
    TodoRestored: lambda _: "removed",
}


def register_of(event: TodoEvent) -> str:
    """What an event sets: the field, for a tag `tag:NAME`, for a creation '*', which stands for all of them."""
    return _REGISTERS[type(event)](event)


DECIDER: Decider[State, TodoCommand, TodoEvent] = Decider("todo", None, EVENTS, decide, evolve, invert)
