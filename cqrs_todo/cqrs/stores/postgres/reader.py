"""Reading one log in the tables: the same lines as in a file, verified by the same digests."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from ...cursor import Cursor
from ...errors import READ_AGAIN, ConditionFailed, DamagedLog, StaleCursor
from ...events import Commit, EventTypes, Recorded
from ...query import AppendCondition, Query
from ...store import NEVER, Progress, StreamVersions, selected_in
from ..chain import ChainReader, LineBlock, Versions, Walk, verified_backward
from ..format import CommitLine, Header, InvalidLine, decode_header
from ..hash_chain import digest_in
from ..recording import check_condition
from .database import Connection, Database

FETCHED = 500
"""How many commits are fetched at once."""

# by `last`, which is the same order: by `position`, the server may go through all earlier commits in search of the first one
_FORWARD = """
    SELECT line, last, sum FROM {schema}.cqrs_commits WHERE log = %s AND last >= %s ORDER BY last LIMIT %s
"""
_HOLDS = "SELECT 1 FROM {schema}.cqrs_commits WHERE log = %s AND last = %s AND sum = %s"
_BACKWARD = """
    SELECT line, last, position FROM {schema}.cqrs_commits WHERE log = %s AND position < %s ORDER BY position DESC LIMIT %s
"""
_VERSION_THEN = "SELECT max(version) FROM {schema}.cqrs_events WHERE log = %s AND stream = %s AND position <= %s"
# the commits that hold some events, each with the digest before it
LINES = """
    SELECT line,
           (SELECT sum FROM {schema}.cqrs_commits AS before WHERE before.log = this.log AND before.position < this.position
            ORDER BY before.position DESC LIMIT 1)
    FROM {schema}.cqrs_commits AS this
"""
"""Selects lines, each with the digest before it, as `PostgresReader.verified` takes them. A condition follows."""
_HOLDING = f"""{LINES}
    WHERE log = %(log)s
    AND position IN (SELECT commit FROM {{schema}}.cqrs_events WHERE log = %(log)s AND {{events}})
    ORDER BY position {{order}}
"""
_OF_STREAM = "stream = %(stream)s AND version BETWEEN %(first)s AND %(last)s ORDER BY version {order} LIMIT %(limit)s"
_MATCHING = "position > %(since)s AND position <= %(until)s AND ({items}) ORDER BY position ASC LIMIT %(limit)s"
_LATEST_MATCHING = (
    "SELECT max(position) FROM {schema}.cqrs_events WHERE log = %(log)s AND position > %(since)s AND ({items})"
)
_END = "SELECT last, sum FROM {schema}.cqrs_commits WHERE log = %s ORDER BY position DESC LIMIT 1"
_LAST_TWO = "SELECT line, last, sum FROM {schema}.cqrs_commits WHERE log = %s ORDER BY position DESC LIMIT 2"
_LAST = "SELECT max(last) FROM {schema}.cqrs_commits WHERE log = %s"
_HEADER = "SELECT header FROM {schema}.cqrs_logs WHERE key = %s"


class _Row(NamedTuple):
    line: str
    last: int
    sum: str

    @property
    def end(self) -> Cursor:
        """The cursor behind the line. Neither lines nor bytes are counted in tables."""
        return Cursor(self.last, digest=self.sum.encode())


class _VersionsInTable:
    """The versions of the streams at a position, looked up in the table of events."""

    def __init__(self, database: Database, key: int, position: int) -> None:
        self._database = database
        self._key = key
        self._position = position

    def version_of(self, stream: str) -> int:
        ((version,),) = self._database.rows(_VERSION_THEN, (self._key, stream, self._position))
        return version or 0


class PostgresReader(ChainReader):
    """Reads and verifies a log in the tables, some hundred commits at a time.

    Attributes:
        database: The database.
        key: The key of the log in the tables.
        header: The header of the log.
    """

    def __init__(
        self,
        *,
        database: Database,
        key: int,
        name: str,
        header: Header,
        digest: bytes,
        types: EventTypes,
        progress: Progress,
    ) -> None:
        """Begin to read a log.

        Args:
            database: The database.
            key: The key of the log in the tables.
            name: The name of the log.
            header: Its header.
            digest: The digest of its header.
            types: The registered events.
            progress: Is called now and then with the position that was reached and the last one.
        """
        super().__init__(Cursor(0, digest=digest), types)
        self.header = header
        self._searched = self.start
        self.database = database
        self.key = key
        self._name = name
        self._progress = progress

    def blocks(self, since: Cursor, versions: StreamVersions | None = None) -> Iterator[LineBlock]:
        """Read the lines that hold an event after a cursor; see `ChainReader.blocks`."""
        fetched = None
        if since.digest:
            begin = Cursor(since.position, digest=since.digest)
            fetched = self._fetch(begin)
            if begin.position > self.reached.position or (versions is not None and begin == self.reached):
                self._begin_at(begin, versions)
        else:
            begin = self.reached if since.position >= self.reached.position else self.start
        given, start = False, self.start
        try:
            for block in self._read(begin, None if fetched is None else lambda: fetched):
                later = block.after(since.position)
                if later.commits:
                    given = True
                    yield later
        except StaleCursor:
            if since.digest or given or start is self.start:
                raise
            yield from self.blocks(since, versions)  # streams were forgotten before this reading began

    def lines_backward(self, until: Cursor | None) -> Iterator[tuple[CommitLine, bytes]]:
        """Read the decoded lines and their digests, newest first; see `ChainReader.lines_backward`."""
        if until is None or not until.digest:
            self.learn_forgotten()  # the oldest line is verified by the digest of the header
        rows = self._rows_backward(until)
        newest = next(rows, None)
        digest = self.start.digest if newest is None else digest_in(newest[0]) or b""
        end = (0 if newest is None else newest[1], digest)
        if until is not None and until.digest and (until.position, until.digest) != end:
            self.learn_forgotten()
            raise self._stale(until)
        if newest is None:
            return
        lines = (line for line, _ in chain([newest], rows))
        try:
            yield from verified_backward(lines, digest, self.start.digest)
        except InvalidLine as error:
            if self.learn_forgotten():
                raise self._stale_after_forgetting() from error
            raise DamagedLog(f"{self.database.address}, {self._name} is damaged: {error}") from error

    def events(self, stream: str, first: int, last: int, limit: int | None, *, backward: bool) -> Iterator[Recorded]:
        """Read events of one stream.

        Args:
            stream: The name of the stream.
            first: The lowest version.
            last: The highest version.
            limit: How many events to read, as they are recorded. It may give some more. None reads all.
            backward: Whether to read the newest first.

        Raises:
            DamagedLog: A line is not what was written.
        """
        self.learn_forgotten()
        query = _HOLDING.replace("{events}", _OF_STREAM).replace("{order}", "DESC" if backward else "ASC")
        left = NEVER if limit is None else limit
        while first <= last and left > 0:
            wanted = min(left, FETCHED)
            values = {"log": self.key, "stream": stream, "first": first, "last": last, "limit": wanted}
            found = 0
            for line, before in self.database.rows(query, values):
                commit = self.verified(line, before)
                events = [event for event in commit.events if event.stream == stream and first <= event.version <= last]
                yield from reversed(events) if backward else events
                if backward:
                    last = events[0].version - 1
                else:
                    first = events[-1].version + 1
                found += len({event.version for event in events})
            if found < wanted:
                return
            left -= found

    def selected(self, query: Query, since: Cursor) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        """Read the events that a query selects; see `Log.selected`. The server searches for them."""
        if not query.items:
            yield from super().selected(query, since)
            return
        self.damage = None
        if not since.digest:
            self.learn_forgotten()
        end = self._end()
        if since.digest and not self._holds(since):
            self.learn_forgotten()
            raise self._stale(since)
        items, values = self._items(query)
        statement = _HOLDING.replace("{events}", _MATCHING.replace("{items}", items)).replace("{order}", "ASC")
        values |= {"log": self.key, "until": end.position, "limit": FETCHED}
        recorded, reached = query.as_recorded(self.types), since
        while rows := self.database.rows(statement, {**values, "since": reached.position}):
            commits: list[Commit] = []
            try:
                commits.extend(self.verified(line, before) for line, before in rows)
            except DamagedLog as error:
                self.report_damage(str(error))
                if self.reached is not self.start:
                    self.restart()
            found, failure = selected_in(commits, query, recorded, reached.position)
            if failure is not None:
                commits = [commit for commit in commits if commit.last < failure.position]
            if commits:
                reached = self._searched = Cursor(commits[-1].last, digest=commits[-1].sum.encode())
            if commits or found:
                yield found, reached
            if failure is not None:
                raise failure
            if self.damage is not None:
                return
        yield (), end

    def begin_at_end(self) -> None:
        """Verify the last line, and take what comes before it as verified, if nothing was read before.

        Raises:
            DamagedLog: The last line is not what was written.
        """
        if self.reached is not self.start or self.damage is not None:
            return
        self.learn_forgotten()
        rows = self.database.rows(_LAST_TWO, (self.key,))
        if rows:
            (line, last, sum), before = rows[0], rows[1][2] if len(rows) > 1 else None
            self.verified(line, before)
            if digest_in(line.encode()) != sum.encode():
                raise DamagedLog(f"{self.database.address}, {self._name} is damaged: its last digest was altered")
            self._begin_at(Cursor(last, digest=sum.encode()), None)

    def restart(self) -> None:
        """Drop everything that was read; see `ChainReader.restart`."""
        super().restart()
        self._searched = self.start

    def _begin_at(self, begin: Cursor, versions: StreamVersions | None) -> None:
        """Take what comes before a cursor as verified; without the `versions` there, they are looked up."""
        before = versions or _VersionsInTable(self.database, self.key, begin.position).version_of
        self.begin_at(begin, Versions(begin.position, before))

    def _end(self) -> Cursor:
        """Return the cursor at the end of the log as it is now."""
        rows = self.database.rows(_END, (self.key,))
        return Cursor(rows[0][0], digest=rows[0][1].encode()) if rows else self.start

    def has_grown(self, since: Cursor) -> bool:
        """Return whether the log does not end at a cursor; see `Log.has_grown`.

        It can end before the cursor: if it was restored from a backup, or another server has taken over.
        """
        ((last,),) = self.database.rows(_LAST, (self.key,))
        return bool((last or 0) != since.position)

    def _holds(self, cursor: Cursor) -> bool:
        """Return whether the log has a commit that ends at a cursor, with the cursor's digest."""
        if cursor.position == 0:
            return cursor.digest == self.start.digest
        return bool(self.database.rows(_HOLDS, (self.key, cursor.position, cursor.digest.decode())))

    def check(self, condition: AppendCondition | None) -> None:
        """Check the condition of an append against what was recorded up to `reached`.

        Raises:
            ConditionFailed: An event matches the query of the condition.
        """
        if condition is None:
            return
        items, values = self._items(condition.query)  # it refuses types that no event can have
        if condition.after >= self.reached.position:
            return
        values |= {"log": self.key, "since": condition.after, "until": NEVER, "limit": NEVER}
        if self.types.splits:  # an older event may have become none of the types that are wanted
            statement = _HOLDING.replace("{events}", _MATCHING.replace("{items}", items)).replace("{order}", "DESC")
            rows = self.database.rows(statement, values)
            check_condition(condition, self.types, (self.verified(line, before) for line, before in rows))
            return
        ((position,),) = self.database.rows(_LATEST_MATCHING.replace("{items}", items), values)
        if position is not None:
            raise ConditionFailed(position, condition.after)

    def _items(self, query: Query) -> tuple[str, dict[str, Any]]:
        """Return a query as an expression in SQL, and the values that it names."""
        parts: list[str] = []
        values: dict[str, Any] = {}
        for number, item in enumerate(query.items):
            tests = ["true"]
            if item.types:
                tests.append(f"type = ANY(%(types{number})s)")
                values[f"types{number}"] = sorted(self.types.read_as(item.types))
            if item.tags:
                tests.append(f"tags <> '{{}}' AND tags @> %(tags{number})s")
                values[f"tags{number}"] = sorted(item.tags)
            if item.kinds:
                tests.append(f"split_part(stream, '/', 1) = ANY(%(kinds{number})s)")
                values[f"kinds{number}"] = sorted(item.kinds)
            parts.append(f"({' AND '.join(tests)})")
        return " OR ".join(parts) or "true", values

    def verified(self, line: str, before: str | None) -> Commit:
        """Verify a line by the digest before it, None for that of the header; see `ChainReader.verified_commit`."""
        previous = self.start.digest if before is None else before.encode()
        place = f"{self.database.address}, {self._name} is damaged"
        try:
            return self.verified_commit(line.encode(), previous, place)
        except DamagedLog as error:
            if self.learn_forgotten():
                raise self._stale_after_forgetting() from error
            raise

    def lines(self, since: Cursor) -> Iterator[bytes]:
        """Read the lines as they are stored; see `Log.lines`."""
        if since.digest:
            for block in self.blocks(since):
                yield from block.lines
            return
        self.learn_forgotten()
        ((header,),) = self.database.rows(_HEADER, (self.key,))
        yield header.encode() + b"\n"
        for block in self._read(self.start):
            yield from block.lines

    def check_reached(self) -> None:
        """Check that the log still holds everything that was read.

        Raises:
            StaleCursor: It does not.
        """
        for read in (self.reached, self._searched):
            if not self._holds(read):
                self.learn_forgotten()
                raise self._stale(read)

    def ask(self, connection: Connection) -> psycopg.Cursor[TupleRow]:
        """Ask the server for what comes after everything that was read, and do not wait for the answer; see `catch_up`."""
        return connection.execute(self.database.sql(_FORWARD), (self.key, self.reached.position, FETCHED))

    def catch_up(self, asked: psycopg.Cursor[TupleRow] | None = None) -> None:
        """Read and verify what comes after everything that was read.

        Args:
            asked: What `ask` returned, if the server was asked already.

        Raises:
            DamagedLog: The log is damaged there.
        """
        begin = self.reached
        for _ in self._read(begin, None if asked is None else lambda: self._checked(begin, asked.fetchall())):
            pass
        if self.damage is not None:
            raise DamagedLog(f"{self.damage}; nothing was recorded")

    def advance(self, walk: Walk, versions: Versions) -> bool:
        """Move `reached` to where a walk has come to; see `ChainReader.advance`. Neither lines nor bytes are counted."""
        moved = super().advance(walk, versions)
        if moved:
            self.reached = Cursor(walk.cursor.position, digest=walk.cursor.digest)
        return moved

    def _read(self, begin: Cursor, first: Callable[[], list[_Row]] | None = None) -> Iterator[LineBlock]:
        """Read and verify the lines after a cursor; `first` returns the first of them, if the server was asked already."""
        self.damage = None
        start, versions = self.start, self.versions
        walk = self.walk(begin, versions)
        try:
            for block in walk.over(self._chunks(self._fetch(begin) if first is None else first())):
                self.advance(walk, versions)
                yield block
        except (InvalidLine, StaleCursor) as error:
            if self.learn_forgotten() or start is not self.start:
                raise self._stale_after_forgetting() from error
            place = f"{self.database.address}, {self._name} is damaged after @{walk.cursor.position}"
            self.report_damage(f"{place}: {error}")
            if walk.cursor.position < self.reached.position:  # what is behind it was taken as verified: no longer
                self.restart()

    def _fetch(self, begin: Cursor) -> list[_Row]:
        """Fetch some of the lines after a cursor, and check the cursor by the line before it, in the same round trip.

        Raises:
            StaleCursor: The log has changed before the cursor.
        """
        return self._checked(begin, self.database.rows(_FORWARD, (self.key, begin.position, FETCHED)))

    def _checked(self, begin: Cursor, fetched: Sequence[TupleRow]) -> list[_Row]:
        """Return the lines after a cursor, if the line before it is what it was; see `_fetch`."""
        rows = [_Row(*row) for row in fetched]
        if begin.position == 0:
            if begin != self.start and not (self.learn_forgotten() and begin == self.start):
                raise self._stale(begin)
            return rows
        if not rows or rows[0].end != begin:
            what = "is not what it was" if rows else "is no longer there"
            why = "an older backup, or a replica that has not come so far"
            if not self.learn_forgotten() and not self.header.forgotten:
                self.warn(f"{self.database.address}, {self._name}: @{begin.position} {what}: {why}")
            raise self._stale(begin)
        return rows[1:]

    def _chunks(self, rows: list[_Row]) -> Iterator[bytes]:
        """Yield the lines in rows and in those that come after them, as many at a time as are fetched."""
        total = 0
        while rows:
            yield "".join(f"{row.line}\n" for row in rows).encode()
            more = len(rows) >= FETCHED - 1  # except at the start of the log, the line before them was fetched with them
            if more and not total:
                ((total,),) = self.database.rows(_LAST, (self.key,))
            if total:
                self._progress(rows[-1].last, total)
            rows = self._fetch(rows[-1].end) if more else []

    def _rows_backward(self, until: Cursor | None) -> Iterator[tuple[bytes, int]]:
        """Yield the lines that begin at or before a cursor, last one first, each with the position of its last event."""
        end = 2**62 if until is None else until.position + 1
        while rows := self.database.rows(_BACKWARD, (self.key, end, FETCHED)):
            for line, last, end in rows:  # noqa: B007  # the next rows come before the position of the last one
                yield line.encode(), last

    def _stale(self, cursor: Cursor) -> StaleCursor:
        return StaleCursor(f"{self._name} is not what it was at @{cursor.position}", READ_AGAIN)

    def learn_forgotten(self) -> bool:
        """Return whether streams were forgotten since the header was read. Then the next call reads everything again."""
        rows = self.database.rows(_HEADER, (self.key,))
        try:
            read, digest = decode_header(rows[0][0].encode() if rows else b"")
        except InvalidLine:  # the log is gone, or its header was altered
            return False
        if not read.forgets_more_than(self.header):
            return False
        self.header, self.start = read, Cursor(0, digest=digest)
        self.restart()
        return True

    def _stale_after_forgetting(self) -> StaleCursor:
        return StaleCursor(f"events of {self._name} were forgotten meanwhile", READ_AGAIN)
