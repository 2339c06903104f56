"""Forgetting in files: no copy of the data is left beside the log, and a kill at any moment leaves an intact log."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoint
from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import DamagedLog, MissingLog, OutcomeUnknown, ReadOnlyLog, StaleCursor, StoreUnavailable
from cqrs_todo.cqrs.events import FORGOTTEN
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.format import decode_header
from cqrs_todo.cqrs.stores.jsonl.head_record import read_lock_file, read_record, set_sync_failed
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, Counted, metadata, one
from tests.chains import rechain_line

SECRET = b"hunter2"


@pytest.fixture
def log(store: Store) -> Log:
    """A log with a secret in the stream a/1, and another stream."""
    log = store.create("inbox", AT)
    log.append([Append("a/1", (Counted(1, SECRET.decode()),))], metadata("c1", because=SECRET.decode()))
    log.append([*one("a/2", 2), Append("a/1", (Counted(3, SECRET.decode()),))], metadata("c2"))
    log.append(one("a/2", 4), metadata("c3"))
    return log


def holding(folder: Path, text: bytes = SECRET) -> list[str]:
    """The files that hold a text."""
    return sorted(file.name for file in folder.rglob("*") if file.is_file() and text in file.read_bytes())


def recorded(path: Path) -> bytes:
    return read_record(str(path))


def cut(path: Path) -> None:
    """Remove the last line of a log."""
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


@pytest.mark.usefixtures("log")
def test_no_copy_of_the_data_is_kept(store: Store, path: Path, tmp_path: Path) -> None:
    assert holding(tmp_path) == ["inbox.jsonl"]
    mode = path.stat().st_mode
    done = store.forget("inbox", ["a/1"])
    assert (done.events, done.removed, done.unreached) == (2, (), ())
    assert holding(tmp_path) == []
    assert sorted(file.name for file in path.parent.iterdir()) == ["inbox.jsonl", "inbox.lock"]
    assert path.stat().st_mode == mode
    before = path.stat().st_ino
    assert store.forget("inbox", ["a/1"]).events == 0
    assert path.stat().st_ino == before, "it is not written again"


@pytest.mark.usefixtures("log")
def test_the_same_streams_in_a_copy_give_the_same_bytes(store: Store, path: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "lists", tmp_path / "elsewhere" / "lists")
    elsewhere = open_store(f"jsonl:{tmp_path}/elsewhere", CONTRACT_TYPES)
    store.forget("inbox", ["a/1", "a/2"])
    for stream in ("a/2", "a/1"):
        elsewhere.forget("inbox", [stream])
    assert (tmp_path / "elsewhere/lists/inbox.jsonl").read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("log")
def test_the_head_of_the_new_log_is_recorded(store: Store, path: Path) -> None:
    store.forget("inbox", ["a/1"])
    verdict = store.verify("inbox")
    assert (verdict.events, verdict.commits, verdict.forgotten, verdict.damage) == (4, 3, 2, None)
    assert verdict.head.encode() in recorded(path)
    cut(path)
    damage = store.verify("inbox").damage
    assert damage is not None
    assert damage.kind == "missing", "a log that is cut afterwards is noticed"
    with pytest.raises(DamagedLog):
        store.forget("inbox", ["a/2"])


@pytest.mark.usefixtures("log")
def test_files_that_keep_bytes_of_the_log_are_removed(store: Store, path: Path, tmp_path: Path) -> None:
    for name in ("job", "other"):
        store.create(name, AT)
        store.open(name).append(one("a/7", 1), metadata("c1"))
    path.write_bytes(path.read_bytes().replace(b'"number":4', b'"number":5'))
    assert store.repair("inbox") is not None
    other = path.with_name("other.jsonl")
    other.write_bytes(other.read_bytes().replace(b'"number":1', b'"number":5'))
    assert store.repair("other") is not None
    files = {
        "job.torn-20260101T000000000000": b'{"position":9,"events":[{"stream":"a/1","version":1,"data":{"text":"hunter2"',
        "inbox.torn-20260101T000000000000": b'"hunter2',
        "gone.unsynced-20260101T000000000000.new": path.read_bytes(),
        "inbox.renewed": SECRET,
        "inbox.jsonl.new": SECRET,
        ".inbox.0123.incoming": SECRET,
    }
    for name, content in files.items():
        path.with_name(name).write_bytes(content)
    of_job = path.with_name("inbox.damaged-20260103T000000000000")  # the log job had this name once
    of_job.write_bytes(path.with_name("job.jsonl").read_bytes())
    kept = path.with_name("job.torn-20260102T000000000000")
    kept.write_bytes(b'{"position":9,"events":[{"stream":"a/11","version":1')
    (damaged,) = set(path.parent.glob("inbox.damaged-*")) - {of_job}
    (of_other,) = path.parent.glob("other.damaged-*")
    store.archive("inbox")
    done = store.forget("inbox", ["a/1"], archived=True)
    assert holding(tmp_path) == []
    assert {Path(each).name for each in done.removed} == {*files, damaged.name} - {".inbox.0123.incoming"}
    assert (done.unreached, kept.exists(), of_other.exists(), of_job.exists()) == ((), True, True, True)
    verdict = store.verify("inbox", archived=True)
    assert (verdict.damage, verdict.forgotten) == (None, 2)


@pytest.mark.usefixtures("log")
def test_a_file_that_cannot_be_removed_is_named(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = path.with_name("inbox.torn-20260101T000000000000")
    kept.write_bytes(SECRET)
    unlink = os.unlink

    def refused(file: str) -> None:
        if file == str(kept):
            raise PermissionError(errno.EACCES, "Permission denied", file)
        unlink(file)

    monkeypatch.setattr(os, "unlink", refused)
    done = store.forget("inbox", ["a/1"])
    assert (done.events, done.removed, done.unreached) == (2, (), (f"{kept} (Permission denied)",))


def test_the_index_and_the_digests_of_checkpoints_are_removed(store: Store, log: Log, tmp_path: Path) -> None:
    for number in range(200):
        log.append([Append("a/2", (Counted(number, "x" * 2_000),))], metadata(f"d{number}"))
    assert len(list(store.open("inbox").events(stream="a/1"))) == 2
    assert list((tmp_path / "index").iterdir())
    base = log.cursor()
    store.checkpoints().save("mail", log.id, Checkpoint(7, base))
    store.forget("inbox", ["a/1"])
    assert not list((tmp_path / "index").iterdir())
    kept = store.checkpoints().load("mail", log.id)
    assert (kept.position, kept.base.position) == (7, 0)
    assert not holding(tmp_path, base.digest)
    assert [event.type for event in store.open("inbox").events(stream="a/1")] == [FORGOTTEN] * 2
    assert [event.version for event in store.open("inbox").events_backward(stream="a/2", limit=1)] == [202]


@pytest.mark.usefixtures("log")
def test_a_torn_tail_goes_and_a_complete_last_commit_stays(store: Store, path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content + b'{"position":5,"events":[{"stream":"a/2","data":{"text":"hunter2')
    store.forget("inbox", ["a/1"])
    assert (holding(tmp_path), store.verify("inbox").events) == ([], 4)
    path.write_bytes(path.read_bytes()[:-1])
    assert store.forget("inbox", ["a/1"]).events == 0
    assert (store.verify("inbox").damage, store.verify("inbox").events) == (None, 4)


@pytest.mark.usefixtures("log")
def test_a_damaged_newer_or_missing_log_is_left_alone(store: Store, path: Path) -> None:
    intact = path.read_bytes()
    for damaged in (intact.replace(b'"number":2', b'"number":9'), intact[:200], b""):
        path.write_bytes(damaged)
        with pytest.raises(DamagedLog, match="nothing was forgotten in it: repair it"):
            store.forget("inbox", ["a/1"])
        assert path.read_bytes() == damaged
    header, *rest = intact.splitlines(keepends=True)
    newer = rechain_line(b"", header[:-1].replace(b'"version":"1.0"', b'"version":"2.0"')) + b"".join(rest)
    path.write_bytes(newer)
    with pytest.raises(ReadOnlyLog):
        store.forget("inbox", ["a/1"])
    assert path.read_bytes() == newer
    path.unlink()
    with pytest.raises(MissingLog):
        store.forget("inbox", ["a/1"])


@pytest.mark.usefixtures("log")
def test_a_failed_sync_is_remembered_until_the_file_is_replaced(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_sync_failed(str(path))

    def marked() -> bool:
        with path.with_suffix(".lock").open("rb") as lock:
            return read_lock_file(lock.fileno())[1]

    with full_disk(monkeypatch, "rename", "replace"), pytest.raises(StoreUnavailable):
        store.forget("inbox", ["a/1"])
    assert marked()
    store.forget("inbox", ["a/1"])
    assert not marked()
    assert not list(path.parent.glob("*.unsynced-*"))


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, *calls: str) -> Iterator[None]:
    """Let some calls fail during the block."""

    def fail(*_args: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        for call in calls:
            patch.setattr(os, call, fail)
        yield


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "replace"])
@pytest.mark.usefixtures("log")
def test_if_the_file_cannot_be_replaced_all_is_as_before(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before, head = path.read_bytes(), recorded(path)
    with full_disk(monkeypatch, call), pytest.raises(StoreUnavailable, match="nothing was changed"):
        store.forget("inbox", ["a/1"])
    assert (path.read_bytes(), recorded(path)) == (before, head)
    assert store.forget("inbox", ["a/1"]).events == 2


@pytest.mark.usefixtures("log")
def test_if_it_is_unknown_whether_it_is_on_the_disk_the_head_is_that_of_the_file(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replace = os.replace

    def replace_on_a_bad_disk(source: str, target: str) -> None:
        replace(source, target)
        monkeypatch.setattr(os, "fsync", lambda _fd: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace_on_a_bad_disk)
        with pytest.raises(OutcomeUnknown):
            store.forget("inbox", ["a/1"])
    monkeypatch.undo()
    verdict = store.verify("inbox")
    assert (verdict.damage, verdict.forgotten, holding(tmp_path)) == (None, 2, [])
    assert verdict.head.encode() in recorded(path)


CALLS = ("open", "write", "pwrite", "fsync", "ftruncate", "rename", "replace", "unlink", "fchmod", "mkdir")


class Killed(BaseException):
    """The process is killed: no call has any effect from then on."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[list[str]]:
    """Kill the process at its n-th system call. Gives the calls up to then to the block."""
    made: list[str] = []

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*args: Any, **more: Any) -> Any:
            made.append(name)
            if len(made) >= count:
                raise Killed
            return call(*args, **more)

        return replacement

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counted(name, getattr(os, name)))
        yield made


def test_a_kill_at_any_moment_leaves_an_intact_log_and_a_second_call_does_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(place: Path) -> Store:
        store = open_store(f"jsonl:{place}", CONTRACT_TYPES)
        log = store.create("inbox", AT)
        log.append([Append("a/1", (Counted(1, SECRET.decode()),)), *one("a/2", 2)], metadata("c1"))
        log.append(one("a/2", 3), metadata("c2"))
        store.checkpoints().save("mail", log.id, Checkpoint(3, log.cursor()))
        (place / "lists/inbox.damaged-20260101T000000000000").write_bytes(SECRET)
        return store

    seen: set[tuple[bool, bool]] = set()
    for count in range(1, 500):
        place = tmp_path / f"{count}"
        store = made(place)
        path = place / "lists/inbox.jsonl"
        old, before = path.read_bytes(), store.open("inbox").cursor()
        for _ in (reader := store.open("inbox")).event_batches():
            pass
        cursor: Cursor = reader.cursor()
        finished = False
        with killed_at(monkeypatch, count) as calls:
            try:
                store.forget("inbox", ["a/1"])
                finished = len(calls) < count
            except Killed:
                pass
        assert before.position == 0
        content = path.read_bytes()
        verdict = store.verify("inbox", known=lambda _id, cursor=cursor: cursor)  # type: ignore[misc]  # a default
        assert (verdict.damage, verdict.events) == (None, 3), f"after {calls[-1]}, call {count}"
        is_new = SECRET not in content
        assert is_new or content == old
        assert verdict.forgotten == is_new
        seen.add((is_new, bool(recorded(path))))
        again = store.open("inbox")
        if is_new:  # a reader that knows the old log is not misled by it
            with pytest.raises(StaleCursor):
                list(again.commits(cursor))
        assert [event.position for event in again.events()] == [1, 2, 3]
        assert (again.damage, again.read_only) == (None, None)
        assert again.append(one("a/2", 5), metadata("c3")).position == 4
        assert store.forget("inbox", ["a/1"]).events == (not is_new)
        assert holding(place) == []
        assert not [file.name for file in path.parent.iterdir() if file.suffix not in (".jsonl", ".lock")]
        assert store.verify("inbox").damage is None
        assert recorded(path)
        if finished:
            break
        shutil.rmtree(place)
    assert count > 40
    assert seen == {(False, True), (False, False), (True, False), (True, True)}, "all states were met"


@pytest.mark.usefixtures("log")
def test_copies_beside_the_log_forget_like_any_log_or_are_named(store: Store, path: Path, tmp_path: Path) -> None:
    conflict = path.with_name("inbox.sync-conflict-20260101-101010-ABCDEFG.jsonl")
    stray = path.with_name("inbox (copy).JSONL")
    shutil.copy(path, conflict)
    shutil.copy(path, stray)
    for each in (conflict, stray):
        each.chmod(0o600)
    done = store.forget("inbox", ["a/1"])
    assert sorted(done.unreached) == sorted(f"{each} (a copy of the log)" for each in (conflict, stray))
    assert store.forget(conflict.stem, ["a/1"]).events == 2
    assert not recorded(conflict), "a copy is still known to be a copy"
    assert store.open(conflict.stem).read_only
    assert store.forget("inbox", ["a/1"]).unreached == (f"{stray} (a copy of the log)",)
    assert holding(tmp_path) == [stray.name]


@pytest.mark.usefixtures("log")
def test_a_header_that_is_made_anew_names_what_was_forgotten(store: Store, path: Path) -> None:
    store.forget("inbox", ["a/1"])
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"forgotten":["a/1"]', b'"forgotten":["a/9"]', 1))
    assert store.repair("inbox") is not None
    assert set(store.open("inbox").forgotten) >= {"a/1"}
    path.write_bytes(b"no header\n" + b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert store.repair("inbox") is not None
    assert set(store.open("inbox").forgotten) == {"a/1"}
    assert store.verify("inbox").forgotten == 2


@pytest.mark.usefixtures("log")
def test_a_log_may_forget_so_much_that_its_header_is_long(store: Store, path: Path) -> None:
    streams = [f"a/{number:07d}" for number in range(8_000)]
    store.forget("inbox", ["a/1", *streams])
    header, _ = decode_header(path.read_bytes().partition(b"\n")[0])
    assert header.forgotten == tuple(sorted(["a/1", *streams]))
    store.rename("inbox", "job")
    assert (store.names(), list(store.missing())) == (["job"], [])
    assert store.open("job").append(one("a/2", 9), metadata("c9")).position == 5


def test_a_log_from_another_program_leads_to_no_other_folder(store: Store, log: Log, path: Path, tmp_path: Path) -> None:
    header, *rest = path.read_bytes().splitlines(keepends=True)
    lines = [rechain_line(b"", header[:-1].replace(log.id.encode(), b"../precious"))]
    for line in rest:
        lines.append(rechain_line(lines[-1][-67:-3], line[:-1]))
    (tmp_path / "precious.sqlite").write_bytes(b"mine")
    store.import_log("work", lines)
    assert store.forget("work", ["a/1"]).events == 2
    assert (tmp_path / "precious.sqlite").read_bytes() == b"mine"
