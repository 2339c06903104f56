"""Reading the tokens of a text one after another: words, numbers, and amounts such as 2 hours and 30 minutes."""

from __future__ import annotations

from datetime import timedelta

from .words import NUMBERS, TENS, UNITS, NotATime, TooFar

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias, TypeVar

    from .tokens import Token

    V = TypeVar("V")
    Unit: TypeAlias = tuple[str, int]
    """What a unit is measured in, "second", "day" or "month", and how many of these it has."""
    Amount: TypeAlias = tuple[int, int, timedelta]
    """Months, days, and exact time."""

_LARGEST = 99_999


class TokenReader:
    """Reads tokens from an index on. A method that does not find what it reads leaves the index where it is."""

    def __init__(self, tokens: Sequence[Token], at: int) -> None:
        """Start at a token.

        Args:
            tokens: The tokens of the text.
            at: The index of the token.
        """
        self.tokens = tokens
        self.at = at

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or one further ahead, without taking it. Outside the text its kind is `end`."""
        index = self.at + ahead
        return self.tokens[index] if 0 <= index < len(self.tokens) else ("end", None)

    def take(self, *words: str) -> bool:
        """Take these words if all of them come next, and return whether they do."""
        if all(self.peek(ahead) == ("word", word) for ahead, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def take_any(self, *words: str) -> str:
        """Take one of these words if it comes next, and return it. Empty if none of them comes next."""
        return next((word for word in words if self.take(word)), "")

    def take_from(self, table: Mapping[str, V]) -> V | None:
        """Take a word if it is a key of a table, and return its value. None if it is not."""
        kind, value = self.peek()
        if kind == "word" and value in table:
            self.at += 1
            return table[value]
        return None

    def take_kind(self, kind: str) -> Any:
        """Take a token of this kind if it comes next, and return its value. None if another token comes next."""
        found, value = self.peek()
        if found != kind:
            return None
        self.at += 1
        return value

    def take_year(self) -> int | None:
        """Take a year of four digits, and a comma before it. None if no year comes next."""
        comma = self.peek() == ("word", ",")
        kind, value = self.peek(int(comma))
        if kind != "number" or len(value) != 4:
            return None
        self.at += 1 + comma
        return int(value)

    def number(self) -> int | None:
        """Take a number in digits or words. None if no number comes next."""
        digits = self.take_kind("number")
        if digits is not None:
            return int(digits)
        tens = self.take_from(TENS)
        if tens is not None:
            kind, value = self.peek()
            return tens + (self.take_from(NUMBERS) or 0) if kind == "word" and NUMBERS.get(value, 10) < 10 else tens
        return 1 if self.take_any("a", "an") else self.take_from(NUMBERS)

    def amounts(self) -> Amount | None:
        """Take an amount of time: 3 days, 2 hours and 30 minutes, 2h30m, half an hour. None if none comes next."""
        months, days, exact = 0, 0, timedelta()
        smallest: Unit | None = None
        while True:
            at = self.at
            if smallest is not None:
                self.take_any("and", ",")
            found = self._amount(smallest)
            if found is None:
                self.at = at
                return None if smallest is None else (months, days, exact)
            unit, (more_months, more_days, more_exact) = found
            if smallest is not None and _size(unit) >= _size(smallest):
                raise NotATime("has units that do not go from large to small")
            smallest = unit
            months, days, exact = months + more_months, days + more_days, exact + more_exact

    def _amount(self, larger: Unit | None) -> tuple[Unit, Amount] | None:
        """Take one number and its unit. After hours, m stands for minutes."""
        if self.take("a", "quarter", "of", "an", "hour") or self.take("quarter", "of", "an", "hour"):
            return UNITS["minute"], (0, 0, timedelta(minutes=15))
        at = self.at
        self.take("a")
        unit: Unit | None
        if self.take("half"):
            self.take_any("a", "an")
            unit = self.take_from(UNITS)
            return None if unit is None else (unit, self._half_of(unit, 0))
        self.at = at
        kind, digits = self.peek()
        decimal = self.take_kind("decimal")
        number = None if decimal else self.number()
        if decimal is None and number is None:
            return None
        and_a_half = self.take("and", "a", "half")
        if self.peek() == ("word", "m"):
            if larger != UNITS["hour"]:
                raise NotATime("is ambiguous: m could be minutes or months", f"{number} minutes", f"{number} months")
            self.at += 1
            unit = UNITS["minute"]
        else:
            unit = self.take_from(UNITS)
        if unit is None:
            return None
        if kind in ("number", "decimal"):
            _check_digits(digits if kind == "number" else digits[0], self.peek(-1)[1])
        if decimal is not None:
            whole, part = decimal
            if unit[0] != "second":
                hundredths = int(whole) * 100 + int(part.ljust(2, "0"))
                raise self._inexact("has a fraction of a day, a week or a month", unit, hundredths)
            return unit, (0, 0, timedelta(microseconds=int(whole + part) * unit[1] * 10**6 // 10 ** len(part)))
        months, days, exact = self.scaled(unit, number or 0)
        ahead = self.peek(3)
        if and_a_half or (not (ahead[0] == "word" and ahead[1] in UNITS) and self.take("and", "a", "half")):
            half = self._half_of(unit, number or 0)
            months, exact = months + half[0], exact + half[2]
        return unit, (months, days, exact)

    def scaled(self, unit: Unit, number: int) -> Amount:
        """Return the amount of a number of units. More than five digits are a slip: no date needs them."""
        if number > _LARGEST:
            raise TooFar(f"is too far away: a length of time is at most {_LARGEST:,} of a unit")
        kind, size = unit
        if kind == "second":
            return 0, 0, timedelta(seconds=size * number)
        return (size * number, 0, timedelta()) if kind == "month" else (0, size * number, timedelta())

    def _half_of(self, unit: Unit, number: int) -> Amount:
        """Return half of a unit.

        Args:
            unit: The unit.
            number: How many whole units come before the half, for the error.
        """
        kind, size = unit
        if size % 2 or (kind == "day" and size != 14):
            raise self._inexact("has half of something that has no exact half", unit, number * 100 + 50)
        return self.scaled(unit if size == 1 else (kind, size // 2), 1)

    def _inexact(self, why: str, unit: Unit, hundredths: int) -> NotATime:
        """Return the error for an amount that has no exact length, with the same amount in smaller units."""
        kind, size = unit
        if kind == "day":
            length = f"{hundredths * size * 24 / 100:g} hours"
        else:
            months, rest = divmod(hundredths * size, 100)
            length = (f"{months} months " if months else "") + f"{rest * 30 // 100} days"
        back = ("word", "ago") in self.tokens or self.tokens[0] == ("sign", "-")
        return NotATime(why, *((f"{length} ago",) if back else (f"in {length}", f"{length} ago")))


def _check_digits(digits: str, unit: str) -> None:
    """Raise `NotATime` if the number of a length begins with 0, because it is more often a time of day: 0930h."""
    if len(digits) == 1 or not digits.startswith("0"):
        return
    why = f"has a length of time that begins with 0: {digits}"
    if UNITS[unit] != UNITS["hour"]:
        raise NotATime(why, digits.lstrip("0") or "0", wrong=digits)
    hour, minute = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "00")
    raise NotATime(why, f"{hour}:{minute}", f"{int(digits)} hours", wrong=f"{digits}{unit}")


def _size(unit: Unit) -> int:
    return unit[1] * {"second": 1, "day": 86_400, "month": 2_629_746}[unit[0]]
