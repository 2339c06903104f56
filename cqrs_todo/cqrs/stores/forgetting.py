"""Forgetting streams in the lines of a log: a function of the lines and the streams, so that copies stay the same."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, TypeAlias

import msgspec

from ..errors import ReadOnlyLog
from ..events import FORGOTTEN, REPAIRED
from ..forgetting import MEMBERS_BY_STREAM, absent_among, kept_meta, names_streams
from .format import CommitLine, EventLine, decode_header, decode_line, ids_in, verified_digest
from .hash_chain import DIGEST_MEMBER_LENGTH, NO_DIGEST, chain_line, last_digest

_Members: TypeAlias = dict[str, msgspec.Raw]
"""A JSON object whose values are still encoded. What is not forgotten keeps its bytes, also what this code does not know."""

_members = msgspec.json.Decoder(_Members).decode
_events = msgspec.json.Decoder(list[_Members]).decode
_encode = msgspec.json.encode
_NOTHING = msgspec.Raw(b"{}")
_FORGOTTEN = msgspec.Raw(_encode(FORGOTTEN))


class Forgotten(NamedTuple):
    """The lines of a log after streams were forgotten in it.

    Attributes:
        log: The id of the log.
        lines: The lines, each with its LF. The first one is the header.
        changed: The positions of the commits that lost data now.
        ids: The ids of all events that are forgotten, as they are recorded.
        events: How many events lost their data now.
        absent: Those of the streams in which the log has no events.
    """

    log: str
    lines: list[bytes]
    changed: list[int]
    ids: set[str]
    events: int
    absent: tuple[str, ...] = ()


def forget_lines(name: str, lines: Iterable[bytes], streams: Collection[str]) -> Forgotten:
    """Replace the data of the events of some streams by nothing, everywhere in a log, and rebuild the hash chain.

    The header then names these streams beside those that it named before. An event keeps its position, stream and version. A
    commit keeps its position, time, author and command id, and the members of `meta` that hold no text.

    Args:
        name: The name of the log, for the errors.
        lines: All lines of the log, each with its LF.
        streams: The names of the streams.

    Returns:
        The new lines. They are the old ones if all this had been forgotten before.

    Raises:
        StreamNotFound: The log has no events in any of these streams, or has none in one whose name no stream can have.
        ReadOnlyLog: The log has a newer format.
        InvalidLine: A line is wrong.
    """
    forgotten, found = _forget(name, lines, streams)
    return forgotten._replace(absent=absent_among(name, streams, found))


def forget_in_copy(lines: Iterable[bytes], streams: Collection[str]) -> list[bytes]:
    """Return the lines of a copy of a log after the streams were forgotten in it that another copy names as forgotten.

    Args:
        lines: All lines of the copy, each with its LF. It need not have events in any of the streams.
        streams: The names of the streams.
    """
    forgotten, _ = _forget("a copy", lines, streams)
    return forgotten.lines


def _forget(name: str, lines: Iterable[bytes], streams: Collection[str]) -> tuple[Forgotten, set[str]]:
    """Forget streams as `forget_lines` does, and return also those of them in which the log has events."""
    rest = iter(lines)
    first = next(rest, b"")
    header, digest = decode_header(first[:-1])
    if header.newer:
        raise ReadOnlyLog(f"{name}: its format {header.version} is newer than this program's")
    forgotten = {*header.forgotten, *streams}
    result = [first if forgotten == {*header.forgotten} else _header_naming(forgotten, first)]
    changed = []
    ids: set[str] = set()
    events = 0
    found: set[str] = set()
    for line in rest:
        digest = verified_digest(digest, line[:-1])
        commit = decode_line(line[:-1])
        body = line[: -DIGEST_MEMBER_LENGTH - 1] + b"}"
        new = _forgotten_in(commit, line, forgotten) or body
        if new != body:
            changed.append(commit.position)
            events += sum(event.stream in forgotten and not _is_forgotten(event) for event in commit.events)
        if any(event.stream in forgotten for event in commit.events):
            ids |= {id for id, event in zip(ids_in(commit), commit.events, strict=True) if event.stream in forgotten}
        found |= {event.stream for event in commit.events if event.stream in streams}
        result.append(chain_line(last_digest(result[-1]), new))
    return Forgotten(header.id, result, changed, ids, events), found


def _header_naming(forgotten: Collection[str], line: bytes) -> bytes:
    members = _without_digest(line)
    members["forgotten"] = msgspec.Raw(_encode(sorted(forgotten)))
    return chain_line(NO_DIGEST, _encode(members))


def _without_digest(line: bytes) -> _Members:
    members = _members(line)
    del members["sum"]
    return members


def _forgotten_in(commit: CommitLine, line: bytes, forgotten: Collection[str]) -> bytes | None:
    """Return the JSON object of a commit without the data of forgotten events; None if it has nothing to do with them.

    Args:
        commit: The commit.
        line: Its line, with its LF.
        forgotten: The streams that are forgotten.
    """
    concerned = any(event.stream in forgotten for event in commit.events)
    by_stream = names_streams(commit.meta, forgotten)
    if not concerned and not by_stream and all(event.type != REPAIRED for event in commit.events):
        return None
    members = _without_digest(line)
    if concerned:  # members that this code does not know may hold what is forgotten
        members = {name: value for name, value in members.items() if name in CommitLine.__struct_fields__}
    if concerned or by_stream:
        meta = _members(members.get("meta", _NOTHING))
        meta = _without_streams(kept_meta(meta) if concerned else meta, forgotten)
        members["meta"] = msgspec.Raw(_encode(meta))
        if not meta:
            del members["meta"]
    members["events"] = msgspec.Raw(
        _encode(
            [
                _forgotten_event(encoded) if event.stream in forgotten else _kept_event(event, encoded)
                for event, encoded in zip(commit.events, _events(members["events"]), strict=True)
            ]
        )
    )
    return _encode(members)


def _without_streams(meta: _Members, forgotten: Collection[str]) -> _Members:
    """Return the `meta` of a commit whose members by stream hold nothing of forgotten streams."""
    kept = dict(meta)
    for name in MEMBERS_BY_STREAM & meta.keys():
        try:
            values = _members(meta[name])
        except msgspec.ValidationError:  # another program wrote it in another form, which may hold what is forgotten
            values = {}
        left = {stream: value for stream, value in values.items() if stream not in forgotten}
        if not left:
            del kept[name]
        elif len(left) < len(values):
            kept[name] = msgspec.Raw(_encode(left))
    return kept


def _forgotten_event(event: _Members) -> _Members:
    return {"stream": event["stream"], "version": event["version"], "type": _FORGOTTEN, "data": _NOTHING}


def _kept_event(event: EventLine, encoded: _Members) -> _Members:
    """Return an event of another stream. Only that of a repair changes: it may hold a digest of what is forgotten now."""
    if event.type != REPAIRED:
        return encoded
    try:
        data = _members(event.data)
    except msgspec.ValidationError:  # another program wrote it in another form
        return encoded
    return {**encoded, "data": msgspec.Raw(_encode({name: value for name, value in data.items() if name != "head"}))}


def _is_forgotten(event: EventLine) -> bool:
    return event.type == FORGOTTEN and bytes(event.data) == bytes(_NOTHING) and not event.tags
