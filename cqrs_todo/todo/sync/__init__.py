"""Syncing the lists of a machine with a hub or a shared folder, so that all machines have the same in the end.

First all that others have is merged into the lists of this machine. Then the lists are brought to the remote. Whenever this
is killed, each list is as before or merged, here and there, and the next sync does the rest: a commit is recognised by its
command id, wherever it is. docs/sync.md describes the rules.
"""

from collections.abc import Callable, Sequence

from ...cqrs.store import Store
from ...cqrs.stores.passwords import without_password
from ..errors import NameTaken, WrongRemote
from .folder import SharedFolder
from .hub import Hub
from .memory import Memory, MemoryFile, RemoteMemory
from .names import Names
from .remembering import follow_forgets, follow_moves, remember
from .remotes import Remote, remote_folder
from .results import (
    Clash,
    Effect,
    Joining,
    ListSync,
    NothingApart,
    Synced,
    SyncWarning,
    Unjoined,
)
from .sides import Sides, to_forget, unsent

__all__ = [
    "Clash",
    "Effect",
    "Joining",
    "ListSync",
    "MemoryFile",
    "NameTaken",
    "NothingApart",
    "RemoteMemory",
    "SyncWarning",
    "Synced",
    "Unjoined",
    "WrongRemote",
    "remove_remote",
    "sync",
    "to_forget",
    "unsent",
]


def open_remote(url: str, memory: Memory, store: Store) -> Remote:
    """Open a remote.

    Args:
        url: `postgresql://…`, `jsonl:DIR`, or `folder:DIR`, with an absolute path.
        memory: What this machine remembers.
        store: The store of its lists.

    Raises:
        WrongRemote: The URL names none, or one of another kind.
        StoreUnavailable: It cannot be reached.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "folder" and rest:
        return SharedFolder(remote_folder(rest, "folder", url, known=url in memory.remotes), memory, store)
    if scheme == "jsonl" and rest:
        return Hub(url, folder=remote_folder(rest, "hub", url, known=url in memory.remotes))
    if scheme in ("postgresql", "postgres"):
        from ...cqrs.stores.postgres.heads import quick_heads

        return Hub(url, quick_heads(url))
    raise WrongRemote(
        f"{without_password(url)!r} is not the URL of a remote",
        "use postgresql://HOST/DATABASE, jsonl:DIR for a folder that one machine reaches at a time, or folder:DIR",
    )


def sync(
    store: Store,
    url: str,
    file: MemoryFile,
    *,
    only: Sequence[str] = (),
    joining: Joining | None = None,
    dry_run: bool = False,
    used_as: str = "",
) -> Synced:
    """Sync the lists of a store with a remote.

    Args:
        store: The store, which must be in files.
        url: The URL of the remote, with an absolute path.
        file: Where this machine remembers its syncs.
        only: The names of the lists. Lists that share an unsynced move with them are synced, too. None: all lists.
        joining: What to do about lists of the same name that were made apart. None: nobody said.
        dry_run: Whether to change nothing, and only find out what a sync would do.
        used_as: The name or the URL to remember as the last remote; '' for none.

    Returns:
        What was done. Errors in single lists are in it.

    Raises:
        Unjoined: There are such lists, and nobody said. Nothing was synced.
        NameTaken: A list that was to be kept apart cannot get this name. Nothing was synced.
        NothingApart: There is no list to be kept apart. Nothing was synced.
        CqrsError: The remote or the lists cannot be reached.
    """
    if dry_run:
        return _sync(store, url, file.load(), lambda _: None, only, joining, dry_run=True, used_as="")
    with file.locked():
        return _sync(store, url, file.load(), file.save, only, joining, dry_run=False, used_as=used_as)


def remove_remote(file: MemoryFile, url: str, names: Sequence[str]) -> RemoteMemory | None:
    """Remove what this machine remembers of a remote. The remote itself is not asked.

    What belongs to the lists stays: the lists as they were before merges, and which commits are known to be on any hub.

    Args:
        file: Where this machine remembers its syncs.
        url: The URL of the remote, without a password.
        names: Its names and other URLs, by which it may be remembered as the last one.

    Returns:
        What was remembered; None if nothing was.

    Raises:
        CqrsError: The file cannot be read or written, or another sync runs.
    """
    with file.locked():
        memory = file.load()
        removed = memory.remotes.pop(url, None)
        if removed is not None or memory.last in (url, *names):
            memory.last = "" if memory.last in (url, *names) else memory.last
            file.save(memory)
        return removed


def _sync(
    store: Store,
    url: str,
    memory: Memory,
    save: Callable[[Memory], None],
    only: Sequence[str],
    joining: Joining | None,
    *,
    dry_run: bool,
    used_as: str,
) -> Synced:
    remote = open_remote(url, memory, store)
    try:
        sides = Sides(store, remote, memory, dry_run=dry_run)
        names = Names(sides)
        if only or (joining is not None and joining.apart) or not sides.finds_nothing:
            from .work import work  # most syncs have nothing to do

            work(sides, names, only, joining)
        elif not dry_run:
            remote.mark()
        names.follow()
        follow_forgets(sides)
        follow_moves(sides)
        if not dry_run:
            remember(sides, names, used_as)
            save(memory)
        return sides.done
    finally:
        remote.close()
