"""Reactions: code that runs when certain events occur, with a durable checkpoint in each log.

A reaction gets every event that it wants at least once, in order. It gets an event again if the program ended after it had
reacted and before the checkpoint was kept. A reaction that must not act twice recognises the event by its id.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from .errors import DamagedLog, StaleCursor
from .events import Recorded
from .store import Log, Store
from .struct import Struct


class Reaction(Struct, frozen=True):
    """Code that runs when certain events occur.

    Attributes:
        name: The name under which its checkpoints are kept. It must not change.
        react: Is called with each event.
        kinds: The kinds of the aggregates to whose events it reacts. If there are none, it reacts to those of any kind.
        types: The type strings of the events to which it reacts. If there are none, it reacts to those of any type.
    """

    name: str
    react: Callable[[Recorded], None]
    kinds: AbstractSet[str] = frozenset()
    types: AbstractSet[str] = frozenset()

    def wants(self, event: Recorded) -> bool:
        """Return whether it reacts to an event."""
        if self.types and event.type not in self.types:
            return False
        return not self.kinds or event.stream.partition("/")[0] in self.kinds


class Runner:
    """Gives a reaction the events of a log. A reaction must have only one runner for a log at a time."""

    def __init__(self, store: Store, log: Log, reaction: Reaction) -> None:
        """Prepare to run a reaction.

        Args:
            store: The store that keeps the checkpoints.
            log: A log of that store.
            reaction: The reaction.
        """
        self._log = log
        self._reaction = reaction
        self._checkpoints = store.checkpoints()

    def catch_up(self) -> int:
        """React to the events between the checkpoint and the end of the log.

        If `react` raises an error, the checkpoint stays before that event, and the next run begins with it.

        Returns:
            How many events `react` was called with.

        Raises:
            DamagedLog: The log cannot be read to its end.
            StaleCursor: The log ends before the checkpoint.
            StoreUnavailable: The log or the checkpoint cannot be read or written.
        """
        log, reaction = self._log, self._reaction
        begun = kept = position = self._checkpoints.load(reaction.name, log.id)
        reacted = 0
        for event in log.events(begun):
            position = event.position
            if reaction.wants(event):
                if not reacted:
                    log.sync()
                reaction.react(event)
                self._checkpoints.save(reaction.name, log.id, position)
                kept = position
                reacted += 1
        if log.damage is not None:
            raise DamagedLog(f"{log.damage}; the reaction {reaction.name} waits at @{position}")
        end = log.cursor().position
        if end < begun:
            raise StaleCursor(f"{log.name} ends at @{end}, but the reaction {reaction.name} had come to @{begun}")
        if position > kept:  # nothing after it was wanted, so that it need not be read again
            self._checkpoints.save(reaction.name, log.id, position)
        return reacted

    def follow(self, interval: float, stopped: Callable[[float], bool]) -> int:
        """Catch up again and again, until stopped.

        Args:
            interval: The seconds between two runs.
            stopped: Waits for so many seconds, or less, and returns whether to stop, like the `wait` of a `threading.Event`.

        Returns:
            How many events `react` was called with in all.

        Raises:
            CqrsError: What `catch_up` raises.
        """
        reacted = self.catch_up()
        while not stopped(interval):
            reacted += self.catch_up()
        return reacted
