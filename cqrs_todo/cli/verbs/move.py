"""`todo move`: move todos to another list."""

from collections.abc import Sequence

from ...todo.views import number_ranges
from ..answers import named, print_answer
from ..output import print_line, print_message
from ..session import Session, check_ids
from ..text import visible
from ..verb import CHANGE, IDS, Argument, Verb


def move(session: Session, ids: Sequence[str], target: str) -> None:
    """Move todos to another list, where they keep their ids and fields."""
    source = session.list
    chosen = source.select(check_ids(ids))
    answer = source.move(chosen, session.open_list(target))
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


VERB = Verb(
    name="move",
    help="Move todos to another list.",
    examples=("todo move 3 work",),
    action=move,
    group=CHANGE,
    arguments=(IDS, Argument("target", "LIST", "The list to move them to.")),
    writes=True,
)
