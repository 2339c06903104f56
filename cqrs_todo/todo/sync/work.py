"""Merging what others have into the lists of this machine, and bringing the lists to the remote."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count, takewhile
from typing import TypeVar

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import CqrsError, DamagedLog, LogExists, MissingLog, StaleCursor
from ...cqrs.events import Commit
from ...cqrs.ids import now
from ...cqrs.names import name_key
from ...cqrs.operation_errors import CannotMerge, ImportRefused
from ...cqrs.replication import MergedLog, MergeTerms
from ...cqrs.store import Log, LogHead, Store
from ...cqrs.stores.forgetting import forget_in_copy
from ...cqrs.stores.format import InvalidLine, decode_header
from ...cqrs.stores.hash_chain import last_digest
from ...cqrs.struct import replace
from ..errors import DamagedHere, DamagedRemote, TakenHere, TakenThere, TwoLists
from ..merges import arrivals, settle_in
from ..merging import RULES
from .choosing import Choice
from .halves import Copies, Leaving, cuts, has_other_half, has_todos, leaving
from .hub import HUB
from .looking import HERE, to_forget
from .memory import ListMemory, Memory
from .remotes import Behind, Remote, RemoteCopy, RemoteList, commands_in, opened, places_in
from .results import Effect, Joining, SyncWarning
from .sending import Outgoing, in_order, in_steps

T = TypeVar("T")

_ROUNDS = 8
"""How often a sync tries again because another machine has changed the remote meanwhile."""
_AHEAD = timedelta(days=1)


class Work(Choice):
    """One sync."""

    def __init__(self, store: Store, remote: Remote, memory: Memory, *, dry_run: bool) -> None:
        """Look at the lists. The arguments are those of `Look`."""
        super().__init__(store, remote, memory, dry_run=dry_run)
        self._unread: dict[str, set[str]] = {}  # the labels of copies that could not be read, by the ids of the logs
        self._changed: list[str] = []  # the lists of this round
        self._again: list[str] = []  # those of the next one
        self._is_last = False
        self._received: set[str] = set()  # those that were received in this round, or are now
        self._arrived: set[str] = set()
        self._copies: dict[str, list[RemoteCopy]] = {}
        self._found: Mapping[tuple[str, str], Sequence[Leaving]] = {}  # the halves of moves in copies that are new here
        self._ends: Mapping[tuple[str, str], Leaving] = {}  # those that the copies must end before
        self._held: dict[str, set[str]] = {}  # the labels of copies of which the end was held back, by the ids of the logs
        self._warned: set[tuple[str, str]] = set()

    def run(self, only: Sequence[str], joining: Joining | None) -> None:
        """Merge what others have, and bring them what they lack, until another machine has changed nothing meanwhile.

        The arguments are those of `sync`. The errors are those of choosing the lists.
        """
        self._choose(only, joining)
        if not self._dry_run:  # a sync that is refused before leaves no new folder behind
            self._remote.mark()
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
        self._is_last, self._again, self._arrived, self._received = last, [], set(), set()
        self._read_copies()
        for id in self._changed:
            self._arrived |= self._take_turn(id, self._receive) or set()
        if self._dry_run:
            for id in self._changed:
                if id in self._heads and id not in self._failed and to_forget(self._store, self._heads[id], self._known):
                    self._say_forgotten(id)
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
        self._send_all()
        return self._again

    def _take_turn(self, id: str, act: Callable[[str], T]) -> T | None:
        """Receive or send a list, or a part of it, if that is not in vain in this round."""
        if id not in self._failed and id not in self._again:
            try:
                return act(id)
            except CqrsError as error:
                self._put_aside(id, error)
        return None

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
                report.sent, report.began = 0, False
        if self._remote.url not in str(error) and not isinstance(error, DamagedLog):
            name = self._heads[id].name if id in self._heads else self._theirs[id].name
            error.add_note(f"that was while {name} was synced with {self._remote.url}")

    def _receive(self, id: str) -> set[str]:
        """Merge what the remote has of a list, and return the streams of the todos that may be in two lists now."""
        self._received.add(id)
        mine, theirs = self._heads.get(id), self._theirs.get(id)
        if theirs is None or (self._remote.is_hub and theirs.archived):
            if mine is not None and theirs is None:
                report = self._report(id, mine.name)
                report.sent, report.began = sum(1 for _ in self._store.open(mine.name).commits_backward()), True
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
            merged = self._merged(mine.name, self._taken(id, mine.name, copy), terms, id)
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
        """Return the halves of moves in a copy that a list does not have, and of which the other half is expected.

        A list that is new here can have todos that were moved long ago to lists that nobody has any more.
        """
        halves = list(leaving(copy.lines, id))
        if id not in self._heads:
            return [half for half in halves if self._remote.may_bring(half.target, copy.label, with_=id)]
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
                    copies[id, copy.label] = places_in(copy.lines)
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

    def _taken(self, id: str, name: str, copy: RemoteCopy) -> RemoteCopy:
        """Return a copy of a list without what is held back.

        What a hub has cannot be held back, because a machine sends only what comes after it.
        """
        found = self._found.get((id, copy.label), ())
        end = self._ends.get((id, copy.label))
        half = next((each for each in found if each is end or each.target in self._failed), None)
        is_final = half is not None and (half.target not in self._changed or half.target in self._received)
        if half is not None and is_final and self._target_has(has_todos, half):  # they are in both lists
            half = next((each for each in found if each.place > half.place), None)
        if half is None:
            return copy
        if self._remote.is_hub:
            if not self._is_last:
                raise Behind(f"{half.target_name} is still on its way")
            # a list that is not there may have been archived before anybody sent it
            self._lost += [(id, each) for each in found if each.target in self._theirs]
            return copy
        self._held.setdefault(id, set()).add(copy.label)
        self._warn_of_move("held", id, name, self._remote.writer(copy.label), half.target_name)
        return replace(copy, content=b"".join(copy.lines[: half.place]))

    def _has_other_half(self, half: Leaving, outgoing: Collection[str]) -> bool:
        """Return whether a hub has the other half of a move, which is not among what is sent; also if nobody has it."""
        target = self._heads.get(half.target)
        for head in [target] if target is not None else [head for id, head in self._heads.items() if id != half.source]:
            if head.archived and head.id not in self._theirs:  # it was archived before the first sync, and is not sent
                continue
            try:
                log = opened(self._store, head)
                other = next((found for command in half.others if (found := log.find_command(command)) is not None), None)
                if other is not None:
                    return head.id in outgoing or self._hub_has(head.id, other)
            except CqrsError:
                if target is not None:
                    return False
        return True

    def _hub_has(self, id: str, commit: Commit) -> bool:
        """Return whether a hub has a commit of a list that is not sent."""
        known, theirs = self._known.lists.get(id), self._theirs.get(id)
        if theirs is None:
            return False
        if known is not None and theirs.ends == known.seen and commit.position <= known.position:
            return True
        command = commit.metadata.command.encode()  # an older copy may have been restored there
        return any(command in commands_in(copy.lines) for copy in self._remote.copies(id))

    def _warn_of_move(self, kind: str, id: str, name: str, other: str, target: str) -> None:
        """Warn once that a part of a list is held back because of a move to another list."""
        if (kind, id) not in self._warned:
            self._warned.add((kind, id))
            self.done.warnings.append(SyncWarning(kind, name, other, self._remote.url, target))

    def _shared_end(self, id: str, name: str) -> Cursor:
        """Return where a list ended when it was the same here and on a hub, if it still is up to there; else `START`."""
        known = self._known.lists.get(id)
        if known is None or not known.digest or known.seen != {HUB: known.digest}:
            return START
        try:
            last = next(self._store.open(name).commits_backward(known.end), None)
        except StaleCursor:
            return START
        # the file that remembers it may have been altered, or have been restored from a backup
        is_there = known.position == 0 if last is None else (last.last, last.sum) == (known.position, known.digest)
        return known.end if is_there else START

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
            named = self._heads[id] if id in self._heads else self._theirs[id]
            self.done.errors.append(self._unread_copy(f"{named.name}, {label}", label, error))

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
        left = sorted((self._taken(id, name, copy) for copy in self._copies[id]), key=lambda copy: -len(copy.content))
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

    def _send_all(self) -> None:
        """Bring lists to the remote."""
        lists = {id: each for id in self._changed if (each := self._take_turn(id, self._to_be_sent)) is not None}
        waiting = dict(lists)
        is_there = partial(self._has_other_half, outgoing={*lists})
        for each, end in in_steps(lists, self._heads, is_there) if self._remote.is_hub else in_order(lists):
            self._take_turn(each.head.id, partial(self._publish, each, end))
            if each.head.id in self._again or each.head.id in self._failed:
                del lists[each.head.id]
        for id, each in waiting.items():
            self._take_turn(id, partial(self._finish, each))

    def _to_be_sent(self, id: str) -> Outgoing | None:
        """Read what is to be sent of a list; None if nothing is."""
        mine, theirs = self._heads.get(id), self._theirs.get(id)
        if mine is None:
            return None
        if theirs is not None and self._remote.is_hub and theirs.archived:
            for report in self.done.lists:
                if report.id == id:  # it may have been archived meanwhile
                    report.sent = 0
            self._sync_archived(id)
            return None
        log = self._store.open(mine.name)
        if theirs is not None and log.forgotten:
            self._remote.forget(id, log.forgotten)
        lines, since = self._lines_to_send(log, id)
        if log.damage is not None:
            raise DamagedLog(log.damage)
        if log.id != id:
            raise Behind(f"{mine.name} was renamed meanwhile")
        return Outgoing(mine, log, lines, since, 0 if since.digest else self._remote.end(id).line)

    def _publish(self, outgoing: Outgoing, end: int, id: str) -> None:
        """Send a list up to a place."""
        name = outgoing.head.name
        first, since = (outgoing.there, outgoing.cursor) if outgoing.since.digest else (0, START)
        try:
            outgoing.seen = self._remote.publish(id, name, outgoing.lines[first:end], since)
        except LogExists as error:
            raise TakenThere(self._remote.url, name, error.name, archived=error.archived) from error
        outgoing.there = end

    def _finish(self, outgoing: Outgoing, id: str) -> None:
        """Remember what the remote has of a list, and report what of it has to wait."""
        mine, log, theirs, end = outgoing.head, outgoing.log, self._theirs.get(id), outgoing.cursor
        seen, digest = outgoing.seen or {}, end.digest.decode()
        why = ""
        if log.forgotten and self._remote.is_hub:
            why = self._remote.forget(id, log.forgotten)  # what the hub lacked before it could not forget
            if why:
                self._warn_unforgotten(mine, why)
            else:  # then its lines have the same digests
                seen = dict.fromkeys(seen, digest)
        known = self._known.lists.setdefault(id, ListMemory(mine.name, digest, forgotten=len(log.forgotten)))
        report = next((each for each in self.done.lists if each.id == id), None)
        if outgoing.left:
            if self._again:  # it may wait for one of these
                self._again.append(id)
            else:
                half = next(half for half in outgoing.halves if half.place == outgoing.there)
                self._warn_of_move("waiting", id, mine.name, str(outgoing.left), half.target_name)
                if report is not None:
                    report.sent = max(0, report.sent - outgoing.left)
        taken = report is not None and report.merged is not None and report.merged.forgotten
        if len(log.forgotten) > known.forgotten and not taken and not why:
            self._say_forgotten(id)
        known.end = end
        known.forgotten = len(log.forgotten)
        known.unforgotten = why
        unread = self._unread.get(id, set()) | self._held.get(id, set())
        known.seen = {label: end for label, end in seen.items() if label not in unread}
        if _is_ahead(log):
            self.done.warnings.append(SyncWarning("ahead", mine.name))
        if self._remote.is_hub:
            self._memory.marks[id] = digest
        elif theirs is not None:
            self._take_mark(id, outgoing.lines, theirs)

    def _say_forgotten(self, id: str) -> None:
        others = not self._remote.is_hub and id in self._theirs and bool(self._theirs[id].ends)
        self.done.effects.append(Effect("forgotten", self._heads[id].name, machines=others))

    def _lines_to_send(self, log: Log, id: str) -> tuple[Sequence[bytes], Cursor]:
        """Read the lines that come after those of the copy on a hub, and where that copy ends.

        If the hub has none, or the list is not the same up to there, all lines are read.
        """
        if id in self._theirs and not self._remote.end(id).digest:  # only this machine has changed it in this sync
            deque(self._remote.copies(id, since=self._shared_end(id, log.name)), maxlen=0)
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
            if to_forget(self._store, mine, self._known):
                self._say_forgotten(id)
            return
        lines = list(log.lines())
        if log.damage is not None:
            raise DamagedLog(log.damage)
        end, digest = log.cursor(), last_digest(lines[-1]).decode()
        # this machine has archived it before, so it is not archived on the hub now
        known = self._known.lists.setdefault(id, ListMemory(mine.name, digest, archived=[HERE] if mine.archived else []))
        reached = before > known.forgotten
        if self._remote.is_hub:
            reached = not {*log.forgotten} <= {*there}
            known.unforgotten = self._remote.forget(id, log.forgotten) if reached else ""
            if known.unforgotten:
                self._warn_unforgotten(mine, known.unforgotten)
            copy = next(copy.lines for copy in self._remote.copies(id))
            common = _in_common(lines, copy)
            # where a part ends is not known without reading it
            known.end = end if common == len(lines) else Cursor(0, digest=last_digest(lines[common - 1]))
            known.seen = {HUB: last_digest(copy[-1]).decode()} if common == len(copy) else {}
        else:
            self._remote.publish(id, mine.name, lines)  # what others have is still to be merged later
            known.end = end
        if reached and not known.unforgotten:
            self._say_forgotten(id)
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
