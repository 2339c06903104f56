"""`todo show`: everything about todos."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from ...cqrs.events import Commit
from ...cqrs.struct import Struct, replace
from ...todo.fields import ATTRIBUTES, DEPENDS, EVERY, FIELDS, NOTE, PARENT, TEXT, Kind
from ...todo.values import parse_day_or_instant, time_in
from ...todo.views import (
    Item,
    attribute_name,
    display_attribute,
    display_day_or_instant,
    joined_attributes,
    local_day,
    move_of,
    number_ranges,
    short_instant,
)
from ..clock import to_local
from ..errors import position_of_one_list
from ..histories import history_lines
from ..output import print_line, print_row
from ..session import Session
from ..terminal import print_moment, shown_value
from ..text import visible, visible_lines
from ..verb import EVERYDAY, IDS_IN_ONE_LIST, Option, Verb

_NEXT_DATES = 5
"""How many of the next dates of a todo that recurs are shown."""


class Row(Struct, frozen=True):
    """A line about a todo.

    Args:
        name: What it is about.
        value: What it says; '' to leave it out.
        when: The time in it.
        todos: The todos that it names, each with its text. A terminal shows the texts.
    """

    name: str
    value: str
    when: date | datetime | None = None
    todos: Sequence[tuple[str, str]] = ()


def name_width(rows: Sequence[Row]) -> int:
    """Return how many columns the names of rows take, with the space after them."""
    return max(9, *(len(row.name) + 1 for row in rows))


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
    todo = item.todo
    if todo.removed:
        state = Row("state", _where_it_went(item, commits))
    elif todo.completed is None:
        state = Row("state", "open")
    else:
        state = Row(
            "state", f"done {display_day_or_instant(todo.completed, to_local)}", parse_day_or_instant(todo.completed)
        )
    fields = [field for field in FIELDS if field not in (TEXT, NOTE, DEPENDS, PARENT, ATTRIBUTES)]
    rows = [
        state,
        *(
            Row(field.name, _field(session, item, field.name), _time(field.kind, getattr(todo, field.name)))
            for field in fields
        ),
        *(
            Row(attribute_name(key), visible(display_attribute(value, to_local)), time_in(value))
            for key, value in todo.attributes
        ),
        *_links(item, everything),
        Row("created", short_instant(todo.created, to_local), todo.created),
        Row("id", f"{visible(item.id)} (version {item.version})"),
    ]
    rows = [row for row in rows if row.value]
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


def _time(kind: Kind, value: Any) -> date | datetime | None:
    """Return the time that the value of a field is; None if it has none, or is of another kind."""
    if value is None or kind not in ("day or instant", "instant"):
        return None
    return parse_day_or_instant(value) if isinstance(value, str) else value


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


def _links(item: Item, everything: Sequence[Item]) -> list[Row]:
    """Return what a todo of a list is linked with: what it is under, what it depends on, and the reverse of both."""
    known = {other.id: other for other in everything}
    present = [other for other in everything if not other.todo.removed]

    def named(id: str) -> tuple[str, str]:
        other = known.get(id)
        if other is None:
            return f"{visible(id)} (not in this list)", ""
        state = "removed" if other.todo.removed else "done" if other.todo.done else ""
        return f"{other.number} ({state})" if state else f"{other.number}", visible(other.todo.text)

    children = [other for other in present if other.todo.parent == item.id]
    waiting = [other for other in present if item.id in other.todo.depends and not other.todo.done]
    depends = sorted(map(named, item.todo.depends), key=lambda pair: (len(pair[0].split()[0]), pair[0]))
    parent = [] if item.todo.parent is None else [named(item.todo.parent)]
    return [
        Row("depends", ", ".join(label for label, _ in depends), todos=depends),
        Row("parent", ", ".join(label for label, _ in parent), todos=parent),
        *(
            Row(name, number_ranges([other.number for other in others]), todos=[named(other.id) for other in others])
            for name, others in (("children", children), ("blocks", waiting))
        ),
    ]


def _where_it_went(item: Item, commits: Sequence[Commit]) -> str:
    """Return whether a removed todo was removed, or moved to another list, and to which one."""
    last = next(commit for commit in reversed(commits) if any(event.stream == item.stream for event in commit.events))
    move = move_of(last)
    return "removed" if move is None else f"moved to {visible(move.target_name)}"


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
