"""Forgetting streams in the file of a log, and in the files beside it.

The new file is complete and durable before it replaces the old one, of which no copy is kept. Everything else that holds the
data is removed afterwards, each time that this is called. So whenever it is killed, the log is either the old one or the new
one, and a second call removes what is left.
"""

import os
from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from io import BytesIO

import msgspec

from ...errors import DamagedLog, ReadOnlyLog
from ...store import no_progress
from ..forgetting import Forgotten, forget_lines
from ..format import log_in
from ..hash_chain import continues
from .files import OPEN_SAFELY, close, os_errors_as_store_errors, read_range, remove, replace_durably, sync_directory
from .head_record import head_in, read_record, record_head, replacing_record
from .inventory import files_set_aside
from .lines import LogFile
from .repair import verified_end
from .verify import verify

_NOTHING = "; nothing was changed"


def forget(path: str, name: str, streams: Collection[str], *, is_copy: bool) -> Forgotten:
    """Forget streams in the file of a log.

    The caller holds the log's lock.

    Args:
        path: The file.
        name: The name of the log.
        streams: The names of the streams.
        is_copy: Whether the file is a copy of another log. Then its head is not recorded.

    Returns:
        The new lines, and what changed in them.

    Raises:
        LogNotFound: There is no such file.
        StreamNotFound: The log has no events in any of these streams, or has none in one whose name no stream can have.
        DamagedLog: The log is damaged. Nothing was changed.
        ReadOnlyLog: The log has a newer format.
        StoreUnavailable: The file cannot be read or written. Nothing was changed.
        OutcomeUnknown: The file was replaced, but may not be so on the disk.
    """
    verdict = verify(path, name, no_progress)
    if verdict.newer:
        raise ReadOnlyLog(f"{path} was made by a newer program: its format {verdict.newer} is newer than this program's")
    damage = verdict.damage
    if damage is not None and damage.kind != "torn":
        place = f"{path} is damaged at line {damage.line}, byte {damage.byte}: {damage.detail}"
        raise DamagedLog(f"{place}; nothing was forgotten in it: repair it, and forget the same again")
    with os_errors_as_store_errors(path, _NOTHING):
        with LogFile(path, os.O_RDONLY, name) as file:
            content = read_range(file.fd, 0, file.size)
        # a torn tail may hold what is to be forgotten: it is left out
        ended = complete_lines(content, verdict.head.encode())
        forgotten = forget_lines(name, BytesIO(ended), streams)
        new = b"".join(forgotten.lines)
        if new != content:
            recording = nullcontext() if is_copy else replacing_record(path, forgotten.log, verified_end(new))
            with recording:
                replace_durably(path, new)
        elif not is_copy and head_in(read_record(path), forgotten.log) is None:  # an earlier call was killed
            record_head(path, forgotten.log, verified_end(new))
    return forgotten


def complete_lines(content: bytes, digest: bytes) -> bytes:
    """Return the bytes of a log without its torn tail, which was never reported as recorded.

    Args:
        content: The bytes. If only the line feed of the last line is missing, it is added.
        digest: The digest of the last line that has one.
    """
    end = content.rfind(b"\n") + 1
    return content + b"\n" if end < len(content) and continues(digest, content[end:]) else content[:end]


def remove_set_aside(
    folders: Sequence[str], name: str, log: str, streams: Collection[str], *, but: str = ""
) -> tuple[list[str], list[str]]:
    """Remove the files that keep bytes of a log, or of one of some streams, beside the logs.

    A file that begins with a header belongs to the log that the header names, because the log may have been renamed since.
    Any other file belongs to the log that has its name. A file of another log is removed if it names one of the streams.

    Args:
        folders: The folders of the logs.
        name: The name of the log.
        log: The id of the log.
        streams: The names of the streams.
        but: The path of a file that is kept, because the streams are forgotten in it.

    Returns:
        The paths of the files that were removed, and what is wrong with those that could not be removed, in words.
    """
    named = [msgspec.json.encode(stream) for stream in streams]
    removed: list[str] = []
    failed: list[str] = []
    for folder in folders:
        for path, of in files_set_aside(folder):
            if path == but:
                continue
            try:
                content = _content(path)
                header = log_in(content.partition(b"\n")[0])
                is_own = of == name if header is None else header.id == log
                if is_own or any(stream in content for stream in named):
                    remove(path)
                    removed.append(path)
            except OSError as error:
                failed.append(f"{path} ({error.strerror})")
        if any(os.path.dirname(path) == folder for path in removed):
            with suppress(OSError):  # after a power cut, they may be there again, and the next call removes them
                sync_directory(folder)
    return removed, failed


def _content(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | OPEN_SAFELY)
    except FileNotFoundError:  # another process has just removed it, or completed it under its own name
        return b""
    try:
        return read_range(fd, 0, os.fstat(fd).st_size)
    finally:
        close(fd)
