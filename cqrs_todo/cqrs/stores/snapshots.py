"""Snapshots kept as named bytes of a log, in files or a table: `taken` says which there are, the others go by position.

A snapshot is the CRC-32 of all that follows, a line that says what that is, then the streams' names, a line each, then the
entities, in JSON arrays of `PART` on a line each; so that one entity is found and decoded without the others. Nothing is
synced and no error is told: whatever does not fit in every point is not there, and is made anew from the log.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import chain
from typing import Any, Generic, Protocol

import msgspec

from ..decider import S
from ..fold import Entity, Fold, version_in
from ..snapshots import Snapshot, Taken, thinned
from ..store import Mark
from .checksum import CHECKSUM_LENGTH, checked, is_whole

FORMAT = "cqrs-snapshot/2"
PART = 128
"""How many entities are decoded together."""
FEW = 32
"""How many streams are sought one by one; an index of all pays for more."""

_ID = re.compile("[0-9A-Za-z-]{1,64}")
_encode = msgspec.json.encode


class _Header(msgspec.Struct, frozen=True):
    """The first line; `names` and `parts` are lengths in bytes."""

    format: str
    schema: str
    log: str
    position: int
    token: str
    others: dict[str, int]
    count: int
    names: int
    parts: list[int]


class _Catalogue(msgspec.Struct, frozen=True):
    format: str
    schema: str
    taken: list[Taken]


_decode_header = msgspec.json.Decoder(_Header).decode
_decode_catalogue = msgspec.json.Decoder(_Catalogue).decode


class Place(Protocol):
    """Where the named bytes of a log are kept, as long as they are: whatever goes wrong, they are not there."""

    def read(self, log_id: str, name: str) -> bytes | None: ...

    def write(self, log_id: str, name: str, content: bytes) -> bool:
        """Keep them, all or nothing for whoever reads them; whether that was possible."""

    def remove(self, log_id: str, name: str) -> None: ...


_TAKEN = "taken"


class KeptSnapshots(Generic[S]):
    """Snapshots of entities with states of one type, in a place for named bytes.

    `schema` names the shape and the meaning of the state: what was kept under another is not used.
    """

    def __init__(self, place: Place, state: Any, schema: str) -> None:
        self._place = place
        self._schema = schema
        self._decode = msgspec.json.Decoder(list[Entity[state]]).decode

    def taken(self, log_id: str) -> Sequence[Taken]:
        try:
            catalogue = _decode_catalogue(self._place.read(log_id, _TAKEN) or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return ()
        return catalogue.taken if (catalogue.format, catalogue.schema) == (FORMAT, self._schema) else ()

    def load(self, log_id: str, position: int) -> Snapshot[S] | None:
        content = self._place.read(log_id, str(position)) or b""
        if not is_whole(content):
            return None
        end = content.find(b"\n") + 1
        try:
            header = _decode_header(content[CHECKSUM_LENGTH:end])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if (header.format, header.schema, header.log, header.position) != (FORMAT, self._schema, log_id, position):
            return None
        base: _Base[S] = _Base(header, content, end, self._decode)
        return Snapshot(Mark(position, header.token, partial(version_in, base)), base)

    def save(self, log_id: str, mark: Mark, taken: Taken, fold: Fold[S]) -> None:
        before = self.taken(log_id)
        after = thinned(before, taken)
        if not self._place.write(log_id, str(mark.position), _content(log_id, self._schema, mark, fold)):
            return
        self._place.write(log_id, _TAKEN, _encode(_Catalogue(FORMAT, self._schema, after)))
        for gone in {each.position for each in before} - {each.position for each in after}:
            self._place.remove(log_id, str(gone))


class Folder:
    """A place for named bytes in files, one folder a log, made when the first are kept."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def read(self, log_id: str, name: str) -> bytes | None:
        try:
            return _read(self._file(log_id, name))
        except OSError:
            return None

    def write(self, log_id: str, name: str, content: bytes) -> bool:
        try:
            path = self._file(log_id, name)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            _write(path, content)
        except OSError:
            return False
        return True

    def remove(self, log_id: str, name: str) -> None:
        with suppress(OSError):
            os.unlink(self._file(log_id, name))

    def _file(self, log_id: str, name: str) -> str:
        if not _ID.fullmatch(log_id):
            raise FileNotFoundError(log_id)  # an id of somebody else's making, which may lead anywhere
        return os.path.join(self._directory, log_id, f"{name}.json")


class _Base(Generic[S]):
    """The entities in a snapshot's bytes."""

    def __init__(self, header: _Header, content: bytes, start: int, decode: Callable[[memoryview], list[Entity[S]]]) -> None:
        self.others: Mapping[str, int] = header.others
        self._count = header.count
        self._content = content
        self._names = (start, start + header.names)
        self._parts = header.parts
        self._decode = decode
        self._decoded: dict[int, list[Entity[S]]] = {}
        self._sought = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entity[S]]:
        return chain.from_iterable(map(self._entities, range(len(self._parts))))

    def numbered(self, number: int) -> Entity[S]:
        part, place = divmod(number - 1, PART)
        return self._entities(part)[place]

    def number_of(self, stream: str) -> int:
        self._sought += 1
        if self._sought > FEW:
            return self._numbers.get(_encode(stream), 0)
        start, end = self._names
        place = self._content.find(b"\n%b\n" % _encode(stream), start - 1, end)
        return 0 if place < 0 else self._content.count(b"\n", start, place + 1) + 1

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """Every stream's number, by its name as it stands there."""
        start, end = self._names
        return {name: number for number, name in enumerate(self._content[start:end].split(b"\n")[:-1], 1)}

    def starting(self, prefix: str) -> Sequence[int]:
        start, end = self._names
        sought = b"\n" + _encode(prefix)[:-1]
        found = []
        place = self._content.find(sought, start - 1, end)
        while place >= 0:
            found.append(self._content.count(b"\n", start, place + 1) + 1)
            place = self._content.find(sought, place + 1, end)
        return found

    def _entities(self, part: int) -> list[Entity[S]]:
        entities = self._decoded.get(part)
        if entities is None:
            start = self._names[1] + sum(self._parts[:part])
            entities = self._decode(memoryview(self._content)[start : start + self._parts[part]])
            self._decoded[part] = entities
        return entities


def _content(log_id: str, schema: str, mark: Mark, fold: Fold[Any]) -> bytes:
    entities = list(fold)
    names = b"".join(_encode(entity.stream) + b"\n" for entity in entities)
    parts = [_encode(entities[first : first + PART]) + b"\n" for first in range(0, len(entities), PART)]
    body = names + b"".join(parts)
    sizes = [len(part) for part in parts]
    others, count = fold.others, len(entities)
    header = _Header(FORMAT, schema, log_id, mark.position, mark.token, others, count, len(names), sizes)
    return checked(_encode(header) + b"\n" + body)


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
    """Put a private file in place, all or nothing for whoever reads it."""
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
