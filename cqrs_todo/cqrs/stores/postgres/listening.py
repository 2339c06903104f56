"""Waiting for appends: the server notifies everyone who listens, in whichever log something was appended."""

import threading
import time
from collections.abc import Callable
from functools import partial

import psycopg

from .database import Connection, Database

CHANNEL = "cqrs"
"""The channel on which `cqrs_append` sends the key of the log."""


class Listener:
    """A connection that listens for appends. It is made when it is first needed, and again when it was lost.

    Several threads may wait at the same time. One of them listens, and wakes the others when something was appended.
    """

    def __init__(self, database: Database) -> None:
        """Prepare to listen.

        Args:
            database: The database.
        """
        self._database = database
        self._connection: Connection | None = None
        self._woken = threading.Condition()
        self._is_listening = False
        self._wakes = 0
        """How often the threads that wait were woken."""

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
        while (left := until - time.monotonic()) > 0:
            with self._woken:
                wakes, others_listen = self._wakes, self._is_listening
                self._is_listening = True
            if others_listen:
                if grown():
                    return True
                with self._woken:
                    self._woken.wait_for(partial(self._was_woken, wakes), left)
            else:
                try:
                    return self._listen(grown, until)
                finally:
                    self._wake(stops=True)
        return True

    def _listen(self, grown: Callable[[], bool], until: float) -> bool:
        """Do what `wait` does, in the one thread that listens."""
        try:
            connection = self._connected()
            self._wake()  # what was appended before somebody listened reaches nobody
            while not grown() and (left := until - time.monotonic()) > 0:
                for _ in connection.notifies(timeout=left, stop_after=1):
                    self._wake()
        except psycopg.Error:
            self.close()
            return False
        return True

    def _was_woken(self, before: int) -> bool:
        return self._wakes != before

    def _wake(self, *, stops: bool = False) -> None:
        """Let the other threads look whether something was appended, or listen themselves if this one stops."""
        with self._woken:
            self._wakes += 1
            self._is_listening = self._is_listening and not stops
            self._woken.notify_all()

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
