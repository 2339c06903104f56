"""Completion: what is proposed, and what real shells make of it, also with texts that try to run something."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shells import Shell
from tests.cli.test_attributes import configure
from tests.conftest import Pasts, Todo

SHELLS = ["bash", "zsh", "fish"]


def proposed(todo: Todo, *words: str) -> list[str]:
    return [line.partition("\t")[0] for line in todo("__complete", "fish", *words).out.splitlines()]


def live(todo: Todo) -> None:
    """Fill two lists and a filter."""
    todo("add", "Buy milk", "+home", "project:house.kitchen")
    todo("add", "Call Jo", "+home", "+phone")
    todo("add", "Done long ago")
    todo("add", "Removed")
    todo("done", "3")
    todo("rm", "4")
    todo("-L", "work", "add", "Deploy", "+ops")
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[filters.urgent]\nwhere = "overdue or pri:H"\n')


@pytest.fixture
def lists(todo: Todo, pasts: Pasts) -> Todo:
    return pasts.give(todo, live)


def test_attributes_are_keys_to_sort_by_and_to_ask_for(todo: Todo) -> None:
    configure(todo, '[attributes]\nestimate = "number"\n[filters."a b"]\nwhere = "+x"\n[filters.ab]\nwhere = "+x"\n')
    todo("add", "Buy milk", "estimate:2")
    assert proposed(todo, "ls", "--sort", "due,es") == ["due,estimate"]
    assert proposed(todo, "ls", "--sort", "-es") == ["-estimate"]
    assert proposed(todo, "ls", "--columns", "es") == ["estimate"]
    assert proposed(todo, "ls", "no:es") == ["no:estimate"]
    assert proposed(todo, "ls", "has:es") == ["has:estimate"]
    assert proposed(todo, "ls", "filter:") == ['filter:"a b"', "filter:ab"]
    assert "no todo has the tag +x" in todo.run("ls", 'filter:"a b"').err


def test_skip_proposes_todos_that_recur(todo: Todo) -> None:
    todo("add", "once")
    todo("add", "weekly", "every:week")
    assert proposed(todo, "skip", "") == ["2"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["do"], ["done"]),
        (["lists", "re"], ["rename"]),
        (["done", ""], ["1", "2", "work/"]),
        (["done", "1,"], ["1,2"]),
        (["done", "work/"], ["work/1"]),
        (["-L", "work", "done", ""], ["1", "inbox/"]),
        (["reopen", ""], ["3", "work/"]),
        (["restore", ""], ["4", "work/"]),
        (["show", ""], ["1", "2", "3", "work/"]),
        (["move", ""], ["1", "2", "3", "work/"]),
        (["move", "1", ""], ["work"]),
        (["skip", ""], ["work/"]),
        (["show", "@6"], ["@6"]),
        (["done", "@6"], []),
        (["ls", "--columns", "number,st"], ["number,state"]),
        (["ls", "--columns", "due,due"], []),
        (["ls", "--sort", "due,t"], ["due,text"]),
        (["ls", "--sort", "-due,-p"], ["-due,-priority", "-due,-project"]),
        (["ls", "has:d"], ["has:due", "has:depends"]),
        (["ls", "list:"], ["list:inbox", "list:work"]),
        (["-L", ""], ["inbox", "work"]),
        (["--list", "w"], ["work"]),
        (["lists", "archive", ""], ["inbox", "work"]),
        (["ls", "+"], ["+home", "+phone"]),
        (["ls", "-"], ["-home", "-phone"]),
        (["ls", "project:"], ["project:house", "project:house.kitchen", "project:none"]),
        (["ls", "filter:"], ["filter:urgent"]),
        (["ls", "is:b"], ["is:blocked", "is:blocking"]),
        (["ls", "no:d"], ["no:due", "no:depends"]),
        (["ls", "--by", ""], ["project", "list", "due", "tag"]),
        (["ls", "--sort", "-p"], ["-priority", "-project"]),
        (["add", "x", "+p"], ["+phone"]),
        (["add", "x", "pri:"], ["pri:H", "pri:M", "pri:L", "pri:none"]),
        (["add", "x", "due:to"], ["due:today", "due:tomorrow"]),
        (["add", "x", "every:w"], ["every:weekday", "every:week"]),
        (["add", "x", "under:"], ["under:1", "under:2", "under:none"]),
        (["edit", "1", "depends:"], ["depends:2"]),
        (["edit", "1,2", "under:"], ["under:none"]),
        (["edit", "1", "--clear", "p"], ["priority", "project", "parent"]),
        (["add", "x", "-P", ""], ["house", "house.kitchen"]),
        (["tag", "1", "-"], ["-home", "-phone"]),
        (["at", "y"], ["yesterday"]),
        (["undo", "@6"], ["@6"]),
        (["view", ""], ["authors", "changes", "statement"]),
        (["help", "sk"], ["skip"]),
        (["store", "rebuild", ""], ["search", "days", "note_html"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["report", "this-"], ["this-week", "this-month", "this-year"]),
        (["done", "--wi"], ["--with-children"]),
        (["--color", ""], ["auto", "always", "never"]),
        (["no such verb", ""], []),
        (["-L", "gone", "done", ""], []),
        (["ls", "--at", "@2", "+"], ["+home", "+phone"]),
        (["done", "1", "--on", ""], ["today", "yesterday", "last-week", "last-month", "1-hour-ago"]),
    ],
)
def test_what_may_follow_is_proposed(lists: Todo, words: list[str], expected: list[str]) -> None:
    found = proposed(lists, *words)
    if words[0] in ("ls", "tag") and words[-1] == "-":
        found = [word for word in found if not word.startswith("--")]
    if words[0] == "move":
        found = sorted(found)
    assert found == expected


def test_remotes_are_proposed_to_be_synced_with_or_removed(todo: Todo) -> None:
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[sync.home]\nurl = "folder:~/home"\n')
    todo("add", "Buy milk")
    for remote in ("home", "folder:stick"):
        todo("sync", remote)
    words = ["home", f"folder:{todo.home}/stick"]
    assert proposed(todo, "sync", "") == proposed(todo, "sync", "--remove", "") == words
    shown = todo("__complete", "bash", "todo sync --remove folder:", " :=").out
    assert shown == f"{todo.home}/stick\n"


def test_proposals_say_what_they_mean(lists: Todo) -> None:
    shown = dict(line.split("\t") for line in lists("__complete", "zsh", "done", "").out.splitlines())
    assert shown == {"1": "Buy milk", "2": "Call Jo", "work/": "another list"}
    assert "Complete todos" in lists("__complete", "fish", "done").out


def test_completion_is_silent_where_nothing_can_be_proposed(lists: Todo) -> None:
    for words in (
        [],
        ["fish"],
        ["bash"],
        ["bash", "todo done '"],
        ["fish", "-L"],
        ["nosuch", "add"],
        ["fish", "--store", "x:y", "ls", "+"],
    ):
        result = lists.run("__complete", *words)
        assert (result.code, result.err) == (0, "")


def test_bash_gets_only_what_follows_the_last_character_at_which_it_splits(lists: Todo) -> None:
    def replies(line: str) -> list[str]:
        return lists("__complete", "bash", line, "\"'><=;|&(:").out.splitlines()

    assert replies("todo add x pri:H") == ["H"]
    assert replies("todo add x pri:") == ["H  high", "M  medium", "L  low", "none  no priority"]
    assert replies("todo done 1") == ["1"]
    assert replies("todo ls 'pri:H' +ph") == ["+phone"]
    assert replies('todo add "Buy milk" +ph') == ["+phone"]


@pytest.mark.parametrize("tag", ["x;y", "x$y", "x`y", 'x"y', "x\\y", "x!y", "x'y", "x&y", "x(y)", "x*", "x#y"])
def test_bash_gets_each_proposal_as_it_is_written_between_the_quotation_marks_that_are_open(todo: Todo, tag: str) -> None:
    todo("add", "a", "--tag", tag)
    for typed, opened, closed in (
        ("'+x", "'", "'"),
        ('"+x', '"', '"'),
        ("'+", "'", "'"),
        ("+'x", "+'", "'"),
        ("+x", "", ""),
    ):
        [reply] = todo("__complete", "bash", f"todo ls {typed}", "\"'><=;|&(:").out.splitlines()
        script = f"printf %s {opened}{reply}{closed}"
        assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout == f"+{tag}", typed


HOSTILE = [
    "$(touch F)",
    "`touch F`",
    "$(touch${IFS}F)",
    "`touch${IFS}F`",
    ";touch${IFS}F;",
    "|touch${IFS}F",
    "&touch${IFS}F&",
    "&&touch${IFS}F",
    "||touch${IFS}F",
    "\\$(touch${IFS}F)",
    "\\\\$(touch${IFS}F)",
    "\\`touch${IFS}F\\`",
    "'$(touch${IFS}F)'",
    '"$(touch${IFS}F)"',
    "';touch${IFS}F;'",
    '";touch${IFS}F;"',
    "a'b;touch${IFS}F",
    'a"b;touch${IFS}F',
    "a\\",
    "\\",
    "'",
    '"',
    "''",
    "$'\\x24(touch${IFS}F)'",
    "${x:=$(touch${IFS}F)}",
    "${(e):-$(touch${IFS}F)}",
    "$((a[$(touch${IFS}F)]))",
    "<(touch${IFS}F)",
    ">(touch${IFS}F)",
    ">F",
    ">>F",
    "<>F",
    "2>F",
    "(touch F)",
    "{touch,F}",
    "*",
    "?",
    "[a-z]",
    "~",
    "~root",
    "!!",
    "!touch",
    "^a^b",
    "#x",
    "%1",
    "=touch",
    "a=b",
    "-rf",
    "--help",
    "(e:'touch F':)",
    "begin;touch${IFS}F;end",
    "(touch\tF)",
    "a\x1b[2Jb",
    "a\x07b",
    "a\u202eb",
    "%s%n",
    "\N{SNOWMAN}",
    "$HOME",
]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, lists: Todo, tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "todo"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m cqrs_todo "$@"\n')
    program.chmod(0o755)
    (tmp_path / "work").mkdir()
    env = {**lists.env, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    opened = Shell(request.param, env, tmp_path / "work")
    yield opened
    opened.close()


LINES = [
    ("todo hist", ["todo", "history"]),
    ("todo lists una", ["todo", "lists", "unarchive"]),
    ("todo -L wo", ["todo", "-L", "work"]),
    ("todo ls +ph", ["todo", "ls", "+phone"]),
    ("todo ls filter:u", ["todo", "ls", "filter:urgent"]),
    ("todo add x project:house.k", ["todo", "add", "x", "project:house.kitchen"]),
    ("todo ls --sort cr", ["todo", "ls", "--sort", "created"]),
    ("todo view st", ["todo", "view", "statement"]),
    ("todo undo @5", ["todo", "undo", "@5"]),
    ("todo done work/", ["todo", "done", "work/1"]),
    ("todo reopen 3", ["todo", "reopen", "3"]),
    ("todo done --with", ["todo", "done", "--with-children"]),
]


def test_a_real_shell_completes(shell: Shell) -> None:
    for line, expected in LINES:
        assert shell.completed(line) == expected, line


@pytest.mark.parametrize("shell", ["bash"], indirect=True)
def test_bash_completes_between_quotation_marks(shell: Shell, lists: Todo) -> None:
    tag = "odd;it's$x!y"
    lists("add", "x", "--tag", tag)
    for typed, word in (("'+odd", f"+{tag}"), ('"+odd', f"+{tag}"), ("+odd", f"+{tag}"), ("'filter:u", "filter:urgent")):
        assert shell.completed(f"todo ls {typed}") == ["todo", "ls", word], typed


@pytest.mark.long
def test_hostile_texts_are_shown_and_run_nothing(shell: Shell, lists: Todo, tmp_path: Path) -> None:
    for number, text in enumerate(HOSTILE):
        lists("add", "--", text)
        word = "".join(text.split()).replace(",", "")
        if word and word[0] not in "+-":
            lists("add", "x", "--tag", f"zz{number:02}{word}")
    folder = tmp_path / "work"
    before = sorted(folder.iterdir())
    shell.press("todo done \t\t\x15")  # away with the line
    shell.run("true")
    for number, text in enumerate(HOSTILE):
        word = "".join(text.split()).replace(",", "")
        if not word or word[0] in "+-" or not text.isprintable():
            continue
        completed = shell.completed(f"todo ls +zz{number:02}")
        assert completed == ["todo", "ls", f"+zz{number:02}{word}"], (shell.name, text)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", SHELLS)
def test_one_command_installs_the_completion_once(todo: Todo, name: str) -> None:
    first, second = todo("completion", name, "--install"), todo("completion", name, "--install")
    assert first.err.startswith("Installed in ")
    assert second.err.startswith("Already installed in ")
    path = Path(second.err.removeprefix("Already installed in ").partition(". Start")[0])
    assert "todo" in path.read_text()
    path.unlink()
    path.mkdir()
    result = todo.run("completion", name, "--install")
    assert (result.code, "cannot be changed: Is a directory" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("todo import --format ", {"todotxt", "ics"}, set()),
        ("todo view changes --per ", {"minute", "hour", "day"}, set()),
        ("todo react --unit ", {"systemd", "cron"}, set()),
        ("todo history --type ", {"todo_created", "todo_completed"}, set()),
        ("todo undo ", {"@1"}, {"today"}),
        ("todo at @1 sh", {"show"}, {"add"}),
        ("todo explain do", {"done"}, set()),
        ("todo done 1,", {"1,2"}, {"1,1"}),
        ("todo done 1-2,", {"1-2,3"}, {"1-2,1", "1-2,2"}),
        ("todo done 2,work/", {"2,work/1", "2,work/2"}, set()),
        ("todo done work/1,", {"work/1,2"}, {"work/1,1"}),
        ("todo done inbox/1,", {"inbox/1,2"}, {"inbox/1,1"}),
    ],
)
def test_what_can_follow_is_proposed_and_nothing_else(todo: Todo, line: str, some: set[str], none: set[str]) -> None:
    todo("add", "-", stdin="one\ntwo\nthree\n")
    todo("-L", "work", "add", "-", stdin="one\ntwo\n")
    found = {each.split("\t")[0].strip() for each in todo("__complete", "bash", line, " \t\n\"'><=;|&(:").out.split("\n")}
    words = {each.partition("  ")[0] for each in found}
    assert some <= words
    assert not none & words
