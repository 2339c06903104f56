"""Printing: data on stdout, messages for people on stderr, and what happens when stdout cannot be written."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from .text import visible

if TYPE_CHECKING:
    from .session import Session


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


def print_message(session: "Session", message: str) -> None:
    """Print a message for people on stderr, unless they asked for quiet. Use it for everything that is not data."""
    if not session.options.quiet:
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
