"""`todo move`: move todos to another list."""

from collections.abc import Sequence

from ...todo.lists import Lists, same_but_for_case
from ...todo.selection import NotFound
from ...todo.service import TodoList
from ...todo.views import spans
from ..answers import hint_to_restore, named, print_answer
from ..output import print_line, print_message
from ..session import Session, check_ids
from ..text import visible
from ..verb import CHANGE, IDS, Argument, Verb

_SEE_LISTS = "see: todo lists"


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
        print_message(session, f"Already in {visible(answer.list)}: {spans(same)}")
    if leaving and not session.options.quiet:
        there = spans(list(moved.values()))
        line = f"Moved {named(leaving)} to {visible(answer.list)}, as {there}"
        print_line(f"{line}. Undo: {session.typed(source.name, 'undo')}")


def _check_exists(destination: TodoList) -> None:
    """Raise `NotFound` if the list to move to does not exist, with the command that makes it as a hint."""
    try:
        destination.check_exists()
    except NotFound as error:
        lists = Lists(destination.store)
        if same_but_for_case(destination.name, [*lists.names(), *lists.names(archived=True)]) is None:
            import shlex  # only for this error

            make = f"make it: todo lists new {shlex.quote(destination.name)}"
            error.hint = f"to {make}" if error.hint == _SEE_LISTS else f"{error.hint} Or {make}"
        raise


VERB = Verb(
    name="move",
    help="Move todos to another list.",
    examples=("todo move 3 work",),
    action=move,
    group=CHANGE,
    arguments=(IDS, Argument("target", "LIST", "The list to move them to.")),
    writes=True,
)
