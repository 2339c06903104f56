"""Merging another copy of a list into a list of a store, and leaving each todo in one of its lists."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress

from ..cqrs.errors import CqrsError
from ..cqrs.events import Commit
from ..cqrs.replication import Conflict, MergedLog, wanted_by
from ..cqrs.store import Append, Log, Store
from ..cqrs.stores.merging import with_wanted
from ..cqrs.struct import Struct
from .events import TodoCreated, TodoRemoved, TodoRestored
from .merging import RULES, is_settled_by, left_behind, settle, settled
from .recorder import TYPES
from .views import move_of

_STREAM = re.compile(rb'"stream":"([^"]*)"')


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
    return merged, () if dry_run else settle_in(store, arrivals(merged))


def arrivals(merged: MergedLog) -> set[str]:
    """Return the streams of the todos that may be in several lists after a merge.

    These are the ones that were created, restored or moved there, also if they were there already.
    """
    return {
        event.stream
        for commit in merged.received
        for event in commit.events
        if isinstance(wanted_by(event), (TodoCreated, TodoRestored))
    }


def lost_moves(name: str, merged: MergedLog) -> list[Elsewhere]:
    """Return the todos that were in a list before a merge, and that another machine has removed as `settle_in` does.

    Args:
        name: The name of the list.
        merged: The merge.
    """
    known: set[str] = set()
    for event in (event for commit in merged.before for event in commit.events):
        if isinstance(event.data, TodoCreated | TodoRestored):
            known.add(event.stream)
        elif isinstance(event.data, TodoRemoved):  # such as by this machine, which then knows where the todo is
            known.discard(event.stream)
    return [
        Elsewhere(name, event.stream, commit)
        for commit in merged.received
        for event in commit.events
        if event.stream in known and isinstance(event.data, TodoRemoved) and is_settled_by(commit, event.stream)
    ]


def settle_in(store: Store, streams: Collection[str]) -> Sequence[Elsewhere]:
    """Leave each of some todos in one list of a store: the one that the newest change has brought it to.

    Args:
        store: The store.
        streams: The streams of the todos.

    Returns:
        The todos that were removed from lists.

    Raises:
        CqrsError: What reading and appending to the lists raise.
    """
    wanted = {stream.encode() for stream in streams}
    names = store.names() if wanted else []
    logs: list[Log] = []
    for name in names if len(names) > 1 else ():  # what is in one list stays there
        with suppress(CqrsError):  # it is not an obstacle that another list cannot be read
            log = store.open(name)
            if log.read_only is None and any(wanted.intersection(_STREAM.findall(line)) for line in log.lines()):
                logs.append(log)
    lists: dict[str, Sequence[Commit]] = {}
    for log in logs if len(logs) > 1 else ():
        with suppress(CqrsError):
            lists[log.name] = [with_wanted(commit, TYPES, RULES) for commit in log.commits()]
    removed = []
    for where, commit in settle(lists, streams):
        (event,) = commit.events
        store.open(where).append([Append(event.stream, (TodoRemoved(),))], commit.metadata)
        removed.append(Elsewhere(where, event.stream, commit))
    return removed


def changes_left_behind(store: Store, commits: Sequence[Commit], streams: Collection[str] | None = None) -> list[Conflict]:
    """Return the changes that are only in a list from which todos were removed, because a move brought them to another one.

    `settle_in` removed them, and whoever moved them did not know of these changes.

    Args:
        store: The store.
        commits: The commits of the list, as a merge gives them.
        streams: The streams of the todos; None for all.
    """
    found: list[Conflict] = []
    removals = {stream: commit for stream, commit in settled(commits).items() if streams is None or stream in streams}
    names = {head.id: head.name for head in store.heads()} if removals else {}
    for stream, removal in removals.items():
        move = move_of(removal)
        if move is not None and move.target in names:
            with suppress(CqrsError):  # it is not an obstacle that the other list cannot be read
                there = [with_wanted(commit, TYPES, RULES) for commit in store.open(names[move.target]).commits()]
                found += left_behind(stream, removal, commits, there)
    return found
