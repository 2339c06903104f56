"""Imports point one way: cqrs <- todo <- {cli, web}; inside the framework as docs/architecture.md draws it."""

import ast
import re
import sys
from pathlib import Path

import pytest

import cqrs_todo
from cqrs_todo.cli import verbs

PACKAGE = Path(cqrs_todo.__file__).parent

MODULES = (
    "cqrs.struct",
    "cqrs.extensions",
    "cqrs.errors",
    "cqrs.operation_errors",
    "cqrs.names",
    "cqrs.ids",
    "cqrs.protocols",
    "cqrs.events",
    "cqrs.query",
    "cqrs.decider",
    "cqrs.replication",
    "cqrs.verification",
    "cqrs.forgetting",
    "cqrs.cursor",
    "cqrs.checkpoints",
    "cqrs.store",
    "cqrs.fold",
    "cqrs.snapshots",
    "cqrs.stores",
    "cqrs.repository",
    "cqrs.boundary",
    "cqrs.steps",
    "cqrs.timeline",
    "cqrs.playback",
    "cqrs.subscriptions",
    "cqrs.projections",
    "cqrs.reactions",
    "cqrs.testing",
    "todo.errors",
    "todo.request_errors",
    "todo.calendar",
    "todo.values",
    "todo.zones",
    "todo.distance",
    "todo.times",
    "todo.rules",
    "todo.events",
    "todo.fields",
    "todo.model",
    "todo.views",
    "todo.arranging",
    "todo.recurrence",
    "todo.reminders",
    "todo.merging",
    "todo.formats",
    "todo.links",
    "todo.link_rules",
    "todo.history",
    "todo.query",
    "todo.compare",
    "todo.conditions",
    "todo.statistics",
    "todo.projections",
    "todo.projections.fold",
    "todo.read_models",
    "todo.selection",
    "todo.lists",
    "todo.batches",
    "todo.requests",
    "todo.recorder",
    "todo.merges",
    "todo.forgetting",
    "todo.sync",
    "todo.moves",
    "todo.undo_planning",
    "todo.undoing",
    "todo.own_imports",
    "todo.service",
    "todo.several_lists",
    "todo.file_history",
    "todo.backup",
    "todo.importing",
    "todo.reactions",
    "web",
    "cli",
)
"""The modules and packages in one order. Each may import those before it, and none after it."""

IMPURE_MODULES = {
    "cqrs.extensions",
    "cqrs.ids",
    "cqrs.repository",
    "cqrs.boundary",
    "cqrs.timeline",
    "cqrs.playback",
    "cqrs.subscriptions",
    "cqrs.projections",
    "cqrs.reactions",
    "cqrs.stores",
    "cqrs.testing",
    "todo.projections.fold",
    "todo.read_models",
    "todo.lists",
    "todo.requests",
    "todo.recorder",
    "todo.merges",
    "todo.sync",
    "todo.moves",
    "todo.undo_planning",
    "todo.undoing",
    "todo.forgetting",
    "todo.own_imports",
    "todo.service",
    "todo.several_lists",
    "todo.file_history",
    "todo.backup",
    "todo.importing",
    "todo.reactions",
    "web",
    "cli",
}
"""The modules that do input or output, or work through a store that does."""

EXCEPTIONS = {("cqrs.events", "cqrs.ids")}
"""Imports of an impure module by a pure one: `Metadata.new` reads the clock, for those who call the pure functions."""

ELSEWHERE = {"", "__main__", "__version__", "INTERRUPTED", "cqrs", "todo"}
"""What holds nothing but a docstring, a version, an exit code or an entry point, and may be imported from anywhere."""


def module_of(file: Path) -> str:
    parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def listed(module: str) -> str | None:
    """Return the entry of `MODULES` that is a module, or the innermost package there that holds it."""
    return max((entry for entry in MODULES if module == entry or module.startswith(f"{entry}.")), key=len, default=None)


FILES = sorted(PACKAGE.rglob("*.py"))
PURE_FILES = [file for file in FILES if listed(module_of(file)) not in {None, *IMPURE_MODULES}]
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
    """Return which entry of `MODULES` imports from which, without the arrows that other arrows imply."""
    drawn = {
        (module, target)
        for file in FILES
        for name in imports(file)
        if (module := listed(module_of(file))) and (target := listed(name.removeprefix("cqrs_todo."))) and target != module
    }
    reached = dict.fromkeys(MODULES, frozenset[str]())
    for module in MODULES:  # each comes after those that it imports from
        direct = {target for source, target in drawn if source == module}
        reached[module] = frozenset(direct).union(*(reached[target] for target in direct))
    return {
        (module, target)
        for module, target in drawn
        if not any(target in reached[other] for source, other in drawn if source == module and other != target)
    }


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_one_way(file: Path) -> None:
    importer = listed(module_of(file))
    if importer is None:
        assert module_of(file) in ELSEWHERE
        return
    for name in imports(file):
        if name.startswith("cqrs_todo."):
            module = name.removeprefix("cqrs_todo.")
            target = listed(module)
            assert module in ELSEWHERE or (target and MODULES.index(target) <= MODULES.index(importer)), (
                f"{module_of(file)} imports {name}"
            )


@pytest.mark.parametrize("file", PURE_FILES, ids=module_of)
def test_pure_modules_import_pure_modules_and_the_standard_library_alone(file: Path) -> None:
    names = {name.removeprefix("cqrs_todo.") for name in imports(file)}
    own = {name for name in names if listed(name)}
    assert not {name for name in own if listed(name) in IMPURE_MODULES and (module_of(file), name) not in EXCEPTIONS}
    foreign = {name.split(".")[0] for name in names - own} - {"cqrs_todo"}
    special = {
        "cqrs.struct": {"msgspec"},
        "todo.batches": {"msgspec"},  # encodes, and reads nothing; only large commands need it
        "cqrs.events": {"typing_extensions"},  # only for type checkers
        "todo.rules": {"dateutil"},
        "todo.formats.markdown": {"markdown_it"},
    }
    allowed = sys.stdlib_module_names | special.get(module_of(file), set())
    assert foreign <= allowed - IMPURE


def named_commands(file: Path) -> list[str]:
    """Return the commands of the command line that the texts in a file name. Docstrings may name them."""
    tree = ast.parse(file.read_text())
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
    ]
    known = "|".join([*verbs.names(), *verbs.ALIASES, "-L", "--store"])
    return [found for text in texts for found in re.findall(rf"\btodo (?:{known})\b|config\.toml", text)]


@pytest.mark.parametrize("file", [file for file in FILES if "cli" not in file.parts], ids=module_of)
def test_only_the_command_line_names_its_commands_and_its_configuration(file: Path) -> None:
    assert named_commands(file) == []


def test_a_command_in_a_text_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "errors.py"
    file.write_text('"""See `todo ls`."""\nhint = f"see: todo undo @{3}"\nother = "the todos"\n')
    assert named_commands(file) == ["todo undo"]


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


@pytest.mark.parametrize("file", [file for file in FILES if "verbs" not in file.parts], ids=module_of)
def test_nothing_but_the_package_of_verbs_imports_from_the_file_of_a_verb(file: Path) -> None:
    assert not {name for name in imports(file) if name.startswith("cqrs_todo.cli.verbs.")}


def given_by_position(file: Path) -> list[str]:
    """Return the calls of a file that give seven values or more without naming them, to what this package defines."""
    return [
        f"{file.name}:{node.lineno} {ast.unparse(node.func)}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and len(node.args) >= 7
        and ast.unparse(node.func).rpartition(".")[2] in DEFINED - GIVEN_BY_POSITION
    ]


GIVEN_BY_POSITION = {
    "Recorded",  # each event that is read is one, and names take time
    "UnreadableRule",  # it takes any number of examples
}


NODES = [node for file in FILES for node in ast.walk(ast.parse(file.read_text()))]
TAKE_ANY_NUMBER = {node.name for node in NODES if isinstance(node, ast.FunctionDef) and node.args.vararg is not None}
DEFINED = {node.name for node in NODES if isinstance(node, ast.ClassDef | ast.FunctionDef)} - TAKE_ANY_NUMBER


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_who_gives_seven_values_or_more_names_them(file: Path) -> None:
    assert given_by_position(file) == []


def test_values_without_names_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "merging.py"
    file.write_text(
        "merged = MergedLog(a, b, c, d, e, f, g)\nother = MergedLog(log=a, before=b)\nplanned(a, b, c, d, e, f, g)\n"
    )
    assert given_by_position(file) == ["merging.py:1 MergedLog", "merging.py:3 planned"]
