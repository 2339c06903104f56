"""Folding events into views: the same whatever was kept, and without reading what a checkpoint covers."""

import copy
import random
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.dry_run import DryRunStore
from cqrs_todo.todo.fields import TEXT
from cqrs_todo.todo.model import Change, Complete, Create, Remove, Reopen, TodoCommand
from cqrs_todo.todo.projections import Event, Periodic, ViewFailed
from cqrs_todo.todo.projections.authors import Authors
from cqrs_todo.todo.projections.changes import Changes
from cqrs_todo.todo.projections.fold import Checkpoint, Folded, Reached, Source, fold, table
from cqrs_todo.todo.projections.statement import Statement
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import day_or_instant


class Kept:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.checkpoints: dict[str, Checkpoint] = {}

    def load(self) -> Sequence[Checkpoint]:
        return [self.checkpoints[period] for period in sorted(self.checkpoints)]

    def state_of(self, checkpoint: Checkpoint) -> Any:
        return copy.deepcopy(checkpoint.state)

    def save(self, period: str, reached: Mapping[str, Reached], state: Any) -> None:
        self.checkpoints[period] = Checkpoint(period, reached, copy.deepcopy(state))


class World:
    """Lists whose clock can be set."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = datetime(2026, 1, 10, 12, tzinfo=UTC)

    def list(self, name: str = "inbox", author: str = "me") -> TodoList:
        return TodoList(self.store, name, author, default=True, clock=lambda: self.now)

    def add(self, text: str, name: str = "inbox", author: str = "me") -> None:
        self.list(name, author).add([Create(text, self.now)])

    def done(self, *words: str, name: str = "inbox", author: str = "me") -> None:
        todos = self.list(name, author)
        todos.change(todos.select(words), lambda _: [Complete(day_or_instant(self.now), self.now)])

    def fold(
        self, view: Any, kept: Kept, period: str = "", names: Sequence[str] = ("inbox",), end: int | None = None
    ) -> tuple[Folded, int]:
        """The fold, and how many events the logs were asked for."""
        reading = DryRunStore(self.store, TYPES)
        sources = [Source(reading.open(name), end) for name in names]
        folded = fold(view, sources, kept, lambda at: at.astimezone(UTC), self.now, period)
        read = sum(each.forward.count + each.backward.count for each in reading.trace.readings.values())
        return folded, read


@pytest.fixture(params=["memory:", "jsonl"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(open_store("memory:" if request.param == "memory:" else f"jsonl:{tmp_path}", TYPES))


def rows(view: Any, folded: Folded) -> list[dict[str, Any]]:
    return table(view, folded.state)[1]


def test_changes_counts_commits_and_events(world: World) -> None:
    world.add("a")
    world.now += timedelta(minutes=1)
    world.add("b")
    world.done("1-2")
    world.now += timedelta(days=1)
    world.add("c")
    shown = {unit: rows(Changes(unit), world.fold(Changes(unit), Kept())[0]) for unit in ("minute", "hour", "day")}
    assert shown["minute"] == [
        {"minute": datetime(2026, 1, 10, 12, 0, tzinfo=UTC), "changes": 1, "events": 1},
        {"minute": datetime(2026, 1, 10, 12, 1, tzinfo=UTC), "changes": 2, "events": 3},
        {"minute": datetime(2026, 1, 11, 12, 1, tzinfo=UTC), "changes": 1, "events": 1},
    ]
    assert [(row["from"], row["to"], row["changes"]) for row in shown["hour"]] == [
        (datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 1, 10, 12, 59, 59, tzinfo=UTC), 3),
        (datetime(2026, 1, 11, 12, tzinfo=UTC), datetime(2026, 1, 11, 12, 59, 59, tzinfo=UTC), 1),
    ]
    assert [(row["day"], row["events"]) for row in shown["day"]] == [("2026-01-10", 4), ("2026-01-11", 1)]


def test_changes_keeps_the_repeated_hour_apart(world: World) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for hour in (0, 1, 1, 2):
        world.now = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
        world.add("x")
    for unit, column in (("minute", "minute"), ("hour", "from")):
        view = Changes(unit)
        folded = fold(view, [Source(world.store.open("inbox"))], Kept(), lambda at: at.astimezone(berlin), world.now)
        shown = rows(view, folded)
        assert [(row[column].hour, row[column].utcoffset(), row["changes"]) for row in shown] == [
            (2, timedelta(hours=2), 1),
            (2, timedelta(hours=1), 2),
            (3, timedelta(hours=1), 1),
        ]


def test_changes_knows_no_other_units() -> None:
    with pytest.raises(ValueError, match="minute, hour, day"):
        Changes().per("week")


def test_authors_shows_the_most_active_first(world: World) -> None:
    world.add("a", author="ann")
    world.now += timedelta(hours=1)
    world.add("b", author="bob")
    world.done("1", author="bob")
    folded, _ = world.fold(Authors(), Kept())
    assert [(row["author"], row["changes"], row["events"]) for row in rows(Authors(), folded)] == [
        ("bob", 2, 2),
        ("ann", 1, 1),
    ]


def test_only_new_events_are_read(world: World) -> None:
    kept = Kept()
    for text in "abc":
        world.add(text)
    assert world.fold(Authors(), kept)[1] == 3
    assert world.fold(Authors(), kept)[1] == 0
    world.done("1-2")
    folded, read = world.fold(Authors(), kept)
    assert (read, folded.events, folded.since) == (2, 2, {"inbox": 3})
    assert folded.state == world.fold(Authors(), Kept())[0].state


def test_a_statement_continues_from_the_last_one(world: World) -> None:
    kept = Kept()
    for month in range(1, 5):
        world.now = datetime(2026, month, 10, tzinfo=UTC)
        for number in range(5):
            world.add(f"todo {month}.{number}")
        world.done(f"{5 * month}")
    world.now = datetime(2026, 5, 1, tzinfo=UTC)
    first, read = world.fold(Statement(), kept, "2026-03")
    assert (first.since, read >= 18) == ({"inbox": 0}, True)
    assert rows(Statement(), first)[0]["balance"] == 8
    assert rows(Statement(), first)[-1]["balance"] == 12
    # those of April; the file is read in blocks, so that the log may have been asked for more than is folded
    second, read = world.fold(Statement(), kept, "2026-04")
    assert (second.since, second.events, read) == ({"inbox": 18}, 6, 6)
    assert rows(Statement(), second)[0]["balance"] == 12
    assert rows(Statement(), second)[-1]["balance"] == 16
    # nothing was recorded in May: its statement continues from that of April, and reads nothing
    third, read = world.fold(Statement(), kept, "2026-05")
    assert (third.since, read) == ({"inbox": 24}, 0)
    assert [row["balance"] for row in rows(Statement(), third)] == [16, 16]


def test_a_statement_without_checkpoints_is_the_same(world: World) -> None:
    kept = Kept()
    generator = random.Random(19)
    for _ in range(60):
        world.now += timedelta(days=generator.randint(-2, 5), hours=generator.randint(0, 23))
        _change_at_random(world, generator)
    view = Statement()
    for month in range(1, 13):
        period = f"2026-{month:02}"
        for checkpoints in (kept, kept, Kept()):
            assert rows(view, world.fold(view, checkpoints, period)[0]) == rows(view, world.fold(view, Kept(), period)[0])
    closing = [rows(view, world.fold(view, Kept(), f"2026-{month:02}")[0])[-1]["balance"] for month in range(1, 13)]
    opening = [rows(view, world.fold(view, Kept(), f"2026-{month:02}")[0])[0]["balance"] for month in range(1, 13)]
    assert closing[:-1] == opening[1:]
    items = world.list().view().items
    assert closing[-1] == sum(not item.todo.done and not item.todo.removed for item in items)


def _change_at_random(world: World, generator: random.Random) -> None:
    todos = world.list()
    items = todos.view().items
    if not items or generator.random() < 0.4:
        world.add(f"todo {len(items) + 1}")
        return
    item = generator.choice(items)
    commands: list[TodoCommand] = [
        Complete(day_or_instant(world.now), world.now),
        Reopen(),
        Remove(),
        Change(TEXT, "new", world.now),
    ]
    if generator.random() < 0.3:
        todos.undo()
    elif not item.todo.removed:
        todos.change([item], lambda _: [generator.choice(commands)])


def test_what_a_slow_clock_records_late_does_not_depend_on_checkpoints(world: World) -> None:
    """January is closed at its end; then a commit with a time in January follows."""
    kept = Kept()
    world.add("a")
    world.now = datetime(2026, 2, 2, tzinfo=UTC)
    assert rows(Statement(), world.fold(Statement(), kept, "2026-01")[0])[-1]["balance"] == 1
    assert "2026-01" in kept.checkpoints
    world.now = datetime(2026, 1, 20, tzinfo=UTC)
    world.add("b")
    world.now = datetime(2026, 2, 3, tzinfo=UTC)
    for period in ("2026-01", "2026-02"):
        assert rows(Statement(), world.fold(Statement(), kept, period)[0]) == rows(
            Statement(), world.fold(Statement(), Kept(), period)[0]
        )


def test_the_events_of_several_lists_are_folded_in_the_order_of_their_times(world: World) -> None:
    class Order:
        name = "order"
        initial: Sequence[str] = ()

        def evolve(self, state: Sequence[str], event: Event) -> Sequence[str]:
            return [*state, event.list]

        def rows(self, state: Sequence[str]) -> list[dict[str, Any]]:
            return [{"list": name} for name in state]

    kept = Kept()
    for name in ("home", "work", "work", "home"):
        world.add("x", name)
        world.now += timedelta(minutes=1)
    names = ("home", "work")
    assert world.fold(Order(), kept, names=names)[0].state == ["home", "work", "work", "home"]
    world.add("y", "work")
    folded, _ = world.fold(Order(), kept, names=names)
    assert (folded.state, folded.events) == (["home", "work", "work", "home", "work"], 1)
    # a late one, whose place is before what was folded
    world.now = datetime(2026, 1, 10, 12, 0, 30, tzinfo=UTC)
    world.add("z", "home")
    world.now += timedelta(days=1)
    late = world.fold(Order(), kept, names=names)[0].state
    assert late == world.fold(Order(), Kept(), names=names)[0].state


def test_a_view_can_be_folded_up_to_any_position(world: World) -> None:
    kept = Kept()
    for text in "abcde":
        world.add(text)
    world.fold(Authors(), kept)
    for end in range(6):
        folded, _ = world.fold(Authors(), kept, end=end)
        assert sum(row["events"] for row in rows(Authors(), folded)) == end


def test_events_have_local_times_and_what_a_view_needs(world: World) -> None:
    seen: list[Event] = []

    class All:
        name = "all"
        initial = 0

        def evolve(self, state: int, event: Event) -> int:
            seen.append(event)
            return state + 1

        def rows(self, state: int) -> list[dict[str, Any]]:
            return [{"events": state}]

    world.add("a")
    world.add("b")
    world.done("1-2")
    zone = timezone(timedelta(hours=5))
    fold(All(), [Source(world.store.open("inbox"))], Kept(), lambda at: at.astimezone(zone), world.now)
    event = seen[-1]
    assert (event.list, event.position, event.commit, event.version) == ("inbox", 4, 3, 2)
    assert (event.type, event.by, event.at.utcoffset()) == ("todo_completed", "me", timedelta(hours=5))
    assert event.id == world.list().view().items[1].id


class Failing:
    """A view that fails where it is told to."""

    name = "failing"
    initial: Any = 0

    def __init__(self, where: str) -> None:
        self.where = where
        if where == "initial":
            self.initial = (each for each in range(1))

    def evolve(self, state: int, event: Event) -> Any:
        match self.where:
            case "evolve":
                raise KeyError("x")
            case "exit":
                sys.exit("stop")
            case "message":
                raise Unspeakable
        return None if self.where == "none" else state

    def rows(self, state: int) -> Any:
        if self.where == "rows":
            raise ZeroDivisionError
        return [{1: 2}] if self.where == "name" else [3] if self.where == "row" else []


class Unspeakable(BaseException):
    """An error that has no message."""

    def __str__(self) -> str:
        raise ValueError


class FailingPeriods(Failing):
    """A view with periods that fails where it is told to."""

    def period_of(self, at: datetime) -> Any:
        match self.where:
            case "period":
                raise SystemExit
            case "number":
                return at.year
            case "empty":
                return ""
            case "surrogate":
                return "\ud800"
        return f"{at:%Y-%m}"

    def close(self, state: int) -> Any:
        return 1 / 0 if self.where == "close" else None


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (
            Failing("evolve"),
            r"the view failing failed in evolve, with @1 of inbox: KeyError: 'x' \(.*test_projections.py, line \d+\)",
        ),
        (Failing("exit"), r"failed in evolve, with @1 of inbox: SystemExit: stop \("),
        (Failing("message"), r"failed in evolve, with @1 of inbox: Unspeakable \("),
        (Failing("none"), "returned None"),
        (Failing("initial"), "failed in initial, which cannot be copied: TypeError"),
        (Failing("rows"), "failed in rows: ZeroDivisionError"),
        (Failing("row"), "failed in rows: TypeError"),
        (Failing("name"), "the name of a column is 1"),
        (FailingPeriods("period"), r"failed in period_of: SystemExit \("),
        (FailingPeriods("number"), "failed in period_of: it returned a value of the type int"),
        (FailingPeriods("empty"), "failed in period_of: it returned an empty text"),
        (FailingPeriods("surrogate"), "failed in period_of: it returned a text that is not valid"),
        (FailingPeriods("close"), "failed in close: ZeroDivisionError"),
        (FailingPeriods("nothing"), "failed in close: it returned None"),
    ],
    ids=lambda value: value.where if isinstance(value, Failing) else "",
)
def test_a_view_that_fails_is_named_with_what_it_did(world: World, view: Failing, message: str) -> None:
    world.add("a")
    period = "2026-12" if isinstance(view, FailingPeriods) else ""
    with pytest.raises(ViewFailed, match=message):
        table(view, world.fold(view, Kept(), period)[0].state)


def test_only_views_with_periods_are_periodic() -> None:
    assert isinstance(Statement(), Periodic)
    assert not isinstance(Authors(), Periodic)
