"""What merges have renumbered and moved since a list was last shown.

Numbers and positions from before are not taken for other todos and commits.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from ..cqrs.errors import CqrsError
from ..cqrs.stores.jsonl.files import make_directory, replace_durably
from ..cqrs.struct import Struct, replace
from ..todo.service import TodoList
from .config import renumbered_file
from .text import brief, visible

if TYPE_CHECKING:  # only merges renumber
    from ..cqrs.replication import MergedLog
    from ..todo.merging import MergedTodos

_MOST = 10_000
"""How many numbers of a range are looked at."""
_SHOWN = 3
"""How many of them an error names."""


class NumbersChanged(CqrsError):
    """A number or a position was typed that meant something else when the list was last shown. Nothing was changed.

    Args:
        message: What the numbers are now.
        hint: What to do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Positions(Struct, frozen=True):
    """The positions that commits of a list had before merges moved them.

    Attributes:
        first: The first one.
        last: The last one. Commits behind it were recorded later.
        named: Those that a merge has named itself, or that were shown since.
    """

    first: int
    last: int
    named: frozenset[int]


class Changes(Struct, frozen=True):
    """What is not as it was when a list was last shown.

    Attributes:
        numbers: The present numbers of the todos that were renumbered, by the old ones.
        positions: The positions of commits that were moved; None if none was.
    """

    numbers: Mapping[int, int] = {}
    positions: Positions | None = None


def note(log_id: str, merged: "MergedLog", todos: "MergedTodos") -> None:
    """Remember which todos and commits of a list have other numbers and positions after a merge.

    Args:
        log_id: The id of the list.
        merged: The merge.
        todos: What it did to the todos.

    Raises:
        OSError: The file cannot be written.
    """
    new = {each.old: each.new for each in todos.renumbered}
    if not new and not merged.moved and not os.path.exists(renumbered_file(log_id)):
        return
    known = read(log_id)
    for old, then in known.numbers.items():
        new = {**new, old: new.pop(then, then)}
    positions = _positions(merged, todos, known.positions)
    _write(log_id, Changes({old: now for old, now in new.items() if old != now}, positions))


def _positions(merged: "MergedLog", todos: "MergedTodos", known: Positions | None) -> Positions | None:
    """Return the positions that commits had before a merge and those before it, which are `known`."""
    changes = (each for conflict in todos.all_conflicts for each in (conflict.winner, conflict.loser) if each is not None)
    commands = {change.command for change in changes}
    named = frozenset(commit.position for commit in merged.after if commit.metadata.command in commands)
    pairs = zip(merged.before, merged.after, strict=False)
    first = next((old.position for old, new in pairs if old.metadata.command != new.metadata.command), None)
    if first is None:
        return None if known is None else Positions(known.first, known.last, known.named | named)
    last = merged.before[-1].last
    if known is None:
        return Positions(first, last, named)
    still = {position for position in known.named if position < first}
    return Positions(min(first, known.first), max(last, known.last), named | still)


def positions_shown(log_id: str, shown: Collection[int] | None) -> None:
    """Note that a person has seen positions of a list.

    Args:
        log_id: The id of the list.
        shown: The positions; None for all.
    """
    known = read(log_id)
    left = known.positions
    left = None if left is None or shown is None else replace(left, named=left.named.union(shown))
    _keep(log_id, known, replace(known, positions=left))


def numbers_shown(log_id: str) -> None:
    """Note that a person has seen the numbers of a list."""
    known = read(log_id)
    _keep(log_id, known, replace(known, numbers={}))


def _keep(log_id: str, known: Changes, left: Changes) -> None:
    with suppress(OSError):  # then they are refused once more
        if left == Changes():
            os.unlink(renumbered_file(log_id))
        elif left != known:
            _write(log_id, left)


def read(log_id: str) -> Changes:
    """Return what is not as it was when a list was last shown."""
    try:
        with open(renumbered_file(log_id), "rb") as file:
            return msgspec.json.decode(file.read(), type=Changes)
    except (OSError, msgspec.MsgspecError):  # then numbers and positions are taken as they are
        return Changes()


def _write(log_id: str, changes: Changes) -> None:
    path = renumbered_file(log_id)
    make_directory(os.path.dirname(path))
    replace_durably(path, msgspec.json.encode(changes) + b"\n")


def refuse(todos: TodoList, words: Sequence[str], look: str) -> None:
    """Raise `NumbersChanged` if words name todos of a list by numbers from before.

    Args:
        todos: The list.
        words: What was typed to name todos.
        look: The command that shows the list.
    """
    typed: set[int] = set()
    for part in (part for word in words for part in word.replace(",", " ").split()):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            typed.update(range(int(first), min(int(last or first), int(first) + _MOST) + 1))
    changed = {old: new for old, new in read(todos.log.id).numbers.items() if old in typed}
    if not changed:
        return
    texts = {item.number: item.todo.text for item in todos.view().items}
    named = {old: f" ({brief(texts[new])})" if texts.get(new) else "" for old, new in changed.items()}  # forgotten: no text
    shown = ", ".join(f"{old} is {changed[old]} now{named[old]}" for old in [*changed][:_SHOWN])
    more = f", and {len(changed) - _SHOWN:,} more" if len(changed) > _SHOWN else ""
    raise NumbersChanged(
        f"a sync has renumbered todos of {visible(todos.name)} since it was last shown: {shown}{more}; nothing was changed",
        f"look at the list, and give the number again: {look}",
    )


def refuse_position(todos: TodoList, text: str, look: str) -> None:
    """Raise `NumbersChanged` if a text is a position from before at which another commit may be now.

    Args:
        todos: The list.
        text: A position such as @42 or @42~1, or another text.
        look: The command that shows the history of the list.
    """
    found = re.match(r"@([0-9]{1,18})(?:~|$)", text)
    moved = read(todos.log.id).positions
    if found is None or moved is None:
        return
    position = int(found[1])
    if moved.first <= position <= moved.last and position not in moved.named:
        raise NumbersChanged(
            f"a sync has moved commits of {visible(todos.name)} since @{position} was last shown, so that another commit"
            " can be there now; nothing was changed",
            f"look at the history, and give the position again: {look}",
        )
