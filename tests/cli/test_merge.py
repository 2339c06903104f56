"""`todo merge`: two homes that were changed apart, a copy that is another list or damaged, and kills at random points."""

import json
import random
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chains import rechain_line
from tests.conftest import Todo


@pytest.fixture
def here(todo: Todo) -> Todo:
    """A home whose inbox another home has a copy of; both were changed since."""
    todo("add", "-", stdin="Buy milk\nPaint the door\nCall Bob\n")
    return todo


def elsewhere(here: Todo) -> Todo:
    """Another home with a copy of the same lists."""
    twin = Todo(here.home.with_name("elsewhere"))
    shutil.copytree(here.home, twin.home, dirs_exist_ok=True)
    return twin


def apart(here: Todo) -> Todo:
    """Change both homes: there one conflict in a text, a change of a removed todo, and a todo with the same number."""
    there = elsewhere(here)
    here("edit", "1", "Buy oat milk")
    here("add", "Only here")
    here("rm", "3")
    there("edit", "1", "Buy soy milk")
    there("add", "Only there")
    there("add", "Also there")
    there("edit", "3", "Call Bob now")
    return there


def as_old(todo: Todo, name: str = "inbox") -> Path:
    """Keep a log as it is in a file."""
    kept = todo.home.with_name(f"{todo.home.name}-{name}.jsonl")
    shutil.copy(todo.log_file(name), kept)
    return kept


def commands(todo: Todo) -> set[str]:
    return {commit["command"] for commit in todo.log()}


def test_both_sides_come_to_the_same_bytes_and_lose_nothing(here: Todo) -> None:
    there = apart(here)
    old, wanted = as_old(here), commands(here) | commands(there)
    result = here("merge", str(there.log_file()))
    assert result.out == "Merged 4 commits into inbox, with 2 conflicts\n"
    there("merge", str(old))
    assert here.log_file().read_bytes() == there.log_file().read_bytes()
    assert commands(here) == wanted
    assert [todo["text"] for todo in here.todos()] == [
        "Buy soy milk",
        "Paint the door",
        "Only there",
        "Also there",
        "Only here",
    ]
    assert here("verify").out.startswith("inbox: 10 events, 8 commits")
    again = here("merge", str(old))
    assert again.out == "Nothing to merge: inbox has all of these commits\n"


def test_it_says_what_changed_for_the_person(here: Todo) -> None:
    there = apart(here)
    renumbered, text, removed, kept = here("merge", str(there.log_file())).err.splitlines()
    assert renumbered == "Renumbered: 4 → 6 Only here"
    assert text.startswith("Conflict: 1 Buy soy milk: text set to Buy soy milk (me@")
    assert ") stands; without effect: text set to Buy oat milk (me@" in text
    assert text.endswith(". To have that instead: todo edit 1 -- 'Buy oat milk'")
    assert removed.startswith("Conflict: 3 Call Bob now: removed (me@")
    assert removed.endswith(") shows when it is restored: todo restore 3")
    assert kept.startswith("The list as it was is kept until 30 days after the next sync: ")
    assert Path(kept.partition(": ")[2]).read_text().count("\n") == 5
    here(*shlex.split(text.rpartition(": todo ")[2]))
    assert here.todos()[0]["text"] == "Buy oat milk"
    here("restore", "3")
    assert here.todos()[2]["text"] == "Call Bob now"


def test_a_dry_run_says_the_same_and_changes_nothing(here: Todo) -> None:
    there = apart(here)
    before = {path: path.read_bytes() for path in here.home.rglob("*.jsonl")}
    dry = here("merge", str(there.log_file()), "--dry-run")
    document = here("merge", str(there.log_file()), "--dry-run", "--json").json
    assert {path: path.read_bytes() for path in here.home.rglob("*.jsonl")} == before
    real = here("merge", str(there.log_file()))
    assert dry.out == real.out.replace("Merged", "Would merge")
    assert ": todo " not in dry.err, "the numbers could be those of other todos"
    expected = real.err.replace("Renumbered: ", "Would be renumbered: ")
    for would, did in zip(dry.err.splitlines(), expected.splitlines()[:-1], strict=True):
        assert did.startswith(would)
    assert (document["received"], document["dry_run"], document["position"]) == (4, True, 10)
    assert document["renumbered"] == [{"old": 4, "new": 6, "text": "Only here"}]
    assert [(each["number"], each["field"]) for each in document["conflicts"]] == [(1, "text"), (3, "text")]
    assert document["conflicts"][0]["winner"]["change"] == "text set to Buy soy milk"


def test_the_moved_commits_keep_when_they_were_made(here: Todo) -> None:
    there = apart(here)
    before = {commit["command"]: commit for commit in here.log()}
    here("merge", str(there.log_file()))
    moved = [commit for commit in here.log() if "made" in commit.get("meta", {})]
    assert [before[commit["command"]]["at"] for commit in moved] == [commit["meta"]["made"] for commit in moved]
    assert [before[commit["command"]]["position"] for commit in moved] == [commit["meta"]["from"] for commit in moved]
    times = [commit["at"] for commit in here.log()]
    assert times == sorted(times)
    assert moved[0]["events"][0]["data"] == {"type": "todo_text_changed", "data": {"new": "Buy oat milk"}}


def test_a_commit_that_is_in_force_in_part_can_be_undone(here: Todo) -> None:
    there = elsewhere(here)
    here("edit", "1", "Buy oat milk", "pri:H")
    there("edit", "1", "Buy soy milk")
    there("add", "So that the other copy is the trunk")
    here("merge", str(there.log_file()))
    assert (here.todos()[0]["text"], here.todos()[0]["priority"]) == ("Buy soy milk", "H")
    history = here("history", "1").out
    assert "1 text set to Buy oat milk: no effect after the merge\n" in history
    here("undo")
    assert (here.todos()[0]["text"], here.todos()[0]["priority"]) == ("Buy soy milk", None)
    here("redo")
    assert here.todos()[0]["priority"] == "H"
    here("undo", "@6")
    here("undo", "@4")
    assert (here.todos()[0]["text"], here.todos()[0]["priority"]) == ("Buy milk", None)


def test_undo_after_a_merge_is_about_the_own_last_change(here: Todo) -> None:
    there = elsewhere(here)
    there.env["USER"] = "you"
    here("done", "2")
    there("add", "Only there")
    there("add", "Also there")
    old = as_old(here)
    here("merge", str(there.log_file()))
    there("merge", str(old))
    assert here("undo").out.startswith("Undid @6: ")
    assert there("undo").out.startswith("Undid @5: ")
    assert [todo["done"] for todo in here.todos()] == [False] * 5
    assert [todo["text"] for todo in there.todos()][3:] == ["Only there"]
    here("add", "After that")
    assert here("undo").out.startswith("Undid @8: "), "later, the last change is undone as ever"


def test_the_history_can_show_only_what_lost(here: Todo) -> None:
    there = apart(here)
    said = [line for line in here("merge", str(there.log_file())).err.splitlines() if line.startswith("Conflict: ")]
    assert here("history", "--conflicts").out.splitlines() == said
    assert here("history", "--conflicts", "--reverse").out.splitlines() == said[::-1]
    commits = here("history", "--conflicts", "--json").json["commits"]
    assert [(commit["position"], commit["conflicts"][0]["field"]) for commit in commits] == [(8, "text"), (7, "text")]
    assert here("history", "3", "--conflicts").out == f"{said[1]}\n"
    assert here("history", "--conflicts", "--at", "@8").out == f"{said[0].partition('. To have that instead: ')[0]}\n"
    assert here.run("history", "--conflicts", "--patch").code == 2
    assert "restore 3" in said[1], "it shows when the todo is restored"
    here("undo", "@4")
    here("restore", "3")
    (left,) = here("history", "--conflicts").out.splitlines()
    assert left.startswith("Conflict: 1 Buy milk: text set to Buy milk (me@"), "it names what stands now"
    here(*shlex.split(left.rpartition(": todo ")[2]))
    assert here("history", "--conflicts").err == "No change has lost a conflict.\n", "both were restored"


def test_a_backup_is_refused_with_the_command_that_restores_it(here: Todo) -> None:
    backup = here.home / "b.zip"
    here("backup", str(backup))
    before = here.log_file().read_bytes()
    result = here.run("merge", str(backup))
    assert result.code == 1
    assert result.err == f"todo: {backup} is a backup, not the log of a list\n      to restore it: todo import {backup}\n"
    assert here.log_file().read_bytes() == before


def test_a_newer_copy_is_taken_over_and_an_older_one_changes_nothing(here: Todo) -> None:
    there = elsewhere(here)
    old = as_old(here)
    there("done", "1")
    assert here("merge", str(there.log_file())).out == "Merged 1 commit into inbox\n"
    assert here.log_file().read_bytes() == there.log_file().read_bytes()
    assert here("merge", str(old)).out.startswith("Nothing to merge")
    assert not list(here.data.rglob("*.merged-*")), "nothing has moved, so nothing is kept"


def test_another_list_is_refused(here: Todo) -> None:
    here("-L", "work", "add", "Write the report")
    before = here.log_file().read_bytes()
    result = here.run("merge", str(here.log_file("work")))
    assert result.code == 1
    assert "is a copy of another list, and not of inbox; nothing was merged" in result.err
    assert here.log_file().read_bytes() == before


def test_a_copy_of_another_list_is_named_with_what_can_be_done_with_it(here: Todo) -> None:
    here("-L", "work", "add", "Write the report")
    copy = here.home / "some copy.jsonl"
    copy.write_bytes(here.log_file("work").read_bytes())
    hint = here.run("merge", str(copy)).err.splitlines()[-1].strip()
    assert hint == f"it is a copy of work: todo -L work merge '{copy}'"
    assert here(*shlex.split(hint.partition(": todo ")[2])).out.startswith("Nothing to merge: work ")
    here("lists", "archive", "work")
    assert here.run("merge", str(copy)).err.endswith("list work. To use that again: todo lists unarchive work\n")
    other = Todo(here.home.parent / "other")
    other("add", "Buy milk")
    hint = other.run("merge", str(copy)).err.splitlines()[-1].strip()
    assert hint == f"to have the list work here, too: todo -L work import '{copy}'"
    other(*shlex.split(hint.partition(": todo ")[2]))
    assert [todo["text"] for todo in other.todos("-L", "work")] == ["Write the report"]


@pytest.mark.parametrize("damage", ["cut", "altered", "no log", "empty"])
def test_a_damaged_copy_is_refused(here: Todo, damage: str) -> None:
    there = apart(here)
    content = there.log_file().read_bytes()
    changed = {
        "cut": content[:-20],
        "altered": content.replace(b"Only there", b"only there"),
        "no log": b"{}\n",
        "empty": b"",
    }
    copy = here.home / "copy.jsonl"
    copy.write_bytes(changed[damage])
    before = here.log_file().read_bytes()
    result = here.run("merge", "copy.jsonl")
    assert (result.code, result.err.startswith("todo: copy.jsonl: it cannot be read: ")) == (1, True)
    assert here.log_file().read_bytes() == before


def test_a_damaged_list_must_be_repaired_first(here: Todo) -> None:
    there = apart(here)
    here.log_file().write_bytes(here.log_file().read_bytes().replace(b"Call Bob", b"Call Rob"))
    result = here.run("merge", str(there.log_file()))
    assert (result.code, "nothing was merged" in result.err) == (5, True)


def test_events_of_a_newer_program_are_not_moved(here: Todo) -> None:
    there = apart(here)
    *lines, last = there.log_file().read_bytes().splitlines()
    digest = lines[-1][-66:-2]
    copy = here.home / "copy.jsonl"
    changed = rechain_line(digest, last.replace(b"todo_text_changed", b"todo_text_changed/2"))
    copy.write_bytes(b"\n".join(lines) + b"\n" + changed)
    here("tag", "1-2", "+a", "+b")
    here("add", "So that the other copy has fewer commits")
    here("add", "One more")
    result = here.run("merge", "copy.jsonl")
    assert (result.code, "todo_text_changed/2" in result.err, "nothing was merged" in result.err) == (1, True, True)


def test_a_file_that_cannot_be_read_is_a_usage_error(here: Todo) -> None:
    assert here.run("merge", "nowhere.jsonl").code == 2
    assert here.run("merge").code == 2
    assert here.run("-L", "nowhere", "merge", str(here.log_file())).code == 3
    assert here.run("merge", str(here.log_file()), "--at", "@1").code == 2


def test_a_list_on_a_server_is_refused(tmp_path: Path, here: Todo, database: str) -> None:
    shared = Todo(tmp_path / "shared", database)
    shared("add", "Buy milk")
    result = shared.run("merge", str(here.log_file()))
    assert (result.code, "cannot merge a file into a log" in result.err) == (1, True)


def test_what_was_forgotten_elsewhere_is_forgotten_here(here: Todo) -> None:
    here("add", "hunter2")
    there = apart(here)
    here("edit", "4", "hunter2 again")
    there("forget", "4", "--yes")
    result = here("merge", str(there.log_file()))
    assert "1 todo was forgotten in another copy of inbox, and is forgotten here now\n" in result.err
    assert not [path for path in here.home.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert here("verify").out.startswith("inbox: ")


def test_forget_reaches_the_list_as_it_was(here: Todo) -> None:
    there = apart(here)
    here("merge", str(there.log_file()))
    assert list(here.data.rglob("*.merged-*"))
    here("forget", "1", "--yes")
    assert not [path for path in here.home.rglob("*") if path.is_file() and b"oat milk" in path.read_bytes()]


def test_snapshots_and_the_index_follow(here: Todo) -> None:
    here("add", "-", stdin="".join(f"Todo {number}\n" for number in range(600)))
    there = elsewhere(here)
    for home, count in ((here, 550), (there, 600)):
        home("edit", f"1-{count}", "pri:H" if home is here else "pri:L")
        assert home("ls", "--all", "--json")
    old = as_old(here)
    here("merge", str(there.log_file()))
    there("merge", str(old))
    looks = [here("ls", "--all", "--json", env=env).out for env in ({}, {"XDG_CACHE_HOME": str(here.home / "none")})]
    assert looks[0] == looks[1] == there("ls", "--all", "--json").out
    assert here("show", "600").out == there("show", "600").out
    assert here("at", "@700").out == there("at", "@700").out


def test_a_series_has_one_next_todo(here: Todo) -> None:
    here("add", "Empty the bin", "due:2031-01-06", "every:week")
    there = elsewhere(here)
    here("done", "4")
    there("done", "4")
    here("merge", str(there.log_file()))
    bins = [todo for todo in here.todos() if todo["text"] == "Empty the bin"]
    assert [todo["done"] for todo in bins] == [True, False]


def test_a_todo_that_was_moved_away_elsewhere_is_named(here: Todo) -> None:
    here("-L", "work", "add", "Write the report")
    there = elsewhere(here)
    there("move", "2", "work")
    here("note", "1", "so that both have changed")
    result = here("merge", str(there.log_file()))
    assert "Moved to work elsewhere: 2 Paint the door. Merge that list, too.\n" in result.err
    here("-L", "work", "merge", str(there.log_file("work")))
    assert [todo["text"] for todo in here.todos("-L", "work")] == ["Write the report", "Paint the door"]


def test_a_todo_that_was_moved_to_two_lists_stays_in_the_newer_one(here: Todo) -> None:
    for name in ("work", "home"):
        here("-L", name, "add", f"First of {name}")
    there = elsewhere(here)
    here("move", "2", "work")
    there("move", "2", "home")
    copies = {home: {name: as_old(home, name) for name in ("inbox", "work", "home")} for home in (here, there)}
    for home, other in ((here, there), (there, here)):
        for name, copy in copies[other].items():
            home("-L", name, "merge", str(copy))
    for name in ("inbox", "work", "home"):
        assert here.log_file(name).read_bytes() == there.log_file(name).read_bytes()
        texts = [todo["text"] for todo in here("-L", name, "ls", "--json").json["todos"]]
        assert ("Paint the door" in texts) == (name == "home")


def start(todo: Todo, *args: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "cqrs_todo", *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=todo.env, cwd=todo.home)


def test_killed_at_random_points_the_list_is_the_old_one_or_the_new_one(here: Todo) -> None:
    there = apart(here)
    old = here.log_file().read_bytes()
    began = time.monotonic()
    whole = here.home.with_name("whole")
    shutil.copytree(here.home, whole)
    first = start(Todo(whole), "merge", str(there.log_file()))
    first.communicate()
    seconds = time.monotonic() - began
    new = Todo(whole).log_file().read_bytes()
    assert new != old
    dice = random.Random(20261129)
    for number in range(8):
        home = Todo(here.home.with_name(f"killed-{number}"))
        shutil.copytree(here.home, home.home, dirs_exist_ok=True)
        process = start(home, "merge", str(there.log_file()))
        time.sleep(seconds * dice.triangular(0.4, 1.1, 0.9))
        process.kill()
        process.communicate()
        assert home.log_file().read_bytes() in (old, new)
        home("merge", str(there.log_file()))
        assert home.log_file().read_bytes() == new
        home("add", "Afterwards")


def test_appends_during_merges_are_kept(here: Todo) -> None:
    there = apart(here)
    adding = [start(here, "add", f"During {number}") for number in range(3)]
    merging = start(here, "merge", str(there.log_file()))
    adding += [start(here, "add", f"During {number}") for number in range(3, 6)]
    for process in (merging, *adding):
        out, err = process.communicate()
        assert process.returncode == 0, (out, err)
    texts = [todo["text"] for todo in here.todos()]
    assert sorted(text for text in texts if text.startswith("During")) == [f"During {number}" for number in range(6)]
    assert {"Only there", "Only here"} < set(texts)
    assert "intact" in here("verify").out


def test_the_json_names_what_is_kept(here: Todo) -> None:
    there = apart(here)
    document: Any = json.loads(here("merge", str(there.log_file()), "--json").out)
    assert Path(document["kept"]).exists()
    assert document["unreached"] == []
