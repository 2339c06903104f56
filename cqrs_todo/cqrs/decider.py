"""The decider: a domain as one value and three pure functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from .struct import Struct

S = TypeVar("S")


C = TypeVar("C")


E = TypeVar("E")


class Decider(Struct, Generic[S, C, E], frozen=True):
    """A domain: data and three pure functions (after Jérémie Chassaing's Decider).

    `kind` is the kind of aggregate: the part of a stream's name before its '/'. `events` gives each event class its
    type string. `decide(command, state)` gives events, none when there is nothing to do, and refuses by raising
    `Rejected`. `evolve(state, event)` is total. `invert(event)` undoes it: evolve(evolve(s, e), invert(e)) == s for
    every e decided in s, except that a creation is inverted by a removal.
    """

    kind: str
    initial: S
    events: Mapping[str, type]
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    invert: Callable[[E], E]

    def stream(self, id: str) -> str:
        """The name of the stream that holds the events of the aggregate with this id."""
        return f"{self.kind}/{id}"
