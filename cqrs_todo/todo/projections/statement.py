"""The view `statement`: a month of a list as a bank statement, with the number of open todos as the balance."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ...cqrs.struct import Struct
from ..events import TextChanged, TodoCompleted, TodoCreated, TodoRemoved, TodoReopened, TodoRestored
from ..model import DECIDER
from . import Event


class Known(Struct):
    """What has to be known of a todo in order to say how an event changes the balance."""

    number: int
    text: str
    done: bool = False
    removed: bool = False


class Entry(Struct, frozen=True, kw_only=True):
    """A line of a statement: when, what happened to which todo, and the balance after it."""

    at: datetime
    what: str
    list: str
    number: int
    text: str
    change: int
    balance: int


class Books(Struct):
    """The state: every todo by list and id, the balance at the beginning of the month, and the entries since."""

    todos: dict[str, Known]
    numbers: dict[str, int]
    opening: int
    balance: int
    entries: list[Entry]


class Statement:
    """The opening balance of a month, what was added and completed in it, and the closing balance.

    A change belongs to the month in which it was recorded. If the clock went back, it belongs to the month that had begun.
    """

    name = "statement"
    help = "A month as a bank statement: the open todos before it, what was added and completed, the open todos after it."

    def __init__(self) -> None:
        self.initial = Books({}, {}, 0, 0, [])

    def period_of(self, at: datetime) -> str:
        """Return the month of a time, such as "2026-11"."""
        return at.strftime("%Y-%m")

    def close(self, state: Books) -> Books:
        """Carry the balance forward to the next month."""
        return Books(state.todos, state.numbers, state.balance, state.balance, [])

    def evolve(self, state: Books, event: Event) -> Books:
        """Add an entry for an event that changes how many todos are open."""
        key = f"{event.list}/{event.id}"
        if event.version == 1 and event.stream == DECIDER.stream(event.id):
            state.numbers[event.list] = state.numbers.get(event.list, 0) + 1
        data = event.data
        if isinstance(data, TodoCreated):
            state.todos[key] = Known(state.numbers.get(event.list, 0), data.text)
            self._enter(state, event, state.todos[key], "added", 1)
            return state
        todo = state.todos.get(key)
        if todo is None:
            return state
        before = not todo.done and not todo.removed
        what = ""
        match data:
            case TextChanged(_, new):
                todo.text = new
            case TodoCompleted():
                todo.done, what = True, "completed"
            case TodoReopened():
                todo.done, what = False, "reopened"
            case TodoRemoved():
                todo.removed, what = True, "removed"
            case TodoRestored():
                todo.removed, what = False, "restored"
        after = not todo.done and not todo.removed
        if before != after:
            self._enter(state, event, todo, what, after - before)
        return state

    def _enter(self, state: Books, event: Event, todo: Known, what: str, change: int) -> None:
        state.balance += change
        entry = Entry(
            at=event.at, what=what, list=event.list, number=todo.number, text=todo.text, change=change, balance=state.balance
        )
        state.entries.append(entry)

    def rows(self, state: Books) -> Iterable[Mapping[str, Any]]:
        """Return the opening balance, a row for each entry, and the closing balance."""
        several = len(state.numbers) > 1
        nothing = {"at": None, "entry": None, **({"list": None} if several else {}), "number": None, "todo": None}
        yield {**nothing, "entry": "opening balance", "change": None, "balance": state.opening}
        for entry in state.entries:
            row = {"at": entry.at, "entry": entry.what, "number": entry.number, "todo": entry.text}
            if several:
                row["list"] = entry.list
            yield {**nothing, **row, "change": entry.change, "balance": entry.balance}
        yield {**nothing, "entry": "closing balance", "change": state.balance - state.opening, "balance": state.balance}


VIEW = Statement()
