"""`import` of other programs' files: into several lists, and again."""

import json
import re
import subprocess
import sys

import pytest

from tests.conftest import Todo


def imported(todo: Todo, name: str, text: str, *options: str) -> str:
    """Import a file, and return what was said."""
    (todo.home / name).write_text(text, encoding="utf-8")
    result = todo("import", name, *options)
    return result.out + result.err


def test_a_project_that_differs_from_a_list_only_by_case_is_that_list(todo: Todo) -> None:
    imported(
        todo,
        "a.md",
        "# Inbox\n- [ ] one\n# Work\n- [ ] two\n# WORK\n- [ ] three\n# R&D\n- [ ] four\n",
        "--list-by",
        "project",
    )
    assert "one" in todo("ls").out
    assert all(text in todo("-L", "Work", "ls").out for text in ("two", "three"))
    assert "four" in todo("-L", "R-D", "ls").out


def test_a_project_that_cannot_be_a_list_is_refused_before_anything_is_recorded(todo: Todo) -> None:
    (todo.home / "a.md").write_text("# Work\n- [ ] one\n# con\n- [ ] two\n", encoding="utf-8")
    result = todo.run("import", "a.md", "--list-by", "project")
    assert result.code == 1
    assert "line 4: the project con cannot be a list" in result.err
    assert not todo.log_file("Work").exists()


def test_a_project_that_cannot_be_a_list_goes_to_the_list_in_use_if_the_import_is_lenient(todo: Todo) -> None:
    said = imported(todo, "a.md", "# Work\n- [ ] one\n# con\n- [ ] two\n", "--list-by", "project", "--lenient")
    assert "Changed: the project con → the list inbox (line 4)" in said
    assert "two" in todo("ls").out
    assert "one" in todo("-L", "Work", "ls").out


def test_links_between_the_lists_of_projects_are_reported_and_parents_may_come_later(todo: Todo) -> None:
    text = "id,text,project,parent,depends\n1,child,x,3,\n2,other,x,,3\n3,parent,y,,\n4,same,y,,3\n"
    said = imported(todo, "a.csv", text, "--list-by", "project")
    assert "Not kept: a dependency on a todo of another list – both have to be in one list (line 3)" in said
    child, parent, same = todo.todos("-L", "y")
    assert (child["parent"], same["depends"]) == (parent["id"], [parent["id"]])
    assert [row["text"] for row in todo.todos("-L", "x")] == ["other"]


SERIES = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTODO
UID:s
SUMMARY:series
DUE:20260105T100000
END:VTODO
BEGIN:VTODO
UID:s
RECURRENCE-ID:20260112T090000
SUMMARY:exception
DUE:20260113T100000
END:VTODO
END:VCALENDAR
"""


def test_an_exception_of_a_series_is_the_same_when_it_is_imported_again(todo: Todo) -> None:
    imported(todo, "a.ics", SERIES)
    assert "Nothing to import" in imported(todo, "a.ics", SERIES)


def test_a_todo_is_found_by_the_id_of_another_program_in_formats_without_ids(todo: Todo) -> None:
    imported(todo, "a.ics", SERIES)
    for format in ("markdown", "csv", "org", "todotxt"):
        exported = todo("export", "--format", format).out.replace("exception", "quite another text")
        assert "Would add 0 todos, change 1" in imported(todo, "again", exported, "--format", format, "--dry-run")


def test_an_entry_that_is_unchanged_in_the_file_is_left_out_whatever_became_of_the_todo(todo: Todo) -> None:
    imported(todo, "a.md", "- [ ] Buy milk\n- [ ] Call Bob\n")
    todo("edit", "1", "Something else entirely")
    assert "Nothing to import" in imported(todo, "a.md", "- [ ] Buy milk\n- [ ] Call Bob\n")


def test_a_time_of_todoist_is_in_its_time_zone(todo: Todo) -> None:
    imported(todo, "a.csv", "TYPE,CONTENT,DATE,TIMEZONE\ntask,x,2026-12-01 14:00,America/New_York\n")
    assert "2026-12-01T19:00" in todo("export").out


FEW_AT_ONCE = """
from cqrs_todo.cli import foreign_import, run
foreign_import.MOST_AT_ONCE, foreign_import.MOST_COMPARED = 2, 4
run()
"""


def few_at_once(todo: Todo, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the program with a limit of two todos at once, and of four that are compared with those of a list."""
    command = [sys.executable, "-c", FEW_AT_ONCE, *words]
    return subprocess.run(command, env=todo.env, cwd=todo.home, capture_output=True, text=True, check=False, timeout=60)


def test_a_large_import_again_adds_what_is_new_and_changes_what_has_changed(todo: Todo) -> None:
    file = todo.home / "a.md"
    file.write_text("- [ ] one\n- [ ] two\n- [ ] three\n", encoding="utf-8")
    assert "Imported 3 todos" in few_at_once(todo, "import", "a.md").stdout
    assert "Nothing to import" in few_at_once(todo, "import", "a.md").stdout
    file.write_text("- [ ] one\n- [x] two\n- [ ] four\n- [ ] three\n", encoding="utf-8")
    assert "Imported 2, 4 (1 new, 1 changed, 2 unchanged)" in few_at_once(todo, "import", "a.md").stdout
    assert [(each["text"], each["completed"] is not None) for each in todo.todos("--all")] == [
        ("one", False),
        ("two", True),
        ("three", False),
        ("four", False),
    ]
    file.write_text("- [ ] x\n" * 5, encoding="utf-8")
    refused = few_at_once(todo, "import", "a.md")
    assert (refused.returncode, "more than 4 todos cannot be imported into a list that has todos" in refused.stderr) == (
        1,
        True,
    )


def test_a_large_import_remembers_its_entries(todo: Todo) -> None:
    file = todo.home / "a.md"
    file.write_text("- [ ] Buy one apple\n- [ ] Paint the door\n- [ ] Call Ann\n", encoding="utf-8")
    few_at_once(todo, "import", "a.md")
    todo("edit", "3", "Call Ann and Bob", "--note", "mine")
    file.write_text("- [ ] Buy one green apple\n- [ ] Paint the door\n- [ ] Call Ann\n", encoding="utf-8")
    said = few_at_once(todo, "import", "a.md").stdout
    assert "  1 text: Buy one apple → Buy one green apple\nImported 1 (1 changed, 2 unchanged)" in said, said
    assert [text for text, _ in states(todo)] == ["Buy one green apple", "Paint the door", "Call Ann and Bob"]


def test_a_large_import_that_was_undone_can_be_repeated(todo: Todo) -> None:
    (todo.home / "a.md").write_text("- [ ] one\n- [ ] two\n- [ ] three\n", encoding="utf-8")
    assert "Imported 3 todos" in few_at_once(todo, "import", "a.md").stdout
    todo("undo")
    assert "Imported 3 todos" in few_at_once(todo, "import", "a.md").stdout


@pytest.mark.parametrize(
    "rows",
    ["1,a,,2\n2,b,1,3 4\n3,c,2,\n4,d,,9\n", "4,d,,9\n3,c,2,\n2,b,1,3 4\n1,a,,2\n"],
    ids=["parents first", "parents last"],
)
def test_a_large_import_keeps_the_links_of_todos_to_earlier_and_later_ones(todo: Todo, rows: str) -> None:
    (todo.home / "a.csv").write_text(f"id,text,parent,depends\n{rows}", encoding="utf-8")
    done = few_at_once(todo, "import", "a.csv")
    assert "Imported 4 todos" in done.stdout
    assert "Not kept: a link to another todo" in done.stderr  # to 9
    todos = {each["id"]: each for each in todo.todos()}
    found = {
        each["text"]: (each["parent"] and todos[each["parent"]]["text"], sorted(todos[id]["text"] for id in each["depends"]))
        for each in todos.values()
    }
    assert found == {"a": (None, ["b"]), "b": ("a", ["c", "d"]), "c": ("b", []), "d": (None, [])}


def test_a_large_import_of_todos_that_are_under_one_another_is_refused(todo: Todo) -> None:
    (todo.home / "a.csv").write_text("id,text,parent\n1,a,3\n2,b,1\n3,c,2\n", encoding="utf-8")
    refused = few_at_once(todo, "import", "a.csv")
    assert (refused.returncode, "is under itself" in refused.stderr) == (1, True), refused.stderr
    assert not list(todo.data.glob("lists/*.jsonl"))


@pytest.mark.parametrize("few", [False, True], ids=["few todos", "many todos"])
def test_a_dependency_that_would_close_a_circle_is_left_out_and_reported(todo: Todo, few: bool) -> None:
    (todo.home / "a.csv").write_text("id,text,depends\n1,a,2\n2,b,3 4\n3,c,1\n4,d,4\n", encoding="utf-8")
    errors = few_at_once(todo, "import", "a.csv").stderr if few else todo("import", "a.csv").err
    assert "Not kept: a dependency that closes a circle" in errors
    todos = {each["id"]: each for each in todo.todos()}
    assert {each["text"]: sorted(todos[id]["text"] for id in each["depends"]) for each in todos.values()} == {
        "a": ["b"],
        "b": ["c", "d"],
        "c": [],
        "d": [],
    }


def test_a_dry_run_of_a_large_import_shows_a_sample_and_records_nothing(todo: Todo) -> None:
    (todo.home / "a.csv").write_text("text,who\n" + "".join(f"t{n},me\n" for n in range(7)), encoding="utf-8")
    done = few_at_once(todo, "import", "a.csv", "--dry-run")
    assert done.stdout.split("\n")[0] == "  t0 (who me)"
    assert "  and 2 more\n" in done.stdout
    assert "Would import 7 todos into inbox\n" in done.stdout
    assert not todo.data.exists()


def test_json_of_a_large_import_is_as_that_of_a_small_one(todo: Todo) -> None:
    (todo.home / "a.csv").write_text("text,who\na,me\nb,\nc,\n", encoding="utf-8")
    for words in (("--dry-run",), ()):
        many = json.loads(few_at_once(todo, "import", "a.csv", "--json", *words).stdout)
        few = todo("-L", "other", "import", "a.csv", "--json", *words).json
        assert many.keys() == few.keys()
        assert (many["losses"], many["skipped"], many["dry_run"]) == (few["losses"], few["skipped"], few["dry_run"])
        [a], [b] = many["lists"], few["lists"]
        assert {key: a[key] for key in ("new", "changed", "unchanged")} == {
            key: b[key] for key in ("new", "changed", "unchanged")
        }
        assert ("position" in a) == ("position" in b) == (not words)


def states(todo: Todo) -> list[tuple[str, bool]]:
    return [(each["text"], each["completed"] is not None) for each in todo.todos("--all")]


def test_a_todo_that_no_file_brought_is_not_overwritten_by_an_entry_with_a_similar_text(todo: Todo) -> None:
    todo("add", "Pay rent March", "due:2026-12-03")
    todo("add", "Pay the water bill of May")
    todo("done", "1")
    imported(todo, "todo.txt", "(A) Pay rent April\nPay the water bill of June\n")
    assert states(todo) == [
        ("Pay rent March", True),
        ("Pay the water bill of May", False),
        ("Pay rent April", False),
        ("Pay the water bill of June", False),
    ]


@pytest.mark.parametrize("verb", ["done", "rm"])
def test_a_todo_of_a_file_that_is_settled_is_not_overwritten_by_an_entry_with_a_similar_text(todo: Todo, verb: str) -> None:
    imported(todo, "todo.txt", "Pay rent March\nCall Bob on Monday\n")
    todo(verb, "1")
    imported(todo, "todo.txt", "Pay rent April\nCall Bob on Tuesday\n")
    assert [text for text, _ in states(todo)] == [
        *(["Pay rent March"] if verb == "done" else []),
        "Call Bob on Tuesday",
        "Pay rent April",
    ]


def test_a_todo_that_no_file_brought_is_the_entry_with_an_equal_text(todo: Todo) -> None:
    todo("add", "Pay rent March")
    imported(todo, "todo.txt", "(A) Pay rent March\n")
    assert [(each["text"], each["priority"]) for each in todo.todos()] == [("Pay rent March", "H")]


def test_ids_of_different_programs_that_are_equal_are_different_ids(todo: Todo) -> None:
    imported(todo, "a.json", '{"items": [{"id": "12", "content": "Of Todoist"}]}')
    imported(todo, "a.org", "* TODO Of Org\n:PROPERTIES:\n:ID: 12\n:END:\n")
    imported(todo, "todo.txt", "Of todo.txt uid:12\n")
    assert [text for text, _ in states(todo)] == ["Of Todoist", "Of Org", "Of todo.txt"]


def test_a_todo_of_taskwarrior_is_the_same_in_a_calendar(todo: Todo) -> None:
    imported(todo, "a.json", '[{"uuid": "7d7fb131-de3d-5849-ba43-d1172e913586", "description": "one"}]')
    calendar = todo("export", "--format", "ics").out.replace("one", "quite another text")
    imported(todo, "a.ics", calendar)
    assert [text for text, _ in states(todo)] == ["quite another text"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("todo.txt", "one uid:7\ntwo uid:8\nthree uid:7\n", 3),
        ("a.csv", "text,org_id\none,7\ntwo,8\nthree,7\n", 4),
        (
            "a.org",
            "* TODO one\n:PROPERTIES:\n:ID: 7\n:END:\n* TODO two\n* TODO three\n:PROPERTIES:\n:ID: 7\n:END:\n",
            6,
        ),
        ("a.md", "- [ ] one [uuid:: 7]\n- [ ] two\n- [ ] three [uuid:: 7]\n", 3),
    ],
)
def test_an_id_that_a_file_has_twice_is_refused_and_a_lenient_import_skips_the_second_todo(
    todo: Todo, name: str, text: str, line: int
) -> None:
    (todo.home / name).write_text(text, encoding="utf-8")
    refused = todo.run("import", name)
    assert refused.code == 1
    assert f"{name}, line {line}: another todo has the id 7, too; nothing was imported" in refused.err, refused.err
    assert not todo.data.exists()
    assert f"Skipped: {name}, line {line}: another todo has the id 7, too" in imported(todo, name, text, "--lenient")
    assert "Nothing to import" in imported(todo, name, text, "--lenient")
    assert [text for text, _ in states(todo)] == ["one", "two"]


def test_an_id_that_two_files_have_is_refused(todo: Todo) -> None:
    (todo.home / "done.txt").write_text("x two uid:7\n", encoding="utf-8")
    (todo.home / "todo.txt").write_text("one uid:7\n", encoding="utf-8")
    refused = todo.run("import", "todo.txt")
    assert (refused.code, "done.txt, line 1: another file has the id 7, too" in refused.err) == (1, True), refused.err


def test_a_dependency_that_would_close_a_circle_with_one_of_the_list_is_left_out_and_reported(todo: Todo) -> None:
    imported(todo, "a.csv", "id,text,depends\n1,aa bb,\n2,cc dd,\n")
    todo("edit", "2", "depends:1")
    said = imported(todo, "a.csv", "id,text,depends,note\n1,aa bb,2 3,n\n2,cc dd,,\n3,ee ff,,\n")
    assert "Not kept: a dependency that closes a circle – each todo in it would wait for the others (line 2)" in said
    first, second, third = todo.todos()
    assert (first["depends"], second["depends"]) == ([third["id"]], [first["id"]])
    assert first["note"] == "n"
    assert "Nothing to import" in imported(todo, "a.csv", "id,text,depends,note\n1,aa bb,2 3,n\n2,cc dd,,\n3,ee ff,,\n")


def test_a_parent_that_would_close_a_circle_with_one_of_the_list_is_left_out_and_reported(todo: Todo) -> None:
    imported(todo, "a.md", "- [ ] A top\n- [ ] B sub\n")
    todo("edit", "1", "under:2")
    said = imported(todo, "a.md", "- [ ] A top\n  - [ ] B sub #x\n")
    assert "Not kept: a parent that closes a circle – the todo would be under itself (line 2)" in said
    found = {each["text"]: each for each in todo.todos()}
    assert (found["A top"]["parent"], found["B sub"]["parent"]) == (found["B sub"]["id"], None)
    assert found["B sub"]["tags"] == ["x"]


def test_an_entry_that_is_the_same_as_the_todo_is_remembered_with_what_is_recorded(todo: Todo) -> None:
    todo("add", "Water the plants")
    imported(todo, "todo.txt", "Alpha one\n")
    todo("edit", "2", "Alpha uno")
    text = "Alpha uno\nWater the plants\nSomething new\n"
    imported(todo, "todo.txt", text)  # it changes nothing in the first two todos
    todo("edit", "1", "Feed the cat")
    todo("edit", "2", "Beta")
    assert "Nothing to import" in imported(todo, "todo.txt", text)
    assert [text for text, _ in states(todo)] == ["Feed the cat", "Beta", "Something new"]


def test_to_forget_a_todo_of_a_file_leaves_the_others_known(todo: Todo) -> None:
    imported(todo, "todo.txt", "(A) one\ntwo\nthree\n")
    todo("edit", "2", "quite another text")
    todo("forget", "1", "--yes")
    said = imported(todo, "todo.txt", "(A) one\ntwo\nthree\n")
    assert "Imported 4 (1 todo, 2 unchanged)" in said, said
    assert [text for text, _ in states(todo)] == ["quite another text", "three", "one"]


def test_an_attribute_with_the_name_of_a_field_is_not_mistaken_for_the_field(todo: Todo) -> None:
    imported(todo, "a.txt", "one pri:H\n")
    assert "  1 attribute priority: H → L\n" in imported(todo, "a.txt", "one pri:L\n")
    shown = todo("show", "1").out
    assert "  attribute priority L\n" in shown
    assert "attribute priority set to H" in shown
    assert "(attribute priority L)" in todo("diff", "@0").out


def test_an_import_after_an_undo_says_which_todos_it_restores(todo: Todo) -> None:
    imported(todo, "a.md", "- [ ] Buy milk\n- [ ] Call Bob\n")
    todo("undo")
    said = imported(todo, "a.md", "- [ ] Buy milk\n- [x] Call Bob\n")
    assert "  1 restored: Buy milk\n  2 restored: Call Bob; completed: none → " in said, said


def test_an_import_that_changes_nothing_does_not_say_that_removed_todos_are_there(todo: Todo) -> None:
    imported(todo, "a.md", "- [ ] Buy milk\n")
    todo("rm", "1")
    said = imported(todo, "a.md", "- [ ] Buy milk\n")
    assert "Nothing to import into inbox: no todo in the file is new or changed\n" in said


def test_a_similar_text_in_a_file_of_another_name_is_another_todo(todo: Todo) -> None:
    imported(todo, "home.md", "- [ ] Call the plumber about the sink\n- [ ] Water the plants\n")
    imported(todo, "work.md", "- [ ] Call the printer about the ink\n- [ ] Water the plants in the office\n")
    assert [each["text"] for each in todo.todos()] == [
        "Call the plumber about the sink",
        "Water the plants",
        "Call the printer about the ink",
        "Water the plants in the office",
    ]
    imported(todo, "home.md", "- [ ] Call the plumber about the kitchen sink\n- [ ] Water the plants\n")
    assert todo.todos()[0]["text"] == "Call the plumber about the kitchen sink"
    assert len(todo.todos()) == 4


def test_a_dry_run_names_other_todos_by_their_texts(todo: Todo) -> None:
    text = "- [ ] Paint the door\n  - [ ] Buy paint\n"
    said = imported(todo, "a.md", text, "--dry-run")
    assert "  Buy paint (parent Paint the door)\n" in said, said


def test_what_is_kept_as_an_attribute_is_said_once_and_times_within_a_minute_differ(todo: Todo) -> None:
    text = "text,modified\none,2026-11-29T11:30:{}Z\n"
    assert "Kept as an attribute: modified" in imported(todo, "a.csv", text.format("00"))
    assert "Kept" not in imported(todo, "a.csv", text.format("00"))
    said = imported(todo, "a.csv", text.format("07"))
    assert re.search(r"  1 modified: 2026-11-29 (..:..):00 → 2026-11-29 \1:07\n", said), said


def test_tasks_without_ids_may_be_on_one_line(todo: Todo) -> None:
    texts = ["one", "two", "three"]
    imported(todo, "a.json", json.dumps([{"description": text} for text in texts]), "--format", "taskwarrior")
    assert [each["text"] for each in todo.todos()] == texts


def test_an_open_entry_is_the_open_one_of_two_todos_with_its_text(todo: Todo) -> None:
    todo("add", "Buy milk", "due:2026-12-01")
    todo("done", "1")
    todo("add", "Buy milk", "due:2026-12-04")
    assert "  2 due: 2026-12-04 → 2026-12-20\n" in imported(todo, "todo.txt", "Buy milk due:2026-12-20\n")
    assert [(each["done"], each["due"]) for each in todo.todos()] == [(True, "2026-12-01"), (False, "2026-12-20")]


def test_a_first_import_opens_no_todo_again(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("done", "1")
    imported(todo, "a.md", "- [ ] Buy milk\n")
    assert [each["done"] for each in todo.todos()] == [True, False]


def test_a_todo_that_was_completed_here_is_its_entry_still_when_that_changes(todo: Todo) -> None:
    imported(todo, "todo.txt", "Buy milk due:2026-12-01\n")
    todo("done", "1")
    imported(todo, "todo.txt", "Buy milk due:2026-12-20\n")
    assert [(each["done"], each["due"]) for each in todo.todos()] == [(True, "2026-12-20")]


@pytest.mark.parametrize("completed_here", [False, True])
def test_the_next_todo_of_a_series_in_a_file_changes_no_completed_one(todo: Todo, completed_here: bool) -> None:
    imported(todo, "todo.txt", "x 2026-11-23 Water rec:1w due:2026-11-22\nWater rec:1w due:2026-11-29\n")
    if completed_here:
        todo("done", "2", "--on", "2026-11-30")
    said = imported(todo, "todo.txt", "x 2026-11-30 Water rec:1w due:2026-11-29\nWater rec:1w due:2026-12-06\n")
    rows = [(each["done"], each["due"], (each["completed"] or "")[:10]) for each in todo.todos()]
    assert rows == [(True, "2026-11-22", "2026-11-23"), (True, "2026-11-29", "2026-11-30"), (False, "2026-12-06", "")]
    assert "Recurrence(" not in said


def with_dates(todo: Todo) -> list[tuple[bool, str | None]]:
    return [(each["done"], each["due"]) for each in todo.todos()]


def test_an_entry_that_is_ticked_completes_the_todo_that_it_made(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("done", "1")
    for box in (" ", "x"):
        imported(todo, "a.md", f"- [{box}] Buy milk\n")
    assert [each["done"] for each in todo.todos()] == [True, True]


def test_an_entry_that_is_ticked_and_unticked_is_one_todo(todo: Todo) -> None:
    for box in " x x x":
        imported(todo, "a.md", f"- [{box}] Buy milk\n")
        assert [each["done"] for each in todo.todos()] == [box == "x"]


@pytest.mark.parametrize("removed", [False, True])
def test_a_first_import_opens_no_todo_again_that_has_its_date(todo: Todo, removed: bool) -> None:
    todo("add", "Pay rent", "due:2026-12-01")
    todo("done", "1")
    if removed:
        todo("rm", "1")
    imported(todo, "todo.txt", "Pay rent due:2026-12-01\n")
    assert todo("ls", "is:open").out.count("Pay rent") == 1
    assert todo("show", "1", "--json").json["todos"][0]["done"]


def test_a_first_import_completes_no_todo_with_another_date(todo: Todo) -> None:
    todo("add", "Pay rent", "due:2026-12-01")
    imported(todo, "todo.txt", "x 2026-11-28 Pay rent due:2026-11-01\n")
    assert with_dates(todo) == [(False, "2026-12-01"), (True, "2026-11-01")]
    imported(todo, "other.txt", "x 2026-11-30 Pay rent due:2026-12-01\n", "--format", "todotxt")
    assert with_dates(todo) == [(True, "2026-12-01"), (True, "2026-11-01")]
