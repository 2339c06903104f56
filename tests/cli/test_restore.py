"""`restore`: removed todos, and the list as it was; and what the other verbs say of a removed todo."""

import pytest

from tests.conftest import Pasts, Todo


@pytest.fixture
def lists(todo: Todo, pasts: Pasts) -> Todo:
    """Three todos, of which the second is removed, and a second list."""
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\nc\n")  # @1 to @3
    todo("rm", "2")  # @4
    todo("lists", "new", "work")


@pytest.mark.parametrize("ids", ["2", "@", "1-3", "2,2"])
def test_restore_with_ids_brings_removed_todos_back(lists: Todo, ids: str) -> None:
    answer = lists("restore", ids)
    assert answer.out == "Restored 2: b. Undo: todo undo\n"
    assert answer.err == ("Not removed: 1, 3\n" if ids == "1-3" else "")
    assert [row["text"] for row in lists.todos()] == ["a", "b", "c"]
    again = lists("restore", "2")
    assert (again.out, again.err) == ("", "Not removed: 2\n")
    lists("undo")
    assert [row["text"] for row in lists.todos()] == ["a", "c"]


def test_restore_brings_back_what_an_undo_removed_but_not_what_was_moved_away(lists: Todo) -> None:
    lists("add", "d")
    lists("undo")
    assert lists("restore", "4").out == "Restored 4: d. Undo: todo undo\n"
    lists("move", "1", "work")
    before = lists.content()
    refused = lists.run("restore", "1-2")
    assert (refused.code, refused.err) == (
        1,
        (
            "todo: todo 1 was moved to work; nothing was recorded\n"
            "      there it is 1; to bring it back: todo -L work move 1 inbox\n"
        ),
    )
    assert lists.content() == before


@pytest.mark.parametrize("back", [["restore", "1"], ["redo"], ["restore", "1", "--to", "@1"]])
def test_a_todo_whose_addition_was_undone_comes_back_with_all_its_fields(todo: Todo, back: list[str]) -> None:
    todo("add", "Rent", "project:home", "due:2030-01-01", "every:month", "wait:2029-12-01", "+money")
    [added] = todo.todos()
    assert todo("undo").err == ""
    assert todo.todos() == []
    todo(*back)
    [restored] = todo.todos()
    assert {**restored, "version": 0} == {**added, "version": 0}
    todo("undo")
    todo("redo")
    assert {**todo.todos()[0], "version": 0} == {**added, "version": 0}


def test_restore_without_ids_and_time_is_a_wrong_command_line(lists: Todo) -> None:
    refused = lists.run("restore")
    assert refused.code == 2
    assert "todo restore 3" in refused.err
    assert "--to yesterday" in refused.err


def test_restore_says_separately_what_it_removed_restored_and_changed(lists: Todo) -> None:
    lists("edit", "1", "A")  # @5
    lists("done", "3")  # @6
    lists("add", "-", stdin="d\ne\n")  # @7, @8
    assert lists("restore", "--to", "@3").out == (
        "Went back to @1: removed 4-5 (2 todos), restored 2: b, changed 1, 3 (2 todos). Undo: todo undo\n"
    )
    assert lists("undo").code == 0
    assert lists("restore", "--to", "@6").out == "Went back to @6: removed 4-5 (2 todos). Undo: todo undo\n"
    assert lists("restore", "2,3", "--to", "@3").out == "Went back to @1: restored 2: b, changed 3: c. Undo: todo undo\n"
    assert lists("restore", "--to", "@3").out == "Went back to @1: changed 1: a. Undo: todo undo\n"
    answer = lists("restore", "2", "--to", "@3")
    assert (answer.out, answer.err) == ("", "Unchanged: 2\n")


@pytest.mark.parametrize("verb", [["done"], ["edit", "pri:H"], ["tag", "+x"], ["note", "n"], ["toggle"], ["move", "work"]])
@pytest.mark.parametrize("name", ["inbox", "other"])
def test_a_verb_that_meets_a_removed_todo_names_the_command_that_restores_it(todo: Todo, verb: list[str], name: str) -> None:
    todo("lists", "new", "work")
    todo("lists", "new", "other")
    todo("-L", name, "add", "-", stdin="a\nb\nc\nd\n")
    todo("-L", name, "rm", "1,2,4")
    refused = todo.run("-L", name, verb[0], "1-4", *verb[1:])
    assert refused.code == 1
    first, hint = refused.err.splitlines()
    assert first == "todo: todos 1-2, 4 were removed; nothing was recorded"
    assert hint.endswith(": todo restore 1-2,4" if name == "inbox" else ": todo -L other restore 1-2,4")
    todo(*hint.rpartition(": todo ")[2].split())
    todo("-L", name, verb[0], "1-4", *verb[1:])


def test_a_move_within_a_list_changes_nothing_but_still_refuses_what_was_removed(lists: Todo) -> None:
    before = lists.content()
    answer = lists("move", "1,3", "inbox")
    assert (answer.out, answer.err) == ("", "Already in inbox: 1, 3\n")
    refused = lists.run("move", "1-2", "inbox")
    assert refused.code == 1
    assert "todo 2 was removed" in refused.err
    lists("move", "1", "work")
    assert "todo 1 was moved to work" in lists.run("move", "1", "inbox").err
    assert lists("move", "1", "work").err == "Already in work: 1\n"
    assert lists.content() != before
