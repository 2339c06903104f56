"""import ∘ export ∘ import = import, for every field that a format keeps."""

import importlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from types import ModuleType

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import Loss
from cqrs_todo.todo.values import FOREIGN_IDS
from cqrs_todo.todo.views import Item

from .todos import CONTEXT, comparable, items_of_entries, lists

EXAMPLES = 500 if settings().max_examples >= 500 else 12
"""How many examples a law has: 500 in `make trials`, and few in `make test`."""
DAYS = {"todotxt": ("created", "completed"), "markdown": ("created", "completed")}
"""The fields of which a format keeps only the day."""
LINES = ("todotxt", "markdown", "org", "csv_")
"""The formats that are read line by line."""
FORMATS = (*LINES, "taskwarrior", "icalendar_")


def module(name: str) -> ModuleType:
    return importlib.import_module(f"cqrs_todo.todo.formats.{name}")


def ignored(_: Loss) -> None:
    """Receive a loss."""


def read(format: str, text: str) -> list[Item]:
    return items_of_entries(module(format).read(text.split("\n") if format in LINES else text, CONTEXT, ignored))


def write(format: str, items: Iterable[Item]) -> str:
    return "".join(module(format).write(items, CONTEXT, ignored))


def without_ids(items: Iterable[Item]) -> list[Item]:
    """The todos without the ids that they got in the file."""
    return [
        Item(
            item.number,
            item.stream,
            item.version,
            replace(item.todo, attributes=tuple(pair for pair in item.todo.attributes if pair[0] not in FOREIGN_IDS)),
        )
        for item in items
    ]


KEYWORD = (("keyword", "NEXT"),)


def compared(format: str, items: Iterable[Item]) -> Counter[str]:
    return Counter(map(repr, comparable(list(items), DAYS.get(format, ()))))


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=EXAMPLES)
@given(items=lists())
def test_what_was_imported_is_the_same_after_an_export_and_an_import(format: str, items: list[Item]) -> None:
    imported = read(format, write(format, items))
    assert compared(format, read(format, write(format, imported))) == compared(format, imported)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=EXAMPLES)
@given(items=lists())
@example(items=[Item(1, "todo/a0", 1, Todo("0", datetime(2000, 1, 1, tzinfo=UTC), note="\r0\n\r0"))])
@example(
    items=[
        Item(
            number,
            f"todo/a{number}",
            1,
            Todo("0", datetime(2000, 1, 1, tzinfo=UTC), attributes=KEYWORD, completed=completed),
        )
        for number, completed in enumerate((None, "2000-01-01"), 1)
    ]
)
def test_an_export_keeps_every_field(format: str, items: list[Item]) -> None:
    kept = [item for item in items if not item.todo.removed]
    assume(format != "icalendar_" or "\\r" not in repr(kept))  # it is the end of a line there
    assert compared(format, without_ids(read(format, write(format, kept)))) == compared(format, kept)


_LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=20)
    | st.sampled_from(
        [
            "x 2026-03-02 2026-02-27 Pay the rent +money rec:1m due:2026-03-01",
            "(D) Sort +house size:3 size:4 @a,b",
            "+house @town",
            "call +mom about @thing due:2026-03-05 p:1",
            "* Heading",
            "** TODO [#A] one :a:b:",
            "  DEADLINE: <2026-03-05 Thu 17:00 +1w -3d> SCHEDULED: <2026-03-01 Sun>",
            "  CLOSED: [2026-03-02 Mon 10:00]",
            "* CANCELLED gone",
            "  :PROPERTIES:",
            "  :Effort: 2h",
            "  :END:",
            "  - [ ] box",
            "- [ ] one #home 📅 2026-03-05 🔁 every week",
            "- [x] two [completion:: 2026-03-02] (size:: a b)",
            "- [ ] four 🆔 abc ⛔ def, x",
            "- [ ] five 🆔 def 🏁 delete",
            "- TODO [#B] six #tag",
            "- DOING seven",
            "  DEADLINE: <2026-03-05 Thu>",
            "  - WAITING eight [x",
            "  :LOGBOOK:",
            "  note:: a]b",
            "  - [~] three",
            "# House & garden",
            "```",
            "    code",
            "",
            "> - [/] quoted",
            "1. [X] number",
        ]
    ),
    max_size=12,
).map("\n".join)


@pytest.mark.parametrize("format", ["todotxt", "markdown", "org"])
@settings(max_examples=EXAMPLES)
@given(text=_LINES)
def test_any_text_is_the_same_after_an_import_an_export_and_an_import(format: str, text: str) -> None:
    imported = read(format, text)
    assert compared(format, read(format, write(format, imported))) == compared(
        format, [item for item in imported if not item.todo.removed or format != "todotxt"]
    )


@pytest.mark.parametrize("number", ["1", "2", "9"])
def test_a_number_of_a_priority_in_an_attribute_stays_in_a_calendar(number: str) -> None:
    todo = Todo(text="Call", created=datetime(2026, 11, 1, tzinfo=UTC), priority="H", attributes=(("priority", number),))
    item = Item(1, "todo/a0", 1, todo)
    (again,) = without_ids(read("icalendar_", write("icalendar_", [item])))
    assert (again.todo.priority, again.todo.attributes) == (todo.priority, todo.attributes)


@pytest.mark.parametrize("format", FORMATS)
def test_a_nul_in_any_text_is_replaced_and_reported(format: str) -> None:
    todo = Todo("a", datetime(2026, 3, 2, tzinfo=UTC))
    hostile = [
        replace(todo, text="a\0"),
        replace(todo, note="a\0"),
        replace(todo, tags=("a\0",)),
        replace(todo, project="a\0"),
        replace(todo, attributes=(("k", "a\0"),)),
    ]
    losses: list[Loss] = []
    for todo in hostile:
        written = "".join(module(format).write([Item(1, "todo/a0", 1, todo)], CONTEXT, losses.append))
        assert "\0" not in written
    assert [loss.what for loss in losses if "NUL" in loss.what] == ["a NUL character"] * 5
