"""`todo when`: the moment at which a condition became true."""

from collections.abc import Sequence
from datetime import datetime

from ...todo.statistics import MatchingMoment, moments_when, parse_condition
from ...todo.values import day_or_instant
from ...todo.views import Item, short_instant
from ..clock import to_local
from ..output import print_line, print_message, print_row
from ..session import Session, check_text
from ..verb import TRAVEL, Argument, Option, Verb


def when(session: Session, words: Sequence[str], at_least: int | None, last: bool) -> None:
    """Show the first, or the last, moment at which a condition over counts became true."""
    condition = " ".join(words) if at_least is None else f"({' '.join(words)})>={at_least}"
    comparisons = parse_condition(check_text("condition", condition))
    queries = [comparison.count[1:-1] for comparison in comparisons if comparison.count.startswith("(")]
    if queries:
        from ..queries import use_list_of_filter  # most conditions have no query

        use_list_of_filter(session, queries)
    todos = session.list
    view = todos.view(session.moment)
    commits = todos.commits(session.moment)
    found: MatchingMoment | None = None

    def wanting(query: str, items: Sequence[Item], now: datetime) -> int:
        from ..queries import parsed  # most conditions have no query

        return len(parsed(session, query, view.list, items, to_local(now)).matching())

    for query in queries:  # one that is wrong is refused, whatever happened
        wanting(query, view.items, session.seen_from(view))
    for moment in moments_when(comparisons, commits, session.seen_from(view), to_local, wanting):
        found = moment
        if not last:
            break
    if session.options.json:
        from .. import document

        position, at = (None, None) if found is None else (found.position, found.at)
        print_line(document.encode({"list": view.list, "condition": condition, "position": position, "at": at}))
    elif session.options.plain:
        if found is not None:
            print_row(found.position, day_or_instant(found.at))
    elif found is None:
        print_message(session, "The condition was never true.")
    else:
        print_line(f"@{found.position}  {short_instant(found.at, to_local)}")


VERB = Verb(
    name="when",
    help="Show when a condition became true. A condition compares a count with a number; join several with `and`.",
    examples=("todo when 'open>20'", "todo when '(is:open +work)>=3 and overdue>0' --last", "todo when +work --at-least 3"),
    action=when,
    group=TRAVEL,
    arguments=(
        Argument(
            "words",
            "CONDITION",
            "For example open>20 or (QUERY)>=3. The counts are open, done, overdue, removed, total and tag:NAME.",
            several=True,
        ),
    ),
    options=(
        Option(
            "at_least",
            ("--at-least",),
            "Take the words as a query, and show when at least N todos matched it.",
            "N",
            int,
            least=1,
        ),
        Option("last", ("--last/--first",), "Show the last time that it became true, instead of the first."),
    ),
    dashes="word",
)
