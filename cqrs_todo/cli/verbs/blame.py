"""`todo blame`: who set each field of todos."""

from collections.abc import Mapping, Sequence

from ...todo.compare import Origin, blame, events_of
from ...todo.values import day_or_instant
from ...todo.views import Item, short_instant
from ..clock import to_local
from ..output import print_line, print_row
from ..session import Session
from ..terminal import plain_value, print_moment, print_styled, shown_value
from ..text import visible
from ..verb import IDS_IN_ONE_LIST, TRAVEL, Verb


def show_blame(session: Session, ids: Sequence[str]) -> None:
    """Show for each field of todos who set it, when, in which commit, and its value before."""
    chosen = session.choose(ids, then=True)
    todos = session.list
    view = todos.view(session.moment)
    commits = todos.commits(session.moment)
    found = [(item, blame(events_of(item.stream, commits))) for item in chosen]
    session.positions_shown(todos, {origin.position for _, origins in found for origin in origins.values()})
    if session.options.json:
        from .. import document

        rows = [
            {
                "number": item.number,
                "id": item.id,
                "fields": {
                    name: {
                        "value": origin.value,
                        "previous": origin.previous,
                        "position": origin.position,
                        "at": origin.at,
                        "by": origin.by,
                    }
                    for name, origin in origins.items()
                },
            }
            for item, origins in found
        ]
        print_line(document.encode({**document.head(view), "todos": rows}))
        return
    print_moment(session, view)
    for place, (item, origins) in enumerate(found):
        if session.options.plain:
            for name, origin in origins.items():
                words = [plain_value(name, value, todos.label) for value in (origin.value, origin.previous)]
                print_row(item.number, name, origin.position, day_or_instant(origin.at), origin.by, *words)
            continue
        if place:
            print_line("")
        _print_origins(session, item, origins)


def _print_origins(session: Session, item: Item, origins: Mapping[str, Origin]) -> None:
    label = session.list.label
    print_styled(session, (f"{item.number} ", "bold"), (visible(item.todo.text), ""))
    width = max((len(name) for name in origins), default=0)
    for name, origin in origins.items():
        was = shown_value(name, origin.previous, label) if origin.previous else ""
        print_styled(
            session,
            (f"  {visible(name):<{max(width, 9)}} ", "dim"),
            (f"@{origin.position:<5} ", "bold"),
            (f"{short_instant(origin.at, to_local)}  ", "cyan"),
            (f"{visible(origin.by)}  ", "dim"),
            (shown_value(name, origin.value, label) or "none", ""),
            (f"  (was {was})" if was else "", "dim"),
        )


VERB = Verb(
    name="blame",
    help="Show who set each field, when, and its old value.",
    examples=("todo blame 3",),
    action=show_blame,
    group=TRAVEL,
    about="all",
    scope="lists",
    arguments=(IDS_IN_ONE_LIST,),
    paged=True,
)
