"""Finding views: those of this package, those that other packages offer, and files."""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from .. import __version__
from ..cqrs.extensions import entry_points
from ..cqrs.struct import Struct, replace
from ..todo import projections
from ..todo.errors import NotFound
from ..todo.projections import Projection
from ..todo.projections.calls import failed, in_words, is_text
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
        view: The view, with those attributes that the program uses. Reading them cannot fail.
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
    return _from_file(name) if name.endswith(".py") or "/" in name else named_view(name)


def named_view(name: str) -> FoundView:
    """Find a view of this package or of another one by its name.

    Raises:
        UsageError: What a package offers cannot be loaded, or is not a view.
        ViewNotFound: There is no view of that name.
    """
    if name in SHIPPED:
        return _shipped(name)
    for point in entry_points(GROUP):
        if point.name == name:
            return _from_package(point)
    import difflib

    names = [*SHIPPED, *(point.name for point in entry_points(GROUP))]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see: todo view; a file is named with its ending: todo view ./mine.py"
    raise ViewNotFound(name, hint)


def all_views() -> Iterator[tuple[str, FoundView | UsageError]]:
    """Find all views that have a name; an error for one that cannot be loaded."""
    yield from ((name, _shipped(name)) for name in SHIPPED)
    for point in entry_points(GROUP):
        if point.name not in SHIPPED:
            try:
                yield point.name, _from_package(point)
            except UsageError as error:
                yield point.name, error


def with_unit(found: FoundView, unit: str, option: str = "--per") -> FoundView:
    """Return a view for `--per UNIT`.

    Args:
        found: The view.
        unit: The unit.
        option: What the unit is called where it was given, for errors.

    Raises:
        UsageError: The view has no `per`, or refuses the unit.
        ViewFailed: Its `per` raised anything but `ValueError`, or returned something that is not a view.
    """
    view = found.view
    method = getattr(view, "per", None)
    if method is None:
        raise UsageError(f"the view {view.name} has no {option}", f"leave out {option}")

    try:
        made = method(unit)
    except KeyboardInterrupt:
        raise
    except ValueError as error:
        why = in_words(error).partition(": ")[2]
        raise UsageError(f"{option} of the view {view.name} cannot be {unit!r}: {why}", "give another unit") from error
    except BaseException as error:
        raise failed(view, "per", error) from error
    try:
        return replace(found, view=_checked(made, "what it returned"))
    except UsageError as error:
        raise failed(view, "per", str(error)) from error


def _shipped(name: str) -> FoundView:
    module = import_module(f"{projections.__name__}.{name}")
    return FoundView(module.VIEW, "cqrs-todo", _schema(module.VIEW, __version__, (module.__file__,)))


def _from_package(point: Any) -> FoundView:
    package = (point.dist and point.dist.name) or point.value
    version = (point.dist and point.dist.version) or ""
    try:
        view = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(
            f"the view {point.name} of {package} cannot be loaded: {_with_line(error, '')}", "update that package"
        ) from error
    view = _checked(view, f"the view {point.name} of {package}")
    module = sys.modules.get(point.module)
    return FoundView(view, package, _schema(view, version, (getattr(module, "__file__", None),)))


def _from_file(name: str) -> FoundView:
    path = os.path.abspath(os.path.expanduser(name))
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UsageError(
            f"{name} cannot be read: {error.strerror}", "give the path of a Python file that defines VIEW"
        ) from error
    module = ModuleType("cqrs_todo_view")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses look for the module of a class there
    before = set(sys.modules)
    folder = os.path.dirname(path)
    # at the end, so that no file in that folder can take the place of a module that this program uses
    sys.path.append(folder)
    sys.dont_write_bytecode = True
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"{name} cannot be loaded: {_with_line(error, path)}", "correct the file") from error
    if "VIEW" not in module.__dict__:
        raise UsageError(f"{name} does not define VIEW", "end the file with VIEW = ..., see docs/tutorial/your-own-view.md")
    view = _checked(module.__dict__["VIEW"], f"VIEW in {name}")
    return FoundView(view, path, _schema(view, "", (path, *_files_in(folder, sys.modules.keys() - before))))


def _files_in(folder: str, modules: Iterable[str]) -> list[str]:
    """Return the files of those modules that are in a folder, or in packages in it."""
    files = (getattr(sys.modules[name], "__file__", None) for name in modules)
    return sorted(file for file in files if isinstance(file, str) and file.startswith(os.path.join(folder, "")))


def _with_line(error: BaseException, path: str) -> str:
    """Return an error in words, with the line that raised it, and its file unless it is the one at a path."""
    if isinstance(error, SyntaxError):
        file, line, words = error.filename, error.lineno, f"{type(error).__name__}: {error.msg}"
    else:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        file, line = (None, None) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        words = in_words(error)
    if file in (None, __file__) or line is None:
        return words
    return f"{words} (line {line})" if file == path else f"{words} ({file}, line {line})"


_NEEDED = ("name", "initial", "evolve", "rows")
_FUNCTIONS = ("evolve", "rows", "per", "period_of", "close")
_MISSING = object()


def _checked(view: object, what: str) -> Projection[Any]:
    """Return the attributes of a view that the program uses.

    Args:
        view: An object that should be a view.
        what: What it is, for the error.

    Raises:
        UsageError: It has not what a view needs, or reading an attribute raised an error.
    """
    if isinstance(view, type):
        raise UsageError(f"{what} is a class", "make an object of it: VIEW = MyView()")
    found: dict[str, Any] = {}
    for name in (*_NEEDED, "help", "version", "per", "period_of", "close"):
        try:
            value = getattr(view, name, _MISSING)
            if name == "version" and value is not _MISSING:
                value = str(value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise UsageError(f"{what} cannot be used: its {name} raised {in_words(error)}", f"correct its {name}") from error
        if value is not _MISSING and (value is not None or name == "initial"):
            found[name] = value
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise UsageError(f"{what} has no {', '.join(missing)}", "a view has a name, an initial state, evolve and rows")
    for name in ("name", "help"):
        if name in found and not is_text(found[name]):
            raise UsageError(f"the {name} of {what} is not a text", f'write it in quotation marks: {name} = "..."')
    for name in _FUNCTIONS:
        if name in found and not callable(found[name]):
            raise UsageError(f"{name} of {what} is not a function", f"define it as a method: def {name}(self, ...)")
    if ("period_of" in found) != ("close" in found):
        there, lacking = ("period_of", "close") if "period_of" in found else ("close", "period_of")
        raise UsageError(f"{what} has {there} and no {lacking}", "a view with periods has both")
    checked: Any = SimpleNamespace(**found)
    return checked  # type: ignore[no-any-return]  # its attributes are those of a view


def _schema(view: Projection[Any], version: str, files: Iterable[str | None]) -> str:
    """Return what changes when a view's version or the content of its files does."""
    digests = []
    for file in files:
        try:
            with open(file or "", "rb") as source:
                digests.append(hashlib.sha256(source.read()).hexdigest())
        except OSError:  # a module need not be a file that can be read; then its version tells
            digests.append("")
    return "\0".join((version, str(getattr(view, "version", 1)), *digests))
