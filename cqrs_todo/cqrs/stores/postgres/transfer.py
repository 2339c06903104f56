"""Importing the lines of a log that was exported elsewhere, byte for byte."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import psycopg

from ...cursor import Cursor
from ...operation_errors import AnotherHistory, ImportRefused
from ..chain import Versions, Walk
from ..exported import header_in, refused, used_before, was_forgotten
from ..format import CommitLine, InvalidLine, decode_line, decode_lines
from ..recording import check_line
from .database import Connection, Database
from .log import Step, send_all
from .reader import FETCHED

_NOTHING = "; nothing was imported"
_VERSIONS = """
    SELECT stream, max(version) FROM {schema}.cqrs_events
    WHERE log = %s AND position <= %s AND stream = ANY(%s) GROUP BY stream
"""
_LINES = "SELECT line FROM {schema}.cqrs_commits WHERE log = %s ORDER BY position"


class NewLines:
    """Lines that come after a cursor, verified, to be appended to a log in a database."""

    def __init__(self, name: str, lines: Iterable[bytes], since: Cursor) -> None:
        """Verify lines.

        Args:
            name: The name of the log.
            lines: The lines, each with its LF.
            since: The cursor that they come after.

        Raises:
            ImportRefused: They are not lines that can come there.
        """
        self._name = name
        self._since = since
        self._versions = Versions(since.position, lambda _: 0)  # `send` checks the first event of each stream
        self._first: dict[str, tuple[int, int]] = {}  # the first version of each stream, and the position of its commit
        walk = Walk(since, self._advance, decode_lines)
        try:
            self._steps = _steps(walk, lines)
        except InvalidLine as error:
            raise refused(walk.cursor, error) from error

    def _advance(self, position: int, commits: Sequence[CommitLine]) -> int:
        for commit in commits:
            check_line(commit)
            for event in commit.events:
                self._first.setdefault(event.stream, (event.version, commit.position))
        return self._versions.advance(position, commits)

    def send(self, connection: Connection, database: Database, key: int) -> int:
        """Append the lines to a log.

        Args:
            connection: A connection.
            database: The database.
            key: The key of the log in the tables.

        Returns:
            The number of commits.

        Raises:
            ImportRefused: They do not continue the log, or it does not end at the cursor.
        """
        with connection.transaction():
            rows = connection.execute(database.sql(_VERSIONS), (key, self._since.position, [*self._first])).fetchall()
            found: dict[str, int] = dict(rows)
            for stream, (version, position) in self._first.items():
                before = found.get(stream, 0)
                if version != before + 1:
                    cursor = _behind(self._since, [step for step in self._steps if step[0] < position - 1])
                    raise refused(cursor, f"version {version} of {stream} follows {before}")
            _append(connection, database, key, self._name, self._since, self._steps)
        return len(self._steps)


class Import:
    """The lines of a log, verified, to be sent to a database.

    Attributes:
        log_id: The id of the log.
        header: Its header, as it is stored.
    """

    def __init__(self, name: str, lines: Iterable[bytes]) -> None:
        """Verify lines. The first line that is wrong ends this: what comes after it may be endless.

        Args:
            name: The name of the log that is to have these lines.
            lines: The lines, each with its LF.

        Raises:
            ImportRefused: They are not the lines of a log.
        """
        self._name = name
        self._versions = Versions()
        rest = iter(lines)
        first = next(rest, b"")
        header, digest = header_in(first)
        if header.newer:
            newer = f"the log was made by a newer program: its format {header.version} is newer than this program's"
            raise ImportRefused(f"{newer}{_NOTHING}")
        self._start = Cursor(0, 1, len(first), digest)
        walk = Walk(self._start, self._advance, decode_lines)
        try:
            self._steps = _steps(walk, rest)
        except InvalidLine as error:
            raise refused(walk.cursor, error) from error
        self.log_id = header.id
        self.header = first.removesuffix(b"\n").decode()

    def _advance(self, position: int, commits: Sequence[CommitLine]) -> int:
        for commit in commits:
            check_line(commit)
        return self._versions.advance(position, commits)

    def send(self, connection: Connection, database: Database, key: int, header: str) -> int:
        """Append the lines that a log in the database lacks.

        Args:
            connection: A connection on which a transaction has begun.
            database: The database.
            key: The key of the log in the tables.
            header: The header of the log in the tables.

        Returns:
            The number of commits that were new.

        Raises:
            AnotherHistory: The log has another history, or was changed meanwhile.
        """
        known = connection.execute(database.sql(_LINES), (key,)).fetchall()
        same = all(line.decode() == row[0] for (_, _, line), row in zip(self._steps, known, strict=False))
        if not same or header != self.header:
            raise AnotherHistory(self._name)
        cursor = _behind(self._start, self._steps[: len(known)])
        _append(connection, database, key, self._name, cursor, self._steps[len(known) :])
        return max(0, len(self._steps) - len(known))


def _steps(walk: Walk, lines: Iterable[bytes]) -> list[Step]:
    """Verify lines, and return what appends them.

    Raises:
        InvalidLine: A line is wrong.
    """
    is_cut_off = False

    def complete() -> Iterator[bytes]:
        nonlocal is_cut_off
        for line in lines:
            if not line.endswith(b"\n"):
                is_cut_off = True
                return
            yield line

    rest = complete()
    steps = []
    digest = walk.cursor.digest
    chunks = iter(lambda: b"".join(islice(rest, FETCHED)), b"")
    for block in walk.over(chunks):
        for line, commit, after in zip(block.lines, block.commits, block.digests, strict=True):
            steps.append((commit.position - 1, digest, line[:-1]))
            digest = after
    if is_cut_off:
        raise InvalidLine("the last line has no line feed at its end: it was cut off")
    return steps


def _behind(since: Cursor, steps: Sequence[Step]) -> Cursor:
    """Return the cursor behind some lines that come after a cursor, as far as an error has to name it."""
    size = sum(len(line) + 1 for _, _, line in steps)
    return Cursor(since.position, since.line + len(steps), since.offset + size)


def _append(connection: Connection, database: Database, key: int, name: str, since: Cursor, steps: Sequence[Step]) -> None:
    """Append lines, which come after a cursor, to the end of a log in the database.

    Raises:
        ImportRefused: They cannot be stored there, or the log has another end.
    """
    try:
        with connection.transaction():  # which can go on after an error
            refusal = send_all(connection, database, log=key, steps=steps)
    except psycopg.DataError as error:
        place = _behind(since, steps[: _place_of_data_error(connection, database, key, steps)])
        raise refused(place, error.diag.message_primary or error) from error
    if refusal is None:
        return
    place = _behind(since, steps[: refusal.place])
    if refusal.status == "known":
        raise refused(place, used_before(decode_line(steps[refusal.place][2]).command))
    if refusal.status == "forgotten" and refusal.about is not None:
        raise refused(place, was_forgotten(refusal.about))
    raise ImportRefused(f"{name} was changed meanwhile{_NOTHING}")


def _place_of_data_error(connection: Connection, database: Database, key: int, steps: Sequence[Step]) -> int:
    """Return how many lines come before the first one that holds what the database cannot.

    The server does not say which of many lines it was. So this sends a half of what is left again and again. The caller
    lets the transaction fail, so that nothing of it stays.

    Args:
        connection: A connection on which a transaction has begun.
        database: The database.
        key: The key of the log in the tables.
        steps: What appends the lines. One of them fails.
    """
    good, end = 0, len(steps)
    while end - good > 1:
        middle = (good + end) // 2
        try:
            with connection.transaction():
                send_all(connection, database, log=key, steps=steps[good:middle])
        except psycopg.DataError:
            end = middle
        else:
            good = middle
    return good
