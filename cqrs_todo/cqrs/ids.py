"""New ids for commands, which of them this process has not sent to a log yet, and the time."""

import os
from datetime import UTC, datetime

_unsent: set[str] = set()


def new_command_id() -> str:
    """Return a new random id for a command: 20 hexadecimal digits."""
    id = os.urandom(10).hex()
    _unsent.add(id)
    return id


def now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.now(UTC)


def is_unsent(id: str) -> bool:
    """Return whether an id was made by this process and was never sent to a log."""
    return id in _unsent


def take_unsent(id: str) -> bool:
    """Return whether an id was made by this process and was never sent to a log. From now on it counts as sent.

    No log can hold such an id, so a store need not look for it.
    """
    if id in _unsent:
        _unsent.remove(id)
        return True
    return False
