"""Logs by name in a directory: `lists/NAME.jsonl` those in use, `archive/NAME.jsonl` those put away."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

from ...core import (
    Checkpoints,
    EventTypes,
    InvalidLogName,
    Log,
    LogExists,
    LogNotFound,
    Repair,
    Store,
    T,
    Verdict,
    check_log_name,
)
from ..format import FORMAT, VERSION, Header, encode_header
from ..signals import signals_held
from .files import (
    create_durable,
    explained,
    locked,
    make_directory,
    sync_directory,
    there,
)
from .log import JsonlLog
from .notes import lock_of, moving_notes

_SUFFIX = ".jsonl"


class JsonlStore(Store):
    """A directory of logs, made when the first log is."""

    def __init__(self, directory: str, types: EventTypes) -> None:
        self.url = f"jsonl:{directory}"
        self._types = types
        self._lists = os.path.join(directory, "lists")
        self._archive = os.path.join(directory, "archive")
        self._reactions = os.path.join(directory, "reactions")

    def names(self, *, archived: bool = False) -> list[str]:
        directory = self._archive if archived else self._lists
        with explained(directory):
            files = os.listdir(directory) if there(directory) else []
            names = (_name(file) for file in files if file.endswith(_SUFFIX))
            return sorted(name for name in names if name is not None and there(_file(directory, name)))

    def create(self, name: str, at: datetime) -> Log:
        name = check_log_name(name)
        path = self._path(name)
        line = encode_header(Header(FORMAT, VERSION, os.urandom(16).hex(), name, at))
        with self._holding(name):
            sync_directory(
                os.path.dirname(self._lists)
            )  # a process killed while it made the directory may not have come to this
            try:
                create_durable(path, line)
            except FileExistsError:
                raise LogExists(name) from None
            return self.open(name)

    def open(self, name: str) -> Log:
        name = check_log_name(name)
        return JsonlLog(self._path(name), name, self._types, self.progress)

    def rename(self, old: str, new: str) -> None:
        old, new = check_log_name(old), check_log_name(new)
        with self._holding(old, new):
            _move(self._path(old), self._path(new), old, new)

    def archive(self, name: str) -> None:
        name = check_log_name(name)
        with self._holding(name), explained(self._archive):
            make_directory(self._archive)
            _move(self._path(name), self._archived(name), name, name)

    def unarchive(self, name: str) -> None:
        name = check_log_name(name)
        with self._holding(name):
            _move(self._archived(name), self._path(name), name, name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        ours = [log for log in logs if isinstance(log, JsonlLog)]
        with self._holding(*(log.name for log in ours)) as locks, signals_held(), ExitStack() as held:
            for log in ours:
                held.enter_context(log.holding(locks[log.name]))
            return work()

    def checkpoints(self) -> Checkpoints:
        from .checkpoints import FileCheckpoints

        return FileCheckpoints(self._reactions)

    def verify(self, name: str, *, archived: bool = False) -> Verdict:
        from .check import examine

        name = check_log_name(name)
        return examine(self._where(name, archived), name, self.progress)

    def repair(self, name: str, *, archived: bool = False, dry_run: bool = False) -> Repair | None:
        from .repair import repair

        name = check_log_name(name)
        path = self._where(name, archived)
        if dry_run:
            return repair(path, name, dry_run=True)
        with self._holding(name), signals_held():
            return repair(path, name, dry_run=False)

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        from .transfer import put_in_place, verified

        name = check_log_name(name)
        with verified(self._lists, name, lines) as incoming, self._holding(name), signals_held():
            return put_in_place(self._path(name), name, incoming)

    def _where(self, name: str, archived: bool) -> str:
        return self._archived(name) if archived else self._path(name)

    def _path(self, name: str) -> str:
        return _file(self._lists, name)

    def _archived(self, name: str) -> str:
        return _file(self._archive, name)

    @contextmanager
    def _holding(self, *names: str) -> Iterator[Mapping[str, int]]:
        """Hold the locks of these names; gives the open lock file of each.

        Everybody takes the locks in the same order, so that nobody waits in a circle.
        """
        with explained(self._lists), ExitStack() as locks:
            make_directory(self._lists)
            yield {
                name: locks.enter_context(locked(lock_of(self._path(name)), self._path(name))) for name in sorted(set(names))
            }


def _file(directory: str, name: str) -> str:
    return os.path.join(directory, f"{name}{_SUFFIX}")


def _name(file: str) -> str | None:
    try:
        return check_log_name(file.removesuffix(_SUFFIX))
    except InvalidLogName:
        return None  # not a file of ours: no log can bear that name


def _move(source: str, target: str, old: str, new: str) -> None:
    """Give a log's file another name; safe from overwriting because whoever makes a file holds the same locks."""
    if not there(source):
        raise LogNotFound(old)
    if there(target):
        raise LogExists(new)
    with moving_notes(source, target):
        os.rename(source, target)
        sync_directory(os.path.dirname(target))
        sync_directory(os.path.dirname(source))
