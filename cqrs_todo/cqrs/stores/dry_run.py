"""A dry run: a store that reads from another store, keeps what is appended to itself, and reports both.

A program runs its commands on a `DryRunStore` instead of the real one. It loads, decides and appends as always, but the
commits stay in memory, where later reading finds them. So the dry run of a command followed by that of its undo gives what
the two would record. The `Trace` has every step.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from ..errors import (
    CqrsError,
    DamagedLog,
    ExportRefused,
    LogExists,
    LogNotFound,
    MissingLog,
    ReadOnlyLog,
    WrongExpectedVersion,
)
from ..events import Commit, EventTypes, Metadata, Outline
from ..fold import Fold
from ..names import check_log_name, name_key
from ..snapshots import Snapshot, Snapshots, Taken
from ..store import (
    Append,
    Checkpoints,
    Expected,
    Known,
    Log,
    Mark,
    Place,
    Store,
    T,
    Verdict,
    nothing_known,
    position_of,
    record,
    repeated,
)
from ..struct import Struct
from .format import FORMAT, VERSION, Codec, Header, decode_header, encode_header
from .null import NullCheckpoints, NullLog

COMMANDS_KNOWN = 1_000
"""How many of the latest commits are searched for the id of a command, as the stores do."""


class DryRunRefused(CqrsError):
    """A command does something else than append events, which a dry run cannot show."""


class Reading(Struct):
    """What was read of one log.

    Args:
        log: The name of the log.
        snapshot: The position of the newest snapshot that was loaded; None for none.
        first: The position of the first event that was read forward; None if none was read.
        last: The position of the last event that was read forward.
        forward: How many events were read forward, after the snapshot or from the beginning.
        backward: How many events were read backward, from the end.
    """

    log: str
    snapshot: int | None = None
    first: int | None = None
    last: int | None = None
    forward: int = 0
    backward: int = 0

    @property
    def position(self) -> int:
        """The position that the reading came to; 0 if the log is empty."""
        return max(self.last or 0, self.snapshot or 0)


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
        self.readings: dict[str, Reading] = {}
        """What was read, by the id of the log."""
        self.created: list[Created] = []
        self.appended: list[Appended] = []
        self.conflicts: list[WrongExpectedVersion] = []
        """The preconditions that did not hold. The program may have read what others wrote, and decided again."""

    def reading(self, log: Log) -> Reading:
        """Return what was read of a log, to be added to."""
        return self.readings.setdefault(log.id, Reading(log.name))


class _Kept:
    """What a dry run keeps of one log: the position at which the real log ends for it, and the commits after that."""

    def __init__(self) -> None:
        self.base = 0
        self.commits: list[Commit] = []


class _NewLog(NullLog):
    """A log that would have been created: empty but for its first line."""

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes, line: bytes) -> None:
        super().__init__(name, created, types)
        self.id = id
        self._line = line

    def lines(self) -> Iterator[bytes]:
        return iter((self._line,))


class DryRunLog(Log):
    """A log that reads from another one, and keeps in memory what is appended."""

    def __init__(self, log: Log, types: EventTypes, kept: _Kept, store: "DryRunStore") -> None:
        super().__init__(log.id, log.name, log.created)
        self._log = log
        self._types = types
        self._codec = Codec(types)
        self._kept = kept
        self._store = store
        self.notices = log.notices
        self.read_only = log.read_only

    # reading

    def commits(self, since: Place = 0) -> Iterator[Commit]:
        kept = self._kept
        reading = self._store.trace.reading(self)
        if not self._is_kept(since):
            for commit in self._log.commits(since):
                if kept.commits and commit.position > kept.base:
                    break
                self._count_forward(reading, (commit,), position_of(since))
                yield commit
            self.damage = self._log.damage
        yield from (commit for commit in list(kept.commits) if commit.last > position_of(since))

    def outlines(self, since: Place = 0) -> Iterator[Sequence[Outline]]:
        kept = self._kept
        reading = self._store.trace.reading(self)
        if not self._is_kept(since):
            for batch in self._log.outlines(since):
                given = [commit for commit in batch if not kept.commits or commit.position <= kept.base]
                if given:
                    self._count_forward(reading, given, position_of(since))
                    yield given
            self.damage = self._log.damage
        later = [commit for commit in kept.commits if commit.last > position_of(since)]
        if later:
            yield later

    def commits_backward(self, before: int | Mark | None = None) -> Iterator[Commit]:
        kept = self._kept
        reading = self._store.trace.reading(self)
        end = before.position + 1 if isinstance(before, Mark) and self._is_kept(before) else before
        for commit in list(reversed(kept.commits)):
            if end is None or (isinstance(end, int) and commit.position < end):
                yield commit
        if kept.commits and not isinstance(end, Mark):
            end = kept.base + 1 if end is None else min(end, kept.base + 1)
        for commit in self._log.commits_backward(end):
            reading.backward += len(commit.events)
            yield commit

    def mark(self) -> Mark:
        mark, kept = self._log.mark(), self._kept
        if not kept.commits:
            return mark
        last = {event.stream: event.version for commit in kept.commits for event in commit.events}
        return Mark(kept.commits[-1].last, mark.token, lambda stream: last.get(stream) or mark.versions(stream))

    def sync(self) -> None:
        return None

    def lines(self) -> Iterator[bytes]:
        return self._log.lines()

    def _is_kept(self, place: Place) -> bool:
        """Whether a place lies after commits that were kept, so that the real log does not know it."""
        return bool(self._kept.commits) and position_of(place) > self._kept.base

    @staticmethod
    def _count_forward(reading: Reading, commits: Sequence[Outline], since: int) -> None:
        first, last = max(commits[0].position, since + 1), commits[-1].last
        reading.first = first if reading.first is None else min(reading.first, first)
        reading.last = last if reading.last is None else max(reading.last, last)
        reading.forward += last - first + 1

    # writing

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        if self.read_only is not None:
            raise ReadOnlyLog(f"{self.read_only}; nothing was recorded")
        kept = self._kept
        if not kept.commits:
            for _ in self._log.outlines(self._log.mark()):  # what others wrote since
                pass
            if self._log.damage is not None:
                raise DamagedLog(f"{self._log.damage}; nothing was recorded")
            kept.base = self._log.mark().position
        preconditions = {append.stream: append.precondition for append in appends}
        trace = self._store.trace
        before = self._recorded(metadata.command)
        if before is not None:
            commit = repeated(before, appends)
            trace.appended.append(Appended(self.name, commit, preconditions, None, again=True))
            return commit
        mark = self.mark()
        versions = {append.stream: mark.versions(append.stream) for append in appends}
        try:
            commit = record(appends, metadata, self._types, mark.position, versions)
        except WrongExpectedVersion as error:
            trace.conflicts.append(error)
            raise
        line = None
        previous = self._last_sum()
        if previous is not None:
            line, commit = self._codec.encode(commit, previous)
        kept.commits.append(commit)
        trace.appended.append(Appended(self.name, commit, preconditions, line))
        return commit

    def _recorded(self, command: str) -> Commit | None:
        """Return the commit that a command made when it was sent before."""
        latest = (*reversed(self._kept.commits), *islice(self._log.commits_backward(self._kept.base + 1), COMMANDS_KNOWN))
        return next((commit for commit in latest if commit.metadata.command == command), None)

    def _last_sum(self) -> bytes | None:
        """Return the sum of the last line, which the next one continues; None if the store keeps no lines."""
        if self._kept.commits:
            return self._kept.commits[-1].sum.encode() or None
        last = next(self._log.commits_backward(self._kept.base + 1), None)
        if last is not None:
            return last.sum.encode() or None
        try:
            header = next(iter(self._log.lines()))
        except ExportRefused:
            return None
        return decode_header(header.removesuffix(b"\n"))[1]


class DryRunStore(Store):
    """A store that reads from another one, and keeps in memory what is appended and which logs are created.

    It takes no locks: what others write meanwhile is read until the first append to a log, and not after that.

    Args:
        store: The store to read from. Nothing is written to it.
        types: The events of the application.
    """

    def __init__(self, store: Store, types: EventTypes) -> None:
        self.url = store.url
        self.atomic = store.atomic
        self.trace = Trace()
        self._store = store
        self._types = types
        self._kept: dict[str, _Kept] = {}
        self._new: dict[str, _NewLog] = {}

    def names(self, *, archived: bool = False) -> list[str]:
        names = self._store.names(archived=archived)
        return names if archived else sorted({*names, *self._new})

    def create(self, name: str, at: datetime) -> Log:
        name = check_log_name(name)
        for missing in self._store.missing():
            if missing.name == name:
                raise missing
        taken = {name_key(other): other for other in (*self.names(archived=True), *self.names())}
        if name_key(name) in taken:
            raise LogExists(taken[name_key(name)], name)
        id = os.urandom(16).hex()
        line = encode_header(Header(FORMAT, VERSION, id, name, at))
        self._new[name] = _NewLog(id, name, at, self._types, line)
        self.trace.created.append(Created(name, line))
        return self.open(name)

    def open(self, name: str) -> Log:
        log: Log | None = self._new.get(check_log_name(name))
        if log is None:
            log = self._store.open(name)
        self.trace.reading(log)
        return DryRunLog(log, self._types, self._kept.setdefault(log.id, _Kept()), self)

    def rename(self, old: str, new: str) -> None:
        raise _refused()

    def archive(self, name: str) -> None:
        raise _refused()

    def unarchive(self, name: str) -> None:
        raise _refused()

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        before = {id: len(kept.commits) for id, kept in self._kept.items()}
        recorded = len(self.trace.appended)
        try:
            return work()
        except BaseException:
            if self.atomic:
                for id, kept in self._kept.items():
                    del kept.commits[before.get(id, 0) :]
                del self.trace.appended[recorded:]
            raise

    def missing(self) -> Sequence[MissingLog]:
        return self._store.missing()

    def set_aside(self, name: str, *, archived: bool = False) -> str:
        raise _refused()

    def close(self) -> None:
        self._store.close()

    def migrate(self) -> Sequence[str]:
        raise _refused()

    def checkpoints(self) -> Checkpoints:
        return NullCheckpoints()

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        if name in self._new:
            raise LogNotFound(name)
        return self._store.verify(name, archived=archived, known=known)

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        raise _refused()


def _refused() -> DryRunRefused:
    return DryRunRefused(
        "this command creates, renames or replaces files and appends no events, so a dry run cannot show it"
    )


class DryRunSnapshots:
    """Snapshots that are read and not written. What is loaded is reported to the trace of a store.

    Args:
        snapshots: The snapshots to read.
        store: The store whose trace has the readings.
    """

    def __init__(self, snapshots: Snapshots, store: DryRunStore) -> None:
        self._snapshots = snapshots
        self._store = store

    def taken(self, log_id: str) -> Sequence[Taken]:
        """Return which snapshots there are, by position."""
        return self._snapshots.taken(log_id)

    def load(self, log_id: str, position: int) -> Snapshot[Any] | None:
        """Return the snapshot at a position; None if there is none."""
        snapshot = self._snapshots.load(log_id, position)
        reading = self._store.trace.readings.get(log_id)
        if snapshot is not None and reading is not None:
            reading.snapshot = max(position, reading.snapshot or 0)
        return snapshot

    def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[Any]) -> None:
        """Save nothing."""
