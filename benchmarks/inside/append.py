"""Appends through the service, one event a commit, in turns with the same lines written by hand.

Arguments: an empty folder, how many todos the list has, how many appends, and whether anything is synced (1 or 0).
"""

import fcntl
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.fields import DUE
from cqrs_todo.todo.model import Change, Create, TodoCommand
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.views import Item

BATCH = 100


def main(folder: str, todos: str, appends: str, synced: str) -> None:
    """Print the events a second of both ways."""
    if synced == "0":
        os.fsync = _not_synced  # for information: what all but the disk costs
    service = TodoList(open_store(f"jsonl:{folder}", TYPES), "bench", "bench@host")
    created = datetime.now(UTC)
    service.add([Create(f"Write the report {number} for the meeting", created) for number in range(int(todos))])
    log = Path(folder) / "lists" / "bench.jsonl"
    through_service = by_hand = 0.0
    done = 0
    while done < int(appends):
        before = log.stat().st_size
        through_service += seconds_of_changes(service, done)
        with log.open("rb") as file:
            file.seek(before)
            lines = file.read().splitlines(keepends=True)
        by_hand += _written(Path(folder) / "by-hand", lines)
        done += len(lines)
    json.dump({"service": done / through_service, "by hand": done / by_hand}, sys.stdout)


def _not_synced(fd: object) -> None:
    pass


def seconds_of_changes(service: TodoList, done: int) -> float:
    """How long `BATCH` commits of one event take, after so many others."""
    items = service.view().items
    days = [f"2030-{done // BATCH % 12 + 1:02}-{day:02}" for day in (1, 2)]
    seconds = 0.0
    for number in range(BATCH):
        # a todo that comes round again is given the other day: a change to what is there already is none
        commands = [Change(DUE, days[number // len(items) % 2])]
        start = time.perf_counter()
        answer = service.change([items[number % len(items)]], partial(_given, commands))
        seconds += time.perf_counter() - start
        if answer.commit is None:
            raise RuntimeError("nothing was recorded: what was measured is not an append")
    return seconds


def _given(commands: Sequence[TodoCommand], item: Item) -> Sequence[TodoCommand]:  # noqa: ARG001  # `change` calls it with each todo
    return commands


def _written(path: Path, lines: Sequence[bytes]) -> float:
    start = time.perf_counter()
    for line in lines:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, line)
        os.fsync(fd)
        os.close(fd)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
