"""What all stores share: preconditions, and reading the events of a stream."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import LogNotFound, WrongExpectedVersion
from cqrs_todo.cqrs.query import Query
from cqrs_todo.cqrs.store import Log, check_precondition
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.installed import failure_of_store
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


def test_an_error_is_a_fault_of_another_package_s_store_if_its_code_raised_it_or_made_the_framework_raise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "shelves-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelves\nVersion: 1.0\nAuthor: Jo\n")
    (info / "entry_points.txt").write_text("[cqrs_todo.stores]\nshelf = shelves.store:ShelfStore\nweird = :::\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = {"store": "shelves.db", "framework": "cqrs_todo.cqrs.fold", "product": "cqrs_todo.todo.service"}

    def raised(*callers: str) -> Exception:
        call: Callable[[], object] = {}.popitem
        for caller in reversed(callers):
            namespace: dict[str, Any] = {"__name__": modules[caller], "inner": call}
            exec("def call(): return inner()", namespace)
            call = namespace["call"]
        with pytest.raises(KeyError) as error:
            call()
        return error.value

    for callers in (("product", "store"), ("product", "framework", "store", "framework")):
        fault = failure_of_store(raised(*callers))
        assert fault is not None
        assert fault.contact == "Jo"
        assert str(fault).startswith(
            "the store shelf: failed: KeyError: 'popitem(): dictionary is empty'; the fault is in the"
        )
        assert "the package shelves 1.0, which" in str(fault)
    for callers in (("product", "framework"), ("product", "store", "framework", "product")):
        assert failure_of_store(raised(*callers)) is None
    (info / "entry_points.txt").write_text("[cqrs_todo.stores]\nshelf = shelves.db:ShelfStore\nrack = shelves.racks:Rack\n")
    nearest = failure_of_store(raised("product", "store"))
    assert nearest is not None
    assert str(nearest).startswith("the store shelf: failed"), "two stores whose modules have the first name in common"
