"""The four lines for each program in the README do what they say."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Todo

PAGE = Path(__file__).parents[2] / "README.md"
TASK = {
    "description": "one",
    "uuid": "086f0f44-2f4d-47a9-a259-ec157f6dde38",
    "status": "pending",
    "entry": "20261128T011024Z",
}
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:1\r\nSUMMARY:one\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
FILES = {
    "tasks.json": json.dumps([TASK]),
    "todo/todo.txt": "(A) 2026-03-01 one +house\n",
    "todo/done.txt": "x 2026-03-02 2026-03-01 two\n",
    "Home.csv": "TYPE,CONTENT,PRIORITY,INDENT\nsection,Kitchen,,\ntask,one,1,1\ntask,two,4,2\n",
    "sync.json": json.dumps(
        {"items": [{"id": "1", "content": "one", "project_id": "7"}], "projects": [{"id": "7", "name": "Home"}]}
    ),
    "tasks.org": "* House\n** TODO [#A] one :home:\n",
    "notes.org": "* House\n** TODO two\n",
    "TODO.md": "# House\n\n- [ ] one\n  - [x] two\n",
    ".calendars/tasks/1.ics": CALENDAR,
    "export.ics": CALENDAR.replace("UID:1", "UID:2"),
}


def sections() -> dict[str, list[str]]:
    """The commands for each program."""
    text = PAGE.read_text(encoding="utf-8").partition("## Coming from")[2].partition("\n## ")[0]
    parts = re.split(r"\n\*\*([^*]+)\*\*", text)[1:]
    return {
        name: [line.strip() for line in part.split("\n") if line.startswith("    ")]
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize("program", list(sections()))
def test_the_four_lines_for_a_program_work(todo: Todo, program: str) -> None:
    commands = sections()[program]
    assert len(commands) == 4
    for name, content in FILES.items():
        file = todo.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, newline="")
    programs = todo.home / "bin"
    programs.mkdir()
    (programs / "todo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    (programs / "todo").chmod(0o700)
    env = {**todo.env, "PATH": f"{programs}:{todo.env['PATH']}", "GIT_CONFIG_GLOBAL": "/dev/null"}
    for folder in (todo.home, todo.home / "todo") if "--git" in " ".join(commands) else ():
        for words in (("init", "-q"), ("add", "."), ("-c", "user.name=me", "-c", "user.email=m@e", "commit", "-qm", "one")):
            subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True)
    for command in commands:
        if command.startswith("task ") and shutil.which("task") is None:
            continue  # its file is there already
        if command.startswith("task "):
            (todo.home / ".taskrc").write_text("confirmation=no\nnews.version=9.9.9\n")
            subprocess.run(["task", "import", "tasks.json"], cwd=todo.home, env=env, check=True, capture_output=True)
        done = subprocess.run(["sh", "-c", command], env=env, cwd=todo.home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_an_import_says_what_it_read_and_what_became_an_attribute(todo: Todo) -> None:
    (todo.home / "todo.txt").write_text("(D) one\n(E) two\nthree foo:bar\n")
    assert todo("import", "todo.txt").err.splitlines()[:2] == [
        "Read 3 todos from todo.txt (todo.txt)",
        "Kept as an attribute: priority (2 times, first: line 1)",
    ]


def test_an_export_to_the_todo_txt_that_was_imported_adds_nothing_twice(todo: Todo) -> None:
    for name in ("todo/todo.txt", "todo/done.txt"):
        file = todo.home / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(FILES[name])
    _, imported, _, exported = sections()["todo.txt"]
    for command in (imported, exported):
        assert todo(*command.replace("~", str(todo.home)).split()[1:]).code == 0
    again = todo(*imported.replace("~", str(todo.home)).split()[1:])
    assert again.out.startswith("Nothing"), again.out
    assert len(todo("ls", "--all").out.splitlines()) == 2


def test_the_values_of_a_column_that_are_no_dates_are_reported_together(todo: Todo) -> None:
    (todo.home / "a.csv").write_text("text,due\none,Dec 24\ntwo,soon\n")
    said = todo("import", "a.csv").err
    assert "Kept due as the attribute due, because it is not a date; write 2026-12-24 (2 times, first: line 2)\n" in said


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_of_the_calendar_are_days(todo: Todo, zone: str, day: str) -> None:
    env = {"TZ": zone}
    task = {"id": "1", "content": "x", "due": {"date": day, "string": "every day", "is_recurring": True}}
    compact = day.replace("-", "")
    for format, tasks in (
        ("todoist", [task]),
        (
            "taskwarrior",
            [{"description": "y", "status": "pending", "due": f"{compact}T000000Z", "wait": f"{compact}T235959Z"}],
        ),
    ):
        (todo.home / format).write_text(json.dumps(tasks))
        todo("import", format, "--format", format, env=env)
    for words in ("ls", "agenda", "report", "export --format taskwarrior", "export --format ics", "export --format csv"):
        todo(*words.split(), env=env)
    assert todo.run("skip", "1", env=env).code in (0, 1)
    assert todo.run("done", "1,2", env=env).code in (0, 1)
