"""Imports point one way: cqrs <- todo <- {cli, web}; inside the framework as docs/architecture.md draws it."""

import ast
import sys
from pathlib import Path

import pytest

import cqrs_todo

PACKAGE = Path(cqrs_todo.__file__).parent

# Each room, and the rooms that it may import from, beside itself.
ROOMS = {
    "cqrs.struct": set[str](),
    "cqrs.core": {"cqrs.struct"},
    "cqrs.fold": {"cqrs.struct", "cqrs.core"},
    "cqrs.snapshots": {"cqrs.struct", "cqrs.core", "cqrs.fold"},
    "cqrs.repository": {"cqrs.struct", "cqrs.core", "cqrs.fold", "cqrs.snapshots"},
    "cqrs.timeline": {"cqrs.struct", "cqrs.core", "cqrs.fold", "cqrs.snapshots", "cqrs.repository"},
    "cqrs.reactions": {"cqrs.struct", "cqrs.core"},
    "cqrs.stores": {"cqrs.struct", "cqrs.core", "cqrs.fold", "cqrs.snapshots"},
    "cqrs.testing": {"cqrs.struct", "cqrs.core", "cqrs.repository", "cqrs.timeline", "cqrs.reactions", "cqrs.stores"},
    "todo.values": {"cqrs.core"},
    "todo.events": {"cqrs.struct", "todo.values"},
    "todo.fields": {"cqrs.struct", "todo.values", "todo.events"},
    "todo.model": {"cqrs.struct", "cqrs.core", "todo.values", "todo.events", "todo.fields"},
    "todo.views": {
        "cqrs.struct",
        "cqrs.core",
        "cqrs.fold",
        "cqrs.timeline",
        "todo.values",
        "todo.events",
        "todo.fields",
    },
    "todo.zones": {"todo.views"},
    "todo.times": {"todo.views", "todo.zones"},
    "todo.compare": {"cqrs.struct", "cqrs.core", "todo.fields", "todo.model", "todo.views"},
    "todo.statistics": {
        "cqrs.struct",
        "cqrs.core",
        "todo.values",
        "todo.events",
        "todo.fields",
        "todo.model",
        "todo.views",
        "todo.zones",
        "todo.compare",
    },
    "todo.selection": {"cqrs.core", "cqrs.fold", "todo.fields", "todo.model", "todo.views"},
    "todo.lists": {"cqrs.core", "todo.selection"},
    "todo.recorder": {
        "cqrs.struct",
        "cqrs.core",
        "cqrs.fold",
        "cqrs.snapshots",
        "cqrs.repository",
        "cqrs.timeline",
        "cqrs.stores",
        "todo.values",
        "todo.events",
        "todo.fields",
        "todo.model",
        "todo.views",
        "todo.lists",
    },
    "todo.moves": {
        "cqrs.struct",
        "cqrs.core",
        "cqrs.timeline",
        "todo.events",
        "todo.fields",
        "todo.model",
        "todo.views",
        "todo.recorder",
    },
    "todo.undoing": {
        "cqrs.struct",
        "cqrs.core",
        "cqrs.fold",
        "cqrs.timeline",
        "todo.events",
        "todo.fields",
        "todo.model",
        "todo.selection",
        "todo.views",
        "todo.recorder",
        "todo.moves",
    },
    "todo.service": {
        "cqrs.struct",
        "cqrs.core",
        "cqrs.repository",
        "cqrs.timeline",
        "todo.events",
        "todo.fields",
        "todo.model",
        "todo.selection",
        "todo.views",
        "todo.recorder",
        "todo.moves",
        "todo.undoing",
    },
    "cli": {
        "cqrs.struct",
        "cqrs.core",
        "cqrs.timeline",
        "cqrs.stores",
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
        "todo.selection",
        "todo.lists",
        "todo.recorder",
        "todo.service",
    },
}
PURE = [
    "cqrs.struct",
    "cqrs.core",
    "cqrs.fold",
    "cqrs.snapshots",
    "cqrs.repository",
    "cqrs.timeline",
    "cqrs.reactions",
    "todo.values",
    "todo.events",
    "todo.fields",
    "todo.model",
    "todo.views",
    "todo.compare",
    "todo.selection",
    "todo.statistics",
    "todo.zones",
    *(f"todo.times.{file.stem}" for file in sorted((PACKAGE / "todo/times").glob("*.py"))),
]
ELSEWHERE = {"", "__main__", "__version__", "cqrs", "todo"}
"""What holds nothing but a docstring, a version or an entry point, and may be imported from anywhere."""

FILES = sorted(PACKAGE.rglob("*.py"))
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


def module_of(file: Path) -> str:
    parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def room_of(module: str) -> str | None:
    return next((room for room in ROOMS if module == room or module.startswith(f"{room}.")), None)


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
            assert target == room or target in ROOMS[room] or module in ELSEWHERE, f"{module_of(file)} imports {name}"


@pytest.mark.parametrize("module", PURE)
def test_pure_rooms_import_the_standard_library_and_struct_alone(module: str) -> None:
    file = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    foreign = {name.split(".")[0] for name in imports(file)} - {"cqrs_todo"}
    allowed = sys.stdlib_module_names | ({"msgspec"} if module == "cqrs.struct" else set())
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
    file = tmp_path / "cqrs" / "core.py"
    file.parent.mkdir()
    file.write_text(f"from .struct import Struct\n{line}\n")
    with pytest.raises(AssertionError, match=r"cqrs\.core imports"):
        test_imports_point_one_way(file)
