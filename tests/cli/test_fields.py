"""Fields of todos, which are all read, shown and cleared by their declarations: tried on the one that was added last."""

import json

import pytest

from cqrs_todo.cli.fields import CLEARABLE
from tests.conftest import Todo


def project(todo: Todo) -> object:
    return todo.todos()[0]["project"]


@pytest.mark.parametrize(
    "given", [["project:home.garage"], ["-P", "home.garage"], ["--project", "home.garage"], ["--project=home.garage"]]
)
def test_a_field_is_set_by_its_marker_and_by_its_options(todo: Todo, given: list[str]) -> None:
    added = todo("add", "Paint the door", *given, "+x")
    assert added.out == "Added 1: Paint the door (+x, project home.garage). Undo: todo undo\n"
    assert project(todo) == "home.garage"
    assert todo("ls").out == "1  Paint the door project:home.garage +x\n"
    (commit,) = todo.log()
    assert [event["type"] for event in commit["events"]] == ["todo_created", "todo_project_changed"]
    todo("edit", "1", *[word.replace("garage", "garden") for word in given])
    assert project(todo) == "home.garden"


def test_a_field_has_a_history_and_is_undone_blamed_compared_and_restored(todo: Todo) -> None:
    todo("add", "x")
    todo("edit", "1", "project:a")
    todo("edit", "1", "project:b")
    assert "project: a → b" in todo("history", "-n", "1").out
    assert "@3" in todo("blame", "1").out.split("project")[1]
    assert "project" in todo("diff", "@1").out
    todo("undo")
    assert project(todo) == "a"
    todo("restore", "--to", "@1")
    assert project(todo) is None
    assert "project cleared, was a" in todo("history", "-n", "1").out


def test_a_field_goes_out_and_comes_in(todo: Todo) -> None:
    todo("add", "x", "project:home.garage")
    todo("-L", "copy", "import", "-", stdin=todo("export").out)
    assert todo.todos("-L", "copy")[0]["project"] == "home.garage"


@pytest.mark.parametrize("name", CLEARABLE)
def test_a_field_is_cleared_by_its_name_or_the_option(todo: Todo, name: str) -> None:
    values = ["+a", "pri:H", "due:2030-01-01", "project:p", "--note", "n"]
    reminded = {"id": "x", "text": "x", "created": "2019-01-01T00:00:00Z", "reminder": "2020-01-01T09:00:00Z"}
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[attributes]\nestimate = "text"\n')
    todo("add", "other")
    todo("import", "-", stdin=json.dumps({"format": "cqrs-todo/1", "todos": [reminded]}))
    todo("edit", "2", "estimate:2h", *values, "wait:2020-01-01", "depends:1", "under:1", "every:day")
    todo("remind", "2", "--ack")
    before = todo.todos()[1]
    for words in ([f"{name}:none"], ["--clear", name]):
        assert before[name]
        todo("edit", "2", *words)
        after = todo.todos()[1]
        assert not after[name]
        others = dict.fromkeys((name, "version", *(["acknowledged"] * (name == "reminder"))), 0)
        assert {**after, **others} == {**before, **others}
        todo("undo")


@pytest.mark.parametrize("wrong", ["a..b", ".a", "a.", "a b", "a,b", "+a", "-a"])
def test_a_value_that_is_not_valid_is_refused(todo: Todo, wrong: str) -> None:
    refused = todo.run("add", "x", "--project", wrong)
    assert refused.code == 2
    assert f"the project {wrong!r} is not a name" in refused.err
    assert todo.content() == ""


def test_the_word_none_alone_is_text(todo: Todo) -> None:
    assert todo("add", "none", "of", "these").out == "Added 1: none of these. Undo: todo undo\n"
    todo("edit", "1", "none")
    assert todo.todos()[0]["text"] == "none"
    todo("add", "x", "+none")
    assert todo.todos()[1]["tags"] == ["none"]


def test_there_is_no_field_of_another_name_to_clear(todo: Todo) -> None:
    todo("add", "x")
    for name in ("text", "projects"):
        refused = todo.run("edit", "1", "--clear", name)
        assert refused.code == 2
        assert f"there is no field {name!r} to clear" in refused.err
