"""The subscription: commits as they are recorded, by this server or by any other process."""

import asyncio
from collections.abc import AsyncGenerator

import strawberry

from ..cqrs.cursor import Cursor
from .history import Commit, commit_of
from .queries import ListName
from .todos import Info
from .work import Work, refusal

INTERVAL = 0.25
"""How often to look for new commits, in seconds."""
_MOST_AT_ONCE = 100
"""How many commits are read at a time, so that other requests get their turn."""
MOST_SUBSCRIPTIONS = 64
"""How many subscriptions there may be at a time."""

_running: set[object] = set()


class _Followed:
    """A list that is followed from a position on."""

    def __init__(self, work: Work, name: str | None, after: int | None) -> None:
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
        position = self._after
        if position is None:
            position = self._after = fold.position
        if fold.position <= position:
            return []
        found: list[Commit] = []
        label = todos.label
        for commit in todos.log.commits(Cursor(position) if self._cursor is None else self._cursor):
            if commit.position <= position:
                continue
            found.append(commit_of(commit, visit.to_local, todos.position_of, label))
            position = self._after = commit.last
            if len(found) == _MOST_AT_ONCE:
                break
        return found


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
        followed = _Followed(work, list_name, after)
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
