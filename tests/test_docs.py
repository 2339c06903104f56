"""What the documentation says is true: the reference, the pictures, the README's commands and the names of keys."""

import importlib
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from pkgutil import walk_packages
from types import FunctionType, ModuleType
from typing import Any, cast

import pytest

from cqrs_todo import cqrs
from cqrs_todo.cqrs.boundary import combined, decide_on
from cqrs_todo.cqrs.events import EventTypes, Metadata, failure_of
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.format import Codec
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, LARGE, UNREADABLE_TYPES, metadata, one
from cqrs_todo.todo.model import EVENTS
from cqrs_todo.todo.service import TodoList
from tests.conftest import Todo
from tests.readme import play_page, play_readme

ROOT = Path(__file__).parent.parent


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


def test_the_files_of_the_tutorial_are_the_code_in_its_page(generate: ModuleType) -> None:
    files = generate.tutorial()
    assert {path.name for path in files} == {"bank.py", "test_bank.py", "test_files.py", "courses.py", "test_courses.py"}
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, "run: make docs"


def test_the_code_in_the_tutorial_passes_its_tests(generate: ModuleType, tmp_path: Path) -> None:
    for path, text in generate.tutorial().items():
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    ran = subprocess.run([sys.executable, "-m", "pytest"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, " 16 passed in" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_the_code_that_asks_whether_a_student_exists_does_so() -> None:
    page = (ROOT / "docs/tutorial/course-subscriptions.md").read_text(encoding="utf-8")
    code = page.partition("## Does this student exist?")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"__name__": "courses"}
    for text in ((ROOT / "docs/tutorial/courses.py").read_text(encoding="utf-8"), code):
        exec(compile(text, "courses", "exec"), names)
    types = EventTypes(
        {**names["TYPES"].types, **names["STUDENT"].events},
        tags=lambda event: [f"student/{event.student}"] if type(event) is names["Registered"] else names["tags"](event),
    )
    log = open_store("memory:", types).create("courses", AT)
    Repository(log, names["STUDENT"]).execute("ada", names["Register"]("ada"), Metadata.new("office"))
    known: list[tuple[Any, ...]] = []

    def decide(states: tuple[Any, ...]) -> Sequence[Append]:
        known.append(states)
        return []

    for student in ("ada", "bob"):
        model = combined(names["courses_of"](student), names["is_registered"](student))
        assert decide_on(log, model, decide, Metadata.new("office")) is None
    assert known == [(0, True), (0, False)]


@pytest.mark.parametrize(("name", "most"), [("bank.py", 150), ("courses.py", 200)])
def test_the_code_of_a_tutorial_is_short(name: str, most: int) -> None:
    lines = (ROOT / "docs/tutorial" / name).read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= most


def test_the_list_and_the_picture_of_the_modules_show_their_docstrings_and_imports(generate: ModuleType) -> None:
    assert generate.ARCHITECTURE.read_text(encoding="utf-8") == generate.architecture(), "run: make docs"
    assert "        writer            Writing one log in one file" in generate.tree()
    assert "    steps               * Steps: " in generate.tree()
    assert "  cqrs.timeline --> cqrs.repository\n" in generate.modules()


@pytest.mark.long
def test_the_api_pages_are_generated_without_a_warning(generate: ModuleType, tmp_path: Path) -> None:
    generate.api(tmp_path)
    page = (tmp_path / "cqrs_todo/cqrs/reactions.html").read_text(encoding="utf-8")
    assert "Gives a reaction the events of a log" in page
    page = (tmp_path / "cqrs_todo/cqrs/query.html").read_text(encoding="utf-8")
    assert "Boundary: https://dcb.events.)" in page, "no part of an address is taken for a module"
    page = (tmp_path / "cqrs_todo/cqrs.html").read_text(encoding="utf-8")
    assert "The base class of events, commands and states." in page
    assert "in which the named fields have other values." in page
    assert "omit_defaults" not in page, "msgspec's own docstring is left out"


def words_of(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_picture_is_what_the_program_shows(generate: ModuleType) -> None:
    assert words_of(generate.PICTURE.read_text()) == words_of(generate.picture()), "run: make docs"


def test_the_pictures_show_what_the_program_shows(generate: ModuleType) -> None:
    drawn = dict(generate.pictures.draw(generate.surroundings))
    assert {file.name for file in generate.pictures.FOLDER.iterdir()} == set(drawn)
    for name, svg in drawn.items():
        kept = (generate.pictures.FOLDER / name).read_text(encoding="utf-8")
        assert words_of(kept) == words_of(svg), f"{name}; run: make docs"


def test_the_man_page_is_made_from_the_declarations(generate: ModuleType) -> None:
    assert generate.MAN_PAGE.read_text(encoding="utf-8") == generate.man.page(), "run: make docs"
    if shutil.which("man") is None:
        pytest.skip("there is no man here")
    command = ["man", "--warnings", "--local-file", str(generate.MAN_PAGE)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "MANWIDTH": "80"})
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--with-children" in re.sub(".\b", "", shown.stdout).replace("\u2010", "-")


def test_the_commands_in_the_readme_print_what_it_says(todo: Todo) -> None:
    programs = todo.home / "bin"
    programs.mkdir()
    (programs / "todo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    (programs / "todo").chmod(0o700)
    play_readme({**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}, todo.home)


@pytest.mark.parametrize("remote", ["folder", "postgresql"])
def test_the_lines_of_the_readme_sync_two_machines(tmp_path: Path, request: pytest.FixtureRequest, remote: str) -> None:
    """Each line runs on the machine that its comment names. The second machine has an inbox already."""
    laptop, desktop = Todo(tmp_path / "laptop"), Todo(tmp_path / "desktop")
    (tmp_path / "Sync").mkdir()
    for machine in (laptop, desktop):
        (machine.home / "Sync").symlink_to(tmp_path / "Sync")
        machine("add", f"Of the {machine.home.name}")
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## On several machines\n")[1].split("\n## ")[0]
    (block,) = [block for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) if remote in block]
    lines = block.splitlines()
    assert len(lines) == 4
    for line in lines:
        command, name = re.fullmatch(r"todo (.*?) +# on the (laptop|desktop)\b.*", line).groups()  # type: ignore[union-attr]  # or it fails
        words = [request.getfixturevalue("database") if word.startswith("postgresql:") else word for word in command.split()]
        {"laptop": laptop, "desktop": desktop}[name](*words)
    assert [todo["text"] for todo in laptop.todos()] == ["Of the laptop", "Of the desktop"]
    assert laptop.log_file().read_bytes() == desktop.log_file().read_bytes()


def test_the_examples_of_read_models_print_what_the_page_says(todo: Todo) -> None:
    programs = todo.home / "bin"
    programs.mkdir()
    (programs / "todo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cqrs_todo "$@"\n')
    (programs / "todo").chmod(0o700)
    env = {**todo.env, "PATH": f"{programs}:{os.environ['PATH']}"}
    assert play_page(ROOT / "docs/read-models.md", env, todo.home) >= 6


@pytest.mark.parametrize("types", [CONTRACT_TYPES, UNREADABLE_TYPES[0]], ids=["readable", "unreadable"])
def test_the_code_that_keeps_a_row_for_each_event_gives_the_commit_again(types: EventTypes) -> None:
    page = (ROOT / "docs/how-to/add-a-store.md").read_text(encoding="utf-8")
    code = page.partition("## A row for each event")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, "add-a-store.md", "exec"), names)
    log = open_store("memory:", CONTRACT_TYPES).create("inbox", AT)
    log.append(one("b/1", 0), metadata("c0"))
    commit = log.append([*one("a/1", 1, LARGE), *one("b/1", 2)], metadata("c1", extra=[2], why="because"))
    rows = names["rows_of"](Codec(CONTRACT_TYPES), commit)
    assert [row[:3] for row in rows] == [(2, "a/1", 1), (3, "a/1", 2), (4, "b/1", 2)]
    assert [row[3:] for row in rows][1] == ("counted", b'{"number":1000,"text":""}', ("large", "number/1000"))
    again = names["commit_of"](Codec(types), rows, commit.metadata)
    assert [event.id for event in again.events] == [event.id for event in commit.events]
    if types is CONTRACT_TYPES:
        assert again == commit
    else:
        assert all(failure_of(event) is not None for event in again.events)


def test_links_in_the_documentation_lead_to_files() -> None:
    for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def keys(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_the_declarations_of_the_fields_are_those_of_the_program(generate: ModuleType) -> None:
    assert generate.FIELDS.read_text(encoding="utf-8") == generate.fields(), "run: make docs"


def test_the_page_about_json_names_every_key(todo: Todo) -> None:
    page = (ROOT / "docs/json.md").read_text()
    todo("add", "x", "+a")
    answer = todo("done", "1", "--json").json
    assert todo("at", "now", "ls", "--json", env={"TZ": "Asia/Tokyo"}).json["as_of"].endswith("Z")
    listed, history, shown = (todo(*verb, "--json").json for verb in (["ls"], ["history"], ["show", "1"]))
    assert list(listed) == ["format", "list", "position", "as_of", "todos"]
    assert list(history) == ["format", "list", "position", "as_of", "commits"]
    assert list(shown) == ["format", "list", "position", "as_of", "todos", "commits"]
    assert list(answer) == ["format", "list", "position", "commit", "todos", "commits", "also", "stayed", "others"]
    assert {document["format"] for document in (listed, history, shown, answer)} == {"cqrs-todo/1"}
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
        "project",
        "wait",
        "depends",
        "parent",
        "every",
        "attributes",
        "acknowledged",
    ]
    assert list(shown["todos"][0]) == todo_keys
    commit_keys = ["position", "at", "by", "command", "events", "undoes", "redoes", "meta"]
    assert list(answer["commit"]) == list(history["commits"][0]) == commit_keys
    event_keys = ["stream", "version", "type", "data"]
    assert list(history["commits"][0]["events"][0]) == event_keys
    lists = todo("lists", "--json").json
    assert list(lists["lists"][0]) == ["name", "archived", "open", "done"]
    assert keys(page) >= {
        *todo_keys,
        *commit_keys,
        *event_keys,
        *listed,
        *history,
        *answer,
        *lists["lists"][0],
        *todo.run("x", "--json").error,
    }


def test_the_page_about_the_log_names_every_event_of_a_todo() -> None:
    assert keys((ROOT / "docs/log-format.md").read_text(encoding="utf-8")) >= set(EVENTS)


def test_the_script_in_the_page_about_the_log_computes_its_digest(todo: Todo) -> None:
    todo("add", "x")
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/log-format.md").read_text(), re.DOTALL)
    folder = todo.log_file().parent
    done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == todo.log()[0]["sum"]


def test_every_key_of_the_configuration_is_explained() -> None:
    from cqrs_todo.cli.config import Config

    assert keys((ROOT / "docs/configuration.md").read_text()) >= set(Config.__struct_fields__)


def public_functions() -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that others call or implement: the framework's interface and contracts, and the service."""
    for name in cqrs.__all__:
        value = getattr(cqrs, name)
        if isinstance(value, FunctionType):
            yield name, value
        elif isinstance(value, type):
            yield from methods_of(value)
    for base in TodoList.__mro__[:-1]:
        yield from methods_of(base)
    for found in walk_packages(cqrs.__path__, "cqrs_todo.cqrs."):
        if not found.name.startswith(("cqrs_todo.cqrs.stores.", "cqrs_todo.cqrs.testing.")):
            for value in vars(importlib.import_module(found.name)).values():
                if isinstance(value, type) and value.__module__ == found.name and is_contract(value):
                    yield from methods_of(value)


def is_contract(owner: type) -> bool:
    return not owner.__name__.startswith("_") and bool(
        getattr(owner, "__abstractmethods__", None) or getattr(owner, "_is_protocol", False)
    )


def methods_of(owner: type) -> Iterator[tuple[str, FunctionType]]:
    for name, value in vars(owner).items():
        function = getattr(value, "__func__", value)  # of a class method
        is_ours = (
            isinstance(function, FunctionType) and function.__module__ != "typing"
        )  # which gives protocols an `__init__`
        if is_ours and (name == "__init__" or not name.startswith("_")):
            yield f"{owner.__name__}.{name}", function


def explains_its_arguments(function: FunctionType) -> bool:
    """Return whether a docstring says what each argument is, or where that is said."""
    names = inspect.signature(function).parameters.keys() - {"self", "cls"}
    docstring = function.__doc__ or ""
    _, found, section = docstring.partition("Args:\n")
    if not found:
        return (
            not names
            or re.search(r"see `|see the attributes|the arguments are those of `|described above", docstring, re.IGNORECASE)
            is not None
        )
    return names == set(re.findall(r"^ {8,12}\*{0,2}(\w+)(?: \([^)]*\))?: ", section.partition("\n\n")[0], re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "function"), sorted(public_functions()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_public_function_explains_its_arguments(name: str, function: FunctionType) -> None:
    assert explains_its_arguments(function), f"the docstring of {name} lacks an argument, or has one too many"


def test_an_argument_that_is_not_explained_is_seen() -> None:
    def lacks(one: int, two: int) -> None:
        """Do it.

        Args:
            one: The first.
        """

    def says_nothing(one: int) -> None:
        """Do it."""

    assert not explains_its_arguments(cast(FunctionType, lacks))
    assert not explains_its_arguments(cast(FunctionType, says_nothing))
