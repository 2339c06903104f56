"""`todo replay`: the history, commit by commit."""

import sys
from collections.abc import Iterator
from datetime import datetime

from ...cqrs.events import Commit
from ...cqrs.timeline import Moment
from ...todo.service import TodoList, View
from ..errors import UsageError
from ..output import OutputFailed, print_line
from ..session import Session
from ..verb import TRAVEL, Argument, Option, Verb


def replay(
    session: Session, start: str | None, end: str | None, since: str | None, until: str | None, speed: float, step: bool
) -> None:
    """Play the history from one moment to another, commit by commit."""
    since = _only("start", start, since)
    until = _only("end", end, until, session.options.at)
    if not 0 < speed <= 1_000_000:
        raise UsageError(f"--speed cannot be {speed:g}", "it is a number above 0: 2 is twice as fast")
    todos = session.list
    frames = _frames(todos, _first(session, since), None if until is None else session.moment_of(until))
    if sys.stdout.isatty() and not session.options.json:
        from ..player import play

        try:
            play(session, frames, speed, step=step)
        except OSError as error:
            raise OutputFailed(error) from error
        return
    from .. import document

    for commit, view in frames:
        shown = [item for item in view.items if not item.todo.removed]
        head = {"list": view.list, "at": commit.metadata.at, "commit": document.commit_document(commit)}
        print_line(document.encode({**head, "todos": [document.todo_document(item) for item in shown]}))


def _only(name: str, *texts: str | None) -> str | None:
    """Return the moment that was given, as a word, an option or --at; None if there is none.

    Raises:
        UsageError: There are several.
    """
    given = [text for text in texts if text is not None]
    if len(given) > 1:
        raise UsageError(f"the {name} is given twice: {given[0]!r} and {given[1]!r}", "give it once")
    return given[0] if given else None


def _first(session: Session, text: str | None) -> Moment:
    """Return the moment before the first frame."""
    moment = 0 if text is None else session.beginning_of(text)
    return moment if isinstance(moment, datetime) else max(moment - 1, 0)


def _frames(todos: TodoList, first: Moment, last: Moment | None) -> Iterator[tuple[Commit, View]]:
    """Read the commits after the first moment, up to the last one, each with the list as it was then."""
    start, end = todos.view(first).position, todos.view(last).position
    yield from todos.replay(start, end)


VERB = Verb(
    name="replay",
    help=(
        "Play the history on the terminal. Space pauses, n shows the next change, q quits. "
        "In a pipe, it prints one JSON document per change."
    ),
    examples=("todo replay", "todo replay last monday --speed 5", "todo replay @2 @9 --step", "todo at @9 replay"),
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
        Option("step", ("--step",), "Wait for a key after each commit."),
    ),
)
