"""What readers make of files as people and other programs write them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.errors import MalformedFile
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.formats import FORMATS, Context, Entry, Loss, Report, load, org, taskwarrior
from cqrs_todo.todo.formats.recognition import recognise
from cqrs_todo.todo.rules import rule_in_words
from cqrs_todo.todo.views import Item

from .test_laws import ignored

CONTEXT = Context(
    now=datetime(2026, 1, 1, tzinfo=UTC),
    to_local=lambda at: at,
    zone="UTC",
    to_zone=lambda name: lambda at: at.astimezone(ZoneInfo(name)),
)


def entries_of(format: str, text: str, report: Report = ignored) -> list[Entry]:
    """The entries of a file."""
    found = FORMATS[format]
    given: Iterable[str] = text.split("\n") if found.by_line else text
    return list(getattr(load(found), found.reader)(given, CONTEXT, report))


def todos_of(format: str, text: str, report: Report = ignored) -> list[Todo]:
    """The todos of a file."""
    return [entry.todo for entry in entries_of(format, text, report)]


def written(format: str, todo: Todo) -> str:
    """A file with one todo."""
    return "".join(load(FORMATS[format]).write([Item(1, "todo/a1", 1, todo)], CONTEXT, ignored))


def test_fields_at_the_end_of_the_first_of_several_lines_count() -> None:
    [todo] = todos_of("markdown", "- [ ] Pay rent #home 📅 2026-12-01 ⏫\n  call the bank first")
    assert (todo.text, todo.due, todo.priority, todo.tags) == ("Pay rent call the bank first", "2026-12-01", "H", ("home",))
    [todo] = todos_of("markdown", "- [ ] Ask in #general\n  about the key")
    assert todo.text == "Ask in #general about the key"


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("wiki.md", "[[Home]] is up\n\n- [ ] a\n", "markdown"),
        ("template.md", "{{template}}\n- [ ] a\n", "markdown"),
        ("todo.txt", "[next] Call Bob +work\n(A) x @y\n", "todotxt"),
        ("todo.txt", "[1] Call Bob +work\n", "todotxt"),
        ("list.txt", "- [ ] Buy milk @shop\n- [x] Eggs\n", "markdown"),
        ("list.txt", "* TODO buy milk @home\n** DONE eggs\n", "org"),
        ("todo.txt", "(A) Write - [ ] boxes\n- [ ] and this\n", "todotxt"),
        ("tasks.txt", '[{"uuid": "a", "description": "b"}]\n', "taskwarrior"),
        ("tasks.txt", '[{"uuid": "a", "description": "b', "taskwarrior"),
        ("tasks", '{"uuid": "a", "description": "b"}\n', "taskwarrior"),
        ("a.json", '{"format":"cqrs-todo/1","todos":[{"text":"a","attributes":{"projects":"x","items":"y"}}]}', "json"),
        ("a.json", '{\n  "as_of": null, "format": "cqrs-todo/1", "todos": [{"attributes": {"sync_token": "x"}}]}', "json"),
    ],
)
def test_the_name_decides_unless_the_content_is_json(name: str, content: str, format: str) -> None:
    assert recognise(content, name) == format


@pytest.mark.parametrize("format", [name for name, each in FORMATS.items() if each.module and each.writes])
def test_a_nul_character_would_make_a_file_binary_so_it_is_changed_and_reported(format: str) -> None:
    todo = Todo("a\0", CONTEXT.now, note="b\0", attributes=(("estimate", "\0"),))
    losses: list[Loss] = []
    written = "".join(load(FORMATS[format]).write([Item(1, "todo/a1", 1, todo)], CONTEXT, losses.append))
    assert "\0" not in written
    assert [(loss.what, loss.kind) for loss in losses] == [("a NUL character", "changed")]
    [again] = todos_of(format, written)
    assert (again.text, again.note, dict(again.attributes)["estimate"]) == ("a\ufffd", "b\ufffd", "\ufffd")


@pytest.mark.parametrize(
    "todo",
    [
        Todo("x", CONTEXT.now, attributes=(("path", "/etc/passwd"),)),
        Todo("x", CONTEXT.now, attributes=(("mark", ";"),)),
        Todo("x", CONTEXT.now, note="a\r", attributes=(("k", "a\rb"),)),
        Todo("[#A] Buy", CONTEXT.now),
        Todo("[#A] Buy", CONTEXT.now, priority="L", tags=("a",)),
        Todo("Buy :a:", CONTEXT.now),
        Todo("[#A] Buy :a:", CONTEXT.now, tags=("b",)),
    ],
)
@pytest.mark.parametrize("format", ["todotxt", "org", "markdown"])
def test_what_looks_like_a_field_but_is_text_is_the_same_after_an_export(format: str, todo: Todo) -> None:
    [again] = todos_of(format, "".join(load(FORMATS[format]).write([Item(1, "todo/a1", 1, todo)], CONTEXT, ignored)))
    assert again == todo


@pytest.mark.parametrize(
    ("stamp", "due", "attributes"),
    [
        ("2026-12-03 Thu 10:00-12:00", "2026-12-03T10:00:00Z", {"deadline-end": "12:00"}),
        ("2026-12-03 Thu .+2d/4d", "2026-12-03", {"habit": "4d"}),
        ("2026-12-03 Thu +12h", "2026-12-03", {"repeater": "+12h"}),
        (
            "2026-12-03 Thu 10:00-12:00 ++1w -3d",
            "2026-12-03T10:00:00Z",
            {"deadline-end": "12:00", "repeater": "++", "warning": "-3d"},
        ),
    ],
)
def test_a_time_stamp_with_more_than_a_date_gives_the_due_date(stamp: str, due: str, attributes: dict[str, str]) -> None:
    [todo] = todos_of("org", f"* TODO x\nDEADLINE: <{stamp}>")
    assert (todo.due, dict(todo.attributes)) == (due, attributes)
    assert (todo.every is None) == ("h" in stamp.rpartition("+")[2] or "+" not in stamp)
    assert f"DEADLINE: <{stamp}>" in "".join(org.write([Item(1, "todo/a1", 1, todo)], CONTEXT, ignored))


def test_a_time_of_todoist_is_in_its_time_zone() -> None:
    [todo] = todos_of("todoist-csv", "TYPE,CONTENT,DATE,TIMEZONE\ntask,x,2026-12-01 14:00,America/New_York\n")
    assert todo.due == "2026-12-01T19:00:00Z"


def test_a_date_of_taskwarrior_that_is_none_is_written_with_another_name() -> None:
    todo = Todo("x", CONTEXT.now, attributes=(("modified", "by Ann"), ("until", "soon")))
    text = "".join(taskwarrior.write([Item(1, "todo/a1", 1, todo)], CONTEXT, ignored))
    assert '"todo_until":"soon"' in text
    assert '"todo_modified":"by Ann"' in text
    assert set(todo.attributes) <= set(todos_of("taskwarrior", text)[0].attributes)


@pytest.mark.parametrize("cell", ["2026-12-01T12:00:00+02:00", "2026-12-01 10:00Z", "2026-12-01 05:00-0500"])
def test_a_date_with_an_offset_is_a_time(cell: str) -> None:
    assert todos_of("csv", f"text,due\nx,{cell}\n")[0].due == "2026-12-01T10:00:00Z"


@pytest.mark.parametrize("change", [{"completed": "2026-03-05"}, {"due": None}, {"due": "2026-03-09"}])
def test_the_words_of_a_recurrence_of_taskwarrior_stay_whatever_becomes_of_the_todo(change: dict[str, str | None]) -> None:
    task = {"uuid": "1", "description": "a", "status": "recurring", "recur": "weekly", "due": "20260305T160000Z"}
    [todo] = todos_of("taskwarrior", json.dumps([task]))
    assert ("recur", "weekly") in todo.attributes
    changed = replace(todo, **change)
    text = "".join(taskwarrior.write([Item(1, "todo/a1", 1, changed)], CONTEXT, ignored))
    assert ("recur" in json.loads(text)[0]) == (changed.due is not None), "Taskwarrior refuses it without a due date"
    [again] = todos_of("taskwarrior", text)
    assert (again.every, ("recur", "weekly") in again.attributes) == (todo.every, True)


def test_the_control_characters_that_taskwarrior_writes_as_they_are_are_read() -> None:
    [todo] = todos_of("taskwarrior", '[{"description": "a \x1f b", "uuid": "1"}]')
    assert todo.text == "a \x1f b"


def test_the_tags_of_a_file_of_org_and_of_headlines_above_are_tags_of_the_todos() -> None:
    text = "#+FILETAGS: :work:\n* House :home:\n** TODO a :x:\n*** Part\n**** TODO b\n* TODO c\n"
    assert {todo.text: todo.tags for todo in todos_of("org", text)} == {
        "a": ("home", "work", "x"),
        "b": ("home", "work"),
        "c": ("work",),
    }


def test_an_org_file_declares_every_keyword_that_emacs_does_not_know() -> None:
    [open_todo] = todos_of("org", "* NEXT a\n")
    assert written("org", open_todo).startswith("#+TODO: TODO NEXT | DONE\n* NEXT a\n")
    [cancelled] = todos_of("org", "* CANCELLED a\n")
    assert written("org", cancelled).startswith("#+TODO: TODO | DONE CANCELLED\n* CANCELLED a\n")
    assert todos_of("org", written("org", cancelled)) == [cancelled]


def test_the_place_of_an_entry_is_its_line() -> None:
    task = '{"description": "x", "uuid": "%d"}'
    assert [e.line for e in entries_of("taskwarrior", f"[\n{task % 1},\n\n{task % 2}, {task % 3}\n]\n")] == [2, 4, 4]
    assert [e.line for e in entries_of("taskwarrior", f"{task % 1}\n\n{task % 2}\n")] == [1, 3]
    todo = "BEGIN:VTODO\nUID:%d\nSUMMARY:x\nEND:VTODO\n"
    calendar = f"BEGIN:VCALENDAR\nVERSION:2.0\n{todo % 1}BEGIN:VEVENT\nEND:VEVENT\n{todo % 2}END:VCALENDAR\n"
    assert [e.line for e in entries_of("ics", calendar)] == [3, 9]


@pytest.mark.parametrize("text", ["[1 2]", "[1,]", "[,1]", "[1", "[1,", "[", "[1]]", "[1] x"])
def test_an_array_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(MalformedFile, match="this is not JSON"):
        list(taskwarrior._tasks(text, CONTEXT, ignored))


def test_what_a_calendar_says_of_itself_and_of_its_zones_is_reported() -> None:
    losses: list[Loss] = []
    calendar = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:House\n"
        "BEGIN:VTIMEZONE\nTZID:Custom/Office\nBEGIN:STANDARD\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\n"
        "DTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE\n"
        "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
        "DTSTART:19700101T000000\nEND:STANDARD\nEND:VTIMEZONE\n"
        "BEGIN:VTODO\nUID:1\nSUMMARY;LANGUAGE=de:x\nDUE;TZID=Custom/Office:20260101T120000\nEND:VTODO\nEND:VCALENDAR\n"
    )
    [todo] = todos_of("ics", calendar, losses.append)
    assert todo.due == "2026-01-01T06:30:00Z"
    assert [(loss.what, loss.line, loss.kind) for loss in losses] == [
        ("the property X-WR-CALNAME of the calendar", 1, "lost"),
        ("the rules of the time zone Custom/Office", 5, "lost"),
        ("the parameter LANGUAGE of SUMMARY", 21, "lost"),
    ]


def test_a_rule_with_an_interval_of_1_is_the_rule_without_it() -> None:
    [todo] = todos_of("ics", "BEGIN:VTODO\nUID:1\nSUMMARY:x\nDUE:20260101T120000Z\nRRULE:FREQ=DAILY;INTERVAL=1\nEND:VTODO\n")
    assert todo.every is not None
    assert todo.every.rule == "FREQ=DAILY"


def test_a_priority_of_todo_txt_that_is_given_twice_is_read_once() -> None:
    [todo] = todos_of("todotxt", "x (B) 2026-01-02 2026-01-01 Glass pri:B")
    assert (todo.priority, todo.attributes) == ("M", ())


def test_a_spreadsheet_in_german_with_semicolons_is_read() -> None:
    header = "Nr.;Aufgabe;F\u00e4llig am;Priorit\u00e4t;Erledigt;Projekt;"
    text = f"{header}\n1;M\u00fcll;02.01.2026;hoch;FALSCH;Haus;\n2;Brot;;;WAHR;;\n;;;;FALSCH;;\n"
    first, second = todos_of("csv", text)
    assert (first.text, first.due, first.priority, first.project, first.done) == (
        "M\u00fcll",
        "2026-01-02",
        "H",
        "Haus",
        False,
    )
    assert (second.text, second.done) == ("Brot", True)


def test_dates_of_spreadsheets_are_read_if_they_can_mean_only_one_day() -> None:
    text = "Task,Due date,Completed at\na,12/24/2026 3:30 PM,\nb,1/5/2027,\nc,,31.12.2025 23:59\nd,Dec 24,\n"
    losses: list[Loss] = []
    a, b, c, d = todos_of("csv", text, losses.append)
    assert (a.due, c.completed) == ("2026-12-24T15:30:00Z", "2025-12-31T23:59:00Z")
    assert (b.due, b.attributes) == (None, (("due", "1/5/2027"),))
    assert "set date_order" in losses[0].outcome
    assert (d.due, losses[1].outcome) == (None, "attribute due, because it is not a date; write 2026-12-24")
    entries = load(FORMATS["csv"]).read(text.split("\n"), replace(CONTEXT, date_order="DMY"), ignored)
    assert [entry.todo.due for entry in entries][1] == "2027-05-01"


def test_a_table_without_a_column_of_texts_says_which_columns_it_has() -> None:
    with pytest.raises(MalformedFile, match="no column of the header is the text: Milk, 2026-12-24") as refused:
        todos_of("csv", "Milk,2026-12-24\n")
    assert refused.value.hint == "call the column, for instance, text or title"


@pytest.mark.parametrize(
    ("words", "due", "every"),
    [
        ("Dec 24", "2026-12-24", None),
        ("every monday at 10:00", "2026-01-05T10:00:00Z", "monday"),
        ("every! 3 days", "2026-01-01", "after 3 days"),
        ("every other week", "2026-01-01", "2 weeks"),
        ("every weekday at 9am", "2026-01-01T09:00:00Z", "weekday"),
        ("jeden Tag", None, None),
    ],
)
def test_dates_of_a_todoist_template_are_read_as_people_type_them(words: str, due: str | None, every: str | None) -> None:
    [entry] = entries_of("todoist-csv", f"TYPE,CONTENT,DATE\ntask,x,{words}\n")
    todo = entry.todo
    assert (todo.due, todo.every and rule_in_words(todo.every)) == (due, every)
    assert todo.attributes == (() if due else (("date", words),))
    assert "due" in entry.guessed or due is None


def test_comments_files_and_reminders_of_todoist_are_kept_and_the_rest_is_reported() -> None:
    document = {
        "items": [
            {"id": "1", "content": "a", "due": {"date": "2026-01-02T10:00:00Z", "string": "jan 2", "is_recurring": False}},
            {"id": "2", "content": "b", "due": {"date": "2026-01-02", "string": "every! day", "is_recurring": True}},
            {"id": "3", "content": "c", "due": {"date": "2026-01-02", "string": "jeden Tag", "is_recurring": True}},
        ],
        "notes": [
            {"item_id": "1", "posted_at": "2026-01-01", "content": "see", "file_attachment": {"file_url": "https://x"}}
        ],
        "reminders": [{"item_id": "1", "minute_offset": 30}, {"item_id": "2", "minute_offset": 30}],
        "filters": [{"name": "f"}],
    }
    losses: list[Loss] = []
    a, b, daily = todos_of("todoist", json.dumps(document), losses.append)
    assert (daily.due, dict(daily.attributes)["date"]) == ("2026-01-02", "jeden Tag")
    assert (a.note, a.reminder, a.attributes) == (
        "2026-01-01 see https://x",
        datetime(2026, 1, 2, 9, 30, tzinfo=UTC),
        (("todoist_id", "1"),),
    )
    assert b.every is not None
    assert b.every.after
    assert [loss.what for loss in losses] == [
        "the filters of Todoist",
        "the words of a due date",
        "a reminder without a time",
        "date",
    ]
    [c] = todos_of("todoist-csv", "TYPE,CONTENT,DESCRIPTION,DATE\ntask,c,d,\nnote,first,,2026-01-01\nnote,second,,\n")
    assert c.note == "d\n\n2026-01-01 first\n\nsecond"


def test_the_ids_and_dependencies_of_obsidian_are_read() -> None:
    text = (
        "- [ ] a 📅 2026-03-05 🆔 abc_1\n- [ ] b ⛔ abc_1,x-2 ⏫\n- [ ] c [id:: x-2] 🏁 delete\n- [ ] d [dependsOn:: x-2]\n"
    )
    a, b, c, d = (entry.todo for entry in entries_of("markdown", text))
    assert [todo.text for todo in (a, b, c, d)] == ["a", "b", "c", "d"]
    assert (a.due, b.priority) == ("2026-03-05", "H")
    assert (b.depends, d.depends) == (("id abc_1", "id x-2"), ("id x-2",))
    assert (a.attributes, b.attributes, c.attributes) == (
        (("id", "abc_1"),),
        (),
        (("id", "x-2"), ("onCompletion", "delete")),
    )
    assert [entry.key for entry in entries_of("markdown", text)] == ["id abc_1", "line 2", "id x-2", "line 4"]


def test_the_todos_of_logseq_are_read() -> None:
    text = (
        "- TODO Buy milk #shop\n  DEADLINE: <2026-12-01 Tue>\n  id:: 64a-1\n  :LOGBOOK:\n  CLOCK: [x]--[y]\n  :END:\n"
        "\t- LATER [#A] Ask\n- DONE Call\n- CANCELED Old\n"
        "- WAITING for\n  SCHEDULED: <2026-12-01 Tue .+1d>\n- TODOs are many\n"
    )
    losses: list[Loss] = []
    milk, ask, call, old, waiting = todos_of("markdown", text, losses.append)
    assert (milk.text, milk.due, milk.tags) == ("Buy milk", "2026-12-01", ("shop",))
    assert dict(milk.attributes) == {"id": "64a-1", "logbook": "CLOCK: [x]--[y]"}
    assert (ask.text, ask.priority, ask.parent, ask.attributes) == ("Ask", "H", "id 64a-1", (("keyword", "LATER"),))
    assert (call.text, call.done, old.text, old.removed) == ("Call", True, "Old", True)
    assert (waiting.text, dict(waiting.attributes)["scheduled"]) == ("for", "2026-12-01 Tue .+1d")
    assert "a list without check boxes" in {loss.what for loss in losses}


def test_a_todo_of_tasks_org_that_repeats_from_its_completion_recurs_after_it() -> None:
    lines = "UID:1\nSUMMARY:x\nDUE;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;INTERVAL=2\nX-TASKS-REPEAT-FROM:COMPLETION_DATE\n"
    [todo] = todos_of("ics", f"BEGIN:VTODO\n{lines}END:VTODO\n")
    assert todo.every is not None
    assert (todo.every.rule, todo.every.after) == ("FREQ=WEEKLY;INTERVAL=2", True)
    again = written("ics", todo)
    assert "\r\nRRULE:FREQ=WEEKLY;INTERVAL=2\r\n" in again
    assert "\r\nX-TASKS-REPEAT-FROM:COMPLETION_DATE\r\n" in again
    assert todos_of("ics", again) == [todo]


def test_what_is_too_long_below_a_headline_of_org_can_be_skipped() -> None:
    text = "* TODO a\n" + "a line of a note\n" * 70_000 + "* TODO b\n"
    with pytest.raises(MalformedFile, match="line 1: what is below it is longer than 1,048,576 characters"):
        todos_of("org", text)
    losses: list[Loss] = []
    entries = list(org.read(text.split("\n"), replace(CONTEXT, lenient=True), losses.append))
    assert ([entry.todo.text for entry in entries], [loss.kind for loss in losses]) == (["b"], ["skipped"])


def test_a_carriage_return_in_a_line_of_markdown_does_not_move_the_lines_below() -> None:
    entries = entries_of("markdown", "\r0\n - [!] a\n- CANCELED b\r c\n")
    assert [(entry.key, entry.todo.text) for entry in entries] == [("line 2", "a"), ("line 3", "b  c")]


@pytest.mark.parametrize(
    ("format", "text", "lost"),
    [
        (
            "org",
            "#+TITLE: t\n# c\nintro\n* TODO a\n* Empty\n** Empty, too\n* Used\n** Used, too\n*** TODO b\n** Empty\n",
            [
                ("the keyword #+TITLE", 1),
                ("a comment", 2),
                ("text below a headline that is not a todo", 3),
                ("a heading without todos", 5),
                ("a heading without todos", 6),
                ("a heading without todos", 10),
            ],
        ),
        (
            "markdown",
            "- [ ] a\n# Empty\n## Empty, too\n# Used\n## Used, too\n- [ ] b\n## Empty\n",
            [("a heading without todos", 2), ("a heading without todos", 3), ("a heading without todos", 7)],
        ),
    ],
)
def test_headings_without_todos_and_what_a_file_says_of_itself_are_reported(
    format: str, text: str, lost: list[tuple[str, int]]
) -> None:
    losses: list[Loss] = []
    assert [todo.text for todo in todos_of(format, text, losses.append)] == ["a", "b"]
    assert [(loss.what, loss.line) for loss in losses if loss.kind == "lost"] == lost


@pytest.mark.parametrize("note", ["a\n\n<b>", "<!-- a", "```\na", "<script>", "- a", "a", "| a |", "[a]: b"])
def test_a_note_of_markdown_does_not_go_on_in_a_todo_below_it(note: str) -> None:
    parent, child = Todo("p", CONTEXT.now, note=note), Todo("c", CONTEXT.now, parent="a1")
    items = [Item(1, "todo/a1", 1, parent), Item(2, "todo/a2", 1, child)]
    found = entries_of("markdown", "".join(load(FORMATS["markdown"]).write(items, CONTEXT, ignored)))
    assert [(each.todo.text, each.todo.note) for each in found] == [("p", note), ("c", None)]
    assert found[1].todo.parent == found[0].key
