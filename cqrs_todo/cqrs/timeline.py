"""Time travel: the fold at an earlier moment."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile

from .cursor import START, Cursor
from .decider import C, E, S
from .errors import IncompleteStream, StaleCursor, UnreadableEvent
from .events import Commit, Moment, check_aware
from .fold import Fold
from .repository import Repository
from .snapshots import nearest
from .store import NEVER


def reached(commit: Commit, moment: Moment) -> bool:
    """Return whether a commit belongs to the state at a moment, for a caller that goes through the commits newest first."""
    return commit.position <= moment if isinstance(moment, int) else commit.metadata.at <= moment


def walk_back(fold: Fold[S], backward: Iterable[Commit], moment: Moment) -> Commit | None:
    """Move a fold back to a moment. The time this takes depends only on the events after the moment.

    Args:
        fold: The fold to change.
        backward: The commits up to the fold's position, newest first.
        moment: The moment.

    Returns:
        The last commit before the moment; None if there is none.
    """
    for commit in backward:
        if reached(commit, moment):
            return commit
        fold.undo(commit)
    return None


def as_of(repository: Repository[S, C, E], moment: Moment) -> tuple[Fold[S], Commit | None]:
    """Fold a log up to a moment.

    The fold is reached by walking back from the nearest snapshot after the moment, or from the end of the log. If the moment
    is a position and the nearest snapshot before it is closer, or if the decider has no `invert`, the fold is reached by
    walking forward from there.

    What cannot be read after the moment does not matter. Of a stream with an event that cannot be read before it, the fold
    raises the error to those who ask for the entity. This does not depend on where snapshots are, if they were taken by
    programs that could not read the event either.

    Args:
        repository: The repository of the log.
        moment: The moment. After the end of the log nothing has happened: the state is the one at the end.

    Returns:
        The fold, and the last commit in it; None if there is none. An event of it that cannot be read is an `UnknownEvent`.

    Raises:
        ValueError: The moment is a naive time.
    """
    if not isinstance(moment, int):
        check_aware("the moment", moment)
    head = repository.fold()
    invertible = repository.decider.invert is not None
    if not invertible:
        moment = _position_at(repository, head, moment)
    try:
        if isinstance(moment, int):
            return _at_position(repository, head, moment, invertible)
        return _at_time(repository, head, moment)
    except (
        StaleCursor,
        UnreadableEvent,
        IncompleteStream,
    ):  # the log has changed since the snapshot, or nobody can walk back over an event
        return _forward(repository, Fold(repository.decider), START, _position_at(repository, head, moment))


def _position_at(repository: Repository[S, C, E], head: Fold[S], moment: Moment) -> int:
    """Return the position of the last event before a moment; 0 if there is none."""
    if isinstance(moment, int):
        return moment
    return next((commit.last for commit in _backward(repository, head.position) if reached(commit, moment)), 0)


def _backward(repository: Repository[S, C, E], position: int) -> Iterator[Commit]:
    """Read the commits up to a position, newest first, as far as they can be read."""
    return repository.log.readable_commits_backward(Cursor(position))


def _at_position(
    repository: Repository[S, C, E], head: Fold[S], position: int, invertible: bool
) -> tuple[Fold[S], Commit | None]:
    before, after = nearest(repository.snapshot_infos, position)
    if invertible and min(after, head.position) - position <= position - before:
        return _back_from(repository, head, after, position)
    fold, since = _begin_at_snapshot(repository, before)
    fold, commit = _forward(repository, fold, since, position)
    if commit is None and before:  # the snapshot was taken at the position
        commit = next(_backward(repository, before), None)
    return fold, commit


def _forward(repository: Repository[S, C, E], fold: Fold[S], since: Cursor, moment: Moment) -> tuple[Fold[S], Commit | None]:
    """Walk forward from a fold to a moment, and return the last commit on the way."""
    commit = None
    for commit in takewhile(lambda commit: reached(commit, moment), repository.log.readable_commits(since)):
        fold.apply(commit)
    return fold, commit


def _at_time(repository: Repository[S, C, E], head: Fold[S], time: datetime) -> tuple[Fold[S], Commit | None]:
    start, earliest = NEVER, repository.earliest
    for info in reversed(repository.snapshot_infos):
        if earliest is not None and earliest <= time:
            break
        # all commits after this snapshot were recorded after that time
        start, earliest = info.position, info.earliest
    return _back_from(repository, head, start, time)


def _back_from(repository: Repository[S, C, E], head: Fold[S], start: int, moment: Moment) -> tuple[Fold[S], Commit | None]:
    """Walk back to a moment from the snapshot at a position, or from the end of the log."""
    snapshot = repository.snapshot(start) if start < head.position else None
    if snapshot is None:
        fold = head.copy()
        fold.load()
        return fold, walk_back(fold, _backward(repository, head.position), moment)
    fold = Fold(repository.decider, snapshot.base, start)
    fold.load()
    return fold, walk_back(fold, repository.log.readable_commits_backward(snapshot.cursor), moment)


def _begin_at_snapshot(repository: Repository[S, C, E], position: int) -> tuple[Fold[S], Cursor]:
    """Return the fold to walk forward from: that of the snapshot at a position, or an empty one."""
    snapshot = repository.snapshot(position) if position else None
    if snapshot is None:
        return Fold(repository.decider), START
    return Fold(repository.decider, snapshot.base, position), snapshot.cursor
