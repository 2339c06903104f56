"""The events of a todo: facts in the past tense, each with the old and the new value of what it changed.

An event with a time refuses one that cannot be read or has no zone: nothing could be done with it, and the event is then one
that this program does not know. The times of a log are seldom alike, so they are read without a cache; days due are alike.
"""

from datetime import datetime
from typing import Any, TypeAlias

from ..cqrs.struct import Struct
from .values import DayOrInstant, Priority, parse_day_or_instant, read_day_or_instant


def _check_zone(time: datetime) -> None:
    if time.tzinfo is None:
        raise ValueError(f"a time without a zone: {time}")


class TodoCreated(Struct, frozen=True, gc=False):
    """A todo came to be. This event never grows: fields that came later are set by events of their own."""

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


class Changed(Struct, frozen=True, gc=False):
    """A field has a new value: the base of all events that hold an old and a new one. Each field has a class of its own."""

    old: Any
    new: Any


class TextChanged(Changed, frozen=True, gc=False):
    old: str
    new: str


class NoteChanged(Changed, frozen=True, gc=False):
    old: str | None
    new: str | None


class DueChanged(Changed, frozen=True, gc=False):
    old: DayOrInstant | None
    new: DayOrInstant | None

    def __post_init__(self) -> None:
        if self.old is not None:
            parse_day_or_instant(self.old)
        if self.new is not None:
            parse_day_or_instant(self.new)


class ReminderChanged(Changed, frozen=True, gc=False):
    old: datetime | None
    new: datetime | None

    def __post_init__(self) -> None:
        if self.old is not None:
            _check_zone(self.old)
        if self.new is not None:
            _check_zone(self.new)


class PriorityChanged(Changed, frozen=True, gc=False):
    old: Priority | None
    new: Priority | None


class ProjectChanged(Changed, frozen=True, gc=False):
    old: str | None
    new: str | None


class TagAdded(Struct, frozen=True, gc=False):
    tag: str


class TagRemoved(Struct, frozen=True, gc=False):
    tag: str


class TodoCompleted(Struct, frozen=True, gc=False):
    completed: DayOrInstant

    def __post_init__(self) -> None:
        read_day_or_instant(self.completed)


class TodoReopened(Struct, frozen=True, gc=False):
    """`completed` is when it had been completed."""

    completed: DayOrInstant

    def __post_init__(self) -> None:
        read_day_or_instant(self.completed)


class TodoRemoved(Struct, frozen=True, gc=False):
    pass


class TodoRestored(Struct, frozen=True, gc=False):
    pass


TodoEvent: TypeAlias = (
    TodoCreated | Changed | TagAdded | TagRemoved | TodoCompleted | TodoReopened | TodoRemoved | TodoRestored
)
