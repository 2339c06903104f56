"""What `lists` and `verify` share: reports of missing logs, and of stray files beside the lists."""

import shlex
from collections.abc import Sequence
from typing import Any

from ..cqrs.errors import CqrsError, MissingLog
from ..cqrs.verification import Stray
from .output import print_message
from .session import Session
from .text import printable, visible


def warn_of_strays(session: Session, strays: Sequence[Stray]) -> None:
    """Warn on stderr of the files beside the lists that are copies of them, or cannot be lists."""
    for stray in strays:
        print_message(session, f"todo: warning: {visible(in_words(session, stray))}")


def in_words(session: Session, stray: Stray) -> str:
    """Return what is wrong with a file beside the lists, and how to merge it if it is a copy of a list."""
    return f"{stray.file}: {stray.detail}{to_merge(session, stray)}"


def to_merge(session: Session, stray: Stray) -> str:
    """Return a sentence that says how to merge a copy of a list into the list; '' for another file."""
    if stray.of is None or stray.detail.endswith(": delete it"):
        return ""
    if stray.of not in session.store.names():  # an archived list receives nothing
        return ""
    return f". Merge it, and then delete it: {session.typed(stray.of, shlex.join(['merge', stray.file]))}"


def stray_document(stray: Stray) -> dict[str, Any]:
    """Return the JSON form of a file beside the lists that is a copy of one of them, or cannot be a list."""
    return {
        "file": printable(stray.file),
        "archived": stray.archived,
        "name": stray.name,
        "of": stray.of,
        "detail": printable(stray.detail),
    }


def missing_document(error: CqrsError) -> dict[str, Any] | None:
    """Return the JSON form of what had been recorded of a missing list; None for any other error."""
    if not isinstance(error, MissingLog):
        return None
    return {"log": None if error.id is None else printable(error.id), "position": error.position}


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 event" or "2 events"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
