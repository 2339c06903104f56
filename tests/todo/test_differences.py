"""Todos that are at neither of two moments are not a difference between them."""

from contextlib import suppress

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.compare import compare
from cqrs_todo.todo.fields import Todo
from cqrs_todo.todo.lists import Lists
from cqrs_todo.todo.model import Create, Remove
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList, View
from tests.strategies import NOW
from tests.todo.histories import Act, a_list, acts, after


def visible(view: View) -> dict[int, Todo]:
    """Return the todos that are in a list at a moment, by number."""
    return {item.number: item.todo for item in view.items if not item.todo.removed}


def moved(todos: TodoList, picks: list[tuple[str, int]]) -> None:
    """Move, undo, redo, restore and remove, as far as the list allows it."""
    Lists(todos.store).new("work")
    for what, number in picks:
        with suppress(CqrsError):
            chosen = todos.select([str(number)])
            if what == "move":
                todos.move(chosen, a_list(todos.store, "work"))
            elif what == "back":
                a_list(todos.store, "work").move(a_list(todos.store, "work").select([str(number)]), todos)
            elif what == "undo":
                todos.undo(number)
            elif what == "redo":
                todos.redo(number)
            elif what == "restore":
                todos.restore(number)
            else:
                todos.change(chosen, lambda _: [Remove()])


@settings(max_examples=60)
@for_all(
    acts,
    st.lists(st.tuples(st.sampled_from(["move", "back", "undo", "redo", "restore", "rm"]), st.integers(1, 4)), max_size=8),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_exactly_the_todos_that_are_at_one_of_the_moments_and_differ_are_differences(
    history: list[Act], picks: list[tuple[str, int]], places: tuple[float, float]
) -> None:
    todos = after(history)
    moved(todos, picks)
    last = todos.view().position
    views = [todos.view(round(place * last)) for place in places]
    for old, new in (views, views[::-1]):
        before, after_ = visible(old), visible(new)
        found = {difference.number: difference for difference in compare(old.items, new.items)}
        assert set(found) == {number for number in before | after_ if before.get(number) != after_.get(number)}
        for number, difference in found.items():
            kinds = {(False, True): "added", (True, False): "removed", (True, True): "changed"}
            assert difference.kind == kinds[number in before, number in after_]


def test_a_todo_that_was_removed_undone_or_moved_away_at_both_moments_is_no_difference() -> None:
    todos = a_list(open_store("memory:", TYPES))
    Lists(todos.store).new("work")
    start = todos.add([Create("a", NOW)]).position
    todos.add([Create("removed", NOW)])
    todos.change(todos.select(["2"]), lambda _: [Remove()])
    todos.add([Create("moved", NOW)])
    todos.move(todos.select(["3"]), a_list(todos.store, "work"))
    todos.add([Create("undone", NOW)])
    todos.undo()
    assert compare(todos.view(start).items, todos.view().items) == []
    assert compare(todos.view().items, todos.view(start).items) == []
    assert [each.number for each in compare(todos.view(0).items, todos.view().items)] == [1]
