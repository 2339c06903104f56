"""`todo lists unarchive`: unarchive a list."""

import shlex

from ...session import Session
from ...verb import LIST_NAME, Verb
from . import lists_of, print_list


def unarchive(session: Session, name: str) -> None:
    """Unarchive a list."""
    lists_of(session, name).unarchive(name)
    print_list(session, name, f"Unarchived {name}. Back: {session.typed(None, f'lists archive {shlex.quote(name)}')}")


VERB = Verb(
    name="unarchive",
    help="Unarchive a list.",
    examples=("todo lists unarchive work",),
    action=unarchive,
    arguments=(LIST_NAME,),
    writes=True,
)
