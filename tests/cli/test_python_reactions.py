"""Reactions of installed packages: functions that may return commands."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.todo.reactions import InvalidReaction, commands_of
from tests.conftest import Todo

from .test_view import install

GROUP = "cqrs_todo.reactions"
TAG = """
import sys
from cqrs_todo.todo.fields import TAGS
from cqrs_todo.todo.model import Add, Complete, Create
from cqrs_todo.todo.reactions import Command
from cqrs_todo.todo.views import id_of

def tag(event):
    return [Command(id_of(event.stream), Add(TAGS, "new"))]
tag.on = ("todo_created",)

def again(event):
    number = int(event.data.text.split()[1])
    at = event.metadata.at
    return [Command(f"again{number + 1}", Create(f"todo {number + 1}", at))]
again.on = ("todo_created",)

def copy(event):
    return [Command("c" + id_of(event.stream), Create(event.data.text, event.data.created), "copies")]
copy.on = ("todo_created",)

def complete(event):
    return [Command(id_of(event.stream), Complete("2026-01-01", event.metadata.at))]
complete.on = ("todo_tag_added",)

def quiet(event):
    return None
quiet.on = ("todo_created",)

def wrong(event):
    raise ValueError("what\\x1b[2J")
wrong.on = ("todo_created",)

def quits(event):
    sys.exit(3)
quits.on = ("todo_created",)

def words(event):
    return ["x"]
words.on = ("todo_created",)

def odd(event):
    return None
odd.on = ("todo_made",)
"""


def with_reactions(todo: Todo, *names: str) -> dict[str, str]:
    """Install a package that offers some of these functions, and let them begin."""
    env = install(
        todo, "my_reactions", {"my_reactions": TAG}, *(f"{name} = my_reactions:{name}" for name in names), group=GROUP
    )
    todo("react", env=env)
    return env


def test_a_function_returns_commands_whose_commits_name_their_cause(todo: Todo) -> None:
    env = with_reactions(todo, "tag", "quiet")
    todo("add", "Buy milk")
    assert "2 events" in todo("react", env=env).err
    [cause, commit] = todo("history", "--json", "--reverse").json["commits"]
    assert todo.todos()[0]["tags"] == ["new"]
    assert commit["by"] == "tag"
    assert commit["meta"] == {"causation": f"{cause['command']}/1", "correlation": cause["command"]}
    assert "0 events" in todo("react", env=env).err


def test_a_command_has_the_consequences_that_it_has_on_the_command_line(todo: Todo) -> None:
    env = with_reactions(todo, "complete")
    todo("add", "Water the plants", "every:day", "due:2999-01-01")
    todo("tag", "1", "+done")
    todo("react", env=env)
    assert [(item["done"], item["due"]) for item in todo.todos()] == [(True, "2999-01-01"), (False, "2999-01-02")]


def test_a_command_can_be_for_another_list(todo: Todo) -> None:
    env = with_reactions(todo, "copy")
    todo("lists", "new", "copies")
    todo("add", "Buy milk")
    todo("-L", "inbox", "react", env=env)
    assert [item["text"] for item in todo.todos("-L", "copies")] == ["Buy milk"]


def test_reactions_that_cause_each_other_stop_at_a_depth(todo: Todo) -> None:
    env = with_reactions(todo, "again")
    todo("add", "todo 1")
    assert todo.run("react", env=env).code == 1
    assert [item["text"] for item in todo.todos()] == [f"todo {n}" for n in range(1, 12)]
    commits = todo("history", "--json", "--reverse").json["commits"]
    assert all(commit["meta"]["causation"].startswith(cause["command"]) for cause, commit in pairwise(commits))
    assert "it follows from 10 reactions, one after the other" in todo("react", "--failed", env=env).out


def test_a_function_that_fails_is_reported(todo: Todo) -> None:
    env = with_reactions(todo, "wrong", "tag")
    todo("add", "x")
    assert todo.run("react", env=env).code == 1
    assert "ValueError: what\\e[2J" in todo("react", "--failed", env=env).out
    assert todo.todos()[0]["tags"] == ["new"]


@pytest.mark.parametrize(("point", "words"), [("odd", "there is no event 'todo_made'"), ("missing", "cannot be loaded")])
def test_a_function_that_cannot_be_used_is_told(todo: Todo, point: str, words: str) -> None:
    env = install(todo, "my_reactions", {"my_reactions": TAG}, f"{point} = my_reactions:{point}", group=GROUP)
    result = todo.run("react", env=env)
    assert result.code == 2
    assert words in result.err
    assert todo.run("add", "x", env=env).code == 0


def test_a_test_of_a_function_records_nothing(todo: Todo) -> None:
    env = with_reactions(todo, "tag")
    todo("add", "x")
    tested = todo("react", "--test", "tag", env=env)
    assert "Add(" in tested.out
    assert len(todo("history", "--json").json["commits"]) == 1
    assert not Path(todo.home / ".local/state/cqrs-todo/reactions/tag.out").exists()


@pytest.mark.parametrize(
    ("name", "why"), [("quits", "it called sys.exit(3)"), ("words", "it returned 'x', which is not a Command")]
)
def test_a_function_that_does_what_no_reaction_may_do_is_reported(todo: Todo, name: str, why: str) -> None:
    env = install(todo, "my_reactions", {"my_reactions": TAG}, f"{name} = my_reactions:{name}", group=GROUP)
    todo("add", "x")
    tested = todo.run("react", "--test", name, env=env)
    assert tested.code == 1
    assert why in tested.err


def test_a_function_that_calls_exit_does_not_end_the_program() -> None:
    def quits(_: Any) -> None:
        raise SystemExit(3)

    event: Any = None
    with pytest.raises(InvalidReaction, match=r"it called sys\.exit"):
        commands_of(quits, event)
