"""`export` and `import`: todos as JSON, or a log's lines, byte for byte."""

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from ..todo.fields import Todo
from ..todo.values import Priority
from ..todo.views import spans
from . import document
from .errors import UsageError
from .output import OutputFailed, out
from .render import say
from .session import Session
from .text import visible

FORMATS = ("json", "events")


class _TodoLine(msgspec.Struct):
    """A todo as `document.todo_document` writes it; what is derived is passed over."""

    id: str
    text: str
    created: datetime
    note: str | None = None
    due: str | None = None
    reminder: datetime | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    completed: str | None = None
    removed: bool = False


class _Document(msgspec.Struct):
    format: str
    todos: list[_TodoLine]


def export(session: Session, format: str, output: str | None) -> None:
    """Write the list out, to a file or to stdout."""
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"the formats are {', '.join(FORMATS)}")
    if format == "events":
        if session.options.at is not None:
            raise UsageError("a log is exported whole", "leave out --at, or --format events")
        session.list.view()  # says so where there is no such list
        content: Iterable[bytes] = session.list.log.lines()
    else:
        view = session.list.view(session.moment)
        content = [f"{document.encode(document.view_document(view, view.items))}\n".encode()]
    if output is None:
        _write_stdout(content)
        return
    _write_file(Path(output), content)
    say(session, f"Exported {visible(session.list.name)} to {visible(output)}")


def _write_stdout(content: Iterable[bytes]) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(error) from error


def _write_file(path: Path, content: Iterable[bytes]) -> None:
    """All or nothing: an export that was there stays until the new one is whole."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "give a file in it")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        try:
            with fresh.open("xb") as file:
                file.writelines(content)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "give a file that can be written") from error


def import_file(session: Session, name: str, format: str | None) -> None:
    """Take in what `export` wrote."""
    if format is not None and format not in FORMATS:
        raise UsageError(f"there is no format {format!r}", f"the formats are {', '.join(FORMATS)}")
    session.check_now()
    session.progress.begin("importing")
    try:
        with _input(name) as file:
            first = file.readline()
            if format == "events" or (format is None and b'"cqrs-log"' in first[:100]):
                _import_events(session, first, file)
            else:
                _import_todos(session, name, first + file.read())
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}", "give a file that can be read, or - for stdin") from error


def _input(name: str) -> BinaryIO:
    return open(sys.stdin.fileno(), "rb", closefd=False) if name == "-" else open(name, "rb")  # the caller's


def _import_events(session: Session, first: bytes, rest: Iterable[bytes]) -> None:
    def lines() -> Iterator[bytes]:
        yield first
        yield from rest

    new = session.store.import_log(session.list_name, lines())
    view = session.open_list(session.list_name).view()
    if session.options.json:
        out(document.encode({**document.head(view), "commits": new}))
    elif not session.options.quiet:
        out(f"Imported {new:,} commits into {visible(view.list)}" if new else f"{visible(view.list)} has all of it already")


def _import_todos(session: Session, name: str, content: bytes) -> None:
    try:
        read = msgspec.json.decode(content, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is no export: {error}", "give a file that todo export wrote") from error
    if read.format != document.FORMAT:
        raise UsageError(f"{name} has format {visible(read.format)!r}, not {document.FORMAT}", "export it again")
    todos = {
        line.id: Todo(
            line.text,
            line.created,
            line.note,
            line.due,
            line.reminder,
            line.priority,
            line.tags,
            line.completed,
            line.removed,
        )
        for line in read.todos
    }
    answer = session.writable().take_in(todos)
    if session.options.json:
        out(document.encode(document.answer_document(answer)))
    elif not session.options.quiet:
        numbers = spans([item.number for item in answer.changed])
        undo = f". Undo: {session.typed(answer.list, 'undo')}" if answer.commit is not None else ""
        out(f"Imported {numbers} ({len(answer.changed):,} todos){undo}" if answer.changed else "It has all of them already")
