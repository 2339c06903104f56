"""The history of a list or of todos, one event in each line."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..cqrs.events import Commit
from ..cqrs.struct import Struct
from ..todo.history import describe_commit, describe_event
from ..todo.service import TodoList, View
from ..todo.values import day_or_instant
from ..todo.views import id_of, label_of, long_instant, short_instant
from .clock import to_local
from .output import print_line, print_message, print_row
from .session import Session
from .tables import WIDE
from .terminal import RICH_ROWS, draw, shown_value
from .text import visible

if TYPE_CHECKING:
    from rich.table import Table

    from .graph import Gutter

FieldChanges: TypeAlias = dict[str, tuple[Any, Any]]
"""The old and the new value of fields, by their names."""

Line: TypeAlias = tuple[str, str, str, str]
"""Position, time and author of a commit, and one of its events in words."""


class HistoryRow(Struct, frozen=True):
    """A commit of a history.

    Args:
        view: Its list as it is now.
        commit: The commit.
        streams: The todos whose events are shown; None for all.
        todos: The list.
    """

    view: View
    commit: Commit
    streams: set[str] | None
    todos: TodoList


def print_history(
    session: Session,
    rows: Sequence[HistoryRow],
    changes: dict[str, dict[int, FieldChanges]] | None,
    *,
    name_lists: bool,
    gutters: "Sequence[Gutter] | None" = None,
    seconds: bool = False,
) -> None:
    """Print a history: position, time, author, the number of the todo, and what happened to it.

    Args:
        session: This run of the program.
        rows: The commits, in the order in which to show them.
        changes: By list and position, the old and the new value of each field, to be shown below the event; None for none.
        name_lists: Whether to name the list of each commit.
        gutters: The graph to the left of each commit; None for no graph.
        seconds: Whether times have seconds.
    """
    names: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.view.list not in names:
            names[row.view.list] = {item.stream: f"{item.number}" for item in row.view.items}
    if session.options.plain:
        for row in rows:
            _print_plain(row, names[row.view.list], name_lists=name_lists)
        return
    lines: list[Line] = []
    graph: list[str] = []
    for number, row in enumerate(rows):
        known = names[row.view.list]
        streams = {event.stream for event in row.commit.events}
        chosen = streams if row.streams is None else streams & row.streams
        place = f"{visible(row.view.list)} " if name_lists else ""
        labels = {stream: place + known.get(stream, visible(label_of(stream))) for stream in chosen}
        fields = (changes or {}).get(row.view.list)
        new = list(history_lines([row.commit], labels, row.todos, fields, seconds=seconds))
        lines += new
        if gutters is not None:
            graph += [gutters[number].others if place else gutters[number].first for place in range(len(new))]
    if not lines:
        print_message(session, "No history.")
    elif session.rich and len(lines) <= RICH_ROWS and gutters is None:
        draw(session, history_table(lines, session.columns))
    else:
        widths = [max(len(line[column]) for line in lines) for column in range(3)]
        for number, (position, at, by, words) in enumerate(lines):
            left = "" if gutters is None else f"{graph[number]}  "
            print_line(f"{left}{position:>{widths[0]}}  {at:<{widths[1]}}  {by:<{widths[2]}}  {words}".rstrip())


def history_lines(
    commits: Iterable[Commit],
    labels: dict[str, str],
    todos: TodoList,
    changes: dict[int, FieldChanges] | None = None,
    *,
    seconds: bool = False,
) -> Iterator[Line]:
    """Return the lines of commits.

    Args:
        commits: The commits.
        labels: What to call each todo, by its stream. Events of other todos are left out.
        todos: The list of the commits.
        changes: By position, the old and the new value of each field, which get lines below the event.
        seconds: Whether times have seconds.
    """
    shown = long_instant if seconds else short_instant
    for commit in commits:
        head = (f"@{commit.position}", shown(commit.metadata.at, to_local), visible(commit.metadata.by))
        note = describe_commit(commit, todos.position_of)
        for event in commit.events:
            if event.stream in labels:
                what = visible(describe_event(event, to_local, todos.label))
                words = " ".join(part for part in (labels[event.stream], what) if part)
                yield *head, f"{words} ({visible(note)})" if note else words
                for name, (old, new) in (changes or {}).get(event.position, {}).items():
                    was, now = (shown_value(name, value, todos.label) or "none" for value in (old, new))
                    yield "", "", "", f"  {name:<9} {was} → {now}"


def history_table(lines: Sequence[Line], width: int) -> "Table":
    """Return the lines as a Rich table.

    The author is shown only if there are several. On a narrow terminal, what happened is below the time.

    Args:
        lines: The lines.
        width: How wide the terminal is.
    """
    from rich.table import Table
    from rich.text import Text

    several = len({by for _, _, by, _ in lines if by}) > 1
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", no_wrap=True)
    if width >= WIDE:
        table.add_column(style="cyan", no_wrap=True)
        if several:
            table.add_column(style="dim", overflow="fold", max_width=24)
    table.add_column(ratio=1, overflow="fold")
    shown = ""
    for position, at, by, words in lines:
        author = by if several else ""
        if width >= WIDE:
            table.add_row(position, at, *([author] if several else []), words)
            continue
        if position and position != shown:
            table.add_row(position, Text(f"{at}  {author}".rstrip(), style="cyan"))
            shown = position
        table.add_row("", words)
    return table


def _print_plain(row: HistoryRow, numbers: dict[str, str], *, name_lists: bool) -> None:
    meta = row.commit.metadata
    for event in row.commit.events:
        if row.streams is None or event.stream in row.streams:
            who = (numbers.get(event.stream), id_of(event.stream))
            words = describe_event(event, to_local, row.todos.label)
            values = (event.position, day_or_instant(meta.at), meta.by, *who, event.type, words)
            print_row(*((row.view.list, *values) if name_lists else values))
