"""What was measured: figures in sections, with their aims, as plain tables and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .aims import AIMS, Aim

HEADINGS = ("ratio", "against", "what", "measured", "against it", "aim", "reached")


@dataclass(frozen=True)
class Figure:
    """One line of a table: `value` measured against `base`, in the same unit; `ratio` is value / base."""

    what: str
    unit: str
    value: float | None
    against: str = ""
    base: float | None = None
    ratio: float | None = None
    aim: str = ""
    reached: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """The figure in words, as `HEADINGS` says."""
        return (
            "" if self.ratio is None else f"{_number(self.ratio)} ×",
            self.against,
            self.what,
            "" if self.value is None else f"{_number(self.value)} {self.unit}",
            "" if self.base is None else f"{_number(self.base)} {self.unit}",
            self.aim,
            "" if self.reached is None else "yes" if self.reached else "NO",
        )


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


@dataclass
class Section:
    """One table, its notes (what was skipped, what must be known), and its costs by size for the growth."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    series: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def figure(
        self,
        what: str,
        unit: str,
        value: float | None,
        *,
        key: str = "",
        aim: Aim | None = None,
        against: str = "",
        base: float | None = None,
    ) -> None:
        """Add a line; its aim is the one given, or that which stands under `key`."""
        ratio = value / base if value is not None and base else None
        aim = aim or AIMS.get(key)
        words, reached = ("", None) if aim is None else (aim.text(unit), aim.reached(ratio, value))
        self.figures.append(Figure(what, unit, value, against, base, ratio, words, reached))

    def point(self, what: str, size: int, cost: float) -> None:
        """Add to a series of costs by size."""
        self.series.setdefault(what, []).append((size, cost))

    def note(self, text: str) -> None:
        """Add what a reader must know, once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True)
class Growth:
    """How a cost grows: as size ** `exponent` over all sizes, and as size ** `end` from the last but one to the last."""

    what: str
    sizes: tuple[int, ...]
    exponent: float
    end: float


def growth(section: Section) -> list[Growth]:
    """The exponents of a section's series that have at least two sizes."""
    grown = []
    for what, points in section.series.items():
        ordered = sorted(points)
        if len({size for size, _ in ordered}) > 1:
            sizes = tuple(size for size, _ in ordered)
            grown.append(Growth(what, sizes, slope(ordered), slope(ordered[-2:])))
    return grown


def slope(points: Sequence[tuple[int, float]]) -> float:
    """The exponent of the power law nearest to the points: least squares through their logarithms."""
    xs = [math.log(size) for size, _ in points]
    ys = [math.log(cost) for _, cost in points]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - x_mean) ** 2 for x in xs)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / across


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table; columns without anything in them are left out, and numbers stand to the right."""
    kept = [column for column in range(len(headings)) if any(row[column] for row in rows)]
    lines = [[headings[column] for column in kept]] + [[row[column] for column in kept] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(kept))]
    right = [headings[column] in ("ratio", "measured", "against it", "exponent", "at the end") for column in kept]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


GROWTH_HEADINGS = ("exponent", "at the end", "what", "sizes")


def growth_cells(grown: Growth) -> tuple[str, ...]:
    """A growth in words, as `GROWTH_HEADINGS` says."""
    return (f"{grown.exponent:.2f}", f"{grown.end:.2f}", grown.what, ", ".join(f"{size:,}" for size in grown.sizes))


def text(section: Section) -> str:
    """A section for a terminal."""
    parts = [f"## {section.title}"]
    if section.figures:
        parts.append(table(HEADINGS, [figure.cells() for figure in section.figures]))
    grown = growth(section)
    if grown:
        parts.append("Cost grows as size to the power of:\n" + table(GROWTH_HEADINGS, [growth_cells(g) for g in grown]))
    if section.notes:
        parts.append("\n".join(f"- {note}" for note in section.notes))
    return "\n\n".join(parts)


def to_json(section: Section) -> dict[str, Any]:
    """A section as JSON values, its growth worked out."""
    return {**asdict(section), "growth": [asdict(grown) for grown in growth(section)]}


def from_json(document: dict[str, Any]) -> Section:
    """The section that `to_json` made the document of."""
    return Section(
        document["name"],
        document["title"],
        [Figure(**figure) for figure in document["figures"]],
        list(document["notes"]),
        {what: [(int(size), float(cost)) for size, cost in points] for what, points in document["series"].items()},
    )
