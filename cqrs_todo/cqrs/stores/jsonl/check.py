"""Verifying a whole log: whether it is what was written, and if not, where the first bad line is and what is wrong there."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

from ...store import Damage, Progress, Verdict
from ...struct import replace
from ..chain import Spot, Versions, Walk
from ..format import InvalidLine, decode_header, decode_lines
from ..seals import NO_SUM, follows
from .evidence import as_commit
from .files import explained
from .lines import LogFile
from .notes import head_in, read_note, stands_but_for_lf, stands_in


def no_head(_log_id: str) -> None:
    """Remembers no head of any log."""


def examine(path: str, name: str, progress: Progress, known: Callable[[str], Spot | None] = no_head) -> Verdict:
    """Check the digests, positions and versions of the log in a file.

    Args:
        path: The file.
        name: The name of the log.
        progress: Is called now and then with the bytes checked and the bytes in all.
        known: Gives, for the id of a log, how far somebody else remembers that it had come. It is asked if no head is
            noted beside the file, and counts if the file is shorter than that.

    Raises:
        LogNotFound: There is no such file.
        StoreUnavailable: The file cannot be read.
    """
    with LogFile(path, os.O_RDONLY, name) as file:
        return _Walk(file, progress).run(known)


class _Walk:
    """One walk over a file, from its first line to its end or its first bad line."""

    def __init__(self, file: LogFile, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._versions = Versions()
        self._walk = Walk(Spot(0, 0, NO_SUM, 0), self._versions.pass_over, decode_lines)
        self._commits = 0

    def run(self, known: Callable[[str], Spot | None]) -> Verdict:
        first = next(self._file.forward(0), None)
        if first is None:
            if self._file.tail:
                return self._damaged("altered", "no line feed ends the first line: it is not the header of a log")
            return self._damaged("missing", "the file is empty: its header is missing")
        try:
            header, sum = decode_header(first)
        except InvalidLine as error:
            return self._damaged("altered", str(error))
        self._walk.spot = Spot(1, len(first) + 1, sum, 0)
        if header.newer:
            with suppress(InvalidLine):  # as far as this code understands it
                self._go()
            return replace(self._verdict(), newer=header.version)
        head = head_in(read_note(self._file.path), header.id) or self._beyond(known(header.id))
        try:
            self._go()
        except InvalidLine as error:
            return self._damaged(*self._kind(error))
        if self._file.tail:
            return self._damaged(*self._torn(head))
        cut = self._cut(head)
        return self._verdict() if cut is None else self._damaged(*cut)

    def _beyond(self, known: Spot | None) -> Spot | None:
        return known if known is not None and self._file.size < known.offset else None

    def _go(self) -> None:
        """Walk to the end, or to the first bad line, at which it raises `InvalidLine`."""
        for batch in self._walk.over(self._file.chunks(self._walk.spot.offset)):
            self._commits += len(batch.commits)
            self._progress(self._walk.spot.offset, self._file.size)

    def _verdict(self, damage: Damage | None = None, beyond: int = 0) -> Verdict:
        return Verdict(self._walk.spot.position, self._commits, self._walk.spot.sum.decode(), damage, beyond)

    def _damaged(self, kind: str, detail: str) -> Verdict:
        beyond = sum(1 for line in self._after() if as_commit(line) is not None)
        return self._verdict(Damage(self._walk.spot.line + 1, self._walk.spot.offset, kind, detail), beyond)

    def _after(self) -> Iterator[bytes]:
        """The lines after the first bad one, without their LF."""
        lines = self._file.forward(self._walk.spot.offset)
        next(lines, None)
        yield from lines
        if self._file.tail:
            yield self._file.tail

    def _kind(self, error: InvalidLine) -> tuple[str, str]:
        """What happened to the first bad line, as far as it shows."""
        line = next(self._file.forward(self._walk.spot.offset))
        commit = as_commit(line)
        expected = self._walk.spot.position + 1
        if follows(self._walk.spot.sum, line.strip()):
            return "altered", "white space was added to the line, as when line ends become CRLF"
        if commit is None or commit.position == expected:
            return "altered", str(error)
        if commit.position < expected:
            doubled = any(before == line for before in islice(self._file.forward(0), self._walk.spot.line))
            return ("doubled", f"@{commit.position} stands here again") if doubled else ("altered", str(error))
        if any(follows(self._walk.spot.sum, later) for later in self._after()):
            return "reordered", f"@{expected} stands after @{commit.position}"
        return "missing", f"@{expected} to @{commit.position - 1} are missing"

    def _torn(self, head: Spot | None) -> tuple[str, str]:
        tail, walk, cut = self._file.tail, self._walk.spot, self._cut(head)
        if walk.line and follows(walk.sum, tail[:-1]):
            return "altered", "the end of the line was altered"
        ended = cut is None or (head is not None and stands_but_for_lf(head, walk.offset, tail))
        if walk.line and follows(walk.sum, tail) and ended:
            return "torn", "a whole commit lacks the end of its line; the next change mends it"
        return cut or (
            "torn",
            f"{len(tail)} byte{'s' * (len(tail) != 1)} of an interrupted write; the next change sets them aside",
        )

    def _cut(self, head: Spot | None) -> tuple[str, str] | None:
        """What the remembered head says of the end, None where it is as it was."""
        with explained(self._file.path):
            if head is None or stands_in(self._file.fd, head):
                return None
            size = os.fstat(self._file.fd).st_size  # the head may be that of a commit that came meanwhile
        if size < head.offset:
            lost = f"{head.offset - size} byte{'s' * (head.offset - size != 1)}, up to @{head.position},"
            return "missing", f"its end is missing: {lost} had been recorded"
        return "altered", f"it was rewritten: @{head.position} had been recorded with another sum"
