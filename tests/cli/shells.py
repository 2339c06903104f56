"""A real shell in a pseudo-terminal, in which keys are pressed."""

import os
import pty
import re
import select
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SET_UP = {
    "bash": 'PS1="ready> "; bind "set bell-style none"; bind "set completion-query-items 0"',
    "zsh": 'PS1="ready> "; autoload -Uz compinit; compinit -u -d "$HOME/.zcompdump"; unsetopt beep; LISTMAX=10000',
    "fish": 'function fish_prompt; echo -n "ready> "; end; function fish_title; end; set -g fish_autosuggestion_enabled 0',
}
LOAD = {
    "bash": 'eval "$(todo completion bash)"',
    "zsh": 'eval "$(todo completion zsh)"',
    "fish": "todo completion fish | source",
}
_ESCAPES = re.compile(
    r"\x1b\[[0-9;?<>=!]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78cMDEH]"
    r"|[\x00-\x09\x0b\x0c\x0e-\x1f]"
)


class Shell:
    """A shell in which the completion of `todo` is loaded."""

    def __init__(self, name: str, env: Mapping[str, str], cwd: Path) -> None:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        self.name = name
        self._seen = ""
        child, self._terminal = pty.fork()
        if child == 0:
            os.chdir(cwd)
            os.execvpe(name, START[name], {**env, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"})
        self._child = child
        self.run(SET_UP[name])
        self.run(LOAD[name])

    def _read_until(self, pattern: str, timeout: float = 30) -> str:
        end = time.monotonic() + timeout
        while not re.search(pattern, self._seen):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._terminal], [], [], left)[0]:
                raise AssertionError(f"{pattern!r} did not appear in {self._seen[-2000:]!r}")
            read = os.read(self._terminal, 65536).decode("utf-8", "replace")
            if "\x1b[c" in read or "\x1b[0c" in read:  # fish asks what the terminal is
                os.write(self._terminal, b"\x1b[?62;c")
            if "\x1b[6n" in read:
                os.write(self._terminal, b"\x1b[1;1R")
            self._seen += _ESCAPES.sub("", read)
        found, self._seen = self._seen, ""
        return found

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def run(self, command: str) -> str:
        """Run a command, and return what was printed until the next prompt."""
        self.press(f"{command}; echo en''d\r")
        return self._read_until(r"\n?end\r?\n(?s:.*)ready> ")

    def completed(self, line: str) -> list[str]:
        """Return the words of a command line after Tab was pressed at its end.

        The shell takes each key when it has done what the last one asks for, so all can be pressed at once.

        Args:
            line: The line.
        """
        # to the beginning of the line, where `printf` is written before it
        begin = "\x01printf '@@%s@@' begin \x05; echo '@@en''d@@'\r"
        self.press(f"{line}\t{begin}")
        printed = self._read_until(r"@@end@@\r?\n(?s:.*)ready> ")
        return re.findall("@@(.*?)@@", printed.rpartition("@@begin@@")[2])[:-1]

    def close(self) -> None:
        """End the shell."""
        with suppress(OSError):
            os.close(self._terminal)
        os.waitpid(self._child, 0)
