"""import ∘ export ∘ import = import for the formats of this program, which keep everything."""

import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from hypothesis import given, settings

from cqrs_todo.cli import document
from cqrs_todo.cli.own_imports import read_todos
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores.jsonl.store import JsonlStore
from cqrs_todo.cqrs.stores.memory import MemoryStore
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.values import id_from_bytes
from cqrs_todo.todo.views import Item
from tests.todo.formats.test_laws import EXAMPLES
from tests.todo.formats.todos import lists


def opened(store: Store) -> TodoList:
    return TodoList(store, "inbox", "me@here")


def filled(store: Store, items: Sequence[Item]) -> TodoList:
    """A list with some todos, of which some are changed again, so that its log has more than their creation."""
    ids = {item.id: id_from_bytes(sha256(item.id.encode()).digest()) for item in items}

    def linked(todo: Todo) -> Todo:
        depends = tuple(sorted(ids[id] for id in todo.depends))
        return replace(todo, parent=None if todo.parent is None else ids[todo.parent], depends=depends)

    todos = {ids[item.id]: linked(item.todo) for item in items}
    made = opened(store)
    made.import_todos({id: replace(todo, note="first", tags=("first",), removed=False) for id, todo in todos.items()})
    made.import_todos(todos)
    return made


def contents(todos: TodoList) -> list[tuple[str, Todo]]:
    return [(item.id, item.todo) for item in todos.view().items]


@settings(max_examples=EXAMPLES)
@given(items=lists())
def test_json_keeps_everything(items: list[Item]) -> None:
    first, second = filled(MemoryStore(TYPES), items), opened(MemoryStore(TYPES))
    exported = document.encode(document.view_document(first.view(), first.view().items)).encode()
    second.import_todos(*read_todos("x", exported))
    assert contents(second) == contents(first)
    again = document.encode(document.view_document(second.view(), second.view().items)).encode()
    assert second.import_todos(*read_todos("x", exported)).commit is None
    assert first.import_todos(*read_todos("x", again)).commit is None


@settings(max_examples=EXAMPLES)
@given(items=lists())
def test_a_log_is_the_same_after_an_export_and_an_import(items: list[Item]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = filled(JsonlStore(str(Path(folder) / "first"), TYPES), items)
        store = JsonlStore(str(Path(folder) / "second"), TYPES)
        lines = list(first.log.lines())
        assert store.import_log("inbox", lines) == 2 - (len(lines) == 2)
        second = opened(store)
        assert list(second.log.lines()) == lines
        assert contents(second) == contents(first)
        assert store.import_log("inbox", lines) == 0
