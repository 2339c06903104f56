"""Recorded logs of all sorts, with snapshots of them, for the trials that damage them."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.snapshots import SnapshotEvery
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.todo import recorder, service
from cqrs_todo.todo.errors import CannotUndo
from cqrs_todo.todo.fields import NOTE, PRIORITY, SCHEMA, TAGS, TEXT, State
from cqrs_todo.todo.model import Add, Change, Complete, Create
from cqrs_todo.todo.values import day_or_instant

from .children import store_in

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
_TEXTS = (
    "Buy milk",
    "number 4",
    "Grüße 雪だるま",
    'say "hi" \\ C:\\new',
    "{}[]:,",
    '"}{"position":1',
    '","sum":"' + "0" * 64 + '"}',
)


def snapshots_in(folder: Path) -> SnapshotStore[State]:
    """The snapshots that lie beside the lists of a folder."""
    return SnapshotStore(Folder(str(folder / "snapshots")), State, SCHEMA)


def the_list(folder: Path, *, with_snapshots: bool) -> service.TodoList:
    """The list of a folder, read with its snapshots or from the beginning."""
    snapshots = snapshots_in(folder) if with_snapshots else None
    return service.TodoList(store_in(folder), "inbox", "me@trial", default=True, snapshots=snapshots)


def make_log(folder: Path, rng: random.Random, commits: int) -> None:
    """Record so many commits: several events in one, several todos, undone ones, text that looks like a log."""
    recorder.SNAPSHOTS = SnapshotEvery(2)
    ticks = iter(range(commits * 10))
    todos = service.TodoList(
        store_in(folder),
        "inbox",
        "me@trial",
        default=True,
        clock=lambda: NOW + timedelta(minutes=next(ticks)),
        snapshots=snapshots_in(folder),
    )
    made = 0
    while made < commits:
        try:
            _step(todos, rng, made)
        except (CannotUndo, Rejected):
            continue
        made = sum(1 for _ in todos.log.commits())


def _step(todos: service.TodoList, rng: random.Random, made: int) -> None:
    items = [item for item in todos.view().items if not item.todo.removed]
    chosen = rng.sample(items, min(len(items), rng.randint(1, 3)))
    match rng.randrange(7) if chosen else 0:
        case 0 | 1:
            todos.add([Create(f"{rng.choice(_TEXTS)} {made}", NOW, priority="L") for _ in range(rng.randint(1, 3))])
        case 2:
            todos.change(
                chosen, lambda _: [Change(TEXT, f"{rng.choice(_TEXTS)} {made}"), Change(PRIORITY, "H" if made % 2 else "M")]
            )
        case 3:
            todos.change(chosen, lambda _: [Add(TAGS, f"t{made}")])
        case 4:
            todos.change(chosen[:1], lambda _: [Change(NOTE, f"# note {made}\r\n\u2028" + "é" * 50)])
        case 5:
            todos.undo()
        case _:
            todos.change(chosen, lambda _: [Complete(day_or_instant(NOW), NOW)])
