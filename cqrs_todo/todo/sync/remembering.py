"""The end of a sync: what is tried again, and what this machine remembers."""

from datetime import timedelta

from ...cqrs.ids import now
from ...cqrs.store import LogHead
from ...cqrs.stores.jsonl.files import os_errors_as_store_errors, remove
from .hub import HUB
from .memory import ListMemory
from .names import Names
from .remotes import RemoteList
from .results import Effect, SyncWarning
from .sides import Sides

KEPT = timedelta(days=30)
"""How long a list as it was before a merge is kept after the next sync that succeeds."""


def follow_forgets(sides: Sides) -> None:
    """Try again to forget on a hub what it could not forget, and say so in each sync until it could."""
    said = {warning.list for warning in sides.done.warnings if warning.kind == "unforgotten"}
    for id, known in sides.known.lists.items():
        mine = sides.heads.get(id)
        if not known.unforgotten or mine is None or mine.name in said:
            continue
        if not sides.dry_run:
            known.unforgotten = sides.remote.forget(id, sides.opened(mine.id).forgotten)
        if known.unforgotten:
            sides.warn_unforgotten(mine, known.unforgotten)
        else:
            sides.done.effects.append(Effect("forgotten", mine.name))


def follow_moves(sides: Sides) -> None:
    """Name todos that are in no list here, because a hub has only the half of their move that removes them."""
    for id, moved in sides.lost:
        sides.known.lists.setdefault(id, ListMemory(sides.heads[id].name, "")).lost.append(moved)
    for id, known in sides.known.lists.items():
        mine = sides.heads.get(id)
        if not known.lost or mine is None or mine.archived:
            continue
        from .halves import has_other_half, has_todos  # moves are rare

        logs = [sides.opened(head.id) for head in sides.heads.values()]
        known.lost = [
            moved
            for moved in known.lost
            if not any(has_todos(log, moved) or (log.id != id and has_other_half(log, moved)) for log in logs)
        ]
        for moved in known.lost:
            commit = sides.opened(mine.id).find_command(moved.others[0])
            position = "" if commit is None else f"{commit.position}"
            sides.done.warnings.append(
                SyncWarning("lost", mine.name, position, sides.remote.url, moved.target_name, moved.streams)
            )


def remember(sides: Sides, names: Names, used_as: str) -> None:
    """Remember what a sync has found, and remove old copies of lists as they were.

    Args:
        sides: Both sides of the sync.
        names: What was tried with the names of the lists.
        used_as: The name or the URL to remember as the last remote; '' for none.
    """
    if not sides.done.errors:
        sides.known.at = now()
    for id, known in sides.known.lists.items():
        mine, theirs = sides.heads.get(id), sides.theirs.get(id)
        # what failed is still to be done, and so is what an archived list is named
        if mine is not None and not mine.archived and not names.is_refused(id):
            known.name = mine.name
        if theirs is not None and mine is not None:
            names.remember(known, mine, theirs)
        elif sides.remote.is_hub:
            known.names = {HUB: known.name}
        known.holders = _holders(sides, mine, theirs) if known.forgotten and mine is not None and theirs is not None else []
    if used_as:
        sides.memory.last = used_as
    if not sides.done.errors:
        _remove_kept(sides)


def _holders(sides: Sides, mine: LogHead, theirs: RemoteList) -> list[str]:
    """Return whose files may still hold what was forgotten here."""
    forgotten = {*sides.opened(mine.id).forgotten} if theirs.forgets else set()
    return sorted({sides.remote.writer(label) or label for label, gone in theirs.forgets.items() if forgotten - gone})


def _remove_kept(sides: Sides) -> None:
    kept = sides.store.kept_logs()
    present = now()
    sides.memory.kept = {path: sides.memory.kept.get(path, present) for path in kept}
    for path, since in list(sides.memory.kept.items()):
        if present - since > KEPT:
            with os_errors_as_store_errors(path):
                remove(path)
            del sides.memory.kept[path]
