"""A reaction gets each event once, and a reminder is delivered once, also if a sync moves what was handled."""

import time
from pathlib import Path

import pytest

from tests.conftest import Todo
from tests.meeting import new_remote

CONFIG = """
[remind]
notify = ["sh", "-c", "echo reminder >> {file}"]
[[reaction]]
name = "log"
on = ["todo_created"]
run = ["sh", "-c", 'echo "$1" >> {file}', "sh", "{{text}}"]
"""


def configure(todo: Todo) -> None:
    """Give a machine a reaction."""
    config = todo.home / ".config/cqrs-todo/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(CONFIG.format(file=todo.home / "seen"))
    (todo.home / "seen").touch()


@pytest.fixture
def home(tmp_path: Path) -> Todo:
    """A machine with a reaction, which has begun."""
    todo = Todo(tmp_path / "reacting")
    configure(todo)
    todo("react")
    return todo


def seen(home: Todo) -> list[str]:
    return (home.home / "seen").read_text().split("\n")[:-1]


@pytest.fixture(params=["server", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_remote(request.param, tmp_path, request)


@pytest.fixture
def other(home: Todo, tmp_path: Path, url: str) -> Todo:
    """Another machine, with which `home` has synced and reacted."""
    other = Todo(tmp_path / "other")
    other("add", "A1")
    other("sync", url)
    home("sync", url)
    home("react")
    return other


def test_events_that_a_sync_moves_are_not_given_again(home: Todo, other: Todo) -> None:
    expected = seen(home)
    for round in range(3):
        home("add", "-", stdin=f"B{round}\nC{round}\n")
        home("react")
        other("add", f"A{round} of the other")
        other("add", "and one more")
        other("sync")
        home("sync")
        home("react")
        other("sync")
        expected += [f"B{round}", f"C{round}", f"A{round} of the other", "and one more"]
        assert seen(home) == expected


def test_after_a_join_no_event_is_given_again_and_no_reminder_is_delivered_again(
    home: Todo, tmp_path: Path, url: str
) -> None:
    other = Todo(tmp_path / "other")
    other("add", "A1")
    other("sync", url)
    home("add", "B1")
    home("add", "B2", "remind:in 1 second")
    time.sleep(1.1)
    home("react")
    before = seen(home)
    assert sorted(before) == ["B1", "B2", "reminder"]
    home("sync", url, "--join")
    home("react")
    assert seen(home) == [*before, "A1"]


def test_a_reminder_is_not_delivered_again_in_the_list_that_the_todo_is_moved_to(home: Todo) -> None:
    home("add", "B1", "remind:in 1 second")
    time.sleep(1.1)
    home("react")
    home("lists", "new", "work")
    home("move", "1", "work")
    home("react")
    assert seen(home).count("reminder") == 1


def test_two_syncs_before_a_reaction_goes_on_give_it_no_event_again(home: Todo, other: Todo) -> None:
    home("add", "B1")
    home("react")
    other("add", "A2")
    other("sync")
    home("sync")  # moves B1
    home("add", "C1")
    other("sync")
    other("add", "A3")
    other("sync")
    home("sync")  # moves C1, and B1 stays
    home("react")
    assert sorted(seen(home)) == ["A1", "A2", "A3", "B1", "C1"]


def test_a_join_and_two_syncs_give_a_reaction_no_event_from_before_it_began(tmp_path: Path, url: str) -> None:
    home, other = Todo(tmp_path / "reacting"), Todo(tmp_path / "other")
    home("add", "-", stdin="OLD1\nOLD2\n")
    configure(home)
    home("react")
    home("add", "NEW")
    home("react")
    other("add", "A1")
    other("sync", url)
    home("sync", url, "--join")
    home("add", "C1")
    home("sync")
    other("sync")
    home("add", "C2")
    other("add", "A2")
    other("sync")
    home("sync")
    home("react")
    assert sorted(seen(home)) == ["A1", "A2", "C1", "C2", "NEW"]
