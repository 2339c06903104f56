"""A connection that is made when it is needed, and again when it is lost; errors in words, without the password."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from ...core import LogBusy, OutcomeUnknown, OutdatedStore, StoreUnavailable
from .schema import MIGRATIONS, Migration

T = TypeVar("T")
Connection = psycopg.Connection[TupleRow]
LATEST = len(MIGRATIONS)
"""The version of the tables that this program works with."""
TRIES = 4
"""How often a piece of work is tried in all, while the connection is lost."""
_PAUSE = 0.1
_SETTINGS = {"connect_timeout": "10", "application_name": "cqrs"}
_TIMEOUTS = "SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'"
_VERSION = "SELECT max(version) FROM cqrs_schema"


class Database:
    """A database by its URL. Whatever is done raises `StoreUnavailable` where it can't be reached, or its tables are of a
    later program, and `OutdatedStore` where they are of an earlier one; the tables of an empty one are made at once.
    """

    def __init__(self, url: str) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise StoreUnavailable(f"not a URL of a database: {error}") from None  # the URL may hold a password
        self._conninfo = make_conninfo(**{**_SETTINGS, **{key: str(value) for key, value in given.items()}})
        self.address = _address(given)
        self._connection: Connection | None = None
        self._turn = threading.RLock()

    def run(self, work: Callable[[Connection], T], *, writes: bool = False) -> T:
        """Do a piece of work that may be done again, on a connection; anew on another one when it is lost.

        Threads take turns. Raises `LogBusy` where a lock can't be had, and for work that `writes` `OutcomeUnknown` once the
        connection was lost in the midst of it.
        """
        doubt = False
        for tried in range(1, TRIES + 1):
            connection = None
            try:
                with self._turn:
                    connection = self._connected()
                    doubt = doubt or writes
                    return work(connection)
            except psycopg.errors.LockNotAvailable as error:
                raise LogBusy(f"{self.address}: another writer did not let go in time; nothing was recorded") from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                lost = connection is None or connection.closed
                if not lost or tried == TRIES:
                    raise self._unavailable(error, doubt=doubt and lost) from error
                if self._connection is connection:
                    self.close()
                time.sleep(_PAUSE * 2**tried * random.uniform(0.5, 1.5))
            except psycopg.Error as error:
                raise self._unavailable(error, doubt=False) from error
        raise AssertionError("unreachable: the last try returns or raises")

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[TupleRow]:
        """What a query that changes nothing gives."""
        return self.run(lambda connection: connection.execute(query.encode(), values).fetchall())

    def migrate(self) -> list[str]:
        """Bring the tables to the version that this program works with; the migrations that were run, in words.

        Raises `StoreUnavailable`, also where they are of a later program.
        """

        def work(connection: Connection) -> list[str]:
            version = _version(connection)
            run = _migrate(connection) if version < LATEST else []
            self._check(max(version, LATEST))
            return run

        return self._apart(work)

    def alone(self, statement: str) -> None:
        """Run a statement that needs none of the tables."""
        self._apart(lambda connection: connection.execute(statement.encode()))

    def within(self, schema: str) -> str:
        """What connects to the same database, but for its tables in another schema."""
        options = conninfo_to_dict(self._conninfo).get("options") or ""
        return make_conninfo(self._conninfo, options=f"{options} -csearch_path={schema}")

    def _apart(self, work: Callable[[Connection], T]) -> T:
        """Do work on a connection of its own, whatever the tables are."""
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                return work(connection)
        except psycopg.Error as error:
            raise self._unavailable(error, doubt=False) from error

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = psycopg.connect(self._conninfo, autocommit=True)
            try:
                version = _version(connection)
                if version == 0:
                    _migrate(connection)
                    version = _version(connection)
                self._check(version)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _check(self, version: int) -> None:
        """Raise unless this program works with tables of that version. (The ancestor's `is_latest` and `is_compatible`.)"""
        tables = f"{self.address} has tables of version {version}"
        if version > LATEST:
            raise StoreUnavailable(f"{tables}, later than this program's {LATEST}: take a newer program")
        if version < LATEST:
            raise OutdatedStore(f"{tables}, earlier than this program's {LATEST}: they must be migrated")

    def close(self) -> None:
        """Let go of the connection; the next piece of work makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _unavailable(self, error: psycopg.Error, *, doubt: bool) -> StoreUnavailable:
        reason = " ".join(str(error).split()) or type(error).__name__
        if doubt:
            return OutcomeUnknown(f"{self.address}: {reason}: it can't be known whether the last commit was recorded")
        return StoreUnavailable(f"{self.address}: {reason}")


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """A schema of its own in a database, empty and removed when the block is over, as a string that libpq can connect by.

    Raises `StoreUnavailable`.
    """
    database = Database(url)
    name = f"cqrs_scratch_{os.urandom(8).hex()}"
    database.alone(f"CREATE SCHEMA {name}")
    try:
        yield database.within(name)
    finally:
        database.alone(f"DROP SCHEMA {name} CASCADE")


def _version(connection: Connection) -> int:
    """The number of the last migration that was run, 0 for an empty database; sets the timeouts, in the same round trip."""
    try:
        cursor = connection.execute(f"{_TIMEOUTS}; {_VERSION}".encode())
    except psycopg.errors.UndefinedTable:
        connection.execute(_TIMEOUTS.encode())  # what came with the query that failed was undone
        return 0
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    return (row[0] if row else None) or 0


def _migrate(connection: Connection) -> list[str]:
    """Run the migrations that were not run yet; which those were, in words."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('cqrs schema', 0))")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS cqrs_schema"
            " (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what text NOT NULL)"
        )
        done = _version(connection)
        missing: list[tuple[int, Migration]] = list(enumerate(MIGRATIONS, 1))[done:]
        for number, migration in missing:
            connection.execute(migration.sql.encode())
            connection.execute("INSERT INTO cqrs_schema (version, what) VALUES (%s, %s)", (number, migration.what))
    return [f"{number}: {migration.what}" for number, migration in missing]


def _address(given: Mapping[str, Any]) -> str:
    """Where a database is, without the password."""
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{user}{given.get('host') or 'localhost'}{port}/{given.get('dbname') or ''}"
