"""Logs by name in a database: made, renamed, put away, verified, taken in, counted and paged."""

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Any

import psycopg

from ...errors import DamagedLog, ImportRefused, InvalidPattern, LogExists, LogNotFound
from ...events import EventTypes
from ...names import check_log_name, name_key
from ...store import Checkpoints, Damage, Known, Log, Progress, Repair, Store, T, Verdict, no_progress, nothing_known
from ...struct import Struct
from ..chain import Spot, Versions, Walk
from ..format import FORMAT, VERSION, CommitLine, Header, InvalidLine, decode_header, decode_lines, encode_header
from ..seals import NO_SUM
from ..signals import signals_held
from .database import Connection, Database
from .kept import PostgresCheckpoints, SnapshotTable
from .log import BATCH, NOT_STORABLE, PostgresLog, Step, send_all, storable

PAGE = 100
"""How many logs or streams make a page, unless asked otherwise."""


class Operator(Enum):
    """How a name is compared with a pattern, in PostgreSQL's words."""

    LIKE = "LIKE"
    SIMILAR_TO = "SIMILAR TO"
    POSIX = "~"


class Pattern(Struct, frozen=True):
    """What names must match: LIKE with % and _, SIMILAR TO as SQL's regular expressions, or POSIX ones."""

    operator: Operator
    text: str


class Named(Struct, frozen=True):
    """A log or a stream, and how many events it has."""

    name: str
    events: int


class PostgresStore(Store):
    """Logs in the database that a URL names. Nothing is connected before it is needed."""

    atomic = True

    def __init__(self, url: str, types: EventTypes, *, progress: Progress = no_progress) -> None:
        self._database = Database(url)
        self.url = self._database.address
        self._types = types
        self._progress = progress

    def names(self, *, archived: bool = False) -> list[str]:
        rows = self._database.rows("SELECT name FROM {schema}.cqrs_logs WHERE archived = %s", (archived,))
        return sorted(name for (name,) in rows)

    def create(self, name: str, at: datetime) -> Log:
        name = check_log_name(name)
        id = os.urandom(16).hex()
        header = encode_header(Header(FORMAT, VERSION, id, name, at))[:-1].decode()

        def work(connection: Connection) -> None:
            with connection.transaction():
                self._take_name(connection, name)
                if connection.execute(self._database.sql(_INSERT), (id, name, header)).rowcount == 0:
                    made = connection.execute(self._database.sql(_FOUND), (name, False)).fetchone()
                    if made is None or made[1] != header:  # it may be there from a try whose answer was lost
                        raise LogExists(name)

        self._database.run(work, writes=True)
        return self.open(name)

    def open(self, name: str) -> Log:
        name = check_log_name(name)
        key, header = self._found(name, archived=False)
        try:
            read, sum = decode_header(header)
        except InvalidLine as error:
            raise DamagedLog(f"{self.url}, {name}: {error}") from error
        return PostgresLog(self._database, key, name, read, sum, self._types, self._progress)

    def rename(self, old: str, new: str) -> None:
        old, new = check_log_name(old), check_log_name(new)
        if old == new:
            self._found(old, archived=False)
            raise LogExists(new)
        self._update("UPDATE {schema}.cqrs_logs SET name = %s WHERE name = %s AND NOT archived", (new, old), old, new)

    def archive(self, name: str) -> None:
        name = check_log_name(name)
        self._update("UPDATE {schema}.cqrs_logs SET archived = true WHERE name = %s AND NOT archived", (name,), name, name)

    def unarchive(self, name: str) -> None:
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
            ValueError: A log is not one of this store's.
        """
        held: dict[int, PostgresLog] = {}  # one lock for each log, always in the same order: nobody waits in a circle
        for log in logs:
            if not isinstance(log, PostgresLog) or not log.belongs_to(self._database):
                raise ValueError(f"{log.name} is not a log of {self.url}")
            held[log.key] = log
        begun = False

        def whole(connection: Connection) -> T:
            nonlocal begun
            if begun:  # the try before this one was rolled back, or its answer was lost
                _forget(logs)
            begun = True
            for key in sorted(held):
                held[key].hold(connection)
            return work()

        try:
            with signals_held() as came:
                result = self._database.transact(whole)
                if came:
                    names = " and ".join(sorted(log.name for log in held.values()))
                    logs[0].notices.append(f"what was being done with {names} was finished before the interruption")
                return result
        except BaseException:
            _forget(logs)
            raise

    def close(self) -> None:
        self._database.close()

    def checkpoints(self) -> Checkpoints:
        return PostgresCheckpoints(self._database)

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        key, header = self._found(check_log_name(name), archived=archived)
        ((id,),) = self._database.rows("SELECT id FROM {schema}.cqrs_logs WHERE key = %s", (key,))
        ((total,),) = self._database.rows("SELECT count(*) FROM {schema}.cqrs_commits WHERE log = %s", (key,))
        position = commits = byte = 0
        sum = b""
        rows: list[Any] = []
        try:
            read, sum = decode_header(header)
            if read.newer:
                return Verdict(0, 0, sum.decode(), newer=read.version)
            if read.id != id:
                raise InvalidLine("the column id beside the header holds another id than the header")
            byte = len(header) + 1
            walk = Walk(Spot(1, byte, sum, 0), Versions().pass_over, decode_lines)
            while rows := self._database.rows(_LINES_AFTER, (key, position, BATCH)):
                good, bad = _good(rows, walk)
                ((wrong,),) = self._database.rows(_WRONG, (key, position, walk.spot.position))
                for line, commit, after in good:
                    if commit.position == wrong:
                        raise InvalidLine("the columns or the events beside the line say something else than the line")
                    position, sum, commits, byte = commit.last, after, commits + 1, byte + len(line)
                if bad is not None:
                    raise bad
                self._progress(commits, total)
            ((alone,),) = self._database.rows(_ALONE, (key,))
            if alone is not None:
                raise InvalidLine(f"cqrs_events holds an event at @{alone} that is in no commit")
        except InvalidLine as error:
            there = next((at for _, at in rows if at > position), position + 1)
            kind, detail = "altered", str(error)
            if there > position + 1:
                kind, detail = "missing", f"@{position + 1} to @{there - 1} are missing"
            damage = Damage(commits + 2 if byte else 1, byte, kind, detail)
            return Verdict(position, commits, sum.decode(), damage, max(0, total - commits - 1))
        return Verdict(position, commits, sum.decode())

    def repair(
        self, name: str, *, archived: bool = False, dry_run: bool = False, known: Known = nothing_known
    ) -> Repair | None:
        if self.verify(name, archived=archived).damage is None:
            return None
        raise DamagedLog(f"on a server nothing is rewritten: put it back from a backup of {self.url}")

    def migrate(self) -> list[str]:
        return self._database.migrate()

    def snapshot_table(self) -> SnapshotTable:
        """A place for snapshots in the database, for those who have no disk of their own."""
        return SnapshotTable(self._database)

    # looking at many

    def logs(
        self, pattern: Pattern | None = None, *, archived: bool = False, after: str = "", limit: int = PAGE
    ) -> list[Named]:
        """The logs whose names come after `after` and match, by name, at most `limit`; raises `InvalidPattern`.

        The last one's name is where the next page begins.
        """
        return self._page(_LOGS, {"archived": archived}, "name", pattern, after, limit)

    def count_logs(self, pattern: Pattern | None = None, *, archived: bool = False) -> int:
        """How many logs match; raises `InvalidPattern`."""
        return self._count("{schema}.cqrs_logs WHERE archived = %(archived)s", {"archived": archived}, "name", pattern)

    def streams(self, name: str, pattern: Pattern | None = None, *, after: str = "", limit: int = PAGE) -> list[Named]:
        """The streams of a log, as `logs` gives logs; raises `LogNotFound` too."""
        key, _ = self._found(check_log_name(name), archived=False)
        return self._page(_STREAMS, {"log": key}, "stream", pattern, after, limit)

    def count_streams(self, name: str, pattern: Pattern | None = None) -> int:
        """How many streams of a log match; raises `LogNotFound`, and `InvalidPattern`."""
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
        """What a query gives whose `{matches}` makes room for the pattern that the column must match."""
        matches = "" if pattern is None else f"AND {key} {pattern.operator.value} %(pattern)s"
        values |= {} if pattern is None else {"pattern": pattern.text}

        def work(connection: Connection) -> list[Any]:
            try:
                return connection.execute(self._database.sql(query.replace("{matches}", matches)), values).fetchall()
            except psycopg.DataError as error:
                raise InvalidPattern(error.diag.message_primary or str(error)) from error

        return self._database.run(work)

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        name = check_log_name(name)
        read, header, steps = _checked(lines)

        def work(connection: Connection) -> int:
            with connection.transaction():
                self._take_name(connection, name)
                other = connection.execute(self._database.sql(_OTHER), (read.id, name)).fetchone()
                if other is not None:
                    told = f"the log {other[0]} of this store is the one that these lines are"
                    raise ImportRefused(f"{told}: a second one would be a copy; nothing was imported")
                made = connection.execute(self._database.sql(_INSERT), (read.id, name, header)).fetchone()
                key, kept = made or connection.execute(self._database.sql(_FOUND), (name, False)).fetchone() or (0, "")
                known = connection.execute(self._database.sql(_LINES), (key,)).fetchall()
                same = all(line.decode() == row[0] for (_, _, line), row in zip(steps, known, strict=False))
                if not same or kept != header:
                    raise ImportRefused(f"{name} has another history than these lines; nothing was imported")
                try:
                    answer = send_all(connection, self._database, log=key, steps=steps[len(known) :])
                except psycopg.DataError as error:
                    raise ImportRefused(f"{error.diag.message_primary or error}; nothing was imported") from error
                if answer == "known":
                    raise ImportRefused("a command id stands in two of these lines; nothing was imported")
                if answer != "recorded":
                    raise ImportRefused(f"{name} was changed meanwhile; nothing was imported")
            return max(0, len(steps) - len(known))

        return self._database.run(work, writes=True)

    def _found(self, name: str, *, archived: bool) -> tuple[int, bytes]:
        """The key of a log in the tables, and its header."""
        rows = self._database.rows(_FOUND, (name, archived))
        if not rows:
            raise LogNotFound(name)
        return rows[0][0], rows[0][1].encode()

    def _update(self, statement: str, values: tuple[Any, ...], old: str, new: str) -> None:
        def work(connection: Connection) -> None:
            try:
                with connection.transaction():
                    self._take_name(connection, new, instead_of=old)
                    if connection.execute(self._database.sql(statement), values).rowcount == 0:
                        raise LogNotFound(old)
            except psycopg.errors.UniqueViolation:
                raise LogExists(new) from None

        self._database.run(work, writes=True)

    def _take_name(self, connection: Connection, name: str, *, instead_of: str | None = None) -> None:
        """Raise `LogExists` if another log's name differs from a name only by case.

        Until the transaction is over nobody else can name a log.
        """
        connection.execute(self._database.sql(_HOLD_NAMES))
        key = name_key(name)
        for (other,) in connection.execute(self._database.sql(_NAMES), ()):
            if name_key(other) == key and other not in (name, instead_of):
                raise LogExists(other, name)


def _forget(logs: Sequence[Log]) -> None:
    """Let logs forget what they hold for recorded, after a transaction that may have been rolled back."""
    for log in logs:
        if isinstance(log, PostgresLog):
            log.forget()


def _good(rows: Iterable[tuple[str, int]], walk: Walk) -> tuple[list[tuple[bytes, CommitLine, bytes]], InvalidLine | None]:
    """The lines that come next in a walk, decoded, with their sums, up to the first bad one, and what is bad about that."""
    good: list[tuple[bytes, CommitLine, bytes]] = []
    try:
        for batch in walk.over(["".join(f"{line}\n" for line, _ in rows).encode()]):
            good += zip(batch.lines, batch.commits, batch.sums, strict=True)
    except InvalidLine as error:
        return good, error
    return good, None


def _checked(lines: Iterable[bytes]) -> tuple[Header, str, list[Step]]:
    """The header of a log, as it reads and as it stands, and its lines; raises `ImportRefused` where they are no log.

    It stops at the first line that is wrong: what comes after it may be endless.
    """
    rest = iter(lines)
    header = next(rest, b"").removesuffix(b"\n")
    steps: list[Step] = []
    versions = Versions()

    def follow(position: int, commits: Sequence[CommitLine]) -> int:
        if not all(storable(commit.command, (event.stream for event in commit.events)) for commit in commits):
            raise InvalidLine(NOT_STORABLE)
        return versions.pass_over(position, commits)

    walk = Walk(Spot(0, 0, NO_SUM, 0), follow, decode_lines)
    try:
        read, sum = decode_header(header)
        if read.newer:
            newer = f"the log was made by a newer program: its format {read.version} is newer than this program's"
            raise ImportRefused(f"{newer}; nothing was imported")
        walk.spot = Spot(1, len(header) + 1, sum, 0)
        chunks = iter(lambda: b"".join(line.removesuffix(b"\n") + b"\n" for line in islice(rest, BATCH)), b"")
        for batch in walk.over(chunks):
            for line, commit, after in zip(batch.lines, batch.commits, batch.sums, strict=True):
                steps.append((commit.position - 1, sum, line[:-1]))
                sum = after
    except InvalidLine as error:
        raise ImportRefused(f"line {walk.spot.line + 1}: {error}; nothing was imported") from error
    return read, header.decode(), steps


_INSERT = """
    INSERT INTO {schema}.cqrs_logs (id, name, header) VALUES (%s, %s, %s) ON CONFLICT (name, archived) DO NOTHING
    RETURNING key, header
"""
_OTHER = "SELECT name FROM {schema}.cqrs_logs WHERE id = %s AND (name <> %s OR archived) LIMIT 1"
_HOLD_NAMES = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cqrs names', 0))"
_NAMES = "SELECT name FROM {schema}.cqrs_logs"
_FOUND = "SELECT key, header FROM {schema}.cqrs_logs WHERE name = %s AND archived = %s"
_LINES = "SELECT line FROM {schema}.cqrs_commits WHERE log = %s ORDER BY position"
_LINES_AFTER = "SELECT line, position FROM {schema}.cqrs_commits WHERE log = %s AND last > %s ORDER BY position LIMIT %s"
_WRONG = """
    SELECT min(position) FROM {schema}.cqrs_commits AS kept,
    LATERAL (SELECT {schema}.cqrs_document(line) AS document) AS said
    WHERE log = %s AND position > %s AND position <= %s AND (
        position = (document->>'position')::bigint
        AND last = position + jsonb_array_length(document->'events') - 1
        AND (command, author, sum) = (document->>'command', document->>'by', document->>'sum')
        AND at = (document->>'at')::timestamptz
        AND meta::text = coalesce(document->'meta', '{}')::text
        AND NOT EXISTS (
            (SELECT position, id, stream, version, type, data::text FROM {schema}.cqrs_events
             WHERE cqrs_events.log = kept.log AND commit = kept.position
             EXCEPT ALL SELECT place, id, stream, version, type, data::text FROM {schema}.cqrs_events_in(document))
            UNION ALL
            (SELECT place, id, stream, version, type, data::text FROM {schema}.cqrs_events_in(document)
             EXCEPT ALL SELECT position, id, stream, version, type, data::text FROM {schema}.cqrs_events
             WHERE cqrs_events.log = kept.log AND commit = kept.position)
        )
    ) IS NOT TRUE
"""
_ALONE = """
    SELECT min(position) FROM {schema}.cqrs_events AS event WHERE log = %s AND NOT EXISTS (
        SELECT FROM {schema}.cqrs_commits AS kept WHERE kept.log = event.log AND kept.position = event.commit
    )
"""
_LOGS = """
    SELECT name, (SELECT coalesce(max(last), 0) FROM {schema}.cqrs_commits WHERE log = key) FROM {schema}.cqrs_logs
    WHERE archived = %(archived)s AND name > %(after)s {matches} ORDER BY name LIMIT %(limit)s
"""
_STREAMS = """
    SELECT stream, max(version) FROM {schema}.cqrs_events
    WHERE log = %(log)s AND stream > %(after)s {matches} GROUP BY stream ORDER BY stream LIMIT %(limit)s
"""
