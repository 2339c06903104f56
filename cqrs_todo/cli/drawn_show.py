"""How `todo show` looks on a terminal: the fields, the note as Markdown, and the history."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

from ..todo.distance import relative_time
from ..todo.views import Item
from .clock import to_local
from .drawn_history import in_order
from .hanging import HangingLines
from .histories import Line
from .session import Session
from .shown_todo import Row, name_width
from .tables import rich_text
from .terminal import draw
from .text import visible_lines

_INDENT = 2


def draw_todo(session: Session, item: Item, rows: Sequence[Row], history: Sequence[Line]) -> None:
    """Draw a todo.

    Args:
        session: This run of the program.
        item: The todo.
        rows: What there is to say about it, besides its text and its note.
        history: Its history.
    """
    todo = item.todo
    heading = Text(f"{item.number} ", style="bold"), rich_text(todo, todo.done)
    parts: list[RenderableType] = [HangingLines([heading]), HangingLines(_fields(session, rows))]
    if todo.note is not None:
        parts += ["", Padding(_SafeMarkdown(todo.note), (0, _INDENT))]
    parts += ["", Padding(in_order(session, history, session.columns - 2 * _INDENT), (0, _INDENT))]
    draw(session, *parts)


def _fields(session: Session, rows: Sequence[Row]) -> Iterator[tuple[Text, Text]]:
    width = name_width(rows)
    for row in rows:
        name = Text(f"  {row.name:<{width}}", style="dim")
        if row.todos:
            for place, (label, text) in enumerate(row.todos):
                yield (name if place == 0 else Text(" " * name.cell_len)), Text.assemble((label, "bold"), f" {text}")
        else:
            distance = "" if row.when is None else f"  {relative_time(row.when, session.now, to_local)}"
            yield name, Text.assemble(row.value, (distance, "dim"))


class _SafeMarkdown:
    """A note as Markdown. What its links and entities decode to is made harmless as well."""

    def __init__(self, note: str) -> None:
        self.note = note

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Return the segments of the note."""
        from rich.markdown import Markdown  # few todos have a note, and this takes long to import

        for segment in console.render(Markdown(visible_lines(self.note), hyperlinks=False), options):
            yield Segment(visible_lines(segment.text), segment.style, segment.control)
