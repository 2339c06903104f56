"""WebAssembly: the pure rooms and the memory store run under Pyodide in Node, without msgspec, on the same test files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-wasm"
PYODIDE = "314.0.7"  # with it go the options of pip below: its CPython is 3.14
FILES = [
    "tests/todo/test_model.py",
    "tests/todo/test_views.py",
    "tests/todo/test_selection.py",
    "tests/cqrs/test_core.py",
    "tests/cqrs/test_repository.py",
    "tests/cqrs/test_strategies.py",
    "tests/cqrs/test_timeline.py",
    "tests/cqrs/stores/test_contract.py",
    "docs/tutorial/test_bank.py",
]
LEAST = 220
"""How many test functions, by their parameters, must have run there."""


@pytest.fixture(scope="module")
def pyodide() -> Path:
    """The folder with Pyodide and what pytest needs there; kept, since it is some 20 MB from far away."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("there is no node or no npm")
    if not (FOLDER / PYODIDE).exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        _install([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER), f"pyodide@{PYODIDE}"])
        where = ["--target", str(FOLDER / "site-packages"), "--only-binary", ":all:"]
        machine = ["--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14", "--implementation", "cp"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
        _install([*pip, *where, *machine, "--abi", "cp314", "pytest>=9,<10", "hypothesis>=6.150"])
        (FOLDER / PYODIDE).touch()
    return FOLDER


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"what runs on WebAssembly can't be had: {done.stderr.strip()[-300:]}")


def test_the_pure_rooms_run_on_webassembly(pyodide: Path) -> None:
    run = ["node", str(Path(__file__).parent / "run.mjs"), str(pyodide), "-k", "not TestJsonLines", *FILES]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{told}\n")
    assert (told["platform"], told["failed"]) == ("emscripten", 0)
    assert told["passed"] >= LEAST
