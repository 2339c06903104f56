"""The bytes of a snapshot.

A snapshot consists of a CRC-32 of all that follows, a header line, the names of the streams on a line each, and the entities
in JSON arrays of `PART` on a line each. So one entity can be found and decoded without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Generic

import msgspec

from ..cursor import Cursor
from ..decider import S
from ..fold import Entity, Fold
from ..snapshots import Snapshot, SnapshotInfo
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


def encode_catalogue(kind: str, schema: str, infos: list[SnapshotInfo]) -> bytes:
    """Encode which snapshots of a kind of aggregate in a log there are.

    Args:
        kind: The kind of aggregate.
        schema: A name for the shape and the meaning of the states.
        infos: The snapshots, by position.
    """
    return _encode(_Catalogue(FORMAT, schema, kind, infos))


def decode_catalogue(content: bytes, kind: str, schema: str) -> list[SnapshotInfo]:
    """Return what `encode_catalogue` encoded. It is empty if it is about other states, or cannot be read."""
    try:
        catalogue = msgspec.json.decode(content, type=_Catalogue)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    found = (catalogue.format, catalogue.schema, catalogue.kind)
    return catalogue.taken if found == (FORMAT, schema, kind) else []


def encode_snapshot(log_id: str, kind: str, schema: str, cursor: Cursor, fold: Fold[Any]) -> bytes:
    """Encode a snapshot.

    Args:
        log_id: The id of the log.
        kind: The kind of aggregate.
        schema: A name for the shape and the meaning of the states.
        cursor: Where in the log the fold ends.
        fold: The entities.
    """
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


class SnapshotDecoder(Generic[S]):
    """Decodes snapshots of entities with states of one type."""

    def __init__(self, state: Any, schema: str) -> None:
        """Decode snapshots.

        Args:
            state: The type of the states.
            schema: A name for the shape and the meaning of the states.
        """
        self._schema = schema
        self._entities = msgspec.json.Decoder(list[Entity[state]]).decode

    def decode(self, content: bytes, log_id: str, kind: str, position: int) -> Snapshot[S] | None:
        """Return what `encode_snapshot` encoded. None if it is another snapshot or incomplete.

        Args:
            content: The bytes.
            log_id: The id of the log.
            kind: The kind of aggregate.
            position: The position of the last event in the snapshot.
        """
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
        return Snapshot(header.cursor, _Base(header, content, end, self._entities))


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
