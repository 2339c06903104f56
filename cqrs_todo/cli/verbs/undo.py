"""`todo undo`: undo changes."""

import re

from ...cqrs.events import UNDOES
from ...todo.errors import AboutStep, NotInForce, StepRefused
from ..session import Session
from ..steps import note_obstacles, parse_steps, print_steps
from ..verb import EVERYDAY, Argument, Verb


def undo(session: Session, what: str | None) -> None:
    """Undo the last change, the last N changes, or the one at a position."""
    todos = session.list
    count = 1
    try:
        if what is not None and re.fullmatch(r"@[0-9]{1,18}", what):
            session.check_position(what)
            answer = todos.undo_at(int(what[1:]))
        else:
            count = parse_steps(what, "for instance: todo undo 3, or for one change: todo undo @42")
            answer = todos.undo(count, own=_is_synced(session))
    except StepRefused as error:
        note_obstacles(session, error)
        raise
    except (AboutStep, NotInForce) as error:
        session.positions_shown(todos, error.positions)
        raise
    print_steps(session, answer, "Undid", UNDOES, "redo", count)


def _is_synced(session: Session) -> bool:
    """Return whether the list is synced, so that others change it, too."""
    from ...todo.sync.memory import MemoryFile
    from ..config import sync_dir

    if not session.store_url.startswith("jsonl:"):
        return False
    remotes = MemoryFile(sync_dir(session.store_url)).load().remotes
    return any(session.list.log.id in remote.lists for remote in remotes.values())


VERB = Verb(
    name="undo",
    help="Undo the last change. `todo undo 3` undoes the last three changes, `todo undo @42` the one at position 42. In a "
    "synced list, it undoes your own changes.",
    examples=("todo undo", "todo undo 3", "todo undo @42"),
    action=undo,
    group=EVERYDAY,
    arguments=(Argument("what", "N|@POSITION", "The number of changes, or the position of one change.", required=False),),
    writes=True,
    synonyms={"": "revert rollback"},
)
