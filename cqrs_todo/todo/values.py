"""The kinds of values that the fields of a todo have, and the rules that make a value valid."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Literal, TypeAlias

from ..cqrs.errors import Rejected
from ..cqrs.struct import Struct

Priority: TypeAlias = Literal["H", "M", "L"]
PRIORITIES: tuple[Priority, ...] = ("H", "M", "L")

DayOrInstant: TypeAlias = str
"""A whole local day, `2026-11-23`, or an instant in UTC, `2026-11-23T17:00:00Z`: iCalendar's DATE or DATE-TIME.

It is text because JSON has one type for both. `day_or_instant` writes it, and `parse_day_or_instant` reads it.
"""


class Recurrence(Struct, frozen=True, gc=False, omit_defaults=True):
    """When a todo recurs. `recurrence` reads it from what people type, and computes its dates.

    Args:
        rule: An RRULE of RFC 5545, such as `FREQ=MONTHLY;BYMONTHDAY=-1`.
        anchor: The day from which the rule counts, as `2026-11-23`.
        time: The local time of day, as `17:00`. None if the todo is due on a whole day.
        zone: The IANA name of the zone of that time. None for the zone of the reader.
        after: Whether the next date is counted from the completion, and not from the due date.
    """

    rule: str
    anchor: str
    time: str | None = None
    zone: str | None = None
    after: bool = False

    def __post_init__(self) -> None:
        """Check that its day and its time can be read."""
        date.fromisoformat(self.anchor)
        if self.time is not None:
            time.fromisoformat(self.time)


Attributes: TypeAlias = tuple[tuple[str, str], ...]
"""Attributes: pairs of a key and its value, sorted by key."""

FOREIGN_IDS = ("uuid", "uid", "todoist_id", "org_id")
"""The attributes that hold the id which another program gave to a todo: Taskwarrior, iCalendar, Todoist and Org."""

AttributeKind: TypeAlias = Literal["text", "number", "date"]
"""What the values of a declared attribute are. A date is a `DayOrInstant`."""
KEY_LIMIT = 64
"""The longest name of an attribute, in characters."""
ATTRIBUTE_KINDS: tuple[AttributeKind, ...] = ("text", "number", "date")

ID = "[a-z][0-9a-z]{0,63}"
"""What the stable id of a todo looks like."""

_ID_LETTERS = "abcdefghjkmnpqrstvwxyz"
_ID_SIGNS = "0123456789" + _ID_LETTERS
ID_LENGTH = 10
"""How many characters a new id has."""


def id_from_bytes(data: bytes) -> str:
    """Return the id that bytes stand for: a letter, then nine letters or digits.

    An id starts with a letter so that nobody mistakes it for a number. The letters i, l, o and u are left out because they
    look like others.

    Args:
        data: At least `ID_LENGTH` bytes.
    """
    first, *others = data[:ID_LENGTH]
    # 256 is not a multiple of 22, so the first letters occur a little more often. An id has to be unique, not secret.
    return _ID_LETTERS[first % len(_ID_LETTERS)] + "".join(_ID_SIGNS[byte % len(_ID_SIGNS)] for byte in others)


TEXT_LIMIT = 64 * 1024
"""The longest text or note, in bytes of UTF-8."""

ToLocal: TypeAlias = Callable[[datetime], datetime]
"""Converts an instant with a time zone to the reader's time zone; `datetime.astimezone` uses this machine's zone."""


def day_or_instant(value: date | datetime) -> DayOrInstant:
    """Write a day or an instant in its canonical form.

    Args:
        value: A day, or an instant with a time zone.

    Returns:
        The day as `2026-11-23`, or the instant in UTC as `2026-11-23T17:00:00Z`.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def parse_day_or_instant_uncached(text: DayOrInstant) -> date | datetime:
    """Read a day or an instant without a cache.

    Use this for values that rarely occur twice, such as the time of a completion: a cache would not help. Arguments, result
    and errors are those of `parse_day_or_instant`.
    """
    if len(text) == len("2026-11-23"):
        return date.fromisoformat(text)
    if text.endswith("Z"):
        return datetime.fromisoformat(text)
    raise ValueError(f"neither a day nor an instant in UTC: {text!r}")


@lru_cache(4096)
def parse_day_or_instant(text: DayOrInstant) -> date | datetime:
    """Read a day or an instant.

    Args:
        text: What `day_or_instant` wrote.

    Returns:
        The day, or the instant in UTC.

    Raises:
        ValueError: The text is neither a day nor an instant in UTC.
    """
    return parse_day_or_instant_uncached(text)


def nfc(text: str) -> str:
    """Return a text in Unicode's form NFC, in which texts that look the same are equal."""
    if text.isascii():
        return text

    import unicodedata  # few texts need it

    return unicodedata.normalize("NFC", text)


def searchable(text: str) -> str:
    """Return a text in the form in which it is searched: case, accents and forms of Unicode make no difference."""
    if text.isascii():
        return text.lower()

    import unicodedata

    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in folded if not unicodedata.combining(char))


def matching_words(words: Iterable[str], word: str) -> list[str]:
    """Return those words that are equal to a word in Unicode's form NFC; an old log may have them in another form."""
    wanted = nfc(word)
    return [each for each in words if nfc(each) == wanted]


# Checks. Each returns the value as it is recorded, or raises `Rejected` with the reason. They have a second argument, the
# time of the command, because `Field.check` gives it to all of them; only `check_reminder` uses it.


def check_text(text: str, _now: object = None) -> str:
    """Check that a text is not blank and not too long.

    Raises:
        Rejected: It is blank, longer than `TEXT_LIMIT`, or contains a lone surrogate.
    """
    if not text.strip():
        raise Rejected("the text is empty")
    return _check_length("text", text)


def check_note(note: str | None, _now: object = None) -> str | None:
    """Check that a note is not too long.

    Returns:
        The note, or None for an empty one.

    Raises:
        Rejected: It is longer than `TEXT_LIMIT`, or contains a lone surrogate.
    """
    return _check_length("note", note) if note else None


def check_due(due: DayOrInstant | None, _now: object = None) -> DayOrInstant | None:
    """Check that a due date has the canonical form of a day or an instant.

    Raises:
        Rejected: It has another form.
    """
    return None if due is None else check_canonical(due, "due")


def check_acknowledged(reminder: datetime | None, _now: object = None) -> datetime | None:
    """Check the time of a reminder that is acknowledged. Returns it in UTC."""
    return None if reminder is None else check_instant(reminder)


def check_reminder(reminder: datetime | None, now: datetime | None) -> datetime | None:
    """Check that a reminder is in the future.

    Args:
        reminder: An instant with a time zone, or None for no reminder.
        now: The time of the command, with a time zone.

    Returns:
        The reminder in UTC.

    Raises:
        ReminderInPast: It is not after `now`.
        Rejected: It has no time zone.
        TypeError: `now` is missing.
    """
    if reminder is None:
        return None
    if now is None:
        raise TypeError("`now` is missing: without it nobody knows whether the reminder is in the past")
    if check_instant(reminder) <= check_instant(now):
        from .errors import ReminderInPast  # rarely needed

        raise ReminderInPast("the reminder is in the past")
    return check_instant(reminder)


def check_priority(priority: Priority | None, _now: object = None) -> Priority | None:
    """Check that a priority is one of `PRIORITIES`, or None.

    Raises:
        Rejected: It is another text.
    """
    if priority is not None and priority not in PRIORITIES:
        raise Rejected(f"the priority {priority!r} is not {', '.join(PRIORITIES[:-1])} or {PRIORITIES[-1]}")
    return priority


def check_tag(tag: str) -> str:
    """Check that a tag is one word that does not begin like an option or a marker.

    Returns:
        The tag in Unicode's form NFC.

    Raises:
        Rejected: It is empty, has spaces or commas, begins with `+` or `-`, or is longer than `TEXT_LIMIT`.
    """
    if not tag:
        raise Rejected("a tag is empty")
    if tag.startswith(("+", "-")) or any(char.isspace() or char == "," for char in tag):
        raise Rejected(f"the tag {tag!r} is not one word: it cannot have spaces or commas, or begin with '+' or '-'")
    return nfc(_check_length("tag", tag))


def check_tags(tags: Iterable[str], _now: object = None) -> tuple[str, ...]:
    """Check each tag.

    Returns:
        The tags in Unicode's form NFC, each once, sorted.

    Raises:
        Rejected: What `check_tag` raises.
    """
    return tuple(sorted({check_tag(tag) for tag in tags}))


def check_project(project: str | None, _now: object = None) -> str | None:
    """Check that a project is made of words separated by dots, such as `home.garage`.

    Returns:
        The project in Unicode's form NFC.

    Raises:
        Rejected: A word is empty, or the project has spaces or commas, begins with `+` or `-`, or is longer than
            `TEXT_LIMIT`.
    """
    if project is None:
        return None
    if not all(project.split(".")) or project[0] in "+-" or any(char.isspace() or char == "," for char in project):
        raise Rejected(f"the project {project!r} is not a name: write words without spaces or commas, separated by dots")
    return nfc(_check_length("project", project))


def check_wait(wait: DayOrInstant | None, _now: object = None) -> DayOrInstant | None:
    """Check that the end of a wait has the canonical form of a day or an instant.

    Raises:
        Rejected: It has another form.
    """
    return None if wait is None else check_canonical(wait, "wait")


def check_id(id: str) -> str:
    """Check that a text can be the stable id of a todo.

    Raises:
        Rejected: It cannot.
    """
    import re  # few todos name others

    if not re.fullmatch(ID, id):
        raise Rejected(f"{id!r} is not the id of a todo")
    return id


def check_ids(ids: Iterable[str], _now: object = None) -> tuple[str, ...]:
    """Check each id.

    Returns:
        The ids, each once, sorted.

    Raises:
        Rejected: What `check_id` raises.
    """
    return tuple(sorted({check_id(id) for id in ids}))


def check_parent(parent: str | None, _now: object = None) -> str | None:
    """Check that a parent is the stable id of a todo, or None.

    Raises:
        Rejected: It is not.
    """
    return None if parent is None else check_id(parent)


def check_every(every: Recurrence | None, _now: object = None) -> Recurrence | None:
    """Check that the parts of a recurrence have their forms. `recurrence.check` also checks that it gives a date.

    Raises:
        Rejected: A part has another form.
    """
    if every is None:
        return None
    import re  # few todos recur

    for what, value, form in (
        ("rule", every.rule, "[A-Z0-9=;,+-]{6,500}"),
        ("day", every.anchor, "[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        ("time of day", every.time or "00:00", "[0-9]{2}:[0-9]{2}(:[0-9]{2})?"),
        ("time zone", every.zone or "UTC", "[A-Za-z0-9_+/-]{1,64}"),
    ):
        if not re.fullmatch(form, value):
            raise Rejected(f"{value!r} is not the {what} of a recurrence")
    return every


def check_attribute(key: str, value: str) -> tuple[str, str]:
    """Check the key and the value of an attribute.

    Returns:
        Both in Unicode's form NFC.

    Raises:
        Rejected: The key is not a word that begins with a letter, or is longer than `KEY_LIMIT`. Or the value is blank, or
            longer than `TEXT_LIMIT`.
    """
    import re  # few todos have attributes

    key = nfc(key)
    if len(key) > KEY_LIMIT:
        raise Rejected(f"the name of an attribute has at most {KEY_LIMIT} characters, and {key[:20]!r}… has {len(key)}")
    if not re.fullmatch(r"[^\W\d_].*", key, re.DOTALL):
        raise Rejected(f"{key!r} is not the name of an attribute: it does not begin with a letter")
    wrong = re.search(r"[^\w.-]", key)
    if wrong is not None:
        raise Rejected(f"{key!r} is not the name of an attribute: {wrong[0]!r} is none of letters, digits and . _ -")
    if not value.strip():
        raise Rejected(f"the attribute {key} is empty")
    return key, nfc(_check_length(f"attribute {key}", value))


def attribute_named(name: str, attributes: Collection[str]) -> str | None:
    """Return the one of some attributes that a name means; None if it means none of them.

    Case and forms of Unicode make no difference, unless one has exactly this name.
    """
    wanted = nfc(name)
    return wanted if wanted in attributes else next((each for each in attributes if each.lower() == wanted.lower()), None)


def number_in(text: str | None) -> float | None:
    """Return the number that a text is; None if it is none, or not a finite one.

    A number has the digits 0 to 9, and nothing that only Python reads as a part of a number, such as `1_0` or `٣`.
    """
    import math  # few todos have numbers

    if not text or not text.isascii() or "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def time_in(text: str) -> date | datetime | None:
    """Return the day or the instant that the value of an attribute is in its canonical form; None if it is another text."""
    if not text[:1].isdecimal():
        return None
    try:
        parsed = parse_day_or_instant(text)
        return parsed if day_or_instant(parsed) == text else None
    except ValueError:
        return None


def check_attributes(attributes: Attributes, _now: object = None) -> Attributes:
    """Check each attribute.

    Returns:
        The attributes in Unicode's form NFC, sorted.

    Raises:
        Rejected: What `check_attribute` raises, or two attributes have the same key.
    """
    checked: dict[str, str] = {}
    for key, value in (check_attribute(*pair) for pair in attributes):
        if key in checked:
            raise Rejected(f"the attribute {key} is given twice")
        checked[key] = value
    return tuple(sorted(checked.items()))


def check_instant(instant: datetime) -> datetime:
    """Check that an instant has a time zone.

    Returns:
        The instant in UTC.

    Raises:
        Rejected: It has no time zone, or is before the year 1 or after the year 9999 in UTC.
    """
    if instant.tzinfo is None:
        raise Rejected(f"the time {instant} has no time zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise Rejected(f"the time {instant} is out of the calendar's range") from None


def check_canonical(value: DayOrInstant, what: str) -> DayOrInstant:
    """Check that a day or an instant has its canonical form.

    Args:
        value: The text.
        what: What the date is called in the message, for example `due`.

    Raises:
        Rejected: It has another form.
    """
    if not _is_canonical(value):
        raise Rejected(f"the {what} date {value!r} is neither a day nor an instant in UTC")
    return value


@lru_cache(4096)
def _is_canonical(value: DayOrInstant) -> bool:
    try:
        return value == day_or_instant(parse_day_or_instant(value))
    except (ValueError, OverflowError):
        return False


def _check_length(what: str, value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Rejected(f"the {what} contains a lone surrogate, which is not a character") from None
    if size > TEXT_LIMIT:
        raise Rejected(f"the {what} has {size:,} bytes, more than {TEXT_LIMIT:,}")
    return value
