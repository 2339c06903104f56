"""Both sides of a sync: the lists here and those on the remote, by their ends alone, and what was done with them so far."""

import re
from itertools import count, takewhile

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import CqrsError, DamagedLog, MissingLog, StaleCursor
from ...cqrs.names import name_key
from ...cqrs.operation_errors import CannotMerge, ImportRefused, UnreadableCopy
from ...cqrs.store import Log, LogHead, Store
from ..errors import DamagedHere, DamagedRemote, UnreadCopy
from .hub import HUB
from .memory import Memory, Moved, RemoteMemory
from .remotes import Remote, RemoteList, opened
from .results import Effect, ListSync, Synced, SyncWarning

HERE = "here"
"""What stands for this machine among the labels of those who have archived a list."""


class Sides:
    """The lists here and on the remote.

    Attributes:
        store: The store of this machine.
        remote: The remote.
        memory: What this machine remembers.
        known: What it remembers of this remote.
        dry_run: Whether to change nothing.
        heads: The lists here, by the ids of their logs.
        theirs: The lists on the remote, by the ids of their logs.
        failed: The ids of the lists that could not be synced.
        lost: What left a list, by the id of its log, and may have come to no other one.
        forgetting: The ids of lists. Before this sync, the remote still had data of them that was forgotten here.
        done: What the sync did.
    """

    def __init__(self, store: Store, remote: Remote, memory: Memory, *, dry_run: bool) -> None:
        """Look at the lists.

        Args:
            store: The store of this machine.
            remote: The remote.
            memory: What this machine remembers.
            dry_run: Whether to change nothing.
        """
        self.store, self.remote, self.memory, self.dry_run = store, remote, memory, dry_run
        is_unknown = remote.url not in memory.remotes
        self.known = memory.of(remote.url)
        self.failed: set[str] = set()
        self.lost: list[tuple[str, Moved]] = []
        self.forgetting: set[str] = set()
        self._passed_over: set[str] = set()  # the labels of copies that could not be read
        self.done = Synced(remote.url)
        self.look()
        self.done.began = (is_unknown and not self.theirs) if remote.folder is None else remote.folder.is_new

    def look(self) -> None:
        """Look at the lists again, here and on the remote."""
        self.look_here()
        found_there = self.remote.look()
        self.theirs = {each.id: each for each in found_there.lists}
        for label, why in found_there.unread.items():
            if label not in self._passed_over:
                self._passed_over.add(label)
                id = label.partition(".")[0]
                found = self.heads.get(id) or self.theirs.get(id)
                copy = label if found is None else f"{found.name}, {label}"
                self.done.errors.append(UnreadCopy(f"{self.remote.url}, {copy}: {why}", self.remote.writer(label)))
        self.done.renewed = self.done.renewed or found_there.renewed

    def look_here(self) -> None:
        """Look at the lists of this machine again."""
        self.heads = {head.id: head for head in self.store.heads()}
        for report in self.done.lists:
            if report.id in self.heads:  # it may have been renamed meanwhile
                report.name = self.heads[report.id].name

    def warn(self, kind: str, mine: LogHead, other: str = "", where: str = "") -> None:
        """Warn of a list; see `SyncWarning`. Without a place it is about the remote itself."""
        there = self.theirs[mine.id].name if self.remote.is_hub and mine.id in self.theirs else ""
        self.done.warnings.append(SyncWarning(kind, mine.name, other, where or self.remote.url, there))

    def warn_unforgotten(self, mine: LogHead, why: str) -> None:
        """Warn that a hub could not forget what was forgotten in a list here."""
        there = self.theirs[mine.id].name if mine.id in self.theirs else mine.name
        streams = self.remote.still_has(mine.id, self.opened(mine.id).forgotten)
        self.done.warnings.append(SyncWarning("unforgotten", mine.name, why, self.remote.url, there, streams))

    @property
    def finds_nothing(self) -> bool:
        """Whether no list has changed here or there, and none is new."""
        in_use = {id for id, head in self.heads.items() if not head.archived}
        new = {id for id, each in self.theirs.items() if id not in self.heads and not each.archived}
        return not new and all(self.is_same(id) if id in in_use else self.is_kept(id) for id in self.heads)

    def is_same(self, id: str) -> bool:
        """Return whether nothing has changed since the last sync, here or there."""
        mine, theirs, known = self.heads.get(id), self.theirs.get(id), self.known.lists.get(id)
        if mine is None or theirs is None or known is None or not mine.digest or mine.digest != known.digest:
            return False
        return theirs.ends == known.seen and (self.remote.is_hub or theirs.own == known.digest)

    def is_kept(self, id: str) -> bool:
        """Return whether a list that is archived here needs nothing: it is in a folder, and all is forgotten."""
        mine, theirs, known = self.heads[id], self.theirs.get(id), self.known.lists.get(id)
        if self.remote.is_hub or (theirs is None and known is None):
            return theirs is None or self.is_same(id)
        if theirs is None or known is None:
            return False
        return not theirs.forgotten and mine.digest == known.digest == theirs.own

    def fail(self, id: str, error: CqrsError) -> None:
        """Leave a list out of the rest of the sync, because of an error."""
        self.failed.add(id)
        if isinstance(error, DamagedLog) and not isinstance(error, (DamagedRemote, MissingLog)):
            error = DamagedHere(str(error), self.heads[id].name)
        self.done.errors.append(error)
        for report in self.done.lists:
            if report.id == id:
                report.sent, report.began = 0, False
        if self.remote.url not in str(error) and not isinstance(error, DamagedLog):
            name = self.heads[id].name if id in self.heads else self.theirs[id].name
            error.add_note(f"that was while {name} was synced with {self.remote.url}")

    def report(self, id: str, name: str) -> ListSync:
        """Return the report of what is done with a list, to be changed in place. It is added if there is none."""
        found = next((each for each in self.done.lists if each.id == id), None)
        if found is None:
            found = ListSync(id, name)
            self.done.lists.append(found)
        return found

    def here(self, name: str) -> LogHead | None:
        """Return the list here with a name, however it is written; None if there is none, or only an archived one."""
        heads = (head for head in self.heads.values() if not head.archived)
        return next((head for head in heads if name_key(head.name) == name_key(name)), None)

    def free_name(self, name: str) -> str:
        """Return a name like another one that no list has, here or on the remote."""
        taken = {name_key(each.name) for each in self.heads.values()} | {
            name_key(each.name) for each in self.theirs.values()
        }
        return next(free for number in count(2) if name_key(free := f"{name}-{number}") not in taken)

    def unread_copy(self, what: str, label: str, error: CqrsError) -> CannotMerge:
        """Return the error that names a copy which could not be read, and whose it is."""
        why = re.sub("; nothing was (merged|imported)$", "", str(error))  # other copies of the list were
        message = f"{self.remote.url}, {what}: {why}"
        if isinstance(error, (UnreadableCopy, ImportRefused)):
            return UnreadCopy(message, self.remote.writer(label))
        return CannotMerge(message)

    def marks(self, id: str, theirs: RemoteList) -> frozenset[str]:
        """Return the digests of commits of a list that are known to be on a hub."""
        own = self.memory.marks.get(id)
        return theirs.marks | ({own} if own else set())

    def shared_end(self, id: str) -> Cursor:
        """Return where a list ended when it was the same here and on a hub, if it still is up to there; else `START`."""
        known = self.known.lists.get(id)
        if known is None or not known.digest or known.seen != {HUB: known.digest}:
            return START
        try:
            last = next(self.store.open(self.heads[id].name).commits_backward(known.end), None)
        except StaleCursor:
            return START
        # the file that remembers it may have been altered, or have been restored from a backup
        is_there = known.position == 0 if last is None else (last.last, last.sum) == (known.position, known.digest)
        return known.end if is_there else START

    def lacking_there(self, id: str) -> int:
        """Count the commits that the copy of this machine on the remote lacks, if no other machine has one."""
        own = self.theirs[id].own if id in self.theirs else ""
        return sum(1 for _ in takewhile(lambda commit: commit.sum != own, self.opened(id).commits_backward()))

    def opened(self, id: str) -> Log:
        """Open a list of this machine; an archived one can only be read."""
        return opened(self.store, self.heads[id])

    def note_forgets(self, id: str) -> bool:
        """Return whether the remote has what was forgotten in a list here, and keep that in mind."""
        if id in self.known.lists:
            is_there = to_forget(self.store, self.heads[id], self.known) > 0
        else:  # nothing is known of the remote, for example because it was removed
            forgotten = self.opened(id).forgotten if id in self.theirs else ()
            is_there = bool(forgotten and self.remote.still_has(id, forgotten))
        if is_there:
            self.forgetting.add(id)
        return is_there

    def say_forgotten(self, id: str) -> None:
        """Report that the remote has forgotten what was forgotten in a list."""
        others = not self.remote.is_hub and id in self.theirs and bool(self.theirs[id].ends)
        self.done.effects.append(Effect("forgotten", self.heads[id].name, machines=others))


def unsent(store: Store, head: LogHead, known: RemoteMemory) -> int | None:
    """Return how many commits of a list a remote lacked when nothing was heard of it since the last sync.

    Args:
        store: The store.
        head: The end of the list.
        known: What is known of the remote.

    Returns:
        The number; None if no sync of the list with it is known.
    """
    synced = known.lists.get(head.id)
    if synced is None:
        return None
    log, count = opened(store, head), 0
    end = synced.position if len(log.forgotten) > synced.forgotten else 0  # then the same commits have other digests
    for commit in log.commits_backward():
        if commit.sum == synced.digest or commit.last <= end:
            break
        count += 1
    return count


def to_forget(store: Store, head: LogHead, known: RemoteMemory) -> int:
    """Return how many todos of a list were forgotten here since the last sync with a remote; 0 if none is known."""
    synced = known.lists.get(head.id)
    return 0 if synced is None else max(0, len(opened(store, head).forgotten) - synced.forgotten)
