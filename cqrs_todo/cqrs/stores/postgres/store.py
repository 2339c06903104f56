"""Logs by name in a database, and the checkpoints of reactions to them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from ...core import (
    Checkpoints,
    Damage,
    EventTypes,
    Log,
    LogExists,
    LogNotFound,
    Progress,
    Rejected,
    Store,
    Verdict,
    check_log_name,
    no_progress,
)
from ..format import FORMAT, VERSION, Header, InvalidLine, decode_header, encode_header
from .database import Connection, Database
from .log import BATCH, PostgresLog, send, verified

T = TypeVar("T")


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
        id, header = self._found(name, archived=False)
        read, sum = decode_header(header)
        return PostgresLog(self._database, id, name, read.created, sum, self._types)

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

    def verify(self, name: str, *, archived: bool = False, progress: Progress = no_progress) -> Verdict:
        id, header = self._found(check_log_name(name), archived=archived)
        ((total,),) = self._database.rows("SELECT count(*) FROM cqrs_commits WHERE log = %s", (id,))
        position = commits = byte = 0
        sum = b""
        versions: dict[str, int] = {}
        asked: deque[Any] = deque()
        try:
            _, sum = decode_header(header)
            byte = len(header) + 1
            for line, commit, after in verified(self._both(id, asked), 0, sum):
                for event in commit.events:
                    known = versions.get(event.stream, 0)
                    if event.version != known + 1:
                        raise InvalidLine(f"version {event.version} of {event.stream} follows {known}")
                    versions[event.stream] = event.version
                if asked.popleft() != [[event.stream, event.version, event.type] for event in commit.events]:
                    raise InvalidLine("the table of events has others")
                position, sum, commits, byte = commit.last, after, commits + 1, byte + len(line) + 1
                progress(commits, total)
        except InvalidLine as error:
            damage = Damage(commits + 2 if byte else 1, byte, "altered", str(error))
            return Verdict(position, commits, sum.decode(), damage, max(0, total - commits - 1))
        return Verdict(position, commits, sum.decode())

    def _both(self, id: str, asked: deque[Any]) -> Iterator[bytes]:
        """The lines of a log, and in `asked` what the table of events says of each."""
        position = 0
        while rows := self._database.rows(_BOTH, {"log": id, "since": position, "batch": BATCH}):
            for line, events, last in rows:
                asked.append(events)
                position = last
                yield line.encode()

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        name = check_log_name(name)
        header, *rest = [line.removesuffix(b"\n") for line in lines]
        read, steps = _checked(header, rest)

        def work(connection: Connection) -> int:
            with connection.transaction():
                there = connection.execute(_HEADER.encode(), (name,)).fetchone()
                if there is None:
                    connection.execute(_INSERT.encode(), (read.id, name, header.decode()))
                known = connection.execute(_LINES.encode(), (read.id,)).fetchall()
                same = all(line.decode() == row[0] for line, row in zip(rest, known, strict=False))
                if not same or there not in (None, (header.decode(),)):
                    raise Rejected(f"{name} has another history than these lines; nothing was imported")
                for position, sum, line in steps[len(known) :]:
                    status, _ = send(connection, log=read.id, head=position, before=sum, line=line)
                    if status != "recorded":
                        raise Rejected(f"{name} was changed meanwhile; nothing was imported")
            return max(0, len(rest) - len(known))

        return self._once(work, name)

    def _found(self, name: str, *, archived: bool) -> tuple[str, bytes]:
        rows = self._database.rows("SELECT id, header FROM cqrs_logs WHERE name = %s AND archived = %s", (name, archived))
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


def _checked(header: bytes, lines: list[bytes]) -> tuple[Header, list[tuple[int, bytes, bytes]]]:
    """The header of a log, and its lines, each with the position and the sum that it follows; raises `Rejected`."""
    steps: list[tuple[int, bytes, bytes]] = []
    try:
        read, sum = decode_header(header)
        position = 0
        for line, commit, after in verified(lines, 0, sum):
            steps.append((position, sum, line))
            position, sum = commit.last, after
    except InvalidLine as error:
        raise Rejected(f"line {len(steps) + 2 if steps else 1}: {error}; nothing was imported") from error
    return read, steps


_INSERT = "INSERT INTO cqrs_logs (id, name, header) VALUES (%s, %s, %s)"
_HEADER = "SELECT header FROM cqrs_logs WHERE name = %s AND NOT archived"
_LINES = "SELECT line FROM cqrs_commits WHERE log = %s ORDER BY position"
_BOTH = """
    SELECT line, (
        SELECT jsonb_agg(jsonb_build_array(stream, version, type) ORDER BY position) FROM cqrs_events
        WHERE cqrs_events.log = cqrs_commits.log AND commit = cqrs_commits.position
    ), last
    FROM cqrs_commits WHERE log = %(log)s AND last > %(since)s ORDER BY position LIMIT %(batch)s
"""
_KEEP = """
    INSERT INTO cqrs_checkpoints (reaction, log, position) VALUES (%s, %s, %s)
    ON CONFLICT (reaction, log) DO UPDATE SET position = excluded.position
"""


class PostgresCheckpoints(Checkpoints):
    """Positions in a table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, reaction: str, log_id: str) -> int:
        query = "SELECT position FROM cqrs_checkpoints WHERE reaction = %s AND log = %s"
        rows = self._database.rows(query, (check_log_name(reaction), log_id))
        return rows[0][0] if rows else 0

    def save(self, reaction: str, log_id: str, position: int) -> None:
        values = (check_log_name(reaction), log_id, position)
        self._database.run(lambda connection: connection.execute(_KEEP.encode(), values))
