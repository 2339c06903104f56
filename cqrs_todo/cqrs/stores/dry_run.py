"""A dry run: a store that reads from another store, keeps what is appended to itself, and reports both.

A program runs its commands on a `DryRunStore` instead of the real one. It loads, decides and appends as always, but the
commits stay in memory, where later reading finds them. So the dry run of a command followed by that of its undo gives what
the two would record. The `Trace` has every step.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..checkpoints import Checkpoints
from ..cursor import START, Cursor
from ..errors import CqrsError, DamagedLog, LogExists, LogNotFound, MissingLog, ReadOnlyLog, WrongExpectedVersion
from ..events import Commit, EventTypes, Metadata
from ..fold import Fold
from ..forgetting import Forgetting
from ..names import check_free, check_log_name
from ..operation_errors import ExportRefused
from ..query import AppendCondition
from ..snapshots import Snapshot, SnapshotInfo, Snapshots
from ..store import Append, Expected, Known, Log, Store, StreamVersions, T, at_work, check_append, nothing_known
from ..struct import Struct
from ..verification import Verdict
from .format import FORMAT, VERSION, Codec, Header, decode_header, encode_header
from .null import NullCheckpoints, NullLog
from .recording import check_condition, record, repeated

if TYPE_CHECKING:
    from ..protocols import EventBatch


class DryRunRefused(CqrsError):
    """A command does something that a dry run cannot show."""

    def __init__(self, what: str) -> None:
        """Make the error.

        Args:
            what: What the command does, as a noun, such as "the import of a log".
        """
        super().__init__(f"a dry run cannot show {what}")
        self.what = what


class Passed:
    """The positions of the events that were read, each counted once, however often it was read."""

    def __init__(self) -> None:
        """Begin with none."""
        self.ranges: list[tuple[int, int]] = []
        """The first and the last position of each range without gaps, in order."""

    def add(self, first: int, last: int) -> None:
        """Add the positions from `first` to `last`."""
        apart = [each for each in self.ranges if each[1] < first - 1 or each[0] > last + 1]
        near = [each for each in self.ranges if each not in apart]
        low, high = min([first, *(each[0] for each in near)]), max([last, *(each[1] for each in near)])
        self.ranges = sorted([*apart, (low, high)])

    @property
    def count(self) -> int:
        """How many events these are."""
        return sum(last - first + 1 for first, last in self.ranges)


class Reading(Struct):
    """What was read of one log.

    Args:
        log: The name of the log.
        snapshot: The position of the newest snapshot that was loaded; None for none.
        forward: The events that were read forward, after the snapshot or from the beginning.
        backward: The events that were read backward, from the end.
    """

    log: str
    snapshot: int | None
    forward: Passed
    backward: Passed

    @property
    def first(self) -> int | None:
        """The position of the first event that was read forward; None if none was read."""
        return self.forward.ranges[0][0] if self.forward.ranges else None

    @property
    def last(self) -> int | None:
        """The position of the last event that was read forward; None if none was read."""
        return self.forward.ranges[-1][1] if self.forward.ranges else None

    @property
    def position(self) -> int:
        """The position that the reading came to; 0 if the log is empty."""
        return max(self.last or 0, self.snapshot or 0)

    @property
    def events(self) -> Passed:
        """All events that were read, forward or backward."""
        both = Passed()
        for first, last in (*self.forward.ranges, *self.backward.ranges):
            both.add(first, last)
        return both


class Appended(Struct, frozen=True):
    """A commit that would have been recorded.

    Args:
        log: The name of the log.
        commit: The commit.
        preconditions: What each stream must be for the commit to be accepted, by the name of the stream.
        line: The line of the log, with its LF; None if the store does not keep lines.
        again: Whether the log has this commit already, because the command has been sent before.
    """

    log: str
    commit: Commit
    preconditions: dict[str, Expected | None]
    line: bytes | None
    again: bool = False


class Created(Struct, frozen=True):
    """A log that would have been created, and the line with which it would begin."""

    log: str
    line: bytes


class Trace:
    """The steps of a dry run, in order."""

    def __init__(self) -> None:
        """Begin without any step."""
        self.readings: dict[str, Reading] = {}
        """What was read, by the id of the log."""
        self.created: list[Created] = []
        self.appended: list[Appended] = []
        self.conflicts: list[WrongExpectedVersion] = []
        """The preconditions that did not hold. The program may have read what others wrote, and decided again."""

    def reading(self, log: Log) -> Reading:
        """Return what was read of a log, to be added to."""
        return self.readings.setdefault(log.id, Reading(log.name, None, Passed(), Passed()))


class _Kept:
    """What a dry run keeps of one log: the position at which the real log ends for it, and the commits after that."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.base = 0
        self.commits: list[Commit] = []


class _NewLog(NullLog):
    """A log that would have been created: empty but for its first line."""

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes, line: bytes) -> None:
        """Make an empty log with an id and its first line."""
        super().__init__(name, created, types)
        self.id = id
        self._line = line

    def lines(self, since: Cursor = START) -> Iterator[bytes]:
        """Return the first line."""
        return iter((self._line,) if since == START else ())


class DryRunLog(Log):
    """A log that reads from another one, and keeps in memory what is appended."""

    def __init__(self, log: Log, types: EventTypes, kept: _Kept, store: "DryRunStore") -> None:
        """Open a log for a dry run.

        Args:
            log: The log to read from.
            types: The registered events.
            kept: What the dry run has appended to the log.
            store: The store whose trace has the steps.
        """
        super().__init__(log.id, log.name, log.created, types)
        self._log = log
        self._codec = Codec(types)
        self._kept = kept
        self._store = store
        self._versions: dict[str, int] = {}
        self._versions_before: StreamVersions | None = None
        self._begun: int | None = None
        self._reached = 0
        self.warnings = log.warnings
        self.read_only = log.read_only

    @property
    def damage(self) -> str | None:
        """What the last reading stopped at, in words; None if it came to the end."""
        return self._log.damage

    @property
    def forgotten(self) -> Collection[str]:
        """The streams that were forgotten; see `Log`."""
        return self._log.forgotten

    # reading

    def readable_commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Read commits as far as they can be read; see `Log`."""
        kept = self._kept
        reading = self._store.trace.reading(self)
        if not self._is_kept(since):
            for commit in self._log.readable_commits(since):
                if kept.commits and commit.position > kept.base:
                    break
                _count_forward(reading, (commit,), since.position)
                yield commit
        yield from [commit for commit in kept.commits if commit.last > since.position]

    def event_batches(
        self, since: Cursor = START, versions: StreamVersions | None = None
    ) -> "Iterator[Sequence[EventBatch]]":
        """Read commits as far as a fold needs them; see `Log`."""
        kept = self._kept
        reading = self._store.trace.reading(self)
        if not self._is_kept(since):
            if self._begun is None:
                self._begun, self._versions_before, self._reached = since.position, versions, since.position
            for batches in self._log.event_batches(since, versions):
                given = [batch for batch in batches if not kept.commits or batch.position <= kept.base]
                self._learn(given)
                if given:
                    _count_forward(reading, given, since.position)
                    yield given
        later = [commit for commit in kept.commits if commit.last > since.position]
        if later:
            yield later

    def readable_commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Read commits, newest first, as far as they can be read; see `Log`."""
        kept = self._kept
        reading = self._store.trace.reading(self)
        for commit in kept.commits[::-1]:
            if until is None or commit.position <= until.position:
                yield commit
        if kept.commits and (until is None or until.position > kept.base):
            until = Cursor(kept.base)
        for commit in self._log.readable_commits_backward(until):
            reading.backward.add(commit.position, commit.last)
            yield commit

    def find_command(self, command: str) -> Commit | None:
        """Find the commit with a command id; see `Log`."""
        kept = next((commit for commit in self._kept.commits if commit.metadata.command == command), None)
        return self._log.find_command(command) if kept is None else kept

    def cursor(self) -> Cursor:
        """Return the farthest position that was read or appended."""
        return Cursor(self._kept.commits[-1].last) if self._kept.commits else self._log.cursor()

    def sync(self) -> None:
        """Do nothing: a dry run acts on nothing."""

    def lines(self, since: Cursor = START) -> Iterator[bytes]:
        """Read the lines of the real log."""
        return self._log.lines(since)

    def _is_kept(self, cursor: Cursor) -> bool:
        """Return whether a cursor lies after commits that were kept, so that the real log does not know it."""
        return bool(self._kept.commits) and cursor.position > self._kept.base

    def is_of(self, store: "DryRunStore") -> bool:
        """Return whether a store has opened this log."""
        return self._store is store

    # writing

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        """Keep a commit in memory, after the checks that a store makes; see `Log`."""
        check_append(appends, metadata, condition)
        if self.read_only is not None:
            raise ReadOnlyLog(f"{self.read_only}; nothing was recorded")
        kept = self._kept
        if not kept.commits:
            cursor = self._log.cursor()
            if self._begun is not None and cursor.position != self._reached:  # some stores read all there is at once
                cursor = Cursor(self._reached)
            for batches in self._log.event_batches(cursor):  # what others wrote since
                self._learn(batches)
            if self.damage is not None:
                raise DamagedLog(f"{self.damage}; nothing was recorded")
            kept.base = self._log.cursor().position
        preconditions = {append.stream: append.precondition for append in appends}
        trace = self._store.trace
        before = self._recorded(metadata.command)
        if before is not None:
            commit = repeated(before, appends, self._codec)
            trace.appended.append(Appended(self.name, commit, preconditions, None, again=True))
            return commit
        check_condition(condition, self.types, self.readable_commits_backward())
        versions = {append.stream: self._version(append.stream) for append in appends}
        try:
            commit = record(appends, metadata, self.types, self.cursor().position, versions, self.forgotten)
        except WrongExpectedVersion as error:
            trace.conflicts.append(error)
            raise
        line = None
        previous = self._last_digest()
        if previous is not None:
            line, commit = self._codec.encode(commit, previous)
        kept.commits.append(commit)
        trace.appended.append(Appended(self.name, commit, preconditions, line))
        return commit

    def _learn(self, batches: "Sequence[EventBatch]") -> None:
        """Remember the versions of the streams in batches that were read."""
        self._versions.update((event.stream, event.version) for batch in batches for event in batch.events)
        self._reached = max([self._reached, *(batch.last for batch in batches)])

    def _version(self, stream: str) -> int:
        """Return the version of a stream at the end of the log, without counting what is looked up for it as read."""
        for commit in reversed(self._kept.commits):
            for event in commit.events[::-1]:
                if event.stream == stream:
                    return event.version
        if stream in self._versions:
            return self._versions[stream]
        if self._versions_before is not None:
            return self._versions_before(stream)
        if self._begun == 0:
            return 0
        before = self._log.commits_backward(Cursor(self._kept.base))
        events = (event for commit in before for event in reversed(commit.events))
        return next((event.version for event in events if event.stream == stream), 0)

    def _recorded(self, command: str) -> Commit | None:
        """Return the commit that a command made when it was sent before."""
        kept = next((commit for commit in self._kept.commits if commit.metadata.command == command), None)
        return kept or self._log.find_command(command)

    def _last_digest(self) -> bytes | None:
        """Return the digest of the last line, which the next one continues; None if the store keeps no lines."""
        if self._kept.commits:
            return self._kept.commits[-1].sum.encode() or None
        last = next(self._log.commits_backward(Cursor(self._kept.base)), None)
        if last is not None:
            return last.sum.encode() or None
        try:
            header = next(iter(self._log.lines()))
        except ExportRefused:
            return None
        return decode_header(header.removesuffix(b"\n"))[1]


def _count_forward(reading: Reading, batches: "Sequence[EventBatch]", since: int) -> None:
    """Count events that were read forward, after a position."""
    reading.forward.add(max(batches[0].position, since + 1), batches[-1].last)


class DryRunStore(Store):
    """A store that reads from another one, and keeps in memory what is appended and which logs are created.

    It takes no locks: what others write meanwhile is read until the first append to a log, and not after that.
    """

    def __init__(self, store: Store, types: EventTypes) -> None:
        """Begin a dry run.

        Args:
            store: The store to read from. Nothing is written to it.
            types: The registered events.
        """
        self.url = store.url
        self.atomic = store.atomic
        self.trace = Trace()
        self._store = store
        self.types = types
        self._kept: dict[str, _Kept] = {}
        self._at_work: set[int] = set()
        self._new: dict[str, _NewLog] = {}

    def names(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs; see `Store`."""
        names = self._store.names(archived=archived)
        return names if archived else sorted({*names, *self._new})

    def originals(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs without copies of other logs; see `Store`."""
        names = self._store.originals(archived=archived)
        return names if archived else sorted({*names, *self._new})

    def create(self, name: str, at: datetime) -> Log:
        """Create a log in memory; see `Store`."""
        name = check_log_name(name)
        for missing in self._store.missing():
            if missing.name == name:
                raise missing
        if name in self.names():
            raise LogExists(name)
        check_free(name, ((other, archived) for archived in (False, True) for other in self.names(archived=archived)))
        id = os.urandom(16).hex()
        line = encode_header(Header(FORMAT, VERSION, id, name, at))
        self._new[name] = _NewLog(id, name, at, self.types, line)
        self.trace.created.append(Created(name, line))
        return self.open(name)

    def open(self, name: str) -> Log:
        """Open a log for the dry run; see `Store`."""
        log: Log | None = self._new.get(check_log_name(name))
        if log is None:
            log = self._store.open(name)
        self.trace.reading(log)
        return DryRunLog(log, self.types, self._kept.setdefault(log.id, _Kept()), self)

    def rename(self, old: str, new: str) -> None:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the renaming of a log")

    def archive(self, name: str) -> None:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the archiving of a log")

    def unarchive(self, name: str) -> None:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the unarchiving of a log")

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do a piece of work, without locks; see `Store`."""
        before = {id: len(kept.commits) for id, kept in self._kept.items()}
        recorded, created = len(self.trace.appended), len(self.trace.created)
        with at_work(self._at_work, logs, self.url, lambda log: isinstance(log, DryRunLog) and log.is_of(self)):
            try:
                return work()
            except BaseException:
                if self.atomic:
                    for id, kept in self._kept.items():
                        del kept.commits[before.get(id, 0) :]
                    del self.trace.appended[recorded:]
                    for made in self.trace.created[created:]:
                        del self._new[made.log]
                    del self.trace.created[created:]
                raise

    def missing(self) -> Sequence[MissingLog]:
        """Return the logs that are missing; see `Store`."""
        return self._store.missing()

    def set_aside(self, name: str, *, archived: bool = False) -> str:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the setting aside of a log")

    def close(self) -> None:
        """Close the real store."""
        self._store.close()

    def migrate(self) -> Sequence[str]:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the migration of a store")

    def checkpoints(self) -> Checkpoints:
        """Return checkpoints that keep nothing."""
        return NullCheckpoints()

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Verify the real log; see `Store`."""
        if name in self._new:
            raise LogNotFound(name)
        return self._store.verify(name, archived=archived, known=known)

    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> Forgetting:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the forgetting of streams")

    def import_log(self, name: str, lines: Iterable[bytes], *, since: Cursor = START) -> int:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the import of a log")


class DryRunSnapshots(Snapshots):
    """Snapshots that are read and not written. What is loaded is reported to the trace of a store."""

    def __init__(self, snapshots: Snapshots, store: DryRunStore) -> None:
        """Read snapshots for a dry run.

        Args:
            snapshots: The snapshots to read.
            store: The store whose trace has the readings.
        """
        self._snapshots = snapshots
        self._store = store

    def infos(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        """Return which snapshots of a log there are, by position."""
        return self._snapshots.infos(log_id, kind)

    def load(self, log_id: str, kind: str, position: int) -> Snapshot[Any] | None:
        """Return the snapshot at a position; None if there is none."""
        snapshot = self._snapshots.load(log_id, kind, position)
        reading = self._store.trace.readings.get(log_id)
        if snapshot is not None and reading is not None:
            reading.snapshot = max(position, reading.snapshot or 0)
        return snapshot

    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[Any], before: Sequence[SnapshotInfo]
    ) -> None:
        """Save nothing."""

    def clear(self, log_id: str) -> bool:
        """Raise `DryRunRefused`."""
        raise DryRunRefused("the removal of snapshots")
