"""The other forms of `todo history`: the lines of the log, the graph, and following it."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from cqrs_todo.cli.graph import Gutter, gutters
from cqrs_todo.cqrs.events import Commit, Metadata, Recorded
from cqrs_todo.todo.events import TodoRemoved
from tests.conftest import Todo


def commit(position: int, **meta: object) -> Commit:
    metadata = Metadata(datetime.now(UTC), "me", f"c{position}", meta)
    return Commit((Recorded(position, "todo/a", position, "todo_removed", TodoRemoved(), metadata),), metadata)


def drawn(*commits: Commit, ascii_only: bool = False) -> list[str]:
    newest_first = list(reversed(commits))
    return [gutter.first for gutter in gutters(newest_first, newest_first, ascii_only=ascii_only)]


def test_an_undo_is_joined_to_what_it_undoes() -> None:
    assert drawn(commit(1), commit(2), commit(3, undoes=["c1"])) == ["╭─●", "│ ●", "╰─○"]


def test_a_redone_commit_is_in_force_again() -> None:
    assert drawn(commit(1), commit(2, undoes=["c1"]), commit(3, redoes=["c1"])) == ["╭───●", "│ ╭─●", "╰─┴─●"]


def test_lanes_cross_where_they_must() -> None:
    commits = commit(1), commit(2), commit(3, undoes=["c1"]), commit(4, undoes=["c2"])
    assert drawn(*commits) == ["  ╭─●", "╭─┼─●", "│ ╰─○", "╰───○"]


def test_what_a_command_caused_is_joined_to_it() -> None:
    assert drawn(commit(1), commit(2, causation="c1/1"), commit(3, causation="c2/2")) == ["  ╭─●", "╭─┴─●", "╰───●"]


def test_the_parts_of_a_batch_are_joined() -> None:
    parts = [commit(n, batch={"id": "b", "part": n}) for n in (1, 2, 3)]
    assert drawn(*parts) == ["╭───●", "│ ╭─●", "╰─┴─●"]


def test_without_unicode_the_graph_is_drawn_in_ascii() -> None:
    assert drawn(commit(1), commit(2), commit(3, undoes=["c1"]), ascii_only=True) == ["+-*", "| *", "+-o"]


def test_a_graph_without_relations_has_only_marks() -> None:
    assert gutters([commit(1)], [commit(1)], ascii_only=False) == [Gutter("●", " ")]


def test_the_graph_stands_to_the_left_of_the_history(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("edit", "1", "Buy oat milk", "pri:H")
    todo("undo")
    lines = todo("history", "--graph").out.splitlines()
    assert [line[:3] for line in lines] == ["╭─●", "│  ", "╰─○", "   ", "  ●"]
    assert lines[0].endswith("(undoes @2)")


@pytest.mark.parametrize(
    "options",
    [("--raw", "--json"), ("--graph", "--json"), ("--graph", "--raw"), ("--follow", "--graph"), ("--follow", "--at", "now")],
)
def test_options_that_exclude_one_another_are_refused(todo: Todo, options: tuple[str, ...]) -> None:
    todo("add", "x")
    result = todo.run("history", *options)
    assert result.code == 2
    assert "exclude one another" in result.err


def test_raw_prints_the_lines_of_the_log(todo: Todo) -> None:
    todo("add", "Buy milk \u202e hostile")
    todo("add", "Call Jo")
    todo("done", "1")
    lines = todo.content().splitlines(keepends=True)[1:]
    assert todo("history", "--raw").out == "".join(reversed(lines))
    assert todo("history", "--raw", "--reverse").out == "".join(lines)
    assert todo("history", "--raw", "-n", "1").out == lines[2]
    assert todo("history", "2", "--raw").out == lines[1]
    assert todo("history", "--raw", "--at", "@2", "-n", "1").out == lines[1]


def test_follow_shows_the_last_changes_and_each_new_one(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "Call Jo")
    command = [sys.executable, "-m", "cqrs_todo", "history", "--follow", "--json", "-n", "1"]
    with subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["commit"]["position"] == 2
        todo("done", "1")
        document = json.loads(following.stdout.readline())
        assert (document["list"], document["commit"]["events"][0]["type"]) == ("inbox", "todo_completed")
        following.stdout.close()  # the reader stops, and so does the program
        assert following.wait(30) == 0


def test_follow_shows_only_what_is_asked_for(todo: Todo) -> None:
    todo("add", "Buy milk")
    command = [sys.executable, "-m", "cqrs_todo", "history", "1", "--follow", "--type", "todo_completed"]
    with subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        todo("add", "Call Jo")
        todo("done", "2")
        todo("done", "1")
        assert following.stdout.readline().endswith("  1 done\n")
        following.terminate()


def test_follow_shows_the_changes_of_lists_that_are_made_later(todo: Todo) -> None:
    """A list that had another name, or comes back from the archive, shows only what is recorded since."""
    todo("add", "Buy milk")
    todo("-L", "old", "add", "Archived long ago")
    todo("lists", "archive", "old")
    command = [sys.executable, "-m", "cqrs_todo", "history", "--follow", "--all-lists", "--json"]
    with subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, text=True) as following:
        stream = following.stdout
        assert stream is not None

        def shown() -> tuple[str, int]:
            document = json.loads(stream.readline())
            return document["list"], document["commit"]["position"]

        assert shown() == ("inbox", 1)
        todo("-L", "work", "add", "Deploy")
        assert shown() == ("work", 1)
        todo("lists", "rename", "work", "job")
        todo("-L", "job", "add", "Test")
        assert shown() == ("job", 2)
        todo("lists", "unarchive", "old")
        todo("add", "Call Jo")
        assert shown() == ("inbox", 2)
        todo("-L", "old", "done", "1")
        assert shown() == ("old", 2)
        stream.close()
        assert following.wait(30) == 0


def test_follow_waits_for_the_default_list(todo: Todo) -> None:
    command = [sys.executable, "-m", "cqrs_todo", "history", "--follow", "--json"]
    with subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        todo("-L", "other", "add", "x")
        todo("add", "Buy milk")
        document = json.loads(following.stdout.readline())
        assert (document["list"], document["commit"]["position"]) == ("inbox", 1)
        following.stdout.close()
        assert following.wait(30) == 0
