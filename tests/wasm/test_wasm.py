"""WebAssembly: the pure modules and the memory store run under Pyodide in Node, without msgspec, on the same test files."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import PURE_FILES, module_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-wasm"
PYODIDE = "314.0.7"  # pip's options below belong to this version: its CPython is 3.14
PORTABLE = {f"cqrs_todo.{name}" for name in map(module_of, PURE_FILES)} | {
    "cqrs_todo.cqrs.boundary",
    "cqrs_todo.cqrs.ids",
    "cqrs_todo.cqrs.playback",
    "cqrs_todo.cqrs.reactions",
    "cqrs_todo.cqrs.repository",
    "cqrs_todo.cqrs.subscriptions",
    "cqrs_todo.cqrs.timeline",
    "cqrs_todo.cqrs.stores",
    "cqrs_todo.cqrs.stores.memory",
    "cqrs_todo.cqrs.testing.contract",
    "cqrs_todo.cqrs.testing.reaction_contract",
    "cqrs_todo.cqrs.testing.stories",
    "cqrs_todo.cqrs.testing.strategies",
    "cqrs_todo.todo.requests",
    "cqrs_todo.todo.service",
}
"""The modules that WebAssembly can import: the pure ones, and some that do no more input and output than it offers."""
INSTALLED = {"pytest", "hypothesis", "tzdata"}
LEAST = 330
"""How many tests must pass there, each set of parameters counted. It shows that most tests are not skipped."""


PACKAGES = ("pytest>=9,<10", "hypothesis>=6.150", "tzdata", "python-dateutil>=2.9,<5", "markdown-it-py>=3")
"""The packages that are installed for it."""


def public() -> dict[str, str]:
    """Return the module of each name that `cqrs_todo.cqrs` offers, because it loads a module when a name is used."""
    imports = ast.walk(ast.parse((ROOT / "cqrs_todo/cqrs/__init__.py").read_text(encoding="utf-8")))
    from_modules = (node for node in imports if isinstance(node, ast.ImportFrom) and node.level)
    return {alias.name: f"cqrs_todo.cqrs.{node.module}" for node in from_modules for alias in node.names}


def imported(file: Path) -> set[str]:
    """Return the modules that a test file imports, and that the helpers which it imports from the tests import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "cqrs_todo.cqrs":
            found |= {public().get(alias.name, f"cqrs_todo.cqrs.{alias.name}") for alias in node.names}  # or a module
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {str(node.module)} | {name for name in names if source(name) is not None}
    helpers = {source(name) for name in found if not name.startswith("cqrs_todo.")} - {None, file}
    return found.union(*(imported(helper) for helper in helpers if helper is not None))


def source(module: str) -> Path | None:
    """Return the file of a module in this repository, None for any other module."""
    path = ROOT.joinpath(*module.split("."))
    candidates = [path.with_suffix(".py"), path / "__init__.py", ROOT / "docs/tutorial" / f"{module}.py"]
    return next((file for file in candidates if file.is_file()), None)


def is_portable(file: Path) -> bool:
    """Return whether WebAssembly has all that a test file imports."""
    for module in imported(file):
        if module.startswith("cqrs_todo."):
            if module not in PORTABLE:
                return False
        elif source(module) is None and module.split(".")[0] not in INSTALLED | sys.stdlib_module_names:
            return False
    return True


def portable_tests() -> list[str]:
    """Find the test files of the framework, the domain and the tutorial that WebAssembly can run."""
    folders = [ROOT / "tests/cqrs", ROOT / "tests/todo", ROOT / "docs/tutorial"]
    files = [file for folder in folders for file in sorted(folder.rglob("test_*.py"))]
    return [str(file.relative_to(ROOT)) for file in files if is_portable(file)]


@pytest.fixture(scope="module")
def pyodide() -> Path:
    """The folder with Pyodide and pytest. It is kept between runs, because about 20 MB are downloaded into it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    installed = FOLDER / f"{PYODIDE} {' '.join(PACKAGES)}"
    if not installed.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        _install([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER), f"pyodide@{PYODIDE}"])
        where = ["--target", str(FOLDER / "site-packages"), "--only-binary", ":all:"]
        machine = ["--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14", "--implementation", "cp"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
        _install([*pip, *where, *machine, "--abi", "cp314", *PACKAGES])
        installed.touch()
    return FOLDER


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Pyodide or pytest for it could not be installed: {done.stderr.strip()[-300:]}")


@pytest.mark.long
def test_the_pure_modules_run_on_webassembly(pyodide: Path) -> None:
    modules = ",".join(f"cqrs_todo.{name}" for name in map(module_of, PURE_FILES))
    run = ["node", str(Path(__file__).parent / "run.mjs"), str(pyodide), modules, *portable_tests()]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{seen}\n")
    assert (seen["platform"], seen["failed"]) == ("emscripten", 0)
    assert seen["passed"] >= LEAST


def test_test_files_that_need_more_than_webassembly_has_are_left_out() -> None:
    found = portable_tests()
    assert {"tests/cqrs/test_timeline.py", "tests/todo/test_model.py", "docs/tutorial/test_bank.py"} <= set(found)
    assert not {"tests/cqrs/stores/test_jsonl_reader.py", "tests/cqrs/stores/test_postgres.py"} & set(found)
