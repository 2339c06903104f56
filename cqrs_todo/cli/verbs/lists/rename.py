"""`todo lists rename`: rename a list."""

import shlex

from ...session import Session
from ...verb import Argument, Verb
from . import lists_of, print_list


def rename(session: Session, old: str, new: str) -> None:
    """Rename a list."""
    lists_of(session, old, new).rename(old, new)
    print_list(session, new, f"Renamed {old} to {new}. Back: todo lists rename {shlex.quote(new)} {shlex.quote(old)}")


VERB = Verb(
    name="rename",
    help="Rename a list.",
    examples=("todo lists rename work job",),
    action=rename,
    arguments=(Argument("old", "OLD", "The list."), Argument("new", "NEW", "Its new name.")),
    writes=True,
)
