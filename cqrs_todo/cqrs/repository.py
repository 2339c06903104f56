"""Load, decide, append: the handling loop, with retry on conflict and snapshots.

One fold serves writing and reading: replaying a log gives stream -> (state, version) in order of creation. The loop is
Equinox's: decide; no events, return; append; on conflict reload and decide again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias

from .core import (
    Append,
    C,
    Commit,
    Decider,
    E,
    Expected,
    Log,
    Metadata,
    S,
    UnknownEvent,
    WrongExpectedVersion,
    check_precondition,
)
from .struct import Struct

RETRIES = 3
"""How often a conflicting append is decided anew before the conflict is the caller's."""


class Entity(Struct, Generic[S], frozen=True):
    """An aggregate as loaded: its stream's name, its folded state, its version (0: nothing recorded yet)."""

    stream: str
    state: S
    version: int


class Fold(Struct, Generic[S], frozen=True):
    """A whole log folded: every entity by its stream, in order of creation, after the event at `position`."""

    position: int
    entities: Mapping[str, Entity[S]]


Changes: TypeAlias = Mapping[str, Sequence[E]]
"""New events by stream: what one commit is to hold."""

Plan: TypeAlias = tuple[Changes[E], Metadata]
"""What a transaction is to record, and the metadata of its commit."""


def advance(decider: Decider[S, C, E], fold: Fold[S], commits: Iterable[Commit]) -> Fold[S]:
    """The fold after these commits, which must follow it without a gap.

    An event of unknown type counts in its stream's version and changes no state; streams of other kinds are passed over.
    """
    entities = dict(fold.entities)
    position = fold.position
    evolve, initial, prefix = decider.evolve, decider.initial, decider.stream("")
    for commit in commits:
        for event in commit.events:
            position = event.position
            stream = event.stream
            if not stream.startswith(prefix):
                continue
            entity = entities.get(stream)
            state = initial if entity is None else entity.state
            if not isinstance(event.data, UnknownEvent):
                state = evolve(state, event.data)
            entities[stream] = Entity(stream, state, event.version)
    return Fold(position, entities)


def decide_all(decider: Decider[S, C, E], fold: Fold[S], commands: Iterable[tuple[str, C]]) -> dict[str, list[E]]:
    """The events that the commands, each for a stream, give one after the other. Raises what `decide` raises."""
    states: dict[str, S] = {}
    changes: dict[str, list[E]] = {}
    for stream, command in commands:
        if stream not in states:
            entity = fold.entities.get(stream)
            states[stream] = decider.initial if entity is None else entity.state
        for event in decider.decide(command, states[stream]):
            states[stream] = decider.evolve(states[stream], event)
            changes.setdefault(stream, []).append(event)
    return changes


class SnapshotStrategy(Protocol):
    """When a snapshot is worth taking."""

    def due(self, position: int, last: int) -> bool:
        """Whether to take one at `position`, the newest being at `last` (0: none)."""


class NeverSnapshot:
    """No snapshots."""

    def due(self, position: int, last: int) -> bool:
        return False


class AlwaysSnapshot:
    """A snapshot whenever there is something new."""

    def due(self, position: int, last: int) -> bool:
        return position > last


class SnapshotEvery:
    """A snapshot once at least `events` events have come since the last one; raises `ValueError` unless positive."""

    def __init__(self, events: int) -> None:
        if events < 1:
            raise ValueError(f"a snapshot every {events} events: must be at least 1")
        self.events = events

    def due(self, position: int, last: int) -> bool:
        return position - last >= self.events


class Snapshots(Protocol):
    """Where snapshots are kept: a disposable cache of folds by log id."""

    def load(self, log_id: str) -> Fold[Any] | None:
        """The newest snapshot of that log, or None."""

    def save(self, log_id: str, fold: Fold[Any]) -> None:
        """Keep this fold as the log's newest snapshot."""


class NullSnapshots:
    """Keeps nothing."""

    def load(self, log_id: str) -> Fold[Any] | None:
        return None

    def save(self, log_id: str, fold: Fold[Any]) -> None:
        return None


class MemorySnapshots:
    """Keeps the newest snapshot of each log in this process."""

    def __init__(self) -> None:
        self._folds: dict[str, Fold[Any]] = {}

    def load(self, log_id: str) -> Fold[Any] | None:
        return self._folds.get(log_id)

    def save(self, log_id: str, fold: Fold[Any]) -> None:
        self._folds[log_id] = fold


class Outcome(Struct, Generic[S], frozen=True):
    """What a transaction came to: the commit (None: there was nothing to do) and the fold before and after it."""

    commit: Commit | None
    before: Fold[S]
    after: Fold[S]


class Repository(Generic[S, C, E]):
    """The aggregates of one kind in one log."""

    def __init__(
        self,
        log: Log,
        decider: Decider[S, C, E],
        *,
        snapshots: Snapshots | None = None,
        strategy: SnapshotStrategy | None = None,
    ) -> None:
        self.log = log
        self.decider = decider
        self._snapshots = snapshots or NullSnapshots()
        self._strategy = strategy or NeverSnapshot()
        self._fold: Fold[S] | None = None
        self._snapshot_at = 0

    def fold(self) -> Fold[S]:
        """The fold of the whole log as it stands now: from the snapshot, or where the last call got to, onwards."""
        if self._fold is None:
            self._fold = self._snapshots.load(self.log.id) or Fold(0, {})
            self._snapshot_at = self._fold.position
        return self._take(advance(self.decider, self._fold, self.log.commits(self._fold.position)))

    def load(self, id: str) -> Entity[S] | None:
        """The entity with this id, or None when it has no events."""
        return self.fold().entities.get(self.decider.stream(id))

    def load_or_default(self, id: str) -> Entity[S]:
        """The entity with this id, at version 0 in the initial state when it has no events."""
        return self.load(id) or Entity(self.decider.stream(id), self.decider.initial, 0)

    def refresh(self, entity: Entity[S]) -> Entity[S]:
        """The entity with the events recorded since it was loaded."""
        return self.fold().entities.get(entity.stream, entity)

    def execute(
        self, id: str, command: C, metadata: Metadata, *, precondition: Expected | None = None
    ) -> tuple[Entity[S], Commit | None]:
        """Decide one command against the entity and append what it gives; the entity afterwards, and the commit if any.

        Raises what `decide` raises, `WrongExpectedVersion` when `precondition` does not hold, and what `append` raises.
        """
        stream = self.decider.stream(id)

        def plan(fold: Fold[S]) -> Plan[E]:
            entity = fold.entities.get(stream)
            check_precondition(precondition, stream, 0 if entity is None else entity.version)
            return decide_all(self.decider, fold, [(stream, command)]), metadata

        outcome = self.transact(plan)
        default = Entity(stream, self.decider.initial, 0)
        return outcome.after.entities.get(stream, default), outcome.commit

    def transact(self, plan: Callable[[Fold[S]], Plan[E]]) -> Outcome[S]:
        """Append, as one commit, the events that `plan` gives for the fold; on a conflict reload and plan again.

        Raises what `plan` and `append` raise; `WrongExpectedVersion` from the log only after `RETRIES` more tries.
        """
        retries = RETRIES
        while True:
            before = self.fold()
            changes, metadata = plan(before)
            appends = [
                Append(stream, tuple(events), before.entities[stream].version if stream in before.entities else 0)
                for stream, events in changes.items()
                if events
            ]
            if not appends:
                return Outcome(None, before, before)
            try:
                commit = self.log.append(appends, metadata)
            except WrongExpectedVersion:
                if not retries:
                    raise
                retries -= 1
            else:
                return Outcome(commit, before, self.fold())

    def _take(self, fold: Fold[S]) -> Fold[S]:
        self._fold = fold
        if self._strategy.due(fold.position, self._snapshot_at):
            self._snapshots.save(self.log.id, fold)
            self._snapshot_at = fold.position
        return fold
