"""What every error becomes: an exit code, a name for programs, a message and a hint, all printed on stderr."""

import os
import re
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ..cqrs.errors import (
    CommandReused,
    CqrsError,
    DamagedLog,
    InvalidLogName,
    LogBusy,
    LogExists,
    LogNotFound,
    OutcomeUnknown,
    StaleCursor,
    StoreUnavailable,
    UnknownEvents,
    Unrecordable,
    WrongExpectedVersion,
)
from ..cqrs.operation_errors import ForgottenStream, NewerStore, OutdatedStore, SameLog, StreamNotFound
from ..cqrs.stores.installed import StoreFailed, UnknownStore, failure_of_store
from ..cqrs.stores.jsonl.files import make_directory
from ..cqrs.stores.passwords import HIDDEN, hidden, secrets_in
from ..cqrs.struct import Struct, replace
from ..todo.errors import (
    AboutStep,
    EventNotFound,
    InvalidCondition,
    ListArchived,
    NotFound,
    NotYet,
    TodoNotFound,
    WrongRemote,
)
from ..todo.request_errors import NoVersionToExpect, UnexpectedState
from . import document
from .config import load_config, state_dir
from .errors import INTERNAL, UsageError
from .hints import complete_hint
from .remedies import remedy
from .session import Session, as_utf8
from .text import visible


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


_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str, str | None], ...] = (
    ((UsageError, UnknownStore, InvalidLogName, WrongRemote), 2, "usage", None),
    (InvalidCondition, 2, "usage", "for instance: todo when 'open>20'"),
    (NotYet, 2, "usage", "give a time in the past"),
    (NoVersionToExpect, 2, "usage", None),
    (TodoNotFound, 3, "not-found", "see the numbers: todo ls --all"),
    (EventNotFound, 3, "not-found", "see the positions: todo history"),
    (StreamNotFound, 3, "not-found", None),
    ((NotFound, LogNotFound), 3, "not-found", "see: todo lists"),
    ((WrongExpectedVersion, CommandReused, UnexpectedState, LogBusy, StaleCursor), 4, "conflict", "try again"),
    (DamagedLog, 5, "damaged-log", "see what can be done: todo verify"),
    (UnknownEvents, 1, "refused", "a newer program wrote them: update this program"),
    (OutcomeUnknown, 6, "unknown", "look before you do it again: todo history -n 1"),
    (NewerStore, 6, "store-unreachable", "a newer program made them: update this program"),
    (OutdatedStore, 6, "store-outdated", "bring it up to date: todo store migrate"),
    (StoreUnavailable, 6, "store-unreachable", "see the store and the paths in use: todo where"),
    (StoreFailed, 1, "store-failed", None),
    (Unrecordable, 1, "refused", "another program has recorded it in this list; to go on in a new list: todo export --help"),
    (CqrsError, 1, "refused", None),
)


def failure(error: Exception, session: Session | None = None) -> Failure | None:
    """Return how an error ends the process; None for an error that nobody foresaw.

    Args:
        error: The error.
        session: This run of the program, whose list and store the hint names; None if nobody sees the hint.
    """
    for kinds, exit_code, code, hint in _KINDS:
        if isinstance(error, kinds):
            message = "; ".join([_message(error, session), *getattr(error, "__notes__", ())])
            what_to_do = remedy(error, hint)
            if what_to_do is not None and session is not None:
                what_to_do = complete_hint(what_to_do, session)
            return Failure(exit_code, code, message, what_to_do)
    return None


def _message(error: Exception, session: Session | None) -> str:
    """Return the message of an error for people, who call a log a list."""
    if session is not None:
        error = archived_meanwhile(error, session)
    match error:
        case AboutStep() if session is not None:
            from .changes import named_step  # most runs describe no step

            return error.message_with(lambda step: named_step(session, step))
        case InvalidLogName():
            return f"a list's name {error.reason}"
        case LogNotFound():
            return f"no list named {error.name!r}"
        case LogExists(archived=True):
            return f"there is an archived list named {error.name!r}"
        case LogExists():
            same = "" if error.wanted == error.name else f", and {error.wanted!r} differs from it only by case"
            return f"there is a list named {error.name!r} already{same}"
        case SameLog():
            shown = f"{error.name}{' (archived)' if error.archived else ''}"
            return f"this log is in the store already, as the list {shown}; nothing was imported"
        case ForgottenStream():
            return f"todo {error.stream.partition('/')[2]} was forgotten, so nothing can be recorded of it"
        case UnknownEvents():  # the hint says what helps
            said = str(error).removesuffix(f"; {error.remedy}")
            return said.replace(error.stream, f"todo {error.stream.partition('/')[2]}", 1)
        case StaleCursor():  # the hint says what to do
            return error.what
        case WrongExpectedVersion():
            return f"todo {error.stream.partition('/')[2]} was changed meanwhile: it has version {error.version} now"
        case _:
            return str(error)


def report(error: Exception, session: Session | None, *, as_json: bool) -> int:
    """Print what went wrong, where, and what to do next, without any password that was typed.

    Args:
        error: The error.
        session: This run of the program; None if it did not come so far.
        as_json: Whether to print it as JSON.

    Returns:
        The exit code.
    """
    found = described(error, session)
    lines = [f"todo: {visible(found.message)}", *([f"      {visible(found.hint)}"] if found.hint else [])]
    with suppress(OSError):  # nobody reads it; the exit code still tells
        sys.stderr.write((document.error_document(found) if as_json else "\n".join(lines)) + "\n")
    return found.exit_code


def archived_meanwhile(error: Exception, session: Session) -> Exception:
    """Return what is wrong if a list that was just there is not found: another process may have archived it.

    Args:
        error: The error.
        session: This run of the program.

    Returns:
        The error that the list is archived, if it is; otherwise the same error.
    """
    if isinstance(error, LogNotFound):
        with suppress(CqrsError):  # what cannot be read is not known to be archived
            if error.name in session.store.names(archived=True):
                return ListArchived(error.name)
    return error


def described(error: Exception, session: Session | None) -> Failure:
    """Return how an error ends the process, without any password that was typed. The arguments are those of `report`."""
    words = _typed()
    found = failure(error, session) or _of_store(error, session) or internal(error)
    hint = None if found.hint is None else hidden(found.hint, words)
    return replace(found, message=hidden(found.message, words), hint=hint)


def _of_store(error: Exception, session: Session | None) -> Failure | None:
    """Return how an error that nobody foresaw ends the process, if the store of another package raised it."""
    failed = failure_of_store(error)
    found = None if failed is None else failure(failed, session)
    if found is None:
        return None
    writes = session is not None and session.verb is not None and session.verb.writes
    unknown = "; it is not known whether the change was recorded" if writes else ""
    return replace(found, message=_without_secrets(f"{found.message}{unknown}"))


def internal(error: Exception) -> Failure:
    """Write the traceback of an error that nobody foresaw to a file, and return what to tell the person.

    The person can send the file to us; so it must not contain a password.
    """
    path = Path(state_dir(), f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt")
    text = _without_secrets("".join(traceback.format_exception(error)))
    try:
        make_directory(str(path.parent))
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        hint = f"please report it, and attach {path}"
    except OSError as failed:
        hint = f"the report could not be kept in {path}: {failed.strerror}"
    return Failure(INTERNAL, "internal", _without_secrets(f"internal error: {type(error).__name__}: {error}"), hint)


def _without_secrets(text: str) -> str:
    """Return a text of an error that nobody foresaw without the passwords that were typed or are in the configuration."""
    words = _typed()
    with suppress(UsageError):  # a configuration that cannot be read names no store
        words = [*words, load_config().store or ""]
    text = hidden(text, words)
    for secret in sorted(secrets_in(words), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return text


def _typed() -> list[str]:
    """Return what was typed and may contain a password: the command line, and the store in the environment."""
    return [as_utf8(word) for word in (*sys.argv[1:], os.environ.get("TODO_STORE", ""))]
