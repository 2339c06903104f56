"""Stories for tests of a decider: given, when, then. The form is that of emmett."""

from collections.abc import Sequence
from difflib import ndiff
from typing import Generic

from ..decider import C, Decider, E, S
from ..errors import Rejected


class Given(Generic[S, C, E]):
    """A story about a decider: `given(decider, *events).when(command).then(*events)`."""

    def __init__(self, decider: Decider[S, C, E], events: Sequence[E]) -> None:
        """Begin a story; see `given`."""
        self._decider = decider
        self._state = decider.initial
        for event in events:
            self._state = decider.evolve(self._state, event)
        self._command: C | None = None

    def when(self, command: C) -> "Given[S, C, E]":
        """Set the command that the story is about."""
        self._command = command
        return self

    def then(self, *events: E) -> None:
        """Assert that the command gives exactly these events."""
        given = list(self._decide())
        if given != list(events):
            difference = ndiff([repr(event) for event in events], [repr(event) for event in given])
            raise AssertionError("\n".join(["expected (-) and given (+) events differ:", *difference]))

    def then_nothing(self) -> None:
        """Assert that the command gives no events."""
        self.then()

    def then_rejected(self, error: type[Rejected] = Rejected, words: str = "") -> None:
        """Assert that the decider refuses the command.

        Args:
            error: The error that it raises.
            words: What the message contains.
        """
        try:
            events = list(self._decide())
        except Rejected as refusal:
            if not isinstance(refusal, error):
                raise
            if words not in str(refusal):
                raise AssertionError(f"it was refused with {str(refusal)!r}, which does not hold {words!r}") from refusal
        else:
            raise AssertionError(f"it was not refused, but gave {events}")

    def _decide(self) -> Sequence[E]:
        if self._command is None:
            raise ValueError("the story has no command: call when()")
        return self._decider.decide(self._command, self._state)


def given(decider: Decider[S, C, E], *events: E) -> Given[S, C, E]:
    """Begin a story about a decider with the events so far."""
    return Given(decider, events)
