"""Reactions: code that runs when certain events occur, with a durable checkpoint in each log.

A reaction gets every event that it wants at least once, in order. It gets events again if the program ended after it had
reacted and before the checkpoint was kept. A reaction that must not act twice recognises the event by its id.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

from .errors import DamagedLog, ReactionBusy, StaleCursor
from .events import Recorded
from .store import Checkpoint, Log, Store
from .struct import Struct

_log = logging.getLogger(__name__)


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
    """Gives a reaction the events of a log.

    Of several runners of a reaction for the same log, one is active at a time: the one that holds the lease. If it is
    stopped for longer than the lease lasts, another one takes over. Then the events since the last checkpoint come again.
    """

    def __init__(
        self,
        store: Store,
        log: Log,
        reaction: Reaction,
        *,
        every: int = 100,
        seconds: float = 1.0,
        lease: float = 30.0,
    ) -> None:
        """Prepare to run a reaction.

        Args:
            store: The store that keeps the checkpoints.
            log: A log of that store.
            reaction: The reaction.
            every: After how many reactions the checkpoint is kept. With 1, only the event in flight can come again.
            seconds: After how many seconds it is kept at the latest, if there are reactions.
            lease: For how many seconds the runner keeps others away without a sign of life.
        """
        self._log = log
        self._reaction = reaction
        self._checkpoints = store.checkpoints()
        self._every = every
        self._seconds = seconds
        self._lease = lease
        self._holder = os.urandom(10).hex()
        self._renewed = 0.0

    def catch_up(self) -> int:
        """React to the events between the checkpoint and the end of the log, and to those that this causes in the same log.

        The checkpoint is also kept when it ends. If `react` raises an error, it stays before that event, and the next run
        begins with it.

        Returns:
            How many events `react` was called with.

        Raises:
            DamagedLog: The log cannot be read to its end.
            StaleCursor: The log ends before the checkpoint, or is not what it was there.
            StoreUnavailable: The log or the checkpoint cannot be read or written.
            ReactionBusy: Another runner runs the reaction, or has taken it over.
        """
        with self._leased():
            place = self._checkpoints.load(self._reaction.name, self._log.id)
            total = 0
            while True:
                begun = place.position
                try:
                    place, reacted = self._pass(place)
                except StaleCursor:
                    if not self._only_digests_changed(place):
                        raise
                    place, reacted = self._pass(Checkpoint(place.position))  # the log is read from its start
                total += reacted
                if place.position == begun:
                    return total

    def _only_digests_changed(self, place: Checkpoint) -> bool:
        """Return whether the base of a checkpoint may be stale because streams were forgotten, which moves no event."""
        has_begun = self._checkpoints.load(self._reaction.name, self._log.id).position > place.position
        return bool(place.base.digest and self._log.forgotten) and not has_begun

    @contextmanager
    def _leased(self) -> Iterator[None]:
        """Hold the lease during the block."""
        self._renew()
        try:
            yield
        finally:
            self._checkpoints.release(self._reaction.name, self._log.id, self._holder)

    def _renew(self) -> None:
        """Take the lease, or renew it."""
        if not self._checkpoints.hold(self._reaction.name, self._log.id, self._holder, self._lease):
            raise ReactionBusy(f"another runner runs the reaction {self._reaction.name} to {self._log.name}")
        self._renewed = time.monotonic()

    def begin_now(self) -> bool:
        """Let a reaction that has not begun begin at the end of the log, so that it never gets the events before.

        Returns:
            Whether it had not begun.

        Raises:
            DamagedLog: The log cannot be read to its end.
            StoreUnavailable: The log or the checkpoint cannot be read or written.
        """
        with self._leased():
            if self._checkpoints.load(self._reaction.name, self._log.id).position:
                return False
            for _ in self._log.event_batches():
                pass
            self._check_undamaged(0)
            end = self._log.cursor()
            self._keep(Checkpoint(end.position, end))
            return True

    def follow(self, interval: float, stopped: Callable[[float], bool]) -> int:
        """Catch up again and again, until stopped. While another runner is active, wait for its lease to end.

        Args:
            interval: The seconds between two runs.
            stopped: Waits for so many seconds, or less, and returns whether to stop, like the `wait` of a `threading.Event`.

        Returns:
            How many events `react` was called with in all.

        Raises:
            CqrsError: What `catch_up` raises, except `ReactionBusy`.
        """
        reacted = self._catch_up_if_free()
        while not stopped(interval):
            reacted += self._catch_up_if_free()
        return reacted

    def _catch_up_if_free(self) -> int:
        try:
            return self.catch_up()
        except ReactionBusy as busy:
            _log.info("%s", busy)
            return 0

    def _pass(self, kept: Checkpoint) -> tuple[Checkpoint, int]:
        """React to the events from a checkpoint to the end of the log as it is now.

        Returns:
            The checkpoint at that end, which was kept, and how many events `react` was called with.
        """
        log, reaction = self._log, self._reaction
        position, base, synced = kept.position, kept.base, 0
        reacted, due, latest = 0, self._every, time.monotonic()
        try:
            for commit in log.commits(base):
                for event in commit.events:
                    if event.position <= kept.position:
                        continue
                    if reaction.wants(event):
                        if event.position > synced:  # what is acted on must not be lost in a power cut
                            log.sync()
                            synced = log.cursor().position
                        if time.monotonic() - self._renewed > self._lease / 3:
                            self._renew()
                        reaction.react(event)
                        reacted += 1
                        if reacted >= due or time.monotonic() - latest >= self._seconds:
                            self._keep(Checkpoint(event.position, base))
                            due, latest = reacted + self._every, time.monotonic()
                    position = event.position
                cursor = log.cursor()
                if cursor.position == commit.last:
                    base = cursor
        finally:
            if position > kept.position:
                self._keep(Checkpoint(position, base))
        self._check_undamaged(position)
        end = log.cursor().position
        if end < kept.position:
            raise StaleCursor(f"{log.name} ends at @{end}, but the reaction {reaction.name} had come to @{kept.position}")
        return Checkpoint(position, base), reacted

    def _keep(self, checkpoint: Checkpoint) -> None:
        if not self._checkpoints.save(self._reaction.name, self._log.id, checkpoint, self._holder):
            raise ReactionBusy(f"another runner has taken over the reaction {self._reaction.name} to {self._log.name}")

    def _check_undamaged(self, position: int) -> None:
        if self._log.damage is not None:
            raise DamagedLog(f"{self._log.damage}; the reaction {self._reaction.name} waits at @{position}")
