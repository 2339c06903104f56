"""Writing one log in one file: the append protocol, which docs/reliability.md describes step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from fcntl import LOCK_SH
from functools import partial
from typing import TYPE_CHECKING

from ...cursor import Cursor
from ...errors import DamagedLog, LogBusy, OutcomeUnknown, StaleCursor, StoreUnavailable
from ...events import Commit, EventTypes, Metadata
from ...store import Append
from ..hash_chain import continues
from ..recording import check_condition, record, repeated
from ..signals import delay_signals
from .files import (
    create_durable,
    dated,
    file_lock,
    holder,
    is_open_as,
    lock_in_time,
    os_errors_as_store_errors,
    read_range,
    release,
    replace_durably,
    tries,
    try_lock,
    unavailable,
    write_all,
)
from .head_record import (
    clear_sync_failed,
    encode_record,
    has_sync_failed,
    head_in,
    holds,
    lock_path,
    read_lock_file,
    read_written,
    set_sync_failed,
    write_record,
)
from .lines import LogFile
from .reader import LogReader

if TYPE_CHECKING:
    from ...query import AppendCondition


class LogWriter:
    """Appends to the file of a log while it holds the log's lock file, and repairs what an interrupted write has left."""

    def __init__(self, reader: LogReader, types: EventTypes) -> None:
        """Write a log.

        Args:
            reader: Reads the same log, and takes note of what is written.
            types: The registered events.
        """
        self._reader = reader
        self._types = types
        self._path = reader.path
        self._lock_path = lock_path(reader.path)
        self._held_lock: int | None = None

    @contextmanager
    def holding(self, lock: int) -> Iterator[None]:
        """Append during the block without taking the lock, which the caller holds.

        Args:
            lock: The file descriptor of the open lock file.
        """
        self._held_lock = lock
        try:
            yield
        finally:
            self._held_lock = None

    def append(self, appends: Sequence[Append], metadata: Metadata, condition: AppendCondition | None) -> Commit:
        """Write a commit; see `Log.append`."""
        reader = self._reader
        with self._lock() as lock, delay_signals() as arrived:
            reached = reader.reached
            with self._open(lock) as file:
                if reached.position and not file.known and not reader.holds(file, reached):
                    changed = f"{self._path} is not what was read of it up to @{reached.position}"
                    raise StaleCursor(f"{changed}; nothing was recorded")
                earlier = self._earlier(file, metadata.command)
                if earlier is None:
                    self._check(condition)
                    commit = self._write(file.fd, appends, metadata)
                else:
                    commit = repeated(earlier, appends, reader.codec)
                try:
                    self._sync_in_turn(lock, file.fd)
                except OutcomeUnknown as error:
                    if arrived:  # the interruption takes the place of the error
                        reader.warn(str(error))
                    raise
            if arrived:
                reader.warn(f"@{commit.position} was recorded before the interruption")
            return commit

    def sync(self) -> None:
        """Make durable what was read; see `Log.sync`."""
        with self._reader.open(os.O_RDONLY) as file, os_errors_as_store_errors(self._path):
            lock_in_time(file.fd, self._path, LOCK_SH)  # which needs no file that is open for writing, also on a network
            sync_failed = has_sync_failed(self._path)
            if not sync_failed:
                self._sync(file.fd)
        if sync_failed:
            with self._lock() as lock, delay_signals():
                self._open(lock).close()  # it continues in a new file, which is durable

    def _lock(self) -> AbstractContextManager[int]:
        return file_lock(self._lock_path, self._path) if self._held_lock is None else nullcontext(self._held_lock)

    # before the write

    def _open(self, lock: int) -> LogFile:
        """Open the file to append to it, when all that it holds is verified."""
        reader = self._reader
        try:
            head_record, sync_failed = read_lock_file(lock)
            if sync_failed:
                self._continue_in_new_file()
                clear_sync_failed(lock)
            file = reader.open(os.O_RDWR | os.O_APPEND)
            try:
                if head_record != reader.head_record:
                    reader.learn_head(file, head_record)
                self._check_no_merge_was_stopped(file, head_record)
                self._prepare(file)
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise unavailable(self._path, error, "; nothing was recorded") from error
        return file

    def _check_no_merge_was_stopped(self, file: LogFile, head_record: bytes) -> None:
        """Refuse an append once if a merge that was killed has rewritten the file, and left no head record.

        What this process has read is then not what the file holds, and still nothing is damaged.
        """
        head = self._reader.head
        if head is None or head_record.strip(b"\0") or file.size < head.offset or self._reader.holds(file, head):
            return
        raise LogBusy(f"{self._path} was rewritten meanwhile by a merge that was stopped; nothing was recorded")

    def _prepare(self, file: LogFile) -> None:
        """Verify what the file holds, and repair its tail."""
        reader = self._reader
        reader.catch_up_to_append(file)
        self._check_undamaged()
        if file.size > reader.reached.offset:
            self._repair_tail(file)
            self._check_undamaged()

    def _check_undamaged(self) -> None:
        if self._reader.damage is not None:
            raise DamagedLog(f"{self._reader.damage}; nothing was recorded")

    def _repair_tail(self, file: LogFile) -> None:
        """Add the missing LF to a complete last line. Any other tail is what an interrupted write left: set it aside."""
        reached = self._reader.reached
        tail = read_range(file.fd, reached.offset, file.size)
        if continues(reached.digest, tail):
            write_all(file.fd, b"\n")
            self._sync_alone(file.fd)
            file.size += 1
            self._reader.catch_up(file)
            self._reader.report_repaired_end()
            return
        aside = dated(self._path, "torn")
        create_durable(aside, tail)
        os.ftruncate(file.fd, reached.offset)
        self._sync_alone(file.fd)
        left = f"{len(tail)} byte{'s' * (len(tail) != 1)}"
        self._reader.warn(f"an interrupted write had left {left} at the end of {self._path}: now in {aside}")

    def _continue_in_new_file(self) -> None:
        """Continue in a new file, because after a failed sync the kernel may hold pages that it never writes."""
        with self._reader.open(os.O_RDWR) as file:
            content = read_range(file.fd, 0, file.size)
            aside = dated(self._path, "unsynced")
            create_durable(aside, content)
            lock_in_time(file.fd, self._path)  # nobody syncs the old file and records that while it is replaced
            replace_durably(self._path, content)
        self._reader.restart()
        self._reader.warn(f"the disk had failed to sync {self._path}: it was written anew; a copy of then is in {aside}")

    # the write

    def _write(self, fd: int, appends: Sequence[Append], metadata: Metadata) -> Commit:
        """Write a commit. It is not synced."""
        reader = self._reader
        reached = reader.reached
        versions = {append.stream: reader.versions.version_of(append.stream) for append in appends}
        commit = record(appends, metadata, self._types, reached.position, versions, reader.header.forgotten)
        line, recorded = reader.codec.encode(commit, reached.digest)
        head = Cursor(recorded.last, reached.line + 1, reached.offset + len(line), recorded.sum.encode())
        try:
            write_all(fd, line)
            is_in_place = os.lseek(fd, 0, os.SEEK_END) == head.offset or holds(fd, head)
        except OSError as error:
            self._undo_write(fd, reached.offset, error.strerror)
            raise StoreUnavailable(f"{self._path}: {error.strerror}; nothing was recorded") from error
        if not is_in_place:
            self._undo_misplaced_write(fd, line)
        reader.add_commit(metadata.command, head, versions)
        return recorded

    def _undo_misplaced_write(self, fd: int, line: bytes) -> None:
        """Remove a line that stands behind one that another program has written at the same time.

        Both held a lock. So the lock file was removed, or this file system knows no locks.

        Raises:
            LogBusy: Always, if the line was removed. Nobody writes behind a line whose digest is wrong.
            OutcomeUnknown: It could not be removed.
        """
        why = "another program wrote at the same time, though this one held the lock"
        begin = os.fstat(fd).st_size - len(line)
        if read_range(fd, begin, begin + len(line)) != line:
            raise self._unknown(why)
        self._undo_write(fd, begin, why)
        raise LogBusy(f"{self._path}: {why}; nothing was recorded")

    def _sync_in_turn(self, lock: int, fd: int) -> None:
        """Sync what was read and written, unless another writer has done that meanwhile.

        The lock is released before, so that the others decide and write during the sync. The next sync is one for all that
        they have written. A commit is recorded only if those before it are, because a sync covers the whole file. This is
        the group commit of DeWitt et al., "Implementation Techniques for Main Memory Database Systems" (1984).

        Args:
            lock: The file descriptor of the lock file.
            fd: That of the log's file.

        Raises:
            OutcomeUnknown: It could not be synced.
        """
        reader = self._reader
        end, log = reader.reached, reader.header.id
        record = encode_record(log, end)
        write_record(lock, record, synced=False)
        try:
            if self._held_lock is None:
                release(self._lock_path, lock)
            for _ in tries(partial(read_lock_file, lock)):
                is_locked = try_lock(fd)
                synced, sync_failed = read_lock_file(lock)
                if self._reaches(synced, end):
                    return
                if is_locked:
                    break
            else:
                raise self._unknown(f"{holder(fd)} has synced it for too long")
            if sync_failed:
                raise self._unknown("the disk has failed to sync what others wrote before")
            written_record = read_written(lock)
            self._sync(fd)
            written = head_in(written_record, log) if written_record != record else None
            # without the record, or with that of other lines, the log was rewritten or renamed after the write
            if written_record == record or (written is not None and holds(fd, written)):
                write_record(lock, written_record)
                reader.head_record = written_record
        except OSError as error:
            raise self._unknown(error.strerror) from error

    def _reaches(self, record: bytes, end: Cursor) -> bool:
        """Return whether another writer has recorded that the log is synced up to where this one had come, or farther."""
        if record == self._reader.head_record:  # that of before the write
            return False
        head = head_in(record, self._reader.header.id)
        return head is not None and head.offset >= end.offset

    def _earlier(self, file: LogFile, command: str) -> Commit | None:
        """Return the commit with a command id; None if there is none."""
        reader = self._reader
        if command in reader.commands:  # it is near the end
            return reader.commit_with(command)
        return reader.find_command(file, command)

    def _check(self, condition: AppendCondition | None) -> None:
        """Check a condition against what was recorded after its position."""
        if condition is None:
            return
        condition.query.as_recorded(self._types)  # it refuses types that no event can have
        if condition.after < self._reader.reached.position:
            check_condition(condition, self._types, self._reader.matching_backward(condition.query, condition.after))

    def _undo_write(self, fd: int, end: int, why: object) -> None:
        """Remove what was written behind an offset in the file.

        Raises:
            OutcomeUnknown: It could not be removed durably.
        """
        try:
            os.ftruncate(fd, end)
            self._sync_alone(fd)
        except (OSError, LogBusy) as error:
            raise self._unknown(why) from error

    def _sync_alone(self, fd: int) -> None:
        """Sync the file when nobody else does; see `_sync`. Until the file is closed, nobody else syncs it.

        Raises:
            LogBusy: Another process syncs it for too long.
        """
        lock_in_time(fd, self._path)
        self._sync(fd)

    def _sync(self, fd: int) -> None:
        """Sync the file, which the caller has locked. If that fails, set a flag for the next writer; there is no second try.

        One writer at a time holds that lock. So each of them sees the flag that an earlier one has set. Without that, a
        sync could succeed for one after it failed for what another had written before.

        Raises:
            OSError: The sync failed.
        """
        try:
            os.fsync(fd)
        except OSError:
            with suppress(OSError):
                if is_open_as(self._path, fd):  # otherwise whoever replaced or renamed it has made everything durable
                    set_sync_failed(self._path)
            raise

    def _unknown(self, reason: object) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._path}: {reason}: it cannot be known whether the last commit was recorded")
