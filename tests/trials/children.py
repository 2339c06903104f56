"""Trials that do their work in a child process: thousands of cases in one interpreter, which can be weakened permanently.

`python -m tests.trials.children MODULE WEAKNESS SIZE HOME` weakens the program, runs `MODULE.body(home, size)`, and writes
the tally as JSON.
"""

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

import msgspec

from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.recorder import TYPES
from cqrs_todo.todo.service import TodoList

from .harness import Program, Size, Tally
from .weak import weaken

SEED = 20261122
"""The seed of every random choice in the trials, so two runs try the same cases."""
Span: TypeAlias = tuple[float, float]
"""When something began and ended, in seconds of the monotonic clock, which all processes share."""


def in_child(module: str, program: Program, size: Size) -> Tally:
    """Run `body` of a module of this package in a new interpreter with the weakness of the program, and return its tally."""
    with start(program, "tests.trials.children", module, program.weakness, size.value, str(program.home)) as child:
        out, err = child.communicate()
    if child.returncode:
        raise RuntimeError(f"the child that tries {module} ended with {child.returncode}: {err.decode()[-2000:]}")
    return msgspec.json.decode(out, type=Tally)


def start(program: Program, module: str, *args: str, before: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """Start a module with the interpreter and the environment of the program; the command `before` runs it."""
    return subprocess.Popen(
        [*before, program.argv[0], "-m", module, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=program.env,
        cwd=program.home,
    )


def overlapping(writers: Sequence[Sequence[Span]]) -> int:
    """Count the spans that overlap with a span of another writer."""
    spans = sorted((*span, writer) for writer, each in enumerate(writers) for span in each)
    met: set[int] = set()
    for place, (_, end, writer) in enumerate(spans):
        for later in range(place + 1, len(spans)):
            if spans[later][0] >= end:
                break
            if spans[later][2] != writer:
                met |= {place, later}
    return len(met)


def send_result(document: object) -> None:
    """Send a result to the parent process."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")


def store_in(folder: Path) -> Store:
    """Open the store of lists in a folder."""
    return open_store(f"jsonl:{folder}", TYPES)


def a_list(folder: Path, name: str = "inbox") -> TodoList:
    """Open a list of the store in a folder, as the program does."""
    return TodoList(store_in(folder), name, "me@trial", default=name == "inbox")


if __name__ == "__main__":
    _, name, weakness, size, home = sys.argv
    if weakness:
        weaken(weakness)
    send_result(import_module(f"tests.trials.{name}").body(Path(home), Size(size)))
