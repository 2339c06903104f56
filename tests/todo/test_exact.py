"""Conditions, statistics and views, to the letter: what mutants of them showed that no other test watches."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.events import LOST, Commit, Metadata, Recorded, UnknownEvent
from cqrs_todo.cqrs.fold import Entities, Entity, Fold
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.compare import Origin, blame, compare
from cqrs_todo.todo.events import TextChanged, TodoCompleted, TodoCreated, TodoEvent, TodoRemoved, TodoReopened
from cqrs_todo.todo.fields import State, Todo
from cqrs_todo.todo.model import DECIDER
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.selection import NotFound, select
from cqrs_todo.todo.statistics import Statistics, held, parse_condition, statistics
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import (
    Filter,
    Item,
    board,
    day_in_words,
    describe,
    extras,
    id_of,
    mentions,
    ordered,
    overdue,
    remark,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def recorded(*steps: tuple[str, datetime, TodoEvent]) -> list[Commit]:
    """Commits of one event each: whose, when, what."""
    log = open_store("memory:", TYPES).create("inbox", NOW)
    for n, (id, at, event) in enumerate(steps):
        log.append([Append(f"todo/{id}", (event,))], Metadata(at, "jo", f"c{n}", {}))
    return list(log.commits())


def found(condition: str, commits: list[Commit], now: datetime = NOW) -> list[tuple[int, datetime]]:
    return [(each.position, each.at) for each in held(parse_condition(condition), commits, now, utc)]


def test_an_instant_is_told_in_utc_wherever_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert day_or_instant(NOW) == "2026-11-22T12:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_todo_named_by_its_whole_id() -> None:
    todos = [Todo("a", NOW), Todo("b", NOW), None]
    fold: Fold[State] = Fold(DECIDER, Entities([Entity(f"todo/a{n}", todo, n, n) for n, todo in enumerate(todos, 1)], {}))
    assert select(["a2"], fold, list, "inbox") == [Item(2, "todo/a2", 2, Todo("b", NOW))]
    with pytest.raises(NotFound):
        select(["a3"], fold, list, "inbox")


def test_conditions() -> None:
    with pytest.raises(Rejected) as caught:
        parse_condition("x")
    assert str(caught.value) == (
        "'x' is no condition: write a count (open, done, overdue, removed, total, tag:NAME), "
        "one of < <= = != >= >, and a number"
    )
    before = NOW - timedelta(days=3)
    commits = recorded(
        ("a", before, TodoCreated("a", before)),
        ("b", before, TodoCreated("b", before, due="2026-11-20")),
        ("a", before, TodoCompleted("2026-11-19")),
        ("a", before, TodoReopened("2026-11-19")),
        ("a", before, TodoRemoved()),
    )
    passed = datetime(2026, 11, 21, tzinfo=UTC)
    assert found("overdue>0", commits) == found("overdue>0", commits, passed) == [(5, passed)]
    assert found("done>=1", commits) == [(3, before)]
    assert found("removed>=1", commits) == [(5, before)]
    assert found("done=0 and total=1", commits) == [(1, before), (5, before)]


def test_statistics() -> None:
    day = NOW - timedelta(days=2)
    commits = recorded(
        ("a", day, TodoCreated("a", day)),
        ("b", day, TodoCreated("b", day)),
        ("a", day, TodoCompleted(day_or_instant(day + 6 * HOUR))),
        ("b", day, TodoCompleted("2026-11-19")),
        ("a", NOW, TodoReopened("2026-11-20")),
        ("b", NOW, TodoReopened("2026-11-19")),
    )
    told = statistics(commits, NOW, utc)
    assert (told.cycle_days, told.reopened, len(told.hours)) == ((0.0, 0.25), 2, 24)
    assert told.cycle_quantile(1.0) == 0.25
    early = statistics(commits, NOW, utc, since=day.date(), until=day.date())
    assert (sum(early.hours), early.reopened) == (4, 0)
    many = Statistics((), (), (), (), (), tuple(float(n) for n in range(2000)), 0, (), ())
    assert many.cycle_quantile(1.0) == 1999.0
    created: list[tuple[str, datetime, TodoEvent]] = [(id, day, TodoCreated(id, day)) for id in "ab"]
    both = recorded(*created, *((id, day, TodoCompleted("2026-11-20")) for id in "ab"))
    assert statistics(both, NOW, utc).completed == (2, 0, 0)


def item(number: int, text: str = "x", **fields: Any) -> Item:
    return Item(number, f"todo/k{number}", 1, Todo(text, NOW, **fields))


def test_views() -> None:
    assert id_of("todo/a/b") == "a/b"
    assert not overdue(Todo("x", NOW, due=day_or_instant(NOW)), NOW, utc)
    assert [row.number for row in ordered([item(2), item(1)], "text", utc)] == [1, 2]
    assert Filter(words=("xx",)).of([item(1, "a")]) == []
    rows = [item(1, due="2026-11-01", completed="2026-11-02"), item(2)]
    assert [row.number for row in board(rows, NOW, utc).next] == [2]
    words = [day_in_words(date(2026, 11, day).isoformat(), NOW, utc) for day in (20, 24, 28, 29)]
    assert words == ["20 Nov", "Tue", "Sat", "29 Nov"]
    assert mentions(object(), "x") is False
    assert extras(Todo("x", NOW, due="2026-11-23T10:00:00Z"), utc) == " (due Mon 2026-11-23 10:00)"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TodoCompleted("2026-11-20T10:00:00Z"), "done, on 2026-11-20 10:00"),
        (UnknownEvent(LOST, b"{}"), "lost when the log was damaged"),
    ],
)
def test_an_event_in_words(data: TodoEvent | UnknownEvent, words: str) -> None:
    meta = Metadata(NOW, "me", "c", {"undoes": [3], "restores": 7})
    event = Recorded(1, "todo/a", 1, "x", data, meta)
    assert describe(event, utc) == words
    assert remark(Commit((event,), meta)) == "undoes @3, as of @7"


def test_where_a_value_comes_from() -> None:
    (difference,) = compare([], [Item(1, "todo/a", 1, Todo("x", NOW))])
    assert (difference.number, difference.id) == (1, "a")
    later = NOW + timedelta(days=1)
    commits = recorded(("a", NOW, TodoCreated("x", NOW)), ("a", later, TextChanged("x", "y")))
    assert blame("todo/a", commits)["text"] == Origin("y", "x", 2, later, "jo")


def test_two_ids_that_begin_alike() -> None:
    entities: list[Entity[State]] = [Entity(f"todo/pq{n}", Todo("x", NOW), 1, n) for n in (1, 2)]
    fold = Fold(DECIDER, Entities(entities, {}), 2)
    with pytest.raises(NotFound, match=r"pq \(it begins 2 ids\)"):
        select(["pq"], fold, list, "inbox")
