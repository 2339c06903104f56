"""A log folded: stream -> (state, version), in order of creation. One fold serves writing and reading."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Generic, Protocol

from .decider import C, Decider, E, S
from .events import Commit, EventOutline, Outline, UnknownEvent
from .struct import Struct

WAITING = 10_000
"""How many events may wait for the entities of a snapshot to be asked for, before all of them are loaded."""


class Entity(Struct, Generic[S], frozen=True, array_like=True, gc=False):
    """An aggregate as loaded: its stream's name, its folded state, its version (0: nothing recorded yet).

    `number` is its place, from 1, in the order of creation (0: nowhere).
    """

    stream: str
    state: S
    version: int
    number: int = 0


class Base(Protocol[S]):
    """The entities of a snapshot, which may be decoded only when they are asked for.

    `others` has the versions of the streams of other kinds.
    """

    @property
    def others(self) -> Mapping[str, int]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Entity[S]]:
        """All of them, in order of creation."""

    def numbered(self, number: int) -> Entity[S]:
        """The one with this number, which is at least 1 and at most their count."""

    def number_of(self, stream: str) -> int:
        """The number of a stream; 0 where there is none."""

    def starting(self, prefix: str) -> Sequence[int]:
        """The numbers of the streams whose names begin so."""


class Entities(Generic[S]):
    """A base in memory."""

    def __init__(self, entities: Iterable[Entity[S]], others: Mapping[str, int]) -> None:
        self._entities = list(entities)
        self._numbers = {entity.stream: entity.number for entity in self._entities}
        self.others = dict(others)

    def __len__(self) -> int:
        return len(self._entities)

    def __iter__(self) -> Iterator[Entity[S]]:
        return iter(self._entities)

    def numbered(self, number: int) -> Entity[S]:
        return self._entities[number - 1]

    def number_of(self, stream: str) -> int:
        return self._numbers.get(stream, 0)

    def starting(self, prefix: str) -> Sequence[int]:
        return [number for stream, number in self._numbers.items() if stream.startswith(prefix)]


def version_in(base: Base[Any], stream: str) -> int:
    """The version of a stream of any kind in a snapshot; 0 where it has no events."""
    number = base.number_of(stream)
    return base.numbered(number).version if number else base.others.get(stream, 0)


class _Live(Struct, Generic[S], gc=False):
    """An entity that moves on with its fold, as in `Entity`: to change it takes a third less than to make a new one."""

    state: S
    version: int
    number: int

    def entity(self, stream: str) -> Entity[S]:
        """What it is now."""
        return Entity(stream, self.state, self.version, self.number)


def _live(entity: Entity[S]) -> _Live[S]:
    return _Live(entity.state, entity.version, entity.number)


class Fold(Generic[S]):
    """Every entity of one kind in a log, after the event at `position`.

    It moves: `apply` takes it a commit on, `take_back` a commit back; `copy` where it must stay. On a base, what happened
    since is applied to an entity only when it is asked for. An event of unknown type counts in its stream's version and
    changes no state; of streams of other kinds only the versions are known.
    """

    def __init__(self, decider: Decider[S, Any, Any], base: Base[S] | None = None, position: int = 0) -> None:
        self.position = position
        self.others: dict[str, int] = dict(base.others) if base is not None else {}
        self._decider = decider
        self._evolve = decider.evolve
        self._prefix = decider.stream("")
        self._base: Base[S] = base if base is not None else Entities((), {})
        self._kept = len(self._base)
        self._changed: dict[str, _Live[S]] = {}
        self._new: list[str] = []
        self._waiting: dict[str, list[EventOutline]] = {}
        self._waits = 0

    # moving

    def apply(self, *commits: Outline) -> None:
        """Go on to the state after the next commits."""
        changed, evolve = self._changed, self._evolve
        for commit in commits:
            for event in commit.events:
                stream = event.stream
                live = changed.get(stream)
                if live is not None:  # as most are: `_go_on`, written out
                    data = event.data
                    if type(data) is not UnknownEvent:
                        live.state = evolve(live.state, data)
                    live.version = event.version
                elif not stream.startswith(self._prefix):
                    self.others[stream] = event.version
                elif event.version > 1 and self._kept:
                    self._waiting.setdefault(stream, []).append(event)
                    self._waits += 1
                    if self._waits > WAITING:
                        changed = self._changed = {entity.stream: _live(entity) for entity in self}
                        self._new, self._base, self._kept = list(changed), Entities((), {}), 0
                else:
                    self._new.append(stream)
                    changed[stream] = _Live(self._decider.initial, 0, len(self))
                    self._go_on(changed[stream], event)
        if commits:
            self.position = commits[-1].last

    def take_back(self, commit: Commit) -> None:
        """Go back to the state before the last commit; a stream that began in it is gone."""
        decider = self._decider
        for event in reversed(commit.events):
            self.position = event.position - 1
            stream = event.stream
            if not stream.startswith(self._prefix):
                self.others[stream] = event.version - 1
                if event.version == 1:
                    del self.others[stream]
                continue
            live = self._moving(stream)
            if event.version == 1:
                del self._changed[stream]
                if self._new:
                    self._new.pop()
                else:
                    self._kept -= 1
                continue
            if type(event.data) is not UnknownEvent:
                live.state = decider.evolve(live.state, decider.invert(event.data))
            live.version = event.version - 1

    def load(self) -> None:
        """Settle everything at once: dearer than to look for a few entities, cheaper than to look for each."""
        self._base = Entities(self, {})
        self._kept = len(self._base)
        self._changed, self._new = {}, []

    def copy(self) -> "Fold[S]":
        """Another fold in the same place."""
        twin = Fold(self._decider, self._base, self.position)
        twin.others = dict(self.others)
        twin._kept = self._kept
        twin._changed = {stream: _Live(live.state, live.version, live.number) for stream, live in self._changed.items()}
        twin._new = list(self._new)
        twin._waiting = {stream: list(events) for stream, events in self._waiting.items()}
        twin._waits = self._waits
        return twin

    def _go_on(self, live: _Live[S], event: EventOutline) -> None:
        if type(event.data) is not UnknownEvent:
            live.state = self._evolve(live.state, event.data)
        live.version = event.version

    def _moving(self, stream: str) -> _Live[S]:
        """The entity of a stream that has events, to be changed."""
        live = self._changed.get(stream)
        if live is None:
            live = self._changed[stream] = _live(self[stream])
        return live

    def _settled(self, entity: Entity[S]) -> Entity[S]:
        """An entity of the base as it is now."""
        live = self._changed.get(entity.stream)
        if live is None:
            events = self._waiting.pop(entity.stream, None)
            if events is None:
                return entity
            self._waits -= len(events)
            live = self._changed[entity.stream] = _live(entity)
            for event in events:
                self._go_on(live, event)
        return live.entity(entity.stream)

    # looking

    def __len__(self) -> int:
        return self._kept + len(self._new)

    def __iter__(self) -> Iterator[Entity[S]]:
        """The entities, in order of creation."""
        old: Iterable[Entity[S]] = islice(self._base, self._kept)
        waiting, changed = self._waiting, self._changed
        if waiting or len(changed) > len(self._new):
            old = [self._settled(each) if each.stream in waiting or each.stream in changed else each for each in old]
        return chain(old, (changed[stream].entity(stream) for stream in self._new))

    def get(self, stream: str) -> Entity[S] | None:
        """The entity of a stream, or None where it has no events."""
        live = self._changed.get(stream)
        if live is not None:
            return live.entity(stream)
        if not self._kept:
            return None
        number = self._base.number_of(stream)
        return self._settled(self._base.numbered(number)) if 0 < number <= self._kept else None

    def __getitem__(self, stream: str) -> Entity[S]:
        entity = self.get(stream)
        if entity is None:
            raise KeyError(stream)
        return entity

    def numbered(self, number: int) -> Entity[S] | None:
        """The entity with a number, or None where there is none yet."""
        if not 1 <= number <= len(self):
            return None
        if number > self._kept:
            return self[self._new[number - self._kept - 1]]
        return self._settled(self._base.numbered(number))

    def starting(self, prefix: str) -> list[Entity[S]]:
        """The entities whose streams' names begin so, in order of creation."""
        old = [self._settled(self._base.numbered(number)) for number in self._base.starting(prefix) if number <= self._kept]
        return old + [self[stream] for stream in self._new if stream.startswith(prefix)]

    def version_of(self, stream: str) -> int:
        """The version of a stream of any kind; 0 where it has no events."""
        live = self._changed.get(stream)
        if live is not None:
            return live.version
        if not stream.startswith(self._prefix):
            return self.others.get(stream, 0)
        entity = self.get(stream)
        return 0 if entity is None else entity.version

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fold) or (self.position, self.others) != (other.position, other.others):
            return False
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it moves


def fold_of(decider: Decider[S, C, E], commits: Iterable[Outline]) -> Fold[S]:
    """The fold of a log's commits, from the first on."""
    fold = Fold(decider)
    for commit in commits:
        fold.apply(commit)
    return fold
