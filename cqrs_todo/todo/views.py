"""What can be seen of a list: numbered todos, the board, the history in words. Pure: folded from events, given the time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from operator import attrgetter
from typing import Any, Literal, TypeAlias, get_args

from ..cqrs.events import LOST, REPAIRED, Commit, Recorded, UnknownEvent
from ..cqrs.fold import Entity
from ..cqrs.struct import Struct
from ..cqrs.timeline import REDOES, UNDOES, marked
from .events import TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from .fields import FIELD_OF, FIELDS, Kind, SetField, State, Todo
from .values import PRIORITIES, DayOrInstant, nfc, parse_day_or_instant, searchable

RESTORES = "restores"
"""The key in a commit's `meta` of the position to whose state it leads back."""

MOVE = "move"
"""The key in a commit's `meta` of the move that it is one half of: the log and list that todos left, and the new ones."""

ToLocal: TypeAlias = Callable[[datetime], datetime]
"""Gives an aware instant in the reader's own time zone; `datetime.astimezone` for this machine's."""


class Item(Struct, frozen=True, gc=False):
    """A todo as people meet it: its number (its place in the order of creation), its stable id, its version."""

    number: int
    stream: str
    version: int
    todo: Todo

    @property
    def id(self) -> str:
        return id_of(self.stream)


def id_of(stream: str) -> str:
    """The stable id in a stream's name."""
    return stream.partition("/")[2]


def item_of(entity: Entity[State]) -> Item | None:
    """A todo as people meet it; None where its creation was lost."""
    todo = entity.state
    return None if todo is None else Item(entity.number, entity.stream, entity.version, todo)


def items_of(entities: Iterable[Entity[State]]) -> list[Item]:
    """The todos among entities; those of a whole fold are every todo that was ever created, removed ones too, by number."""
    return [  # written out, because there are many: a call of `item_of` takes twice as long
        Item(entity.number, entity.stream, entity.version, todo) for entity in entities if (todo := entity.state) is not None
    ]


def local_day(value: DayOrInstant, to_local: ToLocal) -> date:
    """The reader's day on which a due date or completion falls."""
    parsed = parse_day_or_instant(value)
    return to_local(parsed).date() if isinstance(parsed, datetime) else parsed


def overdue(todo: Todo, now: datetime, to_local: ToLocal) -> bool:
    """Whether an open todo's due day is over, or its due instant past."""
    return todo.due is not None and not todo.done and not todo.removed and _past(todo.due, now, to_local)


def _past(due: DayOrInstant, now: datetime, to_local: ToLocal) -> bool:
    parsed = parse_day_or_instant(due)
    return parsed < now if isinstance(parsed, datetime) else parsed < to_local(now).date()


def _due_order(due: DayOrInstant | None, to_local: ToLocal) -> datetime:
    if due is None:
        return datetime.max
    parsed = parse_day_or_instant(due)
    if isinstance(parsed, datetime):
        return to_local(parsed).replace(tzinfo=None)
    return datetime.combine(parsed, time.max)


_PRIORITY_ORDER = {priority: place for place, priority in enumerate((*PRIORITIES, None))}


SortKey: TypeAlias = Literal["number", "due", "priority", "text", "created"]
SORT_KEYS: tuple[SortKey, ...] = get_args(SortKey)


def ordered(rows: Iterable[Item], key: SortKey, to_local: ToLocal) -> list[Item]:
    """The todos sorted by a key, ties by number; what has no due date or priority comes last."""
    keys: dict[SortKey, Callable[[Item], Any]] = {
        "number": attrgetter("number"),
        "due": lambda row: _due_order(row.todo.due, to_local),
        "priority": lambda row: _PRIORITY_ORDER[row.todo.priority],
        "text": lambda row: row.todo.text.casefold(),
        "created": lambda row: row.todo.created,
    }
    if key == "number":
        return sorted(rows, key=keys[key])
    return sorted(rows, key=lambda row: (keys[key](row), row.number))


Shown: TypeAlias = Literal["open", "done", "all", "removed"]
_IN_STATE: dict[Shown, Callable[[Iterable[Item]], list[Item]]] = {
    "open": lambda items: [item for item in items if (todo := item.todo).completed is None and not todo.removed],
    "done": lambda items: [item for item in items if (todo := item.todo).completed is not None and not todo.removed],
    "all": lambda items: [item for item in items if not item.todo.removed],
    "removed": lambda items: [item for item in items if item.todo.removed],
}


class Filter(Struct, frozen=True):
    """Which todos to show: `all` are the open and the done ones; of these, the ones that hold every word in text, note or
    tags, and have every tag. Words are found whatever their case, and both whatever their form of Unicode."""

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    state: Shown = "open"

    def of(self, items: Iterable[Item]) -> list[Item]:
        """Those of some todos that are to be shown."""
        rows = _IN_STATE[self.state](items)
        if not self.tags and not self.words:
            return rows
        words, tags = list(map(searchable, self.words)), set(map(nfc, self.tags))
        return [item for item in rows if tags <= set(map(nfc, item.todo.tags)) and _holds(item.todo, words)]


def _holds(todo: Todo, words: Sequence[str]) -> bool:
    if not words:
        return True
    content = searchable("\n".join((todo.text, todo.note or "", *todo.tags)))
    return all(word in content for word in words)


class Board(Struct, frozen=True):
    """What is open, in the order of attention: each list by due date, then priority, then number."""

    overdue: tuple[Item, ...]
    today: tuple[Item, ...]
    next: tuple[Item, ...]


def board(rows: Iterable[Item], now: datetime, to_local: ToLocal) -> Board:
    """The open todos: overdue, due today, and the rest."""
    # due dates are far fewer than todos, and dear to look at and to compare
    by_due: dict[DayOrInstant | None, list[Item]] = {}
    for row in rows:
        todo = row.todo
        if todo.completed is None and not todo.removed:
            by_due.setdefault(todo.due, []).append(row)
    day = to_local(now).date()
    late: list[Item] = []
    today: list[Item] = []
    rest: list[Item] = []
    for due in sorted(by_due, key=lambda due: _due_order(due, to_local)):
        if due is not None and _past(due, now, to_local):
            part = late
        elif due is not None and local_day(due, to_local) == day:
            part = today
        else:
            part = rest
        part += sorted(by_due[due], key=lambda row: (_PRIORITY_ORDER[row.todo.priority], row.number))
    return Board(tuple(late), tuple(today), tuple(rest))


def short_instant(instant: datetime, to_local: ToLocal) -> str:
    """An instant in the reader's time, to the minute: `2026-11-22 09:30`."""
    return to_local(instant).replace(tzinfo=None).isoformat(" ", "minutes")


def in_words(value: DayOrInstant | None, to_local: ToLocal) -> str:
    """A day or an instant in the reader's time; '' for none."""
    if value is None:
        return ""
    parsed = parse_day_or_instant(value)
    return short_instant(parsed, to_local) if isinstance(parsed, datetime) else parsed.isoformat()


def day_in_words(value: DayOrInstant, now: datetime, to_local: ToLocal) -> str:
    """A due date as people say it: `yesterday`, `today 17:00`, `tomorrow`, `Fri`, `24 Dec`, `2027-01-05`.

    `now` is in the reader's time.
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
    return f"{name} {local:%H:%M}" if local is not None else name


def value_in_words(kind: Kind, value: Any, to_local: ToLocal) -> str:
    """A field's value as people read it, on one line; '' for none."""
    if value is None or value == ():
        return ""
    match kind:
        case "day or instant":
            return in_words(value, to_local)
        case "instant":
            return short_instant(value, to_local)
        case "words":
            return " ".join(f"+{word}" for word in value)
        case "note":
            return " ".join(value.split())
        case _:
            return str(value)


def describe(event: Recorded, to_local: ToLocal) -> str:
    """An event in words: what changed, from what to what."""
    data = event.data
    match data:
        case TodoCreated():
            return f"created: {data.text}{extras(data, to_local)}"
        case TodoCompleted(completed):
            earlier = local_day(completed, to_local) != to_local(event.metadata.at).date()
            return f"done, on {in_words(completed, to_local)}" if earlier else "done"
        case TodoReopened():
            return "reopened"
        case TodoRemoved():
            return "removed"
        case TodoRestored():
            return "restored"
        case UnknownEvent(name, record):
            if name == REPAIRED:
                return _repair_in_words(record)
            return "lost when the log was damaged" if name == LOST else f"{name} (written by a newer version)"
    field = FIELD_OF.get(type(data))
    if field is None:
        raise TypeError(f"{type(data).__name__} is no event of a todo")
    if isinstance(field, SetField):
        return field.history[type(data) is not field.added[1]].format(getattr(data, field.item))
    old, new = (value_in_words(field.kind, value, to_local) for value in (data.old, data.new))
    if not old:
        return f"{field.name} set to {new}"
    return f"{field.name}: {old} → {new}" if new else f"{field.name} cleared, was {old}"


def _repair_in_words(record: bytes) -> str:
    """What a repair recorded of itself: what was lost, and what could not be proven."""
    import json  # few logs were ever repaired

    try:
        document = json.loads(record)
        told = [
            f"{what}: "
            + ", ".join(f"@{first}" if first == last else f"@{first} to @{last}" for first, last in document[key])
            for key, what in (("lost", "lost"), ("unproven", "recovered without proof"), ("sealed", "sealed anew"))
            if key in document
        ]
    except (ValueError, TypeError):  # another program wrote it
        told = []
    return "; ".join(["the log was repaired", *told])


_IN_BRIEF: tuple[Kind, ...] = ("words", "word", "choice", "day or instant", "instant")
"""The kinds of fields that stand in brackets behind a text, in their order there."""


def extras(todo: Todo | TodoCreated, to_local: ToLocal) -> str:
    """What a todo bears beside its text and note, in brackets; '' for nothing."""
    parts: list[str] = []
    for field in sorted(
        (field for field in FIELDS if field.kind in _IN_BRIEF), key=lambda field: _IN_BRIEF.index(field.kind)
    ):
        value = getattr(todo, field.name, None)
        if not value:
            continue
        words = value_in_words(field.kind, value, to_local)
        if field.kind == "words":
            parts += words.split()
        elif field.kind == "day or instant":
            parts.append(f"{field.name} {local_day(value, to_local):%a} {words}")
        else:
            parts.append(f"{field.name} {words}")
    return f" ({', '.join(parts)})" if parts else ""


def mentions(event: object, text: str) -> bool:
    """Whether an event's old or new text, note, tag or other value holds a text, whatever its case and form of Unicode."""
    sought = searchable(text)
    values = (getattr(event, name) for name in getattr(event, "__struct_fields__", ()))
    words = (word for value in values for word in (value if isinstance(value, tuple) else (value,)))
    return any(sought in searchable(word) for word in words if isinstance(word, str))


class Move(Struct, frozen=True):
    """A move of todos between two lists: the ids of the two logs, and what the lists were called then."""

    source: str
    source_name: str
    target: str
    target_name: str

    @property
    def reversed(self) -> "Move":
        """The move back."""
        return Move(self.target, self.target_name, self.source, self.source_name)

    @property
    def meta(self) -> dict[str, Any]:
        """What both halves of the move have in their `meta`."""
        source = {"log": self.source, "list": self.source_name}
        return {MOVE: {"from": source, "to": {"log": self.target, "list": self.target_name}}}


def move_of(commit: Commit) -> Move | None:
    """The move that a commit is one half of; None for any other commit."""
    match commit.metadata.meta.get(MOVE):
        case {
            "from": {"log": str(source), "list": str(source_name)},
            "to": {"log": str(target), "list": str(target_name)},
        }:
            return Move(source, source_name, target, target_name)
        case _:
            return None


def remark(commit: Commit) -> str:
    """What a commit stands for beyond its events: what it undoes or redoes, from where to where todos were moved."""
    meta = commit.metadata.meta
    parts = []
    for key, verb in ((UNDOES, "undoes"), (REDOES, "redoes")):
        positions = marked(commit.metadata, key)
        if positions:
            parts.append(f"{verb} {', '.join(f'@{position}' for position in positions)}")
    if RESTORES in meta:
        parts.append(f"as of @{meta[RESTORES]}")
    move = move_of(commit)
    if move is not None:
        parts.append(f"moved from {move.source_name} to {move.target_name}")
    return ", ".join(parts)


def spans(numbers: Sequence[int]) -> str:
    """Numbers as a person would type them: [1, 2, 3, 7] gives `1-3, 7`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts)
