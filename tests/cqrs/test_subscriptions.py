"""Subscriptions to all logs of a store, when one of the logs is a copy, is gone, or changes."""

import shutil
from pathlib import Path

import pytest

from cqrs_todo.cqrs.errors import DamagedLog, StaleCursor
from cqrs_todo.cqrs.operation_errors import LogReplaced
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.subscriptions import Subscription
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, metadata, one


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three logs with an event each."""
    store = open_store(f"jsonl:{tmp_path}", CONTRACT_TYPES)
    for name in ("a", "b", "c"):
        store.create(name, AT).append(one("x/1", 1), metadata(name))
    return store


def taken(subscription: Subscription, into: list[tuple[str, int]]) -> None:
    into.extend((log.name, event.position) for log, event in subscription.catch_up())


@pytest.mark.parametrize("copy", ["a copy", "b.sync-conflict"])
def test_a_copy_of_a_log_is_left_out(store: Store, tmp_path: Path, copy: str) -> None:
    subscription, found = Subscription(store), list[tuple[str, int]]()
    taken(subscription, found)
    shutil.copy(tmp_path / "lists/b.jsonl", tmp_path / f"lists/{copy}.jsonl")
    for name in ("b", "c"):
        store.open(name).append(one("x/1", 2), metadata(f"{name}2"))
    taken(subscription, found)
    taken(subscription, found)
    assert found == [("a", 1), ("b", 1), ("c", 1), ("b", 2), ("c", 2)]


def test_a_missing_or_damaged_log_keeps_no_other_one_back(store: Store, tmp_path: Path) -> None:
    for harm in ("missing", "damaged"):
        subscription, found = Subscription(store), list[tuple[str, int]]()
        path = tmp_path / "lists/b.jsonl"
        content = path.read_bytes()
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(content.replace(b'"number":1', b'"number":9'))
        with pytest.raises(DamagedLog):
            taken(subscription, found)
        assert found == [("a", 1), ("c", 1)]
        path.write_bytes(content)


def test_a_log_that_was_rewritten_keeps_no_other_one_back(store: Store) -> None:
    subscription, found = Subscription(store), list[tuple[str, int]]()
    taken(subscription, found)
    store.forget("a", ["x/1"])
    store.open("c").append(one("x/1", 2), metadata("c2"))
    with pytest.raises(StaleCursor):
        taken(subscription, found)
    assert found[-1] == ("c", 2)


def test_one_who_follows_a_log_in_memory_learns_that_it_was_rewritten() -> None:
    store = open_store("memory:", CONTRACT_TYPES)
    store.create("a", AT).append(one("x/1", 1), metadata("a"))
    events = Subscription(store).follow(lambda: False)
    assert next(events)[1].position == 1
    store.forget("a", ["x/1"])
    with pytest.raises(StaleCursor, match="is not what it was"):
        next(events)


def test_to_follow_a_log_ends_when_another_log_has_taken_its_place(store: Store) -> None:
    log = store.open("a")
    following = Subscription(store, log=log).follow(lambda: False)
    assert next(following)[1].position == 1
    store.rename("a", "older")
    store.create("a", AT).append(one("x/1", 5), metadata("new"))
    with pytest.raises(LogReplaced, match=r"a\.jsonl was replaced by another log"):
        next(following)


def test_to_follow_all_logs_continues_when_a_log_takes_the_name_of_another(store: Store) -> None:
    following = Subscription(store).follow(lambda: False)
    assert [log.name for log, _ in (next(following) for _ in range(3))] == ["a", "b", "c"]
    store.rename("a", "older")
    store.create("a", AT).append(one("x/1", 5), metadata("new"))
    log, event = next(following)
    assert (log.name, event.metadata.command) == ("a", "new")
