"""Playing a log in both directions: a fold that moves forward by applying commits, and back by inverting their events."""

from collections.abc import Iterator
from itertools import dropwhile
from typing import Any, Generic

from .cursor import START, Cursor
from .decider import E, S
from .errors import StaleCursor
from .events import Commit, Recorded, UnknownEvent
from .repository import Repository
from .snapshots import nearest
from .store import whole
from .struct import Struct
from .timeline import as_of


class Transition(Struct, Generic[S], frozen=True):
    """What one event did to its entity.

    Attributes:
        event: The event.
        before: The state before it.
        after: The state after it.
    """

    event: Recorded
    before: S
    after: S


def earlier_commits(repository: Repository[S, Any, E], position: int) -> Iterator[Commit]:
    """Read the commits up to a position, newest first. It begins at the nearest snapshot after the position.

    Args:
        repository: The repository of the log.
        position: The position of the last event of a commit; 0 for none.

    Raises:
        UnreadableEvent: An event of the next commit cannot be read.
    """
    _, after = nearest(repository.snapshot_infos, position)
    snapshot = repository.snapshot(after) if after < repository.last_fold().position else None
    if snapshot is not None:
        try:
            # those that are only passed over need not be readable
            behind = dropwhile(
                lambda commit: commit.position > position, repository.log.readable_commits_backward(snapshot.cursor)
            )
            for commit in whole(behind):
                yield commit
                position = commit.position - 1
        except StaleCursor:  # the log has changed since the snapshot was taken
            pass
        else:
            return
    yield from repository.log.commits_backward(Cursor(position))


def later_commits(repository: Repository[S, Any, E], position: int) -> Iterator[Commit]:
    """Read the commits after a position, oldest first. It begins at the nearest snapshot before the position.

    Args:
        repository: The repository of the log.
        position: The position of the last event of a commit; 0 for the start of the log.

    Raises:
        UnreadableEvent: An event of the next commit cannot be read.
    """
    before, _ = nearest(repository.snapshot_infos, position)
    snapshot = repository.snapshot(before) if before else None
    if snapshot is not None:
        try:
            for commit in _whole_after(position, repository.log.readable_commits(snapshot.cursor)):
                yield commit
                position = commit.last
        except StaleCursor:  # the log has changed since the snapshot was taken
            pass
        else:
            return
    yield from _whole_after(position, repository.log.readable_commits(START))


def _whole_after(position: int, commits: Iterator[Commit]) -> Iterator[Commit]:
    """Yield the commits after a position. Those that are only passed over need not be readable."""
    return whole(dropwhile(lambda commit: commit.position <= position, commits))


class Playback(Generic[S]):
    """A position in a range of commits, which moves one commit forward or back, and the state there.

    A step takes as long as the events of its commit. Each commit is read once, when it is first needed.

    Attributes:
        fold: Every entity after the last event up to here.
    """

    def __init__(self, repository: Repository[S, Any, E], low: int, high: int, position: int) -> None:
        """Begin at a position.

        Args:
            repository: The repository of the log.
            low: The position of the last event before the range.
            high: The position of the last event in the range.
            position: Where to begin: `low`, or the position of the last event of a commit in the range.

        Raises:
            UnreadableEvent: An event up to there cannot be read. Later, whoever asks for a commit gets this error if an
                event of it cannot be read.
        """
        self.fold, _ = as_of(repository, position)
        self.fold.load()  # whoever looks at each step looks at all entities
        self._repository = repository
        self._decider = repository.decider
        self._low = low
        self._high = high
        self._behind: list[Commit] = []
        """Commits that were read, up to here, oldest first."""
        self._ahead: list[Commit] = []
        """Commits that were read, after here, newest first."""
        self._earlier = earlier_commits(repository, self.fold.position)
        self._later = later_commits(repository, self.fold.position)

    @property
    def commit(self) -> Commit | None:
        """The last commit up to here; None before the first commit of the range."""
        return self._nth_behind(1)

    @property
    def previous(self) -> Commit | None:
        """The commit before `commit`; None if it is the first one of the range."""
        return self._nth_behind(2)

    @property
    def next(self) -> Commit | None:
        """The commit after `commit`; None if it is the last one of the range."""
        if not self._ahead:
            try:
                commit = next(self._later, None)
            except BaseException:  # which ends the generator: whoever asks again must not take that for the end of the log
                self._later = later_commits(self._repository, self.fold.position)
                raise
            if commit is None or commit.position > self._high:
                return None
            self._ahead.append(commit)
        return self._ahead[-1]

    def forward(self) -> bool:
        """Apply the next commit. Returns False, and does nothing, if there is none in the range."""
        commit = self.next
        if commit is None:
            return False
        self.fold.apply(commit)
        self._behind.append(self._ahead.pop())
        return True

    def back(self) -> bool:
        """Undo the last commit. Returns False, and does nothing, if there is none in the range."""
        commit = self.commit
        if commit is None:
            return False
        if self._decider.invert is not None:
            self.fold.undo(commit)
        else:
            self.fold, _ = as_of(self._repository, commit.position - 1)
        self._ahead.append(self._behind.pop())
        return True

    def transitions(self) -> list[Transition[S]]:
        """Return what each event of the last commit did. Events of unknown type and of other entities are left out."""
        decider, commit = self._decider, self.commit
        if commit is None:
            return []
        if decider.invert is None:
            return self._transitions_forward(commit)
        found: list[Transition[S]] = []
        states: dict[str, S] = {}
        for event in reversed(commit.events):
            entity = self.fold.get(event.stream)
            if entity is None or isinstance(event.data, UnknownEvent):
                continue
            after = states.get(event.stream, entity.state)
            before = decider.initial if event.created else decider.evolve(after, decider.invert(event.data))
            states[event.stream] = before
            found.append(Transition(event, before, after))
        return found[::-1]

    def _transitions_forward(self, commit: Commit) -> list[Transition[S]]:
        """Return the same for a decider without `invert`, from the fold before the commit."""
        decider = self._decider
        fold, _ = as_of(self._repository, commit.position - 1)
        found: list[Transition[S]] = []
        states: dict[str, S] = {}
        for event in commit.events:
            if self.fold.get(event.stream) is None or isinstance(event.data, UnknownEvent):
                continue
            entity = fold.get(event.stream)
            before = states.get(event.stream, decider.initial if entity is None else entity.state)
            states[event.stream] = decider.evolve(before, event.data)
            found.append(Transition(event, before, states[event.stream]))
        return found

    def _nth_behind(self, count: int) -> Commit | None:
        while len(self._behind) < count:
            before = self._behind[0].position - 1 if self._behind else self.fold.position
            try:
                commit = next(self._earlier, None)
            except BaseException:  # as in `next`
                self._earlier = earlier_commits(self._repository, before)
                raise
            if commit is None or commit.position <= self._low:
                return None
            self._behind.insert(0, commit)
        return self._behind[-count]
