"""As-of, walking back, and which commits the next undo and redo stand for: all pure, over commits as they are read."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import TypeAlias

from .decider import C, Decider, E, S
from .errors import StaleMark
from .events import LOST, REPAIRED, Commit, Metadata
from .fold import Fold
from .repository import Repository
from .snapshots import NEVER, nearest
from .store import Place

Moment: TypeAlias = datetime | int
"""A point of a log: the state after the last commit recorded at or before an aware time, or after the commit that holds
the event at a position (0: before the first)."""

UNDOES = "undoes"
REDOES = "redoes"
"""The keys in a commit's `meta` of the positions of the commits that it undoes or redoes."""
BATCH = "batch"
"""The key in a commit's `meta` of the batch that it is part of: the batch's `id`, and the commit's `part`, from 1.

What undoes or redoes a part of a batch bears the same id and part.
"""


def reached(commit: Commit, moment: Moment) -> bool:
    """Whether a commit, met walking back from the head, is the last one that belongs to the moment's state."""
    return commit.position <= moment if isinstance(moment, int) else commit.metadata.at <= moment


def walk_back(fold: Fold[S], backward: Iterable[Commit], moment: Moment) -> Commit | None:
    """Take a fold back to a moment; the commit that made it what it was then (None: before the first).

    `backward` gives the commits up to the fold's position, newest first. Costs the events walked over, however long the
    history before them.
    """
    for commit in backward:
        if reached(commit, moment):
            return commit
        fold.take_back(commit)
    return None


def as_of(repository: Repository[S, C, E], moment: Moment) -> tuple[Fold[S], Commit | None]:
    """The fold of a log at a moment that is not after its head, and the commit that made it (None: before the first).

    It is reached from the nearest snapshot or from the head, backward. For a position it is known whether going forward from
    a snapshot is shorter, and then that is done.
    """
    head = repository.fold()
    try:
        if isinstance(moment, int):
            return _at_position(repository, head, moment)
        return _at_time(repository, head, moment)
    except StaleMark:  # a snapshot of a log that was another then
        fold = head.copy()
        return fold, walk_back(fold, repository.log.commits_backward(head.position + 1), moment)


def _at_position(repository: Repository[S, C, E], head: Fold[S], position: int) -> tuple[Fold[S], Commit | None]:
    before, after = nearest(repository.taken, position)
    if min(after, head.position) - position <= position - before:
        return _back_from(repository, head, after, position)
    fold, since = _begin(repository, before)
    commit = None
    for commit in takewhile(lambda commit: reached(commit, position), repository.log.commits(since)):
        fold.apply(commit)
    return fold, commit


def _at_time(repository: Repository[S, C, E], head: Fold[S], time: datetime) -> tuple[Fold[S], Commit | None]:
    start, earliest = NEVER, repository.earliest
    for taken in reversed(repository.taken):
        if earliest is not None and earliest <= time:
            break
        # all that came after this snapshot came after that time too
        start, earliest = taken.position, taken.earliest
    return _back_from(repository, head, start, time)


def _back_from(repository: Repository[S, C, E], head: Fold[S], start: int, moment: Moment) -> tuple[Fold[S], Commit | None]:
    """The fold at a moment, walking back from the snapshot at a position, or from the head."""
    snapshot = repository.snapshot(start) if start < head.position else None
    if snapshot is None:
        fold = head.copy()
        fold.load()
        return fold, walk_back(fold, repository.log.commits_backward(head.position + 1), moment)
    fold = Fold(repository.decider, snapshot.base, start)
    fold.load()
    return fold, walk_back(fold, repository.log.commits_backward(snapshot.mark), moment)


def _begin(repository: Repository[S, C, E], position: int) -> tuple[Fold[S], Place]:
    """The fold to go forward from: that of the snapshot at a position, or of nothing."""
    snapshot = repository.snapshot(position) if position else None
    if snapshot is None:
        return Fold(repository.decider), 0
    return Fold(repository.decider, snapshot.base, position), snapshot.mark


Step: TypeAlias = tuple[int, ...]
"""The positions of the commits that one command wrote, in the order in which undo (newest first) or redo takes them."""


def marked(metadata: Metadata, key: str) -> tuple[int, ...]:
    """The positions of the commits that a commit undoes (`UNDOES`) or redoes (`REDOES`), in the order of doing so."""
    positions = metadata.meta.get(key)
    return tuple(positions) if isinstance(positions, list) and all(isinstance(each, int) for each in positions) else ()


def batch_of(metadata: Metadata) -> tuple[str, int] | None:
    """The id of the batch that a commit belongs to, and its part in it, from 1; None for a commit of its own."""
    match metadata.meta.get(BATCH):
        case {"id": str(id), "part": int(part)}:
            return id, part
        case _:
            return None


def undo_steps(backward: Iterable[Commit]) -> Iterator[Step]:
    """The steps that undo would take back, next first: those in force, the latest done or redone first.

    Args:
        backward: All commits of a log, newest first. It is read only as far as the caller iterates.
    """
    return _grouped(in_force(backward), complete_at_first=True)


def in_force(backward: Iterable[Commit]) -> Iterator[tuple[Commit, list[int]]]:
    """Each commit, newest first, with the positions of the commits in force that it did or redid, also newest first.

    Args:
        backward: All commits of a log, newest first. It is read only as far as the caller iterates.
            What a repair wrote is not a step.
    """
    settled: set[int] = set()
    for commit in backward:
        if all(event.type in (LOST, REPAIRED) for event in commit.events):
            continue
        settled.update(marked(commit.metadata, UNDOES))
        redone = marked(commit.metadata, REDOES)
        is_step = not redone and not marked(commit.metadata, UNDOES)
        done = (commit.position,) if is_step else tuple(reversed(redone))
        yield commit, [position for position in done if position not in settled]
        settled.update(done)


def redo_steps(backward: Iterable[Commit]) -> Iterator[Step]:
    """The steps that redo would do again, next first; a commit that is neither an undo nor a redo ends them.

    Args:
        backward: All commits of a log, newest first. It is read only as far as the caller iterates.
    """
    return _grouped(_undone(backward), complete_at_first=False)


def _undone(backward: Iterable[Commit]) -> Iterator[tuple[Commit, list[int]]]:
    """Each undo or redo at the end of a log, with the positions of the commits that it undid, oldest first."""
    settled: set[int] = set()
    for commit in backward:
        undone, redone = marked(commit.metadata, UNDOES), marked(commit.metadata, REDOES)
        if not undone and not redone:
            return
        settled.update(redone)
        yield commit, [position for position in reversed(undone) if position not in settled]
        settled.update(undone)


def _grouped(found: Iterable[tuple[Commit, list[int]]], *, complete_at_first: bool) -> Iterator[Step]:
    """The positions as steps: those of one batch are one step, which stands where the first of them was found.

    Args:
        found: Commits, newest first, with positions.
        complete_at_first: Whether all of a batch was found once its first part was; otherwise it may go on until the end.
    """
    steps: list[list[int]] = []
    unfinished: dict[str, list[int]] = {}
    for commit, positions in found:
        batch = batch_of(commit.metadata)
        if batch is None:
            steps += [[position] for position in positions]
        elif positions:
            id, part = batch
            if id not in unfinished:
                unfinished[id] = []
                steps.append(unfinished[id])
            unfinished[id] += positions
            if part == 1 and complete_at_first:
                del unfinished[id]
        while steps and not any(steps[0] is step for step in unfinished.values()):
            yield tuple(steps.pop(0))
    yield from map(tuple, steps)


def undo_events(decider: Decider[S, C, E], commits: Iterable[Commit]) -> dict[str, list[E]]:
    """The events by stream that take these commits back, in the order given; unknown events must not be among them."""
    changes: dict[str, list[E]] = {}
    for commit in commits:
        for event in reversed(commit.events):
            changes.setdefault(event.stream, []).append(decider.invert(event.data))
    return changes


def redo_events(decider: Decider[S, C, E], commits: Iterable[Commit]) -> dict[str, list[E]]:
    """The events by stream that do these undone commits again, in the order given.

    Inverting twice gives the event itself, except for a creation: taken back it became a removal, done again it becomes a
    restoration of what stands there removed.
    """
    changes: dict[str, list[E]] = {}
    for commit in commits:
        for event in commit.events:
            changes.setdefault(event.stream, []).append(decider.invert(decider.invert(event.data)))
    return changes
