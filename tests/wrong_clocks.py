"""`python -m tests.wrong_clocks [WEAKNESS]`: how often an older edit stands after all syncs, when clocks are wrong.

Three machines change the same todos offline, and sync over a hub. A case is a field that was changed. An older edit
stands if the field has another value than the one that was set last in truth. A weakness of
`tests.trials.weak_merges` shows how often that is so if something else decided. docs/sync.md has the table.
"""

import random
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.replicas import LISTS, THEMES, Clocks, World, field_and_value
from tests.trials.weak_merges import MERGES

HISTORIES = 300
CLOCKS: Mapping[str, Clocks] = {
    "right": (timedelta(0),),
    "wrong by minutes": (timedelta(minutes=3), timedelta(0), timedelta(minutes=-5)),
    "wrong by hours": (timedelta(hours=9), timedelta(0), timedelta(hours=-2)),
    "wrong by years": (timedelta(days=3650), timedelta(0), timedelta(days=-3650)),
}
_PLAIN = ("text", "note", "due", "priority", "project", "wait", "completed")
"""The fields that are looked at: those with one value."""


def play(seed: int, clocks: Clocks) -> World:
    """Play a history: most of it is edits of few todos, and every tenth act is a sync with the hub."""
    dice = random.Random(seed)
    world = World(dice, 3, clocks, hub=True)
    world.acts = THEMES[-1]
    for _ in range(60):
        world.now += timedelta(microseconds=1)  # which of two edits of one instant is the older one, nobody knows
        if dice.random() < 0.85:
            world.change(dice.choice(world.machines))
        elif world.hub is not None:
            world.sync(world.hub, dice.choice(world.machines), law=False)
    world.sync_all(law=False)
    return world


def older_edits(world: World) -> tuple[int, int, int]:
    """Return how many fields were changed, how many of them by several machines, and in how many an older edit stands."""
    changed = cases = older = 0
    for name in LISTS:
        copy = world.machines[0].lists[name]
        last: dict[tuple[str, str], Any] = {}
        machines: dict[tuple[str, str], set[str]] = {}
        for command, wanted in world.oracle.wanted[name].items():  # in the order in which they were given
            created = {stream for stream, event in wanted.events if type(event).__name__ == "TodoCreated"}
            for stream, event in wanted.events:
                if stream in created or stream in copy.forgotten:
                    continue
                if type(event).__name__ in ("TodoRemoved", "TodoRestored"):
                    continue
                field, value = field_and_value(type(event).__name__, event)
                if field in _PLAIN:
                    last[stream, field] = value
                    machines.setdefault((stream, field), set()).add(command.split("-")[1])
        for (stream, field), value in last.items():
            entity = copy.fold.get(stream)
            if entity is not None and entity.state is not None:
                changed += 1
                cases += len(machines[stream, field]) > 1
                older += getattr(entity.state, field) != value
    return changed, cases, older


def main() -> None:
    """Print the table."""
    if len(sys.argv) > 1:
        MERGES[sys.argv[1]]()
    for what, clocks in CLOCKS.items():
        counts = [older_edits(play(seed, clocks)) for seed in range(HISTORIES)]
        changed, cases, older = (sum(column) for column in zip(*counts, strict=True))
        shares = f"{100 * older / changed:.1f} % of all, {100 * older / cases:.1f} % of those that several machines changed"
        print(f"{what:<18} {changed:>6,} fields, {cases:>5,} by several, {older:>5,} older: {shares}")  # noqa: T201  # its output


if __name__ == "__main__":
    main()
