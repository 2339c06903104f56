"""The read models as the real program uses them: `todo search`, `todo store rebuild`, `todo where`."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_care import append_event
from tests.conftest import Pasts, Todo


def models(todo: Todo) -> Path:
    return todo.home / ".cache/cqrs-todo/models"


def tables(todo: Todo, name: str = "search") -> Path:
    """The file of a read model's tables."""
    (file,) = models(todo).rglob(f"{name}.*.sqlite")
    return file


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    todo("add", "Buy milk", "+shop", "--note", "Only at the Bäcker\nin Main Straße")  # 1
    todo("add", "Call the dentíst")  # 2
    todo("edit", "1", "Buy oat drink")
    todo("rm", "2")
    todo("-L", "work", "add", "Pay the dentist")
    todo("-L", "old", "add", "dentist of old")
    todo("lists", "archive", "old")


def found(todo: Todo, *words: str) -> list[tuple[str, int, str]]:
    """The list, the number and the state of each todo that a search finds."""
    return [(each["list"], each["number"], each["state"]) for each in todo("search", *words, "--json").json["todos"]]


def test_a_search_finds_todos_of_all_lists_by_what_they_ever_said(filled: Todo) -> None:
    assert sorted(found(filled, "dentist")) == [("inbox", 2, "removed"), ("work", 1, "open")], "archived lists are left out"
    (match,) = filled("search", "milk", "shop", "--json").json["todos"]
    assert (match["text"], match["number"]) == ("Buy oat drink", 1)
    (version,) = match["versions"]
    assert (version["text"], version["tags"], version["position"]) == ("Buy milk", ["shop"], 1)
    assert version["since"] < version["until"]
    assert filled("search", "milk", "oat").err == "No todo has or had these words.\n", "not at the same time"
    assert found(filled, "strasse", "BACKER") == [("inbox", 1, "open")]
    assert found(filled, "oat dr*") == [("inbox", 1, "open")]
    assert found(filled, "-L", "work", "dentist") == [("work", 1, "open")]
    filled("lists", "unarchive", "old")
    assert ("old", 1, "open") in found(filled, "dentist")


def test_a_search_prints_when_each_version_was_true(filled: Todo) -> None:
    lines = filled("search", "straße").out.split("\n")
    assert lines[0] == "1  Buy oat drink"
    assert [line.partition(": ")[2] for line in lines[1:3]] == [
        "Buy oat drink +shop (note: in Main Straße)",
        "Buy milk +shop (note: in Main Straße)",
    ]
    assert (" until " in lines[1], " until " in lines[2]) == (False, True)
    assert filled("search", "call").out.startswith("2  Call the dentíst (removed)\n     since ")
    rows = [line.split("\t") for line in filled("search", "buy", "--plain").out.split("\n")[:-1]]
    assert [(row[0], row[1], row[3], row[6], row[7]) for row in rows] == [
        ("inbox", "1", "open", "Buy oat drink", "shop"),
        ("inbox", "1", "open", "Buy milk", "shop"),
    ]


def test_a_search_shows_the_best_todos_and_says_that_there_are_more(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"task {number}\n" for number in range(30)))
    shown = todo("search", "task")
    assert (shown.out.count("\n"), shown.err) == (40, "These are the best 20. To see all: --limit 0\n")
    assert todo("search", "task", "-n", "0").out.count("\n") == 60
    document = todo("search", "task", "-n", "2", "--json").json
    assert (len(document["todos"]), document["more"]) == (2, True)


@pytest.mark.parametrize("words", [['"'], ["+"], ["**"], ["(", ")"]])
def test_a_search_without_any_letter_is_refused(todo: Todo, words: list[str]) -> None:
    result = todo.run("search", *words)
    assert (result.code, "there is no word to search for" in result.err) == (2, True)


@pytest.mark.parametrize(
    "words", [["milk OR ("], ['mi"lk'], ["NEAR(milk,"], ["text:milk"], ["{milk"], ["milk*x"], ["^milk -"]]
)
def test_what_means_something_to_sqlite_is_only_text(filled: Todo, words: list[str]) -> None:
    assert filled("search", *words).out in ("", filled("search", "milk").out)


def test_a_search_takes_no_moment(filled: Todo) -> None:
    assert filled.run("search", "milk", "--at", "@1").code == 2
    assert filled.run("search", "milk", "-L", "nowhere").code == 3


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _overwrite(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(4096, len(content), 4096):
        content[place : place + 200] = b"\xff" * 200
    file.write_bytes(content)


def _lose_a_table(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE version")


def _be_newer(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE cqrs_version SET version = 1000")
    folder = file.parent
    (folder / "search.json").write_text(json.dumps({"number": int(file.name.split(".")[1]), "version": 1000}))


def _run(sql: str) -> Callable[[Path], object]:
    def run(file: Path) -> None:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA writable_schema = on")
            connection.execute(sql)

    return run


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "cut": _cut,
    "overwritten": _overwrite,
    "no database": lambda file: file.write_bytes(b"x" * 10_000),
    "without a table": _lose_a_table,
    "removed": lambda file: file.unlink(),
    "of a newer program": _be_newer,
    "in no use": lambda file: (file.parent / "search.json").unlink(),
    "wrongly in use": lambda file: (file.parent / "search.json").write_text("{"),
    "all removed": lambda file: shutil.rmtree(file.parent),
    "with a time that is none": _run("UPDATE version SET since = '2026!'"),
    "with bytes as texts": _run("UPDATE version SET text = x'ff00'"),
    "with texts that are not UTF-8": _run("UPDATE version SET text = CAST(x'ff00' AS TEXT)"),
    "with words as checkpoints": _run("UPDATE cqrs_checkpoint SET base_offset = 'x', base_digest = 5"),
    "with checkpoints before the start": _run("UPDATE cqrs_checkpoint SET base_offset = -5"),
    "with another column": _run("UPDATE sqlite_schema SET sql = replace(sql, 'base_line', 'base_lin' || char(0xe5))"),
    "with another schema": _run("UPDATE cqrs_version SET schema = 'x'"),
    "with todos that never were": _run("UPDATE version SET stream = stream || 'x'"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_read_model_is_rebuilt_without_a_word(filled: Todo, damage: Callable[[Path], object]) -> None:
    before = filled("search", "buy", "--json")
    damage(tables(filled))
    after = filled("search", "buy", "--json")
    assert (after.out, after.err) == (before.out, "")
    assert filled("search", "buy", "--json").out == before.out


def test_a_read_model_that_is_ahead_of_its_list_is_rebuilt(filled: Todo) -> None:
    backup = filled.home / "backup"
    shutil.copytree(filled.data, backup)
    filled("edit", "1", "Buy rice")
    filled("add", "Buy bread")
    assert len(found(filled, "buy")) == 2
    shutil.rmtree(filled.data)
    shutil.copytree(backup, filled.data)
    shutil.rmtree(filled.home / ".local/state", ignore_errors=True)
    assert found(filled, "buy") == [("inbox", 1, "open")]
    assert found(filled, "rice") == []
    assert len(found(filled, "dentist")) == 2, "the rows of the other lists are derived again, too"
    filled("add", "Buy tea")  # the list is as long as before, and its history is another one
    filled("edit", "1", "Buy salt")
    assert found(filled, "bread") == []
    assert len(found(filled, "buy")) == 2


def test_a_list_that_is_damaged_hides_no_other_list(filled: Todo) -> None:
    path = filled.log_file("work")
    path.write_text(path.read_text().replace("Pay the", "Pay The"))
    result = filled.run("search", "dentist")
    assert (result.code, result.out.startswith("2  Call the dentíst (removed)\n")) == (5, True)
    assert "work.jsonl" in result.err


def test_of_a_list_that_was_damaged_before_the_first_search_the_rest_is_found(filled: Todo) -> None:
    path = filled.log_file("work")
    path.write_text(path.read_text() + "garbage\n")
    for words in (("dentist", "-L", "work"), ("pay",)):
        shutil.rmtree(models(filled), ignore_errors=True)
        result = filled.run("search", *words)
        assert (result.code, "Pay the dentist" in result.out) == (5, True)
        assert "has not been built" not in result.err


def test_of_a_list_with_an_event_of_a_newer_program_the_rest_is_found(filled: Todo) -> None:
    append_event(filled.log_file("work"), "todo_text_changed", b'{"old":"a"}')
    result = filled.run("search", "dentist", "-L", "work")
    assert (result.code, "Pay the dentist" in result.out, "update the program" in result.err) == (1, True, True)


def test_a_list_that_lost_its_end_hides_no_other_list_and_is_derived_once(filled: Todo) -> None:
    backup = filled.log_file().read_bytes()
    filled("add", "Call the dentist again")
    assert len(found(filled, "dentist")) == 3
    filled.log_file().write_bytes(backup)
    first = filled.run("search", "dentist")
    assert (first.code, first.out.count("dent"), "derived again" in first.err) == (5, 4, False)
    file = tables(filled)
    second = filled.run("search", "dentist")
    assert (second.out, second.err, tables(filled)) == (first.out, first.err, file)
    shutil.rmtree(models(filled))
    third = filled.run("search", "dentist")
    assert (third.out, third.err) == (first.out, first.err)


def test_without_a_cache_folder_a_search_finds_the_same_and_notes_are_shown(filled: Todo) -> None:
    expected = filled("search", "dentist", "--json").out
    cache = filled.home / ".cache"
    shutil.rmtree(cache)
    cache.write_text("no folder")
    result = filled("search", "dentist", "--json")
    assert (result.out, result.err) == (expected, "")
    assert filled.run("store", "rebuild").code == 6
    pytest.importorskip("nh3")
    assert "<p>Only at the Bäcker" in filled("show", "1", "--html").out


def test_where_shows_how_far_the_read_models_are_and_rebuild_makes_them_again(filled: Todo) -> None:
    def state() -> tuple[bool, int | None]:
        (found,) = (each for each in filled("where", "--json").json["read_models"] if each["name"] == "search")
        assert (found["size"] > 0) == found["built"]
        return found["built"], found["lag"]

    assert state() == (False, None)
    filled("search", "x")
    assert state() == (True, 0)
    filled("add", "two", "+a", "+b")
    filled("-L", "work", "add", "three")
    assert state() == (True, 2)
    assert "todo search: present and past words (0.0 MB, 2 events behind)" in filled("where").out
    assert filled("store", "rebuild", "search").out == "Rebuilt search from 2 lists\n"
    assert state() == (True, 0)
    result = filled.run("store", "rebuild", "nothing")
    assert (result.code, "the read models are search" in result.err) == (2, True)


def test_where_needs_neither_the_lists_nor_the_cache(filled: Todo) -> None:
    filled("search", "x")
    path = filled.log_file()
    path.write_text(path.read_text()[:-20])
    assert filled("where").code == 0
    shutil.rmtree(models(filled))
    models(filled).write_text("a file")
    assert filled("where").code == 0


def test_forgetting_a_todo_removes_it_from_the_read_models(filled: Todo) -> None:
    filled("search", "drink")
    filled("forget", "1", "--yes")
    held = [file for file in filled.home.rglob("*") if file.is_file() and b"drink" in file.read_bytes()]
    assert held == []
    assert found(filled, "drink") == []
    assert len(found(filled, "dentist")) == 2


@pytest.mark.parametrize("verb", ["ls", "add x", "done 1", ""])
def test_everyday_verbs_import_no_read_model(filled: Todo, verb: str) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from cqrs_todo.cli import main; "
        f"main({verb.split()!r}); "
        "print([name for name in sys.modules if 'read_models' in name or 'cqrs.projections' in name or name == 'sqlite3'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=filled.env, capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[-2] == "[]"


def test_show_prints_notes_as_html(filled: Todo) -> None:
    pytest.importorskip("nh3")
    filled("note", "1", "Only *now* <script>")
    id = filled.todos()[0]["id"]
    expected = f'<article id="{id}">\n<h1>Buy oat drink</h1>\n<p>Only <em>now</em> &lt;script&gt;</p>\n</article>\n'
    assert filled("show", "1", "--html").out == expected
    (file,) = models(filled).rglob("note_html.*.sqlite")
    file.write_bytes(file.read_bytes()[:5000])
    assert filled("show", "1", "--html").out == expected
    assert "<h1>Buy milk</h1>\n<p>Only at the Bäcker" in filled("show", "1", "--html", "--at", "@1").out
    assert filled("show", "1", "--html", "--json").json["todos"][0]["html"] == "<p>Only <em>now</em> &lt;script&gt;</p>\n"
    filled("edit", "1", "note:none")
    assert filled("show", "1", "--html").out == f'<article id="{id}">\n<h1>Buy oat drink</h1>\n</article>\n'
    assert filled.run("show", "@1", "--html").code == 2


def test_stats_of_a_long_list_come_from_the_read_model_and_are_those_of_the_log(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"task {number}\n" for number in range(520)))
    todo("done", "1-9")
    todo("ls")
    for words in ((), ("--since", "yesterday"), ("--plain",)):
        assert todo("stats", "--json", *words).out == todo("stats", "--json", *words, "is:open or is:done").out
    assert list(models(todo).rglob("days.*.sqlite")), "it was asked"


def test_a_copy_of_a_list_beside_it_neither_hides_todos_nor_keeps_a_rebuild_from_its_end(filled: Todo) -> None:
    found(filled, "milk")
    shutil.copy(filled.log_file(), filled.log_file("inbox.sync-conflict"))
    filled("add", "Buy cheese")
    assert found(filled, "cheese") == [("inbox", 3, "open")]
    filled("store", "rebuild")
    assert found(filled, "cheese") == [("inbox", 3, "open")]
