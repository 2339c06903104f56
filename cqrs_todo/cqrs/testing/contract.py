"""The contract of stores, as a pytest suite. The tests of a store are a subclass of `StoreContract`.

To see full differences when a test fails, put `pytest.register_assert_rewrite("cqrs_todo.cqrs.testing")` into
conftest.py. (The idea of one suite for all stores is taskchampion's.)
"""

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import pytest

from ..boundary import DecisionModel, decide_on
from ..checkpoints import Parked
from ..cursor import START, Cursor
from ..errors import (
    CommandReused,
    ConditionFailed,
    InvalidLogName,
    LogExists,
    LogNotFound,
    ReadOnlyLog,
    Rejected,
    StaleCursor,
    StoreUnavailable,
    UnreadableEvent,
    WrongExpectedVersion,
)
from ..events import FORGOTTEN, Commit, EventTypes, Metadata, Recorded, UnknownEvent
from ..forgetting import KEPT_MEMBERS
from ..names import check_log_name
from ..operation_errors import ForgottenStream, ImportRefused, StreamNotFound
from ..protocols import EventBatch
from ..query import AppendCondition, Query, QueryItem
from ..reactions import Reaction, Runner
from ..repository import Repository
from ..store import EXISTS, NEW, Append, Log, Store, new_streams_only
from ..stores.memory import MemoryStore
from ..struct import replace
from .examples import (
    AT,
    CONTRACT_TYPES,
    LARGE,
    LATER_TYPES,
    SPLIT_TYPES,
    UNREADABLE_TYPES,
    Counted,
    Half,
    Renamed,
    content_of,
    metadata,
    numbers,
    one,
)
from .reaction_contract import COUNTING, PATIENCE, ReactionContract

NO_NAMES = ("", "a/\0", "a/\n", "a/\x1b", "a/\x7f", "a/\x85", "a/\udc80", "a/" + "x" * 3_000)
"""Names of streams and ids of commands that not every store can keep."""
NO_STREAMS = ("a", "/1", "a/", "/")
"""Names without a kind or without an id, which no stream has."""
NO_VALUES = (float("nan"), float("inf"), "\udc80", {1, 2}, b"bytes", object())
"""Values that JSON cannot hold, or that would be others when they are read."""
WRITERS, ROUNDS = 4, 6
"""How many write at the same time, and how often."""
Attempt: TypeAlias = Callable[[Log, int], Commit]
"""An append to a log by one of several writers."""


class StoreContract(ReactionContract):
    """The contract of stores, their logs and their checkpoints.

    A subclass has a fixture `store`, an empty store for `examples.CONTRACT_TYPES`. If the store keeps anything outside the
    process, the subclass also overrides `elsewhere`.
    """

    def test_a_new_log_is_empty_and_known(self, store: Store, log: Log) -> None:
        assert list(log.commits()) == list(log.commits_backward()) == []
        assert store.names() == ["inbox"]
        assert (log.name, log.created) == ("inbox", AT)
        assert self.reopened(store).id == log.id

    def test_a_log_is_opened_or_made(self, store: Store) -> None:
        made = store.open_or_create("inbox", AT)
        made.append(one("a/1", 1), metadata("c1"))
        again = store.open_or_create("inbox", AT + timedelta(days=1))
        assert (again.id, again.created, numbers(again.events())) == (made.id, AT, [1])
        with pytest.raises(LogExists):
            store.open_or_create("INBOX", AT)

    def test_a_log_is_not_made_at_a_naive_time(self, store: Store) -> None:
        for make in (store.create, store.open_or_create):
            with pytest.raises(ValueError, match="no time zone"):
                make("inbox", AT.replace(tzinfo=None))
        assert store.names() == []
        assert store.create("inbox", AT).created == AT

    def test_append_gives_positions_and_versions_from_one(self, log: Log) -> None:
        first = log.append(one("a/1", 1, 2), metadata("c1"))
        second = log.append(one("b/1", 3), metadata("c2"))
        third = log.append(one("a/1", 4), metadata("c3"))
        events = [event for commit in (first, second, third) for event in commit.events]
        assert [event.position for event in events] == [1, 2, 3, 4]
        assert [(event.stream, event.version) for event in events] == [("a/1", 1), ("a/1", 2), ("b/1", 1), ("a/1", 3)]
        assert {event.type for event in events} == {"counted"}
        assert [(commit.position, commit.last) for commit in (first, second, third)] == [(1, 2), (3, 3), (4, 4)]

    def test_what_was_appended_is_read_by_anyone(self, store: Store, log: Log) -> None:
        written = [log.append(one("a/1", n), metadata(f"c{n}", AT + timedelta(seconds=n), n=n)) for n in range(5)]
        assert list(log.commits()) == list(self.reopened(store).commits()) == written
        assert [commit.metadata.meta for commit in written] == [{"n": n} for n in range(5)]

    def test_one_commit_holds_several_streams(self, log: Log) -> None:
        log.append(one("b/1", 0), metadata("c0"))
        commit = log.append([*one("a/1", 1, 2, expected=NEW), *one("b/1", 3, expected=EXISTS)], metadata("c1", why="group"))
        assert [(event.stream, event.version) for event in commit.events] == [("a/1", 1), ("a/1", 2), ("b/1", 2)]
        assert all(event.metadata == metadata("c1", why="group") for event in commit.events)

    def test_logs_know_nothing_of_each_other(self, store: Store, log: Log) -> None:
        other = store.create("other", AT)
        first = log.append(one("a/1", 1, expected=NEW), metadata("c"))
        second = other.append(one("a/1", 2, 3, expected=NEW), metadata("c"))
        assert (numbers(log.events()), numbers(other.events())) == ([1], [2, 3])
        assert [event.version for event in (*first.events, *second.events)] == [1, 1, 2]
        assert (log.cursor().position, other.cursor().position) == (1, 2)

    def test_a_store_and_its_logs_say_which_events_are_registered(self, store: Store, log: Log) -> None:
        assert log.types.types == store.open("inbox").types.types == store.types.types == CONTRACT_TYPES.types

    def test_forward_reading_since_with_limits(self, log: Log) -> None:
        for command, append in enumerate([one("a/1", 1, 2), one("b/1", 3), one("a/1", 4)]):
            log.append(append, metadata(f"c{command}"))
        assert numbers(log.events()) == [1, 2, 3, 4]
        assert numbers(log.events(1)) == [2, 3, 4]
        assert numbers(log.events(1, limit=2)) == [2, 3]
        assert numbers(log.events(limit=0)) == numbers(log.events(4)) == numbers(log.events(99)) == []
        assert [commit.position for commit in log.commits(Cursor(1))] == [1, 3, 4]
        assert [commit.position for commit in log.commits(Cursor(2))] == [3, 4]

    def test_backward_reading_before_with_limits(self, log: Log) -> None:
        for command, append in enumerate([one("a/1", 1, 2), one("b/1", 3), one("a/1", 4)]):
            log.append(append, metadata(f"c{command}"))
        assert numbers(log.events_backward()) == [4, 3, 2, 1]
        assert numbers(log.events_backward(4)) == [3, 2, 1]
        assert numbers(log.events_backward(3, limit=1)) == [2]
        assert numbers(log.events_backward(limit=3)) == [4, 3, 2]
        assert numbers(log.events_backward(2)) == [1]
        assert numbers(log.events_backward(1)) == numbers(log.events_backward(limit=0)) == []
        assert [commit.position for commit in log.commits_backward(Cursor(2))] == [1]
        assert [commit.position for commit in log.commits_backward(Cursor(1))] == [1]
        assert [commit.position for commit in log.commits_backward(Cursor(99))] == [4, 3, 1]

    def test_a_stream_is_read_by_version(self, log: Log) -> None:
        for command, append in enumerate([one("a/1", 1), one("b/1", 2), one("a/1", 3, 4)]):
            log.append(append, metadata(f"c{command}"))
        assert numbers(log.events(stream="a/1")) == [1, 3, 4]
        assert numbers(log.events(1, stream="a/1")) == [3, 4]
        assert numbers(log.events(1, stream="a/1", limit=1)) == [3]
        assert numbers(log.events_backward(stream="a/1")) == [4, 3, 1]
        assert numbers(log.events_backward(3, stream="a/1", limit=1)) == [3]
        for limit in range(4):
            assert numbers(log.events(stream="a/1", limit=limit)) == [1, 3, 4][:limit]
            assert numbers(log.events_backward(stream="a/1", limit=limit)) == [4, 3, 1][:limit]
        assert numbers(log.events(stream="never/1")) == numbers(log.events_backward(stream="never/1")) == []

    def test_streams_tags_kinds_and_commands_that_differ_by_case_are_different(self, store: Store, log: Log) -> None:
        streams = ["a/x", "a/X", "A/x", "a/x ", "a/\u00e9", "a/e\u0301"]
        for number, stream in enumerate(streams):
            log.append(one(stream, LARGE + number, expected=NEW), metadata(stream))
        tagged = AppendCondition(Query.of(tags={"LARGE"}), 0)
        assert log.append(one("b/1", LARGE), metadata("b"), condition=tagged).position == 7
        for each in (log, self.reopened(store)):
            for number, stream in enumerate(streams):
                found = each.find_command(stream)
                assert found is not None
                assert numbers(found.events) == numbers(each.events(stream=stream)) == [LARGE + number]
                assert numbers(each.events_backward(stream=stream)) == [LARGE + number]
            assert (
                list(each.select(Query.of(tags={"Large"})))
                == list(each.select(Query.of(tags={"large", "NUMBER/1000"})))
                == []
            )
            assert [event.stream for event in each.select(Query.of(kinds={"A"}))] == ["A/x"]

    @pytest.mark.parametrize(("expected", "version"), [(NEW, 0), (EXISTS, 2), (0, 0), (2, 2), (None, 0), (None, 2)])
    def test_a_precondition_that_holds(self, log: Log, expected: Any, version: int) -> None:
        if version:
            log.append(one("a/1", *range(version)), metadata("before"))
        assert log.append(one("a/1", 9, expected=expected), metadata("c")).events[0].version == version + 1

    @pytest.mark.parametrize(("expected", "version"), [(NEW, 2), (EXISTS, 0), (0, 2), (1, 2), (3, 2), (1, 0)])
    def test_a_precondition_that_is_broken(self, store: Store, log: Log, expected: Any, version: int) -> None:
        if version:
            log.append(one("a/1", *range(version)), metadata("before"))
        before = list(log.commits())
        with pytest.raises(WrongExpectedVersion) as caught:
            log.append([*one("b/1", 1), *one("a/1", 9, expected=expected)], metadata("c"))
        assert (caught.value.stream, caught.value.expected, caught.value.version) == ("a/1", expected, version)
        assert f"(stream: a/1, stream version: {version})" in str(caught.value)
        assert list(log.commits()) == list(self.reopened(store).commits()) == before

    @pytest.mark.parametrize(("expected", "holds"), [(2, True), (EXISTS, True), (1, False), (3, False), (NEW, False)])
    def test_a_stream_is_guarded_without_being_written(self, store: Store, log: Log, expected: Any, holds: bool) -> None:
        self.reopened(store).append(one("a/1", 1, 2), metadata("c1"))
        guarded = [Append("a/1", (), expected), *one("b/1", 1)]
        if holds:
            commit = log.append(guarded, metadata("c2"))
            assert [(event.stream, event.position) for event in commit.events] == [("b/1", 3)]
            assert log.append(guarded, metadata("c2")) == commit
            assert log.append(one("a/1", 3, expected=2), metadata("c3")).events[0].version == 3
        else:
            with pytest.raises(WrongExpectedVersion) as caught:
                log.append(guarded, metadata("c2"))
            assert (caught.value.stream, caught.value.version) == ("a/1", 2)
            assert len(list(self.reopened(store).commits())) == 1

    def test_each_precondition_and_each_guard_counts_also_beside_a_condition(self, store: Store, log: Log) -> None:
        log.append([*one("a/1", 1), *one("c/1", 1)], metadata("c1"))
        right, wrong, new = Append("c/1", (), EXISTS), Append("a/1", (), NEW), one("b/1", 1, expected=NEW)
        refused = [
            [wrong, *new],
            [*new, wrong],
            [right, wrong, *new],
            [*new, wrong, right],
            [*new, *one("a/1", 2, expected=NEW)],
        ]
        for condition in (None, AppendCondition(Query.of(kinds={"z"}), 0)):
            for appends in refused:
                with pytest.raises(WrongExpectedVersion) as caught:
                    log.append(appends, metadata("c2"), condition=condition)
                assert caught.value.stream == "a/1"
        assert len(list(self.reopened(store).commits())) == 1
        assert log.append([right, *new, Append("a/1", (), 1)], metadata("c2"), condition=condition).position == 3

    def test_a_query_selects_events_by_type_tag_and_kind(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append([*one("a/1", LARGE, n), *one("b/1", LARGE + n)], metadata(f"c{n}"))
        first, large = f"number/{LARGE}", frozenset({"large"})
        cases = [
            (Query(), list(range(1, 10))),
            (Query((QueryItem(),)), list(range(1, 10))),
            (Query((QueryItem(tags=large),)), [1, 3, 4, 6, 7, 9]),
            (Query((QueryItem(tags=large | {first}),)), [1, 3, 4, 7]),
            (
                Query((QueryItem(tags=frozenset({first})), QueryItem(tags=frozenset({f"number/{LARGE + 2}"})))),
                [1, 3, 4, 7, 9],
            ),
            (Query((QueryItem(frozenset({"counted"}), frozenset({first})),)), [1, 3, 4, 7]),
            (Query((QueryItem(frozenset({"counted", FORGOTTEN})),)), list(range(1, 10))),
            (Query((QueryItem(frozenset({FORGOTTEN}), large),)), []),
            (Query((QueryItem(tags=frozenset({"never"})),)), []),
            (Query.of(kinds={"a"}), [1, 2, 4, 5, 7, 8]),
            (Query.of(kinds={"b", "c"}), [3, 6, 9]),
            (Query.of(kinds={"a"}, tags=large), [1, 4, 7]),
            (Query.of(types={"counted"}, tags={first}, kinds={"b"}), [3]),
            (Query((QueryItem(kinds=frozenset({"c"}), tags=large), QueryItem(kinds=frozenset({"b"})))), [3, 6, 9]),
        ]
        for each in (log, self.reopened(store)):
            for query, positions in cases:
                assert [event.position for event in each.select(query)] == positions
                assert [event.position for event in each.select(query, 4)] == [each for each in positions if each > 4]
                assert [event.position for event in each.select(query, 1, limit=2)] == [
                    each for each in positions if each > 1
                ][:2]

    def test_an_append_is_refused_if_an_event_matches_its_condition(self, store: Store, log: Log) -> None:
        other = self.reopened(store)
        other.append(one("a/1", LARGE), metadata("c1"))
        unique = Query((QueryItem(frozenset({"counted"}), frozenset({f"number/{LARGE}"})),))
        elsewise = Query((QueryItem(tags=frozenset({f"number/{LARGE + 1}"})),))
        with pytest.raises(ConditionFailed) as caught:
            log.append(one("b/1", LARGE), metadata("c2"), condition=AppendCondition(unique, 0))
        assert (caught.value.position, caught.value.after) == (1, 0)
        with pytest.raises(ConditionFailed):
            log.append(one("b/1", 1), metadata("c2"), condition=AppendCondition(Query(), 0))
        assert len(list(self.reopened(store).commits())) == 1
        second = log.append(one("b/1", LARGE), metadata("c2"), condition=AppendCondition(unique, 1))
        assert log.append(one("b/1", LARGE), metadata("c2"), condition=AppendCondition(unique, 1)) == second, "sent again"
        other.append(one("b/1", LARGE + 1, 5), metadata("c3"), condition=AppendCondition(elsewise, 0))
        with pytest.raises(ConditionFailed) as caught:
            log.append(one("c/1", 7), metadata("c4"), condition=AppendCondition(elsewise, 2))
        assert (caught.value.position, caught.value.after) == (3, 2)
        assert log.append(one("c/1", 7), metadata("c4"), condition=AppendCondition(elsewise, 3)).position == 5

    def test_a_condition_fails_just_when_its_query_selects_an_event_after_its_position(self, store: Store, log: Log) -> None:
        log.append([*one("a/1", LARGE), *one("b/1", 1)], metadata("c1"))
        log.append(one("a/2", LARGE + 1), metadata("c2"))
        for n in range(30):  # what a condition has to find is not always in the newest commits
            log.append(one(f"c/{n}", n), metadata(f"later {n}"))
        kind_a, kind_b, kind_z = (QueryItem(kinds=frozenset({kind})) for kind in ("a", "b", "z"))
        large, never = QueryItem(tags=frozenset({"large"})), QueryItem(tags=frozenset({"never"}))
        first, counted = frozenset({f"number/{LARGE}", "large"}), frozenset({"counted"})
        cases = [
            (Query((kind_a,)), 3),
            (Query((kind_b,)), 2),
            (Query((kind_z,)), 0),
            (Query((large,)), 3),
            (Query((QueryItem(tags=first),)), 1),
            (Query((never, kind_b)), 2),
            (Query((large, never)), 3),
            (Query((kind_z, never, QueryItem(tags=first))), 1),
            (Query((QueryItem(counted, first, kind_a.kinds),)), 1),
            (Query((QueryItem(tags=first, kinds=kind_b.kinds),)), 0),
            (Query((QueryItem(counted, large.tags, kind_b.kinds), QueryItem(tags=never.tags, kinds=kind_a.kinds))), 0),
            (Query((QueryItem(frozenset({FORGOTTEN}), large.tags), QueryItem(counted, never.tags))), 0),
        ]
        for query, last in cases:
            assert [event.position for event in self.reopened(store).select(query)][-1:] == [last][: bool(last)]
            for after in {0, last - 1, last} - {-1}:
                appends, command, condition = one("d/1", 1), Metadata.new("me@test"), AppendCondition(query, after)
                if after >= last:
                    assert log.append(appends, command, condition=condition).events
                else:
                    with pytest.raises(ConditionFailed):
                        log.append(appends, command, condition=condition)

    @pytest.mark.parametrize("types", UNREADABLE_TYPES, ids=["upcaster", "splitter"])
    def test_a_condition_is_decided_by_the_recorded_types_and_tags_of_events_that_cannot_be_read(
        self, store: Store, log: Log, types: EventTypes
    ) -> None:
        log.append([*one("a/1", LARGE), *one("b/1", 1)], metadata("c1"))
        later = self.elsewhere(store, types).open("inbox")
        with pytest.raises(UnreadableEvent, match="LookupError: no half of 1000"):
            list(later.events())
        half = {"types": {"half"}}
        for query, last in (
            (Query(), 2),
            (Query.of(**half), 2),
            (Query.of(**half, tags={"large"}), 1),
            (Query.of(kinds={"b"}), 2),
        ):
            for after in range(last):
                with pytest.raises(ConditionFailed) as caught:
                    later.append(
                        [Append("c/1", (Half("left", 1),))], metadata("c2"), condition=AppendCondition(query, after)
                    )
                assert caught.value.position == last
        for number, query in enumerate((Query.of(**half, kinds={"z"}), Query.of(**half, tags={"never"})), 3):
            appends = [Append("c/1", (Half("left", 1),))]
            assert later.append(appends, metadata(f"c{number}"), condition=AppendCondition(query, 0)).position == number

    def half_readable(self, store: Store, log: Log, types: EventTypes) -> Log:
        """Append events of two streams, and return the log as a program has it that cannot read those of one stream."""
        later = self.elsewhere(store, types).open("inbox")
        for number in range(2):
            later.append([Append("b/1", (Half("left", number),))], metadata(f"b{number}"))
        log.append(one("a/1", 1), metadata("a"))
        later.append([Append("b/1", (Half("left", 2),))], metadata("b2"))
        return self.elsewhere(store, types).open("inbox")

    @pytest.mark.parametrize("types", UNREADABLE_TYPES, ids=["upcaster", "splitter"])
    def test_an_event_that_cannot_be_read_does_not_matter_to_other_streams(
        self, store: Store, log: Log, types: EventTypes
    ) -> None:
        later = self.half_readable(store, log, types)
        batches = [batch for group in later.event_batches() for batch in group]
        assert [batch.position for batch in batches] == [1, 2, 3, 4]
        failures = [event.data.failure for batch in batches for event in batch.events if type(event.data) is UnknownEvent]
        assert [type(failure) for failure in failures] == [UnreadableEvent]
        assert numbers(later.events(stream="b/1")) == numbers(later.select(Query.of(kinds={"b"}))) == [0, 1, 2]
        assert numbers(later.events_backward(stream="b/1")) == [2, 1, 0]
        assert [commit.position for commit in later.readable_commits(Cursor(1))] == [2, 3, 4]
        backward = list(later.readable_commits_backward(Cursor(3)))
        assert [commit.position for commit in backward] == [3, 2, 1]
        assert [type(event.data) for commit in backward for event in commit.events] == [UnknownEvent, Half, Half]
        assert numbers(later.events(limit=2)) == [0, 1]
        assert numbers(later.events_backward(limit=1)) == [2]
        whole: list[Callable[[], object]] = [
            lambda: list(later.events()),
            lambda: list(later.events(stream="a/1")),
            lambda: list(later.events_backward(stream="a/1")),
            lambda: list(later.select(Query.of(kinds={"a"}))),
            lambda: list(later.commits()),
            lambda: list(later.commits_backward()),
        ]
        for read in whole:
            with pytest.raises(UnreadableEvent, match="@3 of a/1 cannot be read"):
                read()

    @pytest.mark.parametrize("types", UNREADABLE_TYPES, ids=["upcaster", "splitter"])
    def test_a_command_is_recognised_also_if_an_event_of_its_commit_cannot_be_read(
        self, store: Store, log: Log, types: EventTypes
    ) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        old = self.elsewhere(store, EventTypes({"half": Half, "counted": Counted})).open("inbox")
        halves = [Append(f"b/{number}", (Half("left", number),)) for number in range(2)]
        old.append([halves[0], *one("b/2", 1), halves[1]], metadata("c2"))
        later = self.elsewhere(store, types).open("inbox")
        found = later.find_command("c2")
        assert found is not None
        assert [type(event.data) for event in found.events] == [Half, UnknownEvent, Half]
        again = [halves[0], Append("b/2", (Half("left", 1),)), halves[1]]
        for each in (later, self.elsewhere(store, types).open("inbox")):
            assert each.append(again, metadata("c2")).position == 2
            with pytest.raises(CommandReused):
                each.append(again[:2], metadata("c2"))
        fails = [True]

        def react(_: Recorded) -> None:
            if fails[0]:
                raise ConnectionError("no")

        assert Runner(store, old, Reaction("send", react), retries=0).catch_up() == 4
        fails[0] = False
        runner = Runner(store, later, Reaction("send", react))
        assert [runner.retry_parked(f"c2/{number}") for number in (1, 2, 3)] == [1, 0, 1]
        assert [(each.position, each.error[:12]) for each in runner.parked()] == [(1, "ConnectionEr"), (3, "UnreadableEv")]

    def test_a_command_is_recognised_also_if_one_event_of_it_has_become_several(self, store: Store, log: Log) -> None:
        halves = [Half(side, number) for number in (1, 2) for side in ("left", "right")]
        before, now = one("a/1", 1, 2), [Append("a/1", tuple(halves))]
        log.append([*before, *one("b/1", 3)], metadata("c1"))
        later, failing = (self.elsewhere(store, types).open("inbox") for types in (SPLIT_TYPES, UNREADABLE_TYPES[1]))
        of_3 = Append("b/1", (Half("left", 3), Half("right", 3)))
        later.append([of_3, *now], metadata("c2"))
        for each, appends, command in (
            (later, [*now, of_3], "c1"),
            (failing, [*now, of_3], "c1"),
            (later, [*before, *one("b/1", 3)], "c1"),
            (log, [*one("b/1", 3), *before], "c2"),
        ):
            assert [event.metadata.command for event in each.append(appends, metadata(command)).events[:1]] == [command]
            for other in (appends[:1], appends[::-1], [*appends, *one("c/1", 3)]):
                with pytest.raises(CommandReused):
                    each.append(other, metadata(command))
        with pytest.raises(CommandReused):
            later.append([of_3, Append("a/1", tuple(halves[:3]))], metadata("c2"))
        store.forget("inbox", ["a/1"])
        forgotten = self.elsewhere(store, SPLIT_TYPES).open("inbox")
        assert forgotten.append([*now, of_3], metadata("c1")).position == 1

    @pytest.mark.parametrize("types", [LATER_TYPES, SPLIT_TYPES], ids=["upcaster", "splitter"])
    def test_a_command_is_recognised_also_if_events_of_an_older_class_are_sent_again(
        self, store: Store, log: Log, types: EventTypes
    ) -> None:
        appends = [*one("a/1", 1, 2), *one("b/1", 3)]
        log.append(appends, metadata("c1"))
        log.append(one("c/1", 4), metadata("c2"))
        later = self.elsewhere(store, types).open("inbox")
        for each in (later, self.elsewhere(store, types).open("inbox")):
            assert [each.append(appends, metadata("c1")).position, each.append(one("c/1", 4), metadata("c2")).position] == [
                1,
                4,
            ]
            for other in (one("a/1", 1, 2), [*one("a/1", 2, 1), *one("b/1", 3)], [*one("a/1", 1, 5), *one("b/1", 3)]):
                with pytest.raises(CommandReused):
                    each.append(other, metadata("c1"))
            with pytest.raises(CommandReused):
                each.append([Append("c/1", (object(),))], metadata("c2"))
            with pytest.raises(TypeError, match="not a registered event"):
                each.append(one("c/1", 4), metadata("c3"))
        assert len(list(log.commits())) == 2

    def test_a_command_is_recognised_also_if_its_condition_names_a_type_that_is_older_now(
        self, store: Store, log: Log
    ) -> None:
        condition = AppendCondition(Query.of(types={"counted"}), 0)
        log.append(one("a/1", 1), metadata("c1"), condition=condition)
        later = self.elsewhere(store, LATER_TYPES).open("inbox")
        again = [Append("a/1", (Renamed(1, ("",)),))]
        assert later.append(again, metadata("c1"), condition=condition).position == 1
        with pytest.raises(ValueError, match="'counted' is an older type"):
            later.append(again, metadata("c2"), condition=condition)
        assert len(list(log.commits())) == 1

    def test_a_command_is_recognised_also_if_a_merge_has_added_an_event_to_it(self, store: Store, log: Log) -> None:
        first = log.append([*one("a/1", 1, 2), *one("b/1", 3)], metadata("c1", extra=[2]))
        for each in (log, self.reopened(store)):
            for appends in ([*one("a/1", 1), *one("b/1", 3)], [*one("a/1", 1, 2), *one("b/1", 3)]):
                assert each.append(appends, metadata("c1")) == first
            for appends in ([*one("a/1", 2), *one("b/1", 3)], one("a/1", 1, 2)):
                with pytest.raises(CommandReused):
                    each.append(appends, metadata("c1"))

    @pytest.mark.parametrize("types", UNREADABLE_TYPES, ids=["upcaster", "splitter"])
    def test_a_search_stops_before_an_event_that_cannot_be_read_and_goes_on_from_there(
        self, store: Store, log: Log, types: EventTypes
    ) -> None:
        later = self.half_readable(store, log, types)
        for query in (Query(), Query.of(types={"half"})):
            groups: list[tuple[Sequence[Recorded], Cursor]] = []
            with pytest.raises(UnreadableEvent, match="@3 of a/1 cannot be read"):
                groups.extend(later.selected(query))  # it keeps those that come before the error
            assert [event.position for events, _ in groups for event in events] == [1, 2]
            reached = groups[-1][1]
            assert reached.position == 2
            with pytest.raises(UnreadableEvent, match="@3 of a/1 cannot be read"):
                list(later.selected(query, reached))

    def test_a_precondition_is_checked_against_what_others_wrote(self, store: Store, log: Log) -> None:
        other = self.reopened(store)
        log.append(one("a/1", 1, expected=NEW), metadata("c1"))
        with pytest.raises(WrongExpectedVersion):
            other.append(one("a/1", 2, expected=NEW), metadata("c2"))
        assert other.append(one("a/1", 2, expected=1), metadata("c3")).position == 2

    @pytest.mark.parametrize(
        "appends", [[], [Append("a/1", ())], [*one("a/1", 1), *one("a/1", 2)]], ids=["no append", "no event", "twice"]
    )
    def test_a_commit_without_sense_is_refused(self, log: Log, appends: list[Append]) -> None:
        with pytest.raises(ValueError, match="at least one"):
            log.append(appends, metadata("c"))
        assert list(log.commits()) == []

    def test_an_event_of_no_registered_type_is_refused(self, log: Log) -> None:
        with pytest.raises(TypeError, match="not a registered event"):
            log.append([Append("a/1", (Counted(1), object()))], metadata("c"))
        assert list(log.commits()) == []
        assert log.append(one("a/1", 1), metadata("c")).position == 1

    def test_the_same_command_is_recorded_once(self, log: Log) -> None:
        first = log.append(one("a/1", 1, expected=NEW), metadata("c"))
        assert log.append(one("a/1", 1, expected=NEW), metadata("c", AT + timedelta(days=1))) == first
        with pytest.raises(CommandReused, match="other content"):
            log.append(one("a/1", 2), metadata("c"))
        assert list(log.commits()) == [first]

    def test_a_commit_is_found_by_its_command_id_however_old_it_is(self, store: Store, log: Log) -> None:
        first = log.append([Append("a/1", (Counted(1, '"command":"c9"'),))], metadata("c1"))
        for number in range(2, 5):
            log.append(one("a/1", number), metadata(f"c{number}"))
        for each in (log, self.reopened(store)):
            assert each.find_command("c1") == first
            assert [each.find_command(id) for id in ("c", "c9", "c11", "C1", "")] == [None] * 5

    def test_an_event_has_an_id_by_its_place_in_the_command(self, store: Store, log: Log) -> None:
        log.append(one("b/1", 0), metadata("c0"))
        log.append([*one("a/1", 1, 2), *one("b/1", 3)], metadata("c1", extra=[2]))
        ids = ["c0/1", "c1/1", "c1/-1", "c1/2"]
        for each in (log, self.reopened(store)):
            assert [event.id for event in each.events()] == ids
            assert [event.id for event in each.events_backward()] == ids[::-1]

    def test_the_tags_of_events_are_recorded(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1, LARGE), metadata("c1"))
        log.append(one("a/1", LARGE + 1), metadata("c2"))
        tags = [(), ("large", f"number/{LARGE}"), ("large", f"number/{LARGE + 1}")]
        for each in (log, self.reopened(store)):
            assert [event.tags for event in each.events()] == tags
            assert [event.tags for event in each.events(stream="a/1")] == tags
        assert store.verify("inbox").damage is None

    def test_causation_and_correlation_are_kept(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1", causation="c0/1", correlation="all"))
        log.append(one("a/1", 1), metadata("c2"))
        kept = [(commit.metadata.causation, commit.metadata.correlation) for commit in self.reopened(store).commits()]
        assert kept == [("c0/1", "all"), ("", "")]

    def test_any_text_survives(self, store: Store, log: Log) -> None:
        texts = ["", "e\u0301 é", "雪だるま ⛄", "👩‍👩‍👧", "\u202eevil\u2028\u0085", '"\\\n\r\t\x00\x1b', "\U0010ffff"]
        log.append([Append("a/ü 1", tuple(Counted(0, text) for text in texts))], metadata("c", ключ=texts))
        (commit,) = self.reopened(store).commits()
        assert [event.data.text for event in commit.events] == texts
        assert commit.metadata.meta == {"ключ": texts}

    def test_large_events_and_commits_survive(self, store: Store, log: Log) -> None:
        log.append([Append("a/1", tuple(Counted(n, "x" * 10) for n in range(2_000)))], metadata("many"))
        log.append([Append("a/1", (Counted(1, "y" * 1_000_000),))], metadata("large"))
        log.append(one("a/1", 7), metadata("after"))
        other = self.reopened(store)
        assert [len(commit.events) for commit in other.commits_backward()] == [1, 1, 2_000]
        assert len(next(other.events(2_000)).data.text) == 1_000_000

    def test_large_numbers_are_kept_exactly(self, store: Store, log: Log) -> None:
        large = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
        log.append(one("a/1", *large), metadata("c", numbers=large))
        (commit,) = self.reopened(store).commits()
        assert (numbers(commit.events), commit.metadata.meta) == (large, {"numbers": large})

    def test_times_are_kept_as_they_are_and_do_not_order(self, store: Store, log: Log) -> None:
        times = [AT, AT - timedelta(days=700), AT + timedelta(days=30), datetime(1960, 1, 1, tzinfo=UTC)]
        for n, at in enumerate(times):
            log.append(one("a/1", n), metadata(f"c{n}", at))
        assert [commit.metadata.at for commit in self.reopened(store).commits()] == times

    @pytest.mark.skipif(sys.platform == "emscripten", reason="no thread can be started there")
    def test_concurrent_writers_lose_nothing(self, store: Store, log: Log) -> None:
        def write(name: str) -> None:
            mine = self.reopened(store)
            for n in range(20):
                mine.append(one(name, n), metadata(f"{name}-{n}"))

        threads = [threading.Thread(target=write, args=(f"w/{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = list(log.events())
        assert [event.position for event in events] == list(range(1, 81))
        for n in range(4):
            assert numbers(log.events(stream=f"w/{n}")) == list(range(20))

    def at_once(self, store: Store, attempts: Sequence[Attempt]) -> list[list[Commit | Exception]]:
        """Return what several writers get who all make some attempts, each of them at the same moment as the others."""
        stores = [store if store.in_process else self.elsewhere(store, CONTRACT_TYPES) for _ in range(WRITERS)]
        got: list[list[Commit | Exception]] = [[] for _ in attempts]
        ready = threading.Barrier(WRITERS, timeout=PATIENCE)

        def write(writer: int) -> None:
            mine = self.reopened(stores[writer])
            for attempt, outcomes in zip(attempts, got, strict=True):
                ready.wait()
                try:
                    outcomes.append(attempt(mine, writer))
                except Exception as error:  # the case looks at it
                    outcomes.append(error)

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(outcomes) for outcomes in got] == [WRITERS] * len(attempts)
        return got

    @pytest.mark.skipif(sys.platform == "emscripten", reason="no thread can be started there")
    @pytest.mark.parametrize("refused", [WrongExpectedVersion, ConditionFailed])
    def test_of_several_who_write_at_the_same_time_what_excludes_the_others_one_succeeds(
        self, store: Store, log: Log, refused: type[Exception]
    ) -> None:
        def attempt(round: int) -> Attempt:
            unique = Query.of(tags={f"number/{LARGE + round}"})
            if refused is WrongExpectedVersion:
                return lambda log, writer: log.append(one(f"a/{round}", 1, expected=NEW), metadata(f"c{round}-{writer}"))
            return lambda log, writer: log.append(
                one(f"a/{writer}", LARGE + round), metadata(f"c{round}-{writer}"), condition=AppendCondition(unique, 0)
            )

        for outcomes in self.at_once(store, [attempt(round) for round in range(ROUNDS)]):
            kinds = sorted(type(outcome).__name__ for outcome in outcomes)
            assert kinds == sorted(["Commit", *[refused.__name__] * (WRITERS - 1)])
        assert [event.position for event in self.reopened(store).events()] == list(range(1, ROUNDS + 1))

    @pytest.mark.skipif(sys.platform == "emscripten", reason="no thread can be started there")
    def test_a_command_that_several_send_at_the_same_time_is_recorded_once(self, store: Store, log: Log) -> None:
        def attempt(round: int) -> Attempt:
            return lambda log, _: log.append(one("a/1", round), metadata(f"c{round}"))

        got = self.at_once(store, [attempt(round) for round in range(ROUNDS)])
        commits = list(self.reopened(store).commits())
        assert [numbers(commit.events) for commit in commits] == [[round] for round in range(ROUNDS)]
        assert got == [[commit] * WRITERS for commit in commits]

    @pytest.mark.skipif(sys.platform == "emscripten", reason="no thread can be started there")
    def test_while_logs_are_written_together_nobody_else_writes_to_them(self, store: Store, log: Log) -> None:
        second = store.create("second", AT)
        others = store if store.in_process else self.elsewhere(store, CONTRACT_TYPES)
        begun = threading.Event()

        def write() -> None:
            mine = self.reopened(others)
            begun.set()
            mine.append(one("a/1", 2), metadata("c2"))

        writer = threading.Thread(target=write)

        def work() -> list[int]:
            writer.start()
            assert begun.wait(PATIENCE)
            writer.join(0.1)  # enough for an append that nothing keeps away
            second.append(one("a/1", 1), metadata("c1"))
            log.append(one("a/1", 1, expected=NEW), metadata("c1"))
            return numbers(log.events())

        assert store.together([second, log], work) == [1]
        writer.join()
        assert numbers(self.reopened(store).events()) == [1, 2]

    def test_of_work_together_that_fails_an_atomic_store_keeps_nothing_and_any_other_store_each_append(
        self, store: Store, log: Log
    ) -> None:
        second = store.create("second", AT)

        def work() -> None:
            log.append(one("a/1", 1), metadata("c1"))
            second.append(one("a/1", 1), metadata("c1"))
            raise Rejected("no")

        with pytest.raises(Rejected):
            store.together([log, second], work)
        for each in (self.reopened(store), store.open("second")):
            assert numbers(each.events()) == ([] if store.atomic else [1])
        for each in (log, second):
            assert each.append(one("a/1", 1), metadata("c1")).position == 1
            assert numbers(each.events()) == [1]

    def test_what_is_done_together_cannot_rename_archive_or_forget_its_logs(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        attempts: list[Callable[[], object]] = [
            lambda: store.rename("inbox", "other"),
            lambda: store.archive("inbox"),
            lambda: store.forget("inbox", ["a/1"]),
        ]

        def work() -> None:
            for attempt in attempts:
                with pytest.raises(ValueError, match="the work of `together`"):
                    attempt()
            log.append(one("a/1", 2, expected=1), metadata("c2"))

        store.together([log], work)
        assert numbers(self.reopened(store).events()) == [1, 2]
        store.forget("inbox", ["a/1"])
        store.rename("inbox", "other")
        store.archive("other")
        assert store.names(archived=True) == ["other"]

    def test_only_logs_of_the_store_are_written_together(self, store: Store, log: Log) -> None:
        stranger = MemoryStore(CONTRACT_TYPES).create("inbox", AT)
        done: list[object] = []

        def work() -> None:
            done.append(log.append(one("a/1", 1), metadata("c1")))

        strange: Any
        strangers = [stranger] if store.in_process else [stranger, self.elsewhere(store, CONTRACT_TYPES).open("inbox")]
        for strange in (logs for each in strangers for logs in ([each], [log, each], (each, log))):
            with pytest.raises(ValueError, match="inbox is not a log of"):
                store.together(strange, work)
        for strange in (None, "inbox", ["inbox"], [log, None], log):
            with pytest.raises(TypeError, match=r"the logs of `together` must be a list such as \[log\]"):
                store.together(strange, work)
        assert (done, list(self.reopened(store).commits())) == ([], [])
        store.together([log, log], work)
        assert numbers(self.reopened(store).events()) == [1]

    def test_an_archived_log_is_not_written_together_with_others(self, store: Store, log: Log) -> None:
        if type(store).open_archived is Store.open_archived:
            pytest.skip("the store does not read archived logs")
        second = store.create("second", AT)
        done: list[int] = []
        store.archive("inbox")
        archived = store.open_archived("inbox")
        for logs in ([archived], [second, archived]):
            with pytest.raises(ReadOnlyLog, match=r"^inbox is archived; nothing was recorded$"):
                store.together(logs, lambda: done.append(1))
        assert done == []

    def test_what_is_done_together_does_not_begin_to_do_something_together(self, store: Store, log: Log) -> None:
        second = store.create("second", AT)

        def append() -> None:
            second.append(one("a/1", 1), metadata("c1"))

        def work() -> None:
            for logs in ([log], [second], [log, second]):
                with pytest.raises(ValueError, match="the work of `together` must not call `together`"):
                    store.together(logs, append)
            log.append(one("a/1", 2), metadata("c2"))

        store.together([log], work)
        assert (numbers(self.reopened(store).events()), list(store.open("second").events())) == ([2], [])
        store.together([second], append)
        assert numbers(store.open("second").events()) == [1]

    def test_what_is_done_together_is_done_once_if_it_fails(self, store: Store, log: Log) -> None:
        for error in (KeyError("a"), OSError("b"), Rejected("c"), StaleCursor("d"), StoreUnavailable("e")):
            done: list[int] = []

            def work(error: Exception = error, done: list[int] = done) -> None:
                done.append(1)
                raise error

            with pytest.raises(type(error)) as caught:
                store.together([log], work)
            assert (caught.value, done) == (error, [1])

    def test_reading_goes_on_while_others_append(self, log: Log) -> None:
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
        seen: list[Commit] = []
        for commit in log.commits():
            seen.append(commit)
            if len(seen) == 1:
                log.append(one("a/1", 3), metadata("c3"))
        assert [commit.position for commit in seen][:3] == [1, 2, 3]
        assert numbers(log.events()) == [0, 1, 2, 3]

    @pytest.mark.skipif(sys.platform == "emscripten", reason="it takes ten seconds there")
    def test_a_log_of_2_500_commits_is_read_and_searched_to_its_end_and_its_first_command_is_recorded_once(
        self, store: Store, log: Log
    ) -> None:
        first, count = log.append(one("a/1", 1), metadata("first")), 2_501
        for n in range(2, count + 1):
            log.append(one(f"b/{n % 7}", n), Metadata.new("others@suite"))
        other, all = self.reopened(store), list(range(1, count + 1))
        assert list(other.commits(log.cursor())) == []
        for each in (log, other, self.reopened(store)):
            assert each.append(one("a/1", 1), metadata("first")) == first
            with pytest.raises(CommandReused):
                each.append(one("a/1", 2), metadata("first"))
        reader = self.reopened(store)
        assert numbers(reader.events()) == numbers(reader.select(Query())) == all
        assert numbers(reader.events_backward()) == all[::-1]
        assert sum(len(group) for group in self.reopened(store).event_batches()) == count
        assert len(list(reader.commits(Cursor(50)))) == len(list(reader.commits_backward(Cursor(count - 50)))) == count - 50
        of_stream = [n for n in all[1:] if n % 7 == 1]
        assert numbers(reader.events(stream="b/1")) == numbers(reader.events_backward(stream="b/1"))[::-1] == of_stream
        assert numbers(reader.select(Query.of(kinds={"b"}))) == all[1:]
        assert numbers(reader.select(Query.of(tags={"large"}))) == all[LARGE - 1 :]
        assert log.append(one("a/1", 2, expected=1), metadata("last")).position == count + 1

    def test_a_cursor_of_another_history_is_stale(self, store: Store, log: Log) -> None:
        twin = store.create("twin", AT)
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
            twin.append(one("a/1", n), metadata(f"t{n}"))
        assert len(list(twin.commits())) == 3
        cursor = twin.cursor()
        assert cursor.digest, "a cursor holds what tells one history from another"
        other = self.reopened(store)
        for read in (other.commits, other.event_batches, other.commits_backward):
            with pytest.raises(StaleCursor):
                list(read(cursor))
        assert list(store.open("twin").commits(cursor)) == []

    def test_a_cursor_whose_digest_is_that_of_another_position_is_stale(self, store: Store, log: Log) -> None:
        ends = []
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
            ends.append(log.cursor())
        for cursor in (replace(ends[-1], position=2), replace(ends[-1], position=9), replace(ends[0], position=2)):
            other = self.reopened(store)
            for read in (other.commits, other.event_batches, other.commits_backward, partial(other.selected, Query())):
                with pytest.raises(StaleCursor):
                    list(read(cursor))

    def test_a_cursor_is_not_ahead_of_what_was_read(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
        other = self.reopened(store)
        assert len(list(other.commits())) == 3
        before = other.cursor()
        log.append(one("a/1", 3), metadata("c3"))
        if other is not log:
            assert other.cursor() == before
        assert [commit.position for commit in other.commits(before)] == [4]
        assert other.cursor().position == 4

    def test_positions_before_the_first_mean_the_start(self, log: Log) -> None:
        for n in range(3):
            log.append(one("a/1", n), metadata(f"c{n}"))
        for events in (log.events(-5), log.events(-5, stream="a/1"), log.select(Query(), -5)):
            assert numbers(events) == [0, 1, 2]
        assert len(list(log.commits(Cursor(-5)))) == 3
        assert list(log.events_backward(-5)) == list(log.events_backward(-5, stream="a/1")) == []
        assert list(log.events_backward(0)) == []
        assert list(log.commits_backward(Cursor(-5))) == []

    def test_an_archived_log_gets_no_commits(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        store.archive("inbox")
        with pytest.raises(LogNotFound):
            log.append(one("a/1", 2), metadata("c2"))
        store.unarchive("inbox")
        again = self.reopened(store)
        assert (numbers(again.events()), again.append(one("a/1", 2), metadata("c2")).position) == ([1], 2)

    def test_a_command_id_that_was_made_here_is_recognised_whoever_sent_it(self, store: Store, log: Log) -> None:
        made = [Metadata.new("me@test") for _ in range(3)]
        other = self.reopened(store)
        for each in made:
            other.append(one("a/1", 1), each)
        for number, each in enumerate(made, 1):
            found = log.find_command(each.command)
            assert found is not None
            assert (log.append(one("a/1", 1), each).position, found.position) == (number, number)

    def test_a_decision_that_comes_again_is_recorded_once(self, store: Store, log: Log) -> None:
        counters: Repository[int, int, Counted] = Repository(log, COUNTING)
        model: DecisionModel[int] = DecisionModel(Query.of(kinds={"b"}), 0, lambda count, _: count + 1)

        def decide(count: int) -> list[Append]:
            if count:
                raise Rejected("already")
            return one("b/1", 1)

        first, second = Metadata.new("me@test"), Metadata.new("me@test")
        commit = decide_on(log, model, decide, first)
        assert (commit, decide_on(log, model, decide, first)) == (commit, commit)
        _, counted = counters.execute("1", 3, second)
        _, again = counters.execute("1", 3, second, precondition=NEW)
        assert (counted, len(list(self.reopened(store).commits()))) == (again, 2)
        with pytest.raises(Rejected):
            decide_on(log, model, decide, Metadata.new("me@test"))

    @pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
    def test_a_name_that_not_every_store_can_keep_is_refused(self, log: Log, name: str) -> None:
        for appends, command in ((one(name, 1), "c"), (one("a/1", 1), name), ([*one("a/1", 1), Append(name, (), 0)], "c")):
            with pytest.raises(ValueError, match="cannot be recorded"):
                log.append(appends, metadata(command))
        self.refuses_to_read(log, name)
        assert (list(log.commits()), log.find_command(name)) == ([], None)
        assert log.append(one("a/1", 1), metadata("c")).position == 1

    def refuses_to_read(self, log: Log, name: str) -> None:
        """Check that a log does not seem to have a stream without events, if no stream can have the name."""
        for read in (log.events, log.events_backward):
            for limit in (None, 0):
                with pytest.raises(ValueError, match="cannot be read: the name of a stream"):
                    read(limit=limit, stream=name)

    @pytest.mark.parametrize("name", NO_STREAMS)
    def test_a_stream_without_a_kind_or_an_id_is_refused(self, log: Log, name: str) -> None:
        for appends in (one(name, 1), [*one("a/1", 1), Append(name, (), 0)]):
            with pytest.raises(ValueError, match=f"^cannot be recorded: the name of a stream is KIND/ID, .* not '{name}'$"):
                log.append(appends, metadata("c"))
        self.refuses_to_read(log, name)
        assert list(log.commits()) == []

    def test_the_longest_names_are_kept(self, store: Store, log: Log) -> None:
        stream, command = "a/" + "é" * 499, "雪" * 333
        log.append(one(stream, 1), metadata(command))
        assert numbers(self.reopened(store).events(stream=stream)) == [1]
        assert self.reopened(store).find_command(command) is not None

    @pytest.mark.parametrize("value", NO_VALUES, ids=lambda value: type(value).__name__)
    def test_a_value_that_json_cannot_hold_is_refused(self, log: Log, value: Any) -> None:
        if sys.platform == "emscripten":
            pytest.skip("what can be kept is not checked there")
        for appends, meta in (([Append("a/1", (Counted(1, value),))], {}), (one("a/1", 1), {"value": value})):
            with pytest.raises(ValueError, match=r"cannot be recorded: .*(counted\.text|metadata)"):
                log.append(appends, metadata("c", **meta))
        assert list(log.commits()) == []
        assert log.append(one("a/1", 1), metadata("c")).events[0].version == 1

    def test_a_member_that_is_never_forgotten_holds_what_its_name_says(self, log: Log) -> None:
        for name in KEPT_MEMBERS:
            for value in (
                {"text": "my secret"},
                ["my secret", 1],
                True,
                "my\nsecret\nlines in/a\nfolder",
                "secret " * 200,
                "",
            ):
                with pytest.raises(ValueError, match=f"^cannot be recorded: the member '{name}' of the metadata must be"):
                    log.append(one("a/1", 1), replace(metadata("c"), meta={name: value}))
        assert list(log.commits()) == []
        for value in ("my secret", "c1", "c1/", "c1/0", "c1/one", "/1"):
            with pytest.raises(ValueError, match="the member 'causation' of the metadata must be the id of an event"):
                log.append(one("a/1", 1), metadata("c", causation=value))
        for place, value in enumerate(("c1/1", "c 1/-12", "a/b/3.4"), 1):
            assert log.append(one("a/1", 1), metadata(f"c{place}", causation=value, correlation="c 1")).position == place

    def test_anyone_can_read_from_a_cursor(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append([*one("a/1", n), *one(f"b/{n}", n)], metadata(f"c{n}"))
        assert len(list(log.commits())) == 3
        cursor = log.cursor()
        assert cursor.position == 6
        later = log.append(one("a/1", 3), metadata("c3"))
        other = self.reopened(store)
        assert list(other.commits(cursor)) == [later]
        assert [commit.position for commit in other.commits_backward(cursor)] == [5, 3, 1]
        assert other.cursor().position == 7
        assert other.append(one("a/1", 4, expected=4), metadata("c4")).position == 8

    def test_a_log_that_was_read_from_a_cursor_looks_up_versions(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append([*one("a/1", n), *one(f"b/{n}", n)], metadata(f"c{n}"))
        other = self.reopened(store)
        assert list(other.commits(log.cursor())) == []
        with pytest.raises(WrongExpectedVersion):
            other.append(one("b/2", 3, expected=NEW), metadata("c3"))
        assert other.append([*one("a/1", 3, expected=3), *one("c/1", 3, expected=NEW)], metadata("c3")).position == 7

    def test_a_log_that_was_read_from_a_cursor_uses_the_versions_that_it_was_given(self, store: Store, log: Log) -> None:
        class Given:
            """The versions at the cursor, and which of them were asked for."""

            def __init__(self) -> None:
                self.asked: list[str] = []

            def version_of(self, stream: str) -> int:
                self.asked.append(stream)
                return {"a/1": 3, "b/2": 1}.get(stream, 0)

        for n in range(3):
            log.append([*one("a/1", n), *one(f"b/{n}", n)], metadata(f"c{n}"))
        cursor, given = log.cursor(), Given()
        log.append(one("b/2", 3), metadata("c3"))
        other = self.reopened(store)
        assert [batch.position for group in other.event_batches(cursor, given.version_of) for batch in group] == [7]
        appends = [*one("a/1", 4, expected=3), *one("b/2", 4, expected=2), *one("c/1", 4, expected=NEW)]
        assert [event.version for event in other.append(appends, metadata("c4")).events] == [4, 3, 1]
        assert set(given.asked) <= {"a/1", "c/1"}, "the log itself knows the versions of what it has read"
        assert other.append(one("a/1", 5, expected=4), metadata("c5")).position == 11

    def test_a_writer_of_new_streams_only_can_forget_versions(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append(one(f"a/{n}", n), metadata(f"c{n}"))
        other = self.reopened(store)
        for n in range(3, 6):
            assert list(other.event_batches(other.cursor() if n > 3 else log.cursor(), new_streams_only)) == []
            assert other.append(one(f"a/{n}", n, expected=NEW), metadata(f"c{n}")).position == n + 1
        assert numbers(log.events()) == [0, 1, 2, 3, 4, 5]

    def test_event_batches_say_what_the_commits_say(self, store: Store, log: Log) -> None:
        for n in range(20):  # so long that a store which reads in blocks has several
            long = Append(f"b/{n}", (Counted(n, "x" * 20_000),))
            log.append([*one("a/1", n, n), long], metadata(f"c{n}", AT + timedelta(seconds=n)))
        reader = self.reopened(store)
        given: list[EventBatch] = []
        for group in reader.event_batches():
            assert group
            given += group
            assert reader.cursor().position == given[-1].last
        assert list(map(content_of, given)) == list(map(content_of, log.commits()))
        cursor, later = reader.cursor(), log.append(one("a/1", 20), metadata("c20"))
        assert [content_of(batch) for group in reader.event_batches(cursor) for batch in group] == [content_of(later)]
        since = [batch.position for group in log.event_batches(Cursor(5)) for batch in group]
        assert since == [commit.position for commit in log.commits(Cursor(5))] == [4, *range(7, 62, 3)]
        assert list(log.event_batches(Cursor(61))) == []

    def test_the_lines_of_a_log_are_read_from_a_cursor_on(self, store: Store, log: Log) -> None:
        twin, ends = store.create("twin", AT), []
        for n in range(3):
            log.append(one("a/1", n, n), metadata(f"c{n}"))
            twin.append(one("a/1", n, n), metadata(f"t{n}"))
            ends.append(log.cursor())
        if type(log).lines is Log.lines:
            pytest.skip("the store does not keep lines")
        whole = list(self.reopened(store).lines())
        assert len(whole) == 4
        assert all(line.endswith(b"\n") for line in whole)
        for number, end in enumerate(ends, 2):
            assert list(self.reopened(store).lines(end)) == whole[number:]
        with pytest.raises(StaleCursor):
            list(self.reopened(store).lines(twin.cursor()))
        with pytest.raises(ValueError, match="a cursor with a digest"):
            list(self.reopened(store).lines(Cursor(2)))

    def test_lines_that_could_not_be_appended_are_not_imported(self, store: Store) -> None:
        if type(store).import_log is Store.import_log:
            pytest.skip("the store does not import lines")
        from ..stores.exported import NewLines, new_header

        header = new_header("inbox", AT)
        made = NewLines.after_header(CONTRACT_TYPES, header)
        lines = [made.commit({stream: [Counted(1)]}, {}, metadata(f"c {stream}"))[0] for stream in ("a/1", "b/1")]
        assert store.import_log("inbox", [header, *lines]) == 2

        def next_line(stream: str, version: int, command: str) -> tuple[bytes, Cursor]:
            log = self.reopened(store)
            assert len(list(log.commits())) >= 2
            made = NewLines(CONTRACT_TYPES, log.cursor())
            return made.commit({stream: [Counted(2)]}, {stream: version}, metadata(command))[0], log.cursor()

        def check_refused(stream: str, command: str, words: str) -> None:
            line, end = next_line(stream, 1, command)
            before = list(self.reopened(store).lines())
            for given, since, place in (([line], end, end.line + 1), ([*before, line], START, len(before) + 1)):
                with pytest.raises(ImportRefused, match=rf"^line {place}\b.*: {words}.*nothing was imported"):
                    store.import_log("inbox", given, since=since)
            assert list(self.reopened(store).lines()) == before

        check_refused("b/1", "c a/1", "its command id .*was used before")
        check_refused("c/1", "c b/1", "version 2 of c/1 follows 0")
        store.forget("inbox", ["a/1"])
        check_refused("a/1", "c3", "it holds data of a/1, which was forgotten")
        line, end = next_line("b/1", 1, "c3")
        assert store.import_log("inbox", [line], since=end) == 1
        assert store.import_log("inbox", list(self.reopened(store).lines())) == 0
        assert [event.position for event in self.reopened(store).events()] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("stream", "command", "meta", "words"),
        [
            ("", "c", {}, "the name of a stream is empty"),
            ("a", "c", {}, "the name of a stream is KIND/ID"),
            ("a/\x07", "c", {}, "the name of a stream contains"),
            ("a/\0", "c", {}, "the name of a stream contains"),
            ("a/" + "x" * 3_000, "c", {}, "the name of a stream has more than 1,000 bytes"),
            ("a/1", "", {}, "the id of the command is empty"),
            ("a/1", "c\n", {}, "the id of the command contains"),
            ("a/1", "c", {"causation": "a secret/and more of it"}, "the member 'causation' of the metadata must be"),
        ],
    )
    def test_names_and_members_that_are_not_appended_are_not_imported(
        self, store: Store, stream: str, command: str, meta: dict[str, Any], words: str
    ) -> None:
        if type(store).import_log is Store.import_log:
            pytest.skip("the store does not import lines")
        from ..stores.exported import new_header
        from ..stores.format import Codec
        from ..stores.hash_chain import last_digest

        header = new_header("inbox", AT)
        data = metadata(command, **meta)
        commit = Commit((Recorded(1, stream, 1, "counted", Counted(1), data, 1, ()),), data)
        line, _ = Codec(CONTRACT_TYPES).encode(commit, last_digest(header))
        with pytest.raises(ImportRefused, match=rf"^line 2.*{words}.*nothing was imported"):
            store.import_log("inbox", [header, line])
        assert store.names() == []

    def test_a_line_without_its_line_feed_is_not_imported(self, store: Store) -> None:
        if type(store).import_log is Store.import_log:
            pytest.skip("the store does not import lines")
        from ..stores.exported import NewLines, new_header

        header = new_header("inbox", AT)
        line = NewLines.after_header(CONTRACT_TYPES, header).commit({"a/1": [Counted(1)]}, {}, metadata("c1"))[0]
        with pytest.raises(ImportRefused, match=r"^line 2.*no line feed.*nothing was imported"):
            store.import_log("inbox", [header, line[:-1]])
        assert store.names() == []

    def test_verify_walks_the_whole_log(self, store: Store, log: Log) -> None:
        for n in range(3):
            log.append(one("a/1", n, n), metadata(f"c{n}"))
        verdict = store.verify("inbox")
        assert (verdict.events, verdict.commits, verdict.damage) == (6, 3, None)
        assert store.repair("inbox") is None
        store.archive("inbox")
        assert store.verify("inbox", archived=True) == verdict
        with pytest.raises(LogNotFound):
            store.verify("inbox")

    def test_names(self, store: Store) -> None:
        made = [store.create(name, AT) for name in ("zebra", "Ärger 1", "a.b_c-d")]
        assert store.names() == sorted(log.name for log in made)
        assert store.open("A\u0308rger 1").id == made[1].id
        for name in ("", ".x", "-x", "a/b", "../x", "a\0", "con", "x" * 65, " x", "x\n", "\ud800", "NUL.txt"):
            for use in (store.open, store.archive, store.unarchive):
                with pytest.raises(InvalidLogName):
                    use(name)
            with pytest.raises(InvalidLogName):
                store.create(name, AT)
        assert store.names() == sorted(log.name for log in made)

    @pytest.mark.parametrize(
        ("name", "other"), [("work", "Work"), ("straße", "STRASSE"), ("Ärger", "a\u0308rger"), ("ΣΊΣΥΦΟΣ", "σίσυφος")]
    )
    def test_names_that_differ_only_by_case_are_one_name(self, store: Store, log: Log, name: str, other: str) -> None:
        made = store.create(name, AT)

        def check_taken() -> None:
            with pytest.raises(LogExists) as caught:
                store.create(other, AT)
            assert caught.value.name == name
            with pytest.raises(LogExists):
                store.rename("inbox", other)

        check_taken()
        with pytest.raises(LogNotFound):
            store.open(other)
        store.archive(name)
        check_taken()
        store.unarchive(name)
        store.rename(name, other)
        assert store.open(other).id == made.id
        assert sorted(store.names()) == sorted(["inbox", check_log_name(other)])
        assert self.reopened(store).id == log.id

    def test_a_name_is_made_once(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c"))
        with pytest.raises(LogExists, match="inbox"):
            store.create("inbox", AT)
        assert numbers(self.reopened(store).events()) == [1]

    def full(self, store: Store, log: Log) -> Callable[[Log], None]:
        """Record all that a log keeps, and return what checks that a log has it."""
        log.append(one("a/1", 1), metadata("c1"))
        log.append(one("b/1", 2), metadata("c2"))
        store.forget("inbox", ["b/1"])
        commits = list(self.reopened(store).commits())

        def check_kept(log: Log) -> None:
            assert list(log.commits()) == commits
            assert set(log.forgotten) == {"b/1"}
            for commit, append in zip(commits, (one("a/1", 1, expected=NEW), one("b/1", 2)), strict=True):
                assert log.find_command(commit.metadata.command) == commit
                assert log.append(append, metadata(commit.metadata.command)) == commit
            with pytest.raises(ForgottenStream):
                log.append(one("b/1", 3), metadata("c3"))
            assert log.append(one("a/1", 3, expected=1), metadata("c3")).position == 3

        return check_kept

    def test_rename_keeps_everything(self, store: Store, log: Log) -> None:
        check_kept = self.full(store, log)
        store.create("taken", AT)
        with pytest.raises(LogExists):
            store.rename("inbox", "taken")
        with pytest.raises(LogExists):
            store.rename("inbox", "inbox")
        store.rename("inbox", "outbox")
        with pytest.raises(LogNotFound, match="inbox"):
            store.open("inbox")
        with pytest.raises(LogNotFound):
            store.rename("inbox", "elsewhere")
        moved = store.open("outbox")
        assert (moved.id, moved.name) == (log.id, "outbox")
        check_kept(moved)

    def test_archive_and_back_keeps_everything(self, store: Store, log: Log) -> None:
        check_kept = self.full(store, log)
        store.archive("inbox")
        assert (store.names(), store.names(archived=True)) == ([], ["inbox"])
        with pytest.raises(LogNotFound):
            store.open("inbox")
        store.create("second", AT)
        for use in (lambda: store.create("inbox", AT), lambda: store.rename("second", "inbox")):
            with pytest.raises(LogExists) as caught:
                use()
            assert (caught.value.name, caught.value.archived) == ("inbox", True)
        with pytest.raises(LogNotFound):
            store.archive("inbox")
        store.unarchive("inbox")
        check_kept(self.reopened(store))
        with pytest.raises(LogNotFound):
            store.unarchive("inbox")

    # other programs

    def test_another_program_reads_and_goes_on(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        other = self.elsewhere(store, CONTRACT_TYPES).open("inbox")
        assert (other.id, numbers(other.events())) == (log.id, [1])
        other.append(one("a/1", 2, expected=1), metadata("c2"))
        assert numbers(log.events()) == [1, 2]

    def test_events_of_unknown_types_are_read_raw_and_kept(self, store: Store, log: Log) -> None:
        log.append(one("a/1", 1), metadata("c1"))
        other = self.elsewhere(store, EventTypes({})).open("inbox")
        (event,) = other.events()
        assert isinstance(event.data, UnknownEvent)
        assert (event.type, event.data.type, event.data.data) == ("counted", "counted", b'{"number":1,"text":""}')
        later = self.elsewhere(store, LATER_TYPES).open("inbox")
        later.append([Append("a/1", (Renamed(2, ("x",)),), 1)], metadata("c2"))
        assert [(event.type, event.version) for event in log.events()] == [("counted", 1), ("renamed/2", 2)]

    def test_older_events_are_read_as_what_they_became(self, store: Store, log: Log) -> None:
        written = log.append([Append("a/1", (Counted(1, "x"), Counted(2, "y")))], metadata("c1"))
        events = list(self.elsewhere(store, LATER_TYPES).open("inbox").events())
        assert [(event.type, event.data) for event in events] == [
            ("renamed/2", Renamed(1, ("x",))),
            ("renamed/2", Renamed(2, ("y",))),
        ]
        assert [event.id for event in events] == [event.id for event in written.events]
        assert list(log.commits()) == [written], "the log stays as it is"

    # forgetting

    def filled(self, log: Log) -> None:
        """Append commits of one stream, of others, and of several together."""
        log.append(one("a/1", 1, LARGE), metadata("c1", because="it is secret"))
        log.append([*one("a/2", 2), *one("b/1", 3)], metadata("c2", because="both", undoes=["c1"], note={"kept": "no"}))
        log.append([*one("a/1", 4), *one("a/2", LARGE)], metadata("c3", causation="c1/1"))
        log.append(one("a/2", 5), metadata("c4", because="it is clear"))

    def test_forgotten_events_keep_their_places_and_nothing_else(self, store: Store, log: Log) -> None:
        self.filled(log)
        before = list(log.commits())
        done = store.forget("inbox", ["a/1"])
        assert (done.log, done.events, done.removed) == (log.id, 3, ())
        after = list(self.reopened(store).commits())
        places = [[(event.position, event.stream, event.version, event.id) for event in commit.events] for commit in before]
        assert [
            [(event.position, event.stream, event.version, event.id) for event in commit.events] for commit in after
        ] == places
        for old, new in zip(before, after, strict=True):
            own, other = old.metadata, new.metadata
            assert (own.at, own.by, own.command) == (other.at, other.by, other.command)
            for event, now in zip(old.events, new.events, strict=True):
                if event.stream == "a/1":
                    assert (now.type, now.data, now.tags) == (FORGOTTEN, UnknownEvent(FORGOTTEN, b"{}"), ())
                else:
                    assert (now.type, now.data, now.tags) == (event.type, event.data, event.tags)
        assert list(self.reopened(store).commits_backward()) == after[::-1]

    def test_a_commit_with_a_forgotten_event_keeps_no_text(self, store: Store, log: Log) -> None:
        self.filled(log)
        store.forget("inbox", ["b/1", "a/1"])
        metas = [commit.metadata.meta for commit in self.reopened(store).commits()]
        assert metas == [{}, {"undoes": ["c1"]}, {"causation": "c1/1"}, {"because": "it is clear"}]

    def test_a_member_by_stream_loses_only_the_values_of_forgotten_streams(self, store: Store, log: Log) -> None:
        first = {"import": {"a/1": "9f0c", "a/2": "31c4", "b/1": "5d"}}
        log.append([*one("a/1", 1), *one("a/2", 2)], Metadata(AT, "contract@suite", "c1", first))
        second = {"import": {"a/1": "9f0c", "b/1": "31c4"}, "because": "it is clear"}
        log.append(one("b/1", 3), Metadata(AT, "contract@suite", "c2", second))
        store.forget("inbox", ["a/1"])
        metas = [commit.metadata.meta for commit in self.reopened(store).commits()]
        assert metas == [{"import": {"a/2": "31c4", "b/1": "5d"}}, {"import": {"b/1": "31c4"}, "because": "it is clear"}]

    def test_to_forget_again_changes_nothing(self, store: Store, log: Log) -> None:
        self.filled(log)
        done = store.forget("inbox", ["c/9", "a/1", "c/8"])
        assert (done.events, done.absent) == (3, ("c/8", "c/9"))
        before = list(self.reopened(store).commits())
        for streams in (["a/1"], ["c/9", "a/1"]):
            assert store.forget("inbox", streams).events == 0
        assert list(self.reopened(store).commits()) == before
        assert store.forget("inbox", ["b/1"]).events == 1
        assert store.verify("inbox").forgotten == 4
        assert set(self.reopened(store).forgotten) == {"a/1", "b/1", "c/8", "c/9"}

    def test_forgetting_what_is_not_there_is_refused(self, store: Store, log: Log) -> None:
        self.filled(log)
        before = list(log.commits())
        for streams in (["a/9"], ["a"], []):
            with pytest.raises(StreamNotFound):
                store.forget("inbox", streams)
        for stream in ("typo", "a/", "/1", "", "a/\x00", "a/" + 1_000 * "1"):
            with pytest.raises(StreamNotFound, match="the name of a stream is KIND/ID"):
                store.forget("inbox", ["a/1", stream])
        for name, archived in (("nowhere", False), ("inbox", True)):
            with pytest.raises(LogNotFound):
                store.forget(name, ["a/1"], archived=archived)
        with pytest.raises(TypeError, match="is a text"):
            store.forget("inbox", "a/1")
        with pytest.raises(TypeError, match="the name of a stream must be of the type str, not 5"):
            store.forget("inbox", ["a/1", 5])  # type: ignore[list-item]  # it is refused
        assert list(self.reopened(store).commits()) == before
        verdict = store.verify("inbox")
        assert (verdict.events, verdict.damage, verdict.forgotten) == (7, None, 0)

    def test_an_archived_log_can_forget(self, store: Store, log: Log) -> None:
        self.filled(log)
        store.archive("inbox")
        assert store.forget("inbox", ["a/1"], archived=True).events == 3
        assert store.verify("inbox", archived=True).forgotten == 3
        store.unarchive("inbox")
        assert [event.type for event in self.reopened(store).events(stream="a/1")] == [FORGOTTEN] * 3

    def test_nothing_is_appended_to_a_forgotten_stream(self, store: Store, log: Log) -> None:
        self.filled(log)
        store.forget("inbox", ["a/1"])
        other = self.reopened(store)
        for append in (one("a/1", 9), [*one("a/2", 9), *one("a/1", 9)]):
            with pytest.raises(ForgottenStream):
                other.append(append, metadata("c9"))
        guard = Append("a/1", (), 3)
        assert other.append([*one("a/2", 6), guard], metadata("c5")).position == 8
        assert store.verify("inbox").events == 8

    def test_an_append_that_comes_again_after_its_events_were_forgotten_gives_the_commit(
        self, store: Store, log: Log
    ) -> None:
        self.filled(log)
        store.forget("inbox", ["a/1"])
        other = self.reopened(store)
        for commit, appends in zip(other.commits(), (one("a/1", 1, LARGE), [*one("a/2", 2), *one("b/1", 3)]), strict=False):
            assert other.append(appends, metadata(commit.metadata.command)) == commit
        for appends in (one("a/2", 1, LARGE), [*one("a/1", 1, LARGE), *one("a/2", 9)]):
            with pytest.raises(CommandReused):
                other.append(appends, metadata("c1"))
        assert store.verify("inbox").events == 7

    def test_an_object_that_reads_on_behind_what_was_forgotten_appends_nothing_to_the_stream(
        self, store: Store, log: Log
    ) -> None:
        self.filled(log)
        before = self.reopened(store)
        for _ in before.commits():
            pass
        store.forget("inbox", ["a/1"])
        new = self.reopened(store)
        for _ in new.commits():
            pass
        for each in (before, self.reopened(store)):
            assert list(each.commits(new.cursor())) == []
            for _ in range(2):
                with pytest.raises((ForgottenStream, StaleCursor)):
                    each.append(one("a/1", 9), metadata("c9"))

    def test_an_object_from_before_streams_were_forgotten_reads_the_log_as_it_is(self, store: Store, log: Log) -> None:
        self.filled(log)
        readings: list[Callable[[Log], Iterable[object]]] = [
            lambda log: log.commits_backward(),
            lambda log: log.events(stream="a/1"),
            lambda log: log.events_backward(stream="a/1"),
            lambda log: log.select(Query.of(kinds={"a"})),
            lambda log: log.commits(),
            lambda log: [log.find_command("c1")],
        ]
        objects = [self.reopened(store) for _ in readings]
        for each in objects:
            assert len(list(each.commits())) == 4
        store.forget("inbox", ["a/1"])
        for each, reading in zip(objects, readings, strict=True):
            assert list(reading(each)) == list(reading(self.reopened(store)))

    def test_others_notice_that_streams_were_forgotten(self, store: Store, log: Log) -> None:
        self.filled(log)
        for _ in log.event_batches():
            pass
        cursor = log.cursor()
        store.forget("inbox", ["a/1"])
        for reading in (log.commits, log.event_batches, log.commits_backward):
            with pytest.raises(StaleCursor):
                list(reading(cursor))
        assert [event.type for commit in log.commits() for event in commit.events].count(FORGOTTEN) == 3
        assert (log.damage, set(log.forgotten)) == (None, {"a/1"})

    def test_a_writer_that_has_read_the_log_before_goes_on(self, store: Store, log: Log) -> None:
        self.filled(log)
        writers = [self.reopened(store) for _ in range(3)]
        for writer in writers[:2]:
            for _ in writer.event_batches():
                pass
        store.forget("inbox", ["a/1"])
        for number, writer in enumerate(writers):
            append = one("a/2", number, expected=3 + number)
            try:
                commit = writer.append(append, metadata(f"d{number}"))
            except StaleCursor:  # it has to read the log again first
                commit = writer.append(append, metadata(f"d{number}"))
            assert commit.position == 8 + number
            with pytest.raises(ForgottenStream):
                writer.append(one("a/1", 1), metadata("e"))
        assert store.verify("inbox").damage is None

    def test_a_reaction_goes_on_after_streams_were_forgotten(self, store: Store, log: Log) -> None:
        self.filled(log)
        seen: list[Recorded] = []
        counted = Query.of(types={"counted"})
        runner = Runner(store, log, Reaction("see", seen.append, counted))
        assert runner.catch_up() == 7
        log.append(one("a/2", 6), metadata("c5"))
        store.forget("inbox", ["a/1"])
        assert (runner.catch_up(), runner.catch_up()) == (1, 0)
        other = Runner(store, self.reopened(store), Reaction("see", seen.append, counted))
        assert other.catch_up() == 0
        assert [event.position for event in seen] == [1, 2, 3, 4, 5, 6, 7, 8]

    def test_a_forgotten_event_is_no_longer_parked(self, store: Store, log: Log) -> None:
        self.filled(log)
        checkpoints = store.checkpoints()
        events = list(log.events())
        # elsewhere than where they are now, as after a merge; and as one of the events that a later program makes of one
        parked = [Parked(event.id, 8 - event.position, "it is secret", AT, 3) for event in events]
        parked += [replace(each, event=f"{each.event}.1") for each in parked]
        for each in parked:
            checkpoints.park("mail", log.id, each)
            checkpoints.park("mail", "another", each)
        store.forget("inbox", ["a/1"])
        kept = {each.event for each in store.checkpoints().parked("mail", log.id)}
        assert kept == {f"{event.id}{part}" for event in events if event.stream != "a/1" for part in ("", ".1")}
        assert {each.event for each in store.checkpoints().parked("mail", "another")} == {each.event for each in parked}

    def test_shared_snapshots_hold_nothing_that_was_forgotten(self, store: Store, log: Log) -> None:
        self.filled(log)
        blobs = store.shared_snapshots()
        if blobs is None:
            pytest.skip("the store shares no snapshots")
        assert blobs.write(log.id, "7", b"data")
        assert blobs.write("another", "7", b"data")
        store.forget("inbox", ["a/1"])
        assert (blobs.read(log.id, "7"), blobs.read("another", "7")) == (None, b"data")
