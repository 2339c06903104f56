"""The append protocol: what is torn, damaged, foreign or failing, and what becomes of it."""

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cqrs_todo.cqrs.errors import (
    DamagedLog,
    ImportRefused,
    LogBusy,
    LogExists,
    LogNotFound,
    MissingLog,
    OutcomeUnknown,
    ReadOnlyLog,
    StaleMark,
    StoreUnavailable,
    WrongExpectedVersion,
)
from cqrs_todo.cqrs.events import LOST, REPAIRED, Metadata, UnknownEvent
from cqrs_todo.cqrs.store import Append, Log, Mark, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.chain import ChainedLog
from cqrs_todo.cqrs.stores.format import FORMAT, VERSION, Header, encode_header, sum_of
from cqrs_todo.cqrs.stores.jsonl import files
from cqrs_todo.cqrs.stores.jsonl.notes import mark_suspect
from cqrs_todo.cqrs.stores.seals import seal
from cqrs_todo.cqrs.stores.signals import signals_held
from cqrs_todo.cqrs.testing.contract import AT, CONTRACT_TYPES, Counted, metadata, numbers, one


@pytest.fixture
def log(store: Store) -> Log:
    log = store.create("inbox", AT)
    for n in range(3):
        log.append(one("a/1", n), metadata(f"c{n}"))
    return log


def beside(path: Path, what: str) -> list[Path]:
    return sorted(path.parent.glob(f"inbox.{what}-*"))


def test_one_commit_is_one_line_sealed_to_those_before(log: Log, path: Path) -> None:
    log.append([*one("a/1", 3, 4), *one("b/1", 5)], metadata("c3"))
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == 5
    previous = b""
    for line in lines:
        previous = sum_of(previous, line)
    assert msgspec.json.decode(lines[-1])["position"] == 4
    assert [event["version"] for event in msgspec.json.decode(lines[-1])["events"]] == [4, 5, 1]


def test_files_are_private_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        store = open_store(f"jsonl:{tmp_path}/deep/down", CONTRACT_TYPES)
        store.create("inbox", AT).append(one("a/1", 1), metadata("c"))
    finally:
        os.umask(before)
    for file in ("inbox.jsonl", "inbox.lock"):
        assert (tmp_path / "deep/down/lists" / file).stat().st_mode & 0o777 == 0o600
    for folder in ("deep", "deep/down", "deep/down/lists"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("tail", [b'{"position":4', b"\0\0\0\0", b"x" * 200_000, b'{"position":4,"sum":"0"}'])
def test_a_torn_tail_is_passed_over_by_readers_and_set_aside_by_the_next_writer(
    store: Store, log: Log, path: Path, tail: bytes
) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    reader = store.open("inbox")
    assert numbers(reader.events()) == numbers(log.events()) == [0, 1, 2]
    assert [event.position for event in reader.events_backward()] == [3, 2, 1]
    assert reader.notices == []
    assert path.read_bytes() == whole + tail
    assert reader.append(one("a/1", 3), metadata("c3")).position == 4
    assert path.read_bytes().startswith(whole + b'{"position":4')
    (aside,) = beside(path, "torn")
    assert aside.read_bytes() == tail
    assert aside.stat().st_mode & 0o777 == 0o600
    assert str(aside) in reader.notices[0]
    assert numbers(log.events()) == [0, 1, 2, 3]


DAMAGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "altered": lambda lines: [*lines[:2], lines[2].replace(b'"number":1', b'"number":7'), lines[3]],
    "missing": lambda lines: [*lines[:2], lines[3]],
    "doubled": lambda lines: [*lines[:3], lines[2], lines[3]],
    "swapped": lambda lines: [*lines[:2], lines[3], lines[2]],
    "not json": lambda lines: [*lines[:2], b"junk", lines[3]],
    "blank": lambda lines: [*lines[:2], b"", *lines[2:]],
    "torn, with a line after it": lambda lines: [*lines[:2], lines[2][:20], lines[3]],
    "zeros, with a line after them": lambda lines: [*lines[:2], b"\0" * 20 + lines[2], lines[3]],
}


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_never_written_to_and_what_stands_before_it_is_served(
    store: Store, path: Path, damage: Callable[[list[bytes]], list[bytes]]
) -> None:
    lines = path.read_bytes().splitlines()
    damaged = b"".join(line + b"\n" for line in damage(lines))
    path.write_bytes(damaged)
    valid = 2 if damage is DAMAGES["doubled"] else 1
    reader = store.open("inbox")
    assert numbers(reader.events()) == [0, 1][:valid]
    assert numbers(reader.events_backward()) == [1, 0][-valid:]
    assert f"damaged at line {valid + 2}, byte " in reader.notices[0]
    for writer in (reader, store.open("inbox")):
        with pytest.raises(DamagedLog, match="nothing was recorded"):
            writer.append(one("a/1", 3), metadata("c3"))
    assert path.read_bytes() == damaged


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b'{"format":"other"}\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_a_file_without_a_header_is_damaged(store: Store, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DamagedLog, match="line 1"):
        store.open("inbox")


def sealed(path: Path, *documents: Any) -> None:
    """Write a log of these documents, with sums that match."""
    previous, content = b"", b""
    for document in documents:
        line = seal(previous, document if isinstance(document, bytes) else msgspec.json.encode(document))
        previous = sum_of(previous, line[:-1])
        content += line
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


HEADER = {"format": "cqrs-log", "version": "1.0", "id": "x", "name": "inbox", "created": "2026-11-22T09:30:00Z"}


def commit(position: int, version: int, *, type: str = "counted", **extra: Any) -> dict[str, Any]:
    event = {"stream": "a/1", "version": version, "type": type, "data": {"number": position, "later": [1]}}
    at = "2026-11-22T09:30:00Z"
    return {"position": position, "at": at, "by": "me", "command": f"c{position}", "events": [event], **extra}


def test_what_a_newer_minor_version_wrote_is_read_and_survives(store: Store, path: Path) -> None:
    header = {**HEADER, "version": "1.7", "colour": "green"}
    other = {"stream": "a/1", "version": 4, "type": "counted", "data": {"number": "four"}}
    third = commit(3, 3, meta={"new": {"deep": 1.5}})
    sealed(path, header, commit(1, 1, mood="good"), commit(2, 2, type="shaken"), third, commit(4, 4, events=[other]))
    before = path.read_bytes()
    log = store.open("inbox")
    events = list(log.events())
    assert events[1].data == UnknownEvent("shaken", b'{"number":2,"later":[1]}')
    assert events[3].data == UnknownEvent("counted", b'{"number":"four"}'), "a newer version gave the type other data"
    assert [event.version for event in events] == [1, 2, 3, 4]
    assert events[2].metadata.meta == {"new": {"deep": 1.5}}
    assert log.append(one("a/1", 5, expected=4), metadata("c5")).position == 5
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("version", ["2.0", "10.1", "next", ""])
def test_a_newer_major_version_is_read_only(store: Store, path: Path, version: str) -> None:
    sealed(path, {**HEADER, "version": version}, commit(1, 1))
    log = store.open("inbox")
    assert numbers(log.events()) == [1]
    assert "newer than this program" in log.notices[0]
    with pytest.raises(ReadOnlyLog, match="newer than this program"):
        log.append(one("a/1", 2), metadata("c2"))


DEEP = b"[" * 100_000 + b"]" * 100_000
LINES: dict[str, Any] = {
    "deep": b'{"position":1,"at":"2026-11-22T09:30:00Z","by":"","command":"","events":[],"meta":{"x":' + DEEP + b"}}",
    "position 2^63": commit(2**63, 1),
    "position 0": commit(0, 1),
    "position 2 first": commit(2, 1),
    "version 2 first": commit(1, 2),
    "no events": commit(1, 1, events=[]),
    "time without zone": commit(1, 1, at="2026-11-22T09:30:00"),
    "NaN": b'{"position":NaN}',
    "1e400": b'{"position":1e400}',
    "BOM": b"\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"by":"\xff"}',
    "lone surrogate": b'{"position":1,"at":"2026-11-22T09:30:00Z","by":"\\ud800","command":"","events":[]}',
    "deep data": b'{"position":1,"at":"2026-11-22T09:30:00Z","by":"","command":"","events":[{"stream":"a/1","version":1,'
    b'"type":"counted","data":' + DEEP + b"}]}",
    "invalid UTF-8 in an unknown event": b'{"position":1,"at":"2026-11-22T09:30:00Z","by":"","command":"","events":['
    b'{"stream":"a/1","version":1,"type":"shaken","data":{"s":"\xff"}}]}',
    "an array": b"[]}",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_with_a_right_sum_and_wrong_content_is_damage(store: Store, path: Path, line: Any) -> None:
    sealed(path, HEADER, line)
    log = store.open("inbox")
    assert list(log.commits()) == []
    assert "damaged at line 2" in log.notices[0]
    with pytest.raises(DamagedLog):
        log.append(one("a/1", 1), metadata("c"))


def test_a_log_cut_short_under_a_reader_is_told(log: Log, path: Path) -> None:
    assert len(list(log.commits())) == 3
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(DamagedLog, match="lost its end"):
        log.append(one("a/1", 3), metadata("c3"))


@pytest.mark.usefixtures("log")
def test_links_pipes_and_folders_in_the_logs_place_are_refused(store: Store, path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    path.rename(real)
    path.symlink_to(real)
    with pytest.raises(StoreUnavailable, match="symbolic link"):
        store.open("inbox")
    path.unlink()
    os.link(real, path)
    with pytest.raises(StoreUnavailable, match="hard link"):
        store.open("inbox")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreUnavailable, match="not a regular file"):
        store.open("inbox")
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="not a regular file"):
        store.open("inbox")
    path.rmdir()
    real.rename(path)
    assert numbers(store.open("inbox").events()) == [0, 1, 2]


@pytest.mark.usefixtures("log")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_foreign_owner_is_refused(store: Store, path: Path) -> None:
    os.chown(path, 65534, -1)
    with pytest.raises(StoreUnavailable, match="belongs to another user"):
        store.open("inbox")


def test_a_failed_write_is_taken_back(log: Log, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_commit_is_told_as_recorded_only_after_a_sync(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    for writer in (log, log, store.open("inbox")):
        with pytest.raises((OutcomeUnknown, StoreUnavailable)):
            writer.append(one("a/1", 3), metadata("c3"))
    monkeypatch.undo()
    assert path.with_suffix(".lock").read_bytes()[256:] == b"suspect\n"
    assert log.append(one("a/1", 3), metadata("c3")).position == 4
    assert numbers(store.open("inbox").events()) == [0, 1, 2, 3]


@pytest.mark.usefixtures("log")
def test_the_mark_of_a_failed_sync_goes_with_a_renamed_log(store: Store, path: Path) -> None:
    mark_suspect(str(path))
    store.rename("inbox", "moved")
    moved = store.open("moved")
    moved.append(one("a/1", 3), metadata("c3"))
    assert "written anew" in moved.notices[0]
    assert store.create("inbox", AT).append(one("a/1", 1), metadata("c")).position == 1


def test_a_mark_made_while_a_log_is_put_away_is_not_lost(store: Store, log: Log, path: Path) -> None:
    store.archive("inbox")
    mark_suspect(str(path))
    store.unarchive("inbox")
    log.append(one("a/1", 3), metadata("c3"))
    assert "written anew" in log.notices[0]
    assert not path.with_suffix(".lock").read_bytes()[256:]


@pytest.mark.parametrize("opened", [0, 1])
def test_a_log_that_lost_its_end_under_a_reader_is_not_written(store: Store, path: Path, opened: int) -> None:
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


def test_a_commit_that_another_process_recorded_and_that_was_lost_before_it_was_read(
    store: Store, log: Log, path: Path
) -> None:
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
def test_whoever_knows_of_a_commit_that_is_gone_does_not_write(store: Store, log: Log, path: Path, heard: bool) -> None:
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
    assert damage.detail == "it was rewritten: @4 had been recorded with another sum"
    with pytest.raises(DamagedLog, match=r"was rewritten; @4 had been recorded; nothing was recorded"):
        store.open("inbox").append(one("b/1", 1), metadata("d2"))


def test_lines_that_end_before_what_a_log_had_come_to_do_not_take_its_place(store: Store, log: Log, path: Path) -> None:
    lines, earlier = list(log.lines()), path.read_bytes()
    log.append(one("a/1", 3), metadata("c3"))
    whole = list(log.lines())
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(ImportRefused, match="@4 had been recorded, and these lines end before it; nothing was imported"):
        store.import_log("inbox", lines)
    assert path.read_bytes() == b"".join(lines[:-1]) != earlier
    assert store.import_log("inbox", whole) == 2
    assert store.verify("inbox").damage is None


@pytest.mark.parametrize("noted", [True, False])
def test_a_backup_brought_back_under_whoever_wrote_what_it_lacks(store: Store, log: Log, path: Path, noted: bool) -> None:
    files = (path, path.with_suffix(".lock"))
    backup = [file.read_bytes() for file in files]
    log.append(one("a/1", 3), metadata("c3"))
    for file, content in zip(files, backup, strict=True):
        file.write_bytes(content)
    if noted:
        store.open("inbox").append([Append("b/1", (Counted(0, "x" * 999),))], metadata("d1"))
    assert len(list(log.commits())) == 3 + noted
    assert "@4 had been recorded" in (log.damage or "")
    with pytest.raises(DamagedLog, match="was rewritten" if noted else "lost its end"):
        log.append(one("a/1", 4), metadata("c4"))


@pytest.mark.parametrize("read", ["commits", "lines", "outlines"])
@pytest.mark.parametrize("known", [2, 3])
def test_whoever_reads_a_log_that_was_cut_and_gone_on_with_begins_anew(
    store: Store, path: Path, read: str, known: int
) -> None:
    store.create("inbox", AT)
    for n in range(known):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    log = store.open("inbox")
    if known == 2:
        store.open("inbox").append(one("a/1", 2), metadata("c2"))
    assert len(list(log.commits())) == 3
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert store.repair("inbox") is not None
    for n in range(2):
        store.open("inbox").append(one(f"b/{n}", n), metadata(f"d{n}"))
    list(getattr(log, read)())
    with suppress(DamagedLog):  # who knows of a commit that is gone does not write
        log.append(one("b/0", 9), metadata("e"))
    assert store.verify("inbox").damage is None


@pytest.fixture
def slow(store: Store, monkeypatch: pytest.MonkeyPatch) -> Log:
    """An empty log that is read a line or two at a time."""
    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.lines._BLOCK", 400)
    store.create("inbox", AT)
    return store.open("inbox")


def test_a_reading_left_half_done_says_nothing_once_the_log_was_begun_anew(store: Store, slow: Log, path: Path) -> None:
    for n in range(8):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    assert len(list(slow.commits())) == 8
    mark, lines = slow.mark(), path.read_bytes().splitlines(keepends=True)
    half = slow.outlines()
    assert [next(half)[0].position, next(half)[0].position] == [1, 2]
    path.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(StaleMark):
        list(slow.commits(mark))
    list(half)
    path.write_bytes(b"".join(lines))
    assert numbers(slow.events()) == list(range(8))
    assert slow.append(one("a/1", 8), metadata("c8")).position == 9
    assert store.verify("inbox").damage is None


def test_a_reading_left_half_done_takes_another_history_for_no_damage(store: Store, slow: Log, path: Path) -> None:
    for n in range(4):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    store.open("inbox").append([Append("b/1", (Counted(0, "x" * 999),))], metadata("d"))
    assert len(list(slow.commits())) == 5
    mark, half = slow.mark(), slow.outlines()
    assert next(half)[0].position == 1
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    path.with_suffix(".lock").unlink()  # nothing remembers that the log was longer
    for n, stream in enumerate(("a/1", *["b/1"] * 6)):
        store.open("inbox").append(one(stream, n), metadata(f"e{n}"))
    with pytest.raises(StaleMark):
        list(slow.commits(mark))
    with pytest.raises(StaleMark, match="begun anew"):
        list(half)
    assert (slow.damage, slow.notices) == (None, [])
    assert slow.append(one("b/1", 9), metadata("z")).position == 12
    assert store.verify("inbox").damage is None


def test_a_backup_brought_back_and_gone_on_with_under_a_reader(store: Store, log: Log, path: Path) -> None:
    files = (path, path.with_suffix(".lock"))
    backup = [file.read_bytes() for file in files]
    store.open("inbox").append(one("a/1", 3), metadata("c3"))
    assert len(list(log.commits())) == 4
    for file, content in zip(files, backup, strict=True):
        file.write_bytes(content)
    store.open("inbox").append(one("b/1", 3), metadata("d3"))
    with pytest.raises(StaleMark, match="not what was read of it up to @4; nothing was recorded"):
        log.append(one("a/1", 4), metadata("c4"))
    with pytest.raises(WrongExpectedVersion):
        log.append(one("a/1", 4, expected=4), metadata("c4"))
    assert log.append(one("a/1", 4, expected=3), metadata("c4")).position == 5
    assert log.append(one("a/1", 3), metadata("c3")).position == 6
    assert store.verify("inbox").damage is None


def test_a_log_with_an_id_that_no_lock_file_has_room_for(store: Store, path: Path) -> None:
    header = encode_header(Header(FORMAT, VERSION, "x" * 200, "inbox", AT))
    assert store.import_log("inbox", [header]) == 0
    for n in range(3):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    assert sorted(file.name for file in path.parent.iterdir()) == ["inbox.jsonl", "inbox.lock"]
    assert store.verify("inbox").commits == 3


def test_reading_from_the_start_again_forgets_no_command(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.log.COMMANDS_KNOWN", 3)
    for n in range(3, 9):
        log.append(one("a/1", n), metadata(f"c{n}"))
    for reader in (log, store.open("inbox")):
        assert len(list(reader.events(limit=4))) == 4
        assert reader.append(one("a/1", 8), metadata("c8")).position == 9
    assert len(list(log.commits())) == 9


@pytest.mark.parametrize("behind", [b"", b"x" * 2_000_000])
def test_what_was_read_is_known_again_however_much_came_after_it(store: Store, log: Log, path: Path, behind: bytes) -> None:
    log.append(one("a/1", 3), metadata("c3", long="x" * 1_500_000))
    with path.open("ab") as file:
        file.write(behind)
    assert store.open("inbox").append(one("a/1", 2), metadata("c2")).position == 3


def test_a_command_is_known_again_by_whoever_has_read_it(store: Store, log: Log) -> None:
    other = store.open("inbox")
    assert len(list(other.commits())) == 3
    assert other.append(one("a/1", 2), metadata("c2")).position == 3
    assert len(list(log.commits())) == 3


def test_behind_a_mark_the_latest_commands_are_known_as_far_as_they_are_near(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.log.COMMANDS_WITHIN", 1_000)
    log.append([Append("b/1", (Counted(0, "x" * 5_000),))], metadata("large"))
    log.append(one("a/1", 9), metadata("c9"))
    list(log.commits())
    mark = log.mark()
    reader = store.open("inbox")
    assert list(reader.commits(mark)) == []
    assert reader.append(one("a/1", 9), metadata("c9")).position == 5
    large = [Append("b/1", (Counted(0, "x" * 5_000),))]
    assert reader.append(large, metadata("large")).position == 6, "too far back"
    list(log.commits())
    mark = log.mark()
    reader = store.open("inbox")
    assert list(reader.commits(mark)) == []
    assert reader.append(large, metadata("large")).position == 6, "the last is known however large"


@pytest.mark.parametrize(("cut", "told"), [(True, "lacks its end"), (False, "the end of the line was altered")])
def test_a_whole_last_line_is_never_cut_off(store: Store, log: Log, path: Path, cut: bool, told: str) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] if cut else content[:-1] + b"\x0b")
    reader = store.open("inbox")
    assert numbers(reader.events()) == [0, 1]
    assert told in reader.notices[0]
    if cut:
        assert reader.append(one("a/1", 3), metadata("c3")).position == 4
        assert numbers(log.events()) == [0, 1, 2, 3]
    else:
        with pytest.raises(DamagedLog):
            reader.append(one("a/1", 3), metadata("c3"))


def test_a_reader_of_a_replaced_or_shortened_log_is_told(store: Store, log: Log, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-200])
    assert numbers(log.events()) == [0, 1]
    assert "lost its end" in log.notices[0]
    assert [event.position for event in log.events_backward()] == [2, 1]
    path.write_bytes(content)
    assert log.append(one("a/1", 3), metadata("c3")).position == 4, "with its end back it is whole"
    store.rename("inbox", "elsewhere")
    store.create("inbox", AT)
    for read in (log.commits, log.commits_backward):
        with pytest.raises(LogBusy, match="replaced by another list"):
            list(read())


@pytest.mark.parametrize(
    "meta",
    [{"x": float("nan")}, {"x": "\ud800"}, {"x": object()}, {1: "x"}, {"x": (1, 2)}],
    ids=["NaN", "surrogate", "object", "number as key", "tuple"],
)
def test_what_json_would_change_is_refused(log: Log, path: Path, meta: dict[str, Any]) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError, match="can't be recorded"):
        log.append(one("a/1", 3), Metadata(AT, "me", "c3", meta))
    assert path.read_bytes() == before


class Interrupted(dict[str, int]):
    """Takes one more version, and is interrupted right behind it."""

    def __setitem__(self, stream: str, version: int) -> None:
        super().__setitem__(stream, version)
        raise KeyboardInterrupt


def test_an_interrupted_reading_is_no_damage(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = store.open("inbox")
    assert isinstance(reader, ChainedLog)
    monkeypatch.setattr(reader._versions, "last", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        list(reader.commits())
    assert list(reader.commits()) == list(log.commits())
    assert (reader.damage, reader.notices) == (None, [])
    assert reader.append(one("a/1", 3, expected=3), metadata("c3")).position == 4


def test_appending_while_reading_ends(log: Log) -> None:
    for commit in log.commits():
        log.append(one("b/1", 0), metadata(f"again {commit.position}"))
    assert len(list(log.commits())) == 6


def test_a_long_line_is_read_in_one_pass(store: Store, log: Log) -> None:
    log.append([Append("a/1", (Counted(3, "x" * 10_000_000),))], metadata("c3"))
    other = store.open("inbox")
    assert [len(event.data.text) for event in other.events_backward(limit=2)] == [10_000_000, 0]


def test_a_failed_fsync_is_told_as_unknown_and_the_next_writer_goes_on_in_a_new_file(
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
    with pytest.raises(OutcomeUnknown, match="can't be known whether"):
        log.append(one("a/1", 3), metadata("c3"))
    monkeypatch.undo()
    inode, content = path.stat().st_ino, path.read_bytes()
    other = store.open("inbox")
    other.append(one("a/1", 4), metadata("c4"))
    assert path.stat().st_ino != inode
    assert path.read_bytes().startswith(content)
    (aside,) = beside(path, "unsynced")
    assert aside.read_bytes() == content
    assert "written anew" in other.notices[0]
    assert log.append(one("a/1", 3), metadata("c3")).position == 4, "sent again, the same command is recorded once"
    assert numbers(log.events()) == [0, 1, 2, 3, 4]
    assert len(beside(path, "unsynced")) == 1


def test_signals_wait_until_an_append_is_over(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "@4 was recorded before the interruption" in log.notices


def test_all_signals_that_came_are_delivered_though_the_first_ones_handler_raises() -> None:
    seen: list[int] = []

    def both_come() -> None:
        with signals_held() as came:
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


def test_a_commit_that_comes_while_lines_are_given_is_no_damage(log: Log) -> None:
    lines = log.lines()
    next(lines)
    log.append(one("a/1", 3), metadata("c3"))
    assert len(list(lines)) == 3
    assert log.notices == []


def test_a_busy_log_names_its_holder(log: Log, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    with path.with_suffix(".lock").open("r+b") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(LogBusy, match=rf"process {os.getpid()} has held .*nothing was recorded"):
            log.append(one("a/1", 3), metadata("c3"))
    assert log.append(one("a/1", 3), metadata("c3")).position == 4


def test_a_log_renamed_or_replaced_under_a_writer(store: Store, log: Log) -> None:
    other = store.open("inbox")
    store.rename("inbox", "elsewhere")
    with pytest.raises(LogNotFound):
        log.append(one("a/1", 3), metadata("c3"))
    store.create("inbox", AT)
    with pytest.raises(LogBusy, match="replaced by another list"):
        other.append(one("a/1", 3), metadata("c3"))
    assert numbers(store.open("elsewhere").events()) == [0, 1, 2]
    assert list(store.open("inbox").commits()) == []


def test_readers_beside_a_writer_see_whole_commits_and_never_go_backward(store: Store, log: Log) -> None:
    stop = threading.Event()
    problems: list[str] = []

    def read() -> None:
        mine, last = store.open("inbox"), 0
        while not stop.is_set():
            commits = list(mine.commits())
            if any(len(commit.events) != 2 for commit in commits[3:]) or len(commits) < last or mine.notices:
                problems.append(f"{len(commits)} after {last}: {mine.notices}")
            last = len(commits)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 1.5
    count = 0
    while time.monotonic() < deadline:
        log.append(one("b/1", count, count), metadata(f"w{count}"))
        count += 1
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(list(log.commits())) == count + 3


# logs that had been recorded and are gone


class _Crash(BaseException):
    """Stands for the end of the process."""


MOVES: dict[str, Callable[[Store], None]] = {
    "rename": lambda store: store.rename("inbox", "other"),
    "archive": lambda store: store.archive("inbox"),
    "unarchive": lambda store: store.unarchive("inbox"),
}


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("at", ["rename", "ftruncate", "fsync"])
@pytest.mark.parametrize("move", MOVES)
def test_a_crash_while_a_log_is_moved_is_no_loss_and_hides_none(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, move: str, at: str
) -> None:
    if move == "unarchive":
        store.archive("inbox")
    reached = []

    def crash(*_: object) -> None:
        reached.append(at)
        raise _Crash

    with monkeypatch.context() as patched:
        patched.setattr(os, at, crash)
        with pytest.raises(_Crash):
            MOVES[move](store)
    assert reached
    assert store.missing() == []
    (name, archived) = next((name, archived) for archived in (False, True) for name in store.names(archived=archived))
    assert store.names() + store.names(archived=True) == [name]
    assert store.verify(name, archived=archived).events == 3
    if archived:
        store.unarchive(name)
    assert store.open(name).append(one("a/1", 3), metadata("c3")).position == 4
    assert store.missing() == []
    free = "other" if name == "inbox" else "inbox"
    assert store.create(free, AT).append(one("a/1", 1), metadata("c")).position == 1
    assert store.missing() == []
    store.open(name)
    (path.parent / f"{name}.jsonl").unlink()
    assert [(missing.name, missing.position) for missing in store.missing()] == [(name, 4)], "a real loss is told"


@pytest.mark.usefixtures("log")
def test_a_log_that_is_shorter_under_its_other_name_is_missing(store: Store, log: Log, path: Path) -> None:
    earlier = path.read_bytes()
    log.append(one("a/1", 3), metadata("c3"))
    path.with_name("old.jsonl").write_bytes(earlier)
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(MissingLog, match=r"old\.jsonl holds a part of it"):
        store.open("inbox")
    path.with_name("old.jsonl").write_bytes(whole)
    with pytest.raises(LogNotFound):
        store.open("inbox")


@pytest.mark.usefixtures("log")
def test_files_that_keep_a_missing_log_are_named(store: Store, path: Path) -> None:
    path.rename(path.with_name("inbox.damaged-1"))
    with pytest.raises(MissingLog, match=r"inbox\.damaged-1 holds all of it") as caught:
        store.create("inbox", AT)
    missing = caught.value
    assert (missing.name, missing.archived, missing.position, missing.replaced) == ("inbox", False, 3, False)


@pytest.mark.usefixtures("log")
def test_logs_whose_files_were_exchanged_are_not_missing(store: Store, path: Path) -> None:
    other = path.with_name("other.jsonl")
    store.create("other", AT).append(one("b/1", 9), metadata("d"))
    path.rename(path.with_name("aside"))
    other.rename(path)
    path.with_name("aside").rename(other)
    assert store.missing() == []
    assert numbers(store.open("inbox").events()) == [9]
    assert store.open("other").append(one("a/1", 3), metadata("c3")).position == 4


def test_a_crash_while_a_log_is_made_leaves_its_name_free(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise _Crash

    for call in ("rename", "fsync", "write"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, crash)
            with pytest.raises(_Crash):
                store.create("inbox", AT)
        assert not path.exists()
        assert store.missing() == []
    assert store.create("inbox", AT).append(one("a/1", 1), metadata("c")).position == 1


def test_two_logs_of_one_name_in_two_cases_are_never_made_at_once(store: Store) -> None:
    made: list[str] = []

    def make(name: str) -> None:
        with suppress(LogExists):
            made.append(store.create(name, AT).name)

    for round in range(10):
        threads = [threading.Thread(target=make, args=(name.format(round),)) for name in ("List {}", "LIST {}", "list {}")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(made) == len(store.names()) == 10


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_log_that_is_shorter_than_a_mark_is_damaged_and_repaired(store: Store, log: Log, path: Path, lines: int) -> None:
    assert len(list(log.commits())) == 3
    mark = log.mark()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    path.with_suffix(".lock").unlink()

    def known(id: str) -> Mark | None:
        return mark if id == log.id else None

    assert store.verify("inbox").damage is None
    damage = store.verify("inbox", known=known).damage
    assert damage is not None
    assert "up to @3, had been recorded" in damage.detail
    assert store.repair("inbox", known=known) is not None
    assert store.verify("inbox", known=known).damage is None
    reader = store.open("inbox")
    with suppress(StaleMark):
        list(reader.commits(mark))
    assert reader.append(one("b/1", 1), metadata("d")).position > 0
    assert store.verify("inbox", known=lambda _: Mark(9, "no token of a file", lambda _: 0)).damage is None


@pytest.mark.usefixtures("log")
def test_an_import_brings_a_missing_log_back_only_if_it_reaches_as_far(store: Store, log: Log, path: Path) -> None:
    lines = list(log.lines())
    path.unlink()
    with pytest.raises(ImportRefused, match="these lines end before it"):
        store.import_log("inbox", lines[:-1])
    other = encode_header(Header(FORMAT, VERSION, "x", "inbox", AT))
    with pytest.raises(MissingLog):
        store.import_log("inbox", [other])
    assert not path.exists()
    assert store.import_log("inbox", lines) == 3
    store.archive("inbox")
    with pytest.raises(LogExists, match="archived"):
        store.import_log("inbox", lines)
