"""`todo backup`: one file with all lists, taken while others write. `import` brings them back, and `verify` checks it."""

import io
import json
import os
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Todo, empty_schema

WRITER = """
import itertools, random, sys
from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from datetime import datetime, UTC

url, number = sys.argv[1], int(sys.argv[2])
drawn = random.Random(number)
store = open_store(url, TYPES)
lists = [TodoList(store, name, f"writer {number}") for name in ("a", "b", "c")]
print("ready", flush=True)
for turn in itertools.count():
    try:
        if number % 2:
            here, there = drawn.sample(lists, 2)
            tokens = [item for item in here.view().items if item.todo.text.startswith("token") and not item.todo.removed]
            if tokens:
                here.move([drawn.choice(tokens)], there)
        else:
            drawn.choice(lists).add([Create(f"todo {number}.{turn}", datetime.now(UTC))])
    except CqrsError as error:
        if "meanwhile" not in str(error) and "removed" not in str(error) and "moved" not in str(error):
            print(error, file=sys.stderr, flush=True)
"""
TOKENS = 12


@pytest.fixture
def filled(todo: Todo) -> Todo:
    """Two lists in use, one of them with moves and an empty one, an archived list, and a configuration."""
    todo("add", "-", stdin="Buy milk\nCall Zo\u00eb\n")
    todo("done", "1")
    todo("lists", "new", "work")
    todo("move", "2", "work")
    todo("lists", "new", "empty")
    todo("lists", "new", "old times")
    todo("-L", "old times", "add", "Ancient")
    todo("lists", "archive", "old times")
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('list = "work"\n')
    return todo


@pytest.fixture
def other(tmp_path: Path) -> Todo:
    """The program in another, empty home."""
    return Todo(tmp_path / "other")


def logs(todo: Todo) -> dict[str, bytes]:
    return {str(path.relative_to(todo.data)): path.read_bytes() for path in todo.data.glob("*/*.jsonl")}


def saved(todo: Todo) -> str:
    path = str(todo.home.parent / "backup.zip")
    assert todo("backup", path).out == ""
    return path


def test_a_backup_brings_everything_back_into_an_empty_home(filled: Todo, other: Todo) -> None:
    path = saved(filled)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    result = other("import", path)
    assert result.out.split("\n")[:-1] == [
        "empty: restored, 0 commits",
        "inbox: restored, 3 commits",
        "work: restored, 1 commit",
        "old times (archived): restored, 1 commit",
    ]
    assert result.err == "The configuration was restored\n"
    assert logs(other) == logs(filled)
    config = other.home / ".config/cqrs-todo/config.toml"
    assert (config.read_text(), stat.S_IMODE(config.stat().st_mode)) == ('list = "work"\n', 0o600)
    assert other("verify").out == filled("verify").out
    again = other("import", path)
    assert {line.partition(": ")[2] for line in again.out.split("\n")[:-1]} == {"has all of it already"}


def test_verify_checks_a_backup_in_place_as_it_checks_the_lists(filled: Todo) -> None:
    path = saved(filled)
    before = logs(filled)
    assert filled("verify", path).out == filled("verify").out
    assert filled("verify", path, "--json").json["lists"] == filled("verify", "--json").json["lists"]
    assert filled("-L", "work", "verify", path).out.startswith("work: 1 event, 1 commit")
    assert filled.run("verify", path, "--repair").code == 2
    assert logs(filled) == before


def test_lists_that_are_there_are_continued_or_refused_and_the_others_are_restored(filled: Todo, other: Todo) -> None:
    other("import", saved(filled))
    filled("add", "More", "--list", "work")
    other("-L", "inbox", "add", "Only there")
    filled("-L", "inbox", "add", "Only here")
    filled("lists", "unarchive", "old times")
    filled("-L", "old times", "add", "Still")
    result = other.run("import", saved(filled))
    assert result.code == 1
    inbox, old = (next(line for line in result.out.split("\n") if line.startswith(name)) for name in ("inbox", "old times"))
    assert (inbox, old) == ("inbox: not restored", "old times: not restored")
    assert "inbox was not restored: the list here and the one in the backup have different changes" in result.err
    assert "; there is an archived list named 'old times'" in result.err
    merge = result.err.split("to merge them: ")[1].split(", and then todo ")
    subprocess.run(["sh", "-c", merge[0]], cwd=other.home, check=True)
    assert "Merged 1 commit" in other(*merge[1].split()).out
    assert "work: restored, 1 commit\n" in result.out
    assert logs(other)["lists/work.jsonl"] == logs(filled)["lists/work.jsonl"]
    assert "Only there" in other.content("inbox")


def test_another_list_of_the_same_name_stays_and_the_way_to_have_both_is_named(filled: Todo, other: Todo) -> None:
    other("add", "Mine")
    file = saved(filled)
    refused = other.run("import", file)
    assert (refused.code, refused.err.count("inbox was not restored")) == (1, 1)
    assert f"to have both: todo lists rename inbox NAME, and then todo import {file}" in refused.err
    assert "inbox: would not be restored\n" in other.run("import", file, "--dry-run").out
    other("lists", "rename", "inbox", "mine")
    assert "inbox: restored" in other("import", file).out
    assert "Mine" in other("-L", "mine", "ls").out


def test_a_dry_run_says_what_of_each_list_would_be_restored(filled: Todo, other: Todo) -> None:
    file = saved(filled)
    shown = other("import", file, "--dry-run").out.split("\n")
    assert "work: would be restored, 1 commit" in shown
    assert other("lists").out == ""
    other("import", file)
    filled("-L", "work", "add", "More")
    shown = other("import", saved(filled), "--dry-run").out.split("\n")
    assert {"inbox: has all of it already", "work: would be restored, 1 commit"} <= {*shown}


@pytest.mark.parametrize("verb", ["verify", "import"])
def test_a_file_that_is_no_zip_archive_is_no_backup(todo: Todo, verb: str) -> None:
    (todo.home / "no.zip").write_text("some text")
    result = todo.run(verb, "no.zip")
    assert (result.code, "todo backup" in result.err) == (1, True)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('list = "mine"\n', "there is one already"),
        (None, "The configuration was restored"),
    ],
)
def test_a_configuration_that_is_there_stays(filled: Todo, other: Todo, config: str | None, words: str) -> None:
    path = other.home / ".config/cqrs-todo/config.toml"
    if config is not None:
        path.parent.mkdir(parents=True)
        path.write_text(config)
    assert words in other("import", saved(filled)).err
    assert path.read_text() == (config or 'list = "work"\n')


def test_a_configuration_that_names_another_store_is_not_restored(filled: Todo, other: Todo) -> None:
    config = filled.home / ".config/cqrs-todo/config.toml"
    config.write_text(f'store = "jsonl:{filled.data}"\n')
    assert "it names another store" in other("import", saved(filled)).err
    assert not (other.home / ".config/cqrs-todo/config.toml").exists()


@pytest.mark.parametrize(
    ("config", "programs"),
    [
        ('[[reaction]]\nname = "log"\nrun = ["sh", "-c", "touch $HOME/ran"]\n', "sh -c 'touch $HOME/ran'"),
        ('[remind]\nnotify = ["/tmp/x", "{text}"]\n', "/tmp/x '{text}'"),
    ],
)
def test_a_configuration_that_runs_programs_is_restored_but_not_in_use(
    filled: Todo, other: Todo, config: str, programs: str
) -> None:
    (filled.home / ".config/cqrs-todo/config.toml").write_text(config)
    path = saved(filled)
    folder = other.home / ".config/cqrs-todo"
    assert f"would be saved as {folder}/config.toml.from-backup" in other("import", path, "--dry-run").err
    assert not folder.exists()
    for _ in range(2):
        message = other("import", path).err
        assert f"is not in use, because it runs programs: {programs}. Read it, then use it: mv {folder}/" in message
    [aside] = folder.iterdir()
    assert (aside.name, aside.read_text(), stat.S_IMODE(aside.stat().st_mode)) == (
        "config.toml.from-backup",
        config,
        0o600,
    )
    other("add", "a")
    assert not (other.home / "ran").exists()
    aside.write_text("mine")
    assert "was not restored" in other("import", path).err
    assert aside.read_text() == "mine"


def test_a_configuration_that_this_program_would_refuse_is_not_restored(filled: Todo, other: Todo) -> None:
    path = saved(filled)
    rewritten(path, with_entry("config.toml", b"unheard = 1\n"))
    assert "The configuration was not restored: it is wrong: unknown key 'unheard'" in other("import", path).err
    assert other("ls", "--list", "inbox").code == 0


def test_a_damaged_list_is_not_saved_and_an_older_backup_stays(filled: Todo) -> None:
    path = saved(filled)
    before = Path(path).read_bytes()
    log = filled.log_file("work")
    log.write_bytes(log.read_bytes().replace(b"Call", b"Tell"))
    result = filled.run("backup", path)
    assert (result.code, "nothing was saved" in result.err) == (5, True), result.err
    assert Path(path).read_bytes() == before
    assert os.listdir(Path(path).parent) == ["backup.zip", "home"] or ".new" not in "".join(os.listdir(Path(path).parent))


def test_a_backup_does_not_go_into_the_store(filled: Todo) -> None:
    result = filled.run("backup", str(filled.data / "lists/inbox.jsonl"))
    assert (result.code, "belongs to this program" in result.err) == (2, True)


def test_options_that_make_no_sense_with_a_backup_are_refused(filled: Todo, other: Todo) -> None:
    path = saved(filled)
    assert filled.run("--at", "yesterday", "backup", "x.zip").code == 2
    assert other.run("-L", "work", "import", path).code == 2
    assert other.run("import", path, "--because", "why").code == 2
    assert other.run("import", "-", stdin=Path(path).read_bytes()).code == 2
    assert logs(other) == {}


def test_the_lists_of_a_server_are_saved_and_restored_there(tmp_path: Path, database: str) -> None:
    todo = Todo(tmp_path / "home", database)
    todo("add", "Buy milk")
    todo("lists", "new", "old")
    todo("-L", "old", "add", "Ancient")
    todo("lists", "archive", "old")
    path = saved(todo)
    elsewhere, files = Todo(tmp_path / "elsewhere", empty_schema(database)), Todo(tmp_path / "files")
    for each in (elsewhere, files):
        assert each("import", path).out == "inbox: restored, 1 commit\nold (archived): restored, 1 commit\n"
        assert each.content() == todo.content()
        assert "has all of it already\nold (archived): has" in each("import", path).out
    assert files("verify").out == todo("verify", path).out


# while others write


def test_while_20_processes_write_each_list_is_saved_up_to_a_commit_and_no_todo_is_lost(todo: Todo, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        todo("lists", "new", name)
    todo("-L", "a", "add", "-", stdin="".join(f"token {number}\n" for number in range(TOKENS)))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, f"jsonl:{todo.data}", str(number)],
            env=todo.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(20)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
        for number in range(4):
            todo("backup", f"{tmp_path}/{number}.zip")
            then = commits_in(todo)
            while commits_in(todo) == then:
                assert all(writer.poll() is None for writer in writers), "all of them still write"
                time.sleep(0.01)
    finally:
        for writer in writers:
            writer.kill()
        errors = b"".join(writer.communicate()[1] for writer in writers)
    assert errors == b""
    todo("add", "the torn tail that a killed writer left is set aside", "-L", "a")
    whole = logs(todo)
    commits = []
    for number in range(4):
        home = Todo(tmp_path / f"home{number}")
        home("import", f"{tmp_path}/{number}.zip")
        home("verify")
        for name, content in logs(home).items():
            assert whole[name].startswith(content), f"{name} is a beginning of the original"
            assert content.endswith(b"\n")
        texts = [each["text"] for name in "abc" for each in home.todos("-L", name)]
        assert {text for text in texts if text.startswith("token")} == {f"token {each}" for each in range(TOKENS)}
        commits.append(commits_in(home))
    assert len(set(commits)) == 4, "the writers went on meanwhile"


def commits_in(todo: Todo) -> int:
    """How many commits the lists have, in all."""
    return sum(content.count(b"\n") for content in logs(todo).values())


# hostile files


def rewritten(path: str, change: Callable[[dict[str, bytes]], None], **attributes: Any) -> None:
    """Write an archive again with other entries."""
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w", attributes.pop("compression", zipfile.ZIP_DEFLATED)) as file:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = file.compression
            for key, value in attributes.items():
                setattr(info, key, value)
            file.writestr(info, content)


def contents_with(**values: Any) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        entries["backup.json"] = json.dumps({**json.loads(entries["backup.json"]), **values}).encode()

    return change


def listed(name: str, **values: Any) -> Callable[[dict[str, bytes]], None]:
    """Make the list in the backup have another name."""

    def change(entries: dict[str, bytes]) -> None:
        found = json.loads(entries["backup.json"])
        found["lists"] = [{**each, "name": name, **values} for each in found["lists"][:1]]
        entries.clear()
        entries[f"lists/{name}.jsonl"] = b"{}"
        entries["backup.json"] = json.dumps(found).encode()

    return change


def replaced(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        assert old in entries["lists/inbox.jsonl"]
        entries["lists/inbox.jsonl"] = entries["lists/inbox.jsonl"].replace(old, new)

    return change


def cut(entries: dict[str, bytes]) -> None:
    entries["lists/inbox.jsonl"] = b"\n".join(entries["lists/inbox.jsonl"].split(b"\n")[:-2]) + b"\n"


def with_entry(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda entries: entries.update({name: content})


def without(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        del entries[name]

    return change


HOSTILE: dict[str, tuple[Callable[[str], None], str]] = {
    "cut in half": (lambda path: os.truncate(path, os.path.getsize(path) // 2), "it was cut off"),
    "cut by a byte": (lambda path: os.truncate(path, os.path.getsize(path) - 1), "cut off"),
    "cut to its first bytes": (lambda path: os.truncate(path, 4), "it was cut off"),
    "a path out of it": (lambda path: rewritten(path, with_entry("../../x", b"x")), "'../../x', which no backup has"),
    "an absolute path": (lambda path: rewritten(path, with_entry("/tmp/x", b"x")), "'/tmp/x', which no backup has"),
    "a list out of it": (lambda path: rewritten(path, listed("../../x")), "is not the name of a list"),
    "a list with a control character": (lambda path: rewritten(path, listed("a\x1b[2J")), "is not the name of a list"),
    "a hidden list": (lambda path: rewritten(path, listed(".x")), "is not the name of a list"),
    "symbolic links": (
        lambda path: rewritten(path, lambda _: None, external_attr=(stat.S_IFLNK | 0o777) << 16),
        "is not a file",
    ),
    "a folder": (lambda path: rewritten(path, with_entry("lists/", b"")), "is not a file"),
    "an unknown file": (lambda path: rewritten(path, with_entry("lists/.x.lock", b"x")), "which no backup has"),
    "another compression": (lambda path: rewritten(path, lambda _: None, compression=zipfile.ZIP_LZMA), "in another way"),
    "no contents": (lambda path: rewritten(path, without("backup.json")), "no backup.json"),
    "contents that are not JSON": (lambda path: rewritten(path, with_entry("backup.json", b"{")), "backup.json is wrong"),
    "contents nested deeply": (
        lambda path: rewritten(path, with_entry("backup.json", b"[" * 100_000)),
        "backup.json is wrong",
    ),
    "contents of another format": (lambda path: rewritten(path, contents_with(format="\x1b]0;x")), "its format is"),
    "contents of a newer format": (lambda path: rewritten(path, contents_with(version="2.0")), "its format is"),
    "a list that is not there": (
        lambda path: rewritten(path, without("lists/inbox.jsonl")),
        "the list inbox is missing in it",
    ),
    "a list that is not listed": (lambda path: rewritten(path, contents_with(lists=[])), "which no backup has"),
    "a list that is listed twice": (
        lambda path: rewritten(
            path, lambda entries: contents_with(lists=json.loads(entries["backup.json"])["lists"] * 2)(entries)
        ),
        "or twice",
    ),
    "a bomb in the configuration": (
        lambda path: rewritten(path, with_entry("config.toml", bytes(2 << 20))),
        "is larger than",
    ),
    "a bomb in a list": (
        lambda path: rewritten(path, with_entry("lists/inbox.jsonl", bytes(100 << 20))),
        "it is longer than",
    ),
    "a bomb of many lines": (
        lambda path: rewritten(path, with_entry("lists/inbox.jsonl", b"{}\n" * (10 << 20))),
        "inbox, line 1",
    ),
    "an altered line": (lambda path: rewritten(path, replaced(b"milk", b"wine")), "inbox, line 2"),
    "a list without its last line": (lambda path: rewritten(path, cut), "not where the list ended"),
    "a list without its last line feed": (
        lambda path: rewritten(path, with_entry("lists/inbox.jsonl", b"{}")),
        "inbox, line 1",
    ),
    "a program": (lambda path: rewritten(path, with_entry("config.toml", b"\x7fELF")), ""),
}


def flipped(path: str) -> None:
    """Change a byte of what is compressed, so that its CRC is wrong."""
    with zipfile.ZipFile(path) as file:
        info = file.getinfo("lists/inbox.jsonl")
    content = bytearray(Path(path).read_bytes())
    content[info.header_offset + 30 + len(info.filename) + len(info.extra) + 60] ^= 0xFF
    Path(path).write_bytes(content)


HOSTILE["a flipped byte"] = (flipped, "")
NO_BACKUPS = ("no contents", "contents of another format", "contents of a newer format")
"""What this program did not write, or cannot read yet. All others are damaged."""


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_file_is_refused_with_a_line_and_nothing_is_restored(
    kind: str, pasts: Any, todo: Todo, other: Todo
) -> None:
    pasts.give(todo, _fill)
    path = saved(todo)
    damage, words = HOSTILE[kind]
    damage(path)
    result = other.run("import", path)
    if kind == "a program":  # the lists are good: only the configuration is left out
        assert (result.code, "the configuration was not restored" in result.err.lower()) == (0, True)
        return
    assert (result.code, words in result.err) == (1 if kind in NO_BACKUPS else 5, True), result.err
    assert len(result.err.split("\n")) <= 3
    assert "\x1b" not in result.err
    assert logs(other) == {}
    assert todo.run("verify", path).code == result.code


def test_a_backup_is_not_written_to_stdout(todo: Todo) -> None:
    todo("add", "Buy milk")
    result = todo.run("backup", "-")
    assert (result.code, "a backup is written to a file, not to stdout" in result.err) == (2, True)
    assert not (todo.home / "-").exists()


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "Call Ann")


def test_an_archive_with_an_entry_twice_is_refused(filled: Todo, other: Todo) -> None:
    path = saved(filled)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("lists/inbox.jsonl", b"{}\n")
    assert "'lists/inbox.jsonl' twice" in other.run("import", path).err
    other_zip = io.BytesIO()
    with zipfile.ZipFile(other_zip, "w") as file:
        file.writestr("holiday.jpg", b"x")
    Path(path).write_bytes(other_zip.getvalue())
    assert "it has no backup.json" in other.run("import", path).err


def test_a_list_that_is_there_under_another_name_is_not_restored_twice(filled: Todo, other: Todo) -> None:
    file = saved(filled)
    other("import", file)
    other("lists", "rename", "inbox", "mine")
    refused = other.run("import", file)
    assert (refused.code, "inbox was not restored: it is the list mine here" in refused.err) == (1, True)
