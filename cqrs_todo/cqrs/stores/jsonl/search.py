"""Searching a log for a command or a stream with its index. Without an index the log is read instead, which takes longer."""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

from ...cursor import Cursor
from ...events import Commit, Recorded
from ...names import check_stream_to_read
from ...store import at_most, readable
from ..chain import holds_stream
from ..hash_chain import DIGEST_MEMBER_LENGTH, NO_DIGEST, digest_in
from .files import read_range
from .index import IndexedLog, IndexUnavailable, LogIndex
from .lines import Lines, LogFile
from .reader import LogReader

T = TypeVar("T")


class Search:
    """Searches one log."""

    def __init__(self, reader: LogReader, path: str) -> None:
        """Search the log that a reader reads.

        Args:
            reader: The reader.
            path: The file of the index.
        """
        self._reader = reader
        self._index = LogIndex(path)

    def commit(self, file: LogFile, command: str, until: int | None = None) -> Commit | None:
        """Find a commit by its command id.

        Args:
            file: The open file of the log.
            command: The command id.
            until: The position up to which the log must be searched. None means the end of the log.
        """
        try:
            offset = self._ask(file, lambda log: self._index.offset_of(command, log), until)
        except IndexUnavailable:
            return self._reader.commit_with(command)
        return None if offset is None else self._commit_at(file, offset)

    def events(self, stream: str, first: int, last: int, limit: int | None, *, backward: bool) -> Iterator[Recorded]:
        """Read events of one stream.

        Args:
            stream: The name of the stream.
            first: The lowest version.
            last: The highest version.
            limit: How many events to read at most. None reads all.
            backward: Whether to read the newest first.

        Raises:
            ValueError: No stream can have this name, or the limit is negative.
        """
        check_stream_to_read(stream)
        return readable(at_most(self._events(stream, first, last, limit, backward=backward), limit))

    def _events(self, stream: str, first: int, last: int, limit: int | None, *, backward: bool) -> Iterator[Recorded]:
        most = -1 if limit is None else limit
        with self._reader.open(os.O_RDONLY) as file:
            try:
                offsets = self._ask(
                    file,
                    lambda log: self._index.offsets_in(stream, first, last, log, backward=backward, limit=most),
                )
            except IndexUnavailable:
                read = self._reader.commits_backward if backward else self._reader.commits
                commits = read(wanted=holds_stream(stream), whole=False)
            else:
                commits = (self._commit_at(file, offset) for offset in offsets)
            for commit in commits:
                for event in reversed(commit.events) if backward else commit.events:
                    if event.stream == stream and first <= event.version <= last:
                        yield event

    def reached(self, file: LogFile) -> Cursor | None:
        """Return how far the index reaches in a file, without extending it; None if there is no index of this log."""
        try:
            return self._index.reached(file)
        except IndexUnavailable:  # the log is read instead
            return None

    def version_at(self, cursor: Cursor, stream: str) -> int:
        """Return the version of a stream at a cursor; 0 if it has no events before it."""
        with self._reader.open(os.O_RDONLY) as file:
            try:
                return self._ask(file, lambda log: self._index.version_before(stream, cursor.offset, log), cursor.position)
            except IndexUnavailable:
                events = (event for line, _ in self._reader.lines_backward(cursor) for event in reversed(line.events))
                return next((event.version for event in events if event.stream == stream), 0)

    def _ask(self, file: LogFile, question: Callable[[IndexedLog], T], until: int | None = None) -> T:
        """Ask the index something about the log up to a position.

        Raises:
            IndexUnavailable: There is no index of all that the log holds up to there.
        """
        try:
            if not self._reader.has_lost_its_end(file):
                return question(IndexedLog(file, self._reader.start, until))
        except IndexUnavailable as error:
            import logging  # most runs have nothing to log, and start faster without it

            logging.getLogger(__name__).warning("the log is read without its index: %s", error)
            raise
        raise IndexUnavailable(f"{file.path} is damaged")

    def _commit_at(self, file: LogFile, offset: int) -> Commit:
        """Read and verify the line at an offset; see `ChainReader.verified_commit`."""
        previous, line = _line_at(file, offset)
        return self._reader.verified_commit(line, previous, f"{file.path} is damaged at byte {offset}")


_USUAL = 1 << 12
"""How many bytes are read at first. Most lines are shorter."""


def _line_at(file: Lines, offset: int) -> tuple[bytes, bytes]:
    """Return the digest of the line before an offset, and the line at the offset without its LF."""
    begin = max(0, offset - DIGEST_MEMBER_LENGTH - 1)
    size = _USUAL
    end_of_file = os.fstat(file.fd).st_size  # the line may be one that was appended since the file was opened
    while True:
        content = read_range(file.fd, begin, min(end_of_file, offset + size))
        end = content.find(b"\n", offset - begin)
        if end >= 0 or offset + size >= end_of_file:
            break
        size *= 4
    before, line = content[: offset - begin - 1], content[offset - begin : end if end >= 0 else None]
    return digest_in(before) or NO_DIGEST, line
