"""A store and snapshots in the memory of this process; pure Python, so that it runs wherever Python does."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from ..checkpoints import Checkpoint, Checkpoints, Parked
from ..cursor import START, Cursor
from ..errors import READ_AGAIN, LogExists, LogNotFound, StaleCursor
from ..events import CREATION, FORGOTTEN, Commit, EventTypes, Metadata, Recorded, UnknownEvent, check_aware
from ..fold import Entities, Fold
from ..forgetting import MEMBERS_BY_STREAM, Forgetting, absent_among, kept_meta, names_streams
from ..names import check_free, check_log_name, check_streams
from ..query import AppendCondition, Query
from ..snapshots import Snapshot, SnapshotInfo, Snapshots, prune
from ..store import Append, Known, Log, Store, StreamVersions, T, at_work, check_append, in_use_together, nothing_known
from ..struct import replace
from ..verification import Verdict

try:
    from .format import Codec
except ImportError:  # without msgspec, for example under WebAssembly
    Codec = None  # type: ignore[assignment, misc]  # it is a class or None

from .recording import check_condition, record, repeated

if TYPE_CHECKING:
    from ..protocols import EventBatch


class MemoryLog(Log):
    """A log in memory. It keeps the event objects themselves, which must not change.

    Attributes:
        is_archived: Whether it is archived. Nothing is appended to it then.
    """

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes) -> None:
        """Make an empty log; the arguments are those of `Log`, and the registered events."""
        super().__init__(id, name, created, types)
        # what other stores could not keep is refused here, too, so that a test does not pass with it
        self._codec = None if Codec is None else Codec(types)
        self._commits: list[Commit] = []
        self._versions: dict[str, int] = {}
        self._by_command: dict[str, Commit] = {}
        self._forgotten: frozenset[str] = frozenset()
        self._start = Cursor(0, digest=f"{id} ".encode())
        self._lock = threading.RLock()
        self._is_held_together = False
        self.is_archived = False

    @property
    def forgotten(self) -> Collection[str]:
        """The streams that were forgotten; see `Log`."""
        return self._forgotten

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        """Write a commit; see `Log`. The command ids of all commits are recognised."""
        check_append(appends, metadata, condition)
        with self._lock:
            if self.is_archived:
                raise LogNotFound(self.name)
            earlier = self._by_command.get(metadata.command)
            if earlier is not None:
                return repeated(earlier, appends, self._codec)
            head = self._commits[-1].last if self._commits else 0
            check_condition(condition, self.types, reversed(self._commits))
            versions = {append.stream: self._versions.get(append.stream, 0) for append in appends}
            commit = record(appends, metadata, self.types, head, versions, self._forgotten)
            if self._codec is not None:
                self._codec.encode(commit, b"")
            self._versions.update(versions)
            self._commits.append(commit)
            self._by_command[metadata.command] = commit
            return commit

    def readable_commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Read commits, oldest first; see `Log`."""
        return iter(self._after(since))

    def event_batches(
        self, since: Cursor = START, versions: StreamVersions | None = None
    ) -> "Iterator[Sequence[EventBatch]]":
        """Read commits as far as a fold needs them; see `Log`. The log knows all versions, so `versions` is not used."""
        later = self._after(since)
        return iter((later,) if later else ())

    def _after(self, since: Cursor) -> list[Commit]:
        with self._lock:
            self._check_cursor(since)
            return self._commits[bisect_right(self._commits, since.position, key=lambda commit: commit.last) :]

    def _check_cursor(self, cursor: Cursor) -> None:
        """Raise `StaleCursor` unless this log gave a cursor, or nothing is to be checked."""
        if not cursor.digest:
            return
        place = bisect_right(self._commits, cursor.position, key=lambda commit: commit.last) - 1
        if cursor != (self._start if place < 0 else self._cursor_behind(self._commits[place], len(self._forgotten))):
            raise StaleCursor(f"{self.name} is not what it was at @{cursor.position}", READ_AGAIN)

    def _cursor_behind(self, commit: Commit, forgotten: int) -> Cursor:
        # what was read before streams were forgotten must be read again, so their number is a part of the digest
        return Cursor(commit.last, digest=f"{self.id} {forgotten} {commit.metadata.command}".encode())

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        """Read the events that a query selects; see `Log`."""
        query.as_recorded(self.types)  # it refuses types that no event can have
        with self._lock:  # what is read was not forgotten yet, so neither do its cursors say so
            commits, forgotten = self._after(since), len(self._forgotten)
        for commit in commits:
            events = [event for event in commit.events if event.position > since.position and query.matches(event)]
            yield events, self._cursor_behind(commit, forgotten)

    def readable_commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Read commits, newest first; see `Log`."""
        with self._lock:
            end = len(self._commits)
            if until is not None:
                self._check_cursor(until)
                end = bisect_right(self._commits, until.position, key=lambda commit: commit.position)
            return reversed(self._commits[:end])

    def find_command(self, command: str) -> Commit | None:
        """Find the commit with a command id; see `Log`."""
        with self._lock:
            return self._by_command.get(command)

    def cursor(self) -> Cursor:
        """Return the end of the log, which is always known."""
        with self._lock:
            return self._cursor_behind(self._commits[-1], len(self._forgotten)) if self._commits else self._start

    def sync(self) -> None:
        """Do nothing: memory cannot be made durable."""

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Let no other thread append during the block. Yields whether this thread has the log in `MemoryStore.together`."""
        with self._lock:
            yield self._is_held_together

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let no other thread append during the block, which is the work of `MemoryStore.together`."""
        with self._lock:
            before, self._is_held_together = self._is_held_together, True
            try:
                yield
            finally:
                self._is_held_together = before

    def verdict(self) -> Verdict:
        """Return the verdict of `Store.verify`: memory is not damaged."""
        with self._lock:
            forgotten = sum(event.type == FORGOTTEN for commit in self._commits for event in commit.events)
            last = self._commits[-1].last if self._commits else 0
            return Verdict(last, len(self._commits), "", forgotten=forgotten)

    def forget(self, streams: Collection[str]) -> Forgetting:
        """Forget streams; see `Store.forget`."""
        with self._lock:
            found = [stream for stream in streams if self._versions.get(stream)]  # one that was only guarded has version 0
            absent = absent_among(self.name, streams, found)
            self._forgotten |= frozenset(streams)
            commits = [_without_data(commit, self._forgotten) for commit in self._commits]
            before = (event.type for commit in self._commits for event in commit.events)
            after = (event.type for commit in commits for event in commit.events)
            lost = sum(old != new for old, new in zip(before, after, strict=True))
            self._commits = commits
            self._by_command = {commit.metadata.command: commit for commit in commits}
            return Forgetting(self.id, lost, absent=absent)


def _without_data(commit: Commit, forgotten: Collection[str]) -> Commit:
    """Return a commit after some streams were forgotten."""
    meta = commit.metadata.meta
    concerned = any(event.stream in forgotten for event in commit.events)
    if not concerned and not names_streams(meta, forgotten):
        return commit
    metadata = replace(commit.metadata, meta=_without_streams(kept_meta(meta) if concerned else meta, forgotten))
    return Commit(tuple(_event_without_data(event, metadata, forgotten) for event in commit.events), metadata, commit.sum)


def _without_streams(meta: Mapping[str, Any], forgotten: Collection[str]) -> dict[str, Any]:
    """Return the `meta` of a commit whose members by stream hold nothing of forgotten streams."""
    kept = dict(meta)
    for name in MEMBERS_BY_STREAM & meta.keys():
        values = meta[name] if isinstance(meta[name], dict) else {}
        kept[name] = {stream: value for stream, value in values.items() if stream not in forgotten}
        if not kept[name]:
            del kept[name]
    return kept


def _event_without_data(event: Recorded, metadata: Metadata, forgotten: Collection[str]) -> Recorded:
    if event.stream not in forgotten:
        return replace(event, metadata=metadata)
    return replace(event, type=FORGOTTEN, data=UnknownEvent(FORGOTTEN, b"{}"), metadata=metadata, tags=())


class MemoryCheckpoints(Checkpoints):
    """Checkpoints in the memory of this process."""

    def __init__(self) -> None:
        """Begin without checkpoints."""
        self._kept: dict[tuple[str, str], Checkpoint] = {}
        self._leases: dict[tuple[str, str], tuple[str, float]] = {}
        self._parked: dict[tuple[str, str], dict[str, Parked]] = {}
        self._lock = threading.Lock()

    def load(self, reaction: str, log_id: str) -> Checkpoint:
        """Return how far a reaction has come; see `Checkpoints`."""
        return self._kept.get((check_log_name(reaction), log_id), Checkpoint())

    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        """Keep how far a reaction has come; see `Checkpoints`."""
        key = check_log_name(reaction), log_id
        if checkpoint.moves:  # it is none of this store, which never sets one back, because no event moves in memory
            return False
        with self._lock:
            if holder is not None and self._leases.get(key, ("", 0.0))[0] != holder:
                return False
            self._kept[key] = checkpoint
            return True

    def hold(self, reaction: str, log_id: str, holder: str, seconds: float, *, renew: bool = False) -> bool:
        """Take or renew a lease; see `Checkpoints`."""
        key, now = (check_log_name(reaction), log_id), time.monotonic()
        with self._lock:
            held_by, until = self._leases.get(key, ("", 0.0))
            if held_by != holder if renew else (held_by not in ("", holder) and now < until):
                return False
            self._leases[key] = holder, now + seconds
            return True

    def release(self, reaction: str, log_id: str, holder: str) -> None:
        """End a lease; see `Checkpoints`."""
        key = check_log_name(reaction), log_id
        with self._lock:
            if self._leases.get(key, ("", 0.0))[0] == holder:
                del self._leases[key]

    def park(self, reaction: str, log_id: str, parked: Parked) -> None:
        """Park an event; see `Checkpoints`."""
        with self._lock:
            self._parked.setdefault((check_log_name(reaction), log_id), {})[parked.event] = parked

    def unpark(self, reaction: str, log_id: str, event: str) -> None:
        """Remove an event from those that are parked; see `Checkpoints`."""
        with self._lock:
            self._parked.get((check_log_name(reaction), log_id), {}).pop(event, None)

    def parked(self, reaction: str, log_id: str) -> Sequence[Parked]:
        """Return the parked events; see `Checkpoints`."""
        with self._lock:
            parked = self._parked.get((check_log_name(reaction), log_id), {})
            return sorted(parked.values(), key=lambda each: (each.position, each.event))

    def forget(self, log_id: str, ids: Collection[str]) -> None:
        """Remove events of a log from those that are parked, given their ids as they are recorded."""
        with self._lock:
            for key, parked in self._parked.items():
                if key[1] == log_id:
                    self._parked[key] = {id: each for id, each in parked.items() if each.recorded_id not in ids}


class MemorySnapshots(Snapshots):
    """Keeps snapshots in this process."""

    def __init__(self) -> None:
        """Begin without snapshots."""
        self._infos: dict[tuple[str, str], list[SnapshotInfo]] = {}
        self._snapshots: dict[tuple[str, str, int], Snapshot[Any]] = {}

    def infos(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        """Return which snapshots there are; see `Snapshots`."""
        return self._infos.get((log_id, kind), [])

    def load(self, log_id: str, kind: str, position: int) -> Snapshot[Any] | None:
        """Return the snapshot that was taken at a position; see `Snapshots`."""
        return self._snapshots.get((log_id, kind, position))

    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[Any], before: Sequence[SnapshotInfo]
    ) -> None:
        """Keep a snapshot; see `Snapshots`."""
        snapshot = Snapshot(cursor, Entities(fold, fold.others))
        after = self._infos[log_id, kind] = prune(before, info)
        for gone in {each.position for each in before} - {each.position for each in after}:
            del self._snapshots[log_id, kind, gone]
        self._snapshots[log_id, kind, cursor.position] = snapshot

    def clear(self, log_id: str) -> bool:
        """Remove all snapshots of a log; see `Snapshots`."""
        self._infos = {key: infos for key, infos in self._infos.items() if key[0] != log_id}
        self._snapshots = {key: snapshot for key, snapshot in self._snapshots.items() if key[0] != log_id}
        return True


class MemoryStore(Store):
    """Logs in the memory of this process, which belong to this object. Another store in memory has other logs."""

    url = "memory:"
    in_process = True

    def __init__(self, types: EventTypes) -> None:
        """Make an empty store for registered events."""
        self.types = types
        self._logs: dict[str, MemoryLog] = {}
        self._archive: dict[str, MemoryLog] = {}
        self._made = count(1)
        self._checkpoints = MemoryCheckpoints()
        self._at_work: set[int] = set()
        self._lock = threading.RLock()

    def names(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs; see `Store`."""
        return sorted(self._archive if archived else self._logs)

    def create(self, name: str, at: datetime) -> Log:
        """Make an empty log; see `Store`."""
        check_aware(CREATION, at)
        with self._lock:
            name = self._free(name)
            log = self._logs[name] = MemoryLog(f"memory-{next(self._made)}", name, at, self.types)
            return log

    def open(self, name: str) -> Log:
        """Open a log; see `Store`. Each call with this store gives the same object."""
        return self._known(self._logs, name)

    def rename(self, old: str, new: str) -> None:
        """Give a log another name; see `Store`."""
        with self._changing(self._logs, old) as log:
            new = self._free(new, instead_of=log.name)
            del self._logs[log.name]
            log.name = new
            self._logs[new] = log

    def archive(self, name: str) -> None:
        """Archive a log; see `Store`."""
        with self._changing(self._logs, name):
            self._move(self._logs, self._archive, name)

    def unarchive(self, name: str) -> None:
        """Make an archived log one of the logs in use again; see `Store`."""
        with self._lock:
            name = self._known(self._archive, name).name
            self._check_taken(name, instead_of=name)
            self._move(self._archive, self._logs, name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do a piece of work while nobody else can write to some logs; see `Store`."""
        ours: dict[Log, MemoryLog] = {log: log for log in (*self._logs.values(), *self._archive.values())}
        with at_work(self._at_work, logs, self.url, lambda log: log in ours), ExitStack() as locks:
            # every thread takes the locks in the same order, so that none of them wait for each other in a circle
            for log in sorted({ours[log] for log in logs}, key=lambda log: log.id):
                locks.enter_context(log.together())
            return work()

    def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the reactions; see `Store`."""
        return self._checkpoints

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Return the verdict on a log, which is never damaged."""
        return self._known(self._archive if archived else self._logs, name).verdict()

    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> Forgetting:
        """Forget streams; see `Store`."""
        check_streams(streams)
        with self._changing(self._archive if archived else self._logs, name) as log:
            done = log.forget(streams)
            self._checkpoints.forget(log.id, {event.recorded_id for event in log.events() if event.type == FORGOTTEN})
            return done

    @contextmanager
    def _changing(self, logs: dict[str, MemoryLog], name: str) -> Iterator[MemoryLog]:
        """Let nobody else write to a log during the block, which renames, archives or forgets it."""
        with self._known(logs, name).lock() as held_together, self._lock:
            log = self._known(logs, name)
            if held_together:
                raise in_use_together(log.name)
            yield log

    def _known(self, logs: dict[str, MemoryLog], name: str) -> MemoryLog:
        name = check_log_name(name)
        if name not in logs:
            raise LogNotFound(name)
        return logs[name]

    def _free(self, name: str, *, instead_of: str | None = None) -> str:
        name = check_log_name(name)
        if name in self._logs:
            raise LogExists(name)
        self._check_taken(name, instead_of)
        return name

    def _check_taken(self, name: str, instead_of: str | None = None) -> None:
        """Raise `LogExists` if an archived log has a name, or any log a name that differs from it only by case."""
        taken = ((other, archived) for archived, logs in ((False, self._logs), (True, self._archive)) for other in logs)
        check_free(name, taken, instead_of=instead_of)

    def _move(self, source: dict[str, MemoryLog], target: dict[str, MemoryLog], name: str) -> None:
        log = self._known(source, name)
        if log.name in target:
            raise LogExists(log.name)
        target[log.name] = source.pop(log.name)
        log.is_archived = target is self._archive
