"""What `add` and `edit` are told of a todo, in words and options."""

from collections.abc import Sequence
from datetime import datetime, time

from ..cqrs.struct import Struct
from ..todo.model import PRIORITIES, DayOrInstant, Priority, day_or_instant
from ..todo.zones import from_local
from .clock import to_local
from .errors import UsageError
from .session import Session, check_text

FIELDS = ("note", "due", "reminder", "priority", "tags")


class Fields(Struct, frozen=True):
    """What `add` and `edit` were told of a todo; None and () where nothing was said."""

    text: str | None = None
    note: str | None = None
    due: DayOrInstant | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()


def understand(
    session: Session,
    words: Sequence[str],
    *,
    literal: int = 0,
    due: str | None = None,
    priority: str | None = None,
    tags: Sequence[str] = (),
    reminder: str | None = None,
    note: str | None = None,
) -> Fields:
    """What words and options say of a todo.

    Words that are wholly `+tag`, `due:…` or `pri:…` are taken out, except among the last `literal` ones, which stood after
    `--`; the others are the text.
    """
    text: list[str] = []
    found = list(tags)
    for place, word in enumerate(words):
        mark, value = _marked(check_text("text", word))
        if not mark or place >= len(words) - literal:
            text.append(word)
        elif mark == "+":
            found.append(value)
        elif mark == "due:":
            due = value
        else:
            priority = value
    return Fields(
        " ".join(text) if text else None,
        None if note is None else check_text("note", note),
        None if due is None else when(session, due),
        None if reminder is None else remind_at(session, reminder),
        None if priority is None else _priority(priority),
        tuple(check_text("tag", tag.removeprefix("+")) for tag in found),
    )


def _marked(word: str) -> tuple[str, str]:
    """What a word says beside the text, by its mark; '' for a word of the text."""
    for mark in ("+", "due:", "pri:"):
        value = word.removeprefix(mark)
        if value != word and value.split() == [value]:
            return mark, value
    return "", ""


def _priority(text: str) -> Priority:
    names: dict[str, Priority] = {"high": "H", "medium": "M", "low": "L", **{level.lower(): level for level in PRIORITIES}}
    if text.lower() not in names:
        raise UsageError(f"{text!r} is no priority", "the priorities are H, M and L")
    return names[text.lower()]


def when(session: Session, text: str) -> DayOrInstant:
    """A due date as typed, leaning to the future."""
    return day_or_instant(session.time_of(text, "future"))


def remind_at(session: Session, text: str) -> datetime:
    """A reminder as typed; a whole day means nine in the morning."""
    value = session.time_of(text, "future")
    if isinstance(value, datetime):
        return value
    return from_local(datetime.combine(value, time(9)), to_local)
