"""The store contract, tried on a server or a disk of one's own: which of its cases hold there?"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias
from unittest.mock import patch

import pytest

from ..events import EventTypes
from ..store import Progress, Store, no_progress
from ..stores import open_store
from ..stores.jsonl.files import os_errors_as_store_errors
from ..stores.passwords import hidden
from ..struct import Struct
from .contract import CONTRACT_TYPES, StoreContract

Opens: TypeAlias = Callable[[EventTypes], Store]


class Case(Struct, frozen=True):
    """A case of the contract, in words; `outcome` is `holds`, `fails` or `does not apply`, `detail` why."""

    name: str
    outcome: str
    detail: str = ""


def check_store(url: str, progress: Progress = no_progress) -> list[Case]:
    """What holds of the contract in the place that a URL names.

    Each case has an empty corner of it, which is removed afterwards; logs that are there are not touched. Raises
    `UnknownStore`, and `StoreUnavailable` where no corner can be made.
    """
    with _corner(url):
        pass
    watch = _Watch(url, progress)
    # nothing of the person's own pytest: no plugins, no options, no configuration, no cache
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", os.path.dirname(__file__)]
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    with patch.dict(os.environ, alone):
        ended = pytest.main([*quiet, "--noconftest", f"{__file__}::TestStore"], plugins=[watch])
    if ended == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise AssertionError(f"pytest ended with {ended}, after {len(watch.cases)} of {watch.total} cases")
    return watch.cases


class _Watch:
    """A plugin of pytest which gives the cases their corners, and takes down how they end."""

    def __init__(self, url: str, progress: Progress) -> None:
        self.cases: list[Case] = []
        self._url = url
        self._progress = progress
        self.total = 0

    @pytest.fixture
    def opens(self) -> Iterator[Opens]:
        """How the case's corner is opened."""
        with _corner(self._url) as opens:
            yield opens

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        self.total = len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            detail = str(report.longrepr if crash is None else crash.message)
            self.cases.append(Case(name, "fails", hidden(" ".join(detail.split()), [self._url])))
        elif report.skipped:
            _, _, why = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, str(report.longrepr))
            self.cases.append(Case(name, "does not apply", why.removeprefix("Skipped: ")))
        elif report.when == "call":
            self.cases.append(Case(name, "holds"))
        self._progress(len(self.cases), self.total)


class TestStore(StoreContract):
    """The contract on the store that is checked."""

    @pytest.fixture
    def store(self, opens: Opens) -> Iterator[Store]:
        self._opens = opens
        self._opened: list[Store] = []
        yield self._open(CONTRACT_TYPES)
        for store in self._opened:
            store.close()

    def _open(self, types: EventTypes) -> Store:
        self._opened.append(self._opens(types))
        return self._opened[-1]

    def elsewhere(self, store: Store, types: EventTypes) -> Store:
        return super().elsewhere(store, types) if store.url == "memory:" else self._open(types)


@contextmanager
def _corner(url: str) -> Iterator[Opens]:
    """How an empty corner of the place that a URL names is opened, until the block is over."""
    scheme, _, rest = url.partition(":")
    if scheme == "jsonl" and rest:
        with os_errors_as_store_errors(rest):
            corner = tempfile.TemporaryDirectory(prefix=".check-", dir=_nearest(rest))
        with corner as folder:
            yield lambda types: open_store(f"jsonl:{folder}", types)
    elif scheme in ("postgresql", "postgres") and rest:
        from ..stores.postgres import PostgresStore, scratch

        with scratch(url) as conninfo:
            yield lambda types: PostgresStore(conninfo, types)
    else:
        yield lambda types: open_store(url, types)


def _nearest(directory: str) -> str:
    """The directory, or the nearest one above it that is there."""
    directory = os.path.abspath(directory)
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return directory
