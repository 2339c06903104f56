"""The entry point of the command `todo`, and of `python -m cqrs_todo`."""

# Ctrl-C ends the process at once, with exit code 130, until `run` can do better. This comes before all other imports, which
# take time, and during which Python would print a traceback.
import os

# Not `signal`, which wraps each number in an enum: that is a sixtieth of a whole command.
from _signal import SIGINT, default_int_handler, getsignal, signal  # type: ignore[import-not-found]  # typeshed leaves out private modules

if getsignal(SIGINT) is default_int_handler:  # it is not where the shell lets a background job ignore Ctrl-C
    signal(SIGINT, lambda _number, _frame: os._exit(130))

from .cli import run  # after the handler is there

__all__ = ["run"]

if __name__ == "__main__":
    run()
