"""Forgetting: which parts of a log can hold the data of a stream, and what remains of them when the stream is forgotten."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from .struct import Struct

V = TypeVar("V")

KEPT_MEMBERS = frozenset(
    {
        "batch",
        "causation",
        "correlation",
        "extra",
        "file",
        "from",
        "machine",
        "made",
        "move",
        "with",
        "redoes",
        "restores",
        "stamp",
        "undoes",
    }
)
"""The members of a commit's `meta` that stay when one of its events is forgotten.

They are those that docs/log-format.md describes and that hold only ids, positions, times and the names of logs. A reason
that was given for the command may repeat what is forgotten, and so may any member that this code does not know. A digest of
the words of the command would confirm a guess.
"""


MEMBERS_BY_STREAM = frozenset({"import"})
"""The members of a commit's `meta` that are objects with the names of streams as keys.

Each value is about its stream alone. When a stream is forgotten, such an object loses the value of this stream, also in a
commit without an event of it. The values of other streams stay.
"""


def kept_meta(meta: Mapping[str, V]) -> dict[str, V]:
    """Return the `meta` of a commit without the members that can hold the data of a forgotten event, or a digest of it.

    The members by stream stay. What they hold of forgotten streams has to be taken out of them.
    """
    return {key: value for key, value in meta.items() if key in KEPT_MEMBERS or key in MEMBERS_BY_STREAM}


def names_streams(meta: Mapping[str, Any], streams: Collection[str]) -> bool:
    """Return whether a member by stream of a commit's `meta` has a value of one of some streams."""
    members = (meta[name] for name in MEMBERS_BY_STREAM & meta.keys())
    return any(not members_of.keys().isdisjoint(streams) for members_of in members if isinstance(members_of, Mapping))


class Forgetting(Struct, frozen=True):
    """What it did to one log to forget streams.

    Attributes:
        log: The id of the log.
        events: How many events lost their data now. Those that had been forgotten before do not count.
        removed: The paths of files beside the logs that held the data, or may have held it, and were removed.
        unreached: What may still hold the data and could not be changed, in words.
    """

    log: str
    events: int
    removed: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
