"""`python -m benchmarks`: measure, print the tables, ratios first, and write them as JSON."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from . import bulk, engine, framework, history, peers, server, startup, sync, web
from .environments import CHECKOUT, SHARED, WEB, Environments, prepare
from .machine import machine, versions
from .measure import Failed
from .results import Section, text, to_json

SECTIONS: dict[str, Callable[..., Section]] = {
    "startup": startup.measure,
    "peers": peers.measure,
    "history": history.length,
    "at": history.distance,
    "engine": engine.measure,
    "bulk": bulk.measure,
    "memory": bulk.memory,
    "server": server.measure,
    "sync": sync.measure,
    "framework": framework.measure,
    "web": web.measure,
}
NEEDED = {
    "engine": {"eventsourcing"},
    "peers": {"todoman"},
    "server": {"eventsourcing", SHARED},
    "sync": {SHARED},
    "framework": {"eventsourcing", SHARED},
    "web": {WEB},
}
"""The environments that a section needs beside the product's."""


def main() -> int:
    """Run the sections asked for; 1 when one of them could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds: five minutes instead of thirty-five")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=f"of: {', '.join(SECTIONS)}")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="where to write the result")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure with (default: this one)")
    parser.add_argument(
        "--environments",
        type=Path,
        default=CHECKOUT / ".venv-bench",
        metavar="FOLDER",
        help="where the measured environments are kept (default: .venv-bench in the checkout)",
    )
    given = parser.parse_args()
    names = [name for name in SECTIONS if not given.only or name in given.only]
    _progress("installing what is measured")
    try:
        needed = set[str]().union(*(NEEDED.get(name, ()) for name in names))
        environments = prepare(given.environments.resolve(), given.python, needed)
    except Failed as error:
        sys.exit(f"the package can't be installed: {error}")
    sections, failed = _measured(names, environments, given.quick)
    if given.out is not None:
        document = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": given.quick,
            "machine": machine(),
            "versions": versions(environments),
            "sections": [to_json(section) for section in sections],
        }
        given.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(failed)


def _measured(names: list[str], environments: Environments, quick: bool) -> tuple[list[Section], bool]:
    sections = []
    failed = False
    for name in names:
        start = time.monotonic()
        load = os.getloadavg()[0]
        _progress(f"measuring: {name}")
        try:
            section = SECTIONS[name](environments, quick=quick)
        except Failed as error:
            failed = True
            section = Section(name, name)
            section.note(f"could not be measured: {error}")
        if load > (os.cpu_count() or 1) + 1:  # what is measured here loads it with one process, the counting with all
            section.note(f"the machine was busy with other things (load {load:.0f}): times are doubtful, counts are not")
        sections.append(section)
        sys.stdout.write(f"{text(section)}\n\n")
        sys.stdout.flush()
        _progress(f"{name} took {time.monotonic() - start:.0f} s")
    return sections, failed


def _progress(words: str) -> None:
    sys.stderr.write(f"[{words}]\n")


if __name__ == "__main__":
    sys.exit(main())
