"""Fixtures that tests of several verbs share."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Pasts, Todo


@pytest.fixture
def set_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A function that sets the time zone of this process, which has an empty home, for runs whose clock is set."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("TODO_STORE", "TODO_LIST"):
        monkeypatch.delenv(name, raising=False)

    def set_to(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def lived(todo: Todo, pasts: Pasts) -> Todo:
    """A list that has seen something: positions 1 to 7."""
    return pasts.give(todo, _live)


def _live(todo: Todo) -> None:
    todo("add", "-", stdin="one\ntwo\n")  # @1, @2
    todo("edit", "1", "uno", "pri:H")  # @3, @4
    todo("done", "2")  # @5
    todo("rm", "1")  # @6
    todo("add", "three", "+x")  # @7
