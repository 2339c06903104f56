"""Subscriptions: the events of one log or of all logs, first those that are there, and then the new ones as they come."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from .cursor import START, Cursor
from .errors import (
    CqrsError,
    DamagedLog,
    LogBusy,
    LogNotFound,
    StaleCursor,
    StoreUnavailable,
    UnreadableEvent,
)
from .events import Recorded
from .names import check_type
from .operation_errors import LogReplaced, NewerStore, OutdatedStore, ReactionBusy
from .query import Query
from .store import Log, Store

T = TypeVar("T")

_WAIT = 1.0
"""After how many seconds work is done again although no log has grown: there may be a new log."""
_POLL = 0.02
"""After how many seconds `wait` looks at the logs again."""
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""How many seconds pass before work that failed is done again: the first time, the second time, and so on."""
_SLICE = 0.5
"""How many seconds pass at most without asking whether to stop."""


def logs_of(store: Store, only: Log | None) -> Iterator[Log]:
    """Return one log, or all logs of a store that are in use, without copies of them.

    Args:
        store: The store.
        only: The one log. None: all of them.

    Raises:
        DamagedLog: A log is missing, or cannot be opened. The others were returned.
        CqrsError: What `Store.names` and `Store.open` raise otherwise, except `LogNotFound`.
    """
    if only is not None:
        yield only
        return
    logs: list[Log] = []
    failure: DamagedLog | None = None
    for name in store.names():
        try:
            logs.append(store.open(name))
        except LogNotFound:  # it was renamed or archived since the names were listed
            continue
        except DamagedLog as error:
            failure = failure or error
    yield from without_copies(logs)
    if failure is not None:
        raise failure


def without_copies(logs: Iterable[Log]) -> Collection[Log]:
    """Leave out logs that are copies of others: they have the same ids, and only the original can be appended to.

    What is kept by the id of a log, such as how far it was read, must not be kept of two files.
    """
    found: dict[str, Log] = {}
    for log in logs:
        known = found.get(log.id)
        if known is None or (known.read_only is not None and log.read_only is None):
            found[log.id] = log
    return found.values()


def wait(store: Store, ends: Sequence[tuple[Log, Cursor]], seconds: float) -> None:
    """Wait until one of some logs may have grown.

    Args:
        store: The store of the logs. If it is not notified of appends, the logs are looked at again and again.
        ends: The logs, and the end of what was read of each.
        seconds: After how many seconds to return in any case.

    Raises:
        CqrsError: What `Log.has_grown` raises.
    """
    if store.wait(ends, seconds):
        return
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _POLL))
        if any(_may_have_grown(log, end) for log, end in ends):
            return


def _may_have_grown(log: Log, end: Cursor) -> bool:
    try:
        return log.has_grown(end)
    except (LogNotFound, LogReplaced, StaleCursor):  # it was renamed, archived or rewritten: whoever reads it finds that out
        return True


def follow(
    store: Store,
    work: Callable[[], Iterable[T]],
    ends: Callable[[], Sequence[tuple[Log, Cursor]]],
    stopped: Callable[[], bool],
) -> Iterator[T]:
    """Do a piece of work again and again, whenever a log may have grown, until stopped.

    While a store cannot be reached, or another runner is active, it waits and tries again.

    Args:
        store: The store of the logs.
        work: What to do. What it yields is passed on.
        ends: Returns the logs, and how far the work has come in each.
        stopped: Returns whether to stop. It is asked at least every second while there is nothing to do.

    Raises:
        CqrsError: What `work` raises, except that a store cannot be reached, or that another process is at work.
    """
    failures = 0
    while True:
        try:
            yield from work()
            if stopped():
                return
            wait(store, ends(), _WAIT)
            failures = 0
        except (LogReplaced, NewerStore, OutdatedStore):  # waiting does not help
            raise
        except (StoreUnavailable, ReactionBusy, LogBusy) as error:
            seconds = _PAUSES[min(failures, len(_PAUSES) - 1)]
            failures += 1
            import logging  # most runs have nothing to log, and start faster without it

            logging.getLogger(__name__).warning("%s; trying again in %.1f s", error, seconds)
            if _stopped_within(seconds, stopped):
                return


def _stopped_within(seconds: float, stopped: Callable[[], bool]) -> bool:
    """Wait, and return whether to stop."""
    until = time.monotonic() + seconds
    while not (stop := stopped()) and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _SLICE))
    return stop


class Subscription:
    """The events that a query selects, in one log or in all logs of a store.

    Attributes:
        cursors: How far each log was read, by the id of the log. Whoever keeps them can go on from there later.
    """

    def __init__(
        self,
        store: Store,
        query: Query | None = None,
        *,
        log: Log | None = None,
        cursors: Mapping[str, Cursor] | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            store: The store.
            query: Selects the events. The store searches for them. None: all events.
            log: The only log to read. None: all logs in use, also those that are made later.
            cursors: Where to start, by the id of the log. A log that is not among them is read from its start.

        Raises:
            ValueError: The query names a type that is not registered, or an older one.
            TypeError: `query` or `log` is of another type.
        """
        check_type("the query of a subscription", query or Query(), Query)
        if log is not None:
            check_type("the log of a subscription", log, Log, "one that `store.open(name)` returns")
        self._store = store
        self._query = query or Query()
        self._query.as_recorded(store.types)
        self._log = log
        self.cursors = dict(cursors or {})
        self._read: list[Log] = []

    def catch_up(self) -> Iterator[tuple[Log, Recorded[Any]]]:
        """Read the events that were recorded since the last call, each with its log.

        A cursor moves on when all the events before it were taken. If a caller stops halfway, it may get events again. If it
        comes to an event that cannot be read, it may again get those before it in the same commit.

        Raises:
            DamagedLog: A log is missing, or cannot be read to its end. The events of the others were given.
            StaleCursor: A log has changed before its cursor. The events of the others were given.
            UnreadableEvent: An upcaster failed. The events before it, and those of the others, were given.
            StoreUnavailable: The store cannot be reached.
        """
        read: list[Log] = []
        failure: CqrsError | None = None
        for log in logs_of(self._store, self._log):
            read.append(log)
            try:
                for events, cursor in log.selected(self._query, self.cursors.get(log.id, START)):
                    for event in filter(self._query.wants, events):
                        yield log, event
                    self.cursors[log.id] = cursor
            except (StaleCursor, UnreadableEvent) as error:
                failure = failure or error
            if log.damage is not None:
                failure = failure or DamagedLog(log.damage)
        self._read = read
        if failure is not None:
            raise failure

    def follow(self, stopped: Callable[[], bool]) -> Iterator[tuple[Log, Recorded[Any]]]:
        """Read the events that are there, and then each new one as it comes, until stopped.

        While the store cannot be reached, it waits and tries again.

        Args:
            stopped: Returns whether to stop. It is asked at least every second while nothing comes.

        Raises:
            DamagedLog: A log cannot be read to its end.
            StaleCursor: A log has changed before its cursor.
            UnreadableEvent: An upcaster failed.
            LogReplaced: Another log has taken the place of the only log.
        """
        return follow(self._store, self.catch_up, self._ends, stopped)

    def _ends(self) -> list[tuple[Log, Cursor]]:
        return [(log, self.cursors.get(log.id, START)) for log in self._read]
