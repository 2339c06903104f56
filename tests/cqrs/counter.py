"""A second, smallest domain for tests of the framework: a counter that cannot go below zero."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata
from cqrs_todo.cqrs.store import Append, Log
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import Struct, replace

AT = datetime(2026, 11, 22, tzinfo=UTC)


class Moved(Struct, frozen=True):
    by: int


class Move(Struct, frozen=True):
    by: int


def decide(command: Move, state: int) -> Sequence[Moved]:
    if state + command.by < 0:
        raise Rejected("a counter can't go below zero")
    return [Moved(command.by)] if command.by else []


COUNTER: Decider[int, Move, Moved] = Decider(
    "counter", 0, {"moved": Moved}, decide, lambda state, event: state + event.by, lambda event: Moved(-event.by)
)
ONE_WAY = replace(COUNTER, invert=None)
TYPES = EventTypes(COUNTER.events)


def new_log() -> Log:
    return open_store("memory:", TYPES).create("counters", AT)


def by(command: str) -> Metadata:
    return Metadata(AT, "test@suite", command, {})


def moved(log: Log, command: str, stream: str = "counter/a", steps: int = 1) -> Commit:
    """Append one event to a log."""
    return log.append([Append(stream, (Moved(steps),))], by(command))
