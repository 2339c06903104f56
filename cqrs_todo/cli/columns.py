"""The columns of `todo ls --columns`: a name for each, and what it shows of a todo."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..todo.fields import FIELDS, Declared
from ..todo.views import display_attribute, display_day_or_instant, display_value, short_instant
from .clock import to_local
from .output import print_line, print_message, print_row
from .session import Session
from .tables import Entry, state_of
from .text import visible

Column: TypeAlias = Callable[[Entry], str]
"""Returns what a column shows of a todo."""


def _column(field: Declared) -> Column:
    return lambda entry: display_value(
        field, getattr(entry.todo, field.name), to_local, lambda other: entry.source.numbers.get(other, other)
    )


COLUMNS: dict[str, Column] = {
    "number": lambda entry: entry.label,
    "state": lambda entry: state_of(entry.todo),
    **{field.name: _column(field) for field in FIELDS},
    "created": lambda entry: short_instant(entry.todo.created, to_local),
    "done": lambda entry: display_day_or_instant(entry.todo.completed, to_local),
    "list": lambda entry: entry.source.name,
    "id": lambda entry: entry.item.id,
}


def attribute_column(name: str) -> Column:
    """Return the column that shows an attribute."""
    return lambda entry: display_attribute(dict(entry.todo.attributes).get(name, ""), to_local)


def print_columns(session: Session, entries: Sequence[Entry], columns: Sequence[Column]) -> None:
    """Print some columns of todos: aligned for people, or separated by tabs with `--plain`.

    Args:
        session: This run of the program.
        entries: The todos.
        columns: The columns.
    """
    rows = [[visible(column(entry)) for column in columns] for entry in entries]
    if session.options.plain:
        for row in rows:
            print_row(*row)
        return
    if not rows:
        print_message(session, "Nothing matches.")
        return
    widths = [max(map(_width, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # seldom needed, and then there is time

    return cell_len(text)
