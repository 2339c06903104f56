"""`import` refuses what is not an export, quickly, in bounded memory, and before it takes the lock."""

import encodings.aliases
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cqrs_todo.cli.errors import UsageError
from cqrs_todo.cli.sources import Source, known_encoding
from cqrs_todo.todo.errors import MalformedFile
from tests.conftest import Todo

PROGRAM = [sys.executable, "-m", "cqrs_todo"]
MEMORY = 400 << 20
"""Bytes of address space in which every refusal must succeed: the limit for JSON, and the interpreter beside it."""


@pytest.fixture
def filled(todo: Todo) -> Todo:
    for text in ("one", "two", "three"):
        todo("add", text)
    return todo


@pytest.fixture
def elsewhere(todo: Todo) -> Path:
    """The log of three todos in another store: a store takes a log in only once."""
    for text in ("one", "two", "three"):
        add_elsewhere(todo, text)
    return todo.home / "elsewhere/lists/inbox.jsonl"


def add_elsewhere(todo: Todo, text: str) -> None:
    todo("--store", f"jsonl:{todo.home}/elsewhere", "add", text)


def bounded(todo: Todo, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command, in which `todo` is the program with little memory, while the list's lock is held by this test."""
    lock = todo.data / "lists/copy.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        return subprocess.run(
            ["bash", "-c", command.replace("todo ", f"{' '.join(PROGRAM)} -L copy ")],
            env=todo.env,
            cwd=todo.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("todo import /dev/zero", 1, "it has NUL characters"),
        ("todo import --format events /dev/zero", 1, "line 1: it is longer than 65,536 bytes"),
        ("todo import --format json /dev/zero", 1, "neither JSON nor a log"),
        ("todo import /dev/urandom", 1, ""),
        ("yes | todo import -", 1, "is not recognised"),
        ("yes '{' | todo import -", 1, "is larger than 67,108,864 bytes"),
        ("yes '' | todo import -", 1, "is larger than 67,108,864 bytes"),
        ("yes | todo import --format events -", 1, "line 1: no header"),
        ("head -c 10000000 /dev/zero | tr '\\0' x | todo import -", 1, "is not recognised"),
        ("head -c 10000000 /dev/zero | tr '\\0' '{' | todo import --format events -", 1, "line 1: it is longer"),
        ("(cat log | head -1; yes) | todo import -", 1, "line 2, byte"),
        ("(cat log | head -1; cat /dev/zero) | todo import -", 1, "line 2: it is longer than 67,108,864 bytes"),
        ("(cat log; yes '{}') | todo import -", 1, "line 5, byte"),
        (
            "(cat log; head -c 10000000 /dev/zero | tr '\\0' x) | todo import -",
            1,
            "line 5: its last line does not end with a line feed",
        ),
        ("head -c -1 log | todo import -", 1, "line 4: its last line does not end with a line feed"),
        ("head -c -20 log | todo import -", 1, "line 4: its last line does not end with a line feed"),
        ("head -c 20 log | todo import -", 1, "line 1: its last line does not end with a line feed"),
        ("sed 2d log | todo import -", 1, "line 2, byte"),
        ("sed 1d log | todo import -", 1, "is not an export"),
        ("sed 1s/1.0/2.0/ log | todo import -", 1, "made by a newer program"),
        ("todo import .", 1, "is a folder without .ics files"),
        ("todo import - <&-", 1, "stdin is empty; nothing was imported"),
        ("todo import log/x", 2, "Not a directory"),
        ("todo import $(printf 'x%.0s' {1..300})", 2, "File name too long"),
        ("ln -s loop loop; todo import loop", 2, "symbolic links"),
        ("iconv -t UTF-16 log | todo import -", 1, "is a log in another encoding"),
    ],
)
def test_what_is_no_export_is_refused_before_the_lock_in_bounded_memory(
    filled: Todo, command: str, code: int, words: str
) -> None:
    (filled.home / "log").write_bytes(filled.log_file().read_bytes())
    done = bounded(filled, command)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr
    assert sorted(file.name for file in (filled.data / "lists").iterdir()) == ["copy.lock", "inbox.jsonl", "inbox.lock"]


def test_a_byte_order_mark_and_lines_from_windows_are_read(todo: Todo, elsewhere: Path) -> None:
    log = elsewhere.read_bytes()
    for name, changed in (("a", b"\xef\xbb\xbf" + log), ("b", log.replace(b"\n", b"\r\n"))):
        store = ("--store", f"jsonl:{todo.home}/{name}")
        assert todo(*store, "import", "-", stdin=changed).out == "Imported 3 commits into inbox\n"
        assert (todo.home / name / "lists/inbox.jsonl").read_bytes() == log
    document = b"\xef\xbb\xbf\r\n" + todo(*store, "export").out.encode().replace(b"\n", b"\r\n")
    assert "3 todos" in todo("-L", "c", "import", "-", stdin=document).out


def test_an_import_goes_on_from_what_is_there_and_never_back(todo: Todo, elsewhere: Path) -> None:
    lines = elsewhere.read_bytes().splitlines(keepends=True)
    for end, message in (
        (2, "Imported 1 commit into"),
        (4, "Imported 2 commits"),
        (4, "has all of these commits"),
        (2, "has all of these commits"),
    ):
        assert message in todo("-L", "copy", "import", "-", stdin=b"".join(lines[:end])).out
    todo("-L", "copy", "add", "mine")
    before = todo.log_file("copy").read_bytes()
    add_elsewhere(todo, "other")
    refused = todo.run("-L", "copy", "import", str(elsewhere))
    assert refused.code == 1
    assert "another history" in refused.err
    assert "todo -L NAME import FILE" in refused.err
    assert todo.log_file("copy").read_bytes() == before
    assert todo("-L", "copy", "import", "-", stdin=before).out == "Nothing to import: copy has all of these commits\n"


def test_the_list_is_not_locked_while_the_lines_come(todo: Todo, elsewhere: Path) -> None:
    lines = elsewhere.read_bytes().splitlines(keepends=True)
    todo("-L", "copy", "import", "-", stdin=b"".join(lines[:2]))
    command = [*PROGRAM, "-L", "copy", "import", "-"]
    with subprocess.Popen(command, env=todo.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(b"".join(lines))
        run.stdin.flush()
        wait_for(todo, run)
        todo("-L", "copy", "add", "meanwhile")
        _, err = run.communicate(timeout=60)
    assert (run.returncode, b"another history" in err) == (1, True)
    assert [todo["text"] for todo in todo.todos("-L", "copy")] == ["one", "meanwhile"]


def test_a_todo_that_was_moved_away_is_not_imported_into_the_list_that_it_left(filled: Todo) -> None:
    filled("export", "-o", "before.json")
    filled("lists", "new", "work")
    filled("move", "1-2", "work")
    filled("edit", "3", "changed")
    imported = filled("import", "before.json")
    assert imported.out == "Imported 3 (1 todo). Undo: todo undo\n"
    assert imported.err == "Not imported, because moved to another list: 1-2\n"
    assert [todo["text"] for todo in filled.todos()] == ["three"]
    assert [todo["text"] for todo in filled.todos("-L", "work")] == ["one", "two"]
    again = filled("import", "before.json")
    assert (again.out, again.err) == ("", "Not imported, because moved to another list: 1-2\n")
    assert filled("import", "before.json", "--json").json["stayed"] == [1, 2]
    filled("-L", "work", "move", "1", "inbox")
    assert filled("import", "before.json").err == "Not imported, because moved to another list: 2\n"


def test_a_todo_that_was_removed_is_imported(filled: Todo) -> None:
    filled("export", "-o", "before.json")
    filled("rm", "1")
    assert filled("import", "before.json").out == "Imported 1 (1 todo). Undo: todo undo\n"
    assert [todo["text"] for todo in filled.todos()] == ["one", "two", "three"]


def wait_for(todo: Todo, run: "subprocess.Popen[bytes]") -> Path:
    """The temporary file of an import that runs."""
    while not (found := list((todo.data / "lists").glob(".copy.*"))):
        assert run.poll() is None
        time.sleep(0.01)
    return found[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_import_leaves_nothing(todo: Todo, elsewhere: Path, number: signal.Signals) -> None:
    command = [*PROGRAM, "-L", "copy", "import", "-"]
    with subprocess.Popen(command, env=todo.env, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(elsewhere.read_bytes())
        run.stdin.flush()
        wait_for(todo, run)
        time.sleep(0.1)
        run.send_signal(number)
        run.wait(60)
        assert (run.returncode, run.stderr and run.stderr.read()) == (130 if number == signal.SIGINT else -number, b"")
    if number == signal.SIGKILL:  # nothing can clean up after that, but the next import
        assert len(list((todo.data / "lists").glob(".copy.*"))) == 1
        todo("-L", "copy", "import", str(elsewhere))
    assert not list((todo.data / "lists").glob(".*"))
    assert todo.log_file("copy").exists() == (number == signal.SIGKILL)


def test_two_imports_at_once_leave_each_others_files_alone(todo: Todo, elsewhere: Path) -> None:
    command = [*PROGRAM, "-L", "copy", "import", "-"]
    with subprocess.Popen(command, env=todo.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(elsewhere.read_bytes())
        run.stdin.flush()
        wait_for(todo, run)
        time.sleep(0.1)
        assert todo("-L", "copy", "import", str(elsewhere)).out == "Imported 3 commits into copy\n"
        out, _ = run.communicate(timeout=60)
    assert out == b"Nothing to import: copy has all of these commits\n"
    assert not list((todo.data / "lists").glob(".*"))


def test_a_file_that_may_not_be_read_is_refused(filled: Todo) -> None:
    if os.geteuid() == 0:
        pytest.skip("permissions do not bind root")
    filled.log_file().chmod(0)
    assert filled.run("-L", "copy", "import", str(filled.log_file())).code == 2


def test_an_empty_file_and_other_json_are_refused_in_plain_words(todo: Todo) -> None:
    for content, words in (("", "stdin is empty"), (" \n", "stdin is empty"), ("{}", "this JSON is not an export")):
        result = todo.run("import", "-", stdin=content)
        assert (result.code, words in result.err) == (1, True), result.err
        assert "nothing was imported" in result.err


def test_only_an_encoding_of_texts_is_taken_and_before_anything_is_read(todo: Todo) -> None:
    for name in ("hex", "undefined", "idna", "punycode", "rot13", "nonsense", "", "a\nb", "../x"):
        with pytest.raises(UsageError, match="there is no encoding"):
            known_encoding(name)
    (todo.home / "todo.txt").write_text("(A) one\n")
    for file in ("-", "todo.txt", "missing.txt"):
        refused = todo.run("import", file, "--encoding", "hex", stdin="(A) one\n")
        assert (refused.code, refused.err.startswith("todo: there is no encoding 'hex'\n")) == (2, True), refused.err
    assert "there is no encoding 'hex'" in todo.run("import", "--git", "todo.txt", "--encoding", "hex").err


def test_every_encoding_of_python_reads_any_bytes_or_is_refused(tmp_path: Path) -> None:
    names = {*encodings.aliases.aliases, *encodings.aliases.aliases.values(), "idna", "punycode", "undefined", "charmap"}
    file = tmp_path / "todo.txt"
    file.write_bytes(b"(A) one\n" + bytes(range(1, 256)) + b"\n(B) two")
    read = 0
    for name in names:
        try:
            known = known_encoding(name)
        except UsageError:
            continue
        read += 1
        source = Source("todo.txt", str(file), None, known)
        assert source.head()
        with suppress(MalformedFile):
            assert list(source.lines())
    assert read > 200


def test_options_that_an_import_does_not_take_are_refused(filled: Todo) -> None:
    filled("export", "--format", "events", "-o", "log")
    filled("export", "-o", "todos.json")
    filled("backup", "all.zip")
    for words, option in (
        (("log", "--encoding", "latin-1"), "--encoding"),
        (("todos.json", "--headings", "tags"), "--headings"),
        (("all.zip", "--lenient"), "--lenient"),
        (("--git", "log", "--list-by", "project"), "--list-by"),
    ):
        refused = filled.run("import", *words)
        assert (refused.code, f"takes no {option}" in refused.err) == (2, True), refused.err


def test_what_leaving_out_an_entry_does_not_mend_has_another_hint(todo: Todo) -> None:
    (todo.home / "todo.txt").write_bytes(b"(A) one\n" * 5000 + b"(B) Caf\xe9\n")
    refused = todo.run("import", "todo.txt")
    assert refused.err.split("\n")[:2] == [
        "todo: todo.txt, line 5,001: it is not UTF-8: invalid continuation byte; nothing was imported",
        "      say which encoding it has, for instance: --encoding cp1252",
    ]
    assert "Imported 1-5001" in todo("import", "todo.txt", "--encoding", "cp1252").out


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_may_end_in_every_usual_way(tmp_path: Path, end: str, encoding: str) -> None:
    file = tmp_path / "todo.txt"
    file.write_bytes(f"(A) one{end}{end}x two{end}".encode(encoding))
    source = Source("todo.txt", str(file), None, None)
    assert [line.rstrip("\r\n") for line in source.lines()] == ["(A) one", "", "x two"]
    assert source.text(1000).splitlines() == ["(A) one", "", "x two"]


def test_a_log_that_is_there_under_another_name_is_refused_with_the_way_to_add_to_it(todo: Todo, elsewhere: Path) -> None:
    todo("-L", "copy", "import", str(elsewhere))
    refused = todo.run("-L", "second", "import", str(elsewhere))
    said = "this log is in the store already, as the list copy; nothing was imported"
    assert (refused.code, said in refused.err) == (1, True)
    assert "todo -L copy import FILE" in refused.err
    todo("lists", "archive", "copy")
    assert "todo lists unarchive copy" in todo.run("-L", "second", "import", str(elsewhere)).err


def test_lists_are_only_made_by_project(todo: Todo) -> None:
    refused = todo.run("import", "a.md", "--list-by", "foo")
    assert (refused.code, "--list-by takes only project, and not 'foo'" in refused.err) == (2, True)
