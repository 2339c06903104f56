"""What a command on one todo means for the todos that are linked with it.

- A link leads to a todo of the same list, and never in a circle.
- A todo with open children cannot be completed, unless they are completed with it.
- Completing a todo that recurs creates the next one, and reopening it removes the next one again.

All of it happens while a commit is planned, so that the commit depends on what was read: of two commands that would together
close a circle, one is refused.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ..cqrs.events import Commit
from ..cqrs.fold import Fold
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
from .fields import State, Todo
from .model import DECIDER, events_between, evolve
from .views import Item, id_of, is_open, items_of, move_of, number_ranges

if TYPE_CHECKING:
    from datetime import datetime

    from .recurrence import ToZone

MOST_DEPENDENCIES = 1000
"""On how many todos one todo can depend."""


def with_descendants(fold: Fold[State], chosen: Iterable[Item], *, open_only: bool) -> list[Item]:
    """Return todos, and all todos under them that were not removed.

    Args:
        fold: The list.
        chosen: The todos.
        open_only: Whether to leave out children that are done.
    """
    from .links import Links

    links = Links(items_of(fold))
    found = {item.stream: item for item in chosen}
    for item in links.descendants(*found.values()):
        if not (open_only and item.todo.done):
            found.setdefault(item.stream, item)
    return list(found.values())


class Surroundings(Struct, frozen=True):
    """What a command does not change, and what its consequences depend on.

    Args:
        now: The time of the command.
        to_zone: The time zones.
        commits: Returns the commits of the list, newest first.
        moved_to: Returns the names of the lists that removed todos were moved to, by their streams.
        forgotten: The streams that were forgotten.
    """

    now: "datetime"
    to_zone: "ToZone"
    commits: Callable[[], Iterable[Commit]]
    moved_to: Callable[[Collection[str]], Mapping[str, str]]
    forgotten: Collection[str]


class Consequences(Struct, frozen=True):
    """What follows from changes.

    Args:
        changes: The events of other todos, by their streams.
        refused: Why changes are refused, by the streams of the todos.
        blocked: The streams of the todos that are refused because they have open children.
    """

    changes: Mapping[str, tuple[TodoEvent, ...]]
    refused: Mapping[str, str]
    blocked: Collection[str]


class _Planned:
    """A list with the changes that are planned."""

    def __init__(self, fold: Fold[State], changes: Mapping[str, Sequence[TodoEvent]]) -> None:
        self.fold = fold
        self.before = {stream: self._recorded(stream) for stream in changes}
        self.after = dict(self.before)
        for stream, events in changes.items():
            for event in events:
                self.after[stream] = evolve(self.after[stream], event)
        self._children: dict[str, list[tuple[int, bool]]] | None = None

    def _recorded(self, stream: str) -> State:
        entity = self.fold.get(stream)
        return None if entity is None else entity.state

    def state(self, stream: str) -> State:
        """Return the state of a todo after the changes. The commit depends on it."""
        return self.after[stream] if stream in self.after else self._recorded(stream)

    def named(self, id: str) -> str:
        """Return the number of a todo, or its id if it was never in the list."""
        entity = self.fold.get(DECIDER.stream(id))
        return id if entity is None else f"{entity.number}"

    def children(self, id: str) -> Sequence[int]:
        """Return the numbers of the todos directly under a todo that are not removed after the changes."""
        return [number for number, _ in self._all_children().get(id, ())]

    def open_children(self, id: str) -> Sequence[int]:
        """Return the numbers of the todos directly under a todo that are open after the changes."""
        return [number for number, done in self._all_children().get(id, ()) if not done]

    @cached_property
    def open_predecessors(self) -> Mapping[str, int]:
        """The numbers of the recurring todos that are open after the changes, by the streams of their next todos."""
        from .recurrence import next_id

        found = {}
        for entity in self.fold:
            state = self.after.get(entity.stream, entity.state)
            if state is not None and state.every is not None and is_open(state):
                found[DECIDER.stream(next_id(id_of(entity.stream)))] = entity.number
        return found

    def _all_children(self) -> Mapping[str, Sequence[tuple[int, bool]]]:
        """Return the todos under each todo: their numbers, and whether they are done after the changes."""
        if self._children is None:
            self._children = {}
            for entity in self.fold:
                state = self.after.get(entity.stream, entity.state)
                if state is not None and state.parent is not None and not state.removed:
                    self._children.setdefault(state.parent, []).append((entity.number, state.done))
        return self._children


def consequences(fold: Fold[State], changes: Mapping[str, Sequence[TodoEvent]], surroundings: Surroundings) -> Consequences:
    """Find out what follows from changes of todos.

    Args:
        fold: The list.
        changes: The events by stream. The todos may be new.
        surroundings: What the consequences depend on besides.
    """
    planned = _Planned(fold, changes)
    more: dict[str, tuple[TodoEvent, ...]] = {}
    refused: dict[str, str] = {}
    blocked: list[str] = []
    for stream, events in changes.items():
        old, new = planned.before[stream], planned.after[stream]
        if new is None or new.removed:
            continue
        reason = _wrong_link(planned, stream, events)
        if reason is not None:
            refused[stream] = reason
        elif any(isinstance(event, TodoRestored) for event in events) and not new.done:
            earlier = planned.open_predecessors.get(stream)
            if earlier is not None:
                refused[stream] = f"it is the next todo of {earlier}, which is open; complete that one first"
        was_done, is_done = old is not None and old.done, new.done
        if is_done and not was_done:
            open_children = planned.open_children(id_of(stream))
            if open_children:
                refused[stream] = f"it has open children: {number_ranges(open_children)}"
                blocked.append(stream)
            elif new.every is not None:
                more |= _next_events(planned, stream, new, surroundings)
        elif was_done and not is_done:
            removal = _next_removed(planned, stream, surroundings)
            if isinstance(removal, str):
                refused[stream] = removal
            else:
                more |= removal
    others = {stream: events for stream, events in more.items() if stream not in changes and events}
    return Consequences(others, refused, blocked)


# links


def _wrong_link(planned: _Planned, stream: str, events: Iterable[TodoEvent]) -> str | None:
    """Return what is wrong with the new links of a todo; None if nothing is."""
    parents = [event.new for event in events if isinstance(event, ParentChanged) and event.new is not None]
    needed = [event.dependency for event in events if isinstance(event, DependencyAdded)]
    new = planned.after[stream]
    if needed and new is not None and len(new.depends) > MOST_DEPENDENCIES:
        return f"a todo can depend on at most {MOST_DEPENDENCIES:,} others"
    return (
        _wrong_target(planned, stream, parents, "be a child of", _parent_of)
        or _wrong_target(planned, stream, needed, "depend on", _needs_of)
        or _done_parent(planned, new, events)
    )


def _done_parent(planned: _Planned, todo: State, events: Iterable[TodoEvent]) -> str | None:
    """Return that a todo would become an open child of a todo that is done; None if it would not.

    What brings back an earlier state, such as undo, is not refused.
    """
    if todo is None or todo.done or todo.parent is None:
        return None
    if not any(isinstance(event, (TodoCreated, ParentChanged, TodoReopened)) for event in events):
        return None
    parent = planned.state(DECIDER.stream(todo.parent))
    if parent is None or parent.removed or not parent.done:
        return None
    return f"it would be an open child of {planned.named(todo.parent)}, which is done; reopen that one first"


def _wrong_target(
    planned: _Planned, stream: str, ids: Iterable[str], what: str, follow: Callable[[Todo], Iterable[str]]
) -> str | None:
    seen: set[str] = set()
    for id in ids:
        target = DECIDER.stream(id)
        if target == stream:
            return f"it cannot {what} itself"
        state = planned.state(target)
        if state is None:
            return f"the todo {id} is not in this list"
        if state.removed:
            return f"the todo {planned.named(id)} was removed"
        if _leads_to(planned, target, stream, follow, seen):
            return f"it cannot {what} {planned.named(id)}, because that would be a circle"
    return None


def _parent_of(todo: Todo) -> Iterable[str]:
    return () if todo.parent is None else (todo.parent,)


def _needs_of(todo: Todo) -> Iterable[str]:
    return todo.depends


def _leads_to(planned: _Planned, start: str, end: str, follow: Callable[[Todo], Iterable[str]], seen: set[str]) -> bool:
    """Return whether links lead from one todo to another.

    Every todo on the way is read, and so guarded by the commit. Todos that were visited before, and do not lead there, are
    skipped.
    """
    left = [start]
    while left:
        stream = left.pop()
        if stream == end:
            return True
        if stream in seen:
            continue
        seen.add(stream)
        state = planned.state(stream)
        if state is not None:
            left += [DECIDER.stream(id) for id in follow(state)]
    return False


# series


def _next_stream(stream: str, surroundings: Surroundings) -> str:
    """Return the stream of the next todo of a series: the first one that was not forgotten."""
    from .recurrence import next_id

    following = DECIDER.stream(next_id(id_of(stream)))
    while following in surroundings.forgotten:
        following = DECIDER.stream(next_id(id_of(following)))
    return following


def _next_events(planned: _Planned, stream: str, done: Todo, surroundings: Surroundings) -> dict[str, tuple[TodoEvent, ...]]:
    """Return the events that create the next todo of a series, or bring it back; none if there is no next one."""
    from .recurrence import next_todo

    parent = None if done.parent is None else planned.state(DECIDER.stream(done.parent))
    if parent is not None and parent.done:  # the series ends with what it is a part of
        return {}
    todo = next_todo(done, surroundings.now, surroundings.to_zone)
    if todo is None:
        return {}
    following = _next_stream(stream, surroundings)
    state = planned.state(following)
    if state is not None and not state.removed:  # another machine has completed the same todo
        return {}
    if state is not None and surroundings.moved_to([following]):  # it is in another list
        return {}
    return {following: events_between(state, todo)}


def _next_removed(planned: _Planned, stream: str, surroundings: Surroundings) -> dict[str, tuple[TodoEvent, ...]] | str:
    """Return the event that removes the next todo of a series, or why it cannot be removed."""
    fold = planned.fold
    following = fold.get(_next_stream(stream, surroundings))
    before = planned.before[stream]
    if following is None and (before is None or before.every is None):
        return {}
    fold.depend_on_everything()
    if following is None or following.state is None:
        return _why_elsewhere(stream, surroundings) or {}
    if following.state.removed:
        moved = surroundings.moved_to([following.stream])
        return f"its next todo was moved to {moved[following.stream]}; remove it there first" if moved else {}
    last = next(
        commit for commit in surroundings.commits() if any(event.stream == following.stream for event in commit.events)
    )
    if not (_completes(last, stream) or _is_as_created(planned, stream, following.state, surroundings)):
        return f"its next todo, {following.number}, was changed (@{last.position}); remove that one first"
    children = planned.children(id_of(following.stream))
    if children:
        return f"its next todo, {following.number}, has todos under it: {number_ranges(children)}; remove that one first"
    return {following.stream: (TodoRemoved(),)}


def _completes(commit: Commit, stream: str) -> bool:
    """Return whether a commit completed a todo."""
    return any(event.stream == stream and isinstance(event.data, TodoCompleted) for event in commit.events)


def _is_as_created(planned: _Planned, stream: str, following: Todo, surroundings: Surroundings) -> bool:
    """Return whether the next todo of a series is what completing the present one gave, or would give now."""
    from .recurrence import next_todo

    before, completed = planned.before[stream], _completion(stream, surroundings)
    if completed is None or before is None or before.every is None:
        return False
    expected = next_todo(before, completed.metadata.at, surroundings.to_zone)
    return expected is not None and replace(expected, created=following.created) == following


def _completion(stream: str, surroundings: Surroundings) -> Commit | None:
    """Return the newest commit that completed a todo."""
    return next((commit for commit in surroundings.commits() if _completes(commit, stream)), None)


def _why_elsewhere(stream: str, surroundings: Surroundings) -> str | None:
    """Return that a todo was completed in another list, which then has its next one; None if it was completed here."""
    for commit in surroundings.commits():
        events = [event.data for event in commit.events if event.stream == stream]
        move = move_of(commit) if events else None
        if move is not None:  # it was done when it came
            return f"it was completed in {move.source_name}, which has its next todo"
        if any(isinstance(event, (TodoCreated, TodoCompleted)) for event in events):
            return None
    return None
