"""Snapshots: when they are taken, which are kept, and what they save."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.protocols import EventBatch
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import (
    FARTHEST,
    AlwaysSnapshot,
    NeverSnapshot,
    NullSnapshots,
    SnapshotEvery,
    SnapshotInfo,
    Snapshots,
    SnapshotStrategy,
    nearest,
    next_permanent,
    prune,
)
from cqrs_todo.cqrs.store import Append, Log, StreamVersions
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl import lines
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.timeline import as_of
from tests.cqrs.counter import AT, COUNTER, TYPES, Move, Moved, by, moved, new_log
from tests.logs import fold_of


def test_a_repository_that_only_writes_takes_snapshots_too() -> None:
    snapshots = MemorySnapshots()
    counters = Repository(new_log(), COUNTER, snapshots=snapshots, strategy=SnapshotEvery(10))
    for n in range(25):
        counters.execute("a", Move(1), by(f"c{n}"))
    assert [info.position for info in snapshots.infos(counters.log.id, "counter")] == [10, 20]


STRATEGIES: list[tuple[SnapshotStrategy, list[int]]] = [
    (NeverSnapshot(), []),
    (AlwaysSnapshot(), [1, 2, 3, 4, 5]),
    (SnapshotEvery(2), [2, 4]),
    (SnapshotEvery(5), [5]),
]


@pytest.mark.parametrize(("strategy", "expected"), STRATEGIES, ids=["never", "always", "every 2", "every 5"])
def test_snapshot_strategies(strategy: SnapshotStrategy, expected: list[int]) -> None:
    saved = []

    class Watched(MemorySnapshots):
        def save(
            self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[int], before: Sequence[SnapshotInfo]
        ) -> None:
            saved.append(fold.position)
            super().save(log_id, kind, cursor, info, fold, before)

    log, snapshots = new_log(), Watched()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
    for n in range(5):
        counters.execute("a", Move(1), by(f"c{n}"))
        counters.fold()
    assert saved == expected
    again = Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
    assert again.fold() == counters.fold()


def test_what_a_snapshot_holds_is_not_read_again() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    counters.execute("a", Move(1), by("c1"))
    counters.fold()
    read_from: list[int] = []

    original = log.event_batches

    def spy(since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        read_from.append(since.position)
        return original(since, versions)

    log.event_batches = spy  # type: ignore[method-assign]  # a spy in the log's place
    assert Repository(log, COUNTER, snapshots=snapshots).fold()["counter/a"].state == 1
    assert read_from == [1]


def test_snapshots_are_spaced_geometrically() -> None:
    infos: list[SnapshotInfo] = []
    for position in range(500, 100_000, 500):
        at = AT + timedelta(seconds=position % 7_000)
        infos = prune(infos, SnapshotInfo(position, at, at))
    assert infos[-1].position == 99_500
    assert len(infos) < 40
    for before, after in pairwise(each.position for each in infos):
        assert after - before <= max(500, before * 0.2 + 500)
    earliest = [min(p % 7_000 for p in range(b + 500, a + 1, 500)) for b, a in pairwise([0, *(t.position for t in infos)])]
    assert [each.earliest for each in infos] == [AT + timedelta(seconds=second) for second in earliest]
    assert next_permanent([]) == 0
    assert nearest(infos, 99_500) == (99_500, 99_500)
    assert nearest(infos, 1) == (0, 500)
    assert nearest(infos, 99_999)[0] == 99_500


def test_in_a_long_log_snapshots_are_evenly_spaced() -> None:
    infos: list[SnapshotInfo] = []
    for position in range(500, 1_000_000, 500):
        infos = prune(infos, info(position))
    gaps = [after - before for before, after in pairwise(each.position for each in infos)]
    assert max(gaps) <= FARTHEST + 500
    assert len(infos) < 50


def test_null_snapshots_keep_nothing() -> None:
    snapshots = NullSnapshots()
    snapshots.save("id", "counter", Cursor(1), SnapshotInfo(1, AT, AT), Fold(COUNTER), ())
    assert snapshots.load("id", "counter", 1) is None
    assert list(snapshots.infos("id", "counter")) == []


def test_snapshot_every_needs_a_positive_number() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SnapshotEvery(0)


def test_a_stream_in_a_snapshot_keeps_its_version() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    for n in range(3):
        moved(log, f"c{n}")
    moved(log, "c3", "other/x")
    Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()
    counters = Repository(log, COUNTER, snapshots=snapshots)
    fold = counters.fold()
    streams = ("counter/a", "other/x", "counter/b", "other/y")
    assert [fold.version_of(stream) for stream in streams] == [3, 1, 0, 0]
    entity, commit = counters.execute("a", Move(1), by("c4"))
    assert (entity.state, entity.version) == (4, 4)
    assert commit is not None
    assert commit.events[0].version == 4


def test_no_snapshot_is_taken_with_a_cursor_at_another_position(monkeypatch: pytest.MonkeyPatch) -> None:
    log, snapshots = new_log(), MemorySnapshots()
    moved(log, "c1")
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    monkeypatch.setattr(log, "cursor", lambda: Cursor(7))
    for _ in range(2):
        assert counters.fold()["counter/a"].state == 1
    assert list(snapshots.infos(log.id, "counter")) == []


def test_a_long_first_reading_takes_permanent_snapshots_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []

    class Watched(MemorySnapshots):
        def save(
            self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[Any], before: Sequence[SnapshotInfo]
        ) -> None:
            saved.append(fold.position)
            super().save(log_id, kind, cursor, info, fold, before)

    def open_log() -> Log:
        return open_store(f"jsonl:{tmp_path}", TYPES).open("counters")

    monkeypatch.setattr(lines, "_BLOCK", 1 << 12)
    log, snapshots = open_store(f"jsonl:{tmp_path}", TYPES).create("counters", AT), Watched()
    for n in range(300):
        moved(log, f"c{n}")
    ends = [group[-1].last for group in open_log().event_batches()]
    assert (len(ends) > 5, ends[-1]) == (True, 300), "the log is read in several groups"
    Repository(open_log(), COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()
    assert saved[0] == ends[0]
    assert saved[-1] == 300
    for before, after in pairwise(saved[:-1]):
        assert after == next(end for end in ends if end >= next_permanent([info(before)]))
    saved.clear()
    for n in range(10):
        moved(log, f"d{n}")
    Repository(open_log(), COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()
    assert saved == [310], "from the newest snapshot there is one group"


def info(position: int, at: datetime = AT) -> SnapshotInfo:
    return SnapshotInfo(position, at, at)


def test_pruning_keeps_permanent_snapshots_and_the_newest() -> None:
    later = AT + timedelta(days=1)
    assert next_permanent([info(10)]) == 13
    assert prune([info(10), info(13)], info(20)) == [info(10), info(13), info(20)]
    assert prune([info(10), info(12)], info(20, later)) == [info(10), SnapshotInfo(20, later, AT)]
    assert prune([info(5)], info(5)) == [info(5)]


def test_when_a_snapshot_is_due() -> None:
    assert not AlwaysSnapshot().due(5, 5, 1)
    assert SnapshotEvery(1).due(1, 0, 1)
    every = SnapshotEvery(2, per=10)
    assert [every.due(position, 0, 105) for position in (9, 10)] == [False, True]
    assert [every.due(position, 0, 5) for position in (1, 2)] == [False, True]


def test_snapshots_in_memory_keep_cursors_and_versions() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    commits = [moved(log, "c1"), moved(log, "c2", "other/x")]
    fold = fold_of(COUNTER, commits)
    for position in (2, 20):
        fold.position = position
        cursor, before = Cursor(position, digest=b"t%d" % position), snapshots.infos("id", "counter")
        snapshots.save("id", "counter", cursor, info(position), fold, before)
    assert [each.position for each in snapshots.infos("id", "counter")] == [2, 20]
    kept = snapshots.load("id", "counter", 2)
    assert kept is not None
    assert kept.cursor == Cursor(2, digest=b"t2")
    assert [kept.base.version_of(stream) for stream in ("counter/a", "other/x", "counter/b")] == [1, 1, 0]


def test_snapshots_in_memory_are_cleared_log_by_log() -> None:
    log = new_log()
    moved(log, "c1")
    snapshots = MemorySnapshots()
    for id in (log.id, "another"):
        log.id = id
        Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()
    assert snapshots.clear("another")
    assert (len(snapshots.infos("memory-1", "counter")), list(snapshots.infos("another", "counter"))) == (1, [])
    assert NullSnapshots().clear("another")


@pytest.mark.parametrize("durable", [False, True])
def test_the_repositories_of_several_kinds_share_one_place(tmp_path: Path, durable: bool) -> None:
    log = new_log()
    snapshots: Snapshots = SnapshotStore(Folder(str(tmp_path)), int, "1") if durable else MemorySnapshots()
    other = replace(COUNTER, kind="other")

    def repositories() -> list[Repository[int, Move, Moved]]:
        return [Repository(log, each, snapshots=snapshots, strategy=AlwaysSnapshot()) for each in (COUNTER, other)]

    for number in range(3):
        counters, others = repositories()
        counters.execute("a", Move(1), by(f"a{number}"))
        others.execute("a", Move(10), by(f"b{number}"))
    for repository, state in zip(repositories(), (3, 30), strict=True):
        assert [entity.state for entity in repository.fold()] == [state]
        assert repository.snapshot_infos
    assert snapshots.clear(log.id)
    assert not any(snapshots.infos(log.id, kind) for kind in ("counter", "other"))


class Asked(SnapshotStrategy):
    """Calls a function when it is first asked, and takes a snapshot whenever there is something new."""

    def __init__(self, first: Callable[[], object]) -> None:
        self.first: Callable[[], object] | None = first

    def due(self, position: int, last: int, entities: int) -> bool:
        first, self.first = self.first, None
        if first is not None:
            first()
        return position > last


@pytest.mark.parametrize("folder", [True, False])
def test_programs_that_share_snapshots_do_not_lose_the_earliest_time(folder: bool, tmp_path: Path) -> None:
    log = open_store(f"jsonl:{tmp_path}", TYPES).create("counters", AT)
    memory = MemorySnapshots()

    def shared() -> Snapshots:
        return SnapshotStore(Folder(f"{tmp_path}/snapshots"), int, "1") if folder else memory

    def add(count: int, at: datetime | None = None) -> None:
        for _ in range(count):
            position = log.cursor().position
            when = AT + timedelta(minutes=position) if at is None else at
            log.append([Append("counter/a", (Moved(1),))], Metadata(when, "me", f"c{position}", {}))

    def another(strategy: SnapshotStrategy) -> Repository[int, Move, Moved]:
        return Repository(
            open_store(f"jsonl:{tmp_path}", TYPES).open("counters"), COUNTER, snapshots=shared(), strategy=strategy
        )

    first = another(AlwaysSnapshot())
    add(100)
    first.fold()

    def meanwhile() -> None:
        add(5)
        add(1, at=AT + timedelta(minutes=1))  # its clock was wrong
        add(9)
        first.fold()

    add(10)
    another(Asked(meanwhile)).fold()
    add(5)
    first.fold()
    for minute in range(130):
        moment = AT + timedelta(minutes=minute, seconds=30)
        expected, _ = as_of(another(NeverSnapshot()), moment)
        found, _ = as_of(Repository(log, COUNTER), moment)
        assert expected.position == found.position
