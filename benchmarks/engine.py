"""The engine within one process: replay and appends, beside the package `eventsourcing` and beside writing by hand."""

import json
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .environments import Environments
from .homes import Home, with_history
from .measure import inside, turns
from .results import Section

TODOS = 10_000
REPLAYED = (20_000, 100_000, 1_000_000)
QUICK_REPLAYED = (20_000, 100_000)
SHOWN = 100_000  # events, of the replay that is compared: ten a todo, as the peer's
PEER_CHANGES = 9  # of each of the peer's todos, beside its creation
FEW, MANY = 100, 10_000  # todos in the lists that are appended to


def measure(environments: Environments, *, quick: bool) -> Section:
    """Events a second, read and written."""
    section = Section("engine", "The engine, in one process")
    section.notes += [note for note in environments.skipped if note.startswith("eventsourcing")]
    rounds, budget = (3, 12.0) if quick else (5, 60.0)
    with tempfile.TemporaryDirectory() as folder:
        _replay(section, environments, Path(folder), quick, rounds, budget)
        _append(section, environments, Path(folder), quick, rounds, budget)
    return section


def _replay(section: Section, environments: Environments, folder: Path, quick: bool, rounds: int, budget: float) -> None:
    sizes = QUICK_REPLAYED if quick else REPLAYED
    homes = {size: with_history(folder / f"replay-{size}", environments.todo, TODOS, size) for size in sizes}
    measures: dict[str, Callable[[], float]] = {
        str(size): partial(_seconds_of_replay, environments.python, home, "repository") for size, home in homes.items()
    }
    measures["bare"] = partial(_seconds_of_replay, environments.python, homes[SHOWN], "bare")
    if environments.eventsourcing is not None:
        # a thousand todos are enough of it: it takes a second for them
        for place in ("memory", "SQLite"):
            measures[place] = partial(_peer_seconds, environments.eventsourcing, folder, place, "replay", 1_000)
    # what takes as long as many rounds of the others is taken by itself, so that those have many
    taken = turns({str(size): measures.pop(str(size)) for size in sizes if size > SHOWN}, rounds, budget)
    taken |= turns(measures, 3 * rounds, budget)
    for size in sizes:
        section.point("replay, by events", size, taken[str(size)])
        key = "engine/replay" if size == SHOWN else ""
        section.figure(f"replay of {size:,} events", "events/s", size / taken[str(size)], key=key)
    rate = SHOWN / taken[str(SHOWN)]
    bare = SHOWN / taken["bare"]
    what, least = f"replay of {SHOWN:,} events", "sums, decoding, evolving alone"
    section.figure(what, "events/s", rate, against=least, base=bare)
    for place in ("memory", "SQLite"):
        if place in taken:
            peer, base = f"eventsourcing, {place}", 1 / taken[place]
            section.figure(what, "events/s", rate, key=f"engine/replay/eventsourcing/{place}", against=peer, base=base)
            section.figure(least, "events/s", bare, against=peer, base=base)


def _seconds_of_replay(python: Path, home: Home, way: str) -> float:
    reported = json.loads(inside(python, "replay", str(home.log.parent.parent), home.log.stem, way))
    return float(reported["seconds"])


def _peer_seconds(environment: Path, folder: Path, place: str, what: str, todos: int) -> float:
    """Seconds an event."""
    with tempfile.TemporaryDirectory(dir=folder) as database:
        where = "memory" if place == "memory" else database
        python = environment / "bin" / "python"
        reported = json.loads(inside(python, "eventsourcing_peer", where, str(todos), str(PEER_CHANGES)))
    return 1 / float(reported[what])


def _append(section: Section, environments: Environments, folder: Path, quick: bool, rounds: int, budget: float) -> None:
    count = 300 if quick else 1_000
    durable, crowded, unsynced = (
        _Appends(environments.python, folder, todos, count, synced)
        for todos, synced in ((FEW, True), (MANY, True), (FEW, False))
    )
    measures: dict[str, Callable[[], float]] = {"durable": durable, "crowded": crowded, "unsynced": unsynced}
    if environments.eventsourcing is not None:
        measures["peer"] = partial(_peer_seconds, environments.eventsourcing, folder, "SQLite", "append", FEW)
    taken = turns(measures, rounds, budget)
    what = f"durable append, {FEW:,} todos"
    for appends, words, key in (
        (durable, what, "engine/append"),
        (crowded, f"durable append, {MANY:,} todos", ""),
        (unsynced, f"append without fsync, {FEW:,} todos", ""),
    ):
        against = "open, flock, write, close" if appends is unsynced else "open, flock, write, fsync, close"
        section.figure(words, "events/s", appends.rate(), key=key, against=against, base=appends.by_hand())
    if "peer" in taken:
        section.figure(
            what,
            "events/s",
            1 / taken["durable"],
            key="engine/append/eventsourcing",
            against="eventsourcing, SQLite",
            base=1 / taken["peer"],
        )
    section.point("durable append, by todos in the list", FEW, taken["durable"])
    section.point("durable append, by todos in the list", MANY, taken["crowded"])


class _Appends:
    """A measure of appends which remembers what the same lines cost by hand: each run takes turns within itself."""

    def __init__(self, python: Path, folder: Path, todos: int, appends: int, synced: bool) -> None:
        self._python = python
        self._folder = folder
        self._arguments = (str(todos), str(appends), str(int(synced)))
        self._reported: list[dict[str, float]] = []

    def __call__(self) -> float:
        """Seconds an event."""
        with tempfile.TemporaryDirectory(dir=self._folder) as store:
            self._reported.append(json.loads(inside(self._python, "append", store, *self._arguments)))
        return 1 / self._reported[-1]["service"]

    def rate(self) -> float:
        """Events a second through the service."""
        return statistics.median(reported["service"] for reported in self._reported)

    def by_hand(self) -> float:
        """Events a second by hand: such that the ratio of both is the median of the runs' ratios."""
        return self.rate() / statistics.median(reported["service"] / reported["by hand"] for reported in self._reported)
