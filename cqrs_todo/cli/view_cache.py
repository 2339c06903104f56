"""The checkpoints of views, in the cache folder. Losing them costs time, and nothing else."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..cqrs.stores.checksum import CHECKSUM_LENGTH, checked, is_whole
from ..cqrs.stores.snapshots import Folder
from ..todo.projections.fold import Checkpoint, Reached
from .clock import to_local
from .config import cache_dir

FORMAT = "cqrs-todo-view/1"

PERIODS = 12
"""How many of the latest closed periods are kept. A checkpoint may be large: that of a statement holds every todo."""


class _Kept(msgspec.Struct, frozen=True):
    period: str
    reached: dict[str, Reached]
    state: msgspec.Raw


class _Document(msgspec.Struct, frozen=True):
    format: str
    schema: str
    checkpoints: list[_Kept]


_decode = msgspec.json.Decoder(_Document).decode


class ViewCache:
    """The checkpoints of one view over one list or all lists.

    Args:
        store: The URL of the store.
        scope: The id of the list's log, or "all".
        view: What tells the view from all others: its file or name, and its options.
        schema: Changes whenever old states can no longer be used.
        initial: The initial state. Its type is that of all states.
    """

    def __init__(self, store: str, scope: str, view: str, schema: str, initial: object) -> None:
        self._folder = Folder(os.path.join(cache_dir(), "views"))
        self._scope = scope
        self._name = hashlib.sha256("\0".join((store, view)).encode()).hexdigest()[:32]
        self._schema = "\0".join((schema, _zone()))
        kind = type(initial)
        typed = is_dataclass(kind) or issubclass(kind, msgspec.Struct)
        self._decoder = msgspec.json.Decoder(kind if typed else Any)
        self._checkpoints = self._load()
        self._changed = False

    def load(self) -> Sequence[Checkpoint]:
        """Return the checkpoints, oldest first."""
        return list(self._checkpoints)

    def state_of(self, checkpoint: Checkpoint) -> Any:
        """Return the state of a checkpoint, which the caller may change; None if it cannot be used."""
        with suppress(msgspec.MsgspecError, TypeError, ValueError):  # then the events are folded again
            return self._decoder.decode(checkpoint.state)
        return None

    def save(self, period: str, reached: Mapping[str, Reached], state: Any) -> None:
        """Keep a state, if it can be read back as it is. Otherwise the view is folded from the beginning each time."""
        try:
            encoded = msgspec.json.encode(state)
            if self._decoder.decode(encoded) != state:
                return
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
            return
        others = [each for each in self._checkpoints if each.period != period]
        older = next((each for each in self._checkpoints if each.period == period), None)
        if older is not None and not period and _total(older.reached) > _total(reached):
            return  # this one is of a moment in the past
        kept = sorted([*others, Checkpoint(period, dict(reached), encoded)], key=lambda each: each.period)
        self._checkpoints, self._changed = kept[-PERIODS:], True

    def write(self) -> None:
        """Write the checkpoints to the cache folder, if there are new ones and it is possible."""
        if not self._changed:
            return
        self._changed = False
        kept = [_Kept(each.period, dict(each.reached), msgspec.Raw(each.state)) for each in self._checkpoints]
        content = msgspec.json.encode(_Document(FORMAT, self._schema, kept))
        self._folder.write(self._scope, self._name, checked(content))

    def _load(self) -> list[Checkpoint]:
        content = self._folder.read(self._scope, self._name) or b""
        if not is_whole(content):
            return []
        try:
            document = _decode(content[CHECKSUM_LENGTH:])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return []
        if (document.format, document.schema) != (FORMAT, self._schema):
            return []
        return [Checkpoint(each.period, each.reached, bytes(each.state)) for each in document.checkpoints]


def _total(reached: Mapping[str, Reached]) -> int:
    return sum(each.position for each in reached.values())


def _zone() -> str:
    """Return a digest of the time zone: views see local times, so that their states are those of one zone."""
    times = [datetime(year, month, 1, tzinfo=UTC) for year in range(1990, 2041) for month in (1, 7)]
    return hashlib.sha256(repr([to_local(time).utcoffset() for time in times]).encode()).hexdigest()[:16]
