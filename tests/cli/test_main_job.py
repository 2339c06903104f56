"""The stories of every day, through the real program: exit code, stdout, stderr, and the bytes in the log."""

import re
import subprocess
import sys

import pytest

from tests.conftest import Todo

pytestmark = pytest.mark.own_interpreters


def test_from_nothing_to_a_history(todo: Todo) -> None:
    added = todo("add", "Buy milk", "+home", "due:2030-01-02", "pri:H")
    assert added.out == "Added 1: Buy milk (+home, priority H, due Wed 2030-01-02). Undo: todo undo\n"
    assert todo("add", "Call", "the", "bank").out == "Added 2: Call the bank. Undo: todo undo\n"
    assert todo("done", "1").out == "Done 1: Buy milk. Undo: todo undo\n"
    lines = todo("history").out.splitlines()
    assert [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d  \S+", "", line).split(None, 1) for line in lines] == [
        ["@3", "1 done"],
        ["@2", "2 created: Call the bank"],
        ["@1", "1 created: Buy milk (+home, priority H, due Wed 2030-01-02)"],
    ]
    assert todo("at", "@2").out == "1  H  2030-01-02  Buy milk +home\n2                 Call the bank\n"
    early = todo("at", "1 minute ago")
    assert (early.out, "before the first event" in early.err) == ("", True)
    assert todo("undo").out == "Undid @3: 1 done (Buy milk). Redo: todo redo\n"
    (first, second) = todo("ls", "--json").json["todos"]
    assert (first["text"], first["done"], second["text"]) == ("Buy milk", False, "Call the bank")
    assert (first["version"], first["due"], first["priority"], first["tags"]) == (3, "2030-01-02", "H", ["home"])
    assert todo("redo").out == "Redid @3: 1 done (Buy milk). Undo: todo undo\n"
    assert [row["done"] for row in todo.todos()] == [True, False]
    assert [commit["position"] for commit in todo.log()] == [1, 2, 3, 4, 5]


def test_a_thousand_lines_are_one_commit(todo: Todo) -> None:
    added = todo("add", "-", stdin="".join(f"{n}\n" for n in range(1, 1001)))
    assert added.out == "Added 1-1000 (1,000 todos). Undo: todo undo\n"
    assert len(todo.log()) == 1
    assert todo("done", "1-10,12").out == "Done 1-10, 12 (11 todos). Undo: todo undo\n"
    assert len(todo.log()) == 2
    before = todo.content()
    refused = todo.run("done", "5,9999")
    assert (refused.code, refused.out) == (3, "")
    assert "no todo 9999 in inbox" in refused.err
    assert todo.content() == before
    assert todo("undo").out.startswith("Undid @1001: 1-10, 12 done (11 todos).")
    assert [row["number"] for row in todo.todos() if row["done"]] == []
    assert len(todo("ls").out.splitlines()) == 1000


def test_twenty_adds_at_once(todo: Todo) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-m", "cqrs_todo", "add", f"todo {n}"], env=todo.env, stdout=subprocess.PIPE)
        for n in range(20)
    ]
    assert [run.wait() for run in runs] == [0] * 20
    for run in runs:
        assert run.stdout is not None
        run.stdout.close()
    commits = todo.log()
    assert [commit["position"] for commit in commits] == list(range(1, 21))
    assert {commit["events"][0]["data"]["text"] for commit in commits} == {f"todo {n}" for n in range(20)}


def test_reading_verbs_make_nothing(todo: Todo) -> None:
    for args in ([], ["ls"], ["history"], ["lists"], ["where"], ["at", "yesterday"], ["ls", "--json"], ["undo"]):
        assert todo.run(*args).code == (1 if args == ["undo"] else 0)
    assert list(todo.home.iterdir()) == []


def test_a_todo_with_everything_is_shown(todo: Todo) -> None:
    todo(
        "add",
        "Write",
        "-d",
        "2030-01-02T17:00Z",
        "-p",
        "low",
        "-t",
        "a",
        "-t",
        "b",
        "-r",
        "2030-01-01",
        "--note",
        "*one*\n\ntwo",
    )
    todo("done", "1", "--on", "2020-02-03")
    lines = todo("show", "1").out.splitlines()
    assert lines[0] == "1 Write"
    fields = dict(line.split(None, 1) for line in lines[1:7])
    assert fields["state"] == "done 2020-02-03"
    assert (fields["due"], fields["reminder"]) == ("2030-01-02 17:00", "2030-01-01 09:00")
    assert (fields["priority"], fields["tags"]) == ("L", "+a +b")
    assert lines[8:12] == ["", "  *one*", "", "  two"]
    assert lines[-1].endswith("done, on 2020-02-03")
    document = todo("show", "1", "--json").json
    assert [commit["position"] for commit in document["commits"]] == [1, 2]
    (row,) = document["todos"]
    assert (row["due"], row["reminder"], row["completed"]) == ("2030-01-02T17:00:00Z", "2030-01-01T09:00:00Z", "2020-02-03")


def test_edit_tag_note_remind_toggle_rm(todo: Todo) -> None:
    todo("add", "One", "+a")
    todo("add", "Two")
    assert todo("edit", "1", "Uno", "pri:M", "+b", "--clear", "tags").out.startswith(
        "Changed 1: Uno (text: One → Uno, priority set to M, "
    )
    assert todo("tag", "1-2", "+x", "-b").out.startswith("Tagged 1-2 (2 todos): +x")
    assert todo("note", "2", "see", "page 12").out.startswith("Noted 2: Two.")
    assert todo("note", "1", "-", stdin="from\nstdin\n").code == 0
    assert todo("remind", "1", "2030-01-01", "10:00").out.startswith("Reminder 2030-01-01 10:00 for 1: Uno.")
    assert todo.run("remind", "1", "--off").code == 2, "a field is cleared in two ways, and in no other"
    assert todo("edit", "1", "--clear", "reminder").out.startswith("Changed 1: Uno (reminder cleared, was 2030-01-01 ")
    todo("remind", "1", "2030-01-01")
    assert todo("edit", "1", "reminder:none").out.startswith("Changed 1: Uno (reminder cleared, was 2030-01-01 ")
    assert todo("toggle", "1-2").out.startswith("Toggled: ")
    assert todo("reopen", "2").out.startswith("Reopened 2: Two.")
    assert todo("rm", "1").out.startswith("Removed 1: Uno.")
    assert [row["number"] for row in todo.todos()] == [2]
    (gone,) = todo("ls", "--removed", "--json").json["todos"]
    assert (gone["text"], gone["priority"], gone["tags"], gone["note"]) == ("Uno", "M", ["x"], "from\nstdin")
    assert (gone["reminder"], gone["done"], gone["removed"]) == (None, True, True)
    assert todo("add", "Three").out.startswith("Added 3"), "a number is never used again"
    refused = todo.run("done", "1")
    assert (refused.code, "todo 1 was removed" in refused.err) == (1, True)


def test_what_is_so_already_is_said_and_succeeds(todo: Todo) -> None:
    todo("add", "One")
    todo("add", "Two")
    todo("done", "1")
    before = todo.content()
    again = todo("done", "1")
    assert (again.out, again.err) == ("", "Already done: 1\n")
    assert todo("edit", "1", "One").err == "Unchanged: 1\n"
    assert todo("done", "1", "--json").json["commit"] is None
    assert todo.content() == before
    both = todo("done", "1-2")
    assert (both.out, both.err) == ("Done 2: Two. Undo: todo undo\n", "Already done: 1\n")


def test_ids(todo: Todo) -> None:
    todo("add", "-", stdin="a\nb\nc\n")
    ids = [row["id"] for row in todo.todos()]
    assert todo("done", ids[0]).out.startswith("Done 1: a")
    assert todo("tag", "@", "+last").out.startswith("Tagged 1: a")
    assert todo("rm", "3,", "2", "2-3").out.startswith("Removed 2-3 (2 todos)")
    assert todo("show", "@", "--plain").code == 0
    missing = ("0", "4", "2-9", "ou", "", ",", "0-2", "9" * 5000, f"1-{'9' * 5000}", "½", "٣", "-1", "@@", ids[0] + "x")
    for bad in (*missing, "3-1", "1.0", f"{'9' * 5000}-1"):
        refused = todo.run("done", "--", bad)
        assert refused.code == (3 if bad in missing else 2), bad
        assert refused.out == ""


def test_words_of_add(todo: Todo) -> None:
    todo("add", "1 for due: dates", "+tag", "due:2030-01-01", "and", "+ more")
    todo("add", "--", "+no", "pri:H")
    todo("add", "a", "--", "+b")
    texts = [(row["text"], row["tags"], row["due"]) for row in todo.todos()]
    assert texts == [("1 for due: dates and + more", ["tag"], "2030-01-01"), ("+no pri:H", [], None), ("a +b", [], None)]


def test_filters_and_order(todo: Todo) -> None:
    for args in (["Zebra", "+zoo"], ["apple", "pri:H"], ["Milk", "due:2030-01-01"]):
        todo("add", *args)
    todo("done", "3")
    assert [row["number"] for row in todo("ls", "--json", "--sort", "text").json["todos"]] == [2, 1]
    assert [row["number"] for row in todo("ls", "--json", "-t", "zoo").json["todos"]] == [1]
    assert [row["number"] for row in todo("ls", "--json", "+zoo").json["todos"]] == [1]
    assert [row["number"] for row in todo("ls", "--json", "--done").json["todos"]] == [3]
    assert [row["number"] for row in todo("ls", "--json", "--all", "--limit", "2").json["todos"]] == [1, 2]
    assert todo("list", "ZEB").out == "1  Zebra +zoo\n"
    assert todo.run("ls", "--done", "--removed").code == 2
    assert todo("ls", "nothing").err == "Nothing matches.\n"
    assert todo("ls", "--plain", "--all").out.splitlines()[2] == "3\tdone\t\t2030-01-01\tMilk\t\t"


def test_the_home_page(todo: Todo) -> None:
    assert "Three things to try" in todo().err
    todo("add", "later")
    todo("add", "now", "due:today")
    todo("add", "late", "due:2020-01-01")
    assert (
        todo().out
        == "1 overdue, 1 today\nOverdue:\n3  2020-01-01  late\nToday:\n2  today       now\nNext:\n1              later\n"
    )


def test_history_filters(todo: Todo) -> None:
    todo("add", "One")
    todo("add", "Two")
    todo("done", "1", env={"USER": "jo"})

    def positions(*args: str) -> list[int]:
        return [commit["position"] for commit in todo("history", "--json", *args).json["commits"]]

    assert positions() == [3, 2, 1]
    assert positions("-n", "1") == [3]
    assert positions("--reverse") == [1, 2, 3]
    assert positions("1") == [3, 1]
    assert positions("--by", "JO@") == [3]
    assert positions("--type", "todo_created") == [2, 1]
    assert positions("--since", "@2") == [3, 2]
    assert positions("--until", "@2") == [2, 1]
    assert positions("--since", "1 hour ago") == [3, 2, 1]
    assert positions("--until", "1 hour ago") == []
    assert todo("log", "--plain").out.splitlines()[0].split("\t")[5:] == ["todo_completed", "done"]


@pytest.mark.parametrize("where", ["before", "after"])
def test_global_options_stand_before_or_after_the_verb(todo: Todo, where: str) -> None:
    def run(*options: str, verb: str) -> str:
        return todo(*options, verb).out if where == "before" else todo(verb, *options).out

    todo("add", "One", "-q")
    todo("add", "Two", "-L", "work")
    assert '"list":"work"' in run("-L", "work", "--json", verb="ls")
    assert run("--plain", "--at", "@1", verb="list") == "1\topen\t\t\tOne\t\t\n"
    assert run("--store", "memory:", "--json", verb="ls").endswith('"todos":[]}\n')
    assert "\x1b[" in run("--color", "always", verb="ls")


def test_the_environment_and_the_configuration_choose(todo: Todo) -> None:
    assert not todo.log_file().exists()
    folder = todo.home / ".config/cqrs-todo"
    folder.mkdir(parents=True)
    config = folder / "config.toml"
    config.write_text('list = "home"\nstore = "jsonl:~/elsewhere"\nauthor = "Jo"\ncolor = "always"\ndate_order = "DMY"\n')
    todo("add", "One", "due:3/4/2030")
    assert (todo.home / "elsewhere/lists/home.jsonl").exists()
    assert todo("history", "--json").json["commits"][0]["by"] == "Jo"
    assert todo.todos()[0]["due"] == "2030-04-03"
    assert "\x1b[" in todo("ls").out
    assert "\x1b[" not in todo("ls", env={"NO_COLOR": "1"}).out
    todo("add", "Two", env={"TODO_LIST": "other", "TODO_STORE": f"jsonl:{todo.home}/third"})
    assert (todo.home / "third/lists/other.jsonl").exists()
    for text, words in (
        ('colour = "x"', "unknown key 'colour'"),
        ('color = "blue"', 'color must be "auto" or "always" or "never"'),
        ("list = 3", 'list must be text in "quotes"'),
        ("list = ", "config.toml: "),
    ):
        config.write_text(text)
        refused = todo.run("ls")
        assert (refused.code, words in refused.err) == (2, True), refused.err


def test_where(todo: Todo) -> None:
    paths = todo("where", "--json").json["paths"]
    assert paths["store"] == f"jsonl:{todo.data}"
    assert paths["configuration"] == f"{todo.home}/.config/cqrs-todo/config.toml"
    assert set(todo("where").out.split()) >= set(paths.values())
