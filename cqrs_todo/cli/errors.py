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
        case InvalidLogName():
            return f"a list's name {error.reason}"
        case LogNotFound():
            return f"no list named {error.name!r}"
        case LogExists(archived=True):
            return f"there is an archived list named {error.name!r}"
        case LogExists():
            same = "" if error.wanted == error.name else f", and {error.wanted!r} differs from it only by case"
            return f"there is already a list named {error.name!r}{same}"
        case _:
            return str(error)


def _hint(error: Exception, hint: str | None) -> str | None:
    """Return what to do about an error; `hint` is what to do about most errors of its kind."""
    match error:
        case MissingLog():
            return _hint_for_missing(error)
        case LogExists(archived=True):
            return f"choose another name, or: todo lists unarchive {_quoted(error.name)}"
        case LogExists() if error.wanted != error.name:
            return f"did you mean {error.name!r}?"
        case _:
            found: str | None = getattr(error, "hint", hint)
            return found


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _hint_for_missing(missing: MissingLog) -> str:
    if missing.name is None:
        return "bring that folder back, for instance by mounting its disk; or, to start again without it, remove the link"
    name = _quoted(missing.name)
    back = "put the file of the list back"
    if missing.replaced:
        back = "move that file away and put the file of the list back"
    elif missing.id is not None:
        back = f"put the file of the list back, or: todo -L {name} import FILE"
    return f"{back}; or start again, which keeps the record of the old list: todo lists new {name} --start-again"
