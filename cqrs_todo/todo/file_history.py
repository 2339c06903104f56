"""Importing the history of a file into a list: each revision that changes something becomes one commit.

The ids of the commits and of the todos are made from the revisions. So an import that was interrupted continues where it
stopped, and two machines that import the same history get the same commits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..cqrs.errors import ImportRefused
from ..cqrs.events import Commit, Metadata
from ..cqrs.repository import PlannedCommit
from ..cqrs.struct import Struct
from .batches import split_to_commit_size, with_batch_ids
from .events import TodoEvent
from .fields import Todo
from .formats import Entry
from .formats.revisions import Change, FileState
from .model import DECIDER, events_between, evolve
from .recorder import Todos
from .service import TodoList
from .values import ToLocal
from .views import MOVE, id_of

GIT = "git"
"""The key in a commit's `meta` for the revision of a file in git that it was imported from: its hash as `revision`, the path
of the `file`, and, if the revision was too large for one commit, how many `parts` it has."""

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
        revisions: How many revisions changed something and were recorded.
        commits: How many commits that were.
        todos: How many todos of the file are in the list, without removed ones.
        new_list: Whether the list was made.
    """

    list: str
    position: int
    revisions: int
    commits: int
    todos: int
    new_list: bool


class _Earlier(Struct, frozen=True):
    """What earlier imports recorded in a list.

    Attributes:
        last: The hash of the last revision that was recorded completely; '' if there is none.
        todos: The todos as that revision left them, whatever was changed in the list since, by their ids.
        moved: The streams of the todos that were moved to or from another list.
    """

    last: str
    todos: Mapping[str, Todo]
    moved: frozenset[str]


class HistoryImport:
    """An import of the history of a file into a list.

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
            ImportRefused: The list has todos that are not from this history. Nothing was recorded.
            DamagedLog: The list is damaged.
            CqrsError: What reading the list raises.
        """
        self._list = todos
        self._state = FileState(to_local)
        todos.repository.fold()
        todos.check_undamaged("; nothing was imported")
        self._before = _earlier(todos.log.commits())
        last = self._before.last
        if last and last not in hashes:
            raise ImportRefused(
                f"{last[:12]}, the last revision that was imported into {todos.name}, is not in the history of {name}: "
                "the history was rewritten, or this is another file; nothing was imported"
            )
        if not last and todos.repository.fold().position and not self._only_git():
            raise ImportRefused(f"{todos.name} has a history of its own; nothing was imported")
        self.earlier = hashes.index(last) + 1 if last else 0
        self._hashes = hashes

    def _only_git(self) -> bool:
        return all(_revision_of(commit) for commit in self._list.log.commits())

    def record(self, revisions: Iterable[Revision], *, dry_run: bool = False) -> Imported:
        """Record the revisions that are new.

        Args:
            revisions: All revisions, oldest first. Those that were imported before are only read.
            dry_run: Whether to record nothing, and only count what would be recorded.

        Raises:
            CqrsError: What making the list and appending raise. The revisions before are recorded.
        """
        made = not dry_run and self._list.make_if_missing()
        recorded = commits = done = 0
        try:
            for number, revision in enumerate(revisions, 1):
                self._list.progress(number - 1, len(self._hashes))
                entries = revision.entries
                changes = {} if entries is None else self._follow(revision, entries)
                if number == self.earlier:
                    self._check_state(entries)
                if number > self.earlier:
                    count = self._record(revision, changes, dry_run=dry_run)
                    recorded += bool(count)
                    commits += count
                done = number
        except BaseException as error:
            if recorded:
                error.add_note(
                    f"{done:,} of {len(self._hashes):,} revisions are imported; the same command imports the rest"
                )
            raise
        fold = self._list.repository.fold()
        self._list.recorded = fold.position if commits else 0
        there = sum(not todo.removed for todo in self._state.todos.values())
        return Imported(
            list=self._list.name,
            position=fold.position,
            revisions=recorded,
            commits=commits,
            todos=there,
            new_list=made,
        )

    def _follow(self, revision: Revision, entries: Sequence[Entry]) -> dict[str, Change]:
        return self._state.follow(entries, revision.at, f"git {revision.hash} {revision.file}")

    def _check_state(self, entries: Sequence[Entry] | None) -> None:
        """Begin with what the log says of the file, if that differs from what this program reads in it.

        An earlier version of the program may have matched its lines in another way, or todos of it were forgotten.
        """
        if entries is not None and self._state.todos != self._before.todos:
            self._state.resume(self._before.todos, entries)

    def _record(self, revision: Revision, changes: Mapping[str, Change], *, dry_run: bool) -> int:
        """Record what a revision changes, and return the number of commits."""
        out = self._before.moved | set(self._list.log.forgotten)
        wanted = {stream: change for id, change in changes.items() if (stream := DECIDER.stream(id)) not in out}
        if not wanted:
            return 0
        planned = {stream: events_between(change.before, change.after) for stream, change in wanted.items()}
        meta: dict[str, str | int] = {"revision": revision.hash, "file": revision.file}
        contents = split_to_commit_size([(planned, {})])
        if len(contents) > 1:
            meta["parts"] = len(contents)
        if dry_run:
            return len(contents)
        count = 0
        for (part, more), command in with_batch_ids(contents, f"git-{revision.hash}"):
            metadata = Metadata(revision.at, revision.by, command, {**more, GIT: meta})

            def plan(fold: Todos, part: Iterable[str] = part, metadata: Metadata = metadata) -> PlannedCommit[TodoEvent]:
                return {stream: _events(fold, stream, wanted[stream]) for stream in part}, metadata

            count += self._list.repository.transact(plan).commit is not None
        return count


def _events(fold: Todos, stream: str, change: Change) -> tuple[TodoEvent, ...]:
    """Return the events that make a change to a todo as it is in the list."""
    entity = fold.get(stream)
    present = None if entity is None else entity.state
    return events_between(present, change.applied_to(present))


def _revision_of(commit: Commit) -> str:
    """Return the hash of the revision that a commit was imported from; '' for any other commit."""
    found = _COMMAND.fullmatch(commit.metadata.command)
    return found[1] if found else ""


def _earlier(commits: Iterable[Commit]) -> _Earlier:
    """Read what earlier imports recorded."""
    todos: dict[str, Todo] = {}
    moved: set[str] = set()
    last, unfinished = "", []
    for commit in commits:
        revision = _revision_of(commit)
        if not revision:
            if MOVE in commit.metadata.meta:
                moved.update(event.stream for event in commit.events)
            continue
        match commit.metadata.meta.get(GIT):
            case {"parts": int(parts)}:
                unfinished.append(commit)
                if len(unfinished) < parts:
                    continue
            case _:
                unfinished.append(commit)
        _apply(todos, unfinished)
        last, unfinished = revision, []
    return _Earlier(last, todos, frozenset(moved))


def _apply(todos: dict[str, Todo], commits: Iterable[Commit]) -> None:
    """Apply the events of commits to todos. A changed todo comes to the end, so that the last removed one is last."""
    for commit in commits:
        for event in commit.events:
            id = id_of(event.stream)
            state = evolve(todos.pop(id, None), event.data) if type(event.data) in _KNOWN else todos.pop(id, None)
            if state is not None:
                todos[id] = state


_KNOWN = frozenset(DECIDER.events.values())
