"""As-of, walking back, and which commits the next undo and redo stand for: all pure, over commits as they are read."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import TypeAlias

from .core import C, Commit, Decider, E, Log, Metadata, S, UnknownEvent
from .repository import Entity, Fold, advance

Moment: TypeAlias = datetime | int
"""A point of a log: the state after the last commit recorded at or before an aware time, or after the commit that holds
the event at a position (0: before the first)."""

UNDOES = "undoes"
REDOES = "redoes"


def reached(commit: Commit, moment: Moment) -> bool:
    """Whether a commit, met walking back from the head, is the last one that belongs to the moment's state."""
    return commit.position <= moment if isinstance(moment, int) else commit.metadata.at <= moment


def walk_back(
    decider: Decider[S, C, E], fold: Fold[S], backward: Iterable[Commit], moment: Moment
) -> tuple[Fold[S], Commit | None]:
    """The fold at a moment and the commit that made it (None: before the first), walking back from a later fold.

    `backward` gives the commits up to the fold's position, newest first. Costs the events walked over, however long the
    history before them.
    """
    entities = dict(fold.entities)
    prefix = decider.stream("")
    for commit in backward:
        if reached(commit, moment):
            return Fold(commit.last, entities), commit
        for event in reversed(commit.events):
            if not event.stream.startswith(prefix):
                continue
            if event.version == 1:
                del entities[event.stream]
                continue
            state = entities[event.stream].state
            if not isinstance(event.data, UnknownEvent):
                state = decider.evolve(state, decider.invert(event.data))
            entities[event.stream] = Entity(event.stream, state, event.version - 1)
    return Fold(0, entities), None


def as_of(decider: Decider[S, C, E], head: Fold[S], log: Log, moment: Moment) -> tuple[Fold[S], Commit | None]:
    """The fold of a log at a moment not after `head`, and the commit that made it (None: before the first).

    It is reached by walking back from `head`, or forward from the beginning where that is known to be shorter: a position
    says how far it is, a time does not before the commits are read.
    """
    if isinstance(moment, datetime) or moment >= head.position - moment:
        return walk_back(decider, head, log.commits_backward(head.position + 1), moment)
    commits = list(takewhile(lambda commit: reached(commit, moment), log.commits()))
    return advance(decider, Fold(0, {}), commits), commits[-1] if commits else None


def marked(metadata: Metadata, key: str) -> tuple[int, ...]:
    """The positions of the commits that a commit undoes (`UNDOES`) or redoes (`REDOES`), in the order of doing so."""
    positions = metadata.meta.get(key)
    return tuple(positions) if isinstance(positions, list) and all(isinstance(each, int) for each in positions) else ()


def undo_steps(backward: Iterable[Commit]) -> Iterator[int]:
    """The positions of the commits that undo would take back, next first: those in force, the latest done or redone first.

    `backward` gives all commits, newest first; it is read only as far as the caller iterates.
    """
    settled: set[int] = set()
    for commit in backward:
        settled.update(marked(commit.metadata, UNDOES))
        redone = marked(commit.metadata, REDOES)
        is_step = not redone and not marked(commit.metadata, UNDOES)
        for position in (commit.position,) if is_step else reversed(redone):
            if position not in settled:
                settled.add(position)
                yield position


def redo_steps(backward: Iterable[Commit]) -> Iterator[int]:
    """The positions of the commits that redo would do again, next first; a commit that is neither ends them."""
    settled: set[int] = set()
    for commit in backward:
        undone, redone = marked(commit.metadata, UNDOES), marked(commit.metadata, REDOES)
        if not undone and not redone:
            return
        settled.update(redone)
        for position in reversed(undone):
            if position not in settled:
                settled.add(position)
                yield position


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
