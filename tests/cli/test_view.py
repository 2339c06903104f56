"""`todo view`: folds over events as tables, those of this package and those of others."""

import json
import os
import re
import shutil
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
    here = todo("view", "changes", "--per", "minute").out
    there = todo("view", "changes", "--per", "minute", env={"TZ": "Asia/Kolkata"}).out
    assert here != there
    assert todo("view", "changes", "--per", "minute").out == here


VIEW = """
import collections, dataclasses, enum, typing
{before}
class Kind(enum.StrEnum):
    OPEN = "open"
    DONE = "done"

class View:
    name = "view"
    initial = {initial}

    def evolve(self, state, event):
        {evolve}
        return state

    def rows(self, state):
        return [{{"shown": {shown}}}]

VIEW = View()
"""

SHARED = """t = {"done": 0} if event.type == "todo_created" else state["by"][event.id]
        t["done"] += event.type == "todo_completed"
        state["by"][event.id] = t
        if event.type == "todo_created": state["order"].append(t)"""

STATE = """
@dataclasses.dataclass
class State:
    counts: {kind} = dataclasses.field(default_factory={factory})
"""

HIDDEN = """
@dataclasses.dataclass
class State:
    number: int = 0

    def __eq__(self, other):
        return self.number == other.number
"""

COMPLETED = 'state[event.id] = Kind.DONE if event.type == "todo_completed" else Kind.OPEN'


@pytest.mark.parametrize(
    ("before", "initial", "evolve", "shown"),
    [
        pytest.param("", '{"by": {}, "order": []}', SHARED, '[each["done"] for each in state["order"]]', id="shared"),
        pytest.param("", "{}", COMPLETED, "[each is Kind.DONE for each in state.values()]", id="enumeration"),
        pytest.param("", "collections.Counter()", "state[event.type] += 1", "sorted(state.items())", id="counter"),
        pytest.param("", "collections.defaultdict(int)", "state[event.type] += 1", "sorted(state.items())", id="default"),
        pytest.param("", "{}", "state[event.position] = 1", "sorted(map(repr, state))", id="keys"),
        pytest.param("", "{}", "state[event.id] = (1,)", "[type(each) is tuple for each in state.values()]", id="tuple"),
        pytest.param("", "{}", "state[event.id] = event.at", "[each.year for each in state.values()]", id="time"),
        pytest.param("", "{'ids': set()}", "state['ids'].add(event.id)", "len(state['ids'])", id="set"),
        pytest.param("", "{'x': 0.0}", "state['x'] = float('nan')", "[state['x'] is None]", id="nan"),
        pytest.param(
            STATE.format(kind="dict[str, int]", factory="collections.Counter"),
            "State()",
            "state.counts[event.type] += 1",
            "sorted(state.counts.items())",
            id="counter in a field",
        ),
        pytest.param(
            STATE.format(kind="dict", factory="dict, compare=False"),
            "State()",
            "state.counts[event.position] = 1",
            "sorted(map(repr, state.counts))",
            id="field that is not compared",
        ),
        pytest.param(
            HIDDEN,
            "State()",
            "state.number += 1; state.more = getattr(state, 'more', 0) + 1",
            "[state.number, state.more]",
            id="attribute that is not a field",
        ),
        pytest.param(
            STATE.format(kind="list[int] | set[int]", factory="list"),
            "State()",
            "state.counts.append(event.position)",
            "state.counts",
            id="annotation that JSON cannot tell apart",
        ),
        pytest.param(
            STATE.format(kind='"Unknown"', factory="list"),
            "State()",
            "state.counts.append(event.position)",
            "state.counts",
            id="annotation that cannot be resolved",
        ),
        pytest.param(
            HIDDEN + "    def __post_init__(self):\n        if self.number: raise SystemExit(9)\n",
            "State()",
            "state.number += 1",
            "state.number",
            id="class that refuses its own values",
        ),
        pytest.param("", "{}", "state[event.id] = state", "len(state)", id="circle"),
    ],
)
def test_a_state_that_is_read_back_differently_is_not_cached(
    todo: Todo, count: Path, before: str, initial: str, evolve: str, shown: str
) -> None:
    count.write_text(VIEW.format(before=before, initial=initial, evolve=evolve, shown=shown))
    todo("add", "Buy milk")
    todo("add", "Call Jo")
    todo("view", str(count))
    todo("done", "1")
    document = todo("view", str(count), "--json").json
    assert document["events_read"] == 3
    assert not (todo.home / ".cache/cqrs-todo/views").exists()
    shutil.rmtree(todo.home / ".cache", ignore_errors=True)
    assert todo("view", str(count), "--json").json["rows"] == document["rows"]


@pytest.mark.parametrize(
    ("before", "initial", "evolve", "shown"),
    [
        pytest.param("", '{"a": [], "b": []}', "state['a'].append([event.type, None, 1.5, True])", "state['a']", id="plain"),
        pytest.param("", "0", "state += 1", "state", id="number"),
        pytest.param(
            STATE.format(kind="dict[int, tuple[Kind, ...]]", factory="dict").replace("Kind", '"Kind"').replace('""', '"'),
            "State()",
            "state.counts[event.position] = (Kind.OPEN,)",
            "[each is Kind.OPEN for every in state.counts.values() for each in every]",
            id="declared",
        ),
        pytest.param(
            STATE.format(kind='dict[str, "datetime.datetime"]', factory="dict").replace("@", "import datetime\n@"),
            "State()",
            "state.counts[event.id] = event.at",
            "[str(each) + each.tzname() for each in state.counts.values()]",
            id="times",
        ),
    ],
)
def test_a_state_of_plain_or_declared_values_is_cached(
    todo: Todo, count: Path, before: str, initial: str, evolve: str, shown: str
) -> None:
    count.write_text(VIEW.format(before=before, initial=initial, evolve=evolve, shown=shown))
    env = {"TZ": "Europe/Berlin"}
    todo("add", "Buy milk")
    todo("view", str(count), env=env)
    todo("done", "1")
    document = todo("view", str(count), "--json", env=env).json
    assert document["events_read"] == 1
    shutil.rmtree(todo.home / ".cache")
    assert todo("view", str(count), "--json", env=env).json["rows"] == document["rows"]


@pytest.mark.parametrize("view", ["authors", "statement"])
def test_the_views_of_this_package_are_cached_in_every_zone(todo: Todo, view: str) -> None:
    if todo.store is not None:
        pytest.skip("it writes files")
    _write_months(todo, 2)
    for zone in ("Asia/Kolkata", "America/New_York"):
        arguments = ("view", view, *(("2026-02",) if view == "statement" else ()), "--json")
        first = todo(*arguments, env={"TZ": zone}).json
        assert first["events_read"] == 6
        later = todo("view", view, *(("2026-03",) if view == "statement" else ()), "--json", env={"TZ": zone}).json
        assert (later["continued_from"], later["events_read"]) == ({"inbox": 6}, 0)


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
