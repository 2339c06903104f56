"""The days that a text names: dates, weekdays, days of a month, days near today.

This part of the grammar knows days, but no zones: the package itself converts the parts of a text to instants.
"""

from __future__ import annotations

from datetime import date, timedelta

from ..calendar import MONTHS, ORDINALS, WEEKDAY_PLURALS, WEEKDAYS, days_in_month, months_later
from .periods import DAY, PeriodReader
from .words import UNITS, NotATime, existing_day, ordinal

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal, TypeAlias

    from .tokens import Token

    Grain: TypeAlias = Literal["microsecond", "second", "minute", "day", "weekend", "week", "month", "quarter", "year"]
    DayKind: TypeAlias = Literal["fixed", "yearless", "relative"]
    """How a day was named: by a complete date, by a date without a year, or relative to today."""


class Named:
    """What a text names. Each of these parts can be named at most once.

    Attributes:
        is_now: Whether the text is "now".
        day: The day, and how it was named.
        weekday: A weekday that is the only name of the day, or must agree with the day. Monday is 0.
        period: The first and the last day of a period, the day that a field gets from it, and its length.
        edge: Whether the day is the start of a period.
        shift: Months, days and exact time to move from now, and whether to move back.
        clock: Hour, minute, second and microsecond; None for what was not named.
        offset: How far east of UTC this time of day is.
    """

    def __init__(self) -> None:
        """Start with nothing named."""
        self.is_now: bool | None = None
        self.day: tuple[date, DayKind] | None = None
        self.weekday: int | None = None
        self.period: tuple[date, date, date, Grain] | None = None
        self.edge: bool | None = None
        self.shift: tuple[int, int, timedelta, bool] | None = None
        self.clock: tuple[int, int, int | None, int | None] | None = None
        self.offset: timedelta | None = None

    def set(self, name: str, value: object, plural: str) -> bool:
        """Set a part.

        Args:
            name: The attribute.
            value: Its value.
            plural: What two of these parts are called in the error.

        Returns:
            True, so that a reader can return it.

        Raises:
            NotATime: The part was named before.
        """
        if getattr(self, name) is not None:
            raise NotATime(f"names two {plural}, which contradict each other")
        setattr(self, name, value)
        return True

    def check_only(self, *allowed: str) -> None:
        """Check that nothing but these parts was named.

        Raises:
            NotATime: Another part was named, too.
        """
        for name in ("is_now", "day", "weekday", "period", "edge", "shift", "clock"):
            if name not in allowed and getattr(self, name) is not None:
                raise NotATime("names two times that do not belong together")


class DayReader(PeriodReader):
    """Reads the days that a text names. Each method that reads a form returns whether the form comes next."""

    def __init__(self, tokens: Sequence[Token], today: date, *, forward: bool, at: int = 0) -> None:
        """Start at a token.

        Args:
            tokens: The tokens of the text.
            today: The present day in the reader's time zone.
            forward: Whether a day that could be before or after today is after it.
            at: The index of the token.
        """
        super().__init__(tokens, today, forward=forward, at=at)
        self.named = Named()

    def first_of(self, readers: Sequence[Callable[[], bool]]) -> bool:
        """Read the first of several forms that comes next. A form that does not come next takes no tokens."""
        for reader in readers:
            at = self.at
            if reader():
                return True
            self.at = at
        return False

    def read_day(self) -> bool:
        """Read a day in any form: an ordinal weekday of a month, a weekday, or a date."""
        return self.first_of((self.read_nth_weekday, self.read_weekday, self.read_date))

    def skip_lead_in(self) -> None:
        """Skip the words before a day that mean nothing: on, by, the."""
        self.take_any("on", "by")
        self.take("the")

    def set_day(self, day: date, kind: str) -> bool:
        """Set the day; see `Named.set`."""
        return self.named.set("day", (day, kind), "days")

    def read_nth_weekday(self) -> bool:
        """Read the first monday of june, 2nd friday in march 2027, last friday of next month."""
        self.skip_lead_in()
        last = self.take("last")
        nth = None if last else (self.take_from(ORDINALS) or self.take_kind("ordinal"))
        weekday = self.take_from(WEEKDAYS)
        if (not last and nth is None) or weekday is None:
            return False
        if not self.take_any("of", "in"):
            if nth is not None:
                form = f"{ordinal(nth)} {weekday_name(weekday)} of"
                raise NotATime("names no month", f"{form} this month", f"{form} next month", f"{form} last month")
            return False

        def in_month(year: int, month: int) -> date | None:
            if nth is None:
                end = date(year, month, days_in_month(year, month))
                return end - timedelta(days=(end.weekday() - weekday) % 7)
            first = date(year, month, 1)
            found = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
            return found if found.month == month else None

        return self._in_some_month(in_month)

    def _in_some_month(self, in_month: Callable[[int, int], date | None]) -> bool:
        """Read a month, or a month relative to today, and set the day that a function finds in it."""
        month = self.take_from(MONTHS)
        if month is not None:
            year = self.take_year()
            if year is None:
                return self.set_day(self._yearless(lambda year: in_month(year, month)), "yearless")
            found = in_month(year, month)
            kind = "fixed"
        else:
            self.take("the")
            which = self.take_any("next", "last", "this")
            if not self.take("month"):
                return False
            if not which:  # "the month" is any month, as in "the 15th"
                nearest = self._nearest_in_months(in_month)
                if nearest is None:
                    raise NotATime("is not in the calendar: no month has such a day")
                return self.set_day(nearest, "yearless")
            first = self.period_start("month", which)
            found = in_month(first.year, first.month)
            kind = "relative"
            if self.forward and which == "this" and found is not None and found < self.today:
                later = self._nearest_in_months(in_month)
                raise NotATime(f"has passed already: that was {found}", "today" if later is None else later.isoformat())
        if found is None:
            raise NotATime("is not in the calendar: that month has no such day")
        return self.set_day(found, kind)

    def _yearless(self, in_year: Callable[[int], date | None]) -> date:
        """Return the nearest day that a function finds in a year: not before today, or when looking back not after it."""
        years = range(self.today.year, self.today.year + (9 if self.forward else -9), 1 if self.forward else -1)
        for year in years:
            found = in_year(year)
            if found is not None and (found >= self.today if self.forward else found <= self.today):
                return found
        raise NotATime("is not in the calendar: no year has that day")

    def read_weekdays_away(self) -> bool:
        """Read two mondays ago, 2 fridays from now."""
        number = self.number()
        weekday = self.take_from(WEEKDAYS | WEEKDAY_PLURALS)
        if number is None or weekday is None or not number:
            return False
        back = self.take("ago")
        if not back and not self.take("from", "now"):
            return False
        first = self.nearest_weekday(weekday, forward=not back)
        return self.set_day(first + timedelta(weeks=(1 - number) if back else (number - 1)), "relative")

    def nearest_weekday(self, weekday: int, *, forward: bool) -> date:
        """Return the next such weekday after today, or the last one before it. Monday is 0."""
        if forward:
            return self.today + timedelta(days=(weekday - self.today.weekday() - 1) % 7 + 1)
        return self.today - timedelta(days=(self.today.weekday() - weekday - 1) % 7 + 1)

    def read_weekday(self) -> bool:
        """Read friday, next friday, friday week, the friday before last."""
        self.skip_lead_in()
        which = self.take_any("last", "past", "next", "coming", "this")
        if which == "this" and self.take("coming"):
            which = "coming"
        weekday = self.take_from(WEEKDAYS)
        if weekday is None:
            return False
        before_last, after_next = self.take("before", "last"), self.take("after", "next")
        if before_last or after_next:
            far = self.nearest_weekday(weekday, forward=after_next) + timedelta(weeks=1 if after_next else -1)
            return not which and self.set_day(far, "relative")
        if which == "this":
            day = self.period_start("week", "this") + DAY * weekday
            if self.forward and day < self.today:
                raise NotATime(
                    "has passed already", "today", f"next {weekday_name(weekday)}", f"last {weekday_name(weekday)}"
                )
            return self.set_day(day, "relative")
        if which:
            return self.set_day(self.nearest_weekday(weekday, forward=which in ("next", "coming")), "relative")
        if self.peek() == ("word", "week") and self.peek(1) not in (("word", "ago"), ("word", "from")):
            self.at += 1
            return self.set_day(self.nearest_weekday(weekday, forward=True) + timedelta(weeks=1), "relative")
        return self.named.set("weekday", weekday, "weekdays")

    def read_date(self) -> bool:
        """Read today, 24 dec, december 24th 2026, the 15th, 24/12, 2026-12-24."""
        self.skip_lead_in()
        fixed = self.take_kind("date")
        if fixed is not None:
            return self.set_day(fixed, "fixed")
        near = self._near_today()
        if near is not None:
            return self.set_day(near, "relative")
        pair = self.take_kind("day_month")
        if pair is not None:
            day, month = pair
            return self._dated(month, day)
        month = self.take_from(MONTHS)
        if month is not None:
            self.take("the")
            found = self._day_number()
            return found is not None and self._dated(month, found)
        ordinal = self.peek()[0] != "number"
        found = self._day_number()
        if found is None:
            return False
        of = self.take("of")
        month = self.take_from(MONTHS)
        if month is not None:
            return self._dated(month, found)
        if of:
            return self._in_some_month(lambda year, month: _day_or_none(year, month, found))
        return ordinal and self.peek(-1)[0] == "ordinal" and self.set_day(self._day_of_some_month(found), "yearless")

    def _near_today(self) -> date | None:
        """Read today, tomorrow, today+2, the day after tomorrow."""
        if self.take("day", "after", "tomorrow"):
            return self.today + 2 * DAY
        if self.take("day", "before", "yesterday"):
            return self.today - 2 * DAY
        word = self.take_any("today", "tomorrow", "yesterday")
        if not word:
            return None
        day = self.today + DAY * {"today": 0, "tomorrow": 1, "yesterday": -1}[word]
        if self.peek() != ("sign", "+") or self.peek(1)[0] != "number":
            return day
        self.at += 1
        number = int(self.take_kind("number"))
        months, days, exact = self.scaled(self.take_from(UNITS) or UNITS["day"], number)
        if exact:
            raise NotATime("adds hours to a whole day", "in 2 hours", "today+2")
        return months_later(day, months) + timedelta(days=days)

    def _day_number(self) -> int | None:
        """Read a day of a month: 24, 24th, first."""
        kind, value = self.peek()
        if kind == "number" and len(value) <= 2:
            self.at += 1
            return int(value)
        return self.take_kind("ordinal") or self.take_from(ORDINALS)

    def _dated(self, month: int, day: int) -> bool:
        year = self.take_year()
        if year is not None:
            return self.set_day(existing_day(year, month, day), "fixed")
        if _day_or_none(2000, month, day) is None:  # 2000 is a leap year: a day that it does not have is in no year
            name = _month_name(month)
            raise NotATime(f"is not in the calendar: {name} has no day {day}", f"{days_in_month(2000, month)} {name}")
        return self.set_day(self._yearless(lambda year: _day_or_none(year, month, day)), "yearless")

    def _day_of_some_month(self, day: int) -> date:
        """Return the nearest day with this number, in a month that has it."""
        found = self._nearest_in_months(lambda year, month: _day_or_none(year, month, day))
        if found is None:
            raise NotATime(f"is not in the calendar: no month has a day {day}")
        return found

    def _nearest_in_months(self, in_month: Callable[[int, int], date | None]) -> date | None:
        """Return the nearest day that a function finds in a month: not before today, or when looking back not after it."""
        first = self.today.replace(day=1)
        for step in range(9):
            month = months_later(first, step if self.forward else -step)
            found = in_month(month.year, month.month)
            if found is not None and (found >= self.today if self.forward else found <= self.today):
                return found
        return None

    def named_day(self) -> tuple[date, str]:
        """Return the day that was named by a date, a weekday or both, and how it was named.

        Raises:
            NotATime: The date and the weekday contradict each other.
        """
        if self.named.period is not None and self.named.weekday is not None:
            first, last, _, grain = self.named.period
            if grain != "week":
                raise NotATime(f"names a weekday and a whole {grain}")
            day = first + DAY * self.named.weekday
            if self.forward and day < self.today <= last:
                name = weekday_name(self.named.weekday)
                raise NotATime(f"has passed already: that was {day}", f"next {name}", f"last {name}")
            return day, "fixed" if (last - first).days == 6 and self.named.day is None else "relative"
        if self.named.day is None:
            assert self.named.weekday is not None
            return self.nearest_weekday(self.named.weekday, forward=self.forward), "relative"
        day, kind = self.named.day
        if self.named.weekday is not None and day.weekday() != self.named.weekday:
            other = weekday_name(day.weekday())
            near = [day + timedelta(days=(self.named.weekday - day.weekday() + 3) % 7 - 3), day]
            forms = [f"{weekday_name(found.weekday())} {found}" for found in near]
            raise NotATime(f"contradicts itself: {day} is a {other}", *forms)
        return day, kind


def weekday_name(weekday: int) -> str:
    """Return the name of a weekday: monday for 0."""
    return list(WEEKDAY_PLURALS)[weekday].removesuffix("s")


def _month_name(month: int) -> str:
    return next(name for name, number in MONTHS.items() if number == month)


def _day_or_none(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= day <= days_in_month(year, month) else None
