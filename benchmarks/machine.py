"""Where and with what something was measured."""

import os
import platform
import shutil
import tempfile
from pathlib import Path

from .environments import Environments, todo_txt, version
from .measure import Failed, output


def machine() -> dict[str, str]:
    """The machine: processor, cores, kernel, memory, and what files lie on."""
    return {
        "processor": _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(tempfile.gettempdir()),
    }


def versions(environments: Environments) -> dict[str, str]:
    """What was measured, and against what; only what is there."""
    reported = {
        "Python": _said([str(environments.python), "-c", "import platform; print(platform.python_version())"]),
        **{name: version(environments.python, name) for name in ("cqrs-todo", "typer", "rich", "msgspec")},
        "pip (which wrote the console script)": version(environments.python, "pip"),
        "valgrind": _said(["valgrind", "--version"]).removeprefix("valgrind-"),
        "Taskwarrior": _said(["task", "--version"]),
        "todo.txt-cli": _todo_txt_version(),
    }
    for name, environment in (("todoman", environments.todoman), ("eventsourcing", environments.eventsourcing)):
        reported[name] = version(environment / "bin" / "python", name) if environment else ""
    return {name: text for name, text in reported.items() if text}


def _said(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        return output(command).strip()
    except Failed:
        return ""


def _todo_txt_version() -> str:
    command = todo_txt()
    if command is None:
        return ""
    for line in Path(command).read_text(errors="replace").splitlines():
        if 'VERSION="' in line:  # it tells its version with exit code 1, and only where it has a configuration
            return line.split('VERSION="')[1].rstrip('"')
    return "?"


def _field(path: Path, name: str) -> str:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _file_system(folder: str) -> str:
    """The kind of file system that a folder is on: on one in memory a sync costs nothing."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return ""
    above = [(len(mount[1]), mount[2]) for mount in mounts if Path(folder).resolve().is_relative_to(mount[1])]
    return max(above)[1] if above else ""
