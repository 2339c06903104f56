"""Start-up: what each verb takes, in instructions, as a multiple of what an empty Python program takes."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import aims
from .environments import Environments, another_release
from .homes import Home, with_history
from .measure import Failed, can_count, environment, instructions, on_terminal, run
from .results import Section

TODOS, EVENTS = 25, 100
_MILLION = 1e6


@dataclass(frozen=True)
class Verb:
    """A command line to count; `key` is what its aim stands under."""

    key: str
    args: tuple[str, ...]
    terminal: bool = False

    @property
    def words(self) -> str:
        """The command line as a person reads it."""
        quoted = (f'"{arg}"' if " " in arg else arg for arg in self.args)
        return " ".join(["todo", *quoted]) + (" (on a terminal)" if self.terminal else "")


COMMONEST = (
    Verb("add", ("add", "x")),
    Verb("done", ("done", "1")),
    Verb("bare", ()),
    Verb("ls", ("ls",)),
    Verb("ls-terminal", ("ls",), terminal=True),
    Verb("history", ("history",)),
    Verb("at", ("at", "1 hour ago")),
    Verb("show", ("show", "1")),
    Verb("undo", ("undo",)),
    Verb("help", ("--help",)),
)
OTHERS = (
    Verb("bare-terminal", (), terminal=True),
    Verb("at-position", ("at", "@50")),
    Verb("edit", ("edit", "1", "Buy", "oat", "milk")),
    Verb("tag", ("tag", "1", "+home")),
    Verb("stats", ("stats",)),
    Verb("diff", ("diff", "@50")),
    Verb("blame", ("blame", "1")),
    Verb("verify", ("verify",)),
    Verb("lists", ("lists",)),
    Verb("version", ("--version",)),
)


OTHER_RELEASES = ("3.11", "3.14")
"""The releases of CPython that are reported too, if they are installed: the oldest supported one and the newest."""


def measure(environments: Environments, *, quick: bool) -> Section:
    """Count the verbs, as many at a time as there are processors: counting does not mind company."""
    section = Section("startup", "Start-up, in instructions")
    if not can_count():
        section.note("skipped: there is no valgrind")
        return section
    verbs = COMMONEST if quick else COMMONEST + OTHERS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        _measure_release(section, environments, verbs, Path(folder), pool)
        for release in OTHER_RELEASES:
            try:
                other = another_release(environments, release)
            except Failed as error:
                section.note(f"CPython {release} is skipped: {error}")
                continue
            if other is None:
                section.note(f"CPython {release} is not reported: it is not installed, or is the one above")
            else:
                home = Path(folder) / release
                home.mkdir()
                _measure_release(section, other, COMMONEST[:5], home, pool, release)
    section.note(f"M: million instructions, of the interpreter that runs the console script; a list of {TODOS} todos")
    if quick:
        section.note("the other verbs are in the full run")
    return section


def _measure_release(
    section: Section, environments: Environments, verbs: Sequence[Verb], folder: Path, pool: Executor, release: str = ""
) -> None:
    """Count verbs with one release of CPython. Another release than the main one is named, and has no aims."""
    origin = with_history(folder / "origin", environments.todo, TODOS, EVENTS)
    origin.warm()
    empty = [str(environments.python), "-c", "pass"]
    env = environment(folder, PYTHONHASHSEED="0")
    run(empty, env)
    floor = pool.submit(instructions, empty, env)
    counts = [(verb, pool.submit(_count, verb, origin, folder / verb.key)) for verb in verbs]
    with_release = f" (CPython {release})" if release else ""
    section.figure(f"python -c pass{with_release}", "M", floor.result() / _MILLION)
    for verb, count in counts:
        try:
            value = count.result() / _MILLION
        except Failed as error:
            section.note(f"{verb.words}{with_release} is skipped: {error}")
            continue
        section.figure(
            f"{verb.words}{with_release}",
            "M",
            value,
            aim=None if release else aims.start_up(verb.key),
            against=f"python -c pass{with_release}",
            base=floor.result() / _MILLION,
        )


def _count(verb: Verb, origin: Home, folder: Path) -> int:
    """The instructions of a verb in a copy of the home, after it was run once in another, so that all is compiled."""
    before, counted = (Home(folder / name, origin.todo) for name in ("before", "counted"))
    for home in (before, counted):
        # with the times of its files: what is kept beside the log may go by them
        shutil.copytree(origin.path, home.path, copy_function=shutil.copy2)
    command = [*origin.todo, *verb.args]
    if verb.terminal:
        on_terminal(command, before.env)
    else:
        run(command, before.env)
    return instructions(command, {**counted.env, "PYTHONHASHSEED": "0"}, terminal=verb.terminal)
