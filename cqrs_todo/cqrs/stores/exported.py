"""The lines of a log outside its store: making those that continue it, and checking those of a whole log.

`Store.import_log` takes such lines, all at once or not at all.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..cursor import START, Cursor
from ..events import FORGOTTEN, Commit, EventTypes, Metadata
from ..operation_errors import ImportRefused
from ..store import Append, check_append
from ..struct import Struct
from .chain import Versions, Walk
from .format import (
    FORMAT,
    VERSION,
    Codec,
    CommitLine,
    Header,
    InvalidLine,
    decode_header,
    decode_lines,
    encode_header,
    log_in,
)
from .hash_chain import last_digest
from .recording import record


def refused(place: Cursor, why: object) -> ImportRefused:
    """Return the error for a line that cannot be imported.

    Args:
        place: The cursor before the line.
        why: What is wrong with the line, as the end of a sentence.
    """
    byte = f", byte {place.offset}" if place.offset else ""
    return ImportRefused(f"line {place.line + 1}{byte}: {why}; nothing was imported")


def used_before(command: str) -> str:
    """Return what is wrong with a line whose command id another line has."""
    return f"its command id {command!a} was used before"


def was_forgotten(stream: str) -> str:
    """Return what is wrong with a line that holds data of a forgotten stream."""
    return f"it holds data of {stream}, which was forgotten"


def header_in(first: bytes) -> tuple[Header, bytes]:
    """Return the header in the first line of an import, which is given with its LF, and the digest of the line.

    Raises:
        ImportRefused: The line holds no header.
    """
    try:
        return decode_header(first.removesuffix(b"\n"))
    except InvalidLine as error:
        why = str(error)
        if first.startswith(b"\xef\xbb\xbf"):
            why = "it begins with a byte order mark, which a log does not have"
        elif first.endswith(b"\r\n"):
            why = "it ends with CR LF; the lines of a log end with LF"
        raise refused(START, why) from error


def new_header(name: str, at: datetime) -> bytes:
    """Return the first line of a new log, with its LF.

    Args:
        name: The name of the log.
        at: The time of its creation, aware.

    Raises:
        ValueError: The time is naive.
    """
    return encode_header(Header(FORMAT, VERSION, os.urandom(16).hex(), name, at))


class NewLines:
    """Makes the lines that come after a place in a log.

    Attributes:
        position: The position of the last event so far.
    """

    def __init__(self, types: EventTypes, end: Cursor) -> None:
        """Begin after a line.

        Args:
            types: The registered events.
            end: The end of the log, with its digest.
        """
        self.position = end.position
        self._digest = end.digest
        self._types = types
        self._codec = Codec(types)

    @classmethod
    def after_header(cls, types: EventTypes, header: bytes) -> "NewLines":
        """Begin after the first line of a log, given with its LF."""
        return cls(types, Cursor(0, 1, len(header), last_digest(header)))

    def commit(
        self, changes: Mapping[str, Sequence[Any]], versions: Mapping[str, int], metadata: Metadata
    ) -> tuple[bytes, Commit]:
        """Return the line of the next commit, with its LF, and the commit.

        Args:
            changes: The new events by stream, at least one.
            versions: The version of each of these streams; 0 if it is left out.
            metadata: The metadata of the commit.

        Raises:
            ValueError: The commit cannot be recorded.
            TypeError: An event is not registered.
        """
        appends = [Append(stream, tuple(events)) for stream, events in changes.items() if events]
        check_append(appends, metadata, None)
        commit = record(appends, metadata, self._types, self.position, dict(versions))
        line, recorded = self._codec.encode(commit, self._digest)
        self.position, self._digest = recorded.last, recorded.sum.encode()
        return line, recorded


class Checked(Struct, frozen=True):
    """What checking the lines of a log found.

    Attributes:
        log: The id of the log; '' if the first line is not a header.
        end: The end of the last good line.
        commits: How many commits are good.
        forgotten: How many of their events are forgotten.
        wrong: What is wrong with the next line, in a sentence; '' if all are good.
        newer: The version of the log's format if it is newer than this code; then only the first line was looked at.
    """

    log: str
    end: Cursor
    commits: int = 0
    forgotten: int = 0
    wrong: str = ""
    newer: str = ""


_BLOCK = 1 << 18


def check_lines(lines: Iterable[bytes]) -> Checked:
    """Check every digest, position and version in the lines of a log, in bounded memory.

    Args:
        lines: The lines, each with its LF. No more are taken after the first bad one.
    """
    rest = iter(lines)
    first = next(rest, b"").removesuffix(b"\n")
    try:
        header, digest = decode_header(first)
    except InvalidLine as error:
        newer = log_in(first)
        if newer is not None and newer.newer:
            return Checked(newer.id, Cursor(0), newer=newer.version)
        return Checked("", Cursor(0), wrong=str(error))
    forgotten = 0

    def advance(position: int, commits: Sequence[CommitLine]) -> int:
        nonlocal forgotten
        forgotten += sum(event.type == FORGOTTEN for commit in commits for event in commit.events)
        return versions.advance(position, commits)

    versions = Versions()
    walk = Walk(Cursor(0, 1, len(first) + 1, digest), advance, decode_lines)
    try:
        for _ in walk.over(_chunks(rest)):
            pass
    except InvalidLine as error:
        return Checked(header.id, walk.cursor, walk.cursor.line - 1, forgotten, str(error))
    return Checked(header.id, walk.cursor, walk.cursor.line - 1, forgotten)


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if not line.endswith(b"\n"):
            yield b"".join(chunk)
            raise InvalidLine("the last line has no line feed at its end: it was cut off")
        chunk.append(line)
        size += len(line)
        if size >= _BLOCK:
            yield b"".join(chunk)
            chunk, size = [], 0
    if chunk:
        yield b"".join(chunk)
