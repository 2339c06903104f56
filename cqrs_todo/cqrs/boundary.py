"""Decisions over everything that a query selects, instead of over one stream; see `query`.

enrolled = DecisionModel(Query((QueryItem(tags=frozenset({"course/c1"})),)), 0, count_subscriptions)
decide_on(log, enrolled, lambda count: [] if count == 30 else [Append("subscription/1", (Subscribed(...),))], metadata)
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Generic

from .decider import S
from .errors import (
    CommandReused,
    ConditionFailed,
    DamagedLog,
    Rejected,
    StaleCursor,
    UnknownEvents,
    WrongExpectedVersion,
)
from .events import Commit, Metadata, Recorded, unknown_events
from .query import AppendCondition, Query
from .repository import RETRIES
from .store import Append, Log
from .struct import Struct


class DecisionModel(Struct, Generic[S], frozen=True):
    """What a decision needs to know: which events matter for it, and what they come to.

    Attributes:
        query: Selects the events.
        initial: The state without any events.
        evolve: Returns the state after an event that the query selects. It never fails.
    """

    query: Query
    initial: S
    evolve: Callable[[S, Recorded], S]

    def after(self, state: S, event: Recorded) -> S:
        """Return the state after any event. Events that the query does not want change nothing; see `Query.wants`."""
        return self.evolve(state, event) if self.query.wants(event) else state


def combined(*models: DecisionModel[Any]) -> DecisionModel[tuple[Any, ...]]:
    """Return the model of a decision that needs several models at once. Its state has the state of each of them.

    Args:
        models: The models, at least one.
    """

    def evolve(states: tuple[Any, ...], event: Recorded) -> tuple[Any, ...]:
        return tuple(model.after(state, event) for model, state in zip(models, states, strict=True))

    items = () if any(not model.query.items for model in models) else tuple(i for m in models for i in m.query.items)
    return DecisionModel(Query(items), tuple(model.initial for model in models), evolve)


def decide_on(
    log: Log, model: DecisionModel[S], decide: Callable[[S], Sequence[Append]], metadata: Metadata
) -> Commit | None:
    """Decide on what a model says, and append the result if nothing that matters has happened meanwhile.

    After a conflict the events are read and the decision is made again.

    Args:
        log: The log.
        model: What the decision needs to know.
        decide: Returns the new events by stream for a state, none if there is nothing to do. It refuses by raising
            `Rejected`.
        metadata: The metadata of the commit. If a commit has its command id already, that commit is returned, whatever is
            decided now.

    Returns:
        The commit. None if there was nothing to do.

    Raises:
        Rejected: The decision was refused.
        UnknownEvents: The query selects an event whose type this program does not know, or whose data do not fit its type.
        DamagedLog: The log is damaged.
        ConditionFailed: Others wrote what matters during each of `RETRIES` + 1 tries.
        CqrsError: What `Log.append` and reading raise.
    """
    try:
        commit = _decided(log, model, decide, metadata)
    except (CommandReused, Rejected, UnknownEvents):
        earlier = log.find_command(metadata.command)  # a command that comes again may be refused because it is recorded
        if earlier is None:
            raise
        return earlier
    return log.find_command(metadata.command) if commit is None else commit


def _decided(
    log: Log, model: DecisionModel[S], decide: Callable[[S], Sequence[Append]], metadata: Metadata
) -> Commit | None:
    """Decide and append as `decide_on` does, without looking for an earlier commit."""
    retries = RETRIES
    while True:
        state, reached = model.initial, 0
        for events, cursor in log.selected(model.query):
            wanted = [event for event in events if model.query.wants(event)]
            for event in wanted:
                if event.unknown:  # it may have changed what is decided on
                    raise unknown_events(event)
            state, reached = reduce(model.evolve, wanted, state), cursor.position
        if log.damage is not None:
            raise DamagedLog(f"{log.damage}; nothing was recorded")
        appends = decide(state)
        if not appends:
            return None
        try:
            return log.append(appends, metadata, condition=AppendCondition(model.query, reached))
        except (ConditionFailed, StaleCursor, WrongExpectedVersion):
            if not retries:
                raise
            retries -= 1
