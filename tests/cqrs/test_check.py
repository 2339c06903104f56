"""`check_store`: it is the person's store that is tried, not their pytest; and what was not tried does not count."""

import sys
from pathlib import Path

import pytest

from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.testing.check import check_store

pytestmark = pytest.mark.skipif(sys.platform == "emscripten", reason="pytest can't be run within pytest there")


SHELVES = """
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from cqrs_todo.cqrs.stores.memory import MemoryStore


class ShelfStore(MemoryStore):
    def __init__(self, url, types, **more):
        super().__init__(types)
        self.url = url
"""


def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: str = "") -> None:
    """Install a package that offers a store, with more code in its class."""
    (tmp_path / "shelves.py").write_text(SHELVES + more)
    info = tmp_path / "shelves-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelves\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cqrs_todo.stores]\nshelf = shelves:ShelfStore\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shelves", raising=False)


SCRATCH = """
    @staticmethod
    @contextmanager
    def scratch(url):
        with TemporaryDirectory(dir=url.removeprefix("shelf:")) as area:
            yield f"shelf:{area}"
            if url.endswith("/full"):
                raise OSError("the shelf is full")
"""


@pytest.mark.parametrize(
    ("folder", "words"), [("none", "FileNotFoundError: .*none"), ("full", "OSError: the shelf is full")]
)
def test_an_area_that_another_package_cannot_make_or_remove_is_a_fault_of_its_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, words: str
) -> None:
    install(monkeypatch, tmp_path, SCRATCH)
    (tmp_path / "full").mkdir()
    with pytest.raises(StoreUnavailable, match=rf"^the store shelf: cannot make or remove an empty area: {words}"):
        check_store(f"shelf:{tmp_path}/{folder}")


def test_a_store_in_memory_of_another_package_fits_whatever_the_persons_own_options_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense -k gapless")
    monkeypatch.setenv("PYTEST_PLUGINS", "no.such.plugin")
    install(monkeypatch, tmp_path)
    cases = check_store("shelf:attic")
    assert [case for case in cases if case.outcome == "fails"] == []
    assert {case.detail for case in cases if case.outcome == "does not apply"} == {
        "nothing is kept outside the process",
        "the store does not keep lines",
        "the store does not read archived logs",
        "the store does not import lines",
        "the store shares no snapshots",
    }
    assert sum(case.outcome == "holds" for case in cases) > 40


def test_one_that_was_interrupted_says_nothing() -> None:
    def progress(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_store("memory:", progress)


@pytest.mark.parametrize("folder", ["/proc/lists", "/dev/null"])
def test_where_no_corner_can_be_made(folder: str) -> None:
    with pytest.raises(StoreUnavailable, match=folder.split("/")[1]):
        check_store(f"jsonl:{folder}")
