"""Reading stdin: a text as a whole, or one todo from each line in bounded memory."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from ..cqrs.errors import Rejected, StoreUnavailable
from ..todo.errors import NotFound
from ..todo.values import TEXT_LIMIT
from .errors import InvalidInput, UsageError
from .session import Session

_NOTHING = "; nothing was recorded"
_LONGEST_LINE = TEXT_LIMIT + len(b"\r\n")


def read_text(limit: int) -> str:
    """Read all of stdin, with LF as the end of lines.

    Args:
        limit: The most that is read, in bytes.

    Raises:
        UsageError: Stdin cannot be read, is longer, or is not UTF-8.
    """
    try:
        content = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise _unreadable(error) from error
    if len(content) > limit:
        raise UsageError(f"stdin has more than {limit:,} bytes", "give it less")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start}"
        raise UsageError(f"stdin is not UTF-8: {where}", "convert it, then try again") from error
    return text.replace("\r\n", "\n")


def read_note(session: Session) -> str:
    """Read a note from stdin, without the line feeds at its end. A command that is sent again must have the same note.

    Raises:
        UsageError: What `read_text` raises.
    """
    note = read_text(2 * TEXT_LIMIT).rstrip("\n")
    if session.request is not None:
        session.request.include(note.encode())
    return note


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """Open a temporary file, which is gone after the block.

    Raises:
        StoreUnavailable: The file cannot be made, written or read.
    """
    try:
        with tempfile.TemporaryFile() as file:
            yield file
    except OSError as error:
        where = f"the temporary folder {tempfile.tempdir or 'TMPDIR'}"
        raise StoreUnavailable(f"{where}: {error.strerror or error}; nothing was recorded") from error


def copy_lines(file: IO[bytes], check: Callable[[str], object]) -> int:
    """Copy the lines of stdin that are not blank to a file, in bounded memory.

    This checks every line before the first one is recorded, however many there are.

    Args:
        file: A file that is open for writing.
        check: Raises `NotFound`, `Rejected` or `UsageError` for a line from which no todo can be made.

    Returns:
        The number of lines in the file.

    Raises:
        UsageError: Stdin cannot be read or is not UTF-8, or a marker in it is wrong.
        InvalidInput: A line is too long.
        NotFound: What `check` raises, with the number of the line. So for `Rejected` and `UsageError`.
    """
    count = number = 0
    try:
        while line := _read_line():
            number += 1
            if len(line) > _LONGEST_LINE:
                raise InvalidInput(f"line {number:,}: the text has more than {TEXT_LIMIT:,} bytes{_NOTHING}")
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            if text.strip():
                check(text)
                file.write(text.encode() + b"\n")
                count += 1
        file.flush()
    except UnicodeDecodeError as error:
        wrong = f"line {number:,} of stdin is not UTF-8: {error.reason}{_NOTHING}"
        raise UsageError(wrong, "convert it, then try again") from error
    except (NotFound, Rejected, UsageError) as error:
        error.args = (f"line {number:,}: {error}{_NOTHING}",)
        raise
    return count


def _read_line() -> bytes:
    try:
        return sys.stdin.buffer.readline(_LONGEST_LINE + 1)
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> UsageError:
    return UsageError(f"stdin cannot be read: {error.strerror}", "give it a file or a pipe to read")
