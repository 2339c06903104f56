"""Runs of the program that share the start of one interpreter: a parent that has imported the modules forks each run.

Starting Python and importing modules is five sixths of the time of a run, and the same each time: test_forks.py holds that
our modules hold the same whatever the environment. All the rest of a run is as in `python -m cqrs_todo`: a process of its
own with pipes as its streams, in its own environment and folder, that ends by its own exit code or signal. Which modules a
run imports, and in which order, only tests with interpreters of their own can show.
"""

import gc
import json
import os
import pkgutil
import select
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from runpy import _run_module_as_main  # type: ignore[attr-defined]  # what `python -m` itself calls
from signal import SIGKILL
from typing import NoReturn

import cqrs_todo

ROOT = Path(__file__).parents[1]
_PART = 2**16
OUR_VARIABLES = ("HOME", "USER", "PATH", "TMPDIR", "TZ", "EDITOR", "VISUAL", "TODO_", "XDG_", "PG")
"""How the variables begin that nobody reads before the program runs. Others may matter when Python starts."""
MODULES = ("msgspec", "psycopg", "psycopg2", "rich.console", "rich.markdown", "rich.table", "typer", "typing_extensions")
"""Packages of others that many runs import; whatever they need of the standard library comes with them."""
NEVER = ("cqrs_todo.__main__", "cqrs_todo.cqrs.testing", "cqrs_todo.web")
"""Which of our modules no forked run needs, with those below them: the first runs when it is imported."""


class Forks:
    """The parent of the runs, with an environment that decides how its interpreter starts."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._start = early_variables(env)
        self._socket, other = socket.socketpair()
        with other:
            # pipes, so that Python makes the streams that it makes for a run whose output is captured
            self._parent = subprocess.Popen(
                [sys.executable, "-c", f"from tests.forks import serve; serve({other.fileno()})"],
                cwd=ROOT,
                env=dict(env),
                pass_fds=[other.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def can(self, env: Mapping[str, str]) -> bool:
        """Whether a run would be the same as one with an interpreter of its own."""
        return early_variables(env) == self._start

    def run(
        self, args: Sequence[str], env: Mapping[str, str], cwd: Path, stdin: bytes, timeout: float
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run the program to its end, as `subprocess.run` does."""
        end = time.monotonic() + timeout
        asked = json.dumps([list(args), dict(env), str(cwd)]).encode("utf-8", "surrogateescape")
        (read_in, write_in), (read_out, write_out), (read_err, write_err) = os.pipe(), os.pipe(), os.pipe()
        sent = [read_in, write_out, write_err]
        socket.send_fds(self._socket, [len(asked).to_bytes(4, "little")], sent)
        for file in sent:
            os.close(file)
        self._socket.sendall(asked)
        self._socket.settimeout(timeout)
        process = self._number()
        try:
            printed = _exchange(write_in, stdin, [read_out, read_err], end)
            self._socket.settimeout(max(end - time.monotonic(), 0.1))
            code = self._number()
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has ended, and what it started has not
                os.kill(process, SIGKILL)
            self._socket.settimeout(None)
            self._number()
            raise subprocess.TimeoutExpired([*args], timeout) from None
        return subprocess.CompletedProcess([*args], code, *printed)

    def _number(self) -> int:
        return int.from_bytes(_exactly(self._socket, 4), "little", signed=True)

    def close(self) -> None:
        """End the parent."""
        self._socket.close()
        self._parent.communicate(timeout=10)


def early_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that may matter when Python starts."""
    return {name: value for name, value in env.items() if not name.startswith(OUR_VARIABLES)}


def _exchange(write: int, stdin: bytes, read: Sequence[int], end: float) -> list[bytes]:
    """Write all to one pipe, read all from others, and close them; raise `TimeoutError` at the end of the time."""
    os.set_blocking(write, False)
    waiting = select.poll()
    waiting.register(write, select.POLLOUT)
    for file in read:
        waiting.register(file, select.POLLIN)
    unwritten = memoryview(stdin)
    printed = dict.fromkeys(read, b"")
    left = {write, *read}
    try:
        while left:
            ready = waiting.poll(max(end - time.monotonic(), 0) * 1000)
            if not ready:
                raise TimeoutError
            for file, _ in ready:
                if file == write:
                    try:
                        unwritten = unwritten[os.write(write, unwritten) :]
                    except BrokenPipeError:  # nobody reads the rest
                        unwritten = unwritten[:0]
                    over = not unwritten
                else:
                    part = os.read(file, _PART)
                    printed[file] += part
                    over = not part
                if over:
                    waiting.unregister(file)
                    os.close(file)
                    left.remove(file)
    finally:
        for file in left:
            os.close(file)
    return list(printed.values())


def _exactly(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        part = connection.recv(count - len(read))
        if not part:
            raise EOFError("the other process has ended")
        read += part
    return read


# in the parent of the runs


def serve(number: int) -> NoReturn:
    """Fork a run for each request, until nobody can ask any more."""
    for module in (*MODULES, *our_modules()):
        with suppress(ImportError):  # an extra that is not installed
            import_module(module)
    gc.collect()
    gc.freeze()
    with suppress(KeyboardInterrupt), socket.socket(fileno=number) as requests:
        while True:
            size, files, _, _ = socket.recv_fds(requests, 4, 3)
            if not size:
                break
            args, env, cwd = json.loads(_exactly(requests, int.from_bytes(size, "little")))
            process = os.fork()
            if process == 0:
                requests.close()
                _run(files, args, env, cwd)
            for file in files:
                os.close(file)
            requests.sendall(process.to_bytes(4, "little", signed=True))
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            requests.sendall(code.to_bytes(4, "little", signed=True))
    os._exit(0)


def our_modules() -> list[str]:
    """The names of our modules that runs may import."""
    names = [module.name for module in pkgutil.walk_packages(cqrs_todo.__path__, "cqrs_todo.")]
    return [name for name in names if not any(f"{name}.".startswith(f"{other}.") for other in NEVER)]


def _run(files: list[int], args: list[str], env: dict[str, str], cwd: str) -> NoReturn:
    for stream, file in enumerate(files):
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.path[0] = os.getcwd()
    sys.argv = ["-m", *args]
    sys.orig_argv = [sys.executable, "-m", "cqrs_todo", *args]
    try:
        _run_module_as_main("cqrs_todo")
    except BaseException:
        traceback.print_exc()
    os._exit(1)
