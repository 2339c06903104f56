"""`todo redo`: do again what `undo` undid."""

from ...cqrs.events import REDOES
from ...todo.errors import StepRefused
from ..session import Session
from ..steps import note_obstacles, parse_steps, print_steps
from ..verb import CHANGE, Argument, Verb


def redo(session: Session, count: str | None) -> None:
    """Redo the change that was undone last, or the last N."""
    asked = parse_steps(count, "redo takes a number, and begins with what was undone last; for instance: todo redo 3")
    try:
        answer = session.list.redo(asked)
    except StepRefused as error:
        note_obstacles(session, error)
        raise
    print_steps(session, answer, "Redid", REDOES, "undo", asked)


VERB = Verb(
    name="redo",
    help="Redo what you undid last.",
    examples=("todo redo", "todo redo 3"),
    action=redo,
    group=CHANGE,
    arguments=(Argument("count", "N", "The number of changes.", required=False),),
    writes=True,
)
