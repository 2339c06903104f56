"""How far a time is from now, in words."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.todo.distance import relative_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 17, 9, 30, tzinfo=BERLIN)


def local(instant: datetime) -> datetime:
    return instant.astimezone(BERLIN)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-03-17T09:30", "now"),
        ("2026-03-17T09:29:01", "now"),
        ("2026-03-17T09:30:59", "now"),
        ("2026-03-17T09:29", "1 min ago"),
        ("2026-03-17T10:29:59", "in 59 min"),
        ("2026-03-17T08:30", "1 h ago"),
        ("2026-03-17T12:45", "in 3 h"),
        ("2026-03-16T09:31", "23 h ago"),
        ("2026-03-18T09:29", "in 23 h"),
        ("2026-03-16T09:29", "yesterday"),
        ("2026-03-18T23:59", "tomorrow"),
        ("2026-03-15T23:59", "2 days ago"),
        ("2026-03-17", "today"),
        ("2026-03-16", "yesterday"),
        ("2026-03-18", "tomorrow"),
        ("2026-03-20", "in 3 days"),
        ("2026-03-04", "13 days ago"),
        ("2026-03-03", "2 weeks ago"),
        ("2026-05-18", "in 8 weeks"),
        ("2026-05-19", "in 2 months"),
        ("2025-03-18", "11 months ago"),
        ("2025-03-17", "12 months ago"),
        ("2024-03-18", "23 months ago"),
        ("2024-03-17", "2 years ago"),
        ("2046-03-17", "in 20 years"),
    ],
)
def test_a_distance_is_in_the_unit_in_which_people_say_it(value: str, words: str) -> None:
    parsed = datetime.fromisoformat(value).replace(tzinfo=BERLIN) if "T" in value else date.fromisoformat(value)
    assert relative_time(parsed, NOW, local) == words


def test_on_a_day_of_25_hours_the_first_hour_is_not_called_yesterday() -> None:
    night = datetime(2026, 10, 25, 0, 10, tzinfo=BERLIN)
    assert relative_time(night, datetime(2026, 10, 25, 23, 50, tzinfo=BERLIN), local) == "24 h ago"


@given(st.datetimes(datetime(2, 1, 1), datetime(9000, 1, 1)), st.timedeltas(timedelta(0), timedelta(days=300_000)))
def test_there_and_back_is_the_same_distance(start: datetime, length: timedelta) -> None:
    now = start.replace(tzinfo=UTC)
    ahead = relative_time(now + length, now, local)
    back = relative_time(now, now + length, local)
    opposite = {"now": "now", "tomorrow": "yesterday"}.get(ahead, f"{ahead.removeprefix('in ')} ago")
    assert back == opposite
