"""`todo view`: folds over events as tables, those of this package and those of others."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import pytest

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from tests.conftest import Todo
from tests.readme import play_page

TUTORIAL = Path(__file__).parent.parent.parent / "docs/tutorial/your-own-view.md"

COUNT = """
class Count:
    name = "count"
    version = 1
    initial = {"events": 0}

    def evolve(self, state, event):
        return {"events": state["events"] + 1}

    def rows(self, state):
        return [state]

VIEW = Count()
"""


@pytest.fixture
def count(todo: Todo) -> Path:
    """A file with a view that counts events."""
    file = todo.home / "count.py"
    file.write_text(COUNT)
    return file


def test_the_tutorial_makes_a_fourth_view(todo: Todo) -> None:
    """The code and the commands of the page, as they are on it."""
    if todo.store is not None:
        pytest.skip("the page has the default store")
    page = TUTORIAL.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python tags\.py\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    (todo.home / "tags.py").write_text("\n\n".join(blocks[:2]) + "\n" + blocks[2], encoding="utf-8")
    programs = todo.home / "bin"
    programs.mkdir()
    (programs / "todo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    (programs / "todo").chmod(0o700)
    assert play_page(TUTORIAL, {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}, todo.home) == 9


def test_without_a_name_the_views_are_listed(todo: Todo) -> None:
    assert [view["name"] for view in todo("view", "--json").json["views"]] == ["authors", "changes", "statement"]
    assert todo("view").out.splitlines()[0] == "authors    Who changed how much, the most active first."


def test_a_view_shows_a_table(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "Call Jo")
    todo("done", "1-2")
    lines = todo("view", "changes", "--per", "day").out.splitlines()
    assert lines[0] == "day         changes  events"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d        3       4", lines[1])
    assert todo("view", "authors", "--plain").out.split("\t")[1:3] == ["3", "4"]


def test_a_view_can_be_shown_at_any_moment(todo: Todo) -> None:
    for number in range(1, 5):
        todo("add", f"todo {number}")
    todo("view", "changes")
    for position in (4, 2, 0, 3):
        rows = todo("at", f"@{position}", "view", "changes", "--json").json["rows"]
        assert sum(row["events"] for row in rows) == position
    assert todo("view", "changes", "--json").json["rows"][0]["events"] == 4


def test_a_view_over_all_lists(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("-L", "work", "add", "Deploy")
    assert todo("view", "authors", "--json").json["rows"][0]["events"] == 1
    document = todo("view", "authors", "--all-lists", "--json").json
    assert (document["lists"], document["rows"][0]["events"]) == (["inbox", "work"], 2)
    assert todo.run("view", "authors", "--all-lists", "--at", "@1").code == 2


def test_only_new_events_are_read(todo: Todo, count: Path) -> None:
    todo("add", "Buy milk")
    first = todo("view", str(count), "--json").json
    assert (first["continued_from"], first["events_read"], first["rows"]) == ({"inbox": 0}, 1, [{"events": 1}])
    todo("done", "1")
    second = todo("view", str(count), "--json").json
    assert (second["continued_from"], second["events_read"], second["rows"]) == ({"inbox": 1}, 1, [{"events": 2}])


def test_a_lost_or_damaged_cache_costs_only_time(todo: Todo, count: Path) -> None:
    todo("add", "Buy milk")
    shown = todo("view", str(count)).out
    (kept,) = (todo.home / ".cache/cqrs-todo/views").rglob("*.json")
    content = kept.read_bytes()
    for damaged in (b"", content[:-3], content.replace(b'"events":1', b'"events":7'), b"nonsense"):
        kept.write_bytes(damaged)
        assert todo("view", str(count)).out == shown
    kept.unlink()
    assert todo("view", str(count)).out == shown


@pytest.mark.parametrize(
    ("old", "new"),
    [("version = 1", "version = 2"), ('state["events"] + 1', 'state["events"] + 10')],
    ids=["version", "code"],
)
def test_the_state_of_another_schema_is_not_used(todo: Todo, count: Path, old: str, new: str) -> None:
    todo("add", "Buy milk")
    todo("view", str(count))
    count.write_text(COUNT.replace(old, new))
    assert todo("view", str(count), "--json").json["events_read"] == 1


def test_times_are_those_of_the_zone_even_if_the_cache_was_made_in_another(todo: Todo) -> None:
    todo("add", "Buy milk")
    here = todo("view", "changes", "--per", "minute", "--json").json["rows"]
    there = todo("view", "changes", "--per", "minute", "--json", env={"TZ": "Asia/Kolkata"}).json["rows"]
    assert here != there
    assert todo("view", "changes", "--per", "minute", "--json").json["rows"] == here


def test_a_state_that_json_cannot_hold_is_not_kept(todo: Todo, count: Path) -> None:
    source = COUNT.replace('{"events": 0}', "{1: ()}").replace("[state]", '[{"events": len(state)}]')
    count.write_text(source.replace('{"events": state["events"] + 1}', "{**state, event.position: ()}"))
    todo("add", "Buy milk")
    todo("view", str(count))
    todo("done", "1")
    assert todo("view", str(count), "--json").json["events_read"] == 2


def test_the_statement_of_a_month(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "Call Jo")
    todo("done", "1")
    document = todo("view", "statement", "--json").json
    rows = [(row["entry"], row["number"], row["change"], row["balance"]) for row in document["rows"]]
    assert rows == [
        ("opening balance", None, None, 0),
        ("added", 1, 1, 1),
        ("added", 2, 1, 2),
        ("completed", 1, -1, 1),
        ("closing balance", None, 1, 1),
    ]
    assert todo("view", "statement", document["period"], "--json").json["rows"] == document["rows"]
    empty = todo("view", "statement", "last", "month", "--json").json
    assert [row["balance"] for row in empty["rows"]] == [0, 0]
    assert empty["period"] < document["period"]


def test_the_next_statement_continues_from_the_last_one(todo: Todo) -> None:
    """A list with todos added in each of three months."""
    if todo.store is not None:
        pytest.skip("it writes files")
    _write_months(todo, 3)
    first = todo("view", "statement", "2026-02", "--json").json
    assert (first["continued_from"], first["rows"][0]["balance"], first["rows"][-1]["balance"]) == ({"inbox": 0}, 3, 6)
    second = todo("view", "statement", "2026-03", "--json").json
    assert (second["continued_from"], second["events_read"]) == ({"inbox": 6}, 3)
    assert (second["rows"][0]["balance"], second["rows"][-1]["balance"]) == (6, 9)


def _write_months(todo: Todo, months: int) -> None:
    """A list with three todos added in each month of 2026."""
    store = open_store(f"jsonl:{todo.data}", TYPES)
    for month in range(1, months + 1):
        for number in range(3):
            at = datetime(2026, month, 10 + number, tzinfo=UTC)
            clock = repeat(at).__next__
            TodoList(store, "inbox", "me", default=True, clock=clock).add([Create(f"todo {month}.{number}", at)])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("autors",), 3, "did you mean 'authors'?"),
        (("nothing",), 3, "no view named 'nothing'"),
        (("./no.py",), 2, "cannot be read: No such file"),
        (("authors", "--per", "day"), 2, "has no --per"),
        (("changes", "--per", "week"), 2, "one of minute, hour, day"),
        (("authors", "last", "month"), 2, "takes no words"),
        (("statement", "this", "year"), 2, "reaches from"),
        (("statement", "gibberish"), 2, "gibberish"),
        (("authors", "--watch", "--at", "@1"), 2, "exclude one another"),
        (("-L", "nowhere", "view", "authors"), 3, "nowhere"),
    ],
)
def test_errors_say_what_is_wrong(todo: Todo, arguments: tuple[str, ...], code: int, message: str) -> None:
    todo("add", "x")
    result = todo.run(*(arguments if "view" in arguments else ("view", *arguments)))
    assert (result.code, result.out) == (code, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("x = 1", 2, "does not define VIEW"),
        ("def", 2, "SyntaxError"),
        ("1/0", 2, "ZeroDivisionError: division by zero (line 1)"),
        ("class V: pass\nVIEW = V", 2, "is a class"),
        ("class V: name = 'v'\nVIEW = V()", 2, "has no initial, evolve, rows"),
        (
            COUNT.replace('return {"events"', 'raise KeyError("x")\n        return {"events"'),
            1,
            "failed in evolve, with @1 of inbox",
        ),
        (COUNT.replace("return [state]", "return [1]"), 1, "failed in rows: TypeError"),
        (COUNT.replace("return [state]", "return [{'x': object()}]"), 1, "cannot be written as JSON"),
    ],
)
def test_a_view_that_is_wrong_is_named(todo: Todo, count: Path, source: str, code: int, message: str) -> None:
    todo("add", "x")
    count.write_text(source)
    result = todo.run("view", str(count), "--json")
    assert (result.code, result.out) == (code, "")
    assert message in result.error["message"]
    assert not list(todo.home.rglob("__pycache__"))


def test_hostile_values_cannot_control_the_terminal(todo: Todo, count: Path) -> None:
    todo("add", "x")
    count.write_text(COUNT.replace("return [state]", "return [{'a\\x1b[31m': '\\u202e \\x1b[2J'}]"))
    for option in ((), ("--plain",), ("--json",), ("--color", "always")):
        out = todo("view", str(count), *option).out
        assert "\x1b[2J" not in out
        assert "\u202e" not in out


def test_a_package_can_offer_views(todo: Todo) -> None:
    packages = todo.home / "packages"
    (packages / "my_views-1.0.dist-info").mkdir(parents=True)
    (packages / "my_views.py").write_text(COUNT)
    (packages / "my_views-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: my-views\nVersion: 1.0\n")
    (packages / "my_views-1.0.dist-info/entry_points.txt").write_text(
        "[cqrs_todo.views]\ncount = my_views:VIEW\nbroken = my_views:NOTHING\n"
    )
    todo("add", "Buy milk")
    env = {"PYTHONPATH": str(packages)}
    assert todo("view", "count", "--json", env=env).json["rows"] == [{"events": 1}]
    views = {view["name"]: view for view in todo("view", "--json", env=env).json["views"]}
    assert views["count"]["package"] == "my-views"
    assert "cannot be loaded" in views["broken"]["help"]


def test_watch_shows_the_view_again_after_each_change(todo: Todo, count: Path) -> None:
    todo("add", "Buy milk")
    command = [sys.executable, "-m", "cqrs_todo", "view", str(count), "--watch", "--json"]
    with subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["rows"] == [{"events": 1}]
        todo("done", "1")
        assert json.loads(watching.stdout.readline())["rows"] == [{"events": 2}]
        watching.stdout.close()
        assert watching.wait(30) == 0
