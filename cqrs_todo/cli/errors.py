"""Errors of the command line, and what every error becomes: an exit code, a name for programs, words and a hint."""

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
    StaleCursor,
    StoreUnavailable,
    WrongExpectedVersion,
)
from ..cqrs.stores import UnknownStore
from ..cqrs.struct import Struct
from ..todo.recorder import NotYet
from ..todo.selection import NotFound


class UsageError(CqrsError):
    """The command line or the configuration says something that can't be understood; `hint` says what can."""

    def __init__(self, message: str, hint: str = "see: todo --help") -> None:
        super().__init__(message)
        self.hint = hint


class Failure(Struct, frozen=True):
    """How an error ends the process."""

    exit_code: int
    code: str
    message: str
    hint: str | None


INTERNAL = 70

_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str, str | None], ...] = (
    ((UsageError, UnknownStore, InvalidLogName), 2, "usage", None),
    (NotYet, 2, "usage", "give a time in the past"),
    ((NotFound, LogNotFound), 3, "not-found", "see: todo lists"),
    ((WrongExpectedVersion, CommandReused, LogBusy, StaleCursor), 4, "conflict", "try again"),
    (DamagedLog, 5, "damaged-log", "see what can be done: todo verify"),
    (OutcomeUnknown, 6, "unknown", "look before you do it again: todo history -n 1"),
    (OutdatedStore, 6, "store-outdated", "bring it up to date: todo store migrate"),
    (StoreUnavailable, 6, "store-unreachable", "see the paths in use: todo where"),
    (CqrsError, 1, "refused", None),
)


def _way_out(missing: MissingLog) -> str:
    """What to do about a list that is gone."""
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


def _message(error: Exception) -> str:
    """The text of an error, which speaks of lists where the framework speaks of logs."""
    match error:
        case InvalidLogName():
            return f"a list's name {error.reason}"
        case LogNotFound():
            return f"no list named {error.name!r}"
        case LogExists(archived=True):
            return f"there is an archived list named {error.name!r}: unarchive it, or choose another name"
        case LogExists():
            same = "" if error.wanted == error.name else f", and {error.wanted!r} differs from it only by case"
            return f"there is a list named {error.name!r} already{same}"
        case _:
            return str(error)


def failure(error: Exception) -> Failure | None:
    """How an error that was foreseen ends the process; None for any other."""
    for kinds, exit_code, code, hint in _KINDS:
        if isinstance(error, kinds):
            match error:
                case MissingLog():
                    hint = _way_out(error)
                case LogExists() if error.wanted != error.name:
                    hint = f"did you mean {error.name!r}?"
                case _:
                    hint = getattr(error, "hint", hint)
            message = "; ".join([_message(error), *getattr(error, "__notes__", ())])
            return Failure(exit_code, code, message, hint)
    return None
