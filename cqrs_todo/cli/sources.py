"""The files that `todo import` reads: their text, in any of several encodings, in bounded memory and more than once."""

import codecs
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ..todo.errors import MalformedFile
from .errors import InvalidInput, UsageError
from .own_imports import open_input, unreadable

LINE_LIMIT = 1 << 20
"""The longest line of a file that is read line by line, in characters."""
TEXT_LIMITS = {"ics": 16 << 20}
"""The largest files that are read as a whole, by format, in bytes."""
TEXT_LIMIT = 64 << 20
"""The largest file of the other formats that are read as a whole, in bytes."""
FILE_LIMIT = 1 << 30
"""The largest file that is imported, in bytes."""
FOLDER_LIMIT = 100_000
"""The most files in a folder that is imported."""
HEAD = 64 << 10
_FIX = "correct the file"
_LINE_END = re.compile("\r\n?|\n")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Source:
    """One file.

    Attributes:
        name: What messages call it.
        path: Its path; "" for stdin.
    """

    def __init__(self, name: str, path: str, file: IO[bytes] | None, encoding: str | None) -> None:
        """Begin to read a file.

        Args:
            name: What messages call it.
            path: Its path; "" for stdin.
            file: The temporary file with the content of stdin. None to open the path whenever it is read.
            encoding: The encoding that was asked for; see `known_encoding`. None for UTF-8.
        """
        self.name = name
        self.path = path
        self._file = file
        self._encoding = encoding or "utf-8"

    def head(self) -> str:
        """Return the beginning of its text, with replacements for what cannot be decoded."""
        with self._opened() as file:
            return decoded_head(file.read(HEAD), self._encoding)

    def lines(self) -> Iterator[str]:
        """Yield its lines, each with its end: LF, CR LF or CR. One file may have all of them.

        Raises:
            MalformedFile: A line is too long, or cannot be decoded.
        """
        with self._opened() as file:
            encoding = _encoding_of(file.read(HEAD), self._encoding)
            file.seek(0)
            text = io.TextIOWrapper(file, encoding, newline="")
            number = 0
            try:
                while True:
                    number += 1
                    line = text.readline(LINE_LIMIT + 1)
                    if not line:
                        return
                    if len(line) > LINE_LIMIT:
                        raise MalformedFile(number, f"it is longer than {LINE_LIMIT:,} characters", _FIX)
                    if "\0" in line:
                        raise MalformedFile(number, "it has a NUL character, so this is not a text file", _FIX)
                    yield line
            except UnicodeError as error:
                # the text is decoded in blocks of many lines
                before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                number += len(_LINE_END.findall(before.decode(encoding, "replace")))
                raise MalformedFile(number, *_not_decoded(encoding, error)) from error
            except OSError as error:
                raise unreadable(self.name, error) from error
            finally:
                text.detach()

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Give the file, at its beginning."""
        if self._file is not None:
            self._file.seek(0)
            yield self._file
            return
        with open_input(self.path) as file:
            if os.fstat(file.fileno()).st_size > FILE_LIMIT:
                raise InvalidInput(f"{self.name} is larger than {FILE_LIMIT:,} bytes; nothing was imported")
            yield file

    def text(self, limit: int) -> str:
        """Return all of its text.

        Args:
            limit: The largest file, in bytes.

        Raises:
            MalformedFile: It is larger, or cannot be decoded.
        """
        with self._opened() as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise MalformedFile(None, f"it is larger than {limit:,} bytes, the limit for this format")
        encoding = _encoding_of(content, self._encoding)
        try:
            text = content.decode(encoding)
        except UnicodeError as error:
            raise MalformedFile(None, *_not_decoded(encoding, error)) from error
        if "\0" in text:
            raise MalformedFile(None, "it has a NUL character, so this is not a text file")
        return text.replace("\r", "\n") if _has_only_cr(text) else text


def _not_decoded(encoding: str, error: UnicodeError) -> tuple[str, str]:
    """Return what is wrong with a text that cannot be decoded, and what to do."""
    reason = f"it is not {encoding.removesuffix('-sig').upper()}: {getattr(error, 'reason', error)}"
    return reason, "say which encoding it has, for instance: --encoding cp1252"


def known_encoding(name: str) -> str:
    """Return the encoding that was asked for, as Python calls it.

    Raises:
        UsageError: Python does not know it, or it is not an encoding of text files, as `hex` and `idna` are not.
    """
    try:
        bytes(range(256)).decode(name, "replace")
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        pass
    raise UsageError(f"there is no encoding {name!r}", "for instance: --encoding latin-1")


def decoded_head(content: bytes, encoding: str | None) -> str:
    """Return the text of the beginning of a file, with replacements for what cannot be decoded.

    Args:
        content: The beginning, which may end anywhere.
        encoding: The encoding that was asked for; see `known_encoding`. None for UTF-8.
    """
    return content.decode(_encoding_of(content, encoding), "replace").removeprefix("\ufeff")


def _has_only_cr(text: str) -> bool:
    """Return whether lines end with CR, as those of old spreadsheets for the Mac do."""
    return "\r" in text and "\n" not in text


def _encoding_of(content: bytes, asked: str | None) -> str:
    return next((name for mark, name in _BOMS if content.startswith(mark)), asked or "utf-8")


def copy(head: bytes, given: IO[bytes], into: IO[bytes], name: str) -> None:
    """Copy stdin to a temporary file.

    Args:
        head: What was read of it already.
        given: Stdin.
        into: The temporary file.
        name: What messages call it.

    Raises:
        InvalidInput: It is too large.
        UsageError: It cannot be read.
    """
    into.write(head)
    size = len(head)
    while True:
        try:
            block = given.read(1 << 20)
        except OSError as error:
            raise unreadable(name, error) from error
        if not block:
            return
        size += len(block)
        if size > FILE_LIMIT:
            raise InvalidInput(f"{name} is larger than {FILE_LIMIT:,} bytes; nothing was imported")
        into.write(block)


def calendar_files(folder: bytes, name: str) -> list[bytes]:
    """Return the calendars in a folder, as vdirs have them.

    Raises:
        InvalidInput: It has none, or too many.
        UsageError: It cannot be read.
    """
    try:
        found = sorted(
            entry.path for entry in os.scandir(folder) if entry.name.lower().endswith(b".ics") and not entry.is_dir()
        )
    except OSError as error:
        raise unreadable(name, error) from error
    if not found:
        raise InvalidInput(f"{name} is a folder without .ics files; nothing was imported", "give a file, or a vdir")
    if len(found) > FOLDER_LIMIT:
        raise InvalidInput(f"{name} has more than {FOLDER_LIMIT:,} .ics files; nothing was imported")
    return found
