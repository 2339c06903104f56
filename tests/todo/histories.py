"""Arbitrary histories of a whole list, as acts on it: what laws of the time machine are tried on."""

from collections.abc import Callable, Iterator
from datetime import datetime

from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.model import Create, TodoCommand
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from tests.strategies import NOW, changes, creates

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
    """A list of a store, by its own name alone."""
    return TodoList(store, name, "me", default=name == "inbox", clock=clock)


def played(acts: list[Act]) -> Iterator[TodoList]:
    """A list in memory before the first act and after each; what is refused changes nothing."""
    todos = a_list(open_store("memory:", TYPES))
    yield todos
    for what, count, commands in acts:
        try:
            if what == "add":
                todos.add([command for command in commands if isinstance(command, Create)] * count)
            elif what == "change" and (chosen := todos.view().items[count:]):
                todos.change(chosen, lambda _, given=commands: given)  # type: ignore[misc]  # a lambda with a default
            elif what in ("undo", "redo"):
                (todos.undo if what == "undo" else todos.redo)(count)
        except Rejected:
            pass
        yield todos


def after(acts: list[Act]) -> TodoList:
    """The list after all acts."""
    *_, last = played(acts)
    return last
