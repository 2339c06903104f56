"""Merging what others have into the lists of this machine, and bringing the lists to the remote."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count, takewhile
from typing import Literal

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import CqrsError, DamagedLog, LogExists, LogNotFound, MissingLog, StaleCursor
from ...cqrs.ids import now
from ...cqrs.names import name_key
from ...cqrs.operation_errors import CannotMerge, ImportRefused, UnreadableCopy
from ...cqrs.replication import MergedLog, MergeTerms
from ...cqrs.store import Log, LogHead, Store
from ...cqrs.stores.forgetting import forget_in_copy
from ...cqrs.stores.format import InvalidLine, decode_header
from ...cqrs.stores.hash_chain import last_digest
from ...cqrs.struct import replace
from ..errors import DamagedHere, DamagedRemote, TakenHere, TakenThere, TwoLists, UnreadCopy
from ..merges import arrivals, settle_in
from ..merging import RULES
from ..views import move_of
from .halves import Copies, Leaving, cuts, has_other_half, has_todos, leaving
from .hub import HUB
from .looking import HERE, Look
from .memory import ListMemory, Memory
from .remotes import Behind, Remote, RemoteCopy, RemoteList, commands_in, opened
from .results import Clash, Effect, Joining, ListSync, NameTaken, NothingApart, SyncWarning, Unjoined

_ROUNDS = 8
"""How often a sync tries again because another machine has changed the remote meanwhile."""
_AHEAD = timedelta(days=1)


class Work(Look):
    """One sync."""

    def __init__(
        self,
        store: Store,
        remote: Remote,
        memory: Memory,
        *,
        only: Sequence[str],
        joining: Joining | None,
        dry_run: bool,
    ) -> None:
        """Look at the lists. The arguments are those of `sync`, and of `Look`."""
        super().__init__(store, remote, memory, dry_run=dry_run)
        self._only, self._joining = only, joining
        self._unread: dict[str, set[str]] = {}  # the labels of copies that could not be read, by the ids of the logs
        self._chosen: Sequence[str] = ()
        self._changed: list[str] = []  # the lists of this round
        self._again: list[str] = []  # those of the next one
        self._is_last = False
        self._begun: dict[str, set[str]] = {}  # the lists that were received and sent in this round, or are now
        self._in_turn: set[str] = set()  # those that are received or sent now
        self._arrived: set[str] = set()
        self._copies: dict[str, list[RemoteCopy]] = {}
        self._found: Mapping[tuple[str, str], Sequence[Leaving]] = {}  # the halves of moves in copies that are new here
        self._ends: Mapping[tuple[str, str], Leaving] = {}  # those that the copies must end before
        self._held: dict[str, set[str]] = {}  # the labels of copies of which the end was held back, by the ids of the logs
        self._warned: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Merge what others have, and bring them what they lack, until another machine has changed nothing meanwhile."""
        self._chosen = self._choose()
        if self._joining is not None and self._joining.apart:
            self._check_apart(self._joining.apart)
        if self._follow_on_hub() and not self._dry_run:  # so that a new list can get the old name of another one
            self._look()
        self._chosen = self._choose()
        self._settle_clashes()
        left = self._chosen
        for attempt in range(1, _ROUNDS + 1):
            left = self._round(left, last=attempt == _ROUNDS)
            if not left:
                break
            self._look()
        archived = [id for id, head in self._heads.items() if head.archived]
        for id in () if self._only else archived:
            if not self._is_kept(id):
                try:
                    self._sync_archived(id)
                except CqrsError as error:
                    self._fail(id, error)

    # which lists

    def _choose(self) -> list[str]:
        """Return the ids of the lists to sync."""
        in_use = [head for head in self._heads.values() if not head.archived]
        if not self._only:
            return [*(head.id for head in in_use), *(id for id in self._theirs if id not in self._heads)]
        chosen: list[str] = []
        for name in self._only:
            ids = [head.id for head in in_use if head.name == name]
            ids += [id for id, each in self._theirs.items() if id not in self._heads and each.name == name]
            if not ids:
                raise LogNotFound(name)
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

    # merging, and bringing to the remote

    def _round(self, ids: Sequence[str], *, last: bool) -> list[str]:
        """Sync some lists.

        Args:
            ids: The ids of their logs.
            last: Whether nothing is tried again.

        Returns:
            The ids of those that must be synced again.
        """
        self._changed = [id for id in ids if id not in self._failed and not self._is_same(id)]
        self._is_last, self._again, self._arrived, self._begun = last, [], set(), {}
        self._read_copies()
        for id in self._changed:
            self._take_turn(id, "receive")
        if self._dry_run:
            return []
        if self._arrived:
            removed = settle_in(self._store, self._arrived)
            self.done.removed += removed
            names = {each.list for each in removed}
            self._changed += [
                id
                for id, head in self._heads.items()
                if head.name in names and id in self._chosen and id not in self._changed
            ]
        for id in self._changed:
            self._take_turn(id, "send")
        return self._again

    def _take_turn(self, id: str, what: Literal["receive", "send"]) -> None:
        """Receive or send a list, once in a round."""
        begun = self._begun.setdefault(what, set())
        if id in begun or id in self._failed or id in self._again:
            return
        begun.add(id)
        self._in_turn.add(id)
        try:
            if what == "receive":
                self._arrived |= self._receive(id)
            else:
                self._send(id)
        except CqrsError as error:
            self._put_aside(id, error)
        finally:
            self._in_turn.discard(id)

    def _put_aside(self, id: str, error: CqrsError) -> None:
        """Leave a list for the next round, or, if that does not help, as it is."""
        if not isinstance(error, Behind):
            self._fail(id, error)
        elif self._is_last:  # then it may have another reason
            self._fail(id, error.__cause__ if isinstance(error.__cause__, CqrsError) else error)
        else:
            self._again.append(id)

    def _fail(self, id: str, error: CqrsError) -> None:
        self._failed.add(id)
        if isinstance(error, DamagedLog) and not isinstance(error, (DamagedRemote, MissingLog)):
            error = DamagedHere(str(error), self._heads[id].name)
        self.done.errors.append(error)
        for report in self.done.lists:
            if report.id == id:
                report.sent = 0
        if self._remote.url not in str(error) and not isinstance(error, DamagedLog):
            name = self._heads[id].name if id in self._heads else self._theirs[id].name
            error.add_note(f"that was while {name} was synced with {self._remote.url}")

    def _receive(self, id: str) -> set[str]:
        """Merge what the remote has of a list, and return the streams of the todos that may be in two lists now."""
        mine, theirs = self._heads.get(id), self._theirs.get(id)
        if theirs is None or (self._remote.is_hub and theirs.archived):
            if mine is not None and theirs is None:
                self._report(id, mine.name).sent = sum(1 for _ in self._store.open(mine.name).commits_backward())
            return set()
        if mine is None:
            return self._receive_new(id, theirs)
        report = self._report(id, mine.name)
        before = report.sent
        terms = MergeTerms(hub=self._remote.is_hub, marks=self._marks(id, theirs))
        lacking: list[int] = []
        for copy in self._copies[id]:
            if copy.since.digest and not copy.content:  # nothing is new there
                lacking.append(sum(1 for _ in self._store.open(mine.name).lines(copy.since)))
                continue
            merged = self._merged(mine.name, self._taken(mine, copy), terms, id)
            if merged is not None:
                lacking.append(merged.lacking)
                self._add(report, merged)
        if not report.joined:
            report.sent = max(before, min(lacking) if lacking else self._unsent(mine, theirs))
        if report.merged is None:
            return set()
        return arrivals(report.merged)

    # moves, of which both halves must come to the other list

    def _read_copies(self) -> None:
        """Read the copies of the lists that have changed, and of those that todos were moved to.

        If only one half of a move has come, what comes in a copy from this half on is held back.
        """
        self._copies, self._found, self._ends = {}, {}, {}
        found: dict[tuple[str, str], list[Leaving]] = {}
        for id in self._changed:  # it grows
            self._copies[id] = []
            try:
                self._copies[id] = list(self._read(id))
            except CqrsError as error:
                self._put_aside(id, error)
            for copy in self._copies[id]:
                halves = self._new_halves(id, copy)
                if halves:
                    found[id, copy.label] = halves
                for target in {half.target for half in halves}:
                    is_there = target in self._theirs and self._is_open_to(target)
                    if is_there and target not in self._changed and not self._is_same(target):
                        self._chosen = [*self._chosen, target]
                        self._changed.append(target)
        if found:
            lists = {*self._heads, *self._theirs}
            self._found = found
            self._ends = cuts(found, self._intact_copies(), lists, partial(self._target_has, has_other_half))
            waiting = {id for id, _ in found}
            self._changed.sort(key=waiting.__contains__)  # if a list fails, those that need it wait

    def _read(self, id: str) -> Iterator[RemoteCopy]:
        mine, theirs = self._heads.get(id), self._theirs.get(id)
        if theirs is None or (theirs.archived and (self._remote.is_hub or mine is None)):
            return iter(())
        since = START if mine is None else self._shared_end(id, mine.name)
        return self._remote.copies(id, own=mine is None, since=since)

    def _is_open_to(self, id: str) -> bool:
        """Return whether a list can receive commits: it is not archived, as far as that is known."""
        known = self._heads.get(id) or self._theirs.get(id)
        return not known.archived if known is not None else not self._remote.is_archived(id)

    def _new_halves(self, id: str, copy: RemoteCopy) -> list[Leaving]:
        """Return the halves of moves in a copy that a list does not have. A list that is new here gets all of it."""
        halves = list(leaving(copy.lines, id)) if id in self._heads else []
        known: set[bytes] = set()
        if halves:
            with suppress(CqrsError):
                known = commands_in(self._store.open(self._heads[id].name).lines())
        return [half for half in halves if half.command.encode() not in known]

    def _intact_copies(self) -> Copies:
        from ...cqrs.stores.jsonl.repair import verified_end  # moves are rare

        copies = {}
        for id, each in self._copies.items():
            for copy in each:
                with suppress(InvalidLine):
                    if not copy.since.digest:
                        verified_end(copy.content)
                    copies[id, copy.label] = {
                        command.decode(): place for place, line in enumerate(copy.lines) for command in commands_in([line])
                    }
        return copies

    def _target_has(self, has: Callable[[Log, Leaving], bool], half: Leaving) -> bool:
        """Return whether the list that a todo went to has it here, in the sense of a function."""
        id = half.target
        if not self._is_open_to(id):
            return True
        others = [head for head in self._heads.values() if head.id != half.source and not head.archived]
        for head in [self._heads[id]] if id in self._heads else others:  # it may be a part of any other list now
            with suppress(CqrsError):
                if has(self._store.open(head.name), half):
                    return True
        return False

    def _taken(self, mine: LogHead, copy: RemoteCopy) -> RemoteCopy:
        """Return a copy without what is held back.

        What a hub has cannot be held back, because a machine sends only what comes after it.
        """
        found = self._found.get((mine.id, copy.label), ())
        end = self._ends.get((mine.id, copy.label))
        half = next((each for each in found if each is end or each.target in self._failed), None)
        is_final = half is not None and (half.target not in self._changed or half.target in self._begun["receive"])
        if half is not None and is_final and self._target_has(has_todos, half):  # they are in both lists
            half = next((each for each in found if each.place > half.place), None)
        if half is None:
            return copy
        if self._remote.is_hub:
            if not self._is_last:
                raise Behind(f"{half.target_name} is still on its way")
            return copy
        self._held.setdefault(mine.id, set()).add(copy.label)
        self._warn_of_move("held", mine, self._remote.writer(copy.label), half.target_name)
        return replace(copy, content=b"".join(copy.lines[: half.place]))

    def _to_be_sent(self, log: Log, lines: Sequence[bytes], since: Cursor) -> tuple[Sequence[bytes], Cursor]:
        """Hold back what comes after a todo has left a list, if a hub does not have it in the list that it went to.

        Returns:
            The lines to send, and the cursor behind the last one.
        """
        known = 0 if since.digest else self._remote.end(log.id).line
        for half in leaving(lines, log.id):
            if half.place < known:
                continue
            if half.target in self._changed:
                self._take_turn(half.target, "send")
            if self._remote.is_hub and not self._is_sent(half):
                self._warn_of_move("waiting", self._heads[log.id], str(len(lines) - half.place), half.target_name)
                kept = lines[: half.place]
                digest = last_digest(kept[-1]) if kept else since.digest
                size = since.offset + sum(map(len, kept))
                return kept, Cursor(half.position - 1, since.line + len(kept), size, digest)
        return lines, log.cursor()

    def _is_sent(self, half: Leaving) -> bool:
        """Return whether a hub has the other half of a move."""
        head, known = self._heads.get(half.target), self._known.lists.get(half.target)
        if head is None or half.target in self._in_turn or (head.archived and half.target not in self._theirs):
            return True  # a list that was archived before the first sync is not sent
        try:
            log = opened(self._store, head)
            other = next((found for command in half.others if (found := log.find_command(command)) is not None), None)
        except CqrsError:
            return False
        return other is None or (known is not None and other.position <= known.position)

    def _warn_of_move(self, kind: str, mine: LogHead, other: str, target: str) -> None:
        """Warn once that a part of a list is held back because of a move to another list."""
        if (kind, mine.id) not in self._warned:
            self._warned.add((kind, mine.id))
            self.done.warnings.append(SyncWarning(kind, mine.name, other, self._remote.url, target))

    def _shared_end(self, id: str, name: str) -> Cursor:
        """Return where a list ended when it was the same here and on a hub, if it still is up to there; else `START`."""
        known = self._known.lists.get(id)
        if known is None or known.seen != {HUB: known.digest}:
            return START
        try:
            next(self._store.open(name).lines(known.end), None)
        except StaleCursor:
            return START
        return known.end

    def _merged(self, name: str, copy: RemoteCopy, terms: MergeTerms, id: str) -> MergedLog | None:
        """Merge a copy; None if it cannot be read, for example because it is still on its way."""
        try:
            return self._store.merge(name, copy.content, RULES, since=copy.since, dry_run=self._dry_run, terms=terms)
        except CannotMerge as error:
            self._not_read(id, copy.label, error)
            return None

    def _not_read(self, id: str, label: str, error: CqrsError) -> None:
        if label not in self._unread.setdefault(id, set()):
            self._unread[id].add(label)
            self.done.errors.append(self._unread_copy(label, label, error))

    def _unread_copy(self, what: str, label: str, error: CqrsError) -> CannotMerge:
        why = re.sub("; nothing was (merged|imported)$", "", str(error))  # other copies of the list were
        message = f"{self._remote.url}, {what}: {why}"
        if isinstance(error, (UnreadableCopy, ImportRefused)):
            return UnreadCopy(message, self._remote.writer(label))
        return CannotMerge(message)

    def _marks(self, id: str, theirs: RemoteList) -> frozenset[str]:
        own = self._memory.marks.get(id)
        return theirs.marks | ({own} if own else set())

    def _receive_new(self, id: str, theirs: RemoteList) -> set[str]:
        """Make a list that this machine does not have."""
        if theirs.archived:
            return set()
        if self._dry_run:
            self._report(id, theirs.name).made = True
            return set()
        name = self._name_here(theirs)
        left = sorted(self._copies[id], key=lambda copy: -len(copy.content))
        while left:
            copy = left.pop(0)
            try:
                self._store.import_log(name, copy.lines)
                break
            except LogExists as error:
                raise TakenHere(self._remote.url, theirs.name, error.name) from error
            except ImportRefused as error:
                if self._remote.is_hub:
                    raise
                self._not_read(id, copy.label, error)
        else:
            return set()
        report = self._report(id, name)
        report.made = True
        for copy in left:
            self._merged(name, copy, MergeTerms(marks=self._marks(id, theirs)), id)
        report.merged = MergedLog(id, (), tuple(self._store.open(name).commits()), (), ())
        self._heads = {head.id: head for head in self._store.heads()}
        return arrivals(report.merged)

    def _name_here(self, theirs: RemoteList) -> str:
        """Return the name that a new list gets here: that on the remote, if no other list here has it."""
        mine = None if self._remote.is_hub else self._here(theirs.name)  # each list on a hub has a name of its own
        if mine is None or mine.id == theirs.id:
            return theirs.name
        if mine.id not in theirs.apart:
            raise TwoLists(self._remote.url, theirs.name)
        taken = {name_key(each.name) for each in self._heads.values()} | {
            name_key(each.name) for each in self._theirs.values()
        }
        return next(name for number in count(2) if name_key(name := f"{theirs.name}-{number}") not in taken)

    def _send(self, id: str) -> None:
        """Bring a list to the remote, and remember that both have the same."""
        mine, theirs = self._heads.get(id), self._theirs.get(id)
        if mine is None:
            return
        if theirs is not None and self._remote.is_hub and theirs.archived:
            self._sync_archived(id)
            return
        log = self._store.open(mine.name)
        if theirs is not None and log.forgotten:
            self._remote.forget(id, log.forgotten)
        lines, since = self._lines_to_send(log, id)
        if log.damage is not None:
            raise DamagedLog(log.damage)
        if log.id != id:
            raise Behind(f"{mine.name} was renamed meanwhile")
        complete = len(lines)
        lines, end = self._to_be_sent(log, lines, since)
        try:
            seen = self._remote.publish(id, mine.name, lines, since)
        except LogExists as error:
            raise TakenThere(self._remote.url, mine.name, error.name, archived=error.archived) from error
        digest = end.digest.decode()
        why = ""
        if log.forgotten and self._remote.is_hub:
            why = self._remote.forget(id, log.forgotten)  # what the hub lacked before it could not forget
            if why:
                self._warn("unforgotten", mine, why)
            else:  # then its lines have the same digests
                seen = dict.fromkeys(seen, digest)
        known = self._known.lists.setdefault(id, ListMemory(mine.name, digest, forgotten=len(log.forgotten)))
        report = next((each for each in self.done.lists if each.id == id), None)
        if report is not None:
            report.sent = max(0, report.sent - (complete - len(lines)))
        taken = report is not None and report.merged is not None and report.merged.forgotten
        if len(log.forgotten) > known.forgotten and not taken and not why:
            self.done.effects.append(Effect("forgotten", mine.name, machines=not self._remote.is_hub and bool(seen)))
        known.digest, known.position, known.line, known.offset = digest, end.position, end.line, end.offset
        known.forgotten = len(log.forgotten)
        known.unforgotten = why
        unread = self._unread.get(id, set()) | self._held.get(id, set())
        known.seen = {label: end for label, end in seen.items() if label not in unread}
        if _is_ahead(log):
            self.done.warnings.append(SyncWarning("ahead", mine.name))
        if self._remote.is_hub:
            self._memory.marks[id] = digest
        elif theirs is not None:
            self._take_mark(id, lines, theirs)

    def _lines_to_send(self, log: Log, id: str) -> tuple[Sequence[bytes], Cursor]:
        """Read the lines that come after those of the copy on a hub, and where that copy ends.

        If this is not known, or the list is not the same up to there, all lines are read.
        """
        since = self._remote.end(id)
        try:
            return list(log.lines(since)), since
        except StaleCursor:
            return list(log.lines()), START

    def _sync_archived(self, id: str) -> None:
        """Sync a list that is archived here or on a hub, as far as it can be: nothing is merged, but all of it is forgotten.

        In a folder the file of this machine gets its commits.
        """
        mine, theirs = self._heads[id], self._theirs.get(id)
        copy = next((copy.lines for copy in self._remote.copies(id)), []) if self._remote.is_hub else []
        there = _forgotten_in(copy) if theirs is None or self._remote.is_hub else theirs.forgotten
        log = opened(self._store, mine)
        before = len(log.forgotten)
        if not self._remote.is_hub:
            self._report(id, mine.name).sent = self._unsent(mine, theirs)
        forgets = {*there} - {*log.forgotten}
        if any(next(log.events(limit=1, stream=stream), None) is not None for stream in forgets):
            report = self._report(id, mine.name)
            report.merged = MergedLog(id, (), (), (), tuple(sorted(forgets)))
            if not self._dry_run:
                done = self._store.forget(mine.name, forgets, archived=mine.archived)
                report.merged = MergedLog(id, (), (), (), tuple(sorted(forgets)), tuple(done.unreached))
                self._heads = {head.id: head for head in self._store.heads()}
                log = opened(self._store, mine)
        if self._dry_run:
            return
        lines = list(log.lines())
        if log.damage is not None:
            raise DamagedLog(log.damage)
        digest = last_digest(lines[-1]).decode()
        # this machine has archived it before, so it is not archived on the hub now
        known = self._known.lists.setdefault(id, ListMemory(mine.name, digest, archived=[HERE] if mine.archived else []))
        reached, others = before > known.forgotten, False
        if self._remote.is_hub:
            reached = not {*log.forgotten} <= {*there}
            known.unforgotten = self._remote.forget(id, log.forgotten) if reached else ""
            if known.unforgotten:
                self._warn("unforgotten", mine, known.unforgotten)
            copy = next(copy.lines for copy in self._remote.copies(id))
            common = _in_common(lines, copy)
            known.digest = last_digest(lines[common - 1]).decode()
            known.seen = {HUB: last_digest(copy[-1]).decode()} if common == len(copy) else {}
        else:
            others = bool(self._remote.publish(id, mine.name, lines))  # what they have is still to be merged later
            known.digest = digest
        if reached and not known.unforgotten:
            self.done.effects.append(Effect("forgotten", mine.name, machines=others))
        known.forgotten = len(log.forgotten)

    def _take_mark(self, id: str, lines: Sequence[bytes], theirs: RemoteList) -> None:
        marks = self._marks(id, theirs)
        found = next((digest for line in reversed(lines) if (digest := last_digest(line).decode()) in marks), "")
        if found:
            self._memory.marks[id] = found

    def _unsent(self, head: LogHead, theirs: RemoteList | None) -> int:
        """Count the commits that the copy of this machine on the remote lacks, if no other machine has one."""
        own = "" if theirs is None else theirs.own
        return sum(1 for _ in takewhile(lambda commit: commit.sum != own, opened(self._store, head).commits_backward()))

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


def _is_ahead(log: Log) -> bool:
    """Return whether the last commit of a log is more than a day ahead of the clock."""
    last = next(log.commits_backward(), None)
    return last is not None and last.at - now() > _AHEAD
