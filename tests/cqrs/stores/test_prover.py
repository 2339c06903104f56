"""A second process that proves the sums of a long log: what is read is the same with it, without it, and when it dies."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cqrs_todo.cqrs.core import Append, Metadata, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.chain import Chunk
from cqrs_todo.cqrs.stores.jsonl import lines, prover
from cqrs_todo.cqrs.stores.jsonl.lines import LogFile
from tests.cqrs.counter import AT, TYPES, Moved

COMMITS = 300


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose log counts as long: it has many chunks, the first of them read without the prover."""
    monkeypatch.setattr(lines, "WORTH_PROVING", 0)
    monkeypatch.setattr(lines, "_BLOCK", 1 << 11)
    monkeypatch.setattr(prover, "_ALONE", 3)
    monkeypatch.setattr(prover, "_cores", lambda: 2)
    store = open_store(f"jsonl:{tmp_path}", TYPES)
    log = store.create("counters", AT)
    for number in range(COMMITS):
        log.append([Append(f"counter/{number % 7}", (Moved(number),))], Metadata(AT, "me", f"c{number}", {}))
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lists/counters.jsonl"


@pytest.fixture
def provers(monkeypatch: pytest.MonkeyPatch) -> list[prover._Prover]:
    """Those that were begun."""
    begun: list[prover._Prover] = []
    original = prover._Prover.__init__

    def begin(self: prover._Prover) -> None:
        original(self)
        begun.append(self)

    monkeypatch.setattr(prover._Prover, "__init__", begin)
    return begun


def chunks_of(path: Path) -> Iterator[Chunk]:
    """All that is behind the header."""
    with closing(LogFile(str(path), os.O_RDONLY, "counters")) as file:
        yield from file.proven(path.read_bytes().index(b"\n") + 1)


def numbers(store: Store) -> list[int]:
    return [event.data.by for event in store.open("counters").events()]


def test_most_of_a_long_log_is_proven(store: Store, path: Path, provers: list[prover._Prover]) -> None:
    chunks = list(chunks_of(path))
    assert len(chunks) > 20
    assert [chunk.proven for chunk in chunks] == [place >= 3 for place in range(len(chunks))]
    assert b"".join(chunk.content for chunk in chunks) == path.read_bytes().partition(b"\n")[2]
    assert numbers(store) == list(range(COMMITS))
    assert store.verify("counters").events == COMMITS
    assert [each._process.returncode is not None for each in provers] == [True] * 3, "none is left behind"


@pytest.mark.parametrize("bad", [1, 2, 20, 150, 299, 300])
def test_what_is_wrong_is_found_as_without_it(store: Store, path: Path, bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = path.read_bytes().splitlines(keepends=True)
    content[bad] = content[bad].replace(b'"by":"me"', b'"by":"you"')
    path.write_bytes(b"".join(content))
    assert all(not chunk.proven for chunk in chunks_of(path) if content[bad] in chunk.content)
    verdict, read = store.verify("counters"), numbers(store)
    assert (verdict.damage is not None and verdict.damage.line, read) == (bad + 1, list(range(bad - 1)))
    monkeypatch.setattr(prover, "_cores", lambda: 1)
    assert (store.verify("counters"), numbers(store)) == (verdict, read)


def test_it_speaks_of_the_bytes_that_its_reader_holds(path: Path, store: Store) -> None:
    assert store.verify("counters").damage is None
    met = False
    for place, chunk in enumerate(chunks_of(path)):
        if place == 5:  # the file changes under the reader's hands
            with path.open("r+b") as file:
                file.seek(-1000, os.SEEK_END)
                file.write(b"x" * 10)
        met = met or b"x" * 10 in chunk.content
        assert chunk.proven == (place >= 3 and not met)
    assert met


def test_one_that_dies_proves_nothing_more(store: Store, path: Path, provers: list[prover._Prover]) -> None:
    proven = []
    for chunk in chunks_of(path):
        proven.append(chunk.proven)
        if len(proven) == 10:
            os.kill(provers[0]._process.pid, signal.SIGKILL)
            provers[0]._process.wait()
    assert proven[:10] == [False] * 3 + [True] * 7
    assert not any(proven[14:]), "but for what it had answered before"
    assert store.verify("counters").damage is None


def test_no_process_is_no_prover(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert not any(chunk.proven for chunk in chunks_of(path))
    assert numbers(store) == list(range(COMMITS))


def test_whoever_stops_reading_leaves_none_behind(store: Store, provers: list[prover._Prover]) -> None:
    for commit in store.open("counters").commits():
        if commit.position == 100:
            break
    assert [each._process.returncode for each in provers] == [-signal.SIGKILL]


def test_a_long_end_without_lines_is_no_chunk(path: Path, store: Store) -> None:
    with path.open("ab") as file:
        end = file.tell()
        file.write(b"x" * 10_000)
    with closing(LogFile(str(path), os.O_RDONLY, "counters")) as file:
        assert list(file.proven(end)) == []
        assert len(file.tail) == 10_000
    assert numbers(store) == list(range(COMMITS))
