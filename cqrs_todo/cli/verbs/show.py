"""`todo show`: everything about todos."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...cqrs.events import Commit
from ...todo.fields import FIELDS, NOTE, TEXT
from ...todo.views import Item, display_day_or_instant, move_of, short_instant
from ..clock import to_local
from ..histories import history_lines, history_table
from ..output import print_line, print_row
from ..session import Session, check_ids
from ..tables import rich_text
from ..terminal import draw, print_moment, shown_value
from ..text import visible, visible_lines
from ..verb import IDS, LOOK, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


def show(session: Session, ids: Sequence[str]) -> None:
    """Show the fields, the note and the history of todos; or commits, by their positions."""
    if any(word.startswith("@") and word != "@" for word in ids):
        from ..commits import show_commits

        show_commits(session, ids)
        return
    todos = session.list
    chosen = todos.select(check_ids(ids), session.moment)
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
        _show_one(session, item, commits)


def _print_plain(items: Sequence[Item]) -> None:
    import msgspec

    from .. import document

    for item in items:
        for name, value in msgspec.to_builtins(document.todo_document(item)).items():
            shown = " ".join(value) if name == "tags" else str(value).lower() if isinstance(value, bool) else value
            print_row(item.number, name, shown)


def _show_one(session: Session, item: Item, commits: Sequence[Commit]) -> None:
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
        *((field.name, shown_value(field.name, getattr(todo, field.name))) for field in FIELDS if field not in (TEXT, NOTE)),
        ("created", short_instant(todo.created, to_local)),
        ("id", f"{visible(item.id)} (version {item.version})"),
    ]
    rows = [(name, value) for name, value in rows if value]
    lines = history_lines(commits, {item.stream: ""}, session.list.position_of)
    if session.rich:
        from rich.padding import Padding
        from rich.text import Text

        heading = Text(f"{item.number} ", style="bold").append_text(rich_text(todo, todo.done))
        parts: list[RenderableType] = [heading]
        parts += [Text(f"  {name:<9}", style="dim").append(value, style="none") for name, value in rows]
        if todo.note is not None:
            parts += ["", Padding(_SafeMarkdown(todo.note), (0, 2))]
        parts += ["", Padding(history_table(lines), (0, 2))]
        draw(session, *parts)
        return
    print_line(f"{item.number} {visible(todo.text)}")
    for name, value in rows:
        print_line(f"  {name:<9}{value}")
    if todo.note is not None:
        print_line("")
        for note_line in visible_lines(todo.note).split("\n"):
            print_line(f"  {note_line}".rstrip())
    print_line("")
    for line in lines:
        print_line("  " + "  ".join(part for part in line if part))


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
    group=LOOK,
    arguments=(IDS,),
)
