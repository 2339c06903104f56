"""Todos that are linked: trees, dependencies, and series of todos that recur."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import CqrsError, Rejected
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.errors import CannotUndo, TodosRejected
from cqrs_todo.todo.fields import DEPENDS, DUE, EVERY, PARENT, TEXT, Todo
from cqrs_todo.todo.forgetting import forget
from cqrs_todo.todo.link_rules import MOST_DEPENDENCIES
from cqrs_todo.todo.links import Links, as_trees
from cqrs_todo.todo.lists import Lists
from cqrs_todo.todo.model import Add, Change, Complete, Create, Remove, Reopen, Restore, TodoCommand
from cqrs_todo.todo.recorder import TYPES, Answer
from cqrs_todo.todo.recurrence import next_id
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.several_lists import change_in_lists
from cqrs_todo.todo.values import Recurrence, day_or_instant
from cqrs_todo.todo.views import Item
from tests.strategies import NOW
from tests.todo.histories import a_list

DAILY = Recurrence("FREQ=DAILY", "2026-11-22")
DONE = Complete(day_or_instant(NOW), NOW)


@pytest.fixture(params=["memory", "jsonl"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store("memory:" if request.param == "memory" else f"jsonl:{tmp_path}", TYPES)


@pytest.fixture
def todos(store: Store) -> TodoList:
    found = a_list(store)
    found.add([Create(text, NOW) for text in "abcdef"])
    return found


def items(todos: TodoList) -> list[Item]:
    return list(todos.view().items)


def ids(todos: TodoList) -> list[str]:
    return [item.id for item in items(todos)]


def give(todos: TodoList, number: int, *commands: TodoCommand, **how: Any) -> Answer:
    return todos.change(todos.select([f"{number}"]), lambda _: list(commands), **how)


def put_under(todos: TodoList, parent: int, *children: int) -> None:
    for child in children:
        give(todos, child, Change(PARENT, ids(todos)[parent - 1]))


def open_numbers(todos: TodoList) -> list[int]:
    return [item.number for item in items(todos) if not item.todo.done and not item.todo.removed]


# links


def test_a_link_leads_to_another_todo_of_the_list(todos: TodoList) -> None:
    own = ids(todos)[0]
    for command, reason in (
        (Change(PARENT, own), "it cannot be a child of itself"),
        (Add(DEPENDS, own), "it cannot depend on itself"),
        (Change(PARENT, "k3v9x2ma41"), "the todo k3v9x2ma41 is not in this list"),
        (Add(DEPENDS, "k3v9x2ma41"), "the todo k3v9x2ma41 is not in this list"),
    ):
        with pytest.raises(TodosRejected, match=reason):
            give(todos, 1, command)
    give(todos, 2, Remove())
    with pytest.raises(TodosRejected, match="todo 1: the todo 2 was removed"):
        give(todos, 1, Change(PARENT, ids(todos)[1]))
    with pytest.raises(Rejected, match="is not in this list"):
        todos.add([Create("x", NOW, parent="k3v9x2ma41")])


def test_links_that_would_form_a_circle_are_refused(todos: TodoList) -> None:
    a, b, c, *_ = ids(todos)
    put_under(todos, 1, 2)
    put_under(todos, 2, 3)
    with pytest.raises(TodosRejected, match="todo 1: it cannot be a child of 3, because that would be a circle"):
        give(todos, 1, Change(PARENT, c))
    give(todos, 1, Add(DEPENDS, b))
    give(todos, 2, Add(DEPENDS, c))
    with pytest.raises(TodosRejected, match="todo 3: it cannot depend on 1, because that would be a circle"):
        give(todos, 3, Add(DEPENDS, a))


def test_a_circle_within_one_command_is_refused(todos: TodoList) -> None:
    first, second, *_ = items(todos)
    links = {first.stream: Change(PARENT, second.id), second.stream: Change(PARENT, first.id)}
    with pytest.raises(TodosRejected, match="circle"):
        todos.change([first, second], lambda item: [links[item.stream]])
    assert all(item.todo.parent is None for item in items(todos))


@pytest.mark.parametrize("field", ["parent", "depends"])
def test_of_two_writers_that_would_together_close_a_circle_one_is_refused(tmp_path: Path, field: str) -> None:
    def link(number: int, to: int) -> str:
        mine = a_list(open_store(f"jsonl:{tmp_path}", TYPES))
        target = ids(mine)[to - 1]
        command: TodoCommand = Change(PARENT, target) if field == "parent" else Add(DEPENDS, target)
        try:
            give(mine, number, command)
        except TodosRejected:
            return "refused"
        return "linked"

    a_list(open_store(f"jsonl:{tmp_path}", TYPES)).add([Create(text, NOW) for text in "abc"] * 20)
    with ThreadPoolExecutor(3) as pool:
        for first in range(1, 61, 3):
            pairs = [(first, first + 1), (first + 1, first + 2), (first + 2, first)]
            outcomes = list(pool.map(lambda pair: link(*pair), pairs))
            assert sorted(outcomes) == ["linked", "linked", "refused"]


# trees


def test_a_todo_with_open_children_is_completed_only_together_with_them(todos: TodoList) -> None:
    put_under(todos, 1, 2, 3)
    put_under(todos, 3, 4)
    with pytest.raises(TodosRejected, match="todo 1: it has open children: 2-3"):
        give(todos, 1, DONE)
    answer = give(todos, 1, DONE, children="open")
    assert [item.number for item in answer.changed] == [1, 2, 3, 4]
    assert len(answer.commits) == 1
    todos.undo()
    assert open_numbers(todos) == [1, 2, 3, 4, 5, 6]


def test_a_todo_whose_children_are_all_done_or_removed_can_be_completed(todos: TodoList) -> None:
    put_under(todos, 1, 2, 3)
    give(todos, 2, DONE)
    give(todos, 3, Remove())
    assert [item.number for item in give(todos, 1, DONE).changed] == [1]


def test_children_that_are_done_stay_as_they_are_when_the_others_are_completed(todos: TodoList) -> None:
    put_under(todos, 1, 2, 3)
    give(todos, 2, Complete("2026-11-20", NOW))
    give(todos, 1, DONE, children="open")
    assert items(todos)[1].todo.completed == "2026-11-20"


def test_removing_and_moving_takes_the_whole_tree(todos: TodoList, store: Store) -> None:
    put_under(todos, 1, 2)
    put_under(todos, 2, 3)
    answer = give(todos, 1, Remove(), children="all")
    assert [item.number for item in answer.changed] == [1, 2, 3]
    todos.undo()
    Lists(store).new("work")
    work = a_list(store, "work")
    assert [item.todo.text for item in todos.move(todos.select(["2"]), work).changed] == ["b", "c"]
    assert open_numbers(todos) == [1, 4, 5, 6]
    links = Links(work.view().items)
    assert links.parent(work.view().items[0]) is None  # its parent stayed behind


def test_a_tree_is_drawn_with_branches_and_a_circle_of_two_machines_is_drawn_once() -> None:
    def item(number: int, parent: int | None = None, *, removed: bool = False) -> Item:
        todo = Todo(f"{number}", NOW, parent=None if parent is None else f"t{parent}", removed=removed)
        return Item(number, f"todo/t{number}", 1, todo)

    def drawn(*rows: Item, only: Sequence[int] = ()) -> list[str]:
        shown = [row for row in rows if not only or row.number in only]
        return [f"{branch.prefix}{branch.item.number}" for branch in as_trees(shown, Links(rows))]

    tree = (item(1), item(2, 1), item(3, 2), item(4, 1), item(5, 4), item(6))
    assert drawn(*tree) == ["1", "├ 2", "│ └ 3", "└ 4", "  └ 5", "6"]
    assert drawn(*tree, only=[2, 3, 5]) == ["2", "└ 3", "5"]
    assert drawn(item(1, 2), item(2, 3), item(3, 1)) == ["1", "└ 3", "  └ 2"]
    assert drawn(item(1), item(2, 1, removed=True), item(3, 2)) == ["1", "2", "3"]
    circle = [item(1, 2), item(2, 1)]
    assert [each.number for each in Links(circle).descendants(circle[0])] == [2]


def test_a_dependency_blocks_only_while_it_is_open_and_in_the_list(todos: TodoList) -> None:
    give(todos, 1, Add(DEPENDS, ids(todos)[1]), Add(DEPENDS, ids(todos)[2]))

    def blockers() -> list[int]:
        rows = items(todos)
        return [item.number for item in Links(rows).blockers(rows[0])]

    assert blockers() == [2, 3]
    assert [item.number for item in items(todos) if Links(items(todos)).blocks(item)] == [2, 3]
    give(todos, 2, DONE)
    give(todos, 3, Remove())
    assert blockers() == []
    todos.undo()
    assert blockers() == [3]


# series


def a_series(todos: TodoList, due: str = "2026-11-22") -> None:
    give(todos, 1, Change(DUE, due), Change(EVERY, DAILY))


def test_completing_creates_the_next_todo_in_the_same_commit_and_one_undo_takes_both_back(todos: TodoList) -> None:
    a_series(todos)
    answer = give(todos, 1, DONE)
    assert len(answer.commits) == 1
    [following] = answer.others
    assert (following.number, following.todo.text, following.todo.due) == (7, "a", "2026-11-23")
    assert following.id == next_id(ids(todos)[0])
    todos.undo()
    assert open_numbers(todos) == [1, 2, 3, 4, 5, 6]
    todos.redo()
    assert open_numbers(todos) == [2, 3, 4, 5, 6, 7]


def test_reopening_removes_the_next_todo_and_completing_again_brings_it_back(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    [removed] = give(todos, 1, Reopen()).others
    assert removed.todo.removed
    later = NOW + timedelta(days=3)
    todos.clock = lambda: later
    [again] = give(todos, 1, Complete(day_or_instant(later), later)).others
    assert (again.number, again.todo.due, again.todo.removed) == (7, "2026-11-26", False)
    assert len(items(todos)) == 7


def test_the_next_todo_of_one_that_is_open_is_not_restored(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    give(todos, 1, Reopen())
    with pytest.raises(TodosRejected, match="it is the next todo of 1, which is open; complete that one first"):
        give(todos, 7, Restore())
    give(todos, 1, Remove())
    assert not give(todos, 7, Restore()).items[0].todo.removed


def test_reopening_is_refused_once_the_next_todo_was_changed(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    position = give(todos, 7, Change(TEXT, "changed")).commits[0].position
    with pytest.raises(TodosRejected, match=f"its next todo, 7, was changed \\(@{position}\\)"):
        give(todos, 1, Reopen())
    give(todos, 7, Remove())
    assert give(todos, 1, Reopen()).others == ()
    assert open_numbers(todos) == [1, 2, 3, 4, 5, 6]


def test_undoing_a_completion_is_refused_once_the_next_todo_was_changed(todos: TodoList) -> None:
    a_series(todos)
    completed = give(todos, 1, DONE).commits[0].position
    changed = give(todos, 7, Change(TEXT, "changed")).commits[0].position
    with pytest.raises(CannotUndo, match=f"@{changed} changed the same fields later"):
        todos.undo_at(completed)


def test_only_one_todo_of_a_series_is_open_however_often_it_is_completed(todos: TodoList) -> None:
    a_series(todos)
    for number in (1, 7, 8, 9):
        give(todos, number, DONE)
    assert open_numbers(todos) == [2, 3, 4, 5, 6, 10]
    assert give(todos, 9, DONE).others == ()  # it is done already


def test_a_series_ends_with_its_last_date(todos: TodoList) -> None:
    give(todos, 1, Change(DUE, "2026-11-22"), Change(EVERY, Recurrence("FREQ=DAILY;COUNT=1", "2026-11-22")))
    assert give(todos, 1, DONE).others == ()


def test_skipping_moves_the_due_date_and_is_refused_for_other_todos(todos: TodoList) -> None:
    a_series(todos)
    todos.skip(todos.select(["1"]))
    assert items(todos)[0].todo.due == "2026-11-23"
    with pytest.raises(TodosRejected, match="todo 2: it does not recur"):
        todos.skip(todos.select(["2"]))
    give(todos, 1, DONE)
    with pytest.raises(TodosRejected, match="todo 1: it is done"):
        todos.skip(todos.select(["1"]))
    give(todos, 7, Remove())
    with pytest.raises(TodosRejected, match="todo 7 was removed"):
        todos.skip(todos.select(["7"]))
    give(todos, 2, Change(DUE, "2026-11-22"), Change(EVERY, Recurrence("FREQ=DAILY;COUNT=1", "2026-11-22")))
    with pytest.raises(TodosRejected, match="todo 2: it has no later date"):
        todos.skip(todos.select(["2"]))


def test_a_skip_starts_from_what_another_process_recorded_meanwhile(todos: TodoList) -> None:
    a_series(todos)
    seen = todos.select(["1"])
    todos.skip(seen)
    todos.skip(seen)
    assert items(todos)[0].todo.due == "2026-11-24"
    give(todos, 1, DONE)
    with pytest.raises(TodosRejected, match="todo 1: it is done"):
        todos.skip(seen)


def test_a_reminder_that_has_passed_stays_when_a_todo_is_skipped(todos: TodoList) -> None:
    past = NOW - timedelta(days=30)
    todos.add([Create("x", past - timedelta(days=1), due="2026-11-22", every=DAILY, reminder=past)])
    todos.skip(todos.select(["7"]))
    assert items(todos)[6].todo.reminder == past


def test_the_next_todo_stays_in_one_list_when_it_or_its_predecessor_is_moved(store: Store, todos: TodoList) -> None:
    Lists(store).new("work")
    work = a_list(store, "work")
    a_series(todos)
    give(todos, 1, DONE)
    todos.move(todos.select(["7"]), work)
    with pytest.raises(TodosRejected, match="its next todo was moved to work; remove it there first"):
        give(todos, 1, Reopen())
    give(todos, 2, Change(DUE, "2026-11-22"), Change(EVERY, DAILY))
    give(todos, 2, DONE)
    todos.move(todos.select(["2"]), work)
    with pytest.raises(TodosRejected, match="it was completed in inbox, which has its next todo"):
        give(work, 2, Reopen())
    assert open_numbers(work) == [1]


def test_a_series_goes_on_after_its_next_todo_was_forgotten(store: Store, todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    forget(store, [items(todos)[6].stream], lambda _: [])
    todos = a_list(store)
    give(todos, 1, Reopen())
    [following] = give(todos, 1, DONE).others
    assert following.id == next_id(next_id(ids(todos)[0]))


def test_a_series_ends_with_the_todo_that_it_is_a_part_of(todos: TodoList) -> None:
    a_series(todos)
    put_under(todos, 2, 1)
    answer = give(todos, 2, DONE, children="open")
    assert [item.number for item in answer.changed] == [2, 1]
    assert answer.others == ()


def test_reopening_counts_only_what_the_next_todo_is_now(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    give(todos, 7, Change(TEXT, "changed"))
    todos.undo()
    assert [item.todo.removed for item in give(todos, 1, Reopen()).others] == [True]


def test_reopening_removes_the_next_todo_also_after_the_done_one_was_edited(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    give(todos, 1, Change(TEXT, "better"))
    assert [item.todo.removed for item in give(todos, 1, Reopen()).others] == [True]


def test_reopening_removes_the_next_todo_also_if_the_done_one_no_longer_recurs(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    give(todos, 1, Change(EVERY, None))
    assert [item.todo.removed for item in give(todos, 1, Reopen()).others] == [True]
    assert open_numbers(todos) == [1, 2, 3, 4, 5, 6]


def test_reopening_is_refused_while_there_are_todos_under_the_next_one(todos: TodoList) -> None:
    a_series(todos)
    give(todos, 1, DONE)
    give(todos, 2, Change(PARENT, ids(todos)[6]))
    with pytest.raises(TodosRejected, match="its next todo, 7, has todos under it: 2"):
        give(todos, 1, Reopen())


def test_a_todo_that_was_completed_in_another_list_is_not_reopened_after_it_moved_back(store: Store) -> None:
    inbox, work = a_list(store), a_list(store, "work")
    inbox.add([Create("a", NOW, due="2026-11-22", every=DAILY)])
    work.add([Create("b", NOW)])
    inbox.move(inbox.select(["1"]), work)
    give(work, 2, DONE)
    work.move(work.select(["2"]), inbox)
    with pytest.raises(TodosRejected, match="it was completed in work, which has its next todo"):
        give(inbox, 1, Reopen())


def test_very_deep_trees_and_many_dependencies_are_handled(todos: TodoList) -> None:
    deep = [Item(n, f"todo/t{n}", 1, Todo("x", NOW, parent=f"t{n - 1}" if n > 1 else None)) for n in range(1, 5001)]
    branches = as_trees(deep, Links(deep))
    assert [branch.item.number for branch in branches] == list(range(1, 5001))
    assert max(len(branch.prefix) for branch in branches) < 40
    todos.add([Create("x", NOW) for _ in range(MOST_DEPENDENCIES + 1)])
    needed = [Add(DEPENDS, id) for id in ids(todos)[6:]]
    with pytest.raises(TodosRejected, match="at most 1,000 others"):
        give(todos, 1, *needed)


# one command on several lists


@pytest.fixture
def two(store: Store) -> tuple[TodoList, TodoList]:
    inbox = a_list(store)
    inbox.add([Create(text, NOW) for text in "ab"])
    Lists(store).new("work")
    work = a_list(store, "work")
    work.add([Create(text, NOW) for text in "xy"])
    return inbox, work


def test_a_command_on_two_lists_has_one_id_and_is_undone_and_redone_in_both(two: tuple[TodoList, TodoList]) -> None:
    inbox, work = two
    answers = change_in_lists([(inbox, inbox.select(["1"])), (work, work.select(["1-2"]))], lambda _: [DONE])
    assert [answer.also for answer in answers] == [("work",), ("inbox",)]
    assert len({answer.commits[0].metadata.command for answer in answers}) == 1
    assert (open_numbers(inbox), open_numbers(work)) == ([2], [])
    assert work.undo().also == ("inbox",)
    assert (open_numbers(inbox), open_numbers(work)) == ([1, 2], [1, 2])
    assert inbox.redo().also == ("work",)
    assert (open_numbers(inbox), open_numbers(work)) == ([2], [])
    assert inbox.undo().also == ("work",)
    assert (open_numbers(inbox), open_numbers(work)) == ([1, 2], [1, 2])


def test_nothing_is_recorded_in_any_list_if_one_of_them_refuses(two: tuple[TodoList, TodoList]) -> None:
    inbox, work = two
    chosen = [(inbox, inbox.select(["1"])), (work, work.select(["1"]))]
    give(work, 1, Remove())
    before = [each.view().position for each in two]
    with pytest.raises(TodosRejected, match="in work, todo 1 was removed; nothing was recorded"):
        change_in_lists(chosen, lambda _: [DONE])
    assert [each.view().position for each in two] == before


def test_a_list_in_which_nothing_changes_is_no_part_of_the_command(two: tuple[TodoList, TodoList]) -> None:
    inbox, work = two
    give(work, 1, DONE)
    answers = change_in_lists([(inbox, inbox.select(["1"])), (work, work.select(["1"]))], lambda _: [DONE])
    assert [len(answer.commits) for answer in answers] == [1, 0]
    assert inbox.undo().also == ()
    assert open_numbers(work) == [2]


def test_undo_is_refused_if_a_todo_of_the_other_list_was_changed_since(two: tuple[TodoList, TodoList]) -> None:
    inbox, work = two
    change_in_lists([(inbox, inbox.select(["1"])), (work, work.select(["1"]))], lambda _: [DONE])
    give(work, 1, Reopen())
    with pytest.raises(CannotUndo):
        inbox.undo()
    assert open_numbers(inbox) == [2]


@pytest.mark.parametrize("ending", [CqrsError("full"), KeyboardInterrupt()])
def test_what_one_list_recorded_is_undone_if_the_other_cannot_record_its_part(
    two: tuple[TodoList, TodoList], ending: BaseException
) -> None:
    """After a crash nobody could undo it at once, so a person does."""
    inbox, work = two

    def fails(*_: object) -> None:
        raise ending

    work.record = fails  # type: ignore[method-assign,assignment]  # what a full disk or a crash does
    with pytest.raises(type(ending)):
        change_in_lists([(inbox, inbox.select(["1"])), (work, work.select(["1"]))], lambda _: [DONE])
    del work.record
    inbox = a_list(inbox.store)
    if isinstance(ending, KeyboardInterrupt) and not inbox.store.atomic:
        assert open_numbers(inbox) == [2]
        inbox.undo()
    assert (open_numbers(inbox), open_numbers(work)) == ([1, 2], [1, 2])


def test_undo_is_refused_if_the_other_list_changed_the_same_fields_later(two: tuple[TodoList, TodoList]) -> None:
    inbox, work = two
    give(work, 1, Change(DUE, "2026-11-22"), Change(EVERY, DAILY))
    change_in_lists([(inbox, inbox.select(["1"])), (work, work.select(["1"]))], lambda _: [DONE])
    give(work, 3, DONE)
    with pytest.raises(CannotUndo, match="in work, @"):
        inbox.undo()
    assert (open_numbers(inbox), open_numbers(work)) == ([2], [2, 4])


# laws


@for_all(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.booleans()), max_size=15))
def test_law_links_never_form_a_circle(pairs: list[tuple[int, int, bool]]) -> None:
    todos = a_list(open_store("memory:", TYPES))
    todos.add([Create(text, NOW) for text in "abcde"])
    for number, other, under in pairs:
        target = ids(todos)[other - 1]
        with suppress(TodosRejected):
            give(todos, number, Change(PARENT, target) if under else Add(DEPENDS, target))
    states = {item.id: item.todo for item in items(todos)}
    for start in states:
        left, seen = [start], set()
        while left:
            id = left.pop()
            seen.add(id)
            left += states[id].depends
            assert start not in states[id].depends
        parent = states[start].parent
        for _ in states:
            assert parent != start
            parent = None if parent is None else states[parent].parent


@for_all(st.lists(st.sampled_from(["done", "reopen", "undo", "redo", "later", "rm"]), max_size=20))
def test_law_at_most_one_todo_of_a_series_is_open(steps: list[str]) -> None:
    clock = [NOW]
    todos = a_list(open_store("memory:", TYPES), clock=lambda: clock[0])
    todos.add([Create("x", NOW, due="2026-11-22", every=DAILY)])
    for step in steps:
        last = [item for item in items(todos) if not item.todo.removed][-1:]
        try:
            match step:
                case "done":
                    todos.change(last, lambda _: [Complete(day_or_instant(clock[0]), clock[0])])
                case "reopen":
                    done = [item for item in items(todos) if item.todo.done and not item.todo.removed]
                    todos.change(done[-1:], lambda _: [Reopen()])
                case "rm":
                    todos.change(last, lambda _: [Remove()])
                case "later":
                    clock[0] += timedelta(days=2)
                case "undo":
                    todos.undo()
                case "redo":
                    todos.redo()
        except (Rejected, CannotUndo):
            pass
        assert len(open_numbers(todos)) <= 1
        due = [item.todo.due or "" for item in items(todos) if not item.todo.removed]
        assert due == sorted(due)
