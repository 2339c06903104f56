"""Stores that are wrong in one thing each, under the contract that must find it. Run by test_contract.py alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoints
from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.events import Commit, EventBatch, EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.query import AppendCondition, Query
from cqrs_todo.cqrs.store import Append, Log, Store, StreamVersions, no_progress
from cqrs_todo.cqrs.stores.jsonl import JsonlStore
from cqrs_todo.cqrs.stores.jsonl.log import JsonlLog
from cqrs_todo.cqrs.stores.memory import MemoryCheckpoints, MemoryLog, MemoryStore
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.testing.contract import StoreContract
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES


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

    def commits(self, since: Cursor = START) -> Iterator[Commit]:
        return islice(super().commits(since), 100)


class HastyLog(MemoryLog):
    """Says after each group of events that the whole log was searched."""

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        return ((events, self.cursor()) for events, _ in super().selected(query, since))


class CarelessLog(MemoryLog):
    """Takes every cursor for its own."""

    def _check_cursor(self, cursor: Cursor) -> None:
        pass


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
    """Makes a name that is no name into one that is."""

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        def cleaned(name: str) -> str:
            return "".join(char for char in name if char.isprintable())[:500] or "nameless"

        renamed = [replace(each, stream=cleaned(each.stream)) for each in appends]
        return super().append(renamed, replace(metadata, command=cleaned(metadata.command)), condition=condition)


class HeadLog(JsonlLog):
    """Its cursor is always at the end of the log, whatever was read."""

    def cursor(self) -> Cursor:
        other = JsonlLog(self._reader.path, self.name, self._types, no_progress, "")
        for _ in other.event_batches():
            pass
        return other._reader.reached


class HeadStore(JsonlStore):
    def open(self, name: str) -> Log:
        log = super().open(name)
        log.__class__ = HeadLog
        return log


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


class TestForgetful(_OnFiles):
    wrong = ForgetfulStore


class _InMemory(StoreContract):
    """The contract of a store in memory."""

    wrong: type[MemoryLog]

    @pytest.fixture
    def store(self) -> Store:
        return _Wrong(self.wrong)


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


class TestShared(_InMemory):
    wrong = SharedLog

    @pytest.fixture
    def store(self) -> Store:
        SharedLog.versions = {}
        return _Wrong(self.wrong)
