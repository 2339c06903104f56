"""The laws of time travel over arbitrary histories, and clocks that jump."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.fields import State, Todo
from cqrs_todo.todo.model import DECIDER, Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.views import Item, items_of
from tests.todo.histories import Act, acts, after


def utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


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


@for_all(acts, st.data())
def test_law_restore_leads_to_the_state_of_the_moment_and_undo_leads_back(acts: list[Act], data: st.DataObject) -> None:
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
        assert answer.commit.metadata.meta == {"restores": then.commit}
        todos.undo()
        assert [item.todo for item in todos.view().items] == [item.todo for item in now.items]


@pytest.mark.parametrize("store", ["memory", "jsonl"])
def test_when_the_clock_jumps_a_time_means_the_last_commit_recorded_up_to_it(store: str, tmp_path: Path) -> None:
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
