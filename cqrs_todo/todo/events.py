"""The events of a todo: facts in the past tense, each with the old and the new value of what it changed.

Making an event with a time that cannot be read, or that has no time zone, raises `ValueError`. When such an event is read
from a log, it becomes an `UnknownEvent`, because this program can do nothing with that time.

Due dates are parsed with a cache, because many todos are due on the same day. Times of completions are parsed without one.
"""

from datetime import datetime
from typing import Any, TypeAlias

from ..cqrs.struct import Struct
from .values import DayOrInstant, Priority, Recurrence, parse_day_or_instant, parse_day_or_instant_uncached


def _check_zone(time: datetime) -> None:
    if time.tzinfo is None:
        raise ValueError(f"a time without a zone: {time}")


class _TodoCreatedBase(Struct, frozen=True, gc=False):
    """The arguments of `TodoCreated` that may be given by position."""

    text: str
    created: datetime


class TodoCreated(_TodoCreatedBase, frozen=True, gc=False, kw_only=True):
    """A todo was created.

    This class never gets new attributes, because its JSON form is frozen. A field that the todo gained later is set by its
    own event in the same commit.
    """

    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that its times can be read and have a time zone."""
        _check_zone(self.created)
        if self.due is not None:
            parse_day_or_instant(self.due)
        if self.reminder is not None:
            _check_zone(self.reminder)


class Changed(Struct, frozen=True, gc=False):
    """A field has a new value. This is the base of the events that change a field with one value.

    Args:
        old: The value before the event; None if the field was not set.
        new: The value after it; None if the field was cleared.
    """

    old: Any
    new: Any


class TextChanged(Changed, frozen=True, gc=False):
    """The text has a new value."""

    old: str
    new: str


class NoteChanged(Changed, frozen=True, gc=False):
    """The note was set, changed or cleared."""

    old: str | None
    new: str | None


class DateChanged(Changed, frozen=True, gc=False):
    """A day or an instant was set, changed or cleared. This is the base of the events of fields with such values."""

    old: DayOrInstant | None
    new: DayOrInstant | None

    def __post_init__(self) -> None:
        """Check that its times can be read and have a time zone."""
        if self.old is not None:
            parse_day_or_instant(self.old)
        if self.new is not None:
            parse_day_or_instant(self.new)


class DueChanged(DateChanged, frozen=True, gc=False):
    """The due date was set, changed or cleared."""


class InstantChanged(Changed, frozen=True, gc=False):
    """An instant was set, changed or cleared. This is the base of the events of fields with such values.

    The instants have a time zone.
    """

    old: datetime | None
    new: datetime | None

    def __post_init__(self) -> None:
        """Check that its times can be read and have a time zone."""
        if self.old is not None:
            _check_zone(self.old)
        if self.new is not None:
            _check_zone(self.new)


class ReminderChanged(InstantChanged, frozen=True, gc=False):
    """The reminder was set, changed or cleared."""


class ReminderAcknowledged(InstantChanged, frozen=True, gc=False):
    """A reminder was acknowledged, or is no longer acknowledged. The values are the times of the reminders."""


class PriorityChanged(Changed, frozen=True, gc=False):
    """The priority was set, changed or cleared."""

    old: Priority | None
    new: Priority | None


class ProjectChanged(Changed, frozen=True, gc=False):
    """The project was set, changed or cleared."""

    old: str | None
    new: str | None


class WaitChanged(DateChanged, frozen=True, gc=False):
    """The wait was set, changed or cleared."""


class ParentChanged(Changed, frozen=True, gc=False):
    """The todo was put under another one, or taken out of it. The values are stable ids."""

    old: str | None
    new: str | None


class RecurrenceChanged(Changed, frozen=True, gc=False):
    """The recurrence was set, changed or cleared."""

    old: Recurrence | None
    new: Recurrence | None


class AttributeChanged(Struct, frozen=True, gc=False):
    """The value of an attribute was set, changed or cleared.

    Args:
        key: The name of the attribute.
        old: The value before the event; None if the attribute was not set.
        new: The value after it; None if the attribute was cleared.
    """

    key: str
    old: str | None
    new: str | None


class DependencyAdded(Struct, frozen=True, gc=False):
    """The todo depends on another one, which is named by its stable id."""

    dependency: str


class DependencyRemoved(Struct, frozen=True, gc=False):
    """The todo no longer depends on another one, which is named by its stable id."""

    dependency: str


class TagAdded(Struct, frozen=True, gc=False):
    """A tag was added."""

    tag: str


class TagRemoved(Struct, frozen=True, gc=False):
    """A tag was removed."""

    tag: str


class TodoCompleted(Struct, frozen=True, gc=False):
    """The todo was completed.

    Args:
        completed: When it was completed: a day or an instant.
    """

    completed: DayOrInstant

    def __post_init__(self) -> None:
        """Check that its times can be read and have a time zone."""
        parse_day_or_instant_uncached(self.completed)


class TodoReopened(Struct, frozen=True, gc=False):
    """A completed todo was opened again.

    Args:
        completed: When it had been completed, so that the event can be undone.
    """

    completed: DayOrInstant

    def __post_init__(self) -> None:
        """Check that its times can be read and have a time zone."""
        parse_day_or_instant_uncached(self.completed)


class TodoRemoved(Struct, frozen=True, gc=False):
    """The todo was removed. Its number is never used again."""


class TodoRestored(Struct, frozen=True, gc=False):
    """A removed todo was restored."""


TodoEvent: TypeAlias = (
    TodoCreated
    | Changed
    | AttributeChanged
    | TagAdded
    | TagRemoved
    | DependencyAdded
    | DependencyRemoved
    | TodoCompleted
    | TodoReopened
    | TodoRemoved
    | TodoRestored
)
