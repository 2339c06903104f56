"""Undo and redo: the steps that they take, in one list or in two at once.

A step is what one command recorded: a commit, or the commits of a batch. Undoing one appends the inverted events; redoing
one appends the events again. A step that moved todos is taken in both lists or in neither, and by what is there rather than
by what was recorded: undo brings the todos back to the list that they came from, redo to the list that they went to. Both
refuse when a todo is not where the step left it, or was changed there. So a todo is always in exactly one of the two.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from ..cqrs.errors import LogBusy, Rejected
from ..cqrs.events import LOST, Commit, UnknownEvent
from ..cqrs.fold import Fold
from ..cqrs.struct import Struct, replace
from ..cqrs.timeline import BATCH, REDOES, UNDOES, Step, batch_of, redo_events, redo_steps, undo_events, undo_steps
from .events import TodoEvent, TodoRemoved, TodoRestored
from .fields import State
from .model import DECIDER, events_between, evolve, register_of
from .moves import Half, record_both
from .recorder import COMMIT_LIMIT, Answer, Part, Recorder, by_reason, new_command, telling
from .selection import NotFound
from .views import Move, move_of


class Way(Struct, frozen=True):
    """Undo or redo: the key in `meta` of the commits that it takes, its steps, and the events that take commits."""

    verb: str
    past: str
    key: str
    steps: Callable[[Iterable[Commit]], Iterator[Step]]
    events: Callable[..., dict[str, list[TodoEvent]]]

    def home(self, move: Move) -> str:
        """The id of the log in which the todos of a move are afterwards."""
        return move.source if self.key == UNDOES else move.target


UNDO = Way("undo", "undone", UNDOES, undo_steps, undo_events)
REDO = Way("redo", "redone", REDOES, redo_steps, redo_events)


class _Side:
    """One list as it stands, with the states that the steps before the next one lead to."""

    def __init__(self, todos: Recorder, fold: Fold[State]) -> None:
        self.todos = todos
        self._fold = fold
        self._states: dict[str, State] = {}
        # where the steps before the next one moved todos to: the name of a list, or '' for this one
        self._moved: dict[str, str] = {}

    def backward(self) -> Iterator[Commit]:
        """The commits up to the fold, newest first, whatever others append meanwhile."""
        return self.todos.log.commits_backward(self._fold.position + 1)

    def commits_at(self, positions: Iterable[int]) -> dict[int, Commit]:
        """The commits that begin at these positions, newest first; one walk back, no further than to the earliest."""
        wanted = set(positions)
        backward = self.backward() if wanted else iter(())
        found = islice((commit for commit in backward if commit.position in wanted), len(wanted))
        return {commit.position: commit for commit in found}

    def state(self, stream: str) -> State:
        """The state of a todo."""
        if stream not in self._states:
            entity = self._fold.get(stream)
            self._states[stream] = None if entity is None else entity.state
        return self._states[stream]

    def number(self, stream: str) -> int:
        """The number of a todo."""
        entity = self._fold.get(stream)
        return 0 if entity is None else entity.number

    def take(self, commit: Commit, way: Way) -> dict[str, list[TodoEvent]]:
        """The events that take a commit that this list alone recorded; goes on to the states after them.

        Raises:
            Rejected: One of its todos was moved to another list, where the events would not reach it, or what they change is
                not what the commit left: it was changed while the todo was in another list.
        """
        changes = way.events(DECIDER, [commit])
        absent = {stream for stream in changes if (state := self.state(stream)) is not None and state.removed}
        moved = {**self.todos.moved_to(self._fold, absent - set(self._moved)), **self._moved}
        refused: dict[int, str] = {}
        for stream, events in changes.items():
            if stream in absent and moved.get(stream):
                refused[self.number(stream)] = f"it was moved to {moved[stream]}: bring it back first"
            elif not self._fits(stream, events):
                refused[self.number(stream)] = f"what @{commit.position} changed was changed again in another list"
        if refused:
            raise Rejected(f"@{commit.position} can't be {way.past}: {by_reason(refused)}")
        self._apply(changes)
        return changes

    def _fits(self, stream: str, events: Sequence[TodoEvent]) -> bool:
        """Whether each of some events changes what is there, so that inverting it brings that back."""
        state = self.state(stream)
        for event in events:
            after = evolve(state, event)
            if after == state or evolve(after, DECIDER.invert(event)) != state:
                return False
            state = after
        return True

    def arrive(self, changes: dict[str, list[TodoEvent]]) -> None:
        """Go on to the states after todos were brought here."""
        self._apply(changes)
        self._moved.update(dict.fromkeys(changes, ""))

    def leave(self, changes: dict[str, list[TodoEvent]], target: str) -> None:
        """Go on to the states after todos were moved to the list named `target`."""
        self._apply(changes)
        self._moved.update(dict.fromkeys(changes, target))

    def _apply(self, changes: dict[str, list[TodoEvent]]) -> None:
        for stream, events in changes.items():
            for event in events:
                self._states[stream] = evolve(self.state(stream), event)


Choose: TypeAlias = Callable[[_Side], Sequence[Step]]
"""Chooses the steps to take, next first."""


def undo(todos: Recorder, count: int = 1) -> Answer:
    """Take the last commands back.

    Args:
        todos: The list.
        count: How many commands, or as many as there are.

    Returns:
        The answer of this list; `also` names the other lists in which a half of the same command was taken back.

    Raises:
        Rejected: There is nothing to undo, or a moved todo is not where it was moved to, or was changed there; nothing was
            recorded.
        CqrsError: What reading and appending raise.
    """
    return _take(todos, UNDO, lambda side: _first(side, UNDO, count))


def redo(todos: Recorder, count: int = 1) -> Answer:
    """Do the last undone commands again; as `undo`."""
    return _take(todos, REDO, lambda side: _first(side, REDO, count))


def undo_at(todos: Recorder, position: int) -> Answer:
    """Take back the one command that recorded the event at a position.

    Args:
        todos: The list.
        position: The position of one of the events that the command recorded.

    Raises:
        NotFound: There is no such event.
        Rejected: The command is not in force, or later ones that are in force changed the same fields; it names them.
        CqrsError: What reading and appending raise.
    """
    return _take(todos, UNDO, lambda side: [_step_with(side, position)])


def _first(side: _Side, way: Way, count: int) -> list[Step]:
    steps = list(islice(way.steps(side.backward()), count))
    if not steps:
        raise Rejected(f"there is nothing to {way.verb}")
    return steps


def _step_with(side: _Side, position: int) -> Step:
    """The step in force that recorded the event at a position."""
    name = side.todos.name
    commit = next((each for each in side.backward() if each.position <= position), None)
    if commit is None or position > commit.last:
        raise NotFound(f"there is no event @{position} in {name}", "see the positions: todo history")
    step = next((step for step in undo_steps(side.backward()) if commit.position in step), None)
    if step is None:
        raise Rejected(f"@{commit.position} is not in force: it was undone, or is itself an undo or a redo")
    return step


def _take(todos: Recorder, way: Way, choose: Choose) -> Answer:
    """Take steps: at once where only this list holds them, otherwise while nobody else can write to the others either."""
    todos.check_exists()
    others: dict[str, Recorder] = {}

    def plan(fold: Fold[State]) -> list[Part]:
        side = _Side(todos, fold)
        steps = _commits_of(side, choose(side))
        others.update(_others(todos, steps))
        return [] if others else _plan_here(side, way, steps)

    answer = todos.transact(plan, as_planned=True)
    if not others:
        return answer
    return todos.together(list(others.values()), lambda: _take_together(todos, others, way, choose))


def _commits_of(side: _Side, steps: Sequence[Step]) -> list[list[Commit]]:
    """The commits of each step.

    Raises `Rejected` where a step names a commit that is not there, or holds events that this program does not know.
    """
    wanted = {position for step in steps for position in step}
    found = side.commits_at(wanted)
    if absent := wanted - set(found):
        raise Rejected(f"a commit undoes or redoes @{min(absent)}, and no commit begins there")
    for commit in found.values():
        unknown = [event.type for event in commit.events if isinstance(event.data, UnknownEvent)]
        if LOST in unknown:
            raise Rejected(f"@{commit.position} holds what was lost when the log was damaged: it can't be taken back")
        if unknown:
            raise Rejected(f"@{commit.position} holds {unknown[0]}, which a newer version wrote: update this program")
    return [[found[position] for position in step] for step in steps]


def _others(todos: Recorder, steps: Iterable[Sequence[Commit]]) -> dict[str, Recorder]:
    """The other lists that steps moved todos to or from, by the ids of their logs.

    Raises `Rejected` where one of them is not in use.
    """
    others: dict[str, Recorder] = {}
    for commit in (commit for step in steps for commit in step):
        move = _move_of(todos, commit)
        if move is None:
            continue
        id, name = (move.target, move.target_name) if move.source == todos.log.id else (move.source, move.source_name)
        if id in others:
            continue
        other = todos.other(id, name)
        if other is None:
            moved = f"@{commit.position} moved todos from {move.source_name} to {move.target_name}"
            raise Rejected(f"{moved}, and {name} is not in use or can't be read: bring that list back first")
        others[id] = other
    return others


def _move_of(todos: Recorder, commit: Commit) -> Move | None:
    """The move between this list and another that a commit is one half of; None for any other commit."""
    move = move_of(commit)
    return move if move is not None and todos.log.id in (move.source, move.target) else None


# steps of one list


def _plan_here(side: _Side, way: Way, steps: Sequence[Sequence[Commit]]) -> list[Part]:
    """What takes steps that only this list holds: one commit, or where they are large or batches, one for each of theirs."""
    if way is UNDO:
        _check_later(side, steps)
    commits = [commit for step in steps for commit in step]
    for commit in commits:
        side.take(commit, way)
    small = sum(len(commit.events) for commit in commits) <= COMMIT_LIMIT
    if small and not any(batch_of(commit.metadata) for commit in commits):
        return [(way.events(DECIDER, commits), {way.key: [commit.position for commit in commits]})]
    return [(way.events(DECIDER, [commit]), _meta(way, commit)) for commit in commits]


def _meta(way: Way, commit: Commit) -> dict[str, object]:
    """The `meta` of what takes one commit: a part of a batch is taken by a part of the same batch."""
    meta: dict[str, object] = {way.key: [commit.position]}
    return meta if BATCH not in commit.metadata.meta else {**meta, BATCH: commit.metadata.meta[BATCH]}


def _check_later(side: _Side, steps: Sequence[Sequence[Commit]]) -> None:
    """Raise `Rejected` where later commits that are in force changed the same fields, or moved the same todos."""
    chosen = {tuple(commit.position for commit in step) for step in steps}
    pending = set(chosen)
    first_of_batches = min((min(step) for step in chosen if len(step) > 1), default=None)
    later: list[int] = []
    for step in undo_steps(side.backward()):
        pending.discard(step)
        if step not in chosen and (pending or (first_of_batches is not None and step[0] > first_of_batches)):
            later += step
        if not pending and (first_of_batches is None or step[0] <= first_of_batches):
            break
    # a move is checked by what is there: see `_bring_home`
    commits_here = (commit for step in steps for commit in step if _move_of(side.todos, commit) is None)
    fields = {(event.stream, register_of(event.data)) for commit in commits_here for event in commit.events}
    commits = side.commits_at(later)
    in_the_way = [f"@{position}" for position in sorted(commits) if _conflicts(commits[position], fields)]
    if in_the_way:
        what = ", ".join(f"@{min(commit.position for commit in step)}" for step in steps)
        raise Rejected(f"{what} can't be undone alone: {', '.join(in_the_way)} changed the same fields later")


def _conflicts(commit: Commit, fields: set[tuple[str, str]]) -> bool:
    streams = {stream for stream, _ in fields}
    for event in commit.events:
        if event.stream not in streams:
            continue
        if isinstance(event.data, UnknownEvent) or (event.stream, "*") in fields or move_of(commit) is not None:
            return True
        if (event.stream, register_of(event.data)) in fields:
            return True
    return False


# steps of two lists


def _take_together(todos: Recorder, others: dict[str, Recorder], way: Way, choose: Choose) -> Answer:
    """Take steps, some of which moved todos, while nobody else can write to any of the lists.

    All of them are planned, each on the states that the ones before lead to, before the first is recorded.
    """
    sides = {each.log.id: _Side(each, each.repository.fold()) for each in (todos, *others.values())}
    for each in (todos, *others.values()):
        each.check_whole("; nothing was recorded")
    here = sides[todos.log.id]
    planned: list[tuple[Half, Half | None]] = []
    steps = _commits_of(here, choose(here))
    if way is UNDO:
        _check_later(here, steps)
    for step in steps:
        for commit in step:
            move = _move_of(todos, commit)
            if move is None:
                changes = here.take(commit, way)
                planned.append((Half(todos, (changes, _meta(way, commit)), new_command()), None))
                continue
            there = sides.get(move.target if move.source == todos.log.id else move.source)
            if there is None:
                raise LogBusy(f"{todos.name} was changed meanwhile; nothing was recorded")
            planned.append(_bring_home(here, there, commit, way, move))
    recorded: list[tuple[Recorder, Commit]] = []
    for first, second in planned:
        with telling(0 if todos.store.atomic else len(recorded)):
            if second is not None:
                recorded += record_both(first, second)
            elif (alone := first.todos.record(first.part, first.command)) is not None:
                recorded.append((first.todos, alone))
    also = [each.name for each in others.values() if any(owner is each for owner, _ in recorded)]
    return todos.answer([commit for owner, commit in recorded if owner is todos], also=also)


def _bring_home(here: _Side, there: _Side, commit: Commit, way: Way, move: Move) -> tuple[Half, Half]:
    """What brings the todos of a commit that moved them to the list that they belong to after a step.

    Args:
        here: The list that the step was chosen in, and that holds the commit.
        there: The other list of the move.
        commit: One half of the move.
        way: Undo or redo.
        move: The move.

    Returns:
        The half that brings them, which is to be recorded first, and the half that takes them from the other list.

    Raises:
        Rejected: One of them is not where the step left it, or was changed there.
    """
    twin = next((each for each in there.backward() if each.metadata.command == commit.metadata.command), None)
    streams = dict.fromkeys(event.stream for half in (commit, twin) if half is not None for event in half.events)
    home, away = (here, there) if way.home(move) == here.todos.log.id else (there, here)
    arriving: dict[str, list[TodoEvent]] = {}
    leaving: dict[str, list[TodoEvent]] = {}
    refused: dict[int, str] = {}
    for stream in streams:
        at_home, elsewhere = home.state(stream), away.state(stream)
        number = here.number(stream)
        if elsewhere is None and at_home is not None and at_home.removed:
            arriving[stream] = [TodoRestored()]  # the other list was damaged, and a repair could not bring it back
            continue
        if elsewhere is None or elsewhere.removed:
            if at_home is None or at_home.removed:
                refused[number] = f"it is neither in {home.todos.name} nor in {away.todos.name} now"
            continue
        if at_home is None or events_between(replace(at_home, removed=False), elsewhere):
            refused[number] = f"it was changed in {away.todos.name}, where it is {away.number(stream)}: undo that first"
            continue
        if at_home.removed:
            arriving[stream] = [TodoRestored()]
        leaving[stream] = [TodoRemoved()]
    if refused:
        raise Rejected(f"@{commit.position} can't be {way.past}: {by_reason(refused)}")
    if not arriving and not leaving:
        raise Rejected(f"@{commit.position} can't be {way.past}: its todos are in {home.todos.name} already")
    home.arrive(arriving)
    away.leave(leaving, home.todos.name)
    taken = {here: commit, **({there: twin} if twin is not None and _is_to_take(there, way, twin) else {})}
    direction = move.reversed if way is UNDO else move
    command = new_command()
    halves = [
        Half(side.todos, (changes, {**(_meta(way, taken[side]) if side in taken else {}), **direction.meta}), command)
        for side, changes in ((home, arriving), (away, leaving))
    ]
    return halves[0], halves[1]


def _is_to_take(side: _Side, way: Way, commit: Commit) -> bool:
    """Whether a commit is in force, for undo, or is not, for redo."""
    return any(commit.position in step for step in undo_steps(side.backward())) == (way is UNDO)
