"""The grammar of dates and times as people write them.

`read` returns the day, the instant or the period that a text means; `docs/dates.md` lists the forms. A text is refused if
the grammar does not know it, if it is ambiguous, or if it contradicts itself. The error names forms that can be read.
Nothing here reads a clock, the environment or a database of zones: the time and the zone are arguments.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from ..calendar import WEEKDAYS, months_later
from ..zones import end_of_day, from_local, start_of_day, wall_clock
from .parts import PartsReader
from .periods import DAY
from .tokens import tokens_of
from .words import LONGEST, TOO_FAR, VAGUE, VOCABULARY, AmbiguousOrder, NotATime, TooFar

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, TypeAlias

    from ..values import ToLocal
    from .days import Grain
    from .tokens import Order, Token

    Lean: TypeAlias = Literal["future", "past"]
    """Whether a time that could be before or after now is in the future (what is due) or in the past (what happened)."""

_EARLIEST, _LATEST = date(1000, 1, 2), date(9999, 12, 30)
_MOST_WORDS = LONGEST // 2
_MOST_NAMED = 3
_SUGGESTED = {
    "future": ("tomorrow", "friday 17:00", "in 3 days", "24 dec"),
    "past": ("yesterday", "last friday 17:00", "3 days ago", "24 dec"),
}


class UnreadableTime(NotATime):
    """A text could not be read as a date or a time."""

    def __init__(
        self, text: str, why: str, forms: Sequence[str], ahead: Span | None = None, *, order_decides: bool = False
    ) -> None:
        """Make the error.

        Args:
            text: The text.
            why: What is wrong, as the end of a sentence that begins with the text.
            forms: Texts that can be read instead.
            ahead: What the text means, if the only thing wrong is that this has not come yet.
            order_decides: Whether the text can be read if the order of day and month is known.
        """
        super().__init__(why, *forms)
        self.args = (f"{text[:LONGEST]!r} {why}",)
        self.forms = tuple(forms)
        self.ahead = ahead
        self.order_decides = order_decides


class Span:
    """What a text means.

    Attributes:
        value: The local day (a `date`), or the instant with a time zone, that a field such as a due date gets. For a week, a
            month or a year this is the first day, but for "next month" it is the day one month from today.
        start: The first instant that is meant.
        end: The last instant that is meant. It is equal to `start` for an exact time.
        grain: How long the span lasts.
        begun: Whether it is a period that began before today, or the start of such a period.
    """

    __slots__ = ("begun", "end", "grain", "start", "value")

    def __init__(self, value: date | datetime, start: datetime, end: datetime, grain: Grain, *, begun: bool = False) -> None:
        """Make a span; see the attributes."""
        self.value = value
        self.start = start
        self.end = end
        self.grain = grain
        self.begun = begun


class _NotYet(NotATime):
    """A text means a time that has not come yet."""

    def __init__(self, why: str, span: Span) -> None:
        super().__init__(why)
        self.span = span


def read(text: str, now: datetime, to_local: ToLocal, lean: Lean, order: Order = None) -> Span:
    """Read a date or a time.

    Args:
        text: The text as typed. Hyphens between words mean the same as spaces.
        now: The present, with a time zone.
        to_local: The reader's time zone.
        lean: Whether a time that could be before or after now is in the future or in the past. With "past", a time that has
            not come yet is refused.
        order: How to read dates such as 3/4/2026. None refuses dates that can be read in two ways.

    Returns:
        What the text means.

    Raises:
        UnreadableTime: The grammar does not know the text, or it is ambiguous or contradicts itself.
    """
    try:
        return _read(text, now, to_local, lean, order)
    except NotATime as error:
        forms = _readable(_nearest(text, error), now, to_local, lean, order)
        ahead = error.span if isinstance(error, _NotYet) else None
        order_decides = isinstance(error, AmbiguousOrder)
        raise UnreadableTime(text, error.why, forms, ahead, order_decides=order_decides) from error


def read_value(text: str, now: datetime, to_local: ToLocal, lean: Lean, order: Order = None) -> date | datetime:
    """Read the day or the instant that a field gets. Arguments and errors are those of `read`.

    A period that has begun is refused, because nobody who writes "this week" means its first day.
    """
    span = read(text, now, to_local, lean, order)
    if span.begun or (lean == "past" and span.grain in ("week", "month", "quarter", "year")):
        why = "has begun already: name a day" if span.begun else f"is a whole {span.grain}: name a day"
        raise UnreadableTime(text, why, _readable(["today", "eow", "eom", "yesterday"], now, to_local, lean, order))
    return span.value


def leading_words(words: Sequence[str], now: datetime, to_local: ToLocal, lean: Lean, order: Order = None) -> int:
    """Count the words of the longest time at the beginning of some words. The other arguments are those of `read`.

    Args:
        words: The words.
        now: The present, with a time zone.
        to_local: The reader's time zone.
        lean: Whether an ambiguous time is in the future or in the past.
        order: How to read dates such as 3/4/2026.

    Returns:
        How many words are part of the time, or 0 if the words do not begin with a time. A time that has not come yet,
        or that is too far away, is a time too, although `read` refuses it.
    """
    for count in range(min(len(words), _MOST_WORDS), 0, -1):
        try:
            _read(" ".join(words[:count]), now, to_local, lean, order)
        except (_NotYet, TooFar):
            return count
        except NotATime:
            continue
        return count
    return 0


def is_time_word(word: str) -> bool:
    """Return whether a word can be part of a time, even of a vague one: it is a known word, or begins with a digit."""
    return word[:1].isdigit() or word.lower() in VOCABULARY or word.lower() in VAGUE


def _read(text: str, now: datetime, to_local: ToLocal, lean: Lean, order: Order) -> Span:
    words = " ".join(text.lower().split(" ")).strip()
    while "  " in words:
        words = words.replace("  ", " ")
    words = words.replace("a.m.", "am").replace("p.m.", "pm")
    if not words:
        raise NotATime("is empty")
    if len(text) > LONGEST:
        raise NotATime(f"is too long: a date has at most {LONGEST} characters")
    if not (text.isascii() and text.isprintable()):
        raise NotATime("has a character that no date has")
    try:
        span = _Meaning(tokens_of(words, order), now, to_local, lean).span()
        day = span.value.date() if isinstance(span.value, datetime) else span.value
    except (OverflowError, ValueError) as error:
        if isinstance(error, NotATime):
            raise
        raise TooFar(TOO_FAR) from error
    if not _EARLIEST <= day <= _LATEST:
        raise TooFar(TOO_FAR)
    if lean == "past" and span.start > now:
        local, present = (wall_clock(instant, to_local).isoformat(" ", "minutes") for instant in (span.start, now))
        raise _NotYet(f"has not come yet: that is {local}, and it is {present}", span)
    return span


def _nearest(text: str, error: NotATime, depth: int = 2) -> list[str]:
    """Return texts that might be meant by a text that cannot be read."""
    words = " ".join(text[:LONGEST].lower().split())
    from .spoken import clock_times  # only for errors

    spoken = clock_times(words)
    if spoken:
        return spoken
    if error.nearest and error.wrong not in words:
        return list(error.nearest)
    if error.wrong in VAGUE:
        for said, meant in (("this", "today"), ("last", "yesterday"), ("next", "tomorrow")):
            words = words.replace(f"{said} {error.wrong}", f"{meant} {error.wrong}")
        return [words.replace(error.wrong, close) for close in error.nearest] + list(error.nearest)
    if error.nearest:
        return [words.replace(error.wrong, close) for close in error.nearest] if error.wrong else list(error.nearest)
    if not error.wrong:
        return []
    from difflib import get_close_matches  # only for errors

    found = [words.replace(error.wrong, close) for close in get_close_matches(error.wrong, VOCABULARY, 3, 0.7)]
    if depth and found:
        try:
            tokens_of(found[0], None)
        except NotATime as other:
            return _nearest(found[0], other, depth - 1)
    return found


def _readable(texts: Sequence[str], now: datetime, to_local: ToLocal, lean: Lean, order: Order) -> list[str]:
    """Return the first of some texts that can be read, filled up with the usual examples."""
    found: list[str] = []
    for text in dict.fromkeys([*texts, *_SUGGESTED[lean]]):
        if len(found) == _MOST_NAMED:
            break
        try:
            _read(text, now, to_local, lean, order)
        except NotATime:
            continue
        found.append(text)
    return found


class _Meaning:
    """Converts the parts of a text to a span, at a time and in a zone."""

    def __init__(self, tokens: Sequence[Token], now: datetime, to_local: ToLocal, lean: Lean) -> None:
        self.now = now.astimezone(UTC)
        self.to_local = to_local
        self.forward = lean == "future"
        self.local = wall_clock(now, to_local)
        self.today = self.local.date()
        self.reader = PartsReader(tokens, self.today, forward=self.forward).read()
        self.named = self.reader.named

    def span(self) -> Span:
        """Return what all parts mean together."""
        parts = self.named
        if parts.is_now:
            parts.check_only("is_now")
            return self._point(self.now)
        if parts.shift is not None:
            return self._shifted(*parts.shift)
        if parts.period is not None and parts.weekday is None:
            return self._whole_period(*parts.period)
        return self._day_or_time()

    def _point(self, instant: datetime) -> Span:
        return Span(self.to_local(instant), instant, instant, "microsecond")

    def _shifted(self, months: int, days: int, exact: timedelta, back: bool) -> Span:
        sign = -1 if back else 1
        if (
            self.named.weekday is not None
            and self.reader.tokens[0][1] in WEEKDAYS
            and back
            and days
            and not (days % 7 or months or exact)
        ):
            self.named.check_only("shift", "weekday", "clock")
            monday = self.reader.period_start("week", "this") - timedelta(days=days)
            self.named.day, self.named.shift, self.named.weekday = (
                (monday + DAY * self.named.weekday, "relative"),
                None,
                None,
            )
            return self._day_or_time()
        if self.named.day is not None or self.named.weekday is not None:
            self._refuse_distance_and_day()
        self.named.check_only("shift", "clock")
        day = months_later(self.today, sign * months) + timedelta(days=sign * days)
        if exact or not (months or days or self.named.clock or self.reader.counts_days()):
            if self.named.clock is not None:
                raise NotATime("counts hours or minutes, and names a time of day as well")
            begin = self.now
            if months or days:
                begin = from_local(datetime.combine(day, self.local.time()), self.to_local)
            instant = begin + sign * exact
            return self._point(instant)
        self.named.day, self.named.shift = (day, "relative"), None
        return self._day_or_time()

    def _refuse_distance_and_day(self) -> None:
        """Raise `NotATime` for "a week today": which comes first could be meant in either direction."""
        kind, word = self.reader.tokens[-1]
        forms = (f"from {word}", f"before {word}") if kind == "word" else ()
        raise NotATime(
            "names a distance and a day, but not how they belong together", *forms, wrong=str(word) if forms else ""
        )

    def _whole_period(self, first: date, last: date, value: date, grain: Grain) -> Span:
        if self.named.clock is not None and self.named.day is None:
            hour, minute = self.named.clock[:2]
            days = [self.today] if first <= self.today <= last else dict.fromkeys([first, value])
            forms = (f"{day} {hour}:{minute:02}" for day in days)
            raise NotATime(f"names a time of day and a whole {grain}: name a day", *forms)
        if self.named.day is not None:
            name = " ".join(value for kind, value in self.reader.tokens[-2:] if kind == "word")
            raise NotATime(f"names a day and a whole {grain}", f"of {name}", f"in {name}", wrong=name)
        self.named.check_only("period")
        start, end = start_of_day(first, self.to_local), end_of_day(last, self.to_local)
        return Span(value, start, end, grain, begun=self.forward and value < self.today)

    def _day_or_time(self) -> Span:
        if self.named.day is None and self.named.weekday is None and self.named.period is None:
            if self.named.clock is None:
                raise NotATime("names no day and no time")
            return self._bare_clock()
        day, kind = self.reader.named_day()
        if self.named.clock is not None:
            span = self._at_clock(day, kind != "fixed")
            if kind == "yearless" and self.forward and day == self.today and span.start <= self.now:
                raise NotATime("has passed already today", "today", "tomorrow")
            return span
        start, end = start_of_day(day, self.to_local), end_of_day(day, self.to_local)
        if self.named.edge is not None and not self.forward:
            return self._point(start)
        return Span(day, start, end, "day", begun=self.named.edge is not None and day < self.today)

    def _bare_clock(self) -> Span:
        """Return the nearest such time of day: the next one, or when looking back the last one that has begun."""
        today = self.today if self.named.offset is None else (self.now + self.named.offset).date()
        span = self._at_clock(today, moves=False)
        if self.forward and span.start <= self.now:
            return self._at_clock(today + DAY, moves=False)
        if not self.forward and span.start > self.now:
            return self._at_clock(today - DAY, moves=False)
        return span

    def _at_clock(self, day: date, moves: bool) -> Span:
        assert self.named.clock is not None
        hour, minute, second, micros = self.named.clock
        wall = datetime.combine(day, time(hour, minute, second or 0, micros or 0))
        if self.named.offset is None:
            start = from_local(wall, self.to_local)
        else:
            if moves and (self.now + self.named.offset).date() != self.today:
                raise NotATime("is ambiguous: it is another day in that zone now", f"{day}T{wall:%H:%M}")
            start = (wall - self.named.offset).replace(tzinfo=UTC)
        grain: Grain = "minute" if second is None else "second" if micros is None else "microsecond"
        length = {"minute": timedelta(minutes=1), "second": timedelta(seconds=1)}.get(grain, timedelta(microseconds=1))
        return Span(self.to_local(start), start, start + length - timedelta(microseconds=1), grain)
