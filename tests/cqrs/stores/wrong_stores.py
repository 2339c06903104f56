"""Stores that are wrong in one thing each, under the contract that must find it. Run by test_contract.py alone."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoint, Checkpoints, Parked
from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.errors import CommandReused, StaleCursor, UnreadableEvent
from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.forgetting import Forgetting
from cqrs_todo.cqrs.names import is_stream_name
from cqrs_todo.cqrs.operation_errors import StreamNotFound
from cqrs_todo.cqrs.protocols import EventBatch
from cqrs_todo.cqrs.query import AppendCondition, Query
from cqrs_todo.cqrs.store import Append, Blobs, Log, Store, StreamVersions, T, check_precondition, no_progress, readable
from cqrs_todo.cqrs.stores.chain import Versions
from cqrs_todo.cqrs.stores.jsonl import JsonlStore, transfer
from cqrs_todo.cqrs.stores.jsonl.log import JsonlLog
from cqrs_todo.cqrs.stores.memory import MemoryCheckpoints, MemoryLog, MemoryStore
from cqrs_todo.cqrs.stores.recording import check_condition
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.testing.contract import StoreContract
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, Counted


class _Wrong(MemoryStore):
    """A store whose logs are of another class."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(CONTRACT_TYPES)
        self.logs = logs

    def create(self, name: str, at: datetime) -> Log:
        made = super().create(name, at)
        log = self._logs[made.name] = self.logs(made.id, made.name, at, CONTRACT_TYPES)
        return log


class OffByOneLog(MemoryLog):
    """Expects the version that the next event will have, as the Rust ancestor's memory store did."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        shifted = [
            replace(each, precondition=each.precondition - 1) if isinstance(each.precondition, int) else each
            for each in appends
        ]
        return super().append(shifted, metadata, condition=condition)


class BoundlessLog(MemoryLog):
    """Gives all that there is, however little is asked for."""

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        return super().events(since, stream=stream)


class SketchyLog(MemoryLog):
    """Leaves the newest commit out of the event batches."""

    def event_batches(self, since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        return (group[:-1] for group in super().event_batches(since, versions))


class SharedLog(MemoryLog):
    """Counts the versions of all logs together."""

    versions: ClassVar[dict[str, int]]

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes) -> None:
        super().__init__(id, name, created, types)
        self._versions = self.versions


class ShortLog(MemoryLog):
    """Reads at most a hundred commits."""

    def readable_commits(self, since: Cursor = START) -> Iterator[Commit]:
        return islice(super().readable_commits(since), 100)


class HastyLog(MemoryLog):
    """Says after each group of events that the whole log was searched."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        return ((events, self.cursor()) for events, _ in super().selected(query, since))


class CarelessLog(MemoryLog):
    """Takes every cursor for its own."""

    def _check_cursor(self, cursor: Cursor) -> None:
        pass


class ShyLog(MemoryLog):
    """Finds no command once streams were forgotten."""

    def find_command(self, command: str) -> Commit | None:
        if self._forgotten:
            raise StaleCursor("streams were forgotten")
        return super().find_command(command)


class RecentLog(MemoryLog):
    """Recognises the commands of the last thousand commits."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        for command in list(self._by_command)[:-1_000]:
            del self._by_command[command]
        return super().append(appends, metadata, condition=condition)


class UnguardedLog(MemoryLog):
    """Checks only the streams that are written."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        return super().append([each for each in appends if each.events], metadata, condition=condition)


class UnconditionalLog(MemoryLog):
    """Does not look at conditions."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        del condition
        return super().append(appends, metadata)


class _Altering(MemoryLog):
    """Appends on other terms than those that it is given."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        return appends, condition

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        with self._lock:
            if condition is None:
                appends, _ = self.terms(appends, NOTHING)
            else:
                appends, condition = self.terms(appends, condition)
            return super().append(appends, metadata, condition=condition)


NOTHING = AppendCondition(Query.of(tags={"never"}), 0)


class KindBlindLog(_Altering):
    """Does not look for kinds when it checks a condition."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        items = tuple(each for each in condition.query.items if not each.kinds)
        return appends, replace(condition, query=Query(items)) if items else NOTHING


class FirstItemLog(_Altering):
    """Checks the first item of a condition."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        return appends, replace(condition, query=Query(condition.query.items[:1]))


class MixingLog(_Altering):
    """Takes the items of a condition for one."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        tags = frozenset().union(*(each.tags for each in condition.query.items))
        return appends, replace(condition, query=Query.of(tags=tags))


class RecentConditionLog(_Altering):
    """Checks a condition in the ten newest commits."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        before = self._commits[-11].last if len(self._commits) > 10 else 0
        return appends, replace(condition, after=max(condition.after, before))


class EitherLog(_Altering):
    """Checks no preconditions if there is a condition."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        if condition is not NOTHING:
            appends = [replace(each, precondition=None) for each in appends if each.events]
        return appends, condition


class OneGuardLog(_Altering):
    """Checks the first guard."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        guards = [each for each in appends if not each.events]
        return [*guards[:1], *(each for each in appends if each.events)], condition


class DoubleLog(_Altering):
    """Keeps numbers as floating-point numbers."""

    def terms(self, appends: Sequence[Append], condition: AppendCondition) -> tuple[Sequence[Append], AppendCondition]:
        def rounded(event: Counted) -> Counted:
            return replace(event, number=int(float(event.number)))

        return [replace(each, events=tuple(map(rounded, each.events))) for each in appends], condition


class RacyLog(MemoryLog):
    """Checks preconditions and conditions before it takes the lock."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        for each in appends:
            check_precondition(each.precondition, each.stream, self._versions.get(each.stream, 0))
        check_condition(condition, self.types, self._commits[::-1])
        time.sleep(0.005)
        return super().append([replace(each, precondition=None) for each in appends if each.events], metadata)


class RacyCommandLog(MemoryLog):
    """Looks for the command before it takes the lock."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        earlier = self._by_command.get(metadata.command)
        if earlier is not None:
            return earlier
        time.sleep(0.005)
        with self._lock:
            self._by_command.pop(metadata.command, None)
            return super().append(appends, metadata, condition=condition)


class PagedLog(MemoryLog):
    """Reads at most a thousand commits."""

    def readable_commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        return islice(super().readable_commits_backward(until), 1_000)


class LossyLog(MemoryLog):
    """Finds at most five hundred commits."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        found = 0
        for events, cursor in super().selected(query, since):
            found += bool(events)
            yield events if found <= 500 or not query.items else [], cursor


class LateLog(MemoryLog):
    """Says at the end of a search that it was searched as far as it goes by now."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        yield from super().selected(query, since)
        yield [], self.cursor()


class KindOrTagLog(MemoryLog):
    """Does not look for the tags of an item that has kinds."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        items = tuple(replace(each, tags=frozenset()) if each.kinds else each for each in query.items)
        return super().selected(Query(items), since)


class OneShortLog(MemoryLog):
    """Reads one event too few of a stream backwards, if more than one is asked for."""

    def events_backward(
        self, before: int | None = None, *, limit: int | None = None, stream: str | None = None
    ) -> Iterator[Recorded]:
        return super().events_backward(before, limit=limit - 1 if stream and limit and limit > 1 else limit, stream=stream)


class IncuriousLog(MemoryLog):
    """Reads nothing of what cannot be a stream."""

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        return iter(()) if stream is not None and "/" not in stream else super().events(since, limit=limit, stream=stream)


class CaselessLog(MemoryLog):
    """Reads streams that differ by case as one."""

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        if stream is None:
            return super().events(since, limit=limit)
        found = (each for each in super().events() if each.stream.lower() == stream.lower() and each.version > since)
        return islice(found, limit)


class CaselessTagLog(MemoryLog):
    """Finds tags that differ by case."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        items = [replace(each, tags=frozenset(tag.lower() for tag in each.tags)) for each in query.items]
        return super().selected(Query(tuple(items)), since)


class TaglessLog(MemoryLog):
    """Loses the tags."""

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes) -> None:
        super().__init__(id, name, created, EventTypes(types.types))


class LooseLog(MemoryLog):
    """Keeps values that JSON cannot hold."""

    def __init__(self, id: str, name: str, created: datetime, types: EventTypes) -> None:
        super().__init__(id, name, created, types)
        self._codec = None


class RenamingLog(MemoryLog):
    """Makes a name that is not a name into one that is."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        def cleaned(name: str) -> str:
            return "".join(char for char in name if char.isprintable())[:500] or "nameless"

        renamed = [replace(each, stream=cleaned(each.stream)) for each in appends]
        return super().append(renamed, replace(metadata, command=cleaned(metadata.command)), condition=condition)


class LabelledLog(MemoryLog):
    """Keeps the tags of forgotten events."""

    def forget(self, streams: Collection[str]) -> Forgetting:
        tags = {event.position: event.tags for commit in self._commits for event in commit.events}
        done = super().forget(streams)
        self._commits = [
            replace(commit, events=tuple(replace(event, tags=tags[event.position]) for event in commit.events))
            for commit in self._commits
        ]
        return done


class TalkativeLog(MemoryLog):
    """Keeps the reasons that were given for forgotten events."""

    def forget(self, streams: Collection[str]) -> Forgetting:
        before = self._commits
        done = super().forget(streams)
        self._commits = [replace(new, metadata=old.metadata) for old, new in zip(before, self._commits, strict=True)]
        return done


class RecountingLog(MemoryLog):
    """Counts what was forgotten before again."""

    def forget(self, streams: Collection[str]) -> Forgetting:
        return replace(super().forget(streams), events=self.verdict().forgotten)


class AgreeableLog(MemoryLog):
    """Forgets what was never there."""

    def forget(self, streams: Collection[str]) -> Forgetting:
        try:
            return super().forget(streams)
        except StreamNotFound:
            return Forgetting(self.id, 0)


class GullibleLog(MemoryLog):
    """Names as forgotten what no stream can be called."""

    def forget(self, streams: Collection[str]) -> Forgetting:
        done = super().forget([stream for stream in streams if is_stream_name(stream)])
        self._forgotten |= frozenset(streams)
        return done


class RevivingLog(MemoryLog):
    """Lets forgotten streams go on."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        self._forgotten = frozenset()
        return super().append(appends, metadata, condition=condition)


class UnnoticedLog(MemoryLog):
    """Its cursors are the same before and after something is forgotten."""

    def _cursor_behind(self, commit: Commit, forgotten: int) -> Cursor:
        return Cursor(commit.last, digest=f"{self.id} {commit.metadata.command}".encode())


class StuckLog(MemoryLog):
    """Takes nothing from anyone any more after something was forgotten."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        if self._forgotten:
            raise StaleCursor(f"{self.name} is not what it was")
        return super().append(appends, metadata, condition=condition)


class SilentLog(MemoryLog):
    """Does not report which streams were forgotten."""

    @property
    def forgotten(self) -> Collection[str]:
        return ()


class BoastingStore(_Wrong):
    """Says that events are registered which are not."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(logs)
        self.types = EventTypes({**CONTRACT_TYPES.types, "other": int})


class LiveStore(_Wrong):
    """Forgets only in logs in use."""

    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> Forgetting:
        return super().forget(name, streams)


class UnlockedStore(_Wrong):
    """Keeps nobody away from logs that are written together."""

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        return work()


class ForeignStore(_Wrong):
    """Leaves logs of other stores out of those that are written together."""

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        return super().together([log for log in logs if log in self._logs.values()], work)


class NestingStore(_Wrong):
    """Lets work together begin other work together."""

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        self._at_work = set()
        return super().together(logs, work)


class TwiceStore(_Wrong):
    """Does work together again when it fails."""

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        try:
            return super().together(logs, work)
        except KeyError:
            return super().together(logs, work)


class DigestOnlyLog(MemoryLog):
    """Checks the digest of a cursor, and not where it is."""

    def _check_cursor(self, cursor: Cursor) -> None:
        ends = [self._start, *(self._cursor_behind(commit, len(self._forgotten)) for commit in self._commits)]
        if cursor.digest and cursor.digest not in {end.digest for end in ends}:
            raise StaleCursor(f"{self.name} is not what it was")


class UnsortedStore(_Wrong):
    """Gives parked events by their ids."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(logs)
        self._checkpoints = _Unsorted()


class _Unsorted(MemoryCheckpoints):
    def parked(self, reaction: str, log_id: str) -> Sequence[Parked]:
        return sorted(super().parked(reaction, log_id), key=lambda each: each.event)


class LyingStore(_Wrong):
    """Says that it is atomic."""

    atomic = True


class ArchivingStore(_Wrong):
    """Forgets the commands of archived logs."""

    def unarchive(self, name: str) -> None:
        super().unarchive(name)
        self._logs[name]._by_command.clear()


class RenamingStore(_Wrong):
    """Forgets which streams of a renamed log were forgotten."""

    def rename(self, old: str, new: str) -> None:
        super().rename(old, new)
        self._logs[new]._forgotten = frozenset()


class BaselessStore(_Wrong):
    """Keeps positions of reactions without the cursors."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(logs)
        self._checkpoints = _Baseless()


class _Baseless(MemoryCheckpoints):
    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        return super().save(reaction, log_id, replace(checkpoint, base=START), holder)


class BeginlessStore(_Wrong):
    """Does not keep where a reaction began."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(logs)
        self._checkpoints = _Beginless()


class _Beginless(MemoryCheckpoints):
    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        return super().save(reaction, log_id, replace(checkpoint, begun=0, passed=()), holder)


class UncountingStore(_Wrong):
    """Does not keep how many streams were forgotten when a reaction had come somewhere."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(logs)
        self._checkpoints = _Uncounting()


class _Uncounting(MemoryCheckpoints):
    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        return super().save(reaction, log_id, replace(checkpoint, forgotten=0), holder)


class ObligingStore(_Wrong):
    """Archives a log while work is done with it."""

    def archive(self, name: str) -> None:
        self._move(self._logs, self._archive, name)


class UncheckedLog(MemoryLog):
    """Takes any metadata."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        commit = super().append(appends, replace(metadata, meta={}), condition=condition)
        whole = Commit(tuple(replace(event, metadata=metadata) for event in commit.events), metadata)
        self._commits[-1] = self._by_command[metadata.command] = whole
        return whole


class ParkingStore(_Wrong):
    """Keeps forgotten events parked."""

    def __init__(self, logs: type[MemoryLog]) -> None:
        super().__init__(logs)
        self._own = MemoryCheckpoints()

    def checkpoints(self) -> Checkpoints:
        return self._own


class _Hoard(Blobs):
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def read(self, log_id: str, name: str) -> bytes | None:
        return self._kept.get((log_id, name))

    def write(self, log_id: str, name: str, content: bytes) -> bool:
        self._kept[log_id, name] = content
        return True

    def remove(self, log_id: str, name: str) -> None:
        del self._kept[log_id, name]

    def clear(self, log_id: str) -> bool:
        return False


class HoardingStore(_Wrong):
    """Shares snapshots, and keeps them whatever is forgotten."""

    def shared_snapshots(self) -> Blobs | None:
        self._hoard = getattr(self, "_hoard", None) or _Hoard()
        return self._hoard


class _OfLogs(JsonlStore):
    """A store in files whose logs are of another class."""

    logs: type[JsonlLog]

    def open(self, name: str) -> Log:
        log = super().open(name)
        log.__class__ = self.logs
        return log


class HeadLog(JsonlLog):
    """Its cursor is always at the end of the log, whatever was read."""

    def cursor(self) -> Cursor:
        other = JsonlLog(self._reader.path, self.name, self.types, no_progress, "")
        for _ in other.event_batches():
            pass
        return other._reader.reached


class HeadStore(_OfLogs):
    logs = HeadLog


class DecodingLog(JsonlLog):
    """Decodes the events that a condition excludes."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        if condition is not None:
            list(self.select(condition.query, condition.after))
        return super().append(appends, metadata, condition=condition)


class DecodingStore(_OfLogs):
    logs = DecodingLog


class StrictLog(JsonlLog):
    """Folds nothing if one event cannot be read."""

    def event_batches(self, since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        return (list(block.whole(self._chain.codec)) for block in self._chain.blocks(since, versions))


class StrictStore(_OfLogs):
    logs = StrictLog


class PickyLog(JsonlLog):
    """Finds a command only if it can read all events of the commit."""

    def find_command(self, command: str) -> Commit | None:
        commit = super().find_command(command)
        for _ in readable(commit.events if commit is not None else ()):
            pass
        return commit


class PickyStore(_OfLogs):
    logs = PickyLog


class CountingLog(JsonlLog):
    """Recognises a command only if as many events are sent again as are read."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        found = self.find_command(metadata.command)
        if found is not None and len(found.events) != sum(len(each.events) for each in appends):
            raise CommandReused("other content")
        return super().append(appends, metadata, condition=condition)


class CountingStore(_OfLogs):
    logs = CountingLog


class WholeStreamLog(JsonlLog):
    """Reads the events of all streams when it is asked for one."""

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        for _ in super().events():
            pass
        return super().events(since, limit=limit, stream=stream)


class WholeStreamStore(_OfLogs):
    logs = WholeStreamLog


class SkippingLog(JsonlLog):
    """Passes over what it cannot read in a search."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        for block in self._chain.blocks(since):
            events = [event for commit in block.readable(self._chain.codec) for event in commit.events]
            yield [each for each in events if each.position > since.position and query.matches(each)], block.end


class SkippingStore(_OfLogs):
    logs = SkippingLog


class OverLog(JsonlLog):
    """Says that it has searched what it could not read."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        try:
            yield from super().selected(query, since)
        except UnreadableEvent:
            yield [], self._chain.reached
            raise


class OverStore(_OfLogs):
    logs = OverLog


class AllLinesLog(JsonlLog):
    """Gives all lines, wherever they are to begin."""

    def lines(self, since: Cursor = START) -> Iterator[bytes]:
        return super().lines()


class AllLinesStore(_OfLogs):
    logs = AllLinesLog


class TrustingStore(JsonlStore):
    """Imports what an append would refuse."""

    def import_log(self, name: str, lines: Iterable[bytes], *, since: Cursor = START) -> int:
        with patch.object(transfer, "_Accepted", lambda _: Versions()):
            return super().import_log(name, lines, since=since)


class ForgetfulStore(JsonlStore):
    """Keeps checkpoints in memory."""

    kept: MemoryCheckpoints | None = None

    def checkpoints(self) -> Checkpoints:
        self.kept = self.kept or MemoryCheckpoints()
        return self.kept


class _OnFiles(StoreContract):
    """The contract of a store in files."""

    wrong: type[JsonlStore]

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return self.wrong(str(tmp_path), CONTRACT_TYPES)

    def elsewhere(self, store: Store, types: EventTypes) -> Store:
        return self.wrong(store.url.removeprefix("jsonl:"), types)


class TestHead(_OnFiles):
    wrong = HeadStore


class TestDecoding(_OnFiles):
    wrong = DecodingStore


class TestStrict(_OnFiles):
    wrong = StrictStore


class TestPicky(_OnFiles):
    wrong = PickyStore


class TestCounting(_OnFiles):
    wrong = CountingStore


class TestWholeStream(_OnFiles):
    wrong = WholeStreamStore


class TestSkipping(_OnFiles):
    wrong = SkippingStore


class TestOver(_OnFiles):
    wrong = OverStore


class TestAllLines(_OnFiles):
    wrong = AllLinesStore


class TestTrusting(_OnFiles):
    wrong = TrustingStore


class TestForgetful(_OnFiles):
    wrong = ForgetfulStore


class _InMemory(StoreContract):
    """The contract of a store in memory."""

    wrong: type[MemoryLog] = MemoryLog
    wrong_store: type[_Wrong] = _Wrong

    @pytest.fixture
    def store(self) -> Store:
        return self.wrong_store(self.wrong)


class TestShy(_InMemory):
    wrong = ShyLog


class TestOffByOne(_InMemory):
    wrong = OffByOneLog


class TestBoundless(_InMemory):
    wrong = BoundlessLog


class TestSketchy(_InMemory):
    wrong = SketchyLog


class TestShort(_InMemory):
    wrong = ShortLog


class TestHasty(_InMemory):
    wrong = HastyLog


class TestCareless(_InMemory):
    wrong = CarelessLog


class TestRecent(_InMemory):
    wrong = RecentLog


class TestUnguarded(_InMemory):
    wrong = UnguardedLog


class TestUnconditional(_InMemory):
    wrong = UnconditionalLog


class TestTagless(_InMemory):
    wrong = TaglessLog


class TestLoose(_InMemory):
    wrong = LooseLog


class TestRenaming(_InMemory):
    wrong = RenamingLog


class TestLabelled(_InMemory):
    wrong = LabelledLog


class TestTalkative(_InMemory):
    wrong = TalkativeLog


class TestRecounting(_InMemory):
    wrong = RecountingLog


class TestAgreeable(_InMemory):
    wrong = AgreeableLog


class TestGullible(_InMemory):
    wrong = GullibleLog


class TestReviving(_InMemory):
    wrong = RevivingLog


class TestUnnoticed(_InMemory):
    wrong = UnnoticedLog


class TestStuck(_InMemory):
    wrong = StuckLog


class TestSilent(_InMemory):
    wrong = SilentLog


class TestBoasting(_InMemory):
    wrong_store = BoastingStore


class TestLive(_InMemory):
    wrong_store = LiveStore


class TestParking(_InMemory):
    wrong_store = ParkingStore


class TestHoarding(_InMemory):
    wrong_store = HoardingStore


class TestKindBlind(_InMemory):
    wrong = KindBlindLog


class TestFirstItem(_InMemory):
    wrong = FirstItemLog


class TestMixing(_InMemory):
    wrong = MixingLog


class TestRecentCondition(_InMemory):
    wrong = RecentConditionLog


class TestEither(_InMemory):
    wrong = EitherLog


class TestOneGuard(_InMemory):
    wrong = OneGuardLog


class TestDouble(_InMemory):
    wrong = DoubleLog


class TestRacy(_InMemory):
    wrong = RacyLog


class TestRacyCommand(_InMemory):
    wrong = RacyCommandLog


class TestPaged(_InMemory):
    wrong = PagedLog


class TestLossy(_InMemory):
    wrong = LossyLog


class TestLate(_InMemory):
    wrong = LateLog


class TestKindOrTag(_InMemory):
    wrong = KindOrTagLog


class TestOneShort(_InMemory):
    wrong = OneShortLog


class TestIncurious(_InMemory):
    wrong = IncuriousLog


class TestCaseless(_InMemory):
    wrong = CaselessLog


class TestCaselessTag(_InMemory):
    wrong = CaselessTagLog


class TestUnlocked(_InMemory):
    wrong_store = UnlockedStore


class TestForeign(_InMemory):
    wrong_store = ForeignStore


class TestNesting(_InMemory):
    wrong_store = NestingStore


class TestTwice(_InMemory):
    wrong_store = TwiceStore


class TestDigestOnly(_InMemory):
    wrong = DigestOnlyLog


class TestUnsorted(_InMemory):
    wrong_store = UnsortedStore


class TestLying(_InMemory):
    wrong_store = LyingStore


class TestArchiving(_InMemory):
    wrong_store = ArchivingStore


class TestBaseless(_InMemory):
    wrong_store = BaselessStore


class TestUnchecked(_InMemory):
    wrong = UncheckedLog


class TestObliging(_InMemory):
    wrong_store = ObligingStore


class TestUncounting(_InMemory):
    wrong_store = UncountingStore


class TestBeginless(_InMemory):
    wrong_store = BeginlessStore


class TestRenamingStore(_InMemory):
    wrong_store = RenamingStore


class TestShared(_InMemory):
    wrong = SharedLog

    @pytest.fixture
    def store(self) -> Store:
        SharedLog.versions = {}
        return _Wrong(self.wrong)
