"""One log in one file: reading without a lock, and the append protocol."""

import fcntl
import os
from collections import OrderedDict
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
from .files import (
    close,
    create_durable,
    explained,
    locked,
    open_private,
    read_range,
    signals_held,
    sync_directory,
    write_all,
)
from .format import Codec, InvalidLine, decode_header, sum_of

_BLOCK = 1 << 16
COMMANDS_KNOWN = 10_000
"""How many of the latest commits a log is sure to know again by their command id."""


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
        versions: dict[str, int] = {}
        for event in commit.events:
            if event.version != (versions.get(event.stream) or self.versions.get(event.stream, 0)) + 1:
                raise InvalidLine(f"version {event.version} of {event.stream} is out of order")
            versions[event.stream] = event.version
        self.versions.update(versions)
        self.offset += length
        self.line += 1
        self.sum = commit.sum.encode()
        self.position = commit.last


class _File:
    """A log's file, open; raises `LogNotFound` when there is none, and `StoreUnavailable`."""

    def __init__(self, path: Path, flags: int, name: str) -> None:
        self.path = path
        try:
            self.fd = open_private(path, flags)
        except FileNotFoundError:
            raise LogNotFound(name) from None
        self.size = os.fstat(self.fd).st_size

    def close(self) -> None:
        close(self.fd)

    def lines_forward(self, offset: int) -> Iterator[bytes]:
        """The lines from an offset to where the file ended when it was opened, each with its LF; the last may lack it."""
        rest: list[bytes] = []
        while offset < self.size:
            with explained(self.path):
                block = os.pread(self.fd, min(_BLOCK, self.size - offset), offset)
            if not block:
                break
            offset += len(block)
            first, *lines = block.split(b"\n")
            rest.append(first)
            for line in lines:
                yield b"".join(rest) + b"\n"
                rest = [line]
        if any(rest):
            yield b"".join(rest)

    def lines_backward(self, start: int, end: int) -> Iterator[bytes]:
        """The lines between two offsets at which lines begin, without their LF, last first."""
        rest: list[bytes] = []
        end -= 1
        while end > start:
            size = min(_BLOCK, end - start)
            end -= size
            with explained(self.path):
                *lines, last = os.pread(self.fd, size, end).split(b"\n")
            rest.append(last)
            for line in reversed(lines):
                yield b"".join(reversed(rest))
                rest = [line]
        if rest:
            yield b"".join(reversed(rest))


class JsonlLog(Log):
    """A log in a file. Readers take no lock and stop at the last whole line; a writer holds the lock file.

    Raises on opening: `LogNotFound`, `DamagedLog` when the header is none, `StoreUnavailable`.
    """

    def __init__(self, path: Path, lock: Path, name: str, types: EventTypes) -> None:
        self._path = path
        self._lock = lock
        self._types = types
        self._codec = Codec(types)
        self._by_command: OrderedDict[str, int] = OrderedDict()
        with closing(_File(path, os.O_RDONLY, name)) as file:
            self._first = next(file.lines_forward(0), b"")
        try:
            if not self._first.endswith(b"\n"):
                raise InvalidLine("no header of a log: the line has no end")
            header, self._first_sum = decode_header(self._first[:-1])
        except InvalidLine as error:
            raise DamagedLog(f"{path}, line 1: {error}") from error
        super().__init__(header.id, name, header.created)
        self._cursor = self._beginning()
        self._farthest = 0
        self._read_only: str | None = None
        if header.newer:
            self._read_only = f"{path} has format {header.version}, newer than this program: it is read-only"
            self.notices.append(self._read_only)

    def commits(self, since: int = 0) -> Iterator[Commit]:
        with closing(self._open(os.O_RDONLY)) as file:
            for commit in self._scan(file, from_start=since < self._cursor.position):
                if commit.last > since:
                    yield commit

    def commits_backward(self, before: int | None = None) -> Iterator[Commit]:
        with closing(self._open(os.O_RDONLY)) as file:
            for _ in self._scan(file):
                pass
            for line in file.lines_backward(len(self._first), self._cursor.offset):
                try:
                    commit = self._codec.decode(line)
                except InvalidLine as error:
                    raise DamagedLog(f"{self._path}: {error}") from error
                if before is None or commit.position < before:
                    yield commit

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        if self._read_only is not None:
            raise ReadOnlyLog(self._read_only)
        nothing = "; nothing was recorded"
        with locked(self._lock), signals_held() as came:
            with explained(self._path, nothing):
                self._renew_if_suspect()
            with closing(self._open(os.O_RDWR | os.O_APPEND)) as file:
                with explained(self._path, nothing):
                    self._prepare(file)
                position = self._by_command.get(metadata.command)
                if position is not None:
                    commit = self._again(file.fd, position, appends)
                else:
                    commit = self._append(file.fd, appends, metadata)
            if came:
                self._tell(f"@{commit.position} was recorded before the interruption")
            return commit

    def _prepare(self, file: _File) -> None:
        """Make sure that what the file holds is whole and known, and that nobody else is at it."""
        try:
            fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LogBusy(f"{self._path} is held though its lock file was free; nothing was recorded") from None
        for _ in self._scan(file):
            pass
        if self.damage is not None:
            raise DamagedLog(f"{self.damage}; nothing was recorded")
        self._mend_tail(file)

    def _append(self, fd: int, appends: Sequence[Append], metadata: Metadata) -> Commit:
        cursor = self._cursor
        versions = {append.stream: cursor.versions.get(append.stream, 0) for append in appends}
        commit = record(appends, metadata, self._types, cursor.position, versions)
        line = self._codec.encode(commit, cursor.sum)
        try:
            write_all(fd, line)
        except OSError as error:
            self._take_back(fd, error)
            raise StoreUnavailable(f"{self._path}: {error.strerror}; nothing was recorded") from error
        self._sync_or_unknown(fd)
        commit = self._codec.decode(line[:-1])
        cursor.pass_over(commit, len(line))
        self._farthest = cursor.offset
        self._remember(commit)
        return commit

    def _again(self, fd: int, position: int, appends: Sequence[Append]) -> Commit:
        commit = next(self.commits(position - 1), None)
        if commit is None:
            raise DamagedLog(f"{self._path} has lost position {position}; nothing was recorded")
        commit = repeated(commit, appends)
        self._sync_or_unknown(fd)  # whoever wrote it may not have come to this
        return commit

    def _take_back(self, fd: int, cause: OSError) -> None:
        try:
            os.ftruncate(fd, self._cursor.offset)
            os.fsync(fd)
        except OSError as error:
            raise self._unknown(cause) from error

    def _sync_or_unknown(self, fd: int) -> None:
        try:
            self._sync(fd)
        except OSError as error:
            raise self._unknown(error) from error

    def _unknown(self, error: OSError) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._path}: {error.strerror}: it can't be known whether the last commit was recorded")

    def _sync(self, fd: int) -> None:
        """Sync the file; leave a mark where that fails, which asks for no second try."""
        try:
            os.fsync(fd)
        except OSError:
            with suppress(OSError):  # the mark matters only as long as the kernel's pages live: it needs no sync itself
                os.close(os.open(self._suspect, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            raise

    def _scan(self, file: _File, *, from_start: bool = False) -> Iterator[Commit]:
        """The verified commits after the cursor, or all; at their end the cursor stands behind the last whole line."""
        self.damage = None
        cut = file.size < self._farthest
        if cut:
            self._by_command.clear()
            self._cursor = self._beginning()
            self._report("has lost its end: it is shorter than it was")
        cursor = self._beginning() if from_start else self._cursor.copy()
        doubted = -1
        again = True
        while again:
            again = False
            for line in file.lines_forward(cursor.offset):
                if not line.endswith(b"\n"):
                    self._look_at_tail(cursor, line)
                    break
                try:
                    sum_of(cursor.sum, line[:-1])
                    commit = self._codec.decode(line[:-1])
                    cursor.pass_over(commit, len(line))
                except InvalidLine as error:
                    # a writer may have taken a failed write back between two of our reads: look once more
                    if cursor.offset != doubted:
                        doubted, again = cursor.offset, True
                    else:
                        self._report(f"is damaged at line {cursor.line + 1}, byte {cursor.offset}: {error}")
                    break
                if commit.position > self._cursor.position:
                    self._remember(commit)
                yield commit
        if cursor.position >= self._cursor.position:
            self._cursor = cursor
        self._farthest = max(self._farthest, cursor.offset)

    def _look_at_tail(self, cursor: _Cursor, tail: bytes) -> None:
        """Tell of a whole commit whose LF was altered; what an interrupted write left is no damage."""
        if _follows(cursor, tail[:-1]):
            self._report(f"is damaged at line {cursor.line + 1}, byte {cursor.offset}: the end of the line was altered")
        elif _follows(cursor, tail):
            self._tell(f"the last line of {self._path} lacks its end, and is not shown: the next change mends it")

    def _mend_tail(self, file: _File) -> None:
        """End a whole last line that lacks its LF; set aside what else an interrupted write left after the last line."""
        end = self._cursor.offset
        if file.size == end:
            return
        tail = read_range(file.fd, end, file.size)
        if _follows(self._cursor, tail):
            write_all(file.fd, b"\n")
            self._sync(file.fd)
            file.size += 1
            for _ in self._scan(file):
                pass
            return
        aside = self._beside("torn")
        create_durable(aside, tail)
        os.ftruncate(file.fd, end)
        os.fsync(file.fd)
        self._tell(f"an interrupted write had left {len(tail)} bytes at the end of {self._path}: now in {aside}")

    def _open(self, flags: int) -> _File:
        """Open the file, which must still be of this log; raises `LogBusy` when another has taken its place."""
        file = _File(self._path, flags, self.name)
        with explained(self._path):
            same = os.pread(file.fd, len(self._first), 0) == self._first
        if not same:
            file.close()
            raise LogBusy(f"{self._path} was replaced by another list meanwhile")
        return file

    def _beginning(self) -> _Cursor:
        return _Cursor(len(self._first), self._first_sum)

    def _remember(self, commit: Commit) -> None:
        self._by_command[commit.metadata.command] = commit.position
        if len(self._by_command) > COMMANDS_KNOWN:
            self._by_command.popitem(last=False)

    def _report(self, damage: str) -> None:
        self.damage = f"{self._path} {damage}"
        self._tell(f"{self.damage}; what stands before it is shown")

    def _tell(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    @property
    def _suspect(self) -> Path:
        return suspect_mark(self._path)

    def _renew_if_suspect(self) -> None:
        """After a failed fsync the kernel may hold pages that it never writes: go on in a new file, keep the old bytes."""
        if not os.path.lexists(self._suspect):
            return
        with closing(self._open(os.O_RDONLY)) as file:
            content = read_range(file.fd, 0, file.size)
        fresh, aside = self._path.with_suffix(".renewed"), self._beside("unsynced")
        fresh.unlink(missing_ok=True)
        create_durable(aside, content)
        create_durable(fresh, content)
        os.replace(fresh, self._path)
        sync_directory(self._path.parent)
        self._suspect.unlink()
        self._cursor = self._beginning()
        self._tell(f"the disk had failed to sync {self._path}: it was written anew; a copy of then is in {aside}")

    def _beside(self, what: str) -> Path:
        return self._path.with_suffix(f".{what}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


def suspect_mark(path: Path) -> Path:
    """The mark beside a log that an fsync of it failed."""
    return path.with_suffix(".suspect")


def _follows(cursor: _Cursor, line: bytes) -> bool:
    try:
        sum_of(cursor.sum, line)
    except InvalidLine:
        return False
    return True
