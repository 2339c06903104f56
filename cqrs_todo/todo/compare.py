"""The differences between two moments of a list, and the origin of each field of a todo. This module is pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ..cqrs.events import Commit, Recorded, UnknownEvent
from ..cqrs.struct import Struct
from .fields import ATTRIBUTES, FIELD_NAMES, State, Todo
from .model import evolve
from .views import Item

Kind: TypeAlias = Literal["added", "removed", "changed"]


class Difference(Struct, frozen=True):
    """A todo that is different at two moments.

    Args:
        number: Its number in the list.
        id: Its stable id.
        old: Its state at the one moment. None if it had not been created yet.
        new: Its state at the other moment. None if it had not been created yet.
    """

    number: int
    id: str
    old: State
    new: State

    @property
    def kind(self) -> Kind:
        """What happened to it, from a person's point of view: a removed todo counts as one that is not in the list."""
        before = self.old is not None and not self.old.removed
        after = self.new is not None and not self.new.removed
        if before == after:
            return "changed"
        return "added" if after else "removed"

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """The old and the new value of each field that differs.

        For a todo that was added, these are all the fields that are set at the other moment. For one that was removed, they
        are all the fields that were set at the one moment. A removed todo counts as one without any value.
        """
        present = [None if state is None or state.removed else state for state in (self.old, self.new)]
        return changed_fields(*present)


def changed_fields(old: State, new: State) -> dict[str, tuple[Any, Any]]:
    """Return the old and the new value of each field that differs between two states of a todo.

    Args:
        old: The one state. None counts as a todo without any value.
        new: The other state. None counts as a todo without any value.

    Returns:
        By the name of the field its old and its new value. Each attribute counts as a field, such as `attribute:place`.
    """
    nothing = Todo("", datetime.min)
    pairs = ((name, getattr(old or nothing, name), getattr(new or nothing, name)) for name in FIELD_NAMES)
    changed = {name: (before, after) for name, before, after in pairs if before != after}
    if ATTRIBUTES.name in changed:
        before, after = map(dict, changed.pop(ATTRIBUTES.name))
        keys = sorted(before.keys() | after.keys())
        each = {f"attribute:{key}": (before.get(key), after.get(key)) for key in keys}
        changed |= {name: values for name, values in each.items() if values[0] != values[1]}
    return changed


def compare(old: Iterable[Item], new: Iterable[Item]) -> list[Difference]:
    """Find the todos that differ between two moments of a list.

    A todo that is at neither of them, because it was removed, undone or moved away, does not differ.

    Args:
        old: All todos at the one moment, which may be the later one.
        new: All todos at the other moment.

    Returns:
        The differences, sorted by the number of the todo.
    """
    before = {item.number: item for item in old}
    after = {item.number: item for item in new}
    found = []
    for number in sorted(before.keys() | after.keys()):
        item = before.get(number) or after[number]
        states = [side[number].todo if number in side else None for side in (before, after)]
        if states[0] != states[1] and any(state is not None and not state.removed for state in states):
            found.append(Difference(number, item.id, *states))
    return found


def transitions(commits: Iterable[Commit]) -> Iterator[tuple[Commit, Recorded, State, State]]:
    """Replay a list, event by event. Unknown events are skipped.

    Args:
        commits: All commits of the list, oldest first.

    Yields:
        The commit, the event, and the state of its todo before and after the event.
    """
    states: dict[str, State] = {}
    for commit in commits:
        for event in commit.events:
            if not isinstance(event.data, UnknownEvent):
                before = states.get(event.stream)
                after = states[event.stream] = evolve(before, event.data)
                yield commit, event, before, after


def changes_by_position(commits: Iterable[Commit]) -> dict[int, dict[str, tuple[Any, Any]]]:
    """Find which fields each event of a list changed.

    Args:
        commits: All commits of the list, oldest first.

    Returns:
        By the position of the event and the name of the field: the old and the new value.
    """
    return {event.position: changed_fields(before, after) for _, event, before, after in transitions(commits)}


class Origin(Struct, frozen=True):
    """Where the value of a field comes from.

    Args:
        value: The value.
        previous: The value before it. None if the field was not set.
        position: The position of the commit that set it.
        at: The time of that commit, in UTC.
        by: The author of that commit.
    """

    value: Any
    previous: Any
    position: int
    at: datetime
    by: str


def events_of(stream: str, commits: Iterable[Commit]) -> Iterator[tuple[Commit, Recorded]]:
    """Return the events of a todo with their commits.

    Args:
        stream: The stream of the todo.
        commits: Commits of its list.
    """
    return ((commit, event) for commit in commits for event in commit.events if event.stream == stream)


def blame(events: Iterable[tuple[Commit, Recorded]]) -> Mapping[str, Origin]:
    """Find where the value of each field of a todo comes from. Unknown events are skipped.

    Args:
        events: All events of the todo with their commits, oldest first; see `events_of`.

    Returns:
        The origins by the name of the field, for each field that was ever set.
    """
    origins: dict[str, Origin] = {}
    state: State = None
    for commit, event in events:
        if isinstance(event.data, UnknownEvent):
            continue
        before, state = state, evolve(state, event.data)
        for name, (previous, value) in changed_fields(before, state).items():
            meta = commit.metadata
            origins[name] = Origin(value, previous, commit.position, meta.at, meta.by)
    names = [*FIELD_NAMES, *sorted(origins.keys() - set(FIELD_NAMES))]
    return {name: origins[name] for name in names if name in origins}
