"""`todo view`: folds over events as tables, those of this package and those of others."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import IO, Any

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
    assert play_page(TUTORIAL, {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}, todo.home) == 11


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
        (("authors", "-A", "-L", "nowhere"), 2, "--list and --all-lists contradict each other"),
        (("--watch",), 2, "--watch needs the name of a view"),
        (("--at", "@1"), 2, "--at needs the name of a view"),
        (("-A",), 2, "--all-lists needs the name of a view"),
        (("--per", "day"), 2, "--per needs the name of a view"),
        (("statement", "next", "month"), 2, 'write, for instance: {month}, "last month", {year}-'),
    ],
)
def test_errors_say_what_is_wrong(todo: Todo, arguments: tuple[str, ...], code: int, message: str) -> None:
    todo("add", "x")
    result = todo.run(*(arguments if "view" in arguments else ("view", *arguments)))
    assert (result.code, result.out) == (code, "")
    before = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    assert message.format(month=f"{before:%B}".lower(), year=before.year) in result.err


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        ("x = 1", 2, "does not define VIEW"),
        ("def", 2, "cannot be loaded: SyntaxError: invalid syntax (line 1)"),
        ("import sys\nsys.exit(7)", 2, "cannot be loaded: SystemExit: 7 (line 2)"),
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
        (COUNT.replace("return [state]", "return [{'x': '\\ud800'}]"), 1, "cannot be written as JSON"),
        (
            COUNT.replace("return {", "raise SystemExit('stop')\n        return {"),
            1,
            "in evolve, with @1 of inbox: SystemExit",
        ),
        (COUNT.replace('{"events": 0}', "(each for each in ())"), 1, "failed in initial, which cannot be copied: TypeError"),
        (COUNT.replace("name = ", "name = 7 or "), 2, "the name of VIEW in"),
        (COUNT.replace("version = 1", "help = 7"), 2, "the help of VIEW in"),
        (
            COUNT.replace("initial = ", "evolves = ").replace("def evolve", "initial = evolve = 3\n    def other"),
            2,
            "evolve of",
        ),
        (
            COUNT.replace("initial = ", "@property\n    def initial(self): raise OSError\n    other = "),
            2,
            "its initial raised",
        ),
        (COUNT.replace("version = 1", "def period_of(self, at): return 'x'"), 2, "has period_of and no close"),
        (COUNT.replace("version = 1", "def period_of(self, at): return 1\n    close = period_of"), 1, "failed in period_of"),
        (
            COUNT.replace("version = 1", "def period_of(self, at): return at.x\n    close = period_of"),
            1,
            "failed in period_of",
        ),
    ],
)
def test_a_view_that_is_wrong_is_named(todo: Todo, count: Path, source: str, code: int, message: str) -> None:
    todo("add", "x")
    count.write_text(source)
    result = todo.run("view", str(count), "--json")
    assert (result.code, result.out) == (code, "")
    assert message in result.error["message"]
    assert not list(todo.home.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "failed in per: what it returned has no name, initial, evolve, rows"),
        ("return {}[unit]", "failed in per: KeyError: 'day'"),
        ("raise SystemExit", "failed in per: SystemExit"),
    ],
)
def test_an_error_in_per_names_the_view(todo: Todo, count: Path, body: str, message: str) -> None:
    count.write_text(COUNT.replace("version = 1", f"def per(self, unit): {body}"))
    result = todo.run("view", str(count), "--per", "day")
    assert (result.code, result.out) == (1, "")
    assert f"the view count {message}" in result.err


@pytest.mark.parametrize("option", [(), ("--plain",), ("--json",)])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))", id="too late"),
        pytest.param("datetime.datetime(2026, 1, 1, tzinfo=type('Z', (datetime.tzinfo,), {})())", id="no offset"),
        pytest.param("type('X', (), {'__str__': lambda self: exit(3)})()", id="no text"),
    ],
)
def test_a_value_that_cannot_be_shown_names_the_view(todo: Todo, count: Path, value: str, option: tuple[str, ...]) -> None:
    count.write_text("import datetime\n" + COUNT.replace("return [state]", f"return [{{'x': {value}}}]"))
    result = todo.run("view", str(count), *option)
    assert (result.code, result.out) == (1, "")
    assert "the view count failed in rows: " in result.err


def test_times_without_a_zone_and_with_one_are_the_same_in_both_outputs_for_programs(todo: Todo, count: Path) -> None:
    times = "{'a': datetime.datetime(2026, 1, 1), 'b': datetime.datetime(2026, 1, 1).astimezone(), 'c': datetime.date.min}"
    count.write_text("import datetime\n" + COUNT.replace("return [state]", f"return [{times}]"))
    env = {"TZ": "Asia/Kolkata"}
    expected = ["2026-01-01T00:00:00", "2025-12-31T18:30:00Z", "0001-01-01"]
    assert todo("view", str(count), "--plain", env=env).out == "\t".join(expected) + "\n"
    assert list(todo("view", str(count), "--json", env=env).json["rows"][0].values()) == expected


def test_a_file_imports_those_beside_it(todo: Todo) -> None:
    """The cache is not used if one of them has changed. A file with the name of a module of Python is not imported."""
    folder = todo.home / "views"
    folder.mkdir()
    view = folder / "counting.py"
    view.write_text(
        "import step\n" + COUNT.replace("+ 1", "+ step.STEP").replace("return [", "import late; return [late.X, ")
    )
    (folder / "late.py").write_text("X = {}")
    (folder / "copy.py").write_text("1/0")
    todo("add", "Buy milk")
    for number in (1, 10):
        (folder / "step.py").write_text(f"STEP = {number}")
        document = todo("view", "views/counting.py", "--json").json
        assert (document["events_read"], document["rows"]) == (1, [{}, {"events": number}])
        assert todo("view", "views/counting.py", "--json").json["events_read"] == 0
    (folder / "step.py").write_text("STEP =")
    result = todo.run("view", "views/counting.py", env={"PYTHONDONTWRITEBYTECODE": ""})
    assert result.code == 2
    assert f"SyntaxError: invalid syntax ({folder / 'step.py'}, line 1)" in result.err
    assert not list(folder.rglob("__pycache__"))


def test_hostile_values_cannot_control_the_terminal(todo: Todo, count: Path) -> None:
    todo("add", "x")
    count.write_text(COUNT.replace("return [state]", "return [{'a\\x1b[31m': '\\u202e \\x1b[2J'}]"))
    for option in ((), ("--plain",), ("--json",), ("--color", "always")):
        out = todo("view", str(count), *option).out
        assert "\x1b[2J" not in out
        assert "\u202e" not in out


def install(todo: Todo, name: str, modules: dict[str, str], *points: str, group: str = "cqrs_todo.views") -> dict[str, str]:
    """Install a package, and return the environment that finds it."""
    packages = todo.home / "packages"
    info = packages / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    for module, source in modules.items():
        (packages / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *points, ""]))
    return {"PYTHONPATH": str(packages)}


def test_a_package_can_offer_views(todo: Todo) -> None:
    env = install(todo, "my_views", {"my_views": COUNT}, "count = my_views:VIEW", "broken = my_views:NOTHING")
    todo("add", "Buy milk")
    assert todo("view", "count", "--json", env=env).json["rows"] == [{"events": 1}]
    views = {view["name"]: view for view in todo("view", "--json", env=env).json["views"]}
    assert views["count"]["package"] == "my_views"
    assert "cannot be loaded" in views["broken"]["help"]


@pytest.mark.parametrize("others", [(), ("this is not an entry point",)], ids=["alone", "beside one that cannot be read"])
def test_one_bad_package_does_not_break_the_list_of_views(todo: Todo, others: tuple[str, ...]) -> None:
    modules = {"good": COUNT, "helpless": COUNT.replace("version = 1", "help = None"), "ends": "raise SystemExit(7)"}
    modules["odd"] = COUNT.replace("version = 1", "help = 7")
    env = install(todo, "some_views", modules, *(f"{name} = {name}:VIEW" for name in modules), "weird = :::")
    install(todo, "other", {}, *others)
    for option in ((), ("--plain",), ("--json",)):
        assert "good" in todo("view", *option, env=env).out
    views = {view["name"]: view["help"] for view in todo("view", "--json", env=env).json["views"]}
    assert list(views) == ["authors", "changes", "statement", "ends", "good", "helpless", "odd", "weird"]
    assert (views["good"], views["helpless"]) == ("", "")
    assert "the view ends of some_views cannot be loaded: SystemExit: 7" in views["ends"]
    assert views["odd"] == "the help of the view odd of some_views is not a text"
    assert "the view weird of some_views cannot be loaded" in views["weird"]


def test_a_statement_shows_the_month_of_the_moment_and_names_it(todo: Todo) -> None:
    if todo.store is not None:
        pytest.skip("it writes files")
    _write_months(todo, 3)
    for moment, month, heading in (
        ("@1", "2026-01", "inbox as it was 2026-01-10 00:00 (@1)"),
        ("@5", "2026-02", "inbox as it was 2026-02-11 00:00 (@5)"),
        ("2026-02-11", "2026-02", "inbox as it was 2026-02-11 23:59 (@5)"),
        ("start", "2026-01", "inbox as it was (before the first event)"),
    ):
        shown = todo("view", "statement", "--at", moment)
        assert shown.out.splitlines()[0] == f"statement {month} of inbox"
        assert shown.err == f"{heading}\n"
        as_json = todo("at", moment, "view", "statement", "--json")
        assert (as_json.json["period"], as_json.err) == (month, "")
        assert todo("view", "statement", "--at", moment, "--plain").err == ""
    assert todo("view", "statement", "february", "2026").out.splitlines()[0] == "statement 2026-02 of inbox"


@pytest.mark.parametrize("view", ["authors", "changes"])
def test_a_view_of_the_past_says_so(todo: Todo, view: str) -> None:
    todo("add", "Buy milk")
    todo("-L", "work", "add", "Deploy")
    heading = todo("ls", "--at", "@1").err
    assert todo("view", view, "--at", "@1").err == heading
    assert todo("view", view).err == ""
    assert [line[:14] for line in todo("view", view, "-A", "--at", "now").err.splitlines()] == [
        "inbox as it wa",
        "work as it was",
    ]


def test_columns_after_wide_characters_are_in_line(todo: Todo, count: Path) -> None:
    rows = [{"text": "漢字", "end": "|"}, {"text": "e\u0301a", "end": "|"}, {"text": "abcd", "end": "|"}]
    count.write_text(COUNT.replace("return [state]", f"return {rows}"))
    todo("add", "x")
    assert todo("view", str(count)).out == "text  end\n漢字  |\ne\u0301a    |\nabcd  |\n"


def test_the_times_of_changes_can_be_typed_back(todo: Todo) -> None:
    """In Berlin, the clocks go back between the two hours in which these were recorded."""
    if todo.store is not None:
        pytest.skip("it writes files")
    store = open_store(f"jsonl:{todo.data}", TYPES)
    for hour, minute in ((0, 30), (1, 30), (1, 45), (22, 30)):
        clock = repeat(datetime(2025, 10, 26, hour, minute, tzinfo=UTC)).__next__
        TodoList(store, "inbox", "me", default=True, clock=clock).add([Create("x", clock())])
    env = {"TZ": "Europe/Berlin"}
    for unit, counts in (("minute", [1, 1, 1, 1]), ("hour", [1, 2, 1])):
        lines = todo("view", "changes", "--per", unit, env=env).out.splitlines()[1:]
        rows = [re.split(" {2,}", line) for line in lines]
        assert [int(row[-1]) for row in rows] == counts
        for number, row in enumerate(rows, 1):
            assert todo("at", row[-3], "ls", "--json", env=env).json["position"] == sum(counts[:number])
            since = todo("history", "--since", row[0], "--until", row[-3], "--json", env=env).json["commits"]
            assert len(since) == counts[number - 1]


@contextmanager
def watching(todo: Todo, *arguments: str) -> Iterator[Callable[[], Any]]:
    """Run `todo` with some arguments, which waits for changes, and return what reads its next document."""
    command = [sys.executable, "-m", "cqrs_todo", *arguments, "--json"]
    with subprocess.Popen(command, env=todo.env, cwd=todo.home, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield partial(_next_document, running.stdout)
        running.stdout.close()
        assert running.wait(30) == 0


def _next_document(stream: IO[str]) -> Any:
    return json.loads(stream.readline())


def test_watch_shows_the_view_again_after_each_change(todo: Todo, count: Path) -> None:
    todo("add", "Buy milk")
    with watching(todo, "view", str(count), "--watch") as document:
        assert document()["rows"] == [{"events": 1}]
        todo("done", "1")
        assert document()["rows"] == [{"events": 2}]


def test_watch_shows_lists_that_are_made_later(todo: Todo, count: Path) -> None:
    todo("add", "Buy milk")
    with watching(todo, "view", str(count), "--watch", "-A") as document:
        assert document()["rows"] == [{"events": 1}]
        todo("-L", "work", "add", "Deploy")
        shown = document()
        while shown["rows"] != [{"events": 2}]:  # it may have looked before the todo was recorded
            shown = document()
        assert shown["lists"] == ["inbox", "work"]
        todo("lists", "archive", "work")
        shown = document()
        assert (shown["lists"], shown["rows"]) == (["inbox"], [{"events": 1}])


def test_watch_waits_for_the_default_list(todo: Todo, count: Path) -> None:
    with watching(todo, "view", str(count), "--watch") as document:
        assert document()["rows"] == [{"events": 0}]
        todo("add", "Buy milk")
        shown = document()
        while shown["rows"] != [{"events": 1}]:
            shown = document()
