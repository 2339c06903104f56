"""Merging into files: those who have read the log before go on, and reactions are given what moved."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoint, Parked
from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import LogBusy, LogNotFound, ReadOnlyLog
from cqrs_todo.cqrs.events import Metadata, Recorded
from cqrs_todo.cqrs.operation_errors import CannotMerge
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.replication import MergeTerms
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores.jsonl import merge
from cqrs_todo.cqrs.stores.jsonl.files import replace_durably
from cqrs_todo.todo.events import TextChanged
from cqrs_todo.todo.fields import NOTE, TEXT
from cqrs_todo.todo.merging import RULES
from cqrs_todo.todo.model import Change, Create
from cqrs_todo.todo.reactions import TodosAfter
from cqrs_todo.todo.service import TodoList
from tests.strategies import NOW
from tests.todo.histories import a_list
from tests.trials.children import store_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two copies of a list in `here` and `there`, which were both changed. There are more changes there."""
    here = a_list(store_in(tmp_path / "here"))
    here.add([Create("one", NOW), Create("two", NOW)])
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    here = a_list(store_in(tmp_path / "here"))
    here.change(here.view().items[:1], lambda _: [Change(TEXT, "here")])
    there = a_list(store_in(tmp_path / "there"))
    there.change(there.view().items[:1], lambda _: [Change(NOTE, "there")])
    there.add([Create("three", NOW)])
    return tmp_path


def texts(todos: TodoList) -> list[str]:
    return [item.todo.text for item in todos.view().items]


def copy(folder: Path) -> bytes:
    return (folder / "there/lists/inbox.jsonl").read_bytes()


def store(folder: Path) -> Store:
    return store_in(folder / "here")


def test_a_list_that_was_read_before_is_read_again_and_can_be_changed(folder: Path) -> None:
    reader, writer = a_list(store(folder)), a_list(store(folder))
    assert texts(reader) == texts(writer) == ["here", "two"]
    writer.change(writer.view().items[1:], lambda _: [Change(NOTE, "before")])
    assert store(folder).merge("inbox", copy(folder), RULES).changed
    assert texts(reader) == ["here", "two", "three"]
    assert reader.log.damage is None
    writer.change(writer.view().items[:1], lambda _: [Change(NOTE, "after")])
    assert [item.todo.note for item in reader.view().items] == ["after", "before", None]
    assert store(folder).verify("inbox").damage is None


def test_a_reader_that_looks_before_the_new_head_is_recorded_goes_on_afterwards(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = a_list(store(folder))
    assert texts(reader) == ["here", "two"]
    looks: list[str | None] = []

    def replaced(path: str, data: bytes) -> None:
        replace_durably(path, data)
        reader.view()
        looks.append(reader.log.damage)

    monkeypatch.setattr(merge, "replace_durably", replaced)
    assert store(folder).merge("inbox", copy(folder), RULES).changed
    assert len(looks) == 1, "the reader looked when the file was replaced, and its head was not recorded"
    assert texts(reader) == ["here", "two", "three"]
    assert reader.log.damage is None
    reader.change(reader.view().items[:1], lambda _: [Change(NOTE, "after")])


def test_a_log_that_was_cut_in_place_is_still_damaged(folder: Path) -> None:
    reader = a_list(store(folder))
    assert texts(reader) == ["here", "two"]
    path = folder / "here/lists/inbox.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("r+b") as file:
        file.truncate(len(b"".join(lines[:-1])))
    reader.view()
    assert reader.log.damage is not None


def test_a_reaction_goes_on_where_the_first_event_has_moved(folder: Path) -> None:
    checkpoints = store(folder).checkpoints()
    log = store(folder).open("inbox")
    ((*_, moved),) = [list(log.events())]
    checkpoints.save("mail", log.id, Checkpoint(3, Cursor(3, 3, 700, b"0" * 64)))
    checkpoints.save("early", log.id, Checkpoint(1, Cursor(0)))
    checkpoints.park("mail", log.id, Parked(moved.id, moved.position, "error", NOW, 3))
    store(folder).merge("inbox", copy(folder), RULES)
    assert checkpoints.load("mail", log.id).position == 2
    assert checkpoints.load("early", log.id).position == 1
    (parked,) = Runner(store(folder), store(folder).open("inbox"), Reaction("mail", lambda _: None)).parked()
    places = {event.id: event.position for event in store(folder).open("inbox").events()}
    assert (parked.event, parked.position) == (moved.id, places[moved.id])
    assert parked.position != moved.position


@pytest.mark.parametrize("begun", [0, 1, 2])
def test_a_reaction_goes_on_that_merges_the_log_itself(folder: Path, begun: int) -> None:
    here = store(folder)
    log = here.open("inbox")
    here.checkpoints().save("sync", log.id, Checkpoint(begun))
    given: list[str] = []

    def merge_now(event: Recorded[Any]) -> None:
        given.append(event.id)
        store(folder).merge("inbox", copy(folder), RULES)

    runner = Runner(here, log, Reaction("sync", merge_now))
    runner.catch_up()
    ids = [event.id for event in store(folder).open("inbox").events()]
    assert {*given} == {*ids[begun:]}, "each event that has moved or came from there was given"
    assert Runner(store(folder), store(folder).open("inbox"), Reaction("sync", merge_now)).catch_up() == 0
    a_list(here).add([Create("five", NOW)])
    assert runner.catch_up() == 1


def test_a_reaction_stays_where_it_is_if_nothing_has_moved(folder: Path) -> None:
    checkpoints = store_in(folder / "there").checkpoints()
    log = store_in(folder / "there").open("inbox")
    kept = Checkpoint(4, log.cursor())
    checkpoints.save("mail", log.id, kept)
    store_in(folder / "there").merge("inbox", (folder / "here/lists/inbox.jsonl").read_bytes(), RULES)
    assert checkpoints.load("mail", log.id) == kept


def test_what_cannot_be_merged_is_refused(folder: Path) -> None:
    with pytest.raises(LogNotFound):
        store(folder).merge("other", copy(folder), RULES)
    newer = copy(folder).replace(b'"version":"1.0"', b'"version":"2.0"')
    with pytest.raises((CannotMerge, ReadOnlyLog)):
        store(folder).merge("inbox", newer, RULES)
    shutil.copy(folder / "here/lists/inbox.jsonl", folder / "here/lists/copied.jsonl")
    with pytest.raises(ReadOnlyLog, match="copy of another log"):
        store(folder).merge("copied", copy(folder), RULES)


def test_a_torn_tail_is_set_aside(folder: Path) -> None:
    path = folder / "here/lists/inbox.jsonl"
    with path.open("ab") as file:
        file.write(b'{"position":4,"at":')
    assert store(folder).merge("inbox", copy(folder), RULES).changed
    (aside,) = path.parent.glob("inbox.torn-*")
    assert aside.read_bytes() == b'{"position":4,"at":'
    assert store(folder).verify("inbox").damage is None


def test_a_reaction_sees_the_todos_of_the_merged_list(folder: Path) -> None:
    followed = a_list(store(folder))
    after = TodosAfter(followed)
    [*_, last] = list(store(folder).open("inbox").events())
    assert [item.todo.text for item in after.items(last)] == ["here", "two"]
    store(folder).merge("inbox", copy(folder), RULES)
    for event in store(folder).open("inbox").events():
        if event.position >= last.position:
            expected = a_list(store(folder))
            assert list(after.items(event)) == list(TodosAfter(expected).items(event)), event.position
    assert [item.todo.text for item in after.items(event)] == ["here", "two", "three"]


def test_a_change_after_a_merge_that_was_killed_is_refused_once_and_no_damage_is_reported(folder: Path) -> None:
    old = store(folder).open("inbox")
    assert len(list(old.events())) == 3
    assert store(folder).merge("inbox", copy(folder), RULES).changed
    lock = folder / "here/lists/inbox.lock"
    lock.write_bytes(bytes(len(lock.read_bytes())))  # it was killed before it recorded the new head
    append = [Append("other/1", (TextChanged("a", "b"),))]
    with pytest.raises(LogBusy, match="by a merge that was stopped; nothing was recorded"):
        old.append(append, Metadata.new("me"))
    store(folder).open("inbox").append(append, Metadata.new("me"))
    assert store(folder).verify("inbox").damage is None


def test_a_commit_all_of_which_an_earlier_merge_has_added_is_left_out(folder: Path) -> None:
    there = store_in(folder / "there").open("inbox")
    stream = next(iter(there.events())).stream
    event = TextChanged("one", "by a merge")
    there.append([Append(stream, (event,))], Metadata(NOW, "me@laptop", "c9", {"extra": [1]}))
    assert store(folder).merge("inbox", copy(folder), RULES).changed
    assert store(folder).verify("inbox").damage is None
    assert "by a merge" not in texts(a_list(store(folder)))


def test_a_reaction_gets_no_event_again_that_was_in_the_log_when_it_began_or_that_it_is_done_with(folder: Path) -> None:
    here = store(folder)
    given: list[str] = []

    def runner() -> Runner:
        return Runner(here, here.open("inbox"), Reaction("mail", lambda event: given.append(event.id)))

    assert runner().begin_now()
    then = {event.id for event in here.open("inbox").events()}
    a_list(here).add([Create("later", NOW)])
    a_list(store_in(folder / "there")).add([Create("four", NOW)])  # so that more was changed there, and what is here moves
    assert runner().catch_up() == 1
    then |= {*given}
    given.clear()
    assert here.merge("inbox", copy(folder), RULES).moved
    assert here.repair("inbox") is None  # after which it is read from the start
    runner().catch_up()
    assert given == [event.id for event in here.open("inbox").events() if event.id not in then]
    given.clear()
    assert runner().catch_up() == 0
    a_list(store_in(folder / "there")).add([Create("again", NOW)])
    assert here.merge("inbox", copy(folder), RULES).changed
    runner().catch_up()
    assert not then & {*given}


def test_reactions_to_a_list_that_gets_the_id_of_another_one_go_on(folder: Path) -> None:
    theirs = a_list(store_in(folder / "another"))
    theirs.add([Create("theirs", NOW)])
    here = store(folder)
    old = here.open("inbox")
    given: list[str] = []

    def runner() -> Runner:
        return Runner(here, here.open("inbox"), Reaction("mail", lambda event: given.append(event.id)))

    assert runner().begin_now()
    then = {event.id for event in old.events()}
    a_list(here).add([Create("later", NOW)])
    here.checkpoints().park("mail", old.id, Parked("c/1", 1, "error", NOW, 3))
    other = (folder / "another/lists/inbox.jsonl").read_bytes()
    here.merge("inbox", other, RULES, terms=MergeTerms(hub=True, join="theirs"))
    joined = here.open("inbox")
    assert (joined.id, joined.id == old.id) == (theirs.log.id, False)
    runner().catch_up()
    assert given == [event.id for event in joined.events() if event.id not in then]
    assert [each.event for each in runner().parked()] == ["c/1"]
    assert (runner().catch_up(), runner().begin_now()) == (0, False)
    assert {each.suffix for each in (folder / "here/reactions" / old.id).iterdir()} == {".lease", ".lock"}
