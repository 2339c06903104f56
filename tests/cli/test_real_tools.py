"""The programs that the formats belong to accept what we write, and write what we accept."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings

from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.fields import Todo as Fields
from cqrs_todo.todo.views import Item
from tests.conftest import Todo
from tests.todo.formats.test_laws import read, write
from tests.todo.formats.todos import todos

TEXTS = ("Call the plumber", 'Say "hello", then: leave', "Écrire à Zoë", "a; b, c \\ d", "日本語 🙂", "x marks the spot")


def needed(program: str) -> str:
    """The path of a program; the test is skipped if it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed here")
    return path


def run(command: list[str], env: dict[str, str], given: str = "") -> str:
    done = subprocess.run(command, env=env, input=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def filled(todo: Todo) -> Todo:
    todo("add", "-", stdin="\n".join(TEXTS) + "\n")
    todo("edit", "1", "pri:H", "+phone", "project:house", "due:2027-03-05", "wait:2027-03-01")
    todo("edit", "2", "due:2027-03-05-17:00", "every:week")
    todo("edit", "3", "under:1", "depends:4")
    todo("note", "4", "first line, with a comma")
    todo("done", "5")
    return todo


def test_taskwarrior_takes_our_export_and_we_take_its_export(filled: Todo) -> None:
    task = needed("task")
    env = {**filled.env, "TASKDATA": str(filled.home / "task"), "TASKRC": str(filled.home / "taskrc")}
    Path(env["TASKRC"]).write_text("confirmation=no\nhooks=off\nnews.version=9.9.9\nverbose=nothing\n")
    exported = filled("export", "--format", "taskwarrior").out
    run([task, "import", "-"], env, exported)
    theirs = run([task, "rc.gc=off", "export"], env)
    tasks = {each["uuid"]: each for each in json.loads(theirs)}
    for ours in json.loads(exported):
        same = {key: tasks[ours["uuid"]].get(key) for key in ("description", "status", "due", "project", "tags", "entry")}
        assert same == {key: ours.get(key) for key in same}
    before = filled.todos()
    assert len(tasks) >= len(before) == len(TEXTS)
    filled("-L", "back", "import", "-", stdin=theirs)
    back = {each["text"]: each for each in filled.todos("-L", "back")}
    for each in before:
        for key in ("text", "note", "due", "wait", "priority", "tags", "project", "done"):
            assert back[each["text"]][key] == each[key], key


def test_todo_txt_lists_our_export(filled: Todo) -> None:
    program = needed("todo-txt")
    folder = filled.home / "todotxt"
    folder.mkdir()
    config = folder / "config"
    config.write_text(
        f"export TODO_DIR={folder}\nexport TODO_FILE={folder}/todo.txt\nexport DONE_FILE={folder}/done.txt\n"
        f"export REPORT_FILE={folder}/report.txt\n"
    )
    filled("export", "--format", "todotxt", "-o", str(folder / "todo.txt"))
    listed = run([program, "-p", "-d", str(config), "ls"], filled.env)
    assert all(text in listed for text in TEXTS)
    assert f"{len(TEXTS)} of {len(TEXTS)} tasks shown" in listed
    run([program, "-p", "-d", str(config), "do", "6"], {**filled.env, "TODOTXT_AUTO_ARCHIVE": "0"})
    again = filled("import", str(folder / "todo.txt")).out
    assert "1 changed" in again


def test_emacs_reads_our_org_export(filled: Todo) -> None:
    emacs = needed("emacs")
    file = filled.home / "todos.org"
    filled("export", "--format", "org", "-o", str(file))
    script = (
        "(progn (require 'org) (find-file (pop command-line-args-left))"
        " (org-map-entries (lambda () (when (org-get-todo-state)"
        ' (princ (format "%s|%s|%s\\n" (org-get-todo-state) (org-get-heading t t t t)'
        ' (or (org-entry-get nil "DEADLINE") ""))))))'
        " (kill-emacs 0))"
    )
    out = run([emacs, "--batch", "-Q", "--eval", script, str(file)], {**filled.env, "LC_ALL": "C.UTF-8"})
    found = [line.split("|") for line in out.strip().split("\n")]
    assert sorted(title for _, title, _ in found) == sorted(TEXTS)
    assert [state for state, title, _ in found if title == TEXTS[4]] == ["DONE"]
    assert next(date for _, title, date in found if title == TEXTS[1]).startswith("<2027-03-05")


def test_the_strict_parser_of_icalendar_reads_our_export(filled: Todo) -> None:
    icalendar = pytest.importorskip("icalendar")
    text = filled("export", "--format", "ics").out
    calendar = icalendar.Calendar.from_ical(text)
    todos = calendar.walk("VTODO")
    assert [str(each["SUMMARY"]) for each in todos] == list(TEXTS)
    assert not any(each.errors for each in todos)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_todoman_lists_our_calendar(filled: Todo) -> None:
    todoman = os.environ.get("TODOMAN") or shutil.which("todoman")
    if todoman is None:
        pytest.skip("todoman is not installed here; TODOMAN can name it")
    folder = filled.home / "calendars/tasks"
    folder.mkdir(parents=True)
    for number, part in enumerate(filled("export", "--format", "ics").out.split("BEGIN:VTODO")[1:]):
        body = part.partition("END:VTODO")[0]
        (folder / f"{number}.ics").write_text(
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO{body}END:VTODO\r\nEND:VCALENDAR\r\n", newline=""
        )
    config = filled.home / "todoman.py"
    config.write_text(f'path = "{filled.home}/calendars/*"\ndefault_list = "tasks"\n')
    listed = run([todoman, "--config", str(config), "list", "--status", "ANY"], filled.env)
    assert all(text in listed for text in TEXTS), listed


# generated todos


class Drawn(NamedTuple):
    """Todos that Hypothesis has drawn, and the file of one format that they are written to."""

    items: list[Item]
    text: str


def drawn(format: str) -> Drawn:
    """Return 300 todos, and a file with them."""
    found: list[Item] = []

    @settings(max_examples=300, database=None, phases=[Phase.generate], derandomize=True)
    @given(todos)
    def draw(todo: Fields) -> None:
        found.append(Item(len(found) + 1, f"todo/a{len(found):05d}", 1, replace(todo, removed=False)))

    draw()
    assert len(found) == 300
    return Drawn(found, write(format, found))


@pytest.mark.long
def test_taskwarrior_gives_back_300_generated_todos(tmp_path: Path) -> None:
    task = needed("task")
    config = tmp_path / "taskrc"
    config.write_text("confirmation=no\nhooks=off\nnews.version=9.9.9\nverbose=nothing\nrecurrence=no\n")
    env = {**os.environ, "TASKDATA": str(tmp_path), "TASKRC": str(config), "HOME": str(tmp_path), "TZ": "UTC"}
    ours = drawn("taskwarrior").text
    run([task, "import", "-"], env, ours)
    theirs = run([task, "rc.gc=off", "export"], env)
    fields = ("text", "note", "due", "wait", "priority", "project", "tags", "created", "completed", "every", "reminder")
    before, after = (
        {
            dict(item.todo.attributes)["uuid"]: [getattr(item.todo, field) for field in fields]
            for item in read("taskwarrior", text)
        }
        for text in (ours, theirs)
    )
    assert len(before) == 300
    assert after == before


@pytest.mark.long
def test_todo_txt_lists_and_archives_300_generated_todos(tmp_path: Path) -> None:
    program = needed("todo-txt")
    text = drawn("todotxt").text
    (tmp_path / "todo.txt").write_bytes(text.encode())
    names = {"TODO_DIR": "", "TODO_FILE": "/todo.txt", "DONE_FILE": "/done.txt", "REPORT_FILE": "/report.txt"}
    config = tmp_path / "config"
    config.write_text("".join(f"export {name}={tmp_path}{end}\n" for name, end in names.items()))
    env = {**os.environ, "HOME": str(tmp_path)}
    assert "300 of 300 tasks shown" in run([program, "-p", "-d", str(config), "ls"], env)
    run([program, "-p", "-d", str(config), "archive"], env)
    after = b"".join((tmp_path / name).read_bytes() for name in ("todo.txt", "done.txt")).decode()
    assert sorted(after.split("\n")) == sorted(text.split("\n"))


@pytest.mark.long
def test_emacs_finds_the_keyword_and_the_deadline_of_300_generated_todos(tmp_path: Path) -> None:
    emacs = needed("emacs")
    made = drawn("org")
    (tmp_path / "a.org").write_bytes(made.text.encode())
    script = (
        "(progn (setq inhibit-message t) (require 'org)"
        " (let ((coding-system-for-read 'utf-8-unix)) (find-file (pop command-line-args-left)))"
        " (org-map-entries (lambda () (when (org-get-todo-state)"
        ' (princ (format "%s\\t%s\\n" (if (org-entry-is-done-p) "done" "open") (or (org-entry-get nil "DEADLINE") ""))))))'
        " (kill-emacs 0))"
    )
    out = run([emacs, "--batch", "-Q", "--eval", script, str(tmp_path / "a.org")], {**os.environ, "LC_ALL": "C.UTF-8"})
    rows = [line.split("\t") for line in out.split("\n") if line]
    assert len(rows) == 300
    assert sum(row[0] == "done" for row in rows) == sum(item.todo.done for item in made.items)
    assert sum(bool(row[1]) for row in rows) == sum(item.todo.due is not None for item in made.items)


@pytest.mark.long
def test_icalendar_and_todoman_read_300_generated_todos(tmp_path: Path) -> None:
    icalendar = pytest.importorskip("icalendar")
    made = drawn("icalendar_")
    components = icalendar.Calendar.from_ical(made.text).walk("VTODO")
    assert (len(components), sum(bool(each.errors) for each in components)) == (300, 0)
    todoman = needed("todoman")
    folder = tmp_path / "calendars/tasks"
    folder.mkdir(parents=True)
    for number, part in enumerate(made.text.split("BEGIN:VTODO\r\n")[1:]):
        todo = f"BEGIN:VTODO\r\n{part.partition('END:VTODO')[0]}END:VTODO\r\n"
        calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{todo}END:VCALENDAR\r\n"
        (folder / f"{number}.ics").write_bytes(calendar.encode())
    config = tmp_path / "todoman.py"
    config.write_text(f'path = "{tmp_path}/calendars/*"\ndefault_list = "tasks"\n')
    env = {**os.environ, "HOME": str(tmp_path)}
    listed = json.loads(run([todoman, "--config", str(config), "--porcelain", "list", "--status", "ANY"], env))
    assert len(listed) == 300
