"""Projections on both databases: rows and position agree, whatever happens to the code, the logs and the tables."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cqrs_todo.cqrs.errors import DamagedLog, InvalidLogName, StoreUnavailable, UnreadableEvent
from cqrs_todo.cqrs.events import EventTypes, Recorded, Upcaster
from cqrs_todo.cqrs.projections import (
    NewerProjection,
    Projection,
    ProjectionBehind,
    ProjectionFailed,
    ReadModel,
    Tables,
)
from cqrs_todo.cqrs.projections.postgres import PostgresTables
from cqrs_todo.cqrs.projections.sqlite import SqliteTables
from cqrs_todo.cqrs.query import Query
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.postgres.rights import quoted
from cqrs_todo.cqrs.struct import Struct, replace
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, Counted, metadata, one

AT = datetime(2026, 11, 22, tzinfo=UTC)
SCHEMA = "CREATE TABLE seen (log varchar(50), position integer, number integer, PRIMARY KEY (log, position))"
ALL = "SELECT number FROM seen ORDER BY position"


class Backend:
    """A database for tables, and its placeholder for a value."""

    def __init__(self, make: Callable[[], Tables], mark: str) -> None:
        self.make = make
        self.mark = mark

    def apply(self, connection: Any, event: Recorded[Counted], log_id: str) -> None:
        values = (log_id, event.position, event.data.number)
        connection.execute("INSERT INTO seen VALUES (?, ?, ?)".replace("?", self.mark), values)

    def apply_before(self, number: int) -> Callable[[Any, Recorded[Counted], str], None]:
        def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
            if event.data.number == number:
                raise KeyError(number)
            self.apply(connection, event, log_id)

        return apply

    def projection(self, version: int = 1, name: str = "seen") -> Projection[Counted]:
        return Projection(name, version, SCHEMA, self.apply, Query.of(kinds={"a"}))


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "sqlite":
        return Backend(lambda: SqliteTables(f"{tmp_path}/cache's/projections"), "?")
    url = request.getfixturevalue("database")
    return Backend(lambda: PostgresTables(url), "%s")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"jsonl:{tmp_path}/data", CONTRACT_TYPES)


@pytest.fixture
def log(store: Store) -> Log:
    return store.create("inbox", AT)


@pytest.fixture
def models(store: Store, backend: Backend) -> Iterator[Callable[..., ReadModel]]:
    made: list[ReadModel] = []

    def model(projection: Projection[Counted] | None = None, log: Log | None = None) -> ReadModel:
        made.append(ReadModel(store, projection or backend.projection(), backend.make(), log=log))
        return made[-1]

    yield model
    for each in made:
        each.close()


def write(log: Log, *numbers: int) -> None:
    for number in numbers:
        log.append([*one("a/1", number), *one("b/1", -number)], metadata(f"{log.name} {number}"))


def seen(model: ReadModel) -> list[int]:
    return [number for (number,) in model.rows(ALL)]


def test_rows_follow_the_events_that_are_wanted(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1, 2, 3)
    model = models()
    assert (model.catch_up(), seen(model), model.position(log)) == (3, [1, 2, 3], 6)
    assert model.catch_up() == 0
    write(log, 4)
    assert (model.lag(), model.catch_up(), model.lag()) == ({"inbox": 2}, 1, {"inbox": 0})
    other = models()
    assert (other.catch_up(), seen(other)) == (0, [1, 2, 3, 4])
    marked = f"SELECT number FROM seen WHERE number > {backend.mark}"
    assert sorted(model.rows(marked, (2,))) == [(3,), (4,)]


ON_BOTH = ["DELETE FROM seen", "DROP TABLE seen", "INSERT INTO seen VALUES ('x', 9, 9)", "DELETE FROM seen RETURNING number"]
ON_BOTH += ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT mine", "CREATE TABLE mine (n INTEGER)", "ANALYZE", "VACUUM"]
ON_SQLITE = [
    "BEGIN EXCLUSIVE",
    "ATTACH ':memory:' AS more",
    "DETACH main",
    "VACUUM INTO 'copy'",
    "CREATE TEMP TABLE mine (n)",
]
ON_SQLITE += [
    "PRAGMA query_only = OFF",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA wal_checkpoint",
    "REINDEX",
]
ON_POSTGRES = [
    "SET default_transaction_read_only = off",
    "SET search_path = public",
    "SET TRANSACTION READ WRITE",
    "LISTEN mine",
]
ON_POSTGRES += [
    "WITH gone AS (DELETE FROM seen RETURNING number) SELECT * FROM gone",
    "PREPARE mine AS SELECT 1",
    "RESET ALL",
]
ON_POSTGRES += ["DECLARE mine CURSOR WITH HOLD FOR SELECT 1"]


def test_rows_in_a_file_belong_to_one_thread(store: Store, log: Log, tmp_path: Path) -> None:
    write(log, 1)
    projection: Projection[Counted] = Backend(lambda: SqliteTables(f"{tmp_path}/rows"), "?").projection()
    model = ReadModel(store, projection, SqliteTables(f"{tmp_path}/rows"), log=log)
    model.catch_up()
    assert seen(model) == [1]
    words = "belongs to the thread that used it first: open a `ReadModel` for each thread"
    with ThreadPoolExecutor() as other:
        for use in (lambda: model.rows(ALL), model.catch_up, model.lag):
            with pytest.raises(ValueError, match=words):
                other.submit(use).result()
    model.close()


def test_a_query_cannot_change_anything(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    for sql in ON_BOTH + (ON_SQLITE if backend.mark == "?" else ON_POSTGRES):
        with pytest.raises(ValueError, match="`rows` only reads"):
            model.rows(sql)
        assert seen(model) == [1]
    with pytest.raises(ValueError, match=r"^the query cannot be run: .*(one statement|multiple commands)"):
        model.rows("SELECT 1; DELETE FROM seen")
    for wrong in ("SELEC 1", "SELECT * FROM missing", f"SELECT {backend.mark}"):
        with pytest.raises(ValueError, match=r"^the query cannot be run: "):
            model.rows(wrong)
    write(log, 2)
    assert (model.catch_up(), seen(model), seen(models())) == (1, [1, 2], [1, 2])


def test_a_query_can_read_whatever_it_likes(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    reads = [
        "WITH all_of_them AS (SELECT * FROM seen) SELECT 1 FROM all_of_them",
        "EXPLAIN SELECT * FROM seen",
        "VALUES (1)",
    ]
    reads += ["SELECT 1 FROM seen WHERE log LIKE '%'"]
    reads += ["PRAGMA table_info(seen)", "SELECT * FROM json_each('[1]')"] if backend.mark == "?" else ["SHOW search_path"]
    for sql in reads:
        assert model.rows(sql), sql


def test_a_query_can_be_long_and_have_long_values(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    text = "x" * 3_000_000
    assert model.rows(f"SELECT length({backend.mark})", (text,)) == [(len(text),)]
    assert model.rows(f"SELECT length('{text[:900_000]}'), length('{text[:900_000]}')") == [(900_000, 900_000)]


def test_a_number_that_no_database_can_hold_is_refused(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    with pytest.raises(ValueError, match=r"too large|out of range"):
        model.rows(f"SELECT CAST({backend.mark} AS bigint)", (2**70,))


def test_two_programs_can_derive_the_same_rows(
    models: Callable[..., ReadModel], store: Store, log: Log, backend: Backend
) -> None:
    write(log, 1)
    one_model, other = models(), models()
    one_model.catch_up()
    write(log, 2)
    assert other.catch_up() == 1
    assert (one_model.catch_up(), seen(one_model)) == (0, [1, 2])
    stop = threading.Event()
    followers = [threading.Thread(target=lambda: follow(store, backend, stop)) for _ in range(2)]
    for follower in followers:
        follower.start()
    write(log, *range(3, 60))
    one_model.wait_for(log, 2 * 59, 30)
    stop.set()
    for follower in followers:
        follower.join()
    assert seen(one_model) == list(range(1, 60))


def follow(store: Store, backend: Backend, stop: threading.Event) -> None:
    model = ReadModel(open_store(store.url, CONTRACT_TYPES), backend.projection(), backend.make())
    model.follow(stop.is_set)
    model.close()


def test_an_event_that_cannot_be_applied_stops_the_projection_there(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    write(log, 1, 2, 3)

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        backend.apply(connection, event, log_id)
        if event.data.number == 3:
            raise KeyError("student")

    model, other = models(replace(backend.projection(), apply=apply)), models(backend.projection(name="other"))
    for _ in range(2):
        failed = r"^version 1 of the projection seen cannot apply counted at @5 of inbox: KeyError: 'student'; "
        with pytest.raises(ProjectionFailed, match=failed + "no rows can be read until the projection is corrected$"):
            model.catch_up()
    with pytest.raises(ProjectionBehind, match="has not been built yet"):
        model.rows(ALL)
    assert (other.catch_up(), seen(other)) == (3, [1, 2, 3]), "the others go on"
    corrected = models()
    assert (corrected.catch_up(), seen(corrected)) == (1, [1, 2, 3]), "it goes on with what was left half built"
    write(log, 4, 5)
    broken = models(replace(backend.projection(), apply=lambda _, event, __: 1 // (event.data.number - 5)))
    increase = "correct the projection, and increase its version$"
    with pytest.raises(ProjectionFailed, match=rf"@9 of .*Zero.*; the rows are those of the events before it; {increase}"):
        broken.catch_up()
    assert (broken.position(log), broken.lag()) == (7, {"inbox": 3})
    with pytest.raises(ProjectionFailed, match=rf"@9 of .*Zero.*; the rows stay as they were; {increase}"):
        broken.rebuild()
    with pytest.raises(ProjectionFailed, match=r"; no rows can be read until the projection is corrected$"):
        models(replace(backend.projection(version=2), apply=lambda *_: 1 // 0)).catch_up()
    assert seen(corrected) == [1, 2, 3], "nothing of that is in use"


def test_code_that_commits_is_refused_and_changes_nothing(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    write(log, 1, 2)
    model = models()
    model.catch_up()
    write(log, 3)

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        backend.apply(connection, event, log_id)
        connection.commit()

    with pytest.raises(ProjectionFailed, match="cannot apply counted at @5 of inbox"):
        models(replace(backend.projection(), apply=apply)).catch_up()
    assert (seen(model), model.catch_up(), seen(model)) == ([1, 2], 1, [1, 2, 3])


def test_a_new_version_is_built_beside_the_old_one(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1, 2)
    old = models()
    old.catch_up()
    during: list[list[int]] = []

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        during.append(seen(old))
        backend.apply(connection, replace(event, data=Counted(event.data.number * 10)), log_id)

    new = models(replace(backend.projection(version=2), apply=apply))
    with pytest.raises(ProjectionBehind, match="version 2 of the projection seen has not been built yet"):
        new.rows(ALL)
    with pytest.raises(ProjectionBehind, match=r"seen is at @0 of inbox; it did not reach @4 in 0 s"):
        new.wait_for(log, 4, 0)
    assert (new.catch_up(), seen(new)) == (2, [10, 20])
    assert during == [[1, 2], [1, 2]], "the old rows stay in use meanwhile"
    for use in (old.catch_up, lambda: old.rows(ALL), lambda: old.wait_for(log, 4)):
        with pytest.raises(NewerProjection, match="version 2 of the projection seen is in use, and this program knows"):
            use()


class Interrupted(BaseException):
    pass


def test_a_build_goes_on_where_it_was_interrupted(models: Callable[..., ReadModel], store: Store, backend: Backend) -> None:
    for name in ("first", "second"):
        write(store.create(name, AT), 1, 2)
    applied: list[int] = []

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        applied.append(event.data.number)
        if len(applied) == 3:
            raise Interrupted
        backend.apply(connection, event, log_id)

    model = models(replace(backend.projection(), apply=apply))
    with pytest.raises(Interrupted):
        model.catch_up()
    assert model.catch_up() == 2, "the first log is done"
    assert (sorted(seen(model)), applied) == ([1, 1, 2, 2], [1, 2, 1, 1, 2])
    applied[:] = []
    with pytest.raises(Interrupted):
        model.rebuild()
    assert sorted(seen(model)) == [1, 1, 2, 2], "what is there stays in use"
    assert (model.rebuild(), sorted(seen(model))) == (4, [1, 1, 2, 2])


def test_of_a_damaged_log_there_are_the_rows_of_what_can_be_read_also_when_they_are_built(
    models: Callable[..., ReadModel], store: Store, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        write(store.create(name, AT), 1, 2)
    (path,) = (tmp_path / "data").rglob("first.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + b"garbage\n" + b"".join(lines[3:]))
    model = models()
    for derive in (model.catch_up, model.catch_up, model.rebuild):
        with pytest.raises(DamagedLog, match="the projection seen waits at"):
            derive()
        assert sorted(seen(model)) == [1, 1, 2], "the other log is derived to its end"
        with pytest.raises(DamagedLog, match=r"first\.jsonl is damaged at line 3"):
            model.lag()


def test_a_log_that_was_rewritten_is_derived_again(
    models: Callable[..., ReadModel], store: Store, tmp_path: Path, backend: Backend
) -> None:
    log = store.create("inbox", AT)
    write(log, 1, 2, 3)
    model = models()
    model.catch_up()
    half = models(replace(backend.projection(version=2), apply=lambda *_: 1 // 0))
    path = tmp_path / "data/lists/inbox.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    path.with_suffix(".lock").unlink()
    rewritten = store.open("inbox")
    write(rewritten, 7)
    with pytest.raises(ProjectionBehind):  # the rows reach as far, and lack what was just written
        model.wait_for(rewritten, 2, 0)
    write(rewritten, 8, 9)
    assert (model.catch_up(), seen(model)) == (4, [1, 7, 8, 9])
    model.wait_for(rewritten, 4, 0)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    path.with_suffix(".lock").unlink()
    assert (model.catch_up(), seen(model)) == (1, [1])
    with pytest.raises(ProjectionFailed):
        half.catch_up()


def test_what_a_log_has_forgotten_is_in_no_row(
    models: Callable[..., ReadModel], store: Store, log: Log, backend: Backend, tmp_path: Path
) -> None:
    text = SCHEMA.replace("number integer", "number varchar(50)")

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        values = (log_id, event.position, event.data.text)
        connection.execute("INSERT INTO seen VALUES (?, ?, ?)".replace("?", backend.mark), values)

    for number, word in enumerate(("hunter2", "plain")):
        log.append([Append(f"a/{number}", (Counted(number, word),))], metadata(f"c{number}"))
    model = models(Projection("seen", 1, text, apply, Query.of(types={"counted"})))
    assert (model.catch_up(), model.rows(ALL)) == (2, [("hunter2",), ("plain",)])
    store.forget("inbox", ["a/0"])
    assert (model.catch_up(), model.rows(ALL), model.catch_up()) == (1, [("plain",)], 0)
    model.close()
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"hunter2" in file.read_bytes()]


def test_rows_of_another_log_are_refused(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1)
    of_inbox = models(log=log)
    of_inbox.catch_up()
    other = open_store("memory:", CONTRACT_TYPES)
    work = other.create("work", AT)
    write(work, 2)
    of_work, newer = (ReadModel(other, backend.projection(version), backend.make(), log=work) for version in (1, 2))
    uses: list[Callable[[], object]] = [
        of_work.catch_up,
        of_work.lag,
        lambda: of_work.rows(ALL),
        lambda: of_work.wait_for(work, 1),
        newer.catch_up,
    ]
    words = rf"^the rows of the projection seen in .+ are those of another log \({log.id}\): use another folder or database"
    for use in uses:
        with pytest.raises(ProjectionFailed, match=words):
            use()
    write(log, 3)
    assert (of_inbox.catch_up(), seen(of_inbox)) == (1, [1, 3]), "the rows are as they were"
    assert (of_work.rebuild(), seen(of_work)) == (1, [2])
    with pytest.raises(ProjectionFailed, match=rf"another log \({work.id}\)"):
        of_inbox.catch_up()
    of_work.close()
    newer.close()


def test_tables_that_were_left_half_built_of_another_log_are_built_anew(
    models: Callable[..., ReadModel], log: Log, backend: Backend, store: Store
) -> None:
    write(log, 1, 2)
    with pytest.raises(ProjectionFailed):
        models(replace(backend.projection(), apply=backend.apply_before(2)), log=log).catch_up()
    work = store.create("work", AT)
    write(work, 3)
    of_work = models(log=work)
    assert (of_work.catch_up(), seen(of_work)) == (1, [3])


def test_a_log_that_was_restored_from_an_older_copy_is_the_same_log(
    models: Callable[..., ReadModel], log: Log, store: Store, tmp_path: Path
) -> None:
    write(log, 1)
    path = tmp_path / "data/lists/inbox.jsonl"
    older = path.read_bytes()
    write(log, 2)
    models(log=log).catch_up()
    path.write_bytes(older)
    path.with_suffix(".lock").unlink()
    restored = store.open("inbox")
    write(restored, 3)
    model = models(log=restored)
    assert (model.catch_up(), seen(model)) == (2, [1, 3])


def test_one_log_of_several_can_be_read_at_a_time(models: Callable[..., ReadModel], store: Store, log: Log) -> None:
    work = store.create("work", AT)
    write(log, 1)
    write(work, 2, 3)
    model = models()
    assert (model.catch_up(work), sorted(seen(model)), model.lag()) == (2, [2, 3], {"inbox": 2, "work": 0})
    assert (model.catch_up(log), model.lag()) == (1, {"inbox": 0, "work": 0})


def test_all_logs_of_a_store_are_covered(models: Callable[..., ReadModel], store: Store, log: Log) -> None:
    write(log, 1)
    model, only = models(), models(log=log)
    model.catch_up()
    write(store.create("work", AT), 1, 2)
    assert (model.lag(), only.lag()) == ({"inbox": 0, "work": 4}, {"inbox": 0})
    assert only.catch_up() == 0
    assert model.catch_up() == 2
    with pytest.raises(ProjectionFailed, match="are those of another log"):
        only.catch_up()
    assert sorted(model.rows("SELECT log, number FROM seen")) == sorted(
        [(log.id, 1), *((store.open("work").id, number) for number in (1, 2))]
    )


def test_a_rebuild_equals_catching_up(models: Callable[..., ReadModel], log: Log) -> None:
    model = models()
    for number in range(20):
        write(log, number)
        model.catch_up()
    rows = model.rows("SELECT * FROM seen ORDER BY position")
    assert (model.rebuild(), model.rows("SELECT * FROM seen ORDER BY position")) == (20, rows)
    assert (models().catch_up(), model.catch_up()) == (0, 0)


def test_callers_read_their_own_writes(models: Callable[..., ReadModel], store: Store, log: Log, backend: Backend) -> None:
    stop = threading.Event()
    follower = threading.Thread(target=lambda: follow(store, backend, stop))
    follower.start()
    model = models()
    for number in range(5):
        commit = log.append(one("a/1", number), metadata(f"c{number}"))
        model.wait_for(log, commit.last, 30)
        assert seen(model) == list(range(number + 1))
    stop.set()
    follower.join()


X = "CREATE TABLE x (a integer);"


@pytest.mark.parametrize("schema", ["CREATE TABLE", f"{X} {X}", f"{X} COMMIT", f"ROLLBACK; {X}", f"{X} ROLLBACK"])
def test_a_schema_that_is_wrong_leaves_nothing(
    models: Callable[..., ReadModel], log: Log, backend: Backend, schema: str
) -> None:
    write(log, 1)
    for _ in range(2):
        with pytest.raises(ProjectionFailed, match="the tables of the projection seen cannot be made"):
            models(replace(backend.projection(), schema=schema)).catch_up()
    assert models().catch_up() == 1


def test_the_name_and_the_schema_of_a_projection_are_checked(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    with pytest.raises(InvalidLogName, match="the name of a projection cannot"):
        models(backend.projection(name="../seen"))
    with pytest.raises(ValueError, match="contains NUL"):
        models(replace(backend.projection(), schema=f"{SCHEMA};\0"))
    write(log, 1)
    assert models(backend.projection(name="cafe\u0301")).catch_up() == 1
    assert seen(models(backend.projection(name="caf\u00e9"))) == [1], "both are the same name"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cqrs_checkpoint SET position = 0",
        "DELETE FROM Cqrs_Version",
        "DROP TABLE cqrs_checkpoint",
        "PRAGMA synchronous = OFF",
        "ATTACH DATABASE ':memory:' AS other",
    ],
)
def test_code_that_would_change_more_than_its_rows_is_refused(
    models: Callable[..., ReadModel], log: Log, backend: Backend, statement: str
) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    write(log, 2)
    with pytest.raises(ProjectionFailed, match="not authorized"):
        models(replace(backend.projection(), apply=lambda connection, *_: connection.execute(statement))).catch_up()
    assert (seen(model), model.catch_up(), seen(model)) == ([1], 1, [1, 2])


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_damaged_file_is_reported_and_made_again(models: Callable[..., ReadModel], log: Log, tmp_path: Path) -> None:
    write(log, *range(500))
    model = models()
    model.catch_up()
    model.close()
    (path,) = (tmp_path / "cache's/projections").glob("*.sqlite")
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))  # its first pages say what it is
    for ask in (lambda: seen(model), lambda: model.position(log)):
        with pytest.raises(StoreUnavailable, match="malformed; `rebuild` makes it again"):
            ask()
    assert (model.rebuild(), len(seen(model))) == (500, 500)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_folder_that_cannot_be_used_is_reported(models: Callable[..., ReadModel], log: Log, tmp_path: Path) -> None:
    write(log, 1)
    (tmp_path / "cache's").write_text("a file")
    with pytest.raises(StoreUnavailable, match="Not a directory"):
        models().catch_up()
    (tmp_path / "cache's").unlink()
    (tmp_path / "cache's/projections/seen.1.sqlite").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="directory"):
        models().catch_up()


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_what_others_may_do_with_the_tables_stays_when_they_are_built_anew(
    models: Callable[..., ReadModel], log: Log, database: str
) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    with psycopg.connect(database, autocommit=True) as connection:
        ((schema,),) = connection.execute("SELECT current_schema() || '_projection_seen'").fetchall()
        connection.execute(f'CREATE ROLE "Re""ader {schema}"'.encode())
        for grant in ("USAGE ON SCHEMA {}", "SELECT, DELETE ON {}.seen"):
            connection.execute(f'GRANT {grant.format(quoted(schema))} TO "Re""ader {schema}", PUBLIC'.encode())
        connection.execute(f"REVOKE DELETE ON {quoted(schema)}.seen FROM PUBLIC".encode())
        model.rebuild()
        connection.execute(f'SET ROLE "Re""ader {schema}"'.encode())
        assert connection.execute(f"SELECT number FROM {quoted(schema)}.seen".encode()).fetchall() == [(1,)]
        connection.execute(f"DELETE FROM {quoted(schema)}.seen".encode())
        assert seen(model) == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT * FROM {quoted(schema)}.cqrs_checkpoint".encode())
        connection.execute("RESET ROLE")
        connection.execute(f'DROP OWNED BY "Re""ader {schema}"; DROP ROLE "Re""ader {schema}"'.encode())


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("harm", ["remove", "empty", "garbage", "pointer"])
def test_files_that_are_gone_or_damaged_are_made_again(
    models: Callable[..., ReadModel], log: Log, tmp_path: Path, harm: str
) -> None:
    write(log, 1, 2)
    model = models()
    model.catch_up()
    model.close()
    folder = tmp_path / "cache's/projections"
    for path in folder.iterdir():
        if harm == "remove":
            path.unlink()
        elif path.suffix == (".json" if harm == "pointer" else ".sqlite"):
            path.write_bytes(b"" if harm == "empty" else b"garbage" * 1000)
        elif harm != "pointer" and path.suffix != ".json":
            path.unlink()
    assert model.catch_up() == (0 if harm == "pointer" else 2)
    assert seen(model) == [1, 2]
    assert len(list(folder.glob("*.sqlite"))) == 1


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_name_that_postgresql_would_cut_off_is_refused(models: Callable[..., ReadModel], backend: Backend) -> None:
    with pytest.raises(ProjectionFailed, match="is longer than the 63 bytes that PostgreSQL allows"):
        models(backend.projection(name="x" * 60)).catch_up()


def test_what_was_forgotten_is_not_applied(
    models: Callable[..., ReadModel], store: Store, log: Log, backend: Backend
) -> None:
    for number in (1, 2):
        log.append(one(f"a/{number}", number), metadata(f"c{number}"))
    model = models(replace(backend.projection(), query=Query()))
    model.catch_up()
    store.forget("inbox", ["a/1"])
    assert (model.catch_up(), seen(model)) == (1, [2])


def test_a_schema_that_changes_without_its_version_is_refused(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    write(log, 1)
    models().catch_up()
    changed = models(replace(backend.projection(), schema=SCHEMA.replace("50", "60")))
    for use in (changed.catch_up, lambda: changed.rows(ALL)):
        with pytest.raises(ProjectionFailed, match=r"the schema of the projection seen has changed.*: increase the version"):
            use()
    assert models(replace(backend.projection(version=2), schema=SCHEMA.replace("50", "60"))).catch_up() == 1


class Named(Struct, frozen=True):
    number: str


@pytest.mark.parametrize(
    ("type", "event", "words"),
    [
        (
            "recounted",
            Counted(2),
            r"\(@3, recounted: its type is unknown\); update .* register the type; the rows are .* before it",
        ),
        (
            "counted",
            Named("2"),
            r"the data do not fit counted: .* with an upcaster for counted that .*; the rows .* before it",
        ),
    ],
)
def test_an_event_that_the_program_does_not_know_stops_a_projection(
    store: Store, log: Log, backend: Backend, type: str, event: object, words: str
) -> None:
    write(log, 1)
    newer = open_store(store.url, EventTypes({type: event.__class__}))
    newer.open("inbox").append([Append("a/1", (event,))], metadata("newer"))
    model = ReadModel(store, backend.projection(), backend.make())
    with pytest.raises(ProjectionFailed, match=rf"cannot apply {type} at @3 .*{words}$"):
        model.catch_up()
    model.close()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_statement_that_rolls_back_by_itself_loses_no_rows(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    write(log, 1)
    write(log, 2)

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        backend.apply(connection, event, log_id)
        if event.data.number == 2:
            with suppress(sqlite3.IntegrityError):
                connection.execute("INSERT OR ROLLBACK INTO seen VALUES (?, ?, 2)", (log_id, event.position))

    model = models(replace(backend.projection(), apply=apply))
    for _ in range(2):
        with pytest.raises(ProjectionFailed, match=r"at @3 of inbox: .*it has ended the transaction"):
            model.catch_up()
    corrected = models()
    assert (corrected.catch_up(), seen(corrected)) == (2, [1, 2])


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
@pytest.mark.parametrize("statement", ["ROLLBACK", "COMMIT", "ROLLBACK; BEGIN"])
def test_code_that_ends_the_transaction_on_a_server_is_reported(
    models: Callable[..., ReadModel], log: Log, backend: Backend, statement: str
) -> None:
    write(log, 1)
    write(log, 2)

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        backend.apply(connection, event, log_id)
        if event.data.number == 2:
            connection.execute(statement)

    with pytest.raises(ProjectionFailed, match=r"has ended (the|a) transaction"):
        models(replace(backend.projection(), apply=apply)).catch_up()
    model = models()
    model.rebuild()
    assert seen(model) == [1, 2]


def test_projections_with_similar_names_do_not_disturb_each_other(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    write(log, 1)
    names = ("a.b", "a", "x_building", "x")
    made = [models(backend.projection(name=name)) for name in names]
    for model in made:
        assert model.catch_up() == 1
    for name in names:
        again = models(backend.projection(name=name))
        assert (again.catch_up(), seen(again)) == (0, [1])


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_reader_notices_that_the_folder_was_made_again(models: Callable[..., ReadModel], log: Log, tmp_path: Path) -> None:
    write(log, 1)
    models().catch_up()
    reader = models()
    assert seen(reader) == [1]
    shutil.rmtree(tmp_path / "cache's")
    write(log, 2)
    models().catch_up()
    assert seen(reader) == [1, 2]


def test_an_older_program_does_not_replace_newer_tables(
    models: Callable[..., ReadModel], log: Log, backend: Backend
) -> None:
    write(log, 1)
    newer = models(backend.projection(version=2))
    newer.catch_up()
    with pytest.raises(NewerProjection):
        models().rebuild()
    assert seen(newer) == [1]


@pytest.mark.parametrize("version", [0, -1, True, 1.5, 2**70])
def test_a_version_is_a_number_from_1(models: Callable[..., ReadModel], backend: Backend, version: Any) -> None:
    with pytest.raises(ValueError, match="not a number from 1"):
        models(backend.projection(version=version))


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_deadlock_is_not_the_fault_of_a_projection(models: Callable[..., ReadModel], log: Log, backend: Backend) -> None:
    write(log, 1)

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        backend.apply(connection, event, log_id)
        connection.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")

    with pytest.raises(StoreUnavailable, match="DeadlockDetected"):
        models(replace(backend.projection(), apply=apply)).catch_up()
    assert models().catch_up() == 1


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("error", [Silent(), ValueError("a\ud800b"), ValueError("x" * 9_000)])
def test_an_error_of_any_text_is_reported(
    models: Callable[..., ReadModel], log: Log, backend: Backend, error: Exception
) -> None:
    write(log, 1)

    def apply(*_: Any) -> None:
        raise error

    with pytest.raises(ProjectionFailed, match="at @1 of inbox") as caught:
        models(replace(backend.projection(), apply=apply)).catch_up()
    assert len(str(caught.value).encode()) < 3_000


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_tables_that_are_deleted_meanwhile_are_built_again(
    models: Callable[..., ReadModel], log: Log, backend: Backend, database: str
) -> None:
    write(log, 1)
    model = models()
    model.catch_up()
    tables = backend.make()
    generation = tables.current("seen")
    assert generation is not None
    with psycopg.connect(database, autocommit=True) as connection:
        ((schema,),) = connection.execute("SELECT current_schema() || '_projection_seen'").fetchall()
        connection.execute(f"DROP SCHEMA {quoted(schema)} CASCADE".encode())
    for ask in (lambda: generation.checkpoint(log.id), lambda: generation.rows(ALL, ()), lambda: seen(model)):
        with pytest.raises(ProjectionBehind):
            ask()
    assert (model.catch_up(), seen(model)) == (1, [1])
    tables.close()


def test_an_event_whose_upcaster_fails_keeps_no_other_log_back(store: Store, backend: Backend) -> None:
    for name in ("a", "b", "c"):
        write(store.create(name, AT), 1)
    older = open_store(store.url, EventTypes({"older": Counted}))
    older.open("b").append(one("a/1", 2), metadata("older"))
    types = EventTypes(CONTRACT_TYPES.types, {"older": Upcaster("counted", lambda data: {"number": data["lost"]})})
    model = ReadModel(open_store(store.url, types), backend.projection(), backend.make())
    with pytest.raises(UnreadableEvent, match="the upcaster of older failed: KeyError: 'lost'"):
        model.catch_up()
    logs = {log_id for (log_id,) in model.rows("SELECT log FROM seen")}
    assert logs >= {store.open("a").id, store.open("c").id}
    model.close()
