"""`todo ls`: show todos."""

from collections.abc import Sequence

from ...todo.query import Query
from ...todo.views import SORT_KEYS, Item, SortKey, sort_items
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line
from ..queries import check_tags, query_of
from ..session import Session
from ..tables import print_groups
from ..terminal import print_moment
from ..verb import LOOK, Argument, Option, Verb


def ls(
    session: Session,
    words: Sequence[str],
    everything: bool,
    done: bool,
    removed: bool,
    tags: Sequence[str],
    sort: SortKey,
    limit: int | None,
) -> None:
    """Show the todos that a query wants."""
    if sort not in SORT_KEYS:
        raise UsageError(f"{sort!r} is not a sort key", f"the keys are {', '.join(SORT_KEYS)}")
    view = session.list.view(session.moment)
    now = session.seen_from(view)
    query = query_of(session, [*words, *(f"+{tag.removeprefix('+')}" for tag in tags)], now)
    states = [state for state, given in (("all", everything), ("done", done), ("removed", removed)) if given]
    if len(states) > 1:
        raise UsageError(f"--{states[0]} and --{states[1]} contradict each other", "give one of them")
    for state in states:
        query = query.within(state)
    check_tags(query.tags, view.items)
    rows = sort_items(query.matching(view.items), sort, to_local)[:limit]
    if session.options.json:
        from .. import document

        print_line(document.encode(document.view_document(view, rows)))
        return
    print_moment(session, view)
    print_groups(session, [("", rows)], now, empty=_empty(query, view.items))


def _empty(query: Query, items: Sequence[Item]) -> str:
    if not items:
        return "The list is empty."
    return "Nothing matches." if query != Query() else "Nothing is open."


VERB = Verb(
    name="ls",
    help="Show open todos, or those that a query wants.",
    examples=("todo ls milk", "todo ls +home due:..friday --sort due", "todo ls 'pri:H or overdue'", "todo ls --all --json"),
    action=ls,
    group=LOOK,
    arguments=(Argument("words", "QUERY", "Show only these todos; see docs/queries.md.", required=False, several=True),),
    options=(
        Option("everything", ("--all", "-a"), "Also show done todos."),
        Option("done", ("--done",), "Show only done todos."),
        Option("removed", ("--removed",), "Show only removed todos."),
        Option("tags", ("--tag", "-t"), "Show only todos with this tag.", metavar="TAG", multiple=True),
        Option("sort", ("--sort",), f"Sort by one of {', '.join(SORT_KEYS)}.", metavar="KEY", default="number"),
        Option("limit", ("--limit", "-n"), "Show at most N todos.", metavar="N", kind=int, least=0),
    ),
    dashes="word",
)
