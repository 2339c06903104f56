"""Random histories of two to four machines that share two lists: over a hub, with each other, or both. See `tests.replicas`.

After every merge all laws of docs/sync.md are checked, and at the end that nothing was lost and all copies are equal. A
history is one case. Its fault is that two machines had changed the same list before they merged.
"""

import random
import traceback
from pathlib import Path

from tests.replicas import LAWS, Wrong, play

from .children import in_child
from .harness import CRASHED, LOST, Control, Program, Size, Tally

NAME = "merges"
HISTORIES = {Size.SHORT: 10, Size.FULL: 20_000}
_CONTROL = 400
"""How many histories a weakened program is given at most, because some weaknesses show in few of them."""


def _law(name: str) -> str:
    return f"{LOST}: {LAWS[name]}"


CONTROLS = (
    Control("merge-drops-without-effect", _law("newest")),
    Control("merge-wall-clock", _law("newest")),
    Control("merge-last-wins", _law("newest")),
    Control("merge-theirs-is-trunk", _law("symmetric")),
    Control("merge-original-time", _law("times")),
    Control("merge-time-of-merge", _law("symmetric")),
    Control("merge-marks-blindly", _law("undone")),
    Control("merge-undo-blindly", _law("removed")),
    Control("merge-creation-resets", _law("newest")),
    Control("merge-ties-by-digest", _law("forget")),
    Control("merge-reads-text", _law("forget")),
    Control("merge-closes-circles", _law("circle")),
    Control("merge-changes-removed", _law("removed")),
    Control("merge-moves-apart", _law("one list")),
)


def trial(program: Program, size: Size) -> Tally:
    """Play 20,000 histories; the short form plays 10."""
    wanted = next((control.wrong for control in CONTROLS if control.weakness == program.weakness), "")
    (program.home / "wanted").write_text(wanted)
    return in_child(NAME, program, size)


def body(home: Path, size: Size) -> Tally:
    """Play the histories in this process. With a weakened program, play until it was caught."""
    wanted = (home / "wanted").read_text()
    tally = Tally()
    merges = circles = 0
    for seed in range(_CONTROL if wanted else HISTORIES[size]):
        tally.cases += 1
        try:
            world = play(random.Random(seed))
        except Wrong as error:
            tally.reached += 1
            tally.wrong(f"{LOST}: {error.law}", f"history {seed}: {error}")
            if tally.causes.get(wanted):
                break
        except Exception:
            tally.reached += 1
            tally.wrong(CRASHED, f"history {seed}: {traceback.format_exc()[-1500:]}")
        else:
            tally.reached += world.merges > 0
            merges += world.merges
            circles += world.circles
    tally.notes.append(f"{merges:,} merges of two changed copies, {circles:,} links left out because of circles")
    return tally
