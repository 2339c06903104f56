"""Cutting a text into tokens.

A token is a kind and a value. Numbers that only make sense together, such as `2026-11-28`, `17:30` or `15th`, are one
token. A word that is not in the vocabulary is refused here, so that the rest of the grammar only sees words that it knows.

There are no regular expressions here, because compiling them would take longer than reading the text.
"""

from __future__ import annotations

from datetime import date, timedelta

from ..calendar import MONTH_NAMES, MONTHS, WEEKDAYS
from .words import TOO_FAR, UNITS, VAGUE, VOCABULARY, AmbiguousOrder, NotATime, existing_day, ordinal

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from typing import Any, Literal, TypeAlias

    Order: TypeAlias = Literal["DMY", "MDY", "YMD"] | None
    Token: TypeAlias = tuple[str, Any]
    """Kinds and their values:

    - word: a `str` of the vocabulary
    - number: digits as a `str`
    - decimal: whole digits and the digits after the point
    - ordinal: an `int`
    - date: a `date`
    - day_month: day and month
    - month: year and month
    - week: year and ISO week
    - quarter: year, or None, and quarter
    - clock: hour, minute, second or None, microsecond or None, whether it can only be a time of day
    - offset: a `timedelta` east of UTC
    - sign: "+" or "-"
    """

_SHAPE = str.maketrans("012345678", "999999999")
_HALVES = {"am": 0, "pm": 12}
_YEAR_FIRST = tuple(
    f"9999{mark}{month}{mark}{day}" for month, day in (("99", "99"), ("9", "99"), ("99", "9"), ("9", "9")) for mark in "-/."
)


def tokens_of(text: str, order: Order) -> list[Token]:
    """Cut a text into tokens.

    Args:
        text: The text in lower case, without spaces at its ends and without two spaces in a row.
        order: How to read dates such as 3/4/2026. None refuses dates that can be read in two ways.

    Raises:
        NotATime: The text has something that is not in the vocabulary, or a number that is not a date or a time.
    """
    return _Tokenizer(text, order).tokens()


class _Tokenizer:
    """The work of `tokens_of`. A method that reads a form takes it if it comes next, and returns whether it does."""

    def __init__(self, text: str, order: Order) -> None:
        self.text = text
        self.shape = text.translate(_SHAPE)
        self.order = order
        self.at = 0
        self.after_t = False
        self.found: list[Token] = []

    def tokens(self) -> list[Token]:
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char == " ":
                self.at += 1
            elif char == "-":
                self._hyphen()
            elif self._is_digit(self.at):
                self._number()
            elif "a" <= char <= "z":
                self._word()
            elif char == "+":
                self._add("sign", "+", self.at + 1)
            elif char == "," and self.found and text[self.at + 1 : self.at + 2] in (" ", "-") and self.at + 2 < len(text):
                self.found.append(("word", ","))
                self.at += 1 if text[self.at + 1] == " " else 2
            else:
                raise NotATime(f"has {char!r} where no date has it", self.text.replace(char, "").strip())
        return self.found

    def _is_digit(self, at: int) -> bool:
        return self.shape[at : at + 1] == "9"

    def _ends(self, at: int) -> bool:
        """Return whether a number or a word ends before `at`."""
        char = self.text[at : at + 1]
        return not (self.shape[at : at + 1] == "9" or "a" <= char <= "z")

    def _add(self, kind: str, value: Any, end: int) -> None:
        self.found.append((kind, value))
        self.at = end

    def _hyphen(self) -> None:
        """Read a hyphen: before the first number it is a minus, and between two words it means the same as a space."""
        before, after = self.text[self.at - 1 : self.at], self.text[self.at + 1 : self.at + 2]
        if self.at == 0 and self._is_digit(1):
            self._add("sign", "-", 1)
        elif before.strip(" -") and after.strip(" -"):
            self.at += 1
        else:
            raise NotATime("has a '-' that does not join two words", " ".join(self.text.replace("-", " ").split()))

    def _word(self) -> None:
        end = self.at
        while "a" <= self.text[end : end + 1] <= "z":
            end += 1
        word = self.text[self.at : end]
        if word == "q" and self._is_digit(end) and self._ends(end + 1):
            self._quarter(None, end)
        elif word in VAGUE:
            raise NotATime(f"is vague: {word!r} is not an exact time", *VAGUE[word], wrong=word)
        elif word not in VOCABULARY:
            has_others = word != self.text  # otherwise the message begins with the word
            why = f"has a word that is not known: {word!r}" if has_others else "is not a word that is known"
            raise NotATime(why, wrong=word)
        else:
            self._add("word", word, end)
            if self.text[end : end + 1] == "." and len(word) < 6 and (word in WEEKDAYS or word in MONTHS):
                self.at += 1  # an abbreviation: "dec. 24"

    def _quarter(self, year: int | None, at: int) -> None:
        quarter = int(self.text[at])
        if not 1 <= quarter <= 4:
            raise NotATime("names a quarter that no year has", "q1", "q4")
        self._add("quarter", (year, quarter), at + 1)

    def _digits(self, at: int) -> int:
        while self._is_digit(at):
            at += 1
        return at

    def _next_word(self, at: int) -> str:
        """Return the word that follows a number, or is joined to it."""
        at += self.text[at : at + 1] in (" ", "-")
        end = at
        while "a" <= self.text[end : end + 1] <= "z":
            end += 1
        return self.text[at:end]

    def _number(self) -> None:
        end = self._digits(self.at)
        length = end - self.at
        counts = length > 4 and self._next_word(end) in UNITS
        if (length == 4 and self._year_first()) or (length == 8 and not counts and self._basic_date(end)):
            return
        if length <= 2 and (self._numeric_date(end) or self._clock(end)):
            return
        begins_a_date = self.text[end : end + 1] in ("-", "/") and self._is_digit(end + 1)
        if (length > 5 and not counts) or (length > 4 and begins_a_date):
            raise NotATime(TOO_FAR)
        digits = self.text[self.at : end]
        suffix = self.text[end : end + 2]
        if suffix in ("st", "nd", "rd", "th") and self._ends(end + 2):
            if digits + suffix != ordinal(int(digits)):
                raise NotATime(f"is misspelt: {digits}{suffix}", ordinal(int(digits)), wrong=digits + suffix)
            self._add("ordinal", int(digits), end + 2)
        elif self.text[end : end + 1] == "." and self._is_digit(end + 1):
            self._decimal(end)
        else:
            self._add("number", digits, end)

    def _decimal(self, end: int) -> None:
        stop = self._digits(end + 1)
        rest = self.text[stop:].lstrip(" -")
        if not "a" <= rest[:1] <= "z" or rest.split(" ")[0] not in UNITS or stop - end > 3:
            whole, part = self.text[self.at : end], self.text[end + 1 : stop]
            raise NotATime("is ambiguous: it could be a time or a date", f"{whole}:{part}", f"{whole}/{part}")
        self._add("decimal", (self.text[self.at : end], self.text[end + 1 : stop]), stop)

    # dates

    def _year_first(self) -> bool:
        text, at, shape = self.text, self.at, self.shape
        year = int(text[at : at + 4])
        for pattern in _YEAR_FIRST:
            end = at + len(pattern)
            if shape.startswith(pattern, at) and not self._is_digit(end):
                _, month, day = map(int, text[at:end].replace("/", "-").replace(".", "-").split("-"))
                return self._date(existing_day(year, month, day), end)
        for pattern in ("9999-w99-9", "9999w999", "9999-w99", "9999w99"):
            end = at + len(pattern)
            if shape.startswith(pattern, at) and self._ends(end):
                digits = text[at + 4 : end].strip("-w").replace("-", "")
                return self._iso_week(year, int(digits[:2]), int(digits[2:] or 0), end)
        if shape.startswith("9999-999", at) and self._ends(at + 8):
            return self._day_of_year(year, int(text[at + 5 : at + 8]))
        if shape.startswith("9999-99", at) and self._ends(at + 7) and text[at + 7 : at + 8] not in (":", "."):
            month = int(text[at + 5 : at + 7])
            if not 1 <= month <= 12:
                raise NotATime(f"is not in the calendar: there is no month {month}", f"{year:04}-12")
            self._add("month", (existing_day(year, 1, 1).year, month), at + 7)
            return True
        self._check_no_short_month(year)
        for pattern in ("9999-q9", "9999q9"):
            if shape.startswith(pattern, at) and self._ends(at + len(pattern)):
                self._quarter(year, at + len(pattern) - 1)
                return True
        return False

    def _check_no_short_month(self, year: int) -> None:
        """Raise `NotATime` for 2026-4, 2026/4 and 2026/04, which are not a month as ISO 8601 writes it."""
        mark, end = self.text[self.at + 4 : self.at + 5], self._digits(self.at + 5)
        number = self.text[self.at + 5 : end]
        if mark in ("-", "/", ".") and 1 <= len(number) <= 2 and self._ends(end) and self.text[end : end + 1] in ("", " "):
            forms = [f"{year:04}-{int(number):02}"] if 1 <= int(number) <= 12 else []
            raise NotATime("is not a date: a month is written with four digits, a hyphen and two digits", *forms)

    def _date(self, day: date, end: int) -> bool:
        """Take a date, and the T after it if a time of day follows. Nothing else may be joined to a date."""
        follows_time = self.text[end : end + 1] == "t" and self._is_digit(end + 1)
        if not self._ends(end) and not follows_time:
            raise NotATime("has something joined to a date", day.isoformat())
        self._add("date", day, end)
        if follows_time:
            self.at += 1
            self.after_t = True
            stop = self._digits(self.at)
            if stop - self.at in (4, 6):
                hour, minute = int(self.text[self.at : self.at + 2]), int(self.text[self.at + 2 : self.at + 4])
                self._time(hour, minute, self.text[self.at + 4 : stop], stop)
            elif not self._clock(stop):
                raise NotATime("has no time of day after the T", day.isoformat(), f"{day}T17:00")
        return True

    def _basic_date(self, end: int) -> bool:
        text, at = self.text, self.at
        return self._date(existing_day(int(text[at : at + 4]), int(text[at + 4 : at + 6]), int(text[at + 6 : end])), end)

    def _iso_week(self, year: int, week: int, day: int, end: int) -> bool:
        try:
            date.fromisocalendar(year, week, day or 1)
        except ValueError:
            raise NotATime(f"is not in the calendar: {year:04} has no such week or day", f"{year:04}-W52") from None
        if day:
            return self._date(date.fromisocalendar(year, week, day), end)
        self._add("week", (year, week), end)
        return True

    def _day_of_year(self, year: int, number: int) -> bool:
        first = existing_day(year, 1, 1)
        if not 1 <= number <= (date(year, 12, 31) - first).days + 1:
            raise NotATime(f"is not in the calendar: {year:04} has no day {number}", f"{year:04}-12-31")
        return self._date(first + timedelta(days=number - 1), self.at + 8)

    def _numeric_date(self, end: int) -> bool:
        """Read 24/12/2026, 24.12.2026, 24-12-2026, 24/12 and 24.12."""
        text, at = self.text, self.at
        mark = text[end : end + 1]
        second = self._digits(end + 1)
        if mark == "/" and second > end + 1 and text[second:].lstrip(" -").split(" ")[0] in UNITS:
            raise self._fraction(end, second)
        if mark not in ("/", ".", "-") or not 1 <= second - end - 1 <= 2:
            return False
        numbers = int(text[at:end]), int(text[end + 1 : second])
        third = self._digits(second + 1)
        if text[second : second + 1] == mark and third - second - 1 in (1, 2, 4):
            if not self._ends(third):
                raise NotATime("has something joined to a date")
            return self._with_year(numbers, text[second + 1 : third], third)
        if text[second : second + 1] == mark and third - second - 1 > 4:
            raise NotATime(TOO_FAR)
        if mark == "/" and self._ends(second) and text[second : second + 1] not in ("/", ".", ":"):
            self._add("day_month", self._ordered(*numbers), second)
            return True
        if mark == "." and text[second : second + 1] == "." and not text[second + 1 : second + 2].strip(" -"):
            self._add("day_month", self._ordered(*numbers), second + 1)
            return True
        return False

    def _fraction(self, middle: int, end: int) -> NotATime:
        """Return the error for 1/2 or 1 1/2 before a unit of time."""
        text, at = self.text, self.at
        kind, value = self.found[-1] if self.found else ("", "")
        whole = int(value) if kind == "number" else 0
        below = int(text[middle + 1 : end])
        hundredths = (whole * below + int(text[at:middle])) * 100
        wrong = (f"{value} " if kind == "number" else "") + text[at:end]
        why = f"has a fraction that is not written with a point: {text[at:end]}"
        if not below or hundredths % below:
            return NotATime(why, "90 minutes ago", "in 90 minutes")
        return NotATime(why, f"{hundredths // below / 100:g}", wrong=wrong)

    def _with_year(self, numbers: tuple[int, int], last: str, end: int) -> bool:
        if len(last) == 4:
            day, month = self._ordered(*numbers, year=last)
            return self._date(existing_day(int(last), month, day), end)
        if self.order is None or (len(last) == 1 and self.order != "YMD"):
            raise NotATime("is ambiguous: write the year with four digits")
        year, month, day = (*numbers, int(last)) if self.order == "YMD" else (int(last), *numbers)
        if self.order == "DMY":
            month, day = day, month
        return self._date(existing_day(2000 + year, month, day), end)

    def _ordered(self, one: int, two: int, year: str = "") -> tuple[int, int]:
        """Return the day and the month, by the order that is set or by the only one that is possible."""
        if not (1 <= min(one, two) <= 12 and max(one, two) <= 31):
            raise NotATime(f"is not in the calendar: {one} and {two} are not a day and a month")
        if one == two or two > 12:
            return two, one
        if one > 12 or self.order == "DMY":
            return one, two
        if self.order is not None:
            return two, one
        forms = [
            f"{year}-{month:02}-{day:02}" if year else f"{day} {MONTH_NAMES[month - 1]}"
            for day, month in ((one, two), (two, one))
        ]
        raise AmbiguousOrder("is ambiguous: day and month could be either way round", *forms)

    # times of day

    def _clock(self, end: int) -> bool:
        """Read 17:00, 17:00:30.5, 5pm, 5:30 pm, 5.30pm and 17h30."""
        text, shape, at = self.text, self.shape, self.at
        hour = int(text[at:end])
        half, stop = self._half(end)
        if half is not None:
            return self._twelve(hour, 0, half, stop)
        if text[end : end + 1] == "h" and shape[end + 1 : end + 3] == "99" and self._ends(end + 3):
            return self._time(hour, int(text[end + 1 : end + 3]), "", end + 3, sure=end - at == 2)
        if text[end : end + 1] not in (":", ".") or shape[end + 1 : end + 3] != "99" or self._is_digit(end + 3):
            return False
        minute = int(text[end + 1 : end + 3])
        half, stop = self._half(end + 3)
        if half is not None:
            return self._twelve(hour, minute, half, stop)
        if text[end] == ".":
            return False
        second, stop = "", end + 3
        if shape[stop : stop + 3] == ":99" and not self._is_digit(stop + 3):
            second, stop = text[stop + 1 : stop + 3], stop + 3
        if text[stop : stop + 1] == ":":
            raise NotATime("has something joined to a time of day", f"{hour}:{minute:02}")
        fraction = ""
        if second and text[stop : stop + 1] == "." and self._is_digit(stop + 1):
            end = self._digits(stop + 1)
            fraction, stop = text[stop + 1 : end], end
            if len(fraction) > 6:
                raise NotATime("has more than six digits after the second", f"{hour}:{minute:02}:{second}")
        return self._time(hour, minute, second, stop, fraction)

    def _half(self, at: int) -> tuple[int | None, int]:
        """Read am or pm. Returns 0 for am, 12 for pm and None for neither, and the index after it."""
        if self.text[at : at + 1] in (" ", "-"):
            at += 1
        half = _HALVES.get(self.text[at : at + 2])
        return (half, at + 2) if half is not None and self._ends(at + 2) else (None, at)

    def _twelve(self, hour: int, minute: int, half: int, end: int) -> bool:
        if not 1 <= hour <= 12:
            wrong = self.text[self.at : end]
            nearest = f"{hour % 24}:{minute:02}"
            raise NotATime(f"has an hour that a 12-hour clock does not have: {hour}", nearest, wrong=wrong)
        return self._time(hour % 12 + half, minute, "", end)

    def _time(self, hour: int, minute: int, second: str, end: int, fraction: str = "", *, sure: bool = True) -> bool:
        if hour > 23 or minute > 59 or int(second or 0) > 59:
            wrong = self.text[self.at : end]
            shown = f"{hour}:{minute:02}" + (f":{second}" if second else "")
            near = f"{min(hour, 23)}:{min(minute, 59):02}:59" if second else "23:59"
            raise NotATime(f"has a time that no day has: {shown}", near, "0:00", wrong=wrong)
        micros = int(fraction.ljust(6, "0")) if fraction else None
        self._add("clock", (hour, minute, int(second) if second else None, micros, sure), end)
        self._offset(exact=self.after_t or bool(second))
        if not self._ends(self.at):
            raise NotATime("has something joined to a time of day", f"{hour}:{minute:02}")
        return True

    def _offset(self, *, exact: bool) -> None:
        """Read Z, UTC, UTC+01:00, +01:00, +0100 or +01 after a time of day.

        In "friday 9:00-10:00" people mean a range. So -10:00 is only an offset after an `exact` time in the form of ISO
        8601.
        """
        at = self.at + (self.text[self.at : self.at + 1] == " ")
        named = next((name for name in ("utc", "gmt", "z") if self.text.startswith(name, at)), "")
        after = at + len(named)
        sign, shape = self.text[after : after + 1], self.shape[after + 1 : after + 6]
        width = 5 if shape == "99:99" else 4 if shape[:4] == "9999" else 2 if shape[:2] == "99" and sign == "+" else 0
        end = after + 1 + width
        if sign in ("+", "-") and width and (end == len(self.text) or self.text[end] == " "):
            digits = self.text[after + 1 : end].replace(":", "").ljust(4, "0")
            east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            if sign == "-" and not (exact or named):
                raise NotATime("is ambiguous: a range of times, or an offset from UTC", self.text[:at].strip())
            if east > timedelta(hours=14) or digits[2:] > "59":
                raise NotATime("has an offset from UTC that no zone has", self.text[:at].strip())
            self._add("offset", east if sign == "+" else -east, end)
        elif named and self._ends(after):
            self._add("offset", timedelta(), after)
