"""The measuring itself: counted instructions, commands taken in turns, peak memory, programs on a terminal.

Wall times drift on shared machines, by a factor of two and within minutes. So start-up is counted in instructions, and
everything else is a ratio of commands timed in turn, A B C A B C, of which the medians are taken.
"""

import errno
import fcntl
import os
import pty
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

Command = Sequence[str]
Env = Mapping[str, str]

_ROWS, _COLUMNS = 40, 100


class Failed(Exception):
    """A command did not do what was to be measured; the message says which, and what it said."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """A small environment, nothing of which comes from whoever runs the benchmark but PATH."""
    return {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "USER": "bench",
        "TERM": "dumb",
        **more,
    }


def run(command: Command, env: Env, *, stdin: Path | None = None, stdout: Path | None = None) -> float:
    """Seconds of wall time that a command takes, its output thrown away unless it goes to a file; raises `Failed`."""
    with open(stdin or os.devnull, "rb") as given, open(stdout or os.devnull, "wb") as taken:
        start = time.perf_counter()
        try:
            ended = subprocess.run(command, env=env, stdin=given, stdout=taken, stderr=subprocess.PIPE)
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from error
        seconds = time.perf_counter() - start
    _check(command, ended.returncode, ended.stderr)
    return seconds


def output(command: Command, env: Env | None = None) -> str:
    """What a command prints; raises `Failed`."""
    try:
        ended = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from error
    _check(command, ended.returncode, ended.stderr)
    return ended.stdout.decode(errors="replace")


def _check(command: Command, code: int, said: bytes) -> None:
    if code:
        words = said.decode(errors="replace").strip().splitlines()
        name = " ".join(Path(word).name if word.startswith("/") else word for word in command)
        message = words[-1 if words[0].startswith("Traceback") else 0] if words else "no message"
        raise Failed(f"{name[:100]}: exit code {code}: {message}")


def on_terminal(command: Command, env: Env) -> None:
    """Run a command on a terminal with colours; raises `Failed`."""
    leader, follower = pty.openpty()
    try:
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        process = subprocess.Popen(
            command, env={**env, "TERM": "xterm-256color"}, stdin=follower, stdout=follower, stderr=follower
        )
        os.close(follower)
        said = b""
        while block := _read(leader):
            said += block
        _check(command, process.wait(), said)
    finally:
        os.close(leader)


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 1 << 16)
    except OSError as error:
        if error.errno == errno.EIO:  # how Linux says that nobody has the other end any more
            return b""
        raise


def can_count() -> bool:
    """Whether instructions can be counted on this machine."""
    return shutil.which("valgrind") is not None


def instructions(command: Command, env: Env, *, terminal: bool = False) -> int:
    """How many instructions a program takes, the same from run to run within 0.1 %; raises `Failed`.

    The program is to be an interpreter itself: what it starts is not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        # cachegrind's own summary alone: no simulated caches, no file by function
        tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", f"--log-file={log}"]
        if terminal:
            on_terminal([*tool, *command], env)
        else:
            run([*tool, *command], env)
        found = re.search(r"I\s+refs:\s+([\d,]+)", log.read_text())
    if found is None:
        raise Failed(f"{' '.join(command)}: valgrind counted nothing")
    return int(found[1].replace(",", ""))


def turns(measures: Mapping[str, Callable[[], float]], rounds: int, budget: float) -> dict[str, float]:
    """The median of each measure, taken in turns: as many rounds as asked for, or as fit in `budget` seconds; at least one.

    So what the machine does meanwhile falls on all of them alike.
    """
    taken: dict[str, list[float]] = {name: [] for name in measures}
    start = time.monotonic()
    for done in range(1, rounds + 1):
        for name, measure in measures.items():
            taken[name].append(measure())
        if (time.monotonic() - start) * (done + 1) / done > budget:
            break
    return {name: statistics.median(values) for name, values in taken.items()}


# Linux counts the memory of whoever started a program as the program's own, up to the moment it began: so whoever starts
# it is to be smaller than anything that is measured. An interpreter without `site` is.
_LAUNCHER = """
import os, sys
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_memory(command: Command, env: Env) -> float:
    """The most memory, in MiB, that a program held resident; raises `Failed`."""
    kib = output([sys.executable, "-I", "-S", "-c", _LAUNCHER, *command], env)
    return int(kib) / 1024


# The package that is measured is the one installed, never the checkout's: so the checkout comes last on the path.
_INSIDE = "import sys, runpy; sys.path.append({root!r}); runpy.run_module({module!r}, run_name='__main__')"


def inside(python: Path, module: str, *args: str) -> str:
    """What a module of `benchmarks.inside` prints, run by the interpreter of another environment; raises `Failed`."""
    return output(*_inside(python, module, *args))


def inside_together(python: Path, module: str, *each: Sequence[str]) -> list[str]:
    """What a module of `benchmarks.inside` prints in several processes, one for each list of arguments.

    Each process prints the line `ready` when it has prepared itself, and begins when it gets a line; raises `Failed`.
    """
    with ExitStack() as stack:
        started = [stack.enter_context(_started(*_inside(python, module, *args))) for args in each]
        for writer in started:
            writer.wait_until_ready()
        for writer in started:
            writer.begin()
        return [writer.output() for writer in started]


class _Started:
    def __init__(self, command: Command, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process has no pipes")
        self._command = command
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._errors = errors

    def wait_until_ready(self) -> None:
        if self._stdout.readline() != b"ready\n":
            self.output()
            raise Failed(f"{Path(self._command[0]).name}: it ended before it was ready")

    def begin(self) -> None:
        self._stdin.write(b"begin\n")
        self._stdin.flush()

    def output(self) -> str:
        printed = self._stdout.read().decode(errors="replace")
        code = self._process.wait()
        self._errors.seek(0)
        _check(self._command, code, self._errors.read())
        return printed


@contextmanager
def _started(command: Command, env: Env) -> Iterator[_Started]:
    """Start a process, which is ended with the block if it still runs."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        with process:
            try:
                yield _Started(command, process, errors)
            finally:
                if process.poll() is None:
                    process.kill()


def _inside(python: Path, module: str, *args: str) -> tuple[Command, Env]:
    root = str(Path(__file__).resolve().parent.parent)
    code = _INSIDE.format(root=root, module=f"{__package__}.inside.{module}")
    return [str(python), "-P", "-c", code, *args], environment(Path(tempfile.gettempdir()), PYTHONDONTWRITEBYTECODE="1")
