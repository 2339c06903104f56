"""`todo export` in the formats of other programs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, count

from ..cqrs.struct import replace
from ..todo.fields import Todo
from ..todo.formats import Context, Format, load
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
    found = chosen(session, where)
    items = [item for _, item in found] if not session.options.all_lists else _in_one_file(found)
    context = Context(now=datetime.now(UTC), to_local=to_local, zone=zone_name() or "")
    losses = Losses()
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


def _in_one_file(found: Sequence[tuple[str, Item]]) -> list[Item]:
    """Return the todos of several lists with new numbers. A todo of another list than the first one says so."""
    first = found[0][0] if found else ""
    return [
        Item(number, item.stream, item.version, item.todo if name == first else _of_list(item.todo, name))
        for number, (name, item) in enumerate(found, 1)
    ]


def _of_list(todo: Todo, name: str) -> Todo:
    """Return a todo with the name of its list as an attribute, whose key is one that the todo does not have."""
    own = dict(todo.attributes)
    key = next(key for key in chain([LIST], (f"{LIST}.{number}" for number in count(2))) if key not in own)
    return replace(todo, attributes=tuple(sorted({**own, key: name}.items())))
