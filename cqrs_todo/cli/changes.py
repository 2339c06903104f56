"""Commits in words, for answers: which todos they changed, and how."""

from collections.abc import Iterable, Sequence

from ..cqrs.events import Commit
from ..cqrs.timeline import batch_of
from ..todo.events import TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from ..todo.history import describe_event
from ..todo.views import Item, Label, Move, move_of, number_ranges
from .clock import to_local
from .reports import count_of
from .text import visible

_MOST_TODOS = 3
"""How many todos are described one by one, if their changes differ."""

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
        for event in commit.events:
            if move is None:
                words.setdefault(event.stream, []).append(visible(describe_event(event, to_local, label)))
            else:
                words[event.stream] = [_moved(move)]
    return words


def _moved(move: Move) -> str:
    return visible(f"moved from {move.source_name} to {move.target_name}")


def changes_in_words(commits: Sequence[Commit], items: Iterable[Item], label: Label) -> str:
    """Return which todos some commits changed, and how: `3 done (Buy milk)`, `1-3 tagged +home (3 todos)`.

    Args:
        commits: The commits of one command, in any order.
        items: The todos as they are now.
        label: What the todos are called where an event names them.
    """
    known = {item.stream: item for item in items}
    if sum(len(commit.events) for commit in commits) > _MOST_EVENTS:
        streams = {event.stream for commit in commits for event in commit.events} & set(known)
        numbers = number_ranges([known[stream].number for stream in streams])
        return f"{numbers} {_kind(commits)} ({count_of(len(streams), 'todo')})"
    commits = sorted(commits, key=lambda commit: commit.position)
    changes = {stream: words for stream, words in changes_by_todo(commits, label).items() if stream in known}
    alike = set(map(tuple, changes.values()))
    if len(changes) == 1 or (len(changes) <= _MOST_TODOS and len(alike) > 1):
        return "; ".join(_one_in_words(known[stream], words) for stream, words in changes.items())
    numbers = number_ranges([known[stream].number for stream in changes])
    what = ", ".join(*alike) if len(alike) == 1 else _kind(commits)
    return f"{numbers} {what} ({count_of(len(changes), 'todo')})"


def _kind(commits: Sequence[Commit]) -> str:
    """Return what happened to many todos: that all were created, done, moved or so, or only that they were changed."""
    moves = {_moved(move) if (move := move_of(commit)) is not None else "" for commit in commits}
    if len(moves) == 1 and "" not in moves:
        return moves.pop()
    types = {type(event.data) for commit in commits for event in commit.events}
    return _KINDS.get(types.pop(), "changed") if len(types) == 1 else "changed"


def details(commits: Sequence[Commit], label: Label) -> str:
    """Return what some commits did to their todos, if it was the same for all of them; '' if it was not.

    Args:
        commits: The commits.
        label: What the todos are called where an event names them.
    """
    if sum(len(commit.events) for commit in commits) > _MOST_EVENTS:
        return ""
    alike = set(map(tuple, changes_by_todo(commits, label).values()))
    return ", ".join(*alike) if len(alike) == 1 else ""


def _one_in_words(item: Item, words: Sequence[str]) -> str:
    """Return what happened to one todo. Its text is added, unless the words contain a text of the todo."""
    shown = ", ".join(words)
    has_text = any(word.startswith(("created: ", "text: ")) for word in words)
    return f"{item.number} {shown}" if has_text else f"{item.number} {shown} ({visible(item.todo.text)})"
