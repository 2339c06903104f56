"""The commits that are the second half of a move: they remove todos from a list, because another list has them now.

If such a commit came without the other half, a todo would be in no list.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from ...cqrs.events import MERGED, REDOES
from ...cqrs.store import Log
from ..events import TodoCreated, TodoRemoved, TodoRestored
from ..model import EVENTS
from ..views import MOVE, move_in
from .memory import Moved
from .remotes import events_in

Copies: TypeAlias = Mapping[tuple[str, str], Mapping[str, int]]
"""Copies of lists, by the ids of their logs and their labels: the commands in each, with the places of their lines."""

_MARK = f'"{MOVE}":{{'.encode()
_REMOVED = next(type for type, cls in EVENTS.items() if cls is TodoRemoved)


class Leaving(Moved, frozen=True, kw_only=True):
    """The half of a move that removes todos.

    Attributes:
        place: The place of its line among those in which it was found, from 0.
        command: The id of its command.
        source: The id of the list in which it is.
        target: The id of the list that has the todos now.
    """

    place: int
    command: str
    source: str
    target: str


class _Event(Struct):
    stream: str
    type: str
    data: Any = None

    @property
    def removes(self) -> bool:
        """Whether somebody wanted to remove the todo. Where it was merged without effect, it may have one elsewhere."""
        wanted = self.data.get("type") if self.type == MERGED and isinstance(self.data, dict) else self.type
        return bool(wanted == _REMOVED)


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
        streams = tuple(event.stream for event in line.events if event.removes)
        if move is None or move.target == id or not streams:
            continue
        # who has settled where a todo stays has made its own id of that of the move (see `merging.settle`)
        redone = (command for command in line.meta.get(REDOES) or () if isinstance(command, str))
        others = (line.command, line.command.rpartition("-")[0], *redone)
        ids = tuple(filter(None, others))
        yield Leaving(
            place=place,
            command=line.command,
            source=id,
            target=move.target,
            streams=streams,
            others=ids,
            target_name=move.target_name,
        )


def first_position(line: bytes) -> int:
    """Return the position of the first event in a line of a list, which is intact."""
    return msgspec.json.decode(line, type=_Line).position


def has_other_half(log: Log, half: Moved) -> bool:
    """Return whether a list has the other half of a move."""
    return any(log.find_command(command) is not None for command in half.others)


def has_todos(log: Log, half: Moved) -> bool:
    """Return whether the todos of a move are in a list, for whatever reason."""
    return all(_is_in(log, stream) for stream in half.streams)


def _is_in(log: Log, stream: str) -> bool:
    changes = [event.data for event in events_in(log, stream)]
    last = next((data for data in reversed(changes) if isinstance(data, (TodoCreated, TodoRestored, TodoRemoved))), None)
    return last is not None and not isinstance(last, TodoRemoved)


def cuts(
    found: Mapping[tuple[str, str], Sequence[Leaving]],
    copies: Copies,
    lists: Collection[str],
    is_here: Callable[[Leaving], bool],
) -> Mapping[tuple[str, str], Leaving]:
    """Decide where copies of lists must end, so that no half of a move comes without the other one.

    What is left out of one copy may hold the other half of a move in another copy. Two lists may also have got todos from
    each other, so that each needs the other one.

    Args:
        found: The halves that are new in each copy.
        copies: All intact copies that have come.
        lists: The ids of all lists. One that is not among them may be a part of any other one now.
        is_here: Returns whether the other half is here already.

    Returns:
        For each copy that must end before its last line, the half that it must end before.
    """
    missing = {key: [half for half in halves if not is_here(half)] for key, halves in found.items()}
    ends: dict[tuple[str, str], Leaving] = {}

    def comes(half: Leaving) -> bool:
        return any(
            command in places and (key not in ends or places[command] < ends[key].place)
            for key, places in copies.items()
            if (key[0] == half.target if half.target in lists else key[0] != half.source)
            for command in half.others
        )

    before = -1
    while before < len(ends):
        before = len(ends)
        for key, halves in missing.items():
            end = next((half for half in halves if not comes(half)), None)
            if end is not None and (key not in ends or end.place < ends[key].place):
                ends[key] = end
                before = -1
    return ends
