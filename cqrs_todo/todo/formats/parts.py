"""What the formats share: drafts of entries, dates, words that must be valid here, and text that a format cannot hold."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import unquote_to_bytes

from ...cqrs.errors import Rejected
from ...cqrs.struct import replace
from ..errors import MalformedFile, UnreadableRule
from ..fields import FIELDS, Todo
from ..model import check_todo
from ..recurrence import check
from ..rules import read_rule
from ..times import UnreadableTime, read_value
from ..values import Recurrence, check_attribute, day_or_instant, nfc, parse_day_or_instant_uncached
from ..views import local_day
from ..zones import from_local, start_of_day
from . import Entry, Loss

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeVar

    from ..times import Lean
    from ..values import Attributes, DayOrInstant
    from ..views import Item
    from . import Context, Report

    F = TypeVar("F", bound=Callable[..., Any])

KEY = r"[^\W\d_][\w.-]{0,63}"
"""What the key of an attribute looks like."""
STATUS = "status"
"""The attribute that says that a removed todo was cancelled."""
CANCELLED = "cancelled"
"""The value of `STATUS`, and the attribute for the date on which a todo was cancelled."""
MOST_WORDS = 1000
"""The most tags, and the most attributes, of a todo that is imported."""
_SHORT = 2000
"""How long a text can be whose result is remembered, in characters."""
_FIXED = datetime(2000, 1, 1, tzinfo=UTC)
_KEY_LENGTH = 58
"""How long the key of an attribute can be if a number may follow, in characters."""
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WITH_DOTS = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}")
_UNSAFE = re.compile(r"[%\s:()\[\]\x00-\x1f\x7f-\x9f]")
_NO_WORD = re.compile(r"[\s,]+")


class Draft:
    """An entry that is being read.

    Attributes:
        values: The values of the fields of the todo, by name.
        attributes: What has no field, by key.
        guessed: The fields whose values follow from the time of the import.
    """

    def __init__(self, line: int, context: Context, report: Report) -> None:
        """Begin an entry.

        Args:
            line: The number of its first line.
            context: What reading depends on.
            report: Receives what cannot be kept as it is.
        """
        self.line = line
        self.values: dict[str, Any] = {}
        self.attributes: dict[str, str] = {}
        self.guessed: list[str] = []
        self._tags: dict[str, None] = {}
        self._counts: dict[str, int] = {}
        self._context = context
        self._report = report

    def lose(self, what: str, outcome: str, *, changed: bool = False) -> None:
        """Report something that is lost or changed."""
        self._report(Loss(self.line, what, outcome, "changed" if changed else "lost"))

    def keep(self, key: str, value: str, *, quietly: bool = False, why: str = "") -> str | None:
        """Keep a value as an attribute. A second value of the same key gets the key with a number: `key.2`.

        Args:
            key: What the value is called. It is changed where it is not valid as the key of an attribute.
            value: The value. A blank one cannot be kept, and is reported.
            quietly: Whether to report nothing, because the value is the other half of something that has a field.
            why: Why it is not a field, if that is not plain.

        Returns:
            The key of the attribute; None if it was not kept.

        Raises:
            MalformedFile: The value cannot be recorded, for instance because it is too long.
        """
        base = attribute_key(key)
        number = self._counts[base] = self._counts.get(base, 0) + 1
        try:
            name, value = check_attribute(base if number == 1 else f"{base}.{number}", value)
        except Rejected as error:
            if value.strip() and not self._context.lenient:
                raise MalformedFile(self.line, str(error)) from error
            self._counts[base] -= 1
            self.lose(key, str(error))
            return None
        self.attributes[name] = value
        if not quietly:
            kept = f"attribute {base}" if number == 1 else f"attribute {base}.2 and so on"
            self._report(Loss(self.line, key, f"{kept}, because {why}" if why else kept, "kept"))
        return name

    def tag(self, word: str) -> bool:
        """Add a tag. It is changed where it is not valid here. Return whether anything is left of it."""
        tag = clean_tag(word)
        if tag is None:
            self.lose("a tag without a letter", "it cannot be a tag")
            return False
        if tag != nfc(word):
            self.lose(f"the tag {word}", f"the tag {tag}", changed=True)
        self._tags[tag] = None
        return True

    @property
    def tags(self) -> Sequence[str]:
        """The tags so far."""
        return tuple(self._tags)

    def project(self, name: str) -> bool:
        """Set the project. It is changed where it is not valid here. Return whether anything is left of it."""
        project = clean_project(name)
        if project is None:
            self.lose("a project without a letter", "it cannot be a project")
            return False
        if project != nfc(name):
            self.lose(f"the project {name}", f"the project {project}", changed=True)
        self.values["project"] = project
        return True

    def complete(self, on: DayOrInstant | None) -> None:
        """Say that the todo was done, on a date, or without one."""
        if on is None:
            self.guessed.append("completed")
            self.lose("a completion without a date", "it counts as completed now", changed=True)
        self.values["completed"] = day_or_instant(self._context.now) if on is None else on

    def cancel(self, on: str | None = None) -> None:
        """Say that the todo was cancelled, perhaps on a date: it is removed, and an attribute keeps the reason."""
        self.values["removed"] = True
        self.keep(STATUS, CANCELLED, quietly=True)
        if on is not None:
            self.keep(CANCELLED, on)

    def entry(self, key: str, text: str, *, has_id: bool = False) -> Entry | None:
        """Return the entry.

        Args:
            key: What names it.
            text: What is to be done.
            has_id: See `Entry`.

        Returns:
            The entry; None if it breaks a rule, and such entries are skipped.

        Raises:
            MalformedFile: It breaks a rule.
        """
        most = max(len(self.attributes), len(self._tags))
        if most > MOST_WORDS:
            skip(self.line, f"it has {most:,} tags or attributes, more than {MOST_WORDS:,}", self._context, self._report)
            return None
        created = self.values.pop("created", None)
        if created is None:
            self.guessed.append("created")
            created = self._context.now
        links = {name: self.values.pop(name) for name in ("parent", "depends") if name in self.values}
        todo = Todo(
            text,
            created,
            tags=tuple(self._tags),
            attributes=tuple(sorted(self.attributes.items())),
            **self.values,
        )
        try:
            checked = check_todo(todo)
        except Rejected as error:
            skip(self.line, str(error), self._context, self._report)
            return None
        todo = replace(checked, **links) if links else checked
        return Entry(key=key, todo=todo, line=self.line, has_id=has_id, guessed=tuple(self.guessed))


def remembered(count: int) -> Callable[[F], F]:
    """Return a decorator like `lru_cache` for functions of a text: results for long texts are not kept.

    Args:
        count: How many results are kept.
    """

    def decorate(function: F) -> F:
        keeping = lru_cache(count)(function)

        @wraps(function)
        def call(text: str, *others: Any) -> Any:
            return (keeping if len(text) <= _SHORT else function)(text, *others)

        return call  # type: ignore[return-value]  # it is called as the function is

    return decorate


def timeless(context: Context) -> Context:
    """Return a context whose time is a fixed one, so that what is read in it can be remembered."""
    return replace(context, now=_FIXED)


def placed(found: tuple[Entry | None, Sequence[Loss]], line: int, context: Context, report: Report) -> Entry | None:
    """Return an entry that was read without its line and without the present time, with both, and report its losses.

    Files have many equal lines, above all the revisions of one file, so that remembering them saves most of the time.

    Args:
        found: What `timeless` reading gave: the entry, and the losses.
        line: The number of the line.
        context: What reading depends on.
        report: Receives the losses.
    """
    entry, losses = found
    for loss in losses:
        report(replace(loss, line=line))
    if entry is None:
        return None
    todo = entry.todo
    if "created" in entry.guessed:
        todo = replace(todo, created=context.now)
    if "completed" in entry.guessed:
        todo = replace(todo, completed=day_or_instant(context.now))
    return replace(entry, todo=todo, line=line)


def skip(line: int, reason: str, context: Context, report: Report) -> None:
    """Skip and report an entry that cannot be read; unless the context is lenient, raise `MalformedFile`."""
    if not context.lenient:
        raise MalformedFile(line, reason)
    report(Loss(line, "an entry", reason, "skipped"))


def empty_heading(line: int) -> Loss:
    """Return what is lost with a heading that has no todos below it."""
    return Loss(line, "a heading without todos", "only a heading with todos becomes a project or a tag", "lost")


# Words that are valid here


def attribute_key(text: str) -> str:
    """Return a text as the key of an attribute: what cannot be in one becomes a hyphen."""
    key = re.sub(r"[^\w.-]+", "-", nfc(text)).lstrip("-")
    return (key if re.match(r"[^\W\d_]", key) else f"x-{key}")[:_KEY_LENGTH]


@remembered(4096)
def clean_tag(text: str) -> str | None:
    """Return a text as a tag: blanks and commas become hyphens. None if nothing is left."""
    return nfc(_NO_WORD.sub("-", text.strip()).lstrip("+-").rstrip("-")) or None


@remembered(4096)
def clean_project(text: str) -> str | None:
    """Return a text as a project: words without blanks, with dots between them. None if nothing is left."""
    words = (_NO_WORD.sub("-", word.strip()).strip("+-") for word in text.split("."))
    return nfc(".".join(filter(None, words))) or None


# Dates


_FIRST, _LAST = date(2, 1, 1), date(9999, 12, 30)
"""Between which days a day has instants in every time zone."""


@remembered(4096)
def parse_day(text: str) -> date | None:
    """Return the day that a text such as `2026-03-05` is; None if it is none."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST <= day <= _LAST else None


def parse_time(text: str) -> date | datetime | None:
    """Return the day, or the instant in UTC, that a text in its canonical form is; None if it is none."""
    try:
        value = parse_day_or_instant_uncached(text)
        day = value.date() if isinstance(value, datetime) else value
        return value if day_or_instant(value) == text and _FIRST <= day <= _LAST else None
    except (ValueError, OverflowError):
        return None


def instant_of(text: str) -> DayOrInstant | None:
    """Return the instant that `encode` wrote, as `2026-03-05T16:00:00Z`; None if it is another text."""
    value = parse_time(decode(text) or "")
    return day_or_instant(value) if isinstance(value, datetime) else None


def instant_at(day: date, clock: str, context: Context) -> datetime | None:
    """Return the instant of a local time on a day; None if the time is none."""
    try:
        return from_local(datetime.combine(day, time.fromisoformat(clock)), context.to_local)
    except (ValueError, OverflowError):
        return None


def start(day: date, context: Context) -> datetime:
    """Return the instant with which a local day begins."""
    return _start(day, context.to_local)


_start = lru_cache(4096)(start_of_day)


def local_midnight(instant: datetime, context: Context) -> date | None:
    """Return the local day that begins at an instant; None if none does."""
    day = context.to_local(instant).date()
    return day if start(day, context) == instant else None


def day_text(value: DayOrInstant | datetime, context: Context) -> str:
    """Return the local day of a date, as `2026-03-05`."""
    return local_day(day_or_instant(value) if isinstance(value, datetime) else value, context.to_local).isoformat()


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC, as `2026-03-05T16:00:00Z`."""
    return day_or_instant(instant.astimezone(UTC))


@remembered(4096)
def date_in_words(text: str, context: Context, lean: Lean = "future") -> DayOrInstant | None:
    """Return the date that people write as `24.12.2026`, `12/24/2026 3:30 PM` or `Dec 24`; None if it is none.

    Args:
        text: The text.
        context: What reading depends on.
        lean: Whether a date without a year is in the future or in the past.
    """
    try:
        order = "DMY" if _WITH_DOTS.match(text) else context.date_order  # nobody writes the month first with dots
        value = read_value(text, context.now, context.to_local, lean, order)
    except UnreadableTime:
        return None
    return day_or_instant(value.astimezone(UTC) if isinstance(value, datetime) else value)


# Recurrences


def recurrence_text(every: Recurrence) -> str:
    """Return a recurrence as one line, which `parse_recurrence` reads: its rule, and from when, at what time and where."""
    parts = [every.rule, "from", every.anchor]
    parts += ["at", every.time] if every.time is not None else []
    parts += ["in", every.zone] if every.zone is not None else []
    return " ".join([*parts, *(["after completion"] if every.after else [])])


def parse_recurrence(text: str) -> Recurrence | None:
    """Return the recurrence that `recurrence_text` wrote; None if it is another text."""
    match = re.fullmatch(r"(FREQ=\S+) from (\S+)(?: at (\S+))?(?: in (\S+))?( after completion)?", text)
    return None if match is None else checked_recurrence(match[1], match[2], match[3], match[4], after=bool(match[5]))


@lru_cache(1024)
def checked_recurrence(rule: str, anchor: str, clock: str | None, zone: str | None, *, after: bool) -> Recurrence | None:
    """Return a recurrence; None if ours cannot express it, or it gives no date."""
    try:
        every = Recurrence(rule, anchor, clock, zone, after)
        check(every)
        check_todo(Todo("x", datetime(2026, 1, 1, tzinfo=UTC), every=every))
    except (Rejected, ValueError):
        return None
    return every


def recurrence_in_words(words: str, draft_due: DayOrInstant | None, context: Context) -> Recurrence | None:
    """Return the recurrence that words such as `2 weeks` or `after 3 days` mean; None if they mean none.

    Args:
        words: The words.
        draft_due: When the todo is due. The rule counts from this day; without one, from the present day.
        context: What reading depends on.
    """
    due = day_or_instant(context.to_local(context.now).date()) if draft_due is None else draft_due
    anchor = local_day(due, context.to_local)
    try:
        rule, after = read_rule(words, anchor)
    except UnreadableRule:
        return None
    clock = None
    if len(due) > len("2026-03-05"):
        wall = context.to_local(datetime.fromisoformat(due)).time().replace(microsecond=0)
        clock = wall.isoformat("auto" if wall.second else "minutes")
    zone = (context.zone or None) if clock is not None else None
    return checked_recurrence(rule, anchor.isoformat(), clock, zone, after=after)


# Text that a format cannot hold


def encode(text: str) -> str:
    """Return a text without blanks, colons, brackets and control characters, as URLs write it: `Call%20him`."""
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), text)


def decode(text: str) -> str | None:
    """Return the text that `encode` wrote; None if it is another text."""
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return None
    return decoded if encode(decoded) == text else None


# Lists of todos


def is_cancelled(item: Item) -> bool:
    """Return whether a todo was cancelled in another program, and not removed here."""
    return item.todo.removed and dict(item.todo.attributes).get(STATUS) == CANCELLED


def without_removed(items: Iterable[Item], report: Report, *, cancelled: bool) -> list[Item]:
    """Return the todos that are written to a file, and report the others: those that were removed.

    A file with a NUL character counts as binary, so that nobody could read it. It becomes U+FFFD.

    Args:
        items: The todos.
        report: Receives which are left out.
        cancelled: Whether the format has cancelled todos. Those that were cancelled in another program are then written.
    """
    kept = []
    for item in items:
        if not item.todo.removed or (cancelled and is_cancelled(item)):
            kept.append(_without_nul(item, report))
        else:
            report(Loss(item.number, "a removed todo", "it is left out", "lost"))
    return kept


def _without_nul(item: Item, report: Report) -> Item:
    texts = {name: getattr(item.todo, name) for name in _TEXTS}
    if not any(map(_has_nul, texts.values())):
        return item
    report(Loss(item.number, "a NUL character", "the character U+FFFD", "changed"))
    changed = {name: _with_visible_nul(value) for name, value in texts.items()}
    return replace(item, todo=replace(item.todo, **changed))


_TEXTS = [field.name for field in FIELDS if field.kind in ("text", "note", "word", "words", "attributes")]
"""The fields that are texts, or hold texts."""


def _has_nul(value: Any) -> bool:
    return any(map(_has_nul, value)) if isinstance(value, tuple) else value is not None and "\0" in value


def _with_visible_nul(value: Any) -> Any:
    """Return a text, or texts, with U+FFFD in place of each NUL character."""
    if isinstance(value, tuple):
        return tuple(dict.fromkeys(map(_with_visible_nul, value)))
    return None if value is None else value.replace("\0", "\ufffd")


def numbered(attributes: Attributes) -> list[tuple[str, str]]:
    """Return attributes with the keys that they had in the file: `key.2`, after `key`, is `key` again."""
    keys = {key for key, _ in attributes}
    result = []
    for key, value in sorted(attributes, key=lambda pair: _place(pair[0])):
        base, number = _place(key)
        again = number > 1 and all(each in keys for each in (base, *(f"{base}.{n}" for n in range(2, number))))
        result.append((base if again else key, value))
    return result


def _place(key: str) -> tuple[str, int]:
    base, dot, number = key.rpartition(".")
    return (base, int(number)) if dot and re.fullmatch("[2-9]|[1-9][0-9]{1,3}", number) else (key, 1)
