"""`todo ls --columns`: aligned columns, what they hide, and the names that no attribute can have."""

import pytest
from rich.cells import cell_len

from cqrs_todo.cli.columns import COLUMNS
from cqrs_todo.todo.arranging import SORT_KEYS
from cqrs_todo.todo.fields import FIELDS
from cqrs_todo.todo.query import KEYS
from cqrs_todo.todo.views import OTHER_COLUMNS
from tests.cli.test_attributes import configure
from tests.conftest import Todo


def test_columns_are_aligned_by_the_width_of_their_characters(todo: Todo) -> None:
    todo("add", "日本語", "pri:H")
    todo("add", "cafe\u0301 au lait", "pri:M")
    todo("add", "plain", "pri:L")
    lines = todo("ls", "--columns", "text,priority").out.splitlines()
    assert [line[-1] for line in lines] == ["H", "M", "L"]
    assert {cell_len(line) for line in lines} == {15}


def test_columns_say_what_is_hidden_as_the_table_does(todo: Todo) -> None:
    todo("add", "shown")
    todo("add", "hidden", "wait:2099-01-01")
    hint = "1 waiting, from 2099-01-01: todo ls is:waiting"
    assert todo("ls", "--columns", "text").out == f"shown\n\n{hint}\n"
    assert todo("ls", "--columns", "text", "--plain").out == "shown\n"


@pytest.mark.parametrize("options", [["--by", "project"], ["--by", "project", "--summary"]])
def test_columns_and_groups_contradict_each_other(todo: Todo, options: list[str]) -> None:
    result = todo.run("ls", "--columns", "text", *options)
    assert (result.code, result.out) == (2, "")
    assert "--columns shows one table, and no groups" in result.err


def test_the_names_of_columns_and_sort_keys_are_reserved() -> None:
    fields = {field.name for field in FIELDS}
    assert set(COLUMNS) == fields | set(OTHER_COLUMNS)
    assert set(SORT_KEYS) <= fields | set(OTHER_COLUMNS)
    assert fields <= KEYS


@pytest.mark.parametrize("name", [*OTHER_COLUMNS, "State", "due", "priority"])
def test_no_attribute_can_be_named_like_a_column(todo: Todo, name: str) -> None:
    configure(todo, f'[attributes]\n{name} = "text"\n')
    result = todo.run("ls")
    assert (result.code, f"an attribute cannot be named '{name}'" in result.err) == (2, True)
