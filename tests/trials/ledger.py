"""The logs in the folder of a store, and whether they match what the program reported; without the program's own code.

All trials that break the program from outside (faults, kills, crash states, power cuts) use this module to judge it.
"""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from .harness import ALTERED, CRASHED, HALF, MISSING, NOWHERE, STUCK, TWICE, UNNOTICED, UNREPORTED, Program, Result

Wrong: TypeAlias = tuple[str, str]
"""What went wrong, as one of the constants of `harness`, and an example in words."""

FORESEEN = (0, 1, 3, 4, 5, 6)
"""The exit codes that a fault of the machine may lead to."""

_DIGEST_KEY = b',"sum":"'
_DIGEST_LENGTH = len(_DIGEST_KEY) + 64 + len(b'"}')


@dataclass(frozen=True)
class LogFile:
    """The file of a log: its lines up to the first wrong digest, beginning with the header, and the bytes after them."""

    path: Path
    lines: tuple[bytes, ...]
    rest: bytes
    doubted: bool = False
    """Whether the lock file records that a sync of the log failed."""

    @property
    def name(self) -> str:
        """The name that the log was created with. A rename does not change it."""
        return str(msgspec.json.decode(self.lines[0])["name"])

    def commits(self, start: int = 1) -> list[Any]:
        """Decode the commits on the lines from `start` on."""
        return [msgspec.json.decode(line) for line in self.lines[start:]]


def untraceable() -> str:
    """Return why strace cannot run on this machine, or '' if it can."""
    try:
        done = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False)
    except OSError as error:
        return f"strace cannot run: {error.strerror}"
    return done.stderr.decode(errors="replace").strip()[-200:] if done.returncode else ""


Logs: TypeAlias = Mapping[str, LogFile]
"""The logs of a store by their id; a file without a header by its path."""


def verified_lines(content: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Split the bytes of a log into its lines, up to the first wrong digest, and the bytes after them.

    The lines have no LF. A last line without its LF counts as a line, because the next writer adds the LF.
    """
    lines: list[bytes] = []
    previous, rest = b"", content
    while rest:
        line, _, behind = rest.partition(b"\n")
        body, member = line[:-_DIGEST_LENGTH], line[-_DIGEST_LENGTH:]
        previous = hashlib.sha256(previous + body).hexdigest().encode()
        if member != _DIGEST_KEY + previous + b'"}':
            break
        lines.append(line)
        rest = behind
    return tuple(lines), rest


def logs_in(data: Path) -> dict[str, LogFile]:
    """Return every log in the folder of a store, archived logs included."""
    logs = {}
    for path in sorted(data.glob("*/*.jsonl")):
        lines, rest = verified_lines(path.read_bytes())
        id = str(msgspec.json.decode(lines[0])["id"]) if lines else str(path)
        logs[id] = LogFile(path, lines, rest, _is_doubted(path.with_suffix(".lock")))
    return logs


def _is_doubted(lock: Path) -> bool:
    """Return whether the lock file has the mark of a failed sync, after the 256 bytes of the head record."""
    return lock.exists() and lock.read_bytes()[256:] == b"suspect\n"


def vanished(before: Logs, after: Logs) -> Iterator[Wrong]:
    """Yield what was there before and is not there any more, byte for byte."""
    for id, log in before.items():
        found = after.get(id)
        if found is None:
            yield MISSING, f"{log.path.name} with {len(log.lines) - 1} commits is gone"
        elif found.lines[: len(log.lines)] != log.lines:
            yield ALTERED, f"earlier commits of {log.path.name} are gone or altered"
        elif log.doubted and not found.doubted and not list(found.path.parent.glob("*.unsynced-*")):
            yield UNNOTICED, f"{found.path.name} lost the mark that the disk had failed to sync it, and was not rewritten"


def events_of(commits: list[Any]) -> list[tuple[Any, ...]]:
    """Return the events of the commits, in order."""
    return [(e["stream"], e["version"], e["type"], e["data"]) for commit in commits for e in commit["events"]]


def added(before: Logs, after: Logs) -> dict[str, list[Any]]:
    """Return the new commits by the name that their log was created with, except commits that were undone at once."""
    new = {}
    for id, log in after.items():
        commits = log.commits(len(before[id].lines) if id in before else 1) if log.lines else []
        if commits and not _cancelled(commits):
            new[log.name] = commits
    return new


def _cancelled(commits: list[Any]) -> bool:
    """Return whether the last commit cancels those before it.

    It undoes them, or redoes what they undid, or undoes again what they redid.
    """
    *first, last = ({key: commit.get("meta", {}).get(key) for key in ("undoes", "redoes")} for commit in commits)
    if not first:
        return False
    if last["undoes"] == [commit["command"] for commit in commits[:-1]]:
        return True
    return (
        len(first) == 1 and first[0] != last and (first[0]["undoes"], first[0]["redoes"]) == (last["redoes"], last["undoes"])
    )


def types_of(new: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """Return the types of the new events, which are the same every time that a command runs."""
    return {name: [event[2] for event in events_of(commits)] for name, commits in new.items()}


def reported(result: Result) -> str:
    """Return what a run reported: 'recorded', 'not recorded', 'unknown', or '' if it could report nothing."""
    if result.code == 0 or (result.code < 0 and result.out) or "what was recorded stays recorded" in result.err:
        return "recorded"
    if b'"repair":{' in result.out:  # one list was repaired, and another one could not be read
        return "recorded"
    if result.code < 0 or not result.err:
        return ""
    return "unknown" if any(words in result.err for words in _UNKNOWN) else "not recorded"


_UNKNOWN = ('"code":"unknown"', "look before you do it again")
"""What an error says if something was recorded, or may have been: as JSON, and in words."""


def crashed(result: Result) -> bool:
    """Return whether a run ended without a clear error. A run that was killed by a signal does not count."""
    words = "Traceback" in result.err or "internal error" in result.err
    # a file that the command line names, for an export or an import, cannot be used
    names_file = result.code == 2 and any(f" cannot be {done}: " in result.err for done in ("read", "written"))
    return words or (result.code >= 0 and result.code not in FORESEEN and not names_file)


def is_refusal(result: Result) -> bool:
    """Return whether a run reported clearly that it recorded nothing."""
    return not crashed(result) and reported(result) == "not recorded"


_PLACING = {"todo_created": True, "todo_restored": True, "todo_removed": False}


def placed(logs: Logs) -> dict[str, frozenset[str]]:
    """Return the streams of the todos in each log that are not removed, by the id of the log."""
    places = {}
    for id, log in logs.items():
        there: dict[str, bool] = {}
        for stream, _, type, _ in events_of(log.commits()):
            there[stream] = _PLACING.get(type, there.get(stream, False))
        places[id] = frozenset(stream for stream, is_there in there.items() if is_there)
    return places


def misplaced(before: Logs, after: Logs, *, may_be_twice: bool) -> Iterator[Wrong]:
    """Yield the todos that are in no list any more, and those that are now in two lists, unless that is allowed."""
    then = [stream for streams in placed(before).values() for stream in streams]
    now = [stream for streams in placed(after).values() for stream in streams]
    for stream in dict.fromkeys(then):
        if stream not in now:
            yield NOWHERE, stream
        elif now.count(stream) > max(1, then.count(stream)) and not may_be_twice:
            yield TWICE, stream


def judged(result: Result, wanted: Mapping[str, list[str]], before: Logs, after: Logs) -> Iterator[Wrong]:
    """Yield what is wrong after a run with a fault. `wanted` has the types of the events that it records without a fault."""
    if crashed(result):
        yield CRASHED, f"exit {result.code}: {result.err.strip()[:300]}"
    yield from vanished(before, after)
    new = added(before, after)
    types = types_of(new)
    outcome = reported(result)
    half = {name: found for name, found in types.items() if found != wanted.get(name)}
    if half:
        yield HALF, f"{half} of {dict(wanted)}; reported: {outcome!r}"
    elif outcome == "recorded" and (types != wanted or not _holds(new, result.out)):
        yield MISSING, f"{types} of {dict(wanted)} is there"
    elif outcome == "not recorded" and types:
        yield UNREPORTED, f"{types}: exit {result.code}: {result.err.strip()[:300]}"


def judged_as_rewritten(
    result: Result, wanted: Mapping[str, tuple[bytes, ...]], before: Logs, after: Logs
) -> Iterator[Wrong]:
    """Yield what is wrong after a run with a fault that rewrites logs.

    Each log must be as it was before, or as it is without a fault: `wanted` has the lines of those that are then different.
    """
    if crashed(result):
        yield CRASHED, f"exit {result.code}: {result.err.strip()[:300]}"
    for id, log in before.items():
        lines = after[id].lines if id in after else ()
        if lines not in (log.lines, wanted.get(id, log.lines)):
            yield HALF, f"{log.path.name} is neither what it was nor what it should be"
        elif result.code == 0 and lines != wanted.get(id, log.lines):
            yield MISSING, f"{log.path.name} is what it was"


def _holds(new: Mapping[str, list[Any]], answer: bytes) -> bool:
    """Return whether the new commits have the commit of an answer: all its events, in order."""
    if not answer.startswith(b"{"):
        return True
    commit = msgspec.json.decode(answer).get("commit")
    wanted = events_of([commit]) if commit else []
    return not wanted or any(wanted == events_of(commits)[: len(wanted)] for commits in new.values())


def carried_on(program: Program, name: str, after: Logs) -> Iterator[Wrong]:
    """Yield what is wrong with the next `todo add` without a fault: it must work, and lose nothing."""
    result = program.run("-L", name, "add", "--json", "Afterwards")
    now = logs_in(program.data)
    if result.code != 0:
        yield STUCK, f"the next add failed: exit {result.code}: {result.err.strip()[:300]}"
    elif not _holds(added(after, now), result.out):
        yield MISSING, "what the next add recorded is not there"
    yield from vanished(after, now)
    yield from _unkept(after, now)


def _unkept(after: Logs, now: Logs) -> Iterator[Wrong]:
    """Yield the torn tails that the next writer neither completed nor set aside in a file."""
    for id, log in after.items():
        if not log.rest or id not in now or log.rest == now[id].rest:
            continue
        aside = (path.read_bytes() for path in log.path.parent.glob(f"{log.path.stem}.torn-*"))
        if log.rest not in now[id].lines and log.rest not in aside:
            yield UNNOTICED, f"the torn tail of {log.path.name} is nowhere: {log.rest[:40]!r}"
