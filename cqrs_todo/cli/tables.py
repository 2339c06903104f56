"""Todos, one in each line: a table on a terminal, plain lines in a pipe, tab-separated fields with `--plain`.

Every text from a log goes through `visible`, in all three.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..cqrs.struct import Struct
from ..todo.fields import FIELDS, Declared, Kind, Todo
from ..todo.views import Item, first_wait, is_overdue, local_day, relative_day
from .clock import to_local
from .output import print_line, print_nothing, print_row
from .session import Session
from .terminal import RICH_ROWS, draw
from .text import visible

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from ..todo.links import Links

WIDE = 60
"""From how many columns on there is room for all columns of a table."""

LINES = 200
"""How many lines are printed together."""

_PRIORITY_STYLES = {"H": "bold red", "M": "magenta", "L": "cyan"}

_WORD_FIELDS = tuple(field for field in FIELDS if field.kind == "word")

_KIND_STYLES: dict[Kind, str] = {"recurrence": "", "word": "magenta", "words": "cyan", "note": ""}
"""The styles of the kinds of fields that are shown after the text of a todo, in this order."""
_FIELDS_AFTER_TEXT = tuple(field for kind in _KIND_STYLES for field in FIELDS if field.kind == kind)


class Source:
    """A list whose todos are shown."""

    def __init__(self, name: str, everything: Sequence[Item], prefix: str = "") -> None:
        """Describe a list.

        Args:
            name: Its name.
            everything: All its todos, also those that are not shown.
            prefix: What stands before the numbers of its todos, such as `work/`.
        """
        self.name = name
        self.everything = everything
        self.prefix = prefix

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The numbers of its todos, by their ids."""
        return {item.id: f"{item.number}" for item in self.everything}

    @cached_property
    def links(self) -> "Links | None":
        """The links between its todos; None if it has none."""
        if not any(item.todo.parent or item.todo.depends for item in self.everything):
            return None
        from ..todo.links import Links  # most lists have no links

        return Links(self.everything)


class Entry(Struct, frozen=True):
    """A todo of a list."""

    item: Item
    source: Source

    @property
    def label(self) -> str:
        """What people type to name it."""
        return f"{self.source.prefix}{self.item.number}"

    @property
    def number(self) -> int:
        """Its number."""
        return self.item.number

    @property
    def todo(self) -> Todo:
        """Its state."""
        return self.item.todo


class Section(Struct, frozen=True):
    """Todos with a title, which may be empty."""

    title: str
    entries: Sequence[Entry]


class Block(Struct, frozen=True):
    """What is shown under one heading.

    Args:
        sections: The todos.
        name: The heading; '' for none.
        counts: How many todos are urgent, in words; '' to leave it out.
        trees: Whether to show todos below those that they are children of.
    """

    sections: Sequence[Section]
    name: str = ""
    counts: str = ""
    trees: bool = True


class _Row(Struct, frozen=True):
    """A todo as a line.

    Args:
        item: The todo.
        label: What people type to name it.
        branch: What stands before its text, if it is shown below the todo that it is a child of.
        links: What follows its text: how many of its children are done, and what it waits for.
    """

    item: Item
    label: str
    branch: str = ""
    links: str = ""


def print_blocks(session: Session, blocks: Sequence[Block], now: datetime, *, empty: str) -> None:
    """Print todos.

    Args:
        session: This run of the program.
        blocks: The todos. `--plain` shows no headings and no titles.
        now: The time that decides what is overdue.
        empty: The message if there are no todos.
    """
    rows = [[_rows(section.entries, trees=block.trees) for section in block.sections] for block in blocks]
    everything = [row for sections in rows for section in sections for row in section]
    if session.options.plain:
        _print_plain(everything)
    elif not everything:
        print_nothing(session, empty)
    elif session.rich and len(everything) <= RICH_ROWS:
        _draw_tables(session, blocks, rows, _Columns(everything, now), now)
    else:
        columns = _Columns(everything, now)
        for place, (block, sections) in enumerate(zip(blocks, rows, strict=True)):
            if place:
                print_line("")
            if block.name or block.counts:
                print_line(": ".join(filter(None, (visible(block.name), block.counts))))
            for section, shown in zip(block.sections, sections, strict=True):
                if section.title:
                    print_line(f"{section.title}:")
                _print_lines(shown, columns)


def print_waiting(
    session: Session, waiting: Sequence[Item], now: datetime, query: Sequence[str] = (), *, all_lists: bool = False
) -> None:
    """Print how many todos are hidden until some day, and how to see them.

    Args:
        session: This run of the program.
        waiting: The todos.
        now: The time from which days such as "tomorrow" are counted.
        query: The query that wants them.
        all_lists: Whether some of them are in lists other than the one in use.
    """
    first = first_wait(waiting, to_local)
    if first is None or session.options.plain:
        return
    wanted = ""
    if query:
        import re  # few queries hide todos
        import shlex

        text = " ".join(query)
        wanted = f"{shlex.quote(f'({text})')} " if re.search(r"\bor\b", text) else f"{shlex.join(query)} "
    command = session.typed_then(session.list.name, f"ls {'-A ' if all_lists else ''}{wanted}is:waiting")
    line = f"{len(waiting):,} waiting, from {relative_day(first, now, to_local)}: {command}"
    if session.rich:
        from rich.text import Text

        draw(session, "", Text(line, style="dim"))
    else:
        print_line(f"\n{line}")


def _rows(entries: Sequence[Entry], *, trees: bool) -> list[_Row]:
    """Return todos as lines, perhaps as trees if they are all of one list."""
    if all(entry.source.links is None for entry in entries):
        return [_Row(entry.item, entry.label) for entry in entries]
    source = entries[0].source
    branches = {id(entry.item): "" for entry in entries}
    if trees and source.links is not None and all(entry.source is source for entry in entries):
        from ..todo.links import as_trees

        arranged = as_trees([entry.item for entry in entries], source.links)
        branches = {id(branch.item): branch.prefix for branch in arranged}
        entries = [Entry(branch.item, source) for branch in arranged]
    return [
        _Row(
            entry.item,
            entry.label,
            branches[id(entry.item)],
            "" if entry.source.links is None else _links_in_words(entry.item, entry.source.links),
        )
        for entry in entries
    ]


def _links_in_words(item: Item, links: "Links") -> str:
    """Return how many children of a todo are done, and the numbers of the todos that block it: ` (1/3) ⊘8,9`."""
    done, count = links.progress(item)
    blockers = () if item.todo.done else links.blockers(item)
    numbers = ",".join(f"{blocker.number}" for blocker in blockers)
    return (f" ({done}/{count})" if count else "") + (f" ⊘{numbers}" if numbers else "")


def state_of(todo: Todo) -> str:
    """Return what `--plain` and a column call the state of a todo."""
    return "removed" if todo.removed else "done" if todo.done else "open"


def rich_text(todo: Todo, faded: bool, links: str = "") -> "Text":
    """Return the text of a todo with its tags and the like, in colours.

    Args:
        todo: The todo.
        faded: Whether to show it less clearly.
        links: What to show of its links.
    """
    from rich.text import Text

    text = Text(visible(todo.text), style="dim strike" if todo.removed else "dim" if faded else "")
    text.append(links, style="dim")
    for field in _FIELDS_AFTER_TEXT:
        if value := getattr(todo, field.name):
            style = _KIND_STYLES[field.kind]
            text.append(_after_text(field, value), style=f"dim {style}" if faded or not style else style)
    return text


def _print_plain(rows: Iterable[_Row]) -> None:
    """Print one todo in each line for programs: number, state, priority, due, text, tags, and the other fields of words."""
    for row in rows:
        todo = row.item.todo
        words = (getattr(todo, field.name) for field in _WORD_FIELDS)
        print_row(row.label, state_of(todo), todo.priority, todo.due, todo.text, " ".join(todo.tags), *words)


def _mark(todo: Todo, columns: "_Columns", done: str = "x") -> str:
    """Return what shows that a todo was removed, or was done and when; '' for an open one."""
    if todo.removed:
        return "-"
    return "" if todo.completed is None else f"{done} {columns.completions[todo.completed]}"


def _after_text(field: Declared, value: Any) -> str:
    """Return how the value of a field is shown after the text of a todo: words with a marker, or a sign."""
    match field.kind:
        case "recurrence":
            from ..todo.rules import rule_in_words  # few todos recur

            return f" ↻{visible(rule_in_words(value).replace(' ', '-'))}"
        case "words":
            return "".join([f" {field.marker}{visible(word)}" for word in value])
        case "note":
            return " ≡"
        case _:
            return f" {field.marker}{visible(value)}"


def _labels(todo: Todo) -> str:
    return "".join([_after_text(field, value) for field in _FIELDS_AFTER_TEXT if (value := getattr(todo, field.name))])


class _Columns:
    """The columns of lines for people, which all blocks share. A column that would be empty is left out.

    Args:
        rows: The lines of all blocks; at least one.
        now: The time from which days such as "tomorrow" are counted.
    """

    def __init__(self, rows: Sequence[_Row], now: datetime) -> None:
        todos = [row.item.todo for row in rows]
        self.completions = {
            done: relative_day(local_day(done, to_local).isoformat(), now, to_local)
            for todo in todos
            if (done := todo.completed)
        }
        self.mark_width = max([len(_mark(todo, self)) for todo in todos])
        self.prioritized = any(todo.priority for todo in todos)
        self.dues = {due: "" if due is None else relative_day(due, now, to_local) for due in {todo.due for todo in todos}}
        self.label_width = max([len(row.label) for row in rows])
        self.due_width = max(map(len, self.dues.values()))


def _print_lines(shown: Sequence[_Row], columns: _Columns) -> None:
    """Print one todo in each line for people."""
    for first in range(0, len(shown), LINES):  # reusing the memory of some lines is faster than taking that of all
        rows = shown[first : first + LINES]
        part = [row.item.todo for row in rows]
        cells = [[visible(row.label).rjust(columns.label_width) for row in rows]]
        if columns.mark_width:
            cells.append([_mark(todo, columns).ljust(columns.mark_width) for todo in part])
        if columns.prioritized:
            cells.append([todo.priority or " " for todo in part])
        if columns.due_width:
            cells.append([columns.dues[todo.due].ljust(columns.due_width) for todo in part])
        cells.append([f"{row.branch}{visible(row.item.todo.text)}{row.links}{_labels(row.item.todo)}" for row in rows])
        print_line("\n".join(map("  ".join, zip(*cells, strict=True))))


def _draw_tables(
    session: Session, blocks: Sequence[Block], rows: Sequence[Sequence[Sequence[_Row]]], columns: _Columns, now: datetime
) -> None:
    from rich.table import Table
    from rich.text import Text

    parts: list[Table | Text | str] = []
    for block, sections in zip(blocks, rows, strict=True):
        if parts:
            parts.append("")
        if block.name or block.counts:
            parts.append(Text.assemble((visible(block.name), "bold"), "  " if block.name else "", (block.counts, "dim")))
        for section, shown in zip(block.sections, sections, strict=True):
            if section.title:
                parts.append(Text(section.title, style="bold red" if section.title == "Overdue" else "bold"))
            parts.append(_table(shown, columns, now, session.columns))
    draw(session, *parts)


def _shortened(label: str, most: int) -> str:
    """Return a label whose list has so short a name that the label is not longer than some characters."""
    if len(label) <= most:
        return label
    name, slash, number = label.rpartition("/")
    return f"{name[: max(most - len(number) - 2, 1)]}…{slash}{number}"


def _table(rows: Sequence[_Row], columns: _Columns, now: datetime, width: int) -> "Table":
    """Return todos as a table. On a narrow terminal the due dates follow the texts.

    Args:
        rows: The todos.
        columns: The widths of the columns.
        now: The time that decides what is overdue.
        width: How wide the terminal is.
    """
    narrow, most = width < WIDE, max(width // 4, 8)
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(justify="right", style="bold", no_wrap=True, width=min(columns.label_width, most))
    for needed in (columns.mark_width, int(columns.prioritized), 0 if narrow else columns.due_width):
        if needed:
            table.add_column(no_wrap=True, width=needed)
    table.add_column(ratio=1, overflow="fold")
    for row in rows:
        todo = row.item.todo
        faded = todo.done or todo.removed
        cells: list[str | Text] = [_shortened(visible(row.label), most)]
        if columns.mark_width:
            cells.append(Text(_mark(todo, columns, "✓"), style="green" if todo.done and not todo.removed else ""))
        if columns.prioritized:
            cells.append(Text(todo.priority or "", style="dim" if faded else _PRIORITY_STYLES.get(todo.priority or "", "")))
        due_style = "red" if is_overdue(todo, now, to_local) else "dim" if faded else "cyan" if narrow else ""
        if columns.due_width and not narrow:
            cells.append(Text(columns.dues[todo.due], style=due_style))
        text = Text().append(row.branch, style="dim").append_text(rich_text(todo, faded, row.links))
        if narrow and todo.due is not None:
            text.append(f"  {columns.dues[todo.due]}", style=due_style)
        table.add_row(*cells, text)
    return table
