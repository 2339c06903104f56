"""The index of command ids: which appends that come again are recognised."""

from pathlib import Path

import pytest

from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores.jsonl.commands import COMMANDS_WITHIN
from cqrs_todo.cqrs.testing.examples import Counted, metadata, one


def test_reading_from_the_start_again_forgets_no_command(store: Store, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.commands.COMMANDS_KNOWN", 3)
    for n in range(3, 9):
        log.append(one("a/1", n), metadata(f"c{n}"))
    for reader in (log, store.open("inbox")):
        assert len(list(reader.events(limit=4))) == 4
        assert reader.append(one("a/1", 8), metadata("c8")).position == 9
    assert len(list(log.commits())) == 9


@pytest.mark.parametrize("behind", [b"", b"x" * 2 * COMMANDS_WITHIN])
def test_a_command_is_recognised_however_long_the_last_commit_or_a_torn_tail_is(
    store: Store, log: Log, path: Path, behind: bytes
) -> None:
    log.append(one("a/1", 3), metadata("c3", long="x" * 2 * COMMANDS_WITHIN))
    with path.open("ab") as file:
        file.write(behind)
    assert store.open("inbox").append(one("a/1", 2), metadata("c2")).position == 3


def test_a_command_is_recognised_by_another_log_object_that_has_read_it(store: Store, log: Log) -> None:
    other = store.open("inbox")
    assert len(list(other.commits())) == 3
    assert other.append(one("a/1", 2), metadata("c2")).position == 3
    assert len(list(log.commits())) == 3


def test_from_a_cursor_the_latest_commands_are_recognised_if_they_are_near_the_end(
    store: Store, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqrs_todo.cqrs.stores.jsonl.commands.COMMANDS_WITHIN", 1_000)
    log.append([Append("b/1", (Counted(0, "x" * 5_000),))], metadata("large"))
    log.append(one("a/1", 9), metadata("c9"))
    list(log.commits())
    cursor = log.cursor()
    reader = store.open("inbox")
    assert list(reader.commits(cursor)) == []
    assert reader.append(one("a/1", 9), metadata("c9")).position == 5
    large = [Append("b/1", (Counted(0, "x" * 5_000),))]
    assert reader.append(large, metadata("large")).position == 6, "too far back"
    list(log.commits())
    cursor = log.cursor()
    reader = store.open("inbox")
    assert list(reader.commits(cursor)) == []
    assert reader.append(large, metadata("large")).position == 6, "the last is known however large"
