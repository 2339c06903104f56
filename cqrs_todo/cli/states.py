"""Which todos a verb is likely to be about, for completion and for the picker."""

from ..todo.views import Item
from .verb import Verb

_STATES = {"reopen": "done", "restore": "removed"}
"""The verbs that are about todos in another state than open."""
_ABOUT_ALL = ("show", "blame", "history", "diff", "forget", "move", "tag", "edit", "note")
"""The verbs that are also about completed todos."""


def is_likely(item: Item, verb: Verb | None) -> bool:
    """Return whether a verb is likely to be about a todo; without a verb, whether the todo is open."""
    todo = item.todo
    name = "" if verb is None else verb.name
    state = _STATES.get(name, "all" if name in _ABOUT_ALL else "open")
    if state == "removed":
        return todo.removed
    return not todo.removed and (state == "all" or todo.done == (state == "done"))
