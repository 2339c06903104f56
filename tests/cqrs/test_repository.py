"""The repository: load, decide, append, and try again after a conflict."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from cqrs_todo.cqrs import store
from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.errors import (
    CqrsError,
    DamagedLog,
    LogBusy,
    OutcomeUnknown,
    Rejected,
    StoreUnavailable,
    UnknownEvents,
    WrongExpectedVersion,
)
from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata
from cqrs_todo.cqrs.fold import Entity, Fold
from cqrs_todo.cqrs.protocols import EventBatch
from cqrs_todo.cqrs.query import AppendCondition
from cqrs_todo.cqrs.repository import RETRIES, PlannedCommit, Repository, decide_all
from cqrs_todo.cqrs.snapshots import (
    AlwaysSnapshot,
    NullSnapshots,
    SnapshotEvery,
    Snapshots,
)
from cqrs_todo.cqrs.store import EXISTS, NEW, Append, Log, StreamVersions
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.memory import MemorySnapshots
from cqrs_todo.cqrs.struct import Struct, replace
from tests.cqrs.counter import AT, COUNTER, TYPES, Move, Moved, by, moved, new_log
from tests.logs import fold_of


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


@pytest.mark.parametrize("id", ["a", "algebra/ada", "counter/a"])
def test_the_id_of_an_aggregate_can_be_had_from_the_name_of_its_stream(id: str) -> None:
    assert COUNTER.id_of(COUNTER.stream(id)) == id


@pytest.mark.parametrize("kind", ["", "a/b", "a\n"])
def test_a_kind_of_aggregate_names_streams(kind: str) -> None:
    with pytest.raises(ValueError, match="the kind of a decider"):
        replace(COUNTER, kind=kind)


def test_nothing_to_do_appends_nothing() -> None:
    counters = Repository(new_log(), COUNTER)
    assert counters.execute("a", Move(0), by("c1")) == (Entity("counter/a", 0, 0), None)
    assert list(counters.log.commits()) == []


def test_a_decider_that_returns_no_events_is_named() -> None:
    counters = Repository(new_log(), replace(COUNTER, decide=lambda *_: None))
    with pytest.raises(TypeError, match="`decide` of counter returned None: it must return the new events"):
        counters.execute("a", Move(1), by("c1"))


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

    def plan(fold: Fold[int]) -> PlannedCommit[Moved]:
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

    def plan(fold: Fold[int]) -> PlannedCommit[Moved]:
        tries.append(fold.position)
        Repository(log, COUNTER).execute("a", Move(10), by(f"other {fold.position}"))
        return decide_all(COUNTER, fold, [("counter/a", Move(1))]), by("mine")

    with pytest.raises(WrongExpectedVersion):
        Repository(log, COUNTER).transact(plan)
    assert len(tries) == RETRIES + 1


def test_a_plan_executes_no_commands() -> None:
    counters = Repository(new_log(), COUNTER)

    def plan(fold: Fold[int]) -> PlannedCommit[Moved]:
        assert fold.get("counter/a") is None
        counters.execute("a", Move(1), by("c1"))
        return {"counter/a": [Moved(1)]}, by("c2")

    with pytest.raises(ValueError, match="a plan must not execute commands"):
        counters.transact(plan)
    assert list(counters.log.commits()) == []


def test_what_is_forgotten_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store("memory:", TYPES)
    log = store.create("counters", AT)
    for stream in ("counter/a", "counter/b"):
        moved(log, stream, stream)
    snapshots = MemorySnapshots()
    counters = Repository(log, COUNTER, snapshots=snapshots, strategy=AlwaysSnapshot())
    event_batches = log.event_batches

    def meanwhile(since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        yield from event_batches(since, versions)
        if not log.forgotten:
            store.forget("counters", ["counter/a"])

    monkeypatch.setattr(log, "event_batches", meanwhile)
    assert counters.fold().get("counter/a") == Entity("counter/a", 0, 1, 1)
    assert Repository(log, COUNTER, snapshots=snapshots).load("a") == Entity("counter/a", 0, 1, 1)


class Jumped(Struct, frozen=True):
    by: int


@pytest.mark.parametrize("ignores", [frozenset[str](), frozenset({"jumped"})])
def test_no_snapshot_is_taken_of_what_lacks_events(tmp_path: Path, ignores: frozenset[str]) -> None:
    newer = open_store(f"jsonl:{tmp_path}", EventTypes({**COUNTER.events, "jumped": Jumped}))
    log = newer.create("counters", AT)
    moved(log, "c1")
    older, snapshots = open_store(newer.url, TYPES), MemorySnapshots()
    decider = replace(COUNTER, ignores=ignores)

    def fold() -> Fold[int]:
        return Repository(older.open("counters"), decider, snapshots=snapshots, strategy=AlwaysSnapshot()).fold()

    assert fold().position == 1
    log.append([Append("counter/a", (Jumped(5),))], by("c2"))
    assert fold().position == 2
    assert [info.position for info in snapshots.infos(log.id, "counter")] == [1]


def test_a_plan_is_made_on_the_latest_fold() -> None:
    log = new_log()
    mine, other = Repository(log, COUNTER), Repository(log, COUNTER)
    mine.fold()
    other.execute("a", Move(5), by("c1"))
    entity, commit = mine.execute("a", Move(-3), by("c2"))
    assert commit is not None
    assert entity.state == 2
    other.execute("a", Move(-2), by("c3"))

    def unless_moved(fold: Fold[int]) -> PlannedCommit[Moved]:
        return {"counter/a": [Moved(3)] if fold["counter/a"].state == 0 else []}, by("c4")

    assert mine.transact(unless_moved).fold["counter/a"].state == 3
    other.execute("b", Move(7), by("c5"))

    def known(fold: Fold[int]) -> PlannedCommit[Moved]:
        return {"counter/b": [Moved(fold["counter/b"].state)]}, by("c6")

    assert mine.transact(known).fold["counter/b"].state == 14
    with pytest.raises(Rejected, match="below zero"):
        mine.execute("a", Move(-4), by("c7"))


def test_a_bug_in_a_decider_is_raised_also_when_others_have_written() -> None:
    log = new_log()
    mine, other = Repository(log, COUNTER), Repository(log, COUNTER)
    mine.fold()
    other.execute("a", Move(5), by("c1"))

    def wrong(_fold: Fold[int]) -> PlannedCommit[Moved]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mine.transact(wrong)


def test_several_commands_on_one_entity_see_each_other() -> None:
    fold: Fold[int] = Fold(COUNTER)
    commands = [("counter/a", Move(2)), ("counter/b", Move(1)), ("counter/a", Move(-2)), ("counter/b", Move(0))]
    assert decide_all(COUNTER, fold, commands) == {"counter/a": [Moved(2), Moved(-2)], "counter/b": [Moved(1)]}
    with pytest.raises(Rejected):
        decide_all(COUNTER, fold, [*commands, ("counter/a", Move(-1))])


def test_the_same_command_id_again_changes_nothing() -> None:
    counters = Repository(new_log(), COUNTER)
    first = counters.execute("a", Move(3), by("c1"))
    assert counters.execute("a", Move(3), by("c1")) == first
    assert counters.fold()["counter/a"].state == 3
    with pytest.raises(WrongExpectedVersion, match="stream: counter/a,"):
        counters.execute("a", Move(1), by("c2"), precondition=NEW)
    entity, commit = counters.execute("b", Move(4), by("c1"))
    assert (entity, commit) == (Entity("counter/b", 0, 0), first[1]), "what this command recorded, whatever it was"


def test_what_is_decided_on_a_command_that_was_sent_before_does_not_matter() -> None:
    counters = Repository(new_log(), COUNTER)
    _, first = counters.execute("a", Move(3), by("c1"))
    counters.execute("a", Move(-3), by("c2"))
    _, lowered = counters.execute("a", Move(0), by("c3"))
    assert lowered is None
    entity, again = counters.execute("a", Move(-3), by("c2"))  # now it would be refused
    assert (entity.state, entity.version) == (0, 2)
    assert again == list(counters.log.commits())[1]
    assert counters.execute("a", Move(3), by("c1"), precondition=NEW)[1] == first
    assert len(list(counters.log.commits())) == 2
    outcome = counters.transact(lambda _: ({}, by("c1")), "c1")
    assert outcome.commit == first


def _other_writes_first(log: Log, monkeypatch: pytest.MonkeyPatch, stream: str) -> list[int]:
    """Let another writer change a stream between the first plan and its append. Returns the positions planned at."""
    append = log.append

    def late(appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        monkeypatch.setattr(log, "append", append)
        moved(log, "other", stream)
        return append(appends, metadata, condition=condition)

    monkeypatch.setattr(log, "append", late)
    return []


@pytest.mark.parametrize(
    ("read", "planned_again"),
    [
        (lambda fold: fold.get("counter/a"), True),
        (lambda fold: fold.numbered(1), True),
        (lambda fold: fold.version_of("counter/a"), True),
        (lambda fold: fold.version_of("other/a"), False),
        (lambda fold: fold.get("counter/b"), False),
        (lambda fold: fold.numbered(2), False),
        (lambda fold: fold.numbered(99), True),
        (lambda fold: len(fold), True),
        (list, True),
        (lambda fold: fold.starting("counter/x"), True),
        (lambda fold: fold.position, False),
    ],
)
def test_a_commit_is_planned_again_if_what_the_plan_has_read_was_changed_meanwhile(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[Fold[int]], object], planned_again: bool
) -> None:
    log = new_log()
    moved(log, "c1", "counter/a")
    moved(log, "c2", "counter/b")
    counters = Repository(log, COUNTER)
    planned = _other_writes_first(log, monkeypatch, "counter/a")

    def plan(fold: Fold[int]) -> PlannedCommit[Moved]:
        planned.append(fold.position)
        read(fold)
        return {"counter/c": [Moved(1)]}, by("mine")

    outcome = counters.transact(plan)
    assert planned == ([2, 3] if planned_again else [2])
    assert outcome.commit is not None
    assert outcome.commit.position == 4
    assert outcome.fold == fold_of(COUNTER, log.commits())


def test_two_writers_cannot_break_a_rule_over_two_streams() -> None:
    """Two doctors are on call, and one must stay: each signs off because the other one is there."""
    log = new_log()
    moved(log, "c1", "counter/a")
    moved(log, "c2", "counter/b")

    def sign_off(own: str, other: str, meanwhile: Callable[[], object]) -> Callable[[Fold[int]], PlannedCommit[Moved]]:
        def plan(fold: Fold[int]) -> PlannedCommit[Moved]:
            if fold[other].state == 0:
                raise Rejected("one must stay")
            meanwhile()
            return {own: [Moved(-1)]}, by(f"off {own}")

        return plan

    def first() -> None:
        if not done:
            done.append(True)
            Repository(log, COUNTER).transact(sign_off("counter/b", "counter/a", lambda: None))

    done: list[bool] = []
    with pytest.raises(Rejected, match="one must stay"):
        Repository(log, COUNTER).transact(sign_off("counter/a", "counter/b", first))
    assert [entity.state for entity in Repository(log, COUNTER).fold()] == [1, 0]


def test_appended_commits_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Repository(new_log(), COUNTER)
    read = counters.log.event_batches
    reads: list[int] = []

    def watched(since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        reads.append(since.position)
        return read(since, versions)

    monkeypatch.setattr(counters.log, "event_batches", watched)
    for n in range(3):
        counters.execute("a", Move(1), by(f"c{n}"))
    assert reads == [0, 1, 2]
    assert counters.fold()["counter/a"].state == 3
    assert reads == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", [NullSnapshots, MemorySnapshots])
def test_after_an_interruption_no_event_is_applied_twice(kind: Callable[[], Snapshots]) -> None:
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


def test_reading_that_was_interrupted_between_two_groups_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Repository(new_log(), COUNTER)
    read = counters.log.event_batches

    def interrupted(since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        yield next(read(since, versions))
        raise KeyboardInterrupt

    for n in range(5):
        moved(counters.log, f"c{n}")
        if n == 2:
            monkeypatch.setattr(counters.log, "event_batches", interrupted)
            with pytest.raises(KeyboardInterrupt):
                counters.fold()
    monkeypatch.setattr(counters.log, "event_batches", read)
    assert counters.fold()["counter/a"] == Entity("counter/a", 5, 5, 1)


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), LogBusy("gone"), DamagedLog("gone")])
def test_a_commit_after_which_the_log_cannot_be_read_is_reported_as_recorded(
    monkeypatch: pytest.MonkeyPatch, error: CqrsError
) -> None:
    log = new_log()
    append = log.append

    def gone(*_: object) -> Iterator[Sequence[EventBatch]]:
        raise error

    def busy(appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None) -> Commit:
        commit = append(appends, metadata, condition=condition)
        append([Append("counter/b", (Moved(1),))], by("other"))
        monkeypatch.setattr(log, "event_batches", gone)
        return commit

    monkeypatch.setattr(log, "append", busy)
    with pytest.raises(OutcomeUnknown, match=r"^@1 was recorded, but the log cannot be read now: gone$"):
        Repository(log, COUNTER).execute("a", Move(1), by("c1"))


class Turned(Struct, frozen=True):
    """An event that counters do not know."""


def test_unknown_events_of_a_stream_with_a_name_that_no_append_takes_are_refused_as_any_others(tmp_path: Path) -> None:
    log = open_store(f"jsonl:{tmp_path}", EventTypes({"turned": Turned})).create("counters", AT)
    # as a program that allows every name
    with patch.object(store, "check_recorded_name"), patch.object(store, "check_stream_name"):
        log.append([Append("counter/\n", (Turned(),))], by("c1"))
    counters = Repository(open_store(f"jsonl:{tmp_path}", TYPES).open("counters"), COUNTER)
    with pytest.raises(UnknownEvents, match="has an event that this program does not know; nothing was recorded"):
        counters.execute("\n", Move(1), by("c2"))
