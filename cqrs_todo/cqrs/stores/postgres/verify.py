"""Verifying a whole log in the tables: its lines, and the columns and events that are kept beside them."""

from collections.abc import Iterable
from typing import Any

from ...cursor import Cursor
from ...events import FORGOTTEN
from ...store import Progress
from ...verification import Damage, Verdict
from ..chain import Versions, Walk
from ..format import CommitLine, InvalidLine, decode_header, decode_lines
from .database import Database
from .reader import FETCHED

_LINES_AFTER = "SELECT line, position FROM {schema}.cqrs_commits WHERE log = %s AND last > %s ORDER BY position LIMIT %s"
_WRONG = """
    SELECT min(position) FROM {schema}.cqrs_commits AS kept,
    LATERAL (SELECT {schema}.cqrs_document(line) AS document) AS said
    WHERE log = %s AND position > %s AND position <= %s AND (
        position = (document->>'position')::bigint
        AND last = position + jsonb_array_length(document->'events') - 1
        AND (command, author, sum) = (document->>'command', document->>'by', document->>'sum')
        AND at = (document->>'at')::timestamptz
        AND meta::text = coalesce(document->'meta', '{}')::text
        AND NOT EXISTS (
            (SELECT position, id, stream, version, type, data::text, tags FROM {schema}.cqrs_events
             WHERE cqrs_events.log = kept.log AND commit = kept.position
             EXCEPT ALL SELECT place, id, stream, version, type, data::text, tags FROM {schema}.cqrs_events_in(document))
            UNION ALL
            (SELECT place, id, stream, version, type, data::text, tags FROM {schema}.cqrs_events_in(document)
             EXCEPT ALL SELECT position, id, stream, version, type, data::text, tags FROM {schema}.cqrs_events
             WHERE cqrs_events.log = kept.log AND commit = kept.position)
        )
    ) IS NOT TRUE
"""
_ALONE = """
    SELECT min(position) FROM {schema}.cqrs_events AS event WHERE log = %s AND NOT EXISTS (
        SELECT FROM {schema}.cqrs_commits AS kept WHERE kept.log = event.log AND kept.position = event.commit
    )
"""


def verify(database: Database, key: int, header: bytes, progress: Progress) -> Verdict:
    """Read a whole log and check it.

    Args:
        database: The database.
        key: The key of the log in the tables.
        header: Its header, as it is stored.
        progress: Is called now and then with the commits that were checked and the commits in all.
    """
    ((id,),) = database.rows("SELECT id FROM {schema}.cqrs_logs WHERE key = %s", (key,))
    ((total,),) = database.rows("SELECT count(*) FROM {schema}.cqrs_commits WHERE log = %s", (key,))
    position = commits = byte = forgotten = 0
    digest = b""
    rows: list[Any] = []
    try:
        read, digest = decode_header(header)
        if read.newer:
            return Verdict(0, 0, digest.decode(), newer=read.version)
        if read.id != id:
            raise InvalidLine("the column id beside the header holds another id than the header")
        byte = len(header) + 1
        walk = Walk(Cursor(0, 1, byte, digest), Versions().advance, decode_lines)
        while rows := database.rows(_LINES_AFTER, (key, position, FETCHED)):
            good, bad = _good(rows, walk)
            ((wrong,),) = database.rows(_WRONG, (key, position, walk.cursor.position))
            for line, commit, after in good:
                if commit.position == wrong:
                    raise InvalidLine("the columns or the events beside the line say something else than the line")
                position, digest, commits, byte = commit.last, after, commits + 1, byte + len(line)
                forgotten += sum(event.type == FORGOTTEN for event in commit.events) if read.forgotten else 0
            if bad is not None:
                raise bad
            progress(commits, total)
        ((alone,),) = database.rows(_ALONE, (key,))
        if alone is not None:
            raise InvalidLine(f"cqrs_events holds an event at @{alone} that is in no commit")
    except InvalidLine as error:
        there = next((at for _, at in rows if at > position), position + 1)
        kind, detail = "altered", str(error)
        if there > position + 1:
            kind, detail = "missing", f"@{position + 1} to @{there - 1} are missing"
        damage = Damage(commits + 2 if byte else 1, byte, kind, detail)
        return Verdict(position, commits, digest.decode(), damage, max(0, total - commits - 1), forgotten=forgotten)
    return Verdict(position, commits, digest.decode(), forgotten=forgotten)


def _good(rows: Iterable[tuple[str, int]], walk: Walk) -> tuple[list[tuple[bytes, CommitLine, bytes]], InvalidLine | None]:
    """Verify the lines that come next in a walk.

    Returns:
        The good lines, with what they hold and their digests, and what is wrong with the first bad line, if there is one.
    """
    good: list[tuple[bytes, CommitLine, bytes]] = []
    try:
        for block in walk.over(["".join(f"{line}\n" for line, _ in rows).encode()]):
            good += zip(block.lines, block.commits, block.digests, strict=True)
    except InvalidLine as error:
        return good, error
    return good, None
