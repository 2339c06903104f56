"""Snapshots as blobs, which are named bytes that belong to a log, in files or in a table.

The blob `KIND.taken` is the catalogue of the snapshots of a kind of aggregate in a log. Each other blob is a snapshot:
`KIND.POSITION`. `snapshot_format` says what the bytes are. It is imported when there is a snapshot, because most logs are
short and have none.

Nothing is synced and no error is raised. A snapshot that does not match in every respect counts as missing, and is made
again from the log.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic

from ..decider import S
from ..snapshots import Snapshot, SnapshotInfo, Snapshots, prune
from ..store import Blobs

if TYPE_CHECKING:
    from ..cursor import Cursor
    from ..fold import Fold
    from .snapshot_format import SnapshotDecoder

_CATALOGUE = "taken"


def name_of(kind: str, part: int | str) -> str:
    """Return the name of a blob: that of a snapshot, by its position, or the catalogue of a kind."""
    return f"{kind}.{part}"


class SnapshotStore(Snapshots, Generic[S]):
    """Snapshots of entities with states of one type."""

    def __init__(self, blobs: Blobs, state: Any, schema: str) -> None:
        """Keep snapshots.

        Args:
            blobs: Where to keep them.
            state: The type of the states.
            schema: A name for the shape and the meaning of the states. Snapshots with another schema are not used.
        """
        self._blobs = blobs
        self._schema = schema
        self._state = state

    def infos(self, log_id: str, kind: str) -> Sequence[SnapshotInfo]:
        """Return which snapshots there are; see `Snapshots`."""
        content = self._blobs.read(log_id, name_of(kind, _CATALOGUE))
        if content is None:
            return ()
        from .snapshot_format import decode_catalogue

        return decode_catalogue(content, kind, self._schema)

    def load(self, log_id: str, kind: str, position: int) -> Snapshot[S] | None:
        """Return the snapshot that was taken at a position; see `Snapshots`."""
        content = self._blobs.read(log_id, name_of(kind, position))
        return None if content is None else self._decoder.decode(content, log_id, kind, position)

    @cached_property
    def _decoder(self) -> SnapshotDecoder[S]:
        from .snapshot_format import SnapshotDecoder

        return SnapshotDecoder(self._state, self._schema)

    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[S], before: Sequence[SnapshotInfo]
    ) -> None:
        """Keep a snapshot; see `Snapshots`."""
        from .snapshot_format import encode_snapshot

        after = prune(before, info)
        if self._write(log_id, kind, encode_snapshot(log_id, kind, self._schema, cursor, fold), after):
            for gone in {each.position for each in before} - {each.position for each in after}:
                self._blobs.remove(log_id, name_of(kind, gone))

    def clear(self, log_id: str) -> bool:
        """Remove all snapshots of a log; see `Snapshots`."""
        return self._blobs.clear(log_id)

    def _write(self, log_id: str, kind: str, content: bytes, infos: list[SnapshotInfo]) -> bool:
        """Write a snapshot, the last one of `infos`, and then the catalogue. Return whether that was possible."""
        from .snapshot_format import encode_catalogue

        written = self._blobs.write(log_id, name_of(kind, infos[-1].position), content)
        return written and self._blobs.write(log_id, name_of(kind, _CATALOGUE), encode_catalogue(kind, self._schema, infos))


class Folder(Blobs):
    """Blobs in files, with one folder for each log, which is made for its first blob."""

    def __init__(self, directory: str) -> None:
        """Keep blobs.

        Args:
            directory: The path of the directory of the folders.
        """
        self._directory = directory

    def read(self, log_id: str, name: str) -> bytes | None:
        """Return a blob; see `Blobs`."""
        try:
            return _read(self._file(log_id, name))
        except OSError:
            return None

    def write(self, log_id: str, name: str, content: bytes) -> bool:
        """Write a blob; see `Blobs`."""
        from .jsonl.files import make_directory  # most runs write no blob

        try:
            path = self._file(log_id, name)
            make_directory(os.path.dirname(path), durable=False)
            _write(path, content)
        except OSError:
            return False
        return True

    def remove(self, log_id: str, name: str) -> None:
        """Remove a blob; see `Blobs`."""
        with suppress(OSError):
            os.unlink(self._file(log_id, name))

    def clear(self, log_id: str) -> bool:
        """Remove all blobs of a log; see `Blobs`. Files that an interrupted write left are removed, too."""
        try:
            folder = os.path.dirname(self._file(log_id, ""))
            names = os.listdir(folder)
        except FileNotFoundError:  # no blob was ever written
            return True
        except OSError:
            return False
        try:
            for name in names:
                with suppress(FileNotFoundError):  # another process has just removed it
                    os.unlink(os.path.join(folder, name))
        except OSError:
            return False
        return True

    def _file(self, log_id: str, name: str) -> str:
        if not (log_id.isascii() and log_id.replace("-", "").isalnum() and len(log_id) <= 64):
            raise FileNotFoundError(log_id)  # an id that another program made, and that may lead to any other folder
        return os.path.join(self._directory, log_id, f"{name}.json")


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        size = os.fstat(fd).st_size
        parts = []
        while size > 0 and (part := os.read(fd, size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def _write(path: str, content: bytes) -> None:
    """Replace a file by one with mode 0600, so that readers see all of it or nothing."""
    fresh = f"{path}.{os.getpid()}.new"
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.replace(fresh, path)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(fresh)
        raise
    finally:
        os.close(fd)
