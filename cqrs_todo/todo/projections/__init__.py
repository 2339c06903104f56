"""Projections: folds over the events of lists, which `todo view` shows as tables. Users call them views.

A projection is any object with the attributes of `Projection`; it needs no base class. docs/tutorial/your-own-view.md makes
one step by step.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from ...cqrs.errors import CqrsError
from ...cqrs.struct import Struct

S = TypeVar("S")


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """An event as a projection receives it.

    Args:
        list: The name of the list.
        position: The position of the event in the list's log, from 1.
        commit: The position of the first event of its commit. People see it as `@N`.
        stream: The name of the event's stream, which is `todo/` and the id of the todo.
        id: The id of the todo.
        version: How many events the todo has, this one included.
        type: The type of the event, such as `todo_completed`; docs/log-format.md has all of them.
        data: The event itself, such as a `TodoCompleted`; an `UnknownEvent` if this program does not know the type.
        at: When it was recorded, in the time zone of whoever looks.
        by: Who recorded it.
        meta: What else the commit says, such as what it undoes.
    """

    list: str
    position: int
    commit: int
    stream: str
    id: str
    version: int
    type: str
    data: Any
    at: datetime
    by: str
    meta: Mapping[str, Any]


class Projection(Protocol[S]):
    """A fold over events, shown as a table.

    These attributes may be added: `help`, a sentence for `todo view`; `version`, the version of the schema of the state, to
    be raised when the state changes its shape or its meaning, so that no old state is used; `per(unit)`, which returns the
    projection for `--per UNIT`, or raises `ValueError`.
    """

    name: str
    initial: S

    def evolve(self, state: S, event: Event) -> S:
        """Return the state after an event. It may change the state that it is given, and return it."""

    def rows(self, state: S) -> Iterable[Mapping[str, Any]]:
        """Return the rows of the table: the values by the names of the columns."""


@runtime_checkable
class Periodic(Protocol):
    """What a projection has, too, that is closed at the end of each period, as a bank closes an account."""

    def period_of(self, at: datetime) -> str:
        """Return the period of a time. Later periods have texts that are sorted after those of earlier ones."""

    def close(self, state: Any) -> Any:
        """Return the state with which the next period begins. It must not change the state that it is given."""


class ViewFailed(CqrsError):
    """The code of a view raised an error, or returned something that it must not.

    Args:
        view: The name of the view.
        doing: What it was doing, such as "evolve, with @3 of inbox".
        problem: What is wrong.
    """

    hint = "correct the view; docs/tutorial/your-own-view.md explains what a view must do"

    def __init__(self, view: str, doing: str, problem: str) -> None:
        super().__init__(f"the view {view} failed in {doing}: {problem}")
