"""The commonest forms, a verb and words without options, told apart without building an option parser.

Each leads to the function that Typer's verb calls too; what is not one of them goes to Typer. That is more than half of the
time that `todo add Buy milk` takes.
"""

from collections.abc import Callable, Sequence
from functools import partial

from .session import Session

_MANY = 2**31
_CHANGING = {"add": 1, "done": 1, "reopen": 1, "toggle": 1, "rm": 1, "undo": 0, "redo": 0}
_LOOKING = {"ls": 0, "list": 0, "show": 1, "history": 0, "log": 0}
_LEAST = {**_CHANGING, **_LOOKING}
_MOST = {"undo": 1, "redo": 1}
"""How many words a verb takes in its form, where there is a bound."""


def form_of(args: Sequence[str]) -> Callable[[Session], int | None] | None:
    """What these arguments ask for, if they are one of the forms; None for all others, wrong ones too.

    What it gives returns the exit code, or None for 0.
    """
    if any(arg.startswith("-") for arg in args):
        return None
    if not args:
        return _home
    verb, *words = args
    if verb == "at" and words:
        return partial(_at, words=words)
    if verb not in _LEAST or not _LEAST[verb] <= len(words) <= _MOST.get(verb, _MANY):
        return None
    return partial(_change if verb in _CHANGING else _look, verb=verb, words=words)


def _home(session: Session) -> None:
    from .look import home

    home(session)


def _at(session: Session, words: Sequence[str]) -> int | None:
    count = session.words_of_moment(words)
    rest = words[count:]
    asked = None if count == 0 or rest[:1] == ["at"] else form_of(rest)
    if asked is None:
        from .app import run

        return run(["at", *words], session)
    session.options.at = " ".join(words[:count])
    return asked(session)


def _change(session: Session, verb: str, words: Sequence[str]) -> None:
    from . import change

    match verb:
        case "add":
            change.add(session, words)
        case "done":
            change.done(session, words)
        case "reopen":
            change.reopen(session, words)
        case "toggle":
            change.toggle(session, words)
        case "rm":
            change.remove(session, words)
        case "undo":
            change.undo(session, *words)
        case "redo":
            change.redo(session, *words)


def _look(session: Session, verb: str, words: Sequence[str]) -> None:
    from . import look

    match verb:
        case "ls" | "list":
            look.ls(session, words)
        case "show":
            look.show(session, words)
        case "history" | "log":
            look.history(session, words)
