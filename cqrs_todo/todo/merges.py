"""Merging another copy of a list into a list of a store, and leaving each todo in one of its lists."""

from collections.abc import Sequence

from ..cqrs.errors import CqrsError
from ..cqrs.events import Commit
from ..cqrs.replication import MergedLog
from ..cqrs.store import Append, Store
from ..cqrs.stores.merging import with_wanted
from ..cqrs.struct import Struct
from .events import TodoCreated, TodoRemoved, TodoRestored
from .merging import RULES, settle
from .recorder import TYPES


class Elsewhere(Struct, frozen=True):
    """A todo that was removed from a list, because a newer change has brought it to another list.

    Args:
        list: The list that it was removed from.
        stream: Its stream.
        commit: The commit that removed it.
    """

    list: str
    stream: str
    commit: Commit


def merge_copy(store: Store, name: str, copy: bytes, *, dry_run: bool) -> tuple[MergedLog, Sequence[Elsewhere]]:
    """Merge another copy of a list into the list. A todo that is in several lists afterwards stays only in one of them.

    Args:
        store: The store of the list.
        name: The name of the list.
        copy: The bytes of the other copy.
        dry_run: Whether to change nothing. The other lists are not looked at then.

    Returns:
        What was merged, and the todos that were removed from lists.

    Raises:
        CqrsError: What `Store.merge` raises, and what reading and appending to the other lists raise.
    """
    merged = store.merge(name, copy, RULES, dry_run=dry_run)
    # only a todo that was created, restored or moved there can be in two lists now
    arrived = {
        event.stream
        for commit in merged.received
        for event in commit.events
        if isinstance(event.data, (TodoCreated, TodoRestored))
    }
    if dry_run or not arrived:
        return merged, ()
    lists: dict[str, Sequence[Commit]] = {name: merged.after}
    for other in store.names():
        if other == name:
            continue
        try:
            log = store.open(other)
            if log.read_only is None:
                lists[other] = [with_wanted(commit, TYPES, RULES) for commit in log.commits()]
        except CqrsError:  # it is not an obstacle that another list cannot be read
            continue
    removed = []
    for where, commit in settle(lists, arrived):
        (event,) = commit.events
        store.open(where).append([Append(event.stream, (TodoRemoved(),))], commit.metadata)
        removed.append(Elsewhere(where, event.stream, commit))
    return merged, removed
