"""Positions as people write them: `@42`, `@-1` before the last commit, `@42~1` before the commit of @42, and `start`."""

from collections.abc import Iterator
from itertools import islice

from ..cqrs.events import Commit
from ..todo.service import TodoList
from .errors import UsageError

_MOST_DIGITS = 18


def is_position(text: str) -> bool:
    """Return whether a text has the form of a position. The list may have no such position."""
    return text.lower() == "start" or _parse(text) is not None


def find_position(todos: TodoList, text: str) -> int:
    """Return the position that a text means in a list.

    Args:
        todos: The list.
        text: A position, or a text that begins with `@`.

    Raises:
        UsageError: The text has not the form of a position, or it means a time before the first commit.
        NotYet: The list has no such position yet.
    """
    if text.lower() == "start":
        return 0
    parsed = _parse(text)
    if parsed is None:
        raise UsageError(f"{text!r} is not a position", "write, for instance: @42, @-1, @42~1, start, now")
    position, back = parsed
    if position == 0 and back:
        raise UsageError(f"{text} is before the first commit", "the empty list before it is: start")
    if not back and position is not None:
        return position
    commits: Iterator[Commit] = todos.history(position)
    passed = list(islice(commits, back))
    if len(passed) < back:
        count = "1 commit" if len(passed) == 1 else f"{len(passed):,} commits"
        before = "" if position is None else f" up to @{position}"
        raise UsageError(
            f"{text} is before the first commit: {todos.name} has {count}{before}", "the empty list before it is: start"
        )
    return passed[-1].position - 1


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
