"""Atheris on the decoder of lines: `python -m tests.trials.fuzz WEAKNESS COUNTS OPTIONS… CORPUS`, with libFuzzer's options.

The process counts its runs in the file COUNTS as they happen, so the parent knows the number even if the process is killed.
The exit code is 0 if all runs were made, and not 0 if Atheris found something.
"""

import random
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from mmap import mmap
from pathlib import Path
from types import FunctionType, ModuleType

from cqrs_todo.cqrs import events
from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.stores import format as line_format
from cqrs_todo.cqrs.stores import hash_chain
from cqrs_todo.todo import model
from cqrs_todo.todo.recorder import TYPES

from .harness import ROOT, SILENT, Program, Tally
from .weak import weaken

FOUND = f"{SILENT}: Atheris found input on which the decoder raises something other than its own errors"
PLANTED = f"{SILENT}: Atheris found the planted bug"
MODULE = "tests.trials.fuzz"
GOLDEN = ROOT / "tests/data/golden"

_COUNTS = struct.Struct("qq")
"""The number of runs, and how many of them the decoder refused."""
_LONGEST = 2048
_TRACEBACK = re.compile(r" === Uncaught Python exception: ===\n(.*?)\nINFO: ", re.DOTALL)


class PlantedBug(Exception):  # it stands for a bug, so its name does not end in Error
    """The decoder of the control raises this, and the fuzzer must find it."""


def missing() -> str:
    """Return why Atheris cannot run on this machine, or '' if it can."""
    return "" if find_spec("atheris") else "Atheris is not installed: pip install atheris (CPython 3.11 to 3.13)"


def fuzzed(program: Program, runs: int, seed: int) -> Tally:
    """Let Atheris make this number of runs in a separate process.

    Raises:
        RuntimeError: The process ended before its first run, or made too few runs and found nothing.
    """
    corpus, counts = program.home / "corpus", program.home / "counts"
    corpus.mkdir()
    counts.write_bytes(bytes(_COUNTS.size))
    for path in GOLDEN.iterdir():
        (corpus / path.name).write_bytes(path.read_bytes().splitlines()[-1])
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={_LONGEST}", f"-artifact_prefix={program.home}/found-"]
    command = [program.argv[0], "-m", MODULE, program.weakness, str(counts), *options, str(corpus)]
    done = subprocess.run(command, env=program.env, cwd=program.home, capture_output=True, check=False)
    output = (done.stdout + done.stderr).decode(errors="backslashreplace")
    made, refused = _COUNTS.unpack(counts.read_bytes())
    artefacts = list(program.home.glob("found-*"))
    # libFuzzer runs each file of the corpus first, and can make more runs than the number before it checks it
    if not artefacts and (done.returncode or made < runs):
        raise RuntimeError(f"Atheris ended with {done.returncode} after {made:,} of {runs:,} runs: {output[-2000:]}")
    tally = Tally(cases=made, reached=made, refused=refused, notes=[f"{made:,} runs by Atheris"])
    for artefact in artefacts:
        match = _TRACEBACK.search(output)
        what = PLANTED if match and match[1].startswith(PlantedBug.__name__) else FOUND
        tally.wrong(
            what, f"after {made:,} runs, on {artefact.read_bytes()!r:.200}: {(match[1] if match else output)[-500:]}"
        )
    return tally


def _plant(document: bytes) -> None:
    """Raise the planted bug on two adjacent bytes that no line of the corpus has and that a fuzzer soon makes."""
    if b"7]" not in document:
        return
    raise PlantedBug


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions and methods that a module defines: the code that the fuzzer instruments."""
    for value in vars(module).values():
        members = list(vars(value).values()) if isinstance(value, type) else [value]
        yield from (each for each in members if isinstance(each, FunctionType) and each.__module__ == module.__name__)


def _fuzz(weakness: str, counts: Path, options: list[str]) -> None:
    atheris = import_module("atheris")
    from .decoder import with_digest  # which imports this module

    if weakness:
        weaken(weakness)
    for function in [_plant, *_functions(events), *_functions(line_format), *_functions(model), *_functions(hash_chain)]:
        atheris.instrument_func(function)
    planted = weakness == "planted-bug"
    codec = line_format.Codec(TYPES)
    header_digest = b"0" * 64
    with counts.open("r+b") as file:
        shared = mmap(file.fileno(), _COUNTS.size)

    def one(document: bytes) -> None:
        line = with_digest(header_digest, document)
        made, refused = _COUNTS.unpack_from(shared)
        _COUNTS.pack_into(shared, 0, made + 1, refused)
        if planted:
            _plant(document)
        try:
            codec.commit(line_format.decode_line(line), line_format.verified_digest(header_digest, line))
        except CqrsError:
            _COUNTS.pack_into(shared, 0, made + 1, refused + 1)
        for act in (lambda: codec.decode_lines(line + b"\n"), lambda: line_format.decode_header(with_digest(b"", document))):
            try:
                act()
            except CqrsError:
                continue

    atheris.Setup([MODULE, *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    random.seed(0)
    _fuzz(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
