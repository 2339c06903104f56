"""What every trial has in common: a program to try, what it said it recorded, what is found afterwards, and the tally.

A trial is a module of this package with

    NAME, CONTROLS           its name; the ways of weakening the program that it must catch, from `weak.KINDS`
    def trial(program: Program, size: Size) -> Tally

which tries the program that it is given and counts. It never knows whether the program is the real one or a weakened one;
but for `server`, one control of which is no program of ours.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]


class Size(Enum):
    """How much to try: a few seconds for the suite, or all."""

    SHORT = "short"
    FULL = "full"


@dataclass
class Tally:
    """What a trial counted. `cases` were tried, `hits` of them met the fault; `lost` and `silent` must be none."""

    cases: int = 0
    hits: int = 0
    lost: int = 0
    """Commits that were told as recorded and are not there whole, or told as not recorded and are; half commits."""
    silent: int = 0
    """Damage that nobody was told of; crashes without a clear error."""
    skipped: str = ""
    """Why the trial can't be done on this machine; '' when it was done."""
    examples: list[str] = field(default_factory=list)
    """The first cases that went wrong, in words."""
    notes: list[str] = field(default_factory=list)
    """Other figures, in words."""

    def wrong(self, kind: str, example: str) -> None:
        """Count one that was 'lost' or 'silent', and keep the first few in words."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < 5:
            self.examples.append(f"{kind}: {example}")

    @property
    def clean(self) -> bool:
        return not self.lost and not self.silent

    def __str__(self) -> str:
        if self.skipped:
            return f"SKIPPED: {self.skipped}"
        counts = f"{self.cases:,} cases, {self.hits:,} hits, {self.lost:,} lost, {self.silent:,} silent"
        return "; ".join([counts, *self.notes])


@dataclass(frozen=True)
class Result:
    """How one run ended; `code` is negative for a signal."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True)
class Program:
    """The command to try, in a home of its own; `weakness` is '' for the real one."""

    home: Path
    weakness: str = ""

    @property
    def argv(self) -> list[str]:
        """What to put before the arguments: the real interpreter, no shim, so that strace sees the program itself."""
        python = os.path.realpath(sys.executable)
        module = ["-m", "tests.trials.weak", self.weakness] if self.weakness else ["-m", "cqrs_todo"]
        return [python, *module]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a run. PYTHONPATH stands in for the virtual environment that the real interpreter passes by."""
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "USER": "me",
            "TMPDIR": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]),
        }

    def at(self, home: Path) -> "Program":
        """The same program in another home, which is made."""
        home.mkdir(parents=True, exist_ok=True)
        return Program(home, self.weakness)

    def run(
        self,
        *args: str,
        before: Sequence[str] = (),
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Result:
        """Run it to its end, whatever comes of it; `before` is put in front: strace, prlimit."""
        done = subprocess.run(
            [*before, *self.argv, *args],
            input=stdin,
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd=self.home,
            check=False,
            timeout=timeout,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode(errors="backslashreplace"))

    @property
    def data(self) -> Path:
        """The folder of the default store."""
        return self.home / ".local/share/cqrs-todo"

    def log_file(self, name: str = "inbox") -> Path:
        """A list's log."""
        return self.data / "lists" / f"{name}.jsonl"


def json_lines(content: bytes) -> Iterator[Any]:
    """The documents on the lines of a log, header first, as far as they are whole; independent of the program's own code."""
    for line in content.split(b"\n")[:-1]:
        try:
            yield msgspec.json.decode(line)
        except msgspec.DecodeError:
            return


def commits_of(content: bytes) -> list[Any]:
    """The commits in a log's bytes, decoded, as far as they are whole."""
    return list(json_lines(content))[1:]
