"""`todo replay`: the history, commit by commit, in either direction."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..output import OutputFailed, print_line, print_message
from ..session import Session
from ..verb import TRAVEL, Argument, Option, Verb

if TYPE_CHECKING:
    from ...todo.service import TodoList
    from ..playing import Range


def replay(
    session: Session,
    *,
    start: str | None,
    end: str | None,
    since: str | None,
    until: str | None,
    speed: float,
    step: bool,
) -> None:
    """Play the history from one moment to another, commit by commit."""
    since = _only("start", start, since)
    until = _only("end", end, until, session.options.at)
    if not 0 < speed <= 1_000_000:
        raise UsageError(f"--speed cannot be {speed:g}", "it is a number above 0: 2 is twice as fast")
    from ..playing import read_ranges

    ranges, failure = read_ranges(session, since, until)
    if not ranges:
        print_message(session, "There are no changes to play.")
    else:
        _play(session, ranges, speed, step=step)
    if failure is not None:
        raise failure


def _play(session: Session, ranges: Mapping[TodoList, Range], speed: float, *, step: bool) -> None:
    """Play commits on the terminal, or print a document for each."""
    from ..playing import film_of, frames

    if sys.stdout.isatty() and not session.options.json:
        from ..player import play

        try:
            play(session, film_of(session, ranges), speed, step=step)
        except OSError as error:
            raise OutputFailed(error) from error
        return
    from .. import document

    for todos, commit, view in frames(ranges):
        shown = [item for item in view.items if not item.todo.removed]
        head = {"list": view.list, "at": commit.metadata.at, "direction": ranges[todos].direction}
        rows = [document.todo_document(item) for item in shown]
        print_line(document.encode({**head, "commit": document.commit_document(commit, todos.position_of), "todos": rows}))


def _only(name: str, *texts: str | None) -> str | None:
    """Return the moment that was given, as a word, an option or --at; None if there is none.

    Raises:
        UsageError: There are several.
    """
    given = [text for text in texts if text is not None]
    if len(given) > 1:
        raise UsageError(f"the {name} is given twice: {given[0]!r} and {given[1]!r}", "give it once")
    return given[0] if given else None


VERB = Verb(
    name="replay",
    help=(
        "Play the history on the terminal, from FROM to TO. If FROM is later than TO, it is played backward. "
        "Left and right step, space pauses, Home and End go to the ends, j jumps to a moment, + and - change the speed, "
        "r reverses the direction, q quits. With -A, the changes of all lists are played by their times. "
        "In a pipe, it prints one JSON document for each change."
    ),
    examples=(
        "todo replay",
        "todo replay last monday --speed 5",
        "todo replay @9 @2",
        "todo at @9 replay",
        "todo replay --step",
        "todo replay -A last week",
    ),
    action=replay,
    group=TRAVEL,
    arguments=(
        Argument(
            "start",
            "FROM",
            "Where to start: a time, or @POSITION. Default: the first change.",
            required=False,
            time="moment",
        ),
        Argument("end", "TO", "Where to end. Default: now.", required=False, time="moment"),
    ),
    options=(
        Option("since", ("--from",), "The same as FROM.", metavar="TIME|@POSITION", time="moment"),
        Option("until", ("--to",), "The same as TO.", metavar="TIME|@POSITION", time="moment"),
        Option("speed", ("--speed",), "The speed: 2 is twice as fast.", metavar="N", kind=float, default=1.0),
        Option("step", ("--step",), "Begin with a pause, and step with the keys."),
    ),
    scope="lists",
)
