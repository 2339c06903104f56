"""Looking at the lists here and on the remote: what has changed since the last sync, by the ends of the lists alone."""

from collections.abc import Collection
from datetime import timedelta

from ...cqrs.errors import StoreUnavailable
from ...cqrs.ids import now
from ...cqrs.names import name_key
from ...cqrs.store import LogHead, Store
from ...cqrs.stores.jsonl.files import os_errors_as_store_errors, remove
from ..errors import UnreadCopy
from .folder import SharedFolder
from .hub import HUB
from .memory import ListMemory, Memory, Moved, RemoteMemory
from .remotes import Remote, RemoteList, opened
from .results import Effect, Synced, SyncWarning

KEPT = timedelta(days=30)
"""How long a list as it was before a merge is kept after the next sync that succeeds."""


HERE = "here"
"""What stands for this machine among the labels of those who have archived a list."""


class Look:
    """The lists here and on the remote.

    Attributes:
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
        self._store, self._remote, self._memory, self._dry_run = store, remote, memory, dry_run
        self._known = memory.of(remote.url)
        self._failed: set[str] = set()
        self._tried: dict[tuple[str, str], str] = {}  # why a list (by id) could not be renamed, archived, …, or ''
        self._named: set[str] = set()  # the labels of copies that are passed over
        self._taken_here: set[tuple[str, str]] = set()  # the labels of those whose name a list (by id) cannot get here
        self._lost: list[tuple[str, Moved]] = []  # what left a list (by id), and may have come to no other one
        self.done = Synced(remote.url)
        self._look()
        self.done.began = remote.began and (remote.place is not None or not self._theirs)

    def _look(self) -> None:
        self._heads = {head.id: head for head in self._store.heads()}
        self._theirs = {each.id: each for each in self._remote.lists()}
        for label, why in self._remote.unread.items():
            if label not in self._named:
                self._named.add(label)
                id = label.partition(".")[0]
                found = self._heads.get(id) or self._theirs.get(id)
                copy = label if found is None else f"{found.name}, {label}"
                self.done.errors.append(UnreadCopy(f"{self._remote.url}, {copy}: {why}", self._remote.writer(label)))
        self.done.renewed = self.done.renewed or (isinstance(self._remote, SharedFolder) and self._remote.renewed)

    def _warn(self, kind: str, mine: LogHead, other: str = "", where: str = "") -> None:
        """Warn of a list; see `SyncWarning`. Without a place it is about the remote itself."""
        there = self._theirs[mine.id].name if self._remote.is_hub and mine.id in self._theirs else ""
        self.done.warnings.append(SyncWarning(kind, mine.name, other, where or self._remote.url, there))

    def _warn_unforgotten(self, mine: LogHead, why: str) -> None:
        """Warn that a hub could not forget what was forgotten in a list here."""
        there = self._theirs[mine.id].name if mine.id in self._theirs else mine.name
        streams = self._remote.still_has(mine.id, opened(self._store, mine).forgotten)
        self.done.warnings.append(SyncWarning("unforgotten", mine.name, why, self._remote.url, there, streams))

    @property
    def finds_nothing(self) -> bool:
        """Whether no list has changed here or there, and none is new."""
        in_use = {id for id, head in self._heads.items() if not head.archived}
        new = {id for id, each in self._theirs.items() if id not in self._heads and not each.archived}
        return not new and all(self._is_same(id) if id in in_use else self._is_kept(id) for id in self._heads)

    def _is_same(self, id: str) -> bool:
        """Return whether nothing has changed since the last sync, here or there."""
        mine, theirs, known = self._heads.get(id), self._theirs.get(id), self._known.lists.get(id)
        if mine is None or theirs is None or known is None or not mine.digest or mine.digest != known.digest:
            return False
        return theirs.ends == known.seen and (self._remote.is_hub or theirs.own == known.digest)

    def _is_kept(self, id: str) -> bool:
        """Return whether a list that is archived here needs nothing: it is in a folder, and all is forgotten."""
        mine, theirs, known = self._heads[id], self._theirs.get(id), self._known.lists.get(id)
        if self._remote.is_hub or (theirs is None and known is None):
            return theirs is None or self._is_same(id)
        if theirs is None or known is None:
            return False
        return not theirs.forgotten and mine.digest == known.digest == theirs.own

    def follow_names(self) -> None:
        """Report what lists are called elsewhere, and tell the others how they are called here."""
        self._follow_on_hub()
        names = {head.id: head.name for head in self._heads.values() if not head.archived}
        archived = {head.id: head.name for head in self._heads.values() if head.archived}
        named: dict[str, dict[str, str]] = {}  # what is reported: the names of lists, by labels and by the ids
        for id, theirs in self._theirs.items():
            known, mine = self._known.lists.get(id), names.get(id)
            if known is None or mine is None or id in self._failed:
                continue
            for label, name in theirs.names.items():
                if name == mine or (name == known.name and not self._remote.is_hub):  # it was renamed here since
                    continue
                is_free = label in known.taken and not self._is_taken(name, [id])
                is_new = known.names.get(label) != name or is_free
                if (
                    is_new
                    and (id, "renamed") not in self._tried
                    and (self._remote.is_hub or not self._has_not_met(label, name))
                ):
                    self._warn("renamed", self._heads[id], name, self._remote.shown(label))
                    named.setdefault(label, {})[id] = name
            for label in theirs.archives:
                if (id, "unarchived") not in self._tried and (label not in known.archived or self._remote.is_hub):
                    count = unsent(self._store, self._heads[id], self._known) if self._remote.is_hub else 0
                    self._warn("archived", self._heads[id], str(count) if count else "", self._remote.shown(label))
        self._taken_here = {
            (id, label) for label, renamed in named.items() for id, name in renamed.items() if self._is_taken(name, renamed)
        }
        for id in archived:
            self._follow_unarchived(self._heads[id])
            if self._remote.is_hub:
                self._follow_archived(self._heads[id])
        if not self._dry_run:
            try:
                self._remote.finish(names, archived)
            except StoreUnavailable as error:  # what was synced before is reported and remembered all the same
                self.done.errors.append(error)

    def _is_taken(self, name: str, renamed: Collection[str]) -> bool:
        """Return whether a list here that is not renamed together with others has a name."""
        return any(name_key(head.name) == name_key(name) and id not in renamed for id, head in self._heads.items())

    def _has_not_met(self, label: str, name: str) -> bool:
        """Return whether somebody has not received yet the list that has a name here, and so still calls another one so."""
        same = (head.id for head in self._heads.values() if not head.archived and name_key(head.name) == name_key(name))
        return any(id not in self._theirs or label not in self._theirs[id].names for id in same)

    def _follow_unarchived(self, mine: LogHead) -> None:
        """Report that a list that is archived here was brought back into use elsewhere since the last sync."""
        known, theirs = self._known.lists.get(mine.id), self._theirs.get(mine.id)
        if known is None or theirs is None:
            return
        for label in known.archived:
            if label in theirs.names and label not in theirs.archives:
                self._warn("unarchived", mine, where=self._remote.shown(label))

    def _follow_archived(self, mine: LogHead) -> None:
        """Archive a list on a hub that was archived here since the last sync, if the hub has all of it."""
        known, theirs = self._known.lists.get(mine.id), self._theirs.get(mine.id)
        if known is None or theirs is None:
            return
        # who archives here what is archived on a hub already does not want to archive it again after others use it again
        is_wanted = not theirs.archived and HERE not in known.archived and HUB not in known.archived
        if mine.digest != known.digest:
            self._warn("unsent", mine)
            if is_wanted:
                self._tried[mine.id, "archived"] = "not all was sent"
        elif is_wanted:
            self._archive(mine, theirs.name, back=False)

    def _follow_on_hub(self) -> bool:
        """Rename lists on a hub that were renamed here, and bring those back that were brought back here.

        Returns:
            Whether something was tried that this sync had not tried before.
        """
        if not self._remote.is_hub:
            return False
        before = len(self._tried)
        wanted: dict[str, tuple[str, str]] = {}
        for id, theirs in self._theirs.items():
            known, mine = self._known.lists.get(id), self._heads.get(id)
            if known is None or mine is None or mine.archived:
                continue
            was_archived = {HERE, HUB} <= {*known.archived}  # otherwise others have archived it since it was used again
            if theirs.archived and was_archived and (id, "unarchived") not in self._tried:
                self._archive(mine, theirs.name, back=True)
            expected = (known.names.get(HUB), _parked(id))
            if mine.name not in (theirs.name, known.name) and theirs.name in expected and (id, "renamed") not in self._tried:
                if theirs.archived and self._tried.get((id, "unarchived")) != "":
                    self._tried[id, "renamed"] = "it is archived there"
                else:
                    wanted[id] = (theirs.name, mine.name)
        self._rename(wanted)
        return len(self._tried) > before

    def _rename(self, wanted: dict[str, tuple[str, str]]) -> None:
        """Rename lists on a hub.

        Args:
            wanted: The present and the new name of each, by the ids. Lists may have swapped their names, so that each is in
                the way of another one.
        """
        now = {id: old for id, (old, _) in wanted.items()}
        left = dict.fromkeys(wanted, "")
        while left:
            for id in list(left):
                old, new = wanted[id]
                left[id] = "" if self._dry_run else self._remote.rename(id, now[id], new)
                if not left[id]:
                    del left[id], now[id]
                    self._tried[id, "renamed"] = ""
                    self.done.effects.append(Effect("renamed", old, new))
                    break
            else:
                id = next((id for id in left if now[id] != _parked(id) and self._in_circle(id, now, wanted)), "")
                if not id or self._remote.rename(id, now[id], _parked(id)):
                    break
                now[id] = _parked(id)  # if this is killed here, the next sync knows that name
        for id, why in left.items():
            self._tried[id, "renamed"] = why
            self._warn("unnamed", self._heads[id], why)

    @staticmethod
    def _in_circle(id: str, now: dict[str, str], wanted: dict[str, tuple[str, str]]) -> bool:
        """Return whether a list waits for the name of another one, and so on, and the last one waits for the name of it."""
        holders = {name_key(name): each for each, name in now.items()}
        each: str | None = id
        for _ in now:
            each = None if each is None else holders.get(name_key(wanted[each][1]))
            if each == id:
                return True
        return False

    def _archive(self, mine: LogHead, there: str, *, back: bool) -> None:
        why = "" if self._dry_run else self._remote.archive(there, back=back)
        kind = "unarchived" if back else "archived"
        self._tried[mine.id, kind] = why
        if why:
            self._warn("unnamed", mine, why)
        else:
            self.done.effects.append(Effect(kind, there))

    def follow_forgets(self) -> None:
        """Try again to forget on a hub what it could not forget, and say so in each sync until it could."""
        said = {warning.list for warning in self.done.warnings if warning.kind == "unforgotten"}
        for id, known in self._known.lists.items():
            mine = self._heads.get(id)
            if not known.unforgotten or mine is None or mine.name in said:
                continue
            if not self._dry_run:
                known.unforgotten = self._remote.forget(id, opened(self._store, mine).forgotten)
            if known.unforgotten:
                self._warn_unforgotten(mine, known.unforgotten)
            else:
                self.done.effects.append(Effect("forgotten", mine.name))

    def follow_moves(self) -> None:
        """Name todos that are in no list here, because a hub has only the half of their move that removes them."""
        for id, moved in self._lost:
            self._known.lists.setdefault(id, ListMemory(self._heads[id].name, "")).lost.append(moved)
        for id, known in self._known.lists.items():
            mine = self._heads.get(id)
            if not known.lost or mine is None or mine.archived:
                continue
            from .halves import has_other_half, has_todos

            logs = [opened(self._store, head) for head in self._heads.values()]
            known.lost = [
                moved
                for moved in known.lost
                if not any(has_todos(log, moved) or (log.id != id and has_other_half(log, moved)) for log in logs)
            ]
            for moved in known.lost:
                commit = opened(self._store, mine).find_command(moved.others[0])
                position = "" if commit is None else f"{commit.position}"
                self.done.warnings.append(
                    SyncWarning("lost", mine.name, position, self._remote.url, moved.target_name, moved.streams)
                )

    def remember(self, used_as: str) -> None:
        """Remember what this sync has found, and remove old copies of lists as they were."""
        if not self.done.errors:
            self._known.at = now()
        for id, known in self._known.lists.items():
            mine, theirs = self._heads.get(id), self._theirs.get(id)
            # what failed is still to be done, and so is what an archived list is named
            if mine is not None and not mine.archived and not self._tried.get((id, "renamed")):
                known.name = mine.name
            if theirs is not None and mine is not None:
                tried = self._tried.get((id, "archived" if mine.archived else "unarchived"))
                archives = theirs.archives
                if tried == "":  # a hub did it, after it was looked at
                    archives = [HUB] if mine.archived else []
                known.names = dict(theirs.names)
                known.taken = [
                    label
                    for label, name in theirs.names.items()
                    if (id, label) in self._taken_here or (label in known.taken and self._is_taken(name, [id]))
                ]
                known.archived = [*archives, *([HERE] if mine.archived != bool(tried) else [])]
            elif self._remote.is_hub:
                known.names = {HUB: known.name}
            known.holders = (
                self._holders(mine, theirs) if known.forgotten and mine is not None and theirs is not None else []
            )
        if used_as:
            self._memory.last = used_as
        if not self.done.errors:
            self._remove_kept()

    def _holders(self, mine: LogHead, theirs: RemoteList) -> list[str]:
        """Return whose files may still hold what was forgotten here."""
        forgotten = {*opened(self._store, mine).forgotten} if theirs.forgets else set()
        return sorted({self._remote.writer(label) or label for label, gone in theirs.forgets.items() if forgotten - gone})

    def _remove_kept(self) -> None:
        kept = self._store.kept_logs()
        present = now()
        self._memory.kept = {path: self._memory.kept.get(path, present) for path in kept}
        for path, since in list(self._memory.kept.items()):
            if present - since > KEPT:
                with os_errors_as_store_errors(path):
                    remove(path)
                del self._memory.kept[path]


def _parked(id: str) -> str:
    """Return the name that a list has on a hub while another one gets its name."""
    return f"renaming-{id.encode().hex()[:32]}"


def unsent(store: Store, head: LogHead, known: RemoteMemory) -> int | None:
    """Return how many commits of a list a remote lacked when nothing was heard of it since the last sync.

    Args:
        store: The store.
        head: The end of the list.
        known: What is known of the remote.

    Returns:
        The number; None if the list was never synced with it.
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
    """Return how many todos of a list were forgotten here since the last sync with a remote; 0 if it was never synced."""
    synced = known.lists.get(head.id)
    return 0 if synced is None else max(0, len(opened(store, head).forgotten) - synced.forgotten)
