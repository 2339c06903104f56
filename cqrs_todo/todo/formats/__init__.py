"""The files of other programs: reading todos from them, and writing todos to them. These modules are pure."""

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from types import ModuleType
from typing import Literal, TypeAlias

from ...cqrs.struct import Struct
from ..fields import Todo
from ..values import ToLocal


class Entry(Struct, frozen=True, kw_only=True):
    """A todo in a file of another program.

    Args:
        key: What names the entry: the id that the other program gave it, or a word that is made from its place in the file.
            It is unique in the file.
        todo: The values of the entry. Its `parent` and `depends` are keys of other entries of the file, not ids of todos.
            What has no field is in its attributes. A cancelled entry is a removed todo.
        line: The number of its first line in the file, from 1. In JSON of Todoist it is the place of the entry in the list.
        has_id: Whether the key is an id of the other program, which stays the same when the entry changes. Its
            parts are then in the attributes, too.
        guessed: The fields whose values are not in the file, but follow from the time of the import.
    """

    key: str
    todo: Todo
    line: int
    has_id: bool = False
    guessed: tuple[str, ...] = ()


class Context(Struct, frozen=True, kw_only=True):
    """What reading a file depends on besides its content.

    Args:
        now: The time that counts as the creation of entries without one, in UTC.
        to_local: The reader's time zone, in which whole days and times without a zone are read.
        zone: The IANA name of that zone; "" if it is not known.
        headings: Whether headings become projects or tags.
        to_zone: Returns the conversion to the zone with an IANA name, for files that name zones. An unknown
            name means the reader's zone, and so do all names without it.
        lenient: Whether entries that cannot be read are skipped and reported. Otherwise they raise `MalformedFile`.
        date_order: How to read dates such as 3/4/2026. With None they are not dates.
    """

    now: datetime
    to_local: ToLocal
    zone: str = ""
    to_zone: Callable[[str], ToLocal] | None = None
    headings: Literal["projects", "tags"] = "projects"
    lenient: bool = False
    date_order: Literal["DMY", "MDY", "YMD"] | None = None


class Loss(Struct, frozen=True):
    """Something in a file, or of a todo, that has no equal on the other side.

    Args:
        line: Where it is; see `Entry.line`. When a file is written, it is the number of the todo.
        what: What it is. Losses of one kind have the same text, so that they can be counted.
        outcome: Where it goes, how it is changed, or why it is lost.
        kind: Whether it is "kept" as an attribute or in the note, "changed", "lost", or "skipped": an entry that cannot be
            read.
    """

    line: int
    what: str
    outcome: str
    kind: Literal["kept", "changed", "lost", "skipped"]


Report: TypeAlias = Callable[[Loss], None]
"""Receives what cannot be kept as it is."""


class Format(Struct, frozen=True, kw_only=True):
    """A format of files.

    Args:
        name: What people write after `--format`.
        title: What it is called in messages.
        module: The module of this package that reads and writes it; "" for the formats of this program.
        suffixes: The ends of the names of its files.
        reader: The function of the module that reads it.
        by_line: Whether it is read line by line, in bounded memory. Otherwise the file has a largest size.
        writes: Whether it can be written, too.
        place: What the number of an entry counts: the lines of the file, or its todos; see `Entry.line`.
    """

    name: str
    title: str
    module: str
    suffixes: tuple[str, ...] = ()
    reader: str = "read"
    by_line: bool = True
    writes: bool = True
    place: Literal["line", "todo"] = "line"


FORMATS = {
    format.name: format
    for format in (
        Format(name="json", title="JSON of this program", module="", by_line=False),
        Format(name="events", title="log of this program", module=""),
        Format(name="todotxt", title="todo.txt", module="todotxt", suffixes=(".txt",)),
        Format(name="taskwarrior", title="Taskwarrior", module="taskwarrior", by_line=False),
        Format(name="ics", title="iCalendar", module="icalendar_", suffixes=(".ics", ".ical"), by_line=False),
        Format(name="todoist", title="Todoist JSON", module="todoist", by_line=False, writes=False, place="todo"),
        Format(name="todoist-csv", title="Todoist template", module="todoist", reader="read_template", writes=False),
        Format(name="markdown", title="Markdown", module="markdown", suffixes=(".md", ".markdown")),
        Format(name="org", title="Org", module="org", suffixes=(".org",)),
        Format(name="csv", title="CSV", module="csv_", suffixes=(".csv", ".tsv")),
    )
}
"""All formats by their names."""


def load(format: Format) -> ModuleType:
    """Import the module of a format of another program."""
    return import_module(f"{__name__}.{format.module}")
