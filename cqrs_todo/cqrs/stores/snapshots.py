"""Snapshots as blobs, which are named bytes that belong to a log, in files or in a table.

The blob `KIND.taken` lists the snapshots of a kind of aggregate in a log. Each other blob is a snapshot: `KIND.POSITION`.
It consists of a CRC-32 of all that follows, a header line, the names of the streams on a line each, and the entities in
JSON arrays of `PART` on a line each. So one entity can be found and decoded without the others.

Nothing is synced and no error is raised. A snapshot that does not match in every respect counts as missing, and is made
again from the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain
from typing import Any, Generic

import msgspec

from ..cursor import Cursor
from ..decider import S
from ..fold import Entity, Fold
from ..snapshots import Snapshot, SnapshotInfo, Snapshots, prune
from ..store import Blobs
from .hash_chain import CHECKSUM_LENGTH, is_whole, with_checksum

FORMAT = "cqrs-snapshot/6"
PART = 128
"""How many entities are decoded together."""
FEW = 100
"""How many streams are searched for one by one. After that, an index of all streams is made: that takes as long as about
130 searches, in a snapshot of any size."""

_encode = msgspec.json.encode


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a snapshot. `names` and `parts` are lengths in bytes."""

    format: str
    schema: str
    log: str
    kind: str
    cursor: Cursor
    others: dict[str, int]
    count: int
    names: int
    parts: list[int]


class _Catalogue(msgspec.Struct, frozen=True):
    format: str
    schema: str
    kind: str
    taken: list[SnapshotInfo]


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
        if content is None:  # as for most logs, which are short
            return ()
        try:
            catalogue = msgspec.json.decode(content, type=_Catalogue)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return ()
        found = (catalogue.format, catalogue.schema, catalogue.kind)
        return catalogue.taken if found == (FORMAT, self._schema, kind) else ()

    def load(self, log_id: str, kind: str, position: int) -> Snapshot[S] | None:
        """Return the snapshot that was taken at a position; see `Snapshots`."""
        content = self._blobs.read(log_id, name_of(kind, position)) or b""
        if not is_whole(content):
            return None
        end = content.find(b"\n") + 1
        try:
            header = msgspec.json.decode(content[CHECKSUM_LENGTH:end], type=_Header)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        found = (header.format, header.schema, header.log, header.kind, header.cursor.position)
        if found != (FORMAT, self._schema, log_id, kind, position):
            return None
        return Snapshot(header.cursor, _Base(header, content, end, self._decode))

    @cached_property
    def _decode(self) -> Callable[[memoryview], list[Entity[S]]]:
        """Decodes entities. To make a decoder takes time, and most logs are so short that they have no snapshot."""
        return msgspec.json.Decoder(list[Entity[self._state]]).decode  # type: ignore[name-defined]  # a type in a variable

    def save(
        self, log_id: str, kind: str, cursor: Cursor, info: SnapshotInfo, fold: Fold[S], before: Sequence[SnapshotInfo]
    ) -> None:
        """Keep a snapshot; see `Snapshots`."""
        after = prune(before, info)
        if self._write(log_id, kind, _content(log_id, kind, self._schema, cursor, fold), after):
            for gone in {each.position for each in before} - {each.position for each in after}:
                self._blobs.remove(log_id, name_of(kind, gone))

    def clear(self, log_id: str) -> bool:
        """Remove all snapshots of a log; see `Snapshots`."""
        return self._blobs.clear(log_id)

    def _write(self, log_id: str, kind: str, content: bytes, infos: list[SnapshotInfo]) -> bool:
        """Write a snapshot, the last one of `infos`, and then the catalogue. Return whether that was possible."""
        catalogue = _encode(_Catalogue(FORMAT, self._schema, kind, infos))
        written = self._blobs.write(log_id, name_of(kind, infos[-1].position), content)
        return written and self._blobs.write(log_id, name_of(kind, _CATALOGUE), catalogue)


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


class _Base(Generic[S]):
    """The entities in the bytes of a snapshot, decoded when they are asked for; see `fold.Base`."""

    def __init__(self, header: _Header, content: bytes, start: int, decode: Callable[[memoryview], list[Entity[S]]]) -> None:
        self.others: Mapping[str, int] = header.others
        self._count = header.count
        self._content = content
        self._names = (start, start + header.names)
        self._parts = header.parts
        self._decode = decode
        self._decoded: dict[int, list[Entity[S]]] = {}
        self._searches = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entity[S]]:
        return chain.from_iterable(map(self._entities, range(len(self._parts))))

    def numbered(self, number: int) -> Entity[S]:
        part, place = divmod(number - 1, PART)
        return self._entities(part)[place]

    def number_of(self, stream: str) -> int:
        self._searches += 1
        if self._searches > FEW:
            return self._numbers.get(_encode(stream), 0)
        start, end = self._names
        place = self._content.find(b"\n%b\n" % _encode(stream), start - 1, end)
        return 0 if place < 0 else self._content.count(b"\n", start, place + 1) + 1

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """The numbers of all streams, by their encoded names."""
        start, end = self._names
        return {name: number for number, name in enumerate(self._content[start:end].split(b"\n")[:-1], 1)}

    def starting(self, prefix: str) -> Sequence[int]:
        start, end = self._names
        wanted = b"\n" + _encode(prefix)[:-1]
        found = []
        place = self._content.find(wanted, start - 1, end)
        while place >= 0:
            found.append(self._content.count(b"\n", start, place + 1) + 1)
            place = self._content.find(wanted, place + 1, end)
        return found

    def mentioning(self, text: str) -> Iterator[Entity[S]]:
        wanted, start = _encode(text), self._names[1]
        for part, size in enumerate(self._parts):
            if self._content.find(wanted, start, start + size) >= 0:
                yield from self._entities(part)
            start += size

    def version_of(self, stream: str) -> int:
        number = self.number_of(stream)
        return self.numbered(number).version if number else self.others.get(stream, 0)

    def _entities(self, part: int) -> list[Entity[S]]:
        entities = self._decoded.get(part)
        if entities is None:
            start = self._names[1] + sum(self._parts[:part])
            entities = self._decode(memoryview(self._content)[start : start + self._parts[part]])
            self._decoded[part] = entities
        return entities


def _content(log_id: str, kind: str, schema: str, cursor: Cursor, fold: Fold[Any]) -> bytes:
    entities = list(fold)
    names = b"".join(_encode(entity.stream) + b"\n" for entity in entities)
    parts = [_encode(entities[first : first + PART]) + b"\n" for first in range(0, len(entities), PART)]
    body = names + b"".join(parts)
    sizes = [len(part) for part in parts]
    header = _Header(
        format=FORMAT,
        schema=schema,
        log=log_id,
        kind=kind,
        cursor=cursor,
        others=fold.others,
        count=len(entities),
        names=len(names),
        parts=sizes,
    )
    return with_checksum(_encode(header) + b"\n" + body)


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
