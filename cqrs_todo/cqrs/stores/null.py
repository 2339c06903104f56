"""A store that keeps nothing: every log is empty, every append is accepted as if to an empty log, and is forgotten."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ..errors import LogNotFound
from ..events import Commit, EventTypes, Metadata, Outline
from ..names import check_log_name
from ..store import Append, Checkpoints, Known, Log, Mark, Place, Store, T, Verdict, nothing_known, record


class NullLog(Log):
    """A log that is always empty."""

    def __init__(self, name: str, created: datetime, types: EventTypes) -> None:
        super().__init__("null", name, created)
        self._types = types

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        return record(appends, metadata, self._types, 0, {})

    def commits(self, since: Place = 0) -> Iterator[Commit]:
        return iter(())

    def outlines(self, since: Place = 0) -> Iterator[Sequence[Outline]]:
        return iter(())

    def commits_backward(self, before: int | Mark | None = None) -> Iterator[Commit]:
        return iter(())

    def mark(self) -> Mark:
        return Mark(0, "", lambda _: 0)

    def sync(self) -> None:
        return None


class NullCheckpoints(Checkpoints):
    """Every reaction is always at the beginning."""

    def load(self, reaction: str, log_id: str) -> int:
        return 0

    def save(self, reaction: str, log_id: str, position: int) -> None:
        return None


class NullStore(Store):
    """A store in which no log is ever found."""

    url = "null:"

    def __init__(self, types: EventTypes) -> None:
        self._types = types

    def names(self, *, archived: bool = False) -> list[str]:
        return []

    def create(self, name: str, at: datetime) -> Log:
        return NullLog(check_log_name(name), at, self._types)

    def open(self, name: str) -> Log:
        raise LogNotFound(check_log_name(name))

    def rename(self, old: str, new: str) -> None:
        self.open(old)

    def archive(self, name: str) -> None:
        self.open(name)

    def unarchive(self, name: str) -> None:
        self.open(name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        return work()

    def checkpoints(self) -> Checkpoints:
        return NullCheckpoints()

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        raise LogNotFound(check_log_name(name))
