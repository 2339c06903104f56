"""The service used by several processes at once: conflicts, moments while others write, and errors."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import LogExists, Rejected, WrongExpectedVersion
from cqrs_todo.cqrs.events import Commit, Metadata
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo import batches, importing
from cqrs_todo.todo.errors import CannotUndo, EventNotFound, NotFound, NotYet
from cqrs_todo.todo.events import TextChanged
from cqrs_todo.todo.fields import PRIORITY, TEXT, State, Todo
from cqrs_todo.todo.formats import Entry
from cqrs_todo.todo.lists import Lists
from cqrs_todo.todo.model import Change, Complete, Create, Remove, Reopen, Toggle
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import day_or_instant
from tests.strategies import NOW
from tests.todo.histories import Act, a_list, acts, after


@pytest.fixture(params=["memory", "jsonl"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store("memory:" if request.param == "memory" else f"jsonl:{tmp_path}", TYPES)


def texts(todos: TodoList) -> list[str]:
    return [item.todo.text for item in todos.view().items if not item.todo.removed]


def test_a_change_is_decided_again_after_another_process_changed_the_todo(store: Store) -> None:
    mine = a_list(store)
    mine.add([Create("a", NOW)])
    chosen = mine.select(["1"])
    a_list(store).change(chosen, lambda _: [Change(TEXT, "b")])
    answer = mine.change(chosen, lambda _: [Change(TEXT, "c")])
    assert answer.commit is not None
    assert answer.commit.events[0].data == TextChanged("b", "c")


def test_restoring_removes_what_another_process_just_added(store: Store) -> None:
    mine, other = a_list(store), a_list(store)
    mine.add([Create("a", NOW)])
    other.add([Create("b", NOW)])
    mine.restore(1)
    assert texts(mine) == ["a"]


def test_a_command_on_several_todos_is_decided_on_the_present_list(store: Store) -> None:
    """Todos that did not need a change when the process last read the list are decided again, too."""
    mine, work = a_list(store), a_list(store, "work")
    mine.add([Create("a", NOW), Create("b", NOW)])
    other = a_list(store)
    both = mine.select(["1", "2"])
    mine.change(both[:1], lambda _: [Complete(day_or_instant(NOW), NOW)])
    other.change(both[:1], lambda _: [Reopen()])
    mine.change(both, lambda _: [Complete(day_or_instant(NOW), NOW)])
    assert [item.todo.done for item in mine.view().items] == [True, True]

    both = mine.select(["1", "2"])
    other.change(both[:1], lambda _: [Change(TEXT, "c")])
    with pytest.raises(WrongExpectedVersion):
        mine.change(both, lambda item: [Change(TEXT, "b" if item.number == 2 else "x")], unchanged=True)

    given = {item.id: item.todo for item in both}
    work.import_todos(given)
    a_list(store, "work").change(work.select(["1"]), lambda _: [Change(TEXT, "other")])
    work.import_todos({**given, "new": both[0].todo})
    assert texts(work) == ["a", "b", "a"]


@pytest.mark.parametrize("looked", [False, True])
def test_a_change_is_decided_on_the_log_that_replaced_the_one_that_was_read(tmp_path: Path, looked: bool) -> None:
    """The folder is restored from a backup, and other commits are appended until the log is as long as before."""
    store = open_store(f"jsonl:{tmp_path / 'data'}", TYPES)
    a_list(store).add([Create("a", NOW), Create("b", NOW)])
    mine = a_list(store)
    mine.view()
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    chosen = mine.select(["1"])
    a_list(store).change(chosen, lambda _: [Change(TEXT, "old")])
    mine.view()
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")
    a_list(store).change(chosen, lambda _: [Complete(day_or_instant(NOW), NOW)])
    if looked:
        assert len(list(mine.log.commits())) == 2
    assert mine.change(chosen, lambda _: [Complete(day_or_instant(NOW), NOW)]).commit is None
    answer = mine.add([Create("c", NOW)])
    assert (answer.position, texts(mine)) == (4, ["a", "b", "c"])
    assert mine.view() == a_list(store).view()


def test_two_processes_can_make_the_same_list_at_once(store: Store) -> None:
    first, second = a_list(store), a_list(store)
    made = first.add([Create("a", NOW)]).new_list, second.add([Create("b", NOW)]).new_list
    assert texts(first) == texts(second) == ["a", "b"]
    assert made == (True, False)


def test_a_moment_is_read_correctly_while_another_process_writes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    todos = a_list(store)
    todos.add([Create("a", NOW)])
    fold = todos.repository.fold

    def then_another_writes() -> Fold[State]:
        now = fold()
        monkeypatch.undo()
        a_list(store).add([Create("b", NOW)])
        return now

    monkeypatch.setattr(todos.repository, "fold", then_another_writes)
    assert [item.todo.text for item in todos.view(1).items] == ["a"]


def test_a_list_is_read_at_a_position_or_a_time_that_is_not_in_the_future(store: Store) -> None:
    todos = a_list(store)
    todos.add([Create("a", NOW)])
    todos.change(todos.select(["1"]), lambda _: [Change(TEXT, "b")])
    assert (todos.view(0).items, todos.view(0).as_of) == ((), None)
    assert (todos.view(1).items[0].todo.text, todos.view(1).as_of) == ("a", NOW)
    assert (todos.view(NOW).items[0].todo.text, todos.view(NOW).as_of) == ("b", NOW)
    assert todos.view(NOW - timedelta(seconds=1)).items == ()
    with pytest.raises(EventNotFound, match="there is no event @3"):
        todos.view(3)
    with pytest.raises(NotYet, match="has not come"):
        todos.view(NOW + timedelta(seconds=1))


def test_names_and_positions_that_do_not_exist_are_refused(store: Store) -> None:
    todos = a_list(store)
    todos.add([Create("a", NOW)])
    for position in (0, 2, 10**18):
        with pytest.raises(NotFound, match="there is no event"):
            todos.undo_at(position)
    with pytest.raises(NotFound, match="no list named 'wrok'"):
        a_list(store, "wrok").view()
    with pytest.raises(Rejected, match="todo 2 of 3: the text is empty"):
        todos.add([Create("x", NOW), Create(" ", NOW), Create("y", NOW)])
    with pytest.raises(LogExists):
        Lists(store).new("inbox")
    assert texts(todos) == ["a"]


def test_the_error_names_every_todo_that_was_rejected(store: Store) -> None:
    todos = a_list(store)
    todos.add([Create(text, NOW) for text in "abc"])
    todos.change(todos.select(["1-2"]), lambda _: [Remove()])
    with pytest.raises(Rejected, match="todos 1-2 were removed"):
        todos.change(todos.select(["1-3"]), lambda _: [Complete(day_or_instant(NOW), NOW)])
    assert texts(todos) == ["c"]


@for_all(acts, st.integers(1, 5))
def test_law_redo_after_undo_leads_back_to_the_same_list(acts: list[Act], steps: int) -> None:
    last = after(acts)
    before = [item.todo for item in last.view().items]
    try:
        answer = last.undo(steps)
    except CannotUndo:
        return
    assert answer.commit is not None
    last.redo(len(answer.commit.metadata.meta["undoes"]))
    assert [item.todo for item in last.view().items] == before


@for_all(acts)
def test_law_undo_reverts_exactly_the_last_commit(acts: list[Act]) -> None:
    last = after(acts)
    newest = next(last.history(), None)
    if newest is None or newest.metadata.meta:
        return
    before = [item for item in last.view(newest.position - 1).items if not item.todo.removed]
    last.undo()
    now = [item for item in last.view().items if not item.todo.removed]
    assert [(item.number, item.todo) for item in now] == [(item.number, item.todo) for item in before]


def test_a_command_with_an_id_that_is_known_is_not_decided_again(store: Store) -> None:
    todos = a_list(store)
    todos.add([Create("a", NOW)])
    (item,) = todos.select(["1"])
    metadata = Metadata(datetime.now(UTC), "me", "the same", {})
    _, first = todos.repository.execute(item.id, Toggle(NOW), metadata)
    assert todos.repository.execute(item.id, Toggle(NOW), metadata)[1] == first
    assert todos.view().items[0].todo.done


def test_an_undo_is_planned_again_when_others_undo_or_redo_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    todos = a_list(store)
    todos.add([Create("a", NOW)])
    todos.add([Create("b", NOW)])
    todos.undo()
    others = a_list(store)
    append = type(todos.log).append
    interruptions = [others.redo]

    def after_a_redo(log: Log, *args: Any, **more: Any) -> Commit:
        if log is todos.log and interruptions:
            interruptions.pop()()
        return append(log, *args, **more)

    monkeypatch.setattr(type(todos.log), "append", after_a_redo)
    todos.undo()
    assert not interruptions
    assert texts(a_list(store)) == ["a"], "as if it came after the redo, which it undoes"


def test_an_undo_that_does_not_fit_into_one_commit_makes_one_for_each_that_it_undoes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    todos = a_list(store)
    todos.add([Create("a", NOW)])
    for number in range(40):
        rename = Change(TEXT, f"{number} {'x' * 100}", NOW)
        todos.change(todos.view().items, lambda _: [rename])  # noqa: B023  # it is called at once
    monkeypatch.setattr(batches, "COMMIT_SIZE", 4_000)
    todos.undo(40)
    assert texts(todos) == ["a"]
    assert [len(commit.events) for commit in todos.log.commits()] == [1] * 81
    todos.redo(40)
    assert texts(todos) == [f"39 {'x' * 100}"]
    monkeypatch.undo()
    todos.undo(40)
    assert [len(commit.events) for commit in todos.log.commits()][121:] == [40]


def test_an_import_that_changes_little_keeps_within_the_size_of_a_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    todos = a_list(store)

    def entries(count: int, **values: Any) -> list[Entry]:
        texts = [f"{number} " + 30 * "\U0001f600" for number in range(count)]
        return [
            Entry(key=f"key{line}", todo=Todo(text=text, created=NOW, **values), line=line)
            for line, text in enumerate(texts, 1)
        ]

    importing.import_entries(todos, entries(100), "a.json")
    todos.change(todos.view().items, lambda _: [Change(PRIORITY, "H", NOW)])
    assert len(todos.view().items) == 100
    for module in (batches, importing):
        monkeypatch.setattr(module, "COMMIT_SIZE", 10_000)
    before = len(list(todos.log.commits()))
    importing.import_entries(todos, entries(101, priority="H"), "a.json")
    (added,) = list(todos.log.commits())[before:]
    recorded = added.metadata.meta["import"]
    assert 20 < len(recorded) < 100
    assert {event.stream for event in added.events} <= recorded.keys()
    assert batches.json_size(recorded) < 10_000
