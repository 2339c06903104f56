"""The errors of the command line, and what every error becomes: an exit code, a name for programs, a message and a hint."""

from ..cqrs.errors import (
    CommandReused,
    CqrsError,
    DamagedLog,
    InvalidLogName,
    LogBusy,
    LogExists,
    LogNotFound,
    MissingLog,
    OutcomeUnknown,
    OutdatedStore,
    StaleMark,
    StoreUnavailable,
    WrongExpectedVersion,
)
from ..cqrs.stores import UnknownStore
from ..cqrs.struct import Struct
from ..todo.recorder import NotYet
from ..todo.selection import NotFound


class UsageError(CqrsError):
    """The command line or the configuration cannot be parsed.

    Args:
        message: What is wrong, and where.
        hint: What to write instead.
    """

    def __init__(self, message: str, hint: str = "see: todo --help") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidInput(CqrsError):
    """A line of stdin, or of a file that is imported, cannot be used."""


class EditorFailed(CqrsError):
    """The editor ended with an error. Nothing was changed."""


class ExportFailed(CqrsError):
    """An export could not be written."""


class UnfitStore(CqrsError):
    """A store does not do everything that lists need."""

    hint = "use another server or disk for lists"


class Failure(Struct, frozen=True):
    """How an error ends the process.

    Args:
        exit_code: The exit code of the process.
        code: The name of the kind of error, for programs.
        message: What is wrong, and where.
        hint: What to do next; None for no hint.
    """

    exit_code: int
    code: str
    message: str
    hint: str | None


INTERNAL = 70
"""The exit code of an error that nobody foresaw."""

_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str, str | None], ...] = (
    ((UsageError, UnknownStore, InvalidLogName), 2, "usage", None),
    (NotYet, 2, "usage", "give a time in the past"),
    ((NotFound, LogNotFound), 3, "not-found", "see: todo lists"),
    ((WrongExpectedVersion, CommandReused, LogBusy, StaleMark), 4, "conflict", "try again"),
    (DamagedLog, 5, "damaged-log", "see what can be done: todo verify"),
    (OutcomeUnknown, 6, "unknown", "look before you do it again: todo history -n 1"),
    (OutdatedStore, 6, "store-outdated", "bring it up to date: todo store migrate"),
    (StoreUnavailable, 6, "store-unreachable", "see the paths in use: todo where"),
    (CqrsError, 1, "refused", None),
)


def failure(error: Exception) -> Failure | None:
    """Return how an error ends the process; None for an error that nobody foresaw."""
    for kinds, exit_code, code, hint in _KINDS:
        if isinstance(error, kinds):
            message = "; ".join([_message(error), *getattr(error, "__notes__", ())])
            return Failure(exit_code, code, message, _hint(error, hint))
    return None


def _message(error: Exception) -> str:
    """Return the message of an error for people, who call a log a list."""
    match error:
        case LogNotFound():
            return f"no list named {error.name!r}"
        case LogExists():
            wanted = getattr(error, "wanted", None)
            if getattr(error, "archived", False):
                return f"there is an archived list named {error.name!r}: unarchive it, or choose another name"
            same = f", and {wanted!r} differs from it only by case" if wanted not in (None, error.name) else ""
            return f"there is already a list named {error.name!r}{same}"
        case InvalidLogName():
            reason = getattr(error, "reason", None)
            return f"a list's name {reason}" if reason else str(error)
        case _:
            return str(error)


def _hint(error: Exception, hint: str | None) -> str | None:
    """Return what to do about an error; `hint` is what to do about most errors of its kind."""
    if isinstance(error, MissingLog):
        return _hint_for_missing(error)
    if isinstance(error, LogExists) and getattr(error, "wanted", None) not in (None, error.name):
        return f"did you mean {error.name!r}?"
    found: str | None = getattr(error, "hint", hint)
    return found


def _hint_for_missing(missing: MissingLog) -> str:
    if missing.name is None:
        return "bring that folder back, for instance by mounting its disk; or, to start again without it, remove the link"
    import shlex

    name = shlex.quote(missing.name)
    back = "put its file back"
    if missing.replaced:
        back = "move the other file away and put its file back"
    elif missing.id is not None:
        back = f"put its file back, or: todo -L {name} import FILE"
    return f"{back}; or start again, which keeps the record: todo lists new {name} --start-again"
