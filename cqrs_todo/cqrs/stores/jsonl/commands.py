"""The command ids of the latest commits of a log, by which an append that comes again is recognised."""

from collections.abc import Iterable
from time import monotonic_ns

KEPT = 1_000
"""How many of the latest command ids are kept at least."""


class RecentCommands:
    """The command ids of the latest commits that were read and written.

    Attributes:
        since: The position behind which the ids of all commits are kept.
        known_at: A moment at which everything up to `since` was recorded already, in the nanoseconds of `monotonic_ns`.
    """

    def __init__(self) -> None:
        """Begin for a log of which nothing was read."""
        self.begin_at(0)

    def begin_at(self, position: int) -> None:
        """Begin again, for a log that is read from a position on."""
        self.since = self._reached = position
        self.known_at = self._recent_known_at = monotonic_ns()
        self._recent: set[str] = set()
        self._older: set[str] = set()
        self._recent_since = position

    def __contains__(self, command: str) -> bool:
        """Return whether one of the commits has a command id."""
        return command in self._recent or command in self._older

    def add(self, commands: Iterable[str], last: int) -> None:
        """Add commits that are later than all before.

        Args:
            commands: Their command ids.
            last: The last position in them.
        """
        if len(self._recent) >= KEPT:
            self.since, self._recent_since = self._recent_since, self._reached
            self.known_at, self._recent_known_at = self._recent_known_at, monotonic_ns()
            self._recent, self._older = set(), self._recent
        self._recent.update(commands)
        self._reached = last
