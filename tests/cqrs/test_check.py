"""`check_store`: it is the person's store that is tried, not their pytest; and what was not tried does not count."""

import sys

import pytest

from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.testing.check import check_store

pytestmark = pytest.mark.skipif(sys.platform == "emscripten", reason="pytest can't be run within pytest there")


def test_the_persons_own_options_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense -k gapless")
    monkeypatch.setenv("PYTEST_PLUGINS", "no.such.plugin")
    outcomes = [case.outcome for case in check_store("memory:")]
    assert {*outcomes} == {"holds", "does not apply"}
    assert len(outcomes) > 40


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
