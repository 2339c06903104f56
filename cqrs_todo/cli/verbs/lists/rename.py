"""`todo lists rename`: rename a list."""

import json
import shlex

from ...output import print_message
from ...session import Session
from ...text import visible
from ...verb import Argument, Verb
from . import lists_of, print_list


def rename(session: Session, old: str, new: str) -> None:
    """Rename a list."""
    lists_of(session, old, new).rename(old, new)
    back = session.typed(None, f"lists rename {shlex.quote(new)} {shlex.quote(old)}")
    print_list(session, new, f"Renamed {old} to {new}. Back: {back}")
    if old == session.default_list:
        # a text in TOML is written as in JSON
        setting = f"list = {json.dumps(new, ensure_ascii=False)}"
        print_message(
            session, visible(f"Commands without -L still use {old}. To use {new} instead, write in config.toml: {setting}")
        )


VERB = Verb(
    name="rename",
    help="Rename a list.",
    examples=("todo lists rename work job",),
    action=rename,
    arguments=(Argument("old", "OLD", "The list."), Argument("new", "NEW", "Its new name.")),
    writes=True,
    synonyms={"": "move mv"},
)
