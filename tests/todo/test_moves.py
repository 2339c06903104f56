"""Moves between lists: whatever happens at the same time, a todo ends in exactly one list."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cqrs_todo.cqrs.errors import Rejected, StoreUnavailable
from cqrs_todo.cqrs.events import REDOES, UNDOES, Commit, Metadata, marked
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo import batches
from cqrs_todo.todo.errors import CannotMove, CannotRestore, CannotUndo, MovedAway, NotFound, TooLarge
from cqrs_todo.todo.events import TextChanged
from cqrs_todo.todo.fields import TAGS, TEXT
from cqrs_todo.todo.lists import Lists
from cqrs_todo.todo.model import Add, Change, Complete, Create, Drop, Remove, Restore, TodoCommand
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.several_lists import change_in_lists
from cqrs_todo.todo.values import day_or_instant
from cqrs_todo.todo.views import MOVE
from tests.strategies import NOW
from tests.todo.histories import a_list


@pytest.fixture(params=["memory", "jsonl"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store("memory:" if request.param == "memory" else f"jsonl:{tmp_path}", TYPES)


def texts(todos: TodoList) -> list[str]:
    return [item.todo.text for item in todos.view().items if not item.todo.removed]


def two_lists(store: Store, *more: str) -> tuple[TodoList, TodoList]:
    """An inbox with the todos 'a' and more, and an empty list of work."""
    inbox = a_list(store)
    inbox.add([Create(text, NOW) for text in ("a", *more)])
    Lists(store).new("work")
    return inbox, a_list(store, "work")


def creation_was_undone(todos: TodoList) -> bool:
    """Return whether the first commit of a list was undone."""
    commits = list(todos.log.commits())
    return any(commits[0].metadata.command in commit.metadata.meta.get(UNDOES, ()) for commit in commits)


def newest(todos: TodoList) -> Commit:
    return next(todos.history())


def test_both_halves_share_a_command_and_name_both_logs(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    halves = [newest(inbox).metadata, newest(work).metadata]
    assert halves[0].command == halves[1].command
    move = {"from": {"log": inbox.log.id, "list": "inbox"}, "to": {"log": work.log.id, "list": "work"}}
    assert [half.meta for half in halves] == [{MOVE: move}] * 2


def test_a_move_brings_the_present_fields_of_a_todo(store: Store) -> None:
    inbox, work = two_lists(store)
    chosen = inbox.select(["1"])
    a_list(store).change(chosen, lambda _: [Change(TEXT, "b")])
    inbox.move(chosen, work)
    assert (texts(inbox), texts(work)) == ([], ["b"])


def test_a_todo_that_was_moved_there_already_is_left_there(store: Store) -> None:
    inbox, work = two_lists(store)
    chosen = inbox.select(["1"])
    a_list(store).move(chosen, a_list(store, "work"))
    answer = inbox.move(chosen, work)
    assert (answer.commit, answer.changed, [item.number for item in answer.items]) == (None, (), [1])
    assert (texts(inbox), texts(work)) == ([], ["a"])


def test_a_todo_that_was_moved_elsewhere_is_not_moved_from_here(store: Store) -> None:
    inbox, work = two_lists(store)
    Lists(store).new("home")
    chosen = inbox.select(["1"])
    inbox.move(chosen, a_list(store, "home"))
    with pytest.raises(CannotMove, match="todo 1 was moved to home"):
        inbox.move(chosen, work)
    with pytest.raises(MovedAway, match="todo 1 was moved to home"):
        inbox.change(chosen, lambda _: [Change(TEXT, "b")])
    assert (texts(inbox), texts(work), texts(a_list(store, "home"))) == ([], [], ["a"])


def test_a_todo_that_came_back_removed_is_restored_with_its_new_content(store: Store) -> None:
    inbox, work = two_lists(store, "b")
    inbox.move(inbox.select(["1"]), work)
    work.change(work.select(["1"]), lambda _: [Change(TEXT, "c"), Add(TAGS, "t")])
    work.move(work.select(["1"]), inbox)
    assert (texts(inbox), texts(work)) == (["c", "b"], [])
    assert inbox.select(["1"])[0].todo.tags == ("t",)


def interrupted(todos: TodoList, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the next append to a list fail, as if the process were ended there."""
    kind, name = type(todos.log), todos.name
    append = kind.append

    def fail(log: Log, appends: Sequence[Append], metadata: Metadata, **options: Any) -> Commit:
        if log.name != name:
            return append(log, appends, metadata, **options)
        monkeypatch.undo()
        raise error

    monkeypatch.setattr(kind, "append", fail)


class Crash(BaseException):
    """The process ends here."""


def crashed(store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[TodoList, TodoList]:
    """The lists after a crash between the two halves of a move."""
    inbox, work = two_lists(store)
    interrupted(inbox, monkeypatch, Crash())
    with pytest.raises(Crash):
        inbox.move(inbox.select(["1"]), work)
    assert (texts(inbox), texts(work)) == (["a"], ["a"])
    return a_list(store), a_list(store, "work")


def test_after_a_crash_between_the_halves_the_move_is_completed_by_moving_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, work = crashed(store, monkeypatch)
    answer = inbox.move(inbox.select(["1"]), work)
    assert [item.number for item in answer.changed] == [1]
    assert (texts(inbox), texts(work)) == ([], ["a"])


def test_after_a_crash_between_the_halves_undo_reverts_the_half_that_was_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, work = crashed(store, monkeypatch)
    work.undo()
    assert (texts(inbox), texts(work)) == (["a"], [])


def test_after_a_crash_a_copy_that_differs_is_not_overwritten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, work = crashed(store, monkeypatch)
    work.change(work.select(["1"]), lambda _: [Change(TEXT, "b")])
    with pytest.raises(CannotMove, match="todo 1: it is also in work, as 1, and is different there"):
        inbox.move(inbox.select(["1"]), work)
    assert (texts(inbox), texts(work)) == (["a"], ["b"])


def test_todos_that_cannot_leave_do_not_stay_in_both(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, work = two_lists(store)
    interrupted(inbox, monkeypatch, StoreUnavailable("no space; nothing was recorded"))
    with pytest.raises(StoreUnavailable, match="no space"):
        inbox.move(inbox.select(["1"]), work)
    assert (texts(inbox), texts(work)) == (["a"], [])
    inbox.move(inbox.select(["1"]), work)
    assert (texts(inbox), texts(work)) == ([], ["a"])


@pytest.mark.parametrize("side", ["inbox", "work"])
def test_undo_and_redo_from_either_list_apply_to_both_halves(store: Store, side: str) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    one, other = (inbox, work) if side == "inbox" else (work, inbox)
    for _ in range(2):
        answer = one.undo()
        assert answer.also == (other.name,)
        assert (texts(inbox), texts(work)) == (["a"], [])
        assert newest(inbox).metadata.command == newest(work).metadata.command
        assert (UNDOES in newest(inbox).metadata.meta, UNDOES in newest(work).metadata.meta) == (True, True)
        assert one.redo().also == (other.name,)
        assert (texts(inbox), texts(work)) == ([], ["a"])
        assert (REDOES in newest(inbox).metadata.meta, REDOES in newest(work).metadata.meta) == (True, True)
        one, other = other, one


def test_undo_of_a_move_is_refused_in_both_lists_when_the_todo_was_changed_since(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    work.change(work.select(["1"]), lambda _: [Add(TAGS, "t")])
    before = inbox.view().position, work.view().position
    with pytest.raises(CannotUndo, match="@2 cannot be undone: todo 1: it was changed in work, where it is 1, by me: @2"):
        inbox.undo()
    assert (inbox.view().position, work.view().position) == before
    work.undo()
    inbox.undo()
    assert (texts(inbox), texts(work)) == (["a"], [])


def test_undo_of_a_move_finds_a_list_that_was_renamed(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    Lists(store).rename("work", "job")
    Lists(store).new("work")
    assert inbox.undo().also == ("job",)
    assert (texts(inbox), texts(a_list(store, "job")), texts(a_list(store, "work"))) == (["a"], [], [])


def test_undo_of_a_move_finds_a_list_that_is_renamed_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    inbox = a_list(store)
    opened = store.open

    def renamed(name: str) -> Log:
        if name == "work":
            monkeypatch.undo()
            Lists(store).rename("work", "job")
        return opened(name)

    monkeypatch.setattr(store, "open", renamed)
    assert inbox.undo().also == ("job",)
    assert texts(inbox) == ["a"]


def test_undo_of_a_move_needs_both_lists(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    Lists(store).archive("work")
    with pytest.raises(
        CannotUndo, match="was called work then is archived, missing or damaged: unarchive or repair it first"
    ):
        inbox.undo()
    Lists(store).unarchive("work")
    inbox.undo()
    assert texts(inbox) == ["a"]


def test_undo_of_several_steps_reverts_moves_in_both_directions(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    work.move(work.select(["1"]), inbox)
    inbox.change(inbox.select(["1"]), lambda _: [Change(TEXT, "b")])
    inbox.undo(3)
    assert (texts(inbox), texts(work)) == (["a"], [])
    assert not [item for item in work.view().items if not item.todo.removed]
    inbox.redo(2)
    assert (texts(inbox), texts(work)) == (["a"], [])
    inbox.redo()
    assert (texts(inbox), texts(work)) == (["b"], [])


def test_restoring_a_list_leaves_moved_todos_where_they_are(store: Store) -> None:
    inbox, work = two_lists(store, "b")
    inbox.move(inbox.select(["1"]), work)
    assert [item.number for item in inbox.restore(2).stayed] == [1]
    assert [item.number for item in work.restore(0).stayed] == [1]
    assert (texts(inbox), texts(work)) == (["b"], ["a"])
    with pytest.raises(CannotRestore, match="todo 1 was moved between lists since then"):
        inbox.restore(2, inbox.select(["1"]))


def test_restoring_a_list_leaves_todos_whose_move_was_undone(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    moved = inbox.view().position
    inbox.undo()
    inbox.restore(moved)
    assert (texts(inbox), texts(work)) == (["a"], [])


def test_a_todo_that_came_back_is_restored_with_its_list(store: Store) -> None:
    def undone(inbox: TodoList, work: TodoList) -> None:
        inbox.move(inbox.select(["1"]), work)
        inbox.undo()

    def moved_back(inbox: TodoList, work: TodoList) -> None:
        inbox.move(inbox.select(["1"]), work)
        work.move(work.select(["1"]), inbox)

    inbox, work = two_lists(store, "b")
    before = inbox.view().position
    for there_and_back in (undone, moved_back):
        there_and_back(inbox, work)
        for chosen in (None, inbox.select(["1"])):
            inbox.change(inbox.select(["1"]), lambda _: [Change(TEXT, "changed"), Complete(day_or_instant(NOW), NOW)])
            assert not inbox.restore(before, chosen).stayed
            assert [(item.todo.text, item.todo.completed) for item in inbox.view().items] == [("a", None), ("b", None)]
    inbox.change(inbox.select(["1"]), lambda _: [Remove()])  # removed here, and not by a move
    assert not inbox.restore(before).stayed
    assert (texts(inbox), texts(work)) == (["a", "b"], [])
    inbox.restore(0)  # it was created here, so it is in no other list
    assert (texts(inbox), texts(work)) == ([], [])


VERBS: dict[str, Callable[[TodoList, TodoList, int], Any]] = {
    "move": lambda here, there, number: here.move(here.select([str(number)]), there),
    "move all": lambda here, there, _: here.move([item for item in here.view().items if not item.todo.removed], there),
    "edit": lambda here, _, number: here.change(here.select([str(number)]), lambda _: [Change(TEXT, f"{number}")]),
    "done": lambda here, _, number: here.change(here.select([str(number)]), lambda _: [Complete(day_or_instant(NOW), NOW)]),
    "undo": lambda here, _, number: here.undo(number),
    "redo": lambda here, _, number: here.redo(number),
    "undo_at": lambda here, _, number: here.undo_at(number),
    "restore": lambda here, _, number: here.restore(max(0, here.view().position - number)),
}


def in_use(lists: Sequence[TodoList]) -> list[str]:
    """The ids of the todos in some lists that are not removed, sorted."""
    return sorted(item.id for todos in lists for item in todos.view().items if not item.todo.removed)


ACTS = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(sorted(VERBS)), st.integers(1, 3))


@for_all(st.lists(ACTS, max_size=14))
def test_law_a_todo_is_in_exactly_one_list(acts: list[tuple[int, int, str, int]]) -> None:
    """Whatever is moved, changed, undone, redone and restored; only undoing their creation removes them."""
    store = open_store("memory:", TYPES)
    lists = [a_list(store)]
    lists[0].add([Create(text, NOW) for text in "abc"])
    for name in ("work", "home"):
        Lists(store).new(name)
        lists.append(a_list(store, name))
    created = next(lists[0].log.commits_backward()).position
    everything = in_use(lists)
    for here, there, verb, number in acts:
        try:
            VERBS[verb](lists[here], lists[there], number)
        except (CannotMove, CannotRestore, CannotUndo, MovedAway, NotFound, Rejected):
            continue
        present = in_use(lists)
        assert len(present) == len(set(present)), f"a todo is in two lists after {verb}"
        undone = creation_was_undone(lists[0])
        restored_before = any(commit.metadata.meta.get("restores", created) < created for commit in lists[0].log.commits())
        assert present == everything or undone or restored_before, f"a todo is in no list after {verb}"


def test_removing_a_moved_todo_is_undone_where_it_was_removed(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    work.change(work.select(["1"]), lambda _: [Remove()])
    work.undo()
    assert (texts(inbox), texts(work)) == ([], ["a"])


# what a sceptic found


def steps(store: Store, names: str) -> dict[str, TodoList]:
    """The lists with these one-letter names; 'a' is in the first of them."""
    lists = {name: a_list(store, name) for name in names if Lists(store).new(name)}
    lists[names[0]].add([Create("todo", NOW)])
    return lists


def where(lists: dict[str, TodoList]) -> str:
    """The names of the lists in which a todo is."""
    return "".join(name for name, todos in lists.items() if texts(todos))


@pytest.mark.parametrize("side", ["inbox", "work"])
def test_a_move_that_was_completed_after_a_crash_is_undone_in_both_lists(
    store: Store, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    inbox, work = crashed(store, monkeypatch)
    inbox.move(inbox.select(["1"]), work)
    first, again = work.commits()
    assert newest(inbox).metadata.command == first.metadata.command
    assert marked(again.metadata, REDOES) == (first.metadata.command,)
    (inbox if side == "inbox" else work).undo()
    assert (texts(inbox), texts(work)) == (["a"], [])
    with pytest.raises(CannotUndo, match="there is nothing to undo"):
        work.undo()


@pytest.mark.parametrize("side", ["inbox", "work"])
@pytest.mark.parametrize("error", [Crash(), StoreUnavailable("no space")], ids=["crash", "no space"])
def test_a_move_whose_completion_failed_is_completed_and_undone_in_both_lists(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException, side: str
) -> None:
    inbox, work = crashed(store, monkeypatch)
    interrupted(inbox, monkeypatch, error)
    with pytest.raises(type(error)):
        inbox.move(inbox.select(["1"]), work)
    assert (texts(inbox), texts(work)) == (["a"], ["a"])
    inbox, work = a_list(store), a_list(store, "work")
    inbox.move(inbox.select(["1"]), work)
    assert (texts(inbox), texts(work)) == ([], ["a"])
    (inbox if side == "inbox" else work).undo()
    assert (texts(inbox), texts(work)) == (["a"], [])
    with pytest.raises(CannotUndo, match="there is nothing to undo"):
        work.undo()


def test_an_undo_of_a_move_that_was_completed_by_moving_the_todo_is_redone_in_both_lists(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    interrupted(work, monkeypatch, Crash())
    with pytest.raises(Crash):
        inbox.undo()
    inbox, work = a_list(store), a_list(store, "work")
    work.move(work.select(["1"]), inbox)
    assert (texts(inbox), texts(work)) == (["a"], [])
    work.redo()
    assert (texts(inbox), texts(work)) == ([], ["a"])
    with pytest.raises(CannotUndo, match="there is nothing to redo"):
        inbox.redo()


def test_a_todo_that_was_removed_after_a_crash_comes_back_with_undo_in_the_other_list(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, work = crashed(store, monkeypatch)
    inbox.change(inbox.select(["1"]), lambda _: [Remove()])
    work.undo()
    assert (texts(inbox), texts(work)) == (["a"], [])


@pytest.mark.parametrize("verb", ["move", "undo", "redo"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    "acts",
    [
        ["work undo"],
        ["inbox undo"],
        ["work redo"],
        ["inbox redo"],
        ["inbox move", "work undo"],
        ["inbox move", "inbox undo"],
        ["work undo", "work redo"],
        ["inbox undo", "inbox redo"],
        ["work undo", "inbox redo"],
        ["inbox redo", "work undo", "work redo"],
        ["work move", "work undo", "inbox undo"],
    ],
    ids=" then ".join,
)
def test_after_a_crash_in_a_move_its_undo_or_its_redo_the_next_act_leaves_the_todo_in_one_list(
    store: Store, monkeypatch: pytest.MonkeyPatch, verb: str, number: int, acts: list[str]
) -> None:
    inbox, work = two_lists(store)

    def act(verb: str, todos: TodoList) -> None:
        if verb == "move":
            todos.move([item for item in todos.view().items if not item.todo.removed], work if todos is inbox else inbox)
        else:
            (todos.undo if verb == "undo" else todos.redo)()

    for earlier in {"move": [], "undo": ["move"], "redo": ["move", "undo"]}[verb]:
        act(earlier, inbox)
    gaining, losing = (inbox, work) if verb == "undo" else (work, inbox)
    interrupted(gaining if number == 1 else losing, monkeypatch, Crash())
    with pytest.raises(Crash):
        act(verb, inbox)
    inbox, work = a_list(store), a_list(store, "work")
    assert texts(inbox) + texts(work) in (["a"], ["a", "a"])
    settled = len(texts(inbox) + texts(work)) == 1
    for name, _, verb in (each.partition(" ") for each in acts):
        try:
            act(verb, {"inbox": inbox, "work": work}[name])
        except (CannotMove, CannotUndo, MovedAway, Rejected):
            continue
        settled = True
    present = len(texts(inbox) + texts(work))
    assert present == 1 or (not settled and present == 2) or creation_was_undone(inbox)


def test_redo_of_a_move_needs_the_todo_to_be_where_it_was(store: Store) -> None:
    lists = steps(store, "xyz")
    lists["x"].move(lists["x"].select(["1"]), lists["y"])
    lists["y"].move(lists["y"].select(["1"]), lists["z"])
    lists["z"].undo()
    lists["y"].undo()
    assert where(lists) == "x"
    with pytest.raises(CannotUndo, match="todo 1: it is in x now, as 1, where me moved it"):
        lists["z"].redo()
    assert where(lists) == "x"


def test_redo_of_a_move_is_refused_when_the_creation_was_undone_too(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    inbox.undo(2)
    with pytest.raises(CannotUndo, match="it is neither in work nor in inbox now"):
        work.redo()
    inbox.redo(2)
    assert (texts(inbox), texts(work)) == ([], ["a"])


def test_redo_of_a_move_is_refused_when_the_todo_was_changed_by_another_undo(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.change(inbox.select(["1"]), lambda _: [Change(TEXT, "b")])
    inbox.move(inbox.select(["1"]), work)
    inbox.undo(2)
    with pytest.raises(CannotUndo, match="it was changed in inbox"):
        work.redo()
    assert (texts(inbox), texts(work)) == (["a"], [])


def test_an_older_change_of_a_moved_todo_is_not_undone_alone(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.change(inbox.select(["1"]), lambda _: [Change(TEXT, "b")])
    inbox.move(inbox.select(["1"]), work)
    with pytest.raises(CannotUndo, match="@2 cannot be undone alone: @3 changed the same fields later"):
        inbox.undo_at(2)


def test_when_one_half_cannot_be_recorded_the_other_half_is_undone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    for verb, losing in (("undo", work), ("redo", inbox)):
        if verb == "redo":
            inbox.undo()
        before = texts(inbox), texts(work)
        interrupted(losing, monkeypatch, StoreUnavailable("no space; nothing was recorded"))
        with pytest.raises(StoreUnavailable):
            (inbox.undo if verb == "undo" else inbox.redo)()
        assert (texts(inbox), texts(work)) == before
    inbox.redo()
    assert (texts(inbox), texts(work)) == ([], ["a"])


@pytest.mark.parametrize("verb", ["undo", "redo"])
@pytest.mark.parametrize("losing", ["inbox", "work"])
def test_a_command_on_several_lists_is_undone_and_redone_in_all_or_in_none(
    store: Store, monkeypatch: pytest.MonkeyPatch, verb: str, losing: str
) -> None:
    inbox, work = two_lists(store)
    work.add([Create("w", NOW)])
    done = [Complete(day_or_instant(NOW), NOW)]
    change_in_lists([(each, each.view().items) for each in (inbox, work)], lambda _: done)
    if verb == "redo":
        inbox.undo()

    def are_done() -> list[bool]:
        return [item.todo.done for each in (inbox, work) for item in each.view().items]

    before = are_done()
    interrupted(inbox if losing == "inbox" else work, monkeypatch, StoreUnavailable("no space; nothing was recorded"))
    with pytest.raises(StoreUnavailable) as caught:
        (inbox.undo if verb == "undo" else inbox.redo)()
    assert (are_done(), getattr(caught.value, "__notes__", [])) == (before, [])
    (inbox.undo if verb == "undo" else inbox.redo)()
    assert are_done() == [not each for each in before]
    (inbox.redo if verb == "undo" else inbox.undo)()
    assert are_done() == before


def test_several_commands_on_several_lists_are_undone_together(store: Store) -> None:
    inbox, work = two_lists(store)
    work.add([Create("w", NOW)])
    for _ in range(3):
        chosen = [(each, each.view().items) for each in (inbox, work)]
        change_in_lists(chosen, lambda item: [Change(TEXT, f"{item.todo.text}!", NOW)])
    work.undo(2)
    assert (texts(inbox), texts(work)) == (["a!"], ["w!"])
    inbox.redo(2)
    assert (texts(inbox), texts(work)) == (["a!!!"], ["w!!!"])
    position = list(inbox.log.commits())[2].position
    with pytest.raises(CannotUndo, match=f"@{position} cannot be undone alone"):
        inbox.undo_at(position)


@pytest.mark.parametrize("meta", [{UNDOES: ["gone"]}, {REDOES: ["gone"]}])
def test_a_commit_that_undoes_or_redoes_a_missing_command_is_refused(store: Store, meta: dict[str, Any]) -> None:
    inbox, _ = two_lists(store)
    (item,) = inbox.select(["1"])
    inbox.log.append([Append(item.stream, (TextChanged("a", "b"),))], Metadata(NOW, "me", "odd", meta))
    with pytest.raises(CannotUndo, match="the command gone, which is not in inbox"):
        (inbox.redo if UNDOES in meta else inbox.undo)()


@pytest.fixture
def small_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits hold at most three events."""
    monkeypatch.setattr(batches, "COMMIT_LIMIT", 3)
    monkeypatch.setattr(batches, "_SURELY_SMALL", 0)


@pytest.mark.usefixtures("small_commits")
def test_a_move_of_many_is_undone_and_redone_as_a_whole(store: Store) -> None:
    inbox, work = two_lists(store, *"bcdefg")
    done = day_or_instant(NOW)
    inbox.change(inbox.view().items, lambda _: [Complete(done, NOW)])
    inbox.move(inbox.view().items, work)
    assert (len(texts(inbox)), len(texts(work))) == (0, 7)
    for one, other in ((inbox, work), (work, inbox), (work, work)):
        one.undo()
        assert (len(texts(inbox)), len(texts(work))) == (7, 0)
        other.redo()
        assert (len(texts(inbox)), len(texts(work))) == (0, 7)


@pytest.mark.parametrize(("limit", "most"), [("COMMIT_LIMIT", 3), ("COMMIT_SIZE", 800)])
def test_a_command_on_several_lists_is_refused_if_the_part_of_one_does_not_fit_into_a_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(batches, limit, most)
    monkeypatch.setattr(batches, "_SURELY_SMALL", 0)
    inbox, work = two_lists(store, *"bcdefg")
    work.add([Create("w", NOW)])
    before = [each.log.cursor() for each in (inbox, work)]

    def renamed(count: int) -> None:
        chosen = [(work, work.view().items), (inbox, inbox.view().items[:count])]
        change_in_lists(chosen, lambda item: [Change(TEXT, f"{item.todo.text} {'x' * 100}", NOW)])

    with pytest.raises(TooLarge, match=r"^in inbox, .*: change the todos of one list at a time; nothing was recorded$"):
        renamed(7)
    assert [each.log.cursor() for each in (inbox, work)] == before
    renamed(2)
    renamed(2)
    inbox.undo(2)
    assert (texts(inbox), texts(work)) == ([*"abcdefg"], ["w"])
    assert max(len(commit.events) for commit in inbox.log.commits(before[0])) == 2


@pytest.mark.usefixtures("small_commits")
@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_a_move_of_many_stays_one_step_when_a_half_of_its_undo_or_redo_cannot_be_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    inbox, work = two_lists(store, *"bcdefg")
    inbox.move(inbox.view().items, work)
    if verb == "redo":
        inbox.undo()
    losing = work if verb == "undo" else inbox
    kind, append, appended = type(losing.log), type(losing.log).append, 0

    def fail(log: Log, appends: Sequence[Append], metadata: Metadata, **options: Any) -> Commit:
        nonlocal appended
        if log.name == losing.name:
            appended += 1
            if appended == 2:
                raise StoreUnavailable("no space; nothing was recorded")
        return append(log, appends, metadata, **options)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "append", fail)
        with pytest.raises(StoreUnavailable):
            (inbox.undo if verb == "undo" else inbox.redo)()
    (inbox.undo if verb == "undo" else inbox.redo)()
    if verb == "redo":
        assert (len(texts(inbox)), len(texts(work))) == (0, 7)
        inbox.undo()
    assert (len(texts(inbox)), len(texts(work))) == (7, 0)
    inbox.redo()
    assert (len(texts(inbox)), len(texts(work))) == (0, 7)


@pytest.mark.usefixtures("small_commits")
def test_undo_of_several_large_steps_is_redone_step_by_step(store: Store) -> None:
    inbox = a_list(store)
    inbox.add([Create(text, NOW) for text in "abcde"])
    inbox.change(inbox.view().items, lambda _: [Complete(day_or_instant(NOW), NOW)])
    inbox.change(inbox.view().items, lambda _: [Add(TAGS, "x")])
    inbox.undo(3)
    assert texts(inbox) == []
    for done, tags in ((0, 0), (5, 0), (5, 5)):
        inbox.redo()
        todos = [item.todo for item in inbox.view().items if not item.todo.removed]
        assert (len(todos), sum(todo.done for todo in todos), sum("x" in todo.tags for todo in todos)) == (5, done, tags)
    inbox.undo(2)
    assert [item.todo.done for item in inbox.view().items] == [False] * 5


@pytest.mark.usefixtures("small_commits")
def test_an_undo_of_a_batch_that_was_interrupted_goes_on_and_is_redone_as_a_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = a_list(store)
    inbox.add([Create(str(number), NOW) for number in range(10)])
    append = inbox.log.append
    appended: list[Metadata] = []

    def then_crash(appends: Sequence[Append], metadata: Metadata, **options: Any) -> Commit:
        if len(appended) == 2:
            raise Crash
        appended.append(metadata)
        return append(appends, metadata, **options)

    monkeypatch.setattr(inbox.log, "append", then_crash)
    with pytest.raises(Crash):
        inbox.undo()
    monkeypatch.undo()
    inbox = a_list(store)
    assert 0 < len(texts(inbox)) < 10
    inbox.undo()
    assert texts(inbox) == []
    inbox.redo()
    assert len(texts(inbox)) == 10
    inbox.undo()
    assert texts(inbox) == []


def test_another_list_that_cannot_be_read_does_not_prevent_undo(tmp_path: Path) -> None:
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    Lists(store).rename("work", "zeta")
    (tmp_path / "lists/bad.jsonl").write_bytes(b"")
    (tmp_path / "lists/folder.jsonl").mkdir()
    assert inbox.undo().also == ("zeta",)


@pytest.mark.parametrize(
    "change", [[Change(TEXT, "b")], [Remove()], [Add(TAGS, "t")]], ids=["an edit", "a removal", "a tag that was added"]
)
def test_a_change_is_not_redone_in_a_list_that_its_todo_left(store: Store, change: list[TodoCommand]) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    inbox.undo()
    inbox.change(inbox.select(["1"]), lambda _: change)
    inbox.undo()
    work.redo()
    before = inbox.view()
    with pytest.raises(CannotUndo, match="@4 cannot be redone: todo 1: it was moved to work: bring it back first"):
        inbox.redo()
    assert (inbox.view(), texts(work)) == (before, ["a"])
    work.undo()
    assert (texts(inbox), texts(work)) == (["a"], [])


def test_a_change_is_not_undone_in_a_list_that_its_todo_left(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    work.change(work.select(["1"]), lambda _: [Add(TAGS, "t")])
    work.change(work.select(["1"]), lambda _: [Drop(TAGS, "t")])
    inbox.undo()
    before = work.view()
    with pytest.raises(CannotUndo, match="@3 cannot be undone: todo 1: it was moved to inbox: bring it back first"):
        work.undo()
    assert (work.view(), texts(inbox)) == (before, ["a"])


def test_several_steps_are_not_undone_when_one_of_their_todos_left_the_list(store: Store) -> None:
    inbox, work = two_lists(store, "b")
    inbox.move(inbox.select(["1"]), work)
    work.change(work.select(["1"]), lambda _: [Add(TAGS, "t")])
    work.change(work.select(["1"]), lambda _: [Drop(TAGS, "t")])
    inbox.move(inbox.select(["2"]), work)
    inbox.undo_at(3)
    before = inbox.view(), work.view()
    with pytest.raises(CannotUndo, match="@3 cannot be undone: todo 1: it was moved to inbox: bring it back first"):
        work.undo(2)
    assert (inbox.view(), work.view()) == before


def test_undo_does_not_overwrite_a_change_that_a_move_brought_along(store: Store) -> None:
    inbox, work = two_lists(store)
    inbox.change(inbox.select(["1"]), lambda _: [Change(TEXT, "b")])
    inbox.move(inbox.select(["1"]), work)
    work.change(work.select(["1"]), lambda _: [Change(TEXT, "c")])
    work.move(work.select(["1"]), inbox)
    inbox.undo(2)
    assert (texts(inbox), texts(work)) == (["c"], [])
    with pytest.raises(CannotUndo, match="@2 cannot be undone: todo 1: what @2 changed was changed again in another list"):
        inbox.undo()
    assert (texts(inbox), texts(work)) == (["c"], [])


def test_a_todo_that_was_moved_away_cannot_be_restored_here(store: Store) -> None:
    inbox, work = two_lists(store, "b")
    inbox.move(inbox.select(["1"]), work)
    with pytest.raises(MovedAway, match="todo 1 was moved to work"):
        inbox.change(inbox.view().items, lambda _: [Restore()])
    assert (texts(inbox), texts(work)) == (["b"], ["a"])
    work.change(work.select(["1"]), lambda _: [Remove()])
    work.change(work.select(["1"]), lambda _: [Restore()])
    assert texts(work) == ["a"]


@pytest.mark.usefixtures("small_commits")
def test_a_batch_and_a_move_are_not_undone_when_another_command_changed_a_todo_of_the_batch(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other command recorded its change between two commits of the batch, so that undo comes to the batch first."""
    inbox, work = a_list(store), Lists(store).new("work")
    inbox.make_if_missing()
    other = a_list(store)

    def change_between(added: int, count: int) -> None:
        if added < count:
            other.change(other.select(["1"]), lambda _: [Change(TEXT, "changed")])

    monkeypatch.setattr(inbox, "progress", change_between)
    inbox.add_batch((Create(text, NOW) for text in "abcd"), 4)
    inbox.move(inbox.select(["2"]), a_list(store, work.name))
    with pytest.raises(CannotUndo, match="cannot be undone alone: @4 changed the same fields later"):
        inbox.undo(2)
    assert texts(inbox) == ["changed", "c", "d"]


def test_undo_brings_a_todo_back_that_the_other_list_lost(tmp_path: Path) -> None:
    """The other log was damaged, and a repair could not bring the arrival back."""
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    inbox, work = two_lists(store)
    inbox.move(inbox.select(["1"]), work)
    log = tmp_path / "lists/work.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert store.repair("work") is not None
    inbox, work = a_list(store), a_list(store, "work")
    assert (texts(inbox), texts(work)) == ([], [])
    inbox.undo()
    assert (texts(a_list(store)), texts(a_list(store, "work"))) == (["a"], [])
