"""The fold of a log, also on top of a snapshot."""

from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.events import LOST, REPAIRED, Commit, Recorded, UnknownEvent
from cqrs_todo.cqrs.fold import WAITING, Entities, Entity, Fold
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import (
    AlwaysSnapshot,
)
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from cqrs_todo.cqrs.struct import replace
from tests.cqrs.counter import COUNTER, Move, Moved, by, moved, new_log
from tests.logs import fold_of


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


def test_more_events_than_are_kept_waiting_load_the_whole_snapshot() -> None:
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


def test_unknown_events_are_counted_forward_and_back() -> None:
    def unknown(position: int, version: int, type: str) -> Commit:
        recorded = Recorded(position, "counter/a", version, type, UnknownEvent(type, b"{}"), by("c"))
        return Commit((recorded,), by("c"))

    decider = replace(COUNTER, ignores=frozenset({"noted"}))
    first = Commit((Recorded(1, "counter/a", 1, "moved", Moved(1), by("c")),), by("c"))
    types = ("shaken", LOST, "noted", REPAIRED, "stirred")
    commits = [first, *(unknown(number, number, type) for number, type in enumerate(types, 2))]
    counts = [0, 1, 1, 1, 1, 2]
    snapshot = Fold(decider, Entities(fold_of(decider, [first]), {}), 1)
    for begun, fold in ((0, fold_of(decider, [])), (1, snapshot)):
        for commit, count in list(zip(commits, counts, strict=True))[begun:]:
            fold.apply(commit)
            assert (fold.unknown.get("counter/a", 0), fold.copy().unknown) == (count, fold.unknown)
        for commit, count in list(zip(commits[1:], counts, strict=False))[::-1]:
            fold.undo(commit)
            assert fold.unknown.get("counter/a", 0) == count


def test_a_stream_whose_first_event_is_unknown_counts_it() -> None:
    recorded = Recorded(1, "counter/a", 1, "shaken", UnknownEvent("shaken", b"{}"), by("c"))
    assert fold_of(COUNTER, [Commit((recorded,), by("c"))]).unknown == {"counter/a": 1}


def test_an_unknown_event_changes_no_entity_of_a_snapshot() -> None:
    known, newer = Moved(1), UnknownEvent("counter_reset", b"{}")
    base = Entities([Entity("counter/a", 3, 3, 1)], {})
    metadata = by("c")
    events = [Recorded(4, "counter/a", 4, "moved", newer, metadata), Recorded(5, "counter/a", 5, "moved", known, metadata)]
    fold = Fold(COUNTER, base, 3)
    fold.apply(*(Commit((event,), metadata) for event in events))
    assert fold["counter/a"] == Entity("counter/a", 4, 5, 1)


def test_a_stream_with_events_is_in_a_fold() -> None:
    log = new_log()
    moved(log, "c1")
    moved(log, "c2", "other/x")
    fold = fold_of(COUNTER, log.commits())
    assert "counter/a" in fold
    assert "counter/b" not in fold
    assert "other/x" not in fold, "it is of another kind"
