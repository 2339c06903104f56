"""Two moments of a list side by side, and where each field of a todo comes from. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ..cqrs.events import Commit, Recorded, UnknownEvent
from ..cqrs.struct import Struct
from .fields import NAMES, State, Todo
from .model import evolve
from .views import Item

Kind: TypeAlias = Literal["added", "removed", "changed"]


class Difference(Struct, frozen=True):
    """A todo that is not the same at two moments; None where it had not been created yet."""

    number: int
    id: str
    old: State
    new: State

    @property
    def kind(self) -> Kind:
        """What a person sees: it came, it went, or it is another. A removed todo is not there."""
        before = self.old is not None and not self.old.removed
        after = self.new is not None and not self.new.removed
        if before == after:
            return "changed"
        return "added" if after else "removed"

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """The old and the new value of each field that differs; of one that was or is not created, all that are set."""
        return changed_fields(self.old, self.new)


def changed_fields(old: State, new: State) -> dict[str, tuple[Any, Any]]:
    """The old and the new value of each field that differs between two states of a todo."""
    nothing = Todo("", datetime.min)
    pairs = ((name, getattr(old or nothing, name), getattr(new or nothing, name)) for name in NAMES)
    return {name: (before, after) for name, before, after in pairs if before != after}


def compare(old: Iterable[Item], new: Iterable[Item]) -> list[Difference]:
    """What differs between two moments of one list, by number; either may be the earlier one.

    A todo that is at neither of them, because it was removed, undone or moved away, is no difference.
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
    """Each event that is understood, with its commit, and its todo's state before and after it.

    From all commits of a list, in order.
    """
    states: dict[str, State] = {}
    for commit in commits:
        for event in commit.events:
            if not isinstance(event.data, UnknownEvent):
                before = states.get(event.stream)
                after = states[event.stream] = evolve(before, event.data)
                yield commit, event, before, after


def field_changes(commits: Iterable[Commit]) -> dict[int, dict[str, tuple[Any, Any]]]:
    """What each event changed: by its position the old and new value of fields; from all commits of a list, in order."""
    return {event.position: changed_fields(before, after) for _, event, before, after in transitions(commits)}


class Origin(Struct, frozen=True):
    """Where a field's value comes from: the commit that set it, by its position, and what it had been (None: not set)."""

    value: Any
    previous: Any
    position: int
    at: datetime
    by: str


def blame(stream: str, commits: Iterable[Commit]) -> Mapping[str, Origin]:
    """For each field of a todo that was ever set, where its value comes from; from all commits of its list, in order."""
    origins: dict[str, Origin] = {}
    for commit, event, before, after in transitions(commits):
        if event.stream == stream:
            for name, (previous, value) in changed_fields(before, after).items():
                meta = commit.metadata
                origins[name] = Origin(value, previous, commit.position, meta.at, meta.by)
    return {name: origins[name] for name in NAMES if name in origins}
