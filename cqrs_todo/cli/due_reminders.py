"""Reminders that came due: how a run announces them, and how a shell prompt gets their number.

The cache folder holds the pending reminders of each list that is in a file, with the size and the time of that file. So
whoever only wants to know what came due need not read the list again. Two rules keep a run quick. A run announces the
reminders of the list in use, which it reads anyway. It announces those of another list only if the cache is up to date.
The board, `todo remind` and `todo react` read the lists, and bring the cache up to date.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from ..cqrs.errors import CqrsError
from ..cqrs.stores.snapshots import Folder
from ..cqrs.struct import Struct
from ..todo.fields import Todo
from ..todo.views import Item, short_instant
from .clock import to_local
from .config import cache_dir
from .output import print_line
from .session import Session
from .text import visible

EVERYTHING = "all"
"""The scope under which the reminders of all lists are cached, so that forgetting a todo removes them all."""
_MOST = 5
"""How many reminders a run announces one by one."""


class Pending(Struct, frozen=True, array_like=True):
    """A reminder of an open todo that is not acknowledged, whether or not it came due.

    Args:
        at: When to remind, in UTC.
        number: The number of the todo.
        id: Its stable id.
        text: Its text.
    """

    at: datetime
    number: int
    id: str
    text: str


class _Cached(Struct, frozen=True):
    """The pending reminders of a list, and the size and the time of its file when it was read."""

    size: int
    time: int
    pending: tuple[Pending, ...]


_decode = msgspec.json.Decoder(_Cached).decode


def is_pending(todo: Todo) -> bool:
    """Return whether a todo has a reminder that still has to reach people: it is open, and it is not acknowledged."""
    return todo.reminder is not None and not todo.done and not todo.removed and todo.acknowledged != todo.reminder


def pending_of(items: Iterable[Item]) -> tuple[Pending, ...]:
    """Return the pending reminders of todos, the earliest first."""
    found = [
        Pending(item.todo.reminder, item.number, item.id, item.todo.text)
        for item in items
        if item.todo.reminder is not None and is_pending(item.todo)
    ]
    return tuple(sorted(found, key=lambda each: (each.at, each.number)))


def reminders_folder() -> str:
    """Return the folder of the cached reminders."""
    return os.path.join(cache_dir(), "reminders")


def read_pending(session: Session, name: str) -> tuple[Pending, ...]:
    """Return the pending reminders of a list: from the cache if that is up to date, otherwise from the list.

    Raises:
        CqrsError: The list cannot be read.
    """
    path = _file_of(session, name)
    before = _stamp(path)
    cached = _cached(path, before)
    if cached is not None:
        return cached
    todos = session.list if name == session.list_name else session.open_list(name)
    return keep_pending(path, before, pending_of(todos.view().items))


def keep_pending(path: str, stamp: tuple[int, int] | None, pending: tuple[Pending, ...]) -> tuple[Pending, ...]:
    """Keep the pending reminders of a list in the cache, and return them.

    Args:
        path: The path of the list's file.
        stamp: The size and the time of the file before it was read. None: the list is in no file.
        pending: The reminders.
    """
    if stamp is not None:
        content = msgspec.json.encode(_Cached(*stamp, pending))
        Folder(reminders_folder()).write(EVERYTHING, _blob(path), content)
    return pending


def due(pending: Sequence[Pending], now: datetime) -> list[Pending]:
    """Return the reminders that came due, the earliest first."""
    return [each for each in pending if each.at <= now]


def announce(session: Session, *, all_lists: bool) -> None:
    """Print on stderr the reminders that came due, of the list in use and of all lists whose reminders are cached.

    Args:
        session: This run of the program.
        all_lists: Whether the run reads all lists anyway, and not only the one in use.
    """
    now = datetime.now(UTC)
    found: list[tuple[str, Pending]] = []
    used = session.list_name
    with suppress(CqrsError):  # the verb itself reports a list that cannot be read
        found += [(str(each.number), each) for each in due(read_pending(session, used), now)]
    with suppress(CqrsError):
        others = [name for name in session.store.names() if name != used]
        came_due = {name: due(read_pending(session, name) if all_lists else _fresh(session, name), now) for name in others}
        # to find the copies of lists takes time for each list, and mostly nothing came due
        counted = session.store.originals() if any(came_due.values()) else ()
        found += [(f"{name}/{each.number}", each) for name in others if name in counted for each in came_due[name]]
    if not found:
        return
    lines = [
        f"Reminder: {visible(label)}  {visible(each.text)}  ({short_instant(each.at, to_local)})"
        for label, each in found[:_MOST]
    ]
    if len(found) > _MOST:
        lines.append(f"and {len(found) - _MOST:,} more: {session.typed(None, 'remind --all-lists')}")
    ((label, _), *_) = found
    lines.append(f"To acknowledge: {session.typed(used, f'remind {shlex.quote(label)} --ack')}")
    with suppress(OSError):  # nobody reads it
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()


def _fresh(session: Session, name: str) -> tuple[Pending, ...]:
    """Return the cached reminders of a list if they are up to date; otherwise none."""
    path = _file_of(session, name)
    return _cached(path, _stamp(path)) or ()


def _cached(path: str, stamp: tuple[int, int] | None) -> tuple[Pending, ...] | None:
    content = None if stamp is None else Folder(reminders_folder()).read(EVERYTHING, _blob(path))
    if content is None:
        return None
    try:
        cached = _decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # a cache that is damaged is made again
        return None
    return cached.pending if (cached.size, cached.time) == stamp else None


def _file_of(session: Session, name: str) -> str:
    """Return the path of a list's file; '' if the store keeps no files."""
    scheme, _, folder = session.store_url.partition(":")
    return os.path.join(os.path.abspath(folder), "lists", f"{name}.jsonl") if scheme == "jsonl" else ""


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:  # there is no file, so nothing can be known without reading the list
        return None
    return status.st_size, status.st_mtime_ns


def _blob(path: str) -> str:
    return sha256(path.encode()).hexdigest()[:24]


def print_count(session: Session) -> int:
    """Print how many reminders came due in the list in use, or in all lists, and return the exit code.

    A list that cannot be read hides no other one.
    """
    now = datetime.now(UTC)
    names = session.originals() if session.options.all_lists else [session.list_name]
    count = 0
    failure: CqrsError | None = None
    for name in names:
        try:
            count += len(due(read_pending(session, name), now))
        except CqrsError as error:
            failure = failure or error
    if failure is not None and len(names) == 1:
        raise failure
    if session.options.json:
        from . import document

        print_line(document.encode({"count": count}))
    else:
        print_line(str(count))
    if failure is not None:
        raise failure
    return 0
