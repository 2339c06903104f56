"""What the tests of syncs share: the remotes at which machines meet, and syncing until nothing is left to do."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

M = TypeVar("M")


def new_remote(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """Return the URL of a new remote.

    Args:
        kind: "server", "jsonl" for a hub in a folder, or "folder" for a shared one.
        folder: Where a folder is made.
        request: The request of a fixture, which is asked for a server.
    """
    if kind == "server":
        url: str = request.getfixturevalue("database")
        return url
    return f"{kind}:{folder / 'remote'}"


def until_nothing_is_left(machines: Sequence[M], sync: Callable[[M], bool]) -> None:
    """Sync machines in turns until each of them in a row has nothing to do; raise an error if that does not end.

    Args:
        machines: The machines.
        sync: Syncs a machine, and returns whether there was nothing to do.
    """
    left = list(machines)
    for turn in range(6 * len(machines)):
        machine = machines[turn % len(machines)]
        left = [each for each in left if each is not machine] if sync(machine) else list(machines)
        if not left:
            return
    raise AssertionError("syncs do not end")
