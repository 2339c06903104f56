"""How the todos of a list are linked: what is a child of what, and what has to be done before what. This module is pure.

A link names a todo by its stable id. A link to a todo that is not in the list, or was removed, means nothing. Two machines
that change a list at the same time can form a circle, so everything here remembers where it has been.
"""

from __future__ import annotations

from ..cqrs.struct import Struct
from .views import Item

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Links:
    """The links between the todos of a list."""

    def __init__(self, items: Sequence[Item]) -> None:
        """Find the links.

        Args:
            items: All todos of the list.
        """
        self._everything = items
        self._items = {item.id: item for item in items if not item.todo.removed}
        self._children: dict[str, list[Item]] = {}
        for item in self._items.values():
            if item.todo.parent is not None:
                self._children.setdefault(item.todo.parent, []).append(item)
        self._needed: frozenset[str] | None = None

    def progress(self, item: Item) -> tuple[int, int]:
        """Return how many of the todos directly under a todo are done, and how many there are."""
        children = self.children(item)
        return sum(child.todo.done for child in children), len(children)

    def find(self, id: str) -> Item | None:
        """Return the todo with an id. None if it is not in the list, or was removed."""
        return self._items.get(id)

    def parent(self, item: Item) -> Item | None:
        """Return the todo that a todo is a child of. None if it is a child of none."""
        return None if item.todo.parent is None else self.find(item.todo.parent)

    def children(self, item: Item) -> Sequence[Item]:
        """Return the todos that are directly under a todo, in order of creation."""
        return self._children.get(item.id, ()) if item.id in self._items else ()

    def descendants(self, *items: Item) -> list[Item]:
        """Return all todos under some todos, at any depth and without these themselves, in order of creation."""
        return _reached(self._children, [item for item in items if item.id in self._items])

    def removed_under(self, item: Item) -> list[Item]:
        """Return the removed todos that are or were under a todo, at any depth, in order of creation.

        The todo itself, and those between it and a removed one, may be removed as well.
        """
        children: dict[str, list[Item]] = {}
        for each in self._everything:
            if each.todo.parent is not None:
                children.setdefault(each.todo.parent, []).append(each)
        return [each for each in _reached(children, [item]) if each.todo.removed]

    def blockers(self, item: Item) -> list[Item]:
        """Return the open todos that a todo depends on directly."""
        found = (self.find(id) for id in item.todo.depends)
        return sorted((each for each in found if each is not None and not each.todo.done), key=lambda each: each.number)

    def blocks(self, item: Item) -> bool:
        """Return whether a todo is open and an open todo depends on it."""
        if item.todo.done or item.todo.removed:
            return False
        if self._needed is None:
            self._needed = frozenset(id for each in self._items.values() if not each.todo.done for id in each.todo.depends)
        return item.id in self._needed


def _reached(children: Mapping[str, Sequence[Item]], roots: Sequence[Item]) -> list[Item]:
    """Return all todos under some todos, at any depth and without these themselves, in order of creation.

    Args:
        children: The todos directly under others, by the ids of these.
        roots: The todos at which to begin.
    """
    found = {item.id: item for item in roots}
    left = [*roots]
    while left:
        for child in children.get(left.pop().id, ()):
            if child.id not in found:
                found[child.id] = child
                left.append(child)
    for item in roots:
        found.pop(item.id, None)
    return sorted(found.values(), key=lambda child: child.number)


class Branch(Struct, frozen=True):
    """A todo as a line of a tree.

    Args:
        item: The todo.
        prefix: What stands before its text, for instance `├ `; '' for a todo that is under none of the same tree.
    """

    item: Item
    prefix: str


_DEEPEST = 12
"""How many levels of a tree are indented. Deeper ones would leave no room for the texts."""


def as_trees(items: Sequence[Item], links: Links) -> list[Branch]:
    """Arrange todos as trees: each todo comes directly after the one that it is a child of, if that is among them.

    Args:
        items: The todos. Those that are under no other keep their order; the children of a todo are in order of creation.
        links: The links of their list.
    """
    here = {item.id for item in items}
    if not any(item.todo.parent in here for item in items):
        return [Branch(item, "") for item in items]
    branches: list[Branch] = []
    seen: set[str] = set()

    def grow(root: Item) -> None:
        left = [(root, "", "", 0)]
        while left:
            item, prefix, below, depth = left.pop()
            if item.id in seen:
                continue
            seen.add(item.id)
            branches.append(Branch(item, prefix))
            children = [child for child in links.children(item) if child.id in here and child.id not in seen]
            for place in range(len(children) - 1, -1, -1):
                last = place == len(children) - 1
                inner = below if depth >= _DEEPEST else below + ("  " if last else "│ ")
                left.append((children[place], below + ("└ " if last else "├ "), inner, depth + 1))

    for item in items:
        parent = links.parent(item)
        if parent is None or parent.id not in here or item.todo.removed:
            grow(item)
    for item in items:  # what is left forms circles
        if item.id not in seen:
            grow(item)
    return branches
