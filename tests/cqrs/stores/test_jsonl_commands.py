"""Commands that are sent again: they are recorded once, however long ago that was, with the index of a log or without it."""

import gc
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cqrs_todo.cqrs.errors import CommandReused, DamagedLog, WrongExpectedVersion
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl import reader
from cqrs_todo.cqrs.stores.jsonl.lines import LogFile
from cqrs_todo.cqrs.stores.jsonl.reader import KEPT_COMMANDS
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, Counted, metadata, numbers, one


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every log is searched with an index, however short it is."""
    monkeypatch.setattr(reader, "_WORTH_INDEXING", 0)


def index_of(log: Log, path: Path) -> Path:
    return path.parent.parent / "index" / f"{log.id}.sqlite"


def from_the_end(store: Store, log: Log) -> Log:
    """Return another object for a log, which has read nothing before its end."""
    list(log.commits())
    other = store.open("inbox")
    assert list(other.commits(log.cursor())) == []
    return other


def test_a_log_object_recognises_what_it_has_read_and_written(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.reader.KEPT_COMMANDS", 3)
    for n in range(3, 9):
        log.append(one("a/1", n), metadata(f"c{n}"))
    for each in (log, store.open("inbox")):
        assert len(list(each.events(limit=4))) == 4
        for n in range(9):
            assert each.append(one("a/1", n), metadata(f"c{n}")).position == n + 1
    assert len(list(log.commits())) == 9


@pytest.mark.parametrize("behind", [b"", b"x" * 100_000])
def test_a_command_is_recognised_however_long_the_last_commit_or_a_torn_tail_is(
    store: Store, log: Log, path: Path, behind: bytes
) -> None:
    log.append(one("a/1", 3), metadata("c3", long="x" * 100_000))
    with path.open("ab") as file:
        file.write(behind)
    assert store.open("inbox").append(one("a/1", 2), metadata("c2")).position == 3


@pytest.mark.parametrize("size", ["indexed", "short"])
def test_a_reader_that_begins_at_the_end_recognises_every_command(
    store: Store, log: Log, path: Path, size: str, request: pytest.FixtureRequest
) -> None:
    if size == "indexed":
        request.getfixturevalue("indexed")
    long = [Append("b/1", (Counted(0, "x" * 50_000),))]
    log.append(long, metadata("long"))
    log.append(one("a/1", 9), metadata("c9"))
    before = path.read_bytes()
    for command, appends, position in (("c0", one("a/1", 0), 1), ("long", long, 4), ("c9", one("a/1", 9), 5)):
        again = from_the_end(store, log)
        assert again.append(appends, metadata(command)).position == position
        with pytest.raises(CommandReused):
            again.append(one("a/1", 77), metadata(command))
    assert path.read_bytes() == before
    assert index_of(log, path).exists() == (size == "indexed")


def test_a_reaction_that_was_killed_before_its_checkpoint_and_2_500_other_commits_records_its_effect_once(
    store: Store, log: Log
) -> None:
    cause = log.append(one("a/1", 3), metadata("cause")).events[0]
    log.append(one("effect/1", 3), metadata(cause.id))
    for n in range(2_500):
        log.append(one("a/1", n), Metadata.new("others@test"))
    again = from_the_end(store, log)
    assert again.append(one("effect/1", 3), metadata(cause.id)).position == 5
    assert numbers(again.events(stream="effect/1")) == [3]


def test_an_id_that_this_process_made_is_looked_for_when_it_is_sent_again(store: Store, log: Log) -> None:
    new = Metadata.new("me@test")
    recorded = log.append(one("a/1", 3), new)
    for n in range(2 * KEPT_COMMANDS + 1):
        log.append(one("a/1", n), Metadata.new("others@test"))
    for each in (log, from_the_end(store, log)):
        assert each.append(one("a/1", 3), new).position == recorded.position


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    "harm",
    [
        lambda index: index.unlink(),
        lambda index: index.write_bytes(b""),
        lambda index: index.write_bytes(b"no database at all" * 1_000),
        lambda index: index.write_bytes(index.read_bytes()[:5_000]),
        lambda index: (index.unlink(), index.mkdir()),
        lambda index: index.parent.chmod(0o500),
        lambda index: sqlite3.connect(index).execute("PRAGMA user_version = 9"),
        lambda index: sqlite3.connect(index).execute("DROP TABLE events"),
        lambda index: sqlite3.connect(index).execute("UPDATE reached SET digest = x'00'"),
    ],
)
def test_a_harmed_index_costs_time_and_nothing_else(
    store: Store, log: Log, path: Path, harm: Callable[[Path], object]
) -> None:
    assert from_the_end(store, log).append(one("a/1", 1), metadata("c1")).position == 2
    index = index_of(log, path)
    gc.collect()  # so that nobody has the index open
    harm(index)
    for _ in range(2):
        again = from_the_end(store, log)
        assert again.append(one("a/1", 0), metadata("c0")).position == 1
        assert numbers(again.events(stream="a/1")) == [0, 1, 2]
    index.parent.chmod(0o700)


@pytest.mark.usefixtures("indexed")
def test_an_index_of_another_history_is_made_again(store: Store, log: Log, path: Path) -> None:
    first = path.read_bytes()
    log.append(one("b/1", 7), metadata("c3"))
    assert numbers(store.open("inbox").events(stream="b/1")) == [7]
    path.write_bytes(first)
    path.with_suffix(".lock").unlink()
    store.open("inbox").append(one("c/1", 8), metadata("c3"))
    other = store.open("inbox")
    assert (numbers(other.events(stream="b/1")), numbers(other.events(stream="c/1"))) == ([], [8])


@pytest.mark.usefixtures("indexed")
def test_an_append_by_an_object_that_has_read_nothing_reads_only_what_the_index_lacks(
    store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert numbers(log.events(stream="a/1")) == [0, 1, 2]  # makes the index
    log.append(one("b/1", 7), metadata("c3"))
    read_from: list[int] = []
    chunks = LogFile.chunks

    def spied(file: LogFile, offset: int) -> Iterator[bytes]:
        read_from.append(offset)
        return chunks(file, offset)

    begin = path.read_bytes().index(b'{"position":4')
    other = store.open("inbox")
    monkeypatch.setattr(LogFile, "chunks", spied)
    assert other.append([Append("a/1", (Counted(3),), 3), Append("b/1", (Counted(8),), 1)], metadata("c4")).position == 5
    assert min(read_from) == begin
    assert other.append(one("a/1", 0), metadata("c0")).position == 1
    with pytest.raises(WrongExpectedVersion):
        store.open("inbox").append([Append("a/1", (Counted(4),), 3)], metadata("c5"))
    assert store.verify("inbox").damage is None


@pytest.mark.usefixtures("indexed")
def test_an_object_that_has_met_damage_appends_nothing(store: Store, log: Log, path: Path) -> None:
    assert numbers(log.events(stream="a/1")) == [0, 1, 2]  # makes the index
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    other = store.open("inbox")
    assert other.append(one("a/1", 3), metadata("c3")).position == 4, "it has read only what the index lacks"
    assert len(list(other.commits())) == 1
    for each in (other, store.open("inbox")):
        for _ in each.commits():
            pass
        with pytest.raises(DamagedLog):
            each.append(one("a/1", 4), metadata("c4"))


@pytest.mark.usefixtures("indexed", "log")
def test_a_stream_is_read_up_to_the_damage_and_a_forged_line_is_never_given(store: Store, path: Path) -> None:
    assert numbers(store.open("inbox").events(stream="a/1")) == [0, 1, 2]
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"number":1', b'"number":5'))
    with pytest.raises(DamagedLog, match=r"damaged at byte \d+"):
        list(store.open("inbox").events(stream="a/1"))
    path.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    cut = store.open("inbox")
    assert numbers(cut.events(stream="a/1")) == [0, 1]
    assert "lost its end" in (cut.damage or "")


@pytest.mark.usefixtures("indexed")
def test_every_range_of_a_stream_is_the_one_that_reading_the_log_gives(log: Log, tmp_path: Path) -> None:
    chance = random.Random(7)
    for n in range(60):
        streams = chance.sample(["a/1", "a/2", "b/1"], chance.randint(1, 3))
        events = {stream: [chance.randrange(100) for _ in range(chance.randint(1, 4))] for stream in streams}
        log.append([append for stream in streams for append in one(stream, *events[stream])], metadata(f"d{n}"))
    other = open_store(f"jsonl:{tmp_path}", CONTRACT_TYPES, cache=str(tmp_path / "cache")).open("inbox")
    for _ in range(300):
        stream, since = chance.choice(["a/1", "a/2", "b/1", "c/1"]), chance.randrange(-2, 90)
        limit = chance.choice([None, 0, 1, 2, 5, 500])
        forward, backward = (
            other.events(since, limit=limit, stream=stream),
            other.events_backward(since, limit=limit, stream=stream),
        )
        assert list(forward) == list(Log.events(log, since, limit=limit, stream=stream))
        assert list(backward) == list(Log.events_backward(log, since, limit=limit, stream=stream))
    assert list(other.events_backward(stream="a/1")) == list(Log.events_backward(log, stream="a/1"))
    assert (tmp_path / "cache/index").is_dir()
    assert log.created == AT


def test_a_command_that_is_found_is_on_the_disk(store: Store, log: Log, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def sync(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", sync)
    other = store.open("inbox")
    assert other.find_command("c9") is None
    assert synced == []
    assert other.find_command("c1") == list(log.commits())[1]
    assert synced == [str(path)]


@pytest.mark.usefixtures("indexed")
def test_a_command_that_may_be_behind_damage_is_not_said_to_be_missing(store: Store, log: Log, path: Path) -> None:
    for number in range(9):
        log.append(one("a/1", number), metadata(f"d{number}"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"command":"d3"', b'"command":"x3"'))
    other = open_store(store.url, CONTRACT_TYPES).open("inbox")
    with pytest.raises(DamagedLog):
        other.find_command("d8")
    assert other.find_command("d2") is not None
