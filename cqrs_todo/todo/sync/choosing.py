"""Choosing the lists of a sync, and joining lists of the same name that were made apart, or keeping them apart."""

import re
from collections.abc import Iterator, Sequence

from ...cqrs.errors import CqrsError
from ...cqrs.names import name_key
from ...cqrs.operation_errors import CannotMerge, ImportRefused, UnreadableCopy
from ...cqrs.replication import MergedLog, MergeTerms
from ...cqrs.store import LogHead
from ...cqrs.struct import replace
from ..errors import UnreadCopy
from ..lists import list_not_found
from ..merging import RULES
from ..views import move_of
from .looking import Look
from .remotes import RemoteList
from .results import Clash, Joining, ListSync, NameTaken, NothingApart, Unjoined


class Choice(Look):
    """The lists of a sync. Those that belong together have one id after `_choose`."""

    _only: Sequence[str]
    _joining: Joining | None
    _chosen: Sequence[str]

    def _choose(self, only: Sequence[str], joining: Joining | None) -> None:
        """Choose the lists, and join those that were made apart, or keep them apart.

        Args:
            only: The names of the lists that somebody wants to sync; all if there are none.
            joining: What somebody has said of lists that were made apart; None if nothing.

        Raises:
            Unjoined: Nobody said what to do with such lists.
            NameTaken: A list that was to be kept apart cannot get its name.
            NothingApart: There is no list to be kept apart.
            NotFound: There is no list of a name.
        """
        self._only, self._joining = only, joining
        self._chosen = self._wanted()
        if self._joining is not None and self._joining.apart:
            self._check_apart(self._joining.apart)
        if self._follow_on_hub() and not self._dry_run:  # so that a new list can get the old name of another one
            self._look()
        self._chosen = self._wanted()
        self._settle_clashes()

    def _wanted(self) -> list[str]:
        """Return the ids of the lists that somebody wants to sync."""
        in_use = [head for head in self._heads.values() if not head.archived]
        if not self._only:
            return [*(head.id for head in in_use), *(id for id in self._theirs if id not in self._heads)]
        chosen: list[str] = []
        for name in self._only:
            ids = [head.id for head in in_use if head.name == name]
            ids += [id for id, each in self._theirs.items() if id not in self._heads and each.name == name]
            if not ids:
                archived = [head.name for head in self._heads.values() if head.archived]
                names = [head.name for head in in_use] + [each.name for each in self._theirs.values()]
                raise list_not_found(name, names, archived)
            chosen += ids
        for id in chosen:  # it grows
            if id in self._heads:
                chosen += [each for each in self._moved_with(self._heads[id]) if each not in chosen]
        return chosen

    def _moved_with(self, head: LogHead) -> Iterator[str]:
        """Yield the ids of the lists to or from which todos were moved since the last sync."""
        known = self._known.lists.get(head.id)
        for commit in self._store.open(head.name).commits_backward():
            if known is not None and commit.sum == known.digest:
                return
            move = move_of(commit)
            if move is not None:
                yield from (id for id in (move.source, move.target) if id in self._heads and not self._heads[id].archived)

    # lists of the same name that were made apart

    def _settle_clashes(self) -> None:
        found = [(self._heads[one], self._theirs[other]) for one, other in self._clashing()]
        if not found:
            return
        joining = self._joining
        kept_apart = any(mine.id in theirs.apart for mine, theirs in found)  # then one of them was renamed
        if joining is None or (joining.apart and len(found) > 1) or (joining.join and kept_apart):
            clashes = [clash for mine, theirs in found if (clash := self._clash(mine, theirs)) is not None]
            if not clashes:
                return
            raise Unjoined(clashes, self._remote.url)
        if joining.apart:
            ((mine, theirs),) = found
            if not self._dry_run:
                self._store.rename(mine.name, joining.apart)
                self._look()
            self._chosen = [*dict.fromkeys([*self._chosen, theirs.id])]
            return
        for before, theirs in found:
            now = self._here(before.name)  # a list that was joined has another id now
            if now is None or now.id == theirs.id:
                continue
            try:
                self._join(now, theirs)
            except CannotMerge as error:
                self._put_off(now, theirs, error)

    def _check_apart(self, name: str) -> None:
        """Check that a list that is to be kept apart can get a name, and that there is such a list."""
        taken = (each.name for id, each in self._theirs.items() if id not in self._heads)
        other = next((each for each in taken if name_key(each) == name_key(name)), None)
        if other is not None:
            raise NameTaken(self._remote.url, name, other)
        done = any(head.name == name for head in self._heads.values())  # by an earlier sync
        if not done and not any(self._clashing()):
            raise NothingApart(self._remote.url)

    def _here(self, name: str) -> LogHead | None:
        """Return the list here with a name, however it is written; None if there is none, or only an archived one."""
        heads = (head for head in self._heads.values() if not head.archived)
        return next((head for head in heads if name_key(head.name) == name_key(name)), None)

    def _clashing(self) -> Iterator[tuple[str, str]]:
        """Yield the ids of lists here and on the remote that have the same name, and are not known to belong together."""
        for id in list(self._theirs):
            theirs = self._theirs[id]
            if id in self._heads or theirs.archived:
                continue
            mine = self._here(theirs.name)
            if mine is None or (mine.id not in self._chosen and id not in self._chosen):
                continue
            if mine.id in theirs.apart:
                if name_key(self._theirs[mine.id].name) != name_key(mine.name):
                    yield mine.id, id  # it was renamed elsewhere
                continue
            # in a folder the smaller of two ids stays (see `_terms`), so a list with the larger one is still to be joined
            if mine.id < id and self._has_all_of(mine, id):
                self._chosen = [each for each in self._chosen if each != id]
                continue
            yield mine.id, id

    def _has_all_of(self, mine: LogHead, id: str) -> bool:
        """Return whether a list was joined with another one before, so that it has all commits of it."""
        if self._remote.is_hub:
            return False
        merges = (
            self._store.merge(mine.name, copy.content, RULES, dry_run=True, terms=MergeTerms(join="ours"))
            for copy in self._remote.copies(id, own=True)
        )
        try:
            return all(not merged.received for merged in merges)
        except CannotMerge:  # it is not complete yet
            return False

    def _terms(self, mine: LogHead, theirs: RemoteList) -> MergeTerms:
        """Say which header a joined list has: that of the one that is on the remote, or the smaller one of two."""
        there = self._theirs.get(mine.id)
        if there is not None and mine.id < theirs.id:
            return MergeTerms(join="ours")
        return MergeTerms(hub=True, join="theirs")  # whoever is there already keeps the numbers

    def _clash(self, mine: LogHead, theirs: RemoteList) -> Clash | None:
        """Return what joining two lists would give; None if the other one cannot be read yet."""
        try:
            for copy in self._remote.copies(theirs.id, own=True):
                terms = self._terms(mine, theirs)
                joined = self._store.merge(mine.name, copy.content, RULES, dry_run=True, terms=terms)
                there = self._theirs.get(mine.id)
                renamed = there.name if there is not None and there.name != mine.name else ""
                return Clash(mine.name, theirs.name, joined, len(joined.before), renamed)
        except CannotMerge as error:
            self._put_off(mine, theirs, error)
        return None

    def _put_off(self, mine: LogHead, theirs: RemoteList, error: CannotMerge) -> None:
        """Leave two lists as they are until the file of the other one is complete."""
        self.done.errors.append(self._unread_copy(theirs.name, "", error))
        self._chosen = [id for id in self._chosen if id not in (mine.id, theirs.id)]

    def _join(self, mine: LogHead, theirs: RemoteList) -> None:
        terms = self._terms(mine, theirs)
        report = self._report(theirs.id if terms.join == "theirs" else mine.id, mine.name)
        report.joined = True
        for place, copy in enumerate(self._remote.copies(theirs.id, own=True)):
            if self._dry_run and place:
                break  # what the first one gives is not there
            # after the first copy it has the header of the others
            merged = self._store.merge(mine.name, copy.content, RULES, dry_run=self._dry_run, terms=terms)
            self._add(report, merged)
            if place == 0:
                report.sent = len(merged.before)
            if terms.join == "theirs":
                terms = replace(terms, join="", hub=self._remote.is_hub)
        self._chosen = [*dict.fromkeys(report.id if each in (mine.id, theirs.id) else each for each in self._chosen)]
        if self._dry_run:
            self._chosen.remove(report.id)
            return
        if report.id != mine.id:
            self._known.lists.pop(mine.id, None)
            self._remote.retire(mine.id)
        self._heads = {head.id: head for head in self._store.heads()}

    def _unread_copy(self, what: str, label: str, error: CqrsError) -> CannotMerge:
        why = re.sub("; nothing was (merged|imported)$", "", str(error))  # other copies of the list were
        message = f"{self._remote.url}, {what}: {why}"
        if isinstance(error, (UnreadableCopy, ImportRefused)):
            return UnreadCopy(message, self._remote.writer(label))
        return CannotMerge(message)

    # what is reported and remembered

    def _report(self, id: str, name: str) -> ListSync:
        found = next((each for each in self.done.lists if each.id == id), None)
        if found is None:
            found = ListSync(id, name)
            self.done.lists.append(found)
        return found

    @staticmethod
    def _add(report: ListSync, merged: MergedLog) -> None:
        """Add what a merge did to what earlier merges of the same sync did."""
        if not merged.changed:
            return
        earlier = report.merged
        if earlier is None:
            report.merged = merged
            return
        report.merged = MergedLog(
            merged.log,
            earlier.before,
            merged.after,
            (*earlier.conflicts, *merged.conflicts),
            tuple(sorted({*earlier.forgotten, *merged.forgotten})),
            (*earlier.unreached, *merged.unreached),
            merged.kept or earlier.kept,
        )
