"""Importing the lines of a log that was exported elsewhere, byte for byte."""

from collections.abc import Iterable, Sequence
from itertools import islice

import psycopg

from ...cursor import START, Cursor
from ...operation_errors import AnotherHistory, ImportRefused
from ..chain import Versions, Walk
from ..format import CommitLine, InvalidLine, decode_header, decode_lines
from .database import Connection, Database
from .log import NOT_STORABLE, Step, send_all, storable
from .reader import FETCHED

_NOTHING = "; nothing was imported"
_LINES = "SELECT line FROM {schema}.cqrs_commits WHERE log = %s ORDER BY position"


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
        self._steps: list[Step] = []
        self._versions = Versions()
        rest = iter(lines)
        header = next(rest, b"").removesuffix(b"\n")
        walk = Walk(START, self._advance, decode_lines)
        try:
            read, digest = decode_header(header)
            if read.newer:
                newer = f"the log was made by a newer program: its format {read.version} is newer than this program's"
                raise ImportRefused(f"{newer}{_NOTHING}")
            walk.cursor = Cursor(0, 1, len(header) + 1, digest)
            chunks = iter(lambda: b"".join(line.removesuffix(b"\n") + b"\n" for line in islice(rest, FETCHED)), b"")
            for block in walk.over(chunks):
                for line, commit, after in zip(block.lines, block.commits, block.digests, strict=True):
                    self._steps.append((commit.position - 1, digest, line[:-1]))
                    digest = after
        except InvalidLine as error:
            raise ImportRefused(f"line {walk.cursor.line + 1}: {error}{_NOTHING}") from error
        self.log_id = read.id
        self.header = header.decode()

    def _advance(self, position: int, commits: Sequence[CommitLine]) -> int:
        if not all(storable(commit.command, (event.stream for event in commit.events)) for commit in commits):
            raise InvalidLine(NOT_STORABLE)
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
        try:
            answer = send_all(connection, database, log=key, steps=self._steps[len(known) :])
        except psycopg.DataError as error:
            raise ImportRefused(f"{error.diag.message_primary or error}{_NOTHING}") from error
        if answer == "known":
            raise ImportRefused(f"two of these lines have the same command id{_NOTHING}")
        if answer != "recorded":
            raise ImportRefused(f"{self._name} was changed meanwhile{_NOTHING}")
        return max(0, len(self._steps) - len(known))
