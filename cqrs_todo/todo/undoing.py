"""Undo and redo, in one list or in two lists at once.

A step is what one command recorded: one commit, or all commits of a batch. Undoing a step appends the inverses of its
events, and redoing it appends the events again.

A step that moved todos is undone or redone in both lists or in neither. What is appended then depends on where the todos
are, not on what was recorded: undo brings the todos back to the list that they came from, and redo to the list that they
went to. Both are refused if a todo is not where the step left it, or was changed there. So a todo is always in exactly one
of the two lists.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice, takewhile
from typing import TypeAlias

from ..cqrs.errors import LogBusy
from ..cqrs.events import BATCH, FORGOTTEN, LOST, MADE, MERGED, REDOES, UNDOES, Commit, UnknownEvent, marked
from ..cqrs.fold import Fold
from ..cqrs.ids import new_command_id
from ..cqrs.replication.registers import CREATION
from ..cqrs.steps import Positions, Step, batch_of, in_force, undo_steps
from ..cqrs.struct import replace
from .batches import CommitContent, fits_one_commit, note_earlier_commits
from .errors import (
    CannotUndo,
    ChangedAfterMove,
    ChangedByOthers,
    ChangedLater,
    EventNotFound,
    MovedElsewhere,
    NotInForce,
    Obstacle,
    WithoutEffect,
)
from .events import TodoEvent, TodoRemoved, TodoRestored
from .fields import State
from .model import events_between, field_of
from .moves import BROUGHT_AGAIN, Half, half_stamper, record_all
from .recorder import Answer, Recorder, refusals_in_words, with_lists
from .undo_planning import REDO, UNDO, Direction, ListState, with_effect
from .views import Move, as_asked, companions_of, move_of

Choose: TypeAlias = Callable[[ListState], Sequence[Step]]
"""Chooses the steps to undo or redo, in the order in which they are undone or redone."""


def undo(todos: Recorder, count: int = 1, *, own: bool = False) -> Answer:
    """Undo the last commands of a list.

    Args:
        todos: The list.
        count: How many commands to undo. If there are fewer, all of them are undone.
        own: Whether to undo only what the author of this list did, because the list is synced, and others change it, too.

    Returns:
        The answer of this list. Its `also` names the other lists in which the other half of a move was undone.

    Raises:
        CannotUndo: There is nothing to undo, or a moved todo is not where it was moved to, or was changed there. Nothing was
            recorded.
        CqrsError: What reading and appending raise.
    """
    return _apply_steps(todos, UNDO, lambda side: _last_steps(side, UNDO, count, own=own))


def redo(todos: Recorder, count: int = 1) -> Answer:
    """Redo the last commands of a list that were undone. Arguments, result and errors are those of `undo`."""
    return _apply_steps(todos, REDO, lambda side: _last_steps(side, REDO, count))


def undo_at(todos: Recorder, position: int) -> Answer:
    """Undo only the command that recorded the event at a position.

    Args:
        todos: The list.
        position: The position of one of the events that the command recorded.

    Returns:
        The answer of this list, as for `undo`.

    Raises:
        EventNotFound: There is no such event.
        CannotUndo: The command is not in force. Or later commands that are in force changed the same fields; the text names
            them. Nothing was recorded.
        CqrsError: What reading and appending raise.
    """
    return _apply_steps(todos, UNDO, lambda side: [_step_with(side, position)])


def _last_steps(side: ListState, direction: Direction, count: int, *, own: bool = False) -> list[Step]:
    since = "the sync" if own else "a merge"
    own = own or (direction is UNDO and _has_merged(side))
    all_steps = undo_steps(side.backward(), without_effect=True) if direction is UNDO else direction.steps(side.backward())
    found = _own_steps(side, all_steps) if own else all_steps
    found = _remembered(side, found) if side.todos.log.forgotten else found
    steps = list(islice(found, count))
    if not steps:
        why = ": what was forgotten cannot come back" if side.todos.log.forgotten else ""
        if own and next(direction.steps(side.backward()), None) is not None:
            raise CannotUndo(f"{side.todos.author} has nothing to undo here; a change of others is undone by its position")
        raise CannotUndo(f"there is nothing to {direction.verb}{why}")
    if direction is REDO:
        return steps
    commits = side.commits_of(command for step in steps for command in step)
    changed = _changed_by_others(side, min((each.position for each in commits.values()), default=0)) if own else {}
    in_the_way = _in_the_way(side, [_known(commits, step) for step in steps]) if own else {}
    for newer, step in enumerate(steps):
        has_effect = _has_effect(side, _known(commits, step), changed)
        if has_effect and newer not in in_the_way:
            continue
        changed = _changed_by_others(side, 0) if own else {}
        older = (_known(side.commits_of(each), each) for each in chain(steps[newer + 1 :], found))
        earlier = next((each for each in older if _has_effect(side, each, changed)), [])
        position = min((commit.position for commit in earlier), default=None)
        position = None if own and _in_the_way(side, [earlier]) else position
        if has_effect:
            created = _created(side, _known(commits, step))
            later = in_the_way[newer]
            doers = [side.doer(commit.metadata.command) or commit for commit in later]
            authors = list(dict.fromkeys(doer.metadata.by for doer in doers))
            raise ChangedByOthers(_known(commits, step), later, authors, newer=newer, earlier=position, created=created)
        what = f"{'your' if own else 'the'} {'change' if newer else 'last change'}, {{}},"
        raise WithoutEffect(_known(commits, step), what=what, since=since, newer=newer, earlier=position)
    return [_without_lost(side, commits, step) for step in steps]


def _created(side: ListState, commits: Iterable[Commit]) -> list[int]:
    """Return the numbers of the todos that commits created, and that are not removed."""
    streams = (stream for stream, field in _fields(commits) if field == CREATION)
    return [side.number(stream) for stream in streams if (state := side.state(stream)) is not None and not state.removed]


def _known(commits: Mapping[str, Commit], step: Step) -> list[Commit]:
    """Return the commits of a step, as far as they are known."""
    return [commits[command] for command in step if command in commits]


def _has_effect(side: ListState, commits: Sequence[Commit], changed: Mapping[tuple[str, str], int]) -> bool:
    """Return whether a step has an effect: not all of it lost in a merge, and others have not changed all of its fields.

    Args:
        side: The list.
        commits: The commits of the step.
        changed: By stream and field, the position at which others changed it last.
    """
    if all(_has_lost(side, commit) for commit in commits):
        return not commits  # what names an unknown commit is refused later on
    if not changed or any(move_of(commit) is not None for commit in commits):
        return True
    fields = _fields(commits)
    created = {stream for stream, field in fields if field == CREATION}
    if any(not ((state := side.state(stream)) is None or state.removed) for stream in created):
        return True
    fields = {(stream, field) for stream, field in fields if stream not in created}
    fields |= {(stream, field_of(TodoRemoved())) for stream in created}
    doers = (side.doer(commit.metadata.command) or commit for commit in commits)
    newest = max(commit.position for commit in doers)
    # what holds only unknown events is refused later on
    return not fields or any(changed.get(field, 0) < newest for field in fields)


def _changed_by_others(side: ListState, since: int) -> dict[tuple[str, str], int]:
    """Return which fields others changed, and no undo of that is in force: by stream and field, the last position of those.

    Args:
        side: The list.
        since: The position from which on changes count.
    """
    later = takewhile(lambda found: found[0].position > since, in_force(side.backward()))
    by_others = (found for found in later if found[0].metadata.by != side.todos.author)
    places = {command: commit.position for commit, commands in by_others for command in commands}
    changed: dict[tuple[str, str], int] = {}
    for command, commit in side.commits_of(places).items():
        for field in _fields([commit]):
            changed[field] = max(places[command], changed.get(field, 0))
    return changed


def _has_lost(side: ListState, commit: Commit) -> bool:
    """Return whether a merge has left a commit without effect.

    A removal that came to nothing, because another machine had removed the todo already, is still one half of a move if the
    todo is where the other half has brought it.
    """
    if with_effect(commit).events or _is_forgotten(commit):
        return False
    twin = _half_elsewhere(side.todos, commit)
    if twin is None:
        return True
    there, brought = twin
    fold = there.repository.fold()
    states = (entity.state for event in brought.events if (entity := fold.get(event.stream)) is not None)
    return all(state is None or state.removed for state in states)


def _half_elsewhere(todos: Recorder, commit: Commit) -> tuple[Recorder, Commit] | None:
    """Return the other half of a move, as far as it has an effect, and its list; None if there is none."""
    move = _move_of(todos, commit)
    if move is None:
        return None
    left = move.source == todos.log.id
    other = todos.open_other(*((move.target, move.target_name) if left else (move.source, move.source_name)))
    found = None if other is None else other.log.find_command(commit.metadata.command)
    if other is None or found is None or not (found := with_effect(found)).events:
        return None
    return other, found


def _without_lost(side: ListState, commits: Mapping[str, Commit], step: Step) -> Step:
    """Return a step without the commits that a merge has left without effect.

    Args:
        side: The list.
        commits: The commits by their command ids, as far as they are known.
        step: The step.
    """
    return tuple(command for command in step if command not in commits or not _has_lost(side, commits[command]))


def _fields(commits: Iterable[Commit]) -> set[tuple[str, str]]:
    """Return the fields that commits changed, each with the stream. Events that this program does not know are left out."""
    return {
        (event.stream, field_of(event.data))
        for commit in commits
        for event in with_effect(commit).events
        if not isinstance(event.data, UnknownEvent)
    }


def _has_merged(side: ListState) -> bool:
    """Return whether a merge has put commits of others behind the last one of the author, who does not mean those."""
    for commit in side.backward():
        if MADE in commit.metadata.meta:
            return True
        if commit.metadata.by == side.todos.author:
            break
    return False


def _own_steps(side: ListState, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield those of some steps that the author of this list did, or redid last."""

    def is_own(command: str) -> bool:
        doer = side.doer(command)
        return doer is not None and doer.metadata.by == side.todos.author

    return (step for step in steps if all(map(is_own, step)))


def _remembered(side: ListState, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps without the commits of which all was forgotten. A step that has no others is left out."""
    for step in steps:
        gone = {command for command, commit in side.commits_of(step).items() if _is_forgotten(commit)}
        if remaining := tuple(command for command in step if command not in gone):
            yield remaining


def _is_forgotten(commit: Commit) -> bool:
    return all(event.type == FORGOTTEN for event in commit.events)


def _step_with(side: ListState, position: int) -> Step:
    """Return the step in force that recorded the event at a position."""
    name = side.todos.name
    commit = next((each for each in side.backward() if each.position <= position), None)
    if commit is None or position > commit.last:
        raise EventNotFound(position, name, None if commit is None else commit.last)
    if _is_forgotten(commit):
        raise CannotUndo(f"@{commit.position} cannot be undone: what it changed was forgotten")
    steps = undo_steps(side.backward(), without_effect=True)
    step = next((step for step in steps if commit.metadata.command in step), None)
    if step is None or _has_lost(side, commit):
        raise _not_in_force(side, commit, position)
    return _without_lost(side, side.commits_of(step), step)


def _not_in_force(side: ListState, commit: Commit, position: int) -> CannotUndo:
    """Return why a commit cannot be undone, and whether it can be redone.

    Args:
        side: The list.
        commit: The commit.
        position: The position that the person named, of one of the events of the commit.
    """
    name = f"@{commit.position}"
    if position != commit.position:
        name = f"@{position} belongs to {name}, which"
    commands: tuple[str, ...] = (commit.metadata.command,)
    of = is_a = ""
    for key, noun in ((UNDOES, "undo"), (REDOES, "redo")):
        if found := marked(commit.metadata, key):
            commands, is_a = found, noun
            of = ", ".join(f"@{each.position}" for each in side.commits_of(found).values())
            name += f" is {'an' if noun == 'undo' else 'a'} {noun} of {of}"
    undone = None if is_a == "undo" else _undo_of(side, commands)
    if undone is not None:
        already = f"is undone already, by @{undone.position}"
        return _with_ways(side, f"{name}, which {already}" if is_a else f"{name} {already}", commands, is_a)
    if not is_a and _has_lost(side, commit):
        return WithoutEffect([commit], since="a merge")
    why = "; it cannot be undone by its position" if is_a else " holds nothing that can be undone"
    return _with_ways(side, name + why, commands, is_a)


def _undo_of(side: ListState, commands: Sequence[str]) -> Commit | None:
    """Return the commit that undid all of some commands last; None if there is none, or a redo of one came later."""
    for commit in side.backward():
        if not set(commands).isdisjoint(marked(commit.metadata, REDOES)):
            return None
        if set(commands).issubset(marked(commit.metadata, UNDOES)):
            return commit
    return None


def _with_ways(side: ListState, message: str, commands: Sequence[str], is_a: str) -> NotInForce:
    """Return the error for commands that a person named, directly or by an undo or a redo. It says what helps instead."""

    def place(direction: Direction) -> tuple[int, Collection[str]]:
        steps = _remembered(side, direction.steps(side.backward()))
        numbered = ((number, step) for number, step in enumerate(steps, 1) if not set(commands).isdisjoint(step))
        return next(numbered, (0, commands))

    redone_by, step = place(REDO)
    undone_by, step = place(UNDO) if not redone_by else (0, step)
    positions = [each.position for each in side.commits_of(set(commands) & set(step)).values()]
    return NotInForce(message, min(positions, default=1), is_a=is_a, redone_by=redone_by, in_force=undone_by > 0)


def _apply_steps(todos: Recorder, direction: Direction, choose: Choose) -> Answer:
    """Undo or redo the steps that are chosen. Steps that also concern other lists are planned again while all are locked."""
    todos.check_exists()
    others: dict[str, Recorder] = {}

    def plan(fold: Fold[State]) -> list[CommitContent]:
        fold.depend_on_everything()  # which command is the last one depends on all commits
        side = ListState(todos, fold)
        steps = _commits_of(side, choose(side))
        others.update(_other_lists(todos, steps))
        return [] if others else _plan_here(side, direction, steps)

    answer = todos.transact(plan, one_commit_each=True)
    if not others:
        return answer
    work = partial(_apply_in_several_lists, todos, others, direction, choose)
    return todos.together(list(others.values()), work, finds_request=True)


def _commits_of(side: ListState, steps: Sequence[Step]) -> list[list[Commit]]:
    """Return the commits of each step.

    Raises:
        CannotUndo: A step names a commit that does not exist, or has events that this program does not know.
    """
    wanted = {command for step in steps for command in step}
    found = side.commits_of(wanted)
    if absent := wanted - set(found):
        raise CannotUndo(f"a commit undoes or redoes the command {min(absent)}, which is not in {side.todos.name}")
    for step in steps:
        commits = [found[command] for command in step]
        is_merged = all(event.type == MERGED for commit in commits for event in commit.events)
        # its undo may have an effect, so that there is something to redo
        if is_merged and all(_half_elsewhere(side.todos, commit) is None for commit in commits):
            raise CannotUndo(f"@{commits[0].position} has had no effect since a merge, so there is nothing to undo or redo")
    for commit in found.values():
        unknown = [event.type for event in with_effect(commit).events if isinstance(event.data, UnknownEvent)]
        if LOST in unknown:
            raise CannotUndo(
                f"@{commit.position} contains what was lost when the log was damaged: it cannot be undone or redone"
            )
        if unknown:
            raise CannotUndo(f"@{commit.position} contains {unknown[0]}, which a newer version wrote: update this program")
    return [[found[command] for command in step] for step in steps]


def _other_lists(todos: Recorder, steps: Iterable[Sequence[Commit]]) -> dict[str, Recorder]:
    """Return the other lists that steps moved todos to or from, or were recorded in, by the ids of their logs.

    Raises:
        CannotUndo: One of these lists is not in use, or cannot be read.
    """
    others: dict[str, Recorder] = {}
    for commit in (commit for step in steps for commit in step):
        move = _move_of(todos, commit)
        if move is None:
            needed = companions_of(commit)
            what = f"was recorded together with a change of {', '.join(needed.values())}"
        else:
            needed = {move.source: move.source_name, move.target: move.target_name}
            what = f"moved todos from {move.source_name} to {move.target_name}"
        for id, name in needed.items():
            if id in others or id == todos.log.id:
                continue
            other = todos.open_other(id, name)
            if other is None:
                raise CannotUndo(
                    f"@{commit.position} {what}, and the list that was called {name} then is archived, missing or damaged:"
                    " unarchive or repair it first"
                )
            others[id] = other
    return others


def _move_of(todos: Recorder, commit: Commit) -> Move | None:
    """Return the move that a commit is one half of, with the ids that the lists have now. None for any other commit.

    A list gets another id when it is joined with another one. So the other list is known by the other half, too.
    """
    move = move_of(commit)
    if move is None:
        return None
    here = todos.log.id
    joined = here not in (move.source, move.target)
    removes = all(isinstance(event.data, TodoRemoved) for event in with_effect(commit).events)
    left = here == move.source or (joined and removes)
    id, name = (move.target, move.target_name) if left else (move.source, move.source_name)
    other = todos.open_other(id, name) or todos.open_other_with(commit.metadata.command, name)
    there = id if other is None else other.log.id
    return replace(move, source=here, target=there) if left else replace(move, source=there, target=here)


# steps of one list


def _plan_here(side: ListState, direction: Direction, steps: Sequence[Sequence[Commit]]) -> list[CommitContent]:
    """Plan to undo or redo steps that only this list recorded.

    Returns:
        The content of one commit. If the steps are large, or some are batches: one content for each of their commits.
    """
    if direction is UNDO:
        _check_later(side, steps)
    commits = [commit for step in steps for commit in step]
    for commit in commits:
        side.apply_step(commit, direction)
    side.check_places(direction, [side])
    if not any(batch_of(commit.metadata) for commit in commits):
        changes = direction.events(commits)
        if fits_one_commit(changes):
            return [(changes, {direction.key: [commit.metadata.command for commit in commits]})]
    return [(direction.events([commit]), _meta(direction, commit)) for commit in commits]


def _meta(direction: Direction, commit: Commit) -> dict[str, object]:
    """Return the `meta` of the commit that undoes or redoes a commit. It is part of the same batch, if there is one."""
    meta: dict[str, object] = {direction.key: [commit.metadata.command]}
    return meta if BATCH not in commit.metadata.meta else {**meta, BATCH: commit.metadata.meta[BATCH]}


def _check_later(side: ListState, steps: Sequence[Sequence[Commit]]) -> None:
    """Check that no later commit in force changed the same fields or moved the same todos.

    Raises:
        ChangedLater: There are such commits; the text names them.
    """
    for number, later in _in_the_way(side, steps).items():
        raise ChangedLater(steps[number], later)


def _in_the_way(side: ListState, steps: Sequence[Sequence[Commit]]) -> dict[int, Sequence[Commit]]:
    """Return the later commits in force that changed the same fields as steps, or moved the same todos.

    Args:
        side: The list.
        steps: The steps. They are no obstacle to one another.

    Returns:
        The commits, the last one at the end, by the places of the steps that have such commits.
    """
    if not _later_conflicts(side, steps, steps):  # few have any, so the log is read once
        return {}
    found = {number: _later_conflicts(side, [step], steps) for number, step in enumerate(steps)}
    return {number: later for number, later in found.items() if later}


def _later_conflicts(
    side: ListState, steps: Sequence[Sequence[Commit]], chosen_steps: Iterable[Iterable[Commit]]
) -> Sequence[Commit]:
    """Return the commits in force, other than the chosen ones, that conflict with the fields of steps and are later."""
    chosen = {commit.metadata.command for step in chosen_steps for commit in step}
    pending = {commit.metadata.command for step in steps for commit in step}
    # the parts of a batch may have other commits between them
    first_of_batches = min((commit.position for step in steps if len(step) > 1 for commit in step), default=None)
    positions = Positions(side.backward())
    later: list[str] = []
    for step in undo_steps(side.backward(), without_effect=True):  # one half of a move may have none
        pending.difference_update(step)
        is_behind = first_of_batches is not None and (positions.of(step[0]) or 0) > first_of_batches
        if chosen.isdisjoint(step) and (pending or is_behind):
            later += step
        if not pending and not is_behind:
            break
    # moves are checked in `_bring_home`, by where the todos are
    fields = _fields(commit for step in steps for commit in step if _move_of(side.todos, commit) is None)
    found = side.commits_of(later).values() if fields else ()
    return sorted((commit for commit in found if _conflicts(commit, fields)), key=lambda commit: commit.position)


def _conflicts(commit: Commit, fields: set[tuple[str, str]]) -> bool:
    streams = {stream for stream, _ in fields}
    for event in as_asked(commit).events:
        if event.stream not in streams or event.type == MERGED:
            continue
        if isinstance(event.data, UnknownEvent) or (event.stream, CREATION) in fields or move_of(commit) is not None:
            return True
        if (event.stream, field_of(event.data)) in fields:
            return True
    return False


# steps of two lists


def _apply_in_several_lists(todos: Recorder, others: dict[str, Recorder], direction: Direction, choose: Choose) -> Answer:
    """Undo or redo steps, some of which moved todos, while nobody else can write to any of the lists.

    All steps are planned before the first one is recorded. Each is planned on the states that the steps before it lead to.
    """
    sides = {each.log.id: ListState(each, each.repository.fold()) for each in (todos, *others.values())}
    for each in (todos, *others.values()):
        each.check_undamaged("; nothing was recorded")
    request = todos.request
    if request is not None:
        if (earlier := request.find(todos)) is not None:
            return todos.answer_again(earlier)
        request.check(todos, todos.repository.last_fold(), None)
    here = sides[todos.log.id]
    planned: list[Sequence[Half]] = []
    steps = _commits_of(here, choose(here))
    commands = [commit.metadata.command for step in steps for commit in step]
    if direction is UNDO:
        _check_later(here, steps)
    for step in steps:
        for commit in step:
            move = _move_of(todos, commit)
            if move is None:
                planned.append(_in_each_list(here, sides, commit, commands, direction))
                continue
            there = sides.get(move.target if move.source == todos.log.id else move.source)
            if there is None:
                raise LogBusy(f"{todos.name} was changed meanwhile; nothing was recorded")
            planned.append(_bring_home(here, there, commit, direction, move))
    for side in sides.values():
        side.check_places(direction, sides.values())
    if request is not None:
        stamp = half_stamper(request, [half for halves in planned for half in halves])
        planned = [[stamp(half, number) for half in halves] for number, halves in enumerate(planned, 1)]
    recorded: list[tuple[Recorder, Commit]] = []
    for halves in planned:
        with note_earlier_commits(0 if todos.store.atomic else len(recorded)):
            recorded += record_all(halves)
    also = [each.name for each in others.values() if any(owner is each for owner, _ in recorded)]
    return todos.answer([commit for owner, commit in recorded if owner is todos], also=also)


def _in_each_list(
    here: ListState, sides: Mapping[str, ListState], commit: Commit, commands: Sequence[str], direction: Direction
) -> list[Half]:
    """Plan to undo or redo a commit, and the commits of the same command in other lists.

    Args:
        here: The list of the commit.
        sides: All lists, by the ids of their logs.
        commit: The commit.
        commands: The ids of all commands that are undone or redone with it.
        direction: Undo or redo.
    """
    parts = {here: commit}
    for id in companions_of(commit):
        there = sides.get(id)
        if there is None:
            raise LogBusy(f"{here.todos.name} was changed meanwhile; nothing was recorded")
        twin = there.commits_of([commit.metadata.command]).get(commit.metadata.command)
        if twin is not None and _can_apply(there, direction, twin):  # a crash may have prevented it
            if direction is UNDO:
                _check_later_there(there, there.commits_of(commands).values())
            parts[there] = twin
    command = new_command_id()
    return [
        Half(
            side.todos,
            (
                side.apply_step(part, direction),
                {**_meta(direction, part), **with_lists(other.todos for other in parts if other is not side)},
            ),
            command,
        )
        for side, part in parts.items()
    ]


def _check_later_there(there: ListState, commits: Iterable[Commit]) -> None:
    """Check that no later commit of another list is in the way of undoing some of its commits."""
    try:
        _check_later(there, [[commit] for commit in commits])
    except CannotUndo as error:
        raise CannotUndo(f"in {there.todos.name}, {error}") from error


def _bring_home(here: ListState, there: ListState, commit: Commit, direction: Direction, move: Move) -> tuple[Half, Half]:
    """Plan to bring the todos of a move to the list that they belong to after undoing or redoing it.

    Args:
        here: The list that the step was chosen in, which has the commit.
        there: The other list of the move.
        commit: One half of the move.
        direction: Undo or redo.
        move: The move.

    Returns:
        The half that brings them, which must be recorded first, and the half that removes them from the other list.

    Raises:
        CannotUndo: A todo is not where the step left it, or was changed there.
    """
    twin = there.commits_of([commit.metadata.command]).get(commit.metadata.command)
    events = (event for half in (commit, twin) if half is not None for event in with_effect(half).events)
    streams = dict.fromkeys(event.stream for event in events)
    home, away = (here, there) if direction.home(move) == here.todos.log.id else (there, here)
    arriving: dict[str, list[TodoEvent]] = {}
    leaving: dict[str, list[TodoEvent]] = {}
    refused: dict[int, Obstacle] = {}
    for stream in streams:
        at_home, elsewhere = home.state(stream), away.state(stream)
        number = here.number(stream)
        if elsewhere is None and at_home is not None and at_home.removed:
            arriving[stream] = [TodoRestored()]  # the other list was damaged, and a repair could not bring it back
            continue
        if elsewhere is None or elsewhere.removed:
            if at_home is None or at_home.removed:
                refused[number] = _why_nowhere(home, away, stream, commit)
            continue
        # another machine may have changed it at home, before it learnt of the move: then it comes back as it is there
        if at_home is None or (
            events_between(replace(at_home, removed=False), elsewhere) and _is_changed_since(away, stream, commit)
        ):
            what = f"it was changed in {away.todos.name}, where it is {away.number(stream)}"
            refused[number] = _later_in(away, stream, commit, what) or Obstacle(what)
            continue
        arriving[stream] = [TodoRestored()] if at_home.removed else [*BROUGHT_AGAIN]
        leaving[stream] = [TodoRemoved()]
    if refused:
        why = {number: each.why for number, each in refused.items()}
        raise direction.refusal(commit, refusals_in_words(why), refused.values())
    if not arriving and not leaving:
        raise direction.refusal(commit, f"its todos are in {home.todos.name} already")
    home.arrive(arriving)
    away.leave(leaving, home.todos.name)
    # also a half that a merge has left without effect: otherwise what reverses it would be undone as a change of its own
    applied = {here: commit} if twin is None else {here: commit, there: twin}
    for side, half in applied.items():
        side.note_step(half, direction)
    new_move = move.reversed if direction is UNDO else move
    command = new_command_id()
    halves = [
        Half(
            side.todos, (changes, {**(_meta(direction, applied[side]) if side in applied else {}), **new_move.meta}), command
        )
        for side, changes in ((home, arriving), (away, leaving))
    ]
    return halves[0], halves[1]


def _why_nowhere(home: ListState, away: ListState, stream: str, commit: Commit) -> Obstacle:
    """Return why a todo is in neither of the lists of a move.

    Args:
        home: The list that it would be brought to.
        away: The other list.
        stream: The todo.
        commit: The half of the move.
    """
    there = home.elsewhere(stream, [away])
    if there is None:
        removed = _later_in(away, stream, commit, f"it was removed from {away.todos.name}")
        return removed or Obstacle(f"it is neither in {home.todos.name} nor in {away.todos.name} now")
    name, number = there.todos.name, there.number(stream)
    moves = (each for each in there.backward() if move_of(each) is not None)
    last = next((each for each in moves if any(event.stream == stream for event in each.events)), None)
    by = "" if last is None else f", where {last.metadata.by} moved it"
    return MovedElsewhere(f"it is in {name} now, as {number}{by}", name, number, home.todos.name)


def _later_in(side: ListState, stream: str, commit: Commit, what: str) -> Obstacle | None:
    """Return the changes in force of a todo in a list after the half of a move; None if there are none.

    Args:
        side: The list.
        stream: The todo.
        commit: The half of the move.
        what: What happened to the todo, in words.
    """
    move = commit.metadata.command
    all_steps = in_force(side.backward(), without_effect=True)
    later = takewhile(lambda found: move != found[0].metadata.command and move not in found[1], all_steps)
    commits = side.commits_of(command for _, commands in later for command in commands).values()
    changes = [each for each in commits if any(event.stream == stream for event in with_effect(each).events)]
    if not changes:
        return None
    changes.sort(key=lambda each: each.position)
    authors = ", ".join(dict.fromkeys((side.doer(each.metadata.command) or each).metadata.by for each in changes))
    positions = [each.position for each in changes]
    places = ", ".join(f"@{position}" for position in positions)
    return ChangedAfterMove(f"{what}, by {authors}: {places}", side.todos.name, positions)


def _is_changed_since(side: ListState, stream: str, commit: Commit) -> bool:
    """Return whether a todo was changed in a list after the half of a move that belongs to a commit."""
    later = takewhile(lambda each: each.metadata.command != commit.metadata.command, side.backward())
    return any(event.stream == stream for each in later for event in each.events)


def _can_apply(side: ListState, direction: Direction, commit: Commit) -> bool:
    """Return whether a commit can be undone or redone: it is in force for undo, and is not in force for redo."""
    return any(commit.metadata.command in step for step in undo_steps(side.backward())) == (direction is UNDO)
