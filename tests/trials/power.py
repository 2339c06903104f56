"""Power cuts: ext4 in an image of its own, shut down in the middle of appends as a power cut would, and mounted again.

Needs root and loop devices; the mounts are in a mount namespace of a process that ends with the trial. What the kernel had
not written is lost for good then, journal and all, so that a sync left out shows.

`python -m tests.trials.power WEAKNESS CUTS FOLDER` is that process; it writes the tally as JSON.
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

from .children import SEED, a_list, tell
from .deeds import NOW
from .harness import CRASHED, HALF, MISSING, Control, Program, Size, Tally
from .ledger import Wrong, events_of, logs_in
from .weak import weaken

NAME = "power"
CONTROLS = (Control("no-fsync", MISSING),)

Told: TypeAlias = list[tuple[str, int, str]]
"""The events of a commit that was told as recorded: stream, version, type."""

_CUTS = {Size.SHORT: 3, Size.FULL: 300}
_SHUTDOWN = 0x8004587D
"""The ioctl EXT4_IOC_SHUTDOWN."""
_NO_LOG_FLUSH = (2).to_bytes(4, sys.byteorder)
"""Cut at once: not even the journal is written."""
_ROUNDS = 20
"""So many cuts on one file system, then a new one."""


def trial(program: Program, size: Size) -> Tally:
    """Cut the power so many times while a process appends; after each, what it had been told must be there."""
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
        """Take it off, which brings nothing more to a disk that was cut."""
        _run("umount", str(self.mounted))

    def remove(self) -> None:
        self.unmount()
        self._image.unlink()
        self.mounted.rmdir()


def _run(*command: str) -> None:
    # Debian keeps these tools where only root's PATH leads
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)


def _write(data: Path, weakness: str, answers: int) -> None:
    """Append for ever, commits of one to three events, and tell of each when it is recorded; for a child process."""
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
    """How many events the commit of this number in a writer's life holds."""
    return 1 + number % 3


def _document(answer: Answer) -> Told:
    return [(event.stream, event.version, event.type) for event in answer.commit.events] if answer.commit else []


def _cut_short(disk: Disk, weakness: str, seconds: float) -> tuple[list[Told], bool]:
    """Cut the power while a child appends.

    Gives the commits that it was told of, as the events in them; and whether it was still appending when the power went.
    """
    told, answers = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(told)
            _write(disk.mounted / "store", weakness, answers)
        finally:
            os._exit(0)
    os.close(answers)
    with os.fdopen(told, "rb") as pipe:
        first = pipe.readline()
        time.sleep(seconds)
        # what is answered once the cut has begun counts for nothing: with the power the answer would be gone too, and here
        # the kernel may call a sync done that the cut overtook (so it does for a bare loop of write and fsync)
        os.set_blocking(told, False)
        lines = [first, *(pipe.read() or b"").split(b"\n")[:-1]]
        alive = os.waitpid(child, os.WNOHANG) == (0, 0)
        disk.cut()
        if alive:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return [msgspec.json.decode(line, type=Told) for line in lines if line], alive


def _after(disk: Disk, told: list[Told]) -> Iterator[Wrong]:
    """What is wrong when the power is back: with what is there, and with going on; what goes on is told, too."""
    data = disk.mounted / "store"
    try:
        told.append(_document(a_list(data).add([Create("Afterwards", NOW)])))
    except Exception as error:
        yield CRASHED, f"the next add ended with {error!r}"
    events = [event for log in logs_in(data).values() for event in events_of(log.commits())]
    there = {event[:3] for event in events}
    for commit in told:
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
    told: list[Told] = []
    for number in range(many):
        if number and number % _ROUNDS == 0:
            disk.remove()
            disk, told = Disk(work, number), []
        now, alive = _cut_short(disk, weakness, dice.uniform(0, 0.05))
        disk.unmount()
        disk.mount()
        told += now
        appended += len(now)
        tally.cases += 1
        tally.reached += alive and bool(now)
        for what, words in _after(disk, told):
            tally.wrong(what, f"cut {number}: {words}")
    disk.remove()
    tally.notes.append(f"{appended:,} commits told as recorded")
    return tally


if __name__ == "__main__":
    _, weakness, cuts, folder = sys.argv
    if weakness == "probe":
        Disk(Path(folder), -1).remove()
    else:
        tell(_cuts("" if weakness == "none" else weakness, int(cuts), Path(folder)))
