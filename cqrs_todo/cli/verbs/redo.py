"""`todo redo`: do again what `undo` undid."""

from ...cqrs.events import REDOES
from ..session import Session
from ..steps import parse_steps, print_steps
from ..verb import CHANGE, Argument, Verb


def redo(session: Session, count: str | None) -> None:
    """Redo the change that was undone last, or the last N."""
    asked = parse_steps(count, "redo")
    print_steps(session, session.list.redo(asked), "Redid", REDOES, "undo", asked)


VERB = Verb(
    name="redo",
    help="Redo what you undid last.",
    examples=("todo redo", "todo redo 3"),
    action=redo,
    group=CHANGE,
    arguments=(Argument("count", "N", "The number of changes.", required=False),),
    writes=True,
)
