"""What every trial has in common: the program under test, the tally, and what the words in the tally mean.

A trial is a module of this package with

    NAME                                             its name
    CONTROLS: tuple[Control, ...]                    the weakened programs that it must catch, and why it must catch each
    def trial(program: Program, size: Size) -> Tally

`trial` tries the given program and counts. It does not know whether that is the real program or a weakened one. The
exceptions are `server`, `standby` and `decoder`, which each have one control that replaces the thing under test.

These words mean the same in every trial:

case
    One attempt to lose something or to break something unnoticed.
fault reached
    The injected fault happened in the program under test: strace reported the call as injected, the process ended by the
    signal, the program read the altered bytes, the server was down while a statement ran. A case whose fault never
    happened shows nothing, and is not counted here.
lost
    A commit that was reported as recorded is not there or not complete, or a commit that was reported as not recorded is
    there.
silent
    Damage that was not reported, or an end without a clear error.
refused
    The program reported clearly that it did not do what it was asked. That loses nothing, but a program that refuses
    everything would pass every trial, so refusals are counted separately.
"""

import atexit
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from tests.forks import Forks, early_variables

ROOT = Path(__file__).parents[2]


class Size(Enum):
    """How much to try: a few seconds for the suite, or all."""

    SHORT = "short"
    FULL = "full"


LOST = "lost"
SILENT = "silent"

MISSING = f"{LOST}: a commit that was reported as recorded is not there"
HALF = f"{LOST}: half a commit is there"
UNREPORTED = f"{LOST}: a commit that was reported as not recorded is there"
ALTERED = f"{LOST}: what is read is not what was recorded"
DOUBLED = f"{LOST}: a command is recorded more than once"
NOWHERE = f"{LOST}: a todo is in no list"
TWICE = f"{LOST}: a todo is in two lists"
STUCK = f"{LOST}: the next command does not work"
CRASHED = f"{SILENT}: the program ended without a clear error"
UNNOTICED = f"{SILENT}: damage that was not reported"
RAW = f"{SILENT}: hostile text was printed without escaping"
"""What can go wrong: a kind, 'lost' or 'silent', and after a colon the cause. A control names one of these."""

_EXAMPLES = 3
"""How many examples are kept of each thing that went wrong."""


@dataclass(frozen=True)
class Control:
    """A weakened program that a trial must catch, and for what.

    Args:
        weakness: a key of `weak.KINDS`.
        wrong: what the trial must find, one of the constants above. Whatever else it finds does not count: a trial that
            "catches" a program without fsync because of a traceback has not shown that it notices lost commits.
    """

    weakness: str
    wrong: str


@dataclass
class Tally:
    """What a trial counted; the words are explained at the top of this module. `lost` and `silent` must be 0."""

    cases: int = 0
    reached: int = 0
    lost: int = 0
    silent: int = 0
    refused: int = 0
    skipped: str = ""
    """Why this machine cannot run the trial; '' when it ran."""
    causes: dict[str, int] = field(default_factory=dict)
    """How often each thing went wrong, by the constants above."""
    examples: list[str] = field(default_factory=list)
    """The first cases in which each thing went wrong."""
    notes: list[str] = field(default_factory=list)
    """Other figures, and parts of the trial that were skipped."""

    def wrong(self, what: str, example: str) -> None:
        """Count one thing that went wrong, and keep the first few as examples.

        Args:
            what: one of the constants above, or 'lost' or 'silent' alone for a cause that no control needs.
            example: the case, and what was seen.
        """
        kind = what.partition(":")[0]
        if kind == LOST:
            self.lost += 1
        elif kind == SILENT:
            self.silent += 1
        else:
            raise ValueError(f"{what!r} is neither lost nor silent")
        self.causes[what] = self.causes.get(what, 0) + 1
        if self.causes[what] <= _EXAMPLES:
            self.examples.append(f"{what}: {example}")

    def add(self, part: "Tally") -> None:
        """Add what another tally counted."""
        self.cases += part.cases
        self.reached += part.reached
        self.lost += part.lost
        self.silent += part.silent
        self.refused += part.refused
        for what, count in part.causes.items():
            if self.causes.get(what, 0) < _EXAMPLES:
                self.examples += [example for example in part.examples if example.startswith(what)]
            self.causes[what] = self.causes.get(what, 0) + count
        self.notes += [note for note in part.notes if note not in self.notes]

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not self.lost and not self.silent

    @property
    def passed(self) -> bool:
        """Whether the trial ran, reached its fault at least once, and found nothing wrong."""
        return self.clean and self.reached > 0

    def catches(self, control: Control) -> bool:
        """Whether a control was caught for the reason that it names, after the trial ran as it should."""
        return self.reached > 0 and control.wrong in self.causes

    def __str__(self) -> str:
        if self.skipped:
            return f"SKIPPED: {self.skipped}"
        counts = [f"{self.cases:,} cases", f"{self.reached:,} faults reached", f"{self.lost:,} lost"]
        counts += [f"{self.silent:,} silent", f"{self.refused:,} refused"]
        return "; ".join([", ".join(counts), *self.notes])


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
        """Run the program to its end, whatever comes of it. A run that is only watched is forked, which takes less time.

        Args:
            args: the arguments of `todo`.
            before: a command to put in front, such as strace or prlimit.
            stdin: what the program reads.
            env: variables to set on top of `env`.
            timeout: the seconds after which a run that does not end is an error of the trial.
        """
        whole = {**self.env, **(env or {})}
        if not before and not self.weakness and early_variables(whole) == early_variables(self.env):
            return _forked(args, whole, self.home, stdin, timeout)
        return ended(self.start(*args, before=before, env=env), stdin, timeout)

    def start(
        self, *args: str, before: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start the program, as `run` does, and leave it running; `ended` waits for it."""
        return subprocess.Popen(
            [*before, *self.argv, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.env, **(env or {})},
            cwd=self.home,
        )

    @property
    def data(self) -> Path:
        """The folder of the default store."""
        return self.home / ".local/share/cqrs-todo"

    def log_file(self, name: str = "inbox") -> Path:
        """A list's log."""
        return self.data / "lists" / f"{name}.jsonl"


_idle: list[Forks] = []
"""The parents of forked runs that have none now. Several threads take them."""


def _forked(args: Sequence[str], env: Mapping[str, str], home: Path, stdin: bytes, timeout: float) -> Result:
    """How a run ended that was forked."""
    try:
        parent = _idle.pop()
    except IndexError:
        parent = Forks(Program(ROOT).env)
        atexit.register(parent.close)
    try:
        done = parent.run(args, env, home, stdin, timeout)
    finally:
        _idle.append(parent)
    return Result(done.returncode, done.stdout, done.stderr.decode(errors="backslashreplace"))


def ended(process: "subprocess.Popen[bytes]", stdin: bytes = b"", timeout: float = 60) -> Result:
    """How a process ended that `Program.start` started; kills it and raises `TimeoutExpired` when it does not end."""
    try:
        out, err = process.communicate(stdin, timeout)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Result(process.returncode, out, err.decode(errors="backslashreplace"))


def json_lines(content: bytes) -> Iterator[Any]:
    """The documents on the lines of a log, header first, up to the first incomplete one; without the program's own code."""
    for line in content.split(b"\n")[:-1]:
        try:
            yield msgspec.json.decode(line)
        except msgspec.DecodeError:
            return


def commits_of(content: bytes) -> list[Any]:
    """Decode the commits in the bytes of a log, up to the first incomplete one."""
    return list(json_lines(content))[1:]
