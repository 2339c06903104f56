"""PostgreSQL beyond the contract: what stands in the tables, later programs, servers that are not there, damage."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg2.extensions import parse_dsn

from cqrs_todo.cqrs.boundary import DecisionModel, decide_on
from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.errors import (
    CommandReused,
    ConditionFailed,
    DamagedLog,
    LogBusy,
    LogExists,
    LogNotFound,
    OutcomeUnknown,
    StaleCursor,
    StoreUnavailable,
    WrongExpectedVersion,
)
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.operation_errors import ImportRefused, InvalidPattern, NewerStore
from cqrs_todo.cqrs.protocols import EventBatch
from cqrs_todo.cqrs.query import AppendCondition, Query
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import SnapshotEvery
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.hash_chain import chain_line, digest_in
from cqrs_todo.cqrs.stores.installed import UnknownStore
from cqrs_todo.cqrs.stores.postgres.address import address as address_of
from cqrs_todo.cqrs.stores.postgres.heads import quick_heads
from cqrs_todo.cqrs.stores.postgres.log import PostgresLog
from cqrs_todo.cqrs.stores.postgres.store import Named, Operator, Pattern, PostgresStore
from cqrs_todo.cqrs.stores.shared_snapshots import SharedSnapshots
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.cqrs.subscriptions import Subscription
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, Counted, metadata, numbers, one
from tests.cqrs.counter import COUNTER, Move, Moved
from tests.cqrs.counter import TYPES as COUNTERS
from tests.logs import fold_of

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
    store.migrate()
    changed(database, "INSERT INTO cqrs_schema (version, what) VALUES (99, 'wonders')")
    for _ in range(2):
        with pytest.raises(NewerStore, match=r"has tables of version 99, later than this program's \d+$"):
            store.names()


def test_reading_leaves_an_empty_schema_as_it_is_and_sees_the_tables_when_others_have_made_them(database: str) -> None:
    store, other = (open_store(database, CONTRACT_TYPES) for _ in range(2))
    for _ in range(2):
        assert (store.names(), store.names(archived=True), store.heads()) == ([], [], [])
        with pytest.raises(LogNotFound):
            store.open("a")
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('cqrs_schema'), to_regclass('cqrs_logs')").fetchone() == (None, None)
    other.create("a", datetime.now(UTC))
    assert (store.names(), store.open("a").id) == (["a"], other.open("a").id)
    for each in (store, other):
        each.close()


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
        "UPDATE cqrs_events SET data = '{}' WHERE position = 2",
        "UPDATE cqrs_events SET id = 'x' WHERE position = 2",
        "UPDATE cqrs_commits SET author = 'x' WHERE position = 2",
        "UPDATE cqrs_commits SET at = now() WHERE position = 2",
        "UPDATE cqrs_commits SET meta = '{\"x\": 1}' WHERE position = 2",
        "UPDATE cqrs_commits SET command = 'x' WHERE position = 2",
        "UPDATE cqrs_commits SET line = 'no JSON' WHERE position = 2",
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


def test_what_is_searched_ends_before_damage(database: str) -> None:
    store = open_store(database, CONTRACT_TYPES)
    log = store.create("inbox", AT)
    for n in range(3):
        log.append(one("a/1", n), metadata(f"c{n}"))
    query = Query.of(kinds={"a"})
    assert (numbers(log.select(query)), log.damage) == ([0, 1, 2], None)
    changed(database, "UPDATE cqrs_commits SET line = replace(line, '\"number\":1', '\"number\":7') WHERE position = 2")
    assert numbers(log.select(query)) == [0]
    assert "inbox is damaged" in str(log.damage)
    with pytest.raises(DamagedLog, match=r"inbox is damaged.*; nothing was recorded"):
        decide_on(log, DecisionModel(query, 0, lambda state, _: state + 1), lambda _: one("a/2", 1), metadata("c9"))
    with pytest.raises(DamagedLog, match=r"inbox is damaged.*; the reaction see waits at @1"):
        Runner(store, log, Reaction("see", print, query)).catch_up()
    with pytest.raises(DamagedLog, match="inbox is damaged"):
        list(Subscription(store, query).catch_up())
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
    with pytest.raises(ImportRefused, match=r"line 3, byte \d+: its digest does not match"):
        shared.import_log("other", [*lines[:2], lines[3]])
    with pytest.raises(ImportRefused, match="another history"):
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
    with pytest.raises(InvalidPattern, match="invalid regular expression"):
        crowd.logs(Pattern(Operator.POSIX, "("))
    with pytest.raises(InvalidPattern, match="invalid regular expression"):
        crowd.count_streams("b-1", Pattern(Operator.POSIX, "["))


def test_reading_some_commits_at_a_time(crowd: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("reader", "verify"):
        monkeypatch.setattr(f"cqrs_todo.cqrs.stores.postgres.{module}.FETCHED", 7)
    log = crowd.open("b-1")
    assert numbers(log.events()) == list(range(30))
    assert numbers(crowd.open("b-1").events_backward()) == list(range(29, -1, -1))
    cursor = log.cursor()
    assert cursor.position == 30
    log.append(one("a/6", 30, expected=2), metadata("later"))
    other = crowd.open("b-1")
    assert numbers(event for commit in other.commits(cursor) for event in commit.events) == [30]
    assert numbers(event for commit in other.commits_backward(cursor) for event in commit.events) == list(range(29, -1, -1))
    assert crowd.verify("b-1").commits == 31


def test_a_log_that_is_not_what_it_was(crowd: PostgresStore, database: str) -> None:
    log = crowd.open("b-1")
    assert len(list(log.commits())) == 30
    cursor = log.cursor()
    changed(database, "DELETE FROM cqrs_events WHERE position > 20; DELETE FROM cqrs_commits WHERE position > 20")
    for read in (crowd.open("b-1").commits, crowd.open("b-1").commits_backward):
        with pytest.raises(StaleCursor, match=r"^b-1 is not what it was at @30; read again from the start$"):
            next(read(cursor))
    other = crowd.open("b-1")
    with pytest.raises(StaleCursor):
        list(other.commits(cursor))
    assert "@30 is no longer there" in other.warnings[0]
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

    def fold(state: type = int) -> Fold[int]:
        snapshots: SnapshotStore[int] = SnapshotStore(crowd.shared_snapshots(), state, "1")
        strategy = SnapshotEvery(25)
        return Repository(store.open("counters"), COUNTER, snapshots=snapshots, strategy=strategy).fold()

    for number in range(1, 321):
        log.append([Append(f"counter/{number % 7}", (Moved(number),))], metadata(f"c{number}"))
        if number % 100 == 0:
            fold()
    whole = fold_of(COUNTER, log.commits())
    assert fold() == fold() == whole
    kept = "SELECT name FROM cqrs_snapshots ORDER BY length(name), name"
    with psycopg.connect(database) as connection:
        names = [name for (name,) in connection.execute(kept.encode())]
    assert names[-1] == "counter.taken"
    assert len(names) > 2
    changed(database, "UPDATE cqrs_snapshots SET content = 'altered' WHERE name <> 'counter.taken'")
    assert fold() == whole
    changed(database, "DROP TABLE cqrs_snapshots")
    assert fold() == whole
    store.close()


def test_a_second_machine_begins_with_the_snapshot_of_the_first(crowd: PostgresStore, database: str, tmp_path: Path) -> None:
    store = open_store(database, COUNTERS)
    log = store.create("counters", AT)

    def repository(machine: str) -> Repository[int, Move, Moved]:
        own = Folder(str(tmp_path / machine))
        snapshots: SharedSnapshots[int] = SharedSnapshots(own, crowd.shared_snapshots(), int, "1")
        return Repository(store.open("counters"), COUNTER, snapshots=snapshots, strategy=SnapshotEvery(25))

    for number in range(1, 321):
        log.append([Append(f"counter/{number % 7}", (Moved(number),))], metadata(f"c{number}"))
        if number % 100 == 0:
            repository("first").fold()
    second = repository("second")
    reads: list[Cursor] = []
    read = second.log.event_batches

    def watched(since: Cursor = START, versions: Any = None) -> Iterator[Sequence[EventBatch]]:
        reads.append(since)
        return read(since, versions)

    second.log.event_batches = watched  # type: ignore[method-assign]  # it watches what is read
    assert second.fold() == fold_of(COUNTER, log.commits())
    assert [cursor.position for cursor in reads] == [300]
    changed(database, "DROP TABLE cqrs_snapshots")
    assert Folder(str(tmp_path / "second")).read(log.id, "counter.300"), "the second machine has its own copy now"
    store.close()


def lose_a_reply(monkeypatch: pytest.MonkeyPatch, words: bytes, then: Exception | None = None) -> None:
    """The next statement with these words is done, and its reply is lost with the connection; the one after it fails."""
    execute = psycopg.Connection.execute
    seen = count()

    def losing(self: Any, query: bytes | str, *args: Any) -> Any:
        place = next(seen) if words in (query.encode() if isinstance(query, str) else query) else -1
        if place == 1 and then is not None:
            raise then
        cursor = execute(self, query, *args)
        if place == 0:
            self.close()
            raise psycopg.OperationalError("the reply was lost")
        return cursor

    monkeypatch.setattr(psycopg.Connection, "execute", losing)


def test_an_append_whose_reply_was_lost_is_recorded_once(crowd: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    log = crowd.open("b-2")
    lose_a_reply(monkeypatch, b"cqrs_append")
    assert log.append(one("a/1", 1), metadata("c1")).position == 1
    assert log.append(one("a/1", 2, expected=1), metadata("c2")).position == 2
    assert numbers(crowd.open("b-2").events()) == [1, 2]


@pytest.mark.parametrize("then", [psycopg.errors.LockNotAvailable("busy"), psycopg.errors.QueryCanceled("too slow")])
def test_after_a_lost_reply_nobody_is_told_that_nothing_was_recorded(
    crowd: PostgresStore, monkeypatch: pytest.MonkeyPatch, then: Exception
) -> None:
    log = crowd.open("b-2")
    lose_a_reply(monkeypatch, b"cqrs_append", then)
    with pytest.raises(OutcomeUnknown, match="cannot be known whether it was recorded"):
        log.append(one("a/1", 1), metadata("c1"))
    monkeypatch.undo()
    assert log.append(one("a/1", 1), metadata("c1")).position == 1
    assert numbers(crowd.open("b-2").events()) == [1]


@pytest.fixture
def never_holding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an append fail that keeps others out for more than one round trip."""

    def refuse(*_: object) -> None:
        raise AssertionError("the log was held")

    monkeypatch.setattr(PostgresLog, "_append_holding", refuse)


TEXTS = ("", "x\x00y", '"},"sum":"', "{,}", "\\u0000", "Ärger 🎉 \u2028")


@pytest.mark.usefixtures("never_holding")
def test_an_append_moves_behind_what_others_appended_to_other_streams(crowd: PostgresStore) -> None:
    mine, others = crowd.open("b-2"), crowd.open("b-2")
    mine.append(one("mine/1", 1), metadata("c"))
    for number, text in enumerate(TEXTS, 1):
        others.append(
            [Append("other/1", (Counted(number, text), Counted(number, text)), 2 * number - 2)], metadata(f"o{number}")
        )
        made = [Append("mine/1", (Counted(number, text),), number), Append("other/2", (), 0)]
        commit = mine.append(made, metadata(f"m{number}", note=text))
        assert (commit.position, commit.sum, commit.metadata) == (
            3 * number + 1,
            mine.cursor().digest.decode(),
            commit.metadata,
        )
        assert commit == list(crowd.open("b-2").commits())[-1]
        assert crowd.verify("b-2").damage is None
    assert mine.append(one("mine/1", 9, expected=7), metadata("last")).position == 20


def test_an_append_does_not_move_behind_a_change_to_a_stream_that_it_depends_on(crowd: PostgresStore) -> None:
    mine, others = crowd.open("b-2"), crowd.open("b-2")
    mine.append(one("mine/1", 1), metadata("c1"))
    others.append(one("guard/1", 1), metadata("c2"))
    with pytest.raises(WrongExpectedVersion):
        mine.append([*one("mine/1", 2, expected=1), Append("guard/1", (), 0)], metadata("c3"))
    others.append(one("guard/1", 2, expected=1), metadata("c4"))
    condition = AppendCondition(Query(), mine.cursor().position)
    with pytest.raises(ConditionFailed):
        mine.append(one("mine/1", 2, expected=1), metadata("c5"), condition=condition)
    others.append(one("mine/1", 2, expected=1), metadata("c6"))
    assert mine.append(one("mine/1", 3), metadata("c7")).events[0].version == 3


def test_an_append_does_not_move_behind_a_log_that_was_changed(crowd: PostgresStore) -> None:
    mine, others = crowd.open("b-2"), crowd.open("b-2")
    mine.append(one("mine/1", 1), metadata("c1"))
    mine.append(one("secret/1", 1), metadata("c2"))
    others.append(one("other/1", 1), metadata("c3"))
    crowd.forget("b-2", ["secret/1"])
    with pytest.raises(StaleCursor, match=r"; nothing was recorded; append again$"):
        mine.append(one("mine/1", 2, expected=1), metadata("c4"))
    assert crowd.verify("b-2").damage is None
    assert numbers(crowd.open("b-2").events(stream="mine/1")) == [1]


@pytest.mark.usefixtures("never_holding")
def test_an_append_that_moved_behind_damage_says_that_it_was_recorded(crowd: PostgresStore, database: str) -> None:
    mine, others = crowd.open("b-2"), crowd.open("b-2")
    mine.append(one("mine/1", 1), metadata("c1"))
    others.append(one("other/1", 1), metadata("c2"))
    others.append(one("other/1", 2), metadata("c3"))
    changed(database, "UPDATE cqrs_commits SET line = replace(line, '\"number\":1', '\"number\":5') WHERE command = 'c2'")
    with pytest.raises(OutcomeUnknown, match=r"^@4 was recorded, but the log cannot be read now: .* is damaged after @1"):
        mine.append(one("mine/1", 2, expected=1), metadata("c4"))


def test_a_lock_that_cant_be_had(crowd: PostgresStore, database: str) -> None:
    log = crowd.open("b-2")
    ((key,),) = crowd._database.rows("SELECT key FROM {schema}.cqrs_logs WHERE name = 'b-2'")
    crowd._database.rows("SELECT set_config('lock_timeout', '50ms', false)")
    with psycopg.connect(database) as other:
        other.execute("SELECT cqrs_hold(%s)", (key,))
        with pytest.raises(LogBusy, match="nothing was recorded"):
            log.append(one("a/1", 1), metadata("c1"))
    assert log.append(one("a/1", 1), metadata("c1")).position == 1


def test_lists_whose_reply_was_lost(crowd: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_a_reply(monkeypatch, b"cqrs_logs (id")
    assert crowd.create("new", AT).name == "new"
    monkeypatch.undo()
    with pytest.raises(LogExists):
        crowd.create("new", AT)
    lose_a_reply(monkeypatch, b"cqrs_logs SET")
    crowd.rename("new", "old")  # the connection was lost before the COMMIT, so it was done again
    assert crowd.names() == ["aXb", "a_b", "b-1", "b-2", "old", "Ärger"]


def test_a_session_does_not_depend_on_the_servers_defaults(database: str) -> None:
    careless = "%20-cdefault_transaction_isolation%3Dserializable%20-csynchronous_commit%3Doff"
    store = open_store(database + careless, CONTRACT_TYPES)
    assert isinstance(store, PostgresStore)
    store.migrate()
    settings = ("default_transaction_isolation", "synchronous_commit")
    rows = store._database.rows("SELECT current_setting(%s), current_setting(%s)", settings)
    assert rows == [("read committed", "on")]
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://jo:se%cret@localhost/lists",
        "postgresql://localhost/lists?password=se%cret",
        "postgresql://jo:sec/ret@localhost/lists",
        "postgresql://jo:sec@ret@localhost/lists",
    ],
)
def test_a_url_that_is_none_is_not_repeated(url: str) -> None:
    with pytest.raises(UnknownStore, match="not the URL of a PostgreSQL database") as caught:
        open_store(url, CONTRACT_TYPES)
    assert not {"sec", "ret"} & {*str(caught.value).replace("@", " ").split()}
    assert quick_heads(url) is None


def test_an_altered_header_is_damage(crowd: PostgresStore, database: str) -> None:
    changed(database, "UPDATE cqrs_logs SET header = 'x' WHERE name = 'b-2'")
    with pytest.raises(DamagedLog, match="b-2: no header"):
        crowd.open("b-2")
    damage = crowd.verify("b-2").damage
    assert damage is not None
    assert damage.line == 1


ORPHAN = "SET session_replication_role = replica; INSERT INTO cqrs_events"
"""Adds an event without the check that its commit is there."""


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("UPDATE cqrs_logs SET id = 'x' WHERE name = 'b-1'", "the column id"),
        ("UPDATE cqrs_logs SET id = 'x' WHERE name = 'b-2'", "the column id"),
        ("UPDATE cqrs_commits SET sum = 'x' WHERE position = 30", "the columns or the events beside the line"),
        ("UPDATE cqrs_commits SET last = 99 WHERE position = 30", "the columns or the events beside the line"),
        ("UPDATE cqrs_commits SET meta = '{\"x\": 1.0}' WHERE position = 30", "the columns or the events"),
        ("UPDATE cqrs_events SET stream = 'z' WHERE position = 30", "the columns or the events beside the line"),
        ("UPDATE cqrs_events SET type = 'z' WHERE position = 30", "the columns or the events beside the line"),
        ("UPDATE cqrs_events SET commit = 29 WHERE position = 30", "the columns or the events beside the line"),
        ("UPDATE cqrs_events SET position = 99 WHERE position = 30", "the columns or the events beside the line"),
        ('UPDATE cqrs_events SET data = \'{"text": "", "number": 29.0}\' WHERE position = 30', "the columns or the events"),
        (
            "INSERT INTO cqrs_events SELECT log, 99, commit, 'x', 'y', 1, type, data FROM cqrs_events WHERE position = 30",
            "the columns or the events beside the line",
        ),
        (
            ORPHAN + " SELECT log, 99, 99, 'x', 'y', 1, type, data FROM cqrs_events LIMIT 1",
            "an event at @99 that is in no commit",
        ),
    ],
)
def test_every_column_that_was_altered_is_found(crowd: PostgresStore, database: str, statement: str, detail: str) -> None:
    changed(database, statement)
    name = "b-2" if "b-2" in statement else "b-1"
    damage = crowd.verify(name).damage
    assert damage is not None
    assert (damage.kind, detail in damage.detail) == ("altered", True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://a..b/x", "empty"),
        ("postgresql://.a/x", "empty"),
        ("postgresql://.../x", "empty"),
        ("postgresql:///x?host=a..b", "empty"),
        ("postgresql://h1,a..b/x", "empty"),
        (f"postgresql://{'a' * 64}/x", "longer than"),
        (f"postgresql://b.{'ä' * 64}/x", "international name"),
        (f"postgresql://{'a.' * 200}x/x", "longer than"),
        ("postgresql://%E2%80%A5/x", "empty"),
        ("postgresql://[::1/x", "%2F"),
        ("postgresql://[1:2]/x", "IPv6"),
        ("postgresql://a%0Ab/x", "control character"),
        ("postgresql://a%20b/x", "a space"),
        ("postgresql://a b/x", "%2F"),
        ("postgresql://%ff/x", "%2F"),
        ("postgresql://h/%ff", "%2F"),
        ("postgresql://h/x%00", "%2F"),
        ("postgresql://h/x\0y", "NUL"),
        ("postgresql://h:99999/x", "from 1 to 65535"),
        ("postgresql://h:0/x", "from 1 to 65535"),
        ("postgresql://h:65536/x", "from 1 to 65535"),
        (f"postgresql://h:{'9' * 5000}/x", "from 1 to 65535"),
        ("postgresql://h:-1/x", "%2F"),
        ("postgresql://h:١/x", "%2F"),
        ("postgresql://h/x?port=1,2,3", "more or fewer ports"),
        ("postgresql://h/x?nonsense=1", "after ? comes a parameter that PostgreSQL does not know"),
    ],
)
def test_a_bad_host_or_port_is_refused_with_a_reason(url: str, message: str) -> None:
    with pytest.raises(UnknownStore, match="not the URL of a PostgreSQL database: ") as caught:
        open_store(url, CONTRACT_TYPES)
    assert message in str(caught.value)
    assert quick_heads(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bücher.invalid/x",
        "postgresql://xn--/x",
        "postgresql://-a-.invalid/x",
        "postgresql://256.1.1.1/x",
        "postgresql://[::1]:1/x",
        "postgresql://[fe80::1%25nothing]:1/x",
        "postgresql://127.0.0.1:1,127.0.0.1:2/x",
        "postgresql://127.0.0.1:1/x?hostaddr=bad",
        "postgresql://127.0.0.1:1/x?sslmode=nonsense",
        "postgresql://127.0.0.1:1/x?keepalives_idle=nonsense",
        "postgresql://127.0.0.1:1/x?service=nonsense",
        f"postgresql://%2Ftmp%2F{'x' * 200}/x",
        "postgresql:///x?host=/nowhere",
    ],
)
def test_a_host_that_is_not_there_is_unreachable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.postgres.database.TRIES", 1)
    with pytest.raises(StoreUnavailable):
        open_store(url, CONTRACT_TYPES).names()
    assert quick_heads(url) is None


@pytest.mark.parametrize("parameter", ["connect_timeout=x", "connect_timeout=1e999"])
def test_a_parameter_that_is_no_number_is_refused(parameter: str) -> None:
    with pytest.raises(UnknownStore, match="connect_timeout"):
        open_store(f"postgresql://127.0.0.1:1/x?{parameter}", CONTRACT_TYPES).names()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://me:secret@one:1,two:2/x?target_session_attrs=any", "postgresql://me@one:1,two:2/x"),
        ("postgresql://one,two/x", "postgresql://one,two/x"),
        ("postgresql:///x?host=one,::1&port=7", "postgresql://one:7,[::1]:7/x"),
        ("postgresql:///x?port=1,2&hostaddr=127.0.0.1,127.0.0.2", "postgresql:///x?port=1,2&hostaddr=127.0.0.1,127.0.0.2"),
        ("postgresql://me:secret@%2Ftmp%2Fa%20b:7/x", "postgresql://me@/x?host=/tmp/a%20b&port=7"),
        ("postgres://one/x?options=-c%20search_path%3Da&password=secret", "postgresql://one/x?options=-csearch_path%3Da"),
        ("postgresql://one/x?options=--search-path%3Da,%5C%20B", "postgresql://one/x?options=-csearch_path%3Da,b"),
        (
            "postgresql://one/x?options=-csearch_path%3D%22A%5C%20b%22%20-e%20%20-cWork_mem%3D1",
            "postgresql://one/x?options=-csearch_path%3D%22A%5C%20b%22%20-e%20-cwork_mem%3D1",
        ),
        ("postgresql://a%2Fb@one/%3Fé%2Fx?sslmode=disable", "postgresql://a%2Fb@one/%3Fé/x"),
        ("postgresql:///?service=mine", "postgresql:///?service=mine"),
        ("postgresql:///x", "postgresql:///x"),
    ],
)
def test_the_address_of_a_store_is_a_url_that_leads_to_the_same_tables(url: str, address: str) -> None:
    store = open_store(url, CONTRACT_TYPES)
    assert store.url == address
    assert open_store(address, CONTRACT_TYPES).url == address
    assert address_of(parse_dsn(url)) == address, "whichever library has parsed the URL"


def chained(*documents: bytes) -> list[bytes]:
    """Return the lines of a log with these documents."""
    lines: list[bytes] = []
    digest = b""
    for document in documents:
        lines.append(chain_line(digest, document))
        digest = digest_in(lines[-1][:-1]) or b""
    return lines


HEADER = b'{"format":"cqrs-log","version":"1.0","id":"abc","name":"x","created":"2026-01-01T00:00:00Z"}'
COMMIT = (
    b'{"position":%d,"at":"2026-01-01T00:00:00Z","by":"me","command":"%b",'
    b'"events":[{"stream":"a/1","version":%d,"type":"counted","data":{"number":%b}}]}'
)
NONE_AT_ALL = [
    ([], "line 1: no header"),
    (chained(HEADER.replace(b'"1.0"', b'"2.0"')), "newer than this program"),
    (
        chained(HEADER, COMMIT % (1, b"c1", 1, b"1"), COMMIT % (2, b"c2", 3, b"1")),
        "line 3, byte .*: version 3 of a/1 follows 1",
    ),
    ([b"\xef\xbb\xbf" + chained(HEADER)[0]], "line 1: it begins with a byte order mark"),
    ([chained(HEADER)[0].replace(b"\n", b"\r\n")], "line 1: it ends with CR LF"),
]
ONLY_ON_A_SERVER = [
    (
        chained(HEADER, COMMIT % (1, b"c1", 1, b"1"), COMMIT % (2, b"c1", 2, b"1")),
        "line 3, byte .*: its command id 'c1' was used before",
    ),
    *(
        (
            chained(HEADER, *(COMMIT % (n, b"c%d" % n, n, b"1e999999" if n == bad else b"1") for n in range(1, 8))),
            rf"^line {bad + 1}, byte .*: value overflows numeric format; nothing was imported$",
        )
        for bad in (1, 4, 7)
    ),
    (chained(HEADER, (COMMIT % (1, b"c1", 1, b"1")).replace(b"a/1", b"a/\\u0000")), r"line 2, byte .*contains .\\x00"),
]


@pytest.mark.parametrize(("lines", "message"), NONE_AT_ALL + ONLY_ON_A_SERVER)
def test_the_server_refuses_to_import_lines_that_are_not_a_log(
    crowd: PostgresStore, lines: list[bytes], message: str
) -> None:
    with pytest.raises(ImportRefused, match=message):
        crowd.import_log("x", lines)
    assert "x" not in crowd.names()


@pytest.mark.parametrize(("lines", "message"), NONE_AT_ALL)
def test_files_refuse_to_import_lines_that_are_not_a_log(store: Store, lines: list[bytes], message: str) -> None:
    with pytest.raises(ImportRefused, match="nothing was imported"):
        store.import_log("x", lines)
    assert (store.names(), bool(message)) == ([], True)


@contextmanager
def standby_missing(database: str) -> Iterator[Callable[[], None]]:
    """Let the server wait for a standby that is not there, until the function is called that this gives."""

    def configure(statement: str) -> None:
        changed(database, f"ALTER SYSTEM {statement}")
        changed(database, "SELECT pg_reload_conf()")

    def stop_waiting() -> None:
        configure("RESET synchronous_standby_names")

    configure("SET synchronous_standby_names = 'nobody'")
    try:
        yield stop_waiting
    finally:
        stop_waiting()


def wait_for(database: str, query: str) -> Any:
    """Wait until a query gives a row, and return the first value in it."""
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(1000):
            row = connection.execute(query.encode()).fetchone()
            if row is not None:
                return row[0]
            time.sleep(0.01)
    raise TimeoutError(query)


WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
"""The processes of the server that wait for a standby on behalf of a client. Autovacuum may wait for one too."""


@pytest.mark.parametrize(
    "ask",
    [
        lambda log: log.find_command("c1"),
        lambda log: log.append(one("a/1", 1), metadata("c1")),
        lambda log: list(log.commits()) and log.sync(),
    ],
    ids=["find_command", "append", "sync"],
)
def test_what_the_standby_has_not_got_is_not_reported_as_recorded(ask: Callable[[Log], object], database: str) -> None:
    store, others = open_store(database, CONTRACT_TYPES), open_store(database, CONTRACT_TYPES)
    log = store.create("inbox", AT)
    other = others.open("inbox")
    with ThreadPoolExecutor(2) as pool, standby_missing(database) as stop_waiting:
        first = pool.submit(log.append, one("a/1", 1), metadata("c1"))
        process = wait_for(database, f"SELECT pid {WAITING}")
        changed(database, f"SELECT pg_terminate_backend({process})")  # it is committed, and everyone can read it
        wait_for(database, f"SELECT pid {WAITING} AND pid <> {process}")  # the store has sent it again
        asked = pool.submit(ask, other)
        wait_for(database, f"SELECT 1 {WAITING} HAVING count(*) = 2")
        assert not first.done()
        assert not asked.done()
        stop_waiting()
        assert first.result(10).position == 1
        asked.result(10)
    store.close()
    others.close()


def test_each_of_several_threads_that_wait_on_one_store_is_woken_by_each_append(database: str) -> None:
    store = open_store(database, CONTRACT_TYPES)
    log = store.create("inbox", AT)
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
    before = wait_for(database, listening)
    with ThreadPoolExecutor(4) as pool:
        for number in range(3):
            end = log.cursor()
            waiting = [pool.submit(store.wait, [(store.open("inbox"), end)], 60) for _ in range(4)]
            log.append(one("a/1", number), metadata(f"c{number}"))
            assert [each.result(30) for each in waiting] == [True] * 4
    assert wait_for(database, listening) == before + 1, "they share a connection"
    store.close()


def test_if_the_wait_for_a_standby_is_cancelled_the_outcome_is_unknown(database: str) -> None:
    store = open_store(database, CONTRACT_TYPES)
    log = store.create("inbox", AT)
    with ThreadPoolExecutor(1) as pool, standby_missing(database) as stop_waiting:
        for ask in (lambda: log.append(one("a/1", 1), metadata("c1")), lambda: log.find_command("c1")):
            asked = pool.submit(ask)
            process = wait_for(database, f"SELECT pid {WAITING}")
            changed(database, f"SELECT pg_cancel_backend({process})")
            with pytest.raises(OutcomeUnknown, match="it is not known whether a standby has it"):
                asked.result(10)
        stop_waiting()
    assert log.append(one("a/1", 1), metadata("c1")).position == 1
    store.close()


@pytest.mark.parametrize("read", [lambda log: log.commits(), lambda log: log.select(Query.of(types={"counted"}))])
def test_a_log_that_another_server_does_not_have_is_not_synced(
    crowd: PostgresStore, database: str, read: Callable[[Log], Iterator[object]]
) -> None:
    log = crowd.open("b-1")
    assert len(list(read(log))) == 30
    log.sync()
    changed(database, "DELETE FROM cqrs_events WHERE position > 20; DELETE FROM cqrs_commits WHERE position > 20")
    with pytest.raises(StaleCursor, match="not what it was at @30"):
        log.sync()


ALTERED = "UPDATE cqrs_commits SET line = replace(line, 'contract@suite', 'contract@suits') WHERE position = {}"


def test_who_has_met_damage_appends_nothing(crowd: PostgresStore, database: str) -> None:
    log = crowd.open("b-1")
    changed(database, ALTERED.format(10))
    assert log.append(one("b-1/1", 31), metadata("c31")).position == 31, "it has read only the last line"
    assert len(list(log.commits())) == 9
    with pytest.raises(DamagedLog):
        log.append(one("b-1/1", 32), metadata("c32"))
    for statement in (ALTERED.format(31), "UPDATE cqrs_commits SET sum = repeat('0', 64) WHERE position = 31"):
        changed(database, statement)
        new = open_store(database, CONTRACT_TYPES)
        with pytest.raises(DamagedLog):
            new.open("b-1").append(one("b-1/1", 33), metadata("c33"))
        new.close()
