"""How far reactions have come, in a file for each: `reactions/<log id>/<reaction>.json`.

Beside it, `<reaction>.lease` holds who runs the reaction, and until when. `<reaction>.parked` holds the events that it could
not react to. Whoever changes one of the three locks the lease.

Whoever moves events of a log locks `<log id>/moves.lock`, sets the checkpoints back, and then replaces the log. Nobody can
load a checkpoint until that is done. So no checkpoint that was set back is ever used with the log as it was, also if the
process is killed in between: then the lock ends, and the checkpoints fit the log, whether or not it was replaced.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import msgspec

from ...checkpoints import Checkpoint, Checkpoints, Parked
from ...cursor import Cursor
from ...errors import InvalidLogName, StoreUnavailable
from ...names import check_log_name
from ...struct import replace
from .files import (
    beside,
    close,
    file_lock,
    lock_in_time,
    make_directory,
    open_or_make,
    os_errors_as_store_errors,
    read_range,
    remove,
    replace_durably,
    shared_lock,
    there,
    write_all,
)

_SUFFIX = ".json"
_MOVES = "moves.lock"
"""The file that is locked while events of a log move."""


class _Kept(msgspec.Struct, frozen=True):
    """The content of a file, as in `Checkpoint`. The base is a position, lines, bytes and a digest."""

    position: int
    base: tuple[int, int, int, str] = (0, 0, 0, "")
    moves: int = 0
    begun: int = 0
    passed: tuple[str, ...] = ()
    forgotten: int = 0


class _Lease(msgspec.Struct, frozen=True):
    """The content of a lease: who holds it, the time in seconds at which it ends, and for how many seconds it was taken."""

    holder: str = ""
    until: float = 0.0
    seconds: float = 0.0


_decode = msgspec.json.Decoder(_Kept).decode
_decode_parked = msgspec.json.Decoder(tuple[Parked, ...]).decode
_decode_lease = msgspec.json.Decoder(_Lease).decode


class _NoCheckpoint(StoreUnavailable):
    """A file does not hold what its name says."""


class FileCheckpoints(Checkpoints):
    """Checkpoints in files."""

    def __init__(self, directory: str) -> None:
        """Keep checkpoints.

        Args:
            directory: The path of a directory. It is made when the first checkpoint is kept.
        """
        self._directory = directory

    def load(self, reaction: str, log_id: str) -> Checkpoint:
        """Return how far a reaction has come; see `Checkpoints`."""
        path = self._path(reaction, log_id)
        with shared_lock(_moves_of(path)):
            return _read(path)

    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        """Keep how far a reaction has come; see `Checkpoints`."""
        path = self._path(reaction, log_id)
        with self._lease(path) as lease:
            if holder is not None and _read_lease(lease).holder != holder:
                return False
            if _read(path).moves != checkpoint.moves:
                return False
            _write(path, checkpoint)
            return True

    def hold(self, reaction: str, log_id: str, holder: str, seconds: float, *, renew: bool = False) -> bool:
        """Take or renew a lease; see `Checkpoints`."""
        path = self._path(reaction, log_id)
        with self._lease(path) as lease:
            if not renew:
                self._make_moves(path)
            held, now = _read_lease(lease), time.time()
            if renew and held.holder != holder:
                return False
            # if it has longer to go than it was taken for, the clock was set back since
            if held.holder not in ("", holder) and now < held.until <= now + held.seconds:
                return False
            _write_lease(lease, _Lease(holder, now + seconds, seconds))
            return True

    def release(self, reaction: str, log_id: str, holder: str) -> None:
        """End a lease; see `Checkpoints`."""
        with self._lease(self._path(reaction, log_id)) as lease:
            if _read_lease(lease).holder == holder:
                _write_lease(lease, _Lease())

    def forget(self, log_id: str, ids: Collection[str], start: Cursor) -> None:
        """Let all reactions to a log read it from its start to where they are, because its digests have changed.

        Args:
            log_id: The id of the log.
            ids: The ids of the events that are forgotten, as they are recorded. They are no longer parked.
            start: The cursor after the new header.

        Raises:
            StoreUnavailable: A checkpoint cannot be read or written.
        """
        for reaction, ending, path in self._files(log_id):
            if ending == _SUFFIX:
                with self._lease(path), suppress(_NoCheckpoint):  # the reaction itself reports that
                    kept = _read(path)
                    if kept.has_begun:
                        _write(path, replace(kept, base=start))
            elif ending == ".parked":
                try:
                    found = [each.event for each in self.parked(reaction, log_id) if each.recorded_id in ids]
                except _NoCheckpoint:  # it may hold what is forgotten
                    remove(beside(path, "parked"))
                    continue
                for event in found:
                    self.unpark(reaction, log_id, event)

    def copy(self, log_id: str, other: str) -> None:
        """Keep the checkpoints and the parked events of a log also for the log in which it is to be joined.

        Args:
            log_id: The id of the log.
            other: The id of the joined log.

        Raises:
            StoreUnavailable: They cannot be read or written.
        """
        for reaction, ending, path in self._files(log_id):
            target = self._path(reaction, other)
            with suppress(_NoCheckpoint):  # the reaction begins again
                if ending == _SUFFIX:
                    with self._lease(target):
                        kept = _read(path)
                        # a runner of the joined log may be at work
                        _write(target, replace(kept, moves=max(kept.moves, _read(target).moves)))
                elif ending == ".parked":
                    with self._lease(target):
                        _write_parked(target, self.parked(reaction, log_id))

    def remove(self, log_id: str) -> None:
        """Remove the checkpoints and the parked events of a log that is joined in another one, as far as that is possible.

        The locks stay, because a reaction may be at work. It then learns from the log that another one is in its place.
        """
        for _, ending, path in self._files(log_id):
            if ending in (_SUFFIX, ".parked"):
                with suppress(OSError):  # nobody asks for them again
                    remove(beside(path, ending[1:]))

    def _files(self, log_id: str) -> Iterator[tuple[str, str, str]]:
        """Yield the files of the reactions to a log: the name of the reaction, what the file's name ends with, and its path.

        The path is that of the checkpoint of the reaction.
        """
        try:
            folder = os.path.dirname(self._path("any", log_id))
        except InvalidLogName:  # no reaction can have a checkpoint in such a log
            return
        with os_errors_as_store_errors(folder):
            files = sorted(os.listdir(folder)) if there(folder) else []
        for reaction, ending in map(os.path.splitext, files):
            with suppress(InvalidLogName):  # another program made this file
                yield reaction, ending, self._path(reaction, log_id)

    @contextmanager
    def moving(
        self,
        log_ids: Collection[str],
        position: int,
        start: Cursor,
        before: Callable[[], Iterable[tuple[int, str]]],
        holds: Callable[[Cursor], bool],
    ) -> Iterator[None]:
        """Set the reactions to some logs back, and let no reaction to them go on until the block has moved their events.

        Args:
            log_ids: The ids of the logs: several, if one is joined in another.
            position: As for `set_back`.
            start: As for `set_back`.
            before: As for `set_back`.
            holds: As for `set_back`.

        Raises:
            LogBusy: Another process moves events of one of the logs for too long. Nothing was changed.
            StoreUnavailable: A checkpoint cannot be read or written. The block was not begun.
        """
        with ExitStack() as locks:
            try:
                for log_id in sorted(log_ids):
                    with suppress(InvalidLogName):  # no reaction can have a checkpoint in such a log
                        path = self._path("any", log_id)
                        self._make_moves(path)
                        locks.enter_context(file_lock(_moves_of(path), _moves_of(path)))
                for log_id in log_ids:
                    self.set_back(log_id, position, start, before, holds)
            except StoreUnavailable as error:
                raise StoreUnavailable(f"{error}; the log was not changed") from error
            yield

    def set_back(
        self,
        log_id: str,
        position: int,
        start: Cursor,
        before: Callable[[], Iterable[tuple[int, str]]],
        holds: Callable[[Cursor], bool],
    ) -> None:
        """Let all reactions to a log go on at a position, because the events behind it move.

        It is not given those again with which it is done, or that were in the log when it began. One that is at work cannot
        keep a checkpoint from before, so it is given those again that it has handled since.

        Args:
            log_id: The id of the log.
            position: The position of the last event that does not move.
            start: The cursor after the header.
            before: Returns the position and the id, as it is recorded, of each event of the log as it was.
            holds: Returns whether a cursor is in the log as it was, which was not damaged. Otherwise it is not known which
                events a reaction was given.

        Raises:
            StoreUnavailable: A checkpoint cannot be read or written.
        """
        files = self._files(log_id)
        for path in dict.fromkeys(path for _, ending, path in files if ending in (_SUFFIX, ".lease")):
            with self._lease(path), suppress(_NoCheckpoint):  # the reaction itself reports that
                kept = _read(path)
                reached = min(kept.position, position)
                done = max(kept.begun, kept.position if kept.position > reached and holds(kept.base) else 0)
                events = list(before() if done > reached or kept.passed else ())
                behind = {id for place, id in events if place <= reached}
                passed = [id for id in kept.passed if id not in behind]
                passed += [id for place, id in events if reached < place <= done]
                set_back = Checkpoint(
                    reached,
                    start if kept.has_begun else kept.base,
                    kept.moves + 1,  # also if nothing is kept, because a runner that begins now may be at work
                    min(kept.begun, position),
                    tuple(dict.fromkeys(passed)),
                    kept.forgotten,
                )
                _write(path, set_back)

    def park(self, reaction: str, log_id: str, parked: Parked) -> None:
        """Park an event; see `Checkpoints`."""
        self._replace_parked(reaction, log_id, parked.event, parked)

    def unpark(self, reaction: str, log_id: str, event: str) -> None:
        """Remove an event from those that are parked; see `Checkpoints`."""
        self._replace_parked(reaction, log_id, event, None)

    def parked(self, reaction: str, log_id: str) -> Sequence[Parked]:
        """Return the parked events; see `Checkpoints`."""
        path = beside(self._path(reaction, log_id), "parked")
        with os_errors_as_store_errors(path):
            try:
                with open(path, "rb") as file:
                    return _decode_parked(file.read())
            except FileNotFoundError:
                return ()
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _NoCheckpoint(f"{path} holds no parked events: {error}; remove it to forget them") from error

    def _replace_parked(self, reaction: str, log_id: str, event: str, parked: Parked | None) -> None:
        path = self._path(reaction, log_id)
        with self._lease(path):
            kept = {each.event: each for each in self.parked(reaction, log_id)}
            if kept.pop(event, None) is None and parked is None:
                return
            if parked is not None:
                kept[event] = parked
            _write_parked(path, kept.values())

    @contextmanager
    def _lease(self, path: str) -> Iterator[int]:
        """Hold the lock on the lease that belongs to a checkpoint's file. Gives the file descriptor to the block."""
        lease = beside(path, "lease")
        with os_errors_as_store_errors(lease):
            make_directory(os.path.dirname(lease))
            fd = open_or_make(lease, os.O_RDWR)
            try:
                lock_in_time(fd, lease)
                yield fd
            finally:
                close(fd)

    def _make_moves(self, path: str) -> None:
        """Make the file that is locked while events move, if it is missing. A file is only locked if it is there."""
        moves = _moves_of(path)
        with os_errors_as_store_errors(moves):
            if not there(moves):
                make_directory(os.path.dirname(moves))
                close(open_or_make(moves, os.O_RDWR))

    def _path(self, reaction: str, log_id: str) -> str:
        return os.path.join(self._directory, check_log_name(log_id), f"{check_log_name(reaction)}{_SUFFIX}")


def _moves_of(path: str) -> str:
    """Return the path of the file that is locked while events move, from that of a checkpoint in the same log."""
    return os.path.join(os.path.dirname(path), _MOVES)


def _read(path: str) -> Checkpoint:
    with os_errors_as_store_errors(path):
        try:
            with open(path, "rb") as file:
                kept = _decode(file.read())
        except FileNotFoundError:
            return Checkpoint()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _NoCheckpoint(f"{path} holds no checkpoint: {error}; remove it to begin again") from error
    position, line, offset, digest = kept.base
    base = Cursor(position, line, offset, digest.encode())
    return Checkpoint(kept.position, base, kept.moves, kept.begun, kept.passed, kept.forgotten)


def _read_lease(fd: int) -> _Lease:
    content = read_range(fd, 0, os.fstat(fd).st_size)
    try:
        return _decode_lease(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # it is new, or a power cut has torn it: then nobody holds it
        return _Lease()


def _write(path: str, checkpoint: Checkpoint) -> None:
    base = checkpoint.base
    recorded = (base.position, base.line, base.offset, base.digest.decode())
    kept = _Kept(checkpoint.position, recorded, checkpoint.moves, checkpoint.begun, checkpoint.passed, checkpoint.forgotten)
    replace_durably(path, msgspec.json.encode(kept) + b"\n")


def _write_parked(path: str, parked: Iterable[Parked]) -> None:
    content = sorted(parked, key=lambda each: (each.position, each.event))
    replace_durably(beside(path, "parked"), msgspec.json.encode(content) + b"\n")


def _write_lease(fd: int, lease: _Lease) -> None:
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    write_all(fd, msgspec.json.encode(lease) + b"\n")
