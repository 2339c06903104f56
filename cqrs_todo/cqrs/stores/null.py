"""A store that keeps nothing. Every log is empty. Every append is accepted as if the log were empty, and then forgotten."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..checkpoints import Checkpoint, Checkpoints, Parked
from ..cursor import START, Cursor
from ..errors import LogNotFound
from ..events import CREATION, Commit, EventTypes, Metadata, check_aware
from ..names import check_log_name
from ..query import AppendCondition
from ..store import Append, Known, Log, Store, StreamVersions, T, at_work, check_append, nothing_known
from ..verification import Verdict
from .recording import record

if TYPE_CHECKING:
    from ..forgetting import Forgetting
    from ..protocols import EventBatch


class NullLog(Log):
    """A log that is always empty."""

    def __init__(self, name: str, created: datetime, types: EventTypes) -> None:
        """Make an empty log; the arguments are those of `Log`, and the registered events."""
        super().__init__("null", name, created, types)

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        """Return the commit that would be the first of the log."""
        check_append(appends, metadata, condition)
        return record(appends, metadata, self.types, 0, {})

    def readable_commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Return an empty iterator."""
        return iter(())

    def event_batches(
        self, since: Cursor = START, versions: StreamVersions | None = None
    ) -> "Iterator[Sequence[EventBatch]]":
        """Return an empty iterator."""
        return iter(())

    def readable_commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Return an empty iterator."""
        return iter(())

    def cursor(self) -> Cursor:
        """Return the start of the log."""
        return START

    def sync(self) -> None:
        """Do nothing."""


class NullCheckpoints(Checkpoints):
    """Checkpoints that keep nothing: every reaction is always at the start of the log."""

    def load(self, reaction: str, log_id: str) -> Checkpoint:
        """Return the checkpoint of a reaction that has not begun."""
        return Checkpoint()

    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        """Keep nothing."""
        return True

    def hold(self, reaction: str, log_id: str, holder: str, seconds: float, *, renew: bool = False) -> bool:
        """Give the lease to everyone."""
        return True

    def release(self, reaction: str, log_id: str, holder: str) -> None:
        """Do nothing."""

    def park(self, reaction: str, log_id: str, parked: Parked) -> None:
        """Keep nothing."""

    def unpark(self, reaction: str, log_id: str, event: str) -> None:
        """Do nothing."""

    def parked(self, reaction: str, log_id: str) -> Sequence[Parked]:
        """Return an empty list."""
        return []


class NullStore(Store):
    """A store in which no log is ever found."""

    url = "null:"

    def __init__(self, types: EventTypes) -> None:
        """Make a store for registered events."""
        self.types = types
        self._at_work: set[int] = set()

    def names(self, *, archived: bool = False) -> list[str]:
        """Return an empty list."""
        return []

    def create(self, name: str, at: datetime) -> Log:
        """Return an empty log, which the store does not keep."""
        check_aware(CREATION, at)
        return NullLog(check_log_name(name), at, self.types)

    def open(self, name: str) -> Log:
        """Raise `LogNotFound`."""
        raise LogNotFound(check_log_name(name))

    def rename(self, old: str, new: str) -> None:
        """Raise `LogNotFound`."""
        self.open(old)

    def archive(self, name: str) -> None:
        """Raise `LogNotFound`."""
        self.open(name)

    def unarchive(self, name: str) -> None:
        """Raise `LogNotFound`."""
        self.open(name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do a piece of work; see `Store`."""
        with at_work(self._at_work, logs, self.url, lambda log: isinstance(log, NullLog)):
            return work()

    def checkpoints(self) -> Checkpoints:
        """Return checkpoints that keep nothing."""
        return NullCheckpoints()

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Raise `LogNotFound`."""
        raise LogNotFound(check_log_name(name))

    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> "Forgetting":
        """Raise `LogNotFound`."""
        raise LogNotFound(check_log_name(name))
