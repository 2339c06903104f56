"""How far a day or an instant is from the present, in words. This module is pure; it gets the time."""

from datetime import date, datetime

from .values import ToLocal

_MINUTE = 60

_MOST_DAYS, _MOST_WEEKS, _MOST_MONTHS = 14, 9, 24
"""From how many days, weeks and months on the distance is in the next longer unit."""


def relative_time(value: date | datetime, now: datetime, to_local: ToLocal) -> str:
    """Return how far a day or an instant is from now: `3 h ago`, `yesterday`, `in 2 weeks`.

    The distance of an instant is in minutes and hours if it is less than 24 hours. Every other one is in calendar days, or
    in longer units that are complete.

    Args:
        value: A local day, or an aware instant.
        now: The present, aware.
        to_local: The reader's time zone.
    """
    today = to_local(now).date()
    if not isinstance(value, datetime):
        return _relative_day(value, today)
    seconds = value.timestamp() - now.timestamp()  # the difference of two times in one zone ignores that clocks change
    minutes = int(abs(seconds) // _MINUTE)
    day = to_local(value).date()
    if minutes == 0:
        return "now"
    if minutes < 60:
        return _directed(f"{minutes} min", ago=seconds < 0)
    if minutes < 24 * 60 or day == today:  # a day on which the clocks go back has 25 hours
        return _directed(f"{minutes // 60} h", ago=seconds < 0)
    return _relative_day(day, today)


def _relative_day(day: date, today: date) -> str:
    days = abs((day - today).days)
    if days == 0:
        return "today"
    ago = day < today
    if days == 1:
        return "yesterday" if ago else "tomorrow"
    if days < _MOST_DAYS:
        return _directed(f"{days} days", ago=ago)
    if days < _MOST_WEEKS * 7:
        return _directed(f"{days // 7} weeks", ago=ago)
    first, last = sorted((day, today))
    months = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
    return _directed(f"{months} months" if months < _MOST_MONTHS else f"{months // 12} years", ago=ago)


def _directed(length: str, *, ago: bool) -> str:
    return f"{length} ago" if ago else f"in {length}"
