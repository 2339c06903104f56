"""`todo report`: what was completed in a period, day by day, as a text to paste."""

from collections.abc import Sequence
from datetime import date, datetime

from ...cqrs.struct import Struct
from ...todo.views import Item, local_day, long_day
from ..clock import to_local
from ..output import print_line, print_message, print_nothing, print_row
from ..reports import count_of
from ..session import Session
from ..terminal import print_styled
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb


class _Done(Struct, frozen=True):
    """A completed todo of a list."""

    day: date
    list: str
    item: Item


def report(session: Session, period: Sequence[str], markdown: bool) -> None:
    """Show the todos that were completed in a period, by day, of all lists unless one is named."""
    views, failure = session.views(all_lists=session.shows_all_lists)
    first, last = _days(session, " ".join(period) if period else "this week", session.seen_from(views[0]))
    found: list[_Done] = []
    for view in views:
        for item in view.items:
            completed = item.todo.completed
            if completed is None or item.todo.removed:
                continue
            day = local_day(completed, to_local)
            if first <= day <= last:
                found.append(_Done(day, view.list, item))
    found.sort(key=lambda done: (done.day, done.item.todo.completed or ""))
    if session.options.json:
        _print_json(found, first, last)
    elif session.options.plain:
        for done in found:
            print_row(done.day, done.list, done.item.number, done.item.todo.text)
    elif not found:
        period = f"on {long_day(first)}" if first == last else f"from {long_day(first)} to {long_day(last)}"
        print_nothing(session, f"Nothing was completed {period}.")
    else:
        _print_days(session, found, markdown=markdown, several=len(views) > 1)
    if failure is not None:
        raise failure


def _days(session: Session, text: str, now: datetime) -> tuple[date, date]:
    """Return the first and the last day of a period that had begun at a time, from which its words count."""
    if len(text) == 4 and text.isascii() and text.isdecimal():  # elsewhere, it could also be a time of day
        first = session.span_of(f"{text}-01-01", now).value
        return date(first.year, 1, 1), date(first.year, 12, 31)
    span = session.span_of(text, now)
    return to_local(span.start).date(), to_local(span.end).date()


def _print_days(session: Session, found: Sequence[_Done], *, markdown: bool, several: bool) -> None:
    days = sorted({done.day for done in found})
    for place, day in enumerate(days):
        if place:
            print_line("")
        rows = [done for done in found if done.day == day]
        if markdown:
            print_line(f"## {long_day(day)}\n")
        else:
            print_styled(session, (long_day(day), "bold"))
        for done in rows:
            where = f" ({visible(done.list)})" if several else ""
            text = visible(done.item.todo.text)
            print_line(f"- {_escaped(text)}{where}" if markdown else f"  {text}{where}")
    print_message(session, f"\n{count_of(len(found), 'todo')} completed on {count_of(len(days), 'day')}.")


def _escaped(text: str) -> str:
    """Return a text without what Markdown would read as its own."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|" else char for char in text)


def _print_json(found: Sequence[_Done], first: date, last: date) -> None:
    from .. import document

    rows = [{"day": done.day, "list": done.list, **document.todo_document(done.item)} for done in found]
    print_line(document.encode({"from": first, "to": last, "todos": rows}))


VERB = Verb(
    name="report",
    help="Show what was completed in a period, day by day. It shows all lists unless one is named. Default: this week.",
    examples=("todo report", "todo report last week", "todo report november --markdown"),
    action=report,
    group=LOOK,
    arguments=(Argument("period", "PERIOD", "A day, a week, a month or a year.", required=False, several=True),),
    options=(Option("markdown", ("--markdown",), "Write Markdown."),),
    scope="lists",
    paged=True,
)
