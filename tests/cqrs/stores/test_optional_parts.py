"""What a store answers that leaves out the optional parts of the contract."""

import pytest

from cqrs_todo.cqrs.operation_errors import ExportRefused, ImportRefused
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.examples import AT, CONTRACT_TYPES, metadata, one


def test_a_store_without_files_has_nothing_missing_nothing_stray_and_nothing_to_migrate() -> None:
    store = open_store("memory:", CONTRACT_TYPES)
    log = store.create("inbox", AT)
    log.append(one("a/1", 1), metadata("c1"))
    assert (store.missing(), store.strays(), store.set_aside("inbox"), store.migrate()) == ((), (), "", ())
    assert store.originals() == store.names() == ["inbox"]
    assert store.repair("inbox") is None
    assert store.shared_snapshots() is None
    with pytest.raises(ExportRefused, match="does not keep lines"):
        next(iter(log.lines()))
    with pytest.raises(ImportRefused, match="cannot import the lines of a log"):
        store.import_log("work", [])
