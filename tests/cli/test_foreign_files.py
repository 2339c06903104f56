"""`todo export` to the formats of other programs, and `todo import` of what it wrote, as people type them."""

import pytest

from cqrs_todo.todo.formats import FORMATS
from tests.conftest import Todo

KEPT = ("text", "note", "due", "reminder", "priority", "tags", "project", "wait", "every", "attributes", "done")
"""The fields that are the same in every format, besides the links."""
WRITTEN = [name for name, format in FORMATS.items() if format.writes and name != "events"]


@pytest.fixture
def filled(todo: Todo) -> Todo:
    todo("add", "-", stdin="Paint the door\nBuy paint\nCall Zoë; ask, then wait\nPay the rent\n")
    todo("edit", "1", "pri:H", "+home", "project:house.garage", "due:2027-03-05", "wait:2027-03-01")
    todo("edit", "2", "under:1", "depends:3", "due:2027-03-05-17:00", "remind:2027-03-04-09:00")
    todo("edit", "4", "due:2027-03-01", "every:month", "estimate:2h 30m")
    todo("note", "3", "first line, with a comma\n\n- second")
    todo("done", "3")
    return todo


def compared(todo: Todo, *words: str) -> list[tuple[object, ...]]:
    todos = todo.todos(*words)
    texts = {each["id"]: each["text"] for each in todos}
    return sorted(
        (
            *(
                str({k: v for k, v in each[key].items() if k not in ("uid", "uuid")} if key == "attributes" else each[key])
                for key in KEPT
            ),
            str(texts.get(each["parent"])),
            str([texts[id] for id in each["depends"]]),
        )
        for each in todos
    )


def test_a_list_that_is_exported_and_imported_is_the_same_in_every_format(filled: Todo) -> None:
    before = compared(filled)
    assert len(before) == 4
    for format in WRITTEN:
        filled("export", "--format", format, "-o", f"file.{format}")
        filled("-L", format, "import", f"file.{format}", "--format", format)
        assert compared(filled, "-L", format) == before, format


def test_an_export_takes_a_query_a_moment_and_all_lists(filled: Todo) -> None:
    filled("-L", "other", "add", "Elsewhere")
    assert "Call" not in filled("export", "--format", "todotxt", "--where", "is:open").out
    assert filled("export", "--format", "markdown", "--at", "@1").out.startswith("- [ ] Paint the door [created:: ")
    everything = filled("export", "--format", "csv", "-A").out
    assert all(text in everything for text in ("Paint the door", "Elsewhere"))


def test_an_export_of_all_lists_keeps_an_attribute_that_is_called_list(todo: Todo) -> None:
    todo("add", "Here")
    (todo.home / "a.csv").write_text("text,attribute:list\nElsewhere,groceries\n", encoding="utf-8")
    todo("-L", "other", "import", "a.csv")
    (todo.home / "a.csv").write_text(todo("export", "--format", "csv", "-A").out, encoding="utf-8")
    todo("-L", "again", "import", "a.csv")
    assert [each["attributes"] for each in todo.todos("-L", "again")] == [{}, {"list": "groceries", "list.2": "other"}]


def test_a_lenient_import_brings_the_rest_and_says_what_it_skipped(todo: Todo) -> None:
    (todo.home / "a.json").write_text('[{"description": "one"},\n{"uuid": "2"},\n{"description": "two", "due": "never"},\n')
    refused = todo.run("import", "a.json")
    assert (refused.code, "a.json, line 2: the task has no description" in refused.err) == (1, True)
    assert not todo.data.exists()
    done = todo("import", "a.json", "--lenient")
    assert "Imported 1 (1 todo)" in done.out
    assert [line for line in done.err.split("\n") if line.startswith("Skipped")] == [
        "Skipped: a.json, line 2: the task has no description",
        "Skipped: a.json, line 3: due is not a date: 'never'",
        "Skipped: a.json, line 4: this is not JSON: Expecting value",
    ]


def test_a_property_of_a_calendar_that_cannot_be_read_is_named_and_skips_only_its_todo(todo: Todo) -> None:
    one = "BEGIN:VTODO\nSUMMARY:one\n  and more\nDUE:2026-12-03\nEND:VTODO\n"
    two = "BEGIN:VTODO\nSUMMARY:two\nBEGIN:VALARM\nTRIGGER:never\nEND:VALARM\nEND:VTODO\n"
    three = "BEGIN:VTODO\nSUMMARY:three\nEND:VTODO\n"
    (todo.home / "bad.ics").write_text(f"BEGIN:VCALENDAR\n{one}{two}{three}END:VCALENDAR\n")
    refused = todo.run("import", "bad.ics")
    assert refused.code == 1
    assert (
        "bad.ics, line 5: DUE:2026-12-03 is not a time: write DUE;VALUE=DATE:20261203; nothing was imported" in refused.err
    )
    skipped = todo("import", "bad.ics", "--lenient").err
    assert [line.partition(":")[2][:17] for line in skipped.splitlines()[1:]] == [" bad.ics, line 5:", " bad.ics, line 10"]
    assert [each["text"] for each in todo.todos()] == ["three"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.md", b"- [ ] a\r- [ ] b\n- [ ] c\r\n- [ ] d\r"),
        ("x.org", b"* TODO a\r* TODO b\n* TODO c\r\n* TODO d\r"),
        ("todo.txt", b"a\rb\nc\r\nd\r"),
        ("x.csv", b"text\ra\rb\nc\r\nd\r"),
    ],
)
def test_lines_may_end_in_any_way(todo: Todo, name: str, content: bytes) -> None:
    (todo.home / name).write_bytes(content)
    todo("import", name)
    assert [each["text"] for each in todo.todos()] == ["a", "b", "c", "d"]


def test_a_cr_within_a_value_of_csv_stays(todo: Todo) -> None:
    todo("import", "-", "--format", "csv", stdin='text,note\r\na,"x\ry\nz"\r\n')
    assert [each["note"] for each in todo.todos()] == ["x\ry\nz"]


CALENDAR = "BEGIN:VCALENDAR\n{}END:VCALENDAR\n"
ONE, TWO = (f"BEGIN:VTODO\nUID:{text}\nSUMMARY:{text}\nEND:VTODO\n" for text in ("one", "two"))


@pytest.mark.parametrize(
    ("content", "line", "name", "kept"),
    [
        (CALENDAR.format(ONE) + CALENDAR.format(TWO).removesuffix("END:VCALENDAR\n"), 7, "VCALENDAR", ["one", "two"]),
        (CALENDAR.format(ONE).removesuffix("END:VCALENDAR\n") + CALENDAR.format(TWO), 1, "VCALENDAR", ["one", "two"]),
        (CALENDAR.format(ONE + TWO.removesuffix("END:VTODO\n")), 6, "VTODO", ["one"]),
        (CALENDAR.format(ONE.removesuffix("END:VTODO\n") + TWO), 2, "VTODO", ["two"]),
        (CALENDAR.format(ONE + TWO).partition("two\nEND")[0], 6, "VTODO", ["one"]),
        (CALENDAR.format(ONE.replace("END", "BEGIN:VALARM\nTRIGGER:-PT5M\nEND") + TWO), 5, "VALARM", ["one", "two"]),
        (CALENDAR.format(ONE.replace("BEGIN:VTODO\n", "") + TWO), 4, "VTODO", ["two"]),
    ],
)
def test_a_part_of_a_calendar_that_does_not_end_is_named_and_skips_no_other(
    todo: Todo, content: str, line: int, name: str, kept: list[str]
) -> None:
    (todo.home / "cut.ics").write_text(content)
    refused = todo.run("import", "cut.ics")
    assert (refused.code, f"cut.ics, line {line}: {name} " in refused.err, refused.out) == (1, True, "")
    assert f"Skipped: cut.ics, line {line}: {name} " in todo("import", "cut.ics", "--lenient").err
    assert [each["text"] for each in todo.todos()] == kept


def test_lines_of_a_calendar_may_end_with_two_crs(todo: Todo) -> None:
    (todo.home / "x.ics").write_bytes(CALENDAR.format(ONE).replace("\n", "\r\r\n").encode())
    todo("import", "x.ics")
    assert [each["text"] for each in todo.todos()] == ["one"]


@pytest.mark.parametrize(("target", "code"), [(None, 1), ("nowhere", 2)])
def test_a_file_of_a_folder_without_a_calendar_is_named(todo: Todo, target: str | None, code: int) -> None:
    folder = todo.home / "vdir"
    folder.mkdir()
    (folder / "a.ics").write_text(CALENDAR.format(ONE))
    if target is None:
        (folder / "b.ics").touch()
    else:
        (folder / "b.ics").symlink_to(target)
    refused = todo.run("import", "vdir")
    assert (refused.code, "vdir/b.ics" in refused.err, todo.todos()) == (code, True, [])


def test_a_reminder_that_came_with_an_alarm_rings_once_in_the_calendar(todo: Todo) -> None:
    alarm = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER;RELATED=END:-PT15M\nEND:VALARM\n"
    (todo.home / "x.ics").write_text(CALENDAR.format(ONE.replace("END", f"DUE:20991201T100000Z\n{alarm}END")))
    todo("import", "x.ics")
    [before] = todo.todos()
    assert before["reminder"] == "2099-12-01T09:45:00Z"
    todo("export", "--format", "ics", "-o", "y.ics")
    assert (todo.home / "y.ics").read_text().count("BEGIN:VALARM") == 1
    todo("-L", "again", "import", "y.ics")
    assert compared(todo, "-L", "again") == compared(todo)
    todo("edit", "1", "due:2099-12-05")  # now the alarm of the file is at another time
    assert todo("export", "--format", "ics").out.count("BEGIN:VALARM") == 2


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ("DUE;TZID=America/New_York:20990501T090000", "the time zone America/New_York of a date → the same moment"),
        ("DUE:20990501T090000", "a time without a time zone → the time in the zone of this machine"),
        ("DUE;TZID=Europe/Berlin:20990501T090000", None),
        ("DUE:20990501T090000Z", None),
        ("DUE;VALUE=DATE:20990501", None),
    ],
)
def test_a_time_zone_that_is_not_kept_is_reported(todo: Todo, due: str, said: str | None) -> None:
    (todo.home / "x.ics").write_text(CALENDAR.format(ONE.replace("END", f"{due}\nEND")))
    err = todo("import", "x.ics", env={"TZ": "Europe/Berlin"}).err
    assert said in err if said is not None else "Changed" not in err


@pytest.mark.parametrize("format", ["markdown", "org", "todotxt", "csv"])
def test_a_cr_in_a_value_ends_no_line_of_a_file(todo: Todo, format: str) -> None:
    note = "a\r* TODO no todo\r- [ ] no todo\r\nb\rc"
    todo("import", "-", "--format", "csv", stdin=f'text,note,attribute:x\r\none,"{note}","p\rq"\r\n')
    todo("export", "--format", format, "-o", "out", *(["--where", "is:open"] if format == "todotxt" else []))
    todo("-L", "again", "import", "out", "--format", format)
    assert [(each["note"], each["attributes"]) for each in todo.todos("-L", "again")] == [(note, {"x": "p\rq"})]
