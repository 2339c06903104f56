"""Imports point one way: cqrs <- todo <- {cli, web}; inside the framework as docs/architecture.md draws it."""

import ast
import sys
from pathlib import Path

import pytest

import cqrs_todo

PACKAGE = Path(cqrs_todo.__file__).parent

ROOMS = (
    "cqrs.struct",
    "cqrs.errors",
    "cqrs.names",
    "cqrs.events",
    "cqrs.decider",
    "cqrs.store",
    "cqrs.fold",
    "cqrs.snapshots",
    "cqrs.stores",
    "cqrs.repository",
    "cqrs.timeline",
    "cqrs.reactions",
    "cqrs.testing",
    "todo.values",
    "todo.events",
    "todo.fields",
    "todo.model",
    "todo.views",
    "todo.zones",
    "todo.times",
    "todo.compare",
    "todo.statistics",
    "todo.projections",
    "todo.selection",
    "todo.lists",
    "todo.recorder",
    "todo.moves",
    "todo.undoing",
    "todo.service",
    "cli",
)
"""The modules and packages in one order. Each may import those before it, and none after it."""

IMPURE_ROOMS = {
    "cqrs.stores",
    "cqrs.testing",
    "todo.lists",
    "todo.recorder",
    "todo.moves",
    "todo.undoing",
    "todo.service",
    "cli",
}
"""The rooms that do input or output, or work through a store that does."""

ELSEWHERE = {"", "__main__", "__version__", "cqrs", "todo"}
"""What holds nothing but a docstring, a version or an entry point, and may be imported from anywhere."""


def module_of(file: Path) -> str:
    parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def room_of(module: str) -> str | None:
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), None)


FILES = sorted(PACKAGE.rglob("*.py"))
PURE_FILES = [file for file in FILES if room_of(module_of(file)) not in {None, *IMPURE_ROOMS}]
# what does input or output, reads clocks or is random
IMPURE = {
    "os",
    "io",
    "sys",
    "time",
    "random",
    "secrets",
    "pathlib",
    "socket",
    "subprocess",
    "threading",
    "fcntl",
    "tempfile",
}


def imports(file: Path) -> set[str]:
    """Modules that a file imports, absolute; those of this package without the package's name."""
    package = module_of(file).split(".") if file.name == "__init__.py" else module_of(file).split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [part for part in package if part]
            if node.level:
                base = base[: len(base) - node.level + 1]
                names = [".".join([*base, *(node.module or "").split(".")]).strip(".")]
                if node.module is None:
                    names = [".".join([*base, alias.name]) for alias in node.names]
                found |= {f"cqrs_todo.{name}".rstrip(".") for name in names}
            else:
                found.add(node.module or "")
    return found


def arrows() -> set[tuple[str, str]]:
    """Which room imports from which, but for what another arrow's target imports already."""
    drawn = {
        (room, target)
        for file in FILES
        for name in imports(file)
        if (room := room_of(module_of(file))) and (target := room_of(name.removeprefix("cqrs_todo."))) and target != room
    }
    reached = dict.fromkeys(ROOMS, frozenset[str]())
    for room in ROOMS:  # each stands after those that it imports from
        direct = {target for source, target in drawn if source == room}
        reached[room] = frozenset(direct).union(*(reached[target] for target in direct))
    return {
        (room, target)
        for room, target in drawn
        if not any(target in reached[other] for source, other in drawn if source == room and other != target)
    }


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_one_way(file: Path) -> None:
    room = room_of(module_of(file))
    if room is None:
        assert module_of(file) in ELSEWHERE
        return
    for name in imports(file):
        if name.startswith("cqrs_todo."):
            module = name.removeprefix("cqrs_todo.")
            target = room_of(module)
            assert module in ELSEWHERE or (target and ROOMS.index(target) <= ROOMS.index(room)), (
                f"{module_of(file)} imports {name}"
            )


@pytest.mark.parametrize("file", PURE_FILES, ids=module_of)
def test_pure_modules_import_pure_modules_and_the_standard_library_alone(file: Path) -> None:
    names = {name.removeprefix("cqrs_todo.") for name in imports(file)}
    own = {name for name in names if room_of(name)}
    assert not {name for name in own if room_of(name) in IMPURE_ROOMS}
    foreign = {name.split(".")[0] for name in names - own} - {"cqrs_todo"}
    allowed = sys.stdlib_module_names | ({"msgspec"} if module_of(file) == "cqrs.struct" else set())
    assert foreign <= allowed - IMPURE


def test_the_framework_knows_nothing_of_todos() -> None:
    for file in (PACKAGE / "cqrs").rglob("*.py"):
        words = file.read_text().lower().replace("cqrs_todo", "").replace("cqrs-todo[", "").replace("about todos", "")
        assert "todo" not in words, f"{file} speaks of todos"


@pytest.mark.parametrize(
    "line", ["from ..todo.model import Todo", "from .stores import open_store", "from cqrs_todo.cli import main"]
)
def test_a_wrong_arrow_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    file = tmp_path / "cqrs" / "events.py"
    file.parent.mkdir()
    file.write_text(f"from .struct import Struct\n{line}\n")
    with pytest.raises(AssertionError, match=r"cqrs\.events imports"):
        test_imports_point_one_way(file)
