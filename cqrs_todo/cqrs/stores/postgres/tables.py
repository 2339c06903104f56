"""The tables beside those of the logs: how far reactions have come, and snapshots."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ...checkpoints import Checkpoint, Checkpoints, Parked
from ...cursor import Cursor
from ...errors import LogBusy, StoreUnavailable
from ...names import check_log_name
from ...store import Blobs
from .database import Database

_LOAD = """
    SELECT position, base_position, base_digest, begun, passed, forgotten FROM {schema}.cqrs_checkpoints
    WHERE reaction = %s AND log = %s
"""
_KEEP = """
    INSERT INTO {schema}.cqrs_checkpoints (reaction, log, position, base_position, base_digest, begun, passed, forgotten)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (reaction, log) DO UPDATE
    SET position = excluded.position, base_position = excluded.base_position, base_digest = excluded.base_digest,
        begun = excluded.begun, passed = excluded.passed, forgotten = excluded.forgotten
"""
_KEEP_HELD = """
    UPDATE {schema}.cqrs_checkpoints
    SET position = %s, base_position = %s, base_digest = %s, begun = %s, passed = %s, forgotten = %s
    WHERE reaction = %s AND log = %s AND holder = %s
"""
# the server's clock counts
_HOLD = """
    INSERT INTO {schema}.cqrs_checkpoints AS kept (reaction, log, position, base_position, base_digest, holder, held_until)
    VALUES (%s, %s, 0, 0, '', %s, clock_timestamp() + %s * interval '1 second')
    ON CONFLICT (reaction, log) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
    WHERE kept.holder IN ('', excluded.holder) OR kept.held_until <= clock_timestamp()
"""
_RENEW = """
    UPDATE {schema}.cqrs_checkpoints SET held_until = clock_timestamp() + %s * interval '1 second'
    WHERE reaction = %s AND log = %s AND holder = %s
"""
_RELEASE = """
    UPDATE {schema}.cqrs_checkpoints SET holder = '', held_until = '-infinity'
    WHERE reaction = %s AND log = %s AND holder = %s
"""
FORGET_BASES = """
    UPDATE {schema}.cqrs_checkpoints SET base_position = 0, base_digest = %s WHERE log = %s AND base_digest <> ''
"""
"""Lets reactions read a log from its start, given the digest of the header and the id, because its digests have changed."""
FORGET_PARKED = r"""
    DELETE FROM {schema}.cqrs_parked
    WHERE log = %s AND regexp_replace(event, '(/-?[0-9]+)[.][0-9]+$', '\1') = ANY(%s::text[])
"""
"""Removes events from the parked ones of the log with an id, by their ids as they are recorded; see `Parked.recorded_id`."""
_PARK = """
    INSERT INTO {schema}.cqrs_parked (reaction, log, event, position, error, at, tries) VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (reaction, log, event) DO UPDATE
    SET position = excluded.position, error = excluded.error, at = excluded.at, tries = excluded.tries
"""
_UNPARK = "DELETE FROM {schema}.cqrs_parked WHERE reaction = %s AND log = %s AND event = %s"
_PARKED = """
    SELECT event, position, error, at, tries FROM {schema}.cqrs_parked WHERE reaction = %s AND log = %s
    ORDER BY position, event
"""


class PostgresCheckpoints(Checkpoints):
    """Checkpoints in a table."""

    def __init__(self, database: Database) -> None:
        """Keep checkpoints in a database."""
        self._database = database

    def load(self, reaction: str, log_id: str) -> Checkpoint:
        """Return how far a reaction has come; see `Checkpoints`."""
        rows = self._database.rows(_LOAD, (check_log_name(reaction), log_id))
        if not rows:
            return Checkpoint()
        position, base_position, base_digest, begun, passed, forgotten = rows[0]
        base = Cursor(base_position, digest=base_digest.encode())
        return Checkpoint(position, base, begun=begun, passed=tuple(passed), forgotten=forgotten)

    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        """Keep how far a reaction has come; see `Checkpoints`."""
        key, base = (check_log_name(reaction), log_id), checkpoint.base
        if checkpoint.moves:  # it is none of this store, which never sets one back, because no event moves on a server
            return False
        passed = list(checkpoint.passed)
        place = checkpoint.position, base.position, base.digest.decode()
        values = (*place, checkpoint.begun, passed, checkpoint.forgotten)
        if holder is None:
            return self._changes(_KEEP, (*key, *values))
        return self._changes(_KEEP_HELD, (*values, *key, holder))

    def hold(self, reaction: str, log_id: str, holder: str, seconds: float, *, renew: bool = False) -> bool:
        """Take or renew a lease; see `Checkpoints`."""
        if renew:
            return self._changes(_RENEW, (seconds, check_log_name(reaction), log_id, holder))
        return self._changes(_HOLD, (check_log_name(reaction), log_id, holder, seconds))

    def release(self, reaction: str, log_id: str, holder: str) -> None:
        """End a lease; see `Checkpoints`."""
        self._changes(_RELEASE, (check_log_name(reaction), log_id, holder))

    def park(self, reaction: str, log_id: str, parked: Parked) -> None:
        """Park an event; see `Checkpoints`."""
        values = (parked.event, parked.position, parked.error, parked.at, parked.tries)
        self._changes(_PARK, (check_log_name(reaction), log_id, *values))

    def unpark(self, reaction: str, log_id: str, event: str) -> None:
        """Remove an event from those that are parked; see `Checkpoints`."""
        self._changes(_UNPARK, (check_log_name(reaction), log_id, event))

    def parked(self, reaction: str, log_id: str) -> Sequence[Parked]:
        """Return the parked events; see `Checkpoints`."""
        rows = self._database.rows(_PARKED, (check_log_name(reaction), log_id))
        return [Parked(event, position, error, at.astimezone(UTC), tries) for event, position, error, at, tries in rows]

    def _changes(self, statement: str, values: tuple[str | float | datetime | list[str], ...]) -> bool:
        """Run a statement, and return whether it changed a row."""
        return self._database.run(lambda connection: connection.execute(self._database.sql(statement), values).rowcount > 0)


_READ_SNAPSHOT = "SELECT content FROM {schema}.cqrs_snapshots WHERE log = %s AND name = %s"
_WRITE_SNAPSHOT = """
    INSERT INTO {schema}.cqrs_snapshots (log, name, content) VALUES (%s, %s, %s)
    ON CONFLICT (log, name) DO UPDATE SET content = excluded.content
"""
_REMOVE_SNAPSHOT = "DELETE FROM {schema}.cqrs_snapshots WHERE log = %s AND name = %s"
REMOVE_SNAPSHOTS = "DELETE FROM {schema}.cqrs_snapshots WHERE log = %s"
"""Removes all snapshots of the log with an id."""


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

    def clear(self, log_id: str) -> bool:
        """Remove all blobs of a log; see `snapshots.Blobs`."""
        return self._changed(REMOVE_SNAPSHOTS, (log_id,))

    def _changed(self, statement: str, values: tuple[str | bytes, ...]) -> bool:
        try:
            self._database.run(lambda connection: connection.execute(self._database.sql(statement), values))
        except (LogBusy, StoreUnavailable):
            return False
        return True
