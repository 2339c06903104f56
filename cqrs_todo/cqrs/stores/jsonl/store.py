"""Logs by name in a directory: those in use are `lists/NAME.jsonl`, the archived ones `archive/NAME.jsonl`."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from ...cursor import START, Cursor
from ...errors import READ_AGAIN, DamagedLog, LogExists, LogNotFound, MissingLog, ReadOnlyLog, StaleCursor
from ...events import EventTypes
from ...names import NAME_BYTES, check_free, check_log_name, check_streams, name_key
from ...store import Known, Log, LogHead, Progress, Store, T, at_work, no_progress, nothing_known
from ..format import FORMAT, VERSION, Header, encode_header, event_ids, log_in
from ..hash_chain import last_digest
from ..signals import delay_signals
from .files import (
    SUFFIX,
    check_reachable,
    create_durable,
    dated,
    file_lock,
    make_directory,
    os_errors_as_store_errors,
    shared_lock,
    sync_directory,
    sync_file,
    there,
)
from .head_record import (
    clear_record,
    lock_path,
    log_and_head,
    moving_record,
    read_record,
    record_head,
    require_record,
    set_sync_failed,
)
from .log import JsonlLog

if TYPE_CHECKING:
    from ...checkpoints import Checkpoints
    from ...forgetting import Forgetting
    from ...replication import MergedLog, MergeRules, MergeTerms
    from ...verification import Repair, Stray, Verdict
    from .inventory import Inventory


class JsonlStore(Store):
    """A directory of logs, which is made together with the first log."""

    def __init__(
        self, directory: str, types: EventTypes, *, progress: Progress = no_progress, cache: str | None = None
    ) -> None:
        """Open a store. The arguments are those of `open_store`, with the path of the directory instead of a URL."""
        self.url = f"jsonl:{directory}"
        self.types = types
        self._progress = progress
        self._in_use = os.path.join(directory, "lists")
        self._archive = os.path.join(directory, "archive")
        self._reactions = os.path.join(directory, "reactions")
        self._indexes = os.path.join(cache or directory, "index")
        self._at_work: set[int] = set()

    def names(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs; see `Store`."""
        return self._inventory().names(archived=archived)

    def create(self, name: str, at: datetime) -> Log:
        """Make an empty log; see `Store`."""
        name = check_log_name(name)
        path = self._path(name)
        id = os.urandom(16).hex()
        line = encode_header(Header(FORMAT, VERSION, id, name, at))
        self._check_new(name)
        with self._holding(name, _key_lock(name)):
            # a process that was killed after it made the directory may not have synced it
            sync_directory(os.path.dirname(self._in_use))
            self._check_free(name)
            try:
                create_durable(path, line)
            except FileExistsError:
                raise LogExists(name) from None
            record_head(path, id, _after(line))
            return self.open(name)

    def open(self, name: str) -> Log:
        """Open a log; see `Store`. A file that another program copied from a log can only be read."""
        name = check_log_name(name)
        try:
            log = JsonlLog(self._path(name), name, self.types, self._progress, self._indexes)
        except LogNotFound:
            self._inventory().check(name, archived=False)
            raise
        log.opened_by = self
        if not log.head_is_recorded or log.made_as != name:
            inventory = self._inventory()
            inventory.check(name, archived=False)
            original = inventory.original_of(name)
            if original is not None:
                log.forbid_appending(f"{self._path(name)} is a copy of {original.path}: it can be read, but not changed")
        return log

    def open_archived(self, name: str) -> Log:
        """Open an archived log to read it; see `Store`."""
        name = check_log_name(name)
        self._inventory().check(name, archived=True)
        log = JsonlLog(self._archived(name), name, self.types, self._progress, self._indexes)
        log.read_only = f"{name} is archived"
        return log

    def rename(self, old: str, new: str) -> None:
        """Give a log another name; see `Store`."""
        old, new = check_log_name(old), check_log_name(new)
        self._check_there(old)
        self._check_new(new, instead_of=old)
        with self._holding(old, new, _key_lock(new)):
            self._inventory().check(old, archived=False)
            self._check_free(new, instead_of=old)
            _move(self._path(old), self._path(new), old, new)

    def archive(self, name: str) -> None:
        """Archive a log; see `Store`."""
        name = check_log_name(name)
        self._check_there(name)
        with self._holding(name), os_errors_as_store_errors(self._archive):
            for archived in (False, True):
                self._inventory().check(name, archived=archived)
            make_directory(self._archive)
            _move(self._path(name), self._archived(name), name, name)

    def unarchive(self, name: str) -> None:
        """Make an archived log one of the logs in use again; see `Store`."""
        name = check_log_name(name)
        self._check_there(name, archived=True)
        with self._holding(name, _key_lock(name)):
            self._inventory().check(name, archived=True)
            self._check_free(name, instead_of=name)
            _move(self._archived(name), self._path(name), name, name)

    def together(self, logs: Sequence[Log], work: Callable[[], T]) -> T:
        """Do a piece of work while nobody else can write to some logs; see `Store`."""
        with at_work(self._at_work, logs, self.url, lambda log: isinstance(log, JsonlLog) and log.opened_by is self):
            ours = [log for log in logs if isinstance(log, JsonlLog)]
            with self._locks(*(log.name for log in ours)) as locks, delay_signals() as arrived, ExitStack() as held:
                for log in ours:
                    with shared_lock(self._path(log.name)):
                        pass  # a sync that stands still is found out before anything is written
                for log in ours:
                    held.enter_context(log.holding(locks[log.name]))
                result = work()
                if arrived and ours:
                    names = " and ".join(sorted(log.name for log in ours))
                    ours[0].warnings.append(f"the change to {names} was finished before the interruption")
                return result

    def missing(self) -> Sequence[MissingLog]:
        """Return an error for each missing log; see `Store`."""
        return self._inventory().missing()

    def set_aside(self, name: str, *, archived: bool = False) -> str:
        """Free the name of a missing log; see `Store`."""
        name = check_log_name(name)
        path = self._where(name, archived)
        if not self._is_missing(name, archived):
            return ""
        with self._holding(name), os_errors_as_store_errors(path):
            if self._is_missing(name, archived):
                aside = dated(path, "missing")
                create_durable(aside, require_record(path).rstrip() + b"\n")
                clear_record(path)
                return aside
        return ""

    def _is_missing(self, name: str, archived: bool) -> bool:
        try:
            self._inventory().check(name, archived=archived)
        except MissingLog:
            return True
        return False

    def originals(self, *, archived: bool = False) -> list[str]:
        """Return the names of the logs without copies of other logs; see `Store`."""
        inventory = self._inventory()
        copies = inventory.copies(archived=archived)
        return [name for name in inventory.names(archived=archived) if name not in copies]

    def strays(self) -> Sequence[Stray]:
        """Return the files that another program put beside the logs; see `Store`."""
        return self._inventory().strays()

    def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the reactions; see `Store`."""
        from .checkpoints import FileCheckpoints

        return FileCheckpoints(self._reactions)

    def verify(self, name: str, *, archived: bool = False, known: Known = nothing_known) -> Verdict:
        """Read a whole log and check it; see `Store`."""
        from .verify import verify

        name = check_log_name(name)
        self._inventory().check(name, archived=archived)
        return verify(self._where(name, archived), name, self._progress, known)

    def repair(
        self, name: str, *, archived: bool = False, dry_run: bool = False, known: Known = nothing_known
    ) -> Repair | None:
        """Repair a damaged log; see `Store`."""
        from io import BytesIO

        from .checkpoints import FileCheckpoints
        from .repair import planned, put_in_place

        name = check_log_name(name)
        path = self._where(name, archived)
        self._inventory().check(name, archived=archived)
        if dry_run:
            found = planned(path, name, known)
            return None if found is None else found[0].described
        self._check_there(name, archived=archived)
        with self._holding(name), delay_signals():
            found = planned(path, name, known)
            if found is None:
                self._reread_by_reactions(path)
                return None
            plan, damaged = found
            start = _after(plan.content.partition(b"\n")[0] + b"\n")

            def before() -> Iterable[tuple[int, str]]:  # none if the repair writes no other lines than there were
                return event_ids(BytesIO(damaged)) if plan.content != damaged else ()

            checkpoints = FileCheckpoints(self._reactions)
            with checkpoints.moving([plan.log], plan.unmoved, start, before, lambda _: False):
                return put_in_place(path, plan, damaged)

    def _reread_by_reactions(self, path: str) -> None:
        """Let the reactions to an intact log read it again from its start, and go on where they are, or at its end.

        Args:
            path: The file of the log.
        """
        from .checkpoints import FileCheckpoints

        recorded = log_and_head(read_record(path))
        if recorded is None:  # nothing is known of its end
            return
        with os_errors_as_store_errors(path), open(path, "rb") as file:
            header = file.readline()
        log, head = recorded
        FileCheckpoints(self._reactions).set_back(log, head.position, _after(header), tuple, lambda _: False)

    def forget(self, name: str, streams: Collection[str], *, archived: bool = False) -> Forgetting:
        """Forget streams; see `Store`.

        Files beside the logs that keep bytes of this log, or name one of the streams, are removed. So is the index. A file
        that another program copied from the log is not reached, unless it is a log of its own name.
        """
        check_streams(streams)
        from ...forgetting import Forgetting
        from .checkpoints import FileCheckpoints
        from .forget import forget, remove_set_aside
        from .index import index_path, remove_index
        from .transfer import remove_left_behind

        name = check_log_name(name)
        path = self._where(name, archived)
        self._check_there(name, archived=archived)
        with self._holding(name), delay_signals():
            inventory = self._inventory()
            inventory.check(name, archived=archived)
            done = forget(path, name, streams, is_copy=inventory.is_copy(path))
            FileCheckpoints(self._reactions).forget(done.log, done.ids, _after(done.lines[0]))
            remove_index(index_path(self._indexes, done.log))
            removed, failed = remove_set_aside((self._in_use, self._archive), name, done.log, streams)
            with os_errors_as_store_errors(self._in_use):
                remove_left_behind(self._in_use, name)
            copies = self._inventory().copies_with(done.log, path, streams)
            unreached = (*failed, *(f"{copy} (a copy of the log)" for copy in copies))
            return Forgetting(done.log, done.events, tuple(removed), unreached, done.absent)

    def kept_logs(self) -> Sequence[str]:
        """Return the files that keep logs as they were before merges; see `Store`."""
        from .inventory import kept_logs

        with os_errors_as_store_errors(self._in_use):
            return kept_logs((self._in_use, self._archive))

    def verify_kept(self, path: str) -> str:
        """Check a file that keeps a log as it was before a merge; see `Store`."""
        from ..format import InvalidLine
        from .repair import verified_end

        with os_errors_as_store_errors(path), open(path, "rb") as file:
            content = file.read()
        try:
            verified_end(content)
        except InvalidLine as error:
            return str(error)
        return ""

    def heads(self) -> Sequence[LogHead]:
        """Return the end of each log; see `Store`."""
        return self._inventory().heads()

    def merge(
        self,
        name: str,
        copy: bytes,
        rules: MergeRules[Any, Any, Any],
        *,
        since: Cursor = START,
        dry_run: bool = False,
        terms: MergeTerms | None = None,
    ) -> MergedLog:
        """Merge another copy of a log into the log; see `Store`."""
        from ...replication import EQUALS
        from .checkpoints import FileCheckpoints
        from .forget import remove_set_aside
        from .index import index_path, remove_index
        from .merge import outcome, planned, put_in_place

        name = check_log_name(name)
        path = self._path(name)
        inventory = self._inventory()
        inventory.check(name, archived=False)
        if inventory.is_copy(path):
            raise ReadOnlyLog(f"{path} is a copy of another log: merge it into that one instead; nothing was merged")

        terms = EQUALS if terms is None else terms
        merge = partial(planned, path, name, copy, since=since, types=self.types, rules=rules, terms=terms)
        if dry_run:
            return outcome(merge()[0], rules)
        self._check_there(name)
        with self._holding(name), delay_signals():
            merged, tail = merge()
            result = outcome(merged, rules)
            if not result.changed and self.open(name).id == merged.log:  # a log that is joined may get the other's id alone
                return result
            start = _after(merged.lines[0])
            checkpoints = FileCheckpoints(self._reactions)
            old = self.open(name).id if terms.join else merged.log
            moved, joined = merged.trunk == 1 or bool(result.forgotten), old != merged.log
            moving = checkpoints.moving(
                dict.fromkeys((old, merged.log)),
                merged.base_position if moved else merged.end.position,
                start,
                partial(event_ids, merged.copies[0].lines),
                partial(_holds, path),
            )
            with moving if moved or joined else nullcontext():
                if joined:
                    checkpoints.copy(old, merged.log)
                remove_index(index_path(self._indexes, merged.log))
                kept = put_in_place(path, merged, tail)
            if joined:
                checkpoints.remove(old)
            failed: list[str] = []
            if result.forgotten:
                events = (event for commit in merged.commits for event in commit.events)
                gone = {event.recorded_id for event in events if event.stream in merged.forgotten}
                checkpoints.forget(merged.log, gone, start)
                remove_index(index_path(self._indexes, merged.log))
                _, failed = remove_set_aside((self._in_use, self._archive), name, merged.log, result.forgotten, but=kept)
                copies = self._inventory().copies_with(merged.log, path, result.forgotten)
                failed += [f"{each} (a copy of the log)" for each in copies]
            return outcome(merged, rules, failed, kept)

    def import_log(self, name: str, lines: Iterable[bytes], *, since: Cursor = START) -> int:
        """Make a log from its exported lines, or add the new ones; see `Store`."""
        from ...operation_errors import ImportRefused
        from .transfer import put_in_place, verified

        name = check_log_name(name)
        # the file is replaced, so that a kill leaves either all of the lines or none of them
        rest = _continued(self.open(name), since, lines) if since.digest else iter(lines)
        first = next(rest, b"")
        header = log_in(first.removesuffix(b"\n"))
        if header is not None and header.newer:
            newer = f"the log was made by a newer program: its format {header.version} is newer than this program's"
            raise ImportRefused(f"{newer}; nothing was imported")
        lines = chain((first,), rest) if first else ()
        with verified(self._in_use, name, lines) as incoming:
            self._check_import(name, incoming.header.id)  # before a lock file is made
            with self._holding(name, _key_lock(name)), delay_signals():
                self._check_import(name, incoming.header.id)
                return put_in_place(self._path(name), name, incoming)

    def _check_import(self, name: str, log_id: str) -> None:
        """Raise unless a log may be imported under a name: as a new one, or to continue the one that is there."""
        self._check_taken(name, instead_of=name)
        with os_errors_as_store_errors(self._in_use):
            exists, archived = there(self._path(name)), there(self._archived(name))
        inventory = self._inventory()
        for place in (False, True):
            try:
                inventory.check(name, archived=place)
            except MissingLog as missing:
                if exists or log_id != missing.id:  # otherwise these lines are what is missing, or a part of it
                    raise
        if archived and not exists:
            raise LogExists(name, archived=True)
        holder = None if exists else next((log for log in inventory.logs_with_id(log_id) if log.name != name), None)
        if holder is not None and holder.name is not None:
            from ...operation_errors import SameLog

            raise SameLog(holder.name, archived=holder.archived)

    def _inventory(self) -> Inventory:
        from .inventory import Inventory  # a log that is there and was recorded needs none

        return Inventory(self._in_use, self._archive)

    def _check_free(self, name: str, *, instead_of: str | None = None) -> None:
        """Raise unless a log may be given a name, as far as that depends on other names and on what had been recorded."""
        for archived in (False, True):
            self._inventory().check(name, archived=archived)
        self._check_taken(name, instead_of=instead_of)

    def _check_new(self, name: str, *, instead_of: str | None = None) -> None:
        """Raise unless a log may be given a name, as far as that is known without a lock.

        Lock files are never removed, so none is made for a name that cannot be given anyway.
        """
        self._check_free(name, instead_of=instead_of)
        with os_errors_as_store_errors(self._in_use):
            if there(self._path(name)):
                raise LogExists(name)

    def _check_there(self, name: str, *, archived: bool = False) -> None:
        """Raise unless there is a log, as far as that is known without a lock, and so without a lock file for no log."""
        path = self._where(name, archived)
        with os_errors_as_store_errors(path):
            if there(path):
                return
        self._inventory().check(name, archived=archived)
        raise LogNotFound(name)

    def _check_taken(self, name: str, *, instead_of: str | None = None) -> None:
        """Raise `LogExists` if an archived log has a name, or any log a name that differs from it only by case."""
        taken = ((other, archived) for archived in (False, True) for other in self.names(archived=archived))
        check_free(name, taken, instead_of=instead_of)

    def _where(self, name: str, archived: bool) -> str:
        return self._archived(name) if archived else self._path(name)

    def _path(self, name: str) -> str:
        return _file(self._in_use, name)

    def _archived(self, name: str) -> str:
        return _file(self._archive, name)

    @contextmanager
    def _holding(self, *names: str) -> Iterator[Mapping[str, int]]:
        """Hold the locks of some names during the block, in which an `OSError` becomes a `StoreUnavailable`.

        A writer that has released its lock may still sync its file, and record that. The block begins when it is done.
        """
        with os_errors_as_store_errors(self._in_use), self._locks(*names) as locks, ExitStack() as files:
            for name in sorted(set(names)):
                files.enter_context(shared_lock(self._path(name)))
            yield locks

    @contextmanager
    def _locks(self, *names: str) -> Iterator[Mapping[str, int]]:
        """Hold the locks of some names during the block.

        Every process takes the locks in the same order, so that none of them wait for each other in a circle.

        Yields:
            The file descriptor of the lock file of each name.
        """
        with ExitStack() as locks:
            with os_errors_as_store_errors(self._in_use):
                check_reachable(self._in_use)
                make_directory(self._in_use)
                held = {
                    name: locks.enter_context(file_lock(lock_path(self._path(name)), self._path(name)))
                    for name in sorted(set(names))
                }
            yield held


def _after(header: bytes) -> Cursor:
    """Return the cursor after the header of a log."""
    return Cursor(0, 1, len(header), last_digest(header))


def _holds(path: str, cursor: Cursor) -> bool:
    """Return whether a cursor that a log has given is in an intact file, so that what comes before it is what it was."""
    with os_errors_as_store_errors(path), open(path, "rb") as file:
        return bool(cursor.digest) and any(last_digest(line) == cursor.digest for line in file)


def _file(directory: str, name: str) -> str:
    return os.path.join(directory, f"{name}{SUFFIX}")


def _key_lock(name: str) -> str:
    """Return a name whose lock is held by everyone who makes a log, the same for all names that differ only by case."""
    return name_key(name).encode()[:NAME_BYTES].decode(errors="ignore")


def _move(source: str, target: str, old: str, new: str) -> None:
    """Rename the file of a log. It overwrites nothing, because everyone who makes such a file holds the same locks."""
    if not there(source):
        raise LogNotFound(old)
    if there(target):
        raise LogExists(new)
    try:
        sync_file(source)  # a writer may not have come to its sync
    except OSError:
        set_sync_failed(source)
        raise
    with moving_record(source, target):
        os.rename(source, target)
        sync_directory(os.path.dirname(target))
        sync_directory(os.path.dirname(source))


def _continued(log: Log, since: Cursor, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a log up to a cursor, and then those that come after it.

    Raises:
        DamagedLog: The log is damaged before the cursor.
        StaleCursor: It has changed before the cursor.
    """
    size, last = 0, b""
    for last in log.lines():
        size += len(last)
        yield last
        if size >= since.offset:
            break
    if log.damage is not None:
        raise DamagedLog(log.damage)
    if size != since.offset or last_digest(last) != since.digest:
        raise StaleCursor(f"{log.name} is not what it was at @{since.position}", READ_AGAIN)
    yield from lines
