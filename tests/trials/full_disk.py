"""A disk that is full, at every byte and every file, and a disk that fails: no commit is recorded in part, or later.

After each failure the error is one line and a hint, reading still works, and the log has exactly what was reported as
recorded. When there is space again, the next todo is recorded.
"""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from .children import send_result, start
from .harness import ALTERED, CRASHED, STUCK, UNREPORTED, Control, Program, Result, Size, Tally, commits_of
from .ledger import is_refusal, untraceable

NAME = "full_disk"
CONTROLS = (Control("buffered", ALTERED),)

TEXTS = ("one " + "x" * 20, "two – 雪", "three +tag")
"""The texts that the three runs add."""
STEP = 150
TOO_LARGE, NO_SPACE = os.strerror(errno.EFBIG), os.strerror(errno.ENOSPC)
"""The words in the error when a file reached its size limit, or when the disk is full."""
UNKNOWN = "it cannot be known"
"""The words in the error when the program does not know whether a commit was recorded."""


def trial(program: Program, size: Size) -> Tally:
    """Try every size limit of a file, small disks and disk errors; the short form has every 150th limit and a few others."""
    states = _states(program)
    lengths = [len(content) for content in states]
    limits = range(lengths[-1] + 2)
    chosen = limits if size is Size.FULL else {*limits[::STEP], lengths[1], lengths[2] - 1}
    cases: list[Callable[[], Tally]] = [_limit(program, states, limit) for limit in sorted(chosen)]
    notes = []
    if reason := untraceable():
        notes.append(f"failing disks SKIPPED: {reason}")
    else:
        cases += _failing(program, size)
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        notes.append("small disks SKIPPED: only root can mount them")
    else:
        cases += [_small_disk(program, options) for options in _disks(size)]
    with ThreadPoolExecutor(2) as pool:
        return _sum([done.result() for done in [pool.submit(case) for case in cases]], notes)


def _sum(parts: Iterable[Tally], notes: Sequence[str]) -> Tally:
    tally = Tally(notes=[*notes])
    for part in parts:
        tally.add(part)
    return tally


def _states(program: Program) -> list[bytes]:
    """Return the bytes of the log before the first run and after each. `state0` and so on in the home have all the files."""
    contents = [b""]
    (program.home / "state0").mkdir()
    current = program.at(program.home / "making")
    for number, text in enumerate(TEXTS, 1):
        if current.run("add", text).code:
            raise RuntimeError(f"{text} cannot be added on a disk without faults")
        shutil.copytree(current.home, program.home / f"state{number}")
        contents.append(current.log_file().read_bytes())
    return contents


def _in_state(program: Program, number: int, name: str) -> Program:
    shutil.copytree(program.home / f"state{number}", program.home / name)
    return program.at(program.home / name)


class _Case:
    """One run of `add` on a disk that fails, and the checks after it."""

    def __init__(self, program: Program, what: str, tally: Tally) -> None:
        self.program = program
        self.what = what
        self.tally = tally
        self.recorded = self.found() or []
        self.unknown: list[str] = []

    def found(self) -> list[str] | None:
        """Return the texts in the bytes of the log, up to the first incomplete line, or None if there is no log."""
        try:
            commits = commits_of(self.program.log_file().read_bytes())
        except FileNotFoundError:
            return None
        return [event["data"]["text"] for commit in commits for event in commit["events"]]

    def wrong(self, what: str, example: str) -> None:
        self.tally.wrong(what, f"{self.what}: {example}")

    def add(self, text: str, before: Sequence[str] = ()) -> Result:
        """Add a todo, judge the answer, and remember what it reported."""
        shown = self.program.run("add", "--", text, before=before)
        if shown.code == 0:
            self.recorded.append(text)
        elif UNKNOWN in shown.err:
            self.unknown.append(text)
        self.tally.refused += is_refusal(shown)
        lines = shown.err.splitlines()
        clear = len(lines) in (1, 2) and lines[0].startswith("todo: ") if shown.code else True
        if shown.code not in (0, 6) or not clear or "Traceback" in shown.err:
            self.wrong(CRASHED, f"add ended with {shown.code}: {shown.err[-300:]}")
        return shown

    def check(self, before: Sequence[str] = ()) -> None:
        """Check that the program and the bytes both have what was reported."""
        found = self.found() or []
        if [text for text in found if text not in self.unknown] != self.recorded:
            self.wrong(ALTERED, f"reported {self.recorded}, found {found}")
        seen = self.program.run("ls", "--json", before=before)
        if seen.code:
            self.wrong(CRASHED, f"ls ended with {seen.code}: {seen.err[-200:]}")
        elif [todo["text"] for todo in msgspec.json.decode(seen.out)["todos"]] != found:
            self.wrong(ALTERED, f"ls shows {seen.out.decode()[:200]}, the log holds {found}")

    def check_space_again(self) -> None:
        """Check that the disk works again: the failure blocks nothing, and nothing of it is recorded later."""
        if self.add("afterwards").code:
            self.wrong(STUCK, "nothing can be added afterwards")
        elif self.program.run("history").code or (self.found() or [])[-1:] != ["afterwards"]:
            self.wrong(ALTERED, f"afterwards the log holds {self.found()}")


def _limit(program: Program, states: Sequence[bytes], limit: int) -> Callable[[], Tally]:
    """Limit the size of every file to `limit` bytes, so the first run that needs more fails."""

    def case() -> Tally:
        tally = Tally(cases=1)
        number = max(place for place, content in enumerate(states) if len(content) <= limit)
        inside = _in_state(program, min(number, len(TEXTS) - 1), f"limit{limit}")
        tried = _Case(inside, f"files of at most {limit} bytes", tally)
        content = inside.log_file().read_bytes() if inside.log_file().exists() else b""
        before = ["prlimit", f"--fsize={limit}"]
        result = tried.add(TEXTS[min(number, len(TEXTS) - 1)], before)
        tally.reached += TOO_LARGE in result.err
        if result.code:
            after = inside.log_file().read_bytes() if inside.log_file().exists() else b""
            if content and after != content:
                tried.wrong(UNREPORTED, f"the log went from {len(content)} to {len(after)} bytes")
        elif number < len(TEXTS):
            tried.wrong(ALTERED, "reported as recorded beyond the limit")
        tried.check(before)
        tried.check_space_again()
        shutil.rmtree(inside.home)
        return tally

    return case


# a failing disk

_CALLS = ("openat", "write", "fsync", "close")
_PLACES = ("log", "lock", "directory", "data", "new")


def _failing(program: Program, size: Size) -> list[Callable[[], Tally]]:
    """Return cases in which a call fails on a path of the store, at its first uses, for a new list and an existing one."""
    if size is Size.SHORT:
        some = [("fsync", "log", 1, 1), ("write", "log", 1, 1), ("fsync", "directory", 1, 0)]
        return [_failure(program, "EIO", *each) for each in some]
    return [
        _failure(program, error, call, place, when, state)
        for error in ("EIO", "ENOSPC")
        for call in _CALLS
        for place in _PLACES
        for when in (1, 2, 3)
        for state in (0, 1)
        if (call, place) != ("close", "lock")  # strace does not execute the call that it makes fail, so the lock would stay
    ]


def _failure(program: Program, error: str, call: str, place: str, when: int, state: int) -> Callable[[], Tally]:
    def case() -> Tally:
        tally = Tally(cases=1)
        inside = _in_state(program, state, f"{error}-{call}-{place}-{when}-{state}")
        lists = inside.data / "lists"
        path = {
            "log": inside.log_file(),
            "lock": lists / "inbox.lock",
            "directory": lists,
            "data": inside.data,
            "new": lists / "inbox.jsonl.new",
        }[place]
        tried = _Case(inside, f"{error} at use {when} of {call} on the {place}, {state} todos before", tally)
        trace = inside.home / "trace"
        inject = ["-P", f"{path}", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
        tried.add(TEXTS[state], ["strace", "-f", "-qq", "-o", f"{trace}", *inject])
        tally.reached += "(INJECTED)" in trace.read_text()
        tried.check()
        tried.check_space_again()
        shutil.rmtree(inside.home)
        return tally

    return case


# a small disk


def _disks(size: Size) -> list[str]:
    """Return mount options for disks with few pages or few files."""
    if size is Size.SHORT:
        return ["nr_inodes=7"]
    return [*(f"size={4 * pages}k" for pages in range(1, 13)), *(f"nr_inodes={files}" for files in range(2, 14))]


def _small_disk(program: Program, options: str) -> Callable[[], Tally]:
    def case() -> Tally:
        """Mount the disk in the namespace of a child, so that it disappears when the child ends."""
        home = program.home / f"disk-{options}"
        home.mkdir()
        unshare = ["unshare", "--mount", "--propagation", "private"]
        done = start(program, "tests.trials.full_disk", program.weakness, options, f"{home}", before=unshare)
        out, err = done.communicate()
        if done.returncode:
            return Tally(notes=[f"small disks SKIPPED: {err.decode().strip().splitlines()[-1]}"])
        return msgspec.json.decode(out, type=Tally)

    return case


def _fill(program: Program, options: str) -> Tally:
    """Fill a small disk with todos of three kilobytes, then make it larger."""
    tally = Tally(cases=1)
    tried = _Case(program, f"a disk of {options}", tally)
    failures = 0
    full = False
    for number in range(3 if "inodes" in options else 20):  # by then, every file has been created
        result = tried.add(f"{number} " + "x" * 3000)
        failures += result.code != 0
        full |= NO_SPACE in result.err
        if failures == 2:
            break
    tally.reached += full
    tried.check()
    subprocess.run(["mount", "-o", "remount,size=1m,nr_inodes=100", f"{program.home}"], check=True)
    tried.check_space_again()
    return tally


if __name__ == "__main__":
    _, weakness, options, home = sys.argv
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", home], check=True)
    send_result(_fill(Program(Path(home), weakness), options))
