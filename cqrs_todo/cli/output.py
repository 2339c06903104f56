"""Lines of data on stdout, and what happens when nobody takes them any more."""

import os
import sys
from contextlib import suppress
from typing import TextIO


class OutputFailed(Exception):
    """Stdout takes no more; `cause` is the system's error."""

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
    """Stop writing to stdout; a pipe that was closed is no error, anything else is told. The exit code."""
    give_up(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    with suppress(OSError):  # nobody listens: the exit code still tells
        sys.stderr.write(f"todo: the output can't be written: {error.strerror}; what was recorded stays recorded\n")
    return 1


def give_up(stream: TextIO) -> None:
    """Whoever read the stream has seen enough; what is left in its buffer must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
