"""The read models of the lists: which there are, and where they are kept. They are a cache, and losing them costs only time.

They are in the cache folder, in a folder for each store: its lists share their tables, so that one question finds todos of
all lists. They catch up when they are read.
"""

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib import import_module
from typing import Any, TypeVar

from ..cqrs.cursor import Cursor
from ..cqrs.errors import CqrsError, StoreUnavailable, UnknownEvents
from ..cqrs.projections import NewerProjection, Projection, ProjectionFailed, ReadModel, Tables
from ..cqrs.projections.sqlite import DamagedTables, MemoryTables, SqliteTables
from ..cqrs.store import Log, Store
from ..cqrs.struct import Struct
from ..cqrs.subscriptions import without_copies
from ..todo import read_models
from .config import cache_dir
from .errors import UsageError

T = TypeVar("T")


class KnownModel(Struct, frozen=True):
    """A read model of this program.

    Args:
        name: Its name. Its projection is in the module of `todo.read_models` with this name.
        purpose: What it is for.
    """

    name: str
    purpose: str

    @property
    def projection(self) -> Projection[Any]:
        """How its rows are derived.

        Raises:
            ImportError: It needs a package that is not installed.
        """
        projection: Projection[Any] = import_module(f"{read_models.__name__}.{self.name}").PROJECTION
        return projection

    @property
    def is_installed(self) -> bool:
        """Whether the packages are installed that it needs."""
        try:
            return bool(self.projection)
        except ImportError:
            return False


KNOWN = (
    KnownModel("search", "todo search: present and past words"),
    KnownModel("days", "todo stats: counts by quarter of an hour"),
    KnownModel("note_html", "todo show --html: the notes as HTML"),
)
"""All read models."""


def installed() -> list[KnownModel]:
    """Return the read models whose packages are installed."""
    return [known for known in KNOWN if known.is_installed]


def known_model(name: str) -> KnownModel:
    """Return the read model with a name.

    Raises:
        UsageError: There is none.
    """
    found = next((each for each in KNOWN if each.name == name), None)
    if found is None:
        raise UsageError(f"there is no read model {name!r}", f"the read models are {', '.join(each.name for each in KNOWN)}")
    return found


def models_folder() -> str:
    """Return the folder that has a folder of read models for each store."""
    return os.path.join(cache_dir(), "models")


def clear_read_models() -> list[str]:
    """Remove the read models of all stores: several of them can hold the same log.

    Returns:
        The paths of what could not be removed.
    """
    import shutil  # only for `forget`

    left: list[str] = []
    shutil.rmtree(models_folder(), onerror=lambda _function, path, _error: left.append(path))
    return [path for path in left if os.path.lexists(path)]


class State(Struct, frozen=True):
    """The state of a read model.

    Args:
        known: Which one it is.
        built: Whether it has been built. Otherwise the first question builds it.
        size: The size of its files, in bytes.
        lag: How many positions of the lists it does not cover yet; None if that cannot be found out.
    """

    known: KnownModel
    built: bool
    size: int
    lag: int | None


class ReadModels:
    """The read models of the lists of one store."""

    def __init__(self, store: Store) -> None:
        """Prepare to read or to build them.

        Args:
            store: The store.
        """
        name = sha256(store.url.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._store = store
        self._files = SqliteTables(os.path.join(models_folder(), name))
        self._tables: Tables = self._files

    def ask(
        self, known: KnownModel, logs: Sequence[Log], question: Callable[[ReadModel], T]
    ) -> tuple[T, Sequence[CqrsError]]:
        """Bring a read model up to date, and ask it something. If it is damaged, it is derived again first.

        If the cache folder cannot be used, all is derived in memory, which is slow.

        Args:
            known: The read model.
            logs: The logs that the question is about.
            question: Reads rows.

        Returns:
            The answer, and why some logs could not be read to their ends. What comes before is in the answer.

        Raises:
            StoreUnavailable: The store cannot be reached.
            CqrsError: What the question raises.
        """
        try:
            return self._ask_files(known, logs, question)
        except StoreUnavailable:  # if it is the store that cannot be reached, this says so again
            self._tables = MemoryTables()
            return self._ask(known, logs, question)

    def _ask_files(
        self, known: KnownModel, logs: Sequence[Log], question: Callable[[ReadModel], T]
    ) -> tuple[T, list[CqrsError]]:
        """Ask the tables in the cache folder. If they are damaged, they are derived again first."""
        try:
            return self._ask(known, logs, question)
        except (DamagedTables, NewerProjection, ProjectionFailed):
            pass
        except CqrsError:
            raise
        except Exception:  # damaged rows can be anything, so `question` can raise anything: if it does so again, it is wrong
            pass
        self._files.remove(known.name)
        return self._ask(known, logs, question)

    def _ask(self, known: KnownModel, logs: Sequence[Log], question: Callable[[ReadModel], T]) -> tuple[T, list[CqrsError]]:
        failures = self._catch_up(known, logs)
        return question(ReadModel(self._store, known.projection, self._tables)), failures

    def _catch_up(self, known: KnownModel, logs: Sequence[Log]) -> list[CqrsError]:
        """Bring the rows of logs up to date, each on its own, so that one that cannot be read keeps no other one back.

        If a log was rewritten, all rows are derived again, and those of the logs before it are missing. So this goes on
        until the rows of all logs are in the same tables.
        """
        if not logs:
            ReadModel(self._store, known.projection, self._tables).catch_up()
        logs = tuple(without_copies(logs))
        while True:
            before = self._tables.current(known.name)
            failures = [error for log in logs if (error := self._failure(known, log)) is not None]
            if self._tables.current(known.name) is before or len(logs) == 1:
                return failures

    def _failure(self, known: KnownModel, log: Log) -> CqrsError | None:
        """Bring the rows of a log up to date. Return why that is not possible; None if it is."""
        try:
            ReadModel(self._store, known.projection, self._tables).catch_up(log)
        except ProjectionFailed as error:
            if not isinstance(error.__cause__, UnknownEvents):  # the rows are not as they must be
                raise DamagedTables(str(error)) from error
            return error
        except (StoreUnavailable, NewerProjection):
            raise
        except CqrsError as error:
            return error
        return None

    def rebuild(self, known: KnownModel, logs: Sequence[Log]) -> Sequence[CqrsError]:
        """Derive all rows of a read model again.

        Args:
            known: The read model.
            logs: The logs of the store.

        Returns:
            Why some logs could not be read to their ends.

        Raises:
            StoreUnavailable: The store or the cache folder cannot be reached.
        """
        self._files.remove(known.name)
        return self._catch_up(known, logs)

    def position(self, known: KnownModel, log: Log) -> int:
        """Return the end of a log when the rows of a read model were last brought up to date."""
        generation = self._tables.current(known.name)
        return 0 if generation is None else generation.checkpoint(log.id).base.position

    def state(self, known: KnownModel, logs: Callable[[], Sequence[Log]], snapshot: Callable[[str], Cursor | None]) -> State:
        """Return the state of a read model.

        Args:
            known: The read model.
            logs: Returns the logs of the store. It is called only if the read model has been built.
            snapshot: Returns the cursor of the newest snapshot of a log by its id, so that the end of a log is found fast.
        """
        try:
            size = sum(map(_size, self._files.files(known.name)))
            generation = self._tables.current(known.name)
        except StoreUnavailable:  # the verb that reads it says why
            return State(known, False, 0, None)
        if generation is None:
            return State(known, False, size, None)
        lag = 0
        try:
            for log in logs():
                base = generation.checkpoint(log.id).base
                near = max((base, snapshot(log.id) or base), key=lambda cursor: cursor.position)
                lag += max((commit.last for commit in log.commits(near)), default=near.position) - base.position
        except CqrsError:  # the verb that reads the lists says why
            return State(known, True, size, None)
        return State(known, True, size, lag)

    def close(self) -> None:
        """Close the files."""
        self._files.close()
        self._tables.close()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # SQLite has just removed it
        return 0
