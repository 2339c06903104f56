"""`todo when`: the moment at which a condition became true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ...todo.values import day_or_instant
from ...todo.views import Item, short_instant
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..session import Session, check_text
from ..text import visible
from ..verb import TRAVEL, Argument, Option, Verb

if TYPE_CHECKING:
    from ...todo.conditions import MatchingMoment
    from ...todo.query import Query
    from ...todo.service import View

_HOUR = timedelta(hours=1)


def when(session: Session, words: Sequence[str], at_least: int | None, last: bool) -> None:
    """Show the first, or the last, moment at which a condition over counts became true."""
    from ...todo.conditions import Comparison, moments_when, parse_condition  # here, because `todo --help` loads this module

    text = check_text("condition", " ".join(words))
    condition = text if at_least is None else f"({text})>={at_least}"
    comparisons = parse_condition(text) if at_least is None else (Comparison(f"({text})", ">=", at_least),)
    queries = [comparison.count[1:-1] for comparison in comparisons if comparison.count.startswith("(")]
    all_lists = session.options.all_lists
    if queries and not all_lists:
        from ..queries import use_list_of_filter  # most conditions have no query

        use_list_of_filter(session, queries)
    names = session.all_names() if all_lists else [session.list.name]
    read, failure = session.read_lists(names, lambda todos: (todos.view(session.moment), todos.commits(session.moment)))
    views = [view for view, _ in read]
    now = session.seen_from(views[0])
    found: MatchingMoment | None = None

    if queries:
        _check(session, queries, views)

    def ask(text: str, name: str, items: Sequence[Item], then: datetime) -> Query:
        from ..queries import parsed  # most conditions have no query

        try:
            return parsed(session, text, name, items, to_local(then))
        except UsageError:  # the todo or the attribute that it names was not there yet
            from ...todo.query import Context, Query

            return Query(Context(now=then, to_local=to_local), (lambda _: False,), depends_on=frozenset({"names"}))

    histories = {view.list: commits for view, commits in read}
    for moment in moments_when(comparisons, histories, now, to_local, ask):
        found = moment
        if not last:
            break
    _print(session, condition, found, [view.list for view in views])
    if failure is not None:
        raise failure


def _check(session: Session, queries: Sequence[str], views: Sequence[View]) -> None:
    """Raise `UsageError` if a query is wrong for each of some lists, or means other times within a day.

    One list is enough that has the todo or the attribute that a query names.
    """
    from ..queries import parsed

    for text in queries:
        failures: list[UsageError] = []
        for view in views:
            now = session.seen_from(view)
            nine = to_local(now).replace(hour=9, minute=0)
            try:
                _, early, late = (
                    parsed(session, text, view.list, view.items, then).intervals for then in (now, nine, nine + _HOUR)
                )
            except UsageError as error:
                failures.append(error)
                continue
            if early != late:
                what = f"({text}) counts hours or minutes, and when tries a query once a day"
                raise UsageError(what, "count days, or give a day with a time")
        if len(failures) == len(views):
            raise failures[0]


def _print(session: Session, condition: str, found: MatchingMoment | None, lists: Sequence[str]) -> None:
    """Print a moment, or that there is none.

    Args:
        session: This run of the program.
        condition: The condition.
        found: The moment.
        lists: The names of the lists whose todos were counted.
    """
    all_lists = session.options.all_lists
    if session.options.json:
        from .. import document

        head = {"lists": lists, "list": found and found.list} if all_lists else {"list": lists[0]}
        position, at = (None, None) if found is None else (found.position, found.at)
        print_line(document.encode({**head, "condition": condition, "position": position, "at": at}))
    elif session.options.plain:
        if found is not None:
            print_row(*([found.list] if all_lists else []), found.position, day_or_instant(found.at))
    elif found is None:
        print_message(session, "The condition was never true.")
    else:
        name = f"{visible(found.list)} " if all_lists else ""
        print_line(f"{name}@{found.position}  {short_instant(found.at, to_local)}")


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
            "For example: open>20, or: (QUERY)>=3. The counts are open, done, overdue, removed, total and tag:NAME.",
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
    scope="lists",
)
