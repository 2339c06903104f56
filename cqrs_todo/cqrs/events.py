"""Events as they are recorded: metadata, commits, and the types of events by their names in the log."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

from .errors import UNKNOWN_TYPE_REMEDY, UnknownEvents, UnreadableEvent
from .names import check_recorded_name, check_several, check_type
from .struct import Struct

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    D = TypeVar("D", default=Any, covariant=True)
else:
    from typing import TypeVar

    D = TypeVar("D", covariant=True)

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
"""The key in a commit's `meta` for the id of the command at the start of a chain of commands."""
STAMP = "stamp"
"""The key in a commit's `meta` for its stamp, if a merge has moved it. Of two changes of a field, the later stamp wins."""
MADE = "made"
"""The key in a commit's `meta` for its original time, if a merge has moved it."""
FROM = "from"
"""The key in a commit's `meta` for its original position, if a merge has moved it."""
RESTORES = "restores"
"""The key in a commit's `meta` for the position whose state it restores. It is only displayed."""
EXTRA = "extra"
"""The key in a commit's `meta` for the places, from 1, of the events that a merge added to make the others possible."""
UNDOES = "undoes"
REDOES = "redoes"
"""The keys in a commit's `meta` for the command ids of the commits that it undoes or redoes."""
BATCH = "batch"
"""The key in a commit's `meta` for the batch that it is part of: the `id` of the batch, and the commit's `part`, from 1.

A commit that undoes or redoes a part of a batch has the same id and part.
"""

Moment: TypeAlias = datetime | int
"""A point in the history of a log.

An aware time means: after the last commit that was recorded at or before it. A position means: after the commit that holds
the event at that position; 0 is before the first commit.
"""
CREATION = "the time of a log's creation"
"""What `check_aware` calls it."""


def check_aware(what: str, time: datetime) -> None:
    """Check that a time says which moment it means.

    Args:
        what: What it is, as the beginning of a sentence.
        time: The time.

    Raises:
        ValueError: It is naive.
    """
    if time.utcoffset() is None:
        raise ValueError(f"{what} has no time zone: use an aware time, such as datetime.now(UTC)")


PositionOf: TypeAlias = Callable[[str], int | None]
"""Returns the position of the commit with a command id; None if there is none."""


class UnknownEvent(Struct, frozen=True):
    """An event that this code does not know.

    Attributes:
        type: Its type string.
        data: Its data as JSON bytes.
        misfit: Why the data do not fit the type. It is empty if the type is unknown.
        failure: The error that reading the event raises, if the application's code for it failed. Only a fold meets such an
            event. Everyone else who would read it gets the error.
    """

    type: str
    data: bytes
    misfit: str = ""
    failure: UnreadableEvent | None = None


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
    def new(cls, by: str, *, command: str | None = None, **meta: Any) -> "Metadata":
        """Make the metadata of a new command, with the present time.

        Args:
            by: The author.
            command: The id of the command. None: a new random one.
            meta: Anything else, as JSON values. docs/log-format.md lists the names that have a meaning. What they hold stays
                when a stream is forgotten. So an append refuses other values under these names (see
                `forgetting.KEPT_MEMBERS`). It cannot tell an id from a text, so give a text of your own another name.

        Raises:
            TypeError: `meta` has a member `at`, which would not be the time of the commit.
        """
        from .ids import new_command_id, now

        if "at" in meta:
            raise TypeError("`Metadata.new` takes the present time: for another, write `Metadata(at, by, command, meta)`")
        return cls(now(), by, new_command_id() if command is None else command, meta)

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


def unknown_events(event: "Recorded[Any]", count: int = 1, result: str = "nothing was recorded") -> UnknownEvents:
    """Return the error for events of a stream that this program does not know.

    Args:
        event: The first of them. Its data is an `UnknownEvent`.
        count: How many there are.
        result: What that leads to, as the end of a sentence; '' if the text need not say it.
    """
    remedy, misfit = UNKNOWN_TYPE_REMEDY, bool(event.data.misfit)
    if misfit:
        registers = f"register what you have now as another type, with an upcaster for {event.type} that accepts both forms"
        remedy = f"the data do not fit {event.type}: update the program, or {registers}"
    return UnknownEvents(event.stream, count, event.unknown, result, remedy, misfit=misfit)


def marked(metadata: Metadata, key: str) -> tuple[str, ...]:
    """Return the command ids of the commits that a commit undoes (`UNDOES`) or redoes (`REDOES`), in that order."""
    commands = metadata.meta.get(key)
    return tuple(commands) if isinstance(commands, list) and all(isinstance(each, str) for each in commands) else ()


class Recorded(Struct, Generic[D], frozen=True, gc=False):
    """One event as it is recorded in a log.

    Its parameter is the type of its data, so that a type checker can check that a reaction handles every event.

    Attributes:
        position: Its number in the log, from 1, without gaps.
        stream: The name of its stream.
        version: Its number in the stream, from 1, without gaps.
        type: Its stable type string.
        data: The event itself, or an `UnknownEvent`.
        metadata: The metadata of its commit.
        ordinal: Its number in its commit; see `Metadata.ordinals`.
        tags: What it is about besides its stream, such as `course/c1`, sorted.
        part: Its number, from 0, among the events that a `Splitter` made of one event, which have the same position.
    """

    position: int
    stream: str
    version: int
    type: str
    data: D
    metadata: Metadata
    ordinal: int = 1
    tags: tuple[str, ...] = ()
    part: int = 0

    @property
    def id(self) -> str:
        """The id of this event. A consumer that may be given an event twice recognises it by its id.

        It never changes. It does not contain the position, because a merge of two histories of a log moves events.
        """
        return f"{self.recorded_id}.{self.part}" if self.part else self.recorded_id

    @property
    def recorded_id(self) -> str:
        """The id of the event as it is recorded, which the events that a `Splitter` made of it have in common."""
        return f"{self.metadata.command}/{self.ordinal}"

    @property
    def unknown(self) -> str:
        """What is wrong with it, in words, if this program does not know it: its position, its type, and why. Otherwise ''.

        The framework's own events count as known.
        """
        if not isinstance(self.data, UnknownEvent) or self.type in FRAMEWORK_TYPES:
            return ""
        return f"@{self.position}, {self.type}: {self.data.misfit or 'its type is unknown'}"

    @property
    def created(self) -> bool:
        """Whether it is the first event of its stream."""
        return self.version == 1 and not self.part


def failure_of(event: Recorded) -> UnreadableEvent | None:
    """Return the error that reading an event raises, if the application's code for it failed."""
    return event.data.failure if type(event.data) is UnknownEvent else None


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


class Splitter(Struct, frozen=True):
    """How an event of an older type becomes several events of newer types. The log stays as it is.

    Attributes:
        types: The newer type strings that it can lead to.
        split: Makes the newer events, at least one, from the data of the older one: the type string and the data of each, as
            JSON values by field. It must not change what it is given.
    """

    types: tuple[str, ...]
    split: Callable[[Mapping[str, Any]], Sequence[tuple[str, Mapping[str, Any]]]]


class EventTypes:
    """The events of an application by their stable type strings, which are what a log stores.

    A type string names one schema. When the data of an event change, the new ones get a new type string (`deposited`, then
    `deposited/2`), and an upcaster says what the older ones become. An event of a type that is left out is read as
    `UnknownEvent`. To remove a type from a decider, leave it out and name it in `Decider.ignores`. Decision models,
    reactions and projections cannot ignore a type that their queries select. If a query selects it by a kind or a tag, name
    the remaining types in the query, or keep the class.

    Attributes:
        types: The event classes by their type strings.
        newest: The type strings that each older one can become in the end.
        splits: Whether an older event can become several events.
    """

    def __init__(
        self,
        types: Mapping[str, type],
        upcasters: Mapping[str, Upcaster | Splitter] | None = None,
        tags: Callable[[Any], Iterable[str]] | None = None,
    ) -> None:
        """Register events.

        Args:
            types: The event classes by their type strings.
            upcasters: An upcaster or a splitter for each older type string.
            tags: Returns the tags with which an event is recorded. An event keeps them: a tag that is added later is only on
                new events. None: events have no tags.

        Raises:
            ValueError: A class has two type strings, a type string is empty or one of the framework's own, or an upcaster
                does not lead to a registered type.
        """
        self.types = dict(types)
        for type in self.types:
            check_recorded_name("a type string", type)
        if own := FRAMEWORK_TYPES & self.types.keys():
            raise ValueError(f"{min(own)!r} is the type of an event of the framework itself")
        self._tags = tags
        self._names = {cls: name for name, cls in types.items()}
        if len(self._names) != len(self.types):
            raise ValueError("an event class has two type strings")
        self._upcasters = dict(upcasters or {})
        self.splits = any(isinstance(each, Splitter) for each in self._upcasters.values())
        self.newest = {older: self._ends_of(older, ()) for older in self._upcasters}

    def _ends_of(self, older: str, before: tuple[str, ...]) -> frozenset[str]:
        """Return the registered types that an older one leads to.

        Args:
            older: The older type string.
            before: The type strings that led to it.
        """
        if older in self.types:
            if not before:
                raise ValueError(f"{older!r} is a registered type, so it cannot have an upcaster")
            return frozenset({older})
        if older in before or older not in self._upcasters:
            raise ValueError(f"the upcasters of {before[0]!r} lead to {older!r}, which is not a registered type")
        upcaster = self._upcasters[older]
        types = upcaster.types if isinstance(upcaster, Splitter) else (upcaster.type,)
        return frozenset().union(*(self._ends_of(type, (*before, older)) for type in types))

    def upcast(self, older: str, data: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Make events of the newest types from one of an older type.

        Args:
            older: The type string.
            data: The data, as JSON values by field.

        Returns:
            The type string and the data of each event, at least one.

        Raises:
            ValueError: A splitter made no event, or one of a type that it does not name.
            Exception: Whatever an upcaster raises.
        """
        if older in self.types:
            return [(older, data)]
        upcaster = self._upcasters[older]
        if not isinstance(upcaster, Splitter):
            return self.upcast(upcaster.type, upcaster.upcast(data))
        made = list(upcaster.split(data))
        if not made or any(type not in upcaster.types for type, _ in made):
            raise ValueError(f"its splitter made {[type for type, _ in made]}, and names {list(upcaster.types)}")
        return [event for type, each in made for event in self.upcast(type, each)]

    def read_as(self, types: Iterable[str]) -> frozenset[str]:
        """Return the type strings of all events that are read as events of some types: these types, and older ones.

        Args:
            types: The type strings.

        Raises:
            ValueError: One of them is an older type, whose events are read as those of a newer one, or is neither registered
                nor one of the framework's own. Nothing would be found.
        """
        wanted = frozenset(types)
        for older in wanted & self.newest.keys():
            raise ValueError(f"{older!r} is an older type: name what it has become: {', '.join(sorted(self.newest[older]))}")
        for unknown in sorted(wanted - self.types.keys() - FRAMEWORK_TYPES):
            raise ValueError(f"{unknown!r} is not a registered type, so a query for it would find nothing")
        return wanted | {older for older, newest in self.newest.items() if newest & wanted}

    def tags_of(self, event: object) -> tuple[str, ...]:
        """Return the tags of an event, sorted, each once.

        Args:
            event: The event, of a registered class.

        Raises:
            TypeError: The function that gives them has returned something else than several texts.
        """
        if self._tags is None:
            return ()
        tags, what = self._tags(event), f"the return value of `tags` for {type(event).__name__}"
        check_several(what, tags)
        for tag in tags:
            check_type(f"a tag in {what}", tag, str)
        return tuple(sorted(set(tags)))

    def name_of(self, event: object) -> str:
        """Return the type string of an event.

        Args:
            event: The event, of a registered class.

        Raises:
            TypeError: The event is not registered, or is an `UnknownEvent`.
        """
        try:
            return self._names[type(event)]
        except KeyError:
            raise TypeError(
                f"{type(event).__name__} is not a registered event: give it a type string in `EventTypes`"
            ) from None
