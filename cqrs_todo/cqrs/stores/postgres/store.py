"""Logs by name in a database, and the checkpoints of reactions to them."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

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
from ..format import FORMAT, VERSION, Header, InvalidLine, decode_header, decode_line, encode_header, sum_of
from .database import Connection, Database
from .log import BATCH, PostgresLog


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
            connection.execute("INSERT INTO cqrs_logs (id, name, header) VALUES (%s, %s, %s)", (id, name, header))

        self._change(work, name)
        return self.open(name)

    def open(self, name: str) -> Log:
        name = check_log_name(name)
        id, header = self._found(name, archived=False)
        read, sum = decode_header(header)
        return PostgresLog(self._database, id, name, read.created, sum, self._types)

    def rename(self, old: str, new: str) -> None:
        old, new = check_log_name(old), check_log_name(new)
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
        position = commits = 0
        try:
            _, sum = decode_header(header)
        except InvalidLine as error:
            return Verdict(0, 0, "", Damage(1, 0, "altered", str(error)), total)
        versions: dict[str, int] = {}
        byte = len(header) + 1
        while True:
            rows = self._database.rows(_COMMITS, {"log": id, "since": position, "batch": BATCH})
            for text, asked in rows:
                line = text.encode()
                try:
                    after = sum_of(sum, line)
                    commit = decode_line(line)
                    if commit.position != position + 1:
                        raise InvalidLine(f"position {commit.position} follows {position}")
                    for event in commit.events:
                        if event.version != versions.get(event.stream, 0) + 1:
                            raise InvalidLine(
                                f"version {event.version} of {event.stream} follows {versions.get(event.stream, 0)}"
                            )
                        versions[event.stream] = event.version
                    if asked != [[event.stream, event.version, event.type] for event in commit.events]:
                        raise InvalidLine("its events in the table of events are others")
                except InvalidLine as error:
                    damage = Damage(commits + 2, byte, "altered", str(error))
                    return Verdict(position, commits, sum.decode(), damage, total - commits - 1)
                position, sum, commits, byte = commit.last, after, commits + 1, byte + len(line) + 1
            progress(commits, total)
            if len(rows) < BATCH:
                return Verdict(position, commits, sum.decode())

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        raise Rejected(f"{self.url} can't take the lines of a log")

    def _found(self, name: str, *, archived: bool) -> tuple[str, bytes]:
        rows = self._database.rows("SELECT id, header FROM cqrs_logs WHERE name = %s AND archived = %s", (name, archived))
        if not rows:
            raise LogNotFound(name)
        return rows[0][0], rows[0][1].encode()

    def _update(self, statement: str, values: tuple[Any, ...], old: str, new: str) -> None:
        def work(connection: Connection) -> None:
            if connection.execute(statement.encode(), values).rowcount == 0:
                raise LogNotFound(old)

        self._change(work, new)

    def _change(self, work: Callable[[Connection], None], name: str) -> None:
        def unique(connection: Connection) -> None:
            try:
                work(connection)
            except psycopg.errors.UniqueViolation:
                raise LogExists(name) from None

        self._database.run(unique)


_COMMITS = """
    SELECT line, (
        SELECT jsonb_agg(jsonb_build_array(stream, version, type) ORDER BY position) FROM cqrs_events
        WHERE cqrs_events.log = cqrs_commits.log AND commit = cqrs_commits.position
    )
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
