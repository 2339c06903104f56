"""What other packages offer to this one, by entry points."""

from contextlib import suppress
from typing import Any


def entry_points(group: str) -> list[Any]:
    """Return the entry points of a group, by name.

    Args:
        group: The name of the group.
    """
    from importlib.metadata import distributions
    from importlib.metadata import entry_points as installed

    points: list[Any] = []
    try:
        points += installed(group=group)
    except Exception:  # some package has a file of entry points that cannot be read: use those of all others
        for package in distributions():
            with suppress(Exception):
                points += package.entry_points.select(group=group)
    return sorted(points, key=lambda point: point.name)
