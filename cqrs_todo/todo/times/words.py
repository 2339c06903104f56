"""The words of the grammar, and its error."""

from __future__ import annotations

from datetime import date

from ..calendar import MONTHS, ORDINALS, WEEKDAY_PLURALS, WEEKDAYS, days_in_month

LONGEST = 100
"""The longest text that is accepted, in characters."""

UNITS: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "y"), ("month", 12)),
    **dict.fromkeys(("quarter", "quarters"), ("month", 3)),
    **dict.fromkeys(("month", "months", "mo", "mos"), ("month", 1)),
    **dict.fromkeys(("fortnight", "fortnights"), ("day", 14)),
    **dict.fromkeys(("week", "weeks", "wk", "wks", "w"), ("day", 7)),
    **dict.fromkeys(("day", "days", "d"), ("day", 1)),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), ("second", 3600)),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), ("second", 60)),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), ("second", 1)),
}
"""What each unit is measured in, and how many of these it has."""
SINGULAR = frozenset(["year", "quarter", "month", "fortnight", "week", "day", "hour", "minute", "second"])
"""The units that need no number: "week ago" means "a week ago"."""

_SMALL = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
)
NUMBERS = {name: n for n, name in enumerate(f"{_SMALL} nineteen".split(), 1)}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90}
PERIODS = ("week", "month", "quarter", "year")
PERIOD_ENDS = {"eod": "day", "eow": "week", "eom": "month", "eoq": "quarter", "eoy": "year"}
_OTHER = (
    "now today tomorrow yesterday noon midnight weekend last next this coming past before after ago in from on at by the of"
    " and a an half end start beginning m"
)
VOCABULARY = frozenset(
    [*WEEKDAYS, *WEEKDAY_PLURALS, *MONTHS, *UNITS, *NUMBERS, *TENS, *ORDINALS, *PERIOD_ENDS, *_OTHER.split()]
)

TOO_FAR = "is too far away: dates go from 2 January 1000 to 30 December 9999"
"""Why a date is refused that the calendar does not reach."""

_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
VAGUE = {
    "tonight": ("today 20:00", "today 21:00"),
    "morning": ("9:00", "8:00"),
    "afternoon": ("15:00", "14:00"),
    "evening": ("18:00", "19:00"),
    "night": ("21:00", "22:00"),
    "christmas": ("24 dec", "25 dec", "26 dec"),
    "later": ("in 2 hours", "tomorrow"),
    "soon": ("in 2 hours", "tomorrow"),
}
"""Words that people use, but that have no exact meaning, and what could be written in their place."""


class NotATime(ValueError):
    """A text is not a date or a time that the grammar knows, or it could mean more than one."""

    def __init__(self, why: str, *nearest: str, wrong: str = "") -> None:
        """Make the error.

        Args:
            why: What is wrong, as the end of a sentence that begins with the text.
            nearest: Texts that might be meant. They must be checked before they are shown, because not all can be read.
            wrong: The words that are wrong, if `nearest` replaces only these. Without `nearest`, a word that is not known.
        """
        super().__init__(why)
        self.why = why
        self.nearest = nearest
        self.wrong = wrong


class AmbiguousOrder(NotATime):
    """A text could mean two dates. The order in which a person writes day and month decides."""


class TooFar(NotATime):
    """A text counts to a time that nobody means, or that the calendar does not reach."""


def ordinal(number: int) -> str:
    """Return a number as an ordinal: 1st, 2nd, 3rd, 4th, 11th."""
    return f"{number}{'th' if number // 10 % 10 == 1 else _SUFFIXES.get(number % 10, 'th')}"


def existing_day(year: int, month: int, day: int) -> date:
    """Return a date.

    Raises:
        NotATime: The calendar does not have this date.
    """
    try:
        return date(year, month, day)
    except ValueError:
        last = days_in_month(year, month) if 1 <= month <= 12 and 1 <= year <= 9999 else 0
        nearest = [f"{year:04}-{month:02}-{last}"] if last and day > last else []
        raise NotATime(f"is not in the calendar: there is no {year:04}-{month:02}-{day:02}", *nearest) from None
