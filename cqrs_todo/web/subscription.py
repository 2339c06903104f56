"""The subscription: commits as they are recorded, by this server or by any other process."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from itertools import groupby

import strawberry

from ..cqrs.cursor import Cursor
from ..cqrs.errors import DamagedLog
from ..cqrs.events import Commit as RecordedCommit
from ..cqrs.query import Query
from ..cqrs.store import Log
from .history import Commit, Event, commit_of
from .queries import ListName
from .todos import Info
from .work import Work, refusal
from .worker import Stopping, Worker

INTERVAL = 0.25
"""How often to look for new commits, in seconds."""
_MANY = 100
"""After how many commits to stop reading for a while, so that other requests get their turn."""
MOST_SUBSCRIPTIONS = 64
"""How many subscriptions there may be at a time."""

_running: set[object] = set()


class _Interruptible(list[Event]):
    """Events that are given one after the other until the server ends.

    What a client wants of a commit is computed in the thread of the sockets, without a pause. For 10,000 events that takes
    seconds, in which the server could not end.
    """

    def __init__(self, events: Iterable[Event], worker: Worker) -> None:
        super().__init__(events)
        self._worker = worker

    def __iter__(self) -> Iterator[Event]:
        for event in super().__iter__():
            if self._worker.stopped:
                raise Stopping
            yield event


class Followed:
    """A list that is followed from a position on."""

    def __init__(self, work: Work, name: str | None, after: int | None) -> None:
        """Begin to follow a list.

        Args:
            work: The request of the subscription.
            name: The name of the list; None for the default one.
            after: The position after which the client wants commits; None for those from now on.
        """
        self._work = work
        self._name = work.desk.default_list if name is None else name
        self._after = after
        self._cursor: Cursor | None = None
        self._log_id = ""

    def new(self) -> list[Commit]:
        """Read what was recorded since the last call, oldest first."""
        visit = self._work.desk.visit(self._name)
        todos = visit.todos
        todos.check_exists()
        fold = todos.repository.fold()
        if todos.log.id != self._log_id and self._log_id not in ("", "null"):
            raise refusal(f"{self._name} was replaced by another list", "CONFLICT")
        self._log_id = todos.log.id
        if todos.log.damage is not None:
            raise DamagedLog(todos.log.damage)
        if self._cursor is None:
            self._cursor = self._beginning(todos.log, fold.position)
        if fold.position < self._cursor.position:
            raise refusal(f"{self._name} has lost @{self._cursor.position}, which had been recorded", "CONFLICT")
        if fold.position == self._cursor.position:
            self._check_unchanged(todos.log)
            return []
        found: list[Commit] = []
        for events, cursor in todos.log.selected(Query(), self._cursor):
            for _, group in groupby(events, lambda event: event.metadata.command):
                recorded = tuple(group)
                commit = RecordedCommit(recorded, recorded[0].metadata)
                shown = commit_of(commit, visit.to_local, todos.position_of, todos.label)
                shown.events = _Interruptible(shown.events, self._work.worker)
                found.append(shown)
            self._cursor = cursor
            if len(found) >= _MANY:
                break
        return found

    def _check_unchanged(self, log: Log) -> None:
        """Check that what was read is still in the log. A merge, a repair, and forgetting a todo rewrite it."""
        end, known = log.cursor(), self._cursor
        if known is None or end.position != known.position or not end.digest:
            return
        if known.digest not in (b"", end.digest):
            raise refusal(f"{self._name} was rewritten", "CONFLICT")
        self._cursor = end

    def _beginning(self, log: Log, end: int) -> Cursor:
        """Return where to begin to read: behind the commit that holds the position after which the client wants commits."""
        if self._after is None:
            return Cursor(end)
        last = next(log.commits_backward(Cursor(self._after)), None) if self._after < end else None
        return Cursor(self._after if last is None else max(self._after, last.last))


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def events(self, info: Info, after: int | None = None, list_name: ListName = None) -> AsyncGenerator[Commit, None]:
        """The commits after a position, oldest first; without one, those from now on.

        It ends with an error if the list can no longer be read.
        """
        work = info.context
        if after is not None and after < 0:
            raise refusal("a position is not negative", "INVALID")
        if len(_running) >= MOST_SUBSCRIPTIONS:
            raise refusal("too many subscriptions are running", "TOO_MANY", "end one of them")
        followed = Followed(work, list_name, after)
        _running.add(followed)
        try:
            while True:
                commits = await work.worker.run(followed.new)
                for commit in commits:
                    yield commit
                if not commits:
                    await asyncio.sleep(INTERVAL)
        finally:
            _running.discard(followed)
