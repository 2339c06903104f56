"""`todo react`: programs that run when something happens, with real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cli.inline_reactions import react as react_inline
from cqrs_todo.cli.reacting import Reacting
from cqrs_todo.cli.session import Options, Session
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.service import TodoList
from tests.conftest import Todo
from tests.readme import README, play_page

HOSTILE = ["$(rm -rf ~)", "; reboot", "`id` && exit", "--help", "-rf /", "'\"\\", "a\x1b[2Jb", "{text}", "über 雪"]


def configure(todo: Todo, text: str) -> None:
    """Write the configuration."""
    path = todo.home / ".config/cqrs-todo/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def reaction(name: str, run: list[str], **keys: object) -> str:
    """A table of the configuration."""
    lines = ["[[reaction]]", f"name = {json.dumps(name)}", f"run = {json.dumps(run)}"]
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""])


def script(todo: Todo, name: str, text: str) -> str:
    """Write a program, and return its path."""
    path = todo.home / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def keeping(todo: Todo) -> str:
    """A program that adds a line to `seen` for each call: the event, and its arguments, as JSON."""
    return script(
        todo,
        "keep",
        f"#!{sys.executable}\nimport json, os, sys\n"
        "line = json.dumps([json.load(sys.stdin), sys.argv[1:], dict(os.environ)]) + '\\n'\n"
        "fd = os.open('seen', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\nos.write(fd, line.encode())\n",
    )


def seen(todo: Todo) -> list[Any]:
    """What that program was given."""
    path = todo.home / "seen"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def failed(todo: Todo) -> list[Any]:
    """The events that reactions failed on."""
    rows: list[Any] = todo("react", "--failed", "--json").json["failed"]
    return rows


def output(todo: Todo, name: str) -> bytes:
    """The file that keeps what the program of a reaction printed."""
    return (todo.home / f".local/state/cqrs-todo/reactions/{name}.out").read_bytes()


def test_a_program_gets_the_event_as_a_cloud_event(todo: Todo) -> None:
    configure(todo, reaction("thanks", [keeping(todo), "--", "{text}", "{list}/{number} {{{id}}}"], on=["todo_completed"]))
    todo("react")
    todo("add", "Paint the door", "+home")
    todo("done", "1")
    assert "1 event, 0 reminders" in todo("react").err
    [[event, arguments, _]] = seen(todo)
    [_, commit] = todo.log()
    header = json.loads(todo.content().split("\n")[0])
    [item] = todo.todos()
    assert arguments == ["--", "Paint the door", f"inbox/1 {{{item['id']}}}"]
    assert event == {
        "specversion": "1.0",
        "type": "todo_completed",
        "source": f"urn:cqrs-todo:{header['id'] if 'id' in header else header['log']}",
        "subject": f"todo/{item['id']}",
        "id": f"{todo('history', '--json', '-n', '1').json['commits'][0]['command']}/1",
        "time": todo("history", "--json", "-n", "1").json["commits"][0]["at"],
        "datacontenttype": "application/json",
        "data": {
            "list": "inbox",
            "event": todo("history", "--json", "-n", "1").json["commits"][0]["events"][0],
            "todo": item,
        },
    }
    assert commit
    assert todo("react").err.startswith("0 events")


def test_texts_are_given_to_a_program_as_they_are(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo), "{text}", "x{text}", "--", "{text}"], on=["todo_created"]))
    todo("react")
    (todo.home / "kept").write_text("here")
    todo("add", "-", stdin="".join(f"{text}\n" for text in HOSTILE))
    todo("react")
    texts = [item["text"] for item in todo.todos()]
    assert len(texts) == len(HOSTILE)
    for (_, arguments, _), text in zip(seen(todo), texts, strict=True):
        safe = f" {text}" if text.startswith("-") else text
        assert arguments == [safe, f"x{text}", "--", text]
    assert (todo.home / "kept").read_text() == "here"


def test_the_environment_of_a_program_is_small(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo)], inline=True))
    todo("add", "x", env={"SECRET": "1", "TODO_STORE": f"jsonl:{todo.home}/other", "LC_TIME": "C", "DISPLAY": ":9"})
    [[_, _, env]] = seen(todo)
    assert {"HOME", "PATH", "LANG", "TZ", "LC_TIME", "DISPLAY"} <= env.keys()
    assert env["TODO_REACTION"] == "keep"
    assert not {"SECRET", "TODO_STORE"} & env.keys()


def test_the_query_sees_the_todo_after_the_change(todo: Todo) -> None:
    program = keeping(todo)
    configure(
        todo,
        reaction("new", [program, "new", "{number}"], on=["todo_created"], where="+home project:a")
        + reaction("done", [program, "done", "{number}"], on=["todo_completed"], where="+home")
        + reaction("blocked", [program, "blocked", "{number}"], on=["todo_dependency_added"], where="is:blocked depends:1"),
    )
    todo("react")
    todo("add", "one", "+home", "project:a.b")
    todo("add", "two", "+home")
    todo("tag", "2", "-home")
    todo("done", "2")
    todo("tag", "2", "+home")
    todo("done", "1")
    todo("add", "three", "depends:2")
    todo("reopen", "1")
    todo("add", "four", "depends:1")
    todo("react")
    assert [arguments for _, arguments, _ in seen(todo)] == [["new", "1"], ["done", "1"], ["blocked", "4"]]


def test_a_reaction_begins_now_and_gets_all_events_of_lists_that_are_made_later(todo: Todo) -> None:
    todo("add", "before")
    configure(todo, reaction("keep", [keeping(todo), "{list}", "{text}"], on=["todo_created"]))
    assert todo("react", "--overview", "--json").json["reactions"][0]["lists"][0]["begun"] is False
    todo("react")
    todo("-L", "work", "add", "in a new list")
    todo("add", "after")
    todo("react")
    assert [arguments for _, arguments, _ in seen(todo)] == [["inbox", "after"], ["work", "in a new list"]]


def test_a_reaction_can_begin_with_the_whole_history(todo: Todo) -> None:
    todo("add", "-", stdin="one\ntwo\nthree\n")
    todo("done", "2")
    configure(todo, reaction("keep", [keeping(todo), "{text}"], on=["todo_created"]))
    assert todo("react", "--from-start", "--json").json["reactions"] == [{"name": "keep", "list": "inbox", "done": 3}]
    assert [arguments for _, arguments, _ in seen(todo)] == [["one"], ["two"], ["three"]]


def test_a_reaction_is_about_its_lists(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo), "{text}"], list=["work"]))
    todo("react")
    todo("add", "at home")
    todo("-L", "work", "add", "at work")
    todo("-L", "inbox", "react")
    assert seen(todo) == []
    todo("react")
    assert [arguments for _, arguments, _ in seen(todo)] == [["at work"]]


def test_the_overview_counts_what_was_not_looked_at(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo)], on=["todo_completed"]))
    todo("react")
    todo("add", "-", stdin="one\ntwo\n")
    todo("react")
    todo("add", "three")
    todo("done", "1")
    [row] = todo("react", "--overview", "--json").json["reactions"]
    assert row["lists"] == [{"list": "inbox", "begun": True, "position": 2, "lag": 2, "failed": 0}]
    assert todo("react", "--overview", "--plain").out == "keep\tinbox\t2\t0\n"
    assert "inbox: 2 events to look at" in todo("react", "--overview").out
    for options in ([], ["--plain"], ["--json"]):
        overview = todo("react", "--overview", *options).out
        assert todo("react", "--list", *options).out == todo("react", *options, "--list").out == overview
        assert todo("react", "--overview", "--list", "inbox", *options).out == overview


# programs that fail

FAILING = {
    "exits 1": ("exit 1", "exit code 1"),
    "is killed": ("kill -KILL $$", "it was ended by SIGKILL"),
    "hangs": ("echo $$ > pids; sleep 60", "it was ended after 0.3 s"),
    "forks and hangs": ("sleep 60 & echo $! > pids; exit 0", "it was ended after 0.3 s"),
    "prints 100 MB": ("head -c 100000000 /dev/zero | tr '\\0' x; exit 3", "exit code 3"),
    "prints escapes": ("printf '\\033[2J\\r\\n%s' \"$1\"; exit 1", "exit code 1"),
    "ignores SIGTERM": ("trap '' TERM; echo $$ > pids; sleep 60; sleep 60", "it was ended after 0.3 s"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_program_that_fails_is_reported_and_leaves_nothing_behind(todo: Todo, name: str) -> None:
    text, error = FAILING[name]
    program = script(todo, "bad", f"#!/bin/sh\n{text}\n")
    configure(
        todo, reaction("bad", [program, "{text}"], on=["todo_created"], inline=True, timeout=5 if "MB" in name else 0.3)
    )
    added = todo("add", "$(rm -rf ~)")
    assert added.out.startswith("Added 1")
    assert added.err == f"todo: warning: the reaction bad failed: {error}\n      see: todo react --failed\n"
    [row] = failed(todo)
    assert (row["name"], row["position"], row["tries"]) == ("bad", 1, 1)
    [line] = todo("react", "--failed").out.splitlines()
    assert error in line
    if (todo.home / "pids").exists():
        pid = int((todo.home / "pids").read_text())
        assert _ends(lambda: not Path(f"/proc/{pid}").exists())
    assert len(todo.todos()) == 1


def test_of_each_hostile_text_a_failure_has_one_clear_line(todo: Todo) -> None:
    program = script(todo, "bad", "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 1\n")
    configure(todo, reaction("bad", [program, "{text}"], inline=True))
    (todo.home / "kept").write_text("here")
    added = todo("add", "-", stdin="".join(f"{text}\n" for text in HOSTILE))
    assert added.err.count("\n") == 2
    lines = todo("react", "--failed").out.splitlines()
    assert len(lines) == len(HOSTILE)
    for place, line in enumerate(lines, 1):
        assert re.fullmatch(rf"bad  inbox@{place}  [-0-9]+ [:0-9]+  exit code 1  \(1 try; \w+/{place}\)", line), line
    assert (todo.home / "kept").read_text() == "here"
    assert len(todo.todos()) == len(HOSTILE)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("missing", "there is no program 'missing'"),
        ("a\x1b[2J\nb", "there is no program 'a\\x1b[2J\\nb'"),
        ("folder", "cannot be run"),
    ],
)
def test_a_program_that_cannot_be_run_is_reported(todo: Todo, program: str, error: str) -> None:
    (todo.home / "folder").mkdir()
    name = str(todo.home / program) if program == "folder" else program
    configure(todo, reaction("bad", [name], inline=True))
    assert error in todo("add", "x").err
    assert error in failed(todo)[0]["error"]
    [line] = todo("react", "--failed").out.splitlines()
    assert error in line


def test_of_a_hundred_megabytes_of_output_the_end_is_kept(todo: Todo) -> None:
    program = script(todo, "loud", "#!/bin/sh\nhead -c 100000000 /dev/zero | tr '\\0' x\necho the end\n")
    configure(todo, reaction("loud", [program], inline=True))
    assert todo("add", "x").err == ""
    assert failed(todo) == []
    kept = output(todo, "loud")
    assert len(kept) == 64 * 1024
    assert kept.endswith(b"xx" + b"the end\n")


def test_a_program_that_fails_is_tried_again_and_then_passed_over(todo: Todo) -> None:
    program = script(todo, "flaky", '#!/bin/sh\necho "$1" >> tries\ntest -e good -o "$1" != one\n')
    configure(todo, reaction("flaky", [program, "{text}"], on=["todo_created"]))
    todo("react")
    todo("add", "-", stdin="one\ntwo\n")
    passed = todo.run("react")
    assert passed.code == 1
    assert "2 events, 0 reminders, 1 failed: todo react --failed" in passed.err
    assert (todo.home / "tries").read_text().split() == ["one"] * 6 + ["two"]
    [row] = failed(todo)
    assert todo.run("react", "--retry").code == 1
    assert todo.run("react", "--retry", "nothing/1").code == 3
    (todo.home / "good").touch()
    assert "1 done, 0 still failed" in todo("react", "--retry", row["event"]).err
    assert todo("react", "--failed").err == "Nothing failed.\n"


@pytest.mark.long
def test_a_program_that_records_and_fails_on_what_it_recorded_comes_to_an_end(todo: Todo) -> None:
    program = script(todo, "again", f"#!/bin/sh\n{sys.executable} -m cqrs_todo -q add again\nexit 4\n")
    configure(todo, reaction("again", [program], on=["todo_created"]))
    todo("react")
    todo("add", "one")
    assert todo.run("react").code == 1
    # six tries of the event that a person caused; each makes a todo, and nine more follow from it, one after the other
    assert len(todo.todos()) == 1 + 6 * 10
    assert sum("they may form a cycle" in row["error"] for row in failed(todo)) == 6


def test_a_failed_event_can_be_dropped(todo: Todo) -> None:
    configure(todo, reaction("bad", [script(todo, "bad", "#!/bin/sh\necho x >> tries\nexit 1\n")], inline=True))
    todo("add", "one")
    todo("add", "two")
    [one, two] = failed(todo)
    assert todo("react", "--drop", one["event"], "--json").json["dropped"] == 1
    assert failed(todo) == [two]
    assert todo.run("react", "--drop", one["event"]).code == 3
    assert "--drop needs the id" in todo.run("react", "--drop").err
    assert todo.run("react", "--drop", "--retry", two["event"]).code == 2
    assert todo("react", "--drop", two["event"]).err == f"Dropped {two['event']} of bad\n"
    assert todo("react", "--retry").err == "0 done, 0 still failed\n"
    assert (todo.home / "tries").read_text() == "x\n" * 2


def test_a_failed_event_can_be_dropped_and_tried_again_for_one_of_several_reactions(todo: Todo) -> None:
    names = ("mail", "log", "post")
    configure(todo, "\n".join(reaction(name, ["false"], on=["todo_created"], inline=True) for name in names))
    todo("add", "one")
    [event] = {row["event"] for row in failed(todo)}
    todo("react", "--drop", event, "--reaction", "log")
    assert [row["name"] for row in failed(todo)] == ["mail", "post"]
    assert "0 done, 1 still failed" in todo.run("react", "--retry", event, "--reaction", "mail").err
    assert todo.run("react", "--drop", event, "--reaction", "log").code == 3
    assert todo.run("react", "--drop", event, "--reaction", "nothing").code == 3
    assert todo("react", "--drop", event).err == f"Dropped {event} of mail, post\n"
    assert failed(todo) == []


def test_a_test_runs_the_last_matching_event_and_changes_nothing(todo: Todo) -> None:
    program = keeping(todo)
    configure(todo, reaction("keep", [program, "{text}"], on=["todo_created"], where="+x"))
    assert todo.run("react", "--test", "keep").code == 3
    todo("add", "-", "+x", stdin="one\ntwo\n")
    todo("add", "three")
    assert "It succeeded." in todo("react", "--test", "keep").err
    assert [arguments for _, arguments, _ in seen(todo)] == [["two"]]
    assert todo("react", "--overview", "--json").json["reactions"][0]["lists"][0]["begun"] is False
    assert todo.run("react", "--test", "other").code == 3


# right after a command


def test_an_inline_reaction_runs_right_after_the_command(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo), "{text}"], on=["todo_completed"], inline=True))
    todo("add", "-", stdin="one\ntwo\n")
    assert seen(todo) == []
    todo("done", "1")
    assert [arguments for _, arguments, _ in seen(todo)] == [["one"]]
    todo("undo")
    todo("-L", "work", "add", "three")
    todo("-L", "work", "done", "1")
    assert [arguments for _, arguments, _ in seen(todo)] == [["one"], ["three"]]
    assert todo("react").err.startswith("0 events")


def test_an_inline_reaction_whose_query_refuses_a_change_writes_nothing(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo), "{text}"], on=["todo_completed"], where="+urgent", inline=True))
    todo("add", "-", stdin="one\ntwo\nthree +urgent\nfour\n")
    todo("done", "1")
    before = written(todo.home / ".local/state"), written(todo.data / "reactions")
    todo("done", "2")
    assert (written(todo.home / ".local/state"), written(todo.data / "reactions")) == before
    todo("done", "3")
    todo("done", "4")
    assert texts_seen(todo) == ["three"]
    assert todo("react").err.startswith("0 events")


def test_an_inline_reaction_to_an_event_that_does_not_exist_is_reported(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo)], on=["todo_creatd"], inline=True))
    assert "there is no event 'todo_creatd'" in todo("add", "one").err
    configure(todo, reaction("keep", [keeping(todo)], on=[["todo_created"]], inline=True))
    assert "`on` must be a list of texts" in todo("add", "two").err


def test_a_reaction_that_another_process_runs_is_named(todo: Todo) -> None:
    ended = todo.home / "ended"
    program = script(todo, "ends", f"#!/bin/sh\ntest -e {ended} && exit 0\ntouch {ended}\nkill -9 $PPID\n")
    configure(todo, reaction("ends", [program], timeout=1))
    todo("react")
    todo("add", "one")
    assert todo.run("react").code == -9
    said = "Another process is running the reaction ends on inbox. If it was killed, a later run takes over."
    assert todo("react").err == f"0 events, 0 reminders\n{said}\n"


def test_of_a_list_that_has_lost_its_end_nothing_is_ahead_of_a_reaction(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo)]))
    todo("react")
    todo("add", "-", stdin="one\ntwo\n")
    todo("add", "three")
    todo("react")
    log = todo.data / "lists/inbox.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    result = todo.run("react")
    assert (result.code, "has lost its end" in result.err) == (5, True)
    [found] = todo("react", "--overview", "--json").json["reactions"]
    assert [each["lag"] for each in found["lists"]] == [0]


def test_programs_that_cause_each_other_stop_at_a_depth(todo: Todo) -> None:
    program = script(todo, "again", f'#!/bin/sh\n{sys.executable} -m cqrs_todo add "$1 again"\n')
    # a program does not get TODO_STORE
    store = f"store = {json.dumps(todo.store)}\n" if todo.store is not None else ""
    configure(todo, store + reaction("again", [program, "{text}"], on=["todo_created"], inline=True))
    added = todo("add", "x")
    assert "it follows from 10 reactions, one after the other" in added.err
    assert [item["text"] for item in todo.todos()] == ["x" + " again" * n for n in range(11)]
    commits = todo("history", "--json", "--reverse").json["commits"]
    for cause, commit in pairwise(commits):
        assert commit["meta"] == {"causation": f"{cause['command']}/1", "correlation": commits[0]["command"]}


def test_explain_runs_no_reaction(todo: Todo) -> None:
    configure(todo, reaction("keep", [keeping(todo)], inline=True))
    todo("explain", "add", "x")
    assert seen(todo) == []


def test_a_wrong_table_does_not_fail_the_command(todo: Todo) -> None:
    configure(todo, reaction("bad", ["x"], inline=True, timeout="soon"))
    added = todo("add", "x")
    assert "no reaction was run" in added.err
    assert "`timeout`" in added.err


# the configuration

WRONG = {
    "name": (reaction("a/b", ["x"]), "`name`"),
    "no name": ('[[reaction]]\nrun = ["x"]\n', "`name`"),
    "two of a name": (reaction("a", ["x"]) + reaction("A", ["x"]), "another reaction is named"),
    "on": (reaction("a", ["x"], on=["todo_complete"]), "did you mean 'todo_completed'?"),
    "on is a number": (reaction("a", ["x"], on=3), "`on`"),
    "where": (reaction("a", ["x"], where="due:"), "`where`"),
    "where has an unknown key": (reaction("a", ["x"], where="pro:a"), "`where`"),
    "where is a number": (reaction("a", ["x"], where=3), "`where`"),
    "no run": ('[[reaction]]\nname = "a"\n', "`run`"),
    "run is a text": ('[[reaction]]\nname = "a"\nrun = "rm -rf"\n', "`run`"),
    "run is empty": (reaction("a", []), "`run`"),
    "run has an unknown placeholder": (reaction("a", ["x", "{txt}"]), "{txt} means nothing"),
    "run has a brace": (reaction("a", ["x", "{"]), "{ means nothing"),
    "the program is a placeholder": (reaction("a", ["{text}"]), "the program itself"),
    "inline": (reaction("a", ["x"], inline="yes"), "`inline`"),
    "timeout": (reaction("a", ["x"], timeout=0), "`timeout`"),
    "list": (reaction("a", ["x"], list=[3]), "`list`"),
    "unknown key": (reaction("a", ["x"], when="now"), "has no key 'when'"),
    "not tables": ("reaction = 3\n", "[[reaction]]"),
    "remind": ("[remind]\nnotify = 3\n", "`notify`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_table_is_reported_with_the_file_and_the_key(todo: Todo, name: str) -> None:
    text, words = WRONG[name]
    configure(todo, text)
    result = todo.run("react")
    assert result.code == 2
    assert ".config/cqrs-todo/config.toml: re" in result.err
    assert words in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("--failed", "--overview"),
        ("--test", "x", "--follow"),
        ("x/1",),
        ("--at", "yesterday"),
        ("--unit", "upstart"),
        ("--reaction", "x"),
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_refused(todo: Todo, words: tuple[str, ...]) -> None:
    assert todo.run("react", *words).code == 2


def test_a_unit_keeps_what_the_environment_says(todo: Todo) -> None:
    env = {"TODO_STORE": "jsonl:/tmp/50% off", "TODO_LIST": "work", "XDG_STATE_HOME": "/tmp/a $b"}
    systemd = todo("react", "--unit", "systemd", env=env).out
    assert todo("--json", "react", "--unit", "systemd", env=env).json["unit"] == systemd.rstrip("\n")
    for line in ('"TODO_STORE=jsonl:/tmp/50%% off"', '"TODO_LIST=work"', '"XDG_STATE_HOME=/tmp/a $b"'):
        assert f"\nEnvironment={line}\n" in systemd
    cron = todo("react", "--unit", "cron", env=env).out
    assert cron.startswith("* * * * * TODO_STORE='jsonl:/tmp/50\\% off' TODO_LIST=work XDG_STATE_HOME='/tmp/a $b' ")
    assert "TODO_LIST" not in todo("-L", "home", "react", "--unit", "cron", env=env).out


def test_a_unit_runs_this_program_with_the_store_of_the_run(todo: Todo) -> None:
    unit = todo("--store", "jsonl:/tmp/50% off", "-L", "work", "react", "--unit", "systemd").out
    [start] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert start.endswith('"--store" "jsonl:/tmp/50%% off" "--list" work react "--follow"')
    cron = todo("--store", "jsonl:/tmp/50% off", "react", "--unit", "cron").out
    assert cron.startswith("* * * * * ")
    assert cron.endswith("--store 'jsonl:/tmp/50\\% off' react --quiet\n")


def test_the_examples_of_the_page_print_what_it_says(todo: Todo) -> None:
    programs = todo.home / "bin"
    programs.mkdir()
    script(todo, "bin/todo", f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    page = Path(__file__).parents[2] / "docs/reactions.md"
    env = {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}
    assert play_page(page, env, todo.home) >= 8
    for table in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        configure(todo, table)
        todo("react", "--overview")


def test_the_section_of_the_readme_works_in_an_empty_home(todo: Todo, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    script(todo, "../bin/todo", f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    page = tmp_path / "section.md"
    page.write_text(README.read_text().partition("## Let something follow\n")[2].partition("\n## ")[0])
    assert play_page(page, {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}, todo.home) == 5


# several runners, and runners that are killed


def _ends(reached: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until something is so, and return whether it was in time."""
    until = time.monotonic() + seconds
    while not (there := reached()) and time.monotonic() < until:
        time.sleep(0.02)
    return there


class Follower:
    """A running `todo react --follow`, with all that it started."""

    def __init__(self, todo: Todo) -> None:
        command = [sys.executable, "-m", "cqrs_todo", "react", "--follow"]
        self.process = subprocess.Popen(
            command, env=todo.env, cwd=todo.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def end(self, number: int = signal.SIGKILL) -> int:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def follow(todo: Todo) -> Iterator[Callable[[], Follower]]:
    started: list[Follower] = []

    def start() -> Follower:
        started.append(Follower(todo))
        return started[-1]

    yield start
    for each in started:
        each.end()


def test_following_reacts_to_what_comes_and_a_signal_ends_it(todo: Todo, follow: Callable[[], Follower]) -> None:
    configure(todo, reaction("keep", [keeping(todo), "{list}", "{text}"], on=["todo_created"]))
    todo("react")
    follower = follow()
    todo("add", "one")
    assert _ends(lambda: len(seen(todo)) == 1)
    todo("-L", "work", "add", "two")
    assert _ends(lambda: len(seen(todo)) == 2)
    assert [arguments for _, arguments, _ in seen(todo)] == [["inbox", "one"], ["work", "two"]]
    assert follower.end(signal.SIGTERM) == -signal.SIGTERM
    assert follow().end(signal.SIGINT) in (130, -signal.SIGINT)


def test_a_runner_that_is_ended_ends_the_program_that_it_runs(todo: Todo, follow: Callable[[], Follower]) -> None:
    program = script(todo, "slow", "#!/bin/sh\necho $$ > pid\nexec sleep 60\n")
    configure(todo, reaction("slow", [program]))
    todo("react")
    todo("add", "one")
    follower = follow()
    assert _ends(lambda: (todo.home / "pid").exists() and bool((todo.home / "pid").read_text()))
    pid = int((todo.home / "pid").read_text())
    assert "0 events" in todo("react").err  # another runner is active
    todo("add", "no lock is held meanwhile")
    follower.end(signal.SIGTERM)
    assert _ends(lambda: not Path(f"/proc/{pid}").exists())
    script(todo, "slow", "#!/bin/sh\ntrue\n")
    assert todo("react").err.startswith("2 events")


def _keep_ids(todo: Todo, timeout: float = 30.0) -> None:
    text = '#!/bin/sh\nread -r line\nline=${line#*\\"id\\":\\"}\necho "${line%%\\"*}" >> ids\n'
    configure(todo, reaction("ids", [script(todo, "ids.sh", text)], on=["todo_created"], timeout=timeout))


@pytest.mark.long
def test_a_runner_that_is_stopped_beyond_its_lease_disturbs_no_order(todo: Todo, follow: Callable[[], Follower]) -> None:
    _keep_ids(todo, timeout=0.5)  # its lease lasts nine seconds
    todo("react")
    stops = 3
    runners = [follow(), follow()]
    for stop in range(stops):
        for n in range(20):
            todo("add", f"todo {stop}.{n}")
        os.kill(runners[stop % 2].process.pid, signal.SIGSTOP)
        for n in range(20):
            todo("add", f"todo {stop}.{n} while one is stopped")
        assert _ends(lambda: len(set((todo.home / "ids").read_text().split())) == (stop + 1) * 40, 60)  # noqa: B023  # it is called at once
        os.kill(runners[stop % 2].process.pid, signal.SIGCONT)
        time.sleep(1)
    delivered = (todo.home / "ids").read_text().split()
    first = list(dict.fromkeys(delivered))
    commits = todo("history", "--json", "--reverse").json["commits"]
    assert first == [f"{commit['command']}/1" for commit in commits]
    assert len(delivered) - len(first) <= stops


@pytest.fixture
def here(todo: Todo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Session]]:
    """Opens a session in this process, with the home of the binary."""
    opened: list[Session] = []

    def session() -> Session:
        opened.append(Session(Options()))
        return opened[-1]

    for name in [name for name in os.environ if name.startswith(("TODO_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in todo.env.items():
        monkeypatch.setenv(name, value)
    yield session
    for each in opened:
        each.close()


def adding(session: Session, name: str, text: str) -> TodoList:
    """Add a todo to a list, which is made if it is missing."""
    todos = session.open_list(name)
    todos.make_if_missing()
    todos.add([Create(text, datetime.now(UTC))])
    return todos


def texts_seen(todo: Todo) -> list[str]:
    """The arguments that the program was given."""
    return [arguments[0] for _, arguments, _ in seen(todo)]


def test_a_reaction_gets_the_first_events_of_a_list_that_is_made_while_it_runs(
    todo: Todo, here: Callable[[], Session]
) -> None:
    configure(todo, reaction("new", [keeping(todo), "{list} {text}"], on=["todo_created"]))
    reacting = Reacting(here())
    reacting.once()
    adding(here(), "inbox", "first")
    reacting.once()
    assert texts_seen(todo) == ["inbox first"]


@pytest.mark.parametrize("inline", [False, True])
def test_a_reaction_gets_what_happened_in_an_old_list_since_it_began(
    todo: Todo, here: Callable[[], Session], inline: bool
) -> None:
    adding(here(), "inbox", "old")
    adding(here(), "other", "old")
    configure(todo, reaction("new", [keeping(todo), "{list} {text}"], on=["todo_created"], inline=inline))
    Reacting(here(), only="inbox").once()
    session = here()
    todos = adding(session, "other", "since")
    if inline:
        react_inline(session, {"other": (todos.log.cursor().position, list(todos.log.commits_backward())[:1])})
    else:
        Reacting(here()).once()
    assert texts_seen(todo) == ["other since"]


def test_a_follower_writes_nothing_while_nothing_happens(todo: Todo, here: Callable[[], Session]) -> None:
    adding(here(), "inbox", "one")
    configure(todo, reaction("new", [keeping(todo), "{text}"]) + reaction("done", ["false"], on=["todo_completed"]))
    reacting = Reacting(here())
    reacting.once()
    todos = adding(here(), "work", "two")
    here().open_list("empty").make_if_missing()
    assert reacting.once().done["new", "work"] == 1
    before = written(todo.home)
    reacting.once()
    assert written(todo.home) == before
    todos.add([Create("three", datetime.now(UTC))])
    reacting.once()
    assert texts_seen(todo) == ["two", "three"]


def written(folder: Path) -> dict[Path, tuple[int, int]]:
    """When each file and folder was last written, and its inode."""
    return {path: ((found := path.stat()).st_mtime_ns, found.st_ino) for path in folder.rglob("*")}


@pytest.mark.parametrize("harm", ["folder", "begun", "delivered"])
def test_a_state_folder_that_cannot_be_used_is_reported(todo: Todo, harm: str) -> None:
    configure(todo, reaction("new", [keeping(todo)], on=["todo_created"]))
    todo("add", "x")
    folder = todo.home / ".local/state/cqrs-todo/reactions"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if harm == "folder":
        folder.write_text("")
    elif harm == "begun":
        (folder / "begun.json").mkdir(parents=True)
    else:
        folder.mkdir()
        (folder / "delivered").write_bytes(b"\xff")
        todos = [{"id": "r", "text": "r", "created": "2019-01-01T00:00:00Z", "reminder": "2020-01-01T09:00:00Z"}]
        todo("import", "-", stdin=json.dumps({"format": "cqrs-todo/1", "todos": todos}))
        configure(todo, '[remind]\nnotify = ["true"]\n')
    done = todo.run("react")
    assert done.code == (0 if harm == "delivered" else 6)
    assert ("1 reminder" if harm == "delivered" else "reactions") in done.err
