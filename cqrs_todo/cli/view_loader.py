"""Finding views: those of this package, those that other packages offer, and files."""

import hashlib
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from .. import __version__
from ..cqrs.struct import Struct
from ..todo import projections
from ..todo.errors import NotFound
from ..todo.projections import Projection
from .errors import UsageError

GROUP = "cqrs_todo.views"
"""The group of entry points with which other packages offer views."""

SHIPPED = ("authors", "changes", "statement")
"""The views of this package: modules of `todo.projections` that define `VIEW`."""


class ViewNotFound(NotFound):
    """There is no view of this name."""

    def __init__(self, name: str, hint: str) -> None:
        super().__init__(f"no view named {name!r}")
        self.hint = hint


class FoundView(Struct, frozen=True):
    """A view.

    Args:
        view: The view.
        origin: Where it comes from: "cqrs-todo", the name of another package, or the path of a file.
        schema: Changes whenever the code of the view changes, or its `version`.
    """

    view: Projection[Any]
    origin: str
    schema: str


def find_view(name: str) -> FoundView:
    """Find a view by its name, or in a file.

    Args:
        name: The name of a view, or the path of a Python file that defines `VIEW`.

    Raises:
        UsageError: The file cannot be read, or what it defines is not a view.
        ViewNotFound: There is no view of that name.
    """
    if name.endswith(".py") or "/" in name:
        return _from_file(name)
    if name in SHIPPED:
        return _shipped(name)
    for point in _entry_points():
        if point.name == name:
            return _from_package(point)
    import difflib

    names = [*SHIPPED, *(point.name for point in _entry_points())]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see: todo view; a file is named with its ending: todo view ./mine.py"
    raise ViewNotFound(name, hint)


def all_views() -> Iterator[tuple[str, FoundView | UsageError]]:
    """Find all views that have a name; an error for one that cannot be loaded."""
    yield from ((name, _shipped(name)) for name in SHIPPED)
    for point in _entry_points():
        if point.name not in SHIPPED:
            try:
                yield point.name, _from_package(point)
            except UsageError as error:
                yield point.name, error


def _shipped(name: str) -> FoundView:
    module = import_module(f"{projections.__name__}.{name}")
    return FoundView(module.VIEW, "cqrs-todo", _schema(module.VIEW, __version__, module.__file__))


def _entry_points() -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _from_package(point: Any) -> FoundView:
    package = point.dist.name if point.dist is not None else point.value
    try:
        view = point.load()
    except Exception as error:
        raise UsageError(
            f"the view {point.name} of {package} cannot be loaded: {_in_words(error)}", "update that package"
        ) from error
    _check(view, f"the view {point.name} of {package}")
    module = sys.modules.get(point.module)
    version = point.dist.version if point.dist is not None else ""
    return FoundView(view, package, _schema(view, version, getattr(module, "__file__", None)))


def _from_file(name: str) -> FoundView:
    path = os.path.abspath(os.path.expanduser(name))
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}", "give the path of a Python file that defines VIEW"
        ) from error
    from types import ModuleType

    module = ModuleType("cqrs_todo_view")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses look for the module of a class there
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except Exception as error:
        raise UsageError(f"{name} cannot be loaded: {_in_words(error)}", "correct the file") from error
    if not hasattr(module, "VIEW"):
        raise UsageError(f"{name} does not define VIEW", "end the file with VIEW = ..., see docs/tutorial/your-own-view.md")
    view: Projection[Any] = module.VIEW
    _check(view, f"VIEW in {name}")
    return FoundView(view, path, _schema(view, "", path))


def _in_words(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = error.lineno if isinstance(error, SyntaxError) else None if trace is None else trace.tb_lineno
    return f"{type(error).__name__}: {error}" + ("" if line is None else f" (line {line})")


def _check(view: object, what: str) -> None:
    """Raise `UsageError` unless an object has what a view needs."""
    if isinstance(view, type):
        raise UsageError(f"{what} is a class", "make an object of it: VIEW = MyView()")
    missing = [name for name in ("name", "initial", "evolve", "rows") if not hasattr(view, name)]
    if missing:
        raise UsageError(f"{what} has no {', '.join(missing)}", "a view has a name, an initial state, evolve and rows")
    if not isinstance(getattr(view, "name", None), str):
        raise UsageError(f"the name of {what} is not a text", 'for instance: name = "tags"')


def _schema(view: Projection[Any], version: str, file: str | None) -> str:
    digest = ""
    if file is not None and os.path.isfile(file):
        with open(file, "rb") as source:
            digest = hashlib.sha256(source.read()).hexdigest()
    return "\0".join((version, str(getattr(view, "version", 1)), digest))
