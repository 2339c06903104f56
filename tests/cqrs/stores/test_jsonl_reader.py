"""Reading a log in a file: damage, newer formats, and files that change under a reader."""

import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import (
    DamagedLog,
    LogBusy,
    ReadOnlyLog,
    StaleCursor,
    UnknownEvents,
)
from cqrs_todo.cqrs.events import UnknownEvent
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores.format import verified_digest
from cqrs_todo.cqrs.stores.hash_chain import chain_line
from cqrs_todo.cqrs.stores.jsonl.log import JsonlLog
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, Counted, metadata, numbers, one

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
def test_a_damaged_log_is_read_up_to_the_damage_with_a_warning_and_never_written(
    store: Store, path: Path, damage: Callable[[list[bytes]], list[bytes]]
) -> None:
    lines = path.read_bytes().splitlines()
    damaged = b"".join(line + b"\n" for line in damage(lines))
    path.write_bytes(damaged)
    valid = 2 if damage is DAMAGES["doubled"] else 1
    reader = store.open("inbox")
    assert numbers(reader.events()) == [0, 1][:valid]
    assert numbers(reader.events_backward()) == [1, 0][-valid:]
    assert f"damaged at line {valid + 2}, byte " in reader.warnings[0]
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


def write_chained(path: Path, *documents: Any) -> None:
    """Write a log of these documents, with the right digests."""
    previous, content = b"", b""
    for document in documents:
        line = chain_line(previous, document if isinstance(document, bytes) else msgspec.json.encode(document))
        previous = verified_digest(previous, line[:-1])
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
    third = commit(3, 3, meta={"new": {"deep": 1.5}})
    write_chained(path, header, commit(1, 1, mood="good"), commit(2, 2, type="shaken"), third)
    before = path.read_bytes()
    log = store.open("inbox")
    events = list(log.events())
    assert events[1].data == UnknownEvent("shaken", b'{"number":2,"later":[1]}')
    assert [event.version for event in events] == [1, 2, 3]
    assert events[2].metadata.meta == {"new": {"deep": 1.5}}
    assert log.append(one("a/1", 5, expected=3), metadata("c5")).position == 4
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"number":"four"}', "Expected `int`, got `str` - at `$.number`"),
        (b"{}", "Object missing required field `number`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
    ],
)
def test_nothing_is_decided_on_a_stream_with_data_that_do_not_fit_their_type(
    store: Store, path: Path, data: bytes, why: str
) -> None:
    other = {"stream": "a/1", "version": 2, "type": "counted", "data": msgspec.Raw(data)}
    write_chained(path, HEADER, commit(1, 1), commit(2, 2, events=[other]), commit(3, 3))
    log = store.open("inbox")
    assert [event.data for event in log.events()][1] == UnknownEvent("counted", data, why)
    decider: Decider[int | None, int, Counted] = Decider(
        kind="a",
        initial=None,
        events=CONTRACT_TYPES.types,
        decide=lambda number, _: [Counted(number)],
        evolve=lambda _, event: event.number,
        invert=lambda event: event,
    )
    before = path.read_bytes()
    for number, repository in enumerate((Repository(log, decider), Repository(store.open("inbox"), decider))):
        words = f"a/1 has an event whose data do not fit its type (@2, counted: {why}); nothing was recorded; "
        remedy = "the data do not fit counted: update the program, or register .* with an upcaster for counted .*"
        with pytest.raises(UnknownEvents, match=f"^{re.escape(words)}{remedy}$"):
            repository.execute("1", 7, metadata("c"))
        repository.execute("2", 7, metadata(f"other {number}"))
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("version", ["2.0", "10.1", "next", ""])
def test_a_newer_major_version_is_read_only(store: Store, path: Path, version: str) -> None:
    write_chained(path, {**HEADER, "version": version}, commit(1, 1))
    log = store.open("inbox")
    assert numbers(log.events()) == [1]
    assert "newer than this program" in log.warnings[0]
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
def test_a_line_with_a_right_digest_and_wrong_content_is_damage(store: Store, path: Path, line: Any) -> None:
    write_chained(path, HEADER, line)
    log = store.open("inbox")
    assert list(log.commits()) == []
    assert "damaged at line 2" in log.warnings[0]
    with pytest.raises(DamagedLog):
        log.append(one("a/1", 1), metadata("c"))


@pytest.mark.parametrize("read", ["commits", "lines", "event_batches"])
@pytest.mark.parametrize("known", [2, 3])
def test_a_reader_of_a_log_that_was_cut_and_continued_reads_it_again_from_its_start(
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


def test_a_reading_left_half_done_does_not_count_once_the_log_is_read_again(store: Store, slow: Log, path: Path) -> None:
    for n in range(8):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    assert len(list(slow.commits())) == 8
    cursor, lines = slow.cursor(), path.read_bytes().splitlines(keepends=True)
    half = slow.event_batches()
    assert [next(half)[0].position, next(half)[0].position] == [1, 2]
    path.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(StaleCursor):
        list(slow.commits(cursor))
    list(half)
    path.write_bytes(b"".join(lines))
    assert numbers(slow.events()) == list(range(8))
    assert slow.append(one("a/1", 8), metadata("c8")).position == 9
    assert store.verify("inbox").damage is None


def test_a_reading_left_half_done_does_not_mistake_another_history_for_damage(store: Store, slow: Log, path: Path) -> None:
    for n in range(4):
        store.open("inbox").append(one("a/1", n), metadata(f"c{n}"))
    store.open("inbox").append([Append("b/1", (Counted(0, "x" * 999),))], metadata("d"))
    assert len(list(slow.commits())) == 5
    cursor, half = slow.cursor(), slow.event_batches()
    assert next(half)[0].position == 1
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    path.with_suffix(".lock").unlink()  # nothing remembers that the log was longer
    for n, stream in enumerate(("a/1", *["b/1"] * 6)):
        store.open("inbox").append(one(stream, n), metadata(f"e{n}"))
    with pytest.raises(StaleCursor):
        list(slow.commits(cursor))
    with pytest.raises(StaleCursor, match="read again from its start"):
        list(half)
    assert (slow.damage, slow.warnings) == (None, [])
    assert slow.append(one("b/1", 9), metadata("z")).position == 12
    assert store.verify("inbox").damage is None


def test_a_reader_is_warned_of_a_shortened_log_and_refuses_a_replaced_one(store: Store, log: Log, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-200])
    assert numbers(log.events()) == [0, 1]
    assert "lost its end" in log.warnings[0]
    assert [event.position for event in log.events_backward()] == [2, 1]
    path.write_bytes(content)
    assert log.append(one("a/1", 3), metadata("c3")).position == 4, "with its end back it is whole"
    store.rename("inbox", "elsewhere")
    store.create("inbox", AT)
    for read in (log.commits, log.commits_backward):
        with pytest.raises(LogBusy, match="replaced by another log"):
            list(read())


class Interrupted(dict[str, int]):
    """Takes one more version, and is interrupted right behind it."""

    def __setitem__(self, stream: str, version: int) -> None:
        super().__setitem__(stream, version)
        raise KeyboardInterrupt


def test_an_interrupted_reading_is_not_taken_for_damage(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = store.open("inbox")
    assert isinstance(reader, JsonlLog)
    monkeypatch.setattr(reader._reader.versions, "last", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        list(reader.commits())
    assert list(reader.commits()) == list(log.commits())
    assert (reader.damage, reader.warnings) == (None, [])
    assert reader.append(one("a/1", 3, expected=3), metadata("c3")).position == 4


def test_appending_while_reading_comes_to_an_end(log: Log) -> None:
    for commit in log.commits():
        log.append(one("b/1", 0), metadata(f"again {commit.position}"))
    assert len(list(log.commits())) == 6


def test_a_long_line_is_read_in_one_pass(store: Store, log: Log) -> None:
    log.append([Append("a/1", (Counted(3, "x" * 10_000_000),))], metadata("c3"))
    other = store.open("inbox")
    assert [len(event.data.text) for event in other.events_backward(limit=2)] == [10_000_000, 0]


def test_a_commit_that_is_appended_while_lines_are_read_is_not_damage(log: Log) -> None:
    lines = log.lines()
    next(lines)
    log.append(one("a/1", 3), metadata("c3"))
    assert len(list(lines)) == 3
    assert log.warnings == []


def test_readers_beside_a_writer_see_whole_commits_and_never_go_backward(store: Store, log: Log) -> None:
    stop = threading.Event()
    problems: list[str] = []

    def read() -> None:
        mine, last = store.open("inbox"), 0
        while not stop.is_set():
            commits = list(mine.commits())
            if any(len(commit.events) != 2 for commit in commits[3:]) or len(commits) < last or mine.warnings:
                problems.append(f"{len(commits)} after {last}: {mine.warnings}")
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


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_log_that_is_shorter_than_a_known_cursor_is_damaged_and_repaired(
    store: Store, log: Log, path: Path, lines: int
) -> None:
    assert len(list(log.commits())) == 3
    cursor = log.cursor()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    path.with_suffix(".lock").unlink()

    def known(id: str) -> Cursor | None:
        return cursor if id == log.id else None

    assert store.verify("inbox").damage is None
    damage = store.verify("inbox", known=known).damage
    assert damage is not None
    assert "up to @3, had been recorded" in damage.detail
    assert store.repair("inbox", known=known) is not None
    assert store.verify("inbox", known=known).damage is None
    reader = store.open("inbox")
    with suppress(StaleCursor):
        list(reader.commits(cursor))
    assert reader.append(one("b/1", 1), metadata("d")).position > 0
    assert store.verify("inbox", known=lambda _: Cursor(9, digest=b"of another store")).damage is None
