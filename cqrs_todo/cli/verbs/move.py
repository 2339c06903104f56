"""`todo move`: move todos to another list."""

from collections.abc import Sequence

from ...todo.errors import ListNotFound
from ...todo.lists import differing_only_by_case
from ...todo.service import TodoList
from ...todo.views import number_ranges
from ..answers import hint_to_restore, named, print_answer
from ..errors import TargetNotFound
from ..output import print_line, print_message
from ..session import Session, check_ids
from ..text import visible
from ..verb import CHANGE, IDS, Argument, Verb


def move(session: Session, ids: Sequence[str], target: str) -> None:
    """Move todos to another list, where they keep their ids and fields."""
    source = session.list
    chosen = source.select(check_ids(ids))
    destination = session.open_list(target)
    _check_exists(destination)
    with hint_to_restore(session):
        answer = source.move(chosen, destination)
    if session.options.json:
        print_answer(session, answer, None)
        return
    moved = {item.stream: item.number for item in answer.changed}
    leaving = [item for item in chosen if item.stream in moved]
    same = [item.number for item in chosen if item.stream not in moved]
    if same:
        print_message(session, f"Already in {visible(answer.list)}: {number_ranges(same)}")
    if leaving and not session.options.quiet:
        there = number_ranges(list(moved.values()))
        line = f"Moved {named(leaving)} to {visible(answer.list)}, as {there}"
        print_line(f"{line}. Undo: {session.typed(source.name, 'undo')}")


def _check_exists(destination: TodoList) -> None:
    """Raise `TargetNotFound` if the list to move to does not exist."""
    try:
        destination.check_exists()
    except ListNotFound as error:
        similar = error.nearest is not None and differing_only_by_case(error.name, [error.nearest]) is not None
        raise TargetNotFound(error.name, error.nearest, may_be_made=not similar) from error


VERB = Verb(
    name="move",
    help="Move todos to another list.",
    examples=("todo move 3 work",),
    action=move,
    group=CHANGE,
    arguments=(IDS, Argument("target", "LIST", "The list to move them to.")),
    writes=True,
)
