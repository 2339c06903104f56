"""The package `eventsourcing` within a fresh process: one stream, one append, or one of several writers.

Arguments: what to do (a key of `WORK`), an empty folder for SQLite, or the folder of a PostgreSQL server's socket as
`postgres:FOLDER`, and what the work needs.
"""
# mypy: disable-error-code="import-not-found,misc,untyped-decorator,no-untyped-call"

import json
import sys
import time
from collections.abc import Callable
from uuid import UUID

from eventsourcing.application import Application

from . import OWN_TODOS, rate
from .eventsourcing_peer import Todo, persistence

Result = dict[str, float | str]

_SAVED_TOGETHER = 1_000


def main(what: str, place: str, *more: str) -> None:
    """Print the seconds."""
    start = time.perf_counter()
    # writers wait for each other as long as ours do; if several of them made the tables at once, some would fail
    more_settings = {"SQLITE_LOCK_TIMEOUT": "30", "CREATE_TABLE": "yes" if what == "fill" else "no"}
    app: Application = Application(env=persistence(place) | more_settings)
    opening = time.perf_counter() - start
    json.dump({"opening": opening, **WORK[what](app, *more)}, sys.stdout)
    app.close()


def fill(app: Application, todos: str, changes: str) -> Result:
    """Record so many todos with so many changes each, in turns, and print the id of one of them."""
    written = [Todo(f"Write the report {number} for the meeting") for number in range(int(todos))]
    for change in range(int(changes) + 1):
        for first in range(0, len(written), _SAVED_TOGETHER):
            together = written[first : first + _SAVED_TOGETHER]
            if change:
                for todo in together:
                    todo.change_due(f"203{change % 10}-{change % 12 + 1:02}-01")
            app.save(*together)
    return {"id": str(written[len(written) // 2].id)}


def load(app: Application, id: str) -> Result:
    """Load one aggregate, and load it again."""
    start = time.perf_counter()
    app.repository.get(UUID(id))
    between = time.perf_counter()
    app.repository.get(UUID(id))
    return {"seconds": between - start, "again": time.perf_counter() - between}


def append(app: Application, id: str) -> Result:
    """Load one aggregate, change it and save it."""
    start = time.perf_counter()
    todo: Todo = app.repository.get(UUID(id))
    todo.change_due(f"2031-01-01T{time.time_ns()}")
    app.save(todo)
    return {"seconds": time.perf_counter() - start}


def write(app: Application, seconds: str) -> Result:
    """Change and save aggregates of this writer's own for some seconds, as soon as a line comes on standard input."""
    written = [Todo("Write the report") for _ in range(OWN_TODOS)]
    for todo in written:
        app.save(todo)

    def append(done: int) -> None:
        todo = written[done % OWN_TODOS]
        todo.change_due(f"2031-01-0{1 + done // OWN_TODOS % 2}")
        app.save(todo)

    return {"rate": rate(append, float(seconds))}


WORK: dict[str, Callable[..., Result]] = {"fill": fill, "load": load, "append": append, "write": write}


if __name__ == "__main__":
    main(*sys.argv[1:])
