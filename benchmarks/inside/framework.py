"""The framework within a fresh process: one stream, one entity, one append, a runner, or one of several writers.

Arguments: what to do (a key of `WORK`), the URL of a store, a folder for caches, the name of a log, and what the work needs.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cqrs_todo.cqrs.events import Metadata, Recorded
from cqrs_todo.cqrs.reactions import Reaction, Runner
from cqrs_todo.cqrs.repository import Repository
from cqrs_todo.cqrs.store import Append, Log, Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.todo.events import TodoEvent
from cqrs_todo.todo.fields import DUE, SCHEMA, TEXT, State
from cqrs_todo.todo.model import DECIDER, Change, Create, TodoCommand
from cqrs_todo.todo.recorder import SNAPSHOTS, TYPES

from . import OWN_TODOS, rate

Result = dict[str, float]
TodoRepository = Repository[State, TodoCommand, TodoEvent]

LIMIT = 5  # events, of a look at the newest ones
_DAYS = ("2031-01-01", "2031-01-02")


def main(what: str, url: str, cache: str, name: str, *more: str) -> None:
    """Print the seconds, and how many bytes the process read from files meanwhile."""
    if url.startswith("postgres"):
        import psycopg  # noqa: F401  # to import it takes longer than what is measured
    start = time.perf_counter()
    store = open_store(url, TYPES, cache=cache)
    if what == "import":
        import_lines(store, url, name, Path(more[0]))
    log = store.open(name)
    opening = time.perf_counter() - start
    result = WORK[what](store, log, Path(cache), *more)
    store.close()
    json.dump({"opening": opening, **result}, sys.stdout)


def measured(work: Callable[[], object]) -> Result:
    """Return how long a piece of work takes, and how much it reads."""
    before = bytes_read()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "bytes": bytes_read() - before}


def bytes_read() -> int:
    """Return how many bytes this process has read from files, also from those in the memory of the kernel."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("rchar: "):
            return int(line.removeprefix("rchar: "))
    raise RuntimeError("the kernel does not count what a process reads")


_FIRST = 100  # lines
_COMMITS = """
    INSERT INTO cqrs_commits (log, position, last, command, at, author, meta, sum, line)
    SELECT key, first, first + jsonb_array_length(document->'events') - 1, document->>'command',
           (document->>'at')::timestamptz, document->>'by', coalesce(document->'meta', '{}'), document->>'sum', line
    FROM (SELECT *, (document->>'position')::bigint AS first FROM lines) AS numbered, cqrs_logs
    WHERE name = %s
"""
_EVENTS = """
    INSERT INTO cqrs_events (log, commit, position, id, stream, version, type, data)
    SELECT key, (document->>'position')::bigint, place, event.id, stream, version, type, data
    FROM lines, cqrs_logs, cqrs_events_in(document) AS event
    WHERE name = %s
"""


def import_lines(store: Store, url: str, name: str, path: Path) -> None:
    """Import the first lines of a log as everyone does, and copy the others into the tables, which takes much less time."""
    import psycopg

    with path.open("rb") as file, psycopg.connect(url) as connection:
        store.import_log(name, [file.readline() for _ in range(_FIRST)])
        connection.execute(
            "CREATE TEMPORARY TABLE lines (line text, document jsonb GENERATED ALWAYS AS (line::jsonb) STORED)"
        )
        with connection.cursor() as cursor:
            with cursor.copy("COPY lines (line) FROM STDIN") as copy:
                for line in file:
                    copy.write_row((line.decode().removesuffix("\n"),))
            for statement in (_COMMITS, _EVENTS):
                cursor.execute(statement, (name,))


def imported(_store: Store, _log: Log, _cache: Path, _path: str) -> Result:
    """Do nothing: `main` has imported the lines in the file."""
    return {}


def prepare(store: Store, log: Log, cache: Path, stream: str = "todo/any") -> Result:
    """Make what is there when the log has been used before: the snapshot, the index, the checkpoint and the head record."""
    repository(log, cache).load(_id(stream))
    list(log.events(stream=stream, limit=1))
    append_alone(store, log, cache, stream)
    Runner(store, log, Reaction("restart", _nothing)).begin_now()
    return {}


def read(_store: Store, log: Log, _cache: Path, stream: str) -> Result:
    """Read one stream, and read it again."""
    found: list[Recorded] = []
    first = measured(lambda: found.extend(log.events(stream=stream)))
    again = measured(lambda: found.extend(log.events(stream=stream)))
    return {**first, "again": again["seconds"], "events": len(found) / 2}


def newest(_store: Store, log: Log, _cache: Path, stream: str) -> Result:
    """Read the newest events of one stream, and read them again."""
    found: list[Recorded] = []
    first = measured(lambda: found.extend(log.events_backward(stream=stream, limit=LIMIT)))
    again = measured(lambda: found.extend(log.events_backward(stream=stream, limit=LIMIT)))
    return {**first, "again": again["seconds"], "events": len(found) / 2}


def load(_store: Store, log: Log, cache: Path, stream: str) -> Result:
    """Load one entity from the newest snapshot and what was recorded after it."""
    return measured(lambda: repository(log, cache).load(_id(stream)))


def append(_store: Store, log: Log, cache: Path, stream: str) -> Result:
    """Execute one command: load its entity, decide, append."""
    command = Change(TEXT, f"Write the report {time.time_ns()}")
    return measured(lambda: repository(log, cache).execute(_id(stream), command, Metadata.new("bench@host")))


def append_alone(_store: Store, log: Log, _cache: Path, stream: str) -> Result:
    """Append one event to a new stream, without a repository and so without a snapshot."""
    events = tuple(DECIDER.decide(Create("Write the report", datetime.now(UTC)), None))
    appends = [Append(f"{stream}-{time.time_ns()}", events)]
    return measured(lambda: log.append(appends, Metadata.new("bench@host")))


def restart(store: Store, log: Log, _cache: Path) -> Result:
    """Start a runner for which nothing is new."""
    done: list[int] = []
    result = measured(lambda: done.append(Runner(store, log, Reaction("restart", _nothing)).catch_up()))
    if done != [0]:
        raise RuntimeError(f"there were {done} new events: what was measured is not a restart")
    return result


def begin(store: Store, log: Log, _cache: Path) -> Result:
    """Let the runner that is started again come to the end of the log."""
    return {"events": Runner(store, log, Reaction("restart", _nothing)).catch_up()}


def react(store: Store, log: Log, _cache: Path) -> Result:
    """Run a new reaction, which does nothing, from the start of the log."""
    done: list[int] = []
    reaction = Reaction(f"react-{time.time_ns()}", _nothing)
    result = measured(lambda: done.append(Runner(store, log, reaction).catch_up()))
    return {**result, "events": sum(done)}


def write(_store: Store, log: Log, _cache: Path, seconds: str) -> Result:
    """Execute commands on todos of this writer's own for some seconds, as soon as a line comes on standard input."""
    todos: TodoRepository = Repository(log, DECIDER)
    ids = [f"w{time.time_ns()}x{number}" for number in range(OWN_TODOS)]
    for id in ids:
        todos.execute(id, Create("Write the report", datetime.now(UTC)), Metadata.new("bench@host"))

    def append(done: int) -> None:
        # a todo that comes round again is given the other day: a change to what is there already is none
        command = Change(DUE, _DAYS[done // OWN_TODOS % 2])
        _, commit = todos.execute(ids[done % OWN_TODOS], command, Metadata.new("bench@host"))
        if commit is None:
            raise RuntimeError("nothing was recorded: what was measured is not an append")

    return {"rate": rate(append, float(seconds))}


def repository(log: Log, cache: Path) -> TodoRepository:
    """Return the todos of a log, with snapshots in a folder."""
    return Repository(
        log, DECIDER, snapshots=SnapshotStore(Folder(str(cache / "snapshots")), State, SCHEMA), strategy=SNAPSHOTS
    )


def _id(stream: str) -> str:
    return stream.partition("/")[2]


def _nothing(_event: Recorded) -> None:
    return None


WORK: dict[str, Callable[..., Result]] = {
    "import": imported,
    "prepare": prepare,
    "read": read,
    "newest": newest,
    "load": load,
    "append": append,
    "append-alone": append_alone,
    "begin": begin,
    "restart": restart,
    "react": react,
    "write": write,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
