"""Snapshots in files: they change nothing but the time, and what does not fit in every point is not used."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cqrs_todo.cqrs.cursor import START, Cursor
from cqrs_todo.cqrs.decider import Decider
from cqrs_todo.cqrs.errors import DamagedLog, StaleCursor, WrongExpectedVersion
from cqrs_todo.cqrs.events import Commit, EventTypes, Metadata
from cqrs_todo.cqrs.fold import Fold
from cqrs_todo.cqrs.protocols import EventBatch
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import SnapshotEvery, SnapshotInfo
from cqrs_todo.cqrs.store import NEW, Append, Log, Store, StreamVersions
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.jsonl import lines
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.cqrs.struct import Struct
from cqrs_todo.cqrs.timeline import as_of
from tests.cqrs.counter import AT, COUNTER, TYPES, Moved
from tests.logs import fold_of

STREAMS = 300


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"jsonl:{tmp_path}/data", TYPES)


@pytest.fixture
def snapshots(tmp_path: Path) -> SnapshotStore[int]:
    return SnapshotStore(Folder(str(tmp_path / "cache")), int, "1")


def write(log: Log, number: int) -> Commit:
    """The n-th commit: a counter moves, and now and then another kind of stream."""
    streams = [f'counter/"{number * 7 % STREAMS}"', *(["other/1"] if number % 50 == 0 else [])]
    at = AT + timedelta(seconds=number % 90)
    return log.append([Append(stream, (Moved(number),)) for stream in streams], Metadata(at, "me", f"c{number}", {}))


@pytest.fixture
def log(store: Store) -> Log:
    log = store.create("counters", AT)
    for number in range(1, 701):
        write(log, number)
    return log


def reader(store: Store, snapshots: SnapshotStore[int]) -> Repository[int, Any, Moved]:
    return Repository(store.open("counters"), COUNTER, snapshots=snapshots, strategy=SnapshotEvery(50))


def position_of(file: Path) -> int:
    """The position in the name of a file of a snapshot."""
    return int(file.stem.rpartition(".")[2])


@pytest.fixture
def taken(
    store: Store, snapshots: SnapshotStore[int], log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """The files of snapshots of the log, of which little is read at once."""
    monkeypatch.setattr(lines, "_BLOCK", 1 << 12)
    reader(store, snapshots).fold()
    folder = tmp_path / "cache" / log.id
    files = sorted(folder.glob("counter.[0-9]*.json"), key=position_of)
    assert len(files) > 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    return files


def watched(log: Log, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions of the commits that are read forward."""
    read: list[int] = []
    event_batches = log.event_batches

    def watch(since: Cursor = START, versions: StreamVersions | None = None) -> Iterator[Sequence[EventBatch]]:
        for group in event_batches(since, versions):
            for batch in group:
                read.append(batch.position)
                yield [batch]

    monkeypatch.setattr(log, "event_batches", watch)
    return read


def test_reading_begins_at_the_newest(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = reader(store, snapshots)
    read = watched(again.log, monkeypatch)
    whole = fold_of(COUNTER, log.commits())
    assert again.fold() == whole
    assert read == [position for position in read if position > position_of(taken[-1])]
    assert again.fold().others == whole.others == {"other/1": 14}
    for entity in whole:
        assert again.fold()[entity.stream] == again.fold().numbered(entity.number) == entity
    assert again.fold().starting('counter/"29') == [entity for entity in whole if entity.stream.startswith('counter/"29')]
    assert again.fold().get("counter/never") is None


class Named(Struct, frozen=True, array_like=True):
    name: str


def test_of_a_snapshot_only_what_may_hold_a_text_is_decoded(tmp_path: Path) -> None:
    types = EventTypes({"moved": Named})
    named: Decider[Named, Any, Named] = Decider("counter", Named(""), types.types, lambda *_: [], lambda _, event: event)
    store = open_store(f"jsonl:{tmp_path}", types)
    log = store.create("named", AT)
    names = [f"name {number}" for number in range(3_000)]
    log.append([Append(f"counter/{name}", (Named(name),)) for name in names], Metadata(AT, "me", "c1", {}))
    snapshots: SnapshotStore[Named] = SnapshotStore(Folder(str(tmp_path / "cache")), Named, "1")

    def fold() -> Fold[Named]:
        return Repository(store.open("named"), named, snapshots=snapshots, strategy=SnapshotEvery(50)).fold()

    fold()  # which takes the snapshot
    found = list(fold().mentioning("name 2999"))
    assert fold()["counter/name 2999"] in found
    assert len(found) < len(names)
    assert list(fold().mentioning("name")) == []
    for number, stream in enumerate(("counter/name 7", "counter/later"), 2):
        log.append([Append(stream, (Named("new"),))], Metadata(AT, "me", f"c{number}", {}))
    new = {entity.stream for entity in fold().mentioning("new") if entity.state.name == "new"}
    assert new == {"counter/name 7", "counter/later"}


def test_any_moment_of_the_past_is_the_same_with_and_without(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log
) -> None:
    assert taken
    plain, quick = Repository(log, COUNTER), reader(store, snapshots)
    head = plain.fold().position
    for moment in [*range(0, head + 1, 13), *(AT + timedelta(seconds=second) for second in range(-1, 92, 7))]:
        assert as_of(quick, moment) == as_of(plain, moment), moment


def test_far_moments_are_reached_from_near_by(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = reader(store, snapshots)
    head = quick.fold().position
    places = [0, *(position_of(file) for file in taken), head]
    read = watched(quick.log, monkeypatch)
    backward = quick.log.commits_backward

    def watch(until: Cursor | None = None) -> Iterator[Commit]:
        for commit in backward(until):
            read.append(commit.position)
            yield commit

    monkeypatch.setattr(quick.log, "commits_backward", watch)
    for position in range(0, head, 17):
        read.clear()
        as_of(quick, position)
        far = min(abs(position - place) for place in places)
        assert len(read) <= far + 3, f"{position}: read {len(read)} commits, {far} away from {places}"


def test_a_writer_that_began_at_a_snapshot_knows_what_lies_before_it(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log
) -> None:
    assert taken
    for stream, version in (('counter/"7"', 3), ("other/1", 14), ("counter/never", 0)):
        quick = reader(store, snapshots)
        quick.fold()
        for expected in (NEW, version + 1) if version else (1, 2):
            with pytest.raises(WrongExpectedVersion) as caught:
                quick.log.append([Append(stream, (Moved(1),), expected)], Metadata(AT, "me", "new", {}))
            assert caught.value.version == version
        commit = quick.log.append([Append(stream, (Moved(1),), version)], Metadata(AT, "me", f"to {stream}", {}))
        assert commit.events[0].version == version + 1
    quick = reader(store, snapshots)
    quick.fold()
    assert write(quick.log, 699) == next(commit for commit in log.commits() if commit.metadata.command == "c699")
    assert store.verify("counters").damage is None


def altered(change: Callable[[bytes], bytes]) -> Callable[[list[Path]], None]:
    def apply(files: list[Path]) -> None:
        for file in files:
            file.write_bytes(change(file.read_bytes()))

    return apply


def catalogue(files: list[Path]) -> Path:
    return files[0].with_name("counter.taken.json")


def linked(files: list[Path]) -> None:
    for file in files:
        file.rename(f"{file}.x")
        file.symlink_to(f"{file}.x")


def in_the_way(files: list[Path]) -> None:
    files[-1].unlink()
    files[-1].mkdir()


HARMS: dict[str, Callable[[list[Path]], None]] = {
    "all gone": lambda files: shutil.rmtree(files[0].parent),
    "one gone": lambda files: files[-1].unlink(),
    "empty": altered(lambda _: b""),
    "cut": altered(lambda content: content[:-1]),
    "a bit in the middle": altered(lambda content: content[: len(content) // 2] + b"?" + content[len(content) // 2 + 1 :]),
    "a digit in an entity": altered(lambda content: content[:-4] + bytes([content[-4] ^ 1]) + content[-3:]),
    "another count": altered(lambda content: content.replace(b'"count":300', b'"count":301')),
    "another schema": altered(lambda content: content.replace(b'"schema":"1"', b'"schema":"2"')),
    "another position": altered(lambda content: content.replace(b'"position":', b'"position":1')),
    "another sum": altered(lambda content: content.replace(b'\\"sum\\":\\"', b'\\"sum\\":\\"0', 1)),
    "another offset": altered(lambda content: content.replace(b'\\"offset\\":', b'\\"offset\\":1')),
    "garbage": altered(lambda _: b"\xff[" * 1_000),
    "no catalogue": lambda files: catalogue(files).unlink(),
    "a catalogue of nonsense": lambda files: altered(lambda _: b"{}")([catalogue(files)]),
    "links": linked,
    "a folder": in_the_way,
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_what_does_not_fit_is_made_anew(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log, harm: Callable[[list[Path]], None]
) -> None:
    whole = fold_of(COUNTER, log.commits())
    harm(taken)
    again = reader(store, snapshots)
    assert again.fold() == whole
    assert again.log.warnings == []
    for position in (0, 100, 350, 699):
        assert as_of(again, position) == as_of(Repository(log, COUNTER), position)
    write(again.log, 701)
    assert reader(store, snapshots).fold() == fold_of(COUNTER, log.commits())
    assert store.verify("counters").damage is None


def test_another_logs_snapshots_are_not_used(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log
) -> None:
    other = store.create("other", AT)
    write(other, 1)
    shutil.copytree(taken[0].parent, taken[0].parent.with_name(other.id))
    assert len(Repository(other, COUNTER, snapshots=snapshots).fold()) == 1
    assert log.id != other.id


def test_a_snapshot_beyond_a_log_brought_back_from_a_backup_is_no_alarm(
    store: Store, snapshots: SnapshotStore[int], tmp_path: Path
) -> None:
    log = store.create("counters", AT)
    write(log, 1)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    for n in range(2, 300):
        write(log, n)
    reader(store, snapshots).fold()
    assert snapshots.infos(log.id, "counter")
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(tmp_path / "backup", tmp_path / "data")
    again = reader(store, snapshots)
    assert again.fold() == fold_of(COUNTER, store.open("counters").commits())
    write(again.log, 300)
    assert again.log.warnings == []


def test_a_log_that_is_not_what_it_was_is_read_anew(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log, tmp_path: Path
) -> None:
    path = tmp_path / "data/lists/counters.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    cursor = log.cursor()
    path.write_bytes(b"".join(lines[:400]))
    with pytest.raises(StaleCursor):
        next(store.open("counters").commits(cursor))
    short = reader(store, snapshots)
    assert len(list(short.fold())) == STREAMS
    assert "has lost its end" in short.log.warnings[0]
    path.with_suffix(".lock").unlink()
    alone = reader(store, snapshots)
    alone.fold()
    assert "has lost its end" in alone.log.warnings[0], "a snapshot remembers it too"
    with pytest.raises(DamagedLog):
        write(alone.log, 999)
    assert taken


def test_damage_before_a_snapshot_is_found_by_whoever_reads_there(
    store: Store, snapshots: SnapshotStore[int], taken: list[Path], log: Log, tmp_path: Path
) -> None:
    assert taken
    path = tmp_path / "data/lists/counters.jsonl"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"command":"c100"', b'"command":"c1OO"'))
    quick = reader(store, snapshots)
    whole = quick.fold().copy()
    assert len(whole) == STREAMS
    with pytest.raises(DamagedLog, match="damaged at line 101"):
        list(quick.log.commits_backward())
    assert len(list(quick.log.commits())) == 99
    assert "damaged at line 101" in quick.log.warnings[0]
    assert store.verify("counters").damage is not None
    assert log.id


def test_an_id_that_leads_elsewhere_is_kept_nowhere(snapshots: SnapshotStore[int], tmp_path: Path) -> None:
    snapshots.save("../../x", "counter", Cursor(1), SnapshotInfo(1, AT, AT), Fold(COUNTER), ())
    assert list(snapshots.infos("../../x", "counter")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cant_be_written_is_done_without(store: Store, log: Log, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert reader(store, SnapshotStore(Folder(str(tmp_path / "cache")), int, "1")).fold() == fold_of(COUNTER, log.commits())


def test_a_snapshot_is_readable(taken: list[Path]) -> None:
    header, rest = taken[-1].read_bytes().split(b"\n", 1)
    document = msgspec.json.decode(header[len("01234567 ") :])
    assert (document["format"], document["count"]) == ("cqrs-snapshot/6", STREAMS)
    first = msgspec.json.decode(rest[document["names"] :].split(b"\n", 1)[0])
    assert first[0][0] == 'counter/"7"'
