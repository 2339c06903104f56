"""Conversion between local time and instants, for every zone, gap and repeated hour.

The zone comes in as data: a function that gives an instant in local time (`ToLocal`). Nothing here reads a clock, the
environment or a database of zones. The rules:

- Where clocks go forward, a local time inside the gap is read with the offset before it: 02:30 becomes 03:30.
- Where clocks go back, a local time that occurs twice means the first of the two.
- A day begins at its first instant, even where midnight does not exist, and ends one microsecond before the next day
  begins. So "until this day" and "since the next day" divide history without a gap or an overlap.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from .views import ToLocal

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


def wall_clock(instant: datetime, to_local: ToLocal) -> datetime:
    """The local date and time of an instant, without a zone."""
    return to_local(instant).replace(tzinfo=None, fold=0)


def from_local(wall: datetime, to_local: ToLocal) -> datetime:
    """The instant of a local time, in UTC.

    Args:
        wall: A date and time without a zone.
        to_local: The zone.
    """
    earlier, later = _offset_near(wall, -_DAY, to_local), _offset_near(wall, _DAY, to_local)
    guess = wall.replace(tzinfo=UTC)
    # the larger offset gives the earlier instant: the first, where the time occurs twice
    for offset in (max(earlier, later), min(earlier, later)):
        if wall_clock(guess - offset, to_local) == wall:
            return guess - offset
    return guess - earlier


def _offset_near(wall: datetime, distance: timedelta, to_local: ToLocal) -> timedelta:
    """The offset from UTC that holds so far before or after a local time."""
    try:
        instant = wall.replace(tzinfo=UTC) + distance
    except OverflowError:  # on the first or the last day of the calendar
        instant = wall.replace(tzinfo=UTC)
    return to_local(instant).utcoffset() or timedelta()


def start_of_day(day: date, to_local: ToLocal) -> datetime:
    """The first instant of a local day, in UTC.

    A day that a zone left out (Samoa, 30 December 2011) is empty: it starts when the next day does.
    """
    midnight = datetime.combine(day, time.min)
    found = from_local(midnight, to_local)
    if wall_clock(found, to_local) == midnight:
        return found
    # Midnight lies in a gap. Most gaps begin at midnight, but some begin before it, so look for the end of the gap.
    before, after = found - _DAY, found
    while after - before > _SECOND:
        middle = before + _SECOND * ((after - before) // _SECOND // 2)
        if wall_clock(middle, to_local) < midnight:
            before = middle
        else:
            after = middle
    return after


def end_of_day(day: date, to_local: ToLocal) -> datetime:
    """The last microsecond of a local day, in UTC."""
    return start_of_day(day + _DAY, to_local) - _MICROSECOND
