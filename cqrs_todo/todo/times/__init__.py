"""The grammar of dates and times as people write them.

`read` gives the whole day, the instant or the period that a text means; `docs/dates.md` lists the forms. The grammar is
closed: what it does not know, what is ambiguous and what contradicts itself is refused, and the refusal names forms that
work. Nothing here reads a clock, the environment or a database of zones: the time and the zone are arguments.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from ..zones import end_of_day, from_local, start_of_day, wall_clock
from .parts import Parts
from .periods import DAY, months_later
from .tokens import tokens_of
from .words import LONGEST, VOCABULARY, WEEKDAYS, NotATime

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, TypeAlias

    from ..views import ToLocal
    from .parts import Grain
    from .tokens import Order, Token

    Lean: TypeAlias = Literal["future", "past"]
    """Where a time that could be before or after now belongs: what is due to the future, what happened to the past."""

_EARLIEST, _LATEST = date(1000, 1, 2), date(9999, 12, 30)
_MOST_WORDS = LONGEST // 2
_MOST_NAMED = 3
_SUGGESTED = {
    "future": ("tomorrow", "friday 17:00", "in 3 days", "24 dec"),
    "past": ("yesterday", "last friday 17:00", "3 days ago", "24 dec"),
}


class UnreadableTime(NotATime):
    """A text could not be read; `why` says what is wrong, and every one of `forms` can be read in its place."""

    def __init__(self, text: str, why: str, forms: Sequence[str]) -> None:
        super().__init__(why, *forms)
        self.args = (f"{text[:LONGEST]!r} {why}",)
        self.forms = tuple(forms)


class Span:
    """What a text means.

    Attributes:
        value: The whole local day (a `date`), or the aware instant, that a field such as a due date gets. Of a week, a month
            or a year it is the first day, but "next month" is a month from today.
        start: The first instant that is meant.
        end: The last one; the same for an exact point.
        grain: How long it lasts.
        begun: Whether it is a period that began before today, or the start of one.
    """

    __slots__ = ("begun", "end", "grain", "start", "value")

    def __init__(self, value: date | datetime, start: datetime, end: datetime, grain: Grain, *, begun: bool = False) -> None:
        self.value = value
        self.start = start
        self.end = end
        self.grain = grain
        self.begun = begun


def read(text: str, now: datetime, to_local: ToLocal, lean: Lean, order: Order = None) -> Span:
    """What a text means at `now`.

    Args:
        text: As typed. Hyphens between words mean the same as spaces.
        now: The present, aware.
        to_local: The zone.
        lean: Where a time belongs that could be before or after now. When looking back, what has not begun is refused.
        order: How to read dates such as 3/4/2026; without it they are refused.

    Raises:
        UnreadableTime: The text is unknown, ambiguous or contradictory.
    """
    try:
        return _read(text, now, to_local, lean, order)
    except NotATime as error:
        forms = _readable(_nearest(text, error), now, to_local, lean, order)
        raise UnreadableTime(text, error.why, forms) from error


def read_value(text: str, now: datetime, to_local: ToLocal, lean: Lean, order: Order = None) -> date | datetime:
    """The day or the instant that a field gets; arguments and errors are those of `read`.

    A period that has begun is refused: nobody means its first day by "this week".
    """
    span = read(text, now, to_local, lean, order)
    if span.begun or (lean == "past" and span.grain in ("week", "month", "quarter", "year")):
        why = "has begun already: name a day" if span.begun else f"is a whole {span.grain}: name a day"
        raise UnreadableTime(text, why, _readable(["today", "eow", "eom", "yesterday"], now, to_local, lean, order))
    return span.value


def leading_words(words: Sequence[str], now: datetime, to_local: ToLocal, lean: Lean, order: Order = None) -> int:
    """How many of these words make up the longest time that they begin with; 0 when they begin with none."""
    for count in range(min(len(words), _MOST_WORDS), 0, -1):
        try:
            _read(" ".join(words[:count]), now, to_local, lean, order)
        except NotATime:
            continue
        return count
    return 0


def is_time_word(word: str) -> bool:
    """Whether a word can only be part of a time: a number, or a word of the grammar."""
    return word[:1].isdigit() or word.lower() in VOCABULARY


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
        raise NotATime("has a character that no form of a date has")
    try:
        span = _Meaning(tokens_of(words, order), now, to_local, lean).span()
        day = span.value.date() if isinstance(span.value, datetime) else span.value
    except (OverflowError, ValueError) as error:
        if isinstance(error, NotATime):
            raise
        raise NotATime("is out of the calendar's range") from error
    if not _EARLIEST <= day <= _LATEST:
        raise NotATime("is out of the calendar's range")
    if lean == "past" and span.start > now:
        local, present = (wall_clock(instant, to_local).isoformat(" ", "minutes") for instant in (span.start, now))
        raise NotATime(f"has not come yet: that is {local}, and it is {present}")
    return span


def _nearest(text: str, error: NotATime, depth: int = 2) -> list[str]:
    """Texts that might be meant by one that can't be read."""
    words = " ".join(text[:LONGEST].lower().split())
    if not error.wrong:
        return list(error.nearest)
    if error.nearest:
        return [words.replace(error.wrong, close) for close in error.nearest]
    from difflib import get_close_matches  # only for errors

    found = [words.replace(error.wrong, close) for close in get_close_matches(error.wrong, VOCABULARY, 3, 0.7)]
    if depth and found:
        try:
            tokens_of(found[0], None)
        except NotATime as other:
            return _nearest(found[0], other, depth - 1)
    return found


def _readable(texts: Sequence[str], now: datetime, to_local: ToLocal, lean: Lean, order: Order) -> list[str]:
    """The first texts that can be read, and the usual examples after them."""
    found: list[str] = []
    for text in dict.fromkeys([*texts, *_SUGGESTED[lean]]):
        if len(found) < _MOST_NAMED and leading_words([text], now, to_local, lean, order):
            found.append(text)
    return found


class _Meaning:
    """What the parts of a text come to, at a time and in a zone."""

    def __init__(self, tokens: Sequence[Token], now: datetime, to_local: ToLocal, lean: Lean) -> None:
        self.now = now.astimezone(UTC)
        self.to_local = to_local
        self.forward = lean == "future"
        self.local = wall_clock(now, to_local)
        self.today = self.local.date()
        self.parts = Parts(tokens, self.today, forward=self.forward).read()

    def span(self) -> Span:
        """What all parts mean together."""
        parts = self.parts
        if parts.is_now:
            parts.alone("is_now")
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
            self.parts.weekday is not None
            and self.parts.tokens[0][1] in WEEKDAYS
            and back
            and days
            and not (days % 7 or months or exact)
        ):
            self.parts.alone("shift", "weekday", "clock")
            monday = self.parts.period_start("week", "this") - timedelta(days=days)
            self.parts.day, self.parts.shift, self.parts.weekday = (
                (monday + DAY * self.parts.weekday, "relative"),
                None,
                None,
            )
            return self._day_or_time()
        self.parts.alone("shift", "clock")
        day = months_later(self.today, sign * months) + timedelta(days=sign * days)
        if exact or not (months or days or self.parts.clock or self.parts.counts_days()):
            if self.parts.clock is not None:
                raise NotATime("counts hours or minutes, and names a time of day as well")
            begin = self.now
            if months or days:
                begin = from_local(datetime.combine(day, self.local.time()), self.to_local)
            instant = begin + sign * exact
            return self._point(instant)
        self.parts.day, self.parts.shift = (day, "relative"), None
        return self._day_or_time()

    def _whole_period(self, first: date, last: date, value: date, grain: Grain) -> Span:
        self.parts.alone("period")
        start, end = start_of_day(first, self.to_local), end_of_day(last, self.to_local)
        return Span(value, start, end, grain, begun=self.forward and value < self.today)

    def _day_or_time(self) -> Span:
        if self.parts.day is None and self.parts.weekday is None and self.parts.period is None:
            if self.parts.clock is None:
                raise NotATime("names no day and no time")
            return self._bare_clock()
        day, kind = self.parts.named_day()
        if self.parts.clock is not None:
            span = self._at_clock(day, kind != "fixed")
            if kind == "yearless" and self.forward and day == self.today and span.start <= self.now:
                raise NotATime("has passed already today", "today", "tomorrow")
            return span
        start, end = start_of_day(day, self.to_local), end_of_day(day, self.to_local)
        if self.parts.edge is not None and not self.forward:
            return self._point(start)
        return Span(day, start, end, "day", begun=self.parts.edge is not None and day < self.today)

    def _bare_clock(self) -> Span:
        """The nearest such time of day: the next one, or the last one that has begun."""
        today = self.today if self.parts.offset is None else (self.now + self.parts.offset).date()
        span = self._at_clock(today, moves=False)
        if self.forward and span.start <= self.now:
            return self._at_clock(today + DAY, moves=False)
        if not self.forward and span.start > self.now:
            return self._at_clock(today - DAY, moves=False)
        return span

    def _at_clock(self, day: date, moves: bool) -> Span:
        assert self.parts.clock is not None
        hour, minute, second, micros = self.parts.clock
        wall = datetime.combine(day, time(hour, minute, second or 0, micros or 0))
        if self.parts.offset is None:
            start = from_local(wall, self.to_local)
        else:
            if moves and (self.now + self.parts.offset).date() != self.today:
                raise NotATime("is ambiguous: it is another day in that zone now", f"{day}T{wall:%H:%M}")
            start = (wall - self.parts.offset).replace(tzinfo=UTC)
        grain: Grain = "minute" if second is None else "second" if micros is None else "microsecond"
        length = {"minute": timedelta(minutes=1), "second": timedelta(seconds=1)}.get(grain, timedelta(microseconds=1))
        return Span(self.to_local(start), start, start + length - timedelta(microseconds=1), grain)
