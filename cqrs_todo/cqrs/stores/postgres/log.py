"""One log in the tables: its lines as in a file, verified by the same sums as they are read."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from ...core import (
    Append,
    Commit,
    EventTypes,
    Log,
    LogBusy,
    LogNotFound,
    Mark,
    Metadata,
    Place,
    StaleMark,
    WrongExpectedVersion,
    position_of,
    record,
    repeated,
)
from ..format import Codec, CommitLine, InvalidLine, decode_line, sum_in, sum_of
from .database import Connection, Database

BATCH = 500
"""How many commits are fetched at once."""
_BEHIND = 100
"""How often an append begins anew because others were quicker, before that is told."""
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

_FORWARD = """
    SELECT line, last FROM cqrs_commits WHERE log = %(log)s AND last > %(since)s ORDER BY position LIMIT %(batch)s
"""
_BACKWARD = """
    SELECT line, sum, position FROM cqrs_commits
    WHERE log = %(log)s AND position < %(before)s ORDER BY position DESC LIMIT %(batch)s
"""


def _nothing_before(_stream: str) -> int:
    return 0


def verified(lines: Iterable[bytes], position: int, sum: bytes) -> Iterator[tuple[bytes, CommitLine, bytes]]:
    """Lines that follow a position and the line with that sum, decoded, with their sums; raises `InvalidLine`."""
    for line in lines:
        sum = sum_of(sum, line)
        commit = decode_line(line)
        if commit.position != position + 1:
            raise InvalidLine(f"position {commit.position} follows {position}")
        position = commit.last
        yield line, commit, sum


def send(connection: Connection, *, log: str, head: int, before: bytes, line: bytes) -> tuple[str, str]:
    """Append a line after position `head`, whose sum is `before`; how that went, as the function in the schema says."""
    queried = _NUL.sub(rb"\1\\ufffd", line).decode()  # jsonb knows no NUL; the line keeps it
    values = (log, head, before.decode(), line.decode(), (sum_in(line) or b"").decode(), queried)
    row = connection.execute("SELECT * FROM cqrs_append(%s, %s, %s, %s, %s, %s)", values).fetchone()
    if row is None:
        raise AssertionError("cqrs_append gives one row")
    return row[0], row[1]


class PostgresLog(Log):
    """A log in PostgreSQL. Readers fetch what is new, some hundred commits at a time; an append is one round trip."""

    def __init__(self, database: Database, id: str, name: str, created: datetime, sum: bytes, types: EventTypes) -> None:
        super().__init__(id, name, created)
        self._database = database
        self._codec = Codec(types)
        self._types = types
        self._beginning = sum
        self._go_to(0, sum, _nothing_before)

    def _go_to(self, position: int, sum: bytes, before: Callable[[str], int]) -> None:
        """Begin at a place; `before` gives the versions that streams had there."""
        self._position, self._sum, self._before = position, sum, before
        self._versions: dict[str, int] = {}

    # reading

    def commits(self, since: Place = 0) -> Iterator[Commit]:
        if isinstance(since, Mark):
            self._check(since)
            if since.position > self._position:
                self._go_to(since.position, since.token.encode(), since.versions)
        start = position_of(since)
        position, sum = (self._position, self._sum) if start >= self._position else (0, self._beginning)
        for _, commit, after in self._read(position, sum):
            if commit.last > start:
                yield self._codec.commit(commit, after)

    def commits_backward(self, before: int | Mark | None = None) -> Iterator[Commit]:
        if isinstance(before, Mark):
            self._check(before)
            before = before.position + 1
        end = 2**62 if before is None else before
        while True:
            values = {"log": self.id, "before": end, "batch": BATCH}
            rows = self._database.rows(_BACKWARD, values)
            for line, sum, _ in rows:
                yield self._codec.commit(decode_line(line.encode()), sum.encode())
            if len(rows) < BATCH:
                return
            end = rows[-1][2]

    def lines(self) -> Iterator[bytes]:
        ((header,),) = self._database.rows("SELECT header FROM cqrs_logs WHERE id = %s", (self.id,))
        yield header.encode() + b"\n"
        for line, _, _ in self._read(0, self._beginning):
            yield line + b"\n"

    def mark(self) -> Mark:
        position = self._position

        def version_then(stream: str) -> int:
            query = "SELECT max(version) FROM cqrs_events WHERE log = %s AND stream = %s AND position <= %s"
            ((version,),) = self._database.rows(query, (self.id, stream, position))
            return version or 0

        return Mark(position, self._sum.decode(), version_then)

    def sync(self) -> None:
        return None  # what can be read there was committed

    def _check(self, mark: Mark) -> None:
        """Raise `StaleMark` unless the log is what it was at a mark."""
        if mark.position == 0:
            stands = mark.token == self._beginning.decode()
        elif (mark.position, mark.token) == (self._position, self._sum.decode()):
            return
        else:
            query = "SELECT sum FROM cqrs_commits WHERE log = %s AND last = %s"
            stands = self._database.rows(query, (self.id, mark.position)) == [(mark.token,)]
        if not stands:
            raise StaleMark(f"{self.name} is not what it was at @{mark.position}")

    def _read(self, position: int, sum: bytes) -> Iterator[tuple[bytes, CommitLine, bytes]]:
        """The verified lines after a position that the line with that sum ended at, decoded, with their sums."""
        self.damage = None
        try:
            for line, commit, after in verified(self._lines(position), position, sum):
                if position == self._position:
                    self._pass_over(commit, after)
                position = commit.last
                yield line, commit, after
        except InvalidLine as error:
            self.damage = f"{self._database.address}, {self.name} is damaged after @{position}: {error}"
            self.notices.append(f"{self.damage}; what stands before it is shown")

    def _lines(self, since: int) -> Iterator[bytes]:
        """The lines after a position, some hundred at a time."""
        while True:
            rows = self._database.rows(_FORWARD, {"log": self.id, "since": since, "batch": BATCH})
            for line, _ in rows:
                yield line.encode()
            if len(rows) < BATCH:
                return
            since = rows[-1][1]

    def _pass_over(self, commit: CommitLine, sum: bytes) -> None:
        self._versions.update((event.stream, event.version) for event in commit.events)
        self._position, self._sum = commit.last, sum

    def _catch_up(self) -> None:
        for _ in self._read(self._position, self._sum):
            pass

    # writing

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        for _ in range(_BEHIND):
            versions = {
                append.stream: self._versions.get(append.stream) or self._before(append.stream) for append in appends
            }
            try:
                commit = record(appends, metadata, self._types, self._position, versions)
            except WrongExpectedVersion:
                # others may have gone on, or this very command been recorded: only what is there now counts
                known = self._known(metadata.command)
                if known is not None:
                    return repeated(known, appends)
                position = self._position
                self._catch_up()
                if self._position == position:
                    raise
                continue
            line, read, recorded = self._codec.encode(commit, self._sum)
            sent = partial(send, log=self.id, head=self._position, before=self._sum, line=line[:-1])
            status, known_line = self._database.run(sent, writes=True)
            if status == "recorded":
                self._pass_over(read, recorded.sum.encode())
                return recorded
            if status == "known":
                return repeated(self._decoded(known_line), appends)
            if status == "gone":
                raise LogNotFound(self.name)
            self._catch_up()
        raise LogBusy(f"{self._database.address}: others were quicker {_BEHIND} times; nothing was recorded")

    def _known(self, command: str) -> Commit | None:
        rows = self._database.rows("SELECT line FROM cqrs_commits WHERE log = %s AND command = %s", (self.id, command))
        return self._decoded(rows[0][0]) if rows else None

    def _decoded(self, line: str) -> Commit:
        encoded = line.encode()
        return self._codec.commit(decode_line(encoded), sum_in(encoded) or b"")
