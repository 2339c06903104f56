"""Syncing archived lists, as far as they can be."""

from collections.abc import Sequence
from itertools import takewhile

from ...cqrs.cursor import Cursor
from ...cqrs.errors import DamagedLog
from ...cqrs.replication import MergedLog
from ...cqrs.stores.forgetting import forget_in_copy
from ...cqrs.stores.format import decode_header
from ...cqrs.stores.hash_chain import last_digest
from ..forgetting import forget_in
from .hub import HUB
from .memory import ListMemory
from .remotes import has_events
from .sides import HERE, Sides


def sync_archived(sides: Sides, id: str) -> None:
    """Sync a list that is archived here or on a hub, as far as it can be: nothing is merged, but all of it is forgotten.

    In a folder the file of this machine gets its commits.

    Args:
        sides: Both sides of the sync.
        id: The id of its log.

    Raises:
        CqrsError: The list, or its copy on the remote, cannot be read or written.
    """
    mine, theirs = sides.heads[id], sides.theirs.get(id)
    copy = next((copy.lines for copy in sides.remote.copies(id)), []) if sides.remote.is_hub else []
    there = _forgotten_in(copy) if theirs is None or sides.remote.is_hub else theirs.forgotten
    log = sides.opened(id)
    if not sides.remote.is_hub:
        sides.report(id, mine.name).sent = sides.lacking_there(id)
    forgets = {*there} - {*log.forgotten}
    if any(has_events(log, stream) for stream in forgets):
        report = sides.report(id, mine.name)
        report.merged = MergedLog(log=id, before=(), after=(), conflicts=(), forgotten=tuple(sorted(forgets)))
        if not sides.dry_run:
            done = forget_in(sides.store, mine.name, forgets, archived=mine.archived)
            report.merged = MergedLog(
                log=id, before=(), after=(), conflicts=(), forgotten=tuple(sorted(forgets)), unreached=tuple(done.unreached)
            )
            sides.look_here()
            log = sides.opened(id)
    if sides.dry_run:
        if sides.note_forgets(id):
            sides.say_forgotten(id)
        return
    lines = list(log.lines())
    if log.damage is not None:
        raise DamagedLog(log.damage)
    end, digest = log.cursor(), last_digest(lines[-1]).decode()
    reached = sides.note_forgets(id)
    # this machine has archived it before, so it is not archived on the hub now
    known = sides.known.lists.setdefault(id, ListMemory(mine.name, digest, archived=[HERE] if mine.archived else []))
    if sides.remote.is_hub:
        reached = not {*log.forgotten} <= {*there}
        known.unforgotten = sides.remote.forget(id, log.forgotten) if reached else ""
        if known.unforgotten:
            sides.warn_unforgotten(mine, known.unforgotten)
        copy = next(copy.lines for copy in sides.remote.copies(id))
        common = _in_common(lines, copy)
        # where a part ends is not known without reading it
        known.end = end if common == len(lines) else Cursor(0, digest=last_digest(lines[common - 1]))
        known.seen = {HUB: last_digest(copy[-1]).decode()} if common == len(copy) else {}
    else:
        sides.remote.publish(id, mine.name, lines)  # what others have is still to be merged later
        known.end = end
    if reached and not known.unforgotten:
        sides.say_forgotten(id)
    known.forgotten = len(log.forgotten)


def _forgotten_in(lines: Sequence[bytes]) -> Sequence[str]:
    """Return the streams that are forgotten in the lines of a log."""
    return decode_header(lines[0][:-1])[0].forgotten if lines else ()


def _in_common(mine: Sequence[bytes], theirs: Sequence[bytes]) -> int:
    """Count the first lines that two copies of a log have in common, apart from what is forgotten in one of them."""
    forgotten = {*_forgotten_in(mine), *_forgotten_in(theirs)}
    mine, theirs = (
        lines if {*_forgotten_in(lines)} == forgotten else forget_in_copy(lines, forgotten) for lines in (mine, theirs)
    )
    pairs = zip(mine, theirs, strict=False)
    return max(1, sum(1 for _ in takewhile(lambda pair: last_digest(pair[0]) == last_digest(pair[1]), pairs)))
