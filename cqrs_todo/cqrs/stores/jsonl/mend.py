"""Putting a damaged log right: every whole commit stays, with its position, its time and its content.

Where a commit is gone, one of `LOST` events takes its place, so that what comes after keeps its positions and versions, and
what refers to these stays right. Only the sums after the first change are made anew.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice

import msgspec

from ...core import LOST, DamagedLog, ReadOnlyLog, Repair, no_progress
from ..chain import Spot, Versions
from ..format import FORMAT, VERSION, CommitLine, EventLine, Header, InvalidLine, decode_header, encode_header, read_header
from ..seals import NO_SUM, SEAL_LENGTH, follows, reseal, seal, sum_in
from .check import as_commit, examine, no_head
from .files import create_durable, dated, explained, read_range, replace_durably
from .lines import LogFile
from .notes import keep_head

_JOINT = re.compile(rb'(?<="\}).?(?=\{"position":)', re.DOTALL)


def repair(path: str, name: str, *, dry_run: bool, known: Callable[[str], Spot | None] = no_head) -> Repair | None:
    """Put the log in a file right, the caller holding its lock, or only say how; None where it is whole.

    The log as it was is copied to a file beside it first. Raises `DamagedLog` where nothing can be gone on with,
    `ReadOnlyLog` for a newer format, `StoreUnavailable`.
    """
    verdict = examine(path, name, no_progress, known)
    if verdict.newer:
        raise ReadOnlyLog(f"{path} was made by a newer program: its format {verdict.newer} is newer than this program's")
    if verdict.damage is None:
        return None
    with explained(path, "; nothing was changed"):
        with LogFile(path, os.O_RDONLY, name) as file:
            content = read_range(file.fd, 0, file.size)
        try:
            mended = _Mending(content, name)
        except InvalidLine as error:
            raise DamagedLog(f"{path}: {error}") from error
        steps = mended.steps or [f"{verdict.damage.detail}: nothing is left of it; the log goes on from @{verdict.events}"]
        if dry_run:
            return Repair(tuple(steps))
        kept = ""
        if mended.content != content:
            aside = dated(path, "damaged")
            create_durable(aside, content)
            replace_durably(path, mended.content)
            kept = aside
    keep_head(path, mended.id, mended.head)
    return Repair(tuple(steps), kept)


class _Line(msgspec.Struct):
    """A line of the damaged log, without its LF; `number` counts from 1."""

    number: int
    content: bytes
    done: bool = False


class _Mending:
    """The lines of a log put right, and what that took, in words."""

    def __init__(self, content: bytes, name: str) -> None:
        self.lines: list[bytes] = []
        self.steps: list[str] = []
        self._versions = Versions()
        self._claimed = b""
        self.id: str
        self._at: datetime
        first, *rest = content.split(b"\n")
        self._left = list(_split(rest if rest[-1:] != [b""] else rest[:-1]))
        self._header(first, name)
        self._place = 0
        while self._place < len(self._left):
            line = self._left[self._place]
            if not line.done:
                line.done = True
                self._take(line)
            self._place += line.done

    @property
    def head(self) -> Spot:
        """Where the mended log ends."""
        return Spot(len(self.lines), len(self.content), self._sum, self._position)

    @property
    def content(self) -> bytes:
        """The log that was put right."""
        return b"".join(self.lines)

    def _header(self, first: bytes, name: str) -> None:
        try:
            header, self._claimed = decode_header(first)
            self.lines.append(first + b"\n")
        except InvalidLine:
            header = read_header(first) or self._new_header(name)
            sums = (sum_in(first) or b"", sum_in(reseal(NO_SUM, first)[:-1]) or b"")
            self._claimed = next((sum for sum in sums if self._left and follows(sum, self._left[0].content)), b"")
            self.lines.append(encode_header(header))
            self.steps.append("line 1: the header was altered: made anew from what can be read of it")
        self.id, self._at = header.id, header.created

    def _new_header(self, name: str) -> Header:
        commits = (as_commit(line.content) for line in self._left)
        created = next((commit.at for commit in commits if commit is not None), None)
        if created is None:
            raise InvalidLine("it holds no header and no commit: there is nothing to go on with")
        return Header(FORMAT, VERSION, os.urandom(16).hex(), name, created)

    def _take(self, line: _Line) -> None:
        """Deal with the first line that is left."""
        commit = as_commit(line.content)
        if follows(self._claimed, line.content) and self._accept(line, commit):
            return
        if follows(self._claimed, line.content[:-1]) and self._accept(_Line(line.number, line.content[:-1])):
            self.steps.append(f"line {line.number}: its end was altered: ended anew")
            return
        sealed = self._with_its_sum(line)
        if sealed is not None and self._accept(sealed):
            self.steps.append(f"line {line.number}: its seal was altered, not what it holds: sealed anew")
            return
        late = next((other for other in self._later if follows(self._claimed, other.content)), None)
        if late is not None and self._accept(late):
            late.done, line.done = True, False
            self.steps.append(f"line {late.number}: out of order: put in its place")
        elif commit is not None and commit.position <= self._position:
            self.steps.append(f"line {line.number}: a double, or of no place: taken out")
        elif commit is not None and self._trusted(line, commit):
            self._fill(commit, line)
            if not self._accept(line, commit):
                self._set_aside(line)
        else:
            self._set_aside(line)

    def _set_aside(self, line: _Line) -> None:
        self.steps.append(f"line {line.number}: no whole commit ({len(line.content)} bytes): taken out")

    def _accept(self, line: _Line, commit: CommitLine | None = None) -> bool:
        """Take a line over, if its commit continues the log."""
        commit = commit or as_commit(line.content)
        if commit is None:
            return False
        try:
            self._versions.pass_over(self._position, (commit,))
        except InvalidLine:
            return False
        self._at = commit.at
        self._claimed = sum_in(line.content) or b""
        self.lines.append(reseal(self._sum, line.content))
        return True

    @property
    def _position(self) -> int:
        return self._versions.position

    @property
    def _later(self) -> Iterator[_Line]:
        """The lines after the one that is dealt with, but for those already taken over."""
        return (line for line in islice(self._left, self._place + 1, None) if not line.done)

    @property
    def _sum(self) -> bytes:
        return (sum_in(self.lines[-1][:-1]) if self.lines else NO_SUM) or NO_SUM

    def _with_its_sum(self, line: _Line) -> _Line | None:
        """The line with the seal that it should have, if what it holds is proven by that seal or by the line after it."""
        sealed = seal(self._claimed, line.content[:-SEAL_LENGTH] + b"}")[:-1]
        sum = sum_in(sealed) or b""
        next_line = next(self._later, None)
        proven = sum in line.content[-SEAL_LENGTH:] or (next_line is not None and follows(sum, next_line.content))
        return _Line(line.number, sealed) if proven else None

    def _trusted(self, line: _Line, commit: CommitLine) -> bool:
        """Whether a commit behind a gap is whole: by the sum in the line before it, or by the line after it."""
        if self._claimed and commit.position == self._position + 1:
            return False  # there is no gap: it does not follow what stands before it, so it was altered
        place = self._place
        if place and follows(sum_in(self._left[place - 1].content) or b"", line.content):
            return True
        if place + 1 == len(self._left):
            return True  # nothing speaks against it
        after = as_commit(self._left[place + 1].content)
        if after is not None and after.position == commit.last + 1:
            return True
        return follows(sum_in(line.content) or b"", self._left[place + 1].content)

    def _fill(self, commit: CommitLine, line: _Line) -> None:
        """Put a commit of lost events where those before a commit are missing."""
        room = commit.position - self._position - 1
        if not room:
            return
        later = [commit, *(as_commit(other.content) for other in self._later)]
        lost = list(self._lost(room, [commit for commit in later if commit is not None]))
        events = [EventLine(stream, version, LOST, msgspec.Raw(b"{}")) for stream, version in lost]
        command = f"repair-{os.urandom(8).hex()}"
        filler = CommitLine(self._position + 1, self._at, "repair", command, events)
        span = f"@{filler.position}" if filler.position == filler.last else f"@{filler.position} to @{filler.last}"
        self.steps.append(f"{span}: lost; a commit of {LOST} events takes the place")
        self._accept(_Line(line.number, seal(self._sum, msgspec.json.encode(filler))[:-1]), filler)

    def _lost(self, room: int, later: list[CommitLine]) -> Iterator[tuple[str, int]]:
        """Streams and versions of so many lost events: those that later commits would miss, the first to miss one first."""
        versions = dict(self._versions.last)
        for commit in later:
            for event in commit.events:
                for version in range(versions.get(event.stream, 0) + 1, event.version):
                    if room:
                        room -= 1
                        yield event.stream, version
                versions[event.stream] = event.version
        for version in range(1, room + 1):
            yield f"{LOST}/{self._position + 1}", version


def _split(lines: list[bytes]) -> Iterator[_Line]:
    """The lines, numbered from 2; one whose LF was altered is two."""
    for number, line in enumerate(lines, 2):
        parts = [line] if as_commit(line) is not None else _JOINT.split(line)
        yield from (_Line(number, part) for part in parts)
