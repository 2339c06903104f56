"""The ends of all logs, as a store gives them, or asked for without the store.

To ask whether something is new takes less time than to load psycopg. So this asks through psycopg2, which loads faster.
Whatever is unusual is left to the store, which tries again, makes tables and explains errors.
"""

import select
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import CqrsError
from ...store import LogHead
from ..hash_chain import digest_in
from .address import address, with_defaults, wrong_part
from .rights import CONFIGURED_PATH, SETTINGS, check_owners, quoted, schema_of
from .schema import LATEST, VERSION

if TYPE_CHECKING:
    import psycopg2.extensions

HEADS = """
    SELECT id, name, archived, header, last, sum FROM {schema}.cqrs_logs LEFT JOIN LATERAL (
        SELECT last, sum FROM {schema}.cqrs_commits WHERE log = key ORDER BY position DESC LIMIT 1
    ) AS ending ON true
"""
"""Selects what `head_in` takes, for each log."""
_PATIENCE = 3.0
"""After how many seconds without an answer the store is asked instead."""


def head_in(row: Sequence[Any]) -> LogHead:
    """Return the end of the log that a row describes."""
    id, name, archived, header, last, sum = row
    return LogHead(id, name, archived, last or 0, sum or (digest_in(header.encode()) or b"").decode())


class Heads(NamedTuple):
    """The ends of all logs of a store.

    Attributes:
        address: The URL of the store, without the password.
        heads: The ends of its logs.
    """

    address: str
    heads: Sequence[LogHead]


def quick_heads(url: str) -> Heads | None:
    """Ask a server for the ends of all logs, if that is possible without loading much.

    Args:
        url: A URL, or another string that libpq can connect by.

    Returns:
        The ends; None if a `PostgresStore` has to be asked: psycopg2 is not installed, the URL is wrong, the server cannot
        be reached or is slow, or the tables are not those of this version, or may be forged.
    """
    given = _parsed(url)
    if given is None:
        return None
    import psycopg2

    try:
        # an asynchronous one, because Ctrl-C does not end the wait of a synchronous one
        connection = psycopg2.connect(**with_defaults(given), async_=True)
        try:
            heads = _heads(_Waiting(connection), address(given))
        finally:
            connection.close()
    except (psycopg2.Error, CqrsError, ValueError, OSError, SystemError):  # psycopg2 raises the last for odd settings
        return None
    return None if heads is None else Heads(address(given), heads)


def quick_address(url: str) -> str | None:
    """Return the URL of the same tables as the store returns it, without the password, if psycopg need not be loaded for it.

    Args:
        url: A URL, or another string that libpq can connect by.

    Returns:
        The address; None if psycopg2 is not installed, or the URL is wrong.
    """
    given = _parsed(url)
    return None if given is None else address(given)


def _parsed(url: str) -> dict[str, str] | None:
    """Return the values in a URL, by libpq's names; None if psycopg2 is not installed, or the URL is wrong."""
    try:
        import psycopg2
        from psycopg2.extensions import parse_dsn
    except ImportError:
        return None
    try:
        given = {key: str(value) for key, value in parse_dsn(url).items()}
    except (psycopg2.Error, ValueError):
        return None
    return given if wrong_part(given) is None else None


def _heads(connection: "_Waiting", place: str) -> Sequence[LogHead] | None:
    (path,) = connection.execute(CONFIGURED_PATH.encode()).fetchone() or ("",)
    connection.execute(SETTINGS.encode())
    schema = schema_of(connection, path)
    check_owners(connection, schema, place)

    def found(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query.replace("{schema}", quoted(schema)).encode()).fetchall()

    return [*map(head_in, found(HEADS))] if found(VERSION) == [(LATEST,)] else None


class _Waiting:
    """A connection of psycopg2 that waits for its answers, with the interface that `rights` needs."""

    def __init__(self, connection: "psycopg2.extensions.connection") -> None:
        self._connection = connection
        self._wait()

    def execute(
        self, query: bytes, params: Sequence[Any] | Mapping[str, Any] | None = None, /
    ) -> "psycopg2.extensions.cursor":
        cursor = self._connection.cursor()
        cursor.execute(query, params)
        self._wait()
        return cursor

    def _wait(self) -> None:
        """Wait until the connection is made, or the answer has come.

        Raises:
            TimeoutError: Nothing comes from the server.
        """
        from psycopg2.extensions import POLL_OK, POLL_WRITE

        while (state := self._connection.poll()) != POLL_OK:
            reads, writes = ([], [self._connection]) if state == POLL_WRITE else ([self._connection], [])
            if not any(select.select(reads, writes, [], _PATIENCE)):
                raise TimeoutError
