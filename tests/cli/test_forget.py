"""`todo forget`, as the real program: the bytes of a password are nowhere below its folders afterwards."""

import re
from pathlib import Path

import pytest

from tests.conftest import Pasts, Todo
from tests.terminals import Terminal

SECRET = "hunter2-0815"


VIEW = """
class Texts:
    name, initial = "texts", {}

    def evolve(self, state, event):
        return {**state, event.id: event.data.text} if event.type == "todo_created" else state

    def rows(self, state):
        return [{"text": text} for text in state.values()]


VIEW = Texts()
"""


def holding(todo: Todo, text: str = SECRET) -> list[str]:
    """The files below the home that hold a text."""
    files = [file for file in todo.home.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]
    return sorted(str(file.relative_to(todo.home)) for file in files)


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    """A list of three todos, the second of which is a password; positions 1 to 8."""
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", SECRET, "+home", "--note", SECRET, "--because", f"{SECRET} is the password")
    todo("add", "Read the book")
    todo("edit", "1-3", "pri:H", "--command-id", "mine")
    todo("edit", "2", "not a password", "--note", "none")


def test_a_password_is_forgotten(filled: Todo) -> None:
    lines = filled("history", "--plain").out
    result = filled("forget", "2", "--yes")
    assert result.out == "Forgot 2 in inbox (4 events). This cannot be undone.\n"
    assert "Not reached: other todos that repeat the text, other stores, exports" in result.err
    assert (holding(filled), holding(filled, "not a password")) == ([], [])
    assert [todo["number"] for todo in filled.todos()] == [1, 3]
    assert filled("verify").out.startswith("inbox: 8 events (4 forgotten), 5 commits, head ")
    assert filled("verify", "--json").json["lists"][0]["forgotten"] == 4
    after = filled("history", "--plain").out
    places = [line.split("\t")[:3] for line in lines.splitlines()]
    assert [line.split("\t")[:3] for line in after.splitlines()] == places
    assert after.count("forgotten") == 8, "the type, and the words"
    assert filled("add", "More").out.startswith("Added 4: More"), "the number is not used again"


def test_every_verb_works_in_a_list_in_which_something_is_forgotten(filled: Todo) -> None:
    filled("forget", "2", "--yes")
    filled("add", "More")
    for line in (
        *("ls", "ls --all", "ls --removed", "history", "history --graph", "history -p", "history --json", "history --raw"),
        *("history -S forgotten", "history --type forgotten", "show 1", "show 3 --json", "show @2", "show @4", "blame 1"),
        *("diff @1", "diff start @4", "at @2", "at @4 ls --all", "stats", "stats --json", "when open>1", "lists", "replay"),
        *("view changes", "view authors", "view statement", "view changes --all-lists", "export", "explain done 1"),
        *("verify", "verify --json", "verify --repair", "restore --to @4", "done 1", "undo", "redo", "edit 3 Otherwise"),
    ):
        result = filled(*line.split())
        assert SECRET not in result.out + result.err, line
    for line in ("show 2", "blame 2", "done 2", "edit 2 x", "history 2", "restore 2"):
        result = filled.run(*line.split())
        assert (result.code, "no todo 2 (forgotten or lost) in inbox" in result.err) == (3, True), line
    assert filled("verify").out.count("intact") == 1
    unknown = filled.run("forget", "secret99", "--yes").err
    assert unknown == "todo: no todo 'secret99' in inbox\n      see the numbers: todo ls --all\n"


def test_the_log_is_exported_and_imported_with_what_is_forgotten(filled: Todo, tmp_path: Path) -> None:
    before = filled("export", "--format", "events").out
    todos = filled("export").out
    filled("forget", "2", "--yes")
    after = filled("export", "--format", "events").out
    other = Todo(tmp_path / "other")
    other("-L", "inbox", "import", "-", stdin=before)
    other("forget", "2", "--yes")
    assert other("export", "--format", "events").out == after, "the same bytes"
    other("-L", "inbox", "import", "-", stdin=after)
    assert "another history" in other.run("-L", "inbox", "import", "-", stdin=before).err
    imported = other.run("import", "-", stdin=todos)
    assert imported.code == 0
    assert "Not imported, because forgotten: " in imported.err
    assert other("import", "-", "--json", stdin=todos).json["forgotten"]
    assert holding(other) == []


def test_nothing_outside_the_log_keeps_a_password(filled: Todo) -> None:
    filled("add", "-", stdin="".join(f"Todo {number} {'x' * 600}\n" for number in range(600)))
    filled("ls")
    (filled.home / "texts.py").write_text(VIEW)
    assert SECRET not in VIEW
    filled("view", "./texts.py")
    filled("view", "./texts.py", "--all-lists")
    filled("edit", "2", SECRET, "--command-id", "again")
    filled("edit", "2", SECRET, "--command-id", "again")
    filled("done", "1")
    path = filled.log_file()
    path.write_bytes(path.read_bytes().replace(b"Read the book", b"Read the bonk", 1))
    filled("verify", "--repair")
    path.write_bytes(path.read_bytes() + f'{{"position":999,"data":"{SECRET}'.encode())
    filled("add", "After a torn tail")
    filled("lists", "new", "work")
    filled("move", "2", "work")
    filled("-L", "work", "note", "1", SECRET)
    filled("lists", "rename", "work", "job")
    filled("lists", "archive", "job")
    filled("ls", "--all")
    folders = {name.split("/")[2] if name.startswith(".cache") else name.rpartition("/")[2][:13] for name in holding(filled)}
    assert folders >= {"snapshots", "views", "inbox.jsonl", "job.jsonl", "inbox.damaged", "inbox.torn-20"}
    assert list(filled.home.glob(".cache/cqrs-todo/index/*.sqlite"))
    result = filled("forget", "2", "--yes")
    assert holding(filled) == []
    assert re.search(r"^Forgot 2 in inbox \(\d+ events\), job \(archived\) \(\d+ events\)\.", result.out)
    assert result.err.count("Deleted, because it may have held this: ") == 2
    assert not list(filled.home.glob(".cache/cqrs-todo/index/*.sqlite"))
    verified = filled("verify").out
    assert verified.count("intact") == verified.count("forgotten") == 2
    before = filled.todos()
    assert len(before) == 602
    assert filled("ls", "--all", "--json", env={"XDG_CACHE_HOME": "/nowhere"}).json["todos"] == before
    filled("done", "4")
    assert (holding(filled), filled("undo").err) == ([], "")


def test_what_a_reaction_printed_about_a_password_is_removed(filled: Todo) -> None:
    config = filled.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    with config.open("a") as file:
        file.write('[[reaction]]\nname = "echo"\nrun = ["echo", "{text}"]\n')
    filled("react", "--from-start")
    (output,) = [file for file in holding(filled) if file.endswith(".out")]
    result = filled("forget", "2", "--yes")
    assert f"Deleted, because it may have held this: {filled.home / output}" in result.err
    assert holding(filled) == []


def test_undo_brings_nothing_back_and_says_why(filled: Todo) -> None:
    filled("undo")
    filled("forget", "2", "--yes")
    refused = filled.run("redo")
    assert (refused.code, "nothing to redo: what was forgotten cannot come back" in refused.err) == (1, True)
    refused = filled.run("undo", "@2")
    assert (refused.code, "@2 cannot be undone: what it changed was forgotten" in refused.err) == (1, True)
    assert "1, 3 priority set to H" in filled("undo").out, "what others have of the command is undone"
    for _ in range(2):
        filled("undo")
    refused = filled.run("undo")
    assert (refused.code, "what was forgotten cannot come back" in refused.err) == (1, True)
    filled("redo", "9")
    assert [todo["number"] for todo in filled.todos()] == [1, 3]
    assert holding(filled) == []
    sent_again = filled.run("edit", "1-3", "pri:H", "--command-id", "mine")
    assert (sent_again.code, "mine" in sent_again.err) == (4, True)


def test_a_move_is_undone_without_what_was_forgotten(filled: Todo) -> None:
    filled("lists", "new", "work")
    filled("move", "1-3", "work")
    filled("-L", "work", "forget", "2", "--yes")
    assert holding(filled) == []
    assert "Undid" in filled("undo").out
    assert [todo["number"] for todo in filled.todos()] == [1, 3]
    assert filled.todos("-L", "work") == []
    assert "Redid" in filled("-L", "work", "redo").out
    assert [todo["number"] for todo in filled.todos("-L", "work")] == [1, 3]


def test_to_forget_again_is_harmless(filled: Todo) -> None:
    filled("forget", "2", "--yes")
    log = filled.log_file().read_bytes()
    kept = filled.log_file().with_name("inbox.torn-20260101T000000000000")
    kept.write_text(SECRET)
    again = filled("forget", "2", "-y")
    assert (again.out, "Already forgotten: 2" in again.err, kept.exists()) == ("", True, False)
    assert filled.log_file().read_bytes() == log
    assert filled.run("forget", "9", "-y").code == 3


def test_the_answer_for_programs(filled: Todo) -> None:
    id = filled.todos()[1]["id"]
    document = filled("forget", "2", "-y", "--json").json
    assert document.pop("format") == "cqrs-todo/1"
    inbox = {"name": "inbox", "archived": False, "events": 4}
    assert bool(document.pop("unreached")) == (filled.store is not None), "a server has files of its own"
    assert document == {"streams": [f"todo/{id}"], "forgotten": [inbox], "removed": []}
    assert filled("forget", "3", "--yes", "--plain").out == "inbox\t\t2\n"
    assert filled("forget", "1", "--yes", "-q").err == ""


def test_it_is_not_a_command_like_others(filled: Todo) -> None:
    before = filled.log_file().read_bytes()
    refused = filled.run("forget", "2")
    assert (refused.code, "todo forget 2 --yes" in refused.err) == (2, True)
    for option in ("--because", "--command-id", "--expect"):
        assert filled.run("forget", "2", "--yes", option, "1").code == 2
    assert "explain cannot show what forget does" in filled.run("explain", "forget", "2").err
    assert filled.run("--at", "@1", "forget", "2", "-y").code == 2
    assert filled.log_file().read_bytes() == before


def test_a_list_that_cannot_be_searched_is_reported_after_the_others_forgot(filled: Todo) -> None:
    filled("add", "-L", "work", "Report")
    path = filled.log_file("work")
    path.write_bytes(path.read_bytes().replace(b"Report", b"Repart"))
    result = filled.run("forget", "2", "--yes")
    assert (result.code, result.out.startswith("Forgot 2 in inbox")) == (5, True)
    assert f"{path} is damaged at line 2" in result.err
    assert holding(filled) == []


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("YES", 0), ("n", 1), ("", 1), ("maybe", 1)])
def test_on_a_terminal_it_asks_once(filled: Todo, typed: str, code: int) -> None:
    terminal = Terminal(filled, "forget", "2")
    terminal.wait_for("[y/N] ")
    terminal.type(f"{typed}\n")
    assert terminal.end() == code
    assert "2  not a password\r\nForget this todo, in all lists and all history? " in terminal.shown
    assert (SECRET in filled.content()) == bool(code)
