"""`todo rm`: remove todos."""

from collections.abc import Sequence

from ...todo.model import Remove
from ..answers import change
from ..session import Session
from ..verb import CHANGE, IDS, Verb


def rm(session: Session, ids: Sequence[str]) -> None:
    """Remove todos. This is an event like any other, which `undo` reverses."""
    change(session, ids, lambda _: [Remove()], "Removed", "Already removed", children="all")


VERB = Verb(
    name="rm",
    help="Remove todos, and all todos under them. `todo undo` brings them back.",
    examples=("todo rm 3", "todo undo"),
    action=rm,
    group=CHANGE,
    arguments=(IDS,),
    writes=True,
    trees=True,
)
