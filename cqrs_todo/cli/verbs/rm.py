"""`todo rm`: remove todos."""

from collections.abc import Mapping, Sequence

from ...todo.model import Remove
from ...todo.views import move_of
from ..answers import change, hint_to_moved
from ..output import print_message
from ..session import Session
from ..text import visible
from ..verb import CHANGE, IDS, Verb


def rm(session: Session, ids: Sequence[str]) -> None:
    """Remove todos. This is an event like any other, which `undo` reverses."""
    for answer in change(session, ids, lambda _: [Remove()], "Removed", "Already removed", children="all"):
        same = {item.stream: item.number for item in answer.items if item.todo.removed and item not in answer.changed}
        if same and not session.options.json:
            _print_where(session, answer.list, same)


def _print_where(session: Session, list_name: str, numbers: Mapping[str, int]) -> None:
    """Print which of the todos that are not in a list any more were moved to another one, and where they are now.

    Args:
        session: This run of the program.
        list_name: The name of the list.
        numbers: Their numbers, by their streams.
    """
    left = dict(numbers)
    for commit in session.open_list(list_name).history():
        for stream in left.keys() & {event.stream for event in commit.events}:
            number, move = left.pop(stream), move_of(commit)
            if move is not None:
                there = hint_to_moved(session, {stream: move.target_name})
                print_message(session, f"{number} was moved to {visible(move.target_name)}{f'; {there}' if there else ''}")
        if not left:
            return


VERB = Verb(
    name="rm",
    help="Remove todos, and all todos under them. `todo undo` brings them back.",
    examples=("todo rm 3", "todo undo"),
    action=rm,
    group=CHANGE,
    arguments=(IDS,),
    writes=True,
    trees=True,
    synonyms={"": "delete remove del erase trash discard"},
)
