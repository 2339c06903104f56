"""Following lists: waiting for what is recorded next, until the person or the reader of the output stops."""

import select
import sys
from collections.abc import Iterator

from ..cqrs.events import Commit
from ..todo.service import TodoList

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
    """

    def __init__(self, todos: TodoList) -> None:
        self.todos = todos
        todos.check_exists()
        todos.repository.fold()
        self._cursor = todos.log.cursor()

    @property
    def position(self) -> int:
        """The position up to which everything was given."""
        return self._cursor.position

    def new(self) -> Iterator[Commit]:
        """Read what was recorded since the last call."""
        log = self.todos.log
        since = self._cursor
        for commit in log.commits(since):
            if commit.position > since.position:
                yield commit
        self._cursor = log.cursor()
