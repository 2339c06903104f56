"""Times of day as people say them: half past three, 3 o'clock. They are refused, because they could be at night or by day.

Only errors use this module, so it may use regular expressions.
"""

import re

from .words import NUMBERS, TENS

_MINUTES = {"half": 30, "quarter": 15, "a quarter": 15, **NUMBERS, **TENS}
_HOUR = r"(?P<hour>\d{1,2}|[a-z]+)"
_FORMS = (
    rf"(?P<minutes>half|a quarter|quarter|\d{{1,2}}|[a-z]+)(?: minutes)? (?P<side>past|to) {_HOUR}(?: o'?clock)?",
    rf"{_HOUR} ?o'?clock",
)


def clock_times(text: str) -> list[str]:
    """Return a text with each of the two times of day that are said in it, as a clock shows them; [] if it has none.

    Args:
        text: The text, in lower case.
    """
    for form in _FORMS:
        found = re.search(rf"(?<!\S){form}(?!\S)", text)
        if found is None:
            continue
        named = found.groupdict()
        hour = _number(named["hour"], NUMBERS)
        minute = _number(named["minutes"], _MINUTES) if "minutes" in named else 0
        if hour is None or minute is None or not 1 <= hour <= 12 or minute > 59:
            continue
        if named.get("side") == "to":
            hour, minute = (hour - 1) or 12, 60 - minute
        times = (f"{hour % 12}:{minute:02}", f"{hour % 12 + 12}:{minute:02}")
        return [f"{text[: found.start()]}{time}{text[found.end() :]}" for time in times]
    return []


def _number(word: str, words: dict[str, int]) -> int | None:
    return int(word) if word.isdecimal() else words.get(word)
