"""Statistics from counts by quarter of an hour are equal to statistics from the log."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.projections import ReadModel
from cqrs_todo.cqrs.projections.sqlite import SqliteTables
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.events import (
    TextChanged,
    TodoCompleted,
    TodoCreated,
    TodoEvent,
    TodoRemoved,
    TodoReopened,
    TodoRestored,
)
from cqrs_todo.todo.read_models.days import PROJECTION, statistics_from
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.statistics import Statistics, statistics
from cqrs_todo.todo.values import day_or_instant

ODD = ("America/St_Johns", "Africa/Monrovia", "Europe/Amsterdam")
"""Zones whose clocks changed within a quarter of an hour, or had an offset with seconds."""
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", *ODD)
NEAR_CHANGES = [  # of the clocks: in Europe, America, Lord Howe and Newfoundland, and where Samoa left out a day
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2005, 10, 30, 2, 31, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
instants = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    st.builds(
        lambda near, minutes: near + timedelta(minutes=minutes), st.sampled_from(NEAR_CHANGES), st.integers(-130, 130)
    ),
    st.datetimes(datetime(1930, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
whens = st.one_of(instants, instants.map(datetime.date)).map(day_or_instant)
events = st.one_of(
    instants.map(lambda at: TodoCreated("a", at)),
    whens.map(TodoCompleted),
    whens.map(TodoReopened),
    st.sampled_from([TodoRemoved(), TodoRestored(), TextChanged("a", "b")]),
)
Step = tuple[str, datetime, TodoEvent, str]
histories = st.lists(st.tuples(st.sampled_from("abc"), instants, events, st.sampled_from(["jo", "kim", "lee"])), max_size=40)
limits = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))


def lived(steps: Sequence[Step]) -> tuple[Store, Log]:
    store = open_store("memory:", TYPES)
    log = store.create("inbox", steps[0][1] if steps else datetime(2026, 1, 1, tzinfo=UTC))
    for number, (id, at, event, by) in enumerate(steps):
        log.append([Append(f"todo/{id}", (event,))], Metadata(at, by, f"c{number}", {}))
    return store, log


def whole(numbers: Statistics) -> Statistics:
    """Return statistics in which all days of completed todos have been looked up."""
    return replace(numbers, cycle_days=tuple(numbers.cycle_days[place] for place in range(len(numbers.cycle_days))))


def check(steps: Sequence[Step], name: str, since: date | None, until: date | None) -> bool:
    """Check that both ways to count agree, and return whether the rows gave an answer."""
    zone = ZoneInfo(name)
    if since is not None and until is not None and since > until:
        since, until = until, since
    store, log = lived(steps)
    now = datetime(2026, 12, 31, 12, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        tables = SqliteTables(folder)
        model = ReadModel(store, PROJECTION, tables)
        model.catch_up()
        counted = statistics_from(model, log.id, now, lambda at: at.astimezone(zone), since=since, until=until)
        if counted is not None:
            expected = statistics(log.commits(), now, lambda at: at.astimezone(zone), since=since, until=until)
            assert whole(counted) == expected
            for share in (0.5, 0.9, 1.0):
                assert counted.cycle_quantile(share) == expected.cycle_quantile(share)
        tables.close()
    return counted is not None


@settings(max_examples=30)
@for_all(histories, st.sampled_from(ZONES), limits, limits)
def test_law_the_rows_count_what_the_log_counts_or_give_no_answer(
    steps: list[Step], name: str, since: date | None, until: date | None
) -> None:
    check(steps, name, since, until)


@pytest.mark.long
@settings(max_examples=1500)
@for_all(histories, st.sampled_from(ZONES), limits, limits)
def test_law_the_rows_count_what_the_log_counts_or_give_no_answer_for_very_many_histories(
    steps: list[Step], name: str, since: date | None, until: date | None
) -> None:
    check(steps, name, since, until)


@pytest.mark.parametrize("name", ZONES)
def test_the_rows_answer_in_every_zone_of_today(name: str) -> None:
    steps: list[Step] = [
        (id, datetime(2026, month, 14, 3, 7, tzinfo=UTC), event, "jo")
        for month in range(1, 12)
        for id, event in (
            (f"a{month}", TodoCreated("a", datetime(2026, month, 14, tzinfo=UTC))),
            ("a1", TodoReopened("2026-01-01")),
        )
    ]
    assert check(steps, name, None, None)
    assert check(steps, name, date(2026, 3, 1), None)


@pytest.mark.parametrize(
    ("name", "year"), [("America/St_Johns", 2000), ("Africa/Monrovia", 1960), ("Europe/Amsterdam", 1930)]
)
def test_the_rows_give_no_answer_where_clocks_changed_within_a_quarter(name: str, year: int) -> None:
    steps: list[Step] = [
        ("a", datetime(2026, 1, 1, tzinfo=UTC), TodoCreated("a", datetime(year, 1, 1, tzinfo=UTC)), "jo"),
    ]
    assert not check(steps, name, None, None)
