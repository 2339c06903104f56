"""`todo react` in a process that is killed within a phase of its work: `python dying.py WEAKNESS PHASE N`.

A phase is a method of the checkpoints. The process is killed before the n-th call to the system within one use of it,
and does not pause between tries. The trial `reactors` runs this file by its path, because the package of the trials takes
long to import.
"""

import fcntl
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from cqrs_todo.cli import main
from cqrs_todo.cqrs.reactions import Runner
from cqrs_todo.cqrs.stores.jsonl.checkpoints import FileCheckpoints

CALLS = ("open", "close", "write", "fsync", "ftruncate", "rename", "replace", "unlink", "fchmod", "pread")
"""The calls before which it is killed, besides `flock`."""


def _die_within(phase: str, nth: int) -> None:
    """Let this process be killed before the n-th call within a method of the checkpoints, and leave out pauses."""
    within: list[int] = []

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            if within:
                within[0] += 1
                if within[0] == nth:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        return counted

    method = getattr(FileCheckpoints, phase)

    def watched(*args: Any, **options: Any) -> Any:
        within.append(0)
        try:
            return method(*args, **options)
        finally:
            within.clear()

    setattr(FileCheckpoints, phase, watched)
    for name in CALLS:
        setattr(os, name, dying(getattr(os, name)))
    fcntl.flock = dying(fcntl.flock)
    Runner._sleep = lambda *_: None  # type: ignore[method-assign]  # as in the docstring


if __name__ == "__main__":
    weakness, wanted, number = sys.argv[1:]
    if weakness:
        from tests.trials.weak import weaken

        weaken(weakness)
    _die_within(wanted, int(number))
    sys.exit(main(["react"]))
