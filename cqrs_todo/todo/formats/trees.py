"""In which order todos are written to a file with headings and nesting: by project, and each one under its parent."""

from __future__ import annotations

from ...cqrs.struct import Struct
from ..views import Item

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Sequence


class Nesting(Struct, frozen=True, kw_only=True):
    """Where a todo is written.

    Args:
        item: The todo.
        heading: The project that is the heading above it. It is the project of the todo, or of the todo that it is under.
        depth: How many todos it is under, directly or not.
        named: Whether another todo of the file names it.
        under: The number of its parent, if it is not written under it.
        depends: The numbers of the todos that it depends on.
        lost: How many links lead to todos that are not in the file.
    """

    item: Item
    heading: str | None
    depth: int
    named: bool
    under: int | None
    depends: tuple[int, ...]
    lost: int


def nestings_of(items: Sequence[Item], deepest: int) -> list[Nesting]:
    """Return todos in the order in which they are written.

    Args:
        items: The todos.
        deepest: How many todos one can be under. A todo that would be deeper names its parent instead.
    """
    numbers = {item.id: item.number for item in items}
    children: dict[str, list[Item]] = {}
    tops: list[Item] = []
    for item in items:
        parent = item.todo.parent
        if parent in numbers and parent != item.id:
            children.setdefault(parent, []).append(item)
        else:
            tops.append(item)
    order: list[tuple[Item, Item, int]] = []
    written: set[str] = set()
    waiting = [*reversed(items), *reversed(tops)]  # those in a circle are under no other one: one of them begins
    while waiting:
        top = waiting.pop()
        stack = [(top, 0)]
        while stack:
            item, depth = stack.pop()
            if item.id in written:
                continue
            written.add(item.id)
            order.append((item, top, depth))
            below = children.get(item.id, ())
            if depth < deepest:
                stack += [(child, depth + 1) for child in reversed(below)]
            else:
                waiting += reversed(below)
    groups: dict[str | None, list[tuple[Item, Item, int]]] = {None: []}
    for each in order:
        groups.setdefault(each[1].todo.project, []).append(each)
    apart = {item.todo.parent for item, _, depth in order if depth == 0}
    named = apart | {id for item in items for id in item.todo.depends}
    return [_place(item, top, depth, numbers, item.id in named) for group in groups.values() for item, top, depth in group]


def _place(item: Item, top: Item, depth: int, numbers: dict[str, int], named: bool) -> Nesting:
    todo = item.todo
    depends = tuple(sorted(numbers[id] for id in todo.depends if id in numbers))
    away = todo.parent is not None and todo.parent not in numbers
    under = numbers.get(todo.parent) if depth == 0 and todo.parent is not None else None
    return Nesting(
        item=item,
        heading=top.todo.project,
        depth=depth,
        named=named,
        under=under,
        depends=depends,
        lost=len(todo.depends) - len(depends) + away,
    )
