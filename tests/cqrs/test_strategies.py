"""The strategies that the framework gives, on the counter; and that the machine finds a store that is wrong."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata
from cqrs_todo.cqrs.query import AppendCondition
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.memory import MemoryLog, MemoryStore
from cqrs_todo.cqrs.testing.strategies import command_sequences, event_sequences, machine, reachable_states
from tests.cqrs.counter import COUNTER, Move, Moved

moves = st.builds(Move, st.integers(-5, 5))
FEW = settings(max_examples=30, stateful_step_count=20, suppress_health_check=list(HealthCheck), deadline=None)


@given(event_sequences(COUNTER, moves))
def test_only_events_that_were_decided(events: list[Moved]) -> None:
    state = 0
    for event in events:
        state += event.by
        assert state >= 0
        assert event.by


@given(reachable_states(COUNTER, moves))
def test_only_states_that_can_be_reached(state: int) -> None:
    assert state >= 0


def test_examples_shrink_to_the_simplest() -> None:
    assert find(command_sequences(moves), lambda given: any(move.by < 0 for move in given)) == [Move(-1)]
    assert find(reachable_states(COUNTER, moves), lambda state: state > 7) == 8
    assert find(event_sequences(COUNTER, moves), lambda events: len(events) > 1) == [Moved(1), Moved(1)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_store_in_memory_comes_to_what_the_model_does() -> None:
    run_state_machine_as_test(machine(COUNTER, moves, lambda types: open_store("memory:", types)), settings=FEW)


@pytest.mark.skipif(sys.platform == "emscripten", reason="JSON lines want a system of files and users")
def test_a_store_in_json_lines_comes_to_what_the_model_does(folder: Path) -> None:
    made = count()

    def store(types: EventTypes) -> Store:
        return open_store(f"jsonl:{folder}/{next(made)}", types)

    run_state_machine_as_test(machine(COUNTER, moves, store), settings=FEW)


class Forgetful(MemoryStore):
    """A store that forgets each third append."""

    def create(self, name: str, at: object) -> MemoryLog:
        log = super().create(name, at)  # type: ignore[arg-type]  # handed through
        assert isinstance(log, MemoryLog)
        append, made = log.append, count()

        def forget(appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
            commit = append(appends, metadata, condition=condition)
            if next(made) % 3 == 2:
                log._commits.pop()
            return commit

        log.append = forget  # type: ignore[method-assign]  # the wrong store
        return log


def test_the_machine_finds_a_store_that_forgets() -> None:
    # without shrinking, which takes ten seconds: whether it is found matters, not how short the example is
    only_find = settings(max_examples=50, database=None, deadline=None, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine(COUNTER, moves, Forgetful), settings=only_find)
