"""Stores that are wrong in one thing each, under the contract that must find it. Run by test_contract.py alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar

import pytest

from cqrs_todo.cqrs.events import Commit, EventBatch, EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.query import AppendCondition
from cqrs_todo.cqrs.store import START, Append, Cursor, Log, Store, StreamVersions
from cqrs_todo.cqrs.stores.memory import MemoryLog, MemoryStore
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


class TestOffByOne(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return _Wrong(OffByOneLog)


class TestBoundless(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return _Wrong(BoundlessLog)


class TestSketchy(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return _Wrong(SketchyLog)


class TestShared(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        SharedLog.versions = {}
        return _Wrong(SharedLog)
