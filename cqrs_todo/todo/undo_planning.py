"""What undo and redo plan with: the direction, and the states of a list after the steps that are planned so far."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain

from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError
from ..cqrs.events import FORGOTTEN, MERGED, REDOES, UNDOES, Commit
from ..cqrs.fold import Fold
from ..cqrs.steps import Step, commits_of, in_force, redo_events, redo_steps, undo_events, undo_steps
from ..cqrs.struct import Struct, replace
from .errors import InNoList, Obstacle, StepRefused
from .events import TodoEvent
from .fields import State
from .model import DECIDER, evolve
from .recorder import TYPES, Recorder, refusals_in_words
from .views import Move, as_asked, move_of

_WITHOUT_EFFECT = (FORGOTTEN, MERGED)
"""The types of the events of which nothing can be undone or redone."""


def with_effect(commit: Commit) -> Commit:
    """Return a commit with only those of its events that can be undone or redone, and that its command asked for.

    Its position may be another one then.
    """
    commit = as_asked(commit)
    return replace(commit, events=tuple(event for event in commit.events if event.type not in _WITHOUT_EFFECT))


class Direction(Struct, frozen=True):
    """Undo or redo, and what differs between the two.

    Args:
        verb: Its name in messages.
        past: The past participle of its name.
        key: The key in a commit's `meta` for the commits that it undoes or redoes.
        steps: Takes commits, newest first, and yields the steps that can be undone or redone.
        invert: Takes a decider and commits, and returns the events that undo or redo them, by stream.
    """

    verb: str
    past: str
    key: str
    steps: Callable[[Iterable[Commit]], Iterator[Step]]
    invert: Callable[..., dict[str, list[TodoEvent]]]

    def events(self, commits: Iterable[Commit]) -> dict[str, list[TodoEvent]]:
        """Return the events that undo or redo commits, by stream."""
        return self.invert(DECIDER, [with_effect(commit) for commit in commits])

    def home(self, move: Move) -> str:
        """Return the id of the log that the todos of a move are in afterwards."""
        return move.source if self.key == UNDOES else move.target

    def refusal(self, commit: Commit, why: str, obstacles: Collection[Obstacle] = ()) -> StepRefused:
        """Return the error for a commit that cannot be undone or redone.

        Args:
            commit: The commit.
            why: What is in the way, in words.
            obstacles: The same, as far as more is known.
        """
        return StepRefused(commit.position, self.verb, self.past, why, obstacles)


def _is_gone(state: State) -> bool:
    return state is None or state.removed


UNDO = Direction("undo", "undone", UNDOES, undo_steps, undo_events)
REDO = Direction("redo", "redone", REDOES, redo_steps, redo_events)


class ListState:
    """One list, with the states of its todos after the steps that are planned so far."""

    def __init__(self, todos: Recorder, fold: Fold[State]) -> None:
        """Start with the present list.

        Args:
            todos: The list.
            fold: Its fold.
        """
        self.todos = todos
        self._fold = fold
        self._states: dict[str, State] = {}
        # by stream, where the planned steps moved todos to: the name of a list, or '' for this list
        self._moved: dict[str, str] = {}
        self._planned: dict[str, bool] = {}  # by the ids of the commands of the planned steps, whether they are undone
        self._removing: dict[str, Commit] = {}  # by stream, the commit whose step removes a todo
        self._doers: dict[str, Commit] = {}
        self._undoable = in_force(self.backward(), without_effect=True)

    def backward(self) -> Iterator[Commit]:
        """Return the commits up to the fold, newest first, without what others append meanwhile."""
        return self.todos.log.commits_backward(Cursor(self._fold.position))

    def commits_of(self, commands: Iterable[str]) -> dict[str, Commit]:
        """Return the commits of this list with some command ids; see `timeline.commits_of`."""
        return commits_of(self.backward(), commands)

    def doer(self, command: str) -> Commit | None:
        """Return the commit that did a command in force, or redid it last; None if the command is not in force.

        The list is read only as far back as that commit.
        """
        while command not in self._doers and (found := next(self._undoable, None)) is not None:
            self._doers.update(dict.fromkeys(found[1], found[0]))
        return self._doers.get(command)

    def state(self, stream: str) -> State:
        """Return the state of a todo after the planned steps."""
        if stream not in self._states:
            entity = self._fold.get(stream)
            self._states[stream] = None if entity is None else entity.state
        return self._states[stream]

    def number(self, stream: str) -> int:
        """Return the number of a todo, or 0 if it was never in this list."""
        entity = self._fold.get(stream)
        return 0 if entity is None else entity.number

    def apply_step(self, commit: Commit, direction: Direction) -> dict[str, list[TodoEvent]]:
        """Plan to undo or redo a commit that only this list recorded.

        Args:
            commit: The commit.
            direction: Undo or redo.

        Returns:
            The events that undo or redo it, by stream.

        Raises:
            StepRefused: A todo was moved to another list, where these events would have no effect. Or what they change is
                not what the commit left, because it was changed while the todo was in another list.
        """
        changes = direction.events([commit])
        absent = {stream for stream in changes if self._is_removed(stream)}
        # a todo that is here now, and that a planned step removes, was restored after it had been moved: see `check_places`
        gone = {stream for stream in absent if (entity := self._fold.get(stream)) is None or _is_gone(entity.state)}
        moved = {**self.todos.lists_moved_to(self._fold, gone - set(self._moved)), **self._moved}
        refused: dict[int, str] = {}
        for stream, events in changes.items():
            if stream in absent and moved.get(stream):
                refused[self.number(stream)] = f"it was moved to {moved[stream]}: bring it back first"
            elif not self._fits(stream, events):
                refused[self.number(stream)] = f"what @{commit.position} changed was changed again in another list"
        if refused:
            raise direction.refusal(commit, refusals_in_words(refused))
        self._apply(changes)
        self.note_step(commit, direction)
        self._removing.update({stream: commit for stream in changes if stream not in absent and self._is_removed(stream)})
        return changes

    def note_step(self, commit: Commit, direction: Direction) -> None:
        """Take note that undoing or redoing a commit is planned."""
        self._planned[commit.metadata.command] = direction is UNDO

    def _is_removed(self, stream: str) -> bool:
        state = self.state(stream)
        return state is not None and state.removed

    def check_places(self, direction: Direction, sides: Collection["ListState"]) -> None:
        """Check that no todo is in no list after all steps, although another machine has moved it.

        A newer restoration has brought it back from there. If that is undone, the move does not bring it there again.

        Args:
            direction: Undo or redo.
            sides: All lists that steps are planned in.

        Raises:
            InNoList: That would be so.
        """
        removed = [stream for stream in self._removing if self._is_removed(stream) and not self._moved.get(stream)]
        if not removed or not any(map(move_of, self.backward())):
            return
        from ..cqrs.stores.merging import with_wanted  # few lists have moves
        from .merging import RULES, move_instead

        commits = [with_wanted(commit, TYPES, RULES) for commit in self.backward()][::-1]
        for stream in removed:
            move = move_instead(commits, stream, self._planned)
            if move is not None and self.elsewhere(stream, sides) is None:
                other = self.todos.open_other(move.target, move.target_name)
                name = move.target_name if other is None else other.name
                position, number = self._removing[stream].position, self.number(stream)
                archived = other is None and name in self.todos.store.names(archived=True)
                raise InNoList(position, direction.verb, direction.past, number, name, archived=archived)

    def elsewhere(self, stream: str, sides: Collection["ListState"]) -> "ListState | None":
        """Return another list that a todo is in: after the steps in those of `sides`, and now in those that have none."""
        found = (side for side in chain(sides, self._others(sides)) if side is not self)
        return next((side for side in found if not _is_gone(side.state(stream))), None)

    def _others(self, sides: Collection["ListState"]) -> Iterator["ListState"]:
        """Yield the lists in use that are not in `sides`, except those that cannot be read."""
        planned = {self.todos.log.id, *(side.todos.log.id for side in sides)}
        for name in self.todos.store.names():
            with suppress(CqrsError):
                id = self.todos.store.open(name).id
                if id not in planned and (other := self.todos.open_other(id, name)) is not None:
                    yield ListState(other, other.repository.fold())

    def _fits(self, stream: str, events: Sequence[TodoEvent]) -> bool:
        """Return whether each event changes the present state, and its inverse leads back to this state."""
        state = self.state(stream)
        for event in events:
            after = evolve(state, event)
            if after == state or evolve(after, DECIDER.inverse(event)) != state:
                return False
            state = after
        return True

    def arrive(self, changes: dict[str, list[TodoEvent]]) -> None:
        """Plan that todos are brought to this list by these events."""
        self._apply(changes)
        self._moved.update(dict.fromkeys(changes, ""))

    def leave(self, changes: dict[str, list[TodoEvent]], target: str) -> None:
        """Plan that todos leave this list by these events, for the list named `target`."""
        self._apply(changes)
        self._moved.update(dict.fromkeys(changes, target))

    def _apply(self, changes: dict[str, list[TodoEvent]]) -> None:
        for stream, events in changes.items():
            for event in events:
                self._states[stream] = evolve(self.state(stream), event)
