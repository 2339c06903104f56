"""Following lists: waiting for what is recorded next, until the person or the reader of the output stops."""

import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ..cqrs.cursor import START, Cursor
from ..cqrs.errors import LogNotFound
from ..cqrs.events import Commit
from ..todo.errors import ListArchived, ListNotFound
from ..todo.lists import Lists
from ..todo.service import TodoList
from .session import Session

INTERVAL = 0.5
"""How often to look for something new, in seconds."""


def wait(seconds: float = INTERVAL) -> bool:
    """Wait, and return whether somebody still reads the output; without a reader, return at once."""
    sys.stdout.flush()
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # errors are always reported: the other end was closed
    return not reader.poll(seconds * 1000)


class Followed:
    """A list that is followed.

    Args:
        todos: The list.
        since: After what to read. By default only what is recorded from now on.
    """

    def __init__(self, todos: TodoList, since: Cursor | None = None) -> None:
        self.todos = todos
        todos.check_exists()
        todos.repository.fold()
        self.cursor = todos.log.cursor() if since is None else since

    @property
    def position(self) -> int:
        """The position up to which everything was given."""
        return self.cursor.position

    def new(self) -> Iterator[Commit]:
        """Read what was recorded since the last call."""
        log = self.todos.log
        since = self.cursor
        for commit in log.commits(since):
            if commit.position > since.position:
                yield commit
        self.cursor = log.cursor()


class FollowedLists:
    """The lists that are followed: some lists, or all lists of the store, also those that are made later.

    Args:
        session: This run of the program.
        lists: The lists.
        every: Whether they are all lists of the store.
    """

    def __init__(self, session: Session, lists: Sequence[TodoList], *, every: bool) -> None:
        self._session = session
        self._lists = Lists(session.store)
        self._every = every
        self._archived = set(self._lists.names(archived=True)) if every else set()
        names = self._names()
        self._awaited = {todos.name for todos in lists if todos.name not in names}  # the default list need not exist
        self.followed = [Followed(todos) for todos in lists]

    def _names(self) -> Sequence[str]:
        return self._session.originals() if self._every else self._lists.names()

    @property
    def lists(self) -> list[TodoList]:
        """The lists that are followed at present."""
        return [each.todos for each in self.followed]

    def new(self) -> Iterator[tuple[TodoList, Commit]]:
        """Read what was recorded since the last call, list by list."""
        for each in self.followed:
            try:
                for commit in each.new():
                    yield each.todos, commit
            except LogNotFound:
                if not self._every:
                    raise
                # it got another name or was archived a moment ago; `update` will see that

    def update(self) -> bool:
        """Begin to follow lists that are there now, and stop to follow those that are gone.

        Returns:
            Whether there were any.
        """
        if not self._every and not self._awaited:
            return False
        names = self._names()
        before = {each.todos.name: each for each in self.followed}
        wanted = names if self._every else list(before)
        found = [name for name in names if name in self._awaited or (name in wanted and name not in before)]
        self._awaited.difference_update(found)
        came_back = self._archived & set(found)  # what was recorded before a list was archived is not new
        if self._every:
            self._archived = set(self._lists.names(archived=True))
        if not found and wanted == list(before):
            return False
        cursors = {each.todos.log.id: each.cursor for each in self.followed}  # a list may only have another name
        now: list[Followed] = []
        for name in wanted:
            if name not in found:
                now.append(before[name])
                continue
            todos = self._session.open_list(name)
            with suppress(ListNotFound, ListArchived):  # it is gone again already
                now.append(Followed(todos, cursors.get(todos.log.id, None if name in came_back else START)))
        self.followed = now
        return True
