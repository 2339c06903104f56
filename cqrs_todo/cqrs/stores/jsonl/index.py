"""An index of a log, in an SQLite file: the lines in which each command and each event of a stream is.

With it, one commit or one stream is found without reading the log. The index is a cache. It is extended by the lines that
are new whenever it is asked, and is made again if it is missing or belongs to another history of the log.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from ...cursor import Cursor
from ..chain import Walk
from ..format import CommitLine, InvalidLine, decode_lines
from .files import close, make_directory, open_or_make, sqlite_files
from .head_record import holds
from .lines import Lines

_SCHEMA = 1
_TABLES = """
    CREATE TABLE reached (position INTEGER, line INTEGER, offset INTEGER, digest BLOB);
    CREATE TABLE commands (command TEXT PRIMARY KEY, offset INTEGER) WITHOUT ROWID;
    CREATE TABLE events (stream TEXT, version INTEGER, offset INTEGER, PRIMARY KEY (stream, version)) WITHOUT ROWID;
"""
_MOST = 2**63 - 1  # the greatest number in SQLite
_WAIT = 10.0
"""How many seconds to wait for another process that extends the same index."""


class IndexUnavailable(Exception):
    """The index cannot be read or written. Whatever it would answer must be read from the log itself."""


class IndexedLog(NamedTuple):
    """What of a log the index must cover to answer.

    Attributes:
        file: The open file.
        start: The cursor after the header.
        until: The position up to which it must be covered. None means up to its last complete line.
    """

    file: Lines
    start: Cursor
    until: int | None

    def is_covered(self, reached: Cursor) -> bool:
        """Return whether it is covered by an index that reaches up to a cursor."""
        if self.until is not None and reached.position >= self.until:
            return True
        return reached.offset >= self.file.size


class LogIndex:
    """The index of one log."""

    def __init__(self, path: str) -> None:
        """Prepare to use an index, which is made when it is first asked.

        Args:
            path: The file of the index.
        """
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __del__(self) -> None:
        """Close the index. SQLite then empties the file beside it that holds the latest changes."""
        if self._connection is not None:
            self._connection.close()

    def reached(self, file: Lines) -> Cursor | None:
        """Return how far the index reaches in a log; None if it is empty or belongs to another history of the log.

        Raises:
            IndexUnavailable: The index cannot be read.
        """
        with self._answering() as connection:
            reached = _reached(connection)
            return reached if reached is not None and holds(file.fd, reached) else None

    def offset_of(self, command: str, log: IndexedLog) -> int | None:
        """Return the offset in bytes of the line whose commit has a command id; None if the log has no such line.

        Args:
            command: The command id.
            log: What of the log the answer must cover.

        Raises:
            IndexUnavailable: The index cannot be read or written, or the log is damaged.
        """
        with self._covering(log) as connection:
            row = connection.execute("SELECT offset FROM commands WHERE command = ?", (command,)).fetchone()
        return None if row is None else int(row[0])

    def offsets_in(
        self, stream: str, first: int, last: int, log: IndexedLog, *, backward: bool, limit: int
    ) -> Sequence[int]:
        """Return the offsets in bytes of the lines that hold events of a stream. The errors are those of `offset_of`.

        Args:
            stream: The name of the stream.
            first: The lowest version.
            last: The highest version.
            log: What of the log the answer must cover.
            backward: Whether to return the newest line first. Otherwise the oldest one comes first.
            limit: How many events to find at most; -1 finds all.
        """
        order = "DESC" if backward else "ASC"
        query = f"SELECT offset FROM events WHERE stream = ? AND version BETWEEN ? AND ? ORDER BY version {order} LIMIT ?"
        with self._covering(log) as connection:
            found = connection.execute(query, (stream, min(first, _MOST), min(last, _MOST), min(limit, _MOST))).fetchall()
        return list(dict.fromkeys(offset for (offset,) in found))

    def version_before(self, stream: str, offset: int, log: IndexedLog) -> int:
        """Return the version of a stream before the line at an offset; 0 if it has no events there.

        Args:
            stream: The name of the stream.
            offset: The offset in bytes.
            log: What of the log the answer must cover. The errors are those of `offset_of`.
        """
        query = "SELECT version FROM events WHERE stream = ? AND offset < ? ORDER BY version DESC LIMIT 1"
        with self._covering(log) as connection:
            row = connection.execute(query, (stream, offset)).fetchone()
        return 0 if row is None else int(row[0])

    @contextmanager
    def _covering(self, log: IndexedLog) -> Iterator[sqlite3.Connection]:
        """Give the index to the block when it covers a log. If it does not, what the log holds behind its end is added.

        Another process may make the index again, for another history of the log. So what the index covers is looked at in
        the transaction in which the block asks.
        """
        with self._answering() as connection:
            with _transaction(connection, "BEGIN"):
                reached = _reached(connection)
                if reached is not None and log.is_covered(reached) and holds(log.file.fd, reached):
                    yield connection
                    return
            with _transaction(connection, "BEGIN IMMEDIATE"):
                intact = _extend(connection, log.file, log.start)
                if intact:
                    yield connection
            if not intact:
                raise IndexUnavailable(f"{log.file.path} is damaged")

    @contextmanager
    def _answering(self) -> Iterator[sqlite3.Connection]:
        """Give the open index to the block. An index that SQLite cannot read is removed, so that the next call makes it."""
        try:
            if self._connection is None:
                self._connection = _open(self._path)
            yield self._connection
        except sqlite3.OperationalError as error:  # it is locked, or there is no space
            raise IndexUnavailable(f"{self._path}: {error}") from error
        except sqlite3.Error as error:
            self._remove()
            raise IndexUnavailable(f"{self._path}: {error}") from error
        except OSError as error:
            raise IndexUnavailable(f"{self._path}: {error.strerror}") from error

    def _remove(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        remove_index(self._path)


def index_path(folder: str, log_id: str) -> str:
    """Return the file of the index of a log. The id may be one that another program made; it leads to no other folder."""
    return os.path.join(folder, f"{os.path.basename(log_id)}.sqlite")


def remove_index(path: str) -> None:
    """Remove the file of an index, and what SQLite keeps beside it, as far as that is possible."""
    for each in sqlite_files(path):
        with suppress(OSError):
            os.unlink(each)


def _open(path: str) -> sqlite3.Connection:
    make_directory(os.path.dirname(path))
    close(open_or_make(path, os.O_RDWR))  # SQLite would make it readable by others
    # the garbage collector may close it in another thread than the one that used it
    connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    ((schema,),) = connection.execute("PRAGMA user_version")
    if schema != _SCHEMA:
        connection.execute("PRAGMA journal_mode = WAL")
        with _transaction(connection, "BEGIN IMMEDIATE"):
            ((schema,),) = connection.execute("PRAGMA user_version")  # another process may have made the tables meanwhile
            if schema != _SCHEMA:
                names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                for statement in [f'DROP TABLE "{name}"' for name in names] + _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_SCHEMA}")
    connection.execute("PRAGMA synchronous = NORMAL")  # after a power cut the end of the index may be lost, but no more
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    """Make what the block reads and writes one transaction, which begins with a statement."""
    connection.execute(begin)
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _reached(connection: sqlite3.Connection) -> Cursor | None:
    """Return how far the index reaches; None if it is empty."""
    row = connection.execute("SELECT position, line, offset, digest FROM reached").fetchone()
    return None if row is None else Cursor(*row)


def _extend(connection: sqlite3.Connection, file: Lines, start: Cursor) -> bool:
    """Add what the log holds behind the end of the index, and return whether all of it is intact."""
    reached = _reached(connection)  # another process may have come farther while this one waited
    if reached is None or not holds(file.fd, reached):
        for table in ("commands", "events", "reached"):
            connection.execute(f"DELETE FROM {table}")
        reached = start
    walk = Walk(reached, _last_position, decode_lines)
    offset = reached.offset
    intact = True
    try:
        for block in walk.over(file.chunks(offset)):
            commands, events = [], []
            for line, commit in zip(block.lines, block.commits, strict=True):
                commands.append((commit.command, offset))
                events += [(event.stream, event.version, offset) for event in commit.events]
                offset += len(line)
            connection.executemany("INSERT OR IGNORE INTO commands VALUES (?, ?)", commands)
            connection.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", events)
    except InvalidLine:  # whoever reads the log itself reports it
        intact = False
    connection.execute("DELETE FROM reached")
    connection.execute("INSERT INTO reached VALUES (?, ?, ?, ?)", _values(walk.cursor))
    return intact


def _values(cursor: Cursor) -> tuple[int, int, int, bytes]:
    return cursor.position, cursor.line, cursor.offset, cursor.digest


def _last_position(position: int, commits: Sequence[CommitLine]) -> int:
    """Return the last position in commits that follow a position.

    Raises:
        InvalidLine: They do not follow it.
    """
    for commit in commits:
        if commit.position != position + 1:
            raise InvalidLine(f"position {commit.position} follows {position}")
        position = commit.last
    return position
