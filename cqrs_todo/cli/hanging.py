"""Lines of two parts for Rich: what does not fit into a line continues below the right part."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text


class HangingLines:
    """Lines, each with a left part, which is never broken, and a right part."""

    def __init__(self, lines: Iterable[tuple[Text, Text]]) -> None:
        self._lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Return the lines, broken where the terminal ends."""
        parts: list[Text] = []
        for left, right in self._lines:
            room = max(options.max_width - left.cell_len, 1)
            for place, part in enumerate(right.wrap(console, room, overflow="fold") if right else [right]):
                part.rstrip()
                parts.append(Text.assemble(left if place == 0 else " " * left.cell_len, part))
        yield Text("\n", no_wrap=True).join(parts)
