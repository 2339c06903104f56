"""The commits that are the second half of a move: they remove todos from a list, because another list has them now.

If such a commit came without the other half, a todo would be in no list.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ...cqrs.events import REDOES
from ...cqrs.store import Log
from ..events import TodoCreated, TodoRemoved, TodoRestored
from ..model import EVENTS
from ..views import MOVE, move_in

_MARK = f'"{MOVE}":{{'.encode()
_REMOVED = next(type for type, cls in EVENTS.items() if cls is TodoRemoved)


class Leaving(Struct, frozen=True):
    """The half of a move that removes todos.

    Attributes:
        place: The place of its line among those in which it was found, from 0.
        position: The position of its first event.
        command: The id of its command.
        source: The id of the list in which it is.
        others: The ids that the command of the other half can have.
        target: The id of the list that has the todos now.
        target_name: The name of this list then.
        streams: The streams of the todos.
    """

    place: int
    position: int
    command: str
    source: str
    others: tuple[str, ...]
    target: str
    target_name: str
    streams: tuple[str, ...]


class _Event(Struct):
    stream: str
    type: str


class _Line(Struct):
    position: int = 0
    command: str = ""
    events: list[_Event] = []
    meta: dict[str, Any] = {}


def leaving(lines: Sequence[bytes], id: str) -> Iterator[Leaving]:
    """Yield the halves of moves in the lines of a list that bring todos to another list.

    Args:
        lines: The lines. They may be damaged.
        id: The id of the list.
    """
    for place, text in enumerate(lines):
        if _MARK not in text:
            continue
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.MsgspecError, UnicodeDecodeError):  # whoever merges it says so
            return
        move = move_in(line.meta)
        streams = tuple(event.stream for event in line.events if event.type == _REMOVED)
        if move is None or move.target == id or not streams:
            continue
        # who has settled where a todo stays has made its own id of that of the move (see `merging.settle`)
        redone = (command for command in line.meta.get(REDOES) or () if isinstance(command, str))
        others = (line.command, line.command.rpartition("-")[0], *redone)
        ids = tuple(filter(None, others))
        yield Leaving(place, line.position, line.command, id, ids, move.target, move.target_name, streams)


def has_other_half(log: Log, half: Leaving) -> bool:
    """Return whether a list has the other half of a move, or has the todos for another reason."""
    if any(log.find_command(command) is not None for command in half.others):
        return True
    return all(_is_in(log, stream) for stream in half.streams)


def _is_in(log: Log, stream: str) -> bool:
    changes = [event.data for event in log.events(stream=stream)]
    last = next((data for data in reversed(changes) if isinstance(data, (TodoCreated, TodoRestored, TodoRemoved))), None)
    return last is not None and not isinstance(last, TodoRemoved)
