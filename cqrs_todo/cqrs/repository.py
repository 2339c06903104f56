"""The repository: it folds a log, decides commands against the fold, and appends what they give.

It decides, and returns if there are no events. Otherwise it appends them, and after a conflict it loads and decides again.
(This loop is that of the library Equinox.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeAlias

from .cursor import START, Cursor
from .decider import C, Changes, Decider, E, S
from .errors import (
    CommandReused,
    ConditionFailed,
    CqrsError,
    DamagedLog,
    IncompleteStream,
    OutcomeUnknown,
    StaleCursor,
    UnknownEvents,
    UnreadableEvent,
    WrongExpectedVersion,
)
from .events import Commit, Metadata, unknown_events
from .fold import Entity, Fold, Reads
from .names import is_stream_name
from .snapshots import (
    NeverSnapshot,
    NullSnapshots,
    Snapshot,
    SnapshotInfo,
    Snapshots,
    SnapshotStrategy,
    next_permanent,
    prune,
)
from .store import NEVER, Append, Expected, Log, check_precondition
from .struct import Struct

if TYPE_CHECKING:
    from .fold import Base
    from .protocols import EventBatch

RETRIES = 3
"""How often a command is decided again after a conflict before the conflict is raised."""

PlannedCommit: TypeAlias = tuple[Changes[E], Metadata]
"""The new events of a commit, and its metadata."""


def decide_all(decider: Decider[S, C, E], fold: Fold[S], commands: Iterable[tuple[str, C]]) -> dict[str, list[E]]:
    """Decide commands one after the other, each against the state that the ones before it lead to.

    Args:
        decider: The domain.
        fold: The state before the first command. It is not changed.
        commands: Pairs of a stream and a command.

    Returns:
        The new events by stream.

    Raises:
        Rejected: The decider refused a command.
        UnknownEvents: A stream has events of unknown types that the decider does not ignore.
        UnreadableEvent: An event of a stream cannot be read.
        IncompleteStream: An event of a stream cannot be applied, because an earlier one is lost.
        TypeError: The decider returned something else than events.
    """
    states: dict[str, S] = {}
    changes: dict[str, list[E]] = {}
    for stream, command in commands:
        if stream in fold.unknown and not isinstance(fold.unreadable.get(stream), UnreadableEvent):
            raise UnknownEvents(stream, fold.unknown[stream])
        if stream not in states:
            entity = fold.get(stream)
            states[stream] = decider.initial if entity is None else entity.state
        decided = decider.decide(command, states[stream])
        if not isinstance(decided, Iterable):
            raise TypeError(f"`decide` of {decider.kind} returned {decided!a:.60}: it must return the new events, or ()")
        for event in decided:
            states[stream] = decider.evolve(states[stream], event)
            changes.setdefault(stream, []).append(event)
    return changes


def _planned(plan: Callable[[Fold[S]], PlannedCommit[E]], fold: Fold[S]) -> tuple[Changes[E], Metadata, Reads]:
    """Call a plan. Returns the new events by stream, the metadata, and what the plan has read."""
    fold.reads = reads = Reads()
    try:
        planned = plan(fold)
    finally:
        fold.reads = None
    if not isinstance(planned, tuple) or len(planned) != 2 or not isinstance(planned[0], Mapping):
        raise TypeError(f"a plan must return the new events by stream, and their metadata, not {planned!a:.60}")
    return *planned, reads


class Outcome(Struct, Generic[S], frozen=True):
    """The result of a transaction.

    Attributes:
        commit: The commit; None if there was nothing to do.
        fold: The repository's fold after it.
    """

    commit: Commit | None
    fold: Fold[S]


class Repository(Generic[S, C, E]):
    """The aggregates of one kind in one log.

    Attributes:
        log: The log.
        decider: The domain.
        snapshots: Where snapshots of the log are kept.
    """

    def __init__(
        self,
        log: Log,
        decider: Decider[S, C, E],
        *,
        snapshots: Snapshots | None = None,
        strategy: SnapshotStrategy | None = None,
    ) -> None:
        """Open the aggregates of a log.

        Args:
            log: The log.
            decider: The domain.
            snapshots: Where snapshots of the log are kept. None: nowhere.
            strategy: When a snapshot is worth taking. None: never. It is asked when others' commits were read, and of this
                repository's own commits only after as many events as there are entities.
        """
        self.log = log
        self.decider = decider
        self.snapshots = snapshots or NullSnapshots()
        self._strategy = strategy or NeverSnapshot()
        self._fold: Fold[S] | None = None
        self._cursor = START
        self._base: Base[S] | None = None
        self._forgotten: Collection[str] = ()
        self._infos: list[SnapshotInfo] | None = None
        self._stale: set[int] = set()  # the positions of snapshots of what the log no longer is
        self._last_time: datetime | None = None
        self._earliest: datetime | None = None

    # reading

    def fold(self) -> Fold[S]:
        """Return the fold of the whole log as it is now.

        It is made from a snapshot or from the fold of the last call, and from what was recorded since. It belongs to the
        repository, and the next call changes it. Make a copy if it must stay as it is. While a plan is being made, it is the
        fold that the plan was given.
        """
        while True:
            fold = self._begin() if self._fold is None else self._fold
            if fold.reads is not None:  # a plan asks for it: what it has read must stay what its append is guarded by
                return fold
            try:
                self._advance(fold)
            except StaleCursor:
                self._fold = None  # the log has changed before the cursor: begin farther back
            else:
                return fold

    def last_fold(self) -> Fold[S]:
        """Return the fold as the last call left it, without reading the log again."""
        return self.fold() if self._fold is None else self._fold

    @property
    def snapshot_infos(self) -> Sequence[SnapshotInfo]:
        """The snapshots at or before the position of the fold, by position."""
        return self._infos or ()

    @property
    def earliest(self) -> datetime | None:
        """The earliest time of the commits since the newest snapshot; None if there are no such commits."""
        return self._earliest

    def snapshot(self, position: int) -> Snapshot[S] | None:
        """Return the snapshot that was taken at a position; None if it cannot be loaded.

        Args:
            position: The position, as an element of `snapshot_infos` has it.
        """
        return self.snapshots.load(self.log.id, self.decider.kind, position)

    def _begin(self) -> Fold[S]:
        """Begin at the newest snapshot, or at the start of the log. Snapshots that were found to be stale are passed by."""
        stale_from = self._cursor.position
        if self._infos is None:
            self._infos, stale_from = list(self.snapshots.infos(self.log.id, self.decider.kind)), NEVER
        self._fold, self._cursor, self._base, self._earliest = Fold(self.decider), START, None, None
        while self._infos:
            position = self._infos[-1].position
            snapshot = self.snapshot(position) if position < stale_from else None
            if snapshot is not None:
                self._fold = Fold(self.decider, snapshot.base, position)
                self._cursor, self._base = snapshot.cursor, snapshot.base
                break
            self._stale.add(self._infos.pop().position)
        return self._fold

    def _advance(self, fold: Fold[S]) -> None:
        """Apply what was recorded after the fold, and take snapshots that are due: permanent ones, and one at the end.

        A snapshot takes about as long as reading one event for each entity. So at least as many events lie between two that
        are taken on the way, or of a repository's own commits. Otherwise they would take most of the time of long batches.
        """
        read, self._forgotten = False, self.log.forgotten
        for commits in self.log.event_batches(self._cursor, None if self._base is None else self._base.version_of):
            if commits[0].position <= fold.position:
                commits = [commit for commit in commits if commit.position > fold.position]
            self._apply(fold, commits)
            read = True
            if fold.position >= next_permanent(self.snapshot_infos) and self._due(fold, at_least=len(fold)):
                self._take_snapshot(fold)
        if self._due(fold, at_least=0 if read else len(fold)):
            self._take_snapshot(fold)
        cursor = self._read_cursor()
        if cursor.position == fold.position:
            self._cursor, self._base = cursor, None

    def _read_cursor(self) -> Cursor:
        """Return how far the log was read.

        Raises:
            StaleCursor: Streams were forgotten while it was read, so that the fold may hold their data.
        """
        cursor = self.log.cursor()
        if self.log.forgotten != self._forgotten:
            raise StaleCursor(f"streams of {self.log.name} were forgotten while it was read")
        return cursor

    def _apply(self, fold: Fold[S], commits: Sequence[EventBatch]) -> None:
        if not commits:
            return
        try:
            fold.apply(*commits)
            times = [commit.at for commit in commits]
            self._last_time, earliest = times[-1], min(times)
            if self._earliest is None or earliest < self._earliest:
                self._earliest = earliest
        except BaseException:  # after an interruption the fold may hold half of the commits: do not apply them to it again
            self._fold = self._infos = None
            raise

    def _due(self, fold: Fold[S], *, at_least: int) -> bool:
        """Return whether to take a snapshot, if there are at least so many events since the last one."""
        # a snapshot of what is left would take the place of those that remember more, and a program that knows all events
        # could not use one that lacks some
        if self.log.damage is not None or fold.unknown or fold.unreadable or fold.ignored:
            return False
        last = self._infos[-1].position if self._infos else 0
        new = fold.position - last
        return new > 0 and new >= at_least and self._strategy.due(fold.position, last, len(fold))

    def _take_snapshot(self, fold: Fold[S]) -> None:
        cursor = self._read_cursor()
        if cursor.position != fold.position or self._last_time is None or self._earliest is None:
            return
        # others that share the snapshots may have taken and removed some meanwhile
        found = self.snapshots.infos(self.log.id, self.decider.kind)
        present = [each for each in found if each.position not in self._stale]
        before = present[-1].position if present else 0
        if before > fold.position:
            return
        since = (each.earliest for each in self.snapshot_infos if each.position > before)
        info = SnapshotInfo(fold.position, self._last_time, min((self._earliest, *since)))
        try:
            self.snapshots.save(self.log.id, self.decider.kind, cursor, info, fold, found)
        except IncompleteStream:  # it concerns whoever asks for its stream
            return
        self._stale.discard(fold.position)
        self._infos, self._earliest = prune(present, info), None

    def reset(self) -> None:
        """Forget what was read, so that the next fold begins at a snapshot again.

        Call it when appends that this repository knows of were rolled back.
        """
        self._fold, self._infos, self._cursor, self._base = None, None, START, None

    def load(self, id: str) -> Entity[S] | None:
        """Return the entity with this id; None if it has no events.

        If its stream was forgotten, `log.forgotten` names the stream. The entity is then in the initial state, and still has
        the version of the stream.

        Args:
            id: The id of the aggregate, without the kind.
        """
        return self.fold().get(self.decider.stream(id))

    def load_or_default(self, id: str) -> Entity[S]:
        """Return the entity with this id. If it has no events, it is in the initial state, at version 0.

        Args:
            id: The id of the aggregate, without the kind.
        """
        return self.load(id) or Entity(self.decider.stream(id), self.decider.initial, 0)

    def refresh(self, entity: Entity[S]) -> Entity[S]:
        """Return an entity with the events that were recorded since it was loaded.

        Args:
            entity: The entity, as it was loaded.
        """
        return self.fold().get(entity.stream) or entity

    # writing

    def execute(
        self, id: str, command: C, metadata: Metadata, *, precondition: Expected | None = None
    ) -> tuple[Entity[S], Commit | None]:
        """Decide one command against an entity, and append the events that it gives.

        If a commit has the same command id already, that commit is returned, whatever is decided now, and whichever entity
        it is about. So it is harmless to send a command again, also by code that tries one entity and then another one.

        Args:
            id: The id of the entity.
            command: The command.
            metadata: The metadata of the commit.
            precondition: What the entity's stream must be before. None accepts any version.

        Returns:
            The entity as it is now, and the commit; None if the command gave no events.

        Raises:
            Rejected: The decider refused the command.
            WrongExpectedVersion: The precondition does not hold.
            CqrsError: What `Log.append` raises.
        """
        stream = self.decider.stream(id)

        def plan(fold: Fold[S]) -> PlannedCommit[E]:
            check_precondition(precondition, stream, fold.version_of(stream))
            return decide_all(self.decider, fold, [(stream, command)]), metadata

        outcome = self.transact(plan, metadata.command)
        return outcome.fold.get(stream) or Entity(stream, self.decider.initial, 0), outcome.commit

    def transact(self, plan: Callable[[Fold[S]], PlannedCommit[E]], command: str | None = None) -> Outcome[S]:
        """Append, as one commit, the events that a plan gives. After a conflict, read what others wrote and plan again.

        The commit is only written if nothing that the plan has read was changed meanwhile. For that, the streams that it
        asked the fold for become guards of the append. If it read something that depends on all streams, for example by
        going through all entities, nothing at all may have been appended. If it reads anything else of the log, such as
        commits, it must call `Fold.depend_on_everything`.

        Args:
            plan: Gives, for the fold of the log as it is now, the new events by stream and the metadata of their commit.
                It is called once, and once more after each conflict.
            command: The id of the command. If a commit has this id already, that commit is returned, whatever the plan gives
                or refuses now. None: only the append looks for the id in the metadata.

        Returns:
            The commit, None if the plan gave no events, and the fold after it.

        Raises:
            WrongExpectedVersion: Other writers changed the same streams during each of `RETRIES` + 1 tries.
            ConditionFailed: The plan read all streams, and others wrote during each of these tries.
            ValueError: The plan of another transaction calls this.
            UnknownEvents: One of the streams that were read or changed has events of unknown types that the decider does not
                ignore.
            UnreadableEvent: An event of one of these streams cannot be read.
            IncompleteStream: An event of one of these streams cannot be applied, because an earlier one is lost.
            DamagedLog: The log is damaged, so it is not known what it says.
            OutcomeUnknown: The commit was recorded, but the log can no longer be read; or `Log.append` raised it.
            CqrsError: What `plan` and `Log.append` raise.
        """
        if self._fold is not None and self._fold.reads is not None:
            raise ValueError("a plan must not execute commands: what they change would not be guarded")
        retries = RETRIES
        while True:
            fold = self.fold()
            if self.log.damage is not None:
                raise DamagedLog(f"{self.log.damage}; nothing was recorded")
            try:
                changes, metadata, reads = _planned(plan, fold)
            except CqrsError as error:
                earlier = self._earlier(command)  # a command that comes again may be refused because it is recorded
                if earlier is not None:
                    return earlier
                if isinstance(error, UnknownEvents):
                    raise self._unknown_events(error.stream, error.count) from error
                raise
            changed = {stream: tuple(events) for stream, events in changes.items() if events}
            for stream in fold.unknown.keys() & (changed.keys() | reads.streams):
                raise self._unknown_events(stream, fold.unknown[stream])
            appends = [Append(stream, events, fold.version_of(stream)) for stream, events in changed.items()]
            if not appends:
                return self._earlier(command) or Outcome(None, fold)
            condition = None
            if reads.everything:
                from .query import AppendCondition, Query  # few plans read everything

                condition = AppendCondition(Query(), fold.position)
            else:
                appends += [Append(stream, (), fold.version_of(stream)) for stream in sorted(reads.streams - changed.keys())]
            try:
                commit = self.log.append(appends, metadata, condition=condition)
            except CommandReused:
                earlier = self._earlier(command)
                if earlier is None:
                    raise
                return earlier
            except (ConditionFailed, WrongExpectedVersion, StaleCursor):
                if not retries:
                    raise
                retries -= 1
            else:
                return Outcome(commit, self._fold_after(fold, commit))

    def _earlier(self, command: str | None) -> Outcome[S] | None:
        """Return the commit that a command made when it was sent before; None if there is none."""
        commit = None if command is None else self.log.find_command(command)
        return None if commit is None else Outcome(commit, self.fold())

    def _unknown_events(self, stream: str, count: int) -> UnknownEvents:
        """Return the error for a stream with unknown events, which names the first of them."""
        events = self.log.events(stream=stream) if is_stream_name(stream) else iter(())
        first = next((event for event in events if event.unknown and event.type not in self.decider.ignores), None)
        return UnknownEvents(stream, count) if first is None else unknown_events(first, count)

    def _fold_after(self, fold: Fold[S], commit: Commit) -> Fold[S]:
        """Return the fold after a commit that was planned on `fold` and has just been appended."""
        cursor = self.log.cursor()
        is_next = commit.position == fold.position + 1 and cursor.position == commit.last
        if fold is self._fold and is_next and self.log.forgotten == self._forgotten:
            self._apply(fold, [commit])
            self._cursor, self._base = cursor, None
            return fold
        try:
            return self.fold()
        except CqrsError as error:
            raise OutcomeUnknown(f"@{commit.position} was recorded, but the log cannot be read now: {error}") from error
