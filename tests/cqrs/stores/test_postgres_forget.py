"""Forgetting in the tables: no row keeps the data, only the owner can do it, and either all is done or nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoint
from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import DamagedLog, StaleCursor, StoreUnavailable
from cqrs_todo.cqrs.events import FORGOTTEN
from cqrs_todo.cqrs.query import Query, QueryItem
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.postgres import forget
from cqrs_todo.cqrs.stores.postgres.store import PostgresStore
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, LARGE, Counted, metadata, one
from tests.conftest import empty_schema

SECRET = "hunter2"
TABLES = ("logs", "commits", "events", "checkpoints", "snapshots")


@pytest.fixture
def store_there(database: str) -> Iterator[PostgresStore]:
    store = open_store(database, CONTRACT_TYPES)
    assert isinstance(store, PostgresStore)
    log = store.create("inbox", AT)
    fill(log)
    store.checkpoints().save("mail", log.id, Checkpoint(4, log.cursor()))
    yield store
    store.close()


def fill(log: Log) -> None:
    log.append([Append("a/1", (Counted(LARGE, SECRET),)), *one("a/2", LARGE)], metadata("c1", because=SECRET, undoes=["c"]))
    log.append(one("a/2", 2), metadata("c2", because="plain"))
    log.append([Append("a/1", (Counted(3, SECRET),))], metadata("c3", because=SECRET))


def rows(database: str, table: str) -> list[Any]:
    with psycopg.connect(database, autocommit=True) as connection:
        return sorted(connection.execute(f"SELECT to_jsonb(t)::text FROM cqrs_{table} AS t".encode()).fetchall())


def everything(database: str) -> dict[str, list[Any]]:
    return {table: rows(database, table) for table in TABLES}


def test_no_row_keeps_the_data_and_all_columns_fit(store_there: PostgresStore, database: str) -> None:
    before = list(store_there.open("inbox").lines())
    digest = before[-1][-67:-3].decode()
    assert digest in str(rows(database, "checkpoints"))
    done = store_there.forget("inbox", ["a/1"])
    assert (done.events, len(done.unreached)) == (2, 2)
    after = everything(database)
    assert SECRET not in str(after)
    assert digest not in str(after)
    assert (store_there.verify("inbox").damage, store_there.verify("inbox").forgotten) == (None, 2)
    twin = empty_schema(database)
    other = open_store(twin, CONTRACT_TYPES)
    other.import_log("inbox", store_there.open("inbox").lines())
    for table in ("commits", "events"):
        assert rows(twin, table) == after[table], "the rows are those of an import of the new lines"
    other.close()
    store_there.forget("inbox", ["a/1", "a/9"])
    assert set(store_there.open("inbox").forgotten) == {"a/1", "a/9"}
    assert store_there.verify("inbox").damage is None


def test_files_and_tables_forget_alike(store: Store, store_there: PostgresStore) -> None:
    store.import_log("inbox", store_there.open("inbox").lines())
    for each in (store, store_there):
        each.forget("inbox", ["a/1"])
    assert list(store.open("inbox").lines()) == list(store_there.open("inbox").lines())


def test_a_damaged_log_is_left_alone(store_there: PostgresStore, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(b"UPDATE cqrs_events SET data = '{}' WHERE position = 3")
    before = everything(database)
    with pytest.raises(DamagedLog, match="nothing was changed"):
        store_there.forget("inbox", ["a/1"])
    assert everything(database) == before


@pytest.mark.parametrize("statement", ["_SET_HEADER", "_SET_LINES", "_SET_META", "_SET_EVENTS", "FORGET_BASES"])
def test_all_is_changed_or_nothing(
    store_there: PostgresStore, database: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    before = everything(database)
    with monkeypatch.context() as patch:
        patch.setattr(forget, statement, "SELECT 1/0")
        with pytest.raises(StoreUnavailable):
            store_there.forget("inbox", ["a/1"])
    assert everything(database) == before
    assert store_there.forget("inbox", ["a/1"]).events == 2


READINGS: dict[str, Callable[[Log, Cursor], Any]] = {
    "a stream": lambda log, _: list(log.events(stream="a/1")),
    "a stream backward": lambda log, _: list(log.events_backward(stream="a/1")),
    "a query": lambda log, _: list(log.select(Query((QueryItem(tags=frozenset({"large"})),)))),
    "backward": lambda log, _: list(log.commits_backward()),
    "the lines": lambda log, _: list(log.lines()),
}
FROM_A_CURSOR: dict[str, Callable[[Log, Cursor], Any]] = {
    "backward from a cursor": lambda log, cursor: list(log.commits_backward(cursor)),
    "from a cursor": lambda log, cursor: list(log.commits(cursor)),
}


@pytest.mark.parametrize("reading", [*READINGS, *FROM_A_CURSOR])
def test_whoever_has_read_the_log_before_reads_it_again(store_there: PostgresStore, database: str, reading: str) -> None:
    elsewhere = open_store(database, CONTRACT_TYPES)
    log = elsewhere.open("inbox")
    for _ in log.event_batches():
        pass
    cursor = log.cursor()
    store_there.forget("inbox", ["a/1"])
    if reading in READINGS:
        assert READINGS[reading](log, cursor) == READINGS[reading](store_there.open("inbox"), cursor)
    else:
        with pytest.raises(StaleCursor):
            FROM_A_CURSOR[reading](log, cursor)
    assert [event.type for event in log.events(stream="a/1")] == [FORGOTTEN] * 2
    assert len(list(log.commits_backward())) == len(list(log.commits())) == 3
    assert (log.damage, log.warnings) == (None, [])
    assert log.append(one("a/2", 9), metadata("c9")).position == 5
    elsewhere.close()


def test_a_reader_in_the_middle_of_the_log_is_not_misled(
    store_there: PostgresStore, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.postgres.reader.FETCHED", 2)
    elsewhere = open_store(database, CONTRACT_TYPES)
    log = elsewhere.open("inbox")
    commits = log.commits()
    next(commits)
    store_there.forget("inbox", ["a/1"])
    with pytest.raises(StaleCursor):
        list(commits)
    assert len(list(log.commits())) == 3
    elsewhere.close()
