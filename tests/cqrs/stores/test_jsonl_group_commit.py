"""Several writers to a log in a file: one sync for what several have written, while others go on writing."""

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from cqrs_todo.cqrs.errors import OutcomeUnknown
from cqrs_todo.cqrs.events import Commit
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores.jsonl import files, writer
from cqrs_todo.cqrs.stores.jsonl.head_record import head_in, mark_sync_failed, read_record
from cqrs_todo.cqrs.testing.examples import AT, metadata, numbers, one

SECONDS = 30.0
"""How long a thread waits at most. No test takes so long unless it fails."""


class Disk:
    """A disk on which the first sync of a log takes until the test lets it end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.syncs = 0
        self.began = Event()
        self.may_end = Event()
        self.fails = False
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.sync)

    def sync(self, fd: int) -> None:
        self.syncs += 1
        if self.syncs == 1:
            self.began.set()
            assert self.may_end.wait(SECONDS)
            if self.fails:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fsync(fd)


@pytest.fixture
def disk(log: Log, monkeypatch: pytest.MonkeyPatch) -> Disk:
    assert log.cursor().position == 3
    return Disk(monkeypatch)


@contextmanager
def threads() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def lines_in(path: Path, count: int) -> None:
    """Wait until a file has so many lines."""
    reached = Event()
    while path.read_bytes().count(b"\n") < count:
        assert not reached.wait(0.001)


def recorded_head(path: Path, log: Log) -> int:
    head = head_in(read_record(str(path)), log.id)
    assert head is not None
    return head.position


def append(log: Log, number: int) -> Commit:
    return log.append(one(f"a/{number}", number), metadata(f"d{number}"))


def test_others_write_during_a_sync_and_the_next_sync_is_one_for_all_of_them(store: Store, path: Path, disk: Disk) -> None:
    writers = [store.open("inbox") for _ in range(4)]
    with threads() as start:
        first = start(append, writers[0], 10)
        assert disk.began.wait(SECONDS)
        others = []
        for place, each in enumerate(writers[1:], 1):
            others.append(start(append, each, 10 + place))
            lines_in(path, 5 + place)
        assert not first.done()
        assert not any(each.done() for each in others)
        disk.may_end.set()
        assert [each.result(SECONDS).position for each in (first, *others)] == [4, 5, 6, 7]
    assert disk.syncs == 2
    assert recorded_head(path, store.open("inbox")) == 7
    assert numbers(store.open("inbox").events()) == [0, 1, 2, 10, 11, 12, 13]


def test_if_a_sync_fails_then_it_fails_for_what_others_wrote_meanwhile(store: Store, path: Path, disk: Disk) -> None:
    disk.fails = True
    one_writer, other = store.open("inbox"), store.open("inbox")
    with threads() as start:
        first = start(append, one_writer, 10)
        assert disk.began.wait(SECONDS)
        second = start(append, other, 11)
        lines_in(path, 6)
        disk.may_end.set()
        for each in (first, second):
            with pytest.raises(OutcomeUnknown, match="cannot be known whether"):
                each.result(SECONDS)
    assert recorded_head(path, other) == 3
    inode = path.stat().st_ino
    assert append(store.open("inbox"), 12).position == 6
    assert path.stat().st_ino != inode
    assert [append(each, number).position for each, number in ((one_writer, 10), (other, 11))] == [4, 5]
    assert numbers(store.open("inbox").events()) == [0, 1, 2, 10, 11, 12]


@pytest.mark.parametrize("what", ["rename", "archive", "forget", "repair", "import"])
def test_whoever_replaces_a_log_waits_for_a_sync_of_it(store: Store, log: Log, disk: Disk, what: str) -> None:
    work: dict[str, Callable[[], object]] = {
        "rename": lambda: store.rename("inbox", "moved"),
        "archive": lambda: store.archive("inbox"),
        "forget": lambda: store.forget("inbox", ["a/1"]),
        "repair": lambda: store.repair("inbox"),
        "import": lambda: store.import_log("inbox", lines),
    }
    lines = list(log.lines())
    with threads() as start:
        written = start(append, log, 10)
        assert disk.began.wait(SECONDS)
        replaced = start(work[what])
        with pytest.raises(TimeoutError):
            replaced.result(0.1)
        assert not written.done()
        disk.may_end.set()
        assert written.result(SECONDS).position == 4
        replaced.result(SECONDS)


@pytest.mark.parametrize("what", ["rename", "forget"])
def test_a_commit_stays_if_its_log_is_replaced_between_its_write_and_its_sync(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def release(lock_path: str, lock: int) -> None:
        files.release(lock_path, lock)
        if what == "rename":
            store.rename("inbox", "moved")
        else:
            store.forget("inbox", ["a/1"])

    monkeypatch.setattr(writer, "release", release)
    assert append(log, 10).position == 4
    monkeypatch.undo()
    if what == "rename":
        assert read_record(str(path)) == b""
        store.create("inbox", AT)
    now = store.open("moved" if what == "rename" else "inbox")
    assert append(now, 11).position == 5
    assert now.damage is None
    assert store.verify(now.name).damage is None
    assert recorded_head(path.with_name(f"{now.name}.jsonl"), now) == 5


def test_what_was_read_is_written_anew_to_make_it_durable_after_a_sync_had_failed(
    store: Store, log: Log, path: Path
) -> None:
    mark_sync_failed(str(path))
    inode = path.stat().st_ino
    reader = store.open("inbox")
    assert reader.find_command("c2") is not None
    assert path.stat().st_ino != inode
    assert numbers(log.events()) == [0, 1, 2]
    assert append(log, 10).position == 4


def test_a_writer_that_waits_for_a_lock_file_that_is_removed_takes_the_new_one(log: Log, path: Path) -> None:
    lock = path.with_suffix(".lock")
    with threads() as start:
        with files.file_lock(str(lock), str(path)):
            written = start(append, log, 10)
            with pytest.raises(TimeoutError):
                written.result(0.05)
            content = lock.read_bytes()
            lock.unlink()
            lock.write_bytes(content)
            held = os.open(lock, os.O_RDWR)
            assert files.try_lock(held)
        with pytest.raises(TimeoutError):
            written.result(0.05)
        os.close(held)
        assert written.result(SECONDS).position == 4
