"""`python -m tests.trials [--short] [NAME…]`: run the trials, one line each, and their controls.

Ends with 1 when something was lost or silent, or when a control was not caught: a trial that can't fail shows nothing.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from . import TRIALS
from .harness import Program, Size, Tally


def _run(name: str, weakness: str, size: Size) -> Tally:
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        tally: Tally = TRIALS[name].trial(Program(home, weakness), size)
        return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trials", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *TRIALS], help=f"of {', '.join(TRIALS)}")
    parser.add_argument("--short", action="store_true", help="the form that is part of the suite")
    given = parser.parse_args()
    size = Size.SHORT if given.short else Size.FULL
    failed = False
    for name in given.names or TRIALS:
        began = time.monotonic()
        tally = _run(name, "", size)
        print(f"{name}: {tally} ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201  # what a trial is for
        for example in tally.examples:
            print(f"    {example}", flush=True)  # noqa: T201
        failed |= not tally.clean
        if tally.skipped:
            continue
        for weakness in TRIALS[name].CONTROLS:
            control = _run(name, weakness, Size.SHORT)
            caught = "caught" if not control.clean else "NOT CAUGHT"
            print(f"    control {weakness}: {caught}: {control}", flush=True)  # noqa: T201
            failed |= control.clean
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
