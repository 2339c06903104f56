"""Charts of whole numbers in a terminal: lines and bars in a frame. This module is pure.

They are drawn with blocks of four quarters, so that a chart has twice as many columns and levels as signs.
"""

from collections.abc import Mapping, Sequence

_ROWS = 5
"""How many rows a chart has within its frame."""
_LEVELS = 2 * _ROWS
_BLOCKS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""The blocks by what they fill: 1 is the upper left quarter, 2 the upper right, 4 the lower left, 8 the lower right."""
BLOCKS = _BLOCKS.strip()
"""The signs that a chart is drawn with."""


def line_chart(title: str, labels: Mapping[int, str], values: Sequence[int], columns: int) -> list[str]:
    """Draw a line through values.

    Args:
        title: What stands above it.
        labels: What stands below some of the values, by their places.
        values: The values, at least one.
        columns: The width of the chart with its frame and the numbers beside it.
    """
    low, high = min(values), max(values)
    width = _width(low, high, columns)
    last = max(1, 2 * width - 1)
    steps = len(values) - 1
    drawn: list[list[int]] = [[] for _ in range(2 * width)]
    for place, value in enumerate(values):
        drawn[round(place * last / max(1, steps))].append(_level(value, low, high))
    spans: list[tuple[int, int]] = []
    for column, levels in enumerate(drawn):
        levels = levels or [_level(_between(values, column * steps / last), low, high)]
        bottom, top = min(levels), max(levels)
        if spans:  # it also fills what lies between it and the column before, so that the line has no gaps
            before = spans[-1]
            bottom, top = min(bottom, before[1] + 1), max(top, before[0] - 1)
        spans.append((bottom, top))
    marks = {round(place * (width - 1) / max(1, len(values) - 1)): text for place, text in labels.items()}
    return _framed(title, spans, low, high, marks, width)


def bar_chart(title: str, labels: Mapping[int, str], values: Sequence[int], columns: int) -> list[str]:
    """Draw a bar for each value. If there is no room for all, each column has the highest bar of those that it stands for.

    The arguments are those of `line_chart`.
    """
    high = max(values)
    width = _width(0, high, columns)
    spans: list[tuple[int, int]] = []
    for place in range(2 * width):
        first, end = place * len(values) // (2 * width), (place + 1) * len(values) // (2 * width)
        most = max(values[first : max(end, first + 1)])
        is_gap = end > first and 2 * width >= 3 * len(values)  # the last column of a bar
        spans.append((0, -1) if is_gap or not most else (0, _level(most, 0, high)))
    marks = {(2 * place + 1) * width // (2 * len(values)): text for place, text in labels.items()}
    return _framed(title, spans, 0, high, marks, width)


def _between(values: Sequence[int], place: float) -> float:
    """Return the value at a place that can lie between two values."""
    before = int(place)
    after = min(before + 1, len(values) - 1)
    return values[before] + (values[after] - values[before]) * (place - before)


def _level(value: float, low: int, high: int) -> int:
    return round((value - low) * (_LEVELS - 1) / max(1, high - low))


def _width(low: int, high: int, columns: int) -> int:
    """Return how many columns there are within the frame."""
    return max(1, columns - max(len(str(low)), len(str(high))) - 2)


def _framed(
    title: str, spans: Sequence[tuple[int, int]], low: int, high: int, marks: Mapping[int, str], width: int
) -> list[str]:
    """Return the lines of a chart.

    Args:
        title: What stands above it.
        spans: The lowest and the highest level that is filled in each half column.
        low: The value at the lowest level.
        high: The value at the highest level.
        marks: What stands below some columns.
        width: How many columns there are within the frame.
    """
    numbers = {_ROWS - 1 - _level(value, low, high) // 2: str(value) for value in (high, (low + high) // 2, low)}
    margin = max(map(len, numbers.values()))
    lines = [f"{'':>{margin + 1}}{title:^{width}}".rstrip(), f"{'':>{margin}}┌{'─' * width}┐"]
    for row in range(_ROWS):
        upper = _LEVELS - 1 - 2 * row
        blocks = (
            sum(
                quarter
                for quarter, (first, last), level in (
                    (1, spans[2 * column], upper),
                    (2, spans[2 * column + 1], upper),
                    (4, spans[2 * column], upper - 1),
                    (8, spans[2 * column + 1], upper - 1),
                )
                if first <= level <= last
            )
            for column in range(width)
        )
        number = numbers.get(row, "")
        lines.append(f"{number:>{margin}}{'┤' if number else '│'}{''.join(_BLOCKS[block] for block in blocks)}│")
    border, below = ["─"] * width, ""
    for column, text in sorted(marks.items()):
        start = max(0, min(column + margin + 1 - len(text) // 2, width + margin + 2 - len(text)))
        if not below or start > len(below):
            border[column] = "┬"
            below = f"{below:<{start}}{text}"
    return [*lines, f"{'':>{margin}}└{''.join(border)}┘", below]
