"""Commits in words, for answers: which todos they changed, and how."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..cqrs.events import Commit
from ..cqrs.steps import batch_of
from ..cqrs.struct import replace
from ..todo.events import TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from ..todo.fields import FIELD_BY_EVENT, FIELDS
from ..todo.history import describe_event
from ..todo.views import Item, Label, Move, as_asked, move_of, number_ranges
from .clock import to_local
from .reports import count_of
from .text import visible

if TYPE_CHECKING:
    from .session import Session

_MOST_GROUPS = 3
"""How many groups of todos are described one by one, if their changes differ."""

_MOST_TITLES = 3
"""How many todos of a group are named by their texts."""

_MOST_EVENTS = 1000
"""How many events are put into words, which takes some microseconds for each."""


_KINDS: dict[type, str] = {
    TodoCreated: "created",
    TodoCompleted: "done",
    TodoReopened: "reopened",
    TodoRemoved: "removed",
    TodoRestored: "restored",
}


def as_steps(commits: Iterable[Commit]) -> list[list[Commit]]:
    """Group commits by the command that recorded them: the commits of a batch are one step."""
    steps: dict[str, list[Commit]] = {}
    for commit in commits:
        batch = batch_of(commit.metadata)
        steps.setdefault(commit.metadata.command if batch is None else batch[0], []).append(commit)
    return list(steps.values())


def changes_by_todo(commits: Iterable[Commit], label: Label) -> dict[str, list[str]]:
    """Return what happened to each todo, in the order of the events, by the streams of the todos.

    Args:
        commits: The commits.
        label: What the todos are called where an event names them.
    """
    words: dict[str, list[str]] = {}
    for commit in commits:
        move = move_of(commit)
        for event in as_asked(commit).events:
            if move is None:
                words.setdefault(event.stream, []).append(visible(describe_event(event, to_local, label)))
            else:
                words[event.stream] = [_moved(move)]
    return words


def _moved(move: Move) -> str:
    return visible(f"moved from {move.source_name} to {move.target_name}")


def changes_in_words(commits: Sequence[Commit], items: Iterable[Item], label: Label, *, titles: bool = True) -> str:
    """Return which todos some commits changed, and how: `3 done (Buy milk)`, `1-4 tagged +home (4 todos)`.

    Args:
        commits: The commits of one command, in any order.
        items: The todos as they are now.
        label: What the todos are called where an event names them.
        titles: Whether to name todos also by their texts.
    """
    known = {item.stream: item for item in items}
    if sum(len(commit.events) for commit in commits) > _MOST_EVENTS:
        changed = {event.stream for commit in commits for event in commit.events} & set(known)
        numbers = number_ranges([known[stream].number for stream in changed])
        return f"{numbers} {_kind(commits)} ({count_of(len(changed), 'todo')})"
    groups = _groups(commits, label, known)
    if len(groups) <= _MOST_GROUPS:
        return "; ".join(
            _group_in_words([known[stream] for stream in streams], words, titles=titles) for words, streams in groups.items()
        )
    streams = [stream for group in groups.values() for stream in group]
    numbers = number_ranges([known[stream].number for stream in streams])
    return f"{numbers} {_kind(commits)} ({count_of(len(streams), 'todo')})"


def named_step(session: "Session", step: Sequence[Commit]) -> str:
    """Return the position of a step of the list in use, and what it changed, or was to change: `@4 (3 done)`.

    Args:
        session: This run of the program.
        step: Its commits.
    """
    from ..cqrs.replication import wanted_by  # few lists were merged
    from ..cqrs.stores.merging import with_wanted
    from ..todo.merging import RULES
    from ..todo.recorder import TYPES

    def wanted(commit: Commit) -> Commit:
        events = with_wanted(commit, TYPES, RULES).events
        return replace(commit, events=tuple(replace(event, data=wanted_by(event)) for event in events))

    todos = session.list
    words = changes_in_words([wanted(commit) for commit in step], todos.view().items, todos.label, titles=False)
    return f"@{min(commit.position for commit in step)} ({words})"


def _groups(commits: Iterable[Commit], label: Label, known: Mapping[str, Item]) -> dict[tuple[str, ...], list[str]]:
    """Return the streams of known todos by what happened to them, in words, those with the lowest numbers first."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for stream, words in changes_by_todo(sorted(commits, key=lambda commit: commit.position), label).items():
        if stream in known:
            groups.setdefault(tuple(words), []).append(stream)
    return dict(sorted(groups.items(), key=lambda group: min(known[stream].number for stream in group[1])))


def _kind(commits: Sequence[Commit]) -> str:
    """Return what happened to many todos: that all were created, done, moved or so, or only that they were changed."""
    moves = {_moved(move) if (move := move_of(commit)) is not None else "" for commit in commits}
    if len(moves) == 1 and "" not in moves:
        return moves.pop()
    events = [event for commit in commits for event in commit.events]
    types = {type(event.data) for event in events}
    if TodoCreated in types and {event.stream for event in events if type(event.data) is TodoCreated} == {
        event.stream for event in events
    }:
        return _KINDS[TodoCreated]  # the other events set the fields of new todos
    return _KINDS.get(types.pop(), "changed") if len(types) == 1 else "changed"


def details(commits: Sequence[Commit], items: Iterable[Item], label: Label) -> str:
    """Return what some commits did to their todos, without the texts of the todos; '' for very many changes.

    Args:
        commits: The commits.
        items: The todos that count.
        label: What the todos are called where an event names them.
    """
    if sum(len(commit.events) for commit in commits) > _MOST_EVENTS:
        return ""
    known = {item.stream: item for item in items}
    groups = _groups(commits, label, known)
    if len(groups) == 1:
        return ", ".join(*groups)
    if len(groups) <= _MOST_GROUPS:
        return "; ".join(
            f"{number_ranges([known[stream].number for stream in streams])} {', '.join(words)}"
            for words, streams in groups.items()
        )
    types = {type(event.data) for commit in commits for event in commit.events}
    changed = {FIELD_BY_EVENT[type].name for type in types if type in FIELD_BY_EVENT}
    return ", ".join(field.name for field in FIELDS if field.name in changed)


def _group_in_words(items: Sequence[Item], words: Sequence[str], *, titles: bool) -> str:
    """Return what happened to todos. The texts of a few are added, unless the words contain a text."""
    shown = f"{number_ranges([item.number for item in items])} {', '.join(words)}"
    if not titles or any(word.startswith(("created: ", "text: ")) for word in words):
        return shown
    if len(items) > _MOST_TITLES:
        return f"{shown} ({count_of(len(items), 'todo')})"
    return f"{shown} ({', '.join(visible(item.todo.text) for item in items)})"
