"""`python -m benchmarks.document RESULT.json PAGE.md`: the result of a run as a page of the documentation."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .results import GROWTH_HEADINGS, HEADINGS, Section, from_json, growth, growth_cells

_INTRODUCTION = """\
# Performance

This page has the results of the last run of `make bench`. [benchmarks/README.md](../benchmarks/README.md) explains how
it measures.

Absolute times depend on the machine and on what else it does. So start-up is counted in instructions. Everything else
is a ratio of two times that were measured alternately in one run.

The ratio comes first in each table. The column "against" names what the measured program is compared with, and "against
it" has the value of that. A row that misses its aim says NO. Where something is measured at several sizes, "exponent"
is the exponent over all sizes, and "at the end" the one between the two largest.
"""


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    kind = "a quick run, with few sizes and rounds" if result["quick"] else "a full run"
    machine = [(name.capitalize(), value) for name, value in result["machine"].items()]
    facts = [("Date", f"{result['date']} ({kind})"), *machine, *result["versions"].items()]
    parts = [_INTRODUCTION, _table(("", ""), facts)]
    parts += [_section(from_json(section)) for section in result["sections"]]
    return "\n".join(parts)


def _section(section: Section) -> str:
    parts = [f"## {section.title}\n"]
    if section.figures:
        parts.append(_table(HEADINGS, [figure.cells() for figure in section.figures]))
    grown = growth(section)
    if grown:
        parts.append("The cost grows as the size to the power of:\n")
        parts.append(_table(GROWTH_HEADINGS, [growth_cells(each) for each in grown]))
    if section.notes:
        parts.append("".join(f"- {note}\n" for note in section.notes))
    return "\n".join(parts)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kept = [column for column in range(len(headings)) if any(row[column] for row in rows)]
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join("| " + " | ".join(line[column].replace("|", "\\|") for column in kept) + " |\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Write the page."""
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    result = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    Path(arguments[1]).write_text(page(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
