"""`todo store`: the care of a store."""

from typing import NoReturn

from ...errors import UsageError
from ...session import Session
from ...verb import LISTS, Verb


def store(_session: Session) -> NoReturn:
    """Refuse to run without a verb."""
    raise UsageError("give a verb: migrate, check or rebuild", "see: todo store --help")


VERB = Verb(
    name="store",
    help="Migrate or check a store, or rebuild its read models.",
    examples=("todo store migrate", "todo store check", "todo store rebuild"),
    action=store,
    group=LISTS,
    scope="store",
)
