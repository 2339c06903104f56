"""No reaction misses an event because a merge or a repair is stopped or killed while the events of a log move."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.checkpoints import Parked
from cqrs_todo.cqrs.errors import CqrsError, DamagedLog, LogBusy, OutcomeUnknown, StaleCursor
from cqrs_todo.cqrs.events import Recorded
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl import files, merge
from cqrs_todo.cqrs.testing.examples import AT, metadata
from cqrs_todo.todo.events import TodoCreated
from cqrs_todo.todo.merging import RULES
from cqrs_todo.todo.model import DECIDER, Create
from cqrs_todo.todo.recorder import TYPES

CALLS = ("fsync", "replace", "rename", "ftruncate", "pwrite", "unlink")
"""The calls to the system before which a process stops: those that change something, or make it durable."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log in `here`, which two programs have continued after three commits; and `there`, what the other one wrote."""
    here = open_store(f"jsonl:{tmp_path}/here", TYPES)
    log = here.create("inbox", AT)
    for number in range(3):
        add(log, number)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    for number in (3, 4):
        add(log, number)
    there = open_store(f"jsonl:{tmp_path}/there", TYPES).open("inbox")
    for number in range(10, 14):
        add(there, number)
    return tmp_path


def add(log: Log, number: int) -> None:
    Repository(log, DECIDER).execute(f"a{number:09}", Create(f"{number}", AT), metadata(f"c{number}"))


def opened(folder: Path) -> Store:
    return open_store(f"jsonl:{folder}/here", TYPES)


def path_of(folder: Path, copy: str = "here") -> Path:
    return folder / copy / "lists/inbox.jsonl"


def merge_it(folder: Path) -> None:
    opened(folder).merge("inbox", path_of(folder, "there").read_bytes(), RULES)


def repair_it(folder: Path) -> None:
    opened(folder).repair("inbox")


def damage(folder: Path) -> None:
    """Let the file begin with what the other program wrote, so that the events that were read before move."""
    theirs, ours = path_of(folder, "there").read_bytes(), path_of(folder).read_bytes()
    common = takewhile(lambda lines: lines[0] == lines[1], zip(theirs.splitlines(), ours.splitlines(), strict=False))
    path_of(folder).write_bytes(theirs + b"".join(ours.splitlines(keepends=True)[len(list(common)) :]))


def no_damage(_: Path) -> None:
    return


def ids(folder: Path) -> list[str]:
    """Return the ids of all events but that of a repair, which no reaction is given."""
    return [event.id for event in opened(folder).open("inbox").events() if isinstance(event.data, TodoCreated)]


class Given:
    """Which events each reaction was given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.events: dict[str, list[str]] = {}

    def runner(self, name: str, lease: float = 30.0) -> Runner:
        given = self.events.setdefault(name, [])

        def react(event: Recorded[Any]) -> None:
            given.append(event.id)

        store = opened(self._folder)
        return Runner(store, store.open("inbox"), Reaction(name, react), lease=lease)


@contextmanager
def stopped_before(nth: int, work: Callable[[], None]) -> Iterator[bool]:
    """Do a piece of work in a process that stops before a call to the system. It is killed after the block.

    Yields:
        Whether it has stopped. Otherwise it is done.
    """
    seen, signalling = os.pipe()
    child = os.fork()
    if not child:
        calls = count(1)

        def stopping(call: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*args: Any, **options: Any) -> Any:
                if next(calls) == nth:
                    os.write(signalling, b"s")
                    signal.pause()
                return call(*args, **options)

            return counted

        try:
            for name in CALLS:
                setattr(os, name, stopping(getattr(os, name)))
            work()
        finally:
            os._exit(0)
    os.close(signalling)
    try:
        yield os.read(seen, 1) == b"s"
    finally:
        os.close(seen)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize(("damaging", "work"), [(no_damage, merge_it), (damage, repair_it)])
def test_wherever_it_is_stopped_and_killed_no_reaction_misses_an_event(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damaging: Callable[[Path], None], work: Callable[[Path], None], step: int
) -> None:
    refused = (DamagedLog, StaleCursor) if damaging is damage else ()
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.0)
    stops = busy = 0
    for nth in count(1, step):
        place = folder / f"{nth}"
        for copy in ("here", "there"):
            shutil.copytree(folder / copy, place / copy)
        given = Given(place)
        given.runner("mail").catch_up()
        damaging(place)
        begun: set[str] | None = None
        with stopped_before(nth, partial(work, place)) as stopped:
            for name in ("mail", "new"):
                try:
                    given.runner(name).catch_up()
                except LogBusy:
                    busy += 1
                except refused:
                    pass
            with suppress(LogBusy, *refused):
                there = {*ids(place)}
                begun = there if given.runner("late").begin_now() else None
        given.events.pop("late", None)
        for _ in range(2):
            for name in given.events:
                with suppress(*refused):
                    given.runner(name).catch_up()
            work(place)
        if begun is not None:
            given.runner("late").catch_up()
            assert {*given.events["late"]} & begun == set(), "it never gets what was in the log when it began"
            assert {*given.events["late"]} == {*ids(place)} - begun
        for name in ("mail", "new"):
            given.runner(name).catch_up()
            assert {*given.events[name]} >= {*ids(place)}, (nth, name)
            assert given.runner(name).catch_up() == 0
        stops += stopped
        if not stopped:
            break
    assert busy, "nobody can go on while the events move"
    assert stops >= 16 // step


def test_if_it_is_not_known_whether_a_merge_is_on_the_disk_no_event_is_missed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Given(folder)
    given.runner("mail").catch_up()
    whole = files.replace_durably

    def unknown(path: str, data: bytes) -> None:
        whole(path, data)
        raise OutcomeUnknown(f"{path} was replaced, but may not be so on the disk")

    with monkeypatch.context() as patch:
        patch.setattr(merge, "replace_durably", unknown)
        with pytest.raises(OutcomeUnknown):
            merge_it(folder)
    given.runner("mail").catch_up()
    assert {*given.events["mail"]} == {*ids(folder)}


@pytest.mark.parametrize("from_start", [True, False])
def test_a_reaction_that_begins_while_events_move_misses_none(folder: Path, from_start: bool) -> None:
    """It is given an event of the log as it was, or has found its end, before it has kept a checkpoint."""
    given: list[str] = []
    here = opened(folder)

    def react(event: Recorded[Any]) -> None:
        given.append(event.id)
        merge_it(folder)

    runner = Runner(here, here.open("inbox"), Reaction("mail", react))
    if from_start:
        runner.catch_up()
        assert {*given} == {*ids(folder)}
        return
    whole = runner._end

    def end() -> Any:
        reached = whole()
        merge_it(folder)
        return reached

    runner._end = end  # type: ignore[method-assign]  # the merge happens at that moment
    assert runner.begin_now()
    assert (runner.catch_up(), given) == (0, []), "it begins after all that is in the log"


def restored(folder: Path, forgotten: list[str]) -> None:
    """Forget streams; let a backup come back that lacks two events, and go on with three others."""
    if forgotten:
        opened(folder).forget("inbox", forgotten)
    backup = folder / "backup"
    shutil.copytree(folder / "here/lists", backup)
    for number in (20, 21):
        add(opened(folder).open("inbox"), number)
    Runner(opened(folder), opened(folder).open("inbox"), Reaction("mail", lambda _: None)).catch_up()
    shutil.rmtree(folder / "here/lists")
    shutil.copytree(backup, folder / "here/lists")
    for number in (30, 31, 32):
        add(opened(folder).open("inbox"), number)


@pytest.mark.parametrize("forgotten", [[], ["todo/a000000000"]])
def test_a_restored_backup_stops_a_reaction_also_if_streams_were_forgotten_before(
    folder: Path, forgotten: list[str]
) -> None:
    restored(folder, forgotten)
    for _ in range(2):
        with pytest.raises(StaleCursor, match="the reaction mail waits at @7 until the log is repaired"):
            Runner(opened(folder), opened(folder).open("inbox"), Reaction("mail", lambda _: None)).catch_up()


def test_a_reaction_at_work_while_streams_are_forgotten_goes_on(folder: Path) -> None:
    given: list[int] = []

    def react(event: Recorded[Any]) -> None:
        if isinstance(event.data, TodoCreated):
            given.append(int(event.data.text))
        if given == [0, 1]:
            opened(folder).forget("inbox", ["todo/a000000000", "todo/a000000004"])

    store = opened(folder)
    runner = Runner(store, store.open("inbox"), Reaction("mail", react), every=1)
    runner.catch_up()
    add(opened(folder).open("inbox"), 9)
    Runner(opened(folder), opened(folder).open("inbox"), Reaction("mail", react)).catch_up()
    assert [number for number in given if number != 4] == [0, 1, 2, 3, 9]


@pytest.mark.long
@pytest.mark.parametrize(("damaging", "work"), [(no_damage, merge_it), (damage, repair_it)])
def test_killed_at_random_moments_beside_a_runner_that_never_rests(
    folder: Path, damaging: Callable[[Path], None], work: Callable[[Path], None]
) -> None:
    dice = random.Random(20261129)
    killed, longest = 0, 0.02
    for nth in range(100):
        place = folder / f"{nth}"
        for copy in ("here", "there"):
            shutil.copytree(folder / copy, place / copy)
        damaging(place)
        seen = place / "given"
        seen.touch()
        runs = os.fork()
        if not runs:
            with seen.open("a", buffering=1) as file:
                given = Given(place)
                given.events["mail"] = _Written(file.write)
                runner = given.runner("mail", lease=0.05)
                while True:
                    with suppress(CqrsError):
                        runner.catch_up()
        works = os.fork()
        if not works:
            try:
                work(place)
            finally:
                os._exit(0)
        time.sleep(dice.uniform(0, longest))
        os.kill(works, signal.SIGKILL)
        _, status = os.waitpid(works, 0)
        time.sleep(0.02)
        os.kill(runs, signal.SIGKILL)
        os.waitpid(runs, 0)
        killed += os.WIFSIGNALED(status)
        longest = max(0.004, longest * (1.02 if os.WIFSIGNALED(status) else 0.98))
        work(place)
        time.sleep(0.06)  # until the lease of the killed runner ends
        given = Given(place)
        given.runner("mail").catch_up()
        missed = {*ids(place)} - {*given.events["mail"]} - {*seen.read_text().split()}
        assert not missed, (nth, missed)
        shutil.rmtree(place)
    assert killed >= 30


class _Written(list[str]):
    """A list whose elements are also written to a file."""

    def __init__(self, write: Callable[[str], Any]) -> None:
        super().__init__()
        self._write = write

    def append(self, event: str) -> None:
        self._write(f"{event}\n")


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
def test_wherever_a_merge_is_killed_a_parked_event_is_found_where_it_is_and_can_be_forgotten(
    folder: Path, step: int
) -> None:
    for nth in count(1, step):
        place = folder / f"{nth}"
        for copy in ("here", "there"):
            shutil.copytree(folder / copy, place / copy)
        log = opened(place).open("inbox")
        before = {event.id: event.position for event in log.events()}
        for event in ("c3/1", "c4/1"):
            opened(place).checkpoints().park("mail", log.id, Parked(event, before[event], "ValueError: no", AT, 1))
        with stopped_before(nth, partial(merge_it, place)) as stopped:
            pass
        runner = Given(place).runner("mail")
        now = {event.id: event.position for event in opened(place).open("inbox").events()}
        assert [(each.event, each.position) for each in runner.parked()] == [(id, now[id]) for id in ("c3/1", "c4/1")], nth
        opened(place).forget("inbox", ["todo/a000000003"])
        assert [each.event for each in runner.parked()] == ["c4/1"], nth
        if not stopped:
            assert now != before, "the events have moved"
            break
