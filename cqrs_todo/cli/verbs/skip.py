"""`todo skip`: move todos that recur to their next dates."""

from collections.abc import Sequence

from ...todo.views import display_day_or_instant
from ..answers import hint_to_restore, print_changes
from ..clock import to_local
from ..session import Session
from ..verb import CHANGE, IDS_IN_ONE_LIST, Verb


def skip(session: Session, ids: Sequence[str]) -> None:
    """Leave out this time of todos that recur. Their reminders and waits move with their due dates."""
    chosen = session.choose(ids)
    with hint_to_restore(session):
        answer = session.list.skip(chosen)
    dues = {display_day_or_instant(item.todo.due, to_local) for item in answer.changed}
    print_changes(session, answer, "Skipped", "Unchanged", f"now due {dues.pop()}" if len(dues) == 1 else "")


VERB = Verb(
    name="skip",
    help="Move todos that recur to their next dates. They are not completed.",
    examples=("todo skip 3",),
    action=skip,
    group=CHANGE,
    about="recurring",
    arguments=(IDS_IN_ONE_LIST,),
    writes=True,
)
