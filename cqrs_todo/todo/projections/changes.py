"""The view `changes`: how much was changed in each minute, hour or day."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from . import Event

Counts: TypeAlias = dict[str, list[int]]
"""The number of commits and of events, by the beginning of the minute, hour or day in local time."""

_FORMATS = {"minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d"}


class Changes:
    """Counts changes over time.

    Args:
        unit: "minute", "hour" or "day". Times without changes have no row.
    """

    name = "changes"
    help = "How much was changed in each minute, hour or day."

    def __init__(self, unit: str = "day") -> None:
        if unit not in _FORMATS:
            raise ValueError(f"it is one of {', '.join(_FORMATS)}")
        self._unit = unit
        self.initial: Counts = {}

    def per(self, unit: str) -> "Changes":
        """Return the view for another unit of time."""
        return Changes(unit)

    def evolve(self, state: Counts, event: Event) -> Counts:
        """Count the event, and with the first event of a commit the commit."""
        counts = state.setdefault(event.at.strftime(_FORMATS[self._unit]), [0, 0])
        counts[0] += event.position == event.commit
        counts[1] += 1
        return state

    def rows(self, state: Counts) -> Iterable[Mapping[str, Any]]:
        """Return a row for each time with changes, in order."""
        for time, (commits, events) in sorted(state.items()):
            yield {self._unit: time, "changes": commits, "events": events}


VIEW = Changes()
