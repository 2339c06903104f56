"""The aims, all in one place: what each figure is to reach. Nothing asserts them; the tables tell."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Aim:
    """A bound on a figure's ratio, or on its value where no ratio would say it."""

    bound: Literal["≤", "≥"]
    limit: float
    of: Literal["ratio", "value"] = "ratio"

    def reached(self, ratio: float | None, value: float | None) -> bool | None:
        """Whether the figure is within the bound; None where it could not be measured."""
        measured = ratio if self.of == "ratio" else value
        if measured is None:
            return None
        return measured <= self.limit if self.bound == "≤" else measured >= self.limit

    def text(self, unit: str) -> str:
        """The aim in words, `unit` being that of the figure's value."""
        return f"{self.bound} {self.limit:,g}" + (f" {unit}" if self.of == "value" else " ×")


_START_UP = {
    "add": 4.0,
    "done": 4.0,
    "bare": 4.0,
    "ls": 4.0,
    "ls-terminal": 9.0,
    "bare-terminal": 9.0,
    "help": 9.0,
}
_ANY_OTHER_VERB = 8.5


def start_up(verb: str) -> Aim:
    """How many times the instructions of an empty Python program a verb may take."""
    return Aim("≤", _START_UP.get(verb, _ANY_OTHER_VERB))


_LONG = (40_000, 170_000, 1_000_000)

AIMS: dict[str, Aim] = {
    # against the peers, and against ourselves with few todos
    "peers/ls/todo.txt/10000": Aim("≤", 0.6),
    "peers/ls/Taskwarrior/10000": Aim("≤", 0.4),
    "peers/done/Taskwarrior/10000": Aim("≤", 0.5),
    "peers/ls/todo.txt/100000": Aim("≤", 0.3),
    "own/add/100000": Aim("≤", 2),
    "own/done/100000": Aim("≤", 2),
    # the length of the history
    "history/ls/1000000": Aim("≤", 1.2),
    "at/1 hour ago": Aim("≤", 1.7),
    "at/middle/1000000": Aim("≤", 4),
    # the engine
    "engine/replay/eventsourcing/memory": Aim("≥", 7),
    "engine/append": Aim("≥", 0.55),
    "engine/append/eventsourcing": Aim("≥", 1.1),
    # lists on a server
    "server/append/eventsourcing": Aim("≥", 1.5),
    "server/ls": Aim("≤", 1.3),
    # syncs, as many times `todo ls`
    **{f"sync/idle/{remote}": Aim("≤", 1.5) for remote in ("shared folder", "server")},
    **{f"sync/changes/{remote}": Aim("≤", 40) for remote in ("shared folder", "server")},
    # the framework on a long log
    **{f"framework/{what}/files/{size}": Aim("≤", 20, "value") for what in ("read", "newest") for size in _LONG},
    **{f"framework/{what}/server/{size}": Aim("≤", 5, "value") for what in ("read", "newest") for size in _LONG},
    "framework/react/files": Aim("≥", 5_000, "value"),
    "framework/react/server": Aim("≥", 5_000, "value"),
    "framework/writers/files": Aim("≥", 1),
    "framework/writers/server": Aim("≥", 1),
    # lists over GraphQL
    "web/rate": Aim("≥", 0.6),
    "web/work": Aim("≤", 1.67),
    "web/page/10000": Aim("≤", 2),
    "web/half-open": Aim("≤", 1.2),
    "web/memory": Aim("≤", 1.05),
    # much at once, and memory
    "bulk/add/100000": Aim("≤", 2.5),
    "bulk/json/100000": Aim("≤", 2.5),
    "bulk/events/100000": Aim("≤", 2.5),
    "bulk/verify/100": Aim("≥", 0.5),
    "bulk/verify/1000": Aim("≥", 0.5),
    "memory/ls/10000": Aim("≤", 60, "value"),
    "memory/verify/1GB": Aim("≤", 100, "value"),
}
