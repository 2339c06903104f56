"""Which commits to play, in which direction, and the list at each of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Literal

from ..cqrs.errors import CqrsError
from ..cqrs.events import Commit, Moment
from ..cqrs.fold import Fold
from ..cqrs.playback import Playback, Transition, earlier_commits, later_commits
from ..cqrs.steps import in_order_of_time
from ..cqrs.struct import Struct
from ..cqrs.timeline import as_of
from ..todo.fields import State
from ..todo.service import TodoList, View
from ..todo.views import items_of
from .errors import UsageError
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


def read_range(session: Session, todos: TodoList, start: str | None, end: str | None) -> Range:
    """Read the moments between which to play. A start that is later than the end plays backward.

    Both ends are included: a day, for instance, with all that was recorded in it.

    Args:
        session: This run of the program.
        todos: The list to play.
        start: Where to start; None for the first commit.
        end: Where to end; None for the last commit.

    Raises:
        UsageError: One of them is not a moment.
        NotYet: One of them is a time in the future.
        EventNotFound: One of them is a position that the list does not have.
        ListNotFound: The list does not exist.
    """
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


def read_ranges(session: Session, start: str | None, end: str | None) -> tuple[dict[TodoList, Range], CqrsError | None]:
    """Read what there is to play of the list in use, or of all lists; see `read_range`.

    Returns:
        The range of each list in which anything changed; and the error of the first other list that cannot be read, to be
        raised at the end.

    Raises:
        UsageError: With all lists, one of the moments is a position.
    """
    names: Sequence[str] = [session.list.name]
    if session.options.all_lists:
        from .positions import check_all_lists

        check_all_lists(session, start, end)
        names = session.all_names()
    ranges, failure = session.read_lists(names, lambda todos: (todos, read_range(session, todos, start, end)))
    return {todos: played for todos, played in ranges if played.low < played.high}, failure


def frames(ranges: Mapping[TodoList, Range]) -> Iterator[tuple[TodoList, Commit, View]]:
    """Read the commits of some lists by their times, each with its list after it, in the direction of the ranges."""
    if len(ranges) == 1:
        [(todos, played)] = ranges.items()
        yield from ((todos, commit, view) for commit, view in _frames(todos, played))
        return
    read = {todos: _frames(todos, played) for todos, played in ranges.items()}
    order = [todos for todos, _ in _by_time(ranges)]
    if next(iter(ranges.values())).backward:
        order.reverse()
    for todos in order:
        yield (todos, *next(read[todos]))


def _by_time(ranges: Mapping[TodoList, Range]) -> list[tuple[TodoList, Commit]]:
    """Read the commits of several lists in the order of their times."""
    lists = {todos.name: todos for todos in ranges}
    commits = {todos.name: _commits(todos, played) for todos, played in ranges.items()}
    return [(lists[name], commit) for name, commit in in_order_of_time(commits)]


def _commits(todos: TodoList, played: Range) -> Iterator[Commit]:
    later = later_commits(todos.repository, played.low)
    return takewhile(lambda commit: commit.position <= played.high, later)


def _frames(todos: TodoList, played: Range) -> Iterator[tuple[Commit, View]]:
    """Read the commits of a range of one list, each with the list after it, in the direction of the range."""
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
    for commit in _commits(todos, played):
        fold.apply(commit)
        yield commit, view_of(todos, fold, commit)


def view_of(todos: TodoList, fold: Fold[State], commit: Commit) -> View:
    """Return the list as a fold has it after a commit."""
    return View(todos.name, fold.position, commit.metadata.at, tuple(items_of(fold)))


class Film(ABC):
    """Commits that are played, one of which is shown, and the list after it.

    Attributes:
        backward: Whether to begin with the last one.
        names_lists: Whether it is about several lists, so that each frame must name its list.
        start: When the first commit was recorded.
        end: When the last commit was recorded.
    """

    backward: bool
    names_lists: bool
    start: datetime
    end: datetime

    @property
    @abstractmethod
    def todos(self) -> TodoList:
        """The list that the commit changed."""

    @property
    @abstractmethod
    def commit(self) -> Commit:
        """The commit that is shown."""

    @property
    @abstractmethod
    def previous(self) -> Commit | None:
        """The commit before it; None if it is the first one."""

    @property
    @abstractmethod
    def next(self) -> Commit | None:
        """The commit after it; None if it is the last one."""

    @abstractmethod
    def forward(self) -> bool:
        """Show the next commit. Returns False, and does nothing, if there is none."""

    @abstractmethod
    def back(self) -> bool:
        """Show the previous commit. Returns False, and does nothing, if there is none."""

    @abstractmethod
    def to_first(self) -> None:
        """Show the first commit."""

    @abstractmethod
    def to_last(self) -> None:
        """Show the last commit."""

    @abstractmethod
    def to_moment(self, text: str) -> None:
        """Show the last commit up to a moment that a person typed; the first one if the moment is before all of them.

        Raises:
            UsageError: It is not a moment.
            CqrsError: What reading the list at the moment raises.
        """

    @property
    @abstractmethod
    def playback(self) -> Playback[State]:
        """The playback of the list."""

    @property
    def view(self) -> View:
        """The list after the commit."""
        return view_of(self.todos, self.playback.fold, self.commit)

    def transitions(self) -> list[Transition[State]]:
        """Return what each event of the commit did."""
        return self.playback.transitions()


class FilmOfList(Film):
    """The commits of one list."""

    names_lists = False

    def __init__(self, session: Session, todos: TodoList, played: Range) -> None:
        """Begin with the first frame.

        Args:
            session: This run of the program.
            todos: The list.
            played: Its commits; at least one.
        """
        self.backward = played.backward
        self._session = session
        self._todos = todos
        self._range = played
        self.start = next(later_commits(todos.repository, played.low)).metadata.at
        self.end = next(earlier_commits(todos.repository, played.high)).metadata.at
        self._playback = self._at(played.high if played.backward else played.low)

    @property
    def todos(self) -> TodoList:
        """See `Film`."""
        return self._todos

    @property
    def playback(self) -> Playback[State]:
        """See `Film`."""
        return self._playback

    @property
    def commit(self) -> Commit:
        """See `Film`."""
        commit = self._playback.commit
        if commit is None:
            raise AssertionError("a frame always shows a commit")
        return commit

    @property
    def previous(self) -> Commit | None:
        """See `Film`."""
        return self._playback.previous

    @property
    def next(self) -> Commit | None:
        """See `Film`."""
        return self._playback.next

    def forward(self) -> bool:
        """See `Film`."""
        return self._playback.forward()

    def back(self) -> bool:
        """See `Film`."""
        return self._playback.previous is not None and self._playback.back()

    def to_first(self) -> None:
        """See `Film`."""
        self._playback = self._at(self._range.low)

    def to_last(self) -> None:
        """See `Film`."""
        self._playback = self._at(self._range.high)

    def to_moment(self, text: str) -> None:
        """See `Film`."""
        position = self._todos.view(self._session.moment_of(text)).position
        self._playback = self._at(min(max(position, self._range.low), self._range.high))

    def _at(self, position: int) -> Playback[State]:
        """Return the playback at a position of the range; at the first commit for the position before it."""
        playback = Playback(self._todos.repository, self._range.low, self._range.high, position)
        if playback.commit is None:
            playback.forward()
        return playback


class FilmOfLists(Film):
    """The commits of several lists, by their times. Each frame shows the list that its commit changed."""

    names_lists = True

    def __init__(self, session: Session, ranges: Mapping[TodoList, Range]) -> None:
        """Begin with the first frame.

        Args:
            session: This run of the program.
            ranges: The commits of each list; at least one.
        """
        self._session = session
        self._ranges = ranges
        self._order = _by_time(ranges)
        self.start, self.end = (self._order[place][1].metadata.at for place in (0, -1))
        self.backward = next(iter(ranges.values())).backward
        self._go(len(self._order) - 1 if self.backward else 0)

    @property
    def todos(self) -> TodoList:
        """See `Film`."""
        return self._order[self._place][0]

    @property
    def playback(self) -> Playback[State]:
        """See `Film`."""
        return self._playbacks[self.todos]

    @property
    def commit(self) -> Commit:
        """See `Film`."""
        return self._order[self._place][1]

    @property
    def previous(self) -> Commit | None:
        """See `Film`."""
        return self._order[self._place - 1][1] if self._place else None

    @property
    def next(self) -> Commit | None:
        """See `Film`."""
        return self._order[self._place + 1][1] if self._place + 1 < len(self._order) else None

    def forward(self) -> bool:
        """See `Film`."""
        if self.next is None:
            return False
        self._place += 1
        return self.playback.forward()

    def back(self) -> bool:
        """See `Film`."""
        if self.previous is None:
            return False
        left = self.playback
        self._place -= 1
        return left.back()

    def to_first(self) -> None:
        """See `Film`."""
        self._go(0)

    def to_last(self) -> None:
        """See `Film`."""
        self._go(len(self._order) - 1)

    def to_moment(self, text: str) -> None:
        """See `Film`."""
        moment = self._session.moment_of(text)
        if not isinstance(moment, datetime):
            raise UsageError("a position belongs to one list", "type a time")
        self._session.list.view(moment)  # a time in the future is refused
        places = [place for place, (_, commit) in enumerate(self._order) if commit.metadata.at <= moment]
        self._go(max(places, default=0))

    def _go(self, place: int) -> None:
        """Show the commit at a place in the order."""
        self._place = place
        positions = {todos: played.low for todos, played in self._ranges.items()}
        for todos, commit in self._order[: place + 1]:
            positions[todos] = commit.last
        self._playbacks = {
            todos: Playback(todos.repository, played.low, played.high, positions[todos])
            for todos, played in self._ranges.items()
        }


def film_of(session: Session, ranges: Mapping[TodoList, Range]) -> Film:
    """Return what is played of some lists, at its first frame. There is at least one commit."""
    if session.options.all_lists:
        return FilmOfLists(session, ranges)
    [(todos, played)] = ranges.items()
    return FilmOfList(session, todos, played)
