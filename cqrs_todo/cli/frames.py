"""What `todo replay` shows of a commit on a terminal: what it changed, and the list after it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Group
from rich.text import Text

from ..cqrs.events import Commit
from ..cqrs.playback import Transition
from ..todo.compare import changed_fields
from ..todo.fields import State
from ..todo.history import describe_commit, describe_events
from ..todo.service import TodoList
from ..todo.views import Item, Label, bracketed_details, label_of, short_instant
from .clock import to_local
from .histories import STYLES, WITH_TEXT
from .playing import Film
from .terminal import shown_value
from .text import visible

_SPACIOUS = 16
"""From how many lines on there are empty lines between the parts."""


def frame(film: Film, height: int, footer: Sequence[Text] = ()) -> Group:
    """Draw the commit that a film shows.

    Args:
        film: The film.
        height: How many lines there are.
        footer: Lines to show below the list.
    """
    commit, todos, view = film.commit, film.todos, film.view
    gap = [Text()] if height >= _SPACIOUS else []
    free = max(height - 1 - len(footer) - len(gap) * (2 if footer else 1), 2)
    known = {item.stream: item for item in view.items}
    changes = _fit(_changes(commit, film.transitions(), known, todos.label), max(free // 2, 1))
    items = [item for item in view.items if not item.todo.removed]
    rows = _rows(items, {event.stream for event in commit.events}, free - len(changes), todos.label)
    head = _head(commit, todos, named=film.names_lists)
    if not footer:
        return Group(head, *changes, *gap, *rows)
    padding = [Text()] * (free - len(changes) - len(rows))  # so that the footer stays where it is
    return Group(head, *changes, *gap, *rows, *padding, *gap, *footer)


def line(*parts: tuple[str, str]) -> Text:
    """Return one line of texts and their styles, which is cut where the terminal ends."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _head(commit: Commit, todos: TodoList, *, named: bool) -> Text:
    meta = commit.metadata
    note = describe_commit(commit, todos.position_of, to_local)
    return line(
        (f"{visible(todos.name)} " if named else "", "bold"),
        (f"@{commit.position}  ", "bold"),
        (f"{short_instant(meta.at, to_local)}  ", "cyan"),
        (visible(meta.by), "dim"),
        (f"  ({visible(note)})" if note else "", ""),
    )


def time_bar(start: datetime, at: datetime, end: datetime, width: int) -> Text:
    """Draw where a time is between two others, with their days at the ends.

    Args:
        start: When the first commit was recorded.
        at: When the commit that is shown was recorded.
        end: When the last commit was recorded.
        width: How many columns there are.
    """
    first, last = (f"{to_local(time).date()}" for time in (start, end))
    room = max(width - len(first) - len(last) - 2, 1)
    length = (end - start).total_seconds()
    share = min(max((at - start).total_seconds() / length, 0), 1) if length > 0 else 1  # clocks may have jumped
    done = round(share * (room - 1))
    return line(
        (f"{first} ", "dim"), ("━" * done, "cyan"), ("●", "bold cyan"), ("─" * (room - 1 - done), "dim"), (f" {last}", "dim")
    )


def _changes(
    commit: Commit, transitions: Sequence[Transition[State]], known: Mapping[str, Item], label: Label
) -> list[Text]:
    """Return a line for each event, and below it a line for each field that it changed, with the old and the new value."""
    by_position = {transition.event.position: transition for transition in transitions}
    lines: list[Text] = []
    named = None
    for each in describe_events(commit, to_local, label):
        event = each.event
        item = known.get(event.stream)
        number = visible(label_of(event.stream)) if item is None else f"{item.number}"
        title = "" if item is None or type(event.data) in WITH_TEXT or named == event.stream else visible(item.todo.text)
        named = event.stream
        style = f"bold {STYLES.get(type(event.data), '')}"
        lines.append(line((f"{number:>4} ", "bold"), (visible(each.words), style), (f" ({title})" if title else "", "")))
        transition = by_position.get(event.position) if each.is_change else None
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
    style = "bold" if is_changed else "dim" if todo.done else ""
    pointer = (">" if is_changed else " ", "cyan")
    mark = ("✓ " if todo.done else "  ", "green")
    return line(pointer, (f"{item.number:>4} ", style), mark, (visible(todo.text), style), (details, "dim"))
