"""Receiving lists: merging what the remote has into the lists of this machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from tempfile import TemporaryDirectory

from ...cqrs.cursor import START
from ...cqrs.errors import CqrsError, LogExists
from ...cqrs.operation_errors import CannotMerge, ImportRefused
from ...cqrs.replication import MergedLog, MergeTerms
from ...cqrs.store import Log, Store
from ...cqrs.stores import open_store
from ...cqrs.stores.format import InvalidLine
from ...cqrs.struct import replace
from ..errors import TakenHere, TwoLists
from ..merges import arrivals
from ..merging import RULES
from ..recorder import TYPES
from .halves import Copies, Leaving, cuts, has_other_half, has_todos, leaving
from .remotes import Behind, RemoteCopy, RemoteList, commands_in, places_in
from .rounds import Round


class Receiving:
    """Receives the lists of a round."""

    def __init__(self, round: Round) -> None:
        """Prepare to receive the lists of a round."""
        self._round, self._sides, self._untaken = round, round.sides, round.untaken
        self._received: set[str] = set()  # the ids of the lists that were received in this round, or are now
        self._copies: dict[str, list[RemoteCopy]] = {}
        self._found: Mapping[tuple[str, str], Sequence[Leaving]] = {}  # the halves of moves in copies that are new here
        self._ends: Mapping[tuple[str, str], Leaving] = {}  # those that the copies must end before

    def run(self) -> set[str]:
        """Receive the lists, and return the streams of the todos that may be in two lists now."""
        self._read_copies()
        arrived: set[str] = set()
        for id in self._round.changed:
            arrived |= self._round.take_turn(id, self._receive) or set()
        return arrived

    def _receive(self, id: str) -> set[str]:
        """Merge what the remote has of a list, and return the streams of the todos that may be in two lists now."""
        self._received.add(id)
        mine, theirs = self._sides.heads.get(id), self._sides.theirs.get(id)
        if theirs is None or (self._sides.remote.is_hub and theirs.archived):
            if mine is not None and theirs is None:
                report = self._sides.report(id, mine.name)
                report.sent, report.began = sum(1 for _ in self._sides.store.open(mine.name).commits_backward()), True
            return set()
        if mine is None:
            return self._receive_new(id, theirs)
        report = self._sides.report(id, mine.name)
        before = report.sent
        terms = MergeTerms(hub=self._sides.remote.is_hub, marks=self._sides.marks(id, theirs))
        lacking: list[int] = []
        with self._merging_into(mine.name, self._copies[id]) as store:
            for copy in self._copies[id]:
                if copy.since.digest and not copy.content:  # nothing is new there
                    lacking.append(sum(1 for _ in store.open(mine.name).lines(copy.since)))
                    continue
                merged = self._merged(store, mine.name, self._taken(id, mine.name, copy), terms, id)
                if merged is not None:
                    lacking.append(merged.lacking)
                    report.add(merged)
        if not report.joined:
            report.sent = max(before, min(lacking) if lacking else self._sides.lacking_there(id))
        if report.merged is None:
            return set()
        return arrivals(report.merged)

    # moves, of which both halves must come to the other list

    def _read_copies(self) -> None:
        """Read the copies of the lists that have changed, and of those that todos were moved to.

        If only one half of a move has come, what comes in a copy from this half on is held back.
        """
        found: dict[tuple[str, str], list[Leaving]] = {}
        for id in self._round.changed:  # it grows
            self._copies[id] = []
            try:
                self._copies[id] = list(self._read(id))
            except CqrsError as error:
                self._round.put_aside(id, error)
            for copy in self._copies[id]:
                halves = self._new_halves(id, copy)
                if halves:
                    found[id, copy.label] = halves
                for target in {half.target for half in halves}:
                    is_there = target in self._sides.theirs and self._is_open_to(target)
                    if is_there and target not in self._round.changed and not self._sides.is_same(target):
                        self._round.add(target)
        if found:
            lists = {*self._sides.heads, *self._sides.theirs}
            self._found = found
            self._ends = cuts(found, self._intact_copies(), lists, partial(self._target_has, has_other_half))
            waiting = {id for id, _ in found}
            self._round.changed.sort(key=waiting.__contains__)  # if a list fails, those that need it wait

    def _read(self, id: str) -> Iterator[RemoteCopy]:
        mine, theirs = self._sides.heads.get(id), self._sides.theirs.get(id)
        if theirs is None or (theirs.archived and (self._sides.remote.is_hub or mine is None)):
            return iter(())
        since = START if mine is None else self._sides.shared_end(id)
        return self._sides.remote.copies(id, own=mine is None, since=since)

    def _is_open_to(self, id: str) -> bool:
        """Return whether a list can receive commits: it is not archived, as far as that is known."""
        known = self._sides.heads.get(id) or self._sides.theirs.get(id)
        return not known.archived if known is not None else not self._sides.remote.is_archived(id)

    def _new_halves(self, id: str, copy: RemoteCopy) -> list[Leaving]:
        """Return the halves of moves in a copy that a list does not have, and of which the other half is expected.

        A list that is new here can have todos that were moved long ago to lists that nobody has any more.
        """
        halves = list(leaving(copy.lines, id))
        if id not in self._sides.heads:
            return [half for half in halves if self._sides.remote.may_bring(half.target, copy.label, with_=id)]
        known: set[bytes] = set()
        if halves:
            with suppress(CqrsError):
                known = commands_in(self._sides.store.open(self._sides.heads[id].name).lines())
        return [half for half in halves if half.command.encode() not in known]

    def _intact_copies(self) -> Copies:
        from ...cqrs.stores.jsonl.repair import verified_end  # moves are rare

        copies = {}
        for id, each in self._copies.items():
            for copy in each:
                with suppress(InvalidLine):
                    if not copy.since.digest:
                        verified_end(copy.content)
                    copies[id, copy.label] = places_in(copy.lines)
        return copies

    def _target_has(self, has: Callable[[Log, Leaving], bool], half: Leaving) -> bool:
        """Return whether the list that a todo went to has it here, in the sense of a function."""
        id = half.target
        if not self._is_open_to(id):
            return True
        others = [head for head in self._sides.heads.values() if head.id != half.source and not head.archived]
        for head in [self._sides.heads[id]] if id in self._sides.heads else others:  # it may be a part of any other list now
            with suppress(CqrsError):
                if has(self._sides.store.open(head.name), half):
                    return True
        return False

    def _taken(self, id: str, name: str, copy: RemoteCopy) -> RemoteCopy:
        """Return a copy of a list without what is held back.

        What a hub has cannot be held back, because a machine sends only what comes after it.
        """
        found = self._found.get((id, copy.label), ())
        end = self._ends.get((id, copy.label))
        half = next((each for each in found if each is end or each.target in self._sides.failed), None)
        is_final = half is not None and (half.target not in self._round.changed or half.target in self._received)
        if half is not None and is_final and self._target_has(has_todos, half):  # they are in both lists
            half = next((each for each in found if each.place > half.place), None)
        if half is None:
            return copy
        if self._sides.remote.is_hub:
            if not self._round.is_last:
                raise Behind(f"{half.target_name} is still on its way")
            # a list that is not there may have been archived before anybody sent it
            self._sides.lost += [(id, each) for each in found if each.target in self._sides.theirs]
            return copy
        self._untaken.add_held(id, copy.label, name, half.target_name)
        return replace(copy, content=b"".join(copy.lines[: half.place]))

    @contextmanager
    def _merging_into(self, name: str, copies: Sequence[RemoteCopy]) -> Iterator[Store]:
        """Give the store of a list into which copies are merged.

        A dry run changes nothing here, but the second copy must meet what the first one brings. So several copies are merged
        in a temporary store.
        """
        if not self._sides.dry_run or len(copies) < 2:
            yield self._sides.store
            return
        with TemporaryDirectory() as folder, closing(open_store(f"jsonl:{folder}", TYPES)) as store:
            store.import_log(name, self._sides.store.open(name).lines())
            yield store

    def _merged(self, store: Store, name: str, copy: RemoteCopy, terms: MergeTerms, id: str) -> MergedLog | None:
        """Merge a copy; None if it cannot be read, for example because it is still on its way."""
        dry_run = self._sides.dry_run and store is self._sides.store
        try:
            merged = store.merge(name, copy.content, RULES, since=copy.since, dry_run=dry_run, terms=terms)
            return replace(merged, kept="") if self._sides.dry_run else merged  # the file is in a temporary store
        except CannotMerge as error:
            self._untaken.add_unread(id, copy.label, error)
            return None

    def _receive_new(self, id: str, theirs: RemoteList) -> set[str]:
        """Make a list that this machine does not have."""
        if theirs.archived:
            return set()
        if self._sides.dry_run:
            self._sides.report(id, theirs.name).made = True
            return set()
        name = self._name_here(theirs)
        left = sorted((self._taken(id, name, copy) for copy in self._copies[id]), key=lambda copy: -len(copy.content))
        while left:
            copy = left.pop(0)
            try:
                self._sides.store.import_log(name, copy.lines)
                break
            except LogExists as error:
                free = self._sides.free_name(error.name)
                raise TakenHere(self._sides.remote.url, theirs.name, error.name, free) from error
            except ImportRefused as error:
                if self._sides.remote.is_hub:
                    raise
                self._untaken.add_unread(id, copy.label, error)
        else:
            return set()
        report = self._sides.report(id, name)
        report.made = True
        for copy in left:
            self._merged(self._sides.store, name, copy, MergeTerms(marks=self._sides.marks(id, theirs)), id)
        report.merged = MergedLog(
            log=id, before=(), after=tuple(self._sides.store.open(name).commits()), conflicts=(), forgotten=()
        )
        self._sides.look_here()
        return arrivals(report.merged)

    def _name_here(self, theirs: RemoteList) -> str:
        """Return the name that a new list gets here: that on the remote, if no other list here has it."""
        mine = (
            None if self._sides.remote.is_hub else self._sides.here(theirs.name)
        )  # each list on a hub has a name of its own
        if mine is None or mine.id == theirs.id:
            return theirs.name
        if mine.id not in theirs.apart:
            raise TwoLists(self._sides.remote.url, theirs.name)
        return self._sides.free_name(theirs.name)
