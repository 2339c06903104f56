"""Conditions on counts, and statistics."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.events import Commit
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.conditions import moments_when, parse_condition
from cqrs_todo.todo.errors import InvalidCondition, InvalidQuery
from cqrs_todo.todo.events import TodoCompleted, TodoCreated, TodoEvent, TodoRemoved, TodoReopened
from cqrs_todo.todo.model import Complete, Create, Reopen
from cqrs_todo.todo.query import Context, Query, parse
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.statistics import Statistics, statistics
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import Item
from tests.strategies import NOW
from tests.todo.histories import Act, a_list, acts, after, played, recorded

HOUR = timedelta(hours=1)


def utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def found(condition: str, commits: list[Commit], now: datetime = NOW) -> list[tuple[int, datetime]]:
    return [(each.position, each.at) for each in moments_when(parse_condition(condition), {"inbox": commits}, now, utc)]


@pytest.mark.parametrize("text", ["", "open", "open>", "open>x", "open>1 or done>1", "open>-1", "open>1 and", "tag:>1"])
def test_a_text_that_is_not_a_condition_is_refused(text: str) -> None:
    with pytest.raises(InvalidCondition, match="is not a condition: write a count"):
        parse_condition(text)


def test_the_refusal_of_a_condition_says_what_can_be_written() -> None:
    with pytest.raises(InvalidCondition) as caught:
        parse_condition("x")
    assert str(caught.value) == (
        "'x' is not a condition: write a count (open, done, overdue, removed, total, tag:NAME, or a query in parentheses), "
        "one of < <= = != >= >, and a number"
    )


def test_a_condition_can_count_what_a_query_wants() -> None:
    asked: list[str] = []

    def ask(query: str, _name: str, items: Sequence[Item], now: datetime) -> Query:
        asked.append(query)
        return Query(
            Context(now=now, to_local=utc, items=items),
            (lambda item: item.number > 1 and not item.todo.done,),
            frozenset({"any"}),
        )

    before = NOW - timedelta(days=3)
    commits = recorded(
        ("a", before, TodoCreated("a", before)),
        ("b", before, TodoCreated("b", before, due="2026-11-21")),
        ("c", before, TodoCreated("c", before)),
        ("b", before, TodoCompleted("2026-11-19")),
    )
    condition = parse_condition('(x (y) or "z)")>=2 and open>1')
    assert [moment.position for moment in moments_when(condition, {"inbox": commits}, NOW, utc, ask)] == [3]
    assert set(asked) == {'x (y) or "z)"'}


@pytest.mark.parametrize("text", ["(x", "(x)", "(x)>", "(x>=3", "()", "(x)>=1 and", '("x)>=1', "(x) y>=1"])
def test_a_query_in_a_condition_must_end_and_be_compared(text: str) -> None:
    with pytest.raises(InvalidCondition, match="is not a condition"):
        parse_condition(text)


def test_a_condition_is_found_at_the_commit_or_the_due_date_at_which_it_begins_to_hold() -> None:
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


def test_a_condition_on_overdue_begins_to_hold_when_a_due_date_passes() -> None:
    store = open_store("memory:", TYPES)
    days = [NOW - timedelta(days=10)]
    todos = a_list(store, clock=lambda: days[-1])
    todos.add([Create("a", days[0], due="2026-11-15"), Create("b", days[0], due="2026-11-16T10:00:00Z")])

    def moments(condition: str) -> list[tuple[int, str]]:
        found = moments_when(parse_condition(condition), {"inbox": todos.log.commits()}, NOW, utc)
        return [(moment.position, day_or_instant(moment.at)) for moment in found]

    assert moments("overdue>0") == [(1, "2026-11-16T00:00:00Z")]
    assert moments("overdue>=2 and open=2") == [(1, "2026-11-16T10:00:00.000001Z")]
    assert moments("overdue!=0 and total<2") == []
    days.append(NOW - timedelta(days=3))
    todos.change(todos.select(["1-2"]), lambda _: [Complete("2026-11-18", NOW)])
    days.append(NOW - timedelta(days=1))
    todos.change(todos.select(["1"]), lambda _: [Reopen()])
    assert moments("overdue==1") == [(1, "2026-11-16T00:00:00Z"), (5, day_or_instant(days[-1]))]


@for_all(acts, st.sampled_from(["open", "done", "removed", "total", "tag:home"]), st.integers(0, 4))
def test_law_a_condition_begins_to_hold_at_the_commit_after_which_the_counts_meet_it(
    acts: list[Act], name: str, number: int
) -> None:
    todos = after(acts)
    found = [
        moment.position
        for moment in moments_when(parse_condition(f"{name}>={number}"), {"inbox": todos.log.commits()}, NOW, utc)
    ]
    expected, before = [], False
    for commit in todos.log.commits():
        rows = [item.todo for item in todos.view(commit.last).items]
        there_then = [todo for todo in rows if not todo.removed]
        counts = {
            "open": sum(not todo.done for todo in there_then),
            "done": sum(todo.done for todo in there_then),
            "removed": len(rows) - len(there_then),
            "total": len(there_then),
            "tag:home": sum("home" in todo.tags and not todo.done for todo in there_then),
        }
        holds = counts[name] >= number
        if holds and not before:
            expected.append(commit.position)
        before = holds
    assert found == expected


def test_statistics_follow_the_time_at_which_things_happened() -> None:
    day = [NOW - timedelta(days=5)]
    todos = TodoList(open_store("memory:", TYPES), "inbox", "jo", default=True, clock=lambda: day[-1])
    todos.add([Create("a", day[0]), Create("b", day[0]), Create("c", day[0])])
    day.append(NOW)
    todos.change(todos.select(["1"]), lambda _: [Complete("2026-11-19", NOW)])
    todos.change(todos.select(["2"]), lambda _: [Complete(day_or_instant(NOW), NOW)])
    todos.change(todos.select(["2"]), lambda _: [Reopen()])
    result = statistics(todos.log.commits(), NOW, utc)
    assert [each.isoformat() for each in result.days] == [f"2026-11-{n}" for n in range(17, 23)]
    assert result.open == (3, 3, 2, 2, 2, 2)
    assert (result.added, result.completed) == ((3, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 1))
    assert result.activity == (3, 0, 0, 0, 0, 3)
    assert result.cycle_days == (2.0, 5.0)
    assert (result.cycle_quantile(0.5), result.cycle_quantile(0.9)) == (2.0, 5.0)
    assert (result.reopened, result.reopen_rate) == (1, 0.5)
    assert result.hours[12] == 6
    assert result.authors == (("jo", 6),)
    later = statistics(todos.log.commits(), NOW, utc, since=day[0].date() + timedelta(days=4), until=NOW.date())
    assert (later.days[0].isoformat(), later.open, later.cycle_days) == ("2026-11-21", (2, 2), (5.0,))
    nothing = statistics([], NOW, utc)
    assert (nothing.days, nothing.open, nothing.reopen_rate, nothing.cycle_quantile(0.5)) == (
        (NOW.date(),),
        (0,),
        None,
        None,
    )


def test_statistics_cover_only_the_days_that_are_asked_for() -> None:
    day = NOW - timedelta(days=2)
    commits = recorded(
        ("a", day, TodoCreated("a", day)),
        ("b", day, TodoCreated("b", day)),
        ("a", day, TodoCompleted(day_or_instant(day + 6 * HOUR))),
        ("b", day, TodoCompleted("2026-11-19")),
        ("a", NOW, TodoReopened("2026-11-20")),
        ("b", NOW, TodoReopened("2026-11-19")),
    )
    result = statistics(commits, NOW, utc)
    assert (result.cycle_days, result.reopened, len(result.hours)) == ((0.0, 0.25), 2, 24)
    assert result.cycle_quantile(1.0) == 0.25
    early = statistics(commits, NOW, utc, since=day.date(), until=day.date())
    assert (sum(early.hours), early.reopened) == (4, 0)


def test_the_quantile_of_1_is_the_longest_cycle() -> None:
    many = Statistics(
        days=(),
        open=(),
        added=(),
        completed=(),
        activity=(),
        cycle_days=tuple(float(n) for n in range(2000)),
        reopened=0,
        hours=(),
        authors=(),
    )
    assert many.cycle_quantile(1.0) == 1999.0


def test_todos_completed_on_the_same_day_are_all_counted() -> None:
    day = NOW - timedelta(days=2)
    created: list[tuple[str, datetime, TodoEvent]] = [(id, day, TodoCreated(id, day)) for id in "ab"]
    both = recorded(*created, *((id, day, TodoCompleted("2026-11-20")) for id in "ab"))
    assert statistics(both, NOW, utc).completed == (2, 0, 0)


@for_all(acts)
def test_law_the_last_day_of_the_statistics_is_the_present_list(acts: list[Act]) -> None:
    todos = after(acts)
    result = statistics(todos.log.commits(), NOW, utc)
    there_now = [item.todo for item in todos.view().items if not item.todo.removed]
    assert result.open[-1] == sum(not todo.done for todo in there_now)
    assert sum(result.added) == len(todos.view().items)
    assert sum(result.activity) == todos.view().position == sum(result.hours) == sum(count for _, count in result.authors)
    assert len(result.cycle_days) == sum(result.completed)


@pytest.mark.parametrize(("text", "meant"), [("opn>3", "open"), ("open>1 and Don=2", "done"), ("colour>1", None)])
def test_a_count_that_does_not_exist_is_named_with_a_similar_one(text: str, meant: str | None) -> None:
    with pytest.raises(InvalidCondition, match=r"there is no count '(opn|Don|colour)': ") as caught:
        parse_condition(text)
    assert ("did you mean " in str(caught.value)) == (meant is not None)
    assert meant is None or f"did you mean {meant}?" in str(caught.value)


def test_a_query_is_tried_at_each_date_of_a_todo_at_each_midnight_and_at_present() -> None:
    todos = a_list(open_store("memory:", TYPES))
    todos.clock = lambda: NOW
    later = NOW + timedelta(days=2)
    todos.add([Create("a", NOW, reminder=later, attributes=(("started", "2026-11-25"), ("end", "9999-12-31")))])
    seen: list[datetime] = []

    def ask(_query: str, _name: str, items: Sequence[Item], now: datetime) -> Query:
        seen.append(now)
        context = Context(now=now, to_local=utc, items=items)
        return Query(context, (lambda _: now >= NOW + timedelta(days=9),), depends_on=frozenset({"day", "time"}))

    now = NOW + timedelta(days=10)
    found = list(moments_when(parse_condition("(x)>=1"), {"inbox": todos.log.commits()}, now, utc, ask))
    assert {later, datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)} <= set(seen)
    assert {datetime(2026, 11, day, tzinfo=UTC) for day in range(23, 31)} <= set(seen)
    assert seen[-1] == now
    assert [(each.position, each.at) for each in found] == [(1, datetime(2026, 12, 2, tzinfo=UTC))]


def test_what_a_batch_records_is_one_change() -> None:
    todos = a_list(open_store("memory:", TYPES))
    todos.clock = lambda: NOW
    added = todos.add_batch([Create("x" * 60_000, NOW) for _ in range(600)], 600)
    assert added.commits > 1

    def moments(condition: str) -> list[int]:
        return [each.position for each in moments_when(parse_condition(condition), {"a": todos.log.commits()}, NOW, utc)]

    assert moments("total>=1") == [list(todos.log.commits())[-1].position]
    assert moments("total=500") == []


QUERIES = (
    *("is:open", "+home", "is:any", "no:due", "due:today", "due:..yesterday", "created:..2-days-ago", "done:today"),
    *(
        "is:overdue",
        "is:waiting",
        "is:blocked",
        "is:blocking",
        "is:ready",
        "under:1",
        "depends:2",
        "not under:1 or due:..today",
    ),
)


@for_all(acts, st.sampled_from(QUERIES), st.lists(st.integers(0, 40), min_size=12, max_size=12))
def test_law_after_each_commit_a_condition_counts_what_its_query_wants_then(
    acts: list[Act], query: str, hours: list[int]
) -> None:
    times = [NOW]
    pauses = iter(hours)

    def ask(text: str, name: str, items: Sequence[Item], now: datetime) -> Query:
        try:
            return parse(text, Context(now=now, to_local=utc, list=name, items=items))
        except InvalidQuery:
            return Query(Context(now=now, to_local=utc), (lambda _: False,), depends_on=frozenset({"names"}))

    def last(condition: str, commits: list[Commit]) -> tuple[int, datetime] | None:
        found = moments_when(parse_condition(condition), {"inbox": commits}, times[-1], utc, ask)
        return max(((each.position, each.at) for each in found), default=None)

    for todos in played(acts):
        todos.clock = lambda: times[-1]
        commits = list(todos.log.commits())
        if commits:
            wanted = len(ask(query, "inbox", todos.view().items, times[-1]).matching())
            equal, other = (last(f"({query}){operator}{wanted}", commits) for operator in ("=", "!="))
            assert equal is not None
            assert other is None or other < equal
        times.append(times[-1] + next(pauses, 1) * HOUR)


def test_over_several_lists_the_counts_are_added_and_a_move_is_one_change() -> None:
    def commit(position: int, minutes: int, command: str, event: TodoEvent) -> Commit:
        [made] = recorded(("a", NOW + minutes * timedelta(minutes=1), event))
        metadata = replace(made.metadata, command=command)
        return replace(made, metadata=metadata, events=(replace(made.events[0], position=position),))

    created = TodoCreated("a", NOW)
    histories = {
        "inbox": [commit(1, 0, "c1", created), commit(2, 11, "c3", TodoRemoved())],
        "work": [commit(1, 10, "c3", created), commit(2, 20, "c4", TodoCompleted("2026-11-22"))],
        "home": [commit(1, 10, "c2", TodoCreated("b", NOW))],
    }

    def moments(condition: str) -> list[tuple[str, int]]:
        found = moments_when(parse_condition(condition), histories, NOW + HOUR, utc)
        return [(each.list, each.position) for each in found]

    assert moments("open>=2") == [("inbox", 2)]
    assert moments("open>=3") == []
    assert moments("open=1") == [("inbox", 1), ("work", 2)]
    assert moments("open>=1") == [("inbox", 1)]
    assert moments("done=1 and total=2") == [("work", 2)]


def test_a_condition_with_a_query_needs_a_way_to_parse_it() -> None:
    commits = recorded(("a", NOW, TodoCreated("a", NOW)))
    with pytest.raises(ValueError, match="needs `ask`"):
        list(moments_when(parse_condition("(x)>=1"), {"inbox": commits}, NOW, utc))
