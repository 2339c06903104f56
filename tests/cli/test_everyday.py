"""Everyday use: the board over all lists, todos of other lists, linked and recurring todos, reports and the agenda."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from cqrs_todo.cli import main
from tests.conftest import Todo

Run = Callable[..., str]
NOON = "2026-03-25T12:00"
"""A Wednesday."""


@pytest.fixture
def at(set_zone: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> Run:
    """The program in this process, at a time in Berlin."""
    set_zone("Europe/Berlin")

    def run(*args: str, when: str = NOON, code: int = 0) -> str:
        with time_machine.travel(datetime.fromisoformat(when).replace(tzinfo=ZoneInfo("Europe/Berlin")), tick=False):
            assert main(args) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return run


# several lists


@pytest.fixture
def two(todo: Todo) -> Todo:
    todo("add", "a")
    todo("add", "b")
    todo("-L", "work", "add", "x", "pri:H")
    todo("-L", "work", "add", "y")
    return todo


def test_the_board_shows_all_lists_unless_one_is_named(two: Todo) -> None:
    assert two().out == "inbox\n     1     a\n     2     b\n\nwork\nwork/1  H  x\nwork/2     y\n"
    assert two("-L", "work").out == "1  H  x\n2     y\n"
    assert two(env={"TODO_LIST": "work"}).out == "1  H  x\n2     y\n"
    assert two("--at", "@1").out == "1  a\n"
    two("lists", "archive", "work")
    assert two().out == "1  a\n2  b\n"


def test_a_list_that_cannot_be_read_hides_no_other_list(two: Todo) -> None:
    log = two.home / ".local/share/cqrs-todo/lists/work.jsonl"
    log.write_text("no log\n")
    result = two.run()
    assert (result.code, result.out) == (5, "1  a\n2  b\n")
    assert "work" in result.err


VERBS_OF_ALL_LISTS = (
    "",
    "agenda",
    "report",
    "ls -A",
    "ls -A --json",
    "agenda --json",
    "history -A",
    "history -A --json",
    "history -A --patch",
    "diff yesterday -A",
    "diff yesterday -A --json",
    "replay -A",
    "search Buy -A",
    "stats -A",
    "stats -A --json",
    "when +x --at-least 1 -A",
    "view changes -A",
    "view changes -A --json",
    "view changes -A --at now",
)


@pytest.mark.parametrize("content", ["", "no log\n"])
def test_every_verb_of_all_lists_shows_those_that_can_be_read(todo: Todo, content: str) -> None:
    for name in ("inbox", "work", "zoo"):
        todo("-L", name, "add", f"Buy {name}", "due:today", "+x")
        todo("-L", name, "add", "done")
        todo("-L", name, "done", "2")
    todo("lists", "archive", "work")
    expected = {line: todo(*line.split()).out for line in VERBS_OF_ALL_LISTS}
    todo("lists", "unarchive", "work")
    todo.log_file("work").write_text(content)
    for line, shown in expected.items():
        result = todo.run(*line.split())
        assert (result.code, "work" in result.err) == (5, True), line
        assert "Buy zoo" in result.out or "Buy zoo" not in shown, line
        assert "Buy work" not in result.out, line
        if "--json" not in line and line not in ("report", "view changes -A --at now"):
            assert result.out == shown, line


def test_a_list_may_have_any_name(two: Todo) -> None:
    for name in ("2 do", "do", "caf\u00e9"):
        two("lists", "new", name)
        two("-L", name, "add", f"in {name}")
    assert two("done", "2 do/1").out.startswith("Done 1: in 2 do. Undo: todo -L '2 do' undo")
    assert two("done", "cafe\u0301/1", "do/1").out.startswith("Done caf\u00e9/1: in caf\u00e9; do/1: in do.")
    result = two.run("edit", "1", "work/1", "pri:H")
    assert (result.code, "could name a todo" in result.err) == (2, True)
    assert two("edit", "1", "1/2", "cup").out.startswith("Changed 1: 1/2 cup")


def test_a_position_belongs_to_the_list_of_the_todo(two: Todo) -> None:
    two("edit", "work/1", "first")
    two("edit", "work/1", "second")
    assert two("show", "work/1", "--at", "@-1").out == two("-L", "work", "show", "1", "--at", "@-1").out
    assert two("show", "work/1", "--at", "@-1").out.startswith("1 first\n")


def test_the_history_and_the_differences_of_a_todo_of_another_list_are_shown(two: Todo) -> None:
    assert two("history", "work/1").out == two("-L", "work", "history", "1").out
    assert two("diff", "1 hour ago", "now", "work/1").out == two("-L", "work", "diff", "1 hour ago", "now", "1").out


def test_todos_that_come_back_to_a_list_are_named_with_their_old_numbers(two: Todo) -> None:
    two("add", "c")
    two("move", "3", "work")
    two("undo")
    assert "to work, 1 as 4, 2 as 5, 3 as 3" in two("move", "1-3", "work").out


def test_hints_name_the_list(two: Todo) -> None:
    two("-L", "work", "rm", "1")
    assert "todo -L work restore 1" in two.run("done", "1", "work/1").err
    assert "todo -L work ls --all" in two.run("done", "work/9").err
    assert "todo -L work ls --all" in two.run("-L", "work", "done", "9").err


def test_todos_of_another_list_are_named_with_the_list(two: Todo) -> None:
    assert two("done", "work/1").out == "Done 1: x. Undo: todo -L work undo\n"
    assert two("edit", "work/2", "pri:L").out.startswith("Changed 2: y (priority set to L)")
    assert two("show", "work/2").out.startswith("2 y\n")
    assert two("move", "work/2", "inbox").out.startswith("Moved 2: y to inbox, as 3")
    assert two.run("done", "work/9").code == 3
    assert two.run("done", "play/1").code == 3
    for wrong in ("work/", "/", "/1"):
        assert two.run("done", wrong).code == 2, wrong
    result = two.run("show", "1", "work/1")
    assert (result.code, "in several lists: inbox, work" in result.err) == (2, True)
    result = two.run("add", "z", "depends:work/1")
    assert (result.code, "is in another list" in result.err) == (2, True)


def test_one_word_names_todos_of_lists_whose_names_have_spaces(two: Todo) -> None:
    for name in ("my list", "my list 2"):
        two("-L", name, "add", "-", stdin="a\nb\nc\n")
    assert (
        two("done", "my list 2/1,work/1,2").out
        == "Done my list 2/1: a; work/1-2 (2 todos). Undo: todo -L 'my list 2' undo\n"
    )
    assert two("done", "2, my list/1 3,my list 2/2-3").out.startswith(
        "Done inbox/2: b; my list/1, 3 (2 todos); my list 2/2-3 (2"
    )
    for wrong in ("work/,1", "1,/x/", ","):
        assert two.run("done", wrong, "work/1").code == 2, wrong
    assert "no list named 'your list'" in two.run("done", "your list/1,work/1").err
    assert 'did you mean "my list 2"?' in two.run("ls", "list:my-list-2").err
    assert two("ls", 'list:"my list 2"', "is:done").out == ""
    assert 'list:"my list 2"\t' in two("__complete", "zsh", "ls", "list:").out
    assert two("__complete", "zsh", "done", "1,my list/").out == "1,my list/2\tb\n"


def test_verbs_take_todos_of_several_lists_or_say_in_their_help_that_they_do_not(two: Todo) -> None:
    assert two("tag", "1,work/1,2", "+x").out == "Tagged inbox/1: a; work/1-2 (2 todos) (+x). Undo: todo undo\n"
    again = two("tag", "1,work/1", "+x", "-y")
    assert (again.out, again.err) == ("", "Unchanged: inbox/1\nUnchanged: work/1\n")
    two("done", "2")
    toggled = two("toggle", "1-2", "work/2").out
    assert toggled == "Toggled: done inbox/1: a; open again inbox/2: b; done work/2: y. Undo: todo undo\n"
    assert len(two("toggle", "1", "work/2", "--json").json["lists"]) == 2
    for line in ("undo", "undo", "undo", "undo"):
        two(line)
    assert two().out == "inbox\n     1     a\n     2     b\n\nwork\nwork/1  H  x\nwork/2     y\n"
    for line in ("note 1,work/1 text", "remind 1,work/1 tomorrow", "rm 1,work/1", "restore 1,work/1", "done 1,work/1"):
        assert "inbox/1: a; work/1: x" in two(*line.split()).out, line
    for line in ("skip IDS", "edit IDS pri:H", "move IDS work", "forget IDS", "show IDS", "blame IDS"):
        refused = two.run(*line.replace("IDS", "1,work/1").split())
        assert (refused.code, "in several lists: inbox, work" in refused.err) == (2, True), line
        assert "todos of one other list (work/3)" in two(line.split()[0], "--help").out, line


def test_a_command_on_several_lists_is_undone_in_all_of_them(two: Todo) -> None:
    assert two("done", "1", "work/1,2").out == "Done inbox/1: a; work/1-2 (2 todos). Undo: todo undo\n"
    assert two().out == "2  b\n"
    assert two("undo").out == "Undid @3: 1 done (a), in both inbox and work. Redo: todo redo\n"
    assert two("-L", "work", "redo").out.startswith("Redid ")
    assert two().out == "2  b\n"
    assert "(together with work)" in two("history", "-n", "1").out.replace("redoes @3, ", "")
    assert two("done", "1", "work/1", "--json").json["lists"][0]["commit"] is None
    assert two.run("rm", "1", "work/1", "--command-id", "x").code == 2
    assert two("rm", "1", "work/1", "--because", "old").out.startswith("Removed inbox/1: a; work/1: x.")
    assert "because: old" in two("-L", "work", "history", "-n", "1").out


def test_reading_verbs_read_all_lists(two: Todo) -> None:
    assert two("ls", "-A", "pri:H").out == "work\nwork/1  H  x\n"
    assert two("ls", "-A", "--by", "list", "--summary").out == "2  inbox\n2  work\n"
    assert [line.split()[-1] for line in two("ls", "-A", "--sort", "-text").out.splitlines()] == ["y", "x", "b", "a"]
    document = two("ls", "-A", "--by", "list", "--json").json
    assert [[row["text"] for row in each["todos"]] for each in document["lists"]] == [["a", "b"], ["x", "y"]]
    assert document["groups"][1]["numbers"] == ["work/1", "work/2"]
    assert two("ls", "-A", "--plain").out.splitlines()[2].startswith("work/1\topen\tH")
    assert two("history", "-A").out.count("created") == 4
    for args in (
        ["-A", "-L", "work", "ls"],
        ["show", "@1", "-A"],
        ["done", "1", "-A"],
        ["ls", "-A", "--at", "@1"],
        ["-A", "--at", "@1"],
    ):
        assert two.run(*args).code == 2, args


# linked todos


def test_trees_dependencies_and_waits_are_shown(todo: Todo) -> None:
    todo("add", "Trip", "+out")
    todo("add", "Book", "under:1")
    todo("add", "Pack", "under:1", "depends:2")
    todo("add", "Socks", "under:3")
    todo("add", "Later", "wait:2099-01-01")
    waiting = "\n1 waiting, from 2099-01-01: todo ls is:waiting\n"
    tree = "1  Trip (0/2) +out\n2  ├ Book\n3  └ Pack (0/1) ⊘2\n4    └ Socks\n"
    assert todo().out == tree + waiting
    assert todo("ls").out == tree + waiting
    assert todo("ls", "--sort", "text").out == "2  Book\n3  Pack (0/1) ⊘2\n4  Socks\n1  Trip (0/2) +out\n" + waiting
    assert todo("ls", "is:waiting").out == "5  Later\n"
    assert todo("ls", "is:ready").out.splitlines()[:3] == ["1  Trip (0/2) +out", "2  └ Book", "4  Socks"]
    assert "  children 2-3\n" in todo("show", "1").out
    assert "  depends  2\n  parent   1\n" in todo("show", "3").out
    assert "  blocks   3\n" in todo("show", "2").out
    assert "@4  " not in todo("diff", "@0", "2").out
    refused = todo.run("done", "1")
    assert (refused.code, refused.err.splitlines()[0]) == (
        1,
        "todo: todo 1: it has open children: 2-3; nothing was recorded",
    )
    assert "todo done 1 --with-children" in refused.err
    shown = todo.run("rm", "--where", "Trip")
    assert shown.err.splitlines()[:2] == ["1  Trip", "2  Book"]
    todo("undo")
    assert todo("done", "1", "--with-children").out == "Done 1-4 (4 todos). Undo: todo undo\n"
    todo("undo")
    assert todo("rm", "3").out == "Removed 3-4 (2 todos). Undo: todo undo\n"
    assert "  depends  3 (removed)\n" in todo("edit", "2", "depends:none").out + todo("show", "3").out.replace(
        "depends  2", "depends  3 (removed)"
    )


def test_links_survive_export_and_import(todo: Todo) -> None:
    todo("add", "Trip")
    todo("add", "Book", "under:1", "wait:2099-01-01")
    todo("add", "Pay", "depends:2", "every:month", "due:2099-01-31")
    exported = todo("export").out
    todo("-L", "copy", "import", "-", stdin=exported)
    copied = todo("-L", "copy", "export").json["todos"]
    assert [{**row, "version": 0} for row in copied] == [{**row, "version": 0} for row in json.loads(exported)["todos"]]
    bad = exported.replace("FREQ=MONTHLY", "FREQ=HOURLY")
    result = todo.run("-L", "other", "import", "-", stdin=bad)
    assert (result.code, "FREQ cannot be HOURLY" in result.err) == (1, True)


def test_the_editor_shows_and_reads_links_and_rules(todo: Todo, tmp_path: Path) -> None:
    todo("add", "Trip")
    todo("add", "Book", "under:1")
    todo("add", "Pack", "depends:1,2", "every:2-weeks", "due:2099-01-05")
    seen = tmp_path / "seen"
    script = tmp_path / "editor"
    changes = "s/^depends.*/depends: 2/; s/^parent.*/parent: 1/; s/^every.*/every: month/"
    script.write_text(f'#!/bin/sh\ncp "$1" {seen}\nsed -i "{changes}" "$1"\n')
    script.chmod(0o755)
    out = todo("edit", "3", env={"EDITOR": str(script)}).out
    assert "depends: 1,2\nparent:\nevery: 2 weeks\n" in seen.read_text()
    assert out.startswith("Changed 3: Pack (no longer depends on 1, parent set to 1, every: 2 weeks → month)")


# recurring todos


def test_a_todo_recurs_and_says_when(at: Run) -> None:
    assert at("add", "Rent", "every:month-on-1") == (
        "Added 1: Rent (due Wed 2026-04-01, every month on 1). Undo: todo undo\n"
    )
    assert at("done", "1") == "Done 1: Rent; next: 2, due 2026-05-01. Undo: todo undo\n"
    assert "next: 2" not in at("reopen", "1")
    assert at("done", "1", "--json").count('"others":[{"number":2') == 1
    assert "every    month on 1 (then 2026-06-01, 2026-07-01, 2026-08-01, 2026-09-01, 2026-10-01)" in at("show", "2")
    assert at("skip", "2") == "Skipped 2: Rent (now due 2026-06-01). Undo: todo undo\n"
    assert at("rm", "2") == "Removed 2: Rent; the series of 2 has ended. Undo: todo undo\n"
    assert "todo 2 was removed" in at("skip", "2", code=1)
    at("add", "Plain")
    assert "todo 3: it does not recur" in at("skip", "3", code=1)


def test_a_rule_that_is_not_quoted_completely_is_refused_with_the_right_form(at: Run) -> None:
    assert 'write every:"2 weeks" or every:2-weeks' in at("add", "x", "every:2", "weeks", code=2)
    assert "every:month-on-31" in at("add", "x", "every:month", "on", "31", code=2)
    assert "after:2-weeks" in at("add", "x", "after:2", "weeks", code=2)
    assert "for instance: every:day" in at("add", "x", "every:blue", "moon", code=2)
    assert "gives no date" in at("add", "x", "every:FREQ=DAILY;UNTIL=20200101", code=2)


def test_the_time_of_day_of_a_series_stays_when_the_clocks_change(at: Run) -> None:
    at("add", "Pills", "due:28-mar-9:00", "every:day")
    assert "next: 2, due 2026-03-29 09:00" in at("done", "1", when="2026-03-28T09:30")


def test_the_answer_says_what_follows_only_when_something_is_completed_or_removed(at: Run) -> None:
    for _ in range(5):
        at("add", "Water", "every:day")
    assert at("done", "1-5").count("next: ") == 3
    assert "next" not in at("tag", "1", "+x")
    assert "next" not in at("rm", "1")


def test_a_series_near_the_end_of_the_calendar_ends(at: Run) -> None:
    at("add", "Y", "due:9999-12-30", "every:day")
    assert "next: 2" in at("done", "1", when="2026-03-25T12:00")
    assert at("show", "2")
    assert "it has no later date" in at("skip", "2", code=1)
    assert "the series of 2 has ended" in at("done", "2")


def test_a_series_can_be_changed_and_ended(at: Run) -> None:
    at("add", "Water", "after:3d")
    assert at("edit", "1", "every:none").startswith("Changed 1: Water (every cleared, was after 3 days)")
    assert at("done", "1") == "Done 1: Water. Undo: todo undo\n"


# reports


def test_the_report_lists_what_was_completed_by_day_in_all_lists(at: Run) -> None:
    at("add", "Buy *milk*")
    at("add", "Call Jo")
    at("-L", "work", "add", "Deploy")
    at("done", "1", "--on", "monday")
    at("done", "2", "work/1")
    assert at("report", "last", "week") == ""
    expected = "Mon 23 Mar 2026\n  Buy *milk* (inbox)\n\nWed 25 Mar 2026\n  Call Jo (inbox)\n  Deploy (work)\n"
    assert at("report") == at("report", "this", "week") == at("report", "march") == expected
    assert at("report", "yesterday") == ""
    assert at("-L", "work", "report") == "Wed 25 Mar 2026\n  Deploy\n"
    assert at("report", "monday", "--markdown") == "## Mon 23 Mar 2026\n\n- Buy \\*milk\\* (inbox)\n"
    assert at("report", "--plain").splitlines()[0] == "2026-03-23\tinbox\t1\tBuy *milk*"
    document: Any = json.loads(at("report", "--json"))
    first = document["todos"][0]
    assert (first["day"], first["list"], first["text"]) == ("2026-03-23", "inbox", "Buy *milk*")
    assert "todo: 'blue moon'" in at("report", "blue", "moon", code=2)


def test_completed_todos_are_shown_with_their_days(at: Run) -> None:
    at("add", "a")
    at("add", "b")
    at("done", "1", "--on", "yesterday")
    assert at("ls", "is:done") == "1  x yesterday  a\n"
    assert at("ls", "--all") == "1  x yesterday  a\n2               b\n"


def test_the_agenda_lists_due_dates_and_reminders_by_day(at: Run) -> None:
    at("add", "Late", "due:yesterday")
    at("add", "Call", "due:today-17:00", "remind:today-16:00")
    at("add", "Hidden", "due:today", "wait:tomorrow")
    at("add", "Far", "due:1-may")
    at("-L", "work", "add", "Deploy", "due:friday")
    assert at("agenda") == (
        "Tue 24 Mar 2026 (overdue)\n              1  Late\n\n"
        "Wed 25 Mar 2026 (today)\n  16:00       2  reminder: Call\n  17:00       2  Call\n\n"
        "Thu 26 Mar 2026\n              3  no longer waiting: Hidden\n\n"
        "Fri 27 Mar 2026\n         work/1  Deploy\n"
    )
    assert "Far" in at("agenda", "--days", "60")
    assert at("-L", "work", "agenda", "--plain") == "2026-03-27\t\tdue\t1\tDeploy\n"
    month = at("agenda", "--month").splitlines()
    assert month[0].strip() == "March 2026"
    assert [line for line in month if ">25" in line]
    assert "exclude" not in at("agenda", "--month", "--days", "3", code=2)
    document: Any = json.loads(at("agenda", "--json"))
    assert [row["kind"] for row in document["appointments"]] == ["due", "reminder", "due", "wait", "due"]
    at("add", "Later", "due:28-mar", "wait:27-mar-09:00")
    later = [line.split("\t") for line in at("agenda", "--plain").splitlines() if line.endswith("Later")]
    assert later == [["2026-03-27", "09:00", "wait", "5", "Later"], ["2026-03-28", "", "due", "5", "Later"]]
    assert "Later" not in at("agenda", "--days", "2")
    assert at("-L", "empty", "agenda", code=3)


def test_the_summary_of_each_verb_fits_on_its_line(todo: Todo) -> None:
    for group in ((), ("lists",), ("store",)):
        cut = [line for line in todo(*group, "--help").out.splitlines() if line.endswith("...")]
        assert cut == []


def test_help_shows_how_a_verb_is_used(todo: Todo) -> None:
    assert todo("help", "done").out == todo("done", "--help").out
    assert todo("help", "lists", "new").out == todo("lists", "new", "--help").out
    assert todo("help").out == todo("--help").out == todo("help", "todo").out
    assert todo("help", "todo", "done").out == todo("done", "--help").out
    assert all(f" {sign}" in todo("help", "todo").out for sign in ("⊘8", "↻", "(1/3)", "├", "└", "≡"))
    assert todo.run("help", "nosuch").code == 2


# queries of other verbs


def test_the_moment_at_which_a_query_wanted_so_many_is_found(at: Run) -> None:
    at("add", "a", "+work", when="2026-03-20T10:00")
    at("add", "b", "+work", "due:2026-03-22", when="2026-03-21T10:00")
    assert at("when", "(is:open +work)>=2") == at("when", "+work", "--at-least", "2") == "@2  2026-03-21 10:00\n"
    assert at("when", "(overdue)>=1 and open=2") == "@2  2026-03-23 00:00\n"
    assert at("when", "is:today", "--at-least", "1") == "@2  2026-03-22 00:00\n"
    assert "there is no key 'x'" in at("when", "(x:y)>=1", code=2)
    assert "is not a condition" in at("when", "+work", code=2)


def test_statistics_can_be_about_what_a_query_wants(at: Run) -> None:
    at("add", "a", "+work")
    at("add", "b")
    at("done", "1")
    counts: Any = json.loads(at("stats", "+work", "--json"))
    assert (counts["added"], counts["completed"]) == (1, 1)
    assert json.loads(at("stats", "is:open", "--json"))["added"] == 1
    assert "no todo has the tag" in at("stats", "+wrk", code=2)


def test_columns_are_chosen_by_their_names(at: Run) -> None:
    at("add", "a", "+work", "due:friday", "every:week")
    at("add", "b", "under:1", "depends:1")
    assert at("ls", "--columns", "number,due,text,every,parent,depends") == (
        "1  2026-03-27  a  week\n2              b        1  1\n"
    )
    assert at("ls", "--columns", "state, list", "--plain") == "open\tinbox\nopen\tinbox\n"
    assert "'x' is not a column" in at("ls", "--columns", "x", code=2)


def test_a_saved_filter_has_an_order_and_lists(at: Run, tmp_path: Path) -> None:
    config = tmp_path / "cqrs-todo/config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text('[filters.f]\nwhere = "+x"\nsort = "-text"\nlist = ["work", "inbox"]\n')
    at("add", "a", "+x")
    at("-L", "work", "add", "b", "+x")
    at("-L", "work", "add", "c", "+y")
    assert at("ls", "filter:f") == "work/1  b +x\n     1  a +x\n"
    assert at("-L", "work", "ls", "filter:f") == "1  b +x\n"
    assert "several lists: work, inbox" in at("done", "--where", "filter:f", code=2)
    assert "several lists" in at("when", "filter:f", "--at-least", "1", code=2)
    config.write_text('[filters.f]\nwhere = "+x"\nlist = ["work"]\n')
    assert at("when", "filter:f", "--at-least", "1").startswith("@1 ")
    assert json.loads(at("stats", "filter:f", "--json"))["added"] == 1
    assert at("done", "--where", "filter:f").startswith("Done 1: b.")
    config.write_text('[filters.f]\nwhere = "+x"\nsort = "-text"\nlist = ["work", "inbox"]\n')
    assert at("ls", "filter:f", "--sort", "text") == "1  a +x\n"


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("report", "2026-03-16", "2026-03-22"),
        ("report this week", "2026-03-16", "2026-03-22"),
        ("report last week", "2026-03-09", "2026-03-15"),
        ("report yesterday", "2026-03-19", "2026-03-19"),
        ("report monday", "2026-03-16", "2026-03-16"),
        ("report 2026", "2026-01-01", "2026-12-31"),
        ("report 2025", "2025-01-01", "2025-12-31"),
        ("agenda", "2026-03-20", "2026-03-26"),
    ],
)
def test_periods_count_from_the_moment_that_is_shown(at: Run, words: str, first: str, last: str) -> None:
    at("add", "x", when="2026-03-01T12:00")
    for line in (["at", "2026-03-20", *words.split()], [*words.split(), "--at", "2026-03-20"]):
        document = json.loads(at(*line, "--json"))
        assert (document["from"], document["to"]) == (first, last), line


def test_a_month_of_a_view_counts_from_the_moment_that_is_shown(at: Run) -> None:
    at("add", "x", when="2026-01-01T12:00")
    for words, month in (("last month", "2026-01"), ("this month", "2026-02"), ("", "2026-02")):
        assert json.loads(at("at", "2026-02-20", "view", "statement", *words.split(), "--json"))["period"] == month


def test_a_report_of_a_year_needs_a_year_that_has_begun(at: Run) -> None:
    at("add", "x")
    assert json.loads(at("report", "2026", "--json"))["to"] == "2026-12-31"
    assert "2027" in at("report", "2027", code=2)
    assert "2027" in at("at", "2026-03-20", "report", "2027", code=2, when="2027-06-01T12:00")
    assert "0000" in at("report", "0000", code=2)


def test_removed_todos_are_found_by_the_todo_that_they_are_under(todo: Todo) -> None:
    todo("add", "-", stdin="top\nother\n")
    todo("add", "-", "under:1", stdin="middle\nstays\n")
    todo("add", "leaf", "under:3")
    todo("add", "stray", "under:2")
    todo("rm", "3")
    columns = ("--columns", "number")
    assert todo("ls", "is:removed", "under:1", *columns).out.split() == ["3", "5"]
    assert todo("ls", "is:any", "under:1", *columns).out.split() == ["3", "4", "5"]
    assert todo("ls", "under:1", *columns).out.split() == ["4"]
    todo("rm", "1")
    assert todo("ls", "is:removed", "under:1", *columns).out.split() == ["3", "4", "5"]
    assert "1  -  top\n" in todo("ls", "--removed").out


def test_a_todo_that_is_done_gets_no_open_children(todo: Todo) -> None:
    todo("add", "-", stdin="parent\nother\n")
    todo("add", "child", "under:1")
    todo("done", "1", "--with-children")
    reason = "an open child of 1, which is done; reopen that one first"
    for words in (["add", "new", "under:1"], ["edit", "2", "under:1"], ["reopen", "3"], ["toggle", "3"]):
        result = todo.run(*words)
        assert (result.code, reason in result.err) == (1, True), (words, result.err)
    assert len(todo.todos()) == 3
    todo("reopen", "1,3")
    todo("undo")
    todo("undo")
    assert [row["completed"] for row in todo.todos()] == [None] * 3
    todo("done", "2", "1", "--with-children")
    todo("edit", "2", "under:1")
    assert todo("ls", "--done", "--columns", "number,parent").out == "1\n2  1\n3  1\n"


def test_what_is_not_about_one_list_takes_the_option_for_all_lists_and_what_changes_one_refuses_it(two: Todo) -> None:
    for words in (
        ["lists"],
        ["where"],
        ["verify"],
        ["react"],
        ["store", "rebuild"],
        ["help", "add"],
        ["completion", "bash"],
    ):
        assert two(*words, "-A").out == two(*words).out
    todos = "leave it out, and name todos of other lists as in work/3, or a list: -L NAME"
    one = "leave it out, or name a list: -L NAME"
    for line, hint in {
        "done 1": todos,
        "done work/1": todos,
        "tag 1 +x": todos,
        "add x": one,
        "undo": one,
        "import -": one,
        "explain ls": one,
        "lists new x": "leave it out",
    }.items():
        refused = two.run("-A", *line.split())
        name = line.removeprefix("lists ").split()[0]
        assert (refused.code, refused.err) == (
            2,
            f"todo: {name} takes no --all-lists (-A), which is for sync, and for verbs that read\n      {hint}\n",
        )


def test_verbs_that_read_take_todos_of_any_list_with_all_lists(two: Todo) -> None:
    for words in (["show"], ["blame"], ["history"], ["diff", "1 hour ago", "now"]):
        for list, name in (("inbox", "1"), ("work", "work/1")):
            assert two("-A", *words, name).out == two("-L", list, *words, "1").out
    assert two("at", "-A", "now", "ls").out == two("ls", "-A").out
    assert two("at", "now", "-A", "ls", "pri:H").out == two("ls", "-A", "pri:H").out
    for words in (["remind", "1", "friday"], ["remind", "1", "--ack"], ["remind", "--ack"]):
        assert "--all-lists lists the reminders of all lists" in two.run("-A", *words).err


def test_all_lists_have_a_start_and_a_position_belongs_to_one_list(two: Todo) -> None:
    assert two("at", "@1", "ls").out == "1  a\n"
    for words in (
        "show @1",
        "diff @1",
        "replay @1",
        "at @1",
        "at @1 ls",
        "history --since @1",
        "stats --until @1",
    ):
        result = two.run("-A", *words.split())
        error = "todo: a position belongs to one list, not to all\n      give a time, or one list: -L NAME\n"
        assert (result.code, result.err) == (2, error), words
    assert two.run("lists", "--at", "@1").err == "todo: a position belongs to one list, not to all\n      give a time\n"
    at_start = two("-A", "at", "start", "ls", "--json").json["lists"]
    assert [(each["list"], each["position"], each["todos"]) for each in at_start] == [("inbox", 0, []), ("work", 0, [])]
    assert two("-A", "at", "start").err.endswith("The list is empty.\n")
    assert two("lists", "--at", "start").out == "* inbox  0 open, 0 done\n  work   0 open, 0 done\n"
    for words in ("history --since start", "replay start", "replay now start"):
        expected = two("-A", *words.replace("start", "2000-01-01").split()).out
        assert two("-A", *words.split()).out == expected, words
    assert two("-A", "stats", "--since", "start", "--json").out == two("-A", "stats", "--json").out


def test_at_a_position_the_verbs_that_show_all_lists_show_the_one_in_use(at: Run) -> None:
    at("add", "home", "due:tomorrow")
    at("done", "1")
    at("-L", "work", "add", "one", "due:today")
    at("-L", "work", "add", "two", "due:today")
    assert "home" in at("at", "@1", "agenda")
    assert "work" not in at("at", "@1", "agenda")
    assert "work" not in at("at", "@1")
    assert "  1  one\n" in at("-L", "work", "at", "@1", "agenda")
    assert "two" not in at("-L", "work", "at", "@1", "agenda")
    at("-L", "work", "done", "1")
    assert "one" in at("report", "today")
    assert "home" in at("at", "@2", "report", "today")
    assert "one" not in at("at", "@2", "report", "today")
    assert "there is no event @3 in inbox" in at("at", "@3", "report", "today", code=3)


def test_the_agenda_takes_a_query_and_says_what_waits(at: Run) -> None:
    at("add", "home due", "due:tomorrow", "+home")
    at("add", "work due", "due:tomorrow", "+work")
    at("add", "waits", "due:tomorrow", "wait:2026-05-01", "+home")
    shown = at("agenda", "+home")
    assert "home due" in shown
    assert "work due" not in shown
    assert "1 waiting, from 1 May: todo ls +home is:waiting" in shown
    assert "waiting" not in at("agenda", "+work")
    assert "1 waiting, from 1 May: todo ls is:waiting" in at("agenda")


def test_a_change_by_query_says_what_it_left_out_because_it_waits(todo: Todo) -> None:
    todo("add", "waits", "+a", "wait:2099-01-01")
    hint = "1 waiting, and left out: todo ls '(+a) is:waiting'\n"
    assert todo("done", "--where", "+a").err == f"Nothing matches, so nothing was changed.\n{hint}"
    todo("add", "shown", "+a")
    assert todo("done", "--where", "+a").err.endswith(hint)
    assert [row["completed"] is None for row in todo.todos()] == [True, False]


def test_the_statistics_of_all_lists_count_a_todo_that_moved_once(at: Run) -> None:
    at("add", "a", "+x")
    at("add", "b")
    at("-L", "work", "add", "c", "+x")
    at("move", "1", "work")
    at("done", "work/2")
    counted = json.loads(at("stats", "-A", "--json"))
    assert (counted["added"], counted["completed"], counted["lists"]) == (3, 1, ["inbox", "work"])
    assert [day["open"] for day in counted["days"]] == [2]
    assert json.loads(at("stats", "-A", "+x", "--json"))["added"] == 2
    assert "no todo has the tag +nope" in at("stats", "-A", "+nope", code=2)


def test_the_differences_of_all_lists_are_shown_list_by_list(at: Run) -> None:
    at("add", "a")
    at("-L", "work", "add", "b", "+x")
    shown = at("diff", "-A", "1 hour ago")
    assert shown.splitlines()[0] == "inbox"
    assert "work\nAdded\n+ 1 b (+x)\n" in shown
    assert shown.endswith("2 added\n")
    assert [each["list"] for each in json.loads(at("diff", "-A", "1 hour ago", "--json"))["lists"]] == ["inbox", "work"]
    assert at("diff", "-A", "1 hour ago", "--plain").splitlines()[-1].split("\t")[:3] == ["work", "1", "added"]
    assert at("diff", "-A", "1 hour ago", "--stat") == "0 completed, 2 added, 0 changed, 0 removed\n"
    at("diff", "-A", "1 hour ago", "--exit-code", code=1)
    assert "a position belongs to one list" in at("diff", "-A", "@1", code=2)
