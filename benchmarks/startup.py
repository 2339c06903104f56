"""Start-up: what each verb takes, in instructions, as a multiple of what an empty Python program takes."""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import aims
from .environments import Environments
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


def measure(environments: Environments, *, quick: bool) -> Section:
    """Count the verbs, as many at a time as there are processors: counting does not mind company."""
    section = Section("startup", "Start-up, in instructions")
    if not can_count():
        section.note("skipped: there is no valgrind")
        return section
    verbs = COMMONEST if quick else COMMONEST + OTHERS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        origin = with_history(Path(folder) / "origin", environments.todo, TODOS, EVENTS)
        origin.warm()
        empty = [str(environments.python), "-c", "pass"]
        env = environment(Path(folder), PYTHONHASHSEED="0")
        run(empty, env)
        floor = pool.submit(instructions, empty, env)
        counts = [(verb, pool.submit(_count, verb, origin, Path(folder) / verb.key)) for verb in verbs]
        section.figure("python -c pass", "M", floor.result() / _MILLION)
        for verb, count in counts:
            try:
                value = count.result() / _MILLION
            except Failed as error:
                section.note(f"{verb.words} is skipped: {error}")
                continue
            section.figure(
                verb.words,
                "M",
                value,
                aim=aims.start_up(verb.key),
                against="python -c pass",
                base=floor.result() / _MILLION,
            )
    section.note(f"M: million instructions, of the interpreter that runs the console script; a list of {TODOS} todos")
    if quick:
        section.note("the other verbs are in the full run")
    return section


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
