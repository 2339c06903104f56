"""`todo show`: everything about todos."""

from collections.abc import Iterable, Sequence

from ...cqrs.events import Commit
from ...cqrs.struct import replace
from ...todo.fields import ATTRIBUTES
from ...todo.views import Item, joined_attributes, short_instant
from ..clock import to_local
from ..errors import position_of_one_list
from ..histories import history_lines
from ..output import print_line, print_row
from ..session import Session
from ..shown_todo import name_width, rows_of
from ..terminal import print_moment
from ..text import visible, visible_lines
from ..verb import EVERYDAY, IDS_IN_ONE_LIST, Option, Verb


def show(session: Session, ids: Sequence[str], html: bool) -> None:
    """Show the fields, the note and the history of todos, or their notes as HTML; or commits, by their positions."""
    if html:
        from ..note_html import print_html

        print_html(session, ids)
        return
    if any(word.startswith("@") and word != "@" for word in ids):
        if session.options.all_lists:
            raise position_of_one_list()
        from ..commits import show_commits

        show_commits(session, ids)
        return
    chosen = session.choose(ids, then=True)
    todos = session.list
    view = todos.view(session.moment)
    streams = {item.stream for item in chosen}
    commits = [commit for commit in todos.history(session.moment) if any(event.stream in streams for event in commit.events)]
    commits.reverse()
    session.positions_shown(todos, {commit.position for commit in commits})
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
                shown = visible(joined_attributes(item.todo.attributes))
            elif isinstance(value, dict):
                shown = value["rule"]
            else:
                shown = str(value).lower() if isinstance(value, bool) else value
            print_row(item.number, name, shown)


def _show_one(session: Session, item: Item, everything: Sequence[Item], commits: Sequence[Commit]) -> None:
    """Print every field of a todo, its note, and its history from the oldest commit to the newest."""
    todo, rows = item.todo, rows_of(session, item, everything, commits)
    lines = list(history_lines(commits, {item.stream: ""}, session.list))
    if session.rich:
        from ..drawn_show import draw_todo

        draw_todo(session, item, rows, lines)
        return
    print_line(f"{item.number} {visible(todo.text)}")
    width = name_width(rows)
    for row in rows:
        print_line(f"  {row.name:<{width}}{row.value}")
    if todo.note is not None:
        print_line("")
        for note_line in visible_lines(todo.note).split("\n"):
            print_line(f"  {note_line}".rstrip())
    print_line("")
    width = max((len(line.position) for line in lines), default=0)
    for line in lines:
        when = "" if line.commit is None else short_instant(line.commit.metadata.at, to_local)
        print_line("  " + "  ".join(part for part in (f"{line.position:>{width}}", when, line.by, line.words) if part))


def _positions(session: Session, beginning: str) -> Iterable[tuple[str, str]]:
    """Return the positions of the last commits, if the word begins like one."""
    from ..completing import positions

    return positions(session) if beginning.startswith("@") else ()


VERB = Verb(
    name="show",
    help="Show everything about todos: fields, note, history. `todo show @3` shows the commit at a position.",
    examples=("todo show 3", "todo show @ --json", "todo show @42"),
    action=show,
    group=EVERYDAY,
    about="all",
    scope="lists",
    arguments=(replace(IDS_IN_ONE_LIST, propose=_positions),),
    options=(Option("html", ("--html",), "Print the texts and the notes as HTML."),),
    paged=True,
    synonyms={"": "info get print cat details"},
)
