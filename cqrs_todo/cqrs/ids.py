"""New ids for commands, and whether this process has made an id; and the present time."""

import os
from datetime import UTC, datetime
from time import monotonic_ns

_REMEMBERED = 10_000
_made: dict[str, int] = {}


def new_command_id() -> str:
    """Return a new random id for a command: 20 hexadecimal digits."""
    id = os.urandom(10).hex()
    _made[id] = monotonic_ns()
    if len(_made) > _REMEMBERED:
        del _made[next(iter(_made))]
    return id


def now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.now(UTC)


def was_made_after(id: str, moment: int) -> bool:
    """Return whether this process made an id, later than at a moment. What was recorded before does not have the id.

    Args:
        id: The id. Others may have got it from this process, and may have sent it to a log meanwhile.
        moment: A moment of `time.monotonic_ns`, in nanoseconds.
    """
    return _made.get(id, moment) > moment
