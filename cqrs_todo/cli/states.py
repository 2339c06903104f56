"""Which todos a verb is likely to be about, for completion and for the picker."""

from ..todo.views import Item


def is_likely(item: Item, about: str) -> bool:
    """Return whether a todo is in the state that a verb is about; see `Verb.about`."""
    todo = item.todo
    if about == "removed":
        return todo.removed
    if about == "recurring":
        return not todo.removed and not todo.done and todo.every is not None
    return not todo.removed and (about == "all" or todo.done == (about == "done"))
