"""What all stores share: preconditions, and reading the events of a stream."""

import pytest

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import LogNotFound, WrongExpectedVersion
from cqrs_todo.cqrs.query import Query
from cqrs_todo.cqrs.store import Log, check_precondition
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.memory import MemoryLog
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, metadata, one
from tests.cqrs.counter import AT, TYPES, moved, new_log


def test_wrong_expected_version_says_what_and_where() -> None:
    with pytest.raises(WrongExpectedVersion, match=r"^Wrong expected version: 4 \(stream: a/1, stream version: 5\)$"):
        check_precondition(4, "a/1", 5)


def test_a_version_of_a_stream_is_not_taken_for_a_position() -> None:
    log = new_log()
    for n, stream in enumerate(("counter/a", "counter/b", "counter/b", "counter/b")):
        moved(log, f"c{n}", stream)
    assert [event.position for event in log.events(1, stream="counter/b")] == [3, 4]
    assert [event.position for event in log.events_backward(3, stream="counter/b")] == [3, 2]


def test_a_log_that_someone_else_has_just_made_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store("memory:", TYPES)
    open_log = store.open

    def late(name: str) -> Log:
        monkeypatch.setattr(store, "open", open_log)
        store.create(name, AT)
        raise LogNotFound(name)

    monkeypatch.setattr(store, "open", late)
    assert store.open_or_create("inbox", AT) is store.open("inbox")


class PlainLog(MemoryLog):
    """A log that searches as `Log` itself does."""

    selected = Log.selected


def test_a_store_need_not_search_by_itself() -> None:
    log = PlainLog("plain", "inbox", AT, CONTRACT_TYPES)
    for n in range(3):
        log.append([*one("a/1", n), *one("b/1", n)], metadata(f"c{n}"))
    query = Query.of(kinds={"a"})
    assert [event.position for event in log.select(query)] == [1, 3, 5]
    groups = list(log.selected(query, Cursor(2)))
    assert [([event.position for event in events], cursor.position) for events, cursor in groups] == [([3], 4), ([5], 6)]
