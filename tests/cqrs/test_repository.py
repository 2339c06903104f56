"""Load, decide, append, retry; snapshots; the fold law."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected, WrongExpectedVersion
from cqrs_todo.cqrs.events import Outline, UnknownEvent
from cqrs_todo.cqrs.fold import WAITING, Entity, Fold, fold_of
from cqrs_todo.cqrs.repository import RETRIES, Plan, Repository, decide_all
from cqrs_todo.cqrs.snapshots import (
    AlwaysSnapshot,
    MemorySnapshots,
    NeverSnapshot,
    NullSnapshots,
    SnapshotEvery,
    SnapshotStrategy,
    Taken,
    nearest,
    next_kept,
    thinned,
)
from cqrs_todo.cqrs.store import EXISTS, NEW, Append, Mark, Place, position_of
from tests.cqrs.counter import AT, COUNTER, Move, Moved, by, new_log


def test_load_or_default_execute_refresh() -> None:
    log = new_log()
    counters = Repository(log, COUNTER)
    assert counters.load("a") is None
    empty = counters.load_or_default("a")
    assert empty == Entity("counter/a", 0, 0)
    entity, commit = counters.execute("a", Move(3), by("c1"))
    assert entity == Entity("counter/a", 3, 1, 1)
    assert commit is not None
    assert (commit.position, commit.metadata.command) == (1, "c1")
    assert counters.load("a") == counters.load_or_default("a") == counters.refresh(empty) == entity
    Repository(log, COUNTER).execute("a", Move(4), by("c2"))
    assert counters.refresh(entity) == Entity("counter/a", 7, 2, 1)
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
    assert (outcome.commit.position, outcome.fold.position) == (3, 3)
    assert outcome.fold["counter/a"].state == 21


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


def test_a_plan_is_made_on_the_latest_fold() -> None:
    log = new_log()
    mine, other = Repository(log, COUNTER), Repository(log, COUNTER)
    mine.fold()
    other.execute("a", Move(5), by("c1"))
    entity, commit = mine.execute("a", Move(-3), by("c2"))
    assert commit is not None
    assert entity.state == 2
    other.execute("a", Move(-2), by("c3"))

    def unless_moved(fold: Fold[int]) -> Plan[Moved]:
        return {"counter/a": [Moved(3)] if fold["counter/a"].state == 0 else []}, by("c4")

    assert mine.transact(unless_moved).fold["counter/a"].state == 3
    other.execute("b", Move(7), by("c5"))

    def known(fold: Fold[int]) -> Plan[Moved]:
        return {"counter/b": [Moved(fold["counter/b"].state)]}, by("c6")

    assert mine.transact(known).fold["counter/b"].state == 14
    with pytest.raises(Rejected, match="below zero"):
        mine.execute("a", Move(-4), by("c7"))


def test_a_bug_in_a_decider_is_raised_also_when_others_have_written() -> None:
    log = new_log()
    mine, other = Repository(log, COUNTER), Repository(log, COUNTER)
    mine.fold()
    other.execute("a", Move(5), by("c1"))

    def wrong(_fold: Fold[int]) -> Plan[Moved]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mine.transact(wrong)


def test_whoever_only_writes_takes_snapshots_too() -> None:
    snapshots = MemorySnapshots()
    counters = Repository(new_log(), COUNTER, snapshots=snapshots, strategy=SnapshotEvery(10))
    for n in range(25):
        counters.execute("a", Move(1), by(f"c{n}"))
    assert [taken.position for taken in snapshots.taken(counters.log.id)] == [10, 20]


def test_several_commands_on_one_entity_see_each_other() -> None:
    fold: Fold[int] = Fold(COUNTER)
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
    fold = fold_of(COUNTER, [commit, type(commit)((unknown,), commit.metadata)])
    assert list(fold) == [Entity("counter/a", 1, 2, 1)]
    assert fold.get(other.stream) is None
    assert fold.numbered(1) == fold["counter/a"]
    assert fold.numbered(0) is fold.numbered(2) is None
    assert fold.position == 3
    assert [fold.version_of(stream) for stream in ("other/1", "counter/a", "counter/b")] == [1, 2, 0]


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
        def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[int]) -> None:
            saved.append(fold.position)
            super().save(log_id, mark, taken, fold)

    log, snapshots = new_log(), Watched()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
    for n in range(5):
        counters.execute("a", Move(1), by(f"c{n}"))
        counters.fold()
    assert saved == expected
    again = Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
    assert again.fold() == counters.fold()


def test_a_snapshot_saves_reading_what_it_holds() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    counters.execute("a", Move(1), by("c1"))
    counters.fold()
    read_from: list[int] = []

    original = log.outlines

    def spy(since: Place = 0) -> Iterator[Sequence[Outline]]:
        read_from.append(position_of(since))
        return original(since)

    log.outlines = spy  # type: ignore[method-assign]  # a spy in the log's place
    assert Repository(log, COUNTER, snapshots=snapshots).fold()["counter/a"].state == 1
    assert read_from == [1]


def test_what_waits_is_settled_before_it_is_too_much() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    for n in range(3):
        counters.execute(f"{n}", Move(1), by(f"c{n}"))
    counters.fold()
    log.append([Append("counter/1", tuple(Moved(1) for _ in range(WAITING + 1)))], by("many"))
    log.append([Append("counter/new", (Moved(5),))], by("new"))
    late = Repository(log, COUNTER, snapshots=snapshots)
    assert late.fold() == fold_of(COUNTER, log.commits())
    assert late.fold()["counter/1"].state == WAITING + 2
    assert [entity.number for entity in late.fold().starting("counter/")] == [1, 2, 3, 4]


def test_snapshots_are_spaced_geometrically() -> None:
    taken: list[Taken] = []
    for position in range(500, 100_000, 500):
        at = AT + timedelta(seconds=position % 7_000)
        taken = thinned(taken, Taken(position, at, at))
    assert taken[-1].position == 99_500
    assert len(taken) < 40
    for before, after in pairwise(each.position for each in taken):
        assert after - before <= max(500, before * 0.2 + 500)
    earliest = [min(p % 7_000 for p in range(b + 500, a + 1, 500)) for b, a in pairwise([0, *(t.position for t in taken)])]
    assert [each.earliest for each in taken] == [AT + timedelta(seconds=second) for second in earliest]
    assert next_kept([]) == 0
    assert nearest(taken, 99_500) == (99_500, 99_500)
    assert nearest(taken, 1) == (0, 500)
    assert nearest(taken, 99_999)[0] == 99_500


def test_null_snapshots_keep_nothing() -> None:
    snapshots = NullSnapshots()
    snapshots.save("id", Mark(1, "", lambda _: 0), Taken(1, AT, AT), Fold(COUNTER))
    assert snapshots.load("id", 1) is None
    assert list(snapshots.taken("id")) == []


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
    whole = fold_of(COUNTER, log.commits())
    step: Fold[int] = Fold(COUNTER)
    for commit in log.commits():
        step.apply(commit)
        step = step.copy()
    assert whole == step
    assert whole.position == sum(len(commit.events) for commit in log.commits())
