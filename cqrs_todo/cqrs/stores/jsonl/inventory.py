"""What is in the folders of the logs: which logs had been recorded there, and which file holds which log.

The head of each log is recorded in the lock file beside it (see `head_record`). A log is *missing* when its head is recorded
under a name, but the file of that name is not there or holds another log, and no other file holds the log up to that head. A
*stray* is a file that another program put beside the logs: a copy of one of them, as file synchronisers make on a conflict,
or a file that cannot be a log.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from ...cursor import Cursor
from ...errors import InvalidLogName, MissingLog, StoreUnavailable
from ...names import check_log_name
from ...store import LogHead
from ..format import InvalidLine, decode_header, decode_line, log_in
from ..hash_chain import digest_in
from .files import OPEN_SAFELY, SUFFIX, check_reachable, close, os_errors_as_store_errors, there
from .head_record import head_in, holds, lock_path, log_and_head, read_record, require_record
from .lines import LogFile

if TYPE_CHECKING:
    from ...verification import Stray

_LOCK = ".lock"
_FORGETS_LESS = "from before data were forgotten, and still holds them: delete it"
_BLOCK = 1 << 20
_FIRST_READ = 1 << 10
"""How many bytes are read at first to find a header. It is longer if many streams were forgotten."""
_LONGEST_HEADER = 1 << 24
"""The most bytes in which a header is looked for."""
_CONFLICT = r"\.sync-conflict-[0-9]{8}-[0-9]{6}(-|$)"
"""What Syncthing puts into the name of a copy: the rest of it could be the name of a log."""


_SET_ASIDE = r"(.+)\.(?:(?:damaged|torn|unsynced|merged)-[0-9T]+(?:\.new)?|renewed(?:\.new)?|jsonl\.new)"
"""The names of the files in which repairs, merges and writers keep bytes of a log, also of those that are not complete."""


class LogAt(msgspec.Struct, frozen=True, kw_only=True):
    """A file that holds a log.

    Attributes:
        path: The file.
        archived: Whether it is in the folder of the archived logs.
        name: The name of the log that the file is by its file name; None if no log can have that file name.
        id: The id of the log.
        made_as: The name under which the log was made.
        newer: Whether its format is newer than this code.
        forgotten: The streams that were forgotten in it.
        recorded: The position of the recorded head; None if no head of this log is recorded beside the file.
    """

    path: str
    archived: bool
    name: str | None
    id: str
    made_as: str
    newer: bool
    forgotten: tuple[str, ...]
    recorded: int | None

    @property
    def has_log_name(self) -> bool:
        """Whether the file has the name of a log, and not that of a conflict copy."""
        return self.name is not None and not _is_conflict_copy(self.name)

    def reaches(self, head: Cursor) -> bool:
        """Return whether the log came to a head in this file: the file holds it, or a later one is recorded beside it."""
        own = head_in(read_record(self.path), self.id) if self.has_log_name else None
        if own is not None and own.position >= head.position:
            return True
        with suppress(OSError):
            fd = os.open(self.path, os.O_RDONLY | OPEN_SAFELY)
            try:
                return holds(fd, head)
            finally:
                close(fd)
        return False


def name_of(file: str) -> str | None:
    """Return the name of the log whose file has this name; None if no log can have that file name."""
    stem = file.removesuffix(SUFFIX)
    try:
        return stem if file.endswith(SUFFIX) and check_log_name(stem) == stem else None
    except InvalidLogName:
        return None


def _other_form(file: str) -> str | None:
    """Return the name of a log if only the form of Unicode keeps a file from being that log; otherwise None."""
    if file.isascii() or name_of(file) is not None or not file.endswith(SUFFIX):
        return None
    try:
        return check_log_name(file.removesuffix(SUFFIX))
    except InvalidLogName:
        return None


class Inventory:
    """What is in the folders of the logs in use and of the archived ones. Every method may raise `StoreUnavailable`."""

    def __init__(self, in_use: str, archive: str) -> None:
        """Look at the folders when that is needed.

        Args:
            in_use: The folder of the logs in use.
            archive: The folder of the archived logs.
        """
        self._folders = {False: in_use, True: archive}

    def names(self, *, archived: bool) -> list[str]:
        """Return the names of the logs, sorted. Missing logs are among them."""
        folder = self._folders[archived]
        files = _files(folder)
        present = {name for file in files if (name := name_of(file)) is not None}
        misspelled = {_other_form(file) for file in files}
        absent = {name for place, name in self._with_lock_files() if place == archived} - present - misspelled
        return sorted(present | {name for name in absent if self._missing(name, archived) is not None})

    def check(self, name: str, *, archived: bool) -> None:
        """Check that no log is missing under a name, and that its file name is spelled as it should be.

        Raises:
            MissingLog: A log had been recorded under the name, or a link on the way to the folder leads nowhere.
            StoreUnavailable: The name of the log's file is spelled in another form of Unicode.
        """
        check_reachable(self._folders[archived])
        if not name.isascii():
            self._check_form(name, self._folders[archived])
        # another process may rename it meanwhile, so it is missing only if it still is when its files are read again
        if self._missing(name, archived) is not None:
            missing = Inventory(self._folders[False], self._folders[True])._missing(name, archived)
            if missing is not None:
                raise missing

    def _check_form(self, name: str, folder: str) -> None:
        for file in _files(folder):
            if _other_form(file) == name:
                path, wanted = os.path.join(folder, file), os.path.join(folder, name + SUFFIX)
                unusable = f"{path}: the log {name} cannot be used, because its file name is not in Unicode's form NFC"
                raise StoreUnavailable(f"{unusable}: rename the file to {wanted}")

    def missing(self) -> list[MissingLog]:
        """Return an error, which is not raised, for each log that is missing."""
        found = []
        for archived, name in self._with_lock_files():
            misspelled = {_other_form(file) for file in _files(self._folders[archived])}
            if name in misspelled:
                continue  # it is one of the strays
            try:
                self.check(name, archived=archived)
            except MissingLog as missing:
                found.append(missing)
        return found

    def _with_lock_files(self) -> Iterator[tuple[bool, str]]:
        """Yield the names that have a lock file, each with whether it is that of an archived log."""
        for archived, folder in self._folders.items():
            for file in _files(folder):
                if file.endswith(_LOCK):
                    name = name_of(file.removesuffix(_LOCK) + SUFFIX)
                    if name is not None:
                        yield archived, name

    def _missing(self, name: str, archived: bool) -> MissingLog | None:
        path = os.path.join(self._folders[archived], name + SUFFIX)
        with os_errors_as_store_errors(path):
            head_record = require_record(path)
            exists = there(path)
        if not head_record:
            return None
        found = log_and_head(head_record)
        if found is None:
            if exists:
                return None
            unknown = f"{lock_path(path)} says that it had been recorded, but it cannot be read how far"
            return MissingLog(
                f"{_shown(name, archived)} is missing: {path} is not there; {unknown}", name, archived=archived
            )
        id, head = found
        instead = _log_at(path, archived, name) if exists else None
        if exists and (instead is None or instead.newer or instead.id == id):
            return None  # it is there, although it may turn out to be damaged, or of an unknown format, when it is opened
        holders = [log for log in self._logs if log.id == id]
        if any(log.has_log_name and log.reaches(head) for log in holders):
            return None
        if self._recorded_farther(id, head):
            return None  # a crash while it was renamed left this record; the other record shows whether it is missing
        what = f"{path} is not there" if instead is None else f"{path} holds another log (id {instead.id})"
        had = f"had been recorded up to @{head.position}" if head.position else "was empty"
        kept = [f"; {log.path} holds {'all' if log.reaches(head) else 'a part'} of it" for log in holders]
        message = f"{_shown(name, archived)} is missing: {what}, and its log (id {id}) {had}{''.join(kept)}"
        return MissingLog(message, name, archived=archived, id=id, position=head.position, replaced=exists)

    def _recorded_farther(self, id: str, head: Cursor) -> bool:
        """Return whether a later head of a log is recorded under another name."""
        for archived, name in self._with_lock_files():
            other = head_in(read_record(os.path.join(self._folders[archived], name + SUFFIX)), id)
            if other is not None and other.position > head.position:
                return True
        return False

    @cached_property
    def _logs(self) -> list[LogAt]:
        """Every file in the folders that holds a log, whatever it is called."""
        found = []
        for archived, folder in self._folders.items():
            for file in _files(folder):
                log = _log_at(os.path.join(folder, file), archived, name_of(file))
                if log is not None:
                    found.append(log)
        return found

    def original_of(self, name: str) -> LogAt | None:
        """Return the file of the log of which the file with a name is a copy; None if it is not a copy.

        The store records the head of every log that it writes to. Beside a copy none is recorded, unless someone copied the
        lock file too. Of several such files the original is the one whose recorded head is the farthest, or else the one
        with the name under which the log was made, or else the one with the shortest name.
        """
        own = next((log for log in self._logs if log.name == name and not log.archived), None)
        if own is None:
            return None
        original = self._original(own.id)
        return original if original is not None and original != own else None

    def is_copy(self, path: str) -> bool:
        """Return whether a file is a copy of another log, as `original_of` decides it."""
        own = next((log for log in self._logs if log.path == path), None)
        return own is not None and self._original(own.id) not in (None, own)

    def copies(self, *, archived: bool) -> set[str]:
        """Return the names of the logs in a folder that are copies of other logs, as `original_of` decides it."""
        times = Counter(log.id for log in self._logs)
        found = (log for log in self._logs if times[log.id] > 1 and log.archived == archived)
        return {log.name for log in found if log.name is not None and self._original(log.id) is not log}

    def copies_with(self, id: str, path: str, streams: Collection[str]) -> list[str]:
        """Return the other files that hold the log with an id, and in which some streams were not forgotten.

        Args:
            id: The id of the log.
            path: The file that is not a copy.
            streams: The names of the streams.
        """
        others = (log for log in self._logs if log.id == id and log.path != path)
        return [log.path for log in others if not set(streams) <= set(log.forgotten)]

    def logs_with_id(self, id: str) -> list[LogAt]:
        """Return the files of logs in use and of archived ones that hold the log with an id."""
        return [log for log in self._logs if log.id == id and log.has_log_name]

    def _original(self, id: str) -> LogAt | None:
        logs = [log for log in self._logs if log.id == id and log.name is not None]
        return min(
            logs,
            key=lambda log: (
                log.recorded is None,
                not log.has_log_name,
                -(log.recorded or 0),
                log.made_as != log.name,
                log.archived,
                len(log.path),
                log.path,
            ),
            default=None,
        )

    def heads(self) -> list[LogHead]:
        """Return the end of each log, as far as the end of its file tells; see `Store.heads`."""
        found = []
        for log in self._logs:
            if log.has_log_name and log.name is not None and self._original(log.id) is log:
                position, digest = _ending(log.path)
                found.append(LogHead(log.id, log.name, log.archived, position, digest))
        return found

    def strays(self) -> "list[Stray]":
        """Return the copies of logs, and the files that look like logs but cannot be any."""
        return [stray for archived, folder in self._folders.items() for stray in self._strays_in(folder, archived)]

    def _strays_in(self, folder: str, archived: bool) -> "Iterator[Stray]":
        from ...verification import Stray  # here, because few runs list strays

        for file in _files(folder):
            if SUFFIX not in file.lower() or file.endswith(f"{SUFFIX}.new"):
                continue
            path, name = os.path.join(folder, file), name_of(file)
            log = next((log for log in self._logs if log.path == path), None)
            original = self._original(log.id) if log is not None else None
            if original is not None and log is not None and original.path != path:
                shown = _shown(original.name or "", original.archived)
                forgets_less = set(log.forgotten) < set(original.forgotten)
                compared = _FORGETS_LESS if forgets_less else _compared(path, original.path)
                detail = f"it is a copy of the log {shown}, {compared}"
                yield Stray(path, archived, name, original.name, detail)
            elif _other_form(file) is not None:
                yield Stray(path, archived, None, None, "its file name is not in Unicode's form NFC: rename the file")
            elif name is None and log is not None:
                yield Stray(
                    path, archived, None, None, "it holds a log, but no log can have that file name: rename the file"
                )
            elif name is None and file.lower().endswith(SUFFIX):
                yield Stray(path, archived, None, None, "its file name is not that of a log, and it holds none")
            elif name is not None and _is_conflict_copy(name):
                yield Stray(path, archived, name, None, "its name is that of a conflict copy, but it holds a log of its own")


def _is_conflict_copy(name: str) -> bool:
    """Return whether a program that syncs files gives such a name to the copy of a file that was changed elsewhere."""
    if ".sync-conflict-" not in name:
        return False
    import re  # few names are like that

    return re.search(_CONFLICT, name) is not None


def _ending(path: str) -> tuple[int, str]:
    """Return the position of the last event of a log's file, and the digest of its last line.

    The position is 0 if there is no event, or the line is not complete. In the latter case the digest is ''.
    """
    with os_errors_as_store_errors(path), LogFile(path, os.O_RDONLY, path) as file:
        last = next(file.backward(0, file.size), b"")
    digest = (digest_in(last) or b"").decode()
    try:
        return decode_line(last).last, digest
    except InvalidLine:
        return 0, digest


def _compared(copy: str, original: str) -> str:
    """Compare a copy of a log with the log, in words."""
    try:
        with open(copy, "rb") as one, open(original, "rb") as other:
            while True:
                block, expected = one.read(_BLOCK), other.read(_BLOCK)
                if block != expected:
                    break
                if not block:
                    return "and holds the same: delete it"
    except OSError as error:
        return f"and cannot be compared with it ({error.strerror})"
    if expected.startswith(block):
        return "and holds nothing that the log does not hold: delete it"
    if block.startswith(expected):
        return "and holds later changes that the log does not hold"
    return "and each of the two holds changes that the other does not hold"


def _files(folder: str) -> list[str]:
    with os_errors_as_store_errors(folder):
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            check_reachable(folder)
            return []


def _log_at(path: str, archived: bool, name: str | None) -> LogAt | None:
    """Return what log a file holds; None if it holds none, or cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | OPEN_SAFELY)
    except OSError:
        return None  # the error is raised when the log is opened
    try:
        first = _first_line(fd)
    except OSError:  # a folder, for instance
        return None
    finally:
        close(fd)
    header = log_in(first)
    if header is None or not header.id:
        return None
    if name is not None:
        try:
            decode_header(first)
        except InvalidLine:
            return None  # an altered header may have a wrong id: then the log is damaged, and not another one
    head = head_in(read_record(path), header.id) if name is not None else None
    position = None if head is None else head.position
    return LogAt(
        path=path,
        archived=archived,
        name=name,
        id=header.id,
        made_as=header.name,
        newer=header.newer,
        forgotten=header.forgotten,
        recorded=position,
    )


def _first_line(fd: int) -> bytes:
    """Return the first line of a file, without its LF, or so much of it as a header may have."""
    size = _FIRST_READ
    while True:
        content = os.pread(fd, size, 0)
        first, end, _ = content.partition(b"\n")
        if end or len(content) < size or size >= _LONGEST_HEADER:
            return first
        size *= 4


def _shown(name: str, archived: bool) -> str:
    return f"{name} (archived)" if archived else name


def files_set_aside(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the files that keep bytes of logs, each with the name that its log had then."""
    if not there(folder):
        return
    import re  # few verbs look for them

    for file in sorted(os.listdir(folder)):
        match = re.fullmatch(_SET_ASIDE, file)
        if match is not None:
            yield os.path.join(folder, file), match[1]


def kept_logs(folders: Sequence[str]) -> list[str]:
    """Return the paths of the files in some folders that keep logs as they were before merges."""
    import re

    return [path for folder in folders for path, _ in files_set_aside(folder) if re.search(r"\.merged-[0-9T]+$", path)]
