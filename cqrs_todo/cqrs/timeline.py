"""Time travel and undo: the fold at an earlier moment, and the commits that the next undo and redo apply to."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice, takewhile
from operator import itemgetter
from typing import TypeAlias

from .cursor import START, Cursor
from .decider import C, Decider, E, S
from .errors import StaleCursor, UnreadableEvent
from .events import BATCH, FRAMEWORK_TYPES, MERGED, REDOES, UNDOES, Commit, Metadata, Moment, Recorded, check_aware
from .events import marked as marked
from .fold import Fold
from .repository import Repository
from .snapshots import nearest
from .store import NEVER


def reached(commit: Commit, moment: Moment) -> bool:
    """Return whether a commit belongs to the state at a moment, for a caller that goes through the commits newest first."""
    return commit.position <= moment if isinstance(moment, int) else commit.metadata.at <= moment


def walk_back(fold: Fold[S], backward: Iterable[Commit], moment: Moment) -> Commit | None:
    """Move a fold back to a moment. The time this takes depends only on the events after the moment.

    Args:
        fold: The fold to change.
        backward: The commits up to the fold's position, newest first.
        moment: The moment.

    Returns:
        The last commit before the moment; None if there is none.
    """
    for commit in backward:
        if reached(commit, moment):
            return commit
        fold.undo(commit)
    return None


def as_of(repository: Repository[S, C, E], moment: Moment) -> tuple[Fold[S], Commit | None]:
    """Fold a log up to a moment.

    The fold is reached by walking back from the nearest snapshot after the moment, or from the end of the log. If the moment
    is a position and the nearest snapshot before it is closer, or if the decider has no `invert`, the fold is reached by
    walking forward from there.

    What cannot be read after the moment does not matter. Of a stream with an event that cannot be read before it, the fold
    raises the error to those who ask for the entity. This does not depend on where snapshots are, if they were taken by
    programs that could not read the event either.

    Args:
        repository: The repository of the log.
        moment: The moment. After the end of the log nothing has happened: the state is the one at the end.

    Returns:
        The fold, and the last commit in it; None if there is none. An event of it that cannot be read is an `UnknownEvent`.

    Raises:
        ValueError: The moment is a naive time.
    """
    if not isinstance(moment, int):
        check_aware("the moment", moment)
    head = repository.fold()
    invertible = repository.decider.invert is not None
    if not invertible:
        moment = _position_at(repository, head, moment)
    try:
        if isinstance(moment, int):
            return _at_position(repository, head, moment, invertible)
        return _at_time(repository, head, moment)
    except (StaleCursor, UnreadableEvent):  # the log has changed since the snapshot, or nobody can walk back over an event
        return _forward(repository, Fold(repository.decider), START, _position_at(repository, head, moment))


def _position_at(repository: Repository[S, C, E], head: Fold[S], moment: Moment) -> int:
    """Return the position of the last event before a moment; 0 if there is none."""
    if isinstance(moment, int):
        return moment
    return next((commit.last for commit in _backward(repository, head.position) if reached(commit, moment)), 0)


def _backward(repository: Repository[S, C, E], position: int) -> Iterator[Commit]:
    """Read the commits up to a position, newest first, as far as they can be read."""
    return repository.log.readable_commits_backward(Cursor(position))


def _at_position(
    repository: Repository[S, C, E], head: Fold[S], position: int, invertible: bool
) -> tuple[Fold[S], Commit | None]:
    before, after = nearest(repository.snapshot_infos, position)
    if invertible and min(after, head.position) - position <= position - before:
        return _back_from(repository, head, after, position)
    fold, since = _begin_at_snapshot(repository, before)
    fold, commit = _forward(repository, fold, since, position)
    if commit is None and before:  # the snapshot was taken at the position
        commit = next(_backward(repository, before), None)
    return fold, commit


def _forward(repository: Repository[S, C, E], fold: Fold[S], since: Cursor, moment: Moment) -> tuple[Fold[S], Commit | None]:
    """Walk forward from a fold to a moment, and return the last commit on the way."""
    commit = None
    for commit in takewhile(lambda commit: reached(commit, moment), repository.log.readable_commits(since)):
        fold.apply(commit)
    return fold, commit


def _at_time(repository: Repository[S, C, E], head: Fold[S], time: datetime) -> tuple[Fold[S], Commit | None]:
    start, earliest = NEVER, repository.earliest
    for info in reversed(repository.snapshot_infos):
        if earliest is not None and earliest <= time:
            break
        # all commits after this snapshot were recorded after that time
        start, earliest = info.position, info.earliest
    return _back_from(repository, head, start, time)


def _back_from(repository: Repository[S, C, E], head: Fold[S], start: int, moment: Moment) -> tuple[Fold[S], Commit | None]:
    """Walk back to a moment from the snapshot at a position, or from the end of the log."""
    snapshot = repository.snapshot(start) if start < head.position else None
    if snapshot is None:
        fold = head.copy()
        fold.load()
        return fold, walk_back(fold, _backward(repository, head.position), moment)
    fold = Fold(repository.decider, snapshot.base, start)
    fold.load()
    return fold, walk_back(fold, repository.log.readable_commits_backward(snapshot.cursor), moment)


def _begin_at_snapshot(repository: Repository[S, C, E], position: int) -> tuple[Fold[S], Cursor]:
    """Return the fold to walk forward from: that of the snapshot at a position, or an empty one."""
    snapshot = repository.snapshot(position) if position else None
    if snapshot is None:
        return Fold(repository.decider), START
    return Fold(repository.decider, snapshot.base, position), snapshot.cursor


Step: TypeAlias = tuple[str, ...]
"""The command ids of the commits that one command wrote, in the order in which they are undone (newest first) or redone."""


def commits_of(backward: Iterable[Commit], commands: Iterable[str]) -> dict[str, Commit]:
    """Return the commits with some command ids, by their ids, newest first.

    Args:
        backward: The commits, newest first. They are read no further than to the earliest of these commits.
        commands: The command ids.
    """
    wanted = set(commands)
    found = (commit for commit in backward if commit.metadata.command in wanted) if wanted else iter(())
    return {commit.metadata.command: commit for commit in islice(found, len(wanted))}


class Positions:
    """The positions of the commits of a log by their command ids. The log is read backwards as far as is necessary."""

    def __init__(self, backward: Iterable[Commit]) -> None:
        """Begin at the newest commit.

        Args:
            backward: The commits, newest first.
        """
        self._backward = iter(backward)
        self._found: dict[str, int] = {}

    def of(self, command: str) -> int | None:
        """Return the position of the commit with a command id; None if there is none."""
        while command not in self._found:
            commit = next(self._backward, None)
            if commit is None:
                return None
            self._found[commit.metadata.command] = commit.position
        return self._found[command]


def batch_of(metadata: Metadata) -> tuple[str, int] | None:
    """Return the id of the batch that a commit belongs to, and its part, from 1; None if it does not belong to a batch."""
    match metadata.meta.get(BATCH):
        case {"id": str(id), "part": int(part)}:
            return id, part
        case _:
            return None


def undo_steps(backward: Iterable[Commit], *, without_effect: bool = False) -> Iterator[Step]:
    """Yield the steps that can be undone: those in force, the one that was done or redone last first.

    Args:
        backward: All commits of a log, newest first. It is read only as far as the caller iterates.
        without_effect: Whether to yield also the steps that a merge has left without effect.
    """
    return _grouped(in_force(backward, without_effect=without_effect), complete_at_first=True)


def in_force(backward: Iterable[Commit], *, without_effect: bool = False) -> Iterator[tuple[Commit, list[str]]]:
    """Yield each commit, newest first, with the command ids of the commits in force that it did or redid, also newest first.

    The commits that a repair wrote are left out. Of a commit that a merge has moved, and that changes nothing now, only what
    it undoes or redoes counts.

    Args:
        backward: All commits of a log, newest first. It is read only as far as the caller iterates.
        without_effect: Whether a commit that a merge has moved, and that changes nothing now, counts like any other one.
    """
    handled: set[str] = set()
    for commit in backward:
        has_effect = any(event.type not in FRAMEWORK_TYPES for event in commit.events)
        if not has_effect and all(event.type != MERGED for event in commit.events):
            continue
        handled.update(marked(commit.metadata, UNDOES))
        redone = marked(commit.metadata, REDOES)
        is_step = not redone and not marked(commit.metadata, UNDOES)
        done = (commit.metadata.command,) if is_step and (has_effect or without_effect) else tuple(reversed(redone))
        yield commit, [command for command in done if command not in handled]
        handled.update(done)


def redo_steps(backward: Iterable[Commit]) -> Iterator[Step]:
    """Yield the steps that can be redone, the next one first. A commit that is neither an undo nor a redo ends them.

    Args:
        backward: All commits of a log, newest first. It is read only as far as the caller iterates.
    """
    return _grouped(_undone(backward), complete_at_first=False)


def _undone(backward: Iterable[Commit]) -> Iterator[tuple[Commit, list[str]]]:
    """Yield each undo or redo at the end of a log, with the command ids of the commits that it undid, oldest first."""
    handled: set[str] = set()
    for commit in backward:
        undone, redone = marked(commit.metadata, UNDOES), marked(commit.metadata, REDOES)
        if not undone and not redone:
            return
        handled.update(redone)
        yield commit, [command for command in reversed(undone) if command not in handled]
        handled.update(undone)


def _grouped(found: Iterable[tuple[Commit, list[str]]], *, complete_at_first: bool) -> Iterator[Step]:
    """Yield the command ids as steps. Those of one batch are one step, in the place of the first of them that was found.

    Args:
        found: Commits, newest first, with command ids.
        complete_at_first: Whether a batch is complete once its first part was found. Otherwise more may come until the end.
    """
    steps: list[list[str]] = []
    unfinished: dict[str, list[str]] = {}
    for commit, commands in found:
        batch = batch_of(commit.metadata)
        if batch is None:
            steps += [[command] for command in commands]
        elif commands:
            id, part = batch
            if id not in unfinished:
                unfinished[id] = []
                steps.append(unfinished[id])
            unfinished[id] += commands
            if part == 1 and complete_at_first:
                del unfinished[id]
        while steps and not any(steps[0] is step for step in unfinished.values()):
            yield tuple(steps.pop(0))
    yield from map(tuple, steps)


def undo_events(decider: Decider[S, C, E], commits: Iterable[Commit]) -> dict[str, list[E]]:
    """Return the events, by stream, that undo some commits.

    To undo a creation removes the entity. What its commit did to it besides stays as it is, so that an entity that is
    restored some other way has all of it.

    Args:
        decider: The domain.
        commits: The commits, in the order in which to undo them. They hold no unknown events.
    """
    changes: dict[str, list[E]] = {}
    for commit in commits:
        for event in reversed(_effective(decider, commit)):
            changes.setdefault(event.stream, []).append(decider.inverse(event.data))
    return changes


def redo_events(decider: Decider[S, C, E], commits: Iterable[Commit]) -> dict[str, list[E]]:
    """Return the events, by stream, that redo some commits.

    To invert an event twice gives the event itself, except for a creation. To undo it removed the entity, so to redo it
    restores the removed entity.

    Args:
        decider: The domain.
        commits: The commits that were undone, in the order in which to redo them.
    """
    changes: dict[str, list[E]] = {}
    for commit in commits:
        for event in _effective(decider, commit):
            changes.setdefault(event.stream, []).append(decider.inverse(decider.inverse(event.data)))
    return changes


def _effective(decider: Decider[S, C, E], commit: Commit) -> list[Recorded]:
    """Return the events of a commit that must be undone or redone.

    Of an entity that the commit created, these are the creation, and whether it was removed and restored since.
    """
    created: dict[str, tuple[E, E]] = {}
    events = []
    for event in commit.events:
        if event.stream not in created or event.data in created[event.stream]:
            events.append(event)
        if event.created:
            removal = decider.inverse(event.data)
            restoration = decider.inverse(removal)
            if restoration != event.data:
                created[event.stream] = removal, restoration
    return events


def in_order_of_time(histories: Mapping[str, Iterable[Commit]]) -> list[tuple[str, Commit]]:
    """Put the commits of several logs in one order, by their times.

    Those of one log stay in the order of the log, also where a clock was set back: then a commit comes after the one before.

    Args:
        histories: The commits of each log, oldest first, by any name.

    Returns:
        Each commit with the name of its log.
    """
    found: list[tuple[datetime, str, Commit]] = []
    for name, commits in histories.items():
        latest: datetime | None = None
        for commit in commits:
            latest = commit.metadata.at if latest is None else max(latest, commit.metadata.at)
            found.append((latest, name, commit))
    found.sort(key=itemgetter(0))
    return [(name, commit) for _, name, commit in found]
