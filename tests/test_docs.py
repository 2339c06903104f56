"""Docs that can rot: the reference and the picture are what the program prints; the README's commands do what it says."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import Todo

ROOT = Path(__file__).parent.parent
VARYING = [
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d"), "DAY DATE"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"\S+@\S+"), "WHO"),
]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_help_prints(generate: ModuleType) -> None:
    assert generate.REFERENCE.read_text() == generate.reference(), "run: make docs"


def test_the_tutorials_files_are_those_of_its_page(generate: ModuleType) -> None:
    files = generate.tutorial()
    assert {path.name for path in files} == {"bank.py", "test_bank.py"}
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, "run: make docs"


def test_the_tutorials_page_runs_as_it_says(generate: ModuleType, tmp_path: Path) -> None:
    for path, text in generate.tutorial().items():
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    ran = subprocess.run([sys.executable, "-m", "pytest"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, " 8 passed in" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_the_bank_account_is_short() -> None:
    lines = (ROOT / "docs/tutorial/bank.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 150


def test_the_picture_of_the_rooms_is_what_they_import(generate: ModuleType) -> None:
    assert generate.ARCHITECTURE.read_text(encoding="utf-8") == generate.architecture(), "run: make docs"
    assert "  cqrs.timeline --> cqrs.repository\n" in generate.rooms()


def test_the_apis_pages_are_made_without_a_warning(generate: ModuleType, tmp_path: Path) -> None:
    generate.api(tmp_path)
    page = (tmp_path / "cqrs_todo/cqrs/reactions.html").read_text(encoding="utf-8")
    assert "Gives a reaction the events of a log" in page


def words_of(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_picture_is_what_the_program_shows(generate: ModuleType) -> None:
    assert words_of(generate.PICTURE.read_text()) == words_of(generate.picture()), "run: make docs"


def same(text: str) -> list[str]:
    for pattern, name in VARYING:
        text = pattern.sub(name, text)
    return [re.sub(r" {2,}", "  ", line.rstrip()) for line in text.splitlines()]


def sessions(file: Path) -> list[tuple[str, str]]:
    """The commands of a document's console blocks, each with what it says is printed."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", file.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def test_the_readmes_commands_print_what_it_says(todo: Todo) -> None:
    programs = todo.home / "bin"
    programs.mkdir()
    (programs / "todo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    (programs / "todo").chmod(0o700)
    env = {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}
    told = sessions(ROOT / "README.md")
    assert len(told) >= 8
    for command, printed in told:
        done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True)
        assert same(done.stderr + done.stdout) == same(printed), command


def test_links_in_the_docs_lead_somewhere() -> None:
    for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def keys(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_the_json_documents_have_the_keys_that_their_page_names(todo: Todo) -> None:
    page = (ROOT / "docs/json.md").read_text()
    todo("add", "x", "+a")
    answer = todo("done", "1", "--json").json
    assert todo("at", "now", "ls", "--json", env={"TZ": "Asia/Tokyo"}).json["as_of"].endswith("Z")
    listed, told, shown = (todo(*verb, "--json").json for verb in (["ls"], ["history"], ["show", "1"]))
    assert list(listed) == ["format", "list", "position", "as_of", "todos"]
    assert list(told) == ["format", "list", "position", "as_of", "commits"]
    assert list(shown) == ["format", "list", "position", "as_of", "todos", "commits"]
    assert list(answer) == ["format", "list", "position", "commit", "todos"]
    assert {document["format"] for document in (listed, told, shown, answer)} == {"cqrs-todo/1"}
    todo_keys = [
        "number",
        "id",
        "version",
        "text",
        "done",
        "removed",
        "note",
        "due",
        "reminder",
        "priority",
        "tags",
        "created",
        "completed",
    ]
    assert list(shown["todos"][0]) == todo_keys
    commit_keys = ["position", "at", "by", "command", "events", "undoes", "redoes", "meta"]
    assert list(answer["commit"]) == list(told["commits"][0]) == commit_keys
    event_keys = ["stream", "version", "type", "data"]
    assert list(told["commits"][0]["events"][0]) == event_keys
    lists = todo("lists", "--json").json
    assert list(lists["lists"][0]) == ["name", "archived", "open", "done"]
    assert keys(page) >= {
        *todo_keys,
        *commit_keys,
        *event_keys,
        *listed,
        *told,
        *answer,
        *lists["lists"][0],
        *todo.run("x", "--json").error,
    }


def test_the_log_is_checked_by_hand_as_its_page_says(todo: Todo) -> None:
    todo("add", "x")
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/log-format.md").read_text(), re.DOTALL)
    folder = todo.log_file().parent
    done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == todo.log()[0]["sum"]


def test_every_key_of_the_configuration_is_explained() -> None:
    from cqrs_todo.cli.config import Config

    assert keys((ROOT / "docs/configuration.md").read_text()) >= set(Config.__struct_fields__)
