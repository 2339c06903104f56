"""`export -A`: several lists in one file of another program."""

import pytest

from tests.conftest import Todo

FORMATS = {"todotxt": "txt", "markdown": "md", "org": "org", "csv": "csv", "taskwarrior": "json", "ics": "ics"}
CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTODO\nUID:abc\nSUMMARY:Water\nEND:VTODO\nEND:VCALENDAR\n"


@pytest.mark.parametrize(
    "format",
    [*("markdown", "taskwarrior"), *(pytest.param(f, marks=pytest.mark.long) for f in ("todotxt", "org", "csv", "ics"))],
)
def test_todos_of_two_lists_with_one_id_stay_two_todos(todo: Todo, format: str) -> None:
    (todo.home / "c.ics").write_text(CALENDAR)
    todo("-L", "one", "import", "c.ics")
    todo("-L", "one", "add", "Paint", "project:home")
    todo("-L", "one", "add", "Buy colour", "under:2", "depends:1")
    todo("-L", "two", "import", "-", stdin=todo("-L", "one", "export").out)
    file = f"all.{FORMATS[format]}"
    said = todo("-A", "export", "--format", format, "-o", file).err
    assert "Changed: an id that another todo has, too → an id of its own (3 times, first: todo " in said, said
    todo("-L", "back", "import", file)
    rows = todo.todos("-L", "back")
    texts = {row["id"]: (row["text"], row["attributes"].get("list")) for row in rows}
    found = {
        (row["text"], row["attributes"].get("list")): (texts.get(row["parent"]), [texts[id] for id in row["depends"]])
        for row in rows
    }
    assert found == {
        ("Water", None): (None, []),
        ("Paint", None): (None, []),
        ("Buy colour", None): (("Paint", None), [("Water", None)]),
        ("Water", "two"): (None, []),
        ("Paint", "two"): (None, []),
        ("Buy colour", "two"): (("Paint", "two"), [("Water", "two")]),
    }, found
    assert "Nothing to import" in todo("-L", "back", "import", file).out


@pytest.mark.parametrize("format", ["json", "events"])
def test_formats_of_one_list_refuse_all_lists_and_name_the_way_to_have_them(todo: Todo, format: str) -> None:
    refused = todo.run("-A", "export", "--format", format)
    assert (refused.code, "todo backup FILE" in refused.err) == (2, True)
