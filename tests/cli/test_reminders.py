"""`todo remind` without todos lists the reminders."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine

from cqrs_todo.cli import main

ZONE = "Europe/Berlin"


@pytest.fixture
def at(set_zone: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the program at a local time of a zone. Two lists have reminders."""
    set_zone(ZONE)

    def run(when: str, *args: str) -> tuple[int, str, str]:
        with time_machine.travel(datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(ZONE)), tick=False):
            code = main(args)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    morning = "2026-03-16T08:00"
    run(morning, "add", "Call the bank", "remind:17-mar-16:00")
    run(morning, "add", "Pay", "remind:16-mar-21:00", "wait:1-apr")
    run(morning, "add", "Done already", "remind:16-mar-20:00")
    run(morning, "add", "Gone", "remind:16-mar-20:00")
    run(morning, "add", "Without")
    run(morning, "done", "3")
    run(morning, "rm", "4")
    run(morning, "-L", "work", "add", "Deploy\x1b[2J", "remind:16-mar-20:30")
    return run


NOW = "2026-03-17T08:00"


def test_the_reminders_of_open_todos_are_listed_overdue_ones_first(at: Callable[..., tuple[int, str, str]]) -> None:
    assert at(NOW, "remind") == (
        0,
        "2  2026-03-16 21:00  11 h ago  Pay\n1  2026-03-17 16:00  in 8 h    Call the bank\n",
        "",
    )
    assert at(NOW, "remind", "-A")[1].splitlines() == [
        "work/1  2026-03-16 20:30  11 h ago  Deploy\\e[2J",
        "     2  2026-03-16 21:00  11 h ago  Pay",
        "     1  2026-03-17 16:00  in 8 h    Call the bank",
    ]
    coloured = at(NOW, "remind", "-A", "--color", "always")[1]
    assert "\x1b[31m2026-03-16 20:30" in coloured
    assert "\x1b[36m2026-03-17 16:00" in coloured
    assert "\x1b[2J" not in coloured


def test_programs_get_the_reminders_as_rows_or_json(at: Callable[..., tuple[int, str, str]]) -> None:
    rows = at(NOW, "remind", "-A", "--plain")[1]
    assert rows.splitlines()[1:] == ["2\t2026-03-16T20:00:00Z\tPay", "1\t2026-03-17T15:00:00Z\tCall the bank"]
    document = at(NOW, "remind", "--json")[1]
    assert '"number":2' in document.split('"overdue":true')[0]
    assert '"number":1' in document.split('"overdue":true')[1]
    assert '"overdue":false,"text":"Call the bank"}]}' in document


def test_without_reminders_that_is_said(at: Callable[..., tuple[int, str, str]]) -> None:
    assert at(NOW, "-L", "garden", "remind")[0] == 3
    at(NOW, "-L", "garden", "add", "x")
    assert at(NOW, "-L", "garden", "remind") == (0, "", "There are no reminders.\n")
    assert at(NOW, "-L", "garden", "remind", "--json")[1] == '{"format":"cqrs-todo/1","reminders":[]}\n'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["1"], "missing argument 'WHEN'"),
        (["1", "--json"], "missing argument 'WHEN'"),
        (["1", "friday", "-A"], "--all-lists lists the reminders of all lists"),
        (["--because", "x"], "the todos are missing"),
        (["--at", "yesterday"], "the past cannot be changed"),
    ],
)
def test_what_is_neither_a_list_of_reminders_nor_a_reminder_is_refused(
    at: Callable[..., tuple[int, str, str]], words: list[str], message: str
) -> None:
    code, out, err = at(NOW, "remind", *words)
    assert (code, out, message in err) == (2, "", True), err
