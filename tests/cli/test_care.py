"""`verify`, `export` and `import`, as the real program."""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cqrs_todo.cqrs.stores.hash_chain import digest_in
from tests.chains import rechain_line
from tests.conftest import Pasts, Result, Todo
from tests.trials.ledger import untraceable


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk", "+home", "due:2030-01-01", "pri:H")
    todo("add", "-", stdin="one\ntwo\nthree\n")
    todo("done", "1,3")
    todo("rm", "4")


def flip(path: Path, line: int) -> None:
    """Alter a letter in a line, which counts from 1."""
    lines = path.read_bytes().split(b"\n")
    lines[line - 1] = lines[line - 1].replace(b"todo/", b"tofo/", 1)
    path.write_bytes(b"\n".join(lines))


def test_verify_vouches_for_every_list(filled: Todo) -> None:
    filled("add", "-L", "work", "Report")
    filled("lists", "archive", "work")
    result = filled("verify")
    head = filled.log()[-1]["sum"]
    assert result.out.splitlines()[0] == f"inbox: 7 events, 4 commits, head {head[:8]}…, intact"
    assert result.out.splitlines()[1].startswith("work (archived): 1 event, 1 commit, head ")
    assert result.err == ""
    inbox, work = filled("verify", "--json").json["lists"]
    damage_free = {
        "archived": False,
        "events": 7,
        "commits": 4,
        "forgotten": 0,
        "head": head,
        "damage": None,
        "repair": None,
    }
    assert inbox == {"name": "inbox", **damage_free}
    assert work["archived"] is True
    assert filled("-L", "work", "verify", "--plain").out.startswith("work (archived)\t1 event, 1 commit")
    assert filled("verify", "--repair").out == result.out


def test_verify_without_lists(todo: Todo) -> None:
    result = todo("verify")
    assert (result.out, result.err) == ("", "There are no lists yet.\n")
    assert todo.run("-L", "nowhere", "verify").code == 3


def test_damage_is_reported_and_repaired(filled: Todo) -> None:
    path = filled.log_file()
    flip(path, 3)
    damaged = path.read_bytes()
    result = filled.run("verify")
    assert result.code == 5
    offset = damaged.index(b'{"position":2')
    assert f"inbox: line 3, byte {offset}: altered: " in result.out
    assert "readable before it: 1 event, 1 commit; 2 complete commits after it" in result.out
    assert "todo verify --repair --dry-run" in result.err
    url = f"jsonl:{filled.data}"
    same = Todo(filled.home).run("--store", url, "-L", "inbox", "verify")
    assert f"see what a repair would do: todo --store {url} verify --repair --dry-run" in same.err
    document = filled.run("verify", "--json")
    assert (document.code, document.error["code"]) == (5, "damaged-log")
    damage = document.json["lists"][0]["damage"]
    assert (damage["line"], damage["byte"], damage["what"], damage["beyond"]) == (3, offset, "altered", 2)

    shown = filled("ls")
    assert shown.out.endswith("  Buy milk +home\n")
    assert "damaged at line 3" in shown.err
    refused = filled.run("add", "More")
    assert refused.code == 5
    assert "nothing was recorded" in refused.err
    assert "todo verify" in refused.err

    planned = filled.run("verify", "--repair", "--dry-run")
    assert (planned.code, path.read_bytes()) == (5, damaged)
    assert "line 3: altered: it does not match its digest" in planned.out
    repaired = filled("verify", "--repair")
    assert repaired.out.splitlines()[:3] == planned.out.splitlines()[:3]
    (kept,) = path.parent.glob("inbox.damaged-*")
    assert kept.read_bytes() == damaged
    assert kept.stat().st_mode & 0o777 == 0o600
    assert f"inbox: repaired; the old file is kept as {kept}: 8 events, 5 commits" in repaired.out
    assert "intact" in filled("verify").out
    assert [todo["number"] for todo in filled.todos()] == [1]
    history = filled("history").out
    assert "lost when the log was damaged" in history
    assert "  the log was repaired; lost: @2 to @4" in history
    assert filled.run("undo", "@2").code == 1
    # of the three that were lost, one is never spoken of again: nothing tells that it had been a todo of its own
    assert filled("add", "More").out.startswith("Added 4: More")


def test_a_log_cut_at_a_lines_end_is_noticed(filled: Todo) -> None:
    path = filled.log_file()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    result = filled.run("verify")
    assert result.code == 5
    assert "missing: its end is missing" in result.out
    assert "has lost its end" in filled("ls").err
    assert filled.run("undo").code == 5
    assert "@7 had been recorded" in filled("verify", "--repair").out
    assert filled("ls").err == ""
    assert filled("undo").out.startswith("Undid @5")


def test_a_list_that_cant_be_opened_is_told_beside_the_others(filled: Todo) -> None:
    filled("add", "-L", "work", "Report")
    path = filled.log_file("work")
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))
    result = filled.run("verify")
    assert result.code == 6
    assert "inbox: 7 events, 4 commits" in result.out
    assert "symbolic link" in result.err


@pytest.mark.parametrize("args", [("--dry-run",), ("--repair", "--at", "@1")])
def test_verify_refuses_what_makes_no_sense(filled: Todo, args: tuple[str, ...]) -> None:
    assert filled.run("verify", *args).code == 2


def test_the_log_goes_out_and_comes_in_byte_for_byte(filled: Todo) -> None:
    there = ("--store", f"jsonl:{filled.home}/other", "-L", "copy")
    copy = filled.home / "other/lists/copy.jsonl"
    out = filled("export", "--format", "events").out
    assert out == filled.content()
    assert filled(*there, "import", "-", stdin=out).out == "Imported 4 commits into copy\n"
    assert filled(*there, "import", "-", stdin=out).out == "Nothing to import: copy has all of these commits\n"
    assert copy.read_text() == filled.content()
    filled("undo")
    file = filled.home / "out.jsonl"
    filled("export", "--format", "events", "-o", str(file))
    assert filled(*there, "import", str(file), "--json").json == {
        "format": "cqrs-todo/1",
        "list": "copy",
        "position": 8,
        "as_of": None,
        "commits": 1,
    }
    filled(*there, "add", "mine")
    filled("add", "theirs")
    refused = filled.run(*there, "import", "-", stdin=filled("export", "--format", "events").out)
    assert refused.code == 1
    assert "another history" in refused.err


def test_a_log_is_not_imported_twice_into_a_store(filled: Todo) -> None:
    """One log would have two histories."""
    refused = filled.run("-L", "copy", "import", "-", stdin=filled("export", "--format", "events").out)
    assert refused.code == 1
    assert "in the store already, as the list inbox" in refused.err
    assert filled("lists").out.startswith("* inbox ")


def test_todos_go_out_and_come_in_once(filled: Todo) -> None:
    file = filled.home / "todos.json"
    assert filled("export", "-o", str(file)).out == ""
    assert filled("-L", "copy", "import", str(file)).out == "Imported 1-4 (4 todos). Undo: todo -L copy undo\n"
    assert filled("-L", "copy", "import", str(file)).out == "Nothing to import: copy has all of these todos\n"
    assert len(filled.log("copy")) == 1

    def known(name: str) -> list[object]:
        return [{**todo, "version": 0} for todo in msgspec.json.decode(filled("export", "-L", name).out)["todos"]]

    assert known("copy") == known("inbox")
    assert filled("-L", "copy", "undo").code == 0
    past = filled("export", "--at", "@1").json
    assert [todo["text"] for todo in past["todos"]] == ["Buy milk"]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("", 1, "stdin is empty; nothing was imported"),
        ("{}", 1, "is not an export"),
        ('{"format":"cqrs-todo/9","todos":[]}', 1, "has format"),
        ('{"format":"cqrs-todo/1","todos":[{"id":"../x","text":"x","created":"2026-01-01T00:00:00Z"}]}', 1, "is not an id"),
        ('{"format":"cqrs-todo/1","todos":[{"id":"a1","text":" ","created":"2026-01-01T00:00:00Z"}]}', 1, "text is empty"),
        ('{"format":"cqrs-todo/1","todos":[{"id":"a1","text":"x","created":"2026-01-01T00:00:00"}]}', 1, "no time zone"),
        (
            '{"format":"cqrs-todo/1","todos":[{"id":"a1","text":"x","created":"2026-01-01T00:00:00Z","due":"x"}]}',
            1,
            "due",
        ),
        ('{"format":"cqrs-log","version":"1.0"}\n', 1, "nothing was imported"),
    ],
)
def test_an_import_refuses_what_is_not_an_export(todo: Todo, content: str, code: int, message: str) -> None:
    result = todo.run("import", "-", stdin=content)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert todo.content() == ""


def test_files_that_cannot_be_read_or_written(filled: Todo) -> None:
    for line in ("import nowhere.json", "export -o no/where.json", "export -o ."):
        assert filled.run(*line.split()).code == 2, line
    for line in ("export --format xls", "import - --format xls"):
        result = filled.run(*line.split())
        assert (result.code, "there is no format 'xls'" in result.err) == (2, True), result.err
    assert filled.run("export", "-L", "nowhere").code == 3
    assert filled.run("export", "--at", "@1", "--format", "events").code == 2


# a list that had been recorded and is gone


def copy_of_work(path: Path) -> None:
    shutil.copy(path.with_name("work.jsonl"), path)


GONE: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "moved out of the store": lambda path: path.rename(path.parents[2] / "elsewhere"),
    "another list's file in its place": copy_of_work,
    "renamed so that no list has the file": lambda path: path.rename(path.with_name("inbox.JSONL")),
    "only a conflict copy is left": lambda path: path.rename(
        path.with_name("inbox.sync-conflict-20261120-101010-ABCDEFG.jsonl")
    ),
}
"""Ways in which the file of a list can disappear."""

VERBS = (
    "",
    "ls",
    "show 1",
    "add x",
    "add -",
    "done 1",
    "edit 1 new",
    "tag 1 +x",
    "undo",
    "redo",
    "history",
    "history --all-lists",
    "diff yesterday",
    "blame 1",
    "restore --to @1",
    "at @1 ls",
    "stats",
    "replay",
    "export",
    "export --format events",
    "import todos.json",
    "import work.jsonl",
    "-L work move 1 inbox",
    "lists",
    "lists new inbox",
    "lists rename inbox other",
    "lists rename work inbox",
    "lists archive inbox",
    "verify",
    "verify --repair",
    "-L inbox verify",
)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in a folder but lock files, which a refused verb may make."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
def test_every_verb_tells_of_a_list_that_is_gone_and_changes_nothing(filled: Todo, gone: Callable[[Path], object]) -> None:
    filled("-L", "work", "add", "Report")
    filled("-L", "work", "export", "-o", "todos.json")
    filled("-L", "work", "export", "--format", "events", "-o", "work.jsonl")
    id = msgspec.json.decode(filled.content().split("\n")[0])["id"]
    gone(filled.log_file())
    before = contents(filled.data)
    for verb in VERBS:
        result = filled.run(*verb.split(), stdin="a\nb\n")
        assert result.code == 5, (verb, result.out, result.err)
        assert f"inbox is missing: {filled.log_file()}" in result.err, verb
        assert f"its log (id {id}) had been recorded up to @7" in result.err, verb
        assert "put the file of the list back" in result.err, verb
        assert "todo lists new inbox --start-again" in result.err, verb
        assert contents(filled.data) == before, verb
    listed = filled.run("lists", "--json")
    row = next(row for row in listed.json["lists"] if row["name"] == "inbox")
    assert (row["open"], row["missing"]) == (None, {"log": id, "position": 7})
    assert filled.run("verify", "--json").json["lists"][0]["missing"] == {"log": id, "position": 7}
    assert filled("-L", "work", "add", "More").code == 0, "other lists are in use as before"


def test_a_list_that_is_gone_comes_back_with_its_file_or_by_import(filled: Todo) -> None:
    path = filled.log_file()
    whole = path.read_bytes()
    (filled.home / "whole.jsonl").write_bytes(whole)
    (filled.home / "short.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    path.unlink()
    refused = filled.run("import", "short.jsonl")
    assert (refused.code, "@7 had been recorded, and these lines end before it" in refused.err) == (1, True)
    assert not path.exists()
    assert filled("import", "whole.jsonl").out == "Imported 4 commits into inbox\n"
    assert path.read_bytes() == whole
    path.unlink()
    path.write_bytes(whole)
    assert filled("add", "More").out.startswith("Added 5: More")


@pytest.mark.parametrize("archived", [False, True])
def test_starting_again_keeps_the_record_of_the_list_that_is_gone(filled: Todo, archived: bool) -> None:
    id = msgspec.json.decode(filled.content().split("\n")[0])["id"]
    path = filled.log_file()
    if archived:
        filled("lists", "archive", "inbox")
        path = filled.data / "archive/inbox.jsonl"
    path.unlink()
    assert filled.run("lists", "new", "inbox").code == 5
    answer = filled("lists", "new", "inbox", "--start-again")
    (kept,) = path.parent.glob("inbox.missing-*")
    assert answer.out == "New list: inbox\n"
    assert str(kept) in answer.err
    assert id.encode() in kept.read_bytes()
    assert b'"position":7' in kept.read_bytes()
    assert filled("add", "x").out.startswith("Added 1")
    assert filled("lists").out == "* inbox  1 open, 0 done\n"
    assert "intact" in filled("verify").out
    assert filled.run("lists", "new", "inbox", "--start-again").code == 1, "nothing is missing any more"
    assert filled("lists", "new", "new", "--start-again").out == "New list: new\n"


def test_starting_again_takes_the_file_that_stands_in_place_of_the_list(filled: Todo) -> None:
    filled("-L", "work", "add", "Report")
    filled.log_file("work").rename(filled.log_file())
    assert filled.run("ls").code == 5
    assert filled("lists", "new", "inbox", "--start-again").out == "inbox is now the list whose file is there\n"
    assert [row["text"] for row in filled.todos()] == ["Report"]
    assert filled("add", "x").out.startswith("Added 2")


def test_an_archived_list_that_is_gone_is_told(filled: Todo) -> None:
    filled("-L", "work", "add", "Report")
    filled("lists", "archive", "work")
    (filled.data / "archive/work.jsonl").unlink()
    for verb in ("lists", "verify", "lists unarchive work", "lists new work", "-L work add x", "lists rename inbox work"):
        result = filled.run(*verb.split())
        assert result.code == 5, (verb, result.err)
        assert "work (archived) is missing" in result.err, verb
    assert filled.run("lists", "--json").json["lists"][1]["missing"]["position"] == 1
    assert filled("add", "x").code == 0


def test_a_list_that_was_renamed_or_put_away_is_not_missing(filled: Todo) -> None:
    filled("lists", "rename", "inbox", "other")
    assert filled("ls").out == ""
    assert filled("add", "x").out.startswith("Added 1")
    filled("lists", "archive", "other")
    filled("-L", "other2", "add", "x")
    filled("lists", "rename", "other2", "third")
    assert filled("-L", "other2", "add", "y").err == "New list: other2\n"
    filled("lists", "unarchive", "other")
    filled("lists", "rename", "other", "fourth")
    assert filled("lists", "new", "other").out == "New list: other\n"
    assert filled("verify").err == ""
    filled.log_file("fourth").rename(filled.log_file("fifth"))
    assert filled("-L", "fifth", "ls").err == "", "renaming the file by hand loses nothing either"
    assert filled("lists").err == ""


def test_nothing_is_missing_where_nothing_is_known(filled: Todo) -> None:
    for lock in filled.data.rglob("*.lock"):
        lock.unlink()
    assert len(filled.todos()) == 3
    shutil.rmtree(filled.data / "lists")
    assert filled("lists").err == "There are no lists yet: todo add makes the first.\n"
    assert filled("add", "x").out.startswith("Added 1")
    filled("lists", "new", "work")
    filled.log_file("work").unlink()
    assert "its log (id " in filled.run("-L", "work", "ls").err, "an empty list is a list, too"
    shutil.rmtree(filled.data)
    assert filled("add", "x").out.startswith("Added 1")


@pytest.mark.parametrize("folder", [".local/share/cqrs-todo", ".local/share/cqrs-todo/lists", ".local/share", ".local"])
def test_a_folder_that_is_a_link_to_nowhere_is_no_empty_store(filled: Todo, folder: str) -> None:
    path = filled.home / folder
    assert filled.data.is_relative_to(path) or path.is_relative_to(filled.data)
    away = filled.home / "away"
    path.rename(away)
    path.symlink_to(filled.home / "nowhere")
    for verb in ("", "ls", "add x", "-L new add x", "lists", "lists new x", "lists new x --start-again", "verify", "undo"):
        result = filled.run(*verb.split())
        assert (result.code, result.out) == (5, ""), (verb, result.err)
        assert f"{path} is a link to {filled.home / 'nowhere'}, which is not there" in result.err
        assert "remove the link" in result.err
    assert filled.run("ls", "--json").error["code"] == "damaged-log"
    path.unlink()
    path.symlink_to(away)
    assert len(filled.todos()) == 3, "a link that leads somewhere is followed"


def test_an_unreadable_record_of_a_list_is_told(filled: Todo) -> None:
    lock = filled.log_file().with_suffix(".lock")
    filled.log_file().unlink()
    lock.write_bytes(b"x" + lock.read_bytes()[1:])
    result = filled.run("add", "x")
    assert result.code == 5
    assert "says that it had been recorded, but it cannot be read how far" in result.err
    assert filled("lists", "new", "inbox", "--start-again").code == 0
    lock.unlink()
    lock.symlink_to("nowhere")
    filled.log_file().unlink()
    assert filled.run("ls").code == 6


# what only a snapshot remembers


def test_a_cut_that_only_a_snapshot_remembers_is_told_by_every_verb_and_repaired(todo: Todo) -> None:
    for _ in range(2):
        todo("add", "-", stdin="".join(f"{n}\n" for n in range(300)))
    todo("ls")
    path = todo.log_file()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    path.with_suffix(".lock").unlink()
    verified = todo.run("verify")
    assert verified.code == 5
    assert "up to @600, had been recorded" in verified.out
    assert todo.run("add", "x").code == 5
    assert "has lost its end" in todo("ls").err
    planned = todo.run("verify", "--repair", "--dry-run")
    repaired = todo("verify", "--repair")
    assert "up to @600, had been recorded" in planned.out
    assert planned.out.splitlines()[:2] == repaired.out.splitlines()[:2]
    assert todo("add", "x").code == 0
    assert todo("verify").err == ""
    todo("add", "-", stdin="".join(f"{n}\n" for n in range(700)))
    assert "intact" in todo("verify").out
    assert todo("ls").err == ""


# files that other programs put beside the lists

COPIES = {
    "inbox 2.jsonl": "inbox 2",
    "inbox-LAPTOP.jsonl": "inbox-LAPTOP",
    "inbox.sync-conflict-20261120-101010-ABCDEFG.jsonl": "inbox.sync-conflict-20261120-101010-ABCDEFG",
    "inbox (laptop's conflicted copy 2026-11-20).jsonl": None,
    "inbox (1).jsonl": None,
    "inbox~.jsonl": None,
    ".inbox.jsonl": None,
    "inbox.jsonl.bak": None,
    "inbox.JSONL": None,
}
"""Names that synchronisers and people give to copies, each with the name of the list as which it can be read."""


@pytest.mark.parametrize("folder", ["lists", "archive"])
@pytest.mark.parametrize("file", COPIES)
def test_copies_of_a_list_are_told_and_never_written_to(filled: Todo, file: str, folder: str) -> None:
    (filled.data / "archive").mkdir(exist_ok=True)
    copy = filled.data / folder / file
    shutil.copy(filled.log_file(), copy)
    for verb in ("lists", "verify"):
        assert f"todo: warning: {copy}: it is a copy of the log inbox, and holds the same: delete it\n" in filled(verb).err
        (stray,) = filled(verb, "--json").json["strays"]
        assert (stray["file"], stray["archived"], stray["of"]) == (str(copy), folder == "archive", "inbox")
        assert stray["name"] == COPIES[file]
    assert filled("add", "x").err == "", "the list itself is in use as before"
    assert "and holds nothing that the log does not hold: delete it\n" in filled("lists").err
    if COPIES[file] is not None and folder == "lists":
        before = copy.read_bytes()
        shown = filled("-L", COPIES[file] or "", "ls")
        assert shown.err.startswith(f"todo: warning: {copy} is a copy of {filled.log_file()}: it can be read, ")
        assert shown.err.endswith("but not changed\n")
        assert "Buy milk" in filled("-L", COPIES[file] or "", "ls", "--all").out
        for words in (["add", "x"], ["done", "2"], ["undo"]):
            refused = filled.run("-L", COPIES[file] or "", *words)
            assert (refused.code, refused.out) == (1, "")
            assert "it can be read, but not changed; nothing was recorded" in refused.err
        assert copy.read_bytes() == before
    assert filled("merge", str(copy)).err == f"inbox has all that the copy holds. Delete it: rm {shlex.quote(str(copy))}\n"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "ls --all-lists --json",
        "agenda --json",
        "history --all-lists --json",
        "export --all-lists --format todotxt",
        "stats --all-lists --json",
        "view authors --all-lists",
        "diff yesterday --all-lists --json",
        "when open>1 --all-lists --json",
        "replay --all-lists --json",
        "report --all-lists --json",
    ],
)
def test_a_copy_of_a_list_is_named_once_and_does_not_count_with_the_lists(filled: Todo, words: str) -> None:
    args = words.split()
    before = filled(*args)
    copy = filled.log_file("inbox.sync-conflict-20261122-093000-ABC")
    shutil.copy(filled.log_file(), copy)
    after = filled(*args)
    warning = f"todo: warning: {copy}: it is a copy of the log inbox, and holds the same: delete it\n"
    assert after.out == before.out
    assert after.err == f"{before.err}{warning}"


@pytest.mark.parametrize("folder", ["lists", "archive"])
def test_lists_names_a_copy_only_in_a_warning(filled: Todo, folder: str) -> None:
    (filled.data / "archive").mkdir(exist_ok=True)
    before, rows = filled("lists"), filled("lists", "--json").json["lists"]
    copy = filled.data / folder / "copy.jsonl"
    shutil.copy(filled.log_file(), copy)
    after = filled("lists")
    assert after.out == before.out
    assert after.err.removeprefix(before.err).count(str(copy)) == 1
    document = filled("lists", "--json").json
    assert (document["lists"], [stray["name"] for stray in document["strays"]]) == (rows, ["copy"])


def test_which_of_two_copies_is_the_list_is_known_without_lock_files(filled: Todo) -> None:
    copy = filled.log_file("inbox 2")
    shutil.copy(filled.log_file(), copy)
    for lock in filled.data.rglob("*.lock"):
        lock.unlink()
    assert filled.run("-L", "inbox 2", "add", "x").code == 1
    assert filled("add", "x").err == ""


def test_what_a_copy_holds_beside_the_list_is_told(filled: Todo) -> None:
    (older, newer, other) = (filled.log_file(name) for name in ("older", "newer", "other"))
    shutil.copy(filled.log_file(), older)
    filled("add", "x")
    shutil.copy(filled.log_file(), newer)
    filled.log_file().write_bytes(older.read_bytes())
    filled.log_file().with_suffix(".lock").unlink()
    merge = f"holds later changes that the log does not hold. Merge it, and then delete it: todo merge {newer}\n"
    assert merge in filled("lists").err
    from_there = merge.partition(". ")[2].replace("todo merge", "todo -L inbox merge")
    assert filled("-L", "newer").err.endswith(from_there), "a run about another list names the list"
    newer.rename(other)
    filled("add", "y")
    assert "each of the two holds changes that the other does not hold" in filled("lists").err


def test_files_that_are_no_lists_are_told(filled: Todo) -> None:
    lists = filled.data / "lists"
    (lists / "#x.jsonl").write_text("junk")
    filled("-L", "alone", "add", "x")
    filled.log_file("alone").rename(lists / "alone (1).jsonl")
    filled.log_file("alone").with_suffix(".lock").unlink()
    result = filled("lists")
    assert f"{lists / '#x.jsonl'}: its file name is not that of a log, and it holds none" in result.err
    assert f"{lists / 'alone (1).jsonl'}: it holds a log, but no log can have that file name: rename the file" in result.err


def test_a_file_whose_name_is_in_another_form_of_unicode_is_told(filled: Todo) -> None:
    filled("-L", "caf\u00e9", "add", "x")
    path = filled.log_file("caf\u00e9")
    path.rename(path.with_name("cafe\u0301.jsonl"))
    path.with_suffix(".lock").unlink()
    for verb in ("ls", "add y", "done 1", "verify"):
        result = filled.run("-L", "caf\u00e9", *verb.split())
        assert (result.code, "its file name is not in Unicode's form NFC" in result.err) == (6, True), verb
    assert "its file name is not in Unicode's form NFC" in filled("lists").err


# events that a newer program wrote


def append_event(path: Path, type: str, data: bytes) -> None:
    """Append a commit with one event of the first todo to a log, with the right digest."""
    lines = path.read_bytes().splitlines()
    commits = [msgspec.json.decode(line) for line in lines[1:]]
    events = [event for commit in commits for event in commit["events"]]
    stream = events[0]["stream"]
    version = max(event["version"] for event in events if event["stream"] == stream) + 1
    event = {"stream": stream, "version": version, "type": type, "data": msgspec.Raw(data)}
    last = {**commits[-1], "position": len(events) + 1, "command": "newer", "events": [event], "sum": "0" * 64}
    with path.open("ab") as file:
        file.write(rechain_line(digest_in(lines[-1]) or b"", msgspec.json.encode(last)))


def test_a_todo_with_an_event_of_an_unknown_type_is_shown_and_not_changed(filled: Todo) -> None:
    append_event(filled.log_file(), "todo_painted", b'{"old":null,"new":"red"}')
    shown = filled("ls", "--all").out
    assert "todo_painted" in filled("history").out
    before = filled.content()
    for line in ("done 1", "edit 1 Otherwise", "tag 1 +x", "rm 1", "move 1 work"):
        if line.startswith("move"):
            filled("lists", "new", "work")
        refused = filled.run(*line.split())
        assert (refused.code, refused.out) == (1, ""), line
        assert "that this program does not know (@8, todo_painted: its type is unknown); nothing was recorded" in refused.err
        assert "update this program" in refused.err
    assert (filled.content(), filled("ls", "--all").out) == (before, shown)
    filled("done", "2")


def test_a_todo_with_an_event_whose_data_do_not_fit_is_shown_and_not_changed(filled: Todo) -> None:
    shown = filled("ls", "--all").out
    append_event(filled.log_file(), "todo_text_changed", b'{"old":"a"}')
    assert filled("ls", "--all").out == shown
    before = filled.content()
    refused = filled.run("edit", "1", "Otherwise")
    assert refused.code == 1
    assert "(@8, todo_text_changed: Object missing required field `new`); nothing was recorded" in refused.err
    assert filled.content() == before
    assert "intact" in filled("verify").out
    filled("done", "2")


@pytest.mark.parametrize(("member", "name"), [("command", ""), ("command", "\x1b[2J"), ("stream", "todo/")])
def test_what_another_program_recorded_under_a_name_that_this_one_never_uses_is_shown_and_refused(
    todo: Todo, member: str, name: str
) -> None:
    todo("add", "Buy milk")
    header, line = todo.log_file().read_bytes().splitlines()
    commit = msgspec.json.decode(line)
    (commit if member == "command" else commit["events"][0])[member] = name
    rechained = rechain_line(digest_in(header) or b"", msgspec.json.encode(commit))
    todo.log_file().write_bytes(header + b"\n" + rechained)
    todo.log_file().with_suffix(".lock").unlink(missing_ok=True)  # it has the digest of what was there
    before = todo.content()
    for words in ("ls", "history", "show 1", "blame 1", "verify", "export", "stats", "diff @0"):
        assert todo.run(*words.split()).code == 0, words
    for words in ("undo", "undo @1") if member == "command" else ("done 1", "rm 1", "undo"):
        refused = todo.run(*words.split())
        assert (refused.code, refused.out) == (1, ""), words
        assert refused.err.startswith("todo: cannot be recorded: "), words
        assert "another program" in refused.err, words
    assert todo.content() == before


# a newer format


def with_newer_header(path: Path, version: str) -> None:
    """Give the header of a log another version, with the digests of this program's format."""
    first, *rest = path.read_bytes().splitlines()
    old = msgspec.json.decode(first)["version"]
    lines = [rechain_line(b"", first.replace(f'"version":"{old}"'.encode(), f'"version":"{version}"'.encode()))]
    for line in rest:
        lines.append(rechain_line(digest_in(lines[-1][:-1]) or b"", line))
    path.write_bytes(b"".join(lines))


def renumbered(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"version":"1.0"', b'"version":"2.0"', 1))


def with_another_header(path: Path) -> None:
    _, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b'{"format":"cqrs-log","version":"3.1","seals":"none"}\n' + b"".join(rest))


def of_another_shape(path: Path) -> None:
    path.write_bytes(b'{"format":"cqrs-log","version":"2.0","id":"x","created":1,"sum":7}\n{"what":[1]}\nno JSON\n')


NEWER: dict[str, tuple[Callable[[Path], None], str]] = {
    "with digests": (lambda path: with_newer_header(path, "2.0"), "2.0"),
    "with digests, much newer": (lambda path: with_newer_header(path, "17.3"), "17.3"),
    "only the number changed": (renumbered, "2.0"),
    "another header without a digest": (with_another_header, "3.1"),
    "lines of another shape": (of_another_shape, "2.0"),
}


@pytest.mark.parametrize(("made", "version"), NEWER.values(), ids=NEWER)
def test_a_log_in_a_newer_format_is_reported_as_newer_and_not_as_damaged(
    filled: Todo, made: Callable[[Path], None], version: str
) -> None:
    filled("-L", "work", "add", "Report")
    path = filled.log_file()
    made(path)
    before = path.read_bytes()
    message = f"made by a newer program: its format {version} is newer than this program's"

    def check(result: Result, *codes: int) -> None:
        assert result.code in codes, (result.code, result.err)
        assert message in result.out + result.err
        assert "damage" not in result.out + result.err
        assert "missing" not in result.out + result.err

    for verb in ("", "ls --all", "history", "stats", "export", "lists"):
        check(filled.run(*verb.split()), 0)
    for verb in ("verify", "verify --repair", "verify --repair --dry-run"):
        check(filled.run(*verb.split()), 0)
    row = filled("verify", "--json").json["lists"][0]
    assert (row["newer"], row["damage"]) == (version, None)
    for verb in ("add x", "-L work move 1 inbox"):
        check(filled.run(*verb.split()), 1)
    for verb in ("done 2", "undo"):
        check(filled.run(*verb.split()), 1, 3)
    check(filled.run("-L", "other", "import", str(path)), 1)
    assert filled("export", "--format", "events").out.encode() == before
    assert path.read_bytes() == before
    assert filled.todos("-L", "work")[0]["text"] == "Report"


@pytest.mark.skipif(bool(untraceable()), reason=untraceable())
@pytest.mark.parametrize("words", ["undo", "-L shop add Tea"])
def test_an_error_after_the_command_was_recorded_says_so(filled: Todo, words: str) -> None:
    def traced(*inject: str) -> tuple[subprocess.CompletedProcess[bytes], str]:
        trace = filled.home / "trace"
        command = ["strace", "-f", "-qq", "-e", "trace=openat", *inject, "-o", str(trace), sys.executable, "-m", "cqrs_todo"]
        done = subprocess.run([*command, *words.split()], env=filled.env, cwd=filled.home, capture_output=True, check=False)
        return done, trace.read_text()

    saved = filled.home.with_name("saved")
    shutil.copytree(filled.home, saved)
    done, trace = traced()
    assert done.returncode == 0
    opened = [number for number, line in enumerate(trace.splitlines(), 1) if f"{filled.data}/" in line]
    reported = set()
    for number in opened:
        shutil.rmtree(filled.home)
        shutil.copytree(saved, filled.home)
        before = {path: path.read_bytes() for path in filled.data.glob("lists/*.jsonl")}
        done, _ = traced("-e", f"inject=openat:error=EMFILE:when={number}")
        after = {path: path.read_bytes() for path in filled.data.glob("lists/*.jsonl")}
        recorded = [path for path, lines in after.items() if lines.count(b"\n") > max(before.get(path, b"").count(b"\n"), 1)]
        says = re.search(r"@\d+ was recorded", done.stderr.decode()) is not None
        assert bool(recorded) == (done.returncode == 0 or says), (number, done.stderr)
        reported.add(says)
    assert reported == {True, False}


def test_all_files_and_folders_that_the_program_makes_are_private_under_any_umask(todo: Todo) -> None:
    def run(words: str, stdin: str = "", env: dict[str, str] | None = None) -> None:
        variables = {**todo.env, **(env or {})}
        args = [sys.executable, "-m", "cqrs_todo", *words.split()]
        subprocess.run(args, env=variables, check=True, umask=0, capture_output=True, input=stdin.encode())

    run("add -", "x\n" * 600)
    run("ls")  # keeps a snapshot
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text('[remind]\nnotify = "bell"\n')
    run(f"backup {todo.home}/backup.zip")
    shutil.rmtree(todo.home / ".config")
    run(f"import {todo.home}/backup.zip", env={"TODO_STORE": f"jsonl:{todo.home}/other/store"})
    run("react")
    for shell in ("fish", "bash"):
        run(f"completion {shell} --install")
    made = {str(path.relative_to(todo.home)): path.stat().st_mode & 0o077 for path in todo.home.rglob("*")}
    assert {path for path, mode in made.items() if mode} == set()
    for path in (".cache/cqrs-todo/snapshots/jsonl", ".local/state/cqrs-todo/reactions/begun.json.lock"):
        assert path in made
    for path in (".config/cqrs-todo/config.toml", ".config/fish/completions/todo.fish", ".bashrc", "other/store/lists"):
        assert path in made


def test_where_says_in_which_folders_other_users_can_read_the_names_of_lists(todo: Todo) -> None:
    with tempfile.TemporaryDirectory() as folder:  # every folder above it may be entered, as in most homes
        Path(folder).chmod(0o755)
        lists = Path(folder, "a store/lists")
        todo.env["TODO_STORE"] = f"jsonl:{lists.parent}"
        todo("add", "x")
        assert todo("where").err == ""
        lists.chmod(0o755)
        assert todo("where").err == "", "nobody can enter the folder above"
        lists.parent.chmod(0o711)
        says = f"Other users can read the names of your lists in {lists}, but not the lists."
        assert todo("where").err == f"{says} To hide the names: chmod 700 '{lists}'\n"
        lists.chmod(0o711)
        assert todo("where").err == ""
