"""Reactions to the events of lists: the todos after an event, and functions of other packages that return commands."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias, overload

from ..cqrs.cursor import START
from ..cqrs.errors import CqrsError, StaleCursor
from ..cqrs.events import Commit, Metadata, Recorded
from ..cqrs.fold import Entity
from ..cqrs.playback import earlier_commits, later_commits
from ..cqrs.query import Query
from ..cqrs.reactions import Reaction, Send
from ..cqrs.repository import PlannedCommit, Repository
from ..cqrs.store import Expected, check_precondition
from ..cqrs.struct import Struct
from ..cqrs.timeline import as_of, walk_back
from .events import TodoEvent
from .fields import State
from .model import DECIDER, Create, TodoCommand
from .recorder import Todos
from .service import TodoList
from .views import Item, item_of, items_of

DEEPEST = 10
"""How many reactions can follow from each other. The next one is refused, because it may be a cycle."""


class Command(Struct, frozen=True):
    """A command on a todo, which a reaction returns.

    Args:
        id: The stable id of the todo.
        command: The command.
        list: The name of the list. None: the list of the event.
    """

    id: str
    command: TodoCommand
    list: str | None = None


React: TypeAlias = Callable[[Recorded[Any]], Iterable[Command] | None]
"""A reaction of another package. For the same event it must return the same commands in the same order."""


class CycleTooDeep(CqrsError):
    """An event follows from too many reactions, one after the other."""


class InvalidReaction(CqrsError):
    """A reaction of another package did what no reaction may do."""


class TodosAfter:
    """The todos of a list after its events. From one event to the next, or to the one before, it takes one step."""

    def __init__(self, todos: TodoList) -> None:
        """Read a list.

        Args:
            todos: The list. Nobody else may read its log through this object.
        """
        self._todos = todos
        self._fold: Todos | None = None
        self._last: Commit | None = None
        """The last commit in the fold; None if it is not known."""
        self._begin = 0
        """The position of the first event of that commit."""
        self._read = START
        self._earlier: Iterator[Commit] | None = None
        """The commits before the last one in the fold, newest first; None if the fold did not move back."""
        self._later: Iterator[Commit] | None = None
        """The commits after the fold, oldest first; None if the fold did not move forward."""

    def todo(self, event: Recorded[Any]) -> Item | None:
        """Return the todo of an event as it is after the commit of the event; None if its creation was lost."""
        entity = self._after(event.position).get(event.stream)
        return None if entity is None else item_of(entity)

    def items(self, event: Recorded[Any]) -> Sequence[Item]:
        """Return all todos as they are after the commit of an event. They are read when someone looks at them.

        Whoever asks for another event must not look at them any more.
        """
        return _ItemsOf(self._after(event.position))

    def _after(self, position: int) -> Todos:
        """Return the fold after the commit that holds a position."""
        try:
            return self._moved(position)
        except StaleCursor:  # the log was rewritten: todos were forgotten, or another copy was merged
            self._fold = None
            return self._moved(position)

    def _moved(self, position: int) -> Todos:
        fold = self._fold
        if fold is not None:  # raises `StaleCursor` if the log is not what was read of it
            next(self._todos.log.commits(self._read), None)
        else:
            found, self._last = as_of(self._todos.repository, position)
            fold = self._fold = found.copy()
            self._begin = position if self._last is None else self._last.position
            self._earlier = self._later = None
        if position < self._begin:
            self._move_back(fold, position)
        while fold.position < position:
            self._move_forward(fold, position)
        self._read = self._todos.log.cursor()
        return fold

    def _move_back(self, fold: Todos, position: int) -> None:
        """Undo the commits after the one that holds a position."""
        if self._earlier is None:
            self._earlier, self._last = earlier_commits(self._todos.repository, fold.position), None
        backward = self._earlier if self._last is None else chain((self._last,), self._earlier)
        self._last = walk_back(fold, backward, position)
        self._begin = position if self._last is None else self._last.position
        self._later = None

    def _move_forward(self, fold: Todos, position: int) -> None:
        """Apply the next commit."""
        if self._later is None:
            self._later = later_commits(self._todos.repository, fold.position)
        commit = next(self._later, None)
        if commit is None:  # there may be more by now
            log = self._todos.log
            self._later = (commit for commit in log.commits(log.cursor()) if commit.position > fold.position)
            commit = next(self._later, None)
        if commit is None:
            raise StaleCursor(f"{self._todos.name} has no @{position}")
        fold.apply(commit)
        self._last, self._begin = commit, commit.position
        self._earlier = None


class _ItemsOf(Sequence[Item]):
    """The todos of a fold, which are read when they are first asked for: few queries look at other todos than the one."""

    def __init__(self, fold: Todos) -> None:
        self._fold = fold

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        return self._all[place]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> Sequence[Item]:
        return items_of(self._fold)


class ListRepository(Repository[State, TodoCommand, TodoEvent]):
    """The todos of a list. A command has the consequences that it has on the command line."""

    def __init__(self, todos: TodoList) -> None:
        """Work with the todos of a list."""
        super().__init__(todos.log, DECIDER)
        self._todos = todos

    def execute(
        self, id: str, command: TodoCommand, metadata: Metadata, *, precondition: Expected | None = None
    ) -> tuple[Entity[State], Commit | None]:
        """Decide a command on a todo, and record what it and its consequences give; see `Repository.execute`."""
        todos = self._todos
        stream = DECIDER.stream(id)
        if isinstance(command, Create):
            todos.make_if_missing()
        found = todos.repository.fold().get(stream)
        item = None if found is None else item_of(found)

        def plan(fold: Todos) -> PlannedCommit[TodoEvent]:
            todos.check_undamaged("; nothing was recorded")
            check_precondition(precondition, stream, fold.version_of(stream))
            if item is None or isinstance(command, Create):
                return todos.decide(fold, [(stream, command)]), metadata
            contents = todos.planned_change([item], lambda _: [command])[0](fold)
            return contents[0][0], metadata

        outcome = todos.repository.transact(plan, metadata.command)
        return outcome.fold.get(stream) or Entity(stream, None, 0), outcome.commit


def reaction_to(
    name: str, react: React, types: Iterable[str], todos: TodoList, other: Callable[[str], TodoList]
) -> Reaction[Any]:
    """Make the reaction of a function to the events of a list.

    Args:
        name: The name of the reaction.
        react: The function.
        types: The type strings of the events; none for all events.
        todos: The list.
        other: Opens another list by its name.
    """

    def sends(event: Recorded[Any]) -> list[Send]:
        check_depth(event, todos)
        commands = commands_of(react, event)
        lists = {None: todos, todos.name: todos}
        made: list[Send] = []
        for command in commands:
            if command.list not in lists:
                lists[command.list] = other(str(command.list))
            made.append(Send(ListRepository(lists[command.list]), command.id, command.command))
        return made

    return Reaction(name, sends, Query.of(types=types, kinds=(DECIDER.kind,)))


def commands_of(react: React, event: Recorded[Any]) -> list[Command]:
    """Call a reaction of another package with an event, and return its commands.

    Raises:
        InvalidReaction: It called `sys.exit`, or returned something else than commands.
        Exception: What it raises.
    """
    try:
        commands = list(react(event) or ())
    except SystemExit as error:  # it must not end the program
        raise InvalidReaction(f"it called sys.exit({error.code!r})") from error
    wrong = [each for each in commands if not isinstance(each, Command)]
    if wrong:
        raise InvalidReaction(f"it returned {wrong[0]!r}, which is not a Command")
    return commands


def check_depth(event: Recorded[Any], todos: TodoList) -> None:
    """Raise `CycleTooDeep` if an event follows from `DEEPEST` reactions, one after the other.

    Args:
        event: The event.
        todos: The list that it is in. Its causes are searched there first, and then in the other lists of the store.
    """
    cause = event.metadata.causation
    depth = 0
    while cause:
        depth += 1
        if depth >= DEEPEST:
            raise CycleTooDeep(f"it follows from {depth} reactions, one after the other; they may form a cycle")
        commit = _commit_of(cause.rpartition("/")[0], todos)
        cause = "" if commit is None else commit.metadata.causation


def _commit_of(command: str, todos: TodoList) -> Commit | None:
    """Return the commit of a command, in a list or in the other lists of its store; None if none has it."""
    commit = todos.log.find_command(command)
    for name in todos.store.names() if commit is None else ():
        if name != todos.name and commit is None:
            commit = todos.store.open(name).find_command(command)
    return commit
