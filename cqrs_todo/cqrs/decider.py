"""The decider: a domain as one value and three pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from .names import check_kind, check_recorded_name, check_several, check_type
from .struct import Struct

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")

Changes: TypeAlias = Mapping[str, Sequence[E]]
"""The new events of one commit, by stream."""


class Decider(Struct, Generic[S, C, E], frozen=True):
    """A domain as data and three pure functions, after an idea of Jérémie Chassaing.

    Attributes:
        kind: The kind of aggregate: the part before the first '/' in the names of the streams.
        initial: The state of an aggregate without events.
        events: The event classes by their type strings. Give them to the store as well: `EventTypes({**decider.events})`.
            When an event gets a new type string, change it here. Only the upcasters of `EventTypes` have the older one.
            Merges look here which type an event has, and so do the tests of a decider.
        decide: Returns the events that a command gives in a state, none if there is nothing to do. It refuses the command by
            raising `Rejected`.
        evolve: Returns the state after an event. It never fails.
        invert: Returns the event that undoes an event: `evolve(evolve(s, e), invert(e)) == s` for every `e` decided in `s`.
            Only a creation is inverted by a removal, which leaves a removed aggregate. None: there is no undo, and time
            travel goes forward from the nearest snapshot instead of back.
        ignores: The type strings of events that this code does not know and need not know. Nothing is decided on a stream
            with other unknown events, because they may have changed its state. The framework's own events, such as those
            that a repair writes, are always ignored.
    """

    kind: str
    initial: S
    events: Mapping[str, type]
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    invert: Callable[[E], E] | None = None
    ignores: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check the kind, and that what it ignores is a set.

        Raises:
            ValueError: No stream can be named by it.
            TypeError: It is not a text, or `ignores` is one.
        """
        check_several("ignores", self.ignores)
        check_recorded_name("the kind of a decider", self.kind)
        check_kind("the kind of a decider", self.kind)

    def stream(self, id: str) -> str:
        """Return the name of the stream that holds the events of the aggregate with this id.

        Args:
            id: The id of the aggregate.

        Raises:
            TypeError: The id is not a text.
        """
        if not isinstance(id, str):
            check_type(f"the id of the {self.kind}", id, str)
        return f"{self.kind}/{id}"

    def id_of(self, stream: str) -> str:
        """Return the id of the aggregate whose events a stream holds, as `stream` takes it.

        Args:
            stream: The name of the stream, such as `Recorded.stream`.

        Raises:
            ValueError: The stream is of another kind.
            TypeError: The name is not a text.
        """
        if not isinstance(stream, str):
            check_type("the name of a stream", stream, str)
        kind, slash, id = stream.partition("/")
        if kind != self.kind or not slash:
            raise ValueError(f"{stream!a} is not a stream of the kind {self.kind}")
        return id

    @property
    def inverse(self) -> Callable[[E], E]:
        """`invert`.

        Raises:
            TypeError: There is none.
        """
        if self.invert is None:
            raise TypeError(f"the decider of {self.kind} has no `invert`, so its events cannot be undone")
        return self.invert
