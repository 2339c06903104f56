"""The part of the contract of stores that concerns those who follow their logs: reactions and subscriptions."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from ..boundary import DecisionModel, decide_on
from ..checkpoints import Checkpoint, Parked
from ..cursor import START, Cursor
from ..decider import Decider
from ..errors import InvalidLogName, Rejected, StaleCursor, StoreUnavailable, UnknownEvents, in_words
from ..events import FORGOTTEN, EventTypes, Metadata, Recorded
from ..operation_errors import ReactionBusy
from ..query import AppendCondition, Query
from ..reactions import Reaction, Runner, Send
from ..repository import Repository
from ..store import Log, Store
from ..struct import replace
from ..subscriptions import Subscription, wait
from .examples import (
    AT,
    CONTRACT_TYPES,
    LARGE,
    LATER_TYPES,
    SPLIT_TYPES,
    Counted,
    Half,
    Renamed,
    metadata,
    numbers,
    one,
)

PATIENCE = 10.0
"""For how many seconds a case waits for what must come."""


class ReactionContract:
    """The contract of checkpoints, and of reading a log on and on.

    `StoreContract` includes it, and describes what a subclass needs.
    """

    def elsewhere(self, store: Store, types: EventTypes) -> Store:
        """Return another store over the same logs, as in another program that has registered other events."""
        pytest.skip("nothing is kept outside the process")

    @pytest.fixture
    def log(self, store: Store) -> Log:
        """An empty log."""
        return store.create("inbox", AT)

    def reopened(self, store: Store) -> Log:
        """Return another object for the log, as another reader has it."""
        return store.open("inbox")

    def test_checkpoints_are_kept_by_reaction_and_log(self, store: Store) -> None:
        checkpoints = store.checkpoints()
        assert checkpoints.load("mail", "log-1") == Checkpoint()
        checkpoints.save("mail", "log-1", Checkpoint(3))
        checkpoints.save("mail", "log-2", Checkpoint(5))
        checkpoints.save("count", "log-1", Checkpoint(7))
        checkpoints.save("mail", "log-1", Checkpoint(4))
        positions = [
            store.checkpoints().load(*key).position for key in (("mail", "log-1"), ("mail", "log-2"), ("count", "log-1"))
        ]
        assert positions == [4, 5, 7]
        log = store.create("inbox", AT)
        for number in range(3):
            log.append(one("a/1", number), metadata(f"c{number}"))
        whole = Checkpoint(2, log.cursor())
        assert checkpoints.save("mail", log.id, whole)
        assert store.checkpoints().load("mail", log.id) == whole
        begun = Checkpoint(3, log.cursor(), begun=2, passed=("c1/1", "c2/-1"), forgotten=4)
        assert checkpoints.save("mail", log.id, begun)
        assert store.checkpoints().load("mail", log.id) == begun
        assert not checkpoints.save("mail", log.id, Checkpoint(9, moves=7)), "the store has never set it back"
        assert store.checkpoints().load("mail", log.id) == begun
        for name in ("", "../mail", "a/b"):
            with pytest.raises(InvalidLogName):
                checkpoints.save(name, "log-1", Checkpoint(1))

    def test_checkpoints_are_kept_for_other_programs(self, store: Store) -> None:
        elsewhere = self.elsewhere(store, CONTRACT_TYPES)
        log = store.create("inbox", AT)
        log.append(one("a/1", 1), metadata("c1"))
        kept = Checkpoint(1, log.cursor())
        store.checkpoints().save("mail", "log-1", kept)
        assert elsewhere.checkpoints().load("mail", "log-1") == kept
        assert list(elsewhere.open("inbox").commits(kept.base)) == []

    def test_a_reaction_gets_what_it_wants_once_and_in_order(self, store: Store, log: Log) -> None:
        seen: list[Recorded] = []
        runner = Runner(store, log, Reaction("see", seen.append, Query.of(kinds={"a"}, types={"counted"})))
        assert runner.catch_up() == 0
        written = [log.append([*one("a/1", n), *one("b/1", -n)], metadata(f"c{n}")) for n in range(3)]
        assert (runner.catch_up(), runner.catch_up()) == (3, 0)
        assert seen == [commit.events[0] for commit in written]
        assert len({event.id for commit in written for event in commit.events}) == 6
        assert store.checkpoints().load("see", log.id).position == 6, "what it does not want is not looked at again"
        log.append(one("a/2", 9), metadata("later"))
        assert Runner(store, self.reopened(store), Reaction("see", seen.append, Query.of(kinds={"a"}))).catch_up() == 1
        nothing = Reaction("see nothing", seen.append, Query.of(types={FORGOTTEN}))
        assert (Runner(store, log, nothing).catch_up(), numbers(seen)) == (0, [0, 1, 2, 9])

    def test_a_runner_goes_on_where_it_was_and_reads_nothing_before(self, store: Store, log: Log) -> None:
        for n in range(5):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[Recorded] = []
        assert Runner(store, log, Reaction("see", seen.append)).catch_up() == 5
        log.append(one("a/1", 5), metadata("c5"))
        other = self.reopened(store)
        read: list[int] = []
        selected = other.selected

        def watched(query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
            for events, cursor in selected(query, since):
                read.extend(event.position for event in events)
                yield events, cursor

        other.selected = watched  # type: ignore[method-assign]  # to see what is read
        assert Runner(store, other, Reaction("see", seen.append)).catch_up() == 1
        del other.selected
        assert (read, numbers(seen)) == ([6], [0, 1, 2, 3, 4, 5])

    def test_one_holder_has_the_lease_until_it_ends(self, store: Store, log: Log) -> None:
        kept = store.checkpoints()
        assert kept.hold("mail", log.id, "one", 60)
        assert not kept.hold("mail", log.id, "two", 60)
        assert kept.hold("count", log.id, "two", 60), "each reaction has its own"
        kept.release("mail", log.id, "two")
        assert not store.checkpoints().hold("mail", log.id, "two", 60)
        assert kept.save("mail", log.id, Checkpoint(3), "one")
        assert kept.hold("mail", log.id, "one", 0.05)
        time.sleep(0.1)
        assert store.checkpoints().hold("mail", log.id, "two", 60)
        assert not kept.save("mail", log.id, Checkpoint(9), "one"), "it came too late"
        assert not kept.hold("mail", log.id, "one", 60)
        assert kept.save("mail", log.id, Checkpoint(4), "two")
        kept.release("mail", log.id, "two")
        assert not kept.hold("mail", log.id, "one", 60, renew=True), "someone else has held it since"
        assert kept.hold("mail", log.id, "one", 0.05)
        time.sleep(0.1)
        assert kept.hold("mail", log.id, "one", 60, renew=True), "nobody has taken it since it ended"
        assert not kept.hold("mail", log.id, "two", 60, renew=True)
        assert kept.load("mail", log.id).position == 4

    def test_a_runner_that_was_stopped_beyond_its_lease_does_not_go_on(self, store: Store, log: Log) -> None:
        for n in range(6):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[tuple[str, int]] = []

        def slow(event: Recorded) -> None:
            seen.append(("slow", event.position))
            if event.position == 3:
                time.sleep(0.1)  # longer than the lease
                Runner(store, log, Reaction("see", lambda event: seen.append(("other", event.position)))).catch_up()
                raise ValueError("it is tried again")

        with pytest.raises(ReactionBusy):
            Runner(store, log, Reaction("see", slow), every=1, lease=0.05, pause=0.01).catch_up()
        assert seen == [("slow", 1), ("slow", 2), ("slow", 3), *(("other", position) for position in range(3, 7))]
        assert store.checkpoints().load("see", log.id).position == 6
        assert list(store.checkpoints().parked("see", log.id)) == []

    def test_of_two_runners_one_is_active(self, store: Store, log: Log) -> None:
        for n in range(20):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[int] = []
        refused: list[bool] = []

        def react(event: Recorded) -> None:
            seen.append(event.data.number)
            with pytest.raises(ReactionBusy, match="its lease ends within 30 s"):
                Runner(store, self.reopened(store), Reaction("see", react)).catch_up()
            refused.append(True)

        assert Runner(store, log, Reaction("see", react)).catch_up() == 20
        assert (seen, len(refused)) == (list(range(20)), 20)
        assert Runner(store, self.reopened(store), Reaction("see", react)).catch_up() == 0

    def test_a_runner_that_is_stopped_beyond_its_lease_is_replaced(self, store: Store, log: Log) -> None:
        for n in range(6):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[int] = []

        def stop_at_3(event: Recorded) -> None:
            seen.append(event.data.number)
            if event.data.number == 3:
                time.sleep(0.2)  # as if the process were stopped
                other = Runner(store, self.reopened(store), Reaction("see", lambda event: seen.append(event.data.number)))
                assert other.catch_up() == 3

        stopped = Runner(store, log, Reaction("see", stop_at_3), every=1, lease=0.1)
        with pytest.raises(ReactionBusy, match="taken over"):
            stopped.catch_up()
        assert seen == [0, 1, 2, 3, 3, 4, 5], "only the event in flight comes again"

    def test_a_reaction_can_begin_now(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        seen: list[Recorded] = []
        runner = Runner(store, log, Reaction("see", seen.append))
        assert (runner.begin_now(), runner.begin_now()) == (True, False)
        log.append(one("a/1", 2), metadata("c2"))
        assert (runner.catch_up(), numbers(seen)) == (1, [2])

    def test_a_reaction_never_gets_what_was_in_the_log_when_it_began(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1, 2), metadata("c1"))
        seen: list[Recorded] = []
        runner = Runner(store, log, Reaction("see", seen.append), every=1)
        assert runner.begin_now()
        assert store.checkpoints().load("see", log.id).begun == 2
        log.append(one("a/1", 3, 4), metadata("c2"))
        store.checkpoints().save("see", log.id, Checkpoint(begun=2, passed=("c1/1", "c1/2", "c2/1")))
        assert (runner.catch_up(), numbers(seen)) == (1, [4]), "it is given what has not been passed, wherever that is now"
        log.append(one("a/1", 5), metadata("c3"))
        assert (Runner(store, self.reopened(store), Reaction("see", seen.append)).catch_up(), numbers(seen)) == (1, [4, 5])
        kept = store.checkpoints().load("see", log.id)
        assert (kept.position, kept.begun, kept.passed) == (5, 2, ("c1/1", "c1/2", "c2/1"))

    def test_a_reaction_that_fails_gets_the_event_again(self, store: Store, log: Log) -> None:
        for n in range(4):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[int] = []

        def fail_twice(event: Recorded) -> None:
            seen.append(event.data.number)
            if event.data.number == 2 and seen.count(2) < 3:
                raise ConnectionError("the other side is not there")

        runner = Runner(store, log, Reaction("send", fail_twice), pause=0.001)
        assert (runner.catch_up(), seen) == (4, [0, 1, 2, 2, 2, 3])
        assert runner.parked() == []

    def test_an_event_that_a_reaction_cannot_handle_is_parked(self, store: Store, log: Log) -> None:
        for n in range(4):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[int] = []
        broken = {1, 2}

        def react(event: Recorded) -> None:
            seen.append(event.data.number)
            if event.data.number in broken:
                raise ConnectionError(f"no \0 {event.data.number}")

        runner = Runner(store, log, Reaction("send", react), retries=1, pause=0.001)
        assert (runner.catch_up(), seen) == (4, [0, 1, 1, 2, 2, 3])
        assert store.checkpoints().load("send", log.id).position == 4
        later = Runner(store, self.reopened(store), Reaction("send", react))
        assert [(each.position, each.tries) for each in later.parked()] == [(2, 2), (3, 2)]
        assert [each.error for each in later.parked()] == ["ConnectionError: no \ufffd 1", "ConnectionError: no \ufffd 2"]
        broken.remove(1)
        assert (later.retry_parked(), seen[6:]) == (1, [1, 2])
        assert [(each.event, each.tries) for each in runner.parked()] == [("c2/1", 3)]
        broken.clear()
        assert (runner.retry_parked(), runner.retry_parked(), runner.parked()) == (1, 0, [])
        assert runner.catch_up() == 0

    def test_an_event_that_is_tried_once_is_parked_when_the_reaction_fails(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1, 2), metadata("c1"))
        seen: list[int] = []

        def react(event: Recorded) -> None:
            seen.append(event.data.number)
            raise ConnectionError("no")

        reaction = Reaction("send", react, once=lambda event: event.data.number == 1)
        runner = Runner(store, log, reaction, retries=2, pause=0)
        assert (runner.catch_up(), seen) == (2, [1, 2, 2, 2])
        assert [each.tries for each in runner.parked()] == [1, 3]

    def test_a_parked_event_can_be_dropped(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1, 2), metadata("c1"))
        seen: list[int] = []

        def react(event: Recorded) -> None:
            seen.append(event.data.number)
            raise ConnectionError("no")

        runner = Runner(store, log, Reaction("send", react), retries=0)
        assert runner.catch_up() == 2
        runner.drop_parked("c1/1")
        runner.drop_parked("gone/1")
        assert [each.event for each in runner.parked()] == ["c1/2"]
        assert (runner.retry_parked(), runner.catch_up(), seen) == (0, 0, [1, 2, 2])

    def test_a_runner_at_the_end_notices_what_has_changed(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        seen: list[Recorded] = []
        runner = Runner(store, log, Reaction("see", seen.append))
        assert (runner.catch_up(), runner.catch_up()) == (1, 0)
        self.reopened(store).append(one("a/1", 2), metadata("c2"))
        assert (runner.catch_up(), runner.catch_up()) == (1, 0)
        store.checkpoints().save("see", log.id, Checkpoint())
        assert (runner.catch_up(), numbers(seen)) == (2, [1, 2, 1, 2])

    def test_parked_events_are_kept_by_reaction_and_log(self, store: Store) -> None:
        kept = store.checkpoints()
        parked = [Parked(f"c{n}/1", n, "ValueError: no", AT, 1) for n in (12, 3)]
        for each in parked:
            kept.park("mail", "log-1", each)
        kept.park("mail", "log-2", parked[0])
        again = replace(parked[0], tries=2, error="KeyError: 'x'", position=2)
        kept.park("mail", "log-1", again)
        assert list(store.checkpoints().parked("mail", "log-1")) == [again, parked[1]]
        kept.unpark("mail", "log-1", "c3/1")
        kept.unpark("mail", "log-1", "c99/1")
        assert list(store.checkpoints().parked("mail", "log-1")) == [again]
        assert list(store.checkpoints().parked("mail", "log-2")) == parked[:1]
        assert list(store.checkpoints().parked("other", "log-1")) == []
        assert store.checkpoints().load("mail", "log-1") == Checkpoint()
        with pytest.raises(InvalidLogName):
            kept.park("../mail", "log-1", again)

    def test_parked_events_are_given_by_their_positions(self, store: Store) -> None:
        kept = store.checkpoints()
        for event, position in (("c2/1", 9), ("c1/1", 12), ("c4/1", 3), ("c3/1", 101)):
            kept.park("mail", "log-1", Parked(event, position, "ValueError: no", AT, 1))
        assert [each.position for each in store.checkpoints().parked("mail", "log-1")] == [3, 9, 12, 101]

    def test_parked_events_are_kept_for_other_programs(self, store: Store) -> None:
        elsewhere = self.elsewhere(store, CONTRACT_TYPES)
        parked = Parked("c1/1", 1, "ValueError: no", AT, 6)
        store.checkpoints().park("mail", "log-1", parked)
        assert list(elsewhere.checkpoints().parked("mail", "log-1")) == [parked]

    def test_a_parked_event_keeps_any_text_that_it_can_have(self, store: Store) -> None:
        texts = ["", "e\u0301 \u202e", '"\\\n\r\t\x01\x7f', "\U0010ffff" * 2_000, in_words(ValueError("a\ud800\0b"))]
        parked = [Parked(f"{'雪' * 333}/{place}", place, text, AT, 1) for place, text in enumerate(texts)]
        for each in parked:
            store.checkpoints().park("mail", "log-1", each)
        assert list(store.checkpoints().parked("mail", "log-1")) == parked
        assert parked[-1].error == "ValueError: a?\ufffdb"

    def test_a_reaction_waits_for_a_store_that_it_cannot_reach(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[int] = []

        def react(event: Recorded) -> None:
            seen.append(event.data.number)
            if seen.count(1) < 3 and event.data.number == 1:
                raise StoreUnavailable("the server is away")

        runner = Runner(store, log, Reaction("send", react))
        with pytest.raises(StoreUnavailable, match="away"):
            runner.catch_up()
        assert (store.checkpoints().load("send", log.id).position, runner.parked()) == (1, [])

        assert runner.follow(_until(lambda: 2 in seen)) == 2
        assert (seen, runner.parked()) == ([0, 1, 1, 1, 2], [])

    def test_a_parked_event_waits_while_a_store_cannot_be_reached(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        errors: list[Exception] = [ValueError("no"), StoreUnavailable("the server is away")]

        def react(_: Recorded) -> None:
            if errors:
                raise errors.pop(0)

        runner = Runner(store, log, Reaction("send", react), retries=0)
        assert runner.catch_up() == 1
        with pytest.raises(StoreUnavailable):
            runner.retry_parked()
        assert [each.tries for each in runner.parked()] == [1]
        gone = replace(runner.parked()[0], event="gone/1", position=9)
        store.checkpoints().park("send", log.id, gone)
        assert runner.retry_parked() == 1
        assert [each.error for each in runner.parked()] == ["LookupError: the event gone/1 is no longer in inbox"]

    def test_an_event_is_not_parked_because_the_reaction_nests_work_together(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        runner = Runner(store, log, Reaction("nest", lambda _: store.together([log], list)), retries=0)
        with pytest.raises(ValueError, match="must not call `together` itself"):
            store.together([log], runner.catch_up)
        assert runner.parked() == []
        assert (runner.catch_up(), runner.parked()) == (1, [])

    def test_a_process_manager_sends_commands(self, store: Store, log: Log) -> None:
        counted: Repository[int, int, Counted] = Repository(log, COUNTING)

        def react(event: Recorded[Counted]) -> list[Send]:
            number = event.data.number
            return [Send(counted, "copy", number), Send(counted, "double", 2 * number)] if number < 10 else []

        doubling = Reaction("doubling", react, Query.of(kinds={"a"}))
        log.append(one("a/1", 3), metadata("c1"))
        log.append(one("a/1", 4), metadata("c2", correlation="order 7"))
        assert Runner(store, log, doubling).catch_up() == 2
        made = [commit for commit in log.commits() if commit.events[0].stream.startswith("count/")]
        assert [(commit.events[0].stream, commit.events[0].data.number) for commit in made] == [
            ("count/copy", 3),
            ("count/double", 6),
            ("count/copy", 4),
            ("count/double", 8),
        ]
        assert [(each.metadata.causation, each.metadata.correlation) for each in made] == [
            ("c1/1", "c1"),
            ("c1/1", "c1"),
            ("c2/1", "order 7"),
            ("c2/1", "order 7"),
        ]
        assert {each.metadata.by for each in made} == {"doubling"}
        store.checkpoints().save("doubling", log.id, Checkpoint())
        assert Runner(store, log, doubling).catch_up() == 2
        assert len(list(log.commits())) == 6, "what comes again is not recorded again"

    def test_a_command_that_is_rejected_is_parked_with_its_event(self, store: Store, log: Log) -> None:
        counted: Repository[int, int, Counted] = Repository(log, COUNTING)
        log.append(one("a/1", -3), metadata("c1"))
        reaction: Reaction[Counted] = Reaction(
            "copy", lambda event: [Send(counted, "copy", event.data.number)], Query.of(kinds={"a"})
        )
        runner = Runner(store, log, reaction, retries=0)
        assert runner.catch_up() == 1
        assert [each.error for each in runner.parked()] == ["Rejected: -3 is below zero"]

    def test_a_reaction_that_writes_to_its_own_log(self, store: Store, log: Log) -> None:
        def react(event: Recorded) -> None:
            log.append(one("b/1", event.data.number * 10), metadata(event.id))

        runner = Runner(store, log, Reaction("ten times", react, Query.of(kinds={"a"})))
        rounds = iter([False, False, True])
        log.append(one("a/1", 1, 2), metadata("c1"))
        assert runner.catch_up() == 2
        assert store.checkpoints().load("ten times", log.id).position == 4, "what it caused is read as well"
        assert runner.follow(lambda: next(rounds)) == 0
        assert numbers(log.events()) == [1, 2, 10, 20]
        react(next(log.events()))
        assert numbers(log.events()) == [1, 2, 10, 20], "the event's id is the command's, which is recorded once"

    def test_a_reaction_that_begins_now_in_an_empty_log_gets_what_comes(self, store: Store, log: Log) -> None:
        seen: list[Recorded] = []
        assert Runner(store, log, Reaction("see", seen.append)).begin_now()
        log.append(one("a/1", 1), metadata("c1"))
        later = Runner(store, self.reopened(store), Reaction("see", seen.append))
        assert (later.begin_now(), later.catch_up(), numbers(seen)) == (False, 1, [1])

    def test_forgetting_does_not_let_a_reaction_begin_anew(self, store: Store, log: Log) -> None:
        seen: list[Recorded] = []
        assert Runner(store, log, Reaction("see", seen.append)).begin_now()
        log.append([*one("a/1", 1), *one("b/1", 2)], metadata("c1"))
        store.forget("inbox", ["a/1"])
        later = Runner(store, self.reopened(store), Reaction("see", seen.append))
        assert (later.begin_now(), later.catch_up(), numbers(seen)) == (False, 1, [2])

    def test_events_with_the_same_id_in_two_logs_lead_to_two_commands(self, store: Store, log: Log) -> None:
        other, target = store.create("other", AT), store.create("target", AT)
        counted: Repository[int, int, Counted] = Repository(target, COUNTING)
        reaction: Reaction[Counted] = Reaction("copy", lambda event: [Send(counted, "copy", event.data.number)])
        for each, number in ((log, 1), (other, 2)):
            each.append(one("a/1", number), metadata("daily"))
            assert Runner(store, each, reaction).catch_up() == 1
        assert numbers(target.events()) == [1, 2]

    def test_an_error_of_any_text_is_parked(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))

        class Silent(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no text")

        for number, error in enumerate((Silent(), ValueError("a\ud800b"), ValueError("x" * 9_000))):

            def react(_: Recorded, error: Exception = error) -> None:
                raise error

            runner = Runner(store, log, Reaction(f"fail {number}", react), retries=0)
            assert runner.catch_up() == 1
            (parked,) = runner.parked()
            assert parked.error.startswith(type(error).__name__)
            assert len(parked.error) < 3_000

    def test_what_ends_a_program_ends_its_runner(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        assert numbers(log.events()) == [1]

        def react(_: Recorded) -> None:
            store.checkpoints().release("see", log.id, runner.holder)  # so that nothing can be kept any more
            store.checkpoints().hold("see", log.id, "another", 60)
            raise SystemExit(3)

        runner = Runner(store, log, Reaction("see", react))
        with pytest.raises(SystemExit):
            runner.follow(_until(lambda: False))

    # subscriptions

    def test_a_log_is_searched_on_from_each_cursor(self, store: Store, log: Log) -> None:
        for n in range(4):
            log.append([*one("a/1", n), *one("b/1", n + LARGE)], metadata(f"c{n}"))
        for query in (Query(), Query.of(kinds={"b"}), Query.of(tags={f"number/{LARGE + 2}"}), Query.of(types={FORGOTTEN})):
            whole = list(self.reopened(store).select(query))
            groups = list(self.reopened(store).selected(query))
            assert [event for events, _ in groups for event in events] == whole
            assert groups[-1][1].position == 8, "it was searched to the end"
            for place, (_, cursor) in enumerate(groups):
                rest = [event for events, _ in groups[place + 1 :] for event in events]
                found = self.reopened(store).selected(query, cursor)
                assert [event for events, _ in found for event in events] == rest
        kinds = Query.of(kinds={"b"})
        assert [event.position for event in log.select(kinds)] == [2, 4, 6, 8]
        assert [event.position for events, _ in log.selected(kinds, Cursor(4)) for event in events] == [6, 8]

    def test_a_search_whose_log_grows_meanwhile_goes_on_from_its_last_cursor_and_loses_nothing(
        self, store: Store, log: Log
    ) -> None:
        log.append(one("a/1", 0), metadata("c0"))
        for query in (Query(), Query.of(kinds={"a"})):
            searched = self.reopened(store).selected(query)
            events, reached = next(searched)
            found = list(events)
            log.append(one("a/1", 1), Metadata.new("others@suite"))
            for events, cursor in searched:
                found += events
                reached = cursor
            log.append(one("a/1", 2), Metadata.new("others@suite"))
            found += [event for events, _ in self.reopened(store).selected(query, reached) for event in events]
            assert found == list(self.reopened(store).select(query))

    def test_a_search_from_the_cursor_of_another_history_is_stale(self, store: Store, log: Log) -> None:
        other = store.create("other", AT)
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
            other.append(one("a/1", n + 5), metadata(f"c{n}"))
        for query in (Query(), Query.of(kinds={"a"})):
            with pytest.raises(StaleCursor):
                list(self.reopened(store).selected(query, other.cursor()))

    def test_waiting_ends_when_a_log_has_grown(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        other = store.create("other", AT)
        assert numbers(log.events()) == [1]
        ends = [(log, log.cursor()), (other, other.cursor())]
        assert not any(each.has_grown(end) for each, end in ends)
        begun = time.monotonic()
        wait(store, ends, 0.2)
        assert time.monotonic() - begun >= 0.2
        writer = threading.Timer(0.1, lambda: store.open("other").append(one("a/1", 1), metadata("c1")))
        writer.start()
        wait(store, ends, PATIENCE)
        writer.join()
        assert time.monotonic() - begun < PATIENCE
        assert [each.has_grown(end) for each, end in ends] == [False, True]

    def test_a_subscription_reads_what_is_there_and_then_what_comes(self, store: Store, log: Log) -> None:
        log.append([*one("a/1", 1), *one("b/1", 9)], metadata("c1"))
        subscription = Subscription(store, Query.of(kinds={"a"}), log=log)
        assert numbers(event for _, event in subscription.catch_up()) == [1]
        assert list(subscription.catch_up()) == []
        seen: list[int] = []
        writer = threading.Timer(0.05, _append, (store, "inbox", 2, 3))
        writer.start()
        for _, event in subscription.follow(_until(lambda: len(seen) == 2)):
            seen.append(event.data.number)
        writer.join()
        assert seen == [2, 3]
        later = Subscription(store, Query.of(kinds={"a"}), log=self.reopened(store), cursors=subscription.cursors)
        assert list(later.catch_up()) == []

    def test_a_subscription_to_all_logs_meets_new_ones(self, store: Store, log: Log) -> None:
        _append(store, "inbox", 1)
        subscription = Subscription(store)
        assert [(log.name, event.data.number) for log, event in subscription.catch_up()] == [("inbox", 1)]
        store.create("work", AT)
        _append(store, "work", 2)
        store.create("old", AT)
        store.archive("old")
        seen: list[tuple[str, int]] = []
        for log, event in subscription.follow(_until(lambda: bool(seen))):
            seen.append((log.name, event.data.number))
        assert seen == [("work", 2)]

    def test_the_events_of_the_framework_are_followed_only_by_name(self, store: Store, log: Log) -> None:
        for stream, number in (("a/1", 1), ("a/2", 2)):
            log.append(one(stream, number), metadata(f"c{number}"))
        store.forget("inbox", ["a/1"])
        for query, ids in ((Query(), ["c2/1"]), (Query.of(types={FORGOTTEN}), ["c1/1"]), (Query.of(kinds={"a"}), ["c2/1"])):
            seen: list[Recorded] = []
            store.checkpoints().save("see", log.id, Checkpoint())
            Runner(store, self.reopened(store), Reaction("see", seen.append, query)).catch_up()
            assert [event.id for event in seen] == ids
            assert [event.id for _, event in Subscription(store, query).catch_up()] == ids

    # older events

    def test_a_query_names_what_older_events_have_become(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        later = self.elsewhere(store, LATER_TYPES).open("inbox")
        assert [event.id for event in later.select(Query.of(types={"renamed/2"}))] == ["c1/1"]
        for older in ("counted", "renamed"):
            with pytest.raises(ValueError, match=f"'{older}' is an older type: name what it has become: renamed/2"):
                list(later.select(Query.of(types={older})))

    def test_a_query_names_registered_types_and_those_of_the_framework(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        mistyped = Query.of(types={"counted", FORGOTTEN, "conted"})
        model = DecisionModel(mistyped, 0, lambda count, _: count + 1)
        attempts: list[Callable[[], object]] = [
            lambda: list(log.select(mistyped)),
            lambda: Runner(store, log, Reaction("see", lambda _: None, mistyped)).catch_up(),
            lambda: log.append(one("a/1", 2), metadata("c2"), condition=AppendCondition(mistyped, 1)),
            lambda: decide_on(log, model, lambda _: one("a/1", 2), metadata("c2")),
        ]
        for attempt in attempts:
            with pytest.raises(ValueError, match="'conted' is not a registered type"):
                attempt()
        assert numbers(self.reopened(store).events()) == [1]

    def test_those_who_follow_stop_before_an_event_that_they_do_not_know(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        later = self.elsewhere(store, EventTypes({"renamed/2": Renamed}))
        reaction: Reaction[Renamed] = Reaction("see", lambda _: None, Query.of(kinds={"a"}))
        with pytest.raises(
            UnknownEvents, match=r"a/1 .* \(@1, counted: its type is unknown\); the reaction see waits before it"
        ):
            Runner(later, later.open("inbox"), reaction).catch_up()
        assert list(later.checkpoints().parked("see", log.id)) == []
        counting: DecisionModel[int] = DecisionModel(Query.of(kinds={"a"}), 0, lambda count, _: count + 1)
        with pytest.raises(UnknownEvents, match=r"a/1 .* \(@1, counted: its type is unknown\); nothing was recorded"):
            decide_on(later.open("inbox"), counting, lambda _: one("a/2", 1), metadata("c2"))

    def test_one_older_event_can_become_several(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1, 2), metadata("c1"))
        log.append(one("a/1", 3), metadata("c2"))
        split = self.elsewhere(store, SPLIT_TYPES)
        later = split.open("inbox")
        ids = ["c1/1", "c1/1.1", "c1/2", "c1/2.1", "c2/1", "c2/1.1"]
        events = list(later.events())
        assert [event.id for event in events] == ids
        assert [(event.position, event.version, event.part) for event in events[:3]] == [(1, 1, 0), (1, 1, 1), (2, 2, 0)]
        assert [event.data for event in events[:2]] == [Half("left", 1), Half("right", 1)]
        assert [event.id for event in later.events(limit=2)] == ids[:4], "they are not separated"
        assert [event.id for event in later.events_backward(limit=1)] == ids[:3:-1]
        assert [event.id for event in later.events(1, stream="a/1", limit=1)] == ids[2:4]
        assert [event.id for event in later.select(Query.of(types={"half"}), 1)] == ids[2:]
        seen: list[Recorded] = []
        assert Runner(split, later, Reaction("see", seen.append, Query.of(types={"half"})), every=1).catch_up() == 3
        assert [event.id for event in seen] == ids


def _until(done: Callable[[], bool]) -> Callable[[], bool]:
    """Return a function that returns whether something is done, or takes too long."""
    until = time.monotonic() + PATIENCE
    return lambda: done() or time.monotonic() > until


def _append(store: Store, name: str, *numbers: int) -> None:
    log = store.open(name)
    for number in numbers:
        log.append(one("a/1", number), metadata(f"c{number}"))


def _count(command: int, state: int) -> list[Counted]:
    if command < 0:
        raise Rejected(f"{command} is below zero")
    return [Counted(command)] if state < LARGE else []


COUNTING: Decider[int, int, Counted] = Decider(
    "count", 0, CONTRACT_TYPES.types, _count, lambda state, event: state + event.number
)
"""A domain without `invert`: each command is a number, which is counted."""
