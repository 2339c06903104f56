"""The parts of a text that names a date or a time: a day, a time of day, a distance, a period.

This part of the grammar knows days but no zones: what the parts come to as instants is for the package itself to say.
"""

from __future__ import annotations

from datetime import date, timedelta

from .periods import DAY, Periods, months_later, whole
from .words import (
    MONTHS,
    ORDINALS,
    PERIOD_ENDS,
    PERIODS,
    SINGULAR,
    UNITS,
    WEEKDAY_PLURALS,
    WEEKDAYS,
    NotATime,
    days_in_month,
    existing_day,
    ordinal,
)

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal, TypeAlias, TypeVar

    from .cursor import Amount
    from .tokens import Token

    V = TypeVar("V")
    Grain: TypeAlias = Literal["microsecond", "second", "minute", "day", "weekend", "week", "month", "quarter", "year"]
    Kind: TypeAlias = Literal["fixed", "yearless", "relative"]
    """How a day was named: by a whole date, by a date without its year, or by its place relative to today."""


class Parts(Periods):
    """What the tokens of a text name, part by part; each part at most once.

    Attributes:
        is_now: Whether the text is "now".
        day: The day, and how it was named.
        weekday: A weekday that stands for itself, or must agree with the day.
        period: The first and the last day of a period, the day it gives to a field, and its length.
        edge: Whether the day is the start of a period.
        shift: Months, days and exact time from now, and whether they lead back.
        clock: Hour, minute, second and microsecond; None for what was not said.
        offset: How far east of UTC that time of day is.
    """

    def __init__(self, tokens: Sequence[Token], today: date, *, forward: bool, at: int = 0) -> None:
        super().__init__(tokens, today, forward=forward, at=at)
        self.is_now: bool | None = None
        self.day: tuple[date, Kind] | None = None
        self.weekday: int | None = None
        self.period: tuple[date, date, date, Grain] | None = None
        self.edge: bool | None = None
        self.shift: tuple[int, int, timedelta, bool] | None = None
        self.clock: tuple[int, int, int | None, int | None] | None = None
        self.offset: timedelta | None = None

    def _lead_in(self) -> None:
        self.take_any("on", "by")
        self.take("the")

    def _set(self, name: str, value: object, what: str) -> bool:
        if getattr(self, name) is not None:
            raise NotATime(f"names two {what}, which contradict each other")
        setattr(self, name, value)
        return True

    def _set_day(self, day: date, kind: str) -> bool:
        return self._set("day", (day, kind), "days")

    def _part(self, parts: Sequence[Callable[[], bool]]) -> bool:
        for part in parts:
            at = self.at
            if part():
                return True
            self.at = at
        return False

    def read(self) -> Parts:
        """Read all tokens; raises `NotATime` for those that fit nowhere."""
        parts = (
            self._now,
            self._time_of_day,
            self._nth_weekday,
            self._weekdays_away,
            self._distance,
            self._end_or_start,
            self._named_period,
            self._named_weekday,
            self._named_day,
        )
        while self.at < len(self.tokens):
            if self.at and self.take(",") and self.at < len(self.tokens):
                continue
            if not self._part(parts):
                raise self._stray()
        return self

    def _stray(self) -> NotATime:
        kind, value = self.peek()
        before = self.peek(-1)
        if value in ("before", "after", "until"):
            return NotATime(
                "is not one moment, but all that lies on one side of it", "day before yesterday", "day after tomorrow"
            )
        if value == "at" and self.peek(1)[0] == "number":
            kind, value = self.peek(1)
        if kind == "number" and len(value) <= 2 and before[0] != "number" and int(value) < 24:
            hour = int(value)
            forms = [f"{hour}:00", f"{hour % 12 + 12}:00", ordinal(hour)]
            return NotATime(f"is ambiguous: {value} could be an hour or a day", *forms, wrong=value)
        if kind == "number" and len(value) == 4:
            return NotATime(f"is ambiguous: {value} could be a year or a time", f"{value}-01-01", f"jan {value}")
        shown = value if isinstance(value, str) else kind.replace("_", " and ")
        return NotATime(f"is not a date as a whole: {shown!r} does not fit where it stands")

    def alone(self, *allowed: str) -> None:
        """Raise `NotATime` if anything but these parts was named."""
        for name in ("is_now", "day", "weekday", "period", "edge", "shift", "clock"):
            if name not in allowed and getattr(self, name) is not None:
                raise NotATime("names two times, which contradict each other")

    # the parts of a text

    def _now(self) -> bool:
        return self.take("now") and self._set("is_now", True, "times")

    def _time_of_day(self) -> bool:
        """17:00, at 5pm, noon, midnight, 17:00 UTC."""
        named = self.take_any("at", "by")
        word = self.take_any("noon", "midnight")
        found = (12 if word == "noon" else 0, 0, None, None, True) if word else self.take_kind("clock")
        kind, value = self.peek()
        if named == "at" and kind == "number" and len(value) == 2 and 13 <= int(value) <= 23:
            self.at += 1  # an hour that only a clock of 24 hours has
            found = (int(value), 0, None, None, True)
        if found is None:
            return False
        *clock, sure = found
        hour, minute = clock[:2]
        if not sure and not named and len(self.tokens) == 1:
            raise NotATime("is ambiguous: a time of day or a length of time", f"{hour}:{minute}", f"{hour}h {minute}min")
        if word == "midnight" and len(self.tokens) > 1 + bool(named):
            raise NotATime("is ambiguous: midnight at the start or at the end of the day", "today 0:00", "tomorrow 0:00")
        self._set("offset", self.take_kind("offset"), "zones")
        return self._set("clock", tuple(clock), "times of day")

    def _nth_weekday(self) -> bool:
        """The first monday of june, 2nd friday in march 2027, last friday of next month."""
        self._lead_in()
        last = self.take("last")
        nth = None if last else (self.take_in(ORDINALS) or self.take_kind("ordinal"))
        weekday = self.take_in(WEEKDAYS)
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
        """Set the day that a function finds in the month, or the relative month, that comes next."""
        month = self.take_in(MONTHS)
        if month is not None:
            year = self.take_year()
            if year is None:
                return self._set_day(self._yearless(lambda year: in_month(year, month)), "yearless")
            found = in_month(year, month)
            kind = "fixed"
        else:
            self.take("the")
            which = self.take_any("next", "last", "this") or "this"
            if not self.take("month"):
                return False
            first = self.period_start("month", which)
            found = in_month(first.year, first.month)
            kind = "relative"
        if found is None:
            raise NotATime("is not in the calendar: that month has no such day")
        return self._set_day(found, kind)

    def _yearless(self, in_year: Callable[[int], date | None]) -> date:
        """The nearest day, today included, on the side that the text leans to."""
        years = range(self.today.year, self.today.year + (9 if self.forward else -9), 1 if self.forward else -1)
        for year in years:
            found = in_year(year)
            if found is not None and (found >= self.today if self.forward else found <= self.today):
                return found
        raise NotATime("is not in the calendar: no year has that day")

    def _weekdays_away(self) -> bool:
        """Two mondays ago, 2 fridays from now."""
        number = self.number()
        weekday = self.take_in(WEEKDAYS | WEEKDAY_PLURALS)
        if number is None or weekday is None or not number:
            return False
        back = self.take("ago")
        if not back and not self.take("from", "now"):
            return False
        first = self.nearest_weekday(weekday, forward=not back)
        return self._set_day(first + timedelta(weeks=(1 - number) if back else (number - 1)), "relative")

    def nearest_weekday(self, weekday: int, *, forward: bool) -> date:
        """The next weekday after today, or the last one before it."""
        if forward:
            return self.today + timedelta(days=(weekday - self.today.weekday() - 1) % 7 + 1)
        return self.today - timedelta(days=(self.today.weekday() - weekday - 1) % 7 + 1)

    # distances: in 3 days, 2 weeks ago, +3d, a week from friday

    def _distance(self) -> bool:
        sign = self.take_kind("sign")
        into = self.take("in")
        kind, value = self.peek()
        if kind == "word" and value in SINGULAR and self.peek(1) in (("word", "ago"), ("word", "from")):
            self.at += 1
            amounts = self.scaled(UNITS[value], 1)
        else:
            found = self.amounts()
            if found is None:
                return False
            amounts = found
        back = self.take("ago")
        ahead = not back and (self.take("from", "now") or self.take("from", "today"))
        if (back and (into or sign)) or (ahead and (into or sign)) or (into and sign):
            raise NotATime("says twice in which direction it points")
        if back:
            self.take("today")
        anchored = "" if back or ahead or into or sign else self.take_any("from", "after", "before", "on")
        if anchored:
            return self._from_anchor(amounts, anchored)
        past = back or sign == "-" or not (ahead or into or sign or self.forward)
        return self._set("shift", (*amounts, past), "times")

    def _from_anchor(self, amounts: Amount, where: str) -> bool:
        """2 days before yesterday, a week from friday, a week on friday."""
        months, days, exact = amounts
        inner = Parts(self.tokens, self.today, forward=self.forward, at=self.at)
        if exact or not inner._part((inner._nth_weekday, inner._named_weekday, inner._named_day)):
            raise NotATime(f"names no day after {where!r}")
        if where == "on" and (months or days % 7 or inner.weekday is None):
            return False
        day, kind = inner.named_day()
        self.at = inner.at
        sign = -1 if where == "before" else 1
        return self._set_day(months_later(day, sign * months) + timedelta(days=sign * days), kind)

    # periods: end of month, next week, 2026-W48, nov 2026

    def _end_or_start(self) -> bool:
        """Eom, end of next month, start of the week, last day of february."""
        self._lead_in()
        unit = self.take_in(PERIOD_ENDS)
        if unit is not None:
            return self._set_day(self.calendar_period(unit, "this")[1], "relative")
        first = self.take_any("start", "beginning") or self.take("first", "day")
        if not first and not self.take("end") and not self.take("last", "day"):
            return False
        exactly = self.peek(-1) != ("word", "day")
        if not self.take("of"):
            return False
        self.take("the")
        found = self.period_named()
        if found is None:
            return False
        start, end = found
        if first and exactly:
            self._set("edge", True, "times")
        return self._set_day(start if first else end, "relative")

    def _named_period(self) -> bool:
        """Next week, last month, 2026-W48, nov 2026, april, next april, weekend."""
        lead = bool(self.take_any("on", "by"))
        if self.take("in") and self.peek()[1] not in MONTHS:
            return False
        self.take("the")
        if self._weekend():
            return True
        which = self.take_any("last", "next", "this")
        unit = self.take_any(*PERIODS)
        if unit and not which and self.take("before", "last"):
            start, end = whole(self.period_start(unit, "last") - DAY, unit)
            return self._set("period", (start, end, start, unit), "periods")
        if unit and which:
            start, end = self.calendar_period(unit, which)
            value = start
            if which == "next":
                months, days, _ = self.scaled(UNITS[unit], 1)
                value = months_later(self.today, months) + timedelta(days=days)
            return self._set("period", (start, end, value, unit), "periods")
        kind, value = self.peek()
        month = MONTHS.get(value) if kind == "word" else None
        if unit or (which and month is None) or (month is not None and self.is_day_of_month()):
            return False
        if which and month is not None:
            self.at += 1
            step = {"next": month <= self.today.month, "last": -(month >= self.today.month), "this": 0}[which]
            found: tuple[date, date] | None = whole(date(self.today.year + step, month, 1), "month")
        else:
            found = self.calendar_name()
        if found is None or (lead and kind == "end"):
            return False
        grain = "month" if kind == "word" else kind
        return self._set("period", (*found, found[0], grain), "periods")

    def _weekend(self) -> bool:
        which = self.take_any("this", "next", "last")
        if not self.take("weekend"):
            self.at -= bool(which)
            return False
        ahead = 5 - self.today.weekday()
        if which in ("next", "last") or ahead < 0 or not self.forward:
            raise NotATime("is ambiguous: name the day", "saturday", "sunday", "last saturday", "next saturday")
        saturday = self.today + DAY * ahead
        return self._set("period", (saturday, saturday + DAY, saturday, "weekend"), "periods")

    # days

    def _named_weekday(self) -> bool:
        """Friday, next friday, friday week, the friday before last."""
        self._lead_in()
        which = self.take_any("last", "past", "next", "coming", "this")
        if which == "this" and self.take("coming"):
            which = "coming"
        weekday = self.take_in(WEEKDAYS)
        if weekday is None:
            return False
        before_last, after_next = self.take("before", "last"), self.take("after", "next")
        if before_last or after_next:
            far = self.nearest_weekday(weekday, forward=after_next) + timedelta(weeks=1 if after_next else -1)
            return not which and self._set_day(far, "relative")
        if which == "this":
            day = self.period_start("week", "this") + DAY * weekday
            if self.forward and day < self.today:
                raise NotATime(
                    "has passed already", "today", f"next {weekday_name(weekday)}", f"last {weekday_name(weekday)}"
                )
            return self._set_day(day, "relative")
        if which:
            return self._set_day(self.nearest_weekday(weekday, forward=which in ("next", "coming")), "relative")
        if self.peek() == ("word", "week") and self.peek(1) not in (("word", "ago"), ("word", "from")):
            self.at += 1
            return self._set_day(self.nearest_weekday(weekday, forward=True) + timedelta(weeks=1), "relative")
        return self._set("weekday", weekday, "weekdays")

    def _named_day(self) -> bool:
        """Today, 24 dec, december 24th 2026, the 15th, 24/12, 2026-12-24."""
        self._lead_in()
        fixed = self.take_kind("date")
        if fixed is not None:
            return self._set_day(fixed, "fixed")
        near = self._near_today()
        if near is not None:
            return self._set_day(near, "relative")
        pair = self.take_kind("day_month")
        if pair is not None:
            day, month = pair
            return self._dated(month, day)
        month = self.take_in(MONTHS)
        if month is not None:
            self.take("the")
            found = self._day_number()
            return found is not None and self._dated(month, found)
        ordinal = self.peek()[0] != "number"
        found = self._day_number()
        if found is None:
            return False
        of = self.take("of")
        month = self.take_in(MONTHS)
        if month is not None:
            return self._dated(month, found)
        if of:
            return self._in_some_month(lambda year, month: _day_or_none(year, month, found))
        return ordinal and self.peek(-1)[0] == "ordinal" and self._set_day(self._day_of_some_month(found), "yearless")

    def _near_today(self) -> date | None:
        """Today, tomorrow, today+2, the day after tomorrow."""
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
        months, days, exact = self.scaled(self.take_in(UNITS) or UNITS["day"], number)
        if exact:
            raise NotATime("adds hours to a whole day", "in 2 hours", "today+2")
        return months_later(day, months) + timedelta(days=days)

    def _day_number(self) -> int | None:
        """A day of a month: 24, 24th, first."""
        kind, value = self.peek()
        if kind == "number" and len(value) <= 2:
            self.at += 1
            return int(value)
        return self.take_kind("ordinal") or self.take_in(ORDINALS)

    def _dated(self, month: int, day: int) -> bool:
        year = self.take_year()
        if year is not None:
            return self._set_day(existing_day(year, month, day), "fixed")
        if _day_or_none(2000, month, day) is None:  # what a leap year does not have, no year has
            name = _month_name(month)
            raise NotATime(f"is not in the calendar: {name} has no day {day}", f"{days_in_month(2000, month)} {name}")
        return self._set_day(self._yearless(lambda year: _day_or_none(year, month, day)), "yearless")

    def _day_of_some_month(self, day: int) -> date:
        """The nearest month that has this day."""
        first = self.today.replace(day=1)
        for step in range(9):
            month = months_later(first, step if self.forward else -step)
            found = _day_or_none(month.year, month.month, day)
            if found is not None and (found >= self.today if self.forward else found <= self.today):
                return found
        raise NotATime(f"is not in the calendar: no month has a day {day}")

    # what the parts say together

    def named_day(self) -> tuple[date, str]:
        """The day that was named, by a date, a weekday or both."""
        if self.period is not None and self.weekday is not None:
            first, last, _, grain = self.period
            if grain != "week":
                raise NotATime(f"names a weekday and a whole {grain}")
            return first + DAY * self.weekday, "fixed" if (last - first).days == 6 and self.day is None else "relative"
        if self.day is None:
            assert self.weekday is not None
            return self.nearest_weekday(self.weekday, forward=self.forward), "relative"
        day, kind = self.day
        if self.weekday is not None and day.weekday() != self.weekday:
            other = weekday_name(day.weekday())
            near = [day + timedelta(days=(self.weekday - day.weekday() + 3) % 7 - 3), day]
            forms = [f"{weekday_name(found.weekday())} {found}" for found in near]
            raise NotATime(f"contradicts itself: {day} is a {other}", *forms)
        return day, kind

    def counts_days(self) -> bool:
        """Whether the units are days or longer, even if there are 0 of them."""
        units = [UNITS[value] for kind, value in self.tokens if kind == "word" and value in UNITS]
        return any(kind != "second" for kind, _ in units)


def weekday_name(weekday: int) -> str:
    """Monday for 0."""
    return list(WEEKDAY_PLURALS)[weekday].removesuffix("s")


def _month_name(month: int) -> str:
    return next(name for name, number in MONTHS.items() if number == month)


def _day_or_none(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= day <= days_in_month(year, month) else None
