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

from .deeds import ADD_THREE, DEEDS, OVERWRITING, Deed, Homes, tree
from .harness import Program, Size, Tally
from .ledger import Wrong, added, carried_on, judged, logs_in, types_of, untraceable

NAME = "syscalls"
CONTROLS = ("buffered", "many-lines")

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
    "openat": ("EMFILE", "EACCES", "EIO"),
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
    """A call, which of its uses, whether all later ones too, and the error; `wanted` is what the deed records without."""

    deed: Deed
    call: str
    nth: int
    lasting: bool
    error: str
    wanted: dict[str, list[str]]

    def __str__(self) -> str:
        when = f"{self.nth}{'+' if self.lasting else ''}"
        return f"{self.deed.name}: {self.call}={self.error} at {when}"


def store_paths(program: Program) -> list[str]:
    """strace's options for all files and folders that a deed may touch and whose names are known before."""
    data = program.data
    names = ("inbox", "work", "shop", "job", "old")
    endings = (".jsonl", ".jsonl.new", ".lock", ".renewed", ".renewed.new")
    lists = [data / "lists" / f"{name}{ending}" for name in names for ending in endings]
    archive = [data / "archive" / f"{name}.jsonl" for name in names]
    folders = [data / "lists", data / "archive", data, data.parent, data.parent.parent]
    return [word for path in (*lists, *archive, *folders) for word in ("-P", str(path))]


def strace(program: Program, record: Path, *options: str, narrow: bool) -> list[str]:
    """What to put before the program to trace it; where `narrow`, on the store's files alone."""
    return ["strace", "-f", "-qq", "-o", str(record), *(store_paths(program) if narrow else ()), *options]


def trace(calls: Iterable[str]) -> tuple[str, str]:
    """strace's option to trace these calls."""
    return "-e", f"trace={','.join(calls)}"


def recorded(homes: Homes, deed: Deed, place: str) -> tuple[Counter[str], dict[str, list[str]]]:
    """How often each call occurs in a deed without a fault, and the types of the events that it records."""
    calls: Counter[str] = Counter()
    wanted: dict[str, list[str]] = {}
    for group in (EVERYWHERE, ON_FILES):
        program = homes.copied(deed.home, place)
        record = program.home / "calls"
        before = strace(program, record, "--seccomp-bpf", *trace(group), narrow=group is ON_FILES)
        program.run(*deed.argv, stdin=deed.stdin, before=before)
        calls.update(match[1] for line in record.read_text().splitlines() if (match := _CALL.match(line)))
        wanted = types_of(added(logs_in(homes.original(deed.home).data), logs_in(program.data)))
        homes.done_with(program)
    return calls, wanted


def _faults(homes: Homes, deeds: Sequence[Deed], pool: ThreadPoolExecutor) -> Iterator[Fault]:
    found = pool.map(lambda each: recorded(homes, each[1], f"record-{each[0]}"), enumerate(deeds))
    for deed, (calls, wanted) in zip(deeds, found, strict=True):
        for call, often in calls.items():
            errors = {**EVERYWHERE, **ON_FILES}[call]
            for nth in range(1, often + 1):
                yield from (Fault(deed, call, nth, False, error, wanted) for error in errors)
                yield Fault(deed, call, nth, True, errors[0], wanted)


def follow_up(program: Program, deed: Deed) -> Iterator[Wrong]:
    """What is wrong with the next add to the list that a deed was about."""
    name = next((name for name in deed.lists if program.log_file(name).exists()), deed.lists[0])
    return carried_on(program, name, logs_in(program.data))


def _tried(homes: Homes, fault: Fault, place: str) -> tuple[Fault, int, list[Wrong]]:
    """How often strace injected the fault, and what was wrong then."""
    original, program = homes.original(fault.deed.home), homes.copied(fault.deed.home, place)
    record = program.home / "calls"
    when = f"{fault.nth}{'+' if fault.lasting else ''}"
    inject = f"inject={fault.call}:error={fault.error}:when={when}"
    # a program that can write nowhere, not even to /dev/null, has no say in how it ends
    narrow = fault.call in ON_FILES or (fault.call == "write" and fault.lasting)
    before = strace(program, record, "--seccomp-bpf", *trace([fault.call]), "-e", inject, narrow=narrow)
    result = program.run(*fault.deed.argv, stdin=fault.deed.stdin, before=before)
    hits = record.read_text().count("(INJECTED)")
    wrong = list(judged(result, fault.wanted, logs_in(original.data), logs_in(program.data)))
    if tree(program.data) != tree(original.data):  # what looks as before carries on as before
        wrong += follow_up(program, fault.deed)
    homes.done_with(program)
    return fault, hits, wrong


def trial(program: Program, size: Size) -> Tally:
    """Inject each fault into a fresh copy of its home."""
    if reason := untraceable():
        return Tally(skipped=reason)
    homes, tally = Homes(program), Tally()
    deeds = DEEDS if size is Size.FULL else (ADD_THREE, OVERWRITING)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = list(_faults(homes, deeds, pool))
        if size is Size.SHORT:
            full = [fault for fault in faults if fault.call == "write" and fault.error == "ENOSPC"]
            rest = [fault for fault in faults if fault not in full]
            faults = full + rest[:: -(-len(rest) // (_SHORT - len(full)))]
        for fault, hits, wrong in pool.map(lambda each: _tried(homes, each[1], f"fault-{each[0]}"), enumerate(faults)):
            tally.cases += 1
            tally.hits += hits > 0
            for kind, words in wrong:
                tally.wrong(kind, f"{fault}: {words}")
    return tally
