"""Tables of projections in PostgreSQL: in the schema `projection_NAME`; while they are built, with `~building` behind it.

If another schema than `public` is configured, its name comes before that, so that applications can share a database. Other
programs can read the tables, too: the names and the grants stay the same when a new version is put into use. Views and
indexes that others have made on the tables do not stay, so put those that you need into the schema of the projection.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..stores.installed import MissingExtra

try:
    import psycopg
    from psycopg.pq import TransactionStatus
    from psycopg.rows import TupleRow
    from psycopg.sql import SQL, Identifier
except ImportError as error:
    raise MissingExtra("postgres", "PostgresTables") from error

from ..checkpoints import Checkpoint
from ..cursor import Cursor
from ..errors import StoreUnavailable, in_words
from ..stores.postgres.address import address
from ..stores.postgres.conninfo import conninfo, parse_url
from ..stores.postgres.rights import quoted
from . import (
    ENDS_TRANSACTION,
    NOT_RUN,
    ONLY_READS,
    Generation,
    NewerProjection,
    NotApplied,
    Projection,
    ProjectionBehind,
    ProjectionFailed,
    Tables,
)

T = TypeVar("T")
Connection = psycopg.Connection[TupleRow]

_OWN = """
    CREATE TABLE cqrs_version (version integer NOT NULL, schema text NOT NULL);
    CREATE TABLE cqrs_checkpoint (
        log text PRIMARY KEY, position bigint NOT NULL,
        base_position bigint NOT NULL, base_line bigint NOT NULL, base_offset bigint NOT NULL, base_digest bytea NOT NULL
    )
"""
_BUILDING = "~building"
"""What the name of the schema ends with in which tables are built. No name of a projection can have this character."""
_LONGEST = 63
_CONFIGURED = "SELECT current_schema()"
_PASSING = ("08", "25006", "40", "42501", "53", "55P03", "57")
"""How the codes begin of errors that are not the fault of the projection: a deadlock, a full disk, a missing grant."""
_BEGUN = "SELECT set_config('cqrs.begun', %s, true)"
_STILL = "SELECT current_setting('cqrs.begun', true)"
_PATH = "SELECT set_config('search_path', %s, true)"
_READ = "SELECT set_config('search_path', %s, true), set_config('transaction_read_only', 'on', true)"
_VERSION = "SELECT version, schema FROM {}.cqrs_version"
_LOAD = "SELECT position, base_position, base_line, base_offset, base_digest FROM {}.cqrs_checkpoint WHERE log = %s"
_OTHER = "SELECT log FROM {}.cqrs_checkpoint WHERE log <> %s LIMIT 1"
_KEEP = """
    INSERT INTO {}.cqrs_checkpoint VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (log) DO UPDATE
    SET position = excluded.position, base_position = excluded.base_position, base_line = excluded.base_line,
        base_offset = excluded.base_offset, base_digest = excluded.base_digest
"""
# what others may do with the tables in use, as statements that grant it for the tables of the same names in another schema
_GRANTS = """
    SELECT pg_catalog.format('GRANT %%s ON %%s TO %%s', privilege_type, what,
                             CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
    FROM (SELECT (pg_catalog.aclexplode(nspacl)).*, nspowner AS owner, pg_catalog.format('SCHEMA %%I', %(new)s::text) AS what
          FROM pg_catalog.pg_namespace WHERE nspname = %(old)s
          UNION ALL
          SELECT (pg_catalog.aclexplode(old.relacl)).*, old.relowner,
                 pg_catalog.format('%%I.%%I', %(new)s::text, old.relname)
          FROM pg_catalog.pg_class AS old
          JOIN pg_catalog.pg_class AS new USING (relname)
          WHERE old.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(old)s)
          AND new.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(new)s)
          AND old.relkind IN ('r', 'v', 'm', 'p')) AS granted
    WHERE grantee <> owner
"""
_DROP = "DROP SCHEMA IF EXISTS {} CASCADE"
_HOLD = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(%s, 0))"
_LOCK = "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended(%s, 0))"
_UNLOCK = "SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended(%s, 0))"


class _Server:
    """A connection that is made when it is needed, and again when it was lost."""

    def __init__(self, url: str) -> None:
        """Prepare to connect.

        Raises:
            UnknownStore: It is not the URL of a PostgreSQL database.
        """
        given = parse_url(url)
        self._conninfo = conninfo(given)
        self.address = address(given)
        self._connection: Connection | None = None
        self._prefix: str | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work.

        Raises:
            StoreUnavailable: The server cannot be reached, or the connection was lost.
            Exception: What the work raises.
        """
        connection = None
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._conninfo, autocommit=True)
            connection = self._connection
            return work(connection)
        except Exception as error:
            # what `apply` raised is the cause of what comes out of it
            cause = error.__cause__ if isinstance(error, NotApplied) and error.__cause__ else error
            lost = connection is None or connection.closed
            if lost:
                self.close()
            if lost or (isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(_PASSING)):
                raise StoreUnavailable(f"{self.address}: {' '.join(in_words(cause).split())}") from error
            raise

    def schema(self, name: str) -> str:
        """Return the name of the schema that holds the tables in use of a projection.

        Raises:
            ProjectionFailed: PostgreSQL does not allow a name as long as that.
        """
        if self._prefix is None:
            ((configured,),) = self.run(lambda connection: connection.execute(_CONFIGURED).fetchall())
            self._prefix = "projection_" if configured in (None, "public") else f"{configured}_projection_"
        schema = self._prefix + name
        if len((schema + _BUILDING).encode()) > _LONGEST:
            raise ProjectionFailed(f"{schema + _BUILDING} is longer than the {_LONGEST} bytes that PostgreSQL allows")
        return schema

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Schema(Generation):
    """The tables in one schema."""

    def __init__(self, server: _Server, name: str, version: int, schema: str) -> None:
        """Take the tables of a version.

        Args:
            server: The server.
            name: The name of the schema that holds them.
            version: The version of the projection.
            schema: The SQL that made them.
        """
        self.version = version
        self.schema = schema
        self._name = name
        self._server = server

    def checkpoint(self, log_id: str) -> Checkpoint:
        """Return how far the rows were derived from a log; see `Generation`."""
        with self._there():
            return self._server.run(lambda connection: self._checkpoint(connection, log_id))

    def other_log(self, log_id: str) -> str | None:
        """Return another log of the rows; see `Generation`."""

        def find(connection: Connection) -> str | None:
            row = connection.execute(_in(self._name, _OTHER), (log_id,)).fetchone()
            return None if row is None else row[0]

        with self._there():
            return self._server.run(find)

    def change(self, log_id: str, before: Checkpoint, after: Checkpoint, work: Callable[[Any], None]) -> bool:
        """Change rows; see `Generation`."""

        def whole(connection: Connection) -> bool:
            with connection.transaction():
                connection.execute(_HOLD, (f"cqrs {self._name} {log_id}",))
                if _version(connection, self._name) != (self.version, self.schema):
                    raise NewerProjection(f"the tables in {self._name} were replaced by others meanwhile")
                if self._checkpoint(connection, log_id) != before:
                    return False
                connection.execute(_PATH, (quoted(self._name),))
                begun = os.urandom(8).hex()
                connection.execute(_BEGUN, (begun,))
                work(connection)
                row = connection.execute(_STILL).fetchone()
                if row is None or row[0] != begun:  # it ended the transaction, and began another one
                    raise ProjectionFailed(
                        f"`apply` has ended a transaction: rows in {self._name} may be wrong; rebuild them"
                    )
                base = after.base
                values = (log_id, after.position, base.position, base.line, base.offset, base.digest)
                connection.execute(_in(self._name, _KEEP), values)
            return True

        with self._there():
            return self._server.run(whole)

    def is_in_transaction(self, connection: Any) -> bool:
        """Return whether the transaction has not ended; see `Generation`."""
        return bool(connection.info.transaction_status == TransactionStatus.INTRANS)

    def rows(self, sql: str, values: Any) -> list[tuple[Any, ...]]:
        """Run a query; see `Generation`."""

        def whole(connection: Connection) -> list[tuple[Any, ...]]:
            # in a pipeline, one statement is sent and no more; in the end, what the query has set is undone
            with connection.pipeline(), connection.transaction(force_rollback=True):
                connection.execute(_READ, (quoted(self._name),))
                # a prepared statement would no longer fit tables that were built anew; and % is only looked for in a
                # query that has values
                cursor = connection.execute(sql.encode(), values or None, prepare=False)
                try:
                    return cursor.fetchall()
                except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.ActiveSqlTransaction) as error:
                    raise ValueError(ONLY_READS) from error
                except psycopg.ProgrammingError as error:
                    if error.sqlstate is None:  # it gives no rows, such as SET or COMMIT
                        raise ValueError(ONLY_READS) from error
                    raise

        try:
            with self._there():
                return self._server.run(whole)
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
            raise ValueError(f"{NOT_RUN}: {' '.join(str(error).split())}") from error

    @contextmanager
    def _there(self) -> Iterator[None]:
        """Raise `ProjectionBehind` if the tables turn out to have been deleted."""
        try:
            yield
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            if _generation(self._server, self._name) is None:
                raise ProjectionBehind(f"the tables in {self._name} were deleted: `catch_up` builds them") from error
            raise

    def _checkpoint(self, connection: Connection, log_id: str) -> Checkpoint:
        row = connection.execute(_in(self._name, _LOAD), (log_id,)).fetchone()
        return Checkpoint() if row is None else Checkpoint(row[0], Cursor(*row[1:]))


class PostgresTables(Tables):
    """Tables in a database, which need not be that of the store. Reading can be done on a replica of it."""

    def __init__(self, url: str, replica: str | None = None) -> None:
        """Choose a database.

        Args:
            url: Its URL, or another string that libpq can connect by. The role must be allowed to create schemas.
            replica: That of a replica, from which rows are read. None: they are read from the database itself.

        Raises:
            UnknownStore: One of them is not the URL of a PostgreSQL database.
        """
        self._primary = _Server(url)
        self.place = self._primary.address
        self._replica = self._primary if replica is None else _Server(replica)

    def current(self, name: str) -> Generation | None:
        """Return the tables in use; see `Tables`."""
        return _generation(self._primary, self._primary.schema(name))

    def to_read(self, name: str) -> Generation | None:
        """Return the tables in use on the replica; see `Tables`."""
        return _generation(self._replica, self._replica.schema(name))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Let no other program build tables; see `Tables`. If the connection is lost, the lock is lost, too."""
        what = f"cqrs building {self._primary.schema(name)}"
        self._primary.run(lambda connection: connection.execute(_LOCK, (what,)))
        try:
            yield
        finally:
            self._primary.run(lambda connection: connection.execute(_UNLOCK, (what,)))

    def begin(self, projection: Projection[Any], *, anew: bool) -> Generation:
        """Make empty tables; see `Tables`."""
        schema = self._primary.schema(projection.name) + _BUILDING
        found = None if anew else _generation(self._primary, schema)
        if found is not None and (found.version, found.schema) == (projection.version, projection.schema):
            return found

        def make(connection: Connection) -> None:
            with connection.transaction():
                connection.execute(_in(schema, _DROP))
                connection.execute(_in(schema, "CREATE SCHEMA {}"))
                connection.execute(_PATH, (quoted(schema),))
                connection.execute(_OWN)
                connection.execute("INSERT INTO cqrs_version VALUES (%s, %s)", (projection.version, projection.schema))
                connection.execute(projection.schema.encode())
                if connection.info.transaction_status != TransactionStatus.INTRANS:
                    raise psycopg.ProgrammingError(ENDS_TRANSACTION)

        try:
            self._primary.run(make)
        except psycopg.Error as error:
            self._primary.run(lambda connection: connection.execute(_in(schema, _DROP)))  # what it may have committed
            what = f"the tables of the projection {projection.name} cannot be made"
            raise ProjectionFailed(f"{what}: {' '.join(str(error).split())}") from error
        return _Schema(self._primary, schema, projection.version, projection.schema)

    def use(self, name: str, built: Generation) -> None:
        """Put tables into use; see `Tables`."""
        schema = self._primary.schema(name)

        def swap(connection: Connection) -> None:
            with connection.transaction():
                names = {"old": schema, "new": schema + _BUILDING}
                for (grant,) in connection.execute(_GRANTS, names).fetchall():
                    connection.execute(grant.encode())
                connection.execute(_in(schema, _DROP))
                rename = SQL("ALTER SCHEMA {} RENAME TO {}")
                connection.execute(rename.format(Identifier(schema + _BUILDING), Identifier(schema)))

        self._primary.run(swap)

    def close(self) -> None:
        """Close the connections; see `Tables`."""
        self._primary.close()
        self._replica.close()


def _in(schema: str, statement: str) -> Any:
    """Return a statement in which `{}` is the quoted name of a schema."""
    return SQL(statement).format(Identifier(schema))


def _version(connection: Connection, schema: str) -> tuple[int, str] | None:
    """Return the version of a projection whose tables are in a schema, and the SQL that made them."""
    row = connection.execute(_in(schema, _VERSION)).fetchone()
    return None if row is None else (row[0], row[1])


def _generation(server: _Server, schema: str) -> _Schema | None:
    """Return the tables in a schema; None if there are none."""

    def find(connection: Connection) -> tuple[int, str] | None:
        try:
            return _version(connection, schema)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return None

    found = server.run(find)
    return None if found is None else _Schema(server, schema, *found)
