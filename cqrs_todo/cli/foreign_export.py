"""`todo export` in the formats of other programs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain, count

from ..cqrs.struct import replace
from ..todo.fields import Todo
from ..todo.formats import Context, Format, Loss, Report, load
from ..todo.formats.converting import exported_ids
from ..todo.formats.parts import is_cancelled
from ..todo.model import DECIDER
from ..todo.values import FOREIGN_IDS, id_from_bytes
from ..todo.views import Item
from .clock import to_local, zone_name
from .foreign_import import Losses, missing
from .output import print_message
from .session import Session

LIST = "list"
"""The attribute with the list of a todo, if all lists are written to one file. If the todo has one already: `list.2`."""


def foreign_content(session: Session, format: Format, where: str | None) -> Iterator[bytes]:
    """Return todos in a format of another program, in parts.

    Args:
        session: This run of the program, which says which lists, and at which moment.
        format: The format.
        where: A query: only the todos that it wants. None for all todos.

    Raises:
        UsageError: An extra is missing, or the query cannot be parsed.
        CqrsError: What reading the lists raises.
    """
    context = Context(now=datetime.now(UTC), to_local=to_local, zone=zone_name() or "")
    losses = Losses()
    items = _in_one_file(chosen(session, where), losses.report(format.title), numbered=session.options.all_lists)
    written: list[str] = []
    try:
        parts: Iterator[str] = load(format).write(items, context, losses.report(format.title))
        written = list(parts)
    except ImportError as error:
        raise missing(error) from error
    _report(session, losses)
    return (part.encode() for part in written)


def _report(session: Session, losses: Losses) -> None:
    for message in losses.messages("todo"):
        print_message(session, message)


def chosen(session: Session, where: str | None) -> list[tuple[str, Item]]:
    """Return the todos that are exported, each with the name of its list.

    Args:
        session: This run of the program.
        where: A query; None for all todos.

    Raises:
        CqrsError: What reading the lists and the query raises.
    """
    views, failure = session.views(all_lists=session.options.all_lists)
    if failure is not None:
        raise failure
    found: list[tuple[str, Item]] = []
    for view in views:
        items: Sequence[Item] = view.items
        if where is not None:
            from .queries import query_of  # most exports are complete

            items = query_of(session, [where], view).matching()
        found += [(view.list, item) for item in items]
    return found


def _in_one_file(found: Sequence[tuple[str, Item]], report: Report, *, numbered: bool) -> list[Item]:
    """Return todos as they are written to one file, in which no two have the same id.

    Other programs take two todos with one id for one. So the second one gets an id that follows from its own and its list.

    Args:
        found: The todos, each with the name of its list.
        report: Receives the todos that get another id.
        numbered: Whether they get new numbers, and those of other lists than the first one say so.
    """
    first = found[0][0] if found else ""
    items = [
        Item(number, item.stream, item.version, item.todo if name == first else _of_list(item.todo, name))
        if numbered
        else item
        for number, (name, item) in enumerate(found, 1)
    ]
    taken: set[tuple[str, str]] = set()
    renamed: dict[str, dict[str, str]] = {}
    for place, ((name, _), item) in enumerate(zip(found, items, strict=True)):
        if item.todo.removed and not is_cancelled(item):
            continue  # no format writes it
        if not taken.isdisjoint(exported_ids(item)):
            report(Loss(item.number, "an id that another todo has, too", "an id of its own", "changed"))
            id = id_from_bytes(sha256(f"{name} {item.id}".encode()).digest())
            renamed.setdefault(name, {})[item.id] = id
            own = tuple(pair for pair in item.todo.attributes if pair[0] not in FOREIGN_IDS)
            items[place] = item = replace(item, stream=DECIDER.stream(id), todo=replace(item.todo, attributes=own))
        taken.update(exported_ids(item))
    return [_linked(item, renamed.get(name)) for (name, _), item in zip(found, items, strict=True)]


def _linked(item: Item, renamed: Mapping[str, str] | None) -> Item:
    """Return a todo whose links lead to the todos of its list that got another id."""
    if not renamed:
        return item
    todo = item.todo
    parent = None if todo.parent is None else renamed.get(todo.parent, todo.parent)
    depends = tuple(sorted(renamed.get(id, id) for id in todo.depends))
    return replace(item, todo=replace(todo, parent=parent, depends=depends))


def _of_list(todo: Todo, name: str) -> Todo:
    """Return a todo with the name of its list as an attribute, whose key is one that the todo does not have."""
    own = dict(todo.attributes)
    key = next(key for key in chain([LIST], (f"{LIST}.{number}" for number in count(2))) if key not in own)
    return replace(todo, attributes=tuple(sorted({**own, key: name}.items())))
