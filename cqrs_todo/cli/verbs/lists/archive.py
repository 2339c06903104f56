"""`todo lists archive`: archive a list."""

import shlex

from ...session import Session
from ...verb import LIST_NAME, Verb
from . import lists_of, print_list


def archive(session: Session, name: str) -> None:
    """Archive a list, with all its history."""
    lists_of(session, name).archive(name)
    print_list(session, name, f"Archived {name}. Back: {session.typed(None, f'lists unarchive {shlex.quote(name)}')}")


VERB = Verb(
    name="archive",
    help="Archive a list, with all its history.",
    examples=("todo lists archive work",),
    action=archive,
    arguments=(LIST_NAME,),
    writes=True,
    synonyms={"": "rm delete remove del"},
)
