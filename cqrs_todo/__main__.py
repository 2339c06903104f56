"""The entry point of the command `todo`, and of `python -m cqrs_todo`."""

import gc
import os

# Importing takes long enough for somebody to press Ctrl-C, and Python would print a traceback. So Ctrl-C ends the process at
# once, with exit code 130, until `run` can do better.
try:
    from signal import SIGINT, default_int_handler, getsignal, signal

    if getsignal(SIGINT) is default_int_handler:  # it is not where the shell lets a background job ignore Ctrl-C
        signal(SIGINT, lambda _number, _frame: os._exit(130))
except KeyboardInterrupt:
    os._exit(130)

# To look for cycles among the imported modules would take longer than most verbs.
gc.set_threshold(100_000)

from .cli import run  # noqa: E402  # after Ctrl-C and the collector are set

__all__ = ["run"]

if __name__ == "__main__":
    run()
