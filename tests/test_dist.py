"""The distribution: the wheel and the sdist are built, the wheel is installed, and the README's commands run from it."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from cqrs_todo import __version__
from tests.conftest import Todo
from tests.readme import play_readme

ROOT = Path(__file__).parent.parent
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]


class Installed(NamedTuple):
    """An environment that holds the wheel and what it depends on, and nothing else."""

    wheel: Path
    sdist: Path
    programs: Path

    def run(self, *command: str) -> str:
        """Run a program of the environment outside the checkout; return what it prints."""
        program, *args = command
        return run(str(self.programs / program), *args, cwd=self.programs)


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("dist")
    pytest.importorskip("build", reason="the package `build` is not installed")
    probe = [sys.executable, *PIP, "download", "--no-deps", "--dest", str(folder / "probe"), "hatchling>=1.25"]
    probed = subprocess.run(probe, capture_output=True, text=True, check=False)
    if probed.returncode:
        pytest.skip(f"no package index can be reached: {probed.stderr.strip()[-300:]}")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT), cwd=folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    run(sys.executable, "-m", "venv", str(folder / "environment"), cwd=folder)
    made = Installed(wheel, sdist, folder / "environment" / "bin")
    made.run("python", *PIP, "install", str(wheel))
    return made


def test_the_wheel_holds_the_package_its_types_its_licence_and_the_man_page(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    own = f"cqrs_todo-{__version__}"
    assert {name.split("/")[0] for name in names} == {"cqrs_todo", f"{own}.dist-info", f"{own}.data"}
    assert f"{own}.data/data/share/man/man1/todo.1" in names
    package = {str(file.relative_to(ROOT)) for file in (ROOT / "cqrs_todo").rglob("*.py")}
    assert package | {"cqrs_todo/py.typed", f"cqrs_todo-{__version__}.dist-info/licenses/LICENSE"} <= set(names)


def test_the_sdist_holds_the_documentation_and_the_tests(installed: Installed) -> None:
    with tarfile.open(installed.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "docs/generate.py", "tests/conftest.py"} <= names


def test_the_commands_in_the_readme_run_from_the_wheel(installed: Installed, tmp_path: Path) -> None:
    assert installed.run("python", "-c", "import cqrs_todo; print(cqrs_todo.__file__)").startswith(
        str(installed.programs.parent)
    )
    assert __version__ in installed.run("todo", "--version")
    home = Todo(tmp_path / "home")
    play_readme({**home.env, "PATH": f"{installed.programs}:{os.environ['PATH']}"}, home.home)


def test_an_extra_is_added_to_the_installed_wheel_by_its_name(installed: Installed) -> None:
    installed.run("python", *PIP, "install", "cqrs-todo[picker]")
    installed.run("python", "-c", "import questionary")
    assert __version__ in installed.run("todo", "--version")
