"""Tools that have environments of their own, because they need other versions of what the tests need."""

import subprocess
import sys
from pathlib import Path

import pytest


def installed(folder: Path, requirement: str) -> Path:
    """Install a tool, and return the folder of its programs. The test is skipped where it cannot be installed."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = folder / "bin"
    install: list[str | Path] = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*install, requirement], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{requirement} cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return programs
