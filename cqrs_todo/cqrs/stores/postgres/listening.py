"""Waiting for appends: the server notifies everyone who listens, in whichever log something was appended."""

import time
from collections.abc import Callable

import psycopg

from .database import Connection, Database

CHANNEL = "cqrs"
"""The channel on which `cqrs_append` sends the key of the log."""


class Listener:
    """A connection that listens for appends. It is made when it is first needed, and again when it was lost."""

    def __init__(self, database: Database) -> None:
        """Prepare to listen.

        Args:
            database: The database.
        """
        self._database = database
        self._connection: Connection | None = None

    def wait(self, grown: Callable[[], bool], seconds: float) -> bool:
        """Wait until something has been appended.

        Args:
            grown: Returns whether something was appended that the caller waits for. It is called when listening has begun,
                and after each notification.
            seconds: After how many seconds to return in any case.

        Returns:
            Whether it could listen. It cannot on a standby, and while the server cannot be reached.

        Raises:
            CqrsError: What `grown` raises.
        """
        until = time.monotonic() + seconds
        try:
            connection = self._connected()
            while not grown() and (left := until - time.monotonic()) > 0:
                for _ in connection.notifies(timeout=left, stop_after=1):
                    pass
        except psycopg.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._database.open()
            try:
                connection.execute(f"LISTEN {CHANNEL}".encode())
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection
