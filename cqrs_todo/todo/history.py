"""The history of a list in words. This module is pure."""

from collections.abc import Iterator
from datetime import datetime

from ..cqrs.events import (
    FORGOTTEN,
    LOST,
    MADE,
    MERGED,
    REDOES,
    REPAIRED,
    UNDOES,
    Commit,
    PositionOf,
    Recorded,
    UnknownEvent,
    marked,
)
from ..cqrs.replication.registers import made_at
from ..cqrs.struct import Struct
from .events import (
    AttributeChanged,
    Changed,
    ReminderAcknowledged,
    TodoCompleted,
    TodoCreated,
    TodoEvent,
    TodoRemoved,
    TodoReopened,
    TodoRestored,
)
from .fields import FIELD_BY_EVENT, FIELDS, KeyedField, SetField
from .values import Recurrence, ToLocal, searchable
from .views import (
    BECAUSE,
    RESTORES,
    Label,
    attribute_name,
    bracketed_details,
    brought_again,
    companions_of,
    display_attribute,
    display_day_or_instant,
    display_value,
    local_day,
    move_of,
    short_instant,
)


def describe_event(event: Recorded, to_local: ToLocal, label: Label = str) -> str:
    """Describe an event in words: what changed, from which value to which, and whether a merge added it.

    Args:
        event: The event.
        to_local: The reader's time zone.
        label: What other todos are called.

    Raises:
        TypeError: It is not an event of a todo.
    """
    words = _change_in_words(event, to_local, label)
    return f"{words} (added by the merge)" if event.ordinal < 0 else words


class Described(Struct, frozen=True):
    """An event of a commit, in words.

    Args:
        event: The event.
        words: What happened.
        is_change: Whether a field has another value after it.
    """

    event: Recorded
    words: str
    is_change: bool = True


def describe_events(commit: Commit, to_local: ToLocal, label: Label = str) -> Iterator[Described]:
    """Yield the events of a commit in words, as people see them.

    Of a todo that a move has brought to a list in which it was already, one event is left: what the commit was for says the
    rest.

    Args:
        commit: The commit.
        to_local: The reader's time zone.
        label: What other todos are called.
    """
    again = brought_again(commit)
    for event in commit.events:
        if event.stream not in again:
            yield Described(event, describe_event(event, to_local, label))
        elif isinstance(event.data, TodoRestored):
            yield Described(event, "was here already", is_change=False)


def _change_in_words(event: Recorded, to_local: ToLocal, label: Label) -> str:
    data = event.data
    match data:
        case TodoCreated():
            return f"created: {data.text}{bracketed_details(data, to_local)}"
        case TodoCompleted(completed):
            earlier = local_day(completed, to_local) != to_local(event.metadata.at).date()
            return f"done, on {display_day_or_instant(completed, to_local)}" if earlier else "done"
        case TodoReopened():
            return "reopened"
        case TodoRemoved():
            return "removed"
        case TodoRestored():
            return "restored"
        case ReminderAcknowledged():
            return _acknowledged_in_words(data, to_local)
        case UnknownEvent(name, record):
            if name == REPAIRED:
                return _repair_in_words(record)
            if name == MERGED:
                return f"{_wanted_in_words(record, to_local, label)}: no effect after the merge"
            return _FRAMEWORK_EVENTS.get(name) or f"{name} (written by a newer version)"
    field = FIELD_BY_EVENT.get(type(data))
    if field is None:
        raise TypeError(f"{type(data).__name__} is not an event of a todo")
    if isinstance(field, SetField):
        word = getattr(data, field.item)
        return field.history[type(data) is not field.added[1]].format(label(word) if field.kind == "todos" else word)
    if isinstance(field, KeyedField):
        name = attribute_name(data.key)
        old, new = (display_attribute(text, to_local) if text else "" for text in (data.old, data.new))
    else:
        name = field.name
        old, new = (display_value(field, value, to_local, label) for value in (data.old, data.new))
    if not old:
        return f"{name} set to {new}"
    if old == new and isinstance(data.new, Recurrence):
        at = "" if data.new.time is None else f" at {data.new.time}"
        return f"{name}: {new}{at}, counted from {data.new.anchor}"
    return f"{name}: {old} → {new}" if new else f"{name} cleared, was {old}"


def describe_wanted(event: TodoEvent, to_local: ToLocal, label: Label = str) -> str:
    """Describe what a person wanted of a todo, without the value that was there before.

    Args:
        event: The event, whose old value means nothing.
        to_local: The reader's time zone.
        label: What other todos are called.
    """
    field = FIELD_BY_EVENT.get(type(event))
    match event:
        case TodoCompleted(completed):
            return f"done on {display_day_or_instant(completed, to_local)}"
        case TodoCreated() | TodoReopened() | TodoRemoved() | TodoRestored():
            return _WITHOUT_VALUES[type(event)]
        case ReminderAcknowledged():
            return _acknowledged_in_words(event, to_local)
        case Changed() if field is not None:
            new = display_value(field, event.new, to_local, label)
            return f"{field.name} set to {new}" if new else f"{field.name} cleared"
        case AttributeChanged():
            name = attribute_name(event.key)
            return f"{name} set to {event.new}" if event.new else f"{name} cleared"
    if not isinstance(field, SetField):
        raise TypeError(f"{type(event).__name__} is not an event of a todo")
    word = getattr(event, field.item)
    return field.history[type(event) is not field.added[1]].format(label(word) if field.kind == "todos" else word)


def _acknowledged_in_words(event: ReminderAcknowledged, to_local: ToLocal) -> str:
    if event.new is not None:
        return f"reminder of {short_instant(event.new, to_local)} acknowledged"
    of = "" if event.old is None else f" of {short_instant(event.old, to_local)}"
    return f"reminder{of} no longer acknowledged"


_WITHOUT_VALUES = {TodoCreated: "created", TodoReopened: "reopened", TodoRemoved: "removed", TodoRestored: "restored"}
_TYPES_WITHOUT_VALUES = {f"todo_{words}": words for words in _WITHOUT_VALUES.values()}

_FRAMEWORK_EVENTS = {
    LOST: "lost when the log was damaged",
    FORGOTTEN: "forgotten",
}


def _wanted_in_words(record: bytes, to_local: ToLocal, label: Label) -> str:
    """Describe what a person wanted, as a `merged` event holds it."""
    import json  # few lists have such events

    try:
        document = json.loads(record)
        type, data = document["type"], document["data"]
        if type in _TYPES_WITHOUT_VALUES:
            return _TYPES_WITHOUT_VALUES[type]
        if type == "todo_completed":
            return describe_wanted(TodoCompleted(data["completed"]), to_local, label)
        field, cls = next((field, field.event_types[type]) for field in FIELDS if type in field.event_types)
        if field.kind == "instant" and data["new"] is not None:
            data["new"] = datetime.fromisoformat(data["new"])
        if field.kind == "recurrence" and data["new"] is not None:
            data["new"] = Recurrence(**data["new"])
        return describe_wanted(cls(**data) if isinstance(field, SetField) else cls(**{"old": None, **data}), to_local, label)
    except (ValueError, TypeError, KeyError, StopIteration):  # a newer program wrote it
        return "changed"


def _repair_in_words(record: bytes) -> str:
    """Describe a repair in words: what was lost, and what could not be proven."""
    import json  # few logs have been repaired

    try:
        document = json.loads(record)
        parts = [
            f"{what}: "
            + ", ".join(f"@{first}" if first == last else f"@{first} to @{last}" for first, last in document[key])
            for key, what in (("lost", "lost"), ("unproven", "kept, but not proven"), ("sealed", "given new digests"))
            if key in document
        ]
    except (ValueError, TypeError):  # another program wrote it in another form
        parts = []
    return "; ".join(["the log was repaired", *parts])


def mentions(
    commit: Commit, event: Recorded, text: str, to_local: ToLocal, position_of: PositionOf, label: Label = str
) -> bool:
    """Return whether a text is in what the history prints of an event, or in an old or a new value of the event.

    Case and forms of Unicode make no difference.

    Args:
        commit: The commit.
        event: One of its events.
        text: The text.
        to_local: The reader's time zone.
        position_of: Finds the commits of the list by their command ids.
        label: What other todos are called.
    """
    sought = searchable(text)
    printed = (describe_event(event, to_local, label), describe_commit(commit, position_of, to_local))
    return any(sought in searchable(words) for words in printed) or event_mentions(event.data, text)


def event_mentions(event: object, text: str) -> bool:
    """Return whether an old or a new value in an event contains a text. Case and forms of Unicode make no difference."""
    sought = searchable(text)
    values = (getattr(event, name) for name in getattr(event, "__struct_fields__", ()))
    words = (word for value in values for word in (value if isinstance(value, tuple) else (value,)))
    return any(sought in searchable(word) for word in words if isinstance(word, str))


def describe_commit(commit: Commit, position_of: PositionOf, to_local: ToLocal) -> str:
    """Describe what a commit was for: what it undoes, redoes or restores, where it moved todos, and the reason given.

    If a merge has given it another time, it also says when it was made.

    Args:
        commit: The commit.
        position_of: Finds the commits of the list by their command ids.
        to_local: The reader's time zone.
    """
    meta = commit.metadata.meta
    parts = []
    for key, verb in ((UNDOES, "undoes"), (REDOES, "redoes")):
        places = [(command, position_of(command)) for command in marked(commit.metadata, key)]
        if places:
            named = (f"the command {command}" if position is None else f"@{position}" for command, position in places)
            parts.append(f"{verb} {', '.join(named)}")
    if RESTORES in meta:
        parts.append(f"as of @{meta[RESTORES]}")
    move = move_of(commit)
    if move is not None:
        parts.append(f"moved from {move.source_name} to {move.target_name}")
    companions = companions_of(commit)
    if companions:
        parts.append(f"together with {', '.join(companions.values())}")
    made = short_instant(made_at(commit.metadata), to_local) if MADE in meta else ""
    if made and made != short_instant(commit.at, to_local):
        parts.append(f"made {made}")
    if BECAUSE in meta:
        parts.append(f"because: {meta[BECAUSE]}")
    return ", ".join(parts)
