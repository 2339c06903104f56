"""The entry point of the command `todo`, and of `python -m cqrs_todo`."""

import os
import sys

from . import INTERRUPTED


def _unraisable(unraisable: "sys.UnraisableHookArgs", /) -> None:
    """Exit if Ctrl-C came while Python ran a destructor or a callback; Python would print the exception and continue."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(unraisable)


# Importing takes long enough for somebody to press Ctrl-C, and Python would print a traceback. So Ctrl-C ends the process at
# once until `run` can do better. This comes before all other imports; `os` and `sys` are there as soon as Python runs.
sys.unraisablehook = _unraisable
try:
    from signal import SIGINT, default_int_handler, getsignal, signal

    if getsignal(SIGINT) is default_int_handler:  # it is not where the shell lets a background job ignore Ctrl-C
        signal(SIGINT, lambda _number, _frame: os._exit(INTERRUPTED))
except KeyboardInterrupt:
    os._exit(INTERRUPTED)

import gc  # noqa: E402  # after Ctrl-C is handled

# To look for cycles among the imported modules would take longer than most verbs.
gc.set_threshold(100_000)

from .cli import run  # noqa: E402  # after the collector is set

__all__ = ["run"]

if __name__ == "__main__":
    run()
