"""`todo remind`: set the reminder of todos, acknowledge it, or list the reminders."""

from collections.abc import Sequence

from ...cqrs.struct import replace
from ...todo.errors import NotApplicable, ReminderAhead
from ...todo.fields import REMINDER
from ...todo.model import Change, TodoCommand
from ...todo.reminders import acknowledging
from ...todo.views import Item, short_instant
from ..answers import change
from ..clock import to_local
from ..errors import UsageError
from ..fields import read_instant
from ..ids import command_lines, starts_with_ids
from ..session import Session
from ..verb import CHANGE, ONE_IDS, Argument, Option, Verb


def remind(session: Session, ids: str | None, when: Sequence[str], ack: bool, count: bool) -> None:
    """Set the reminder of todos, or acknowledge it; without any todos, list the reminders."""
    if count:
        if ids is not None or ack:
            raise UsageError("--count takes no todos", "write: todo remind --count")
        from ..due_reminders import print_count

        print_count(session)
        return
    if session.options.all_lists and (ids is not None or ack):
        raise UsageError("--all-lists lists the reminders of all lists", "leave it out, or name no todos")
    if ack:
        _acknowledge(session, ids, when)
        return
    if ids is None:
        if session.request is not None:
            raise UsageError("the todos are missing", f"name them, for instance: {VERB.examples[0]}")
        from ..reminders import print_reminders

        print_reminders(session)
        return
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


def _acknowledge(session: Session, ids: str | None, when: Sequence[str]) -> None:
    """Acknowledge the reminders of todos."""
    if ids is None:
        raise UsageError("the todos are missing", "for instance: todo remind 3 --ack")
    if when:
        raise UsageError("--ack takes no time", f"to be reminded again: todo remind {ids} {' '.join(when)}")

    def acknowledge(item: Item) -> Sequence[TodoCommand]:
        try:
            return acknowledging(item.todo, session.list.clock())
        except ReminderAhead as error:
            at = short_instant(error.at, to_local)
            label = f"{session.prefix(session.list.name)}{item.number}"
            removed = f"its reminder comes at {at}, and is removed by: todo edit {label} reminder:none"
            raise NotApplicable(removed) from error

    change(session, [ids], acknowledge, "Acknowledged the reminder of", "Acknowledged already")


def _with_hint(session: Session, error: UsageError, ids: str, when: Sequence[str]) -> UsageError:
    """Return the error for words that are not a time, with a hint if they begin with ids or should clear the reminder."""
    if len(when) == 1 and when[0].lower() in ("none", "never", "off"):
        return UsageError(f"{when[0]!r} is not a time", f"to clear the reminder: todo edit {ids} reminder:none")
    rest = when[1:]
    if rest and starts_with_ids(when) and session.words_of_time(rest, "future") == len(rest):
        meant = command_lines("remind", [ids, when[0]], rest)
        return UsageError(f"{when[0]!r} could name a todo", f"for several todos: {meant}")
    return error


VERB = Verb(
    name="remind",
    help=("Set, acknowledge or list reminders. `todo edit 3 --clear reminder` or `todo edit 3 reminder:none` clears it."),
    examples=(
        "todo remind 3 tomorrow 9:00",
        "todo remind 1-3 friday",
        "todo remind 3 --ack",
        "todo remind",
        "todo edit 3 --clear reminder",
    ),
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
    options=(
        Option("ack", ("--ack",), "Acknowledge a reminder that came due, so that it is no longer shown."),
        Option("count", ("--count",), "Print how many reminders came due, for a shell prompt; with -A in all lists."),
    ),
    scope="lists",
    paged=True,
    reminds=False,
    writes=True,
    synonyms={"": "reminder alarm notify"},
)
