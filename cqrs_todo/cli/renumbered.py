"""Which todos a merge has renumbered since their list was last shown: numbers from before are not taken for other todos."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..cqrs.errors import CqrsError
from ..cqrs.stores.jsonl.files import make_directory, replace_durably
from ..todo.service import TodoList
from .config import renumbered_file
from .text import brief, visible

if TYPE_CHECKING:  # only merges renumber
    from ..todo.merging import Renumbered

_MOST = 10_000
"""How many numbers of a range are looked at."""
_SHOWN = 3
"""How many of them an error names."""


class NumbersChanged(CqrsError):
    """A number was typed that meant another todo when the list was last shown. Nothing was changed.

    Args:
        message: What the numbers are now.
        hint: What to do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def note(log_id: str, changes: "Iterable[Renumbered]") -> None:
    """Remember which todos of a list have other numbers now.

    Raises:
        OSError: The file cannot be written.
    """
    new = {each.old: each.new for each in changes}
    if not new:
        return
    path = renumbered_file(log_id)
    for old, then in read(log_id).items():
        new = {**new, old: new.pop(then, then)}
    make_directory(os.path.dirname(path))
    replace_durably(path, msgspec.json.encode({old: now for old, now in new.items() if old != now}) + b"\n")


def read(log_id: str) -> Mapping[int, int]:
    """Return the present numbers of the todos of a list that were renumbered since it was last shown, by the old ones."""
    try:
        with open(renumbered_file(log_id), "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[int, int])
    except (OSError, msgspec.MsgspecError):  # then the numbers are taken as they are
        return {}


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
    changed = {old: new for old, new in read(todos.log.id).items() if old in typed}
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
