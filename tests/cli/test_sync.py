"""`todo sync`: what people see, what is refused, and homes on several machines with processes that run at the same time."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cli.renames import in_order, in_words
from tests.conftest import Todo, empty_schema
from tests.meeting import new_remote, until_nothing_is_left
from tests.servers import asking_for_a_password
from tests.terminals import Terminal


class Machines:
    """Three homes, and a place where they meet."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.place = folder / "remote"
        self.one, self.two, self.three = (self.home(name) for name in ("one", "two", "three"))

    def home(self, name: str) -> Todo:
        home = Todo(self.folder / name)
        home.env["USER"] = name
        return home

    @property
    def all(self) -> Sequence[Todo]:
        return self.one, self.two, self.three

    def equal(self, *homes: Todo) -> None:
        """Sync until all have the same bytes, and hold that nothing is left to do then."""
        homes = homes or tuple(self.all)
        until_nothing_is_left(homes, lambda home: home("sync", self.url).out.startswith("Nothing to sync with "))
        names = {path.name for home in homes for path in home.log_file().parent.glob("*.jsonl")}
        for name in names:
            assert len({(home.log_file().parent / name).read_bytes() for home in homes}) == 1
        for home in homes:
            assert "damaged" not in home("verify").out


@pytest.fixture(params=["server", "folder"])
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Machines:
    return Machines(tmp_path, new_remote(request.param, tmp_path, request))


@pytest.fixture
def peers(request: pytest.FixtureRequest, tmp_path: Path) -> Machines:
    """Machines that share a folder."""
    return Machines(tmp_path, new_remote("folder", tmp_path, request))


@pytest.fixture(params=["server", "jsonl"])
def hubs(request: pytest.FixtureRequest, tmp_path: Path) -> Machines:
    """Machines that use a hub: a schema on a server that is reached by a socket, or a folder."""
    return Machines(tmp_path, new_remote(request.param, tmp_path, request))


@pytest.fixture
def users(request: pytest.FixtureRequest, tmp_path: Path) -> Machines:
    """Machines that use a hub in a folder."""
    return Machines(tmp_path, new_remote("jsonl", tmp_path, request))


def commands(home: Todo, name: str = "inbox") -> list[str]:
    return [commit["command"] for commit in home.log(name)]


def test_a_second_machine_that_already_has_an_inbox(machines: Machines) -> None:
    one, two, three = machines.all
    one("add", "-", stdin="Buy milk\nPaint the door\n")
    two("add", "Call Bob")
    assert one("sync", machines.url).out == "inbox: 1 commit sent\n"
    refused = two.run("sync", machines.url)
    assert refused.code == 1
    different, number, cannot, error, hint = refused.err.splitlines()
    assert different.endswith("are different lists. Joined, they have 2 commits: 1 from here, 1 from there.")
    assert number == "  1 → 3 Call Bob"
    assert cannot == "A join cannot be undone as a whole, but each of its commits can. --as NAME keeps lists apart."
    assert "nothing was synced" in error
    assert " --join; to keep them apart: todo sync " in hint
    dry = two("sync", machines.url, "--dry-run")
    assert dry.err == f"Would be renumbered in inbox: 1 → 3 Call Bob\nWithout --dry-run, it would ask: {hint.strip()}\n"
    joined = two("sync", machines.url, "--join")
    assert joined.out == "inbox: joined, 1 commit sent, 1 commit received\n"
    assert joined.err.startswith(
        "Renumbered in inbox: 1 → 3 Call Bob\nThe list as it was is kept until 30 days after the next sync: "
    )
    assert one("sync").out == "inbox: 1 commit received\n"
    assert three("sync", machines.url).out == "inbox: new here, 2 commits received\n"
    machines.equal()
    assert [todo["text"] for todo in three.todos()] == ["Buy milk", "Paint the door", "Call Bob"]
    two("undo")
    machines.equal()
    assert [todo["text"] for todo in one.todos()] == ["Buy milk", "Paint the door"]


def test_lists_of_the_same_name_can_be_kept_apart(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Here")
    two("add", "There")
    one("sync", peers.url)
    assert two("sync", peers.url, "--as", "laptop").out == "laptop: 1 commit sent\ninbox: new here, 1 commit received\n"
    assert one("sync").out == "laptop: new here, 1 commit received\n"
    assert one("-L", "laptop", "ls", "--json").json["todos"][0]["text"] == "There"
    assert two("sync", peers.url, "--as", "laptop").out.startswith("Nothing to sync"), "a script may say it each time"


def test_a_name_for_a_list_that_needs_not_be_kept_apart_is_refused(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Here")
    one("sync", peers.url)
    for home in (one, two):
        refused = home.run("sync", peers.url, "--as", "laptop")
        assert refused.code == 2
        assert refused.err == (
            f"todo: no list here has to be kept apart from one on {peers.url}; nothing was synced\n      leave out --as\n"
        )
    assert two("lists").out == ""


@pytest.mark.parametrize("taken", ["inbox", "INBOX", "Work"])
def test_a_name_that_the_remote_has_in_any_case_keeps_no_list_apart(users: Machines, taken: str) -> None:
    one, two, _ = users.all
    one("add", "Here")
    one("-L", "work", "add", "Write")
    one("sync", users.url)
    two("add", "There")
    refused = two.run("sync", users.url, "--as", taken)
    assert refused.code == 1
    assert f"todo: {users.url} has another list named '{taken.lower()}'" in refused.err
    assert refused.err.endswith("; nothing was synced\n      choose another name\n")
    assert two("lists", "--plain").out.split("\t")[0] == "inbox", "it was not renamed"


def test_a_list_is_joined_with_an_empty_one(users: Machines) -> None:
    one, two, _ = users.all
    one("lists", "new", "work")
    assert one("sync", users.url, "--dry-run").out == "work: would be new there\n"
    assert one("sync", users.url).out == "work: new there\n"
    two("-L", "work", "add", "Write")
    two("sync", users.url, "--join")
    users.equal(one, two)
    assert [todo["text"] for todo in one.todos("-L", "work")] == ["Write"]


@pytest.mark.parametrize("order", range(3))
def test_three_machines_join_their_lists_in_any_order(peers: Machines, order: int) -> None:
    for home in peers.all:
        home("add", f"From {home.home.name}")
        home("lists", "new", "home")
    dice = random.Random(order)
    for _ in range(8):
        dice.choice(peers.all)("sync", peers.url, "--join")
    for home in peers.all:
        home("sync", peers.url, "--join")
    peers.equal()
    assert sorted(todo["text"] for todo in peers.one.todos()) == ["From one", "From three", "From two"]


def test_a_todo_that_was_moved_before_a_join_stays_where_it_is(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("sync", peers.url)
    two("-L", "work", "add", "Write")
    two("add", "Moved")
    two("move", "1", "work")
    two("sync", peers.url, "--join")
    refused = two.run("restore", "2")
    assert (refused.code, "todo 2 was moved to work" in refused.err) == (1, True)
    peers.equal(one, two)
    assert [todo["text"] for todo in one("-L", "work", "ls", "--json").json["todos"]] == ["Write", "Moved"]


def test_what_people_see_of_a_conflict(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("edit", "1", "Buy oat milk")
    two("edit", "1", "Buy soy milk")
    assert one("sync").out == "inbox: 1 commit sent\n"
    dry = two("sync", "--dry-run")
    result = two("sync")
    assert result.out == "inbox: 1 commit sent, 1 commit received, 1 conflict\n"
    assert f"{dry.err.splitlines()[0]}. To have that instead: todo edit 1 -- 'Buy oat milk'\n" in result.err
    received = one("sync", "--quiet")
    conflict = result.err.splitlines()[0]
    assert (received.out, received.err) == ("", f"{conflict}\n"), "also where a text has lost that was there already"
    assert conflict.startswith("Conflict: 1 Buy soy milk: text set to Buy soy milk (two@")
    assert ") stands; without effect: text set to Buy oat milk (one@" in conflict
    newer, older = re.findall(r", ([0-9: -]+)\)", conflict)
    assert newer[:16] != older[:16] or len(newer) == len(older) == 19, "seconds say which is the newer one"
    two(*shlex.split(conflict.rpartition(". To have that instead: todo ")[2]))
    peers.equal(one, two)
    for home in (one, two):
        assert [todo["text"] for todo in home.todos()] == ["Buy oat milk"]
        assert home("history", "--conflicts").out == ""


def test_the_commands_that_conflicts_name_let_the_losers_stand(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "Milk", "due:2026-12-01", "+home")
    one("add", "-", stdin="Second\nThird\nFourth\nFifth\n")
    one("-L", "work", "add", "Write")
    users.equal(one, two)
    named = {"edit 1 --note A", "edit 1 --clear due", "edit 1 --priority H", "edit 1 --under 2"}
    named |= {"tag 1 -home", "edit 2 --depends 3", "done 4", "move 5 work"}
    for command in named:
        one(*command.split())
    wins = ["edit 1 --note B --due 2026-12-02 --priority L --under 3", "tag 1 -home", "tag 1 +home", "done 4", "reopen 4"]
    for command in (*wins, "edit 2 --depends 3", "undo", "rm 5", "restore 5"):
        two(*command.split())
    two("sync")
    conflicts = one("sync").err.splitlines()
    assert {line.partition(". To have that instead: todo ")[2] for line in conflicts if line.startswith("Conflict")} == named
    for command in named:
        one(*command.split())
    users.equal(one, two)
    assert (one("history", "--conflicts").out, two("history", "--conflicts").out) == ("", "")
    assert [todo["text"] for todo in two.todos("-L", "work")] == ["Write", "Fifth"]


def test_the_newest_of_two_moves_stands_and_all_who_had_another_one_are_told(peers: Machines) -> None:
    one, two, _ = peers.all
    for name in ("work", "home"):
        one("-L", name, "add", "Other")
    one("add", "Report")
    peers.equal(one, two)
    one("move", "1", "work")
    two("move", "1", "home")
    one("sync")
    line = f"Removed from work, because two@{os.uname().nodename} moved it to home: 2 Report. To move it back: todo "
    back = "-L home move 2 work"
    assert f"{line}{back}\n" in two("sync").err
    assert f"{line}{back}\n" in one("sync").err
    peers.equal(one, two)
    one(*back.split())
    peers.equal(one, two)
    assert [todo["text"] for todo in two.todos("-L", "work")] == ["Other", "Report"]


def test_a_machine_that_moved_a_todo_is_not_told_of_its_own_move(peers: Machines) -> None:
    one, two, _ = peers.all
    one("-L", "work", "add", "Other")
    one("add", "Report")
    peers.equal(one, two)
    inbox = json.loads(one.content().split("\n")[0])["id"]
    before = {path: path.read_bytes() for path in peers.place.glob(f"{inbox}.*.jsonl")}
    one("move", "1", "work")
    one("sync")
    (late,) = (path for path, content in before.items() if path.read_bytes() != content)
    after = late.read_bytes()
    late.write_bytes(before[late])  # only the file of work has arrived
    two("edit", "1", "Long report")
    assert f"Removed from inbox, because one@{os.uname().nodename} moved it to work: 1 Long report." in two("sync").err
    late.write_bytes(after)
    two("sync")
    said = one("sync").err
    assert "Conflict: 1 Long report: moved to work (one@" in said
    assert "Removed from" not in said
    peers.equal(one, two)


@pytest.mark.parametrize(
    ("back", "longer"),
    [
        ("restore 1", 3),
        ("undo", 0),
        pytest.param("restore 1", 0, marks=pytest.mark.long),
        pytest.param("undo", 3, marks=pytest.mark.long),
    ],
)
def test_no_undo_or_redo_leaves_a_todo_that_was_moved_elsewhere_in_no_list(peers: Machines, back: str, longer: int) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    peers.equal(one, two)
    two("move", "1", "work")
    for command in ("rm 1", back):
        one(*command.split())
    for _ in range(longer):
        two("add", "Later")
    peers.equal(one, two)

    def is_in_inbox(home: Todo) -> bool:
        return home.todos()[0]["text"] == "Buy milk" and [each["text"] for each in home.todos("-L", "work")] == ["Write"]

    assert is_in_inbox(one), "what restored it is newer than the move"
    for command in ("redo", "undo", *(f"undo @{position}" for position in range(1, 5 + longer))):
        result = one.run(*command.split())
        assert is_in_inbox(one), result.err
        assert "keeps nothing" not in result.out
        if (command, back) == ("undo", "restore 1"):
            why, hint = result.err.splitlines()
            assert "undone: todo 1 would be in no list, because it was restored after it had been moved to work" in why
            assert hint == "      to remove it: todo rm 1; to move it there: todo move 1 work"
    for command in ("rm 1", "undo", "redo", "undo", "rm 1", "restore 1", "undo", "redo", "move 1 work", "undo"):
        one(*command.split())
    peers.equal(one, two)
    assert is_in_inbox(two), "what is done afterwards is undone as ever"


@pytest.mark.parametrize(
    "commands",
    [("move 1 work", "undo"), pytest.param(("rm 1", "undo", "redo", "undo"), marks=pytest.mark.long)],
)
def test_what_was_done_and_undone_meanwhile_does_not_let_an_undo_leave_a_todo_in_no_list(
    peers: Machines, commands: Sequence[str]
) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    peers.equal(one, two)
    two("move", "1", "work")
    for command in ("rm 1", "restore 1"):
        one(*command.split())
    peers.equal(one, two)
    for command in commands:
        one(*command.split())
    assert "would be in no list" in one.run("undo").err
    peers.equal(one, two)
    assert [[each["text"] for each in home.todos()] for home in (one, two)] == [["Buy milk"]] * 2


def test_a_conflict_with_a_move_names_the_command_that_edits_the_todo_where_it_is(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    peers.equal(one, two)
    one("add", "Call Bob")
    peers.equal(one, two)
    one("move", "1", "2", "work")
    two("edit", "1", "Buy soy milk")
    long = f"Call Bob about {'the door and ' * 20}the floor"
    two("edit", "2", long)
    one("sync")
    dry = two("sync", "--dry-run").err.splitlines()[0]
    conflict, of_long = two("sync").err.splitlines()[:2]
    see, _, edit = of_long.partition(". To see all of it: todo ")[2].partition(". To do the same there: todo ")
    assert long in two(*see.split()).out
    assert edit == "-L work edit 3"
    assert conflict.startswith("Conflict: 1 Buy soy milk: moved to work (one@")
    assert ") stands; without effect there: text set to Buy soy milk (two@" in conflict
    assert conflict == f"{dry}. To do the same there: todo -L work edit 2 -- 'Buy soy milk'"
    refused = two.run("restore", "1")
    assert (refused.code, "todo 1 was moved to work" in refused.err) == (1, True), (
        "although the edit restored and removed it"
    )
    two(*shlex.split(conflict.rpartition(": todo ")[2]))
    peers.equal(one, two)
    assert [todo["text"] for todo in one.todos("-L", "work")] == ["Write", "Buy soy milk", "Call Bob"]


_KILLED_AT_THE_SECOND_IMPORT = """
import itertools, os, sys
import cqrs_todo.cli
from cqrs_todo.todo.sync.hub import Hub

real, number = Hub._import, itertools.count(1)
Hub._import = lambda *args: os._exit(137) if next(number) == 2 else real(*args)
sys.argv[0] = "todo"
cqrs_todo.cli.run()
"""


@pytest.mark.long
def test_a_todo_that_is_in_no_list_because_a_sync_was_killed_is_named_with_the_command_that_brings_it_back(
    users: Machines,
) -> None:
    one, two, three = users.all
    folder = f"folder:{users.folder / 'shared'}"
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    for home, remote in ((one, folder), (two, folder), (one, users.url), (three, users.url)):
        home("sync", remote)
    for home, name, other in ((one, "inbox", "work"), (two, "work", "inbox")):
        home("-L", name, "move", "1", other)
        home("-L", name, "add", "Later")  # so that its list is the trunk, in which the removal comes first
        home("sync", folder)
    one("sync", folder)
    command = [sys.executable, "-c", _KILLED_AT_THE_SECOND_IMPORT, "sync", users.url]
    assert subprocess.run(command, env=one.env, cwd=one.home).returncode == 137
    (line,) = {line for _ in range(2) for line in three("sync").err.splitlines() if line.startswith("In no list: ")}
    found = re.fullmatch(
        r"In no list: 1 (Buy milk|Write), which was moved from (inbox|work) to (inbox|work): \3 is not complete on .*\."
        r" Sync again later\. If nobody can send the rest, undo the move: todo (.*)",
        line,
    )
    assert found is not None
    three(*shlex.split(found[4]))
    assert found[1] in [todo["text"] for todo in three.todos("-L", found[2])]
    assert "In no list" not in three("sync").err
    users.equal(*users.all)
    texts = [todo["text"] for name in ("inbox", "work") for todo in two.todos("-L", name)]
    assert sorted(texts) == ["Buy milk", "Later", "Later", "Write"]


def test_what_else_conflicts_with_a_move_names_the_command_for_the_list_where_the_todo_is(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "-", stdin="Buy milk\nPaint\nCook\nPay\nHouse\n")
    one("lists", "new", "work")
    peers.equal(one, two)
    one("move", "1-4", "work")
    two("done", "1")
    two("tag", "2", "+home")
    two("edit", "3", "parent:5")
    two("edit", "4", "--note", "x" * 300)
    one("sync")
    lines = two("sync").err.splitlines()
    commands = sorted(line.partition(" there: todo ")[2] for line in lines if line.startswith("Conflict: "))
    assert commands == ["-L work done 1", "-L work edit 3", "-L work edit 4", "-L work tag 2 +home"]


def test_a_conflict_with_a_move_is_in_the_history_until_it_is_made_good_in_the_list_where_the_todo_is(
    peers: Machines,
) -> None:
    one, two, _ = peers.all
    one("add", "-", stdin="Buy milk\nPaint\nCook\nPay\n")
    for name in ("work", "home"):
        one("lists", "new", name)
    peers.equal(one, two)
    one("move", "1-4", "work")
    two("done", "1")
    two("edit", "2", "Paint the door")
    two("rm", "3")
    two("tag", "4", "+home")
    two("sync")
    peers.equal(one, two)

    def left(home: Todo) -> Sequence[str]:
        lines = home("history", "--conflicts").out.splitlines()
        assert len(home("history", "--conflicts", "--json").json["commits"]) == len(lines)
        return sorted(line.partition(". To do the same there: todo ")[2] for line in lines)

    commands = left(two)
    assert commands == ["-L work done 1", "-L work edit 2 -- 'Paint the door'", "-L work rm 3", "-L work tag 4 +home"]
    two("-L", "work", "move", "4", "home")
    peers.equal(one, two)
    assert left(one)[0] == "-L home tag 1 +home", "it was moved on"
    while commands := left(one):
        one(*shlex.split(commands[0]))
        assert left(one) == commands[1:], "the others stay"
    peers.equal(one, two)
    assert (left(one), left(two)) == ([], [])
    one("-L", "work", "edit", "2", "Paint the wall")
    assert left(one) == ["-L work edit 2 -- 'Paint the door'"], "as if it had not been moved"


def test_a_restoration_of_a_todo_that_stays_removed_is_named_with_the_command_that_restores_it(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("rm", "1")
    peers.equal(one, two)
    two("restore", "1")
    one("restore", "1")
    one("rm", "1")
    one("sync")
    line = next(line for line in two("sync").err.splitlines() if line.startswith("Conflict: "))
    assert re.fullmatch(
        r"Conflict: 1 Buy milk: removed \(one@.*\) stands; without effect: restored \(two@.*\)\. To .*", line
    )
    assert line.endswith(". To restore it: todo restore 1")


def test_what_came_too_late_for_the_next_todo_of_a_series_is_named_with_the_commands_that_do_it_there(
    peers: Machines,
) -> None:
    one, two, _ = peers.all
    one("add", "Pay", "every:month", "due:today", "pri:H", "+home")
    peers.equal(one, two)
    one("done", "1")
    two("edit", "1", "every:week", "pri:none", "--note", "a b", "due:tomorrow", "--", "it's +due")
    two("tag", "1", "-home")
    one("sync")
    said = two("sync")
    assert said.out.endswith(", 5 conflicts\n"), "a date belongs to one todo of the series"
    conflicts = [line for line in said.err.splitlines() if line.startswith("Conflict: ")]
    assert [line for line in one("sync").err.splitlines() if line.startswith("Conflict: ")] == conflicts
    start = "Conflict: 1 it's [+]due: done on .* \\(one@.*\\) made the next one, 2 Pay; without effect there: "
    found = [re.fullmatch(f"{start}(.*) \\(two@.*\\)\\. To do the same there: todo (.*)", line) for line in conflicts]
    commands = {each[1]: each[2] for each in found if each is not None}
    assert commands == {
        "text set to it's +due": """edit 2 -- 'it'"'"'s +due'""",
        "every set to week": "edit 2 --every week",
        "priority cleared": "edit 2 --clear priority",
        "note set to a b": "edit 2 --note 'a b'",
        "untagged -home": "tag 2 -home",
    }
    for home in (one, two):
        assert sorted(home("history", "--conflicts").out.splitlines()) == sorted(conflicts)
    for command in commands.values():
        one(*shlex.split(command))
    peers.equal(one, two)
    todo = two.todos()[-1]
    assert (todo["text"], todo["note"], todo["priority"], todo["tags"]) == ("it's +due", "a b", None, [])


def test_a_series_that_goes_on_although_its_todo_was_removed_is_named(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Pay", "every:month", "due:today")
    peers.equal(one, two)
    one("done", "1")
    two("rm", "1")
    one("sync")
    said = two("sync")
    assert said.out.endswith(", 1 conflict\n")
    conflict = said.err.splitlines()[0]
    assert conflict.startswith("Conflict: 1 Pay: done on ")
    assert " made the next one, 2 Pay; without effect there: removed (two@" in conflict
    two(*conflict.rpartition(". To do the same there: todo ")[2].split())
    assert two("ls").out == ""


def test_a_todo_that_was_removed_while_it_was_moved_is_named_with_the_command_that_removes_it_there(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    peers.equal(one, two)
    one("move", "1", "work")
    two("rm", "1")
    one("sync")
    conflict = two("sync").err.splitlines()[0]
    assert conflict.startswith("Conflict: 1 Buy milk: moved to work (one@")
    assert " stands; without effect there: removed (two@" in conflict
    assert two("history", "--conflicts").out == f"{conflict}\n"
    two(*conflict.rpartition(". To do the same there: todo ")[2].split())
    assert [todo["text"] for todo in two("-L", "work", "ls", "--json").json["todos"]] == ["Write"]
    assert two("history", "--conflicts").out == ""


def test_a_removal_that_its_author_undid_is_no_conflict_with_a_move(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "-", stdin="Buy milk\nCall Bob\nRead\n")
    one("-L", "work", "add", "Write")
    users.equal(one, two)
    two("rm", "1")
    two("undo")
    two("rm", "2")
    two("restore", "2")
    two("rm", "3")
    two("restore", "3")
    two("rm", "3")
    one("move", "1", "2", "3", "work")
    one("sync")
    for machine in (two, one):
        said = machine("sync")
        (conflict,) = [line for line in said.err.splitlines() if line.startswith("Conflict")]
        assert ", 1 conflict\n" in said.out
        assert conflict.startswith("Conflict: 3 Read: moved to work (one@")
        assert "without effect there: removed (two@" in conflict
        assert conflict.endswith(". To do the same there: todo -L work rm 4")
        assert machine("history", "--conflicts").out == f"{conflict}\n"


def test_a_restoration_that_lost_to_a_move_is_a_conflict_only_if_the_todo_is_removed_where_it_is(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "Buy milk", "+food")
    one("add", "Call Bob")
    one("-L", "work", "add", "Write")
    one("rm", "1", "2")
    users.equal(one, two)
    two("restore", "1", "2")
    one("restore", "1", "2")
    one("move", "1", "2", "work")
    one("-L", "work", "rm", "2")
    one("sync")
    (conflict,) = [line for line in two("sync").err.splitlines() if line.startswith("Conflict")]
    assert conflict.startswith("Conflict: 1 Buy milk: moved to work (one@")
    assert "without effect there: restored (two@" in conflict
    two(*conflict.rpartition(". To do the same there: todo ")[2].split())
    assert [todo["text"] for todo in two("-L", "work", "ls", "--json").json["todos"]] == ["Write", "Buy milk", "Call Bob"]
    assert two("history", "--conflicts").out == ""


_KILLED_AFTER_THE_FIRST_COMMIT = """
import os
import cqrs_todo.cli
from cqrs_todo.todo.recorder import Recorder
record = Recorder.record

def killed(*args, **options):
    record(*args, **options)
    os._exit(137)

Recorder.record = killed
cqrs_todo.cli.run()
"""


def test_a_change_that_half_a_move_left_behind_is_a_conflict_until_it_is_made_where_the_todo_is(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "-", stdin="Buy milk\nShopping\n")
    one("-L", "work", "add", "Write")
    one("edit", "1", "Buy oat milk", "parent:2", "pri:H", "+food")  # the move takes these with it, except the parent
    users.equal(one, two)
    two("edit", "1", "Buy soy milk")
    command = [sys.executable, "-c", _KILLED_AFTER_THE_FIRST_COMMIT, "move", "1", "work"]
    assert subprocess.run(command, env=one.env, cwd=one.home).returncode == 137
    one("-L", "work", "edit", "2", "pri:L")
    two("sync")
    one("sync")
    for machine in (two, one):
        (conflict,) = [line for line in machine("sync").err.splitlines() if line.startswith("Conflict")]
        assert conflict.startswith("Conflict: 1 Buy soy milk: moved to work (one@")
        assert " stands; without effect there: text set to Buy soy milk (two@" in conflict
        assert machine("history", "--conflicts").out == f"{conflict}\n"
    two(*shlex.split(conflict.rpartition(". To do the same there: todo ")[2]))
    users.equal(one, two)
    assert [todo["text"] for todo in one("-L", "work", "ls", "--json").json["todos"]] == ["Write", "Buy soy milk"]
    assert one("history", "--conflicts").out == ""


def test_an_open_todo_under_one_that_was_removed_is_not_said_to_be_under_a_done_one(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Parent")
    peers.equal(one, two)
    one("done", "1")
    one("rm", "1")
    two("add", "Child", "parent:1")
    one("sync")
    assert "Open, under a todo that is removed: 2 Child\n" in two("sync").err


def test_lines_about_todos_show_the_beginning_of_long_texts(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("edit", "1", "x" * 5_000)
    two("edit", "1", "y" * 5_000)
    one("add", "z" * 5_000)
    for text in "ABC":
        two("add", text)
    two("sync")
    said = one("sync").err
    assert "Renumbered in inbox: 2 → " in said
    assert "Conflict: 1 " in said
    assert max(map(len, re.findall(r"x+|y+|z+", said))) < 60


def test_two_who_complete_the_same_todo_have_no_conflict(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "Buy milk")
    machines.equal(one, two)
    one("done", "1")
    two("done", "1")
    said = [machine("sync").err for machine in (one, two, one, two)]
    assert not [text for text in said if "Conflict" in text]
    assert one("history", "--conflicts").out == two("history", "--conflicts").out
    assert [todo["done"] for todo in one.todos("--all")] == [todo["done"] for todo in two.todos("--all")] == [True]


def test_undo_takes_back_the_last_commit_of_this_machine(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "Buy milk")
    machines.equal(one, two)
    one("add", "By one")
    one("sync")
    two("add", "By two")
    two("sync")
    assert "By two" in two("undo").out
    two("sync")
    one("sync")
    assert [todo["text"] for todo in one.todos()] == ["Buy milk", "By one"]


def test_undo_takes_back_nothing_that_another_machine_has_done_meanwhile(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "By one")
    machines.equal(one, two)
    two("add", "By two")
    two("sync")
    one("add", "Also by one")
    one("sync")
    two("sync")
    assert "created: By two" in two("undo").out
    refused = two.run("undo")
    assert (refused.code, refused.err.splitlines()[0].partition(" here; ")[2]) == (
        1,
        "a change of others is undone by its position",
    )


def with_a_renumbered_todo(peers: Machines) -> Todo:
    """A machine whose todo 2 is 4 since a sync, because another machine has added two todos before."""
    one, two, _ = peers.all
    one("add", "First")
    peers.equal(one, two)
    two("add", "By two")
    two("add", "Also by two")
    two("sync")
    one("add", "By one")
    assert "2 → 4 By one" in one("sync").err
    return one


def test_a_number_from_before_a_sync_is_refused_until_the_list_was_shown(peers: Machines) -> None:
    one = with_a_renumbered_todo(peers)
    for verb in (["done", "2"], ["edit", "2", "pri:H"], ["rm", "1-3"], ["move", "1,2", "work"], ["forget", "2", "--yes"]):
        refused = one.run(*verb)
        assert refused.code == 1
        message, hint = refused.err.splitlines()
        assert message.endswith("since it was last shown: 2 is 4 now (By one); nothing was changed")
        assert hint == "      look at the list, and give the number again: todo ls"
    assert one("done", "1").out.startswith("Done 1"), "its number is what it was"
    assert one("show", "2").out.startswith("2"), "to look is harmless"
    one("ls")
    assert one("done", "2").out == "Done 2: By two. Undo: todo undo\n"


def test_a_number_from_before_a_sync_is_refused_without_the_text_that_was_forgotten(peers: Machines) -> None:
    one = with_a_renumbered_todo(peers)
    one("forget", "4", "--yes")
    assert "since it was last shown: 2 is 4 now; nothing was changed" in one.run("done", "2").err


@pytest.mark.parametrize("look", [["history"], ["show", "2"], ["blame", "2"]])
def test_a_position_from_before_a_sync_is_refused_until_the_history_was_shown(users: Machines, look: list[str]) -> None:
    one, two, _ = users.all
    one("add", "First")
    users.equal(one, two)
    two("add", "Mine")
    one("add", "Theirs")
    one("sync")
    two("sync")
    two("add", "Later")
    two("ls")  # it shows no positions
    for words in (["undo", "@2"], ["restore", "--to", "@2"], ["restore", "1", "--to", "@2~1"]):
        refused = two.run(*words)
        assert refused.code == 1
        message, hint = refused.err.splitlines()
        assert message.startswith("todo: a sync has moved commits of inbox since @2 was last shown, so that another")
        assert message.endswith(" commit can be there now; nothing was changed")
        assert hint == "      look at the history, and give the position again: todo history"
    assert two("undo", "@4").out.startswith("Undid @4: 4 created: Later"), "it was recorded after the sync"
    assert two("undo", "@1").code == 0, "it is where it was"
    assert two("show", "@2").code == 0, "to look is harmless"
    if look == ["history"]:
        for part in (["history", "-n", "1"], ["history", "1"], ["show", "1"], ["blame", "1"]):
            two(*part)
        assert two.run("undo", "@2").code == 1, "it was not shown"
    two(*look)
    assert two("undo", "@2").out.startswith("Undid @2: 2 created: Theirs")


def test_the_history_shows_positions_and_not_which_numbers_were_changed(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "First")
    users.equal(one, two)
    two("add", "Mine")
    one("add", "Theirs")
    one("sync")
    two("sync")
    two("history")
    assert "2 is 3 now (Mine); nothing was changed" in two.run("done", "2").err
    assert two("undo", "@2").code == 0


def test_the_positions_of_a_conflict_are_not_refused_although_commits_were_moved(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("edit", "1", "Buy oat milk")
    for text in ("Buy soy milk", "Buy rice milk"):
        two("edit", "1", text)
    two("sync")
    received = json.loads(one("sync", "--json").out)
    (conflict,) = received["lists"][0]["conflicts"]
    assert one("undo", f"@{conflict['winner']['position']}").code == 0
    assert one.run("undo", "@2").code == 1, "that commit was at @2"


def test_a_remote_has_a_name_in_the_configuration(peers: Machines) -> None:
    one, two, _ = peers.all
    for home in (one, two):
        config = home.home / ".config/cqrs-todo/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[sync.home]\nurl = "{peers.url}"\n')
    one("add", "Buy milk")
    assert one("sync").out == "inbox: 1 commit sent\n", "it is the only one"
    assert two("sync", "home").out == "inbox: new here, 1 commit received\n"
    assert two("sync").out == "Nothing to sync with home\n"
    unknown = two.run("sync", "hime")
    assert (unknown.code, "there is no remote 'hime'\n      the names in config.toml are home;" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("sync = 3", "sync must be tables"),
        ("[sync]\nhome = 3", "sync.home must be a table"),
        ("[sync.home]\nurl = 3", "sync.home.url must be the URL of a remote"),
        ('[sync.home]\nurl = "ftp://x"', "sync.home.url must be the URL of a remote"),
        ('[sync.home]\nurl = "folder:x"\nevery = "5m"', "sync.home has no key 'every'"),
        ("[sync.home]", "sync.home.url must be the URL of a remote"),
        ('[sync."a:b"]\nurl = "folder:/x"', "sync.a:b: the name of a remote must not contain a colon"),
    ],
)
def test_a_wrong_table_names_the_file_and_the_key(todo: Todo, table: str, wrong: str) -> None:
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"{table}\n")
    result = todo.run("sync")
    assert result.code == 2
    assert result.err.startswith(f"todo: {config}: {wrong}")


@pytest.mark.parametrize(
    ("args", "wrong"),
    [
        ([], "it is not known what to sync with"),
        (["x"], "there is no remote 'x'"),
        (["some dir/x"], "there is no remote 'some dir/x'\n      for a folder: todo sync 'folder:some dir/x'; config.toml"),
        (["x:y"], "'x:y' is not the URL of a remote"),
        (["folder:"], "'folder:' is not the URL of a remote"),
        (["memory:"], "'memory:' is not the URL of a remote"),
        (["folder:~nobody-here/x"], "there is no such user"),
        (["folder:x", "--every", "5"], "--every: '5' is not a span of time"),
        (["folder:x", "--every", "0m"], "--every: '0m' is too short\n      the shortest pause is a second"),
        (["folder:x", "--join", "--as", "y"], "--join and --as contradict each other"),
        (["folder:x", "--as", ""], "--as is empty"),
        (["folder:x", "--at", "@1"], "and sync works on the present\n      leave out --at"),
        (["folder:x", "--every", "1s", "--dry-run"], "--every and --dry-run contradict each other"),
        (["--status", "--every", "1s"], "--status syncs nothing, so --every has no meaning beside it"),
        (["--status", "--dry-run"], "--status syncs nothing, so --dry-run has no meaning beside it"),
        (["--status", "--join"], "--status syncs nothing, so --join has no meaning beside it"),
        (["--status", "--as", "y"], "--status syncs nothing, so --as has no meaning beside it"),
        (["--status", "--remove"], "--status syncs nothing, so --remove has no meaning beside it"),
        (["x", "--remove", "--join"], "--remove syncs nothing, so --join has no meaning beside it"),
        (["x", "--remove", "-L", "work"], "--remove syncs nothing, so --list has no meaning beside it"),
        (["--remove"], "no remote to remove is named\n      name one of those you use"),
        (["folder:x", "--status"], "--status syncs nothing, so URL|NAME has no meaning beside it"),
        (["jsonl:.local/share/cqrs-todo"], "is the store of the lists themselves"),
        (["folder:.local/share/cqrs-todo/lists"], "is in the store of the lists themselves"),
        (["folder:.local/share/cqrs-todo/lists/new"], "is in the store of the lists themselves"),
        (["folder:.local/share"], "contains the store of the lists themselves"),
        (["folder:/"], "contains the store of the lists themselves"),
        (["folder:link/lists"], "is in the store of the lists themselves"),
    ],
)
def test_a_wrong_command_line_is_refused(peers: Machines, args: list[str], wrong: str) -> None:
    peers.one("add", "Buy milk")
    (peers.one.home / "link").symlink_to(".local/share/cqrs-todo")
    result = peers.one.run("sync", *args)
    assert (result.code, wrong in result.err) == (2, True), result.err


def test_a_list_that_nobody_has_is_not_found(peers: Machines) -> None:
    peers.one("add", "Buy milk")
    for words in (["sync", peers.url], ["sync", "--status"]):
        result = peers.one.run("-L", "INBOX", *words)
        assert (result.code, result.err) == (3, "todo: no list named 'INBOX'\n      did you mean 'inbox'?\n")


def test_lists_on_a_server_are_not_synced(tmp_path: Path, database: str) -> None:
    shared = Todo(tmp_path / "shared", database)
    result = shared.run("sync", f"folder:{tmp_path / 'remote'}")
    assert result.code == 2
    assert re.search("lists in use are in postgresql:.*\n      to sync your lists in files, unset TODO_STORE\n", result.err)
    given = Todo(tmp_path / "given").run("--store", database, "sync", f"folder:{tmp_path / 'remote'}")
    assert given.err.endswith("to sync your lists in files, leave out --store\n")


def test_a_remote_that_cannot_be_reached(peers: Machines) -> None:
    peers.one("add", "Buy milk")
    result = peers.one.run("sync", "postgresql://me:secret@127.0.0.1:1/none")
    assert (result.code, "secret" in result.err) == (6, False)
    assert result.err.endswith("is it running? Try again, or give another URL\n")
    peers.place.write_text("a file")
    result = peers.one.run("sync", peers.url)
    assert (result.code, result.err.splitlines()[-1].strip()) == (
        6,
        f"look at the folder of the remote, and try again: ls -la {peers.place}",
    )


def test_a_server_that_refuses_is_not_said_not_to_run(todo: Todo, server: str) -> None:
    todo("add", "Buy milk")
    for url, hint in (
        (
            server.replace("//postgres:@", "//nobody:@"),
            "the server is running, but refuses: correct the URL, or try again later",
        ),
        (server.replace("/postgres?", "/nothing?"), "make the database on the server: createdb nothing; or correct the URL"),
    ):
        assert url != server
        result = todo.run("sync", url)
        assert (result.code, "does not exist" in result.err) == (6, True), result.err
        assert result.err.endswith(f"\n      {hint}: todo sync URL\n")
    missing = todo.run("sync", f"{server}&options=-csearch_path%3Dteam")
    assert missing.code == 6
    assert missing.err.endswith(": there is no schema team; to make it: CREATE SCHEMA team\n"), "and no other hint"


def on_the_server(database: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_password_that_was_typed_in_a_url_is_said_not_to_be_remembered(todo: Todo, database: str) -> None:
    todo("add", "Buy milk")
    schema = database.partition("search_path%3D")[2]
    with asking_for_a_password(database, "syncing"):
        on_the_server(database, f"GRANT CREATE, USAGE ON SCHEMA {schema} TO syncing")
        todo("sync", re.sub("//postgres:?@", "//syncing:right@", database))
        refused = todo.run("sync")
        assert (refused.code, "no password supplied" in refused.err) == (6, True), refused
        assert refused.err.endswith(
            "\n      a password in a URL that is typed is not remembered: write it into ~/.pgpass, or the URL into"
            " config.toml\n"
        )
        (todo.home / ".pgpass").write_text("*:*:*:syncing:right\n")
        (todo.home / ".pgpass").chmod(0o600)
        assert todo("sync").out.startswith("Nothing to sync with ")
    on_the_server(database, "DROP OWNED BY syncing; DROP ROLE syncing")


def test_the_hint_for_a_hub_with_older_tables_updates_those(todo: Todo, database: str) -> None:
    todo("add", "Buy milk")
    todo("sync", database)
    on_the_server(database, "DROP TABLE cqrs_snapshots; DELETE FROM cqrs_schema WHERE version = 3")
    refused = todo.run("sync")
    assert (refused.code, "earlier than this program's 3" in refused.err) == (6, True), refused
    hint = refused.err.splitlines()[-1].partition("bring it up to date: ")[2]
    assert "store migrate" in hint
    assert todo.run("sync", "--json").error["code"] == "store-outdated"
    assert "3: snapshots" in todo(*shlex.split(hint)[1:]).out
    assert todo("sync").out.startswith("Nothing to sync with ")


def test_a_hub_with_newer_tables_is_not_said_not_to_run(todo: Todo, database: str) -> None:
    todo("add", "Buy milk")
    todo("sync", database)
    on_the_server(database, "INSERT INTO cqrs_schema (version, what) VALUES (99, 'wonders')")
    refused = todo.run("sync")
    assert (refused.code, "later than this program's 3" in refused.err) == (6, True), refused
    assert refused.err.endswith("\n      a newer program made them: update this program\n")


@pytest.mark.long
def test_a_database_that_lacks_characters_is_said_to_need_another_encoding(todo: Todo, server: str) -> None:
    on_the_server(server, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    url = server.replace("/postgres?", "/latin?")
    todo("add", "größe")
    todo("sync", url)
    for command in (["add", "😀"], ["-L", "日本", "add", "x"]):
        todo(*command)
        refused = todo.run("sync", url)
        assert refused.code == 6, refused
        assert 'has no equivalent in encoding "LATIN1"' in refused.err
        hint = "make a database that holds all characters, and sync with that: createdb -E UTF8 -T template0 NAME"
        assert [line.strip() for line in refused.err.splitlines()[1::2]] == [hint] * (len(refused.err.splitlines()) // 2)
    on_the_server(server, "DROP DATABASE latin")


@pytest.mark.long
def test_a_server_that_takes_no_changes_is_said_to_take_none(todo: Todo, database: str) -> None:
    read_only = f"{database}%20-cdefault_transaction_read_only%3Don"
    for prepare in (lambda: None, lambda: todo("sync", database)):
        prepare()
        todo("add", "Buy milk")
        refused = todo.run("sync", read_only)
        assert refused.code == 6, refused
        assert "in a read-only transaction\n" in refused.err, "and not in which statement of the program"
        hint = "the server takes no changes now: try again later, or give another URL: todo sync URL"
        assert refused.err.endswith(f"\n      {hint}\n"), refused


def test_the_document_has_all_errors(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    one("-L", "work", "add", "Buy paper")
    peers.equal(one, two)
    one("add", "Paint the door")
    one("-L", "work", "add", "Paint the room")
    one("sync")
    for path in peers.place.glob("*.*.jsonl"):
        if b"Paint" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b"Buy", b"Bye"))
    failed = two.run("sync", "--json")
    first, second = json.loads(failed.out)["errors"]
    assert json.loads(failed.err) == {"error": first}
    assert first["code"] == second["code"] == "refused"
    assert {"delete it, and run todo sync on" in error["hint"] for error in (first, second)} == {True}
    assert two.run("sync", "--quiet").err.count("delete it, and run todo sync on") == 2


def test_the_command_that_joins_lists_names_the_list_that_was_named(peers: Machines) -> None:
    one, two, _ = peers.all
    for home in (one, two):
        home("add", "Buy milk")
        home("-L", "work", "add", "Write")
    one("sync", peers.url)
    refused = two.run("sync", peers.url, "-L", "inbox")
    command, _, apart = refused.err.splitlines()[-1].strip().removeprefix("to join them: todo ").partition("; ")
    assert command.split() == ["-L", "inbox", "sync", peers.url, "--join"]
    assert apart.startswith(f"to keep them apart: todo -L inbox sync {peers.url} --as inbox-")
    assert two(*command.split()).out.startswith("inbox: joined")


def test_one_of_several_lists_is_kept_apart_by_the_command_that_the_refusal_names(peers: Machines) -> None:
    one, two, _ = peers.all
    for home in (one, two):
        home("add", "Buy milk")
        home("-L", "work", "add", "Write")
    one("sync", peers.url)
    refused = two.run("sync", peers.url, "--as", "mine")
    named = re.search("to keep one apart: todo (-L (inbox|work) sync .* --as mine); to join them: ", refused.err)
    assert named is not None, refused.err
    two(*named[1].split())
    other = "work" if named[2] == "inbox" else "inbox"
    assert f"; to keep them apart: todo sync {peers.url} --as {other}-" in two.run("sync", peers.url).err


def test_a_folder_is_a_hub_or_shared_and_not_both(peers: Machines) -> None:
    peers.one("add", "Buy milk")
    peers.one("sync", peers.url)
    result = peers.two.run("sync", f"jsonl:{peers.place}")
    assert (result.code, "is a shared folder, as" in result.err) == (2, True)


def test_status_says_what_was_not_sent(peers: Machines) -> None:
    one = peers.one
    assert one("sync", "--status").err == "This machine knows no remote. To sync with one: todo sync URL\n"
    one("add", "Buy milk")
    one("sync", peers.url)
    one("add", "Paint")
    one("-L", "work", "add", "Write")
    first, inbox, work = one("sync", "--status").out.splitlines()
    assert re.search(": synced 20.*, used next$", first)
    assert (inbox, work) == ("  inbox: 1 commit not sent", "  work: no sync known")
    (remote,) = one("sync", "--status", "--json").json["remotes"]
    assert remote["lists"] == [
        {"list": "inbox", "unsent": 1, "unforgotten": False, "holders": [], "held": []},
        {"list": "work", "unsent": None, "unforgotten": False, "holders": [], "held": []},
    ]


def test_status_names_a_name_that_waits_until_another_machine_has_received_a_list(peers: Machines) -> None:
    one, two, _ = peers.all
    one("lists", "new", "job")
    peers.equal(one, two)
    files = {path.name for path in peers.place.iterdir()}
    one("lists", "new", "task")
    one("sync")
    later = [path.rename(peers.folder / path.name) for path in peers.place.iterdir() if path.name not in files]
    two("lists", "rename", "job", "task")
    two("sync")
    for path in later:
        path.rename(peers.place / path.name)
    assert one("sync").err == ""
    host = os.uname().nodename
    line = f"    Named task on {host}, which has not received the list task from here: run todo sync there\n"
    assert f"  job: all sent\n{line}" in one("sync", "--status").out
    (remote,) = one("sync", "--status", "--json").json["remotes"]
    assert [each["held"] for each in remote["lists"]] == [[{"name": "task", "machine": host}], []]
    one("lists", "rename", "task", "paint")
    assert one("sync").err == (f"job is named task on {host}. To rename it here, too: todo lists rename job task\n")
    assert "Named" not in one("sync", "--status").out
    two("sync")
    one("lists", "rename", "job", "task")
    peers.equal(one, two)


def test_a_remote_that_is_no_longer_used_is_removed(peers: Machines) -> None:
    one, two, _ = peers.all
    config = one.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'# my lists\n[sync.home]\nurl = "{peers.url}"\n')
    one("add", "Buy milk")
    one("sync")
    two("sync", peers.url)
    one("sync", f"folder:{peers.folder}/other")
    before = (one.log_file().read_bytes(), sorted(peers.place.iterdir()))
    assert one("sync", "--remove", f"folder:{peers.folder}/other").err == (
        f"Removed: folder:{peers.folder}/other. No list was changed, here or there.\n"
    )
    assert one("sync", "--remove", "home", "--json").json == {
        "format": "cqrs-todo/1",
        "removed": peers.url,
        "unforgotten": [],
        "config": [{"file": str(config), "line": 2, "name": "home"}],
    }
    assert one("sync", "--status").out == ""
    again = one("sync", "--remove", "home").err.splitlines()
    assert again[0].startswith(f"This machine knows nothing of {peers.url}: ")
    assert again[1] == f"{config} still names it: to end that, delete [sync.home], line 2."
    assert (one.log_file().read_bytes(), sorted(peers.place.iterdir())) == before
    two("add", "By two")
    two("sync")
    one("add", "By one")
    assert one("sync").out == "inbox: 1 commit sent, 1 commit received\n", "what both have is recognised"
    peers.equal(one, two)


def test_after_the_last_remote_was_removed_the_commands_for_the_others_are_named(peers: Machines) -> None:
    one = peers.one
    config = one.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[sync.home]\nurl = "{peers.url}"\n')
    first, last = f"folder:{peers.folder}/my lists", f"folder:{peers.folder}/last"
    for url in (first, "home", last):
        one("sync", url)
    one("sync", "--remove", last)
    config.write_text(config.read_text() + f'[sync.usb]\nurl = "jsonl:{peers.folder}/usb"\n')
    refused = one.run("sync")
    ways = f"name it: todo sync home or todo sync usb or todo sync '{first}'"
    assert (refused.code, refused.err) == (2, f"todo: it is not known what to sync with\n      {ways}\n")


def test_a_server_is_removed_by_its_url_as_it_was_typed(tmp_path: Path, database: str) -> None:
    one = Machines(tmp_path, database).one
    one("add", "Buy milk")
    one("sync", database)
    start, _, parameters = database.partition("?")
    for typed in (database, f"{start}?{'&'.join(reversed(parameters.split('&')))}"):
        assert one("sync", "--remove", typed, "--json").json["removed"] is not None
        assert "not known what to sync with" in one.run("sync").err
        one("sync", database)


def test_two_schemas_of_one_database_are_two_hubs(tmp_path: Path, database: str) -> None:
    one = Machines(tmp_path, database).one
    other = empty_schema(database)
    one("add", "Buy milk")
    assert one("sync", database).err.startswith("Began a new hub: ")
    assert one("sync", other).err.startswith("Began a new hub: ")
    first, _, second, _ = lines = one("sync", "--status").out.splitlines()
    urls = [line.partition(": synced ")[0] for line in (first, second)]
    assert len({*urls}) == 2
    assert [line.endswith(", used next") for line in lines] == [False, False, True, False]
    one("--store", urls[0], "edit", "1", "Buy oat milk")
    assert one("sync", other).out.startswith("Nothing to sync with ")
    assert one("sync", database).out == "inbox: 1 commit received\n", "what is shown is a URL of the same lists"


def test_what_was_forgotten_here_alone_is_named_when_a_remote_is_removed(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Secret")
    for home in (one, two):
        home("sync", peers.url)
    one("forget", "1", "--yes")
    one("sync")
    assert one("sync", "--remove", peers.url).err.splitlines()[1] == (
        f"At the last sync with {peers.url}, what was forgotten in inbox was still in the files of {os.uname().nodename}."
        f" To make sure: todo sync {peers.url}, and then remove it again."
    )
    refused = one.run("sync", "--remove", "hime")
    assert (refused.code, refused.err) == (2, "todo: there is no remote 'hime'\n      this machine knows none\n")


def test_what_was_not_forgotten_there_yet_is_named_when_a_remote_is_removed_and_when_it_is_forgotten_there(
    machines: Machines,
) -> None:
    one = machines.one
    for text in ("Here", "Secret", "Secret too"):
        one("add", text)
    one("sync", machines.url)
    place = one("sync", "--status", "--json").json["remotes"][0]["url"]
    one("forget", "2", "--yes")
    left = "what was forgotten in inbox was still there. To make sure: todo sync "
    assert left in one("sync", "--remove", place).err
    says = "orget in inbox on", "orgotten in inbox on"
    assert says[0] in one("sync", machines.url, "--dry-run").out
    assert says[1] in one("sync", machines.url).out
    one("sync", "--remove", place)
    assert one("sync", machines.url).out.startswith("Nothing to sync with"), "it was forgotten there"
    one("forget", "3", "--yes")
    assert one("sync", "--remove", place, "--json").json["unforgotten"] == ["inbox"]


def test_two_lists_of_a_move_can_be_kept_apart_although_both_have_the_names_of_other_lists(peers: Machines) -> None:
    one, two, _ = peers.all
    for home in (one, two):
        home("add", "Here")
        home("-L", "work", "add", "Write")
    two("add", "Moved")
    two("move", "2", "work")
    one("sync", peers.url)
    refused = two.run("-L", "work", "sync", peers.url, "--as", "job")
    assert refused.code == 1
    named, _, join = refused.err.splitlines()[-1].strip().removeprefix("to keep them apart: ").partition("; to join them: ")
    assert join == f"todo -L work sync {peers.url} --join"
    commands = [shlex.split(command)[1:] for command in named.split(" && ")]
    assert ["lists", "rename", "work", "job"] in commands
    for command in commands:
        two(*command)
    peers.equal(one, two)
    assert [todo["text"] for todo in one.todos("-L", "job")] == ["Write", "Moved"]
    assert [todo["text"] for todo in two.todos("-L", "work")] == ["Write"]


def test_a_list_that_was_renamed_and_archived_elsewhere_gets_commands_that_work_in_this_order(peers: Machines) -> None:
    one, two, _ = peers.all
    one("-L", "work", "add", "Write")
    peers.equal(one, two)
    two("lists", "rename", "work", "job")
    two("lists", "archive", "job")
    two("sync")
    said = one("sync").err.splitlines()
    commands = [line.rpartition("todo ")[2] for line in said]
    assert commands == ["lists rename work job", "lists archive job"]
    for command in commands:
        one(*command.split())
    assert one("sync").err == ""


def test_a_dry_run_says_the_same_and_changes_nothing(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("add", "By one")
    one("sync")
    two("add", "By two")
    before = {path: path.read_bytes() for path in peers.folder.rglob("*.jsonl")}
    dry = two("sync", "--dry-run")
    assert {path: path.read_bytes() for path in peers.folder.rglob("*.jsonl")} == before
    real = two("sync")
    assert (dry.out, real.out) == (
        "inbox: would send 1 commit, would receive 1 commit\n",
        "inbox: 1 commit sent, 1 commit received\n",
    )
    said = real.err.replace("Renumbered in inbox: ", "Would be renumbered in inbox: ").splitlines()
    assert dry.err.splitlines() == [line for line in said if not line.startswith("The list as it was")]


def test_a_dry_run_merges_what_several_machines_have_written(peers: Machines) -> None:
    one, two, three = peers.all
    one("-L", "work", "add", "Write")
    one("-L", "home", "add", "Call")
    peers.equal()
    one("-L", "work", "move", "1", "home")
    peers.equal(one, two)
    two("-L", "home", "done", "1")
    two("-L", "home", "edit", "2", "--", "Write more")
    one("-L", "work", "undo")
    one("sync")
    two("sync")
    before = {path: path.read_bytes() for path in peers.folder.rglob("*.jsonl")}
    dry, document = three("sync", "--dry-run"), three("sync", "--dry-run", "--json").json
    assert {path: path.read_bytes() for path in peers.folder.rglob("*.jsonl")} == before
    assert dry.out == three("sync").out.replace(": ", ": would receive ").replace(" received", "")
    assert "Conflict: home/2 Write more: moved to work (one@" in dry.err
    assert [(each["list"], each["received"], len(each["conflicts"]), each["kept"]) for each in document["lists"]] == [
        ("home", 4, 1, None),
        ("work", 2, 0, None),
    ]


def test_the_json_document(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("add", "By one")
    one("sync")
    two("add", "By two")
    document: Any = two("sync", "--json").json
    (inbox,) = document["lists"]
    assert (inbox["list"], inbox["sent"], inbox["received"], inbox["new"], inbox["joined"]) == ("inbox", 1, 1, False, False)
    assert (document["dry_run"], document["warnings"], document["removed"]) == (False, [], [])
    assert two("sync", "--json").json["lists"] == []
    assert two("sync", "--plain").out == ""


def test_a_move_of_a_todo_that_was_edited_elsewhere_meanwhile_can_be_undone(machines: Machines) -> None:
    one, two = machines.home("one"), machines.home("two")
    one("add", "T1")
    one("-L", "work", "add", "W")
    for home in (one, two):
        home("sync", machines.url)
    one("move", "1", "work")
    two("edit", "1", "T1, longer")
    for home in (two, one):
        home("sync")
    one("-L", "work", "edit", "1", "W, longer")  # another todo of that list
    one("undo")
    assert [todo["text"] for todo in one.todos()] == ["T1, longer"]
    machines.equal(one, two)


def test_a_list_that_was_renamed_elsewhere_is_reported_with_the_command_that_follows(machines: Machines) -> None:
    one, two, _ = machines.all
    one("-L", "work", "add", "Write")
    machines.equal(one, two)
    one("lists", "rename", "work", "job")
    one("sync")
    warning = two("sync").err.splitlines()[0]
    assert warning.startswith("work is named job on ")
    assert warning.endswith(": todo lists rename work job")
    two("lists", "rename", "work", "job")
    machines.equal(one, two)


def test_lists_that_swapped_their_names_elsewhere_are_renamed_by_the_commands_in_their_order(peers: Machines) -> None:
    one, two, _ = peers.all
    for name in ("a", "b"):
        one("lists", "new", name)
    peers.equal(one, two)
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        one("lists", "rename", old, new)
    one("sync")
    (line,) = two("sync").err.splitlines()
    named, _, commands = line.partition(". To rename them here, too: ")
    assert named == f"a is named b on {os.uname().nodename}, and b is named a"
    for command in commands.split(" && "):
        two(*command.split()[1:])
    peers.equal(one, two)
    assert two("sync").err == ""


def test_a_machine_that_renamed_lists_is_not_told_to_undo_that(peers: Machines) -> None:
    one, two, _ = peers.all
    for name in ("a", "b", "c"):
        one("lists", "new", name)
    one("sync", peers.url)
    two("sync", peers.url)  # the first machine does not know yet how this one calls the lists
    for old, new in (("a", "x"), ("b", "a"), ("x", "b"), ("c", "d")):
        one("lists", "rename", old, new)
    assert [one("sync").err for _ in range(2)] == ["", ""]
    assert " is named " in two("sync").err


def test_lists_are_renamed_in_an_order_in_which_each_name_is_free() -> None:
    wanted = {"a": "b", "b": "c", "c": "A", "d": "e", "e": "f", "g": "G", "h": "z"}
    names = {*wanted, "z", "A-2"}
    for renames in in_order(wanted, names):
        for old, new in renames.steps:
            names.remove(old)
            assert new.lower() not in {name.lower() for name in names}
            names.add(new)
    assert names == {*wanted.values(), "A-2", "z-2"}
    (stays,) = (renames for renames in in_order(wanted, {*wanted, "z", "Z-2"}) if renames.first)
    assert in_words(stays, wanted, "x") == (
        "h is named z on x. Another list here has that name. To give that one another name first:"
        " todo lists rename z z-3 && todo lists rename h z"
    )
    (stays,) = in_order({"h": "z"}, {"h"}, {"Z"})
    assert in_words(stays, wanted, "x") == ("h is named z on x. Another list here has that name: give Z another name first")


def test_a_name_that_another_list_has_here_is_named_again_when_it_is_free(users: Machines) -> None:
    one, two, _ = users.all
    for home, name in ((one, "home"), (two, "new")):
        home("lists", "new", name)
    one("sync", users.url)
    two("sync", users.url, "-L", "home")
    one("lists", "rename", "home", "new")
    one("sync")
    (line,) = (line for _ in range(2) for line in two.run("sync").err.splitlines() if " is named " in line)
    commands = line.partition(". Another list here has that name. To give that one another name first: ")[2].split(" && ")
    assert commands == ["todo lists rename new new-2", "todo lists rename home new"]
    two(*commands[0].split()[1:])
    assert ". To rename it here, too: todo lists rename home new\n" in two("sync").err
    two(*commands[1].split()[1:])
    users.equal(one, two)


def test_a_list_that_has_another_name_on_a_hub_is_unarchived_there_by_the_command_that_is_named(hubs: Machines) -> None:
    one, two, _ = hubs.all
    one("lists", "new", "work")
    hubs.equal(one, two)
    one("lists", "archive", "work")
    one("sync")
    two("lists", "rename", "work", "job")
    two("-L", "job", "add", "Write")
    back = two("sync").err.partition(". To use it there again: todo ")[2].partition(". ")[0]
    two(*shlex.split(back))
    assert two("sync").out.startswith("job: 1 commit sent\nRenamed work to job on ")


def test_a_new_list_whose_name_an_archived_one_has_on_a_hub_is_named_with_what_can_be_done(hubs: Machines) -> None:
    one, two, _ = hubs.all
    one("lists", "new", "Work")
    one("sync", hubs.url)
    one("lists", "archive", "Work")
    one("sync")
    two("lists", "new", "work")
    failed = two.run("sync", hubs.url)
    assert failed.code == 1
    message, hint = failed.err.splitlines()
    place = two("sync", "--status", "--json").json["remotes"][0]["url"]
    assert message == f"todo: work was not sent: {place} has another archived list named 'Work'"
    rename, _, back = hint.partition("; or use the other one again: todo ")
    two(*shlex.split(back))
    assert "to join them: " in two.run("sync").err
    for command in rename.partition(": todo ")[2].split(" && todo "):
        two(*shlex.split(command))
    assert {"Work", "work-2"} <= {line.split("\t")[0] for line in two("lists", "--plain").out.splitlines()}


def test_a_list_whose_name_an_archived_one_has_here_is_received_after_the_commands_that_are_named(users: Machines) -> None:
    one, two, _ = users.all
    one("-L", "work", "add", "Here")
    one("sync", users.url)
    two("-L", "Work", "add", "There")
    two("lists", "archive", "Work")
    failed = two.run("sync", users.url)
    assert (failed.code, "the archived list 'Work' here is another one" in failed.err) == (1, True)
    for command in failed.err.splitlines()[-1].partition(": todo ")[2].split(" && todo "):
        two(*command.split())
    assert [todo["text"] for todo in two.todos("-L", "work")] == ["Here"]
    assert (two.data / "archive/Work-2.jsonl").exists(), "it is archived again"


def test_who_has_archived_a_list_is_told_once_that_it_is_in_use_again(machines: Machines) -> None:
    one, two, _ = machines.all
    one("lists", "new", "my work")
    machines.equal(one, two)
    for home in (one, two):
        home("lists", "archive", "my work")
        home("sync")
    if machines.url.startswith("folder:"):  # only here can it hear of the other one
        one("sync")
    two("lists", "unarchive", "my work")
    two("sync")
    line = one("sync").err
    assert line.startswith("my work is in use again on ")
    assert one("sync").err == ""
    one(*shlex.split(line.rpartition(". To use it here, too: todo ")[2]))
    machines.equal(one, two)
    assert (one("sync").err, two("sync").err) == ("", "")


def test_it_goes_on_until_it_is_stopped(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "Buy milk")
    running = start(one, "sync", machines.url, "--every", "1s")
    try:
        wait_for(lambda: two("sync", machines.url).out.startswith("inbox: new here"))
        two("add", "By two")
        two("sync")
        wait_for(lambda: len(one.log()) == 2)
    finally:
        running.terminate()
        out, err = running.communicate(timeout=30)
    assert out.decode().startswith("inbox: 1 commit sent\n")
    assert b"Traceback" not in err


def test_it_says_that_it_tries_again_and_that_it_works_again(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("sync", peers.url)
    os.rename(peers.place, peers.folder / "elsewhere")
    running = start(one, "sync", "--every", "1s")
    said: list[str] = []
    try:
        for line in running.stderr or ():
            said.append(line.decode())
            if "tries again" in said[-1]:
                os.rename(peers.folder / "elsewhere", peers.place)
            if "works again" in said[-1]:
                break
    finally:
        running.terminate()
        running.communicate(timeout=30)
    assert said[-2:] == ["This sync goes on, and tries again every 1s\n", "The sync works again\n"]


@pytest.mark.parametrize("inline", [False, True])
def test_a_reaction_that_syncs_goes_on_although_its_list_is_rewritten_meanwhile(peers: Machines, inline: bool) -> None:
    one, two, _ = peers.all
    for home in (one, two):
        config = home.home / ".config/cqrs-todo/config.toml"
        config.parent.mkdir(parents=True)
        run = [sys.executable, "-m", "cqrs_todo", "sync", "home", "--quiet"]
        config.write_text(
            f'[sync.home]\nurl = "{peers.url}"\n[[reaction]]\nname = "sync"\ninline = {str(inline).lower()}\nrun = {run}\n'
        )
    one("add", "First")
    one("sync", "home")
    two("sync", "home")
    one("react")
    two("add", "By two")
    two("add", "Also by two")
    two("sync")
    for text in ("By one", "Also by one"):
        one("add", text)
        one("react")
    assert one("react").err == "0 events, 0 reminders\n"
    assert "Nothing failed." in one("react", "--failed").err
    assert one("sync").out == "Nothing to sync with home\n"
    peers.equal(one, two)
    assert len(two.todos()) == 5


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def start(todo: Todo, *args: str) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "cqrs_todo", *args]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=todo.env, cwd=todo.home)


def test_changes_during_syncs_are_kept(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "Buy milk")
    machines.equal(one, two)
    running = [
        start(home, *args)
        for number in range(4)
        for home in (one, two)
        for args in (("add", f"{home.home.name} {number}"), ("sync",))
    ]
    for process in running:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    machines.equal(one, two)
    texts = sorted(todo["text"] for todo in one.todos())
    assert texts == sorted(["Buy milk", *(f"{name} {number}" for name in ("one", "two") for number in range(4))])


@pytest.mark.long
def test_killed_at_random_points_nothing_is_lost_or_doubled(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "Buy milk")
    machines.equal(one, two)
    dice = random.Random(20261129)
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "cqrs_todo", "sync"], env=one.env, cwd=one.home, check=True, capture_output=True)
    seconds = time.monotonic() - began
    wanted: set[str] = set()
    for number in range(5):
        for home in (one, two):
            home("add", f"{home.home.name} {number}")
            home("edit", "1", f"Changed by {home.home.name} {number}")
            wanted |= {*commands(home)}
            process = start(home, "sync")
            time.sleep(seconds * dice.triangular(0.3, 1.2, 0.9))
            process.kill()
            process.communicate()
    machines.equal(one, two)
    assert {*commands(one)} == wanted
    assert len(commands(one)) == len(wanted)


def test_a_copied_home_a_restored_home_and_a_lost_home(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    shutil.copytree(one.home, peers.folder / "backup")
    clone = peers.home("clone")
    shutil.copytree(one.home, clone.home, dirs_exist_ok=True)
    one("add", "In the original")
    one("sync")
    clone("add", "In the copy")
    assert "this machine has a new id now" in clone("sync").err
    wanted = {*commands(one), *commands(clone)}
    shutil.rmtree(one.home)
    shutil.copytree(peers.folder / "backup", one.home)
    one("add", "After the restoration")
    wanted |= {*commands(one)}
    peers.equal(one, two, clone)
    shutil.rmtree(two.home / ".local")
    peers.equal(one, two, clone)
    assert sorted(commands(two)) == sorted(wanted)


def test_a_server_that_was_restored_from_an_old_dump(tmp_path: Path, database: str, server: str) -> None:
    machines = Machines(tmp_path, database)
    one, two, three = machines.all
    one("add", "Buy milk")
    machines.equal()
    dump = empty_schema(server)
    for line in one("lists", "--plain").out.splitlines():
        name = line.split("\t")[0]
        old = Todo(tmp_path / "dump", dump)
        old("-L", name, "import", "-", stdin=one.content(name))
    one("add", "By one")
    one("sync")
    two("add", "By two")
    two("sync")
    three("add", "By three")
    wanted = {*commands(one), *commands(two), *commands(three)}
    restored = Machines(tmp_path, dump)
    restored.equal(three, one, two)
    assert {*commands(one)} == wanted
    assert len(commands(one)) == len(wanted)


def test_the_list_as_it_was_is_named_and_forgotten(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("add", "By one")
    one("add", "Also by one")
    one("sync")
    two("add", "hunter2")
    two("sync")
    (kept,) = two.log_file().parent.glob("inbox.merged-*")
    assert f"kept          {kept} (a list as it was before a merge)\n" in two("where").out
    assert two("where", "--json").json["kept"] == [str(kept)]
    assert two("verify").code == 0
    content = kept.read_bytes()
    kept.write_bytes(content.replace(b"hunter2", b"hunter3"))
    damaged = two.run("verify")
    assert (damaged.code, "a list as it was before a merge, is damaged" in damaged.err) == (5, True)
    kept.write_bytes(content)
    two("forget", "4", "--yes")
    peers.equal(one, two)
    assert not [path for path in peers.folder.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_a_repaired_list_gets_back_what_it_had_lost(machines: Machines) -> None:
    one, two, _ = machines.all
    one("add", "Buy milk")
    one("add", "Paint the door")
    machines.equal(one, two)
    content = one.log_file().read_bytes()
    one.log_file().write_bytes(content[: content.rindex(b'{"position":2')])
    refused = one.run("sync")
    assert (refused.code, "todo -L inbox verify --repair, then todo sync\n" in refused.err) == (5, True)
    one("verify", "--repair")
    one("add", "After the repair")
    machines.equal(one, two)
    assert sorted(todo["text"] for todo in two.todos()) == ["After the repair", "Buy milk", "Paint the door"]


def test_a_folder_on_a_disk_that_is_not_mounted_is_not_taken_for_an_empty_one(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("sync", peers.url)
    os.rename(peers.place, peers.folder / "elsewhere")
    result = one.run("sync")
    assert result.code == 6
    assert result.err.startswith(f"todo: {peers.place}: this machine has synced there before, but the lists and ")
    assert "mount or share the folder again, and sync again; if you moved it" in result.err
    assert not peers.place.exists()


def test_a_marker_that_was_lost_is_made_again(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    for url in (peers.url, f"jsonl:{peers.folder / 'hub'}"):
        one("sync", url)
        marker = Path(url.partition(":")[2]) / "cqrs-todo-sync.json"
        content = marker.read_bytes()
        marker.write_text("{}")
        refused = one.run("sync", url)
        assert (refused.code, "remove that file, and the next sync makes it anew" in refused.err) == (2, True)
        marker.unlink()
        one("sync", url)
        assert marker.read_bytes() == content


def test_what_could_not_be_sent_is_not_reported_as_sent(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("sync", peers.url)
    one("add", "Paint")
    (file,) = peers.place.glob("*.*.jsonl")
    content = file.read_bytes()
    file.unlink()
    file.mkdir()
    failed = one.run("sync")
    assert (failed.code, failed.out) == (6, "")
    assert failed.err.startswith(f"todo: {file}: Is a directory; that was while inbox was synced with {peers.url}\n")
    assert not [path for path in peers.place.iterdir() if path.name.startswith(".")], "nothing half-written is left"
    file.rmdir()
    file.write_bytes(content)
    assert one("sync").out == "inbox: 1 commit sent\n", "also while no other machine has synced"


def test_a_damaged_hub_is_named_with_the_command_that_looks_at_it(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "Buy milk")
    users.equal(one, two)
    file = users.place / "lists/inbox.jsonl"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"milk", b"silk"))
    one("add", "Paint")
    failed = one.run("sync")
    assert (failed.code, failed.out) == (5, "")
    message, hint = failed.err.splitlines()
    assert f"{file} is damaged at line 2" in message
    look = one.run(*hint.rpartition(": todo ")[2].split())
    assert (look.code, "inbox is damaged" in look.err) == (5, True)
    file.write_bytes(content.replace(b'"version":"1.0"', b'"version":"2.0"', 1))
    newer = one.run("sync").err
    assert "its format 2.0 is newer than this program's" in newer
    assert f"that was while inbox was synced with {users.url}" in newer
    file.write_bytes(content)
    users.equal(one, two)


def test_a_list_that_is_archived_on_a_hub_is_not_said_to_be_the_same(users: Machines) -> None:
    one = users.one
    one("add", "Buy milk")
    one("sync", users.url)
    one("--store", users.url, "lists", "archive", "inbox")
    one("add", "Paint")
    result = one("sync")
    assert result.out == "Nothing was sent or received\n"
    assert result.err.startswith(f"inbox is archived on {users.url}, so it was not synced: 1 commit not sent. To use it ")
    assert result.err.endswith("To archive it here, too: todo lists archive inbox\n")


def test_what_an_archived_list_lacks_on_a_hub_is_named_until_it_is_there(users: Machines) -> None:
    one, two, _ = users.all
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    users.equal(one, two)
    two("lists", "archive", "work")
    two("sync")
    one("move", "1", "work")
    half = f"inbox: 1 commit not sent, because a todo was moved to work, which is not complete on {users.url}. "
    half += "When work can be sent, send both: todo sync\n"
    for _ in range(2):
        back = f"todo --store {users.url} lists unarchive work"
        said = one("sync").err
        assert f"so it was not synced: 1 commit not sent. To use it there again: {back}. To " in said
        assert half in said
    one("add", "Later")
    assert half.replace("1 commit", "2 commits") in one("sync").err
    two("sync")
    assert [todo["text"] for todo in two("ls", "--json").json["todos"]] == ["Buy milk"], "it is in no other list there"
    one("undo")
    one("lists", "archive", "work")
    for _ in range(2):
        assert f"work was archived before all of it was sent to {users.url}. To send the rest:" in one("sync").err
        assert one("sync", "--status").out.splitlines()[-1] == "  work (archived): 1 commit not sent"
    one("lists", "unarchive", "work")
    two("lists", "unarchive", "work")
    two("sync")
    users.equal(one, two)
    assert [todo["text"] for todo in two("-L", "work", "ls", "--json").json["todos"]] == ["Write", "Buy milk"]


def test_an_archived_list_that_a_remote_does_not_have_is_named_once_with_the_command_that_sends_it(tmp_path: Path) -> None:
    one = Todo(tmp_path / "one")
    one("add", "Buy milk")
    one("-L", "old", "add", "Write")
    one("lists", "archive", "old")
    for kind in ("jsonl", "folder"):
        url = f"{kind}:{tmp_path / kind}"
        steps = "todo lists unarchive old && todo sync && todo lists archive old"
        line = f"old is archived here, and not on {url}: a sync does not send such a list. To send it: {steps}\n"
        for words in (["--dry-run"], []):
            assert line in one("sync", url, *words).err
        result = one("sync")
        assert (result.out, result.err) == (f"Nothing to sync with {url}\n", "")
        status = f"  old (archived): no sync known. To send it: {steps}"
        assert one("sync", "--status").out.splitlines()[-1] == status
        for command in status.partition(": todo ")[2].split(" && todo "):
            one(*command.split())
        assert one("sync").err == ""
        assert "old (archived)" not in one("sync", "--status").out
        assert Todo(tmp_path / f"other-{kind}")("sync", url).err == "", "who never had the list hears nothing"
    one("-L", "older", "add", "Write")
    one("lists", "archive", "older")
    said = one("sync", f"jsonl:{tmp_path / 'third'}").err
    assert said.startswith(f"old, older are archived here, and not on jsonl:{tmp_path / 'third'}: ")
    assert f". To send one: {steps}\n" in said


def test_all_lists_can_be_synced_where_the_environment_names_one(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    one.env["TODO_LIST"] = "work"
    assert one("sync", peers.url).out == "work: 1 commit sent\n"
    assert one("sync", "-A").out == "inbox: 1 commit sent\n"


def test_lists_whose_names_differ_by_case_are_named_as_they_are(peers: Machines) -> None:
    one, two, _ = peers.all
    one("-L", "Work", "add", "Write")
    two("-L", "work", "add", "Read")
    one("sync", peers.url)
    refused = two.run("sync", peers.url)
    assert refused.err.startswith(f"work here and Work on {peers.url} are different lists.")
    assert f"{peers.url} has another list with the name Work; nothing was synced" in refused.err


@pytest.mark.parametrize(("answer", "joined"), [("y", True), ("n", False)])
def test_on_a_terminal_it_asks_once_whether_to_join(peers: Machines, answer: str, joined: bool) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    two("add", "Call Bob")
    one("sync", peers.url)
    terminal = Terminal(two, "sync", peers.url)
    terminal.wait_for("Join them? [y/N]")
    terminal.type(f"{answer}\n")
    assert (terminal.end() == 0) is joined
    assert len(two.log()) == 1 + joined
    assert two.run("sync", peers.url).out.startswith("Nothing to sync") is joined


def test_a_new_folder_is_announced_and_is_made_only_in_one_that_exists(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    refused = one.run("sync", f"folder:{peers.folder}/typo/x")
    assert (refused.code, f"there is no folder {peers.folder}/typo" in refused.err) == (2, True)
    assert not (peers.folder / "typo").exists()
    assert one("sync", peers.url).err == (
        f"Began a new shared folder: {peers.place}. If you expected the lists of another machine there, the path is"
        " wrong: sync with the right one, and delete what this sync has written here.\n"
    )
    assert one("sync").err == two("sync", peers.url).err == ""


@pytest.mark.parametrize("kind", ["folder", "jsonl"])
def test_a_new_folder_in_a_remote_or_around_one_is_refused_with_the_right_path(peers: Machines, kind: str) -> None:
    one, two, _ = peers.all
    around, place = peers.folder / "Sync", peers.folder / "Sync/todo"
    around.mkdir()
    one("add", "Buy milk")
    one("sync", f"{kind}:{place}")
    for path, where in ((around, "around"), (place / "todo", "in")):
        for url in (f"folder:{path}", f"jsonl:{path}"):
            before = sorted(around.rglob("*"))
            refused = two.run("sync", url)
            assert (refused.code, refused.out) == (2, "")
            hint = f"to use that one, give {kind}:{place}; or give a folder apart from it"
            assert refused.err == f"todo: {url} would be {where} another remote, {kind}:{place}\n      {hint}\n"
            assert sorted(around.rglob("*")) == before
    marker = place / "cqrs-todo-sync.json"
    marker.write_bytes(b"damaged")
    for path, where in ((around, "around"), (place / "todo", "in")):
        refused = two.run("sync", f"folder:{path}")
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == (
            f"todo: folder:{path} would be {where} {place}, which was a remote: {marker} does not say what the folder is\n"
            f"      give a folder apart from {place}; or, if it is not a remote any more, remove that file: rm {marker}\n"
        )


def test_two_ways_to_write_the_options_of_a_server_are_one_remote(todo: Todo, database: str) -> None:
    todo("add", "Buy milk")
    todo("sync", database)
    other = database.replace("-csearch_path%3D", "--search-path%3D%5C%20")
    assert other != database
    assert todo("sync", other).out.startswith("Nothing to sync with ")
    assert [each["url"] for each in todo("sync", "--status", "--json").json["remotes"]] == [database.replace(":@", "@")]
    todo("sync", "--remove", other)
    assert todo("sync", "--status").err == "This machine knows no remote. To sync with one: todo sync URL\n"
    assert todo("sync", database).out.startswith("Nothing to sync with "), "and nothing was sent again"


def test_the_status_says_no_more_than_is_known_after_a_remote_was_removed(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    one("sync", peers.url)
    one("sync", "--remove", peers.url)
    assert "knows no remote" in one("sync", "--status").err
    one("sync", peers.url, "-L", "inbox")
    assert one("sync", "--status").out.splitlines()[1:] == ["  inbox: all sent", "  work: no sync known"]


def test_a_new_hub_on_a_server_is_announced(tmp_path: Path, database: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    one, two, _ = Machines(tmp_path, database).all
    one("add", "Buy milk")
    for words, begins in ((["--dry-run"], "Would begin"), ([], "Began")):
        said = one("sync", database, *words).err
        assert said.startswith(f"{begins} a new hub: postgresql://")
        assert ". If you expected the lists of another machine there, the URL is wrong: sync with the right one" in said
        with psycopg.connect(database) as connection:
            made = connection.execute("SELECT to_regclass('cqrs_schema') IS NOT NULL").fetchone()
        assert made == (begins == "Began",), "a dry run makes no tables"
    assert one("sync").err == two("sync", database).err == ""


@pytest.mark.parametrize(
    ("hidden", "loaded"), [("nothing", "['psycopg2']"), ("psycopg2", "['psycopg']")], ids=["with psycopg2", "without"]
)
def test_psycopg_is_loaded_only_if_there_is_something_to_do(tmp_path: Path, database: str, hidden: str, loaded: str) -> None:
    pytest.importorskip("psycopg2")
    one, two, _ = Machines(tmp_path, database).all
    one("add", "Buy milk")
    two("sync", database)
    program = (
        f"import sys; sys.modules[{hidden!r}] = None; from cqrs_todo.cli import main; code = main();"
        " print([name for name in ('psycopg', 'psycopg2') if sys.modules.get(name)]); sys.exit(code)"
    )

    def run(*words: str) -> list[str]:
        command = [sys.executable, "-c", program, "sync", *(words or (database,))]
        done = subprocess.run(command, capture_output=True, text=True, env=one.env, cwd=one.home, check=True)
        return done.stdout.splitlines()

    assert run()[0] == "inbox: 1 commit sent"
    said, modules = run()
    assert (said.startswith("Nothing to sync with postgresql://"), modules) == (True, loaded)
    assert two("sync").out == "inbox: new here, 1 commit received\n"
    two("add", "Call Bob")
    two("sync")
    said, modules = run()
    assert (said, "'psycopg'" in modules) == ("inbox: 1 commit received", True)
    assert run()[-1] == loaded
    assert run("--status")[-1] == loaded


def test_ctrl_c_ends_the_wait_for_a_server_that_says_nothing(todo: Todo) -> None:
    pytest.importorskip("psycopg2")
    todo("add", "Buy milk")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        program = start(todo, "sync", f"postgresql://127.0.0.1:{listening.getsockname()[1]}/x")
        waiting, _ = listening.accept()
        with waiting:
            assert waiting.recv(8)[4:] == bytes.fromhex("04d2162f"), "it asks for encryption, and waits for the answer"
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=30)
    assert program.returncode == 130


def test_a_first_sync_that_is_refused_makes_no_folder(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    for url in (peers.url, f"jsonl:{peers.place}"):
        for words in (["--as", "mine"], ["-L", "nothing"]):
            assert one.run("sync", url, *words).code in (2, 3)
        assert not peers.place.exists()
    assert one("sync", f"jsonl:{peers.place}").err.startswith("Began a new hub: ")


def test_what_a_sync_does_on_a_hub_beside_commits_is_named(users: Machines) -> None:
    one, two, _ = users.all
    one("-L", "work", "add", "Write")
    users.equal(one, two)
    one("lists", "rename", "work", "job")
    assert one("sync", "--dry-run").out == f"Would rename work to job on {users.url}\n"
    assert one("sync").out == f"Renamed work to job on {users.url}\n"
    assert two("sync").out == "Nothing was sent or received\n"
    one("lists", "archive", "job")
    assert one("sync").out == f"Archived job on {users.url}\n"
    one("lists", "unarchive", "job")
    assert one("sync", "--json").json["effects"] == [{"kind": "unarchived", "list": "job", "other": None}]


def test_what_a_sync_tells_the_other_machines_of_a_shared_folder_is_named(peers: Machines) -> None:
    one, two, _ = peers.all
    one("lists", "new", "work")
    peers.equal(one, two)
    others = f"the other machines on {peers.url}:"
    one("lists", "rename", "work", "job")
    assert one("sync", "--dry-run").out == f"Would tell {others} work is named job here\n"
    assert one("sync").out == f"Told {others} work is named job here\n"
    one("lists", "archive", "job")
    assert one("sync").out == f"Told {others} job is archived here\n"
    one("lists", "unarchive", "job")
    assert one("sync").out == f"Told {others} job is in use again here\n"
    assert one("sync").out.startswith("Nothing to sync with ")


def test_new_commits_of_an_archived_list_are_named_once_with_the_command_that_receives_them(peers: Machines) -> None:
    one, two, _ = peers.all
    one("-L", "work", "add", "Write")
    one("-L", "work", "add", "Secret")
    peers.equal(one, two)
    one("lists", "archive", "work")
    one("sync")
    assert one("sync").out.startswith("Nothing to sync with ")
    two("-L", "work", "add", "Paint")
    two("-L", "work", "forget", "2", "--yes")
    two("sync")
    assert "so new commits of it on " in one("sync").err
    assert one("sync").err == ""
    two("-L", "work", "done", "1")
    two("sync")
    back = "todo lists unarchive work && todo sync"
    for words in (["--dry-run"], []):
        result = one("sync", *words)
        assert result.out == "Nothing was sent or received\n"
        assert result.err == (
            f"work is archived here, so new commits of it on {peers.url} were not received. To receive them: {back}\n"
        )
    assert one("sync").out.startswith("Nothing to sync with ")
    for command in back.split(" && "):
        received = one(*command.split()[1:]).out
    assert received.startswith("work: 2 commits received\n")


def test_who_forgets_a_todo_is_told_where_it_still_is(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "hunter2")
    assert "todo sync" not in one("forget", "1", "--yes").err, "no other machine is known"
    one("add", "hunter3")
    peers.equal(one, two)
    assert "Other machines: run todo sync here, and then on each of them\n" in one("forget", "2", "--yes").err
    forgotten = (
        f"Forgotten in inbox on {peers.url}, too. The files of other machines there still have it until these sync.\n"
    )
    assert one("sync").out == forgotten
    for _ in range(2):
        holder = (
            f"    At the last sync, what was forgotten here was still in the files of {os.uname().nodename}: run todo sync"
            " there, and then here; or delete the files"
        )
        assert one("sync", "--status").out.splitlines()[1:] == ["  inbox: all sent", holder]
        assert one("sync").out.startswith("Nothing to sync"), "it is not said in each sync"
    received = two("sync")
    assert received.out == "inbox: 1 todo forgotten\n"
    assert received.err == "1 todo was forgotten in another copy of inbox, and is forgotten here now\n"
    assert not [path for path in peers.place.iterdir() if b"hunter3" in path.read_bytes()]
    one("sync")
    assert one("sync", "--status").out.splitlines()[1:] == ["  inbox: all sent"]


@pytest.mark.parametrize(("kind", "archived"), [("jsonl", False), ("folder", False), ("folder", True)])
def test_what_is_to_be_forgotten_is_named_before_the_sync(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, archived: bool
) -> None:
    machines = Machines(tmp_path, new_remote(kind, tmp_path, request))
    one, two, _ = machines.all
    for text in ("Buy milk", "hunter2"):
        one("add", text)
    machines.equal(one, two)
    one("forget", "2", "--yes")
    if archived:
        one("lists", "archive", "inbox")
    else:
        one("add", "Later")
    others = " The files of other machines there still have it until these sync." if "folder:" in machines.url else ""
    state = f"{'inbox (archived): all sent' if archived else 'inbox: 1 commit not sent'}, not yet forgotten there: 1 todo"
    assert one("sync", "--status").out.splitlines()[1].strip() == state
    assert one("sync", "--status", "--json").json["remotes"][0]["lists"][0]["unforgotten"] is True
    would, did = (
        [line for line in one("sync", *words).out.splitlines() if re.match("(Would f|F)org", line)]
        for words in (["--dry-run"], [])
    )
    assert did == [line.replace("Would forget", "Forgotten") for line in would]
    assert re.fullmatch(rf"Would forget in inbox on .*, too\.{re.escape(others)}", "\n".join(would))
    assert "not yet forgotten" not in one("sync", "--status").out


def test_a_list_that_was_renamed_elsewhere_is_not_joined_with_the_new_list_of_its_old_name(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    message = one("lists", "rename", "inbox", "home").err
    assert message == 'Commands without -L still use inbox. To use home instead, write in config.toml: list = "home"\n'
    one("add", "In a new inbox")
    one("sync")
    refused = two.run("sync")
    assert refused.code == 1
    *_, hint = refused.err.splitlines()
    named, _, commands = hint.strip().partition(". To rename it here, too: ")
    assert (named, commands) == (f"inbox is named home on {peers.url}", "todo lists rename inbox home && todo sync")
    for command in commands.split(" && "):
        two(*command.split()[1:])
    peers.equal(one, two)


def test_a_damaged_file_in_a_shared_folder_is_named_with_its_machine(peers: Machines) -> None:
    one, two, _ = peers.all
    one("add", "Buy milk")
    peers.equal(one, two)
    one("add", "Paint the door")
    one("sync")
    (file,) = [path for path in peers.place.glob("*.*.jsonl") if b"Paint" in path.read_bytes()]
    file.write_bytes(file.read_bytes().replace(b"Buy milk", b"Buy silk"))
    failed = two.run("sync")
    assert (failed.code, f"delete it, and run todo sync on {os.uname().nodename}\n" in failed.err) == (1, True)
    assert f"{peers.url}, inbox, {file.name}: " in failed.err
    file.unlink()
    one("sync")
    peers.equal(one, two)
    assert [todo["text"] for todo in two.todos()] == ["Buy milk", "Paint the door"]


def test_a_list_that_is_missing_is_brought_back_by_the_command_that_the_error_names(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("sync", peers.url)
    one.log_file().unlink()
    missing = one.run("ls")
    assert missing.code == 5
    command = missing.err.partition("what was synced: todo ")[2].partition(";")[0]
    one(*command.split())
    assert [todo["text"] for todo in one.todos()] == ["Buy milk"]


def test_the_status_of_one_list(peers: Machines) -> None:
    one = peers.one
    one("add", "Buy milk")
    one("-L", "work", "add", "Write")
    one("sync", peers.url)
    assert one("-L", "work", "sync", "--status").out.splitlines()[1:] == ["  work: all sent"]
    assert one.run("-L", "nope", "sync", "--status").code == 3


def test_two_stores_of_one_machine_are_two_machines_to_a_remote(machines: Machines, tmp_path: Path) -> None:
    one, two = machines.home("one"), machines.home("two")
    one("add", "in the usual store")
    one("sync", machines.url)
    store = ("--store", f"jsonl:{tmp_path}/second")
    one(*store, "sync", machines.url)
    one(*store, "add", "in another store")
    for _ in range(2):
        one(*store, "sync", machines.url)
        one("sync")
    two("sync", machines.url)
    for home in (one, two):
        assert [todo["text"] for todo in home.todos()] == ["in the usual store", "in another store"]
    one("--store", f"jsonl:{tmp_path}/../{tmp_path.name}/second", "sync", machines.url)
    assert "Nothing to sync" in one(*store, "sync", machines.url).out
