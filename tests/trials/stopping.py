"""`todo ARGS` in a process that stops while it sets reactions back: `python stopping.py WEAKNESS N ARGS…`.

It stops before the n-th call to the system after it has begun to set a reaction back. With 0 it does not stop. It waits for
no lock. The trial `reactors` runs this file by its path, because the package of the trials takes long to import.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from cqrs_todo.cli import main
from cqrs_todo.cqrs.stores.jsonl import files
from cqrs_todo.cqrs.stores.jsonl.checkpoints import FileCheckpoints

CALLS = ("fsync", "replace", "rename", "ftruncate", "pwrite", "unlink")
"""The calls before which it stops: those that change something, or make it durable."""


def _stop_before(nth: int) -> None:
    """Let this process be stopped before the n-th call after it has begun to set a reaction back."""
    begun: list[int] = []

    def stopping(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            if begun:
                begun[0] += 1
                if begun[0] == nth:
                    os.kill(os.getpid(), signal.SIGSTOP)
            return call(*args, **options)

        return counted

    whole = FileCheckpoints.set_back

    def set_back(*args: Any, **options: Any) -> None:
        begun[:] = begun or [0]
        whole(*args, **options)

    FileCheckpoints.set_back = set_back  # type: ignore[method-assign]  # as in the docstring
    for name in CALLS:
        setattr(os, name, stopping(getattr(os, name)))


if __name__ == "__main__":
    weakness, number = sys.argv[1:3]
    if weakness:
        from tests.trials.weak import weaken

        weaken(weakness)
    files.LOCK_SECONDS = 0.0
    _stop_before(int(number))
    sys.exit(main(sys.argv[3:]))
