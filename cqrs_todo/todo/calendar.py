"""The calendar: the names of its days and months, and its arithmetic."""

from __future__ import annotations

from datetime import date, timedelta

_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
MONTH_NAMES = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
WEEKDAYS = {name: n for n, day in enumerate(_DAYS.split()) for name in (day, day[:3])}
WEEKDAYS |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
WEEKDAY_PLURALS = {f"{day}s": n for n, day in enumerate(_DAYS.split())}
MONTHS = {name: n for n, month in enumerate(MONTH_NAMES, 1) for name in (month, month[:3])} | {"sept": 9}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINALS = {name: n for n, name in enumerate((*_ORDINALS, "eleventh", "twelfth"), 1)}


def days_in_month(year: int, month: int) -> int:
    """Return the number of days in a month."""
    if (year, month) == (9999, 12):  # no day follows
        return 31
    return (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of that month if it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, days_in_month(year, month + 1)))
