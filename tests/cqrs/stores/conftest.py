"""A store of the contract's events in JSON lines, and the file of its log."""

from pathlib import Path

import pytest

from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, metadata, one


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"jsonl:{tmp_path}", CONTRACT_TYPES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lists" / "inbox.jsonl"


@pytest.fixture
def log(store: Store) -> Log:
    """A log of three commits."""
    log = store.create("inbox", AT)
    for n in range(3):
        log.append(one("a/1", n), metadata(f"c{n}"))
    return log
