"""The files of the logs: their modes, what may not be in their place, and logs that are missing."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cqrs_todo.cqrs.errors import LogExists, LogNotFound, MissingLog, StoreUnavailable
from cqrs_todo.cqrs.operation_errors import ImportRefused
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.format import FORMAT, VERSION, Header, encode_header
from cqrs_todo.cqrs.stores.jsonl.head_record import lock_path
from cqrs_todo.cqrs.subscriptions import wait
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, metadata, numbers, one


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


@pytest.mark.usefixtures("log")
def test_what_is_refused_leaves_no_lock_file(store: Store, tmp_path: Path) -> None:
    before = sorted(file for file in tmp_path.rglob("*") if file.suffix == ".lock")
    lines = list(store.open("inbox").lines())
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (LogExists, lambda: store.create("INBOX", AT)),
        (LogExists, lambda: store.import_log("INBOX", lines)),
        (LogNotFound, lambda: store.rename("other", "another")),
        (LogNotFound, lambda: store.archive("other")),
        (LogNotFound, lambda: store.unarchive("other")),
        (LogNotFound, lambda: store.forget("other", ["a/1"])),
        (LogNotFound, lambda: store.repair("other")),
    ]
    for error, attempt in refused:
        with pytest.raises(error):
            attempt()
    assert store.set_aside("other") == ""
    assert sorted(file for file in tmp_path.rglob("*") if file.suffix == ".lock") == before


@pytest.mark.usefixtures("log")
def test_links_pipes_and_folders_in_place_of_a_log_are_refused(store: Store, path: Path, tmp_path: Path) -> None:
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
def test_a_log_that_belongs_to_another_user_is_refused(store: Store, path: Path) -> None:
    os.chown(path, 65534, -1)
    with pytest.raises(StoreUnavailable, match="belongs to another user"):
        store.open("inbox")


def test_an_import_of_lines_that_end_before_the_recorded_head_is_refused(store: Store, log: Log, path: Path) -> None:
    lines, earlier = list(log.lines()), path.read_bytes()
    log.append(one("a/1", 3), metadata("c3"))
    whole = list(log.lines())
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(ImportRefused, match="@4 had been recorded, and these lines end before it; nothing was imported"):
        store.import_log("inbox", lines)
    assert path.read_bytes() == b"".join(lines[:-1]) != earlier
    assert store.import_log("inbox", whole) == 2
    assert store.verify("inbox").damage is None


@pytest.mark.parametrize("kept", [1, 20, -2])
def test_an_import_sets_aside_a_torn_tail_that_the_lines_do_not_continue(
    store: Store, log: Log, path: Path, kept: int
) -> None:
    lines = list(log.lines())
    log.append(one("a/1", 3), metadata("elsewhere"))
    longer = list(log.lines())
    tail = b"?" + longer[-1][:kept]
    path.write_bytes(b"".join(lines[:-1]) + tail)
    Path(lock_path(str(path))).unlink()
    assert store.import_log("inbox", longer) == 2
    assert path.read_bytes() == b"".join(longer)
    assert [file.read_bytes() for file in path.parent.glob("inbox.torn-*")] == [tail]


def test_an_import_goes_on_from_a_torn_tail_that_is_the_beginning_of_its_next_line(
    store: Store, log: Log, path: Path
) -> None:
    lines = list(log.lines())
    log.append(one("a/1", 3), metadata("c3"))
    longer = list(log.lines())
    for tail in (longer[-1][:10], longer[-1][:-1]):
        Path(lock_path(str(path))).unlink()
        path.write_bytes(b"".join(lines) + tail)
        assert store.import_log("inbox", longer) == 1
        assert path.read_bytes() == b"".join(longer)
    assert not list(path.parent.glob("inbox.torn-*"))


def test_an_import_is_refused_over_another_commit_that_lacks_only_its_line_feed(store: Store, log: Log, path: Path) -> None:
    lines = list(log.lines())
    log.append(one("a/1", 3), metadata("here"))
    here = path.read_bytes()[:-1]
    Path(lock_path(str(path))).unlink()
    path.write_bytes(b"".join(lines))
    other = store.open("inbox")
    other.append(one("a/1", 3), metadata("elsewhere"))
    elsewhere = list(other.lines())
    Path(lock_path(str(path))).unlink()
    path.write_bytes(here)
    with pytest.raises(ImportRefused, match="another history"):
        store.import_log("inbox", elsewhere)
    assert path.read_bytes() == here


def test_a_log_with_an_id_that_is_too_long_for_a_head_record(store: Store, path: Path) -> None:
    header = encode_header(Header(FORMAT, VERSION, "x" * 200, "inbox", AT))
    assert store.import_log("inbox", [header]) == 0
    for n in range(3):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    assert sorted(file.name for file in path.parent.iterdir()) == ["inbox.jsonl", "inbox.lock"]
    assert store.verify("inbox").commits == 3


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
def test_a_crash_while_a_log_is_moved_loses_nothing_and_hides_no_later_loss(
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
    assert [(missing.name, missing.position) for missing in store.missing()] == [(name, 4)], "a real loss is reported"


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
def test_the_error_for_a_missing_log_names_the_files_that_hold_it(store: Store, path: Path) -> None:
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


def test_of_names_that_differ_only_by_case_one_log_is_made_even_at_the_same_time(store: Store) -> None:
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


def test_whoever_waits_for_logs_goes_on_when_one_is_renamed(store: Store, log: Log) -> None:
    list(log.commits())
    store.rename("inbox", "work")
    wait(store, [(log, log.cursor())], 60)
