"""The store contract, tested on any server or disk: which of its cases hold there?"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias
from unittest.mock import patch

import pytest

from ..errors import CqrsError, StoreUnavailable, in_words
from ..events import EventTypes
from ..store import Progress, Store, no_progress
from ..stores import open_store
from ..stores.installed import UnknownStore, installed_store
from ..stores.jsonl.files import os_errors_as_store_errors
from ..stores.passwords import hidden
from ..struct import Struct
from .contract import StoreContract
from .examples import CONTRACT_TYPES

Opens: TypeAlias = Callable[[EventTypes], Store]


class Case(Struct, frozen=True):
    """A case of the contract.

    Attributes:
        name: What it tests, in words.
        outcome: `holds`, `fails` or `does not apply`.
        detail: Why, if it does not hold.
    """

    name: str
    outcome: str
    detail: str = ""


def check_store(url: str, progress: Progress = no_progress) -> list[Case]:
    """Test the contract on the store that a URL names.

    Each case uses an empty area of the store, which is removed afterwards. The logs in the store are not touched.

    Args:
        url: The URL, as for `open_store`.
        progress: Is called after each case.

    Returns:
        The cases.

    Raises:
        UnknownStore: The URL names no store.
        StoreUnavailable: No empty area can be made.
    """
    with _scratch_area(url):
        pass
    watch = _Watch(url, progress)
    # without the user's own plugins, options, configuration and cache of pytest
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
    """A pytest plugin that gives each case an empty area, and notes the outcome."""

    def __init__(self, url: str, progress: Progress) -> None:
        self.cases: list[Case] = []
        self._url = url
        self._progress = progress
        self.total = 0

    @pytest.fixture
    def opens(self) -> Iterator[Opens]:
        """The function that opens the area of the case."""
        with _scratch_area(self._url) as opens:
            yield opens

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Count the cases."""
        self.total = len(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a case."""
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
    """The contract, on the store that is tested."""

    @pytest.fixture
    def store(self, opens: Opens) -> Iterator[Store]:
        """The store in the area of the case."""
        self._opens = opens
        self._opened: list[Store] = []
        yield self._open(CONTRACT_TYPES)
        for store in self._opened:
            store.close()

    def _open(self, types: EventTypes) -> Store:
        self._opened.append(self._opens(types))
        return self._opened[-1]

    def elsewhere(self, store: Store, types: EventTypes) -> Store:
        """Return another store over the same area; see `StoreContract`."""
        return super().elsewhere(store, types) if store.in_process else self._open(types)


@contextmanager
def _scratch_area(url: str) -> Iterator[Opens]:
    """Make an empty area in the store that a URL names, and remove it after the block.

    Yields:
        A function that opens a store in the area.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "jsonl" and rest:
        with os_errors_as_store_errors(rest):
            area = tempfile.TemporaryDirectory(prefix=".check-", dir=_nearest(rest))
        with area as folder:
            yield lambda types: open_store(f"jsonl:{folder}", types)
    elif scheme in ("postgresql", "postgres") and rest:
        from ..stores.postgres.database import scratch
        from ..stores.postgres.store import PostgresStore

        with scratch(url) as conninfo:
            yield lambda types: PostgresStore(conninfo, types)
    elif url in ("memory:", "null:"):
        yield lambda types: open_store(url, types)
    else:
        store = installed_store(scheme)
        scratch_of = getattr(store, "scratch", None)
        if scratch_of is not None:
            with ExitStack() as left:
                with _faults_of(scheme):
                    empty = left.enter_context(scratch_of(url))
                yield lambda types: open_store(empty, types)
                with _faults_of(scheme):
                    left.close()
        elif getattr(store, "in_process", False):  # each object of it is empty
            yield lambda types: open_store(url, types)
        else:
            raise UnknownStore(f"the store {scheme}: offers no empty area, so it cannot be tested from here")


@contextmanager
def _faults_of(scheme: str) -> Iterator[None]:
    """Raise what goes wrong when a store of another package makes or removes an empty area as a fault of that store."""
    try:
        yield
    except CqrsError:
        raise
    except Exception as error:  # it is code of another package, and may raise anything
        raise StoreUnavailable(f"the store {scheme}: cannot make or remove an empty area: {in_words(error)}") from error


def _nearest(directory: str) -> str:
    """Return a directory, or the nearest one above it that exists."""
    directory = os.path.abspath(directory)
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return directory
