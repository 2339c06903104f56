"""The conflicts that another machine has already merged in part.

A machine that merges finds conflicts while it moves commits. A machine that receives the result moves nothing. But each
commit that was moved says where it was before, so the changes that its author had not seen are known.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..events import FROM, Commit, Recorded, UnknownEvent
from ..struct import Struct
from . import Conflict, Merged, MergeRules
from .registers import CHANGED, CREATION, Change, Clock


class _Block(Struct, frozen=True):
    """Commits of one author that follow one another, because merges have moved them.

    Attributes:
        by: The author.
        came: Where the last one of them was before.
        count: How many events it had there.
        unseen: The first position of what its author had not seen.
        start: Where the first one of them is. What is before it, and not what is in the block, is unseen.
    """

    by: str
    came: int
    count: int
    unseen: int
    start: int


class _Seen(Struct, frozen=True):
    """A change.

    Attributes:
        position: Where its commit is.
        first: Where its commit may have been before: an author who had seen that much may have seen it there.
        field: The field.
        change: The change.
    """

    position: int
    first: int
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
        The conflicts. The winner of each stands: no newer change of its field is known.
    """
    came = [position for commit in trunk[base:] if (position := _came_from(commit))]
    return _Reading(known, min(came), rules).conflicts(trunk, added) if came else ()


def lost(commits: Sequence[Commit], rules: MergeRules[Any, Any, Any]) -> Sequence[Conflict]:
    """Return the changes that lost a conflict and still have no effect.

    Args:
        commits: All commits of a log. The data of their `merged` events are `Merged`.
        rules: What a merge has to know of the domain.

    Returns:
        Each with the change that is in force now, which may be newer than the one that it lost to.
    """
    came = [position for commit in commits if (position := _came_from(commit))]
    if not came:
        return ()
    reading = _Reading((), min(came), rules)
    reading.conflicts(commits, ())
    return reading.lost()


def conflict_now(
    stream: str, field: str, winner: Change, loser: Change, rules: MergeRules[Any, Any, Any]
) -> Conflict | None:
    """Return the conflict of a change that lost with the change that is in force now; None if that has made it good.

    Args:
        stream: The stream of both.
        field: The field of the change that lost.
        winner: The newest change of the field of what it lost to: the same field, or the one that says what is removed.
        loser: The change that lost.
        rules: What a merge has to know of the domain.
    """
    if winner is loser:  # it would have closed a circle
        return Conflict(stream, field, None, loser)
    if rules.field_of(winner.event) != field and not isinstance(winner.event, type(rules.remove)):  # it was restored
        return None
    return None if rules.same(winner.event, loser.event) else Conflict(stream, field, winner, loser)


def _came_from(commit: Commit) -> int:
    """Return where a commit was before it was moved; 0 if it was not."""
    position = commit.metadata.meta.get(FROM)
    return position if isinstance(position, int) else 0


class _Reading:
    """Reads the commits of a log one after the other."""

    def __init__(self, known: Collection[str], first: int, rules: MergeRules[Any, Any, Any]) -> None:
        self._known = known
        # the changes that lost, with the fields of what they lost to, by the streams, their fields, and their commands
        self._losers: dict[tuple[str, str, str], tuple[str, Change]] = {}
        self._first = first  # every author had seen what is before
        self._rules = rules
        self._seen: dict[str, list[_Seen]] = {}
        self._moved: dict[str, list[_Seen]] = {}  # by the block that is read
        self._newest: dict[tuple[str, str], Change] = {}
        # the winner and the loser, by the stream and the fields of both
        self._pairs: dict[tuple[str, str, str], tuple[Change, Change]] = {}

    def conflicts(self, trunk: Sequence[Commit], added: Sequence[Commit]) -> Sequence[Conflict]:
        """Return the conflicts of a log."""
        clock = Clock()
        block: _Block | None = None
        for commit in trunk:
            following = _following(block, commit)
            if block is not None and (
                following is None or (following.unseen, following.start) != (block.unseen, block.start)
            ):
                self._close(block)
            block = following
            self._read(commit, clock, self._seen if block is None else self._moved)
        if block is not None:
            self._close(block)
        for commit in added:
            self._read(commit, clock, self._seen)
        return [
            Conflict(stream, field, winner, loser)
            for (stream, other, field), (winner, loser) in self._pairs.items()
            if self._newest[stream, other] is winner and self._would_show(stream, field, other, loser)
        ]

    def lost(self) -> Sequence[Conflict]:
        """Return the changes that lost and still have no effect."""
        found = (
            conflict_now(stream, field, self._newest[stream, other], loser, self._rules)
            for (stream, field, _), (other, loser) in self._losers.items()
            if self._would_show(stream, field, other, loser)
        )
        return [conflict for conflict in found if conflict is not None]

    def _would_show(self, stream: str, field: str, other: str, loser: Change) -> bool:
        """Return whether a change that lost to one of another field would show without that: nothing newer replaced it."""
        return other == field or self._newest[stream, field] is loser

    def _read(self, commit: Commit, clock: Clock, into: dict[str, list[_Seen]]) -> None:
        """Take note of the changes of a commit."""
        key = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command)
        if commit.position < self._first:
            return
        created: set[str] = set()
        first = min(commit.position, _came_from(commit) or commit.position)
        asked = {event.stream for event in commit.events if event.ordinal > 0}
        for event in commit.events:
            wanted = _wanted(event)
            if wanted is None:
                if event.ordinal < 0 and event.stream not in asked:
                    self._note_left_out(event)
                continue
            field = self._rules.field_of(wanted)
            if field == CREATION:
                created.add(event.stream)
            elif event.stream not in created:  # what a commit sets of what it creates is a part of the creation
                change = Change(key, wanted, commit.metadata)
                into.setdefault(event.stream, []).append(_Seen(commit.position, first, field, change))
                newest = self._newest.get((event.stream, field))
                if newest is None or key >= newest.key:
                    self._newest[event.stream, field] = change

    def _note_left_out(self, event: Recorded) -> None:
        """Take note of a link that a merge has removed, because a newer link closes a circle with it."""
        if isinstance(event.data, UnknownEvent):
            return
        field = self._rules.field_of(event.data)
        link = self._newest.get((event.stream, field))
        if field != self._rules.removed and link is not None:
            self._losers[event.stream, field, link.command] = field, link

    def _close(self, block: _Block) -> None:
        """Compare the changes of a block with those that its author had not seen."""
        for stream, moved in self._moved.items():
            before = self._seen.setdefault(stream, [])
            own = _newest(moved)
            others = _newest(each for each in before if block.unseen <= each.first and each.position < block.start)
            for field, change in own.items():
                if field in others and not self._rules.same(change.event, others[field].event):
                    self._pair(stream, field, *_ordered(change, others[field]))
            self._pair_with_removal(stream, own, others)
            before += moved
        self._moved = {}

    def _pair_with_removal(self, stream: str, own: Mapping[str, Change], others: Mapping[str, Change]) -> None:
        """Take note of the changes of what the other side removed."""
        sides = [side for side in (own, others) if self._rules.removed in side]
        side = max(sides, key=lambda side: side[self._rules.removed].key, default=None)
        if side is None or not isinstance(side[self._rules.removed].event, type(self._rules.remove)):
            return
        removal = side[self._rules.removed]
        for field, change in (others if side is own else own).items():
            if field != self._rules.removed and (field not in side or side[field].key < change.key):
                self._pair(stream, field, removal, change)

    def _pair(self, stream: str, field: str, winner: Change, loser: Change) -> None:
        self._losers[stream, field, loser.command] = self._rules.field_of(winner.event), loser
        if winner.command not in self._known or loser.command not in self._known:  # otherwise it was reported before
            self._pairs[stream, self._rules.field_of(winner.event), field] = winner, loser


def _newest(changes: Iterable[_Seen]) -> dict[str, Change]:
    """Return the newest of some changes of one stream, by their fields."""
    return {each.field: each.change for each in sorted(changes, key=lambda each: each.change.key)}


def _ordered(one: Change, other: Change) -> tuple[Change, Change]:
    """Return two changes, the newer one first."""
    return (one, other) if one.key > other.key else (other, one)


def _following(block: _Block | None, commit: Commit) -> _Block | None:
    """Return the block of moved commits that a commit belongs to; None if it was not moved."""
    came, by = _came_from(commit), commit.metadata.by
    if not came:
        return None
    count = sum(event.ordinal > 0 for event in commit.events)
    if block is None or block.by != by or came <= block.came:
        return _Block(by, came, count, came, commit.position)
    # after a gap: meanwhile the author had received what others did
    unseen = block.unseen if came == block.came + block.count else came
    return _Block(by, came, count, unseen, block.start)


def _wanted(event: Recorded) -> Any:
    """Return what someone wanted, as an event; None if this is not known, or the event only helps another one."""
    if event.ordinal <= 0:
        return None
    if isinstance(event.data, Merged):
        return event.data.event
    return None if isinstance(event.data, UnknownEvent) or event.part else event.data
