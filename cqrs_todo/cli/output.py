"""Printing: data on stdout, messages and progress on stderr, and what happens when stdout cannot be written."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from .text import visible

if TYPE_CHECKING:
    from .session import Session


_PATIENCE = 0.5
"""How long work takes before the line appears, in seconds."""
_PAUSE = 0.1
"""The shortest time between two updates of the line, in seconds."""


class OutputFailed(Exception):
    """Stdout cannot be written to; `cause` is the system's error."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror)
        self.cause = cause


def print_line(line: str) -> None:
    """Print one line of data, or several lines, on stdout.

    Raises:
        OutputFailed: Stdout cannot be written to.
    """
    try:
        sys.stdout.write(line + "\n")
    except OSError as error:
        raise OutputFailed(error) from error


def print_row(*values: object) -> None:
    """Print values for programs, separated by tabs, with nothing that could control a terminal. None is empty."""
    print_line("\t".join("" if value is None else visible(str(value)) for value in values))


def print_message(session: Session, message: str) -> None:
    """Print a message for people on stderr, unless they asked for quiet. Use it for everything that is not data."""
    if not session.options.quiet:
        print_warning(message)


def print_nothing(session: Session, message: str) -> None:
    """Say that there is nothing to show. If something could not be read, say nothing: nobody knows what that holds."""
    if session.has_read_everything:
        print_message(session, message)


def print_warning(message: str) -> None:
    """Print a message on stderr even if people asked for quiet. Use it for what somebody has to look at."""
    with suppress(OSError):  # nobody reads it; the exit code still tells
        sys.stderr.write(message + "\n")


def output_failed(error: OSError) -> int:
    """Stop writing to stdout, and return the exit code. A pipe that its reader closed is not an error."""
    give_up(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    with suppress(OSError):  # nobody reads it; the exit code still tells
        sys.stderr.write(f"todo: the output cannot be written: {error.strerror}; what was recorded stays recorded\n")
    return 1


def give_up(stream: TextIO) -> None:
    """Send the rest of a stream to nowhere, so that Python does not try to write its buffer again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class ProgressLine:
    """A line on stderr that shows how much of the work is done, and is wiped at the end.

    It appears if the work takes longer than half a second and stderr is a terminal.

    Call it with the amount that is done and the whole amount.

    Args:
        quiet: Whether to show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn = ""
        self.begin("reading")

    def begin(self, what: str) -> None:
        """Begin another piece of work, described by a word such as "verifying"."""
        self.wipe()
        self._what = what
        self._began = self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` is done, if the work already takes long."""
        now = time.monotonic()
        if done >= total:
            self.wipe()
        elif not (self._quiet or now - self._began < _PATIENCE or now - self._shown < _PAUSE) and sys.stderr.isatty():
            self._shown = now
            self._drawn = f"{self._what} {done / total:4.0%}"
            sys.stderr.write(f"\r{self._drawn}")
            sys.stderr.flush()

    def wipe(self) -> None:
        """Remove the line from the terminal."""
        if self._drawn:
            from rich.cells import cell_len  # seldom needed, and then there is time

            sys.stderr.write(f"\r{' ' * cell_len(self._drawn)}\r")
            sys.stderr.flush()
            self._drawn = ""
