"""The public interface of the framework: `from cqrs_todo.cqrs import …`."""

import subprocess
import sys

import pytest

import cqrs_todo.cqrs


@pytest.mark.parametrize("name", cqrs_todo.cqrs.__all__)
def test_every_public_name_can_be_imported_and_is_documented(name: str) -> None:
    value = getattr(cqrs_todo.cqrs, name)
    assert value.__doc__


def test_names_that_are_not_public_cannot_be_imported() -> None:
    with pytest.raises(AttributeError, match="no attribute 'check_log_name'"):
        _ = cqrs_todo.cqrs.check_log_name  # type: ignore[attr-defined]  # it tries what a checker refuses


def test_importing_the_package_loads_none_of_its_modules() -> None:
    code = "import sys, cqrs_todo.cqrs; print([name for name in sys.modules if name.startswith('cqrs_todo.cqrs.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_name_loads_no_more_than_it_needs() -> None:
    code = "import sys; from cqrs_todo.cqrs import Decider; print('cqrs_todo.cqrs.stores' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_name_that_needs_an_extra_says_which_one() -> None:
    code = """import sys
sys.modules["psycopg"] = None
from cqrs_todo.cqrs import MissingExtra
try:
    from cqrs_todo.cqrs import PostgresTables
except MissingExtra as error:
    print(error)"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "PostgresTables needs the extra `postgres` of this package\n"
