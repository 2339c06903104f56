"""One log in one file, composed of a reader and a writer."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from ...cursor import Cursor
from ...errors import (
    APPEND_AGAIN,
    CqrsError,
    DamagedLog,
    LogBusy,
    OutcomeUnknown,
    ReadOnlyLog,
    StaleCursor,
    StoreUnavailable,
)
from ...events import Commit, EventTypes, Metadata, Recorded
from ...store import NEVER, Append, Progress, check_append
from ..chain import ChainedLog
from .reader import LogReader

if TYPE_CHECKING:
    from ...query import AppendCondition
    from .writer import LogWriter


class JsonlLog(ChainedLog):
    """A log in a file of JSON lines.

    It recognises the command ids of all its commits.

    Attributes:
        made_as: The name that the log was made under.
        opened_by: The store that has opened it. None for a log that no store may write together with others.
    """

    opened_by: object = None

    def __init__(self, path: str, name: str, types: EventTypes, progress: Progress, indexes: str) -> None:
        """Open a log. The arguments, and the errors that are raised, are those of `LogReader`."""
        self._reader = LogReader(path, name, types, progress, indexes)
        header = self._reader.header
        super().__init__(header, name, self._reader)
        self.made_as = header.name
        if header.newer:
            made = f"{path} was made by a newer program: its format {header.version} is newer than this program's"
            self.forbid_appending(f"{made}, so it can only be read")

    @property
    def head_is_recorded(self) -> bool:
        """Whether the head of this log is recorded beside its file. Then this program made the file, not a copy command."""
        return self._reader.head_is_recorded

    @property
    def forgotten(self) -> Collection[str]:
        """The streams that were forgotten; see `Log`."""
        return self._reader.header.forgotten

    def forbid_appending(self, reason: str) -> None:
        """Refuse to append from now on, and warn readers.

        Args:
            reason: Why, in a sentence.
        """
        self.read_only = reason
        self._reader.warn(reason)

    def find_command(self, command: str) -> Commit | None:
        """Find the commit with a command id; see `Log`."""
        commit = self._commit_of(command)
        if commit is not None:
            try:
                self.sync()  # its writer may have been stopped before its sync
            except (StoreUnavailable, LogBusy) as error:
                raise _not_synced(commit, error) from error
        return commit

    def _commit_of(self, command: str) -> Commit | None:
        with self._reader.open(os.O_RDONLY) as file:
            indexed = self._reader.is_indexed(file)
            found = self._reader.search.commit(file, command) if indexed else super().find_command(command)
        if found is None and self.damage is not None:  # it may be behind the damage
            raise DamagedLog(self.damage)
        return found

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        """Read events, oldest first; see `Log`."""
        if stream is not None and self._is_indexed:
            return self._reader.search.events(stream, since + 1, NEVER, limit, backward=False)
        return super().events(since, limit=limit, stream=stream)

    def events_backward(
        self, before: int | None = None, *, limit: int | None = None, stream: str | None = None
    ) -> Iterator[Recorded]:
        """Read events, newest first; see `Log`."""
        if stream is not None and self._is_indexed:
            last = NEVER if before is None else before - 1
            return self._reader.search.events(stream, 1, last, limit, backward=True)
        return super().events_backward(before, limit=limit, stream=stream)

    def has_grown(self, since: Cursor) -> bool:
        """Return whether there may be something after a cursor; see `Log`."""
        return self._reader.has_grown(since)

    @property
    def _is_indexed(self) -> bool:
        with self._reader.open(os.O_RDONLY) as file:
            return self._reader.is_indexed(file)

    def append(self, appends: Sequence[Append], metadata: Metadata, *, condition: AppendCondition | None = None) -> Commit:
        """Write a commit; see `Log`."""
        check_append(appends, metadata, condition)
        if self.read_only is not None:
            raise ReadOnlyLog(f"{self.read_only}; nothing was recorded")
        try:
            return self._writer.append(appends, metadata, condition)
        except StaleCursor as error:
            raise StaleCursor(error.what, APPEND_AGAIN) from error
        except OutcomeUnknown:
            raise
        except (StoreUnavailable, LogBusy) as error:
            try:
                earlier = self.find_command(metadata.command)
            except OutcomeUnknown:  # it was sent before, and that may have been recorded
                raise
            except CqrsError:
                raise error from None  # what happened first is reported
            if earlier is None:
                raise
            from ..recording import repeated  # here, because few commands come again

            return repeated(earlier, appends, self._reader.codec)

    def holding(self, lock: int) -> AbstractContextManager[None]:
        """Append during the block without taking the lock; see `LogWriter.holding`."""
        return self._writer.holding(lock)

    def sync(self) -> None:
        """Make durable what was read; see `Log`. The process that wrote it may not have come to that."""
        self._writer.sync()

    @cached_property
    def _writer(self) -> LogWriter:
        from .writer import LogWriter  # here, because most runs only read

        return LogWriter(self._reader, self.types)


def _not_synced(commit: Commit, error: CqrsError) -> OutcomeUnknown:
    """Return the error for a commit that stands in the file, if the file cannot be synced now.

    Args:
        commit: The commit.
        error: Why not.
    """
    why = str(error).removesuffix("; nothing was recorded")
    command = commit.metadata.command
    return OutcomeUnknown(
        f"{why}: it cannot be known whether command {command} was recorded, which is at @{commit.position}"
    )
