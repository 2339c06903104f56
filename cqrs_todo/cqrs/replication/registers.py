"""What decides between two changes of the same field: the newest one stands, whichever copy of a log it was made in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from ..events import MADE, STAMP, Metadata
from ..struct import Struct, replace

CREATION = "*"
"""What `MergeRules.field_of` returns for an event that creates an aggregate, and so sets all fields."""

Key: TypeAlias = tuple[int, datetime, str]
"""What is compared: a rank, the stamp of the commit, and its command id. The change with the greatest key stands.

The rank is 0 for what a creation sets, and 1 for every other change. So any change beats any creation.
"""
CREATED, CHANGED = 0, 1

FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)
NO_KEY: Key = (-1, FIRST, "")


class Clock:
    """A hybrid logical clock that is taken from a log: the stamps of its commits. They never go backwards.

    Attributes:
        last: The greatest stamp so far.
    """

    def __init__(self, last: datetime = FIRST) -> None:
        """Begin at the start of a log, or behind the commit that has the greatest stamp so far."""
        self.last = last

    def stamp(self, metadata: Metadata) -> datetime:
        """Return the stamp of the next commit of the log, in UTC. A commit that a merge moved has kept its stamp."""
        stamp = _time(metadata.meta.get(STAMP))
        if stamp is None:
            # the last microsecond of the calendar has no next one
            stamp = max(metadata.at.astimezone(UTC), self.last + _TICK if self.last < _LAST else _LAST)
        self.last = max(self.last, stamp)
        return stamp


def made_at(metadata: Metadata) -> datetime:
    """Return when a commit was made, which was its `at` before a merge moved it."""
    return _time(metadata.meta.get(MADE)) or metadata.at


def _time(text: object) -> datetime | None:
    """Return the time in a member of `meta`, in UTC; None if it holds none."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if time is None or time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def time_text(time: datetime) -> str:
    """Return a time as a member of `meta` holds it."""
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


class Change(Struct, frozen=True):
    """A change of a field that someone wanted.

    Attributes:
        key: What decides between it and other changes of the field.
        event: The event. It may hold an old value that is not the present one.
        metadata: The metadata of its commit.
    """

    key: Key
    event: Any
    metadata: Metadata

    @property
    def command(self) -> str:
        """The command id of its commit."""
        return self.key[2]

    @property
    def made(self) -> datetime:
        """When it was made."""
        return made_at(self.metadata)


class Registers:
    """The newest change of each field of each stream. A creation counts as a change of all fields."""

    def __init__(self, removed: str) -> None:
        """Begin without changes.

        Args:
            removed: The field that says whether an aggregate is removed. Whoever creates an aggregate wants it to be there,
                so that a creation is not only a creation of this field, but a change.
        """
        self._removed = removed
        self._fields: dict[str, dict[str, Change]] = {}

    def newest(self, stream: str, field: str) -> Change | None:
        """Return the newest change of a field; None if there is none."""
        fields = self._fields.get(stream)
        if fields is None:
            return None
        own, creation = fields.get(field), fields.get(CREATION)
        if own is None or creation is None:
            return own or creation
        return own if own.key >= creation.key else creation

    def key(self, stream: str, field: str) -> Key:
        """Return the key of the newest change of a field."""
        newest = self.newest(stream, field)
        return NO_KEY if newest is None else newest.key

    def changes(self, stream: str) -> Mapping[str, Change]:
        """Return the newest change of each field that a stream has changes of."""
        return self._fields.get(stream, {})

    def add(self, stream: str, field: str, change: Change) -> None:
        """Take note of a change."""
        fields = self._fields.setdefault(stream, {})
        earlier = fields.get(field)
        if earlier is None or change.key >= earlier.key:
            fields[field] = change
        if field == CREATION:
            self.add(stream, self._removed, replace(change, key=(CHANGED, *change.key[1:])))
