"""Events as they are recorded: metadata, commits, and the types of events by their names in the log."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from .struct import Struct

LOST = "lost"
"""The type of the events that a repair puts where damaged ones were, so that those after them keep their places."""


REPAIRED = "repaired"
"""The type of the event with which a repair ends a log: it says what was lost and what could not be proven."""


class UnknownEvent(Struct, frozen=True):
    """The read-only raw view of an event whose type this code does not know: its type and its data as JSON bytes."""

    type: str
    data: bytes


class Metadata(Struct, frozen=True, gc=False):
    """What the events of one commit share.

    `at` is the wall time of recording, aware, as it was read; `by` the author; `command` the id that makes sending a
    commit again harmless; `meta` anything else, as JSON values.
    """

    at: datetime
    by: str
    command: str
    meta: Mapping[str, Any]


class Recorded(Struct, frozen=True, gc=False):
    """One event as it stands in a log.

    `position` counts the log's events from 1 without gaps, `version` the stream's; `type` is the event's stable type
    string and `data` the event itself, or an `UnknownEvent`.
    """

    position: int
    stream: str
    version: int
    type: str
    data: Any
    metadata: Metadata

    @property
    def id(self) -> str:
        """The id of this event, which never changes. A consumer that may be given an event twice recognises it by its id."""
        return f"{self.metadata.command}/{self.position}"


class Commit(Struct, frozen=True, gc=False):
    """What one append wrote: one or more events, all or nothing; `sum` chains it to all before it ('' where unkept)."""

    events: tuple[Recorded, ...]
    metadata: Metadata
    sum: str = ""

    @property
    def position(self) -> int:
        """The position of its first event."""
        return self.events[0].position

    @property
    def last(self) -> int:
        """The position of its last event."""
        return self.events[-1].position

    @property
    def at(self) -> datetime:
        """The wall time of recording."""
        return self.metadata.at


class EventOutline(Protocol):
    """What a fold needs of an event; as in `Recorded`."""

    @property
    def stream(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def data(self) -> Any: ...


class Outline(Protocol):
    """What a fold needs of a commit, as in `Commit`. A store may be able to give this faster than whole commits."""

    @property
    def position(self) -> int: ...

    @property
    def last(self) -> int: ...

    @property
    def at(self) -> datetime: ...

    @property
    def events(self) -> Sequence[EventOutline]: ...


class Upcaster(Struct, frozen=True):
    """How an event written long ago becomes the next newer one: that one's type string, and its data made from the old.

    Data are JSON values by field; `upcast` must not change what it is given. The log stays as it is. (Upcasters, and that
    they form a chain, are Axon's.)
    """

    type: str
    upcast: Callable[[Mapping[str, Any]], Mapping[str, Any]]


class EventTypes:
    """The events of an application by their stable type strings, which are what a log stores.

    A type string names one schema: when the data of an event change, the new ones stand under a new string (`deposited`,
    then `deposited/2`), and `upcasters` says for each older one what it becomes. A type that is no longer here is read as
    an `UnknownEvent`, which counts in its stream's version and changes no state: so a type is removed by leaving it out.
    Raises `ValueError` when one class stands under two type strings, and for upcasters that lead to no known type.
    """

    def __init__(self, types: Mapping[str, type], upcasters: Mapping[str, Upcaster] | None = None) -> None:
        self.types = dict(types)
        self._names = {cls: name for name, cls in types.items()}
        if len(self._names) != len(self.types):
            raise ValueError("an event class stands under two type strings")
        self._upcasters = dict(upcasters or {})
        self.newest = {older: self._end_of(older) for older in self._upcasters}
        """The type string that each older one becomes in the end."""

    def _end_of(self, older: str) -> str:
        seen = {older}
        if older in self.types:
            raise ValueError(f"{older!r} is a type that is in use, and has an upcaster")
        type = self._upcasters[older].type
        while type not in self.types:
            if type in seen or type not in self._upcasters:
                raise ValueError(f"the upcasters of {older!r} lead to {type!r}, which is no type")
            seen.add(type)
            type = self._upcasters[type].type
        return type

    def upcast(self, older: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The data of an older type, as JSON values, as those of the newest; raises what the upcasters raise."""
        type = older
        while type not in self.types:
            upcaster = self._upcasters[type]
            type, data = upcaster.type, upcaster.upcast(data)
        return data

    def name_of(self, event: object) -> str:
        """The type string of an event; raises `TypeError` for one that is not registered or is unknown."""
        try:
            return self._names[type(event)]
        except KeyError:
            raise TypeError(f"{type(event).__name__} is not a registered event") from None
