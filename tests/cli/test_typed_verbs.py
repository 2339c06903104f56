"""Verbs, values and names that are not quite right: what the program says of them, and with which exit code."""

import os
import pwd
import re
import shutil

import pytest

from tests.conftest import Todo
from tests.terminals import on_terminal

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def filled(todo: Todo) -> Todo:
    """Four todos in one list."""
    todo("add", "-", stdin="a +home due:2000-01-01\nb\nc pri:H\nd due:today\n")
    return todo


def test_a_word_that_is_no_verb_gets_a_suggestion(filled: Todo) -> None:
    filled("lists", "new", "work")
    for words, meant in (
        (["3"], "todo show 3"),
        (["dnoe", "3"], "todo done 3"),
        (["complet", "3"], "todo done 3"),
        (["serch", "milk"], "todo ls milk"),
        (["todo", "ls"], "todo ls"),
        (["1-3,7"], "todo done 1-3,7"),
        (["3", "done"], "todo done 3"),
        (["delete", "3"], "todo rm 3"),
        (["remove"], "todo rm"),
        (["complete", "3"], "todo done 3"),
        (["create", "Buy", "milk"], "todo add Buy milk"),
        (["find", "milk"], "todo ls milk"),
        (["hisotry", "-n", "3"], "todo history -n 3"),
        (["DONE", "3"], "todo done 3"),
        (["last", "friday"], "todo at last friday"),
        (["@3"], "todo at @3"),
        (["+home"], "todo ls +home"),
        (["work", "ls"], "todo -L work ls"),
        (["done4"], "todo done 4"),
        (["lists", "work"], "todo -L work"),
        (["sl"], "todo ls"),
        (["-L", "work", "3"], "todo -L work show 3"),
        (["Buy milk"], "todo add 'Buy milk'"),
        (["lists", "delete", "work"], "todo lists archive work"),
        (["lists", "nwe", "x"], "todo lists new x"),
        (["store", "upgrade"], "todo store migrate"),
    ):
        refused = filled.run(*words)
        assert (refused.code, refused.out) == (2, ""), words
        assert "there is no verb" in refused.err
        assert meant in refused.err, words


def test_move_names_the_list_that_is_missing_and_how_to_make_it(filled: Todo) -> None:
    missing = filled.run("move", "1")
    assert (missing.code, "missing argument 'LIST'" in missing.err) == (2, True)
    unknown = filled.run("move", "1", "wrk")
    assert (unknown.code, "to make it: todo lists new wrk" in unknown.err) == (3, True)
    filled("lists", "new", "work")
    similar = filled.run("move", "1", "wrk")
    assert (similar.code, "did you mean 'work'? Or make it: todo lists new wrk" in similar.err) == (3, True)
    same = filled.run("move", "1", "WORK")
    assert (same.code, "did you mean 'work'?" in same.err, "lists new" in same.err) == (3, True, False)
    filled("lists", "archive", "work")
    archived = filled.run("move", "1", "work")
    assert (archived.code, "todo lists unarchive work" in archived.err) == (3, True)


def test_a_list_that_is_archived_is_called_so_with_the_way_back(filled: Todo) -> None:
    filled("lists", "archive", "inbox")
    for words in ([], ["ls"], ["done", "1"], ["history"], ["-L", "INBOX", "ls"], ["-L", "inbox", "undo"], ["--json"]):
        refused = filled.run(*words)
        assert (refused.code, refused.out) == (3, ""), words
        assert "the list 'inbox' is archived" in refused.err
        assert "todo lists unarchive inbox" in refused.err
    assert "todo lists unarchive inbox" in filled.run("add", "x").err
    filled("lists", "unarchive", "inbox")
    assert len(filled.todos()) == 4


def test_a_copy_of_a_list_is_not_suggested(filled: Todo) -> None:
    shutil.copy(filled.log_file(), filled.log_file("Inbox"))
    refused = filled.run("ls", env={"TODO_LIST": "INBOX"})
    assert (refused.code, "did you mean 'inbox'?" in refused.err) == (3, True)


def test_a_filter_value_that_cannot_match_is_an_error_with_the_valid_values(filled: Todo) -> None:
    filled("done", "1")
    for words, valid in (
        (["history", "--type", "foo"], "todo_completed"),
        (["history", "--type", "todo_foo", "--json"], "todo_completed"),
        (["history", "--by", "nobody"], "me@"),
        (["history", "--since", "today", "--until", "yesterday"], "--since before --until"),
        (["history", "--since", "@4", "--until", "@2"], "--since before --until"),
        (["ls", "--sort", "foo"], "priority"),
        (["ls", "-t", "foo"], "no todo has the tag +foo\n      the tags are +home\n"),
        (["ls", "+foo", "--json"], "+home"),
        (["export", "--format", "foo"], "events"),
        (["when", "foo>3"], "overdue"),
        (["when", "open"], "overdue"),
        (["--color", "foo", "ls"], "always"),
    ):
        refused = filled.run(*words)
        assert (refused.code, refused.out) == (2, ""), words
        assert valid in refused.err, words
    assert filled("history", "--type", "completed").out == filled("history", "--type", "todo_completed").out != ""
    assert filled("history", "--type", "removed").err == "No commit matches.\n"


def test_limits_have_the_same_options_everywhere(filled: Todo) -> None:
    filled("done", "1")
    for verb in ("ls", "history"):
        assert filled(verb, "-n", "1").out != filled(verb).out
        assert filled(verb, "-n", "2").out == filled(verb, "--limit", "2").out


def test_verbs_without_a_past_refuse_at(filled: Todo) -> None:
    for words in (["verify"], ["where"], ["completion", "bash"], ["store", "check"], ["store", "migrate"], ["diff", "@1"]):
        refused = filled.run("--at", "@1", *words)
        assert (refused.code, refused.out) == (2, ""), words
        assert "--at" in refused.err or "past" in refused.err


def test_wrong_values_on_the_command_line_are_usage_errors_and_bad_files_are_refused(filled: Todo) -> None:
    (filled.home / "bad.json").write_text('{"format": "other", "todos": []}')
    (filled.home / "none.json").write_text("hello")
    (filled.home / "utf16.json").write_bytes("{}".encode("utf-16"))
    (filled.home / "cut.json").write_text('{"format"')
    log = filled.content().splitlines(keepends=True)
    (filled.home / "bad.jsonl").write_text("".join([*log[:-1], log[-1].replace("todo_created", "todo_removed", 1)]))
    for name in ("bad.json", "none.json", "utf16.json", "cut.json", "bad.jsonl"):
        refused = filled.run("-L", "other", "import", name)
        assert refused.code == 1, refused.err
        assert name in refused.err.splitlines()[0], refused.err
    assert filled.run("import", "absent.json").code == 2


def test_an_import_accepts_a_byte_order_mark(filled: Todo) -> None:
    for format in ("json", "events"):
        content = filled("export", "--format", format).out.encode()
        (filled.home / "marked").write_bytes(BOM + content)
        (filled.home / "windows").write_bytes(BOM + content.replace(b"\n", b"\r\n"))
        assert "Nothing to import" in filled("import", "marked").out
        assert "Nothing to import" in filled("import", "windows").out
        assert "Nothing to import" in filled("import", "-", stdin=BOM + content).out
    filled("add", "-", stdin=BOM + b"+home e\n")
    assert filled.todos()[-1]["text"] == "e"


def test_export_to_a_hyphen_is_stdout_and_answers_in_json(filled: Todo) -> None:
    assert filled("export", "-o", "-").out == filled("export").out
    assert not (filled.home / "-").exists()
    answer = filled("--json", "export", "-o", "out.json").json
    assert (answer["list"], answer["exported"], answer["file"]) == ("inbox", "json", "out.json")


def test_numbers_that_do_not_exist_are_summarised(filled: Todo) -> None:
    many = filled.run("done", *map(str, range(1, 20_001)))
    assert (many.code, many.err.splitlines()[0]) == (3, "todo: no todo 5-20000 in inbox")
    mixed = filled.run("done", *map(str, range(1, 100, 2)), "abc")
    assert (mixed.code, mixed.err.splitlines()[0]) == (
        3,
        "todo: no todo 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 and 39 more in inbox",
    )
    assert filled.run("done", "7-9,12", "8").err.splitlines()[0] == "todo: no todo 7-9, 12 in inbox"
    assert not any(row["done"] for row in filled.todos())


def test_without_user_in_the_environment_the_password_database_names_the_author(todo: Todo) -> None:
    for env in ({"USER": "", "LOGNAME": ""}, {"USER": "", "LOGNAME": "someone"}):
        todo("add", "x", env=env)
        name = env["LOGNAME"] or pwd.getpwuid(os.getuid()).pw_name
        assert todo.log()[-1]["by"].startswith(f"{name}@")


def test_the_option_for_colours_overrides_the_environment(filled: Todo) -> None:
    no = {"NO_COLOR": "1"}
    for verb in (["ls"], ["history"], ["diff", "@0"], ["show", "3"]):
        assert "\x1b[3" in filled(*verb, "--color", "always", env=no).out
        assert "\x1b[" not in filled(*verb, "--color", "never").out
        assert "\x1b[" not in filled(*verb).out
    assert "\x1b[3" in filled("ls", "--color", "always", env={**no, "TERM": "dumb"}).out
    assert "\x1b[3" in on_terminal(filled, "ls", "--color", "auto", NO_COLOR="1")
    assert "\x1b[" not in on_terminal(filled, "ls", NO_COLOR="1")


def test_the_groups_of_the_board_share_their_columns_in_a_pipe(filled: Todo) -> None:
    lines = filled().out.splitlines()
    assert lines == [
        "1 overdue, 1 today",
        "Overdue:",
        "1     2000-01-01  a +home",
        "Today:",
        "4     today       d",
        "Next:",
        "3  H              c",
        "2                 b",
    ]


def test_numbers_agree_with_their_nouns(todo: Todo) -> None:
    todo("add", "a")
    assert "1 event, 1 commit," in todo("verify").out
    assert re.search(r"1 event +me@", todo("stats", "--full").out)
    exported = todo("export", "--format", "events").out
    assert todo("--store", f"jsonl:{todo.home}/other", "import", "-", stdin=exported).out == "Imported 1 commit into inbox\n"
    assert todo("undo", "2").out.startswith("Undid 1 change, ")
    if todo.store is None:
        with todo.log_file().open("a") as log:
            log.write("{")
        assert "1 byte of an interrupted write" in todo.run("verify").out
        assert "1 byte at the end" in todo("add", "b").err


def test_messages_about_numbers_say_which_numbers_an_option_takes(filled: Todo) -> None:
    for words in (["history", "-n", "-1"], ["history", "-n", "x"], ["ls", "--limit", "1.5"], ["ls", "-n", "-3"]):
        result = filled.run(*words)
        assert result.code == 2
        assert f"--limit must be a whole number, 0 or more, not '{words[-1]}'" in result.err
    assert "--limit must be at most 1,000,000,000" in filled.run("history", "-n", "10000000000").err
    assert "--speed must be a number" in filled.run("replay", "--speed", "fast").err
    assert len(filled("history", "-n", "2").out.splitlines()) > 0
    assert filled("ls", "-n", "0").out == ""
    for verb in ("history", "ls"):
        assert "x>=0" not in filled(verb, "--help").out
        assert "<=x" not in filled(verb, "--help").out


def test_words_that_a_verb_does_not_take_are_named_with_what_to_write(filled: Todo) -> None:
    result = filled.run("export", "todos.json")
    assert result.code == 2
    assert "todo export does not take 'todos.json'" in result.err
    assert "todo export -o todos.json" in result.err
    assert "todo where does not take 'x y'" in filled.run("where", "x", "y").err
    for option in (["--speed", "2"], ["--step"]):
        assert "todo replay --help" in filled.run("history", "--replay", *option).err


def test_the_help_says_that_move_needs_todos(filled: Todo) -> None:
    text = filled("move", "--help").out
    assert "[OPTIONS] [IDS] {LIST}" in text
    assert text.count("[required]") == 1
    assert filled.run("move", "work").code == 2


def test_tag_and_toggle_say_what_they_did(filled: Todo) -> None:
    answer = filled("tag", "1", "-home")
    assert (answer.out, answer.err) == ("Untagged 1: a (-home). Undo: todo undo\n", "")
    answer = filled("tag", "2", "+x", "+y", "-z")
    assert (answer.out, answer.err) == ("Tagged 2: b (+x, +y). Undo: todo undo\n", "Not there: +z\n")
    filled("done", "3")
    assert filled("toggle", "2,3").out == "Toggled: done 2: b; open again 3: c. Undo: todo undo\n"


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        ("init garden", "todo lists new garden"),
        ("archive work", "todo lists archive work"),
        ("due 3", "todo edit 3 due:DATE"),
        ("lists delete work", "todo lists archive work"),
        ("at yesterday find milk", "todo at yesterday ls milk"),
        ("at yesterday init", "todo at yesterday show"),
        ("at yesterday archive work", "todo at yesterday ls archive work"),
    ],
)
def test_a_word_of_another_program_leads_to_the_verb_and_in_the_past_to_none_that_writes(
    todo: Todo, args: str, meant: str
) -> None:
    refused = todo.run(*args.split())
    assert (refused.code, refused.out) == (2, "")
    assert f"did you mean: {meant}?" in refused.err
