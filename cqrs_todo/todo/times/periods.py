"""The periods of the calendar: weeks, months, quarters and years, by their names or relative to today."""

from __future__ import annotations

from datetime import date, timedelta

from ..calendar import MONTHS, ORDINALS, months_later
from .token_reader import TokenReader
from .words import PERIODS, existing_day

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from .tokens import Token

    Days: TypeAlias = tuple[date, date]
    """The first and the last day of a period."""

DAY = timedelta(days=1)


class PeriodReader(TokenReader):
    """Reads periods, for which it needs to know what day it is."""

    def __init__(self, tokens: Sequence[Token], today: date, *, forward: bool, at: int) -> None:
        """Start at a token.

        Args:
            tokens: The tokens of the text.
            today: The present day in the reader's time zone.
            forward: Whether a period that could be before or after today is after it.
            at: The index of the token.
        """
        super().__init__(tokens, at)
        self.today = today
        self.forward = forward

    def period_named(self) -> Days | None:
        """Read this week, next month, april, april 2027, 2027, q2, today, and return the first and the last day."""
        kind, value = self.peek()
        if kind == "word" and value in ("today", "tomorrow", "yesterday"):
            self.at += 1
            day = self.today + DAY * {"today": 0, "tomorrow": 1, "yesterday": -1}[value]
            return day, day
        year = self.take_year()
        if year is not None:
            return existing_day(year, 1, 1), existing_day(year, 12, 31)
        which = self.take_any("this", "next", "last") or "this"
        unit = self.take_any("day", *PERIODS)
        if unit:
            return self.calendar_period(unit, which)
        if which == "this" and self.peek(-1) != ("word", "this"):
            return self.calendar_name()
        return None

    def period_start(self, unit: str, which: str) -> date:
        """Return the first day of a period relative to today.

        Args:
            unit: "day", "week", "month", "quarter" or "year".
            which: "this", "next" or "last".
        """
        step = {"this": 0, "next": 1, "last": -1}[which]
        if unit == "week":
            return self.today + timedelta(days=7 * step - self.today.weekday())
        if unit == "day":
            return self.today + DAY * step
        length = {"month": 1, "quarter": 3, "year": 12}[unit]
        first = self.today.replace(day=1, month=(self.today.month - 1) // length * length + 1)
        return months_later(first, step * length)

    def calendar_period(self, unit: str, which: str) -> Days:
        """Return the first and the last day of a period relative to today; see `period_start`."""
        return period_around(self.period_start(unit, which), unit)

    def calendar_name(self) -> Days | None:
        """Read april, april 2027, 2026-11, 2026-W48, q2 and 2026-Q2, and return the first and the last day."""
        month = self.take_from(MONTHS)
        if month is not None:
            year = self.take_year()
            if year is None:
                year = self.today.year
                year += (month < self.today.month) if self.forward else -(month > self.today.month)
            return period_around(existing_day(year, month, 1), "month")
        kind, value = self.peek()
        if kind not in ("month", "week", "quarter"):
            return None
        self.at += 1
        year, number = value
        if kind == "week":
            return period_around(date.fromisocalendar(year, number, 1), "week")
        if kind == "month":
            return period_around(existing_day(year, number, 1), "month")
        month = number * 3 - 2
        if year is None:
            year = self.take_year()
        if year is None:
            this = (self.today.month - 1) // 3 * 3 + 1
            year = self.today.year + ((month < this) if self.forward else -(month > this))
        return period_around(existing_day(year, month, 1), "quarter")

    def is_day_of_month(self) -> bool:
        """Return whether the month that comes next belongs to a day, as in dec 24 or december the 24th."""
        kind, value = self.peek(2 if self.peek(1) == ("word", "the") else 1)
        return kind == "ordinal" or (kind == "number" and len(value) <= 2) or (kind == "word" and value in ORDINALS)


def period_around(day: date, unit: str) -> Days:
    """Return the first and the last day of the week, month, quarter or year that contains a day."""
    if unit == "day":
        return day, day
    if unit == "week":
        monday = day - DAY * day.weekday()
        return monday, monday + 6 * DAY
    length = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = day.replace(day=1, month=(day.month - 1) // length * length + 1)
    return first, months_later(first, length) - DAY
