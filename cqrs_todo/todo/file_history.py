"""Importing the history of a file into a list: each revision that changes something becomes one commit.

The ids of the commits and of the todos are made from the revisions. So two machines that import the same history get the
same ones, and importing again adds only what is new. An import that is interrupted leaves nothing.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

from ..cqrs.cursor import START
from ..cqrs.events import Commit, Metadata
from ..cqrs.operation_errors import ImportRefused
from ..cqrs.stores.exported import NewLines, new_header
from ..cqrs.struct import Struct
from .batches import split_to_commit_size, with_batch_ids
from .events import TodoEvent
from .fields import Todo
from .forgetting import forgotten_in
from .formats import Entry
from .formats.revisions import Change, FileState
from .model import DECIDER, EVENTS, events_between, evolve
from .recorder import TYPES
from .service import TodoList
from .values import ToLocal
from .views import MOVE, id_of

GIT = "git"
"""The key in a commit's `meta` for what it was imported from: the hash of the `revision`, and the path of the `file`."""

_NOTHING = "; nothing was imported"
_COMMAND = re.compile(r"git-([0-9a-f]{40,64})(\.[0-9]+)?")


class Revision(Struct, frozen=True, kw_only=True):
    """One revision of a file.

    Args:
        hash: The hash of the commit in git.
        at: Its author's time, in UTC.
        by: Its author.
        file: The path of the file in this revision.
        entries: The todos in the file, read with `formats.revisions.UNKNOWN` as the present time. None if it cannot be read.
    """

    hash: str
    at: datetime
    by: str
    file: str
    entries: Sequence[Entry] | None


class Imported(Struct, frozen=True, kw_only=True):
    """What an import of a history recorded.

    Args:
        list: The name of the list.
        position: The position of the last event in the list.
        revisions: How many revisions changed something, and were recorded.
        todos: How many todos of the file are in the list, without removed ones.
        new_list: Whether the list was made.
        before: How many revisions change something and are older than the first one that was imported into the list. They
            cannot be imported any more.
    """

    list: str
    position: int
    revisions: int
    todos: int
    new_list: bool
    before: int


class HistoryImport:
    """An import of the history of a file into a list. All new revisions are recorded, or none.

    Attributes:
        earlier: How many revisions, counted from the first one, were imported before.
    """

    def __init__(self, todos: TodoList, name: str, hashes: Sequence[str], to_local: ToLocal) -> None:
        """Check that the history can be imported into the list.

        Args:
            todos: The list. It must be new, or one into which an earlier part of the same history was imported.
            name: What people call the file.
            hashes: The hashes of all revisions of the file, oldest first.
            to_local: The time zone in which the file is read.

        Raises:
            ImportRefused: The list has todos that are not from this history.
            ListArchived: The list is archived.
            DamagedLog: The list is damaged.
            CqrsError: What reading the list raises.
        """
        self._list = todos
        self._hashes = hashes
        self._state = FileState(to_local)
        self._exists = todos.name in todos.store.names()
        self._fold = todos.repository.fold()
        self._end = todos.log.cursor()
        todos.check_undamaged(_NOTHING)
        if todos.log.read_only is not None:
            raise ImportRefused(f"{todos.log.read_only}{_NOTHING}")
        self._todos: dict[str, Todo] = {}
        self._out = set(forgotten_in(todos.store))  # also those of other lists: the same file may be in several
        self._versions: dict[str, int] = {}
        self._present: dict[str, Todo | None] = {}
        self._position = self._fold.position
        self._before = 0
        first, last = self._read_earlier(todos.log.commits())
        if last and last not in hashes:
            raise ImportRefused(
                f"{last[:12]}, the last revision that was imported into {todos.name}, is not in the history of {name}: "
                f"the history was rewritten, or this is another file{_NOTHING}"
            )
        if not last and self._position:
            raise ImportRefused(f"{todos.name} has todos that are not from {name}{_NOTHING}")
        self.earlier = hashes.index(last) + 1 if last else 0
        self._first = hashes.index(first) + 1 if first in hashes else 0

    def _read_earlier(self, commits: Iterable[Commit]) -> tuple[str, str]:
        """Read what earlier imports recorded, and return the hashes of the first and the last revision; '' for none.

        What was changed in the list itself does not count: these are the todos as the revisions left them.
        """
        first = last = ""
        for commit in commits:
            found = _COMMAND.fullmatch(commit.metadata.command)
            if found is None:
                if MOVE in commit.metadata.meta:
                    self._out.update(event.stream for event in commit.events)  # the todo stays where it was moved
                continue
            last = found[1]
            first = first or last
            for event in commit.events:
                id = id_of(event.stream)
                state = self._todos.pop(id, None)  # a changed todo comes to the end, so that the last removed one is last
                state = evolve(state, event.data) if type(event.data) in _EVENTS else state
                if state is not None:
                    self._todos[id] = state
        return first, last

    def record(self, revisions: Iterable[Revision], *, dry_run: bool = False) -> Imported:
        """Record the revisions that are new.

        Args:
            revisions: All revisions, oldest first. Those that were imported before are only read.
            dry_run: Whether to record nothing, and only count what would be recorded.

        Raises:
            ImportRefused: The list was changed meanwhile, or the store takes no lines. Nothing was recorded.
            CqrsError: What importing the lines raises.
        """
        name = self._list.name
        header = b"" if self._exists else new_header(name, self._list.clock())
        made = NewLines(TYPES, self._end) if self._exists else NewLines.after_header(TYPES, header)
        recorded = 0

        def lines() -> Iterator[bytes]:
            nonlocal recorded
            for revision, planned in self._planned(revisions):
                recorded += 1
                for (changes, meta), command in with_batch_ids(
                    split_to_commit_size([(planned, {})]), f"git-{revision.hash}"
                ):
                    source = {"revision": revision.hash, "file": revision.file}
                    metadata = Metadata(revision.at, revision.by, command, {**meta, GIT: source})
                    line, commit = made.commit(changes, self._versions, metadata)
                    self._versions.update((event.stream, event.version) for event in commit.events)
                    yield line

        new = lines()
        first = next(new, None)
        if dry_run:
            deque(new, maxlen=0)
        elif first is not None:
            since, there = (self._end, ()) if self._exists else (START, (header,))
            self._list.store.import_log(name, chain(there, (first,), new), since=since)
            self._list.on_recorded(self._list, made.position, ())
        return Imported(
            list=name,
            position=self._position if dry_run else made.position,
            revisions=recorded,
            todos=sum(not todo.removed for todo in self._state.todos.values()),
            new_list=not dry_run and not self._exists and first is not None,
            before=self._before,
        )

    def _planned(self, revisions: Iterable[Revision]) -> Iterator[tuple[Revision, Mapping[str, Sequence[TodoEvent]]]]:
        """Yield each new revision that changes something, and its events by stream."""
        for number, revision in enumerate(revisions, 1):
            self._list.progress(number - 1, len(self._hashes))
            entries = revision.entries
            if entries is None:
                continue
            changes = self._state.follow(entries, revision.at, f"git {revision.hash} {revision.file}")
            self._before += number < self._first and bool(changes)
            if number == self.earlier and self._state.todos != self._todos:
                # an earlier version of this program matched lines in another way, or todos were forgotten
                self._state.resume(self._todos, entries)
            if number <= self.earlier:
                continue
            planned = {
                stream: events
                for id, change in changes.items()
                if (stream := DECIDER.stream(id)) not in self._out and (events := self._events(stream, change))
            }
            if planned:
                yield revision, planned

    def _events(self, stream: str, change: Change) -> Sequence[TodoEvent]:
        """Return the events that make a change to a todo as it is in the list."""
        if stream not in self._present:
            entity = self._fold.get(stream)
            self._present[stream] = None if entity is None else entity.state
            self._versions[stream] = self._fold.version_of(stream)
        present = self._present[stream]
        after = change.applied_to(present)
        self._present[stream] = after
        return events_between(present, after)


_EVENTS = frozenset(EVENTS.values())
