"""What reactions see: the todos after an event, whichever event was asked for before."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqrs_todo.cqrs.events import Commit
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.reactions import TodosAfter
from cqrs_todo.todo.recorder import TYPES
from tests.strategies import NOW
from tests.todo.histories import Act, a_list, acts, played

EVENTS = 600
"""More than there are between two snapshots."""


@given(acts, st.randoms(use_true_random=False))
def test_the_todos_after_an_event_do_not_depend_on_what_was_asked_before(acts: list[Act], chance: random.Random) -> None:
    [*_, todos] = played(acts)
    events = list(todos.log.events())
    expected = {event.id: list(TodosAfter(todos).items(event)) for event in events}
    for order in (events, events[::-1], chance.sample(events, len(events))):
        after = TodosAfter(todos)
        for event in order:
            assert list(after.items(event)) == expected[event.id]
            own = [item for item in expected[event.id] if item.stream == event.stream]
            assert [after.todo(event)] == own


def test_going_through_all_events_moves_through_each_commit_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    todos = a_list(open_store(f"jsonl:{tmp_path}", TYPES))
    todos.make_if_missing()
    for number in range(EVENTS):
        todos.add([Create(f"todo {number}", NOW)])
    steps = 0
    for name in ("apply", "undo"):
        step = getattr(Fold, name)

        def counted(fold: Fold[Any], *commits: Commit, step: Any = step) -> None:
            nonlocal steps
            steps += len(commits)
            step(fold, *commits)

        monkeypatch.setattr(Fold, name, counted)
    log = open_store(f"jsonl:{tmp_path}", TYPES).open("inbox")
    for events in (log.events(), log.events_backward()):
        after = TodosAfter(a_list(open_store(f"jsonl:{tmp_path}", TYPES)))
        texts = [item.todo.text for event in events if (item := after.todo(event)) is not None]
        assert sorted(texts) == sorted(f"todo {number}" for number in range(EVENTS))
        assert EVENTS <= steps < 2.5 * EVENTS
        steps = 0
