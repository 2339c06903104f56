"""The view `changes`: how much was changed in each minute, hour or day."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from . import Event

Counts: TypeAlias = dict[str, list[int]]
"""The number of commits and of events, by the beginning of the minute, hour or day in local time, as ISO 8601.

A minute or an hour has its offset from UTC. So the two hours are apart that have the same name when the clocks go back.
"""

_UNITS = ("minute", "hour", "day")
_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)


class Changes:
    """Counts changes over time.

    Args:
        unit: "minute", "hour" or "day". Times without changes have no row.
    """

    name = "changes"
    help = "How much was changed in each minute, hour or day."

    def __init__(self, unit: str = "day") -> None:
        if unit not in _UNITS:
            raise ValueError(f"it is one of {', '.join(_UNITS)}")
        self._unit = unit
        self.initial: Counts = {}

    def per(self, unit: str) -> "Changes":
        """Return the view for another unit of time."""
        return Changes(unit)

    def evolve(self, state: Counts, event: Event) -> Counts:
        """Count the event, and with the first event of a commit the commit."""
        start = event.at.date() if self._unit == "day" else event.at.replace(second=0, microsecond=0)
        if self._unit == "hour":
            start = event.at.replace(minute=0, second=0, microsecond=0)
        counts = state.setdefault(start.isoformat(), [0, 0])
        counts[0] += event.position == event.commit
        counts[1] += 1
        return state

    def rows(self, state: Counts) -> Iterable[Mapping[str, Any]]:
        """Return a row for each time with changes, in order. An hour has its first and its last second."""
        if self._unit == "day":
            for day, (commits, events) in sorted(state.items()):
                yield {"day": day, "changes": commits, "events": events}
            return
        starts = {datetime.fromisoformat(start): counts for start, counts in state.items()}
        for start, (commits, events) in sorted(starts.items()):
            times = {"minute": start} if self._unit == "minute" else {"from": start, "to": start + _HOUR - _SECOND}
            yield {**times, "changes": commits, "events": events}


VIEW = Changes()
