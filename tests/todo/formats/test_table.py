"""The table in docs/formats.md says what the code does with each field."""

import importlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import FIELD_NAMES, Todo
from cqrs_todo.todo.formats.csv_ import COLUMNS
from cqrs_todo.todo.formats.parts import day_text
from cqrs_todo.todo.values import FOREIGN_IDS, Recurrence
from cqrs_todo.todo.views import Item

from .test_laws import LINES, ignored
from .todos import CONTEXT, items_of_entries

PAGE = Path(__file__).parents[3] / "docs/formats.md"
CREATED = datetime(2026, 3, 1, 9, 30, 15, tzinfo=UTC)
VALUES = {
    "text": "Call him: at +10 @home (maybe) ",
    "note": "first\n\n* second",
    "due": "2026-03-05T16:00:01Z",
    "reminder": datetime(2026, 3, 4, 8, 0, 1, tzinfo=UTC),
    "priority": "H",
    "tags": ("c#", "home"),
    "created": CREATED,
    "completed": "2026-03-02T10:11:12Z",
    "removed": True,
    "project": "home.garage",
    "wait": "2026-03-03T16:00:01Z",
    "every": Recurrence("FREQ=WEEKLY;BYDAY=MO", "2026-03-02", "17:00", "Europe/Berlin", True),
    "attributes": (("estimate", "2 h [or so]"),),
    "acknowledged": datetime(2026, 3, 4, 8, 0, 1, tzinfo=UTC),
}


def rows() -> dict[str, dict[str, str]]:
    """The table: for each field and each format, what becomes of it."""
    lines = PAGE.read_text(encoding="utf-8").partition("| field |")[2].split("\n\n")[0].split("\n")
    formats = [cell.strip() for cell in lines[0].strip("| ").split("|")]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[2:]]
    return {row[0]: dict(zip(formats, row[1:], strict=True)) for row in cells}


MODULES = {"csv": "csv_", "ics": "icalendar_"}


def outcome(format: str, field: str) -> str:
    """What becomes of a field in a file of a format."""
    name = MODULES.get(format, format)
    code = importlib.import_module(f"cqrs_todo.todo.formats.{name}")
    first, second = (Todo(text, CREATED, project="home" if field == "parent" else None) for text in ("one", "two"))
    if field in ("parent", "depends"):
        second = replace(second, parent="a1") if field == "parent" else replace(second, depends=("a1",))
    else:
        second = replace(second, **{field: VALUES[field]})
    items = [Item(1, "todo/a1", 1, first), Item(2, "todo/a2", 1, second)]
    text = "".join(code.write(items, CONTEXT, ignored))
    read = items_of_entries(code.read(text.split("\n") if name in LINES else text, CONTEXT, ignored))
    found = [item.todo for item in read if field == "text" or item.todo.text == "two"]
    if field == "parent":
        return "kept" if [item.id for item in read if item.todo.text == "one"] == [found[0].parent] else "lost"
    if field == "depends":
        return "kept" if (read[0].id,) == found[0].depends else "lost"
    for todo in found:
        value = getattr(todo, field)
        if field == "attributes":
            value = tuple(pair for pair in value if pair[0] not in FOREIGN_IDS)
        if value == VALUES[field] and not (field == "created" and format == ""):
            return "kept"
        if field in ("created", "completed") and value and day_text(value, CONTEXT) == day_text(VALUES[field], CONTEXT):  # type: ignore[arg-type]  # they are dates
            return "day"
    return "lost"


def test_the_table_has_every_field() -> None:
    assert set(rows()) == {*FIELD_NAMES, "created"}


@pytest.mark.parametrize("format", ["todotxt", "markdown", "org", "csv", "taskwarrior", "ics"])
@pytest.mark.parametrize("field", list(rows()))
def test_the_table_says_what_becomes_of_a_field(format: str, field: str) -> None:
    assert outcome(format, field) == rows()[field][format]


def test_the_table_of_the_columns_of_csv_is_complete() -> None:
    lines = PAGE.read_text(encoding="utf-8").partition("| field | names of its column |")[2].split("\n\n")[0].split("\n")[2:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    assert {field: tuple(names.replace("`", "").split(", ")) for field, names in cells} == COLUMNS
