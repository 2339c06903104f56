"""One log in the tables: its lines as in a file, verified by the same sums as they are read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from ...errors import DamagedLog, LogBusy, LogNotFound, ReadOnlyLog, StaleMark, WrongExpectedVersion
from ...events import Commit, EventTypes, Metadata
from ...store import Append, Mark, Place, Progress, position_of, record, repeated
from ..chain import Batch, ChainedLog, Spot, Versions, verified_backward
from ..format import Header, InvalidLine, decode_line
from ..seals import sum_in
from ..signals import signals_held
from .database import Connection, Database

BATCH = 500
"""How many commits are fetched at once."""

_FORWARD = """
    SELECT line, last, sum FROM {schema}.cqrs_commits WHERE log = %s AND last >= %s ORDER BY position LIMIT %s
"""
_BACKWARD = """
    SELECT line, position FROM {schema}.cqrs_commits WHERE log = %s AND position < %s ORDER BY position DESC LIMIT %s
"""
_VERSION_THEN = "SELECT max(version) FROM {schema}.cqrs_events WHERE log = %s AND stream = %s AND position <= %s"
_APPEND = "SELECT status, known FROM {schema}.cqrs_append(%s::bigint, %s::bigint, %s::text, %s::text, %s::text)"
_HOLD = "SELECT {schema}.cqrs_hold(%s::bigint)"
_LAST = "SELECT max(last) FROM {schema}.cqrs_commits WHERE log = %s"
_KNOWN = "SELECT line FROM {schema}.cqrs_commits WHERE log = %s AND command = %s"


NOT_STORABLE = "PostgreSQL knows no NUL in the name of a stream or the id of a command"


def storable(command: str, streams: Iterable[str]) -> bool:
    """Whether a commit can stand in the tables, by its command id and the streams that it names."""
    return not any("\0" in name for name in (command, *streams))


class _Row(NamedTuple):
    line: str
    last: int
    sum: str


def _spot(position: int, sum: bytes) -> Spot:
    """A spot in tables, where neither lines nor bytes are counted."""
    return Spot(0, 0, sum, position)


Step: TypeAlias = tuple[int, bytes, bytes]
"""A line to append, without its LF, after the position and the sum that come first."""


def _values(log: int, step: Step) -> tuple[int | str, ...]:
    """What the function in the schema that appends is given."""
    head, before, line = step
    return log, head, before.decode(), line.decode(), (sum_in(line) or b"").decode()


def _send(connection: Connection, database: Database, *, log: int, step: Step) -> tuple[str, str]:
    """Append a line; the answer is that of the function in the schema."""
    row = connection.execute(database.sql(_APPEND), _values(log, step)).fetchone()
    if row is None:
        raise AssertionError("cqrs_append gives one row")
    return row[0], row[1]


def send_all(connection: Connection, database: Database, *, log: int, steps: Sequence[Step]) -> str:
    """Append lines one after the other, without waiting for the answer to each; the first answer that isn't 'recorded'."""
    cursor = connection.cursor()
    cursor.executemany(database.sql(_APPEND), [_values(log, step) for step in steps], returning=True)
    answers = (status for results in cursor.results() for status, _ in results)
    return next((status for status in answers if status != "recorded"), "recorded")


class _Encoded(NamedTuple):
    """A commit that is to be appended: as a line, as what is read back from that, and the versions that streams come to."""

    step: Step
    recorded: Commit
    versions: Mapping[str, int]


class PostgresLog(ChainedLog):
    """A log in PostgreSQL. Readers fetch what is new, some hundred commits at a time; an append is one round trip.

    Every command id of the log's whole history is known again.
    """

    def __init__(
        self, database: Database, key: int, name: str, header: Header, sum: bytes, types: EventTypes, progress: Progress
    ) -> None:
        super().__init__(header, name, types)
        self._key = key
        self.read_only = None
        if header.newer:
            self.read_only = f"{name} has format {header.version}, newer than this program: it is read-only"
            self.notices.append(self.read_only)
        self._progress = progress
        self._database = database
        self._beginning = _spot(0, sum)
        self._begin_at(self._beginning, Versions())

    # reading

    def _after(self, since: Place) -> Iterator[Batch]:
        position = position_of(since)
        spot, rows = self._front if position >= self._front.position else self._beginning, None
        if isinstance(since, Mark):
            spot = _spot(position, since.token.encode())
            rows = self._fetch(spot)
            if position > self._front.position:
                self._begin_at(spot, Versions(position, since.versions))
        for batch in self._read(spot, rows):
            later = batch.after(position)
            if later.commits:
                yield later

    def commits_backward(self, before: int | Mark | None = None) -> Iterator[Commit]:
        if isinstance(before, Mark):
            lines = self._lines_backward(before.position + 1)
            newest = next(lines, None)
            if (self._beginning.sum if newest is None else sum_in(newest)) != before.token.encode():
                raise self._stale(before.position)
        else:
            lines = self._lines_backward(before)
            newest = next(lines, None)
        if newest is None:
            return
        sum = sum_in(newest) or b""
        try:
            for commit, after in verified_backward(chain([newest], lines), sum, self._beginning.sum):
                yield self._codec.commit(commit, after)
        except InvalidLine as error:
            raise DamagedLog(f"{self._database.address}, {self.name} is damaged: {error}") from error

    def lines(self) -> Iterator[bytes]:
        ((header,),) = self._database.rows("SELECT header FROM {schema}.cqrs_logs WHERE key = %s", (self._key,))
        yield header.encode() + b"\n"
        for batch in self._read(self._beginning):
            yield from batch.lines

    def mark(self) -> Mark:
        position = self._front.position

        def version_then(stream: str) -> int:
            ((version,),) = self._database.rows(_VERSION_THEN, (self._key, stream, position))
            return version or 0

        return Mark(position, self._front.sum.decode(), version_then)

    def sync(self) -> None:
        return None  # what can be read there was committed

    def _read(self, spot: Spot, rows: list[_Row] | None = None) -> Iterator[Batch]:
        """The verified lines after a spot; `rows` are the first, where they were fetched."""
        self.damage = None
        versions = self._versions
        walk = self._walk(spot, versions)
        try:
            for batch in walk.over(self._chunks(self._fetch(spot) if rows is None else rows)):
                self._go_on(walk, versions)
                yield batch
        except (InvalidLine, StaleMark) as error:
            self.damage = f"{self._database.address}, {self.name} is damaged after @{walk.spot.position}: {error}"
            self._tell(f"{self.damage}; what stands before it is shown")

    def _fetch(self, spot: Spot) -> list[_Row]:
        """Some of the lines after a spot; raises `StaleMark` where the log is not what it was there.

        What it was is looked at in the same round trip: the line that ends there comes with them.
        """
        position, sum = spot.position, spot.sum
        rows = [_Row(*row) for row in self._database.rows(_FORWARD, (self._key, position, BATCH))]
        if position == 0:
            stands = sum == self._beginning.sum
        else:
            stands = bool(rows) and (rows[0].last, rows[0].sum.encode()) == (position, sum)
            if not stands:
                what = "is not what it was" if rows else "is no longer there"
                why = "an older backup, or a replica that has not come so far"
                self._tell(f"{self._database.address}, {self.name}: @{position} {what}: {why}")
            del rows[:1]
        if not stands:
            raise self._stale(position)
        return rows

    def _chunks(self, rows: list[_Row]) -> Iterator[bytes]:
        """The lines in rows and in those that come after them, as many at a time as are fetched."""
        total = 0
        while rows:
            yield "".join(f"{row.line}\n" for row in rows).encode()
            more = len(rows) >= BATCH - 1  # the line before them came with them, but for the first
            if more and not total:
                ((total,),) = self._database.rows(_LAST, (self._key,))
            if total:
                self._progress(rows[-1].last, total)
            rows = self._fetch(_spot(rows[-1].last, rows[-1].sum.encode())) if more else []

    def _lines_backward(self, before: int | None) -> Iterator[bytes]:
        """The lines before a position (None: all), last first."""
        end = 2**62 if before is None else before
        while rows := self._database.rows(_BACKWARD, (self._key, end, BATCH)):
            for line, end in rows:  # noqa: B007  # the last one's position is where the next batch ends
                yield line.encode()

    def _stale(self, position: int) -> StaleMark:
        return StaleMark(f"{self.name} is not what it was at @{position}")

    def _tell(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    # writing

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        if self.read_only is not None:
            raise ReadOnlyLog(self.read_only)
        if not storable(metadata.command, (append.stream for append in appends)):
            raise ValueError(f"can't be recorded: {NOT_STORABLE}")
        commit = self._database.run(partial(self._append_at_once, appends, metadata), writes=True)
        if commit is None:
            self._catch_up()  # so that little is left to read while others wait
            commit = self._database.run(partial(self._append_holding, appends, metadata), writes=True)
        return commit

    def hold(self, connection: Connection) -> None:
        """Let nobody else append until the transaction on this connection ends."""
        connection.execute(self._database.sql(_HOLD), (self._key,))

    def forget(self) -> None:
        """Hold nothing for recorded or read; the next reading begins at the beginning."""
        self._begin_anew()

    def belongs_to(self, database: Database) -> bool:
        """Whether it is kept in that database, and worked on through that connection."""
        return self._database is database

    @property
    def key(self) -> int:
        """What names it in the tables."""
        return self._key

    def _append_at_once(self, appends: Sequence[Append], metadata: Metadata, connection: Connection) -> Commit | None:
        """Append behind what was read, in one round trip; None where others have gone on, or it takes a look to know."""
        try:
            encoded = self._encoded(appends, metadata)
        except WrongExpectedVersion:
            return None
        with signals_held() as came:
            answer = _send(connection, self._database, log=self._key, step=encoded.step)
            return None if answer[0] == "behind" else self._settled(answer, encoded, appends, came)

    def _append_holding(self, appends: Sequence[Append], metadata: Metadata, connection: Connection) -> Commit:
        """Append while nobody else can: whoever was overtaken while looking would be so again and again."""
        with signals_held() as came:
            with connection.transaction():
                self.hold(connection)
                known = self._known(metadata.command)
                if known is not None:
                    return repeated(known, appends)
                self._catch_up()
                encoded = self._encoded(appends, metadata)
                answer = _send(connection, self._database, log=self._key, step=encoded.step)
            return self._settled(answer, encoded, appends, came)

    def _encoded(self, appends: Sequence[Append], metadata: Metadata) -> _Encoded:
        """The commit that follows what was read; raises `WrongExpectedVersion`."""
        versions = {append.stream: self._versions.of(append.stream) for append in appends}
        front = self._front
        commit = record(appends, metadata, self._types, front.position, versions)
        line, recorded = self._codec.encode(commit, front.sum)
        return _Encoded((front.position, front.sum, line[:-1]), recorded, versions)

    def _settled(self, answer: tuple[str, str], encoded: _Encoded, appends: Sequence[Append], came: Sequence[int]) -> Commit:
        """What became of a commit by the server's answer, once the transaction is over; `came` are the signals that wait."""
        status, known = answer
        match status:
            case "recorded":
                recorded = encoded.recorded
                self._versions.go_on(recorded.last, encoded.versions)
                self._front = _spot(recorded.last, recorded.sum.encode())
                if came and not self._database.within_transaction:
                    self._tell(f"@{recorded.position} was recorded before the interruption")
                return recorded
            case "known":
                return repeated(self._decoded(known), appends)
            case "gone":
                raise LogNotFound(self.name)
            case _:
                raise LogBusy(f"{self._database.address}: {self.name} was changed while it was held; nothing was recorded")

    def _catch_up(self) -> None:
        """Read what is new; raises `DamagedLog`."""
        for _ in self._read(self._front):
            pass
        if self.damage is not None:
            raise DamagedLog(f"{self.damage}; nothing was recorded")

    def _known(self, command: str) -> Commit | None:
        rows = self._database.rows(_KNOWN, (self._key, command))
        return self._decoded(rows[0][0]) if rows else None

    def _decoded(self, line: str) -> Commit:
        encoded = line.encode()
        return self._codec.commit(decode_line(encoded), sum_in(encoded) or b"")
