"""PostgreSQL beyond the contract: what stands in the tables, later programs, servers that are not there, damage."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from cqrs_todo.cqrs.core import (
    Append,
    CommandReused,
    DamagedLog,
    LogNotFound,
    Rejected,
    StaleMark,
    Store,
    StoreUnavailable,
)
from cqrs_todo.cqrs.fold import Fold, fold_of
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import SnapshotEvery
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.postgres import Named, Operator, Pattern, PostgresStore
from cqrs_todo.cqrs.stores.snapshots import KeptSnapshots
from cqrs_todo.cqrs.testing.contract import CONTRACT_TYPES, Counted, metadata, numbers, one
from tests.cqrs.counter import COUNTER, Moved
from tests.cqrs.counter import TYPES as COUNTERS

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


@pytest.fixture
def crowd(database: str) -> Iterator[PostgresStore]:
    """A store of five logs, one of them with many streams and commits."""
    store = open_store(database, CONTRACT_TYPES)
    assert isinstance(store, PostgresStore)
    for name in ("a_b", "aXb", "b-1", "b-2", "Ärger"):
        store.create(name, AT)
    log = store.open("b-1")
    for n in range(30):
        log.append(one(f"a/{n % 12}", n), metadata(f"c{n}"))
    yield store
    store.close()


def test_logs_are_counted_and_paged_by_name(crowd: PostgresStore) -> None:
    assert [(log.name, log.events) for log in crowd.logs()] == [
        ("aXb", 0),
        ("a_b", 0),
        ("b-1", 30),
        ("b-2", 0),
        ("Ärger", 0),
    ]
    assert [log.name for log in crowd.logs(limit=2)] == ["aXb", "a_b"]
    assert [log.name for log in crowd.logs(after="a_b", limit=2)] == ["b-1", "b-2"]
    assert (crowd.count_logs(), crowd.count_logs(archived=True)) == (5, 0)
    crowd.archive("b-2")
    assert ([log.name for log in crowd.logs(archived=True)], crowd.count_logs()) == (["b-2"], 4)


@pytest.mark.parametrize(
    ("operator", "text", "names"),
    [
        (Operator.LIKE, "a_b", ["aXb", "a_b"]),
        (Operator.LIKE, r"a\_b", ["a_b"]),
        (Operator.LIKE, "b%", ["b-1", "b-2"]),
        (Operator.SIMILAR_TO, "(a_b|b-(1|3))", ["aXb", "a_b", "b-1"]),
        (Operator.POSIX, "^[^a-z]|2$", ["b-2", "Ärger"]),
        (Operator.POSIX, "nothing", []),
    ],
)
def test_names_match_a_pattern(crowd: PostgresStore, operator: Operator, text: str, names: list[str]) -> None:
    pattern = Pattern(operator, text)
    assert [log.name for log in crowd.logs(pattern)] == names
    assert crowd.count_logs(pattern) == len(names)
    assert [log.name for log in crowd.logs(pattern, limit=1)] == names[:1]


def test_streams_are_counted_and_paged_by_name(crowd: PostgresStore) -> None:
    streams = sorted(f"a/{n}" for n in range(12))
    assert [stream.name for stream in crowd.streams("b-1")] == streams
    assert crowd.streams("b-1")[:2] == [Named("a/0", 3), Named("a/1", 3)]
    page = crowd.streams("b-1", limit=5)
    assert [stream.name for stream in crowd.streams("b-1", after=page[-1].name)] == streams[5:]
    one_digit = Pattern(Operator.POSIX, "^a/[0-9]$")
    assert (crowd.count_streams("b-1"), crowd.count_streams("b-1", one_digit), crowd.count_streams("b-2")) == (12, 10, 0)
    with pytest.raises(LogNotFound):
        crowd.streams("never")


def test_a_pattern_that_is_none_is_refused(crowd: PostgresStore) -> None:
    with pytest.raises(Rejected, match="invalid regular expression"):
        crowd.logs(Pattern(Operator.POSIX, "("))
    with pytest.raises(Rejected, match="invalid regular expression"):
        crowd.count_streams("b-1", Pattern(Operator.POSIX, "["))


def test_reading_in_batches(crowd: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.postgres.log.BATCH", 7)
    monkeypatch.setattr("cqrs_todo.cqrs.stores.postgres.store.BATCH", 7)
    log = crowd.open("b-1")
    assert numbers(log.events()) == list(range(30))
    assert numbers(crowd.open("b-1").events_backward()) == list(range(29, -1, -1))
    mark = log.mark()
    assert (mark.position, mark.versions("a/5"), mark.versions("a/6")) == (30, 3, 2)
    log.append(one("a/6", 30, expected=2), metadata("later"))
    other = crowd.open("b-1")
    assert numbers(event for commit in other.commits(mark) for event in commit.events) == [30]
    assert numbers(event for commit in other.commits_backward(mark) for event in commit.events) == list(range(29, -1, -1))
    assert crowd.verify("b-1").commits == 31


def test_a_log_that_is_not_what_it_was(crowd: PostgresStore, database: str) -> None:
    log = crowd.open("b-1")
    assert len(list(log.commits())) == 30
    mark = log.mark()
    changed(database, "DELETE FROM cqrs_events WHERE position > 20; DELETE FROM cqrs_commits WHERE position > 20")
    for read in (crowd.open("b-1").commits, crowd.open("b-1").commits_backward):
        with pytest.raises(StaleMark):
            next(read(mark))
    other = crowd.open("b-1")
    with pytest.raises(StaleMark):
        list(other.commits(mark))
    assert "@30 was there, and is no longer" in other.notices[0]
    with pytest.raises(DamagedLog, match="nothing was recorded"):
        log.append(one("a/1", 9, expected=99), metadata("late"))
    assert len(list(other.commits())) == 20


def test_backward_reading_tells_of_damage(crowd: PostgresStore, database: str) -> None:
    changed(database, "UPDATE cqrs_commits SET line = replace(line, '\"number\":5', '\"number\":6') WHERE position = 6")
    read = crowd.open("b-1").commits_backward()
    assert [next(read).position for _ in range(24)] == list(range(30, 6, -1))
    with pytest.raises(DamagedLog, match="b-1 is damaged"):
        next(read)


def test_the_same_id_with_other_content_is_an_error_in_the_tables_too(crowd: PostgresStore, database: str) -> None:
    with pytest.raises(CommandReused):
        crowd.open("b-1").append(one("a/0", 99), metadata("c3"))
    event = "SELECT log, 99, commit, id, stream, 99, type, data FROM cqrs_events WHERE position = 4"
    with pytest.raises(psycopg.errors.UniqueViolation):
        changed(database, f"INSERT INTO cqrs_events {event}")


def test_snapshots_in_a_table(crowd: PostgresStore, database: str) -> None:
    store = open_store(database, COUNTERS)
    log = store.create("counters", AT)
    for number in range(1, 321):
        log.append([Append(f"counter/{number % 7}", (Moved(number),))], metadata(f"c{number}"))

    def fold(state: type = int) -> Fold[int]:
        snapshots: KeptSnapshots[int] = KeptSnapshots(crowd.snapshot_table(), state, "1")
        strategy = SnapshotEvery(25)
        return Repository(store.open("counters"), COUNTER, snapshots=snapshots, strategy=strategy).fold()

    whole = fold_of(COUNTER, log.commits())
    assert fold() == fold() == whole
    kept = "SELECT name FROM cqrs_snapshots ORDER BY length(name), name"
    with psycopg.connect(database) as connection:
        names = [name for (name,) in connection.execute(kept.encode())]
    assert names[-1] == "taken"
    assert len(names) > 2
    changed(database, "UPDATE cqrs_snapshots SET content = 'altered' WHERE name <> 'taken'")
    assert fold() == whole
    changed(database, "DROP TABLE cqrs_snapshots")
    assert fold() == whole
    store.close()
