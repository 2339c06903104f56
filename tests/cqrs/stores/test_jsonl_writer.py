"""Appending to a log in a file: torn tails, lost ends, failing writes and syncs, locks and signals."""

import _signal  # type: ignore[import-not-found]  # typeshed leaves out private modules
import errno
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cqrs_todo.cqrs.errors import (
    CommandReused,
    DamagedLog,
    LogBusy,
    LogNotFound,
    OutcomeUnknown,
    StaleCursor,
    StoreUnavailable,
    WrongExpectedVersion,
)
from cqrs_todo.cqrs.events import LOST, REPAIRED, Commit, Metadata
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores.format import verified_digest
from cqrs_todo.cqrs.stores.jsonl import files
from cqrs_todo.cqrs.stores.jsonl.head_record import has_sync_failed, set_sync_failed
from cqrs_todo.cqrs.stores.signals import delay_signals
from cqrs_todo.cqrs.testing.examples import AT, Counted, metadata, numbers, one
from tests.disks import only_to_read


def beside(path: Path, what: str) -> list[Path]:
    return sorted(path.parent.glob(f"inbox.{what}-*"))


def test_one_commit_is_one_line_with_a_digest_over_those_before(log: Log, path: Path) -> None:
    log.append([*one("a/1", 3, 4), *one("b/1", 5)], metadata("c3"))
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == 5
    previous = b""
    for line in lines:
        previous = verified_digest(previous, line)
    assert msgspec.json.decode(lines[-1])["position"] == 4
    assert [event["version"] for event in msgspec.json.decode(lines[-1])["events"]] == [4, 5, 1]


@pytest.mark.parametrize("tail", [b'{"position":4', b"\0\0\0\0", b"x" * 200_000, b'{"position":4,"sum":"0"}'])
def test_readers_ignore_a_torn_tail_and_the_next_writer_sets_it_aside(
    store: Store, log: Log, path: Path, tail: bytes
) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    reader = store.open("inbox")
    assert numbers(reader.events()) == numbers(log.events()) == [0, 1, 2]
    assert [event.position for event in reader.events_backward()] == [3, 2, 1]
    assert reader.warnings == []
    assert path.read_bytes() == whole + tail
    assert reader.has_grown(reader.cursor()) == (len(tail) > 1 << 16), "who follows the log does not read it again and again"
    assert reader.append(one("a/1", 3), metadata("c3")).position == 4
    assert path.read_bytes().startswith(whole + b'{"position":4')
    (aside,) = beside(path, "torn")
    assert aside.read_bytes() == tail
    assert aside.stat().st_mode & 0o777 == 0o600
    assert str(aside) in reader.warnings[0]
    assert numbers(log.events()) == [0, 1, 2, 3]


def test_a_log_that_was_cut_after_it_was_read_is_not_written(log: Log, path: Path) -> None:
    assert len(list(log.commits())) == 3
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(DamagedLog, match="lost its end"):
        log.append(one("a/1", 3), metadata("c3"))


def test_a_failed_write_is_undone(log: Log, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    write = os.write

    def half_then_full_disk(fd: int, data: Any) -> int:
        if len(data) > 50:
            return write(fd, data[:50])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", lambda fd, data: half_then_full_disk(fd, data[: 50 + len(data) % 50]))
    with pytest.raises(StoreUnavailable, match="No space left on device; nothing was recorded"):
        log.append(one("a/1", 3), metadata("c3"))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert log.append(one("a/1", 3), metadata("c3")).position == 4


def test_a_commit_is_reported_as_recorded_only_after_a_sync(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    for writer in (log, log, store.open("inbox")):
        with pytest.raises((OutcomeUnknown, StoreUnavailable)):
            writer.append(one("a/1", 3), metadata("c3"))
    monkeypatch.undo()
    assert has_sync_failed(str(path))
    assert log.append(one("a/1", 3), metadata("c3")).position == 4
    assert numbers(store.open("inbox").events()) == [0, 1, 2, 3]


@pytest.mark.usefixtures("log")
def test_the_flag_of_a_failed_sync_moves_with_a_renamed_log(store: Store, path: Path) -> None:
    set_sync_failed(str(path))
    store.rename("inbox", "moved")
    moved = store.open("moved")
    moved.append(one("a/1", 3), metadata("c3"))
    assert "written anew" in moved.warnings[0]
    assert store.create("inbox", AT).append(one("a/1", 1), metadata("c")).position == 1


def test_a_flag_of_a_failed_sync_set_while_a_log_is_archived_is_not_lost(store: Store, log: Log, path: Path) -> None:
    store.archive("inbox")
    set_sync_failed(str(path))
    store.unarchive("inbox")
    log.append(one("a/1", 3), metadata("c3"))
    assert "written anew" in log.warnings[0]
    assert not has_sync_failed(str(path))


@pytest.mark.parametrize("opened", [0, 1])
def test_a_log_that_lost_its_end_while_it_was_open_is_not_written(store: Store, path: Path, opened: int) -> None:
    logs = [store.create("inbox", AT)]
    for n in range(3):
        if n == opened:
            logs.append(store.open("inbox"))
        logs[0].append(one("a/1", n), metadata(f"c{n}"))
    reader = logs[1]
    assert len(list(reader.commits())) == 3
    cut = path.read_bytes()[: path.read_bytes()[:-1].rindex(b"\n") + 1]
    path.write_bytes(cut)
    with pytest.raises(DamagedLog, match=r"lost its end.*@3 had been recorded; nothing was recorded"):
        reader.append(one("a/1", 3), metadata("c3"))
    assert path.read_bytes() == cut


def test_the_loss_of_a_commit_that_another_process_recorded_is_noticed(store: Store, log: Log, path: Path) -> None:
    assert len(list(log.commits())) == 3
    content = path.read_bytes()
    store.open("inbox").append(one("a/1", 3), metadata("c3"))
    path.write_bytes(content)
    with pytest.raises(DamagedLog, match=r"lost its end.*@4 had been recorded; nothing was recorded"):
        log.append(one("b/1", 1), metadata("d1"))
    assert path.read_bytes() == content
    assert store.verify("inbox").damage is not None
    assert store.repair("inbox") is not None
    assert [event.type for event in store.open("inbox").events()][3:] == [LOST, REPAIRED]
    assert store.open("inbox").append(one("b/1", 1), metadata("d1")).position == 6


@pytest.mark.parametrize("heard", [True, False])
def test_a_writer_that_knows_of_a_lost_commit_does_not_write(store: Store, log: Log, path: Path, heard: bool) -> None:
    assert len(list(log.commits())) == 3
    content = path.read_bytes()
    (store.open("inbox") if heard else log).append(one("a/1", 3), metadata("c3"))
    path.write_bytes(content)
    with pytest.raises(DamagedLog, match=r"lost its end.*@4 had been recorded; nothing was recorded"):
        log.append(one("b/1", 1), metadata("d1"))
    assert store.repair("inbox") is not None
    with pytest.raises(DamagedLog, match=r"had been recorded; nothing was recorded"):
        log.append(one("b/1", 1), metadata("d1"))
    path.write_bytes(content[:-1])
    path.with_suffix(".lock").unlink()
    with pytest.raises(DamagedLog, match=r"lost its end.*had been recorded; nothing was recorded"):
        log.append(one("b/1", 1), metadata("d1"))
    assert path.read_bytes() == content[:-1]
    assert store.open("inbox").append(one("b/1", 1), metadata("d1")).position == 4


def test_a_log_that_was_rewritten_and_lacks_its_last_lf_is_not_written(store: Store, log: Log, path: Path) -> None:
    content, lock = path.read_bytes(), path.with_suffix(".lock")
    log.append(one("a/1", 3), metadata("c3"))
    note = lock.read_bytes()
    path.write_bytes(content)
    lock.unlink()
    store.open("inbox").append([Append("b/1", (Counted(0, "x" * 999),))], metadata("d1"))
    lock.write_bytes(note)
    path.write_bytes(path.read_bytes()[:-1])
    damage = store.verify("inbox").damage
    assert damage is not None
    assert damage.detail == "it was rewritten: @4 had been recorded with another digest"
    with pytest.raises(DamagedLog, match=r"was rewritten; @4 had been recorded; nothing was recorded"):
        store.open("inbox").append(one("b/1", 1), metadata("d2"))


@pytest.mark.parametrize("continued", [True, False])
def test_a_writer_notices_a_restored_backup_that_lacks_what_it_wrote(
    store: Store, log: Log, path: Path, continued: bool
) -> None:
    files = (path, path.with_suffix(".lock"))
    backup = [file.read_bytes() for file in files]
    log.append(one("a/1", 3), metadata("c3"))
    for file, content in zip(files, backup, strict=True):
        file.write_bytes(content)
    if continued:
        store.open("inbox").append([Append("b/1", (Counted(0, "x" * 999),))], metadata("d1"))
    assert len(list(log.commits())) == 3 + continued
    assert "@4 had been recorded" in (log.damage or "")
    with pytest.raises(DamagedLog, match="was rewritten" if continued else "lost its end"):
        log.append(one("a/1", 4), metadata("c4"))


def test_a_reader_notices_a_restored_backup_that_was_continued(store: Store, log: Log, path: Path) -> None:
    files = (path, path.with_suffix(".lock"))
    backup = [file.read_bytes() for file in files]
    store.open("inbox").append(one("a/1", 3), metadata("c3"))
    assert len(list(log.commits())) == 4
    for file, content in zip(files, backup, strict=True):
        file.write_bytes(content)
    store.open("inbox").append(one("b/1", 3), metadata("d3"))
    with pytest.raises(StaleCursor, match=r"not what was read of it up to @4; nothing was recorded; append again$"):
        log.append(one("a/1", 4), metadata("c4"))
    with pytest.raises(WrongExpectedVersion):
        log.append(one("a/1", 4, expected=4), metadata("c4"))
    assert log.append(one("a/1", 4, expected=3), metadata("c4")).position == 5
    assert log.append(one("a/1", 3), metadata("c3")).position == 6
    assert store.verify("inbox").damage is None


@pytest.mark.parametrize(("cut", "warning"), [(True, "lacks its end"), (False, "the end of the line was altered")])
def test_a_complete_last_line_is_never_cut_off(store: Store, log: Log, path: Path, cut: bool, warning: str) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] if cut else content[:-1] + b"\x0b")
    reader = store.open("inbox")
    assert numbers(reader.events()) == [0, 1]
    assert warning in reader.warnings[0]
    if cut:
        assert reader.append(one("a/1", 3), metadata("c3")).position == 4
        assert numbers(log.events()) == [0, 1, 2, 3]
        assert reader.warnings == [f"the last line of {path} lacked its end: this change has repaired it"]
    else:
        with pytest.raises(DamagedLog):
            reader.append(one("a/1", 3), metadata("c3"))


@pytest.mark.parametrize(
    "meta",
    [{"x": float("nan")}, {"x": "\ud800"}, {"x": object()}, {1: "x"}, {"x": (1, 2)}],
    ids=["NaN", "surrogate", "object", "number as key", "tuple"],
)
def test_metadata_that_json_would_change_is_refused(log: Log, path: Path, meta: dict[str, Any]) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError, match="cannot be recorded"):
        log.append(one("a/1", 3), Metadata(AT, "me", "c3", meta))
    assert path.read_bytes() == before


def test_after_a_failed_fsync_the_outcome_is_unknown_and_the_next_writer_uses_a_new_file(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    failed: list[int] = []

    def fail_once(fd: int) -> None:
        if not failed:
            failed.append(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises(OutcomeUnknown, match="cannot be known whether"):
        log.append(one("a/1", 3), metadata("c3"))
    monkeypatch.undo()
    inode, content = path.stat().st_ino, path.read_bytes()
    other = store.open("inbox")
    other.append(one("a/1", 4), metadata("c4"))
    assert path.stat().st_ino != inode
    assert path.read_bytes().startswith(content)
    (aside,) = beside(path, "unsynced")
    assert aside.read_bytes() == content
    assert "written anew" in other.warnings[0]
    assert log.append(one("a/1", 3), metadata("c3")).position == 4, "sent again, the same command is recorded once"
    assert numbers(log.events()) == [0, 1, 2, 3, 4]
    assert len(beside(path, "unsynced")) == 1


def test_the_outcome_stays_unknown_if_the_disk_is_read_only_after_a_failed_sync(
    store: Store, path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_sync_failed(str(path))
    monkeypatch.setattr(os, "open", only_to_read(os.open))
    for each in (log, store.open("inbox")):
        asked: list[Callable[[], object]] = [
            partial(each.find_command, "c2"),
            partial(each.append, one("a/1", 2), metadata("c2")),
        ]
        for ask in asked:
            with pytest.raises(OutcomeUnknown, match=r"Read-only file system: it cannot be known whether command c2 .* @3$"):
                ask()
        assert each.find_command("c3") is None
        with pytest.raises(StoreUnavailable, match="Read-only file system; nothing was recorded"):
            each.append(one("a/1", 3), metadata("c3"))
    monkeypatch.undo()
    assert log.append(one("a/1", 2), metadata("c2")).position == 3
    monkeypatch.setattr(os, "open", only_to_read(os.open))
    assert log.append(one("a/1", 2), metadata("c2")).position == 3, "it is durable now"
    with pytest.raises(CommandReused):
        log.append(one("a/1", 9), metadata("c2"))


def test_signals_are_delayed_until_an_append_is_over(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync
    seen: list[int] = []

    def interrupt(fd: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        seen.append(fd)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        log.append(one("a/1", 3), metadata("c3"))
    assert seen
    assert numbers(log.events()) == [0, 1, 2, 3]
    assert "@4 was recorded before the interruption" in log.warnings


def test_all_delayed_signals_are_delivered_even_if_the_handler_of_the_first_raises() -> None:
    seen: list[int] = []

    def both_come() -> None:
        with delay_signals() as came:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            while len(came) < 2:
                time.sleep(0.001)
            assert not seen

    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with pytest.raises(KeyboardInterrupt):
            both_come()
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_every_handler_is_restored_even_if_one_that_was_restored_raises_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(Exception):
        pass

    def end(*_: object) -> None:
        raise Ended

    sent: list[int] = []
    set_handler = _signal.signal

    def interrupted(number: int, handler: object) -> object:
        if number == signal.SIGINT and signal.getsignal(signal.SIGTERM) is end and not sent:
            sent.append(number)
            os.kill(os.getpid(), signal.SIGTERM)
        return set_handler(number, handler)

    before = signal.getsignal(signal.SIGINT), signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(Ended), delay_signals():
            monkeypatch.setattr(_signal, "signal", interrupted)
        assert sent
        assert signal.getsignal(signal.SIGINT) is before[0]
        assert signal.getsignal(signal.SIGTERM) is end
    finally:
        monkeypatch.undo()
        signal.signal(signal.SIGTERM, before[1])


def test_the_error_for_a_busy_log_names_the_process_that_holds_it(
    log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    with path.with_suffix(".lock").open("r+b") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(LogBusy, match=rf"process {os.getpid()} has held .*nothing was recorded"):
            log.append(one("a/1", 3), metadata("c3"))
    assert log.append(one("a/1", 3), metadata("c3")).position == 4


def test_a_log_that_was_renamed_or_replaced_while_it_was_open_is_not_written(store: Store, log: Log) -> None:
    other = store.open("inbox")
    store.rename("inbox", "elsewhere")
    with pytest.raises(LogNotFound):
        log.append(one("a/1", 3), metadata("c3"))
    store.create("inbox", AT)
    with pytest.raises(LogBusy, match="replaced by another log"):
        other.append(one("a/1", 3), metadata("c3"))
    assert numbers(store.open("elsewhere").events()) == [0, 1, 2]
    assert list(store.open("inbox").commits()) == []


@contextmanager
def waiting(log: Log, path: Path) -> Iterator[Future[Commit]]:
    """Hold the lock of a log during the block, while a thread waits to append to the log."""
    with ThreadPoolExecutor() as threads, files.file_lock(str(path.with_suffix(".lock")), str(path)):
        yield threads.submit(log.append, one("a/1", 4), metadata("late"))


def test_a_writer_that_waits_for_its_turn_does_not_continue_a_log_that_was_replaced_meanwhile(
    store: Store, log: Log, path: Path
) -> None:
    files = (path, path.with_suffix(".lock"))
    backup = [file.read_bytes() for file in files]
    store.open("inbox").append(one("a/1", 3), metadata("c3"))
    assert len(list(log.commits())) == 4
    present = [file.read_bytes() for file in files]
    for file, content in zip(files, backup, strict=True):
        file.write_bytes(content)
    store.open("inbox").append(one("b/1", 3), metadata("d3"))
    replaced = [file.read_bytes() for file in files]
    for file, content in zip(files, present, strict=True):
        file.write_bytes(content)
    with waiting(log, path) as appended:
        for file, content in zip(files, replaced, strict=True):
            file.write_bytes(content)
        time.sleep(0.05)
    with pytest.raises(StaleCursor, match=r"not what was read of it up to @4; nothing was recorded; append again$"):
        appended.result(60)


def test_a_thread_does_not_wait_for_a_lock_that_it_holds_itself(store: Store, log: Log) -> None:
    other = store.open("inbox")

    def work() -> None:
        with pytest.raises(ValueError, match=r"the work of `together` reads .*inbox\.jsonl"):
            other.append(one("a/1", 9), metadata("other"))
        log.append(one("a/1", 9), metadata("c9"))

    store.together([log], work)
    assert other.append(one("a/1", 10), metadata("other")).position == 5
