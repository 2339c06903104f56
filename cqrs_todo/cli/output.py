"""Printing data on stdout, and what happens when it cannot be written."""

import os
import sys
from contextlib import suppress
from typing import TextIO


class OutputFailed(Exception):
    """Stdout cannot be written to; `cause` is the system's error."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror)
        self.cause = cause


def out(line: str) -> None:
    """Print one line of data; raises `OutputFailed`."""
    try:
        sys.stdout.write(line + "\n")
    except OSError as error:
        raise OutputFailed(error) from error


def output_failed(error: OSError) -> int:
    """Stop writing to stdout, and return the exit code. A pipe that its reader closed is not an error."""
    give_up(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    with suppress(OSError):  # nobody reads it; the exit code still tells
        sys.stderr.write(f"todo: the output can't be written: {error.strerror}; what was recorded stays recorded\n")
    return 1


def give_up(stream: TextIO) -> None:
    """Send the rest of a stream to nowhere, so that Python does not try to write its buffer again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
