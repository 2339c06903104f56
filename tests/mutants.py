"""For a run over mutants: properties with few, always the same examples, none of them made smaller."""

from typing import Any

import pytest
from hypothesis import Phase, settings

EXAMPLES = 25


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        test: Any = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        given = getattr(test, "_hypothesis_internal_use_settings", None)
        if given is not None and getattr(test, "is_hypothesis_test", False):
            test._hypothesis_internal_use_settings = settings(
                given,
                max_examples=min(EXAMPLES, given.max_examples),
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.explicit, Phase.generate],
                report_multiple_bugs=False,
                print_blob=False,
            )
