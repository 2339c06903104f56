"""A connection that is made when it is first needed, and again when it is lost. Errors contain no passwords."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow

from ...errors import CqrsError, LogBusy, OutcomeUnknown, StoreUnavailable
from ...operation_errors import NewerStore, OutdatedStore
from ..installed import UnknownStore
from .address import address
from .conninfo import conninfo, parse_url
from .rights import (
    CONFIGURED_PATH,
    SETTINGS,
    MissingGrant,
    check_owners,
    missing_grants,
    quoted,
    schema_of,
    written,
)
from .schema import LATEST, MIGRATIONS, VERSION, Migration

T = TypeVar("T")
Connection = psycopg.Connection[TupleRow]

LOST_TRIES = 8
"""How often a piece of work is tried in all, if the connection is lost during each try and can be made again."""
TRIES = 4
"""How often a piece of work is tried in all, if no connection can be made."""
_PAUSE = 0.1
_SESSION = f"{CONFIGURED_PATH}; {SETTINGS}"  # in one round trip
_UNKNOWN = "the connection was lost, and it cannot be known whether it was recorded"
_MAKE_SCHEMA = """
    CREATE TABLE IF NOT EXISTS {schema}.cqrs_schema
    (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what text NOT NULL)
"""
_NOTE_MIGRATION = "INSERT INTO {schema}.cqrs_schema (version, what) VALUES (%s, %s)"


class NotCommitted(psycopg.OperationalError):
    """The connection was lost before a COMMIT was sent, so nothing was recorded."""


class Database:
    """A database.

    Every method that works on the database raises `StoreUnavailable` if it cannot be reached or if a later program made its
    tables, `OutdatedStore` if an earlier program made them, and `MissingGrant` if the role lacks a privilege. In an empty
    schema the tables are made by the first piece of work that needs them, which `rows` does not.

    Attributes:
        address: A URL of the same tables, without the password.
        within_transaction: Whether what is done now is part of a transaction that is still to be committed.
    """

    def __init__(self, url: str) -> None:
        """Prepare to connect, which is done when the connection is first needed.

        Args:
            url: A URL, or another string that libpq can connect by.

        Raises:
            UnknownStore: It is not the URL of a PostgreSQL database.
        """
        given = parse_url(url)
        self._conninfo = conninfo(given)
        self.address = address(given)
        self.within_transaction = False
        self._connection: Connection | None = None
        self._has_tables = False
        self._schema: str | None = None
        self._statement = ""
        self._not_awaited: list[str] = []
        self._turn = threading.RLock()
        self._at_work = False

    # statements

    def sql(self, statement: str) -> bytes:
        """Prepare a statement that takes values: `{schema}` becomes the schema that holds the tables."""
        return self._qualified(statement, quoted(self.schema).replace("%", "%%"))

    def _script(self, statements: str) -> bytes:
        """Do the same for one or more statements that take no values."""
        return self._qualified(statements, quoted(self.schema))

    def _qualified(self, statement: str, schema: str) -> bytes:
        self._statement = statement
        return statement.replace("{schema}", schema).encode()

    @property
    def schema(self) -> str:
        """The schema that holds the tables. It is known once a connection was made, and does not change."""
        if self._schema is None:
            raise AssertionError("the schema is not known before a connection was made")
        return self._schema

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[TupleRow]:
        """Run a query that changes nothing, and return its rows. An empty schema has none, and stays empty."""

        def work(connection: Connection) -> list[TupleRow]:
            return connection.execute(self.sql(query), values).fetchall() if self._has_tables else []

        return self.run(work, in_tables=False)

    # pieces of work

    def run(self, work: Callable[[Connection], T], *, writes: bool = False, in_tables: bool = True) -> T:
        """Do a piece of work on a connection, and do it again on another one if the connection is lost.

        Threads take turns. If a piece of work calls this method itself, that is part of the piece.

        Args:
            work: What to do; it may be called several times.
            writes: Whether it changes anything.
            in_tables: Whether it needs the tables, so that they are made in an empty schema.

        Raises:
            LogBusy: Another writer held a lock for too long.
            OutcomeUnknown: The work `writes`, and it is not known whether it was done.
        """
        with self._turn:
            if self._at_work:
                return self._as_part(work, in_tables)
            self._at_work = True
            try:
                return self._tried(work, writes, in_tables)
            finally:
                self._at_work = False

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work in one transaction, of which all is committed, or nothing; see `run`."""

        def whole(connection: Connection) -> T:
            outer, self.within_transaction = self.within_transaction, True
            done = False
            try:
                with connection.transaction():
                    result = work(connection)
                    if connection.info.transaction_status == TransactionStatus.INERROR:  # COMMIT would silently roll back
                        raise psycopg.errors.InFailedSqlTransaction("a statement failed, so nothing was recorded")
                    done = True
                return result
            except psycopg.Error as error:
                if connection.closed and not done:
                    raise NotCommitted(str(error)) from error
                raise
            finally:
                self.within_transaction = outer

        return self.run(whole, writes=True)

    def _as_part(self, work: Callable[[Connection], T], in_tables: bool) -> T:
        """Do a piece of work as part of another, which alone tries again after the connection was lost."""
        connection = self._connected(in_tables)
        try:
            return work(connection)
        except psycopg.Error as error:
            if _is_lost(connection):
                raise
            raise self._failed(error, doubt=False, connection=connection) from error

    def _tried(self, work: Callable[[Connection], T], writes: bool, in_tables: bool) -> T:
        doubt = False
        for tried in range(1, LOST_TRIES + 1):
            connection = None
            try:
                connection = self._connected(in_tables)
                self._not_awaited.clear()
                result = work(connection)
                if self._not_awaited:
                    raise OutcomeUnknown(f"{self.address}: {self._not_awaited[0]}; it is not known whether a standby has it")
                return result
            except psycopg.Error as error:
                lost = connection is None or _is_lost(connection)
                doubt = doubt or (writes and lost and connection is not None and not isinstance(error, NotCommitted))
                if not lost or tried == LOST_TRIES or (connection is None and tried >= TRIES):
                    raise self._failed(error, doubt, connection) from error
                self.close()
                time.sleep(_PAUSE * 2 ** min(tried, TRIES) * random.uniform(0.5, 1.5))
            except CqrsError as error:
                if doubt:  # the try whose answer was lost may have been committed, and this may be what came of that
                    raise OutcomeUnknown(f"{self.address}: {error}; {_UNKNOWN}") from error
                raise
        raise AssertionError("unreachable: the last try returns or raises")

    def migrate(self) -> list[str]:
        """Bring the tables to the version that this program works with.

        Returns:
            The migrations that were run, in words.

        Raises:
            StoreUnavailable: The database cannot be reached, or a later program made the tables.
        """

        def work(connection: Connection) -> list[str]:
            version = self._version(connection)
            run = self._migrate(connection) if version < LATEST else []
            self._check(max(version, LATEST))
            return run

        return self._apart(work)

    def alone(self, statement: str) -> None:
        """Run a statement that uses none of the tables."""
        self._apart(lambda connection: connection.execute(self._script(statement)))

    def within(self, schema: str) -> str:
        """Return a string that libpq can connect by to the same database, with the tables in another schema."""
        options = conninfo_to_dict(self._conninfo).get("options") or ""
        return make_conninfo(self._conninfo, options=f"{options} -csearch_path={schema}")

    # the connection

    def _apart(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work on a connection of its own, whatever version the tables have."""
        connection = None
        try:
            connection = self.open()
            return work(connection)
        except psycopg.Error as error:
            raise self._failed(error, doubt=False, connection=connection) from error
        finally:
            if connection is not None:
                connection.close()

    def _connected(self, in_tables: bool) -> Connection:
        if self._connection is None or not self._has_tables:
            connection = self._connection or self.open()
            self._connection = None
            try:
                version = self._version(connection)
                if version == 0 and in_tables:
                    self._migrate(connection)
                    version = self._version(connection)
                self._has_tables = version > 0 or in_tables
                if self._has_tables:
                    self._check(version)
            except psycopg.errors.InsufficientPrivilege as error:  # asked while the connection is there to be asked on
                failed = self._failed(error, doubt=False, connection=connection)
                connection.close()
                raise failed from error
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def open(self) -> Connection:
        """Return a new connection whose search path contains only PostgreSQL's own schemas. The caller closes it.

        Raises:
            psycopg.Error: The database cannot be reached.
            UnknownStore: The URL is not one that a connection can be made by.
        """
        try:
            connection: Connection = psycopg.connect(self._conninfo, autocommit=True)
        except (UnicodeError, ValueError, OverflowError) as error:
            raise UnknownStore(
                "that is not the URL of a PostgreSQL database: the host or a number cannot be used"
            ) from error
        except psycopg.ProgrammingError as error:
            raise UnknownStore(f"that is not the URL of a PostgreSQL database: {error}") from error
        connection.add_notice_handler(partial(_keep_warning, self._not_awaited))  # which does not hold this object
        try:
            row = connection.execute(_SESSION.encode()).fetchone()
            if self._schema is None:
                self._schema = schema_of(connection, str(row[0]) if row else "")
        except BaseException:
            connection.close()
            raise
        return connection

    def _version(self, connection: Connection) -> int:
        """Return the number of the last migration that was run; 0 in an empty schema. Other owners' tables are not used."""
        check_owners(connection, self.schema, self.address)
        try:
            row = connection.execute(self._script(VERSION)).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        return (row[0] if row else None) or 0

    def _migrate(self, connection: Connection) -> list[str]:
        """Run the migrations that were not run yet, and return them in words."""
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('cqrs schema', 0))")
            check_owners(connection, self.schema, self.address)
            connection.execute(self._script(_MAKE_SCHEMA))
            done = self._version(connection)
            missing: list[tuple[int, Migration]] = list(enumerate(MIGRATIONS, 1))[done:]
            for number, migration in missing:
                connection.execute(self._script(migration.sql))
                connection.execute(self.sql(_NOTE_MIGRATION), (number, migration.what))
        return [f"{number}: {migration.what}" for number, migration in missing]

    def _check(self, version: int) -> None:
        """Raise an error unless this program works with tables of a version."""
        tables = f"{self.address} has tables of version {version}"
        if version > LATEST:
            raise NewerStore(f"{tables}, later than this program's {LATEST}")
        if version < LATEST:
            raise OutdatedStore(f"{tables}, earlier than this program's {LATEST}: they must be migrated")

    def close(self) -> None:
        """Close the connection. The next piece of work makes another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # errors

    def _failed(self, error: psycopg.Error, doubt: bool, connection: Connection | None) -> CqrsError:
        # the context is which statement of this program it was: that helps nobody, and fills the screen
        reason = " ".join(str(error).partition("\nCONTEXT:")[0].split()) or type(error).__name__
        if doubt:
            return OutcomeUnknown(f"{self.address}: {reason}; {_UNKNOWN}")
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return LogBusy(f"{self.address}: another writer did not let go in time; nothing was recorded")
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            reason = self._missing(error, connection)
            return MissingGrant(f"{self.address}: {reason}")
        if isinstance(error, psycopg.errors.AmbiguousFunction):
            place = written(self.schema)
            reason = (
                f"others made functions with the names of this program's in the schema {place}; nothing was recorded; drop"
                f" them, and let nobody else make any: REVOKE CREATE ON SCHEMA {place} FROM PUBLIC"
            )
        return StoreUnavailable(f"{self.address}: {reason}")

    def _missing(self, error: psycopg.Error, connection: Connection | None) -> str:
        """Return the grant that is missing, in words, or the server's message if it cannot be found out."""
        said = error.diag.message_primary or type(error).__name__
        if connection is None or connection.closed:
            return said
        try:
            grants = missing_grants(connection, self.schema, self._statement)
        except psycopg.Error:  # the server's own message is enough
            grants = []
        return f"{said}; nothing was recorded; to allow it: {'; '.join(grants)}" if grants else said


def _is_lost(connection: Connection) -> bool:
    """Return whether a connection is lost. Within a pipeline, one that is lost may not know it yet."""
    return connection.closed or connection.pgconn.pipeline_status != PipelineStatus.OFF


def _keep_warning(not_awaited: list[str], warning: psycopg.errors.Diagnostic) -> None:
    """Keep the server's warning that a commit may be on no standby, because someone cancelled the wait for one.

    The text is in the language of the server, so the function in the server that gave the warning identifies it.
    """
    if warning.source_function == "SyncRepWaitForLSN":
        not_awaited.append(warning.message_primary or "the wait for a standby was cancelled")


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """Make a new schema in a database, and remove it after the block.

    Yields:
        A string that libpq can connect by, with the tables in the new schema.

    Raises:
        StoreUnavailable: The database cannot be reached, or does not allow this.
    """
    database = Database(url)
    name = f"cqrs_scratch_{os.urandom(8).hex()}"
    database.alone(f"CREATE SCHEMA {name}")
    try:
        yield database.within(name)
    finally:
        database.alone(f"DROP SCHEMA {name} CASCADE")
