"""The history of a list or of todos, one event in each line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..cqrs.events import Commit
from ..cqrs.struct import Struct
from ..todo.events import TodoCompleted, TodoCreated, TodoRemoved
from ..todo.fields import TEXT
from ..todo.history import describe_commit, describe_event, describe_events
from ..todo.service import TodoList, View
from ..todo.values import day_or_instant
from ..todo.views import id_of, label_of, long_instant, short_instant
from .clock import to_local
from .output import print_line, print_nothing, print_row
from .session import Session
from .terminal import shown_value
from .text import visible

if TYPE_CHECKING:
    from .graph import Gutter

FieldChanges: TypeAlias = dict[str, tuple[Any, Any]]
"""The old and the new value of fields, by their names."""

_MOST_DRAWN = 1000
"""How many lines are drawn on a terminal, which takes a tenth of a millisecond for each; more are printed as in a pipe."""

STYLES: dict[type, str] = {TodoCompleted: "green", TodoRemoved: "red"}
"""How what happened looks on a terminal, by the type of the event; other events look as usual."""

WITH_TEXT = (TodoCreated, TEXT.changed)
"""The types of events whose words contain the text of the todo."""


class Line(Struct, frozen=True):
    """A line of a history: an event, or below it the old and the new value of a field.

    Args:
        what: What happened, in words.
        commit: The commit of the event; None for the values of a field.
        label: What people call the todo; '' to leave it out.
        title: The text of the todo, if the words do not contain it.
        note: What the commit was for; '' for nothing.
        style: How the words look on a terminal.
        values: The old and the new value of a field.
    """

    what: str
    commit: Commit | None = None
    label: str = ""
    title: str = ""
    note: str = ""
    style: str = ""
    values: tuple[str, str] | tuple[()] = ()

    @property
    def position(self) -> str:
        """The position of the commit."""
        return "" if self.commit is None else f"@{self.commit.position}"

    @property
    def by(self) -> str:
        """The author of the commit."""
        return "" if self.commit is None else visible(self.commit.metadata.by)

    @property
    def words(self) -> str:
        """The line without position, time and author, as it is printed where nobody reads it on a terminal."""
        words = " ".join(part for part in (self.label, self.what + " → ".join(self.values)) if part)
        return f"{words} ({self.note})" if self.note else words


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
    by_day: bool = True,
) -> None:
    """Print a history: position, time, author, the number of the todo, and what happened to it.

    A terminal also shows the texts of the todos, and the author only if there are several.

    Args:
        session: This run of the program.
        rows: The commits, in the order in which to show them.
        changes: By list and position, the old and the new value of each field, to be shown below the event; None for none.
        name_lists: Whether to name the list of each commit.
        gutters: The graph to the left of each commit; None for no graph.
        seconds: Whether times have seconds.
        by_day: Whether a terminal shows the commits of each day under a heading.
    """
    names: dict[str, dict[str, str]] = {}
    titles: dict[str, dict[str, str]] = {}
    drawn = session.rich and gutters is None
    for row in rows:
        if row.view.list not in names:
            names[row.view.list] = {item.stream: f"{item.number}" for item in row.view.items}
            titles[row.view.list] = {item.stream: visible(item.todo.text) for item in row.view.items} if drawn else {}
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
        new = list(history_lines([row.commit], labels, row.todos, fields, titles[row.view.list]))
        lines += new
        if gutters is not None:
            graph += [gutters[number].others if place else gutters[number].first for place in range(len(new))]
    if not lines:
        print_nothing(session, "No history.")
    elif drawn and len(lines) <= _MOST_DRAWN:
        from .drawn_history import draw_by_days, draw_in_order

        if by_day:
            draw_by_days(session, lines, seconds=seconds)
        else:
            draw_in_order(session, lines, seconds=seconds)
    else:
        print_plain_lines(lines, graph, seconds=seconds)


def print_plain_lines(lines: Sequence[Line], graph: Sequence[str] = (), *, seconds: bool = False) -> None:
    """Print lines in columns, without colours.

    Args:
        lines: The lines; at least one.
        graph: What stands to the left of each line; () for no graph.
        seconds: Whether times have seconds.
    """
    shown = long_instant if seconds else short_instant
    cells = [
        (line.position, "" if line.commit is None else shown(line.commit.metadata.at, to_local), line.by) for line in lines
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    for number, ((position, at, by), line) in enumerate(zip(cells, lines, strict=True)):
        left = f"{graph[number]}  " if graph else ""
        print_line(f"{left}{position:>{widths[0]}}  {at:<{widths[1]}}  {by:<{widths[2]}}  {line.words}".rstrip())


def history_lines(
    commits: Iterable[Commit],
    labels: Mapping[str, str],
    todos: TodoList,
    changes: Mapping[int, FieldChanges] | None = None,
    titles: Mapping[str, str] | None = None,
) -> Iterator[Line]:
    """Return the lines of commits.

    Args:
        commits: The commits.
        labels: What to call each todo, by its stream. Events of other todos are left out.
        todos: The list of the commits.
        changes: By position, the old and the new value of each field, which get lines below the event.
        titles: The texts of the todos, by their streams. A commit shows each of them once, also if the words contain it.
    """
    for commit in commits:
        note = visible(describe_commit(commit, todos.position_of, to_local))
        named = None
        for each in describe_events(commit, to_local, todos.label):
            event = each.event
            if event.stream in labels:
                data = type(event.data)
                is_named = data in WITH_TEXT or event.stream == named
                title = "" if is_named else (titles or {}).get(event.stream, "")
                named = event.stream
                yield Line(visible(each.words), commit, labels[event.stream], title, note, STYLES.get(data, ""))
                note = ""  # what the commit was for is said once
                fields = (changes or {}).get(event.position, {}) if each.is_change else {}
                for name, (old, new) in fields.items():
                    was, now = (shown_value(name, value, todos.label) or "none" for value in (old, new))
                    yield Line(f"  {name:<9} ", values=(was, now))


def _print_plain(row: HistoryRow, numbers: dict[str, str], *, name_lists: bool) -> None:
    meta = row.commit.metadata
    for event in row.commit.events:
        if row.streams is None or event.stream in row.streams:
            who = (numbers.get(event.stream), id_of(event.stream))
            words = describe_event(event, to_local, row.todos.label)
            values = (event.position, day_or_instant(meta.at), meta.by, *who, event.type, words)
            print_row(*((row.view.list, *values) if name_lists else values))
