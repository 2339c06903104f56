"""Times as people write them. ISO 8601 and the commonest words at once, the rest through dateparser, imported only then."""

import re
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

from ..cqrs.timeline import Moment
from .clock import to_local
from .config import DateOrder
from .errors import UsageError
from .text import visible

Lean: TypeAlias = Literal["future", "past"]
"""Where a time that could be before or after now belongs: due dates to the future, looking back to the past."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = (
    "(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_CLOCK = r"(?:at )?(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?::(?P<second>\d{2}))? ?(?P<half>am|pm)?|(?P<noon>noon))"
_UNIT = "(?P<unit>second|minute|hour|day|week|month|year|sec|min|h|d)s?"
_AMOUNT = r"(?P<amount>\d{1,5}|an?|one|two|three)"
# compiled by the first who asks: a form takes as long as reading a list
_DAY_FORM = rf"(?:(?P<word>today|yesterday|tomorrow|eow|eom|eoy)|(?:(?P<which>last|next|this) )?{_WEEKDAY})(?: {_CLOCK})?"
_DISTANCE_FORM = rf"(?P<in>in )?{_AMOUNT} ?{_UNIT}(?P<ago> ago)?"
_NEXT_FORM = r"(?P<which>last|next) (?P<unit>week|month|year)"
_NUMERIC = r"(?<![\w-])(\d{1,2})([/.-])(\d{1,2})(?:\2(?:\d{4}|\d{2}))?\b"
_ISO = r"\d{4}-(?:\d{2}-\d{2}|W\d{2}-\d)(?:[T ]\d{2}:\d{2}.*)?"
_AMOUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3}
_EARLIEST, _LATEST = date(1000, 1, 2), date(9999, 12, 30)
_LONGEST = 100
_EXAMPLES = 'for instance: 2026-12-24, "2026-12-24 17:00", tomorrow, "last friday 17:00", "3 days ago", eom'


def bad_time(text: str, why: str = "is no time that is known") -> UsageError:
    """The error for a time that can't be understood, or could mean two things."""
    return UsageError(f"{text!r} {why}", _EXAMPLES)


def parse_time(text: str, now: datetime, lean: Lean, order: DateOrder | None = None) -> date | datetime:
    """The whole local day (a `date`), or the aware instant, that a text means at `now`, aware and local.

    `order` settles numeric dates such as 1/2/2026. Raises `UsageError` for what is unknown or ambiguous.
    """
    words = " ".join(text.lower().split())
    if len(words) > _LONGEST or visible(text) != text:
        raise bad_time(text[:_LONGEST])
    value = _understood(text, words, now, lean, order)
    if not _EARLIEST <= (value.date() if isinstance(value, datetime) else value) <= _LATEST:
        raise bad_time(text, "is out of the calendar's range")
    return value


def _understood(text: str, words: str, now: datetime, lean: Lean, order: DateOrder | None) -> date | datetime:
    for form in (_distance, _iso, _word, _clock_alone, _next):
        found = form(words, now, lean)
        if found is not None:
            return found
    return _other(text, now, lean, order)


def parse_moment(text: str, now: datetime, order: DateOrder | None = None) -> Moment:
    """The moment of a log that a text means: `@42` a position, else a time, a whole day meaning its end (today: now)."""
    if re.fullmatch(r"@[0-9]{1,18}", text):
        return int(text[1:])
    return end_of(parse_time(text, now, "past", order), now)


def end_of(value: date | datetime, now: datetime) -> datetime:
    """An instant itself, or the last microsecond of a whole day; for today, now."""
    if isinstance(value, datetime):
        return value
    return now if value == now.date() else to_local(datetime.combine(value, time.max))


def _iso(words: str, _now: datetime, _lean: Lean) -> date | datetime | None:
    if not re.fullmatch(_ISO, words.upper()):
        return None
    try:
        if ":" not in words:
            return date.fromisoformat(words.upper())
        value = datetime.fromisoformat(words.upper())
        return value if value.tzinfo is not None else to_local(value)
    except (ValueError, OverflowError) as error:
        raise bad_time(words, f"is no date: {error}") from error


def _word(words: str, now: datetime, lean: Lean) -> date | datetime | None:
    if words == "now":
        return now
    match = re.fullmatch(_DAY_FORM, words)
    if match is None:
        return None
    day = _named_day(match, now.date(), lean)
    clock = _clock(match, words)
    return day if clock is None else to_local(datetime.combine(day, clock))


def _named_day(match: re.Match[str], today: date, lean: Lean) -> date:
    match match["word"]:
        case "today":
            return today
        case "yesterday":
            return today - timedelta(days=1)
        case "tomorrow":
            return today + timedelta(days=1)
        case "eow":
            return today + timedelta(days=6 - today.weekday())
        case "eom":
            return today.replace(day=_days_in(today.year, today.month))
        case "eoy":
            return today.replace(month=12, day=31)
    weekday = next(n for n, name in enumerate(_WEEKDAYS) if name.startswith(match["weekday"][:3]))
    if match["which"] == "this":
        return today + timedelta(days=weekday - today.weekday())
    back = match["which"] == "last" or (match["which"] is None and lean == "past")
    distance = (today.weekday() - weekday if back else weekday - today.weekday()) % 7 or 7
    return today + timedelta(days=-distance if back else distance)


def _clock(match: re.Match[str], words: str) -> time | None:
    if match["noon"]:
        return time(12)
    if match["hour"] is None:
        return None
    hour, half = int(match["hour"]), match["half"]
    if half is None and match["minute"] is None:
        raise bad_time(words, "is ambiguous: say 17:00 or 5pm")
    if half is not None:
        if not 1 <= hour <= 12:
            raise bad_time(words, f"has no hour {hour} {half}")
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, int(match["minute"] or 0), int(match["second"] or 0))
    except ValueError as error:
        raise bad_time(words, f"is no time of day: {error}") from error


def _clock_alone(words: str, now: datetime, lean: Lean) -> datetime | None:
    match = re.fullmatch(_CLOCK, words)
    if match is None:
        return None
    clock = _clock(match, words)
    assert clock is not None
    found = to_local(datetime.combine(now.date(), clock))
    if lean == "past" and found > now:
        return to_local(datetime.combine(now.date() - timedelta(days=1), clock))
    if lean == "future" and found <= now:
        return to_local(datetime.combine(now.date() + timedelta(days=1), clock))
    return found


def _distance(words: str, now: datetime, _lean: Lean) -> date | datetime | None:
    match = re.fullmatch(_DISTANCE_FORM, words)
    if match is None or not (match["in"] or match["ago"]):
        return None
    if match["in"] and match["ago"]:
        raise bad_time(words, "points both ways")
    amount = _AMOUNTS.get(match["amount"]) or int(match["amount"])
    return _shifted(words, now, -amount if match["ago"] else amount, match["unit"])


def _next(words: str, now: datetime, _lean: Lean) -> date | datetime | None:
    match = re.fullmatch(_NEXT_FORM, words)
    return None if match is None else _shifted(words, now, 1 if match["which"] == "next" else -1, match["unit"])


def _shifted(words: str, now: datetime, amount: int, unit: str) -> date | datetime:
    today = now.date()
    try:
        match unit:
            case "second" | "sec":
                return now + timedelta(seconds=amount)
            case "minute" | "min":
                return now + timedelta(minutes=amount)
            case "hour" | "h":
                return now + timedelta(hours=amount)
            case "day" | "d":
                return today + timedelta(days=amount)
            case "week":
                return today + timedelta(weeks=amount)
            case "month":
                return _months_later(today, amount)
            case _:
                return _months_later(today, amount * 12)
    except (ValueError, OverflowError) as error:
        raise bad_time(words, "is out of the calendar's range") from error


def _months_later(day: date, amount: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + amount, 12)
    return date(year, month + 1, min(day.day, _days_in(year, month + 1)))


def _days_in(year: int, month: int) -> int:
    from calendar import monthrange  # seldom needed, and as long to import as all other forms of times

    return monthrange(year, month)[1]


def _other(text: str, now: datetime, lean: Lean, order: DateOrder | None) -> date | datetime:
    numeric = re.search(_NUMERIC, text)
    if numeric is not None and order is None and numeric[1] != numeric[3] and max(int(numeric[1]), int(numeric[3])) <= 12:
        raise bad_time(text, "is ambiguous: day and month could be either way round (set date_order in config.toml)")
    if not re.search(r"[^\W\d]|[/.-]", text):
        raise bad_time(text)
    try:
        from dateparser.date import DateDataParser
    except ImportError:
        raise bad_time(text, "is not understood without dateparser (pip install 'cqrs-todo[dates]')") from None
    settings = {
        "PREFER_DATES_FROM": lean,
        "RELATIVE_BASE": now.replace(tzinfo=None),
        "RETURN_TIME_AS_PERIOD": True,
        **({"DATE_ORDER": order} if order is not None else {}),
    }
    found = DateDataParser(languages=["en"], settings=settings).get_date_data(text)
    match found.date_obj, found.period:
        case None, _:
            raise bad_time(text)
        case datetime() as value, "day":
            return value.date()
        case datetime() as value, "time" | "part_of_day":
            return value if value.tzinfo is not None else to_local(value)
    raise bad_time(text, "names no day")
