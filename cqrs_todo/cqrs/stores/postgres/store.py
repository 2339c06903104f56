"""Logs by name in a database, and the checkpoints of reactions to them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, TypeVar

import psycopg

from ...core import (
    Checkpoints,
    Damage,
    DamagedLog,
    EventTypes,
    Log,
    LogExists,
    LogNotFound,
    Rejected,
    Repair,
    Store,
    Verdict,
    check_log_name,
)
from ...struct import Struct
from ..chain import Versions, verified
from ..format import FORMAT, VERSION, Header, InvalidLine, decode_header, encode_header
from .database import Connection, Database
from .kept import PostgresCheckpoints, SnapshotTable
from .log import BATCH, PostgresLog, Step, send_all

T = TypeVar("T")
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


class _Beside(NamedTuple):
    """What the tables say of a line that they hold."""

    position: int
    last: int
    sum: str
    command: str
    events: list[Any] | None


class PostgresStore(Store):
    """Logs in the database that a URL names. Nothing is connected before it is needed."""

    def __init__(self, url: str, types: EventTypes) -> None:
        self._database = Database(url)
        self.url = self._database.address
        self._types = types

    def names(self, *, archived: bool = False) -> list[str]:
        rows = self._database.rows("SELECT name FROM cqrs_logs WHERE archived = %s", (archived,))
        return sorted(name for (name,) in rows)

    def create(self, name: str, at: datetime) -> Log:
        name = check_log_name(name)
        id = os.urandom(16).hex()
        header = encode_header(Header(FORMAT, VERSION, id, name, at))[:-1].decode()

        def work(connection: Connection) -> None:
            connection.execute(_INSERT.encode(), (id, name, header))

        self._once(work, name)
        return self.open(name)

    def open(self, name: str) -> Log:
        name = check_log_name(name)
        key, header = self._found(name, archived=False)
        read, sum = decode_header(header)
        return PostgresLog(self._database, key, name, read, sum, self._types, self.progress)

    def rename(self, old: str, new: str) -> None:
        old, new = check_log_name(old), check_log_name(new)
        if old == new:
            self._found(old, archived=False)
            raise LogExists(new)
        self._update("UPDATE cqrs_logs SET name = %s WHERE name = %s AND NOT archived", (new, old), old, new)

    def archive(self, name: str) -> None:
        name = check_log_name(name)
        self._update("UPDATE cqrs_logs SET archived = true WHERE name = %s AND NOT archived", (name,), name, name)

    def unarchive(self, name: str) -> None:
        name = check_log_name(name)
        self._update("UPDATE cqrs_logs SET archived = false WHERE name = %s AND archived", (name,), name, name)

    def close(self) -> None:
        self._database.close()

    def checkpoints(self) -> Checkpoints:
        return PostgresCheckpoints(self._database)

    def verify(self, name: str, *, archived: bool = False) -> Verdict:
        key, header = self._found(check_log_name(name), archived=archived)
        ((total,),) = self._database.rows("SELECT count(*) FROM cqrs_commits WHERE log = %s", (key,))
        position = commits = byte = 0
        sum = b""
        versions = Versions()
        beside: deque[_Beside] = deque()
        try:
            _, sum = decode_header(header)
            byte = len(header) + 1
            for line, commit, after in verified(self._rows_of(key, beside), 0, sum):
                versions.pass_over(commit.events)
                events = [[event.stream, event.version, event.type] for event in commit.events]
                if beside.popleft() != _Beside(commit.position, commit.last, after.decode(), commit.command, events):
                    raise InvalidLine("the columns and the table of events beside it have others")
                position, sum, commits, byte = commit.last, after, commits + 1, byte + len(line) + 1
                self.progress(commits, total)
        except InvalidLine as error:
            there = beside[0].position if beside else 0
            missing = f"@{position + 1} to @{there - 1} are missing"
            kind, detail = ("missing", missing) if there > position + 1 else ("altered", str(error))
            damage = Damage(commits + 2 if byte else 1, byte, kind, detail)
            return Verdict(position, commits, sum.decode(), damage, max(0, total - commits - 1))
        return Verdict(position, commits, sum.decode())

    def _rows_of(self, key: int, beside: deque["_Beside"]) -> Iterator[bytes]:
        """The lines of a log, and in `beside` what the tables say of each."""
        last = 0
        while rows := self._database.rows(_BESIDE, (key, last, BATCH)):
            for line, *said in rows:
                beside.append(_Beside(*said))
                last = beside[-1].last
                yield line.encode()

    def repair(self, name: str, *, archived: bool = False, dry_run: bool = False) -> Repair | None:
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
        """The logs whose names come after `after` and match, by name, at most `limit`; raises `Rejected` for a pattern.

        The last one's name is where the next page begins.
        """
        return self._page(_LOGS, {"archived": archived}, "name", pattern, after, limit)

    def count_logs(self, pattern: Pattern | None = None, *, archived: bool = False) -> int:
        """How many logs match; raises `Rejected` for a pattern that is none."""
        return self._count("cqrs_logs WHERE archived = %(archived)s", {"archived": archived}, "name", pattern)

    def streams(self, name: str, pattern: Pattern | None = None, *, after: str = "", limit: int = PAGE) -> list[Named]:
        """The streams of a log, as `logs` gives logs; raises `LogNotFound` too."""
        key, _ = self._found(check_log_name(name), archived=False)
        return self._page(_STREAMS, {"log": key}, "stream", pattern, after, limit)

    def count_streams(self, name: str, pattern: Pattern | None = None) -> int:
        """How many streams of a log match; raises `LogNotFound`, and `Rejected` for a pattern that is none."""
        key, _ = self._found(check_log_name(name), archived=False)
        return self._count("cqrs_events WHERE log = %(log)s AND version = 1", {"log": key}, "stream", pattern)

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
                return connection.execute(query.format(matches=matches).encode(), values).fetchall()
            except psycopg.DataError as error:
                raise Rejected(f"{pattern}: {error.diag.message_primary}") from error

        return self._database.run(work)

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        name = check_log_name(name)
        header, *rest = [line.removesuffix(b"\n") for line in lines]
        read, steps = _checked(header, rest)

        def work(connection: Connection) -> int:
            with connection.transaction():
                there = connection.execute(_FOUND.encode(), (name, False)).fetchone()
                if there is None:
                    there = connection.execute(_INSERT.encode(), (read.id, name, header.decode())).fetchone()
                key, kept = there or (0, "")
                known = connection.execute(_LINES.encode(), (key,)).fetchall()
                same = all(line.decode() == row[0] for line, row in zip(rest, known, strict=False))
                if not same or kept != header.decode():
                    raise Rejected(f"{name} has another history than these lines; nothing was imported")
                if not send_all(connection, key, steps[len(known) :]):
                    raise Rejected(f"{name} was changed meanwhile; nothing was imported")
            return max(0, len(rest) - len(known))

        return self._once(work, name)

    def _found(self, name: str, *, archived: bool) -> tuple[int, bytes]:
        """The key of a log in the tables, and its header."""
        rows = self._database.rows(_FOUND, (name, archived))
        if not rows:
            raise LogNotFound(name)
        return rows[0][0], rows[0][1].encode()

    def _update(self, statement: str, values: tuple[Any, ...], old: str, new: str) -> None:
        def work(connection: Connection) -> None:
            if connection.execute(statement.encode(), values).rowcount == 0:
                raise LogNotFound(old)

        self._once(work, new)

    def _once(self, work: Callable[[Connection], T], name: str) -> T:
        """Do what takes a name; raises `LogExists` where that is taken."""

        def tried(connection: Connection) -> T:
            try:
                return work(connection)
            except psycopg.errors.UniqueViolation:
                raise LogExists(name) from None

        return self._database.run(tried)


def _checked(header: bytes, lines: list[bytes]) -> tuple[Header, list[Step]]:
    """The header of a log, and its lines, each with the position and the sum that it follows; raises `Rejected`."""
    steps: list[Step] = []
    try:
        read, sum = decode_header(header)
        position = 0
        for line, commit, after in verified(lines, 0, sum):
            steps.append((position, sum, line))
            position, sum = commit.last, after
    except InvalidLine as error:
        raise Rejected(f"line {len(steps) + 2 if steps else 1}: {error}; nothing was imported") from error
    return read, steps


_INSERT = "INSERT INTO cqrs_logs (id, name, header) VALUES (%s, %s, %s) RETURNING key, header"
_FOUND = "SELECT key, header FROM cqrs_logs WHERE name = %s AND archived = %s"
_LINES = "SELECT line FROM cqrs_commits WHERE log = %s ORDER BY position"
_BESIDE = """
    SELECT line, position, last, sum, command, (
        SELECT jsonb_agg(jsonb_build_array(stream, version, type) ORDER BY cqrs_events.position) FROM cqrs_events
        WHERE cqrs_events.log = cqrs_commits.log AND commit = cqrs_commits.position
    )
    FROM cqrs_commits WHERE log = %s AND last > %s ORDER BY position LIMIT %s
"""
_LOGS = """
    SELECT name, (SELECT coalesce(max(last), 0) FROM cqrs_commits WHERE log = key) FROM cqrs_logs
    WHERE archived = %(archived)s AND name > %(after)s {matches} ORDER BY name LIMIT %(limit)s
"""
_STREAMS = """
    SELECT stream, max(version) FROM cqrs_events
    WHERE log = %(log)s AND stream > %(after)s {matches} GROUP BY stream ORDER BY stream LIMIT %(limit)s
"""
