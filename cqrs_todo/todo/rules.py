"""The rules by which todos recur: as people type them, and as an RRULE of RFC 5545, which python-dateutil can follow."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from itertools import islice

from .calendar import MONTH_NAMES, MONTHS, ORDINALS, WEEKDAY_PLURALS, WEEKDAYS, days_in_month
from .errors import UnreadableRule

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from .values import Recurrence

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY_NAMES = tuple(name for name in WEEKDAYS if name.endswith("day"))
_FREQUENCIES = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}
_UNITS = {
    **{f"{unit}{plural}": unit for unit in _FREQUENCIES for plural in ("", "s")},
    "d": "day",
    "w": "week",
    "m": "month",
    "mo": "month",
    "y": "year",
}
_SYNONYMS = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "yearly": "year",
    "annually": "year",
    "weekdays": "weekday",
    "workday": "weekday",
    "workdays": "weekday",
    "weekends": "weekend",
    "quarter": "3 months",
    "quarterly": "3 months",
    "biweekly": "2 weeks",
    "fortnight": "2 weeks",
}
_LEAP_YEAR = 2028
_WORK_DAYS = ",".join(_DAYS[:5])
_FREE_DAYS = ",".join(_DAYS[5:])
_NUMBER = "[1-9][0-9]{0,2}"
_DAY = "MO|TU|WE|TH|FR|SA|SU"


def _some(form: str) -> str:
    """Return the form of one or more values with commas between them."""
    return f"({form})(,({form}))*"


_PARTS = {
    "FREQ": "DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": f"{_NUMBER}|1000",
    "COUNT": f"{_NUMBER}|1000",
    "UNTIL": "[0-9]{8}(T[0-9]{6}Z?)?",
    "BYDAY": _some(f"([+-]?[1-5])?({_DAY})"),
    "BYMONTHDAY": _some("-?([1-9]|[12][0-9]|3[01])"),
    "BYMONTH": _some("[1-9]|1[0-2]"),
    "BYSETPOS": _some(f"-?{_NUMBER}"),
    "BYYEARDAY": _some(f"-?{_NUMBER}"),
    "BYWEEKNO": _some("-?([1-9]|[1-4][0-9]|5[0-3])"),
    "WKST": _DAY,
}
"""The parts of an RRULE that are supported, and the forms of their values."""


HORIZON = 100
"""How many years a search looks ahead. A rule that never gives a date would be followed to the year 9999 otherwise."""
_YEARS_OF_DAYS = 12
"""After how many years any day of the calendar has come, 29 February included, except around 1900, 2100 and so on."""


# Reading what people type


def read_rule(text: str, anchor: date) -> tuple[str, bool]:
    """Read when a todo recurs, as people type it.

    Args:
        text: For instance `day`, `2 weeks`, `monday,thursday`, `month on 31`, `last friday`, `24 dec`, `after 3 days`, or an
            RRULE of RFC 5545. A hyphen may stand for a space.
        anchor: The day from which the rule counts. `month` means every month on the day of the anchor.

    Returns:
        The RRULE, and whether the next date is counted from the completion.

    Raises:
        UnreadableRule: The text means no rule.
    """
    if text.upper().startswith("FREQ="):
        check_rule(text.upper())
        return text.upper(), False
    if text.lstrip().startswith("-"):
        raise UnreadableRule(text, "2-weeks")
    typed = re.sub(r"\s*,\s*", ",", re.sub(r"^\s*(every|after):", r"\1 ", text.lower()).replace("-", " ")).split()
    words = " ".join(_SYNONYMS.get(word, word) for word in typed).split()
    if words[:1] == ["every"]:
        del words[0]
    if words[:1] == ["after"]:
        count, unit, rest = _interval(words[1:])
        if unit is None or rest:
            raise UnreadableRule(text, "after:3d", "after:2-weeks")
        return _rule(unit, count), True
    rule = _rule_of(words, anchor)
    if rule is None:
        raise UnreadableRule(text, "day", "2-weeks", "monday,thursday", "month-on-31", "last-friday", "24-dec", "after:3d")
    return rule, False


def leading_words_of_rule(words: Sequence[str], anchor: date) -> int:
    """Return how many words make up the longest rule that the words begin with; 0 if they begin with none."""
    for count in range(len(words), 0, -1):
        try:
            read_rule(" ".join(words[:count]), anchor)
        except UnreadableRule:
            continue
        return count
    return 0


def _rule_of(words: list[str], anchor: date) -> str | None:
    """Return the RRULE that words mean; None if they mean none."""
    count, unit, rest = _interval(words)
    if unit is not None:
        if not rest:
            return _plain(unit, count, anchor)
        if rest[0] != "on" or len(rest) == 1:
            return None
        return _on(unit, count, rest[1:])
    if words == ["weekday"]:
        return f"FREQ=WEEKLY;BYDAY={_WORK_DAYS}"
    if words == ["weekend"]:
        return f"FREQ=WEEKLY;BYDAY={_FREE_DAYS}"
    return _on("week", 1, words) or _on("month", 1, words, bare=False) or _on("year", 1, words)


def _interval(words: list[str]) -> tuple[int, str | None, list[str]]:
    """Return the number, the unit and the other words of an interval such as `2 weeks`, `3w` or `month`."""
    if not words:
        return 1, None, words
    if words[0] in _UNITS and len(words[0]) > 2:
        return 1, _UNITS[words[0]], words[1:]
    if words[0] in ("other", "second") and words[1:2] and words[1] in _UNITS:
        return 2, _UNITS[words[1]], words[2:]
    match = re.fullmatch("([1-9][0-9]{0,2})([a-z]*)", words[0])
    if match is None:
        return 1, None, words
    unit, rest = (match[2], words[1:]) if match[2] else ("".join(words[1:2]), words[2:])
    if unit not in _UNITS:
        return 1, None, words
    return int(match[1]), _UNITS[unit], rest


def _rule(unit: str, count: int, *parts: str) -> str:
    interval = f"INTERVAL={count}" if count > 1 else ""
    return ";".join(filter(None, (f"FREQ={_FREQUENCIES[unit]}", interval, *parts)))


def _plain(unit: str, count: int, anchor: date) -> str:
    """Return the rule for every so many units, counted from the anchor."""
    if unit == "month":
        return _rule(unit, count, _month_days([anchor.day]) or "")
    if unit == "year":
        return _rule(unit, count, *_day_of_year(anchor.day, anchor.month))
    return _rule(unit, count)


def _on(unit: str, count: int, words: list[str], *, bare: bool = True) -> str | None:
    """Return the rule for days of a week, a month or a year; None if the words mean no such days.

    Args:
        unit: The unit.
        count: How many units lie between two dates.
        words: The words for the days.
        bare: Whether days of a month may be plain numbers, and not only ordinals such as `15th`.
    """
    if unit == "week" and len(words) == 1:
        days = [_weekday(name) for name in words[0].split(",")]
        if None not in days:
            return _rule(
                unit, count, "BYDAY=" + ",".join(_DAYS[day] for day in sorted({day for day in days if day is not None}))
            )
    if unit == "month":
        part = _days_of_month(words, bare=bare)
        return None if part is None else _rule(unit, count, part)
    if unit == "year" and len(words) == 2:
        for day, month in (words, words[::-1]):
            number, place = _day_number(day, bare=True), MONTHS.get(month)
            if number is not None and place is not None and number <= days_in_month(_LEAP_YEAR, place):
                return _rule(unit, count, *_day_of_year(number, place))
    return None


def _days_of_month(words: list[str], *, bare: bool) -> str | None:
    if len(words) == 2:
        place = -1 if words[0] == "last" else ORDINALS.get(words[0]) or _ordinal(words[0])
        if place is None or place > 5:
            return None
        if words[1] == "weekday":
            return f"BYDAY={_WORK_DAYS};BYSETPOS={place}"
        if words[1] == "day" and place == -1:
            return "BYMONTHDAY=-1"
        day = _weekday(words[1])
        return None if day is None else f"BYDAY={place}{_DAYS[day]}"
    if words == ["last"] and bare:
        return "BYMONTHDAY=-1"
    if len(words) != 1:
        return None
    numbers = [_day_number(word, bare=bare) for word in words[0].split(",")]
    return None if None in numbers else _month_days([number for number in numbers if number is not None])


def _month_days(days: list[int]) -> str | None:
    """Return the part of a rule for days of a month. In a month that is too short, its last day takes their place."""
    if len(days) == 1 and days[0] > 28:
        return f"BYMONTHDAY={','.join(map(str, range(28, days[0] + 1)))};BYSETPOS=-1"
    if any(28 < day < 31 for day in days):  # there is no rule for several days of which some months lack one
        return None
    return "BYMONTHDAY=" + ",".join("-1" if day == 31 else f"{day}" for day in sorted(set(days)))


def _day_of_year(day: int, month: int) -> tuple[str, str]:
    return f"BYMONTH={month}", "BYMONTHDAY=28,29;BYSETPOS=-1" if (day, month) == (29, 2) else f"BYMONTHDAY={day}"


def _weekday(name: str) -> int | None:
    return WEEKDAYS.get(name, WEEKDAY_PLURALS.get(name))


def _ordinal(word: str) -> int | None:
    match = re.fullmatch("([1-9][0-9]?)(st|nd|rd|th)", word)
    return int(match[1]) if match is not None and int(match[1]) <= 31 else None


def _day_number(word: str, *, bare: bool) -> int | None:
    if bare and re.fullmatch("[1-9][0-9]?", word) and int(word) <= 31:
        return int(word)
    return _ordinal(word)


# RRULEs


def parts_of(rule: str) -> Mapping[str, str]:
    """Return the values of the parts of an RRULE, by the names of the parts."""
    return dict(part.partition("=")[::2] for part in rule.split(";"))


def check_rule(rule: str) -> None:
    """Raise `UnreadableRule` unless a rule is an RRULE whose dates python-dateutil computes as RFC 5545 defines them."""
    parts = parts_of(rule)
    if len(parts) < rule.count(";") + 1:
        raise UnreadableRule(rule, why="a part is there twice")
    if "COUNT" in parts and "UNTIL" in parts:
        raise UnreadableRule(rule, why="it has both COUNT and UNTIL")
    for name, value in parts.items():
        if name not in _PARTS:
            raise UnreadableRule(rule, why=f"{name or 'an empty part'} is not supported")
        if not re.fullmatch(_PARTS[name], value):
            raise UnreadableRule(rule, why=f"{name} cannot be {value or 'empty'}")
    if "FREQ" not in parts:
        raise UnreadableRule(rule, why="FREQ is missing")
    days = parts.get("BYDAY", "MO").split(",")
    if len({len(day) > 2 for day in days}) > 1:  # the library gives no dates for such a mixture
        raise UnreadableRule(rule, why="BYDAY mixes days with and without a number")
    if parts["FREQ"] in ("DAILY", "WEEKLY") and any(len(day) > 2 for day in days):
        raise UnreadableRule(rule, why="BYDAY has numbers only within a month or a year")
    dates_of_rule(rule, date(2026, 1, 1), 2026)


def dates_of_rule(text: str, anchor: date, year: int) -> Iterator[date]:
    """Return the dates of a rule, computed by python-dateutil.

    Args:
        text: The RRULE.
        anchor: The day from which it counts.
        year: The year in which somebody looks for a date. A rule that never gives one is followed for `HORIZON` years from
            then; if it is tried on each day, for `_YEARS_OF_DAYS` years, times its interval.

    Raises:
        UnreadableRule: The text is not a rule.
    """
    from dateutil.rrule import rrulestr

    parts = dict(parts_of(text))
    years = HORIZON
    if parts.get("FREQ") == "DAILY" and len(parts) > 1:
        years = min(HORIZON, _YEARS_OF_DAYS * int(parts.get("INTERVAL", "1")))
    last = date(min(year + years, date.max.year), 12, 31)
    try:
        count = int(parts.pop("COUNT")) if "COUNT" in parts else None
        until = date.fromisoformat(parts.pop("UNTIL")[:8]) if "UNTIL" in parts else last
        known = ";".join(f"{name}={value}" for name, value in parts.items())
        one: Any = rrulestr(known, dtstart=datetime.combine(anchor, time()))  # the type of the result includes sets of rules
        # the library reads UNTIL with its parser of dates, which takes longer to import than the rest of a command
        rule = one.replace(until=datetime.combine(min(until, last), time.max))
    except (ValueError, TypeError, OverflowError, KeyError, IndexError, AttributeError) as error:
        raise UnreadableRule(text, why=str(error)) from error
    return islice(_dates(rule, text), count)


def _dates(moments: Iterable[datetime], text: str) -> Iterator[date]:
    try:
        for moment in moments:
            yield moment.date()
    except (ValueError, TypeError, OverflowError, IndexError) as error:  # the library finds some faults only on the way
        raise UnreadableRule(text, why=str(error)) from error


# Showing


def rule_in_words(every: Recurrence) -> str:
    """Return the rule of a recurrence as people type it, such as `2 weeks`; the RRULE if there are no such words."""
    parts = dict(parts_of(every.rule))
    count = int(parts.pop("INTERVAL", "1"))
    frequency = parts.pop("FREQ", "")
    unit = next((unit for unit, each in _FREQUENCIES.items() if each == frequency), "")
    if every.after:
        return f"after {count} {unit}{'s' if count > 1 else ''}"
    so_often = unit if count == 1 else f"{count} {unit}s"
    for words in (so_often, *_days_in_words(unit, so_often, parts)):
        try:
            if read_rule(words, date.fromisoformat(every.anchor)) == (every.rule, False):
                return words
        except UnreadableRule:
            continue
    return every.rule


def _days_in_words(unit: str, so_often: str, parts: Mapping[str, str]) -> Iterator[str]:
    """Return texts that may mean the days of a rule, the best one first. `read_rule` says whether one does.

    Args:
        unit: The unit of the rule.
        so_often: The unit with its number.
        parts: The other parts of the rule.
    """
    days, numbers, place = (parts.get(name, "") for name in ("BYDAY", "BYMONTHDAY", "BYSETPOS"))
    day = _DAY_NAMES[_DAYS.index(days[-2:])] if days[-2:] in _DAYS else ""
    if unit == "week":
        yield from ("weekday", "weekend")
        names = [_DAY_NAMES[_DAYS.index(each)][:3] for each in days.split(",") if each in _DAYS]
        named = day if len(names) == 1 else ",".join(names)
        yield from (named, f"{so_often} on {named}")
    elif unit == "month" and days:
        which = f"{_ordinal_word(place or days[:-2])} {'weekday' if place else day}"
        yield from (which, f"{so_often} on {which}")
    elif unit == "month":
        which = "last" if numbers == "-1" else numbers.split(",")[-1] if place else numbers.replace("-1", "31")
        yield f"{so_often} on {which}"
    elif parts.get("BYMONTH", "") in [f"{month}" for month in range(1, 13)]:
        which = f"{numbers.split(',')[-1]} {MONTH_NAMES[int(parts['BYMONTH']) - 1][:3]}"
        yield from (which, f"{so_often} on {which}")


def _ordinal_word(number: str) -> str:
    """Return `last`, or an ordinal such as `2nd`: "second tuesday" could mean every other one."""
    number = number.removeprefix("+")
    return "last" if number == "-1" else f"{number}{ {'1': 'st', '2': 'nd', '3': 'rd'}.get(number, 'th') }"
