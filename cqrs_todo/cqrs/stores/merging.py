"""Merging the lines of two copies of a log: a function of the lines, so that both sides of a merge write the same bytes."""

from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from typing import Any

import msgspec

from ..cursor import Cursor
from ..decider import C, E, S
from ..errors import ReadOnlyLog
from ..events import MERGED, Commit, EventTypes, Recorded, UnknownEvent
from ..operation_errors import DifferentLogs, UnreadableCopy
from ..replication import Conflict, Copy, Merged, MergeRules, MergeTerms, merge
from ..struct import Struct, replace
from .chain import Versions, Walk
from .forgetting import forget_in_copy
from .format import Codec, CommitLine, EventLine, Header, InvalidLine, decode_header, decode_lines
from .hash_chain import digest_in, last_digest, with_digest
from .rechaining import with_header_of

_encode = msgspec.json.encode
_CHUNK = 500
"""How many lines are verified together."""


class CopyLines(Struct, frozen=True):
    """A copy of a log.

    Attributes:
        lines: All lines, each with its LF. What is forgotten in the other copy is forgotten in them, too.
        commits: Its commits.
        forgotten: The streams that were forgotten in it before.
    """

    lines: tuple[bytes, ...]
    commits: tuple[Commit, ...]
    forgotten: tuple[str, ...]


class MergedLines(Struct, frozen=True, kw_only=True):
    """The lines of a merge.

    Attributes:
        log: The id of the log.
        lines: All lines, each with its LF.
        base: How many commits the two copies begin with.
        trunk: Which copy is the trunk: 0 or 1.
        copies: The two copies.
        added: The commits behind those of the trunk.
        forgotten: The streams that are forgotten in either copy.
        conflicts: The conflicts.
    """

    log: str
    lines: tuple[bytes, ...]
    base: int
    trunk: int
    copies: tuple[CopyLines, CopyLines]
    added: tuple[Commit, ...]
    forgotten: tuple[str, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def commits(self) -> tuple[Commit, ...]:
        """All commits of the merge. The data of their `merged` events are `Merged`."""
        return (*self.copies[self.trunk].commits, *self.added)

    @property
    def base_position(self) -> int:
        """The position of the last event that both copies begin with."""
        return self.commits[self.base - 1].last if self.base else 0

    @property
    def end(self) -> Cursor:
        """The cursor behind the last line."""
        commits = self.added or self.copies[self.trunk].commits
        return Cursor(
            commits[-1].last if commits else 0, len(self.lines), sum(map(len, self.lines)), last_digest(self.lines[-1])
        )


class _MergedLine(msgspec.Struct, frozen=True):
    """The data of a `merged` event in a line."""

    type: str
    data: dict[str, Any]


_decode_merged = msgspec.json.Decoder(_MergedLine).decode


def merge_lines(
    one: Sequence[bytes],
    other: Sequence[bytes],
    types: EventTypes,
    rules: MergeRules[S, C, E],
    *,
    held: tuple[int, int] = (0, 0),
    hub: int | None = None,
) -> MergedLines:
    """Merge the lines of two copies of a log.

    The streams that are forgotten in one of them are forgotten in the other one first.

    Args:
        one: All lines of a copy, each with its LF. They were verified before.
        other: All lines of the other copy. Those that the first copy does not have are verified.
        types: The registered events.
        rules: What the merge has to know of the domain.
        held: How many commits of each copy are known to be on a hub.
        hub: Which of the two is a hub, 0 or 1. None: neither.

    Raises:
        DifferentLogs: They are copies of different logs.
        CannotMerge: They hold events that this code does not know.
        ReadOnlyLog: One of them has a newer format.
        UnreadableCopy: A line of the other copy is wrong.
    """
    headers = [_header_of(one), _header_of(other)]
    if headers[0].id != headers[1].id:
        raise DifferentLogs("it is a copy of another log")
    forgotten = sorted({*headers[0].forgotten, *headers[1].forgotten})
    reader = _Lines(types, rules)
    first = _without(one, headers[0], forgotten)
    commits = tuple(reader.commits(first[1:]))
    _verify_copy(other, commits[: max(0, _shared(one, other) - 1)])
    second = _without(other, headers[1], forgotten)
    shared = _shared(first[1:], second[1:])
    both = (
        CopyLines(tuple(first), commits, headers[0].forgotten),
        CopyLines(tuple(second), (*commits[:shared], *reader.commits(second[1 + shared :])), headers[1].forgotten),
    )
    ours, theirs = (Copy(copy.lines[0], copy.commits, count) for copy, count in zip(both, held, strict=True))
    merged = merge(ours, theirs, rules, hub=None if hub is None else (ours, theirs)[hub])
    trunk = 0 if merged.trunk is ours else 1
    lines = (*both[trunk].lines, *reader.encode(merged.added, both[trunk].lines[-1]))
    _verify(lines, both[trunk].commits)  # what is wrong must not replace what is right
    return MergedLines(
        log=headers[0].id,
        lines=lines,
        base=merged.base,
        trunk=trunk,
        copies=both,
        added=merged.added,
        forgotten=tuple(forgotten),
        conflicts=merged.conflicts,
    )


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Count the lines that two copies begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _verify_copy(lines: Sequence[bytes], known: Sequence[Commit]) -> None:
    """Verify the lines of another copy; see `_verify`.

    Raises:
        UnreadableCopy: A line is wrong.
    """
    try:
        _verify(lines, known)
    except InvalidLine as error:
        raise _unreadable(error) from error


def _verify(lines: Sequence[bytes], known: Sequence[Commit]) -> None:
    """Verify the lines of a log after some that were verified before.

    Args:
        lines: All lines, each with its LF.
        known: The commits in the first lines, which were verified before, as the header was.

    Raises:
        InvalidLine: A line is wrong.
    """
    versions = Versions()
    versions.set(known[-1].last if known else 0, {event.stream: event.version for each in known for event in each.events})
    walk = Walk(Cursor(versions.position, digest=last_digest(lines[len(known)])), versions.advance, decode_lines)
    chunks = (b"".join(lines[start : start + _CHUNK]) for start in range(len(known) + 1, len(lines), _CHUNK))
    if not lines[-1].endswith(b"\n"):
        raise InvalidLine("its last line has no end")
    for _ in walk.over(chunks):
        pass


def _header_of(lines: Sequence[bytes]) -> Header:
    """Return the header of a copy, verified.

    Raises:
        UnreadableCopy: The first line is not a header.
        ReadOnlyLog: It has a newer format.
    """
    try:
        header, _ = decode_header(b"".join(lines[:1]).removesuffix(b"\n"))
    except InvalidLine as error:
        raise _unreadable(error) from error
    if header.newer:
        raise ReadOnlyLog(f"its format {header.version} is newer than this program's")
    return header


def _unreadable(error: InvalidLine) -> UnreadableCopy:
    return UnreadableCopy(f"it cannot be read: {error}")


def merge_on_terms(
    ours: Sequence[bytes], theirs: Sequence[bytes], types: EventTypes, rules: MergeRules[S, C, E], terms: MergeTerms
) -> MergedLines:
    """Merge the lines of another copy into those of a log; the arguments and errors are those of `merge_lines`.

    Args:
        ours: All lines of the log.
        theirs: All lines of the other copy.
        types: The registered events.
        rules: What the merge has to know of the domain.
        terms: What the other copy is to the log.
    """
    if terms.join:  # this changes the digests, so they must be right before
        _header_of(theirs)
        _verify_copy(theirs, ())
    if terms.join == "theirs":
        ours = with_header_of(ours, theirs[0])
    elif terms.join == "ours":
        theirs = with_header_of(theirs, ours[0])
    held = _held(ours, terms.marks), _held(theirs, terms.marks)
    return merge_lines(ours, theirs, types, rules, held=held, hub=1 if terms.hub else None)


def _held(lines: Sequence[bytes], marks: frozenset[str]) -> int:
    """Return how many commits of a copy are known to be on a hub."""
    if not marks:
        return 0
    return next((place for place in range(len(lines) - 1, 0, -1) if last_digest(lines[place]).decode() in marks), 0)


def _without(lines: Sequence[bytes], header: Header, forgotten: Collection[str]) -> Sequence[bytes]:
    """Return the lines of a copy after some streams were forgotten in it."""
    return lines if set(header.forgotten) == set(forgotten) else forget_in_copy(lines, forgotten)


def with_wanted(commit: Commit, types: EventTypes, rules: MergeRules[Any, Any, Any]) -> Commit:
    """Return a commit in which the data of the `merged` events are `Merged`, unless a newer program wrote them."""

    def known(event: Recorded) -> Recorded:
        if event.type != MERGED or not isinstance(event.data, UnknownEvent):
            return event
        try:
            read = _decode_merged(event.data.data)
            wanted: Any = msgspec.convert({**rules.old_values.get(read.type, {}), **read.data}, types.types[read.type])
        except (msgspec.MsgspecError, KeyError):
            return event
        return replace(event, data=Merged(wanted))

    if all(event.type != MERGED for event in commit.events):
        return commit
    return replace(commit, events=tuple(map(known, commit.events)))


class _Lines:
    """Decodes the lines of copies, and encodes those that a merge adds."""

    def __init__(self, types: EventTypes, rules: MergeRules[Any, Any, Any]) -> None:
        self._types = types
        self._codec = Codec(types)
        self._rules = rules

    def commits(self, lines: Sequence[bytes]) -> Iterator[Commit]:
        decoded = self._codec.decode_lines(b"".join(lines))
        for line, text in zip(decoded, lines, strict=True):
            yield with_wanted(self._codec.commit(line, digest_in(text[:-1]) or b""), self._types, self._rules)

    def encode(self, commits: Sequence[Commit], previous: bytes) -> Iterator[bytes]:
        digest = digest_in(previous[:-1]) or b""
        for commit in commits:
            events = [
                EventLine(event.stream, event.version, event.type, msgspec.Raw(self._data(event)), event.tags)
                for event in commit.events
            ]
            metadata = commit.metadata
            line = CommitLine(commit.position, metadata.at, metadata.by, metadata.command, events, metadata.meta)
            text, digest = with_digest(digest, _encode(line))
            yield text

    def _data(self, event: Recorded) -> bytes:
        if isinstance(event.data, UnknownEvent):
            return event.data.data
        if not isinstance(event.data, Merged):
            return _encode(event.data)
        wanted = event.data.event
        type = self._types.name_of(wanted)
        old = self._rules.old_values.get(type, {})
        members = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if name not in old}
        return _encode({"type": type, "data": members})
