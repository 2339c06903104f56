"""What `show` and `history` print on a terminal, and that nothing of it is printed elsewhere."""

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from rich.cells import cell_len

from cqrs_todo.cli import main
from tests.conftest import Todo

ZONE = "Europe/Berlin"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def at(
    set_zone: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the program at a local time of a zone, and returns what it printed, without colours."""
    set_zone(ZONE)

    def run(when: str, *args: str, columns: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", f"{columns}")
        with time_machine.travel(datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(ZONE)), tick=False):
            code = main(args)
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return _STYLE.sub("", captured.out)

    run("2026-03-03T20:05", "add", "Plan the trip")
    run("2026-03-03T20:06", "add", "Book the train", "under:1", "due:2026-03-20")
    run("2026-03-10T09:30", "edit", "2", "+rail", "due:2026-03-21")
    run("2026-03-16T23:50", "done", "2")
    run("2026-03-17T07:15", "undo")
    return run


SHOWN = ("--color", "always")


def test_a_terminal_groups_the_history_by_day_and_names_the_todos(at: Callable[..., str]) -> None:
    shown = at("2026-03-17T08:00", "history", *SHOWN)
    assert [line.rstrip() for line in shown.splitlines()] == [
        "Tue 17 Mar 2026  today",
        "@7  07:15  45 min ago  2 reopened (Book the train) (undoes @6)",
        "",
        "Mon 16 Mar 2026  yesterday",
        "@6  23:50  2 done (Book the train)",
        "",
        "Tue 10 Mar 2026  7 days ago",
        "@4  09:30  2 due: 2026-03-20 → 2026-03-21 (Book the train)",
        "           2 tagged +rail",
        "",
        "Tue 3 Mar 2026  2 weeks ago",
        "@2  20:06  2 created: Book the train (due Fri 2026-03-20)",
        "           2 parent set to 1",
        "@1  20:05  1 created: Plan the trip",
    ]


def test_each_day_of_the_history_is_that_of_the_reader(at: Callable[..., str]) -> None:
    at("2026-03-18T00:10", "done", "2")
    newest = at("2026-03-18T08:00", "history", "-n", "2", *SHOWN).splitlines()
    assert newest[0] == "Wed 18 Mar 2026  today"
    assert newest[3] == "Tue 17 Mar 2026  yesterday"


def test_the_oldest_first_has_the_days_in_the_other_order(at: Callable[..., str]) -> None:
    days = [line for line in at("2026-03-17T08:00", "history", "--reverse", *SHOWN).splitlines() if "Mar 2026" in line]
    assert [line.split()[1] for line in days] == ["3", "10", "16", "17"]


def test_times_of_the_history_can_have_seconds(at: Callable[..., str]) -> None:
    assert "@6  23:50:00  2 done" in at("2026-03-17T08:00", "history", "--seconds", *SHOWN)


def test_the_second_of_two_equal_local_times_keeps_its_offset(at: Callable[..., str]) -> None:
    at("2026-10-25T02:30", "done", "2")
    later = datetime.fromisoformat("2026-10-25T01:45:00+00:00")
    with time_machine.travel(later, tick=False):
        assert main(["reopen", "2"]) == 0
    assert "  02:45+01:00  2 reopened" in at("2026-10-26T08:00", "history", "-n", "1", *SHOWN)


def test_a_terminal_shows_how_long_ago_it_was_and_the_texts_of_linked_todos(at: Callable[..., str]) -> None:
    shown = re.sub(r"[a-z][0-9a-z]{9} \(", "ID (", at("2026-03-17T08:00", "show", "2", "1", *SHOWN))
    assert [line.rstrip() for line in shown.splitlines()] == [
        "2 Book the train +rail",
        "  state    open",
        "  due      2026-03-21  in 4 days",
        "  tags     +rail",
        "  parent   1 Plan the trip",
        "  created  2026-03-03 20:06  2 weeks ago",
        "  id       ID (version 6)",
        "",
        "  @2  2026-03-03 20:06  2 weeks ago  created: Book the train (due Fri",
        "                                     2026-03-20)",
        "                                     parent set to 1",
        "  @4  2026-03-10 09:30  7 days ago   due: 2026-03-20 → 2026-03-21",
        "                                     tagged +rail",
        "  @6  2026-03-16 23:50  8 h ago      done",
        "  @7  2026-03-17 07:15  45 min ago   reopened (undoes @6)",
        "",
        "1 Plan the trip",
        "  state    open",
        "  children 2 Book the train",
        "  created  2026-03-03 20:05  2 weeks ago",
        "  id       ID (version 1)",
        "",
        "  @1  2026-03-03 20:05  2 weeks ago  created: Plan the trip",
    ]


def test_nothing_of_it_is_in_a_pipe(at: Callable[..., str]) -> None:
    for form in ([], ["--plain"], ["--json"], ["--color", "never"]):
        shown = at("2026-03-17T08:00", "history", *form) + at("2026-03-17T08:00", "show", "2", *form)
        assert " ago" not in shown
        assert "(Book the train)" not in shown
        assert "Mar 2026" not in shown
    assert at("2026-03-17T08:00", "history", "-n", "1").split()[:3] == ["@7", "2026-03-17", "07:15"]
    assert "  parent   1\n" in at("2026-03-17T08:00", "show", "2")


@pytest.mark.parametrize("columns", [40, 59, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(at: Callable[..., str], columns: int) -> None:
    at("2026-03-17T09:00", "add", "界" * 60, "+" + "tag" * 20, "under:1", "depends:2")
    for args in (["history", "-p"], ["show", "1", "2", "3"]):
        shown = at("2026-03-17T10:00", *args, *SHOWN, columns=columns)
        assert max(map(cell_len, shown.splitlines())) <= columns


def test_the_author_is_shown_only_if_there_are_several(todo: Todo) -> None:
    todo("add", "one")
    env = {"COLUMNS": "80"}
    assert "  me@" not in _STYLE.sub("", todo("history", *SHOWN, env=env).out)
    (todo.home / ".config/cqrs-todo").mkdir(parents=True)
    (todo.home / ".config/cqrs-todo/config.toml").write_text(f'author = "{"Jo" * 20}"\n')
    todo("done", "1")
    shown = _STYLE.sub("", todo("history", *SHOWN, env=env).out)
    assert re.search(r"@2  \d\d:\d\d  now  (Jo){11}J…  1 done \(one\)", shown), shown
    assert re.search(r"@1  \d\d:\d\d  now  me@\S+ +1 created: one", shown), shown


def test_text_of_a_title_cannot_control_the_terminal(todo: Todo) -> None:
    todo("add", "--", "a\x1b[2Jb")
    todo("done", "1")
    for args in (["history"], ["show", "1"]):
        assert "\x1b[2J" not in todo(*args, *SHOWN).out
