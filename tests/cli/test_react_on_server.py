"""`todo react` and reminders for lists in PostgreSQL, with a real server.

`pytest --on-postgres` runs the other tests of both there, too.
"""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Todo

from .test_due_reminders import add
from .test_react import Follower, _ends, configure, failed, keeping, reaction, script, seen

pytestmark = pytest.mark.skipif(sys.platform == "emscripten", reason="no server can be reached there")


@pytest.fixture
def here(tmp_path: Path, database: str) -> Todo:
    """A machine whose lists are on the server."""
    return Todo(tmp_path / "here", database)


@pytest.fixture
def there(tmp_path: Path, database: str) -> Todo:
    """Another machine with the same lists."""
    return Todo(tmp_path / "there", database)


@pytest.fixture
def follow() -> Iterator[Callable[[Todo], Follower]]:
    started: list[Follower] = []

    def start(todo: Todo) -> Follower:
        started.append(Follower(todo))
        return started[-1]

    yield start
    for each in started:
        each.end()


def texts(todo: Todo) -> list[str]:
    """The arguments that the program was given."""
    return [arguments[0] for _, arguments, _ in seen(todo)]


def test_what_one_machine_records_another_one_reacts_to(here: Todo, there: Todo, follow: Callable[[Todo], Follower]) -> None:
    configure(there, reaction("keep", [keeping(there), "{list}: {text}"], on=["todo_created"], where="+home"))
    there("react")
    here("add", "not this", "+work")
    here("add", "before", "+home")
    follower = follow(there)
    assert _ends(lambda: texts(there) == ["inbox: before"])
    here("-L", "new", "add", "after", "+home")
    assert _ends(lambda: texts(there) == ["inbox: before", "new: after"])
    assert _ends(lambda: there("react", "--overview", "--plain").out == "keep\tinbox\t0\t0\nkeep\tnew\t0\t0\n")
    assert follower.end(signal.SIGTERM) == -signal.SIGTERM
    assert there("react").err == "0 events, 0 reminders\n"


def test_of_two_machines_with_the_same_reaction_one_acts(here: Todo, there: Todo) -> None:
    for each in (here, there):
        configure(each, reaction("keep", [keeping(each), "{text}"], on=["todo_created"]))
        each("react")
    here("add", "-", stdin="one\ntwo\n")
    assert here("react").err.startswith("2 events")
    assert there("react").err.startswith("0 events")
    assert (texts(here), texts(there)) == (["one", "two"], [])


def test_what_fails_on_a_server_can_be_tried_again_and_dropped(here: Todo) -> None:
    program = script(here, "bad", '#!/bin/sh\ntest -e good -a "$1" != two\n')
    configure(here, reaction("bad", [program, "{text}"], on=["todo_created"], inline=True))
    for text in ("one", "two"):
        assert "the reaction bad failed: exit code 1" in here("add", text).err
    [one, two] = failed(here)
    assert (one["position"], two["position"]) == (1, 2)
    (here.home / "good").touch()
    assert here.run("react", "--retry").err.endswith("1 done, 1 still failed: todo react --failed\n")
    assert [each["event"] for each in failed(here)] == [two["event"]]
    here("react", "--drop", two["event"])
    assert failed(here) == []


def test_a_reminder_on_a_server_is_delivered_once_on_each_machine(here: Todo, there: Todo) -> None:
    for each in (here, there):
        configure(each, f"[remind]\nnotify = {json.dumps([keeping(each), '{list}/{number} {text}'])}\n")
    add(here, "x")
    assert there("remind", "--count").out == "1\n"
    for each in (here, there):
        assert "1 reminder" in each("react").err
        assert "0 reminders" in each("react").err
        assert texts(each) == ["inbox/1 x"]
    add(here, "y")
    there("remind", "2", "--ack")
    assert "0 reminders" in here("react").err
    assert there("remind", "--count").out == "1\n"


@pytest.mark.long
def test_a_killed_runner_on_a_server_is_replaced_and_nothing_is_missed(
    here: Todo, there: Todo, follow: Callable[[Todo], Follower]
) -> None:
    for each in (here, there):
        program = script(each, "note", '#!/bin/sh\necho "$1" >> kept\nsleep 0.02\n')
        configure(each, reaction("note", [program, "{text}"], on=["todo_created"], timeout=0.5))
        each("react")
    names = [f"todo {number}" for number in range(40)]
    killed = follow(here)
    here("add", "-", stdin="\n".join(names))
    kept = here.home / "kept"
    assert _ends(kept.exists)
    killed.end(signal.SIGKILL)
    first = kept.read_text().splitlines()
    follow(there)
    other = there.home / "kept"
    assert _ends(lambda: other.exists() and other.read_text().splitlines()[-1:] == names[-1:], 60)
    then = other.read_text().splitlines()
    assert first == names[: len(first)]
    assert then in (names[len(first) :], names[len(first) - 1 :])
