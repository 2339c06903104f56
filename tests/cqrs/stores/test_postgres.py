"""PostgreSQL beyond the contract: what stands in the tables, later programs, servers that are not there, damage."""

from datetime import UTC, datetime

import psycopg
import pytest

from cqrs_todo.cqrs.core import Append, Rejected, Store, StoreUnavailable
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.contract import CONTRACT_TYPES, Counted, metadata, numbers, one

AT = datetime(2026, 11, 22, tzinfo=UTC)


def changed(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_events_can_be_asked_in_sql_and_the_line_stays_as_it_was(database: str) -> None:
    store = open_store(database, CONTRACT_TYPES)
    log = store.create("inbox", AT)
    log.append([Append("a/1", (Counted(1, "x\x00y"), Counted(2, "\\\\u0000")))], metadata("c1"))
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT id, data->>'text' FROM cqrs_events WHERE (data->>'number')::int > 0").fetchall()
    assert [row[1] for row in rows] == ["x\ufffdy", "\\\\u0000"]
    assert [event.data.text for event in log.events()] == ["x\x00y", "\\\\u0000"]
    store.close()


def test_tables_of_a_later_program_are_refused_each_time(database: str) -> None:
    store = open_store(database, CONTRACT_TYPES)
    assert store.names() == []
    store.close()
    changed(database, "INSERT INTO cqrs_schema (version, what) VALUES (99, 'wonders')")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"has tables of version 99, later than this program's \d+: take a newer"):
            store.names()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    store = open_store("postgresql://jo:secret@127.0.0.1:1/lists", CONTRACT_TYPES)
    assert store.url == "postgresql://jo@127.0.0.1:1/lists"
    with pytest.raises(StoreUnavailable, match=r"^postgresql://jo@127\.0\.0\.1:1/lists: ") as caught:
        store.names()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cqrs_commits SET line = replace(line, '\"number\":1', '\"number\":7') WHERE position = 2",
        "UPDATE cqrs_events SET version = 9 WHERE position = 2",
        "DELETE FROM cqrs_events WHERE position = 2",
    ],
)
def test_damage_is_found(database: str, statement: str) -> None:
    store = open_store(database, CONTRACT_TYPES)
    log = store.create("inbox", AT)
    for n in range(3):
        log.append(one("a/1", n), metadata(f"c{n}"))
    changed(database, statement)
    verdict = store.verify("inbox")
    assert verdict.damage is not None
    assert (verdict.events, verdict.damage.line, verdict.damage.kind, verdict.beyond) == (1, 3, "altered", 1)
    store.close()


def test_lines_go_from_files_to_the_server_and_back(store: Store, database: str) -> None:
    log = store.create("inbox", AT)
    for n in range(3):
        log.append(one("a/1", n, n), metadata(f"c{n}"))
    lines = list(log.lines())
    shared = open_store(database, CONTRACT_TYPES)
    assert shared.import_log("inbox", lines[:3]) == 2
    assert (shared.import_log("inbox", lines), shared.import_log("inbox", lines)) == (1, 0)
    there = shared.open("inbox")
    assert (there.id, list(there.lines()), numbers(there.events())) == (log.id, lines, [0, 0, 1, 1, 2, 2])
    with pytest.raises(Rejected, match="line 3: its sum does not match"):
        shared.import_log("other", [*lines[:2], lines[3]])
    with pytest.raises(Rejected, match="another history"):
        shared.import_log("inbox", store.create("other", AT).lines())
    assert shared.names() == ["inbox"]
    shared.close()
