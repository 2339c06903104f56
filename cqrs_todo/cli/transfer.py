"""`export` and `import`: a list's todos as JSON, or its log line by line, byte for byte."""

import os
import signal
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import msgspec

from ..cqrs.errors import DamagedLog, Rejected
from ..todo.fields import Todo
from ..todo.views import spans
from . import document
from .config import default_store
from .errors import UsageError
from .output import OutputFailed, out
from .render import say
from .session import Session
from .signals import raised
from .target import write_file
from .text import visible

FORMATS = ("json", "events")
HEADER_LIMIT = 64 << 10
"""The longest first line of a log that is imported, in bytes."""
LIMIT = 64 << 20
"""The longest later line of a log, and the largest JSON export, that is imported, in bytes."""
_BOM = b"\xef\xbb\xbf"


def _document() -> Any:
    """The type of a JSON export: as `document.view_document` writes it, without what follows from the fields."""
    fields = [
        (field.name, field.type) if field.required else (field.name, field.type, field.default)
        for field in msgspec.structs.fields(Todo)
    ]
    line = msgspec.defstruct("TodoLine", [("id", str), *fields])
    return msgspec.defstruct("Document", [("format", str), ("todos", types.GenericAlias(list, (line,)))])


def _cleaning_up() -> AbstractContextManager[None]:
    """Let SIGTERM and SIGHUP end the process only after the block has removed its temporary files."""
    return raised(signal.SIGTERM, signal.SIGHUP)


def file_name(name: str) -> bytes:
    """Return the bytes of a file's name that was given on the command line, in whatever locale."""
    return name.encode("utf-8", "surrogateescape")


def export(session: Session, format: str, output: str | None) -> None:
    """Write the list to a file or to stdout.

    Args:
        session: this run of the program.
        format: "json" for the todos, "events" for the lines of the log.
        output: the file; None for stdout.
    """
    _check_format(format)
    if format == "events":
        if session.options.at is not None:
            raise UsageError("a log can only be exported whole", "leave out --at, or --format events")
        session.list.view()  # fails here if there is no such list
        content: Iterable[bytes] = session.list.log.lines()
    else:
        view = session.list.view(session.moment)
        content = [f"{document.encode(document.view_document(view, view.items))}\n".encode()]
    if output is None:
        _write_stdout(content)
        return
    with _cleaning_up():
        content = _undamaged(session, content)
        write_file(file_name(output), content, _store_folders(session))
    say(session, f"Exported {visible(session.list.name)} to {visible(output)}")


def _undamaged(session: Session, content: Iterable[bytes]) -> Iterator[bytes]:
    """Give the content, and raise `DamagedLog` if the log is damaged: a whole export must not make way for half of one."""
    yield from content
    damage = session.list.log.damage
    if damage is not None:
        raise DamagedLog(f"{damage}; nothing was exported")


def _check_format(format: str | None) -> None:
    if format is not None and format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"the formats are {', '.join(FORMATS)}")


def _write_stdout(content: Iterable[bytes]) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(error) from error


def _store_folders(session: Session) -> list[bytes]:
    """Return the folders of the stores that this run and its configuration name: no export may overwrite their files."""
    urls = (session.store.url, session.config.store or "", default_store())
    folders = (url.removeprefix("jsonl:") for url in urls if url.startswith("jsonl:"))
    return sorted({os.fsencode(os.path.expanduser(folder)) for folder in folders})


def import_file(session: Session, name: str, format: str | None) -> None:
    """Read what `export` wrote into the list.

    Args:
        session: this run of the program.
        name: the file; "-" for stdin.
        format: "json" or "events"; None to find out from the first line.
    """
    _check_format(format)
    session.check_now()
    session.progress.begin("importing")
    with _open(name) as file, _cleaning_up():
        name = "stdin" if name == "-" else name
        first = _read_line(name, file, HEADER_LIMIT).removeprefix(_BOM)
        if format == "events" or (format is None and b'"cqrs-log"' in first[:100]):
            _import_events(session, name, first, file)
        else:
            _import_todos(session, name, first, file)


def _open(name: str) -> BinaryIO:
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False) if name == "-" else open(file_name(name), "rb")
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> UsageError:
    return UsageError(f"{name} can't be read: {error.strerror}", "give a file that can be read, or - for stdin")


def _read_line(name: str, file: BinaryIO, limit: int) -> bytes:
    """Read a line with its LF; or, if it is longer, one byte more than the limit."""
    try:
        return file.readline(limit + 1)
    except OSError as error:
        raise _unreadable(name, error) from error


def _import_events(session: Session, name: str, first: bytes, file: BinaryIO) -> None:
    new = session.store.import_log(session.list_name, _lines(session, name, first, file))
    view = session.open_list(session.list_name).view()
    if session.options.json:
        out(document.encode({**document.head(view), "commits": new}))
    elif not session.options.quiet:
        out(f"Imported {new:,} commits into {visible(view.list)}" if new else f"{visible(view.list)} has all of it already")


def _lines(session: Session, name: str, line: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a log, each with its LF.

    CR LF becomes LF: an import verifies the digest of every line, so that this cannot change what was recorded.
    """
    size = os.fstat(file.fileno()).st_size  # 0 for a pipe
    number, limit, done = 1, HEADER_LIMIT, 0
    while line:
        if len(line) > limit:
            raise Rejected(f"{name}, line {number}: it is longer than {limit:,} bytes; nothing was imported")
        if not line.endswith(b"\n"):
            told = "its last line has no line feed at its end: it was cut off"
            raise Rejected(f"{name}, line {number}: {told}; nothing was imported")
        done += len(line)
        yield line.removesuffix(b"\r\n") + b"\n" if line.endswith(b"\r\n") else line
        if done < size:
            session.progress(done, size)
        line = _read_line(name, file, LIMIT)
        number, limit = number + 1, LIMIT


def _import_todos(session: Session, name: str, first: bytes, file: BinaryIO) -> None:
    hint = "give a file that todo export wrote"
    if first.strip()[:1] not in (b"{", b""):  # the rest may be endless
        raise UsageError(f"{name} is not an export: it is neither JSON nor a log", hint)
    try:
        content = first + file.read(LIMIT + 1 - len(first))
    except OSError as error:
        raise _unreadable(name, error) from error
    if len(content) > LIMIT:
        more = "export the list with --format events instead: that has no limit"
        raise UsageError(f"{name} is larger than {LIMIT:,} bytes, the limit for JSON", more)
    try:
        read = msgspec.json.decode(content, type=_document())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is not an export: {error}", hint) from error
    if read.format != document.FORMAT:
        raise UsageError(f"{name} has format {visible(read.format)!r}, not {document.FORMAT}", "export it again")
    todos = {line.id: Todo(**{name: getattr(line, name) for name in Todo.__struct_fields__}) for line in read.todos}
    answer = session.writable().take_in(todos)
    if session.options.json:
        out(document.encode(document.answer_document(answer)))
    elif not session.options.quiet:
        numbers = spans([item.number for item in answer.changed])
        undo = f". Undo: {session.typed(answer.list, 'undo')}" if answer.commit is not None else ""
        if answer.changed:
            out(f"Imported {numbers} ({len(answer.changed):,} todos){undo}")
        elif not answer.stayed:
            out("It has all of them already")
    if answer.stayed and not session.options.json:
        numbers = spans([item.number for item in answer.stayed])
        say(session, f"Not imported, because it was moved to another list: {numbers}")
