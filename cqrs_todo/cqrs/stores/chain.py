"""Reading a log that is a chain of lines: each line is verified by the digest before it, forwards and backwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from ..cursor import START, Cursor
from ..errors import DamagedLog, UnreadableEvent
from ..events import Commit, EventTypes, Recorded
from ..store import Log, StreamVersions, chosen, chosen_backward, selected_in
from .format import BROKEN, Codec, CommitLine, EventLine, Header, InvalidLine, decode_line, knows_data, verified_digest
from .hash_chain import NO_DIGEST, digest_in, has_digest, last_digest, verify_lines

if TYPE_CHECKING:  # most runs select nothing
    from ..protocols import EventBatch
    from ..query import Query


class LineBlock(msgspec.Struct, frozen=True, gc=False):
    """Consecutive lines, and the commits that they hold.

    Attributes:
        lines: The lines, each with its LF.
        commits: The commits, one for each line.
        end: The cursor behind the last line.
    """

    lines: Sequence[bytes]
    commits: Sequence[CommitLine]
    end: Cursor

    @property
    def digests(self) -> list[bytes]:
        """The digests of the lines, which were verified."""
        return list(map(last_digest, self.lines))

    def whole(self, codec: Codec) -> Iterator[Commit]:
        """Decode the commits in full, one after the other.

        Raises:
            UnreadableEvent: An upcaster failed. The commits before it were given.
        """
        return map(codec.commit, self.commits, self.digests)

    def readable(self, codec: Codec) -> Iterator[Commit]:
        """Decode the commits as far as they can be read; see `Codec.commit`."""
        return map(partial(codec.commit, whole=False), self.commits, self.digests)

    def event_batches(self, codec: Codec) -> Sequence[EventBatch]:
        """Return the commits as far as a fold needs them, and as far as they can be read.

        The decoded lines themselves are that, if the data of the events were decoded with them.
        """
        if knows_data(self.commits[0]):
            return self.commits
        try:
            return list(self.whole(codec))
        except UnreadableEvent:
            return list(self.readable(codec))

    def after(self, position: int) -> LineBlock:
        """Return the lines that hold an event after a position."""
        if self.commits[0].position > position:
            return self
        first = next((place for place, commit in enumerate(self.commits) if commit.last > position), len(self.commits))
        return LineBlock(self.lines[first:], self.commits[first:], self.end)

    def before(self, position: int) -> LineBlock | None:
        """Return the lines before the one that holds a position; None if that is the first one."""
        count = sum(commit.last < position for commit in self.commits)
        if not count:
            return None
        lines, later = self.lines[:count], self.lines[count:]
        offset = self.end.offset - sum(map(len, later))
        end = Cursor(self.commits[count - 1].last, self.end.line - len(later), offset, last_digest(lines[-1]))
        return LineBlock(lines, self.commits[:count], end)

    def only(self, wanted: Callable[[CommitLine], bool]) -> LineBlock:
        """Return the lines whose commits are wanted."""
        chosen = [place for place, commit in enumerate(self.commits) if wanted(commit)]
        return LineBlock([self.lines[place] for place in chosen], [self.commits[place] for place in chosen], self.end)


class Versions:
    """The versions of the streams of a log at a position, as a reader meets their events.

    Attributes:
        position: The position.
        last: The versions of the streams of which events were read.
    """

    def __init__(self, position: int = 0, before: StreamVersions | None = None) -> None:
        """Begin at a position.

        Args:
            position: The position.
            before: The versions of the streams there. None means that no stream has events before the position.
        """
        self.position = position
        self.last: dict[str, int] = {}
        self._before = before

    def version_of(self, stream: str) -> int:
        """Return the version of a stream; 0 if it has no events."""
        return self.last.get(stream) or (0 if self._before is None else self._before(stream))

    def advance(self, position: int, commits: Sequence[CommitLine]) -> int:
        """Check the commits that come after a position, and count those that were not counted before.

        If reading began in the middle of a log, the first event that is read of a stream is not checked against the version
        before it. That was done when the log was read from its start, and would take time to look up.

        Args:
            position: The last position before the commits.
            commits: The commits.

        Returns:
            The last position in the commits.

        Raises:
            InvalidLine: A commit does not continue the positions or versions before it. Those before it were counted.
        """
        met, counted = self.last, self.position
        unmet = 0 if self._before is None else None
        try:
            for commit in commits:
                if commit.position != position + 1:
                    raise InvalidLine(f"position {commit.position} follows {position}")
                last = position + len(commit.events)
                if last > counted:
                    for event in commit.events:
                        stream, version = event.stream, event.version
                        known = met.get(stream, unmet)
                        if known is not None and version != known + 1:
                            self._forget_events_before(event, commit)
                            raise InvalidLine(f"version {version} of {stream} follows {known}")
                        met[stream] = version
                position = last
        finally:
            self.position = max(counted, position)
        return position

    def set(self, position: int, last: Mapping[str, int]) -> None:
        """Move to a later position, up to which only the streams in `last` got events, and now have these versions."""
        self.last.update(last)
        self.position = position

    def _forget_events_before(self, end: EventLine, commit: CommitLine) -> None:
        """Undo the counting of the events of a commit that come before one that is wrong."""
        counted = list(takewhile(lambda event: event is not end, commit.events))
        self.last.update((event.stream, event.version - 1) for event in reversed(counted))


class Walk:
    """A walk along the lines of a log that verifies each of them.

    Attributes:
        cursor: Where the walk has come to: after the last line that it gave.
    """

    def __init__(
        self,
        cursor: Cursor,
        advance: Callable[[int, Sequence[CommitLine]], int],
        decode: Callable[[bytes], list[CommitLine]],
    ) -> None:
        """Begin a walk.

        Args:
            cursor: Where to begin.
            advance: Is called with the commits that come after a position before they are given, as `Versions.advance`.
            decode: Decodes the lines in a chunk of bytes, as `decode_lines` does.
        """
        self.cursor = cursor
        self._advance = advance
        self._decode = decode

    def over(self, chunks: Iterable[bytes]) -> Iterator[LineBlock]:
        """Verify the lines in chunks of bytes.

        The lines of each chunk are verified together, which is faster than to verify them one by one.

        Args:
            chunks: The bytes that come next, some complete lines in each chunk.

        Raises:
            InvalidLine: A line is wrong. The lines before it were given.
        """
        for chunk in chunks:
            try:
                block = self._verified(chunk)
            except InvalidLine:
                for line in BytesIO(chunk):
                    yield self._verified(line)
            else:
                yield block

    def _verified(self, chunk: bytes) -> LineBlock:
        cursor = self.cursor
        lines = list(BytesIO(chunk))
        if not verify_lines(cursor.digest, lines):
            raise InvalidLine(BROKEN)
        commits = self._decode(chunk)
        position = self._advance(cursor.position, commits)
        self.cursor = Cursor(position, cursor.line + len(lines), cursor.offset + len(chunk), last_digest(chunk))
        return LineBlock(lines, commits, self.cursor)


def holds_stream(stream: str) -> Callable[[CommitLine], bool]:
    """Return a function that tells whether a line holds an event of a stream."""
    return lambda line: any(event.stream == stream for event in line.events)


class ChainReader(ABC):
    """Reads a log that is a chain of lines, and remembers how far it has verified it.

    Attributes:
        start: The cursor after the header.
        reached: The cursor up to which the log was verified. What comes before it is not read again in order to append.
        versions: The versions of the streams at `reached`.
        types: The registered events.
        codec: Decodes the lines.
        damage: What the last reading stopped at; None if it came to the end.
        warnings: What a person should know about the log, in words.
    """

    def __init__(self, start: Cursor, types: EventTypes) -> None:
        """Begin to read a log.

        Args:
            start: The cursor after the header.
            types: The registered events.
        """
        self.start = start
        self.types = types
        self.codec = Codec(types)
        self.damage: str | None = None
        self.warnings: list[str] = []
        self.begin_at(start, Versions())

    def commits(
        self, since: Cursor = START, wanted: Callable[[CommitLine], bool] | None = None, *, whole: bool
    ) -> Iterator[Commit]:
        """Read commits; see `Log.commits`.

        Args:
            since: The cursor after which to start.
            wanted: Which commits to give. None gives all.
            whole: Whether each event of these must be readable; see `Codec.commit`.
        """
        for block in self.blocks(since):
            given = block if wanted is None else block.only(wanted)
            yield from given.whole(self.codec) if whole else given.readable(self.codec)

    def commits_backward(
        self, until: Cursor | None = None, wanted: Callable[[CommitLine], bool] | None = None, *, whole: bool
    ) -> Iterator[Commit]:
        """Read commits, newest first; see `Log.commits_backward`, and `commits` for the other arguments."""
        for line, digest in self.lines_backward(until):
            if wanted is None or wanted(line):
                yield self.codec.commit(line, digest, whole=whole)

    def commit_with(self, command: str) -> Commit | None:
        """Read the log backwards until the commit with a command id; see `Log.find_command`."""
        found = ((line, digest) for line, digest in self.lines_backward(None) if line.command == command)
        return next((self.codec.commit(line, digest, whole=False) for line, digest in found), None)

    def event_batches(self, since: Cursor, versions: StreamVersions | None) -> Iterator[Sequence[EventBatch]]:
        """Read commits as far as a fold needs them; see `Log.event_batches`."""
        return (block.event_batches(self.codec) for block in self.blocks(since, versions))

    def selected(self, query: Query, since: Cursor) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        """Read the events that a query selects; see `Log.selected`. Only the commits that hold one are decoded in full."""
        recorded, reached = query.as_recorded(self.types), since
        wanted = self.holds_match(query)
        for block in self.blocks(since):
            found: list[Recorded] = []
            try:
                for commit in block.only(wanted).whole(self.codec):
                    found += [event for event in commit.events if event.position > since.position and query.matches(event)]
            except UnreadableEvent:
                found, failure = selected_in(block.only(wanted).readable(self.codec), query, recorded, since.position)
                if failure is not None:
                    before = block.before(failure.position)
                    if found or before is not None:
                        yield found, reached if before is None else before.end
                    raise failure from failure.__cause__
            yield found, block.end
            reached = block.end

    def holds_match(self, query: Query) -> Callable[[CommitLine], bool]:
        """Return a function that tells whether a line holds an event which a query may select."""
        recorded = query.as_recorded(self.types)
        return lambda line: any(map(recorded.matches, line.events))

    @abstractmethod
    def blocks(self, since: Cursor, versions: StreamVersions | None = None) -> Iterator[LineBlock]:
        """Read the lines that hold an event after a cursor. The arguments are those of `Log.event_batches`."""

    @abstractmethod
    def lines_backward(self, until: Cursor | None) -> Iterator[tuple[CommitLine, bytes]]:
        """Read the decoded lines and their digests, newest first. The argument is that of `Log.commits_backward`."""

    @abstractmethod
    def lines(self, since: Cursor) -> Iterator[bytes]:
        """Read the lines as they are stored; see `Log.lines`."""

    def verified_commit(self, line: bytes, previous: bytes, place: str) -> Commit:
        """Verify one line by the digest before it, and decode it as far as it can be read.

        Args:
            line: The line, without its LF.
            previous: The digest of the line before it.
            place: Where the line is, as the beginning of an error.

        Raises:
            DamagedLog: It is not what was written.
        """
        try:
            digest = verified_digest(previous, line)
            return self.codec.commit(decode_line(line), digest, whole=False)
        except InvalidLine as error:
            raise DamagedLog(f"{place}: {error}") from error

    def begin_at(self, cursor: Cursor, versions: Versions) -> None:
        """Take what comes before a cursor as verified.

        Args:
            cursor: The cursor.
            versions: The versions of the streams there.
        """
        self.reached = cursor
        self.versions = versions

    def restart(self) -> None:
        """Forget everything that was read."""
        self.begin_at(self.start, Versions())

    def walk(self, cursor: Cursor, versions: Versions) -> Walk:
        """Return a walk from a cursor that counts the versions of the streams."""
        return Walk(cursor, partial(self._advance_versions, versions), self.codec.decode_lines)

    def advance(self, walk: Walk, versions: Versions) -> bool:
        """Move `reached` to where a walk has come to, unless it was there before.

        A walk may continue after the reader was restarted, because its caller had left it half done. It then says nothing
        about what was read since.

        Args:
            walk: The walk.
            versions: The versions that the walk counts.

        Returns:
            Whether `reached` was moved.
        """
        if versions is not self.versions or walk.cursor.position <= self.reached.position:
            return False
        self.reached = walk.cursor
        return True

    def warn(self, warning: str) -> None:
        """Add a warning, unless it was given before."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def report_damage(self, damage: str) -> None:
        """Remember that reading stopped at damage, and warn of it."""
        self.damage = damage
        self.warn(f"{damage}; what comes before it is shown")

    def _advance_versions(self, versions: Versions, position: int, commits: Sequence[CommitLine]) -> int:
        try:
            return versions.advance(position, commits)
        except InvalidLine:
            raise
        except BaseException:  # an interruption may leave half of a commit counted, which must not be taken for damage later
            self.restart()
            raise


class ChainedLog(Log):
    """A log that is a chain of lines. A reader reads it; how it is written is up to the store."""

    def __init__(self, header: Header, name: str, reader: ChainReader) -> None:
        """Open a log.

        Args:
            header: Its header.
            name: The name of the log.
            reader: Reads the log.
        """
        super().__init__(header.id, name, header.created, reader.types)
        self._chain = reader
        self.warnings = reader.warnings

    @property
    def damage(self) -> str | None:
        """What the last reading stopped at; see `Log`."""
        return self._chain.damage

    def commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Read commits, oldest first; see `Log`."""
        return self._chain.commits(since, whole=True)

    def event_batches(self, since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        """Read commits as far as a fold needs them; see `Log`."""
        return self._chain.event_batches(since, versions)

    def selected(self, query: Query, since: Cursor = START) -> Iterator[tuple[Sequence[Recorded], Cursor]]:
        """Read the events that a query selects; see `Log`."""
        return self._chain.selected(query, since)

    def commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Read commits, newest first; see `Log`."""
        return self._chain.commits_backward(until, whole=True)

    def readable_commits(self, since: Cursor = START) -> Iterator[Commit]:
        """Read commits as far as they can be read; see `Log`."""
        return self._chain.commits(since, whole=False)

    def readable_commits_backward(self, until: Cursor | None = None) -> Iterator[Commit]:
        """Read commits, newest first, as far as they can be read; see `Log`."""
        return self._chain.commits_backward(until, whole=False)

    def find_command(self, command: str) -> Commit | None:
        """Find the commit with a command id; see `Log`."""
        return self._chain.commit_with(command)

    def events(self, since: int = 0, *, limit: int | None = None, stream: str | None = None) -> Iterator[Recorded]:
        """Read events, oldest first; see `Log`."""
        if stream is None:
            return super().events(since, limit=limit)
        commits = self._chain.commits(Cursor(since), holds_stream(stream), whole=False)
        return chosen(commits, since, limit, stream)

    def events_backward(
        self, before: int | None = None, *, limit: int | None = None, stream: str | None = None
    ) -> Iterator[Recorded]:
        """Read events, newest first; see `Log`."""
        if stream is None:
            return super().events_backward(before, limit=limit)
        commits = self._chain.commits_backward(wanted=holds_stream(stream), whole=False)
        return chosen_backward(commits, before, limit, stream)

    def lines(self, since: Cursor = START) -> Iterator[bytes]:
        """Read the lines as they are stored; see `Log`."""
        if since != START and not since.digest:
            raise ValueError(f"lines are read from the start, or after a cursor with a digest: @{since.position} has none")
        return self._chain.lines(since)

    def cursor(self) -> Cursor:
        """Return the farthest position that was read or written; see `Log`."""
        return self._chain.reached


def verified_backward(lines: Iterator[bytes], digest: bytes, start: bytes) -> Iterator[tuple[CommitLine, bytes]]:
    """Verify lines backwards, each by the digest in the line before it.

    Args:
        lines: The lines without their LF, last one first, back to the first commit of the log.
        digest: The digest that the first of them must have.
        start: The digest of the header.

    Returns:
        The decoded lines and their digests, last one first.

    Raises:
        InvalidLine: A line is wrong. Those after it were given.
    """
    line = next(lines, None)
    if line is not None and not has_digest(line, digest):
        raise InvalidLine("its digest is not the one that is known")
    while line is not None:
        earlier = next(lines, None)
        previous = start if earlier is None else digest_in(earlier) or NO_DIGEST
        verified_digest(previous, line)
        yield decode_line(line), digest
        line, digest = earlier, previous
