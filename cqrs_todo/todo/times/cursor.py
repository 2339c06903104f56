"""Reading along the tokens of a text: the words that come next, numbers, and amounts such as 2 hours and 30 minutes."""

from __future__ import annotations

from datetime import timedelta

from .words import NUMBERS, TENS, UNITS, NotATime

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias, TypeVar

    from .tokens import Token

    V = TypeVar("V")
    Unit: TypeAlias = tuple[str, int]
    """So many seconds, days or months."""
    Amount: TypeAlias = tuple[int, int, timedelta]
    """Months, days, and exact time."""


class Cursor:
    """A place among tokens, and what can be read there. What does not come next is not taken."""

    def __init__(self, tokens: Sequence[Token], at: int) -> None:
        self.tokens = tokens
        self.at = at

    def peek(self, ahead: int = 0) -> Token:
        place = self.at + ahead
        return self.tokens[place] if 0 <= place < len(self.tokens) else ("end", None)

    def take(self, *words: str) -> bool:
        """Take these words if they come next."""
        if all(self.peek(ahead) == ("word", word) for ahead, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def take_any(self, *words: str) -> str:
        return next((word for word in words if self.take(word)), "")

    def take_in(self, table: Mapping[str, V]) -> V | None:
        """Take a word of a table; its value."""
        kind, value = self.peek()
        if kind == "word" and value in table:
            self.at += 1
            return table[value]
        return None

    def take_kind(self, kind: str) -> Any:
        found, value = self.peek()
        if found != kind:
            return None
        self.at += 1
        return value

    def take_year(self) -> int | None:
        """Take a year of four digits, and the comma before it."""
        comma = self.peek() == ("word", ",")
        kind, value = self.peek(int(comma))
        if kind != "number" or len(value) != 4:
            return None
        self.at += 1 + comma
        return int(value)

    def number(self) -> int | None:
        digits = self.take_kind("number")
        if digits is not None:
            return int(digits)
        tens = self.take_in(TENS)
        if tens is not None:
            kind, value = self.peek()
            return tens + (self.take_in(NUMBERS) or 0) if kind == "word" and NUMBERS.get(value, 10) < 10 else tens
        return 1 if self.take_any("a", "an") else self.take_in(NUMBERS)

    def amounts(self) -> Amount | None:
        """3 days, 2 hours and 30 minutes, 2h30m, half an hour."""
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
        """One number and its unit. After hours, m stands for minutes."""
        if self.take("a", "quarter", "of", "an", "hour") or self.take("quarter", "of", "an", "hour"):
            return UNITS["minute"], (0, 0, timedelta(minutes=15))
        at = self.at
        self.take("a")
        unit: Unit | None
        if self.take("half"):
            self.take_any("a", "an")
            unit = self.take_in(UNITS)
            return None if unit is None else (unit, self._half_of(unit))
        self.at = at
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
            unit = self.take_in(UNITS)
        if unit is None:
            return None
        if decimal is not None:
            if unit[0] != "second":
                raise NotATime("has a fraction of a day, a week or a month", "in 36 hours", "36 hours ago")
            whole, part = decimal
            return unit, (0, 0, timedelta(microseconds=int(whole + part) * unit[1] * 10**6 // 10 ** len(part)))
        months, days, exact = self.scaled(unit, number or 0)
        ahead = self.peek(3)
        if and_a_half or (not (ahead[0] == "word" and ahead[1] in UNITS) and self.take("and", "a", "half")):
            half = self._half_of(unit)
            months, exact = months + half[0], exact + half[2]
        return unit, (months, days, exact)

    def scaled(self, unit: Unit, number: int) -> Amount:
        kind, size = unit
        if kind == "second":
            return 0, 0, timedelta(seconds=size * number)
        return (size * number, 0, timedelta()) if kind == "month" else (0, size * number, timedelta())

    def _half_of(self, unit: Unit) -> Amount:
        kind, size = unit
        if size % 2 or (kind == "day" and size != 14):
            raise NotATime("has half of something that has no exact half", "in 12 hours", "12 hours ago")
        return self.scaled(unit if size == 1 else (kind, size // 2), 1)


def _size(unit: Unit) -> int:
    return unit[1] * {"second": 1, "day": 86_400, "month": 2_629_746}[unit[0]]
