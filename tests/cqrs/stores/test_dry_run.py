"""A dry run reads a store, keeps what is appended to itself, and checks what the store would check."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import CommandReused, LogExists, WrongExpectedVersion
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.repository import PlannedCommit, Repository, decide_all
from cqrs_todo.cqrs.snapshots import AlwaysSnapshot
from cqrs_todo.cqrs.store import NEW, Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.dry_run import DryRunRefused, DryRunSnapshots, DryRunStore, Passed
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from tests.cqrs.counter import COUNTER, TYPES, Move, Moved

AT = datetime(2026, 1, 1, tzinfo=UTC)


def metadata(command: str) -> Metadata:
    return Metadata(AT, "me", command, {})


@pytest.fixture(params=["memory:", "jsonl:"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = open_store(request.param if request.param == "memory:" else f"jsonl:{tmp_path}", TYPES)
    log = store.create("a", AT)
    for number in range(1, 4):
        log.append([Append("counter/x", (Moved(number),))], metadata(f"c{number}"))
    yield store
    store.close()


def test_what_is_appended_is_read_again_and_the_store_has_nothing_of_it(store: Store) -> None:
    dry = DryRunStore(store, TYPES)
    log = dry.open("a")
    first = log.append([Append("counter/x", (Moved(4),), 3)], metadata("c4"))
    second = log.append([Append("counter/y", (Moved(5), Moved(6)), NEW)], metadata("c5"))
    assert (first.position, second.position, second.last) == (4, 5, 6)
    assert (first.events[0].version, second.events[1].version) == (4, 2)
    for opened in (log, dry.open("a")):
        assert [commit.position for commit in opened.commits()] == [1, 2, 3, 4, 5]
        assert [commit.position for commit in opened.commits(Cursor(4))] == [5]
        assert [commit.position for commit in opened.commits_backward()] == [5, 4, 3, 2, 1]
        assert [commit.position for commit in opened.commits_backward(Cursor(4))] == [4, 3, 2, 1]
        assert [batch.position for group in opened.event_batches(Cursor(2)) for batch in group] == [3, 4, 5]
        assert opened.cursor().position == 6
    assert [commit.position for commit in store.open("a").commits()] == [1, 2, 3]


def test_the_line_is_the_one_that_the_store_writes(store: Store) -> None:
    dry = DryRunStore(store, TYPES)
    for target in (dry, store):
        target.open("a").append([Append("counter/x", (Moved(4),))], metadata("c4"))
        target.open("a").append([Append("counter/x", (Moved(5),))], metadata("c5"))
    lines = [appended.line for appended in dry.trace.appended]
    assert lines == (list(store.open("a").lines())[-2:] if store.url.startswith("jsonl:") else [None, None])


def test_a_precondition_that_does_not_hold_is_a_conflict(store: Store) -> None:
    dry = DryRunStore(store, TYPES)
    with pytest.raises(WrongExpectedVersion):
        dry.open("a").append([Append("counter/x", (Moved(4),), 2)], metadata("c4"))
    assert [(each.expected, each.version) for each in dry.trace.conflicts] == [(2, 3)]
    assert dry.trace.appended == []


def test_after_a_conflict_the_command_is_decided_again(store: Store) -> None:
    """Another writer appends between the first decision and the append."""
    dry = DryRunStore(store, TYPES)
    versions: list[int] = []

    def plan(fold: Fold[int]) -> PlannedCommit[Moved]:
        versions.append(fold.version_of("counter/x"))
        if len(versions) == 1:
            store.open("a").append([Append("counter/x", (Moved(9),))], metadata("other"))
        return decide_all(COUNTER, fold, [("counter/x", Move(1))]), metadata("mine")

    outcome = Repository(dry.open("a"), COUNTER).transact(plan)
    assert versions == [3, 4]
    assert outcome.commit is not None
    assert outcome.commit.position == 5
    assert [(each.expected, each.version) for each in dry.trace.conflicts] == [(3, 4)]
    assert [each.preconditions for each in dry.trace.appended] == [{"counter/x": 4}]


def test_a_command_that_was_sent_before_gives_the_same_commit(store: Store) -> None:
    dry = DryRunStore(store, TYPES)
    again = dry.open("a").append([Append("counter/x", (Moved(2),))], metadata("c2"))
    assert (again.position, dry.trace.appended[0].again) == (2, True)
    with pytest.raises(CommandReused):
        dry.open("a").append([Append("counter/x", (Moved(7),))], metadata("c2"))


def test_only_what_follows_a_snapshot_is_read(store: Store) -> None:
    snapshots = MemorySnapshots()
    Repository(store.open("a"), COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()
    store.open("a").append([Append("counter/x", (Moved(4),))], metadata("c4"))
    dry = DryRunStore(store, TYPES)
    repository = Repository(dry.open("a"), COUNTER, snapshots=DryRunSnapshots(snapshots, dry), strategy=AlwaysSnapshot())
    assert repository.fold().position == 4
    (reading,) = dry.trace.readings.values()
    assert (reading.snapshot, reading.forward.count, reading.first, reading.last) == (3, 1, 4, 4)
    assert [info.position for info in snapshots.infos(store.open("a").id, "counter")] == [3]


def test_a_log_is_created_in_memory(store: Store) -> None:
    dry = DryRunStore(store, TYPES)
    log = dry.create("b", AT)
    log.append([Append("counter/x", (Moved(1),), NEW)], metadata("c1"))
    assert dry.names() == dry.originals() == ["a", "b"]
    assert [commit.position for commit in dry.open("b").commits()] == [1]
    assert [created.log for created in dry.trace.created] == ["b"]
    assert store.names() == ["a"]
    for taken in ("a", "A", "b"):
        with pytest.raises(LogExists):
            dry.create(taken, AT)


def test_what_appends_no_events_is_refused(store: Store) -> None:
    dry = DryRunStore(store, TYPES)
    for action in (
        lambda: dry.rename("a", "b"),
        lambda: dry.archive("a"),
        lambda: dry.unarchive("a"),
        lambda: dry.set_aside("a"),
        lambda: dry.migrate(),
        lambda: dry.import_log("b", ()),
    ):
        with pytest.raises(DryRunRefused):
            action()


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 5)), max_size=8))
def test_law_each_event_that_was_read_counts_once(passes: list[tuple[int, int]]) -> None:
    passed = Passed()
    positions: set[int] = set()
    for first, more in passes:
        passed.add(first, first + more)
        positions |= set(range(first, first + more + 1))
    assert passed.count == len(positions)
    assert [each for first, last in passed.ranges for each in range(first, last + 1)] == sorted(positions)
    assert all(later[0] > earlier[1] + 1 for earlier, later in zip(passed.ranges, passed.ranges[1:], strict=False))


def test_work_together_that_fails_makes_no_log_just_where_the_store_is_atomic(store: Store) -> None:
    for atomic in (False, True):
        dry = DryRunStore(store, TYPES)
        dry.atomic = atomic  # as over a server

        def work(dry: DryRunStore = dry) -> None:
            dry.create("b", AT)
            raise KeyError

        dry.create("c", AT)
        with pytest.raises(KeyError):
            dry.together([], work)
        assert dry.names() == (["a", "c"] if atomic else ["a", "b", "c"])
        assert [made.log for made in dry.trace.created] == (["c"] if atomic else ["c", "b"])
