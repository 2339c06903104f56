"""The names of lists, and which are archived: what others call them, and what they are called here."""

from collections.abc import Collection

from ...cqrs.errors import StoreUnavailable
from ...cqrs.names import name_key
from ...cqrs.store import LogHead
from .hub import HUB
from .memory import Held, ListMemory
from .remotes import RemoteList
from .results import Effect
from .sides import HERE, Sides, unsent


class Names:
    """Follows what lists are called elsewhere, and whether they are archived there."""

    def __init__(self, sides: Sides) -> None:
        """Begin with nothing tried.

        Args:
            sides: Both sides of the sync.
        """
        self._sides = sides
        self._tried: dict[tuple[str, str], str] = {}  # why a list (by id) could not be renamed, archived, …, or ''
        self._taken_here: set[tuple[str, str]] = set()  # the labels of those whose name a list (by id) cannot get here
        self._later: dict[str, list[str]] = {}  # the labels of those who had the name of a list (by id) before theirs
        self._held: dict[str, dict[str, Held]] = {}  # the names of a list (by id) that are not followed yet, by the labels

    def follow(self) -> None:
        """Report what lists are called elsewhere, and tell the others how they are called here."""
        self.follow_on_hub()
        names = {head.id: head.name for head in self._sides.heads.values() if not head.archived}
        archived = {head.id: head.name for head in self._sides.heads.values() if head.archived}
        named: dict[str, dict[str, str]] = {}  # what is reported: the names of lists, by labels and by the ids
        for id, theirs in self._sides.theirs.items():
            known, mine = self._sides.known.lists.get(id), names.get(id)
            if known is None or mine is None or id in self._sides.failed:
                continue
            if (given := self._given(id, known, mine, theirs)) is not None:
                label, name = given
                self._sides.warn("renamed", self._sides.heads[id], name, self._sides.remote.shown(label))
                named.setdefault(label, {})[id] = name
            for label in theirs.archives:
                if (id, "unarchived") not in self._tried and (label not in known.archived or self._sides.remote.is_hub):
                    count = (
                        unsent(self._sides.store, self._sides.heads[id], self._sides.known)
                        if self._sides.remote.is_hub
                        else 0
                    )
                    self._sides.warn(
                        "archived", self._sides.heads[id], str(count) if count else "", self._sides.remote.shown(label)
                    )
        self._taken_here = {
            (id, label) for label, renamed in named.items() for id, name in renamed.items() if self._is_taken(name, renamed)
        }
        self._say_only_here(archived)
        for id in archived:
            self._follow_unarchived(self._sides.heads[id])
            self._say_unreceived(self._sides.heads[id])
            if self._sides.remote.is_hub:
                self._follow_archived(self._sides.heads[id])
        news = self._sides.remote.news(names, archived)
        try:
            if not self._sides.dry_run:
                self._sides.remote.finish(names, archived)
            self._sides.done.effects += news
        except StoreUnavailable as error:  # what was synced before is reported and remembered all the same
            self._sides.done.errors.append(error)

    def _given(self, id: str, known: ListMemory, mine: str, theirs: RemoteList) -> tuple[str, str] | None:
        """Return whose new name a list should have here, and that name; None if nobody has given it one since the last sync.

        If several machines rename a list at the same time, the smallest name stands.
        """
        is_hub = self._sides.remote.is_hub
        later = [label for label, name in known.names.items() if name == mine]
        later += known.later if mine == known.name else []
        self._later[id] = [label for label, name in theirs.names.items() if name != mine and label in later]
        given: dict[str, str] = {}
        held = self._held[id] = {}
        for label, name in theirs.names.items():
            if name == mine or (name == known.name and not is_hub) or (id, "renamed") in self._tried:  # renamed here since
                continue
            is_free = label in known.taken and not self._is_taken(name, [id])
            wins = is_hub or label in later or _order(name) < _order(mine)
            is_new = known.names.get(label) != name and wins
            was_held = label in known.held and known.held[label].name == name
            if not (is_free or is_new or was_held):
                continue
            if not is_hub and self._has_not_met(label, name):
                held[label] = Held(name, self._sides.remote.shown(label))
            else:
                given[label] = name
        return min(given.items(), key=lambda each: (_order(each[1]), each[0]), default=None)

    def _is_taken(self, name: str, renamed: Collection[str]) -> bool:
        """Return whether a list here that is not renamed together with others has a name."""
        return any(name_key(head.name) == name_key(name) and id not in renamed for id, head in self._sides.heads.items())

    def _has_not_met(self, label: str, name: str) -> bool:
        """Return whether somebody has not received yet the list that has a name here, and so still calls another one so."""
        same = (
            head.id for head in self._sides.heads.values() if not head.archived and name_key(head.name) == name_key(name)
        )
        return any(id not in self._sides.theirs or label not in self._sides.theirs[id].names for id in same)

    def _say_only_here(self, archived: Collection[str]) -> None:
        """Warn once of the archived lists that the remote does not have, because a sync does not send them."""
        known = self._sides.known
        only_here = [id for id in archived if id not in known.lists and id not in self._sides.theirs]
        for id in only_here:
            if id not in known.only_here:
                self._sides.warn("only-here", self._sides.heads[id])
        known.only_here = only_here

    def _follow_unarchived(self, mine: LogHead) -> None:
        """Report that a list that is archived here was brought back into use elsewhere since the last sync."""
        known, theirs = self._sides.known.lists.get(mine.id), self._sides.theirs.get(mine.id)
        if known is None or theirs is None:
            return
        for label in known.archived:
            if label in theirs.names and label not in theirs.archives:
                self._sides.warn("unarchived", mine, where=self._sides.remote.shown(label))

    def _say_unreceived(self, mine: LogHead) -> None:
        """Warn once of new commits of others that are not received, because the list is archived here."""
        known, theirs = self._sides.known.lists.get(mine.id), self._sides.theirs.get(mine.id)
        if known is None or theirs is None or theirs.archived or theirs.ends in (known.seen, known.passed):
            return
        from ...cqrs.stores.hash_chain import last_digest  # this is rare

        log = self._sides.opened(mine.id)
        forgotten = frozenset(log.forgotten)  # where others have forgotten something else, the same lines have other digests
        ends = {end for label, end in theirs.ends.items() if theirs.forgets.get(label, forgotten) == forgotten}
        if ends - {"", *(last_digest(line).decode() for line in log.lines())}:
            self._sides.warn("unreceived", mine)
        known.passed = dict(theirs.ends)

    def _follow_archived(self, mine: LogHead) -> None:
        """Archive a list on a hub that was archived here since the last sync, if the hub has all of it."""
        known, theirs = self._sides.known.lists.get(mine.id), self._sides.theirs.get(mine.id)
        if known is None or theirs is None:
            return
        # if the hub has archived the list already, it is not archived again after others use it again
        is_wanted = not theirs.archived and HERE not in known.archived and HUB not in known.archived
        if mine.digest != known.digest:
            self._sides.warn("unsent", mine)
            if is_wanted:
                self._tried[mine.id, "archived"] = "not all was sent"
        elif is_wanted:
            self._archive(mine, theirs.name, back=False)

    def follow_on_hub(self) -> bool:
        """Rename lists on a hub that were renamed here, and bring those back that were brought back here.

        Returns:
            Whether something was tried that this sync had not tried before.
        """
        if not self._sides.remote.is_hub:
            return False
        before = len(self._tried)
        wanted: dict[str, tuple[str, str]] = {}
        for id, theirs in self._sides.theirs.items():
            known, mine = self._sides.known.lists.get(id), self._sides.heads.get(id)
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
                left[id] = "" if self._sides.dry_run else self._sides.remote.rename(id, now[id], new)
                if not left[id]:
                    del left[id], now[id]
                    self._tried[id, "renamed"] = ""
                    self._sides.done.effects.append(Effect("renamed", old, new))
                    break
            else:
                id = next((id for id in left if now[id] != _parked(id) and self._in_circle(id, now, wanted)), "")
                if not id or self._sides.remote.rename(id, now[id], _parked(id)):
                    break
                now[id] = _parked(id)  # if this is killed here, the next sync knows that name
        for id, why in left.items():
            self._tried[id, "renamed"] = why
            self._sides.warn("unnamed", self._sides.heads[id], why)

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
        why = "" if self._sides.dry_run else self._sides.remote.archive(there, back=back)
        kind = "unarchived" if back else "archived"
        self._tried[mine.id, kind] = why
        if why:
            self._sides.warn("unnamed", mine, why)
        else:
            self._sides.done.effects.append(Effect(kind, there))

    def remember(self, known: ListMemory, mine: LogHead, theirs: RemoteList) -> None:
        """Remember what a list is called by others, and who has archived it."""
        id = mine.id
        tried = self._tried.get((id, "archived" if mine.archived else "unarchived"))
        archives = theirs.archives
        if tried == "":  # a hub did it, after it was looked at
            archives = [HUB] if mine.archived else []
        known.names = dict(theirs.names)
        known.later = self._later.get(id, known.later)
        known.held = self._held.get(id, known.held)
        known.taken = [
            label
            for label, name in theirs.names.items()
            if (id, label) in self._taken_here or (label in known.taken and self._is_taken(name, [id]))
        ]
        known.archived = [*archives, *([HERE] if mine.archived != bool(tried) else [])]

    def is_refused(self, id: str) -> bool:
        """Return whether a list could not get its name on a hub."""
        return bool(self._tried.get((id, "renamed")))


def _order(name: str) -> tuple[str, str]:
    """Return what decides between two names: the smaller one stands."""
    return name_key(name), name


def _parked(id: str) -> str:
    """Return the name that a list has on a hub while another one gets its name."""
    return f"renaming-{id.encode().hex()[:32]}"
