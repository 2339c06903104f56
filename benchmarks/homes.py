"""Homes with data in them: a long history written as docs/log-format.md says, and the same todos for every tool.

Histories are not made through the product: a million durable commits take it minutes, and here they take seconds. They
are what it would have written all the same: one event a commit, every sum right, every old value the true one.
"""

import hashlib
import itertools
import json
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.stores.jsonl.head_record import record_head
from cqrs_todo.todo.values import Priority
from tests.revisions import household

from .measure import environment, output, run

CHANGES_AN_HOUR = 1_000
"""How dense a history is: what "1 hour ago" has to go back over."""

_ID_SIGNS = "0123456789abcdefghjkmnpqrstvwxyz"
_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


def todo_text(number: int) -> str:
    """The text of a todo."""
    return f"Write the report {number} for the meeting"


@dataclass(frozen=True)
class Todo:
    """A todo as somebody had it."""

    text: str
    priority: Priority | None
    tags: tuple[str, ...]


CREATED = "2024-03-04"
"""The day on which the household's todos are created."""


def household_todos(count: int) -> list[Todo]:
    """Return so many open todos.

    They are those of the last revision of `tests/revisions.py`, repeated; a number at the end tells them apart.
    """
    numbered = zip(range(1, count + 1), itertools.cycle(household()[-1].rows), strict=False)
    return [Todo(f"{row.text} {number}", row.priority, row.tags) for number, row in numbered]


@dataclass(frozen=True)
class Home:
    """A home folder with a list of the product's in it."""

    path: Path
    todo: list[str]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a command in it."""
        return environment(self.path)

    def run(self, *args: str, stdin: Path | None = None, stdout: Path | None = None) -> float:
        """Seconds that a verb takes."""
        return run([*self.todo, *args], self.env, stdin=stdin, stdout=stdout)

    def paths(self) -> dict[str, str]:
        """Where the product keeps what, in its own words."""
        reported: dict[str, dict[str, str]] = json.loads(output([*self.todo, "where", "--json"], self.env))
        return reported["paths"]

    @property
    def log(self) -> Path:
        """The file of the list."""
        return Path(self.paths()["store"].removeprefix("jsonl:")) / "lists" / "inbox.jsonl"

    @property
    def cache(self) -> Path:
        """The folder of what can be made again."""
        return Path(self.paths()["cache"])

    def replay(self) -> float:
        """Return the seconds of `ls` after all that can be made again was deleted. What was made again is then in place."""
        shutil.rmtree(self.cache, ignore_errors=True)
        return self.run("ls")

    def warm(self) -> None:
        """Let the product make whatever it keeps beside the log: a first look may be dearer than the next ones."""
        for _ in range(2):
            self.run("ls")


def with_history(path: Path, todo: list[str], todos: int, events: int) -> Home:
    """A home with a list of this many todos, all open, after this many events; the last of them of this moment."""
    path.mkdir(mode=0o700)
    home = Home(path, todo)
    write_log(home.log, todos, events)
    return home


def with_todos(path: Path, todo: list[str], lines: Path) -> Home:
    """A home with a list of the todos in a file, one a line."""
    path.mkdir(mode=0o700)
    home = Home(path, todo)
    home.run("add", "-", stdin=lines)
    return home


def with_household_todos(path: Path, todo: list[str], todos: list[Todo]) -> Home:
    """Make a home with a list of these todos."""
    path.mkdir(mode=0o700)
    home = Home(path, todo)
    document = {
        "format": "cqrs-todo/1",
        "todos": [
            {
                "id": f"t{number:09}",
                "text": each.text,
                "created": f"{CREATED}T00:00:00Z",
                "priority": each.priority,
                "tags": each.tags,
            }
            for number, each in enumerate(todos, 1)
        ],
    }
    source = path / "todos.json"
    source.write_text(json.dumps(document))
    home.run("import", str(source))
    return home


def write_lines(path: Path, todos: int) -> Path:
    """The todos' texts, one a line."""
    path.write_text("".join(f"{todo_text(number)}\n" for number in range(1, todos + 1)))
    return path


def write_log(path: Path, todos: int, events: int) -> None:
    """A log of one event a commit; raises `ValueError` unless the todos are open after the last event."""
    end = datetime.now(UTC) - timedelta(seconds=1)
    step = timedelta(hours=1) / CHANGES_AN_HOUR
    start = end - step * events
    for folder in reversed([path.parent, *path.parent.parents]):
        if not folder.exists():
            folder.mkdir(mode=0o700)
    header = {
        "format": "cqrs-log",
        "version": "1.0",
        "id": _random(f"log {todos} {events}").randbytes(16).hex(),
        "name": path.stem,
        "created": start.strftime(_INSTANT),
    }
    sum = ""
    command = _random("commands")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        body = json.dumps(header, separators=(",", ":"))[:-1]
        sum = hashlib.sha256(body.encode()).hexdigest()
        file.write(f'{body},"sum":"{sum}"}}\n')
        for position, event in enumerate(_events(todos, events, start, step), 1):
            at = (start + step * position).strftime(_INSTANT)
            body = (
                f'{{"position":{position},"at":"{at}","by":"bench@host","command":"{command.getrandbits(80):020x}",'
                f'"events":[{event}],"meta":{{}}'
            )
            sum = hashlib.sha256(f"{sum}{body}".encode()).hexdigest()
            file.write(f'{body},"sum":"{sum}"}}\n')
    # as the product does, which takes a list without it for one that was copied there
    record_head(str(path), header["id"], Cursor(events, events + 1, path.stat().st_size, sum.encode()))


def _events(todos: int, events: int, start: datetime, step: timedelta) -> Iterator[str]:
    """First every todo is created, then again and again, each time in another order, put off, completed and reopened.

    So at any moment after the creations all todos but one are open: a look at the past shows as many as a look at now.
    """
    changes, rest = divmod(events - todos, todos)
    if rest or changes < 0 or changes % 3 == 2:
        raise ValueError(f"{events} events do not leave {todos} todos open")
    order = _random("order")
    letters = order.choices(_ID_SIGNS[10:], k=todos)
    ids = [letter + "".join(order.choices(_ID_SIGNS, k=9)) for letter in letters]
    for number, id in enumerate(ids, 1):
        created = (start + step * number).strftime(_INSTANT)
        data = (
            f'{{"text":"{todo_text(number)}","created":"{created}","note":null,"due":null,"reminder":null,'
            '"priority":null,"tags":[]}'
        )
        yield _event(id, 1, "todo_created", data)
    due = dict.fromkeys(ids, "null")
    position = todos
    for version in range(2, changes + 2, 3):
        order.shuffle(ids)
        for id in ids:
            position += 1
            old, due[id] = due[id], f'"{2030 + version % 9}-{position % 12 + 1:02}-{position % 28 + 1:02}"'
            yield _event(id, version, "todo_due_changed", f'{{"old":{old},"new":{due[id]}}}')
            if version > changes:  # one change alone is left for each
                continue
            position += 2
            completed = f'{{"completed":"{(start + step * (position - 1)).strftime(_INSTANT)}"}}'
            yield _event(id, version + 1, "todo_completed", completed)
            yield _event(id, version + 2, "todo_reopened", completed)


def _event(id: str, version: int, type: str, data: str) -> str:
    return f'{{"stream":"todo/{id}","version":{version},"type":"{type}","data":{data}}}'


def _random(seed: str) -> random.Random:
    return random.Random(seed)  # the same data in every run
