"""Reactions: code that runs when certain events occur, with a durable checkpoint in each log.

A reaction gets every event that it wants at least once, in order. It gets events again if the program ended after it had
reacted and before the checkpoint was kept. A reaction that must not act twice recognises the event by its id.

A reaction may return commands, which are then decided and recorded. Such a reaction is a process manager. If it gets an
event again, the commands have the same ids as before, and are not recorded again.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import groupby
from typing import Any, Generic

from .checkpoints import Checkpoint, Parked
from .cursor import START, Cursor
from .decider import E
from .errors import (
    CqrsError,
    DamagedLog,
    LogBusy,
    StaleCursor,
    StoreUnavailable,
    UnreadableEvent,
    in_words,
)
from .events import CAUSATION, CORRELATION, LOST, Metadata, Recorded, failure_of, unknown_events
from .ids import now
from .names import check_log_name, check_type
from .operation_errors import NestedTogether, ReactionBusy
from .query import Query
from .repository import Repository
from .store import Log, Store
from .struct import Struct, replace
from .subscriptions import follow

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 60.0
"""After how many seconds a reaction is tried again at the latest."""


def _always(_: Recorded[Any]) -> bool:
    return True


def _never(_: Recorded[Any]) -> bool:
    return False


class _SetBack(CqrsError):
    """The checkpoint was set back while the reaction was at work, because events of the log have moved."""


class _NotCommands(TypeError):
    """A reaction returned something else than commands. That is a fault of its code, whatever the event is."""


class Send(Struct, frozen=True):
    """A command that a reaction sends.

    Attributes:
        repository: The repository that executes it, in the same log or in another one.
        id: The id of the aggregate.
        command: The command.
    """

    repository: Repository[Any, Any, Any]
    id: str
    command: Any


class Reaction(Struct, Generic[E], frozen=True):
    """Code that runs when certain events occur.

    Attributes:
        name: The name under which its checkpoints are kept. It must not change. It is the author of what it records.
        react: Is called with each event. It may return commands. For the same event it must return the same ones in the same
            order, because their ids are made from the id of the event and their places.
        query: Selects the events to which it reacts. The store searches for them.
        matches: Returns whether it reacts to an event that the query selects. Events that do not match do not count towards
            the `every` of a runner.
        once: Returns whether an event is parked as soon as the reaction fails on it. If a reaction records events to which
            it reacts, and fails after that, each retry would otherwise make more events that are tried again.
    """

    name: str
    react: Callable[[Recorded[E]], Iterable[Send] | None]
    query: Query = Query()
    matches: Callable[[Recorded[E]], bool] = _always
    once: Callable[[Recorded[E]], bool] = _never


class Runner:
    """Gives a reaction the events of a log.

    Of several runners of a reaction for the same log, one is active at a time: the one that holds the lease. If it is
    stopped for longer than the lease lasts, another one takes over. Then the events since the last checkpoint come again.

    If a reaction raises an error, it gets the event again after a pause, which doubles each time. After `retries` the event
    is parked: the reaction goes on with the next one, and `retry_parked` tries the parked ones again. But nothing is parked
    because a store cannot be reached; then the runner stops at the event.

    What is tried again and what is parked is written with the module `logging`, by the logger `cqrs_todo.cqrs.reactions`.

    Attributes:
        holder: The name under which it holds the lease, which nobody else uses.
    """

    def __init__(
        self,
        store: Store,
        log: Log,
        reaction: Reaction[Any],
        *,
        every: int = 100,
        seconds: float = 1.0,
        lease: float = 30.0,
        retries: int = 5,
        pause: float = 0.1,
    ) -> None:
        """Prepare to run a reaction.

        Args:
            store: The store that keeps the checkpoints.
            log: A log of that store.
            reaction: The reaction.
            every: After how many events that match the checkpoint is kept. With 1, only the event in flight can come again.
            seconds: After how many seconds it is kept at the latest, if there are events that the query selects.
            lease: For how many seconds the runner keeps others away without a sign of life. If it is killed, the others
                wait for as long: with `lease=5.0` at most five seconds. The reaction must not take longer for an event,
                unless it calls `renew`.
            retries: How often the reaction gets an event again before the event is parked.
            pause: How many seconds pass before the first retry.

        Raises:
            InvalidLogName: The name of the reaction is not one that a log could have.
            ValueError: The query of the reaction names a type that is not registered, or an older one.
            TypeError: `log` or `reaction` is of another type.
        """
        check_type("the log of a runner", log, Log)
        check_type("the reaction of a runner", reaction, Reaction)
        reaction.query.as_recorded(log.types)
        self._store = store
        self._log = log
        self._reaction = reaction
        self._name = check_log_name(reaction.name, "the name of a reaction")
        self._checkpoints = store.checkpoints()
        self._every = every
        self._seconds = seconds
        self._lease = lease
        self._retries = retries
        self._pause = pause
        self.holder = ""
        self._renewed = 0.0
        self._ended: tuple[Checkpoint, Cursor] | None = None
        """The checkpoint at which `catch_up` ended last, and the end of the log then."""

    def catch_up(self) -> int:
        """React to the events between the checkpoint and the end of the log, and to those that this causes in the same log.

        The checkpoint is also kept when it ends. If nothing has happened since this runner ended there, it writes nothing.

        Returns:
            To how many events it reacted, those that were parked included.

        Raises:
            DamagedLog: The log cannot be read to its end.
            StaleCursor: The log ends before the checkpoint, or is not what it was there.
            StoreUnavailable: The log or the checkpoint cannot be read or written, or the reaction could not reach a store.
            ReactionBusy: Another runner runs the reaction, or has taken it over.
            LogBusy: Another process has been moving events of the log for too long.
            UnknownEvents: The type of the next event is unknown, or its data do not fit its type.
            UnreadableEvent: The upcaster of the next event failed.
            TypeError: The reaction returned something else than commands. Nothing was parked for that.
            ValueError: The reaction calls `together` in work that is done together. Nothing was parked for that.
        """
        if self._ended is not None and self._is_still(*self._ended):
            return 0
        self._ended = None
        with self._leased():
            place = self._checkpoints.load(self._reaction.name, self._log.id)
            total = 0
            while True:
                begun = place.position
                try:
                    place, done = self._pass(place)
                except (StaleCursor, DamagedLog, _SetBack) as error:
                    tried = place
                    place = self._checkpoints.load(self._reaction.name, self._log.id)  # it may have come farther
                    if place.moves != tried.moves:  # a merge or a repair, perhaps one that the reaction has started
                        self.renew()
                        continue
                    if not isinstance(error, StaleCursor):
                        raise
                    # if streams were forgotten, or the base is the header, only digests have changed, and no event has moved
                    is_same = place.forgotten != len(self._log.forgotten) or not place.base.position
                    if tried.base == START or not is_same:
                        waits = f"the reaction {self._reaction.name} waits at @{place.position} until the log is repaired"
                        raise StaleCursor(error.what, waits) from error
                    place = replace(place, base=START)  # it reads from the start of the log
                    continue
                total += done
                if place.position == begun:
                    self._ended = place, self._log.cursor()
                    return total

    def _is_still(self, place: Checkpoint, end: Cursor) -> bool:
        """Return whether a checkpoint is still the one that is kept, and the log still ends there."""
        kept = self._checkpoints.load(self._reaction.name, self._log.id)
        if end.position != place.position or replace(kept, forgotten=place.forgotten) != place:
            return False
        try:
            return not self._log.has_grown(end)
        except StaleCursor:  # the log was rewritten
            return False

    def begin_now(self) -> bool:
        """Let a reaction that has not begun begin at the end of the log, so that it never gets the events before.

        Returns:
            Whether it had not begun.

        Raises:
            DamagedLog: The log cannot be read to its end.
            StoreUnavailable: The log or the checkpoint cannot be read or written.
            ReactionBusy: Another runner runs the reaction.
        """
        with self._leased():
            while not (kept := self._checkpoints.load(self._reaction.name, self._log.id)).has_begun:
                forgotten = len(self._log.forgotten)
                end = self._end()
                self._check_undamaged(0)
                with suppress(_SetBack):  # the end is another one now
                    self._keep(Checkpoint(end.position, end, kept.moves, end.position, forgotten=forgotten))
                    return True
            return False

    def begin_after(self, position: int) -> bool:
        """Let a reaction that has not begun begin after an event, so that it never gets that event or those before.

        Args:
            position: The position of the event; 0 for the start of the log, where a reaction begins anyway.

        Returns:
            Whether it had not begun.

        Raises:
            ValueError: The log has no event at this position.
            TypeError: The position is not a number.
            StaleCursor: Events of the log have moved meanwhile. Look for the position again.
            DamagedLog: The log cannot be read so far.
            StoreUnavailable: The log or the checkpoint cannot be read or written.
            ReactionBusy: Another runner runs the reaction.
        """
        check_type("the position of an event", position, int, "a number")
        with self._leased():
            kept = self._checkpoints.load(self._reaction.name, self._log.id)
            if kept.has_begun:
                return False
            reached = self._end().position
            if not 0 <= position <= reached:
                self._check_undamaged(reached)
                raise ValueError(f"{self._log.name} has no event at position {position}, so no reaction can begin after it")
            try:
                self._keep(Checkpoint(position, Cursor(position), kept.moves, position))
            except _SetBack as error:
                raise StaleCursor(f"{error}: the event is no longer at position {position}") from error
            return True

    def _end(self) -> Cursor:
        """Return the end of the log. No event is decoded for that, so a reaction can begin after one that cannot be read."""
        last = deque((cursor for _, cursor in self._log.selected(Query.of(types={LOST}))), maxlen=1)
        return last[0] if last else self._log.cursor()

    def follow(self, stopped: Callable[[], bool]) -> int:
        """Catch up whenever the log grows, until stopped.

        While another runner is active, or a store cannot be reached, it waits and tries again.

        Args:
            stopped: Returns whether to stop. It is asked at least every second, except while the reaction is at work.

        Returns:
            To how many events it reacted.

        Raises:
            DamagedLog: The log cannot be read to its end.
            StaleCursor: The log ends before the checkpoint, or is not what it was there.
            UnknownEvents: The type of the next event is unknown, or its data do not fit its type.
            UnreadableEvent: The upcaster of the next event failed.
            TypeError: The reaction returned something else than commands. Nothing was parked for that.
            ValueError: The reaction calls `together` in work that is done together. Nothing was parked for that.
        """
        return sum(follow(self._store, lambda: [self.catch_up()], self._ends, stopped))

    def _ends(self) -> list[tuple[Log, Cursor]]:
        return [(self._log, self._checkpoints.load(self._reaction.name, self._log.id).base)]

    def parked(self) -> list[Parked]:
        """Return the events that the reaction failed on and passed over, by their positions in the log as it is now.

        An event that is no longer in the log, or cannot be read, has the position that it was parked at.

        Raises:
            StoreUnavailable: The events, or the log, cannot be read.
        """
        parked = self._checkpoints.parked(self._reaction.name, self._log.id)
        return sorted((replace(each, position=self._place_of(each)) for each in parked), key=lambda each: each.position)

    def _place_of(self, parked: Parked) -> int:
        try:
            return self._find(parked.event).position
        except (LookupError, UnreadableEvent, DamagedLog, StaleCursor):
            return parked.position

    def retry_parked(self, only: str | None = None) -> int:
        """Call the reaction once with each parked event. Those that it does not fail on are no longer parked.

        Args:
            only: The id of the only event to try. None: all of them.

        Returns:
            On how many it did not fail.

        Raises:
            DamagedLog: The log cannot be searched for an event.
            StaleCursor: The log was rewritten while it was searched for an event.
            StoreUnavailable: The events cannot be read, or the reaction could not reach a store.
            ReactionBusy: Another runner runs the reaction.
            UnknownEvents: This program does not know an event that is parked. It stays parked.
            TypeError: The reaction returned something else than commands.
        """
        done = 0
        with self._leased():
            for parked in self._checkpoints.parked(self._reaction.name, self._log.id):
                if only is not None and parked.event != only:
                    continue
                self._renew_in_time()
                try:
                    event = self._find(parked.event)
                except (LookupError, UnreadableEvent) as error:
                    self._park(parked.event, parked.position, error, parked.tries + 1)
                    continue
                try:
                    if not event.unknown and self._reaction.query.wants(event):  # otherwise it was forgotten since
                        self._deliver(event)
                except (StoreUnavailable, LogBusy, ReactionBusy, DamagedLog, _NotCommands, NestedTogether):
                    raise
                except Exception as error:  # a reaction is code of the application, and may raise anything
                    self._park(parked.event, parked.position, error, parked.tries + 1)
                else:
                    if event.unknown:
                        raise unknown_events(event, result="it stays parked")
                    self._checkpoints.unpark(self._reaction.name, self._log.id, parked.event)
                    done += 1
        return done

    def drop_parked(self, event: str) -> None:
        """Remove an event from those that are parked, if it is among them. The reaction never gets it again.

        Args:
            event: The id of the event.

        Raises:
            StoreUnavailable: That cannot be kept.
            ReactionBusy: Another runner runs the reaction, and may be trying the event.
        """
        with self._leased():
            self._checkpoints.unpark(self._reaction.name, self._log.id, event)

    # the lease

    @contextmanager
    def _leased(self) -> Iterator[None]:
        """Hold the lease during the block."""
        self.holder = os.urandom(10).hex()  # anew each time, because after a fork two processes have this runner
        self._hold(renew=False)
        try:
            yield
        except BaseException:
            with suppress(CqrsError):  # what ended the block matters more, and the lease ends by itself
                self._checkpoints.release(self._reaction.name, self._log.id, self.holder)
            raise
        self._checkpoints.release(self._reaction.name, self._log.id, self.holder)

    def renew(self) -> None:
        """Renew the lease. A reaction that takes long calls this, so that no other runner takes over.

        Raises:
            ReactionBusy: Another runner has taken the reaction over, and may be done with it already.
            StoreUnavailable: The lease cannot be read or written.
        """
        self._hold(renew=True)

    def _hold(self, *, renew: bool) -> None:
        if not self._checkpoints.hold(self._reaction.name, self._log.id, self.holder, self._lease, renew=renew):
            which = f"the reaction {self._reaction.name} on {self._log.name}"
            if renew:
                raise ReactionBusy(f"another runner has taken over {which}")
            ends = f"its lease ends within {self._lease:g} s unless it has another one than this runner"
            raise ReactionBusy(f"another runner runs {which}; if that one was killed, {ends}: `follow` waits for that")
        self._renewed = time.monotonic()

    def _renew_in_time(self) -> None:
        """Renew the lease if a third of its time has passed."""
        if time.monotonic() - self._renewed > self._lease / 3:
            self.renew()

    # reacting

    def _pass(self, kept: Checkpoint) -> tuple[Checkpoint, int]:
        """React to the events from a checkpoint to the end of the log as it is now.

        Returns:
            The checkpoint at that end, which was kept, and to how many events it reacted.
        """
        log = self._log
        known = len(log.forgotten)
        kept = kept if kept.forgotten == known else replace(kept, forgotten=known)
        position, base, passed = kept.position, kept.base, frozenset(kept.passed)
        done, due, latest = 0, self._every, time.monotonic()
        try:
            for events, cursor in log.selected(self._reaction.query, base):
                self._renew_in_time()
                synced = False
                wanted: Iterable[Recorded[Any]] = filter(self._reaction.query.wants, events)
                if passed:
                    wanted = [event for event in wanted if event.recorded_id not in passed]
                for place, parts in groupby(wanted, key=lambda event: event.position):
                    if place <= kept.position:
                        continue
                    if not synced:  # what is acted on must not be lost in a power cut
                        log.sync()
                        synced = True
                    reacted = False
                    for event in parts:  # several, if an upcaster makes several events of one
                        if event.unknown:
                            waits = f"the reaction {self._reaction.name} waits before it"
                            raise unknown_events(event, result=waits)
                        reacted |= self._react(event)
                    position = place
                    done += reacted
                    if done >= due or time.monotonic() - latest >= self._seconds:
                        self._keep(replace(kept, position=position, base=base))
                        due, latest = done + self._every, time.monotonic()
                base, position = cursor, max(position, cursor.position)
        except BaseException:
            if position > kept.position:
                with suppress(CqrsError):  # what ended it matters more, and the events come again
                    self._keep(replace(kept, position=position, base=base))
            raise
        if position > kept.position or (base != kept.base and base.position >= kept.position):
            # also a new base alone, so that it is not searched for again
            self._keep(replace(kept, position=position, base=base))
        self._check_undamaged(position)
        if base.position < kept.position:
            ends = f"{log.name} ends at @{base.position}"
            raise StaleCursor(f"{ends}, but the reaction {self._reaction.name} had come to @{kept.position}")
        return replace(kept, position=position, base=base), done

    def _react(self, event: Recorded[Any]) -> bool:
        """React to an event, again if that fails, and at last park it. Returns whether it matches."""
        tries = 0
        while True:
            tries += 1
            self._renew_in_time()
            try:
                return self._deliver(event)
            except (StoreUnavailable, LogBusy, ReactionBusy, _NotCommands, NestedTogether):
                raise
            except Exception as error:  # a reaction is code of the application, and may raise anything
                if tries > self._retries or self._reaction.once(event):
                    self._park(event.id, event.position, error, tries)
                    return True
                seconds = min(self._pause * 2 ** (tries - 1), _LONGEST_PAUSE)
                what = f"the reaction {self._reaction.name} failed on @{event.position} of {self._log.name}"
                _log.warning("%s, and is tried again in %.2g s: %s", what, seconds, in_words(error))
                self._sleep(seconds)

    def _deliver(self, event: Recorded[Any]) -> bool:
        """Call the reaction with an event that matches, and execute the commands that it returns.

        Returns:
            Whether the event matches.
        """
        if not self._reaction.matches(event):
            return False
        cause = event.metadata
        meta = {CAUSATION: event.id, CORRELATION: cause.correlation or cause.command}
        returned = self._reaction.react(event) or ()
        if not isinstance(returned, Iterable):
            raise self._not_commands(returned)
        for place, send in enumerate(returned, 1):
            if not isinstance(send, Send):
                raise self._not_commands(returned if isinstance(returned, str) else send)
            # the id of an event is unique in its log
            command = sha256(f"{self._log.id}\n{self._name}\n{event.id}\n{place}".encode()).hexdigest()[:20]
            send.repository.execute(send.id, send.command, Metadata(now(), self._reaction.name, command, meta))
        return True

    def _not_commands(self, returned: object) -> _NotCommands:
        got = f"the reaction {self._reaction.name} returned {returned!a:.60}"
        return _NotCommands(f"{got}: it must return a list of commands (`Send`), or None")

    def _park(self, event: str, position: int, error: Exception, tries: int) -> None:
        self.renew()  # another runner may be done with the event by now
        parked = Parked(event, position, in_words(error), now(), tries)
        self._checkpoints.park(self._reaction.name, self._log.id, parked)
        after = "1 try" if tries == 1 else f"{tries} tries"
        what = f"the reaction {self._reaction.name} parked @{position} of {self._log.name} after {after}"
        _log.error("%s: %s", what, parked.error)

    def _find(self, event: str) -> Recorded[Any]:
        """Return an event by its id, wherever it is in the log now.

        Raises:
            LookupError: The log does not have it.
            UnreadableEvent: It cannot be read. The other events of its commit need not be readable.
        """
        commit = self._log.find_command(event.rpartition("/")[0])
        found = next((each for each in commit.events if each.id == event), None) if commit is not None else None
        if found is None:
            raise LookupError(f"the event {event} is no longer in {self._log.name}")
        failure = failure_of(found)
        if failure is not None:
            raise failure
        return found

    def _sleep(self, seconds: float) -> None:
        """Wait, and keep the lease."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._renew_in_time()
            time.sleep(min(left, self._lease / 3))

    def _keep(self, checkpoint: Checkpoint) -> None:
        if not self._checkpoints.save(self._reaction.name, self._log.id, checkpoint, self.holder):
            if self._checkpoints.load(self._reaction.name, self._log.id).moves != checkpoint.moves:
                raise _SetBack(f"events of {self._log.name} have moved")
            raise ReactionBusy(f"another runner has taken over the reaction {self._reaction.name} on {self._log.name}")

    def _check_undamaged(self, position: int) -> None:
        if self._log.damage is not None:
            raise DamagedLog(f"{self._log.damage}; the reaction {self._reaction.name} waits at @{position}")
