"""Logs by name in a database."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from enum import Enum
from itertools import chain
from typing import Any

import psycopg

from ...checkpoints import Checkpoints
from ...cursor import START, Cursor
from ...errors import DamagedLog, LogExists, LogNotFound
from ...events import EventTypes
from ...forgetting import Forgetting
from ...names import check_free, check_log_name, check_streams
from ...operation_errors import InvalidPattern, SameLog
from ...store import Known, Log, LogHead, Progress, Store, T, at_work, in_use_together, no_progress, nothing_known
from ...struct import Struct
from ...verification import Repair, Verdict
from ..format import FORMAT, VERSION, Header, InvalidLine, decode_header, encode_header
from ..signals import delay_signals
from .database import Connection, Database
from .heads import HEADS, head_in
from .listening import Listener
from .log import PostgresLog
from .reader import PostgresReader
from .tables import PostgresCheckpoints, SnapshotTable

PAGE = 100
"""How many logs or streams a page has, unless the caller asks for another number."""


class Operator(Enum):
    """How a name is compared with a pattern: the operators of PostgreSQL."""

    LIKE = "LIKE"
    SIMILAR_TO = "SIMILAR TO"
    POSIX = "~"


class Pattern(Struct, frozen=True):
    """What names must match.

    Attributes:
        operator: LIKE, with % and _; SIMILAR TO, with the regular expressions of SQL; or POSIX regular expressions.
        text: The pattern.
    """

    operator: Operator
    text: str


class Named(Struct, frozen=True):
    """The name of a log or a stream, and how many events it has."""

    name: str
    events: int


class PostgresStore(Store):
    """Logs in a database. The connection is made when it is first needed."""

    atomic = True

    def __init__(self, url: str, types: EventTypes, *, progress: Progress = no_progress) -> None:
        """Open a store. The arguments, and the errors that are raised, are those of `open_store`."""
        self._database = Database(url)
        self._listener = Listener(self._database)
        self.url = self._database.address
        self.types = types
        self._progress = progress
        self._at_work: set[int] = set()
        self._together: frozenset[str] = frozenset()
        """The names of the logs with which a piece of work is being done."""

    def names(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs; see `Store`."""
        rows = self._database.rows("SELECT name FROM {schema}.cqrs_logs WHERE archived = %s", (archived,))
        return sorted(name for (name,) in rows)

    def create(self, name: str, at: datetime) -> Log:
        """Make an empty log; see `Store`."""
        name = check_log_name(name)
        id = os.urandom(16).hex()
        header = encode_header(Header(FORMAT, VERSION, id, name, at))[:-1].decode()

        def work(connection: Connection) -> None:
            with connection.transaction():
                self._take_name(connection, name)
                if connection.execute(self._database.sql(_INSERT), (id, name, header)).rowcount == 0:
                    made = connection.execute(self._database.sql(_FOUND), (name, False)).fetchone()
                    if made is None or made[1] != header:  # an earlier try may have made it, and its answer was lost
                        raise LogExists(name)

        self._database.run(work, writes=True)
        return self.open(name)

    def open(self, name: str) -> Log:
        """Open a log; see `Store`."""
        return self._open(check_log_name(name), archived=False)

    def open_archived(self, name: str) -> Log:
        """Open an archived log to read it; see `Store`."""
        log = self._open(check_log_name(name), archived=True)
        log.read_only = f"{name} is archived"
        return log

    def _open(self, name: str, *, archived: bool) -> PostgresLog:
        key, header = self._found(name, archived=archived)
        try:
            read, sum = decode_header(header)
        except InvalidLine as error:
            raise DamagedLog(f"{self.url}, {name}: {error}") from error
        reader = PostgresReader(
            database=self._database, key=key, name=name, header=read, digest=sum, types=self.types, progress=self._progress
        )
        return PostgresLog(name, reader)

    def heads(self) -> Sequence[LogHead]:
        """Return the end of each log; see `Store`."""
        return [*map(head_in, self._database.rows(HEADS, ()))]

    def rename(self, old: str, new: str) -> None:
        """Give a log another name; see `Store`."""
        old, new = check_log_name(old), check_log_name(new)
        if old == new:
            self._found(old, archived=False)
            raise LogExists(new)
        self._update("UPDATE {schema}.cqrs_logs SET name = %s WHERE name = %s AND NOT archived", (new, old), old, new)

    def archive(self, name: str) -> None:
        """Archive a log; see `Store`."""
        name = check_log_name(name)
        self._update("UPDATE {schema}.cqrs_logs SET archived = true WHERE name = %s AND NOT archived", (name,), name, name)

    def unarchive(self, name: str) -> None:
        """Make an archived log one of the logs in use again; see `Store`."""
        name = check_log_name(name)
        self._update("UPDATE {schema}.cqrs_logs SET archived = false WHERE name = %s AND archived", (name,), name, name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do `work` while nobody else can write to these logs; everything that it appends is recorded, or nothing.

        It is one transaction. If the connection is lost before the COMMIT, `work` is called again on a new connection.

        Args:
            logs: Logs of this store, as `open` and `create` give them.
            work: Reads and appends through these objects; what it raises undoes everything that it appended.

        Returns:
            What `work` returns.

        Raises:
            LogBusy: A lock could not be had in time; nothing was recorded.
            OutcomeUnknown: The answer to the COMMIT was lost, and a second try did not succeed.
            TypeError: These are not logs.
            ReadOnlyLog: One of the logs is archived, or this program must not write to it.
            ValueError: A log is not one of this store's, or the work calls `together`.
        """
        with at_work(self._at_work, logs, self.url, self._has_opened):
            return self._done_together([log for log in logs if isinstance(log, PostgresLog)], work)

    def _has_opened(self, log: Log) -> bool:
        return isinstance(log, PostgresLog) and log.belongs_to(self._database)

    def _done_together(self, logs: Sequence[PostgresLog], work: Callable[[], T]) -> T:
        """Do what `together` does, with logs that were checked."""
        held = {log.key: log for log in logs}
        begun = False

        def whole(connection: Connection) -> T:
            nonlocal begun
            if begun:  # the try before this one was rolled back, or its answer was lost
                _start_again(logs)
            begun = True
            for key in sorted(held):  # one lock for each log, always in the same order: nobody waits in a circle
                held[key].hold(connection)
            outer, self._together = self._together, frozenset(log.name for log in held.values())
            try:
                return work()
            finally:
                self._together = outer

        try:
            with delay_signals() as arrived:
                result = self._database.transact(whole)
                if arrived and logs:
                    names = " and ".join(sorted(log.name for log in held.values()))
                    logs[0].warnings.append(f"the change to {names} was finished before the interruption")
                return result
        except BaseException:
            _start_again(logs)
            raise

    def close(self) -> None:
        """Close the connection. It is made again when it is needed."""
        self._listener.close()
        self._database.close()

    def wait(self, ends: Sequence[tuple[Log, Cursor]], seconds: float) -> bool:
        """Wait until one of some logs has grown; see `Store`. A standby does not notify."""
        return self._listener.wait(lambda: any(log.has_grown(end) for log, end in ends), seconds)

    def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the reactions; see `Store`."""
        return PostgresCheckpoints(self._database)

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Read a whole log and check it; see `Store`."""
        from .verify import verify

        key, header = self._found(check_log_name(name), archived=archived)
        return verify(self._database, key, header, self._progress)

    def repair(
        self, name: str, *, archived: bool = False, dry_run: bool = False, known: Known = nothing_known
    ) -> Repair | None:
        """Return None if a log is intact. A damaged one is not repaired here.

        Raises:
            DamagedLog: The log is damaged.
        """
        if self.verify(name, archived=archived).damage is None:
            return None
        raise DamagedLog(f"a log on a server is not repaired: restore it from a backup of {self.url}")

    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> Forgetting:
        """Forget streams; see `Store`. Only the owner of the tables can do this.

        Raises:
            MissingGrant: The role does not own the tables.
        """
        check_streams(streams)
        from .forget import forget

        name = check_log_name(name)

        def work(connection: Connection) -> Forgetting:
            self._check_not_together(name)
            return forget(connection, self._database, name, streams, archived=archived)

        with delay_signals():
            return self._database.transact(work)

    def migrate(self) -> list[str]:
        """Bring the tables to the version that this program works with; see `Store`."""
        return self._database.migrate()

    def shared_snapshots(self) -> SnapshotTable:
        """Return the table for snapshots that all machines share; see `Store`."""
        return SnapshotTable(self._database)

    # pages of names

    def logs(
        self, pattern: Pattern | None = None, *, archived: bool = False, after: str = "", limit: int = PAGE
    ) -> list[Named]:
        """Return a page of the logs.

        Args:
            pattern: What their names must match. None: any name.
            archived: Whether to return the archived logs instead of those in use.
            after: The name after which the page begins: that of the last log on the page before.
            limit: How many logs the page has at most.

        Returns:
            The logs, by name.

        Raises:
            InvalidPattern: The pattern cannot be parsed.
        """
        return self._page(_LOGS, {"archived": archived}, "name", pattern, after, limit)

    def count_logs(self, pattern: Pattern | None = None, *, archived: bool = False) -> int:
        """Count logs. The arguments, and the errors that are raised, are those of `logs`."""
        return self._count("{schema}.cqrs_logs WHERE archived = %(archived)s", {"archived": archived}, "name", pattern)

    def streams(self, name: str, pattern: Pattern | None = None, *, after: str = "", limit: int = PAGE) -> list[Named]:
        """Return a page of the streams of a log.

        Args:
            name: The name of the log.
            pattern: What the names of the streams must match. None: any name.
            after: The name after which the page begins: that of the last stream on the page before.
            limit: How many streams the page has at most.

        Returns:
            The streams, by name.

        Raises:
            LogNotFound: No log in use has this name.
            InvalidPattern: The pattern cannot be parsed.
        """
        key, _ = self._found(check_log_name(name), archived=False)
        return self._page(_STREAMS, {"log": key}, "stream", pattern, after, limit)

    def count_streams(self, name: str, pattern: Pattern | None = None) -> int:
        """Count the streams of a log. The arguments, and the errors that are raised, are those of `streams`."""
        key, _ = self._found(check_log_name(name), archived=False)
        return self._count("{schema}.cqrs_events WHERE log = %(log)s AND version = 1", {"log": key}, "stream", pattern)

    def _page(
        self, query: str, values: dict[str, Any], key: str, pattern: Pattern | None, after: str, limit: int
    ) -> list[Named]:
        values |= {"after": after, "limit": limit}
        return [Named(*row) for row in self._matching(query, values, key, pattern)]

    def _count(self, where: str, values: dict[str, Any], key: str, pattern: Pattern | None) -> int:
        ((count,),) = self._matching(f"SELECT count(*) FROM {where} {{matches}}", values, key, pattern)
        return int(count)

    def _matching(self, query: str, values: dict[str, Any], key: str, pattern: Pattern | None) -> list[Any]:
        """Run a query in which `{matches}` becomes the condition that a column matches a pattern."""
        matches = "" if pattern is None else f"AND {key} {pattern.operator.value} %(pattern)s"
        values |= {} if pattern is None else {"pattern": pattern.text}

        def work(connection: Connection) -> list[Any]:
            try:
                return connection.execute(self._database.sql(query.replace("{matches}", matches)), values).fetchall()
            except psycopg.DataError as error:
                raise InvalidPattern(error.diag.message_primary or str(error)) from error

        return self._database.run(work)

    def import_log(self, name: str, lines: Iterable[bytes], *, since: Cursor = START) -> int:
        """Make a log from its exported lines, or add the new ones; see `Store`."""
        from .transfer import Import, NewLines

        name = check_log_name(name)
        if since.digest:
            key, header = self._found(name, archived=False)
            if since.position:
                new = NewLines(name, lines, since)
                return self._database.run(lambda connection: new.send(connection, self._database, key), writes=True)
            lines = chain((header,), lines)
        incoming = Import(name, lines)

        def work(connection: Connection) -> int:
            with connection.transaction():
                connection.execute(self._database.sql(_HOLD_NAMES))
                other = connection.execute(self._database.sql(_OTHER), (incoming.log_id, name)).fetchone()
                if other is not None:
                    raise SameLog(other[0])
                self._take_name(connection, name)
                made = connection.execute(self._database.sql(_INSERT), (incoming.log_id, name, incoming.header)).fetchone()
                key, header = made or connection.execute(self._database.sql(_FOUND), (name, False)).fetchone() or (0, "")
                return incoming.send(connection, self._database, key, header)

        return self._database.run(work, writes=True)

    def _found(self, name: str, *, archived: bool) -> tuple[int, bytes]:
        """Return the key of a log in the tables, and its header."""
        rows = self._database.rows(_FOUND, (name, archived))
        if not rows:
            raise LogNotFound(name)
        return rows[0][0], rows[0][1].encode()

    def _update(self, statement: str, values: tuple[Any, ...], old: str, new: str) -> None:
        def work(connection: Connection) -> None:
            self._check_not_together(old)
            try:
                with connection.transaction():
                    self._take_name(connection, new, instead_of=old)
                    if connection.execute(self._database.sql(statement), values).rowcount == 0:
                        raise LogNotFound(old)
            except psycopg.errors.UniqueViolation:
                raise LogExists(new) from None

        self._database.run(work, writes=True)

    def _check_not_together(self, name: str) -> None:
        """Raise an error if the caller, whose turn it is on the connection, is at work with a log in `together`."""
        if name in self._together:
            raise in_use_together(name)

    def _take_name(self, connection: Connection, name: str, *, instead_of: str | None = None) -> None:
        """Raise `LogExists` if an archived log has a name, or any log a name that differs from it only by case.

        Until the transaction ends, nobody else can give a name to a log.
        """
        connection.execute(self._database.sql(_HOLD_NAMES))
        check_free(name, connection.execute(self._database.sql(_NAMES), ()).fetchall(), instead_of=instead_of)


def _start_again(logs: Sequence[Log]) -> None:
    """Let logs drop what they read and wrote, after a transaction that may have been rolled back."""
    for log in logs:
        if isinstance(log, PostgresLog):
            log.start_again()


_INSERT = """
    INSERT INTO {schema}.cqrs_logs (id, name, header) VALUES (%s, %s, %s) ON CONFLICT (name, archived) DO NOTHING
    RETURNING key, header
"""
_OTHER = "SELECT name FROM {schema}.cqrs_logs WHERE id = %s AND (name <> %s OR archived) LIMIT 1"
_HOLD_NAMES = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cqrs names', 0))"
_NAMES = "SELECT name, archived FROM {schema}.cqrs_logs"
_FOUND = "SELECT key, header FROM {schema}.cqrs_logs WHERE name = %s AND archived = %s"
_LOGS = """
    SELECT name, (SELECT coalesce(max(last), 0) FROM {schema}.cqrs_commits WHERE log = key) FROM {schema}.cqrs_logs
    WHERE archived = %(archived)s AND name > %(after)s {matches} ORDER BY name LIMIT %(limit)s
"""
_STREAMS = """
    SELECT stream, max(version) FROM {schema}.cqrs_events
    WHERE log = %(log)s AND stream > %(after)s {matches} GROUP BY stream ORDER BY stream LIMIT %(limit)s
"""
