"""`todo store`: the care of a store."""

from typing import NoReturn

from ...errors import UsageError
from ...session import Session
from ...verb import LISTS, Verb


def store(_session: Session) -> NoReturn:
    """Refuse to run without a verb."""
    raise UsageError("give a verb: migrate or check", "see: todo store --help")


VERB = Verb(
    name="store",
    help="Migrate the tables of a store, or check that a store works.",
    examples=("todo store migrate", "todo store check"),
    action=store,
    group=LISTS,
)
