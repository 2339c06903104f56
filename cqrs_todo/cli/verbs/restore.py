"""`todo restore`: make the list, or some todos, what they were."""

from collections.abc import Sequence

from ...todo.views import number_ranges
from ..answers import print_changes
from ..output import print_message
from ..session import Session, check_ids
from ..verb import TRAVEL, Argument, Option, Verb


def restore(session: Session, ids: Sequence[str], to: str) -> None:
    """Make the list, or some todos, what they were at a moment, with new events in one commit."""
    todos = session.list
    chosen = todos.select(check_ids(ids)) if ids else None
    answer = todos.restore(session.moment_of(to), chosen)
    if answer.commit is None and not ids and not session.options.json:
        print_message(session, "Nothing to restore.")
    else:
        print_changes(session, answer, "Restored", "Unchanged")
    if answer.stayed and not session.options.json:
        numbers = number_ranges([item.number for item in answer.stayed])
        print_message(session, f"Not restored, because moved between lists since then: {numbers}")


VERB = Verb(
    name="restore",
    help="Set the list, or some todos, back to how they were. `todo undo` reverses it.",
    examples=('todo restore --to "last friday 17:00"', "todo restore 3 --to @42"),
    action=restore,
    group=TRAVEL,
    arguments=(Argument("ids", "IDS", "Only these todos. Default: the whole list.", required=False, several=True),),
    options=(Option("to", ("--to",), "The time to go back to.", metavar="TIME|@POSITION", required=True),),
    writes=True,
)
