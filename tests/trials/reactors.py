"""Runners of a reaction are killed with SIGKILL, or catch up inside a merge that is stopped, and killed later.

`todo react` follows a list of 1,000 events with a real program, which notes the id of each event and fails on some. It is
killed before each call on its files, at any time, and while it parks an event. After each kill another runner goes on. Each
event must reach the program, the first time in order, and again at most once for each kill. The events that the program
fails on must all be parked.

Then a merge that moves events is stopped before each call with which it changes a file, and runners go on meanwhile. After
the merge was killed, or has gone on, each event of the merged list must reach the program.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cqrs_todo.todo.model import Create
from cqrs_todo.todo.service import TodoList

from .children import SEED, a_list
from .followers import AGAIN, DISORDER
from .harness import LOST, STUCK, Control, Program, Size, Tally, ended

NAME = "reactors"
NEVER = f"{LOST}: an event never reached its reaction"
UNPARKED = f"{LOST}: an event that failed is not parked"
INSIDE = f"{LOST}: an event never reached its reaction, because a runner went on while events moved"
CONTROLS = (Control("checkpoint-first", NEVER), Control("reactions-go-on", INSIDE))

DYING = Path(__file__).with_name("dying.py")
STOPPING = Path(__file__).with_name("stopping.py")
PHASES = ("save", "park", "hold", "release")
"""The methods of the checkpoints in which the runner is killed."""
MOST_CALLS = 60
"""More calls than a phase makes."""
EVENTS = {Size.SHORT: 75, Size.FULL: 1_000}
"""How many events the list has in the end."""
KILLS = {Size.SHORT: 5, Size.FULL: 200}
"""How often the runner is killed at a random time."""
STEP = {Size.SHORT: 9, Size.FULL: 1}
"""Every which call of a phase is tried."""

_PROGRAM = """#!/bin/sh
read -r line
line=${line#*\\"id\\":\\"}
if [ "$1" = bad ]; then exit 1; fi
echo "${line%%\\"*}" >> ids
"""


class _Followed:
    """A list whose events a reaction gets."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.list: TodoList = a_list(program.data)
        self.list.make_if_missing()
        self.dice = random.Random(SEED)
        script = program.home / "note"
        script.write_text(_PROGRAM)
        script.chmod(0o700)
        config = program.home / ".config/cqrs-todo/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[[reaction]]\nname = "note"\nrun = ["{script}", "{{text}}"]\n')
        self.react()  # it begins now

    def add(self, bad: bool = False) -> None:
        """Record a commit of one to three events, of which the program fails on the first if it is bad."""
        texts = ["bad" if bad else "good", *["good"] * self.dice.randrange(3)]
        self.list.add([Create(text, datetime.now(UTC)) for text in texts])

    def react(self) -> None:
        """Run `todo react` to its end."""
        _check_code(self.program.run("react").code)

    def react_and_die_within(self, phase: str, nth: int) -> bool:
        """Run `todo react` in a process that is killed before the n-th call of a phase. Return whether it was."""
        program = self.program
        command = [program.argv[0], "-P", str(DYING), program.weakness, phase, str(nth)]
        done = subprocess.run(command, env=program.env, cwd=program.home, capture_output=True, check=False)
        return _check_code(done.returncode) == -signal.SIGKILL

    def react_and_die(self, seconds: float) -> bool:
        """Run `todo react`, kill it some time after its next delivery, and return whether that ended it."""
        before = len(self.delivered())
        process = self.program.start("react")
        while process.poll() is None and len(self.delivered()) == before:
            time.sleep(0.002)
        time.sleep(seconds)
        process.kill()
        return ended(process).code == -signal.SIGKILL

    def delivered(self) -> list[str]:
        """Return the ids that the program has kept."""
        kept = self.program.home / "ids"
        return kept.read_text().split() if kept.exists() else []

    def end_leases(self) -> None:
        """End the leases of runners that were killed, as if their time had passed."""
        for lease in (self.program.data / "reactions").rglob("*.lease"):
            lease.unlink()

    def parked(self) -> set[str]:
        """Return the ids of the parked events."""
        result = self.program.run("react", "--failed", "--json")
        return {row["event"] for row in msgspec.json.decode(result.out)["failed"]}


def _check_code(code: int) -> int:
    """Return the exit code of a run, unless it is one that no run may have."""
    if code not in (0, 1, -signal.SIGKILL):
        raise RuntimeError(f"todo react ended with {code}")
    return code


def _targets(size: Size) -> Iterator[tuple[str, int]]:
    for phase in PHASES:
        yield from ((phase, nth) for nth in range(1, MOST_CALLS, STEP[size]))


def trial(program: Program, size: Size) -> Tally:
    """Kill runners again and again, and compare what was delivered with the list."""
    tally, followed = Tally(), _Followed(program)
    over: set[str] = set()
    for phase, nth in _targets(size):
        if phase in over:
            continue
        followed.add(bad=phase == "park")
        followed.add()
        tally.cases += 1
        killed = followed.react_and_die_within(phase, nth)
        tally.reached += killed
        if not killed:  # the phase has fewer calls
            over.add(phase)
        followed.end_leases()
    targeted = tally.reached
    while followed.list.view().position < EVENTS[size]:
        followed.add(bad=followed.dice.random() < 0.01)
    for _ in range(KILLS[size]):
        tally.cases += 1
        tally.reached += followed.react_and_die(followed.dice.uniform(0, 0.03))
        followed.end_leases()
    followed.react()
    _check(followed, tally)
    tally.notes.append(f"{targeted} of the kills were before a call on the files of the reaction")
    for goes_on in (False, True):
        for nth in range(1, MOST_CALLS, STEP[size] // 3 or 1):
            if not _merge(program.at(program.home / f"merge {nth} {goes_on}"), nth, goes_on, tally):
                break
    return tally


def _merge(program: Program, nth: int, goes_on: bool, tally: Tally) -> bool:
    """Stop a merge before its n-th change, react meanwhile, and let it go on or kill it. Return whether it was stopped."""
    followed = _Followed(program)
    for _ in range(3):
        followed.add()
    there = program.home / "there"
    shutil.copytree(program.data / "lists", there / "lists")
    followed.add()
    followed.react()
    for number in range(3):
        a_list(there).add([Create(f"there {number}", datetime.now(UTC))])
    merge = ("merge", str(there / "lists/inbox.jsonl"))
    process = _start(program, nth, *merge)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    tally.cases += 1
    stopped = os.WIFSTOPPED(status)
    if stopped:
        tally.reached += 1
        _start(program, 0, "react").wait()  # most of the time it says that the list is busy
        followed.end_leases()
        process.send_signal(signal.SIGCONT if goes_on else signal.SIGKILL)
        process.wait()
    done = program.run(*merge)
    if done.code:
        raise RuntimeError(f"todo merge ended with {done.code}: {done.err}")
    program.run("react")
    events = {event.id for event in followed.list.log.events()}
    for id in sorted(events - set(followed.delivered())):
        tally.wrong(INSIDE, f"{id}, before change {nth} of a merge")
    return stopped


def _start(program: Program, nth: int, *args: str) -> "subprocess.Popen[bytes]":
    command = [program.argv[0], "-P", str(STOPPING), program.weakness, str(nth), *args]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, env=program.env, cwd=program.home, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _check(followed: _Followed, tally: Tally) -> None:
    todos = {item.stream: item.todo.text for item in followed.list.view().items}
    events = [(event.id, todos[event.stream]) for event in followed.list.log.events()]
    good = [id for id, text in events if text == "good"]
    delivered, parked = followed.delivered(), followed.parked()
    first = list(dict.fromkeys(delivered))
    for id in set(good) - set(first):
        tally.wrong(NEVER, id)
    if first != [id for id in good if id in set(first)]:
        tally.wrong(DISORDER, f"{len(first)} events")
    again = sum(Counter(delivered).values()) - len(first)
    if again > tally.reached:
        tally.wrong(AGAIN, f"{again} events, after {tally.reached} kills")
    for id in {id for id, text in events if text == "bad"} ^ parked:
        tally.wrong(UNPARKED, f"{id} is parked or bad, but not both")
    if not first:
        tally.wrong(STUCK, "nothing was delivered")
    tally.notes.append(f"{len(events):,} events, {again} delivered again, {len(parked)} parked")
