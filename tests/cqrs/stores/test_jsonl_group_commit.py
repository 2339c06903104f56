"""Several writers to a log in a file: one sync for what several have written, while others go on writing."""

import errno
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from cqrs_todo.cqrs.errors import DamagedLog, LogBusy, OutcomeUnknown, StoreUnavailable
from cqrs_todo.cqrs.events import Commit
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores.jsonl import files, writer
from cqrs_todo.cqrs.stores.jsonl.head_record import has_sync_failed, head_in, read_record, set_sync_failed
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


def test_a_failed_sync_of_a_log_that_was_renamed_meanwhile_leaves_no_mark_under_its_old_name(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def release(lock_path: str, lock: int) -> None:
        files.release(lock_path, lock)
        store.rename("inbox", "moved")
        monkeypatch.setattr(os, "fsync", fail)

    monkeypatch.setattr(writer, "release", release)
    with pytest.raises(OutcomeUnknown):
        append(log, 10)
    monkeypatch.undo()
    new = store.create("inbox", AT)
    assert append(new, 11).position == 1
    assert new.warnings == []
    assert numbers(store.open("moved").events()) == [0, 1, 2, 10]


def test_a_log_that_cannot_be_synced_is_not_renamed(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreUnavailable):
        store.rename("inbox", "moved")
    monkeypatch.undo()
    assert has_sync_failed(str(path))
    assert append(log, 10).position == 4


def test_the_loss_is_noticed_if_an_older_copy_takes_the_place_of_a_log_during_a_sync(
    store: Store, log: Log, path: Path, disk: Disk
) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o600)
    with threads() as start:
        written = start(append, log, 10)
        assert disk.began.wait(SECONDS)
        copy.rename(path)
        disk.may_end.set()
        assert written.result(SECONDS).position == 4
    with pytest.raises(DamagedLog, match="@4 had been recorded"):
        append(store.open("inbox"), 11)


def test_work_together_writes_nothing_while_a_sync_of_one_of_its_logs_stands_still(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.create("other", AT)
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LogBusy, match="nothing was recorded"):
            store.together([other, log], lambda: append(other, 10))
    assert list(other.commits()) == []
    assert store.together([other, log], lambda: append(other, 10)).position == 1


@pytest.mark.usefixtures("log")
def test_the_end_of_a_process_does_not_end_the_wait_for_a_sync(
    store: Store, path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = [store.open("inbox") for _ in range(2)]
    with threads() as start:
        first = start(append, writers[0], 10)
        assert disk.began.wait(SECONDS)
        second = start(append, writers[1], 11)
        lines_in(path, 6)
        monkeypatch.setattr(files, "process_ends", lambda: True)
        with pytest.raises(TimeoutError):
            second.result(0.1)
        disk.may_end.set()
        assert [each.result(SECONDS).position for each in (first, second)] == [4, 5]


def test_an_interruption_does_not_hide_that_the_outcome_is_unknown(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def release(lock_path: str, lock: int) -> None:
        files.release(lock_path, lock)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(writer, "release", release)
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(KeyboardInterrupt):
            append(log, 10)
    assert "it cannot be known whether the last commit was recorded" in log.warnings[0]


def test_of_two_writers_whose_lock_file_was_removed_one_takes_its_line_back(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.open("inbox")

    def write_all(fd: int, line: bytes) -> None:
        monkeypatch.undo()
        path.with_suffix(".lock").unlink()
        with ThreadPoolExecutor() as pool:
            assert pool.submit(append, other, 11).result(SECONDS).position == 4
        files.write_all(fd, line)

    monkeypatch.setattr(writer, "write_all", write_all)
    with pytest.raises(LogBusy, match="wrote at the same time"):
        append(log, 10)
    assert store.verify("inbox").damage is None
    assert numbers(store.open("inbox").events()) == [0, 1, 2, 11]
    assert append(log, 10).position == 5


def test_what_was_read_is_written_anew_to_make_it_durable_after_a_sync_had_failed(
    store: Store, log: Log, path: Path
) -> None:
    set_sync_failed(str(path))
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
