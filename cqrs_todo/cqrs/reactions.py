"""Reactions: what runs when certain events occur, each with a durable checkpoint in each log.

Every event that a reaction wants is given to it at least once, in order. It is given again when the program stopped after
the reaction and before its checkpoint was kept: whoever must not act twice knows the event again by its id.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from .errors import DamagedLog, StaleCursor
from .events import Recorded
from .store import Log, Store
from .struct import Struct


class Reaction(Struct, frozen=True):
    """What runs when certain events occur.

    `name`, which is for ever, is what its checkpoints are kept under; `react` gets each event of one of the `types` (type
    strings; none: of any) in the stream of an aggregate of one of the `kinds` (none: of any).
    """

    name: str
    react: Callable[[Recorded], None]
    kinds: AbstractSet[str] = frozenset()
    types: AbstractSet[str] = frozenset()

    def wants(self, event: Recorded) -> bool:
        """Whether an event is one of those that it reacts to."""
        if self.types and event.type not in self.types:
            return False
        return not self.kinds or event.stream.partition("/")[0] in self.kinds


class Runner:
    """Gives a reaction the events of a log. There is one runner for a reaction and a log at a time."""

    def __init__(self, store: Store, log: Log, reaction: Reaction) -> None:
        self._log = log
        self._reaction = reaction
        self._checkpoints = store.checkpoints()

    def catch_up(self) -> int:
        """React to what was recorded since the checkpoint, up to the end as it is now; how many events that were.

        What `react` raises stops it before that event, with which the next run begins. Raises `DamagedLog` where the log
        can't be read to its end, `StaleCursor` where it ends before the checkpoint, and `StoreUnavailable`.
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
        if position > kept:  # nothing was wanted after it, and need not be looked at again
            self._checkpoints.save(reaction.name, log.id, position)
        return reacted

    def follow(self, interval: float, stopped: Callable[[float], bool]) -> int:
        """Catch up, and again every `interval` seconds, until stopped; how many events were reacted to in all.

        `stopped` waits so many seconds, or less, and says whether to stop: the `wait` of a `threading.Event`. Raises as
        `catch_up` does.
        """
        reacted = self.catch_up()
        while not stopped(interval):
            reacted += self.catch_up()
        return reacted
