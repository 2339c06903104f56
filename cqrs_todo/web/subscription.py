"""The subscription: commits as they are recorded, by this server or by any other process."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
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
_AT_ONCE = 20
"""After how many events of a commit other clients get their turn."""
MOST_SUBSCRIPTIONS = 64
"""How many subscriptions there may be at a time."""

_running: set[object] = set()


class InTurns(list[Event]):
    """Events that are given a few at a time until the server ends.

    What a client wants of a commit is computed in the thread of the sockets. For 10,000 events that takes a second, in which
    nobody else would be heard.
    """

    def __init__(self, events: Iterable[Event], worker: Worker) -> None:
        """Give events.

        Args:
            events: The events.
            worker: The threads, which know when the server ends.
        """
        super().__init__(events)
        self._worker = worker

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Give the events."""
        for place, event in enumerate(self):
            if self._worker.stopped:
                raise Stopping
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            yield event


class Followed:
    """A list that is followed from a position on."""

    def __init__(self, name: str, after: int | None) -> None:
        """Begin to follow a list.

        Args:
            name: The name of the list.
            after: The position after which the client wants commits; None for those from now on.
        """
        self._name = name
        self._after = after
        self._cursor: Cursor | None = None
        self._log_id = ""

    def new(self, work: Work) -> list[Commit]:
        """Read what was recorded since the last call, oldest first.

        Args:
            work: The request of the subscription.
        """
        visit = work.desk.visit(self._name)
        todos = visit.todos
        todos.check_exists()
        fold = todos.repository.fold()
        if todos.log.id != self._log_id and self._log_id not in ("", "null"):
            raise refusal(f"{self._name} was replaced by another list", "CONFLICT")
        self._log_id = todos.log.id
        if todos.log.damage is not None:
            raise DamagedLog(todos.log.damage)
        if self._cursor is None:
            if self._after is not None and self._after > fold.position:
                ended = f"there is no event @{self._after} in {self._name}: it ends at @{fold.position}"
                raise refusal(ended, "CONFLICT")  # the list that the client knew had come so far
            self._cursor = self._beginning(todos.log, fold.position)
        if fold.position < self._cursor.position:
            raise refusal(f"{self._name} has lost @{self._cursor.position}, which had been recorded", "CONFLICT")
        if fold.position == self._cursor.position:
            self._check_unchanged(todos.log)
            return []
        found: list[Commit] = []
        end = self._cursor
        for events, cursor in todos.log.selected(Query(), end):
            for _, group in groupby(events, lambda event: event.metadata.command):
                recorded = tuple(group)
                commit = RecordedCommit(recorded, recorded[0].metadata)
                shown = commit_of(commit, visit.to_local, todos.position_of, todos.label, work.checked(recorded))
                shown.events = InTurns(shown.events, work.worker)
                found.append(shown)
            end = cursor
            if len(found) >= _MANY:
                break
        self._cursor = end  # not before: until here, this may be begun again in the second thread
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
        followed = Followed(work.desk.default_list if list_name is None else list_name, after)
        _running.add(followed)
        try:
            while True:
                commits = await work.do(followed.new, most=math.inf)  # a commit of any size is sent
                for commit in commits:
                    yield commit
                if not commits:
                    await asyncio.sleep(INTERVAL)
        finally:
            _running.discard(followed)
