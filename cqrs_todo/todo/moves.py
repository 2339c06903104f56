"""Moving todos between lists: one change that two logs record, each its half.

The halves share a command id and the `meta` of `views.Move`. Both logs are held from the first look to the last append, so
that no other process ever sees, or acts on, a move that is half done. The half that brings the todos to their new list is
recorded first: a crash between the two leaves them in both lists, never in none.
"""

from collections.abc import Sequence

from ..cqrs.core import Commit, CqrsError, OutcomeUnknown, Rejected
from ..cqrs.timeline import UNDOES, undo_events
from .events import TodoRemoved
from .fields import Todo
from .model import DECIDER, events_between
from .service import Answer, Part, TodoList, leading, new_command, numbered, telling, within_limit
from .views import Item, Move, items_of


def move(source: TodoList, chosen: Sequence[Item], target: TodoList) -> Answer:
    """Give todos to another list, where they keep their ids and everything they hold; here they are removed.

    Todos that another process has moved there already are left as they are.

    Args:
        source: The list that they are in.
        chosen: The todos.
        target: The list that they go to.

    Returns:
        The answer of the target list: `items` are all the todos that were named, `changed` those that this command moved.

    Raises:
        Rejected: A todo was removed, or stands in both lists with different content. Nothing was recorded.
        NotFound: One of the lists is not there.
        OutcomeUnknown: The todos are, or may be, in both lists.
        CqrsError: What appending raises.
    """
    source.check_exists()
    target.check_exists()
    if target.log.id == source.log.id:
        raise Rejected(f"they are in {source.name} already")
    target.make()
    return source.together([target], lambda: _moved(source, chosen, target))


def _moved(source: TodoList, chosen: Sequence[Item], target: TodoList) -> Answer:
    """Move todos while nobody else can write to the two lists."""
    leaving = _leaving(source, chosen, target)
    meta = Move(source.log.id, source.name, target.log.id, target.name).meta
    arriving: Part = (leading(target.repository.fold(), leaving), meta)
    halves: list[Commit] = []
    moved: set[str] = set()
    for (changes, part_meta), command in numbered(within_limit([arriving]), new_command()):
        leave: Part = ({stream: [TodoRemoved()] for stream in changes}, part_meta)
        with telling(0 if source.store.atomic else len(halves)):
            halves += _both(source, leave, target, (changes, part_meta), command)
        moved.update(changes)
    answer = target.answer(halves, chosen, also=[source.name] if halves else [])
    changed = tuple(item for item in answer.items if item.stream in moved)
    return Answer(answer.list, answer.position, answer.commits, answer.items, changed, answer.also)


def _leaving(source: TodoList, chosen: Sequence[Item], target: TodoList) -> dict[str, Todo]:
    """The chosen todos that have to leave the source, by stream; raises `Rejected` where one cannot."""
    here, there = source.repository.fold(), target.repository.fold()
    for todos in (source, target):
        todos.check_whole("; nothing was recorded")
    leaving: dict[str, Todo] = {}
    refused: list[str] = []
    for item in items_of(here[item.stream] for item in chosen):
        twin = there.get(item.stream)
        arrived = twin is not None and twin.state is not None and not twin.state.removed
        if not item.todo.removed:
            if arrived and twin is not None and events_between(twin.state, item.todo):
                both = f"todo {item.number} is in {target.name} too, as {twin.number}"
                refused.append(f"{both}, and differs there: remove one of the two")
            leaving[item.stream] = item.todo
        elif not arrived:
            moved = source.moved_to(here, item.stream)
            refused.append(f"todo {item.number} was {f'moved to {moved}' if moved else 'removed: restore it first'}")
    if refused:
        raise Rejected("; ".join(refused))
    return leaving


def _both(source: TodoList, leave: Part, target: TodoList, arrive: Part, command: str) -> list[Commit]:
    """Record both halves, the arrival first; the commits of the target list."""
    arrived = target.record(arrive, command)
    try:
        source.record(leave, command)
    except OutcomeUnknown:
        raise
    except CqrsError as error:
        if arrived is not None and not source.store.atomic:
            _take_back(source, target, arrived, error)
        raise
    return [] if arrived is None else [arrived]


def _take_back(source: TodoList, target: TodoList, arrived: Commit, cause: CqrsError) -> None:
    """Undo the arrival of todos that could not leave."""
    try:
        target.record((undo_events(DECIDER, [arrived]), {UNDOES: [arrived.position]}), new_command())
    except CqrsError as error:
        both = f"they are in {source.name} and in {target.name}, where @{arrived.position} was recorded"
        raise OutcomeUnknown(f"{cause}; {both} and can't be taken back: {error}") from error
