"""Projections: rows that are derived from the events of logs, in SQLite or in PostgreSQL.

    ENROLMENT = Projection("enrolment", 1, "CREATE TABLE enrolled (course TEXT PRIMARY KEY, students INTEGER)", apply)
    model = ReadModel(store, ENROLMENT, SqliteTables("cache"))
    model.catch_up()
    model.rows("SELECT students FROM enrolled WHERE course = ?", ("c1",))

The rows, and how far they were derived, change in one transaction, so they always agree. A projection can be deleted at any
time. It is then derived again.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

from ..checkpoints import Checkpoint
from ..cursor import Cursor
from ..decider import E
from ..errors import CqrsError, DamagedLog, StaleCursor, UnknownEvents, UnreadableEvent, in_words
from ..events import Recorded, unknown_events
from ..names import check_log_name, check_type
from ..query import Query
from ..store import Log, Store
from ..struct import Struct, replace
from ..subscriptions import follow, logs_of

if TYPE_CHECKING:
    from logging import Logger

_VERSIONS = 2**31
_POLL = 0.01
"""After how many seconds `ReadModel.wait_for` looks again."""
_INCREASE = "correct the projection, and increase its version"
_IN_USE = f"the rows are those of the events before it; {_INCREASE}"
_BUILDING = "no rows can be read until the projection is corrected"
_REBUILDING = f"the rows stay as they were; {_INCREASE}"
"""What follows if an event cannot be applied: in tables in use, in the first ones of a version, and in a rebuild."""
ONLY_READS = "`rows` only reads, and this is not a query that only reads: change rows in `apply`"
NOT_RUN = "the query cannot be run"
ENDS_TRANSACTION = "the schema ends the transaction in which the tables are made"


def _logger() -> "Logger":
    import logging  # most runs have nothing to log, and start faster without it

    return logging.getLogger(__name__)


class ProjectionFailed(CqrsError):
    """A projection could not apply an event, or its tables are not those that it needs. The message says what to do."""


class ProjectionBehind(CqrsError):
    """The rows of a projection do not cover what is asked for: it has not been built, or has not caught up in time."""


class NewerProjection(CqrsError):
    """The rows were derived by a newer version of the projection, so this program cannot use them."""


class Projection(Struct, Generic[E], frozen=True):
    """How rows are derived from events.

    Attributes:
        name: The name of the projection, one that a log could have.
        version: The version of its tables and of what it does with events, from 1. When either changes, the version must
            grow. The rows are then derived again, beside those of the old version, which stay in use until that is done.
        schema: The SQL that makes its tables.
        apply: Changes the rows for an event. It is called with the connection to the database, the event, and the id of the
            event's log. It must depend on nothing else, must neither commit nor roll back, and must leave alone the
            settings of the connection and the tables whose names begin with `cqrs_`.
        query: Selects the events.
    """

    name: str
    version: int
    schema: str
    apply: Callable[[Any, Recorded[E], str], None]
    query: Query = Query()


class Generation(ABC):
    """One set of the tables of a projection: the one in use, or one that is being built.

    Attributes:
        version: The version of the projection that it was made for.
        schema: The SQL that made it.
    """

    version: int
    schema: str

    @abstractmethod
    def checkpoint(self, log_id: str) -> Checkpoint:
        """Return how far the rows were derived from a log.

        Args:
            log_id: The id of the log.
        """

    @abstractmethod
    def other_log(self, log_id: str) -> str | None:
        """Return the id of another log from which rows were derived; None if there is none.

        Args:
            log_id: The id of the log that does not count.
        """

    @abstractmethod
    def change(self, log_id: str, before: Checkpoint, after: Checkpoint, work: Callable[[Any], None]) -> bool:
        """Change rows, and how far they were derived, in one transaction.

        Args:
            log_id: The id of the log.
            before: How far they were derived before.
            after: How far they are derived then.
            work: Changes the rows. It is called with the connection.

        Returns:
            Whether they were changed. False if they were not derived as far as `before`, or farther: another program
            derives them, too.

        Raises:
            StoreUnavailable: The database cannot be reached or written.
            NewerProjection: Tables of a newer version have taken the place of these.
            Exception: What `work` raises; then nothing is changed.
        """

    @abstractmethod
    def is_in_transaction(self, connection: Any) -> bool:
        """Return whether the transaction of `change` has not ended yet.

        Args:
            connection: The connection that `change` has given to its `work`.
        """

    @abstractmethod
    def rows(self, sql: str, values: Any) -> list[tuple[Any, ...]]:
        """Run a query, and return its rows.

        Args:
            sql: The query, in the SQL of the database, with placeholders.
            values: What takes the places of the placeholders, as the driver of the database wants it.

        Raises:
            StoreUnavailable: The database cannot be reached.
            ValueError: It is not a query, is wrong, or would change something. Nothing was changed, and no transaction is
                open.
        """


class Tables(ABC):
    """A place for the tables of projections. Its methods raise `StoreUnavailable` if it cannot be reached or written.

    Attributes:
        place: What people call it, without a password.
    """

    place: str

    @abstractmethod
    def current(self, name: str) -> Generation | None:
        """Return the tables of a projection that are in use; None if there are none.

        Args:
            name: The name of the projection.
        """

    def to_read(self, name: str) -> Generation | None:
        """Return the same tables for reading, which may be done elsewhere, such as on a replica.

        Args:
            name: The name of the projection.
        """
        return self.current(name)

    @abstractmethod
    def lock(self, name: str) -> AbstractContextManager[None]:
        """Let no other program build tables of a projection during the block. Wait until none does.

        Args:
            name: The name of the projection.
        """

    @abstractmethod
    def begin(self, projection: Projection[Any], *, anew: bool) -> Generation:
        """Make empty tables beside those in use.

        Args:
            projection: The projection.
            anew: Whether they must be empty. Otherwise tables of this version that were left half built are taken.

        Raises:
            ProjectionFailed: The schema of the projection is wrong.
        """

    @abstractmethod
    def use(self, name: str, built: Generation) -> None:
        """Put tables into use that were built. Those that were in use are removed.

        Args:
            name: The name of the projection.
            built: The tables, which `begin` has made.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections. They are made again when they are needed."""


class _EndedTransaction(Exception):
    """`apply` has ended the transaction."""


class NotApplied(Exception):
    """`apply` raised an error, which is the cause of this one. It never leaves `ReadModel`."""

    def __init__(self, event: Recorded[Any]) -> None:
        super().__init__(event)
        self.event = event


class ReadModel:
    """The rows of a projection, for one log or for all logs of a store. It belongs to one thread."""

    def __init__(self, store: Store, projection: Projection[Any], tables: Tables, *, log: Log | None = None) -> None:
        """Prepare to derive or to read rows.

        Args:
            store: The store.
            projection: How rows are derived.
            tables: Where they are.
            log: The only log. None: all logs in use. All programs that share the tables must give the same: tables with rows
                of another log are refused when they are used. The rows of a log that is archived or removed stay until all
                rows are derived again.

        Raises:
            InvalidLogName: The name of the projection is not one that a log could have.
            ValueError: Its version is not a number from 1, its schema contains NUL, or its query names a type that is not
                registered, or an older one.
            TypeError: `projection`, `tables` or `log` is of another type.
        """
        check_type("the projection", projection, Projection)
        check_type("the tables of a projection", tables, Tables, "`SqliteTables` or `PostgresTables`")
        if log is not None:
            check_type("the log of a projection", log, Log, "one that `store.open(name)` returns")
        name = check_log_name(projection.name, "the name of a projection")
        if "\0" in projection.schema:
            raise ValueError(f"the schema of the projection {name} contains NUL")
        if type(projection.version) is not int or not 1 <= projection.version < _VERSIONS:
            raise ValueError(f"the projection {name} has the version {projection.version!r}, not a number from 1")
        projection.query.as_recorded(store.types)
        self._store = store
        self._projection = replace(projection, name=name)
        self._tables = tables
        self._log = log

    def catch_up(self, only: Log | None = None) -> int:
        """Derive what was recorded since the last time. If there are no rows of this version yet, they are built first.

        If a log was rewritten, all rows are derived again.

        Args:
            only: The only log to read now. None: all that this read model is for. If rows are built or derived again, they
                are those of this log alone, until the others are read.

        Returns:
            How many events were applied.

        Raises:
            ProjectionFailed: An event cannot be applied. The rows of the events before it are there, unless they were being
                built. Or the tables have rows of another log than that of this read model.
            NewerProjection: The rows are those of a newer version.
            DamagedLog: A log cannot be read to its end. The rows are those of all that can be read.
            UnreadableEvent: An upcaster failed. The rows are those of the events before it, and of the other logs.
            StoreUnavailable: The store or the database of the tables cannot be reached.
        """
        generation = self._tables.current(self._projection.name)
        if generation is None or generation.version < self._projection.version:
            return self._build(only, anew=False)
        try:
            self._check(generation)
            return self._advance(generation, only, _IN_USE)
        except ProjectionBehind:  # the tables were deleted meanwhile
            return self._build(only, anew=False)
        except StaleCursor as error:
            _logger().info("a log was rewritten, so the projection %s is derived again: %s", self._projection.name, error)
            return self._build(only, anew=True)

    def rebuild(self) -> int:
        """Derive all rows again. Those that are there stay in use until that is done.

        Returns:
            How many events were applied.

        Raises:
            CqrsError: What `catch_up` raises.
        """
        return self._build(None, anew=True)

    def follow(self, stopped: Callable[[], bool]) -> int:
        """Catch up whenever a log grows, until stopped. While a server cannot be reached, it waits and tries again.

        Args:
            stopped: Returns whether to stop. It is asked at least every second while nothing comes.

        Returns:
            How many events were applied.

        Raises:
            ProjectionFailed: An event cannot be applied, or the tables have rows of another log.
            NewerProjection: The rows are those of a newer version.
            DamagedLog: A log cannot be read to its end.
            UnreadableEvent: An upcaster failed.
        """
        return sum(follow(self._store, lambda: [self.catch_up()], self._ends, stopped))

    def rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """Run a query on the rows as they are.

        Args:
            sql: The query, with the placeholders of the database: `?` and `:name` in SQLite, `%s` and `%(name)s` in
                PostgreSQL.
            values: The values of the placeholders.

        Raises:
            ProjectionBehind: The rows of this version have not been built yet.
            NewerProjection: The rows are those of a newer version.
            ProjectionFailed: The tables have rows of another log than that of this read model.
            StoreUnavailable: The database of the tables cannot be reached.
            ValueError: It is not a query, is wrong, or would change something. Only `Projection.apply` changes the rows.
        """
        return self._generation().rows(sql, values)

    def position(self, log: Log) -> int:
        """Return up to which position of a log the rows were derived.

        Args:
            log: The log.

        Raises:
            CqrsError: What `rows` raises.
        """
        return self._generation().checkpoint(log.id).position

    def wait_for(self, log: Log, position: int, seconds: float = 10.0) -> None:
        """Wait until someone has derived the rows up to a position, so that the caller reads what it has just written.

        Args:
            log: The log.
            position: The position.
            seconds: For how many seconds to wait.

        Raises:
            ProjectionBehind: The rows were not derived as far in that time.
            NewerProjection: The rows are those of a newer version.
            ProjectionFailed: The tables have rows of another log than that of this read model.
            StoreUnavailable: The database of the tables cannot be reached.
        """
        until = time.monotonic() + seconds
        while True:
            try:
                reached = self._covered(log)
            except ProjectionBehind:  # someone may be building them
                reached = 0
            if reached >= position:
                return
            if time.monotonic() >= until:
                what = f"the projection {self._projection.name} is at @{reached} of {log.name}"
                raise ProjectionBehind(f"{what}; it did not reach @{position} in {seconds:g} s")
            time.sleep(_POLL)

    def _covered(self, log: Log) -> int:
        """Return up to which position the rows are those of a log; 0 if the log was rewritten since they were derived."""
        reached = self._generation().checkpoint(log.id)
        try:
            next(iter(log.event_batches(reached.base)), None)
        except StaleCursor:  # `catch_up` derives them again
            return 0
        return reached.position

    def lag(self) -> dict[str, int]:
        """Count the positions in each log, by its name, that the rows do not cover yet.

        Raises:
            DamagedLog: A log cannot be read to its end, so it is not known how much there is.
            StaleCursor: A log was rewritten since the rows were derived: `catch_up` derives them again.
            CqrsError: What `rows` raises.
        """
        generation = self._generation()
        found: dict[str, int] = {}
        for log in self._logs():
            reached = generation.checkpoint(log.id)
            end = max((batches[-1].last for batches in log.event_batches(reached.base)), default=reached.position)
            if log.damage is not None:
                raise DamagedLog(log.damage)
            found[log.name] = max(0, end - reached.position)
        return found

    def close(self) -> None:
        """Close the connections to the tables."""
        self._tables.close()

    # deriving

    def _generation(self) -> Generation:
        """Return the tables in use."""
        generation = self._tables.to_read(self._projection.name)
        if generation is None or generation.version < self._projection.version:
            which = f"version {self._projection.version} of the projection {self._projection.name}"
            raise ProjectionBehind(f"{which} has not been built yet: `catch_up` builds it")
        self._check(generation)
        return generation

    def _check(self, generation: Generation) -> None:
        if generation.version > self._projection.version:
            newer = f"version {generation.version} of the projection {self._projection.name} is in use"
            raise NewerProjection(f"{newer}, and this program knows version {self._projection.version}: update the program")
        if generation.schema != self._projection.schema:
            changed = f"the schema of the projection {self._projection.name} has changed, and its version has not"
            raise ProjectionFailed(f"{changed}: increase the version")
        self._check_log(generation)

    def _check_log(self, generation: Generation) -> None:
        """Refuse rows of another log. That it was rewritten does not matter: its id stays the same."""
        other = None if self._log is None else generation.other_log(self._log.id)
        if other is not None:
            rows = f"the rows of the projection {self._projection.name} in {self._tables.place} are those of another log"
            raise ProjectionFailed(f"{rows} ({other}): use another folder or database, or replace them with `rebuild`")

    def _build(self, only: Log | None, *, anew: bool) -> int:
        name, version = self._projection.name, self._projection.version
        with self._tables.lock(name):
            current = self._tables.current(name)
            if current is not None:
                if current.version > version or (current.version == version and not anew):
                    self._check(current)
                    return self._advance(current, only, _IN_USE)  # another program has just built them
                if not anew:
                    self._check_log(current)
            readable = _BUILDING if current is None or current.version < version else _REBUILDING
            _logger().info("version %d of the projection %s is being built", version, name)
            generation = self._tables.begin(self._projection, anew=anew)
            if self._log is not None and generation.other_log(self._log.id) is not None:  # it was left half built
                generation = self._tables.begin(self._projection, anew=True)
            try:
                try:
                    applied = self._advance(generation, only, readable)
                except StaleCursor:  # a log was rewritten since these tables were left half built
                    if anew:
                        raise
                    generation = self._tables.begin(self._projection, anew=True)
                    applied = self._advance(generation, only, readable)
            except CqrsError as error:
                if _is_of_log(error):  # all that can be read was derived
                    self._tables.use(name, generation)
                raise
            self._tables.use(name, generation)
            return applied

    def _ends(self) -> list[tuple[Log, Cursor]]:
        generation = self._tables.current(self._projection.name)
        return [] if generation is None else [(log, generation.checkpoint(log.id).base) for log in self._logs()]

    def _logs(self, only: Log | None = None) -> Iterator[Log]:
        return logs_of(self._store, self._log or only)

    def _advance(self, generation: Generation, only: Log | None, readable: str) -> int:
        """Derive what is new in the logs. Returns how many events were applied.

        Args:
            generation: The tables.
            only: The only log to read. None: all that this read model is for.
            readable: What follows if an event cannot be applied, in words.

        Raises:
            DamagedLog: A log cannot be read to its end. What comes before it, and what is in the other logs, was derived.
            ProjectionFailed: An event cannot be applied. If this program does not know it, the other logs were derived.
        """
        applied = 0
        failure: CqrsError | None = None
        for log in self._logs(only):
            try:
                applied += self._advance_in(generation, log, readable)
            except CqrsError as error:
                if not _is_of_log(error):
                    raise
                failure = failure or error
        if failure is not None:
            raise failure
        return applied

    def _advance_in(self, generation: Generation, log: Log, readable: str) -> int:
        """Derive what is new in a log. Returns how many events were applied."""
        total = 0
        while True:
            applied, complete = self._pass(generation, log, readable)
            total += applied
            if complete:
                return total

    def _pass(self, generation: Generation, log: Log, readable: str) -> tuple[int, bool]:
        """Derive what is new in a log.

        Returns:
            How many events were applied, and whether those were all. If not, another program was faster.
        """
        kept = generation.checkpoint(log.id)
        base, applied = kept.base, 0
        for events, cursor in log.selected(self._projection.query, kept.base):
            base = cursor
            query = self._projection.query
            new = [event for event in events if event.position > kept.position and query.wants(event)]
            if new:
                # of a commit with an event that cannot be read come those before it, and a cursor before the commit
                after = Checkpoint(max(cursor.position, new[-1].position), cursor)
                if not self._apply(generation, log, kept, after, new, readable):
                    return applied, False
                kept, applied = after, applied + len(new)
        if log.damage is not None:
            raise DamagedLog(f"{log.damage}; the projection {self._projection.name} waits at @{kept.position}")
        if base.position < kept.position:
            came = f"the projection {self._projection.name} had come to @{kept.position}"
            raise StaleCursor(f"{log.name} ends at @{base.position}, but {came}")
        if base != kept.base:  # nothing to apply came after it
            generation.change(log.id, kept, Checkpoint(base.position, base), lambda _: None)
        return applied, True

    def _apply(
        self,
        generation: Generation,
        log: Log,
        before: Checkpoint,
        after: Checkpoint,
        events: Sequence[Recorded[Any]],
        readable: str,
    ) -> bool:
        """Apply events. If one of them cannot be applied, apply those before it, and raise `ProjectionFailed`."""
        try:
            return generation.change(log.id, before, after, partial(self._run, generation, log.id, events))
        except NotApplied as failure:
            failed, error = failure.event, failure.__cause__ or failure
        good = [event for event in events if event.position < failed.position]
        if good and not isinstance(error, _EndedTransaction):  # they may be there already
            upto = Checkpoint(good[-1].position, before.base)
            generation.change(log.id, before, upto, partial(self._run, generation, log.id, good))
        what = f"version {self._projection.version} of the projection {self._projection.name} cannot apply {failed.type}"
        # if the program does not know the event, the tables are put into use as they are
        advice = "the rows are those of the events before it" if isinstance(error, UnknownEvents) else readable
        raise ProjectionFailed(f"{what} at @{failed.position} of {log.name}: {in_words(error)}; {advice}") from error

    def _run(self, generation: Generation, log_id: str, events: Sequence[Recorded[Any]], connection: Any) -> None:
        for event in events:
            try:
                if event.unknown:
                    raise unknown_events(event, result="")
                self._projection.apply(connection, event, log_id)
                if not generation.is_in_transaction(connection):
                    raise _EndedTransaction("it has ended the transaction, so rows may be wrong: rebuild them")
            except Exception as error:  # `apply` is code of the application, and may raise anything
                raise NotApplied(event) from error


def _is_of_log(error: CqrsError) -> bool:
    """Return whether an error is one of a log: it is damaged, or this program does not know an event or cannot read it."""
    return isinstance(error, DamagedLog | UnreadableEvent) or isinstance(error.__cause__, UnknownEvents)
