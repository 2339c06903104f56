"""The file of a backup: a zip archive with the log of every list, and the configuration.

It is a zip archive because its directory is at the end: an archive that was cut off is noticed before anything is read. Each
list can be read alone, and every system can open it. The logs are called as in the data folder, so that a person can also
put them there without this program. `backup.json` says what the archive has to hold.
"""

import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO

import msgspec

from ..cqrs.errors import DamagedLog, InvalidLogName
from ..cqrs.names import check_log_name
from ..cqrs.store import Progress, no_progress
from ..cqrs.stores.exported import Checked, check_lines
from ..cqrs.stores.hash_chain import last_digest
from ..cqrs.struct import Struct, replace
from ..todo.backup import SavedList
from .errors import InvalidInput, UsageError
from .exports import file_name
from .text import printable, visible

FORMAT = "cqrs-todo-backup"
VERSION = "1.0"
MAGIC = b"PK\x03\x04"
"""The first bytes of the file."""
CONFIG = "config.toml"
_CONTENTS = "backup.json"
_FOLDERS = ("lists", "archive")
"""The folders of lists in use, and of archived lists."""
_LARGEST = {_CONTENTS: 64 << 20, CONFIG: 1 << 20}
_LONGEST_LINE = 64 << 20
"""The longest line of a log that is read, in bytes."""
_MOST = 100_000
"""The most lists of a backup that is read."""
_BLOCK = 1 << 20


class _Listed(msgspec.Struct, frozen=True):
    """What `backup.json` says of a list."""

    name: str
    archived: bool
    lines: int
    digest: str


class _Contents(msgspec.Struct, frozen=True):
    """What `backup.json` holds."""

    format: str
    version: str
    made: datetime
    lists: list[_Listed]


class _Sink:
    """A file to which an archive is written, and from which what was written is taken in parts."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: what was written is taken when there is enough of it."""

    def take(self) -> bytes:
        parts, self._parts, self.size = self._parts, [], 0
        return b"".join(parts)


def archive(
    lists: Sequence[SavedList], config: bytes | None, made: datetime, progress: Progress = no_progress
) -> Iterator[bytes]:
    """Make a backup, in parts.

    Args:
        lists: The lists.
        config: The configuration; None if there is none.
        made: When the backup was made.
        progress: Is called with how many lines are saved, and how many there are.

    Raises:
        StaleCursor: A list was rewritten meanwhile.
        CqrsError: What reading the lists raises.
    """
    sink = _Sink()
    done, total = 0, sum(each.lines for each in lists)
    rows: list[dict[str, object]] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:  # type: ignore[call-overload]  # it need not seek
        for each in lists:
            with file.open(_entry(path_of(each.name, archived=each.archived), made), "w", force_zip64=True) as entry:
                line = b""
                for line in each.content():
                    entry.write(line)
                    done += 1
                    if sink.size >= _BLOCK:
                        progress(done, total)
                        yield sink.take()
            digest = last_digest(line).decode()
            rows.append({"name": each.name, "archived": each.archived, "lines": each.lines, "digest": digest})
        if config is not None:
            file.writestr(_entry(CONFIG, made), config)
        contents = {
            "format": FORMAT,
            "version": VERSION,
            "made": made.isoformat(),
            "lists": rows,
        }
        file.writestr(_entry(_CONTENTS, made), json.dumps(contents, ensure_ascii=False, indent=1).encode())
    yield sink.take()


def _entry(name: str, made: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, made.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | 0o600) << 16
    return info


def path_of(name: str, *, archived: bool) -> str:
    """Return the path of the log of a list in a backup."""
    return f"{_FOLDERS[archived]}/{name}.jsonl"


class ListInBackup(Struct, frozen=True):
    """A list in a backup.

    Args:
        name: Its name.
        archived: Whether it is archived.
        lines: How many lines its log has.
        digest: The digest of the last of them.
    """

    name: str
    archived: bool
    lines: int
    digest: str


class DamagedBackup(DamagedLog):
    """A backup differs from what was written. To verify it and to restore it end with the same exit code."""

    def __init__(self, shown: str, reason: str) -> None:
        """Name the file, and say what is wrong with it."""
        super().__init__(f"{shown} is a damaged backup: {reason}")
        self.hint = "take an older backup"


def _no_backup(shown: str, reason: str, hint: str = "give a file that todo backup wrote") -> InvalidInput:
    """Return the error for a file that this program did not write, or that this version cannot read."""
    return InvalidInput(f"{shown} is not a backup that can be read: {reason}", hint)


class Backup:
    """A backup that is open.

    Nothing in it is trusted: no name of it becomes that of a file, and no more is read than the limits allow.

    Attributes:
        made: When it was made.
        lists: The lists, those in use first.
        has_config: Whether it holds a configuration.
    """

    def __init__(self, file: zipfile.ZipFile, shown: str) -> None:
        """Read what an archive holds.

        Args:
            file: The archive.
            shown: What the person called it.

        Raises:
            InvalidInput: It is not a backup, or a newer program made it.
            DamagedBackup: It was changed.
        """
        self._file = file
        self._shown = shown
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in file.infolist():
            self._check(info, entries)
            entries[info.filename] = info
        if _CONTENTS not in entries:
            raise _no_backup(self._shown, f"it has no {_CONTENTS}")
        self._entries: Mapping[str, zipfile.ZipInfo] = entries
        try:
            contents = msgspec.json.decode(self._small(_CONTENTS), type=_Contents)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self.wrong(f"its {_CONTENTS} is wrong: {error}") from error
        if contents.format != FORMAT or contents.version.partition(".")[0] != VERSION.partition(".")[0]:
            made = f"{visible(contents.format)} {visible(contents.version)}"
            reason = f"its format is {made}, and not {FORMAT} {VERSION}"
            raise _no_backup(self._shown, reason, "a newer program made it: update this one")
        self.made = contents.made
        self.has_config = CONFIG in entries
        expected = {_CONTENTS, CONFIG}
        for each in contents.lists:
            self._check_listed(each, expected)
        for name in entries.keys() - expected:
            raise self.wrong(f"it holds {visible(printable(name))!r}, which no backup has")
        self.lists = [ListInBackup(each.name, each.archived, each.lines, each.digest) for each in contents.lists]

    def wrong(self, reason: str) -> "DamagedBackup":
        """Return the error for something wrong in the backup."""
        return DamagedBackup(self._shown, reason)

    def _check(self, info: zipfile.ZipInfo, known: Mapping[str, zipfile.ZipInfo]) -> None:
        name = visible(printable(info.filename))
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.filename in known:
            raise self.wrong(f"it holds {name!r} twice")
        if len(known) > _MOST:
            raise self.wrong(f"it holds more than {_MOST:,} files")
        if kind not in (0, stat.S_IFREG) or info.is_dir():
            raise self.wrong(f"{name!r} in it is not a file")
        if info.flag_bits & 1:
            raise self.wrong(f"{name!r} in it is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self.wrong(f"{name!r} in it is compressed in another way than a backup is")
        if info.file_size > _LARGEST.get(info.filename, info.file_size):
            raise self.wrong(f"{name!r} in it is larger than {_LARGEST[info.filename]:,} bytes")

    def _check_listed(self, each: _Listed, expected: set[str]) -> None:
        try:
            named = check_log_name(each.name) == each.name
        except InvalidLogName as error:
            raise self.wrong(f"{visible(each.name)!r} is not the name of a list: it {error.reason}") from error
        path = path_of(each.name, archived=each.archived)
        if not named or path in expected:
            raise self.wrong(f"its {_CONTENTS} has {visible(each.name)!r} in another form, or twice")
        if path not in self._entries:
            raise self.wrong(f"the list {visible(each.name)} is missing in it")
        expected.add(path)

    def config(self) -> bytes:
        """Return the configuration.

        Raises:
            DamagedBackup: It cannot be read.
        """
        return self._small(CONFIG)

    def _small(self, name: str) -> bytes:
        with self._reading(name) as entry:
            content = entry.read(_LARGEST[name] + 1)
        if len(content) > _LARGEST[name]:
            raise self.wrong(f"{name!r} in it is larger than {_LARGEST[name]:,} bytes")
        return content

    def lines(self, each: ListInBackup) -> Iterator[bytes]:
        """Yield the lines of a list's log. The last one may lack its LF.

        Raises:
            DamagedBackup: They cannot be read.
        """
        with self._reading(path_of(each.name, archived=each.archived)) as entry:
            number = 0
            while line := entry.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE:
                    raise self.wrong(f"{visible(each.name)}, line {number}: it is longer than {_LONGEST_LINE:,} bytes")
                yield line

    @contextmanager
    def _reading(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._file.open(self._entries[name]) as entry:
                yield entry
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise self.wrong(f"{visible(name)!r} in it is damaged: {visible(str(error))}") from error


@contextmanager
def open_backup(name: str) -> Iterator[Backup]:
    """Open a backup.

    Args:
        name: The name of the file.

    Raises:
        UsageError: There is no such file, or it is not a file.
        InvalidInput: It is not a backup, or a newer program made it.
        DamagedBackup: It is damaged.
    """
    shown = visible(printable(name))
    try:
        opened = open(file_name(name), "rb")  # noqa: SIM115 - `with` comes after the errors of opening it
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", "give a file that can be read") from error
    with opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise UsageError(f"{shown} is not a file", "a backup is read from a file, not from a pipe")
        try:
            file = zipfile.ZipFile(opened)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            opened.seek(0)
            if opened.read(len(MAGIC)) != MAGIC:
                raise _no_backup(shown, "it is not a zip archive") from error
            reason = "it was cut off" if "not a zip" in str(error) else visible(str(error))
            raise DamagedBackup(shown, reason) from error
        with file:
            yield Backup(file, shown)


def check_contents(backup: Backup, each: ListInBackup) -> Checked:
    """Check the lines of a list in a backup, and that they are those that were saved."""
    found = check_lines(backup.lines(each))
    if found.wrong or found.newer or (found.end.line, found.end.digest.decode()) == (each.lines, each.digest):
        return found
    return replace(found, wrong=f"it ends at @{found.end.position}, and not where the list ended when it was saved")
