"""What stands in a store's folder, and whether it fits with what was told: judged without the program's own code.

The trials that break the program from outside (faults, kills, crash states, power cuts) judge by this one module.
"""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from .harness import ALTERED, CRASHED, HALF, MISSING, NOWHERE, STUCK, TWICE, UNNOTICED, UNTOLD, Program, Result

Wrong: TypeAlias = tuple[str, str]
"""What went wrong, as one of the constants of `harness`, and an example in words."""

FORESEEN = (0, 1, 3, 4, 5, 6)
"""The exit codes that a fault of the machine may lead to."""

_SEAL = b',"sum":"'
_SEAL_LENGTH = len(_SEAL) + 64 + len(b'"}')


@dataclass(frozen=True)
class Standing:
    """A log's file as it stands: its lines as far as their sums hold, header first, and what comes behind them."""

    path: Path
    lines: tuple[bytes, ...]
    rest: bytes
    doubted: bool = False
    """Whether its lock file says that the disk failed to sync it."""

    @property
    def name(self) -> str:
        """The name that the log was made under, which a rename leaves."""
        return str(msgspec.json.decode(self.lines[0])["name"])

    def commits(self, start: int = 1) -> list[Any]:
        """The commits on the lines from `start` on, decoded."""
        return [msgspec.json.decode(line) for line in self.lines[start:]]


def untraceable() -> str:
    """Why no process can be traced here; '' where it can."""
    try:
        done = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False)
    except OSError as error:
        return f"strace can't be run: {error.strerror}"
    return done.stderr.decode(errors="replace").strip()[-200:] if done.returncode else ""


Logs: TypeAlias = Mapping[str, Standing]
"""The logs of a store by their id; a file without a header by its path."""


def sealed(content: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """The lines of a log, without LF, as far as each ends in the sum over all before it; and the bytes behind them.

    A last line that only lacks its LF is one: the next writer ends it.
    """
    lines: list[bytes] = []
    previous, rest = b"", content
    while rest:
        line, _, behind = rest.partition(b"\n")
        body, seal = line[:-_SEAL_LENGTH], line[-_SEAL_LENGTH:]
        previous = hashlib.sha256(previous + body).hexdigest().encode()
        if seal != _SEAL + previous + b'"}':
            break
        lines.append(line)
        rest = behind
    return tuple(lines), rest


def logs_in(data: Path) -> dict[str, Standing]:
    """Every log in a store's folder, those put away too."""
    logs = {}
    for path in sorted(data.glob("*/*.jsonl")):
        lines, rest = sealed(path.read_bytes())
        id = str(msgspec.json.decode(lines[0])["id"]) if lines else str(path)
        logs[id] = Standing(path, lines, rest, _is_doubted(path.with_suffix(".lock")))
    return logs


def _is_doubted(lock: Path) -> bool:
    """Whether there is a mark behind the head, which is noted in the first 256 bytes."""
    return lock.exists() and lock.read_bytes()[256:] == b"suspect\n"


def vanished(before: Logs, after: Logs) -> Iterator[Wrong]:
    """What stood before and stands no more, byte for byte."""
    for id, log in before.items():
        found = after.get(id)
        if found is None:
            yield MISSING, f"{log.path.name} with {len(log.lines) - 1} commits is gone"
        elif found.lines[: len(log.lines)] != log.lines:
            yield ALTERED, f"earlier commits of {log.path.name} are gone or altered"
        elif log.doubted and not found.doubted and not list(found.path.parent.glob("*.unsynced-*")):
            yield UNNOTICED, f"{found.path.name} lost the mark that the disk had failed to sync it, and was not written anew"


def events_of(commits: list[Any]) -> list[tuple[Any, ...]]:
    """The events of commits, one after the other."""
    return [(e["stream"], e["version"], e["type"], e["data"]) for commit in commits for e in commit["events"]]


def added(before: Logs, after: Logs) -> dict[str, list[Any]]:
    """The commits that came, by the name that their log was made under; without those that were taken back at once."""
    new = {}
    for id, log in after.items():
        commits = log.commits(len(before[id].lines) if id in before else 1) if log.lines else []
        if len(commits) > 1 and commits[-1]["meta"].get("undoes") == [commit["position"] for commit in commits[:-1]]:
            commits = []
        if commits:
            new[log.name] = commits
    return new


def types_of(new: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """The types of the events that came: what is the same each time that a command is carried out."""
    return {name: [event[2] for event in events_of(commits)] for name, commits in new.items()}


def told(result: Result) -> str:
    """What a run told: 'recorded', 'not recorded', 'unknown', or '' where it could tell nothing."""
    if result.code == 0 or (result.code < 0 and result.out) or "what was recorded stays recorded" in result.err:
        return "recorded"
    if result.code < 0 or not result.err:
        return ""
    return "unknown" if '"code":"unknown"' in result.err else "not recorded"


def crashed(result: Result) -> bool:
    """Whether a run ended without a clear error; a run that was killed by a signal did not."""
    words = "Traceback" in result.err or "internal error" in result.err
    return words or (result.code >= 0 and result.code not in FORESEEN)


def is_refusal(result: Result) -> bool:
    """Whether a run said clearly that it did not do what it was asked."""
    return not crashed(result) and told(result) == "not recorded"


_PLACING = {"todo_created": True, "todo_restored": True, "todo_removed": False}


def placed(logs: Logs) -> dict[str, frozenset[str]]:
    """The streams of the todos in each log that are not removed, by the log's id."""
    places = {}
    for id, log in logs.items():
        there: dict[str, bool] = {}
        for stream, _, type, _ in events_of(log.commits()):
            there[stream] = _PLACING.get(type, there.get(stream, False))
        places[id] = frozenset(stream for stream, is_there in there.items() if is_there)
    return places


def misplaced(before: Logs, after: Logs, *, may_be_twice: bool) -> Iterator[Wrong]:
    """Todos that were in a list and are in none; and those in two lists that were in one, unless that is allowed."""
    then = [stream for streams in placed(before).values() for stream in streams]
    now = [stream for streams in placed(after).values() for stream in streams]
    for stream in dict.fromkeys(then):
        if stream not in now:
            yield NOWHERE, stream
        elif now.count(stream) > max(1, then.count(stream)) and not may_be_twice:
            yield TWICE, stream


def judged(result: Result, wanted: Mapping[str, list[str]], before: Logs, after: Logs) -> Iterator[Wrong]:
    """What is wrong after a run that met a fault; `wanted` are the types of the events that it records without one."""
    if crashed(result):
        yield CRASHED, f"exit {result.code}: {result.err.strip()[:300]}"
    yield from vanished(before, after)
    new = added(before, after)
    types = types_of(new)
    outcome = told(result)
    half = {name: found for name, found in types.items() if found != wanted.get(name)}
    if half:
        yield HALF, f"{half} of {dict(wanted)}; told: {outcome!r}"
    elif outcome == "recorded" and (types != wanted or not _holds(new, result.out)):
        yield MISSING, f"{types} of {dict(wanted)} is there"
    elif outcome == "not recorded" and types:
        yield UNTOLD, f"{types}: exit {result.code}: {result.err.strip()[:300]}"


def _holds(new: Mapping[str, list[Any]], answer: bytes) -> bool:
    """Whether the commit of an answer is among those that came: all its events, one after the other."""
    if not answer:
        return True
    commit = msgspec.json.decode(answer).get("commit")
    wanted = events_of([commit]) if commit else []
    return not wanted or any(wanted == events_of(commits)[: len(wanted)] for commits in new.values())


def carried_on(program: Program, name: str, after: Logs) -> Iterator[Wrong]:
    """What is wrong with the next `todo add`, all faults being gone: it works, and nothing that stood is lost by it."""
    result = program.run("-L", name, "add", "--json", "Afterwards")
    now = logs_in(program.data)
    if result.code != 0:
        yield STUCK, f"the next add failed: exit {result.code}: {result.err.strip()[:300]}"
    elif not _holds(added(after, now), result.out):
        yield MISSING, "what the next add recorded is not there"
    yield from vanished(after, now)
    yield from _unkept(after, now)


def _unkept(after: Logs, now: Logs) -> Iterator[Wrong]:
    """Torn ends that the next writer neither ended nor set aside in a file."""
    for id, log in after.items():
        if not log.rest or id not in now or log.rest == now[id].rest:
            continue
        aside = (path.read_bytes() for path in log.path.parent.glob(f"{log.path.stem}.torn-*"))
        if log.rest not in now[id].lines and log.rest not in aside:
            yield UNNOTICED, f"the torn end of {log.path.name} is nowhere: {log.rest[:40]!r}"
