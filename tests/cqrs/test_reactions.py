"""Reactions beyond the contract: what they want, killed processes, damage, checkpoints that cannot be read."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoint
from cqrs_todo.cqrs.errors import DamagedLog, InvalidLogName, StaleCursor, StoreUnavailable, UnknownEvents
from cqrs_todo.cqrs.events import EventTypes, Recorded
from cqrs_todo.cqrs.query import Query
from cqrs_todo.cqrs.reactions import Reaction, Runner, Send
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, Counted, metadata, numbers, one
from tests.cqrs.counter import Moved, by

EVENTS, KILLS = 60, 15


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"jsonl:{tmp_path}/data", CONTRACT_TYPES)


@pytest.fixture
def log(store: Store) -> Log:
    log = store.create("inbox", datetime(2026, 11, 22, tzinfo=UTC))
    for n in range(3):
        log.append(one("a/1", n), metadata(f"c{n}"))
    return log


def checkpoint(tmp_path: Path) -> Path:
    (file,) = tmp_path.glob("data/reactions/*/see.json")
    return file


@pytest.mark.parametrize(
    ("kinds", "types", "wanted"),
    [
        (set(), set(), True),
        ({"a"}, set(), True),
        ({"a", "b"}, {"counted"}, True),
        ({"b"}, set(), False),
        (set(), {"sung"}, False),
        ({"a"}, {"sung"}, False),
    ],
)
def test_what_a_reaction_wants(kinds: set[str], types: set[str], wanted: bool) -> None:
    event = Recorded(1, "a/1", 1, "counted", Counted(1), metadata("c"))
    assert Reaction("see", lambda _: None, Query.of(kinds=kinds, types=types)).query.matches(event) is wanted


def test_a_reaction_is_named_like_a_log(store: Store, log: Log) -> None:
    with pytest.raises(InvalidLogName, match="the name of a reaction cannot contain '/'"):
        Runner(store, log, Reaction("a/b", lambda _: None))


@pytest.mark.parametrize("returned", [Send(cast("Any", None), "1", 1), "mail", [("1", 1)], 7])
def test_a_reaction_that_returns_no_commands_is_a_fault_and_parks_nothing(store: Store, log: Log, returned: Any) -> None:
    log.append(one("a/1", 1), metadata("c"))
    runner = Runner(store, log, Reaction("see", lambda _: returned))
    with pytest.raises(TypeError, match=r"the reaction see returned .*: it must return a list of commands"):
        runner.catch_up()
    assert runner.parked() == []


def test_an_event_is_on_the_disk_before_it_is_acted_on(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync = os.fsync

    def synced(fd: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{fd}").rpartition("/")[2])
        fsync(fd)

    monkeypatch.setattr(os, "fsync", synced)
    Runner(store, log, Reaction("see", lambda event: done.append(f"@{event.position}")), every=1).catch_up()
    assert done[done.index("@1") - 1] == "inbox.jsonl"
    between = done[done.index("@1") : done.index("@2")]
    assert any("see" in name for name in between), "and the checkpoint before the next"


@pytest.mark.usefixtures("log")
def test_a_damaged_log_stops_it_where_the_damage_begins(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "data/lists/inbox.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"number":1', b'"number":7')
    path.write_bytes(b"".join(lines))
    seen: list[Recorded] = []
    with pytest.raises(DamagedLog, match="the reaction see waits at @1"):
        Runner(store, store.open("inbox"), Reaction("see", seen.append)).catch_up()
    assert numbers(seen) == [0]


def test_a_log_that_ends_before_the_checkpoint_is_told(store: Store, log: Log) -> None:
    store.checkpoints().save("see", log.id, Checkpoint(9))
    with pytest.raises(StaleCursor, match=r"inbox ends at @3, but the reaction see had come to @9"):
        Runner(store, log, Reaction("see", lambda _: None)).catch_up()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"position":"1"}', b"\xff"])
def test_a_checkpoint_that_is_none_is_told_and_left(store: Store, log: Log, tmp_path: Path, content: bytes) -> None:
    runner = Runner(store, log, Reaction("see", lambda _: None))
    runner.catch_up()
    assert json.loads(checkpoint(tmp_path).read_bytes())["position"] == 3
    checkpoint(tmp_path).write_bytes(content)
    with pytest.raises(StoreUnavailable, match=r"see\.json holds no checkpoint: .*remove it to begin again"):
        runner.catch_up()
    assert checkpoint(tmp_path).read_bytes() == content


def test_checkpoints_are_private(store: Store, log: Log, tmp_path: Path) -> None:
    Runner(store, log, Reaction("see", lambda _: None)).catch_up()
    file = checkpoint(tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent, file.parent.parent)] == [0o600, 0o700, 0o700]


def test_a_log_that_was_rewritten_before_the_checkpoint_is_reported(store: Store, log: Log, tmp_path: Path) -> None:
    Runner(store, log, Reaction("see", lambda _: None)).catch_up()
    path = tmp_path / "data/lists/inbox.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    path.with_suffix(".lock").unlink()
    for n in range(5):
        store.open("inbox").append(one("b/1", n), metadata(f"other {n}"))
    with pytest.raises(StaleCursor, match="is not what it was at @3"):
        Runner(store, store.open("inbox"), Reaction("see", lambda _: None)).catch_up()


def test_the_checkpoint_is_kept_now_and_then_and_at_the_end(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = store.checkpoints()
    kept: list[int] = []

    def save(*values: Any) -> bool:
        kept.append(values[3].position)
        return True

    monkeypatch.setattr(type(checkpoints), "save", save)
    for n in range(3, 10):
        log.append(one("a/1", n), metadata(f"c{n}"))
    runner = Runner(store, log, Reaction("see", lambda _: None), every=4, seconds=99)
    assert (runner.catch_up(), kept) == (10, [4, 8, 10])
    kept.clear()
    slow = Runner(store, log, Reaction("see", lambda _: None), every=99, seconds=0)
    assert (slow.catch_up(), kept) == (10, [*range(1, 11), 10])


def test_an_event_that_does_not_match_costs_no_checkpoint(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = store.checkpoints()
    kept: list[int] = []
    save = type(checkpoints).save

    def saved(*values: Any) -> bool:
        kept.append(values[3].position)
        return save(*values)

    monkeypatch.setattr(type(checkpoints), "save", saved)
    for n in range(3, 10):
        log.append(one("a/1", n), metadata(f"c{n}"))
    seen: list[Recorded] = []
    fourth: Reaction[Any] = Reaction("see", seen.append, matches=lambda event: event.position % 4 == 0)
    runner = Runner(store, log, fourth, every=1, seconds=99)
    assert (runner.catch_up(), [event.position for event in seen], kept) == (2, [4, 8], [4, 8, 10])


def test_a_runner_that_has_nothing_to_do_writes_nothing(store: Store, log: Log, tmp_path: Path) -> None:
    seen: list[Recorded] = []
    runner = Runner(store, log, Reaction("see", seen.append, Query.of(kinds={"a"})))
    log.append(one("b/1", 9), metadata("b"))
    assert runner.catch_up() == 3
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.rglob("*")}
    assert runner.catch_up() == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.rglob("*")} == before
    log.append(one("a/1", 4), metadata("c4"))
    assert runner.catch_up() == 1
    store.checkpoints().save("see", log.id, Checkpoint(3))
    assert runner.catch_up() == 1, "the checkpoint was set back"
    assert numbers(seen) == [0, 1, 2, 4, 4]


def test_following_waits_while_another_runner_is_active(store: Store, log: Log) -> None:
    seen: list[Recorded] = []
    assert store.checkpoints().hold("see", log.id, "another", 60)
    rounds = iter([False, False, True])

    def stopped() -> bool:
        store.checkpoints().release("see", log.id, "another")
        return next(rounds)

    assert Runner(store, log, Reaction("see", seen.append)).follow(stopped) == 3
    assert numbers(seen) == [0, 1, 2]


def test_following_goes_on_until_it_is_stopped(store: Store, log: Log) -> None:
    seen: list[Recorded] = []
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(len(seen))
        log.append(one("a/1", 10 * len(asked)), metadata(f"later-{len(asked)}"))
        return len(asked) == 3

    assert Runner(store, log, Reaction("see", seen.append)).follow(stopped) == 5
    assert (numbers(seen), asked) == ([0, 1, 2, 10, 20], [3, 4, 5])


def test_killed_anywhere_it_goes_on_and_misses_nothing(store: Store, tmp_path: Path) -> None:
    log = store.create("long", datetime(2026, 11, 22, tzinfo=UTC))
    for n in range(0, EVENTS, 4):
        log.append(one("a/1", n, n + 1, n + 2, n + 3), metadata(f"c{n}"))
    seen = tmp_path / "seen"
    seen.touch()
    chance = random.Random(4)
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, __file__, store.url, str(seen)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()  # it has begun
        time.sleep(chance.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
    Runner(store, log, Reaction("see", lambda event: _note(seen, event))).follow(_until_the_end(store, log))
    positions = [int(line) for line in seen.read_text().splitlines()]
    assert sorted(set(positions)) == list(range(1, EVENTS + 1))
    assert all(later in (earlier, earlier + 1) for earlier, later in pairwise(positions))
    assert len(positions) - EVENTS <= KILLS, "an event comes again only where it was killed"


def _until_the_end(store: Store, log: Log) -> Callable[[], bool]:
    """Return what stops a runner at the end of a log. Before that it waits for the lease of a killed runner to end."""

    def stopped() -> bool:
        return store.checkpoints().load("see", log.id).position == EVENTS

    return stopped


def _note(seen: Path, event: Recorded) -> None:
    with seen.open("a") as file:
        file.write(f"{event.position}\n")


if __name__ == "__main__":
    opened = open_store(sys.argv[1], CONTRACT_TYPES)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    reaction: Reaction[Any] = Reaction("see", lambda event: _note(Path(sys.argv[2]), event))
    Runner(opened, opened.open("long"), reaction, every=1, lease=0.02).follow(lambda: False)


def test_the_kind_of_a_stream_is_before_its_first_slash() -> None:
    reaction: Reaction[Any] = Reaction("watch", lambda _: None, Query.of(kinds={"counter"}))
    streams = ("counter/a", "counter/a/b", "other/counter/a")
    wanted = [reaction.query.matches(Recorded(1, stream, 1, "moved", Moved(1), by("c"))) for stream in streams]
    assert wanted == [True, True, False]


@pytest.mark.parametrize("name", ["._see.json", "see (copy).json", "see~.json", "empty.json", "empty.parked"])
def test_a_file_that_is_no_checkpoint_does_not_stop_forgetting(store: Store, log: Log, tmp_path: Path, name: str) -> None:
    Runner(store, log, Reaction("see", lambda _: None)).catch_up()
    (checkpoint(tmp_path).parent / name).write_bytes(b"")
    aside = tmp_path / "data/lists/inbox.damaged-20250101T000000"
    aside.write_bytes(next(log.lines()))
    assert store.forget("inbox", ["a/1"]).events == 3
    assert not aside.exists()


def test_a_reaction_can_begin_after_an_event(store: Store, log: Log) -> None:
    seen: list[Recorded[Any]] = []
    runner = Runner(store, log, Reaction("see", seen.append))
    assert (runner.begin_after(2), runner.begin_after(0), runner.catch_up()) == (True, False, 1)
    assert [event.position for event in seen] == [3]


@pytest.mark.parametrize("position", [-1, 4])
def test_a_reaction_cannot_begin_after_an_event_that_is_not_there(store: Store, log: Log, position: int) -> None:
    with pytest.raises(ValueError, match=f"inbox has no event at position {position}"):
        Runner(store, log, Reaction("see", print)).begin_after(position)


@pytest.mark.parametrize("url", ["memory:", "jsonl:"])
def test_the_place_in_a_log_is_kept_after_streams_were_forgotten(tmp_path: Path, url: str) -> None:
    store = open_store(f"jsonl:{tmp_path}/it" if url == "jsonl:" else url, CONTRACT_TYPES)
    log = store.create("inbox", datetime(2026, 11, 22, tzinfo=UTC))
    log.append([*one("a/1", 1), *one("a/2", 2)], metadata("c1"))
    runner = Runner(store, log, Reaction("see", lambda _: None))
    runner.catch_up()
    store.forget("inbox", ["a/1"])
    runner.catch_up()
    kept = store.checkpoints().load("see", log.id)
    assert kept.position == 2
    assert not log.has_grown(kept.base)


@pytest.mark.parametrize(("retries", "after"), [(0, "1 try"), (1, "2 tries")])
def test_it_is_logged_after_how_many_tries_an_event_was_parked(
    store: Store, log: Log, caplog: pytest.LogCaptureFixture, retries: int, after: str
) -> None:
    def fail(_event: Recorded[Any]) -> None:
        raise ValueError("no")

    Runner(store, log, Reaction("see", fail), retries=retries, pause=0).catch_up()
    parked = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert parked[0] == f"the reaction see parked @1 of inbox after {after}: ValueError: no"


def test_a_parked_event_that_this_program_does_not_know_stays_parked(store: Store, log: Log) -> None:
    def fail(_event: Recorded[Any]) -> None:
        raise ValueError

    Runner(store, log, Reaction("see", fail), retries=0).catch_up()
    older = open_store(store.url, EventTypes({}))
    seen: list[Recorded[Any]] = []
    runner = Runner(older, older.open("inbox"), Reaction("see", seen.append))
    with pytest.raises(UnknownEvents, match="it stays parked"):
        runner.retry_parked()
    assert (seen, len(runner.parked())) == ([], 3)


def test_one_parked_event_can_be_tried_again(store: Store, log: Log) -> None:
    fails = [True]

    def react(_event: Recorded[Any]) -> None:
        if fails[0]:
            raise ValueError

    runner = Runner(store, log, Reaction("see", react), retries=0)
    runner.catch_up()
    first, second, third = runner.parked()
    fails[0] = False
    assert (runner.retry_parked("other/1"), runner.retry_parked(second.event)) == (0, 1)
    assert list(runner.parked()) == [first, third]


def test_a_parked_event_stays_as_it_is_while_the_log_cannot_be_searched(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_event: Recorded[Any]) -> None:
        raise ValueError("no")

    runner = Runner(store, log, Reaction("see", fail), retries=0)
    runner.catch_up()
    before = runner.parked()

    def search(_command: str) -> None:
        raise StaleCursor("streams were forgotten meanwhile")

    monkeypatch.setattr(log, "find_command", search)
    with pytest.raises(StaleCursor):
        runner.retry_parked()
    assert runner.parked() == before


@pytest.mark.parametrize("older", [True, False])
def test_a_reaction_goes_on_after_a_repair(store: Store, log: Log, tmp_path: Path, older: bool) -> None:
    seen: list[int] = []
    reaction: Reaction[Any] = Reaction("see", lambda event: seen.append(event.data.number))
    Runner(store, log, reaction).catch_up()
    path = tmp_path / "data/lists/inbox.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    if older:
        path.write_bytes(b"".join(lines[:-1]))
    else:
        path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"1", b"2"), *lines[3:]]))
    store = open_store(f"jsonl:{tmp_path}/data", CONTRACT_TYPES)
    assert store.repair("inbox") is not None
    log = store.open("inbox")
    log.append(one("a/2", 7), metadata("c7"))
    Runner(store, log, reaction).catch_up()
    assert seen == [0, 1, 2, 7]


def test_an_intact_log_lets_a_reaction_go_on_that_had_come_farther(store: Store, log: Log, tmp_path: Path) -> None:
    seen: list[int] = []
    reaction: Reaction[Any] = Reaction("see", lambda event: seen.append(event.data.number))
    Runner(store, log, reaction).catch_up()
    path = checkpoint(tmp_path)
    path.write_text('{"position":9,"base":[9,10,9999,"%s"]}' % ("0" * 64))
    with pytest.raises(StaleCursor, match="the reaction see waits at @9 until the log is repaired"):
        Runner(store, log, reaction).catch_up()
    assert store.repair("inbox") is None
    log.append(one("a/2", 7), metadata("c7"))
    Runner(store, log, reaction).catch_up()
    assert seen == [0, 1, 2, 7]
