"""Fixtures that tests of several verbs share."""

import pytest

from tests.conftest import Todo


@pytest.fixture
def lived(todo: Todo) -> Todo:
    """A list that has seen something: positions 1 to 7."""
    todo("add", "-", stdin="one\ntwo\n")  # @1, @2
    todo("edit", "1", "uno", "pri:H")  # @3, @4
    todo("done", "2")  # @5
    todo("rm", "1")  # @6
    todo("add", "three", "+x")  # @7
    return todo
