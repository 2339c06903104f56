"""Many processes append to one list while others read it: no commit is doubled, missing, split or seen in part.

Every writer remembers which commits were reported as recorded. At the end the bytes of the log, decoded without the
program's own code, must hold exactly these commits.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from cqrs_todo.cqrs.cursor import Cursor
from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.cqrs.events import Commit
from cqrs_todo.todo.model import Create

from .children import Span, a_list, overlapping, send_result, start, store_in
from .harness import ALTERED, CRASHED, DOUBLED, HALF, MISSING, STUCK, Control, Program, Result, Size, Tally, commits_of
from .weak import weaken

NAME = "writers"
CONTROLS = (Control("no-lock", MISSING),)

MODULE = "tests.trials.writers"
READY, BEGIN, END = "ready-", "begin", "end"
"""Files in the home. The processes wait for them, so that all write and read at the same time."""
PAUSE = 0.02

Child: TypeAlias = "subprocess.Popen[bytes]"
Recorded: TypeAlias = dict[str, tuple[list[str], Span]]
"""The commits that were reported as recorded: by position, the texts of the todos, and when the append began and ended."""


def trial(program: Program, size: Size) -> Tally:
    """Run 100 writers of 50 commits each and 8 commands, with 3 readers; the short form has 8 of 5, and 2."""
    writers, appends, runs = (100, 50, 8) if size is Size.FULL else (8, 5, 2)
    tally = Tally()
    program.run("lists", "new", "inbox")
    work = [start(program, MODULE, program.weakness, "write", f"{number}", f"{appends}") for number in range(writers)]
    watch = [start(program, MODULE, program.weakness, "read", kind) for kind in _READERS]
    _begin(program, [*work, *watch])
    with ThreadPoolExecutor(runs) as pool:
        started = list(pool.map(lambda number: _run_one(program, number), range(runs)))
    recorded = [_recorded_by(child, tally) for child in work]
    recorded += [_of_run(run, span, tally) for run, span in started]
    (program.home / END).touch()
    looks = [_seen(child, tally) for child in watch]
    tally.notes.append(f"readers looked {', '.join(looks)} times")
    _compare(commits_of(program.log_file().read_bytes()), recorded, writers * appends + runs, tally)
    _check_end(program, tally)
    return tally


def _run_one(program: Program, number: int) -> tuple[Result, Span]:
    began = time.monotonic()
    return program.run("add", "--json", f"cli-{number}-0/1"), (began, time.monotonic())


def _begin(program: Program, children: Sequence[Child]) -> None:
    """Let the children begin together when all are ready. A child that has ended is reported later."""
    while not all(child.poll() is not None or (program.home / f"{READY}{child.pid}").exists() for child in children):
        time.sleep(0.01)
    (program.home / BEGIN).touch()


def _recorded_by(child: Child, tally: Tally) -> Recorded:
    out, err = child.communicate()
    *errors, recorded = out.decode().splitlines() or ["{}"]
    for error in [*errors, *([err.decode()[-300:]] if child.returncode else [])]:
        tally.wrong(STUCK, f"a writer gave up: {error}")
    return msgspec.json.decode(recorded, type=Recorded)


def _seen(child: Child, tally: Tally) -> str:
    """Return how often a reader read the log, and count what it found wrong."""
    out, err = child.communicate()
    look, *wrong = msgspec.json.decode(out or b'["0"]', type=list[str])
    for each in [*wrong, *([err.decode()[-300:]] if child.returncode else [])]:
        tally.wrong(ALTERED, f"a reader: {each}")
    return look


def _of_run(run: Result, span: Span, tally: Tally) -> Recorded:
    if run.code:
        tally.wrong(STUCK, f"todo add ended with {run.code}: {run.err}")
        return {}
    commit = msgspec.json.decode(run.out)["commit"]
    return {f"{commit['position']}": ([event["data"]["text"] for event in commit["events"]], span)}


def _compare(commits: Sequence[Any], recorded: Sequence[Recorded], expected: int, tally: Tally) -> None:
    """Compare the log with what was reported to each writer."""
    tally.cases = expected
    tally.reached = overlapping([[span for _, span in each.values()] for each in recorded])
    found = {f"{commit['position']}": [event["data"]["text"] for event in commit["events"]] for commit in commits}
    claims = Counter(position for each in recorded for position in each)
    for each in recorded:
        for position, (texts, _) in each.items():
            if found.get(position) != texts or claims[position] != 1:
                tally.wrong(MISSING, f"reported as @{position}: {texts}, found {found.get(position)}")
    for position in found.keys() - claims.keys():
        tally.wrong(ALTERED, f"@{position} was reported to nobody: {found[position]}")
    events = [event for commit in commits for event in commit["events"]]
    if len({event["data"]["text"] for event in events}) != len(events):
        tally.wrong(DOUBLED, "a todo is there twice")
    next_position = 1
    for commit in commits:
        if commit["position"] != next_position:
            tally.wrong(ALTERED, f"@{commit['position']} is where @{next_position} belongs")
        next_position = commit["position"] + len(commit["events"])
        if not _is_complete([event["data"]["text"] for event in commit["events"]]):
            tally.wrong(HALF, f"the commit at @{commit['position']} is not complete")
    tally.notes.append(f"{len(commits):,} commits, {len(events):,} events")


def _check_end(program: Program, tally: Tally) -> None:
    """Check that the program finds no damage in the log."""
    checked = program.run("history", "-n", "1")
    if checked.code or "damage" in checked.err:
        tally.wrong(ALTERED if checked.err else CRASHED, f"history ended with {checked.code}: {checked.err}")


def _is_complete(texts: Sequence[str]) -> bool:
    """Return whether these are all the todos of one commit. Each text ends with their number."""
    return len(texts) == int(texts[0].rpartition("/")[2]) and len({text.rpartition("-")[0] for text in texts}) == 1


# in the children


def _wait_for_all() -> None:
    Path(f"{READY}{os.getpid()}").touch()
    while not Path(BEGIN).exists():
        time.sleep(0.01)


_FOLDER = Path(".local/share/cqrs-todo")


def _write(number: int, appends: int) -> None:
    """Append commits of one to three todos; send a line for each error, then what was recorded."""
    _wait_for_all()
    recorded: Recorded = {}
    todos = a_list(_FOLDER)
    for turn in range(appends):
        many = (number + turn) % 3 + 1
        texts = [f"{number}-{turn}-{place}/{many}" for place in range(many)]
        began = time.monotonic()
        try:
            answer = todos.add([Create(text, datetime.now(UTC)) for text in texts])
        except CqrsError as error:
            send_result(f"{texts}: {error}")
        else:
            assert answer.commit is not None
            recorded[str(answer.commit.position)] = texts, (began, time.monotonic())
    send_result(recorded)


def _watched() -> Iterator[None]:
    _wait_for_all()
    yield
    while not Path(END).exists():
        yield
        time.sleep(PAUSE)  # without a pause, three readers leave no time on two cores for a hundred writers
    yield


def _read_on() -> Iterator[list[Commit]]:
    """Keep one log open, and read it on from the last position."""
    log = store_in(_FOLDER).open("inbox")
    seen: list[Commit] = []
    for _ in _watched():
        seen = [*seen, *log.commits(Cursor(seen[-1].last if seen else 0))]
        yield seen


def _read_anew() -> Iterator[list[Commit]]:
    """Open the log and read all of it backward, each time."""
    for _ in _watched():
        yield list(store_in(_FOLDER).open("inbox").commits_backward())[::-1]


def _view() -> Iterator[list[Commit]]:
    """Keep one list open; its view must have as many todos as there were events at some time during the read."""
    todos = a_list(_FOLDER)
    for _ in _watched():
        before = list(todos.log.commits())
        view = todos.view()
        after = list(todos.log.commits())
        if not (before[-1].last if before else 0) <= view.position == len(view.items) <= (after[-1].last if after else 0):
            raise AssertionError(f"the view holds {len(view.items)} todos at @{view.position}")
        yield after


_READERS = {"on": _read_on, "anew": _read_anew, "view": _view}


def _read(kind: str) -> None:
    """Read until the writers are done; send how often, and what was wrong."""
    wrong: list[str] = []
    before: list[Commit] = []
    look = 0
    try:
        for look, seen in enumerate(_READERS[kind](), 1):
            if seen[: len(before)] != before:
                wrong.append(f"{kind}, look {look}: what was seen before has changed or gone")
            events = [event for commit in seen for event in commit.events]
            if [event.position for event in events] != list(range(1, len(events) + 1)):
                wrong.append(f"{kind}, look {look}: the positions have gaps")
            if not all(_is_complete([event.data.text for event in commit.events]) for commit in seen[len(before) :]):
                wrong.append(f"{kind}, look {look}: half a commit")
            before = seen
    except (CqrsError, AssertionError) as error:
        wrong.append(f"{kind}, look {look}: {error}")
    send_result([f"{look}", *wrong[:5]])


if __name__ == "__main__":
    if sys.argv[1]:
        weaken(sys.argv[1])
    if sys.argv[2] == "write":
        _write(int(sys.argv[3]), int(sys.argv[4]))
    else:
        _read(sys.argv[3])
