"""Reading and importing the lines of a log that come after a cursor, on both stores that keep lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import DamagedLog, LogNotFound, StaleCursor
from cqrs_todo.cqrs.operation_errors import ImportRefused
from cqrs_todo.cqrs.store import Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.hash_chain import last_digest, with_digest
from cqrs_todo.cqrs.struct import replace
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, metadata, numbers, one


@pytest.fixture(params=["files", "server"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A second store, to which lines are brought."""
    url = f"jsonl:{tmp_path}/other" if request.param == "files" else request.getfixturevalue("database")
    store = open_store(url, CONTRACT_TYPES)
    yield store
    store.close()


@pytest.fixture
def lines(store: Store) -> Sequence[bytes]:
    """The header and the six commits of a log `inbox`."""
    log = store.create("inbox", AT)
    for n in range(6):
        log.append(one(f"a/{n % 2}", n), metadata(f"c{n}"))
    return list(log.lines())


def end_of(lines: Sequence[bytes]) -> Cursor:
    """Return the cursor after some first lines of a log, each of which holds one event."""
    return Cursor(len(lines) - 1, len(lines), sum(map(len, lines)), last_digest(lines[-1]))


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_lines_are_read_after_a_cursor_of_another_copy(other: Store, lines: Sequence[bytes], count: int) -> None:
    other.import_log("copy", lines)
    log = other.open("copy")
    assert list(log.lines(end_of(lines[:count]))) == list(lines[count:])
    assert log.cursor().position == 6
    assert log.cursor().digest == last_digest(lines[-1])


def test_a_cursor_that_the_log_does_not_hold_is_stale(other: Store, lines: Sequence[bytes]) -> None:
    other.import_log("copy", lines[:4])
    wrong = Cursor(3, 4, sum(map(len, lines[:4])), last_digest(lines[2]))
    for cursor in (wrong, end_of(lines)):
        with pytest.raises(StaleCursor):
            list(other.open("copy").lines(cursor))
    with pytest.raises(ValueError, match="@2 has none"):
        other.open("copy").lines(Cursor(2))


@pytest.mark.parametrize("count", [1, 3])
def test_lines_are_added_to_the_end_of_a_log(other: Store, lines: Sequence[bytes], count: int) -> None:
    other.import_log("copy", lines[:count])
    assert other.import_log("copy", lines[count:5], since=end_of(lines[:count])) == 5 - count
    assert other.import_log("copy", lines[5:], since=end_of(lines[:5])) == 2
    assert list(other.open("copy").lines()) == list(lines)
    assert other.verify("copy").damage is None


def test_lines_are_not_added_to_a_log_that_has_another_end(other: Store, lines: Sequence[bytes]) -> None:
    other.import_log("copy", lines[:5])
    log: Log = other.open("copy")
    log.append(one("b/1", 9), metadata("mine"))
    for since in (4, 5):
        with pytest.raises(ImportRefused, match="nothing was imported"):
            other.import_log("copy", lines[since:], since=end_of(lines[:since]))
    with pytest.raises(LogNotFound):
        other.import_log("nowhere", lines[5:], since=end_of(lines[:5]))
    assert numbers(log.events()) == [0, 1, 2, 3, 9]


def test_lines_that_do_not_continue_the_log_are_refused(other: Store, lines: Sequence[bytes]) -> None:
    other.import_log("copy", lines[:5])
    since = end_of(lines[:5])
    skipped, _ = with_digest(
        since.digest, lines[5][:-1].replace(b'"version":3', b'"version":4').partition(b',"sum":')[0] + b"}"
    )
    for wrong, why in (
        ([skipped], "version 4 of a/0 follows 2"),
        ([lines[6]], "line 6"),
        ([lines[5].replace(b"c4", b"c9")], "line 6"),
    ):
        with pytest.raises(ImportRefused, match=f"{why}.*nothing was imported"):
            other.import_log("copy", wrong, since=since)
    assert list(other.open("copy").lines()) == list(lines[:5])


def test_lines_are_not_added_to_a_damaged_file(store: Store, path: Path, lines: Sequence[bytes]) -> None:
    damaged = b"".join(lines[:5]).replace(b'"number":1', b'"number":7')
    path.write_bytes(damaged)
    with pytest.raises(DamagedLog, match="damaged at line 3"):
        store.import_log("inbox", lines[5:], since=end_of(lines[:5]))
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("moved", [-2, 5])
@pytest.mark.parametrize("method", ["commits", "lines", "event_batches"])
@pytest.mark.parametrize("count", [4, 7])
def test_a_cursor_with_a_wrong_position_is_stale(
    other: Store, lines: Sequence[bytes], count: int, method: str, moved: int
) -> None:
    other.import_log("copy", lines)
    log, end = other.open("copy"), end_of(lines[:count])
    with pytest.raises(StaleCursor):
        list(getattr(log, method)(replace(end, position=end.position + moved)))
    assert log.append(one("b/1", 9), metadata("mine")).position == 7
    assert other.verify("copy").damage is None
