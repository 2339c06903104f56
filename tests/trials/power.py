"""Power cuts: an ext4 file system in an image is shut down during appends, as by a power cut, and mounted again.

The trial needs root and loop devices. The mounts are in the mount namespace of a process that ends with the trial. The
shutdown loses everything that the kernel had not written, including the journal, so a missing sync is noticed.

`python -m tests.trials.power WEAKNESS CUTS FOLDER` is that process. It writes the tally as JSON.
"""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TypeAlias

import msgspec

from cqrs_todo.cqrs.errors import CqrsError
from cqrs_todo.todo.model import Create
from cqrs_todo.todo.recorder import Answer

from .children import SEED, a_list, send_result
from .deeds import NOW
from .harness import CRASHED, HALF, MISSING, Control, Program, Size, Tally
from .ledger import Wrong, events_of, logs_in
from .weak import weaken

NAME = "power"
CONTROLS = (Control("no-fsync", MISSING),)

Recorded: TypeAlias = list[tuple[str, int, str]]
"""The events of a commit that was reported as recorded: stream, version, type."""

_CUTS = {Size.SHORT: 3, Size.FULL: 300}
_SHUTDOWN = 0x8004587D
"""The ioctl EXT4_IOC_SHUTDOWN."""
_NO_LOG_FLUSH = (2).to_bytes(4, sys.byteorder)
"""The argument of the ioctl: shut down without writing the journal."""
_ROUNDS = 20
"""How many cuts there are on one file system."""


def trial(program: Program, size: Size) -> Tally:
    """Cut the power while a process appends, many times; after each cut, every reported commit must be there."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return Tally(skipped="power cuts need root, and unshare")
    work = program.home.parent / "power"
    work.mkdir()
    probe = _in_namespace(program, "probe", "0", str(work))
    if probe.returncode:
        return Tally(skipped=f"no ext4 image can be mounted: {probe.stderr.decode().strip()[-200:]}")
    done = _in_namespace(program, program.weakness or "none", str(_CUTS[size]), str(work))
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return msgspec.json.decode(done.stdout, type=Tally)


def _in_namespace(program: Program, weakness: str, cuts: str, work: str) -> "subprocess.CompletedProcess[bytes]":
    command = [program.argv[0], "-m", "tests.trials.power", weakness, cuts, work]
    return subprocess.run(
        ["unshare", "-m", "--propagation", "private", *command],
        capture_output=True,
        env=program.env,
        cwd=program.home,
        check=False,
        timeout=1800,
    )


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, work: Path, number: int) -> None:
        self._image = work / f"{number}.img"
        self.mounted = work / f"{number}"
        self.mounted.mkdir()
        with self._image.open("wb") as file:
            file.truncate(32 << 20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.mounted))

    def cut(self) -> None:
        """Cut the power."""
        fd = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(fd)

    def unmount(self) -> None:
        """Unmount the file system. After a cut this writes nothing more to the disk."""
        _run("umount", str(self.mounted))

    def remove(self) -> None:
        self.unmount()
        self._image.unlink()
        self.mounted.rmdir()


def _run(*command: str) -> None:
    # on Debian these tools are in folders that only the PATH of root has
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)


def _write(data: Path, weakness: str, answers: int) -> None:
    """Append commits of one to three events without end, and report each when it is recorded; for a child process."""
    if weakness:
        weaken(weakness)
    todos = a_list(data)
    for number in count():
        try:
            answer = todos.add([Create(f"Todo {number}", NOW, note="x" * (1 + number % 7 * 100))] * _events_in(number))
        except CqrsError:  # the disk is gone
            return
        os.write(answers, msgspec.json.encode(_document(answer)) + b"\n")


def _events_in(number: int) -> int:
    """Return how many events the commit with this number has."""
    return 1 + number % 3


def _document(answer: Answer) -> Recorded:
    return [(event.stream, event.version, event.type) for event in answer.commit.events] if answer.commit else []


def _cut_short(disk: Disk, weakness: str, seconds: float) -> tuple[list[Recorded], bool]:
    """Cut the power while a child appends.

    Returns:
        The commits that were reported to the child, and whether it was still appending when the power was cut.
    """
    reader, answers = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            _write(disk.mounted / "store", weakness, answers)
        finally:
            os._exit(0)
    os.close(answers)
    with os.fdopen(reader, "rb") as pipe:
        first = pipe.readline()
        time.sleep(seconds)
        # answers that come after the cut has begun do not count: a real power cut would lose them too, and here the kernel
        # may report a sync as done that came after the cut (it does so for a plain loop of write and fsync)
        os.set_blocking(reader, False)
        lines = [first, *(pipe.read() or b"").split(b"\n")[:-1]]
        alive = os.waitpid(child, os.WNOHANG) == (0, 0)
        disk.cut()
        if alive:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return [msgspec.json.decode(line, type=Recorded) for line in lines if line], alive


def _after(disk: Disk, recorded: list[Recorded]) -> Iterator[Wrong]:
    """Yield what is wrong when the power is back: lost commits, and an append that fails. Add this append to `recorded`."""
    data = disk.mounted / "store"
    try:
        recorded.append(_document(a_list(data).add([Create("Afterwards", NOW)])))
    except Exception as error:
        yield CRASHED, f"the next add ended with {error!r}"
    events = [event for log in logs_in(data).values() for event in events_of(log.commits())]
    there = {event[:3] for event in events}
    for commit in recorded:
        found = len(there & set(commit))
        if found < len(commit):
            yield MISSING, f"{found} of {len(commit)} events are there"
    for text, found in Counter(event[3]["text"] for event in events if event[3]["note"]).items():
        wanted = _events_in(int(text.split()[1]))
        if found % wanted:
            yield HALF, f"{found} events of {wanted}"


def _cuts(weakness: str, many: int, work: Path) -> Tally:
    tally, dice = Tally(), random.Random(SEED)
    appended = 0
    disk = Disk(work, 0)
    recorded: list[Recorded] = []
    for number in range(many):
        if number and number % _ROUNDS == 0:
            disk.remove()
            disk, recorded = Disk(work, number), []
        now, alive = _cut_short(disk, weakness, dice.uniform(0, 0.05))
        disk.unmount()
        disk.mount()
        recorded += now
        appended += len(now)
        tally.cases += 1
        tally.reached += alive and bool(now)
        for what, words in _after(disk, recorded):
            tally.wrong(what, f"cut {number}: {words}")
    disk.remove()
    tally.notes.append(f"{appended:,} commits reported as recorded")
    return tally


if __name__ == "__main__":
    _, weakness, cuts, folder = sys.argv
    if weakness == "probe":
        Disk(Path(folder), -1).remove()
    else:
        send_result(_cuts("" if weakness == "none" else weakness, int(cuts), Path(folder)))
