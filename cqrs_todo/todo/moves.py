"""Moving todos between lists: one change that two logs record, each its half.

The halves share a command id and the `meta` of `views.Move`. Both logs are held from the first look to the last append, so
that no other process ever sees, or acts on, a move that is half done. The half that brings the todos to their new list is
recorded first: a crash between the two leaves them in both lists, never in none. Moving them again completes the move.
"""

from collections.abc import Sequence

from ..cqrs.errors import CqrsError, OutcomeUnknown
from ..cqrs.events import Commit
from ..cqrs.struct import Struct
from ..cqrs.timeline import REDOES, UNDOES, undo_events
from .events import TodoRemoved
from .fields import Todo
from .model import DECIDER, REMOVED, events_between
from .recorder import Answer, Part, Recorder, TodosRefused, leading, new_command, numbered, telling, within_limit
from .views import Item, Move, items_of, move_of


def move(source: Recorder, chosen: Sequence[Item], target: Recorder) -> Answer:
    """Give todos to another list, where they keep their ids and everything they hold; here they are removed.

    Todos that are there already are left as they are: another process has moved them, or it is the same list.

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
        return _staying(source, chosen)
    target.make()
    return source.together([target], lambda: _moved(source, chosen, target))


def _staying(todos: Recorder, chosen: Sequence[Item]) -> Answer:
    """Answer a move of todos to the list that they are in already."""
    fold = todos.repository.fold()
    todos.check_whole("; nothing was recorded")
    removed = {item.stream: item.number for item in items_of(fold[item.stream] for item in chosen) if item.todo.removed}
    if removed:
        moved = todos.moved_to(fold, removed)
        raise TodosRefused(
            {
                number: f"it was moved to {moved[stream]}" if stream in moved else REMOVED
                for stream, number in removed.items()
            }
        )
    return todos.answer((), chosen)


class Half(Struct, frozen=True):
    """What one list records of a change that two lists share."""

    todos: Recorder
    part: Part
    command: str


def record_both(first: Half, second: Half) -> list[tuple[Recorder, Commit]]:
    """Record both halves of a change, or neither, while nobody else can write to the two lists.

    Args:
        first: The half that brings todos to a list.
        second: The half that takes them from the other list.

    Returns:
        The commits with their lists; a half without events makes none.

    Raises:
        OutcomeUnknown: It cannot be known whether the second half was recorded, or the first one could not be taken back:
            the todos may be in both lists.
        CqrsError: What appending raises; neither half stands.
    """
    arrived = first.todos.record(first.part, first.command)
    recorded = [] if arrived is None else [(first.todos, arrived)]
    try:
        left = second.todos.record(second.part, second.command)
    except OutcomeUnknown as error:
        raise OutcomeUnknown(f"{error}: they may be in {first.todos.name} and in {second.todos.name}") from error
    except CqrsError as error:
        if arrived is not None and not first.todos.store.atomic:
            _take_back(first.todos, arrived, second.todos, error)
        raise
    return recorded if left is None else [*recorded, (second.todos, left)]


def _take_back(todos: Recorder, arrived: Commit, other: Recorder, cause: CqrsError) -> None:
    """Take back the first half of a change whose second half could not be recorded."""
    meta = arrived.metadata.meta
    back = move_of(arrived)
    reverse = {REDOES: meta[UNDOES]} if UNDOES in meta else {UNDOES: meta.get(REDOES, [arrived.position])}
    try:
        moved = {} if back is None else back.reversed.meta
        todos.record((undo_events(DECIDER, [arrived]), {**reverse, **moved}), new_command())
    except CqrsError as error:
        both = f"they are in {other.name} and in {todos.name}, where @{arrived.position} was recorded"
        raise OutcomeUnknown(f"{cause}; {both} and can't be taken back: {error}") from error


def _moved(source: Recorder, chosen: Sequence[Item], target: Recorder) -> Answer:
    """Move todos while nobody else can write to the two lists."""
    move = Move(source.log.id, source.name, target.log.id, target.name)
    leaving, begun = _leaving(source, chosen, target)
    whole = {stream: todo for stream, todo in leaving.items() if stream not in begun}
    halves: list[tuple[Half, Half]] = []
    arriving: Part = (leading(target.repository.fold(), whole), move.meta)
    for (changes, meta), command in numbered(within_limit([arriving]), new_command()) if whole else ():
        leave: Part = ({stream: [TodoRemoved()] for stream in changes}, meta)
        halves.append((Half(target, (changes, meta), command), Half(source, leave, command)))
    halves += _completing(source, begun, target, move)
    recorded: list[tuple[Recorder, Commit]] = []
    for first, second in halves:
        with telling(0 if source.store.atomic else len(recorded)):
            recorded += record_both(first, second)
    commits = [commit for todos, commit in recorded if todos is target]
    answer = target.answer(commits, chosen, also=[source.name] if recorded else [])
    changed = tuple(item for item in answer.items if item.stream in leaving)
    return Answer(answer.list, answer.position, answer.commits, answer.items, changed, answer.also)


def _leaving(source: Recorder, chosen: Sequence[Item], target: Recorder) -> tuple[dict[str, Todo], set[str]]:
    """The todos that have to leave the source, by stream, and those of them that are in the target already.

    Raises `Rejected` where one cannot leave.
    """
    here, there = source.repository.fold(), target.repository.fold()
    for todos in (source, target):
        todos.check_whole("; nothing was recorded")
    leaving: dict[str, Todo] = {}
    begun: set[str] = set()
    refused: dict[int, str] = {}
    removed: dict[str, int] = {}
    for item in items_of(here[item.stream] for item in chosen):
        twin = there.get(item.stream)
        twin_state = None if twin is None or twin.state is None or twin.state.removed else twin.state
        if item.todo.removed:
            if twin_state is None:
                removed[item.stream] = item.number
            continue
        leaving[item.stream] = item.todo
        if twin is not None and twin_state is not None:
            begun.add(item.stream)
            if events_between(twin_state, item.todo):
                refused[item.number] = (
                    f"it is in {target.name} too, as {twin.number}, and differs there: remove one of the two"
                )
    moved = source.moved_to(here, removed)
    for stream, number in removed.items():
        refused[number] = f"it was moved to {moved[stream]}" if stream in moved else REMOVED
    if refused:
        raise TodosRefused(refused)
    return leaving, begun


def _completing(source: Recorder, begun: set[str], target: Recorder, move: Move) -> list[tuple[Half, Half]]:
    """The halves that are missing of moves that a crash interrupted, with the command ids of the halves that are there."""
    commands: dict[str, str] = {}
    for commit in target.log.commits_backward() if begun else ():
        for stream in begun & {event.stream for event in commit.events} - set(commands):
            found = move_of(commit)
            complete = found is not None and (found.source, found.target) == (move.source, move.target)
            commands[stream] = commit.metadata.command if complete else ""
        if len(commands) == len(begun):
            break
    halves: list[tuple[Half, Half]] = []
    for command in sorted(set(commands.values())):
        leave = {stream: [TodoRemoved()] for stream in begun if commands[stream] == command}
        earlier = next((each for each in source.log.commits_backward() if each.metadata.command == command), None)
        meta = move.meta if earlier is None else {**move.meta, REDOES: [earlier.position]}
        id = command if command and earlier is None else new_command()
        halves.append((Half(target, ({}, {}), id), Half(source, (leave, meta), id)))
    return halves
