"""`todo toggle`: complete open todos, and reopen completed ones."""

from collections.abc import Sequence

from ...todo.model import Toggle
from ..answers import hint_to_restore, named, print_answer
from ..session import Session, check_ids
from ..verb import CHANGE, IDS, Verb


def toggle(session: Session, ids: Sequence[str]) -> None:
    """Complete the todos that are open, and reopen the others."""
    now = session.list.clock()
    todos = session.list
    chosen = todos.select(check_ids(ids))
    with hint_to_restore(session):
        answer = todos.change(chosen, lambda _: [Toggle(now)])
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
