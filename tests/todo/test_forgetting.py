"""Forgetting todos: whatever is done before and afterwards, nothing brings them back, and all others stay as they are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import CqrsError, DamagedLog
from cqrs_todo.cqrs.events import FORGOTTEN, Metadata
from cqrs_todo.cqrs.forgetting import Forgetting
from cqrs_todo.cqrs.operation_errors import StreamNotFound
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.hash_chain import digest_in
from cqrs_todo.cqrs.stores.memory import MemoryStore
from cqrs_todo.cqrs.verification import Stray
from cqrs_todo.todo.compare import compare
from cqrs_todo.todo.events import TodoCreated
from cqrs_todo.todo.fields import PRIORITY, TAGS, TEXT
from cqrs_todo.todo.forgetting import ForgottenIn, forget
from cqrs_todo.todo.history import describe_commit, describe_event
from cqrs_todo.todo.model import Add, Change, Complete, Create, Remove, Restore
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.statistics import statistics
from tests.chains import rechain_line

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LISTS = ("inbox", "work")
COMMANDS = (
    Complete("2026-11-20", NOW),
    Change(TEXT, "other"),
    Change(PRIORITY, "H"),
    Add(TAGS, "home"),
    Remove(),
    Restore(),
)

numbers = st.lists(st.integers(1, 6), min_size=1, max_size=3)
deeds: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 2)),
    st.tuples(st.just("change"), st.tuples(numbers, st.sampled_from(COMMANDS))),
    st.tuples(st.sampled_from(["undo", "redo"]), st.integers(1, 3)),
    st.tuples(st.sampled_from(["undo at", "restore"]), st.integers(0, 12)),
    st.tuples(st.just("move"), numbers),
)
steps = st.lists(st.tuples(st.sampled_from(LISTS), deeds), max_size=8)


class Home:
    """Two lists in memory, and a clock."""

    def __init__(self) -> None:
        self.store: Store = open_store("memory:", TYPES)
        self.ticks = 0
        for name in LISTS:
            self.store.create(name, NOW)

    def clock(self) -> datetime:
        self.ticks += 1
        return NOW + timedelta(minutes=self.ticks)

    def list(self, name: str) -> TodoList:
        return TodoList(self.store, name, "me@suite", clock=self.clock)

    def do(self, name: str, deed: str, given: Any) -> None:
        """Do something; that it is refused is an outcome like any other."""
        todos, other = self.list(name), self.list(LISTS[name == LISTS[0]])
        try:
            if deed == "add":
                todos.add([Create(f"todo {number}", NOW) for number in range(given)])
            elif deed == "change":
                chosen = todos.select([str(number) for number in given[0]])
                todos.change(chosen, lambda _: [given[1]])
            elif deed == "move":
                todos.move(todos.select([str(number) for number in given]), other)
            elif deed == "undo":
                todos.undo(given)
            elif deed == "redo":
                todos.redo(given)
            elif deed == "undo at":
                todos.undo_at(given)
            else:
                todos.restore(given)
        except CqrsError:
            pass


def nothing_kept(_log: str) -> list[str]:
    return []


@given(steps, steps, st.lists(st.integers(1, 6), min_size=1, max_size=2))
def test_nothing_brings_back_what_was_forgotten(
    before: list[tuple[str, tuple[str, Any]]], after: list[tuple[str, tuple[str, Any]]], chosen: list[int]
) -> None:
    home = Home()
    home.list("inbox").add([Create(f"first {number}", NOW) for number in range(3)])
    for name, deed in before:
        home.do(name, *deed)
    fold = home.list("inbox").repository.fold()
    entities = {entity.stream for number in chosen if (entity := fold.numbered(number)) is not None}
    if not entities:
        return
    views = {name: home.list(name).view() for name in LISTS}
    numbered = {name: [entity.stream for entity in home.list(name).repository.fold()] for name in LISTS}
    done = forget(home.store, entities, nothing_kept)
    assert not done.errors
    for name in LISTS:
        others = [item for item in views[name].items if item.stream not in entities]
        assert list(home.list(name).view().items) == others
        assert [entity.stream for entity in home.list(name).repository.fold()] == numbered[name]
    for name, deed in after:
        home.do(name, *deed)
        for each in LISTS:
            todos = home.list(each)
            fold = todos.repository.fold()
            found = [fold.get(stream) for stream in entities]
            assert all(entity.state is None for entity in found if entity is not None)
            commits = todos.commits()
            for commit in commits:
                assert all(event.type == FORGOTTEN for event in commit.events if event.stream in entities)
                assert describe_commit(commit, todos.position_of, datetime.astimezone) is not None
                assert all(describe_event(event, lambda at: at) for event in commit.events)
            past = [todos.view(commit.last) for commit in commits]
            assert not [item for view in past for item in view.items if item.stream in entities]
            assert compare(todos.view(0).items, todos.view().items) is not None
            assert statistics(commits, NOW + timedelta(days=1), lambda at: at).days
            assert home.store.verify(each).damage is None


def test_a_todo_is_forgotten_in_every_list_that_it_was_in() -> None:
    home = Home()
    inbox, work = home.list("inbox"), home.list("work")
    inbox.add([Create("hunter2", NOW), Create("plain", NOW)])
    inbox.move(inbox.select(["1"]), work)
    home.store.archive("work")
    cleared: list[str] = []

    def clear(log: str) -> list[str]:
        cleared.append(log)
        return [f"the cache of {log}"]

    (entity, *_) = inbox.entities(["1"])
    done = forget(home.store, [entity.stream], clear)
    assert done.lists == (ForgottenIn("inbox", False, 2), ForgottenIn("work", True, 1))
    assert cleared == [inbox.log.id, work.log.id]
    assert done.unreached == tuple(f"the cache of {log}" for log in cleared)
    assert [item.number for item in home.list("inbox").view().items] == [2]
    assert [entity.number for entity in home.list("inbox").entities(["1-2"])] == [1, 2], "it can be named again"
    assert forget(home.store, [entity.stream], nothing_kept).lists[0].events == 0


def test_a_list_without_a_stream_of_an_impossible_name_forgets_the_others(tmp_path: Path) -> None:
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    for name, streams in (("inbox", ("todo/a", "todo/b")), ("work", ("todo/b",)), ("home", ())):
        log = store.create(name, NOW)
        for number, stream in enumerate(streams):
            log.append([Append(stream, (TodoCreated("secret", NOW),))], Metadata(NOW, "me", f"c{number}", {}))
    store.close()
    path = tmp_path / "lists" / "inbox.jsonl"
    header, first, second = path.read_bytes().splitlines()
    renamed = rechain_line(digest_in(header) or b"", first.replace(b"todo/a", b"todo/"))
    path.write_bytes(header + b"\n" + renamed + rechain_line(digest_in(renamed[:-1]) or b"", second))
    path.with_suffix(".lock").unlink()  # it has the digest of what was there
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    done = forget(store, ["todo/", "todo/b"], nothing_kept)
    assert {each.list: each.events for each in done.lists} == {"inbox": 2, "work": 1}
    assert not done.errors
    assert (set(store.open("inbox").forgotten), set(store.open("work").forgotten)) == ({"todo/", "todo/b"}, {"todo/b"})


class Copied(MemoryStore):
    """A store in which the list work is a copy of inbox, and a third list is damaged."""

    def __init__(self) -> None:
        super().__init__(TYPES)
        self.asked: list[str] = []

    def strays(self) -> list[Stray]:
        return [Stray("work.jsonl", archived=False, name="work", of="inbox", detail="it is a copy")]

    def forget(self, name: str, streams: Any, *, archived: bool = False) -> Forgetting:
        self.asked.append(name)
        if name == "damaged":
            raise DamagedLog("damaged is damaged")
        if name == "empty":
            raise StreamNotFound(name, list(streams))
        return Forgetting("log-1", 1, (f"kept for {name}",), ("a copy",) if name == "work" else ())


def test_copies_come_first_and_an_error_stops_no_other_list() -> None:
    store = Copied()
    for name in ("inbox", "damaged", "empty", "work"):
        store.create(name, NOW)
    done = forget(store, ["todo/a"], nothing_kept)
    assert store.asked == ["work", "damaged", "empty", "inbox"]
    assert [each.list for each in done.lists] == ["work", "inbox"]
    assert (done.removed, done.unreached) == (("kept for work", "kept for inbox"), ())
    assert [str(error) for error in done.errors] == ["damaged is damaged"]


@pytest.mark.parametrize("words", [["9"], ["longer-than-any-id"], ["3-2"]])
def test_what_names_no_todo_is_refused(words: list[str]) -> None:
    home = Home()
    home.list("inbox").add([Create("plain", NOW)])
    with pytest.raises(CqrsError, match="no todo"):
        home.list("inbox").entities(words)
