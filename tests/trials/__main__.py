"""`python -m tests.trials [--short] [NAME…]`: run the trials and their controls, then print one table.

The exit code is 1 if something was lost or silent, if a trial never reached its fault, or if a control was not caught for
the reason that it names. A trial that cannot fail shows nothing.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

from .harness import Program, Size, Tally
from .registry import TRIALS

_HEADS = ("trial", "cases", "faults reached", "lost", "silent", "refused", "seconds")


def _run(name: str, weakness: str, size: Size) -> Tally:
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        tally: Tally = TRIALS[name].trial(Program(home, weakness), size)
        return tally


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # this output is what the command is for


def _report_trial(name: str, size: Size) -> tuple[Tally | None, int]:
    """Run a trial and print what it found.

    Returns:
        The tally, or None if the trial itself failed, and the seconds that it took.
    """
    began = time.monotonic()
    try:
        tally = _run(name, "", size)
    except Exception:
        _print(f"{name}: BROKEN: {traceback.format_exc()}")
        return None, round(time.monotonic() - began)
    seconds = round(time.monotonic() - began)
    _print(f"{name}: {tally} ({seconds} s)")
    for what, count in tally.causes.items():
        _print(f"    {count:,} × {what}")
    for example in tally.examples:
        _print(f"    {example}")
    if not tally.skipped and not tally.reached:
        _print("    BROKEN: the fault was never reached")
    return tally, seconds


def _control_results(name: str) -> Iterable[tuple[bool, str]]:
    """Run each control of a trial; yield whether it was caught for the reason that it names, and a line that reports it."""
    for control in TRIALS[name].CONTROLS:
        began = time.monotonic()
        label = f"control {name}/{control.weakness}"
        try:
            tally = _run(name, control.weakness, Size.SHORT)
        except Exception:
            yield False, f"{label}: BROKEN: {traceback.format_exc()}"
            continue
        seconds = round(time.monotonic() - began)
        if tally.skipped:
            yield True, f"{label}: SKIPPED: {tally.skipped}"
        elif tally.catches(control):
            yield True, f"{label}: caught, {tally.causes[control.wrong]:,} × {control.wrong} ({seconds} s)"
        else:
            found = "; ".join(f"{count:,} × {what}" for what, count in tally.causes.items()) or "nothing"
            yield False, f"{label}: NOT CAUGHT as {control.wrong}; it found {found} ({seconds} s): {tally.examples[:1]}"


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Yield the lines of a Markdown table: names are aligned left, figures right."""
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    for number, row in enumerate([_HEADS, *rows]):
        cells = [
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|{'|'.join('-' * (width + 1) + (':' if place else '-') for place, width in enumerate(widths))}|"


def _row(name: str, tally: Tally | None, seconds: int) -> list[str]:
    if tally is None or tally.skipped:
        state = "broken" if tally is None else "skipped"
        return [name, state, *["–"] * (len(_HEADS) - 3), f"{seconds:,}"]
    counts = (tally.cases, tally.reached, tally.lost, tally.silent, tally.refused, seconds)
    return [name, *(f"{count:,}" for count in counts)]


def main() -> int:
    """Run what the command line asks for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.trials", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *TRIALS], help=f"of {', '.join(TRIALS)}")
    parser.add_argument("--short", action="store_true", help="the form that is part of the suite")
    given = parser.parse_args()
    size = Size.SHORT if given.short else Size.FULL
    failed = False
    rows: list[list[str]] = []
    notes: list[str] = []
    controls: list[str] = []
    for name in given.names or TRIALS:
        tally, seconds = _report_trial(name, size)
        rows.append(_row(name, tally, seconds))
        failed |= tally is None or not (tally.skipped or tally.passed)
        if tally is not None and tally.skipped:
            notes.append(f"{name}: SKIPPED: {tally.skipped}")
            continue
        notes += [f"{name}: {note}" for note in (tally.notes if tally is not None else ())]
        for caught, line in _control_results(name):
            _print(f"    {line}")
            controls.append(line)
            failed |= not caught
    _print("")
    for line in [*_table(rows), "", *notes, "", *controls]:
        _print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
