"""The todo.txt of the project geomandel at 17 moments of 2016, as read."""

import re
from pathlib import Path

from cqrs_todo.todo.values import Priority

FILES = sorted((Path(__file__).parent / "data/geomandel").glob("*.txt"))
LINE = re.compile(r"(?P<done>x \d{4}-\d{2}-\d{2} )?(?:\((?P<priority>[A-Z])\) )?(?:\d{4}-\d{2}-\d{2} )(?P<rest>.*)")
PRIORITIES: dict[str, Priority] = {"A": "H", "B": "M", "C": "L"}

Row = tuple[str, bool, Priority | None, tuple[str, ...]]
"""What a line of todo.txt says: text, done or not, priority, contexts."""


def rows(file: Path) -> list[Row]:
    found = []
    for line in file.read_text().splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        contexts = tuple(sorted(re.findall(r"@(\S+)", match["rest"])))
        text = re.sub(r"\s*@\S+", "", match["rest"]).rstrip()
        found.append((text, match["done"] is not None, PRIORITIES.get(match["priority"] or ""), contexts))
    return found
