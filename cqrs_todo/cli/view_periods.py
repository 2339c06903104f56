"""Which period of a view is shown."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..cqrs.events import Moment
from ..todo.projections import Periodic, Projection
from ..todo.projections.calls import period_of
from ..todo.service import TodoList, View
from .clock import to_local
from .errors import UsageError
from .session import Session


def wanted_period(
    session: Session,
    projection: Projection[Any],
    text: str,
    moment: Moment | None,
    lists: Sequence[TodoList],
    views: Sequence[View],
) -> str:
    """Return the period that a text names, or that of the moment that is shown; '' for a view without periods.

    Args:
        session: This run of the program, or one request.
        projection: The view.
        text: The text; '' for none.
        moment: The moment that is shown; None for now.
        lists: The lists.
        views: Their todos at the moment. Empty for now.

    Raises:
        UsageError: The text names no period, or several, or the view has none.
    """
    if not isinstance(projection, Periodic):
        if text:
            raise UsageError(f"the view {projection.name} takes no words: {text}", "leave them out")
        return ""

    def period_at(at: datetime) -> str:
        return period_of(projection, projection, to_local(at))

    now = _time_shown(session, moment, lists, views)
    if not text:
        return period_at(now)
    try:
        span = session.span_of(text, to_local(now))
    except UsageError as error:
        _suggest_periods(session, error, period_at)
        raise
    first, last = period_at(span.start), period_at(span.end)
    if first != last:
        raise UsageError(
            f"{text!r} reaches from {first} to {last}, and this view shows one of them", f"for instance: {first}"
        )
    return first


def _time_shown(session: Session, moment: Moment | None, lists: Sequence[TodoList], views: Sequence[View]) -> datetime:
    """Return the time whose period is shown if no period is named."""
    if isinstance(moment, int) and views[0].as_of is None:  # before the first commit
        first = next(iter(lists[0].log.commits()), None)
        return session.now if first is None else first.metadata.at
    if isinstance(moment, datetime):
        return moment
    return session.seen_from(views[0]) if views else session.now


def _suggest_periods(session: Session, error: UsageError, period_at: Callable[[datetime], str]) -> None:
    """Let the hint of an error name texts that each mean one period, such as months."""
    month_before = session.now.replace(day=1) - timedelta(days=1)
    forms = []
    for text in (f"{month_before:%B}".lower(), "last month", f"{month_before:%Y-%m}", "last week", "yesterday"):
        span = session.span_of(text)
        if period_at(span.start) == period_at(span.end):
            forms.append(f'"{text}"' if " " in text else text)
    if forms:
        error.hint = "write, for instance: " + ", ".join(forms[:_MOST_FORMS])


_MOST_FORMS = 3
"""How many periods an error names."""
