"""The tables beside those of the logs: how far reactions have come, and snapshots."""

from ...errors import LogBusy, StoreUnavailable
from ...names import check_log_name
from ...store import Blobs, Checkpoints
from .database import Database

_KEEP = """
    INSERT INTO {schema}.cqrs_checkpoints (reaction, log, position) VALUES (%s, %s, %s)
    ON CONFLICT (reaction, log) DO UPDATE SET position = excluded.position
"""


class PostgresCheckpoints(Checkpoints):
    """Checkpoints in a table."""

    def __init__(self, database: Database) -> None:
        """Keep checkpoints in a database."""
        self._database = database

    def load(self, reaction: str, log_id: str) -> int:
        """Return the position that a reaction has come to; see `Checkpoints`."""
        query = "SELECT position FROM {schema}.cqrs_checkpoints WHERE reaction = %s AND log = %s"
        rows = self._database.rows(query, (check_log_name(reaction), log_id))
        return rows[0][0] if rows else 0

    def save(self, reaction: str, log_id: str, position: int) -> None:
        """Keep the position that a reaction has come to; see `Checkpoints`."""
        values = (check_log_name(reaction), log_id, position)
        self._database.run(lambda connection: connection.execute(self._database.sql(_KEEP), values))


_READ_SNAPSHOT = "SELECT content FROM {schema}.cqrs_snapshots WHERE log = %s AND name = %s"
_WRITE_SNAPSHOT = """
    INSERT INTO {schema}.cqrs_snapshots (log, name, content) VALUES (%s, %s, %s)
    ON CONFLICT (log, name) DO UPDATE SET content = excluded.content
"""
_REMOVE_SNAPSHOT = "DELETE FROM {schema}.cqrs_snapshots WHERE log = %s AND name = %s"


class SnapshotTable(Blobs):
    """Blobs of snapshots in a table; see `snapshots.Blobs`."""

    def __init__(self, database: Database) -> None:
        """Keep blobs in a database."""
        self._database = database

    def read(self, log_id: str, name: str) -> bytes | None:
        """Return a blob; see `snapshots.Blobs`."""
        try:
            rows = self._database.rows(_READ_SNAPSHOT, (log_id, name))
        except (LogBusy, StoreUnavailable):
            return None
        return bytes(rows[0][0]) if rows else None

    def write(self, log_id: str, name: str, content: bytes) -> bool:
        """Write a blob; see `snapshots.Blobs`."""
        return self._changed(_WRITE_SNAPSHOT, (log_id, name, content))

    def remove(self, log_id: str, name: str) -> None:
        """Remove a blob; see `snapshots.Blobs`."""
        self._changed(_REMOVE_SNAPSHOT, (log_id, name))

    def _changed(self, statement: str, values: tuple[str | bytes, ...]) -> bool:
        try:
            self._database.run(lambda connection: connection.execute(self._database.sql(statement), values))
        except (LogBusy, StoreUnavailable):
            return False
        return True
