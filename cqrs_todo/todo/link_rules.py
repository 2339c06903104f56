"""What a command on one todo means for the todos that are linked with it.

- A link leads to a todo of the same list, and never in a circle.
- A todo with open children cannot be completed, unless they are completed with it.
- Completing a todo that recurs creates the next one, and reopening it removes the next one again.

All of it happens while a commit is planned, so that the commit depends on what was read: of two commands that would together
close a circle, one is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..cqrs.events import Commit
from ..cqrs.fold import Fold
from ..cqrs.struct import Struct
from .events import DependencyAdded, ParentChanged, TodoCompleted, TodoEvent, TodoRemoved, TodoReopened
from .fields import State, Todo
from .model import DECIDER, events_between, evolve
from .views import Item, id_of, items_of, number_ranges

if TYPE_CHECKING:
    from datetime import datetime

    from .recurrence import ToZone

LINKING = (DependencyAdded, ParentChanged)
"""The events that link todos."""
STATE_CHANGING = (TodoCompleted, TodoReopened)
"""The events that may concern the linked todos."""


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
    for item in chosen:
        for child in links.descendants(item):
            if not (open_only and child.todo.done):
                found.setdefault(child.stream, child)
    return list(found.values())


class Consequences(Struct, frozen=True):
    """What follows from changes.

    Args:
        changes: The events of other todos, by their streams.
        refused: Why changes are refused, by the streams of the todos.
    """

    changes: Mapping[str, tuple[TodoEvent, ...]]
    refused: Mapping[str, str]


def consequences(
    fold: Fold[State],
    changes: Mapping[str, Sequence[TodoEvent]],
    commits: Iterable[Commit],
    now: "datetime",
    to_zone: "ToZone",
) -> Consequences:
    """Find out what follows from changes of todos.

    Args:
        fold: The list.
        changes: The events by stream. The todos may be new.
        commits: The commits of the list, newest first. They are read only if a todo that recurs is reopened.
        now: The time of the command.
        to_zone: The time zones.
    """
    before = {stream: _state(fold, stream) for stream in changes}
    after = {stream: _after(before[stream], changes[stream]) for stream in changes}
    more: dict[str, tuple[TodoEvent, ...]] = {}
    refused: dict[str, str] = {}
    for stream, events in changes.items():
        old, new = before[stream], after[stream]
        if new is None or new.removed:
            continue
        if any(isinstance(event, LINKING) for event in events):
            reason = _wrong_link(fold, after, stream, events)
            if reason is not None:
                refused[stream] = reason
        was_done, is_done = old is not None and old.done, new.done
        if is_done and not was_done:
            open_children = list(_open_children(fold, after, stream))
            if open_children:
                refused[stream] = f"it has open children: {number_ranges(open_children)}"
            elif new.every is not None:
                more |= _next_events(fold, stream, new, now, to_zone)
        elif was_done and not is_done and new.every is not None:
            removal = _next_removed(fold, stream, commits)
            if isinstance(removal, str):
                refused[stream] = removal
            else:
                more |= removal
    return Consequences({stream: events for stream, events in more.items() if stream not in changes and events}, refused)


def _state(fold: Fold[State], stream: str) -> State:
    entity = fold.get(stream)
    return None if entity is None else entity.state


def _after(state: State, events: Iterable[TodoEvent]) -> State:
    for event in events:
        state = evolve(state, event)
    return state


def _wrong_link(fold: Fold[State], after: Mapping[str, State], stream: str, events: Iterable[TodoEvent]) -> str | None:
    """Return what is wrong with the new links of a todo; None if nothing is."""
    for event in events:
        if isinstance(event, ParentChanged) and event.new is not None:
            ids, what, follow = [event.new], "be a child of", _parent_of
        elif isinstance(event, DependencyAdded):
            ids, what, follow = [event.dependency], "depend on", _needs_of
        else:
            continue
        for id in ids:
            target = DECIDER.stream(id)
            if target == stream:
                return f"it cannot {what} itself"
            state = after[target] if target in after else _state(fold, target)
            if state is None or state.removed:
                return f"the todo {id} is not in this list"
            if _leads_to(fold, after, target, stream, follow):
                entity = fold.get(target)
                number = id if entity is None else f"{entity.number}"
                return f"it cannot {what} {number}: that would be a circle"
    return None


def _parent_of(todo: Todo) -> Iterable[str]:
    return () if todo.parent is None else (todo.parent,)


def _needs_of(todo: Todo) -> Iterable[str]:
    return todo.depends


def _leads_to(fold: Fold[State], after: Mapping[str, State], start: str, end: str, follow: Any) -> bool:
    """Return whether links lead from one todo to another. Every todo on the way is read, and so guarded by the commit."""
    seen: set[str] = set()
    left = [start]
    while left:
        stream = left.pop()
        if stream == end:
            return True
        if stream in seen:
            continue
        seen.add(stream)
        state = after[stream] if stream in after else _state(fold, stream)
        if state is not None:
            left += [DECIDER.stream(id) for id in follow(state)]
    return False


def _open_children(fold: Fold[State], after: Mapping[str, State], stream: str) -> Iterator[int]:
    """Return the numbers of the todos directly under a todo that stay open."""
    id = id_of(stream)
    for entity in fold:
        state = after.get(entity.stream, entity.state)
        if state is not None and state.parent == id and not state.done and not state.removed and entity.stream != stream:
            yield entity.number


def _next_events(
    fold: Fold[State], stream: str, done: Todo, now: "datetime", to_zone: "ToZone"
) -> dict[str, tuple[TodoEvent, ...]]:
    """Return the events that create the next todo of a series, or bring it back; none if the series has ended."""
    from .recurrence import next_id, next_todo

    todo = next_todo(done, now, to_zone)
    if todo is None:
        return {}
    following = DECIDER.stream(next_id(id_of(stream)))
    state = _state(fold, following)
    if state is not None and not state.removed:  # another machine has completed the same todo
        return {}
    return {following: events_between(state, todo)}


def _next_removed(fold: Fold[State], stream: str, commits: Iterable[Commit]) -> dict[str, tuple[TodoEvent, ...]] | str:
    """Return the event that removes the next todo of a series; why that is refused if the todo was changed meanwhile."""
    from .recurrence import next_id

    following = fold.get(DECIDER.stream(next_id(id_of(stream))))
    if following is None or following.state is None or following.state.removed:
        return {}
    fold.depend_on_everything()
    for commit in commits:
        streams = {event.stream for event in commit.events}
        if following.stream in streams:
            if stream in streams:
                break
            return f"its next todo, {following.number}, was changed since then (@{commit.position})"
    return {following.stream: (TodoRemoved(),)}
