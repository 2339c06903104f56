"""Tables of projections in SQLite files, which are a cache: `NAME.3.sqlite`, and `NAME.json`, which says that it is in use.

A file is never replaced by another one under the same name, because SQLite keeps a log beside it, which would be applied to
the new one.
"""

import fcntl
import os
import re
import sqlite3
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated, Any

import msgspec

from ..checkpoints import Checkpoint
from ..cursor import Cursor
from ..errors import CqrsError, StoreUnavailable
from ..stores.jsonl.files import (
    close,
    make_directory,
    open_or_make,
    os_errors_as_store_errors,
    remove,
    replace_durably,
    sqlite_files,
)
from . import ENDS_TRANSACTION, NOT_RUN, ONLY_READS, Generation, NotApplied, Projection, ProjectionFailed, Tables

_MEMORY = ":memory:"
_WAIT = 30.0
"""For how many seconds SQLite waits while another program writes."""
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""The codes of errors that are not the fault of the projection: those that may pass, and those of a damaged file."""
_TRANSACTIONS = {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}
_CONNECTION = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA}
_READING_PRAGMAS = {"data_version", "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"}
"""Those that set nothing. Full-text tables ask for `data_version`."""
_CHANGES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE}
_OWN = """
    CREATE TABLE cqrs_version (version INTEGER NOT NULL, schema TEXT NOT NULL);
    CREATE TABLE cqrs_checkpoint (
        log TEXT PRIMARY KEY, position INTEGER NOT NULL,
        base_position INTEGER NOT NULL, base_line INTEGER NOT NULL, base_offset INTEGER NOT NULL, base_digest BLOB NOT NULL
    );
"""
_Count = Annotated[int, msgspec.Meta(ge=0)]
_LOAD = "SELECT position, base_position, base_line, base_offset, base_digest FROM cqrs_checkpoint WHERE log = ?"
_OTHER = "SELECT log FROM cqrs_checkpoint WHERE log <> ? LIMIT 1"
_KEEP = "INSERT OR REPLACE INTO cqrs_checkpoint VALUES (?, ?, ?, ?, ?, ?)"


class DamagedTables(StoreUnavailable):
    """The file of a projection's tables is damaged. `SqliteTables.remove` removes it, and then it is made again."""


class _InUse(msgspec.Struct, frozen=True):
    """The content of `NAME.json`: the number of the file in use, and the version of the projection."""

    number: int
    version: int


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A row of `cqrs_checkpoint` without the id of the log. SQLite keeps values of any type in any column."""

    position: _Count
    base_position: _Count
    base_line: _Count
    base_offset: _Count
    base_digest: bytes


_decode = msgspec.json.Decoder(_InUse).decode


class _Rows(Generation):
    """The tables in one database."""

    def __init__(self, path: str, version: int, schema: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self.version = version
        self.schema = schema
        self._connection = connection
        self._thread = get_ident()

    def is_in_transaction(self, connection: Any) -> bool:
        """Return whether the transaction has not ended; see `Generation`."""
        return bool(connection.in_transaction)

    def checkpoint(self, log_id: str) -> Checkpoint:
        """Return how far the rows were derived from a log; see `Generation`."""
        with self._errors():
            row = self._connection.execute(_LOAD, (log_id,)).fetchone()
            if row is None:
                return Checkpoint()
            kept = msgspec.convert(row, _Kept)
        return Checkpoint(kept.position, Cursor(kept.base_position, kept.base_line, kept.base_offset, kept.base_digest))

    def other_log(self, log_id: str) -> str | None:
        """Return another log of the rows; see `Generation`."""
        with self._errors():
            row = self._connection.execute(_OTHER, (log_id,)).fetchone()
            return None if row is None else msgspec.convert(row[0], str)

    def change(self, log_id: str, before: Checkpoint, after: Checkpoint, work: Callable[[Any], None]) -> bool:
        """Change rows; see `Generation`."""
        connection, base = self._connection, after.base
        with self._errors():
            connection.execute("BEGIN IMMEDIATE")
        try:
            if self.checkpoint(log_id) != before:
                return False
            connection.set_authorizer(_rows_only)
            try:
                work(connection)
            except NotApplied as failure:
                cause = failure.__cause__
                if isinstance(cause, sqlite3.Error) and _is_of_file(cause):
                    raise _unavailable(self.path, cause) from cause
                raise
            finally:
                connection.set_authorizer(None)
            with self._errors():
                connection.execute(_KEEP, (log_id, after.position, base.position, base.line, base.offset, base.digest))
                connection.execute("COMMIT")
            return True
        finally:
            if connection.in_transaction:
                with self._errors():
                    connection.execute("ROLLBACK")

    def rows(self, sql: str, values: Any) -> list[tuple[Any, ...]]:
        """Run a query; see `Generation`."""
        self._check_thread()
        try:
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.set_authorizer(_reads_only)
            try:
                return self._connection.execute(sql, values).fetchall()
            finally:
                self._connection.set_authorizer(None)
                self._connection.execute("PRAGMA query_only = OFF")
        except sqlite3.Error as error:
            # if it is the file that is read-only, SQLite says more than this code
            if getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH):
                raise ValueError(ONLY_READS) from error
            if _is_of_file(error):
                raise _unavailable(self.path, error) from error
            raise ValueError(f"{NOT_RUN}: {error}") from error
        except OverflowError as error:  # SQLite has no larger numbers
            raise ValueError(f"{NOT_RUN}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._check_thread()
        self._connection.close()

    def _check_thread(self) -> None:
        """Refuse the use in another thread, which SQLite refuses as well, in words about its own objects."""
        if get_ident() != self._thread:
            raise ValueError("a `ReadModel` belongs to the thread that used it first: open a `ReadModel` for each thread")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise what goes wrong in a statement of this module as `StoreUnavailable`. Such a statement has no faults.

        So whatever does not pass is damage.
        """
        self._check_thread()
        try:
            yield
        except sqlite3.Error as error:
            if _code(error) in _PASSING:
                raise _unavailable(self.path, error) from error
            raise _damaged(self.path, error) from error
        except (msgspec.ValidationError, UnicodeDecodeError) as error:
            raise _damaged(self.path, error) from error


class _File(_Rows):
    """The tables in one file."""

    def __init__(self, path: str, number: int, version: int) -> None:
        """Open a file that exists.

        Raises:
            sqlite3.Error: It cannot be opened, or holds no tables of this version.
        """
        connection = sqlite3.connect(_uri(path), timeout=_WAIT, isolation_level=None, uri=True)
        try:
            self._file = _identity(path)
            connection.execute("PRAGMA synchronous = NORMAL")
            ((found, schema),) = connection.execute("SELECT version, schema FROM cqrs_version")
            if found != version:
                raise sqlite3.DatabaseError(f"it has tables of version {found}, and not of {version}")
        except ValueError as error:
            connection.close()
            raise sqlite3.DatabaseError("it has no version") from error
        except BaseException:
            connection.close()
            raise
        super().__init__(path, version, schema, connection)
        self.number = number

    def is_there(self) -> bool:
        """Return whether the file is still under its path: the folder may have been removed and made again."""
        return _identity(self.path) == self._file


class SqliteTables(Tables):
    """Tables in the files of a folder."""

    def __init__(self, folder: str) -> None:
        """Choose a folder.

        Args:
            folder: Its path. It is made when the first projection is built.
        """
        self.place = self._folder = folder
        self._open: dict[str, _File] = {}

    def current(self, name: str) -> _File | None:
        """Return the tables in use; see `Tables`."""
        while True:
            in_use = self._in_use(name)
            opened = self._open.get(name)
            if opened is not None:
                if in_use is not None and opened.number == in_use.number and opened.is_there():
                    return opened
                self._open.pop(name).close()
            if in_use is None:
                return None
            path = self._path(name, in_use.number)
            try:
                self._open[name] = _File(path, in_use.number, in_use.version)
            except sqlite3.Error:
                if self._in_use(name) == in_use:  # it was not replaced meanwhile: it is gone, or is not what was written
                    return None

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Let no other program build tables; see `Tables`."""
        path = os.path.join(self._folder, f"{name}.lock")
        with os_errors_as_store_errors(path):
            make_directory(self._folder)
            fd = open_or_make(path, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            close(fd)

    def begin(self, projection: Projection[Any], *, anew: bool) -> _File:
        """Make empty tables; see `Tables`."""
        in_use = self._in_use(projection.name)
        number = 1 if in_use is None else in_use.number + 1
        path = self._path(projection.name, number)
        if not anew:
            try:
                left = _File(path, number, projection.version)
            except sqlite3.Error:  # there is none, or it is half made, or another version's
                pass
            else:
                if left.schema == projection.schema:
                    return left
                left.close()
        with os_errors_as_store_errors(path):
            _remove(path)
            try:
                _make(path, projection)
                return _File(path, number, projection.version)
            except sqlite3.Error as error:
                _remove(path)
                raise _not_made(path, projection, error) from error

    def use(self, name: str, built: Generation) -> None:
        """Put tables into use; see `Tables`."""
        if not isinstance(built, _File):
            raise TypeError("only tables that `begin` has made can be used")
        path = os.path.join(self._folder, f"{name}.json")
        with os_errors_as_store_errors(path):
            replace_durably(path, msgspec.json.encode(_InUse(built.number, built.version)))
            for file in os.listdir(self._folder):
                other = os.path.join(self._folder, file)
                if re.fullmatch(rf"{re.escape(name)}\.[0-9]+\.sqlite", file) and other != built.path:
                    _remove(other)
        built.close()

    def files(self, name: str) -> list[str]:
        """Return the paths of all files of a projection's tables.

        Args:
            name: The name of the projection.

        Raises:
            StoreUnavailable: The folder cannot be read.
        """
        with os_errors_as_store_errors(self._folder):
            try:
                found = os.listdir(self._folder)
            except FileNotFoundError:
                return []
            return [os.path.join(self._folder, file) for file in sorted(found) if _is_of(name, file)]

    def remove(self, name: str) -> None:
        """Remove the tables of a projection, which are then derived again.

        Args:
            name: The name of the projection.

        Raises:
            StoreUnavailable: They cannot be removed.
        """
        opened = self._open.pop(name, None)
        if opened is not None:
            opened.close()
        with self.lock(name):
            for path in self.files(name):
                with os_errors_as_store_errors(path):
                    remove(path)

    def close(self) -> None:
        """Close the files; see `Tables`."""
        for opened in self._open.values():
            opened.close()
        self._open = {}

    def _path(self, name: str, number: int) -> str:
        return os.path.join(self._folder, f"{name}.{number}.sqlite")

    def _in_use(self, name: str) -> _InUse | None:
        path = os.path.join(self._folder, f"{name}.json")
        with os_errors_as_store_errors(path):
            try:
                with open(path, "rb") as file:
                    return _decode(file.read())
            except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):  # it is a cache, which is made again
                return None


class MemoryTables(Tables):
    """Tables in memory, for one thread of one process. They are gone when they are closed."""

    def __init__(self) -> None:
        """Begin without tables."""
        self.place = "memory"
        self._used: dict[str, _Rows] = {}

    def current(self, name: str) -> _Rows | None:
        """Return the tables in use; see `Tables`."""
        return self._used.get(name)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Return at once: no other program sees these tables; see `Tables`."""
        return nullcontext()

    def begin(self, projection: Projection[Any], *, anew: bool) -> _Rows:
        """Make empty tables, also if others were left half built; see `Tables`."""
        connection = sqlite3.connect(_MEMORY, isolation_level=None)
        try:
            _make_in(connection, projection)
        except sqlite3.Error as error:
            connection.close()
            raise _not_made(_MEMORY, projection, error) from error
        return _Rows(_MEMORY, projection.version, projection.schema, connection)

    def use(self, name: str, built: Generation) -> None:
        """Put tables into use; see `Tables`."""
        if not isinstance(built, _Rows):
            raise TypeError("only tables that `begin` has made can be used")
        before = self._used.get(name)
        if before is not None:
            before.close()
        self._used[name] = built

    def close(self) -> None:
        """Remove all tables; see `Tables`."""
        for each in self._used.values():
            each.close()
        self._used = {}


def _is_of(name: str, file: str) -> bool:
    """Return whether a file has tables of a projection, or says which of them are in use."""
    return re.fullmatch(rf"{re.escape(name)}\.(json|[0-9]+\.sqlite(-wal|-shm|-journal)?)", file) is not None


def _rows_only(action: int, table: str | None, *_: object) -> int:
    """Forbid `apply` what could make the rows and their position disagree, and what would change the connection."""
    is_own = action in _CHANGES and table is not None and table.lower().startswith("cqrs_")
    return sqlite3.SQLITE_DENY if is_own else _reads_only(action, table)


def _reads_only(action: int, name: str | None, *_: object) -> int:
    """Forbid a query what would outlive it: a transaction, another file, a setting of the connection."""
    if action == sqlite3.SQLITE_PRAGMA and name in _READING_PRAGMAS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY if action in _TRANSACTIONS | _CONNECTION else sqlite3.SQLITE_OK


def _is_of_file(error: sqlite3.Error) -> bool:
    """Return whether an error is one of the file, and not of the SQL."""
    return _code(error) in _PASSING | _DAMAGED


def _unavailable(path: str, error: sqlite3.Error) -> StoreUnavailable:
    return _damaged(path, error) if _code(error) in _DAMAGED else StoreUnavailable(f"{path}: {error}")


def _damaged(path: str, error: Exception) -> DamagedTables:
    return DamagedTables(f"{path}: {error}; `rebuild` makes it again")


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error; 0 if Python's module raised it and not SQLite."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _identity(path: str) -> tuple[int, int] | None:
    """Return what identifies the file at a path; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _uri(path: str) -> str:
    """Return the URI by which SQLite opens a file for writing, and does not make it."""
    quoted = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")  # what SQLite asks for
    return f"file:{quoted}?mode=rw"


def _make(path: str, projection: Projection[Any]) -> None:
    """Make a file with the empty tables of a projection.

    Raises:
        sqlite3.Error: That is not possible.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(_uri(path), isolation_level=None, uri=True)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        _make_in(connection, projection)
    finally:
        connection.close()


def _make_in(connection: sqlite3.Connection, projection: Projection[Any]) -> None:
    """Make the empty tables of a projection in an empty database.

    Raises:
        sqlite3.Error: That is not possible.
    """
    connection.executescript(f"BEGIN; {_OWN} {projection.schema};")
    if not connection.in_transaction:
        raise sqlite3.ProgrammingError(ENDS_TRANSACTION)
    connection.execute("INSERT INTO cqrs_version VALUES (?, ?)", (projection.version, projection.schema))
    connection.execute("COMMIT")


def _not_made(path: str, projection: Projection[Any], error: sqlite3.Error) -> CqrsError:
    """Return why the tables of a projection cannot be made."""
    if _is_of_file(error):
        return _unavailable(path, error)
    return ProjectionFailed(f"the tables of the projection {projection.name} cannot be made: {error}")


def _remove(path: str) -> None:
    """Remove a file, and what SQLite keeps beside it."""
    for each in sqlite_files(path):
        remove(each)
