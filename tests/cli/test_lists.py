"""Lists: made, renamed, put away, moved between."""

from tests.conftest import Todo


def test_lists(todo: Todo) -> None:
    assert todo("lists").err == "There are no lists yet: todo add makes the first.\n"
    todo("add", "One")
    assert todo("lists", "new", "work").out == "New list: work\n"
    assert todo("-L", "work", "add", "Two").out == "Added 1: Two. Undo: todo -L work undo\n"
    todo("-L", "work", "done", "1")
    assert todo("lists").out == "* inbox  1 open, 0 done\n  work   0 open, 1 done\n"
    todo("lists", "rename", "work", "job")
    assert todo("-L", "job", "ls", "--all", "--json").json["list"] == "job"
    todo("lists", "archive", "job")
    refused = todo.run("-L", "job", "add", "x")
    assert (refused.code, "there is an archived list named 'job'" in refused.err) == (1, True)
    assert todo.run("lists", "new", "job").code == 1
    assert todo.run("lists", "rename", "inbox", "job").code == 1
    assert todo("lists", "--plain").out == "inbox\tin use\t1\t0\njob\tarchived\t\t\n"
    assert todo.run("-L", "job", "ls").code == 3
    assert todo("lists", "unarchive", "job").out == "job is in use again\n"
    assert [row["name"] for row in todo("lists", "--json").json["lists"]] == ["inbox", "job"]


def test_a_list_that_is_not_there(todo: Todo) -> None:
    todo("lists", "new", "groceries")
    for args in (
        ["-L", "grocery", "ls"],
        ["-L", "grocery", "undo"],
        ["-L", "grocery", "done", "1"],
        ["lists", "archive", "grocery"],
        ["lists", "rename", "grocery", "x"],
    ):
        refused = todo.run(*args)
        assert (refused.code, refused.out) == (3, ""), args
        assert "no list named 'grocery'" in refused.err
        assert "did you mean 'groceries'?" in refused.err
    assert todo.run("lists", "new", "groceries").code == 1
    assert todo.run("lists", "rename", "groceries", "groceries").code == 1
    assert todo("add", "x", "-L", "grocery").err == "New list: grocery\n"


def test_bad_names_make_nothing(todo: Todo) -> None:
    for name in ("../x", ".hidden", "-rf", "a/b", "CON", "x" * 65, "a\nb", "a\tb", "𠀀" * 64):
        for args in (["-L", name, "add", "x"], ["lists", "new", "--", name]):
            refused = todo.run(*args)
            assert (refused.code, refused.out) == (2, ""), (name, refused.err)
    assert list(todo.home.iterdir()) == []


def test_moving_there_and_back_keeps_everything(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n", env={})
    todo("edit", "1", "+x", "pri:H", "--note", "n", "due:2030-01-01", "-r", "2030-01-01")
    todo("done", "1")
    before = todo.todos()[0]
    assert todo.run("move", "1", "work").code == 3
    assert todo("undo", "-L", "inbox", env={"TODO_LIST": "other"}).out.endswith("Redo: todo -L inbox redo\n")
    todo("redo")
    todo("lists", "new", "work")
    moved = todo("move", "1", "work")
    assert moved.out == "Moved 1: a to work, as 1. Undo: todo undo\n"
    (there,) = todo.todos("-L", "work")
    same = {key: value for key, value in there.items() if key != "version"}
    assert same == {key: value for key, value in before.items() if key != "version"}
    assert [row["text"] for row in todo.todos()] == ["b"]
    assert "(moved from inbox to work)" in todo("history", "-n", "1").out
    todo("-L", "work", "move", "1", "inbox")
    back = todo.todos()[0]
    assert {**back, "version": 0} == {**before, "version": 0}
    assert todo.todos("-L", "work") == []
    refused = todo.run("move", "1", "inbox")
    assert (refused.code, "they are in inbox already" in refused.err) == (1, True)


def test_a_move_is_undone_and_redone_as_one_from_either_list(todo: Todo) -> None:
    todo("add", "a")
    todo("lists", "new", "work")
    todo("move", "1", "work")
    assert todo("-L", "work", "undo").out == "Undid @1: 1: a, and the same in inbox. Redo: todo -L work redo\n"
    assert [row["text"] for row in todo.todos()] == ["a"]
    assert todo.todos("-L", "work") == []
    assert todo("redo").out == "Redid @2: 1: a, and the same in work. Undo: todo undo\n"
    assert todo.todos() == []
    assert [row["text"] for row in todo.todos("-L", "work")] == ["a"]
    todo("-L", "work", "tag", "1", "+x")
    refused = todo.run("undo")
    assert (refused.code, refused.out) == (1, "")
    assert "can't be undone alone: @4 changed the same fields later" in refused.err


def test_moving_what_was_moved_already_says_so_and_succeeds(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n")
    todo("lists", "new", "work")
    todo("move", "1", "work")
    again = todo("move", "1-2", "work")
    assert (again.out, again.err) == ("Moved 2: b to work, as 2. Undo: todo undo\n", "Already in work: 1\n")
    again = todo("move", "1-2", "work")
    assert (again.out, again.err) == ("", "Already in work: 1-2\n")
    refused = todo.run("edit", "1", "x")
    assert (refused.code, refused.err) == (1, "todo: todo 1: it was moved to work\n")
