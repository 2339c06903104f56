"""Exit codes, streams, hostile text, and the terminal."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from cqrs_todo.cli.verbs.add import VERB
from tests.conftest import Todo
from tests.terminals import on_terminal

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31mred\x9b0m",
    "[bold]not bold[/] [/]",
    "\u202etxt.exe\u2066x\u2069",
    "tab\tnew\nline\rback\x08\x7f",
    "\u2028x\u2029\u0085",
    "雪だるま ⛄ 👩‍👩‍👧 e\u0301",
    "\ufeff\u200b\u2060",
    "[link=http://x]y[/link] :smile: `code` <b>",
]
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def test_hostile_text_round_trips_and_cannot_reach_the_terminal(todo: Todo) -> None:
    for text in HOSTILE:
        todo("add", "--", text)
        todo("note", "@", "--", text)
    rows = todo.todos()
    assert [row["text"] for row in rows] == HOSTILE
    assert [row["note"] for row in rows] == HOSTILE
    plain = todo("ls", "--plain", "--all").out.splitlines()
    assert len(plain) == len(HOSTILE)
    assert {line.count("\t") for line in plain} == {6}
    assert "[bold]not bold[/] [/]" in todo("ls", "--color", "always").out
    numbers = f"1-{len(HOSTILE)}"
    for args in ([], ["ls"], ["history"], ["show", numbers], ["lists"], ["done", numbers], ["undo"], ["rm", "1"], ["undo"]):
        for form in ([], ["--plain"], ["--json"], ["--color", "always"]):
            result = todo(*form, *args) if args != ["undo"] and args[:1] != ["rm"] else todo.run(*form, *args)
            shown = STYLE.sub("", result.out + result.err)
            assert not FORBIDDEN.search(shown), (form, args)


def test_hostile_words_in_errors(todo: Todo) -> None:
    for args in (["show", "\x1b[2J"], ["-L", "\x1b[2J", "ls"], ["\x1b[2J"], ["at", "\x1b[2J"], ["ls", "--sort", "\x9b1m"]):
        for form in ([], ["--json"]):
            result = todo.run(*args, *form)
            assert result.code in (2, 3)
            assert not FORBIDDEN.search(result.err), args


def test_errors_have_a_code_a_message_and_a_hint(todo: Todo) -> None:
    todo("add", "x")
    cases = [
        (["done", "9", "--json"], 3, "not-found"),
        (["undo", "@9", "--json"], 3, "not-found"),
        (["add", " ", "--json"], 2, "usage"),
        (["remind", "1", "2020-01-01", "--json"], 1, "refused"),
        (["done", "1", "--on", "2030-01-01", "--json"], 2, "usage"),
        (["ls", "--nonsense", "--json"], 2, "usage"),
        (["nonsense", "--json"], 2, "usage"),
        (["done", "--json"], 2, "usage"),
        (["add", "--json"], 2, "usage"),
        (["at", "tomorrow", "--json"], 2, "usage"),
        (["at", "@9", "--json"], 3, "not-found"),
        (["--at", "@1", "at", "@1", "--json"], 2, "usage"),
        (["--at", "@1", "rm", "1", "--json"], 2, "usage"),
        (["at", "@1", "done", "1", "--json"], 2, "usage"),
        (["at", "@1", "lists", "new", "x", "--json"], 2, "usage"),
        (["--store", "sqlite:x", "ls", "--json"], 2, "usage"),
        (["--color", "blue", "ls", "--json"], 2, "usage"),
        (["ls", "--sort", "size", "--json"], 2, "usage"),
        (["edit", "1", "--clear", "text", "--json"], 2, "usage"),
        (["edit", "1", "pri:X", "--json"], 2, "usage"),
        (["tag", "1", "--json"], 2, "usage"),
        (["tag", "1", "+a,b", "--json"], 2, "usage"),
        (["remind", "1", "--json"], 2, "usage"),
    ]
    before = todo.log_file().read_bytes()
    for args, code, name in cases:
        result = todo.run(*args)
        assert (result.code, result.out) == (code, ""), (args, result.err)
        assert result.error["code"] == name, args
        assert result.error["message"]
        assert set(result.error) == {"code", "message", "hint"}
    assert todo.log_file().read_bytes() == before


def test_bytes_that_are_no_text_are_refused_at_the_door(todo: Todo) -> None:
    todo("add", "x")
    bad = os.fsdecode(b"\xff\xfe")
    for args in (
        ["add", bad],
        ["edit", "1", bad],
        ["note", "1", bad],
        ["show", bad],
        ["-L", bad, "ls"],
        ["at", bad],
        ["ls", bad],
    ):
        assert todo.run(*args).code in (0 if args[0] == "ls" else 2, 2), args
    assert todo.run("add", "-", stdin=b"\xff\n").code == 2
    assert todo.run("note", "1", "-", stdin=b"\xff\n").code == 2
    assert len(todo.log()) == 1


def test_lines_from_windows_and_blank_lines(todo: Todo) -> None:
    todo("add", "-", "+x", stdin=b"\xef\xbb\xbfone\r\n\r\n  \ntwo")
    assert [(row["text"], row["tags"]) for row in todo.todos()] == [("one", ["x"]), ("two", ["x"])]
    assert todo.run("add", "-", stdin="\n \n").code == 2


def test_a_damaged_log_is_read_and_not_written(todo: Todo) -> None:
    for text in ("one", "two", "three"):
        todo("add", text)
    damaged = todo.log_file().read_bytes().replace(b'"two"', b'"TWO"')
    todo.log_file().write_bytes(damaged)
    listed = todo("ls")
    assert listed.out == "1  one\n"
    assert re.search(r"warning: .*damaged at line 3, byte \d+", listed.err)
    refused = todo.run("add", "four", "--json")
    assert refused.code == 5
    assert todo.log_file().read_bytes() == damaged


def test_a_torn_tail_is_healed_and_said(todo: Todo) -> None:
    todo("add", "one")
    with todo.log_file().open("ab") as file:
        file.write(b'{"position":2,"at"')
    assert (todo("ls").out, todo("ls").err) == ("1  one\n", "")
    verified = todo.run("verify")
    assert verified.code == 5
    assert "inbox ends in a torn tail" in verified.err
    assert "nothing that was recorded is lost" in verified.err
    assert "an interrupted write had left 18 bytes" in todo("add", "two").err
    assert [row["text"] for row in todo.todos()] == ["one", "two"]


def test_a_store_that_cannot_be_used_is_told_in_one_line(todo: Todo) -> None:
    (todo.home / "file").write_text("")
    result = todo.run("--store", "jsonl:file", "add", "x")
    assert (result.code, len(result.err.splitlines())) == (6, 2), result.err
    assert "Not a directory" in result.err


def test_a_closed_pipe_is_no_error(todo: Todo) -> None:
    todo("add", "-", stdin="x\n" * 20_000)
    command = f"{sys.executable} -m cqrs_todo ls | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=todo.env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("    1  x\n0\n", "")


def test_streams_that_are_closed_or_full(todo: Todo) -> None:
    python = f"{sys.executable} -m cqrs_todo"
    for command, code, words in (
        (f"{python} add one >&-", 0, ""),
        (f"{python} ls >&- 2>&-", 0, ""),
        (f"{python} add two > /dev/full", 1, "what was recorded stays recorded"),
        (f"seq 5000 | {python} add -", 0, ""),
        (f"{python} ls > /dev/full", 1, "the output cannot be written"),
        (f"{python} -L none undo 2> /dev/full", 3, ""),
        (f"{python} undo > /dev/null", 0, ""),
        (f"{python} add - <&-", 2, "stdin holds no line of text"),
        (f"{python} done 99999 2>&-", 3, ""),
        (
            f"(sleep 1; {python} done 99999; echo $? >&3) 2>&1 3>{todo.home}/code | true; cat {todo.home}/code >&2",
            0,
            "3\n",
        ),
    ):
        done = subprocess.run(["bash", "-c", command], env=todo.env, capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (command, done.stderr)
        assert words in done.stderr
    assert [row["text"] for row in todo.todos()] == ["one", "two"]
    assert not list((todo.home / ".local/state").glob("*/error-*"))


def test_interrupted_while_reading(todo: Todo) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "cqrs_todo", "add", "-"], env=todo.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdin is not None
    run.stdin.write(b"a line\n")
    run.stdin.flush()
    while any(fcntl.ioctl(run.stdin, termios.FIONREAD, bytes(4))):  # the line is still in the pipe
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=20)
    assert (run.returncode, err) == (130, b"")
    assert not todo.data.exists()


@pytest.mark.parametrize(
    "env",
    [
        {"COLUMNS": "0"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"TERM": "dumb"},
        {"COLUMNS": "10"},
    ],
)
def test_poor_surroundings(todo: Todo, env: dict[str, str]) -> None:
    todo("add", "costs 5 € 雪", env=env)
    assert todo.todos()[0]["text"] == "costs 5 € 雪"
    assert todo("ls", "--json", env=env).json["todos"][0]["text"] == "costs 5 € 雪"
    for args in (["ls"], ["ls", "--color", "always"], ["show", "1"], ["history"], ["ls", "--json"]):
        assert todo(*args, env=env).out


@pytest.mark.parametrize("env", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=["UTF-8", "ASCII"])
def test_stores_and_lists_have_the_same_names_in_every_locale(todo: Todo, env: dict[str, str]) -> None:
    for store in ("jsonl:grün 雪", "jsonl:new\nline", "jsonl:\x1b[2J", "jsonl:a?b#c%00", "jsonl: ", "jsonl:-x"):
        todo("--store", store, "-L", "größe", "add", "x", env=env)
        assert (todo.home / store.removeprefix("jsonl:") / "lists/größe.jsonl").exists()
        assert "1  x" in todo("--store", store, "-L", "größe", "ls").out


@pytest.mark.parametrize(
    ("store", "code"),
    [
        ("jsonl:" + "/x" * 3000, 6),
        ("jsonl:" + "y" * 300, 6),
        ("jsonl:file", 6),
        ("jsonl:file/below", 6),
        ("jsonl:/dev/null", 6),
        ("jsonl:", 2),
        (":", 2),
        ("jsonl:~nobody-at-all/x", 2),
        (os.fsdecode(b"jsonl:\xff\xfe"), 2),
        (os.fsdecode(b"jsonl:\xed\xa0\x80"), 2),
    ],
)
def test_a_store_that_no_folder_can_be_is_refused(todo: Todo, store: str, code: int) -> None:
    (todo.home / "file").write_text("")
    for args, env in ((["--store", store], {}), ([], {"TODO_STORE": store})):
        result = todo.run(*args, "add", "x", env=env)
        assert (result.code, result.out) == (code, ""), result.err
    assert [path.name for path in todo.home.iterdir()] == ["file"]


FULL = "> /dev/full"
STREAMS = [FULL, "2> /dev/full", "> /dev/full 2>&1", ">&-", "2>&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("streams", STREAMS)
def test_help_and_version_on_streams_that_are_closed_or_full(todo: Todo, streams: str) -> None:
    for args in ("--help", "--version", "add --help", ""):
        command = ["bash", "-c", f"{sys.executable} -m cqrs_todo {args or '__complete fish h'} {streams}"]
        done = subprocess.run(command, env=todo.env, capture_output=True, text=True, check=False)
        assert done.returncode == (1 if FULL in f" {streams}" and not streams.startswith("2") else 0), (args, done.stderr)
        assert done.stderr == (
            "todo: the output cannot be written: No space left on device; what was recorded stays recorded\n"
            if streams == FULL
            else ""
        )
    assert not list((todo.home / ".local/state").glob("*/error-*"))


INTERRUPTED_AT_IMPORT = """
import os, sys
left = int(sys.argv.pop(1))
began = False
def count(event, args):
    global left, began
    if event == "import":
        began = began or args[0] == "cqrs_todo.__main__"
        if args[0] in ("cqrs_todo", "cqrs_todo.__main__"):
            return  # no code of the program has run yet
        left -= began
        if left == 0:
            left = -1
            os.kill(os.getpid(), 2)  # SIGINT
sys.addaudithook(count)
from cqrs_todo.__main__ import run
run()
"""


def test_an_interruption_during_the_start_gives_exit_code_130_and_no_traceback(todo: Todo) -> None:
    for number in (*range(1, 20), *range(20, 100, 7)):
        command = [sys.executable, "-c", INTERRUPTED_AT_IMPORT, str(number), "ls"]
        done = subprocess.run(command, env=todo.env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (130, ""), number


def test_on_a_terminal_of_80_columns(todo: Todo) -> None:
    from rich.cells import cell_len

    todo("add", "A long text " * 12, "due:today", "pri:H", "+home")
    todo("add", "雪だるま" * 30, "--note", "# Title\n\n- *one*\n- [link](http://example.org)\n\n" + "word " * 40)
    todo("done", "2")
    for args in ([], ["ls"], ["ls", "--all"], ["show", "2"], ["history"], ["lists"]):
        shown = on_terminal(todo, *args)
        assert "\x1b[" in shown or args == ["lists"]
        for line in STYLE.sub("", shown).splitlines():
            assert cell_len(line) <= 80, (args, line)
    assert "\x1b[" not in on_terminal(todo, "ls", TERM="dumb")
    assert "\x1b[" not in STYLE.sub("", on_terminal(todo, "show", "2"))


def test_on_a_terminal_of_40_columns_nothing_is_cut_or_runs_over_the_edge(todo: Todo) -> None:
    from rich.cells import cell_len

    text = "Write the quarterly report about the sales in the north, and send it to everybody who has asked for it"
    todo("add", text)
    page = f"http://example.org/{'page/' * 8}"
    todo("add", "Read", page)
    shown = {}
    for words in ("view statement", "view changes", "view", "search north", "search page", "--help", "add --help"):
        printed = STYLE.sub("", on_terminal(todo, *words.split(), COLUMNS="40"))
        assert all(cell_len(line) <= 40 for line in printed.splitlines()), printed
        shown[words] = " ".join(printed.split())
    assert text in shown["view statement"]
    assert text in shown["search north"]
    assert page in shown["search page"].replace(" ", "")
    assert "Show a table that is computed from all events." in shown["--help"]
    assert "..." not in shown["--help"]
    for example in VERB.examples:
        assert example in shown["add --help"].replace(" \\ ", " ")


def test_editing_in_an_editor(todo: Todo, tmp_path: Path) -> None:
    todo("add", "Buy milk", "+home", "due:2030-01-02", "--note", "old\nnote")

    def edit(script: str) -> tuple[int, str]:
        editor = tmp_path / "editor"
        editor.write_text(f"#!/bin/sh\n{script}\n")
        editor.chmod(0o700)
        result = todo.run("edit", "1", env={"EDITOR": f"{editor} --wait"})
        return result.code, result.err

    assert edit("true") == (0, "Unchanged: 1\n")
    script = r"""sed -i 's/^text: .*/text: Buy "oat" milk +not/; s/^tags: .*/tags: shop home/' "$2"
        sed -i 's/^due:.*/due:/; s/old/new/' "$2" """
    assert edit(script)[0] == 0
    (row,) = todo.todos()
    assert (row["text"], row["tags"], row["due"], row["note"]) == (
        'Buy "oat" milk +not',
        ["home", "shop"],
        None,
        "new\nnote",
    )
    assert len(todo.log()) == 2
    for script, code, words in (
        ("exit 3", 1, "exit code 3"),
        ("echo nonsense > $2", 2, "the line 'nonsense'"),
        ("sed -i 's/^text: .*/text:/' $2", 2, "the edited text is empty"),
        ("sed -i 's/^due:.*/due: soonish/' $2", 2, "is not a word that is known"),
        ("printf '\\377' > $2", 2, "is not UTF-8"),
        ("rm $2", 2, "cannot be read"),
    ):
        assert edit(script)[0] == code, script
        assert words in edit(script)[1], script
        assert ("What you wrote is kept in" in edit(script)[1]) == (code == 2 and "rm" not in script), script
    assert todo.run("edit", "1", env={"EDITOR": "/nonexistent"}).code == 2
    python = f"{sys.executable} -m cqrs_todo"
    code, err = edit(f"sed -i 's/^text: .*/text: mine/' $2; {python} edit 1 theirs")
    assert (code, "What you wrote is kept in" in err) == (4, True)
    assert todo.todos()[0]["text"] == "theirs"
    refused = edit("sed -i 's/^reminder:.*/reminder: 2020-01-01/' $2")
    assert (refused[0], "What you wrote is kept in" in refused[1]) == (1, True)
    assert edit(r"""printf 'text: new\r\n\r\nnote' > $2""")[0] == 0
    (row,) = todo.todos()
    assert (row["text"], row["note"], row["tags"]) == ("new", "note", ["home", "shop"]), "what is left out stays"


def test_the_version_is_printed(todo: Todo) -> None:
    assert re.fullmatch(r"todo \d+\.\d+\.\d+\n", todo("-V").out)


def test_a_note_cannot_reach_the_terminal_through_markdown(todo: Todo) -> None:
    todo("add", "x", "--note", "<http://x/%1b]0;pwned%07> &#x202e;abc &rlm; &#x2028; [a](http://y/%E2%80%AE) `\x1b[2J`")
    for form in ([], ["--color", "always"]):
        assert not FORBIDDEN.search(STYLE.sub("", todo("show", "1", *form).out))


def test_dates_at_the_ends_of_the_calendar(todo: Todo) -> None:
    todo("add", "x", "-d", "9999-12-30T23:59")
    for zone in ("Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"):
        for args in ([], ["ls", "--color", "always"], ["history"], ["show", "1"]):
            assert todo(*args, env={"TZ": zone}).out
    for text in ("0999-01-01 10:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "9999-12-31", "10000-01-01"):
        for verb in (["add", "y", "-d"], ["remind", "1"], ["done", "1", "--on"], ["at"], ["history", "--since"]):
            assert todo.run(*verb, text).code == 2, (verb, text)
    assert len(todo.log()) == 1


def test_a_damaged_log_answers_no_question_about_what_may_lie_behind_the_damage(todo: Todo) -> None:
    todo("add", "one")
    todo("add", "two")
    todo("lists", "new", "work")
    todo.log_file().write_bytes(todo.log_file().read_bytes().replace(b'"two"', b'"TWO"'))
    for args in (
        ["show", "2"],
        ["at", "@2"],
        ["undo"],
        ["done", "2"],
        ["undo", "@2"],
        ["edit", "1", "x"],
        ["move", "1", "work"],
    ):
        assert todo.run(*args).code == 5, args
    assert todo.log("work") == []
    todo.log_file("work").write_bytes(b"junk\n")
    listed = todo("lists")
    assert listed.out == "* inbox  1 open, 0 done\n  work   unreadable\n"
    assert "work.jsonl, line 1" in listed.err


def test_a_store_that_keeps_nothing(todo: Todo) -> None:
    assert todo("--store", "null:", "add", "x").out.startswith("Added nothing")
    assert todo("--store", "memory:", "add", "x").out.startswith("Added 1: x")
    assert list(todo.home.iterdir()) == []


def test_an_empty_value_never_means_the_default(todo: Todo) -> None:
    todo("add", "a")
    before = todo.content()
    for words, name in (
        (["-L", "", "rm", "1"], "--list"),
        (["rm", "1", "--store="], "--store"),
        (["ls", "--sort", " "], "--sort"),
        (["history", "--by", ""], "--by"),
        (["diff", ""], "FROM"),
        (["diff", "", "@1", "--stat"], "FROM"),
        (["replay", ""], "FROM"),
        (["report", ""], "''"),
        (["sync", ""], "the remote"),
        (["edit", "1", "--clear", "due", "--due", ""], "the field due"),
        (["edit", "1", "--clear", "note", "--note", ""], "the field note"),
        (["ls", "-t", "+"], "a tag"),
        (["add", "x", "-t", "+"], "a tag"),
    ):
        result = todo.run(*words)
        assert (result.code, result.out) == (2, ""), words
        assert f"{name} is empty" in result.err, words
    assert todo.content() == before
