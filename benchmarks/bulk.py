"""Much at once: import, verify, and the memory that whole processes take."""

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .environments import Environments
from .homes import Home, with_history, with_todos, write_lines
from .measure import Failed, peak_memory, run, turns
from .results import Section

TODOS = 10_000
IMPORTED = (10_000, 100_000)
FORMATS = ("json", "events")  # of `export`, whose output `import` takes
LARGE = 1_000  # megabytes, of the log whose verifying must not fill the memory
VERIFIED = (10, 100, LARGE)
QUICK_VERIFIED = (10, 100)
MEGABYTE = 1_000_000
_LINE = 328  # bytes of a commit with one change, nearly


def measure(environments: Environments, *, quick: bool) -> Section:
    """Import and verify, as a person starts them."""
    section = Section("bulk", "Import and verify")
    with tempfile.TemporaryDirectory() as folder:
        _imports(section, environments, Path(folder), quick)
        _verify(section, environments, Path(folder), quick)
    return section


def _imports(section: Section, environments: Environments, folder: Path, quick: bool) -> None:
    for size in IMPORTED:
        lines = write_lines(folder / f"lines-{size}", size)
        ways: dict[str, tuple[tuple[str, ...], Path]] = {"add": (("add", "-"), lines)}
        origin = with_todos(folder / f"origin-{size}", environments.todo, lines)
        for format in FORMATS:
            exported = folder / f"{format}-{size}"
            try:
                origin.run("export", "--format", format, stdout=exported)
            except Failed as error:
                section.note(f"todo import of {format} is skipped: {error}")
            else:
                ways[format] = (("import", "-", "--format", format), exported)
        measures: dict[str, Callable[[], float]] = {
            way: partial(_imported, environments.todo, folder, words, source) for way, (words, source) in ways.items()
        }
        measures["replay"] = origin.replay
        taken = turns(measures, 1 if quick else 5, 30.0)
        for way, (words, _) in ways.items():
            what = " ".join(["todo", *words])
            section.point(f"{what}, by todos", size, taken[way])
            section.figure(
                f"{what} of {size:,} todos",
                "s",
                taken[way],
                key=f"bulk/{way}/{size}",
                against="todo ls, the cache deleted",
                base=taken["replay"],
            )


def _imported(todo: list[str], folder: Path, words: tuple[str, ...], lines: Path) -> float:
    """Seconds that the import takes into a new home."""
    with tempfile.TemporaryDirectory(dir=folder) as path:
        return Home(Path(path), todo).run(*words, stdin=lines)


def _verify(section: Section, environments: Environments, folder: Path, quick: bool) -> None:
    sha256sum = shutil.which("sha256sum")
    for size in QUICK_VERIFIED if quick else VERIFIED:
        home = with_history(folder / f"verify-{size}", environments.todo, TODOS, _events(size))
        megabytes = home.log.stat().st_size / MEGABYTE
        measures: dict[str, Callable[[], float]] = {"ours": partial(home.run, "verify")}
        if sha256sum is not None:
            measures["sha256sum"] = partial(run, [sha256sum, str(home.log)], home.env)
        try:
            taken = turns(measures, 1 if quick else 15, 40.0)
        except Failed as error:
            section.note(f"todo verify is skipped: {error}")
            return
        section.point("todo verify, by megabytes", round(megabytes), taken["ours"])
        section.figure(
            f"todo verify of {megabytes:,.0f} MB",
            "MB/s",
            megabytes / taken["ours"],
            key=f"bulk/verify/{size}",
            against="sha256sum" if "sha256sum" in taken else "",
            base=megabytes / taken["sha256sum"] if "sha256sum" in taken else None,
        )


def _events(megabytes: int) -> int:
    """How many events make a log of nearly this size; a number that leaves all todos open."""
    rounds = megabytes * MEGABYTE // _LINE // TODOS - 1
    return TODOS * (1 + rounds - rounds % 3)


def memory(environments: Environments, *, quick: bool) -> Section:
    """The peak memory of whole processes."""
    section = Section("memory", "Peak memory")
    with tempfile.TemporaryDirectory() as folder:
        short = with_history(Path(folder) / "short", environments.todo, TODOS, 2 * TODOS)
        report = partial(_report, section, peak_memory([str(environments.python), "-c", "pass"], short.env))
        report(short, f"todo ls with {TODOS:,} todos, the first time", "ls")
        short.warm()
        report(short, f"todo ls with {TODOS:,} todos", "ls", key=f"memory/ls/{TODOS}")
        report(short, f"todo add x with {TODOS:,} todos", "add", "x")
        report(short, f"todo history of {2 * TODOS:,} events", "history")
        if quick:
            section.note("a million events, and verifying 1 GB: in the full run")
            return section
        long = with_history(Path(folder) / "long", environments.todo, TODOS, 1_000_000)
        report(long, "todo ls after 1,000,000 events, the first time", "ls")
        long.warm()
        report(long, "todo ls after 1,000,000 events", "ls")
        try:
            short.run("verify")
        except Failed as error:
            section.note(f"verifying 1 GB is skipped: {error}")
            return section
        large = with_history(Path(folder) / "large", environments.todo, TODOS, _events(LARGE))
        report(large, f"todo verify of {large.log.stat().st_size / MEGABYTE:,.0f} MB", "verify", key="memory/verify/1GB")
    return section


def _report(section: Section, base: float, home: Home, what: str, *words: str, key: str = "") -> None:
    try:
        value = peak_memory([*home.todo, *words], home.env)
    except Failed as error:
        section.note(f"{what} is skipped: {error}")
        return
    section.figure(what, "MiB", value, key=key, against="python -c pass", base=base)
