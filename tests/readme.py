"""Play the commands in the README and compare what they print with what it says."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"

_VARYING = [
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d"), "DAY DATE"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{20}\b"), "COMMAND"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"\S+@\S+"), "WHO"),
]


def play_readme(env: Mapping[str, str], folder: Path) -> None:
    """Run the commands of the README's console blocks, and assert that each prints what stands below it.

    Args:
        env: The environment of the commands; its `PATH` says which `todo` they run.
        folder: The folder in which they run.
    """
    assert play_page(README, env, folder) >= 8


def play_page(page: Path, env: Mapping[str, str], folder: Path) -> int:
    """Run the commands of a page's console blocks, and assert that each prints what stands below it.

    Args:
        page: The page, in Markdown.
        env: The environment of the commands; its `PATH` says which `todo` they run.
        folder: The folder in which they run.

    Returns:
        How many commands there were.
    """
    sessions = _sessions(page.read_text(encoding="utf-8"))
    for command, printed in sessions:
        done = subprocess.run(["bash", "-c", command], env=env, cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, _lines(done.stderr + done.stdout)) == (0, _lines(printed)), command
    return len(sessions)


def _sessions(page: str) -> list[tuple[str, str]]:
    """Return the commands of a page's console blocks, each with what the page says that it prints."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


def _lines(text: str) -> list[str]:
    """Return the lines without what differs from run to run: times, dates, the author, the widths of columns."""
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return [re.sub(r" {2,}", "  ", line.rstrip()) for line in text.splitlines()]
