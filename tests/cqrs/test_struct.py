"""If msgspec is not installed, dataclasses replace it: the pure modules and the memory store work the same."""

import subprocess
import sys

STORY = """
import sys
sys.modules["msgspec"] = None  # as if it were not installed: importing it raises ImportError
from datetime import UTC, datetime
from cqrs_todo.cqrs.events import EventTypes, Metadata
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.timeline import as_of
from cqrs_todo.todo.fields import TEXT
from cqrs_todo.todo.fields import TEXT
from cqrs_todo.todo.model import Change, Complete, Create, DECIDER, EVENTS, check_todo

now = datetime(2026, 11, 22, tzinfo=UTC)
log = open_store("memory:", EventTypes(EVENTS)).create("inbox", now)
todos = Repository(log, DECIDER)
todos.execute("a", Create("Buy milk", now, tags=("b", "a")), Metadata(now, "me", "c1", {}))
todos.execute("a", Change(TEXT, "Buy oats"), Metadata(now, "me", "c2", {}))
entity, commit = todos.execute("a", Complete("2026-11-21", now), Metadata(now, "me", "c3", {}))
assert (entity.state.text, entity.state.tags, entity.state.completed) == ("Buy oats", ("a", "b"), "2026-11-21")
assert (commit.position, entity.version) == (3, 3)
past, _ = as_of(todos, 1)
assert past["todo/a"].state.text == "Buy milk"
try:
    entity.state.text = "other"
except AttributeError:
    print("frozen")
"""


def test_the_pure_modules_run_without_msgspec() -> None:
    done = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("frozen\n", "", 0)
