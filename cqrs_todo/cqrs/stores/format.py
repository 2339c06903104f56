"""Format 1 of the log, byte for byte: a header line, and then a line for each commit. docs/log-format.md describes it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from operator import attrgetter
from typing import Annotated, Any, Union

import msgspec

from ..errors import CqrsError, UnreadableEvent, Unrecordable
from ..events import CREATION, EXTRA, Commit, EventTypes, Metadata, Recorded, UnknownEvent, check_aware
from .hash_chain import NO_DIGEST, chain_line, continues, digest_in, last_digest, with_digest

FORMAT = "cqrs-log"
VERSION = "1.0"

_LONG = 1 << 18
"""After how many bytes of lines one decoder for all types of events is made, which takes a millisecond."""
BROKEN = "its digest does not match: it was altered, or a line before it is missing"

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class InvalidLine(CqrsError):
    """A line is not what format 1 says. The message says why, as the end of a sentence that begins with "line 12: "."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a log.

    Attributes:
        format: `FORMAT`.
        version: The version of the format.
        id: The id of the log.
        name: The name under which the log was made.
        created: When it was made.
        forgotten: The streams whose events were forgotten.
    """

    format: str
    version: str
    id: str
    name: str
    created: Instant
    forgotten: tuple[str, ...] = ()

    @property
    def newer(self) -> bool:
        """Whether the file has a later major version of the format. This code never writes to such a file."""
        major, present = self.version.partition(".")[0], VERSION.partition(".")[0]
        if major == present:
            return False
        import re  # few logs have another version

        return not re.fullmatch("[0-9]{1,9}", major) or int(major) > int(present)

    def forgets_more_than(self, earlier: "Header") -> bool:
        """Return whether this header and an earlier one are of the same log, in which streams were forgotten meanwhile."""
        return self.id == earlier.id and set(self.forgotten) > set(earlier.forgotten)


class EventLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An event in a line, with its data still encoded."""

    stream: str
    version: Count
    type: str
    data: msgspec.Raw
    tags: tuple[str, ...] = ()


class CommitLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A commit in a line, with the data of its events still encoded."""

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
    """Return whether the data of a line's events were decoded with it."""
    return type(line) is not CommitLine


def _type_and_data(event: EventLine, _position: int) -> tuple[str, Any]:
    return event.type, event.data


_commit_decoder = msgspec.json.Decoder(CommitLine)
_decode_header = msgspec.json.Decoder(Header).decode
_encode = msgspec.json.encode


def verified_digest(previous: bytes, line: bytes) -> bytes:
    """Return the digest of a line, without its LF, that must continue the chain after the digest `previous`.

    Raises:
        InvalidLine: It does not.
    """
    if not continues(previous, line):
        raise InvalidLine(BROKEN)
    return last_digest(line + b"\n")


def decode_line(line: bytes) -> CommitLine:
    """Decode a line, without its LF, of which the digest was verified.

    Raises:
        InvalidLine: It holds no commit.
    """
    try:
        line.decode()
        return _commit_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidLine(f"no commit of format {VERSION}: {error}") from error


def event_ids(lines: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the position and the id of each event in lines. Lines that hold no commit are left out."""
    for line in lines:
        with suppress(InvalidLine):
            commit = decode_line(line)
            yield from enumerate(ids_in(commit), commit.position)


def ids_in(commit: CommitLine) -> list[str]:
    """Return the ids of the events of a commit, as they are recorded; see `Recorded.recorded_id`."""
    ordinals = Metadata(commit.at, commit.by, commit.command, commit.meta).ordinals(len(commit.events))
    return [f"{commit.command}/{ordinal}" for ordinal in ordinals]


_own = attrgetter(*(name for name in Recorded.__struct_fields__ if name != "metadata"))
"""What an event has besides its metadata."""


def decode_lines(chunk: bytes, decoder: "msgspec.json.Decoder[CommitLine]" = _commit_decoder) -> list[CommitLine]:
    """Decode the lines in a chunk of bytes together, which is faster than `decode_line` for each.

    Raises:
        InvalidLine: One of them holds no commit.
    """
    try:
        if not chunk.isascii():
            chunk.decode()  # msgspec does not check the bytes of the data that it leaves encoded
        return decoder.decode_lines(chunk)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidLine(f"no commit of format {VERSION}: {error}") from error


def encode_header(header: Header) -> bytes:
    """Encode the first line of a log, with its LF.

    Raises:
        ValueError: The time of its creation is naive.
    """
    check_aware(CREATION, header.created)
    return chain_line(NO_DIGEST, _encode(header))


def decode_header(line: bytes) -> tuple[Header, bytes]:
    """Decode the first line of a log.

    The digest of a newer format is not checked, and what its header lacks is empty.

    Args:
        line: The line, without its LF.

    Returns:
        The header, and the digest of the line.

    Raises:
        InvalidLine: It is not the header of a log.
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
        return header, digest_in(line) or NO_DIGEST  # a newer format may have digests of another kind
    return header, verified_digest(NO_DIGEST, line)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEADER_TEXTS = ("format", "version", "id", "name")


def _newer_header(line: bytes) -> Header | None:
    """Return the header in the first line of a newer format; None for any other line."""
    try:
        read = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    format, version, id, name = (value if isinstance(value := read.get(key), str) else "" for key in _HEADER_TEXTS)
    header = Header(format, version, id, name, _EPOCH)
    return header if format == FORMAT and version and header.newer else None


def read_header(line: bytes) -> Header | None:
    """Return the header in a line, whatever its digest is; None if it holds none."""
    try:
        header = _decode_header(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return header if header.format == FORMAT else None


def log_in(line: bytes) -> Header | None:
    """Return the header in a line, whatever its digest and its version are; None if it holds none."""
    return read_header(line) or _newer_header(line)


class Codec:
    """Encodes commits as lines and decodes them, for the events of an application."""

    def __init__(self, types: EventTypes) -> None:
        """Encode and decode registered events.

        Args:
            types: The registered events.
        """
        self._types = types
        self._decoders: dict[str, Callable[[msgspec.Raw], Any]] = {}
        self._passed = 0  # bytes of lines, decoded many at a time

    def encode(self, commit: Commit, previous: bytes) -> tuple[bytes, Commit]:
        """Encode a commit.

        Args:
            commit: The commit.
            previous: The digest of the line before it.

        Returns:
            The line, with its LF, and the commit as it is when it is decoded again.

        Raises:
            Unrecordable: It cannot be encoded, or would be another commit when it is decoded again.
        """
        meta = commit.metadata
        try:
            events = [
                EventLine(event.stream, event.version, event.type, msgspec.Raw(_encode(event.data)), event.tags)
                for event in commit.events
            ]
            document = _encode(CommitLine(commit.position, meta.at, meta.by, meta.command, events, meta.meta))
            line, sum = with_digest(previous, document)
            recorded = self.commit(decode_line(document), sum)
        except (InvalidLine, UnreadableEvent, RecursionError, TypeError, ValueError) as error:
            raise Unrecordable(f"cannot be recorded: {_not_encoded(commit)}{error}") from error
        # their metadata, which all of them share, are compared once: they may hold something for each event
        if recorded.metadata != meta or [*map(_own, recorded.events)] != [*map(_own, commit.events)]:
            raise Unrecordable(f"cannot be recorded: {_changed(commit, recorded)}")
        return line, recorded

    def decode_lines(self, chunk: bytes) -> list[CommitLine]:
        """Decode the lines in a chunk of bytes.

        After `_LONG` bytes the data of the events are decoded together with the lines, if all types are known. Reading the
        commits is faster then.

        Raises:
            InvalidLine: One of them holds no commit.
        """
        self._passed += len(chunk)
        if self._passed > _LONG and self._types.types:
            # a class of the application can raise anything: its event is then decoded alone, and the error names it
            with suppress(Exception):
                return decode_lines(chunk, self._typed_decoder)
        return decode_lines(chunk)

    @cached_property
    def _typed_decoder(self) -> "msgspec.json.Decoder[CommitLine]":
        """A decoder that decodes the data of each event by its type. It fails if a type is unknown, or has other data."""
        events = tuple(
            msgspec.defstruct(
                "TypedEventLine",
                [("stream", str), ("version", Count), ("data", data), ("tags", tuple[str, ...], ())],
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

    def commit(self, line: CommitLine, sum: bytes, *, whole: bool = True) -> Commit:
        """Make the commit of a decoded line with its digest.

        Args:
            line: The line.
            sum: Its digest.
            whole: Whether each event must be readable. Otherwise one that is not becomes an `UnknownEvent` with the failure.

        Raises:
            UnreadableEvent: The application's code for an event failed, such as its upcaster.
        """
        metadata = Metadata(line.at, line.by, line.command, line.meta)
        decoded = _type_and_data if knows_data(line) else self._decoded if whole else self._decoded_or_failed
        before = line.position - 1
        events = [
            Recorded(
                position, event.stream, event.version, *decoded(event, position), metadata, position - before, event.tags
            )
            for position, event in enumerate(line.events, line.position)
        ]
        if EXTRA in line.meta:
            ordinals = metadata.ordinals(len(events))
            events = [msgspec.structs.replace(event, ordinal=ordinals[place]) for place, event in enumerate(events)]
        if self._types.splits:
            events = [part for event in events for part in _parts(event)]
        return Commit(tuple(events), metadata, sum.decode())

    def as_read_now(self, event: object) -> Iterator[list[Any]]:
        """Yield what an event would be read as, if it had been recorded with one of the older types.

        It is for an event of a class that an earlier version of the application had. Nobody knows any more which type string
        that class had, so there may be several results.

        Args:
            event: The event. If its class is registered, nothing is yielded.
        """
        if type(event) in self._types.types.values():
            return
        with suppress(Exception):  # what cannot be encoded was never recorded
            data = msgspec.Raw(_encode(event))
            for older in self._types.newest:
                with suppress(Exception):  # an upcaster may raise anything if the event was not of its type
                    yield [made for _, made in self._upcast(older, data)]

    def _decoded(self, event: EventLine, position: int) -> tuple[str, Any]:
        """Return the newest type of an event, and its data.

        The data are an `UnknownEvent` if this code does not know the type, or if they do not fit the type.

        Raises:
            UnreadableEvent: The upcaster or the class of the type failed, or what the upcaster made does not fit the newer
                type.
        """
        type = event.type
        decode = self._decoders.get(type) or self._decoder(type)
        if decode is None:
            return type, UnknownEvent(type, bytes(event.data))
        try:
            data = decode(event.data)
        except Exception as error:  # upcasters and classes are code of the application, and may raise anything
            if type in self._types.newest:
                raise UnreadableEvent(position, event.stream, type, error) from error
            if not isinstance(error, (msgspec.ValidationError, RecursionError)):
                raise UnreadableEvent(position, event.stream, type, error, by="the class") from error
            return type, UnknownEvent(type, bytes(event.data), str(error))
        if type not in self._types.newest:
            return type, data
        ((newest, made), *more) = data
        return (newest, made) if not more else (type, _Several(data))

    def _decoded_or_failed(self, event: EventLine, position: int) -> tuple[str, Any]:
        """Do the same, but return an `UnknownEvent` with the failure instead of raising it."""
        try:
            return self._decoded(event, position)
        except UnreadableEvent as error:
            return event.type, UnknownEvent(event.type, bytes(event.data), str(error), error)

    def _decoder(self, type: str) -> Callable[[msgspec.Raw], Any] | None:
        """Make the decoder of a type when its first event is read, because most runs read events of few types.

        Returns:
            The decoder; None if the type is unknown.
        """
        if type in self._types.newest:
            self._decoders[type] = partial(self._upcast, type)
        elif type in self._types.types:
            self._decoders[type] = msgspec.json.Decoder(self._types.types[type]).decode
        else:
            return None
        return self._decoders[type]

    def _upcast(self, older: str, data: msgspec.Raw) -> list[tuple[str, Any]]:
        """Return the newest types, and the events, that an event of an older type becomes."""
        made = self._types.upcast(older, msgspec.json.decode(data))
        return [(newest, msgspec.convert(each, self._types.types[newest])) for newest, each in made]


def _not_encoded(commit: Commit) -> str:
    """Return where in a commit the first value is that cannot be encoded, as the beginning of a sentence; '' if all can."""
    for event in commit.events:
        if not _can_be_encoded(event.data):
            wrong = [name for name in _fields(event.data) if not _can_be_encoded(getattr(event.data, name))]
            return f"{'.'.join([event.type, *wrong[:1]])}: "
    return "" if _can_be_encoded(commit.metadata.meta) else "the metadata: "


def _can_be_encoded(value: Any) -> bool:
    try:
        _encode(value)
    except (RecursionError, TypeError, ValueError):
        return False
    return True


def _changed(commit: Commit, recorded: Commit) -> str:
    """Return, in words, what would be another value if a commit were decoded again."""
    for event, read in zip(commit.events, recorded.events, strict=False):
        if isinstance(read.data, UnknownEvent):
            why, at, field = read.data.misfit.partition(" - at `$")
            return f"{event.type}{field.rstrip('`') if at else ''}: {why}"
        if read.data != event.data:
            wrong = [name for name in _fields(event.data) if getattr(event.data, name) != getattr(read.data, name, None)]
            return f"JSON would change {'.'.join([event.type, *wrong[:1]])}"
    return "JSON would change the metadata" if commit.metadata != recorded.metadata else "JSON would change it"


def _fields(data: Any) -> Iterable[str]:
    """Return the names of the fields of an event; none if its class is of an unusual kind."""
    fields: Iterable[str] = getattr(data, "__struct_fields__", getattr(data, "__dataclass_fields__", ()))
    return fields


class _Several(msgspec.Struct, frozen=True):
    """The events, with their types, that were made of one event."""

    events: list[tuple[str, Any]]


def _parts(event: Recorded) -> Sequence[Recorded]:
    """Return an event, or those that were made of it."""
    if not isinstance(event.data, _Several):
        return (event,)
    return [
        msgspec.structs.replace(event, type=type, data=data, part=part)
        for part, (type, data) in enumerate(event.data.events)
    ]
