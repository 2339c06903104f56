"""The same todo as an aggregate of the package `eventsourcing`: appends, one event a save, and replay.

Arguments: `memory`, an empty folder for SQLite, or the folder of a PostgreSQL server's socket as `postgres:FOLDER`; how many
todos; how many changes of each.
"""
# mypy: disable-error-code="import-not-found,misc,untyped-decorator,no-untyped-call"

import json
import sys
import time

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Todo(Aggregate):
    """A todo that can be put off, completed and reopened."""

    @event("Created")
    def __init__(self, text: str) -> None:
        self.text = text
        self.due: str | None = None
        self.completed: str | None = None

    @event("DueChanged")
    def change_due(self, due: str) -> None:
        self.due = due

    @event("Completed")
    def complete(self, completed: str) -> None:
        self.completed = completed

    @event("Reopened")
    def reopen(self) -> None:
        self.completed = None


def main(place: str, todos: str, changes: str) -> None:
    """Print the events a second of appending and of replaying."""
    app: Application = Application(env=persistence(place))
    written = [Todo(f"Write the report {number} for the meeting") for number in range(int(todos))]
    events = int(todos) * (1 + int(changes))
    start = time.perf_counter()
    for todo in written:
        app.save(todo)
    for change in range(int(changes)):
        for todo in written:
            _change(todo, change)
            app.save(todo)
    appending = time.perf_counter() - start
    start = time.perf_counter()
    for todo in written:
        app.repository.get(todo.id)
    replaying = time.perf_counter() - start
    json.dump({"append": events / appending, "replay": events / replaying}, sys.stdout)


def persistence(place: str) -> dict[str, str]:
    kind, _, folder = place.partition(":")
    if kind == "memory":
        return {"PERSISTENCE_MODULE": "eventsourcing.popo"}
    if kind == "postgres":
        at = {"HOST": folder, "PORT": "5432", "DBNAME": "postgres", "USER": "postgres", "PASSWORD": "-"}
        return {"PERSISTENCE_MODULE": "eventsourcing.postgres"} | {f"POSTGRES_{name}": word for name, word in at.items()}
    return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": f"{place}/db"}


def _change(todo: Todo, change: int) -> None:
    match change % 3:
        case 0:
            todo.change_due(f"2030-{change % 12 + 1:02}-01")
        case 1:
            todo.complete("2030-01-01T17:00:00.000000Z")
        case _:
            todo.reopen()


if __name__ == "__main__":
    main(*sys.argv[1:])
