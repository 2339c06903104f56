"""`todo toggle`: complete open todos, and reopen completed ones."""

from collections.abc import Sequence

from ...todo.model import Toggle
from ..answers import change
from ..session import Session
from ..verb import CHANGE, IDS, Verb


def toggle(session: Session, ids: Sequence[str]) -> None:
    """Complete the todos that are open, and reopen the others."""
    now = session.list.clock()
    change(session, ids, lambda _: [Toggle(now)], "Toggled", "Unchanged")


VERB = Verb(
    name="toggle",
    help="Complete open todos, and reopen completed ones.",
    examples=("todo toggle 1-3",),
    action=toggle,
    group=CHANGE,
    arguments=(IDS,),
    writes=True,
)
