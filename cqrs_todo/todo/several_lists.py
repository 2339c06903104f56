"""One command on todos of several lists: each list records its part in one commit, and all parts have the same command id.

All parts are planned before the first one is recorded. Undo and redo of one of the commits undo and redo them all.
"""

from collections.abc import Callable, Sequence

from ..cqrs.ids import new_command_id
from .batches import note_earlier_commits
from .errors import TodosRejected
from .model import TodoCommand
from .recorder import Answer, with_lists
from .service import Descendants, TodoList
from .views import Item


def change_in_lists(
    chosen: Sequence[tuple[TodoList, Sequence[Item]]],
    commands: Callable[[Item], Sequence[TodoCommand]],
    *,
    children: Descendants | None = None,
) -> list[Answer]:
    """Give commands to todos of several lists.

    Args:
        chosen: The lists and their todos; at least one list.
        commands: Returns the commands for a todo.
        children: Which of the todos under them get the commands too.

    Returns:
        The answer of each list.

    Raises:
        TodosRejected: A command was refused. Nothing was recorded.
        CqrsError: What reading and appending raise. A note says how many commits were recorded before.
    """
    first, *others = (todos for todos, _ in chosen)
    return first.together(others, lambda: _change(chosen, commands, children))


def _change(
    chosen: Sequence[tuple[TodoList, Sequence[Item]]],
    commands: Callable[[Item], Sequence[TodoCommand]],
    children: Descendants | None,
) -> list[Answer]:
    planned = []
    for todos, items in chosen:
        plan, named = todos.planned_change(items, commands, children=children)
        try:
            [(changes, _)] = plan(todos.repository.fold())
        except TodosRejected as error:
            raise TodosRejected(f"in {todos.name}, {error}", error.removed) from error
        todos.check_undamaged("; nothing was recorded")
        planned.append((todos, {stream: events for stream, events in changes.items() if events}, named))
    command = new_command_id()
    writing = [todos for todos, changes, _ in planned if changes]
    answers: list[Answer] = []
    for todos, changes, named in planned:
        others = [each for each in writing if each is not todos]
        meta = with_lists(others) if changes else {}
        if todos.request is not None:
            meta |= todos.request.meta(sum(map(len, changes.values())))
        with note_earlier_commits(0 if todos.store.atomic else sum(len(answer.commits) for answer in answers)):
            commit = todos.record((changes, meta), command)
        recorded = () if commit is None else (commit,)
        answers.append(todos.answer(recorded, named, also=[each.name for each in others] if recorded else []))
    return answers
