"""The index of the latest commits of a log by their command ids, by which an append that comes again is recognised."""

from collections.abc import Mapping
from itertools import islice

from ..format import command_in
from .files import read_range
from .lines import Lines, lines_in

COMMANDS_KNOWN = 1_000
"""How many of the latest commits are recognised at least, if they are within `COMMANDS_WITHIN` bytes of the end."""
COMMANDS_WITHIN = 1 << 20
"""How many bytes at the end of a log are read for command ids. The last commit is always read, however long it is."""


class CommandIndex:
    """The positions of the latest commits by their command ids.

    It is filled from the commits that are read and written. If reading began in the middle of the log, `learn` must read the
    commits before that, before the index is asked.

    Attributes:
        complete: Whether it knows all the commits that it should.
    """

    def __init__(self) -> None:
        """Begin an index of a log of which nothing was read."""
        self.clear()

    def clear(self) -> None:
        """Begin again, for a log that is read from its start."""
        self._recent: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self.complete = True

    def position_of(self, command: str) -> int | None:
        """Return the position of the commit with a command id; None if it is not among the latest ones."""
        return self._recent.get(command) or self._older.get(command)

    def add(self, positions: Mapping[str, int]) -> None:
        """Add commits that are later than all before.

        Args:
            positions: The positions of the commits by their command ids.
        """
        if len(self._recent) >= COMMANDS_KNOWN:
            self._recent, self._older = {}, self._recent
        self._recent.update(positions)

    def skip(self) -> None:
        """Note that reading goes on behind commits that were not read."""
        self.complete = False

    def learn(self, file: Lines, start: int, end: int) -> None:
        """Read the latest commits from a file.

        Args:
            file: The log.
            start: The offset in bytes at which the first commit begins.
            end: The offset in bytes at which the last commit ends.
        """
        first = max(start, end - COMMANDS_WITHIN)
        content = read_range(file.fd, first, end)
        whole = content.find(b"\n") + 1 if first > start else 0  # it may begin in the middle of a line, even of a long one
        lines = lines_in(content, whole)[-COMMANDS_KNOWN:] or islice(file.backward(start, end), 1)
        self.add({command: position for position, command in map(command_in, lines)})
        self.complete = True
