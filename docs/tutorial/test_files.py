"""Tests of the bank in files: snapshots in a folder, and a subscription that goes on where it stopped."""

from pathlib import Path

import msgspec
import pytest
from bank import ACCOUNT, TYPES, Account, AccountCommand, AccountEvent, Deposit, Open, Opened

from cqrs_todo.cqrs import (
    Cursor,
    Folder,
    Log,
    Metadata,
    Query,
    Repository,
    SnapshotEvery,
    SnapshotStore,
    StaleCursor,
    Subscription,
    now,
    open_store,
)


def accounts_of(log: Log, folder: str) -> Repository[Account, AccountCommand, AccountEvent]:
    snapshots: SnapshotStore[Account] = SnapshotStore(Folder(folder), Account, "1")
    return Repository(log, ACCOUNT, snapshots=snapshots, strategy=SnapshotEvery(2))  # a real program takes 500


def test_another_program_begins_at_the_snapshot(tmp_path: Path) -> None:
    log = open_store(f"jsonl:{tmp_path}/bank", TYPES).create("accounts", now())
    accounts = accounts_of(log, f"{tmp_path}/snapshots")
    accounts.execute("ada", Open("Ada"), Metadata.new("ada@bank"))
    accounts.execute("ada", Deposit("d1", 500), Metadata.new("ada@bank"))
    accounts.fold()
    other = accounts_of(open_store(f"jsonl:{tmp_path}/bank", TYPES).open("accounts"), f"{tmp_path}/snapshots")
    ada = other.load("ada")
    assert ada is not None
    assert (ada.state.balance, [info.position for info in other.snapshot_infos]) == (500, [2])


def test_a_subscription_goes_on_where_it_stopped(tmp_path: Path) -> None:
    store = open_store(f"jsonl:{tmp_path}/bank", TYPES)
    log = store.create("accounts", now())
    opened = Query.of(types={"account_opened"})
    accounts = Repository(log, ACCOUNT)
    for name in ("ada", "bob"):
        accounts.execute(name, Open(name), Metadata.new("clerk@bank"))
    first = Subscription(store, opened)
    assert [event.data for _, event in first.catch_up()] == [Opened("ada"), Opened("bob")]
    kept = msgspec.json.encode(first.cursors)

    accounts.execute("eve", Open("eve"), Metadata.new("clerk@bank"))
    later = Subscription(store, opened, cursors=msgspec.json.decode(kept, type=dict[str, Cursor]))
    assert [event.data for _, event in later.catch_up()] == [Opened("eve")]

    store.forget("accounts", ["account/bob"])
    with pytest.raises(StaleCursor):
        list(later.catch_up())
    assert [event.data for _, event in Subscription(store, opened).catch_up()] == [Opened("ada"), Opened("eve")]
