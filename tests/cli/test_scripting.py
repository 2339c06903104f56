"""`--command-id`, `--expect` and `--because`, on every verb that changes a list."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cqrs_todo.cli import verbs
from cqrs_todo.todo.batches import COMMIT_LIMIT

from ..conftest import Todo

VERBS = (
    "add",
    "done",
    "edit",
    "import",
    "move",
    "note",
    "redo",
    "remind",
    "reopen",
    "restore",
    "rm",
    "skip",
    "tag",
    "toggle",
    "undo",
)


def _prepare(todo: Todo) -> None:
    """Make two lists: three todos, one of which is done and one removed, and an undone change."""
    todo("lists", "new", "work")
    for text in ("Buy milk", "Call the bank", "Repair the bicycle"):
        todo("add", text)
    todo("done", "2")
    todo("rm", "3")
    todo("add", "Water the plants", "every:day", "due:2099-01-01")
    todo("add", "Undone")
    todo("undo")


COMMANDS: dict[str, Sequence[str]] = {
    "add": ("add", "Write to Jo", "+post"),
    "done": ("done", "1", "2"),
    "done with the todos of the last change": ("done", "@"),
    "reopen": ("reopen", "2"),
    "toggle": ("toggle", "1"),
    "edit": ("edit", "1", "Buy oat milk", "pri:H"),
    "tag": ("tag", "1", "+home"),
    "note": ("note", "1", "two litres"),
    "remind": ("remind", "1", "2099-01-01"),
    "rm": ("rm", "1-2"),
    "skip": ("skip", "4"),
    "done with a todo that recurs": ("done", "4"),
    "restore a removed todo": ("restore", "3"),
    "restore the list": ("restore", "--to", "@2"),
    "undo": ("undo",),
    "undo a position": ("undo", "@4"),
    "undo several": ("undo", "2"),
    "redo": ("redo",),
    "move": ("move", "1", "work"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_sent_twice_gives_the_same_answer_and_is_recorded_once(todo: Todo, command: Sequence[str]) -> None:
    _prepare(todo)
    if command == ("done", "@"):
        todo("add", "The last change")
    words = [*command[:1], "--command-id", "job-7", *command[1:]]
    first = todo(*words)
    log, other = todo.content(), todo.content("work")
    assert [commit["command"] for commit in todo.log()].count("job-7") == 1
    again = todo(*words)
    assert (again.out, again.err) == (first.out, first.err)
    todo("add", "Something else")  # and also after others have written
    later = todo(*words)
    assert (later.out, later.err) == (first.out, first.err)
    as_json = todo(*words, "--json").out
    assert json.loads(as_json)["commit"]["command"] == "job-7"
    assert (todo.content()[: len(log)], todo.content("work")) == (log, other)
    assert len(todo.log()) == len(log.splitlines())


def test_the_json_answer_is_the_same_each_time(todo: Todo) -> None:
    _prepare(todo)
    words = ("done", "1", "--command-id", "job-7", "--json")
    first = todo(*words).out
    todo("edit", "1", "Buy oat milk")
    assert todo(*words).out == first


def test_a_move_is_looked_up_in_both_lists(todo: Todo) -> None:
    _prepare(todo)
    first = todo("move", "1-2", "work", "--command-id", "job-7", "--because", "it is for work", "--json")
    assert todo("move", "1-2", "work", "--command-id", "job-7", "--because", "it is for work", "--json").out == first.out
    halves = [*todo.log()[-1:], *todo.log("work")]
    assert [(half["command"], half["meta"]["because"]) for half in halves] == [("job-7", "it is for work")] * 2
    refused = todo.run("-L", "work", "rm", "1", "--command-id", "job-7")
    assert (refused.code, "belongs to another command" in refused.err) == (4, True)


def test_undoing_a_move_is_recorded_once_and_in_both_lists(todo: Todo) -> None:
    _prepare(todo)
    todo("move", "1", "work")
    words = ("undo", "--command-id", "back", "--because", "not for work")
    first = todo(*words)
    assert todo(*words).out == first.out
    halves = [todo.log()[-1], todo.log("work")[-1]]
    assert [(half["command"], half["meta"]["because"]) for half in halves] == [("back", "not for work")] * 2
    assert len(todo.log("work")) == 2
    redone = ("redo", "--command-id", "forth")
    assert todo(*redone).out == todo(*redone).out
    assert len(todo.log("work")) == 3


def test_the_same_id_with_another_command_is_a_conflict(todo: Todo) -> None:
    _prepare(todo)
    todo("done", "1", "--command-id", "job-7")
    log = todo.content()
    for other in (("done", "2"), ("rm", "1"), ("undo",), ("add", "x"), ("done", "1", "--because", "another reason")):
        result = todo.run(*other, "--command-id", "job-7")
        assert result.code == 4, other
        assert "the command id job-7 belongs to another command, which recorded @10 in inbox" in result.err
    assert todo.run("done", "2", "--command-id", todo.log()[0]["command"]).code == 4
    assert todo.content() == log


def test_a_command_that_changed_nothing_is_decided_again(todo: Todo) -> None:
    _prepare(todo)
    assert todo("done", "2", "--command-id", "job-7").err == "Already done: 2\n"
    todo("reopen", "2")
    assert todo("done", "2", "--command-id", "job-7").out.startswith("Done 2")


def test_a_refused_command_can_be_sent_again_with_its_id(todo: Todo) -> None:
    _prepare(todo)
    assert todo.run("done", "3", "--command-id", "job-7").code == 1
    todo("restore", "3")
    assert todo("done", "3", "--command-id", "job-7").out.startswith("Done 3")


def test_input_belongs_to_the_command(todo: Todo) -> None:
    _prepare(todo)
    first = todo("add", "-", "--command-id", "lines", stdin="one\ntwo\n")
    assert todo("add", "-", "--command-id", "lines", stdin="one\ntwo\n").out == first.out
    assert todo.run("add", "-", "--command-id", "lines", stdin="one\nthree\n").code == 4
    first = todo("note", "1", "-", "--command-id", "note", stdin="a note")
    assert todo("note", "1", "-", "--command-id", "note", stdin="a note").out == first.out
    assert todo.run("note", "1", "-", "--command-id", "note", stdin="another note").code == 4


def test_an_import_of_todos_is_recorded_once(todo: Todo) -> None:
    _prepare(todo)
    exported = todo("export").out
    words = ("-L", "work", "import", "-", "--command-id", "copy", "--because", "for the team")
    first = todo(*words, stdin=exported)
    log = todo.content("work")
    assert todo(*words, stdin=exported).out == first.out
    assert todo.content("work") == log
    assert todo.log("work")[-1]["meta"]["because"] == "for the team"
    assert todo.run(*words, stdin=exported.replace("milk", "tea")).code == 4


def test_an_import_of_a_log_refuses_the_options(todo: Todo) -> None:
    _prepare(todo)
    exported = todo("export", "--format", "events").out
    for option in (("--command-id", "copy"), ("--expect", "@0"), ("--because", "x")):
        refused = todo.run("-L", "copy", "import", "-", *option, stdin=exported)
        assert (refused.code, "copies its commits as they are" in refused.err) == (2, True)


def test_a_batch_is_recorded_once_and_carries_the_reason_in_every_part(todo: Todo) -> None:
    lines = "".join(f"todo {number}\n" for number in range(COMMIT_LIMIT + 5))
    words = ("add", "-", "--command-id", "many", "--because", "the move")
    first = todo(*words, stdin=lines)
    assert todo(*words, stdin=lines).out == first.out
    assert [commit["command"] for commit in todo.log()] == ["many.1", "many.2"]
    assert {commit["meta"]["because"] for commit in todo.log()} == {"the move"}
    assert todo.run("add", "-", "--expect", "@0", stdin=lines).code == 4
    done = ("done", f"1-{COMMIT_LIMIT + 5}", "--command-id", "all", "--because", "finished")
    first = todo(*done)
    assert todo(*done).out == first.out
    assert [commit["command"] for commit in todo.log()[2:]] == ["all.1", "all.2"]
    assert {commit["meta"]["because"] for commit in todo.log()[2:]} == {"finished"}
    undo = ("undo", "2", "--command-id", "back", "--because", "too early")
    first = todo(*undo)
    assert todo(*undo).out == first.out
    assert [commit["command"] for commit in todo.log()[4:]] == ["back", "back.2", "back.3", "back.4"]


def test_an_old_command_is_recognised(todo: Todo) -> None:
    todo("add", "First", "--command-id", "old")
    first = todo("done", "1", "--command-id", "older").out
    todo("add", "-", stdin="".join(f"todo {number}\n" for number in range(3 * COMMIT_LIMIT)))
    for number in range(3):
        todo("tag", "2", f"+t{number}")
    assert todo("done", "1", "--command-id", "older").out == first
    assert todo.run("done", "2", "--command-id", "old").code == 4


def test_two_processes_that_send_the_same_command_record_it_once(todo: Todo) -> None:
    todo("add", "First")
    words = [sys.executable, "-m", "cqrs_todo", "add", "Second", "--command-id", "job-7"]
    started = [subprocess.Popen(words, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE) for _ in range(4)]
    answers = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert len(set(answers)) == 1
    assert len(todo.log()) == 2


@pytest.mark.parametrize("id", ["a b", "a.1", "-x", "ä", "x" * 65, "a\nb"])
def test_an_id_of_another_form_is_refused(todo: Todo, id: str) -> None:
    result = todo.run("add", "x", f"--command-id={id}")
    assert (result.code, "is not a command id" in result.err) == (2, True)


@pytest.mark.parametrize(
    "id", ["x", "0b6e9d1c-31c4-4a5e-9f0a-1f3f4f0c2b6d", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "nightly:2026-11-28"]
)
def test_usual_forms_of_ids_are_accepted(todo: Todo, id: str) -> None:
    todo("add", "x", "--command-id", id)
    assert todo.log()[0]["command"] == id


def test_a_command_with_an_id_does_not_open_the_editor(todo: Todo) -> None:
    _prepare(todo)
    refused = todo.run("edit", "1", "--command-id", "job-7")
    assert (refused.code, "in the editor" in refused.err) == (2, True)


# --expect


def test_a_version_must_be_the_one_of_each_named_todo(todo: Todo) -> None:
    _prepare(todo)
    log = todo.content()
    refused = todo.run("edit", "1", "pri:H", "--expect", "2")
    assert refused.code == 4
    assert "todo 1 has version 1; expected was version 2; nothing was recorded" in refused.err
    refused = todo.run("tag", "1-3", "+x", "--expect", "1", "--json")
    message = json.loads(refused.err)["error"]
    assert (refused.code, message["code"]) == (4, "conflict")
    assert message["message"] == ("todo 2 has version 2, todo 3 has version 2; expected was version 1; nothing was recorded")
    assert todo.run("move", "1", "work", "--expect", "9").code == 4
    assert todo.run("restore", "1", "--to", "@1", "--expect", "9").code == 4
    assert todo.run("done", "2", "--expect", "1").code == 4  # also if there would be nothing to do
    assert (todo.content(), todo.log("work")) == (log, [])
    todo("done", "1", "--expect", "1")
    todo("rm", "1-2", "--expect", "2")


def test_a_position_must_be_the_last_one_of_the_list(todo: Todo) -> None:
    assert todo.run("add", "x", "--expect", "@1").code == 4
    assert todo("lists", "--json").out.count('"inbox"') == 0  # and no list was made
    todo("add", "x", "--expect", "@0")
    refused = todo.run("add", "y", "--expect", "@0")
    assert (refused.code, "inbox is at @1, not at @0; nothing was recorded" in refused.err) == (4, True)
    todo("lists", "new", "work")
    for words in (["done", "1"], ["undo"], ["move", "1", "work"], ["restore", "--to", "@1"]):
        assert todo.run(*words, "--expect", "@9").code == 4
    todo("done", "1", "--expect", "@1")
    todo("undo", "--expect", "@2")
    todo("move", "1", "work", "--expect", "@3")
    assert todo.run("undo", "--expect", "@3").code == 4
    todo("undo", "--expect", "@4")
    assert len(todo.log()) == 5


@pytest.mark.parametrize("words", [("add", "y"), ("undo",), ("restore", "--to", "@1")])
def test_a_version_is_refused_where_no_todo_is_named(todo: Todo, words: Sequence[str]) -> None:
    todo("add", "x")
    todo("done", "1")
    refused = todo.run(*words, "--expect", "2")
    assert refused.code == 2
    assert "give the last position of the list instead: --expect @2" in refused.err
    assert len(todo.log()) == 2


@pytest.mark.parametrize("text", ["x", "@", "@x", "-1", "1.5", "٣"])
def test_what_is_neither_a_version_nor_a_position_is_refused(todo: Todo, text: str) -> None:
    result = todo.run("add", "x", f"--expect={text}")
    assert (result.code, "is neither a version nor a position" in result.err) == (2, True)


def test_of_processes_that_expect_the_same_position_one_succeeds(todo: Todo) -> None:
    todo("add", "First")
    words = [sys.executable, "-m", "cqrs_todo", "add", "Second", "--expect", "@1"]
    started = [
        subprocess.Popen(words, env=todo.env, cwd=todo.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert sorted(process.wait(timeout=60) for process in started) == [0, 4, 4, 4]
    assert len(todo.log()) == 2


def test_a_command_that_is_sent_again_may_expect_the_earlier_state(todo: Todo) -> None:
    todo("add", "x")
    words = ("done", "1", "--command-id", "job-7", "--expect", "1")
    assert todo(*words).out == todo(*words).out


# --because


def test_the_reason_is_kept_and_shown(todo: Todo) -> None:
    todo("add", "x", "--because", "Jo asked  for\nit")
    assert todo.log()[0]["meta"] == {"because": "Jo asked for it"}
    assert "created: x (because: Jo asked for it)" in todo("history").out
    assert "because: Jo asked for it" in todo("show", "1").out
    shown = json.loads(todo("show", "1", "--json").out)["commits"] + json.loads(todo("history", "--json").out)["commits"]
    assert [commit["meta"]["because"] for commit in shown] == ["Jo asked for it"] * 2
    todo("undo")
    assert "because" not in todo.log()[1]["meta"]  # undoing has reasons of its own
    todo("redo", "--because", "yes, please")
    assert "(redoes @1, because: yes, please)" in todo("history", "-n", "1").out


@pytest.mark.parametrize("text", ["", "  ", "x" * 1_001])
def test_an_empty_or_endless_reason_is_refused(todo: Todo, text: str) -> None:
    assert todo.run("add", "x", f"--because={text}").code == 2


def test_a_reason_cannot_control_the_terminal(todo: Todo) -> None:
    todo("add", "x", "--because", "\x1b[31mred")
    assert "\x1b" not in todo("history").out


# all together


def test_every_verb_that_changes_a_list_takes_the_options(todo: Todo) -> None:
    changing = sorted(name for name in verbs.names([]) if (verb := verbs.load([name])) is not None and verb.changes_a_list)
    assert tuple(changing) == VERBS
    for name in changing:
        shown = todo(name, "--help").out
        assert all(option in shown for option in ("--command-id", "--expect", "--because")), name
    assert todo.run("ls", "--because", "x").code == 2
    assert todo.run("lists", "new", "work", "--command-id", "x").code == 2


def test_explain_shows_the_line_with_the_options(todo: Todo) -> None:
    todo("add", "x")
    options = "--command-id job-7 --because 'it is done' --expect 1"
    explanation = json.loads(todo("explain", "--json", f"done 1 {options}").out)
    todo("done", "1", "--command-id", "job-7", "--because", "it is done", "--expect", "1")
    assert _without_time(json.loads(_line(explanation))) == _without_time(todo.log()[-1])
    again = json.loads(todo("explain", "--json", f"done 1 {options}").out)
    assert again["outcome"] == "unchanged"
    conflict = json.loads(todo("explain", "--json", "edit 1 pri:H --expect 1").out)
    assert conflict["outcome"] == "conflict"
    assert len(todo.log()) == 2


def _line(explanation: Any) -> str:
    line: str = explanation["appends"][0]["line"]
    return line


def _without_time(commit: Any) -> Any:
    kept = {key: value for key, value in commit.items() if key not in ("at", "sum")}
    return {**kept, "events": [{key: event[key] for key in ("stream", "version", "type")} for event in commit["events"]]}


@pytest.mark.parametrize("send", [lambda todo: todo("done", "1", "--command-id", "job-7")])
def test_other_machines_answer_the_same(todo: Todo, database: str, send: Callable[[Todo], Any]) -> None:
    todo.env["TODO_STORE"] = database
    todo("add", "x")
    first = send(todo).out
    todo("edit", "1", "y")
    assert send(todo).out == first
    assert todo.run("rm", "1", "--command-id", "job-7").code == 4
    assert todo.run("rm", "1", "--expect", "1").code == 4
    assert todo.run("rm", "1", "--expect", "@1").code == 4


def test_an_id_that_another_list_used_for_its_move_is_refused_with_that_reason(todo: Todo) -> None:
    for name in ("a", "b"):
        todo("-L", name, "add", "x")
    todo("lists", "new", "c")
    todo("-L", "a", "move", "1", "c", "--command-id", "X")
    before = todo.content("b"), todo.content("c")
    result = todo.run("-L", "b", "move", "1", "c", "--command-id", "X")
    assert result.code == 4
    assert "belongs to another command, which recorded @1 in c as a move from a to c" in result.err
    assert "undone" not in result.err
    assert (todo.content("b"), todo.content("c")) == before
