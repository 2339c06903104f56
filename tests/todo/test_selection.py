"""Which todos a person means."""

import pytest

from cqrs_todo.cqrs.fold import Entities, Entity, Fold
from cqrs_todo.todo.fields import State, Todo
from cqrs_todo.todo.model import DECIDER
from cqrs_todo.todo.selection import NotFound, select
from tests.strategies import NOW

IDS = ("abc", "abd", "lost", "ab", "xyz")
ENTITIES: list[Entity[State]] = [
    Entity(f"todo/{id}", None if id == "lost" else Todo(id, NOW), 1, number) for number, id in enumerate(IDS, 1)
]
FOLD: Fold[State] = Fold(DECIDER, Entities(ENTITIES, {}), 5)


def chosen(*words: str) -> list[int]:
    return [item.number for item in select(words, FOLD, lambda: ["abd", "xyz"], "inbox")]


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
        (["abc"], [1]),
        (["ab"], [4]),
        (["x"], [5]),
        (["x,@,1"], [5, 2, 1]),
    ],
)
def test_words_that_name_todos(words: list[str], numbers: list[int]) -> None:
    assert chosen(*words) == numbers


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["6"], "6"),
        (["3"], "3"),
        (["0-2"], "0-2"),
        (["2-1"], "2-1"),
        (["5-9"], "6-9"),
        (["5-6"], "6"),
        (["8-9", "1", "y"], "8-9, 'y'"),
        ([""], "''"),
        ([","], "','"),
        (["a"], "a (it begins 3 ids)"),
        (["½"], "'½'"),
        (["9" * 19], f"'{'9' * 19}'"),
    ],
)
def test_everything_that_is_not_there_is_named(words: list[str], wrong: str) -> None:
    with pytest.raises(NotFound) as caught:
        chosen(*words)
    assert str(caught.value) == f"no todo {wrong} in inbox"
    assert caught.value.hint == "see the numbers: todo ls --all"


def test_nothing_was_touched_yet() -> None:
    with pytest.raises(NotFound, match="no todo '@'"):
        select(["@"], FOLD, list, "inbox")
