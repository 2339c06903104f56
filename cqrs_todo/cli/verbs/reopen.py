"""`todo reopen`: open completed todos again."""

from collections.abc import Sequence

from ...todo.model import Reopen
from ..answers import change
from ..session import Session
from ..verb import CHANGE, IDS, Verb


def reopen(session: Session, ids: Sequence[str]) -> None:
    """Open todos again."""
    change(session, ids, lambda _: [Reopen()], "Reopened", "Already open")


VERB = Verb(
    name="reopen",
    help="Open completed todos again.",
    examples=("todo reopen 3",),
    action=reopen,
    group=CHANGE,
    about="done",
    arguments=(IDS,),
    writes=True,
    synonyms={"": "uncheck uncomplete undone open"},
)
