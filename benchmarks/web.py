"""The page's server under load: pages of todos over GraphQL, beside what graphql-core alone takes for constants."""

import asyncio
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .environments import Environments
from .homes import with_history
from .measure import Failed, environment, turns
from .results import Section

CONNECTIONS = 16
HALF_OPEN = 300
"""How many connections send a part of a header, and then nothing."""
QUERY = "{ list { todos(first: 100) { edges { node { number id text due priority tags } } } } }"
"""A page: 100 todos × 6 fields."""
SMALL = "{ list { todos(first: 1) { edges { node { number text } } } } }"


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    process: "subprocess.Popen[bytes]"
    port: int
    headers: Mapping[str, str]

    def request(self, query: str) -> bytes:
        """A whole request of HTTP."""
        body = json.dumps({"query": query}).encode()
        lines = {"Host": f"127.0.0.1:{self.port}", **self.headers, "Content-Length": f"{len(body)}"}
        return (
            "\r\n".join(["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]).encode()
            + body
        )

    @property
    def seconds(self) -> float:
        """The processor time that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """The memory that it holds resident, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@dataclass(frozen=True)
class Load:
    """What some seconds of requests took."""

    rate: float
    """Requests a second."""
    late: float
    """The 99th percentile of the latency, in seconds."""
    median: float
    """Its median."""
    work: float
    """The processor time of the server for a request, in seconds."""


def measure(environments: Environments, *, quick: bool) -> Section:
    """Load, the size of the list, memory, and clients that do not go on."""
    section = Section("web", "Lists over GraphQL")
    if environments.web is None or sys.platform != "linux":
        section.note("the processor time of the server is read from /proc, which only Linux has")
        return section
    python = environments.web / "bin" / "python"
    rounds, seconds, requests = (3, 1.0, 10_000) if quick else (9, 3.0, 100_000)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours = {
            todos: stack.enter_context(_todo_serve(Path(folder) / f"{todos}", python, todos))
            for todos in (100, 1_000, 10_000)
        }
        alone = stack.enter_context(_constants(python))
        _load(section, ours[100], alone, rounds, seconds)
        _pages(section, ours[1_000], ours[10_000], rounds, seconds)
        _half_open(section, ours[100], rounds, seconds)
        _memory(section, ours[1_000], requests)
    section.note(f"{CONNECTIONS} connections are kept; a page is 100 todos × 6 fields; the client runs on the same machine")
    return section


def _load(section: Section, ours: Served, alone: Served, rounds: int, seconds: float) -> None:
    loads: dict[str, list[Load]] = {"ours": [], "alone": []}
    servers = {"ours": ours, "alone": alone}
    for _ in range(rounds):
        for name, server in servers.items():
            loads[name].append(asyncio.run(_loaded(server, QUERY, seconds)))
    against = "graphql-core on constants"
    rate, base = (statistics.median(load.rate for load in loads[name]) for name in servers)
    section.figure("pages a second", "/s", rate, key="web/rate", against=against, base=base)
    work, least = (statistics.median(load.work for load in loads[name]) * 1_000 for name in servers)
    section.figure("processor time of a page", "ms", work, key="web/work", against=against, base=least)
    late, base = (statistics.median(load.late for load in loads[name]) * 1_000 for name in servers)
    section.figure("99th percentile of the latency", "ms", late, against=against, base=base)


def _pages(section: Section, few: Served, many: Served, rounds: int, seconds: float) -> None:
    def work(server: Served) -> Callable[[], float]:
        return lambda: asyncio.run(_loaded(server, QUERY, seconds)).work

    taken = turns({"few": work(few), "many": work(many)}, rounds, 600)
    many_ms, few_ms = taken["many"] * 1_000, taken["few"] * 1_000
    what = "processor time of a page, of 10,000 todos"
    section.figure(what, "ms", many_ms, key="web/page/10000", against="of 1,000 todos", base=few_ms)


def _half_open(section: Section, server: Served, rounds: int, seconds: float) -> None:
    """Measure one client alone, and beside connections that have sent a part of a header."""

    def alone() -> float:
        return asyncio.run(_loaded(server, SMALL, seconds, connections=1)).median

    def beside() -> float:
        waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(HALF_OPEN)]
        try:
            for connection in waiting:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
            return alone()
        finally:
            for connection in waiting:
                connection.close()

    taken = turns({"alone": alone, "beside": beside}, rounds, 600)
    what, key = f"median latency beside {HALF_OPEN} half-open connections", "web/half-open"
    section.figure(what, "ms", taken["beside"] * 1_000, key=key, against="without them", base=taken["alone"] * 1_000)


def _memory(section: Section, server: Served, requests: int) -> None:
    """Measure how much more memory the server holds after many requests than after a few."""
    asyncio.run(_loaded(server, QUERY, count=2_000))
    before = server.memory
    asyncio.run(_loaded(server, SMALL, count=requests))
    asyncio.run(_loaded(server, QUERY, count=200))
    what = f"memory after {requests:,} requests"
    section.figure(what, "MiB", server.memory, key="web/memory", against="after 2,000", base=before)


# requests


async def _loaded(server: Served, query: str, seconds: float = 0, *, count: int = 0, connections: int = CONNECTIONS) -> Load:
    """Send the same request on several connections, for some seconds or a number of times.

    Raises:
        Failed: A request is not answered with data.
    """
    request = server.request(query)
    latencies: list[float] = []
    begun, work = time.perf_counter(), server.seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
        while len(latencies) < count or time.perf_counter() - begun < seconds:
            start = time.perf_counter()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))
            if not head.startswith(b"http/1.1 200") or not body.startswith(b'{"data":{'):
                raise Failed(f"the server answered {body[:100]!r}")
            latencies.append(time.perf_counter() - start)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    lasted = time.perf_counter() - begun
    ranked = sorted(latencies)
    return Load(
        rate=len(ranked) / lasted,
        late=ranked[len(ranked) * 99 // 100],
        median=statistics.median(ranked),
        work=(server.seconds - work) / len(ranked),
    )


# servers


@contextmanager
def _todo_serve(folder: Path, python: Path, todos: int) -> Iterator[Served]:
    home = with_history(folder, [str(python), str(python.with_name("todo"))], todos, 2 * todos)
    home.warm()
    command = [*home.todo, "--json", "serve", "--port", "0"]
    with _ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=home.env)) as process:
        line = b"" if process.stdout is None else process.stdout.readline()
        if not line:
            raise Failed("todo serve did not start")
        document = json.loads(line)
        headers = {"Authorization": f"Bearer {document['token']}", "Content-Type": "application/json"}
        yield Served(process, int(document["graphql"].removesuffix("/graphql").rpartition(":")[2]), headers)


@contextmanager
def _constants(python: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    module = Path(__file__).parent / "inside" / "graphql_constants.py"
    command = [str(python), str(module), str(port)]
    started = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment(Path(tempfile.gettempdir())))
    with _ended(started) as process:
        for _ in range(200):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.connect()
                connection.close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise Failed("graphql-core did not start")
        yield Served(process, port, {"Content-Type": "application/json"})


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> "Iterator[subprocess.Popen[bytes]]":
    with process:
        try:
            yield process
        finally:
            process.terminate()
