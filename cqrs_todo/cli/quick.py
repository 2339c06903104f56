"""The commonest forms, a verb and words without options, told apart without building an option parser.

Each is the function that Typer's verb calls too; what is not one of them goes to Typer. That is more than half of the time
that `todo add Buy milk` takes.
"""

from collections.abc import Callable, Sequence

from .session import Session


def _add(session: Session, words: Sequence[str]) -> None:
    from .change import add

    add(session, words)


def _done(session: Session, words: Sequence[str]) -> None:
    from .change import done

    done(session, words)


def _reopen(session: Session, words: Sequence[str]) -> None:
    from .change import reopen

    reopen(session, words)


def _toggle(session: Session, words: Sequence[str]) -> None:
    from .change import toggle

    toggle(session, words)


def _rm(session: Session, words: Sequence[str]) -> None:
    from .change import remove

    remove(session, words)


def _undo(session: Session, words: Sequence[str]) -> None:
    from .change import undo

    undo(session, *words)


def _redo(session: Session, words: Sequence[str]) -> None:
    from .change import redo

    redo(session, *words)


def _ls(session: Session, words: Sequence[str]) -> None:
    from .look import ls

    ls(session, words)


def _show(session: Session, words: Sequence[str]) -> None:
    from .look import show

    show(session, words)


def _history(session: Session, words: Sequence[str]) -> None:
    from .look import history

    history(session, words)


_MANY = 2**31

FORMS: dict[str, tuple[int, int, Callable[[Session, Sequence[str]], None]]] = {
    "add": (1, _MANY, _add),
    "done": (1, _MANY, _done),
    "reopen": (1, _MANY, _reopen),
    "toggle": (1, _MANY, _toggle),
    "rm": (1, _MANY, _rm),
    "undo": (0, 1, _undo),
    "redo": (0, 1, _redo),
    "ls": (0, _MANY, _ls),
    "list": (0, _MANY, _ls),
    "show": (1, _MANY, _show),
    "history": (0, _MANY, _history),
    "log": (0, _MANY, _history),
}
"""By verb: the least and the most words it takes in this form, and what it does."""


def form_of(args: Sequence[str]) -> Callable[[Session], None] | None:
    """What these arguments ask for, if they are one of the forms; None for all others, wrong ones too."""
    if any(arg.startswith("-") for arg in args):
        return None
    if not args:
        return _home
    verb, *words = args
    if verb == "at" and words:
        time, *rest = words
        asked = None if rest[:1] == ["at"] else form_of(rest)
        return None if asked is None else lambda session: _at(session, time, asked)
    least, most, act = FORMS.get(verb, (1, 0, _ls))
    return (lambda session: act(session, words)) if least <= len(words) <= most else None


def _home(session: Session) -> None:
    from .look import home

    home(session)


def _at(session: Session, time: str, asked: Callable[[Session], None]) -> None:
    session.options.at = time
    asked(session)
