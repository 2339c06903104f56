"""A read model that is killed while it catches up goes on later, and then has the rows that a rebuild has."""

import os
import random
import signal
import sqlite3
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


def write(folder: Path, events: int) -> str:
    """Write a list with so many events, and return the URL of its store."""
    url = f"jsonl:{folder}/data"
    store = open_store(url, TYPES)
    log = store.create("inbox", START)
    chance = random.Random(events)
    versions: dict[str, int] = {}
    for number in range(events):
        at = START + timedelta(minutes=7 * number)
        id = f"a{chance.randrange(events // 10)}"
        event: TodoEvent = TodoCreated(f"todo {number}", at, note="*a* note")
        if id in versions:
            changes: list[TodoEvent] = [
                TextChanged("", f"text {number}"),
                NoteChanged(None, f"- note {number}"),
                TagAdded(f"tag{number % 7}"),
                TodoCompleted(day_or_instant(at)),
                TodoReopened(day_or_instant(at)),
            ]
            event = chance.choice(changes)
        versions[id] = versions.get(id, 0) + 1
        log.append([Append(f"todo/{id}", (event,))], Metadata(at, "jo", f"c{number}", {}))
    store.close()
    return url


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


def killed_after(applied: int, url: str, projection: Projection[Any], folder: Path) -> bool:
    """Catch up in a process that is killed when it has applied so many events. Return whether it was killed."""
    child = os.fork()
    if child == 0:
        left = applied

        def apply(connection: Any, event: Any, log_id: str) -> None:
            nonlocal left
            projection.apply(connection, event, log_id)
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        doomed = Projection(projection.name, projection.version, projection.schema, apply, projection.query)
        try:
            catch_up(url, doomed, folder)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def check(tmp_path: Path, projection: Projection[Any], events: int, every: int) -> int:
    """Kill a read model again and again, each time a little later, and return how often it was killed."""
    url = write(tmp_path, events)
    catch_up(url, projection, tmp_path / "whole")
    expected = rows(tmp_path / "whole", projection.name)
    kills = 0
    for applied in range(1, events + 1, every):
        folder = tmp_path / "killed"
        for file in folder.glob("*"):
            file.unlink()
        kills += killed_after(applied, url, projection, folder)
        if applied % 2:  # also while it goes on
            kills += killed_after(max(1, applied // 2), url, projection, folder)
        catch_up(url, projection, folder)
        assert rows(folder, projection.name) == expected
    return kills


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_killed_anywhere_a_read_model_comes_to_what_a_rebuild_does(tmp_path: Path, projection: Projection[Any]) -> None:
    assert check(tmp_path, projection, 200, 23) >= 5


@pytest.mark.long
@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_killed_at_every_commit_a_read_model_comes_to_what_a_rebuild_does(
    tmp_path: Path, projection: Projection[Any]
) -> None:
    assert check(tmp_path, projection, 2000, 1) >= 500
