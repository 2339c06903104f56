"""Recording the todos of an export of this program in a list."""

import re
from collections.abc import Collection, Mapping

from ..cqrs.errors import Rejected
from ..cqrs.struct import replace
from .batches import CommitContent
from .errors import InvalidId, InvalidTodo
from .fields import Todo
from .forgetting import forgotten_in
from .model import DECIDER, check_todo
from .recorder import Answer, Recorder, Todos, events_to_reach
from .recurrence import check as check_recurrence
from .values import ID
from .views import Item, id_of, items_of

_ID = re.compile(ID)


def import_todos(
    todo_list: Recorder, todos: Mapping[str, Todo], kept: Mapping[str, Collection[str]] | None = None
) -> Answer:
    """Import todos as one command: create those that are missing, and change the others. Make the list if necessary.

    A todo that is equal already is left unchanged, so importing the same todos again records nothing. A todo that was moved
    to another list stays there, because otherwise it would be in two lists. A todo that was forgotten in any list in use is
    left out.

    Args:
        todo_list: The list.
        todos: The todos by their ids.
        kept: The names of the fields that stay as they are in a todo that is there already, by the ids of the todos.

    Returns:
        The answer. Its `stayed` are the todos that were moved to another list, and its `forgotten` the ids of those that
        were forgotten.

    Raises:
        InvalidTodo: A todo breaks a rule, or its id is not an id. Nothing was recorded.
        CqrsError: What making the list and appending raise.
    """
    read: dict[str, Todo] = {}
    for number, (id, todo) in enumerate(todos.items()):
        if number % 1_000 == 0:
            todo_list.progress(number, len(todos))
        read[DECIDER.stream(id)] = _checked(id, todo)
    fields = {DECIDER.stream(id): names for id, names in (kept or {}).items()}
    made = todo_list.make_for_todos()
    everywhere = forgotten_in(todo_list.store)  # otherwise an old export would bring a password back in another list
    stayed: list[Item] = []
    forgotten: list[str] = []

    def plan(fold: Todos) -> list[CommitContent]:
        given = dict(read)
        for stream, names in fields.items():
            given[stream] = _with_fields_of(fold, stream, given[stream], names)
        there = {stream: entity for stream in given if (entity := fold.get(stream)) is not None}
        removed = {stream for stream, entity in there.items() if entity.state is not None and entity.state.removed}
        moved = todo_list.lists_moved_to(fold, {stream for stream in removed if not given[stream].removed})
        stayed[:] = items_of(fold[stream] for stream in given if stream in moved)
        forgotten[:] = sorted(given.keys() & everywhere)
        for stream in {*moved, *forgotten}:
            del given[stream]
        return [(events_to_reach(there, given), {})]

    answer = todo_list.transact(plan)
    return replace(answer, stayed=tuple(stayed), forgotten=tuple(map(id_of, forgotten)), new_list=made)


def _with_fields_of(fold: Todos, stream: str, todo: Todo, names: Collection[str]) -> Todo:
    """Return a todo with some fields of the todo that a list has under a stream, if it has one."""
    entity = fold.get(stream)
    if entity is None or entity.state is None:
        return todo
    return replace(todo, **{name: getattr(entity.state, name) for name in names})


def _checked(id: str, todo: Todo) -> Todo:
    """Return a todo with its values as they are recorded.

    Raises:
        InvalidTodo: It breaks a rule, or its id is not an id.
    """
    if not _ID.fullmatch(id):
        raise InvalidId(id)
    try:
        if id == todo.parent or id in todo.depends:
            raise InvalidTodo(id, "it is linked with itself")
        if todo.every is not None:
            check_recurrence(todo.every)
        return check_todo(todo)
    except Rejected as error:
        raise InvalidTodo(id, str(error)) from error
