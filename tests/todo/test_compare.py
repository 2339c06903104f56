"""Differences between two moments, and the origin of each field's value."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.todo.compare import Origin, blame, changed_fields, changes_by_position, compare, events_of
from cqrs_todo.todo.events import TextChanged, TodoCreated
from cqrs_todo.todo.fields import ATTRIBUTES, FIELD_NAMES, Todo
from cqrs_todo.todo.model import Complete, Create
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.views import Item
from tests.strategies import NOW
from tests.todo.histories import Act, a_list, acts, after, recorded


def test_a_todo_was_added_removed_or_changed_as_people_see_it() -> None:
    todo = Todo("x", NOW)
    gone = replace(todo, removed=True)

    def kind(old: Todo | None, new: Todo | None) -> str:
        sides = [[] if side is None else [Item(1, "todo/a", 1, side)] for side in (old, new)]
        (difference,) = compare(*sides)
        return difference.kind

    assert kind(None, todo) == kind(gone, todo) == "added"
    assert kind(todo, None) == kind(todo, gone) == "removed"
    assert kind(todo, replace(todo, text="y")) == "changed"


def test_a_todo_that_was_not_created_yet_differs_in_every_field_that_is_set() -> None:
    todo = Todo("x", NOW, tags=("a",))
    assert changed_fields(None, todo) == {"text": ("", "x"), "tags": ((), ("a",))}


def test_a_difference_has_the_number_and_the_id_of_its_todo() -> None:
    (difference,) = compare([], [Item(1, "todo/a", 1, Todo("x", NOW))])
    assert (difference.number, difference.id) == (1, "a")


@for_all(acts, st.data())
def test_law_a_difference_applied_leads_from_one_to_the_other(acts: list[Act], data: st.DataObject) -> None:
    todos = after(acts)
    positions = st.integers(0, todos.view().position)
    old, new = (todos.view(data.draw(positions)).items for _ in range(2))
    state = {item.number: item.todo for item in old if not item.todo.removed}
    for difference in compare(old, new):
        assert difference.fields
        if difference.kind == "removed":
            shown = state.pop(difference.number)
            assert changed_fields(shown, None) == difference.fields
        else:
            assert difference.new is not None
            values = {name: value for name, (_, value) in difference.fields.items()}
            before = Todo("", difference.new.created) if difference.kind == "added" else state[difference.number]
            state[difference.number] = _with(before, values)
    assert state == {item.number: item.todo for item in new if not item.todo.removed}
    assert compare(old, old) == []


def test_the_changes_of_each_event_are_found_by_its_position() -> None:
    todos = a_list(open_store("memory:", TYPES))
    todos.add([Create("Buy milk", NOW, tags=("home",))])
    todos.change(todos.select(["1"]), lambda _: [Complete("2026-11-20", NOW)])
    commits = list(todos.log.commits())
    assert changes_by_position(commits) == {
        1: {"text": ("", "Buy milk"), "tags": ((), ("home",))},
        2: {"completed": (None, "2026-11-20")},
    }


def test_blame_names_the_value_the_one_before_it_and_the_commit() -> None:
    later = NOW + timedelta(days=1)
    commits = recorded(("a", NOW, TodoCreated("x", NOW)), ("a", later, TextChanged("x", "y")))
    assert blame(events_of("todo/a", commits))["text"] == Origin("y", "x", 2, later, "jo")


def _with(todo: Todo, values: Mapping[str, Any]) -> Todo:
    """The todo with new values of its fields and attributes."""
    attributes = dict(todo.attributes)
    for name in values.keys() - set(FIELD_NAMES):
        attributes[name.removeprefix("attribute:")] = values[name]
    kept = tuple(sorted((key, value) for key, value in attributes.items() if value is not None))
    return replace(todo, attributes=kept, **{name: values[name] for name in values.keys() & set(FIELD_NAMES)})


def _value(todo: Todo, name: str) -> Any:
    """The value of a field, or of an attribute by its name in differences."""
    return getattr(todo, name) if name in FIELD_NAMES else dict(todo.attributes).get(name.removeprefix("attribute:"))


@for_all(acts)
def test_law_blame_names_the_value_and_the_commit_that_set_it(acts: list[Act]) -> None:
    todos = after(acts)
    commits = list(todos.log.commits())
    for item in todos.view().items:
        origins = blame(events_of(item.stream, commits))
        names = {*FIELD_NAMES, *origins, *(f"attribute:{key}" for key, _ in item.todo.attributes)} - {ATTRIBUTES.name}
        for name in names:
            value = _value(item.todo, name)
            if name not in origins:
                assert value in (None, (), False)
                continue
            assert origins[name].value == value
            states = {row.id: row.todo for row in todos.view(origins[name].position).items}
            assert _value(states[item.id], name) == value
