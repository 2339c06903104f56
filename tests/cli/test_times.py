"""Dates and times on the command line: words without quotation marks, changes of the clocks, and the variable TZ."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from cqrs_todo.cli import main
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from tests.conftest import Pasts, Todo

At = Callable[..., Any]
"""Runs a command at a time; its document."""


@pytest.fixture
def at(set_zone: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> At:
    """The program in this process, so that its clock can be set."""

    def run(instant: datetime, zone: str, *args: str) -> Any:
        set_zone(zone)
        with time_machine.travel(instant.timestamp(), tick=False):
            code = main([*args, "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run


def positions(document: Any) -> list[int]:
    return [commit["position"] for commit in document["commits"]]


@pytest.mark.parametrize(
    ("zone", "day", "next_day"),
    [
        ("America/Santiago", "2026-04-04", "2026-04-05"),
        ("America/Santiago", "2026-09-05", "2026-09-06"),
        ("Africa/Cairo", "2026-04-23", "2026-04-24"),
        ("Europe/Berlin", "2026-10-24", "2026-10-25"),
    ],
)
def test_until_a_day_and_since_the_next_one_divide_history(at: At, zone: str, day: str, next_day: str) -> None:
    first = datetime.fromisoformat(f"{next_day}T00:00+00:00") - timedelta(hours=6)
    instants = [first + timedelta(minutes=30 * step) for step in range(30)]
    for instant in instants:
        at(instant, zone, "add", "x")
    later = instants[-1] + timedelta(days=3)
    until = positions(at(later, zone, "history", "--until", day))
    since = positions(at(later, zone, "history", "--since", next_day))
    assert sorted(until + since) == list(range(1, len(instants) + 1))
    assert until
    assert since


def test_a_day_that_the_zone_left_out_is_empty(at: At) -> None:
    """Samoa had no 30 December 2011."""
    for hours in range(0, 72, 6):
        at(datetime(2011, 12, 29, tzinfo=UTC) + timedelta(hours=hours), "Pacific/Apia", "add", "x")
    later = datetime(2012, 1, 3, tzinfo=UTC)
    assert positions(at(later, "Pacific/Apia", "history", "--since", "2011-12-30", "--until", "2011-12-30")) == []


def test_a_time_inside_a_gap_is_read_with_the_offset_before_it(at: At) -> None:
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert at(now, "Europe/Berlin", "add", "x", "due:2026-03-29-02:30")["todos"][0]["due"] == "2026-03-29T01:30:00Z"
    later = datetime(2026, 3, 29, 12, tzinfo=UTC)
    for minutes in (45, 75, 100):  # 01:45, 03:15 and 03:40
        at(datetime(2026, 3, 29, tzinfo=UTC) + timedelta(minutes=minutes), "Europe/Berlin", "add", "y")
    assert len(at(later, "Europe/Berlin", "at", "01:59")["lists"][0]["todos"]) == 2
    assert len(at(later, "Europe/Berlin", "at", "02:30")["lists"][0]["todos"]) == 3
    reminded = at(datetime(2026, 9, 5, 12, tzinfo=UTC), "America/Santiago", "remind", "1", "2026-09-06", "0:00")
    assert reminded["todos"][0]["reminder"] == "2026-09-06T04:00:00Z"


def test_a_minute_as_typed_reaches_to_its_end_and_since_begins_at_its_start(at: At) -> None:
    zone = "Europe/Berlin"
    for second in (10, 40, 70):
        at(datetime(2026, 11, 20, 16, 30, tzinfo=UTC) + timedelta(seconds=second), zone, "add", "x")
    later = datetime(2026, 11, 21, tzinfo=UTC)
    assert len(at(later, zone, "at", "2026-11-20", "17:30")["lists"][0]["todos"]) == 2
    assert positions(at(later, zone, "history", "--until", "2026-11-20 17:30")) == [2, 1]
    assert positions(at(later, zone, "history", "--since", "2026-11-20 17:30")) == [3, 2, 1]
    assert positions(at(later, zone, "history", "--since", "2026-11-20 17:31")) == [3]


def test_the_moment_that_is_printed_above_a_past_state_can_be_typed_back(todo: Todo) -> None:
    """Given commits within a minute, typing back what the heading says gives the same state."""
    first = datetime(2020, 11, 15, 9, tzinfo=UTC)
    store = open_store(f"jsonl:{todo.data}", TYPES)
    moments = [first + timedelta(seconds=seconds) for seconds in (0, 20, 40, 70)]
    passed: list[datetime] = []
    todos = TodoList(store, "inbox", "me", default=True, clock=lambda: passed[-1] if passed else first)
    for moment in moments:
        passed.append(moment)
        todos.add([Create("x", moment)])
    for typed in ("2020-11-15 09:00", "2020-11-15 09:00:00", "2020-11-15 09:00:30", "2020-11-15 09:01:10", "2020-11-15"):
        shown = todo("at", *typed.split(), "ls")
        heading = re.search(r"as it was (.*) [(]@", shown.err)
        assert heading is not None
        assert todo("at", heading[1], "ls").out == shown.out, typed


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "Call the bank")
    todo("done", "2")


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("today", ["Buy milk"]),
        ("0 minutes ago ls --all", ["Buy milk", "Call the bank"]),
        ("0 days ago ls", ["Buy milk"]),
        ("3 days ago ls --all", []),
        ("last friday 17:00", []),
        ("last friday 17:00 ls milk", []),
        ("5 minutes ago list", []),
        ("a week ago at noon ls --all", []),
        ("@1 ls", ["Buy milk"]),
        ("@2 ls --all", ["Buy milk", "Call the bank"]),
        ("today ls --sort due --all", ["Buy milk", "Call the bank"]),
    ],
)
def test_at_takes_as_many_words_as_make_up_a_time(filled: Todo, words: str, texts: list[str]) -> None:
    for args in (["at", *words.split(), "--json"], ["--json", "at", *words.split()]):
        document = filled(*args).json
        shown = (
            document if {"ls", "list"} & {*words.split()} else document["lists"][0]
        )  # without a verb, `at` shows the board
        assert [row["text"] for row in shown["todos"]] == texts


def test_at_takes_a_time_in_quotation_marks(filled: Todo) -> None:
    assert filled("at", "last friday 17:00", "ls", "--json").json["todos"] == []
    assert "Buy milk" in filled("at", "today", "export").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("friday 25 march 2026 ls", "'friday 25 march 2026' contradicts itself: 2026-03-25 is a wednesday"),
        ("soon", "'soon' is vague"),
        ("tomorrow ls", "'tomorrow' has not come yet"),
        ("friday evening", "'friday evening' is vague"),
        ("yesterday evening ls", "'yesterday evening' is vague"),
        ("yesterday at 25:00", "'yesterday at 25:00' has a time that no day has: 25:00"),
        ("yesterday 5 ls", "'yesterday 5' is ambiguous"),
        ("yesterday histroy", "there is no verb 'histroy'"),
        ("@1 histroy", "there is no verb 'histroy'"),
    ],
)
def test_at_refuses_what_is_not_a_time_and_names_what_is(filled: Todo, words: str, message: str) -> None:
    refused = filled.run("at", *words.split())
    assert refused.code == 2
    assert message in refused.err
    if "no verb" not in message:
        assert "write, for instance: " in refused.err


def test_times_of_every_verb(filled: Todo) -> None:
    assert filled("edit", "1", "due:dec-24", "--json").json["todos"][0]["due"].endswith("-12-24")
    assert filled("add", "x", "-d", "in 2 weeks at 9:30", "--json").json["todos"][0]["due"].endswith("T09:30:00Z")
    assert filled("remind", "1", "tomorrow", "9:00", "--json").json["todos"][0]["reminder"].endswith("T09:00:00Z")
    filled("done", "1", "--on", "3 days ago")
    assert filled.run("done", "3", "--on", "tomorrow").code == 2
    assert filled.run("done", "3", "--on", "last month").code == 2
    assert filled.run("add", "x", "due:last-week").code == 2
    assert filled("diff", "1 hour ago", "today").out
    assert filled("history", "--since", "start of year", "--until", "today", "--json").json["commits"]
    assert filled("stats", "--since", "last month", "--plain").out
    filled("restore", "--to", "5 minutes ago")
    assert filled.todos() == []


WORKING = [
    "CET-1",
    "CET-1CEST",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "<+03>-3",
    "<-0330>3:30",
    "EST5EDT,M3.2.0,M11.1.0",
    "EST5EDT4,J60,300/-1",
    "UTC0",
    "UTC",
    "",
    "Europe/Berlin",
    ":Europe/Berlin",
    "/usr/share/zoneinfo/Europe/Berlin",
    "Etc/GMT+5",
]
REFUSED = ["Nowhere/Nothing", "garbage", "Europe", "XXX-25", "UTC+99", "/etc/passwd", "/", ":", ":::", "\x01", "A" * 1000]
REFUSED += [
    "CET-1,",
    "EST5EDT,M13.2.0,M11.1.0",
    "EST5EDT,foo",
    "Europe/Berlin ",
    "../../../etc/passwd",
    "/dev/zero",
    "CET-1\n",
]


@pytest.mark.parametrize("zone", WORKING)
def test_every_form_of_tz_works(todo: Todo, zone: str) -> None:
    if not Path("/usr/share/zoneinfo/Europe/Berlin").exists():
        pytest.skip("this system has no database of zones")
    env = {"TZ": zone}
    todo("add", "x", "due:dec-24-17:00", env=env)
    todo("remind", "1", "tomorrow", "noon", env=env)
    todo("at", "yesterday", env=env)
    todo("stats", "--since", "3 days ago", "--plain", env=env)


@pytest.mark.parametrize("zone", REFUSED)
def test_a_tz_that_is_no_zone_is_refused_before_anything_is_written(todo: Todo, zone: str) -> None:
    for args in (["add", "x"], ["at", "yesterday"]):
        refused = todo.run(*args, env={"TZ": zone})
        assert (refused.code, "which is not a time zone" in refused.err) == (2, True), refused.err
    assert todo.content() == ""


def test_nothing_heavy_is_imported_to_read_a_time(todo: Todo) -> None:
    code = (
        "import sys; from cqrs_todo.cli import main; code = main(); "
        "print(sorted({'rich', 'typer', 'zoneinfo', 'difflib', 'calendar'} & set(sys.modules))); sys.exit(code)"
    )
    assert not todo.data.exists()
    for args in (["add", "x", "due:dec-24"], ["at", "3", "days", "ago"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], env=todo.env, cwd=todo.home, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("args", ["add x due:3/4/2026", "ls due:3/4/2026", "at 3/4/2026 ls", "history --since 3/4/2026"])
def test_a_date_that_could_be_two_days_names_the_setting_that_decides(todo: Todo, args: str) -> None:
    refused = todo.run(*args.split())
    assert (refused.code, "day and month could be either way round" in refused.err) == (2, True)
    assert "2026-04-03, " in refused.err
    assert "or set date_order in config.toml" in refused.err
