"""The errors of the framework and of the service: the tree at the top of `errors` shows each of them, and its base."""

import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import cqrs_todo.cqrs
import cqrs_todo.todo
from cqrs_todo.cqrs import errors
from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.todo import errors as service_errors


def tree(docstring: str) -> dict[str, str]:
    """Return the base of each class in a drawn tree."""
    bases: dict[str, str] = {}
    above: dict[int, str] = {}
    for drawn, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+) ", docstring, re.MULTILINE):
        depth = len(drawn) // 4
        if depth:
            bases[name] = above[depth - 1]
        above[depth] = name
    return bases


def classes(package: ModuleType) -> dict[str, str]:
    """Return the base of each public error class in a package. Tests are left out, and private classes between."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".testing" not in module.name:
            importlib.import_module(module.name)
    pending = [CqrsError]
    while pending:
        base = pending.pop()
        for each in base.__subclasses__():
            pending.append(each)
            if each.__module__.startswith(package.__name__) and not each.__name__.startswith("_"):
                public = [other for other in each.__mro__[1:] if not other.__name__.startswith("_")]
                found[each.__name__] = public[0].__name__
    return found


@pytest.mark.parametrize(
    ("module", "package"), [(errors, cqrs_todo.cqrs), (service_errors, cqrs_todo.todo)], ids=["framework", "service"]
)
def test_the_tree_of_errors_is_complete_and_right(module: ModuleType, package: ModuleType) -> None:
    drawn, found = tree(module.__doc__ or ""), classes(package)
    assert sorted(found.keys() - drawn.keys()) == [], "not drawn"
    assert {name: drawn[name] for name in drawn if name in found and drawn[name] != found[name]} == {}
