"""Arbitrary histories of a list, as acts on it, to test the laws of time travel."""

from collections.abc import Callable, Iterator
from datetime import datetime

from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.events import Commit, Metadata
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.errors import CannotUndo
from cqrs_todo.todo.events import TodoEvent
from cqrs_todo.todo.fields import DEPENDS, PARENT
from cqrs_todo.todo.model import Add, Change, Create, Drop, TodoCommand
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from tests.strategies import LINKS, NOW, changes, creates

Act = tuple[str, int, list[TodoCommand]]
acts: st.SearchStrategy[list[Act]] = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 3), creates.map(lambda create: [create])),
        st.tuples(st.just("change"), st.integers(0, 5), st.lists(changes, min_size=1, max_size=3)),
        st.tuples(st.just("undo"), st.integers(1, 3), st.just([])),
        st.tuples(st.just("redo"), st.integers(1, 3), st.just([])),
    ),
    max_size=12,
)


def a_list(store: Store, name: str = "inbox", clock: Callable[[], datetime] = lambda: NOW) -> TodoList:
    """Open a list of a store. Only the inbox may be missing."""
    return TodoList(store, name, "me", default=name == "inbox", clock=clock)


def linked(command: TodoCommand, todos: TodoList) -> TodoCommand:
    """Return a command with links to todos of a list in place of the ids that a strategy gave."""
    known = dict(zip(LINKS, (item.id for item in todos.view().items), strict=False))
    match command:
        case Create():
            depends = tuple(known[id] for id in command.depends if id in known)
            parent = None if command.parent is None else known.get(command.parent)
            return replace(command, depends=depends, parent=parent)
        case Change(field, value, now) if field is PARENT:
            return Change(PARENT, known.get(value), now)
        case Add(field, word) | Drop(field, word) if field is DEPENDS:
            return replace(command, word=known.get(word, word))
    return command


def played(acts: list[Act]) -> Iterator[TodoList]:
    """Yield a list in memory before the first act and after each one. An act that is refused changes nothing."""
    todos = a_list(open_store("memory:", TYPES))
    yield todos
    for what, count, commands in acts:
        try:
            if what == "add":
                drafts = [linked(command, todos) for command in commands]
                todos.add([draft for draft in drafts if isinstance(draft, Create)] * count)
            elif what == "change" and (chosen := todos.view().items[count:]):
                given = [linked(command, todos) for command in commands]
                todos.change(chosen, lambda _, given=given: given)  # type: ignore[misc]  # a lambda with a default
            elif what in ("undo", "redo"):
                (todos.undo if what == "undo" else todos.redo)(count)
        except (CannotUndo, Rejected):
            pass
        yield todos


def recorded(*steps: tuple[str, datetime, TodoEvent]) -> list[Commit]:
    """Record one commit per step, each of one event: the id of the todo, the time, the event."""
    log = open_store("memory:", TYPES).create("inbox", NOW)
    for n, (id, at, event) in enumerate(steps):
        log.append([Append(f"todo/{id}", (event,))], Metadata(at, "jo", f"c{n}", {}))
    return list(log.commits())


def after(acts: list[Act]) -> TodoList:
    """Return the list after all acts."""
    *_, last = played(acts)
    return last
