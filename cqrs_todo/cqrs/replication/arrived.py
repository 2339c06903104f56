"""The conflicts between changes of which another machine has merged some already.

A machine that merges finds conflicts while it moves commits. A machine that receives the result moves nothing. But each
commit that was moved says where it was before, so the changes that its author had not seen are known.
"""

from collections.abc import Collection, Sequence
from typing import Any

from ..events import FROM, Commit, Recorded, UnknownEvent
from ..struct import Struct
from . import Conflict, Merged, MergeRules
from .registers import CHANGED, CREATION, Change, Clock


class _Block(Struct, frozen=True):
    """Commits of one author that follow one another, because a merge has moved them together.

    Attributes:
        by: The author.
        came: Where the last one of them was before.
        count: How many events it had there.
        unseen: The first position of what its author had not seen.
        start: The position of the first commit of the block: its author has seen all of the block that is before a commit.
    """

    by: str
    came: int
    count: int
    unseen: int
    start: int


class _Seen(Struct, frozen=True):
    """A change, and where it is."""

    position: int
    field: str
    change: Change


def arrived_conflicts(
    known: Collection[str], trunk: Sequence[Commit], base: int, added: Sequence[Commit], rules: MergeRules[Any, Any, Any]
) -> Sequence[Conflict]:
    """Return the conflicts that another machine has settled, and of which a log had only one side before, or none.

    Args:
        known: The command ids of the commits that the log had before.
        trunk: The copy of the other machine, to which the log was merged. The data of its `merged` events are `Merged`.
        base: How many commits the log and this copy begin with.
        added: The commits that this merge moves behind those of the copy. It has found their conflicts itself.
        rules: What a merge has to know of the domain.

    Returns:
        At most one conflict for each field: the newest change that does not stand, and the one that stands.
    """
    came = [position for commit in trunk[base:] if (position := _came_from(commit))]
    return _Reading(known, min(came), rules).conflicts(trunk, added) if came else ()


def _came_from(commit: Commit) -> int:
    """Return where a commit was before it was moved; 0 if it was not."""
    position = commit.metadata.meta.get(FROM)
    return position if isinstance(position, int) else 0


class _Reading:
    """Reads the commits of a log one after the other."""

    def __init__(self, known: Collection[str], first: int, rules: MergeRules[Any, Any, Any]) -> None:
        self._known = known
        self._first = first  # every author had seen what is before
        self._rules = rules
        self._seen: dict[str, list[_Seen]] = {}
        self._newest: dict[tuple[str, str], Change] = {}
        self._pairs: dict[tuple[str, str], tuple[Change, Change]] = {}  # the winner and the loser, by what the loser changed

    def conflicts(self, trunk: Sequence[Commit], added: Sequence[Commit]) -> Sequence[Conflict]:
        """Return the conflicts of a log."""
        clock = Clock()
        block: _Block | None = None
        for commit in trunk:
            block = _following(block, commit)
            self._read_commit(commit, clock, block)
        for commit in added:
            self._read_commit(commit, clock, None)
        return [
            Conflict(stream, field, winner, loser)
            for (stream, field), (winner, loser) in self._pairs.items()
            if self._stands(stream, winner)
        ]

    def _read_commit(self, commit: Commit, clock: Clock, block: _Block | None) -> None:
        key = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command)
        if commit.position < self._first:
            return
        created: set[str] = set()
        for event in commit.events:
            wanted = _wanted(event)
            if wanted is None:
                continue
            field = self._rules.field_of(wanted)
            if field == CREATION:
                created.add(event.stream)
            elif event.stream not in created:  # what a commit sets of what it creates is a part of the creation
                self._read(event.stream, _Seen(commit.position, field, Change(key, wanted, commit.metadata)), block)

    def _read(self, stream: str, own: _Seen, block: _Block | None) -> None:
        """Take note of a change, and of the changes of the same field that its author had not seen."""
        if block is not None:
            for other in self._seen.get(stream, ()):
                if block.unseen <= other.position < block.start:
                    self._pair(stream, own, other)
        self._seen.setdefault(stream, []).append(own)
        newest = self._newest.get((stream, own.field))
        if newest is None or own.change.key >= newest.key:
            self._newest[stream, own.field] = own.change

    def _pair(self, stream: str, one: _Seen, other: _Seen) -> None:
        if one.change.command in self._known and other.change.command in self._known:
            return  # it was reported when the second of them came
        winner, loser = (one, other) if one.change.key > other.change.key else (other, one)
        if one.field != other.field:
            # whatever is changed of what was removed shows only when it is restored
            winner, loser = (one, other) if one.field == self._rules.removed else (other, one)
            if not isinstance(winner.change.event, type(self._rules.remove)):
                return
        elif self._rules.same(winner.change.event, loser.change.event):
            return
        self._pairs[stream, loser.field] = winner.change, loser.change

    def _stands(self, stream: str, winner: Change) -> bool:
        return self._newest[stream, self._rules.field_of(winner.event)] is winner


def _following(block: _Block | None, commit: Commit) -> _Block | None:
    """Return the block of moved commits that a commit belongs to; None if it was not moved."""
    came, by = _came_from(commit), commit.metadata.by
    if not came:
        return None
    count = sum(event.ordinal > 0 for event in commit.events)
    if block is None or block.by != by or came <= block.came:
        return _Block(by, came, count, came, commit.position)
    unseen = block.unseen if came == block.came + block.count else came
    return _Block(by, came, count, unseen, block.start)


def _wanted(event: Recorded) -> Any:
    """Return what someone wanted, as an event; None if this is not known, or the event only helps another one."""
    if event.ordinal <= 0:
        return None
    if isinstance(event.data, Merged):
        return event.data.event
    return None if isinstance(event.data, UnknownEvent) or event.part else event.data
