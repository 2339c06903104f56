"""The todo and its fields.

Each field is declared once: its name, how people write it, which values are valid, and which events change it.

Everything else about a field follows from its declaration: how its changes are decided, replayed and inverted, the
difference between two states, `blame` and `diff`, the options and markers of the command line, the editor, and what
`--clear` accepts. docs/how-to/add-a-field.md shows how to add one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from ..cqrs.struct import Struct, replace
from .events import (
    AttributeChanged,
    Changed,
    DependencyAdded,
    DependencyRemoved,
    DueChanged,
    NoteChanged,
    ParentChanged,
    PriorityChanged,
    ProjectChanged,
    RecurrenceChanged,
    ReminderAcknowledged,
    ReminderChanged,
    TagAdded,
    TagRemoved,
    TextChanged,
    TodoEvent,
    WaitChanged,
)
from .values import (
    PRIORITIES,
    Attributes,
    DayOrInstant,
    Priority,
    Recurrence,
    check_acknowledged,
    check_attribute,
    check_attributes,
    check_due,
    check_every,
    check_id,
    check_ids,
    check_note,
    check_parent,
    check_priority,
    check_project,
    check_reminder,
    check_tag,
    check_tags,
    check_text,
    check_wait,
    matching_words,
    nfc,
)

T = TypeVar("T")


class _TodoBase(Struct, frozen=True, array_like=True, gc=False):
    """The arguments of `Todo` and `Create` that may be given by position."""

    text: str
    created: datetime


class TodoFields(_TodoBase, frozen=True, array_like=True, gc=False, kw_only=True):
    """The values of a todo. The command that creates it takes the same ones. Add new fields at the end.

    Args:
        text: What is to be done.
        created: When it was created, with a time zone; in a todo in UTC. The reminder must be later.
        note: A note in Markdown.
        due: When it is due: a day or an instant.
        reminder: When to remind, with a time zone.
        priority: One of `PRIORITIES`.
        tags: Its tags. They are sorted in a todo, and in any order in a command.
        project: Its project: words separated by dots.
        wait: Until when it is hidden: a day or an instant.
        depends: The ids of the todos that have to be done first, sorted like the tags.
        parent: The id of the todo that it is a part of.
        every: When it recurs.
        attributes: Values that have no field, by their keys, sorted like the tags.
        acknowledged: The reminder that was acknowledged. A reminder at another time is not acknowledged.
    """

    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    project: str | None = None
    wait: DayOrInstant | None = None
    depends: tuple[str, ...] = ()
    parent: str | None = None
    every: Recurrence | None = None
    attributes: Attributes = ()
    acknowledged: datetime | None = None


class Todo(TodoFields, frozen=True, array_like=True, gc=False, kw_only=True):
    """The state of a todo. Snapshots store the values in the order of the attributes.

    Args:
        completed: When it was completed: a day or an instant. None while it is open.
        removed: Whether it was removed. A removed todo keeps its number and can be restored.
    """

    completed: DayOrInstant | None = None
    removed: bool = False

    @property
    def done(self) -> bool:
        """Whether it is completed."""
        return self.completed is not None


SCHEMA = "todo/6"
"""The version of `Todo` in snapshots. Change it when an attribute or its meaning changes: old snapshots are then unused."""

State: TypeAlias = Todo | None
"""A todo, or None before it was created."""

Kind: TypeAlias = Literal[
    "text", "note", "day or instant", "instant", "choice", "word", "words", "todo", "todos", "recurrence", "attributes"
]
"""The kind of a field's values. It decides how they are parsed from what people type, and how they are displayed."""

if TYPE_CHECKING:

    class Typed(Generic[T]):
        """A base that tells type checkers the type of a field's values."""

else:

    class Typed:
        """At run time this is a plain class, because a generic base would make every start of the program slower."""

        def __class_getitem__(cls, _of: object) -> type:
            """Return the class itself."""
            return cls


class FieldBase(Struct, frozen=True, kw_only=True):
    """What all fields declare.

    Args:
        name: The attribute of `Todo`, and the name in JSON, `blame`, `diff` and the editor.
        kind: The kind of its values.
        help: What the field is, in a sentence for `--help`.
        options: The command line options that set it. Empty if it has none.
        metavar: The placeholder for the value in `--help`.
        marker: The beginning of a word that sets it, such as `due:`. Empty if it has none.
        other_markers: Other beginnings of words that set it. The value then has this word before it: `after:3d` is the value
            `after 3d`.
        choices: For kind `choice`, all values; each is followed by the words that people may write instead.
        in_series: Whether the next todo of a series gets the value of the one before it. Otherwise it lacks the field,
            unless `moved_to` computes a new date for it.
    """

    name: str
    kind: Kind
    help: str = ""
    options: tuple[str, ...] = ()
    metavar: str = ""
    marker: str = ""
    other_markers: tuple[str, ...] = ()
    choices: tuple[tuple[str, ...], ...] = ()
    in_series: bool = True


class _OneEvent(FieldBase, frozen=True, kw_only=True):
    """What fields declare whose changes are all events of one class.

    Args:
        event: The stable type string of the event that changes it.
        changed: The class of that event.
        apply: Takes a todo and an event of this class, and returns the todo with the event's new value. It is written out
            for each field, because `replace` with the name of the field as a variable is slower.
    """

    event: str
    changed: type[Any]
    apply: Callable[[Todo, Any], Todo]

    @property
    def event_types(self) -> dict[str, type]:
        """The classes of its events by their type strings."""
        return {self.event: self.changed}

    @property
    def evolvers(self) -> dict[type, Callable[[Todo, Any], Todo]]:
        """For each class of its events, the function that applies such an event to a todo."""
        return {self.changed: self.apply}


class Field(_OneEvent, Typed[T], frozen=True, kw_only=True):
    """A field with one value. The events of its changes have the old and the new value.

    Args:
        check: Takes a new value and the time of the command. Returns the value as it is recorded, or raises `Rejected`.
    """

    changed: type[Changed]
    check: Callable[[T, datetime | None], T]

    @property
    def inverters(self) -> dict[type, Callable[[Any], TodoEvent]]:
        """For each class of its events, the function that returns the inverse of such an event."""
        return {self.changed: lambda event: type(event)(event.new, event.old)}

    def events_between(self, old: T, new: T) -> tuple[TodoEvent, ...]:
        """Return the events that change one value to another."""
        return () if old == new else (self.changed(old, new),)

    def field_of(self, _event: Any) -> str:
        """Return the name under which an event of this field conflicts with others; in a merge the newer event wins."""
        return self.name


class SetField(FieldBase, frozen=True, kw_only=True):
    """A field whose value is a set of words or ids, which are added and removed one by one.

    Args:
        item: The name of one word, which is also the attribute of the events that holds it.
        added: The type string and the class of the event that adds a word.
        dropped: The type string and the class of the event that removes a word.
        apply_added: Takes a todo and an event that adds a word, and returns the todo with this word.
        apply_dropped: Takes a todo and an event that removes a word, and returns the todo without this word.
        check: Takes all words and the time of the command. Returns the words as they are recorded, or raises `Rejected`.
        check_item: Takes one word. Returns it as it is recorded, or raises `Rejected`.
        history: How the history describes an added and a removed word; `{}` stands for the word.
    """

    item: str
    added: tuple[str, type[Any]]
    dropped: tuple[str, type[Any]]
    apply_added: Callable[[Todo, Any], Todo]
    apply_dropped: Callable[[Todo, Any], Todo]
    check: Callable[[Any, datetime | None], tuple[str, ...]]
    check_item: Callable[[str], str]
    kind: Kind = "words"
    history: tuple[str, str] = ("added {}", "removed {}")

    @property
    def event_types(self) -> dict[str, type]:
        """The classes of its events by their type strings."""
        return dict((self.added, self.dropped))

    @property
    def evolvers(self) -> dict[type, Callable[[Todo, Any], Todo]]:
        """For each class of its events, the function that applies such an event to a todo."""
        return {self.added[1]: self.apply_added, self.dropped[1]: self.apply_dropped}

    @property
    def inverters(self) -> dict[type, Callable[[Any], TodoEvent]]:
        """For each class of its events, the function that returns the inverse of such an event."""
        return {
            self.added[1]: lambda event: self.drop(getattr(event, self.item)),
            self.dropped[1]: lambda event: self.add(getattr(event, self.item)),
        }

    def add(self, word: str) -> TodoEvent:
        """Return the event that adds a word."""
        event: TodoEvent = self.added[1](word)
        return event

    def drop(self, word: str) -> TodoEvent:
        """Return the event that removes a word."""
        event: TodoEvent = self.dropped[1](word)
        return event

    def events_between(self, old: tuple[str, ...], new: tuple[str, ...]) -> tuple[TodoEvent, ...]:
        """Return the events that change one set of words to another: first what is removed, then what is added."""
        if old == new:
            return ()
        removed = [self.drop(word) for word in old if not matching_words(new, word)]
        return (*removed, *(self.add(word) for word in new if not matching_words(old, word)))

    def field_of(self, event: Any) -> str:
        """Return the name under which an event of this field conflicts with others: each word has its own, `tag:home`."""
        return f"{self.item}:{nfc(getattr(event, self.item))}"


class KeyedField(_OneEvent, frozen=True, kw_only=True):
    """A field that has a value for each of any number of keys. An event changes the value of one key.

    Args:
        check: Takes all pairs and the time of the command. Returns the pairs as they are recorded, or raises `Rejected`.
        check_item: Takes a key and its value. Returns both as they are recorded, or raises `Rejected`.
    """

    changed: type[AttributeChanged]
    check: Callable[[Any, datetime | None], Attributes]
    check_item: Callable[[str, str], tuple[str, str]]

    @property
    def inverters(self) -> dict[type, Callable[[Any], TodoEvent]]:
        """For each class of its events, the function that returns the inverse of such an event."""
        return {self.changed: lambda event: self.changed(event.key, event.new, event.old)}

    def events_between(self, old: Attributes, new: Attributes) -> tuple[TodoEvent, ...]:
        """Return the events that change the values of some keys to those of others."""
        if old == new:
            return ()
        before, after = dict(old), dict(new)
        keys = sorted(before.keys() | after.keys())
        pairs = ((key, before.get(key), after.get(key)) for key in keys)
        return tuple(self.changed(key, was, now) for key, was, now in pairs if was != now)

    def field_of(self, event: Any) -> str:
        """Return the name under which an event of this field conflicts with others: each key has its own."""
        return f"attribute:{nfc(event.key)}"


def _with_attribute(todo: Todo, event: AttributeChanged) -> Todo:
    others = [pair for pair in todo.attributes if pair[0] != event.key]
    pairs = others if event.new is None else sorted([*others, (event.key, event.new)])
    return replace(todo, attributes=tuple(pairs))


TEXT: Field[str] = Field(
    name="text",
    kind="text",
    event="todo_text_changed",
    changed=TextChanged,
    apply=lambda todo, event: replace(todo, text=event.new),
    check=check_text,
    help="What is to be done.",
)
NOTE: Field[str | None] = Field(
    name="note",
    kind="note",
    event="todo_note_changed",
    changed=NoteChanged,
    apply=lambda todo, event: replace(todo, note=event.new),
    check=check_note,
    help="A note, in Markdown.",
    options=("--note",),
    metavar="MD",
)
DUE: Field[DayOrInstant | None] = Field(
    name="due",
    kind="day or instant",
    event="todo_due_changed",
    changed=DueChanged,
    apply=lambda todo, event: replace(todo, due=event.new),
    check=check_due,
    help="When it is due: a day, or a time.",
    options=("--due", "-d"),
    metavar="DATE",
    marker="due:",
    in_series=False,
)
REMINDER: Field[datetime | None] = Field(
    name="reminder",
    kind="instant",
    event="todo_reminder_changed",
    changed=ReminderChanged,
    apply=lambda todo, event: replace(todo, reminder=event.new),
    check=check_reminder,
    help="When to be reminded.",
    options=("--remind", "-r"),
    metavar="WHEN",
    marker="remind:",
    in_series=False,
)
PRIORITY: Field[Priority | None] = Field(
    name="priority",
    kind="choice",
    event="todo_priority_changed",
    changed=PriorityChanged,
    apply=lambda todo, event: replace(todo, priority=event.new),
    check=check_priority,
    help="How important it is.",
    options=("--priority", "-p"),
    metavar="|".join(PRIORITIES),
    marker="pri:",
    choices=tuple(zip(PRIORITIES, ("high", "medium", "low"), strict=True)),
)
TAGS = SetField(
    name="tags",
    item="tag",
    added=("todo_tag_added", TagAdded),
    dropped=("todo_tag_removed", TagRemoved),
    apply_added=lambda todo, event: replace(todo, tags=tuple(sorted({*todo.tags, event.tag}))),
    apply_dropped=lambda todo, event: replace(todo, tags=tuple(tag for tag in todo.tags if tag != event.tag)),
    check=check_tags,
    check_item=check_tag,
    help="A tag; may be given several times.",
    options=("--tag", "-t"),
    metavar="TAG",
    marker="+",
    history=("tagged +{}", "untagged -{}"),
)
PROJECT: Field[str | None] = Field(
    name="project",
    kind="word",
    event="todo_project_changed",
    changed=ProjectChanged,
    apply=lambda todo, event: replace(todo, project=event.new),
    check=check_project,
    help="The project it belongs to, such as home.garage.",
    options=("--project", "-P"),
    metavar="NAME",
    marker="project:",
)

WAIT: Field[DayOrInstant | None] = Field(
    name="wait",
    kind="day or instant",
    event="todo_wait_changed",
    changed=WaitChanged,
    apply=lambda todo, event: replace(todo, wait=event.new),
    check=check_wait,
    help="Until when to hide it: a day, or a time.",
    options=("--wait",),
    metavar="DATE",
    marker="wait:",
    in_series=False,
)
DEPENDS = SetField(
    name="depends",
    item="dependency",
    kind="todos",
    added=("todo_dependency_added", DependencyAdded),
    dropped=("todo_dependency_removed", DependencyRemoved),
    apply_added=lambda todo, event: replace(todo, depends=tuple(sorted({*todo.depends, event.dependency}))),
    apply_dropped=lambda todo, event: replace(todo, depends=tuple(id for id in todo.depends if id != event.dependency)),
    check=check_ids,
    check_item=check_id,
    help="Todos that have to be done first.",
    options=("--depends",),
    metavar="IDS",
    marker="depends:",
    in_series=False,
    history=("now depends on {}", "no longer depends on {}"),
)
PARENT: Field[str | None] = Field(
    name="parent",
    kind="todo",
    event="todo_parent_changed",
    changed=ParentChanged,
    apply=lambda todo, event: replace(todo, parent=event.new),
    check=check_parent,
    help="The todo that it is a part of.",
    options=("--under",),
    metavar="ID",
    marker="under:",
)
EVERY: Field[Recurrence | None] = Field(
    name="every",
    kind="recurrence",
    event="todo_recurrence_changed",
    changed=RecurrenceChanged,
    apply=lambda todo, event: replace(todo, every=event.new),
    check=check_every,
    help="When it recurs, such as month, 2-weeks, last-friday, or after:3d.",
    options=("--every",),
    metavar="RULE",
    marker="every:",
    other_markers=("after:",),
)

ATTRIBUTES = KeyedField(
    name="attributes",
    kind="attributes",
    event="todo_attribute_changed",
    changed=AttributeChanged,
    apply=_with_attribute,
    check=check_attributes,
    check_item=check_attribute,
    help="The value of an attribute that you have declared, such as estimate:2h; may be given several times.",
    options=("--attribute",),
    metavar="KEY:VALUE",
)

ACKNOWLEDGED: Field[datetime | None] = Field(
    name="acknowledged",
    kind="instant",
    event="todo_reminder_acknowledged",
    changed=ReminderAcknowledged,
    apply=lambda todo, event: replace(todo, acknowledged=event.new),
    check=check_acknowledged,
    help="The reminder that was acknowledged.",
    in_series=False,
)

Declared: TypeAlias = Field[Any] | SetField | KeyedField
"""The declaration of a field."""

FIELDS: tuple[Declared, ...] = (
    *(TEXT, NOTE, DUE, REMINDER, PRIORITY, TAGS, PROJECT),
    *(WAIT, DEPENDS, PARENT, EVERY, ATTRIBUTES, ACKNOWLEDGED),
)
"""Every field, in the order in which they are displayed."""
FIELD_NAMES = (*(field.name for field in FIELDS), "completed", "removed")
"""The attributes of a todo that events change: its fields, and those that completing and removing set."""

FIELD_BY_EVENT: Mapping[type, Declared] = {event: field for field in FIELDS for event in field.event_types.values()}
"""The field that an event changes, by the class of the event."""


_MERGES: Mapping[type, str] = {SetField: "each word", KeyedField: "each key"}
"""Which part of a field two changes must share to conflict. For all others it is the whole field; the newest change wins."""


def declarations() -> list[Mapping[str, Any]]:
    """Return the declarations of all fields as JSON values, for front ends that are not written in Python."""
    return [
        {
            "name": field.name,
            "kind": field.kind,
            "events": list(field.event_types),
            "help": field.help,
            "options": list(field.options),
            "marker": field.marker or None,
            "choices": [words[0] for words in field.choices] or None,
            "other_markers": list(field.other_markers),
            "merge": _MERGES.get(type(field), "newest"),
        }
        for field in FIELDS
    ]
