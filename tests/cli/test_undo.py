"""Undo and redo, through the real program."""

from typing import Any

from tests.conftest import Todo


def texts(todo: Todo) -> list[Any]:
    return [(row["text"], row["done"], row["tags"]) for row in todo.todos()]


def test_undo_three_and_redo_three_over_commits_of_several_todos(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    todo("done", "1-2")
    todo("tag", "2-3", "+x")
    todo("rm", "1,3")
    after = texts(todo)
    assert todo("undo", "3").out == (
        "Undid 3 changes: @8: 1, 3 removed (a, c); @6: 2-3 tagged +x (b, c); @4: 1-2 done (a, b). Redo: todo redo 3\n"
    )
    assert texts(todo) == [("a", False, []), ("b", False, []), ("c", False, [])]
    assert len(todo.log()) == 5, "one commit, which undoes three"
    assert todo("redo", "3").code == 0
    assert texts(todo) == after
    assert todo.run("redo").code == 1
    assert todo("undo", "99").code == 0
    assert texts(todo) == []
    refused = todo.run("undo")
    assert (refused.code, "nothing to undo" in refused.err) == (1, True)
    todo("redo", "4")
    assert texts(todo) == after
    history = todo("history", "--json").json["commits"]
    assert history[0]["redoes"] == [1, 4, 6, 8]
    assert history[1]["undoes"] == [8, 6, 4, 1]


def test_a_new_command_empties_the_redo_stack(todo: Todo) -> None:
    todo("add", "a")
    todo("done", "1")
    todo("undo")
    todo("tag", "1", "+x")
    refused = todo.run("redo")
    assert (refused.code, "nothing to redo" in refused.err) == (1, True)
    todo("undo")
    todo("undo")
    assert texts(todo) == []


def test_undo_of_one_commit_alone(todo: Todo) -> None:
    todo("add", "a")
    todo("edit", "1", "b")
    todo("tag", "1", "+x")
    todo("edit", "1", "c")
    refused = todo.run("undo", "@2")
    assert refused.code == 1
    assert "@2 (1 text: a → b) cannot be undone alone: @4 changed the same fields later" in refused.err
    assert refused.err.endswith("to undo the later change first: todo undo @4\n")
    assert todo("undo", "@3").code == 0
    assert texts(todo) == [("c", False, [])]
    again = todo.run("undo", "@3")
    assert (again.code, "@3 is undone already, by @5" in again.err) == (1, True)
    assert todo.run("undo", "@5").code == 1
    created = todo.run("undo", "@1")
    assert (created.code, "@2, @4 changed" in created.err) == (1, True)
    assert todo.run("undo", "@9").code == 3
    assert todo("undo").code == 0
    assert todo("undo", "@2").code == 0
    assert texts(todo) == [("a", False, [])]
    assert "(undoes @2)" in todo("history", "-n", "1").out


def test_steps_are_numbers(todo: Todo) -> None:
    todo("add", "a")
    for bad in ("0", "x", "-1", "1.5", "@", "@x", "٣"):
        assert todo.run("undo", "--", bad).code == 2, bad
