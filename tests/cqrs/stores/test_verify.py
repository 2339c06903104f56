"""Verifying logs and repairing damaged ones: what is reported, what is kept, and what does not change."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from cqrs_todo.cqrs.errors import DamagedLog, LogNotFound, ReadOnlyLog, StoreUnavailable
from cqrs_todo.cqrs.events import LOST, REPAIRED, UnknownEvent
from cqrs_todo.cqrs.operation_errors import ImportRefused, SameLog
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.format import verified_digest
from cqrs_todo.cqrs.stores.hash_chain import chain_line
from cqrs_todo.cqrs.stores.jsonl import JsonlStore
from cqrs_todo.cqrs.stores.jsonl.head_record import read_record
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, Counted, metadata, numbers, one

COMMITS = 12


@pytest.fixture
def log(store: Store) -> Log:
    """Commits of one to three events on three streams."""
    log = store.create("inbox", AT)
    for n in range(COMMITS):
        appends = [Append(f"a/{each}", (Counted(n, "ü" * each),)) for each in range(1 + n % 3)]
        log.append(appends, metadata(f"c{n}", n=n))
    return log


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def write(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def body(line: bytes) -> bytes:
    """Return a commit without its digest."""
    return line[: line.rindex(b',"sum":"')]


def damaged_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob("inbox.damaged-*"))


def check_repair(store: Store, path: Path, untouched: list[bytes], proven: Sequence[bytes] = ()) -> None:
    """Repair a log, and check that it verifies and has all `untouched` commits, unchanged and in their order.

    The log may also have the commits in `proven`: only their digests were altered.
    """
    damaged = path.read_bytes()
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    planned = store.repair("inbox", dry_run=True)
    assert planned is not None
    assert planned.steps
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before, "a plan changes nothing"
    done = store.repair("inbox")
    assert done is not None
    assert done.steps == planned.steps
    assert Path(done.kept).read_bytes() == damaged if done.kept else path.read_bytes() == damaged
    verdict = store.verify("inbox")
    assert verdict.damage is None
    bodies = [body(line) for line in lines_of(path)[1:]]
    assert [each for each in bodies if each in untouched] == untouched, "no valid commit is dropped"
    rest = [msgspec.json.decode(each + b"}") for each in bodies if each not in untouched and each not in proven]
    assert {event["type"] for commit in rest for event in commit["events"]} <= {LOST, REPAIRED}
    assert store.repair("inbox") is None
    assert len(damaged_files(path)) == (1 if done.kept else 0)
    head = verdict.events
    assert store.open("inbox").append(one("b/1", 99), metadata("after")).position == head + 1


@pytest.mark.usefixtures("log")
def test_a_log_without_damage_is_intact(path: Path) -> None:
    reports: list[tuple[int, int]] = []
    store = JsonlStore(str(path.parents[1]), CONTRACT_TYPES, progress=lambda done, total: reports.append((done, total)))
    verdict = store.verify("inbox")
    assert (verdict.events, verdict.commits, verdict.damage, verdict.beyond) == (24, COMMITS, None, 0)
    assert verdict.head == msgspec.json.decode(lines_of(path)[-1])["sum"]
    assert store.repair("inbox") is None
    store.archive("inbox")
    assert store.verify("inbox", archived=True) == verdict
    for archived in (False, True):
        with pytest.raises(LogNotFound):
            store.verify("never", archived=archived)


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", range(2, COMMITS + 2))
def test_a_deleted_line(store: Store, path: Path, number: int) -> None:
    lines = lines_of(path)
    write(path, lines[: number - 1] + lines[number:])
    damage = store.verify("inbox").damage
    assert damage is not None
    assert (damage.kind, damage.line) == ("missing", number)
    assert damage.byte == sum(len(line) + 1 for line in lines[: number - 1])
    check_repair(store, path, [body(line) for line in lines[1 : number - 1] + lines[number:]])


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", range(2, COMMITS + 2))
def test_a_doubled_line(store: Store, path: Path, number: int) -> None:
    lines = lines_of(path)
    write(path, [*lines[:number], *lines[number - 1 :]])
    damage = store.verify("inbox").damage
    assert damage is not None
    assert (damage.kind, damage.line) == ("doubled", number + 1)
    check_repair(store, path, [body(line) for line in lines[1:]])
    assert lines_of(path)[:-1] == lines


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 4), (1, 12), (4, 9), (11, 12)])
def test_swapped_lines(store: Store, path: Path, first: int, second: int) -> None:
    lines = lines_of(path)
    swapped = list(lines)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    write(path, swapped)
    damage = store.verify("inbox").damage
    assert damage is not None
    assert (damage.kind, damage.line) == ("reordered", first + 1)
    check_repair(store, path, [body(line) for line in lines[1:]])
    assert lines_of(path)[:-1] == lines


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("seed", range(150))
def test_a_flipped_bit(store: Store, path: Path, seed: int) -> None:
    content = bytearray(path.read_bytes())
    lines = lines_of(path)
    place = random.Random(seed).randrange(len(content) * 8)
    content[place // 8] ^= 1 << place % 8
    number = bytes(content[: place // 8]).count(b"\n")
    path.write_bytes(content)
    verdict = store.verify("inbox")
    assert verdict.damage is not None
    assert verdict.damage.line == number + 1
    assert verdict.damage.kind in ("altered", "torn")
    untouched = [body(line) for place, line in enumerate(lines) if place not in (0, number)]
    check_repair(store, path, untouched, [body(lines[number])])


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("seed", range(30))
def test_a_log_cut_anywhere(store: Store, path: Path, seed: int) -> None:
    content, lines = path.read_bytes(), lines_of(path)
    cut = random.Random(seed).randrange(len(lines[0]) + 1, len(content))
    path.write_bytes(content[:cut])
    damage = store.verify("inbox").damage
    assert damage is not None
    assert damage.kind == ("torn" if content[cut:] == b"\n" else "missing")
    check_repair(store, path, [body(line) for line in lines[1 : content[:cut].count(b"\n")]])


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("number", range(1, COMMITS + 1))
def test_a_log_cut_at_a_lines_end_is_noticed(store: Store, path: Path, number: int) -> None:
    lines = lines_of(path)
    write(path, lines[:number])
    reader = store.open("inbox")
    assert len(list(reader.commits())) == number - 1
    assert "has lost its end" in reader.warnings[0]
    with pytest.raises(DamagedLog, match="@24 had been recorded; nothing was recorded"):
        reader.append(one("b/1", 1), metadata("after"))
    check_repair(store, path, [body(line) for line in lines[1:number]])


@pytest.mark.usefixtures("log")
def test_a_torn_tail_is_no_loss(store: Store, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content + b'{"position":25,"at"')
    damage = store.verify("inbox").damage
    assert damage is not None
    assert (damage.kind, damage.byte) == ("torn", len(content))
    store.open("inbox").append(one("b/1", 1), metadata("after"))
    assert store.verify("inbox").damage is None
    assert [file.read_bytes() for file in path.parent.glob("inbox.torn-*")] == [b'{"position":25,"at"']


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("junk", [b"\0" * 512, b"\n\n", b"{}\n", b"\xff\xfe\n"])
def test_junk_between_lines(store: Store, path: Path, junk: bytes) -> None:
    lines = lines_of(path)
    path.write_bytes(b"\n".join(lines[:5]) + b"\n" + junk + b"\n".join(lines[5:]) + b"\n")
    assert store.verify("inbox").damage is not None
    check_repair(store, path, [body(line) for line in lines[1:]])


@pytest.mark.usefixtures("log")
def test_several_damages_at_once(store: Store, path: Path) -> None:
    lines = lines_of(path)
    altered = lines[7].replace(b'"number":6', b'"number":5')
    write(path, [lines[0], lines[2], lines[1], *lines[4:7], altered, *lines[9:12], lines[11], lines[12]])
    check_repair(store, path, [body(lines[n]) for n in (1, 2, 4, 5, 6, 9, 10, 11, 12)])
    events = list(store.open("inbox").events())
    lost = [event for event in events if event.type == LOST]
    assert [event.position for event in events] == list(range(1, 27))
    assert all(event.data == UnknownEvent(LOST, b"{}") for event in lost)
    assert {event.position for event in lost} == {4, 5, 6, 13, 14, 15}


def test_a_commit_that_comes_while_a_log_is_walked_is_no_damage(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_record_later(path: str) -> bytes:
        log.append(one("a/1", 9), metadata("later"))
        return read_record(path)

    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.verify.read_record", read_record_later)
    assert store.verify("inbox").damage is None


@pytest.mark.usefixtures("log")
def test_another_history_of_the_same_length_is_noticed(store: Store, path: Path) -> None:
    lines = lines_of(path)
    previous = verified_digest(b"", lines[0])
    forged = [lines[0]]
    for line in lines[1:]:
        forged.append(chain_line(previous, body(line).replace(b"c3", b"c4") + b"}")[:-1])
        previous = verified_digest(previous, forged[-1])
    write(path, forged)
    verdict = store.verify("inbox")
    assert verdict.damage is not None
    assert "rewritten" in verdict.damage.detail
    with pytest.raises(DamagedLog, match="rewritten"):
        store.open("inbox").append(one("b/1", 1), metadata("after"))


@pytest.mark.usefixtures("log")
def test_a_newer_format_is_not_touched(store: Store, path: Path) -> None:
    header = msgspec.json.decode(lines_of(path)[0])
    del header["sum"]
    path.write_bytes(chain_line(b"", msgspec.json.encode({**header, "version": "2.0"})))
    verdict = store.verify("inbox")
    assert (verdict.newer, verdict.damage) == ("2.0", None)
    with pytest.raises(ReadOnlyLog, match="made by a newer program"):
        store.repair("inbox")


def failing_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the n-th change to the disk fail."""
    calls = iter(range(1_000))

    def wrapped(call: Callable[..., object]) -> Callable[..., object]:
        def fail(*args: object, **kwargs: object) -> object:
            if next(calls) == number:
                raise OSError(5, "Input/output error")
            return call(*args, **kwargs)

        return fail

    for name in ("fsync", "write", "rename", "replace", "open"):
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("log")
def test_a_repair_that_fails_anywhere_loses_nothing(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(path)
    damaged = lines[:4] + lines[5:]
    failed = 0
    for number in range(40):
        write(path, damaged)
        content = path.read_bytes()
        failing = failing_at(number, monkeypatch)
        next(failing)
        try:
            store.repair("inbox")
        except StoreUnavailable:
            failed += 1
        finally:
            next(failing, None)
        kept = [file.read_bytes() for file in damaged_files(path)]
        assert path.read_bytes() == content or content in kept
        store.repair("inbox")
        assert store.verify("inbox").damage is None
        assert [body(line) for line in lines_of(path)[1:] if b'"by":"repair"' not in line] == [body(x) for x in damaged[1:]]
        for file in damaged_files(path):
            file.unlink()
    assert failed > 8


def test_export_and_import_are_byte_for_byte(store: Store, path: Path, log: Log, tmp_path: Path) -> None:
    other = open_store(f"jsonl:{tmp_path}/other", CONTRACT_TYPES)
    copy = tmp_path / "other/lists/copy.jsonl"
    lines = lines_of(path)
    previous = verified_digest(b"", lines[-1]) if len(lines) == 1 else lines[-1][-66:-2]
    strange = b'{"position":25,"at":"2026-11-22T09:30:00Z","by":"me","command":"x","mood":"odd","events":[{"stream":"z/1",'
    strange += b'"version":1,"type":"from_the_future","data":{"deep":[1.50,{"a":null}]},"more":7}]}'
    with path.open("ab") as file:
        file.write(chain_line(previous, strange))
    exported = list(store.open("inbox").lines())
    assert b"".join(exported) == path.read_bytes()
    assert other.import_log("copy", exported[:5]) == 4
    assert other.import_log("copy", exported) == COMMITS - 3
    assert other.import_log("copy", exported) == other.import_log("copy", exported[:9]) == 0
    assert copy.read_bytes() == path.read_bytes()
    assert other.open("copy").id == log.id
    assert numbers(other.open("copy").events(limit=2)) == [0, 1]
    other.open("copy").append(one("b/1", 1), metadata("mine"))
    log.append(one("b/1", 1), metadata("theirs"))
    before = copy.read_bytes()
    with pytest.raises(ImportRefused, match="another history"):
        other.import_log("copy", list(log.lines()))
    with pytest.raises(ImportRefused, match=r"line 4, byte .*nothing was imported"):
        other.import_log("third", exported[:3] + exported[4:])
    with pytest.raises(ImportRefused, match="header"):
        other.import_log("third", [])
    assert copy.read_bytes() == before
    assert other.names() == ["copy"]
    assert not list(copy.parent.glob(".*"))


@pytest.mark.usefixtures("log")
def test_a_log_is_imported_only_once_into_a_store(store: Store, path: Path) -> None:
    lines = [line + b"\n" for line in lines_of(path)]
    for archived in (False, True):
        if archived:
            store.archive("inbox")
        with pytest.raises(SameLog, match="the log inbox"):
            store.import_log("copy", lines)
    assert store.names() == []
    store.unarchive("inbox")
    assert store.import_log("inbox", lines) == 0


@pytest.mark.usefixtures("log")
def test_of_two_lists_with_one_log_only_the_original_can_be_changed(store: Store, path: Path) -> None:
    """Somebody copied the lock file too."""
    for ending in (".jsonl", ".lock"):
        path.with_name(f"copy{ending}").write_bytes(path.with_suffix(ending).read_bytes())
    with pytest.raises(ReadOnlyLog, match="copy of"):
        store.open("copy").append(one("b/1", 1), metadata("mine"))
    store.open("inbox").append(one("b/1", 1), metadata("mine"))
    with pytest.raises(ReadOnlyLog, match="copy of"):
        store.open("copy").append(one("b/1", 1), metadata("mine"))
    assert (store.names(), store.originals()) == (["copy", "inbox"], ["inbox"])
    store.rename("inbox", "home")
    assert store.open("home").read_only is None
    assert store.originals() == ["home"]
    store.archive("home")
    assert (store.originals(), store.originals(archived=True)) == ([], ["home"])
