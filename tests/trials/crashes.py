"""Every crash state: the trial records the system calls of a session, makes what a crash after each call could leave on the
disk, and lets the real store recover it.

Each commit that was reported as recorded before the crash must be there, complete and in its list. Every other commit must
be there completely or not at all.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.stores.snapshots import Folder, SnapshotStore
from cqrs_todo.todo.fields import SCHEMA, State
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.service import TodoList

from .children import SEED, a_list, store_in
from .deeds import NOW, THREE, Homes
from .disk import CALLS, Change, Fate, Files, Recording, pending, state
from .harness import ALTERED, CRASHED, HALF, MISSING, NOWHERE, TWICE, Control, Program, Size, Tally
from .ledger import LogFile, Logs, Wrong, crashed, logs_in, placed, untraceable

NAME = "crashes"
CONTROLS = (Control("no-fsync", MISSING), Control("many-lines", HALF))

SESSIONS: dict[str, tuple[str, ...]] = {
    "empty": (
        "add -",
        "add Call",
        "add Pay",
        "edit 1-3 pri:H +home",
        "done 1-2",
        "note 3 Soon",
        "undo",
        "redo",
        "-L work add -",
        "move 3 work",
        "lists rename work job",
        "-L job done 1",
        "lists archive job",
        "lists unarchive job",
        "restore --to @3",
    ),
    "torn": ("add -",),
    "unended": ("add -",),
    "suspect": ("add -", "lists rename inbox job"),
    "moved": (
        "export -o out",
        "undo",
        "redo",
        "-L work undo",
        "move 1-2 work",
        "-L work move 2 inbox",
        "import todos.json",
        "-L taken import events.jsonl",
        "export --format events -o out",
    ),
    "importable": ("-L taken import events.jsonl",),
    "damaged": ("verify --repair", "add -"),
    "long": ("done 1", "add -"),
}
"""The commands of each session, by the kind of home that it starts in."""
_SHORT = {"empty": SESSIONS["empty"][:5], "moved": SESSIONS["moved"][4:6]}
_SECTOR = 512
_DRAWN = 60
_LIMIT = {Size.SHORT: 200, Size.FULL: 1_000_000}
"""How many states of one session are tried at most."""
_LARGE = 4096
"""A write of more bytes is not cut at every byte."""


@dataclass(frozen=True)
class Step:
    """A command that was done, and the home after it.

    `answered` is the place of its answer among the calls, `lines` has the lines that it added to each log, `places` the path
    of each log, `todos` the todos in each log, and `output` the content of the exported file.
    """

    answered: int
    lines: dict[str, frozenset[bytes]]
    places: dict[str, str]
    todos: dict[str, frozenset[str]]
    output: bytes | None


def _recorded(homes: Homes, kind: str, lines: Iterable[str]) -> tuple[Recording, list[Step]]:
    """Run a session, and return its calls and what its commands recorded. The first step is what was there before."""
    program = homes.copied(kind, f"session-{kind}")
    recording, record = Recording(), program.home.parent / f"calls-{kind}"
    recording.start_from(program.home)
    before = logs_in(program.data)
    steps = [_step(recording.place, {}, {id: _without_unended_line(log) for id, log in before.items()}, program.home)]
    strace = [
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-y",
        "-xx",
        "-s",
        "10000000",
        "-o",
        str(record),
        "-e",
        f"trace={CALLS}",
    ]
    for line in lines:
        result = program.run(*line.split(), "--json", stdin=THREE, before=strace)
        if crashed(result):
            raise RuntimeError(f"todo {line} ended with {result.code}: {result.err}")
        seen = len(recording.answers)
        recording.read(record, program.home)
        after = logs_in(program.data)
        answered = recording.answers[seen] if len(recording.answers) > seen else recording.place
        steps.append(_step(answered, before, after, program.home))
        before = after
    return recording, steps


def _without_unended_line(log: LogFile) -> LogFile:
    """Return the log without a last line that lacks its LF: that line was not reported as recorded."""
    is_ended = log.rest or log.path.read_bytes().endswith(b"\n")
    return log if is_ended else replace(log, lines=log.lines[:-1])


def _step(answered: int, before: Logs, after: Logs, home: Path) -> Step:
    new = {
        id: [line for line in log.lines[len(before[id].lines) if id in before else 1 :] if not _is_report_of_repair(line)]
        for id, log in after.items()
    }
    return Step(
        answered,
        {id: frozenset(lines) for id, lines in new.items() if lines},
        {id: str(log.path.relative_to(home)) for id, log in after.items()},
        placed(after),
        _output(home),
    )


def _is_report_of_repair(line: bytes) -> bool:
    """Return whether a line is the report that ends a repair. A repair that is done again reports another time."""
    return b'"type":"repaired"' in line


def _output(home: Path) -> bytes | None:
    path = home / "out"
    return path.read_bytes() if path.exists() else None


def _fates(changes: list[Change], dice: random.Random, size: Size) -> Iterator[dict[int, Fate]]:
    """Yield what can happen to changes that were not synced: plain cases, each cut of the last write, and random cases."""
    contents = [change for change in changes if change.file]
    names = [change for change in changes if not change.file]
    for lost in ([], changes, contents, names, *([change] for change in changes)):
        yield {id(change): False for change in lost}
    for kept in changes:
        yield {id(change): False for change in changes if change is not kept}
    written = [change for change in contents if change.data]
    for fate in _cuts(written[-1], size) if written else ():
        for lost in (names, []):
            yield {**{id(change): False for change in lost}, id(written[-1]): fate}
    for _ in range(_DRAWN if changes else 0):
        yield {id(change): _drawn(change, dice) for change in changes}


def _cuts(change: Change, size: Size) -> Iterator[bytes]:
    """Yield writes that end early, at a sector or at any byte, and writes whose length was stored before their content."""
    data = change.data or b""
    edges = range(_SECTOR - change.offset % _SECTOR, len(data), _SECTOR)
    every = size is Size.FULL and len(data) <= _LARGE
    for end in range(len(data)) if every else {*edges, 1, len(data) // 2, len(data) - 66, len(data) - 1}:
        yield data[: max(0, end)]
    for start, end in zip([0, *edges], [*edges, len(data)], strict=True):
        yield data[:start] + bytes(end - start) + data[end:]
        yield data[:start] + bytes(len(data) - start)


def _drawn(change: Change, dice: random.Random) -> Fate:
    if not change.data or dice.random() < 0.4:
        return dice.random() < 0.5
    data = bytearray(change.data)
    for start in range(-(change.offset % _SECTOR), len(data), _SECTOR):
        if dice.random() < 0.5:
            data[max(0, start) : start + _SECTOR] = bytes(len(data[max(0, start) : start + _SECTOR]))
    return bytes(data[: dice.randint(0, len(data))] if dice.random() < 0.5 else data)


def _made(files: Files, home: Path) -> None:
    home.mkdir()
    for name, content in sorted(files.items()):
        if content is None:
            (home / name).mkdir(mode=0o700)
        else:
            (home / name).write_bytes(content)
            (home / name).chmod(0o600)


def _recovered(home: Path, damaged: bool, tally: Tally, refusals: Counter[str]) -> Iterator[Wrong]:
    """Read every list and add to it, as the next commands do; count what was refused."""
    data = home / ".local/share/cqrs-todo"
    cache = Folder(str(home / ".cache/cqrs-todo/snapshots/jsonl"))
    store = store_in(data)
    refused = False
    for name in dict.fromkeys(["inbox", *store.names()]):
        try:
            if damaged:
                store.repair(name)
            with_snapshots = TodoList(
                store, name, "me@trial", default=name == "inbox", snapshots=SnapshotStore(cache, State, SCHEMA)
            )
            if with_snapshots.view() != a_list(data, name).view():
                yield ALTERED, f"{name} looks different with and without its snapshots"
            a_list(data, name).add([Create("Afterwards", NOW)])
        except CqrsError as error:
            refusals[type(error).__name__] += 1
            refused = True
        except Exception as error:
            yield CRASHED, f"the next command ended with {error!r}"
    tally.refused += refused


def _judge(steps: list[Step], place: int, logs: Logs, home: Path) -> Iterator[Wrong]:
    """Yield what is lost of a session that crashed after this number of calls."""
    answered = sum(step.answered <= place for step in steps)
    for number, step in enumerate(steps):
        for id, lines in step.lines.items():
            found = lines & frozenset(logs[id].lines) if id in logs else frozenset[bytes]()
            if found and found != lines:
                yield HALF, f"{len(found)} of {len(lines)} lines of command {number}"
            elif not found and number < answered:
                yield MISSING, f"command {number}"
    before, after = steps[answered - 1], steps[min(answered, len(steps) - 1)]
    for id, path in before.places.items():
        places = {path, after.places.get(id)}
        if id not in logs or str(logs[id].path.relative_to(home)) not in places:
            yield MISSING, f"the log in {path} is in {logs[id].path if id in logs else 'no place'}"
    if (output := _output(home)) not in (before.output, after.output):
        yield (MISSING if before.output == after.output else HALF), f"the export holds {output!r:.100}"
    yield from _misplaced(before.todos, after.todos, placed(logs))


def _misplaced(
    before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]], now: Mapping[str, frozenset[str]]
) -> Iterator[Wrong]:
    """Yield the todos that the interrupted command lost from every list, and those that are wrongly in two.

    A todo that the command moves may be in both lists after a crash.
    """
    then, later, found = (Counter(each for todos in lists.values() for each in todos) for lists in (before, after, now))
    for stream, times in then.items():
        if later[stream] and not found[stream]:
            yield NOWHERE, stream
        moves = {id for id, todos in before.items() if stream in todos} != {
            id for id, todos in after.items() if stream in todos
        }
        if found[stream] > max(times, later[stream]) and not moves:
            yield TWICE, stream


def trial(program: Program, size: Size) -> Tally:
    """Recover each distinct state that a crash of a session could leave."""
    if reason := untraceable():
        return Tally(skipped=reason)
    homes, tally, dice = Homes(program), Tally(), random.Random(SEED)
    home = program.home.parent / "state"
    refusals = Counter[str]()
    for kind, lines in (SESSIONS if size is Size.FULL else _SHORT).items():
        recording, steps = _recorded(homes, kind, lines)
        complete = state(recording, recording.place, {})
        for place, files in _states(recording, steps, dice, size):
            tally.cases += 1
            tally.reached += files != complete  # something that the session did was lost in the crash
            _made(files, home)
            with patch.object(os, "fsync"):  # a crash during the recovery is another session
                wrong = list(_recovered(home, kind == "damaged", tally, refusals))
            wrong += _judge(steps, place, logs_in(home / ".local/share/cqrs-todo"), home)
            for what, words in wrong:
                tally.wrong(what, f"{kind}, after call {place}: {words}")
            shutil.rmtree(home)
    tally.notes += [f"{many:,} lists refused: {kind}" for kind, many in sorted(refusals.items())]
    return tally


def _states(recording: Recording, steps: list[Step], dice: random.Random, size: Size) -> Iterator[tuple[int, Files]]:
    """Yield the distinct states, each with the place of the crash; the short form yields some of them, evenly spread."""
    seen = set()
    states = []
    for place in range(steps[0].answered, recording.place + 1):
        answered = sum(step.answered <= place for step in steps)
        for fates in _fates(list(pending(recording, place)), dice, size):
            files = state(recording, place, fates)
            key = hash((answered, frozenset(files.items())))
            if key not in seen:
                seen.add(key)
                states.append((place, fates))
    for place, fates in states[:: -(-len(states) // _LIMIT[size])]:
        yield place, state(recording, place, fates)
