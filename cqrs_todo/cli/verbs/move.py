"""`todo move`: move todos to another list."""

import shlex
from collections.abc import Sequence

from ...todo.errors import ListNotFound
from ...todo.lists import differing_only_by_case
from ...todo.service import TodoList
from ...todo.views import number_ranges
from ..answers import hint_to_restore, named, print_answer
from ..output import print_line, print_message
from ..session import Session
from ..text import visible
from ..verb import CHANGE, IDS_IN_ONE_LIST, Argument, Verb


def move(session: Session, ids: Sequence[str], target: str) -> None:
    """Move todos to another list, where they keep their ids and fields."""
    chosen = session.choose(ids)
    source = session.list
    destination = session.open_list(target)
    _check_exists(destination)
    with hint_to_restore(session):
        answer = source.move(chosen, destination)
    if session.options.json:
        print_answer(session, answer, None)
        return
    moved = {item.stream: item.number for item in answer.changed}
    leaving = [item for item in source.view().items if item.stream in moved]
    same = [item.number for item in chosen if item.stream not in moved]
    if same:
        print_message(session, f"Already in {visible(answer.list)}: {number_ranges(same)}")
    if leaving and not session.options.quiet:
        there = [moved[item.stream] for item in leaving]
        places = number_ranges(there)
        if there != sorted(there):  # some had been there before
            places = ", ".join(f"{item.number} as {moved[item.stream]}" for item in leaving)
        line = f"Moved {named(leaving)} to {visible(answer.list)}, {'as ' if there == sorted(there) else ''}{places}"
        print_line(f"{line}. Undo: {session.typed(source.name, 'undo')}")


class TargetNotFound(ListNotFound):
    """The list that todos should be moved to does not exist.

    Args:
        name: The name that was typed.
        nearest: The most similar name that exists. None if no name is similar.
        may_be_made: Whether a list of this name could be made.
    """

    def __init__(self, name: str, nearest: str | None, *, may_be_made: bool) -> None:
        super().__init__(name, nearest)
        make = f"make it: todo lists new {shlex.quote(name)}"
        meant = "" if nearest is None else f"did you mean {nearest!r}?"
        self.hint = meant if not may_be_made else f"{meant} Or {make}" if meant else f"to {make}"


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
    about="all",
    arguments=(IDS_IN_ONE_LIST, Argument("target", "LIST", "The list to move them to.")),
    writes=True,
    trees=True,
    synonyms={"": "mv transfer"},
)
