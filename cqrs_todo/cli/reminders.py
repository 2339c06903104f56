"""The list of reminders, which `todo remind` prints if no todos are named."""

from collections.abc import Sequence
from datetime import datetime

from ..cqrs.struct import Struct
from ..todo.distance import relative_time
from ..todo.values import day_or_instant
from ..todo.views import Item, open_items, short_instant
from .clock import to_local
from .due_reminders import is_pending
from .output import print_line, print_nothing, print_row
from .session import Session
from .terminal import draw
from .text import visible


class _Reminder(Struct, frozen=True):
    """A reminder of an open todo.

    Args:
        at: When to remind.
        list: The list of the todo.
        label: What people type to name the todo.
        item: The todo.
    """

    at: datetime
    list: str
    label: str
    item: Item


def print_reminders(session: Session) -> None:
    """Print the reminders of open todos that are not acknowledged, the earliest first, so that overdue ones come first."""
    views, failure = session.views(all_lists=session.options.all_lists)
    found = [
        _Reminder(item.todo.reminder, view.list, f"{session.prefix(view.list)}{item.number}", item)
        for view in views
        for item in open_items(view.items)
        if item.todo.reminder is not None and is_pending(item.todo)
    ]
    found.sort(key=lambda each: (each.at, each.label))
    now = session.now
    if session.options.json:
        _print_json(found, now)
    elif session.options.plain:
        for each in found:
            print_row(each.label, day_or_instant(each.at), each.item.todo.text)
    elif found:
        _print_lines(session, found, now)
    else:
        print_nothing(session, "There are no reminders.")
    if failure is not None:
        raise failure


def _print_lines(session: Session, found: Sequence[_Reminder], now: datetime) -> None:
    heads = [
        (visible(each.label), short_instant(each.at, to_local), relative_time(each.at, now, to_local)) for each in found
    ]
    widths = [max(len(head[column]) for head in heads) for column in range(3)]
    if not session.rich:
        for (label, at, distance), each in zip(heads, found, strict=True):
            text = visible(each.item.todo.text)
            print_line(f"{label:>{widths[0]}}  {at:<{widths[1]}}  {distance:<{widths[2]}}  {text}")
        return
    from rich.text import Text

    from .hanging import HangingLines

    lines: list[tuple[Text, Text]] = []
    for (label, at, distance), each in zip(heads, found, strict=True):
        left = Text.assemble(
            (f"{label:>{widths[0]}}  ", "bold"),
            (f"{at:<{widths[1]}}  ", "red" if each.at <= now else "cyan"),
            (f"{distance:<{widths[2]}}  ", "dim"),
        )
        lines.append((left, Text(visible(each.item.todo.text))))
    draw(session, HangingLines(lines))


def _print_json(found: Sequence[_Reminder], now: datetime) -> None:
    from . import document

    rows = [
        {
            "list": each.list,
            "number": each.item.number,
            "id": each.item.id,
            "reminder": each.at,
            "overdue": each.at <= now,
            "text": each.item.todo.text,
        }
        for each in found
    ]
    print_line(document.encode({"reminders": rows}))
