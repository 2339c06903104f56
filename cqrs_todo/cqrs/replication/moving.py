"""Moving the commits of one copy of a log behind those of another one, the trunk."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic

from ..decider import C, E, S
from ..events import (
    EXTRA,
    FORGOTTEN,
    FROM,
    LOST,
    MADE,
    MERGED,
    REDOES,
    REPAIRED,
    RESTORES,
    STAMP,
    UNDOES,
    Commit,
    Metadata,
    Recorded,
    marked,
)
from ..operation_errors import CannotMerge
from ..struct import Struct
from . import Conflict, Copy, Merge, Merged, MergeRules
from .aggregates import Aggregates
from .registers import CHANGED, CREATION, FIRST, NO_KEY, Change, Clock, Key, made_at, time_text


class _Placed(Struct, frozen=True):
    """An event of a commit that is moved.

    Attributes:
        stream: Its stream.
        type: Its type string.
        data: Its data.
        tags: Its tags.
        helps: Whether nobody asked for it: it only makes another event of the commit possible.
    """

    stream: str
    type: str
    data: Any
    tags: tuple[str, ...] = ()
    helps: bool = False


def _is_wanted(event: Recorded) -> bool:
    """Return whether somebody wanted an event: a merge did not add it, and it does not say what a repaired copy has lost."""
    return event.ordinal >= 0 and event.type not in (LOST, REPAIRED)


class _End:
    """The end of a log, while commits are read and moved behind it.

    Attributes:
        clock: The clock of the log.
        at: The time of the last commit.
        position: The position of the last event.
        positions: The positions of the commits, by command ids.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.at, self.position = FIRST, 0
        self.positions: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self._steps: dict[str, Key] = {}  # the newest undo or redo of each commit, by command ids

    def read(self, commit: Commit) -> Key:
        """Read the next commit, and return the key of its changes."""
        key = (CHANGED, self.clock.stamp(commit.metadata), commit.metadata.command)
        for event in commit.events:
            self._versions[event.stream] = event.version
        self._add(commit.metadata, key, commit.position)
        self.at, self.position = commit.at, commit.last
        return key

    def append(self, placed: Sequence[_Placed], metadata: Metadata, key: Key) -> Commit:
        """Place a commit at the end."""
        events, ordinals = [], metadata.ordinals(len(placed))
        for place, each in enumerate(placed):
            position = self.position + 1 + place
            version = self._versions[each.stream] = self._versions.get(each.stream, 0) + 1
            events.append(
                Recorded(position, each.stream, version, each.type, each.data, metadata, ordinals[place], each.tags)
            )
        self._add(metadata, key, events[0].position)
        self.at, self.position = metadata.at, events[-1].position
        return Commit(tuple(events), metadata)

    def newest_step(self, command: str) -> Key:
        """Return the key of the newest undo or redo of a commit."""
        return self._steps.get(command, NO_KEY)

    def _add(self, metadata: Metadata, key: Key, position: int) -> None:
        for command in (*marked(metadata, UNDOES), *marked(metadata, REDOES)):
            self._steps[command] = max(key, self.newest_step(command))
        self.positions[metadata.command] = position


class _Differences(Generic[S, C, E]):
    """What both copies have changed, and what people should know of that."""

    def __init__(
        self, rules: MergeRules[S, C, E], aggregates: Aggregates[S, C, E], end: _End, trunk: Copy, branch: Copy
    ) -> None:
        self._rules, self._aggregates, self._end = rules, aggregates, end
        self._trunk_end = trunk.commits[-1].last if trunk.commits else 0
        self._known_to_branch = {commit.metadata.command for commit in branch.commits}
        # by stream and field: the newest change in the trunk, and the newest one that was moved
        self._found: dict[tuple[str, str], Change | None] = {}
        self._moved: dict[tuple[str, str], Change] = {}
        self._circles: list[Conflict] = []

    def add(self, stream: str, field: str, newest: Change | None, moved: Change) -> None:
        """Take note of a change that is moved, and of the newest one of the same field before."""
        self._found.setdefault((stream, field), newest)
        self._moved[stream, field] = moved

    def add_circle(self, stream: str, field: str, dropped: Change) -> None:
        """Take note of a link that is left out, or removed, because it would close a circle."""
        self._circles.append(Conflict(stream, field, None, dropped))

    def conflicts(self) -> Iterator[Conflict]:
        """Yield the changes of which neither copy had both, and of which only one is in force; then the circles."""
        for (stream, field), moved in self._moved.items():
            found = self._found[stream, field]
            if found is None or not self._is_change(found) or not self._is_change(moved):
                continue
            if not self._rules.same(found.event, moved.event):
                winner, loser = (found, moved) if found.key > moved.key else (moved, found)
                yield Conflict(stream, field, winner, loser)
        for stream in dict.fromkeys(stream for stream, _ in self._moved):
            yield from self._lost_by_removal(stream)
        yield from self._circles

    def _is_change(self, change: Change) -> bool:
        """Return whether a change is not a creation, and one of the two copies did not know of it."""
        is_elsewhere = change.command not in self._known_to_branch or self._is_moved(change)
        return is_elsewhere and change.key[0] == CHANGED and self._rules.field_of(change.event) != CREATION

    def _is_moved(self, change: Change) -> bool:
        return self._end.positions[change.command] > self._trunk_end

    def _lost_by_removal(self, stream: str) -> Iterator[Conflict]:
        """Yield the changes of an aggregate that the other copy removed."""
        removal = self._aggregates.newest(stream, self._rules.removed)
        if removal is None or not self._rules.is_removed(self._aggregates.state(stream)) or not self._is_change(removal):
            return
        for field, change in self._aggregates.changes(stream).items():
            apart = self._is_moved(change) != self._is_moved(removal)
            if field != self._rules.removed and self._is_change(change) and apart:
                yield Conflict(stream, field, removal, change)


class Moving(Generic[S, C, E]):
    """Moves the commits that only a branch has behind those of a trunk."""

    def __init__(self, trunk: Copy, branch: Copy, base: int, rules: MergeRules[S, C, E]) -> None:
        """Prepare to move commits.

        Args:
            trunk: The copy that stays as it is.
            branch: The other copy.
            base: How many commits both begin with.
            rules: What the merge has to know of the domain.
        """
        self._trunk, self._branch, self._base, self._rules = trunk, branch, base, rules
        self._types = {cls: type for type, cls in rules.decider.events.items()}
        self._aggregates = Aggregates(rules)
        self._end = _End()
        self._differences = _Differences(rules, self._aggregates, self._end, trunk, branch)

    def run(self) -> Merge:
        """Return the merge.

        Raises:
            CannotMerge: A commit that would have to be moved is not fully known.
        """
        for commit in self._trunk.commits[: self._base]:
            self._read(commit)
        clock = Clock(self._end.clock.last)
        for commit in self._trunk.commits[self._base :]:
            self._read(commit)
        added = []
        for commit in self._branch.commits[self._base :]:
            stamp = clock.stamp(commit.metadata)
            if commit.metadata.command not in self._end.positions and any(map(_is_wanted, commit.events)):
                added.append(self._move(commit, (CHANGED, stamp, commit.metadata.command)))
        return Merge(self._trunk, self._base, tuple(added), tuple(self._differences.conflicts()))

    def _read(self, commit: Commit) -> None:
        self._aggregates.read(commit, self._end.read(commit))

    def _move(self, commit: Commit, key: Key) -> Commit:
        """Return a commit as it is behind all others.

        Args:
            commit: The commit of the branch.
            key: The key of its changes.
        """
        placed = [each for event in commit.events for each in self._placed(event, key)]
        meta = self._meta(commit, key, [place for place, each in enumerate(placed, 1) if each.helps])
        at = max(made_at(commit.metadata), self._end.at)
        return self._end.append(placed, Metadata(at, commit.metadata.by, commit.metadata.command, meta), key)

    def _meta(self, commit: Commit, key: Key, extra: list[int]) -> dict[str, Any]:
        meta = {name: value for name, value in commit.metadata.meta.items() if name != EXTRA}
        for name in (UNDOES, REDOES):
            if name in meta:
                # a newer undo or redo has decided whether these commits are in force
                meta[name] = [each for each in marked(commit.metadata, name) if self._end.newest_step(each) <= key]
                if not meta[name]:
                    del meta[name]
        if isinstance(meta.get(RESTORES), int):
            meta[RESTORES] = self._position_here(meta[RESTORES])
        meta.setdefault(STAMP, time_text(key[1]))
        meta.setdefault(MADE, time_text(commit.at))
        meta.setdefault(FROM, commit.position)
        return {**meta, EXTRA: extra} if extra else meta

    def _position_here(self, position: int) -> int:
        """Return where the commit is now that was at a position of the branch."""
        last = next((each for each in reversed(self._branch.commits) if each.position <= position), None)
        return position if last is None else self._end.positions.get(last.metadata.command, position)

    def _placed(self, event: Recorded, key: Key) -> Iterator[_Placed]:
        """Yield what becomes of an event: the event itself, and those that make it possible."""
        if not _is_wanted(event):
            return
        if event.type == FORGOTTEN:
            yield _Placed(event.stream, FORGOTTEN, event.data)
            return
        stream, wanted = event.stream, self._aggregates.wanted(event)
        unknown = self._aggregates.unknown(stream)
        if wanted is None or unknown:
            what = unknown or event.unknown or f"@{event.position}, {event.type}"
            raise CannotMerge(f"an event is not known to this program: {what}")
        field = self._rules.field_of(wanted)
        newest = self._aggregates.newest(stream, field)
        change = self._aggregates.note(stream, wanted, key, event.metadata)
        self._differences.add(stream, field, newest, change)
        is_newest = newest is None or change.key >= newest.key
        merged = _Placed(stream, MERGED, Merged(wanted), event.tags)
        if field == CREATION and self._aggregates.state(stream) == self._rules.decider.initial:
            yield self._as_is(stream, wanted, event.tags)
            yield from self._changes_since(stream, change)
        elif not is_newest or self._aggregates.state(stream) == self._rules.decider.initial:
            yield merged
        elif field == CREATION:
            yield from self._fields_of_creation(stream, wanted, change)
            yield merged
        else:
            fits, others = self._without_circle(stream, field, change)
            yield from others
            expressed = self._rules.express(wanted, self._aggregates.state(stream)) if fits else ()
            if not expressed:
                yield merged
            elif field == self._rules.removed:
                yield from self._change(stream, expressed, event.tags)
            else:
                yield from self._restored(stream, self._change(stream, expressed, event.tags))

    def _change(self, stream: str, expressed: Sequence[E], tags: tuple[str, ...]) -> Iterator[_Placed]:
        *helpers, last = expressed
        yield from self._helpers(stream, helpers)
        yield self._as_is(stream, last, tags)

    def _as_is(self, stream: str, data: E, tags: tuple[str, ...] = (), *, helps: bool = False) -> _Placed:
        self._aggregates.evolve(stream, data)
        return _Placed(stream, self._types[type(data)], data, tags, helps)

    def _helpers(self, stream: str, events: Iterable[E]) -> Iterator[_Placed]:
        for event in events:
            yield self._as_is(stream, event, helps=True)

    def _restored(self, stream: str, placed: Iterator[_Placed]) -> Iterator[_Placed]:
        """Yield changes of an aggregate. If it is removed, it is restored before, and removed again afterwards."""
        if not self._rules.is_removed(self._aggregates.state(stream)):
            yield from placed
            return
        yield from self._helpers(stream, [self._rules.restore])
        yield from placed
        yield from self._helpers(stream, [self._rules.remove])

    def _changes_since(self, stream: str, creation: Change) -> Iterator[_Placed]:
        """Yield the newer changes of an aggregate whose creation the trunk had lost, so that they had no effect there."""
        changes = self._aggregates.changes(stream).items()
        newer = [(field == self._rules.removed, each) for field, each in changes if each.key > creation.key]
        for _, each in sorted(newer, key=lambda change: (change[0], change[1].key)):  # what is removed cannot be changed
            if each.command != creation.command and self._rules.circle(stream, each.event, self._aggregates.state) is None:
                yield from self._helpers(stream, self._rules.express(each.event, self._aggregates.state(stream)))

    def _fields_of_creation(self, stream: str, wanted: E, change: Change) -> Iterator[_Placed]:
        """Yield what a second creation, the newer one, makes of the fields that were not changed since."""
        removed = self._aggregates.changes(stream)[self._rules.removed]
        if removed.command == change.command and self._rules.is_removed(self._aggregates.state(stream)):
            yield from self._helpers(stream, [self._rules.restore])
        events = []
        for event in self._rules.express_creation(wanted, self._aggregates.state(stream)):
            own = self._aggregates.changes(stream).get(self._rules.field_of(event))
            if own is None or own.key <= change.key:
                events.append(event)
        if events:
            yield from self._restored(stream, self._helpers(stream, events))

    def _without_circle(self, stream: str, field: str, change: Change) -> tuple[bool, list[_Placed]]:
        """Find out whether a link can be made. Of the links of a circle, the newest one is left out.

        Returns:
            Whether the link can be made, and the events that remove others.
        """
        removals: list[_Placed] = []
        while (links := self._rules.circle(stream, change.event, self._aggregates.state)) is not None:
            newest, other, removal = max(
                ((self._aggregates.key(other, self._rules.field_of(removal)), other, removal) for other, removal in links),
                key=lambda link: link[0],
                default=(NO_KEY, "", None),
            )
            if removal is None or newest < change.key:
                self._differences.add_circle(stream, field, change)
                return False, removals
            dropped = self._aggregates.newest(other, self._rules.field_of(removal))
            if dropped is not None:
                self._differences.add_circle(other, self._rules.field_of(removal), dropped)
            removals += self._restored(other, self._helpers(other, [removal]))
        return True, removals
