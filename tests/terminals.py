"""Runs of the program on a terminal."""

import codecs
import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from typing import IO

from tests.conftest import Todo

COLUMNS, LINES = 80, 24

_PATIENCE = 60
"""How many seconds the program may be silent."""


class Terminal:
    """A run of the program on a terminal of its own.

    Args:
        todo: the program and its home.
        args: its arguments.
        redirected: a file for each of `stdin`, `stdout` and `stderr` that is not the terminal, as for `subprocess.Popen`.
        env: variables to set; None removes one.
    """

    def __init__(
        self,
        todo: Todo,
        *args: str,
        redirected: Mapping[str, int | IO[bytes]] | None = None,
        **env: str | None,
    ) -> None:
        self._main, side = pty.openpty()
        termios.tcsetwinsize(side, (LINES, COLUMNS))
        ours = {"TERM": "xterm-256color", "PYTHONPATH": os.getcwd(), "LESSHISTFILE": "-"}
        given: dict[str, str | None] = {**todo.env, **ours, **env}
        files = {"stdin": side, "stdout": side, "stderr": side, **(redirected or {})}

        def own() -> None:
            os.setsid()
            fcntl.ioctl(side, termios.TIOCSCTTY, 0)

        self.run = subprocess.Popen(
            [sys.executable, "-m", "cqrs_todo", *args],
            stdin=files["stdin"],
            stdout=files["stdout"],
            stderr=files["stderr"],
            env={name: value for name, value in given.items() if value is not None},
            cwd=todo.home,
            preexec_fn=own,
        )
        os.close(side)
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def type(self, keys: str) -> None:
        """Type at the program."""
        os.write(self._main, keys.encode())

    def wait_for(self, words: str) -> None:
        """Read until the terminal has shown some words."""
        while words not in self.shown:
            assert self._read(), f"it ended without {words!r}: {self.shown!r}"

    def end(self, keys: str = "") -> int:
        """Read all that comes, and return the exit code. Whenever the program waits, type some keys.

        A terminal may hand over a text in several parts, so one read is not enough.
        """
        while self._read(keys):
            pass
        os.close(self._main)
        assert "Traceback" not in self.shown
        return self.run.wait(_PATIENCE)

    def _read(self, keys: str = "") -> bool:
        deadline = time.monotonic() + _PATIENCE
        while not select.select([self._main], [], [], 0.5)[0]:
            assert time.monotonic() < deadline, f"it is silent after {self.shown!r}"
            if keys:
                self.type(keys)
        try:
            part = os.read(self._main, 65536)
        except OSError:  # how Linux tells that the program closed its side
            return False
        self.shown += self._decoder.decode(part)
        return bool(part)


def on_terminal(
    todo: Todo,
    *args: str,
    code: int = 0,
    redirected: Mapping[str, int | IO[bytes]] | None = None,
    **env: str | None,
) -> str:
    """Run the program, hold how it ends, and return what it prints on a terminal, with LF for CRLF."""
    terminal = Terminal(todo, *args, redirected=redirected, **env)
    assert terminal.end() == code, terminal.shown
    return terminal.shown.replace("\r\n", "\n")
