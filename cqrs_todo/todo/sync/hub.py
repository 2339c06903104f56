"""A hub: a store with one copy of each list, to which machines append. It is a server, or a folder of lists."""

# a sync that has nothing to do reads no lines, and does not load what works on lines
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ...cqrs.cursor import START, Cursor
from ...cqrs.errors import (
    CqrsError,
    DamagedLog,
    LogBusy,
    LogExists,
    LogNotFound,
    OutcomeUnknown,
    StaleCursor,
    StoreUnavailable,
)
from ...cqrs.names import name_key
from ...cqrs.operation_errors import ImportRefused, StreamNotFound
from ...cqrs.store import Log, LogHead, Store
from ...cqrs.stores import open_store
from ..errors import DamagedRemote, RemoteUnavailable, SentPerhaps
from ..forgetting import forget_in
from ..recorder import TYPES
from .remotes import Behind, Found, Remote, RemoteCopy, RemoteFolder, RemoteList, has_events

if TYPE_CHECKING:
    from ...cqrs.stores.postgres.heads import Heads

HUB = "hub"
"""The label of the copy on a hub."""


class Hub(Remote):
    """A store that machines append to."""

    is_hub = True

    def __init__(self, url: str, found: "Heads | None" = None, folder: RemoteFolder | None = None) -> None:
        """Use a store, which is opened when it is needed.

        Args:
            url: The URL of the store.
            found: What was found there just now without opening it; None if it must be opened.
            folder: The folder of the store; None for a server.

        Raises:
            UnknownStore: The URL names no store.
        """
        self._given = url
        self._found = found
        super().__init__(self._store.url if found is None else found.address, folder)
        self._heads: dict[str, LogHead] = {}
        self._read: dict[str, Sequence[bytes]] = {}
        self._ends: dict[str, Cursor] = {}

    @cached_property
    def _store(self) -> Store:
        return open_store(self._given, TYPES)

    def look(self) -> Found:
        """Look at the lists that are there; see `Remote`."""
        found, self._found = self._found, None  # later there may be something else
        try:
            self._heads = {head.id: head for head in (self._store.heads() if found is None else found.heads)}
        except StoreUnavailable as error:
            if type(error) is not StoreUnavailable:  # the others say what to do
                raise
            raise RemoteUnavailable(str(error), "is it running? Try again, or give another URL") from error
        self._read.clear()
        self._ends.clear()
        lists = [
            RemoteList(
                id=head.id,
                name=head.name,
                archived=head.archived,
                ends={HUB: head.digest},
                names={HUB: head.name},
                archives=[HUB] if head.archived else (),
                apart=frozenset(self._heads) - {head.id},
            )
            for head in self._heads.values()
        ]
        return Found(lists)

    def copies(self, id: str, *, own: bool = False, since: Cursor = START) -> Iterator[RemoteCopy]:  # there is only one
        """Read the copy of a list; see `Remote`."""
        if id not in self._heads:
            return
        if since.digest:
            try:
                content = b"".join(self._lines_since(id, since))
            except StaleCursor:  # something was forgotten there, or an older copy restored
                since = START
        if not since.digest:
            content = b"".join(self._lines(id))
        yield RemoteCopy(HUB, content, since)

    def end(self, id: str) -> Cursor:
        """Return where the copy ended when it was read; see `Remote`."""
        return self._ends.get(id, START)

    def publish(self, id: str, name: str, lines: Sequence[bytes], since: Cursor = START) -> Mapping[str, str]:
        """Append what the hub lacks; see `Remote`."""
        from ...cqrs.stores.hash_chain import last_digest

        if since.digest:
            if lines:
                self._ends.pop(id, None)
                self._import(self._heads[id].name, lines, since)
            return {HUB: (last_digest(lines[-1]) if lines else since.digest).decode()}
        from ...cqrs.stores.rechaining import rechained

        if id not in self._heads:
            other = next((head for head in self._heads.values() if name_key(head.name) == name_key(name)), None)
            if other is not None:
                raise LogExists(other.name, name, archived=other.archived)
            self._import(name, lines)
            return {HUB: last_digest(lines[-1]).decode()}
        theirs = self._lines(id)
        if not _begins(lines, theirs):
            raise Behind(f"{name} was changed on {self.url} meanwhile")
        # the hub may not be allowed to forget: then the same lines have other digests there
        new = list(rechained(lines[len(theirs) :], last_digest(theirs[-1])))
        if new:
            self._import(self._heads[id].name, [*theirs, *new])
            self._read[id] = [*theirs, *new]
        return {HUB: last_digest([*theirs, *new][-1]).decode()}

    def _import(self, name: str, lines: Sequence[bytes], since: Cursor = START) -> None:
        try:
            self._store.import_log(name, lines, since=since)
        except (ImportRefused, LogBusy) as error:
            raise Behind(str(error)) from error
        except (LogNotFound, StaleCursor) as error:  # another machine has renamed, archived or restored it meanwhile
            raise Behind(f"{name} was changed on {self.url} meanwhile") from error
        except OutcomeUnknown as error:
            raise SentPerhaps(str(error)) from error
        except DamagedLog as error:
            raise DamagedRemote(str(error), self.url, name) from error
        except LogExists as error:
            error.add_note(f"that one is on {self.url}")
            raise

    def _lines(self, id: str) -> Sequence[bytes]:
        """Return the lines of a list. They are read once, because an import checks that they are still there."""
        if id not in self._read:
            self._read[id] = self._lines_since(id, START)
        return self._read[id]

    def _lines_since(self, id: str, since: Cursor) -> Sequence[bytes]:
        """Read the lines of a list after a cursor.

        Raises:
            StaleCursor: The list on the hub is not the same up to there.
        """
        head = self._heads[id]
        try:
            log = self._opened(head)
        except LogNotFound as error:
            raise Behind(f"{head.name} was renamed or archived on {self.url} meanwhile") from error
        if log.id != id:
            raise Behind(f"{head.name} was renamed on {self.url} meanwhile")
        lines = list(log.lines(since))
        if log.damage is not None:
            raise DamagedRemote(str(log.damage), self.url, head.name)
        end = log.cursor()  # a server counts neither lines nor bytes
        self._ends[id] = Cursor(end.position, since.line + len(lines), since.offset + sum(map(len, lines)), end.digest)
        return lines

    def _opened(self, head: LogHead) -> Log:
        return self._store.open_archived(head.name) if head.archived else self._store.open(head.name)

    def forget(self, id: str, streams: Collection[str]) -> str:
        """Forget streams; see `Remote`."""
        head = next((head for head in self._store.heads() if head.id == id), None)
        if head is None:
            return ""
        try:
            if {*streams} <= {*self._opened(head).forgotten}:
                return ""
            # all of them: those without events there are named together with the others
            forget_in(self._store, head.name, streams, archived=head.archived)
        except StreamNotFound:  # it has none of them yet
            return ""
        except CqrsError as error:
            return str(error)
        self._read.pop(id, None)
        self._ends.pop(id, None)
        return ""

    def still_has(self, id: str, streams: Collection[str]) -> Sequence[str]:
        """Return those of some streams whose data the hub still has; see `Remote`."""
        head = next((head for head in self._store.heads() if head.id == id), None)
        if head is None:
            return ()
        try:
            log = self._opened(head)
            there = {*streams} - {*log.forgotten}
            return [stream for stream in streams if stream in there and has_events(log, stream)]
        except CqrsError:
            return ()

    def may_bring(self, id: str, label: str, *, with_: str) -> bool:
        """Return whether a list is there; see `Remote`."""
        return id in self._heads

    def rename(self, id: str, old: str, new: str) -> str:  # the name is enough
        """Give a list another name; see `Remote`."""
        try:
            self._store.rename(old, new)
        except CqrsError as error:
            return _why(error)
        return ""

    def archive(self, name: str, *, back: bool) -> str:
        """Archive a list, or bring it back; see `Remote`."""
        try:
            if back:
                self._store.unarchive(name)
            else:
                self._store.archive(name)
        except CqrsError as error:
            return _why(error)
        return ""

    def close(self) -> None:
        """Close the store, if it was opened."""
        if "_store" in vars(self):
            self._store.close()


def _why(error: CqrsError) -> str:
    """Return why a list could not get a name, in words."""
    if isinstance(error, LogExists):
        return f"there is another {'archived ' if error.archived else ''}list named {error.name}"
    return str(error)


def _begins(lines: Sequence[bytes], theirs: Sequence[bytes]) -> bool:
    """Return whether lines begin with those of the hub, apart from what was forgotten in them and not on the hub."""
    from ...cqrs.stores.forgetting import forget_in_copy
    from ...cqrs.stores.format import decode_header

    forgotten = decode_header(lines[0][:-1])[0].forgotten
    if set(decode_header(theirs[0][:-1])[0].forgotten) != set(forgotten):
        theirs = forget_in_copy(theirs, forgotten)
    return len(theirs) <= len(lines) and lines[len(theirs) - 1] == theirs[-1]
