"""Clocks that stand in another century, jump back and forth, and change to summer time: positions order, times only tell.

At each clock todos are added, done, looked at and undone. What `ls` showed after each commit is remembered: `at @N` must
show just that, and `at TIME` what was shown after the last position recorded at or before TIME, whatever lies between.
"""

import io
import os
import random
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import time_machine

from cqrs_todo.cqrs.snapshots import SnapshotEvery
from cqrs_todo.todo import service

from .children import SEED, in_child
from .harness import Program, Size, Tally, commits_of

NAME = "clocks"
CONTROLS = ("clock-order",)

BASE = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SPACING = 7
"""A snapshot after so many events; as seldom as usual there would be none, and times are sought among them too."""
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")


def trial(program: Program, size: Size) -> Tally:
    """Every clock in four zones, each in an order of its own; in the suite some of them, in one zone."""
    return in_child(NAME, program, size)


def body(home: Path, size: Size) -> Tally:
    """The trial itself, in this process."""
    choose = random.Random(SEED)
    tally = Tally()
    service.SNAPSHOTS = SnapshotEvery(SPACING)
    for zone in ZONES if size is Size.FULL else ZONES[:1]:
        os.environ["TZ"] = zone
        time.tzset()
        clocks = [*_CLOCKS, *_changes(zone)]
        choose.shuffle(clocks)
        bench = _Bench(home, zone.rpartition("/")[2], choose, tally)
        for clock in clocks if size is Size.FULL else clocks[:8]:
            bench.at_clock(clock)
        bench.whole()
    return tally


_CLOCKS = [
    BASE,
    datetime(1960, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2262, 4, 11, 23, 47, 17, tzinfo=UTC),
    BASE - timedelta(days=730),
    BASE + timedelta(days=30),
    BASE - timedelta(hours=1),
    BASE + timedelta(microseconds=1),
]


def _changes(zone: str) -> Iterator[datetime]:
    """Clocks around each change to and from summer time in a year: before, after, and half an hour on either side."""
    local = ZoneInfo(zone)
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * half) for half in range(2 * 24 * 365)]
    for before, after in pairwise(hours):
        if before.astimezone(local).utcoffset() != after.astimezone(local).utcoffset():
            yield from (after + timedelta(seconds=seconds) for seconds in (-1800, -1, 0, 1, 1800, 3599))


class _Bench:
    """One list in one zone, and what it showed after each commit."""

    def __init__(self, home: Path, name: str, choose: random.Random, tally: Tally) -> None:
        self.name = name
        self.path = home / f"{name}/lists/inbox.jsonl"
        self.store = f"jsonl:{home / name}"
        self.choose = choose
        self.tally = tally
        self.shown: list[tuple[int, int, datetime, Any]] = []
        """Of each commit its first and last position, its time, and the todos after it."""

    def at_clock(self, clock: datetime) -> None:
        """Write and read at one clock."""
        with time_machine.travel(clock, tick=False):
            self._write("add", f"at {clock.isoformat()}", "due:tomorrow")
            self._write("done", "@")
            self._write("add", "taken back", "--remind", "in 2 hours")
            self._write("undo")
            for args in ([], ["ls"], ["history"], ["history", "--since", "yesterday"], ["stats"], ["diff", "1 hour ago"]):
                self._run(*args)
            for position in self.choose.sample(range(self.shown[-1][1] + 1), 3):
                self._compare(f"@{position}", [todos for first, _, _, todos in self.shown if first <= position])
            times = [at for _, _, at, _ in self.choose.sample(self.shown, min(4, len(self.shown)))]
            times += [at + timedelta(microseconds=step) for at in times[:2] for step in (-1, 1)]
            for moment in (moment for moment in times if moment <= clock):
                self._compare(moment.isoformat(), self._up_to(moment))
            self._compare("1 hour ago", self._up_to(clock - timedelta(hours=1)))

    def whole(self) -> None:
        """At the end, by a good clock: the positions have no gaps, and verification finds nothing."""
        with time_machine.travel(BASE, tick=False):
            self._run("verify")
        position = 1
        for commit in commits_of(self.path.read_bytes()):
            if commit["position"] != position:
                self.tally.wrong("lost", f"{self.name}: @{commit['position']} stands where @{position} belongs")
            position = commit["position"] + len(commit["events"])
        if len(self.shown) != len(commits_of(self.path.read_bytes())):
            self.tally.wrong("lost", f"{self.name}: the log has not as many commits as were told")

    def _up_to(self, moment: datetime) -> list[Any]:
        """What was shown up to the last commit recorded at or before a time, wherever its clock stood before."""
        reached = max((place for place, (_, _, at, _) in enumerate(self.shown) if at <= moment), default=-1)
        return [todos for *_, todos in self.shown[: reached + 1]]

    def _write(self, *args: str) -> None:
        answer = self._run(*args, "--json")
        if answer is None:
            return
        commit = answer["commit"]
        at = datetime.fromisoformat(commit["at"])
        if self.shown and commit["position"] != self.shown[-1][1] + 1:
            self.tally.wrong("lost", f"{self.name}: @{commit['position']} was recorded after @{self.shown[-1][1]}")
        todos = self._run("ls", "--all", "--json") or {"todos": None}
        last = commit["position"] + len(commit["events"]) - 1
        self.shown.append((commit["position"], last, at, todos["todos"]))

    def _compare(self, moment: str, expected: list[Any]) -> None:
        seen = self._run("at", moment, "ls", "--all", "--json")
        if seen is not None and seen["todos"] != (expected[-1] if expected else []):
            self.tally.wrong("lost", f"{self.name}: at {moment} shows {len(seen['todos'])} todos, or others than it was")

    def _run(self, *args: str) -> Any:
        """Run the program in this process; the document that it gives, None where it fails or gives none."""
        from cqrs_todo.cli import main

        self.tally.cases += 1
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--store", self.store, *args])
        if code:
            what = f"{self.name} at {datetime.now(UTC).isoformat()}: todo {' '.join(args)}"
            self.tally.wrong("silent", f"{what} ended with {code}: {err.getvalue()[:300]}")
            return None
        self.tally.hits += 1
        out.seek(0)
        return msgspec.json.decode(out.read()) if "--json" in args else None
