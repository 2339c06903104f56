"""A command that a script sends again, after what went wrong in between."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.errors import OutcomeUnknown, StoreUnavailable
from cqrs_todo.cqrs.events import REDOES, Commit, marked
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl.head_record import set_sync_failed
from cqrs_todo.todo import batches
from cqrs_todo.todo.lists import Lists
from cqrs_todo.todo.model import Complete, Create
from cqrs_todo.todo.recorder import TYPES, Answer
from cqrs_todo.todo.request_errors import CommandIdTaken, UnexpectedState
from cqrs_todo.todo.requests import Request
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import day_or_instant
from tests.disks import only_to_read
from tests.strategies import NOW
from tests.todo.histories import a_list


@pytest.fixture(params=["memory", "jsonl"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store("memory:" if request.param == "memory" else f"jsonl:{tmp_path}", TYPES)


def lists(store: Store, request: Request | None = None) -> tuple[TodoList, TodoList]:
    """The inbox and the list of work, opened for a request."""
    opened = a_list(store), a_list(store, "work")
    for todos in opened:
        todos.request = request
    return opened


def prepare(store: Store, todos: int = 1) -> None:
    a_list(store).add([Create(f"todo {number}", NOW) for number in range(1, todos + 1)])
    Lists(store).new("work")


def fails(error: BaseException) -> Callable[..., Any]:
    def append(*_: object, **__: object) -> Any:
        raise error

    return append


def open_todos(todos: TodoList) -> list[int]:
    return [item.number for item in todos.view().items if not item.todo.removed and not item.todo.done]


@pytest.mark.parametrize("is_durable", [True, False])
def test_a_command_that_is_sent_again_to_a_disk_that_is_read_only_by_now_is_not_called_unrecorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_durable: bool
) -> None:
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    prepare(store, 2)
    deeds: list[Callable[[TodoList, TodoList], Answer]] = [
        lambda inbox, _: inbox.change(inbox.select(["1"]), lambda _: [Complete(day_or_instant(NOW), NOW)]),
        lambda inbox, work: inbox.move(inbox.select(["2"]), work),
        lambda inbox, _: inbox.undo(),
    ]
    for number, deed in enumerate(deeds):
        request = Request(id=f"job-{number}")
        position = deed(*lists(store, request)).position
        if not is_durable:
            set_sync_failed(str(next(tmp_path.rglob("inbox.jsonl"))))
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", only_to_read(os.open))
            again = lists(open_store(f"jsonl:{tmp_path}", TYPES), request)
            if is_durable:
                assert deed(*again).position == position
            else:
                with pytest.raises(OutcomeUnknown, match="it cannot be known whether command job-"):
                    deed(*again)
            with pytest.raises(StoreUnavailable, match="Read-only file system; nothing was recorded"):
                deed(*lists(store, Request(id=f"new-{number}")))


def test_a_move_that_was_interrupted_between_its_halves_is_completed_when_it_is_sent_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(store)
    inbox, work = lists(store, Request(id="job", because="for work"))
    chosen = inbox.select(["1"])
    monkeypatch.setattr(inbox.log, "append", fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        inbox.move(chosen, work)
    monkeypatch.undo()
    assert (open_todos(a_list(store)), open_todos(a_list(store, "work"))) == ([1], [1])
    answers = []
    for _ in range(2):
        inbox, work = lists(store, Request(id="job", because="for work"))
        answers.append(inbox.move(inbox.select(["1"]), work))
    assert (open_todos(inbox), open_todos(work)) == ([], [1])
    assert [commit.metadata.command for commit in inbox.commits()][1:] == ["job"]
    first, again = work.commits()
    assert (first.metadata.command, marked(again.metadata, REDOES)) == ("job", ("job",))
    assert again.metadata.meta["because"] == "for work"
    assert [item.number for item in answers[1].changed] == [1]


def test_a_move_whose_first_half_was_undone_needs_another_id(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(store)
    inbox, work = lists(store, Request(id="job"))
    chosen = inbox.select(["1"])
    monkeypatch.setattr(inbox.log, "append", fails(StoreUnavailable("no space")))
    with pytest.raises(StoreUnavailable):
        inbox.move(chosen, work)
    monkeypatch.undo()
    inbox, work = lists(store, Request(id="job"))
    with pytest.raises(CommandIdTaken, match="was undone there"):
        inbox.move(inbox.select(["1"]), work)
    assert (open_todos(inbox), open_todos(work)) == ([1], [])
    inbox, work = lists(store, Request(id="job-2"))
    inbox.move(inbox.select(["1"]), work)
    assert (open_todos(inbox), open_todos(work)) == ([], [1])


def test_a_batch_that_was_interrupted_is_not_taken_for_complete(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "COMMIT_LIMIT", 2)
    monkeypatch.setattr(batches, "_SURELY_SMALL", 2)
    prepare(store, todos=6)

    def complete(request: Request, todos: TodoList | None = None) -> None:
        todos = todos or lists(store, request)[0]
        todos.change(todos.select(["1-6"]), lambda _: [Complete(day_or_instant(NOW), NOW)])

    todos, _ = lists(store, Request(id="job"))
    append = todos.log.append
    appended: list[Commit] = []

    def append_two(*args: Any, **options: Any) -> Any:
        if len(appended) == 2:
            raise StoreUnavailable("no space")
        appended.append(append(*args, **options))
        return appended[-1]

    monkeypatch.setattr(todos.log, "append", append_two)
    with pytest.raises(StoreUnavailable):
        complete(Request(id="job"), todos)
    monkeypatch.setattr(todos.log, "append", append)
    assert len(open_todos(a_list(store))) == 2
    with pytest.raises(CommandIdTaken, match="it recorded 4 of 6 events in inbox, from @7 on"):
        complete(Request(id="job"))
    a_list(store).undo()
    complete(Request(id="job-2"))
    complete(Request(id="job-2"))
    assert open_todos(a_list(store)) == []


def test_an_expected_position_is_checked_again_when_others_write_meanwhile(store: Store) -> None:
    prepare(store)
    todos, _ = lists(store, Request(position=1))
    chosen = todos.select(["1"])
    a_list(store).add([Create("from elsewhere", NOW)])
    with pytest.raises(UnexpectedState, match="inbox is at @2, not at @1"):
        todos.change(chosen, lambda _: [Complete(day_or_instant(NOW), NOW)])
    assert open_todos(todos) == [1, 2]


def test_an_id_counts_in_one_list(store: Store) -> None:
    prepare(store)
    inbox, work = lists(store, Request(id="job"))
    inbox.add([Create("here", NOW)])
    work.add([Create("there", NOW)])
    assert [next(todos.history()).metadata.command for todos in (inbox, work)] == ["job", "job"]
