"""Clocks that stand in another century, jump back and forth, and change to summer time: positions order, times only tell.

At each clock todos are added, done, looked at and undone. What `ls` showed after each commit is remembered: `at @N` must
show just that, and `at TIME` what was shown after the last position recorded at or before TIME, whatever lies between.

Then several programs share the snapshots of one list while its clock jumps, and take them in between one another's steps.
"""

import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import time_machine

from cqrs_todo.cli.errors import INTERNAL
from cqrs_todo.cqrs import timeline
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.snapshots import NeverSnapshot, SnapshotEvery, SnapshotStrategy
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.todo import recorder
from cqrs_todo.todo.fields import SCHEMA, State
from cqrs_todo.todo.model import DECIDER, Create

from .children import SEED, in_child, store_in
from .harness import ALTERED, CRASHED, LOST, SILENT, Control, Program, Size, Tally, commits_of

NAME = "clocks"
PAST = f"{LOST}: a moment of the past looks otherwise than it did then"
REFUSED = f"{LOST}: a command was refused though nothing stands in its way"
DAYS = f"{SILENT}: a day or an instant is another one than was said"
SHARED = f"{LOST}: a time in the past is sought from a snapshot that is later than it"
CONTROLS = (Control("clock-order", PAST), Control("own-times", SHARED))

BASE = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SPACING = 7
"""A snapshot after so many events; as seldom as usual there would be none, and times are sought among them too."""
ZONES = ("Europe/Berlin", "America/New_York", "Africa/Casablanca")
MIDNIGHT = ("America/Santiago", "Africa/Cairo", "Asia/Beirut", "America/Havana")
"""Zones in which a day begins at one o'clock when summer time does, for there is no midnight."""
HALF_HOUR = ("Australia/Lord_Howe",)
"""Zones in which summer time is half an hour."""
YEARS = range(2024, 2027)
ROUNDS = {Size.SHORT: 2, Size.FULL: 60}
"""How many lists have their snapshots shared by several programs."""
STEPS = 20
"""How often one of these programs reads its list, without counting when it does so within a step of another one."""


def trial(program: Program, size: Size) -> Tally:
    """Every clock in eight zones, each in an order of its own; in the suite some of them, in one zone."""
    return in_child(NAME, program, size)


def body(home: Path, size: Size) -> Tally:
    """The trial itself, in this process."""
    choose = random.Random(SEED)
    tally = Tally()
    recorder.SNAPSHOTS = SnapshotEvery(SPACING)
    changes = Counter[str]()
    for zone in (*MIDNIGHT, *HALF_HOUR, *ZONES) if size is Size.FULL else MIDNIGHT[:1]:
        around = list(_changes(zone, changes))
        clocks = [*_CLOCKS, *around]
        choose.shuffle(clocks)
        bench = _Bench(home, ZoneInfo(zone), choose, tally)
        for clock in clocks if size is Size.FULL else [*clocks[:6], *around[5:8]]:
            bench.at_clock(clock)
        bench.whole()
    for number in range(ROUNDS[size]):
        _share_snapshots(home / f"shared {number}", random.Random(SEED + number), tally)
    if not changes["at midnight"]:
        raise RuntimeError("no zone changes at midnight: this machine's time zones are not those of the world")
    tally.notes += [f"{count} changes {what}" for what, count in changes.items()]
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


def _changes(zone: str, found: Counter[str]) -> Iterator[datetime]:
    """Clocks around each change to and from summer time: before, after, and half an hour on either side.

    Counts in `found` how many changes there are, how many take midnight away, and how many are of half an hour.
    """
    local = ZoneInfo(zone)
    start = datetime(YEARS.start, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(minutes=30 * half) for half in range(2 * 24 * 365 * len(YEARS))]
    for before, after in pairwise(hours):
        old, new = before.astimezone(local).utcoffset(), after.astimezone(local).utcoffset()
        if old is not None and new is not None and old != new:
            found["in all"] += 1
            found["at midnight"] += new > old and after.astimezone(local) - timedelta(hours=1) == _midnight(after, local)
            found["of half an hour"] += abs(new - old) == timedelta(minutes=30)
            yield from (after + timedelta(seconds=seconds) for seconds in (-1800, -1, 0, 1, 1800, 3599))


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    """The wall time at which the day of a moment begins on the calendar, whether there is such a time or not."""
    return datetime.combine(moment.astimezone(zone), datetime.min.time(), zone)


class _Interleaved(SnapshotStrategy):
    """Takes a snapshot whenever there is something new, and often lets other programs work before that."""

    def __init__(self, choose: random.Random, meanwhile: Callable[[], object]) -> None:
        self.choose = choose
        self.meanwhile = meanwhile
        self.within = False

    def due(self, position: int, last: int, entities: int) -> bool:
        if not self.within and self.choose.random() < 0.5:
            self.within = True
            self.meanwhile()
            self.within = False
        return position > last


def _share_snapshots(home: Path, choose: random.Random, tally: Tally) -> None:
    """Let programs take snapshots in between one another's steps, and look for each time in what they leave."""
    store = store_in(home)
    log = store.create("inbox", BASE)
    writer = Repository(log, DECIDER)
    times: list[datetime] = []

    def add() -> None:
        for _ in range(choose.randrange(1, 20)):
            minutes = len(times) if choose.random() < 0.97 else choose.randrange(len(times) + 1)
            times.append(BASE + timedelta(minutes=minutes))
            writer.execute(
                f"a{len(times):09}", Create(f"{len(times)}", BASE), Metadata(times[-1], "me@trial", f"c{len(times)}", {})
            )

    def program(strategy: SnapshotStrategy) -> Repository[Any, Any, Any]:
        snapshots: SnapshotStore[Any] = SnapshotStore(Folder(str(home / "snapshots")), State, SCHEMA)
        return Repository(store.open("inbox"), DECIDER, snapshots=snapshots, strategy=strategy)

    programs: list[Repository[Any, Any, Any]] = []

    def work() -> None:
        add()
        choose.choice(programs).fold()

    shared = _Interleaved(choose, work)
    programs += [program(shared) for _ in range(3)]
    for _ in range(STEPS):
        work()
    looking = program(NeverSnapshot())
    for moment in {time + timedelta(seconds=seconds) for time in times for seconds in (-1, 0)}:
        fold, _ = timeline.as_of(looking, moment)
        expected = max((place for place, at in enumerate(times, 1) if at <= moment), default=0)
        tally.cases += 1
        tally.reached += 1
        if fold.position != expected:
            tally.wrong(SHARED, f"{moment.isoformat()} is @{fold.position}, not @{expected}")


class _Bench:
    """One list in one zone, and what it showed after each commit."""

    def __init__(self, home: Path, zone: ZoneInfo, choose: random.Random, tally: Tally) -> None:
        self.zone = zone
        name = zone.key.rpartition("/")[2]
        self.name = name
        self.path = home / f"{name}/lists/inbox.jsonl"
        self.store = f"jsonl:{home / name}"
        self.choose = choose
        self.tally = tally
        self.shown: list[tuple[int, int, datetime, Any]] = []
        """Of each commit its first and last position, its time, and the todos after it."""

    def at_clock(self, clock: datetime) -> None:
        """Write and read at one clock."""
        # time_machine sets the time zone, too, to that of the time it is given: for a time in UTC to UTC
        with time_machine.travel(clock.astimezone(self.zone), tick=False):
            if datetime.now().astimezone().utcoffset() != clock.astimezone(self.zone).utcoffset():
                raise RuntimeError(f"at {clock} this process is not in {self.zone.key}")
            self._days(clock)
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
                # to the microsecond: a moment that is typed to the second reaches to the end of that second
                self._compare(moment.isoformat(timespec="microseconds"), self._up_to(moment))
            self._compare("1 hour ago", self._up_to(clock - timedelta(hours=1)))

    def _days(self, clock: datetime) -> None:
        """What today, tomorrow, its midnight, and two hours from now mean at this clock, judged by the calendar alone."""
        today = clock.astimezone(self.zone).date()
        tomorrow = today + timedelta(days=1)
        for given, field, expected in (
            ("due:today", "due", str(today)),
            ("due:tomorrow", "due", str(tomorrow)),
            ("--remind=in 2 hours", "reminder", clock + timedelta(hours=2)),
            ("--remind=tomorrow 0:00", "reminder", tomorrow),
            ("--remind=tomorrow 0:30", "reminder", tomorrow),
        ):
            answer = self._run("--store", f"{self.store}-days", "add", "a day", given, "--json")
            if answer is None:
                continue
            said = answer["commit"]["events"][0]["data"][field]
            meant: Any = said if field == "due" else datetime.fromisoformat(said)
            if expected is tomorrow:
                meant = meant.astimezone(self.zone).date()
            if meant != expected:
                self.tally.wrong(DAYS, f"{self.name} at {clock.isoformat()}: {given} became {said}, not {expected}")

    def whole(self) -> None:
        """At the end, by a good clock: the positions have no gaps, and verification finds nothing."""
        with time_machine.travel(BASE, tick=False):
            self._run("verify")
        position = 1
        for commit in commits_of(self.path.read_bytes()):
            if commit["position"] != position:
                self.tally.wrong(ALTERED, f"{self.name}: @{commit['position']} stands where @{position} belongs")
            position = commit["position"] + len(commit["events"])
        if len(self.shown) != len(commits_of(self.path.read_bytes())):
            self.tally.wrong(ALTERED, f"{self.name}: the log does not have as many commits as were reported")

    def _up_to(self, moment: datetime) -> list[Any]:
        """What was shown up to the last commit recorded at or before a time, wherever its clock stood before."""
        reached = max((place for place, (_, _, at, _) in enumerate(self.shown) if at <= moment), default=-1)
        return [todos for *_, todos in self.shown[: reached + 1]]

    def _write(self, *args: str) -> Any:
        """Change the list, and remember what it shows then; the answer, None where the program failed."""
        answer = self._run(*args, "--json")
        if answer is None:
            return None
        commit = answer["commit"]
        at = datetime.fromisoformat(commit["at"])
        if at != datetime.now(UTC):
            raise RuntimeError(f"the clock stands at {datetime.now(UTC)}, and the program recorded {at}")
        if self.shown and commit["position"] != self.shown[-1][1] + 1:
            self.tally.wrong(ALTERED, f"{self.name}: @{commit['position']} was recorded after @{self.shown[-1][1]}")
        todos = self._run("ls", "--all", "--json") or {"todos": None}
        last = commit["position"] + len(commit["events"]) - 1
        self.shown.append((commit["position"], last, at, todos["todos"]))
        return answer

    def _compare(self, moment: str, expected: list[Any]) -> None:
        seen = self._run("at", moment, "ls", "--all", "--json")
        if seen is not None and seen["todos"] != (expected[-1] if expected else []):
            self.tally.wrong(PAST, f"{self.name}: at {moment} shows {len(seen['todos'])} todos, or others than it was")

    def _run(self, *args: str) -> Any:
        """Run the program in this process; the document that it gives, None where it fails or gives none."""
        from cqrs_todo.cli import main

        self.tally.cases += 1
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--store", self.store, *args])
        if code:
            what = f"{self.name} at {datetime.now(UTC).isoformat()}: todo {' '.join(args)}"
            self.tally.wrong(CRASHED if code == INTERNAL else REFUSED, f"{what} ended with {code}: {err.getvalue()[:300]}")
            return None
        self.tally.reached += 1  # it ran to its end while the clock stood there
        out.seek(0)
        return msgspec.json.decode(out.read()) if "--json" in args else None
