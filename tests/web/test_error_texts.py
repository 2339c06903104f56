"""What clients read of errors: the name of the list, and no path of the machine that serves it."""

import fcntl
import json
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from cqrs_todo.cli.without_paths import without_paths
from tests.conftest import Todo
from tests.web.conftest import Server, serving
from tests.web.test_subscription import client

NAME = "plän b"
"""The name of a list that is also a part of the path of its file."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose lists are damaged."""
    todo = Todo(tmp_path_factory.mktemp("paths") / "a home")
    with serving(todo) as started:
        yield started


@contextmanager
def damaged(file: Path) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(before.replace(b"two", b"tow"))
    yield
    file.write_bytes(before)


@contextmanager
def torn(file: Path) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(before[:-20])
    yield
    file.write_bytes(before)


@contextmanager
def without_header(file: Path) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(b"{}\n" + before)
    yield
    file.write_bytes(before)


@contextmanager
def moved(file: Path, *, instead: Callable[[Path], object] = lambda _: None) -> Iterator[None]:
    aside = file.parents[1] / "aside"
    file.rename(aside)
    instead(file)
    yield
    if file.is_dir():
        file.rmdir()
    aside.replace(file)


@contextmanager
def second_name(file: Path) -> Iterator[None]:
    other = file.parents[1] / "second"
    os.link(file, other)
    yield
    other.unlink()


@contextmanager
def other_form(file: Path) -> Iterator[None]:
    spelled = file.with_name(unicodedata.normalize("NFD", file.name))
    file.rename(spelled)
    yield
    spelled.rename(file)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with file.with_suffix(".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


HARM = {
    "damaged": damaged,
    "torn": torn,
    "no header": without_header,
    "gone": moved,
    "a folder": lambda file: moved(file, instead=Path.mkdir),
    "a link": lambda file: moved(file, instead=lambda path: path.symlink_to("/etc/hostname")),
    "empty": lambda file: moved(file, instead=Path.touch),
    "a second name": second_name,
    "another form": other_form,
}


def shown(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)


def answers(server: Server, name: str) -> Iterator[str]:
    """Everything that a client can ask about a list."""
    yield shown(server.answer("query($n: String) { list(name: $n) { damage warnings history { position } } }", n=name))
    yield shown(server.answer('{ lists { name error } archivedLists search(query: "x") { id } }'))
    for mutation in (
        'add(list: $n, todos: [{text: "x"}]) { commits }',
        "complete(list: $n, ids: [1]) { commits }",
        "undo(list: $n) { commits }",
        'restore(list: $n, to: "@1") { commits }',
        'moveTo: move(list: $n, ids: [1], to: "other") { commits }',
    ):
        yield shown(server.answer(f"mutation($n: String) {{ {mutation} }}", n=name))
    for path in ("state", "deltas", "deltas?after=1&sum=x", "matching?query=x"):
        sign = "&" if "?" in path else "?"
        yield server.request("GET", f"/{path}{sign}list={quote(name)}", server.authorization).body.decode()
    with client(server) as follower:
        follower.subscribe("1", "subscription($n: String) { events(after: 0, list: $n) { words } }", n=name)
        yield shown(follower.receive())


@pytest.mark.parametrize("harm", HARM)
def test_a_list_that_cannot_be_used_is_named_and_its_file_is_not(own: Server, harm: str) -> None:
    todo = own.todo
    if not todo.log_file(NAME).exists():
        todo("lists", "new", NAME)
        todo("-L", NAME, "add", "one")
        todo("-L", NAME, "add", "two")
        todo("-L", NAME, "add", "three")
    before = todo.log_file(NAME).read_bytes()
    with HARM[harm](todo.log_file(NAME)):
        found = list(answers(own, NAME))
    if harm != "torn":  # the next change repairs it
        assert todo.log_file(NAME).read_bytes() == before, "nothing was recorded"
    for text in found:
        for path in (str(todo.home), "/lists/", ".jsonl", ".lock", "INTERNAL"):
            assert path not in text, text
    assert any(f"the list {NAME}" in text for text in found) or harm in ("torn", "another form"), found


@pytest.mark.long
def test_a_list_that_another_process_holds_is_named(own: Server) -> None:
    own.todo("lists", "new", "held")
    with locked(own.todo.log_file("held")):
        code, message = own.error('mutation { add(list: "held", todos: [{text: "x"}]) { commits } }')
    assert code == "CONFLICT"
    assert "has held the list held for over 10 s" in message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/my lists/lists/work.jsonl is damaged at line 3: no JSON", "the list work is damaged at line 3: no JSON"),
        ("/srv/my lists/lists/a.b.jsonl.torn-1: refused", "the list a.b: refused"),
        ("/srv/my lists/archive/work.jsonl, line 1: old", "the archived list work, line 1: old"),
        ("/srv/my lists/lists/work.jsonl and /srv/my lists/lists/home.jsonl", "the list work and the list home"),
        ("/srv/my lists: No space left on device", "the store: No space left on device"),
        ("/srv/my lists/.transfer: gone", "the store: gone"),
        ("/etc/passwd is what you typed", "/etc/passwd is what you typed"),
    ],
)
def test_paths_of_the_store_become_names(text: str, shown: str) -> None:
    assert without_paths(text, "jsonl:/srv/my lists") == shown


def test_the_address_of_a_server_and_other_folders_are_not_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    url = "postgresql://me@db.example:5432/lists"
    assert without_paths(f"{url}, work is damaged: x", url) == "the store, work is damaged: x"
    assert (
        without_paths(f"cannot write {tmp_path}/.cache/cqrs-todo/x.json: full", url)
        == "cannot write a file of the server: full"
    )
