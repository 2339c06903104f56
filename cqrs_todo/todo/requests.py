"""What a script asks of a command beside the change itself: that it is recorded once, on which state, and why.

A command with an id of its own is looked up in the log before anything is planned. If it is there, the answer is made again
from what it recorded. Planning it again would answer "nothing to do", or do it twice. The list is locked from the look-up to
the append, so that two processes that send the same command at the same time record it once.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from ..cqrs.cursor import Cursor
from ..cqrs.events import Commit
from ..cqrs.fold import Fold
from ..cqrs.repository import Repository
from ..cqrs.store import Log
from .batches import CommitContent
from .events import TodoEvent
from .fields import State
from .model import TodoCommand
from .request_errors import CommandIdTaken, NoVersionToExpect, StateNotKept, UnexpectedState
from .views import BECAUSE, Item

REQUEST = "request"
"""The key in a commit's `meta` for the command that a script gave an id: the `sum` of its words and input, and the number of
`events` that all its commits in this list have."""


class ListOfRequest(Protocol):
    """What a request needs of a list: its name, its log, the fold of the log, and the check for damage."""

    name: str
    log: Log
    repository: Repository[State, TodoCommand, TodoEvent]

    def check_undamaged(self, outcome: str = "") -> None:
        """Check that the complete log could be read; see `Recorder`."""


class Request:
    """What a script asks of one command.

    Attributes:
        id: The id of the command. None if the program should choose one.
        version: The version that each named todo must have; None for any.
        position: The last position that the list must have; None for any.
        because: Why the command is given; None if no reason was given.
    """

    def __init__(
        self,
        *,
        id: str | None = None,
        words: bytes = b"",
        version: int | None = None,
        position: int | None = None,
        because: str | None = None,
    ) -> None:
        """Make a request.

        Args:
            id: As above: letters, digits and hyphens, without a dot.
            words: What was typed, in a form that is the same for the same command.
            version: As above.
            position: As above.
            because: As above.
        """
        self.id = id
        self.version = version
        self.position = position
        self.because = because
        self._sum = hashlib.sha256(words)

    def include(self, content: bytes) -> None:
        """Make a part of the command what it read from stdin or from a file."""
        self._sum.update(b"\0" + hashlib.sha256(content).digest())

    # a command that was sent before

    def find(self, todos: ListOfRequest) -> tuple[Commit, ...] | None:
        """Find what this command recorded in a list when it was sent before.

        Returns:
            Its commits, oldest first. None if the command is new to the list.

        Raises:
            CommandIdTaken: The id belongs to another command, or only a part of this command was recorded.
        """
        if self.id is None:
            return None
        todos.repository.fold()  # so that the log is not read twice
        todos.check_undamaged("; nothing was recorded")
        first = todos.log.find_command(self.id) or todos.log.find_command(f"{self.id}.1")
        if first is None:
            return None
        match first.metadata.meta.get(REQUEST):
            case {"sum": str(sum), "events": int(count)} if sum == self._digest:
                pass
            case _:
                raise CommandIdTaken(
                    f"the command id {self.id} belongs to another command, which recorded @{first.position} in {todos.name}"
                )
        commits = [first]
        remaining = count - len(first.events)
        for commit in todos.log.commits(Cursor(first.last)) if remaining > 0 else ():
            if self._owns(commit.metadata.command) and commit.position > first.position:
                commits.append(commit)
                remaining -= len(commit.events)
            if remaining <= 0:
                break
        if remaining > 0:
            raise CommandIdTaken(
                f"the command {self.id} was interrupted: it recorded {count - remaining} of {count} events in {todos.name}, "
                f"from @{first.position} on; undo them and send it with another id"
            )
        return tuple(commits)

    def moment_before(self, todos: ListOfRequest) -> int | None:
        """Return the position before what this command recorded when it was sent before; None if it is new to the list."""
        commits = self.find(todos)
        return None if commits is None else commits[0].position - 1

    # the state that is expected

    def check(self, todos: ListOfRequest, fold: Fold[State], named: Sequence[Item] | None) -> None:
        """Check that a list and its todos are in the state that is expected.

        Args:
            todos: The list.
            fold: Its fold.
            named: The todos that the command names. None if it names none.

        Raises:
            UnexpectedState: They are not.
            NoVersionToExpect: A version is expected, and the command names no todos.
        """
        if self.position is not None and fold.position != self.position:
            raise UnexpectedState(f"{todos.name} is at @{fold.position}, not at @{self.position}; nothing was recorded")
        if self.version is None:
            return
        if named is None:
            raise NoVersionToExpect(self.version, fold.position)
        others = [item for item in named if fold.version_of(item.stream) != self.version]
        if others:
            found = ", ".join(f"todo {item.number} has version {fold.version_of(item.stream)}" for item in others[:_MOST])
            more = f", and {len(others) - _MOST} more have other versions" if len(others) > _MOST else ""
            raise UnexpectedState(
                f"{found}{more}; expected was version {self.version}; nothing was recorded",
                [item.number for item in others[:_MOST]],
            )

    def check_streamed(self) -> None:
        """Check that nothing is expected, for a command during which others may write.

        Raises:
            StateNotKept: Something is expected.
        """
        if self.position is not None or self.version is not None:
            raise StateNotKept(
                "others may write while so many todos are added, so no state can be expected; nothing was recorded"
            )

    # what is recorded

    def meta(self, events: int) -> dict[str, Any]:
        """Return what a commit of this command has in its `meta`.

        Args:
            events: The number of events that all commits of the command in the same list have.
        """
        meta: dict[str, Any] = {} if self.id is None else {REQUEST: {"sum": self._digest, "events": events}}
        return meta if self.because is None else {**meta, BECAUSE: self.because}

    def stamp(self, planned: Sequence[tuple[CommitContent, str]]) -> list[tuple[CommitContent, str]]:
        """Add the id and the `meta` of this command to the commits that it plans in one list.

        Args:
            planned: The contents with their command ids.
        """
        meta = self.meta(sum(sum(map(len, changes.values())) for (changes, _), _ in planned))
        return [
            ((changes, {**others, **meta}), self.command_id(number, id))
            for number, ((changes, others), id) in enumerate(planned, 1)
        ]

    def meta_of_half(self, events: int, id: str) -> dict[str, Any]:
        """Return what one half of a change of two lists has in its `meta`.

        Args:
            events: As for `meta`.
            id: The command id of the half. It may belong to another command, which was interrupted and is completed now.
        """
        meta = self.meta(events)
        if not self._owns(id):
            meta.pop(REQUEST, None)
        return meta

    def command_id(self, number: int, id: str) -> str:
        """Return the command id of a commit.

        Args:
            number: The number of the commit among those of this command, from 1.
            id: The id that it has so far.
        """
        if self.id is None or self._owns(id):
            return id
        return self.id if number == 1 else f"{self.id}.{number}"

    @property
    def _digest(self) -> str:
        return self._sum.hexdigest()[:32]

    def _owns(self, id: str) -> bool:
        """Return whether a command id is the one of this command, or that of one of its parts."""
        return self.id is not None and (id == self.id or id.startswith(f"{self.id}."))


_MOST = 5
"""How many todos an error names."""
