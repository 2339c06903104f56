"""What people see of a list: numbered todos, and values, changes and moves in words. It is pure; it gets the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from ..cqrs.events import EXTRA, REPAIRED, Commit
from ..cqrs.events import RESTORES as RESTORES
from ..cqrs.fold import Entity
from ..cqrs.struct import Struct, replace
from .events import TodoCreated, TodoRemoved, TodoRestored
from .fields import FIELD_NAMES, FIELDS, Declared, Kind, State, Todo
from .values import DayOrInstant, ToLocal, parse_day_or_instant, time_in

MOVE = "move"
"""The key in a commit's `meta` for the move that the commit is one half of; see `Move`."""

WITH = "with"
"""The key in a commit's `meta` for the other lists in which its command was recorded: the `log` and the `list` of each."""

BECAUSE = "because"
"""The key in a commit's `meta` for the reason that was given for the command."""


Label: TypeAlias = Callable[[str], str]
"""Returns what people call the todo with a stable id: its number, or the id itself if it is not in the list."""


class Item(Struct, frozen=True, gc=False):
    """A todo as people see it in a list.

    Args:
        number: Its number, which people type: its place in the order of creation.
        stream: The stream that holds its events.
        version: How many events it has.
        todo: Its state.
    """

    number: int
    stream: str
    version: int
    todo: Todo

    @property
    def id(self) -> str:
        """Its stable id."""
        return id_of(self.stream)


def id_of(stream: str) -> str:
    """Return the stable id in the name of a stream."""
    return stream.partition("/")[2]


def label_of(stream: str) -> str:
    """Return what the history calls a stream that is not a known todo: its id, or '' for the stream of a repair."""
    return "" if stream.startswith(f"{REPAIRED}/") else id_of(stream)


def item_of(entity: Entity[State]) -> Item | None:
    """Return the todo of an entity. None if the event that created it was lost."""
    todo = entity.state
    return None if todo is None else Item(entity.number, entity.stream, entity.version, todo)


def attributes_of(items: Iterable[Item]) -> set[str]:
    """Return the names of the attributes that todos have."""
    return {key for item in items for key, _ in item.todo.attributes}


def items_of(entities: Iterable[Entity[State]]) -> list[Item]:
    """Return the todos of entities, in the same order. Removed todos are among them.

    Args:
        entities: A fold, or some of its entities.

    Returns:
        The todos, without those whose creation was lost.
    """
    return [  # written out, because there are many: calling `item_of` for each is slower
        Item(entity.number, entity.stream, entity.version, todo) for entity in entities if (todo := entity.state) is not None
    ]


def local_day(value: DayOrInstant, to_local: ToLocal) -> date:
    """Return the day of a due date or a completion in the reader's time zone."""
    parsed = parse_day_or_instant(value)
    return to_local(parsed).date() if isinstance(parsed, datetime) else parsed


def is_open(state: State) -> bool:
    """Return whether a todo is neither done nor removed."""
    return state is not None and state.completed is None and not state.removed


def is_overdue(todo: Todo, now: datetime, to_local: ToLocal) -> bool:
    """Return whether a todo is open and overdue: its due day is over, or its due instant has passed."""
    return todo.due is not None and not todo.done and not todo.removed and is_past(todo.due, now, to_local)


def is_past(due: DayOrInstant, now: datetime, to_local: ToLocal) -> bool:
    """Return whether a day is over, or an instant has passed."""
    parsed = parse_day_or_instant(due)
    return parsed < now if isinstance(parsed, datetime) else parsed < to_local(now).date()


_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_MOST_RANGES = 20
"""How many ranges of numbers a message shows."""
OTHER_COLUMNS = ("number", "state", "created", "done", "list", "id")
"""The names of what is shown of a todo besides its fields. No attribute can be named so."""


def open_items(items: Iterable[Item]) -> list[Item]:
    """Return the todos that are neither done nor removed, in the same order."""
    return [item for item in items if (todo := item.todo).completed is None and not todo.removed]


def is_waiting(todo: Todo, now: datetime, to_local: ToLocal) -> bool:
    """Return whether a todo is hidden: it waits for a day that has not begun, or for an instant that has not come."""
    if todo.wait is None:
        return False
    wait = parse_day_or_instant(todo.wait)
    return wait > now if isinstance(wait, datetime) else wait > to_local(now).date()


def first_wait(items: Iterable[Item], to_local: ToLocal) -> DayOrInstant | None:
    """Return the end of the wait that ends first; None if no todo waits."""
    waits = {wait for item in items if (wait := item.todo.wait) is not None}
    return min(waits, key=lambda wait: (local_day(wait, to_local), wait), default=None)


def short_instant(instant: datetime, to_local: ToLocal) -> str:
    """Return an instant in the reader's time zone, to the minute: `2026-11-22 09:30`.

    Where the clocks go back, the second of two equal local times has its offset: `2026-10-25T02:30+01:00`. So the text can
    always be typed back.
    """
    return _local_text(instant, to_local, "minutes")


def long_instant(instant: datetime, to_local: ToLocal) -> str:
    """Return an instant in the reader's time zone, to the second, and otherwise as `short_instant` does."""
    return _local_text(instant, to_local, "seconds")


def _local_text(instant: datetime, to_local: ToLocal, precision: str) -> str:
    local = to_local(instant)
    offset, earlier_offset = local.utcoffset(), _offset_before(instant, to_local)
    if offset is not None and earlier_offset is not None and earlier_offset > offset:
        earlier = to_local(instant - (earlier_offset - offset))
        if earlier.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0):
            # no text has an offset with seconds, which some zones had long ago
            return (instant.astimezone(UTC) if offset % _MINUTE else local).isoformat("T", precision)
    return local.replace(tzinfo=None).isoformat(" ", precision)


def _offset_before(instant: datetime, to_local: ToLocal) -> timedelta | None:
    """Return the offset from UTC one day before an instant."""
    try:
        return to_local(instant - _DAY).utcoffset()
    except OverflowError:  # on the first day of the calendar
        return None


def display_day_or_instant(value: DayOrInstant | None, to_local: ToLocal) -> str:
    """Return a day, or an instant in the reader's time zone, as people read it. Empty for None."""
    if value is None:
        return ""
    parsed = parse_day_or_instant(value)
    return short_instant(parsed, to_local) if isinstance(parsed, datetime) else parsed.isoformat()


def long_day(day: date) -> str:
    """Return a day with its weekday and the name of its month: `Mon 2 Mar 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def relative_day(value: DayOrInstant, now: datetime, to_local: ToLocal) -> str:
    """Return a due date as people say it: `yesterday`, `today 17:00`, `tomorrow`, `Fri`, `24 Dec` or `2027-01-05`.

    Args:
        value: A day or an instant.
        now: The present in the reader's time zone.
        to_local: The reader's time zone.
    """
    parsed = parse_day_or_instant(value)
    local = to_local(parsed) if isinstance(parsed, datetime) else None
    day = parsed if local is None else local.date()
    today = now.date()
    distance = (day - today).days
    if -1 <= distance <= 1:
        name = ("yesterday", "today", "tomorrow")[distance + 1]
    elif 1 < distance < 7:
        name = f"{day:%a}"
    elif day.year == today.year:
        name = f"{day.day} {day:%b}"
    else:
        name = day.isoformat()
    if not isinstance(parsed, datetime):
        return name
    clock = short_instant(parsed, to_local)[len("2026-11-22 ") :]  # with the offset, if the clocks go back then
    return f"{name} {clock}"


def display_value(field: Declared, value: Any, to_local: ToLocal, label: Label = str) -> str:
    """Return the value of a field as people read it, on one line.

    Args:
        field: The field.
        value: Its value.
        to_local: The reader's time zone.
        label: What other todos are called.

    Returns:
        The text, empty if the field is not set.
    """
    if value is None or value == ():
        return ""
    match field.kind:
        case "day or instant":
            return display_day_or_instant(value, to_local)
        case "instant":
            return short_instant(value, to_local)
        case "words":
            return " ".join(f"{field.marker}{word}" for word in value)
        case "note":
            return " ".join(value.split())
        case "todo":
            return label(value)
        case "todos":
            return ",".join(sorted(map(label, value), key=lambda name: (len(name), name)))  # numbers by their size
        case "recurrence":
            from .rules import rule_in_words  # few todos recur

            return rule_in_words(value)
        case "attributes":
            return joined_attributes([(key, display_attribute(text, to_local)) for key, text in value])
        case _:
            return str(value)


def display_attribute(text: str, to_local: ToLocal) -> str:
    """Return the value of an attribute as people read it: an instant in the reader's time zone, other texts as they are."""
    return display_day_or_instant(text, to_local) if isinstance(time_in(text), datetime) else text


def attribute_name(key: str) -> str:
    """Return what an attribute is called beside fields: its key, and `attribute due` if a field is called `due`, too."""
    return f"attribute {key}" if key in FIELD_NAMES else key


def joined_attributes(attributes: Iterable[tuple[str, str]]) -> str:
    """Return attributes on one line, such as `estimate:2h place:"Room 5"`."""
    return " ".join(f"{key}:{_quoted_if_necessary(text)}" for key, text in attributes)


def _quoted_if_necessary(text: str) -> str:
    """Return a text as a JSON string if it has spaces or begins with a quotation mark; otherwise as it is."""
    if not text.startswith('"') and not any(map(str.isspace, text)):
        return text
    import json  # few todos have such attributes

    return json.dumps(text, ensure_ascii=False)


_BRACKETED_KINDS: tuple[Kind, ...] = (
    *("words", "word", "choice", "day or instant", "instant"),
    *("recurrence", "todos", "todo", "attributes"),
)
"""The kinds of fields that are shown in brackets after the text, in this order."""


def bracketed_details(todo: Todo | TodoCreated, to_local: ToLocal, label: Label = str) -> str:
    """Return the fields of a todo other than text and note, in brackets with a leading space. Empty if none is set.

    Args:
        todo: The todo, or the event that created it.
        to_local: The reader's time zone.
        label: What other todos are called.
    """
    parts: list[str] = []
    for field in sorted(
        (field for field in FIELDS if field.kind in _BRACKETED_KINDS), key=lambda field: _BRACKETED_KINDS.index(field.kind)
    ):
        value = getattr(todo, field.name, None)
        if not value:
            continue
        words = display_value(field, value, to_local, label)
        if field.kind == "words":
            parts += words.split()
        elif field.kind == "attributes":
            parts += (f"{attribute_name(key)} {display_attribute(text, to_local)}" for key, text in value)
        elif field.kind == "day or instant":
            parts.append(f"{field.name} {local_day(value, to_local):%a} {words}")
        else:
            parts.append(f"{field.name} {words}")
    return f" ({', '.join(parts)})" if parts else ""


class Move(Struct, frozen=True):
    """A move of todos between two lists.

    Args:
        source: The id of the log that they left.
        source_name: The name that its list had then.
        target: The id of the log that they came to.
        target_name: The name that its list had then.
    """

    source: str
    source_name: str
    target: str
    target_name: str

    @property
    def reversed(self) -> Move:
        """The move in the opposite direction."""
        return Move(self.target, self.target_name, self.source, self.source_name)

    @property
    def meta(self) -> dict[str, Any]:
        """What the commits of both halves have in their `meta`."""
        source = {"log": self.source, "list": self.source_name}
        return {MOVE: {"from": source, "to": {"log": self.target, "list": self.target_name}}}


def move_of(commit: Commit) -> Move | None:
    """Return the move that a commit is one half of. None for any other commit."""
    return move_in(commit.metadata.meta)


def move_in(meta: Mapping[str, Any]) -> Move | None:
    """Return the move that the `meta` of a commit names; None if it names none."""
    match meta.get(MOVE):
        case {
            "from": {"log": str(source), "list": str(source_name)},
            "to": {"log": str(target), "list": str(target_name)},
        }:
            return Move(source, source_name, target, target_name)
        case _:
            return None


def as_asked(commit: Commit) -> Commit:
    """Return a commit without the restorations and removals that a merge added, because a removed todo cannot be changed."""
    if EXTRA not in commit.metadata.meta:
        return commit
    restored: dict[str, int] = {}  # by stream, the place of a restoration that a removal may follow
    added: set[int] = set()
    for place, event in enumerate(commit.events):
        if event.ordinal < 0 and isinstance(event.data, TodoRestored):
            restored[event.stream] = place
        elif event.ordinal < 0 and isinstance(event.data, TodoRemoved) and event.stream in restored:
            added |= {restored.pop(event.stream), place}
    return replace(commit, events=tuple(event for place, event in enumerate(commit.events) if place not in added))


def brought_again(commit: Commit) -> set[str]:
    """Return the streams of the todos that a move has brought to a list in which they were already.

    The commit has two events of each of them, so that a sync knows that they are wanted there.
    """
    if move_of(commit) is None:
        return set()
    types: dict[str, list[type]] = {}
    for event in commit.events:
        types.setdefault(event.stream, []).append(type(event.data))
    return {stream for stream, found in types.items() if found == [TodoRemoved, TodoRestored]}


def companions_of(commit: Commit) -> dict[str, str]:
    """Return the other lists in which the command of a commit was recorded: the ids of their logs, and their names then."""
    match commit.metadata.meta.get(WITH):
        case [*others]:
            return {str(other.get("log")): str(other.get("list")) for other in others if isinstance(other, dict)}
        case _:
            return {}


def number_ranges(numbers: Sequence[int]) -> str:
    """Return numbers as a person would type them: [1, 2, 3, 7] becomes `1-3, 7`. Of many ranges, the first are shown."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    shown = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts[:_MOST_RANGES])
    more = sum(last - first + 1 for first, last in parts[_MOST_RANGES:])
    return f"{shown} and {more:,} more" if more else shown
