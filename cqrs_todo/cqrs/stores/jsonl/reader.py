"""Reading one log in one file. Readers take no lock, and stop at the last complete line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from time import monotonic_ns
from typing import TYPE_CHECKING

from ...cursor import Cursor
from ...errors import READ_AGAIN, DamagedLog, StaleCursor, StoreUnavailable
from ...events import Commit, EventTypes
from ...store import Progress, StreamVersions
from ..chain import ChainReader, LineBlock, Versions, verified_backward
from ..format import CommitLine, InvalidLine, decode_header
from ..hash_chain import continues
from .files import os_errors_as_store_errors, unavailable
from .head_record import head_in, holds, lacks_only_lf, read_record
from .lines import LogFile

if TYPE_CHECKING:
    from ...query import Query
    from .search import Search

_WORTH_INDEXING = 1 << 18
"""From how many bytes on a log is searched with an index. To read a smaller one takes less time than to load SQLite."""
_POSITION = b'{"position":'
"""How the line of a commit begins."""
_DIGITS = 20
"""More digits than a position has."""
_LONGEST_TAIL = 1 << 16
"""How many bytes after a cursor are searched for the end of a line."""


KEPT_COMMANDS = 1_000
"""How many of the latest command ids are kept at least."""


class RecentCommands:
    """The command ids of the latest commits that were read and written.

    Attributes:
        since: The position behind which the ids of all commits are kept.
        known_at: A moment at which everything up to `since` was recorded already, in the nanoseconds of `monotonic_ns`.
    """

    def __init__(self) -> None:
        """Begin for a log of which nothing was read."""
        self.begin_at(0)

    def begin_at(self, position: int) -> None:
        """Begin again, for a log that is read from a position on."""
        self.since = self._reached = position
        self.known_at = self._recent_known_at = monotonic_ns()
        self._recent: set[str] = set()
        self._older: set[str] = set()
        self._recent_since = position

    def __contains__(self, command: str) -> bool:
        """Return whether one of the commits has a command id."""
        return command in self._recent or command in self._older

    def add(self, commands: Iterable[str], last: int) -> None:
        """Add commits that are later than all before.

        Args:
            commands: Their command ids.
            last: The last position in them.
        """
        if len(self._recent) >= KEPT_COMMANDS:
            self.since, self._recent_since = self._recent_since, self._reached
            self.known_at, self._recent_known_at = self._recent_known_at, monotonic_ns()
            self._recent, self._older = set(), self._recent
        self._recent.update(commands)
        self._reached = last


class LogReader(ChainReader):
    """Reads and verifies the file of a log, and remembers how far the log is known to have come.

    Attributes:
        path: The file.
        header: The header of the log.
        commands: The latest command ids, filled as the log is read and written.
        head_record: The head record as it was last seen.
        head: The farthest position that the log is known to have come to: as it was recorded, as this object wrote it, or
            as it was read before the file became shorter. If the file lacks it, the log has lost data. None: unknown.
    """

    def __init__(self, path: str, name: str, types: EventTypes, progress: Progress, indexes: str) -> None:
        """Open a log and read its header.

        Args:
            path: The file.
            name: The name of the log.
            types: The registered events.
            progress: Is called now and then with the bytes read and the bytes in all.
            indexes: The directory of the indexes.

        Raises:
            LogNotFound: There is no such file.
            DamagedLog: The header is damaged.
            StoreUnavailable: The file cannot be read.
        """
        self.path = path
        self.commands = RecentCommands()
        self._indexes = indexes
        self._name = name
        self._progress = progress
        with LogFile(path, os.O_RDONLY, name) as file:
            first = next(file.forward(0), None)
        self._has_lost = False
        try:
            if first is None:
                raise InvalidLine("no header of a log: the line has no end")
            self.header, digest = decode_header(first)
        except InvalidLine as error:
            raise DamagedLog(f"{path}, line 1: {error}") from error
        self._first_line = first + b"\n"
        super().__init__(Cursor(0, 1, len(self._first_line), digest), types)
        self.head_record = read_record(path)
        # a newer program may record the head of its logs in another way
        self.head = None if self.header.newer else head_in(self.head_record, self.header.id)

    @property
    def head_is_recorded(self) -> bool:
        """Whether the head of this log is recorded beside its file. Then this program made the file, not a copy command."""
        return head_in(self.head_record, self.header.id) is not None

    # opening

    def open(self, flags: int) -> LogFile:
        """Open the file, which must still be that of this log.

        Args:
            flags: Flags for `os.open`.

        Raises:
            LogNotFound: There is no such file.
            LogReplaced: Another log has taken its place.
            StoreUnavailable: The file cannot be opened.
        """
        file = LogFile(self.path, flags, self._name)
        try:
            file.known = self.knows_all_of(file)
            if file.known or os.pread(file.fd, len(self._first_line), 0) == self._first_line or self._has_forgotten(file):
                return file
        except OSError as error:
            file.close()
            raise unavailable(self.path, error) from error
        except StoreUnavailable:
            file.close()
            raise
        file.close()
        from ...operation_errors import LogReplaced

        raise LogReplaced(f"{self.path} was replaced by another log meanwhile: open it again")

    def _has_forgotten(self, file: LogFile) -> bool:
        """Return whether a file is the same log, in which streams were forgotten meanwhile. Then all of it is read again."""
        first = next(file.forward(0), b"")
        try:
            header, digest = decode_header(first)
        except InvalidLine:
            return False
        if not header.forgets_more_than(self.header):
            return False
        self.header = header
        self._first_line = first + b"\n"
        self.start = Cursor(0, 1, len(self._first_line), digest)
        self.restart()
        self.head_record = read_record(self.path)
        self.head = head_in(self.head_record, header.id)
        return True

    def knows_all_of(self, file: LogFile) -> bool:
        """Return whether a file ends at the remembered head, and everything up to there was verified.

        Then everything before it is unchanged, too, because the digest there covers it.
        """
        head, reached = self.head, self.reached
        if head is None or self.damage is not None:
            return False
        return file.size == head.offset == reached.offset and head.digest == reached.digest and holds(file.fd, head)

    def learn_head(self, file: LogFile, record: bytes) -> None:
        """Learn from a head record that another process has written.

        Only one head is remembered. If the file lacks the one that was remembered so far or the new one, the log has lost
        data, and the head that is lost is remembered; otherwise the farther one is. But if the new head is farther, and the
        file holds it, a merge has rewritten the log. A restored backup is not farther. A process that has
        met the loss goes on refusing after a repair.

        Args:
            file: The open file.
            record: The head record.
        """
        self.head_record = record
        recorded = head_in(record, self.header.id)
        is_farther = recorded is not None and (self.head is None or recorded.position > self.head.position)
        if recorded is not None and is_farther and not self._has_lost and self.holds(file, recorded):
            self.head = recorded
        heads = [head for head in (self.head, recorded) if head is not None]
        lost = [head for head in heads if not self.holds(file, head)]
        self.head = max(lost or heads, key=lambda head: head.offset, default=None)
        file.known = self.knows_all_of(file)

    # reading

    def blocks(self, since: Cursor, versions: StreamVersions | None = None) -> Iterator[LineBlock]:
        """Read the lines that hold an event after a cursor; see `ChainReader.blocks`."""
        with self.open(os.O_RDONLY) as file:
            if file.known and versions is None and self._is_at_end(since):
                return
            for block in self._read(file, self._begin(file, since, versions)):
                later = block.after(since.position)
                if later.commits:
                    yield later

    def lines_backward(self, until: Cursor | None) -> Iterator[tuple[CommitLine, bytes]]:
        """Read the decoded lines and their digests, newest first; see `ChainReader.lines_backward`."""
        with self.open(os.O_RDONLY) as file:
            if until is not None and until.digest:
                end = self._begin(file, until, None)
            else:
                self.catch_up(file)
                end = self.reached
            for line, digest in self._read_backward(file, end):
                if until is None or line.position <= until.position:
                    yield line, digest

    def matching_backward(self, query: Query, after: int) -> Iterator[Commit]:
        """Read the commits after a position that hold an event which a query may select, newest first, as far as possible.

        What was read is not caught up before, because an append does that.

        Args:
            query: The query.
            after: The position.

        Raises:
            DamagedLog: A line is not what was written.
        """
        wanted = self.holds_match(query)
        with self.open(os.O_RDONLY) as file:
            for line, digest in self._read_backward(file, self.reached):
                if line.position + len(line.events) <= after + 1:
                    return
                if wanted(line):
                    yield self.codec.commit(line, digest, whole=False)

    def has_grown(self, since: Cursor) -> bool:
        """Return whether there may be something after a cursor, by the size of the file; see `Log.has_grown`.

        A line without its LF counts as nothing: an interrupted write may have left it, and it can stay for long.
        """
        offset = since.offset or self.reached.offset
        with self.open(os.O_RDONLY) as file, os_errors_as_store_errors(self.path):
            if file.size <= offset:
                return file.size != offset
            tail = os.pread(file.fd, _LONGEST_TAIL, offset)
            return b"\n" in tail or len(tail) == _LONGEST_TAIL

    def lines(self, since: Cursor) -> Iterator[bytes]:
        """Read the lines as they are stored; see `Log.lines`."""
        if since.digest:
            for block in self.blocks(since):
                yield from block.lines
            return
        with self.open(os.O_RDONLY) as file:
            if self.header.newer:  # this code may not understand all the lines, but none of them must be left out
                yield from (line + b"\n" for line in file.forward(0))
                return
            self._restart_if_changed(file)
            yield self._first_line
            for block in self._read(file, self.start):
                yield from block.lines

    def catch_up(self, file: LogFile) -> None:
        """Read and verify what an open file holds behind what was read before."""
        if file.known:
            return
        self._restart_if_changed(file)
        self._read_on(file)

    def catch_up_to_append(self, file: LogFile) -> None:
        """Do the same. If nothing was read before, begin at the end of what the index holds, which was verified before."""
        if file.known:
            return
        self._restart_if_changed(file)
        begins = self.reached is self.start and self.damage is None and self.is_indexed(file)
        indexed = self.search.reached(file) if begins else None
        if indexed is not None:
            self._begin_at(indexed, partial(self.search.version_at, indexed))
        self._read_on(file)

    def _read_on(self, file: LogFile) -> None:
        for _ in self._read(file, self.reached):
            pass

    def add_commit(self, command: str, head: Cursor, versions: Mapping[str, int]) -> None:
        """Take note of a commit that was written behind everything that was read.

        Args:
            command: Its command id.
            head: The cursor behind it.
            versions: The new versions of the streams in it.
        """
        self.commands.add((command,), head.position)
        self.versions.set(head.position, versions)
        self.reached = self.head = head

    def restart(self) -> None:
        """Forget everything that was read, but not how far the log is known to have come."""
        super().restart()
        self.commands.begin_at(0)

    def _is_at_end(self, cursor: Cursor) -> bool:
        """Return whether a cursor is behind everything that was read."""
        return cursor == self.reached or (not cursor.digest and cursor.position >= self.reached.position)

    def _begin(self, file: LogFile, since: Cursor, versions: StreamVersions | None) -> Cursor:
        """Return where to begin to read, so that nothing after a cursor is missed. The arguments are those of `blocks`."""
        self._restart_if_changed(file)
        if not since.digest:
            return self.reached if since.position >= self.reached.position else self.start
        if not self.holds(file, since):
            if self.head is None and file.size < since.offset and not self.header.forgotten:
                self.head = since  # nothing else remembers that the log had come so far
            raise StaleCursor(f"{self.path} is not what it was at @{since.position}", READ_AGAIN)
        if not self._has_position(file, since):
            raise StaleCursor(f"{self.path} has another position than @{since.position} there", READ_AGAIN)
        if since.position > self.reached.position:
            self._begin_at(since, versions or partial(self.search.version_at, since))
        elif versions is not None and since.position == self.reached.position:
            self.begin_at(since, Versions(since.position, versions))
        return since

    def _has_position(self, file: LogFile, cursor: Cursor) -> bool:
        """Return whether the position of a cursor is that of the place in the file that it names.

        The line after it tells, or at the end of the file what is known of the end. Otherwise a later line tells.
        """
        with os_errors_as_store_errors(self.path):
            start = os.pread(file.fd, len(_POSITION) + _DIGITS, cursor.offset)
        number = start.removeprefix(_POSITION).partition(b",")[0]
        if start.startswith(_POSITION) and number.isdigit():
            return int(number) == cursor.position + 1
        ends = [end for end in (self.head, self.reached) if end is not None and end.offset == cursor.offset]
        return all(end.position == cursor.position for end in ends)

    def _begin_at(self, cursor: Cursor, versions: StreamVersions) -> None:
        """Take what comes before a cursor, which is farther than `reached`, as verified. It was not read."""
        self.commands.begin_at(cursor.position)
        self.begin_at(cursor, Versions(cursor.position, versions))

    def _restart_if_changed(self, file: LogFile) -> None:
        """Restart if a file does not hold what was read of the log."""
        reached = self.reached
        if reached is self.start or self.holds(file, reached):
            return
        if file.size < reached.offset and (self.head is None or self.head.offset < reached.offset):
            self.head = reached  # the log had come so far when it was read, and has become shorter
        self.restart()

    def holds(self, file: LogFile, cursor: Cursor) -> bool:
        """Return whether a file has a line that ends at a cursor, with the cursor's digest."""
        with os_errors_as_store_errors(self.path):
            return holds(file.fd, cursor)

    def _read(self, file: LogFile, cursor: Cursor) -> Iterator[LineBlock]:
        """Read and verify the lines after a cursor. `reached` is always behind those that were given."""
        newer = self.header.newer
        lost = self.head if not newer and self.has_lost_its_end(file) else None
        self.damage = None if lost is None else self._loss(file, lost)
        if lost is not None:
            self.restart()
            cursor = self.start
        versions = self.versions
        doubted = -1
        while True:
            bad = None
            walk = self.walk(cursor, versions)
            try:
                for block in walk.over(file.chunks(cursor.offset)):
                    if self.advance(walk, versions):
                        self.commands.add((commit.command for commit in block.commits), walk.cursor.position)
                    self._progress(walk.cursor.offset, file.size)
                    yield block
            except InvalidLine as error:
                bad = error
            cursor = walk.cursor
            if newer:
                if bad is not None:
                    line = f"line {cursor.line + 1} of {self.path} cannot be read by this program"
                    self.warn(f"{line}; what comes before it is shown")
                return
            if bad is None:
                self._report_end(file, cursor, lost)
                return
            if versions is not self.versions:
                raise StaleCursor(
                    f"{self.path} was read again from its start while this reading was left half done", READ_AGAIN
                )
            # a writer may have undone a failed write between two of our reads: look once more
            if cursor.offset == doubted:
                self._report_damage_at(cursor, str(bad))
                return
            doubted = cursor.offset

    def _read_backward(self, file: LogFile, end: Cursor) -> Iterator[tuple[CommitLine, bytes]]:
        """Read backwards from a verified cursor: the decoded lines and their digests."""
        number = end.line
        lines = file.backward(len(self._first_line), end.offset)
        try:
            for line, digest in verified_backward(lines, end.digest, self.start.digest):
                yield line, digest
                number -= 1
        except InvalidLine as error:
            raise DamagedLog(f"{self.path} is damaged at line {number}: {error}") from error

    # searching

    @cached_property
    def search(self) -> Search:
        """Searches the log for a command or a stream."""
        from .index import index_path  # most runs search nothing
        from .search import Search

        return Search(self, index_path(self._indexes, self.header.id))

    def is_indexed(self, file: LogFile) -> bool:
        """Return whether to search a file with an index."""
        return file.size >= _WORTH_INDEXING and not self.header.newer

    def find_command(self, file: LogFile, command: str) -> Commit | None:
        """Find a commit by its command id, among those that were recorded before the ones in `commands`.

        Args:
            file: The open file, all of which was read.
            command: The command id.
        """
        since = self.commands.since
        if since == 0:
            return None
        from ...ids import was_made_after  # most runs only read

        if was_made_after(command, self.commands.known_at):
            return None
        if self.is_indexed(file):
            return self.search.commit(file, command, since)
        return self.commit_with(command)

    def has_lost_its_end(self, file: LogFile) -> bool:
        """Return whether a file lacks the head that is remembered."""
        if self.head is None or self.holds(file, self.head):
            return False
        record = read_record(self.path)
        if record != self.head_record:
            self.learn_head(file, record)
        has_lost = not self.holds(file, self.head)
        # without a record, a merge is about to record the head of the file with which it has just replaced this one
        self._has_lost = self._has_lost or (has_lost and bool(record))
        return has_lost

    # reporting

    def _report_end(self, file: LogFile, cursor: Cursor, lost: Cursor | None) -> None:
        """Report what is wrong with the end of a file, all lines of which are intact. An unterminated line is not damage.

        Args:
            file: The file.
            cursor: The end of the last line.
            lost: The head that the file did not hold when the reading began.
        """
        tail = file.rest(cursor.offset)
        if tail and continues(cursor.digest, tail[:-1]):
            self._report_damage_at(cursor, "the end of the line was altered")
        elif tail and continues(cursor.digest, tail):
            self.warn(self._lacks_end)
            if lost is None or lacks_only_lf(lost, cursor.offset, tail):
                self.damage = None
                return
        if lost is not None:
            self.report_damage(self._loss(file, lost))

    @property
    def _lacks_end(self) -> str:
        return f"the last line of {self.path} lacks its end, and is not shown: the next change repairs it"

    def report_repaired_end(self) -> None:
        """Say that the last line has its end now, in place of the warning that it lacks it."""
        if self._lacks_end in self.warnings:
            self.warnings.remove(self._lacks_end)
        self.warn(f"the last line of {self.path} lacked its end: this change has repaired it")

    def _loss(self, file: LogFile, lost: Cursor) -> str:
        what = "has lost its end: it is shorter than it was" if file.size < lost.offset else "was rewritten"
        return f"{self.path} {what}; @{lost.position} had been recorded"

    def _report_damage_at(self, cursor: Cursor, what: str) -> None:
        """Report what is wrong with the line after a cursor."""
        self.report_damage(f"{self.path} is damaged at line {cursor.line + 1}, byte {cursor.offset}: {what}")
        if cursor.position < self.reached.position:  # what is behind it was taken as verified: no longer
            self.restart()
