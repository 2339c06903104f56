"""Choosing the lists of a sync, and joining lists of the same name that were made apart, or keeping them apart."""

from collections.abc import Iterator, Sequence

from ...cqrs.names import name_key
from ...cqrs.operation_errors import CannotMerge
from ...cqrs.replication import MergeTerms
from ...cqrs.store import LogHead
from ...cqrs.struct import replace
from ..errors import NameTaken
from ..lists import list_not_found
from ..merging import RULES
from ..views import move_of
from .names import Names
from .remotes import RemoteList
from .results import Clash, Joining, NothingApart, Unjoined
from .sides import Sides


class Choice:
    """The lists of a sync."""

    def __init__(self, sides: Sides, names: Names, only: Sequence[str], joining: Joining | None) -> None:
        """Prepare to choose.

        Args:
            sides: Both sides of the sync.
            names: Follows the names of the lists.
            only: The names of the lists that somebody wants to sync; all if there are none.
            joining: What somebody has said of lists that were made apart; None if nothing.
        """
        self._sides, self._names, self._only, self._joining = sides, names, only, joining
        self._chosen: list[str] = []

    def choose(self) -> list[str]:
        """Choose the lists, and join those that were made apart, or keep them apart.

        Returns:
            The ids of their logs. Lists that belong together have one id now.

        Raises:
            Unjoined: Nobody said what to do with such lists.
            NameTaken: A list that was to be kept apart cannot get its name.
            NothingApart: There is no list to be kept apart.
            NotFound: There is no list of a name.
        """
        self._chosen = self._wanted()
        if self._joining is not None and self._joining.apart:
            self._check_apart(self._joining.apart)
        if self._names.follow_on_hub() and not self._sides.dry_run:  # so that a new list can get the old name of another one
            self._sides.look()
        self._chosen = self._wanted()
        self._settle_clashes()
        return self._chosen

    def _wanted(self) -> list[str]:
        """Return the ids of the lists that somebody wants to sync."""
        in_use = [head for head in self._sides.heads.values() if not head.archived]
        if not self._only:
            return [*(head.id for head in in_use), *(id for id in self._sides.theirs if id not in self._sides.heads)]
        chosen: list[str] = []
        for name in self._only:
            ids = [head.id for head in in_use if head.name == name]
            ids += [id for id, each in self._sides.theirs.items() if id not in self._sides.heads and each.name == name]
            if not ids:
                archived = [head.name for head in self._sides.heads.values() if head.archived]
                names = [head.name for head in in_use] + [each.name for each in self._sides.theirs.values()]
                raise list_not_found(name, names, archived)
            chosen += ids
        for id in chosen:  # it grows
            if id in self._sides.heads:
                chosen += [each for each in self._moved_with(self._sides.heads[id]) if each not in chosen]
        return chosen

    def _moved_with(self, head: LogHead) -> Iterator[str]:
        """Yield the ids of the lists to or from which todos were moved since the last sync."""
        known = self._sides.known.lists.get(head.id)
        for commit in self._sides.store.open(head.name).commits_backward():
            if known is not None and commit.sum == known.digest:
                return
            move = move_of(commit)
            if move is not None:
                yield from (
                    id for id in (move.source, move.target) if id in self._sides.heads and not self._sides.heads[id].archived
                )

    # lists of the same name that were made apart

    def _settle_clashes(self) -> None:
        found = [(self._sides.heads[one], self._sides.theirs[other]) for one, other in self._clashing()]
        if not found:
            return
        joining = self._joining
        kept_apart = any(mine.id in theirs.apart for mine, theirs in found)  # then one of them was renamed
        if joining is None or (joining.apart and len(found) > 1) or (joining.join and kept_apart):
            clashes = [clash for mine, theirs in found if (clash := self._clash(mine, theirs)) is not None]
            if not clashes:
                return
            raise Unjoined(clashes, self._sides.remote.url)
        if joining.apart:
            ((mine, theirs),) = found
            if not self._sides.dry_run:
                self._sides.store.rename(mine.name, joining.apart)
                self._sides.look()
            self._chosen = [*dict.fromkeys([*self._chosen, theirs.id])]
            return
        for before, theirs in found:
            now = self._sides.here(before.name)  # a list that was joined has another id now
            if now is None or now.id == theirs.id:
                continue
            try:
                self._join(now, theirs)
            except CannotMerge as error:
                self._put_off(now, theirs, error)

    def _check_apart(self, name: str) -> None:
        """Check that a list that is to be kept apart can get a name, and that there is such a list."""
        taken = (each.name for id, each in self._sides.theirs.items() if id not in self._sides.heads)
        other = next((each for each in taken if name_key(each) == name_key(name)), None)
        if other is not None:
            raise NameTaken(self._sides.remote.url, name, other)
        done = any(head.name == name for head in self._sides.heads.values())  # by an earlier sync
        if not done and not any(self._clashing()):
            raise NothingApart(self._sides.remote.url)

    def _clashing(self) -> Iterator[tuple[str, str]]:
        """Yield the ids of lists here and on the remote that have the same name, and are not known to belong together."""
        for id in list(self._sides.theirs):
            theirs = self._sides.theirs[id]
            if id in self._sides.heads or theirs.archived:
                continue
            mine = self._sides.here(theirs.name)
            if mine is None or (mine.id not in self._chosen and id not in self._chosen):
                continue
            if mine.id in theirs.apart:
                if name_key(self._sides.theirs[mine.id].name) != name_key(mine.name):
                    yield mine.id, id  # it was renamed elsewhere
                continue
            # in a folder the smaller of two ids stays (see `_terms`), so a list with the larger one is still to be joined
            if mine.id < id and self._has_all_of(mine, id):
                self._chosen = [each for each in self._chosen if each != id]
                continue
            yield mine.id, id

    def _has_all_of(self, mine: LogHead, id: str) -> bool:
        """Return whether a list was joined with another one before, so that it has all commits of it."""
        if self._sides.remote.is_hub:
            return False
        merges = (
            self._sides.store.merge(mine.name, copy.content, RULES, dry_run=True, terms=MergeTerms(join="ours"))
            for copy in self._sides.remote.copies(id, own=True)
        )
        try:
            return all(not merged.received for merged in merges)
        except CannotMerge:  # it is not complete yet
            return False

    def _terms(self, mine: LogHead, theirs: RemoteList) -> MergeTerms:
        """Say which header a joined list has: that of the one that is on the remote, or the smaller one of two."""
        there = self._sides.theirs.get(mine.id)
        if there is not None and mine.id < theirs.id:
            return MergeTerms(join="ours")
        return MergeTerms(hub=True, join="theirs")  # whoever is there already keeps the numbers

    def _clash(self, mine: LogHead, theirs: RemoteList) -> Clash | None:
        """Return what joining two lists would give; None if the other one cannot be read yet."""
        try:
            for copy in self._sides.remote.copies(theirs.id, own=True):
                terms = self._terms(mine, theirs)
                joined = self._sides.store.merge(mine.name, copy.content, RULES, dry_run=True, terms=terms)
                there = self._sides.theirs.get(mine.id)
                renamed = there.name if there is not None and there.name != mine.name else ""
                return Clash(mine.name, theirs.name, joined, len(joined.before), renamed)
        except CannotMerge as error:
            self._put_off(mine, theirs, error)
        return None

    def _put_off(self, mine: LogHead, theirs: RemoteList, error: CannotMerge) -> None:
        """Leave two lists as they are until the file of the other one is complete."""
        self._sides.done.errors.append(self._sides.unread_copy(theirs.name, "", error))
        self._chosen = [id for id in self._chosen if id not in (mine.id, theirs.id)]

    def _join(self, mine: LogHead, theirs: RemoteList) -> None:
        terms = self._terms(mine, theirs)
        report = self._sides.report(theirs.id if terms.join == "theirs" else mine.id, mine.name)
        report.joined = True
        for place, copy in enumerate(self._sides.remote.copies(theirs.id, own=True)):
            if self._sides.dry_run and place:
                break  # what the first one gives is not there
            # after the first copy it has the header of the others
            merged = self._sides.store.merge(mine.name, copy.content, RULES, dry_run=self._sides.dry_run, terms=terms)
            report.add(merged)
            if place == 0:
                report.sent = len(merged.before)
            if terms.join == "theirs":
                terms = replace(terms, join="", hub=self._sides.remote.is_hub)
        self._chosen = [*dict.fromkeys(report.id if each in (mine.id, theirs.id) else each for each in self._chosen)]
        if self._sides.dry_run:
            self._chosen.remove(report.id)
            return
        if report.id != mine.id:
            self._sides.known.lists.pop(mine.id, None)
            self._sides.remote.retire(mine.id)
        self._sides.look_here()
