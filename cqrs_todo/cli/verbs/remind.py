"""`todo remind`: set the reminder of todos."""

from collections.abc import Sequence

from ...todo.fields import REMINDER
from ...todo.model import Change
from ...todo.views import short_instant
from ..answers import change
from ..clock import to_local
from ..fields import read_instant
from ..session import Session
from ..verb import CHANGE, ONE_IDS, Argument, Verb


def remind(session: Session, ids: str, when: Sequence[str]) -> None:
    """Set the reminder of todos."""
    at = read_instant(session, " ".join(when))
    now = session.list.clock()
    done = f"Reminder {short_instant(at, to_local)} for"
    change(session, [ids], lambda _: [Change(REMINDER, at, now)], done, "Unchanged")


VERB = Verb(
    name="remind",
    help="Set the reminder of todos. `todo edit 3 --clear reminder` or `todo edit 3 reminder:none` clears it.",
    examples=("todo remind 3 tomorrow 9:00", "todo remind 1-3 friday", "todo edit 3 --clear reminder"),
    action=remind,
    group=CHANGE,
    arguments=(
        ONE_IDS,
        Argument("when", "WHEN", "When to remind you, in the future. A day alone means 09:00.", several=True, time="future"),
    ),
    writes=True,
)
