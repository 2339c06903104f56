"""`verify`, `export` and `import`, as the real program."""

from pathlib import Path

import msgspec
import pytest

from tests.conftest import Todo


@pytest.fixture
def filled(todo: Todo) -> Todo:
    todo("add", "Buy milk", "+home", "due:2030-01-01", "pri:H")
    todo("add", "-", stdin="one\ntwo\nthree\n")
    todo("done", "1,3")
    todo("rm", "4")
    return todo


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
    damage_free = {"archived": False, "events": 7, "commits": 4, "head": head, "damage": None, "repair": None}
    assert inbox == {"name": "inbox", **damage_free}
    assert work["archived"] is True
    assert filled("-L", "work", "verify", "--plain").out.startswith("work (archived)\t1 event, 1 commit")
    assert filled("verify", "--repair").out == result.out


def test_verify_without_lists(todo: Todo) -> None:
    result = todo("verify")
    assert (result.out, result.err) == ("", "There are no lists yet.\n")
    assert todo.run("-L", "nowhere", "verify").code == 3


def test_damage_is_told_and_repaired(filled: Todo) -> None:
    path = filled.log_file()
    flip(path, 3)
    damaged = path.read_bytes()
    result = filled.run("verify")
    assert result.code == 5
    offset = damaged.index(b'{"position":2')
    assert f"inbox: line 3, byte {offset}: altered: " in result.out
    assert "readable before it: 1 event, 1 commit; 2 whole commits after it" in result.out
    assert "todo verify --repair --dry-run" in result.err
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
    assert "line 3: the content contradicts its digest" in planned.out
    repaired = filled("verify", "--repair")
    assert repaired.out.splitlines()[:3] == planned.out.splitlines()[:3]
    (kept,) = path.parent.glob("inbox.damaged-*")
    assert kept.read_bytes() == damaged
    assert kept.stat().st_mode & 0o777 == 0o600
    assert f"inbox: repaired; the log as it was is in {kept}: 8 events, 5 commits" in repaired.out
    assert "intact" in filled("verify").out
    assert [todo["number"] for todo in filled.todos()] == [1]
    history = filled("history").out
    assert "lost when the log was damaged" in history
    assert "the log was repaired; lost: @2 to @4" in history
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
    out = filled("export", "--format", "events").out
    assert out == filled.content()
    assert filled("-L", "copy", "import", "-", stdin=out).out == "Imported 4 commits into copy\n"
    assert filled("-L", "copy", "import", "-", stdin=out).out == "copy has all of it already\n"
    assert filled.content("copy") == filled.content()
    filled("undo")
    file = filled.home / "out.jsonl"
    filled("export", "--format", "events", "-o", str(file))
    assert filled("-L", "copy", "import", str(file), "--json").json == {
        "format": "cqrs-todo/1",
        "list": "copy",
        "position": 8,
        "as_of": None,
        "commits": 1,
    }
    filled("-L", "copy", "add", "mine")
    filled("add", "theirs")
    refused = filled.run("-L", "copy", "import", "-", stdin=filled("export", "--format", "events").out)
    assert refused.code == 1
    assert "another history" in refused.err


def test_todos_go_out_and_come_in_once(filled: Todo) -> None:
    file = filled.home / "todos.json"
    assert filled("export", "-o", str(file)).out == ""
    assert filled("-L", "copy", "import", str(file)).out == "Imported 1-4 (4 todos). Undo: todo -L copy undo\n"
    assert filled("-L", "copy", "import", str(file)).out == "It has all of them already\n"
    assert len(filled.log("copy")) == 1

    def known(name: str) -> list[object]:
        return [{**todo, "version": 0} for todo in msgspec.json.decode(filled("export", "-L", name).out)["todos"]]

    assert known("copy") == known("inbox")
    assert filled("-L", "copy", "undo").code == 0
    past = filled("export", "--at", "@1").json
    assert [todo["text"] for todo in past["todos"]] == ["Buy milk"]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        ("", 2, "is not an export"),
        ("{}", 2, "is not an export"),
        ('{"format":"cqrs-todo/9","todos":[]}', 2, "has format"),
        ('{"format":"cqrs-todo/1","todos":[{"id":"../x","text":"x","created":"2026-01-01T00:00:00Z"}]}', 1, "is no id"),
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
def test_what_is_no_export_is_refused(todo: Todo, content: str, code: int, told: str) -> None:
    result = todo.run("import", "-", stdin=content)
    assert (result.code, result.out) == (code, "")
    assert told in result.err
    assert todo.content() == ""


def test_files_that_cant_be_read_or_written(filled: Todo) -> None:
    for line in ("import nowhere.json", "import .", "export -o no/where.json", "export -o ."):
        assert filled.run(*line.split()).code == 2, line
    for line in ("export --format csv", "import - --format csv"):
        assert "the formats are json, events" in filled.run(*line.split()).err
    assert filled.run("export", "-L", "nowhere").code == 3
    assert filled.run("export", "--at", "@1", "--format", "events").code == 2
