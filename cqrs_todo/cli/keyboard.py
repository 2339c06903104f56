"""Single keys from a terminal, by their names."""

import codecs
import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HANGUP = "hangup"
"""What is read when the terminal is gone."""
SUSPEND = "\x1a"
"""Ctrl-Z, which `keys` reads as a key, so that the program can leave the screen before it stops."""

_REST_OF_KEY = 0.05
"""How long the rest of a key is waited for, in seconds."""
_COMPLETE = re.compile(r"\x1b(?:\[[0-9;?]*([@-~])|O([@-~]))")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*|O)?")
_LETTERS = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_NUMBERS = {"1": "home", "7": "home", "4": "end", "8": "end"}
_CHARACTERS = {"\n": "enter", "\r": "enter", "\x7f": "backspace", "\x08": "backspace", "\x1b": "escape"}


class Keyboard:
    """Waits for keys.

    Args:
        fd: The file descriptor of a terminal. None if there is no keyboard.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._before = None if fd is None else termios.tcgetattr(fd)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._typed = ""

    def open(self) -> None:
        """Make the terminal give each key at once and show none of them. Ctrl-C stays a signal; Ctrl-Z becomes a key."""
        if self._fd is None:
            return
        tty.setcbreak(self._fd)
        attributes = termios.tcgetattr(self._fd)
        attributes[6][termios.VSUSP] = bytes([os.fpathconf(self._fd, "PC_VDISABLE")])
        termios.tcsetattr(self._fd, termios.TCSANOW, attributes)

    def close(self) -> None:
        """Make the terminal what it was."""
        if self._fd is not None and self._before is not None:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    @property
    def exists(self) -> bool:
        """Whether there is a keyboard."""
        return self._fd is not None

    def read(self, seconds: float) -> str | None:
        """Wait for a key.

        Args:
            seconds: How long to wait.

        Returns:
            The name of the key, such as `left` or `enter`, or its character. None if nothing was typed. '' for a key that
            has no name here.
        """
        if self._fd is None:
            time.sleep(seconds)
            return None
        if not self._typed:
            self._receive(self._fd, seconds)
        while _UNFINISHED.fullmatch(self._typed) and self._receive(self._fd, _REST_OF_KEY):
            pass
        return self._next()

    def _receive(self, fd: int, seconds: float) -> bool:
        """Wait for characters. Returns whether there are new ones."""
        if not select.select([fd], [], [], seconds)[0]:
            return False
        try:
            received = os.read(fd, 1024)
        except OSError:  # how Linux reports that the terminal is gone
            received = b""
        if not received:
            self._fd, self._typed = None, HANGUP
            return False
        self._typed += self._decoder.decode(received)
        return True

    def _next(self) -> str | None:
        typed = self._typed
        if not typed:
            return None
        if typed == HANGUP and self._fd is None:
            return HANGUP
        complete = _COMPLETE.match(typed)
        if complete is not None:
            self._typed = typed[complete.end() :]
            final = complete[1] or complete[2]
            return _NUMBERS.get(complete[0][2:3], "") if final == "~" else _LETTERS.get(final, "")
        self._typed = "" if _UNFINISHED.fullmatch(typed) else typed[1:]
        return _CHARACTERS.get(typed[0], typed[0])


@contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Read single keys from stdin while the block runs, if it is a terminal. Afterwards the terminal is as it was."""
    keys = Keyboard(sys.stdin.fileno() if sys.stdin.isatty() else None)
    try:
        keys.open()
        yield keys
    finally:
        keys.close()


def suspend() -> None:
    """Stop this process and those that it is piped to, as Ctrl-Z does. It returns when they continue."""
    os.kill(0, signal.SIGTSTP)
