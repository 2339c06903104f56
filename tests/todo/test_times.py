"""The grammar of dates and times: the tables of docs/dates.md, and laws that hold for every text."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.todo.times import Span, UnreadableTime, leading_words, read, read_value
from cqrs_todo.todo.times.words import VAGUE, VOCABULARY
from cqrs_todo.todo.values import ToLocal

if TYPE_CHECKING:
    from cqrs_todo.todo.times import Lean
    from cqrs_todo.todo.times.tokens import Order

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/data"
LEANS: list[Lean] = ["future", "past"]


def zone(name: str) -> ToLocal:
    return lambda instant: instant.astimezone(ZoneInfo(name))


BERLIN, LONDON = zone("Europe/Berlin"), zone("Europe/London")
NOW = datetime(2026, 3, 25, 9, tzinfo=UTC)
"""Wednesday, 10:00 in Berlin."""
DOCUMENTED = datetime(2026, 5, 14, 14, 30, tzinfo=UTC)
"""Thursday, 15:30 in London."""


def documented() -> list[tuple[str, Lean, str]]:
    """The rows of the tables in docs/dates.md: a text, how it leans, and what it means."""
    rows: list[tuple[str, Lean, str]] = []
    for line in (ROOT / "docs/dates.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "written":
            rows += [(cells[0], "future", cells[1]), (cells[0], "past", cells[2])]
    return rows


def shown(span: Span) -> str:
    """A span as the tables show it."""
    value = span.value
    if isinstance(value, datetime):
        return f"{value:%a} {value.replace(tzinfo=None).isoformat(' ', 'auto' if value.second else 'minutes')}"
    return f"{value:%a} {value}" + ("" if span.grain == "day" else f" ({span.grain})")


def test_the_tables_have_at_least_150_forms() -> None:
    assert len({text for text, _, _ in documented()}) >= 150


@pytest.mark.parametrize(("text", "lean", "meant"), documented())
def test_the_documented_forms_mean_what_the_tables_say(text: str, lean: Lean, meant: str) -> None:
    if meant == "refused":
        with pytest.raises(UnreadableTime):
            read(text, DOCUMENTED, LONDON, lean)
    else:
        assert shown(read(text, DOCUMENTED, LONDON, lean)) == meant


def judged(file: str) -> list[dict[str, Any]]:
    """The phrases of a file that is shared by several programs, where it is at hand."""
    path = SHARED / file
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def comparable(text: str | None) -> str | datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text is not None and "T" in text else text


@pytest.mark.parametrize("file", ["phrases.json", "moments.json"])
def test_phrases_that_people_judged_are_read_as_they_expect(file: str) -> None:
    phrases = judged(file)
    if not phrases:
        pytest.skip(f"{SHARED / file} is not here")
    wrong: list[tuple[dict[str, Any], object]] = []
    for phrase in phrases:
        answers = [comparable(answer) for answer in (phrase["right"], *phrase["also"])]
        found: Span | None = None
        try:
            found = read(phrase.get("text", ""), datetime.fromisoformat(phrase["now"]), zone(phrase["zone"]), phrase["lean"])
            answer = found.value.astimezone(UTC) if isinstance(found.value, datetime) else found.value.isoformat()
        except UnreadableTime:
            answer = None
        if answer not in answers:
            wrong.append((phrase, answer))
        elif found is not None and answer == answers[0] and phrase.get("since"):
            edges = tuple(datetime.fromisoformat(phrase[edge]) for edge in ("since", "at"))
            if edges != (found.start, found.end):
                wrong.append((phrase, (found.start, found.end)))
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("march 25", "2026-03-25", "2026-03-25"),
        ("31 dec", "2026-12-31", "2026-12-31"),
        ("29 feb", "2026-03-25", "2028-02-29"),
        ("31st", "2026-04-30", "2026-05-31"),
        ("1 month ago", "2026-03-31", "2026-02-28"),
        ("in a month", "2027-01-31", "2027-02-28"),
        ("a year ago", "2028-02-29", "2027-02-28"),
        ("eow", "2026-03-29", "2026-03-29"),
        ("next month", "2026-12-31", "2027-01-31"),
        ("weekend", "2026-03-28", "2026-03-28"),
        ("2026-W53-5", "2026-03-25", "2027-01-01"),
        ("first monday of january", "2026-01-06", "2027-01-04"),
    ],
)
def test_dates_at_the_ends_of_months_and_years_are_read(text: str, now: str, meant: str) -> None:
    noon = datetime.fromisoformat(f"{now}T12:00+00:00")
    assert read(text, noon, LONDON, "future").value == date.fromisoformat(meant)


LOOKS_BACK = {"yesterday", "ago", "last", "past", "before"}
"""Words with which a person names a time in the past."""

ahead_phrases = st.lists(st.sampled_from(sorted({*VOCABULARY, "1st", "2", "15th", "31st"} - LOOKS_BACK)), max_size=6)
days_of_months = st.tuples(
    st.sampled_from(["1st", "first", "15th", "20th", "31st", "2nd friday", "first monday", "last friday", "first day"]),
    st.sampled_from(["of month", "of the month", "of next month", "of june", "of march"]),
).map(lambda parts: list(parts))


@for_all(ahead_phrases | days_of_months, st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_looking_ahead_no_text_that_names_nothing_past_means_a_past_day(words: list[str], now: datetime) -> None:
    try:
        value = read_value(" ".join(words), now, LONDON, "future")
    except UnreadableTime:
        return
    day = value.date() if isinstance(value, datetime) else value
    assert day >= now.astimezone(ZoneInfo("Europe/London")).date()


@pytest.mark.parametrize(
    "text", ["15th of the month", "first monday of the month", "first day of the month", "1st of month"]
)
def test_a_day_of_the_month_is_the_next_one_or_the_last_one(text: str) -> None:
    ahead, back = (read(text, NOW, BERLIN, lean).value for lean in LEANS)
    assert isinstance(ahead, date)
    assert ahead.month == 4
    assert isinstance(back, date)
    assert back.month == 3


@pytest.mark.parametrize(
    "text",
    ["15th of this month", "first monday of this month", "first day of this month", "monday this week", "this week monday"],
)
def test_a_day_of_this_period_that_is_over_is_refused_looking_ahead(text: str) -> None:
    with pytest.raises(UnreadableTime, match="has passed already"):
        read(text, NOW, BERLIN, "future")
    assert str(read(text, NOW, BERLIN, "past").value) < "2026-03-25"


@pytest.mark.parametrize(
    ("order", "text", "meant"),
    [
        ("DMY", "3/4/2026", "2026-04-03"),
        ("MDY", "3/4/2026", "2026-03-04"),
        ("YMD", "3/4/2026", "2026-03-04"),
        ("DMY", "3.4.", "2026-04-03"),
        ("MDY", "3/27", "2026-03-27"),
        ("DMY", "1/2/27", "2027-02-01"),
        ("MDY", "1/2/27", "2027-01-02"),
        ("YMD", "27/1/2", "2027-01-02"),
        ("DMY", "12/24/2026", "2026-12-24"),
        ("MDY", "2026/03/04", "2026-03-04"),
    ],
)
def test_the_date_order_decides_how_numeric_dates_are_read(order: Order, text: str, meant: str) -> None:
    assert read(text, NOW, BERLIN, "future", order).value == date.fromisoformat(meant)


@pytest.mark.parametrize(
    ("text", "lean", "why", "form"),
    [
        ("tomorow 9am", "future", "not known: 'tomorow'", "tomorrow 9am"),
        ("3 dasy ago", "past", "not known: 'dasy'", "3 days ago"),
        ("last fridya at nooon", "past", "not known: 'fridya'", "last friday at noon"),
        ("friday 17", "future", "an hour or a day", "friday 17:00"),
        ("tomorrow at 9", "future", "an hour or a day", "tomorrow at 21:00"),
        ("friday 25 march", "future", "2026-03-25 is a wednesday", "friday 2026-03-27"),
        ("friday 25 march", "past", "2026-03-25 is a wednesday", "wednesday 2026-03-25"),
        ("before yesterday", "past", "all time on one side", "day before yesterday"),
        ("3/4/2026", "future", "day and month could be either way round", "2026-04-03"),
        ("31 april", "future", "april has no day 31", "30 april"),
        ("2027-02-29", "future", "there is no 2027-02-29", "2027-02-28"),
        ("1m", "past", "minutes or months", "1 minutes"),
        ("9h30", "future", "a time of day or a length of time", "9:30"),
        ("17h", "future", "a time of day or a length of time", "17:00"),
        ("17h", "future", "a time of day or a length of time", "in 17 hours"),
        ("17 h", "past", "a time of day or a length of time", "17 hours ago"),
        ("friday 9h", "future", "a time of day or a length of time", "friday 9:00"),
        ("1730h", "past", "a time of day or a length of time", "17:30"),
        ("0930h", "future", "begins with 0", "09:30"),
        ("05 minutes ago", "past", "begins with 0", "5 minutes ago"),
        ("in 09h", "future", "begins with 0", "in 9 hours"),
        ("0930", "future", "a year or a time", "09:30"),
        ("half a week ago", "past", "no exact half", "84 hours ago"),
        ("two and a half days ago", "past", "no exact half", "60 hours ago"),
        ("a day and a half ago", "past", "no exact half", "36 hours ago"),
        ("in 1.5 days", "future", "a fraction of a day", "in 36 hours"),
        ("in half a month", "future", "no exact half", "in 15 days"),
        ("1 1/2 hours ago", "past", "a fraction", "1.5 hours ago"),
        ("in 1/2 hour", "future", "a fraction", "in 0.5 hour"),
        ("saturday morning", "future", "vague", "saturday 9:00"),
        ("last night", "past", "vague", "yesterday 21:00"),
        ("this evening", "future", "vague", "today 18:00"),
        ("tomorrow midnight", "future", "at the start or at the end", "tomorrow 0:00"),
        ("2026-4", "future", "is not a date", "2026-04"),
        ("2026/02", "past", "is not a date", "2026-02"),
        ("next week 9am", "future", "a time of day and a whole week", "2026-03-30 9:00"),
        ("15th next month", "future", "a day and a whole month", "15th of next month"),
        ("a week today", "future", "how they belong together", "a week from today"),
        ("2026-03-24 17:00:60", "past", "no day has: 17:00:60", "2026-03-24 17:00:59"),
        ("yesterday 25:00", "past", "no day has: 25:00", "yesterday 23:59"),
        ("3 o'clock", "future", "not known", "15:00"),
        ("yesterday quarter to four", "past", "not known", "yesterday 3:45"),
        ("half past three", "past", "does not fit", "15:30"),
        ("24.12", "future", "a time or a date", "24/12"),
        ("tonight", "future", "vague", "today 20:00"),
        ("second monday", "future", "no month", "2nd monday of next month"),
        ("17:00;", "future", "';'", "17:00"),
        ("22th", "future", "misspelt", "22nd"),
        ("today 17:00", "past", "that is 2026-03-25 17:00, and it is 2026-03-25 10:00", "yesterday"),
        ("2026-03-25T09:30Z", "past", "that is 2026-03-25 10:30, and it is 2026-03-25 10:00", "yesterday"),
        ("in 99999 years", "future", "too far away: dates go from 2 January 1000 to 30 December 9999", "tomorrow"),
        ("1000000 days", "future", "too far away: a length of time is at most 99,999 of a unit", "tomorrow"),
        ("in 99999999 days", "future", "too far away", "tomorrow"),
        ("99999999-days-ago", "past", "too far away", "yesterday"),
        ("+99999999d", "future", "too far away", "tomorrow"),
        ("in 99999999999999999999 hours", "future", "too far away", "tomorrow"),
        ("99999-01-01", "future", "too far away", "tomorrow"),
        ("12000/1/1 10:00", "future", "too far away", "tomorrow"),
        ("31.1.12000", "future", "too far away", "tomorrow"),
        ("jan 1 12000", "future", "too far away", "tomorrow"),
        ("0999-12-31", "past", "too far away", "yesterday"),
        ("", "past", "is empty", "3 days ago"),
        ("tomorrow" * 20, "future", "too long", "tomorrow"),
        ("tomorrow\x1b[2J", "future", "a character", "tomorrow"),
        ("１７:00", "future", "a character", "tomorrow"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_names_forms_that_work(text: str, lean: Lean, why: str, form: str) -> None:
    with pytest.raises(UnreadableTime) as caught:
        read(text, NOW, BERLIN, lean)
    assert why in str(caught.value)
    assert form in caught.value.forms
    for offered in caught.value.forms:
        read(offered, NOW, BERLIN, lean)


@pytest.mark.parametrize("text", ["this week", "this month", "2026", "march", "start of the month", "2026-W13", "last week"])
def test_a_field_does_not_get_the_first_day_of_a_period_that_has_begun(text: str) -> None:
    with pytest.raises(UnreadableTime, match=r"has begun already|a year or a time"):
        read_value(text, NOW, BERLIN, "future")


def test_a_field_of_the_past_gets_a_day_and_not_a_period() -> None:
    assert read_value("last friday", NOW, BERLIN, "past") == date(2026, 3, 20)
    with pytest.raises(UnreadableTime, match="a whole month: name a day"):
        read_value("last month", NOW, BERLIN, "past")


def test_a_date_relative_to_today_with_a_zone_in_which_it_is_another_day_is_refused() -> None:
    late = datetime(2026, 3, 25, 23, 30, tzinfo=UTC)  # the 26th in Berlin
    assert read("2026-03-27 17:00Z", late, BERLIN, "future").start == datetime(2026, 3, 27, 17, tzinfo=UTC)
    with pytest.raises(UnreadableTime, match="another day in that zone"):
        read("tomorrow 17:00Z", late, BERLIN, "future")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("3 days ago ls --all", 3),
        ("last friday 17:00", 3),
        ("last friday 17:00 history 3", 3),
        ("5 minutes ago show 3", 3),
        ("yesterday ls milk", 1),
        ("a week ago at noon ls", 5),
        ("monday last week stats", 3),
        ("2026-03-20 17:30 diff", 2),
        ("99999999 days ago ls", 3),
        ("ls yesterday", 0),
        ("@3 ls", 0),
        ("", 0),
        ("1 year 2 months 3 weeks 4 days 5 hours 6 minutes 7 seconds ago ls", 15),
    ],
)
def test_the_longest_time_at_the_beginning_of_some_words_is_counted(words: str, count: int) -> None:
    assert leading_words(words.split(), NOW, BERLIN, "past") == count


def test_a_single_word_may_contain_the_complete_time() -> None:
    assert leading_words(["last friday 17:00", "ls"], NOW, BERLIN, "past") == 1


NUMERALS = ["1", "2", "05", "15", "31", "2026", "17:00", "9:30:15", "5pm", "2026-03-20", "2026-W12", "24/12", "15th", "1.5"]
MARKS = ["+", "-", ",", ".", "/", ":", "Z", "+01:00", "+", "h", "T"]
phrases = st.lists(st.sampled_from([*sorted(VOCABULARY), *sorted(VAGUE), *NUMERALS, *MARKS]), max_size=7).flatmap(
    lambda words: st.lists(st.sampled_from([" ", " ", " ", "-", ""]), min_size=len(words), max_size=len(words)).map(
        lambda gaps: "".join(map("".join, zip(words, gaps, strict=True)))
    )
)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["Europe/Berlin", "America/Santiago", "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns"])


@for_all(phrases | st.text(max_size=30), instants, zones, st.sampled_from(LEANS), st.sampled_from([None, "DMY", "YMD"]))
def test_any_text_is_a_time_or_refused_with_forms_that_work(
    text: str, now: datetime, name: str, lean: Lean, order: Order
) -> None:
    to_local = zone(name)
    try:
        span = read(text, now, to_local, lean, order)
    except UnreadableTime as error:
        for form in error.forms or pytest.fail("no form is offered"):
            read(form, now, to_local, lean, order)
        return
    assert span.start <= span.end or span.start == to_local(span.start)
    if isinstance(span.value, datetime):
        assert span.value.utcoffset() is not None
        assert span.value == span.start
    if lean == "past":
        assert span.start <= now


@for_all(phrases, st.sampled_from(LEANS))
def test_hyphens_between_words_mean_the_same_as_spaces(text: str, lean: Lean) -> None:
    text = " ".join(text.replace("-", " ").split())
    if not text or any(mark in text for mark in "+,./:") or any(char.isdigit() for char in text):
        return

    def meant(text: str) -> Any:
        try:
            span = read(text, NOW, BERLIN, lean)
        except UnreadableTime as error:
            return error.why
        return span.value, span.start, span.end

    assert meant(text.replace(" ", "-")) == meant(text) == meant(text.upper())


def test_the_grammar_imports_nothing_heavy_and_no_clock() -> None:
    code = (
        "import sys; before = set(sys.modules); import cqrs_todo.todo.times; "
        "print(sorted({'re', 'typing', 'msgspec', 'zoneinfo', 'calendar', 'dataclasses'} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("q5 2026", "names a quarter that no year has"),
        ("2026-13", "there is no month 13"),
        ("2026-12-24x", "has something joined to a date"),
        ("2026-12-24T9x", "has no time of day after the T"),
        ("2026-w60", "2026 has no such week or day"),
        ("2026-400", "2026 has no day 400"),
        ("24.12.2026x", "has something joined to a date"),
        ("3/4/6", "write the year with four digits"),
        ("40/40/2026", "40 and 40 are not a day and a month"),
        ("12:30:", "has something joined to a time of day"),
        ("12:30:15.1234567", "has more than six digits after the second"),
        ("12:30+15:00", "has an offset from UTC that no zone has"),
        ("today+2 hours", "adds hours to a whole day"),
        ("the 32nd", "no month has a day 32"),
        ("fifth friday of february 2026", "that month has no such day"),
        ("5th friday in february", "no year has that day"),
    ],
)
def test_a_text_that_is_no_time_is_refused_for_its_own_reason(text: str, why: str) -> None:
    with pytest.raises(UnreadableTime) as caught:
        read(text, datetime(2026, 11, 29, 9, tzinfo=UTC), lambda instant: instant, "future", None)
    assert why in str(caught.value)
