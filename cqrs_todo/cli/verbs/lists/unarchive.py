"""`todo lists unarchive`: unarchive a list."""

import shlex
from collections.abc import Iterable

from ....cqrs.struct import replace
from ...session import Session
from ...verb import LIST_NAME, Verb
from . import lists_of, print_list


def unarchive(session: Session, name: str) -> None:
    """Unarchive a list."""
    lists_of(session, name).unarchive(name)
    print_list(session, name, f"Unarchived {name}. Back: {session.typed(None, f'lists archive {shlex.quote(name)}')}")


def _archived(session: Session, _beginning: str) -> Iterable[tuple[str, str]]:
    """Return the names of the archived lists."""
    return ((name, "") for name in session.store.names(archived=True))


VERB = Verb(
    name="unarchive",
    help="Unarchive a list.",
    examples=("todo lists unarchive work",),
    action=unarchive,
    arguments=(replace(LIST_NAME, propose=_archived),),
    writes=True,
    synonyms={"": "restore open"},
)
