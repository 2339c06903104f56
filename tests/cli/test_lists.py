"""Lists: creating, renaming and archiving them, and moving todos between them."""

import re
import sys

import pytest

from cqrs_todo.cqrs.stores.hash_chain import digest_in
from tests.chains import rechain_line
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
    assert todo("lists", "unarchive", "job").out == "Unarchived job. Back: todo lists archive job\n"
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
    assert todo("add", "x", "-L", "grocery").err == "New list: grocery. There is also groceries, if you meant that\n"


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
    assert todo("move", "1", "inbox").err == "Already in inbox: 1\n"


def test_a_move_is_undone_and_redone_as_one_from_either_list(todo: Todo) -> None:
    todo("add", "a")
    todo("lists", "new", "work")
    todo("move", "1", "work")
    assert (
        todo("-L", "work", "undo").out
        == "Undid @1: 1 moved from inbox to work (a), in both work and inbox. Redo: todo -L work redo\n"
    )
    assert [row["text"] for row in todo.todos()] == ["a"]
    assert todo.todos("-L", "work") == []
    assert todo("redo").out == "Redid @2: 1 moved from inbox to work (a), in both inbox and work. Undo: todo undo\n"
    assert todo.todos() == []
    assert [row["text"] for row in todo.todos("-L", "work")] == ["a"]
    todo("-L", "work", "tag", "1", "+x")
    refused = todo.run("undo")
    assert (refused.code, refused.out) == (1, "")
    assert "@2 cannot be undone: todo 1: it was changed in work, where it is 1, by me@" in refused.err
    assert ": @4\n      to undo the later change first: todo -L work undo @4; an earlier command" in refused.err


def test_a_new_list_whose_name_is_like_that_of_another_names_the_other(todo: Todo) -> None:
    todo("add", "a")
    assert "New list: inbxo. There is also inbox, if you meant that\n" in todo("-L", "inbxo", "add", "b").err
    assert "New list: garden\n" in todo("-L", "garden", "add", "c").err


def test_show_says_where_a_todo_went(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n")
    todo("lists", "new", "work")
    todo("move", "1", "work")
    todo("rm", "2")
    shown = todo("show", "1-2").out
    assert re.findall(r"state +(.*)", shown) == ["moved to work", "removed"]
    todo("undo", "2")
    assert re.findall(r"state +(.*)", todo("show", "1-2").out) == ["open", "open"]
    assert "moved to inbox" in todo("-L", "work", "show", "1").out


def test_moving_what_was_moved_already_says_so_and_succeeds(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\n")
    todo("lists", "new", "work")
    todo("move", "1", "work")
    again = todo("move", "1-2", "work")
    assert (again.out, again.err) == ("Moved 2: b to work, as 2. Undo: todo undo\n", "Already in work: 1\n")
    again = todo("move", "1-2", "work")
    assert (again.out, again.err) == ("", "Already in work: 1-2\n")
    refused = todo.run("edit", "1", "x")
    assert (refused.code, refused.err) == (
        1,
        "todo: todo 1 was moved to work; nothing was recorded\n      there it is 1: todo -L work edit 1 …\n",
    )


@pytest.mark.parametrize(("name", "other"), [("work", "Work"), ("café", "CAFE\u0301"), ("straße", "Strasse")])
def test_names_that_differ_only_by_case_are_one(todo: Todo, name: str, other: str) -> None:
    todo("-L", name, "add", "x")
    todo("add", "y")
    exported = todo("export", "--format", "events").out
    for args in (
        ["-L", other, "add", "z"],
        ["lists", "new", other],
        ["lists", "rename", "inbox", other],
        ["-L", other, "import", "-"],
    ):
        refused = todo.run(*args, stdin=exported)
        assert (refused.code, refused.out) == (1, ""), args
        assert f"there is a list named '{name}' already" in refused.err
        assert f"did you mean '{name}'?" in refused.err
    for args in (["-L", other, "ls"], ["-L", other, "done", "1"], ["move", "1", other], ["lists", "archive", other]):
        refused = todo.run(*args)
        assert (refused.code, refused.out) == (3, ""), args
        assert f"did you mean '{name}'?" in refused.err
    todo("lists", "archive", name)
    assert todo.run("lists", "new", other).code == 1
    todo("lists", "unarchive", name)
    assert [row["name"] for row in todo("lists", "--json").json["lists"]] == sorted(["inbox", name])
    todo("lists", "rename", name, other)
    assert todo.todos("-L", other)[0]["text"] == "x"


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems do not distinguish case")
def test_a_name_that_an_older_program_made_twice_stays_usable_and_is_not_brought_back(todo: Todo) -> None:
    todo("-L", "work", "add", "x")
    todo("lists", "archive", "work")
    todo("-L", "other", "add", "y")
    todo.log_file("other").rename(todo.log_file("Work"))
    assert todo("-L", "Work", "add", "z").out.startswith("Added 2")
    refused = todo.run("lists", "unarchive", "work")
    assert (refused.code, "did you mean 'Work'?" in refused.err) == (1, True)
    todo("lists", "rename", "Work", "free")
    todo("lists", "unarchive", "work")


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(("kept", "given"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_search_and_tags_take_both_forms_of_unicode_for_one(todo: Todo, kept: str, given: str) -> None:
    todo("add", f"Meet at the {kept}", f"+{kept}")
    todo("note", "1", f"the {kept} by the station")
    todo("add", "else")
    assert todo.todos()[0]["tags"] == [COMPOSED]
    for words in ([given], [given.upper()], [f"+{given}"], ["-t", given], [f"+{kept}", given]):
        assert [row["number"] for row in todo("ls", "--json", *words).json["todos"]] == [1], words
    assert len(todo("history", "-S", given, "--json").json["commits"]) == 2
    assert todo("when", f"tag:{given}=1").out.startswith("@1 ")
    assert todo("tag", "1", f"+{given}").err == "Unchanged: 1\n"
    todo("tag", "1", f"-{given}")
    assert todo.todos()[0]["tags"] == []
    todo("undo")
    assert todo.todos()[0]["tags"] == [COMPOSED]


def test_an_old_log_with_a_decomposed_tag_still_works(todo: Todo) -> None:
    todo("add", "x", "+tag")
    path = todo.log_file()
    header, line = path.read_bytes().splitlines(keepends=True)
    previous = digest_in(header[:-1]) or b""
    commit = rechain_line(previous, line[:-1].replace(b'"tag"', f'"{DECOMPOSED}"'.encode()))
    path.write_bytes(header + commit)
    path.with_suffix(".lock").unlink()
    assert todo.todos()[0]["tags"] == [DECOMPOSED]
    for form in (COMPOSED, DECOMPOSED):
        assert [row["number"] for row in todo("ls", f"+{form}", "--json").json["todos"]] == [1]
        assert todo("tag", "1", f"+{form}").err == "Unchanged: 1\n"
    todo("tag", "1", f"-{COMPOSED}")
    assert todo.todos()[0]["tags"] == []
    todo("undo")
    assert todo.todos()[0]["tags"] == [DECOMPOSED]
    todo("tag", "1", "+more")
    todo("edit", "1", "--clear", "tags")
    assert todo.todos()[0]["tags"] == []
    todo("undo")
    assert todo("import", "-", stdin=todo("export").out).out == "Nothing to import: inbox has all of these todos\n"


def test_a_file_name_in_another_form_of_unicode_does_not_hide_the_other_lists(todo: Todo) -> None:
    todo("add", "One")
    todo("lists", "new", "caf\u00e9")
    todo("lists", "new", "work")
    todo.log_file("caf\u00e9").rename(todo.log_file("caf\u00e9").with_name("cafe\u0301.jsonl"))
    shown = todo("lists")
    assert shown.out == "* inbox  1 open, 0 done\n  work   0 open, 0 done\n"
    assert "is not in Unicode's form NFC: rename the file" in shown.err


@pytest.mark.parametrize("verb", [["lists", "archive", "inbox"], ["lists", "rename", "inbox", "Inbox"]])
def test_a_default_list_that_is_gone_hides_no_other_list(todo: Todo, verb: list[str]) -> None:
    todo("add", "Here")
    todo("-L", "work", "add", "Write", "due:today")
    todo(*verb)
    for words in ([], ["agenda"], ["report"], *(["-A", each] for each in ("ls", "stats", "history", "export --format csv"))):
        result = todo(*" ".join(words).split())
        assert "Write" in result.out or words[-1] in ("report", "stats")
    assert todo.run("ls").code == 3


def test_a_default_list_that_cannot_be_read_hides_no_other_list(todo: Todo) -> None:
    todo("add", "Here")
    todo("-L", "work", "add", "Write")
    todo.log_file().unlink()
    for words in ([], ["-A", "ls"], ["agenda"], ["-A", "history"]):
        result = todo.run(*words)
        assert (result.code, "inbox is missing" in result.err) == (5, True)
        assert "The list is empty" not in result.err
        assert "Write" in result.out or words == ["agenda"]
    assert todo.run("-L", "inbox", "ls").code == 5


def test_all_lists_are_a_list_of_lists_also_if_there_is_one(todo: Todo) -> None:
    todo("add", "Here")
    assert [each["list"] for each in todo("-A", "ls", "--json").json["lists"]] == ["inbox"]
