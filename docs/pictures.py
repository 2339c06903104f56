"""Pictures of the program on terminals of three sizes, with light and dark colours, as SVG.

They show the month that `tests/data/month.txt` tells, on the morning of its 17th day.
"""

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import time_machine
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

from cqrs_todo.cli import main
from cqrs_todo.cli.player import Player
from cqrs_todo.cli.playing import film_of, read_ranges
from cqrs_todo.cli.session import Options, Session
from tests.cli.test_month import days

FOLDER = Path(__file__).parent / "pictures"
SIZES = ((80, 24), (120, 40), (40, 20))
THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
MORNING = "2026-03-17"
_RANDOM_ID = re.compile(r"[a-z][0-9a-z]{9}(?= \(version)")
VIEWS: dict[str, Sequence[str]] = {
    "board": (),
    "show": ("show", "6"),
    "history": ("history", "-n", "16"),
    "stats": ("stats",),
    "diff": ("diff", "2", "weeks", "ago"),
}


def draw(surroundings: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """Draw all pictures.

    Args:
        surroundings: A context manager with an empty home.

    Yields:
        The name of each file, and its content.
    """
    with surroundings():  # type: ignore[attr-defined]  # a context manager
        for day in days():
            if day.date >= MORNING:
                break
            for clock, command in day.commands:
                _run(day.date, clock, command)
        for columns, lines in SIZES:
            os.environ["COLUMNS"], os.environ["LINES"] = f"{columns}", f"{lines}"
            for name, args in VIEWS.items():
                printed = _run(MORNING, "08:00", [*args, "--color", "always"])
                shown = Text.from_ansi(_RANDOM_ID.sub("k3v9x2ma41", printed))
                yield from _pictures(name, args, shown, columns, lines)
            yield from _pictures("replay", ("replay",), _replayed(columns, lines), columns, lines)


def _run(date: str, clock: str, args: Sequence[str]) -> str:
    printed = io.StringIO()
    at = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=ZoneInfo("UTC"))
    with time_machine.travel(at, tick=False), redirect_stdout(printed), redirect_stderr(printed):
        main(args)
    return printed.getvalue()


def _replayed(columns: int, lines: int) -> Text:
    """Return a frame of the player, in the middle of the month."""
    console = Console(width=columns, height=lines - 1, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    session = Session(Options())
    player = Player(film_of(session, read_ranges(session, "@20", None)), 1.0, paused=True)
    with console.capture() as capture:
        console.print(player.frame(console, with_footer=True))
    return Text.from_ansi(capture.get())


def _pictures(name: str, args: Sequence[str], shown: Text, columns: int, lines: int) -> Iterator[tuple[str, str]]:
    screen = Text()
    screen.append("$ ", style="green").append(" ".join(["todo", *args]), style="bold").append("\n")
    kept = shown.split("\n", allow_blank=False)[: lines - 1]
    for line in kept:
        screen.append_text(line).append("\n")
    screen.rstrip()
    for theme, colours in THEMES.items():
        console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        console.print(screen, no_wrap=True, overflow="crop", crop=True)
        key = f"{name}-{columns}-{theme}"
        yield f"{key}.svg", console.export_svg(title=f"{columns} × {lines}", theme=colours, unique_id=key)


def write(surroundings: Callable[[], object]) -> None:
    """Write all pictures into their folder."""
    FOLDER.mkdir(exist_ok=True)
    for name, svg in draw(surroundings):
        (FOLDER / name).write_text(svg, encoding="utf-8")
