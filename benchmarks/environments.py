"""The environments measured: the package as a user has it, from a wheel, and the peers from PyPI, each by itself."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .measure import Failed, output

CHECKOUT = Path(__file__).resolve().parent.parent
EVENTSOURCING = "eventsourcing[postgres]>=9.5,<9.6"
TODOMAN = "todoman>=4,<5"
SHARED = "shared"
WEB = "web"


@dataclass
class Environments:
    """Folders of environments; None for a peer that could not be installed."""

    product: Path
    shared: Path | None = None
    """The product with what lists on a server need."""
    web: Path | None = None
    """The product with what `todo serve` needs."""
    eventsourcing: Path | None = None
    todoman: Path | None = None
    skipped: list[str] = field(default_factory=list)

    @property
    def python(self) -> Path:
        """The interpreter of the product's environment."""
        return self.product / "bin" / "python"

    @property
    def todo(self) -> list[str]:
        """The product's command, so that the process is its interpreter."""
        return [str(self.python), str(self.product / "bin" / "todo")]


def prepare(folder: Path, python: str, needed: set[str]) -> Environments:
    """Make the environments that are missing, and install the checkout anew; raises `Failed` for the product alone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Environments(_environment(folder / "product", python))
    with tempfile.TemporaryDirectory() as wheels:
        _pip(made.product, "wheel", "--no-deps", "--wheel-dir", wheels, str(CHECKOUT))
        (wheel,) = map(str, Path(wheels).glob("*.whl"))
        _pip(made.product, "install", wheel)
        _pip(made.product, "install", "--no-deps", "--force-reinstall", wheel)  # the version may be that of another day
        made.shared = _with_extra(folder, python, SHARED, wheel, "postgres", needed)
        made.web = _with_extra(folder, python, WEB, wheel, "web", needed)
    made.eventsourcing = _peer(folder, python, "eventsourcing", EVENTSOURCING, needed, made.skipped)
    made.todoman = _peer(folder, python, "todoman", TODOMAN, needed, made.skipped)
    return made


def _with_extra(folder: Path, python: str, name: str, wheel: str, extra: str, needed: set[str]) -> Path | None:
    if name not in needed:
        return None
    made = _environment(folder / name, python)
    _pip(made, "install", f"{wheel}[{extra}]")
    _pip(made, "install", "--no-deps", "--force-reinstall", wheel)
    return made


def another_release(made: Environments, release: str) -> Environments | None:
    """Install the checkout for another release of CPython.

    Args:
        made: The environments of the release that everything is measured with.
        release: The other release, such as "3.11".

    Returns:
        The environment of the other release; None if that release is not installed, or is the same one.

    Raises:
        Failed: The checkout cannot be installed.
    """
    versions = sorted(Path.home().glob(f".pyenv/versions/{release}.*/bin/python"))
    found = next((python for python in (f"python{release}", *map(str, versions)) if _is_release(python, release)), None)
    if found is None or _is_release(str(made.python), release):
        return None
    other = Environments(_environment(made.product.with_name(f"product-{release}"), found))
    with tempfile.TemporaryDirectory() as wheels:
        _pip(made.product, "wheel", "--no-deps", "--wheel-dir", wheels, str(CHECKOUT))
        (wheel,) = map(str, Path(wheels).glob("*.whl"))
        _pip(other.product, "install", wheel)
        _pip(other.product, "install", "--no-deps", "--force-reinstall", wheel)
    return other


def _is_release(python: str, release: str) -> bool:
    try:
        return _release(python).startswith(f"{release}.")
    except Failed:  # not installed, or a shim that leads nowhere
        return False


def _peer(folder: Path, python: str, name: str, requirement: str, needed: set[str], skipped: list[str]) -> Path | None:
    if name not in needed:
        return None
    try:
        environment = _environment(folder / name, python)
        if not version(environment / "bin" / "python", name):
            _pip(environment, "install", requirement)
    except Failed as error:
        skipped.append(f"{name} is skipped, it can't be installed: {error}")
        return None
    return environment


def _environment(folder: Path, python: str) -> Path:
    made = folder / "bin" / "python"
    if not made.exists() or _release(str(made)) != _release(python):
        # the newest pip: older ones write console scripts that import `re`
        output([python, "-m", "venv", "--clear", "--upgrade-deps", str(folder)])
    return folder


def _release(python: str) -> str:
    return output([python, "-c", "import sys; print(sys.version)"])


def _pip(environment: Path, *args: str) -> None:
    command = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", *args]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        raise Failed(ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else f"pip {args[0]} failed")


def version(python: Path, package: str) -> str:
    """The version of a package in an environment; '' where it is not there."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    try:
        return output([str(python), "-c", code]).strip()
    except Failed:
        return ""


def todo_txt() -> str | None:
    """The command of todo.txt-cli: Debian calls it todo-txt."""
    return shutil.which("todo-txt") or shutil.which("todo.sh")
