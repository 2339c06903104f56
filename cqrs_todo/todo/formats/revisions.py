"""The revisions of a file of todos: which todo each entry is, and what each revision changes."""

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from ...cqrs.struct import Struct, replace
from ..fields import Todo
from ..model import events_between, evolve
from ..values import ToLocal, day_or_instant, id_from_bytes
from . import Entry
from .matching import match

UNKNOWN = datetime(9990, 1, 1, 12, 0, 0, 1, UTC)
"""The time at which the entries of every revision are read (`Context.now`).

Where a reader puts it, the file names no time: when an entry without a date was created or completed. The time of the
revision takes its place, but only in the revision in which the todo appears, or is done for the first time.
"""

_ABOVE = 3
"""How many entries above an entry tell it apart from others with the same text."""


class FileEntry(Struct, frozen=True):
    """An entry of the last revision, and the todo that it is.

    Attributes:
        id: The id of the todo. None for an entry that is left out.
        raw: What the file says of it, without links to other entries.
        under: The texts of the entries above it, which tell apart entries with the same text.
        linked: Whether it has links.
    """

    id: str | None
    raw: Todo
    under: tuple[str, ...]
    linked: bool = False


class Change(Struct, frozen=True):
    """What a revision changes about a todo.

    Attributes:
        before: The todo in the revision before. None for a new todo.
        after: The todo in this revision.
    """

    before: Todo | None
    after: Todo

    def applied_to(self, present: Todo | None) -> Todo:
        """Return a todo with this change, which may have been changed in the list as well.

        Args:
            present: The todo as it is in the list. None if it is not there.
        """
        if present is None:
            return self.after
        state: Todo | None = present
        for event in events_between(self.before, self.after):
            state = evolve(state, event)
        return state or self.after


class FileState:
    """The todos of a file in one revision, and those that earlier revisions had.

    An entry continues the entry with the same values, or else the one that `matching` finds. An entry that continues
    none is a removed todo that had the same values when it was removed, or else a new todo.

    Attributes:
        todos: The todos by their ids, including removed ones.
    """

    def __init__(self, to_local: ToLocal) -> None:
        """Begin before the first revision.

        Args:
            to_local: The time zone in which the files are read.
        """
        self.todos: dict[str, Todo] = {}
        self._entries: list[FileEntry] = []
        self._gone: dict[Todo, list[str]] = {}
        self._to_local = to_local
        self._unknown = {day_or_instant(UNKNOWN), to_local(UNKNOWN).date().isoformat()}

    def resume(self, todos: Mapping[str, Todo], entries: Sequence[Entry]) -> None:
        """Continue after a revision that was imported by another version of this program, or of which todos were forgotten.

        An entry that is none of the todos is left out as long as it stays in the file: its todo was forgotten.

        Args:
            todos: The todos by their ids, as the imported revisions left them, including removed ones.
            entries: The entries of the revision.
        """
        raws, unders = _raws(entries), _unders(entries)
        waiting: dict[Todo, deque[str]] = {}
        for id, todo in sorted(todos.items(), key=lambda item: item[1].removed):
            waiting.setdefault(self._comparable(todo), deque()).append(id)
        found: list[str | None] = []
        for raw in raws:
            same = waiting.get(self._comparable(raw))
            found.append(same.popleft() if same else None)
        taken = set(found)
        rest = [id for id, todo in todos.items() if id not in taken and not todo.removed]
        lost = [number for number, id in enumerate(found) if id is None]
        matched = match([todos[id].text for id in rest], [raws[number].text for number in lost])
        for number, index in zip(lost, matched, strict=True):
            found[number] = None if index is None else rest[index]
        self.todos = dict(todos)
        self._entries = list(map(FileEntry, found, raws, unders))
        self._gone = {}
        for id, todo in todos.items():
            if todo.removed and id not in taken:
                self._gone.setdefault(self._comparable(todo), []).append(id)

    def follow(self, entries: Sequence[Entry], at: datetime, origin: str) -> dict[str, Change]:
        """Go on to the next revision.

        Args:
            entries: The entries of the revision. They were read with `UNKNOWN` as the present time.
            at: The time of the revision, in UTC.
            origin: What the ids of new todos are made from, together with their places among the entries. It names the
                revision and the file.

        Returns:
            What the revision changes, by the ids of the todos: first those in the file, in its order, then the removed ones.
        """
        raws, unders = _raws(entries), _unders(entries)
        continued = self._continued(raws, unders)
        ids: list[str | None] = []
        for number, (raw, place) in enumerate(zip(raws, continued, strict=True)):
            if place is not None:
                ids.append(place.id)
            elif gone := self._gone.get(self._comparable(raw)):
                ids.append(gone.pop())
            else:
                ids.append(id_from_bytes(sha256(f"{origin} {number}".encode()).digest()))
        id_of_key = {entry.key: id for entry, id in zip(entries, ids, strict=True) if id is not None}
        changes: dict[str, Change] = {}
        for entry, id, raw, place in zip(entries, ids, raws, continued, strict=True):
            linked = raw is not entry.todo
            if id is None or (place is not None and place.raw == raw and not linked and not place.linked):
                continue
            before, after = self.todos.get(id), self._resolved(entry.todo, id, at, id_of_key)
            if before != after:
                changes[id] = Change(before, after)
        there = set(ids)
        for place in self._entries:
            if place.id is not None and place.id not in there:
                self._gone.setdefault(self._comparable(place.raw), []).append(place.id)
                before = self.todos[place.id]
                if not before.removed:
                    changes[place.id] = Change(before, replace(before, removed=True))
        self._entries = [
            FileEntry(id, raw, under, raw is not entry.todo)
            for id, raw, under, entry in zip(ids, raws, unders, entries, strict=True)
        ]
        self.todos.update((id, change.after) for id, change in changes.items())
        return changes

    def _continued(self, raws: Sequence[Todo], unders: Sequence[tuple[str, ...]]) -> list[FileEntry | None]:
        """Return the place in the last revision that each entry continues."""
        old = [(place.raw, place.under) for place in self._entries]
        new = list(zip(raws, unders, strict=True))
        start, end = _same_ends(old, new)
        found: list[int | None] = [*range(start), *[None] * (len(new) - start - end), *range(len(old) - end, len(old))]
        waiting: dict[tuple[Todo, tuple[str, ...]], deque[int]] = {}
        for index in range(start, len(old) - end):
            waiting.setdefault(old[index], deque()).append(index)
        for number in range(start, len(new) - end):
            if same := waiting.get(new[number]):
                found[number] = same.popleft()
        added = [number for number, index in enumerate(found) if index is None]
        left = sorted(index for indexes in waiting.values() for index in indexes)
        if added and left:
            others = (raw.text for raw, index in zip(raws, found, strict=True) if index is not None)
            matched = match([self._entries[index].raw.text for index in left], [raws[each].text for each in added], others)
            for number, match_index in zip(added, matched, strict=True):
                found[number] = None if match_index is None else left[match_index]
        return [None if index is None else self._entries[index] for index in found]

    def _resolved(self, todo: Todo, id: str, at: datetime, id_of_key: Mapping[str, str]) -> Todo:
        """Return the todo that an entry is: with links to todos, and with a time where the file names none."""
        before = self.todos.get(id)
        created, completed, every = todo.created, todo.completed, todo.every
        if before is not None:
            created = before.created  # no event changes it
        elif created == UNKNOWN:
            created = at
        if completed in self._unknown:
            completed = (before and before.completed) or day_or_instant(at)
        if every is not None and every.anchor in self._unknown:
            known = before.every.anchor if before is not None and before.every is not None else None
            every = replace(every, anchor=known or self._to_local(at).date().isoformat())
        depends = tuple(sorted({id_of_key[key] for key in todo.depends if key in id_of_key}))
        parent = None if todo.parent is None else id_of_key.get(todo.parent)
        return replace(todo, created=created, completed=completed, every=every, depends=depends, parent=parent)

    def _comparable(self, todo: Todo) -> Todo:
        """Return a todo without the values that do not count when a removed todo comes back: times, and links."""
        return replace(
            todo,
            created=UNKNOWN,
            completed=None if todo.completed is None else "done",
            every=None if todo.every is None else replace(todo.every, anchor="9990-01-01"),
            removed=False,
            parent=None,
            depends=(),
        )


def _same_ends(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[int, int]:
    """Return how many values at the beginning, and how many at the end, two sequences have in common."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end


def _raws(entries: Sequence[Entry]) -> list[Todo]:
    """Return the todos of entries without links; those that have none are the same objects."""
    return [
        replace(entry.todo, parent=None, depends=()) if entry.todo.parent is not None or entry.todo.depends else entry.todo
        for entry in entries
    ]


def _unders(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """Return, for each entry, the texts of the entries above it, the nearest first."""
    if all(entry.todo.parent is None for entry in entries):
        return [()] * len(entries)
    by_key = {entry.key: entry.todo for entry in entries}
    found: list[tuple[str, ...]] = []
    for entry in entries:
        texts: list[str] = []
        todo: Todo | None = entry.todo
        while todo is not None and todo.parent is not None and len(texts) < _ABOVE:
            todo = by_key.get(todo.parent)
            texts.append("" if todo is None else todo.text)
        found.append(tuple(texts))
    return found
