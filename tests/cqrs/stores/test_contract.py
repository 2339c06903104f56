"""The shared contract, on every store that keeps what it is given; and the null store, which does not."""

from pathlib import Path

import pytest

from cqrs_todo.cqrs.core import NEW, EventTypes, LogNotFound, Store, WrongExpectedVersion
from cqrs_todo.cqrs.stores import UnknownStore, open_store
from cqrs_todo.cqrs.testing.contract import AT, CONTRACT_TYPES, StoreContract, metadata, one


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return open_store("memory:", CONTRACT_TYPES)


class TestJsonLines(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(f"jsonl:{tmp_path}/data", CONTRACT_TYPES)

    def elsewhere(self, store: Store, types: EventTypes) -> Store:
        return open_store(store.url, types)


class TestNull:
    @pytest.fixture
    def store(self) -> Store:
        return open_store("null:", CONTRACT_TYPES)

    def test_it_accepts_as_if_empty_and_keeps_nothing(self, store: Store) -> None:
        log = store.create("inbox", AT)
        for command in ("c1", "c2"):
            commit = log.append(one("a/1", 1, 2, expected=NEW), metadata(command))
            assert [(event.position, event.version) for event in commit.events] == [(1, 1), (2, 2)]
        with pytest.raises(WrongExpectedVersion):
            log.append(one("a/1", 3, expected=2), metadata("c3"))
        assert list(log.commits()) == list(log.commits_backward()) == []
        assert list(log.events()) == list(log.events_backward()) == []

    def test_no_log_is_ever_there(self, store: Store) -> None:
        store.create("inbox", AT)
        assert store.names() == store.names(archived=True) == []
        for use in (store.open, store.archive, store.unarchive):
            with pytest.raises(LogNotFound):
                use("inbox")
        with pytest.raises(LogNotFound):
            store.rename("inbox", "outbox")


@pytest.mark.parametrize("url", ["", "jsonl", "jsonl:", "memory:x", "null:x", "sqlite:x", "/tmp/x"])
def test_an_unknown_store_is_refused(url: str) -> None:
    with pytest.raises(UnknownStore, match="use jsonl:DIR, memory: or null:"):
        open_store(url, CONTRACT_TYPES)
