"""Load, decide, append, retry; snapshots; the fold law."""

from collections.abc import Iterator

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.core import EXISTS, NEW, Append, Commit, Place, Rejected, UnknownEvent, WrongExpectedVersion
from cqrs_todo.cqrs.repository import (
    RETRIES,
    AlwaysSnapshot,
    Entity,
    Fold,
    MemorySnapshots,
    NeverSnapshot,
    NullSnapshots,
    Plan,
    Repository,
    SnapshotEvery,
    SnapshotStrategy,
    advance,
    decide_all,
)
from tests.cqrs.counter import COUNTER, Move, Moved, by, new_log


def test_load_or_default_execute_refresh() -> None:
    log = new_log()
    counters = Repository(log, COUNTER)
    assert counters.load("a") is None
    empty = counters.load_or_default("a")
    assert empty == Entity("counter/a", 0, 0)
    entity, commit = counters.execute("a", Move(3), by("c1"))
    assert entity == Entity("counter/a", 3, 1)
    assert commit is not None
    assert (commit.position, commit.metadata.command) == (1, "c1")
    assert counters.load("a") == counters.load_or_default("a") == counters.refresh(empty) == entity
    Repository(log, COUNTER).execute("a", Move(4), by("c2"))
    assert counters.refresh(entity) == Entity("counter/a", 7, 2)
    assert counters.refresh(Entity("counter/never", 0, 0)).version == 0


def test_nothing_to_do_appends_nothing() -> None:
    counters = Repository(new_log(), COUNTER)
    assert counters.execute("a", Move(0), by("c1")) == (Entity("counter/a", 0, 0), None)
    assert list(counters.log.commits()) == []


def test_a_refusal_appends_nothing() -> None:
    counters = Repository(new_log(), COUNTER)
    with pytest.raises(Rejected, match="below zero"):
        counters.execute("a", Move(-1), by("c1"))
    assert list(counters.log.commits()) == []


def test_preconditions_are_the_callers() -> None:
    counters = Repository(new_log(), COUNTER)
    with pytest.raises(WrongExpectedVersion):
        counters.execute("a", Move(1), by("c1"), precondition=EXISTS)
    counters.execute("a", Move(1), by("c2"), precondition=NEW)
    counters.execute("a", Move(1), by("c3"), precondition=1)
    with pytest.raises(WrongExpectedVersion, match="Wrong expected version: new"):
        counters.execute("a", Move(1), by("c4"), precondition=NEW)


def test_a_conflict_is_decided_anew() -> None:
    log = new_log()
    counters = Repository(log, COUNTER)
    decided_at = []

    def plan(fold: Fold[int]) -> Plan[Moved]:
        decided_at.append(fold.position)
        if fold.position < 2:
            Repository(log, COUNTER).execute("a", Move(10), by(f"other {fold.position}"))
        return decide_all(COUNTER, fold, [("counter/a", Move(1))]), by("mine")

    outcome = counters.transact(plan)
    assert decided_at == [0, 1, 2]
    assert outcome.commit is not None
    assert (outcome.commit.position, outcome.before.position, outcome.after.position) == (3, 2, 3)
    assert outcome.after.entities["counter/a"].state == 21


def test_a_conflict_without_end_is_the_callers() -> None:
    log = new_log()
    tries = []

    def plan(fold: Fold[int]) -> Plan[Moved]:
        tries.append(fold.position)
        Repository(log, COUNTER).execute("a", Move(10), by(f"other {fold.position}"))
        return decide_all(COUNTER, fold, [("counter/a", Move(1))]), by("mine")

    with pytest.raises(WrongExpectedVersion):
        Repository(log, COUNTER).transact(plan)
    assert len(tries) == RETRIES + 1


def test_several_commands_on_one_entity_see_each_other() -> None:
    fold: Fold[int] = Fold(0, {})
    commands = [("counter/a", Move(2)), ("counter/b", Move(1)), ("counter/a", Move(-2)), ("counter/b", Move(0))]
    assert decide_all(COUNTER, fold, commands) == {"counter/a": [Moved(2), Moved(-2)], "counter/b": [Moved(1)]}
    with pytest.raises(Rejected):
        decide_all(COUNTER, fold, [*commands, ("counter/a", Move(-1))])


def test_streams_of_other_kinds_and_unknown_events_leave_states_alone() -> None:
    log = new_log()
    log.append([Append("other/1", (Moved(5),)), Append("counter/a", (Moved(1),))], by("c1"))
    (commit,) = log.commits()
    other, mine = commit.events
    unknown = type(mine)(3, "counter/a", 2, "shaken", UnknownEvent("shaken", b"{}"), commit.metadata)
    fold = advance(COUNTER, Fold(0, {}), [commit, type(commit)((unknown,), commit.metadata)])
    assert other.stream not in fold.entities
    assert fold.entities == {"counter/a": Entity("counter/a", 1, 2)}
    assert fold.position == 3


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
        def save(self, log_id: str, fold: Fold[int]) -> None:
            saved.append(fold.position)
            super().save(log_id, fold)

    log, snapshots = new_log(), Watched()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
    for n in range(5):
        counters.execute("a", Move(1), by(f"c{n}"))
    assert saved == expected
    again = Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
    assert again.fold() == counters.fold()


def test_a_snapshot_saves_reading_what_it_holds() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).execute("a", Move(1), by("c1"))
    read_from: list[Place] = []

    original = log.commits

    def spy(since: Place = 0) -> Iterator[Commit]:
        read_from.append(since)
        return original(since)

    log.commits = spy  # type: ignore[method-assign]  # a spy in the log's place
    assert Repository(log, COUNTER, snapshots=snapshots).fold().entities["counter/a"].state == 1
    assert read_from == [1]


def test_null_snapshots_keep_nothing() -> None:
    snapshots = NullSnapshots()
    snapshots.save("id", Fold(1, {}))
    assert snapshots.load("id") is None


def test_snapshot_every_needs_a_positive_number() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SnapshotEvery(0)


@settings(max_examples=500)
@for_all(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=1, max_size=4), max_size=12))
def test_law_fold_of_a_log_is_the_fold_of_its_commits_one_by_one(commits: list[list[tuple[str, int]]]) -> None:
    log = new_log()
    for n, moves in enumerate(commits):
        changes: dict[str, list[Moved]] = {}
        for id, amount in moves:
            changes.setdefault(f"counter/{id}", []).append(Moved(amount))
        log.append([Append(stream, tuple(events)) for stream, events in changes.items()], by(f"c{n}"))
    whole = advance(COUNTER, Fold(0, {}), log.commits())
    step: Fold[int] = Fold(0, {})
    for commit in log.commits():
        step = advance(COUNTER, step, [commit])
    assert whole == step
    assert list(whole.entities) == list(step.entities)
    assert whole.position == sum(len(commit.events) for commit in log.commits())
