"""Long histories: what the list costs after very many events, and how dear the past is."""

import itertools
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .environments import Environments
from .homes import CHANGES_AN_HOUR, Home, with_history
from .measure import Failed, turns
from .results import Section

TODOS = 10_000
EVENTS = (20_000, 100_000, 1_000_000)
QUICK_EVENTS = (20_000, 100_000)
HOUR = "1 hour ago"


def length(environments: Environments, *, quick: bool) -> Section:
    """The list after histories of several lengths, in turns."""
    section = Section("history", f"The length of the history, with {TODOS:,} todos")
    rounds, budget = (3, 5.0) if quick else (7, 60.0)
    with tempfile.TemporaryDirectory() as folder:
        homes = {
            events: with_history(Path(folder) / str(events), environments.todo, TODOS, events)
            for events in (QUICK_EVENTS if quick else EVENTS)
        }
        cold = turns({str(events): home.replay for events, home in homes.items()}, 1 if quick else 3, budget)
        for home in homes.values():
            home.warm()
        for verb in ("ls", "add", "done"):
            taken = turns({str(events): _verb(home, verb) for events, home in homes.items()}, rounds, budget)
            _report(section, f"todo {verb}", taken, f"history/{verb}")
        _report(section, "todo ls, the cache deleted", cold, "history/cold")
    return section


def _report(section: Section, what: str, taken: dict[str, float], key: str) -> None:
    (first, base), *later = taken.items()
    section.point(what, int(first), base)
    for events, seconds in later:
        section.point(what, int(events), seconds)
        section.figure(
            f"{what} after {int(events):,} events",
            "ms",
            seconds * 1000,
            key=f"{key}/{events}",
            against=f"after {int(first):,}",
            base=base * 1000,
        )


def _verb(home: Home, verb: str) -> Callable[[], float]:
    if verb != "done":
        return partial(home.run, *{"ls": ["ls"], "add": ["add", "x"]}[verb])
    numbers = itertools.count(1)
    return lambda: home.run("done", str(next(numbers)))


def distance(environments: Environments, *, quick: bool) -> Section:
    """The list as it was, this many events ago, in turns with the list as it is."""
    events = (QUICK_EVENTS if quick else EVENTS)[-1]
    section = Section("at", f"The past, with {TODOS:,} todos after {events:,} events")
    with tempfile.TemporaryDirectory() as folder:
        home = with_history(Path(folder) / "home", environments.todo, TODOS, events)
        home.warm()
        moments = {
            "now": ["ls"],
            HOUR: ["at", HOUR],
            "middle": ["at", f"@{events // 2}"],
            **{str(back): ["at", f"@{max(1, events - back)}"] for back in _powers_of_ten(events)},
        }
        try:
            for words in moments.values():  # what is kept near a moment may be made by the first who asks
                home.run(*words)
            taken = turns(
                {name: partial(home.run, *words) for name, words in moments.items()},
                3 if quick else 7,
                15.0 if quick else 120.0,
            )
        except Failed as error:
            section.note(f"skipped: {error}")
            return section
    now = taken.pop("now")
    for name, seconds in taken.items():
        what = f'todo at "{HOUR}"' if name == HOUR else " ".join(["todo", *moments[name]])
        if name.isdigit():
            what += f", {int(name):,} event{'s' * (name != '1')} ago"
            section.point("todo at, by distance", int(name), seconds)
        key = f"at/{name}/{events}" if name == "middle" else f"at/{name}"
        section.figure(what, "ms", seconds * 1000, key=key, against="todo ls", base=now * 1000)
    section.note(f"the history has {CHANGES_AN_HOUR:,} events an hour")
    return section


def _powers_of_ten(limit: int) -> list[int]:
    return [10**power for power in range(len(str(limit)))]
