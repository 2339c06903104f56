"""`import` again after changes on both sides: only what has changed in the file changes the todo."""

import json
from pathlib import Path

import pytest

from tests.conftest import Todo

from .test_import_again import imported

FILES = {
    "todo.txt": ("Call Bob about the boat +work\n", "Call Bob about the big boat +work\n"),
    "a.md": ("- [ ] Call Bob about the boat #work\n", "- [ ] Call Bob about the big boat #work\n"),
    "a.org": ("* TODO Call Bob about the boat :work:\n", "* TODO Call Bob about the big boat :work:\n"),
    "a.csv": ("text,tags,uid\nCall Bob about the boat,work,7\n", "text,tags,uid\nCall Bob about the big boat,work,7\n"),
    "a.json": (
        '[{"uuid": "7d7fb131-de3d-5849-ba43-d1172e913586", "description": "Call Bob about the boat", "tags": ["work"]}]',
        '[{"uuid": "7d7fb131-de3d-5849-ba43-d1172e913586", "description": "Call Bob about the big boat", "tags": ["work"]}]',
    ),
    "a.ics": tuple(
        f"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTODO\nUID:7\nSUMMARY:{text}\nCATEGORIES:work\nEND:VTODO\nEND:VCALENDAR\n"
        for text in ("Call Bob about the boat", "Call Bob about the big boat")
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_changed_text_leaves_what_was_set_here(todo: Todo, name: str) -> None:
    first, second = FILES[name]
    imported(todo, name, first)
    todo("add", "Something else")
    todo("edit", "1", "--note", "His number is 7", "--tag", "phone", "--due", "2027-01-05", "--wait", "2027-01-02", "pri:H")
    todo("edit", "1", "depends:2")
    here = todo.todos()[0]
    said = imported(todo, name, second)
    assert "  1 text: Call Bob about the boat → Call Bob about the big boat\n" in said, said
    again = todo.todos()[0]
    assert {**again, "version": 0} == {**here, "text": "Call Bob about the big boat", "version": 0}
    assert "Nothing to import" in imported(todo, name, second)


def test_what_goes_in_the_file_goes_here_and_what_never_was_in_it_stays(todo: Todo) -> None:
    imported(todo, "todo.txt", "(A) Call Bob about the boat @a @b due:2027-01-05 size:3\n")
    todo("edit", "1", "+c", "--wait", "2027-01-02")
    imported(todo, "todo.txt", "Call Bob about the boat @b\n")
    [row] = todo.todos()
    assert (row["priority"], row["due"], row["attributes"], row["tags"], row["wait"]) == (
        None,
        None,
        {},
        ["b", "c"],
        "2027-01-02",
    )


def test_what_both_sides_changed_is_as_in_the_file_and_the_dry_run_says_so(todo: Todo) -> None:
    imported(todo, "a.csv", "text,due,uid\nCall Bob about the boat,2027-01-05,7\n")
    todo("edit", "1", "--due", "2027-02-01", "Call Rob")
    changed = "text,due,uid\nCall Bob about the boat,2027-03-01,7\nNew,,8\n"
    said = imported(todo, "a.csv", changed, "--dry-run")
    assert "  1 due: 2027-02-01 → 2027-03-01\nWould add 1 todo, change 1, and leave 0 as they are in inbox" in said, said
    rows = json.loads(imported(todo, "a.csv", changed, "--dry-run", "--json"))["lists"][0]["changes"]
    assert [(row["number"], row["fields"]) for row in rows] == [(1, {"due": {"old": "2027-02-01", "new": "2027-03-01"}})]
    imported(todo, "a.csv", changed)
    assert [(row["text"], row["due"]) for row in todo.todos()] == [("Call Rob", "2027-03-01"), ("New", None)]


def test_a_third_import_knows_what_the_second_one_read_and_not_what_it_left_here(todo: Todo) -> None:
    imported(todo, "a.csv", "text,due,uid\nCall Bob about the boat,2027-01-05,7\n")
    todo("edit", "1", "--due", "2027-02-01", "--note", "mine")
    imported(todo, "a.csv", "text,due,uid\nCall Bob about the big boat,2027-01-05,7\n")
    imported(todo, "a.csv", "text,due,uid\nCall Bob about a big boat,2027-01-05,7\n")
    assert [(row["text"], row["due"], row["note"]) for row in todo.todos()] == [
        ("Call Bob about a big boat", "2027-02-01", "mine")
    ]
    imported(todo, "a.csv", "text,due,uid\nCall Bob about a big boat,,7\n")
    assert [(row["due"], row["note"]) for row in todo.todos()] == [(None, "mine")]


def test_an_import_that_was_undone_does_not_count_as_the_last_one(todo: Todo) -> None:
    imported(todo, "a.csv", "text,note,uid\nCall Bob about the boat,old,7\n")
    imported(todo, "a.csv", "text,note,uid\nCall Bob about the boat,new,7\n")
    todo("undo")
    said = imported(todo, "a.csv", "text,note,uid\nCall Bob about the boat,new,7\n")
    assert "  1 note: old → new\n" in said, said


def test_a_todo_that_was_done_or_removed_here_stays_so_when_its_entry_changes(todo: Todo) -> None:
    imported(todo, "a.csv", "text,tags,uid\nOne,,1\nTwo,,2\n")
    todo("done", "1")
    todo("rm", "2")
    said = imported(todo, "a.csv", "text,tags,uid\nOne,x,1\nTwo,x,2\n")
    assert "  2 (removed) tags: none → +x\n" in said, said
    [row] = todo.todos("--all")
    assert (row["text"], row["tags"], row["completed"] is not None) == ("One", ["x"], True)


def test_the_entry_of_a_todo_that_no_file_brought_takes_nothing_from_it(todo: Todo) -> None:
    todo("add", "Call Bob about the boat", "--note", "mine", "--due", "2027-01-05", "+a")
    imported(todo, "todo.txt", "(A) Call Bob about the boat @b\n")
    [row] = todo.todos()
    assert (row["note"], row["due"], row["tags"], row["priority"]) == ("mine", "2027-01-05", ["a", "b"], "H")


def test_an_import_after_a_sync_leaves_what_another_machine_changed(todo: Todo, tmp_path: Path) -> None:
    other = Todo(tmp_path / "other")
    hub = f"jsonl:{tmp_path}/hub"
    imported(todo, "a.csv", "text,tags,uid\nCall Bob,,7\n")
    todo("sync", hub)
    other("sync", hub)
    imported(other, "a.csv", "text,tags,uid\nCall Bob,t,7\n")
    todo("done", "1")
    todo("edit", "1", "due:2027-01-01", "+mine")
    todo("sync")
    other("sync")
    here = other.todos()[0]
    assert (here["tags"], here["due"], here["completed"] is not None) == (["mine", "t"], "2027-01-01", True)
    said = imported(other, "a.csv", "text,tags,uid\nCall Bob,t u,7\n")
    assert "  1 tags: +mine +t → +mine +t +u\n" in said, said
    assert {**other.todos()[0], "version": 0} == {**here, "tags": ["mine", "t", "u"], "version": 0}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "todo.txt",
            "Water the plants rec:+1w due:2027-01-05\n",
            "Water the plants rec:+1w due:2027-01-12\nx 2027-01-05 Water the plants due:2027-01-05\n",
        ),
        (
            "a.md",
            "- [ ] Water the plants 🔁 every week 📅 2027-01-05\n",
            "- [ ] Water the plants 🔁 every week 📅 2027-01-12\n- [x] Water the plants 📅 2027-01-05\n",
        ),
    ],
)
def test_a_todo_of_a_series_that_was_completed_on_both_sides_leaves_the_next_one_open(
    todo: Todo, name: str, before: str, after: str
) -> None:
    imported(todo, name, before)
    todo("done", "1")
    assert [(row["due"], row["done"]) for row in todo.todos()] == [("2027-01-05", True), ("2027-01-12", False)]
    imported(todo, name, after)
    assert [(row["due"], row["done"]) for row in todo.todos()] == [("2027-01-05", True), ("2027-01-12", False)]
