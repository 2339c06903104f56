"""Which logs had been recorded in a folder, and which of its files hold which log.

The head of each log is noted in the lock file beside it (see `notes`). A log is *missing* when its head is noted under a
name, but the file of that name is not there or holds another log, and no other list holds the log up to that head. A *stray*
is a file that another program put beside the logs: a copy of one of them, as file synchronisers make on a conflict, or a
file that cannot be a list.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property

import msgspec

from ...errors import InvalidLogName, MissingLog, StoreUnavailable
from ...names import check_log_name
from ...store import Stray
from ..chain import Spot
from ..format import InvalidLine, decode_header, log_in
from .files import OPEN_SAFELY, close, explained, there
from .notes import head_in, lock_of, noted, read_note, record_in, stands_in

SUFFIX = ".jsonl"
_LOCK = ".lock"
_BLOCK = 1 << 20
_FIRST_LINE = 1 << 16
"""The most bytes in which a header is looked for."""
_CONFLICT = re.compile(r"\.sync-conflict-[0-9]{8}-[0-9]{6}(-|$)")
"""What Syncthing puts into the name of a copy: the rest of it could be the name of a list."""


class LogAt(msgspec.Struct, frozen=True):
    """A file that holds a log.

    `name` is the name of the list that it is, or None if its file name is not that of a list; `made_as` the name that the
    log was made under; `newer` whether its format is newer than this code; `noted` the position of the head of just this log
    that is noted beside it, None if there is none.
    """

    path: str
    archived: bool
    name: str | None
    id: str
    made_as: str
    newer: bool
    noted: int | None

    @property
    def is_list(self) -> bool:
        """Whether the file is one of the lists, as far as its name tells."""
        return self.name is not None and not _CONFLICT.search(self.name)

    def reaches(self, head: Spot) -> bool:
        """Whether the log came to a head in this file: the head stands there, or a later one is noted beside it."""
        own = head_in(read_note(self.path), self.id) if self.is_list else None
        if own is not None and own.position >= head.position:
            return True
        with suppress(OSError):
            fd = os.open(self.path, os.O_RDONLY | OPEN_SAFELY)
            try:
                return stands_in(fd, head)
            finally:
                close(fd)
        return False


def name_of(file: str) -> str | None:
    """The name of the list that a file of this name is; None if no list can have that file."""
    stem = file.removesuffix(SUFFIX)
    try:
        return stem if file.endswith(SUFFIX) and check_log_name(stem) == stem else None
    except InvalidLogName:
        return None


def _other_form(file: str) -> str | None:
    """The name of the list that a file would be, if its name were in Unicode's form NFC; None if it is, or for no list."""
    if file.isascii() or name_of(file) is not None or not file.endswith(SUFFIX):
        return None
    try:
        return check_log_name(file.removesuffix(SUFFIX))
    except InvalidLogName:
        return None


def check_reachable(folder: str) -> None:
    """Raise `MissingLog` if a folder can't be reached because a link on the way to it leads nowhere."""
    path = os.path.abspath(folder)
    with explained(path):
        while not there(path):
            path = os.path.dirname(path)
        if os.path.islink(path):
            try:
                os.stat(path)
            except FileNotFoundError:
                told = f"{path} is a link to {os.readlink(path)}, which is not there"
                raise MissingLog(f"{told}: the lists that may have been recorded there can't be reached", None) from None


class Look:
    """One look at the folders of the lists in use and of the archived ones. Raises `StoreUnavailable`."""

    def __init__(self, lists: str, archive: str) -> None:
        self._folders = {False: lists, True: archive}

    def names(self, *, archived: bool) -> list[str]:
        """The names of the lists, sorted, those of missing ones too."""
        folder = self._folders[archived]
        files = _files(folder)
        present = {name for file in files if (name := name_of(file)) is not None}
        misspelled = {_other_form(file) for file in files}
        absent = {name for place, name in self._with_notes() if place == archived} - present - misspelled
        return sorted(present | {name for name in absent if self._missing(name, archived) is not None})

    def check(self, name: str, *, archived: bool) -> None:
        """Raise the error that says why a log is not there though it should be; does nothing if there is no reason.

        Raises:
            MissingLog: A log had been recorded under the name, or a link on the way to the folder leads nowhere.
            StoreUnavailable: The name of the log's file is spelled in another form of Unicode.
        """
        check_reachable(self._folders[archived])
        if not name.isascii():
            self._check_form(name, self._folders[archived])
        # somebody may rename it while its files are looked at, so it is missing only if a second look finds the same
        if self._missing(name, archived) is not None:
            missing = Look(self._folders[False], self._folders[True])._missing(name, archived)
            if missing is not None:
                raise missing

    def _check_form(self, name: str, folder: str) -> None:
        for file in _files(folder):
            if _other_form(file) == name:
                path, wanted = os.path.join(folder, file), os.path.join(folder, name + SUFFIX)
                told = f"{path}: the list {name} can't be used, because its file name is not in Unicode's form NFC"
                raise StoreUnavailable(f"{told}: rename the file to {wanted}")

    def missing(self) -> list[MissingLog]:
        """The logs that are missing, each in an error that is not raised."""
        found = []
        for archived, name in self._with_notes():
            misspelled = {_other_form(file) for file in _files(self._folders[archived])}
            if name in misspelled:
                continue  # it is one of the strays
            try:
                self.check(name, archived=archived)
            except MissingLog as missing:
                found.append(missing)
        return found

    def _with_notes(self) -> Iterator[tuple[bool, str]]:
        """The names beside which a lock file stands, each with whether it is that of an archived list."""
        for archived, folder in self._folders.items():
            for file in _files(folder):
                if file.endswith(_LOCK):
                    name = name_of(file.removesuffix(_LOCK) + SUFFIX)
                    if name is not None:
                        yield archived, name

    def _missing(self, name: str, archived: bool) -> MissingLog | None:
        path = os.path.join(self._folders[archived], name + SUFFIX)
        with explained(path):
            note = noted(path)
            exists = there(path)
        if not note:
            return None
        record = record_in(note)
        if record is None:
            if exists:
                return None
            told = f"{lock_of(path)} notes that it had been recorded, but it can't be read how far"
            return MissingLog(f"{_shown(name, archived)} is missing: {path} is not there; {told}", name, archived=archived)
        id, head = record
        instead = _log_at(path, archived, name) if exists else None
        if exists and (instead is None or instead.newer or instead.id == id):
            return None  # it is there; opening it tells whether it is damaged, or of a format of which nothing is certain
        holders = [log for log in self._logs if log.id == id]
        if any(log.is_list and log.reaches(head) for log in holders):
            return None
        if self._noted_farther(id, head):
            return None  # a crash while it was moved left this note; the other one tells that it is missing
        what = f"{path} is not there" if instead is None else f"{path} holds another log (id {instead.id})"
        had = f"had been recorded up to @{head.position}" if head.position else "was empty"
        kept = [f"; {log.path} holds {'all' if log.reaches(head) else 'a part'} of it" for log in holders]
        message = f"{_shown(name, archived)} is missing: {what}, and its log (id {id}) {had}{''.join(kept)}"
        return MissingLog(message, name, archived=archived, id=id, position=head.position, replaced=exists)

    def _noted_farther(self, id: str, head: Spot) -> bool:
        """Whether a later head of a log is noted under another name."""
        for archived, name in self._with_notes():
            other = head_in(read_note(os.path.join(self._folders[archived], name + SUFFIX)), id)
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
        """The list whose log the list of a name only holds a copy of; None if it is no copy.

        The store notes the head of every log that it writes to. Beside a copy none is noted, unless somebody copied the lock
        file too. Of several such lists the original is the one whose noted head is the farthest, or else the one with the
        name under which the log was made, or else the one with the shortest name.
        """
        own = next((log for log in self._logs if log.name == name and not log.archived), None)
        if own is None:
            return None
        original = self._original(own.id)
        return original if original is not None and original != own else None

    def lists_with(self, id: str) -> list[LogAt]:
        """The lists in use and the archived ones that hold the log with an id."""
        return [log for log in self._logs if log.id == id and log.is_list]

    def _original(self, id: str) -> LogAt | None:
        logs = [log for log in self._logs if log.id == id and log.name is not None]
        return min(
            logs,
            key=lambda log: (
                log.noted is None,
                not log.is_list,
                -(log.noted or 0),
                log.made_as != log.name,
                log.archived,
                len(log.path),
                log.path,
            ),
            default=None,
        )

    def strays(self) -> list[Stray]:
        """The copies of logs, and the files that cannot be lists though they look like logs."""
        return [stray for archived, folder in self._folders.items() for stray in self._strays_in(folder, archived)]

    def _strays_in(self, folder: str, archived: bool) -> Iterator[Stray]:
        for file in _files(folder):
            if SUFFIX not in file.lower() or file.endswith(f"{SUFFIX}.new"):
                continue
            path, name = os.path.join(folder, file), name_of(file)
            log = next((log for log in self._logs if log.path == path), None)
            original = self._original(log.id) if log is not None else None
            if original is not None and log is not None and original.path != path:
                shown = _shown(original.name or "", original.archived)
                detail = f"it is a copy of the list {shown}, {_compared(path, original.path)}"
                yield Stray(path, archived, name, original.name, detail)
            elif _other_form(file) is not None:
                yield Stray(path, archived, None, None, "its file name is not in Unicode's form NFC: rename the file")
            elif name is None and log is not None:
                yield Stray(
                    path, archived, None, None, "it holds a log, but no list can have that file name: rename the file"
                )
            elif name is None and file.lower().endswith(SUFFIX):
                yield Stray(path, archived, None, None, "its file name is not that of a list, and it holds no log")
            elif name is not None and _CONFLICT.search(name):
                yield Stray(path, archived, name, None, "its name is that of a conflict copy, but it holds a log of its own")


def _compared(copy: str, original: str) -> str:
    """What a copy of a log holds beside what the log holds, in words."""
    try:
        with open(copy, "rb") as one, open(original, "rb") as other:
            while True:
                block, expected = one.read(_BLOCK), other.read(_BLOCK)
                if block != expected:
                    break
                if not block:
                    return "and holds the same"
    except OSError as error:
        return f"and can't be compared with it ({error.strerror})"
    if expected.startswith(block):
        return "and holds nothing that the list does not hold"
    if block.startswith(expected):
        return "and holds later changes that the list does not hold"
    return "and each of the two holds changes that the other does not hold"


def _files(folder: str) -> list[str]:
    with explained(folder):
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            check_reachable(folder)
            return []


def _log_at(path: str, archived: bool, name: str | None) -> LogAt | None:
    """The log in a file; None if it holds none, or can't be read."""
    try:
        fd = os.open(path, os.O_RDONLY | OPEN_SAFELY)
    except OSError:
        return None  # a list is opened, and the error told, where it is used
    try:
        first = os.read(fd, _FIRST_LINE).partition(b"\n")[0]
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
            return None  # an altered header may give a wrong id: the list is damaged, not another one
    head = head_in(read_note(path), header.id) if name is not None else None
    position = None if head is None else head.position
    return LogAt(path, archived, name, header.id, header.name, header.newer, position)


def _shown(name: str, archived: bool) -> str:
    return f"{name} (archived)" if archived else name
