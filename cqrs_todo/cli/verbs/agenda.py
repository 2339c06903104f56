"""`todo agenda`: due dates and reminders day by day, or a month with counts."""

import calendar
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

from ...cqrs.struct import Struct
from ...todo.service import View
from ...todo.values import parse_day_or_instant
from ...todo.views import Item, is_waiting, local_day, long_day, open_items
from ..clock import to_local
from ..errors import UsageError
from ..output import print_line, print_nothing, print_row
from ..session import Session
from ..tables import print_waiting
from ..terminal import print_styled
from ..text import visible
from ..verb import LOOK, Argument, Option, Verb

_USUAL_DAYS = 7
_MOST_DAYS = 366


_Kind: TypeAlias = Literal["due", "reminder", "wait"]

_WORDS: dict[_Kind, str] = {"due": "", "reminder": "reminder: ", "wait": "no longer waiting: "}
"""What stands before the text of a todo."""


class _Appointment(Struct, frozen=True):
    """A due date, a reminder or the end of the wait of a todo.

    Args:
        day: Its local day.
        clock: Its local time of day; '' for a whole day.
        kind: What it is.
        label: What people type to name the todo.
        list: The list of the todo.
        item: The todo.
    """

    day: date
    clock: str
    kind: _Kind
    label: str
    list: str
    item: Item


def agenda(session: Session, words: Sequence[str], days: int | None, month: bool) -> None:
    """Show the due dates and reminders of the next days, or the numbers of those of this month."""
    if month and days is not None:
        raise UsageError("--days and --month contradict each other", "give one of them")
    lists = _lists_of_filter(session, words)
    all_lists = not lists and session.shows_all_lists
    views, failure = session.views(all_lists=all_lists, lists=lists)
    now = session.seen_from(views[0])
    today = now.date()
    first, last = today, today + timedelta(days=(days or _USUAL_DAYS) - 1)
    if month:
        first = today.replace(day=1)
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    wanted = [(view, item) for view in views for item in _wanted(session, words, view)]
    found = [
        each
        for view, item in wanted
        for each in _appointments(item, view.list, session.prefix(view.list), now)
        if each.day <= last and (each.day >= first or not (month or each.kind == "reminder"))
    ]
    found.sort(key=lambda each: (each.day, each.clock == "", each.clock, each.list, each.item.number))
    if session.options.json:
        _print_json(found, first, last)
    elif session.options.plain:
        for each in found:
            print_row(each.day, each.clock, each.kind, each.label, each.item.todo.text)
    elif month:
        _print_month(first, today, [each for each in found if each.kind != "wait"])
    elif not found:
        what = "Nothing that matches" if words else "Nothing"
        due = f"{what} is due from {long_day(first)} to {long_day(last)}."
        print_nothing(session, due if wanted or not words else "Nothing matches.")
    else:
        _print_days(session, found, today)
    if not session.options.json:
        shown = {each.item.stream for each in found}
        hidden = [item for _, item in wanted if item.stream not in shown and _is_hidden(item, now, first, last)]
        print_waiting(session, hidden, now, words, all_lists=all_lists and len(views) > 1)
    if failure is not None:
        raise failure


def _lists_of_filter(session: Session, words: Sequence[str]) -> Sequence[str]:
    """Return the lists of the saved filter that the query names, if it names one."""
    if not words:
        return ()
    from ..queries import lists_of_filter  # without a query, nothing needs to be parsed

    return lists_of_filter(session, words)


def _wanted(session: Session, words: Sequence[str], view: View) -> Sequence[Item]:
    """Return the open todos of a list that a query wants, also those that are waiting."""
    if not words:
        return open_items(view.items)
    from ..queries import query_of  # without a query, nothing needs to be parsed

    found, hidden = query_of(session, words, view).divided()
    return open_items([*found, *hidden])


def _is_hidden(item: Item, now: datetime, first: date, last: date) -> bool:
    """Return whether a todo is left out because it waits until after its due date or its reminder."""
    todo = item.todo
    if not is_waiting(todo, now, to_local):
        return False
    days = [None if todo.due is None else local_day(todo.due, to_local)]
    days.append(None if todo.reminder is None else to_local(todo.reminder).date())
    return any(day is not None and first <= day <= last for day in days)


def _appointments(item: Item, list_name: str, prefix: str, now: datetime) -> Iterator[_Appointment]:
    """Return the appointments of a todo; those of one that waits from the end of its wait on."""
    todo = item.todo
    shown_from = None
    times: list[tuple[_Kind, date | datetime | None]] = [
        ("due", None if todo.due is None else parse_day_or_instant(todo.due)),
        ("reminder", todo.reminder),
    ]
    if todo.wait is not None and is_waiting(todo, now, to_local):
        times.insert(0, ("wait", parse_day_or_instant(todo.wait)))
        shown_from = local_day(todo.wait, to_local)
    for kind, moment in times:
        if moment is not None:
            local = to_local(moment) if isinstance(moment, datetime) else None
            day = moment if local is None else local.date()
            clock = "" if local is None else f"{local:%H:%M}"
            if shown_from is None or day >= shown_from:
                yield _Appointment(day, clock, kind, f"{prefix}{item.number}", list_name, item)


def _print_days(session: Session, found: Sequence[_Appointment], today: date) -> None:
    width = max(len(each.label) for each in found)
    clocks = any(each.clock for each in found)
    shown: date | None = None
    for each in found:
        if each.day != shown:
            if shown is not None:
                print_line("")
            late = each.day < today
            when = " (today)" if each.day == today else " (overdue)" if late else ""
            print_styled(session, (f"{long_day(each.day)}{when}", "bold red" if late else "bold"))
            shown = each.day
        clock = f"{each.clock:<5}  " if clocks else ""
        label = f"{visible(each.label):>{width}}"
        print_styled(
            session,
            (f"  {clock}", "cyan"),
            (f"{label}  ", "bold"),
            (f"{_WORDS[each.kind]}{visible(each.item.todo.text)}", ""),
        )


def _print_month(first: date, today: date, found: Iterable[_Appointment]) -> None:
    """Print a calendar of a month, with the number of due dates and reminders below each day."""
    counts: dict[date, int] = {}
    for each in found:
        counts[each.day] = counts.get(each.day, 0) + 1
    print_line(f"{first:%B %Y}".center(7 * 5).rstrip())
    print_line("".join(f"{name:>5}" for name in ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")))
    for week in calendar.Calendar().monthdatescalendar(first.year, first.month):
        days = [day if day.month == first.month else None for day in week]
        names = ("" if day is None else f"{'>' if day == today else ''}{day.day}" for day in days)
        print_line("".join(f"{name:>5}" for name in names).rstrip())
        print_line("".join(f"{counts.get(day, '') if day else '':>5}" for day in days).rstrip())


def _print_json(found: Iterable[_Appointment], first: date, last: date) -> None:
    from .. import document

    rows = [
        {
            "day": each.day,
            "time": each.clock or None,
            "kind": each.kind,
            "list": each.list,
            "number": each.item.number,
            "id": each.item.id,
            "text": each.item.todo.text,
        }
        for each in found
    ]
    print_line(document.encode({"from": first, "to": last, "appointments": rows}))


VERB = Verb(
    name="agenda",
    help=(
        "Show due dates and reminders by day. It shows all lists unless one is named. Overdue todos come first. "
        "Todos that wait are shown from the day on which their wait ends."
    ),
    examples=("todo agenda", "todo agenda +work --days 30", "todo agenda --month"),
    action=agenda,
    group=LOOK,
    arguments=(Argument("words", "QUERY", "Show only these todos; see docs/queries.md.", required=False, several=True),),
    options=(
        Option("days", ("--days",), f"How many days to show. Default: {_USUAL_DAYS}.", "N", int, least=1, most=_MOST_DAYS),
        Option("month", ("--month",), "Show this month, with the number of due dates and reminders below each day."),
    ),
    scope="lists",
    dashes="word",
    paged=True,
)
