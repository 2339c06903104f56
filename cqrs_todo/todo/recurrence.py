"""When todos recur: the dates of their rules, and the next todo of a series.

Days are computed first, and converted to instants afterwards, so that a change of the clocks moves no day. Nothing here
reads a clock or a database of zones.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice

from ..cqrs.errors import Rejected
from ..cqrs.struct import replace
from .calendar import months_later
from .errors import NotApplicable, UnreadableRule
from .fields import DUE, EVERY, FIELDS, REMINDER, WAIT, Todo
from .model import EMPTY, REMOVED, Change
from .rules import HORIZON, check_rule, dates_of_rule, parts_of, read_rule
from .values import FOREIGN_IDS, DayOrInstant, Recurrence, day_or_instant, id_from_bytes, parse_day_or_instant
from .views import local_day
from .zones import from_local, wall_clock

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from .model import TodoCommand
    from .values import ToLocal

    ToZone = Callable[[str | None], ToLocal]
    """Returns the conversion to a zone by its IANA name; for None, to the zone of the reader."""

_DAY = timedelta(days=1)


def check(every: Recurrence) -> None:
    """Check that a recurrence of the right form gives a date.

    Args:
        every: The recurrence, for instance from an import.

    Raises:
        Rejected: It does not.
    """
    try:
        check_rule(every.rule)
    except UnreadableRule as error:
        raise Rejected(str(error)) from error
    if not every.after and first_day(every, date.fromisoformat(every.anchor)) is None:
        raise Rejected(f"the rule {every.rule} gives no date in the next {HORIZON} years")


# Dates


def first_day(every: Recurrence, earliest: date) -> date | None:
    """Return the first date of a rule that is not before a day; None if there is none within a hundred years.

    Args:
        every: The recurrence, whose dates do not depend on completions.
        earliest: The day.
    """
    return next((day for day in _days(every, earliest) if day >= earliest), None)


def days_from(every: Recurrence, earliest: date, count: int) -> list[date]:
    """Return the first dates of a rule that are not before a day.

    Args:
        every: The recurrence.
        earliest: The day.
        count: How many dates to return at most.

    Returns:
        The dates; none if they are counted from completions, which nobody knows in advance.
    """
    if every.after:
        return []
    return list(islice((day for day in _days(every, earliest) if day >= earliest), count))


def _days(every: Recurrence, earliest: date) -> Iterator[date]:
    anchor = date.fromisoformat(every.anchor)
    return dates_of_rule(every.rule, anchor, max(anchor, earliest).year)


def _later(day: date, every: Recurrence) -> date:
    """Return the day that is one interval after a day. The 31st becomes the last day of a shorter month."""
    parts = parts_of(every.rule)
    count = int(parts.get("INTERVAL", "1"))
    match parts["FREQ"]:
        case "DAILY":
            return day + timedelta(days=count)
        case "WEEKLY":
            return day + timedelta(weeks=count)
        case "MONTHLY":
            return months_later(day, count)
        case _:
            return months_later(day, 12 * count)


def next_day(every: Recurrence, due: date | None, done: date, today: date) -> date | None:
    """Return the day on which the next todo of a series is due.

    Args:
        every: When it recurs.
        due: The day on which the present one was due.
        done: The day on which it was done.
        today: The present day. The next day is never before it.

    Returns:
        The day; None if the series has ended.
    """
    try:
        return max(_later(done, every), today) if every.after else first_day(every, max(due or today, today) + _DAY)
    except (OverflowError, ValueError):  # after the last day of the calendar
        return None


def skipped_day(every: Recurrence, due: date | None, today: date) -> date | None:
    """Return the day to which a todo of a series moves if this time is left out; None if the series ends then.

    Args:
        every: When it recurs.
        due: The day on which it is due.
        today: The present day.
    """
    last = max(due or today, today - _DAY)
    try:
        return _later(max(last, today), every) if every.after else first_day(every, last + _DAY)
    except (OverflowError, ValueError):  # after the last day of the calendar
        return None


# Todos


def begun(
    text: str, due: DayOrInstant | None, today: date, to_local: ToLocal, zone: str | None
) -> tuple[Recurrence, DayOrInstant]:
    """Read when a todo recurs, and find out when it is due first.

    Args:
        text: The rule, as a person typed it.
        due: When the todo is due. None: it becomes due on the first day of the rule.
        today: The present day.
        to_local: The reader's time zone.
        zone: The IANA name of that zone; None if it is not known.

    Returns:
        The recurrence, and when the todo is due.

    Raises:
        UnreadableRule: The text means no rule, or the rule gives no date.
    """
    anchor = today if due is None else local_day(due, to_local)
    rule, after = read_rule(text, anchor)
    parsed = None if due is None else parse_day_or_instant(due)
    clock = wall_clock(parsed, to_local).time() if isinstance(parsed, datetime) else None
    shown = None if clock is None else _clock(clock)
    every = Recurrence(rule, anchor.isoformat(), shown, None if clock is None else zone, after)
    first = anchor if after else first_day(every, anchor)
    if first is None:
        raise UnreadableRule(text, why=f"it gives no date in the next {HORIZON} years")
    return every, due or first.isoformat()


def due_on(day: date, every: Recurrence, to_zone: ToZone) -> DayOrInstant:
    """Return when a todo that recurs is due on a day: at the time of day of its recurrence, if it has one."""
    if every.time is None:
        return day.isoformat()
    return day_or_instant(from_local(datetime.combine(day, time.fromisoformat(every.time)), to_zone(every.zone)))


def moved_to(todo: Todo, day: date, present: date, to_zone: ToZone) -> Todo:
    """Return a todo that is due on another day. Its wait and its reminder move by as many days.

    Args:
        todo: The todo, which recurs.
        day: The day.
        present: The day from which the distance is counted if the todo has no due date.
        to_zone: The time zones.

    Raises:
        OverflowError: A date would be after the last day of the calendar.
    """
    if todo.every is None:
        raise ValueError("the todo does not recur")
    zone = to_zone(todo.every.zone)
    every = _at_time_of(todo.every, todo.due, to_zone)
    distance = day - (present if todo.due is None else local_day(todo.due, zone))

    def later(instant: datetime) -> datetime:
        return from_local(wall_clock(instant, zone) + distance, zone)

    wait = None if todo.wait is None else parse_day_or_instant(todo.wait)
    return replace(
        todo,
        every=every,
        due=due_on(day, every, to_zone),
        reminder=None if todo.reminder is None else later(todo.reminder),
        acknowledged=None,
        wait=None if wait is None else day_or_instant(later(wait) if isinstance(wait, datetime) else wait + distance),
    )


def _at_time_of(every: Recurrence, due: DayOrInstant | None, to_zone: ToZone) -> Recurrence:
    """Return a recurrence at the time of day of a due date, which may have been changed since the series began.

    A due date that a change of the clocks has moved does not count as changed.
    """
    if due is None:
        return every
    zone = to_zone(every.zone)
    parsed = parse_day_or_instant(due)
    if not isinstance(parsed, datetime):
        return replace(every, time=None, zone=None)
    if every.time is not None and due_on(local_day(due, zone), every, to_zone) == due:
        return every
    return replace(every, time=_clock(wall_clock(parsed, zone).time()))


def _clock(clock: time) -> str:
    return clock.replace(microsecond=0).isoformat("auto" if clock.second else "minutes")


def next_id(id: str) -> str:
    """Return the id of the next todo of a series, which follows from the id of the present one.

    So two machines that complete the same todo create the same next one, whenever they do so.
    """
    from hashlib import sha256  # only a completion needs it

    return id_from_bytes(sha256(f"next {id}".encode()).digest())


def next_todo(todo: Todo, now: datetime, to_zone: ToZone) -> Todo | None:
    """Return the next todo of a series.

    Args:
        todo: The present one, which was done.
        now: The time of the command, which is when the next one is created.
        to_zone: The time zones.

    Returns:
        The next todo: the same, but open, due on the next date, and without dependencies and ids of other programs. None if
        the series has ended.
    """
    every, done = todo.every, todo.completed
    if every is None or done is None:
        raise ValueError("the todo does not recur, or is open")
    done_on = local_day(done, to_zone(every.zone))
    following = _at_later_date(todo, now, to_zone, lambda due, today: next_day(every, due, done_on, today))
    if following is None:
        return None
    attributes = tuple(pair for pair in following.attributes if pair[0] not in FOREIGN_IDS)
    return replace(following, created=now, completed=None, **{**_DROPPED, "attributes": attributes})


_MOVED = (DUE, REMINDER, WAIT)
"""The fields with dates that `moved_to` computes anew."""
_DROPPED: Mapping[str, Any] = {
    field.name: empty for field, empty in zip(FIELDS, EMPTY, strict=True) if not field.in_series and field not in _MOVED
}
"""The fields that the next todo of a series lacks, each with its empty value."""


def _at_later_date(
    todo: Todo, now: datetime, to_zone: ToZone, later: Callable[[date | None, date], date | None]
) -> Todo | None:
    """Return a todo that recurs at a later date; None if there is none.

    Args:
        todo: The todo.
        now: The present.
        to_zone: The time zones.
        later: Returns the day of that date, given the day on which the todo is due and the present day.
    """
    zone = to_zone(None if todo.every is None else todo.every.zone)
    today = zone(now).date()
    day = later(None if todo.due is None else local_day(todo.due, zone), today)
    try:
        return None if day is None else moved_to(todo, day, today, to_zone)
    except OverflowError:
        return None


def skipping(todo: Todo, now: datetime, to_zone: ToZone) -> list[TodoCommand]:
    """Return the commands that move a todo to its next date.

    Args:
        todo: The todo.
        now: The time of the commands.
        to_zone: The time zones.

    Raises:
        NotApplicable: The todo was removed, does not recur, is done, or has no next date.
    """
    every = todo.every
    if todo.removed:
        raise NotApplicable(REMOVED)
    if every is None:
        raise NotApplicable("it does not recur")
    if todo.done:
        raise NotApplicable("it is done")
    moved = _at_later_date(todo, now, to_zone, lambda due, today: skipped_day(every, due, today))
    if moved is None:
        raise NotApplicable("it has no later date")
    commands: list[TodoCommand] = [Change(DUE, moved.due), Change(WAIT, moved.wait), Change(EVERY, moved.every)]
    if moved.reminder is None or moved.reminder > now:  # one that has passed already stays as it is
        commands.append(Change(REMINDER, moved.reminder, now))
    return commands
