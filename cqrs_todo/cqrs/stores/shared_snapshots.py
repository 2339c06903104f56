"""Snapshots that several machines share: each keeps its own, and begins with the newest one that another machine shared."""

from collections.abc import Sequence
from typing import Any

from ..cursor import Cursor
from ..decider import S
from ..fold import Fold
from ..snapshots import SnapshotInfo
from ..store import Blobs
from .snapshots import SnapshotStore, name_of


class SharedSnapshots(SnapshotStore[S]):
    """Snapshots in a place of this machine, which are also saved in a place that all machines share.

    The shared place is read only for a log of which this machine has no snapshot. So a machine reads most snapshots from its
    own disk, and notices if a server lost commits that the machine has a snapshot of.
    """

    def __init__(self, own: Blobs, shared: Blobs, state: Any, schema: str) -> None:
        """Keep snapshots in two places.

        Args:
            own: The place of this machine.
            shared: The place that all machines share.
            state: The type of the states.
            schema: A name for the shape and the meaning of the states.
        """
        super().__init__(own, state, schema)
        self._shared_blobs = shared
        self._shared: SnapshotStore[S] = SnapshotStore(shared, state, schema)

    def infos(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        """Return which snapshots this machine has, after copying the newest shared one if it has none; see `Snapshots`."""
        return super().infos(log_id, kind) or self._copy_newest(log_id, kind)

    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[S], before: Sequence[SnapshotInfo]
    ) -> None:
        """Keep a snapshot in both places; see `Snapshots`."""
        super().save(log_id, kind, cursor, info, fold, before)
        self._shared.save(log_id, kind, cursor, info, fold, self._shared.infos(log_id, kind))

    def clear(self, log_id: str) -> bool:
        """Remove all snapshots of a log from both places; see `Snapshots`."""
        own, shared = super().clear(log_id), self._shared.clear(log_id)
        return own and shared

    def _copy_newest(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        shared = self._shared.infos(log_id, kind)
        if not shared:
            return ()
        content = self._shared_blobs.read(log_id, name_of(kind, shared[-1].position))
        # the copy is the first snapshot here, so it answers for all times since the beginning of the log
        copy = SnapshotInfo(shared[-1].position, shared[-1].at, min(info.earliest for info in shared))
        return [copy] if content is not None and self._write(log_id, kind, content, [copy]) else ()
