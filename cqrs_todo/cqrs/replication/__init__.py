"""Merging two copies of a log that were both changed, without losing a commit of either.

One copy is the *trunk*: all its lines stay as they are. The commits that only the other copy has are moved behind them.
There each of their events gives its field the same value as before, if no newer change of the field is known. Otherwise it
becomes a `merged` event, which keeps what was wanted and changes nothing. So each field has the value of its newest change,
in whichever order copies are merged. docs/sync.md describes the rules. This package is pure.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Generic, Literal, TypeAlias

from ..decider import C, Decider, E, S
from ..events import Commit, Recorded
from ..struct import Struct
from .registers import CREATION, Change, Clock, made_at

__all__ = [
    "CREATION",
    "EQUALS",
    "Change",
    "Clock",
    "Conflict",
    "Copy",
    "Links",
    "Merge",
    "MergeRules",
    "MergeTerms",
    "Merged",
    "MergedLog",
    "choose_trunk",
    "common_base",
    "made_at",
    "merge",
    "wanted_by",
]

Links: TypeAlias = Sequence[tuple[str, E]]
"""Links between aggregates: for each, the stream that has it, and the event that removes it."""


class MergeRules(Struct, Generic[S, C, E], frozen=True):
    """What a merge has to know of a domain.

    Attributes:
        decider: The domain.
        field_of: Returns the name of the field that an event changes, or `CREATION`.
        removed: The name of the field that `remove` and `restore` change.
        is_removed: Returns whether an aggregate is removed. Then its other fields cannot be changed.
        remove: The event that removes an aggregate.
        restore: The event that restores it.
        express: Takes an event and another state. Returns the events that give the field the same value in this state: the
            last one is the change itself, and those before it make it possible. None if the field has this value already.
        express_creation: Takes a creation and the state of an aggregate that is there. Returns the events that give each of
            its fields the value that the creation gives it.
        circle: Takes a stream, an event, and a function that returns the state of any stream. If the event would link
            aggregates in a circle, it returns the other links of the circle. Otherwise it returns None.
        old_values: By the type strings of events, the members that hold what was there before, each with a value that can
            take its place. A `merged` event is recorded without them.
        agreeing: The events that never conflict with each other, because any two of them mean the same, whatever they hold.
    """

    decider: Decider[S, C, E]
    field_of: Callable[[E], str]
    removed: str
    is_removed: Callable[[S], bool]
    remove: E
    restore: E
    express: Callable[[E, S], Sequence[E]]
    express_creation: Callable[[E, S], Sequence[E]]
    circle: Callable[[str, E, Callable[[str], S]], Sequence[tuple[str, E]] | None]
    old_values: Mapping[str, Mapping[str, Any]]
    agreeing: frozenset[type] = frozenset()

    def same(self, one: E, other: E) -> bool:
        """Return whether two events give a field the same value, or one that means the same."""
        if type(one) is not type(other):
            return False
        if type(one) in self.agreeing:
            return True
        name = next(name for name, cls in self.decider.events.items() if cls is type(one))
        old = self.old_values.get(name, {})
        members = [member for member in getattr(one, "__struct_fields__", ()) if member not in old]
        return all(getattr(one, member) == getattr(other, member) for member in members)


class MergeTerms(Struct, frozen=True):
    """What the other copy is to the log that it is merged into. By default both are copies of one log, and equals.

    Attributes:
        hub: Whether the other copy is that of a hub. It is the trunk then.
        marks: Digests of commits that are known to be on a hub. Between equals, the copy that has come farther there is the
            trunk.
        join: If it is another log, which of the two headers the joined log has: "theirs" or "ours". '' refuses another log.
    """

    hub: bool = False
    marks: frozenset[str] = frozenset()
    join: Literal["", "theirs", "ours"] = ""


EQUALS = MergeTerms()
"""Both are copies of one log, and nothing is known of a hub."""


class Merged(Struct, frozen=True):
    """The data of a `merged` event.

    Attributes:
        event: What was wanted. Its old values mean nothing.
    """

    event: Any


def wanted_by(event: Recorded[Any]) -> Any:
    """Return what was wanted by an event, which a merge may have left without effect: the data, or that of `Merged`."""
    return event.data.event if isinstance(event.data, Merged) else event.data


class Copy(Struct, frozen=True):
    """One copy of a log.

    Attributes:
        header: The line of its header.
        commits: Its commits with their digests. The data of their `merged` events are `Merged`.
        held: How many of its commits are known to be on a hub. A hub is a copy that is only appended to.
    """

    header: bytes
    commits: tuple[Commit, ...]
    held: int = 0


class Conflict(Struct, frozen=True):
    """Two changes that were made without knowing of each other, of which only one can be in force.

    Attributes:
        stream: The stream.
        field: The field of the loser. The winner changed the same field, or removed the aggregate.
        winner: The change that is in force. None if the loser is a link that would have closed a circle.
        loser: The other change.
    """

    stream: str
    field: str
    winner: Change | None
    loser: Change

    @property
    def lost(self) -> tuple[str, str, str]:
        """The stream, the field and the command of the change that lost, whatever has won."""
        return self.stream, self.field, self.loser.command


class Merge(Struct, frozen=True):
    """The result of merging two copies.

    Attributes:
        trunk: The copy that stays as it is.
        base: How many commits both copies begin with.
        added: The commits that come after those of the trunk, without digests.
        conflicts: The conflicts, in the order in which they were found.
    """

    trunk: Copy
    base: int
    added: tuple[Commit, ...]
    conflicts: tuple[Conflict, ...]


class MergedLog(Struct, frozen=True, kw_only=True):
    """A log into which another copy of it was merged.

    Attributes:
        log: The id of the log.
        before: Its commits as they were. What was forgotten in the other copy is forgotten in them.
        after: Its commits as they are. The data of their `merged` events are `Merged`.
        conflicts: The conflicts.
        forgotten: The streams that were forgotten now, because they were forgotten in the other copy.
        unreached: What may still hold the data of these streams, and could not be changed, in words.
        kept: The path of the file that keeps the log as it was; '' if nothing of it has moved.
        lacking: How many of the commits before the other copy lacks.
    """

    log: str
    before: tuple[Commit, ...]
    after: tuple[Commit, ...]
    conflicts: tuple[Conflict, ...]
    forgotten: tuple[str, ...]
    unreached: tuple[str, ...] = ()
    kept: str = ""
    lacking: int = 0

    @property
    def unchanged(self) -> int:
        """How many of its first commits the merge left as they were."""
        pairs = zip(self.before, self.after, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))

    @property
    def received(self) -> list[Commit]:
        """The commits that only the other copy had."""
        unchanged = self.unchanged
        known = {commit.metadata.command for commit in self.before[unchanged:]}
        return [commit for commit in self.after[unchanged:] if commit.metadata.command not in known]

    @property
    def changed(self) -> bool:
        """Whether the log is not what it was."""
        return bool(self.received or self.forgotten) or self.moved

    @property
    def moved(self) -> bool:
        """Whether commits that it had before are at other places now."""
        pairs = zip(self.before, self.after, strict=False)
        return any(old is not new and old.metadata.command != new.metadata.command for old, new in pairs)

    def then(self, later: "MergedLog") -> "MergedLog":
        """Return what this merge and a later one of the same log did together."""
        return MergedLog(
            log=later.log,
            before=self.before,
            after=later.after,
            conflicts=(*self.conflicts, *later.conflicts),
            forgotten=tuple(sorted({*self.forgotten, *later.forgotten})),
            unreached=(*self.unreached, *later.unreached),
            kept=later.kept or self.kept,
        )


def common_base(one: Copy, other: Copy) -> int:
    """Return how many commits two copies begin with. A digest covers all that comes before, so only digests are compared."""
    if one.header != other.header:
        return 0
    pairs = zip(one.commits, other.commits, strict=False)
    return next((place for place, (mine, yours) in enumerate(pairs) if mine.sum != yours.sum), _shorter(one, other))


def _shorter(one: Copy, other: Copy) -> int:
    return min(len(one.commits), len(other.commits))


def choose_trunk(one: Copy, other: Copy) -> tuple[Copy, Copy]:
    """Decide which of two copies is the trunk, whichever of them is named first.

    Returns:
        The trunk, and the other copy.
    """
    base = common_base(one, other)
    trunk, branch = sorted((one, other), key=lambda copy: _preference(copy, base))
    return trunk, branch


def _preference(copy: Copy, base: int) -> tuple[int, int, bytes, str, str]:
    """Return what copies are compared by; the trunk is the smaller one.

    The digest, which depends on the data of events, decides only between copies that begin with the same command.
    """
    first = copy.commits[base] if base < len(copy.commits) else None
    names = ("", "") if first is None else (first.metadata.command, first.sum)
    return -copy.held, -len(copy.commits), copy.header, *names


def merge(one: Copy, other: Copy, rules: MergeRules[S, C, E], *, hub: Copy | None = None) -> Merge:
    """Merge two copies of a log, in which the same streams are forgotten.

    The result is the same if the copies are exchanged. To merge it with one of them again changes nothing.

    Args:
        one: A copy.
        other: Another copy.
        rules: What the merge has to know of the domain.
        hub: The one of the two that is a hub, and stays as it is. None: `choose_trunk` decides.

    Raises:
        CannotMerge: A commit would have to be moved that this code does not fully know.
    """
    base = common_base(one, other)
    longer, shorter = (one, other) if len(one.commits) >= len(other.commits) else (other, one)
    if one.header == other.header and base == len(shorter.commits):
        return Merge(longer, base, (), ())
    trunk, branch = choose_trunk(one, other) if hub is None else (hub, other if hub is one else one)
    from .moving import Moving  # it is not needed if one copy is the beginning of the other

    return Moving(trunk, branch, base, rules).run()
