"""Conversion between local time and instants, in every zone and around every change of the clocks in 30 years."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from cqrs_todo.cli.clock import conversion_to
from cqrs_todo.todo.zones import end_of_day, from_local, start_of_day, wall_clock

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=15)


def offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """When the clocks of a zone change, to the second."""
    before = FIRST
    while before < LAST:
        after = before + timedelta(days=6)
        if offset(zone, before) != offset(zone, after):
            low, high = before, after
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
                low, high = (middle, high) if offset(zone, middle) == offset(zone, before) else (low, middle)
            yield high
        before = after


@cache
def histories() -> dict[tuple[datetime, ...], str]:
    """The zones of the database, one of each group whose clocks change together."""
    found: dict[tuple[datetime, ...], str] = {}
    for name in sorted(available_timezones()):
        found.setdefault(tuple(changes(ZoneInfo(name))), name)
    found.pop((), None)
    return found


def test_days_divide_time_in_every_zone_and_year() -> None:
    """An instant belongs to the latest day that the clocks have shown up to then, and to no other."""
    zones = histories()
    assert len(zones) > 60
    wrong = []
    for moments, name in zones.items():
        zone = ZoneInfo(name)

        def to_local(instant: datetime, zone: ZoneInfo = zone) -> datetime:
            return instant.astimezone(zone)

        for change in moments:
            today = to_local(change).date()
            for day in (today, today + timedelta(days=1)):
                start, before = start_of_day(day, to_local), end_of_day(day - timedelta(days=1), to_local)
                if start - before != timedelta(microseconds=1):
                    wrong.append((name, day, "the day before does not end where this one starts"))
                latest = to_local(start - 8 * STEP).date()
                for step in range(-8, 9, 2):
                    instant = start + step * STEP
                    latest = max(latest, to_local(instant).date())
                    if (latest >= day) != (instant >= start):
                        wrong.append((name, day, f"{instant} is on the wrong side"))
                if to_local(start - timedelta(microseconds=1)).date() >= day:
                    wrong.append((name, day, "the day begins earlier"))
    assert wrong == []


def test_a_local_time_is_the_first_instant_that_shows_it_or_counts_on_through_the_gap() -> None:
    for moments, name in histories().items():
        zone = ZoneInfo(name)
        for change in moments:
            shown = change.astimezone(zone).replace(tzinfo=None)
            for minutes in (-60, -15, 0, 15, 45):
                wall = shown + timedelta(minutes=minutes)
                found = from_local(wall, lambda instant, zone=zone: instant.astimezone(zone))  # type: ignore[misc]  # mypy infers no lambda with a default
                assert found == wall.replace(tzinfo=zone, fold=0).astimezone(UTC), (name, wall)


@pytest.mark.parametrize(
    ("name", "wall", "meant"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T03:30+02:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30+02:00"),
        ("America/Santiago", "2026-09-06T00:00", "2026-09-06T01:00-03:00"),
        ("America/Santiago", "2026-04-04T23:30", "2026-04-04T23:30-03:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-04T02:45+11:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-31T12:00+14:00"),
    ],
)
def test_gaps_and_repeated_hours(name: str, wall: str, meant: str) -> None:
    zone = ZoneInfo(name)
    assert from_local(datetime.fromisoformat(wall), lambda instant: instant.astimezone(zone)) == datetime.fromisoformat(
        meant
    )


@pytest.mark.parametrize(
    ("name", "day", "first", "hours"),
    [
        ("America/Santiago", "2026-04-04", "2026-04-04T00:00-03:00", 25),
        ("America/Santiago", "2026-04-05", "2026-04-05T00:00-04:00", 24),
        ("America/Santiago", "2026-09-06", "2026-09-06T01:00-03:00", 23),
        ("Africa/Cairo", "2026-04-24", "2026-04-24T01:00+03:00", 23),
        ("Asia/Beirut", "2026-03-29", "2026-03-29T01:00+03:00", 23),
        ("America/Havana", "2026-03-08", "2026-03-08T01:00-04:00", 23),
        ("America/Toronto", "1919-03-31", "1919-03-31T00:30-04:00", 23.5),
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00+14:00", 0),
        ("Europe/Berlin", "2026-03-29", "2026-03-29T00:00+01:00", 23),
    ],
)
def test_the_first_instant_and_the_length_of_a_day(name: str, day: str, first: str, hours: float) -> None:
    zone = ZoneInfo(name)

    def to_local(instant: datetime) -> datetime:
        return instant.astimezone(zone)

    start = start_of_day(date.fromisoformat(day), to_local)
    assert start == datetime.fromisoformat(first)
    assert end_of_day(date.fromisoformat(day), to_local) - start == timedelta(hours=hours, microseconds=-1)


def test_the_wall_clock_has_no_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert wall_clock(second, lambda instant: instant.astimezone(zone)) == datetime.combine(date(2026, 10, 25), time(2, 30))


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "UTC"])
def test_the_calendar_has_a_first_and_a_last_day_in_every_zone(name: str) -> None:
    to_local = conversion_to(name)
    first, last = (end.replace(tzinfo=UTC) for end in (datetime.min, datetime.max))
    for day in (date.min, date.max):
        assert first <= start_of_day(day, to_local) < end_of_day(day, to_local) <= last
    for end in (first, last):
        assert first <= from_local(wall_clock(end, to_local), to_local) <= last
