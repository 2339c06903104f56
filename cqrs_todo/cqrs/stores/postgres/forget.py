"""Forgetting streams in the tables of a log, in one transaction. Only the owner of the tables can do this."""

from collections.abc import Collection
from itertools import islice

from ...errors import DamagedLog, LogNotFound
from ...forgetting import Forgetting
from ...store import no_progress
from ..forgetting import forget_lines
from ..hash_chain import last_digest
from .database import Connection, Database
from .reader import FETCHED
from .rights import MissingGrant
from .tables import FORGET_BASES, FORGET_PARKED, REMOVE_SNAPSHOTS
from .verify import verify

_OWNER = """
    SELECT pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE')
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relname = 'cqrs_commits'
"""
_FOUND = "SELECT key FROM {schema}.cqrs_logs WHERE name = %s AND archived = %s"
_HOLD = "SELECT {schema}.cqrs_hold(%s::bigint)"
_HEADER = "SELECT header FROM {schema}.cqrs_logs WHERE key = %s FOR UPDATE"
_LINES = "SELECT position, line FROM {schema}.cqrs_commits WHERE log = %s ORDER BY position"
_SET_HEADER = "UPDATE {schema}.cqrs_logs SET header = %s WHERE key = %s"
_SET_LINES = """
    UPDATE {schema}.cqrs_commits AS kept SET line = new.line, sum = new.sum
    FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new (position, line, sum)
    WHERE kept.log = %s AND kept.position = new.position
"""
# as `cqrs_append` writes them
_SET_META = """
    UPDATE {schema}.cqrs_commits SET meta = coalesce({schema}.cqrs_document(line)->'meta', '{}')
    WHERE log = %s AND position = ANY(%s::bigint[])
"""
_SET_EVENTS = """
    UPDATE {schema}.cqrs_events AS kept SET type = event.type, data = event.data, tags = event.tags
    FROM {schema}.cqrs_commits AS held, LATERAL {schema}.cqrs_events_in({schema}.cqrs_document(held.line)) AS event
    WHERE held.log = %s AND held.position = ANY(%s::bigint[]) AND kept.log = held.log AND kept.position = event.place
"""
_UNREACHED = (
    "the server's write-ahead log, its backups and its replicas",
    "the old rows in the server's files, until VACUUM FULL on the tables",
)


def forget(connection: Connection, database: Database, name: str, streams: Collection[str], *, archived: bool) -> Forgetting:
    """Forget streams in a log.

    Args:
        connection: A connection on which a transaction has begun.
        database: The database.
        name: The name of the log.
        streams: The names of the streams.
        archived: Whether the log is archived.

    Returns:
        What was done.

    Raises:
        LogNotFound: There is no such log.
        MissingGrant: The role does not own the tables.
        CqrsError: What `Store.forget` raises.
    """
    found = connection.execute(database.sql(_FOUND), (name, archived)).fetchone()
    if found is None:
        raise LogNotFound(name)
    (key,) = found
    _check_owner(connection, database)
    connection.execute(database.sql(_HOLD), (key,))
    ((header,),) = connection.execute(database.sql(_HEADER), (key,)).fetchall()
    damage = verify(database, key, header.encode(), no_progress).damage
    if damage is not None:
        place = f"{database.address}, {name} is damaged at line {damage.line}: {damage.detail}"
        raise DamagedLog(f"{place}; nothing was changed; restore it from a backup first")
    rows = connection.execute(database.sql(_LINES), (key,)).fetchall()
    old = [f"{line}\n".encode() for line in (header, *(line for _, line in rows))]
    done = forget_lines(name, old, streams)
    if done.lines != old:
        connection.execute(database.sql(_SET_HEADER), (_text(done.lines[0]), key))
        changes = zip([position for position, _ in rows], done.lines[1:], strict=True)
        while some := list(islice(changes, FETCHED)):
            positions, lines = zip(*some, strict=True)
            digests = [last_digest(line).decode() for line in lines]
            connection.execute(database.sql(_SET_LINES), (list(positions), list(map(_text, lines)), digests, key))
        for statement in (_SET_META, _SET_EVENTS):
            connection.execute(database.sql(statement), (key, done.changed))
    connection.execute(database.sql(REMOVE_SNAPSHOTS), (done.log,))
    connection.execute(database.sql(FORGET_BASES), (last_digest(done.lines[0]).decode(), done.log))
    connection.execute(database.sql(FORGET_PARKED), (done.log, sorted(done.ids)))
    return Forgetting(done.log, done.events, unreached=_UNREACHED, absent=done.absent)


def _text(line: bytes) -> str:
    """Return a line as the tables have it, without its LF."""
    return line[:-1].decode()


def _check_owner(connection: Connection, database: Database) -> None:
    """Raise `MissingGrant` if the role does not own the tables. No grant to others would be safe: see `schema`."""
    ((owner, owns),) = connection.execute(_OWNER.encode(), (database.schema,)).fetchall()
    if not owns:
        raise MissingGrant(
            f"{database.address}: only {owner}, who owns the tables, can make a log forget something; nothing was changed;"
            f" do it as {owner}"
        )
