"""Finding the todos that a person names."""

import pytest

from cqrs_todo.cqrs.fold import Entities, Entity, Fold
from cqrs_todo.todo.errors import TodoNotFound
from cqrs_todo.todo.fields import State, Todo
from cqrs_todo.todo.model import DECIDER
from cqrs_todo.todo.selection import select
from cqrs_todo.todo.views import Item
from tests.strategies import NOW

IDS = ("abcde1", "abcde2", "lost", "abcd", "xyzw1")
ENTITIES: list[Entity[State]] = [
    Entity(f"todo/{id}", None if id == "lost" else Todo(id, NOW), 1, number) for number, id in enumerate(IDS, 1)
]
FOLD: Fold[State] = Fold(DECIDER, Entities(ENTITIES, {}), 5)


def chosen(*words: str) -> list[int]:
    return [item.number for item in select(words, FOLD, lambda: ["abcde2", "xyzw1"], "inbox")]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["1"], [1]),
        (["5", "1"], [5, 1]),
        (["1-2,5"], [1, 2, 5]),
        (["1-5"], [1, 2, 4, 5]),
        (["1,", "2"], [1, 2]),
        (["1, 2"], [1, 2]),
        (["2", "1-2"], [2, 1]),
        (["@"], [2, 5]),
        (["abcde1"], [1]),
        (["abcd"], [4]),
        (["xyzw"], [5]),
        (["xyzw,@,1"], [5, 2, 1]),
    ],
)
def test_words_select_todos_in_the_order_given(words: list[str], numbers: list[int]) -> None:
    assert chosen(*words) == numbers


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["6"], "6"),
        (["3"], "3 (forgotten or lost)"),
        (["0-2"], "0-2"),
        (["2-1"], "2-1"),
        (["5-9"], "6-9"),
        (["5-6"], "6"),
        (["8-9", "1", "y"], "8-9, 'y'"),
        (["7", "9", "8", "11"], "7-9, 11"),
        ([str(number) for number in range(7, 31, 2)], "7, 9, 11, 13, 15, 17, 19, 21, 23, 25 and 2 more"),
        ([""], "''"),
        ([","], "','"),
        (["abcde"], "abcde (it begins 2 ids)"),
        (["xyz"], "xyz (write at least 4 characters of a stable id)"),
        (["abc"], "abc (write at least 4 characters of a stable id)"),
        (["zzz"], "'zzz'"),
        (["los"], "'los'"),
        (["½"], "'½'"),
        (["9" * 19], f"'{'9' * 19}'"),
    ],
)
def test_the_error_names_every_word_that_selects_no_todo(words: list[str], wrong: str) -> None:
    with pytest.raises(TodoNotFound) as caught:
        chosen(*words)
    assert str(caught.value) == f"no todo {wrong} in inbox"
    assert (", ".join(caught.value.words), caught.value.list) == (wrong, "inbox")


def test_an_at_sign_selects_nothing_before_the_first_commit() -> None:
    with pytest.raises(TodoNotFound, match="no todo '@'"):
        select(["@"], FOLD, list, "inbox")


def test_a_complete_id_selects_its_todo() -> None:
    todos = [Todo("a", NOW), Todo("b", NOW), None]
    fold: Fold[State] = Fold(DECIDER, Entities([Entity(f"todo/a{n}", todo, n, n) for n, todo in enumerate(todos, 1)], {}))
    assert select(["a2"], fold, list, "inbox") == [Item(2, "todo/a2", 2, Todo("b", NOW))]
    with pytest.raises(TodoNotFound):
        select(["a3"], fold, list, "inbox")


def test_a_beginning_of_two_ids_selects_neither() -> None:
    entities: list[Entity[State]] = [Entity(f"todo/pqrs{n}", Todo("x", NOW), 1, n) for n in (1, 2)]
    fold = Fold(DECIDER, Entities(entities, {}), 2)
    with pytest.raises(TodoNotFound, match=r"pqrs \(it begins 2 ids\)"):
        select(["pqrs"], fold, list, "inbox")
