"""Which todos a verb is likely to be about, for completion and for the picker."""

from collections.abc import Sequence

from ..cqrs.events import Moment
from ..todo.service import TodoList
from ..todo.views import Item


def likely_todos(todos: TodoList, about: str, moment: Moment | None = None) -> Sequence[Item]:
    """Return the todos of a list that a verb is likely to be about.

    Args:
        todos: The list.
        about: Their state; see `Verb.about`. Todos that were moved to another list do not count as removed.
        moment: The moment at which the list is looked at; None for now.

    Raises:
        CqrsError: What `TodoList.view` raises.
    """
    found = [item for item in todos.view(moment).items if _is_in_state(item, about)]
    if about != "removed" or not found:
        return found
    moved = todos.lists_moved_to(todos.repository.fold(), {item.stream for item in found})
    return [item for item in found if item.stream not in moved]


def _is_in_state(item: Item, about: str) -> bool:
    todo = item.todo
    if about == "removed":
        return todo.removed
    if about == "recurring":
        return not todo.removed and not todo.done and todo.every is not None
    return not todo.removed and (about == "all" or todo.done == (about == "done"))
