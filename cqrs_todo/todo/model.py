"""The todo: state, events, commands, and the three pure functions `decide`, `evolve` and `invert`.

The rules are those of the Rust ancestor's todo: empty text, a reminder in the past, a command on what was never created
and creating twice are refused; a change to the value that is there already gives no event.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from ..cqrs.core import Decider, Rejected
from ..cqrs.struct import Struct, replace

Priority: TypeAlias = Literal["H", "M", "L"]
PRIORITIES: tuple[Priority, ...] = ("H", "M", "L")

DayOrInstant: TypeAlias = str
"""A whole local day, `2026-11-23`, or an instant in UTC, `2026-11-23T17:00:00Z`: iCalendar's DATE or DATE-TIME.

Text, because JSON has one type for both; `day_or_instant` makes it and `parse_day_or_instant` takes it apart.
"""

TEXT_LIMIT = 64 * 1024
"""The longest text or note, in bytes of UTF-8."""


def day_or_instant(value: date | datetime) -> DayOrInstant:
    """The canonical text of a day or an aware instant."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def _parsed(text: DayOrInstant) -> date | datetime:
    if len(text) == len("2026-11-23"):
        return date.fromisoformat(text)
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    raise ValueError(f"neither a day nor an instant in UTC: {text!r}")


@lru_cache(4096)
def parse_day_or_instant(text: DayOrInstant) -> date | datetime:
    """The day, or the aware instant in UTC, that a text stands for; raises `ValueError`."""
    return _parsed(text)


class Todo(Struct, frozen=True, array_like=True, gc=False):
    """What is known of a todo. `tags` are sorted; `completed` is None while it is open; `removed` is a tombstone."""

    text: str
    created: datetime
    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    completed: DayOrInstant | None = None
    removed: bool = False

    @property
    def done(self) -> bool:
        return self.completed is not None


_FIRST_ZONE = timezone(timedelta(hours=14))

State: TypeAlias = Todo | None
"""None: never created."""

SCHEMA = "todo/1"
"""The name of the shape and the meaning of the state: another one, when either changes, makes old snapshots useless."""


# Events: facts, each with the old and the new value of what it changed. Those with a time refuse one that can't be read,
# or has no zone: nothing could be done with it, and the event that holds it is one that is not known. A log's times are
# seldom alike, so that to look for them in a cache would take longer than to read them; the days todos are due are.


def _check_zone(time: datetime) -> None:
    if time.tzinfo is None:
        raise ValueError(f"a time without a zone: {time}")


class TodoCreated(Struct, frozen=True, gc=False):
    text: str
    created: datetime
    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_zone(self.created)
        if self.due is not None:
            parse_day_or_instant(self.due)
        if self.reminder is not None:
            _check_zone(self.reminder)


class TextChanged(Struct, frozen=True, gc=False):
    old: str
    new: str


class NoteChanged(Struct, frozen=True, gc=False):
    old: str | None
    new: str | None


class DueChanged(Struct, frozen=True, gc=False):
    old: DayOrInstant | None
    new: DayOrInstant | None

    def __post_init__(self) -> None:
        if self.old is not None:
            parse_day_or_instant(self.old)
        if self.new is not None:
            parse_day_or_instant(self.new)


class ReminderChanged(Struct, frozen=True, gc=False):
    old: datetime | None
    new: datetime | None

    def __post_init__(self) -> None:
        if self.old is not None:
            _check_zone(self.old)
        if self.new is not None:
            _check_zone(self.new)


class PriorityChanged(Struct, frozen=True, gc=False):
    old: Priority | None
    new: Priority | None


class TagAdded(Struct, frozen=True, gc=False):
    tag: str


class TagRemoved(Struct, frozen=True, gc=False):
    tag: str


class TodoCompleted(Struct, frozen=True, gc=False):
    completed: DayOrInstant

    def __post_init__(self) -> None:
        _parsed(self.completed)


class TodoReopened(Struct, frozen=True, gc=False):
    """`completed` is when it had been completed."""

    completed: DayOrInstant

    def __post_init__(self) -> None:
        _parsed(self.completed)


class TodoRemoved(Struct, frozen=True, gc=False):
    pass


class TodoRestored(Struct, frozen=True, gc=False):
    pass


FieldChanged: TypeAlias = TextChanged | NoteChanged | DueChanged | ReminderChanged | PriorityChanged
TodoEvent: TypeAlias = (
    TodoCreated | FieldChanged | TagAdded | TagRemoved | TodoCompleted | TodoReopened | TodoRemoved | TodoRestored
)

EVENTS: Mapping[str, type[TodoEvent]] = {
    "todo_created": TodoCreated,
    "todo_text_changed": TextChanged,
    "todo_note_changed": NoteChanged,
    "todo_due_changed": DueChanged,
    "todo_reminder_changed": ReminderChanged,
    "todo_priority_changed": PriorityChanged,
    "todo_tag_added": TagAdded,
    "todo_tag_removed": TagRemoved,
    "todo_completed": TodoCompleted,
    "todo_reopened": TodoReopened,
    "todo_removed": TodoRemoved,
    "todo_restored": TodoRestored,
}


# Commands: intentions. They carry the time that they need; `decide` never looks at a clock.


class Create(Struct, frozen=True):
    """`created` is the time of creation, in UTC; a reminder must come after it."""

    text: str
    created: datetime
    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()


class ChangeText(Struct, frozen=True):
    text: str


class ChangeNote(Struct, frozen=True):
    """None or '' clears it."""

    note: str | None


class ChangeDue(Struct, frozen=True):
    due: DayOrInstant | None


class ChangeReminder(Struct, frozen=True):
    """A reminder must come after `now`."""

    reminder: datetime | None
    now: datetime


class ChangePriority(Struct, frozen=True):
    priority: Priority | None


class AddTag(Struct, frozen=True):
    tag: str


class RemoveTag(Struct, frozen=True):
    tag: str


class Complete(Struct, frozen=True):
    """`on` is when it was done: `now`, or an earlier instant or day."""

    on: DayOrInstant
    now: datetime


class Reopen(Struct, frozen=True):
    pass


class Toggle(Struct, frozen=True):
    """Complete at `now` what is open, reopen what is done."""

    now: datetime


class Remove(Struct, frozen=True):
    pass


class Restore(Struct, frozen=True):
    pass


TodoCommand: TypeAlias = (
    Create
    | ChangeText
    | ChangeNote
    | ChangeDue
    | ChangeReminder
    | ChangePriority
    | AddTag
    | RemoveTag
    | Complete
    | Reopen
    | Toggle
    | Remove
    | Restore
)


def decide(command: TodoCommand, state: State) -> tuple[TodoEvent, ...]:
    """The events that a command gives in a state, none when nothing would change; raises `Rejected`."""
    if isinstance(command, Create):
        return (_create(command, state),)
    if state is None:
        raise Rejected("there is no such todo: it was never created")
    if isinstance(command, Restore):
        return (TodoRestored(),) if state.removed else ()
    if isinstance(command, Remove):
        return () if state.removed else (TodoRemoved(),)
    if state.removed:
        raise Rejected("it was removed: restore it first")
    if isinstance(command, RemoveTag):  # an old log may hold it in more than one form of Unicode
        return tuple(TagRemoved(tag) for tag in state.tags if nfc(tag) == nfc(command.tag))
    event = _change(command, state)
    return () if event is None else (event,)


def _create(command: Create, state: State) -> TodoCreated:
    if state is not None:
        raise Rejected("it was created already")
    tags = tuple(sorted({_tag(tag) for tag in command.tags}))
    return TodoCreated(
        _text(command.text),
        _utc(command.created),
        _note(command.note),
        _due(command.due),
        _reminder(command.reminder, command.created),
        _priority(command.priority),
        tags,
    )


def _change(command: TodoCommand, todo: Todo) -> TodoEvent | None:
    match command:
        case ChangeText(text):
            return TextChanged(todo.text, _text(text)) if text != todo.text else None
        case ChangeNote(note):
            return NoteChanged(todo.note, _note(note)) if (note or None) != todo.note else None
        case ChangeDue(due):
            return DueChanged(todo.due, _due(due)) if due != todo.due else None
        case ChangeReminder(reminder, now):
            return ReminderChanged(todo.reminder, _reminder(reminder, now)) if reminder != todo.reminder else None
        case ChangePriority(priority):
            return PriorityChanged(todo.priority, _priority(priority)) if priority != todo.priority else None
        case AddTag(tag):
            return TagAdded(_tag(tag)) if not _has_tag(todo, tag) else None
        case Complete(on, now):
            return TodoCompleted(_completed(on, now)) if todo.completed is None else None
        case Reopen():
            return TodoReopened(todo.completed) if todo.completed is not None else None
        case Toggle(now):
            return TodoCompleted(day_or_instant(_utc(now))) if todo.completed is None else TodoReopened(todo.completed)
        case _:
            raise TypeError(f"{type(command).__name__} is no command on a todo")


def _plain(what: str, value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Rejected(f"the {what} holds a lone surrogate, which is no character") from None
    if size > TEXT_LIMIT:
        raise Rejected(f"the {what} has {size:,} bytes, more than {TEXT_LIMIT:,}")
    return value


def _text(text: str) -> str:
    if not text.strip():
        raise Rejected("the text is empty")
    return _plain("text", text)


def _note(note: str | None) -> str | None:
    return _plain("note", note) if note else None


@lru_cache(4096)
def _is_canonical(value: DayOrInstant) -> bool:
    try:
        return value == day_or_instant(parse_day_or_instant(value))
    except (ValueError, OverflowError):
        return False


def _canonical(value: DayOrInstant, what: str) -> DayOrInstant:
    if not _is_canonical(value):
        raise Rejected(f"the {what} date {value!r} is neither a day nor an instant in UTC")
    return value


def _due(due: DayOrInstant | None) -> DayOrInstant | None:
    return None if due is None else _canonical(due, "due")


def _completed(on: DayOrInstant, now: datetime) -> DayOrInstant:
    value = parse_day_or_instant(_canonical(on, "completion"))
    # a whole day is local: one that has begun nowhere on earth has not begun here
    latest = _utc(now) if isinstance(value, datetime) else _utc(now).astimezone(_FIRST_ZONE).date()
    if value > latest:
        raise Rejected("the completion is in the future")
    return on


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise Rejected(f"the time {instant} has no time zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Rejected(f"the time {instant} is out of the calendar's range") from None


def _reminder(reminder: datetime | None, now: datetime) -> datetime | None:
    if reminder is None:
        return None
    if _utc(reminder) <= _utc(now):
        raise Rejected("the reminder is in the past")
    return _utc(reminder)


def _priority(priority: Priority | None) -> Priority | None:
    if priority is not None and priority not in PRIORITIES:
        raise Rejected(f"the priority {priority!r} is none of H, M and L")
    return priority


def nfc(text: str) -> str:
    """A text in Unicode's form NFC, in which texts that look the same are the same."""
    if text.isascii():
        return text

    import unicodedata  # few texts need it

    return unicodedata.normalize("NFC", text)


def searchable(text: str) -> str:
    """A text as it is searched: case apart, and in one form of Unicode."""
    if text.isascii():
        return text.lower()

    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _has_tag(todo: Todo, tag: str) -> bool:
    return tag in todo.tags or nfc(tag) in map(nfc, todo.tags)


def _tag(tag: str) -> str:
    """A tag as new events hold it: in NFC. Old logs hold tags in other forms, too, which count as the same."""
    if not tag or tag.startswith(("+", "-")) or any(char.isspace() or char == "," for char in tag):
        raise Rejected(f"the tag {tag!r} is not one word: no spaces, no commas, no '+' or '-' in front")
    return nfc(_plain("tag", tag))


def _created(event: TodoCreated) -> Todo:
    return Todo(event.text, event.created, event.note, event.due, event.reminder, event.priority, event.tags)


_EVOLVE: dict[type, Callable[[Todo, Any], Todo]] = {
    TodoCreated: lambda todo, _: todo,
    TextChanged: lambda todo, event: replace(todo, text=event.new),
    NoteChanged: lambda todo, event: replace(todo, note=event.new),
    DueChanged: lambda todo, event: replace(todo, due=event.new),
    ReminderChanged: lambda todo, event: replace(todo, reminder=event.new),
    PriorityChanged: lambda todo, event: replace(todo, priority=event.new),
    TagAdded: lambda todo, event: replace(todo, tags=tuple(sorted({*todo.tags, event.tag}))),
    TagRemoved: lambda todo, event: replace(todo, tags=tuple(tag for tag in todo.tags if tag != event.tag)),
    TodoCompleted: lambda todo, event: replace(todo, completed=event.completed),
    TodoReopened: lambda todo, _: replace(todo, completed=None),
    TodoRemoved: lambda todo, _: replace(todo, removed=True),
    TodoRestored: lambda todo, _: replace(todo, removed=False),
}


def evolve(state: State, event: TodoEvent) -> State:
    """The state after an event. Total: an event that can't have been decided in this state changes nothing."""
    if state is None:
        return _created(event) if isinstance(event, TodoCreated) else None
    return _EVOLVE[type(event)](state, event)


_INVERT: dict[type, Callable[[Any], TodoEvent]] = {
    TextChanged: lambda event: TextChanged(event.new, event.old),
    NoteChanged: lambda event: NoteChanged(event.new, event.old),
    DueChanged: lambda event: DueChanged(event.new, event.old),
    ReminderChanged: lambda event: ReminderChanged(event.new, event.old),
    PriorityChanged: lambda event: PriorityChanged(event.new, event.old),
    TagAdded: lambda event: TagRemoved(event.tag),
    TagRemoved: lambda event: TagAdded(event.tag),
    TodoCompleted: lambda event: TodoReopened(event.completed),
    TodoReopened: lambda event: TodoCompleted(event.completed),
    TodoCreated: lambda _: TodoRemoved(),
    TodoRestored: lambda _: TodoRemoved(),
    TodoRemoved: lambda _: TodoRestored(),
}


def invert(event: TodoEvent) -> TodoEvent:
    """The event that takes another one back; a creation's is a removal, which keeps the todo's number."""
    return _INVERT[type(event)](event)


def lead(old: State, new: Todo) -> tuple[TodoEvent, ...]:
    """The events that make `old` equal to `new`, except for `created`, which no event changes, and the Unicode form of tags.

    Both are states that were decided once, so no rule is asked again. None stands for what was never created.
    """
    events: list[TodoEvent] = []
    if old is None:
        created = TodoCreated(new.text, new.created, new.note, new.due, new.reminder, new.priority, new.tags)
        events.append(created)
        old = _created(created)
    if old.removed and not new.removed:
        events.append(TodoRestored())
    if old.text != new.text:
        events.append(TextChanged(old.text, new.text))
    if old.note != new.note:
        events.append(NoteChanged(old.note, new.note))
    if old.due != new.due:
        events.append(DueChanged(old.due, new.due))
    if old.reminder != new.reminder:
        events.append(ReminderChanged(old.reminder, new.reminder))
    if old.priority != new.priority:
        events.append(PriorityChanged(old.priority, new.priority))
    events += [TagRemoved(tag) for tag in old.tags if not _has_tag(new, tag)]
    events += [TagAdded(tag) for tag in new.tags if not _has_tag(old, tag)]
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
    _text(todo.text)
    _note(todo.note)
    _due(todo.due)
    _priority(todo.priority)
    instants = [_utc(instant) for instant in (todo.created, todo.reminder) if instant is not None]
    if todo.completed is not None:
        _canonical(todo.completed, "completion")
    tags = tuple(sorted({_tag(tag) for tag in todo.tags}))
    return replace(todo, created=instants[0], reminder=instants[1] if todo.reminder is not None else None, tags=tags)


def touched(event: TodoEvent) -> str:
    """The field that an event sets; for a tag `tag:NAME`, for a creation '*': all of them."""
    match event:
        case TodoCreated():
            return "*"
        case TextChanged():
            return "text"
        case NoteChanged():
            return "note"
        case DueChanged():
            return "due"
        case ReminderChanged():
            return "reminder"
        case PriorityChanged():
            return "priority"
        case TagAdded(tag) | TagRemoved(tag):
            return f"tag:{nfc(tag)}"
        case TodoCompleted() | TodoReopened():
            return "completed"
        case TodoRemoved() | TodoRestored():
            return "removed"


DECIDER: Decider[State, TodoCommand, TodoEvent] = Decider("todo", None, EVENTS, decide, evolve, invert)
