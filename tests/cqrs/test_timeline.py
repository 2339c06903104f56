"""Time travel, and the steps of undo and redo."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.errors import StaleCursor
from cqrs_todo.cqrs.events import LOST, REDOES, UNDOES, Commit, Metadata, Recorded, UnknownEvent
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import AlwaysSnapshot, SnapshotEvery, SnapshotStrategy
from cqrs_todo.cqrs.steps import Positions, redo_events, redo_steps, undo_events, undo_steps
from cqrs_todo.cqrs.store import Append, Log
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from cqrs_todo.cqrs.timeline import as_of, walk_back
from tests.cqrs.counter import AT, COUNTER, ONE_WAY, Move, Moved, by, moved, new_log
from tests.logs import fold_of


def forward(commits: list[Commit]) -> Fold[int]:
    return fold_of(COUNTER, commits)


STRATEGIES: list[SnapshotStrategy | None] = [None, AlwaysSnapshot(), SnapshotEvery(3)]


def repositories(log: Log) -> Iterator[Repository[int, Any, Moved]]:
    """The log without snapshots, and with many and few of them, taken one by one as it grew and all at once.

    One of the deciders has no `invert`.
    """
    for strategy in STRATEGIES:
        snapshots = MemorySnapshots()
        yield Repository(log, COUNTER, snapshots=snapshots, strategy=strategy)
        yield Repository(log, COUNTER, snapshots=snapshots)
        yield Repository(log, ONE_WAY, snapshots=snapshots)
        slow = MemorySnapshots()
        other = new_log()
        for commit in log.commits():
            other.append([Append(event.stream, (event.data,)) for event in commit.events], commit.metadata)
            Repository(other, COUNTER, snapshots=slow, strategy=strategy).fold()
        yield Repository(other, COUNTER, snapshots=slow)


def write(log: Log, streams: list[str], at: datetime = AT) -> None:
    appends = [Append(stream, (Moved(n + 1),)) for n, stream in enumerate(streams)]
    log.append(appends, Metadata(at, "test@suite", f"c{len(list(log.commits()))}", {}))


histories = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["counter/a", "counter/b", "counter/c", "other/x"]), min_size=1, max_size=3, unique=True),
        st.integers(-3600, 30 * 24 * 3600),
    ),
    max_size=10,
)


@for_all(histories)
def test_law_backward_is_forward_at_every_position(history: list[tuple[list[str], int]]) -> None:
    log = new_log()
    for streams, _ in history:
        write(log, streams)
    commits = list(log.commits())
    head = forward(commits)
    for position in range(head.position + 1):
        fold = head.copy()
        commit = walk_back(fold, log.commits_backward(), position)
        upto = [commit for commit in commits if commit.position <= position]
        assert fold == forward(upto)
        assert commit == (upto[-1] if upto else None)
        assert head == forward(commits), "a copy moves alone"


def written(history: list[tuple[list[str], int]]) -> Log:
    """A log of commits, each so many seconds after the one before."""
    log = new_log()
    at = AT
    for streams, later in history:
        at += timedelta(seconds=later)
        write(log, streams, at)
    return log


@for_all(histories)
def test_law_snapshots_change_nothing(history: list[tuple[list[str], int]]) -> None:
    log = written(history)
    commits = list(log.commits())
    times = {commit.metadata.at + timedelta(seconds=s) for commit in commits for s in (-1, 0)}
    for repository in repositories(log):
        assert repository.fold() == forward(commits)
        for moment in (*range(repository.fold().position + 1), *times):
            expected = forward(commits)
            commit = walk_back(expected, reversed(commits), moment)
            assert as_of(repository, moment) == (expected, commit)


@for_all(histories, st.integers(-7200, 40 * 24 * 3600))
def test_law_at_a_time_is_after_the_last_position_recorded_at_or_before_it(
    history: list[tuple[list[str], int]], seconds: int
) -> None:
    log = written(history)
    commits = list(log.commits())
    moment = AT + timedelta(seconds=seconds)
    fold = forward(commits)
    walk_back(fold, log.commits_backward(), moment)
    recorded = [place for place, commit in enumerate(commits) if commit.metadata.at <= moment]
    assert fold == forward(commits[: recorded[-1] + 1] if recorded else [])


def test_a_moment_after_the_end_is_the_end_and_a_naive_time_is_none() -> None:
    log = new_log()
    write(log, ["counter/a"])
    repository = Repository(log, COUNTER)
    end = forward(list(log.commits()))
    assert [as_of(repository, moment)[0] for moment in (99, AT + timedelta(days=900))] == [end, end]
    with pytest.raises(ValueError, match="the moment has no time zone"):
        as_of(repository, AT.replace(tzinfo=None))


def test_walking_back_reads_no_further_than_it_must() -> None:
    log = new_log()
    for _ in range(10):
        write(log, ["counter/a"])
    backward = log.commits_backward()
    walk_back(forward(list(log.commits())), backward, 8)
    assert next(backward).position == 7


def test_walking_back_over_an_unknown_event_lowers_the_version_alone() -> None:
    log = new_log()
    write(log, ["counter/a"])
    (first,) = log.commits()
    unknown = Recorded(2, "counter/a", 2, "shaken", UnknownEvent("shaken", b"{}"), first.metadata)
    second = Commit((unknown,), first.metadata)
    head = forward([first, second])
    walk_back(head, [second, first], 1)
    assert head == forward([first])


class Steps:
    """A history of undoable commits as two stacks: the plain model that the lazy walk must agree with."""

    def __init__(self) -> None:
        self.log = new_log()
        self.done: list[str] = []
        self.undone: list[str] = []

    def record(self, **meta: list[str]) -> str:
        number = len(list(self.log.commits())) + 1
        metadata = Metadata(AT, "test@suite", f"c{number}", meta)
        return self.log.append([Append("counter/a", (Moved(1),))], metadata).metadata.command

    def act(self, what: str, steps: int) -> None:
        if what == "do":
            self.done.append(self.record())
            self.undone.clear()
        elif what == "undo" and self.done:
            taken = [self.done.pop() for _ in range(min(steps, len(self.done)))]
            self.record(**{UNDOES: taken})
            self.undone += taken
        elif what == "one" and self.done:
            command = self.done.pop(steps % len(self.done))
            self.record(**{UNDOES: [command]})
            self.undone.append(command)
        elif what == "redo" and self.undone:
            taken = [self.undone.pop() for _ in range(min(steps, len(self.undone)))]
            self.record(**{REDOES: taken})
            self.done += taken


@for_all(st.lists(st.tuples(st.sampled_from(["do", "do", "undo", "one", "redo"]), st.integers(1, 3)), max_size=14))
def test_law_undo_and_redo_are_two_stacks(actions: list[tuple[str, int]]) -> None:
    steps = Steps()
    for what, count in actions:
        steps.act(what, count)
        assert list(undo_steps(steps.log.commits_backward())) == [(command,) for command in steps.done[::-1]]
        assert list(redo_steps(steps.log.commits_backward())) == [(command,) for command in steps.undone[::-1]]


def test_a_position_is_reached_from_the_nearer_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log = new_log()
    for _ in range(20):
        write(log, ["counter/a"])
    read: list[int] = []

    def watched(commits: Iterator[Commit]) -> Iterator[Commit]:
        for commit in commits:
            read.append(commit.position)
            yield commit

    repository = Repository(log, COUNTER)
    repository.fold()
    forward_, backward = log.readable_commits, log.readable_commits_backward
    monkeypatch.setattr(log, "readable_commits", lambda since=0: watched(forward_(since)))
    monkeypatch.setattr(log, "readable_commits_backward", lambda before=None: watched(backward(before)))
    for position, walked in ((3, [1, 2, 3, 4]), (18, [20, 19, 18]), (0, [1]), (20, [20])):
        read.clear()
        fold, _ = as_of(repository, position)
        assert fold.position == position
        assert read == walked


def test_undo_reads_no_further_than_it_must() -> None:
    steps = Steps()
    for _ in range(5):
        steps.act("do", 1)
    backward = steps.log.commits_backward()
    assert next(undo_steps(backward)) == ("c5",)
    assert next(backward).position == 4


@pytest.mark.parametrize("count", [1, 3])
def test_undo_events_then_redo_events_lead_back(count: int) -> None:
    log = new_log()
    for streams in (["counter/a", "counter/b"], ["counter/b"], ["counter/a", "counter/c"]):
        write(log, streams)
    counters = Repository(log, COUNTER)
    before = {entity.stream: entity.state for entity in counters.fold()}
    taken = list(log.commits_backward())[:count]
    undoing, redoing = undo_events(COUNTER, taken), redo_events(COUNTER, taken[::-1])
    counters.transact(lambda _: (undoing, Metadata(AT, "t", "u", {})))
    undone = {entity.stream: entity.state for entity in counters.fold()}
    assert undone != before
    counters.transact(lambda _: (redoing, Metadata(AT, "t", "r", {})))
    assert {entity.stream: entity.state for entity in counters.fold()} == before


def test_streams_of_other_kinds_have_their_versions_there_and_back() -> None:
    log = new_log()
    for streams in (["other/x"], ["counter/a", "other/x"], ["other/x"]):
        write(log, streams)
    commits = list(log.commits())
    fold = forward(commits)
    assert [fold.version_of(stream) for stream in ("other/x", "other/y", "counter/a", "counter/b")] == [3, 0, 1, 0]
    for commit, version in zip(reversed(commits), (2, 1, 0), strict=True):
        fold.undo(commit)
        assert fold.version_of("other/x") == version
    assert fold.get("counter/a") is None
    assert fold.position == 0
    with pytest.raises(KeyError, match="counter/b"):
        fold["counter/b"]


def test_folds_are_the_same_where_position_and_entities_are() -> None:
    log = new_log()
    write(log, ["counter/a"])
    write(log, ["other/x"])
    first, both = forward(list(log.commits())[:1]), forward(list(log.commits()))
    assert first != both
    assert both == forward(list(log.commits()))
    assert first != Fold(COUNTER, None, 1)
    assert first != [first]


def test_the_numbers_of_the_new_ones_on_a_snapshot() -> None:
    log = new_log()
    snapshots = MemorySnapshots()
    for stream in ("counter/a", "counter/b", "counter/c"):
        write(log, [stream])
    Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()
    write(log, ["counter/d"])
    write(log, ["counter/a"])
    fold = Repository(log, COUNTER, snapshots=snapshots).fold()
    named = [fold.numbered(number) for number in range(6)]
    assert [entity and (entity.stream, entity.version) for entity in named] == [
        None,
        ("counter/a", 2),
        ("counter/b", 1),
        ("counter/c", 1),
        ("counter/d", 1),
        None,
    ]


def test_a_past_moment_is_found_although_the_snapshots_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    log, snapshots = new_log(), MemorySnapshots()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    for n in range(10):
        counters.execute("a", Move(1), by(f"c{n}"))
        counters.fold()
    middle = counters.snapshot_infos[-3].position
    cursors = [snapshot.cursor for info in counters.snapshot_infos if (snapshot := counters.snapshot(info.position))]
    backward = log.readable_commits_backward

    def stale(until: Cursor | None = None) -> Iterator[Commit]:
        if any(until is cursor for cursor in cursors):
            raise StaleCursor("it is another log")
        return backward(until)

    class Busy(Repository[int, Move, Moved]):
        """Somebody else writes just after it was read."""

        def fold(self) -> Fold[int]:
            fold = super().fold()
            moved(log, f"busy-{fold.position}", steps=100)
            return fold

    monkeypatch.setattr(log, "readable_commits_backward", stale)
    busy = Busy(log, COUNTER, snapshots=snapshots)
    for position in (middle - 1, middle):
        fold, commit = as_of(busy, position)
        assert (fold.position, fold["counter/a"].state) == (position, position)
        assert commit is not None
        assert commit.position == position


def test_without_invert_a_past_moment_is_found_although_the_snapshots_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    log, snapshots = new_log(), MemorySnapshots()
    counters = Repository(log, ONE_WAY, snapshots=snapshots, strategy=AlwaysSnapshot())
    for n in range(10):
        counters.execute("a", Move(1), by(f"c{n}"))
        counters.fold()
    forward = log.readable_commits

    def stale(since: Cursor = START) -> Iterator[Commit]:
        if since.digest:
            raise StaleCursor("it is another log")
        return forward(since)

    monkeypatch.setattr(log, "readable_commits", stale)
    for position in range(1, 10):
        fold, commit = as_of(counters, position)
        assert (fold.position, fold["counter/a"].state) == (position, position)
        assert commit is not None
        assert commit.position == position


def test_a_position_is_found_by_the_id_of_the_command() -> None:
    log = new_log()
    for _ in range(3):
        write(log, ["counter/a"])
    positions = Positions(log.commits_backward())
    assert [positions.of(command) for command in ("c1", "c2", "c0", "gone")] == [2, 3, 1, None]


def test_a_commit_of_the_framework_is_no_step() -> None:
    log = new_log()
    write(log, ["counter/a"])
    (first,) = log.commits()
    lost = Recorded(2, "lost/2", 1, LOST, UnknownEvent(LOST, b"{}"), by("repair"))
    assert list(undo_steps([Commit((lost,), by("repair")), first])) == [("c0",)]


def test_without_invert_there_is_no_undo() -> None:
    log = new_log()
    commit = moved(log, "c1")
    with pytest.raises(TypeError, match="the decider of counter has no `invert`, so its events cannot be undone"):
        undo_events(ONE_WAY, [commit])
    with pytest.raises(TypeError, match="has no `invert`"):
        Repository(log, ONE_WAY).fold().undo(commit)
