"""Strategies for Hypothesis: what a decider can come to, and a machine that holds a store against the pure model.

All are lists of commands at heart, so that a failing example shrinks to the fewest and simplest commands. (The first three
come from cqrs-proptest, a crate for Rust.)
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ..decider import C, Decider, E, S
from ..errors import Rejected
from ..events import EventTypes, Metadata
from ..repository import Repository
from ..store import Store
from ..timeline import as_of


def command_sequences(commands: st.SearchStrategy[C], *, most: int = 20) -> st.SearchStrategy[list[C]]:
    """Up to `most` commands in a row, whether or not they will be refused."""
    return st.lists(commands, max_size=most)


def event_sequences(
    decider: Decider[S, C, E], commands: st.SearchStrategy[C], *, most: int = 20
) -> st.SearchStrategy[list[E]]:
    """The events of an aggregate that was given up to `most` commands; refused ones are passed over."""
    return command_sequences(commands, most=most).map(lambda given: decided(decider, given)[0])


def reachable_states(decider: Decider[S, C, E], commands: st.SearchStrategy[C], *, most: int = 20) -> st.SearchStrategy[S]:
    """The states that an aggregate can be in after up to `most` commands."""
    return command_sequences(commands, most=most).map(lambda given: decided(decider, given)[1])


def decided(decider: Decider[S, C, E], commands: Sequence[C]) -> tuple[list[E], S]:
    """What commands come to, one after the other: their events and the state after them; refused ones are passed over."""
    state, events = decider.initial, list[E]()
    for command in commands:
        try:
            new = decider.decide(command, state)
        except Rejected:
            continue
        for event in new:
            state = decider.evolve(state, event)
        events += new
    return events, state


def machine(
    decider: Decider[S, C, E], commands: st.SearchStrategy[C], store: Callable[[EventTypes], Store]
) -> type[RuleBasedStateMachine]:
    """Make a stateful test that sends commands to a store and to the pure decider, and compares the results.

    Run it with `hypothesis.stateful.run_state_machine_as_test`, or as its `TestCase`.

    Args:
        decider: The domain.
        commands: The commands.
        store: Returns a new empty store for registered events, each time.
    """
    ids = st.sampled_from(["1", "2", "ü 3"])
    begun = datetime(2026, 11, 22, tzinfo=UTC)

    class StoreMachine(RuleBasedStateMachine):
        """A log in a store, and beside it the state and the version of each aggregate after each commit."""

        @initialize()
        def begin(self) -> None:
            self._store = store(EventTypes(decider.events))
            self._log = self._store.create("machine", begun)
            self._repository: Repository[Any, Any, Any] = Repository(self._log, decider)
            self._sent = 0
            self._past: list[tuple[int, datetime, dict[str, tuple[Any, int]]]] = [(0, begun - timedelta(days=1), {})]

        @property
        def _now(self) -> dict[str, tuple[Any, int]]:
            return self._past[-1][2]

        @rule(id=ids, command=commands)
        def send(self, id: str, command: C) -> None:
            stream = decider.stream(id)
            state, version = self._now.get(stream, (decider.initial, 0))
            self._sent += 1
            metadata = Metadata(begun + timedelta(seconds=self._sent), "machine@test", f"command-{self._sent}", {})
            try:
                expected = list(decider.decide(command, state))
            except Rejected as error:
                try:
                    self._repository.execute(id, command, metadata)
                except Rejected as refusal:
                    assert str(refusal) == str(error)  # noqa: PT017  # both are refused, in the same words
                    return
                raise AssertionError(f"{command} was not refused in {stream}, as it is in {state}") from error
            entity, commit = self._repository.execute(id, command, metadata)
            assert [event.data for event in commit.events] if commit else expected == []
            for event in expected:
                state = decider.evolve(state, event)
            assert (entity.state, entity.version) == (state, version + len(expected))
            if commit is not None:
                now = {**self._now, stream: (state, version + len(expected))}
                self._past.append((commit.last, metadata.at, now))

        @rule()
        def open_anew(self) -> None:
            """Open the log again, as a reader that has read nothing yet."""
            self._log = self._store.open("machine")
            self._repository = Repository(self._log, decider)

        @precondition(lambda self: len(self._past) > 1)
        @rule(data=st.data())
        def look_back(self, data: st.DataObject) -> None:
            position, at, then = data.draw(st.sampled_from(self._past))
            for moment in (position, at):
                fold, _ = as_of(self._repository, moment)
                assert {entity.stream: (entity.state, entity.version) for entity in fold} == then

        @invariant()
        def both_are_the_same(self) -> None:
            fold = self._repository.fold()
            assert {entity.stream: (entity.state, entity.version) for entity in fold} == self._now

    return StoreMachine
