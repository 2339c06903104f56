"""What a backup holds of each list while others write: the beginning of every log. No todo is lost between two lists.

Nothing is locked. Each log is read up to where it ends. A todo that is moved meanwhile may already be gone from the list
that it comes from. The list that it goes to may have been read earlier, without it. Then that log is read on, up to the
commit that brought the todo: a move is recorded there first.
"""

from collections.abc import Iterator
from itertools import islice

import msgspec

from ..cqrs.errors import DamagedLog, LogBusy, LogNotFound, StaleCursor
from ..cqrs.store import Log, Store
from .views import MOVE

TRIES = 5
"""How often the lists are gone through again because they were renamed, archived or rewritten meanwhile."""


class SavedList:
    """The beginning of a list that is in a backup.

    Attributes:
        name: The name of the list.
        archived: Whether it is archived.
        log: Its log.
        lines: How many lines of it are in the backup.
    """

    def __init__(self, name: str, archived: bool, log: Log) -> None:
        """Read a log up to its end.

        Args:
            name: The name of the list.
            archived: Whether it is archived.
            log: Its log.

        Raises:
            DamagedLog: The log is damaged.
            CqrsError: What reading raises.
        """
        self.name = name
        self.archived = archived
        self.log = log
        self.lines = 0
        self._arrived: dict[str, int] = {}
        self._left: dict[str, tuple[int, str]] = {}
        self._read_again = False
        self.extend(self._read())

    def _read(self) -> int:
        """Read the log, take note of the moves in it, and return how many lines it has."""
        number = 0
        for line in self.log.lines():
            number += 1
            if b'"move"' not in line:
                continue
            commit = msgspec.json.decode(line, type=_MovingCommit)
            match commit.meta.get(MOVE):
                case {"from": {"log": str(source)}, "to": {"log": str(target)}}:
                    if source == self.log.id:
                        self._left[commit.command] = (number, target)
                    if target == self.log.id:
                        self._arrived[commit.command] = number
                case _:
                    pass
        if self.log.damage is not None:
            raise DamagedLog(f"{self.log.damage}; nothing was saved")
        return number

    def extend(self, lines: int) -> None:
        """Have at least some number of lines in the backup."""
        self.lines = max(self.lines, lines)

    def left(self) -> Iterator[tuple[str, str]]:
        """Yield the command of each move that took a todo away in these lines, and the log to which it went."""
        yield from ((command, target) for command, (line, target) in self._left.items() if line <= self.lines)

    def arrival(self, command: str) -> int:
        """Return the number of the line in which a move brought a todo; 0 if there is none."""
        if command not in self._arrived and not self._read_again:
            self._read_again = True  # once is enough: the move was recorded before the other list was read
            self._read()
        return self._arrived.get(command, 0)

    def content(self) -> Iterator[bytes]:
        """Yield the lines, each with its LF.

        Raises:
            StaleCursor: The log was rewritten since it was read first.
        """
        number = 0
        for line in islice(self.log.lines(), self.lines):
            yield line
            number += 1
        if number < self.lines:
            raise StaleCursor(f"{self.name} was rewritten while it was saved; nothing was saved")


class _MovingCommit(msgspec.Struct, frozen=True):
    """What a backup looks for in a line that may be part of a move."""

    command: str = ""
    meta: dict[str, object] = {}


def saved_lists(store: Store) -> list[SavedList]:
    """Read all lists of a store, and return what a backup holds of each.

    Args:
        store: The store.

    Raises:
        DamagedLog: A list is damaged or missing.
        LogBusy: Lists were renamed or archived again and again.
        ExportRefused: The store does not keep lines.
        CqrsError: What reading raises.
    """
    for _ in range(TRIES):
        try:
            names = store.originals()
            archived = store.originals(archived=True)
            found = [SavedList(name, False, store.open(name)) for name in names]
            found += [SavedList(name, True, store.open_archived(name)) for name in archived]
        except (LogNotFound, StaleCursor):
            continue
        if store.originals() == names and store.originals(archived=True) == archived:
            _complete_moves(found)
            return found
    raise LogBusy("lists were renamed, archived or rewritten again and again; nothing was saved")


def _complete_moves(lists: list[SavedList]) -> None:
    """Extend lists so that each todo that left a list has arrived in another one.

    This ends: what a move needs was recorded before the move, and nothing is needed that was recorded later.
    """
    by_id = {each.log.id: each for each in lists}
    done: set[str] = set()
    waiting = list(lists)
    while waiting:
        source = waiting.pop()
        for command, target_id in list(source.left()):
            key = f"{source.log.id} {command}"
            target = by_id.get(target_id)
            if key in done or target is None:
                continue
            done.add(key)
            line = target.arrival(command)
            if line > target.lines:
                target.extend(line)
                waiting.append(target)
