"""Drawing on a terminal with Rich, and how values look to people."""

import io
import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..todo.fields import FIELDS
from ..todo.service import View
from ..todo.values import day_or_instant
from ..todo.views import Label, display_attribute, display_day_or_instant, display_value, long_instant, short_instant
from .clock import to_local
from .output import print_line, print_message
from .session import Session
from .text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

RICH_ROWS = 100
"""The most rows that are drawn as a Rich table, which takes a millisecond for each; more are printed as plain lines."""

_FIELDS = {field.name: field for field in FIELDS}
_WITH_TIMES = [field.name for field in FIELDS if field.kind in ("day or instant", "instant")]


def draw(session: Session, *renderables: "RenderableType") -> None:
    """Print what Rich draws.

    Raises:
        OutputFailed: Stdout cannot be written to.
    """
    from rich.console import Console

    drawn = io.TextIOWrapper(io.BytesIO(), encoding=sys.stdout.encoding or "utf-8", errors="backslashreplace")
    # Rich would look at NO_COLOR and TERM itself, but an option to use colours overrides both
    screen = Console(
        file=drawn,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True,
        no_color=False if session.options.color is not None else None,
        color_system="standard"
        if session.options.color == "always" and os.environ.get("TERM") in ("dumb", "unknown")
        else "auto",
        width=session.columns,
    )
    for renderable in renderables:
        screen.print(renderable)
    drawn.seek(0)
    print_line(drawn.read().removesuffix("\n"))


def print_styled(session: Session, *parts: tuple[str, str]) -> None:
    """Print one line from texts and their styles; the texts alone where nobody reads them on a terminal."""
    if session.rich:
        from rich.text import Text

        draw(session, Text.assemble(*parts))
    else:
        print_line("".join(text for text, _ in parts).rstrip())


def print_hanging(session: Session, lines: Sequence[tuple[str, str]]) -> None:
    """Print lines of two parts. On a terminal, what does not fit into a line continues below the right part.

    Args:
        session: This run of the program.
        lines: The left part of each line with the space after it, and the right part.
    """
    if session.rich and len(lines) <= 10 * RICH_ROWS:  # a line takes less time than the row of a table
        from rich.text import Text

        from .hanging import HangingLines

        draw(session, HangingLines((Text(left), Text(right)) for left, right in lines))
        return
    for left, right in lines:
        print_line(f"{left}{right}".rstrip())


def print_moment(session: Session, view: View) -> None:
    """Print a message that says which moment is shown, unless it is now."""
    if session.moment is None or session.options.plain:
        return
    where = f"@{view.commit}" if view.commit else "before the first event"
    when = ""
    if view.as_of is not None:
        text = short_instant if _is_whole_minute(session, view.as_of) else long_instant
        when = f" {text(view.as_of, to_local)}"
    print_message(session, f"{visible(view.list)} as it was{when} ({where})")


def _is_whole_minute(session: Session, as_of: datetime) -> bool:
    """Return whether a moment can be typed back without seconds: it is the end of a minute or of a day, or a position."""
    return isinstance(session.moment, int) or (as_of + timedelta(microseconds=1)).second == 0


def shown_value(name: str, value: Any, label: Label = str) -> str:
    """Return a value of a todo as people read it; '' for no value.

    Args:
        name: The field, "completed" or "removed", or an attribute such as `attribute:place`.
        value: Its value.
        label: What other todos are called.
    """
    if name.startswith("attribute:"):
        return visible(display_attribute(value or "", to_local))
    if name == "removed":
        return "yes" if value else "no"
    if name == "completed":
        return display_day_or_instant(value, to_local)
    field = _FIELDS[name]
    return visible(str(value or "") if field.kind == "note" else display_value(field, value, to_local, label))


def plain_value(name: str, value: Any, label: Label = str) -> str:
    """Return a value of a todo as programs read it, with times in UTC. The arguments are those of `shown_value`."""
    if isinstance(value, datetime):
        return day_or_instant(value)
    if isinstance(value, str) and (name in ("completed", *_WITH_TIMES) or name.startswith("attribute:")):
        return visible(value)
    return shown_value(name, value, label)
