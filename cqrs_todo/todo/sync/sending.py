"""Sending lists: bringing to the remote what it lacks, and remembering what it has."""

from collections import deque
from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import CqrsError, DamagedLog, LogExists, StaleCursor
from ...cqrs.events import Commit
from ...cqrs.ids import now
from ...cqrs.store import Log
from ...cqrs.stores.hash_chain import last_digest
from ..errors import TakenThere
from .archived import sync_archived
from .halves import Leaving
from .memory import ListMemory
from .outgoing import Outgoing, in_order, in_steps
from .remotes import Behind, RemoteList, commands_in
from .results import SyncWarning
from .rounds import Round

_AHEAD = timedelta(days=1)


class Sending:
    """Sends the lists of a round."""

    def __init__(self, round: Round) -> None:
        """Prepare to send the lists of a round."""
        self._round, self._sides, self._untaken = round, round.sides, round.untaken

    def run(self) -> None:
        """Send the lists."""
        lists = {id: each for id in self._round.changed if (each := self._round.take_turn(id, self._to_be_sent)) is not None}
        waiting = dict(lists)
        is_there = partial(self._has_other_half, outgoing={*lists})
        for each, end in in_steps(lists, self._sides.heads, is_there) if self._sides.remote.is_hub else in_order(lists):
            self._round.take_turn(each.head.id, partial(self._publish, each, end))
            if each.head.id in self._round.again or each.head.id in self._sides.failed:
                del lists[each.head.id]
        for id, each in waiting.items():
            self._round.take_turn(id, partial(self._finish, each))

    def _to_be_sent(self, id: str) -> Outgoing | None:
        """Read what is to be sent of a list; None if nothing is."""
        mine, theirs = self._sides.heads.get(id), self._sides.theirs.get(id)
        if mine is None:
            return None
        if theirs is not None and self._sides.remote.is_hub and theirs.archived:
            for report in self._sides.done.lists:
                if report.id == id:  # it may have been archived meanwhile
                    report.sent = 0
            sync_archived(self._sides, id)
            return None
        log = self._sides.store.open(mine.name)
        if log.forgotten:
            self._sides.note_forgets(id)
        if theirs is not None and log.forgotten:
            self._sides.remote.forget(id, log.forgotten)
        lines, since = self._lines_to_send(log, id)
        if log.damage is not None:
            raise DamagedLog(log.damage)
        if log.id != id:
            raise Behind(f"{mine.name} was renamed meanwhile")
        return Outgoing(mine, log, lines, since, 0 if since.digest else self._sides.remote.end(id).line)

    def _has_other_half(self, half: Leaving, outgoing: Collection[str]) -> bool:
        """Return whether a hub has the other half of a move, which is not among what is sent; also if nobody has it."""
        target = self._sides.heads.get(half.target)
        for head in (
            [target] if target is not None else [head for id, head in self._sides.heads.items() if id != half.source]
        ):
            if head.archived and head.id not in self._sides.theirs:  # it was archived before the first sync, and is not sent
                continue
            try:
                log = self._sides.opened(head.id)
                other = next((found for command in half.others if (found := log.find_command(command)) is not None), None)
                if other is not None:
                    return head.id in outgoing or self._hub_has(head.id, other)
            except CqrsError:
                if target is not None:
                    return False
        return True

    def _hub_has(self, id: str, commit: Commit) -> bool:
        """Return whether a hub has a commit of a list that is not sent."""
        known, theirs = self._sides.known.lists.get(id), self._sides.theirs.get(id)
        if theirs is None:
            return False
        if known is not None and theirs.ends == known.seen and commit.position <= known.position:
            return True
        command = commit.metadata.command.encode()  # an older copy may have been restored there
        return any(command in commands_in(copy.lines) for copy in self._sides.remote.copies(id))

    def _publish(self, outgoing: Outgoing, end: int, id: str) -> None:
        """Send a list up to a place."""
        name = outgoing.head.name
        first, since = (outgoing.there, outgoing.cursor) if outgoing.since.digest else (0, START)
        try:
            outgoing.seen = self._sides.remote.publish(id, name, outgoing.lines[first:end], since)
        except LogExists as error:
            free = self._sides.free_name(name)
            raise TakenThere(self._sides.remote.url, name, error.name, archived=error.archived, free=free) from error
        outgoing.there = end

    def _finish(self, outgoing: Outgoing, id: str) -> None:
        """Remember what the remote has of a list, and report what of it has to wait."""
        mine, log, theirs, end = outgoing.head, outgoing.log, self._sides.theirs.get(id), outgoing.cursor
        seen, digest = outgoing.seen or {}, end.digest.decode()
        why = ""
        if log.forgotten and self._sides.remote.is_hub:
            why = self._sides.remote.forget(id, log.forgotten)  # what the hub lacked before it could not forget
            if why:
                self._sides.warn_unforgotten(mine, why)
            else:  # then its lines have the same digests
                seen = dict.fromkeys(seen, digest)
        known = self._sides.known.lists.setdefault(id, ListMemory(mine.name, digest))
        report = next((each for each in self._sides.done.lists if each.id == id), None)
        if outgoing.left:
            if self._round.again:  # it may wait for one of these
                self._round.again.append(id)
            else:
                half = next(half for half in outgoing.halves if half.place == outgoing.there)
                self._untaken.add_unsent(id, mine.name, outgoing.left, half.target_name)
                if report is not None:
                    report.sent = max(0, report.sent - outgoing.left)
        taken = report is not None and report.merged is not None and report.merged.forgotten
        if id in self._sides.forgetting and not taken and not why:
            self._sides.say_forgotten(id)
        known.end = end
        known.forgotten = len(log.forgotten)
        known.unforgotten = why
        known.seen = {label: end for label, end in seen.items() if self._untaken.is_complete(id, label)}
        if _is_ahead(log):
            self._sides.done.warnings.append(SyncWarning("ahead", mine.name))
        if self._sides.remote.is_hub:
            self._sides.memory.marks[id] = digest
        elif theirs is not None:
            self._take_mark(id, outgoing.lines, theirs)

    def _lines_to_send(self, log: Log, id: str) -> tuple[Sequence[bytes], Cursor]:
        """Read the lines that come after those of the copy on a hub, and where that copy ends.

        If the hub has none, or the list is not the same up to there, all lines are read.
        """
        if (
            id in self._sides.theirs and not self._sides.remote.end(id).digest
        ):  # only this machine has changed it in this sync
            deque(self._sides.remote.copies(id, since=self._sides.shared_end(id)), maxlen=0)
        since = self._sides.remote.end(id)
        try:
            return list(log.lines(since)), since
        except StaleCursor:
            return list(log.lines()), START

    def _take_mark(self, id: str, lines: Sequence[bytes], theirs: RemoteList) -> None:
        marks = self._sides.marks(id, theirs)
        found = next((digest for line in reversed(lines) if (digest := last_digest(line).decode()) in marks), "")
        if found:
            self._sides.memory.marks[id] = found


def _is_ahead(log: Log) -> bool:
    """Return whether the last commit of a log is more than a day ahead of the clock."""
    last = next(log.commits_backward(), None)
    return last is not None and last.at - now() > _AHEAD
