"""The contract of every store and of its logs. `cqrs_todo.cqrs.testing` has the tests that a store must pass."""

from __future__ import annotations

from _thread import get_ident  # where `threading` has it from, which takes time to load
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from .cursor import START, Cursor
from .errors import (
    LogExists,
    LogNotFound,
    MissingLog,
    ReadOnlyLog,
    StoreUnavailable,
    UnreadableEvent,
    WrongExpectedVersion,
)
from .events import Commit, EventTypes, Metadata, Recorded, check_aware, failure_of
from .names import check_recorded_name, check_stream_name, check_stream_to_read, check_type
from .struct import Struct

if TYPE_CHECKING:  # most runs neither verify nor repair, and have no reactions
    from .checkpoints import Checkpoints
    from .forgetting import Forgetting
    from .protocols import EventBatch
    from .query import AppendCondition, Query
    from .replication import MergedLog, MergeRules, MergeTerms
    from .verification import Repair, Stray, Verdict

T = TypeVar("T")


class Precondition(Enum):
    """What a stream must be for an append to be accepted, beside an exact version."""

    NEW = "new"
    EXISTS = "exists"


NEW = Precondition.NEW
EXISTS = Precondition.EXISTS

Expected: TypeAlias = Precondition | int
"""A precondition: `NEW`, `EXISTS`, or the exact version that the stream must have (0: empty)."""


def check_precondition(expected: Expected | None, stream: str, version: int) -> None:
    """Check a precondition.

    Args:
        expected: What the stream must be. None accepts any version.
        stream: The name of the stream.
        version: The version of the stream; 0 if it is empty.

    Raises:
        WrongExpectedVersion: The precondition does not hold.
    """
    if expected is None:
        return
    if expected is NEW:
        holds = version == 0
    elif expected is EXISTS:
        holds = version > 0
    else:
        holds = version == expected
    if not holds:
        raise WrongExpectedVersion(stream, expected, version)


class Append(Struct, frozen=True):
    """One stream's part of a commit.

    Without events it is a guard: the commit is written only if the precondition holds, and the stream stays as it is.

    Attributes:
        stream: The name of the stream: a kind, a slash, and an id, such as `course/c1`.
        events: The new events.
        precondition: What the stream must be before them. None accepts any version; a guard needs one.
    """

    stream: str
    events: tuple[Any, ...]
    precondition: Expected | None = None

    def __post_init__(self) -> None:
        """Raise `TypeError` if an attribute is of another type."""
        if not isinstance(self.events, tuple | list):
            raise TypeError(f"the events for {self.stream} must be a tuple such as (event,), not {self.events!a:.60}")
        if self.precondition is not None and type(self.precondition) not in (Precondition, int):  # True is an int
            wanted = f"`NEW`, `EXISTS` or the version that the stream must have, not {self.precondition!a:.60}"
            raise TypeError(f"the precondition of {self.stream} must be {wanted}")


NEVER = 2**62
"""A position, or a version, that is never reached."""


StreamVersions: TypeAlias = Callable[[str], int]
"""Returns the version of a stream at a cursor; 0 if it has no events before it. `version_of` of a snapshot's base is one."""


def new_streams_only(_stream: str) -> int:
    """Return 0: the `StreamVersions` of a writer that appends only to streams that no one has written to."""
    return 0


Known: TypeAlias = Callable[[str], Cursor | None]
"""Returns, for the id of a log, the farthest cursor in it that something outside the store remembers. None: nothing does."""


def nothing_known(_log_id: str) -> None:
    """Return None for every log."""


Progress: TypeAlias = Callable[[int, int], None]
"""Is called now and then during long work with how much is done, and how much there is to do in all."""


def no_progress(done: int, total: int) -> None:
    """Ignore the progress."""


_MOST = 2**31 - 1
"""The most that can be counted to on every machine. No log has so many events."""


def at_most(events: Iterable[Recorded], limit: int | None) -> Iterator[Recorded]:
    """Return the events at the first positions. Events that were made of one event have its position, and stay together.

    Args:
        events: The events. Those at one position follow each other.
        limit: How many positions. None: all of them.

    Raises:
        ValueError: The limit is negative.
    """
    if limit is None:
        return iter(events)
    check_type("the limit", limit, int, "a number or None")
    if limit < 0:
        raise ValueError(f"the limit is {limit}: it must be at least 0")
    groups = groupby(events, key=lambda event: event.position)
    return chain.from_iterable(group for _, group in islice(groups, min(limit, _MOST)))


def check_append(appends: Sequence[Append], metadata: Metadata, condition: AppendCondition | None) -> None:
    """Check the types of the arguments of `Log.append`, and the names in them.

    Every store does this before it looks at them, for example before it looks up the versions of the streams: a database
    may be unable to search for an invalid name.

    Raises:
        TypeError: One of them is of another type.
        Unrecordable: The name of a stream or the id of the command is not one that every store can keep.
        ValueError: The time has no time zone.
    """
    check_type("the metadata", metadata, Metadata, "made with `Metadata.new(author)`")
    if not isinstance(appends, list | tuple) or not all(isinstance(each, Append) for each in appends):
        wanted = f"a list such as [Append(stream, (event,))], not {appends!a:.60}"
        raise TypeError(f"what is appended must be {wanted}")
    if condition is not None:
        from .query import AppendCondition  # few appends have one

        check_type("the condition", condition, AppendCondition)
    check_type("`Metadata.at`", metadata.at, datetime, "an aware time, such as datetime.now(UTC)")
    check_aware("cannot be recorded: `Metadata.at`", metadata.at)
    check_recorded_name("the id of the command", metadata.command)
    for append in appends:
        check_stream_name(append.stream)


def in_use_together(name: str) -> ValueError:
    """Return the error for a log that someone wants to rename, archive or forget in the work that is done with it."""
    return ValueError(f"the work of `together` reads {name} and appends to it, and must not change it in another way")


@contextmanager
def at_work(threads: set[int], logs: Sequence[Log], url: str, is_ours: Callable[[Log], bool]) -> Iterator[None]:
    """Check the arguments of `Store.together`, as every store does, and refuse that its work calls it during the block.

    Args:
        threads: The threads that are at work with logs of the store.
        logs: The logs.
        url: What the store is called.
        is_ours: Returns whether a log is one of the store.

    Raises:
        TypeError: These are not logs.
        ReadOnlyLog: Nothing can be appended to one of them.
        ValueError: One is a log of another store, or this thread is at work already.
    """
    if not isinstance(logs, list | tuple) or not all(isinstance(log, Log) for log in logs):
        raise TypeError(f"the logs of `together` must be a list such as [log], not {logs!a:.60}")
    for log in logs:
        if log.read_only is not None:
            raise ReadOnlyLog(f"{log.read_only}; nothing was recorded")
        if not is_ours(log):
            raise ValueError(f"{log.name} is not a log of {url}")
    thread = get_ident()
    if thread in threads:
        from .operation_errors import NestedTogether  # few programs call it

        raise NestedTogether("the work of `together` must not call `together` itself: name all logs in the first call")
    threads.add(thread)
    try:
        yield
    finally:
        threads.remove(thread)


def readable(events: Iterable[Recorded]) -> Iterator[Recorded]:
    """Yield the events up to the first one that cannot be read, and then raise why.

    Raises:
        UnreadableEvent: The application's code for an event failed, such as its upcaster.
    """
    for event in events:
        failure = failure_of(event)
        if failure is not None:
            raise failure
        yield event


def chosen(commits: Iterable[Commit], since: int, limit: int | None, stream: str | None) -> Iterator[Recorded]:
    """Return the events that `Log.events` reads, whose other arguments these are.

    Args:
        commits: The commits, oldest first, as far as they can be read.
        since: As for `Log.events`.
        limit: As for `Log.events`.
        stream: As for `Log.events`.
    """
    if stream is not None:
        check_stream_to_read(stream)
    events = (event for commit in commits for event in commit.events)
    if stream is None:
        wanted = (event for event in events if event.position > since)
    else:
        wanted = (event for event in events if event.stream == stream and event.version > since)
    return readable(at_most(wanted, limit))


def chosen_backward(
    commits: Iterable[Commit], before: int | None, limit: int | None, stream: str | None
) -> Iterator[Recorded]:
    """Return the events that `Log.events_backward` reads, whose other arguments these are.

    Args:
        commits: The commits, newest first, as far as they can be read.
        before: As for `Log.events_backward`.
        limit: As for `Log.events_backward`.
        stream: As for `Log.events_backward`.
    """
    if stream is not None:
        check_stream_to_read(stream)
    end = NEVER if before is None else before
    events = (event for commit in commits for event in reversed(commit.events))
    if stream is None:
        wanted = (event for event in events if event.position < end)
    else:
        wanted = (event for event in events if event.stream == stream and event.version < end)
    return readable(at_most(wanted, limit))


def whole(commits: Iterable[Commit]) -> Iterator[Commit]:
    """Yield the commits up to the first one with an event that cannot be read, and then raise why.

    Raises:
        UnreadableEvent: The application's code for an event failed, such as its upcaster.
    """
    for commit in commits:
        for event in commit.events:
            failure = failure_of(event)
            if failure is not None:
                raise failure
        yield commit


def selected_in(
    commits: Iterable[Commit], query: Query, recorded: Query, after: int
) -> tuple[list[Recorded], UnreadableEvent | None]:
    """Return the events after a position that a query selects, up to the first of them that cannot be read.

    Args:
        commits: The commits, as far as they can be read.
        query: The query.
        recorded: The same query, by the types that are recorded; see `Query.as_recorded`.
        after: The position.

    Returns:
        The events, and the error that reading the next one raises; None if all can be read.
    """
    found: list[Recorded] = []
    for commit in commits:
        for event in commit.events:
            failure = failure_of(event)
            if event.position <= after or not (query if failure is None else recorded).matches(event):
                continue
            if failure is not None:
                return found, failure
            found.append(event)
    return found, None


class Log(ABC):
    """An append-only log of events in one order. `cqrs_todo.cqrs.testing` tests what every store's logs must do.

    A log object remembers how far it has read the log, and does not read that again in order to append. It belongs to one
    thread. Other threads open the log for themselves.

    Attributes:
        id: The unique id of the log, which never changes.
        name: What people call the log.
        created: When the log was made.
        types: The registered events.
        warnings: What a person should know about the log, in words: a torn tail that was set aside, damage.
        read_only: Why nothing can be appended. None if appending is possible.
    """

    read_only: str | None = None

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes) -> None:
        """Open a log.

        Args:
            id: The unique id of the log.
            name: What people call it.
            created: When it was made, aware.
            types: The registered events.
        """
        self.id = id
        self.name = name
        self.created = created
        self.types = types
        self.warnings: list[str] = []

    @property
    def damage(self) -> str | None:
        """What the last reading forward stopped at, in words; None if it came to the end.

        Everything else that meets damage raises `DamagedLog`.
        """
        return None

    @property
    def forgotten(self) -> Collection[str]:
        """The streams that were forgotten, as far as this object has read the log. Nothing can be appended to them."""
        return ()

    @abstractmethod
    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        """Write all the events as one commit, or nothing.

        If a commit has the same command id already, nothing is written and that commit is returned. So it is harmless to
        send one again, however long ago it was recorded.

        Args:
            appends: The new events, stream by stream. Each stream is named once.
            metadata: The metadata of the commit.
            condition: What no event may match, beside the preconditions. None: there is no such condition.

        Returns:
            The commit as it was recorded.

        Raises:
            WrongExpectedVersion: A precondition does not hold.
            ConditionFailed: An event matches the query of the condition.
            CommandReused: The command id belongs to a commit with other events.
            ForgottenStream: A stream that was forgotten would get events.
            DamagedLog: The log is damaged, or has lost what had been recorded.
            ReadOnlyLog: This program must not write to the log.
            LogNotFound: The log was archived since this object opened it. A store of files also raises this after a rename.
            LogBusy: Another writer held the log for too long.
            StaleCursor: The log is not what this object read of it. The next call reads it again.
            StoreUnavailable: The store cannot be reached, or refuses to work.
            OutcomeUnknown: It is not known whether the commit was recorded.
            TypeError: An event is not registered. This is found before the values of the events are looked at.
            Unrecordable: A name or a value in the commit cannot be stored as it is.
            ValueError: The commit is empty, or names a stream twice.
        """

    def commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Read the same commits as `readable_commits`. All their events must be readable.

        Args:
            since: Where to start.

        Raises:
            UnreadableEvent: An event cannot be read. The commits before it were given.
            CqrsError: What `readable_commits` raises.
        """
        return whole(self.readable_commits(since))

    @abstractmethod
    def readable_commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Read the commits that hold an event after a cursor, oldest first, as far as they can be read.

        An event that cannot be read is an `UnknownEvent` with its `failure`.

        Args:
            since: Where to start. Behind the end of the log there is nothing to read, if the cursor has no digest.

        Returns:
            An iterator that reads the log as it is used. If the log is damaged, it stops before the damage, and `damage`
            says so.

        Raises:
            StaleCursor: The log has changed before the cursor.
        """

    @abstractmethod
    def event_batches(self, since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        """Read the same commits as `commits`, but only what a fold needs of them, and many at a time.

        A log that begins to read at a cursor does not know the versions of the streams before it, which it needs in order to
        append. Either the caller gives them, or the log looks up each one when it needs it, which may mean reading
        backwards through the whole log.

        Args:
            since: Where to start.
            versions: Returns the version of each stream at the cursor `since`, for example from the snapshot that was taken
                there. A store that can look up the version of a stream may ignore this. For a stream it must always return
                the same version. The log uses these versions instead of those that it has read itself before the cursor,
                unless it has read farther than the cursor.

        Returns:
            An iterator over groups of event batches, as many as the store reads at once. No group is empty. Whenever it has
            given a group, `cursor` is behind the last one in it. An event that cannot be read is an `UnknownEvent` with its
            `failure`, so that it does not matter to other streams.

        Raises:
            StaleCursor: The log has changed before the cursor.
        """

    def commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Read the same commits as `readable_commits_backward`. All their events must be readable.

        Args:
            until: Where to start.

        Raises:
            UnreadableEvent: An event cannot be read. The commits after it were given.
            CqrsError: What `readable_commits_backward` raises.
        """
        return whole(self.readable_commits_backward(until))

    @abstractmethod
    def readable_commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Read the commits that begin before a cursor, newest first, as far as they can be read; see `readable_commits`.

        Args:
            until: Where to start. None starts at the end of the log, and so does a cursor without a digest behind the end.

        Raises:
            StaleCursor: The log has changed before the cursor.
            DamagedLog: A line is not what was written. The iterator raises this when it comes to that line. A store that
                reads files begins before damage at the end of a log, and warns of it, as `readable_commits` does.
        """

    @abstractmethod
    def cursor(self) -> Cursor:
        """Return the farthest position that this object has read or written, as a cursor with a digest.

        It has a digest also when the log is empty, so that it is stale in another log. If an object begins with an append,
        the cursor is then at the end of the log, also if the command had been recorded before.
        """

    @abstractmethod
    def sync(self) -> None:
        """Make the events that were read durable, so that they can be acted on.

        Raises:
            StoreUnavailable: That is not possible.
        """

    def find_command(self, command: str) -> Commit | None:
        """Find the commit with a command id, however old it is. This base method reads the log backwards.

        The commit is given as far as it can be read, as `readable_commits` gives it. So an append that comes again is
        recognised, whatever this program can read of it.

        A store whose readers see what is not durable yet makes the commit durable first, because whoever sent the command
        again is told that it is recorded.

        Args:
            command: The id.

        Returns:
            The commit. None if no commit has this id.

        Raises:
            OutcomeUnknown: A commit has this id, but it cannot be made durable now.
            CqrsError: What `readable_commits_backward` and `sync` raise.
        """
        commits = self.readable_commits_backward()
        found = next((commit for commit in commits if commit.metadata.command == command), None)
        if found is not None:
            self.sync()
        return found

    def lines(self, since: Cursor = START) -> Iterator[bytes]:
        """Read the lines of the log as they are stored, each with its LF.

        Args:
            since: Where to start. `START` gives the header, too. Any other cursor has a digest, and may be that of a copy of
                the log which is the same up to there.

        Raises:
            StaleCursor: The log is not the same up to the cursor.
            ExportRefused: The store does not keep lines.
            ValueError: The cursor has no digest.
        """
        from .operation_errors import ExportRefused

        raise ExportRefused(f"{self.name} cannot be exported as lines, because its store does not keep lines")

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        """Read events, oldest first.

        Args:
            since: The position after which to start; with `stream`, the version of that stream.
            limit: How many events to read at most, counted as they are recorded. None reads all.
            stream: The only stream to read. None reads all. Events of other streams need not be readable.

        Raises:
            UnreadableEvent: One of these events cannot be read. Those before it were given.
            Unrecordable: No stream can have this name.
            ValueError: The limit is negative.
            CqrsError: What `readable_commits` raises.
        """
        # also with a stream, because a version is never more than the position
        return chosen(self.readable_commits(Cursor(since)), since, limit, stream)

    def select(self, query: Query, since: int = 0, *, limit: int | None = None) -> Iterator[Recorded]:
        """Read the events that a query selects, oldest first.

        The framework's own events are among them, if the query names their types or no types at all: for example forgotten
        events, as `UnknownEvent`. Subscriptions, reactions and projections get such an event only if their query names its
        type (see `Query.wants`).

        Args:
            query: The query.
            since: The position after which to start.
            limit: How many events to read at most, counted as they are recorded. None reads all.
        """
        return at_most((event for events, _ in self.selected(query, Cursor(since)) for event in events), limit)

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        """Read the events after a cursor that a query selects, oldest first, and how far the log was searched for them.

        This base method reads all commits, and its cursors are not checked.

        Args:
            query: The query.
            since: Where to start.

        Returns:
            An iterator over groups of events, each with a cursor: everything up to there was searched. The last one is the
            end of the log. A group may be empty. The events at one position are in one group. Damage stops it as it stops
            `commits`.

        Raises:
            StaleCursor: The log has changed before the cursor.
            UnreadableEvent: An event that the query selects, by its recorded type, cannot be read. The events before it were
                given, and the last cursor is before it.
        """
        recorded, reached = query.as_recorded(self.types), since
        for commit in self.readable_commits(since):
            events, failure = selected_in((commit,), query, recorded, since.position)
            if failure is not None:
                if events:
                    yield events, reached
                raise failure
            reached = Cursor(commit.last)
            yield events, reached

    def has_grown(self, since: Cursor) -> bool:
        """Return whether there may be something after a cursor, without reading it. This base method reads it.

        Args:
            since: The end of what was read.

        Raises:
            CqrsError: What `readable_commits` raises.
        """
        return next(self.readable_commits(since), None) is not None

    def events_backward(
        self, before: int | None = None, *, limit: int | None = None, stream: str | None = None
    ) -> Iterator[Recorded]:
        """Read events, newest first.

        Args:
            before: The position before which to start; with `stream`, the version of that stream. None starts at the end.
            limit: How many events to read at most, counted as they are recorded. None reads all.
            stream: The only stream to read. None reads all. Events of other streams need not be readable.

        Raises:
            UnreadableEvent: One of these events cannot be read. Those after it were given.
            Unrecordable: No stream can have this name.
            ValueError: The limit is negative.
            CqrsError: What `readable_commits_backward` raises.
        """
        commits = self.readable_commits_backward(None if stream is not None or before is None else Cursor(before - 1))
        return chosen_backward(commits, before, limit, stream)


class LogHead(Struct, frozen=True):
    """The end of a log.

    Attributes:
        id: The id of the log.
        name: Its name.
        archived: Whether it is archived.
        position: The position of its last event.
        digest: The digest of its last line, which was not verified.
    """

    id: str
    name: str
    archived: bool
    position: int
    digest: str


class Blobs(ABC):
    """Where blobs are kept, which may be lost at any time. No method raises an error."""

    @abstractmethod
    def read(self, log_id: str, name: str) -> bytes | None:
        """Return a blob; None if it cannot be read.

        Args:
            log_id: The id of the log.
            name: The name of the blob.
        """

    @abstractmethod
    def write(self, log_id: str, name: str, content: bytes) -> bool:
        """Write a blob so that readers see all of it or nothing, and return whether that was possible.

        Args:
            log_id: The id of the log.
            name: The name of the blob. A blob that has this name is replaced.
            content: The blob.
        """

    @abstractmethod
    def remove(self, log_id: str, name: str) -> None:
        """Remove a blob if that is possible.

        Args:
            log_id: The id of the log.
            name: The name of the blob.
        """

    @abstractmethod
    def clear(self, log_id: str) -> bool:
        """Remove all blobs of a log, and return whether none is left.

        Args:
            log_id: The id of the log.
        """


class Store(ABC):
    """Logs by name.

    `check_log_name` checks the names. Two names that differ only by case (see `name_key`) count as one name, and no two logs
    have the same name, even if one of them is archived. So a name means the same log everywhere. If a store notices that a
    log which had been recorded is gone, it raises `MissingLog` instead of `LogNotFound` whenever that log is named, and
    makes no other log in its place.

    Several threads may use one store object at the same time. Each of them opens the logs for itself.

    Attributes:
        url: What `open_store` opens the store by, without a password.
        types: The registered events.
        atomic: Whether `together` records either everything that its work appends, or nothing.
        in_process: Whether it keeps everything in its own objects, so that no other program can open its logs.
    """

    url: str
    types: EventTypes
    atomic = False
    in_process = False

    @abstractmethod
    def names(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs in use, or of the archived ones, sorted. Missing logs are among them.

        Args:
            archived: Whether to return the names of the archived logs instead of those in use.
        """

    @abstractmethod
    def create(self, name: str, at: datetime) -> Log:
        """Make an empty log.

        Args:
            name: Its name.
            at: The time of its creation, aware.

        Raises:
            LogExists: Another log has this name, or a name that differs from it only by case. It may be archived.
            InvalidLogName: No log can have this name.
            MissingLog: A log of this name had been recorded and is gone.
            ValueError: The time is naive.
        """

    @abstractmethod
    def open(self, name: str) -> Log:
        """Open a log.

        Args:
            name: Its name.

        Raises:
            LogNotFound: No log in use has this name.
            InvalidLogName: No log can have this name.
            MissingLog: The log had been recorded and is gone.
        """

    def open_archived(self, name: str) -> Log:
        """Open an archived log, to which nothing can be appended.

        Args:
            name: Its name.

        Raises:
            ExportRefused: The store cannot read archived logs.
            LogNotFound: No archived log has this name.
            InvalidLogName: No log can have this name.
            MissingLog: The log had been recorded and is gone.
        """
        from .operation_errors import ExportRefused

        raise ExportRefused(f"{name} is archived, and its store cannot read archived logs")

    def open_or_create(self, name: str, at: datetime) -> Log:
        """Open a log, or make it if it does not exist yet.

        Args:
            name: Its name.
            at: The time of its creation, aware.

        Raises:
            CqrsError: What `open` and `create` raise.
        """
        try:
            return self.open(name)
        except LogNotFound:
            try:
                return self.create(name, at)
            except LogExists as error:  # someone else has just made it
                if error.archived or error.name != error.wanted:
                    raise
                return self.open(name)

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Give a log another name; changing only the case of its name is allowed.

        Args:
            old: Its name.
            new: The other name.

        Raises:
            LogNotFound: There is no log in use with the old name.
            LogExists: The new name is taken, as for `create`, or is the name that the log has.
            InvalidLogName: No log can have this name.
            MissingLog: A log of either name had been recorded and is gone.
        """

    @abstractmethod
    def archive(self, name: str) -> None:
        """Archive a log. It keeps everything, and is neither among the logs in use nor can it be opened.

        Args:
            name: Its name.

        Raises:
            CqrsError: What `rename` raises.
        """

    @abstractmethod
    def unarchive(self, name: str) -> None:
        """Make an archived log one of the logs in use again.

        Args:
            name: Its name.

        Raises:
            CqrsError: What `rename` raises.
        """

    @abstractmethod
    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do a piece of work while nobody else can write to some logs.

        The work reads and appends through these log objects. An `atomic` store records everything that it appends, or, if it
        raises, nothing; if the connection is lost, it may do the work again on a new one. Any other store records each
        append when it is made, and does the work once.

        Args:
            logs: Logs that this store object has opened or made, in any order, as a list or a tuple.
            work: What to do. It must not call `together` of the same store itself, and must not rename, archive or forget
                one of the logs. What it raises itself ends it.

        Returns:
            What the work returns.

        Raises:
            LogBusy: Another writer held one of the logs for too long.
            ReadOnlyLog: One of the logs is archived, or this program must not write to it. It is refused at once.
            TypeError: These are not logs.
            ValueError: One is a log of another store, or the work does what it must not do. It is refused at once.
            CqrsError: Whatever the work raises.
        """

    def missing(self) -> Sequence[MissingLog]:
        """Return an error, which is not raised, for each log that had been recorded and is gone, archived ones too."""
        return ()

    def set_aside(self, name: str, *, archived: bool = False) -> str:
        """Free the name of a missing log, so that a new one can be made; the record of the missing one is kept.

        Args:
            name: The name of the missing log.
            archived: Whether it was archived.

        Returns:
            The path of the file that keeps the record; '' if no log of this name is missing.
        """
        return ""

    def originals(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs as `names` does, without those that another program copied from other logs.

        Whoever goes through all logs reads these: a copy has the events of its original, so they would count twice.

        Args:
            archived: Whether to return the names of the archived logs instead of those in use.

        Raises:
            CqrsError: What `names` raises.
        """
        return self.names(archived=archived)

    def strays(self) -> Sequence[Stray]:
        """Return the files that another program put beside the logs: copies of logs, and files that cannot be logs."""
        return ()

    def wait(self, ends: Sequence[tuple[Log, Cursor]], seconds: float) -> bool:
        """Wait until one of some logs has grown, if the store is notified of that. `subscriptions.wait` calls this.

        Args:
            ends: The logs, and the end of what was read of each.
            seconds: After how many seconds to return in any case.

        Returns:
            Whether the store is notified. If not, it returns at once.

        Raises:
            CqrsError: What `Log.has_grown` raises.
        """
        return False

    def close(self) -> None:
        """Close what the store holds open. It opens what it needs again when it is used again."""
        return

    def shared_snapshots(self) -> Blobs | None:
        """Return a place for snapshots that all machines which use this store share; None if there is no such place."""
        return None

    def migrate(self) -> Sequence[str]:
        """Update what an earlier version of this program made.

        Returns:
            What was done, in words.

        Raises:
            StoreUnavailable: The store cannot be reached, or a later version of this program made it.
        """
        return ()

    @abstractmethod
    def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the reactions to the events of the store's logs."""

    @abstractmethod
    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Read a whole log and check every digest, position and version.

        Args:
            name: The name of the log.
            archived: Whether the log is archived.
            known: What something outside the store, such as a snapshot, remembers of the log. It is asked only if the store
                itself does not remember how far the log had come.

        Raises:
            LogNotFound: There is no such log.
            InvalidLogName: No log can have this name.
            MissingLog: The log had been recorded and is gone.
        """

    def repair(
        self, name: str, *, archived: bool = False, dry_run: bool = False, known: Known = nothing_known
    ) -> Repair | None:
        """Repair a damaged log. Every complete commit stays, and a file keeps the damaged log as it was.

        Args:
            name: The name of the log.
            archived: Whether the log is archived.
            dry_run: Whether to change nothing and only describe the repair.
            known: As for `verify`.

        Returns:
            What was done, or would be done. None if the log is intact.

        Raises:
            DamagedLog: The log cannot be repaired.
            CqrsError: What `verify` raises.
        """
        return None

    @abstractmethod
    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> Forgetting:
        """Replace the data of the events of some streams by nothing, everywhere in a log, and rebuild its hash chain.

        The events become `forgotten` events with the same positions, streams and versions, without tags. Their commits keep
        time, author and command id; of their `meta` only the members stay that hold no text (see `forgetting.kept_meta`).
        The members of `meta` by stream lose their values of these streams, also in other commits (see
        `forgetting.MEMBERS_BY_STREAM`). The events are no longer parked, because what a reaction raised may repeat the data.
        The log then names the streams as forgotten, and nothing can be appended to them. Streams that were forgotten before
        stay forgotten. To forget a stream again changes nothing. But it removes what an earlier call left beside the log
        because it was interrupted.

        No copy of the old log is kept. The cursors that were made before are stale afterwards. Reactions go on where they
        were. Whoever keeps data that were derived from the log derives them again, as projections do when they catch up. The
        store clears `shared_snapshots`. It knows neither other snapshots nor read models: call `Snapshots.clear` with the id
        of the log, and `ReadModel.catch_up`.

        Args:
            name: The name of the log.
            streams: The names of the streams. It is enough if the log has events in one of them. All of them are named as
                forgotten, because a copy of the log may have events in the others. `Forgetting.absent` has these others.
            archived: Whether the log is archived.

        Returns:
            What was done, and which copies of the data could not be reached.

        Raises:
            LogNotFound: There is no such log.
            InvalidLogName: No log can have this name.
            StreamNotFound: The log has no events in any of these streams, or has none in one whose name no stream can have.
            MissingLog: The log had been recorded and is gone.
            DamagedLog: The log is damaged. It must be repaired first.
            ReadOnlyLog: The log has a newer format.
            LogBusy: Another writer held the log for too long.
            StoreUnavailable: The store cannot be reached, or does not allow it. Nothing was changed.
            OutcomeUnknown: It is not known whether the streams are forgotten. Forgetting them again is harmless.
            TypeError: `streams` is a text, or holds something else than texts.
        """

    def import_log(self, name: str, lines: Iterable[bytes], *, since: Cursor = START) -> int:
        """Make a log from its exported lines, or add those that come after the lines of the log that has this name.

        Args:
            name: The name of the log.
            lines: The lines, each with its LF.
            since: The cursor that the lines come after, as for `Log.lines`. It must be the end of the log. `START` if all
                lines are given.

        Returns:
            The number of commits that were new.

        Raises:
            ImportRefused: The lines are damaged or in a newer format than this code knows, the log has another history, or
                an append would have refused the commits: a command id was used before, or a stream was forgotten. If a line
                is wrong, the text begins with its number. The lines before the cursor count if the cursor says how many
                there are.
            LogExists: A log has a name that differs from this one only by case.
            MissingLog: Another log of this name had been recorded and is gone. (If the lines are of that log and reach as
                far as had been recorded, importing them brings it back.)
        """
        from .operation_errors import ImportRefused

        raise ImportRefused(f"{self.url} cannot import the lines of a log")

    def kept_logs(self) -> Sequence[str]:
        """Return the paths of the files that keep logs as they were before merges."""
        return ()

    def verify_kept(self, path: str) -> str:  # a store that keeps none is not asked
        """Read a file that keeps a log as it was before a merge, and check every digest, position and version.

        Args:
            path: One of those that `kept_logs` returns.

        Returns:
            What is wrong with it, in words; '' if it is intact.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        return ""

    def heads(self) -> Sequence[LogHead]:
        """Return the end of each log, archived ones too, as far as it can be known without reading the log.

        Logs that are missing, and files that another program copied from a log, are left out.

        Raises:
            StoreUnavailable: The store cannot be reached, or does not say this.
        """
        raise StoreUnavailable(f"{self.url} does not say where its logs end")

    def merge(
        self,
        name: str,
        copy: bytes,
        rules: MergeRules[Any, Any, Any],
        *,
        since: Cursor = START,
        dry_run: bool = False,
        terms: MergeTerms | None = None,
    ) -> MergedLog:
        """Merge another copy of a log into the log, so that it has all commits of both.

        The positions of events may change, but not their ids. Cursors behind the first commit that moved are stale
        afterwards, and reactions go on there. They are not given those events again with which they are done.

        Args:
            name: The name of the log.
            copy: The bytes of the other copy, as a file of JSON lines.
            rules: What the merge has to know of the domain.
            since: The cursor that these bytes come after, as for `Log.lines`. The other copy is the same as the log up to
                there. `START` if all of it is given.
            dry_run: Whether to change nothing, and only return what a merge would give.
            terms: What the other copy is to the log. None: both are copies of one log, and equals.

        Raises:
            LogNotFound: There is no such log.
            CannotMerge: The bytes are not an intact copy of this log, or the store cannot merge.
            StaleCursor: The log has changed before the cursor.
            MissingLog: The log had been recorded and is gone.
            DamagedLog: The log is damaged. It must be repaired first.
            ReadOnlyLog: The log or the copy has a newer format, or the log is itself a copy of another one.
            LogBusy: Another writer held the log for too long.
            StoreUnavailable: The store cannot be reached. Nothing was changed.
            OutcomeUnknown: It is not known whether the copy is merged. Merging it again is harmless.
        """
        from .operation_errors import CannotMerge

        raise CannotMerge(f"{self.url} cannot merge a file into a log")
