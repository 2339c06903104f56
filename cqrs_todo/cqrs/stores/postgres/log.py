"""Appending to one log in the tables."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from ...cursor import Cursor
from ...errors import (
    APPEND_AGAIN,
    ConditionFailed,
    DamagedLog,
    LogBusy,
    LogNotFound,
    OutcomeUnknown,
    ReadOnlyLog,
    StaleCursor,
    WrongExpectedVersion,
)
from ...events import Commit, Metadata, Recorded
from ...names import can_be_recorded, check_stream_to_read
from ...operation_errors import ForgottenStream
from ...query import AppendCondition
from ...store import NEVER, Append, at_most, check_append, readable
from ..chain import ChainedLog
from ..format import decode_line
from ..hash_chain import digest_in
from ..recording import record, repeated
from ..signals import delay_signals
from .database import Connection, Database
from .reader import LINES, PostgresReader

_APPEND = """
    SELECT status, known
    FROM {schema}.cqrs_append(%s::bigint, %s::bigint, %s::text, %s::text, %s::text, %s::text[])
"""
_HOLD = "SELECT {schema}.cqrs_hold(%s::bigint)"
_KNOWN = f"{LINES} WHERE log = %s AND command = %s"
# After a crash a server shows commits that its synchronous standbys have not got. Only a transaction that writes waits for
# them, and then for everything before it. A message in the write-ahead log is a write that changes no table.
_AWAIT_STANDBYS = b"""
    SELECT CASE WHEN pg_catalog.current_setting('synchronous_standby_names') <> '' AND NOT pg_catalog.pg_is_in_recovery()
           THEN pg_catalog.pg_logical_emit_message(true, 'cqrs', '') END
"""


Step: TypeAlias = tuple[int, bytes, bytes]
"""A line to append: the position and the digest that it comes after, and the line without its LF."""


def _values(log: int, step: Step, streams: list[str] | None = None) -> tuple[int | str | list[str] | None, ...]:
    """Return the arguments of the function in the schema that appends.

    Args:
        log: The key of the log.
        step: The line.
        streams: If others appended to none of these streams, the line may move behind what they appended. None: it may not.
    """
    position, digest, line = step
    return log, position, digest.decode(), line.decode(), (digest_in(line) or b"").decode(), streams


class Refusal(NamedTuple):
    """The server's answer to the first of some lines that it did not record.

    Attributes:
        place: How many of the lines come before it.
        status: Why it was not recorded; see `cqrs_append` in the schema.
        about: What the server says about that; None if it says nothing.
    """

    place: int
    status: str
    about: str | None


def send_all(connection: Connection, database: Database, *, log: int, steps: Sequence[Step]) -> Refusal | None:
    """Append lines one after the other, without waiting for the answer to each.

    Returns:
        The answer to the first line that was not recorded; None if all were.
    """
    cursor = connection.cursor()
    cursor.executemany(database.sql(_APPEND), [_values(log, step) for step in steps], returning=True)
    answers = (answer for results in cursor.results() for answer in results)
    refusals = (Refusal(place, *answer) for place, answer in enumerate(answers) if answer[0] != "recorded")
    return next(refusals, None)


class _Encoded(NamedTuple):
    """A commit that is to be appended: as a line, as it is when it is decoded again, and the new versions of its streams."""

    step: Step
    recorded: Commit
    versions: Mapping[str, int]


class PostgresLog(ChainedLog):
    """A log in PostgreSQL. An append is one round trip, unless others have meanwhile changed what it depends on.

    It recognises the command ids of all its commits.
    """

    def __init__(self, name: str, reader: PostgresReader) -> None:
        """Open a log.

        Args:
            name: The name of the log.
            reader: Reads it.
        """
        self._database = reader.database
        self._key = reader.key
        self._reader = reader
        super().__init__(reader.header, name, reader)
        if reader.header.newer:
            self.read_only = f"{name} has format {reader.header.version}, which is newer than this program: it is read-only"
            self._reader.warn(self.read_only)

    @property
    def forgotten(self) -> Collection[str]:
        """The streams that were forgotten; see `Log`."""
        return self._reader.header.forgotten

    @property
    def key(self) -> int:
        """The key of the log in the tables."""
        return self._key

    def belongs_to(self, database: Database) -> bool:
        """Return whether the log is read and written through this database object."""
        return self._database is database

    def find_command(self, command: str) -> Commit | None:
        """Find the commit with a command id; see `Log`."""
        if not can_be_recorded(command):
            return None
        while True:
            found = self._database.run(partial(self._line_of, command))
            try:
                return None if found is None else self._reader.verified(*found)
            except StaleCursor:  # streams were forgotten since the header was read, which is read again now
                continue

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        """Read events, oldest first; see `Log`."""
        if stream is None:
            return super().events(since, limit=limit)
        check_stream_to_read(stream)
        return readable(at_most(self._reader.events(stream, since + 1, NEVER, limit, backward=False), limit))

    def events_backward(
        self, before: int | None = None, *, limit: int | None = None, stream: str | None = None
    ) -> Iterator[Recorded]:
        """Read events, newest first; see `Log`."""
        if stream is None:
            return super().events_backward(before, limit=limit)
        check_stream_to_read(stream)
        last = NEVER if before is None else before - 1
        return readable(at_most(self._reader.events(stream, 1, last, limit, backward=True), limit))

    def has_grown(self, since: Cursor) -> bool:
        """Return whether there is something after a cursor; see `Log`."""
        return self._reader.has_grown(since)

    def sync(self) -> None:
        """Wait until the synchronous standbys have what was read, if there are any; see `Log`.

        Raises:
            StaleCursor: The log is not what was read of it: another server has taken over, which never had that.
        """

        def work(connection: Connection) -> None:
            self._reader.check_reached()  # on this connection, which may lead to another server than the one that was read
            connection.execute(_AWAIT_STANDBYS)

        self._database.run(work)

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        """Write a commit; see `Log`."""
        check_append(appends, metadata, condition)
        if self.read_only is not None:
            raise ReadOnlyLog(self.read_only)
        try:
            self._reader.begin_at_end()
            commit = self._database.run(partial(self._append_at_once, appends, metadata, condition), writes=True)
            if commit is not None:
                return commit
            self._reader.catch_up()  # so that little is left to read while others wait
            return self._database.run(partial(self._append_holding, appends, metadata, condition), writes=True)
        except StaleCursor as error:
            raise StaleCursor(f"{error.what}; nothing was recorded", APPEND_AGAIN) from error

    def hold(self, connection: Connection) -> None:
        """Let nobody else append until the transaction on a connection ends."""
        connection.execute(self._database.sql(_HOLD), (self._key,))

    def start_again(self) -> None:
        """Drop everything that was read and written, after a transaction that may have been rolled back."""
        self._reader.restart()

    def _append_at_once(
        self, appends: Sequence[Append], metadata: Metadata, condition: AppendCondition | None, connection: Connection
    ) -> Commit | None:
        """Append in one round trip. None if that is not possible, or not certain to be right.

        The line is made to come right behind what was read. If others have appended to other streams meanwhile, the server
        moves it behind theirs, so that nobody waits for a client while the log is held.
        """
        try:
            self._reader.check(condition)
            encoded = self._encode(appends, metadata)
        except (ConditionFailed, ForgottenStream, WrongExpectedVersion, TypeError, ValueError):
            return None  # if the command was recorded before, its commit is the answer
        streams = [append.stream for append in appends] if condition is None else None
        with delay_signals() as arrived:
            row = connection.execute(self._database.sql(_APPEND), _values(self._key, encoded.step, streams)).fetchone()
            answer = _answer(row)
            if answer[0] == "known":
                connection.execute(_AWAIT_STANDBYS)
            return None if answer[0] == "behind" else self._commit_of(answer, encoded, appends, arrived)

    def _append_holding(
        self, appends: Sequence[Append], metadata: Metadata, condition: AppendCondition | None, connection: Connection
    ) -> Commit:
        """Append while nobody else can. Without that, others might append during every try, again and again.

        Others wait for three round trips: in a pipeline, statements are sent together until an answer is needed.
        """
        with delay_signals() as arrived:
            with connection.pipeline(), connection.transaction():
                self.hold(connection)
                known = connection.execute(self._database.sql(_KNOWN), (self._key, metadata.command))
                later = self._reader.ask(connection)
                row = known.fetchone()
                if row is not None:
                    connection.execute(_AWAIT_STANDBYS)
                    return repeated(self._reader.verified(*row), appends, self._reader.codec)
                self._reader.catch_up(later)
                self._reader.check(condition)
                encoded = self._encode(appends, metadata)
                answer = connection.execute(self._database.sql(_APPEND), _values(self._key, encoded.step))
            return self._commit_of(_answer(answer.fetchone()), encoded, appends, arrived)

    def _line_of(self, command: str, connection: Connection) -> tuple[str, str | None] | None:
        """Return the line that has a command id, when the synchronous standbys have it too. None if there is none.

        Returns:
            The line, and the digest before it, as `PostgresReader.verified` takes them.
        """
        row = connection.execute(self._database.sql(_KNOWN), (self._key, command)).fetchone()
        if row is None:
            return None
        connection.execute(_AWAIT_STANDBYS)
        line, before = row
        return line, before

    def _encode(self, appends: Sequence[Append], metadata: Metadata) -> _Encoded:
        """Encode the commit that comes after what was read.

        Raises:
            WrongExpectedVersion: A precondition does not hold.
            ForgottenStream: A stream that was forgotten would get events.
        """
        reader = self._reader
        versions = {append.stream: reader.versions.version_of(append.stream) for append in appends}
        commit = record(appends, metadata, self.types, reader.reached.position, versions, self.forgotten)
        line, recorded = reader.codec.encode(commit, reader.reached.digest)
        return _Encoded((reader.reached.position, reader.reached.digest, line[:-1]), recorded, versions)

    def _commit_of(
        self, answer: tuple[str, str], encoded: _Encoded, appends: Sequence[Append], arrived: Sequence[int]
    ) -> Commit:
        """Return the commit that an append made or had made before, according to the server's answer.

        Args:
            answer: The answer.
            encoded: The commit that was sent.
            appends: What was to be appended.
            arrived: The signals that are delayed.

        Raises:
            ForgottenStream: A stream was forgotten since the header was read.
            LogNotFound: The log is gone.
            LogBusy: The log was changed meanwhile.
            CommandReused: The command id belongs to a commit with other events.
            OutcomeUnknown: It was recorded, and what others appended before it is damaged.
        """
        status, known = answer
        match status:
            case "recorded":
                recorded = encoded.recorded
                self._reader.versions.set(recorded.last, encoded.versions)
                self._reader.reached = Cursor(recorded.last, digest=recorded.sum.encode())
                if arrived and not self._database.within_transaction:
                    self._reader.warn(f"@{recorded.position} was recorded before the interruption")
                return recorded
            case "moved":
                return self._after_others(self._decoded(known))
            case "known":
                return repeated(self._decoded(known, whole=False), appends, self._reader.codec)
            case "forgotten":
                self._reader.learn_forgotten()
                raise ForgottenStream(known)
            case "gone":
                raise LogNotFound(self.name)
            case _:
                raise LogBusy(f"{self._database.address}: {self.name} was changed while it was held; nothing was recorded")

    def _after_others(self, commit: Commit) -> Commit:
        """Return a commit that the server moved behind those of others, when these are read and verified."""
        try:
            self._reader.catch_up()
        except DamagedLog as error:
            reason = f"@{commit.position} was recorded, but the log cannot be read now: {self._reader.damage}"
            raise OutcomeUnknown(reason) from error
        except StaleCursor:
            pass  # streams were forgotten since: what is read next begins again
        return commit

    def _decoded(self, line: str, *, whole: bool = True) -> Commit:
        encoded = line.encode()
        return self._reader.codec.commit(decode_line(encoded), digest_in(encoded) or b"", whole=whole)


def _answer(row: tuple[str, str] | None) -> tuple[str, str]:
    if row is None:
        raise AssertionError("cqrs_append returns one row")
    return row
