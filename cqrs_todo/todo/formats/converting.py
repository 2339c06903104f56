"""From the entries of a file to the todos of a list: which todo an entry is, and how entries are linked.

An entry is the todo that has the id of the other program as an attribute. Without an id it is the todo that came from the
same entry before; or the todo with the same text, and with the same state and due date if there are several; or the most
similar one of those that are open and that an earlier import read. An entry that is the same as when it was imported last
is left out, whatever became of the todo here. Of an entry that has changed, only what is different from the last time
changes the todo. So importing again adds what is new in the file, and changes what has changed there; a field that the
format does not hold stays as it is here.
"""

from __future__ import annotations

import json
from collections import deque
from hashlib import sha256

from ...cqrs.struct import Struct, replace
from ..errors import MalformedFile
from ..fields import Todo
from ..values import FOREIGN_IDS
from ..views import local_day
from . import Loss
from .icalendar_ import RECURRENCE_ID, UID, exception_key, uid_of
from .matching import match
from .revisions import Change
from .taskwarrior import UUID, uuid_of

TYPE_CHECKING = False  # `typing` costs as much to import as Python costs to start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ..values import Attributes, ToLocal
    from ..views import Item
    from . import Entry, Report

DEEPEST = 100
"""How many todos a todo can be under, directly or not, when it is imported."""


class Plan(Struct, frozen=True):
    """What an import does.

    Args:
        todos: The todos that are new or changed in the file, by their ids.
        digests: What identifies the content of their entries, and of those that are the same as the todo, by the ids of the
            todos.
        entries: What these entries say, linked by the ids of todos. It differs from the todo in what the list alone says.
        changes: The todos of the list that change, each with what it becomes.
        new: How many todos are new.
        same: How many entries are the same as when they were imported last, or change nothing in the todo.
    """

    todos: dict[str, Todo]
    digests: dict[str, str]
    entries: dict[str, Todo]
    changes: tuple[tuple[Item, Todo], ...]
    new: int
    same: int


def plan_import(
    entries: Sequence[Entry],
    items: Sequence[Item],
    *,
    digests: Mapping[str, str],
    elsewhere: AbstractSet[str],
    entries_of: Callable[[Sequence[str]], Mapping[str, Todo]],
    new_id: Callable[[], str],
    to_local: ToLocal,
    report: Report,
) -> Plan:
    """Plan the import of entries into a list.

    Args:
        entries: The entries.
        items: The todos of the list, removed ones included.
        digests: The digests of the entries that were imported before, by the ids of their todos.
        elsewhere: The ids of the todos whose entries were in files with other names.
        entries_of: Takes ids that have a digest. Returns what the last import of their entries read.
        new_id: Returns a new id.
        to_local: The reader's time zone.
        report: Receives links that lead nowhere, or in a circle.

    Raises:
        MalformedFile: The parents of entries form a circle, or are nested too deep.
    """
    check_parents(parents_of(entries))
    present = {item.id: item for item in items}
    closing = closing_links({entry.key: entry.todo.depends for entry in entries if entry.todo.depends})
    ids = _ids(entries, items, digests, elsewhere, entries_of, new_id)
    read = {ids[entry.key]: (entry, digest_of(entry)) for entry in entries}
    read = {id: found for id, found in read.items() if id not in present or digests.get(id) != found[1]}
    before = entries_of([id for id in read if id in digests])
    says: dict[str, Todo] = {}
    todos: dict[str, Todo] = {}
    for id, (entry, _) in read.items():
        says[id] = todos[id] = linked(entry, ids, id, closing, report)
        if id in present:
            now = present[id].todo
            says[id] = _with_what_the_file_does_not_say(says[id], before.get(id), now, entry, to_local)
            todos[id] = Change(before.get(id) or _as_in_no_file(now), says[id]).applied_to(now)
    there = {id: item.todo for id, item in present.items()}
    _leave_out_circles(todos, there, {id: entry.line for id, (entry, _) in read.items()}, report)
    todos = {id: todo for id, todo in todos.items() if todo != there.get(id)}
    changes = [(item, todos[item.id]) for item in items if item.id in todos]
    kept = {id: digest for id, (_, digest) in read.items()}
    return Plan(todos, kept, says, tuple(changes), len(todos) - len(changes), len(entries) - len(todos))


def _leave_out_circles(
    todos: dict[str, Todo], present: Mapping[str, Todo], lines: Mapping[str, int], report: Report
) -> None:
    """Leave out the links that would close a circle together with links that only the list has.

    Args:
        todos: The todos of the entries, by their ids. They are changed.
        present: The todos of the list, by their ids.
        lines: The lines of the entries, by the same ids.
        report: Receives the links that are left out.
    """
    together = {**present, **todos}
    parents = {id: (todo.parent,) for id, todo in together.items() if todo.parent is not None}
    if closing_links(parents):
        for id, todo in todos.items():
            parent = todo.parent
            if (
                parent is not None
                and (id not in present or present[id].parent != parent)
                and _is_reached(parents, parent, id)
            ):
                del parents[id]
                todos[id] = replace(todo, parent=None)
                report(Loss(lines[id], "a parent that closes a circle", "the todo would be under itself", "lost"))
    depends = {id: todo.depends for id, todo in together.items() if todo.depends}
    if closing_links(depends):
        for id, todo in todos.items():
            before = present[id].depends if id in present else ()
            for other in todo.depends:
                if other not in before and _is_reached(depends, other, id):
                    depends[id] = tuple(each for each in depends[id] if each != other)
                    report(_closing_dependency(lines[id]))
            todos[id] = replace(todos[id], depends=depends.get(id, ()))


def _is_reached(links: Mapping[str, Sequence[str]], first: str, last: str) -> bool:
    """Return whether a todo is reached by links from another one."""
    seen = {first}
    waiting = [first]
    while waiting:
        at = waiting.pop()
        if at == last:
            return True
        more = set(links.get(at, ())) - seen
        seen |= more
        waiting += more
    return False


def _closing_dependency(line: int) -> Loss:
    return Loss(line, "a dependency that closes a circle", "each todo in it would wait for the others", "lost")


def digest_of(entry: Entry) -> str:
    """Return what identifies the content of an entry, without what follows from the time of the import."""
    todo = entry.todo
    values = [str(getattr(todo, name)) for name in todo.__struct_fields__ if name not in ("created", *entry.guessed)] + [
        f"{todo.done}"
    ]
    return sha256(json.dumps(values).encode()).hexdigest()[:16]


def linked(entry: Entry, ids: Mapping[str, str], own: str, closing: AbstractSet[tuple[str, str]], report: Report) -> Todo:
    """Return the todo of an entry, linked by the ids of todos instead of the keys of entries.

    Args:
        entry: The entry.
        ids: The ids of todos by the keys of their entries.
        own: The id of its own todo.
        closing: What `closing_links` returned.
        report: Receives links that lead nowhere, or in a circle.
    """
    todo = entry.todo
    if todo.parent is None and not todo.depends:
        return todo
    kept = [key for key in todo.depends if (entry.key, key) not in closing]
    for _ in range(len(todo.depends) - len(kept)):
        report(_closing_dependency(entry.line))
    lost = sum(key not in ids for key in (*kept, *([todo.parent] if todo.parent is not None else [])))
    for _ in range(lost):
        report(Loss(entry.line, "a link to another todo", "the file has no such todo", "lost"))
    depends = {ids[key] for key in kept if key in ids} - {own}
    return replace(todo, parent=ids.get(todo.parent or ""), depends=tuple(sorted(depends)))


def closing_links(depends: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """Return dependencies without which none of the others are in a circle.

    Args:
        depends: The keys that each entry depends on, by its key.
    """
    closing: set[tuple[str, str]] = set()
    done: set[str] = set()
    for first in depends:
        path = {first: iter(depends[first])} if first not in done else {}
        while path:
            key, others = next(reversed(path.items()))
            other = next(others, None)
            if other is None:
                done.add(key)
                del path[key]
            elif other in path:
                closing.add((key, other))
            elif other not in done and other in depends:
                path[other] = iter(depends[other])
    return closing


def parents_of(entries: Iterable[Entry]) -> dict[str, tuple[str, int]]:
    """Return the keys of the parents of entries, and their lines, by the keys of the entries that are under others."""
    return {entry.key: (entry.todo.parent, entry.line) for entry in entries if entry.todo.parent is not None}


def check_parents(parents: Mapping[str, tuple[str, int]]) -> None:
    """Raise `MalformedFile` if entries are under one another in a circle, or if one is under too many others.

    Args:
        parents: What `parents_of` returned.
    """
    depths: dict[str, int] = {}
    for key, (_, line) in parents.items():
        path: list[str] = []
        at = key
        while at in parents and at not in depths:
            if len(path) > DEEPEST or at in path:
                why = "is under itself" if at in path else f"is under more than {DEEPEST} others"
                raise MalformedFile(line, f"the todo {why}")
            path.append(at)
            at = parents[at][0]
        depth = depths.get(at, 0)
        for each in reversed(path):
            depth += 1
            depths[each] = depth
        if depth > DEEPEST:
            raise MalformedFile(line, f"the todo is under more than {DEEPEST} others")


def _ids(
    entries: Sequence[Entry],
    items: Sequence[Item],
    digests: Mapping[str, str],
    elsewhere: AbstractSet[str],
    entries_of: Callable[[Sequence[str]], Mapping[str, Todo]],
    new_id: Callable[[], str],
) -> dict[str, str]:
    """Return the id of the todo that each entry is, by the keys of the entries. The arguments are those of `plan_import`."""
    known: dict[tuple[str, str], str] = {}
    for item in items:
        known |= dict.fromkeys(exported_ids(item), item.id)
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for entry in entries:
        named = next((known[id] for id in foreign_ids(entry.todo.attributes) if id in known), None)
        if named is not None and named not in taken:
            ids[entry.key] = named
            taken.add(named)
    free = [item for item in items if item.id not in taken and not has_foreign_id(item)]
    nameless = [entry for entry in entries if not entry.has_id and entry.key not in ids]

    def pair(todos: Iterable[tuple[str, object]], of: Iterable[tuple[str, object]]) -> None:
        """Pair the ids of todos and the keys of entries for which the same is given. None counts for nothing."""
        waiting: dict[object, deque[str]] = {}
        for id, given in todos:
            if id not in taken and given is not None:
                waiting.setdefault(given, deque()).append(id)
        for key, given in of:
            if key not in ids and (found := waiting.get(given)):
                ids[key] = found.popleft()
                taken.add(ids[key])

    def pair_by(same: Callable[[Todo], object], todos: Iterable[Item], of: Iterable[Entry]) -> None:
        pair(((item.id, same(item.todo)) for item in todos), ((entry.key, same(entry.todo)) for entry in of))

    pair(((item.id, digests.get(item.id)) for item in free), ((entry.key, digest_of(entry)) for entry in nameless))
    # an entry continues the todo that this file brought; the todos of a series have one text
    own = [item for item in free if item.id in digests and item.id not in elsewhere]
    for key_of in (_stage_of, _due_of, _state_of):
        pair_by(key_of, own, nameless)
    # but an open entry is a completed todo only if the file had it while it was open; otherwise it is to be done once more
    before = entries_of([item.id for item in own if item.todo.done and item.id not in taken])
    again = [item for item in own if not item.todo.done or (item.id in before and not before[item.id].done)]
    done = [entry for entry in nameless if entry.todo.done]
    pair_by(_text_of, again, nameless)
    pair_by(_text_of, own, done)
    # a todo that this file did not bring is an entry with its text, if nothing speaks against it
    others = [item for item in free if item.id not in digests or item.id in elsewhere]
    present = [item for item in others if not item.todo.done and not item.todo.removed]
    absent = [item for item in others if not item.todo.done and item.todo.removed]
    pair_by(_stage_of, others, nameless)
    for todos in (present, absent):
        pair_by(_due_of, [item for item in todos if item.todo.due is not None], nameless)
        pair_by(_text_of, todos, [entry for entry in nameless if not entry.todo.done])
    for todos in (present, absent, others):
        pair_by(_text_of, [item for item in todos if item.todo.due is None], done)
        pair_by(_text_of, todos, [entry for entry in done if entry.todo.due is None])
    # a similar text is enough for an open todo that this file brought
    left = [item for item in free if item.id not in taken]
    open_ones = [item for item in own if item.id not in taken and not item.todo.done and not item.todo.removed]
    compared = {item.id for item in open_ones}
    nameless = [entry for entry in nameless if entry.key not in ids]
    texts = [item.todo.text for item in left if item.id not in compared]
    matched = match([item.todo.text for item in open_ones], [entry.todo.text for entry in nameless], same=texts)
    for entry, place in zip(nameless, matched, strict=True):
        if place is not None:
            ids[entry.key] = open_ones[place].id
    return {entry.key: ids.get(entry.key) or new_id() for entry in entries}


def _stage_of(todo: Todo) -> tuple[object, ...]:
    """Return what tells the todos of a series apart, which have the same text."""
    return todo.text, todo.done, todo.removed, todo.due


def _due_of(todo: Todo) -> tuple[object, ...]:
    """Return what tells them apart if one of them was completed on one side only."""
    return todo.text, todo.due


def _state_of(todo: Todo) -> tuple[object, ...]:
    """Return what tells them apart if a due date was changed."""
    return todo.text, todo.done


def _text_of(todo: Todo) -> str:
    return todo.text


def exported_ids(item: Item) -> Iterator[tuple[str, str]]:
    """Yield the ids of a todo in exports, as `foreign_ids` does: those of other programs, and those made from its own."""
    attributes = item.todo.attributes
    if not any(key == RECURRENCE_ID for key, _ in attributes):  # otherwise it has the UID of the series
        yield (UUID, uuid_of(item.id, attributes))
        yield (UUID, uid_of(item.id, attributes))
    yield from foreign_ids(attributes)


def foreign_ids(attributes: Attributes) -> Iterator[tuple[str, str]]:
    """Yield the ids that other programs gave to a todo, each with the attribute that tells these programs apart.

    Calendars and Taskwarrior have one: an export for calendars makes the UUID of Taskwarrior the UID.
    """
    exception = dict(attributes).get(RECURRENCE_ID)
    for key, value in attributes:
        if key in FOREIGN_IDS:
            id = exception_key(value, exception) if key == UID and exception is not None else value
            yield (UUID if key == UID else key, id)


def has_foreign_id(item: Item) -> bool:
    """Return whether a todo came from a program that gave it an id."""
    return any(key in FOREIGN_IDS for key, _ in item.todo.attributes)


def _with_what_the_file_does_not_say(says: Todo, before: Todo | None, now: Todo, entry: Entry, to_local: ToLocal) -> Todo:
    """Return what an entry says, with the values that the file does not have, or not exactly, as they were or are.

    Args:
        says: What the entry says.
        before: What it said when it was imported last. None if it never was.
        now: The todo.
        entry: The entry.
        to_local: The reader's time zone.
    """
    says = replace(says, created=now.created)
    for known in (now,) if before is None else (before, now):
        done, on = says.completed, known.completed
        if done is not None and on is not None:
            same_day = len(done) == len("2026-03-05") and local_day(on, to_local).isoformat() == done
            if same_day or "completed" in entry.guessed:
                says = replace(says, completed=on)
                break
    for earlier in (now, before or now):  # what the file said counts more than what the todo is now
        if "due" in entry.guessed and earlier.due is not None:
            says = replace(says, due=earlier.due)
        if "every" in entry.guessed and earlier.every is not None:
            says = replace(says, every=earlier.every)
    return says


def _as_in_no_file(now: Todo) -> Todo:
    """Return what counts as the last state of the entry of a todo that no file brought.

    Every file says what is to be done and whether it is done. So only these values can change to what another file says
    by being left out there; of the others, the file says those that it has.
    """
    return Todo(now.text, now.created, completed=now.completed, removed=now.removed)
