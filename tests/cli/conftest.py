"""Fixtures that tests of several verbs share."""

import pytest

from tests.conftest import Pasts, Todo


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
