"""Undo and redo: the steps that they take, in one list or in several at once.

A step is what one command recorded: a commit, the commits of a batch, and for a move also the commits of the other list.
A step that another list has a half of is taken in both lists or in neither.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from ..cqrs.core import LOST, Commit, LogBusy, Rejected, UnknownEvent
from ..cqrs.struct import Struct
from ..cqrs.timeline import (
    REDOES,
    UNDOES,
    Step,
    in_force,
    marked,
    redo_events,
    redo_steps,
    undo_events,
    undo_steps,
)
from .events import TodoEvent
from .model import DECIDER, register_of
from .selection import NotFound
from .service import COMMIT_LIMIT, Answer, Part, TodoList, new_command, numbered, telling
from .views import Move, move_of


class Way(Struct, frozen=True):
    """Undo or redo: the key in `meta` of the commits that it takes, its steps, and the events that take commits."""

    verb: str
    key: str
    steps: Callable[[Iterable[Commit]], Iterator[Step]]
    events: Callable[..., dict[str, list[TodoEvent]]]


UNDO = Way("undo", UNDOES, undo_steps, undo_events)
REDO = Way("redo", REDOES, redo_steps, redo_events)

Choice: TypeAlias = Callable[[TodoList], Sequence[Step]]
"""Chooses the steps to take, next first."""


class _Half(Struct, frozen=True):
    """What a step means for one list: its commits there, in the order in which they are taken."""

    todos: TodoList
    commits: tuple[Commit, ...]

    @property
    def positions(self) -> Step:
        return tuple(commit.position for commit in self.commits)


def undo(todos: TodoList, count: int = 1) -> Answer:
    """Take the last commands back.

    Args:
        todos: The list.
        count: How many commands, or as many as there are.

    Returns:
        The answer of this list; `also` names the other lists in which a half of the same command was taken back.

    Raises:
        Rejected: There is nothing to undo, or later changes are in the way in another list; nothing was recorded.
        CqrsError: What reading and appending raise.
    """
    return _take(todos, UNDO, lambda: _first(todos, UNDO, count))


def redo(todos: TodoList, count: int = 1) -> Answer:
    """Do the last undone commands again; as `undo`."""
    return _take(todos, REDO, lambda: _first(todos, REDO, count))


def undo_at(todos: TodoList, position: int) -> Answer:
    """Take back the one command that recorded the event at a position.

    Args:
        todos: The list.
        position: The position of one of the events that the command recorded.

    Raises:
        NotFound: There is no such event.
        Rejected: The command is not in force, or later ones that are in force changed the same fields; it names them.
        CqrsError: What reading and appending raise.
    """
    return _take(todos, UNDO, lambda: [_step_with(todos, position)])


def _first(todos: TodoList, way: Way, count: int) -> list[Step]:
    steps = list(islice(way.steps(todos.log.commits_backward()), count))
    if not steps:
        raise Rejected(f"there is nothing to {way.verb}")
    return steps


def _step_with(todos: TodoList, position: int) -> Step:
    """The step in force that recorded the event at a position."""
    commit = next(todos.log.commits_backward(position + 1), None)
    if commit is None or not commit.position <= position <= commit.last:
        raise NotFound(f"there is no event @{position} in {todos.name}", "see the positions: todo history")
    step = _step_of(todos, commit.position)
    if step is None:
        raise Rejected(f"@{commit.position} is not in force: it was undone, or is itself an undo or a redo")
    return step


def _step_of(todos: TodoList, position: int) -> Step | None:
    """The step in force that holds the commit at a position; None where that is not in force."""
    return next((step for step in undo_steps(todos.log.commits_backward()) if position in step), None)


def _take(todos: TodoList, way: Way, choose: Callable[[], Sequence[Step]]) -> Answer:
    """Take steps: in one commit where only this list holds them, otherwise one after the other, in all lists at once."""
    todos.check_exists()
    others: dict[str, TodoList] = {}

    def plan(_: object) -> list[Part]:
        chosen = choose()
        halves = _halves_here(todos, chosen)
        others.update(_others(todos, halves))
        if others:
            return []
        _check(todos, way, chosen, halves)
        return _parts(way, [commit for half in halves for commit in half.commits])

    answer = todos.transact(plan)
    if not others:
        return answer
    return todos.together(list(others.values()), lambda: _take_in_all(todos, others, way, choose()))


def _take_in_all(todos: TodoList, others: Mapping[str, TodoList], way: Way, chosen: Sequence[Step]) -> Answer:
    """Take steps in several lists while nobody else can write to them. All of them are checked before the first is taken."""
    for each in (todos, *others.values()):
        each.repository.fold()
        each.check_whole("; nothing was recorded")
    own = _halves_here(todos, chosen)
    if not set(_others(todos, own)) <= set(others):
        raise LogBusy(f"{todos.name} was changed meanwhile; nothing was recorded")
    steps = [[half, *_halves_there(todos, half, others, way)] for half in own]
    for each in (todos, *others.values()):
        halves = [half for step in steps for half in step if half.todos is each]
        where = "" if each is todos else f" in {each.name}"
        _check(each, way, [half.positions for half in halves], halves, where)
    taken: list[tuple[TodoList, Commit]] = []
    for step in steps:
        command = new_command()
        for half in sorted(step, key=lambda half: _loses(half, way)):
            for part, id in numbered(_parts(way, half.commits), command):
                with telling(0 if todos.store.atomic else len(taken)):
                    commit = half.todos.record(part, id)
                taken += [] if commit is None else [(half.todos, commit)]
    also = [each.name for each in others.values() if any(owner is each for owner, _ in taken)]
    return todos.answer([commit for owner, commit in taken if owner is todos], also=also)


def _loses(half: _Half, way: Way) -> bool:
    """Whether taking a half of a move takes todos away from its list; the other half goes first, so that none is lost."""
    move = next((move for commit in half.commits if (move := move_of(commit)) is not None), None)
    return move is not None and (half.todos.log.id == move.target) == (way is UNDO)


def _halves_here(todos: TodoList, steps: Sequence[Step]) -> list[_Half]:
    """Each step with its commits in this list."""
    commits = _commits(todos, [position for step in steps for position in step])
    return [_Half(todos, tuple(commits[position] for position in step)) for step in steps]


def _commits(todos: TodoList, positions: Iterable[int]) -> dict[int, Commit]:
    """The commits at these positions; one walk back, no further than to the earliest."""
    wanted = set(positions)
    found: dict[int, Commit] = {}
    for commit in todos.log.commits_backward():
        if len(found) == len(wanted):
            break
        if commit.position in wanted:
            found[commit.position] = commit
    return found


def _others(todos: TodoList, halves: Iterable[_Half]) -> dict[str, TodoList]:
    """The other lists, by the ids of their logs, that hold halves of these steps.

    Raises `Rejected` where one of them is not in use.
    """
    others: dict[str, TodoList] = {}
    for half in halves:
        for commit in half.commits:
            move = move_of(commit)
            if move is None:
                continue
            id, name = (move.target, move.target_name) if move.source == todos.log.id else (move.source, move.source_name)
            if id in others:
                continue
            other = todos.other(id, name)
            if other is None:
                moved = f"@{commit.position} moved todos from {move.source_name} to {move.target_name}"
                raise Rejected(f"{moved}, and {name} is not in use: bring that list back first")
            others[id] = other
    return others


def _halves_there(todos: TodoList, half: _Half, others: Mapping[str, TodoList], way: Way) -> list[_Half]:
    """The halves that other lists hold of a step of this list.

    None where a crash kept the other half from being recorded, or where it was taken already.
    """
    halves: list[_Half] = []
    for other in others.values():
        commands = {commit.metadata.command for commit in half.commits if _is_between(todos, other, move_of(commit))}
        found = [commit.position for commit in _with_commands(other, commands)]
        if way is UNDO:
            positions = next((step for position in found if (step := _step_of(other, position)) is not None), ())
        else:
            positions = tuple(position for position in reversed(found) if _step_of(other, position) is None)
        if positions:
            halves += _halves_here(other, [positions])
    return halves


def _with_commands(todos: TodoList, commands: set[str]) -> list[Commit]:
    """The commits that bear these command ids, newest first; those that are not there are left out."""
    backward = todos.log.commits_backward() if commands else iter(())
    return list(islice((commit for commit in backward if commit.metadata.command in commands), len(commands)))


def _is_between(one: TodoList, other: TodoList, move: Move | None) -> bool:
    return move is not None and {move.source, move.target} == {one.log.id, other.log.id}


def _check(todos: TodoList, way: Way, chosen: Sequence[Step], halves: Sequence[_Half], where: str = "") -> None:
    """Raise `Rejected` unless these commits can be taken.

    They must hold only events that this program knows. Nothing else that is in force may have changed the same fields since,
    nor anything at all of a todo that was moved. `where` is said in the message.
    """
    fields: set[tuple[str, str]] = set()
    for half in halves:
        for commit in half.commits:
            _check_known(commit)
            moved = move_of(commit) is not None
            fields |= {(event.stream, "*" if moved else register_of(event.data)) for event in commit.events}
    later = _later(todos, chosen) if way is UNDO else _later_than_undone(todos, [each for step in chosen for each in step])
    commits = _commits(todos, later)
    in_the_way = [f"@{position}" for position in sorted(commits) if _conflicts(commits[position], fields)]
    if in_the_way:
        what = ", ".join(f"@{min(step)}" for step in chosen)
        names = ", ".join(in_the_way)
        raise Rejected(f"{what}{where} can't be {_PAST[way.verb]} alone: {names} changed the same fields later")


_PAST = {"undo": "undone", "redo": "redone"}


def _check_known(commit: Commit) -> None:
    unknown = [event.type for event in commit.events if isinstance(event.data, UnknownEvent)]
    if LOST in unknown:
        raise Rejected(f"@{commit.position} holds what was lost when the log was damaged: it can't be taken back")
    if unknown:
        raise Rejected(f"@{commit.position} holds {unknown[0]}, which a newer version wrote: update this program")


def _later(todos: TodoList, chosen: Sequence[Step]) -> list[int]:
    """The positions of the commits in force that were done after the chosen ones, or between those of a batch."""
    pending = set(chosen)
    first_of_batches = min((min(step) for step in chosen if len(step) > 1), default=None)
    later: list[int] = []
    for step in undo_steps(todos.log.commits_backward()):
        if step in pending:
            pending.remove(step)
        elif pending or (first_of_batches is not None and step[0] > first_of_batches):
            later += step
        if not pending and (first_of_batches is None or step[0] <= first_of_batches):
            break
    return later


def _later_than_undone(todos: TodoList, positions: Sequence[int]) -> list[int]:
    """The positions of the commits in force that are newer than these, and were done since these were undone.

    An older one that was redone since is not in the way: it came before them the first time, too.
    """
    later: list[int] = []
    remaining, oldest = set(positions), min(positions)
    for commit, done in in_force(todos.log.commits_backward()):
        remaining -= set(marked(commit.metadata, UNDOES))
        if not remaining:
            break
        later += [position for position in done if position > oldest]
    return later


def _conflicts(commit: Commit, fields: set[tuple[str, str]]) -> bool:
    streams = {stream for stream, _ in fields}
    for event in commit.events:
        if event.stream not in streams:
            continue
        if isinstance(event.data, UnknownEvent) or (event.stream, "*") in fields:
            return True
        if (event.stream, register_of(event.data)) in fields:
            return True
    return False


def _parts(way: Way, commits: Sequence[Commit]) -> list[Part]:
    """What takes these commits, in this order: one part, or several where they hold more events than one commit does."""
    groups: list[list[Commit]] = [[]]
    size = 0
    for commit in commits:
        if groups[-1] and size + len(commit.events) > COMMIT_LIMIT:
            groups.append([])
            size = 0
        groups[-1].append(commit)
        size += len(commit.events)
    return [(way.events(DECIDER, group), _meta(way, group)) for group in groups]


def _meta(way: Way, commits: Sequence[Commit]) -> dict[str, object]:
    meta: dict[str, object] = {way.key: [commit.position for commit in commits]}
    moves = [move for commit in commits if (move := move_of(commit)) is not None]
    if moves:
        move = moves[0]
        back = Move(move.target, move.target_name, move.source, move.source_name) if way is UNDO else move
        meta |= back.meta
    return meta
