"""Load, decide, append: the handling loop, with retry on conflict and snapshots.

The loop is Equinox's: decide; no events, return; append; on conflict reload and decide again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeAlias

from .decider import C, Decider, E, S
from .errors import OutcomeUnknown, StaleMark, StoreUnavailable, WrongExpectedVersion
from .events import Commit, Metadata, Outline
from .fold import Entity, Fold
from .snapshots import (
    NEVER,
    NeverSnapshot,
    NullSnapshots,
    Snapshot,
    Snapshots,
    SnapshotStrategy,
    Taken,
    next_kept,
    thinned,
)
from .store import Append, Expected, Log, Place, check_precondition, position_of
from .struct import Struct

RETRIES = 3
"""How often a conflicting append is decided anew before the conflict is the caller's."""

Changes: TypeAlias = Mapping[str, Sequence[E]]
"""New events by stream: what one commit is to hold."""

Plan: TypeAlias = tuple[Changes[E], Metadata]
"""What a transaction is to record, and the metadata of its commit."""


def decide_all(decider: Decider[S, C, E], fold: Fold[S], commands: Iterable[tuple[str, C]]) -> dict[str, list[E]]:
    """The events that the commands, each for a stream, give one after the other. Raises what `decide` raises."""
    states: dict[str, S] = {}
    changes: dict[str, list[E]] = {}
    for stream, command in commands:
        if stream not in states:
            entity = fold.get(stream)
            states[stream] = decider.initial if entity is None else entity.state
        for event in decider.decide(command, states[stream]):
            states[stream] = decider.evolve(states[stream], event)
            changes.setdefault(stream, []).append(event)
    return changes


class Outcome(Struct, Generic[S], frozen=True):
    """What a transaction came to: the commit (None: there was nothing to do) and the repository's fold after it."""

    commit: Commit | None
    fold: Fold[S]


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
        self.snapshots = snapshots or NullSnapshots()
        self._strategy = strategy or NeverSnapshot()
        self._fold: Fold[S] | None = None
        self._since: Place = 0
        self._taken: list[Taken] | None = None
        self._at: datetime | None = None
        self._earliest: datetime | None = None

    # reading

    def fold(self) -> Fold[S]:
        """The fold of the whole log as it stands now: from a snapshot, or where the last call got to, onwards.

        It is the repository's own, and moves on with the next call; `copy` it where it must stay.
        """
        while True:
            fold = self._begin() if self._fold is None else self._fold
            try:
                self._go_on(fold)
            except StaleMark:
                self._fold = None  # the log is not what it was there: begin farther back
            else:
                return fold

    def last_fold(self) -> Fold[S]:
        """The fold as the last call left it, which may be old; the fold as it stands now where there was none."""
        return self.fold() if self._fold is None else self._fold

    @property
    def taken(self) -> Sequence[Taken]:
        """The snapshots that lie before the fold, by position."""
        return self._taken or ()

    @property
    def earliest(self) -> datetime | None:
        """The earliest time of the commits since the newest snapshot; None where there are none."""
        return self._earliest

    def snapshot(self, position: int) -> Snapshot[S] | None:
        """The snapshot taken at a position; None where it can't be had."""
        return self.snapshots.load(self.log.id, position)

    def _begin(self) -> Fold[S]:
        """The fold of the newest snapshot before the place that was tried last, or of nothing."""
        tried = position_of(self._since)
        if self._taken is None:
            self._taken, tried = list(self.snapshots.taken(self.log.id)), NEVER
        self._fold, self._since, self._earliest = Fold(self.decider), 0, None
        while self._taken:
            position = self._taken[-1].position
            snapshot = self.snapshot(position) if position < tried else None
            if snapshot is not None:
                self._fold, self._since = Fold(self.decider, snapshot.base, position), snapshot.mark
                break
            self._taken.pop()
        return self._fold

    def _go_on(self, fold: Fold[S]) -> None:
        """Apply what was recorded since, and take the snapshots that are due."""
        for batch in self.log.outlines(self._since):
            if batch[0].position <= fold.position:
                batch = [commit for commit in batch if commit.position > fold.position]
            self._apply(fold, batch)
            if fold.position >= next_kept(self.taken) and self._due(fold):
                self._take(fold)
        if self._due(fold):
            self._take(fold)
        self._stay(fold)

    def _apply(self, fold: Fold[S], commits: Sequence[Outline]) -> None:
        if not commits:
            return
        try:
            fold.apply(*commits)
            times = [commit.at for commit in commits]
            self._at, earliest = times[-1], min(times)
            if self._earliest is None or earliest < self._earliest:
                self._earliest = earliest
        except BaseException:  # whoever is interrupted here and goes on must not apply half of them again
            self._fold = self._taken = None
            raise

    def _due(self, fold: Fold[S]) -> bool:
        last = self._taken[-1].position if self._taken else 0
        return fold.position > last and self._strategy.due(fold.position, last, len(fold))

    def _take(self, fold: Fold[S]) -> None:
        mark = self.log.mark()
        if mark.position == fold.position and self._at is not None and self._earliest is not None:
            taken = Taken(fold.position, self._at, self._earliest)
            self.snapshots.save(self.log.id, mark, taken, fold)
            self._taken, self._earliest = thinned(self.taken, taken), None

    def _stay(self, fold: Fold[S]) -> None:
        mark = self.log.mark()
        if mark.position == fold.position:
            self._since = mark

    def reset(self) -> None:
        """Forget what was read: the next fold begins at a snapshot again.

        Call it when appends that this repository knows of were rolled back.
        """
        self._fold, self._taken, self._since = None, None, 0

    def load(self, id: str) -> Entity[S] | None:
        """The entity with this id, or None when it has no events."""
        return self.fold().get(self.decider.stream(id))

    def load_or_default(self, id: str) -> Entity[S]:
        """The entity with this id, at version 0 in the initial state when it has no events."""
        return self.load(id) or Entity(self.decider.stream(id), self.decider.initial, 0)

    def refresh(self, entity: Entity[S]) -> Entity[S]:
        """The entity with the events recorded since it was loaded."""
        return self.fold().get(entity.stream) or entity

    # writing

    def execute(
        self, id: str, command: C, metadata: Metadata, *, precondition: Expected | None = None
    ) -> tuple[Entity[S], Commit | None]:
        """Decide one command against the entity and append what it gives; the entity afterwards, and the commit if any.

        Raises what `decide` raises, `WrongExpectedVersion` when `precondition` does not hold, and what `append` raises.
        """
        stream = self.decider.stream(id)

        def plan(fold: Fold[S]) -> Plan[E]:
            check_precondition(precondition, stream, fold.version_of(stream))
            return decide_all(self.decider, fold, [(stream, command)]), metadata

        outcome = self.transact(plan)
        return outcome.fold.get(stream) or Entity(stream, self.decider.initial, 0), outcome.commit

    def transact(self, plan: Callable[[Fold[S]], Plan[E]]) -> Outcome[S]:
        """Append, as one commit, the events that a plan gives. After a conflict, read what others wrote and plan again.

        Args:
            plan: Gives, for the fold of the log as it is now, the new events by stream and the metadata of their commit.
                It is called once, and once more after each conflict.

        Returns:
            The commit, None if the plan gave no events, and the fold after it.

        Raises:
            WrongExpectedVersion: Other writers changed the same streams during each of `RETRIES` + 1 tries.
            OutcomeUnknown: The commit was recorded, but what the log holds now cannot be read; or as `append` raises it.
            CqrsError: What `plan` and `append` raise.
        """
        retries = RETRIES
        while True:
            fold = self.fold()
            changes, metadata = plan(fold)
            changed = {stream: tuple(events) for stream, events in changes.items() if events}
            appends = [Append(stream, events, fold.version_of(stream)) for stream, events in changed.items()]
            if not appends:
                return Outcome(None, fold)
            try:
                commit = self.log.append(appends, metadata)
            except (WrongExpectedVersion, StaleMark):
                if not retries:
                    raise
                retries -= 1
            else:
                return Outcome(commit, self._fold_after(fold, commit))

    def _fold_after(self, fold: Fold[S], commit: Commit) -> Fold[S]:
        """The fold after a commit that was planned on `fold` and has just been appended."""
        mark = self.log.mark()
        if fold is self._fold and commit.position == fold.position + 1 and mark.position == commit.last:
            self._apply(fold, [commit])
            self._since = mark
            return fold
        try:
            return self.fold()
        except StoreUnavailable as error:
            known = f"@{commit.position} was recorded, but what stands there now can't be read"
            raise OutcomeUnknown(f"{known}: {error}") from error
