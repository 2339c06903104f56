"""The ends of the logs on a server, asked for without the store: what the store would say, or nothing at all."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.postgres.heads import quick_heads
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, metadata, one
from tests.conftest import empty_schema

AT = datetime(2026, 11, 22, tzinfo=UTC)


def sql(database: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        found: list[tuple[Any, ...]] = []
        for statement in statements:
            cursor = connection.execute(statement.encode())
            found = cursor.fetchall() if cursor.description else []
        return found


def with_logs(database: str) -> str:
    """Make a log with commits, an empty one and an archived one, and return the URL."""
    store = open_store(database, CONTRACT_TYPES)
    store.create("inbox", AT).append(one("a/1", 1), metadata("c1"))
    store.create("empty", AT)
    store.create("Ärger", AT).append(one("a/1", 1), metadata("c1"))
    store.archive("Ärger")
    store.close()
    return database


def as_the_store_says(database: str) -> bool:
    """Return whether the ends, and the URL, are those that the store gives."""
    store = open_store(database, CONTRACT_TYPES)
    found = quick_heads(database)
    assert found is not None
    same = (found.address, sorted(found.heads, key=str)) == (store.url, sorted(store.heads(), key=str))
    store.close()
    return same


def test_the_ends_are_those_that_the_store_gives(database: str) -> None:
    assert as_the_store_says(with_logs(database))
    store = open_store(database, CONTRACT_TYPES)
    before = quick_heads(database)
    assert quick_heads(database) == before
    store.open("inbox").append(one("a/1", 2), metadata("c2"))
    assert quick_heads(database) != before
    assert as_the_store_says(database)
    store.rename("empty", "later")
    assert as_the_store_says(database)
    store.close()


def test_the_tables_are_found_in_a_later_schema_of_the_search_path(server: str, database: str) -> None:
    path = f"{empty_schema(server).partition('search_path%3D')[2]}%2C"
    with_logs(database)
    assert as_the_store_says(database.replace("search_path%3D", f"search_path%3D{path}"))


@pytest.mark.parametrize("name", ["Mixed", 'a"b', "a%sb", "a b", "über", "select"])
def test_odd_names_of_schemas(server: str, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    sql(server, f"CREATE SCHEMA {quoted}")
    path = quoted.replace("%", "%25").replace('"', "%22").replace(" ", "%5C%20")
    assert as_the_store_says(with_logs(f"{server}&options=-csearch_path%3D{path}"))
    sql(server, f"DROP SCHEMA {quoted} CASCADE")


def test_a_server_with_other_defaults_gives_the_same(database: str) -> None:
    with_logs(database)
    assert as_the_store_says(f"{database}%20-cdatestyle%3Dgerman%20-cstandard_conforming_strings%3Doff")


def test_an_empty_schema_is_left_to_the_store(database: str) -> None:
    assert quick_heads(database) is None
    assert sql(database, "SELECT to_regclass('cqrs_schema')") == [(None,)]


@pytest.mark.parametrize(
    "change", ["INSERT INTO cqrs_schema (version, what) VALUES (99, '')", "DELETE FROM cqrs_schema WHERE version > 1"]
)
def test_tables_of_another_version_are_left_to_the_store(database: str, change: str) -> None:
    with_logs(database)
    assert quick_heads(database) is not None
    sql(database, change)
    assert quick_heads(database) is None


def test_a_schema_that_is_not_there_is_left_to_the_store(server: str) -> None:
    assert quick_heads(f"{server}&options=-csearch_path%3Dnowhere") is None


@contextmanager
def asking_for_a_password(server: str, role: str) -> Iterator[None]:
    """Let the server ask a role for its password."""
    ((file,),) = sql(server, f"CREATE ROLE {role} LOGIN PASSWORD 'right'", "SHOW hba_file")
    before = Path(file).read_text()
    Path(file).write_text(f"local all {role} scram-sha-256\n{before}")
    sql(server, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        Path(file).write_text(before)
        sql(server, "SELECT pg_reload_conf()")


def test_a_password_is_used_and_a_wrong_one_is_left_to_the_store(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.postgres.database.TRIES", 1)
    with_logs(database)
    schema = database.partition("search_path%3D")[2]

    def url(password: str) -> str:
        return re.sub("//postgres:?@", f"//heads_reader:{password}@", database)

    with asking_for_a_password(database, "heads_reader"):
        sql(
            database,
            f"GRANT USAGE ON SCHEMA {schema} TO heads_reader",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO heads_reader",
        )
        assert as_the_store_says(url("right"))
        assert quick_heads(url("wrong")) is None
        with pytest.raises(StoreUnavailable, match="password authentication failed"):
            open_store(url("wrong"), CONTRACT_TYPES).names()
    sql(database, "DROP OWNED BY heads_reader", "DROP ROLE heads_reader")


def test_a_setting_that_only_psycopg2_refuses_is_left_to_the_store(database: str) -> None:
    with_logs(database)
    assert quick_heads(f"{database}&keepalives_idle=30s") is None
    store = open_store(f"{database}&keepalives_idle=30s", CONTRACT_TYPES)
    assert store.names()
    store.close()


def test_a_server_that_says_nothing_is_left_to_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.postgres.heads._PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert quick_heads(f"postgresql://127.0.0.1:{listening.getsockname()[1]}/x") is None


@pytest.mark.parametrize("hidden", ["psycopg2", "psycopg2._psycopg"])
def test_without_psycopg2_the_store_is_asked(database: str, hidden: str) -> None:
    with_logs(database)
    code = (
        f"import sys; sys.modules[{hidden!r}] = None\n"
        "from cqrs_todo.cqrs.stores import open_store\n"
        "from cqrs_todo.cqrs.stores.postgres.heads import quick_heads\n"
        "from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES\n"
        "store = open_store(sys.argv[1], CONTRACT_TYPES)\n"
        "print(quick_heads(sys.argv[1]), store.url, len(store.heads()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, database], capture_output=True, text=True, check=False)
    store = open_store(database, CONTRACT_TYPES)
    assert (done.stdout, done.stderr) == (f"None {store.url} 3\n", "")
    store.close()
