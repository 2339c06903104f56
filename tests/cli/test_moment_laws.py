"""Laws of moments: every time of recording that is printed can be typed back, and days divide history."""

import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cli import verbs
from cqrs_todo.cli.clock import to_local
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.events import TodoCompleted, TodoCreated, TodoEvent, TodoReopened
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.zones import start_of_day
from tests.todo.test_zones import histories

NOW = datetime(2027, 3, 25, 9, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "CET-1CEST,M3.5.0,M10.5.0/3")
BASES = (
    datetime(2026, 11, 20, 16, 29, 30, tzinfo=UTC),
    datetime(2026, 10, 24, 23, 58, tzinfo=UTC),  # before the repeated hour in Berlin
    datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC),  # between its first and its second run
    datetime(2026, 4, 5, 2, 59, 30, tzinfo=UTC),  # the repeated hour in Santiago, which begins at 23:00
    datetime(2026, 4, 4, 14, 59, 40, tzinfo=UTC),  # the repeated half hour on Lord Howe Island
    datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC),  # before the gap in Berlin
    datetime(2026, 9, 6, 3, 59, 50, tzinfo=UTC),  # before the gap in Santiago, at midnight
)
TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?"

instants = st.builds(
    lambda base, seconds, micros: base + timedelta(seconds=seconds, microseconds=micros),
    st.sampled_from(BASES),
    st.one_of(st.integers(0, 90), st.integers(0, 7200)),
    st.sampled_from([0, 1, 500_000, 999_999]) | st.integers(0, 999_999),
)
bunches = st.builds(
    lambda base, steps: [base + timedelta(seconds=step, microseconds=step * 7919 % 1_000_000) for step in steps],
    st.sampled_from(BASES),
    st.lists(st.integers(0, 70), min_size=1, max_size=6),
)
"""Several commits in one minute or two, whose clock may have gone back in between."""


@contextmanager
def zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


class Program:
    """The verbs, on a list in memory whose commits were recorded at given times."""

    def __init__(self, recorded: Sequence[datetime]) -> None:
        self.store = open_store("memory:", TYPES)
        log = self.store.create("inbox", recorded[0])
        done = ""
        for number, at in enumerate(recorded):
            event: TodoEvent = TodoCreated("a", at)
            if number:
                event = TodoReopened(done) if done else TodoCompleted(day_or_instant(at))
                done = "" if done else day_or_instant(at)
            appends = [Append("todo/a", (event,))]
            if number % 2:
                appends.append(Append(f"todo/b{number}", (TodoCreated("b", at),)))
            log.append(appends, Metadata(at, "jo", f"c{number}", {}))

        self.last = max(event.position for event in log.events())

    def session(self, **options: Any) -> Session:
        session = Session(Options())
        session.__dict__.update(store=self.store, now=to_local(NOW), columns=200)
        for name, value in options.items():
            setattr(session.options, name, value)
        return session

    def run(self, verb: str, *words: str, at: str | None = None, form: str = "", **given: Any) -> str:
        """Run a verb, and return what it prints to stdout and stderr."""
        session = self.session(at=at, all_lists=given.pop("all_lists", False), **({form: True} if form else {}))
        declared = verbs.load([verb])
        assert declared is not None
        values = declared.values(words, session)
        assert values is not None
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            declared.run(session, {**values, **given})
        return out.getvalue()

    def position(self, text: str) -> int:
        """Return the position that `at` shows for a text."""
        session = self.session()
        return session.list.view(session.moment_of(text)).position

    def expected(self, at: datetime) -> int:
        """Return the last position that was recorded at or before an instant."""
        position = 0
        for commit in self.store.open("inbox").commits():
            if commit.metadata.at <= at:
                position = commit.last
        return position


def printed(program: Program) -> Iterator[tuple[str, int, str, bool]]:
    """Yield every time of recording that the verbs print: the verb, the position, the text, and whether it must be exact."""
    forms: tuple[dict[str, Any], ...] = (
        {},
        {"seconds": True},
        {"patch": True, "reverse": True},
        {"graph": True},
        {"all_lists": True},
    )
    for form in forms:
        for position, text in re.findall(rf"@(\d+) +({TIME})", program.run("history", **form)):
            yield f"history {form}", int(position), text, False
    for verb, words in (
        ("show", ["1"]),
        ("blame", ["1"]),
        ("when", ["total>=1"]),
        ("when", ["done>0"]),
        ("show", ["@1", f"@{program.last}"]),
    ):
        for position, text in re.findall(rf"@(\d+)(?: to @\d+)? +({TIME})", program.run(verb, *words)):
            yield f"{verb} {words}", int(position), text, False
    for text, position in re.findall(rf"as it was ({TIME}) \(@(\d+)\)", program.run("ls", at=f"@{program.last}")):
        yield "ls --at", int(position), text, False
    for columns in (line.split("\t") for line in program.run("history", form="plain").splitlines()):
        yield "history --plain", int(columns[0]), columns[1], True
    for columns in (line.split("\t") for line in program.run("blame", "1", form="plain").splitlines()):
        yield "blame --plain", int(columns[2]), columns[3], True
    for columns in (line.split("\t") for line in program.run("when", "total>=1", form="plain").splitlines()):
        yield "when --plain", int(columns[0]), columns[1], True
    for verb, words in (("history", []), ("show", ["1"]), ("blame", ["1"]), ("when", ["total>=1"]), ("show", ["@1"])):
        for position, text in _times_in(json.loads(program.run(verb, *words, form="json"))):
            yield f"{verb} --json", position, text, True
    for line in program.run("replay").splitlines():
        for position, text in _times_in(json.loads(line)):
            yield "replay", position, text, True


def _times_in(document: Any) -> Iterator[tuple[int, str]]:
    if isinstance(document, dict):
        if isinstance(document.get("position"), int) and isinstance(document.get("at"), str):
            yield document["position"], document["at"]
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from _times_in(value)


@given(st.one_of(bunches, st.lists(instants, min_size=1, max_size=5)), st.sampled_from(ZONES))
def test_every_printed_time_of_recording_can_be_typed_back(recorded: list[datetime], name: str) -> None:
    """The state that is then shown includes the event, and so do --until and --since. Exact times mean only that instant."""
    with zone(name):
        program = Program(recorded)
        at_of = {event.position: event.metadata.at for event in program.store.open("inbox").events()}
        seen = set()
        session = program.session()
        read = cache(lambda text: (session.span_of(text), program.position(text)))
        for source, position, text, exact in printed(program):
            seen.add(source)
            at = at_of[position]
            span, shown = read(text)
            assert shown >= position, (source, position, text, at)
            assert span.start <= at <= span.end, (source, position, text, at)
            if exact:
                # an instant without a fraction is written without one, and a second that is typed extends to its end
                end = at if at.microsecond else at + timedelta(microseconds=999_999)
                assert (span.start, span.end) == (at, end), (source, text, at)
                assert shown == program.expected(end), (source, position, text)
        assert len(seen) >= 16, seen


def partition_errors(to_local: Callable[[datetime], datetime], instants: Sequence[datetime]) -> list[str]:
    """Check that "until D" and "since D+1" divide instants, for the days around each of them."""
    from cqrs_todo.todo.times import read

    now = datetime(2100, 1, 1, tzinfo=UTC)
    spans: dict[date, tuple[datetime, datetime]] = {}
    wrong = []
    for instant in instants:
        today = to_local(instant).date()
        for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
            for each in (day, day + timedelta(days=1)):
                if each not in spans:
                    span = read(each.isoformat(), now, to_local, "past")
                    spans[each] = (span.start, span.end)
            until, since = instant <= spans[day][1], instant >= spans[day + timedelta(days=1)][0]
            if until == since:
                wrong.append(f"{instant}: until {day} is {until}, and since the next day is {since}")
    return wrong


@pytest.mark.long
def test_until_a_day_and_since_the_next_one_divide_history_in_every_zone_for_30_years() -> None:
    """Around every change of the clocks; where nothing changes, on some days of each year."""
    minutes = (-1500, -61, -60, -31, -30, -1, 0, 1, 29, 30, 59, 60, 61, 1439)
    wrong = []
    zones = histories()
    for moments, name in zones.items():
        known = ZoneInfo(name)
        around = [moment + timedelta(minutes=minute, microseconds=-1) for moment in moments for minute in minutes]
        usual = [
            datetime(year, month, 1, hour, tzinfo=UTC)
            for year in range(2000, 2031, 5)
            for month in (1, 7)
            for hour in (0, 11)
        ]
        wrong += [f"{name}: {error}" for error in partition_errors(lambda i, z=known: i.astimezone(z), [*around, *usual])]  # type: ignore[misc]  # mypy infers no lambda with a default
    assert wrong == []
    assert len(zones) > 60


def test_the_partition_law_notices_a_day_that_begins_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    late = lambda day, to_local: start_of_day(day, to_local) + timedelta(minutes=1)  # noqa: E731  # a stand-in for one test
    monkeypatch.setattr("cqrs_todo.todo.times.start_of_day", late)
    known = ZoneInfo("Europe/Berlin")
    assert partition_errors(lambda instant: instant.astimezone(known), [datetime(2026, 5, 1, 22, 0, 30, tzinfo=UTC)])
