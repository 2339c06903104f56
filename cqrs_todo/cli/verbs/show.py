"""`todo show`: everything about todos."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...cqrs.events import Commit
from ...todo.fields import ATTRIBUTES, DEPENDS, EVERY, FIELDS, NOTE, PARENT, TEXT
from ...todo.views import Item, display_day_or_instant, local_day, move_of, number_ranges, short_instant
from ..clock import to_local
from ..histories import history_lines, history_table
from ..output import print_line, print_row
from ..session import Session
from ..tables import rich_text
from ..terminal import draw, print_moment, shown_value
from ..text import visible, visible_lines
from ..verb import EVERYDAY, IDS, Option, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

_NEXT_DATES = 5
"""How many of the next dates of a todo that recurs are shown."""


def show(session: Session, ids: Sequence[str], html: bool) -> None:
    """Show the fields, the note and the history of todos, or their notes as HTML; or commits, by their positions."""
    if html:
        from ..notes import print_html

        print_html(session, ids)
        return
    if any(word.startswith("@") and word != "@" for word in ids):
        from ..commits import show_commits

        show_commits(session, ids)
        return
    chosen = session.choose(ids, then=True)
    todos = session.list
    view = todos.view(session.moment)
    streams = {item.stream for item in chosen}
    commits = [commit for commit in todos.history(session.moment) if any(event.stream in streams for event in commit.events)]
    commits.reverse()
    if session.options.json:
        from .. import document

        history = [document.commit_document(commit, todos.position_of) for commit in commits]
        print_line(document.encode({**document.view_document(view, chosen), "commits": history}))
        return
    print_moment(session, view)
    if session.options.plain:
        _print_plain(chosen)
        return
    for place, item in enumerate(chosen):
        if place:
            print_line("")
        _show_one(session, item, view.items, commits)


def _print_plain(items: Sequence[Item]) -> None:
    import msgspec

    from .. import document

    for item in items:
        for name, value in msgspec.to_builtins(document.todo_document(item)).items():
            if isinstance(value, list):
                shown = " ".join(value)
            elif name == ATTRIBUTES.name:
                shown = shown_value(name, item.todo.attributes)
            elif isinstance(value, dict):
                shown = value["rule"]
            else:
                shown = str(value).lower() if isinstance(value, bool) else value
            print_row(item.number, name, shown)


def _show_one(session: Session, item: Item, everything: Sequence[Item], commits: Sequence[Commit]) -> None:
    """Print every field of a todo, its note, and its history from the oldest commit to the newest."""
    todo = item.todo
    if todo.removed:
        state = _where_it_went(item, commits)
    elif todo.completed is None:
        state = "open"
    else:
        state = f"done {display_day_or_instant(todo.completed, to_local)}"
    rows = [
        ("state", state),
        *((field.name, _field(session, item, field.name)) for field in FIELDS if field not in (TEXT, NOTE, DEPENDS, PARENT)),
        *_links(item, everything),
        ("created", short_instant(todo.created, to_local)),
        ("id", f"{visible(item.id)} (version {item.version})"),
    ]
    rows = [(name, value) for name, value in rows if value]
    lines = list(history_lines(commits, {item.stream: ""}, session.list))
    if session.rich:
        from rich.padding import Padding
        from rich.text import Text

        heading = Text(f"{item.number} ", style="bold").append_text(rich_text(todo, todo.done))
        parts: list[RenderableType] = [heading]
        parts += [Text(f"  {name:<9}", style="dim").append(value, style="none") for name, value in rows]
        if todo.note is not None:
            parts += ["", Padding(_SafeMarkdown(todo.note), (0, 2))]
        parts += ["", Padding(history_table(lines, session.columns), (0, 2))]
        draw(session, *parts)
        return
    print_line(f"{item.number} {visible(todo.text)}")
    width = max(9, *(len(name) + 1 for name, _ in rows))
    for name, value in rows:
        print_line(f"  {name:<{width}}{value}")
    if todo.note is not None:
        print_line("")
        for note_line in visible_lines(todo.note).split("\n"):
            print_line(f"  {note_line}".rstrip())
    print_line("")
    for line in lines:
        print_line("  " + "  ".join(part for part in line if part))


def _field(session: Session, item: Item, name: str) -> str:
    """Return the value of a field as people read it; of a recurrence also the next dates."""
    shown = shown_value(name, getattr(item.todo, name), session.list.label)
    every, due = item.todo.every, item.todo.due
    if name != EVERY.name or every is None or due is None or item.todo.done:
        return shown
    from ...todo.recurrence import days_from

    day = local_day(due, to_local)
    days = [each for each in days_from(every, day, _NEXT_DATES + 1) if each > day][:_NEXT_DATES]
    return f"{shown} (then {', '.join(day.isoformat() for day in days)})" if days else shown


def _links(item: Item, everything: Sequence[Item]) -> list[tuple[str, str]]:
    """Return what a todo of a list is linked with: what it is under, what it depends on, and the reverse of both."""
    known = {other.id: other for other in everything}
    present = [other for other in everything if not other.todo.removed]

    def named(id: str) -> str:
        other = known.get(id)
        if other is None:
            return f"{visible(id)} (not in this list)"
        state = "removed" if other.todo.removed else "done" if other.todo.done else ""
        return f"{other.number} ({state})" if state else f"{other.number}"

    children = [other.number for other in present if other.todo.parent == item.id]
    waiting = [other.number for other in present if item.id in other.todo.depends and not other.todo.done]
    return [
        ("depends", ", ".join(sorted(map(named, item.todo.depends), key=lambda name: (len(name.split()[0]), name)))),
        ("parent", "" if item.todo.parent is None else named(item.todo.parent)),
        ("children", number_ranges(children)),
        ("blocks", number_ranges(waiting)),
    ]


def _where_it_went(item: Item, commits: Sequence[Commit]) -> str:
    """Return whether a removed todo was removed, or moved to another list, and to which one."""
    last = next(commit for commit in reversed(commits) if any(event.stream == item.stream for event in commit.events))
    move = move_of(last)
    return "removed" if move is None else f"moved to {visible(move.target_name)}"


class _SafeMarkdown:
    """A note as Markdown. What its links and entities decode to is made harmless as well."""

    def __init__(self, note: str) -> None:
        self.note = note

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Segment]":
        from rich.markdown import Markdown
        from rich.segment import Segment

        for segment in console.render(Markdown(visible_lines(self.note), hyperlinks=False), options):
            yield Segment(visible_lines(segment.text), segment.style, segment.control)


VERB = Verb(
    name="show",
    help="Show everything about todos: fields, note, history. `todo show @3` shows the commit at a position.",
    examples=("todo show 3", "todo show @ --json", "todo show @42"),
    action=show,
    group=EVERYDAY,
    about="all",
    arguments=(IDS,),
    options=(Option("html", ("--html",), "Print the texts and the notes as HTML."),),
)
