"""The todo and its fields, each declared once: its name, how people write it, what is valid, which events change it.

Everything else about a field is derived from its declaration: deciding, inverting and replaying its changes, the difference
of two states, `blame` and `diff`, the options and markers of the command line, the editor, and what `--clear` accepts.
docs/how-to/add-a-field.md shows how to add one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from ..cqrs.struct import Struct, replace
from .events import (
    Changed,
    DueChanged,
    NoteChanged,
    PriorityChanged,
    ProjectChanged,
    ReminderChanged,
    TagAdded,
    TagRemoved,
    TextChanged,
    TodoEvent,
)
from .values import (
    PRIORITIES,
    DayOrInstant,
    Priority,
    check_due,
    check_note,
    check_priority,
    check_project,
    check_reminder,
    check_tag,
    check_tags,
    check_text,
    nfc,
    same_words,
)

T = TypeVar("T")


class Todo(Struct, frozen=True, array_like=True, gc=False):
    """What is known of a todo. `tags` are sorted; `completed` is None while it is open; `removed` is a tombstone.

    New fields go to the end, because snapshots hold the values in this order.
    """

    text: str
    created: datetime
    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    completed: DayOrInstant | None = None
    removed: bool = False
    project: str | None = None

    @property
    def done(self) -> bool:
        """Whether it is completed."""
        return self.completed is not None


SCHEMA = "todo/2"
"""The name of the shape and the meaning of `Todo`. Change it when either changes: older snapshots are then not used."""

State: TypeAlias = Todo | None
"""A todo, or None before it was created."""

Kind: TypeAlias = Literal["text", "note", "day or instant", "instant", "choice", "word", "words"]
"""What a field's values are: this decides how they are read from what people type, and how they are shown."""

if TYPE_CHECKING:

    class Of(Generic[T]):
        """Says to type checkers what the values of a field are."""

else:

    class Of:
        """At run time this is a plain class: a generic base would make every start slower."""

        def __class_getitem__(cls, _of: object) -> type:
            return cls


class Field(Struct, Of[T], frozen=True):
    """A field with one value.

    Args:
        name: The attribute of `Todo`, and the name in JSON, `blame`, `diff` and the editor.
        kind: What its values are.
        event: The stable type string of the event that changes it.
        changed: The class of that event.
        put: The todo with the event's new value. It is written out for each field, because that is twice as fast.
        check: Gives a new value as it is recorded, or raises `Rejected`. Its second argument is the time of the command.
        help: What the field is, in a sentence for `--help`.
        options: The options of the command line that set it; none where there is another way.
        metavar: What stands for the value in `--help`.
        marker: What a word begins with that sets it; '' for none.
        choices: All the values there are, for kind `choice`, each with the words that people may write instead.
    """

    name: str
    kind: Kind
    event: str
    changed: type[Changed]
    put: Callable[[Todo, Any], Todo]
    check: Callable[[T, datetime | None], T]
    help: str = ""
    options: tuple[str, ...] = ()
    metavar: str = ""
    marker: str = ""
    choices: tuple[tuple[str, ...], ...] = ()

    @property
    def types(self) -> dict[str, type]:
        """Its events by their type strings."""
        return {self.event: self.changed}

    @property
    def evolves(self) -> dict[type, Callable[[Todo, Any], Todo]]:
        """What its events do to a todo."""
        return {self.changed: self.put}

    @property
    def inverts(self) -> dict[type, Callable[[Any], TodoEvent]]:
        """What takes its events back."""
        return {self.changed: lambda event: type(event)(event.new, event.old)}

    def between(self, old: T, new: T) -> tuple[TodoEvent, ...]:
        """The events that make one value of another."""
        return () if old == new else (self.changed(old, new),)

    def register(self, _event: Any) -> str:
        """What an event of this field sets: two changes of one register conflict, and the newer one wins in a merge."""
        return self.name


class SetField(Struct, frozen=True):
    """A field whose value is a set of words, which are added and removed one by one.

    Args:
        name: As in `Field`; so are `check`, `help`, `options`, `metavar` and `marker`.
        item: What one word is called, in the events.
        added: The type string and the class of the event that adds a word.
        dropped: The type string and the class of the event that removes one.
        put: The todo with the word that an event adds.
        take: The todo without the word that an event removes.
        check_item: Gives one word as it is recorded, or raises `Rejected`.
        history: How the history tells of an added and of a removed word.
    """

    name: str
    item: str
    added: tuple[str, type[Any]]
    dropped: tuple[str, type[Any]]
    put: Callable[[Todo, Any], Todo]
    take: Callable[[Todo, Any], Todo]
    check: Callable[[Any, datetime | None], tuple[str, ...]]
    check_item: Callable[[str], str]
    help: str = ""
    options: tuple[str, ...] = ()
    metavar: str = ""
    marker: str = ""
    history: tuple[str, str] = ("added {}", "removed {}")
    kind: Kind = "words"
    choices: tuple[tuple[str, ...], ...] = ()

    @property
    def types(self) -> dict[str, type]:
        """Its events by their type strings."""
        return dict((self.added, self.dropped))

    @property
    def evolves(self) -> dict[type, Callable[[Todo, Any], Todo]]:
        """What its events do to a todo."""
        return {self.added[1]: self.put, self.dropped[1]: self.take}

    @property
    def inverts(self) -> dict[type, Callable[[Any], TodoEvent]]:
        """What takes its events back."""
        return {
            self.added[1]: lambda event: self.drop(getattr(event, self.item)),
            self.dropped[1]: lambda event: self.add(getattr(event, self.item)),
        }

    def add(self, word: str) -> TodoEvent:
        """The event that adds a word."""
        event: TodoEvent = self.added[1](word)
        return event

    def drop(self, word: str) -> TodoEvent:
        """The event that removes a word."""
        event: TodoEvent = self.dropped[1](word)
        return event

    def between(self, old: tuple[str, ...], new: tuple[str, ...]) -> tuple[TodoEvent, ...]:
        """The events that make one value of another."""
        if old == new:
            return ()
        removed = [self.drop(word) for word in old if not same_words(new, word)]
        return (*removed, *(self.add(word) for word in new if not same_words(old, word)))

    def register(self, event: Any) -> str:
        """What an event of this field sets: two changes of one register conflict, and the newer one wins in a merge."""
        return f"{self.item}:{nfc(getattr(event, self.item))}"


TEXT: Field[str] = Field(
    name="text",
    kind="text",
    event="todo_text_changed",
    changed=TextChanged,
    put=lambda todo, event: replace(todo, text=event.new),
    check=check_text,
    help="What is to be done.",
)
NOTE: Field[str | None] = Field(
    name="note",
    kind="note",
    event="todo_note_changed",
    changed=NoteChanged,
    put=lambda todo, event: replace(todo, note=event.new),
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
    put=lambda todo, event: replace(todo, due=event.new),
    check=check_due,
    help="When it is due: a day, or a time.",
    options=("--due", "-d"),
    metavar="DATE",
    marker="due:",
)
REMINDER: Field[datetime | None] = Field(
    name="reminder",
    kind="instant",
    event="todo_reminder_changed",
    changed=ReminderChanged,
    put=lambda todo, event: replace(todo, reminder=event.new),
    check=check_reminder,
    help="When to be reminded.",
    options=("--remind", "-r"),
    metavar="WHEN",
    marker="remind:",
)
PRIORITY: Field[Priority | None] = Field(
    name="priority",
    kind="choice",
    event="todo_priority_changed",
    changed=PriorityChanged,
    put=lambda todo, event: replace(todo, priority=event.new),
    check=check_priority,
    help="How important it is.",
    options=("--priority", "-p"),
    metavar="H|M|L",
    marker="pri:",
    choices=tuple(zip(PRIORITIES, ("high", "medium", "low"), strict=True)),
)
TAGS = SetField(
    name="tags",
    item="tag",
    added=("todo_tag_added", TagAdded),
    dropped=("todo_tag_removed", TagRemoved),
    put=lambda todo, event: replace(todo, tags=tuple(sorted({*todo.tags, event.tag}))),
    take=lambda todo, event: replace(todo, tags=tuple(tag for tag in todo.tags if tag != event.tag)),
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
    put=lambda todo, event: replace(todo, project=event.new),
    check=check_project,
    help="The project it belongs to, such as home.garage.",
    options=("--project", "-P"),
    metavar="NAME",
    marker="project:",
)

FIELDS: tuple[Field[Any] | SetField, ...] = (TEXT, NOTE, DUE, REMINDER, PRIORITY, TAGS, PROJECT)
"""Every field, in the order in which they are shown."""
NAMES = (*(field.name for field in FIELDS), "completed", "removed")
"""The attributes of a todo that events change: its fields, and what `done`, `rm` and their opposites set."""


FIELD_OF: Mapping[type, Field[Any] | SetField] = {event: field for field in FIELDS for event in field.types.values()}
"""The field that an event of a class changes."""


def declarations() -> list[Mapping[str, Any]]:
    """The declarations as JSON values, for front ends that are not written in Python."""
    return [
        {
            "name": field.name,
            "kind": field.kind,
            "events": list(field.types),
            "help": field.help,
            "options": list(field.options),
            "marker": field.marker or None,
            "choices": [words[0] for words in field.choices] or None,
            "merge": "each word" if isinstance(field, SetField) else "newest",
        }
        for field in FIELDS
    ]
