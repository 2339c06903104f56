"""Every pair of writing verbs at the same time, as real processes in one home: the result is that of one of the two orders.

Each pair is started together, a few random milliseconds apart, and also with one of the two stopped at a lock or a sync
(strace delays the call) while the other runs. Three at a time are tried too. Afterwards

- every log is complete, and the verification of the store finds no damage;
- every command that was reported as recorded is in the log exactly once;
- every todo that no order of the verbs removes is in exactly one list;
- no process crashed;
- the lists have what one of the two orders gives; a verb that was refused changed nothing.
"""

import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, count
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from cqrs_todo.cqrs.errors import CqrsError

from .children import SEED, store_in
from .deeds import Homes
from .harness import CRASHED, DOUBLED, LOST, MISSING, NOWHERE, SILENT, TWICE, Control, Program, Result, Size, Tally, ended
from .ledger import crashed, events_of, is_refusal, logs_in, placed, untraceable

NAME = "pairs"
CONTROLS = (Control("torn-move", NOWHERE),)

UNEXPLAINED = f"{LOST}: no order of the verbs gives these lists"
DAMAGED = f"{SILENT}: concurrent writers damaged a log"

STOP_SECONDS = 0.7
"""The seconds that a process is stopped. This is longer than the other process takes."""
HEAD_START = 0.15
"""The seconds that the stopped process starts before the other one."""

_STOPS = ("flock", "fsync", "rename")
"""The calls at which a process is stopped: before it gets a lock, and before and after its data is durable."""
_TIMED = re.compile(r"^\d+\s+(\d+\.\d+) (\w+)\(.*\(DELAYED\)", re.MULTILINE)


@dataclass(frozen=True)
class Verb:
    """A command that changes something. `{a}` and so on are ids, `{p}` is the number of the process."""

    words: str
    stdin: str = ""

    def __str__(self) -> str:
        return self.words

    def args(self, ids: Mapping[str, str], process: int) -> list[str]:
        """Return the arguments of `todo`."""
        return [*self.words.format(p=process, **ids).split(), "--json"]

    def input(self, process: int) -> bytes:
        """Return what the command reads from its standard input."""
        return self.stdin.format(p=process).encode()


MOVE = Verb("move {a} work")
VERBS = (
    MOVE,
    Verb("move {a} {b} shop"),
    Verb("move {a} fresh{p}"),
    Verb("-L work move {w} inbox"),
    Verb("-L work move {m} inbox"),
    Verb("-L work move {m} shop"),
    Verb("add New-{p} +home"),
    Verb("add -", "First-{p}\nSecond-{p}\n"),
    Verb("-L fresh add New-{p}"),
    Verb("done {a}"),
    Verb("done {a} work/{w}"),
    Verb("done {r}"),
    Verb("skip {r}"),
    Verb("edit {b} under:{a}"),
    Verb("edit {a} under:{b}"),
    Verb("reopen {c}"),
    Verb("toggle {a} {c}"),
    Verb("edit {a} Otherwise-{p} pri:H"),
    Verb("tag {a} +red{p} +both"),
    Verb("note {a} Note-{p}"),
    Verb("remind {a} 2031-01-02"),
    Verb("rm {a}"),
    Verb("-L work rm {m}"),
    Verb("undo"),
    Verb("undo 2"),
    Verb("redo"),
    Verb("-L work undo"),
    Verb("-L work redo"),
    Verb("restore --to @4"),
    Verb("import todos.json"),
    Verb("-L taken import events.jsonl"),
    Verb("lists new taken"),
    Verb("lists rename work job"),
    Verb("lists rename inbox work"),
    Verb("lists archive work"),
    Verb("lists unarchive old"),
    Verb("verify --repair"),
)
_REPLACING = ("rm ", "undo", "redo", "restore", "import todos")
"""Words of the verbs that may take a todo out of every list, or put it in a second one."""

State: TypeAlias = frozenset[tuple[str, frozenset[tuple[str, ...]]]]
"""The content of all lists: the folder and the name of each, and its todos without what differs between runs."""


@dataclass(frozen=True)
class Outcome:
    """The result of some verbs: which of them succeeded, the content of the lists, and in how many lists each todo is."""

    done: tuple[bool, ...]
    state: State
    places: Mapping[str, int] = field(compare=False)


@dataclass(frozen=True)
class Case:
    """Some verbs to run at the same time in a home. The first is stopped at the call `stop`, given with its number."""

    home: str
    verbs: tuple[Verb, ...]
    offsets: tuple[float, ...]
    stop: tuple[str, int] | None = None

    def __str__(self) -> str:
        words = " | ".join(map(str, self.verbs))
        how = f"the first stopped at {self.stop[0]} {self.stop[1]}" if self.stop else f"started at {self.offsets} s"
        return f"[{self.home}] {words}, {how}"


class _Bench:
    """The homes, the result of each verb alone, and the results of each order of two verbs."""

    def __init__(self, program: Program) -> None:
        self._homes = Homes(program)
        self._number = count()
        self.ids = {kind: self._ids(kind) for kind in ("moved", "moved-undone")}
        self._places = {kind: _places(self._homes.original(kind).data) for kind in self.ids}
        self._alone: dict[tuple[str, Verb, int], tuple[Program, bool, Counter[str]]] = {}
        self._orders: dict[tuple[str, Verb, Verb], tuple[Outcome, ...]] = {}

    def _ids(self, kind: str) -> dict[str, str]:
        """Return the ids of the todos that the verbs name, by letter."""
        data = self._homes.original(kind).data
        names = {
            "Pay the rent": "a", "Buy oat milk": "b", "Water the plants": "c", "Write the report": "w", "Call the bank": "m",
            "Empty the bin": "r",
        }  # fmt: skip
        ids: dict[str, str] = {}
        for name in ("inbox", "work"):
            for event in logs_in_name(data, name):
                if event[2] == "todo_created" and event[3]["text"] in names:
                    ids[names[event[3]["text"]]] = event[0].partition("/")[2]
        return ids

    def _copied(self, kind: str) -> Program:
        return self._homes.copied(kind, f"pair-{next(self._number)}")

    def alone(self, kind: str, verb: Verb, process: int) -> tuple[Program, bool, Counter[str]]:
        """Return a home in which a verb ran alone, whether it succeeded, and how often it makes each call."""
        key = kind, verb, process
        if key not in self._alone:
            program = self._copied(kind)
            record = program.home / "calls"
            before = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(record), "-e", f"trace={','.join(_STOPS)}"]
            result = program.run(*verb.args(self.ids[kind], process), stdin=verb.input(process), before=before)
            calls = Counter(line.split()[1].partition("(")[0] for line in record.read_text().splitlines())
            self._alone[key] = program, result.code == 0, calls
        return self._alone[key]

    def orders(self, kind: str, first: Verb, second: Verb) -> tuple[Outcome, ...]:
        """Return the results of the verbs in each order, and of each alone, for the case that the other is refused."""
        key = kind, first, second
        if key not in self._orders:
            a, a_done, _ = self.alone(kind, first, 1)
            b, b_done, _ = self.alone(kind, second, 2)
            nothing = self._homes.original(kind).data
            with ThreadPoolExecutor(2) as pool:
                forth = pool.submit(self._after, a, second, 2, kind, lambda done: (a_done, done))
                back = pool.submit(self._after, b, first, 1, kind, lambda done: (done, b_done))
            self._orders[key] = (
                forth.result(),
                back.result(),
                _outcome((a_done, False), a.data),
                _outcome((False, b_done), b.data),
                _outcome((False, False), nothing),
            )
        return self._orders[key]

    def _after(self, earlier: Program, verb: Verb, process: int, kind: str, done: Any) -> Outcome:
        program = self._homes.twin(earlier, f"order-{next(self._number)}")
        result = program.run(*verb.args(self.ids[kind], process), stdin=verb.input(process))
        outcome = _outcome(done(result.code == 0), program.data)
        self._homes.done_with(program)
        return outcome

    def tried(self, case: Case) -> Tally:
        """Run a case, and judge its result."""
        tally = Tally(cases=1)
        program = self._copied(case.home)
        runs, tally.reached = _together(program, case, self.ids[case.home])
        results = [result for result, _ in runs]
        for verb, result in zip(case.verbs, results, strict=True):
            if crashed(result):
                tally.wrong(CRASHED, f"{case}: {verb} ended with {result.code}: {result.err.strip()[-300:]}")
            tally.refused += is_refusal(result)
        answers = "; ".join(f"{r.code} {(r.out.decode() or r.err).strip()[:100]}" for r in results)
        for what, words in self._wrong(case, program, results):
            tally.wrong(what, f"{case}: {words}; answers: {answers}")
        self._homes.done_with(program)
        return tally

    def _wrong(self, case: Case, program: Program, results: Sequence[Result]) -> Iterator[tuple[str, str]]:
        yield from _damage(program.data)
        yield from _once(program.data, results)
        yield from _added_once(program.data, case, results)
        outcome = _outcome(tuple(result.code == 0 for result in results), program.data)
        before = self._places[case.home]
        if len(case.verbs) == 2:
            orders = self.orders(case.home, *case.verbs)
            yield from _misplaced(outcome.places, before, [order.places for order in orders])
            if not any(_explains(order, outcome) for order in orders):
                yield UNEXPLAINED, f"{_differences(outcome, orders)}"
        elif not any(word in verb.words for verb in case.verbs for word in _REPLACING):
            yield from _misplaced(outcome.places, before, [])


def _together(program: Program, case: Case, ids: Mapping[str, str]) -> tuple[list[tuple[Result, tuple[float, float]]], bool]:
    """Run the verbs of a case at the same time.

    Returns:
        The result of each verb and when it ran, and whether they ran at the same time.
    """
    record = program.home / "stops"
    stop: list[str] = []
    if case.stop:
        call, nth = case.stop
        inject = f"inject={call}:delay_enter={int(STOP_SECONDS * 1e6)}:when={nth}"
        stop = ["strace", "-f", "-qq", "-ttt", "--seccomp-bpf", "-o", str(record), "-e", f"trace={call}", "-e", inject]

    def run(place: int) -> tuple[Result, tuple[float, float]]:
        time.sleep(case.offsets[place])
        verb, began = case.verbs[place], time.time()
        process = program.start(*verb.args(ids, place + 1), before=stop if place == 0 else ())
        result = ended(process, verb.input(place + 1))
        return result, (began, time.time())

    with ThreadPoolExecutor(len(case.verbs)) as pool:
        runs = list(pool.map(run, range(len(case.verbs))))
    if case.stop:
        stopped = [float(match[1]) for match in _TIMED.finditer(record.read_text())]
        others = [span for _, span in runs[1:]]
        return runs, any(began < at + STOP_SECONDS and end > at for at in stopped for began, end in others)
    return runs, max(began for _, (began, _) in runs) < min(end for _, (_, end) in runs)


def logs_in_name(data: Path, name: str) -> list[tuple[Any, ...]]:
    """Return the events in the file of a list, without the program's own code."""
    path = data / "lists" / f"{name}.jsonl"
    return [event for log in logs_in(data).values() if log.path == path for event in events_of(log.commits())]


def _damage(data: Path) -> Iterator[tuple[str, str]]:
    """Yield the logs that are damaged, judged by their bytes and by the verification of the store."""
    for log in logs_in(data).values():
        name = f"{log.path.parent.name}/{log.path.name}"
        if log.rest:
            yield DAMAGED, f"{name} has {len(log.rest)} bytes after its last complete line"
            continue
        position, versions = 1, Counter[str]()
        for commit in log.commits():
            if commit["position"] != position:
                yield DAMAGED, f"{name}: @{commit['position']} is where @{position} belongs"
            for event in commit["events"]:
                versions[event["stream"]] += 1
                if event["version"] != versions[event["stream"]]:
                    yield DAMAGED, f"{name}: {event['stream']} skips to version {event['version']}"
            position += len(commit["events"])
        try:
            verdict = store_in(data).verify(log.path.stem, archived=log.path.parent.name == "archive")
        except CqrsError as error:
            yield DAMAGED, f"{name} cannot be verified: {error}"
        else:
            if verdict.damage is not None:
                yield DAMAGED, f"{name}: {verdict.damage}"


def _once(data: Path, results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Yield the commands that are in a log more than once, and those that were reported as recorded and are in no log."""
    logs = logs_in(data).values()
    found = Counter((commit["command"], commit["position"]) for log in logs for commit in log.commits())
    for log in logs:
        for command, times in Counter(commit["command"] for commit in log.commits()).items():
            if times > 1:
                yield DOUBLED, f"{log.path.name} holds command {command} {times} times"
    for result in results:
        commit = msgspec.json.decode(result.out).get("commit") if result.code == 0 and result.out else None
        if commit and not found[commit["command"], commit["position"]]:
            yield MISSING, f"@{commit['position']} of command {commit['command']} is in no list"


def _added_once(data: Path, case: Case, results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Yield the added todos that are not there exactly once."""
    texts = Counter(
        event[3]["text"]
        for log in logs_in(data).values()
        for event in events_of(log.commits())
        if event[2] == "todo_created"
    )
    for place, (verb, result) in enumerate(zip(case.verbs, results, strict=True), 1):
        if " add " not in f" {verb.words} " or verb.words.startswith("lists"):
            continue
        wanted = verb.stdin.format(p=place).split() or [f"New-{place}"]
        for text in wanted:
            if texts[text] != (result.code == 0):
                what = MISSING if not texts[text] else DOUBLED
                yield what, f"{text} was answered with exit {result.code}, and is there {texts[text]} times"


def _places(data: Path) -> Counter[str]:
    """Count in how many lists each todo is."""
    return Counter(stream for streams in placed(logs_in(data)).values() for stream in streams)


def _misplaced(
    now: Mapping[str, int], before: Mapping[str, int], orders: Sequence[Mapping[str, int]]
) -> Iterator[tuple[str, str]]:
    """Yield the todos that are in no list or in two, although every order of the verbs leaves them in one."""
    for stream, at_first in before.items():
        places = [order.get(stream, 0) for order in orders] or [at_first]
        if min(places) > 0 and now.get(stream, 0) == 0:
            yield NOWHERE, stream
        if max(places) == 1 and now.get(stream, 0) > 1:
            yield TWICE, f"{stream} is in {now[stream]} lists"


def _explains(order: Outcome, outcome: Outcome) -> bool:
    """Return whether an order gives these lists and results."""
    return order.state == outcome.state and order.done == outcome.done


def _differences(outcome: Outcome, orders: Sequence[Outcome]) -> str:
    """Describe how a result differs from that of the first order."""
    now, then = dict(outcome.state), dict(orders[0].state)
    lines = [f"done {outcome.done}, not {[order.done for order in orders]}"]
    for name in sorted({*now, *then}):
        more = now.get(name, frozenset()) - then.get(name, frozenset())
        less = then.get(name, frozenset()) - now.get(name, frozenset())
        if more or less:
            lines.append(f"{name}: has {sorted(more)[:2]}, not {sorted(less)[:2]}")
    return "; ".join(lines)[:600]


def _outcome(done: tuple[bool, ...], data: Path) -> Outcome:
    return Outcome(done, frozenset(_held(data)), _places(data))


def _held(data: Path) -> Iterator[tuple[str, frozenset[tuple[str, ...]]]]:
    """Yield every list and its todos, folded without the program's own code, and without the ids and times of this run."""
    for log in logs_in(data).values():
        todos: dict[str, dict[str, Any]] = {}
        for stream, _, type, given in events_of(log.commits()):
            todo = todos.setdefault(stream, {"tags": set()})
            _evolve(todo, type, given)
        rows = frozenset(tuple(f"{name}={_normal(todo[name])}" for name in sorted(todo)) for todo in todos.values())
        yield f"{log.path.parent.name}/{log.path.stem}", rows


def _evolve(todo: dict[str, Any], type: str, given: Mapping[str, Any]) -> None:
    match type:
        case "todo_created":
            todo.update({name: given.get(name) for name in ("text", "note", "due", "reminder", "priority")})
            todo["tags"] |= set(given.get("tags", ()))
            todo["removed"], todo["done"] = False, todo.get("done", False)
        case "todo_removed" | "todo_restored":
            todo["removed"] = type == "todo_removed"
        case "todo_completed" | "todo_reopened":
            todo["done"] = type == "todo_completed"
        case "todo_tag_added":
            todo["tags"] |= {given["tag"]}
        case "todo_tag_removed":
            todo["tags"] -= {given["tag"]}
        case _:
            changed = type.removeprefix("todo_").removesuffix("_changed")
            todo[changed] = given["new"]


def _normal(value: Any) -> str:
    return ",".join(sorted(value)) if isinstance(value, set) else str(value)


def _stopped(bench: _Bench, home: str, pairs: Iterable[tuple[Verb, Verb]]) -> Iterator[Case]:
    """Yield each pair with the first verb stopped at each of its locks, syncs and renames."""
    for first, second in pairs:
        _, _, calls = bench.alone(home, first, 1)
        for call in _STOPS:
            yield from (Case(home, (first, second), (0, HEAD_START), (call, nth)) for nth in range(1, calls[call] + 1))


def _cases(bench: _Bench, size: Size, dice: random.Random) -> list[Case]:
    """Return the cases, which are the same in each run."""
    moves = [verb for verb in VERBS if "move" in verb.words]
    every = list(combinations_with_replacement(VERBS, 2))
    if size is Size.SHORT:
        cases = list(_stopped(bench, "moved", [(MOVE, MOVE)]))
        together, homes, threes = [[(MOVE, MOVE), *dice.sample(every, 3)]], ["moved"], 1
    else:
        both = [pair for one, other in every for pair in ((one, other), (other, one))]
        with_moves = [pair for pair in both if pair[0] in moves]
        cases = dice.sample(list(_stopped(bench, "moved", with_moves)), 300)
        cases += dice.sample(list(_stopped(bench, "moved-undone", both)), 300)
        together, homes, threes = [every, every], ["moved", "moved-undone"], 100
    for pairs in together:
        for number, pair in enumerate(pairs):
            offsets = (0.0, dice.choice([0.0, dice.uniform(0, 0.06), dice.uniform(0, 0.06)]))
            cases.append(Case(homes[number % len(homes)], pair, offsets[:: dice.choice((1, -1))]))
    for _ in range(threes):
        verbs = (dice.choice(moves), dice.choice(moves), dice.choice(VERBS))
        cases.append(Case("moved", verbs, (0.0, dice.uniform(0, 0.06), dice.uniform(0, 0.06))))
    return cases


def trial(program: Program, size: Size) -> Tally:
    """Run every pair several times; the short form has some pairs, and one move that is stopped at each of its calls."""
    if reason := untraceable():
        return Tally(skipped=reason)
    bench, tally = _Bench(program), Tally()
    cases = _cases(bench, size, random.Random(SEED))
    waiting = [case for case in cases if case.stop]
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:  # a stopped process uses no processor
        for part in pool.map(bench.tried, waiting):
            tally.add(part)
    with ThreadPoolExecutor(1) as pool:  # more than two or three processes do not run at the same time on two processors
        for part in pool.map(bench.tried, [case for case in cases if not case.stop]):
            tally.add(part)
    tally.notes.append(f"{len(waiting):,} cases with one process stopped, {len(cases) - len(waiting):,} started together")
    return tally
