"""Positions as people write them: `@42`, `@-1` before the last commit, `@42~1` before the commit of @42, and `start`."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from ..cqrs.events import Commit, Moment
from ..todo.errors import NotFound
from ..todo.service import TodoList
from ..todo.views import short_instant
from .clock import to_local
from .errors import UsageError, position_of_one_list
from .session import Session

_MOST_DIGITS = 18


class BeforeFirstCommit(NotFound):
    """A position that was counted back is before the first commit."""

    hint = "the empty list before it is: start"


def is_position(text: str) -> bool:
    """Return whether a text has the form of a position. The list may have no such position."""
    return text.lower() == "start" or _parse(text) is not None


def check_all_lists(session: Session, *texts: str | None) -> None:
    """Check that no text names a position if the run is about all lists. Each list has a `start`.

    Raises:
        UsageError: A text does.
    """
    if session.options.all_lists and any(text and text.lower() != "start" and is_position(text) for text in texts):
        raise position_of_one_list()


def find_position(todos: TodoList, text: str) -> int:
    """Return the position that a text means in a list.

    Args:
        todos: The list.
        text: A position, or a text that begins with `@`.

    Raises:
        UsageError: The text has not the form of a position.
        EventNotFound: The text counts back from a position that the list does not have.
        BeforeFirstCommit: The text counts back to before the first commit.
    """
    if text.lower() == "start":
        return 0
    parsed = _parse(text)
    if parsed is None:
        raise UsageError(f"{text!r} is not a position", "write, for instance: @42, @-1, @42~1, start, now")
    position, back = parsed
    if position == 0 and back:
        raise BeforeFirstCommit(f"{text} is before the first commit")
    if not back and position is not None:
        return position
    commits: Iterator[Commit] = todos.history(position)
    passed = list(islice(commits, back))
    if len(passed) < back:
        count = "1 commit" if len(passed) == 1 else f"{len(passed):,} commits"
        before = "" if position is None else f" up to @{position}"
        raise BeforeFirstCommit(f"{text} is before the first commit: {todos.name} has {count}{before}")
    return passed[-1].position - 1


def read_limits(session: Session, since: str | None, until: str | None) -> tuple[Moment | None, Moment | None]:
    """Read the first and the last moment of a part of the history, as `--since` and `--until` give them.

    Args:
        session: This run of the program.
        since: A position or a time, which begins at its first instant. None for the beginning of the history.
        until: A position or a time, which ends at its last instant. None for the end of the history.

    Raises:
        UsageError: One of them is not a moment, or `until` comes before `since`.
        EventNotFound: One of them is a position that the list does not have.
    """
    check_all_lists(session, since, until)
    first = None if since is None else session.beginning_of(since)
    last = None if until is None else session.moment_of(until)
    if isinstance(last, int):
        session.list.check_position(last)
    if since is None or until is None:
        return first, last
    if isinstance(first, int) and isinstance(last, int) and first > last:
        raise UsageError(f"{since!r} comes after {until!r}", "give --since before --until")
    # a day that the zone left out is empty: it ends before it begins
    if isinstance(first, datetime) and isinstance(last, datetime) and first > last and session.span_of(until).start < first:
        raise _wrong_order(session, since, until, "give --since before --until")
    return first, last


def check_order(session: Session, first: str, second: str) -> None:
    """Check that of two times the first does not end after the second. Positions may have any order.

    Args:
        session: This run of the program.
        first: A position or a time.
        second: Another one.

    Raises:
        UsageError: Both are times, and the first ends after the second.
    """
    if is_position(first) or is_position(second):
        return
    start, end = session.span_of(first), session.span_of(second)
    until_now = start.start <= session.now <= end.end  # a day that is not over ends now, too
    if start.end > end.end and not until_now:
        raise _wrong_order(session, first, second, f"give the earlier one first: todo diff {second} {first}")


def _wrong_order(session: Session, first: str, second: str, hint: str) -> UsageError:
    verb = "comes" if session.span_of(first).start > session.span_of(second).end else "ends"
    return UsageError(f"{_with_meaning(session, first)} {verb} after {_with_meaning(session, second)}", hint)


def _with_meaning(session: Session, text: str) -> str:
    """Return a time as it was typed, and what it means if this looks different."""
    span = session.span_of(text)
    if span.grain in ("minute", "second", "microsecond"):
        meant = short_instant(span.start, to_local)
    else:
        first, last = (to_local(instant).date().isoformat() for instant in (span.start, span.end))
        meant = first if first >= last else f"{first} to {last}"
    return repr(text) if meant == text else f"{text!r} ({meant})"


def _parse(text: str) -> tuple[int | None, int] | None:
    """Return the position in a text, or None for the end of the list, and how many commits to go back from there.

    For other texts it returns None.
    """
    if not text.startswith("@"):
        return None
    base, tilde, steps = text[1:].partition("~")
    back = 0
    if tilde:
        if steps and not _is_number(steps):
            return None
        back = int(steps or 1)
    last = base.removeprefix("-")
    if not _is_number(last):
        return None
    if last == base:
        return int(base), back
    return (None, back + int(last)) if int(last) else None


def _is_number(text: str) -> bool:
    return len(text) <= _MOST_DIGITS and text.isascii() and text.isdecimal()
