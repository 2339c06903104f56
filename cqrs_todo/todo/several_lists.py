"""One command on todos of several lists: each list records its part in one commit, and all parts have the same command id.

All parts are planned before the first one is recorded. If one cannot be recorded, those before it are undone. Undo and redo
of one of the commits undo and redo them all.
"""

from collections.abc import Callable, Sequence

from ..cqrs.ids import new_command_id
from .batches import COMMIT_LIMIT, COMMIT_SIZE, fits_one_commit
from .errors import TodosRejected, TooLarge
from .model import TodoCommand
from .moves import Half, record_all
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
        TooLarge: What a list would record does not fit into one commit. Nothing was recorded.
        CqrsError: What reading and appending raise. What other lists had recorded was undone.
        OutcomeUnknown: It is not known whether a list recorded its part, or what others had recorded cannot be undone.
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
            raise TodosRejected(f"in {todos.name}, {error}", error.removed, todos.name, error.blocked) from error
        todos.check_undamaged("; nothing was recorded")
        if not fits_one_commit(changes):  # the parts of a batch could not be undone together in all lists
            most = f"{COMMIT_LIMIT:,} events, or {COMMIT_SIZE >> 20} MiB"
            advice = "change the todos of one list at a time"
            raise TooLarge(f"in {todos.name}, this does not fit into one commit ({most}): {advice}; nothing was recorded")
        planned.append((todos, {stream: events for stream, events in changes.items() if events}, named))
    command = new_command_id()
    writing = [todos for todos, changes, _ in planned if changes]
    halves = []
    for todos, changes, _ in planned:
        if changes:
            meta = with_lists(each for each in writing if each is not todos)
            if todos.request is not None:
                meta |= todos.request.meta(sum(map(len, changes.values())))
            halves.append(Half(todos, (changes, meta), command))
    recorded = {todos.log.id: commit for todos, commit in record_all(halves)}
    names = {todos.log.id: todos.name for todos in writing}
    answers = []
    for todos, _, named in planned:
        also = [name for id, name in names.items() if id != todos.log.id] if todos.log.id in recorded else []
        commits = [recorded[todos.log.id]] if todos.log.id in recorded else []
        answers.append(todos.answer(commits, named, also=also))
    return answers
