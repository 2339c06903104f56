"""The view `authors`: who changed how much, the most active first."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ...cqrs.struct import Struct
from . import Event


class Activity(Struct):
    """What one author did: how many commits and events, and when the first and the last one was recorded."""

    changes: int
    events: int
    first: datetime
    last: datetime


class Everybody(Struct):
    """The state: what each author did, by their names."""

    authors: dict[str, Activity]


class Authors:
    """Counts the changes of each author."""

    name = "authors"
    help = "Who changed how much, the most active first."

    def __init__(self) -> None:
        self.initial = Everybody({})

    def evolve(self, state: Everybody, event: Event) -> Everybody:
        """Count the event for its author, and with the first event of a commit the commit."""
        activity = state.authors.setdefault(event.by, Activity(0, 0, event.at, event.at))
        activity.changes += event.position == event.commit
        activity.events += 1
        activity.first, activity.last = min(activity.first, event.at), max(activity.last, event.at)
        return state

    def rows(self, state: Everybody) -> Iterable[Mapping[str, Any]]:
        """Return a row for each author."""
        for by, activity in sorted(state.authors.items(), key=lambda each: (-each[1].changes, -each[1].events, each[0])):
            counts = {"changes": activity.changes, "events": activity.events}
            yield {"author": by, **counts, "first": activity.first, "last": activity.last}


VIEW = Authors()
