"""`todo done`: complete todos."""

from collections.abc import Sequence

from ...todo.model import Complete
from ...todo.service import Descendants
from ...todo.values import day_or_instant
from ..answers import change
from ..session import Session
from ..verb import EVERYDAY, IDS, Option, Verb


def done(session: Session, ids: Sequence[str], on: str | None, with_children: bool) -> None:
    """Complete todos, now or on an earlier day."""
    now = session.list.clock()
    completed = day_or_instant(now)
    if on is not None:
        value = session.time_of(on, "past")
        completed = completed if value == session.now else day_or_instant(value)
    children: Descendants | None = "open" if with_children else None
    change(session, ids, lambda _: [Complete(completed, now)], "Done", "Already done", children=children)


VERB = Verb(
    name="done",
    help="Complete todos. A todo that recurs is followed by the next one of its series.",
    examples=("todo done 3", "todo done 1-3,7", "todo done @ --on yesterday"),
    action=done,
    group=EVERYDAY,
    arguments=(IDS,),
    options=(
        Option("on", ("--on",), "When it was done, if not now.", metavar="DATE", time="past"),
        Option("with_children", ("--with-children",), "Also complete all open todos under them."),
    ),
    writes=True,
    synonyms={"": "complete completed finish finished check close tick do"},
)
