"""Syncs of several homes with a hub or a shared folder, in one process: nothing is lost or doubled, and all are equal."""

import os
import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.errors import CqrsError, OutcomeUnknown, StoreUnavailable
from cqrs_todo.cqrs.ids import now
from cqrs_todo.cqrs.names import check_log_name
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.format import FORMAT, VERSION, Header, encode_header
from cqrs_todo.cqrs.stores.jsonl import JsonlStore
from cqrs_todo.cqrs.stores.merging import with_wanted
from cqrs_todo.todo.errors import DamagedHere, SentPerhaps, TakenHere, TakenThere, TwoLists, UnreadCopy
from cqrs_todo.todo.fields import NOTE, PROJECT, TEXT, WAIT
from cqrs_todo.todo.merging import RULES, merged_todos, move_instead
from cqrs_todo.todo.model import Change, Complete, Create, Remove
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList
from cqrs_todo.todo.sync import Joining, MemoryFile, Synced, Unjoined, WrongRemote, remembering, sending, sync
from cqrs_todo.todo.sync.folder import SharedFolder
from cqrs_todo.todo.sync.halves import has_todos
from cqrs_todo.todo.sync.hub import Hub
from cqrs_todo.todo.sync.memory import Memory, Moved
from cqrs_todo.todo.sync.outgoing import Outgoing, in_steps
from cqrs_todo.todo.sync.remotes import opened
from tests.meeting import new_remote, until_nothing_is_left
from tests.strategies import NOW
from tests.todo.test_moves import Crash, interrupted


class Home:
    """A machine with its lists, and what it remembers of its syncs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def store(self) -> Store:
        return open_store(f"jsonl:{self.folder / 'data'}", TYPES)

    @property
    def memory(self) -> MemoryFile:
        return MemoryFile(str(self.folder / "state"))

    def list(self, name: str = "inbox") -> TodoList:
        return TodoList(self.store, name, self.folder.name, default=True)

    def add(self, *texts: str, name: str = "inbox") -> None:
        todos = self.list(name)
        if name not in self.store.names():
            self.store.create(name, NOW)
            todos = self.list(name)
        todos.add([Create(text, NOW) for text in texts])

    def edit(self, number: int, text: str, name: str = "inbox") -> None:
        todos = self.list(name)
        todos.change(todos.select([str(number)]), lambda _: [Change(TEXT, text)])

    def texts(self, name: str = "inbox") -> Sequence[str]:
        return [item.todo.text for item in self.list(name).view().items if not item.todo.removed]

    def commands(self, name: str = "inbox") -> set[str]:
        return {commit.metadata.command for commit in self.store.open(name).commits()}

    def bytes(self, name: str = "inbox") -> bytes:
        return (self.folder / f"data/lists/{name}.jsonl").read_bytes()

    def id(self, name: str = "inbox") -> str:
        return self.store.open(name).id

    def sync(self, url: str, *, only: Sequence[str] = (), joining: Joining | None = None, dry_run: bool = False) -> Synced:
        done = sync(self.store, url, self.memory, only=only, joining=joining, dry_run=dry_run)
        assert done.errors == []
        return done

    def copied(self, name: str) -> "Home":
        twin = Home(self.folder.with_name(name))
        shutil.copytree(self.folder, twin.folder)
        return twin


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home, Home]:
    one, two, three = (Home(tmp_path / name) for name in ("one", "two", "three"))
    return one, two, three


@pytest.fixture(params=["jsonl", "server", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_remote(request.param, tmp_path, request)


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_remote("folder", tmp_path, request)


@pytest.fixture
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_remote("jsonl", tmp_path, request)


JOIN = Joining(join=True)


def until_equal(url: str, *homes: Home, names: Sequence[str] = ("inbox",)) -> None:
    """Sync all homes until nothing is left to do, and hold that all have the same then."""
    until_nothing_is_left(homes, lambda home: home.sync(url).lists == [])
    for name in names:
        assert len({home.bytes(name) for home in homes}) == 1
        assert all(home.store.verify(name).damage is None for home in homes)


def test_a_list_comes_to_the_others_and_changes_go_both_ways(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, three = homes
    one.add("Buy milk", "Paint")
    (done,) = one.sync(url).lists
    assert (done.name, done.sent, done.merged) == ("inbox", 1, None)
    (done,) = two.sync(url).lists
    assert (done.made, done.sent) == (True, 0)
    two.edit(1, "Buy oat milk")
    one.edit(2, "Paint the door")
    one.add("Call Bob")
    wanted = one.commands() | two.commands()
    until_equal(url, *homes)
    assert three.texts() == ["Buy oat milk", "Paint the door", "Call Bob"]
    assert three.commands() == wanted


def test_two_lists_of_the_same_name_are_joined_only_on_demand(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, three = homes
    one.add("Here", "Also here")
    two.add("There")
    one.sync(url)
    before = two.bytes()
    with pytest.raises(Unjoined) as raised:
        two.sync(url)
    (clash,) = raised.value.clashes
    assert (clash.name, clash.mine, len(clash.joined.received)) == ("inbox", 1, 1)
    assert two.bytes() == before
    wanted = one.commands() | two.commands()
    two.sync(url, joining=JOIN)
    until_equal(url, *homes)
    assert one.texts() == three.texts() == ["Here", "Also here", "There"]
    assert one.commands() == wanted
    assert list((two.folder / "data/lists").glob("inbox.merged-*")), "the list as it was is kept"


@pytest.mark.parametrize("joined", [("inbox",), ("work",), ("inbox", "work")])
@pytest.mark.parametrize("undone_in", ["inbox", "work"])
def test_a_move_from_before_a_join_can_be_undone_in_both_lists(
    homes: tuple[Home, Home, Home], folder: str, joined: Sequence[str], undone_in: str
) -> None:
    one, two, _ = homes
    for name in joined:
        one.add(f"In {name}", name=name)
    one.sync(folder)
    two.add("Moved")
    two.add("At work", name="work")
    two.list().move(two.list().select(["1"]), two.list("work"))
    two.sync(folder, joining=JOIN)
    assert "Moved" in two.texts("work")
    two.list(undone_in).undo()
    assert ("Moved" in two.texts(), "Moved" in two.texts("work")) == (True, False)
    two.list(undone_in).redo()
    assert ("Moved" in two.texts(), "Moved" in two.texts("work")) == (False, True)
    until_equal(folder, one, two, names=("inbox", "work"))


def test_two_lists_of_the_same_name_are_kept_apart_on_demand(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Here")
    two.add("There")
    one.sync(url)
    two.sync(url, joining=Joining(apart="laptop"))
    one.sync(url)
    assert one.texts("laptop") == two.texts("laptop") == ["There"]
    assert one.texts() == two.texts() == ["Here"]


def test_a_renamed_list_and_the_new_one_of_its_name_stay_two_lists(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, three = homes
    three.memory.save(Memory(machine="0000000000"))  # what this machine says comes first
    one.add("Old", name="work")
    one.sync(url)
    three.sync(url)
    one.store.rename("work", "archive")
    one.add("New", name="work")
    one.sync(url)
    done = two.sync(url, joining=JOIN)
    assert {each.name for each in done.lists} == {"archive", "work"}
    assert done.warnings == []
    assert (two.texts("archive"), two.texts("work")) == (["Old"], ["New"])
    assert two.sync(url).lists == []
    for joining in (None, JOIN):
        with pytest.raises(Unjoined) as raised:
            three.sync(url, joining=joining)
        (clash,) = raised.value.clashes
        assert (clash.name, clash.renamed) == ("work", "archive")
    three.store.rename("work", "archive")
    until_equal(url, *homes, names=("archive", "work"))
    assert three.texts("archive") == ["Old"]


def test_of_two_lists_of_the_same_name_a_new_machine_gets_one_and_can_join_the_other(
    homes: tuple[Home, Home, Home], folder: str, tmp_path: Path
) -> None:
    one, two, three = homes
    one.add("Here", "Also here")
    two.add("There")
    one.sync(folder)
    apart = tmp_path / "apart"
    two.sync(f"folder:{apart}")
    for file in apart.iterdir():
        shutil.copy(file, folder.removeprefix("folder:"))
    done = sync(three.store, folder, three.memory)
    assert [type(error) for error in done.errors] == [TwoLists]
    assert [each.name for each in done.lists] == ["inbox"]
    with pytest.raises(Unjoined):
        three.sync(folder)
    three.sync(folder, joining=JOIN)
    assert {*three.texts()} == {"Here", "Also here", "There"}


def test_two_lists_of_which_one_machine_says_the_same_name_come_under_two_names(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, two, _ = homes
    one.add("Here", name="work")
    one.add("There", name="home")
    one.sync(folder)
    (said,) = Path(folder.removeprefix("folder:")).glob(f"{one.memory.load().machine}.json")
    said.write_text(said.read_text().replace('"home"', '"work"'))
    assert {each.name for each in two.sync(folder).lists} == {"work", "work-2"}
    assert {*two.texts("work"), *two.texts("work-2")} == {"Here", "There"}
    assert two.sync(folder).lists == []


def test_two_machines_that_came_at_once_join_to_the_same(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, three = homes
    one.add("Here")
    two.add("There", "Also there")
    one.sync(folder)
    remote = Path(folder.partition(":")[2])
    aside = remote.with_name("aside")
    remote.rename(aside)
    remote.mkdir()
    shutil.copy(aside / "cqrs-todo-sync.json", remote)
    two.sync(folder)
    for file in aside.iterdir():
        shutil.copy(file, remote)
    for home in (one, two):
        home.sync(folder, joining=JOIN)
    three.sync(folder, joining=JOIN)
    until_equal(folder, *homes)
    assert sorted(three.texts()) == ["Also there", "Here", "There"]


def test_a_sync_that_has_nothing_to_do_reads_no_list(
    homes: tuple[Home, Home, Home], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(url, one, two)
    monkeypatch.setattr(JsonlStore, "open", None)
    assert one.sync(url).lists == []


def test_a_dry_run_changes_nothing(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, three = homes
    one.add("Here")
    until_equal(url, one, two)
    one.add("Later")
    one.sync(url)
    two.add("There")
    before = {path: path.read_bytes() for path in two.folder.parent.rglob("*") if path.is_file()}
    (done,) = two.sync(url, dry_run=True).lists
    assert (done.sent, done.merged and len(done.merged.received)) == (1, 1)
    (new,) = three.sync(url, dry_run=True).lists
    assert new.made
    after = {path: path.read_bytes() for path in two.folder.parent.rglob("*") if path.is_file()}
    assert {path for path in after if after[path] != before.get(path)} <= {three.folder / "state/sync.lock"}
    (real,) = two.sync(url).lists
    assert (real.sent, real.merged and len(real.merged.received)) == (1, 1)


def test_only_a_named_list_is_synced_with_those_that_share_a_move(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Here", "Moved")
    for name in ("work", "home"):
        one.add(f"In {name}", name=name)
    until_equal(url, one, two, names=("inbox", "work", "home"))
    one.add("Not yet", name="home")
    one.list().move(one.list().select(["2"]), one.list("work"))
    assert {each.name for each in one.sync(url, only=["inbox"]).lists} == {"inbox", "work"}
    two.sync(url)
    assert (two.texts(), two.texts("work"), two.texts("home")) == (["Here"], ["In work", "Moved"], ["In home"])
    one.sync(url)
    two.sync(url)
    assert two.texts("home") == ["In home", "Not yet"]


def files_of(folder: str, home: Home, name: str) -> Path:
    """Return the file that a machine has for a list in a shared folder."""
    return Path(folder.partition(":")[2]) / f"{home.id(name)}.{home.memory.load().machine}.jsonl"


@pytest.mark.parametrize("late", ["missing", "old", "cut"])
def test_a_todo_that_was_moved_is_never_in_no_list_although_a_file_comes_later(
    homes: tuple[Home, Home, Home], folder: str, late: str
) -> None:
    one, two, _ = homes
    one.add("Moved", "Stays")
    one.add("Work", name="work")
    until_equal(folder, one, *([] if late == "missing" else [two]), names=["inbox", "work"])
    if late == "missing":
        work = files_of(folder, one, "work")
        before = work.read_bytes()
        work.unlink()
        two.sync(folder)
    else:
        work = files_of(folder, one, "work")
        before = work.read_bytes()
    one.edit(2, "Before the move")
    source, target = one.list(), one.list("work")
    source.move(source.select(["1"]), target)
    one.edit(2, "After the move")
    one.sync(folder)
    after = work.read_bytes()
    if late == "missing":
        work.unlink()
    else:
        work.write_bytes(before if late == "old" else after[:-9])
    two.add("Mine")
    for _ in range(2):
        done = sync(two.store, folder, two.memory)
        assert [(each.kind, each.list, each.there) for each in done.warnings if each.kind == "held"] == [
            ("held", "inbox", "work")
        ]
        assert two.texts() == ["Moved", "Before the move", "Mine"], "what came before is received"
    work.write_bytes(after)
    until_equal(folder, one, two, names=["inbox", "work"])
    assert (two.texts(), two.texts("work")) == (["After the move", "Mine"], ["Work", "Moved"])


def holds_back_the_removal(home: Home, folder: str) -> None:
    """Sync a new machine twice, which does not receive that a todo has left the inbox, because `work` has not arrived."""
    for _ in range(2):
        done = sync(home.store, folder, home.memory)
        assert [(each.kind, each.list, each.there) for each in done.warnings] == [("held", "inbox", "work")]
        assert home.texts() == ["Moved"]


@pytest.mark.parametrize("late", ["missing", "missing with what its machine says", "old", "cut"])
def test_a_new_machine_gets_a_todo_that_was_moved_although_a_file_comes_later(
    homes: tuple[Home, Home, Home], folder: str, late: str
) -> None:
    one, two, _ = homes
    one.add("Moved")
    one.add("Work", name="work")
    until_equal(folder, one, names=["inbox", "work"])
    work = files_of(folder, one, "work")
    files = [work, *([work.with_name(f"{one.memory.load().machine}.json")] if "says" in late else [])]
    before = work.read_bytes()
    one.list().move(one.list().select(["1"]), one.list("work"))
    one.edit(1, "After the move", name="work")
    one.sync(folder)
    after = {file: file.read_bytes() for file in files}
    if late in ("old", "cut"):
        work.write_bytes(before if late == "old" else after[work][:-9])
    else:
        for file in files:
            file.unlink()
    holds_back_the_removal(two, folder)
    for file in files:
        file.write_bytes(after[file])
    until_equal(folder, one, two, names=["inbox", "work"])
    assert (two.texts(), two.texts("work")) == ([], ["After the move", "Moved"])


def test_a_new_machine_gets_a_todo_that_was_moved_to_a_list_of_which_nothing_has_arrived(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, two, _ = homes
    one.add("Moved")
    one.sync(folder)
    says = Path(folder.partition(":")[2]) / f"{one.memory.load().machine}.json"
    before = says.read_bytes()
    one.add("Work", name="work")
    one.list().move(one.list().select(["1"]), one.list("work"))
    one.sync(folder)
    work = files_of(folder, one, "work")
    after = {file: file.read_bytes() for file in (work, says)}
    work.unlink()
    says.write_bytes(before)
    holds_back_the_removal(two, folder)
    for file, content in after.items():
        file.write_bytes(content)
    until_equal(folder, one, two, names=["inbox", "work"])
    assert (two.texts(), two.texts("work")) == ([], ["Work", "Moved"])


def test_a_new_machine_gets_all_of_a_list_that_was_brought_to_a_folder_without_those_that_todos_were_moved_to(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, two, three = homes
    one.add("Moved", "Stays")
    one.add("Work", name="work")
    one.list().move(one.list().select(["1"]), one.list("work"))
    two.store.import_log("inbox", one.bytes().splitlines(keepends=True))
    two.sync(folder)
    assert three.sync(folder).warnings == []
    assert three.texts() == ["Stays"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_whichever_files_come_late_each_todo_is_in_one_list(homes: tuple[Home, Home, Home], folder: str, seed: int) -> None:
    dice = random.Random(seed)
    names = ["inbox", "work", "home"]
    for name in names:
        homes[0].add("First", "Second", name=name)
    until_equal(folder, *homes, names=names)
    earlier: dict[Path, bytes] = {}
    for turn in range(40):
        home, name = dice.choice(homes), dice.choice(names)
        source = home.list(name)
        there = [item for item in source.view().items if not item.todo.removed]
        if dice.random() < 0.6 and there:
            source.move([dice.choice(there)], home.list(dice.choice([other for other in names if other != name])))
            continue
        own = home.memory.load().machine
        files = {file: file.read_bytes() for file in Path(folder.partition(":")[2]).glob("*.jsonl")}
        late = {file for file in files if own not in file.name and file in earlier and dice.random() < 0.35}
        for file in late:
            file.write_bytes(earlier[file])
        new, copy = Home(home.folder.with_name(f"new{turn}")), home.folder.with_name(f"folder{turn}")
        shutil.copytree(folder.partition(":")[2], copy)
        for file in copy.glob("*.jsonl"):
            if dice.random() < 0.2:
                file.unlink()
        sync(new.store, f"folder:{copy}", new.memory)
        todos = [item for each in new.store.names() for item in new.list(each).view().items]
        assert {item.id for item in todos if not item.todo.removed} == {item.id for item in todos}
        sync(home.store, folder, home.memory, only=[name] if dice.random() < 0.3 else ())
        for file in late:
            file.write_bytes(files[file])
        earlier |= {file: files[file] for file in files.keys() - late}
        ids = [item.id for each in names for item in home.list(each).view().items if not item.todo.removed]
        assert len(ids) == len({*ids}) == 6
    until_equal(folder, *homes, names=names)


def lists_with(hub: str, stream: str) -> set[str]:
    """Return the names of the lists on a hub that have a todo, whether they are archived or not."""
    store = open_store(hub, TYPES)
    logs = {head.name: opened(store, head) for head in store.heads()}
    half = Moved(streams=(stream,), others=(), target_name="")
    return {name for name, log in logs.items() if has_todos(log, half)}


def fail_at(monkeypatch: pytest.MonkeyPatch, hub: str, error: BaseException, name: str = "", import_: int = 0) -> None:
    """Let the imports of a list into a hub fail, or one of all imports."""
    real, number = JsonlStore.import_log, count(1)

    def fails(self: JsonlStore, wanted: str, *args: Any, **more: Any) -> int:
        if self.url == hub and (next(number) == import_ or wanted == name):
            raise error
        return real(self, wanted, *args, **more)

    monkeypatch.setattr(JsonlStore, "import_log", fails)


@pytest.mark.parametrize("fails", ["inbox", "work", 1, 2, 3, 4])
def test_todos_that_were_swapped_are_on_a_hub_whatever_of_it_is_sent(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch, fails: str | int
) -> None:
    one, two, three = homes
    for name in ("inbox", "work"):
        one.add(f"From {name}", name=name)
    until_equal(hub, one, two, names=["inbox", "work"])
    todos = [item.stream for name in ("inbox", "work") for item in one.list(name).view().items]
    for name, other in (("inbox", "work"), ("work", "inbox")):
        one.list(name).move(one.list(name).select(["1"]), one.list(other))
    if isinstance(fails, str):
        fail_at(monkeypatch, hub, StoreUnavailable("it is full"), name=fails)
        done = sync(one.store, hub, one.memory)
        (warning,) = done.warnings
        assert (warning.kind, warning.there, len(done.errors)) == ("waiting", fails, 1)
    else:
        fail_at(monkeypatch, hub, KeyboardInterrupt(), import_=fails)
        with nullcontext() if fails > 3 else pytest.raises(KeyboardInterrupt):
            one.sync(hub)
    assert all(lists_with(hub, todo) for todo in todos)
    sync(three.store, hub, three.memory)
    assert {*three.texts(), *three.texts("work")} == {"From inbox", "From work"}
    monkeypatch.undo()
    until_equal(hub, *homes, names=["inbox", "work"])
    assert (three.texts(), three.texts("work")) == (["From work"], ["From inbox"])


def test_todos_that_were_moved_in_a_circle_are_on_a_hub_although_one_list_is_archived_there(
    homes: tuple[Home, Home, Home], hub: str
) -> None:
    one, two, _ = homes
    names = ["inbox", "work", "home"]
    one.add("First", "Second", name="inbox")
    one.add("At work", name="work")
    one.add("Third", name="home")
    until_equal(hub, one, two, names=names)
    open_store(hub, TYPES).archive("work")
    for number, source, target in (("1", "inbox", "home"), ("2", "inbox", "work"), ("1", "home", "inbox")):
        one.list(source).move(one.list(source).select([number]), one.list(target))
    assert {(each.kind, each.list, each.there) for each in one.sync(hub).warnings} == {
        ("waiting", "inbox", "work"),
        ("waiting", "home", "inbox"),
        ("archived", "work", "work"),
    }
    two.sync(hub)
    assert (two.texts(), two.texts("home")) == (["Second"], ["Third", "First"])
    open_store(hub, TYPES).unarchive("work")
    until_equal(hub, one, two, names=names)
    assert (two.texts(), two.texts("work"), two.texts("home")) == (["Third"], ["At work", "Second"], ["First"])


def test_a_todo_that_was_moved_is_on_a_hub_that_was_restored_without_the_list_that_has_it(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Moved")
    one.add("Work", name="work")
    one.sync(hub)
    remote, dump = Path(hub.partition(":")[2]), Path(hub.partition(":")[2]).with_name("dump")
    shutil.copytree(remote, dump)
    one.list().move(one.list().select(["1"]), one.list("work"))
    one.sync(hub)
    shutil.rmtree(remote)
    shutil.copytree(dump, remote)
    fail_at(monkeypatch, hub, StoreUnavailable("it is full"), name="work")
    for _ in range(2):
        assert [(each.kind, each.list) for each in sync(one.store, hub, one.memory).warnings] == [("waiting", "inbox")]
        two.sync(hub)
        assert two.texts() == ["Moved"]
    monkeypatch.undo()
    until_equal(hub, one, two, names=["inbox", "work"])
    assert (two.texts(), two.texts("work")) == ([], ["Work", "Moved"])


def test_lists_that_need_each_other_at_once_are_sent_all_the_same(homes: tuple[Home, Home, Home]) -> None:
    one, _, _ = homes
    for name in ("inbox", "work"):
        one.add(f"From {name}", name=name)
    for name, other in (("inbox", "work"), ("work", "inbox")):
        one.list(name).move(one.list(name).select(["1"]), one.list(other))
    lists = {}
    for head in one.store.heads():
        log = one.store.open(head.name)
        header, first, *moves = log.lines()
        moves.sort(key=lambda line: b"todo_created" in line)  # as after merges that took other copies as the trunk
        lists[head.id] = Outgoing(head, log, [header, first, *moves], START, 2)
    sent = []
    for each, end in in_steps(lists, lists, lambda _: False):
        sent.append((each.head.name, each.there, end))
        each.seen, each.there = {}, end
    assert {name: max(end for other, _, end in sent if other == name) for name, _, _ in sent} == {"inbox": 4, "work": 4}
    assert all(each.left == 0 for each in lists.values())


def test_who_syncs_with_a_hub_that_has_half_of_a_circle_of_moves_is_told_what_is_in_no_list_until_the_rest_is_sent(
    homes: tuple[Home, Home, Home], hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = homes
    folder = f"folder:{tmp_path / 'shared'}"
    names = ["inbox", "work"]
    for name in names:
        one.add(f"From {name}", name=name)
    until_equal(folder, one, two, names=names)
    one.sync(hub)
    three.sync(hub)
    for home, name, other in ((one, "inbox", "work"), (two, "work", "inbox")):
        home.list(name).move(home.list(name).select(["1"]), home.list(other))
        home.add("Later", name=name)  # the longer list is the trunk, so in both the removal comes first
    two.sync(folder)
    fail_at(monkeypatch, hub, KeyboardInterrupt(), import_=2)
    one.sync(folder)
    with pytest.raises(KeyboardInterrupt):
        one.sync(hub)
    monkeypatch.undo()
    new = Home(three.folder.with_name("new"))
    for home in (three, new, three):
        (warning,) = sync(home.store, hub, home.memory).warnings
        (todo,) = warning.streams
        assert (warning.kind, {warning.list, warning.there}) == ("lost", {*names})
        text = f"From {warning.list}"
        assert [item.todo.text for item in home.list(warning.list).view().items if item.stream == todo] == [text]
        (other,) = {"From inbox", "From work"} - {text}
        assert other in home.texts(warning.list), "of the two removals only one was sent"
    one.sync(hub)
    assert three.sync(hub).warnings == []
    until_equal(hub, one, three, new, names=names)
    assert sorted([*three.texts(), *three.texts("work")]) == ["From inbox", "From work", "Later", "Later"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_sent_to_a_hub_each_todo_is_there(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    names = ["inbox", "work", "home"]
    for name in names:
        homes[0].add("First", "Second", name=name)
    until_equal(hub, *homes, names=names)
    todos = {item.stream for name in names for item in homes[0].list(name).view().items}
    shared, archives = open_store(hub, TYPES), seed % 2 == 0
    remote, dump = Path(hub.partition(":")[2]), Path(hub.partition(":")[2]).with_name("dump")
    for _ in range(60):
        home, name = dice.choice(homes), dice.choice(names)
        source = home.list(name)
        there = [item for item in source.view().items if not item.todo.removed]
        if dice.random() < 0.6 and there:
            source.move([dice.choice(there)], home.list(dice.choice([other for other in names if other != name])))
            continue
        match dice.randrange(12):
            case 0:
                shutil.rmtree(dump, ignore_errors=True)
                shutil.copytree(remote, dump)
            case 1 if dump.exists():
                shutil.rmtree(remote)
                shutil.copytree(dump, remote)
            case 2 if archives and name in shared.names():
                shared.archive(name)
            case 3 if name not in shared.names():
                shared.unarchive(name)
            case 4 | 5:
                fail_at(monkeypatch, hub, StoreUnavailable("it is full"), name=name)
            case 6 | 7 | 8:
                fail_at(monkeypatch, hub, KeyboardInterrupt(), import_=dice.randint(1, 5))
        with suppress(KeyboardInterrupt):
            sync(home.store, hub, home.memory, only=[name] if dice.random() < 0.2 else ())
        monkeypatch.undo()
        assert {todo for todo in todos if not lists_with(hub, todo)} == set()
        here = [item.stream for each in names for item in home.list(each).view().items if not item.todo.removed]
        assert {*here} == todos or archives, "nobody receives what is archived on a hub"
    for name in {*names} - {*shared.names()}:
        shared.unarchive(name)
    until_equal(hub, *homes, names=names)
    here = [item.stream for each in names for item in homes[0].list(each).view().items if not item.todo.removed]
    assert sorted(here) == sorted(todos)


def test_lists_that_moved_todos_into_each_other_are_received_together(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("From inbox", "Stays")
    one.add("From work", name="work")
    until_equal(url, one, two, names=["inbox", "work"])
    for name, other in (("inbox", "work"), ("work", "inbox")):
        source = one.list(name)
        source.move(source.select(["1"]), one.list(other))
    done = one.sync(url)
    done = two.sync(url, only=["inbox"])
    assert done.warnings == []
    assert (two.texts(), two.texts("work")) == (["Stays", "From work"], ["From inbox"]), "the other list is received, too"
    assert two.sync(url).lists == []


def test_a_move_to_a_list_that_was_archived_before_the_remote_knew_it_is_not_held_back(
    homes: tuple[Home, Home, Home], url: str
) -> None:
    one, two, _ = homes
    one.add("Moved", "Stays")
    until_equal(url, one, two)
    one.add("Work", name="work")
    one.list().move(one.list().select(["1"]), one.list("work"))
    one.store.archive("work")
    assert [(warning.kind, warning.list) for warning in one.sync(url).warnings] == [("only-here", "work")]
    assert two.sync(url).warnings == []
    assert two.texts() == ["Stays"]


def test_the_list_that_a_todo_was_moved_to_is_sent_first(
    homes: tuple[Home, Home, Home], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _, _ = homes
    one.add("Moved")
    one.add("Work", name="work")
    one.sync(url)
    source = one.list()
    source.move(source.select(["1"]), one.list("work"))
    kind = Hub if not url.startswith("folder:") else SharedFolder
    publish, sent = kind.publish, []

    def note(self: Any, id: str, *args: Any) -> Any:
        sent.append(id)
        return publish(self, id, *args)

    monkeypatch.setattr(kind, "publish", note)
    one.sync(url)
    assert sent == [one.id("work"), one.id()], "if this was killed in between, the todo would be in both, and not in none"


def test_a_list_that_is_renamed_here_while_it_is_synced_is_synced_under_its_new_name(
    homes: tuple[Home, Home, Home], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Here")
    one.add("Write", name="work")
    until_equal(url, one, two, names=("inbox", "work"))
    for name in ("inbox", "work"):
        one.add("More", name=name)
    kind = SharedFolder if url.startswith("folder:") else Hub
    copies = kind.copies

    def after_a_rename(self: Any, id: str, **options: Any) -> Any:
        monkeypatch.undo()
        one.store.rename("work", "job")
        return copies(self, id, **options)

    monkeypatch.setattr(kind, "copies", after_a_rename)
    assert sorted((each.name, each.sent) for each in one.sync(url).lists) == [("inbox", 1), ("job", 1)]
    two.sync(url)
    assert two.texts("work") == ["Write", "More"]


@pytest.mark.parametrize("seed", range(4))
def test_machines_that_give_a_list_names_at_once_and_do_what_they_are_told_come_to_one_name(
    homes: tuple[Home, Home, Home], folder: str, seed: int
) -> None:
    dice = random.Random(seed)
    homes[0].add("Write", name="work")
    until_equal(folder, *homes, names=("work",))
    names = ["alpha", "Alpha", "beta"] if seed % 2 else ["gamma", "beta", "work"]
    for home, name in zip(homes, names, strict=True):
        if name != "work":
            home.store.rename("work", name)
    for home in [*dice.choices(homes, k=12), *homes * 3]:
        for renamed in [each for each in home.sync(folder).warnings if each.kind == "renamed"]:
            home.store.rename(renamed.list, renamed.other)
    assert {(*home.store.names(),) for home in homes} == {(min(names[:2]) if seed % 2 else "beta",)}


def test_a_machine_that_was_told_of_a_new_name_and_kept_its_own_is_told_of_the_next_one(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, two, _ = homes
    one.add("Write", name="job")
    until_equal(folder, one, two, names=("job",))
    for old, new in (("job", "task"), ("task", "work")):
        one.store.rename(old, new)
        one.sync(folder)
        assert [each.other for each in two.sync(folder).warnings] == [new]
    assert two.sync(folder).warnings == [], "it is said once"


def test_a_name_that_another_list_has_here_is_said_once_when_its_machine_has_received_that_list_or_it_is_free(
    homes: tuple[Home, Home, Home], folder: str, tmp_path: Path
) -> None:
    one, two, three = homes
    one.add("Write", name="job")
    until_equal(folder, *homes, names=("job",))
    one.add("Paint", name="task")
    one.sync(folder)
    for file in Path(folder.removeprefix("folder:")).glob(f"{one.id('task')}.*"):  # it comes later to the third machine
        file.rename(tmp_path / file.name)
    three.store.rename("job", "task")
    three.sync(folder)
    for file in tmp_path.glob(f"{one.id('task')}.*"):
        file.rename(Path(folder.removeprefix("folder:")) / file.name)
    assert two.sync(folder).warnings == two.sync(folder).warnings == []
    known = two.memory.load().remotes[folder].lists
    assert {each.name: [held.name for held in each.held.values()] for each in known.values()} == {
        "job": ["task"],
        "task": [],
    }
    one.store.rename("task", "paint")
    one.sync(folder)
    assert [(each.list, each.other) for each in two.sync(folder).warnings] == [("task", "paint")]
    two.store.rename("task", "paint")
    assert [(each.list, each.other) for each in two.sync(folder).warnings] == [("job", "task")]
    assert two.sync(folder).warnings == [], "it is said once"
    assert not any(each.held for each in two.memory.load().remotes[folder].lists.values())
    two.store.rename("job", "task")
    assert {each.name for each in three.sync(folder).lists} == {"paint"}


def test_a_todo_that_was_moved_to_two_lists_is_in_one(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Here", "Moved")
    for name in ("work", "home"):
        one.add(f"In {name}", name=name)
    until_equal(url, one, two, names=("inbox", "work", "home"))
    one.list().move(one.list().select(["2"]), one.list("work"))
    two.list().move(two.list().select(["2"]), two.list("home"))
    until_equal(url, one, two, names=("inbox", "work", "home"))
    assert (one.texts(), one.texts("work"), one.texts("home")) == (["Here"], ["In work"], ["In home", "Moved"])


def in_two_lists(url: str, one: Home, two: Home) -> None:
    """Leave a todo in two lists of one machine, and in one list of the other machine."""
    one.add("Moved")
    one.store.create("work", NOW)
    until_equal(url, one, two, names=("inbox", "work"))
    two.list().move(two.list().select(["1"]), two.list("work"))
    two.sync(url)
    one.list().undo()
    one.list().redo()
    until_equal(url, one, two, names=("inbox", "work"))
    assert (one.texts(), one.texts("work")) == (["Moved"], []), "the newest change stands"
    one.list("work").undo_at(2)
    assert (one.texts(), one.texts("work")) == (["Moved"], ["Moved"])


@pytest.mark.parametrize("undoes_first", [True, False])
def test_a_todo_that_was_in_two_lists_when_it_was_moved_is_received(
    homes: tuple[Home, Home, Home], url: str, undoes_first: bool
) -> None:
    one, two, three = homes
    in_two_lists(url, one, two)
    if undoes_first:  # each of both moves takes the todo from one list, and the second one brings it back there
        one.list("work").undo_at(1)
        one.list().move(one.list().select(["1"]), one.list("work"))
    else:
        one.list().move(one.list().select(["1"]), one.list("work"))
        one.list("work").undo_at(1)
    wanted = one.texts(), one.texts("work")
    assert wanted == (([], ["Moved"]) if undoes_first else (["Moved"], []))
    for home in homes:
        assert home.sync(url).warnings == []
    until_equal(url, *homes, names=("inbox", "work"))
    assert (three.texts(), three.texts("work")) == wanted


def test_a_todo_that_another_machine_moved_before_an_interrupted_move_was_completed_is_in_one_list(
    homes: tuple[Home, Home, Home], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Moved")
    one.store.create("work", NOW)
    until_equal(url, one, two, names=("inbox", "work"))
    two.list().move(two.list().select(["1"]), two.list("work"))
    interrupted(two.list("work"), monkeypatch, Crash())
    with pytest.raises(Crash):
        two.list().undo()
    assert (two.texts(), two.texts("work")) == (["Moved"], ["Moved"])
    one.list().move(one.list().select(["1"]), one.list("work"))
    two.list("work").move(two.list("work").select(["1"]), two.list())
    until_equal(url, one, two, names=("inbox", "work"))
    assert (one.texts(), one.texts("work")) == (["Moved"], []), "the newest move stands"


@pytest.mark.parametrize("undoes", [True, False])
def test_a_todo_stays_where_the_newest_move_found_it_already(homes: tuple[Home, Home, Home], url: str, undoes: bool) -> None:
    one, two, _ = homes
    in_two_lists(url, one, two)
    two.list().move(two.list().select(["1"]), two.list("work"))
    if undoes:
        one.list("work").undo_at(1)
    else:
        one.list("work").move(one.list("work").select(["1"]), one.list())
    until_equal(url, one, two, names=("inbox", "work"))
    assert (one.texts(), one.texts("work")) == (["Moved"], [])
    (stream,) = (item.stream for item in one.list().view().items)
    commits = [with_wanted(commit, TYPES, RULES) for commit in one.store.open("inbox").commits()]
    found = move_instead(commits, stream, {})
    if undoes:  # without what the undo brought back, the other move would decide
        assert found is not None
        assert found.target_name == "work"
    else:
        assert found is None, "no newer move has taken it away"


def messages(done: Synced) -> list[str]:
    """Return the conflicts that a sync reports: who made the change that stands, its field, and who made the other one."""
    return [
        f"{conflict.winner.metadata.by} {conflict.field} {conflict.loser.metadata.by}"
        for each in done.lists
        for conflict in (() if each.merged is None else merged_todos(each.merged).conflicts)
        if conflict.winner is not None
    ]


@pytest.mark.parametrize("removes", [True, False])
def test_of_two_moves_the_one_that_stands_is_named_and_who_only_edited_the_todo_removed_nothing(
    homes: tuple[Home, Home, Home], hub: str, removes: bool
) -> None:
    one, two, three = homes
    one.add("Here", "Moved")
    for name in ("work", "home"):
        one.add(f"In {name}", name=name)
    until_equal(hub, *homes, names=("inbox", "work", "home"))
    if removes:  # this is in the log before both moves
        two.list().change(two.list().select(["2"]), lambda _: [Remove()])
    one.list().move(one.list().select(["2"]), one.list("work"))
    three.list().move(three.list().select(["2"]), three.list("home"))
    if not removes:
        two.edit(2, "Edited")
    order = (two, three, one, three, two) if removes else (three, two, one, three, two)
    said = {line for home in order for line in messages(home.sync(hub))}
    assert said == ({"three removed two"} if removes else {"three text two"})


def test_conflicts_that_were_received_are_in_the_order_of_the_changes(homes: tuple[Home, Home, Home], hub: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(hub, one, two)
    for home, day in ((one, 1), (two, 2)):
        name = home.folder.name
        changes = [Change(PROJECT, name), Change(NOTE, name), Change(WAIT, f"2026-12-0{day}"), Change(TEXT, name)]
        home.list().change(home.list().select(["1"]), partial(lambda changes, _: changes, changes))
    for home in (one, two):
        home.sync(hub)
    assert messages(one.sync(hub)) == [f"two {field} one" for field in ("project", "note", "wait", "text")]


def test_a_sync_that_receives_several_files_names_what_stands_in_the_end(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, two, three = homes
    one.add("Here", "Moved")
    for name in ("work", "home"):
        one.add(f"In {name}", name=name)
    until_equal(folder, *homes, names=("inbox", "work", "home"))
    for home in homes:
        home.edit(1, f"By {home.folder.name}")
    one.edit(2, "Edited")
    two.list().move(two.list().select(["2"]), two.list("work"))
    three.list().move(three.list().select(["2"]), three.list("home"))
    two.sync(folder)
    three.sync(folder)
    assert sorted(messages(one.sync(folder))) == ["three text one", "three text one"], "of one todo each"


@pytest.mark.parametrize("moves_first", [True, False])
@pytest.mark.parametrize("syncs_first", [True, False])
def test_who_removes_a_todo_that_another_machine_moves_is_told(
    homes: tuple[Home, Home, Home], url: str, moves_first: bool, syncs_first: bool
) -> None:
    one, two, _ = homes
    one.add("Here", "Moved")
    one.add("Work", name="work")
    until_equal(url, one, two, names=("inbox", "work"))
    acts: Sequence[Callable[[], object]] = [
        lambda: one.list().move(one.list().select(["2"]), one.list("work")),
        lambda: two.list().change(two.list().select(["2"]), lambda _: [Remove()]),
    ]
    for act in acts if moves_first else reversed(acts):
        act()
    shown: dict[Home, list[str]] = {one: [], two: []}
    for home in (one, two, one, two, one) if syncs_first else (two, one, two, one, two):
        shown[home] += messages(home.sync(url))
    assert shown == {one: ["one removed two"], two: ["one removed two"]}
    assert two.texts("work") == ["Work", "Moved"]


def test_a_forgotten_todo_is_forgotten_everywhere(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, three = homes
    one.add("Here", "hunter2")
    until_equal(url, *homes)
    (stream,) = [item.stream for item in one.list().select(["2"])]
    one.store.forget("inbox", [stream])
    two.edit(2, "hunter2 again")
    three.add("Elsewhere")
    until_equal(url, *homes)
    assert not [path for path in one.folder.parent.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert one.texts() == ["Here", "Elsewhere"]


def test_what_was_forgotten_before_the_hub_had_it_is_synced(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(url, one, two)
    one.add("hunter2")
    (stream,) = [item.stream for item in one.list().select(["2"])]
    one.store.forget("inbox", [stream])
    until_equal(url, one, two)
    assert two.texts() == ["Here"]


def refuse_to_forget(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hub refuse to forget, as a server does to everyone but the owner of its tables."""
    real = JsonlStore.forget

    def refused(self: JsonlStore, *args: object, **more: object) -> object:
        if self.url == hub:
            raise StoreUnavailable("only the owner can make a log forget something")
        return real(self, *args, **more)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(JsonlStore, "forget", refused)


def test_a_hub_that_may_not_forget_is_synced_and_named(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Here", "hunter2")
    until_equal(hub, one, two)
    (stream,) = [item.stream for item in one.list().select(["2"])]
    one.store.forget("inbox", [stream])
    refuse_to_forget(hub, monkeypatch)
    one.add("After that")
    (warning,) = one.sync(hub).warnings
    assert (warning.kind, warning.list, warning.streams) == ("unforgotten", "inbox", [stream])
    two.add("There")
    for home in (two, one, two, one):
        home.sync(hub)
    assert one.texts() == two.texts() == ["Here", "After that", "There"] or "hunter2" in two.texts()
    assert one.commands() == two.commands()
    monkeypatch.undo()
    one.add("At last")
    until_equal(hub, one, two)
    assert not [path for path in one.folder.parent.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_a_hub_that_was_lost_while_it_recorded_is_synced_again_without_harm(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(hub, one, two)
    one.add("Later")
    real = JsonlStore.import_log

    def recorded_and_lost(self: JsonlStore, name: str, lines: Iterable[bytes], *, since: Cursor) -> int:
        real(self, name, lines, since=since)
        raise OutcomeUnknown("the connection was lost")

    monkeypatch.setattr(JsonlStore, "import_log", recorded_and_lost)
    (error,) = sync(one.store, hub, one.memory).errors
    assert isinstance(error, SentPerhaps)
    monkeypatch.undo()
    until_equal(hub, one, two)
    assert two.texts() == ["Here", "Later"]


def test_a_list_that_was_renamed_is_named_to_the_others(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Write", name="work")
    until_equal(url, one, two, names=("work",))
    one.store.rename("work", "job")
    assert one.sync(url).warnings == []
    (warning,) = two.sync(url).warnings
    assert (warning.kind, warning.list, warning.other) == ("renamed", "work", "job")
    assert two.sync(url).warnings == []
    two.add("More", name="work")
    two.sync(url)
    assert one.sync(url).warnings == []
    assert one.texts("job") == ["Write", "More"]


def test_a_rename_that_a_hub_refused_is_tried_again(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Write", name="work")
    until_equal(hub, one, two, names=("work",))
    real = JsonlStore.rename

    def refused(self: JsonlStore, old: str, new: str) -> None:
        if self.url == hub:
            raise StoreUnavailable("only the owner can rename")
        real(self, old, new)

    monkeypatch.setattr(JsonlStore, "rename", refused)
    one.store.rename("work", "job")
    for _ in range(2):
        (warning,) = one.sync(hub).warnings
        assert (warning.kind, warning.list, warning.other) == ("unnamed", "job", "only the owner can rename")
    monkeypatch.undo()
    (effect,) = one.sync(hub).effects
    assert (effect.kind, effect.list, effect.other) == ("renamed", "work", "job")
    assert open_store(hub, TYPES).names() == ["job"]
    assert (one.sync(hub).effects, one.sync(hub).warnings) == ([], [])
    open_store(hub, TYPES).create("home", NOW)
    open_store(hub, TYPES).archive("home")
    one.store.rename("job", "home")
    (warning,) = one.sync(hub).warnings
    assert warning.other == "there is another archived list named home"


def test_a_new_list_with_a_name_that_another_list_got_on_a_hub_is_named(homes: tuple[Home, Home, Home], hub: str) -> None:
    one, two, _ = homes
    one.add("Write", name="work")
    until_equal(hub, one, two, names=("work",))
    one.store.rename("work", "new")
    one.sync(hub)
    two.add("Mine", name="new")
    done = sync(two.store, hub, two.memory)
    (error,) = done.errors
    assert isinstance(error, TakenThere)
    assert (error.name, error.free, error.archived) == ("new", "new-2", False)
    assert [(each.kind, each.list, each.other) for each in done.warnings] == [("renamed", "work", "new")]
    two.store.rename("new", "mine")
    two.store.rename("work", "new")
    until_equal(hub, one, two, names=("new", "mine"))


@pytest.mark.parametrize(
    "wrong",
    [{"position": 1}, {"position": 999}, {"position": -1}, {"line": 0}, {"offset": 0}, {"digest": "", "seen": {"hub": ""}}],
)
def test_a_sync_repairs_what_is_remembered_wrongly_of_the_end_of_a_list(
    homes: tuple[Home, Home, Home], hub: str, wrong: dict[str, Any]
) -> None:
    one, two, _ = homes
    for text in ("First", "Second", "Third"):
        one.add(text)
    until_equal(hub, one, two)
    one.add("Here")
    two.add("There")
    two.sync(hub)
    memory = one.memory.load()
    for name, value in wrong.items():
        setattr(memory.remotes[hub].lists[one.id()], name, value)
    one.memory.save(memory)
    until_equal(hub, one, two)
    assert sorted(two.texts()) == ["First", "Here", "Second", "There", "Third"]


@pytest.mark.parametrize("act", ["rename", "archive", "swap"])
def test_what_another_machine_does_to_a_list_on_a_hub_while_it_is_sent_is_followed(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    one, two, _ = homes
    for name in ("inbox", "work"):
        one.add("First", name=name)
    until_equal(hub, one, two, names=("inbox", "work"))
    one.add("Second")
    real, shared = Hub.publish, open_store(hub, TYPES)

    def publish(self: Hub, *args: Any) -> Any:
        monkeypatch.undo()
        if act == "archive":
            shared.archive("inbox")
        else:
            shared.rename("inbox", "job")
        if act == "swap":
            shared.rename("work", "inbox")
        return real(self, *args)

    monkeypatch.setattr(Hub, "publish", publish)
    done = one.sync(hub)
    assert {each.kind for each in done.warnings} == {"archived" if act == "archive" else "renamed"}
    assert sum(each.sent for each in done.lists) == (0 if act == "archive" else 1)
    if act == "archive":
        shared.unarchive("inbox")
    until_equal(hub, one, two, names=("inbox", "work"))
    assert two.texts() == ["First", "Second"]


@pytest.mark.parametrize("killed", [False, True])
def test_lists_that_swapped_their_names_swap_them_on_a_hub(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    one, two, _ = homes
    for name in ("inbox", "job", "work"):
        one.add(name, name=name)
    until_equal(hub, one, two, names=("inbox", "job", "work"))
    for old, new in (("inbox", "aside"), ("work", "inbox"), ("job", "work"), ("aside", "job")):
        one.store.rename(old, new)
    if killed:
        real = JsonlStore.rename

        def renamed_and_killed(self: JsonlStore, old: str, new: str) -> None:
            real(self, old, new)
            raise KeyboardInterrupt

        monkeypatch.setattr(JsonlStore, "rename", renamed_and_killed)
        with pytest.raises(KeyboardInterrupt):
            one.sync(hub)
        monkeypatch.undo()
    done = one.sync(hub)
    assert [effect.kind for effect in done.effects] == ["renamed"] * 3
    assert done.warnings == []
    there = {head.id: head.name for head in open_store(hub, TYPES).heads()}
    assert there == {one.id(name): name for name in ("inbox", "job", "work")}
    done = one.sync(hub)
    assert (done.lists, done.effects, done.warnings) == ([], [], [])


def test_a_list_that_was_renamed_while_a_hub_had_it_archived_is_renamed_there_when_it_comes_back(
    homes: tuple[Home, Home, Home], hub: str
) -> None:
    one, two, _ = homes
    one.add("Write", name="work")
    until_equal(hub, one, two, names=("work",))
    one.store.archive("work")
    one.sync(hub)
    two.store.rename("work", "job")
    two.add("More", name="job")
    for _ in range(2):
        assert [warning.kind for warning in two.sync(hub).warnings] == ["archived"]
    one.store.unarchive("work")
    one.add("Here", name="work")
    done = one.sync(hub)
    assert [effect.kind for effect in done.effects] == ["unarchived"]
    assert [each.sent for each in done.lists] == [1], "it is sent in the same sync"
    assert [effect.kind for effect in two.sync(hub).effects] == ["renamed"]
    assert two.texts("job") == ["Write", "Here", "More"]


def test_a_list_that_was_archived_elsewhere_is_named(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Write", name="work")
    until_equal(folder, one, two, names=("work",))
    one.store.archive("work")
    one.sync(folder)
    (warning,) = two.sync(folder).warnings
    assert (warning.kind, warning.list) == ("archived", "work")
    assert two.sync(folder).warnings == []


def test_a_list_that_is_archived_is_archived_on_the_hub_and_comes_back(homes: tuple[Home, Home, Home], hub: str) -> None:
    one, two, _ = homes
    one.add("Write", name="work")
    until_equal(hub, one, two, names=("work",))
    one.add("Unsent", name="work")
    one.store.archive("work")
    assert [warning.kind for warning in one.sync(hub).warnings] == ["unsent"]
    one.store.unarchive("work")
    until_equal(hub, one, two, names=("work",))
    one.store.archive("work")
    assert one.sync(hub).warnings == []
    two.add("Still here", name="work")
    for _ in range(2):
        (warning,) = two.sync(hub).warnings
        assert (warning.kind, warning.list) == ("archived", "work")
    one.store.unarchive("work")
    one.sync(hub)
    until_equal(hub, one, two, names=("work",))
    assert one.texts("work") == ["Write", "Unsent", "Still here"]


def test_who_follows_a_hub_does_not_undo_what_others_do_there_afterwards(homes: tuple[Home, Home, Home], hub: str) -> None:
    one, two, three = homes
    one.add("In work", name="work")
    for home in (one, two, three):
        home.sync(hub)
    shared = open_store(hub, TYPES)
    shared.archive("work")
    assert [each.kind for each in two.sync(hub).warnings] == ["archived"]
    two.store.archive("work")  # as the warning says
    shared.unarchive("work")
    done = two.sync(hub)
    assert ([each.kind for each in done.warnings], done.effects, shared.names()) == (["unarchived"], [], ["work"])
    two.store.unarchive("work")  # as this one says
    shared.archive("work")
    done = two.sync(hub)
    assert ([each.kind for each in done.warnings], done.effects, shared.names()) == (["archived"], [], [])


def test_what_was_not_sent_of_an_archived_list_does_not_archive_it_again_when_others_have_sent_it(
    homes: tuple[Home, Home, Home], hub: str, tmp_path: Path
) -> None:
    one, two, three = homes
    folder = f"folder:{tmp_path / 'shared'}"
    one.add("In work", name="work")
    for home in (one, two, three):
        home.sync(hub)
    two.add("Not sent", name="work")
    two.sync(folder)
    two.store.archive("work")
    shared = open_store(hub, TYPES)
    shared.archive("work")
    two.sync(hub)
    shared.unarchive("work")
    assert [each.kind for each in two.sync(hub).warnings] == ["unarchived", "unsent"]
    three.sync(folder)
    three.sync(hub)
    two.sync(hub)
    assert shared.names() == ["work"]


def test_the_commits_of_an_archived_list_are_sent_to_a_folder(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    one.add("Write", name="work")
    until_equal(folder, one, two, names=("inbox", "work"))
    one.add("Unsent", name="work")
    one.store.archive("work")
    two.add("There", name="work")
    two.sync(folder)
    (done,) = one.sync(folder, dry_run=True).lists
    assert (done.name, done.sent) == ("work", 1)
    (done,) = one.sync(folder).lists
    assert (done.name, done.sent) == ("work", 1)
    assert one.sync(folder).lists == []
    two.sync(folder)
    assert {*two.texts("work")} == {"Write", "Unsent", "There"}
    one.store.unarchive("work")
    until_equal(folder, one, two, names=("inbox", "work"))
    assert {*one.texts("work")} == {"Write", "Unsent", "There"}


def forgotten_while_another_has_archived(url: str, one: Home, two: Home) -> str:
    """Forget the todo hunter2 of the list `work`, which the other machine has archived, and return its stream."""
    one.add("Here")
    one.add("Write", "hunter2", name="work")
    until_equal(url, one, two, names=("inbox", "work"))
    two.store.archive("work")
    two.sync(url)
    (item,) = one.list("work").select(["2"])
    one.store.forget("work", [item.stream])
    return item.stream


@pytest.mark.parametrize("archives_later", [False, True])
def test_a_todo_is_forgotten_in_an_archived_list_too(homes: tuple[Home, Home, Home], url: str, archives_later: bool) -> None:
    one, two, _ = homes
    stream = forgotten_while_another_has_archived(url, one, two)
    if archives_later:
        one.store.archive("work")
    archived = ["archived"] if archives_later and url.startswith("folder:") else []
    assert [effect.kind for effect in one.sync(url).effects] == ["forgotten", *archived]
    (done,) = two.sync(url).lists
    assert done.merged is not None
    assert (done.name, done.merged.forgotten) == ("work", (stream,))
    one.sync(url)  # it reads what the other one has written
    for home in (one, two):
        last = home.sync(url)
        assert (last.lists, last.effects) == ([], [])
        assert {warning.kind for warning in last.warnings} <= {"archived"}
    assert not [path for path in one.folder.parent.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_what_a_hub_could_not_forget_is_named_until_it_could(
    homes: tuple[Home, Home, Home], hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    forgotten_while_another_has_archived(hub, one, two)
    refuse_to_forget(hub, monkeypatch)
    for _ in range(3):
        assert [warning.kind for warning in one.sync(hub).warnings].count("unforgotten") == 1
    one.store.archive("work")
    for _ in range(2):
        assert [warning.kind for warning in one.sync(hub).warnings] == ["unforgotten"]
    assert one.memory.load().remotes[hub].lists[one.store.open_archived("work").id].unforgotten
    monkeypatch.undo()
    assert [effect.kind for effect in one.sync(hub).effects] == ["forgotten"]
    assert one.sync(hub).warnings == []
    two.sync(hub)
    assert not [path for path in one.folder.parent.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_a_cloned_home_becomes_a_machine_of_its_own(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(folder, one, two)
    clone = one.copied("clone")
    one.add("In the original")
    clone.add("In the clone")
    assert not one.sync(folder).renewed
    assert clone.sync(folder).renewed
    until_equal(folder, one, two, clone)
    assert sorted(two.texts()) == ["Here", "In the clone", "In the original"]


@pytest.mark.parametrize("how", ["moved", "an older copy", "a symbolic link"])
def test_a_machine_knows_its_files_in_a_shared_folder_wherever_that_is(
    homes: tuple[Home, Home, Home], folder: str, tmp_path: Path, how: str
) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(folder, one, two)
    path, other = Path(folder.partition(":")[2]), tmp_path / "elsewhere"
    if how == "moved":
        path.rename(other)
    elif how == "a symbolic link":
        other.symlink_to(path)
    else:
        shutil.copytree(path, other)
        two.add("There")
        one.add("Later")  # a merge moves this commit of the machine
        until_equal(folder, one, two)
    names = {file.name for file in other.iterdir()}
    assert not one.sync(f"folder:{other}").renewed
    assert not two.sync(f"folder:{other}").renewed
    until_equal(f"folder:{other}", one, two)
    assert {file.name for file in other.iterdir()} == names


def test_a_machine_completes_its_own_file(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    one.add("Later")
    until_equal(folder, one, two)
    (own,) = (file for file in Path(folder.partition(":")[2]).glob("*.jsonl") if one.memory.load().machine in file.name)
    whole = own.read_bytes()
    for lost in (1, len(whole.splitlines()[-1]) + 1):
        own.write_bytes(whole[:-lost])
        assert not one.sync(folder).renewed
        assert own.read_bytes() == whole


def test_a_list_that_was_repaired_gets_back_what_only_its_own_file_in_the_folder_has(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, _, _ = homes
    one.add("Here")
    one.add("Later")
    one.sync(folder)
    log = one.folder / "data/lists/inbox.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    done = sync(one.store, folder, one.memory)
    assert (done.renewed, [type(error) for error in done.errors]) == (False, [DamagedHere]), (
        "it is not another machine's file"
    )
    one.store.repair("inbox")
    one.sync(folder)
    assert one.texts() == ["Here", "Later"]


def test_a_home_that_was_restored_from_a_backup_gets_all_back(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(url, one, two)
    backup = one.copied("backup")
    one.add("Later")
    one.sync(url)
    shutil.rmtree(one.folder)
    shutil.copytree(backup.folder, one.folder)
    one.add("After the restoration")
    until_equal(url, one, two)
    assert sorted(one.texts()) == ["After the restoration", "Here", "Later"]


@pytest.mark.parametrize("lost", ["the list", "its record, too", "all"])
def test_a_list_that_was_lost_comes_back(homes: tuple[Home, Home, Home], url: str, lost: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(url, one)
    one.add("Later")
    until_equal(url, one)
    if lost == "all":
        shutil.rmtree(one.folder)
    else:
        (one.folder / "data/lists/inbox.jsonl").unlink()
        if lost == "its record, too":
            (one.folder / "data/lists/inbox.lock").unlink()
    one.sync(url)
    assert one.texts() == ["Here", "Later"]
    until_equal(url, one, two)


def test_a_hub_that_was_restored_from_an_old_dump_gets_all_back(homes: tuple[Home, Home, Home], hub: str) -> None:
    one, two, three = homes
    one.add("Here")
    until_equal(hub, *homes)
    remote, dump = Path(hub.partition(":")[2]), Path(hub.partition(":")[2]).with_name("dump")
    shutil.copytree(remote, dump)
    one.add("By one")
    one.sync(hub)
    two.add("By two")
    two.sync(hub)
    shutil.rmtree(remote)
    shutil.copytree(dump, remote)
    three.add("By three")
    wanted = one.commands() | two.commands() | three.commands()
    until_equal(hub, three, one, two)
    assert one.commands() == wanted


def test_a_file_that_is_still_on_its_way_is_named_and_read_later(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(folder, one, two)
    one.add("Later")
    one.sync(folder)
    remote = Path(folder.partition(":")[2])
    (file,) = [path for path in remote.glob("*.jsonl") if b"Later" in path.read_bytes()]
    content = file.read_bytes()
    file.write_bytes(content[:-9])
    two.add("There")
    for _ in range(2):
        done = sync(two.store, folder, two.memory)
        assert [type(error) for error in done.errors] == [UnreadCopy]
        assert file.name in str(done.errors[0])
    assert b"There" in b"".join(path.read_bytes() for path in remote.glob("*.jsonl"))
    file.write_bytes(content)
    until_equal(folder, one, two)
    assert sorted(one.texts()) == ["Here", "Later", "There"]


def test_a_file_of_a_machine_that_is_cut_in_its_first_line_is_named(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(folder, one, two)
    remote = Path(folder.partition(":")[2])
    (file,) = (path for path in remote.glob("*.jsonl") if one.memory.load().machine in path.name)
    copies = [file.with_suffix(".sync-conflict-20261122-093000-ABC.jsonl"), file.with_name(f"{file.stem} (copy).jsonl")]
    for copy, length in zip(copies, (100, 0), strict=True):
        copy.write_bytes(file.read_bytes()[:length])
    two.add("There")
    for _ in range(2):
        done = sync(two.store, folder, two.memory)
        assert sorted(map(str, done.errors)) == sorted(
            f"{folder}, inbox, {copy.name}: its first line is not that of a list" for copy in copies
        )
        assert {getattr(error, "machine", "") for error in done.errors} == {os.uname().nodename}
    for copy in copies:
        copy.unlink()
    until_equal(folder, one, two)
    assert one.texts() == ["Here", "There"], "it was synced all the same"


def test_a_list_with_an_impossible_name_is_named_and_the_others_are_synced(
    homes: tuple[Home, Home, Home], folder: str
) -> None:
    one, two, _ = homes
    one.add("Here")
    one.sync(folder)
    evil = Path(folder.partition(":")[2]) / "evil.jsonl"
    evil.write_bytes(encode_header(Header(FORMAT, VERSION, "f" * 32, "../x", NOW)))
    (error,) = sync(two.store, folder, two.memory).errors
    assert isinstance(error, UnreadCopy)
    assert str(error) == f"{folder}, evil.jsonl: no list can be named '../x'"
    assert two.texts() == ["Here"]


def test_a_join_waits_until_the_file_of_the_other_list_is_complete(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here", "Also here")
    two.add("There")
    two.add("At work", name="work")
    one.sync(folder)
    (file,) = Path(folder.partition(":")[2]).glob("*.jsonl")
    content = file.read_bytes()
    file.write_bytes(content[:-9])
    for joining in (None, JOIN):
        done = sync(two.store, folder, two.memory, joining=joining)
        assert [type(error) for error in done.errors] == [UnreadCopy]
    assert two.texts() == ["There"]
    assert b"At work" in b"".join(path.read_bytes() for path in file.parent.glob("*.jsonl")), "the other lists are synced"
    file.write_bytes(content)
    two.sync(folder, joining=JOIN)
    until_equal(folder, one, two)
    assert two.texts() == ["Here", "Also here", "There"]


def test_conflict_copies_in_the_folder_are_merged(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(folder, *homes)
    remote = Path(folder.partition(":")[2])
    before = {path: path.read_bytes() for path in remote.glob("*.jsonl")}
    one.add("Only in the conflict copy")
    one.sync(folder)
    (file,) = [path for path in before if path.read_bytes() != before[path]]
    file.rename(remote / f"{file.stem}.sync-conflict-20261129-093000-ABCDEFG.jsonl")
    file.write_bytes(before[file])
    two.sync(folder)
    assert two.texts() == ["Here", "Only in the conflict copy"]
    until_equal(folder, *homes)


def test_what_another_program_puts_into_the_folder_is_left_alone(homes: tuple[Home, Home, Home], folder: str) -> None:
    one, two, _ = homes
    one.add("Here")
    one.sync(folder)
    remote = Path(folder.partition(":")[2])
    os.mkfifo(remote / "pipe.jsonl")
    (remote / "link.jsonl").symlink_to(one.folder / "data/lists/inbox.jsonl")
    (remote / "folder.jsonl").mkdir()
    (remote / "text.jsonl").write_text("no log\n")
    (remote / "empty.json").write_text("")
    (remote / "pipe.json").symlink_to("/dev/zero")
    until_equal(folder, one, two)
    assert two.texts() == ["Here"]


def test_the_id_of_a_log_leads_to_no_file_elsewhere(homes: tuple[Home, Home, Home], folder: str, tmp_path: Path) -> None:
    one, two, _ = homes
    header = encode_header(Header(FORMAT, VERSION, "../../escaped", "inbox", NOW))
    one.store.import_log("inbox", [header])
    one.add("Here")
    until_equal(folder, one, two)
    assert two.texts() == ["Here"]
    assert not list(tmp_path.rglob("escaped*"))


def test_the_kind_of_a_remote_must_be_what_its_marker_says(homes: tuple[Home, Home, Home], tmp_path: Path) -> None:
    one, two, _ = homes
    one.add("Here")
    for kind, other in (("folder", "jsonl"), ("jsonl", "folder")):
        place = tmp_path / kind
        one.sync(f"{kind}:{place}")
        with pytest.raises(WrongRemote, match=r"cqrs-todo-sync\.json says"):
            two.sync(f"{other}:{place}")
        shutil.rmtree(place)
        with pytest.raises(StoreUnavailable, match="has synced there before"):
            one.sync(f"{kind}:{place}")
    with pytest.raises(WrongRemote, match="holds lists"):
        two.sync(f"folder:{one.folder / 'data'}")
    with pytest.raises(WrongRemote, match="not the URL of a remote"):
        two.sync("memory:")


def test_a_list_cannot_be_received_under_the_name_of_an_archived_one(homes: tuple[Home, Home, Home], url: str) -> None:
    one, two, _ = homes
    one.add("Here", name="work")
    two.add("There", name="work")
    two.add("Elsewhere")
    two.store.archive("work")
    one.sync(url)
    done = sync(two.store, url, two.memory)
    assert [type(error) for error in done.errors] == [TakenHere]
    assert [each.name for each in done.lists] == ["inbox"], "the other lists are synced"


def test_the_list_as_it_was_is_kept_for_a_month_after_the_next_sync(
    homes: tuple[Home, Home, Home], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = homes
    one.add("Here")
    until_equal(url, one, two)
    one.add("Later")
    one.sync(url)
    two.add("There")
    one.add("So that the copies have not the same length")
    one.sync(url)
    two.sync(url)
    (kept,) = two.store.kept_logs()
    assert b"There" in Path(kept).read_bytes()
    real = now()
    for days, there in ((29, True), (31, False)):
        monkeypatch.setattr(remembering, "now", lambda days=days: real + timedelta(days=days))
        two.sync(url)
        assert Path(kept).exists() == there


def test_a_log_that_is_a_day_ahead_of_the_clock_is_named(
    homes: tuple[Home, Home, Home], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _, _ = homes
    one.add("Here")
    assert one.sync(url).warnings == []
    one.add("Later")
    real = now()
    monkeypatch.setattr(sending, "now", lambda: real - timedelta(days=2))
    (warning,) = one.sync(url).warnings
    assert (warning.kind, warning.list) == ("ahead", "inbox")


ACTS: Sequence[Callable[[Home, random.Random], object]] = (
    lambda home, dice: home.add(f"{home.folder.name} {dice.random()}"),
    lambda home, dice: home.edit(1, f"{home.folder.name} {dice.random()}"),
    lambda home, _: home.list().change(home.list().view().items[:1], lambda _: [Change(NOTE, home.folder.name)]),
    lambda home, _: home.list().change(home.list().view().items[1:2], lambda _: [Complete(NOW.date().isoformat(), NOW)]),
    lambda home, _: home.list().change(home.list().view().items[-1:], lambda _: [Remove()]),
    lambda home, _: home.list().move(home.list().view().items[-1:], home.list("work")),
    lambda home, _: home.list().undo(),
)


@pytest.mark.parametrize("seed", range(3))
def test_machines_that_use_a_hub_a_folder_or_both_become_equal(
    homes: tuple[Home, Home, Home], tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    one, two, three = homes
    hub, folder = f"jsonl:{tmp_path / 'hub'}", f"folder:{tmp_path / 'folder'}"
    ways = [(one, hub), (two, hub), (two, folder), (three, folder)]
    one.add("First", "Second", "Third")
    one.add("At work", name="work")
    for home, where in ways:
        home.sync(where)
    for _ in range(40):
        home = dice.choice(homes)
        try:
            dice.choice(ACTS)(home, dice)
        except CqrsError:
            continue
        if dice.random() < 0.4:
            home, where = dice.choice(ways)
            home.sync(where)
    wanted = {name: set().union(*(home.commands(name) for home in homes)) for name in ("inbox", "work")}
    for _ in range(4):
        for home, where in (*ways, *reversed(ways)):
            home.sync(where)
    for name in ("inbox", "work"):
        assert len({home.bytes(name) for home in homes}) == 1
        assert one.commands(name) >= wanted[check_log_name(name)]


def test_what_was_removed_or_changed_stays_so_when_a_repaired_hub_gets_its_creation_back(
    homes: tuple[Home, Home, Home], hub: str
) -> None:
    one, two, _ = homes
    for text in ("A", "B", "C", "D"):
        one.add(text)
    one.store.create("other", NOW)
    until_equal(hub, one, two, names=("inbox", "other"))
    todos = one.list()
    todos.change(todos.select(["2"]), lambda _: [Remove()])
    todos.move(todos.select(["3"]), one.list("other"))
    one.edit(4, "E")
    until_equal(hub, one, two, names=("inbox", "other"))
    place = Path(hub.removeprefix("jsonl:"))
    file = place / "lists/inbox.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for number in (2, 3, 4):
        lines[number] = lines[number].replace(b'"text":"', b'"text":"x')
    file.write_bytes(b"".join(lines))
    shared = open_store(hub, TYPES)
    assert shared.repair("inbox") is not None
    until_equal(hub, one, two, names=("inbox", "other"))
    assert one.texts() == two.texts() == ["A", "E"]
    assert one.texts("other") == two.texts("other") == ["C"]
    assert one.store.verify("inbox").damage is None
