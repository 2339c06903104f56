"""The fold of a log: the state and the version of each entity, in order of creation. It serves reading and writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, Protocol

from .decider import Decider, S
from .errors import IncompleteStream, UnreadableEvent
from .events import FRAMEWORK_TYPES, LOST, Commit, UnknownEvent
from .struct import Struct

if TYPE_CHECKING:
    from .protocols import BatchEvent, EventBatch

WAITING = 10_000
"""How many events are kept for entities that no one has asked for yet. With more, the whole snapshot is decoded."""


class Entity(Struct, Generic[S], frozen=True, array_like=True, gc=False):
    """An aggregate as it was loaded.

    Attributes:
        stream: The name of its stream.
        state: Its folded state.
        version: The version of its stream; 0 if nothing is recorded yet.
        number: Its number in the order of creation, from 1; 0 if nothing is recorded yet.
    """

    stream: str
    state: S
    version: int
    number: int = 0


if TYPE_CHECKING:  # a protocol is slow to make

    class Base(Protocol[S]):
        """The entities of a snapshot, which may be decoded only when they are asked for. A base never changes."""

        @property
        def others(self) -> Mapping[str, int]:
            """The versions of the streams of other kinds."""

        def __len__(self) -> int:
            """Return the number of entities."""

        def __iter__(self) -> Iterator[Entity[S]]:
            """Iterate over the entities in order of creation."""

        def numbered(self, number: int) -> Entity[S]:
            """Return the entity with a number, which is at least 1 and at most their count."""

        def number_of(self, stream: str) -> int:
            """Return the number of the entity with this stream; 0 if there is none."""

        def starting(self, prefix: str) -> Sequence[int]:
            """Return the numbers of the entities whose streams' names begin with a prefix."""

        def mentioning(self, text: str) -> Iterable[Entity[S]]:
            """Return the entities whose states have a text as a value, and perhaps others."""

        def version_of(self, stream: str) -> int:
            """Return the version of a stream of any kind; 0 if it has no events."""


class Entities(Generic[S]):
    """A base in memory."""

    def __init__(self, entities: Iterable[Entity[S]], others: Mapping[str, int]) -> None:
        """Keep entities.

        Args:
            entities: The entities, in order of creation.
            others: The versions of the streams of other kinds.
        """
        self._entities = list(entities)
        self._numbers = {entity.stream: entity.number for entity in self._entities}
        self.others = dict(others)

    def __len__(self) -> int:
        """Return the number of entities."""
        return len(self._entities)

    def __iter__(self) -> Iterator[Entity[S]]:
        """Iterate over the entities in order of creation."""
        return iter(self._entities)

    def numbered(self, number: int) -> Entity[S]:
        """Return the entity with a number; see `Base`."""
        return self._entities[number - 1]

    def number_of(self, stream: str) -> int:
        """Return the number of the entity with this stream; see `Base`."""
        return self._numbers.get(stream, 0)

    def starting(self, prefix: str) -> Sequence[int]:
        """Return the numbers of the entities whose streams' names begin with a prefix."""
        return [number for stream, number in self._numbers.items() if stream.startswith(prefix)]

    def mentioning(self, text: str) -> Iterable[Entity[S]]:  # whoever asks looks at them anyway
        """Return all entities; see `Base`."""
        return self._entities

    def version_of(self, stream: str) -> int:
        """Return the version of a stream of any kind; see `Base`."""
        number = self.number_of(stream)
        return self.numbered(number).version if number else self.others.get(stream, 0)


class _Live(Struct, Generic[S], gc=False):
    """An entity that the fold changes in place. That is faster than to make a new `Entity` for each event."""

    state: S
    version: int
    number: int

    def entity(self, stream: str) -> Entity[S]:
        """Return the entity as it is now."""
        return Entity(stream, self.state, self.version, self.number)


def _live(entity: Entity[S]) -> _Live[S]:
    return _Live(entity.state, entity.version, entity.number)


class Reads:
    """What was read of a fold.

    Attributes:
        streams: The streams that were asked for.
        everything: Whether what was read depends on all streams, for example on how many there are.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.streams: set[str] = set()
        self.everything = False


class Fold(Generic[S]):
    """Every entity of one kind in a log, after the event at `position`.

    A fold changes: `apply` moves it forward by a commit, `undo` moves it back by one. Make a `copy` of a fold that must stay
    as it is. If the fold begins at a snapshot, later events are applied to an entity of the snapshot only when someone asks
    for that entity. An event of unknown type counts in its stream's version and changes no state. Of streams of other kinds
    only the versions are known.

    `unknown` counts the unknown events that the decider does not ignore. Nothing is decided on their streams. If the
    application's code for an event failed, whoever asks for the entity of its stream gets that error.

    Attributes:
        position: The position of the last event in the fold.
        others: The versions of the streams of other kinds.
        unknown: How many unknown events streams have, without those that the decider ignores.
        unreadable: The first error of each stream with events that cannot be read or applied. Those that cannot be read also
            count as unknown.
        ignored: Whether there was an event that the decider ignores.
        reads: Collects what is read, if someone wants to know it.
    """

    def __init__(self, decider: Decider[S, Any, Any], base: Base[S] | None = None, position: int = 0) -> None:
        """Begin at the start of a log, or at a snapshot.

        Args:
            decider: The domain.
            base: The entities of the snapshot. None begins at the start of the log.
            position: The position of the last event in the snapshot.
        """
        self.position = position
        self.reads: Reads | None = None
        self.others: dict[str, int] = dict(base.others) if base is not None else {}
        self.unknown: dict[str, int] = {}  # no snapshot is taken of a fold with unknown events
        self.unreadable: dict[str, UnreadableEvent | IncompleteStream] = {}
        self.ignored = False
        self._decider = decider
        self._evolve = decider.evolve
        self._prefix = decider.stream("")
        self._base: Base[S] = base if base is not None else Entities((), {})
        self._kept = len(self._base)
        self._changed: dict[str, _Live[S]] = {}
        self._new: list[str] = []
        self._waiting: dict[str, list[BatchEvent]] = {}
        self._waits = 0
        # by the streams, the first event that should have changed the state, and did not
        self._missing: dict[str, UnknownEvent] = {}

    def depend_on_everything(self) -> None:
        """Let the commit that is being planned depend on everything in the log, not only on what was asked of this fold.

        A plan calls this if it also reads commits, or the attributes of this fold.
        """
        if self.reads is not None:
            self.reads.everything = True

    # moving

    def apply(self, *commits: EventBatch) -> None:
        """Move forward to the state after the next commits.

        Args:
            commits: The commits that follow the position of the fold, oldest first.
        """
        changed, evolve = self._changed, self._evolve
        for commit in commits:
            for event in commit.events:
                stream = event.stream
                live = changed.get(stream)
                if live is not None:  # this is `_advance`, written out because most events come here
                    data = event.data
                    if type(data) is not UnknownEvent:
                        try:
                            live.state = evolve(live.state, data)
                        except Exception as error:
                            self._set_incomplete(stream, event.version, error)
                    else:
                        self._count_unknown(stream, data, 1)
                    live.version = event.version
                    continue
                if not stream.startswith(self._prefix):
                    self.others[stream] = event.version
                    continue
                if type(event.data) is UnknownEvent:
                    self._count_unknown(stream, event.data, 1)
                if event.version > 1 and self._kept:
                    self._waiting.setdefault(stream, []).append(event)
                    self._waits += 1
                    if self._waits > WAITING:
                        changed = self._changed = {entity.stream: _live(entity) for entity in self._all()}
                        self._new, self._base, self._kept = list(changed), Entities((), {}), 0
                        self._waiting, self._waits = {}, 0
                else:
                    self._new.append(stream)
                    changed[stream] = _Live(self._decider.initial, 0, len(self))
                    self._advance(changed[stream], event)
        if commits:
            self.position = commits[-1].last

    def undo(self, commit: Commit) -> None:
        """Move back to the state before the last commit. An entity that was created in it is gone afterwards.

        Args:
            commit: The commit at whose end the fold is.

        Raises:
            TypeError: The decider has no `invert`.
            UnreadableEvent: An event cannot be read, so it is not known what it did. The fold cannot be used any more.
            IncompleteStream: An event of a stream cannot be applied, with the same consequence.
        """
        invert = self._decider.inverse
        for event in reversed(commit.events):
            self.position = event.position - 1
            stream = event.stream
            if not stream.startswith(self._prefix):
                self.others[stream] = event.version - 1
                if event.created:
                    del self.others[stream]
                continue
            if self.unreadable:
                self._check_readable((stream,))
            live = self._changeable(stream)
            if type(event.data) is UnknownEvent:
                self._count_unknown(stream, event.data, -1)
            if event.created:
                del self._changed[stream]
                if self._new:
                    self._new.pop()
                else:
                    self._kept -= 1
                continue
            if type(event.data) is not UnknownEvent:
                self._evolve_live(live, stream, event.version, invert(event.data))
                if self.unreadable:
                    self._check_readable((stream,))
            live.version = event.version - 1

    def load(self) -> None:
        """Decode the whole snapshot at once, which is faster than to decode most of its entities one by one."""
        self._base = Entities(self, {})
        self._kept = len(self._base)
        self._changed, self._new = {}, []
        self._waiting, self._waits = {}, 0

    def copy(self) -> Fold[S]:
        """Return another fold of the same entities, which changes independently of this one."""
        self.depend_on_everything()
        twin = Fold(self._decider, self._base, self.position)
        twin.others, twin.unknown = dict(self.others), dict(self.unknown)
        twin.unreadable, twin.ignored = dict(self.unreadable), self.ignored
        twin._kept = self._kept
        twin._changed = {stream: _Live(live.state, live.version, live.number) for stream, live in self._changed.items()}
        twin._new = list(self._new)
        twin._waiting = {stream: list(events) for stream, events in self._waiting.items()}
        twin._waits, twin._missing = self._waits, dict(self._missing)
        return twin

    def _count_unknown(self, stream: str, event: UnknownEvent, change: int) -> None:
        """Count an unknown event of a stream, or discount it, unless the decider ignores it."""
        if event.type in self._decider.ignores:
            self.ignored = True
            return
        self._missing.setdefault(stream, event)
        if event.type in FRAMEWORK_TYPES:
            return
        if event.failure is not None:
            if change < 0:
                raise event.failure
            self.unreadable.setdefault(stream, event.failure)
        count = self.unknown.pop(stream, 0) + change
        if count:
            self.unknown[stream] = count

    def _set_incomplete(self, stream: str, version: int, error: Exception) -> None:
        """Note that an event cannot be applied, if its stream lacks an earlier one; otherwise raise the error."""
        missing = self._missing.get(stream)
        if missing is None:
            raise error
        if missing.type == LOST:
            why = "an event of it was lost"
        elif missing.misfit:
            why = f"the data of an event {missing.type!r} do not fit its type: {missing.misfit}"
        else:
            why = f"an event has the type {missing.type!r}, which this program does not know"
        self.unreadable.setdefault(stream, IncompleteStream(stream, why, version, error))

    def _evolve_live(self, live: _Live[S], stream: str, version: int, data: Any) -> None:
        try:
            live.state = self._evolve(live.state, data)
        except Exception as error:
            self._set_incomplete(stream, version, error)

    def _advance(self, live: _Live[S], event: BatchEvent) -> None:
        if type(event.data) is not UnknownEvent:
            self._evolve_live(live, event.stream, event.version, event.data)
        live.version = event.version

    def _changeable(self, stream: str) -> _Live[S]:
        """Return the entity of a stream that has events, with all of them applied, in order to change it."""
        live = self._changed.get(stream)
        if live is None:
            live = self._changed[stream] = _live(self[stream])
            self._waits -= len(self._waiting.pop(stream, ()))
        return live

    def _current(self, entity: Entity[S]) -> Entity[S]:
        """Return an entity of the base with the events applied that came after the snapshot."""
        live = self._changed.get(entity.stream)
        if live is None:
            events = self._waiting.get(entity.stream)
            if events is None:
                return entity
            live = _live(entity)
            for event in events:
                self._advance(live, event)
        return live.entity(entity.stream)

    # looking

    def __len__(self) -> int:
        """Return the number of entities."""
        if self.reads is not None:
            self.reads.everything = True
        return self._kept + len(self._new)

    def __iter__(self) -> Iterator[Entity[S]]:
        """Iterate over the entities in order of creation."""
        if self.reads is not None:
            self.reads.everything = True
        return self.unwatched()

    def unwatched(self) -> Iterator[Entity[S]]:
        """Iterate over the entities in order of creation, without letting the planned commit depend on them.

        A plan may look for something in this way if it then asks the fold for what it found.

        Raises:
            UnreadableEvent: An event cannot be read.
            IncompleteStream: An event cannot be applied, because an earlier one of its stream is unknown or lost.
        """
        entities = self._all()
        self._check_readable(self.unreadable)
        return entities

    def _check_readable(self, streams: Iterable[str]) -> None:
        """Raise the first error of some streams with events that cannot be read."""
        for stream in streams:
            failure = self.unreadable.get(stream)
            if failure is not None:
                raise failure

    def _all(self) -> Iterator[Entity[S]]:
        """Iterate over the entities, also over those with events that cannot be read."""
        old: Iterable[Entity[S]] = islice(self._base, self._kept)
        waiting, changed = self._waiting, self._changed
        if waiting or len(changed) > len(self._new):
            old = [self._current(each) if each.stream in waiting or each.stream in changed else each for each in old]
        return chain(old, (changed[stream].entity(stream) for stream in self._new))

    def mentioning(self, text: str) -> Iterator[Entity[S]]:
        """Iterate over the entities whose states have a text as a value, and perhaps over others, in any order.

        Of a snapshot, only those are decoded that hold the text. As with `unwatched`, the planned commit does not depend on
        them.

        Args:
            text: The text, such as the id of another entity.

        Raises:
            UnreadableEvent: An event cannot be read.
            IncompleteStream: An event cannot be applied, because an earlier one of its stream is unknown or lost.
        """
        self._check_readable(self.unreadable)
        later = self._waiting.keys() | self._changed.keys()
        for entity in self._base.mentioning(text):
            if entity.number <= self._kept and entity.stream not in later:
                yield entity
        for stream in later:
            live = self._changed.get(stream)
            if live is not None:
                yield live.entity(stream)
            else:
                entity = self._current(self._base.numbered(self._base.number_of(stream)))
                self._check_readable((stream,))
                yield entity

    def get(self, stream: str) -> Entity[S] | None:
        """Return the entity of a stream; None if the stream has no events.

        Args:
            stream: The name of the stream, as `Decider.stream` makes it of an id.

        Raises:
            ValueError: It is not a name of a stream, for example only an id.
            UnreadableEvent: An event of the stream cannot be read.
            IncompleteStream: An event cannot be applied, because an earlier one of the stream is unknown or lost.
        """
        if self.reads is not None:
            self.reads.streams.add(stream)
        if self.unreadable:
            self._check_readable((stream,))
        live = self._changed.get(stream)
        if live is not None:
            return live.entity(stream)
        number = self._base.number_of(stream) if self._kept else 0
        if 0 < number <= self._kept:
            entity = self._current(self._base.numbered(number))
            self._check_readable((stream,))
            return entity
        self._check_is_stream(stream)
        return None

    def _check_is_stream(self, stream: str) -> None:
        """Refuse an id where the name of a stream is wanted, because it would seem that there are no events."""
        if "/" not in stream:
            raise ValueError(
                f"{stream!a} is not a name of a stream: write {self._prefix + stream!a} (`Decider.stream` makes it)"
            )

    def __getitem__(self, stream: str) -> Entity[S]:
        """Return the entity of a stream.

        Raises:
            KeyError: The stream has no events.
            ValueError: It is not a name of a stream, for example only an id.
        """
        entity = self.get(stream)
        if entity is None:
            raise KeyError(stream)
        return entity

    def __contains__(self, stream: object) -> bool:
        """Return whether a stream has events, so that it has an entity."""
        return isinstance(stream, str) and self.get(stream) is not None

    def numbered(self, number: int) -> Entity[S] | None:
        """Return the entity with a number; None if there is none yet.

        Args:
            number: The number: 1 for the entity that was created first.
        """
        kept = self._kept
        if not 1 <= number <= kept + len(self._new):
            if self.reads is not None and number >= 1:  # it depends on there being so few
                self.reads.everything = True
            return None
        # an entity keeps its number, so that only its own stream matters
        return self[self._new[number - kept - 1] if number > kept else self._base.numbered(number).stream]

    def starting(self, prefix: str) -> list[Entity[S]]:
        """Return the entities whose streams' names begin with a prefix, in order of creation.

        Args:
            prefix: How the names begin, with the kind, such as `course/ab`.
        """
        if self.reads is not None:
            self.reads.everything = True
        old = [self._current(self._base.numbered(number)) for number in self._base.starting(prefix) if number <= self._kept]
        self._check_readable(stream for stream in self.unreadable if stream.startswith(prefix))
        return old + [self[stream] for stream in self._new if stream.startswith(prefix)]

    def version_of(self, stream: str) -> int:
        """Return the version of a stream of any kind; 0 if it has no events.

        Args:
            stream: The name of the stream, as `Decider.stream` makes it of an id.

        Raises:
            ValueError: It is not a name of a stream, for example only an id.
        """
        if self.reads is not None:
            self.reads.streams.add(stream)
        live = self._changed.get(stream)
        if live is not None:
            return live.version
        if not stream.startswith(self._prefix):
            self._check_is_stream(stream)
            return self.others.get(stream, 0)
        entity = self.get(stream)
        return 0 if entity is None else entity.version

    def __eq__(self, other: object) -> bool:
        """Compare the positions, the entities and the versions of other streams."""
        if not isinstance(other, Fold) or (self.position, self.others) != (other.position, other.others):
            return False
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes
