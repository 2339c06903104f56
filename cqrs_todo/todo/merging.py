"""What a merge of two copies of a list has to know of todos, derived from the declarations of the fields."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..cqrs.events import FROM, MADE, MERGED, REDOES, STAMP, UNDOES, Commit, Metadata, Recorded, UnknownEvent, marked
from ..cqrs.fold import Fold
from ..cqrs.replication import Change, Clock, Conflict, Merged, MergedLog, MergeRules, wanted_by
from ..cqrs.replication.arrived import arrived_conflicts, conflict_now, lost
from ..cqrs.replication.registers import CHANGED, NO_KEY, Key, Registers, time_text
from ..cqrs.struct import Struct, replace
from .events import (
    DependencyAdded,
    ParentChanged,
    TodoCompleted,
    TodoCreated,
    TodoEvent,
    TodoRemoved,
    TodoReopened,
    TodoRestored,
)
from .fields import (
    DEPENDS,
    FIELD_BY_EVENT,
    FIELDS,
    PARENT,
    TEXT,
    KeyedField,
    SetField,
    State,
    Todo,
)
from .model import DECIDER, TodoCommand, events_between, field_of, new_todo
from .recurrence import next_id
from .values import matching_words
from .views import MOVE, Item, Move, id_of, items_of, move_of

REMOVED = "removed"
"""The name of the field that says whether a todo is removed."""

_ANY_DAY = "0001-01-01"


def express(event: TodoEvent, state: State) -> Sequence[TodoEvent]:
    """Return the events that give a field of a todo the value that an event gave it in another state.

    Args:
        event: The event, which is not a creation.
        state: The todo as it is.

    Returns:
        The events. The last one is the change itself, and those before it make it possible. None if the field has the value.
    """
    if state is None:
        return ()
    match event:
        case TodoCompleted(completed):
            if state.completed is None:
                return (event,)
            return () if state.completed == completed else (TodoReopened(state.completed), event)
        case TodoReopened():
            return () if state.completed is None else (TodoReopened(state.completed),)
        case TodoRemoved():
            return () if state.removed else (event,)
        case TodoRestored():
            return (event,) if state.removed else ()
    field = FIELD_BY_EVENT[type(event)]
    present = getattr(state, field.name)
    if isinstance(field, SetField):
        word = getattr(event, field.item)
        same = matching_words(present, word)
        if type(event) is field.added[1]:
            return () if same else (event,)
        return tuple(map(field.drop, same))
    values: Any = event
    if isinstance(field, KeyedField):
        old = dict(present).get(values.key)
        return () if old == values.new else (field.changed(values.key, old, values.new),)
    return field.events_between(present, values.new)


def is_as_wanted(event: TodoEvent, state: State) -> bool:
    """Return whether a todo is as somebody wanted it. On which day it was done makes no difference.

    Args:
        event: What was wanted.
        state: The todo as it is, which may be in another list.
    """
    if isinstance(event, TodoCompleted):
        return state is None or state.done
    return not express(event, state)


def express_creation(event: TodoEvent, state: State) -> Sequence[TodoEvent]:
    """Return the events that give each field of a todo the value that a creation gives it, except whether it is removed."""
    if state is None or not isinstance(event, TodoCreated):
        return ()
    return events_between(replace(state, removed=False), new_todo(event))


def circle(stream: str, event: TodoEvent, state_of: Callable[[str], State]) -> Sequence[tuple[str, TodoEvent]] | None:
    """Return the other links of the circle that a link would close; None if it closes none, or the event makes no link.

    Links of removed todos count, because these can be restored.

    Args:
        stream: The stream of the todo that gets the link.
        event: The event.
        state_of: Returns the state of a todo by its stream.
    """
    match event:
        case ParentChanged(_, str(id)):
            return _way(id, stream, state_of, _parent)
        case DependencyAdded(id):
            return _way(id, stream, state_of, _dependencies)
    return None


def _parent(todo: Todo) -> Sequence[tuple[str, TodoEvent]]:
    return () if todo.parent is None else ((todo.parent, PARENT.changed(todo.parent, None)),)


def _dependencies(todo: Todo) -> Sequence[tuple[str, TodoEvent]]:
    return [(id, DEPENDS.drop(id)) for id in todo.depends]


def _way(
    start: str, end: str, state_of: Callable[[str], State], links: Callable[[Todo], Sequence[tuple[str, TodoEvent]]]
) -> Sequence[tuple[str, TodoEvent]] | None:
    """Return the links on the way from a todo, named by its id, to a stream; None if there is no way."""
    ways: dict[str, tuple[tuple[str, TodoEvent], ...]] = {DECIDER.stream(start): ()}
    left = list(ways)
    while left:
        stream = left.pop()
        if stream == end:
            return ways[stream]
        todo = state_of(stream)
        for id, removal in () if todo is None else links(todo):
            following = DECIDER.stream(id)
            if following not in ways:
                ways[following] = (*ways[stream], (stream, removal))
                left.append(following)
    return None


def _old_values() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"todo_reopened": {"completed": _ANY_DAY}}
    for field in FIELDS:
        if not isinstance(field, SetField):
            found[field.event] = {"old": "" if field is TEXT else None}
    return found


RULES: MergeRules[State, TodoCommand, TodoEvent] = MergeRules(
    decider=DECIDER,
    field_of=field_of,
    removed=REMOVED,
    is_removed=lambda state: state is not None and state.removed,
    remove=TodoRemoved(),
    restore=TodoRestored(),
    express=express,
    express_creation=express_creation,
    circle=circle,
    old_values=_old_values(),
    agreeing=frozenset({TodoCompleted}),  # both have done it
)

_COMPLETIONS = replace(RULES, removed=field_of(TodoCompleted(_ANY_DAY)), remove=TodoCompleted(_ANY_DAY))
"""With these rules, a change conflicts with a completion that it did not know of, as it does with a removal otherwise."""


class Renumbered(Struct, frozen=True):
    """A todo that has another number after a merge.

    Args:
        old: Its number before.
        new: Its number now.
        text: Its text.
    """

    old: int
    new: int
    text: str


class TooLate(Struct, frozen=True):
    """A change of a todo of a series that another machine had completed, so that the next todo lacks it.

    Args:
        conflict: The change, which is the loser, and the completion.
        following: The stream of the todo that lacks it.
    """

    conflict: Conflict
    following: str


class Conflicts(Struct, frozen=True):
    """The conflicts in a list.

    Args:
        fold: The list.
        conflicts: The conflicts in fields of one todo.
        too_late: The conflicts of changes with completions that created a next todo.
    """

    fold: Fold[State]
    conflicts: tuple[Conflict, ...]
    too_late: tuple[TooLate, ...]

    @property
    def all_conflicts(self) -> Sequence[Conflict]:
        """The conflicts of both kinds."""
        return (*self.conflicts, *(each.conflict for each in self.too_late))


class MergedTodos(Conflicts, frozen=True, kw_only=True):
    """What a merge did to a list, which is the list after it.

    Args:
        received: How many todos and changes came from the other copy: its commits.
        renumbered: The todos whose numbers have changed.
        moved_to: The names of the lists that todos were moved to in the other copy, by their streams.
        under_closed: The open todos that came to be under a todo that is done or removed.
    """

    received: int
    renumbered: tuple[Renumbered, ...]
    moved_to: Mapping[str, str]
    under_closed: tuple[Item, ...]


def merged_todos(merged: MergedLog) -> MergedTodos:
    """Find out what a merge did to the todos of a list."""
    unchanged = merged.unchanged
    before = _applied(merged.before[:unchanged], Fold(DECIDER))
    after = _applied(merged.after[unchanged:], before.copy())
    _applied(merged.before[unchanged:], before)
    old = {entity.stream: entity.number for entity in before}
    renumbered = [
        Renumbered(old[item.stream], item.number, item.todo.text)
        for item in items_of(after)
        if old.get(item.stream, item.number) != item.number
    ]
    moved: dict[str, str] = {}
    for commit in merged.received:
        move = move_of(commit)
        if move is not None and move.source == merged.log:
            moved |= {event.stream: move.target_name for event in commit.events}
    gone = {stream: name for stream, name in moved.items() if (state := after[stream].state) is not None and state.removed}
    new = {item.stream: item for item in _open_under_closed(after)}
    known = {item.stream for item in _open_under_closed(before)}
    has_moved = any(FROM in commit.metadata.meta for commit in merged.after[unchanged:])
    commands = {commit.metadata.command for commit in merged.before} if has_moved else ()
    received = {commit.metadata.command for commit in merged.received}
    moves = _removed_and_moved(merged.after, unchanged, received)
    circles = _newly_left_out(merged, before, after)
    found = _conflicts([*_in_force(merged), *circles, *moves], _too_late(merged.after, commands, unchanged), after)
    return MergedTodos(
        fold=after,
        conflicts=found.conflicts,
        too_late=found.too_late,
        received=len(merged.received),
        renumbered=tuple(renumbered),
        moved_to=gone,
        under_closed=tuple(item for stream, item in new.items() if stream not in known),
    )


def _in_force(merged: MergedLog) -> Iterator[Conflict]:
    """Yield the conflicts of a merge with the changes that are in force now.

    If several copies were merged, one after the other, a later one may have had a newer change.
    """
    streams = {conflict.stream for conflict in merged.conflicts}
    registers, clock = Registers(REMOVED), Clock()
    for commit in merged.after if streams else ():
        key = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command)
        for event in commit.events:
            wanted = wanted_by(event)
            if event.stream in streams and event.ordinal > 0 and not isinstance(wanted, UnknownEvent):
                registers.add(event.stream, field_of(wanted), Change(key, wanted, commit.metadata))
    seen = set()
    for conflict in merged.conflicts:
        now: Conflict | None = conflict
        if conflict.winner is not None:
            newest = registers.newest(conflict.stream, field_of(conflict.winner.event))
            if newest is not None and newest.command != conflict.winner.command:
                now = conflict_now(conflict.stream, conflict.field, newest, conflict.loser, RULES)
        if now is not None:
            about = (*now.lost, _winner(now))
            if about not in seen:
                seen.add(about)
                yield now


def _newly_left_out(merged: MergedLog, before: Fold[State], after: Fold[State]) -> Iterator[Conflict]:
    """Yield the links that another machine has left out or removed because of a circle, and that were not left out before.

    Args:
        merged: The merge.
        before: The list before it.
        after: The list after it.
    """
    changed = (event for commit in merged.after[merged.unchanged :] for event in commit.events)
    if not merged.before or not any(_may_leave_out(event) for event in changed):
        return
    known = {each.lost for each in (*merged.conflicts, *_all_left_out(merged.before, before))}
    yield from (each for each in _all_left_out(merged.after, after) if each.lost not in known)


def _may_leave_out(event: Recorded) -> bool:
    """Return whether an event may be there because a merge has left out or removed a link."""
    return FIELD_BY_EVENT.get(type(wanted_by(event))) in (PARENT, DEPENDS) and (
        isinstance(event.data, Merged) or event.ordinal < 0
    )


def _all_left_out(commits: Sequence[Commit], fold: Fold[State]) -> list[Conflict]:
    """Return the links that are not there because they would have closed a circle."""
    return [*(each for each in lost(commits, RULES) if each.winner is None), *_left_out(commits, fold)]


def lost_changes(commits: Sequence[Commit]) -> Conflicts:
    """Return the changes in a list that lost a conflict and still have no effect.

    So are those of a todo of a series that came too late for the next one.

    Args:
        commits: All commits of the list, as a merge gives them.
    """
    fold = _applied(commits, Fold(DECIDER))
    moves = _removed_and_moved(commits, 0, {commit.metadata.command for commit in commits})
    return _conflicts([*lost(commits, RULES), *_left_out(commits, fold), *moves], _too_late(commits, (), 0), fold)


def _conflicts(conflicts: Sequence[Conflict], late: Sequence[Conflict], fold: Fold[State]) -> Conflicts:
    """Return conflicts as people should see them.

    Args:
        conflicts: The conflicts in fields of one todo. Of moves, those of todos that are here are left out.
        late: The conflicts with completions.
        fold: The list.
    """
    too_late = [
        TooLate(conflict, following)
        for conflict in late
        if (following := _lacking(conflict.loser.event, conflict.stream, fold)) is not None
    ]
    removals = {each.conflict.loser.command for each in too_late if isinstance(each.conflict.loser.event, TodoRemoved)}
    shown = [
        each
        for each in conflicts
        # who has removed a todo that is done has to know only that its series goes on
        if not (_is_of_completion(each) and _winner(each) in removals)
        and not (_is_of_move(each) and (state := fold[each.stream].state) is not None and not state.removed)
    ]
    return Conflicts(fold, tuple(shown), tuple(too_late))


def _left_out(commits: Sequence[Commit], fold: Fold[State]) -> Iterator[Conflict]:
    """Yield the links that are not there because they would have closed a circle when they were moved."""
    registers, clock = Registers(REMOVED), Clock()
    links: dict[tuple[str, str], Change] = {}
    for commit in commits:
        key = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command)
        for event in commit.events:
            wanted = wanted_by(event)
            if FIELD_BY_EVENT.get(type(wanted)) in (PARENT, DEPENDS) and event.ordinal > 0:
                change = Change(key, wanted, commit.metadata)
                registers.add(event.stream, field_of(wanted), change)
                if isinstance(event.data, Merged):
                    links[event.stream, field_of(wanted)] = change
    for (stream, field), link in links.items():
        state = fold[stream].state
        if (
            registers.newest(stream, field) is link
            and state is not None
            and not state.removed
            and express(link.event, state)
        ):
            yield Conflict(stream, field, None, link)


def _removed_and_moved(commits: Sequence[Commit], base: int, received: set[str]) -> Iterator[Conflict]:
    """Yield the conflicts of removals with moves: both remove a todo from the list, but it stays in the other list.

    Args:
        commits: All commits of a log.
        base: How many of them a merge left as they were.
        received: Command ids. Only a conflict with one of them on one side is yielded.
    """
    if not any(isinstance(event.data, Merged) and _removes(event) for commit in commits[base:] for event in commit.events):
        return
    clock = Clock()
    removals: dict[str, list[Change]] = {}  # of each todo, those since it was there for the last time
    for commit in commits:
        key = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command)
        for event in commit.events:
            if event.ordinal <= 0:  # it only helps a change of what is removed
                continue
            if _removes(event):
                if not isinstance(event.data, Merged):
                    removals[event.stream] = []
                removals.setdefault(event.stream, []).append(Change(key, TodoRemoved(), commit.metadata))
            elif isinstance(wanted_by(event), TodoRestored) and event.stream in removals:
                left = [each for each in removals[event.stream] if not _undoes_removal(commit.metadata, key, each)]
                removals[event.stream] = left
    for stream, changes in removals.items():
        moves = [change for change in changes if MOVE in change.metadata.meta]
        for loser in changes if moves else ():
            winner = max(moves, key=lambda change: change.key)  # it decides in which list the todo is
            if loser not in moves and not received.isdisjoint((winner.command, loser.command)):
                yield Conflict(stream, REMOVED, winner, loser)


def _undoes_removal(metadata: Metadata, key: Key, removal: Change) -> bool:
    """Return whether a restoration undoes a removal, because its author knew of it.

    Args:
        metadata: The metadata of the commit that restores the todo.
        key: The key of its changes.
        removal: The removal.
    """
    return removal.command in marked(metadata, UNDOES) or (removal.metadata.by == metadata.by and removal.key < key)


def _removes(event: Recorded) -> bool:
    return isinstance(wanted_by(event), TodoRemoved)


def _is_of_move(conflict: Conflict) -> bool:
    """Return whether both sides remove a todo, so that one of them is a move."""
    sides = (conflict.winner, conflict.loser)
    return all(side is not None and isinstance(side.event, TodoRemoved) for side in sides)


def _is_of_completion(conflict: Conflict) -> bool:
    return isinstance(conflict.loser.event, TodoCompleted)


def _winner(conflict: Conflict) -> str | None:
    return None if conflict.winner is None else conflict.winner.command


def _too_late(commits: Sequence[Commit], known: Collection[str], base: int) -> list[Conflict]:
    """Return the changes of todos that another machine had completed, so that a next todo of a series lacks them.

    Args:
        commits: All commits of a log.
        known: The command ids of commits between which conflicts were reported before.
        base: How many commits the log had before.
    """
    return [
        conflict
        for conflict in arrived_conflicts(known, commits, base, (), _COMPLETIONS)
        if conflict.winner is not None
        and isinstance(conflict.winner.event, TodoCompleted)
        and (
            (isinstance(conflict.loser.event, TodoRemoved) and MOVE not in conflict.loser.metadata.meta)
            or ((field := FIELD_BY_EVENT.get(type(conflict.loser.event))) is not None and field.in_series)
        )
    ]


def _lacking(event: TodoEvent, stream: str, fold: Fold[State]) -> str | None:
    """Return the stream of the open todo of a series that lacks a change of an earlier one; None if there is none."""
    entity = fold.get(_next_stream(stream))
    while entity is not None and (entity.state is None or entity.state.done):  # forgotten, or done
        entity = fold.get(_next_stream(entity.stream))
    if entity is None or entity.state is None or entity.state.removed:
        return None
    return entity.stream if express(event, entity.state) else None


def _next_stream(stream: str) -> str:
    return DECIDER.stream(next_id(id_of(stream)))


def _applied(commits: Sequence[Commit], fold: Fold[State]) -> Fold[State]:
    """Apply commits to a fold, and return it. What a merge gave no effect has none."""
    for commit in commits:
        if any(isinstance(event.data, Merged) for event in commit.events):
            events = (
                replace(event, data=UnknownEvent(MERGED, b"")) if isinstance(event.data, Merged) else event
                for event in commit.events
            )
            commit = replace(commit, events=tuple(events))
        fold.apply(commit)
    return fold


def _open_under_closed(fold: Fold[State]) -> Iterator[Item]:
    for item in items_of(fold):
        todo = item.todo
        parent = None if todo.parent is None or todo.done or todo.removed else fold.get(DECIDER.stream(todo.parent))
        if parent is not None and parent.state is not None and (parent.state.done or parent.state.removed):
            yield item


def move_instead(commits: Sequence[Commit], stream: str, planned: Mapping[str, bool]) -> Move | None:
    """Return the move that decided where a todo is before another machine restored it in a list; None if none did.

    The restoration was newer, so the move has no effect, and the todo is not in the other list, either. Nothing would bring
    it there again if the restoration were undone.

    Args:
        commits: The commits of the list, as a merge gives them.
        stream: The stream of the todo.
        planned: Whether commands are to be undone, by their ids; otherwise they are to be redone.
    """
    undone = dict(planned)
    for commit in reversed(commits):
        for name in (UNDOES, REDOES):
            for command in marked(commit.metadata, name):
                undone.setdefault(command, name == UNDOES)
    newest, place, away = NO_KEY, 0, None  # the creation or the move that decides where the todo is, if nobody restores it
    removed = 0  # where somebody who knew of all before has removed it last
    clock = Clock()
    for commit in commits:
        key, move = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command), move_of(commit)
        # what an undo or a redo does is in `undone`
        counts = not (undone.get(commit.metadata.command) or any(marked(commit.metadata, each) for each in (UNDOES, REDOES)))
        for event in commit.events if counts else ():
            wanted = wanted_by(event)
            if event.stream != stream or event.ordinal <= 0 or not isinstance(wanted, _PLACING):
                continue
            if move is None and isinstance(wanted, TodoRemoved):
                removed = removed if FROM in commit.metadata.meta else commit.position
            elif (move is not None or isinstance(wanted, TodoCreated)) and key >= newest:
                newest, place, away = key, commit.position, move if isinstance(wanted, TodoRemoved) else None
    return None if removed > place else away


_PLACING = (TodoCreated, TodoRestored, TodoRemoved)
"""The events that say whether a todo is in a list."""


def settle(lists: Mapping[str, Sequence[Commit]], streams: Collection[str]) -> list[tuple[str, Commit]]:
    """Return the commits that leave each todo in one list, after several machines have moved it to different lists.

    It stays where the newest change has brought it. From the other lists it is removed by a commit that belongs to this
    change: with its author, its time and its stamp, and an id made from its id. So every machine makes the same commits.

    Args:
        lists: The commits of all lists of a store, by the names of the lists, as a merge gives them.
        streams: The streams of the todos that may be in several lists.

    Returns:
        The commits, without digests, each with the name of its list. They come after all others of this list.
    """
    ends = {name: _End() for name in lists}
    present: dict[str, dict[str, Change]] = {}
    for name, commits in lists.items():
        for commit in commits:
            ends[name].read(commit)
        for stream, arrival in ends[name].arrivals():
            if stream in streams:
                present.setdefault(stream, {})[name] = arrival
    added: list[tuple[str, Commit]] = []
    for stream, arrivals in sorted(present.items()):
        newest = max(arrivals.values(), key=lambda change: change.key)
        for name, arrival in sorted(arrivals.items()):
            if arrival.key != newest.key:
                added.append((name, ends[name].removal(stream, newest)))
    return added


class _End:
    """The end of a list: where the next commit comes, and what brought each todo that is there."""

    def __init__(self) -> None:
        self._registers = Registers(REMOVED)
        self._present: set[str] = set()
        self._clock = Clock()
        self._versions: dict[str, int] = {}
        self._position = 0
        self._at: datetime | None = None

    def read(self, commit: Commit) -> None:
        metadata = commit.metadata
        key = (CHANGED, self._clock.stamp(metadata), metadata.command)
        for event in commit.events:
            self._versions[event.stream] = event.version
            wanted = wanted_by(event)
            if isinstance(wanted, _PLACING):
                if event.ordinal > 0:
                    self._registers.add(event.stream, field_of(wanted), Change(key, wanted, metadata))
                if wanted is event.data:
                    (self._present.discard if isinstance(wanted, TodoRemoved) else self._present.add)(event.stream)
        self._position, self._at = commit.last, metadata.at

    def arrivals(self) -> Iterator[tuple[str, Change]]:
        """Yield the streams of the todos that are there, each with the newest change that wants it to be there."""
        for stream in self._present:
            change = self._registers.newest(stream, REMOVED)
            if change is not None:
                yield stream, change

    def removal(self, stream: str, cause: Change) -> Commit:
        """Return the commit that removes a todo because a newer change has brought it to another list."""
        at = cause.made if self._at is None else max(cause.made, self._at)
        move = cause.metadata.meta.get(MOVE)
        meta = {**({} if move is None else {MOVE: move}), STAMP: time_text(cause.key[1]), MADE: time_text(cause.made)}
        metadata = Metadata(at, cause.metadata.by, f"{cause.command}{_suffix(stream)}", meta)
        self._position += 1
        version = self._versions[stream] = self._versions[stream] + 1
        self._at = at
        event = Recorded(self._position, stream, version, "todo_removed", TodoRemoved(), metadata)
        return Commit((event,), metadata)


def _suffix(stream: str) -> str:
    """Return what `settle` adds to the id of a command for its removal of a todo."""
    return f"-{id_of(stream)}"


def is_settled_by(commit: Commit, stream: str) -> bool:
    """Return whether `settle` made a commit to remove a todo."""
    return commit.metadata.command.endswith(_suffix(stream))


def settled(commits: Sequence[Commit]) -> Mapping[str, Commit]:
    """Return the commits of a list by which `settle` removed the todos that are removed, by their streams."""
    last: dict[str, Commit] = {}
    for commit in commits:
        for event in commit.events:
            if event.ordinal > 0 and isinstance(event.data, _PLACING):
                last[event.stream] = commit
    return {stream: commit for stream, commit in last.items() if is_settled_by(commit, stream)}


def left_behind(stream: str, removal: Commit, commits: Sequence[Commit], there: Sequence[Commit]) -> Iterator[Conflict]:
    """Yield the changes of a todo that are only in the list from which `settle` removed it.

    Whoever brought the todo to the other list did not know of them: it had other values there at first.

    Args:
        stream: The stream of the todo.
        removal: The commit that removed it.
        commits: The commits of the list from which it was removed.
        there: Those of the other list.
    """
    cause = removal.metadata.command.removesuffix(_suffix(stream))
    place = next((place for place, commit in enumerate(there, 1) if commit.metadata.command == cause), 0)
    arrived = _applied(there[:place], Fold(DECIDER)).get(stream)
    here = _applied(commits, Fold(DECIDER)).get(stream)
    if arrived is None or arrived.state is None or here is None or here.state is None:
        return
    clock, registers = Clock(), Registers(REMOVED)
    winner: Change | None = None
    for commit in commits:
        key = (CHANGED, clock.stamp(commit.metadata), commit.metadata.command)
        for event in commit.events:
            wanted = wanted_by(event)
            if event.stream == stream and event.ordinal > 0 and not isinstance(wanted, UnknownEvent):
                change = Change(key, wanted, commit.metadata)
                registers.add(stream, field_of(wanted), change)
                winner = change if commit is removal else winner
    for field, change in registers.changes(stream).items():
        if winner is None or isinstance(change.event, _PLACING):
            continue
        # a move leaves out links to todos of the list, so that a link says nothing if it is older than the move
        is_old_link = FIELD_BY_EVENT.get(type(change.event)) in (PARENT, DEPENDS) and change.key < winner.key
        if not is_old_link and not express(change.event, here.state) and express(change.event, arrived.state):
            yield Conflict(stream, field, winner, change)
