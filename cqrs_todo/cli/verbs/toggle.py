"""`todo toggle`: complete open todos, and reopen completed ones."""

from collections.abc import Sequence

from ...todo.model import Toggle
from ..answers import named, print_answers, record_in_lists
from ..session import Session
from ..text import visible
from ..verb import CHANGE, IDS, Verb


def toggle(session: Session, ids: Sequence[str]) -> None:
    """Complete the todos that are open, and reopen the others."""
    now = session.list.clock()
    answers = record_in_lists(session, ids, lambda _: [Toggle(now)])
    parts = [
        f"{words} {f'{visible(answer.list)}/' if len(answers) > 1 else ''}{named(items)}"
        for answer in answers
        for words, done in (("done", True), ("open again", False))
        if (items := [item for item in answer.changed if item.todo.done is done])
    ]
    print_answers(session, answers, f"Toggled: {'; '.join(parts)}" if parts else None)


VERB = Verb(
    name="toggle",
    help="Complete open todos, and reopen completed ones.",
    examples=("todo toggle 1-3",),
    action=toggle,
    group=CHANGE,
    arguments=(IDS,),
    writes=True,
)
