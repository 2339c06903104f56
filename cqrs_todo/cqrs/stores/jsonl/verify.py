"""Verifying a whole log: is it what was written? If not, where is the first bad line, and what is wrong with it?"""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from ...cursor import START, Cursor
from ...events import FORGOTTEN
from ...store import Known, Progress, nothing_known
from ...struct import replace
from ...verification import Damage, Verdict
from ..chain import Versions, Walk
from ..format import CommitLine, InvalidLine, decode_header, decode_lines
from ..hash_chain import continues
from .files import is_open_as, os_errors_as_store_errors
from .head_record import head_in, holds, lacks_only_lf, read_record
from .lines import LogFile


def verify(path: str, name: str, progress: Progress, known: Known = nothing_known) -> Verdict:
    """Check the digests, positions and versions of the log in a file.

    Args:
        path: The file.
        name: The name of the log.
        progress: Is called now and then with the bytes checked and the bytes in all.
        known: Returns, for the id of a log, how far something outside the store remembers that it had come. It is asked if
            no head is recorded beside the file, and counts if the file is shorter than that.

    Raises:
        LogNotFound: There is no such file.
        StoreUnavailable: The file cannot be read.
    """
    while True:
        with LogFile(path, os.O_RDONLY, name) as file:
            verdict = _Walk(file, progress).run(known)
            with os_errors_as_store_errors(path):
                if verdict.damage is None or is_open_as(path, file.fd):  # otherwise it was replaced meanwhile
                    return verdict


class _Walk:
    """One walk over a file, from its first line to its end or its first bad line."""

    def __init__(self, file: LogFile, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._versions = Versions()
        self._walk = Walk(START, self._versions.advance, decode_lines)
        self._commits = 0
        self._counts_forgotten = False
        self._forgotten = 0

    def run(self, known: Known) -> Verdict:
        first = next(self._file.forward(0), None)
        if first is None:
            if self._file.size:
                return self._damaged("altered", "no line feed ends the first line: it is not the header of a log")
            return self._damaged("missing", "the file is empty: its header is missing")
        try:
            header, sum = decode_header(first)
        except InvalidLine as error:
            return self._damaged("altered", str(error))
        self._walk.cursor = Cursor(0, 1, len(first) + 1, sum)
        if header.newer:
            with suppress(InvalidLine):  # as far as this code understands it
                self._read_all()
            return replace(self._verdict(), newer=header.version)
        self._counts_forgotten = bool(header.forgotten)
        # a log in which streams were forgotten is shorter than it was
        beyond = None if header.forgotten else self._beyond(known(header.id))
        head = head_in(read_record(self._file.path), header.id) or beyond
        try:
            self._read_all()
        except InvalidLine as error:
            return self._damaged(*self._kind(error))
        tail = self._file.rest(self._walk.cursor.offset)
        if tail:
            return self._damaged(*self._torn(head, tail))
        cut = self._cut(head)
        return self._verdict() if cut is None else self._damaged(*cut)

    def _beyond(self, known: Cursor | None) -> Cursor | None:
        """Return a cursor if it is beyond the end of the file."""
        return known if known is not None and self._file.size < known.offset else None

    def _read_all(self) -> None:
        """Walk to the end.

        Raises:
            InvalidLine: A line is wrong. The walk has come to the one before it.
        """
        for block in self._walk.over(self._file.chunks(self._walk.cursor.offset)):
            self._commits += len(block.commits)
            if self._counts_forgotten:
                self._forgotten += sum(event.type == FORGOTTEN for commit in block.commits for event in commit.events)
            self._progress(self._walk.cursor.offset, self._file.size)

    def _verdict(self, damage: Damage | None = None, beyond: int = 0) -> Verdict:
        cursor = self._walk.cursor
        return Verdict(cursor.position, self._commits, cursor.digest.decode(), damage, beyond, forgotten=self._forgotten)

    def _damaged(self, kind: str, detail: str) -> Verdict:
        beyond = sum(1 for line in self._after() if _commit_in(line) is not None)
        return self._verdict(Damage(self._walk.cursor.line + 1, self._walk.cursor.offset, kind, detail), beyond)

    def _after(self) -> Iterator[bytes]:
        """The lines after the first bad one, without their LF."""
        offset = self._walk.cursor.offset
        for number, line in enumerate(self._file.forward(offset)):
            offset += len(line) + 1
            if number:
                yield line
        if offset < self._file.size:
            yield self._file.rest(offset)

    def _kind(self, error: InvalidLine) -> tuple[str, str]:
        """Return what kind of damage the first bad line has, and a sentence about it."""
        line = next(self._file.forward(self._walk.cursor.offset))
        commit = _commit_in(line)
        expected = self._walk.cursor.position + 1
        if continues(self._walk.cursor.digest, line.strip()):
            return "altered", "white space was added to the line, as when line ends become CRLF"
        if commit is None or commit.position == expected:
            return "altered", str(error)
        if commit.position < expected:
            doubled = any(before == line for before in islice(self._file.forward(0), self._walk.cursor.line))
            return ("doubled", f"@{commit.position} comes again here") if doubled else ("altered", str(error))
        if any(continues(self._walk.cursor.digest, later) for later in self._after()):
            return "reordered", f"@{expected} comes after @{commit.position}"
        return "missing", f"@{expected} to @{commit.position - 1} are missing"

    def _torn(self, head: Cursor | None, tail: bytes) -> tuple[str, str]:
        walk, cut = self._walk.cursor, self._cut(head)
        if walk.line and continues(walk.digest, tail[:-1]):
            return "altered", "the end of the line was altered"
        ended = cut is None or (head is not None and lacks_only_lf(head, walk.offset, tail))
        if walk.line and continues(walk.digest, tail) and ended:
            return "torn", "a complete commit lacks the end of its line; the next change repairs it"
        return cut or (
            "torn",
            f"{len(tail)} byte{'s' * (len(tail) != 1)} of an interrupted write; the next change sets them aside",
        )

    def _cut(self, head: Cursor | None) -> tuple[str, str] | None:
        """Return what is wrong with the end of the log, according to the remembered head; None if nothing is."""
        with os_errors_as_store_errors(self._file.path):
            if head is None or holds(self._file.fd, head):
                return None
            size = os.fstat(self._file.fd).st_size  # the head may be that of a commit that came meanwhile
        if size < head.offset:
            lost = f"{head.offset - size} byte{'s' * (head.offset - size != 1)}, up to @{head.position},"
            return "missing", f"its end is missing: {lost} had been recorded"
        return "altered", f"it was rewritten: @{head.position} had been recorded with another digest"


def _commit_in(line: bytes) -> CommitLine | None:
    """Return the commit in a line, as far as it can still be read; see `as_commit`."""
    from .evidence import as_commit  # an intact log needs none of it

    return as_commit(line)
