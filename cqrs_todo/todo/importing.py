"""Recording the entries of a file of another program in a list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ..cqrs.cursor import Cursor
from ..cqrs.events import REDOES, UNDOES
from ..cqrs.struct import Struct, replace
from ..cqrs.timeline import marked
from .batches import CommitContent
from .fields import Todo
from .forgetting import forgotten_in
from .formats import Entry, Loss, Report
from .formats.converting import Plan, linked, plan_import
from .model import DECIDER, events_between
from .recorder import Answer, Todos, events_to_reach, new_id
from .service import Added, TodoList
from .views import id_of, items_of

IMPORT = "import"
"""The key in a commit's `meta` for the digests of the entries that it imported, by the streams of their todos.

If a todo is forgotten, its digest goes, and no other: see `cqrs.forgetting.MEMBERS_BY_STREAM`.
"""
MOST_AT_ONCE = 20_000
"""How many entries are held in memory, if the list has no todos. More are imported in bounded memory."""
MOST_COMPARED = 200_000
"""How many entries are compared with the todos of a list, which takes about 2 KB of memory for each."""
_TODOS_IN_A_COMMIT = 2_000


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


def plan_for(todos: TodoList, entries: Sequence[Entry]) -> Imported:
    """Return what an import would record, without recording it. Arguments and errors are those of `import_entries`."""
    losses: list[Loss] = []
    fold = todos.repository.fold()
    todos.check_undamaged()
    plan = plan_import(entries, items_of(fold), _digests(todos, fold), new_id, todos.zones(None), losses.append)
    return Imported(todos.answer((), ()), plan, tuple(losses))


def import_entries(todos: TodoList, entries: Sequence[Entry]) -> Imported:
    """Import entries into a list as one command, and make the list if it does not exist.

    Args:
        todos: The list.
        entries: The entries.

    Returns:
        What was recorded. A todo that was moved to another list stays there.

    Raises:
        MalformedFile: The parents of entries form a circle, or are nested too deep. Nothing was recorded.
        CqrsError: What making the list and appending raise.
    """
    losses: list[Loss] = []
    plans: list[Plan] = []
    stayed: list[str] = []
    plan_import(entries, (), {}, new_id, todos.zones(None), losses.append)  # so that a file that is refused makes no list
    everywhere = forgotten_in(todos.store)
    made = todos.make_if_missing()

    def plan(fold: Todos) -> list[CommitContent]:
        losses.clear()
        planned = plan_import(entries, items_of(fold), _digests(todos, fold), new_id, todos.zones(None), losses.append)
        removed = {stream for id in planned.todos if _is_removed(fold, stream := DECIDER.stream(id))}
        stayed[:] = todos.lists_moved_to(fold, removed)
        left_out = {*map(id_of, stayed), *(id for id in planned.todos if DECIDER.stream(id) in everywhere)}
        plans[:] = [planned]
        return _contents(fold, {id: todo for id, todo in planned.todos.items() if id not in left_out}, planned)

    answer = todos.transact(plan)
    fold = todos.repository.last_fold()
    moved = tuple(items_of(entity for stream in stayed if (entity := fold.get(stream)) is not None))
    return Imported(
        replace(answer, stayed=moved, new_list=made),
        plans[0] if plans else Plan({}, {}, 0, len(entries)),  # the command was sent before
        tuple(losses),
    )


def _is_removed(fold: Todos, stream: str) -> bool:
    entity = fold.get(stream)
    return entity is not None and entity.state is not None and entity.state.removed


def _contents(fold: Todos, todos: Mapping[str, Todo], planned: Plan) -> list[CommitContent]:
    """Return the contents of commits, each with the digests of its entries.

    The first commit also has the digests of entries that are the same as the todo, so that a later change of the todo
    stays when the file is imported again. If there is nothing to record, there is no commit that could have them.
    """
    ids = list(todos)
    contents: list[CommitContent] = []
    digests = {id: digest for id, digest in planned.digests.items() if id not in planned.todos}
    for first in range(0, len(ids), _TODOS_IN_A_COMMIT):
        part = ids[first : first + _TODOS_IN_A_COMMIT]
        changes = events_to_reach(fold, {DECIDER.stream(id): todos[id] for id in part})
        digests |= {id: planned.digests[id] for id in part}
        contents.append((changes, {IMPORT: {DECIDER.stream(id): digest for id, digest in digests.items()}}))
        digests = {}
    return contents or [({}, {})]


def _digests(todos: TodoList, fold: Todos) -> dict[str, str]:
    """Return the digests of the entries that were imported last, by the ids of their todos, without undone imports."""
    found: dict[str, str] = {}
    undone: dict[str, bool] = {}
    for commit in todos.log.commits_backward(Cursor(fold.position)) if fold.position else ():
        metadata = commit.metadata
        for key, is_undone in ((UNDOES, True), (REDOES, False)):
            for command in marked(metadata, key):
                undone.setdefault(command, is_undone)
        digests: Any = metadata.meta.get(IMPORT)
        if isinstance(digests, dict) and not undone.get(metadata.command):
            for stream, digest in digests.items():
                found.setdefault(id_of(stream), str(digest))
    return found


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


def import_many(todos: TodoList, entries: Iterable[Entry], known: ManyEntries, report: Report) -> Added:
    """Import more entries than can be compared into a list without todos: a batch of commits, in bounded memory.

    Args:
        todos: The list.
        entries: The entries.
        known: What is known of them.
        report: Receives links that lead nowhere.

    Raises:
        CqrsError: What making the list and appending raise.
    """
    batch = new_id()
    ids = {key: f"{batch}{number:07d}" for key, number in known.numbers.items()}

    def created() -> Iterator[tuple[Any, ...]]:
        for number, entry in enumerate(entries, 1):
            id = f"{batch}{number:07d}"
            if entry.key in known.named:
                ids[entry.key] = id
            yield events_between(None, linked(entry, ids, id, known.closing, report))

    return todos.record_batch(batch, created(), known.count)
