"""`todo remind`: set the reminder of todos, or list the reminders."""

from collections.abc import Sequence

from ...cqrs.struct import replace
from ...todo.fields import REMINDER
from ...todo.model import Change
from ...todo.views import short_instant
from ..answers import change
from ..clock import to_local
from ..errors import UsageError
from ..fields import read_instant
from ..ids import starts_with_ids
from ..session import Session
from ..verb import CHANGE, ONE_IDS, Argument, Verb


def remind(session: Session, ids: str | None, when: Sequence[str]) -> None:
    """Set the reminder of todos; without any todos, list the reminders."""
    if ids is None:
        if session.request is not None:
            raise UsageError("the todos are missing", f"name them, for instance: {VERB.examples[0]}")
        from ..reminders import print_reminders

        print_reminders(session)
        return
    if session.options.all_lists:
        raise UsageError("--all-lists lists the reminders of all lists", "leave it out, or name no todos")
    if not when:
        raise UsageError("missing argument 'WHEN'", f"for instance: {VERB.examples[0]}")
    text = " ".join(when)
    try:
        at = read_instant(session, text)
    except UsageError as error:
        raise _with_hint(session, error, ids, when) from error
    now = session.list.clock()
    done = f"Reminder {short_instant(at, to_local)} for"
    change(session, [ids], lambda _: [Change(REMINDER, at, now)], done, "Unchanged")


def _with_hint(session: Session, error: UsageError, ids: str, when: Sequence[str]) -> UsageError:
    """Return the error for words that are not a time, with a hint if they begin with ids or should clear the reminder."""
    if len(when) == 1 and when[0].lower() in ("none", "never", "off"):
        return UsageError(f"{when[0]!r} is not a time", f"to clear the reminder: todo edit {ids} reminder:none")
    rest = when[1:]
    if rest and starts_with_ids(when) and session.words_of_time(rest, "future") == len(rest):
        other = when[0].rstrip(",")
        meant = ids if other == ids else f"{ids.rstrip(',')},{other}"
        return UsageError(f"{when[0]!r} could name a todo", f"write todos in one word: todo remind {meant} {' '.join(rest)}")
    return error


VERB = Verb(
    name="remind",
    help=(
        "Set the reminder of todos, or list all reminders. "
        "`todo edit 3 --clear reminder` or `todo edit 3 reminder:none` clears it."
    ),
    examples=("todo remind 3 tomorrow 9:00", "todo remind 1-3 friday", "todo remind", "todo edit 3 --clear reminder"),
    action=remind,
    group=CHANGE,
    arguments=(
        replace(ONE_IDS, required=False),
        Argument(
            "when",
            "WHEN",
            "When to remind you, in the future. A day alone means 09:00.",
            required=False,
            several=True,
            time="future",
        ),
    ),
    all_lists=True,
    paged=True,
    writes=True,
)
