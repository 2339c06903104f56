"""`todo explain`: what a command would do, which is what it then does; and nothing is written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Pasts, Todo


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder below a folder: the time of its last change, and what it holds."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def without_times_and_ids(line: str, ids: list[str]) -> str:
    """A line of a log without what differs from run to run.

    These are the times, the id of the command, the ids of todos that the command creates, and the digest over all of them.
    """
    line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME", line)
    line = re.sub(r'"command":"[0-9a-f.]+"', '"command":ID', line)
    line = re.sub(r'"(un|re)does":\[[^]]+\]', lambda match: re.sub(r'"[0-9a-f.]{20,}"', "ID", match[0]), line)
    line = re.sub(r'"sum":"[0-9a-f]{64}"', '"sum":SUM', line)
    line = re.sub(r'"id":"[0-9a-f]+"', '"id":ID', line)
    return re.sub(r"todo/(\w+)", lambda match: match[0] if match[1] in ids else "todo/NEW", line)


def lines_of(todo: Todo, *names: str) -> list[str]:
    """The lines of lists, without the line feeds."""
    return [line for name in names for line in todo.content(name).split("\n")[:-1]]


COMMANDS = [
    "add Water the plants due:2030-01-01 +home",
    "done 1",
    "done 1-3",
    "reopen 4",
    "edit 2 Buy oat milk pri:H +home due:2031-02-03",
    "tag 1,2 +x -home",
    "note 3 by phone",
    "remind 1 2032-05-06",
    "toggle 1,4",
    "rm 2",
    "undo",
    "undo 3",
    "undo @2",
    "undo 1",
    "restore --to @3",
    "restore 5 --to @6",
    "add First of a list -L work",
    "move 2 other",
]


@pytest.fixture
def filled(todo: Todo, pasts: Pasts) -> Todo:
    """A program with two lists: some todos are open, one is done, one was removed."""
    return pasts.give(todo, _fill)


def _fill(todo: Todo) -> None:
    for text in ("Call the bank", "Buy milk +home", "Write to Jo", "Pay the rent", "Repair the bicycle"):
        todo("add", *text.split())
    todo("done", "4")
    todo("rm", "5")
    todo("-L", "other", "add", "Something else")


NAMES = ("inbox", "other", "work")


def appended_since(todo: Todo, before: dict[str, list[str]], ids: list[str]) -> list[str]:
    """The lines that were appended to the lists since they had these lines, without times and ids."""
    new = [line for name in NAMES for line in lines_of(todo, name)[len(before[name]) :]]
    return [without_times_and_ids(line, ids) for line in new]


def expected(appends: list[Any], ids: list[str]) -> list[str]:
    """The lines that are expected in the lists, in the order of the lists, without times and ids."""
    lines = [each["line"] for name in NAMES for each in appends if each["list"] == name]
    return [without_times_and_ids(line, ids) for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_lines_are_those_that_are_then_appended(filled: Todo, command: str) -> None:
    """Nothing is written; the command then appends the same line, and so does its undo."""
    before = {name: lines_of(filled, name) for name in NAMES}
    ids = re.findall(r"todo/(\w+)", "".join(before["inbox"] + before["other"]))
    files = tree(filled.home)
    shown = filled("explain", "--json", *command.split()).json
    assert tree(filled.home) == files
    assert (shown["outcome"], shown["exit_code"]) == ("accepted", 0)
    filled(*command.split())
    assert expected([*shown["created"], *shown["appends"]], ids) == appended_since(filled, before, ids) != []
    reverse = shown["reverse"]
    assert reverse["error"] is None
    before = {name: lines_of(filled, name) for name in NAMES}
    option = {"add First of a list -L work": ["-L", "work"], "move 2 other": ["-L", "other"]}.get(command, [])
    filled(*option, *({"undo 3": ["redo", "3"]}.get(command, [reverse["verb"]])))
    assert expected(reverse["appends"], ids) == appended_since(filled, before, ids)


@pytest.mark.parametrize("command", ["done 4", "done 5", "done 99", "add x pri:H --note y"])
def test_nothing_is_written(filled: Todo, command: str) -> None:
    before = tree(filled.home)
    filled("explain", command)
    assert tree(filled.home) == before


def test_nothing_is_written_in_an_empty_home(todo: Todo) -> None:
    assert todo("explain", "add Buy milk", "--json").json["appends"][0]["commit"]["position"] == 1
    assert list(todo.home.rglob("*")) == []


def test_an_accepted_command_shows_every_step(filled: Todo) -> None:
    id = filled.todos()[0]["id"]
    result = filled("explain", "done 1")
    lines = result.out.splitlines()
    assert lines[0] == "Command       todo done 1"
    assert lines[1] == "List          inbox at @7"
    assert lines[2] == "  Snapshot    none"
    assert lines[3] == "  Events read 7 events, @1 to @7"
    assert lines[4] == f"Decision      todo/{id} at version 1, todo 1: Call the bank"
    assert re.fullmatch(r' {16}Complete \{"on":"[^"]+Z","now":"[^"]+Z"\}', lines[5])
    assert re.fullmatch(r' {16}→ TodoCompleted \{"completed":"[^"]+Z"\}', lines[6])
    assert lines[7] == "Outcome       accepted"
    assert lines[8] == f"Precondition  todo/{id} must be at version 1"
    assert re.fullmatch(r"Append        @8 of inbox, \d+ bytes:", lines[9])
    assert json.loads(lines[10])["events"][0]["type"] == "todo_completed"
    assert re.fullmatch(r"Undo          @9 of inbox, \d+ bytes:", lines[11])
    assert json.loads(lines[12])["meta"] == {"undoes": [json.loads(lines[10])["command"]]}
    assert lines[13:] == ["Answer        Done 1: Call the bank. Undo: todo undo"]
    assert result.err == "Nothing was recorded.\n"


def test_a_rejected_command_shows_the_rejection(filled: Todo) -> None:
    shown = filled("explain", "done 5", "--json").json
    refused = filled.run("done", "5", "--json")
    assert (shown["outcome"], shown["exit_code"]) == ("refused", refused.code)
    assert shown["error"] == refused.error
    assert [(each["version"], each["refusal"]) for each in shown["decisions"]] == [(2, "it was removed")]
    assert (shown["appends"], shown["reverse"]) == ([], None)
    out = filled("explain", "done 5").out
    assert "                → refused: it was removed\n" in out
    assert f"Outcome       refused, exit code 1: {refused.error['message']}" in out
    assert out.endswith("Append        nothing\n")


def test_a_command_that_changes_nothing_is_unchanged(filled: Todo) -> None:
    shown = filled("explain", "done 4", "--json").json
    assert (shown["outcome"], shown["exit_code"], shown["appends"]) == ("unchanged", 0, [])
    assert shown["decisions"][0]["events"] == []
    assert shown["answer"] == "Already done: 4"


def test_a_todo_that_is_not_there_is_not_found(filled: Todo) -> None:
    shown = filled("explain", "done 99", "--json").json
    assert (shown["outcome"], shown["exit_code"], shown["decisions"]) == ("not-found", 3, [])


@pytest.mark.parametrize("words", [["edit 1"], ["edit", "1"], ["--json", "edit", "1"], ["edit 1 --because later"]])
def test_explain_opens_no_editor(filled: Todo, words: list[str]) -> None:
    result = filled.run("explain", *words, env={"EDITOR": f"touch {filled.home}/opened"})
    assert result.code == 2
    assert "explain does not open the editor" in result.err
    assert not (filled.home / "opened").exists()


def test_a_snapshot_is_named_and_only_what_follows_it_is_read(todo: Todo) -> None:
    todo("add", "-", stdin="".join(f"todo {number}\n" for number in range(600)))
    todo("ls")
    todo("done", "3")
    shown = todo("explain", "done 4", "--json").json
    assert shown["lists"] == [
        {
            "list": "inbox",
            "position": 601,
            "snapshot": 600,
            "events_read": {"from": 601, "to": 601, "forward": 1, "backward": 0},
        }
    ]
    assert "  Snapshot    @600\n  Events read 1 event, @601\n" in todo("explain", "done 4").out


def test_quoted_and_unquoted_commands_are_the_same(filled: Todo) -> None:
    def shown(*words: str) -> Any:
        document = filled("--json", "explain", *words).json
        return document["command"], document["answer"]

    expected = (["add", "Book a table", "due:2030-01-01"], shown("add 'Book a table' due:2030-01-01")[1])
    assert shown("add 'Book a table' due:2030-01-01") == expected
    assert shown("todo add 'Book a table' due:2030-01-01") == expected
    assert shown("add", "Book a table", "due:2030-01-01") == expected
    assert "Added 6: Book a table" in expected[1]
    assert shown("-L other done 1") == (["-L", "other", "done", "1"], "Done 1: Something else. Undo: todo -L other undo")


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("ls", 2, "ls changes nothing"),
        ("done --help", 2, "shows help"),
        ("explain 'done 1'", 2, "explain changes nothing"),
        ("add 'x", 2, "cannot be parsed"),
        ("", 2, "is missing"),
        ("lists archive inbox", 1, "explain cannot show the archiving of a list"),
        ("import log.jsonl", 1, "explain cannot show the import of a log"),
        ("lists new garden extra", 2, "extra"),
    ],
)
def test_what_cannot_be_explained_is_an_error(filled: Todo, command: str, code: int, message: str) -> None:
    (filled.home / "log.jsonl").write_bytes(filled("export", "--format", "events").out.encode())
    before = tree(filled.home)
    result = filled.run("explain", command)
    assert result.code == code
    assert result.out == ""
    assert message in result.err
    assert tree(filled.home) == before


def test_hostile_text_cannot_control_the_terminal(todo: Todo) -> None:
    out = todo("explain", "add", "evil \x1b[31m \u202e text").out
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.mark.parametrize("undo", ["undo 2", "undo 3"])
def test_the_reverse_is_what_the_command_in_the_answer_does(filled: Todo, undo: str) -> None:
    """Undo and redo of several changes are reversed by one command, which appends one line."""
    count = int(undo[-1])
    (appended,) = filled("explain", undo, "--json").json["reverse"]["appends"]
    assert len(appended["commit"]["redoes"]) == count
    assert f"Redo: todo redo {count}" in filled(undo.split()[0], undo[-1]).out
    shown = filled("explain", f"redo {count}", "--json").json
    (appended,) = shown["reverse"]["appends"]
    assert shown["reverse"]["verb"] == "undo"
    assert len(appended["commit"]["undoes"]) == count


@pytest.mark.parametrize("command", ["add q", "done 1,2", "edit 2 x pri:H", "undo", "move 1 other", "rm 1 --because y"])
def test_a_command_that_was_sent_before_names_what_it_recorded(filled: Todo, command: str) -> None:
    words = [*command.split(), "--command-id", "A"]
    before = len(lines_of(filled, "inbox"))
    filled(*words)
    position = filled("history", "-n", "1", "--json").json["commits"][0]["position"]
    assert len(lines_of(filled, "inbox")) == before + 1
    shown = filled("explain", *words).out
    assert "Outcome       unchanged, because this command was sent before\n" in shown
    assert f"Append        nothing: @{position} of inbox was recorded for this command before\n" in shown
    assert "Decision" not in shown
    assert "Undo  " not in shown
    assert "Redo  " not in shown
    document = filled("explain", *words, "--json").json
    assert [each["again"] for each in document["appends"]] == [True]
    assert (document["outcome"], document["decisions"], document["reverse"]) == ("unchanged", [], None)


def test_a_list_that_would_be_made_is_no_unchanged_command(filled: Todo) -> None:
    assert filled("explain", "lists new garden", "--json").json["outcome"] == "accepted"
    out = filled("explain", "lists new garden").out
    assert "New list      garden, whose log begins with:\n" in out
    assert "Outcome       accepted\nAppend        nothing more\n" in out


@pytest.mark.parametrize("command", ["undo", "undo 3", "undo @2", "done 1 --command-id A", "restore --to @3", "done @"])
def test_each_event_that_is_read_counts_once(filled: Todo, command: str) -> None:
    document = filled("explain", command, "--json").json
    read = document["lists"][0]["events_read"]
    assert 0 < read["forward"] <= 7
    assert 0 <= read["backward"] <= 7
    (line,) = [line for line in filled("explain", command).out.splitlines() if "Events read" in line]
    assert line == "  Events read 7 events, @1 to @7"
