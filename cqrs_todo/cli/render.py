"""What people read: on a terminal with Rich, into a pipe as plain lines, with `--plain` as tab-separated fields.

Every text from a log goes through `visible`, in all three.
"""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from ..cqrs.events import Commit
from ..cqrs.struct import Struct
from ..todo.fields import FIELDS, NOTE, TEXT, Kind, Todo
from ..todo.history import describe_commit, describe_event
from ..todo.service import View
from ..todo.values import day_or_instant
from ..todo.views import Item, board, display_day_or_instant, display_value, id_of, is_overdue, relative_day, short_instant
from .clock import to_local
from .output import out
from .session import Session
from .text import visible, visible_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.table import Table
    from rich.text import Text

RICH_ROWS = 100
"""The longest list drawn as a Rich table, which costs a millisecond a row; a longer one is printed as plain lines."""

LINES = 200
"""How many lines are printed together."""

_PRIORITY_STYLES = {"H": "bold red", "M": "yellow", "L": "blue"}


class _SafeMarkdown:
    """A note as Markdown, whose links and entities are made harmless after they are decoded."""

    def __init__(self, note: str) -> None:
        self.note = note

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Segment]":
        from rich.markdown import Markdown
        from rich.segment import Segment

        for segment in console.render(Markdown(visible_lines(self.note), hyperlinks=False), options):
            yield Segment(visible_lines(segment.text), segment.style, segment.control)


def draw(session: Session, *renderables: "RenderableType") -> None:
    """Print what Rich draws; raises `OutputFailed`."""
    from rich.console import Console

    drawn = io.TextIOWrapper(io.BytesIO(), encoding=sys.stdout.encoding or "utf-8", errors="backslashreplace")
    screen = Console(file=drawn, markup=False, emoji=False, highlight=False, force_terminal=True, width=session.columns)
    for renderable in renderables:
        screen.print(renderable)
    drawn.seek(0)
    out(drawn.read().removesuffix("\n"))


def styled(session: Session, *parts: tuple[str, str]) -> None:
    """Print one line of text in styles, or, where people don't read it on a terminal, the text alone."""
    if session.rich:
        from rich.text import Text

        draw(session, Text.assemble(*parts))
    else:
        out("".join(text for text, _ in parts).rstrip())


def fields(*values: object) -> None:
    """Print tab-separated fields for programs; None is empty."""
    out("\t".join("" if value is None else visible(str(value)) for value in values))


def _mark(todo: Todo) -> str:
    if todo.removed:
        return "-"
    return "x" if todo.done else " "


def _labels(todo: Todo) -> str:
    tags = "".join([f" +{visible(tag)}" for tag in todo.tags]) if todo.tags else ""
    words = "".join([f" {field.marker}{visible(value)}" for field in _WORDS if (value := getattr(todo, field.name))])
    return f"{words}{tags}" if todo.note is None else f"{words}{tags} ≡"


_WORDS = tuple(field for field in FIELDS if field.kind == "word")
"""The fields that stand behind the text of a todo, with their markers."""


def plain_items(items: Iterable[Item]) -> None:
    """One todo a line for programs: number, state, priority, due, text, tags."""
    for item in items:
        todo = item.todo
        state = "removed" if todo.removed else "done" if todo.done else "open"
        words = (getattr(todo, field.name) for field in _WORDS)
        fields(item.number, state, todo.priority, todo.due, todo.text, " ".join(todo.tags), *words)


def _line_items(items: Sequence[Item], now: datetime) -> None:
    """One todo a line for people; a column that would be empty is left out."""
    todos = [item.todo for item in items]
    marked = any(todo.removed or todo.completed for todo in todos)
    prioritized = any(todo.priority for todo in todos)
    dues = {due: "" if due is None else relative_day(due, now, to_local) for due in {todo.due for todo in todos}}
    number_width = len(str(max([item.number for item in items])))
    due_width = max(map(len, dues.values()))
    for first in range(0, len(items), LINES):  # the memory of some lines, used again, takes less time than that of all
        part = todos[first : first + LINES]
        columns = [[str(item.number).rjust(number_width) for item in items[first : first + LINES]]]
        if marked:
            columns.append([_mark(todo) for todo in part])
        if prioritized:
            columns.append([todo.priority or " " for todo in part])
        if due_width:
            columns.append([dues[todo.due].ljust(due_width) for todo in part])
        columns.append([visible(todo.text) + _labels(todo) for todo in part])
        out("\n".join(map("  ".join, zip(*columns, strict=True))))


def _rich_text(todo: Todo, faded: bool) -> "Text":
    from rich.text import Text

    text = Text(visible(todo.text), style="dim strike" if todo.removed else "dim" if faded else "")
    for field in _WORDS:
        if value := getattr(todo, field.name):
            text.append(f" {field.marker}{visible(value)}", style="dim magenta" if faded else "magenta")
    for tag in todo.tags:
        text.append(f" +{visible(tag)}", style="dim cyan" if faded else "cyan")
    if todo.note is not None:
        text.append(" ≡", style="dim")
    return text


def _rich_items(session: Session, groups: Sequence[tuple[str, Sequence[Item]]], now: datetime) -> None:
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
            table.add_row(*row, _rich_text(todo, faded))
    draw(session, table)


def show_items(session: Session, view: View, items: Sequence[Item], *, empty: str) -> None:
    """Some todos of a list; `empty` is what to say when there are none."""
    show_groups(session, [("", items)], session.seen_from(view), empty=empty)


def show_board(session: Session, view: View) -> None:
    """What is open: overdue, today, next."""
    now = session.seen_from(view)
    parts = board(view.items, now, to_local)
    groups = [("Overdue", parts.overdue), ("Today", parts.today), ("Next", parts.next)]
    if not parts.overdue and not parts.today:
        groups = [("", parts.next)]
    show_groups(session, groups, now, empty="Nothing is open.")


def show_groups(session: Session, groups: Sequence[tuple[str, Sequence[Item]]], now: datetime, *, empty: str) -> None:
    """Todos under headings, seen from a time; the headings stand only where people read."""
    groups = [(title, items) for title, items in groups if items]
    count = sum(len(items) for _, items in groups)
    if session.options.plain:
        for _, items in groups:
            plain_items(items)
    elif not count:
        say(session, empty)
    elif session.rich and count <= RICH_ROWS:
        _rich_items(session, groups, now)
    else:
        for title, items in groups:
            if title:
                out(f"{title}:")
            _line_items(items, now)


def say(session: Session, line: str) -> None:
    """Tell a person something that is no data."""
    if not session.options.quiet:
        with suppress(OSError):  # nobody listens
            sys.stderr.write(line + "\n")


def show_as_of(session: Session, view: View) -> None:
    """Say which moment is shown."""
    if session.moment is None or session.options.plain:
        return
    where = f"@{view.position}" if view.position else "before the first event"
    when = "" if view.as_of is None else f" {short_instant(view.as_of, to_local)}"
    say(session, f"{visible(view.list)} as it was{when} ({where})")


def show_one(session: Session, item: Item, commits: Sequence[Commit]) -> None:
    """Every field of a todo, its note, its history (oldest first)."""
    todo = item.todo
    state = (
        "removed"
        if todo.removed
        else "open"
        if todo.completed is None
        else f"done {display_day_or_instant(todo.completed, to_local)}"
    )
    rows = [
        ("state", state),
        *((field.name, shown_value(field.name, getattr(todo, field.name))) for field in FIELDS if field not in (TEXT, NOTE)),
        ("created", short_instant(todo.created, to_local)),
        ("id", f"{visible(item.id)} (version {item.version})"),
    ]
    rows = [(name, value) for name, value in rows if value]
    names = {item.stream: ""}
    if session.rich:
        from rich.padding import Padding
        from rich.text import Text

        heading = Text(f"{item.number} ", style="bold").append_text(_rich_text(todo, todo.done))
        told: list[RenderableType] = [heading]
        told += [Text(f"  {name:<9}", style="dim").append(value, style="none") for name, value in rows]
        if todo.note is not None:
            told += ["", Padding(_SafeMarkdown(todo.note), (0, 2))]
        told += ["", Padding(_rich_history(_history_lines(commits, names)), (0, 2))]
        draw(session, *told)
        return
    out(f"{item.number} {visible(todo.text)}")
    for name, value in rows:
        out(f"  {name:<9}{value}")
    if todo.note is not None:
        out("")
        for note_line in visible_lines(todo.note).split("\n"):
            out(f"  {note_line}".rstrip())
    out("")
    for parts in _history_lines(commits, names):
        out("  " + "  ".join(part for part in parts if part))


def _history_lines(
    commits: Iterable[Commit], names: dict[str, str], changes: "dict[int, FieldChanges] | None" = None
) -> Iterable[tuple[str, str, str, str]]:
    """Position, time and author of a commit, and each of its events in words; `names` says which todos are told of.

    With `changes`, by position, the old and new value of each field below.
    """
    for commit in commits:
        head = (f"@{commit.position}", short_instant(commit.metadata.at, to_local), visible(commit.metadata.by))
        note = describe_commit(commit)
        for event in commit.events:
            if event.stream in names:
                words = " ".join(part for part in (names[event.stream], visible(describe_event(event, to_local))) if part)
                yield *head, f"{words} ({visible(note)})" if note else words
                for name, (old, new) in (changes or {}).get(event.position, {}).items():
                    was, now = shown_value(name, old) or "none", shown_value(name, new) or "none"
                    yield "", "", "", f"  {name:<9} {was} → {now}"


def _rich_history(lines: Iterable[tuple[str, str, str, str]]) -> "Table":
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(style="dim", overflow="fold", max_width=24)
    table.add_column(ratio=1, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table


class Told(Struct, frozen=True):
    """A commit that a history tells of, its list as now seen, and the streams it is about (None: all)."""

    view: View
    commit: Commit
    streams: set[str] | None


FieldChanges: TypeAlias = dict[str, tuple[Any, Any]]


def show_history(
    session: Session, told: Sequence[Told], changes: dict[str, dict[int, FieldChanges]] | None, *, name_lists: bool
) -> None:
    """The history, an event a line: position, time, author, the todo's number and what happened to it.

    With `changes`, by list and position, the old and new value of each field below.
    """
    names: dict[str, dict[str, str]] = {}
    for row in told:
        if row.view.list not in names:
            names[row.view.list] = {item.stream: f"{item.number}" for item in row.view.items}
    if session.options.plain:
        for row in told:
            _plain_history(row, names[row.view.list], name_lists=name_lists)
        return
    lines: list[tuple[str, str, str, str]] = []
    for row in told:
        known = names[row.view.list]
        streams = {event.stream for event in row.commit.events}
        chosen = streams if row.streams is None else streams & row.streams
        place = f"{visible(row.view.list)} " if name_lists else ""
        labels = {stream: place + known.get(stream, visible(id_of(stream))) for stream in chosen}
        lines += _history_lines([row.commit], labels, (changes or {}).get(row.view.list))
    if not lines:
        say(session, "No history.")
    elif session.rich and len(lines) <= RICH_ROWS:
        draw(session, _rich_history(lines))
    else:
        widths = [max(len(line[column]) for line in lines) for column in range(3)]
        for position, at, by, words in lines:
            out(f"{position:>{widths[0]}}  {at:<{widths[1]}}  {by:<{widths[2]}}  {words}".rstrip())


def _plain_history(row: Told, numbers: dict[str, str], *, name_lists: bool) -> None:
    meta = row.commit.metadata
    for event in row.commit.events:
        if row.streams is None or event.stream in row.streams:
            who = (numbers.get(event.stream), id_of(event.stream))
            values = (event.position, day_or_instant(meta.at), meta.by, *who, event.type, describe_event(event, to_local))
            fields(*((row.view.list, *values) if name_lists else values))


def shown_value(name: str, value: Any) -> str:
    """The value of an attribute of a todo as people read it; '' for none."""
    if name == "removed":
        return "yes" if value else ""
    kind: Kind = "day or instant" if name == "completed" else _KINDS[name]
    return visible(str(value or "") if kind == "note" else display_value(kind, value, to_local))


_KINDS = {field.name: field.kind for field in FIELDS}
