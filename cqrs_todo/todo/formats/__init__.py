"""The files of other programs: reading todos from them, and writing todos to them. These modules are pure."""

from datetime import datetime

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
        line: The number of its first line in the file, from 1.
        has_id: Whether the key is an id of the other program, which stays the same when the entry changes.
    """

    key: str
    todo: Todo
    line: int
    has_id: bool = False


class Context(Struct, frozen=True, kw_only=True):
    """What reading a file depends on besides its content.

    Args:
        now: The time that counts as the creation of entries without one, in UTC.
        to_local: The reader's time zone, in which whole days and times without a zone are read.
        zone: The IANA name of that zone.
        headings: Whether headings become projects or tags.
    """

    now: datetime
    to_local: ToLocal
    zone: str = ""
    headings: str = "projects"
