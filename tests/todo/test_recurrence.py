"""When todos recur: the rules that people type, the dates that they give, and the next todo of a series."""

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.errors import UnreadableRule
from cqrs_todo.todo.fields import FIELDS, Todo
from cqrs_todo.todo.recurrence import (
    begun,
    check,
    days_from,
    due_on,
    first_day,
    moved_to,
    next_day,
    next_id,
    next_todo,
    skipped_day,
)
from cqrs_todo.todo.rules import leading_words_of_rule, read_rule, rule_in_words
from cqrs_todo.todo.values import ID, Recurrence, ToLocal, check_every

SHARED = Path(__file__).parents[3] / "shared/data/recurrence.json"
ANCHOR = date(2026, 3, 25)  # a Wednesday
BERLIN = "Europe/Berlin"


def zones(name: str | None) -> ToLocal:
    zone = ZoneInfo(name or BERLIN)
    return lambda instant: instant.astimezone(zone)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.fixture(scope="module")
def judged() -> Any:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is not there")
    return json.loads(SHARED.read_text())


def test_all_judged_rules_are_read_and_give_the_judged_dates(judged: Any) -> None:
    for case in judged["rules"]:
        anchor = day(case["anchor"])
        if case["every"] is not None:
            for text in (case["every"], case["every"].replace(" ", "-"), case["every"].upper()):
                assert read_rule(text, anchor) == (case["rule"], False), text
        every = Recurrence(case["rule"], case["anchor"])
        check(every)
        assert [found.isoformat() for found in days_from(every, anchor, 5)] == case["first5"], case


def test_the_next_date_is_the_judged_one_counted_from_the_due_date_or_the_completion(judged: Any) -> None:
    for case in judged["from_due"]:
        every = Recurrence(case["rule"], case["anchor"])
        done = day(case["done"])
        assert next_day(every, day(case["due"]), done, done) == day(case["next"]), case
    for case in judged["from_completion"]:
        rule, after = read_rule(f"after {case['after']}", ANCHOR)
        done = day(case["done"])
        assert next_day(Recurrence(rule, "2026-01-01", after=after), None, done, done) == day(case["next"]), case


def test_times_of_day_stay_the_same_on_the_clock_when_the_clocks_change(judged: Any) -> None:
    for case in judged["wall_clock"]:
        every = Recurrence("FREQ=DAILY", case["anchor"], case["clock"], case["zone"])
        found = [due_on(each, every, zones) for each in days_from(every, day(case["anchor"]), 5)]
        assert [datetime.fromisoformat(due).isoformat() for due in found] == case["instants"], case


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("daily", "FREQ=DAILY", "day"),
        ("every day", "FREQ=DAILY", "day"),
        ("other-week", "FREQ=WEEKLY;INTERVAL=2", "2 weeks"),
        ("second week", "FREQ=WEEKLY;INTERVAL=2", "2 weeks"),
        ("1 day", "FREQ=DAILY", "day"),
        ("workdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "weekday"),
        ("mon , fri", "FREQ=WEEKLY;BYDAY=MO,FR", "mon,fri"),
        ("Fridays", "FREQ=WEEKLY;BYDAY=FR", "friday"),
        ("fri,mon,fri", "FREQ=WEEKLY;BYDAY=MO,FR", "mon,fri"),
        ("2w-on-tues", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2 weeks on tuesday"),
        ("month-on-1,31", "FREQ=MONTHLY;BYMONTHDAY=1,-1", "month on 1,31"),
        ("1st,15th", "FREQ=MONTHLY;BYMONTHDAY=1,15", "month on 1,15"),
        ("last day", "FREQ=MONTHLY;BYMONTHDAY=-1", "month on last"),
        ("first weekday", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", "1st weekday"),
        ("5th sunday", "FREQ=MONTHLY;BYDAY=5SU", "5th sunday"),
        ("dec 24", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", "24 dec"),
        ("24th of december", None, None),
        ("2y", "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYMONTHDAY=25", "2 years"),
        ("2 years on 1 apr", "FREQ=YEARLY;INTERVAL=2;BYMONTH=4;BYMONTHDAY=1", "2 years on 1 apr"),
        ("freq=daily;count=3", "FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=3"),
        ("FREQ=WEEKLY;BYDAY=MO;WKST=SU", "FREQ=WEEKLY;BYDAY=MO;WKST=SU", "FREQ=WEEKLY;BYDAY=MO;WKST=SU"),
    ],
)
def test_rules_are_read_and_written_in_words_that_mean_the_same(text: str, rule: str | None, words: str | None) -> None:
    if rule is None:
        with pytest.raises(UnreadableRule):
            read_rule(text, ANCHOR)
        return
    assert read_rule(text, ANCHOR) == (rule, False)
    assert rule_in_words(Recurrence(rule, ANCHOR.isoformat())) == words


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "x", "0 days", "-2 weeks", "1000 days", "days of thunder", "month on", "month on 0", "month on 32"),
        *("month on 29,30", "32nd", "6th monday", "31 apr", "30 feb", "last", "first", "on monday", "monday,x", "week on 3"),
        *("after", "after monday", "after month on 31", "after:", "2 weeks on", "year on monday", "month on 1 apr"),
        *("every", "every every", "FREQ=HOURLY", "FREQ=", "FREQ=DAILY;", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=1001"),
        *("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;RSCALE=HEBREW", "FREQ=MONTHLY;SKIP=OMIT", "FREQ=WEEKLY;BYDAY=TH,2SU"),
        *(
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=DAILY;UNTIL=x",
            "FREQ=DAILY;UNTIL=20261301",
            "FREQ=DAILY;BYHOUR=3",
            "FREQ=YEARLY;BYDAY=99MO",
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "FREQ=YEARLY;BYMONTH=13",
            "\N{SNOWMAN}",
        ),
        *("FREQ=DAILY;COUNT=\N{SUPERSCRIPT TWO}", "FREQ=DAILY;\nX=1", "2" * 5000),
    ],
)
def test_a_text_that_means_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UnreadableRule):
        read_rule(text, ANCHOR)


def test_one_hundred_thousand_random_texts_are_rules_or_are_refused() -> None:
    words = (
        "every after day days week 2 3w 31 1st last first mon monday,thu on month year apr 29 feb weekday , - FREQ=DAILY ;"
    )
    rng = random.Random(7)
    read = 0
    for _ in range(100_000):
        text = " ".join(rng.choices(words.split(), k=rng.randint(1, 5)))
        try:
            rule, after = read_rule(text, ANCHOR)
        except UnreadableRule:
            continue
        read += 1
        if rng.random() < 0.02:
            every = Recurrence(rule, ANCHOR.isoformat(), after=after)
            again = rule_in_words(every)
            assert read_rule(again, ANCHOR) == (rule, after), text
    assert read > 1000


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "gives no date"),
        ("FREQ=DAILY;UNTIL=20200101", "gives no date"),
        ("FREQ=YEARLY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=30", "gives no date"),
        ("FREQ=SECONDLY", "does not say"),
        ("", "does not say"),
    ],
)
def test_an_imported_rule_that_gives_no_date_is_rejected_at_once(rule: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        check(Recurrence(rule, "2026-03-25"))


@pytest.mark.parametrize(
    ("anchor", "time", "zone"),
    [("x", None, None), ("2026-03-25", "25:00", None), ("2026-03-25", "9", None), ("2026-03-25", "09:00", "../../etc\n")],
)
def test_a_recurrence_with_a_part_of_a_wrong_form_cannot_be_made_or_is_rejected(
    anchor: str, time: str | None, zone: str | None
) -> None:
    with pytest.raises((Rejected, ValueError)):
        check_every(Recurrence("FREQ=DAILY", anchor, time, zone))


def test_a_series_with_a_count_or_an_end_ends() -> None:
    counted = Recurrence("FREQ=DAILY;COUNT=3", "2026-03-25")
    assert days_from(counted, ANCHOR, 9) == [day("2026-03-25"), day("2026-03-26"), day("2026-03-27")]
    assert next_day(counted, day("2026-03-27"), day("2026-03-27"), day("2026-03-27")) is None
    ending = Recurrence("FREQ=WEEKLY;UNTIL=20260401T120000Z", "2026-03-25")
    assert days_from(ending, ANCHOR, 9) == [day("2026-03-25"), day("2026-04-01")]


def test_the_dates_after_a_completion_are_not_known_in_advance() -> None:
    assert days_from(Recurrence("FREQ=DAILY;INTERVAL=3", "2026-03-25", after=True), ANCHOR, 5) == []


@pytest.mark.parametrize(
    ("rule", "after", "due", "today", "expected"),
    [
        ("FREQ=DAILY", False, "2026-03-25", "2026-03-25", "2026-03-26"),
        ("FREQ=DAILY", False, "2026-03-20", "2026-03-25", "2026-03-25"),
        ("FREQ=WEEKLY;BYDAY=MO", False, "2026-03-30", "2026-03-25", "2026-04-06"),
        ("FREQ=WEEKLY;BYDAY=MO", False, "2026-03-23", "2026-03-25", "2026-03-30"),
        ("FREQ=DAILY;INTERVAL=3", True, "2026-03-25", "2026-03-25", "2026-03-28"),
        ("FREQ=DAILY;INTERVAL=3", True, "2026-03-20", "2026-03-25", "2026-03-28"),
        ("FREQ=DAILY;INTERVAL=3", True, "2026-03-27", "2026-03-25", "2026-03-30"),
    ],
)
def test_skipping_leads_to_the_next_date_that_is_not_in_the_past(
    rule: str, after: bool, due: str, today: str, expected: str
) -> None:
    every = Recurrence(rule, "2026-03-01", after=after)
    assert skipped_day(every, day(due), day(today)) == day(expected)


def recurring(text: str, due: str | None, **fields: Any) -> Todo:
    every, first = begun(text, due, ANCHOR, zones(None), BERLIN)
    return Todo("x", datetime(2026, 3, 1, tzinfo=UTC), due=first, every=every, **fields)


@pytest.mark.parametrize(
    ("text", "due", "first", "anchor", "time"),
    [
        ("friday", None, "2026-03-27", "2026-03-25", None),
        ("day", None, "2026-03-25", "2026-03-25", None),
        ("after 3 days", None, "2026-03-25", "2026-03-25", None),
        ("month", "2026-04-30", "2026-04-30", "2026-04-30", None),
        ("day", "2026-03-28T08:00:00Z", "2026-03-28T08:00:00Z", "2026-03-28", "09:00"),
        ("day", "2026-03-28T23:30:15Z", "2026-03-28T23:30:15Z", "2026-03-29", "00:30:15"),
    ],
)
def test_a_series_begins_on_the_due_date_or_on_its_first_date(
    text: str, due: str | None, first: str, anchor: str, time: str | None
) -> None:
    todo = recurring(text, due)
    assert todo.every is not None
    assert (todo.due, todo.every.anchor, todo.every.time) == (first, anchor, time)
    assert todo.every.zone == (None if time is None else BERLIN)


def test_a_series_that_never_begins_is_refused() -> None:
    with pytest.raises(UnreadableRule, match="gives no date"):
        begun("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", None, ANCHOR, zones(None), BERLIN)


def completed(todo: Todo, at: str, on: str | None = None) -> Todo | None:
    done = Todo(**{name: getattr(todo, name) for name in todo.__struct_fields__ if name != "completed"}, completed=on or at)
    return next_todo(done, datetime.fromisoformat(at), zones)


def test_the_next_todo_has_the_same_fields_and_its_wait_and_reminder_move_with_it() -> None:
    todo = recurring(
        "week",
        "2026-03-25T16:00:00Z",
        note="n",
        priority="H",
        tags=("a",),
        project="p",
        parent="k1",
        depends=("k2",),
        wait="2026-03-23",
        reminder=datetime(2026, 3, 25, 15, tzinfo=UTC),
        acknowledged=datetime(2026, 3, 25, 15, tzinfo=UTC),
        attributes=(("size", "L"),),
    )
    following = completed(todo, "2026-03-25T18:00:00Z")
    assert following is not None
    # summer time begins between the two: the local times stay
    assert following.due == "2026-04-01T15:00:00Z"
    assert following.reminder == datetime(2026, 4, 1, 14, tzinfo=UTC)
    assert following.wait == "2026-03-30"
    assert following.completed is None
    assert following.depends == ()
    assert [field for field in FIELDS if not getattr(todo, field.name)] == [], "a new field needs a value here"
    kept = [field.name for field in FIELDS if getattr(following, field.name) == getattr(todo, field.name)]
    assert kept == [field.name for field in FIELDS if field.in_series]


def test_a_wait_until_an_instant_moves_by_days_of_the_calendar() -> None:
    todo = recurring("week", "2026-03-25", wait="2026-03-24T07:00:00Z")
    following = completed(todo, "2026-03-25T18:00:00Z")
    assert following is not None
    assert following.wait == "2026-03-31T06:00:00Z"


def test_three_weeks_late_gives_one_next_todo_that_is_not_in_the_past() -> None:
    following = completed(recurring("day", "2026-03-25"), "2026-04-15T10:00:00Z")
    assert following is not None
    assert following.due == "2026-04-16"


def test_what_was_done_on_an_earlier_day_is_followed_by_a_date_after_today() -> None:
    following = completed(recurring("day", "2026-03-25"), "2026-03-30T10:00:00Z", on="2026-03-25")
    assert following is not None
    assert following.due == "2026-03-31"
    after = completed(recurring("after 3 days", "2026-03-25"), "2026-03-30T10:00:00Z", on="2026-03-29")
    assert after is not None
    assert after.due == "2026-04-01"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("2026-03-25T16:00:00Z", "2026-03-26T16:00:00Z"),  # 17:00 in place of 9:00
        ("2026-03-25", "2026-03-26"),
    ],
)
def test_a_series_follows_the_time_of_day_of_the_due_date_as_it_is_now(changed: str, expected: str) -> None:
    todo = replace(recurring("day", "2026-03-25T08:00:00Z"), due=changed)
    following = completed(todo, "2026-03-25T18:00:00Z")
    assert following is not None
    assert following.due == expected
    again = completed(following, "2026-03-26T18:00:00Z")
    assert again is not None
    assert (again.due or "")[10:] == expected[10:]


def test_a_time_that_a_change_of_the_clocks_moved_does_not_stay_moved() -> None:
    todo = recurring("day", "2026-03-28T01:30:00Z")  # 2:30 in Berlin, which does not exist on the 29th
    moved = completed(todo, "2026-03-28T10:00:00Z")
    assert moved is not None
    assert moved.due == "2026-03-29T01:30:00Z"  # 3:30
    back = completed(moved, "2026-03-29T10:00:00Z")
    assert back is not None
    assert back.due == "2026-03-30T00:30:00Z"


@pytest.mark.parametrize("text", ["day", "month", "year", "after 3 days", "after 2 years"])
def test_a_series_ends_with_the_calendar(text: str) -> None:
    for due, wait in (("9999-12-31", None), ("9999-12-30T23:00:00Z", None), ("2026-03-25", "9999-12-31")):
        todo = recurring(text, due, wait=wait)
        at = "9999-12-31T10:00:00Z" if due > "9999" else "2026-03-25T10:00:00Z"
        following = completed(todo, at)
        assert following is None or (following.due or "") > due
        assert skipped_day(Recurrence("FREQ=DAILY", "2026-03-25"), date.max, date.max) is None


def test_the_last_of_a_series_has_no_next_one() -> None:
    assert completed(recurring("FREQ=DAILY;COUNT=1", "2026-03-25"), "2026-03-25T10:00:00Z") is None


@given(st.text("abcdefghjkmnpqrstvwxyz0123456789", min_size=1, max_size=12).map(lambda text: f"k{text}"))
def test_the_id_of_the_next_todo_follows_from_that_of_the_present_one(id: str) -> None:
    import re

    assert re.fullmatch(ID, next_id(id))
    assert next_id(id) == next_id(id) != id
    assert next_id(next_id(id)) not in (id, next_id(id))


@given(
    st.sampled_from(["day", "3 days", "weekday", "2 weeks on tue,thu", "month", "month on last", "last friday", "year"]),
    st.dates(date(2020, 1, 1), date(2050, 1, 1)),
    st.integers(-400, 400),
)
def test_law_the_next_date_is_a_date_of_the_rule_and_comes_after_both_the_due_date_and_today(
    text: str, anchor: date, distance: int
) -> None:
    rule, _ = read_rule(text, anchor)
    every = Recurrence(rule, anchor.isoformat())
    today = anchor + timedelta(days=distance)
    found = next_day(every, anchor, today, today)
    assert found is not None
    assert found > max(anchor, today)
    assert first_day(every, found) == found
    assert not any(max(anchor, today) < each < found for each in days_from(every, anchor, 1000))


def test_a_todo_that_does_not_recur_cannot_be_moved() -> None:
    calls: list[Callable[[], object]] = [
        lambda: moved_to(Todo("x", datetime(2026, 3, 1, tzinfo=UTC)), ANCHOR, ANCHOR, zones),
        lambda: next_todo(Todo("x", datetime(2026, 3, 1, tzinfo=UTC)), datetime(2026, 3, 1, tzinfo=UTC), zones),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="does not recur"):
            call()


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["2", "weeks", "Pay"], 2),
        (["month", "on", "31"], 3),
        (["month", "on", "Friday"], 1),
        (["last", "friday", "x"], 2),
        (["x"], 0),
        ([], 0),
        (["after", "3", "days"], 3),
    ],
)
def test_the_longest_rule_that_words_begin_with_is_found(words: list[str], count: int) -> None:
    assert leading_words_of_rule(words, ANCHOR) == count


@pytest.mark.parametrize("text", ["after:3d", "after:3-days", "after 3 days", "every after 3 days", "AFTER:3D"])
def test_a_rule_may_be_written_with_its_marker(text: str) -> None:
    assert read_rule(text, date(2026, 3, 1)) == ("FREQ=DAILY;INTERVAL=3", True)
    assert read_rule("every:2-weeks", date(2026, 3, 1)) == read_rule("2 weeks", date(2026, 3, 1))
