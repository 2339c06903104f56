"""Our mutations. Each is one command: all that it changes is recorded in one commit, or nothing is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, TypeVar

import strawberry

from ..cqrs.errors import CqrsError
from ..cqrs.struct import replace
from ..todo.lists import Lists
from ..todo.model import Complete, Create, Remove, Reopen, Restore, TodoCommand, Toggle
from ..todo.recorder import Answer
from ..todo.service import Descendants
from ..todo.values import day_or_instant
from ..todo.views import Item
from .ancestor import TodoMutQL, new_todo
from .desk import Visit
from .history import Commit, commit_of
from .inputs import Changes, CommandInput, Edit, NewTodo, values_of, written
from .queries import ListName
from .scalars import DateTimeUtc
from .todos import Info, TodoQL
from .work import Work, check_changes, refusal, request_of

T = TypeVar("T")

LONGEST_LINE, LONGEST_LINES = 10_000, 100_000
"""How many characters one line with markers has at most, and all lines of a mutation together. To read them takes time."""

Ids = Annotated[
    list[strawberry.ID] | None, strawberry.argument(description="Stable ids, numbers, and ranges such as 1-3; or @")
]
Where = Annotated[str | None, strawberry.argument(description="A query of the todos, in place of their ids")]


@strawberry.type(name="Answer")
class AnswerQL:
    """What a mutation recorded."""

    list_name: str = strawberry.field(name="list")
    position: int = strawberry.field(description="The position of the last event in the list")
    commits: int = strawberry.field(description="How many commits were recorded; 0 if there was nothing to do")
    commit: Commit | None = strawberry.field(description="The last commit that was recorded")
    todos: list[TodoQL] = strawberry.field(description="The todos that were named, as they are now")
    others: list[TodoQL] = strawberry.field(description="Other todos that were changed as a consequence")
    stayed: list[TodoQL] = strawberry.field(description="The todos that stayed as they are, because they were moved")
    also: list[str] = strawberry.field(description="The other lists in which the command was recorded")


Commands = Callable[[Item], Sequence[TodoCommand]]


class _Command:
    """A mutation while it is carried out: what it is called, what was sent, and which list it is about."""

    def __init__(self, info: Info, list_name: str | None, command: CommandInput | None, **arguments: object) -> None:
        self._work: Work = info.context
        self._list = list_name
        self._id = None if command is None else command.command_id
        asked = command or CommandInput()
        self._request = request_of(
            info.field_name,
            {name: value for name, value in arguments.items() if value is not None},
            command_id=asked.command_id,
            version=asked.expected_version,
            position=asked.expected_position,
            because=asked.because,
        )

    def run(self, job: Callable[[Visit], Answer]) -> AnswerQL:
        """Carry out the change, and return the answer."""
        answer = self._work.change(self._list, self._request, job)
        look = self._work.look(answer.list)

        def shown(items: Sequence[Item]) -> list[TodoQL]:
            return [TodoQL(look=look, item=item) for item in items]

        last = answer.commit
        return AnswerQL(
            list_name=answer.list,
            position=answer.position,
            commits=len(answer.commits),
            commit=None if last is None else commit_of(last, look.visit.to_local, look.todos.position_of, look.label),
            todos=shown(answer.items),
            others=shown(answer.others),
            stayed=shown(answer.stayed),
            also=list(answer.also),
        )

    def add(self, what: str, given: Sequence[T], creation: Callable[[Visit, T], Create]) -> AnswerQL:
        """Create todos.

        Args:
            what: The word before the number in an error: a todo or a line.
            given: What was given.
            creation: Returns the command that creates the todo.
        """

        def created(visit: Visit) -> Iterator[Create]:
            for number, each in enumerate(given, 1):
                try:
                    yield creation(visit, each)
                except CqrsError as error:
                    if len(given) > 1:
                        error.args = (f"{what} {number:,}: {error}",)
                    raise

        def job(visit: Visit) -> Answer:
            self._work.spend_changes(len(given))
            return visit.todos.add(list(created(visit)))

        return self.run(job)

    def chosen(self, visit: Visit, ids: Sequence[str] | None, where: str | None) -> Sequence[Item]:
        """Find the todos that a mutation is about."""
        if (ids is None) == (where is None):
            raise refusal("name the todos with ids, or with where", "INVALID")
        if where is None:
            items = visit.choose(_checked(ids or ()))
        elif self._id is not None:
            raise refusal("where and commandId contradict each other: sent again, a query may want other todos", "INVALID")
        else:
            query = visit.query(where, visit.todos.view())
            if query.is_empty:
                raise refusal("the query in where is empty", "INVALID", 'to change all open todos, write: where: "is:open"')
            items = self._work.matching(query)
        self._work.spend_changes(len(items))
        return items

    def run_on(self, where: str | None, job: Callable[[Visit], Answer]) -> AnswerQL:
        """Do the same as `run`, with the list of the saved filter that a query names, unless a list was named."""
        lists = () if where is None or self._list is not None else self._work.visit(None).lists_of(where)
        if len(lists) > 1:
            found = f"this filter is about several lists: {', '.join(lists)}"
            raise refusal(found, "INVALID", "give one of them as `list`")
        self._list = lists[0] if lists else self._list
        return self.run(job)

    def change(
        self,
        ids: Sequence[str] | None,
        where: str | None,
        commands: Callable[[Visit], Commands],
        *,
        children: Descendants | None = None,
    ) -> AnswerQL:
        """Give commands to the todos that a mutation names."""

        def job(visit: Visit) -> Answer:
            items = self.chosen(visit, ids, where)
            return visit.todos.change(items, commands(visit), children=children)

        return self.run_on(where, job)


def _checked(ids: Sequence[str]) -> Sequence[str]:
    if not ids:
        raise refusal("name at least one todo", "INVALID")
    check_changes(len(ids))  # before they are looked for
    return [f"{id}" for id in ids]


def _completion(visit: Visit, on: str | None) -> list[TodoCommand]:
    now = visit.todos.clock()
    return [Complete(day_or_instant(now) if on is None else visit.past(on), now)]


def _commands(visit: Visit, changes: Changes) -> Commands:
    """Return the commands that changes mean."""
    values = values_of(changes)
    if "text" in values and not values["text"]:
        raise refusal("a todo cannot be without a text", "INVALID", "leave out text, or give another one")
    of_fields: Commands = visit.changes(values) if values else lambda _: []
    of_state: list[TodoCommand] = []
    if changes.done is not strawberry.UNSET and changes.done is not None:
        of_state = _completion(visit, None) if changes.done else [Reopen()]
    if not values and not of_state:
        raise refusal("there is nothing to change", "INVALID")
    return lambda item: [*of_fields(item), *of_state]


@strawberry.type
class Mutations:
    """What can be changed."""

    # Each of our mutations can be null, so that one that fails does not hide the answers of the others in a request.

    # the ancestor's

    @strawberry.field
    def todo(self, id: strawberry.ID) -> TodoMutQL:
        """A todo of the default list, by its stable id or its number."""
        return TodoMutQL(id=id)

    @strawberry.field
    def new_todo(self, info: Info, text: str, reminder_time: DateTimeUtc | None = None) -> TodoQL:
        """Create a todo in the default list."""
        return new_todo(info.context, text, reminder_time)

    # todos

    @strawberry.field
    def add(
        self, info: Info, todos: list[NewTodo], list_name: ListName = None, command: CommandInput | None = None
    ) -> AnswerQL | None:
        """Create todos, and make the list if it does not exist."""
        if not todos:
            raise refusal("give at least one todo", "INVALID")
        sent = _Command(info, list_name, command, todos=list(map(written, todos)), list=list_name)
        return sent.add("todo", todos, lambda visit, each: visit.creation(values_of(each)))

    @strawberry.field
    def add_lines(
        self, info: Info, lines: list[str], list_name: ListName = None, command: CommandInput | None = None
    ) -> AnswerQL | None:
        """Create a todo from each line, with markers as on the command line, such as `Buy milk +home due:friday`."""
        if not lines:
            raise refusal("give at least one line", "INVALID")
        if max(map(len, lines)) > LONGEST_LINE or sum(map(len, lines)) > LONGEST_LINES:
            limit = f"a line has at most {LONGEST_LINE:,} characters, and all lines together {LONGEST_LINES:,}"
            raise refusal(limit, "TOO_LARGE", "send fewer lines, or use add")
        sent = _Command(info, list_name, command, lines=lines, list=list_name)
        return sent.add("line", lines, lambda visit, line: visit.creation_of_line(line))

    @strawberry.field
    def change(
        self,
        info: Info,
        changes: Changes,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Change fields of todos. All of them get the same values."""
        sent = _Command(info, list_name, command, ids=ids, changes=written(changes), list=list_name)
        return sent.change(ids, where, lambda visit: _commands(visit, changes))

    @strawberry.field
    def edit(
        self, info: Info, edits: list[Edit], list_name: ListName = None, command: CommandInput | None = None
    ) -> AnswerQL | None:
        """Change several todos in one commit, each in its own way."""
        words = [[edit.id, written(edit.changes), edit.expected_version] for edit in edits]
        sent = _Command(info, list_name, command, edits=words, list=list_name)
        ids = _checked([edit.id for edit in edits])

        def job(visit: Visit) -> Answer:
            info.context.spend_changes(len(ids))
            todos = visit.todos
            todos.check_exists()

            def edit_all() -> Answer:
                items: dict[str, Item] = {}
                commands: dict[str, Commands] = {}
                for id, edit in zip(ids, edits, strict=True):
                    found = visit.choose([id])
                    if len(found) != 1 or found[0].stream in items:
                        raise refusal(f"each edit names one todo, and {id} does not, or is named twice", "INVALID")
                    [item] = found
                    version = item.version if edit.expected_version is None else edit.expected_version
                    items[item.stream] = replace(item, version=version)
                    commands[item.stream] = _commands(visit, edit.changes)
                return todos.change(list(items.values()), lambda item: commands[item.stream](item), unchanged=True)

            return todos.together((), edit_all)  # nobody writes between the choice and the change

        return sent.run(job)

    @strawberry.field
    def complete(
        self,
        info: Info,
        ids: Ids = None,
        where: Where = None,
        on: str | None = None,
        with_children: bool = False,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Complete todos."""
        sent = _Command(info, list_name, command, ids=ids, on=on, children=with_children, list=list_name)

        def commands(visit: Visit) -> Commands:
            completion = _completion(visit, on)
            return lambda _: completion

        return sent.change(ids, where, commands, children="open" if with_children else None)

    @strawberry.field
    def reopen(
        self,
        info: Info,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Open completed todos again."""
        sent = _Command(info, list_name, command, ids=ids, list=list_name)
        return sent.change(ids, where, lambda _: lambda _: [Reopen()])

    @strawberry.field
    def toggle(
        self,
        info: Info,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Complete open todos, and reopen completed ones."""
        sent = _Command(info, list_name, command, ids=ids, list=list_name)
        return sent.change(ids, where, lambda visit: lambda _: [Toggle(visit.todos.clock())])

    @strawberry.field
    def remove(
        self,
        info: Info,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Remove todos, and all todos under them. Undo brings them back."""
        sent = _Command(info, list_name, command, ids=ids, list=list_name)
        return sent.change(ids, where, lambda _: lambda _: [Remove()], children="all")

    @strawberry.field
    def skip(
        self,
        info: Info,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Move todos that recur to their next dates, without completing them."""
        sent = _Command(info, list_name, command, ids=ids, list=list_name)
        return sent.run_on(where, lambda visit: visit.todos.skip(sent.chosen(visit, ids, where)))

    @strawberry.field
    def acknowledge(
        self,
        info: Info,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Acknowledge the reminders of todos that came due, so that they are no longer shown."""
        sent = _Command(info, list_name, command, ids=ids, list=list_name)
        return sent.run_on(where, lambda visit: visit.todos.acknowledge(sent.chosen(visit, ids, where)))

    @strawberry.field
    def move(
        self,
        info: Info,
        to: str,
        ids: Ids = None,
        where: Where = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Move todos to another list, where they keep their ids and fields."""
        sent = _Command(info, list_name, command, ids=ids, to=to, list=list_name)

        def job(visit: Visit) -> Answer:
            target = info.context.visit(to).todos
            target.check_exists()
            target.request = visit.todos.request
            try:
                return visit.todos.move(sent.chosen(visit, ids, where), target)
            finally:
                target.request = None

        return sent.run_on(where, job)

    # going back

    @strawberry.field
    def undo(
        self,
        info: Info,
        steps: Annotated[
            int | None, strawberry.argument(description="How many commands to undo; 1 if `position` is left out, too")
        ] = None,
        position: int | None = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Undo the last commands, or only the one that recorded the event at a position."""
        if position is not None and steps is not None:
            raise refusal("steps and position contradict each other", "INVALID", "give one of them")
        count = _steps(1 if steps is None else steps)
        sent = _Command(info, list_name, command, steps=count, position=position, list=list_name)
        if position is not None:
            return sent.run(lambda visit: visit.todos.undo_at(position))
        return sent.run(lambda visit: visit.todos.undo(count))

    @strawberry.field
    def redo(
        self, info: Info, steps: int = 1, list_name: ListName = None, command: CommandInput | None = None
    ) -> AnswerQL | None:
        """Redo the last commands that were undone."""
        sent = _Command(info, list_name, command, steps=_steps(steps), list=list_name)
        return sent.run(lambda visit: visit.todos.redo(steps))

    @strawberry.field
    def restore(
        self,
        info: Info,
        ids: Ids = None,
        to: str | None = None,
        list_name: ListName = None,
        command: CommandInput | None = None,
    ) -> AnswerQL | None:
        """Restore removed todos.

        With a moment, set the named todos back to what they were then; without ids, the whole list.
        """
        sent = _Command(info, list_name, command, ids=ids, to=to, list=list_name)
        if to is None:
            return sent.change(ids, None, lambda _: lambda _: [Restore()])

        def job(visit: Visit) -> Answer:
            chosen = None if ids is None else sent.chosen(visit, ids, None)
            return visit.todos.restore(visit.moment(to), chosen)

        return sent.run(job)

    # lists

    @strawberry.field
    def new_list(self, info: Info, name: str) -> str | None:
        """Make a list, and return its name."""
        return _of_lists(info, lambda lists: lists.new(name), name)

    @strawberry.field
    def rename_list(self, info: Info, name: str, to: str) -> str | None:
        """Give a list another name, and return it."""
        return _of_lists(info, lambda lists: lists.rename(name, to), to, name)

    @strawberry.field
    def archive_list(self, info: Info, name: str) -> str | None:
        """Archive a list with all its history, and return its name."""
        return _of_lists(info, lambda lists: lists.archive(name), name, name)

    @strawberry.field
    def unarchive_list(self, info: Info, name: str) -> str | None:
        """Bring an archived list back into use, and return its name."""
        return _of_lists(info, lambda lists: lists.unarchive(name), name)


def _steps(steps: int) -> int:
    if steps < 1:
        raise refusal("give at least one step", "INVALID")
    return steps


def _of_lists(info: Info, job: Callable[[Lists], object], name: str, closes: str | None = None) -> str:
    """Change the lists of the store.

    Args:
        info: What the resolver is told.
        job: Makes the change.
        name: The name that the list has then.
        closes: The list that has another name afterwards, or is no longer in use.
    """
    work = info.context
    with work.changing():
        job(Lists(work.desk.store))
        if closes is not None:
            work.desk.forget_list(closes)
        return name
