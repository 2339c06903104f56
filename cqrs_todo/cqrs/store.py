"""The contract of every store and of its logs. `cqrs_todo.cqrs.testing` has the tests that a store must pass."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from .errors import CommandReused, ExportRefused, ImportRefused, MissingLog, WrongExpectedVersion
from .events import Commit, EventTypes, Metadata, Outline, Recorded
from .struct import Struct

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
    """Raise `WrongExpectedVersion` unless a stream at `version` (0: empty) is as `expected`; None accepts any."""
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
    """One stream's part of a commit: its new events, at least one, and what the stream must be before them."""

    stream: str
    events: tuple[Any, ...]
    precondition: Expected | None = None


class Mark(Struct, frozen=True):
    """A place in a log, which its store finds again without reading what lies before it.

    `position` is that of the last event before it; `token` the store's own, checked before it is used; `versions` gives the
    version that a stream had there (0: none).
    """

    position: int
    token: str
    versions: Callable[[str], int]


Place: TypeAlias = int | Mark
"""After the event at a position, or at a mark."""


def position_of(place: Place) -> int:
    """The position of the last event before a place."""
    return place if isinstance(place, int) else place.position


class Damage(Struct, frozen=True):
    """Where a log stops being what was written.

    `line` counts from 1, `byte` from 0; `kind` is `torn`, `altered`, `missing`, `doubled` or `reordered`, `detail` the same
    in a sentence.
    """

    line: int
    byte: int
    kind: str
    detail: str


class Verdict(Struct, frozen=True):
    """What a walk over a whole log found: how many events and commits are intact from its beginning, and the last one's sum.

    `damage` is what ended the walk, None where the log is whole; `beyond` counts the whole commits that stand after it.
    `newer` is the version of a log whose format is newer than this code, and '' for any other: such a log is walked as far
    as this code understands it, and is never called damaged.
    """

    events: int
    commits: int
    head: str
    damage: Damage | None = None
    beyond: int = 0
    newer: str = ""


class Stray(Struct, frozen=True):
    """A file in the folder of the logs that is not one of its lists, or is a copy of one.

    `file` is its path. `name` is the name under which it can be read as a list, or None. `of` is the name of the list whose
    log it holds too, or None. `detail` says in a sentence what the file is.
    """

    file: str
    archived: bool
    name: str | None
    of: str | None
    detail: str


class Repair(Struct, frozen=True):
    """What it takes to put a damaged log right: steps in words, and the file that keeps the log as it was ('': none)."""

    steps: tuple[str, ...]
    kept: str = ""


Known: TypeAlias = Callable[[str], Mark | None]
"""Gives, for the id of a log, the farthest mark in it that somebody outside the store remembers; None if nobody does."""


def nothing_known(_log_id: str) -> None:
    """Remembers no mark in any log."""


Progress: TypeAlias = Callable[[int, int], None]
"""Is told now and then how much of a long piece of work is done, and how much there is in all."""


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


class Log(ABC):
    """An append-only log of events in one order. Every store's logs keep the contract in `cqrs_todo.cqrs.testing`.

    `id` is unique and for ever, `name` what people call it, `created` when it was made. `notices` collects, in words
    for a person, what the log met that they should know: a torn tail put aside, damage. `damage` says what the last
    reading stopped at, None where it came to the end. An object belongs to one thread; others open the log for themselves.
    """

    damage: str | None = None
    read_only: str | None = None
    """Why nothing can be appended; None where appending is possible."""

    def __init__(self, id: str, name: str, created: datetime) -> None:
        self.id = id
        self.name = name
        self.created = created
        self.notices: list[str] = []

    @abstractmethod
    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        """Write all the events as one commit, each stream named once, or nothing.

        A command id of a recent commit (of which this log's class says how many it knows) returns that commit, so that
        sending it again is harmless. Raises `WrongExpectedVersion`, `CommandReused`, `DamagedLog`, `ReadOnlyLog`,
        `LogBusy`, `StoreUnavailable`, `OutcomeUnknown`; `StaleMark` where the log is not what was read of it, which is then
        read anew; `TypeError` for an event that is not registered; `ValueError` for a commit that makes no sense or can't be
        stored as it is.
        """

    @abstractmethod
    def commits(self, since: Place = 0) -> Iterator[Commit]:
        """The commits with an event after `since`, in order; raises `StaleMark`."""

    @abstractmethod
    def outlines(self, since: Place = 0) -> Iterator[Sequence[Outline]]:
        """The outlines of the same commits, as many at a time as the store reads at once, but never none.

        `mark` stands behind the last ones that were given. Raises `StaleMark`.
        """

    @abstractmethod
    def commits_backward(self, before: int | Mark | None = None) -> Iterator[Commit]:
        """The commits with an event before position `before`, or up to a mark (None: all), newest first.

        Raises `StaleMark`, and `DamagedLog` on coming upon a line that is not what was written.
        """

    @abstractmethod
    def mark(self) -> Mark:
        """The farthest place that was read."""

    @abstractmethod
    def sync(self) -> None:
        """Make durable what a reading that has begun gives, before it is acted on; raises `StoreUnavailable`."""

    def lines(self) -> Iterator[bytes]:
        """The log's lines as they stand, each with its LF; raises `ExportRefused` where it is not kept in lines."""
        raise ExportRefused(f"{self.name} cannot be exported as lines, because its store does not keep lines")

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        """At most `limit` events after `since`: a position, or with `stream` a version of that stream."""
        commits = self.commits(since)  # a version is never more than the position
        events = (event for commit in commits for event in commit.events)
        if stream is None:
            return islice((event for event in events if event.position > since), limit)
        return islice((event for event in events if event.stream == stream and event.version > since), limit)

    def events_backward(
        self, before: int | None = None, *, limit: int | None = None, stream: str | None = None
    ) -> Iterator[Recorded]:
        """At most `limit` events before `before` (None: all), newest first: a position, or with `stream` a version."""
        commits = self.commits_backward(before if stream is None else None)
        events = (event for commit in commits for event in reversed(commit.events))
        if stream is None:
            return islice((event for event in events if before is None or event.position < before), limit)
        return islice(
            (event for event in events if event.stream == stream and (before is None or event.version < before)), limit
        )


class Checkpoints(ABC):
    """How far each reaction has come in each log."""

    @abstractmethod
    def load(self, reaction: str, log_id: str) -> int:
        """The position that a reaction, known by its name, has come to (0: it has not begun); raises `StoreUnavailable`."""

    @abstractmethod
    def save(self, reaction: str, log_id: str, position: int) -> None:
        """Keep it, durably; raises `StoreUnavailable`, and `InvalidLogName` where the name is none for a log either."""


class Store(ABC):
    """A place that keeps logs by name.

    Names are checked by `check_log_name`, and two names that differ only by case (`name_key`) are one name: so one name is
    one log everywhere. A store that notices that a log is gone which had been recorded raises `MissingLog` instead of
    `LogNotFound`, wherever that log is named, and makes no other log in its place.
    """

    url: str
    atomic = False
    """Whether `together` records all that its work appends, or nothing."""

    @abstractmethod
    def names(self, *, archived: bool = False) -> list[str]:
        """The names of the logs, sorted: those in use, or those put away. Logs that are missing are among them."""

    @abstractmethod
    def create(self, name: str, at: datetime) -> Log:
        """Make an empty log, created at `at`.

        Raises:
            LogExists: A log in use has this name, or any log a name that differs from it only by case.
            InvalidLogName: No log can have this name.
            MissingLog: A log of this name had been recorded and is gone.
        """

    @abstractmethod
    def open(self, name: str) -> Log:
        """The log of that name; raises `LogNotFound`, `InvalidLogName` and `MissingLog`."""

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Give a log another name; changing only the case of its name is allowed.

        Raises:
            LogNotFound: There is no log in use with the old name.
            LogExists: The new name is taken, as for `create`.
            InvalidLogName: No log can have this name.
            MissingLog: A log of either name had been recorded and is gone.
        """

    @abstractmethod
    def archive(self, name: str) -> None:
        """Put a log away: it keeps everything and is neither listed nor opened; raises as `rename` does."""

    @abstractmethod
    def unarchive(self, name: str) -> None:
        """Bring back a log that was put away; raises as `rename` does."""

    @abstractmethod
    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do a piece of work while nobody else can write to some logs.

        The work reads and appends through these log objects. An `atomic` store records everything that it appends, or, if it
        raises, nothing; it may do the work again on a new connection. Any other store records each append when it is made.

        Args:
            logs: Logs of this store, in any order.
            work: What to do. It must not call `together` itself.

        Returns:
            What the work returns.

        Raises:
            LogBusy: Another writer held one of the logs for too long.
            CqrsError: Whatever the work raises.
        """

    def missing(self) -> Sequence[MissingLog]:
        """The logs that had been recorded and are gone, in use or put away: an error for each, which is not raised."""
        return ()

    def set_aside(self, name: str, *, archived: bool = False) -> str:
        """Free the name of a missing log, so that a new one can be made; the record of the missing one is kept.

        Returns:
            The path of the file that keeps the record; '' if no log of this name is missing.
        """
        return ""

    def strays(self) -> Sequence[Stray]:
        """The files beside the logs that another program put there: copies of logs, and files that cannot be lists."""
        return ()

    def close(self) -> None:
        """Let go of what it holds open; it opens again what it needs."""
        return

    def migrate(self) -> Sequence[str]:
        """Bring what it keeps into the form that this program works with; what that took, in words.

        Raises `StoreUnavailable`.
        """
        return ()

    @abstractmethod
    def checkpoints(self) -> Checkpoints:
        """Where the reactions to the events of its logs keep how far they have come."""

    @abstractmethod
    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Walk a whole log and check each sum and each number.

        Args:
            name: The name of the log.
            archived: Whether the log was put away.
            known: What somebody outside the store, such as a snapshot, remembers of the log. It is asked only if the store
                itself does not remember how far the log had come.

        Raises:
            LogNotFound: There is no such log.
            InvalidLogName: No log can have this name.
            MissingLog: The log had been recorded and is gone.
        """

    def repair(
        self, name: str, *, archived: bool = False, dry_run: bool = False, known: Known = nothing_known
    ) -> Repair | None:
        """Put a damaged log right, keeping every whole commit, and every damaged byte in a file; None if it is whole.

        With `dry_run` it only says what it would do. Raises as `verify` does, and `DamagedLog` if it can't be put right.
        """
        return None

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        """Make the log that these lines are, or bring the one of that name up to them; the number of commits that were new.

        Raises:
            ImportRefused: The lines are damaged or in a newer format than this code knows, or the log has another history.
            LogExists: A log has a name that differs from this one only by case.
            MissingLog: Another log of this name had been recorded and is gone. If it is the one that these lines are, and
                they reach as far as had been recorded, importing them brings it back.

        Nothing is written when it raises.
        """
        raise ImportRefused(f"{self.url} cannot import the lines of a log")


def record(appends: Sequence[Append], metadata: Metadata, types: EventTypes, head: int, versions: dict[str, int]) -> Commit:
    """The commit that these appends make after position `head`; moves `versions` on, once every precondition holds.

    Raises `WrongExpectedVersion`, `TypeError` for an event that is not registered, and `ValueError` for a commit without
    events, an append without events or a stream named twice.
    """
    whole = {append.stream for append in appends if append.events}
    if not appends or len(whole) != len(appends):
        raise ValueError("a commit holds at least one append, each of at least one event, and names a stream once")
    for append in appends:
        check_precondition(append.precondition, append.stream, versions.get(append.stream, 0))
    events: list[Recorded] = []
    reached: dict[str, int] = {}
    for append in appends:
        stream, version = append.stream, versions.get(append.stream, 0)
        for event in append.events:
            head, version = head + 1, version + 1
            events.append(Recorded(head, stream, version, types.name_of(event), event, metadata))
        reached[stream] = version
    versions.update(reached)
    return Commit(tuple(events), metadata)


def repeated(commit: Commit, appends: Iterable[Append]) -> Commit:
    """The commit that a command id stands for already, when it holds just these events; else raises `CommandReused`."""
    recorded = [(event.stream, event.data) for event in commit.events]
    if recorded != [(append.stream, event) for append in appends for event in append.events]:
        command = commit.metadata.command
        raise CommandReused(f"command {command} was recorded at position {commit.position} with other content")
    return commit
