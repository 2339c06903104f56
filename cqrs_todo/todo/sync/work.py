"""Merging what others have into the lists of this machine, and bringing the lists to the remote, in rounds."""

from collections.abc import Sequence

from ...cqrs.errors import CqrsError
from ..merges import settle_in
from .archived import sync_archived
from .choosing import Choice
from .names import Names
from .receiving import Receiving
from .results import Joining
from .rounds import Round, Untaken
from .sending import Sending
from .sides import Sides

_ROUNDS = 8
"""How often a sync tries again because another machine has changed the remote meanwhile."""


def work(sides: Sides, names: Names, only: Sequence[str], joining: Joining | None) -> None:
    """Merge what others have, and bring them what they lack, until another machine has changed nothing meanwhile.

    Args:
        sides: Both sides of the sync.
        names: Follows the names of the lists.
        only: The names of the lists; all if there are none.
        joining: What to do about lists of the same name that were made apart. None: nobody said.

    Raises:
        CqrsError: What `Choice.choose` raises. Nothing was synced.
    """
    chosen = Choice(sides, names, only, joining).choose()
    if not sides.dry_run:  # a sync that is refused before leaves no new folder behind
        sides.remote.mark()
    untaken = Untaken(sides)
    left: Sequence[str] = tuple(chosen)
    for attempt in range(1, _ROUNDS + 1):
        round = Round(sides, untaken, chosen, left, is_last=attempt == _ROUNDS)
        _run(round)
        left = round.again
        if not left:
            break
        sides.look()
    for id in () if only else [id for id, head in sides.heads.items() if head.archived]:
        if not sides.is_kept(id):
            try:
                sync_archived(sides, id)
            except CqrsError as error:
                sides.fail(id, error)


def _run(round: Round) -> None:
    sides = round.sides
    arrived = Receiving(round).run()
    if sides.dry_run:
        for id in round.changed:
            if id in sides.heads and id not in sides.failed and sides.note_forgets(id):
                sides.say_forgotten(id)
        round.again.clear()
        return
    if arrived:
        removed = settle_in(sides.store, arrived)
        sides.done.removed += removed
        names = {each.list for each in removed}
        others = (id for id, head in sides.heads.items() if head.name in names and id not in round.changed)
        round.changed += [id for id in others if id in round.chosen]
    Sending(round).run()
