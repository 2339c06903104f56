"""Importing what `todo export` wrote: a log, or the todos as JSON."""

import os
import sys
import types
from collections.abc import Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, BinaryIO

import msgspec

from ..cqrs.errors import CqrsError, OutcomeUnknown
from ..cqrs.operation_errors import AnotherHistory, ImportRefused, SameLog
from ..todo.fields import ATTRIBUTES, Todo
from ..todo.views import number_ranges
from . import document
from .errors import InvalidInput, UsageError
from .exports import file_name
from .output import print_line, print_message
from .reports import count_of
from .session import Session
from .text import visible

HEADER_LIMIT = 64 << 10
"""The longest first line of a log that is imported, in bytes."""
LIMIT = 64 << 20
"""The longest later line of a log, and the largest JSON export, that is imported, in bytes."""


NO_EXPORT = "give a file that todo export, todo backup or another program wrote"
"""What to do if a file is not what an import reads."""


def open_input(name: str) -> BinaryIO:
    """Open a file that is imported; '-' is stdin.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False) if name == "-" else open(file_name(name), "rb")
    except OSError as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: OSError) -> UsageError:
    """Return the error for a file that cannot be read."""
    return UsageError(f"{name} cannot be read: {error.strerror}", "give a file that can be read, or - for stdin")


def read_line(name: str, file: BinaryIO, limit: int) -> bytes:
    """Read a line with its LF; or, if it is longer, one byte more than the limit."""
    try:
        return file.readline(limit + 1)
    except OSError as error:
        raise unreadable(name, error) from error


def import_events(session: Session, name: str, first: bytes, file: BinaryIO) -> None:
    """Import a log, whose first line was read already."""
    if session.request is not None:
        raise UsageError(
            "the import of a log copies its commits as they are, so it takes no --command-id, --expect or --because",
            "leave them out: a second import of the same log changes nothing",
        )
    try:
        new = session.store.import_log(session.list_name, _lines(session, name, first, file))
    except (AnotherHistory, SameLog):
        raise  # the message names the list, and the hint the file
    except ImportRefused as error:
        raise ImportRefused(f"{name}: {error}") from error
    try:
        view = session.open_list(session.list_name).view()
    except CqrsError as error:
        raise OutcomeUnknown(f"imported {count_of(new, 'commit')}, but the list cannot be read now: {error}") from error
    if session.options.json:
        print_line(document.encode({**document.head(view), "commits": new}))
    elif not session.options.quiet:
        print_line(
            f"Imported {count_of(new, 'commit')} into {visible(view.list)}"
            if new
            else f"Nothing to import: {visible(view.list)} has all of these commits"
        )


def _lines(session: Session, name: str, line: bytes, file: BinaryIO) -> Iterator[bytes]:
    """Read the lines of a log, each with its LF.

    CR LF becomes LF: an import verifies the digest of every line, so that this cannot change what was recorded.
    """
    try:
        size = os.fstat(file.fileno()).st_size  # 0 for a pipe
    except OSError as error:
        raise unreadable(name, error) from error
    number, limit, done = 1, HEADER_LIMIT, 0
    while line:
        if len(line) > limit:
            raise InvalidInput(f"{name}, line {number}: it is longer than {limit:,} bytes; nothing was imported")
        if not line.endswith(b"\n"):
            reason = "its last line does not end with a line feed: the file was cut off"
            raise InvalidInput(f"{name}, line {number}: {reason}; nothing was imported")
        done += len(line)
        yield line.removesuffix(b"\r\n") + b"\n" if line.endswith(b"\r\n") else line
        if done < size:
            session.progress(done, size)
        line = read_line(name, file, LIMIT)
        number, limit = number + 1, LIMIT


def import_todos(session: Session, name: str, first: bytes, file: BinaryIO) -> None:
    """Import todos as JSON, whose beginning was read already."""
    if first.strip()[:1] not in (b"{", b""):  # the rest may be endless
        raise InvalidInput(f"{name} is not an export: it is neither JSON nor a log", NO_EXPORT)
    try:
        content = first + file.read(LIMIT + 1 - len(first))
    except OSError as error:
        raise unreadable(name, error) from error
    if len(content) > LIMIT:
        more = "export the list with --format events instead: that has no limit"
        raise InvalidInput(f"{name} is larger than {LIMIT:,} bytes, the limit for JSON", more)
    todos, kept = read_todos(name, content)
    if session.request is not None:
        session.request.include(content)
    answer = session.list.import_todos(todos, kept)
    if session.options.json:
        shown = document.answer_document(answer, session.position_of(answer.list))
        print_line(document.encode({**shown, "forgotten": answer.forgotten}))
    elif not session.options.quiet:
        if answer.changed:
            numbers = number_ranges([item.number for item in answer.changed])
            undo = f". Undo: {session.typed(answer.list, 'undo')}" if answer.commit is not None else ""
            print_line(f"Imported {numbers} ({count_of(len(answer.changed), 'todo')}){undo}")
        elif not answer.stayed and not answer.forgotten:
            print_line(f"Nothing to import: {visible(answer.list)} has all of these todos")
    if answer.stayed and not session.options.json:
        numbers = number_ranges([item.number for item in answer.stayed])
        print_message(session, f"Not imported, because moved to another list: {numbers}")
    if answer.forgotten and not session.options.json:
        print_message(session, f"Not imported, because forgotten: {', '.join(answer.forgotten)}")


def read_todos(name: str, content: bytes) -> tuple[dict[str, Todo], dict[str, frozenset[str]]]:
    """Read what `todo export` wrote as JSON.

    Args:
        name: The name of the file, for the errors.
        content: Its content.

    Returns:
        The todos by their ids, and the names of the fields that an entry does not have, by the ids of such entries.

    Raises:
        InvalidInput: It is not an export of todos.
    """
    if not content.strip():
        raise InvalidInput(f"{name} is empty; nothing was imported", NO_EXPORT)
    try:
        read = msgspec.json.decode(content, type=_document())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError) and "required field `" in str(error) and "$" not in str(error):
            raise InvalidInput(f"{name}: this JSON is not an export; nothing was imported", NO_EXPORT) from error
        raise InvalidInput(f"{name} is not an export: {error}", NO_EXPORT) from error
    if read.format != document.FORMAT:
        raise InvalidInput(f"{name} has format {visible(read.format)!r}, not {document.FORMAT}", "export it again")
    todos: dict[str, Todo] = {}
    missing: dict[str, frozenset[str]] = {}
    for line in read.todos:
        todos[line.id], lacking = _todo(line)
        if lacking:
            missing[line.id] = lacking
    return todos, missing


_values = attrgetter(*Todo.__struct_fields__)
_DEFAULTS = _values(Todo("", datetime.min))
_ATTRIBUTES = Todo.__struct_fields__.index(ATTRIBUTES.name)
_NONE = frozenset[str]()


def _todo(line: Any) -> tuple[Todo, frozenset[str]]:
    """Return the todo that an entry of a JSON export describes.

    Also return the names of the fields that the entry does not have, because an older version of this program wrote it.
    """
    values, missing = _values(line), _NONE
    if msgspec.UNSET in values:
        missing = frozenset(
            name for name, value in zip(Todo.__struct_fields__, values, strict=True) if value is msgspec.UNSET
        )
        values = tuple(
            default if value is msgspec.UNSET else value for value, default in zip(values, _DEFAULTS, strict=True)
        )
    attributes = values[_ATTRIBUTES]
    sorted_pairs = tuple(sorted(attributes.items())) if attributes else ()
    # as an array, which is faster than keyword arguments
    return msgspec.convert((*values[:_ATTRIBUTES], sorted_pairs, *values[_ATTRIBUTES + 1 :]), Todo), missing


def _document() -> Any:
    """Return the type of a JSON export: what `document.view_document` writes, without what follows from the fields."""
    fields = [
        (field.name, field.type) if field.required else (field.name, field.type | msgspec.UnsetType, msgspec.UNSET)
        for field in msgspec.structs.fields(Todo)
        if field.name != ATTRIBUTES.name
    ]
    fields.append((ATTRIBUTES.name, dict[str, str] | msgspec.UnsetType, msgspec.UNSET))
    line = msgspec.defstruct("TodoLine", [("id", str), *fields], gc=False)
    return msgspec.defstruct("Document", [("format", str), ("todos", types.GenericAlias(list, (line,)))])
