"""Which commits to play, in which direction, and the list at each of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from ..cqrs.events import Commit, Moment
from ..cqrs.fold import Fold
from ..cqrs.playback import earlier_commits, later_commits
from ..cqrs.struct import Struct
from ..cqrs.timeline import as_of
from ..todo.fields import State
from ..todo.service import TodoList, View
from ..todo.views import items_of
from .session import Session


class Range(Struct, frozen=True):
    """Commits to play.

    Args:
        low: The position of the last event before them.
        high: The position of the last event in them.
        backward: Whether to begin with the last one.
    """

    low: int
    high: int
    backward: bool = False

    @property
    def direction(self) -> Literal["forward", "backward"]:
        """The direction, as the JSON documents name it."""
        return "backward" if self.backward else "forward"


def read_range(session: Session, start: str | None, end: str | None) -> Range:
    """Read the moments between which to play. A start that is later than the end plays backward.

    Both ends are included: a day, for instance, with all that was recorded in it.

    Args:
        session: This run of the program.
        start: Where to start; None for the first commit.
        end: Where to end; None for the last commit.

    Raises:
        UsageError: One of them is not a moment.
        NotYet: One of them is a time in the future.
        EventNotFound: One of them is a position that the list does not have.
        ListNotFound: The list does not exist.
    """
    todos = session.list
    low = 0 if start is None else _before(todos, session.beginning_of(start))
    high = todos.view(None if end is None else session.moment_of(end)).position
    if low >= high and start is not None and end is not None:
        last = todos.view(session.moment_of(start)).position
        first = _before(todos, session.beginning_of(end))
        if first < last:
            return Range(first, last, backward=True)
    return Range(low, high)


def _before(todos: TodoList, moment: Moment) -> int:
    """Return the position of the last event before a moment, whose own commit comes after it."""
    if isinstance(moment, datetime):
        return todos.view(moment - timedelta(microseconds=1)).position
    commit = next(todos.history(moment), None)
    return 0 if commit is None else commit.position - 1


def frames(todos: TodoList, played: Range) -> Iterator[tuple[Commit, View]]:
    """Read the commits of a range, each with the list after it, in the direction of the range."""
    repository = todos.repository
    fold, _ = as_of(repository, played.high if played.backward else played.low)
    fold.load()
    if played.backward:
        for commit in earlier_commits(repository, played.high):
            if commit.position <= played.low:
                return
            yield commit, view_of(todos, fold, commit)
            fold.undo(commit)
        return
    for commit in later_commits(repository, played.low):
        if commit.position > played.high:
            return
        fold.apply(commit)
        yield commit, view_of(todos, fold, commit)


def view_of(todos: TodoList, fold: Fold[State], commit: Commit) -> View:
    """Return the list as a fold has it after a commit."""
    return View(todos.name, fold.position, commit.metadata.at, tuple(items_of(fold)))
