"""Format 1 of the log, byte for byte: a header line, then one line a commit, each sealed with a sum over all before it."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Annotated, Any, Union

import msgspec

from ..errors import CqrsError
from ..events import Commit, EventTypes, Metadata, Recorded, UnknownEvent
from .hash_chain import NO_DIGEST, chain_line, continues, digest_in, last_digest, with_digest

FORMAT = "cqrs-log"
VERSION = "1.0"

_LONG = 1 << 18
"""How many bytes of lines pass before a decoder for all types of events is worth the millisecond that it takes to make."""
BROKEN = "its digest does not match: it was altered, or a line before it is missing"

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class InvalidLine(CqrsError):
    """A line is not what format 1 says; the message says in what, for use after 'line 12: '."""


class Header(msgspec.Struct, frozen=True):
    """The first line: what file this is, and which log."""

    format: str
    version: str
    id: str
    name: str
    created: Instant

    @property
    def newer(self) -> bool:
        """Whether the file is of a later major version, which this code reads and never writes."""
        major = self.version.partition(".")[0]
        return not re.fullmatch("[0-9]{1,9}", major) or int(major) > int(VERSION.partition(".")[0])


class EventLine(msgspec.Struct, frozen=True, gc=False):
    """An event as it stands in a line, its data still undecoded."""

    stream: str
    version: Count
    type: str
    data: msgspec.Raw


class CommitLine(msgspec.Struct, frozen=True, gc=False):
    """A commit as it stands in a line, the data of its events still undecoded."""

    position: Count
    at: Instant
    by: str
    command: str
    events: Annotated[list[EventLine], msgspec.Meta(min_length=1)]
    meta: Mapping[str, Any] = {}

    @property
    def last(self) -> int:
        """The position of its last event."""
        return self.position + len(self.events) - 1


def knows_data(line: CommitLine) -> bool:
    """Whether the data of a line's events were decoded with it."""
    return type(line) is not CommitLine


def _type_and_data(event: EventLine) -> tuple[str, Any]:
    return event.type, event.data


_commit_decoder = msgspec.json.Decoder(CommitLine)
_decode_header = msgspec.json.Decoder(Header).decode
_encode = msgspec.json.encode


def verified_digest(previous: bytes, line: bytes) -> bytes:
    """The sum of a line, given without its LF, that must follow the line with sum `previous`; raises `InvalidLine`."""
    if not continues(previous, line):
        raise InvalidLine(BROKEN)
    return last_digest(line + b"\n")


def decode_line(line: bytes) -> CommitLine:
    """The commit in a line, given without its LF, whose sum was found to match; raises `InvalidLine`."""
    try:
        line.decode()
        return _commit_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidLine(f"no commit of format {VERSION}: {error}") from error


class _Beginning(msgspec.Struct, frozen=True, gc=False):
    position: int
    command: str


_decode_beginning = msgspec.json.Decoder(_Beginning).decode


def command_in(line: bytes) -> tuple[int, str]:
    """The position and the command id in a line, given without its LF, that was once verified."""
    beginning = line[: line.find(b',"events":[')]  # a commit may hold more events than it is worth looking at
    try:
        read = _decode_beginning(beginning + b"}")
    except (msgspec.MsgspecError, UnicodeDecodeError):  # another writer had another order of fields, or that in a text
        read = _decode_beginning(line)
    return read.position, read.command


def decode_lines(chunk: bytes, decoder: "msgspec.json.Decoder[CommitLine]" = _commit_decoder) -> list[CommitLine]:
    """What `decode_line` gives for each of the lines in a chunk, in a third less time; raises `InvalidLine`."""
    try:
        if not chunk.isascii():
            chunk.decode()  # what is left raw is not looked at otherwise
        return decoder.decode_lines(chunk)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidLine(f"no commit of format {VERSION}: {error}") from error


def encode_header(header: Header) -> bytes:
    """The first line of a log."""
    return chain_line(NO_DIGEST, _encode(header))


def decode_header(line: bytes) -> tuple[Header, bytes]:
    """The header in the first line, and its sum.

    The first line of a newer format is taken as it is: its sum is not checked, and what it lacks is empty. Raises
    `InvalidLine` for what is no header.
    """
    try:
        header = _decode_header(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        newer = _newer_header(line)
        if newer is not None:
            return newer, digest_in(line) or NO_DIGEST
        raise InvalidLine(f"no header of a log: {error}") from error
    if header.format != FORMAT:
        raise InvalidLine(f"no header of a log: its format is {header.format!a}")
    if header.newer:
        return header, digest_in(line) or NO_DIGEST  # a newer format may seal its lines in another way
    return header, verified_digest(NO_DIGEST, line)


class _NewerHeader(msgspec.Struct, frozen=True):
    """What any later format keeps of the first line, as far as this code can rely on it."""

    format: str
    version: str
    id: Any = None
    name: Any = None
    created: Any = None


_decode_newer_header = msgspec.json.Decoder(_NewerHeader).decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _newer_header(line: bytes) -> Header | None:
    """The header in a first line of a newer format, whatever else that format has changed; None for any other line."""
    try:
        read = _decode_newer_header(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    header = Header(read.format, read.version, _text(read.id), _text(read.name), _EPOCH)
    return header if header.format == FORMAT and header.newer else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def read_header(line: bytes) -> Header | None:
    """The header that a line holds, whatever its sum; None where it holds none."""
    try:
        header = _decode_header(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return header if header.format == FORMAT else None


def log_in(line: bytes) -> Header | None:
    """The header that a line holds, whatever its sum and its version; None if it holds none."""
    return read_header(line) or _newer_header(line)


class Codec:
    """Commits as lines and back, for an application's event types."""

    def __init__(self, types: EventTypes) -> None:
        self._types = types
        self._decoders: dict[str, Callable[[msgspec.Raw], Any]] = {}
        self._passed = 0  # bytes of lines, decoded many at a time

    def encode(self, commit: Commit, previous: bytes) -> tuple[bytes, Commit]:
        """The line, with its LF, of a commit that follows the line with sum `previous`, and the commit read back from it.

        Raises `ValueError` for a commit that would not be read back as it is: what is no JSON, or changes in JSON.
        """
        meta = commit.metadata
        try:
            events = [
                EventLine(event.stream, event.version, event.type, msgspec.Raw(_encode(event.data)))
                for event in commit.events
            ]
            document = _encode(CommitLine(commit.position, meta.at, meta.by, meta.command, events, meta.meta))
            line, sum = with_digest(previous, document)
            recorded = self.commit(decode_line(document), sum)
        except (InvalidLine, UnicodeEncodeError, RecursionError, TypeError) as error:
            raise ValueError(f"cannot be recorded: {error}") from error
        if recorded.events != commit.events:
            raise ValueError("cannot be recorded: JSON would change it")
        return line, recorded

    def decode_lines(self, chunk: bytes) -> list[CommitLine]:
        """What the function of this name gives; in the long run, where all types are known, with the events' data decoded.

        So it takes a fifth less to read them. Raises `InvalidLine`.
        """
        self._passed += len(chunk)
        if self._passed > _LONG and self._types.types:
            with suppress(InvalidLine):
                return decode_lines(chunk, self._typed_decoder)
        return decode_lines(chunk)

    @cached_property
    def _typed_decoder(self) -> "msgspec.json.Decoder[CommitLine]":
        """A decoder that takes the data of an event by its type, and fails where that, or what it says, is not known."""
        events = tuple(
            msgspec.defstruct(
                "TypedEventLine",
                [("stream", str), ("version", Count), ("data", data)],
                tag_field="type",
                tag=type,
                namespace={"type": type},
                frozen=True,
                gc=False,
            )
            for type, data in self._types.types.items()
        )
        lines = [("events", Annotated[list[Union[events]], msgspec.Meta(min_length=1)])]  # type: ignore[valid-type]  # noqa: UP007  # made here
        typed = msgspec.defstruct("TypedCommitLine", lines, bases=(CommitLine,), frozen=True, gc=False, kw_only=True)
        return msgspec.json.Decoder(typed)

    def commits(self, lines: Iterable[CommitLine], sums: Iterable[bytes]) -> list[Commit]:
        """What `commit` gives for each of some lines with their sums."""
        return list(map(self.commit, lines, sums))

    def commit(self, line: CommitLine, sum: bytes) -> Commit:
        """The commit that was decoded from a line with that sum, its events decoded too."""
        metadata = Metadata(line.at, line.by, line.command, line.meta)
        decoded = _type_and_data if knows_data(line) else self._decoded
        events = [
            Recorded(position, event.stream, event.version, *decoded(event), metadata)
            for position, event in enumerate(line.events, line.position)
        ]
        return Commit(tuple(events), metadata, sum.decode())

    def _decoded(self, event: EventLine) -> tuple[str, Any]:
        """The newest type of an event, and its data.

        Raw where this code does not know its type, or a newer one gave the type other data.
        """
        type = event.type
        try:
            data = (self._decoders.get(type) or self._decoder(type))(event.data)
        except (KeyError, msgspec.ValidationError, RecursionError):
            return type, UnknownEvent(type, bytes(event.data))
        return self._types.newest.get(type, type), data

    def _decoder(self, type: str) -> Callable[[msgspec.Raw], Any]:
        """Made when the first event of a type is met: a log has many types, and most runs meet few. Raises `KeyError`."""
        newest = self._types.newest.get(type)
        if newest is None:
            self._decoders[type] = msgspec.json.Decoder(self._types.types[type]).decode
        else:
            self._decoders[type] = partial(self._upcast, type, self._types.types[newest])
        return self._decoders[type]

    def _upcast(self, older: str, newest: type, data: msgspec.Raw) -> Any:
        return msgspec.convert(self._types.upcast(older, msgspec.json.decode(data)), newest)
