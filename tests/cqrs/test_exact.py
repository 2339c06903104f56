"""The repository and its snapshots, to the letter: what mutants of them showed that no other test watches."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.errors import CommandReused, OutcomeUnknown, StaleMark, StoreUnavailable, WrongExpectedVersion
from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata, Outline, Recorded, UnknownEvent, Upcaster
from cqrs_todo.cqrs.fold import Entities, Entity, Fold, fold_of
from cqrs_todo.cqrs.reactions import Reaction
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import (
    AlwaysSnapshot,
    MemorySnapshots,
    NullSnapshots,
    SnapshotEvery,
    Snapshots,
    Taken,
    next_kept,
    thinned,
)
from cqrs_todo.cqrs.store import NEW, Append, Log, Mark, Place, position_of
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.timeline import as_of
from tests.cqrs.counter import AT, COUNTER, TYPES, Move, Moved, by, new_log


def moved(log: Log, command: str, stream: str = "counter/a", steps: int = 1) -> Commit:
    return log.append([Append(stream, (Moved(steps),))], by(command))


def test_the_same_command_again_changes_nothing_more() -> None:
    counters = Repository(new_log(), COUNTER)
    first = counters.execute("a", Move(3), by("c1"))
    assert counters.execute("a", Move(3), by("c1")) == first
    assert counters.fold()["counter/a"].state == 3
    with pytest.raises(WrongExpectedVersion, match="stream: counter/a,"):
        counters.execute("a", Move(1), by("c2"), precondition=NEW)
    with pytest.raises(CommandReused, match=r"^command c1 was recorded at position 1 with other content$"):
        counters.execute("a", Move(4), by("c1"))


def test_what_was_appended_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Repository(new_log(), COUNTER)
    read: Callable[[Place], Iterator[Sequence[Outline]]] = counters.log.outlines
    reads: list[Place] = []

    def watched(since: Place = 0) -> Iterator[Sequence[Outline]]:
        reads.append(since)
        return read(since)

    monkeypatch.setattr(counters.log, "outlines", watched)
    for n in range(3):
        counters.execute("a", Move(1), by(f"c{n}"))
    assert [position_of(place) for place in reads] == [0, 1, 2]
    assert counters.fold()["counter/a"].state == 3
    assert [position_of(place) for place in reads] == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [NullSnapshots, MemorySnapshots])
def test_whoever_is_interrupted_and_goes_on_applies_nothing_twice(kind: Callable[[], Snapshots]) -> None:
    log, left, snapshots = new_log(), [1_000], kind()

    def evolve(state: int, event: Moved) -> int:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return state + event.by

    counters = Repository(log, replace(COUNTER, evolve=evolve), snapshots=snapshots, strategy=SnapshotEvery(15))
    for n in range(20):
        moved(log, f"c{n}")
        if n == 9:
            assert counters.fold()["counter/a"].state == 10
    left[0] = 5
    with pytest.raises(KeyboardInterrupt):
        counters.fold()
    assert (counters.fold()["counter/a"].state, counters.fold()["counter/a"].version) == (20, 20)
    left[0] = 1
    with pytest.raises(KeyboardInterrupt):
        counters.execute("a", Move(1), by("c20"))
    assert counters.fold()["counter/a"].state == 20
    assert Repository(log, COUNTER, snapshots=snapshots).fold() == fold_of(COUNTER, log.commits())


def test_a_batch_that_is_applied_in_part_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Repository(new_log(), COUNTER)
    read: Callable[[Place], Iterator[Sequence[Outline]]] = counters.log.outlines

    def interrupted(since: Place = 0) -> Iterator[Sequence[Outline]]:
        yield next(read(since))
        raise KeyboardInterrupt

    for n in range(5):
        moved(counters.log, f"c{n}")
        if n == 2:
            monkeypatch.setattr(counters.log, "outlines", interrupted)
            with pytest.raises(KeyboardInterrupt):
                counters.fold()
    monkeypatch.setattr(counters.log, "outlines", read)
    assert counters.fold()["counter/a"] == Entity("counter/a", 5, 5, 1)


def test_a_stream_of_a_snapshot_is_changed_at_its_version() -> None:
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


def test_what_is_not_known_changes_no_entity_of_a_snapshot() -> None:
    known, newer = Moved(1), UnknownEvent("counter_reset", b"{}")
    base = Entities([Entity("counter/a", 3, 3, 1)], {})
    metadata = by("c")
    events = [Recorded(4, "counter/a", 4, "moved", newer, metadata), Recorded(5, "counter/a", 5, "moved", known, metadata)]
    fold = Fold(COUNTER, base, 3)
    fold.apply(*(Commit((event,), metadata) for event in events))
    assert fold["counter/a"] == Entity("counter/a", 4, 5, 1)


def test_the_events_of_a_stream_after_a_version_that_came_later_in_the_log() -> None:
    log = new_log()
    for n, stream in enumerate(("counter/a", "counter/b", "counter/b", "counter/b")):
        moved(log, f"c{n}", stream)
    assert [event.position for event in log.events(1, stream="counter/b")] == [3, 4]
    assert [event.position for event in log.events_backward(3, stream="counter/b")] == [3, 2]


def test_the_kind_of_a_stream_stands_before_its_first_slash() -> None:
    reaction = Reaction("watch", lambda _: None, kinds={"counter"})
    streams = ("counter/a", "counter/a/b", "other/counter/a")
    wanted = [reaction.wants(Recorded(1, stream, 1, "moved", Moved(1), by("c"))) for stream in streams]
    assert wanted == [True, True, False]


def test_upcasters_that_turn_in_a_circle_are_refused() -> None:
    def upcaster(type: str) -> Upcaster:
        return Upcaster(type, lambda data: data)

    with pytest.raises(ValueError, match="the upcasters of 'a' lead to 'b', which is no type"):
        EventTypes({"moved": Moved}, {"a": upcaster("b"), "b": upcaster("c"), "c": upcaster("b")})
    with pytest.raises(ValueError, match=r"^an event class stands under two type strings$"):
        EventTypes({"moved": Moved, "moved/2": Moved})


def test_what_was_recorded_and_cant_be_read_is_told_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    log = new_log()
    append = log.append

    def gone(_: Place) -> Iterator[Sequence[Outline]]:
        raise StoreUnavailable("gone")

    def busy(appends: Sequence[Append], metadata: Metadata) -> Commit:
        commit = append(appends, metadata)
        append([Append("counter/b", (Moved(1),))], by("other"))
        monkeypatch.setattr(log, "outlines", gone)
        return commit

    monkeypatch.setattr(log, "append", busy)
    with pytest.raises(OutcomeUnknown, match=r"^@1 was recorded, but what stands there now can't be read: gone$"):
        Repository(log, COUNTER).execute("a", Move(1), by("c1"))


def test_a_mark_elsewhere_is_not_the_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    log, snapshots = new_log(), MemorySnapshots()
    moved(log, "c1")
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    mark = log.mark()
    monkeypatch.setattr(log, "mark", lambda: Mark(7, mark.token, mark.versions))
    for _ in range(2):
        assert counters.fold()["counter/a"].state == 1
    assert list(snapshots.taken(log.id)) == []


def test_how_often_a_long_reading_takes_snapshots(tmp_path: Path) -> None:
    saved: list[int] = []

    class Watched(MemorySnapshots):
        def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[Any]) -> None:
            saved.append(fold.position)
            super().save(log_id, mark, taken, fold)

    url, snapshots = f"jsonl:{tmp_path}", Watched()
    log = open_store(url, TYPES).create("counters", AT)
    for n in range(700):
        moved(log, f"c{n}")
    for expected in ([136, 272, 407, 542, 678, 700], [750]):
        counters = Repository(
            open_store(url, TYPES).open("counters"), COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()
        )
        counters.fold()
        assert saved == expected, "one behind each batch"
        saved.clear()
        for n in range(50):
            moved(log, f"d{n}-{expected}")


def taken(position: int, at: datetime = AT) -> Taken:
    return Taken(position, at, at)


def test_which_snapshots_stay() -> None:
    later = AT + timedelta(days=1)
    assert next_kept([taken(10)]) == 13
    assert thinned([taken(10), taken(13)], taken(20)) == [taken(10), taken(13), taken(20)]
    assert thinned([taken(10), taken(12)], taken(20, later)) == [taken(10), Taken(20, later, AT)]
    assert thinned([taken(5)], taken(5)) == [taken(5)]


def test_when_a_snapshot_is_due() -> None:
    assert not AlwaysSnapshot().due(5, 5, 1)
    assert SnapshotEvery(1).due(1, 0, 1)
    every = SnapshotEvery(2, per=10)
    assert [every.due(position, 0, 105) for position in (9, 10)] == [False, True]
    assert [every.due(position, 0, 5) for position in (1, 2)] == [False, True]


def test_snapshots_in_memory_know_what_stood_there() -> None:
    log, snapshots = new_log(), MemorySnapshots()
    commits = [moved(log, "c1"), moved(log, "c2", "other/x")]
    fold = fold_of(COUNTER, commits)
    for position in (2, 20):
        fold.position = position
        snapshots.save("id", Mark(position, f"t{position}", lambda _: 0), taken(position), fold)
    assert [each.position for each in snapshots.taken("id")] == [2, 20]
    kept = snapshots.load("id", 2)
    assert kept is not None
    assert kept.mark.token == "t2"
    assert [kept.mark.versions(stream) for stream in ("counter/a", "other/x", "counter/b")] == [1, 1, 0]


def test_a_past_moment_where_no_snapshot_stands_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    log, snapshots = new_log(), MemorySnapshots()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    for n in range(10):
        counters.execute("a", Move(1), by(f"c{n}"))
        counters.fold()
    middle = counters.taken[-3].position
    backward = log.commits_backward

    def stale(before: int | Mark | None = None) -> Iterator[Commit]:
        if isinstance(before, Mark):
            raise StaleMark("it is another log")
        return backward(before)

    class Busy(Repository[int, Move, Moved]):
        """Somebody else writes just after it was read."""

        def fold(self) -> Fold[int]:
            fold = super().fold()
            moved(log, f"busy-{fold.position}", steps=100)
            return fold

    monkeypatch.setattr(log, "commits_backward", stale)
    busy = Busy(log, COUNTER, snapshots=snapshots)
    for position in (middle - 1, middle):
        fold, commit = as_of(busy, position)
        assert (fold.position, fold["counter/a"].state) == (position, position)
        assert commit is not None
        assert commit.position == position
