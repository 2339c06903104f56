"""Conversion between local time and instants, for every zone, gap and repeated hour.

The zone is an argument: a function that converts an instant to local time (`ToLocal`). Nothing here reads a clock, the
environment or a database of zones. The rules are:

- Where clocks go forward, a local time inside the gap has the offset from before the gap: 02:30 becomes 03:30.
- Where clocks go back, a local time that occurs twice means the first of the two.
- A day begins at its first instant, even where midnight does not exist, and ends one microsecond before the next day
  begins. So "until this day" and "since the next day" divide history without a gap or an overlap.
- An instant that would be before the first one of the calendar, or after the last one, is that one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from .values import ToLocal

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = (each.replace(tzinfo=UTC) for each in (datetime.min, datetime.max))
"""The first and the last instant of the calendar."""


def wall_clock(instant: datetime, to_local: ToLocal) -> datetime:
    """Return the local date and time of an instant, without a zone.

    Args:
        instant: An instant with a time zone.
        to_local: The zone.
    """
    return to_local(instant).replace(tzinfo=None, fold=0)


def from_local(wall: datetime, to_local: ToLocal) -> datetime:
    """Return the instant of a local time.

    Args:
        wall: A date and time without a zone.
        to_local: The zone.

    Returns:
        The instant in UTC; the first one if the local time occurs twice.
    """
    earlier, later = _offset_near(wall, -_DAY, to_local), _offset_near(wall, _DAY, to_local)
    guess = wall.replace(tzinfo=UTC)
    # the larger offset gives the earlier instant: the first, where the time occurs twice
    for offset in (max(earlier, later), min(earlier, later)):
        found = _moved(guess, -offset)
        if wall_clock(found, to_local) == wall:
            return found
    return _moved(guess, -earlier)


def _offset_near(wall: datetime, distance: timedelta, to_local: ToLocal) -> timedelta:
    """Return the offset from UTC at some distance before or after a local time."""
    return to_local(_moved(wall.replace(tzinfo=UTC), distance)).utcoffset() or timedelta()


def _moved(instant: datetime, distance: timedelta) -> datetime:
    """Return the instant at a distance from another one, or the end of the calendar that is before it."""
    try:
        return instant + distance
    except OverflowError:
        return _FIRST if distance < timedelta() else _LAST


def start_of_day(day: date, to_local: ToLocal) -> datetime:
    """Return the first instant of a local day.

    Args:
        day: The day. If the zone left it out, as Samoa did with 30 December 2011, it starts when the next day does.
        to_local: The zone.

    Returns:
        The instant in UTC.
    """
    midnight = datetime.combine(day, time.min)
    found = from_local(midnight, to_local)
    if wall_clock(found, to_local) == midnight:
        return found
    # Midnight lies in a gap. Most gaps begin at midnight, but some begin before it, so look for the end of the gap.
    before, after = _moved(found, -_DAY), found
    while after - before > _SECOND:
        middle = before + _SECOND * ((after - before) // _SECOND // 2)
        if wall_clock(middle, to_local) < midnight:
            before = middle
        else:
            after = middle
    return after


def end_of_day(day: date, to_local: ToLocal) -> datetime:
    """Return the last microsecond of a local day.

    Args:
        day: The day.
        to_local: The zone.

    Returns:
        The instant in UTC.
    """
    return _LAST if day == date.max else _moved(start_of_day(day + _DAY, to_local), -_MICROSECOND)
