"""Killed with SIGKILL: before every system call on the store's files, in every verb that changes something; at any time.

What a killed command was to record may be there or not, but whole; all that stood before is there, and the next command
works.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .children import SEED
from .deeds import ADD_THREE, DEEDS, Deed, Homes, Undisturbed, follow_up, wrong_after
from .harness import HALF, Control, Program, Result, Size, Tally, ended
from .ledger import Wrong, is_refusal, untraceable
from .syscalls import EVERYWHERE, ON_FILES, recorded, strace, trace

NAME = "kills"
CONTROLS = (Control("many-lines", HALF),)

CALLS = (*EVERYWHERE, "openat", "close")
"""The calls that a kill comes before: all that change something, so that each is the last, and each is left out."""

_RANDOM = 150


@dataclass(frozen=True)
class Kill:
    """A deed, and when it is killed: before the n-th use of a call, or where there is none after so many seconds.

    `wanted` is what it does when nobody kills it.
    """

    deed: Deed
    call: str
    nth: int
    seconds: float
    wanted: Undisturbed

    def __str__(self) -> str:
        return f"{self.deed.name}: " + (f"before {self.call} {self.nth}" if self.call else f"after {self.seconds:.3f} s")

    def run(self, program: Program) -> Result:
        """Run the deed, and kill it; strace ends by the signal that the program ended by."""
        if self.call:
            inject = f"inject={self.call}:signal=KILL:when={self.nth}"
            # not with --seccomp-bpf, under which strace 6.1 injects no signals
            options = (*trace([self.call]), "-e", inject)
            before = strace(program, program.home / "calls", *options, narrow=self.call in ON_FILES)
            return program.run(*self.deed.argv, stdin=self.deed.stdin, before=before)
        process = program.start(*self.deed.argv)
        timer = threading.Timer(self.seconds, process.kill)
        timer.start()
        try:
            return ended(process, self.deed.stdin)
        finally:
            timer.cancel()


def _planned(homes: Homes, deeds: Sequence[Deed], pool: ThreadPoolExecutor, many: int) -> Iterator[Kill]:
    """A kill before each call, and `many` at random times, most of them around the end, where the writing is."""
    dice = random.Random(SEED)
    found = list(pool.map(lambda each: recorded(homes, each[1], f"record-{each[0]}"), enumerate(deeds)))
    for deed, wanted in zip(deeds, found, strict=True):
        for call in CALLS:
            yield from (Kill(deed, call, nth, 0, wanted) for nth in range(1, wanted.calls[call] + 1))
    seconds = _seconds(homes)
    for _ in range(many):
        deed, wanted = dice.choice(list(zip(deeds, found, strict=True)))
        yield Kill(deed, "", 0, seconds * dice.triangular(0.3, 1.1, 0.9), wanted)


def _seconds(homes: Homes) -> float:
    """How long a command takes here."""
    program = homes.copied("plain", "clock")
    began = time.monotonic()
    program.run("add", "Buy milk")
    homes.done_with(program)
    return time.monotonic() - began


def _tried(homes: Homes, kill: Kill, place: str) -> tuple[Kill, bool, bool, list[Wrong]]:
    """Whether it was killed, whether it was refused, and what was wrong then."""
    original, program = homes.original(kill.deed.home), homes.copied(kill.deed.home, place)
    result = kill.run(program)
    wrong = list(wrong_after(kill.deed, kill.wanted, result, original, program))
    wrong += follow_up(program, kill.deed)
    homes.done_with(program)
    return kill, result.code == -signal.SIGKILL, is_refusal(result), wrong


def trial(program: Program, size: Size) -> Tally:
    """Kill each in a fresh copy of its home."""
    if reason := untraceable():
        return Tally(skipped=reason)
    homes, tally = Homes(program), Tally()
    deeds, many = (DEEDS, _RANDOM) if size is Size.FULL else ((ADD_THREE,), 4)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        kills = list(_planned(homes, deeds, pool, many))
        tried = pool.map(lambda each: _tried(homes, each[1], f"kill-{each[0]}"), enumerate(kills))
        for kill, killed, refused, wrong in tried:
            tally.cases += 1
            tally.reached += killed
            tally.refused += refused
            for kind, words in wrong:
                tally.wrong(kind, f"{kill}: {words}")
    return tally
