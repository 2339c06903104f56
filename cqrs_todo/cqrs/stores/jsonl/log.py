"""One log in one file: reading without a lock, and the append protocol."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from ...core import (
    Append,
    Commit,
    DamagedLog,
    EventTypes,
    Log,
    LogBusy,
    LogNotFound,
    Metadata,
    OutcomeUnknown,
    ReadOnlyLog,
    StoreUnavailable,
    record,
    repeated,
)
from .files import create_durable, explained, locked, open_private, signals_held, sync_directory, write_all
from .format import Codec, InvalidLine, decode_header, sum_of

_BLOCK = 1 << 16


class _Cursor:
    """A place in the file up to which all is verified, and what a writer must know of what lies before it."""

    def __init__(self, offset: int, sum: bytes) -> None:
        self.offset = offset
        self.line = 1
        self.sum = sum
        self.position = 0
        self.versions: dict[str, int] = {}

    def copy(self) -> "_Cursor":
        twin = _Cursor(self.offset, self.sum)
        twin.line, twin.position, twin.versions = self.line, self.position, dict(self.versions)
        return twin

    def pass_over(self, commit: Commit, length: int) -> None:
        """Move past the next line, `length` bytes long; raises `InvalidLine` unless its commit continues the log."""
        if commit.position != self.position + 1:
            raise InvalidLine(f"position {commit.position} follows {self.position}")
        for event in commit.events:
            if event.version != self.versions.get(event.stream, 0) + 1:
                raise InvalidLine(f"version {event.version} of {event.stream} is out of order")
            self.versions[event.stream] = event.version
        self.offset += length
        self.line += 1
        self.sum = commit.sum.encode()
        self.position = commit.last


def lines_forward(fd: int, offset: int) -> Iterator[bytes]:
    """The whole lines from an offset on, each with its LF; last, if it is not empty, the unterminated rest."""
    rest = b""
    while block := os.pread(fd, _BLOCK, offset):
        offset += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def lines_backward(fd: int, start: int, end: int) -> Iterator[bytes]:
    """The lines between two offsets at which lines begin, without their LF, last first."""
    rest = b""
    while end > start:
        size = min(_BLOCK, end - start)
        end -= size
        rest, *lines = (os.pread(fd, size, end) + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line)
    if rest:
        yield rest


class JsonlLog(Log):
    """A log in a file. Readers take no lock and stop at the last whole line; a writer holds the lock file.

    Raises on opening: `LogNotFound`, `DamagedLog` when the header is none, `StoreUnavailable`.
    """

    def __init__(self, path: Path, lock: Path, name: str, types: EventTypes) -> None:
        self._path = path
        self._lock = lock
        self._types = types
        self._codec = Codec(types)
        self._positions: dict[str, int] = {}
        with explained(path), closing(_File(path, os.O_RDONLY, name)) as file:
            first = next(lines_forward(file.fd, 0), b"")
        try:
            if not first.endswith(b"\n"):
                raise InvalidLine("no header of a log: the line has no end")
            self._header, sum = decode_header(first[:-1])
        except InvalidLine as error:
            raise DamagedLog(f"{path}, line 1: {error}") from error
        super().__init__(self._header.id, name, self._header.created)
        self._first = first
        self._first_sum = sum
        self._cursor = _Cursor(len(first), sum)
        self._damage: str | None = None

    def commits(self, since: int = 0) -> Iterator[Commit]:
        with explained(self._path), closing(_File(self._path, os.O_RDONLY, self.name)) as file:
            for commit in self._scan(file.fd, from_start=since < self._cursor.position):
                if commit.last > since:
                    yield commit

    def commits_backward(self, before: int | None = None) -> Iterator[Commit]:
        with explained(self._path), closing(_File(self._path, os.O_RDONLY, self.name)) as file:
            for _ in self._scan(file.fd):
                pass
            for line in lines_backward(file.fd, len(self._first), self._cursor.offset):
                commit = self._codec.decode(line, line[-66:-2])
                if before is None or commit.position < before:
                    yield commit

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        if self._header.newer:
            raise ReadOnlyLog(f"{self._path} has format {self._header.version}, newer than this program: it is read-only")
        with signals_held(), locked(self._lock), explained(self._path):
            self._renew_if_suspect()
            with closing(_File(self._path, os.O_RDWR | os.O_APPEND, self.name)) as file:
                return self._append(file.fd, appends, metadata)

    def _append(self, fd: int, appends: Sequence[Append], metadata: Metadata) -> Commit:
        self._check_same_log(fd)
        for commit in self._scan(fd):
            self._positions[commit.metadata.command] = commit.position
        if self._damage is not None:
            raise DamagedLog(f"{self._damage}; nothing was recorded")
        self._set_torn_tail_aside(fd)
        position = self._positions.get(metadata.command)
        if position is not None:
            return repeated(next(self.commits(position - 1)), appends)
        cursor = self._cursor
        versions = {append.stream: cursor.versions.get(append.stream, 0) for append in appends}
        commit = record(appends, metadata, self._types, cursor.position, versions)
        line, sum = self._codec.encode(commit, cursor.sum)
        commit = self._codec.decode(line[:-1], sum)
        self._write(fd, line)
        cursor.pass_over(commit, len(line))
        self._positions[metadata.command] = commit.position
        return commit

    def _write(self, fd: int, line: bytes) -> None:
        try:
            write_all(fd, line)
        except OSError as error:
            with suppress(OSError):  # if this fails too, the next writer finds a torn tail and sets it aside
                os.ftruncate(fd, self._cursor.offset)
                os.fsync(fd)
            raise StoreUnavailable(f"not recorded: {self._path}: {error.strerror}") from error
        try:
            os.fsync(fd)
        except OSError as error:
            with suppress(OSError):  # a disk that fails to sync may well fail to keep the mark
                create_durable(self._suspect, b"")
            raise OutcomeUnknown(
                f"{self._path}: {error.strerror}: it can't be known whether the last commit was recorded; look before you"
                " do it again"
            ) from error

    def _scan(self, fd: int, *, from_start: bool = False) -> Iterator[Commit]:
        """The verified commits after the cursor, or all; at their end the cursor stands behind the last whole line."""
        cursor = _Cursor(len(self._first), self._first_sum) if from_start else self._cursor.copy()
        doubted = -1
        again = True
        while again:
            again = False
            for line in lines_forward(fd, cursor.offset):
                if not line.endswith(b"\n"):
                    break
                try:
                    sum = sum_of(cursor.sum, line[:-1])
                    commit = self._codec.decode(line[:-1], sum)
                    cursor.pass_over(commit, len(line))
                except InvalidLine as error:
                    # a writer may have taken a failed write back between two of our reads: look once more
                    if cursor.offset != doubted:
                        doubted, again = cursor.offset, True
                    else:
                        self._report(f"{self._path} is damaged at line {cursor.line + 1}, byte {cursor.offset}: {error}")
                    break
                yield commit
        if cursor.position >= self._cursor.position:
            self._cursor = cursor

    def _report(self, damage: str) -> None:
        if self._damage is None:
            self._damage = damage
            self.notices.append(f"{damage}; what stands before it is shown")

    def _check_same_log(self, fd: int) -> None:
        if os.pread(fd, len(self._first), 0) != self._first:
            raise LogBusy(f"{self._path} was replaced by another list meanwhile; nothing was recorded: try again")
        if os.fstat(fd).st_size < self._cursor.offset:
            raise DamagedLog(f"{self._path} has lost its end: it is shorter than it was; nothing was recorded")

    def _set_torn_tail_aside(self, fd: int) -> None:
        """Keep what an interrupted write left after the last whole line in a file beside the log, and cut it off."""
        end = self._cursor.offset
        size = os.fstat(fd).st_size
        if size == end:
            return
        aside = self._beside("torn")
        create_durable(aside, os.pread(fd, size - end, end))
        os.ftruncate(fd, end)
        os.fsync(fd)
        self.notices.append(f"an interrupted write had left {size - end} bytes at the end of {self._path}: now in {aside}")

    @property
    def _suspect(self) -> Path:
        return self._lock.with_suffix(".suspect")

    def _renew_if_suspect(self) -> None:
        """After a failed fsync the kernel may hold pages it will never write: go on in a new file, and keep the old one."""
        if not self._suspect.exists():
            return
        with closing(_File(self._path, os.O_RDONLY, self.name)) as file:
            for _ in self._scan(file.fd, from_start=True):
                pass
            if self._damage is not None:
                raise DamagedLog(f"{self._damage}; nothing was recorded")
            content = os.pread(file.fd, os.fstat(file.fd).st_size, 0)
        fresh, aside = self._beside("renewed"), self._beside("unsynced")
        create_durable(fresh, content)
        create_durable(aside, content)
        os.replace(fresh, self._path)
        sync_directory(self._path.parent)
        self._suspect.unlink()
        self.notices.append(f"the disk had failed to sync {self._path}: it was written anew, the old one is in {aside}")

    def _beside(self, what: str) -> Path:
        return self._path.with_suffix(f".{what}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


class _File:
    """An open file of a log; raises `LogNotFound` when there is none."""

    def __init__(self, path: Path, flags: int, name: str) -> None:
        try:
            self.fd = open_private(path, flags)
        except FileNotFoundError:
            raise LogNotFound(name) from None

    def close(self) -> None:
        os.close(self.fd)
