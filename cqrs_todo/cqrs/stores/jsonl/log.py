"""One log in one file: reading without a lock, and the append protocol."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from itertools import islice

from ...errors import DamagedLog, LogBusy, OutcomeUnknown, ReadOnlyLog, StaleMark, StoreUnavailable
from ...events import Commit, EventTypes, Metadata
from ...store import Append, Mark, Place, Progress, position_of, record, repeated
from ..chain import Batch, ChainedLog, Spot, Versions, verified_backward
from ..format import InvalidLine, command_in, decode_header
from ..seals import follows
from ..signals import signals_held
from .files import (
    create_durable,
    dated,
    explained,
    locked,
    read_range,
    replace_durably,
    unavailable,
    write_all,
)
from .lines import LogFile, lines_in
from .notes import (
    clear_suspect,
    head_in,
    head_note,
    lock_of,
    mark_suspect,
    read_note,
    read_notes,
    stands_but_for_lf,
    stands_in,
    write_note,
)

COMMANDS_KNOWN = 1_000
"""How many of the latest commits a log is sure to know again by their command id, as far as they stand within its end."""
COMMANDS_WITHIN = 1 << 20
"""How many bytes that end has, beside the last commit: what is larger and farther back is not worth reading for its id."""


def _token(spot: Spot) -> str:
    """What finds a spot again."""
    return f"{spot.line} {spot.offset} {spot.sum.decode()}"


def spot_of(mark: Mark) -> Spot:
    """The spot that a mark stands for; raises `StaleMark` for a mark that another kind of store made."""
    try:
        line, offset, sum = mark.token.split(" ")
        return Spot(int(line), int(offset), sum.encode(), mark.position)
    except ValueError as error:
        raise StaleMark(f"{mark.token!r} is no place in a log of this store") from error


def _farthest(heads: Sequence[Spot]) -> Spot:
    return max(heads, key=lambda head: head.offset)


class JsonlLog(ChainedLog):
    """A log in a file. Readers take no lock and stop at the last whole line; a writer holds the lock file.

    Reading begins at the beginning, or at a mark; what was verified once is not read again to write. Raises on opening:
    `LogNotFound`, `DamagedLog` when the header is none, `StoreUnavailable`.
    """

    def __init__(self, path: str, name: str, types: EventTypes, progress: Progress) -> None:
        self._path = path
        self._progress = progress
        self._lock = lock_of(path)
        self._held: int | None = None
        self._by_command: dict[str, int] = {}
        self._by_earlier_command: dict[str, int] = {}
        self._commands_known = True
        with LogFile(path, os.O_RDONLY, name) as file:
            first = next(file.forward(0), None)
        try:
            if first is None:
                raise InvalidLine("no header of a log: the line has no end")
            header, sum = decode_header(first)
        except InvalidLine as error:
            raise DamagedLog(f"{path}, line 1: {error}") from error
        super().__init__(header, name, types)
        self.made_as = header.name
        """The name that the log was made under."""
        self._first = first + b"\n"
        self._beginning = Spot(1, len(self._first), sum, 0)
        self._begin_at(self._beginning, Versions())
        self._marked = self._front, self._mark_at(self._front)
        self._note = read_note(path)
        head = head_in(self._note, header.id)
        self._heads = [] if head is None else [head]  # more than one where others noted theirs, or one is gone
        self._newer = header.newer
        self.read_only = None
        if header.newer:
            self._heads = []  # a newer program may note them in another way
            made = f"{path} was made by a newer program: its format {header.version} is newer than this program's"
            self.forbid_appending(f"{made}, so it can only be read")

    @property
    def noted(self) -> bool:
        """Whether the head of this log is noted beside its file: then the store itself made the file, and no copying."""
        return head_in(self._note, self.id) is not None

    def forbid_appending(self, reason: str) -> None:
        """Refuse to append from now on, and tell readers why."""
        self.read_only = reason
        self._tell(reason)

    # reading

    def _after(self, since: Place) -> Iterator[Batch]:
        position = position_of(since)
        with self._open(os.O_RDONLY) as file:
            if file.known and self._is_front(since):
                return
            for batch in self._read(file, self._spot_before(file, since)):
                later = batch.after(position)
                if later.commits:
                    yield later

    def commits_backward(self, before: int | Mark | None = None) -> Iterator[Commit]:
        with self._open(os.O_RDONLY) as file:
            if isinstance(before, Mark):
                end = self._spot_before(file, before)
            else:
                self._catch_up(file)
                end = self._front
            yield from self._read_backward(file, end, before if isinstance(before, int) else None)

    def sync(self) -> None:
        # its writer may not have come to this: an event that was acted on must not be lost in a crash
        with self._open(os.O_RDONLY) as file, explained(self._path):
            self._sync(file.fd)

    def lines(self) -> Iterator[bytes]:
        with self._open(os.O_RDONLY) as file:
            if self._newer:  # what this code does not understand must not be left out
                yield from (line + b"\n" for line in file.forward(0))
                return
            self._check_front(file)
            yield self._first
            for batch in self._read(file, self._beginning):
                yield from batch.lines

    def mark(self) -> Mark:
        front, mark = self._marked
        if front is not self._front:
            mark = self._mark_at(self._front)
            self._marked = self._front, mark
        return mark

    def _mark_at(self, spot: Spot) -> Mark:
        return Mark(spot.position, _token(spot), partial(self._version_at, spot))

    def _version_at(self, spot: Spot, stream: str) -> int:
        # seldom asked: who resumes at a mark of this log still has its front, or a snapshot's mark, which knows better
        before = self.commits_backward(self._mark_at(spot))
        events = (event for commit in before for event in reversed(commit.events))
        return next((event.version for event in events if event.stream == stream), 0)

    def _spot_before(self, file: LogFile, place: Place) -> Spot:
        """Where to begin reading so that nothing after a place is missed; raises `StaleMark`."""
        self._check_front(file)
        if isinstance(place, int):
            return self._front if place >= self._front.position else self._beginning
        spot = spot_of(place)
        if not self._stands(file, spot):
            raise StaleMark(f"{self._path} is not what it was at @{place.position}")
        if self._front.position < spot.position:
            self._begin_at(spot, Versions(spot.position, place.versions))
            self._commands_known = False
        return spot

    def _check_front(self, file: LogFile) -> None:
        """Begin anew where a file is not what was read of the log."""
        if self._front is not self._beginning and not self._stands(file, self._front):
            self._begin_anew()

    def _stands(self, file: LogFile, spot: Spot) -> bool:
        """Whether a spot is one in a file; that it was longer is remembered where it was read, or nothing else says so."""
        with explained(self._path):
            stands = stands_in(file.fd, spot)
        if file.size < spot.offset and (
            not self._heads or (spot is self._front and _farthest(self._heads).offset < spot.offset)
        ):
            self._heads.append(spot)
        return stands

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._by_command, self._by_earlier_command, self._commands_known = {}, {}, True

    def _read(self, file: LogFile, spot: Spot) -> Iterator[Batch]:
        """The verified lines after a spot; the front stands behind those that were given."""
        lost = () if self._newer else self._lost(file)
        self.damage = self._loss(file, lost) if lost else None
        if lost:
            spot = self._beginning
            self._begin_anew()
        versions = self._versions
        doubted = -1
        while True:
            bad = None
            walk = self._walk(spot, versions)
            try:
                for batch in walk.over(file.chunks(spot.offset)):
                    if self._go_on(walk, versions):
                        self._remember({commit.command: commit.position for commit in batch.commits})
                    self._progress(walk.spot.offset, file.size)
                    yield batch
            except InvalidLine as error:
                bad = error
            spot = walk.spot
            if self._newer:
                if bad is not None:
                    self._tell(
                        f"line {spot.line + 1} of {self._path} can't be read by this program; what stands before it is shown"
                    )
                return
            if bad is None:
                tail = file.tail
                if self._look_at_tail(spot, tail) and all(stands_but_for_lf(head, spot.offset, tail) for head in lost):
                    self.damage = None
                elif lost:
                    self._report(self._loss(file, lost))
                return
            if versions is not self._versions:
                raise StaleMark(f"{self._path} was begun anew while this reading was left half done")
            # a writer may have taken a failed write back between two of our reads: look once more
            if spot.offset == doubted:
                self._report_at(spot, str(bad))
                return
            doubted = spot.offset

    def _lost(self, file: LogFile) -> Sequence[Spot]:
        """The heads that do not stand in a file, though the log had come there; where all do, only the farthest is kept."""
        with explained(self._path):
            lost = [head for head in self._heads if not stands_in(file.fd, head)]
        if not lost and self._heads:
            self._heads = [_farthest(self._heads)]
        return lost

    def _loss(self, file: LogFile, lost: Sequence[Spot]) -> str:
        head = _farthest(lost)
        what = "has lost its end: it is shorter than it was" if file.size < head.offset else "was rewritten"
        return f"{self._path} {what}; @{head.position} had been recorded"

    def _read_backward(self, file: LogFile, end: Spot, before: int | None) -> Iterator[Commit]:
        """The commits up to a verified spot, newest first, each verified by the sum that the line after it follows."""
        number = end.line
        lines = file.backward(len(self._first), end.offset)
        try:
            for commit, sum in verified_backward(lines, end.sum, self._beginning.sum):
                if before is None or commit.position < before:
                    yield self._codec.commit(commit, sum)
                number -= 1
        except InvalidLine as error:
            raise DamagedLog(f"{self._path} is damaged at line {number}: {error}") from error

    def _is_front(self, place: Place) -> bool:
        """Whether a place is the one behind all that was read."""
        if isinstance(place, int):
            return place >= self._front.position
        front = self.mark()
        return place is front or place.token == front.token

    def _catch_up(self, file: LogFile) -> None:
        if file.known:
            return
        self._check_front(file)
        for _ in self._read(file, self._front):
            pass

    def _look_at_tail(self, spot: Spot, tail: bytes) -> bool:
        """Report a whole commit whose line feed was altered. The rest of an interrupted write is not damage.

        Returns:
            Whether the last line is whole and only its line feed is missing.
        """
        if not tail:
            return False
        if follows(spot.sum, tail[:-1]):
            self._report_at(spot, "the end of the line was altered")
        elif follows(spot.sum, tail):
            self._tell(f"the last line of {self._path} lacks its end, and is not shown: the next change mends it")
            return True
        return False

    # writing

    @contextmanager
    def holding(self, lock: int) -> Iterator[None]:
        """Append without taking the lock: whoever calls this holds it. `lock` is the open lock file."""
        self._held = lock
        try:
            yield
        finally:
            self._held = None

    def _locked(self) -> AbstractContextManager[int]:
        return locked(self._lock, self._path) if self._held is None else nullcontext(self._held)

    def append(self, appends: Sequence[Append], metadata: Metadata) -> Commit:
        if self.read_only is not None:
            raise ReadOnlyLog(f"{self.read_only}; nothing was recorded")
        with self._locked() as lock, signals_held() as came:
            front = self._front
            with self._open_to_write(lock) as file:
                if not file.known and not self._stands(file, front):
                    raise StaleMark(f"{self._path} is not what was read of it up to @{front.position}; nothing was recorded")
                position = self._by_command.get(metadata.command) or self._by_earlier_command.get(metadata.command)
                if position is not None:
                    commit = self._again(lock, file.fd, position, appends)
                else:
                    commit = self._append(lock, file.fd, appends, metadata)
            if came:
                self._tell(f"@{commit.position} was recorded before the interruption")
            return commit

    def _open_to_write(self, lock: int) -> LogFile:
        try:
            note, suspect = read_notes(lock)
            if note != self._note:
                self._note, head = note, head_in(note, self.id)
                self._heads += [] if head is None else [head]
            if suspect:
                self._renew()
                clear_suspect(lock)
            file = self._open(os.O_RDWR | os.O_APPEND)
            try:
                self._prepare(file)
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise unavailable(self._path, error, "; nothing was recorded") from error
        return file

    def _prepare(self, file: LogFile) -> None:
        """Make sure that what the file holds is whole and known, and that nobody else is at it."""
        try:
            fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LogBusy(f"{self._path} is held though its lock file was free; nothing was recorded") from None
        self._catch_up(file)
        self._check_whole()
        if file.size > self._front.offset:
            self._mend_tail(file)
            self._check_whole()
        if not self._commands_known:
            self._learn_commands(file)

    def _check_whole(self) -> None:
        if self.damage is not None:
            raise DamagedLog(f"{self.damage}; nothing was recorded")

    def _append(self, lock: int, fd: int, appends: Sequence[Append], metadata: Metadata) -> Commit:
        front = self._front
        versions = {append.stream: self._versions.of(append.stream) for append in appends}
        commit = record(appends, metadata, self._types, front.position, versions)
        line, recorded = self._codec.encode(commit, front.sum)
        last = recorded.last
        head = Spot(front.line + 1, front.offset + len(line), recorded.sum.encode(), last)
        # made before the sync, in which the processor goes to sleep: afterwards it takes three times as long
        note = head_note(self.id, head)
        try:
            write_all(fd, line)
        except OSError as error:
            self._take_back(fd, error)
            raise StoreUnavailable(f"{self._path}: {error.strerror}; nothing was recorded") from error
        self._sync_or_unknown(fd)
        self._versions.go_on(last, versions)
        self._front, self._heads = head, [head]
        self._remember({metadata.command: front.position + 1})
        self._write_note(lock, note)
        return recorded

    def _again(self, lock: int, fd: int, position: int, appends: Sequence[Append]) -> Commit:
        commit = next(self.commits(position - 1), None)
        if commit is None:
            raise DamagedLog(f"{self._path} has lost position {position}; nothing was recorded")
        commit = repeated(commit, appends)
        self._sync_or_unknown(fd)  # whoever wrote it may not have come to this
        self._heads = [self._front]
        self._write_note(lock, head_note(self.id, self._front))
        return commit

    def _write_note(self, lock: int, note: bytes) -> None:
        write_note(lock, note)
        self._note = note

    def _take_back(self, fd: int, cause: OSError) -> None:
        try:
            os.ftruncate(fd, self._front.offset)
            os.fsync(fd)
        except OSError as error:
            raise self._unknown(cause) from error

    def _sync_or_unknown(self, fd: int) -> None:
        try:
            self._sync(fd)
        except OSError as error:
            raise self._unknown(error) from error

    def _unknown(self, error: OSError) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._path}: {error.strerror}: it can't be known whether the last commit was recorded")

    def _sync(self, fd: int) -> None:
        """Sync the file. If that fails, leave a mark for the next writer; the sync is not tried again."""
        try:
            os.fsync(fd)
        except OSError:
            with suppress(OSError):
                mark_suspect(self._path)
            raise

    def _mend_tail(self, file: LogFile) -> None:
        """End a whole last line that lacks its LF; set aside what else an interrupted write left after the last line."""
        spot = self._front
        tail = read_range(file.fd, spot.offset, file.size)
        if follows(spot.sum, tail):
            write_all(file.fd, b"\n")
            self._sync(file.fd)
            file.size += 1
            self._catch_up(file)
            return
        aside = dated(self._path, "torn")
        create_durable(aside, tail)
        os.ftruncate(file.fd, spot.offset)
        os.fsync(file.fd)
        left = f"{len(tail)} byte{'s' * (len(tail) != 1)}"
        self._tell(f"an interrupted write had left {left} at the end of {self._path}: now in {aside}")

    def _open(self, flags: int) -> LogFile:
        """Open the file, which must still be of this log; raises `LogBusy` when another has taken its place."""
        file = LogFile(self._path, flags, self.name)
        try:
            file.known = self._ends_as_known(file)
            if file.known or os.pread(file.fd, len(self._first), 0) == self._first:
                return file
        except OSError as error:
            file.close()
            raise unavailable(self._path, error) from error
        file.close()
        raise LogBusy(f"{self._path} was replaced by another list meanwhile")

    def _ends_as_known(self, file: LogFile) -> bool:
        """Whether a file ends with the last line that was read, which is the remembered one: then all before it is known,
        too, since its sum is over all of it."""
        front = self._front
        if self.damage is not None or len(self._heads) != 1:
            return False
        (head,) = self._heads
        return file.size == head.offset == front.offset and head.sum == front.sum and stands_in(file.fd, head)

    def _remember(self, commands: Mapping[str, int]) -> None:
        if len(self._by_command) >= COMMANDS_KNOWN:
            self._by_command, self._by_earlier_command = {}, self._by_command
        self._by_command.update(commands)

    def _learn_commands(self, file: LogFile) -> None:
        """Know the latest commands, where reading began at a mark behind them."""
        end, beginning = self._front.offset, len(self._first)
        start = max(beginning, end - COMMANDS_WITHIN)
        content = read_range(file.fd, start, end)
        whole = content.find(b"\n") + 1 if start > beginning else 0  # it may begin with the end of a line, a long one too
        lines = lines_in(content, whole)[-COMMANDS_KNOWN:] or islice(file.backward(beginning, end), 1)
        self._remember({command: position for position, command in map(command_in, lines)})
        self._commands_known = True

    def _report_at(self, spot: Spot, what: str) -> None:
        """Report what is wrong with the line after a spot."""
        self._report(f"{self._path} is damaged at line {spot.line + 1}, byte {spot.offset}: {what}")

    def _report(self, damage: str) -> None:
        self.damage = damage
        self._tell(f"{self.damage}; what stands before it is shown")

    def _tell(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

    def _renew(self) -> None:
        """After a failed fsync the kernel may hold pages that it never writes: go on in a new file, keep the old bytes."""
        with self._open(os.O_RDONLY) as file:
            content = read_range(file.fd, 0, file.size)
        aside = dated(self._path, "unsynced")
        create_durable(aside, content)
        replace_durably(self._path, content)
        self._begin_anew()
        self._tell(f"the disk had failed to sync {self._path}: it was written anew; a copy of then is in {aside}")
