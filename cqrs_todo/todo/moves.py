"""Moving todos between lists: a change of which each of the two logs records one half.

Both halves have the same command id and the `meta` of `views.Move`. Both logs are locked from the first read to the last
append, so that no other process sees a half-finished move. The half that brings the todos to their new list is recorded
first. So a crash between the two halves leaves the todos in both lists, never in none. Moving them again completes the move.

Todos can also be in both lists because something was undone in one of them. A move of todos that are in both lists records
in the new list that they are brought there again. A sync needs this half: it says that they are wanted there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..cqrs.errors import CqrsError, OutcomeUnknown
from ..cqrs.events import BATCH, REDOES, UNDOES, Commit, marked
from ..cqrs.ids import new_command_id
from ..cqrs.steps import commits_of, undo_events
from ..cqrs.struct import Struct, replace
from ..cqrs.timeline import as_of
from .batches import CommitContent, note_earlier_commits, split_to_commit_size, with_batch_ids
from .errors import CannotMove
from .events import TodoRemoved, TodoRestored
from .fields import Todo
from .link_rules import with_descendants
from .model import DECIDER, REMOVED, events_between
from .recorder import Answer, Recorder, events_to_reach, refusals_in_words
from .request_errors import CommandIdTaken
from .views import Item, Move, items_of, move_of

if TYPE_CHECKING:
    from .requests import Request


BROUGHT_AGAIN = (TodoRemoved(), TodoRestored())
"""The events of a half that brings a todo to a list in which it is already."""


def move(source: Recorder, chosen: Sequence[Item], target: Recorder) -> Answer:
    """Move todos to another list, and all todos under them. They keep their ids and fields there, and are removed here.

    Todos that are there already are left as they are: another process has moved them, or it is the same list.

    Args:
        source: The list that the todos are in.
        chosen: The todos.
        target: The list that they go to.

    Returns:
        The answer of the target list. Its `items` are all todos that were chosen, and `changed` are those that were moved.

    Raises:
        CannotMove: A todo was removed, or is in both lists with different fields. Nothing was recorded.
        ListNotFound: One of the lists does not exist.
        OutcomeUnknown: The todos are or may be in both lists.
        CqrsError: What appending raises.
    """
    source.check_exists()
    target.check_exists()
    if target.log.id == source.log.id:
        return _staying(source, chosen)
    target.make_if_missing()
    return source.together([target], lambda: _moved(source, chosen, target), finds_request=True)


def _staying(todos: Recorder, chosen: Sequence[Item]) -> Answer:
    """Answer a move of todos to the list that they are in already."""
    fold = todos.repository.fold()
    todos.check_undamaged("; nothing was recorded")
    removed = {item.stream: item.number for item in items_of(fold[item.stream] for item in chosen) if item.todo.removed}
    moved = todos.lists_moved_to(fold, removed)
    _check_none(
        {number: f"it was moved to {moved[stream]}" if stream in moved else REMOVED for stream, number in removed.items()}
    )
    return todos.answer((), chosen)


def _check_none(refused: Mapping[int, str]) -> None:
    """Raise `CannotMove` if there are reasons, by the numbers of todos, not to move them."""
    if refused:
        message = f"{refusals_in_words(refused)}; nothing was recorded"
        raise CannotMove(
            message,
            [number for number in refused if refused[number] == REMOVED],
        )


class Half(Struct, frozen=True):
    """The half of a change that one list records.

    Args:
        todos: The list.
        content: What it records.
        command: The id of the command, which both halves share.
    """

    todos: Recorder
    content: CommitContent
    command: str


def half_stamper(request: "Request", halves: Sequence[Half]) -> Callable[[Half, int], Half]:
    """Return a function that adds the command id and the `meta` of a request to a half, given the number of its change.

    Args:
        request: What a script asks of the command.
        halves: All that the command plans, in two lists or more. The numbers of its changes count from 1.
    """
    events: dict[str, int] = {}
    for half in halves:
        events[half.todos.log.id] = events.get(half.todos.log.id, 0) + _events_in(half)

    def stamp(half: Half, number: int) -> Half:
        changes, meta = half.content
        content = (changes, {**meta, **request.meta(events[half.todos.log.id])})
        return replace(half, content=content, command=request.command_id(number, half.command))

    return stamp


def _stamp_missing(request: "Request", half: Half) -> Half:
    """Add the `meta` of a request to the missing half of a move that was interrupted, which keeps its command id."""
    changes, meta = half.content
    return replace(half, content=(changes, {**meta, **request.meta_of_half(_events_in(half), half.command)}))


def _events_in(half: Half) -> int:
    return sum(map(len, half.content[0].values()))


def record_all(halves: Sequence[Half]) -> list[tuple[Recorder, Commit]]:
    """Record what several lists have to record for one command, or nothing, while nobody else can write to them.

    Args:
        halves: What each list records. A move begins with the half that brings the todos.

    Returns:
        The commits with their lists. A half without events makes no commit.

    Raises:
        OutcomeUnknown: It is not known whether a list recorded its half, or what others had recorded cannot be undone.
        CqrsError: What appending raises. None of the halves is in force.
    """
    recorded: list[tuple[Recorder, Commit]] = []
    for half in halves:
        try:
            commit = half.todos.record(half.content, half.command)
        except OutcomeUnknown as error:
            if recorded and move_of(recorded[0][1]) is not None:
                raise OutcomeUnknown(f"{error}: they may be in {recorded[0][0].name} and in {half.todos.name}") from error
            raise
        except CqrsError as error:
            for todos, earlier in reversed(recorded):
                if not todos.store.atomic:
                    _undo_half(todos, earlier, half.todos, error)
            raise
        if commit is not None:
            recorded.append((half.todos, commit))
    return recorded


def _undo_half(todos: Recorder, recorded: Commit, other: Recorder, cause: CqrsError) -> None:
    """Undo what a list recorded, because another list could not record its half."""
    meta = recorded.metadata.meta
    reverse = {REDOES: meta[UNDOES]} if UNDOES in meta else {UNDOES: meta.get(REDOES, [recorded.metadata.command])}
    if BATCH in meta:  # so that the parts of the batch stay one step
        reverse[BATCH] = meta[BATCH]
    move = move_of(recorded)
    if move is not None:
        reverse |= move.reversed.meta
    try:
        todos.record((undo_events(DECIDER, [recorded]), reverse), new_command_id())
    except CqrsError as error:
        where = f"in {todos.name}" if move is None else f"in {todos.name}, so that they are there and in {other.name},"
        raise OutcomeUnknown(f"{cause}; @{recorded.position} was recorded {where} and cannot be undone: {error}") from error


def _moved(source: Recorder, chosen: Sequence[Item], target: Recorder) -> Answer:
    """Move todos while nobody else can write to the two lists."""
    request = source.request
    if request is not None:
        if (earlier := request.find(source)) is not None:
            return _answer_again(source, chosen, target, earlier)
        request.check(source, source.repository.fold(), chosen)
    chosen = with_descendants(source.repository.fold(), chosen, open_only=False)
    move = Move(source.log.id, source.name, target.log.id, target.name)
    leaving, half_moved = _find_leaving(source, chosen, target)
    interrupted = _interrupted(half_moved, target, move)
    not_moved = {stream: todo for stream, todo in leaving.items() if stream not in half_moved}
    again = {stream: BROUGHT_AGAIN for stream in leaving if stream in half_moved and stream not in interrupted}
    arriving = {**events_to_reach(target.repository.fold(), not_moved), **again}
    halves: list[tuple[Half, Half]] = []
    contents = split_to_commit_size([(arriving, move.meta)]) if arriving else ()
    for (changes, meta), command in with_batch_ids(contents, new_command_id()):
        leave: CommitContent = ({stream: [TodoRemoved()] for stream in changes}, meta)
        halves.append((Half(target, (changes, meta), command), Half(source, leave, command)))
    missing = _missing_halves(source, interrupted, target, move)
    if request is not None:
        if arriving and (arrived := request.find(target)) is not None:
            raise _taken(f"{request.id}", source, target, arrived[0])
        stamp = half_stamper(request, [half for pair in halves for half in pair])
        halves = [(stamp(first, number), stamp(second, number)) for number, (first, second) in enumerate(halves, 1)]
        missing = [_stamp_missing(request, half) for half in missing]
    recorded: list[tuple[Recorder, Commit]] = []
    for together in (*halves, *((half,) for half in missing)):  # who cannot complete a move leaves it as it is
        with note_earlier_commits(0 if source.store.atomic else len(recorded)):
            recorded += record_all(together)
    commits = [commit for todos, commit in recorded if todos is target]
    answer = target.answer(commits, chosen, also=[source.name] if recorded else [])
    changed = tuple(item for item in answer.items if item.stream in leaving)
    return replace(answer, changed=changed)


def _taken(id: str, source: Recorder, target: Recorder, arrived: Commit) -> CommandIdTaken:
    """Return the error for the id of a move that only its target knows.

    Args:
        id: The id.
        source: The list that the todos were to leave.
        target: The list that they were to go to.
        arrived: What was recorded with this id in the target.
    """
    move = move_of(arrived)
    if move is not None and move.source == source.log.id:
        return CommandIdTaken(f"the command {id} was recorded in {target.name}, and was undone there")
    what = "" if move is None else f" as a move from {move.source_name} to {move.target_name}"
    return CommandIdTaken(
        f"the command id {id} belongs to another command, which recorded @{arrived.position} in {target.name}{what}"
    )


def _answer_again(source: Recorder, chosen: Sequence[Item], target: Recorder, earlier: Sequence[Commit]) -> Answer:
    """Make the answer of a move that was sent before.

    Args:
        source: The list that the todos were in.
        chosen: The todos.
        target: The list that they went to.
        earlier: What the move recorded in the source.
    """
    ids = [commit.metadata.command for commit in earlier]
    arrived = [commit for id in ids if (commit := target.log.find_command(id)) is not None]
    if not arrived:
        raise CommandIdTaken(
            f"the command that recorded @{earlier[0].position} in {source.name} is not in {target.name} now"
        )
    fold, _ = as_of(target.repository, arrived[-1].last)
    answer = target.answer(arrived, chosen, also=[source.name], fold=fold)
    left = {event.stream for commit in earlier for event in commit.events}
    return replace(answer, changed=tuple(item for item in answer.items if item.stream in left))


def _find_leaving(source: Recorder, chosen: Sequence[Item], target: Recorder) -> tuple[dict[str, Todo], set[str]]:
    """Find the todos that have to leave the source.

    Returns:
        The todos by stream, and the streams of those that are in the target already, because a move was interrupted.

    Raises:
        CannotMove: A todo was removed, or is in both lists with different fields.
    """
    here, there = source.repository.fold(), target.repository.fold()
    for todos in (source, target):
        todos.check_undamaged("; nothing was recorded")
    leaving: dict[str, Todo] = {}
    half_moved: set[str] = set()
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
            half_moved.add(item.stream)
            if events_between(twin_state, item.todo):
                refused[item.number] = (
                    f"it is also in {target.name}, as {twin.number}, and is different there: remove one of the two"
                )
    moved = source.lists_moved_to(here, removed)
    for stream, number in removed.items():
        refused[number] = f"it was moved to {moved[stream]}" if stream in moved else REMOVED
    _check_none(refused)
    return leaving, half_moved


def _interrupted(half_moved: set[str], target: Recorder, move: Move) -> dict[str, Commit]:
    """Find moves that a crash interrupted after their first half.

    Args:
        half_moved: The streams of the todos that are in both lists.
        target: The list that they go to.
        move: The move.

    Returns:
        The first halves, by the streams of those todos that such a half has brought to the target.
    """
    first_halves: dict[str, Commit] = {}
    remaining = set(half_moved)
    for commit in target.log.commits_backward() if remaining else ():
        streams = remaining & {event.stream for event in commit.events}
        found = move_of(commit) if streams else None
        if found is not None and (found.source, found.target) == (move.source, move.target):
            first_halves |= dict.fromkeys(streams, commit)
        remaining -= streams
        if not remaining:
            break
    return first_halves


def _missing_halves(source: Recorder, interrupted: Mapping[str, Commit], target: Recorder, move: Move) -> list[Half]:
    """Return the missing halves of moves that a crash interrupted.

    Before each of them the target records that the todos are brought there again: another machine may have moved them away
    since the first half. Then the missing half alone, which is newer, would leave them in no list.
    """
    halves: list[Half] = []
    for command, first in sorted({each.metadata.command: each for each in interrupted.values()}.items()):
        streams = [stream for stream in interrupted if interrupted[stream] is first]
        # what was interrupted may be an undo or a redo, or this completion itself
        marks = {key: list(found) for key in (UNDOES, REDOES) if (found := marked(first.metadata, key))}
        marks = marks or {REDOES: [command]}
        commands = {each for key in marks for each in marks[key]}
        lacking = commands - set(commits_of(source.log.commits_backward(), commands))
        meta = {key: value for key, value in first.metadata.meta.items() if key == BATCH} | move.meta
        id = new_command_id()
        leave = {stream: [TodoRemoved()] for stream in streams}
        halves += [
            Half(target, (dict.fromkeys(streams, BROUGHT_AGAIN), {**marks, **meta}), id),
            Half(source, (leave, meta), lacking.pop()) if lacking else Half(source, (leave, {**marks, **meta}), id),
        ]
    return halves
