"""Todos, one in each line: a table on a terminal, plain lines in a pipe, tab-separated fields with `--plain`.

Every text from a log goes through `visible`, in all three.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..todo.fields import FIELDS, Todo
from ..todo.views import Item, is_overdue, relative_day
from .clock import to_local
from .output import print_line, print_message, print_row
from .session import Session
from .terminal import RICH_ROWS, draw
from .text import visible

if TYPE_CHECKING:
    from rich.text import Text

LINES = 200
"""How many lines are printed together."""

_PRIORITY_STYLES = {"H": "bold red", "M": "yellow", "L": "blue"}

_WORD_FIELDS = tuple(field for field in FIELDS if field.kind == "word")
"""The fields that are shown after the text of a todo, with their markers."""


def print_groups(session: Session, groups: Sequence[tuple[str, Sequence[Item]]], now: datetime, *, empty: str) -> None:
    """Print todos in groups.

    Args:
        session: This run of the program.
        groups: The title and the todos of each group. `--plain` shows no titles.
        now: The time that decides what is overdue.
        empty: The message if there are no todos.
    """
    groups = [(title, items) for title, items in groups if items]
    count = sum(len(items) for _, items in groups)
    if session.options.plain:
        for _, items in groups:
            _print_plain(items)
    elif not count:
        print_message(session, empty)
    elif session.rich and count <= RICH_ROWS:
        _draw_table(session, groups, now)
    else:
        columns = _Columns([item for _, items in groups for item in items], now)
        for title, items in groups:
            if title:
                print_line(f"{title}:")
            _print_lines(items, columns)


def rich_text(todo: Todo, faded: bool) -> "Text":
    """Return the text of a todo with its tags and the like, in colours."""
    from rich.text import Text

    text = Text(visible(todo.text), style="dim strike" if todo.removed else "dim" if faded else "")
    for field in _WORD_FIELDS:
        if value := getattr(todo, field.name):
            text.append(f" {field.marker}{visible(value)}", style="dim magenta" if faded else "magenta")
    for tag in todo.tags:
        text.append(f" +{visible(tag)}", style="dim cyan" if faded else "cyan")
    if todo.note is not None:
        text.append(" ≡", style="dim")
    return text


def _print_plain(items: Iterable[Item]) -> None:
    """Print one todo in each line for programs: number, state, priority, due, text, tags, and the other fields of words."""
    for item in items:
        todo = item.todo
        state = "removed" if todo.removed else "done" if todo.done else "open"
        words = (getattr(todo, field.name) for field in _WORD_FIELDS)
        print_row(item.number, state, todo.priority, todo.due, todo.text, " ".join(todo.tags), *words)


def _mark(todo: Todo) -> str:
    if todo.removed:
        return "-"
    return "x" if todo.done else " "


def _labels(todo: Todo) -> str:
    tags = "".join([f" +{visible(tag)}" for tag in todo.tags]) if todo.tags else ""
    words = "".join([f" {field.marker}{visible(value)}" for field in _WORD_FIELDS if (value := getattr(todo, field.name))])
    return f"{words}{tags}" if todo.note is None else f"{words}{tags} ≡"


class _Columns:
    """The columns of lines for people, which all groups share. A column that would be empty is left out.

    Args:
        items: The todos of all groups; at least one.
        now: The time from which days such as "tomorrow" are counted.
    """

    def __init__(self, items: Sequence[Item], now: datetime) -> None:
        todos = [item.todo for item in items]
        self.marked = any(todo.removed or todo.completed for todo in todos)
        self.prioritized = any(todo.priority for todo in todos)
        self.dues = {due: "" if due is None else relative_day(due, now, to_local) for due in {todo.due for todo in todos}}
        self.number_width = len(str(max([item.number for item in items])))
        self.due_width = max(map(len, self.dues.values()))


def _print_lines(items: Sequence[Item], shared: _Columns) -> None:
    """Print one todo in each line for people."""
    for first in range(0, len(items), LINES):  # reusing the memory of some lines is faster than taking that of all
        rows = items[first : first + LINES]
        part = [item.todo for item in rows]
        columns = [[str(item.number).rjust(shared.number_width) for item in rows]]
        if shared.marked:
            columns.append([_mark(todo) for todo in part])
        if shared.prioritized:
            columns.append([todo.priority or " " for todo in part])
        if shared.due_width:
            columns.append([shared.dues[todo.due].ljust(shared.due_width) for todo in part])
        columns.append([visible(todo.text) + _labels(todo) for todo in part])
        print_line("\n".join(map("  ".join, zip(*columns, strict=True))))


def _draw_table(session: Session, groups: Sequence[tuple[str, Sequence[Item]]], now: datetime) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    everything = [item for _, items in groups for item in items]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    table.add_column("#", justify="right", style="bold", no_wrap=True)
    marks = any(item.todo.done or item.todo.removed for item in everything)
    priorities = any(item.todo.priority for item in everything)
    dues = any(item.todo.due for item in everything)
    for shown, header in ((marks, ""), (priorities, "P"), (dues, "Due")):
        if shown:
            table.add_column(header, no_wrap=True)
    table.add_column("Todo", ratio=1, overflow="fold")
    for title, items in groups:
        if title:
            blanks = [""] * (marks + priorities + dues)
            table.add_row("", *blanks, Text(title, style="bold red" if title == "Overdue" else "bold"))
        for item in items:
            todo = item.todo
            faded = todo.done or todo.removed
            row: list[str | Text] = [str(item.number)]
            if marks:
                row.append(Text("✓", style="green") if todo.done and not todo.removed else _mark(todo))
            if priorities:
                row.append(
                    Text(todo.priority or "", style="dim" if faded else _PRIORITY_STYLES.get(todo.priority or "", ""))
                )
            if dues:
                due = "" if todo.due is None else relative_day(todo.due, now, to_local)
                row.append(Text(due, style="red" if is_overdue(todo, now, to_local) else "dim" if faded else ""))
            table.add_row(*row, rich_text(todo, faded))
    draw(session, table)
