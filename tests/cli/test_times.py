"""Times as people write them, at noon on Sunday the 22nd of November 2026."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from cqrs_todo.cli.times import Lean, end_of, parse_moment, parse_time
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cli.clock import start_of
from cqrs_todo.cli.errors import UsageError
from tests.conftest import Todo

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).astimezone()


def local(*parts: int) -> datetime:
    return datetime(*parts).astimezone()  # type: ignore[arg-type]  # year, month, day, …


BOTH: list[tuple[str, date | datetime]] = [
    ("2026-12-24", date(2026, 12, 24)),
    ("2026-W53-1", date(2026, 12, 28)),
    ("2026-12-24 17:00", local(2026, 12, 24, 17)),
    ("2026-12-24T17:00:30", local(2026, 12, 24, 17, 0, 30)),
    ("2026-12-24t17:00z", datetime(2026, 12, 24, 17, tzinfo=UTC)),
    ("2026-12-24T17:00+05:00", datetime(2026, 12, 24, 12, tzinfo=UTC)),
    ("now", NOW),
    ("Today", date(2026, 11, 22)),
    ("yesterday", date(2026, 11, 21)),
    ("  tomorrow  17:00 ", local(2026, 11, 23, 17)),
    ("tomorrow noon", local(2026, 11, 23, 12)),
    ("yesterday at 5pm", local(2026, 11, 21, 17)),
    ("today 12am", local(2026, 11, 22)),
    ("today 12:30 pm", local(2026, 11, 22, 12, 30)),
    ("last friday 17:00", local(2026, 11, 20, 17)),
    ("next friday", date(2026, 11, 27)),
    ("this friday", date(2026, 11, 20)),
    ("last sunday", date(2026, 11, 15)),
    ("eow", date(2026, 11, 22)),
    ("eom", date(2026, 11, 30)),
    ("eoy 9:00", local(2026, 12, 31, 9)),
    ("3 days ago", date(2026, 11, 19)),
    ("in 2 weeks", date(2026, 12, 6)),
    ("1 month ago", date(2026, 10, 22)),
    ("in a year", date(2027, 11, 22)),
    ("next month", date(2026, 12, 22)),
    ("last week", date(2026, 11, 15)),
    ("an hour ago", NOW - timedelta(hours=1)),
    ("in 90 min", NOW + timedelta(minutes=90)),
    ("30 seconds ago", NOW - timedelta(seconds=30)),
    # through dateparser
    ("3 days ago at 9:30", local(2026, 11, 19, 9, 30)),
    ("13/2/2027", date(2027, 2, 13)),
    ("Dec 24 2027 18:00", local(2027, 12, 24, 18)),
    ("24 Dec 2027 18:00 UTC", datetime(2027, 12, 24, 18, tzinfo=UTC)),
]
LEANING: list[tuple[str, date | datetime, date | datetime]] = [
    ("friday", date(2026, 11, 20), date(2026, 11, 27)),
    ("sun", date(2026, 11, 15), date(2026, 11, 29)),
    ("mon 9am", local(2026, 11, 16, 9), local(2026, 11, 23, 9)),
    ("17:00", local(2026, 11, 21, 17), local(2026, 11, 22, 17)),
    ("at 9am", local(2026, 11, 22, 9), local(2026, 11, 23, 9)),
    ("noon", local(2026, 11, 22, 12), local(2026, 11, 23, 12)),
    ("dec 24", date(2025, 12, 24), date(2026, 12, 24)),
]


@pytest.mark.parametrize(("text", "meant"), BOTH, ids=lambda value: str(value))
@pytest.mark.parametrize("lean", ["past", "future"])
def test_times_that_lean_nowhere(text: str, meant: date | datetime, lean: Lean) -> None:
    found = parse_time(text, NOW, lean)
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize(("text", "past", "future"), LEANING, ids=lambda value: str(value))
def test_times_that_lean(text: str, past: date | datetime, future: date | datetime) -> None:
    assert parse_time(text, NOW, "past") == past
    assert parse_time(text, NOW, "future") == future


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no time that is known"),
        ("buy milk", "no time that is known"),
        ("12", "no time of day|ambiguous"),
        ("tomorrow 5", "ambiguous: say 17:00 or 5pm"),
        ("1/2/2027", "ambiguous: day and month"),
        ("may", "names no day"),
        ("2026-13-45", "is no date"),
        ("2026-12-24 25:00", "is no date"),
        ("tomorrow 25:00", "no time of day"),
        ("tomorrow 13pm", "no hour 13 pm"),
        ("in 3 days ago", "points both ways"),
        ("in 99999 years", "out of the calendar's range"),
        ("0999-12-31", "out of the calendar's range"),
        ("\x1b[31m", "no time that is known"),
        ("3 days ago" * 20, "no time that is known"),
        ("tomorrow or so", "no time that is known"),
    ],
)
@pytest.mark.parametrize("lean", ["past", "future"])
def test_what_is_unknown_or_ambiguous_is_refused_with_examples(text: str, why: str, lean: Lean) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse_time(text, NOW, lean)
    assert "for instance: 2026-12-24" in caught.value.hint


@pytest.mark.parametrize(("order", "meant"), [("DMY", date(2027, 2, 1)), ("MDY", date(2027, 1, 2))])
def test_the_date_order_settles_numeric_dates(order: Any, meant: date) -> None:
    assert parse_time("1/2/2027", NOW, "future", order) == meant


def test_moments() -> None:
    assert parse_moment("@42", NOW) == 42
    assert parse_moment("today", NOW) == NOW
    assert parse_moment("yesterday", NOW) == local(2026, 11, 21, 23, 59, 59, 999999)
    assert parse_moment("yesterday 10:00", NOW) == local(2026, 11, 21, 10)
    assert end_of(date(2026, 11, 21), NOW) == local(2026, 11, 21, 23, 59, 59, 999999)
    assert start_of(date(2026, 11, 21)) == local(2026, 11, 21)


@for_all(st.text(max_size=30), st.sampled_from(["past", "future"]))
def test_any_text_is_a_time_or_refused(text: str, lean: Lean) -> None:
    try:
        found = parse_time(text, NOW, lean)
    except UsageError:
        return
    assert isinstance(found, date)


def test_without_dateparser_the_commonest_times_are_known(todo: Todo) -> None:
    block = "import sys; sys.modules['dateparser'] = sys.modules['dateparser.date'] = None; "
    program = f"{block}from cqrs_todo.cli import main; sys.exit(main())"

    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", program, *args], env=todo.env, capture_output=True, text=True, check=False
        )

    assert run("add", "x", "-d", "friday 17:00").returncode == 0
    refused = run("add", "y", "-d", "dec 24")
    assert refused.returncode == 2
    assert "pip install 'cqrs-todo[dates]'" in refused.stderr


def test_nothing_heavy_is_imported_for_the_commonest_times() -> None:
    code = (
        "import sys, datetime; from cqrs_todo.cli.times import parse_time; "
        "parse_time('last friday 17:00', datetime.datetime.now().astimezone(), 'past'); "
        "print([name for name in ('dateparser', 'rich', 'typer') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
