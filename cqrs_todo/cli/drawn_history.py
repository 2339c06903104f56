"""How a history looks on a terminal: the commits of each day under a heading, or one after the other."""

from collections.abc import Iterator, Sequence
from datetime import date

from rich.text import Text

from ..todo.distance import relative_time
from ..todo.views import long_day, long_instant, short_instant
from .clock import to_local
from .hanging import HangingLines
from .histories import Line
from .session import Session
from .tables import WIDE
from .terminal import draw

_LONGEST_AUTHOR = 24
"""How many columns an author takes at most."""

_DAY_LENGTH = len("2026-11-22 ")
"""Where the time of day begins in a local time."""


def draw_by_days(session: Session, lines: Sequence[Line], *, seconds: bool = False) -> None:
    """Draw lines, those of each local day under a heading.

    Args:
        session: This run of the program.
        lines: The lines; at least one.
        seconds: Whether times have seconds.
    """
    now = session.now
    columns = _Columns(lines)
    parts: list[Text | HangingLines] = []
    for day, of_day in _days(lines):
        if parts:
            parts.append(Text())
        parts.append(Text.assemble((long_day(day), "bold"), (f"  {relative_time(day, now, to_local)}", "dim")))
        times: list[list[tuple[str, str]]] = []
        for line in of_day:
            times.append([])
            if line.commit is not None:
                at = line.commit.metadata.at
                clock = (long_instant if seconds else short_instant)(at, to_local)[_DAY_LENGTH:]
                times[-1].append((clock, "cyan"))
                if day == now.date():
                    times[-1].append((f"  {relative_time(at, now, to_local)}", "dim"))
        parts.append(HangingLines(columns.rows(of_day, times)))
    draw(session, *parts)


def draw_in_order(session: Session, lines: Sequence[Line], *, seconds: bool = False) -> None:
    """Draw lines one after the other, with complete times. Arguments are those of `draw_by_days`."""
    draw(session, in_order(session, lines, session.columns, seconds=seconds, relative=False))


def in_order(
    session: Session, lines: Sequence[Line], width: int, *, seconds: bool = False, relative: bool = True
) -> HangingLines:
    """Return lines one after the other, with complete times. On a narrow terminal, what happened is below the time.

    Args:
        session: This run of the program.
        lines: The lines; at least one.
        width: How many columns there are.
        seconds: Whether times have seconds.
        relative: Whether to add how long ago it was.
    """
    columns = _Columns(lines)
    shown = long_instant if seconds else short_instant
    times: list[list[tuple[str, str]]] = []
    for line in lines:
        times.append([])
        if line.commit is not None:
            at = line.commit.metadata.at
            times[-1].append((shown(at, to_local), "cyan"))
            if relative:
                times[-1].append((f"  {relative_time(at, session.now, to_local)}", "dim"))
    return HangingLines(columns.rows(lines, times) if width >= WIDE else columns.narrow_rows(lines, times))


def _days(lines: Sequence[Line]) -> Iterator[tuple[date, list[Line]]]:
    """Return the lines of each day. The day changes where the next commit is of another one."""
    found: list[Line] = []
    current: date | None = None
    for line in lines:
        day = current if line.commit is None else to_local(line.commit.metadata.at).date()
        if current is not None and day != current:
            yield current, found
            found = []
        current = day
        found.append(line)
    if current is not None:
        yield current, found


class _Columns:
    """The columns that all lines share: position, time, and the author if there are several.

    Args:
        lines: The lines.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        authors = {line.by for line in lines if line.by}
        self._position = max(len(line.position) for line in lines)
        self._author = min(max((Text(author).cell_len for author in authors), default=0), _LONGEST_AUTHOR)
        if len(authors) < 2:
            self._author = 0

    def rows(self, lines: Sequence[Line], times: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[Text, Text]]:
        """Return each line with all columns to its left."""
        width = max(sum(len(text) for text, _ in parts) for parts in times)
        previous = None
        for line, parts in zip(lines, times, strict=True):
            is_first = line.commit is not None and line.commit is not previous
            previous = line.commit or previous
            left = self._position_of(line, shown=is_first)
            time = Text.assemble(*(parts if is_first else ()))
            time.pad_right(width - time.cell_len + 2)
            left.append_text(time)
            if self._author:
                author = Text(line.by if is_first else "", style="dim")
                author.truncate(self._author, overflow="ellipsis", pad=True)
                left.append_text(author).append("  ")
            yield left, _words(line)

    def narrow_rows(self, lines: Sequence[Line], times: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[Text, Text]]:
        """Return each line below one with the position, the time and the author of its commit."""
        previous = None
        for line, parts in zip(lines, times, strict=True):
            if line.commit is not None and line.commit is not previous:
                previous = line.commit
                author = (f"  {line.by}", "dim") if self._author else ""
                yield self._position_of(line, shown=True), Text.assemble(*parts, author)
            yield self._position_of(line, shown=False), _words(line)

    def _position_of(self, line: Line, *, shown: bool) -> Text:
        return Text.assemble((f"{line.position if shown else '':>{self._position}}  ", "bold"))


def _words(line: Line) -> Text:
    if line.values:
        old, new = line.values
        return Text.assemble((line.what, "dim"), (old, "red"), (" → ", "dim"), (new, "green"))
    return Text.assemble(
        (f"{line.label} " if line.label else "", "bold"),
        (line.what, line.style),
        (f" ({line.title})" if line.title else "", ""),
        (f" ({line.note})" if line.note else "", "dim"),
    )
