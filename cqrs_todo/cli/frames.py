"""What `todo replay` shows of a commit on a terminal: what it changed, and the list after it."""

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from ..cqrs.events import Commit
from ..cqrs.playback import Transition
from ..todo.compare import changed_fields
from ..todo.fields import State
from ..todo.history import describe_commit, describe_event
from ..todo.service import TodoList, View
from ..todo.views import Item, Label, bracketed_details, label_of, short_instant
from .clock import to_local
from .terminal import shown_value
from .text import visible

_SPACIOUS = 16
"""From how many lines on there are empty lines between the parts."""


def frame(
    commit: Commit,
    transitions: Sequence[Transition[State]],
    view: View,
    height: int,
    todos: TodoList,
    footer: Sequence[Text] = (),
) -> Group:
    """Draw a commit.

    Args:
        commit: The commit.
        transitions: What each of its events did.
        view: The list after it.
        height: How many lines there are.
        todos: The list.
        footer: Lines to show below the list.
    """
    gap = [Text()] if height >= _SPACIOUS else []
    free = max(height - 1 - len(footer) - len(gap) * (2 if footer else 1), 2)
    numbers = {item.stream: item.number for item in view.items}
    changes = _fit(_changes(commit, transitions, numbers, todos.label), max(free // 2, 1))
    items = [item for item in view.items if not item.todo.removed]
    rows = _rows(items, {event.stream for event in commit.events}, free - len(changes), todos.label)
    if not footer:
        return Group(_head(commit, todos), *changes, *gap, *rows)
    padding = [Text()] * (free - len(changes) - len(rows))  # so that the footer stays where it is
    return Group(_head(commit, todos), *changes, *gap, *rows, *padding, *gap, *footer)


def line(*parts: tuple[str, str]) -> Text:
    """Return one line of texts and their styles, which is cut where the terminal ends."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _head(commit: Commit, todos: TodoList) -> Text:
    meta = commit.metadata
    note = describe_commit(commit, todos.position_of)
    return line(
        (f"@{commit.position}  ", "bold"),
        (f"{short_instant(meta.at, to_local)}  ", "cyan"),
        (visible(meta.by), "dim"),
        (f"  ({visible(note)})" if note else "", ""),
    )


def _changes(commit: Commit, transitions: Sequence[Transition[State]], numbers: dict[str, int], label: Label) -> list[Text]:
    """Return a line for each event, and below it a line for each field that it changed, with the old and the new value."""
    by_position = {transition.event.position: transition for transition in transitions}
    lines: list[Text] = []
    for event in commit.events:
        number = str(numbers.get(event.stream, "")) or visible(label_of(event.stream))
        lines.append(line((f"{number:>4} ", "bold"), (visible(describe_event(event, to_local, label)), "bold")))
        transition = by_position.get(event.position)
        if transition is None:
            continue
        for name, (before, after) in changed_fields(transition.before, transition.after).items():
            was, now = (shown_value(name, value, label) or "none" for value in (before, after))
            lines.append(line((f"     {name:<9} ", "dim"), (was, "red"), (" → ", "dim"), (now, "green")))
    return lines


def _fit(lines: list[Text], most: int) -> list[Text]:
    """Return the first lines, and how many are left out."""
    if len(lines) <= most:
        return lines
    kept = max(most - 1, 0)
    return [*lines[:kept], line((f"     and {len(lines) - kept} more lines", "dim"))]


def _rows(items: Sequence[Item], changed: set[str], most: int, label: Label) -> list[Text]:
    """Return as many todos as fit, the ones that the commit changed among them."""
    first = next((place for place, item in enumerate(items) if item.stream in changed), 0)
    start = max(0, min(first - most // 2, len(items) - most))
    return [_row(item, item.stream in changed, label) for item in items[start : start + most]]


def _row(item: Item, is_changed: bool, label: Label) -> Text:
    todo = item.todo
    details = visible(bracketed_details(todo, to_local, label))
    words = f"{item.number:>4} {'x' if todo.done else ' '} {visible(todo.text)}{details}"
    return line((words, "bold" if is_changed else "dim" if todo.done else ""))
