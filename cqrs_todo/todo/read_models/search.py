"""Searching all that todos ever said: their texts, notes and tags, with the time during which each was true.

A version of a todo is a text, a note and tags that it had at the same time. It begins with the commit that changed one of
them, and ends with the next one. Completing, reopening, removing and restoring a todo change none of them.

Words are folded by `searchable`, as everywhere in this program, before SQLite's tokenizer divides them. So that tokenizer
has no accents left to remove, but for letters that Python does not take apart.
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from msgspec import convert, json

from ...cqrs.events import Recorded
from ...cqrs.projections import Projection, ReadModel
from ...cqrs.query import Query
from ...cqrs.struct import Struct
from ..events import NoteChanged, TagAdded, TagRemoved, TextChanged, TodoCreated
from ..fields import State, Todo
from ..model import evolve
from ..values import searchable
from . import schema_for

TOKENIZER = "unicode61 remove_diacritics 2"

_SCHEMA, _TYPES = schema_for(
    f"""
    CREATE TABLE version (
        id INTEGER PRIMARY KEY, log TEXT NOT NULL, stream TEXT NOT NULL, position INTEGER NOT NULL, command TEXT NOT NULL,
        since TEXT NOT NULL, until TEXT, text TEXT NOT NULL, note TEXT, tags TEXT NOT NULL
    );
    CREATE INDEX of_todo ON version (stream, log, position);
    CREATE VIRTUAL TABLE folded USING fts5 (text, note, tags, tokenize = '{TOKENIZER}');
    """,
    (TodoCreated, TextChanged, NoteChanged, TagAdded, TagRemoved),
)
_LATEST = "SELECT id, command, text, note, tags FROM version WHERE stream = ? AND log = ? ORDER BY position DESC LIMIT 1"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def apply(connection: Any, event: Recorded[Any], log_id: str) -> None:
    """Keep the version of a todo that begins with an event; see `Projection.apply`."""
    row = connection.execute(_LATEST, (event.stream, log_id)).fetchone()
    before: State = None if row is None else Todo(row[2], _LONG_AGO, note=row[3], tags=tuple(row[4].split()))
    after = evolve(before, event.data)
    if after is None or (before is not None and _said(after) == _said(before)):
        return
    at, command = event.metadata.at.isoformat(), event.metadata.command
    said = _said(after)
    folded = [searchable(part or "") for part in said]
    if row is not None and row[1] == command:  # a version that was true only within a commit was never seen
        connection.execute("UPDATE version SET text = ?, note = ?, tags = ? WHERE id = ?", (*said, row[0]))
        connection.execute("UPDATE folded SET text = ?, note = ?, tags = ? WHERE rowid = ?", (*folded, row[0]))
        return
    if row is not None:
        connection.execute("UPDATE version SET until = ? WHERE id = ?", (at, row[0]))
    values = (log_id, event.stream, event.position, command, at, None, *said)
    id = connection.execute("INSERT INTO version VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values).lastrowid
    connection.execute("INSERT INTO folded (rowid, text, note, tags) VALUES (?, ?, ?, ?)", (id, *folded))


def _said(todo: Todo) -> tuple[str, str | None, str]:
    return todo.text, todo.note, " ".join(todo.tags)


PROJECTION: Projection[Any] = Projection("search", 1, _SCHEMA, apply, Query.of(types=_TYPES, kinds={"todo"}))


class Version(Struct, frozen=True):
    """What a todo said during some time.

    Args:
        position: The position of the event with which it begins.
        since: When it was recorded, in UTC.
        until: When it was recorded that the todo says something else, in UTC. None if it still says this.
        text: Its text.
        note: Its note.
        tags: Its tags.
    """

    position: int
    since: datetime
    until: datetime | None
    text: str
    note: str | None
    tags: tuple[str, ...]


class Match(Struct, frozen=True):
    """A todo that said what is searched for.

    Args:
        log_id: The id of the log of its list.
        stream: Its stream.
        versions: The versions that match, newest first.
    """

    log_id: str
    stream: str
    versions: tuple[Version, ...]


class Found(Struct, frozen=True):
    """The result of a search.

    Args:
        matches: The best matches, best first.
        more: Whether more todos match.
    """

    matches: tuple[Match, ...]
    more: bool


def phrases(words: Sequence[str]) -> list[str]:
    """Return the words and phrases that command-line words ask for, as SQLite's full-text search reads them.

    A word with spaces, or words between quotation marks, are a phrase. A star at the end of either means that its last word
    only begins like this. All else is a word like any other, whatever it means to SQLite.

    Args:
        words: The words, as the shell divides them. One without letters and digits is left out.
    """
    found = []
    for word in words:
        parts = re.findall(r'"[^"]*"?\*?|[^\s"]+', word) if '"' in word else [word]
        for part in parts:
            begins = part.endswith("*")
            text = searchable(part).replace('"', " ").replace("\0", " ").rstrip("*").strip()
            if any(char.isalnum() for char in text):
                found.append(f'"{text}"{" *" if begins else ""}')
    return found


_BEST = """
    SELECT version.log, version.stream FROM (
        SELECT id FROM (
            SELECT rowid AS id, bm25(folded, 4.0, 1.0, 2.0) AS score FROM folded WHERE folded MATCH ?
            ORDER BY rowid DESC LIMIT -1
        ) ORDER BY score LIMIT ? OFFSET ?
    ) AS hit
    CROSS JOIN version ON version.id = hit.id
"""
"""The best versions, and of equal ones the newest first.

The subqueries read only the full-text table, the newest row first, and keep only the best rows. To sort by score and row
would take longer, because a word that many todos have gives equal scores. `LIMIT -1` keeps the order of the rows.
"""
_NEWEST = """
    SELECT version.log, version.stream FROM (
        SELECT rowid AS id FROM folded WHERE folded MATCH ? ORDER BY rowid DESC LIMIT ? OFFSET ?
    ) AS hit
    CROSS JOIN version ON version.id = hit.id
"""
"""The newest versions that match."""
_COUNTS = "SELECT (SELECT count(*) FROM folded WHERE folded MATCH ?), (SELECT count(*) FROM version)"
_MANY = 1_000
"""If at least this many versions match, the search counts all versions, to see whether most of them match."""
_VERSIONS = """
    SELECT log, stream, position, since, until, text, note, tags FROM version
    WHERE stream IN (SELECT value FROM json_each(?)) AND +id IN (SELECT rowid FROM folded WHERE folded MATCH ?)
    ORDER BY position DESC
"""
"""The versions of some todos that match. To ask for each whether it matches would be slow if many versions match."""
_VersionRow = tuple[str, str, int, datetime, datetime | None, str, str | None, str]
"""What `_VERSIONS` returns. A damaged file can return anything else."""
_AT_ONCE = 200
"""How many versions are read at once. A todo can have several, and a list that is not searched can have the others."""


def search(model: ReadModel, log_ids: Collection[str], words: Sequence[str], limit: int | None) -> Found:
    """Find the todos that said all of some words at the same time.

    Args:
        model: The rows, which must have been brought up to date.
        log_ids: The ids of the logs to search.
        words: The words; see `phrases`. At least one of them must have letters or digits.
        limit: How many todos to return at most; None for all.

    Returns:
        The best matches, best first. A word that most versions have says nothing about how well they match. So if there are
        many versions, and most of them match, the newest ones come first.

    Raises:
        CqrsError: What `ReadModel.rows` raises.
        ValueError: The rows are damaged.
    """
    wanted = " AND ".join(phrases(words))
    best: dict[tuple[str, str], list[Version]] = {}
    ((matching, every),) = convert(model.rows(_COUNTS, (wanted,)), list[tuple[int, int]])
    ordered = _NEWEST if matching > _MANY and 2 * matching > every else _BEST
    offset = 0
    while limit is None or len(best) <= limit:
        rows = convert(model.rows(ordered, (wanted, _AT_ONCE if limit is not None else -1, offset)), list[tuple[str, str]])
        best.update({(log, stream): [] for log, stream in rows if log in log_ids and (log, stream) not in best})
        offset += _AT_ONCE
        if limit is None or len(rows) < _AT_ONCE:
            break
    shown = dict(islice(best.items(), limit))
    streams = json.encode([stream for _, stream in shown])
    rows_of_versions = convert(model.rows(_VERSIONS, (streams.decode(), wanted)), list[_VersionRow])
    for log, stream, position, since, until, text, note, tags in rows_of_versions:
        if (log, stream) in shown:
            shown[log, stream].append(Version(position, since, until, text, note, tuple(tags.split())))
    matches = (Match(log, stream, tuple(versions)) for (log, stream), versions in shown.items())
    return Found(tuple(matches), len(best) > len(shown))
