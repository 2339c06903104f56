"""`todo toggle`: complete open todos, and reopen completed ones."""

from collections.abc import Sequence

from ...todo.model import Toggle
from ..answers import named, print_answer, record
from ..session import Session
from ..verb import CHANGE, IDS, Verb


def toggle(session: Session, ids: Sequence[str]) -> None:
    """Complete the todos that are open, and reopen the others."""
    now = session.list.clock()
    answer = record(session, ids, lambda _: [Toggle(now)])
    parts = [
        f"{words} {named(items)}"
        for words, done in (("done", True), ("open again", False))
        if (items := [item for item in answer.changed if item.todo.done is done])
    ]
    print_answer(session, answer, f"Toggled: {'; '.join(parts)}" if answer.changed else None)


VERB = Verb(
    name="toggle",
    help="Complete open todos, and reopen completed ones.",
    examples=("todo toggle 1-3",),
    action=toggle,
    group=CHANGE,
    arguments=(IDS,),
    writes=True,
)
