"""The parts of a text that names a date or a time: a day, a time of day, a distance, a period."""

from __future__ import annotations

from datetime import date, timedelta

from ..calendar import MONTHS, months_later
from .days import DayReader
from .periods import DAY, period_around
from .words import PERIOD_ENDS, PERIODS, SINGULAR, TOO_FAR, UNITS, NotATime, ordinal

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .token_reader import Amount
    from .tokens import Token


class PartsReader(DayReader):
    """Reads everything that a text names."""

    def read(self) -> PartsReader:
        """Read all tokens.

        Returns:
            This reader.

        Raises:
            NotATime: A token does not belong to any form, or two parts contradict each other.
        """
        readers = (
            self._read_now,
            self._read_time_of_day,
            self.read_nth_weekday,
            self.read_weekdays_away,
            self._read_distance,
            self._read_end_or_start,
            self._read_period,
            self.read_weekday,
            self.read_date,
        )
        while self.at < len(self.tokens):
            if self.at and self.take(",") and self.at < len(self.tokens):
                continue
            if not self.first_of(readers):
                raise self._unexpected()
        return self

    def _unexpected(self) -> NotATime:
        """Return the error for a token that does not belong to any form."""
        kind, value = self.peek()
        before = self.peek(-1)
        if value in ("before", "after", "until"):
            return NotATime(
                "is not one moment, but all time on one side of it", "day before yesterday", "day after tomorrow"
            )
        if value == "at" and self.peek(1)[0] == "number":
            kind, value = self.peek(1)
        if kind == "number" and len(value) <= 2 and before[0] != "number" and int(value) < 24:
            hour = int(value)
            forms = [f"{hour}:00", f"{hour % 12 + 12}:00", ordinal(hour)]
            return NotATime(f"is ambiguous: {value} could be an hour or a day", *forms, wrong=value)
        if kind == "number" and len(value) == 4:
            forms = [f"{value}-01-01", f"jan {value}", f"{value[:2]}:{value[2:]}"]
            return NotATime(f"is ambiguous: {value} could be a year or a time", *forms, wrong=value)
        if kind == "number" and len(value) > 4:
            return NotATime(TOO_FAR)
        shown = value if isinstance(value, str) else kind.replace("_", " and ")
        return NotATime(f"is not a date: {shown!r} does not fit there")

    def _read_now(self) -> bool:
        """Read now."""
        return self.take("now") and self.named.set("is_now", True, "times")

    def _read_time_of_day(self) -> bool:
        """Read 17:00, at 5pm, noon, midnight, 17:00 UTC."""
        named = self.take_any("at", "by")
        word = self.take_any("noon", "midnight")
        found = (12 if word == "noon" else 0, 0, None, None, True) if word else self.take_kind("clock")
        kind, value = self.peek()
        if named == "at" and kind == "number" and len(value) == 2 and 13 <= int(value) <= 23:
            self.at += 1  # only a 24-hour clock has this hour
            self.take("h")
            found = (int(value), 0, None, None, True)
        if found is None:
            return False
        *clock, sure = found
        hour, minute = clock[:2]
        if not sure and not named and len(self.tokens) == 1:
            raise NotATime("is ambiguous: a time of day or a length of time", f"{hour}:{minute}", f"{hour}h {minute}min")
        if word == "midnight" and len(self.tokens) > 1 + bool(named):
            why = "is ambiguous: midnight at the start or at the end of the day"
            raise NotATime(why, "0:00", "23:59", wrong="midnight")
        self.named.set("offset", self.take_kind("offset"), "zones")
        return self.named.set("clock", tuple(clock), "times of day")

    def _read_distance(self) -> bool:
        """Read in 3 days, 2 weeks ago, +3d, a week from friday."""
        sign = self.take_kind("sign")
        into = self.take("in")
        first = self.at
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
            return self._read_anchor(amounts, anchored)
        if not (back or ahead or into or sign):
            self._check_no_hour(self.tokens[first : self.at])
        past = back or sign == "-" or not (ahead or into or sign or self.forward)
        return self.named.set("shift", (*amounts, past), "times")

    def _check_no_hour(self, amount: Sequence[Token]) -> None:
        """Check that a length without a direction is not written as a time of day often is: 17h, 1730h.

        Nobody has a todo for 2 o'clock at night, so 2h is a length.
        """
        if len(amount) != 2 or amount[0][0] != "number" or amount[1][1] not in ("h", "hr", "hrs"):
            return
        digits, unit = amount[0][1], amount[1][1]
        number = int(digits)
        if len(digits) == 4 and number < 2400 and number % 100 < 60:
            clock = f"{digits[:2]}:{digits[2:]}"
        elif unit == "h" and (number == 0 or 6 <= number <= 23):
            clock = f"{number}:00"
        else:
            return
        length = f"in {number} hours" if self.forward else f"{number} hours ago"
        why = f"is ambiguous: {digits}{unit} could be a time of day or a length of time"
        raise NotATime(why, clock, length, wrong=f"{digits}{unit}")

    def _read_anchor(self, amounts: Amount, where: str) -> bool:
        """Read the day after the amount in: 2 days before yesterday, a week from friday, a week on friday."""
        months, days, exact = amounts
        inner = DayReader(self.tokens, self.today, forward=self.forward, at=self.at)
        if exact or not inner.read_day():
            raise NotATime(f"names no day after {where!r}")
        if where == "on" and (months or days % 7 or inner.named.weekday is None):
            return False
        day, kind = inner.named_day()
        self.at = inner.at
        sign = -1 if where == "before" else 1
        return self.set_day(months_later(day, sign * months) + timedelta(days=sign * days), kind)

    def _read_end_or_start(self) -> bool:
        """Read eom, end of next month, start of the week, last day of february."""
        self.skip_lead_in()
        unit = self.take_from(PERIOD_ENDS)
        if unit is not None:
            return self.set_day(self.calendar_period(unit, "this")[1], "relative")
        first = self.take_any("start", "beginning") or self.take("first", "day")
        if not first and not self.take("end") and not self.take("last", "day"):
            return False
        exactly = self.peek(-1) != ("word", "day")
        if not self.take("of"):
            return False
        self.take("the")
        at = self.at
        found = self.period_named()
        if found is None:
            return False
        start, end = found
        if first and exactly:
            self.named.set("edge", True, "times")
        elif first and self.forward and start < self.today <= end:
            return self._read_first_day(self.tokens[at : self.at], start, end)
        return self.set_day(start if first else end, "relative")

    def _read_first_day(self, period: Sequence[Token], start: date, end: date) -> bool:
        """Read the first day of a period that has begun: the next such day, unless the text names this very period.

        Args:
            period: The tokens that name the period.
            start: The first day of the period.
            end: Its last day.
        """
        kind, value = period[0]
        if len(period) == 1 and kind == "word":
            return self.set_day(end + DAY if value in PERIODS else months_later(start, 12), "relative")
        if kind == "quarter" and value[0] is None and len(period) == 1:
            return self.set_day(months_later(start, 12), "relative")
        if period[0] == ("word", "this"):
            raise NotATime(f"has passed already: that was {start}", (end + DAY).isoformat())
        return self.set_day(start, "fixed")

    def _read_period(self) -> bool:
        """Read next week, last month, 2026-W48, nov 2026, april, next april, weekend."""
        lead = bool(self.take_any("on", "by"))
        if self.take("in") and self.peek()[1] not in MONTHS:
            return False
        self.take("the")
        if self._read_weekend():
            return True
        which = self.take_any("last", "next", "this")
        unit = self.take_any(*PERIODS)
        if unit and not which and self.take("before", "last"):
            start, end = period_around(self.period_start(unit, "last") - DAY, unit)
            return self.named.set("period", (start, end, start, unit), "periods")
        if unit and which:
            start, end = self.calendar_period(unit, which)
            value = start
            if which == "next":
                months, days, _ = self.scaled(UNITS[unit], 1)
                value = months_later(self.today, months) + timedelta(days=days)
            return self.named.set("period", (start, end, value, unit), "periods")
        kind, value = self.peek()
        month = MONTHS.get(value) if kind == "word" else None
        if unit or (which and month is None) or (month is not None and self.is_day_of_month()):
            return False
        if which and month is not None:
            self.at += 1
            step = {"next": month <= self.today.month, "last": -(month >= self.today.month), "this": 0}[which]
            found: tuple[date, date] | None = period_around(date(self.today.year + step, month, 1), "month")
        else:
            found = self.calendar_name()
        if found is None or (lead and kind == "end"):
            return False
        grain = "month" if kind == "word" else kind
        return self.named.set("period", (*found, found[0], grain), "periods")

    def _read_weekend(self) -> bool:
        """Read weekend, this weekend."""
        which = self.take_any("this", "next", "last")
        if not self.take("weekend"):
            self.at -= bool(which)
            return False
        ahead = 5 - self.today.weekday()
        if which in ("next", "last") or ahead < 0 or not self.forward:
            raise NotATime("is ambiguous: name the day", "saturday", "sunday", "last saturday", "next saturday")
        saturday = self.today + DAY * ahead
        return self.named.set("period", (saturday, saturday + DAY, saturday, "weekend"), "periods")

    def counts_days(self) -> bool:
        """Return whether the text has a unit of a day or longer, even if its number is 0."""
        units = [UNITS[value] for kind, value in self.tokens if kind == "word" and value in UNITS]
        return any(kind != "second" for kind, _ in units)
