"""Recording the entries of a file of another program in a list."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..cqrs.cursor import Cursor
from ..cqrs.events import REDOES, UNDOES, marked
from ..cqrs.struct import Struct, replace
from .batches import COMMIT_SIZE, CommitContent, commit_sized_chunks, json_size
from .events import TodoCreated, TodoEvent
from .fields import State, Todo
from .forgetting import forgotten_in
from .formats import Entry, Loss, Report
from .formats.converting import Plan, check_parents, digest_of, linked, parents_of, plan_import
from .model import DECIDER, EVENTS, events_between, evolve
from .recorder import Answer, Todos, events_to_reach, new_id
from .service import Added, TodoList
from .views import id_of, items_of

IMPORT = "import"
"""The key in a commit's `meta` for what identifies the entries that it imported, by the streams of their todos.

It is the digest of the entry, if the commit creates the todo as the entry says. Otherwise it is an object with the digest
and with what the entry says: the values of `Todo` by their names, without those that are empty. So what the entry said is
known from the commit alone, also after a merge has put it behind others.

If a todo is forgotten, its digest goes, and no other: see `cqrs.forgetting.MEMBERS_BY_STREAM`.
"""
FILE = "file"
"""The key in a commit's `meta` for the name of the file that it imported, without its folder. Stdin has no name."""
MOST_AT_ONCE = 20_000
"""How many entries are held in memory, if the list has no todos. More are imported in bounded memory."""
MOST_COMPARED = 200_000
"""How many entries are compared with the todos of a list, which takes about 2 KB of memory for each."""


class Imported(Struct, frozen=True):
    """The result of an import.

    Args:
        answer: What was recorded. Its `stayed` are the todos that were moved to another list.
        plan: What was new or changed in the file.
        losses: The links that lead nowhere.
    """

    answer: Answer
    plan: Plan
    losses: tuple[Loss, ...]


def plan_for(todos: TodoList, entries: Sequence[Entry], file: str) -> Imported:
    """Return what an import would record, without recording it. Arguments and errors are those of `import_entries`."""
    losses: list[Loss] = []
    fold = todos.repository.fold()
    todos.check_undamaged()
    return Imported(todos.answer((), ()), _planned(todos, fold, entries, file, losses), tuple(losses))


def _planned(todos: TodoList, fold: Todos, entries: Sequence[Entry], file: str, losses: list[Loss]) -> Plan:
    last = _last_imports(todos, fold)

    def entries_of(ids: Sequence[str]) -> Mapping[str, Todo]:
        return {id: says for id in ids if (says := last[id].says) is not None}

    digests = {id: each.digest for id, each in last.items()}
    elsewhere = {id for id, each in last.items() if each.file != file}
    return plan_import(
        entries,
        items_of(fold),
        digests=digests,
        elsewhere=elsewhere,
        entries_of=entries_of,
        new_id=new_id,
        to_local=todos.zones(None),
        report=losses.append,
    )


def import_entries(todos: TodoList, entries: Sequence[Entry], file: str) -> Imported:
    """Import entries into a list as one command, and make the list if it does not exist.

    Args:
        todos: The list.
        entries: The entries.
        file: The name of the file that they are from, without its folder; "" for stdin.

    Returns:
        What was recorded. A todo that was moved to another list stays there.

    Raises:
        MalformedFile: The parents of entries form a circle, or are nested too deep. Nothing was recorded.
        CqrsError: What making the list and appending raise.
    """
    losses: list[Loss] = []
    plans: list[Plan] = []
    stayed: list[str] = []
    check_parents(parents_of(entries))  # so that a file that is refused makes no list
    everywhere = forgotten_in(todos.store)
    made = todos.make_if_missing()

    def plan(fold: Todos) -> list[CommitContent]:
        losses.clear()
        planned = _planned(todos, fold, entries, file, losses)
        removed = {stream for id in planned.todos if _is_removed(fold, stream := DECIDER.stream(id))}
        stayed[:] = todos.lists_moved_to(fold, removed)
        left_out = {*map(id_of, stayed), *(id for id in planned.todos if DECIDER.stream(id) in everywhere)}
        plans[:] = [planned]
        return _contents(fold, {id: todo for id, todo in planned.todos.items() if id not in left_out}, planned, file)

    answer = todos.transact(plan)
    fold = todos.repository.last_fold()
    moved = tuple(items_of(entity for stream in stayed if (entity := fold.get(stream)) is not None))
    return Imported(
        replace(answer, stayed=moved, new_list=made),
        plans[0] if plans else Plan({}, {}, {}, (), 0, len(entries)),  # the command was sent before
        tuple(losses),
    )


def _is_removed(fold: Todos, stream: str) -> bool:
    entity = fold.get(stream)
    return entity is not None and entity.state is not None and entity.state.removed


def _contents(fold: Todos, todos: Mapping[str, Todo], planned: Plan, file: str) -> list[CommitContent]:
    """Return the contents of commits, each with what identifies its entries.

    The commits also have the entries that change nothing in the todo, as far as there is room for them, so that a later
    change of the todo stays when the file is imported again. If there is nothing to record, there is no commit that could
    have them.
    """
    changes = events_to_reach(fold, {DECIDER.stream(id): todo for id, todo in todos.items()})
    imported: dict[str, Any] = {}
    for id, digest in planned.digests.items():
        stream, says = DECIDER.stream(id), planned.entries[id]
        created = stream in changes and isinstance(changes[stream][0], TodoCreated) and says == todos[id]
        imported[stream] = digest if created else {"digest": digest, "entry": _named(says)}
    sizes = {
        stream: json_size({stream: imported[stream]}) + sum(map(json_size, events)) for stream, events in changes.items()
    }
    unchanged = [stream for stream in imported if stream not in changes][::-1]
    contents: list[CommitContent] = []
    for chunk in commit_sized_chunks((stream, len(events), sizes[stream]) for stream, events in changes.items()):
        room = COMMIT_SIZE - sum(sizes[stream] for stream in chunk)
        these: dict[str, Any] = {}
        while unchanged and (size := json_size({unchanged[-1]: imported[unchanged[-1]]})) <= room:
            room -= size
            stream = unchanged.pop()
            these[stream] = imported[stream]
        these |= {stream: imported[stream] for stream in chunk}
        contents.append(({stream: changes[stream] for stream in chunk}, _meta(file, these)))
    return contents or [({}, {})]


def _meta(file: str, imported: dict[str, Any]) -> dict[str, Any]:
    return {FILE: file, IMPORT: imported} if file else {IMPORT: imported}


def _named(todo: Todo) -> dict[str, Any]:
    """Return the values of a todo as JSON has them, by their names, without those that are empty."""
    values = msgspec.json.decode(msgspec.json.encode(todo))
    return {
        name: value for name, value in zip(Todo.__struct_fields__, values, strict=True) if value not in (None, False, [])
    }


def _todo_of(named: Mapping[str, Any]) -> Todo:
    """Return the todo with these values, as `_named` gives them."""
    empty = Todo(text="", created=datetime.min.replace(tzinfo=UTC))
    values = zip(Todo.__struct_fields__, msgspec.to_builtins(empty), strict=True)
    return msgspec.convert([named.get(name, value) for name, value in values], Todo)


class _LastImport(Struct, frozen=True):
    """The last import of an entry.

    Args:
        digest: The digest of the entry.
        entry: What the entry said, as `_named` gives it; or the events that created the todo as it said.
        file: The name of its file.
    """

    digest: str
    entry: Mapping[str, Any] | Sequence[TodoEvent]
    file: str

    @property
    def says(self) -> Todo | None:
        """What the entry said. None if another program recorded events that do not create a todo."""
        if isinstance(self.entry, Mapping):
            return _todo_of(self.entry)
        if not self.entry or not isinstance(self.entry[0], TodoCreated):
            return None
        state: State = None
        for event in self.entry:
            state = evolve(state, event)
        return state


def _last_imports(todos: TodoList, fold: Todos) -> dict[str, _LastImport]:
    """Return the last imports of entries, by the ids of their todos, without undone imports."""
    found: dict[str, _LastImport] = {}
    undone: dict[str, bool] = {}
    for commit in todos.log.commits_backward(Cursor(fold.position)) if fold.position else ():
        metadata = commit.metadata
        for key, is_undone in ((UNDOES, True), (REDOES, False)):
            for command in marked(metadata, key):
                undone.setdefault(command, is_undone)
        imported: Any = metadata.meta.get(IMPORT)
        if isinstance(imported, dict) and not undone.get(metadata.command):
            created: dict[str, list[TodoEvent]] = {}
            for event in commit.events:
                if type(event.data) in _EVENTS:
                    created.setdefault(event.stream, []).append(event.data)
            file = metadata.meta.get(FILE, "")
            for stream, value in imported.items():
                created_by = created.get(stream, ())
                digest, entry = (value, created_by) if isinstance(value, str) else (value["digest"], value["entry"])
                found.setdefault(id_of(stream), _LastImport(digest, entry, file))
    return found


_EVENTS = frozenset(EVENTS.values())


class ManyEntries(Struct, frozen=True):
    """What has to be known of entries that are too many to be held in memory.

    Args:
        count: How many there are.
        named: The keys of those that others name.
        numbers: The numbers, from 1, of those that others name before they come.
        closing: The dependencies that close circles; see `closing_links`.
    """

    count: int
    named: AbstractSet[str]
    numbers: Mapping[str, int]
    closing: AbstractSet[tuple[str, str]]


def import_many(todos: TodoList, entries: Iterable[Entry], file: str, known: ManyEntries, report: Report) -> Added:
    """Import more entries than can be compared into a list without todos: a batch of commits, in bounded memory.

    Args:
        todos: The list.
        entries: The entries.
        file: The name of their file, as for `import_entries`.
        known: What is known of them.
        report: Receives links that lead nowhere.

    Raises:
        CqrsError: What making the list and appending raise.
    """
    batch = new_id()
    ids = {key: f"{batch}{number:07d}" for key, number in known.numbers.items()}

    digests: deque[str] = deque()  # of the todos that are not in a commit yet

    def created() -> Iterator[tuple[Any, ...]]:
        for number, entry in enumerate(entries, 1):
            id = f"{batch}{number:07d}"
            if entry.key in known.named:
                ids[entry.key] = id
            digests.append(digest_of(entry))
            yield events_between(None, linked(entry, ids, id, known.closing, report))

    def meta_of(streams: Sequence[str]) -> Mapping[str, Any]:
        return _meta(file, {stream: digests.popleft() for stream in streams})

    return todos.record_batch(batch, created(), known.count, meta_of)
