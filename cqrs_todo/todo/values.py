"""The kinds of values that the fields of a todo have, and what makes a value valid."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal, TypeAlias

from ..cqrs.errors import Rejected

Priority: TypeAlias = Literal["H", "M", "L"]
PRIORITIES: tuple[Priority, ...] = ("H", "M", "L")

DayOrInstant: TypeAlias = str
"""A whole local day, `2026-11-23`, or an instant in UTC, `2026-11-23T17:00:00Z`: iCalendar's DATE or DATE-TIME.

It is text because JSON has one type for both. `day_or_instant` makes it, and `parse_day_or_instant` reads it.
"""

TEXT_LIMIT = 64 * 1024
"""The longest text or note, in bytes of UTF-8."""


def day_or_instant(value: date | datetime) -> DayOrInstant:
    """The canonical text of a day or an aware instant."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def read_day_or_instant(text: DayOrInstant) -> date | datetime:
    """As `parse_day_or_instant`, without a cache: for values that are seldom alike."""
    if len(text) == len("2026-11-23"):
        return date.fromisoformat(text)
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    raise ValueError(f"neither a day nor an instant in UTC: {text!r}")


@lru_cache(4096)
def parse_day_or_instant(text: DayOrInstant) -> date | datetime:
    """The day, or the aware instant in UTC, that a text stands for; raises `ValueError`."""
    return read_day_or_instant(text)


def nfc(text: str) -> str:
    """A text in Unicode's form NFC, in which texts that look the same are the same."""
    if text.isascii():
        return text

    import unicodedata  # few texts need it

    return unicodedata.normalize("NFC", text)


def searchable(text: str) -> str:
    """A text as it is searched: case apart, and in one form of Unicode."""
    if text.isascii():
        return text.lower()

    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def same_words(words: Iterable[str], word: str) -> list[str]:
    """Those of some words that are the same as a word, in whatever form of Unicode an old log holds them."""
    wanted = nfc(word)
    return [each for each in words if nfc(each) == wanted]


# Checks: each gives the value as it is to be recorded, or raises `Rejected` with the reason.


def check_text(text: str, _now: object = None) -> str:
    """A text that is not blank and not too long."""
    if not text.strip():
        raise Rejected("the text is empty")
    return _plain("text", text)


def check_note(note: str | None, _now: object = None) -> str | None:
    """A note that is not too long; '' is none."""
    return _plain("note", note) if note else None


def check_due(due: DayOrInstant | None, _now: object = None) -> DayOrInstant | None:
    """A day or an instant in its canonical form."""
    return None if due is None else check_canonical(due, "due")


def check_reminder(reminder: datetime | None, now: datetime | None) -> datetime | None:
    """An instant after `now`, in UTC."""
    if reminder is None:
        return None
    if now is None:
        raise TypeError("whether a reminder is in the past depends on the time: give `now`")
    if check_instant(reminder) <= check_instant(now):
        raise Rejected("the reminder is in the past")
    return check_instant(reminder)


def check_priority(priority: Priority | None, _now: object = None) -> Priority | None:
    """One of the priorities."""
    if priority is not None and priority not in PRIORITIES:
        raise Rejected(f"the priority {priority!r} is none of H, M and L")
    return priority


def check_tag(tag: str) -> str:
    """One word that does not begin like an option or a marker, in Unicode's form NFC."""
    if not tag or tag.startswith(("+", "-")) or any(char.isspace() or char == "," for char in tag):
        raise Rejected(f"the tag {tag!r} is not one word: no spaces, no commas, no '+' or '-' in front")
    return nfc(_plain("tag", tag))


def check_tags(tags: Iterable[str], _now: object = None) -> tuple[str, ...]:
    """Tags, each once, sorted."""
    return tuple(sorted({check_tag(tag) for tag in tags}))


def check_project(project: str | None, _now: object = None) -> str | None:
    """Words separated by dots, such as `home.garage`, in Unicode's form NFC."""
    if project is None:
        return None
    if not all(project.split(".")) or project[0] in "+-" or any(char.isspace() or char == "," for char in project):
        raise Rejected(f"the project {project!r} is not a name: no spaces, no commas, and words between dots")
    return nfc(_plain("project", project))


def check_instant(instant: datetime) -> datetime:
    """An aware time, in UTC."""
    if instant.tzinfo is None:
        raise Rejected(f"the time {instant} has no time zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Rejected(f"the time {instant} is out of the calendar's range") from None


def check_canonical(value: DayOrInstant, what: str) -> DayOrInstant:
    """A day or an instant in its canonical form."""
    if not _is_canonical(value):
        raise Rejected(f"the {what} date {value!r} is neither a day nor an instant in UTC")
    return value


@lru_cache(4096)
def _is_canonical(value: DayOrInstant) -> bool:
    try:
        return value == day_or_instant(parse_day_or_instant(value))
    except (ValueError, OverflowError):
        return False


def _plain(what: str, value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Rejected(f"the {what} holds a lone surrogate, which is no character") from None
    if size > TEXT_LIMIT:
        raise Rejected(f"the {what} has {size:,} bytes, more than {TEXT_LIMIT:,}")
    return value
