"""A read model that is killed while it catches up goes on later, and then has the rows that a rebuild has."""

import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.projections import Projection, ReadModel
from cqrs_todo.cqrs.projections.sqlite import SqliteTables
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.events import NoteChanged, TagAdded, TextChanged, TodoCompleted, TodoCreated, TodoEvent, TodoReopened
from cqrs_todo.todo.read_models import days, search
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.values import day_or_instant

START = datetime(2026, 1, 1, tzinfo=UTC)
PROJECTIONS = [search.PROJECTION, days.PROJECTION]
try:
    from cqrs_todo.todo.read_models import note_html
except ImportError:  # without the extra `html` there is one read model less
    pass
else:
    PROJECTIONS.append(note_html.PROJECTION)


class Writer:
    """Writes a list, commit by commit.

    Args:
        folder: where its store is made.
        todos: how many todos it has in the end, about.
    """

    def __init__(self, folder: Path, todos: int) -> None:
        self.url = f"jsonl:{folder}/data"
        self.dice = random.Random(todos)
        self._store = open_store(self.url, TYPES)
        self._log = self._store.create("inbox", START)
        self._todos = todos
        self._versions: dict[str, int] = {}
        self._number = 0

    def commit(self) -> None:
        """Record the creation of a todo, or a change."""
        number = self._number = self._number + 1
        at = START + timedelta(minutes=7 * number)
        id = f"a{self.dice.randrange(self._todos)}"
        event: TodoEvent = TodoCreated(f"todo {number}", at, note="*a* note")
        if id in self._versions:
            changes: list[TodoEvent] = [
                TextChanged("", f"text {number}"),
                NoteChanged(None, f"- note {number}"),
                TagAdded(f"tag{number % 7}"),
                TodoCompleted(day_or_instant(at)),
                TodoReopened(day_or_instant(at)),
            ]
            event = self.dice.choice(changes)
        self._versions[id] = self._versions.get(id, 0) + 1
        self._log.append([Append(f"todo/{id}", (event,))], Metadata(at, "jo", f"c{number}", {}))


def rows(folder: Path, name: str) -> list[Any]:
    """Return all rows of a read model, and how far they were derived."""
    (file,) = folder.glob(f"{name}.*.sqlite")
    with sqlite3.connect(file) as connection:
        tables = [
            table for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        ]
        shown = [table for table in tables if not table.startswith("folded_")]  # how the words are stored may differ
        return [(table, sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)) for table in shown]


def catch_up(url: str, projection: Projection[Any], folder: Path) -> None:
    store = open_store(url, TYPES)
    model = ReadModel(store, projection, SqliteTables(str(folder)))
    model.catch_up()
    model.close()
    store.close()


def killed(point: str, nth: int, url: str, projection: Projection[Any], folder: Path) -> bool:
    """Catch up in a process that is killed around the n-th event that it applies. Return whether it was."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    left = nth

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def apply(connection: Any, event: Any, log_id: str) -> None:
        nonlocal left
        left -= 1
        if not left and point == "before the event":
            die()
        projection.apply(connection, event, log_id)
        if not left and point == "after the event":
            die()
        if not left and point == "before the rows are kept":
            connection.set_trace_callback(lambda sql: die() if sql.startswith("COMMIT") else None)

    doomed = Projection(projection.name, projection.version, projection.schema, apply, projection.query)
    try:
        catch_up(url, doomed, folder)
        if point == "after that":
            die()
    finally:
        os._exit(0)


POINTS = ("before the event", "after the event", "before the rows are kept", "after that")


def check(tmp_path: Path, projection: Projection[Any], commits: int, every: int) -> Counter[str]:
    """Kill a read model at each commit of a list, compare it with a rebuild now and then, and count the kills."""
    writer = Writer(tmp_path, commits // 10)
    folder = tmp_path / "killed"
    kills: Counter[str] = Counter()
    waiting = 0
    for number in range(1, commits + 1):
        writer.commit()
        waiting += 1
        point = writer.dice.choice(POINTS)
        died = killed(point, writer.dice.randint(1, waiting), writer.url, projection, folder)
        kills[point] += died
        if point == "after that" or not died:
            waiting = 0
        if number % every == 0:
            waiting = 0
            catch_up(writer.url, projection, folder)
            catch_up(writer.url, projection, tmp_path / f"whole{number}")
            assert rows(folder, projection.name) == rows(tmp_path / f"whole{number}", projection.name)
    return kills


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_killed_anywhere_a_read_model_comes_to_what_a_rebuild_does(tmp_path: Path, projection: Projection[Any]) -> None:
    kills = check(tmp_path, projection, 80, 20)
    assert all(kills[point] >= 3 for point in POINTS), kills


@pytest.mark.long
@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_killed_at_every_commit_a_read_model_comes_to_what_a_rebuild_does(
    tmp_path: Path, projection: Projection[Any]
) -> None:
    kills = check(tmp_path, projection, 2_000, 100)
    assert all(kills[point] >= 100 for point in POINTS), kills
    sys.stdout.write(f"{projection.name}: {kills.total():,} kills: {dict(kills)}\n")
