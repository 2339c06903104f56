"""Every system call on the store's files fails: once at its n-th use, or from then on; in every verb that changes something.

First it is recorded which calls each command makes, and how often; then each is made to fail. Whatever the command tells
must fit with what is in the log afterwards, and the next command must work.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .deeds import ADD_THREE, DEEDS, OVERWRITING, Deed, Homes, Undisturbed, follow_up, tree, wrong_after
from .harness import HALF, UNREPORTED, Control, Program, Size, Tally
from .ledger import Wrong, added, is_refusal, logs_in, types_of, untraceable

NAME = "syscalls"
CONTROLS = (Control("buffered", UNREPORTED), Control("many-lines", HALF))

EVERYWHERE = {
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "EROFS"),
    "pwrite64": ("ENOSPC", "EIO"),
    "rename": ("EIO", "ENOSPC", "EACCES"),
    "mkdir": ("ENOSPC", "EACCES"),
    "unlink": ("EIO", "EROFS"),
    "chmod": ("EIO",),
    "fchmod": ("EIO", "EROFS"),
    "flock": ("EIO", "ENOLCK"),
}
"""Calls that the program makes for the store (and its answers) alone, and what they are made to fail with."""
ON_FILES = {
    "openat": ("EMFILE", "EACCES"),
    "newfstatat": ("EIO", "EACCES"),
    "pread64": ("EIO",),
    "close": ("EIO",),
    "getdents64": ("EIO",),
}
"""Calls that Python makes for itself too: those on the store's files are picked out by path."""

_CALL = re.compile(r"^\d+\s+(\w+)\(")
_SHORT = 40


@dataclass(frozen=True)
class Fault:
    """A call, which of its uses, whether all later ones too, and the error; `wanted` is what the deed does without it."""

    deed: Deed
    call: str
    nth: int
    lasting: bool
    error: str
    wanted: Undisturbed

    def __str__(self) -> str:
        when = f"{self.nth}{'+' if self.lasting else ''}"
        return f"{self.deed.name}: {self.call}={self.error} at {when}"


def store_paths(program: Program) -> list[str]:
    """strace's options for all files and folders that a deed may touch and whose names are known before."""
    data = program.data
    names = ("inbox", "work", "shop", "job", "old", "taken")
    endings = (".jsonl", ".jsonl.new", ".lock", ".renewed", ".renewed.new")
    lists = [data / "lists" / f"{name}{ending}" for name in names for ending in endings]
    incoming = [data / "lists" / f".{name}.incoming" for name in names]
    archive = [data / "archive" / f"{name}.jsonl" for name in names]
    folders = [data / "lists", data / "archive", data, data.parent, data.parent.parent]
    beside = [program.home / name for name in ("out", "todos.json", "events.jsonl")]
    snapshots = [
        program.home / ".cache/cqrs-todo/snapshots/jsonl" / id / f"{name}.json"
        for id in logs_in(data)
        if "/" not in id
        for name in ("todo.taken", "todo.520", "todo.521")
    ]
    paths = (*lists, *incoming, *archive, *folders, *beside, *snapshots)
    return [word for path in paths for word in ("-P", str(path))]


def strace(program: Program, record: Path, *options: str, narrow: bool) -> list[str]:
    """What to put before the program to trace it; where `narrow`, on the store's files alone."""
    return ["strace", "-f", "-qq", "-o", str(record), *(store_paths(program) if narrow else ()), *options]


def trace(calls: Iterable[str]) -> tuple[str, str]:
    """strace's option to trace these calls."""
    return "-e", f"trace={','.join(calls)}"


def recorded(homes: Homes, deed: Deed, place: str) -> Undisturbed:
    """What a deed does without a fault."""
    calls: Counter[str] = Counter()
    types: dict[str, list[str]] = {}
    output = b""
    rewritten: dict[str, tuple[bytes, ...]] = {}
    for group in (EVERYWHERE, ON_FILES):
        program = homes.copied(deed.home, place)
        record = program.home / "calls"
        before = strace(program, record, "--seccomp-bpf", *trace(group), narrow=group is ON_FILES)
        result = program.run(*deed.argv, stdin=deed.stdin, before=before)
        calls.update(match[1] for line in record.read_text().splitlines() if (match := _CALL.match(line)))
        types = types_of(added(logs_in(homes.original(deed.home).data), logs_in(program.data)))
        output = (program.home / deed.output).read_bytes() if deed.output else b""
        if deed.rewrites:
            old, new = logs_in(homes.original(deed.home).data), logs_in(program.data)
            rewritten = {id: log.lines for id, log in new.items() if log.lines != old[id].lines}
        if deed is not OVERWRITING and (result.code or not (types or output or rewritten or deed.args[0] == "lists")):
            raise RuntimeError(f"{deed.name} does nothing, with exit {result.code}: {result.err}")
        homes.done_with(program)
    return Undisturbed(calls, types, output, rewritten)


def _faults(homes: Homes, deeds: Sequence[Deed], pool: ThreadPoolExecutor) -> Iterator[Fault]:
    found = pool.map(lambda each: recorded(homes, each[1], f"record-{each[0]}"), enumerate(deeds))
    for deed, wanted in zip(deeds, found, strict=True):
        for call, often in wanted.calls.items():
            errors = {**EVERYWHERE, **ON_FILES}[call]
            for nth in range(1, often + 1):
                yield from (Fault(deed, call, nth, False, error, wanted) for error in errors)
                yield Fault(deed, call, nth, True, errors[0], wanted)


def _tried(homes: Homes, fault: Fault, place: str) -> tuple[Fault, bool, bool, list[Wrong]]:
    """Whether strace injected the fault, whether the deed was refused then, and what was wrong."""
    original, program = homes.original(fault.deed.home), homes.copied(fault.deed.home, place)
    record = program.home / "calls"
    when = f"{fault.nth}{'+' if fault.lasting else ''}"
    inject = f"inject={fault.call}:error={fault.error}:when={when}"
    # a program that can write nowhere, not even to /dev/null, has no say in how it ends
    narrow = fault.call in ON_FILES or (fault.call == "write" and fault.lasting)
    before = strace(program, record, "--seccomp-bpf", *trace([fault.call]), "-e", inject, narrow=narrow)
    result = program.run(*fault.deed.argv, stdin=fault.deed.stdin, before=before)
    reached = "(INJECTED)" in record.read_text()
    wrong = list(wrong_after(fault.deed, fault.wanted, result, original, program))
    if tree(program.data) != tree(original.data):  # what looks as before carries on as before
        wrong += follow_up(program, fault.deed)
    homes.done_with(program)
    return fault, reached, is_refusal(result), wrong


def trial(program: Program, size: Size) -> Tally:
    """Inject each fault into a fresh copy of its home."""
    if reason := untraceable():
        return Tally(skipped=reason)
    homes, tally = Homes(program), Tally()
    deeds = DEEDS if size is Size.FULL else (ADD_THREE, OVERWRITING)
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:  # a case waits for the disk now and then
        faults = list(_faults(homes, deeds, pool))
        if size is Size.SHORT:
            full = [fault for fault in faults if fault.call == "write" and fault.error == "ENOSPC"]
            rest = [fault for fault in faults if fault not in full]
            faults = full + rest[:: -(-len(rest) // (_SHORT - len(full)))]
        tried = pool.map(lambda each: _tried(homes, each[1], f"fault-{each[0]}"), enumerate(faults))
        for fault, reached, refused, wrong in tried:
            tally.cases += 1
            tally.reached += reached
            tally.refused += refused
            for kind, words in wrong:
                tally.wrong(kind, f"{fault}: {words}")
    return tally
