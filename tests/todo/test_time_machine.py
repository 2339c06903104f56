"""The laws of the time machine, over arbitrary histories, and clocks that jump."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.compare import blame, changed_fields, compare, field_changes
from cqrs_todo.todo.fields import NAMES, State, Todo
from cqrs_todo.todo.model import DECIDER, Complete, Create, Reopen
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.statistics import held, parse_condition, statistics
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import Item, items_of, mentions
from tests.strategies import NOW
from tests.todo.histories import Act, a_list, acts, after


def utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


@settings(max_examples=500)
@for_all(acts)
def test_law_the_state_reached_backward_is_the_state_reached_forward_at_every_position(acts: list[Act]) -> None:
    todos = after(acts)
    forward: Fold[State] = Fold(DECIDER)
    assert todos.view(0).items == ()
    for commit in todos.log.commits():
        forward.apply(commit)
        for position in range(commit.position, commit.last + 1):
            assert todos.view(position).items == tuple(items_of(forward))


def there(some: tuple[Item, ...]) -> list[tuple[int, Todo]]:
    return [(item.number, item.todo) for item in some if not item.todo.removed]


@settings(max_examples=500)
@for_all(acts, st.data())
def test_law_restore_leads_to_the_state_of_then_and_undo_takes_it_back(acts: list[Act], data: st.DataObject) -> None:
    todos = after(acts)
    now = todos.view()
    position = data.draw(st.integers(0, now.position))
    then = todos.view(position)
    answer = todos.restore(position)
    restored = todos.view().items
    assert there(restored) == there(then.items)
    known = {item.number: item.todo for item in then.items}
    assert {number: todo for number, todo in ((item.number, item.todo) for item in restored) if number in known} == known
    if answer.commit is None:
        assert there(now.items) == there(then.items)
    else:
        assert answer.commit.metadata.meta == {"restores": then.position}
        todos.undo()
        assert [item.todo for item in todos.view().items] == [item.todo for item in now.items]


@settings(max_examples=500)
@for_all(acts, st.data())
def test_law_a_difference_applied_leads_from_one_to_the_other(acts: list[Act], data: st.DataObject) -> None:
    todos = after(acts)
    positions = st.integers(0, todos.view().position)
    old, new = (todos.view(data.draw(positions)).items for _ in range(2))
    state = {item.number: item.todo for item in old}
    for difference in compare(old, new):
        assert difference.fields or difference.old is None or difference.new is None
        if difference.new is None:
            del state[difference.number]
        else:
            values = {name: value for name, (_, value) in difference.fields.items()}
            state[difference.number] = replace(state.get(difference.number, Todo("", difference.new.created)), **values)
    assert state == {item.number: item.todo for item in new}
    assert compare(old, old) == []


@settings(max_examples=500)
@for_all(acts)
def test_law_blame_names_the_value_and_the_commit_that_set_it(acts: list[Act]) -> None:
    todos = after(acts)
    commits = list(todos.log.commits())
    for item in todos.view().items:
        origins = blame(item.stream, commits)
        for name in NAMES:
            value = getattr(item.todo, name)
            if name not in origins:
                assert value in (None, (), False)
                continue
            assert origins[name].value == value
            states = {row.id: row.todo for row in todos.view(origins[name].position).items}
            assert getattr(states[item.id], name) == value


@settings(max_examples=500)
@for_all(acts)
def test_law_statistics_end_where_the_list_is(acts: list[Act]) -> None:
    todos = after(acts)
    told = statistics(todos.log.commits(), NOW, utc)
    there_now = [item.todo for item in todos.view().items if not item.todo.removed]
    assert told.open[-1] == sum(not todo.done for todo in there_now)
    assert sum(told.added) == len(todos.view().items)
    assert sum(told.activity) == todos.view().position == sum(told.hours) == sum(count for _, count in told.authors)
    assert len(told.cycle_days) == sum(told.completed)


@settings(max_examples=500)
@for_all(acts, st.sampled_from(["open", "done", "removed", "total", "tag:home"]), st.integers(0, 4))
def test_law_a_condition_begins_to_hold_where_the_state_says_so(acts: list[Act], name: str, number: int) -> None:
    todos = after(acts)
    found = [moment.position for moment in held(parse_condition(f"{name}>={number}"), todos.log.commits(), NOW, utc)]
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


def test_kinds_of_difference() -> None:
    todo = Todo("x", NOW)
    gone = replace(todo, removed=True)

    def kind(old: Todo | None, new: Todo | None) -> str:
        sides = [[] if side is None else [Item(1, "todo/a", 1, side)] for side in (old, new)]
        (difference,) = compare(*sides)
        return difference.kind

    assert kind(None, todo) == kind(gone, todo) == "added"
    assert kind(todo, None) == kind(todo, gone) == "removed"
    assert kind(todo, replace(todo, text="y")) == kind(gone, replace(gone, text="y")) == "changed"
    assert changed_fields(None, replace(todo, tags=("a",))) == {"text": ("", "x"), "tags": ((), ("a",))}


@pytest.mark.parametrize("store", ["memory", "jsonl"])
def test_with_clocks_that_jump_at_follows_its_definition_and_nothing_is_lost(store: str, tmp_path: Path) -> None:
    todos = TodoList(open_store("memory:" if store == "memory" else f"jsonl:{tmp_path}", TYPES), "inbox", "me", default=True)
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    jumps = [0, 60, -3600, 30 * 86400, 10, -3600, -2 * 365 * 86400, 5, 60 * 86400, -30 * 86400]
    recorded = []
    for n, jump in enumerate(jumps):
        at += timedelta(seconds=jump)
        with time_machine.travel(at, tick=False):
            todos.add([Create(f"todo {n}", todos.clock())])
        recorded.append(at)
    with time_machine.travel(max(recorded) + timedelta(days=1), tick=False):
        assert [item.todo.text for item in todos.view().items] == [f"todo {n}" for n in range(len(jumps))]
        assert [commit.metadata.at for commit in todos.log.commits()] == recorded
        for moment in sorted(
            {*recorded, *(at + timedelta(seconds=1) for at in recorded), min(recorded) - timedelta(seconds=1)}
        ):
            until = [n for n, at in enumerate(recorded) if at <= moment]
            assert len(todos.view(moment).items) == (until[-1] + 1 if until else 0)


@pytest.mark.parametrize(
    "text", ["", "open", "open>", "open>x", "colour>1", "open>1 or done>1", "open>-1", "open>1 and", "tag:>1"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="is no condition: write a count"):
        parse_condition(text)


def test_overdue_begins_when_time_passes() -> None:
    store = open_store("memory:", TYPES)
    days = [NOW - timedelta(days=10)]
    todos = a_list(store, clock=lambda: days[-1])
    todos.add([Create("a", days[0], due="2026-11-15"), Create("b", days[0], due="2026-11-16T10:00:00Z")])

    def moments(condition: str) -> list[tuple[int, str]]:
        found = held(parse_condition(condition), todos.log.commits(), NOW, utc)
        return [(moment.position, day_or_instant(moment.at)) for moment in found]

    assert moments("overdue>0") == [(1, "2026-11-16T00:00:00Z")]
    assert moments("overdue>=2 and open=2") == [(1, "2026-11-16T10:00:00.000001Z")]
    assert moments("overdue!=0 and total<2") == []
    days.append(NOW - timedelta(days=3))
    todos.change(todos.select(["1-2"]), lambda _: [Complete("2026-11-18", NOW)])
    days.append(NOW - timedelta(days=1))
    todos.change(todos.select(["1"]), lambda _: [Reopen()])
    assert moments("overdue==1") == [(1, "2026-11-16T00:00:00Z"), (5, day_or_instant(days[-1]))]


def test_statistics_follow_the_time_at_which_things_happened() -> None:
    day = [NOW - timedelta(days=5)]
    todos = TodoList(open_store("memory:", TYPES), "inbox", "jo", default=True, clock=lambda: day[-1])
    todos.add([Create("a", day[0]), Create("b", day[0]), Create("c", day[0])])
    day.append(NOW)
    todos.change(todos.select(["1"]), lambda _: [Complete("2026-11-19", NOW)])
    todos.change(todos.select(["2"]), lambda _: [Complete(day_or_instant(NOW), NOW)])
    todos.change(todos.select(["2"]), lambda _: [Reopen()])
    told = statistics(todos.log.commits(), NOW, utc)
    assert [each.isoformat() for each in told.days] == [f"2026-11-{n}" for n in range(17, 23)]
    assert told.open == (3, 3, 2, 2, 2, 2)
    assert (told.added, told.completed) == ((3, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 1))
    assert told.activity == (3, 0, 0, 0, 0, 3)
    assert told.cycle_days == (2.0, 5.0)
    assert (told.cycle_quantile(0.5), told.cycle_quantile(0.9)) == (2.0, 5.0)
    assert (told.reopened, told.reopen_rate) == (1, 0.5)
    assert told.hours[12] == 6
    assert told.authors == (("jo", 6),)
    later = statistics(todos.log.commits(), NOW, utc, since=day[0].date() + timedelta(days=4), until=NOW.date())
    assert (later.days[0].isoformat(), later.open, later.cycle_days) == ("2026-11-21", (2, 2), (5.0,))
    nothing = statistics([], NOW, utc)
    assert (nothing.days, nothing.open, nothing.reopen_rate, nothing.cycle_quantile(0.5)) == (
        (NOW.date(),),
        (0,),
        None,
        None,
    )


def test_every_change_of_every_event_and_the_texts_that_events_mention() -> None:
    todos = a_list(open_store("memory:", TYPES))
    todos.add([Create("Buy milk", NOW, tags=("home",))])
    todos.change(todos.select(["1"]), lambda _: [Complete("2026-11-20", NOW)])
    commits = list(todos.log.commits())
    assert field_changes(commits) == {
        1: {"text": ("", "Buy milk"), "tags": ((), ("home",))},
        2: {"completed": (None, "2026-11-20")},
    }
    created, completed = (commit.events[0].data for commit in commits)
    assert [mentions(created, text) for text in ("MILK", "hom", "tea")] == [True, True, False]
    assert mentions(completed, "2026-11")
