"""Importing the lines of a log that was exported elsewhere, byte for byte."""

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ...cursor import Cursor
from ...errors import OutcomeUnknown
from ...events import FORGOTTEN, LOST
from ...operation_errors import AnotherHistory, ImportRefused
from ..chain import Versions, Walk
from ..exported import header_in, refused, used_before, was_forgotten
from ..format import CommitLine, Header, InvalidLine, decode_lines
from ..hash_chain import DIGEST_MEMBER_LENGTH, continues, last_digest
from ..recording import check_line
from .files import (
    OPEN_SAFELY,
    close,
    create_durable,
    dated,
    make_directory,
    open_private,
    os_errors_as_store_errors,
    read_range,
    remove,
    sync_directory,
    there,
    write_all,
)
from .head_record import head_in, holds, read_record, record_head

_BLOCK = 1 << 18
_ENDING = ".incoming"
_NOTHING = "; nothing was imported"


class Incoming:
    """The lines of a log in a temporary file, verified and durable.

    Attributes:
        path: The temporary file.
        fd: Its file descriptor.
        header: The header of the log.
        end: The cursor behind the last line.
    """

    def __init__(self, path: str, fd: int, header: Header, end: Cursor) -> None:
        """Describe the temporary file; the arguments are described above."""
        self.path = path
        self.fd = fd
        self.header = header
        self.end = end


@contextmanager
def verified(folder: str, name: str, lines: Iterable[bytes]) -> Iterator[Incoming]:
    """Verify lines and write them to a temporary file, which is removed after the block.

    No lock is held meanwhile, so nobody waits, however many lines there are and however slowly they come. No more than a
    block of lines is kept in memory, with the command ids and the versions of the streams.

    Args:
        folder: The folder of the logs. It is made if it is missing.
        name: The name of the log that is to have these lines.
        lines: The lines, each with its LF.

    Raises:
        ImportRefused: A line is not what a log has there.
        StoreUnavailable: The file cannot be written.
    """
    rest = iter(lines)
    first = next(rest, b"")
    header, sum = header_in(first)
    with os_errors_as_store_errors(folder, _NOTHING):
        make_directory(folder)
        remove_left_behind(folder, name)
        path, fd = _create(folder, name)
        try:
            os.fchmod(fd, 0o600)  # whatever the umask
            write_all(fd, first)
            end = _write_verified(fd, Cursor(0, 1, len(first), sum), rest, _Accepted(header.forgotten))
            os.fsync(fd)
            yield Incoming(path, fd, header, end)
        finally:
            with suppress(OSError):  # the next import of this log removes it
                remove(path)
            close(fd)


def _create(folder: str, name: str) -> tuple[str, int]:
    """Create a temporary file and lock it, so that no other import takes it for one that was left behind."""
    while True:
        path = os.path.join(folder, f".{name}.{os.urandom(8).hex()}{_ENDING}")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if there(path):
            return path, fd
        close(fd)  # another import removed it before it was locked


class _Accepted:
    """The commits that were accepted so far of an import, in order to refuse what an append would refuse."""

    def __init__(self, forgotten: Collection[str]) -> None:
        """Begin with no commits, in a log of which some streams were forgotten."""
        self._forgotten = frozenset(forgotten)
        self._commands: set[str] = set()
        self._versions = Versions()
        self._position = 0

    def advance(self, position: int, commits: Sequence[CommitLine]) -> int:
        """Check the commits that come after a position; see `Versions.advance`. It may be given the same ones again.

        Raises:
            InvalidLine: A commit does not continue those before it, has the command id of one of them, has data of a
                forgotten stream, or holds a name or a member of `meta` that no append records.
        """
        last = self._versions.advance(position, commits)
        for commit in commits:
            if commit.position <= self._position:
                continue
            check_line(commit)
            if commit.command in self._commands:
                raise InvalidLine(used_before(commit.command))
            for event in commit.events if self._forgotten else ():
                if event.stream in self._forgotten and event.type not in (FORGOTTEN, LOST):
                    raise InvalidLine(was_forgotten(event.stream))
            self._commands.add(commit.command)
            self._position = commit.position
        return last


def _write_verified(fd: int, start: Cursor, lines: Iterator[bytes], accepted: _Accepted) -> Cursor:
    """Verify and write the lines after the header, and return the cursor behind them."""
    walk = Walk(start, accepted.advance, decode_lines)
    bad = b""

    def chunks() -> Iterator[bytes]:
        nonlocal bad
        chunk: list[bytes] = []
        size = 0
        for line in lines:
            if not line.endswith(b"\n"):
                break
            chunk.append(line)
            size += len(line)
            if size >= _BLOCK:
                yield b"".join(chunk)
                chunk, size = [], 0
        else:
            line = b""
        if chunk:
            yield b"".join(chunk)
        bad = line

    try:
        for block in walk.over(chunks()):
            write_all(fd, b"".join(block.lines))
        if bad:
            raise InvalidLine("the last line has no line feed at its end: it was cut off")
    except InvalidLine as error:
        raise refused(walk.cursor, error) from error
    return walk.cursor


def remove_left_behind(folder: str, name: str) -> None:
    """Remove the temporary files of imports of this log that were killed."""
    for file in os.listdir(folder):
        if not (file.startswith(f".{name}.") and file.endswith(_ENDING)):
            continue
        path = os.path.join(folder, file)
        with suppress(FileNotFoundError, BlockingIOError):
            fd = os.open(path, os.O_RDWR | OPEN_SAFELY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an import that still runs holds it
                remove(path)
            finally:
                close(fd)


def put_in_place(path: str, name: str, incoming: Incoming) -> int:
    """Make incoming lines the log in a file, if they continue what is there. The caller holds the log's lock.

    Args:
        path: The file of the log.
        name: The name of the log.
        incoming: The lines.

    Returns:
        The number of commits that are new.

    Raises:
        AnotherHistory: The log has another history.
        StoreUnavailable: The log cannot be read, or the file cannot be renamed. Nothing was imported.
        OutcomeUnknown: The lines are the log now, but may not be on the disk.
    """
    known = 0
    with os_errors_as_store_errors(path, _NOTHING):
        if there(path):
            fd, status = open_private(path, os.O_RDONLY)
            try:
                lines, complete = _count_lines(fd)
                if not _same_beginning(fd, incoming.fd, min(complete or status.st_size, incoming.end.offset)):
                    raise AnotherHistory(name)
                if complete >= incoming.end.offset:
                    return 0
                _set_tail_aside(path, name, read_range(fd, complete, status.st_size), incoming, complete)
                known = max(0, lines - 1)
            finally:
                close(fd)
        _check_head(path, incoming)
        os.rename(incoming.path, path)
    try:  # from here on, no error may say that nothing was imported
        fcntl.flock(incoming.fd, fcntl.LOCK_UN)  # writers lock the log too, and the caller holds them back
        sync_directory(os.path.dirname(path))
    except OSError as error:
        raise OutcomeUnknown(f"{path}: {error.strerror}: the lines are there, but may not be on the disk") from error
    record_head(path, incoming.header.id, incoming.end)
    return incoming.end.line - 1 - known


def _check_head(path: str, incoming: Incoming) -> None:
    """Raise `ImportRefused` if the log had come farther than the lines that are to replace it."""
    head = head_in(read_record(path), incoming.header.id)
    if head is not None and not holds(incoming.fd, head):
        short = f"@{head.position} had been recorded, and these lines end before it"
        raise ImportRefused(
            f"{short}{_NOTHING}: import a later export, or put the log's file in its place and repair the log"
        )


def _same_beginning(one: int, other: int, size: int) -> bool:
    """Return whether two files have the same first bytes."""
    return all(
        os.pread(one, min(_BLOCK, size - start), start) == os.pread(other, min(_BLOCK, size - start), start)
        for start in range(0, size, _BLOCK)
    )


def _count_lines(fd: int) -> tuple[int, int]:
    """Return the number of complete lines in a file, and their size in bytes."""
    lines = start = size = 0
    while block := os.pread(fd, _BLOCK, start):
        lines += block.count(b"\n")
        size = start + end if (end := block.rfind(b"\n") + 1) else size
        start += len(block)
    return lines, size


def _set_tail_aside(path: str, name: str, tail: bytes, incoming: Incoming, complete: int) -> None:
    """Keep what an interrupted write left after the complete lines of a log, as the next append would.

    Args:
        path: The file of the log.
        name: The name of the log.
        tail: The bytes after the complete lines.
        incoming: The lines that replace the file. They begin with its complete lines.
        complete: The size of the complete lines, in bytes.

    Raises:
        AnotherHistory: The tail is a complete commit without its line feed, and the incoming lines have another one there.
    """
    if not tail or read_range(incoming.fd, complete, complete + len(tail)) == tail:
        return
    if continues(last_digest(read_range(incoming.fd, max(0, complete - DIGEST_MEMBER_LENGTH - 1), complete)), tail):
        raise AnotherHistory(name)
    create_durable(dated(path, "torn"), tail)
