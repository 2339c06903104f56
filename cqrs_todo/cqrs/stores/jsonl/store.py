"""Logs by name in a directory: `lists/NAME.jsonl` those in use, `archive/NAME.jsonl` those put away."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import chain

from ...errors import ImportRefused, LogExists, LogNotFound, MissingLog, StaleMark
from ...events import EventTypes
from ...names import NAME_BYTES, check_log_name, name_key
from ...store import Checkpoints, Known, Log, Progress, Repair, Store, Stray, T, Verdict, no_progress, nothing_known
from ..chain import Spot
from ..format import FORMAT, VERSION, Header, encode_header, log_in
from ..seals import last_sum
from ..signals import signals_held
from .files import (
    create_durable,
    dated,
    explained,
    locked,
    make_directory,
    sync_directory,
    there,
)
from .log import JsonlLog, spot_of
from .notes import clear_notes, keep_head, lock_of, moving_notes, noted
from .records import SUFFIX, Look, check_reachable


class JsonlStore(Store):
    """A directory of logs, made when the first log is."""

    def __init__(self, directory: str, types: EventTypes, *, progress: Progress = no_progress) -> None:
        self.url = f"jsonl:{directory}"
        self._types = types
        self._progress = progress
        self._lists = os.path.join(directory, "lists")
        self._archive = os.path.join(directory, "archive")
        self._reactions = os.path.join(directory, "reactions")

    def names(self, *, archived: bool = False) -> list[str]:
        return self._look().names(archived=archived)

    def create(self, name: str, at: datetime) -> Log:
        name = check_log_name(name)
        path = self._path(name)
        id = os.urandom(16).hex()
        line = encode_header(Header(FORMAT, VERSION, id, name, at))
        with self._holding(name, _key_lock(name)):
            # a process that was killed while it made the directory may not have come to this
            sync_directory(os.path.dirname(self._lists))
            self._check_free(name)
            try:
                create_durable(path, line)
            except FileExistsError:
                raise LogExists(name) from None
            keep_head(path, id, Spot(1, len(line), last_sum(line), 0))
            return self.open(name)

    def open(self, name: str) -> Log:
        name = check_log_name(name)
        try:
            log = JsonlLog(self._path(name), name, self._types, self._progress)
        except LogNotFound:
            self._look().check(name, archived=False)
            raise
        if not log.noted or log.made_as != name:
            look = self._look()
            look.check(name, archived=False)
            original = look.original_of(name)
            if original is not None:
                told = f"{self._path(name)} is a copy of {original.path}, which is another list"
                log.forbid_appending(f"{told}: it can only be read, because changes would give one log two histories")
        return log

    def rename(self, old: str, new: str) -> None:
        old, new = check_log_name(old), check_log_name(new)
        with self._holding(old, new, _key_lock(new)):
            self._look().check(old, archived=False)
            self._check_free(new, instead_of=old)
            _move(self._path(old), self._path(new), old, new)

    def archive(self, name: str) -> None:
        name = check_log_name(name)
        with self._holding(name), explained(self._archive):
            for archived in (False, True):
                self._look().check(name, archived=archived)
            make_directory(self._archive)
            _move(self._path(name), self._archived(name), name, name)

    def unarchive(self, name: str) -> None:
        name = check_log_name(name)
        with self._holding(name, _key_lock(name)):
            self._look().check(name, archived=True)
            self._check_free(name)
            _move(self._archived(name), self._path(name), name, name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        ours = [log for log in logs if isinstance(log, JsonlLog)]
        with self._holding(*(log.name for log in ours)) as locks, signals_held() as came, ExitStack() as held:
            for log in ours:
                held.enter_context(log.holding(locks[log.name]))
            result = work()
            if came:
                names = " and ".join(sorted(log.name for log in ours))
                ours[0].notices.append(f"what was being done with {names} was finished before the interruption")
            return result

    def missing(self) -> Sequence[MissingLog]:
        return self._look().missing()

    def set_aside(self, name: str, *, archived: bool = False) -> str:
        name = check_log_name(name)
        path = self._where(name, archived)
        with self._holding(name), explained(path):
            try:
                self._look().check(name, archived=archived)
            except MissingLog:
                aside = dated(path, "missing")
                create_durable(aside, noted(path).rstrip() + b"\n")
                clear_notes(path)
                return aside
        return ""

    def strays(self) -> Sequence[Stray]:
        return self._look().strays()

    def checkpoints(self) -> Checkpoints:
        from .checkpoints import FileCheckpoints

        return FileCheckpoints(self._reactions)

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        from .check import examine

        name = check_log_name(name)
        self._look().check(name, archived=archived)
        return examine(self._where(name, archived), name, self._progress, _head_in(known))

    def repair(
        self, name: str, *, archived: bool = False, dry_run: bool = False, known: Known = nothing_known
    ) -> Repair | None:
        from .repair import repair

        name = check_log_name(name)
        path = self._where(name, archived)
        self._look().check(name, archived=archived)
        if dry_run:
            return repair(path, name, dry_run=True, known=_head_in(known))
        with self._holding(name), signals_held():
            return repair(path, name, dry_run=False, known=_head_in(known))

    def import_log(self, name: str, lines: Iterable[bytes]) -> int:
        from .transfer import put_in_place, verified

        name = check_log_name(name)
        rest = iter(lines)
        first = next(rest, b"")
        header = log_in(first.removesuffix(b"\n"))
        if header is not None and header.newer:
            newer = f"the log was made by a newer program: its format {header.version} is newer than this program's"
            raise ImportRefused(f"{newer}; nothing was imported")
        lines = chain((first,), rest) if first else ()
        with (
            verified(self._lists, name, lines) as incoming,
            self._holding(name, _key_lock(name)),
            signals_held(),
        ):
            self._check_import(name, incoming.header.id)
            return put_in_place(self._path(name), name, incoming)

    def _check_import(self, name: str, log_id: str) -> None:
        """Raise unless a log may be imported under a name: as a new one, or to go on with the one that is there."""
        self._check_spelling(name)
        with explained(self._lists):
            exists, archived = there(self._path(name)), there(self._archived(name))
        look = self._look()
        for place in (False, True):
            try:
                look.check(name, archived=place)
            except MissingLog as missing:
                if exists or log_id != missing.id:  # otherwise these lines are what is missing, or a part of it
                    raise
        if archived and not exists:
            raise LogExists(name, archived=True)
        holder = None if exists else next((log for log in look.lists_with(log_id) if log.name != name), None)
        if holder is not None:
            shown = f"the log {holder.name}{' (archived)' if holder.archived else ''} of this store"
            same = "is the one that these lines are: a second one would be a copy; nothing was imported"
            raise ImportRefused(f"{shown} {same}")

    def _look(self) -> Look:
        return Look(self._lists, self._archive)

    def _check_free(self, name: str, *, instead_of: str | None = None) -> None:
        """Raise unless a log may be given a name, as far as that depends on other names and on what had been recorded."""
        for archived in (False, True):
            self._look().check(name, archived=archived)
        self._check_spelling(name, instead_of=instead_of)

    def _check_spelling(self, name: str, *, instead_of: str | None = None) -> None:
        """Raise `LogExists` if another log's name differs from a name only by case."""
        key = name_key(name)
        for other in (*self.names(), *self.names(archived=True)):
            if name_key(other) == key and other not in (name, instead_of):
                raise LogExists(other, name)

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
            check_reachable(self._lists)
            make_directory(self._lists)
            yield {
                name: locks.enter_context(locked(lock_of(self._path(name)), self._path(name))) for name in sorted(set(names))
            }


def _file(directory: str, name: str) -> str:
    return os.path.join(directory, f"{name}{SUFFIX}")


def _key_lock(name: str) -> str:
    """The name whose lock is held, too, by everyone who makes a log of a name that differs from this one only by case."""
    return name_key(name).encode()[:NAME_BYTES].decode(errors="ignore")


def _head_in(known: Known) -> Callable[[str], Spot | None]:
    """What is known of a log as a spot in its file; a mark that is none of a file says nothing."""

    def head(log_id: str) -> Spot | None:
        mark = known(log_id)
        with suppress(StaleMark):
            return None if mark is None else spot_of(mark)
        return None

    return head


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
