"""Appends through the service to a PostgreSQL server, one event a commit, and what one round trip to it takes.

Arguments: the server's URL, how many todos the list has, and how many appends.
"""

import json
import sys
import time
from datetime import UTC, datetime

import psycopg

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList

from .append import BATCH, seconds_of_changes


def main(url: str, todos: str, appends: str) -> None:
    """Print the events a second, and the seconds of connecting and of one round trip."""
    start = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connecting = time.perf_counter() - start
        trips = []
        for _ in range(100):
            start = time.perf_counter()
            connection.execute("SELECT 1").fetchone()
            trips.append(time.perf_counter() - start)
    store = open_store(url, TYPES)
    service = TodoList(store, f"bench-{time.time_ns()}", "bench@host")
    created = datetime.now(UTC)
    service.add([Create(f"Write the report {number} for the meeting", created) for number in range(int(todos))])
    seconds = sum(seconds_of_changes(service, done) for done in range(0, int(appends), BATCH))
    store.close()
    json.dump({"append": int(appends) / seconds, "connecting": connecting, "round trip": sorted(trips)[50]}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
