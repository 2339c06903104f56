"""A connection that is made when it is needed, and again when it is lost; errors in words, without the password."""

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from ...core import (
    CqrsError,
    LogBusy,
    LogExists,
    LogNotFound,
    OutcomeUnknown,
    OutdatedStore,
    StoreUnavailable,
)
from .. import UnknownStore
from .schema import MIGRATIONS, Migration

T = TypeVar("T")
Connection = psycopg.Connection[TupleRow]
LATEST = len(MIGRATIONS)
"""The version of the tables that this program works with."""
TRIES = 4
"""How often a piece of work is tried in all, while the connection is lost."""
_PAUSE = 0.1
_SETTINGS = {"connect_timeout": "10", "tcp_user_timeout": "30000", "application_name": "cqrs"}
# a role's or a server's own defaults would make appends fail that need not, or lose what was told as recorded
_SESSION = """
    SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
_UNKNOWN = "the connection was lost, and it can't be known whether it was recorded"
_VERSION = "SELECT max(version) FROM cqrs_schema"


class Database:
    """A database by its URL. Whatever is done raises `StoreUnavailable` where it can't be reached, or its tables are of a
    later program, and `OutdatedStore` where they are of an earlier one; the tables of an empty one are made at once. Raises
    `UnknownStore` for what is no such URL.
    """

    def __init__(self, url: str) -> None:
        given = _understood(url)
        self._conninfo = make_conninfo(**{**_SETTINGS, **given})
        self.address = _address(given)
        self._connection: Connection | None = None
        self._turn = threading.RLock()
        self._at_work = False

    def run(self, work: Callable[[Connection], T], *, writes: bool = False) -> T:
        """Do a piece of work that may be done again, on a connection; anew on another one when it is lost.

        Threads take turns, and what a piece of work does in its midst through this database is part of it. Raises `LogBusy`
        where a lock can't be had; for work that `writes`, `OutcomeUnknown` where it may have been done all the same.
        """
        with self._turn:
            if self._at_work:
                return work(self._connected())
            self._at_work = True
            try:
                return self._tried(work, writes)
            finally:
                self._at_work = False

    def _tried(self, work: Callable[[Connection], T], writes: bool) -> T:
        doubt = False
        for tried in range(1, TRIES + 1):
            connection = None
            try:
                connection = self._connected()
                return work(connection)
            except psycopg.Error as error:
                lost = connection is None or connection.closed
                doubt = doubt or (writes and lost and connection is not None)
                if not lost or tried == TRIES:
                    raise self._failed(error, doubt) from error
                self.close()
                time.sleep(_PAUSE * 2**tried * random.uniform(0.5, 1.5))
            except (LogNotFound, LogExists, StoreUnavailable) as error:
                if doubt:  # that may well be what came of the try whose answer was lost
                    raise OutcomeUnknown(f"{self.address}: {error}; {_UNKNOWN}") from error
                raise
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
            raise self._failed(error, doubt=False) from error

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

    def _failed(self, error: psycopg.Error, doubt: bool) -> CqrsError:
        reason = " ".join(str(error).split()) or type(error).__name__
        if doubt:
            return OutcomeUnknown(f"{self.address}: {reason}; {_UNKNOWN}")
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return LogBusy(f"{self.address}: another writer did not let go in time; nothing was recorded")
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
    """The number of the last migration that was run, 0 for an empty database; prepares the session on the way."""
    try:
        cursor = connection.execute(f"{_SESSION}; {_VERSION}".encode())
    except psycopg.errors.UndefinedTable:
        connection.execute(_SESSION.encode())  # what came with the query that failed was undone
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


def _understood(url: str) -> dict[str, str]:
    """What a URL says, by libpq's names; raises `UnknownStore`, which repeats none of it: a password may stand anywhere."""
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        given = {"port": "none"}
    if "@" in given.get("host", "") + given.get("dbname", "") or not re.fullmatch("[0-9,]*", given.get("port", "")):
        what = "in a name or a password, write / as %2F, @ as %40, % as %25, : as %3A and ? as %3F"
        raise UnknownStore(f"that is not the URL of a PostgreSQL database: {what}")
    return given


def _address(given: Mapping[str, Any]) -> str:
    """Where a database is, without the password."""
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{user}{given.get('host') or 'localhost'}{port}/{given.get('dbname') or ''}"
