"""Steps: the commits of one command, which the next undo and redo apply to, and commits of several logs in order of time."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import TypeAlias

from .decider import C, Decider, E, S
from .events import BATCH, FRAMEWORK_TYPES, MERGED, REDOES, UNDOES, Commit, Metadata, Recorded, marked

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
