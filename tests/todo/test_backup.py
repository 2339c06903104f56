"""A backup while todos are moved: every list is a beginning of the original, and each todo is in at least one of them."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cqrs_todo.cqrs.errors import DamagedLog, LogBusy
from cqrs_todo.cqrs.store import Log
from cqrs_todo.cqrs.stores.jsonl.store import JsonlStore
from cqrs_todo.todo.backup import SavedList, saved_lists
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList

NAMES = ("a", "b", "c", "d")
TOKENS = [f"token {number}" for number in range(6)]


class Interrupted(JsonlStore):
    """A store in which others write whenever a log is opened or its archived logs are listed."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def open(self, name: str) -> Log:
        self.meanwhile()
        log = super().open(name)
        lines = log.lines

        def interrupted() -> object:
            self.meanwhile()
            return lines()

        log.lines = interrupted  # type: ignore[method-assign,assignment]  # others write before each reading, too
        return log


def made(folder: Path) -> JsonlStore:
    store = JsonlStore(str(folder), TYPES)
    for name in NAMES:
        store.create(name, datetime.now(UTC))
    TodoList(store, "a", "me").add([Create(text, datetime.now(UTC)) for text in TOKENS])
    return store


def move_one(store: JsonlStore, drawn: random.Random) -> None:
    lists = [TodoList(store, name, "me") for name in drawn.sample(NAMES, k=2)]
    there = [item for item in lists[0].view().items if not item.todo.removed]
    if there:
        lists[0].move([drawn.choice(there)], lists[1])


def texts(saved: list[SavedList], folder: Path) -> set[str]:
    """What the lists in a backup hold, and that each is a beginning of the original."""
    store = JsonlStore(str(folder / "restored"), TYPES)
    found: set[str] = set()
    for each in saved:
        lines = list(each.content())
        assert (folder / "data/lists" / f"{each.name}.jsonl").read_bytes().startswith(b"".join(lines))
        store.import_log(each.name, lines)
        found |= {item.todo.text for item in TodoList(store, each.name, "me").view().items if not item.todo.removed}
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_todo_that_is_moved_while_the_lists_are_read_is_in_one_of_them(seed: int, tmp_path: Path) -> None:
    writing = made(tmp_path / "data")
    drawn = random.Random(seed)
    store = Interrupted(str(tmp_path / "data"), TYPES)

    def move_some() -> None:
        for _ in range(drawn.randrange(4)):
            move_one(writing, drawn)

    store.meanwhile = move_some
    saved = saved_lists(store)
    store.meanwhile = lambda: None
    assert texts(saved, tmp_path) == set(TOKENS)


def test_a_list_is_not_read_on_without_need(tmp_path: Path) -> None:
    writing = made(tmp_path / "data")
    store = Interrupted(str(tmp_path / "data"), TYPES)
    saved = saved_lists(store)
    TodoList(writing, "a", "me").add([Create("later", datetime.now(UTC))])
    assert texts(saved, tmp_path) == set(TOKENS)
    assert [each.lines for each in saved] == [2, 1, 1, 1]


def test_lists_that_are_renamed_again_and_again_are_given_up(tmp_path: Path) -> None:
    writing = made(tmp_path / "data")
    store = Interrupted(str(tmp_path / "data"), TYPES)
    names = ["d", "e"]

    def rename() -> None:
        writing.rename(*names)
        names.reverse()

    store.meanwhile = rename
    with pytest.raises(LogBusy, match="again and again; nothing was saved"):
        saved_lists(store)


def test_a_list_that_is_archived_meanwhile_is_saved_as_archived(tmp_path: Path) -> None:
    writing = made(tmp_path / "data")
    store = Interrupted(str(tmp_path / "data"), TYPES)

    def archive() -> None:
        store.meanwhile = lambda: None
        writing.archive("b")

    store.meanwhile = archive
    assert [(each.name, each.archived) for each in saved_lists(store)] == [
        ("a", False),
        ("c", False),
        ("d", False),
        ("b", True),
    ]


def test_a_damaged_list_is_refused(tmp_path: Path) -> None:
    store = made(tmp_path / "data")
    log = tmp_path / "data/lists/a.jsonl"
    log.write_bytes(log.read_bytes().replace(b"token 1", b"taken 1"))
    with pytest.raises(DamagedLog, match="nothing was saved"):
        saved_lists(store)
