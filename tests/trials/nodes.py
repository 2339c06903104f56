"""Two PostgreSQL servers of one's own, a primary and its standby, that change places: the trial `standby` uses them."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from ..servers import initialised

_PATIENCE = 60.0
"""The seconds after which a server that does not do what it was told is an error of the trial."""


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    Args:
        what: What, in words.
        holds: Returns whether it holds. While it raises a `psycopg.Error`, it does not hold yet.

    Raises:
        TimeoutError: It did not come to hold.
    """
    deadline = time.monotonic() + _PATIENCE
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except psycopg.Error as error:
            last = error
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not after {_PATIENCE:.0f} s; {last}")


class Node:
    """One of the two servers.

    Attributes:
        name: Its name, by which the other one knows it as its standby.
        port: Its port on 127.0.0.1.
    """

    def __init__(self, folder: Path, name: str, port: int, standbys: str) -> None:
        """Prepare a server, which is neither made nor started yet.

        Args:
            folder: The folder that holds its folder and its log.
            name: Its name.
            port: Its port.
            standbys: The setting `synchronous_standby_names`.
        """
        self.name = name
        self.port = port
        self._data = folder / name
        self._log = folder / f"{name}.log"
        self._settings = {
            "port": f"{port}",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "synchronous_standby_names": standbys,
            "wal_retrieve_retry_interval": "100ms",
        }
        self._source = ""
        self._binaries = Path()
        self._user: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of this server alone."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Make a new server, which is a primary."""
        self._binaries, self._user = initialised(self._data)

    def copy(self, primary: "Node") -> None:
        """Make a standby of a primary from a copy of all its files, in place of whatever this server held."""
        self._binaries, self._user = primary._binaries, primary._user
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        self._own(self._data)
        arguments = ["-D", str(self._data), "-d", primary.url, "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        with self._log.open("ab") as log:
            subprocess.run(
                [self._binaries / "pg_basebackup", *arguments], check=True, stdout=log, stderr=log, user=self._user, cwd="/"
            )
        self._source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        (self._data / "postgresql.auto.conf").write_text(f"primary_conninfo = '{self._source}'\n")
        (self._data / "standby.signal").touch()
        self._own(self._data / "standby.signal")

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, pwd.getpwnam(self._user).pw_uid, -1)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", str(self._data), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd="/",
            )
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until it answers."""
        until(f"the server {self.name} answers", lambda: self.value("SELECT 1") == 1)

    def value(self, query: str) -> Any:
        """Return the only value that a query gives. Nothing here may write: a primary without its standby would wait."""
        rows = self.rows(query)
        return rows[0][0] if rows else None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows that a query gives."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def wait_for_standby(self) -> None:
        """Wait until a standby has everything that was committed here, and is synchronous if this server wants that."""
        state = "sync" if self._settings["synchronous_standby_names"] else "async"
        query = f"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '{state}'"
        until(f"a standby of {self.name} streams as {state}", lambda: self.value(query) == 1)

    def cut_off(self) -> None:
        """Let this standby receive nothing more from its primary."""
        self._receive_from("")
        query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walreceiver'"
        until(f"the standby {self.name} is cut off", lambda: self.value(query) == 0)

    def connect_again(self) -> None:
        """Let this standby receive again what its primary sends."""
        self._receive_from(self._source)

    def _receive_from(self, source: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET primary_conninfo = '{source}'".encode())
            connection.execute("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make this standby a primary."""
        if not self.value("SELECT pg_promote(true, 60)"):
            raise RuntimeError(f"the standby {self.name} did not become a primary")

    def crash(self) -> None:
        """Kill one of the processes that serve clients. Then the server ends all others, and recovers as after a crash."""
        serving = (
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
        )
        victim = int(self.value(serving))
        os.kill(victim, signal.SIGKILL)
        left = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {victim}"
        until(f"the server {self.name} has recovered", lambda: self.value(left) == 0)

    def kill(self) -> None:
        """Kill all its processes with SIGKILL, and wait until none is left."""
        process = self._process
        if process is None:
            return
        os.kill(process.pid, signal.SIGSTOP)  # so that it starts no other process meanwhile
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for each in (process.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait()
        self._process = None
        until(f"all processes of {self.name} are gone", lambda: not any(_runs(int(child)) for child in children))


def _runs(process: int) -> bool:
    """Return whether a process runs. One that has ended, and that nobody has waited for, does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(") ")[2][0] not in "ZX"


@contextmanager
def primary_and_standby(*, synchronous: bool) -> Iterator[tuple[Node, Node]]:
    """Start a primary and its standby, which are killed and removed after the block.

    Args:
        synchronous: Whether the primary reports a commit only when the standby has it.
    """
    standbys = "a, b" if synchronous else ""
    with tempfile.TemporaryDirectory(prefix="nodes-", ignore_cleanup_errors=True) as folder:
        a, b = (Node(Path(folder), name, port, standbys) for name, port in zip("ab", _free_ports(), strict=True))
        try:
            a.make()
            a.start()
            b.copy(a)
            b.start()
            a.wait_for_standby()
            yield a, b
        finally:
            a.kill()
            b.kill()


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
