"""The mutations of the ancestor's schema, with its messages and the order of its checks."""

from collections.abc import Callable, Sequence

import strawberry

from ..cqrs.fold import Fold
from ..todo.batches import CommitContent
from ..todo.fields import REMINDER, TEXT
from ..todo.model import DECIDER, Change, Complete, Create, Reopen, TodoCommand, Toggle
from ..todo.recorder import Todos, new_id
from ..todo.request_errors import UnexpectedState
from ..todo.service import TodoList
from ..todo.values import day_or_instant
from .desk import Visit
from .scalars import DateTimeUtc
from .todos import Info, TodoQL
from .work import Work, refusal, request_of


def _check_description(text: str) -> None:
    if not text.strip():
        raise refusal("description cannot be empty", "REJECTED")


def _check_reminder(work: Work, reminder: DateTimeUtc) -> None:
    if reminder <= work.visit(None).todos.clock():
        raise refusal("reminder time cannot be in the past", "REJECTED")


@strawberry.type
class TodoMutQL:
    """The changes of one todo."""

    id: strawberry.Private[str]

    @strawberry.field
    def set_description(self, info: Info, text: str, expected_version: int | None = None) -> TodoQL | None:
        """Change the description."""
        _check_description(text)
        return self._change(info.context, expected_version, lambda _: [Change(TEXT, text)])

    @strawberry.field
    def set_reminder(self, info: Info, time: DateTimeUtc, expected_version: int | None = None) -> TodoQL | None:
        """Set the reminder."""
        _check_reminder(info.context, time)
        return self._change(info.context, expected_version, lambda todos: [Change(REMINDER, time, todos.clock())])

    @strawberry.field
    def cancel_reminder(self, info: Info, expected_version: int | None = None) -> TodoQL | None:
        """Clear the reminder."""
        return self._change(info.context, expected_version, lambda _: [Change(REMINDER, None)])

    @strawberry.field
    def toggle(self, info: Info, expected_version: int | None = None) -> TodoQL | None:
        """Complete the todo if it is open; otherwise reopen it."""
        return self._change(info.context, expected_version, lambda todos: [Toggle(todos.clock())])

    @strawberry.field
    def reset(self, info: Info, expected_version: int | None = None) -> TodoQL | None:
        """Reopen the todo."""
        return self._change(info.context, expected_version, lambda _: [Reopen()])

    @strawberry.field
    def complete(self, info: Info, expected_version: int | None = None) -> TodoQL | None:
        """Complete the todo."""

        def commands(todos: TodoList) -> Sequence[TodoCommand]:
            now = todos.clock()
            return [Complete(day_or_instant(now), now)]

        return self._change(info.context, expected_version, commands)

    def _change(self, work: Work, version: int | None, commands: Callable[[TodoList], Sequence[TodoCommand]]) -> TodoQL:
        """Change the todo, and return it as it is now."""

        def job(visit: Visit) -> None:
            todos = visit.todos
            item = work.look().find(self.id)
            if item is None or item.todo.removed:
                raise refusal(f"entity error, not found: there is no todo {self.id}", "NOT_FOUND")
            todos.change([item], lambda _: commands(todos))

        try:
            work.change(None, request_of("todo", {}, version=version), job)
        except UnexpectedState as error:
            raise refusal(
                f"entity error, precondition failed: expect aggregate to exist with version {version}",
                "WRONG_EXPECTED_VERSION",
            ) from error
        return _shown(work, self.id)


def new_todo(work: Work, text: str, reminder: DateTimeUtc | None) -> TodoQL:
    """Create a todo in the default list; see `Mutations.newTodo`."""
    _check_description(text)
    if reminder is not None:
        _check_reminder(work, reminder)
    id = new_id()

    def job(visit: Visit) -> None:
        todos = visit.todos
        now = todos.clock()
        stream = DECIDER.stream(id)
        commands: list[tuple[str, TodoCommand]] = [(stream, Create(text, now))]
        if reminder is not None:  # an event of its own, as in the ancestor, which makes this version 2
            commands.append((stream, Change(REMINDER, reminder, now)))
        events = todos.decide(Fold(DECIDER), commands)
        todos.make_if_missing()

        def plan(_fold: Todos) -> list[CommitContent]:
            return [(events, {})]

        todos.transact(plan)

    work.change(None, None, job)
    return _shown(work, id)


def _shown(work: Work, id: str) -> TodoQL:
    """Return a todo that was just changed."""
    look = work.look()
    item = look.find(id)
    if item is None:
        raise refusal(f"todo {id} was changed, and is gone since then", "NOT_FOUND")
    return TodoQL(look=look, item=item)
