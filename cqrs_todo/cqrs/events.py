"""Events as they are recorded: metadata, commits, and the types of events by their names in the log."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from .struct import Struct

LOST = "lost"
"""The type of the events that a repair writes in place of lost ones, so that later events keep their positions."""

REPAIRED = "repaired"
"""The type of the event with which a repair ends a log. It says what was lost and what could not be proven."""

FORGOTTEN = "forgotten"
"""The type of the events that take the place of those whose data were removed from a log on purpose."""

MERGED = "merged"
"""The type of the events that keep a change which lost against a newer one when two histories of a log were merged."""

FRAMEWORK_TYPES = frozenset({LOST, REPAIRED, FORGOTTEN, MERGED})
"""The types of the framework's own events. They change no state, and may be in any stream."""

CAUSATION = "causation"
"""The key in a commit's `meta` for the id of the event that caused its command."""
CORRELATION = "correlation"
"""The key in a commit's `meta` for an id that everything shares which one command led to, at first or at last."""
EXTRA = "extra"
"""The key in a commit's `meta` for the places, from 1, of the events that a merge added to make the others possible."""


class UnknownEvent(Struct, frozen=True):
    """An event whose type this code does not know: its type, and its data as JSON bytes."""

    type: str
    data: bytes


class Metadata(Struct, frozen=True, gc=False):
    """What the events of one commit share.

    Attributes:
        at: The wall time of recording, aware, as the clock gave it.
        by: The author.
        command: The id of the command, which makes it harmless to send a commit again.
        meta: Anything else, as JSON values.
    """

    at: datetime
    by: str
    command: str
    meta: Mapping[str, Any]

    @classmethod
    def new(cls, by: str, **meta: Any) -> "Metadata":
        """Make the metadata of a new command: with a new random id, and the present time.

        Args:
            by: The author.
            meta: Anything else, as JSON values.
        """
        from .ids import new_command_id, now

        return cls(now(), by, new_command_id(), meta)

    @property
    def causation(self) -> str:
        """The id of the event that caused the command; '' if none is recorded."""
        return self._text(CAUSATION)

    @property
    def correlation(self) -> str:
        """What everything shares that one command led to; '' if none is recorded."""
        return self._text(CORRELATION)

    def _text(self, key: str) -> str:
        value = self.meta.get(key)
        return value if isinstance(value, str) else ""

    def ordinals(self, count: int) -> Sequence[int]:
        """Return the ordinals of the events of a commit: the numbers by which they are identified.

        The events that the command asked for count 1, 2 and so on. Those that a merge added count -1, -2 and so on, so that
        the others keep their ordinals.

        Args:
            count: The number of events.
        """
        places = self.meta.get(EXTRA)
        if not isinstance(places, list):
            return range(1, count + 1)
        places = {place for place in places if type(place) in (int, float)}  # True is 1 in Python, and not in JSON
        ordinals: list[int] = []
        asked = added = 0
        for place in range(1, count + 1):
            if place in places:
                added += 1
                ordinals.append(-added)
            else:
                asked += 1
                ordinals.append(asked)
        return ordinals


class Recorded(Struct, frozen=True, gc=False):
    """One event as it is recorded in a log.

    Attributes:
        position: Its number in the log, from 1, without gaps.
        stream: The name of its stream.
        version: Its number in the stream, from 1, without gaps.
        type: Its stable type string.
        data: The event itself, or an `UnknownEvent`.
        metadata: The metadata of its commit.
        ordinal: Its number in its commit; see `Metadata.ordinals`.
        tags: What it is about besides its stream, such as `course/c1`, sorted.
    """

    position: int
    stream: str
    version: int
    type: str
    data: Any
    metadata: Metadata
    ordinal: int = 1
    tags: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of this event. A consumer that may be given an event twice recognises it by its id.

        It never changes. It does not contain the position, because a merge of two histories of a log moves events.
        """
        return f"{self.metadata.command}/{self.ordinal}"


class Commit(Struct, frozen=True, gc=False):
    """What one append wrote: one or more events, all or nothing.

    Attributes:
        events: The events, at least one.
        metadata: What they share.
        sum: The digest of the commit's line, which covers all that comes before it too; '' in stores without a hash chain.
    """

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


class BatchEvent(Protocol):
    """What a fold needs of an event. The properties mean the same as the attributes of `Recorded`."""

    @property
    def stream(self) -> str:
        """The name of its stream."""

    @property
    def version(self) -> int:
        """Its number in the stream."""

    @property
    def data(self) -> Any:
        """The event itself, or an `UnknownEvent`."""


class EventBatch(Protocol):
    """What a fold needs of a commit. A store may be able to read this faster than complete commits."""

    @property
    def position(self) -> int:
        """The position of its first event."""

    @property
    def last(self) -> int:
        """The position of its last event."""

    @property
    def at(self) -> datetime:
        """The wall time of recording."""

    @property
    def events(self) -> Sequence[BatchEvent]:
        """The events."""


class Upcaster(Struct, frozen=True):
    """How an event of an older type becomes one of a newer type. The log stays as it is.

    Several upcasters can form a chain. (The idea is Axon's.)

    Attributes:
        type: The newer type string.
        upcast: Makes the data of the newer type from those of the older one, both as JSON values by field. It must not
            change what it is given.
    """

    type: str
    upcast: Callable[[Mapping[str, Any]], Mapping[str, Any]]


class EventTypes:
    """The events of an application by their stable type strings, which are what a log stores.

    A type string names one schema. When the data of an event change, the new ones get a new type string (`deposited`, then
    `deposited/2`), and an upcaster says what the older ones become. To remove a type, leave it out: its events are then read
    as `UnknownEvent`, which counts in its stream's version and changes no state.

    Attributes:
        types: The event classes by their type strings.
        newest: The type string that each older one becomes in the end.
    """

    def __init__(
        self,
        types: Mapping[str, type],
        upcasters: Mapping[str, Upcaster] | None = None,
        tags: Callable[[Any], Iterable[str]] | None = None,
    ) -> None:
        """Register events.

        Args:
            types: The event classes by their type strings.
            upcasters: An upcaster for each older type string.
            tags: Returns the tags with which an event is recorded. None: events have no tags.

        Raises:
            ValueError: A class has two type strings, a type string is one of the framework's own, or an upcaster does not
                lead to a registered type.
        """
        self.types = dict(types)
        if own := FRAMEWORK_TYPES & self.types.keys():
            raise ValueError(f"{min(own)!r} is the type of an event of the framework itself")
        self._tags = tags
        self._names = {cls: name for name, cls in types.items()}
        if len(self._names) != len(self.types):
            raise ValueError("an event class has two type strings")
        self._upcasters = dict(upcasters or {})
        self.newest = {older: self._end_of(older) for older in self._upcasters}

    def _end_of(self, older: str) -> str:
        seen = {older}
        if older in self.types:
            raise ValueError(f"{older!r} is a registered type, so it cannot have an upcaster")
        type = self._upcasters[older].type
        while type not in self.types:
            if type in seen or type not in self._upcasters:
                raise ValueError(f"the upcasters of {older!r} lead to {type!r}, which is not a registered type")
            seen.add(type)
            type = self._upcasters[type].type
        return type

    def upcast(self, older: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make data of the newest type from those of an older one, both as JSON values by field.

        Raises:
            Exception: Whatever an upcaster raises.
        """
        type = older
        while type not in self.types:
            upcaster = self._upcasters[type]
            type, data = upcaster.type, upcaster.upcast(data)
        return data

    def read_as(self, types: Iterable[str]) -> frozenset[str]:
        """Return the type strings of all events that are read as events of some types: these types, and older ones."""
        wanted = frozenset(types)
        return wanted | {older for older, newest in self.newest.items() if newest in wanted}

    def tags_of(self, event: object) -> tuple[str, ...]:
        """Return the tags of an event, sorted, each once."""
        return () if self._tags is None else tuple(sorted(set(self._tags(event))))

    def name_of(self, event: object) -> str:
        """Return the type string of an event.

        Raises:
            TypeError: The event is not registered, or is an `UnknownEvent`.
        """
        try:
            return self._names[type(event)]
        except KeyError:
            raise TypeError(f"{type(event).__name__} is not a registered event") from None
